/* Pictures: their words are in them, and do not overlap, whatever the names and the values are. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"
#include "draw/axis.h"
#include "draw/label.h"
#include "draw/markup.h"
#include "draw/plots.h"
#include "draw/shape.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/markup_support.h"

static void check_content(mele_i_buffer *buffer, const char *expected)
{
    cr_assert(!buffer->failed);
    cr_assert(buffer->length == strlen(expected)
                  && (buffer->length == 0 || memcmp(buffer->data, expected, buffer->length) == 0),
              "%.*s, not %s", (int)buffer->length, buffer->data, expected);
    free(buffer->data);
    *buffer = (mele_i_buffer){0};
}

/* ---- markup ---- */

Test(draw, text_means_nothing_to_markup)
{
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"<b>&\"x'", "&lt;b&gt;&amp;&quot;x'"},
        {"a\nb\x1b", "a\\nb\\x1b"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\xFF"
         "a\xC3",
         "\xEF\xBF\xBD"
         "a\xEF\xBF\xBD"},
        {"", ""},
    };
    mele_i_buffer buffer = {0};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mele_i_markup_text(&buffer, cases[i][0]);
        check_content(&buffer, cases[i][1]);
    }
    mele_i_markup_text(&buffer, NULL);
    cr_assert_eq(buffer.length, 0);
}

Test(draw, numbers)
{
    cr_assert_str_eq(mele_i_pixels(1.005).text, "1");
    cr_assert_str_eq(mele_i_pixels(-0.004).text, "0");
    cr_assert_str_eq(mele_i_pixels(123.456).text, "123.46");
    cr_assert_str_eq(mele_i_fixed(2.5, 2).text, "2.50");
    cr_assert_str_eq(mele_i_fixed(-0.126, 2).text, "-0.13");
    cr_assert_str_eq(mele_i_fixed(-0.001, 2).text, "0.00");
    cr_assert_str_eq(mele_i_fixed(0.999, 2).text, "1.00");
    cr_assert_str_eq(mele_i_fixed(7, 0).text, "7");
    cr_assert_str_eq(mele_i_fixed(1e300, 2).text, "1e+300");
    cr_assert_str_eq(mele_i_fixed(NAN, 2).text, "NA");
    cr_assert_str_eq(mele_i_fixed(-INFINITY, 2).text, "-inf");
    cr_assert_str_eq(mele_i_significant(0.025, 3).text, "0.0250");
    cr_assert_str_eq(mele_i_significant(12345.6, 3).text, "12346");
    cr_assert_str_eq(mele_i_significant(0, 3).text, "0");
    cr_assert_str_eq(mele_i_significant(-1.234e-7, 3).text, "-1.23e-07");
    cr_assert_str_eq(mele_i_significant(5e-324, 3).text, "5e-324");
    cr_assert_str_eq(mele_i_significant(1.5e20, 3).text, "1.50e+20");
}

/* ---- labels ---- */

static const char *const names[] = {
    "mele",
    "me",
    "hme-em:depth=3,ridge=0.01",
    "mele:k=8,expert=gp,gate=softmax,refine=20,gate-ridge=0.001",
    "<b>&\"",
    "",
    "aVeryLongNameWithoutAnyPlaceToBreakItWhichGoesOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnA"
    "ndOn"
    "AndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOnAndOn",
    "\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA"
    "\xAC"
    "\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA\xAC",
    "line\nends \x01 and \xFF bytes",
    "i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,i,",
    "bagging:k=10",
    "boosting",
    "gated-ncl",
    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    "boosted-me",
};
enum { NAMES = sizeof names / sizeof names[0] };

Test(draw, labels_hold_their_names_in_lines_that_fit)
{
    for (size_t i = 0; i < NAMES; i++) {
        mele_i_label label;
        char joined[1100] = "";
        mele_i_label_break(names[i], 12, 150, &label);
        cr_assert(label.count >= 1 && label.count <= MELE_I_LABEL_LINES);
        cr_assert_leq(label.width, 150, "%s", names[i]);
        for (size_t l = 0; l < label.count; l++) {
            strcat(joined, label.line[l]);
            cr_assert_leq(mele_i_text_width(label.line[l], 12), label.width);
        }
        if (label.cut) {
            const char *last = label.line[label.count - 1];
            cr_assert_eq(strncmp(last, "...", 3), 0);
            cr_assert_str_eq(last + 3, names[i] + strlen(names[i]) - strlen(last + 3));
        }
        if (!label.cut && strchr(names[i], '\n') == NULL)
            cr_assert_str_eq(joined, names[i]);
    }
}

Test(draw, labels_are_broken_behind_options)
{
    mele_i_label label;

    mele_i_label_break("mele:k=8,expert=gp,gate=softmax", 12, 150, &label);
    cr_assert_eq(label.count, 2);
    cr_assert_str_eq(label.line[0], "mele:k=8,expert=gp,");
    cr_assert_str_eq(label.line[1], "gate=softmax");
    mele_i_label_break("MMMMMMMM", 10, 1, &label); /* one character at least */
    cr_assert_str_eq(label.line[0], "M");
    cr_assert(label.cut);
}

Test(draw, names_of_any_length)
{
    static char name[3000];
    mele_i_label label;

    for (size_t n = 0; n + 1 < sizeof name; n += 1 + n / 16) {
        memset(name, 'i', n);
        name[n] = '\0';
        mele_i_label_break(name, 12, 5000, &label);
        cr_assert_eq(label.cut, n > MELE_I_LABEL_LINES * (MELE_I_LABEL_BYTES - 1), "%zu", n);
    }
}

Test(draw, spreading_moves_no_more_than_it_must)
{
    double apart[3] = {10, 50, 90}, near[3] = {50, 51, 52}, end[2] = {98, 99}, full[2] = {5, 5};
    const double heights[3] = {10, 10, 10};

    mele_i_spread(apart, heights, 3, 0, 100);
    cr_assert(apart[0] == 10 && apart[1] == 50 && apart[2] == 90);
    mele_i_spread(near, heights, 3, 0, 100);
    cr_assert(near[0] == 50 && near[1] == 60 && near[2] == 70);
    mele_i_spread(end, heights, 2, 0, 100);
    cr_assert(end[0] == 85 && end[1] == 95);
    mele_i_spread(full, heights, 2, 0, 10); /* too little room: below it */
    cr_assert(full[0] == 5 && full[1] == 15);
}

/* ---- axes ---- */

Test(draw, ticks_are_round)
{
    static const struct {
        double least, most;
        bool logarithmic;
        size_t wanted;
        const char *ticks;
    } cases[] = {
        {0, 1, false, 5, "0 0.2 0.4 0.6 0.8 1"},
        {-0.31, 0.29, false, 6, "-0.3 -0.2 -0.1 0 0.1 0.2"},
        {1234567, 1234568, false, 4, "1234567 1234567.5 1234568"},
        {3, 5e6, false, 3, "2000000 4000000"},
        {0.0005, 20, true, 8, "0.001 0.01 0.1 1 10"},
        {0.9, 12, true, 8, "1 2 5 10"},
        {1e-9, 1e9, true, 4, "1e-09 0.0001 10 1000000"},
        {1.1, 1.9, true, 4, "1.2 1.4 1.6 1.8"},
        {1, 1 + 1e-16, false, 4, ""},
        {-1e300, 1e300, false, 4, "-5e+299 0 5e+299"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mele_i_axis axis = {.least = cases[i].least,
                                  .most = cases[i].most,
                                  .logarithmic = cases[i].logarithmic,
                                  .to = 100};
        char all[400] = "";
        mele_i_ticks ticks;
        mele_i_axis_ticks(&axis, cases[i].wanted, &ticks);
        for (size_t t = 0; t < ticks.count; t++) {
            strcat(all, t == 0 ? "" : " ");
            strcat(all, ticks.text[t].text);
        }
        cr_expect_str_eq(all, cases[i].ticks, "%zu: %s, not %s", i, all, cases[i].ticks);
    }
}

Test(draw, axes_hold_what_they_show)
{
    static const double values[][4] = {
        {1, 2, 3, 4}, {0, 0, 0, 0},       {5, 5, NAN, 5},       {1e-3, 1, 10, 1e3},
        {NAN, NAN},   {-1e9, 1e-9, 0, 1}, {INFINITY, 1, -2, 3}, {1e-320, 2e-300, 1, 1e299},
    };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (mele_i_scale scale = MELE_I_LINEAR; scale <= MELE_I_EITHER; scale++) {
            const mele_i_axis axis = mele_i_axis_of(values[i], 4, scale, 200, 20);
            for (size_t j = 0; j < 4; j++) {
                const double place = mele_i_axis_place(&axis, values[i][j]);
                if (!isfinite(values[i][j]) || (axis.logarithmic && !(values[i][j] > 1e-300)))
                    cr_assert(!mele_i_axis_shows(&axis, values[i][j]));
                else
                    cr_assert(mele_i_axis_shows(&axis, values[i][j]) && place < 200 && place > 20,
                              "%zu: %g at %g", i, values[i][j], place);
            }
        }
    cr_assert(mele_i_axis_of(values[3], 4, MELE_I_EITHER, 0, 1).logarithmic);
    cr_assert(!mele_i_axis_of(values[0], 4, MELE_I_EITHER, 0, 1).logarithmic);
}

/* ---- pictures ---- */

enum { VALUES = 12, SIDE = 24, POINTS = 30 };

typedef struct made {
    double value[NAMES * VALUES], x[NAMES], y[NAMES], rank[NAMES], px[POINTS], py[POINTS];
    size_t area[SIDE * SIDE];
    const char *name[NAMES];
    size_t count;
} made;

/* A value of a size between 10^-spread and 10^spread. */
static double draw_value(mele_i_stream *stream, double spread)
{
    return pow(10, spread * (2 * mele_i_stream_uniform(stream) - 1));
}

static void fill(made *m, size_t count, mele_i_stream *stream)
{
    const double spread = 4 * mele_i_stream_uniform(stream);

    m->count = count;
    for (size_t i = 0; i < count; i++) {
        m->name[i] = names[(size_t)(mele_i_stream_uniform(stream) * NAMES)];
        m->x[i] = draw_value(stream, spread);
        m->y[i] = draw_value(stream, spread) - (count % 2 == 0 ? 1 : 0);
        m->rank[i] = 1 + (double)(count - 1) * mele_i_stream_uniform(stream);
        for (size_t j = 0; j < VALUES; j++)
            m->value[i * VALUES + j] = i % 7 == 5 ? NAN : draw_value(stream, spread);
    }
    for (size_t i = 0; i < SIDE * SIDE; i++)
        m->area[i] = mele_i_stream_uniform(stream) < 0.02 ? MELE_I_NO_AREA
                                                          : i / SIDE * count / SIDE + i % SIDE / 9;
    for (size_t i = 0; i < POINTS; i++) {
        m->px[i] = mele_i_stream_uniform(stream) * 3 - 1;
        m->py[i] = mele_i_stream_uniform(stream) * 2000;
    }
}

static mele_i_buffer draw_boxes(const made *m)
{
    mele_i_buffer out = {0};

    mele_i_draw_boxes(&out, &(mele_i_boxes){.words = {"a <title>", "a & description"},
                                            .axis = names[m->count % NAMES],
                                            .rows = m->count,
                                            .count = VALUES,
                                            .name = m->name,
                                            .values = m->value,
                                            .empty = "refused"});
    return out;
}

static mele_i_buffer draw_scatter(const made *m)
{
    mele_i_buffer out = {0};

    mele_i_draw_scatter(&out, &(mele_i_scatter){.words = {"title", "description"},
                                                .x_axis = names[m->count % NAMES],
                                                .y_axis = names[(m->count + 3) % NAMES],
                                                .count = m->count,
                                                .name = m->name,
                                                .x = m->x,
                                                .y = m->y});
    return out;
}

static mele_i_buffer draw_ranks(const made *m)
{
    mele_i_buffer out = {0};

    mele_i_draw_ranks(&out, &(mele_i_ranks){.words = {"title", "description"},
                                            .count = m->count,
                                            .name = m->name,
                                            .rank = m->rank,
                                            .difference = m->x[0]});
    return out;
}

static mele_i_buffer draw_map(const made *m)
{
    mele_i_buffer out = {0};

    mele_i_draw_map(&out, &(mele_i_map){.words = {"title", "description"},
                                        .x_axis = names[m->count % NAMES],
                                        .y_axis = names[(m->count + 3) % NAMES],
                                        .x_least = -1,
                                        .x_most = m->x[0],
                                        .y_most = 2000 * m->x[0],
                                        .columns = SIDE,
                                        .rows = m->count % 3 == 0 ? 1 : SIDE,
                                        .area = m->area,
                                        .points = POINTS,
                                        .x = m->px,
                                        .y = m->py});
    return out;
}

static mele_i_buffer draw_intervals(const made *m)
{
    mele_i_buffer out = {0};

    mele_i_draw_intervals(&out, &(mele_i_intervals){.words = {"title", "description"},
                                                    .axis = names[m->count % NAMES],
                                                    .rows = m->count,
                                                    .name = m->name,
                                                    .value = m->y,
                                                    .lower = m->value,
                                                    .upper = m->x,
                                                    .note = m->name,
                                                    .margin = 1});
    return out;
}

static mele_i_buffer (*const pictures[])(const made *) = {draw_boxes, draw_scatter, draw_ranks,
                                                          draw_map, draw_intervals};
enum { PICTURES = sizeof pictures / sizeof pictures[0] };

Test(draw, words_do_not_overlap_and_are_not_cut)
{
    static made m;
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);

    for (size_t run = 0; run < TEST_SIZE(2000, 150, 30); run++) {
        fill(&m, 2 + run % (NAMES - 1), &stream);
        for (size_t i = 0; i < PICTURES; i++) {
            mele_i_buffer out = pictures[i](&m), again = pictures[i](&m);
            cr_assert(!out.failed);
            cr_assert_gt(check_markup(out.data, out.length), 10);
            cr_assert_gt(check_figures(out.data, out.length), 2);
            cr_assert(out.length == again.length && memcmp(out.data, again.data, out.length) == 0);
            free(out.data);
            free(again.data);
        }
    }
}

/* How often a text occurs. */
static size_t occurrences(const mele_i_buffer *out, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i + strlen(text) <= out->length; i++)
        n += memcmp(out->data + i, text, strlen(text)) == 0;
    return n;
}

Test(draw, quartiles_whiskers_and_what_is_outside)
{
    /* R: quantile(c(1, 2, 3, 4, 5, 20), c(.25, .5, .75)) is 2.25, 3.5, 4.75; 20 is outside. */
    static const double values[] = {20, 1, 5, 2, 4, 3, NAN, NAN};
    static const char *const name[] = {"x"};
    const mele_i_boxes boxes = {.words = {"t", "d"},
                                .axis = "v",
                                .rows = 1,
                                .count = 8,
                                .name = name,
                                .values = values,
                                .empty = "none"};
    const double left = mele_i_text_width("x", MELE_I_TEXT_SIZE) + 12;
    const mele_i_axis axis =
        mele_i_axis_of(values, 8, MELE_I_EITHER, left, MELE_I_FIGURE_WIDTH - 14);
    mele_i_buffer out = {0};
    char expected[160];

    mele_i_draw_boxes(&out, &boxes);
    cr_assert_eq(occurrences(&out, "rx=\"2.5\""), 1);
    snprintf(expected, sizeof expected, "<rect x=\"%s\" y=\"9\" width=\"%s\" height=\"14\"",
             mele_i_pixels(mele_i_axis_place(&axis, 2.25)).text,
             mele_i_pixels(mele_i_axis_place(&axis, 4.75) - mele_i_axis_place(&axis, 2.25)).text);
    cr_assert_eq(occurrences(&out, expected), 1, "%s", expected);
    snprintf(expected, sizeof expected, "<line x1=\"%s\" y1=\"16\" x2=\"%s\" y2=\"16\"",
             mele_i_pixels(mele_i_axis_place(&axis, 1)).text,
             mele_i_pixels(mele_i_axis_place(&axis, 5)).text);
    cr_assert_eq(occurrences(&out, expected), 1, "%s", expected);
    free(out.data);
}

Test(draw, bars_join_what_does_not_differ)
{
    static const char *const name[] = {"a", "b", "c", "d", "e"};
    static const double rank[] = {1, 4.5, 1.8, 3.2, 4.5};
    static const struct {
        double difference;
        size_t bars;
    } cases[] = {{0, 0}, {0.5, 1}, {1.0, 2}, {1.35, 2}, {1.45, 3}, {2.5, 2}, {9, 1}, {NAN, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mele_i_buffer out = {0};
        mele_i_draw_ranks(&out, &(mele_i_ranks){{"t", "d"}, 5, name, rank, cases[i].difference});
        cr_assert_eq(occurrences(&out, "stroke-width=\"4\""), cases[i].bars, "%g: %zu",
                     cases[i].difference, occurrences(&out, "stroke-width=\"4\""));
        free(out.data);
    }
}

Test(draw, areas_are_runs_with_borders_and_numbers)
{
    static const size_t area[] = {0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, MELE_I_NO_AREA};
    static const double x[] = {0.5, 9}, y[] = {0.5, 0.5};
    mele_i_buffer out = {0};

    mele_i_draw_map(&out, &(mele_i_map){.words = {"t", "d"},
                                        .x_axis = "u",
                                        .y_axis = "v",
                                        .x_most = 4,
                                        .y_most = 3,
                                        .columns = 4,
                                        .rows = 3,
                                        .area = area,
                                        .points = 2,
                                        .x = x,
                                        .y = y});
    cr_assert_eq(occurrences(&out, "d=\"M0 0h2v2h-2z\""), 1);
    cr_assert_eq(occurrences(&out, "d=\"M2 0h2v2h-2z\""), 1);
    cr_assert_eq(occurrences(&out, "d=\"M0 2h3v1h-3z\""), 1);
    cr_assert_eq(occurrences(&out, "d=\"M0 2h4M2 0v2M3 2v1\""), 1);
    cr_assert_eq(occurrences(&out, "font-weight=\"bold\""), 3);
    cr_assert_eq(occurrences(&out, "h0\"/>"), 1); /* one of the points is in the plane */
    free(out.data);
}

Test(draw, intervals_that_are_too_long_end_in_arrows)
{
    static const char *const name[] = {"a", "b", "c"}, *const note[] = {"", "", ""};
    static const double value[] = {-1, 2, NAN}, lower[] = {-1.5, -INFINITY, NAN},
                        upper[] = {0.5, 90, NAN};
    mele_i_buffer out = {0};

    mele_i_draw_intervals(
        &out, &(mele_i_intervals){{"t", "d"}, "v", 3, name, value, lower, upper, note, 1});
    cr_assert_eq(occurrences(&out, "fill=\"#0072B2\""), 2);         /* estimates */
    cr_assert_eq(occurrences(&out, "<path"), 2);                    /* arrows */
    cr_assert_eq(occurrences(&out, "stroke-dasharray=\"4 3\""), 2); /* margins */
    cr_assert_eq(occurrences(&out, "stroke-width=\"1.5\""), 2);     /* intervals */
    free(out.data);
}

Test(draw, memory_runs_out)
{
    static made m;
    mele_i_stream stream = mele_i_stream_make(2, MELE_I_FOR_TESTS, 0, 0);

    fill(&m, NAMES, &stream);
    for (size_t i = 0; i < PICTURES; i++)
        for (size_t n = 0;; n++) {
            failing_malloc_at(n);
            mele_i_buffer out = pictures[i](&m);
            const bool failed = failing_malloc_end();
            cr_assert_eq(out.failed, failed);
            free(out.data);
            if (!failed)
                break;
        }
}
