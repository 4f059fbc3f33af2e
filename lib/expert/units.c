/* Units of columns by two passes over chunks of rows: weighted means and extremes, then mean
 * squares of what is off the mean.
 *
 * The floor of a variance is MELE_I_LEAST_VARIANCE times the target's, which residuals that are all 0 in a few rows
 * say nothing against, and the square of what rounding makes of its magnitude. It is of all rows:
 * of those of one region, in which the target may well be constant, it would be nothing, and one
 * row that deviates would then outweigh all others in a likelihood. */
#include "expert/units.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/kernels.h"

enum { CHUNK = 64 };

/* The rows, and sums of their columns. */
typedef struct column_sums {
    const double *values, *weights;
    const size_t *row;
    size_t columns, count;
    double *low, *high, *mean, *square; /* a column each */
    double *chunk;                      /* CHUNK rows */
} column_sums;

/* Calls one of the kernels for all rows: sums and extremes, or squares. */
static void sum_columns(const column_sums *c, bool squares)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t columns = c->columns;

    for (size_t first = 0; first < c->count; first += CHUNK) {
        const size_t some = c->count - first < CHUNK ? c->count - first : CHUNK;
        const double *weights = c->weights + first;
        for (size_t i = 0; i < some; i++)
            memcpy(c->chunk + i * columns, c->values + c->row[first + i] * columns,
                   columns * sizeof *c->chunk);
        if (squares)
            kernels->column_squares(c->chunk, columns, some, columns, weights, c->mean, c->square);
        else
            kernels->column_sums(c->chunk, columns, some, columns, weights, c->low, c->high,
                                 c->mean);
    }
}

/* The same sums of a column whose numbers are so large or small that they need another power. */
static double sum_extreme(const column_sums *c, size_t column, double total, mele_i_units *u)
{
    const double *values = c->values + column;
    double square = 0;

    u->centre = 0;
    for (size_t i = 0; i < c->count; i++)
        u->centre += c->weights[i] / total * (values[c->row[i] * c->columns] * u->power);
    for (size_t i = 0; i < c->count; i++) {
        const double off = values[c->row[i] * c->columns] * u->power - u->centre;
        square += c->weights[i] * (off * off);
    }
    return square;
}

/* From the extremes and the mean square. */
static void set_units(mele_i_units *u, double low, double high, double square, double furthest,
                   bool constant)
{
    const double above = high * u->power - u->centre, below = u->centre - low * u->power;

    u->spread = fmax(sqrt(square), fmax(above, below) / furthest);
    if (constant || !(u->spread > 0)) {
        u->spread = 0;
        u->centre = low < high ? u->centre : low * u->power;
    }
}

mele_status mele_i_units_of(const mele_i_units_rows *rows, mele_i_origin origin, double furthest,
                            mele_i_units *out, mele_error *error)
{
    const size_t columns = rows->columns;
    double *memory = MELE_I_ZEROED(double, (CHUNK + 4) * columns), total = 0;
    const column_sums c = {rows->values,
                           rows->weights,
                           rows->row,
                           columns,
                           rows->count,
                           memory,
                           memory + columns,
                           memory + 2 * columns,
                           memory + 3 * columns,
                           memory + 4 * columns};

    if (memory == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < columns; j++)
        c.low[j] = c.high[j] = c.values[c.row[0] * columns + j];
    for (size_t i = 0; i < c.count; i++)
        total += c.weights[i];
    sum_columns(&c, false);
    for (size_t j = 0; j < columns; j++) {
        const double largest = fmax(fabs(c.low[j]), fabs(c.high[j]));
        out[j] = (mele_i_units){.power = mele_i_power_scale(largest), .largest = largest};
        c.mean[j] = out[j].power == 1 ? c.mean[j] / total : 0;
    }
    sum_columns(&c, true);
    for (size_t j = 0; j < columns; j++) {
        out[j].centre = c.mean[j];
        if (out[j].power != 1)
            c.square[j] = sum_extreme(&c, j, total, &out[j]);
        set_units(&out[j], c.low[j], c.high[j], c.square[j] / total, furthest,
                  mele_i_is_constant(origin, j, c.low[j], c.high[j]));
        out[j].largest = fmax(mele_i_original_size(origin, j, c.low[j]),
                              mele_i_original_size(origin, j, c.high[j]));
    }
    free(memory);
    return MELE_OK;
}

double mele_i_units_floor(const mele_i_units *u)
{
    const double rounding = MELE_I_ROUNDING * (u->largest * u->power);
    const double least = fmax(MELE_I_LEAST_VARIANCE * u->spread * u->spread, rounding * rounding);

    return mele_i_finite(fmax(least / u->power / u->power, DBL_MIN));
}

double mele_i_units_variance(const mele_i_units *u, double square, double least)
{
    return fmax(mele_i_finite(square / u->power / u->power), least);
}
