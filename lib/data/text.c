#include "data/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/quote.h"
#include "core/suggest.h"

_Static_assert(MELE_NUMBER_ROOM >= MELE_I_NUMBER_ROOM, "a number fits with its final zero");

const char *mele_nearest(const char *word, const char *(*name)(size_t i, const void *user),
                         const void *user)
{
    return mele_i_nearest(word, strlen(word), name, user);
}

/* ---- numbers ---- */

size_t mele_number_print(double value, char *out)
{
    size_t length = mele_i_number_print(value, out);

    out[length] = '\0';
    return length;
}

mele_status mele_number_parse(const char *text, size_t length, double *out, mele_error *error)
{
    switch (mele_i_number_parse(text, length, out)) {
    case MELE_I_NUMBER_OK: return MELE_OK;
    case MELE_I_NUMBER_NOT: break;
    case MELE_I_NUMBER_INFINITE:
        return mele_i_fail(error, MELE_EDATA, "%s is not a finite number",
                           mele_i_quote(text, length).text);
    }
    return mele_i_fail(error, MELE_EDATA, "%s is not a number", mele_i_quote(text, length).text);
}

/* ---- CSV ---- */

struct mele_text {
    mele_i_buffer written;
    char delimiter;
    size_t cells;     /* of the row so far */
    size_t row_start; /* where the row begins */
};

mele_status mele_text_new(char delimiter, mele_text **out, mele_error *error)
{
    mele_text *text = MELE_I_NEW(mele_text);

    if (text == NULL)
        return mele_i_no_memory(error);
    text->delimiter = delimiter;
    *out = text;
    return MELE_OK;
}

void mele_text_free(mele_text *text)
{
    if (text == NULL)
        return;
    free(text->written.data);
    free(text);
}

static inline void begin_cell(mele_text *text)
{
    if (text->cells++ > 0)
        text->written.data[text->written.length++] = text->delimiter;
}

void mele_text_number(mele_text *text, double value)
{
    if (!mele_i_buffer_has_room(&text->written, 1 + MELE_I_NUMBER_ROOM))
        return;
    begin_cell(text);
    text->written.length += mele_i_number_print(value, text->written.data + text->written.length);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool needs_quotes(char delimiter, const char *cell, size_t length)
{
    if (length == 0)
        return false;
    if (is_blank(cell[0]) || is_blank(cell[length - 1]))
        return true;
    for (size_t i = 0; i < length; i++)
        if (cell[i] == delimiter || cell[i] == '"' || cell[i] == '\n' || cell[i] == '\r')
            return true;
    return false;
}

static void put_quoted(mele_text *text, const char *cell, size_t length)
{
    char *at = text->written.data + text->written.length;

    *at++ = '"';
    for (size_t i = 0; i < length; i++) {
        if (cell[i] == '"')
            *at++ = '"';
        *at++ = cell[i];
    }
    *at++ = '"';
    text->written.length = (size_t)(at - text->written.data);
}

void mele_text_cell(mele_text *text, const char *cell, size_t length)
{
    size_t most; /* every byte a quote */

    if (__builtin_mul_overflow(length, 2, &most) || __builtin_add_overflow(most, 3, &most)) {
        text->written.failed = true;
        return;
    }
    if (!mele_i_buffer_has_room(&text->written, most))
        return;
    begin_cell(text);
    if (needs_quotes(text->delimiter, cell, length)) {
        put_quoted(text, cell, length);
    } else {
        mele_i_buffer_add(&text->written, cell, length);
    }
}

void mele_i_text_name(mele_text *text, const char *before, const char *name, const char *keep)
{
    const size_t first = strlen(before), escaped = mele_i_escape(name, strlen(name), keep, NULL, 0);
    char room[256], *cell = room;

    if (first + escaped >= sizeof room && (cell = mele_i_array(first + escaped + 1, 1)) == NULL) {
        text->written.failed = true;
        return;
    }
    memcpy(cell, before, first);
    mele_i_escape(name, strlen(name), keep, cell + first, escaped + 1);
    mele_text_cell(text, cell, first + escaped);
    if (cell != room)
        free(cell);
}

void mele_text_name(mele_text *text, const char *name)
{
    mele_i_text_name(text, "", name, "");
}

size_t mele_name_print(const char *name, char *out, size_t size)
{
    return mele_i_escape(name, strlen(name), "", out, size);
}

void mele_text_newline(mele_text *text)
{
    if (!mele_i_buffer_has_room(&text->written, 3))
        return;
    if (text->cells == 1 && text->written.length == text->row_start)
        put_quoted(text, "", 0);
    text->written.data[text->written.length++] = '\n';
    text->cells = 0;
    text->row_start = text->written.length;
}

const char *mele_text_data(const mele_text *text)
{
    return text->written.data == NULL ? "" : text->written.data;
}

size_t mele_text_length(const mele_text *text)
{
    return text->written.length;
}

mele_status mele_text_status(const mele_text *text, mele_error *error)
{
    return text->written.failed ? mele_i_no_memory(error) : MELE_OK;
}

void mele_text_clear(mele_text *text)
{
    text->written.length = text->cells = text->row_start = 0;
    text->written.failed = false;
}
