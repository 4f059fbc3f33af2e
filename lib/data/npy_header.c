/* The header of an .npy file: a magic text, a version, and a Python dictionary with exactly the
 * keys descr, fortran_order and shape.
 *
 * Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays", versions 1.0,
 * 2.0 and 3.0. */
#include "data/npy_header.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"

#define MOST_LENGTH (MELE_I_NPY_MOST_HEADER - 12) /* of the dictionary */
#define ALIGNED 64                                /* the numbers begin at a multiple of this */

/* ---- reading ---- */

/* What is left of the header's text; ok turns false at the first thing that does not fit. */
typedef struct header_text {
    const char *at, *end;
    bool ok;
} header_text;

static void skip_spaces(header_text *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n'))
        text->at++;
}

static bool accept(header_text *text, char c)
{
    skip_spaces(text);
    if (text->at == text->end || *text->at != c)
        return false;
    text->at++;
    return true;
}

static void expect(header_text *text, char c)
{
    text->ok = text->ok && accept(text, c);
}

/* A string in single or double quotes, without escapes. */
static const char *quoted(header_text *text, size_t *length)
{
    skip_spaces(text);
    *length = 0;
    if (text->at == text->end || (*text->at != '\'' && *text->at != '"')) {
        text->ok = false;
        return "";
    }
    const char *first = text->at + 1;
    const char *last = memchr(first, *text->at, (size_t)(text->end - first));
    if (last == NULL) {
        text->ok = false;
        return "";
    }
    text->at = last + 1;
    *length = (size_t)(last - first);
    return first;
}

static bool read_truth(header_text *text)
{
    static const char *const words[] = {"False", "True"};

    skip_spaces(text);
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(text->end - text->at) >= length && memcmp(text->at, words[i], length) == 0) {
            text->at += length;
            return i == 1;
        }
    }
    text->ok = false;
    return false;
}

static uint64_t read_count(header_text *text)
{
    uint64_t value = 0;

    skip_spaces(text);
    const char *first = text->at;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
        if (__builtin_mul_overflow(value, 10, &value)
            || __builtin_add_overflow(value, (uint64_t)(*text->at - '0'), &value))
            text->ok = false;
    text->ok = text->ok && text->at > first;
    return value;
}

/* The shape; returns the number of dimensions, of which the first ones are kept. */
static size_t read_shape(header_text *text, uint64_t *shape)
{
    size_t count = 0;

    expect(text, '(');
    while (text->ok && !accept(text, ')')) {
        uint64_t size = read_count(text);
        if (count < MELE_I_NPY_DIMENSIONS)
            shape[count] = size;
        count++;
        if (!accept(text, ',')) {
            text->ok = text->ok && count > 1; /* one dimension is written (n,) */
            expect(text, ')');
            break;
        }
    }
    return count;
}

static const char *const keys[] = {"descr", "fortran_order", "shape"};

static int find_key(header_text *text)
{
    size_t length;
    const char *name = quoted(text, &length);

    for (int i = 0; i < 3; i++)
        if (strlen(keys[i]) == length && memcmp(keys[i], name, length) == 0)
            return i;
    text->ok = false;
    return 0;
}

static bool parse_header(header_text text, mele_i_npy_header *header)
{
    unsigned seen = 0;

    text.ok = true;
    expect(&text, '{');
    while (text.ok && !accept(&text, '}')) {
        int key = find_key(&text);
        expect(&text, ':');
        if (!text.ok || (seen & 1u << key) != 0)
            return false;
        seen |= 1u << key;
        if (key == 0)
            header->type = quoted(&text, &header->type_length);
        else if (key == 1)
            header->by_columns = read_truth(&text);
        else
            header->dimensions = read_shape(&text, header->shape);
        if (!accept(&text, ',')) {
            expect(&text, '}');
            break;
        }
    }
    skip_spaces(&text);
    return text.ok && seen == 7 && text.at == text.end;
}

/* The magic text and the version lead to the header's place: it begins at *from. */
static mele_status locate_header(const unsigned char *start, size_t got, size_t *from,
                                 size_t *length, mele_error *error)
{
    if (got < 10 || memcmp(start, "\x93NUMPY", 6) != 0)
        return mele_i_fail(error, MELE_EDATA, "it is not an .npy file");
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return mele_i_fail(error, MELE_EDATA, ".npy version %u.%u is not known", start[6],
                           start[7]);
    *from = start[6] == 1 ? 10 : 12;
    *length = (size_t)start[8] | (size_t)start[9] << 8;
    if (start[6] > 1 && got >= 12)
        *length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    if (*length > MOST_LENGTH)
        return mele_i_fail(error, MELE_EDATA, "its .npy header of %zu bytes is too long", *length);
    if (got < *from + *length)
        return mele_i_fail(error, MELE_EDATA, "it ends within the .npy header");
    return MELE_OK;
}

mele_status mele_i_npy_header_read(const char *bytes, size_t got, mele_i_npy_header *out,
                                   size_t *length, mele_error *error)
{
    mele_i_npy_header header = {0};
    size_t from = 0, text_length = 0;
    mele_status status = locate_header((const unsigned char *)bytes, got, &from, &text_length,
                                       error);

    if (status != MELE_OK)
        return status;
    const header_text text = {bytes + from, bytes + from + text_length, true};
    if (!parse_header(text, &header))
        return mele_i_fail(error, MELE_EDATA, "its .npy header is malformed");
    *out = header;
    *length = from + text_length;
    return MELE_OK;
}

/* ---- writing ---- */

size_t mele_i_npy_header_write(const mele_i_npy_header *header, char *out)
{
    char shape[24 * MELE_I_NPY_DIMENSIONS + 2] = "";
    size_t length = 0;

    for (size_t i = 0; i < header->dimensions; i++)
        length += (size_t)snprintf(shape + length, sizeof shape - length, "%s%ju",
                                   i == 0 ? "" : ", ", (uintmax_t)header->shape[i]);
    if (header->dimensions == 1)
        snprintf(shape + length, sizeof shape - length, ",");
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    length = 10
             + (size_t)snprintf(out + 10, MELE_I_NPY_HEADER_ROOM - 10,
                                "{'descr': '%.*s', 'fortran_order': %s, 'shape': (%s), }",
                                (int)header->type_length, header->type,
                                header->by_columns ? "True" : "False", shape);
    const size_t all = (length + ALIGNED) / ALIGNED * ALIGNED;
    memset(out + length, ' ', all - length);
    out[all - 1] = '\n';
    out[8] = (char)((all - 10) & 0xFF);
    out[9] = (char)((all - 10) >> 8);
    return all;
}
