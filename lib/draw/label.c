#include "draw/label.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/escape.h"
#include "core/memory.h"
#include "draw/markup.h"

#define LINE_HEIGHT 1.2 /* of the font's size */
#define BASE_LINE 0.35  /* of the font's size below the middle of a line */

/* Hundredths of the size for the characters from the space to ~: of Liberation Sans (as wide as
 * Arial and Helvetica) and DejaVu Sans (as Verdana) the wider. */
static const uint8_t widths[] = {
    32, 41, 46, 84, 64, 96, 78, 28, 40,  40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 56, 102, 69, 69, 73, 78, 67, 62, 78, 76, 30, 50, 67, 56, 87, 75, 79,
    67, 79, 73, 67, 62, 74, 69, 99, 69,  67, 69, 40, 34, 40, 84, 56, 50, 62, 64, 55, 64, 62, 36, 64,
    64, 28, 28, 58, 28, 98, 64, 62, 64,  64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
};

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

static size_t bytes_of(const char *at) /* of a character, what follows it being one byte or more */
{
    size_t bytes = 1;

    while (bytes < 4 && (unsigned char)*at >= 0xC2 && is_continuation(at[bytes]))
        bytes++;
    return bytes;
}

/* Of one character: beyond ASCII nearly all are at most as wide as the font is high, and of four
 * bytes, pictures mostly, half as much again. */
static double character_width(const char *at, double size)
{
    const unsigned char first = (unsigned char)*at;

    if (first >= ' ' && first < 0x7F)
        return size * widths[first - ' '] / 100;
    return first >= 0xF0 ? 1.5 * size : size;
}

double mele_i_text_width(const char *text, double size)
{
    double sum = 0;

    for (; *text != '\0'; text += bytes_of(text))
        sum += character_width(text, size);
    return sum;
}

void mele_i_draw_text(mele_i_buffer *out, const mele_i_text_style *style, double x, double y,
                      const char *text)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};

    mele_i_buffer_print(
        out, "<text x=\"%s\" y=\"%s\" font-size=\"%s\"%s%s%s>", mele_i_pixels(x).text,
        mele_i_pixels(y).text, mele_i_pixels(style->size).text, anchors[style->anchor],
        style->attributes == NULL ? "" : " ", style->attributes == NULL ? "" : style->attributes);
    mele_i_markup_text(out, text);
    mele_i_buffer_print(out, "</text>\n");
}

/* ---- names in lines ---- */

/* The bytes from `at` that are the next line: as many as fit, one character at least; up to where
 * options end, or if that is before the middle, where one of their words does. */
static size_t line_bytes(const char *at, double size, double width)
{
    size_t end = 0, word = 0, option = 0;
    double used = 0;

    while (at[end] != '\0') {
        const size_t bytes = bytes_of(at + end);

        used += character_width(at + end, size);
        if (end > 0 && (used > width || end + bytes >= MELE_I_LABEL_BYTES))
            return option > end / 2 ? option : word > 0 ? word : end;
        end += bytes;
        if (strchr(",:; ", at[end - 1]) != NULL)
            option = end;
        if (option == end || strchr("=/-_", at[end - 1]) != NULL)
            word = end;
    }
    return end;
}

static void put_line(const char *at, size_t bytes, mele_i_label *out)
{
    char *line = out->line[out->count++];

    memcpy(line, at, bytes);
    line[bytes] = '\0';
    out->width = fmax(out->width, mele_i_text_width(line, out->size));
}

/* The last line of what does not fit: three points and the end of the name, which often tells it
 * from others, `left` bytes at `at`. */
static void put_end(const char *at, size_t left, double width, mele_i_label *out)
{
    char line[MELE_I_LABEL_BYTES + 4] = "...";
    size_t first = left;
    double used = mele_i_text_width(line, out->size);

    while (first > 0) {
        size_t before = first - 1;
        while (before > 0 && is_continuation(at[before]))
            before--;
        used += character_width(at + before, out->size);
        if (used > width || left - before > MELE_I_LABEL_BYTES - 4)
            break;
        first = before;
    }
    memcpy(line + 3, at + first, left - first);
    out->cut = true;
    put_line(line, 3 + left - first, out);
}

static void break_visible(const char *at, double width, mele_i_label *out)
{
    do {
        const size_t bytes = line_bytes(at, out->size, width);

        if (out->count + 1 == MELE_I_LABEL_LINES && at[bytes] != '\0') {
            put_end(at, strlen(at), width, out);
            break;
        }
        put_line(at, bytes, out);
        at += bytes;
    } while (*at != '\0');
    out->height = (double)out->count * out->size * LINE_HEIGHT;
}

enum { ROOM = 2 * MELE_I_LABEL_LINES * MELE_I_LABEL_BYTES, PART = ROOM / 8 };

/* Control characters escaped, of each byte four at most; of what has no room the first part and the
 * last. Returns whether all is there. */
static bool make_visible(const char *name, char visible[ROOM + 4])
{
    const size_t length = strlen(name);
    size_t end = PART, first;

    if (mele_i_escape(name, length, "", visible, ROOM + 4) <= ROOM)
        return true;
    while (is_continuation(name[end]))
        end--;
    first = mele_i_escape(name, end, "", visible, ROOM / 2 + 1);
    memcpy(visible + first, "...", 3);
    end = length - PART;
    while (is_continuation(name[end]))
        end++;
    mele_i_escape(name + end, length - end, "", visible + first + 3, ROOM / 2 + 1);
    return false;
}

void mele_i_label_break(const char *name, double size, double width, mele_i_label *out)
{
    char visible[ROOM + 4];

    *out = (mele_i_label){.name = name, .size = size};
    out->cut = !make_visible(name, visible);
    break_visible(visible, width, out);
}

mele_i_label *mele_i_labels(const char *const *names, size_t count, double size, double width)
{
    mele_i_label *labels = MELE_I_ARRAY(mele_i_label, count);

    for (size_t i = 0; i < count && labels != NULL; i++)
        mele_i_label_break(names[i], size, width, &labels[i]);
    return labels;
}

void mele_i_draw_label(mele_i_buffer *out, const mele_i_label *label, mele_i_anchor anchor,
                       double x, double y)
{
    const mele_i_text_style style = {label->size, anchor, NULL};
    const double step = label->size * LINE_HEIGHT;
    double base = y - label->height / 2 + step / 2 + BASE_LINE * label->size;

    if (label->cut) {
        mele_i_buffer_print(out, "<g><title>");
        mele_i_markup_text(out, label->name);
        mele_i_buffer_print(out, "</title>\n");
    }
    for (size_t i = 0; i < label->count; i++, base += step)
        mele_i_draw_text(out, &style, x, base, label->line[i]);
    if (label->cut)
        mele_i_buffer_print(out, "</g>\n");
}

void mele_i_spread(double *middle, const double *heights, size_t count, double top, double bottom)
{
    double edge = top;

    for (size_t i = 0; i < count; i++) {
        middle[i] = fmax(middle[i], edge + heights[i] / 2);
        edge = middle[i] + heights[i] / 2;
    }
    edge = fmax(bottom, top);
    for (size_t i = count; i-- > 0;) {
        middle[i] = fmin(middle[i], edge - heights[i] / 2);
        edge = middle[i] - heights[i] / 2;
    }
    edge = top; /* where there is too little room, what was pushed above the top comes back */
    for (size_t i = 0; i < count; i++) {
        middle[i] = fmax(middle[i], edge + heights[i] / 2);
        edge = middle[i] + heights[i] / 2;
    }
}
