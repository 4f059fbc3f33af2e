/* LAPACK where there is little room: OpenBLAS's buffers are made sure of, and no call waits for ever.
 * Each test runs in a process of its own, whose addresses are limited. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cholesky.h"
#include "core/lapack.h"

#define MB ((size_t)1 << 20)

enum { THREADS = 4, SIZE = 40, TIMES = 200, SECONDS = 30, SKIPPED = 77 };

/* Bytes of addresses that the process has; 0: the system does not say. */
static size_t addresses(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%zu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void leave_room(size_t bytes)
{
    const size_t have = addresses();
    struct rlimit limit = {have + bytes, have + bytes};

    if (have == 0 || setrlimit(RLIMIT_AS, &limit) != 0)
        _exit(SKIPPED);
    alarm(SECONDS); /* ends what waits */
}

/* The exit status of what is run in a child. */
static int in_child(int (*run)(void))
{
    int ended;
    pid_t child = fork();

    cr_assert(child >= 0);
    if (child == 0)
        _exit(run());
    cr_assert_eq(waitpid(child, &ended, 0), child);
    cr_assert(WIFEXITED(ended), "ended by signal %d", WIFSIGNALED(ended) ? WTERMSIG(ended) : 0);
    if (WEXITSTATUS(ended) == SKIPPED)
        cr_skip_test("addresses cannot be limited here");
    return WEXITSTATUS(ended);
}

static int too_little(void)
{
    mele_error error = {.line = 0};

    leave_room(100 * MB);
    for (int i = 0; i < 2; i++)
        if (mele_i_lapack_ready(&error) != MELE_ENOMEM || error.status != MELE_ENOMEM)
            return 1;
    return 0;
}

/* A symmetric matrix of a known factor: 1 + i on the diagonal, 1/2 below it. */
static bool factor_is_right(void)
{
    double a[SIZE * SIZE], l[SIZE][SIZE] = {{0}};

    for (size_t i = 0; i < SIZE; i++)
        for (size_t j = 0; j <= i; j++)
            l[i][j] = i == j ? 1 + (double)i : 0.5;
    for (size_t i = 0; i < SIZE; i++)
        for (size_t j = 0; j < SIZE; j++) {
            a[i * SIZE + j] = 0;
            for (size_t k = 0; k < SIZE; k++)
                a[i * SIZE + j] += l[i][k] * l[j][k];
        }
    if (!mele_i_cholesky(a, SIZE))
        return false;
    for (size_t i = 0; i < SIZE; i++)
        for (size_t j = 0; j <= i; j++)
            if (!(a[i * SIZE + j] - l[i][j] < 1e-12 && l[i][j] - a[i * SIZE + j] < 1e-12))
                return false;
    return true;
}

static pthread_barrier_t start;

static void *factor_often(void *right)
{
    pthread_barrier_wait(&start);
    for (int i = 0; i < TIMES; i++)
        *(bool *)right &= factor_is_right();
    return NULL;
}

/* Threads of which only one has room for a buffer. */
static int take_turns(void)
{
    pthread_t thread[THREADS];
    bool right[THREADS] = {true, true, true, true}, all = true;

    pthread_barrier_init(&start, NULL, THREADS + 1);
    for (int t = 0; t < THREADS; t++)
        if (pthread_create(&thread[t], NULL, factor_often, &right[t]) != 0)
            return 2;
    leave_room(200 * MB);
    if (mele_i_lapack_ready(NULL) != MELE_OK)
        return 3;
    pthread_barrier_wait(&start);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(thread[t], NULL);
        all = all && right[t];
    }
    return all ? 0 : 4;
}

static int enough(void)
{
    leave_room(200 * MB);
    return mele_i_lapack_ready(NULL) == MELE_OK && mele_i_lapack_ready(NULL) == MELE_OK
                   && factor_is_right()
               ? 0
               : 1;
}

Test(lapack, says_that_there_is_no_room)
{
#ifdef HAVE_OPENBLAS
    cr_expect_eq(in_child(too_little), 0);
#else
    (void)too_little;
#endif
}

Test(lapack, works_in_one_buffer)
{
    cr_expect_eq(in_child(enough), 0);
}

Test(lapack, threads_take_turns_where_there_is_one_buffer)
{
    cr_expect_eq(in_child(take_turns), 0);
}
