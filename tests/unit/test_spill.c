/* Text files whose rows do not fit into memory: through a temporary file they give the same bytes,
 * and the same errors, as from memory; and what can go wrong with that file is told. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "data/temporary.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/file_support.h"

#define ROWS 3000

/* ---- files ---- */

static char *write_text(const char *text, size_t length)
{
    static char path[] = "/tmp/mele-spill-XXXXXX.csv";

    strcpy(path, "/tmp/mele-spill-XXXXXX.csv");
    int descriptor = mkstemps(path, 4);
    cr_assert_geq(descriptor, 0);
    FILE *file = fdopen(descriptor, "wb");
    cr_assert_eq(fwrite(text, 1, length, file), length);
    cr_assert_eq(fclose(file), 0);
    return path;
}

/* What is odd about the rows. */
typedef struct oddness {
    bool missing;   /* some cells are */
    bool same_line; /* no cell goes over several lines */
} oddness;

/* Three blobs in a and b; c: a category that is mostly "mid", of which "a first" and "zz, last" come
 * late, the smallest level last of all; d: a category of one level; e: numbers as a category, in
 * several spellings; y: a target; l: classes; w: weights, of which some are 0; g: groups. */
static char *write_rows(oddness odd)
{
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_FOLDS, 0, 0);
    char *text = malloc(200 * ROWS), *at = text;

    at += sprintf(at, "a,c,b,d,e,y,l,w,g\n");
    for (size_t i = 0; i < ROWS; i++) {
        const size_t blob = i % 3;
        const char *c = i == ROWS - 1                    ? "a first"
                        : i > ROWS / 2 && i % 5 == 0     ? "\"zz, last\""
                        : !odd.same_line && i % 7 == 0   ? "\"two\nlines\""
                        : i % 2 == 0                     ? "mid"
                                                         : "other";
        const char *e = i % 4 == 0 ? "1.0" : i % 4 == 1 ? "1" : i % 4 == 2 ? "02" : "-3";
        const bool gap = odd.missing && i % 11 == 4;
        at += sprintf(at, "%.6f,", 3 * (double)blob + mele_i_stream_uniform(&stream));
        at += sprintf(at, "%s,", odd.missing && i % 13 == 5 ? "NA" : c);
        at += gap ? sprintf(at, "?,")
                  : sprintf(at, "%.6f,", 2 - (double)blob + mele_i_stream_uniform(&stream));
        at += sprintf(at, "only,%s,%.6f,%s,%zu,%s\n", e,
                      (double)blob - mele_i_stream_uniform(&stream), i % 3 == 1 ? "yes" : "no",
                      i % 5, i % 17 < 8 ? "north" : "east");
    }
    char *path = write_text(text, (size_t)(at - text));
    free(text);
    return path;
}

/* ---- fits ---- */

static mele_options with_defaults(void)
{
    mele_options options = mele_options_defaults();

    options.data.categorical = "e";
    options.data.features = "a,b,c,d,e";
    options.partition.clusters = 3;
    options.partition.restarts = 2;
    options.partition.max_iterations = 5;
    return options;
}

static const struct roles {
    const char *on, *target, *weights, *group;
} roles[] = {
    {"x", NULL, NULL, NULL},
    {"x", "y", "w", "g"},
    {"a,e", "y", NULL, NULL},
    {"c", NULL, "w", NULL},
    {"xy", "y", "w", NULL},
    {"xy", "l", NULL, "g"},
};

/* No row is lost on the way through a temporary file. */
static void assert_all_rows(const char *path)
{
    mele_options options = with_defaults();
    mele_data *data = NULL;

    options.data.memory = IN_FILE;
    options.data.missing = "drop";
    cr_assert_eq(mele_data_read(path, &options.data, NULL, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_data_rows(data) + mele_data_dropped(data), ROWS);
    mele_data_free(data);
}

Test(spill, stage_1_gives_the_bytes_of_memory)
{
    static const char *const scales[] = {"standard", "minmax", "none"};

    for (int missing = 0; missing < 2; missing++) {
        char *path = write_rows((oddness){missing, false});
        assert_all_rows(path);
        for (size_t r = 0; r < sizeof roles / sizeof *roles; r++)
            for (size_t m = 0; m < 2; m++) {
                mele_options options = with_defaults();
                char what[128];
                options.partition.method = m == 0 ? "kmeans" : "gmm";
                if (m == 1)
                    options.partition.covariance = "diagonal";
                options.cluster_on = roles[r].on;
                options.data.target = roles[r].target;
                options.data.weights = roles[r].weights;
                options.data.group = roles[r].group;
                options.scale = scales[(r + m) % 3];
                options.data.missing = missing ? (r % 2 == 0 ? "drop" : "mean") : "fail";
                snprintf(what, sizeof what, "%s, roles %zu, %s, %s", options.partition.method, r,
                         options.scale, options.data.missing);
                expect_same(path, &options, mele_fit_partition, 1 + (unsigned)r % 3, what);
            }
        unlink(path);
    }
}

Test(spill, the_whole_fit_gives_the_bytes_of_memory)
{
    char *path = write_rows((oddness){true, false});

    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
        mele_options options = with_defaults();
        if (roles[r].target == NULL)
            continue;
        options.cluster_on = roles[r].on;
        options.data.target = roles[r].target;
        options.data.weights = roles[r].weights;
        options.data.group = roles[r].group;
        options.data.missing = r % 2 == 0 ? "drop" : "mean";
        expect_same(path, &options, mele_fit, 2, roles[r].on);
    }
    unlink(path);
}

/* A .npy file has no levels of its own: of one with categories the rows go the same way. */
Test(spill, levels_of_a_npy_file_too)
{
    char path[] = "/tmp/mele-spill-XXXXXX.npy", header[118];
    int length = snprintf(header, sizeof header,
                          "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, 3)}", ROWS);
    int descriptor = mkstemps(path, 4);
    FILE *file = fdopen(descriptor, "wb");
    mele_options options = with_defaults();

    memset(header + length, ' ', sizeof header - (size_t)length);
    header[sizeof header - 1] = '\n';
    cr_assert_eq(fwrite("\x93NUMPY\x01\x00\x76\x00", 10, 1, file), 1);
    cr_assert_eq(fwrite(header, sizeof header, 1, file), 1);
    for (int i = 0; i < ROWS; i++) {
        const double row[] = {i % 3 + 1e-4 * i, (i * 7) % 11, i % 3};
        cr_assert_eq(fwrite(row, sizeof row, 1, file), 1);
    }
    cr_assert_eq(fclose(file), 0);
    options.data.categorical = "x2";
    options.data.features = "x1,x2";
    options.data.target = "x3";
    expect_same(path, &options, mele_fit_partition, 2, "regression");
    options.data.task = "classification";
    expect_same(path, &options, mele_fit_partition, 2, "classification");
    unlink(path);
}

/* Levels make more columns of a table than fit beside it. */
Test(spill, a_table_that_becomes_wide_is_moved_to_the_file)
{
    char *path = write_rows((oddness){false, false});
    mele_options options = with_defaults();
    mele_data *data = NULL;
    char *text[2];

    for (int file = 0; file < 2; file++) {
        mele_model *model = NULL;
        options.data.features = "c,e"; /* 2 columns, or 4 and 2 indicators */
        options.data.target = "l";
        options.data.memory = (file ? 7 : 8) * ROWS * sizeof(double);
        cr_assert_eq(mele_data_read(path, &options.data, NULL, NULL, &data, NULL), MELE_OK);
        cr_assert_eq(data->windows != NULL, file);
        cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, NULL), MELE_OK);
        cr_assert_eq(mele_model_text(model, &text[file], NULL, NULL), MELE_OK);
        mele_model_free(model);
        mele_data_free(data);
    }
    cr_assert_str_eq(text[0], text[1]);
    free(text[0]);
    free(text[1]);
    unlink(path);
}

/* The file is read once, and may change or go after that. */
Test(spill, the_rows_are_those_that_were_read)
{
    char *path = write_rows((oddness){false, false}), *text[2];
    mele_options options = with_defaults();

    options.data.memory = IN_FILE;
    for (int gone = 0; gone < 2; gone++) {
        mele_data *data = NULL;
        mele_model *model = NULL;
        mele_error error = {0};
        cr_assert_eq(mele_data_read(path, &options.data, NULL, NULL, &data, NULL), MELE_OK);
        if (gone)
            cr_assert_eq(truncate(path, 100), 0);
        cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, &error), MELE_OK, "%s",
                     error.message);
        cr_assert_eq(mele_model_text(model, &text[gone], NULL, NULL), MELE_OK);
        mele_model_free(model);
        mele_data_free(data);
    }
    cr_assert_str_eq(text[0], text[1]);
    free(text[0]);
    free(text[1]);
    unlink(path);
}

/* ---- what a row must not hold ---- */

static mele_schema *schema_of(const char *text, mele_data **data)
{
    char *path = write_text(text, strlen(text));

    cr_assert_eq(mele_data_read(path, NULL, NULL, NULL, data, NULL), MELE_OK);
    unlink(path);
    return (mele_schema *)mele_data_schema(*data);
}

static const struct refusal {
    char what[40], text[120], known[40], message[160];
    size_t line;
} refusals[] = {
    {"a missing number", "c,a\nu,1\n\"v\nw\",2\nu,\n", "",
     "column \"a\": " MELE_I_MISSING_VALUE, 5},
    {"a missing level", "c,a\nu,1\n\n,2\nv,3\n", "", "column \"c\": " MELE_I_MISSING_VALUE, 4},
    {"a level that is not known", "c,a\nv,1\n\"x\ny\",2\nnew,3\n", "c,a\nv,1\nu,2\n",
     "column \"c\": the model does not know the level \"x\\ny\"", 3},
    {"text", "c,a\nv,1\nu,2\nu,3\nu,4\nu,5\nu,6\nu,7\nu,8\nu,9\nu,10\nu,end\n", "",
     "column \"a\": \"end\" is not a number (--na end if it means missing; --categorical a if it is "
     "a category)", 12},
    {"too few cells", "c,a\nu,1\nv,2\nu\n", "", "1 cell where the header has 2", 4},
    {"infinity", "c,a\nu,1\nv,1e999\n", "", "column \"a\": \"1e999\" is not a finite number", 3},
    {"nothing", "c,a\n", "", "there are no data rows", 0},
    {"missing before text", "c,a\nu,1\nv,2\nv,2\nv,2\nv,2\nv,2\nv,2\n,3\nu,4\nu,5\nu,6\nu,x\n", "",
     "column \"a\": \"x\" is not a number (--na x if it means missing; --categorical a if it is a "
     "category)", 13},
};

Test(spill, what_a_row_must_not_hold_is_named_as_from_memory)
{
    for (size_t r = 0; r < sizeof refusals / sizeof *refusals; r++)
        for (size_t memory = 0; memory <= IN_FILE; memory++) {
            const struct refusal *refusal = &refusals[r];
            mele_data *known = NULL, *data = NULL;
            mele_schema *schema = refusal->known[0] == '\0' ? NULL
                                                            : schema_of(refusal->known, &known);
            char *path = write_text(refusal->text, strlen(refusal->text));
            mele_data_options options = mele_data_defaults();
            mele_error error = {0};
            options.memory = memory;
            cr_assert_eq(mele_data_read(path, &options, schema, NULL, &data, &error), MELE_EDATA,
                         "%s", refusal->what);
            cr_assert_str_eq(error.message, refusal->message, "%s: %s", refusal->what,
                             error.message);
            cr_assert_eq(error.line, refusal->line, "%s: line %zu", refusal->what, error.line);
            cr_assert_null(data);
            mele_data_free(known);
            unlink(path);
        }
}

Test(spill, a_negative_weight_is_refused)
{
    static const char text[] = "a,w\n1,1\n2,0\n3,-1\n";
    char *path = write_text(text, strlen(text));
    mele_data_options options = mele_data_defaults();
    mele_data *data = NULL;
    mele_error error = {0};

    options.memory = IN_FILE;
    options.weights = "w";
    cr_assert_eq(mele_data_read(path, &options, NULL, NULL, &data, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "column \"w\": a weight must not be negative");
    cr_assert_eq(error.line, 4);
    unlink(path);
}

/* A column of ids is one whose levels are too many for all rows, not for those of a part. */
Test(spill, ids_are_told_by_all_rows)
{
    char *text = malloc(1000 * 32), *at = text;
    mele_data *data = NULL;

    at += sprintf(at, "a,c\n");
    for (int i = 0; i < 1000; i++)
        at += sprintf(at, "%d,c%d\n", i, i < 30 ? i : i % 7);
    char *path = write_text(text, (size_t)(at - text));
    mele_data_options options = mele_data_defaults();
    options.memory = 2 * 2 * 35 * sizeof(double); /* 35 rows, of which 30 have levels of their own */
    cr_assert_eq(mele_data_read(path, &options, NULL, NULL, &data, NULL), MELE_OK);
    cr_assert_not_null(data->windows);
    mele_data_free(data);
    unlink(path);
    at = text + sprintf(text, "a,c\n");
    for (int i = 0; i < 1000; i++)
        at += sprintf(at, "%d,c%d\n", i, i);
    path = write_text(text, (size_t)(at - text));
    cr_assert_eq(mele_data_read(path, &options, NULL, NULL, &data, NULL), MELE_EDATA);
    unlink(path);
    free(text);
}

/* ---- the temporary file ---- */

static mele_status read_to_file(const char *path, mele_error *error)
{
    mele_data_options options = mele_data_defaults();
    mele_data *data = NULL;

    options.memory = IN_FILE;
    options.categorical = "e";
    mele_status status = mele_data_read(path, &options, NULL, NULL, &data, error);
    mele_data_free(data);
    return status;
}

Test(spill, no_directory_for_it_is_told)
{
    char *path = write_rows((oddness){false, true});
    mele_error error = {0};

    cr_assert_eq(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
    cr_assert_eq(read_to_file(path, &error), MELE_EIO);
    cr_assert_not_null(strstr(error.message, "\"/nowhere/at/all\": No such file or directory"),
                       "%s", error.message);
    cr_assert_not_null(strstr(error.message, "TMPDIR"));
    cr_assert_not_null(strstr(error.message, "--memory"));
    cr_assert_eq(setenv("TMPDIR", "", 1), 0);
    cr_assert_eq(read_to_file(path, &error), MELE_OK);
    unlink(path);
}

/* SIGXFSZ would end the process. */
Test(spill, a_file_that_may_not_become_so_long_is_an_error)
{
    char *path = write_rows((oddness){false, true});
    struct rlimit limit;
    mele_error error = {0};

    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 50000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    mele_status status = read_to_file(path, &error);
    limit.rlim_cur = before;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(status, MELE_EIO);
    cr_assert_not_null(strstr(error.message, "File too large"), "%s", error.message);
    cr_assert_eq(read_to_file(path, &error), MELE_OK);
    unlink(path);
}

static size_t count_files(const char *directory)
{
    DIR *open = opendir(directory);
    size_t count = 0;

    while (readdir(open) != NULL)
        count++;
    closedir(open);
    return count;
}

Test(spill, it_has_no_name)
{
    char directory[] = "/tmp/mele-spill-XXXXXX", bytes[4] = "";
    mele_status (*const open[])(mele_i_temporary *, mele_error *) = {mele_i_temporary_open,
                                                                     mele_i_temporary_open_named};

    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(setenv("TMPDIR", directory, 1), 0);
    const size_t files = count_files(directory);
    for (int o = 0; o < 2; o++) {
        mele_i_temporary temporary = {-1};
        cr_assert_eq(open[o](&temporary, NULL), MELE_OK);
        cr_assert_eq(count_files(directory), files);
        cr_assert_eq(mele_i_temporary_write(&temporary, 5, "abc", 3, NULL), MELE_OK);
        cr_assert_eq(pread(temporary.file, bytes, 4, 5), 3);
        cr_assert_str_eq(bytes, "abc");
        cr_assert_eq(fcntl(temporary.file, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        const int closed = temporary.file;
        mele_i_temporary_close(&temporary);
        cr_assert_eq(fcntl(closed, F_GETFD), -1);
        mele_i_temporary_close(&temporary);
    }
    cr_assert_eq(setenv("TMPDIR", "", 1), 0);
    cr_assert_eq(rmdir(directory), 0);
}

Test(spill, every_allocation_may_fail)
{
    static const char text[] = "c,a,y,w,g\nu,1,yes,1,7\nv,,no,2,8\n\"x\nz\",3,yes,1,7\nu,5,no,1,9\n";
    char *path = write_text(text, strlen(text));
    mele_data_options options = mele_data_defaults();
    mele_data *known = NULL;

    options.memory = IN_FILE;
    options.missing = "drop";
    options.target = "y";
    options.weights = "w";
    options.group = "g";
    cr_assert_eq(mele_data_read(path, &options, NULL, NULL, &known, NULL), MELE_OK);
    for (int follow = 0; follow < 2; follow++)
        for (size_t n = 0;; n++) {
            mele_data *data = NULL;
            mele_error error = {0};
            failing_malloc_at(n);
            mele_status status = mele_data_read(path, &options,
                                                follow ? mele_data_schema(known) : NULL, NULL,
                                                &data, &error);
            bool failed = failing_malloc_end();
            /* what cannot shrink stays as large as it is */
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu: %s",
                      n, error.message);
            cr_assert_eq(data == NULL, status != MELE_OK);
            if (data != NULL)
                cr_assert_eq(mele_data_rows(data), 3);
            mele_data_free(data);
            if (!failed) {
                cr_assert_gt(n, 20);
                break;
            }
        }
    mele_data_free(known);
    unlink(path);
}

/* Of rows in a file, their folds, and a fold's predictions. */
Test(spill, memory_may_run_out_while_folds_are_worked_on)
{
    static const char text[] = "c,a,y\nu,1,2\nv,7,3\nu,3,3\nw,5,1\nu,2,2\nv,8,3\nu,3,4\nw,6,2\n";
    char *path = write_text(text, strlen(text));
    mele_options options = mele_options_defaults();
    mele_data *data = NULL;

    options.data.memory = IN_FILE;
    options.data.target = "y";
    options.partition.clusters = 2;
    options.partition.restarts = 1;
    options.gate.kind = "posterior";
    cr_assert_eq(mele_data_read(path, &options.data, NULL, NULL, &data, NULL), MELE_OK);
    mele_cv_options cv = mele_cv_defaults();
    cv.folds = 2;
    for (size_t n = 0, step = TEST_SIZE(1, 7, 29);; n += step) {
        mele_error error = {0};
        failing_malloc_at(n);
        mele_status status = mele_cross_validate(data, &options, &cv, NULL, NULL, NULL, &error);
        bool failed = failing_malloc_end();
        cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu: %s", n,
                  error.message);
        if (!failed) {
            cr_assert_gt(n, 300);
            break;
        }
    }
    mele_data_free(data);
    unlink(path);
}
