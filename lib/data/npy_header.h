#ifndef MELE_DATA_NPY_HEADER_H
#define MELE_DATA_NPY_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/status.h>

#define MELE_I_NPY_MOST_HEADER 65548 /* bytes of a header that is read */
#define MELE_I_NPY_HEADER_ROOM 256   /* bytes of one that is written, at most */
#define MELE_I_NPY_DIMENSIONS 3      /* sizes that are kept of a shape */

/* What the header of an .npy file, or of an array of an .npz archive, says. */
typedef struct mele_i_npy_header {
    const char *type; /* "<f8", as it is written; not ended */
    size_t type_length;
    bool by_columns;  /* Fortran order */
    size_t dimensions; /* there may be more than the sizes that are kept */
    uint64_t shape[MELE_I_NPY_DIMENSIONS];
} mele_i_npy_header;

/* Read the header at the start of `got` bytes, into which out->type points; *length: of the header,
 * after which the numbers begin. MELE_EDATA. */
mele_status mele_i_npy_header_read(const char *bytes, size_t got, mele_i_npy_header *out,
                                   size_t *length, mele_error *error);

/* Write a header of at most MELE_I_NPY_DIMENSIONS dimensions and a type of at most 16 characters to
 * MELE_I_NPY_HEADER_ROOM bytes; returns its length, a multiple of 64. */
size_t mele_i_npy_header_write(const mele_i_npy_header *header, char *out);

#endif
