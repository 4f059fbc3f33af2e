/* Reading .npy files, which the tests write byte by byte. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include <mele/table.h>

#include "unit/table_support.h"

/* The start of a file: magic, version, header padded as NumPy does it. Returns its length. */
static size_t put_start(char *out, int version, const char *dictionary)
{
    size_t length = strlen(dictionary), from = version == 1 ? 10 : 12;
    size_t padded = (from + length + 1 + 63) / 64 * 64 - from;

    memcpy(out, "\x93NUMPY", 6);
    out[6] = (char)version;
    out[7] = 0;
    memset(out + 8, 0, 4);
    out[8] = (char)(padded & 0xFF);
    out[9] = (char)(padded >> 8);
    memset(out + from, ' ', padded);
    memcpy(out + from, dictionary, length);
    out[from + padded - 1] = '\n';
    return from + padded;
}

static test_file make_npy(int version, const char *dictionary, const void *numbers, size_t bytes)
{
    char *out = malloc(bytes + 4096);
    size_t length = put_start(out, version, dictionary);

    if (bytes > 0)
        memcpy(out + length, numbers, bytes);
    test_file file = test_file_make(out, length + bytes, ".npy");
    free(out);
    return file;
}

static const double six[] = {1.5, -2, 3e300, 4, NAN, 6};
static const float six_singles[] = {1.5f, -2, 3e30f, 4, NAN, 6};

static void check_six(const test_file *file, size_t rows, size_t cols, bool by_columns, bool single)
{
    mele_table *table = NULL;
    mele_error error = {MELE_OK, 0, ""};

    cr_assert_eq(mele_table_read(file->path, NULL, NULL, &table, &error), MELE_OK, "%s",
                 error.message);
    cr_assert_eq(mele_table_rows(table), rows);
    cr_assert_eq(mele_table_columns(table), cols);
    cr_assert_str_eq(mele_table_name(table, cols - 1), cols == 2 ? "x2" : cols == 1 ? "x1" : "x3");
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            size_t at = by_columns ? j * rows + i : i * cols + j;
            double expected = single ? (double)six_singles[at] : six[at];
            double found = mele_table_values(table, j)[i];
            cr_assert(found == expected || (isnan(found) && isnan(expected)));
        }
    cr_assert_eq(mele_table_line(table, rows - 1), rows);
    mele_table_free(table);
    unlink(file->path);
}

Test(npy, orders_types_and_versions)
{
    for (int version = 1; version <= 3; version++) {
        test_file file =
            make_npy(version, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", six,
                     sizeof six);
        check_six(&file, 2, 3, false, false);
        file = make_npy(version, "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }", six,
                        sizeof six);
        check_six(&file, 3, 2, true, false);
        file = make_npy(version, "{\"shape\": (6,), \"fortran_order\": True, \"descr\": \"<f8\"}",
                        six, sizeof six);
        check_six(&file, 6, 1, false, false);
        file = make_npy(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}",
                        six_singles, sizeof six_singles);
        check_six(&file, 3, 2, false, true);
    }
}

Test(npy, no_rows)
{
    test_file file =
        make_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3), }", "", 0);
    mele_table *table = NULL;

    cr_assert_eq(mele_table_read(file.path, NULL, NULL, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_rows(table), 0);
    cr_assert_eq(mele_table_columns(table), 3);
    mele_table_free(table);
    unlink(file.path);
}

Test(npy, malformed)
{
    static const struct {
        const char *dictionary, *message;
        size_t bytes;
    } cases[] = {
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
         "it has 47 bytes of numbers where its header says 48", 47},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }",
         "it has 48 bytes of numbers where its header says 24", 48},
        {"{'descr': '>f8', 'fortran_order': False, 'shape': (2, 3), }",
         "it holds numbers of the type \">f8\"; \"<f8\" or \"<f4\" is needed", 48},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }",
         "it holds numbers of the type \"<i8\"; \"<f8\" or \"<f4\" is needed", 48},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 3), }",
         "it holds an array of 3 dimensions, not of 1 or 2", 48},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
         "it holds an array of 0 dimensions, not of 1 or 2", 8},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (6, 0), }",
         "it holds an array without columns", 0},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
         "the shape in the .npy header is too large", 48},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 1), }",
         "its .npy header is malformed", 48},
        {"{'descr': '<f8', 'fortran_order': False}", "its .npy header is malformed", 48},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (6,), 'x': 1}",
         "its .npy header is malformed", 48},
        {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (6,)}",
         "its .npy header is malformed", 48},
        {"{'descr': '<f8', 'fortran_order': 0, 'shape': (6,)}", "its .npy header is malformed", 48},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (6)}", "its .npy header is malformed",
         48},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (6,)} 1",
         "its .npy header is malformed", 48},
        {"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (6,)}",
         "its .npy header is malformed", 48},
        {"", "its .npy header is malformed", 48},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_file file = make_npy(1, cases[i].dictionary, six, cases[i].bytes);
        mele_table *table = NULL;
        mele_error error;
        cr_assert_eq(mele_table_read(file.path, NULL, NULL, &table, &error), MELE_EDATA, "%s",
                     cases[i].dictionary);
        cr_assert_str_eq(error.message, cases[i].message, "%s", error.message);
        cr_assert_null(table);
        unlink(file.path);
    }
}

/* Cut anywhere, a file is refused, never read beyond its end. */
Test(npy, cut_anywhere)
{
    char whole[1024];
    size_t length = put_start(whole, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (6,)}");

    memcpy(whole + length, six, sizeof six);
    for (size_t cut = 0; cut < length + sizeof six; cut++) {
        test_file file = test_file_make(whole, cut, ".npy");
        mele_table *table = NULL;
        cr_assert_eq(mele_table_read(file.path, NULL, NULL, &table, NULL), MELE_EDATA);
        unlink(file.path);
    }
    whole[6] = 4;
    test_file file = test_file_make(whole, length + sizeof six, ".npy");
    mele_table *table = NULL;
    mele_error error;
    cr_assert_eq(mele_table_read(file.path, NULL, NULL, &table, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, ".npy version 4.0 is not known");
    unlink(file.path);
}

Test(npy, kinds_as_wanted)
{
    test_file file =
        make_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", six, sizeof six);
    mele_reader *reader = NULL;
    mele_table *table = NULL;

    cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
    cr_assert_not(mele_reader_has_header(reader));
    mele_reader_want(reader, 0, MELE_COLUMN_TEXT, false, NULL);
    mele_reader_want(reader, 1, MELE_COLUMN_CATEGORY, true, NULL);
    mele_reader_want(reader, 2, MELE_COLUMN_SKIP, false, NULL);
    cr_assert_eq(mele_reader_next(reader, 0, NULL, &table, NULL), MELE_OK);
    cr_assert_str_eq(mele_table_text(table, 0, 0, NULL), "1.5");
    cr_assert_null(mele_table_values(table, 0));
    cr_assert_eq(mele_table_levels(table, 1), 1);
    cr_assert_str_eq(mele_table_level(table, 1, 0), "-2");
    cr_assert(isnan(mele_table_values(table, 1)[1]));
    cr_assert_str_eq(mele_table_text(table, 1, 1, NULL), "NA");
    cr_assert_null(mele_table_values(table, 2));
    mele_table_free(table);
    mele_reader_close(reader);
    unlink(file.path);
}

/* Kept where the reader is told so, as numbers, as text and as levels. */
Test(npy, infinite_numbers_can_be_kept)
{
    static const double numbers[] = {INFINITY, -INFINITY, INFINITY, 1, 2, 3};
    mele_table_options options = mele_table_defaults();
    test_file file = make_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
                              numbers, sizeof numbers);
    mele_reader *reader = NULL;
    mele_table *table = NULL;

    options.infinite = true;
    cr_assert_eq(mele_reader_open(file.path, &options, &reader, NULL), MELE_OK);
    mele_reader_want(reader, 1, MELE_COLUMN_TEXT, false, NULL);
    mele_reader_want(reader, 2, MELE_COLUMN_CATEGORY, false, NULL);
    cr_assert_eq(mele_reader_next(reader, 0, NULL, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_values(table, 0)[0], INFINITY);
    cr_assert_str_eq(mele_table_text(table, 0, 1, NULL), "-inf");
    cr_assert_str_eq(mele_table_level(table, 2, (size_t)mele_table_values(table, 2)[0]), "inf");
    mele_table_free(table);
    mele_reader_close(reader);
    unlink(file.path);
}

enum { ROWS = 50000, COLS = 3 };

static double *make_numbers(void)
{
    double *numbers = malloc(sizeof *numbers * ROWS * COLS);

    for (size_t k = 0; k < ROWS * COLS; k++)
        numbers[k] = (double)k / 3;
    return numbers;
}

static const char *const orders[] = {
    "{'descr': '<f8', 'fortran_order': False, 'shape': (50000, 3), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (50000, 3), }",
};

static size_t place(int by_columns, size_t i, size_t j)
{
    return by_columns ? j * ROWS + i : i * COLS + j;
}

Test(npy, many_rows_in_parts)
{
    double *numbers = make_numbers();
    mele_engine_options options = {3, NULL, NULL};
    mele_engine *engine = NULL;

    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    for (int by_columns = 0; by_columns < 2; by_columns++) {
        test_file file = make_npy(1, orders[by_columns], numbers, sizeof *numbers * ROWS * COLS);
        mele_reader *reader = NULL;
        size_t row = 0, got = 1;
        cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
        while (got > 0) {
            mele_table *table = NULL;
            cr_assert_eq(mele_reader_next(reader, 17000, engine, &table, NULL), MELE_OK);
            got = mele_table_rows(table);
            for (size_t i = 0; i < got; i++, row++)
                for (size_t j = 0; j < COLS; j++) {
                    cr_assert_eq(mele_table_values(table, j)[i],
                                 numbers[place(by_columns, row, j)]);
                    cr_assert_eq(mele_table_line(table, i), row + 1);
                }
            mele_table_free(table);
        }
        cr_assert_eq(row, ROWS);
        mele_reader_close(reader);
        unlink(file.path);
    }
    mele_engine_free(engine);
    free(numbers);
}

/* The first infinite number by rows is reported, whichever thread meets which first; one in a
 * column that is not wanted is not. */
Test(npy, infinite_numbers)
{
    double *numbers = make_numbers();
    mele_engine_options options = {3, NULL, NULL};
    mele_engine *engine = NULL;

    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    for (int by_columns = 0; by_columns < 2; by_columns++) {
        double *copy = make_numbers();
        mele_reader *reader = NULL;
        mele_table *table = NULL;
        mele_error error;
        copy[place(by_columns, 40001, 0)] = INFINITY;
        copy[place(by_columns, 30000, 2)] = -INFINITY;
        copy[place(by_columns, 30001, 0)] = INFINITY;
        copy[place(by_columns, 200, 1)] = INFINITY;
        test_file file = make_npy(1, orders[by_columns], copy, sizeof *copy * ROWS * COLS);
        cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
        mele_reader_want(reader, 1, MELE_COLUMN_SKIP, false, NULL);
        cr_assert_eq(mele_reader_next(reader, 0, engine, &table, &error), MELE_EDATA);
        cr_assert_str_eq(error.message, "column \"x3\": \"-inf\" is not a finite number");
        cr_assert_eq(error.line, 30001);
        mele_reader_close(reader);
        unlink(file.path);
        free(copy);
    }
    mele_engine_free(engine);
    free(numbers);
}
