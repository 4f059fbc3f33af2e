#ifndef CLI_TEMPORARY_H
#define CLI_TEMPORARY_H

#include <stdbool.h>
#include <sys/stat.h>

/* Temporary files that do not outlive the process: SIGINT, SIGTERM and SIGHUP remove them before they
 * end it. The list of them is the process's, since a signal is; it is used by one thread. */

/* Remove what is listed when such a signal comes, unless it was ignored when the process began. */
void cli_temporary_catch_signals(void);

/* Make a new file in the directory of `path`, with a name that nothing has, and list it.
 * @param name  set to its name, given back by cli_temporary_forget(); NULL: failed.
 * @return the file, open to read and write; -1: failed, with errno. */
int cli_temporary_beside(const char *path, mode_t mode, char **name);

/* A file without a name, in TMPDIR or /tmp, open to read and write; -1: failed, with errno. */
int cli_temporary_nameless(void);

/* The file has become another, or is to be removed: forget *name, which becomes NULL. */
void cli_temporary_forget(char **name, bool remove);

/* Hold these signals back, and let them through again, around what must not be done by halves. */
void cli_temporary_hold_signals(bool hold);

#endif
