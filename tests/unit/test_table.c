/* Reading CSV. Files are written by the tests; "|" in an expected dump ends a cell. */
#include <criterion/criterion.h>

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include <mele/table.h>
#include <mele/text.h>

#include "support/size.h"
#include "unit/engine_support.h"
#include "unit/table_support.h"

/* ---- what small files are read as ---- */

static void dump_cell(const mele_table *table, size_t i, size_t j, char *out)
{
    const double *values = mele_table_values(table, j);
    const char *text = mele_table_text(table, i, j, NULL);

    if (text != NULL)
        strcat(out, text);
    else if (values == NULL)
        strcat(out, "-");
    else if (isnan(values[i]))
        strcat(out, "NA");
    else if (mele_table_kind(table, j) == MELE_COLUMN_CATEGORY)
        strcat(out, mele_table_level(table, j, (size_t)values[i]));
    else
        mele_number_print(values[i], out + strlen(out));
    strcat(out, "|");
}

/* Every row as "line:cell|cell|" and a space. */
static void dump(const mele_table *table, char *out)
{
    *out = '\0';
    for (size_t i = 0; i < mele_table_rows(table); i++) {
        sprintf(out + strlen(out), "%zu:", mele_table_line(table, i));
        for (size_t j = 0; j < mele_table_columns(table); j++)
            dump_cell(table, i, j, out);
        strcat(out, " ");
    }
}

/* Nine rows, so that a tenth does not make the column text. */
#define MORE_CELLS "(a column of row names needs a name there; a cell that holds the delimiter, quotes)"
#define NINE(row) row row row row row row row row row

typedef struct read_case {
    const char *what, *file, *rows; /* rows as dump() writes them, NULL: an error */
    const char *message;            /* of the error */
    size_t line;
    char delimiter, decimal;
    bool no_header;
} read_case;

static const read_case cases[] = {
    {.what = "ordinary", .file = "a,b\n1,x\n2.5,y\n", .rows = "2:1|x| 3:2.5|y| "},
    {.what = "no final newline", .file = "a,b\n1,2\n3,4", .rows = "2:1|2| 3:3|4| "},
    {.what = "CRLF", .file = "a,b\r\n1,2\r\n3,4\r\n", .rows = "2:1|2| 3:3|4| "},
    {.what = "CR", .file = "a,b\r1,2\r3,4\r", .rows = "2:1|2| 3:3|4| "},
    {.what = "all line ends",
     .file = "a,b\r1,2\r\n\r\n3,4\n\r5,6",
     .rows = "2:1|2| 4:3|4| 6:5|6| "},
    {.what = "byte order mark",
     .file = "\xEF\xBB\xBF"
             "a,b\n1,2\n",
     .rows = "2:1|2| "},
    {.what = "quoted", .file = "a,b\n\"1\",\"x,y\"\n2,\"q\"\"q\"\n", .rows = "2:1|x,y| 3:2|q\"q| "},
    {.what = "line end in quotes",
     .file = "a,b\n1,\"x\ny\r\nz\"\n2,w\n",
     .rows = "2:1|x\ny\r\nz| 5:2|w| "},
    {.what = "quoted header", .file = "\"a,1\",\"b\nc\"\n1,2\n", .rows = "3:1|2| "},
    {.what = "blank lines", .file = "\n\na,b\n\n1,2\n  \n\n3,4\n\n", .rows = "5:1|2| 8:3|4| "},
    {.what = "blanks around cells", .file = "a , b\n 1 ,\tx y \n", .rows = "2:1|x y| "},
    {.what = "blanks in quotes", .file = "a,b\n\" 1 \",\" x \"\n", .rows = "2:1| x | "},
    {.what = "stray quotes",
     .file = "a,b\n1,5\" pipe\n2,4\" \"x\n",
     .rows = "2:1|5\" pipe| 3:2|4\" \"x| "},
    {.what = "missing",
     .file = "a,b\n,\nNA,NaN\n?,nan\n1,x\n\"\",\"NA\"\n",
     .rows = "2:NA|NA| 3:NA|NA| 4:NA|NA| 5:1|x| 6:NA|NA| "},
    {.what = "numbers after a category", .file = "a\nx\n1\n", .rows = "2:x| 3:1| "},
    {.what = "tab", .file = "a\tb\n1\tx,y\n\t2\n", .delimiter = '\t', .rows = "2:1|x,y| 3:NA|2| "},
    {.what = "semicolon", .file = "a;b\n1;2,5\n", .delimiter = ';', .rows = "2:1|2,5| "},
    {.what = "space", .file = "a b\n1 2\n", .delimiter = ' ', .rows = "2:1|2| "},
    {.what = "nameless columns", .file = ",b,\n1,x,2\n", .rows = "2:1|x|2| "},
    {.what = "semicolons found", .file = "a;b,c;d\n1;x;2\n", .rows = "2:1|x|2| "},
    {.what = "tabs found", .file = "a\tb;c\td\n1\tx\t2\n", .rows = "2:1|x|2| "},
    {.what = "a tie is comma", .file = "a;b,c\n1,2\n", .rows = "2:1|2| "},
    {.what = "semicolons in quotes do not count",
     .file = "\"a;b;c\",d\n1,2\n",
     .rows = "2:1|2| "},
    {.what = "the first line of a quoted header of two",
     .file = "\"a\n,,,\";d\n1;2\n",
     .rows = "3:1|2| "},
    {.what = "delimiter after blank lines", .file = "\n \t\t\t\t\n\na;b\n1;2\n", .rows = "5:1|2| "},
    {.what = "delimiter without header",
     .file = "1;2\n3;4\n",
     .no_header = true,
     .rows = "1:1|2| 2:3|4| "},
    {.what = "a line that says the delimiter",
     .file = "\xEF\xBB\xBFsep=|\r\na|b,c\r\n1|2\r\n",
     .rows = "3:1|2| "},
    {.what = "the same in quotes, and another delimiter given",
     .file = "\"sep=;\"\na,b\n1,2\n",
     .delimiter = ',',
     .rows = "3:1|2| "},
    {.what = "decimal comma",
     .file = "a;b\n1,5;-2,5e-1\n,5;3\n",
     .decimal = ',',
     .rows = "2:1.5|-0.25| 3:0.5|3| "},
    {.what = "decimal commas in quotes",
     .file = "a,b\n\"1,5\",x\n",
     .delimiter = ',',
     .decimal = ',',
     .rows = "2:1.5|x| "},
    {.what = "a decimal comma is no delimiter that is found",
     .file = "a,b\n1,5\n",
     .decimal = ',',
     .rows = "2:1.5| "},
    {.what = "a point where a comma is wanted",
     .file = "a\n" NINE("1\n") "1.5\n",
     .decimal = ',',
     .message = "column \"a\": \"1.5\" is not a number (--decimal .)",
     .line = 11},
    {.what = "a comma where a point is wanted",
     .file = "a;b\n" NINE("1;2\n") "1;2,5\n",
     .message = "column \"b\": \"2,5\" is not a number (--decimal ,)",
     .line = 11},
    {.what = "the same between commas",
     .file = "a,b\n" NINE("1,2\n") "1,\"2,5\"\n",
     .message = "column \"b\": \"2,5\" is not a number (-d , --decimal ,)",
     .line = 11},
    {.what = "thousands",
     .file = "a,b\n" NINE("1,2\n") "1,\"2,500\"\n",
     .message = "column \"b\": \"2,500\" is not a number (numbers have no thousands separators; "
                "-d , --decimal , if that is a decimal mark)",
     .line = 11},
    {.what = "a unit",
     .file = "a,b\n" NINE("1,2\n") "1,2 kg\n",
     .message = "column \"b\": \"2 kg\" is not a number (numbers have no signs or units)",
     .line = 11},
    {.what = "a stray cell first, and its column's name",
     .file = "the age,b\nN/A,1\n" NINE("1,2\n"),
     .message = "column \"the age\": \"N/A\" is not a number (--na N/A if it means missing; "
                "--categorical 'the age' if it is a category)",
     .line = 2},
    {.what = "nearly nine in ten", .file = "a\n1\n2\n3\n4\n5\n6\n7\n8\nx\n", .rows =
     "2:1| 3:2| 4:3| 5:4| 6:5| 7:6| 8:7| 9:8| 10:x| "},
    {.what = "no header", .file = "\n1,x\n2,y\n", .no_header = true, .rows = "2:1|x| 3:2|y| "},
    {.what = "header only", .file = "a,b\n", .rows = ""},
    {.what = "header only, no newline", .file = "a,b", .rows = ""},
    {.what = "one column: an empty line is an empty cell",
     .file = "a\n1\n\n3\n",
     .rows = "2:1| 3:NA| 4:3| "},
    {.what = "one column, CRLF", .file = "a\r\n1\r\n\r\n3\r\n", .rows = "2:1| 3:NA| 4:3| "},
    {.what = "one column, no header",
     .file = "\n\n1\n\n",
     .no_header = true,
     .rows = "3:1| 4:NA| "},

    {.what = "empty", .file = "", .message = "the file is empty"},
    {.what = "blank lines only", .file = "\n \r\n", .message = "the file is empty"},
    {.what = "byte order mark only", .file = "\xEF\xBB\xBF", .message = "the file is empty"},
    {.what = "text for a number",
     .file = "age,b\n" NINE("1,2\n") "\n\nabc,3\n",
     .message = "column \"age\": \"abc\" is not a number (--na abc if it means missing; "
                "--categorical age if it is a category)",
     .line = 13},
    {.what = "text after numbers, lines in quotes",
     .file = "a,b\n" NINE("1,\"x\n\ny\"\n") "z,\"u\nv\"\n",
     .message = "column \"a\": \"z\" is not a number (--na z if it means missing; --categorical a if "
                "it is a category)",
     .line = 29},
    {.what = "infinite",
     .file = "a\n1\ninf\n",
     .message = "column \"a\": \"inf\" is not a finite number",
     .line = 3},
    {.what = "infinite first",
     .file = "a\n-1e999\n",
     .message = "column \"a\": \"-1e999\" is not a finite number",
     .line = 2},
    {.what = "too few cells",
     .file = "a,b,c\n1,2,3\n1,2\n",
     .message = "2 cells where the header has 3",
     .line = 3},
    {.what = "too many cells",
     .file = "a,b\n1,2,3\n",
     .message = "3 cells where the header has 2 " MORE_CELLS,
     .line = 2},
    {.what = "one cell", .file = "a,b\n1\n", .message = "1 cell where the header has 2", .line = 2},
    {.what = "ragged without header",
     .file = "1,2\n3,4,5",
     .no_header = true,
     .message = "3 cells where the first row has 2",
     .line = 2},
    {.what = "ragged before text",
     .file = "a,b\n1,2\nx,1,2\n",
     .message = "3 cells where the header has 2 " MORE_CELLS,
     .line = 3},
    {.what = "quote not closed",
     .file = "a,b\n1,2\n3,\"x\n4,5\n",
     .message = "a quote is opened and not closed",
     .line = 3},
    {.what = "quote not closed in the header",
     .file = "\na,\"b\n1,2\n",
     .message = "a quote is opened and not closed",
     .line = 2},
    {.what = "doubled name",
     .file = "\na,b,a\n1,2,3\n",
     .message = "columns 1 and 3 are both called \"a\"",
     .line = 2},
    {.what = "a nameless column by another's name",
     .file = "x2,,c\n1,2,3\n",
     .message = "columns 1 and 2 are both called \"x2\"",
     .line = 1},
    {.what = "text after a closing quote",
     .file = "a,b\n\"19\" rack,2\n\"x\",3\n",
     .message = "column \"a\": text after the closing quote of \"19\" (a quote within quotes is "
                "written twice)",
     .line = 2},
    {.what = "text after a closing quote, lines later",
     .file = "a,b\n1,2\n2,\"x\n3,y\n4,\"z\"\n5,w\n",
     .message = "column \"b\": text after the closing quote of \"x\\n3,y\\n4,\" (a quote within quotes "
                "is written twice)",
     .line = 3},
    {.what = "a quote after the blanks after a closing quote",
     .file = "a,b\n\"x\" \"y\",2\n",
     .message = "column \"a\": text after the closing quote of \"x\" (a quote within quotes is "
                "written twice)",
     .line = 2},
    {.what = "text after a closing quote in the header",
     .file = "\na,\"b\"c\n1,2\n",
     .message = "text after the closing quote of \"b\" (a quote within quotes is written twice)",
     .line = 2},
    {.what = "control characters",
     .file = "a\n" NINE("1\n") "\"x\ny\"\n",
     .message = "column \"a\": \"x\\ny\" is not a number (--na ... if it means missing; --categorical a "
                "if it is a category)",
     .line = 11},
};

static void check_case(const read_case *c, mele_engine *engine)
{
    test_file file = test_file_make(c->file, strlen(c->file), ".csv");
    mele_table_options options = mele_table_defaults();
    mele_table *table = NULL;
    mele_error error = {MELE_OK, 0, ""};
    char found[512];

    options.delimiter = c->delimiter;
    options.decimal = c->decimal;
    options.header = !c->no_header;
    mele_status status = mele_table_read(file.path, &options, engine, &table, &error);
    unlink(file.path);
    if (c->rows != NULL) {
        cr_assert_eq(status, MELE_OK, "%s: %s", c->what, error.message);
        dump(table, found);
        cr_assert_str_eq(found, c->rows, "%s: %s", c->what, found);
        mele_table_free(table);
    } else {
        cr_assert_eq(status, MELE_EDATA, "%s", c->what);
        cr_assert_str_eq(error.message, c->message, "%s: %s", c->what, error.message);
        cr_assert_eq(error.line, c->line, "%s: line %zu", c->what, error.line);
        cr_assert_null(table, "%s", c->what);
    }
}

Test(table, small_files)
{
    mele_engine *engine = engine_of(3);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_case(&cases[i], NULL);
        check_case(&cases[i], engine);
    }
    mele_engine_free(engine);
}

Test(table, files_that_cannot_be_read)
{
    mele_table *table = NULL;
    mele_error error;

    cr_assert_eq(mele_table_read("/tmp/mele-no-such-file", NULL, NULL, &table, &error), MELE_EIO);
    cr_assert_str_eq(error.message, "No such file or directory");
    cr_assert_eq(mele_table_read("/tmp", NULL, NULL, &table, &error), MELE_EIO);
    cr_assert_str_eq(error.message, "Is a directory");
    cr_assert_null(table);
}

Test(table, a_quote_cannot_be_the_delimiter)
{
    mele_table_options options = mele_table_defaults();
    mele_table *table = NULL;

    options.delimiter = '"';
    cr_assert_eq(mele_table_read("/dev/null", &options, NULL, &table, NULL), MELE_EINVAL);
}

Test(table, tsv_by_its_name)
{
    test_file file = test_file_make("a\tb\n1\t2\n", 8, ".tsv");
    mele_table *table = NULL;

    cr_assert_eq(mele_table_read(file.path, NULL, NULL, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_columns(table), 2);
    mele_table_free(table);
    unlink(file.path);
}

Test(table, missing_as_told)
{
    static const char text[] = "a,b\n-999,-\n1,x\n";
    test_file file = test_file_make(text, strlen(text), ".csv");
    mele_table_options options = mele_table_defaults();
    mele_table *table = NULL;
    mele_error error;
    char found[128];

    options.missing = "-999,-";
    cr_assert_eq(mele_table_read(file.path, &options, NULL, &table, NULL), MELE_OK);
    dump(table, found);
    cr_assert_str_eq(found, "2:NA|NA| 3:1|x| ");
    mele_table_free(table);
    options.missing = "x";
    cr_assert_eq(mele_table_read(file.path, &options, NULL, &table, &error), MELE_OK);
    dump(table, found);
    cr_assert_str_eq(found, "2:-999|-| 3:1|NA| ");
    mele_table_free(table);
    unlink(file.path);
}

Test(table, levels_are_sorted_by_bytes)
{
    static const char text[] = "a\nb\n\xC3\xA9\nB\nb\nab\na\n\nNA\n";
    static const char *const levels[] = {"B", "a", "ab", "b", "\xC3\xA9"};
    static const double codes[] = {3, 4, 0, 3, 2, 1};
    test_file file = test_file_make(text, strlen(text), ".csv");
    mele_table *table = NULL;

    cr_assert_eq(mele_table_read(file.path, NULL, NULL, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_kind(table, 0), MELE_COLUMN_CATEGORY);
    cr_assert_eq(mele_table_levels(table, 0), 5);
    for (size_t l = 0; l < 5; l++)
        cr_assert_str_eq(mele_table_level(table, 0, l), levels[l]);
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(mele_table_values(table, 0)[i], codes[i]);
    cr_assert(isnan(mele_table_values(table, 0)[6]) && isnan(mele_table_values(table, 0)[7]));
    mele_table_free(table);
    unlink(file.path);
}

/* 0 and 0.0 are one level, which the first spelling names; integers that share a double are two, and
 * what is no number goes by its bytes. */
Test(table, a_level_is_a_number_however_it_is_written)
{
    static const char text[] = "g\n1.0\n0\n1\n0.0\n+1e0\n-0\n9007199254740993\n9007199254740992\n"
                               "1a\n1.0a\n";
    static const char *const levels[] = {"0", "1.0", "1.0a", "1a", "9007199254740992",
                                         "9007199254740993"};
    static const double codes[] = {1, 0, 1, 0, 1, 0, 5, 4, 3, 2};
    test_file file = test_file_make(text, strlen(text), ".csv");
    mele_reader *reader = NULL;
    mele_table *table = NULL;

    cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
    mele_reader_want(reader, 0, MELE_COLUMN_CATEGORY, false, NULL);
    cr_assert_eq(mele_reader_next(reader, 0, NULL, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_levels(table, 0), 6);
    for (size_t l = 0; l < 6; l++)
        cr_assert_str_eq(mele_table_level(table, 0, l), levels[l]);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(mele_table_values(table, 0)[i], codes[i], "row %zu", i);
    mele_table_free(table);
    mele_reader_close(reader);
    unlink(file.path);
}

/* Columns are what they are called: 1 and 1.0 are two. */
Test(table, names_are_no_numbers)
{
    static const char text[] = "1,1.0\n2,3\n";
    test_file file = test_file_make(text, strlen(text), ".csv");
    mele_table *table = NULL;

    cr_assert_eq(mele_table_read(file.path, NULL, NULL, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_columns(table), 2);
    mele_table_free(table);
    unlink(file.path);
}

/* ---- what columns are wanted for ---- */

Test(table, kinds_as_wanted)
{
    static const char text[] = "s,n,c,t,k\nx,NA,1.0,\" a\",1e2\ninf,3,NA,NA,NA\n";
    static const mele_column_kind kinds[] = {MELE_COLUMN_SKIP, MELE_COLUMN_NUMBER,
                                             MELE_COLUMN_CATEGORY, MELE_COLUMN_TEXT,
                                             MELE_COLUMN_INFER};
    test_file file = test_file_make(text, strlen(text), ".csv");
    mele_reader *reader = NULL;
    mele_table *table = NULL;
    mele_error error;
    size_t length;

    cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
    cr_assert_eq(mele_reader_columns(reader), 5);
    cr_assert_str_eq(mele_reader_name(reader, 3), "t");
    cr_assert(mele_reader_has_header(reader));
    for (size_t j = 0; j < 5; j++)
        cr_assert_eq(mele_reader_want(reader, j, kinds[j], j == 4, NULL), MELE_OK);
    cr_assert_eq(mele_reader_want(reader, 5, MELE_COLUMN_SKIP, false, NULL), MELE_EINVAL);
    cr_assert_eq(mele_reader_next(reader, 0, NULL, &table, &error), MELE_OK);
    cr_assert_eq(mele_reader_want(reader, 0, MELE_COLUMN_SKIP, false, NULL), MELE_EINVAL);
    cr_assert_null(mele_table_values(table, 0));
    cr_assert_null(mele_table_text(table, 0, 0, NULL));
    cr_assert(isnan(mele_table_values(table, 1)[0]) && mele_table_values(table, 1)[1] == 3);
    cr_assert_null(mele_table_text(table, 0, 1, NULL));
    cr_assert_str_eq(mele_table_level(table, 2, 0), "1.0");
    cr_assert(isnan(mele_table_values(table, 2)[1]));
    cr_assert_null(mele_table_values(table, 3));
    cr_assert_str_eq(mele_table_text(table, 0, 3, &length), " a");
    cr_assert_eq(length, 2);
    cr_assert_str_eq(mele_table_text(table, 1, 3, NULL), "NA");
    cr_assert_eq(mele_table_kind(table, 4), MELE_COLUMN_NUMBER);
    cr_assert_eq(mele_table_values(table, 4)[0], 100);
    cr_assert_str_eq(mele_table_text(table, 0, 4, NULL), "1e2");
    mele_table_free(table);
    mele_reader_close(reader);
    unlink(file.path);
}

Test(table, zero_bytes)
{
    static const char text[] = "t,c\na\0b,x\nd,y\0z\n";
    test_file file = test_file_make(text, sizeof text - 1, ".csv");
    mele_reader *reader = NULL;
    mele_table *table = NULL;
    mele_error error;
    size_t length;

    cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
    mele_reader_want(reader, 0, MELE_COLUMN_TEXT, false, NULL);
    cr_assert_eq(mele_reader_next(reader, 1, NULL, &table, NULL), MELE_OK);
    cr_assert_arr_eq(mele_table_text(table, 0, 0, &length), "a\0b", 4);
    cr_assert_eq(length, 3);
    mele_table_free(table);
    table = NULL;
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(mele_reader_next(reader, 1, NULL, &table, &error), MELE_EDATA);
        cr_assert_str_eq(error.message, "column \"c\": \"y\\x00z\" holds a zero byte");
        cr_assert_eq(error.line, 3);
        cr_assert_null(table);
    }
    mele_reader_close(reader);
    unlink(file.path);
}

/* ---- large files, in parts and by several threads ---- */

enum { ROWS = 60000 }; /* several chunks, but within one window */

/* A file with cells of every sort. */
static char *make_text(size_t rows, size_t *length)
{
    mele_text *text = NULL;
    char cell[64];

    cr_assert_eq(mele_text_new(',', &text, NULL), MELE_OK);
    mele_text_cell(text, "n", 1);
    mele_text_cell(text, "c", 1);
    mele_text_cell(text, "late", 4);
    mele_text_newline(text);
    for (size_t i = 0; i < rows; i++) {
        mele_text_number(text, (double)i / 7);
        int size =
            snprintf(cell, sizeof cell, i % 11 == 0 ? "level %zu\nand\r\nmore" : "l%zu", i % 29);
        mele_text_cell(text, cell, (size_t)size);
        if (i < rows / 2)
            mele_text_cell(text, "NA", 2);
        else
            mele_text_number(text, (double)(i % 5));
        mele_text_newline(text);
        if (i % 1000 == 0)
            mele_text_newline(text); /* an empty line */
    }
    cr_assert_eq(mele_text_status(text, NULL), MELE_OK);
    *length = mele_text_length(text);
    char *copy = malloc(*length);
    memcpy(copy, mele_text_data(text), *length);
    mele_text_free(text);
    return copy;
}

/* Row i of what make_text() wrote. */
static void check_row(const mele_table *table, size_t i, size_t row, size_t *line)
{
    char level[64];
    const double *late = mele_table_values(table, 2);

    snprintf(level, sizeof level, row % 11 == 0 ? "level %zu\nand\r\nmore" : "l%zu", row % 29);
    cr_assert_eq(mele_table_values(table, 0)[i], (double)row / 7);
    cr_assert_str_eq(mele_table_level(table, 1, (size_t)mele_table_values(table, 1)[i]), level);
    cr_assert(row < ROWS / 2 ? isnan(late[i]) : late[i] == (double)(row % 5));
    cr_assert_eq(mele_table_line(table, i), *line);
    *line += 1 + (row % 11 == 0 ? 2 : 0) + (row % 1000 == 0);
}

Test(table, many_rows_at_once_and_in_parts)
{
    static const size_t parts[] = {0, 1000, 7777, ROWS};
    size_t length;
    char *text = make_text(ROWS, &length);
    test_file file = test_file_make(text, length, ".csv");

    for (unsigned threads = 1; threads <= 3; threads += 2)
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            mele_engine *engine = engine_of(threads);
            mele_reader *reader = NULL;
            size_t row = 0, got = 1, line = 2;
            cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
            while (got > 0) {
                mele_table *table = NULL;
                cr_assert_eq(mele_reader_next(reader, parts[p], engine, &table, NULL), MELE_OK);
                got = mele_table_rows(table);
                cr_assert(got == 0 || parts[p] == 0 || got == parts[p] || row + got == ROWS);
                for (size_t i = 0; i < got; i++)
                    check_row(table, i, row++, &line);
                mele_table_free(table);
            }
            cr_assert_eq(row, ROWS);
            mele_reader_close(reader);
            mele_engine_free(engine);
        }
    unlink(file.path);
    free(text);
}

/* The same text, larger than a window, also through a pipe. */
typedef struct pipe_writer {
    int descriptor;
    const char *text;
    size_t length, times;
} pipe_writer;

static void *write_pipe(void *argument)
{
    const pipe_writer *writer = argument;

    for (size_t t = 0; t < writer->times; t++)
        for (size_t done = 0; done < writer->length;) {
            ssize_t count = write(writer->descriptor, writer->text + done, writer->length - done);
            if (count <= 0)
                abort();
            done += (size_t)count;
        }
    close(writer->descriptor);
    return NULL;
}

Test(table, a_pipe_larger_than_the_window)
{
    static const char row[] = "0.12345678901234567,\"a \"\"quoted\"\", cell\nof two lines\",x\n";
    size_t times = 300000;
    mele_engine *engine = engine_of(2);
    mele_table *table = NULL;
    mele_table_options options = mele_table_defaults();
    pthread_t thread;
    char path[32];
    int ends[2];

    options.header = false;
    cr_assert_eq(pipe(ends), 0);
    pipe_writer writer = {ends[1], row, strlen(row), times};
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    cr_assert_eq(pthread_create(&thread, NULL, write_pipe, &writer), 0);
    cr_assert_eq(mele_table_read(path, &options, engine, &table, NULL), MELE_OK);
    pthread_join(thread, NULL);
    close(ends[0]);
    cr_assert_eq(mele_table_rows(table), times);
    for (size_t i = 0; i < times; i++) {
        cr_assert_eq(mele_table_values(table, 0)[i], 0.12345678901234567);
        cr_assert_eq(mele_table_line(table, i), 2 * i + 1);
    }
    cr_assert_eq(mele_table_levels(table, 1), 1);
    mele_table_free(table);
    mele_engine_free(engine);
}

/* After a stray quote the cutting takes inside for outside, and cuts within quotes. */
Test(table, stray_quotes_mislead_nobody)
{
    static const char *const cells[] = {"ab", "\"two\nlines\"", "5\" pipe"};
    size_t rows = 200000, line = 2;
    char *text = malloc(rows * 24), *at = text;
    mele_engine *engine = engine_of(3);
    mele_table *table = NULL;

    at += sprintf(at, "n,t\n");
    for (size_t i = 0; i < rows; i++)
        at += sprintf(at, "%zu,%s\n", i, cells[i == 77 ? 2 : i % 2]);
    test_file file = test_file_make(text, (size_t)(at - text), ".csv");
    cr_assert_eq(mele_table_read(file.path, NULL, engine, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_rows(table), rows);
    cr_assert_eq(mele_table_levels(table, 1), 3);
    for (size_t i = 0; i < rows; i++) {
        cr_assert_eq(mele_table_values(table, 0)[i], (double)i);
        cr_assert_eq(mele_table_values(table, 1)[i], i == 77 ? 0 : 1 + (double)(i % 2));
        cr_assert_eq(mele_table_line(table, i), line);
        line += 1 + (i != 77 && i % 2 == 1);
    }
    mele_table_free(table);
    mele_engine_free(engine);
    unlink(file.path);
    free(text);
}

Test(table, a_record_longer_than_the_window)
{
    size_t cell = TEST_SIZE(20, 20, 9) << 20;
    char *text = malloc(cell + 64);
    mele_reader *reader = NULL;
    mele_table *table = NULL;
    size_t length;

    char *at = text + sprintf(text, "a,b\n1,\"");
    memset(at, '\n', cell);
    at += cell;
    at += sprintf(at, "\"\n2,y\n");
    test_file file = test_file_make(text, (size_t)(at - text), ".csv");
    cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
    mele_reader_want(reader, 1, MELE_COLUMN_TEXT, false, NULL);
    cr_assert_eq(mele_reader_next(reader, 0, NULL, &table, NULL), MELE_OK);
    cr_assert_eq(mele_table_rows(table), 2);
    mele_table_text(table, 0, 1, &length);
    cr_assert_eq(length, cell);
    cr_assert_eq(mele_table_line(table, 1), cell + 3);
    mele_table_free(table);
    mele_reader_close(reader);
    unlink(file.path);
    free(text);
}

/* Rows before a failure can be had; the failure is the next call's, and every further one's. */
Test(table, rows_before_a_failure)
{
    static const char text[] = "a\n1\n2\n3\nx\n5\n6\n7\n8\n9\n10\n";
    test_file file = test_file_make(text, strlen(text), ".csv");
    mele_reader *reader = NULL;
    mele_table *table = NULL;
    mele_error error;

    cr_assert_eq(mele_reader_open(file.path, NULL, &reader, NULL), MELE_OK);
    cr_assert_eq(mele_reader_next(reader, 3, NULL, &table, &error), MELE_OK);
    cr_assert_eq(mele_table_rows(table), 3);
    mele_table_free(table);
    table = NULL;
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(mele_reader_next(reader, 3, NULL, &table, &error), MELE_EDATA);
        cr_assert_eq(error.line, 5);
        cr_assert_null(table);
    }
    mele_reader_close(reader);
    unlink(file.path);
}

static bool stop_at_once(const mele_progress *progress, void *user)
{
    *(size_t *)user = progress->total;
    return false;
}

Test(table, progress_can_stop_it)
{
    static const char text[] = "a\n1\n";
    test_file file = test_file_make(text, strlen(text), ".csv");
    mele_engine_options options = mele_engine_defaults();
    mele_engine *engine = NULL;
    mele_table *table = NULL;
    size_t total = 0;

    options.threads = 2;
    options.progress = stop_at_once;
    options.user = &total;
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    cr_assert_eq(mele_table_read(file.path, NULL, engine, &table, NULL), MELE_ESTOPPED);
    cr_assert_null(table);
    cr_assert_eq(total, strlen(text));
    mele_engine_free(engine);
    unlink(file.path);
}
