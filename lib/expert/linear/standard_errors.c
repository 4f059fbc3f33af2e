/* Standard errors of linear coefficients.
 *
 * The coefficients b of the terms as they were fitted (frame.h) have the covariance s^2 C, with C =
 * (A'WA + L)^-1, A the columns [1 z], and s^2 = RSS / (sum w - rank). Those in raw units are T b: T
 * undoes the frame and the scaling, and multiplies squares and products out. So the error of the
 * r-th is s |F t_r|, with C = F'F and t_r the r-th row of T. F has the rows [1 / sqrt(sum w), 0]
 * and [-w_i'm, w_i], with w_i the rows of the whitener and m the means.
 *
 * Scaled weights have no say: RSS grows with them as C falls. */
#include "expert/linear/standard_errors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "expert/basis.h"

/* T by rows; `unit` and `raw` are scratch, a number a coefficient each; `units`: 2 a column. */
static void make_map(const mele_i_standard_errors *e, double *map, double *unit, double *raw,
                     double *units)
{
    const size_t width = e->terms + 1;
    double *center = units, *scale = units + e->columns;

    for (size_t j = 0; j < e->columns; j++) {
        center[j] = e->center == NULL ? 0 : e->center[j];
        scale[j] = e->scale == NULL ? 1 : e->scale[j];
    }
    for (size_t c = 0; c < width; c++) {
        memset(unit, 0, width * sizeof *unit);
        unit[c] = 1;
        mele_i_frame_raw(e->frame, e->terms, unit, 1, 0, unit);
        mele_i_basis_raw(e->columns, e->degree, center, scale, unit, raw);
        for (size_t r = 0; r < width; r++)
            map[r * width + c] = raw[r];
    }
}

/* |F t|^2; `slope` is scratch. */
static double squared_length(const mele_i_reduced_solution *s, size_t terms, const double *t,
                             double *slope)
{
    const double *w = s->whitener;
    double sum = t[0] * t[0] / s->weight;

    for (size_t j = 0; j < terms; j++)
        slope[j] = t[j + 1] - s->mean[j] * t[0];
    for (size_t i = 0; i < terms; i++) {
        double product = 0;
        for (size_t j = 0; j <= i; j++)
            product += *w++ * slope[j];
        sum += product * product;
    }
    return sum;
}

bool mele_i_standard_errors_of(const mele_i_standard_errors *e, const mele_i_reduced_solution *s,
                               double *out)
{
    const size_t width = e->terms + 1;

    for (size_t r = 0; r < width; r++)
        out[r] = NAN;
    if (s->rank < width || e->terms > MELE_I_MOST_WITH_ERRORS)
        return true;
    double *map = MELE_I_ARRAY(double, width * width + 2 * width + 2 * e->columns);
    if (map == NULL)
        return false;
    double *unit = map + width * width, *raw = unit + width;
    make_map(e, map, unit, raw, raw + width);
    for (size_t r = 0; r < width; r++)
        out[r] = sqrt(squared_length(s, e->terms, map + r * width, unit));
    free(map);
    return true;
}
