/* Fits to a file that stays a file: the same bytes as from memory, whatever it is made of, and
 * clean ends when it shrinks or memory runs out. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/file_support.h"

#define ROWS 4000
#define FEATURES 12
#define COLUMNS (FEATURES + 3) /* target, weights, classes */

/* ---- files ---- */

typedef struct form {
    const char *type; /* "<f8" or "<f4" */
    bool by_columns;
} form;

static const form forms[] = {{"<f8", false}, {"<f4", false}, {"<f8", true}, {"<f4", true}};

/* Three blobs, a target, weights of which some are 0, and classes. All are singles. */
static void make_numbers(double *out)
{
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_FOLDS, 0, 0);

    for (size_t i = 0; i < ROWS; i++, out += COLUMNS) {
        size_t blob = i % 3;
        for (size_t j = 0; j < FEATURES; j++)
            out[j] = (float)(4 * (double)((blob + j) % 3) + mele_i_stream_uniform(&stream));
        out[FEATURES] = (float)((double)blob - mele_i_stream_uniform(&stream));
        out[FEATURES + 1] = (double)(i % 5);
        out[FEATURES + 2] = (double)(10 * (i % 4));
    }
}

static void put_number(FILE *file, const char *type, double value)
{
    const float single = (float)value;

    if (type[2] == '8')
        cr_assert_eq(fwrite(&value, sizeof value, 1, file), 1);
    else
        cr_assert_eq(fwrite(&single, sizeof single, 1, file), 1);
}

static char *write_file(const form *f, const double *numbers, size_t rows, size_t columns)
{
    static char path[] = "/tmp/mele-windows-XXXXXX.npy";
    char header[118];

    strcpy(path, "/tmp/mele-windows-XXXXXX.npy");
    int descriptor = mkstemps(path, 4);
    cr_assert_geq(descriptor, 0);
    FILE *file = fdopen(descriptor, "wb");
    int length = snprintf(header, sizeof header,
                          "{'descr': '%s', 'fortran_order': %s, 'shape': (%zu, %zu)}", f->type,
                          f->by_columns ? "True" : "False", rows, columns);
    memset(header + length, ' ', sizeof header - (size_t)length);
    header[sizeof header - 1] = '\n';
    cr_assert_eq(fwrite("\x93NUMPY\x01\x00\x76\x00", 10, 1, file), 1);
    cr_assert_eq(fwrite(header, sizeof header, 1, file), 1);
    for (size_t e = 0; e < rows * columns; e++)
        put_number(file, f->type, f->by_columns ? numbers[e % rows * columns + e / rows]
                                                : numbers[e]);
    cr_assert_eq(fclose(file), 0);
    return path;
}

static char *write_rows(const form *f, bool with_missing)
{
    double *numbers = malloc(ROWS * COLUMNS * sizeof *numbers);

    make_numbers(numbers);
    for (size_t i = 0; i < ROWS && with_missing; i++)
        if (i % 7 == 3 || (i > 1000 && i < 1300))
            numbers[i * COLUMNS + i % FEATURES] = NAN;
    char *path = write_file(f, numbers, ROWS, COLUMNS);
    free(numbers);
    return path;
}

/* ---- fits ---- */

static mele_options with_defaults(void)
{
    mele_options options = mele_options_defaults();

    options.data.ignore = "13-15";
    options.partition.clusters = 3;
    options.partition.restarts = 2;
    options.partition.max_iterations = 4;
    return options;
}

/* What is clustered on, and with which roles. */
static const struct roles {
    const char *on, *target, *weights, *ignore, *task;
} roles[] = {
    {"x", NULL, NULL, "13-15", NULL},
    {"x", NULL, NULL, "1,13-15", NULL},
    {"x2-x5", NULL, "14", "13,15", NULL},
    {"x1,x7", "13", NULL, "14-15", NULL},
    {"xy", "13", "14", "15", NULL},
    {"xy", "15", "14", "13", "classification"},
    {"xy", "13,15", NULL, "14", NULL},
};

static void fit_all(const char *method, bool with_missing)
{
    static const char *const scales[] = {"standard", "minmax", "none"};
    static const char *const policies[] = {"fail", "drop", "mean"};

    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        char *path = write_rows(&forms[f], with_missing);
        for (size_t r = 0; r < sizeof roles / sizeof *roles; r++)
            for (size_t s = 0; s < 3; s++) {
                if (TEST_SIZE(false, s != (f + r) % 3, s != (f + r) % 3 || (r + f) % 2 != with_missing))
                    continue;
                mele_options options = with_defaults();
                char what[128];
                options.partition.method = method;
                options.cluster_on = roles[r].on;
                options.data.target = roles[r].target;
                options.data.weights = roles[r].weights;
                options.data.ignore = roles[r].ignore;
                options.data.task = roles[r].task;
                options.scale = scales[s];
                options.data.missing = policies[with_missing ? 1 + (r + s) % 2 : 0];
                snprintf(what, sizeof what, "%s %s by %s: roles %zu, %s, %s", method, forms[f].type,
                         forms[f].by_columns ? "columns" : "rows", r, options.scale,
                         options.data.missing);
                expect_same(path, &options, mele_fit_partition, 2, what);
            }
        unlink(path);
    }
}

Test(windows, kmeans_gives_the_bytes_of_memory)
{
    fit_all("kmeans", false);
    fit_all("kmeans", true);
}

Test(windows, gmm_gives_the_bytes_of_memory)
{
    fit_all("gmm", false);
    fit_all("gmm", true);
}

Test(windows, other_methods_give_the_bytes_of_memory)
{
    fit_all("fcm", false);
    fit_all("som", false);
    fit_all("random", false);
}

Test(windows, any_number_of_threads_gives_the_same_bytes)
{
    static const unsigned threads[] = {1, 3, 8};
    char *path = write_rows(&forms[0], true);

    for (size_t t = 0; t < 3; t++) {
        mele_options options = with_defaults();
        options.data.missing = t == 1 ? "drop" : "mean";
        for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
            options.partition.method = mele_partition_method(m);
            expect_same(path, &options, mele_fit_partition, threads[t], options.partition.method);
        }
    }
    unlink(path);
}

/* ---- later stages read what they need ---- */

Test(windows, the_whole_fit_gives_the_bytes_of_memory)
{
    char *path = write_rows(&forms[0], true), *text[2];
    size_t length;

    for (size_t file = 0; file < 2; file++) {
        mele_options options = with_defaults();
        mele_data *data = NULL;
        mele_model *model = NULL;
        mele_error error = {0};
        options.data.target = "13";
        options.data.ignore = "14-15";
        options.data.missing = "drop";
        options.data.memory = file ? IN_FILE : 0;
        cr_assert_eq(mele_data_read(path, &options.data, NULL, NULL, &data, &error), MELE_OK);
        cr_assert_eq(mele_data_rows(data) + mele_data_dropped(data), ROWS);
        cr_assert_eq(mele_fit(data, &options, NULL, NULL, &model, &error), MELE_OK, "%s",
                     error.message);
        cr_assert_eq(mele_model_text(model, &text[file], &length, NULL), MELE_OK);
        mele_model_free(model);
        mele_data_free(data);
    }
    cr_assert_str_eq(text[0], text[1]);
    free(text[0]);
    free(text[1]);
    unlink(path);
}

/* ---- parts of the rows ---- */

/* What is in the report but the seconds. */
static char *report_text(const mele_report *report)
{
    char *text = NULL;
    size_t length;

    cr_assert_eq(mele_report_text(report, &text, &length, NULL), MELE_OK);
    char *seconds = strstr(text, "\"seconds\""), *end = seconds == NULL ? NULL : strchr(seconds, '}');
    if (end != NULL)
        memmove(seconds, end, strlen(end) + 1);
    return text;
}

typedef struct appended {
    char *text;
    size_t length, room;
} appended;

static bool append(const char *piece, size_t length, void *user)
{
    appended *to = user;

    cr_assert_lt(to->length + length, to->room);
    memcpy(to->text + to->length, piece, length);
    to->length += length;
    to->text[to->length] = '\0';
    return true;
}

/* Errors, numbers of regions, and the rows left out, from folds whose rows lie here and there in the
 * file. */
static char *cross_validate(const char *path, mele_options options, size_t memory,
                            mele_engine *engine)
{
    mele_data *data = NULL;
    mele_report *report = NULL;
    mele_cv_result *result = NULL;
    mele_error error = {0};

    options.data.memory = memory;
    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    cr_assert_eq(mele_data_read(path, &options.data, NULL, engine, &data, NULL), MELE_OK);
    cr_assert_eq(data->windows != NULL, memory == IN_FILE);
    const mele_cv_options cv = {.folds = options.data.folds == NULL ? 3 : 0, .repeats = 1,
                                .rows = true};
    cr_assert_eq(mele_cross_validate(data, &options, &cv, engine, report, &result, &error),
                 MELE_OK, "%s", error.message);
    char *text = report_text(report);
    const size_t length = strlen(text), room = length + 4000000;
    appended to = {realloc(text, room), length, room};
    cr_assert_eq(mele_cv_write(result, data, append, &to, NULL), MELE_OK);
    text = to.text;
    mele_cv_result_free(result);
    mele_report_free(report);
    mele_data_free(data);
    return text;
}

Test(windows, cross_validation_measures_what_it_does_in_memory)
{
    mele_engine *engine = engine_of(3);

    for (int missing = 0; missing < 2; missing++) {
        char *path = write_rows(&forms[missing], missing);
        mele_options options = with_defaults();
        options.data.target = missing ? "15" : "13";
        options.data.task = missing ? "classification" : NULL;
        options.data.weights = "14";
        options.data.ignore = missing ? "13" : NULL;
        options.data.missing = missing ? "drop" : "fail";
        options.data.folds = missing ? NULL : "15";
        options.data.group = missing ? NULL : "15";
        options.data.id = missing ? "13" : NULL;
        options.data.keep_id = missing;
        options.partition.clusters = missing ? 3 : 0;
        options.clusters_least = 1;
        options.clusters_most = TEST_SIZE(3, 3, 2);
        options.gate.kind = TEST_SIZE("auto", "softmax", missing ? "softmax" : "posterior");
        char *memory = cross_validate(path, options, 0, NULL);
        char *file = cross_validate(path, options, IN_FILE, engine);
        cr_assert_str_eq(memory, file);
        free(memory);
        free(file);
        unlink(path);
    }
    mele_engine_free(engine);
}

/* Lists of rows, in any order, are those rows. */
Test(windows, any_rows_can_be_read)
{
    enum { LISTED = 300, SOME = 90 };
    char *path = write_rows(&forms[0], true);
    mele_data_options options = mele_data_defaults();
    mele_data *data = NULL, *part = NULL;
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_FOLDS, 0, 0);

    options.memory = IN_FILE;
    options.missing = "drop";
    cr_assert_eq(mele_data_read(path, &options, NULL, NULL, &data, NULL), MELE_OK);
    double *all = malloc(data->rows * COLUMNS * sizeof *all);
    double *some = malloc(LISTED * COLUMNS * sizeof *some);
    size_t row[LISTED];
    cr_assert_eq(mele_i_windows_read(data->windows, NULL, 0, data->rows, all, NULL), MELE_OK);
    for (int pattern = 0; pattern < 4; pattern++) {
        size_t at = 0;
        for (size_t i = 0; i < LISTED; i++) {
            double u = mele_i_stream_uniform(&stream);
            row[i] = pattern == 3 ? (size_t)(u * (double)data->rows) : at;
            at += pattern == 0 ? 1 : pattern == 1 ? 1 + (u < 0.3) : 1 + (size_t)(30 * u * u * u * u);
        }
        cr_assert_lt(pattern == 3 ? 0 : at, data->rows);
        for (size_t first = 0, count; first < LISTED; first += count) {
            count = first + SOME > LISTED ? LISTED - first : SOME;
            cr_assert_eq(mele_i_windows_read(data->windows, row, first, count,
                                             some + first * COLUMNS, NULL), MELE_OK);
        }
        for (size_t i = 0; i < LISTED; i++)
            cr_assert_arr_eq(some + i * COLUMNS, all + row[i] * COLUMNS, COLUMNS * sizeof *some,
                             "pattern %d, row %zu", pattern, i);
    }
    cr_assert_eq(mele_i_data_subset(data, row, LISTED, true, &part, NULL), MELE_OK);
    size_t third = mele_i_data_row(part, 2);
    cr_assert_eq(third, mele_i_data_row(data, row[2]));
    cr_assert_eq(mele_i_data_hold(part, NULL), MELE_OK);
    cr_assert_null(part->windows);
    cr_assert_eq(mele_i_data_row(part, 2), third);
    cr_assert_arr_eq(part->matrix, some, LISTED * COLUMNS * sizeof *some);
    mele_data_free(part);
    mele_data_free(data);
    free(all);
    free(some);
    unlink(path);
}

/* ---- what is refused ---- */

static void refused(const double *numbers, const char *weights, const char *message)
{
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        for (size_t memory = 0; memory <= IN_FILE; memory++) {
            char *path = write_file(&forms[f], numbers, 3, 2);
            mele_data_options options = mele_data_defaults();
            mele_data *data = NULL;
            mele_error error = {0};
            options.memory = memory;
            options.weights = weights;
            cr_assert_eq(mele_data_read(path, &options, NULL, NULL, &data, &error), MELE_EDATA);
            cr_assert_str_eq(error.message, message);
            cr_assert_eq(error.line, 2);
            cr_assert_null(data);
            unlink(path);
        }
}

Test(windows, what_a_row_must_not_hold_is_named)
{
    refused((double[]){1, 2, 3, NAN, NAN, 6}, NULL, "column \"x2\": " MELE_I_MISSING_VALUE);
    refused((double[]){1, 2, -INFINITY, 4, NAN, 6}, NULL,
            "column \"x1\": \"-inf\" is not a finite number");
    refused((double[]){1, 2, 3, INFINITY, 5, 6}, "2",
            "column \"x2\": \"inf\" is not a finite number");
    refused((double[]){1, 2, 3, -4, 5, -6}, "2", "column \"x2\": a weight must not be negative");
}

Test(windows, a_file_that_shrinks_ends_the_fit)
{
    char *path = write_rows(&forms[0], false);
    mele_options options = with_defaults();
    mele_engine *engine = engine_of(2);
    mele_data *data = NULL;
    mele_model *model = NULL;
    mele_error error = {0};

    options.data.memory = IN_FILE;
    cr_assert_eq(mele_data_read(path, &options.data, NULL, engine, &data, NULL), MELE_OK);
    cr_assert_eq(truncate(path, 100000), 0);
    cr_assert_eq(mele_fit_partition(data, &options, engine, NULL, &model, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "the file became shorter while it was read");
    cr_assert_null(model);
    mele_data_free(data);
    mele_engine_free(engine);
    unlink(path);
}

/* ---- memory that runs out ---- */

static mele_status read_and_fit(const char *path, const mele_options *options, mele_data **data,
                                mele_model **model)
{
    mele_error error = {0};
    mele_status status = mele_data_read(path, &options->data, NULL, NULL, data, &error);

    if (status == MELE_OK)
        status = mele_fit_partition(*data, options, NULL, NULL, model, &error);
    cr_assert_eq(status, error.status);
    return status;
}

static void fail_every_allocation(const char *path, const mele_options *options)
{
    for (size_t n = 0;; n++) {
        mele_data *data = NULL;
        mele_model *model = NULL;
        failing_malloc_at(n);
        mele_status status = read_and_fit(path, options, &data, &model);
        bool failed = failing_malloc_end();
        mele_data_free(data);
        if (!failed) {
            cr_assert_eq(status, MELE_OK);
            cr_assert_gt(n, 20);
            mele_model_free(model);
            return;
        }
        cr_assert_eq(status, MELE_ENOMEM, "allocation %zu", n);
        cr_assert_null(model);
    }
}

Test(windows, every_allocation_may_fail)
{
    mele_options options = with_defaults();

    for (size_t f = 0; f < sizeof forms / sizeof *forms; f += 3) {
        double *numbers = malloc(ROWS * COLUMNS * sizeof *numbers);
        make_numbers(numbers);
        numbers[5] = NAN;
        char *path = write_file(&forms[f], numbers, 100, COLUMNS);
        options.data.memory = IN_FILE;
        options.data.target = "13";
        options.data.weights = "14";
        options.data.ignore = "15";
        options.data.missing = "drop";
        options.cluster_on = "xy";
        options.partition.restarts = 1;
        options.partition.max_iterations = 2;
        fail_every_allocation(path, &options);
        options.data.memory = 0;
        fail_every_allocation(path, &options);
        free(numbers);
        unlink(path);
    }
}

/* ---- which rows are used ---- */

Test(row_set, finds_the_used_rows)
{
    static const size_t sizes[] = {1, 63, 64, 65, 4096, 4097, 20000};
    static const unsigned keep_one_in[] = {1, 2, 100, 5000};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t k = 0; k < sizeof keep_one_in / sizeof *keep_one_in; k++) {
            mele_i_stream stream = mele_i_stream_make(s, MELE_I_FOR_FOLDS, k, 0);
            size_t *expected = malloc(sizes[s] * sizeof *expected), used = 0;
            mele_i_row_set set;
            cr_assert(mele_i_row_set_new(sizes[s], &set));
            for (size_t i = 0; i < sizes[s]; i++)
                if (i == sizes[s] - 1 || mele_i_stream_uniform(&stream) * keep_one_in[k] < 1)
                    expected[used++] = i;
                else
                    mele_i_row_set_drop(&set, i);
            mele_i_row_set_finish(&set);
            cr_assert_eq(set.used, used);
            cr_assert_eq(set.bit == NULL, used == sizes[s]);
            for (size_t i = 0; i < used; i++) {
                cr_assert_eq(mele_i_row_set_at(&set, i), expected[i]);
                cr_assert_eq(mele_i_row_set_next(&set, i == 0 ? 0 : expected[i - 1] + 1),
                             expected[i]);
            }
            mele_i_row_set_clear(&set);
            free(expected);
        }
}

Test(windows, few_rows_may_be_left)
{
    double *numbers = malloc(ROWS * COLUMNS * sizeof *numbers);
    mele_options options = with_defaults();

    make_numbers(numbers);
    for (size_t i = 0; i < ROWS; i++)
        if (i % 97 != 90)
            numbers[i * COLUMNS] = NAN;
    char *path = write_file(&forms[0], numbers, ROWS, COLUMNS);
    options.data.missing = "drop";
    expect_same(path, &options, mele_fit_partition, 2, "one row of 97");
    free(numbers);
    unlink(path);
}

/* ---- the sizes of regions ---- */

Test(sizes, are_those_of_assign_also_where_regions_tie)
{
    /* Rows half way between centres, to the last bit and nearly, and far from all. */
    static const double centres[] = {0, 1, 2, 3}, offsets[] = {0, 1e-16, 1e-12, 1e-8, 1e9};
    double x[200];
    size_t count = 0;

    for (int i = -4; i < 12; i++)
        for (size_t o = 0; o < 5; o++, count += 2) {
            x[count] = 0.5 * i + offsets[o];
            x[count + 1] = 0.5 * i - offsets[o];
        }
    for (double variance = 1e-9; variance < 1e10; variance *= 1e3) {
        mele_partition_arrays parts = {.method = "kmeans", .centres = {centres, 4, 1, 1},
                                      .covariances = &variance};
        mele_matrix view = mele_matrix_of(x, count, 1);
        mele_rows rows = mele_rows_of(&view);
        mele_partition *partition = NULL;
        uint32_t label[200];
        size_t sizes[4], expected[4] = {0};
        cr_assert_eq(mele_partition_new(&parts, &partition, NULL), MELE_OK);
        cr_assert_eq(mele_partition_assign(partition, &rows, NULL, label, NULL), MELE_OK);
        for (size_t i = 0; i < count; i++)
            expected[label[i]]++;
        cr_assert_eq(mele_partition_sizes(partition, &rows, NULL, sizes, NULL), MELE_OK);
        cr_assert_arr_eq(sizes, expected, sizeof sizes, "variance %g", variance);
        rows.cols = 2;
        cr_assert_eq(mele_partition_sizes(partition, &rows, NULL, sizes, NULL), MELE_EINVAL);
        cr_assert_arr_eq(sizes, expected, sizeof sizes);
        mele_partition_free(partition);
    }
}
