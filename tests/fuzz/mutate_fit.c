/* How libFuzzer changes options with data: a line of an option of the table, a cell, a row; rarely
 * bytes, and rarely what cannot be read, since most of what fails early teaches nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/options.h>

#include "fuzz/mutate.h"

typedef struct input {
    uint8_t *data;
    size_t size, most;
} input;

/* Put text in place of bytes from .. to - 1, if there is room. */
static void replace(input *in, size_t from, size_t to, const char *text, size_t length)
{
    const size_t size = in->size - (to - from) + length;

    if (size > in->most)
        return;
    memmove(in->data + from + length, in->data + to, in->size - to);
    memcpy(in->data + from, text, length);
    in->size = size;
}

/* Where the rows begin: behind the first empty line. */
static size_t rows_of(const input *in)
{
    size_t at = 0;

    while (at < in->size && in->data[at] != '\n') {
        const uint8_t *end = memchr(in->data + at, '\n', in->size - at);
        at = end == NULL ? in->size : (size_t)(end - in->data) + 1;
    }
    return at < in->size ? at + 1 : in->size;
}

/* The name of one of the columns, as the header has it. */
static void column_of(const input *in, char *out, size_t size)
{
    size_t at = rows_of(in), length = 0;

    for (int skip = rand() % 4; skip > 0; skip--) {
        size_t next = at;
        while (next < in->size && in->data[next] != ',' && in->data[next] != '\n')
            next++;
        if (next >= in->size || in->data[next] == '\n')
            break;
        at = next + 1;
    }
    while (at + length < in->size && length + 1 < size && in->data[at + length] > ' '
           && in->data[at + length] != ',')
        length++;
    memcpy(out, in->data + at, length);
    out[length] = '\0';
}

/* One of the choices of an option, a number, or a column. */
static void value_of(const input *in, const char *name, char *out, size_t size)
{
    static const char *const values[] = {"0",   "1",   "2",    "3",   "1e-9", "0.3", "1e6", "1e300",
                                         "1-2", "2-3", "auto", "gcv", "xy",   "5",   "10",  "0.01"};
    const char *argument = mele_option_argument(name);
    char choices[256];
    size_t length = mele_option_choices(name, choices, sizeof choices);
    const char *value = values[(size_t)rand() % (sizeof values / sizeof *values)];

    if (argument != NULL && strstr(argument, "COL") != NULL && rand() % 8 > 0) {
        column_of(in, out, size);
        return;
    }
    if (length > 0 && length < sizeof choices) {
        value = choices;
        for (int skip = rand() % 6; skip > 0 && strstr(value, ", ") != NULL; skip--)
            value = strstr(value, ", ") + 2;
        choices[(size_t)(value - choices) + strcspn(value, ",")] = '\0';
    }
    snprintf(out, size, "%s", value);
}

static void add_option(input *in)
{
    char line[300], value[256];
    size_t options = 0;

    while (mele_option_name(options) != NULL)
        options++;
    const char *name = mele_option_name((size_t)rand() % options);
    value_of(in, name, value, sizeof value);
    int length = snprintf(line, sizeof line, "%s %s\n", name, value);
    replace(in, 0, 0, line, (size_t)length);
}

/* A line somewhere from byte `from` on: its bounds, with the line end. */
static void pick_line(const input *in, size_t from, size_t *first, size_t *end)
{
    size_t at = from + (in->size > from ? (size_t)rand() % (in->size - from) : 0);

    while (at > from && in->data[at - 1] != '\n')
        at--;
    *first = at;
    while (at < in->size && in->data[at] != '\n')
        at++;
    *end = at < in->size ? at + 1 : at;
}

static void remove_option(input *in)
{
    size_t rows = rows_of(in), first, end;
    input options = {in->data, rows > 0 ? rows - 1 : 0, 0};

    pick_line(&options, 0, &first, &end);
    if (end > first && end < rows)
        replace(in, first, end, "", 0);
}

/* Behind the header. */
static size_t first_row(const input *in)
{
    const size_t header = rows_of(in);
    const uint8_t *end = memchr(in->data + header, '\n', in->size - header);

    return end == NULL ? in->size : (size_t)(end - in->data) + 1;
}

static void change_cell(input *in)
{
    static const char *const cells[] = {"0",
                                        "1",
                                        "-1",
                                        "1e308",
                                        "-1e308",
                                        "1e-320",
                                        "1e154",
                                        "0.1",
                                        "3.3",
                                        "3.3000000000000003",
                                        "2",
                                        "1e9",
                                        "1000000000.001",
                                        "7.25",
                                        "-0.5",
                                        "1e15"};
    static const char *const odd[] = {"NA", "", "inf", "b", "\"c\""};
    size_t first, end;

    pick_line(in, first_row(in), &first, &end);
    if (end <= first + 1)
        return;
    size_t at = first + (size_t)rand() % (end - first - 1), stop = at;
    while (at > first && in->data[at - 1] != ',')
        at--;
    while (stop < end - 1 && in->data[stop] != ',')
        stop++;
    const char *cell = cells[(size_t)rand() % (sizeof cells / sizeof *cells)];
    if (rand() % 16 == 0)
        cell = odd[(size_t)rand() % (sizeof odd / sizeof *odd)];
    replace(in, at, stop, cell, strlen(cell));
}

/* Say a row again, or leave it out. */
static void change_row(input *in)
{
    size_t first, end;
    char row[512];

    pick_line(in, first_row(in), &first, &end);
    if (end - first > sizeof row || end == first || in->data[end - 1] != '\n')
        return;
    memcpy(row, in->data + first, end - first);
    if (rand() % 2)
        replace(in, first, end, "", 0);
    else
        replace(in, first, first, row, end - first);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    input in = {data, size, most};

    srand(seed);
    for (int changes = 1 + rand() % 3; changes > 0; changes--)
        switch (rand() % 9) {
        case 0:
        case 1: add_option(&in); break;
        case 2: remove_option(&in); break;
        case 3:
        case 4:
        case 5: change_cell(&in); break;
        default: change_row(&in);
        }
    return rand() % 24 > 0 ? in.size : LLVMFuzzerMutate(data, in.size, most);
}
