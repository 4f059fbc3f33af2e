#include "data/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

static mele_status fail_with_errno(mele_error *error, int number)
{
    return mele_i_fail(error, MELE_EIO, "%s", strerror(number));
}

/* A signal may come while a named pipe waits for its writer. */
static int open_file(const char *path)
{
    int file;

    do
        file = open(path, O_RDONLY | O_CLOEXEC);
    while (file < 0 && errno == EINTR);
    return file;
}

mele_status mele_i_input_open(mele_i_input *input, const char *path, mele_error *error)
{
    bool standard = strcmp(path, "-") == 0;
    int file = standard ? STDIN_FILENO : open_file(path);
    mele_i_input opened = {file, !standard, false, 0};
    struct stat about;

    if (file < 0)
        return fail_with_errno(error, errno);
    int failure = fstat(file, &about) != 0 ? errno : S_ISDIR(about.st_mode) ? EISDIR : 0;
    if (failure != 0) {
        mele_i_input_close(&opened);
        return fail_with_errno(error, failure);
    }
    /* Standard input may stand anywhere in its file; files of /proc say that they are empty. */
    opened.positioned = !standard && S_ISREG(about.st_mode) && about.st_size > 0;
    opened.size = opened.positioned ? (uint64_t)about.st_size : 0;
    *input = opened;
    return MELE_OK;
}

void mele_i_input_close(mele_i_input *input)
{
    if (input->owned)
        close(input->file);
    input->owned = false;
}

/* One read() or, with an offset, pread(). */
static ssize_t read_some(const mele_i_input *input, const uint64_t *offset, char *bytes,
                         size_t length)
{
    const size_t most = (size_t)1 << 30;

    length = length < most ? length : most;
    if (offset == NULL)
        return read(input->file, bytes, length);
    return pread(input->file, bytes, length, (off_t)*offset);
}

static mele_status read_all(const mele_i_input *input, uint64_t *offset, char *bytes, size_t length,
                            size_t *got, mele_error *error)
{
    size_t done = 0;

    while (done < length) {
        ssize_t count = read_some(input, offset, bytes + done, length - done);
        if (count < 0 && errno != EINTR)
            return fail_with_errno(error, errno);
        if (count == 0)
            break;
        if (count > 0) {
            done += (size_t)count;
            if (offset != NULL)
                *offset += (uint64_t)count;
        }
    }
    *got = done;
    return MELE_OK;
}

mele_status mele_i_input_read(const mele_i_input *input, void *bytes, size_t length, size_t *got,
                              mele_error *error)
{
    return read_all(input, NULL, bytes, length, got, error);
}

mele_status mele_i_input_read_at(const mele_i_input *input, uint64_t offset, void *bytes,
                                 size_t length, size_t *got, mele_error *error)
{
    return read_all(input, &offset, bytes, length, got, error);
}
