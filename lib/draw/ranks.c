/* Critical-difference diagrams.
 *
 * Source: Demsar 2006, "Statistical comparisons of classifiers over multiple data sets", J. Mach.
 * Learn. Res. 7. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "draw/axis.h"
#include "draw/label.h"
#include "draw/markup.h"
#include "draw/plots.h"
#include "draw/shape.h"

#define WIDTH 640
#define NAMES 160    /* what names may take of the width, on either side */
#define RANK_ROOM 46 /* between names and axis, for a mean rank */
#define AXIS 44      /* y of it */
#define BAR_STEP 8   /* between bars */
#define LEVEL 20     /* the least height of a name's level */
#define SMALL 10     /* the size of what is written small */

typedef struct picture {
    const mele_i_ranks *ranks;
    mele_i_label *labels;
    size_t *order; /* best first; those in the first half have their names on the left */
    size_t count;  /* of them */
    double *track; /* how far each row of bars is taken */
    size_t half, tracks;
    mele_i_axis axis;
    double names_left, names_right; /* where their columns end and begin */
} picture;

static void sort(picture *p)
{
    const double *rank = p->ranks->rank;

    for (size_t i = 0; i < p->ranks->count; i++) {
        size_t at = p->count;
        if (isnan(rank[i]))
            continue;
        for (; at > 0 && rank[p->order[at - 1]] > rank[i]; at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = i;
        p->count++;
    }
    p->half = (p->count + 1) / 2;
}

static double place(const picture *p, size_t i) /* of the i-th in order */
{
    return mele_i_axis_place(&p->axis, p->ranks->rank[p->order[i]]);
}

static void lay_out(picture *p)
{
    double left = 0, right = 0;

    sort(p);
    for (size_t i = 0; i < p->count; i++) {
        double *widest = i < p->half ? &left : &right;
        *widest = fmax(*widest, p->labels[p->order[i]].width);
    }
    p->names_left = left + 4;
    p->names_right = WIDTH - right - 4;
    p->axis = (mele_i_axis){.least = 1,
                            .most = (double)p->count,
                            .from = p->names_left + RANK_ROOM,
                            .to = p->names_right - RANK_ROOM};
}

/* ---- bars ---- */

/* The last in order that the i-th does not differ from. */
static size_t last_joined(const picture *p, size_t i)
{
    const double *rank = p->ranks->rank;
    size_t last = i;

    while (last + 1 < p->count
           && rank[p->order[last + 1]] - rank[p->order[i]] < p->ranks->difference)
        last++;
    return last;
}

/* The row for a bar from x0 to x1: the first that is free there. */
static size_t take_track(picture *p, double x0, double x1)
{
    size_t track = 0;

    while (track < p->tracks && p->track[track] >= x0)
        track++;
    if (track == p->tracks)
        p->tracks++;
    p->track[track] = x1 + 6;
    return track;
}

static void draw_bars(mele_i_buffer *out, picture *p)
{
    size_t end = 0;

    for (size_t i = 0; i < p->count; i++) {
        const size_t last = last_joined(p, i);
        const double x0 = place(p, i) - 3, x1 = place(p, last) + 3;

        if (last == i || last <= end)
            continue;
        end = last;
        const double y = AXIS + 12 + BAR_STEP * (double)take_track(p, x0, x1);
        mele_i_draw_line(out, x0, y, x1, y, "stroke=\"#222\" stroke-width=\"4\"");
    }
}

/* ---- axis ---- */

static void draw_difference(mele_i_buffer *out, const picture *p)
{
    const mele_i_text_style style = {MELE_I_TEXT_SIZE, MELE_I_START, NULL};
    const double x0 = p->axis.from, x1 = mele_i_axis_place(&p->axis, 1 + p->ranks->difference);
    char text[80];

    if (!isfinite(p->ranks->difference))
        return;
    snprintf(text, sizeof text, "critical difference %s",
             mele_i_significant(p->ranks->difference, 3).text);
    mele_i_draw_text(out, &style, x0, 10, text);
    if (x1 > p->axis.to)
        return;
    mele_i_draw_line(out, x0, 17, x1, 17, "stroke=\"#222\" stroke-width=\"1.5\"");
    mele_i_draw_line(out, x0, 14, x0, 20, "stroke=\"#222\" stroke-width=\"1.5\"");
    mele_i_draw_line(out, x1, 14, x1, 20, "stroke=\"#222\" stroke-width=\"1.5\"");
}

/* The ranks, every one or as few as have room. */
static void draw_axis(mele_i_buffer *out, const picture *p)
{
    const mele_i_text_style style = {SMALL, MELE_I_MIDDLE, "fill=\"#555\""};
    const double step = (p->axis.to - p->axis.from) / (double)(p->count - 1);
    const size_t every = (size_t)ceil(22 / step);

    mele_i_draw_line(out, p->axis.from, AXIS, p->axis.to, AXIS, "stroke=\"#555\"");
    for (size_t r = 1; r <= p->count; r++) {
        const double x = mele_i_axis_place(&p->axis, (double)r);
        char text[24];

        mele_i_draw_line(out, x, AXIS - 4, x, AXIS, "stroke=\"#555\"");
        snprintf(text, sizeof text, "%zu", r);
        if ((r - 1) % every == 0)
            mele_i_draw_text(out, &style, x, AXIS - 8, text);
    }
}

/* ---- names ---- */

/* The i-th in order, in a level of which the middle is at y. */
static void draw_name(mele_i_buffer *out, const picture *p, size_t i, double y)
{
    const bool left = i < p->half;
    const double edge = left ? p->names_left + 6 : p->names_right - 6, x = place(p, i);
    const double xs[3] = {x, x, edge}, ys[3] = {AXIS, y, y};
    const mele_i_text_style small = {SMALL, left ? MELE_I_START : MELE_I_END, "fill=\"#555\""};

    mele_i_draw_path(out, xs, ys, 3, "fill=\"none\" stroke=\"#777\"");
    mele_i_draw_mark(out, p->order[i], x, AXIS, p->ranks->name[p->order[i]]);
    mele_i_draw_text(out, &small, edge, y - 3, mele_i_fixed(p->ranks->rank[p->order[i]], 2).text);
    mele_i_draw_label(out, &p->labels[p->order[i]], left ? MELE_I_END : MELE_I_START,
                      left ? p->names_left : p->names_right, y);
}

static double level_height(const picture *p, size_t i)
{
    return fmax(LEVEL, p->labels[p->order[i]].height + 5);
}

/* The ends of a side first, so that no line crosses another. Returns where the side ends; without
 * `out` this is all that is done. */
static double draw_side(mele_i_buffer *out, const picture *p, bool left, double y)
{
    const size_t count = left ? p->half : p->count - p->half;

    for (size_t n = 0; n < count; n++) {
        const size_t i = left ? n : p->count - 1 - n;
        const double height = level_height(p, i);

        if (out != NULL)
            draw_name(out, p, i, y + height / 2);
        y += height;
    }
    return y;
}

static void draw(mele_i_buffer *out, picture *p)
{
    const mele_i_words *words = &p->ranks->words;
    mele_i_buffer bars = {0};
    double top;

    lay_out(p);
    draw_bars(&bars, p);
    top = AXIS + 12 + BAR_STEP * (double)p->tracks;
    const double height = fmax(draw_side(NULL, p, true, top), draw_side(NULL, p, false, top)) + 4;

    mele_i_figure_begin(out, &(mele_i_figure){WIDTH, height, words->title, words->description});
    draw_difference(out, p);
    draw_axis(out, p);
    draw_side(out, p, true, top);
    draw_side(out, p, false, top);
    mele_i_buffer_add(out, bars.data, bars.length);
    mele_i_figure_end(out);
    out->failed = out->failed || bars.failed;
    free(bars.data);
}

void mele_i_draw_ranks(mele_i_buffer *out, const mele_i_ranks *ranks)
{
    picture p = {.ranks = ranks,
                 .labels = mele_i_labels(ranks->name, ranks->count, MELE_I_TEXT_SIZE, NAMES),
                 .order = MELE_I_ARRAY(size_t, ranks->count),
                 .track = MELE_I_ARRAY(double, ranks->count)};

    if (p.labels == NULL || p.order == NULL || p.track == NULL)
        out->failed = true;
    else
        draw(out, &p);
    free(p.labels);
    free(p.order);
    free(p.track);
}
