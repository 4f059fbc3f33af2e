/* Reading and writing when memory runs out at every allocation in turn: the status says so,
 * results are untouched, nothing leaks (the sanitizer's part). libcsv asks again for less, and
 * giving memory back may fail unnoticed, so a call may also end well, with the same rows. */
#include <criterion/criterion.h>

#include <string.h>

#include <mele/engine.h>
#include <mele/table.h>
#include <mele/text.h>

#include "support/failing_malloc.h"
#include "unit/table_support.h"

static const char csv[] = "n,c,t\n1,x,\"a\nb\"\n2,y,c\n\n,x,d\n4,z,\n5,?,e\n";

/* Read the file with a column of every kind; the number of rows, 0 after a failure. */
static mele_status read_rows(const char *path, mele_engine *engine, size_t *rows)
{
    mele_reader *reader = NULL;
    mele_table *table = NULL;
    mele_status status = mele_reader_open(path, NULL, &reader, NULL);

    *rows = 0;
    if (status != MELE_OK) {
        cr_assert_null(reader);
        return status;
    }
    mele_reader_want(reader, 2, MELE_COLUMN_TEXT, false, NULL);
    status = mele_reader_next(reader, 0, engine, &table, NULL);
    cr_assert_eq(table != NULL, status == MELE_OK);
    if (table != NULL)
        *rows = mele_table_rows(table);
    mele_table_free(table);
    mele_reader_close(reader);
    return status;
}

static void check_reading(const char *path, mele_engine *engine, size_t expected)
{
    bool failed = true;
    size_t failures = 0;

    for (size_t n = 0; failed; n++) {
        size_t rows;
        failing_malloc_at(n);
        mele_status status = read_rows(path, engine, &rows);
        failed = failing_malloc_end();
        cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu", n);
        cr_assert_eq(rows, status == MELE_OK ? expected : 0, "allocation %zu", n);
        failures += status == MELE_ENOMEM;
    }
    cr_assert_gt(failures, 5);
}

Test(table_memory, csv)
{
    test_file file = test_file_make(csv, strlen(csv), ".csv");
    mele_engine_options options = {2, NULL, NULL};
    mele_engine *engine = NULL;

    check_reading(file.path, NULL, 5);
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    check_reading(file.path, engine, 5);
    mele_engine_free(engine);
    unlink(file.path);
}

Test(table_memory, npy)
{
    static const char start[128] = "\x93NUMPY\x01\0\x76\0{'descr': '<f4', 'fortran_order': False, "
                                   "'shape': (2, 3)}";
    char bytes[128 + 24];

    memset(bytes, 0, sizeof bytes);
    memset(bytes, ' ', 128);
    memcpy(bytes, start, 10);
    memcpy(bytes + 10, start + 10, strlen(start + 10));
    test_file file = test_file_make(bytes, sizeof bytes, ".npy");
    check_reading(file.path, NULL, 2);
    unlink(file.path);
}

/* A failure is remembered until it is asked for, and forgotten when the text is cleared. */
Test(table_memory, text)
{
    mele_text *text = NULL;

    cr_assert_eq(mele_text_new(',', &text, NULL), MELE_OK);
    failing_malloc_at(0);
    mele_text_number(text, 1);
    failing_malloc_end();
    mele_text_number(text, 2);
    mele_text_newline(text);
    cr_assert_eq(mele_text_length(text), 0);
    cr_assert_eq(mele_text_status(text, NULL), MELE_ENOMEM);
    mele_text_clear(text);
    mele_text_number(text, 3);
    cr_assert_eq(mele_text_status(text, NULL), MELE_OK);
    cr_assert_eq(mele_text_length(text), 1);
    mele_text_free(text);
    text = NULL;
    failing_malloc_at(0);
    cr_assert_eq(mele_text_new(',', &text, NULL), MELE_ENOMEM);
    failing_malloc_end();
    cr_assert_null(text);
}

/* An engine of threads: nothing is left of one that has no memory to start. */
Test(table_memory, engine)
{
    const mele_engine_options options = {.threads = 3};

    for (size_t n = 0; n < 2; n++) {
        mele_engine *engine = NULL;
        mele_error error = {0};
        failing_malloc_at(n);
        const mele_status status = mele_engine_new(&options, &engine, &error);
        cr_assert(failing_malloc_end());
        cr_assert_eq(status, MELE_ENOMEM);
        cr_assert_null(engine);
    }
}
