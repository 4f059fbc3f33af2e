#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

/* A result on its way to a file or to standard output. A file appears whole or not at all: it is
 * written aside in the same directory, synced and renamed, keeping the owner, the permissions and the
 * access control list of the file that was there. Where the directory cannot be written but the file
 * can, it is written elsewhere and copied over the old one at the very end. What is not a regular file
 * (a device, a pipe), or is open already (/dev/stdout, /dev/fd/N), is written directly. */
typedef struct cli_outfile {
    const char *name; /* for messages */
    char *path;       /* what is replaced; NULL: written directly */
    char *aside;      /* the name of what is written; NULL: it has none */
    int file;
    int failure;      /* errno of the first thing that failed; 0: none */
    bool in_place;    /* it could not be replaced: was, or is to be, copied over */
} cli_outfile;

/* Where nothing was opened: cli_outfile_discard() may be called on it. */
#define CLI_OUTFILE_NONE {NULL, NULL, NULL, -1, 0, false}

/* @param path  NULL or "-": standard output.
 * @return false: failed, and nothing needs to be undone. */
bool cli_outfile_open(cli_outfile *out, const char *path);

/* A mele_write_fn; `out` is the outfile. */
bool cli_outfile_write(const char *text, size_t length, void *out);

/* All is written: bring it safely to the disk, so that little can fail after it. */
bool cli_outfile_sync(cli_outfile *out);

/* Finish, unless something failed: then the aside file is removed and what was there stays. */
bool cli_outfile_close(cli_outfile *out);

/* Give up; an outfile that was closed or never opened is left alone. */
void cli_outfile_discard(cli_outfile *out);

/* Whether a file could be written now, so that hours of work are not lost over a typing error. */
bool cli_outfile_probe(cli_outfile *out, const char *path);

/* Whether the reader at the other end went away, which is no failure of ours. */
bool cli_outfile_reader_left(const cli_outfile *out);

/* Whether a path (NULL too) means standard output. */
bool cli_outfile_is_standard(const char *path);

/* Whether what is written to it is seen at once: standard output, what is open already, a device or a
 * pipe. Other files appear when they are closed. */
bool cli_outfile_is_direct(const char *path);

/* Whether two outputs are one file. Devices take both. */
bool cli_outfile_same(const char *a, const char *b);

/* Whether an output is a regular file that is also this input. */
bool cli_outfile_is_input(const char *output, const char *input);

#endif
