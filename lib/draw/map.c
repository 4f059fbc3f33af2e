/* Planes cut into areas. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "draw/axis.h"
#include "draw/label.h"
#include "draw/markup.h"
#include "draw/plots.h"
#include "draw/shape.h"

#define WIDTH 320
#define HEIGHT 240 /* of the plane */
#define MARGIN 12  /* right of it */

/* Where the number of an area is best: the middle of a cell, and how much room it has there. */
typedef struct spot {
    double room, x, y;
} spot;

typedef struct picture {
    const mele_i_map *map;
    mele_i_axis x, y;
    double cell_width, cell_height; /* on the page */
    mele_i_label x_words, y_words;
    spot *spots; /* of areas */
    size_t areas;
} picture;

static size_t area_at(const mele_i_map *map, size_t row, size_t column)
{
    return map->area[row * map->columns + column];
}

/* ---- areas ---- */

/* The end of the run of cells of one area that begins at a column. */
static size_t run_end(const mele_i_map *map, size_t row, size_t column)
{
    const size_t area = area_at(map, row, column);
    size_t end = column + 1;

    while (end < map->columns && area_at(map, row, end) == area)
        end++;
    return end;
}

/* Whether the row has the same run as the one above or below it has from `column` to `end`. */
static bool has_run(const mele_i_map *map, size_t row, size_t column, size_t end, size_t area)
{
    return area_at(map, row, column) == area
           && (column == 0 || area_at(map, row, column - 1) != area)
           && run_end(map, row, column) == end;
}

/* The runs of an area as boxes, each as many rows high as have the same one. */
static void put_runs(mele_i_buffer *out, const mele_i_map *map, size_t area)
{
    for (size_t row = 0; row < map->rows; row++)
        for (size_t column = 0, end; column < map->columns; column = end) {
            size_t high = 1;

            end = run_end(map, row, column);
            if (area_at(map, row, column) != area
                || (row > 0 && has_run(map, row - 1, column, end, area)))
                continue;
            while (row + high < map->rows && has_run(map, row + high, column, end, area))
                high++;
            mele_i_buffer_print(out, "M%zu %zuh%zuv%zuh-%zuz", column, row, end - column, high,
                                end - column);
        }
}

/* The edges between areas, in pieces as long as they are straight. */
static void put_borders(mele_i_buffer *out, const mele_i_map *map)
{
    for (size_t row = 1; row < map->rows; row++)
        for (size_t column = 0; column < map->columns; column++) {
            size_t end = column;
            while (end < map->columns && area_at(map, row, end) != area_at(map, row - 1, end))
                end++;
            if (end > column)
                mele_i_buffer_print(out, "M%zu %zuh%zu", column, row, end - column);
            column = end;
        }
    for (size_t column = 1; column < map->columns; column++)
        for (size_t row = 0; row < map->rows; row++) {
            size_t end = row;
            while (end < map->rows && area_at(map, end, column) != area_at(map, end, column - 1))
                end++;
            if (end > row)
                mele_i_buffer_print(out, "M%zu %zuv%zu", column, row, end - row);
            row = end;
        }
}

static void draw_areas(mele_i_buffer *out, const picture *p)
{
    mele_i_buffer_print(out, "<g transform=\"translate(%s %s) scale(%s %s)\">\n",
                        mele_i_pixels(p->x.from).text, mele_i_pixels(p->y.from).text,
                        mele_i_fixed(p->cell_width, 5).text, mele_i_fixed(-p->cell_height, 5).text);
    for (size_t a = 0; a < p->areas; a++) {
        mele_i_buffer_print(out, "<path shape-rendering=\"crispEdges\" fill=\"%s\" d=\"",
                            mele_i_tint(a));
        put_runs(out, p->map, a);
        mele_i_buffer_print(out, "\"/>\n");
    }
    mele_i_buffer_print(out, "<path fill=\"none\" stroke=\"#555\" stroke-linecap=\"square\" "
                             "vector-effect=\"non-scaling-stroke\" d=\"");
    put_borders(out, p->map);
    mele_i_buffer_print(out, "\"/>\n</g>\n");
}

/* ---- numbers ---- */

/* How far cells of the same area reach on the nearer side, along a row or a column, in cells. */
static double reach(const mele_i_map *map, size_t row, size_t column, bool along_row)
{
    const size_t area = area_at(map, row, column), length = along_row ? map->columns : map->rows;
    const size_t at = along_row ? column : row;
    size_t n = 0;

    while (n < at && n + at + 1 < length
           && (along_row ? area_at(map, row, at - n - 1) : area_at(map, at - n - 1, column)) == area
           && (along_row ? area_at(map, row, at + n + 1) : area_at(map, at + n + 1, column))
                  == area)
        n++;
    return (double)n + 0.5;
}

/* Whether a box on the page about the middle of a cell is within the cell's area. */
static bool is_inside(const picture *p, size_t row, size_t column, double width, double height)
{
    const mele_i_map *map = p->map;
    const long across = (long)ceil(width / 2 / p->cell_width - 0.5);
    const long up = (long)ceil(height / 2 / p->cell_height - 0.5);
    const long r0 = (long)row, c0 = (long)column;

    if (r0 < up || c0 < across || r0 + up >= (long)map->rows || c0 + across >= (long)map->columns)
        return false;
    for (long r = r0 - up; r <= r0 + up; r++)
        for (long c = c0 - across; c <= c0 + across; c++)
            if (area_at(map, (size_t)r, (size_t)c) != area_at(map, row, column))
                return false;
    return true;
}

/* Take the cell for the number of its area if it is the best so far. */
static void try_spot(picture *p, size_t row, size_t column)
{
    const size_t area = area_at(p->map, row, column);
    char text[24];
    double room;

    if (area == MELE_I_NO_AREA)
        return;
    room = fmin(reach(p->map, row, column, true) * p->cell_width,
                reach(p->map, row, column, false) * p->cell_height);
    snprintf(text, sizeof text, "%zu", area + 1);
    if (room > p->spots[area].room
        && is_inside(p, row, column, mele_i_text_width(text, MELE_I_TEXT_SIZE) + 2,
                     MELE_I_TEXT_SIZE + 2))
        p->spots[area] = (spot){room, p->x.from + ((double)column + 0.5) * p->cell_width,
                                p->y.from - ((double)row + 0.5) * p->cell_height};
}

static void draw_numbers(mele_i_buffer *out, picture *p)
{
    const mele_i_text_style style = {
        MELE_I_TEXT_SIZE, MELE_I_MIDDLE,
        "font-weight=\"bold\" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\""};

    for (size_t row = 0; row < p->map->rows; row++)
        for (size_t column = 0; column < p->map->columns; column++)
            try_spot(p, row, column);
    for (size_t a = 0; a < p->areas; a++) {
        char text[24];
        snprintf(text, sizeof text, "%zu", a + 1);
        if (p->spots[a].room > 0)
            mele_i_draw_text(out, &style, p->spots[a].x, p->spots[a].y + 0.35 * MELE_I_TEXT_SIZE,
                             text);
    }
}

/* ---- the picture ---- */

/* All points as one path of dots. */
static void draw_points(mele_i_buffer *out, const picture *p)
{
    mele_i_buffer_print(out, "<path fill=\"none\" stroke=\"#222\" stroke-opacity=\"0.55\" "
                             "stroke-width=\"2.6\" stroke-linecap=\"round\" d=\"");
    for (size_t i = 0; i < p->map->points; i++)
        if (mele_i_axis_shows(&p->x, p->map->x[i]) && mele_i_axis_shows(&p->y, p->map->y[i]))
            mele_i_buffer_print(out, "M%s %sh0",
                                mele_i_pixels(mele_i_axis_place(&p->x, p->map->x[i])).text,
                                mele_i_pixels(mele_i_axis_place(&p->y, p->map->y[i])).text);
    mele_i_buffer_print(out, "\"/>\n");
}

/* The places of everything; returns the height of the figure. */
static double lay_out(picture *p)
{
    const mele_i_map *map = p->map;
    mele_i_ticks ticks;

    mele_i_axis_words(&p->y, map->y_axis, WIDTH - 4, &p->y_words);
    p->y = (mele_i_axis){.least = map->y_least,
                         .most = map->y_most,
                         .from = p->y_words.height + 8 + HEIGHT,
                         .to = p->y_words.height + 8};
    mele_i_axis_ticks(&p->y, 6, &ticks);
    p->x = (mele_i_axis){.least = map->x_least,
                         .most = map->x_most,
                         .from = fmin(ticks.width + 10, WIDTH / 3.0),
                         .to = WIDTH - MARGIN};
    p->cell_width = (p->x.to - p->x.from) / (double)map->columns;
    p->cell_height = HEIGHT / (double)map->rows;
    mele_i_axis_words(&p->x, map->x_axis, p->x.to, &p->x_words);
    return p->y.from + MELE_I_AXIS_HEIGHT + p->x_words.height + 6;
}

static void draw(mele_i_buffer *out, picture *p)
{
    const mele_i_words *words = &p->map->words;
    const double height = lay_out(p);

    mele_i_figure_begin(out, &(mele_i_figure){WIDTH, height, words->title, words->description});
    mele_i_draw_axis_x(out, &p->x, p->y.from, p->y.from, WIDTH);
    mele_i_draw_axis_y(out, &p->y, p->x.from, p->x.from);
    mele_i_draw_label(out, &p->y_words, MELE_I_START, 2, p->y_words.height / 2);
    mele_i_draw_label(out, &p->x_words, MELE_I_END, p->x.to,
                      p->y.from + MELE_I_AXIS_HEIGHT + p->x_words.height / 2 + 2);
    draw_areas(out, p);
    draw_points(out, p);
    draw_numbers(out, p);
    mele_i_figure_end(out);
}

static size_t count_areas(const mele_i_map *map)
{
    size_t areas = 0;

    for (size_t i = 0; i < map->rows * map->columns; i++)
        if (map->area[i] != MELE_I_NO_AREA && map->area[i] >= areas)
            areas = map->area[i] + 1;
    return areas;
}

void mele_i_draw_map(mele_i_buffer *out, const mele_i_map *map)
{
    picture p = {.map = map, .areas = count_areas(map)};

    p.spots = MELE_I_ZEROED(spot, p.areas);
    if (p.spots == NULL)
        out->failed = true;
    else
        draw(out, &p);
    free(p.spots);
}
