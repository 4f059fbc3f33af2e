/* Named points in a plane. The names stand in a column on the right, in the order of the points'
 * heights, each moved as little as keeps them apart, and are joined to their points by lines. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "draw/axis.h"
#include "draw/label.h"
#include "draw/plots.h"
#include "draw/shape.h"

#define WIDTH MELE_I_FIGURE_WIDTH
#define NAMES 150        /* what names may take of the width */
#define LEADER 22        /* between plot and names */
#define LEAST_HEIGHT 200 /* of the plot */
#define MARGIN 4

typedef struct picture {
    const mele_i_scatter *scatter;
    mele_i_label *labels;
    size_t *shown, count;    /* the points that have a place, lowest value of y last */
    double *middle, *height; /* of their names */
    mele_i_axis x, y;
    double left, right, top, bottom; /* of the plot */
    mele_i_label x_words, y_words;
} picture;

/* ---- layout ---- */

static void order(picture *p)
{
    const double *y = p->scatter->y;

    for (size_t i = 0; i < p->scatter->count; i++) {
        size_t at = p->count;

        if (!mele_i_axis_shows(&p->x, p->scatter->x[i]) || !mele_i_axis_shows(&p->y, y[i]))
            continue;
        for (; at > 0 && y[p->shown[at - 1]] < y[i]; at--)
            p->shown[at] = p->shown[at - 1];
        p->shown[at] = i;
        p->count++;
    }
}

static void make_axes(picture *p)
{
    const mele_i_scatter *s = p->scatter;
    double names = 0;

    for (size_t i = 0; i < s->count; i++)
        names = fmax(names, p->labels[i].width);
    p->right = WIDTH - names - LEADER - MARGIN;
    p->y = mele_i_axis_of(s->y, s->count, MELE_I_EITHER, 1, 0);
    mele_i_ticks ticks;
    mele_i_axis_ticks(&p->y, 6, &ticks);
    p->left = fmin(ticks.width + 10, WIDTH / 3.0);
    p->x = mele_i_axis_of(s->x, s->count, MELE_I_EITHER, p->left, p->right);
}

/* The places of everything; returns the height of the figure. */
static double lay_out(picture *p)
{
    double names = 0;

    make_axes(p);
    order(p);
    for (size_t i = 0; i < p->count; i++)
        names += p->height[i] = p->labels[p->shown[i]].height + 3;
    mele_i_axis_words(&p->y, p->scatter->y_axis, WIDTH - 4, &p->y_words);
    p->top = p->y_words.height + 10;
    p->bottom = p->top + fmax(LEAST_HEIGHT, names);
    p->y.from = p->bottom;
    p->y.to = p->top;
    for (size_t i = 0; i < p->count; i++)
        p->middle[i] = mele_i_axis_place(&p->y, p->scatter->y[p->shown[i]]);
    mele_i_spread(p->middle, p->height, p->count, p->top, p->bottom);
    mele_i_axis_words(&p->x, p->scatter->x_axis, p->right - 2, &p->x_words);
    return p->bottom + MELE_I_AXIS_HEIGHT + p->x_words.height + 6;
}

/* ---- drawing ---- */

static void draw_axes(mele_i_buffer *out, const picture *p)
{
    mele_i_draw_axis_x(out, &p->x, p->bottom, p->top, p->right + LEADER);
    mele_i_draw_axis_y(out, &p->y, p->left, p->right);
    mele_i_draw_label(out, &p->x_words, MELE_I_END, p->right,
                      p->bottom + MELE_I_AXIS_HEIGHT + p->x_words.height / 2 + 2);
    mele_i_draw_label(out, &p->y_words, MELE_I_START, 2, p->y_words.height / 2);
}

static bool is_beaten(const picture *p, size_t i)
{
    const double *x = p->scatter->x, *y = p->scatter->y;

    for (size_t j = 0; j < p->count; j++) {
        const size_t other = p->shown[j];
        if (x[other] <= x[i] && y[other] <= y[i] && (x[other] < x[i] || y[other] < y[i]))
            return true;
    }
    return false;
}

/* The line from the least y to the least x. */
static void draw_front(mele_i_buffer *out, const picture *p, double *x, double *y)
{
    size_t n = 0;

    for (size_t i = 0; i < p->count; i++)
        if (!is_beaten(p, p->shown[i])) {
            x[n] = mele_i_axis_place(&p->x, p->scatter->x[p->shown[i]]);
            y[n++] = mele_i_axis_place(&p->y, p->scatter->y[p->shown[i]]);
        }
    if (n > 1)
        mele_i_draw_path(out, x, y, n,
                         "fill=\"none\" stroke=\"#999\" stroke-width=\"1.5\" "
                         "stroke-dasharray=\"5 3\"");
}

static void draw_points(mele_i_buffer *out, const picture *p)
{
    const double names = p->right + LEADER;

    for (size_t i = 0; i < p->count; i++) {
        const size_t point = p->shown[i];
        const double x = mele_i_axis_place(&p->x, p->scatter->x[point]);
        const double y = mele_i_axis_place(&p->y, p->scatter->y[point]);
        const double at[3] = {x, p->right + 4, names - 4};
        const double height[3] = {y, p->middle[i], p->middle[i]};

        mele_i_draw_path(out, at, height, 3, "fill=\"none\" stroke=\"#bbb\" stroke-width=\"0.7\"");
        mele_i_draw_label(out, &p->labels[point], MELE_I_START, names, p->middle[i]);
    }
    for (size_t i = 0; i < p->count; i++)
        mele_i_draw_mark(out, p->shown[i], mele_i_axis_place(&p->x, p->scatter->x[p->shown[i]]),
                         mele_i_axis_place(&p->y, p->scatter->y[p->shown[i]]),
                         p->scatter->name[p->shown[i]]);
}

static void draw(mele_i_buffer *out, picture *p, double *front)
{
    const mele_i_words *words = &p->scatter->words;
    const double height = lay_out(p);

    mele_i_figure_begin(out, &(mele_i_figure){WIDTH, height, words->title, words->description});
    draw_axes(out, p);
    draw_front(out, p, front, front + p->count);
    draw_points(out, p);
    mele_i_figure_end(out);
}

void mele_i_draw_scatter(mele_i_buffer *out, const mele_i_scatter *scatter)
{
    const size_t n = scatter->count;
    double *places = MELE_I_ARRAY(double, 4 * n);
    picture p = {.scatter = scatter,
                 .labels = mele_i_labels(scatter->name, n, MELE_I_TEXT_SIZE, NAMES),
                 .shown = MELE_I_ARRAY(size_t, n),
                 .middle = places,
                 .height = places == NULL ? NULL : places + n};

    if (p.labels == NULL || p.shown == NULL || places == NULL)
        out->failed = true;
    else
        draw(out, &p, places + 2 * n);
    free(p.labels);
    free(p.shown);
    free(places);
}
