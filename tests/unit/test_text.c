/* Writing CSV: what is written reads back as it was. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include <mele/table.h>
#include <mele/text.h>

#include "unit/table_support.h"

static mele_text *new_text(char delimiter)
{
    mele_text *text = NULL;

    cr_assert_eq(mele_text_new(delimiter, &text, NULL), MELE_OK);
    return text;
}

static void check_content(const mele_text *text, const char *expected)
{
    cr_assert_eq(mele_text_status(text, NULL), MELE_OK);
    cr_assert(mele_text_length(text) == strlen(expected)
                  && memcmp(mele_text_data(text), expected, strlen(expected)) == 0,
              "%.*s", (int)mele_text_length(text), mele_text_data(text));
}

Test(text, quotes_where_needed)
{
    static const struct {
        char cell[16], written[16];
    } cases[] = {
        {"plain", "plain"},   {"a,b", "\"a,b\""},
        {"a;b", "a;b"},       {"say \"x\"", "\"say \"\"x\"\"\""},
        {"l\nm", "\"l\nm\""}, {"l\rm", "\"l\rm\""},
        {" a", "\" a\""},     {"a\t", "\"a\t\""},
        {"a b", "a b"},       {"", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mele_text *text = new_text(',');
        char expected[64];
        mele_text_number(text, 2.5);
        mele_text_cell(text, cases[i].cell, strlen(cases[i].cell));
        mele_text_newline(text);
        snprintf(expected, sizeof expected, "2.5,%s\n", cases[i].written);
        check_content(text, expected);
        mele_text_free(text);
    }
}

Test(text, rows_and_clearing)
{
    mele_text *text = new_text('\t');

    check_content(text, "");
    mele_text_cell(text, "a,b", 3);
    mele_text_number(text, NAN);
    mele_text_newline(text);
    mele_text_cell(text, "", 0);
    mele_text_newline(text);
    mele_text_newline(text);
    mele_text_cell(text, "", 0);
    mele_text_cell(text, "", 0);
    mele_text_newline(text);
    check_content(text, "a,b\tNA\n\"\"\n\n\t\n");
    mele_text_clear(text);
    mele_text_number(text, -0.1);
    mele_text_newline(text);
    check_content(text, "-0.1\n");
    mele_text_free(text);
    mele_text_free(NULL);
}

Test(text, what_is_written_reads_back)
{
    static const char *const cells[] = {"x",  "a,b",          "\"",  "\"\"", " ",
                                        "\n", "\r\n",         "a\r", "\t",   "\xC3\xA9",
                                        "",   "a\"b\"c,\n\"", "1"};
    size_t count = sizeof cells / sizeof cells[0], length;
    mele_text *text = new_text(',');
    mele_reader *reader = NULL;
    mele_table *table = NULL;

    for (size_t i = 0; i < count; i++) {
        mele_text_cell(text, cells[i], strlen(cells[i]));
        mele_text_newline(text);
    }
    test_file file = test_file_make(mele_text_data(text), mele_text_length(text), ".csv");
    mele_table_options options = mele_table_defaults();
    options.header = false;
    cr_assert_eq(mele_reader_open(file.path, &options, &reader, NULL), MELE_OK);
    mele_reader_want(reader, 0, MELE_COLUMN_TEXT, false, NULL);
    cr_assert_eq(mele_reader_next(reader, 0, NULL, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_rows(table), count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_str_eq(mele_table_text(table, i, 0, &length), cells[i]);
        cr_assert_eq(length, strlen(cells[i]));
    }
    mele_table_free(table);
    mele_reader_close(reader);
    mele_text_free(text);
    unlink(file.path);
}

Test(text, numbers)
{
    char printed[MELE_NUMBER_ROOM];
    double value = 0.125;
    mele_error error;

    cr_assert_eq(mele_number_print(-1234.5, printed), 7);
    cr_assert_str_eq(printed, "-1234.5");
    cr_assert_eq(mele_number_parse("abc", 3, &value, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "\"abc\" is not a number");
    cr_assert_eq(mele_number_parse("1e999", 5, &value, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "\"1e999\" is not a finite number");
    cr_assert_eq(value, 0.125);
    cr_assert_eq(mele_number_parse("1e99", 4, &value, NULL), MELE_OK);
    cr_assert_eq(value, 1e99);
}

/* Whatever a name holds, it moves no cursor and ends no line. */
Test(text, names)
{
    static const struct {
        const char *name, *shown;
    } cases[] = {
        {"", ""},
        {"plain n, r and t", "plain n, r and t"},
        {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
        {"\033[2J\a\x7f", "\\x1b[2J\\x07\\x7f"},
        {"\xc2\x9b" "31m", "\\u009b31m"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xc2", "\xc2"},
    };
    char shown[128];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t length = strlen(cases[i].shown);
        cr_expect_eq(mele_name_print(cases[i].name, NULL, 0), length);
        cr_expect_eq(mele_name_print(cases[i].name, shown, sizeof shown), length);
        cr_expect_str_eq(shown, cases[i].shown);
        for (size_t size = 1; size <= length; size++) { /* cut at the end of a character */
            memset(shown, '#', sizeof shown);
            cr_expect_eq(mele_name_print(cases[i].name, shown, size), length);
            cr_expect(strlen(shown) < size && shown[size] == '#');
            cr_expect(strncmp(shown, cases[i].shown, strlen(shown)) == 0);
            cr_expect(((unsigned char)cases[i].shown[strlen(shown)] & 0xC0) != 0x80);
        }
    }
}

Test(text, cells_of_names)
{
    mele_text *text = new_text(',');
    static char name[1001];

    memset(name, '\a', 1000); /* longer than what lies on the stack */
    name[1000] = '\0';
    mele_text_name(text, "a,b\n");
    mele_text_name(text, name);
    cr_assert_eq(mele_text_status(text, NULL), MELE_OK);
    cr_expect_eq(mele_text_length(text), strlen("\"a,b\\n\",") + 4000);
    cr_expect(strncmp(mele_text_data(text), "\"a,b\\n\",\\x07", 12) == 0);
    mele_text_free(text);
}

/* ---- the nearest name ---- */

static const char *some_name(size_t i, const void *user)
{
    static const char *const names[] = {"clusters", "cluster-on", "", "scale", "on", "loss",
                                        "compressive_strength"};

    (void)user;
    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

Test(nearest, letters_wrong_missing_too_many_exchanged)
{
    static const char *const cases[][2] = {
        {"clutsers", "clusters"}, {"cluster", "clusters"}, {"CLUSTERS", "clusters"},
        {"clusterson", "cluster-on"}, {"sclae", "scale"}, {"scael", "scale"}, {"om", "on"},
        {"lss", "loss"}, {"strength", "compressive_strength"}, {"scales", "scale"}};
    static const char *const none[] = {"", "x", "xy", "weights", "ce", "zzzzzzzz"};
    char longest[300];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = mele_nearest(cases[i][0], some_name, NULL);
        cr_assert_not_null(near, "%s", cases[i][0]);
        cr_assert_str_eq(near, cases[i][1], "%s", cases[i][0]);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_assert_null(mele_nearest(none[i], some_name, NULL), "%s", none[i]);
    memset(longest, 's', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    cr_assert_null(mele_nearest(longest, some_name, NULL));
}
