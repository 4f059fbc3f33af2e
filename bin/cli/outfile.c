#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_NAMES 100 /* tried for the aside file */

static bool fail(cli_outfile *out, int number)
{
    if (out->failure == 0)
        out->failure = number;
    return false;
}

/* A new file in the directory of out->path, with a name that nothing has. */
static bool open_aside(cli_outfile *out, mode_t mode)
{
    const char *slash = strrchr(out->path, '/');
    int directory = slash == NULL ? 0 : (int)(slash - out->path) + 1;

    for (int i = 0; i < MOST_NAMES; i++) {
        free(out->aside);
        if (asprintf(&out->aside, "%.*s.mele-%ld-%d", directory, out->path, (long)getpid(), i)
            < 0) {
            out->aside = NULL;
            return fail(out, ENOMEM);
        }
        out->file = open(out->aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (out->file >= 0 || errno != EEXIST)
            break;
    }
    return out->file >= 0 || fail(out, errno);
}

static bool open_directly(cli_outfile *out, const char *path)
{
    out->file = open(path, O_WRONLY | O_CLOEXEC);
    return out->file >= 0 || fail(out, errno);
}

/* Replace a file that is there: the one behind a symbolic link, keeping its permissions. */
static bool open_over(cli_outfile *out, const char *path, mode_t mode)
{
    if (access(path, W_OK) != 0 || (out->path = realpath(path, NULL)) == NULL)
        return fail(out, errno);
    if (!open_aside(out, mode))
        return false;
    return fchmod(out->file, mode & 07777) == 0 || fail(out, errno);
}

static bool open_path(cli_outfile *out, const char *path)
{
    struct stat about;

    if (stat(path, &about) == 0) {
        if (S_ISDIR(about.st_mode))
            return fail(out, EISDIR);
        return S_ISREG(about.st_mode) ? open_over(out, path, about.st_mode & 07777)
                                      : open_directly(out, path);
    }
    if (errno != ENOENT || lstat(path, &about) == 0) /* a link that leads nowhere stays */
        return fail(out, errno);
    if ((out->path = strdup(path)) == NULL)
        return fail(out, ENOMEM);
    return open_aside(out, 0666);
}

bool cli_outfile_open(cli_outfile *out, const char *path)
{
    bool standard = path == NULL || strcmp(path, "-") == 0;
    cli_outfile opened = CLI_OUTFILE_NONE;

    opened.name = standard ? "standard output" : path;
    opened.file = standard ? STDOUT_FILENO : -1;
    *out = opened;
    if (standard || open_path(out, path))
        return true;
    cli_outfile_discard(out);
    return false;
}

bool cli_outfile_write(const char *text, size_t length, void *user)
{
    cli_outfile *out = user;

    while (length > 0) {
        ssize_t count = write(out->file, text, length);
        if (count < 0 && errno != EINTR)
            return fail(out, errno);
        if (count > 0) {
            text += count;
            length -= (size_t)count;
        }
    }
    return true;
}

bool cli_outfile_close(cli_outfile *out)
{
    if (out->failure == 0 && out->path != NULL && fsync(out->file) != 0)
        fail(out, errno);
    int closed = out->file < 0 ? 0 : close(out->file);
    out->file = -1;
    if (closed != 0)
        fail(out, errno);
    if (out->failure == 0 && out->path != NULL && rename(out->aside, out->path) != 0)
        fail(out, errno);
    if (out->failure == 0) {
        free(out->aside);
        out->aside = NULL;
    }
    cli_outfile_discard(out);
    return out->failure == 0;
}

void cli_outfile_discard(cli_outfile *out)
{
    if (out->file >= 0)
        close(out->file);
    if (out->aside != NULL)
        unlink(out->aside);
    free(out->aside);
    free(out->path);
    out->file = -1;
    out->aside = out->path = NULL;
}

bool cli_outfile_probe(cli_outfile *out, const char *path)
{
    struct stat about;
    cli_outfile none = CLI_OUTFILE_NONE;

    *out = none;
    if (path == NULL || strcmp(path, "-") == 0
        || (stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)))
        return true;
    if (!cli_outfile_open(out, path))
        return false;
    cli_outfile_discard(out);
    return true;
}

bool cli_outfile_reader_left(const cli_outfile *out)
{
    return out->failure == EPIPE;
}
