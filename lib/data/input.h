#ifndef MELE_DATA_INPUT_H
#define MELE_DATA_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/status.h>

/* A data file as bytes. Files are read, not mapped: a file that shrinks while it is read then
 * ends early, instead of ending the host with a signal. */
typedef struct mele_i_input {
    int file;
    bool owned;      /* to be closed */
    bool positioned; /* a regular file: read_at() works, from several threads at once */
    uint64_t size;   /* when positioned: the bytes it had when it was opened */
} mele_i_input;

/* "-" is standard input. MELE_EIO: it cannot be opened, or is a directory. */
mele_status mele_i_input_open(mele_i_input *input, const char *path, mele_error *error);

void mele_i_input_close(mele_i_input *input);

/* Read `length` bytes, fewer only at the end of the file; *got: how many. */
mele_status mele_i_input_read(const mele_i_input *input, void *bytes, size_t length, size_t *got,
                              mele_error *error);
mele_status mele_i_input_read_at(const mele_i_input *input, uint64_t offset, void *bytes,
                                 size_t length, size_t *got, mele_error *error);

#endif
