#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

/* A result on its way to a file or to standard output. A file appears whole or not at all: it is
 * written aside in the same directory, synced and renamed. What is not a regular file (a device,
 * a pipe) is written directly. */
typedef struct cli_outfile {
    const char *name; /* for messages */
    char *path;       /* what the aside file becomes; NULL: written directly */
    char *aside;
    int file;
    int failure;      /* errno of the first thing that failed; 0: none */
} cli_outfile;

/* Where nothing was opened: cli_outfile_discard() may be called on it. */
#define CLI_OUTFILE_NONE {NULL, NULL, NULL, -1, 0}

/* @param path  NULL or "-": standard output.
 * @return false: failed, and nothing needs to be undone. */
bool cli_outfile_open(cli_outfile *out, const char *path);

/* A mele_write_fn; `out` is the outfile. */
bool cli_outfile_write(const char *text, size_t length, void *out);

/* Finish, unless something failed: then the aside file is removed and what was there stays. */
bool cli_outfile_close(cli_outfile *out);

/* Give up; an outfile that was closed or never opened is left alone. */
void cli_outfile_discard(cli_outfile *out);

/* Whether a file could be written now, so that hours of work are not lost over a typing error. */
bool cli_outfile_probe(cli_outfile *out, const char *path);

/* Whether the reader at the other end went away, which is no failure of ours. */
bool cli_outfile_reader_left(const cli_outfile *out);

#endif
