/* Lines without quotes are cut into the cells that libcsv finds in them. */
#include <criterion/criterion.h>

#include <string.h>

#include "core/stream.h"
#include "data/csv_plain.h"

#define MOST 64

/* What was told of, as text: a cell in brackets, an end as <code>. */
typedef struct told {
    char text[16 * MOST];
    size_t length;
} told;

static void on_cell(void *bytes, size_t length, void *context)
{
    told *t = context;

    t->text[t->length++] = '[';
    if (length > 0)
        memcpy(t->text + t->length, bytes, length);
    t->length += length;
    t->text[t->length++] = ']';
}

static void on_row(int terminator, void *context)
{
    told *t = context;

    t->length += (size_t)snprintf(t->text + t->length, 8, "<%d>", terminator);
}

static void expect_same(const char *line, size_t length, char delimiter)
{
    struct csv_parser parser;
    told plain = {.length = 0}, ours = {.length = 0};

    mele_i_csv_parser_init(&parser, delimiter);
    cr_assert_eq(mele_i_csv_feed(&parser, line, length, on_cell, on_row, &plain, NULL), MELE_OK);
    csv_free(&parser);
    cr_assert(mele_i_csv_is_plain(line, length));
    mele_i_csv_plain_line(line, length, delimiter, on_cell, on_row, &ours);
    cr_assert(ours.length == plain.length && memcmp(ours.text, plain.text, plain.length) == 0,
              "\"%.*s\": \"%.*s\", libcsv \"%.*s\"", (int)length, line, (int)ours.length, ours.text,
              (int)plain.length, plain.text);
}

Test(csv_plain, cells_are_those_of_libcsv)
{
    static const char letters[] = "1,;\t a\xC3\0-,\x80\xAC,\x7F";
    static const char delimiters[] = ",;\t |\xAC";
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);
    char line[MOST];

    for (size_t t = 0; t < 60000; t++) {
        const char *end = ends[t % 3];
        const size_t length = mele_i_stream_below(&stream, MOST - 3);
        for (size_t i = 0; i < length; i++)
            line[i] = letters[mele_i_stream_below(&stream, sizeof letters - 1)];
        memcpy(line + length, end, strlen(end));
        expect_same(line, length + strlen(end), delimiters[t % (sizeof delimiters - 1)]);
    }
}

Test(csv_plain, what_is_not_plain)
{
    static const char *const lines[] = {"", "1,2", "\"1\",2\n", "1,2\"\n", "a\"\r"};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_expect_not(mele_i_csv_is_plain(lines[i], strlen(lines[i])), "%s", lines[i]);
}
