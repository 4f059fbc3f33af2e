/* Estimates with their intervals, one below the other. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "draw/axis.h"
#include "draw/label.h"
#include "draw/markup.h"
#include "draw/plots.h"
#include "draw/shape.h"

#define WIDTH MELE_I_FIGURE_WIDTH
#define NAMES 150 /* what names may take of the width */
#define NOTES 90  /* and notes */
#define ROW_HEIGHT 20
#define TOP 4
#define LONGEST 1.5 /* what is seen of intervals, over the farthest estimate */

typedef struct picture {
    const mele_i_intervals *of;
    mele_i_label *names, *notes;
    mele_i_axis axis;
    double left, right, bottom; /* of the plot */
} picture;

static double row_height(const picture *p, size_t row)
{
    return fmax(ROW_HEIGHT, fmax(p->names[row].height, p->notes[row].height) + 6);
}

static double widest(const mele_i_label *labels, size_t count)
{
    double width = 0;

    for (size_t i = 0; i < count; i++)
        width = fmax(width, labels[i].width);
    return width;
}

/* How far the axis reaches on either side of 0: the margins, estimates and what is near them. */
static double reach(const mele_i_intervals *of)
{
    double farthest = 2 * of->margin;

    for (size_t i = 0; i < of->rows; i++)
        if (isfinite(of->value[i]))
            farthest = fmax(farthest, LONGEST * fabs(of->value[i]));
    return farthest;
}

/* The places of everything; returns the height of the figure. */
static double lay_out(picture *p, mele_i_label *words)
{
    const double far = reach(p->of), ends[2] = {-far, far};
    double height = TOP;

    for (size_t i = 0; i < p->of->rows; i++)
        height += row_height(p, i);
    p->left = widest(p->names, p->of->rows) + 12;
    p->right = WIDTH - widest(p->notes, p->of->rows) - 12;
    p->bottom = height + 2;
    p->axis = mele_i_axis_of(ends, 2, MELE_I_LINEAR, p->left, p->right);
    mele_i_axis_words(&p->axis, p->of->axis, WIDTH - p->left, words);
    return p->bottom + MELE_I_AXIS_HEIGHT + words->height + 6;
}

/* An end of an interval: a bar, or an arrow where it is farther than the axis. */
static void draw_end(mele_i_buffer *out, const picture *p, double bound, double y)
{
    const double edge = bound < 0 ? p->left : p->right, inward = bound < 0 ? 5 : -5;
    const double x[3] = {edge + inward, edge, edge + inward}, ys[3] = {y - 4, y, y + 4};

    if (mele_i_axis_shows(&p->axis, bound)) {
        const double at = mele_i_axis_place(&p->axis, bound);
        mele_i_draw_line(out, at, y - 4, at, y + 4, "stroke=\"#222\"");
    } else {
        mele_i_draw_path(out, x, ys, 3, "fill=\"none\" stroke=\"#222\"");
    }
}

static double clipped(const picture *p, double value)
{
    return mele_i_axis_place(&p->axis, fmin(fmax(value, p->axis.least), p->axis.most));
}

static void draw_row(mele_i_buffer *out, const picture *p, size_t row, double y)
{
    const mele_i_intervals *of = p->of;

    mele_i_draw_label(out, &p->names[row], MELE_I_END, p->left - 10, y);
    mele_i_draw_label(out, &p->notes[row], MELE_I_START, p->right + 10, y);
    if (!mele_i_axis_shows(&p->axis, of->value[row]))
        return;
    if (!isnan(of->lower[row]) && !isnan(of->upper[row])) {
        mele_i_draw_line(out, clipped(p, of->lower[row]), y, clipped(p, of->upper[row]), y,
                         "stroke=\"#222\" stroke-width=\"1.5\"");
        draw_end(out, p, of->lower[row], y);
        draw_end(out, p, of->upper[row], y);
    }
    const double x = mele_i_axis_place(&p->axis, of->value[row]);
    mele_i_draw_box(out, x - 3.5, y - 3.5, x + 3.5, y + 3.5, "fill=\"#0072B2\" stroke=\"#fff\"");
}

/* Zero, and the margins on both sides of it. */
static void draw_margins(mele_i_buffer *out, const picture *p)
{
    const double zero = mele_i_axis_place(&p->axis, 0);

    for (int side = -1; side <= 1; side += 2) {
        const double x = mele_i_axis_place(&p->axis, side * p->of->margin);
        mele_i_draw_line(out, x, TOP, x, p->bottom, "stroke=\"#D55E00\" stroke-dasharray=\"4 3\"");
    }
    mele_i_draw_line(out, zero, TOP, zero, p->bottom, "stroke=\"#555\"");
}

static void draw(mele_i_buffer *out, picture *p)
{
    const mele_i_words *words = &p->of->words;
    mele_i_label axis;
    const double height = lay_out(p, &axis);
    double y = TOP;

    mele_i_figure_begin(out, &(mele_i_figure){WIDTH, height, words->title, words->description});
    mele_i_draw_axis_x(out, &p->axis, p->bottom, TOP, WIDTH);
    mele_i_draw_label(out, &axis, MELE_I_MIDDLE, (p->left + WIDTH) / 2,
                      p->bottom + MELE_I_AXIS_HEIGHT + axis.height / 2 + 2);
    draw_margins(out, p);
    for (size_t i = 0; i < p->of->rows; i++) {
        const double half = row_height(p, i) / 2;
        draw_row(out, p, i, y + half);
        y += 2 * half;
    }
    mele_i_figure_end(out);
}

void mele_i_draw_intervals(mele_i_buffer *out, const mele_i_intervals *intervals)
{
    picture p = {.of = intervals,
                 .names = mele_i_labels(intervals->name, intervals->rows, MELE_I_TEXT_SIZE, NAMES),
                 .notes = mele_i_labels(intervals->note, intervals->rows, MELE_I_TEXT_SIZE, NOTES)};

    if (p.names == NULL || p.notes == NULL)
        out->failed = true;
    else
        draw(out, &p);
    free(p.names);
    free(p.notes);
}
