#ifndef MELE_EXPERT_UNITS_H
#define MELE_EXPERT_UNITS_H

#include <stddef.h>

#include <mele/status.h>

#include "core/magnitude.h"

/* Where 1 minus a row's leverage is less, the row alone determines some coefficient, and what it
 * divides is noise. */
#define MELE_I_ALONE 0x1p-26

/* The units that a column is standardised in: a number times power, which is safe to square, minus
 * centre, over spread. */
typedef struct mele_i_units {
    double power, centre;
    double spread;  /* the standard deviation; 0: constant but for rounding */
    double largest; /* magnitude where the column was measured, in the column's own units */
} mele_i_units;

/* Rows that units are taken of. */
typedef struct mele_i_units_rows {
    const double *values; /* row-major without gaps, `columns` numbers a row */
    size_t columns;
    const size_t *row;     /* count >= 1 indices of rows */
    const double *weights; /* count, positive */
    size_t count;
} mele_i_units_rows;

/* The units of every column in the given rows: out has one a column.
 *  origin    where the column was measured: what is rounding there, is
 *  furthest  no row counts as further than this many units from the mean: of weights that differ by
 *            many powers of ten the deviation knows nothing. INFINITY: it may */
mele_status mele_i_units_of(const mele_i_units_rows *rows, mele_i_origin origin, double furthest,
                            mele_i_units *out, mele_error *error);

/* A number in these units; 0 where the column is constant. */
static inline double mele_i_units_standardise(const mele_i_units *units, double value)
{
    return units->spread > 0 ? (value * units->power - units->centre) / units->spread : 0;
}

/* The least variance that any expert has of a target with these units over all rows, in its own: a
 * 1e-8th of its variance, what rounding of its magnitude makes (where it was measured), the smallest
 * normal double. */
double mele_i_units_floor(const mele_i_units *units);

/* The variance of a target's residuals, in its own units: the mean of their squares (of power times
 * residuals), but at least so much. */
double mele_i_units_variance(const mele_i_units *units, double square, double least);

#endif
