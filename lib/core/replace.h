#ifndef MELE_CORE_REPLACE_H
#define MELE_CORE_REPLACE_H

#include <mele/status.h>

/* Write a whole text to a file that appears whole or not at all: aside in the same directory,
 * synced and renamed. A file that was there keeps its mode and, where the system lets it, its owner
 * and group; of a symbolic link it is the one behind it. What is no regular file is written
 * directly. Signals are the host's: one that ends the process may leave the file aside. MELE_EIO:
 * nothing has changed, but for a device or a pipe; MELE_ENOMEM. */
mele_status mele_i_replace_file(const char *path, const char *text, size_t length,
                                mele_error *error);

/* What is written piece by piece: put() hands the pieces to write() in order, and ends with
 * MELE_ESTOPPED when that returns false. */
typedef struct mele_i_content {
    mele_status (*put)(const void *context, mele_write_fn *write, void *user, mele_error *error);
    const void *context;
} mele_i_content;

/* The same of such content; other failures of put() are this call's, and nothing has changed
 * then. */
mele_status mele_i_replace_file_by(const char *path, const mele_i_content *content,
                                   mele_error *error);

#endif
