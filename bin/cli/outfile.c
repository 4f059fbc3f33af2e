#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#ifdef HAVE_SYS_XATTR_H
#include <sys/xattr.h>
#endif
#include <unistd.h>

#include "cli/temporary.h"

#define COPIED 65536

static bool fail(cli_outfile *out, int number)
{
    if (out->failure == 0)
        out->failure = number;
    return false;
}

/* ---- paths ---- */

/* The file that a path names because it is open already; -1: it names none. */
static int open_file_of(const char *path)
{
    static const char *const directories[] = {"/dev/fd/", "/proc/self/fd/"};
    char *end;

    if (path == NULL || strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(directories[i]);
        if (strncmp(path, directories[i], length) != 0 || path[length] < '0' || path[length] > '9')
            continue;
        long number = strtol(path + length, &end, 10);
        return *end == '\0' && number <= 1 << 20 ? (int)number : -1;
    }
    return -1;
}

bool cli_outfile_is_standard(const char *path)
{
    return open_file_of(path) == STDOUT_FILENO;
}

/* Where a file is: its directory, and its name in there. False when the directory cannot be looked
 * at, which writing will tell. */
static bool place_of(const char *path, struct stat *directory, const char **name)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash == NULL ? NULL : strndup(path, (size_t)(slash - path) + 1);
    bool known = (slash == NULL || parent != NULL)
                 && stat(slash == NULL ? "." : parent, directory) == 0;

    *name = slash == NULL ? path : slash + 1;
    free(parent);
    return known;
}

static bool look_at(const char *path, struct stat *about)
{
    int file = open_file_of(path);

    return (file >= 0 ? fstat(file, about) : stat(path, about)) == 0;
}

static bool are_one(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool cli_outfile_same(const char *a, const char *b)
{
    struct stat at_a, at_b;
    const char *name_a, *name_b;

    if (open_file_of(a) >= 0 && open_file_of(a) == open_file_of(b))
        return true;
    if (look_at(a, &at_a) && look_at(b, &at_b))
        return S_ISREG(at_a.st_mode) && are_one(&at_a, &at_b);
    if (open_file_of(a) >= 0 || open_file_of(b) >= 0)
        return false;
    return place_of(a, &at_a, &name_a) && place_of(b, &at_b, &name_b) && are_one(&at_a, &at_b)
           && strcmp(name_a, name_b) == 0;
}

bool cli_outfile_is_input(const char *output, const char *input)
{
    struct stat from, to;
    bool standard = strcmp(input, "-") == 0;

    return look_at(output, &to) && S_ISREG(to.st_mode)
           && (standard ? fstat(STDIN_FILENO, &from) : stat(input, &from)) == 0
           && are_one(&from, &to);
}

/* ---- what a file has that replaces another ---- */

/* The access control list of a file; where it has none its successor has none. */
static void keep_list(const char *path, int file)
{
#ifdef HAVE_SYS_XATTR_H
    static const char name[] = "system.posix_acl_access";
    char list[COPIED];
    ssize_t length = getxattr(path, name, list, sizeof list);

    if (length > 0)
        fsetxattr(file, name, list, (size_t)length, 0);
    else if (length < 0 && errno == ENODATA)
        fremovexattr(file, name);
#else
    (void)path;
    (void)file;
#endif
}

/* Owner, permissions and list as the system allows. A group that cannot be kept must not give its
 * rights to another. */
static bool keep_rights(cli_outfile *out, const char *path, const struct stat *about)
{
    mode_t mode = about->st_mode & 07777;
    struct stat now;

    if (fstat(out->file, &now) != 0)
        return fail(out, errno);
    if (now.st_uid != about->st_uid && fchown(out->file, about->st_uid, (gid_t)-1) != 0)
        mode &= (mode_t)~(S_ISUID | S_ISGID);
    if (now.st_gid != about->st_gid && fchown(out->file, (uid_t)-1, about->st_gid) != 0)
        mode = (mode & (mode_t)~(S_IRWXG | S_ISGID)) | ((mode & S_IRWXO) << 3);
    if (fchmod(out->file, mode) != 0)
        return fail(out, errno);
    keep_list(path, out->file);
    return true;
}

/* ---- opening ---- */

static bool open_directly(cli_outfile *out, const char *path)
{
    int open_already = open_file_of(path);

    do
        out->file = open_already >= 0 ? fcntl(open_already, F_DUPFD_CLOEXEC, 0)
                                      : open(path, O_WRONLY | O_CLOEXEC);
    while (out->file < 0 && errno == EINTR);
    return out->file >= 0 || fail(out, errno);
}

static bool open_aside(cli_outfile *out, mode_t mode)
{
    out->file = cli_temporary_beside(out->path, mode, &out->aside);
    return out->file >= 0 || fail(out, errno);
}

/* Replace a file that is there: the one behind a symbolic link. */
static bool open_over(cli_outfile *out, const char *path, const struct stat *about)
{
    if (access(path, W_OK) != 0 || (out->path = realpath(path, NULL)) == NULL)
        return fail(out, errno);
    out->file = cli_temporary_beside(out->path, 0600, &out->aside);
    if (out->file >= 0)
        return keep_rights(out, path, about);
    if (errno != EACCES && errno != EPERM && errno != EROFS)
        return fail(out, errno);
    out->in_place = true;
    out->file = cli_temporary_nameless();
    return out->file >= 0 || fail(out, errno);
}

static bool open_path(cli_outfile *out, const char *path)
{
    struct stat about;

    if (open_file_of(path) >= 0)
        return open_directly(out, path);
    if (stat(path, &about) == 0) {
        if (S_ISDIR(about.st_mode))
            return fail(out, EISDIR);
        return S_ISREG(about.st_mode) ? open_over(out, path, &about) : open_directly(out, path);
    }
    if (errno != ENOENT || lstat(path, &about) == 0) /* a link that leads nowhere stays */
        return fail(out, errno);
    if ((out->path = strdup(path)) == NULL)
        return fail(out, ENOMEM);
    return open_aside(out, 0666);
}

bool cli_outfile_open(cli_outfile *out, const char *path)
{
    bool standard = cli_outfile_is_standard(path);
    cli_outfile opened = CLI_OUTFILE_NONE;

    opened.name = path == NULL || strcmp(path, "-") == 0 ? "standard output" : path;
    opened.file = standard ? STDOUT_FILENO : -1;
    *out = opened;
    if (standard || open_path(out, path))
        return true;
    cli_outfile_discard(out);
    return false;
}

/* ---- writing ---- */

static bool write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t count = write(file, text, length);
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0) {
            text += count;
            length -= (size_t)count;
        }
    }
    return true;
}

bool cli_outfile_write(const char *text, size_t length, void *user)
{
    cli_outfile *out = user;

    return write_all(out->file, text, length) || fail(out, errno);
}

static bool sync_file(int file)
{
    int status;

    do
        status = fsync(file);
    while (status != 0 && errno == EINTR);
    return status == 0;
}

bool cli_outfile_sync(cli_outfile *out)
{
    if (out->failure == 0 && out->path != NULL && !out->in_place && !sync_file(out->file))
        fail(out, errno);
    return out->failure == 0;
}

/* ---- the end ---- */

/* The name of the file is on the disk when its directory is. Not every file system can say so. */
static void sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int directory = parent == NULL ? -1 : open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (directory >= 0) {
        sync_file(directory);
        close(directory);
    }
    free(parent);
}

/* Copy what was written to an open file, from its start. */
static bool copy_to(int from, int to)
{
    char bytes[COPIED];
    ssize_t count;

    if (lseek(from, 0, SEEK_SET) != 0)
        return false;
    while ((count = read(from, bytes, sizeof bytes)) != 0) {
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0 && !write_all(to, bytes, (size_t)count))
            return false;
    }
    return true;
}

/* Room on the disk for what is to come, as far as it can be had before anything is overwritten. */
static bool reserve(int file, off_t length)
{
    struct stat old;

    if (fstat(file, &old) != 0 || old.st_size >= length)
        return true;
    int number = posix_fallocate(file, old.st_size, length - old.st_size);
    if (number != ENOSPC && number != EFBIG)
        return true;
    if (ftruncate(file, old.st_size) != 0)
        return false;
    errno = number;
    return false;
}

/* Overwrite the old file, which nothing may interrupt. */
static bool copy_in_place(cli_outfile *out)
{
    off_t length = lseek(out->file, 0, SEEK_END);
    int file = open(out->path, O_WRONLY | O_CLOEXEC);
    bool good = file >= 0 && length >= 0 && reserve(file, length);

    cli_temporary_hold_signals(true);
    good = good && copy_to(out->file, file) && ftruncate(file, length) == 0 && sync_file(file);
    if (!good)
        fail(out, errno);
    if (file >= 0 && close(file) != 0)
        fail(out, errno);
    cli_temporary_hold_signals(false);
    return out->failure == 0;
}

/* Put the file where it belongs: under its name, or where that is refused (a mount point, the file of
 * somebody else in a sticky directory) over the old one. */
static bool put_in_place(cli_outfile *out)
{
    if (!out->in_place && rename(out->aside, out->path) == 0) {
        cli_temporary_forget(&out->aside, false);
        sync_directory(out->path);
        return true;
    }
    if (!out->in_place && errno != EACCES && errno != EPERM && errno != EBUSY)
        return fail(out, errno);
    out->in_place = true;
    return copy_in_place(out);
}

bool cli_outfile_close(cli_outfile *out)
{
    if (cli_outfile_sync(out) && out->path != NULL)
        put_in_place(out);
    int closed = out->file < 0 ? 0 : close(out->file);
    out->file = -1;
    if (closed != 0 && errno != EINTR)
        fail(out, errno);
    cli_outfile_discard(out);
    return out->failure == 0;
}

void cli_outfile_discard(cli_outfile *out)
{
    if (out->file >= 0)
        close(out->file);
    cli_temporary_forget(&out->aside, true);
    free(out->path);
    out->file = -1;
    out->path = NULL;
}

bool cli_outfile_is_direct(const char *path)
{
    struct stat about;

    return open_file_of(path) >= 0
           || (stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode));
}

bool cli_outfile_probe(cli_outfile *out, const char *path)
{
    cli_outfile none = CLI_OUTFILE_NONE;

    *out = none;
    if (cli_outfile_is_direct(path))
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
