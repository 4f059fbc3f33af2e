#ifndef MELE_DATA_TEMPORARY_H
#define MELE_DATA_TEMPORARY_H

#include <stdint.h>

#include <mele/status.h>

/* A file without a name, which is gone once it is closed, however the process ends. It is made in the
 * directory that TMPDIR names, else in /tmp. MELE_EIO: the message says why, and the way out. */
typedef struct mele_i_temporary {
    int file; /* -1: none */
} mele_i_temporary;

mele_status mele_i_temporary_open(mele_i_temporary *out, mele_error *error);

/* The same where files cannot be made without a name: one that is taken away at once. */
mele_status mele_i_temporary_open_named(mele_i_temporary *out, mele_error *error);

void mele_i_temporary_close(mele_i_temporary *temporary);

/* Write all bytes at a place in the file. From several threads at once. MELE_EIO: the disk is full,
 * or the process may not write files that long (RLIMIT_FSIZE, which never ends it here). */
mele_status mele_i_temporary_write(const mele_i_temporary *temporary, uint64_t offset,
                                   const void *bytes, size_t length, mele_error *error);

#endif
