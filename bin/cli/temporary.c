#include "cli/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_NAMES 100 /* tried for a file */
#define MOST_FILES 8   /* at a time: the result and the report */

static char *volatile listed[MOST_FILES]; /* read by the handler */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDING (sizeof ending / sizeof *ending)

/* Remove the files and end as the signal would have: its action is the default again. */
static void on_signal(int number)
{
    for (int i = 0; i < MOST_FILES; i++)
        if (listed[i] != NULL)
            unlink(listed[i]);
    raise(number); /* held back until the handler returns */
}

void cli_temporary_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    struct sigaction old;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ENDING; i++)
        sigaddset(&action.sa_mask, ending[i]);
    for (size_t i = 0; i < ENDING; i++)
        if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(ending[i], &action, NULL);
}

void cli_temporary_hold_signals(bool hold)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ENDING; i++)
        sigaddset(&set, ending[i]);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void list(char *name)
{
    int i = 0;

    while (i < MOST_FILES - 1 && listed[i] != NULL)
        i++;
    listed[i] = name;
}

int cli_temporary_beside(const char *path, mode_t mode, char **name)
{
    const char *slash = strrchr(path, '/');
    int directory = slash == NULL ? 0 : (int)(slash - path) + 1, file = -1, number = EEXIST;

    *name = NULL;
    cli_temporary_hold_signals(true);
    for (int i = 0; i < MOST_NAMES && file < 0 && number == EEXIST; i++) {
        free(*name);
        if (asprintf(name, "%.*s.mele-%ld-%d", directory, path, (long)getpid(), i) < 0) {
            *name = NULL;
            number = ENOMEM;
            break;
        }
        file = open(*name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        number = file < 0 ? errno : 0;
    }
    if (file >= 0) {
        list(*name);
    } else {
        free(*name);
        *name = NULL;
    }
    cli_temporary_hold_signals(false);
    errno = number;
    return file;
}

int cli_temporary_nameless(void)
{
    const char *directory = getenv("TMPDIR");
    char *name = NULL;
    int file;

    directory = directory == NULL || directory[0] == '\0' ? "/tmp" : directory;
    if ((file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) >= 0)
        return file;
    if (asprintf(&name, "%s/", directory) < 0) {
        errno = ENOMEM;
        return -1;
    }
    char *made = NULL;
    file = cli_temporary_beside(name, 0600, &made);
    cli_temporary_forget(&made, true);
    free(name);
    return file;
}

void cli_temporary_forget(char **name, bool remove)
{
    const int number = errno;

    if (*name != NULL && remove)
        unlink(*name);
    for (int i = 0; i < MOST_FILES; i++)
        if (listed[i] == *name)
            listed[i] = NULL;
    free(*name);
    *name = NULL;
    errno = number;
}
