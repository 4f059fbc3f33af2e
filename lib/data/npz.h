#ifndef MELE_DATA_NPZ_H
#define MELE_DATA_NPZ_H

#include "data/input.h"
#include "data/npy_header.h"

/* NumPy's .npz files: arrays by name, each an .npy file in a zip archive, none of them compressed
 * (np.savez). What numpy.load() reads is written; what np.savez() writes is read, whatever the
 * order of its arrays. */

#define MELE_I_NPZ_MOST 32  /* arrays of one archive */
#define MELE_I_NPZ_NAME 32  /* bytes of an array's name, its end included */

/* ---- writing ---- */

/* An array to be written: numbers as the machine has them, in C order. */
typedef struct mele_i_npz_array {
    const char *name; /* without .npy */
    const char *type; /* "<f8", "<i8", "<u8", "|u1", or "|S5" for 5 characters */
    size_t dimensions;
    uint64_t shape[MELE_I_NPY_DIMENSIONS];
    const void *data;
} mele_i_npz_array;

/* Write an archive piece by piece, in order. The same arrays give the same bytes.
 * @param most_small  sizes and places above this, at most 2^32 - 2, are written with 64 bits, which
 *                    every reader of today knows; 0 stands for 2^32 - 2.
 * @return MELE_OK; MELE_ESTOPPED: `write` returned false. */
mele_status mele_i_npz_write(const mele_i_npz_array *arrays, size_t count, uint32_t most_small,
                             mele_write_fn *write, void *user, mele_error *error);

/* ---- reading ---- */

/* An array that is there. */
typedef struct mele_i_npz_member {
    char name[MELE_I_NPZ_NAME];
    uint64_t at, size; /* of its .npy file within the archive */
    uint32_t crc;
} mele_i_npz_member;

/* An archive that is open. */
typedef struct mele_i_npz {
    mele_i_input input;
    size_t count;
    mele_i_npz_member member[MELE_I_NPZ_MOST];
} mele_i_npz;

/* Open an archive and list what is there. All arrays together are not longer than the file.
 * @param path  a regular file.
 * @param npz   mele_i_npz_close() in the end, also after a failure.
 * @return MELE_OK; MELE_EIO; MELE_EDATA: not such an archive, damaged, compressed, too many
 *         arrays. */
mele_status mele_i_npz_open(mele_i_npz *npz, const char *path, mele_error *error);
void mele_i_npz_close(mele_i_npz *npz);

/* NULL: there is no such array. */
const mele_i_npz_member *mele_i_npz_find(const mele_i_npz *npz, const char *name);

/* The shape of an array of a type, in C order, whose numbers are all there: shape[0 .. dimensions -
 * 1]. MELE_EDATA; MELE_EIO. */
mele_status mele_i_npz_shape(const mele_i_npz *npz, const mele_i_npz_member *member,
                             const char *type, size_t dimensions, uint64_t *shape,
                             mele_error *error);

/* The `count` numbers of such an array, as many as its shape says, to out as the machine has them.
 * MELE_EDATA: they are not those that were written, by the checksum; MELE_EIO. */
mele_status mele_i_npz_read(const mele_i_npz *npz, const mele_i_npz_member *member,
                            const char *type, void *out, size_t count, mele_error *error);

/* The same numbers some at a time, without room for all: look() at each piece, in order. *at: where in
 * the archive they begin, for mele_i_npz_read_some(). Failures of look(), too; the checksum is known at
 * the end. */
typedef mele_status mele_i_npz_look_fn(void *context, const void *numbers, size_t count,
                                       mele_error *error);
mele_status mele_i_npz_look(const mele_i_npz *npz, const mele_i_npz_member *member, const char *type,
                            size_t count, mele_i_npz_look_fn *look, void *context, uint64_t *at,
                            mele_error *error);

/* `count` of the numbers from the first-th on, of those that begin there; by any number of threads. Nothing
 * is checked once more. MELE_EIO; MELE_EDATA: the archive ends before. */
mele_status mele_i_npz_read_some(const mele_i_npz *npz, const mele_i_npz_member *member,
                                 const char *type, uint64_t at, size_t first, size_t count, void *out,
                                 mele_error *error);

#endif
