#ifndef MELE_DATA_NPZ_FORMAT_H
#define MELE_DATA_NPZ_FORMAT_H

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>

/* A zip archive of members that are stored as they are: for each a local header, its name and its
 * bytes; then the central directory, an entry for each; then the end, which says where that is.
 * What does not fit into 32 bits is written as 2^32 - 1, and stands in an extra field of 64-bit
 * numbers (zip64), which the end has, too.
 *
 * Source: PKWARE, APPNOTE.TXT, ".ZIP File Format Specification", version 6.3.10. */

enum {
    MELE_I_ZIP_LOCAL = 0x04034b50,   /* signatures, */
    MELE_I_ZIP_CENTRAL = 0x02014b50,
    MELE_I_ZIP_END = 0x06054b50,
    MELE_I_ZIP_END64 = 0x06064b50,
    MELE_I_ZIP_LOCATOR = 0x07064b50,
    MELE_I_ZIP_LOCAL_SIZE = 30,      /* and how many bytes what they begin has */
    MELE_I_ZIP_CENTRAL_SIZE = 46,
    MELE_I_ZIP_END_SIZE = 22,
    MELE_I_ZIP_END64_SIZE = 56,
    MELE_I_ZIP_LOCATOR_SIZE = 20,
    MELE_I_ZIP_EXTRA64 = 1,          /* the extra field of 64-bit numbers */
    MELE_I_ZIP_VERSION = 20,         /* of the format: what is needed to read it, */
    MELE_I_ZIP_VERSION64 = 45        /* and that with 64-bit numbers */
};

/* Bytes of an element of a type of .npy files: "<f8" has 8, "|S13" has 13. */
static inline size_t mele_i_npz_width(const char *type)
{
    return strtoul(type + 2, NULL, 10);
}

/* Numbers of so many bytes from little-endian to the machine's order, or back, in place. Texts are
 * left alone. */
static inline void mele_i_npz_swap(const char *type, void *data, size_t count)
{
    const size_t width = mele_i_npz_width(type);
    unsigned char *at = data;

    if (BYTE_ORDER == LITTLE_ENDIAN || type[1] == 'S')
        return;
    for (size_t i = 0; i < count; i++, at += width)
        for (size_t b = 0; b < width / 2; b++) {
            const unsigned char byte = at[b];
            at[b] = at[width - 1 - b];
            at[width - 1 - b] = byte;
        }
}

#endif
