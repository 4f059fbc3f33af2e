/* Stage 1 on a million rows: an iteration of k-means and of GMM, and what surrounds them, beside
 * the machine's memory bandwidth and dgemm. Usage: bench_partition [ROWS [THREADS]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/partition.h>

#include "bench/machine.h"
#include "core/stream.h"

/* ---- the fits ---- */

typedef struct bench {
    const char *method;
    size_t cols, clusters, iterations;
    double row_work; /* multiply-adds a row of an iteration */
} bench;

static double *blobs(size_t rows, size_t cols, size_t clusters)
{
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, cols);
    double *x = bench_room(rows * cols), *centres = bench_room(clusters * cols);

    for (size_t i = 0; i < clusters * cols; i++)
        centres[i] = 6 * mele_i_stream_uniform(&stream) - 3;
    for (size_t i = 0; i < rows; i++) {
        const double *centre = centres + mele_i_stream_below(&stream, clusters) * cols;
        for (size_t j = 0; j < cols; j++)
            x[i * cols + j] = centre[j] + mele_i_stream_normal(&stream);
    }
    free(centres);
    return x;
}

/* Seconds of a fit from given centres with so many iterations. */
static double time_fit(const bench *b, const mele_matrix *x, size_t iterations, mele_engine *engine,
                       mele_partition_info *info, mele_partition **out)
{
    mele_matrix start = {x->data, b->clusters, x->cols, x->stride};
    mele_partition_options options = mele_partition_defaults();
    mele_error error;

    options.method = b->method;
    options.clusters = b->clusters;
    options.centres = &start;
    options.max_iterations = iterations;
    options.tolerance = 0;
    double begin = bench_now();
    bench_check(mele_partition_fit(x, NULL, &options, engine, out, info, &error), &error);
    return bench_now() - begin;
}

static void bench_posteriors(const mele_partition *p, const mele_matrix *x, mele_engine *engine)
{
    size_t clusters = mele_partition_clusters(p);
    double *out = bench_room(x->rows * clusters), sum = 0, best = INFINITY;
    mele_error error;

    for (int trial = 0; trial < 4; trial++) {
        double start = bench_now();
        bench_check(mele_partition_log_posteriors(p, x, engine, out, &error), &error);
        best = fmin(best, bench_now() - start);
    }
    for (size_t i = 0; i < x->rows * clusters; i++)
        sum += exp(out[i]) * (double)(i % clusters);
    printf("%-6s posteriors of %zu x %zu, K %-3zu %8.1f ms %8.1f Mrows/s  checksum %.17g\n",
           mele_partition_name(p), x->rows, x->cols, clusters, 1e3 * best,
           1e-6 * (double)x->rows / best, sum);
    free(out);
}

static void bench_fit(const bench *b, size_t rows, mele_engine *engine, double bandwidth,
                      double peak)
{
    double *data = blobs(rows, b->cols, b->clusters), best = INFINITY, around = INFINITY;
    mele_matrix x = mele_matrix_of(data, rows, b->cols);
    mele_partition *p = NULL;
    mele_partition_info info;

    for (int trial = 0; trial < 3; trial++) {
        around = fmin(around, time_fit(b, &x, 1, engine, &info, &p));
        mele_partition_free(p);
        best = fmin(best, time_fit(b, &x, b->iterations + 1, engine, &info, &p));
        if (trial < 2)
            mele_partition_free(p);
    }
    double each = (best - around) / (double)(info.iterations - 1);
    printf("%-6s iteration of %zu x %zu, K %-3zu %9.1f ms %8.1f Mrows/s  %.0f%% of bandwidth, "
           "%.0f%% of dgemm  %zu iterations, objective %.17g\n",
           b->method, rows, b->cols, b->clusters, 1e3 * each, 1e-6 * (double)rows / each,
           100 * (double)rows * (double)b->cols * 8 / each / bandwidth,
           100 * (double)rows * b->row_work / each / peak, info.iterations, info.objective);
    printf("%-6s the rest of such a fit%22.1f ms\n", b->method, 1e3 * (around - each));
    bench_posteriors(p, &x, engine);
    mele_partition_free(p);
    free(data);
}

/* What each way to find labels costs, in whole fits of so many iterations. */
static void bench_algorithms(size_t rows, size_t cols, size_t clusters, mele_engine *engine)
{
    static const char *const algorithms[] = {"plain", "tiles", "bounds", "auto"};
    double *data = blobs(rows, cols, clusters);
    mele_matrix x = mele_matrix_of(data, rows, cols);
    mele_matrix start = {x.data, clusters, cols, x.stride};
    mele_partition_options options = mele_partition_defaults();

    options.clusters = clusters;
    options.centres = &start;
    options.max_iterations = 20;
    options.tolerance = 0;
    for (size_t a = 0; a < sizeof algorithms / sizeof *algorithms; a++) {
        double best = INFINITY;
        mele_partition_info info;
        options.algorithm = algorithms[a];
        for (int trial = 0; trial < 3; trial++) {
            mele_partition *p;
            mele_error error;
            double begin = bench_now();
            bench_check(mele_partition_fit(&x, NULL, &options, engine, &p, &info, &error), &error);
            best = fmin(best, bench_now() - begin);
            mele_partition_free(p);
        }
        printf("kmeans %-6s %zu x %zu, K %-3zu %zu iterations %9.1f ms  objective %.17g\n",
               algorithms[a], rows, cols, clusters, info.iterations, 1e3 * best, info.objective);
    }
    free(data);
}

/* The start and one iteration of k-means. */
static void bench_start(size_t rows, size_t clusters, mele_engine *engine)
{
    double *data = blobs(rows, 16, clusters);
    mele_matrix x = mele_matrix_of(data, rows, 16);
    mele_partition_options options = mele_partition_defaults();
    mele_partition_info info;
    mele_partition *p;
    mele_error error;

    options.clusters = clusters;
    options.restarts = 1;
    options.max_iterations = 1;
    double begin = bench_now();
    bench_check(mele_partition_fit(&x, NULL, &options, engine, &p, &info, &error), &error);
    double seconds = bench_now() - begin;
    printf("kmeans k-means++ of %zu x 16, K %-3zu, with one iteration %.1f ms, objective %.17g\n",
           rows, clusters, 1e3 * seconds, info.objective);
    mele_partition_free(p);
    free(data);
}

int main(int count, char **arguments)
{
    static const bench benches[] = {
        {"kmeans", 16, 16, 20, 16 * 16}, {"kmeans", 16, 64, 20, 16 * 64},
        {"kmeans", 2, 8, 20, 2 * 8},     {"gmm", 8, 8, 10, 8 * 2 * 36},
        {"gmm", 16, 4, 10, 4 * 2 * 136}, {"fcm", 16, 16, 10, 16 * 16 * 4},
        {"fcm", 4, 8, 10, 8 * 4 * 4},    {"som", 16, 16, 20, 16 * 16},
    };
    size_t rows = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000000;
    mele_engine *engine = bench_engine(count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 0);
    double bandwidth = bench_bandwidth(engine), peak = bench_dgemm();

    printf("partition: %u threads; a pass reads %.1f GB/s; dgemm %.1f Gmadd/s\n",
           mele_engine_threads(engine), 1e-9 * bandwidth, 1e-9 * peak);
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++)
        bench_fit(&benches[i], rows, engine, bandwidth, peak);
    bench_algorithms(rows, 16, 16, engine);
    bench_algorithms(rows, 16, 64, engine);
    bench_algorithms(rows, 2, 8, engine);
    bench_algorithms(rows / 5, 128, 256, engine);
    bench_start(rows, 16, engine);
    bench_start(rows, 64, engine);
    mele_engine_free(engine);
    return 0;
}
