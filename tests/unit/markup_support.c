#include "unit/markup_support.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw/label.h"

/* ---- tags ---- */

enum { DEPTH = 64, NAME = 32 };

typedef struct parser {
    const char *at, *end;
    char open[DEPTH][NAME];
    size_t depth, elements;
} parser;

static void fail_at(const parser *p, const char *what)
{
    cr_assert_fail("%s: %.60s", what, p->at);
}

static void read_reference(parser *p)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strncmp(p->at, known[i], strlen(known[i])) == 0) {
            p->at += strlen(known[i]);
            return;
        }
    fail_at(p, "no reference");
}

static void read_character(parser *p)
{
    if (*p->at == '&') {
        read_reference(p);
        return;
    }
    if (*p->at == '<' || (iscntrl((unsigned char)*p->at) && *p->at != '\n'))
        fail_at(p, "no character of a text");
    p->at++;
}

static void read_name(parser *p, char name[NAME])
{
    size_t n = 0;

    while (n < NAME - 1 && (isalnum((unsigned char)*p->at) || *p->at == '-'))
        name[n++] = *p->at++;
    name[n] = '\0';
    if (n == 0)
        fail_at(p, "no name");
}

static void skip_blanks(parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

/* Attributes up to the end of a tag; whether it closes itself. */
static bool read_attributes(parser *p)
{
    char seen[24][NAME];

    for (size_t n = 0;; n++) {
        const char *before = p->at;
        skip_blanks(p);
        if (*p->at == '>' || strncmp(p->at, "/>", 2) == 0)
            break;
        if (p->at == before || n == 24)
            fail_at(p, "no attribute");
        read_name(p, seen[n]);
        for (size_t i = 0; i < n; i++)
            if (strcmp(seen[i], seen[n]) == 0)
                fail_at(p, "an attribute twice");
        if (strncmp(p->at, "=\"", 2) != 0)
            fail_at(p, "no value in quotes");
        for (p->at += 2; *p->at != '"';)
            read_character(p);
        p->at++;
    }
    const bool closes = *p->at == '/';
    p->at += closes ? 2 : 1;
    return closes;
}

static void read_tag(parser *p)
{
    char name[NAME];

    if (p->at[1] == '/') {
        p->at += 2;
        read_name(p, name);
        if (p->depth == 0 || strcmp(p->open[p->depth - 1], name) != 0 || *p->at != '>')
            fail_at(p, "an end of what is not open");
        p->depth--;
        p->at++;
        return;
    }
    p->at++;
    if (p->depth == DEPTH)
        fail_at(p, "too deep");
    read_name(p, p->open[p->depth]);
    p->elements++;
    if (!read_attributes(p))
        p->depth++;
}

size_t check_markup(const char *text, size_t length)
{
    static const char *const doctype = "<!DOCTYPE html>";
    char *copy = malloc(length + 1);
    parser *p = calloc(1, sizeof *p);
    size_t elements;

    memcpy(copy, text, length);
    copy[length] = '\0';
    p->at = copy;
    p->end = copy + length;
    if (strncmp(copy, doctype, strlen(doctype)) == 0)
        p->at += strlen(doctype);
    while (p->at < p->end)
        if (*p->at == '<')
            read_tag(p);
        else
            read_character(p);
    cr_assert_eq(p->depth, 0, "%s is not closed", p->open[p->depth == 0 ? 0 : p->depth - 1]);
    elements = p->elements;
    free(p);
    free(copy);
    return elements;
}

/* ---- words in figures ---- */

typedef struct box {
    double x0, y0, x1, y1;
    char word[64];
} box;

static double attribute(const char *tag, const char *name)
{
    const char *at = strstr(tag, name);

    cr_assert(at != NULL && at < strchr(tag, '>'), "%s of %.80s", name, tag);
    return strtod(at + strlen(name), NULL);
}

/* The text of an element, references resolved. */
static void content(const char *tag, char *out, size_t size)
{
    static const struct {
        const char *reference;
        char character;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}};
    const char *at = strchr(tag, '>') + 1;
    size_t n = 0;

    while (*at != '<' && n + 1 < size) {
        out[n] = *at;
        size_t bytes = 1;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (strncmp(at, known[i].reference, strlen(known[i].reference)) == 0) {
                out[n] = known[i].character;
                bytes = strlen(known[i].reference);
            }
        at += bytes;
        n++;
    }
    out[n] = '\0';
}

/* From the base line an ascent of 0.8 and a descent of 0.25 of the size. */
static box box_of(const char *tag)
{
    const double size = attribute(tag, "font-size=\""), y = attribute(tag, " y=\"");
    char word[1100];
    box b = {.x0 = attribute(tag, " x=\""), .y0 = y - 0.8 * size, .y1 = y + 0.25 * size};
    const char *anchor = strstr(tag, "text-anchor=\"");

    content(tag, word, sizeof word);
    const double width = mele_i_text_width(word, size);
    if (anchor != NULL && anchor < strchr(tag, '>'))
        b.x0 -= strncmp(anchor, "text-anchor=\"end", 16) == 0 ? width : width / 2;
    b.x1 = b.x0 + width;
    snprintf(b.word, sizeof b.word, "%.63s", word);
    return b;
}

static void check_apart(const box *boxes, size_t count)
{
    const box *b = &boxes[count - 1];

    for (size_t i = 0; i + 1 < count; i++)
        cr_assert(boxes[i].x1 <= b->x0 || b->x1 <= boxes[i].x0 || boxes[i].y1 <= b->y0
                      || b->y1 <= boxes[i].y0,
                  "'%s' (%g %g %g %g) and '%s' (%g %g %g %g)", boxes[i].word, boxes[i].x0,
                  boxes[i].y0, boxes[i].x1, boxes[i].y1, b->word, b->x0, b->y0, b->x1, b->y1);
}

static size_t check_figure(const char *at, const char *end)
{
    static box boxes[2000];
    char *view = strstr(at, "viewBox=\"0 0 ") + strlen("viewBox=\"0 0 ");
    const double width = strtod(view, &view), height = strtod(view, NULL);
    size_t count = 0;

    while ((at = strstr(at, "<text ")) != NULL && at < end) {
        const box b = boxes[count] = box_of(at);
        cr_assert(b.x0 >= -0.01 && b.y0 >= -0.6 && b.x1 <= width + 0.01 && b.y1 <= height,
                  "'%s' (%g %g %g %g) is not within %g x %g", b.word, b.x0, b.y0, b.x1, b.y1, width,
                  height);
        check_apart(boxes, ++count);
        cr_assert_lt(count, sizeof boxes / sizeof boxes[0]);
        at++;
    }
    return count;
}

size_t check_figures(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    size_t words = 0;

    memcpy(copy, text, length);
    copy[length] = '\0';
    for (const char *at = copy; (at = strstr(at, "<svg ")) != NULL; at++)
        words += check_figure(at, strstr(at, "</svg>"));
    free(copy);
    return words;
}
