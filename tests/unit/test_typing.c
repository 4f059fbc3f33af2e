/* What cells look like, and what follows for columns, wherever the cells stand. */
#include <criterion/criterion.h>

#include <string.h>

#include <mele/data.h>

#include "data/reader.h"
#include "unit/table_support.h"

typedef struct look_case {
    const char *text;
    mele_i_look look;
} look_case;

static void check_looks(const look_case *cases, size_t count, char decimal)
{
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(mele_i_look_at(cases[i].text, strlen(cases[i].text), decimal), cases[i].look,
                     "%s: %d, not %d", cases[i].text,
                     mele_i_look_at(cases[i].text, strlen(cases[i].text), decimal), cases[i].look);
}

Test(typing, what_cells_look_like)
{
    static const look_case cases[] = {
        {"5", MELE_I_LOOK_NUMBER},          {" -1.5e3 ", MELE_I_LOOK_NUMBER},
        {"inf", MELE_I_LOOK_NUMBER},        {"20210131", MELE_I_LOOK_NUMBER},
        {"12,5", MELE_I_LOOK_OTHER_MARK},   {"-,5", MELE_I_LOOK_OTHER_MARK},
        {"1,5E+03", MELE_I_LOOK_OTHER_MARK}, {"1.200,50", MELE_I_LOOK_OTHER_MARK},
        {"1,200", MELE_I_LOOK_THOUSANDS},   {"1,200.50", MELE_I_LOOK_THOUSANDS},
        {"1 200 000", MELE_I_LOOK_THOUSANDS}, {"1'200", MELE_I_LOOK_THOUSANDS},
        {"12,34,567", MELE_I_LOOK_THOUSANDS}, {"1\xC2\xA0" "200", MELE_I_LOOK_THOUSANDS},
        {"\xE2\x88\x92" "5", MELE_I_LOOK_THOUSANDS}, {"(1,200)", MELE_I_LOOK_THOUSANDS},
        {"$5", MELE_I_LOOK_CURRENCY},       {"-$1,200.00", MELE_I_LOOK_CURRENCY},
        {"5 \xE2\x82\xAC", MELE_I_LOOK_CURRENCY}, {"($5)", MELE_I_LOOK_CURRENCY},
        {"5%", MELE_I_LOOK_PERCENT},        {"12.5 %", MELE_I_LOOK_PERCENT},
        {"18.0 mpg", MELE_I_LOOK_UNIT},     {"2.5kg", MELE_I_LOOK_UNIT},
        {"36 months", MELE_I_LOOK_UNIT},    {"3 km/h", MELE_I_LOOK_UNIT},
        {"20 \xC2\xB0" "C", MELE_I_LOOK_UNIT},
        {"2021-01-31", MELE_I_LOOK_DATE},   {"31.12.2021", MELE_I_LOOK_DATE},
        {"1/31/21", MELE_I_LOOK_DATE},      {"2021-01", MELE_I_LOOK_DATE},
        {"2021-01-31T12:30:05.5Z", MELE_I_LOOK_DATE}, {"2021-01-31 12:30+01:00", MELE_I_LOOK_DATE},
        {"5 Jan 2021", MELE_I_LOOK_DATE},   {"Jan 5, 2021 1:05 PM", MELE_I_LOOK_DATE},
        {"05-MAR-21", MELE_I_LOOK_DATE},    {"12:30", MELE_I_LOOK_TIME},
        {"1:05:09 PM", MELE_I_LOOK_TIME},
        {"4wd", MELE_I_LOOK_TEXT},          {"1st", MELE_I_LOOK_TEXT},
        {"10-20", MELE_I_LOOK_TEXT},        {"<=50K", MELE_I_LOOK_TEXT},
        {"1.2.3", MELE_I_LOOK_TEXT},        {"192.168.0.1", MELE_I_LOOK_TEXT},
        {"10 Downing Street", MELE_I_LOOK_TEXT}, {"12 5", MELE_I_LOOK_TEXT},
        {"May", MELE_I_LOOK_TEXT},          {"3:2", MELE_I_LOOK_TEXT},
        {"99:99", MELE_I_LOOK_TEXT},        {"2021-13", MELE_I_LOOK_TEXT},
        {"$", MELE_I_LOOK_TEXT},            {"%", MELE_I_LOOK_TEXT},
        {",", MELE_I_LOOK_TEXT},            {"", MELE_I_LOOK_TEXT},
        {"-", MELE_I_LOOK_TEXT},            {"NULL", MELE_I_LOOK_TEXT},
        {"(5", MELE_I_LOOK_TEXT},           {"2018-2019", MELE_I_LOOK_TEXT},
    };
    static const look_case with_comma[] = {
        {"12,5", MELE_I_LOOK_NUMBER},        {"12.5", MELE_I_LOOK_OTHER_MARK},
        {"1.200", MELE_I_LOOK_THOUSANDS},    {"1,200", MELE_I_LOOK_NUMBER},
        {"1.200,5", MELE_I_LOOK_THOUSANDS},  {"12,5 km", MELE_I_LOOK_UNIT},
    };

    check_looks(cases, sizeof cases / sizeof *cases, '.');
    check_looks(with_comma, sizeof with_comma / sizeof *with_comma, ',');
}

/* ---- the first thousand rows, in whatever chunks ---- */

/* A column of which row i (from 1) is a number or a text, beside one of longer cells. */
static test_file file_of(size_t rows, bool (*is_text)(size_t i))
{
    char *text = malloc(rows * 64 + 64), *at = text + sprintf(text, "n,c\n");

    for (size_t i = 1; i <= rows; i++)
        at += sprintf(at, is_text(i) ? "none,\"cell %zu\nof two lines\"\n" : "%zu,\"a cell, \"\"b\"\"\"\n",
                      i);
    test_file file = test_file_make(text, (size_t)(at - text), ".csv");
    free(text);
    return file;
}

static bool after_a_thousand(size_t i)
{
    return i > 1000;
}

static bool a_tenth(size_t i)
{
    return i > 900 && i <= 1000;
}

static bool more_than_a_tenth(size_t i)
{
    return i > 899 && i <= 1000;
}

static bool the_first(size_t i)
{
    return i == 1;
}

/* The kind of column n, or the line of the cell that is refused. */
static void check_rows(bool (*is_text)(size_t i), mele_column_kind kind, size_t line)
{
    test_file file = file_of(2500, is_text);
    mele_engine_options options = {3, NULL, NULL};
    mele_engine *engine = NULL;

    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    for (size_t chunk = 0; chunk <= 4096; chunk = chunk == 0 ? 16 : chunk * 16)
        for (size_t part = 0; part <= 700; part += 350) {
            mele_reader *reader = NULL;
            mele_table *table = NULL;
            mele_error error = {MELE_OK, 0, ""};
            mele_status status;
            size_t rows = 0;
            cr_assert_eq(mele_i_reader_open(file.path, NULL, chunk, &reader, NULL), MELE_OK);
            do {
                status = mele_reader_next(reader, part, part == 700 ? NULL : engine, &table,
                                          &error);
                if (status != MELE_OK)
                    break;
                rows = mele_table_rows(table);
                cr_expect_eq(mele_table_kind(table, 0), kind, "chunks of %zu", chunk);
                mele_table_free(table);
            } while (rows > 0);
            cr_expect_eq(status, line == 0 ? MELE_OK : MELE_EDATA, "chunks of %zu", chunk);
            cr_expect_eq(error.line, line, "chunks of %zu: %zu", chunk, error.line);
            mele_reader_close(reader);
        }
    mele_engine_free(engine);
    unlink(file.path);
}

Test(typing, the_first_thousand_rows_decide)
{
    check_rows(after_a_thousand, MELE_COLUMN_NUMBER, 1002);
    check_rows(a_tenth, MELE_COLUMN_NUMBER, 902);
    check_rows(more_than_a_tenth, MELE_COLUMN_CATEGORY, 0);
    check_rows(the_first, MELE_COLUMN_NUMBER, 2);
}

/* Rows that a window of the usual size holds fewer than a thousand of. */
Test(typing, rows_longer_than_the_window_for_them)
{
    enum { ROWS = 1001, CELL = 12000 };
    char *text = malloc((size_t)ROWS * (CELL + 16)), *at = text + sprintf(text, "n,c\n");
    mele_table *table = NULL;
    mele_error error;

    for (size_t i = 1; i <= ROWS; i++) {
        at += sprintf(at, "%s,\"", i > 900 && i <= 1000 ? "none" : "1");
        memset(at, 'x', CELL);
        at += CELL;
        at += sprintf(at, "\"\n");
    }
    test_file file = test_file_make(text, (size_t)(at - text), ".csv");
    cr_assert_eq(mele_table_read(file.path, NULL, NULL, &table, &error), MELE_EDATA);
    cr_assert_eq(error.line, 902, "line %zu: %s", error.line, error.message);
    unlink(file.path);
    free(text);
}

/* ---- what the library's users are told ---- */

static void keep_note(const char *text, void *user)
{
    strcat(strcat(user, text), "|");
}

static mele_status read_data(const char *text, const char *target, char *notes, mele_data **out,
                             mele_error *error)
{
    test_file file = test_file_make(text, strlen(text), ".csv");
    mele_data_options options = mele_data_defaults();

    notes[0] = '\0';
    options.target = target;
    options.missing = "drop";
    options.table.note = keep_note;
    options.table.note_user = notes;
    mele_status status = mele_data_read(file.path, &options, NULL, NULL, out, error);
    unlink(file.path);
    return status;
}

Test(typing, notes_and_refusals_of_the_library)
{
    char notes[1024];
    mele_data *data = NULL;
    mele_error error = {0};

    cr_assert_eq(read_data(";a;b;y\n0;1;;2\n1;4;;3\n2;4;;9\n", "y", notes, &data, &error),
                 MELE_EDATA, "all of b is missing");
    cr_assert_str_eq(notes, "the delimiter is a semicolon, as the first line shows (-d says "
                            "otherwise)|column 1 has no name and only numbers the rows: it is left "
                            "out|");
    cr_assert_eq(read_data(",a,,y\n3,1,,2\n5,4,,3\n", "y", notes, &data, &error), MELE_OK);
    cr_assert_str_eq(notes, "column 1 has no name and is the feature \"x1\" (--ignore 1 leaves it "
                            "out)|column 3 has no name and holds nothing: it is left out|");
    cr_assert_eq(mele_schema_features(mele_data_schema(data)), 2);
    mele_data_free(data);
    data = NULL;
    cr_assert_eq(read_data("a,y\n$5,1\n$6,2\n", "y", notes, &data, &error), MELE_EDATA);
    cr_assert_eq(error.line, 2);
    cr_assert_eq(read_data("y,a\n2021-01-01,1\n2021-01-02,2\n", "y", notes, &data, &error),
                 MELE_EDATA);
    cr_assert_str_eq(error.message, "column \"y\": \"2021-01-01\" is a date or time, not a number: "
                                    "--categorical y makes each value a class");
    cr_assert_null(data);
}
