#include "core/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file_limit.h"

#define MOST_NAMES 100 /* tried for the file aside */

/* The failure that errno tells. */
static mele_status fail(mele_error *error)
{
    return errno == ENOMEM ? mele_i_no_memory(error)
                           : mele_i_fail(error, MELE_EIO, "%s", strerror(errno));
}

static bool write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        const ssize_t count = write(file, text, length);
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0) {
            text += count;
            length -= (size_t)count;
        }
    }
    return true;
}

static bool sync_file(int file)
{
    int status;

    do
        status = fsync(file);
    while (status != 0 && errno == EINTR);
    return status == 0;
}

static int open_for_writing(const char *path)
{
    int file;

    do
        file = open(path, O_WRONLY | O_CLOEXEC);
    while (file < 0 && errno == EINTR);
    return file;
}

/* ---- content ---- */

/* A file that content goes to, what of it is there, and errno of what failed. */
typedef struct sink {
    int file, failure;
    bool regular;
    uint64_t length;
} sink;

static bool write_piece(const char *text, size_t length, void *user)
{
    sink *to = user;
    const bool fits = !to->regular || mele_i_file_may_reach(to->length + length);
    const bool written = fits && write_all(to->file, text, length);

    to->failure = written ? 0 : fits ? errno : EFBIG;
    to->length += length;
    return written;
}

static mele_status put_content(const mele_i_content *content, int file, bool regular,
                               mele_error *error)
{
    sink to = {.file = file, .regular = regular};
    const mele_status status = content->put(content->context, write_piece, &to, error);

    errno = to.failure;
    return to.failure != 0 ? fail(error) : status;
}

/* A text that is there. */
typedef struct whole {
    const char *text;
    size_t length;
} whole;

static mele_status put_whole(const void *context, mele_write_fn *write, void *user,
                             mele_error *error)
{
    const whole *w = context;

    (void)error; /* the sink knows */
    return write(w->text, w->length, user) ? MELE_OK : MELE_ESTOPPED;
}

/* ---- files ---- */

static mele_status write_directly(const char *path, const mele_i_content *content,
                                  mele_error *error)
{
    const int file = open_for_writing(path);

    if (file < 0)
        return fail(error);
    const mele_status status = put_content(content, file, false, error);
    if (close(file) != 0 && errno != EINTR && status == MELE_OK)
        return fail(error);
    return status;
}

/* Where the file is, its last slash included: so many bytes of the path. */
static size_t directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* A new file in the directory of `path`; -1: errno tells. *name is to be freed. */
static int open_aside(const char *path, mode_t mode, char **name)
{
    const size_t room = directory_of(path) + 64;
    int file = -1;

    if ((*name = malloc(room)) == NULL) {
        errno = ENOMEM;
        return -1;
    }
    for (int i = 0; i < MOST_NAMES && file < 0 && (i == 0 || errno == EEXIST || errno == EINTR);
         i++) {
        snprintf(*name, room, "%.*s.mele-%ld-%d", (int)directory_of(path), path, (long)getpid(), i);
        file = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    }
    return file;
}

/* A group that cannot be kept must not give its rights to another. */
static bool keep_rights(int file, const struct stat *about)
{
    mode_t mode = about->st_mode & 07777;
    struct stat now;

    if (fstat(file, &now) != 0)
        return false;
    if (now.st_uid != about->st_uid && fchown(file, about->st_uid, (gid_t)-1) != 0)
        mode &= (mode_t) ~(S_ISUID | S_ISGID);
    if (now.st_gid != about->st_gid && fchown(file, (uid_t)-1, about->st_gid) != 0)
        mode = (mode & (mode_t) ~(S_IRWXG | S_ISGID)) | ((mode & S_IRWXO) << 3);
    return fchmod(file, mode) == 0;
}

/* The name of the file is on the disk when its directory is. Not every file system can say so. */
static void sync_directory(const char *path)
{
    const size_t length = directory_of(path);
    char *directory = length == 0 ? strdup(".") : strndup(path, length);
    const int file = directory == NULL ? -1 : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (file >= 0) {
        sync_file(file);
        close(file);
    }
    free(directory);
}

/* old: the file that is there; NULL: none is. */
static mele_status write_aside(const char *path, const struct stat *old,
                               const mele_i_content *content, mele_error *error)
{
    mele_status status = MELE_OK;
    char *name = NULL;
    const int file = open_aside(path, old == NULL ? 0666 : 0600, &name);

    if (file < 0 || (old != NULL && !keep_rights(file, old)))
        status = fail(error);
    if (status == MELE_OK)
        status = put_content(content, file, true, error);
    if (status == MELE_OK && !sync_file(file))
        status = fail(error);
    if (file >= 0 && close(file) != 0 && errno != EINTR && status == MELE_OK)
        status = fail(error);
    if (status == MELE_OK && rename(name, path) != 0)
        status = fail(error);
    if (status == MELE_OK)
        sync_directory(path);
    else if (file >= 0)
        unlink(name);
    free(name);
    return status;
}

mele_status mele_i_replace_file_by(const char *path, const mele_i_content *content,
                                   mele_error *error)
{
    struct stat about;
    char *real;

    if (stat(path, &about) != 0) {
        if (errno != ENOENT || lstat(path, &about) == 0) /* a link that leads nowhere stays */
            return fail(error);
        return write_aside(path, NULL, content, error);
    }
    if (!S_ISREG(about.st_mode))
        return write_directly(path, content, error);
    if (access(path, W_OK) != 0 || (real = realpath(path, NULL)) == NULL)
        return fail(error);
    const mele_status status = write_aside(real, &about, content, error);
    free(real);
    return status;
}

mele_status mele_i_replace_file(const char *path, const char *text, size_t length,
                                mele_error *error)
{
    const whole all = {text, length};
    const mele_i_content content = {put_whole, &all};

    return mele_i_replace_file_by(path, &content, error);
}
