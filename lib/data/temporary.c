#include "data/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file_limit.h"
#include "core/memory.h"
#include "core/quote.h"

static const char *directory(void)
{
    const char *given = secure_getenv("TMPDIR");

    return given == NULL || given[0] == '\0' ? P_tmpdir : given;
}

static mele_status fail_with_errno(mele_error *error, int number)
{
    const char *where = directory();

    return mele_i_fail(error, MELE_EIO, "rows that do not fit into --memory go to a temporary file "
                       "in %s: %s (TMPDIR names another directory; with a larger --memory more stays "
                       "in memory)", mele_i_quote(where, strlen(where)).text,
                       strerror(number));
}

mele_status mele_i_temporary_open_named(mele_i_temporary *out, mele_error *error)
{
    static const char name[] = "/mele-XXXXXX";
    const size_t size = strlen(directory()) + sizeof name;
    char *path = MELE_I_ARRAY(char, size);
    sigset_t all, before;

    if (path == NULL)
        return mele_i_no_memory(error);
    snprintf(path, size, "%s%s", directory(), name);
    sigfillset(&all); /* a signal between the two would leave the file behind */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int file = mkostemp(path, O_CLOEXEC), failure = errno;
    if (file >= 0)
        unlink(path);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    free(path);
    if (file < 0)
        return fail_with_errno(error, failure);
    out->file = file;
    return MELE_OK;
}

mele_status mele_i_temporary_open(mele_i_temporary *out, mele_error *error)
{
#ifdef O_TMPFILE
    int file = open(directory(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

    if (file >= 0) {
        out->file = file;
        return MELE_OK;
    }
#endif
    return mele_i_temporary_open_named(out, error);
}

void mele_i_temporary_close(mele_i_temporary *temporary)
{
    if (temporary->file >= 0)
        close(temporary->file);
    temporary->file = -1;
}

mele_status mele_i_temporary_write(const mele_i_temporary *temporary, uint64_t offset,
                                   const void *bytes, size_t length, mele_error *error)
{
    const size_t most = (size_t)1 << 30;
    const char *from = bytes;

    if (!mele_i_file_may_reach(offset + length))
        return fail_with_errno(error, EFBIG);
    for (size_t done = 0; done < length;) {
        size_t wanted = length - done < most ? length - done : most;
        ssize_t count = pwrite(temporary->file, from + done, wanted, (off_t)(offset + done));
        if (count < 0 && errno != EINTR)
            return fail_with_errno(error, errno);
        if (count == 0)
            return fail_with_errno(error, ENOSPC);
        if (count > 0)
            done += (size_t)count;
    }
    return MELE_OK;
}
