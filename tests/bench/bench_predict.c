/* The whole chain on arrays of a million rows, and predicting with what it made, in memory and as
 * CSV text: rows a second, a checksum, and how much of the machine that is.
 * Usage: bench_predict [ROWS [CLUSTERS [THREADS]]] */
#include <math.h>
#include <mele/mele.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/machine.h"
#include "core/stream.h"

#define COLUMNS 16

typedef struct problem {
    size_t rows, clusters;
    double *x, *y, *mean;
    mele_engine *engine;
    double dgemm, bandwidth;
} problem;

/* Blobs, and targets linear in each. */
static void fill(problem *p)
{
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < p->rows; i++) {
        size_t blob = mele_i_stream_below(&stream, p->clusters);
        double *x = p->x + i * COLUMNS;
        p->y[i] = 0.1 * mele_i_stream_normal(&stream);
        for (size_t j = 0; j < COLUMNS; j++) {
            x[j] = mele_i_stream_normal(&stream) + 3 * (double)((blob * 7 + j * 3) % 5);
            p->y[i] += x[j] * sin((double)(blob + j));
        }
    }
}

static mele_model *fit(const problem *p)
{
    mele_matrix x = mele_matrix_of(p->x, p->rows, COLUMNS), y = mele_matrix_of(p->y, p->rows, 1);
    const char *const stages[] = {"partition", "experts", "gate"};
    mele_options options = mele_options_defaults();
    mele_data *data = NULL;
    mele_report *report = NULL;
    mele_model *model = NULL;
    mele_error error;
    char path[32];
    double seconds;

    options.partition.clusters = p->clusters;
    options.partition.restarts = 1;
    bench_check(mele_data_of_arrays(&x, &y, 0, NULL, &data, &error), &error);
    bench_check(mele_report_new("bench_predict", &report, &error), &error);
    bench_check(mele_fit(data, &options, p->engine, report, &model, &error), &error);
    for (int s = 0; s < 3; s++) {
        snprintf(path, sizeof path, "seconds.%s", stages[s]);
        if (mele_report_number(report, path, &seconds))
            printf("fit %s: %.3g rows/s\n", stages[s], (double)p->rows / seconds);
    }
    mele_report_free(report);
    mele_data_free(data);
    return model;
}

static void predict_memory(const problem *p, const mele_model *model)
{
    mele_matrix x = mele_matrix_of(p->x, p->rows, COLUMNS);
    mele_prediction wanted = {.mean = p->mean};
    double best = INFINITY, sum = 0, work = 3.0 * COLUMNS * (double)p->clusters;
    mele_error error;

    for (int trial = 0; trial < 3; trial++) {
        double start = bench_now();
        bench_check(mele_model_predict(model, &x, NULL, p->engine, &wanted, &error), &error);
        best = fmin(best, bench_now() - start);
    }
    for (size_t i = 0; i < p->rows; i++)
        sum += p->mean[i];
    printf("predict, in memory: %.3g rows/s, %.1f %% of dgemm, %.1f %% of bandwidth, sum %.15g\n",
           (double)p->rows / best, 100 * (double)p->rows * work / best / p->dgemm,
           100 * (double)p->rows * (COLUMNS + 1) * sizeof(double) / best / p->bandwidth, sum);
}

static bool count_bytes(const char *text, size_t length, void *user)
{
    size_t *sum = user;

    for (size_t i = 0; i < length; i += 64)
        *sum = *sum * 31 + (unsigned char)text[i];
    return true;
}

/* The features as an NPY file. */
static void write_npy(const problem *p, const char *path)
{
    FILE *file = fopen(path, "wb");
    char text[128];
    int length = snprintf(text, sizeof text, "{'descr': '<f8', 'fortran_order': False, 'shape': "
                          "(%zu, %d), }", p->rows, COLUMNS);
    unsigned char head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
    mele_error error = {MELE_EIO, 0, "cannot write the NPY file"};

    if (file == NULL || fwrite(head, 1, 10, file) != 10
        || fprintf(file, "%s%*s\n", text, 117 - length, "") != 118
        || fwrite(p->x, COLUMNS * sizeof(double), p->rows, file) != p->rows || fclose(file) != 0)
        bench_check(MELE_EIO, &error);
}

static void predict_file(const problem *p, const mele_model *model)
{
    char path[] = "/tmp/mele-bench-XXXXXX.npy";
    int descriptor = mkstemps(path, 4);
    mele_predict_options options = mele_predict_defaults(model);
    mele_predict_summary summary;
    mele_error error;
    size_t sum = 0;

    if (descriptor >= 0)
        close(descriptor);
    write_npy(p, path);
    options.items = "mean,sd,cluster";
    options.write = count_bytes;
    options.user = &sum;
    double start = bench_now();
    bench_check(mele_predict_file(model, path, &options, p->engine, &summary, &error), &error);
    printf("predict, NPY to CSV text: %.3g rows/s, checksum %zx\n",
           (double)summary.rows / (bench_now() - start), sum);
    unlink(path);
}

int main(int argc, char **argv)
{
    problem p = {.rows = argc > 1 ? (size_t)atof(argv[1]) : 1000000,
                 .clusters = argc > 2 ? (size_t)atoi(argv[2]) : 16};

    p.engine = bench_engine(argc > 3 ? (unsigned)atoi(argv[3]) : 0);
    p.x = bench_room(p.rows * COLUMNS);
    p.y = bench_room(p.rows);
    p.mean = bench_room(p.rows);
    p.dgemm = bench_dgemm();
    p.bandwidth = bench_bandwidth(p.engine);
    printf("bench_predict: %zu rows, %d columns, %zu regions, %u threads; dgemm %.3g multiply-adds "
           "a second, memory %.3g bytes a second\n", p.rows, COLUMNS, p.clusters,
           mele_engine_threads(p.engine), p.dgemm, p.bandwidth);
    fill(&p);
    mele_model *model = fit(&p);
    predict_memory(&p, model);
    predict_file(&p, model);
    mele_model_free(model);
    mele_engine_free(p.engine);
    free(p.x);
    free(p.y);
    free(p.mean);
    return 0;
}
