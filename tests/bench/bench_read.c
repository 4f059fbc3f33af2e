/* Reading and writing CSV: 1e6 rows of 17 numbers of 17 digits.
 *
 *     bench_read FILE [ROWS [THREADS]]
 *
 * makes FILE if it is not there (tests/bench/peers/read_pandas.py then times pandas on the same
 * file) and prints, as CSV, the best of three runs each of: libcsv's bare scan on one thread,
 * mele_table_read(), and writing the same numbers by mele_text and by printf("%.17g"). */
#include <csv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mele/engine.h>
#include <mele/table.h>
#include <mele/text.h>

#include "bench/machine.h"

enum { COLUMNS = 17, RUNS = 3 };

static void die(const char *what)
{
    fprintf(stderr, "bench_read: %s\n", what);
    exit(1);
}

/* Numbers between -50 and 50 from a fixed sequence (xorshift). */
static double next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return ((double)(*state >> 11) * 0x1p-53 - 0.5) * 100;
}

static void make_file(const char *path, size_t rows)
{
    uint64_t state = 88172645463325252u;
    FILE *file = fopen(path, "wb");

    if (file == NULL)
        die("cannot make the file");
    for (int j = 0; j < COLUMNS; j++)
        fprintf(file, "%sx%d", j == 0 ? "" : ",", j + 1);
    fputc('\n', file);
    for (size_t i = 0; i < rows; i++)
        for (int j = 0; j < COLUMNS; j++)
            fprintf(file, "%.17g%c", next_number(&state), j + 1 < COLUMNS ? ',' : '\n');
    if (fclose(file) != 0)
        die("cannot write the file");
}

static void report(const char *what, size_t rows, double bytes, double time, double checksum)
{
    printf("%s,%.3f,%.0f,%.0f,%.17g\n", what, time, (double)rows / time, bytes / time / 1e6,
           checksum);
    fflush(stdout);
}

static void count_cell(void *cell, size_t length, void *context)
{
    (void)cell;
    *(size_t *)context += length;
}

static double time_scan(const char *path, double *bytes, size_t *digits)
{
    static char buffer[1 << 18];
    struct csv_parser parser;
    double start = bench_now();
    FILE *file = fopen(path, "rb");
    size_t got;

    if (file == NULL || csv_init(&parser, 0) != 0)
        die("cannot scan");
    *bytes = 0;
    *digits = 0;
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) {
        csv_parse(&parser, buffer, got, count_cell, NULL, digits);
        *bytes += (double)got;
    }
    csv_fini(&parser, count_cell, NULL, digits);
    csv_free(&parser);
    fclose(file);
    return bench_now() - start;
}

static double sum_of(const mele_table *table)
{
    double sum = 0;

    for (size_t j = 0; j < mele_table_columns(table); j++)
        for (size_t i = 0; i < mele_table_rows(table); i++)
            sum += mele_table_values(table, j)[i];
    return sum;
}

static double time_read(const char *path, mele_engine *engine, mele_table **table)
{
    mele_error error;
    double start = bench_now();

    if (mele_table_read(path, NULL, engine, table, &error) != MELE_OK)
        die(error.message);
    return bench_now() - start;
}

static double time_text(const mele_table *table, size_t *bytes)
{
    mele_text *text = NULL;
    double start = bench_now();

    *bytes = 0;
    if (mele_text_new(',', &text, NULL) != MELE_OK)
        die("out of memory");
    for (size_t i = 0; i < mele_table_rows(table); i++) {
        for (size_t j = 0; j < COLUMNS; j++)
            mele_text_number(text, mele_table_values(table, j)[i]);
        mele_text_newline(text);
        if (mele_text_length(text) > 1 << 18) {
            *bytes += mele_text_length(text);
            mele_text_clear(text);
        }
    }
    *bytes += mele_text_length(text);
    mele_text_free(text);
    return bench_now() - start;
}

static double time_printf(const mele_table *table, size_t *bytes)
{
    static char buffer[1 << 10];
    double start = bench_now();

    *bytes = 0;
    for (size_t i = 0; i < mele_table_rows(table); i++) {
        char *at = buffer;
        for (size_t j = 0; j < COLUMNS; j++)
            at += sprintf(at, "%.17g%c", mele_table_values(table, j)[i],
                          j + 1 < COLUMNS ? ',' : '\n');
        *bytes += (size_t)(at - buffer);
    }
    return bench_now() - start;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "bench_read.csv";
    size_t rows = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000, digits = 0, written = 0;
    double scan = INFINITY, read = INFINITY, text = INFINITY, print = INFINITY, bytes = 0;
    mele_engine *engine = bench_engine(argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0);
    mele_table *table = NULL;

    if (access(path, R_OK) != 0)
        make_file(path, rows);
    printf("what,seconds,rows_per_second,megabytes_per_second,checksum\n");
    for (int run = 0; run < RUNS; run++)
        scan = fmin(scan, time_scan(path, &bytes, &digits));
    report("libcsv_scan", rows, bytes, scan, (double)digits);
    for (int run = 0; run < RUNS; run++) {
        mele_table_free(table);
        read = fmin(read, time_read(path, engine, &table));
    }
    rows = mele_table_rows(table);
    report("mele_table_read", rows, bytes, read, sum_of(table));
    for (int run = 0; run < RUNS; run++)
        text = fmin(text, time_text(table, &written));
    report("mele_text", rows, (double)written, text, (double)written);
    print = time_printf(table, &written);
    report("printf_17g", rows, (double)written, print, (double)written);
    printf("# written %.1f times as fast as printf\n", print / text);
    mele_table_free(table);
    mele_engine_free(engine);
    return 0;
}
