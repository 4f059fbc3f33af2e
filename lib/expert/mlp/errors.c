#include "expert/mlp/errors.h"

#include <math.h>

#include "core/magnitude.h"

/* The weighted mean of squared errors of target m; row NULL: of all rows. */
static double square_error(const mele_i_mlp_plan *p, const double *predicted, size_t m,
                           const size_t *row, size_t count, double power)
{
    const size_t M = p->network.outputs;
    double sum = 0, total = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t at = row == NULL ? i : row[i];
        const double off = power * predicted[at * M + m] - power * p->rows->y[at * M + m];
        sum += p->rows->weights[at] * (off * off);
        total += p->rows->weights[at];
    }
    return sum / total;
}

double mele_i_mlp_error(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s,
                        const double *predicted)
{
    const size_t M = p->network.outputs;
    double sum = 0, total = 0;

    for (size_t i = 0; i < p->rows->count && p->network.classes; i++) {
        sum -= p->rows->weights[i] * predicted[i * M + (size_t)p->rows->y[i]];
        total += p->rows->weights[i];
    }
    for (size_t m = 0; m < M && !p->network.classes; m++) {
        const double power = s->of_y[m].power;
        total += 1;
        sum += square_error(p, predicted, m, NULL, p->rows->count, power) / power / power;
    }
    return mele_i_finite(sum / total);
}

void mele_i_mlp_set_variances(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s,
                              const double *predicted, const size_t *row, size_t count,
                              double *variance)
{
    for (size_t m = 0; m < p->network.outputs; m++) {
        const mele_i_units *u = &s->of_y[m];
        variance[m] = mele_i_units_variance(
            u, square_error(p, predicted, m, row, count, u->power), p->rows->least_variance[m]);
    }
}

void mele_i_mlp_correct(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, double *predicted)
{
    const size_t M = p->network.outputs;
    const double rest = 1 - (double)p->weights / p->effective;

    for (size_t i = 0; i < p->rows->count; i++)
        for (size_t m = 0; m < M; m++) {
            const double power = s->of_y[m].power, y = p->rows->y[i * M + m];
            const double off = power * predicted[i * M + m] - power * y;
            predicted[i * M + m] = mele_i_finite((power * y + off / rest) / power);
        }
}

double mele_i_mlp_row_error(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s,
                            const double *predicted, size_t i)
{
    const size_t M = p->network.outputs;
    double sum = 0;

    if (p->network.classes)
        return -predicted[i * M + (size_t)p->rows->y[i]];
    for (size_t m = 0; m < M; m++) {
        const mele_i_units *u = &s->of_y[m];
        const double off = predicted[i * M + m] * u->power - p->rows->y[i * M + m] * u->power;
        sum += u->spread > 0 ? (off / u->spread) * (off / u->spread) : 0;
    }
    return sum;
}
