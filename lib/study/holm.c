/* Holm's adjustment: of m p values in ascending order the i-th becomes the largest of (m - j + 1)
 * p_j, j <= i, and 1 at most.
 *
 * Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70. */
#include <mele/significance.h>

#include <gsl/gsl_sort_double.h>
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"

/* The indices of those that are not NaN, by ascending p; how many. */
static size_t order_known(const double *p, size_t count, size_t *order, double *known,
                          size_t *place)
{
    size_t taken = 0;

    for (size_t i = 0; i < count; i++)
        if (!isnan(p[i])) {
            known[taken] = p[i];
            place[taken++] = i;
        }
    gsl_sort_index(order, known, 1, taken);
    return taken;
}

/* Where p and adjusted are the same, known keeps what p was. */
static void adjust(const double *p, size_t count, size_t *order, double *known, size_t *place,
                   double *adjusted)
{
    const size_t taken = order_known(p, count, order, known, place);
    double largest = 0;

    for (size_t i = 0; i < count; i++)
        adjusted[i] = p[i];
    for (size_t i = 0; i < taken; i++) {
        largest = fmax(largest, fmin((double)(taken - i) * known[order[i]], 1));
        adjusted[place[order[i]]] = largest;
    }
}

mele_status mele_holm(const double *p, size_t count, double *adjusted, mele_error *error)
{
    size_t *order = MELE_I_ARRAY(size_t, count), *place = MELE_I_ARRAY(size_t, count);
    double *known = MELE_I_ARRAY(double, count);
    mele_status status = MELE_OK;

    for (size_t i = 0; i < count && status == MELE_OK; i++)
        if (p[i] < 0 || p[i] > 1)
            status = mele_i_fail(error, MELE_EDATA, "p value %zu of %zu is %g, no probability", i + 1,
                                 count, p[i]);
    if (status == MELE_OK && (order == NULL || place == NULL || known == NULL))
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        adjust(p, count, order, known, place, adjusted);
    free(order);
    free(place);
    free(known);
    return status;
}
