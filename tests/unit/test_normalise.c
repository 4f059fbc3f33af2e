/* Log posteriors from outside, normalised where that matters: shifting the logarithms of a row by
 * any number is the same posteriors, so it changes no gate, no weight and no loss. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/gate.h>

#include "core/memory.h"
#include "core/stream.h"
#include "engine/normalise.h"

#define ROWS 150
#define CLUSTERS 3
#define SUM_TOLERANCE 1e-14
#define TOLERANCE 1e-6 /* of two minimisations from data that differ by rounding */

/* One row after the other; the reference sums in extended precision. */
Test(normalise, rows_sum_to_one)
{
    static const double in[][4] = {
        {0, 0, 0, 0},  {-1, -2, -3, -4},       {700, 710, -900, 3},
        {1e6, 0, 0, 0}, {-1e5, -1e5, -INFINITY, -2e5}, {3, -INFINITY, -INFINITY, -INFINITY}};

    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        double out[4];
        long double sum = 0;
        cr_assert(mele_i_normalise_logs(in[i], 1, 4, out));
        for (size_t k = 0; k < 4; k++) {
            sum += expl((long double)out[k]);
            if (in[i][k] > -INFINITY && in[i][0] > -INFINITY)
                cr_assert_float_eq(out[k] - out[0], in[i][k] - in[i][0],
                                   1e-9 * fmax(1, fabs(in[i][0])), "row %zu", i);
            else
                cr_assert_eq(out[k], -INFINITY);
        }
        cr_assert_float_eq((double)sum, 1, SUM_TOLERANCE, "row %zu: %Lg", i, sum);
    }
}

/* 150 rows are more than are taken at once. */
Test(normalise, twice_is_once_to_the_bit)
{
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);
    static double given[ROWS * 7], once[ROWS * 7], twice[ROWS * 7];

    for (size_t e = 0; e < ROWS * 7; e++)
        given[e] = 20 * mele_i_stream_normal(&stream);
    cr_assert(mele_i_normalise_logs(given, ROWS, 7, once));
    cr_assert_not(mele_i_normalise_logs(once, ROWS, 7, twice));
    cr_assert_eq(memcmp(once, twice, sizeof once), 0);
}

Test(normalise, a_row_of_nothing_stays)
{
    const double in[] = {-INFINITY, -INFINITY, log(0.25), log(0.75)};
    double out[4];

    cr_assert_not(mele_i_normalise_logs(in, 2, 2, out));
    cr_assert_eq(memcmp(in, out, sizeof in), 0);
}

typedef struct rows {
    double x[ROWS * 2], log_p[ROWS * CLUSTERS], shifted[ROWS * CLUSTERS];
    double likelihoods[ROWS * CLUSTERS], predictions[ROWS * CLUSTERS], targets[ROWS];
} rows;

static void draw(rows *r)
{
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < ROWS; i++) {
        double raw[CLUSTERS], shift = 40 * mele_i_stream_normal(&stream);
        r->targets[i] = mele_i_stream_normal(&stream);
        r->x[2 * i] = mele_i_stream_normal(&stream);
        r->x[2 * i + 1] = mele_i_stream_normal(&stream);
        for (size_t k = 0; k < CLUSTERS; k++) {
            const double off = r->x[2 * i] - (double)k + 1;
            double f = r->targets[i] + (0.3 + fabs(off)) * mele_i_stream_normal(&stream);
            raw[k] = -off * off;
            r->predictions[i * CLUSTERS + k] = f;
            r->likelihoods[i * CLUSTERS + k] = -2 * (f - r->targets[i]) * (f - r->targets[i]);
        }
        mele_i_normalise_logs(raw, 1, CLUSTERS, r->log_p + i * CLUSTERS);
        for (size_t k = 0; k < CLUSTERS; k++)
            r->shifted[i * CLUSTERS + k] = r->log_p[i * CLUSTERS + k] + shift;
    }
}

static double loss_and_weights(const rows *r, const double *log_p, const mele_gate_options *options,
                               double *out)
{
    const mele_matrix x = mele_matrix_of(r->x, ROWS, 2);
    const mele_gate_data data = {
        .rows = ROWS, .clusters = CLUSTERS,
        .log_posteriors = mele_rows_of_array(log_p, ROWS, CLUSTERS),
        .log_likelihoods = mele_rows_of_array(r->likelihoods, ROWS, CLUSTERS),
        .predictions = mele_rows_of_array(r->predictions, ROWS, CLUSTERS),
        .targets = mele_rows_of_array(r->targets, ROWS, 1), .x = mele_rows_of(&x)};
    mele_gate *gate = NULL;
    mele_gate_info info;

    cr_assert_eq(mele_gate_fit(&data, options, NULL, &gate, &info, NULL), MELE_OK);
    cr_assert_eq(mele_gate_log_weights(gate, log_p, &x, ROWS, NULL, out, NULL), MELE_OK);
    mele_gate_free(gate);
    return info.loss;
}

Test(normalise, no_gate_sees_a_shift)
{
    static const char *const inputs[] = {"posteriors", "features", "both"};
    static const char *const losses[] = {"likelihood", "squared", "posteriors"};
    static rows r;
    static double weights[ROWS * CLUSTERS], shifted[ROWS * CLUSTERS];

    draw(&r);
    for (size_t kind = 0; mele_gate_kind(kind) != NULL; kind++)
        for (size_t e = 0; e < 9; e++) {
            mele_gate_options options = mele_gate_defaults();
            options.kind = mele_gate_kind(kind);
            options.on = inputs[e % 3];
            options.loss = losses[e / 3];
            options.tolerance = 1e-9;
            if (strcmp(options.kind, "mlp") == 0 || strcmp(options.kind, "auto") == 0)
                options.max_iterations = 4; /* rounding grows on its way to one of several minima */
            const double loss = loss_and_weights(&r, r.log_p, &options, weights);
            const double again = loss_and_weights(&r, r.shifted, &options, shifted);
            const bool unknown = strcmp(options.kind, "global") == 0 && isnan(loss) && isnan(again);
            cr_assert(unknown || again == loss || fabs(again - loss) < TOLERANCE * fabs(loss),
                      "%s on %s, %s: %g, not %g", options.kind, options.on, options.loss, again,
                      loss);
            for (size_t i = 0; i < ROWS * CLUSTERS; i++)
                cr_assert(weights[i] == shifted[i] || fabs(weights[i] - shifted[i]) < TOLERANCE,
                          "%s on %s, %s: %g, not %g", options.kind, options.on, options.loss,
                          shifted[i], weights[i]);
        }
}
