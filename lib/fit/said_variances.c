/* Variances of a mixture from what it says of rows that it has not seen: with f_ik and g_ik what is said of
 * row i by a mixture that was trained without it, s_kt^2 are those that make
 *
 *     sum_i w_i log sum_k g_ik prod_t N(y_it; f_ikt, s_kt^2)
 *
 * largest, by EM over them alone: of regions that do not overlap they are the mean squares of left-out
 * residuals, as those of experts that are trained alone. */
#include "fit/said_variances.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "fit/left_out.h"
#include "fit/report.h"

#define VARIANCE_STEPS 100
#define VARIANCE_GAIN 1e-9 /* a unit of weight: less is no more looked for */

mele_status mele_i_said_variances(const mele_i_mixture_rows *rows, const mele_i_mixture_said *said,
                                  mele_engine *engine, double *variance, mele_i_mixture_sums *sums,
                                  mele_error *error)
{
    const size_t parts = mele_i_mixture_parts(&rows->targets), count = rows->clusters * parts;
    const double total_weight = mele_i_total_weight(rows->weights, rows->rows);
    double last = -INFINITY;

    for (size_t s = 0; s < VARIANCE_STEPS; s++) {
        mele_status status = mele_i_mixture_expect_said(rows, said, variance, engine, sums, error);
        if (status != MELE_OK)
            return status;
        const double gain = (sums->log_likelihood - last) / total_weight;
        if (variance == NULL || !(gain > VARIANCE_GAIN))
            return MELE_OK;
        last = sums->log_likelihood;
        for (size_t i = 0; i < count; i++)
            if (sums->weight[i / parts] > 0)
                variance[i] = fmax(sums->loss[i] / sums->weight[i / parts], MELE_I_LEAST_VARIANCE);
    }
    return MELE_OK;
}

static double density_of(const mele_i_said_densities *d, size_t row, size_t k, const double *y)
{
    const mele_targets *targets = &d->rows->targets;
    const size_t K = d->rows->clusters, parts = mele_i_mixture_parts(targets);
    const double *mean = d->mean + (row * K + k) * (targets->classes > 0 ? targets->classes : parts);
    double sum = 0;

    if (targets->classes > 0)
        return mean[(size_t)y[0]];
    for (size_t t = 0; t < parts; t++) {
        const double off = y[t] - mean[t], variance = d->variance[k * parts + t];
        sum -= (log(2 * M_PI * variance) + off * off / variance) / 2;
    }
    return sum;
}

static mele_status read_densities(void *user, size_t first, size_t count, double *out,
                                  mele_error *error)
{
    const mele_i_said_densities *d = user;
    const mele_rows *values = &d->rows->targets.values;
    double *room = MELE_I_ARRAY(double, mele_i_rows_room(values, count));
    const double *y = NULL;
    size_t stride = 0;
    mele_status status = room == NULL ? mele_i_no_memory(error)
                                      : mele_i_rows_take(values, (mele_i_block){0, first, count}, room,
                                                         &y, &stride, error);

    for (size_t i = 0; i < count && status == MELE_OK; i++)
        for (size_t k = 0; k < d->rows->clusters; k++)
            *out++ = density_of(d, first + i, k, y + i * stride);
    free(room);
    return status;
}

mele_rows mele_i_said_densities_of(mele_i_said_densities *d)
{
    return (mele_rows){d->rows->rows, d->rows->clusters, NULL, 0, read_densities, d};
}

mele_status mele_i_said_measures(const mele_i_run *run, const mele_i_mixture_rows *rows,
                                 const mele_i_mixture_said *said, const double *variance,
                                 mele_error *error)
{
    const size_t K = rows->clusters, M = mele_model_outputs(run->model);
    mele_i_said_densities d = {rows, said->mean, variance};
    const mele_i_left_out_view view = {
        .gate = NULL, .clusters = K, .log_posteriors = mele_rows_of_array(said->log_gate, rows->rows, K),
        .mean = mele_rows_of_array(said->mean, rows->rows, K * M),
        .log_likelihoods = mele_i_said_densities_of(&d)};
    json_t *measures = NULL;

    if (run->report == NULL)
        return MELE_OK;
    mele_status status = mele_i_left_out_measures(run, &view, &measures, error);

    if (status == MELE_OK)
        mele_i_report_set(run->report, "left_out", measures);
    return status;
}
