/* Where k-means starts: seconds of k-means++ for each of some seeds, and the inertia that the fit
 * ends with from there. Usage: bench_start FILE K SEEDS [THREADS [ITERATIONS]]
 * FILE is a table of numbers; 0 iterations leave out the fit. Prints CSV: seed,seconds,inertia. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <mele/partition.h>
#include <mele/table.h>

#include "bench/machine.h"
#include "partition/start.h"

/* The table's numbers, row-major. */
static double *read_rows(const char *path, mele_engine *engine, size_t *rows, size_t *cols)
{
    mele_table *table = NULL;
    mele_error error;

    bench_check(mele_table_read(path, NULL, engine, &table, &error), &error);
    *rows = mele_table_rows(table);
    *cols = mele_table_columns(table);
    double *x = bench_room(*rows * *cols);
    for (size_t j = 0; j < *cols; j++) {
        const double *column = mele_table_values(table, j);
        for (size_t i = 0; i < *rows; i++)
            x[i * *cols + j] = column[i];
    }
    mele_table_free(table);
    return x;
}

static double time_start(const mele_matrix *x, const mele_partition_options *options,
                         mele_engine *engine, double *centres)
{
    mele_i_sample sample = {.rows = mele_rows_of(x)};
    const mele_i_attempt attempt = {&sample, options, 0, 1, engine};
    size_t found;
    mele_error error;

    bench_check(mele_i_sample_describe(&sample, engine, &error), &error);
    double begin = bench_now();
    bench_check(mele_i_start(&attempt, centres, &found, &error), &error);
    double seconds = bench_now() - begin;
    mele_i_sample_clear(&sample);
    return seconds;
}

static double fit_inertia(const mele_matrix *x, const mele_partition_options *options,
                          mele_engine *engine)
{
    mele_partition *partition = NULL;
    mele_partition_info info;
    mele_error error;

    bench_check(mele_partition_fit(x, NULL, options, engine, &partition, &info, &error), &error);
    mele_partition_free(partition);
    return info.objective;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bench_start FILE K SEEDS [THREADS [ITERATIONS]]\n");
        return 2;
    }
    mele_engine *engine = bench_engine(argc > 4 ? (unsigned)atoi(argv[4]) : 0);
    size_t rows, cols, seeds = (size_t)atol(argv[3]);
    double *x = read_rows(argv[1], engine, &rows, &cols);
    mele_matrix view = mele_matrix_of(x, rows, cols);
    mele_partition_options options = mele_partition_defaults();

    options.clusters = (size_t)atol(argv[2]);
    options.restarts = 1;
    options.max_iterations = argc > 5 ? (size_t)atol(argv[5]) : 0;
    double *centres = bench_room(options.clusters * cols);
    printf("seed,seconds,inertia\n");
    for (options.seed = 1; options.seed <= seeds; options.seed++) {
        double seconds = time_start(&view, &options, engine, centres);
        double inertia = options.max_iterations > 0 ? fit_inertia(&view, &options, engine) : NAN;
        printf("%ju,%.6f,%.17g\n", (uintmax_t)options.seed, seconds, inertia);
    }
    free(centres);
    free(x);
    mele_engine_free(engine);
    return 0;
}
