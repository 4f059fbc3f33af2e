/* The room that OpenBLAS needs is a matter of the process, not of a model or an engine, and so is
 * what is known of it here.
 *
 * With `calls` under way and one buffer mapped by ready(), at most `calls` more buffers will be
 * mapped when one more call begins: each of those that are under way may be about to map its own,
 * and the one that is there serves one of all. A call that finds itself alone finds a buffer free.
 * Whether there is room is asked of the system, by mapping and giving back, which costs two
 * microseconds. Another thread of the host may take it in between: SPARE is for that. */
#include "core/lapack.h"

#include "core/error.h"

#ifdef HAVE_OPENBLAS

#include <lapacke.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#define BUFFER ((size_t)128 << 20)
#define SPARE ((size_t)4 << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static size_t calls, waiting;
static bool first_mapped;

static bool has_room(size_t buffers)
{
    const size_t bytes = buffers * BUFFER + SPARE;
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return room != MAP_FAILED && munmap(room, bytes) == 0;
}

mele_status mele_i_lapack_ready(mele_error *error)
{
    double one = 1;

    pthread_mutex_lock(&lock);
    if (!first_mapped && has_room(1)) {
        LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', 1, &one, 1);
        first_mapped = true;
    }
    const bool ready = first_mapped;
    pthread_mutex_unlock(&lock);
    return ready ? MELE_OK
                 : mele_i_fail(error, MELE_ENOMEM, "out of memory: linear algebra needs %zu MB of "
                               "addresses (ulimit -v)", (BUFFER + SPARE) >> 20);
}

void mele_i_lapack_begin(void)
{
    pthread_mutex_lock(&lock);
    waiting++;
    while (calls > 0 && !has_room(calls))
        pthread_cond_wait(&ended, &lock);
    waiting--;
    calls++;
    pthread_mutex_unlock(&lock);
}

void mele_i_lapack_end(void)
{
    pthread_mutex_lock(&lock);
    calls--;
    if (waiting > 0)
        pthread_cond_signal(&ended);
    pthread_mutex_unlock(&lock);
}

#else

mele_status mele_i_lapack_ready(mele_error *error)
{
    (void)error;
    return MELE_OK;
}

void mele_i_lapack_begin(void)
{
}

void mele_i_lapack_end(void)
{
}

#endif
