/* Box plots. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "draw/axis.h"
#include "draw/label.h"
#include "draw/plots.h"
#include "draw/shape.h"

#define WIDTH MELE_I_FIGURE_WIDTH
#define NAMES 168 /* what names may take of the width */
#define MARGIN 14 /* right of the plot */
#define ROW_HEIGHT 24
#define HALF_BOX 7

typedef struct picture {
    const mele_i_boxes *boxes;
    mele_i_label *labels;
    double *sorted; /* the values of one row */
    mele_i_axis axis;
    double left, bottom; /* of the plot */
} picture;

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The finite values of a row, sorted; how many. */
static size_t sort_row(const picture *p, size_t row)
{
    const double *values = p->boxes->values + row * p->boxes->count;
    size_t n = 0;

    for (size_t j = 0; j < p->boxes->count; j++)
        if (mele_i_axis_shows(&p->axis, values[j]))
            p->sorted[n++] = values[j];
    qsort(p->sorted, n, sizeof *p->sorted, by_size);
    return n;
}

static double quantile(const double *sorted, size_t n, double share)
{
    const double at = share * (double)(n - 1);
    const size_t below = (size_t)at;

    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

static double mean_of(const double *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += values[i] / (double)n;
    return sum;
}

/* The whiskers and what is farther out, of a row whose middle is at y. */
static void draw_outside(mele_i_buffer *out, const picture *p, size_t n, double y)
{
    static const char *const whisker = "stroke=\"#555\"";
    static const char *const ring = "rx=\"2.5\" fill=\"none\" stroke=\"#555\"";
    const double low = quantile(p->sorted, n, 0.25), high = quantile(p->sorted, n, 0.75);
    const double reach = 1.5 * (high - low);
    double first = low, last = high;

    for (size_t i = n; i-- > 0;) {
        const double x = mele_i_axis_place(&p->axis, p->sorted[i]);

        if (p->sorted[i] < low - reach || p->sorted[i] > high + reach)
            mele_i_draw_box(out, x - 2.5, y - 2.5, x + 2.5, y + 2.5, ring);
        else
            first = fmin(first, p->sorted[i]), last = fmax(last, p->sorted[i]);
    }
    const double x0 = mele_i_axis_place(&p->axis, first), x1 = mele_i_axis_place(&p->axis, last);

    mele_i_draw_line(out, x0, y, x1, y, whisker);
    mele_i_draw_line(out, x0, y - 4, x0, y + 4, whisker);
    mele_i_draw_line(out, x1, y - 4, x1, y + 4, whisker);
}

static void draw_row(mele_i_buffer *out, const picture *p, size_t row, double y)
{
    const mele_i_text_style grey = {MELE_I_TEXT_SIZE, MELE_I_START, "fill=\"#777\""};
    const size_t n = sort_row(p, row);
    char box[64];

    mele_i_draw_label(out, &p->labels[row], MELE_I_END, p->left - 10, y);
    if (n == 0) {
        mele_i_draw_text(out, &grey, p->left + 6, y + 4, p->boxes->empty);
        return;
    }
    draw_outside(out, p, n, y);
    const double low = mele_i_axis_place(&p->axis, quantile(p->sorted, n, 0.25));
    const double high = mele_i_axis_place(&p->axis, quantile(p->sorted, n, 0.75));
    const double middle = mele_i_axis_place(&p->axis, quantile(p->sorted, n, 0.5));
    snprintf(box, sizeof box, "fill=\"%s\" stroke=\"#555\"", mele_i_tint(row % 7));
    mele_i_draw_box(out, low, y - HALF_BOX, high, y + HALF_BOX, box);
    mele_i_draw_line(out, middle, y - HALF_BOX, middle, y + HALF_BOX,
                     "stroke=\"#222\" stroke-width=\"2\"");
    mele_i_draw_mark(out, row, mele_i_axis_place(&p->axis, mean_of(p->sorted, n)), y, NULL);
}

static double row_height(const picture *p, size_t row)
{
    return fmax(ROW_HEIGHT, p->labels[row].height + 6);
}

/* The places of the plot; returns the height of the figure. */
static double lay_out(picture *p, mele_i_label *words)
{
    const mele_i_boxes *b = p->boxes;
    double widest = 0, height = 4;

    for (size_t r = 0; r < b->rows; r++) {
        widest = fmax(widest, p->labels[r].width);
        height += row_height(p, r);
    }
    p->left = widest + 12;
    p->bottom = height + 2;
    p->axis = mele_i_axis_of(b->values, b->rows * b->count, MELE_I_EITHER, p->left, WIDTH - MARGIN);
    mele_i_axis_words(&p->axis, b->axis, WIDTH - MARGIN - p->left, words);
    return p->bottom + MELE_I_AXIS_HEIGHT + words->height + 6;
}

static void draw(mele_i_buffer *out, picture *p)
{
    const mele_i_words *words = &p->boxes->words;
    mele_i_label axis;
    const double height = lay_out(p, &axis);
    double y = 4;

    mele_i_figure_begin(out, &(mele_i_figure){WIDTH, height, words->title, words->description});
    mele_i_draw_axis_x(out, &p->axis, p->bottom, 4, WIDTH);
    mele_i_draw_label(out, &axis, MELE_I_MIDDLE, (p->left + WIDTH - MARGIN) / 2,
                      p->bottom + MELE_I_AXIS_HEIGHT + axis.height / 2 + 2);
    for (size_t r = 0; r < p->boxes->rows; r++) {
        const double half = row_height(p, r) / 2;
        draw_row(out, p, r, y + half);
        y += 2 * half;
    }
    mele_i_figure_end(out);
}

void mele_i_draw_boxes(mele_i_buffer *out, const mele_i_boxes *boxes)
{
    picture p = {.boxes = boxes,
                 .labels = mele_i_labels(boxes->name, boxes->rows, MELE_I_TEXT_SIZE, NAMES),
                 .sorted = MELE_I_ARRAY(double, boxes->count)};

    if (p.labels == NULL || p.sorted == NULL)
        out->failed = true;
    else
        draw(out, &p);
    free(p.labels);
    free(p.sorted);
}
