/* Training experts on a million rows and predicting with them: seconds and rows a second of the
 * whole stage and of its parts, beside the machine's dgemm and memory; the best of a few runs.
 * Usage: bench_experts [ROWS [COLUMNS [CLUSTERS [THREADS]]]] */
#include <math.h>
#include <mele/left_out.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/machine.h"
#include "core/memory.h"
#include "core/stream.h"
#include "expert/assignment.h"
#include "expert/forms/triangle.h"

typedef struct problem {
    size_t rows, columns, clusters;
    double *x, *y, *log_posteriors, *predicted;
    mele_engine *engine;
    double dgemm, bandwidth; /* multiply-adds and bytes a second */
} problem;

/* Room for a row or more of numbers, in large pages as programs and NumPy have them. */
static double *large_room(size_t count)
{
    double *room = mele_i_large_array(count, sizeof(double));

    if (room == NULL) {
        fputs("bench_experts: out of memory\n", stderr);
        exit(1);
    }
    return room;
}

/* Regions at random, targets linear in each. */
static void fill(problem *p)
{
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < p->rows; i++) {
        size_t region = mele_i_stream_below(&stream, p->clusters);
        p->y[i] = 0.1 * mele_i_stream_uniform(&stream);
        for (size_t j = 0; j < p->columns; j++) {
            p->x[i * p->columns + j] = 3 * mele_i_stream_uniform(&stream) - 1.5;
            p->y[i] += cos((double)(region + j)) * p->x[i * p->columns + j];
        }
        for (size_t k = 0; k < p->clusters; k++)
            p->log_posteriors[i * p->clusters + k] = k == region ? -0.1 : -4;
    }
}

/* The loop that dominates: rows to a triangle, 2 q^2 operations each. */
static void bench_triangle(const problem *p)
{
    size_t q = p->columns + 2, rows = mele_i_chunk_rows(q), done = 0;
    double *source = bench_room(rows * q), *chunk = bench_room(rows * q);
    double *triangle = bench_room(q * q);

    for (size_t i = 0; i < rows * q; i++)
        source[i] = sin((double)i);
    double start = bench_now(), seconds;
    do {
        memcpy(chunk, source, rows * q * sizeof *chunk);
        mele_i_triangle_add(triangle, q, chunk, rows);
        done += rows;
        seconds = bench_now() - start;
    } while (seconds < 0.5);
    printf("experts triangle: %.3g rows/s, %.1f %% of dgemm on all threads, on one\n",
           (double)done / seconds,
           100 * (double)done * (double)(q * q) / seconds / p->dgemm);
    free(source);
    free(chunk);
    free(triangle);
}

typedef struct run {
    const char *kind, *solver, *assign;
    bool left_out; /* as for a gate */
    int times;
} run;

/* The best time of a fit; the experts of the last. */
static double time_fit(const problem *p, const run *r, mele_experts **experts)
{
    size_t classes = strcmp(r->kind, "logistic") == 0 ? 2 : 0;
    mele_expert_options options = mele_expert_defaults();
    const mele_rows log_posteriors = mele_rows_of_array(p->log_posteriors, p->rows, p->clusters);
    mele_i_assigned assigned;
    const mele_expert_data data = {mele_rows_of_array(p->x, p->rows, p->columns),
                                   {mele_rows_of_array(p->y, p->rows, 1), classes}, NULL,
                                   &assigned.assignment};
    double best = INFINITY;
    mele_error error;

    options.kind = r->kind;
    options.solver = r->solver;
    bench_check(mele_i_assigned_make(&assigned, &log_posteriors, r->assign, p->engine, &error), &error);
    for (int i = 0; i < r->times; i++) {
        mele_experts_free(*experts);
        *experts = NULL;
        mele_left_out *left_out = NULL;
        double start = bench_now();
        bench_check(mele_experts_fit(&data, &options, p->engine, experts,
                                     r->left_out ? &left_out : NULL, NULL, &error), &error);
        best = fmin(best, bench_now() - start);
        mele_left_out_free(left_out);
    }
    mele_i_assigned_free(&assigned);
    return best;
}

/* Memory's share counts every number of the problem once. */
static void bench_fit(const problem *p, const run *r)
{
    mele_experts *experts = NULL;
    double seconds = time_fit(p, r, &experts), sum = 0;
    const bool soft = strcmp(r->assign, "soft") == 0;
    double read = (double)(p->rows * ((p->columns + 1) * sizeof(double)
                                      + (soft ? p->clusters * sizeof(double) : sizeof(uint32_t))));
    double start = bench_now();
    mele_experts_predict(experts, &(mele_matrix){p->x, p->rows, p->columns, p->columns}, p->engine,
                         p->predicted, NULL, NULL);
    double predicting = bench_now() - start;
    size_t outputs = p->clusters * mele_experts_outputs(experts);
    for (size_t i = 0; i < p->rows * outputs; i++)
        sum += p->predicted[i] * (double)(1 + i % 5);
    double bytes = (double)(p->rows * (p->columns + outputs) * sizeof(double));
    double products = (double)(p->rows * outputs * (p->columns + 1));
    printf("experts fit (%s, %s, %s%s): %.4g s, %.3g rows/s, %.1f %% of memory\n", r->kind,
           r->solver, r->assign, r->left_out ? ", left-out predictions" : "", seconds,
           (double)p->rows / seconds, 100 * read / seconds / p->bandwidth);
    printf("experts predict (%s): %.3g rows/s, %.1f %% of dgemm, %.1f %% of memory, checksum "
           "%.17g\n", r->kind, (double)p->rows / predicting, 100 * products / predicting / p->dgemm,
           100 * bytes / predicting / p->bandwidth, sum);
    mele_experts_free(experts);
}

int main(int count, char **arguments)
{
    problem p = {.rows = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000000,
                 .columns = count > 2 ? strtoul(arguments[2], NULL, 10) : 16,
                 .clusters = count > 3 ? strtoul(arguments[3], NULL, 10) : 16};

    p.engine = bench_engine(count > 4 ? (unsigned)strtoul(arguments[4], NULL, 10) : 0);
    p.x = large_room(p.rows * p.columns);
    p.y = large_room(p.rows);
    p.log_posteriors = large_room(p.rows * p.clusters);
    p.predicted = large_room(p.rows * p.clusters * 2);
    p.dgemm = bench_dgemm();
    p.bandwidth = bench_bandwidth(p.engine);
    fill(&p);
    printf("experts: %zu x %zu, %zu regions, %u threads, dgemm %.3g multiply-adds/s, memory %.3g "
           "bytes/s\n", p.rows, p.columns, p.clusters, mele_engine_threads(p.engine), p.dgemm,
           p.bandwidth);
    bench_triangle(&p);
    bench_fit(&p, &(run){"linear", "normal", "hard", false, 9});
    bench_fit(&p, &(run){"linear", "qr", "hard", false, 5});
    bench_fit(&p, &(run){"linear", "normal", "hard", true, 3});
    bench_fit(&p, &(run){"linear", "qr", "hard", true, 3});
    bench_fit(&p, &(run){"linear", "qr", "soft", false, 1});
    for (size_t i = 0; i < p.rows; i++)
        p.y[i] = p.y[i] > 0;
    bench_fit(&p, &(run){"logistic", "qr", "hard", false, 1});
    free(p.x);
    free(p.y);
    free(p.log_posteriors);
    free(p.predicted);
    mele_engine_free(p.engine);
    return 0;
}
