#include "bench/machine.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "engine/pass.h"

double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double *bench_room(size_t count)
{
    double *memory = MELE_I_ZEROED(double, count);

    if (memory == NULL) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void bench_check(mele_status status, const mele_error *error)
{
    if (status != MELE_OK) {
        fprintf(stderr, "bench: %s\n", error->message);
        exit(1);
    }
}

mele_engine *bench_engine(unsigned threads)
{
    mele_engine_options options = mele_engine_defaults();
    mele_engine *engine = NULL;
    mele_error error;

    options.threads = threads;
    bench_check(mele_engine_new(&options, &engine, &error), &error);
    return engine;
}

double bench_dgemm(void)
{
    const int n = 1536;
    double *a = bench_room((size_t)n * n), *b = bench_room((size_t)n * n);
    double *c = bench_room((size_t)n * n), best = 0;

    for (size_t i = 0; i < (size_t)n * n; i++)
        a[i] = b[i] = (double)(i % 7);
    for (int trial = 0; trial < 5; trial++) {
        double start = bench_now();
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, c, n);
        best = fmax(best, (double)n * n * n / (bench_now() - start));
    }
    free(a);
    free(b);
    free(c);
    return best;
}

#define LINE 16 /* numbers added side by side */

static mele_status read_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const double *x = (const double *)context + block.first * LINE;
    double sum[LINE] = {0};

    (void)scratch;
    (void)error;
    for (size_t i = 0; i < block.count; i++)
        for (size_t j = 0; j < LINE; j++)
            sum[j] += x[i * LINE + j];
    memcpy(partial, sum, sizeof(double));
    return MELE_OK;
}

static void combine_nothing(void *context, const void *partial)
{
    (void)context;
    (void)partial;
}

double bench_bandwidth(mele_engine *engine)
{
    enum { LINES = 1 << 20 }; /* 128 MiB: more than the caches hold */
    double *x = bench_room((size_t)LINES * LINE), best = 0;
    mele_i_pass pass = {.rows = LINES, .block_rows = 2048, .partial_bytes = sizeof(double),
                        .map = read_block, .combine = combine_nothing, .context = x};
    mele_error error;

    for (int trial = 0; trial < 5; trial++) {
        double start = bench_now();
        bench_check(mele_i_pass_run(engine, &pass, &error), &error);
        best = fmax(best, (double)LINES * LINE * sizeof(double) / (bench_now() - start));
    }
    free(x);
    return best;
}
