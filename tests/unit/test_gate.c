/* The gates: gradients against differences, reference fits (tests/ref/gate.py), known answers,
 * invariances, the far field, and the model's section. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "gate/gate.h"
#include "gate/softmax/softmax.h"
#include "engine_support.h"
#include "gate_support.h"
#include "support/size.h"

#define SUM_TOLERANCE 1e-12 /* of the weights of a row */

/* The first rows only. */
static mele_gate_data shortened(mele_gate_data data, size_t rows)
{
    mele_rows *const all[] = {&data.log_posteriors, &data.log_likelihoods, &data.predictions,
                              &data.targets, &data.x};

    data.rows = rows;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        all[i]->rows = rows;
    return data;
}

static mele_i_softmax *state_of(const mele_gate *gate)
{
    return gate->state;
}

/* ---- the table ---- */

Test(gate, kinds)
{
    for (size_t i = 0; i < 7; i++)
        cr_assert_str_eq(mele_gate_kind(i), kinds[i]);
    cr_assert_null(mele_gate_kind(7));
    cr_assert_str_eq(mele_gate_defaults().kind, "auto");
}

/* ---- gradients ---- */

/* A gate as mele_gate_fit() has it before training. */
static mele_gate *untrained(const char *kind, const mele_i_gate_training *training)
{
    mele_gate *gate = mele_i_gate_new(mele_i_gate_kind_find(kind), training->data->clusters);

    cr_assert_not_null(gate);
    cr_assert_eq(gate->kind->make(gate, training, NULL), MELE_OK);
    if (gate->kind->prepare != NULL)
        cr_assert_eq(gate->kind->prepare(gate, training, NULL), MELE_OK);
    return gate;
}

static void check_gradient(mele_gate_data data, const mele_gate_options *options)
{
    const mele_i_gate_loss *loss = mele_i_gate_loss_find(options->loss);
    const mele_i_gate_training training = {.data = &data, .options = options, .loss = loss,
                                           .loss_needs = mele_i_gate_loss_needs(loss, &data),
                                           .total_weight = 41.5};
    mele_gate *gate = untrained(options->kind, &training);
    size_t factors, count = gate->kind->parameters(gate, &factors);
    double theta[128], gradient[128], scratch[128], parameters[128], sums[130], value;
    mele_i_gate_objective objective = {gate, &training, true, 0, parameters, sums};
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, 1);

    cr_assert(count > 0 && count <= 128);
    for (size_t p = 0; p < count; p++)
        theta[p] = 0.3 * mele_i_stream_normal(&stream);
    cr_assert_eq(mele_i_gate_evaluate(&objective, theta, &value, gradient, NULL), MELE_OK);
    for (size_t p = 0; p < count; p++) {
        const double step = 1e-5, at = theta[p];
        double above, below;
        theta[p] = at + step;
        mele_i_gate_evaluate(&objective, theta, &above, scratch, NULL);
        theta[p] = at - step;
        mele_i_gate_evaluate(&objective, theta, &below, scratch, NULL);
        theta[p] = at;
        double difference = (above - below) / (2 * step);
        cr_assert(fabs(gradient[p] - difference) <= 1e-7 * (1 + fabs(difference)),
                  "%s on %s, %s, parameter %zu: %.10g, difference %.10g", options->kind,
                  options->on, options->loss, p, gradient[p], difference);
    }
    mele_gate_free(gate);
}

Test(gate, gradients_are_those_of_the_loss)
{
    sample s = draw(157, 3, 4, 2, 11);

    for (size_t kind = 0; kind < 5; kind++)
        for (size_t c = 0; c < 9; c++) {
            const mele_gate_options options =
                options_of(kinds[kind], inputs[c % 3], losses[c / 3], 3.7);
            if (mele_i_gate_is_trained(&options))
                check_gradient(data_of(&s), &options);
        }
    free_sample(&s);
}

/* ---- where training starts ---- */

/* Restated, or trained on where it is at its minimum, a gate is the same one. */
Test(gate, a_gate_starts_from_where_one_ended)
{
    sample s = draw(250, 3, 4, 1, 15);
    const mele_gate_data data = data_of(&s);

    for (size_t c = 0; c < 4; c++) {
        mele_gate_options options = options_of(c == 3 ? "temperature" : "softmax", inputs[c % 3],
                                               "likelihood", 0.8);
        mele_gate_info info[3];
        mele_gate *again = NULL;
        options.max_iterations = 5;
        mele_gate *first = fit(&data, &options, NULL, &info[0]);
        options.start = first;
        cr_assert_eq(mele_i_gate_restate(&data, &options, NULL, &again, &info[1], NULL), MELE_OK);
        mele_gate *further = fit(&data, &options, NULL, &info[2]);
        double *of_first = weights_of(first, &s), *of_again = weights_of(again, &s);
        cr_assert_lt(farthest(of_first, of_again, s.rows * s.clusters), 1e-10, "case %zu", c);
        cr_assert_float_eq(info[1].loss, info[0].loss, 1e-12);
        cr_assert_float_eq(info[1].penalty, info[0].penalty, 1e-12);
        cr_assert(c == 3 || info[0].penalty > 1e-6);
        cr_assert_leq(info[2].loss + info[2].penalty, info[0].loss + info[0].penalty, "case %zu", c);
        free(of_first);
        free(of_again);
        mele_gate_free(first);
        mele_gate_free(again);
        mele_gate_free(further);
    }
    free_sample(&s);
}

Test(gate, a_start_of_another_kind_is_refused)
{
    sample s = draw(60, 2, 3, 1, 16);
    const mele_gate_data data = data_of(&s);
    const mele_gate_options usual = options_of("softmax", "features", "likelihood", 1),
                            plain = options_of("temperature", "features", "likelihood", 1);
    mele_gate *softmax = fit(&data, &usual, NULL, NULL), *temperature = fit(&data, &plain, NULL, NULL);
    mele_gate *out = (mele_gate *)&s;

    for (size_t c = 0; c < 3; c++) {
        mele_gate_options options = options_of("softmax", c == 0 ? "both" : "features", "likelihood", 1);
        mele_gate_data other = data;
        options.start = c == 1 ? temperature : softmax;
        if (c == 2)
            other.log_posteriors.data = NULL;
        cr_assert_eq(mele_gate_fit(&other, &options, NULL, &out, NULL, NULL), MELE_EINVAL);
        cr_assert(out == (mele_gate *)&s);
    }
    mele_gate_free(softmax);
    mele_gate_free(temperature);
    free_sample(&s);
}

/* ---- shares ---- */

/* Shares that a gate with these parameters gives: softmax(t log p + b_k + sum_j V_kj x_j), with b and V
 * of no special form. */
static double *shares_of(const sample *s, double t, double size)
{
    double *shares = numbers(s->rows * s->clusters);

    for (size_t i = 0; i < s->rows; i++) {
        double *own = shares + i * s->clusters;
        for (size_t k = 0; k < s->clusters; k++) {
            own[k] = t * s->log_p[i * s->clusters + k] + size * sin(1.3 * (double)k);
            for (size_t j = 0; j < s->cols; j++)
                own[k] += size * cos((double)(3 * k + 2 * j)) * s->x[i * s->cols + j];
        }
        normalise(own, s->clusters);
        for (size_t k = 0; k < s->clusters; k++)
            own[k] = exp(own[k]);
    }
    return shares;
}

Test(gate, gradients_of_the_cross_entropy_to_shares)
{
    sample s = draw(157, 3, 4, 2, 12);
    double *shares = shares_of(&s, 0.7, 0.4);
    mele_gate_data data = data_of(&s);

    data.shares = mele_rows_of_array(shares, s.rows, s.clusters);
    for (size_t kind = 0; kind < 5; kind++)
        for (size_t on = 0; on < 3; on++) {
            const mele_gate_options options = options_of(kinds[kind], inputs[on], "posteriors", 3.7);
            if (mele_i_gate_is_trained(&options))
                check_gradient(data, &options);
        }
    free(shares);
    free_sample(&s);
}

/* What a gate can say exactly it is made to say: t log p stays in the logits. */
Test(gate, shares_are_reproduced)
{
    static const struct {
        const char *kind, *on;
        double t, size;
    } rows[] = {{"temperature", "posteriors", 0.6, 0}, {"softmax", "features", 1.4, 0.3}};

    sample s = draw(300, 3, 4, 1, 13);
    for (size_t c = 0; c < 2; c++) {
        double *shares = shares_of(&s, rows[c].t, rows[c].size), *weights, entropy = 0, total = 0;
        mele_gate_options options = options_of(rows[c].kind, rows[c].on, "posteriors", 0);
        mele_gate_data data = data_of(&s);
        mele_gate_info info;
        data.shares = mele_rows_of_array(shares, s.rows, s.clusters);
        options.tolerance = 1e-10;
        options.max_iterations = 5000;
        mele_gate *gate = fit(&data, &options, NULL, &info);
        cr_assert_float_eq(state_of(gate)->temperature, rows[c].t, 1e-6, "%s: t %.10g", rows[c].kind,
                           state_of(gate)->temperature);
        weights = weights_of(gate, &s);
        for (size_t i = 0; i < s.rows; i++) {
            total += s.weights[i];
            for (size_t at = i * s.clusters; at < (i + 1) * s.clusters; at++) {
                entropy -= s.weights[i] * shares[at] * log(shares[at]);
                weights[at] = exp(weights[at]);
            }
        }
        cr_assert_float_eq(info.loss, entropy / total, 1e-9, "%.12g", info.loss);
        cr_assert_lt(farthest(weights, shares, s.rows * s.clusters), 1e-6);
        mele_gate_free(gate);
        free(weights);
        free(shares);
    }
    free_sample(&s);
}

/* Shares of 0 and 1 are likelihoods of experts of which one alone may have made the row. */
Test(gate, shares_of_0_and_1_are_certain_likelihoods)
{
    sample s = draw(200, 2, 3, 1, 14);
    mele_gate_data data = data_of(&s), certain = data;
    double *shares = numbers(600), *likelihoods = numbers(600);
    mele_gate_info info[2];

    for (size_t e = 0; e < 600; e++) {
        shares[e] = e % 3 == (e / 3 * 7 % 11) % 3;
        likelihoods[e] = log(shares[e]);
    }
    data.shares = mele_rows_of_array(shares, 200, 3);
    certain.log_likelihoods.data = likelihoods;
    const mele_gate_options cross = options_of("softmax", "both", "posteriors", 0.5),
                            likelihood = options_of("softmax", "both", "likelihood", 0.5);
    mele_gate *a = fit(&data, &cross, NULL, &info[0]), *b = fit(&certain, &likelihood, NULL, &info[1]);
    double *of_a = weights_of(a, &s), *of_b = weights_of(b, &s);
    cr_assert_float_eq(info[0].loss, info[1].loss, 1e-7);
    cr_assert_lt(farthest(of_a, of_b, 600), 1e-3);
    free(of_a);
    free(of_b);
    mele_gate_free(a);
    mele_gate_free(b);
    free(shares);
    free(likelihoods);
    free_sample(&s);
}

/* ---- reference fits ---- */

enum { REF_ROWS = 90, REF_COLS = 3, REF_CLUSTERS = 3, REF_OUTPUTS = 2 };

/* The data of tests/ref/gate.py. */
static sample reference(void)
{
    sample s = room_for(REF_ROWS, REF_COLS, REF_CLUSTERS, REF_OUTPUTS);

    for (size_t i = 0; i < REF_ROWS; i++) {
        double n = (double)i, *x = s.x + i * 3, *p = s.log_p + i * 3;
        for (int j = 0; j < 3; j++)
            x[j] = (1 + j) * sin(1.7 * n + 2.3 * j * j + 0.45 * n * j) + 4 * j;
        for (int k = 0; k < 3; k++)
            p[k] = -(x[0] - k + 1) * (x[0] - k + 1) - 0.3 * (x[1] - 4) * k;
        normalise(p, 3);
        for (int k = 0; k < 3; k++) {
            s.likelihoods[i * 3 + k] = -2 * (1 + sin(2.9 * n + 1.9 * k)) - 0.1 * k + fmax(p[k], -5);
            for (int m = 0; m < 2; m++)
                s.predictions[(i * 3 + k) * 2 + m] = sin(0.9 * n + 1.1 * k + 2.7 * m);
        }
        for (int m = 0; m < 2; m++) {
            double *y = &s.targets[i * 2 + m];
            *y = 0.5 * cos(0.7 * n + 1.9 * m);
            for (int k = 0; k < 3; k++)
                *y += exp(p[k]) * s.predictions[(i * 3 + k) * 2 + m];
        }
        s.weights[i] = 0.5 + (double)(i % 4);
    }
    return s;
}

/* The ordinary row's weight: of those of 0.5 and 1.5 is a quarter of the sum, with those of 2.5 more than
 * half. The references have the weights as they are. */
#define REFERENCE_UNIT 2.5

/* Multinomial logistic regression: scikit-learn's LogisticRegression on the same objective. */
Test(gate, softmax_fitted_to_classes_is_logistic_regression)
{
    static const double intercept[3] = {0.133973178255, -6.45631013499, 6.32233695674};
    static const double slopes[3][3] = {{2.8760642287, 0.482894342067, -0.114655920778},
                                        {-2.55438004783, 1.31138938844, -0.018048694502},
                                        {-0.321684180872, -1.7942837305, 0.13270461528}};
    static const char classes[] = "020100120021021001220220220021201200200220211001202200212010"
                                  "202002202110212012002102102012";
    sample s = reference();
    const mele_gate_data data = data_of(&s);
    mele_gate_options options = options_of("softmax", "features", "posteriors", 0.7 / REFERENCE_UNIT);
    mele_gate_info info;

    for (size_t i = 0; i < s.rows; i++)
        for (size_t k = 0; k < 3; k++)
            s.log_p[i * 3 + k] = classes[i] == (char)('0' + k) ? 0 : -INFINITY;
    options.tolerance = 1e-10;
    mele_gate *gate = fit(&data, &options, NULL, &info);
    cr_assert(info.converged);
    cr_assert_float_eq(info.loss, 0.279835372395, 1e-9, "%.12g", info.loss);
    for (size_t k = 0; k < 3; k++) {
        cr_assert_float_eq(state_of(gate)->coefficients[k * 4], intercept[k], 2e-7);
        for (size_t j = 0; j < 3; j++)
            cr_assert_float_eq(state_of(gate)->coefficients[k * 4 + 1 + j], slopes[k][j], 2e-7);
    }
    mele_gate_free(gate);
    free_sample(&s);
}

/* scipy's BFGS with its own gradients by differences, from the same start. */
Test(gate, reference_minima)
{
    static const struct {
        const char *kind, *on, *loss;
        double temperature, value;
    } rows[] = {
        {"temperature", "both", "likelihood", 0.780846257306, 2.54956797826},
        {"temperature", "both", "squared", 1.23449434732, 0.248622546774},
        {"softmax", "posteriors", "likelihood", 1.45177461021, 2.32193878936},
        {"softmax", "posteriors", "squared", 0.723293174528, 0.239923651518},
        {"softmax", "features", "likelihood", 1.27137768766, 2.45803351597},
        {"softmax", "both", "squared", 0.71718381158, 0.237745150771},
    };
    sample s = reference();
    const mele_gate_data data = data_of(&s);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mele_gate_options options = options_of(rows[i].kind, rows[i].on, rows[i].loss,
                                               0.5 / REFERENCE_UNIT);
        mele_gate_info info;
        options.tolerance = 1e-9;
        options.max_iterations = 2000;
        mele_gate *gate = fit(&data, &options, NULL, &info);
        cr_assert(info.converged, "row %zu", i);
        cr_assert_float_eq(state_of(gate)->temperature, rows[i].temperature, 2e-5, "row %zu: t %.12g", i,
                           state_of(gate)->temperature);
        cr_assert_float_eq(info.loss, rows[i].value, 1e-6, "row %zu: %.12g", i, info.loss);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

/* ---- known answers ---- */

/* log_likelihoods that say for sure which expert made the row: drawn with the weights given. */
static void draw_experts(sample *s, const double *log_g, mele_i_stream *stream)
{
    for (size_t i = 0; i < s->rows; i++) {
        double u = mele_i_stream_uniform(stream), sum = 0;
        size_t chosen = s->clusters - 1;
        for (size_t k = s->clusters; k-- > 0;) {
            sum += exp(log_g[i * s->clusters + k]);
            if (u < sum) {
                chosen = k;
                break;
            }
        }
        for (size_t k = 0; k < s->clusters; k++)
            s->likelihoods[i * s->clusters + k] = k == chosen ? 0 : -INFINITY;
    }
}

Test(gate, temperature_is_recovered)
{
    static const double truths[] = {0.35, 1, 2.6};

    for (size_t c = 0; c < 3; c++) {
        sample s = draw(20000, 3, 4, 1, 21 + c);
        mele_i_stream stream = mele_i_stream_make(31 + c, MELE_I_FOR_TESTS, 0, 0);
        double *log_g = numbers(s.rows * s.clusters);
        for (size_t i = 0; i < s.rows; i++) {
            for (size_t k = 0; k < 4; k++)
                log_g[i * 4 + k] = truths[c] * s.log_p[i * 4 + k];
            normalise(log_g + i * 4, 4);
            s.weights[i] = 1;
        }
        draw_experts(&s, log_g, &stream);
        const mele_gate_data data = data_of(&s);
        const mele_gate_options options = options_of("temperature", "posteriors", "likelihood", 0);
        mele_gate_info info;
        mele_gate *gate = fit(&data, &options, NULL, &info);
        cr_assert(info.converged);
        /* the standard error is about 0.012 (t 0.35) to 0.04 (t 2.6) */
        cr_assert_float_eq(state_of(gate)->temperature, truths[c], 0.05 * (1 + truths[c]), "%g",
                           state_of(gate)->temperature);
        mele_gate_free(gate);
        free(log_g);
        free_sample(&s);
    }
}

Test(gate, temperature_is_the_minimum_of_its_loss)
{
    sample s = draw(700, 3, 5, 2, 41);
    const mele_gate_data data = data_of(&s);

    for (size_t l = 0; l < 2; l++) {
        mele_gate_options options = options_of("temperature", "posteriors", losses[l], 0);
        mele_gate_info best, info;
        mele_gate *gate = fit(&data, &options, NULL, &best);
        const mele_i_gate_loss *loss = mele_i_gate_loss_find(losses[l]);
        const mele_i_gate_training training = {.data = &data, .options = &options, .loss = loss,
                                               .loss_needs = loss->needs, .total_weight = 1};
        for (double factor = 0.9; factor < 1.2; factor += 0.2) {
            double here, there;
            mele_i_softmax state = *state_of(gate);
            mele_gate moved = *gate;
            state.temperature *= factor;
            moved.state = &state;
            cr_assert_eq(mele_i_gate_mean_loss(gate, &training, &here, NULL), MELE_OK);
            cr_assert_eq(mele_i_gate_mean_loss(&moved, &training, &there, NULL), MELE_OK);
            cr_assert_lt(here, there);
        }
        options.kind = "posterior";
        mele_gate *posterior = fit(&data, &options, NULL, &info);
        cr_assert_lt(best.loss, info.loss);
        mele_gate_free(posterior);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

Test(gate, posterior_gate_is_the_posteriors)
{
    sample s = draw(333, 3, 4, 1, 51);
    const mele_gate_data data = data_of(&s);
    const mele_gate_options options = options_of("posterior", "posteriors", "likelihood", 0);
    mele_gate_info info;
    mele_gate *gate = fit(&data, &options, NULL, &info);
    double *log_g = weights_of(gate, &s), loss = 0, total = 0;

    cr_assert_leq(farthest(log_g, s.log_p, s.rows * 4), 1e-14);
    for (size_t i = 0; i < s.rows; i++) {
        double sum = 0;
        for (size_t k = 0; k < 4; k++)
            sum += exp(s.log_p[i * 4 + k] + s.likelihoods[i * 4 + k]);
        loss -= s.weights[i] * log(sum);
        total += s.weights[i];
    }
    cr_assert_float_eq(info.loss, loss / total, 1e-12);
    cr_assert(info.converged && info.iterations == 0);
    free(log_g);
    mele_gate_free(gate);
    free_sample(&s);
}

Test(gate, a_large_ridge_gives_the_posterior_gate)
{
    sample s = draw(800, 3, 4, 2, 61);
    const mele_gate_data data = data_of(&s);

    for (size_t i = 0; i < 6; i++) {
        const mele_gate_options options = options_of("softmax", inputs[i % 3], losses[i / 3], 1e9);
        mele_gate *gate = fit(&data, &options, NULL, NULL);
        double *log_g = weights_of(gate, &s);
        cr_assert_leq(farthest(log_g, s.log_p, s.rows * 4), 1e-4);
        free(log_g);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

/* Without a ridge every gate contains the ones before it, and more steps never lose. */
Test(gate, the_loss_never_rises)
{
    for (uint64_t seed = 71; seed < 76; seed++) {
        sample s = draw(400, 3, 4, 1, seed);
        const mele_gate_data data = data_of(&s);
        for (size_t c = 0; c < 6; c++) {
            mele_gate_options options = options_of("posterior", inputs[c % 3], losses[c / 3], 0);
            mele_gate_info info;
            mele_gate_free(fit(&data, &options, NULL, &info));
            double last = info.loss;
            options.kind = "softmax";
            for (size_t iterations = 1; iterations < 40; iterations += iterations) {
                options.max_iterations = iterations;
                mele_gate_free(fit(&data, &options, NULL, &info));
                cr_assert_leq(info.loss, last * (1 + 1e-12));
                last = info.loss;
            }
        }
        free_sample(&s);
    }
}

Test(gate, hard_takes_the_largest_and_of_equals_the_first)
{
    double log_p[] = {-1.5, -0.5, -0.5, -1.5, -INFINITY, -2, -1, -1, -INFINITY, -INFINITY,
                      -INFINITY, -INFINITY};
    static const size_t expected[] = {1, 2, 0};
    const mele_gate_data data = {.rows = 3, .clusters = 4};
    const mele_gate_options options = options_of("hard", "posteriors", "likelihood", 0);
    mele_gate_info info;
    mele_gate *gate = fit(&data, &options, NULL, &info);
    double out[12];

    cr_assert(isnan(info.loss)); /* no likelihoods were given */
    cr_assert_eq(mele_gate_log_weights(gate, log_p, NULL, 3, NULL, out, NULL), MELE_OK);
    for (size_t i = 0; i < 12; i++)
        cr_assert_eq(out[i], i % 4 == expected[i / 4] ? 0 : -INFINITY, "element %zu", i);
    mele_gate_free(gate);
}

/* ---- invariances ---- */

Test(gate, weight_two_is_the_row_twice)
{
    sample s = draw(300, 3, 4, 2, 81), twice = room_for(375, 3, 4, 2);

    for (size_t row = 0; row < 375; row++) {
        const size_t i = row - (row + 4) / 5; /* rows 0, 4, 8, .. twice */
        memcpy(twice.x + row * 3, s.x + i * 3, 3 * sizeof(double));
        memcpy(twice.log_p + row * 4, s.log_p + i * 4, 4 * sizeof(double));
        memcpy(twice.likelihoods + row * 4, s.likelihoods + i * 4, 4 * sizeof(double));
        memcpy(twice.predictions + row * 8, s.predictions + i * 8, 8 * sizeof(double));
        memcpy(twice.targets + row * 2, s.targets + i * 2, 2 * sizeof(double));
        s.weights[i] = i % 4 == 0 ? 2 : 1;
    }
    for (size_t c = 0; c < 9; c++) {
        mele_gate_options options = options_of("softmax", inputs[c % 3], losses[c / 3], 1.3);
        mele_gate_data heavy = data_of(&s), doubled = data_of(&twice);
        mele_gate_info info[2];
        options.tolerance = 1e-9;
        options.max_iterations = 1000;
        doubled.weights = NULL;
        mele_gate *a = fit(&heavy, &options, NULL, &info[0]);
        mele_gate *b = fit(&doubled, &options, NULL, &info[1]);
        double *log_a = weights_of(a, &s), *log_b = weights_of(b, &s);
        cr_assert_float_eq(info[0].loss, info[1].loss, 1e-7, "case %zu: %.12g (%zu) %.12g (%zu)", c,
                           info[0].loss, info[0].iterations, info[1].loss, info[1].iterations);
        cr_assert_leq(farthest(log_a, log_b, s.rows * 4), 1e-4, "case %zu", c);
        free(log_a);
        free(log_b);
        mele_gate_free(a);
        mele_gate_free(b);
    }
    free_sample(&twice);
    free_sample(&s);
}

Test(gate, weight_zero_is_no_row)
{
    sample s = draw(400, 2, 3, 1, 91);
    mele_gate_data all = data_of(&s), some = shortened(all, 250);

    for (size_t i = 250; i < 400; i++) {
        s.weights[i] = 0;
        s.x[i * 2] = 1e6; /* neither centre, scale nor limits may see it */
    }
    const mele_gate_options options = options_of("softmax", "both", "likelihood", 1.3);
    mele_gate *a = fit(&all, &options, NULL, NULL), *b = fit(&some, &options, NULL, NULL);
    for (size_t j = 0; j < state_of(a)->z.count; j++)
        cr_assert(state_of(a)->z.column[j].lower == state_of(b)->z.column[j].lower
                  && state_of(a)->z.column[j].upper == state_of(b)->z.column[j].upper);
    cr_assert_leq(farthest(state_of(a)->coefficients, state_of(b)->coefficients, 3 * 6), 1e-3);
    mele_gate_free(a);
    mele_gate_free(b);
    free_sample(&s);
}

Test(gate, same_bytes_for_any_threads)
{
    static const unsigned counts[] = {1, 2, 3, 5};
    sample s = draw(9000, 3, 6, 1, 101);
    const mele_gate_data data = data_of(&s);
    const mele_matrix x = mele_matrix_of(s.x, s.rows, s.cols);

    for (size_t c = 0; c < 9; c += TEST_SIZE(1, 1, 4)) {
        mele_gate_options options = options_of("softmax", inputs[c % 3], losses[c / 3], 1);
        mele_gate *first = NULL;
        double *out = numbers(s.rows * 6), *again = numbers(s.rows * 6);
        options.max_iterations = TEST_SIZE(12, 12, 4);
        for (size_t t = 0; t < 4; t++) {
            mele_engine *engine = engine_of(counts[t]);
            mele_gate *gate = fit(&data, &options, engine, NULL);
            double *here = first == NULL ? out : again;
            cr_assert_eq(mele_gate_log_weights(gate, s.log_p, &x, s.rows, engine, here, NULL),
                         MELE_OK);
            if (first != NULL) {
                cr_assert_eq(memcmp(state_of(first)->coefficients, state_of(gate)->coefficients,
                                    6 * (1 + state_of(gate)->z.count) * sizeof(double)), 0);
                cr_assert_eq(memcmp(out, again, s.rows * 6 * sizeof *out), 0);
                mele_gate_free(gate);
            } else {
                first = gate;
            }
            mele_engine_free(engine);
        }
        mele_gate_free(first);
        free(out);
        free(again);
    }
    free_sample(&s);
}

/* A row's weights do not depend on the rows around it. */
Test(gate, rows_are_independent)
{
    sample s = draw(1100, 3, 5, 1, 111);
    const mele_gate_data data = data_of(&s);

    for (size_t kind = 3; kind < 5; kind++) {
        const mele_gate_options options = options_of(kinds[kind], "both", "likelihood", 1);
        mele_gate *gate = fit(&data, &options, NULL, NULL);
        double *all = weights_of(gate, &s), one[5];
        for (size_t i = 0; i < s.rows; i += 37) {
            mele_matrix x = mele_matrix_of(s.x + i * 3, 1, 3);
            cr_assert_eq(mele_gate_log_weights(gate, s.log_p + i * 5, &x, 1, NULL, one, NULL),
                         MELE_OK);
            cr_assert_eq(memcmp(one, all + i * 5, sizeof one), 0);
        }
        free(all);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

/* ---- far from the data ---- */

static void check_sums(const double *log_g, size_t rows, size_t clusters, const char *what)
{
    for (size_t i = 0; i < rows; i++) {
        double sum = 0;
        for (size_t k = 0; k < clusters; k++) {
            cr_assert_not(isnan(log_g[i * clusters + k]), "%s, row %zu", what, i);
            sum += exp(log_g[i * clusters + k]);
        }
        cr_assert_float_eq(sum, 1, SUM_TOLERANCE, "%s, row %zu: %.17g", what, i, sum);
    }
}

Test(gate, weights_sum_to_one_everywhere)
{
    static const double far[][4] = {
        {0, -1e12, -2e12, -3e12}, {-1e300, 0, -1e300, -1e-300},
        {-INFINITY, 0, -INFINITY, -INFINITY}, {-INFINITY, -0.7, -0.7, -INFINITY},
        {-DBL_MAX, -DBL_MAX, 0, -DBL_MAX}, {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
        {-1.4, -1.4, -1.4, -1.4}, {-5e11, -1e-11, -26, -745.3}};
    static const double places[][3] = {{1e6, -1e6, 1e6}, {-1e6, -1e6, -1e6}, {1e150, 0, -1e150},
                                       {DBL_MAX, -DBL_MAX, DBL_MAX}, {0, 0, 1e6}, {0, 1e6, 0},
                                       {1, 2, 3}, {-1e300, 1e300, 1e300}};
    sample s = draw(TEST_SIZE(500, 500, 120), 3, 4, 1, 121);
    const mele_gate_data data = data_of(&s);
    const mele_matrix x = mele_matrix_of(places[0], 8, 3);

    for (size_t c = 0; c < 5 * 9; c++) {
        const mele_gate_options options = options_of(kinds[c / 9], inputs[c % 3], losses[c / 3 % 3],
                                                     c % 2 == 0 ? 0 : 1);
        mele_gate *gate = fit(&data, &options, NULL, NULL);
        double out[32];
        cr_assert_eq(mele_gate_log_weights(gate, far[0], &x, 8, NULL, out, NULL), MELE_OK);
        check_sums(out, 8, 4, kinds[c / 9]);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

/* Outside the training range V z stays what it was at the edge. */
Test(gate, coefficients_do_not_extrapolate)
{
    sample s = draw(600, 2, 3, 1, 131);
    const mele_gate_data data = data_of(&s);
    const mele_gate_options options = options_of("softmax", "both", "likelihood", 0.1);
    mele_gate *gate = fit(&data, &options, NULL, NULL);
    double log_p[] = {-0.9, -1.2, -1.2, -0.9, -1.2, -1.2}, out[6];
    double rows[] = {state_of(gate)->z.column[3].upper, state_of(gate)->z.column[4].lower, 1e9, -1e5};
    const mele_matrix x = mele_matrix_of(rows, 2, 2);

    cr_assert_eq(mele_gate_log_weights(gate, log_p, &x, 2, NULL, out, NULL), MELE_OK);
    cr_assert_eq(memcmp(out, out + 3, 3 * sizeof *out), 0);
    for (size_t j = 0; j < 3; j++)
        cr_assert(state_of(gate)->z.column[j].lower >= log(0x1p-52) - 1e-12 && state_of(gate)->z.column[j].upper <= 0);
    mele_gate_free(gate);
    free_sample(&s);
}

/* ---- degenerate data ---- */

static void check_trainable(const sample *s, const char *what)
{
    const mele_gate_data data = data_of(s);

    for (size_t c = 0; c < 5 * 9; c++) {
        const mele_gate_options options = options_of(kinds[c / 9], inputs[c % 3], losses[c / 3 % 3],
                                                     c % 2 == 0 ? 0 : 1);
        mele_gate_info info;
        mele_gate *gate = fit(&data, &options, NULL, &info);
        double *log_g = weights_of(gate, s);
        bool endless = c < 9 && c / 3 == 2; /* -p log 0 of the hard gate */
        cr_assert(isfinite(info.loss) || (endless && info.loss > 0), "%s, %s %s %s", what,
                  options.kind, options.on, options.loss);
        check_sums(log_g, s->rows, s->clusters, what);
        free(log_g);
        mele_gate_free(gate);
    }
}

Test(gate, one_cluster)
{
    sample s = draw(40, 2, 1, 1, 141);

    check_trainable(&s, "one cluster");
    free_sample(&s);
}

Test(gate, one_row)
{
    sample s = draw(1, 2, 3, 1, 151);

    check_trainable(&s, "one row");
    free_sample(&s);
}

Test(gate, equal_rows)
{
    sample s = draw(30, 2, 3, 1, 161);

    for (size_t i = 0; i < 30; i++) {
        s.x[i * 2] = 7.7;
        s.x[i * 2 + 1] = 0;
        for (size_t k = 0; k < 3; k++)
            s.log_p[i * 3 + k] = -log(3);
    }
    check_trainable(&s, "equal rows");
    free_sample(&s);
}

Test(gate, extreme_features_and_likelihoods)
{
    sample s = draw(50, 3, 3, 1, 171);

    for (size_t i = 0; i < 50; i++) {
        s.x[i * 3] = i % 2 == 0 ? 1e150 : -1e150;
        s.x[i * 3 + 1] *= 1e-300;
        s.x[i * 3 + 2] = DBL_MAX * (i % 2 == 0 ? 1 : -1);
        s.likelihoods[i * 3] *= 1e12;
    }
    s.log_p[4 * 3] = -1e12;
    check_trainable(&s, "extremes");
    free_sample(&s);
}

/* A row of density zero under every expert changes nothing. */
Test(gate, impossible_rows_are_left_out)
{
    sample s = draw(200, 2, 3, 1, 181);
    mele_gate_data all = data_of(&s), some = shortened(all, 199);
    const mele_gate_options options = options_of("temperature", "posteriors", "likelihood", 0);

    for (size_t k = 0; k < 3; k++)
        s.likelihoods[199 * 3 + k] = -INFINITY;
    mele_gate *a = fit(&all, &options, NULL, NULL), *b = fit(&some, &options, NULL, NULL);
    cr_assert_float_eq(state_of(a)->temperature, state_of(b)->temperature, 1e-4 * state_of(b)->temperature);
    mele_gate_free(a);
    mele_gate_free(b);
    free_sample(&s);
}

/* ---- model file ---- */

Test(gate, a_saved_gate_is_the_same_gate)
{
    sample s = draw(350, 3, 4, 2, 191);
    const mele_gate_data data = data_of(&s);

    for (size_t c = 0; c < 5 * 9; c++) {
        const mele_gate_options options = options_of(kinds[c / 9], inputs[c % 3], losses[c / 3 % 3],
                                                     1);
        mele_gate *gate = fit(&data, &options, NULL, NULL), *loaded = NULL;
        json_t *section = mele_i_gate_save(gate);
        cr_assert_not_null(section);
        char *text = json_dumps(section, 0);
        json_t *read = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        mele_error error = {0};
        cr_assert_eq(mele_i_gate_load(read, &loaded, &error), MELE_OK, "%s", error.message);
        cr_assert_str_eq(mele_gate_name(loaded), kinds[c / 9]);
        cr_assert_eq(mele_gate_clusters(loaded), 4);
        double *before = weights_of(gate, &s), *after = weights_of(loaded, &s);
        cr_assert_eq(memcmp(before, after, s.rows * 4 * sizeof *before), 0);
        json_t *again = mele_i_gate_save(loaded);
        cr_assert(json_equal(again, read));
        json_decref(again);
        free(before);
        free(after);
        json_decref(read);
        free(text);
        json_decref(section);
        mele_gate_free(loaded);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

Test(gate, a_section_that_does_not_fit_is_refused)
{
#define TAIL "\"temperature\":1.5,\"intercept\":[1,2],\"lower\":[-3,-4],\"upper\":[0,0]"
#define HEAD "\"kind\":\"softmax\",\"clusters\":2,\"on\":\"posteriors\","
    static const char *const sections[] = {
        "[]", "{}", "{\"kind\":\"posterior\"}", "{\"kind\":\"nosuch\",\"clusters\":3}",
        "{\"kind\":4,\"clusters\":3}", "{\"kind\":\"posterior\",\"clusters\":0}",
        "{\"kind\":\"posterior\",\"clusters\":2.5}", "{\"kind\":\"posterior\",\"clusters\":-2}",
        "{\"kind\":\"posterior\",\"clusters\":99999999999}",
        "{\"kind\":\"posterior\",\"clusters\":3,\"temperature\":2}",
        "{\"kind\":\"temperature\",\"clusters\":3}",
        "{\"kind\":\"temperature\",\"clusters\":3,\"temperature\":\"1\"}",
        "{\"kind\":\"temperature\",\"clusters\":3,\"temperature\":-0.5}",
        "{" HEAD TAIL "}", "{" HEAD TAIL ",\"coefficients\":[[1,2],[3,4]],\"more\":1}",
        "{" HEAD TAIL ",\"coefficients\":[[1,2]]}", "{" HEAD TAIL ",\"coefficients\":[[1,2],[3]]}",
        "{" HEAD TAIL ",\"coefficients\":[[1,2],[3,null]]}",
        "{\"kind\":\"softmax\",\"clusters\":3,\"on\":\"posteriors\"," TAIL
        ",\"coefficients\":[[1,2],[3,4]]}",
        "{\"kind\":\"softmax\",\"clusters\":2,\"on\":\"nosuch\"," TAIL
        ",\"coefficients\":[[1,2],[3,4]]}",
        "{\"kind\":\"softmax\",\"clusters\":2,\"on\":\"both\"," TAIL
        ",\"coefficients\":[[1,2],[3,4]]}",
        "{" HEAD "\"temperature\":1.5,\"intercept\":[1,2],\"lower\":[-3,1],\"upper\":[0,0],"
        "\"coefficients\":[[1,2],[3,4]]}",
        "{" HEAD "\"temperature\":1.5,\"intercept\":[1,2,3],\"lower\":[-3,-4],\"upper\":[0,0],"
        "\"coefficients\":[[1,2],[3,4]]}",
        "{" HEAD "\"temperature\":1.5,\"intercept\":[1,2],\"lower\":[-3,-4],\"upper\":[0],"
        "\"coefficients\":[[1,2],[3,4]]}",
    };
    json_t *good = json_loads("{" HEAD TAIL ",\"coefficients\":[[1,2],[3,4]]}", 0, NULL);
    mele_gate *gate = NULL;

    cr_assert_eq(mele_i_gate_load(good, &gate, NULL), MELE_OK);
    json_decref(good);
    mele_gate_free(gate);
    refuse_sections(sections, sizeof sections / sizeof sections[0]);
    cr_assert_eq(mele_i_gate_load(NULL, &gate, NULL), MELE_EDATA);
}

/* ---- wrong calls and wrong data ---- */

typedef struct wrong {
    const char *what;
    mele_status status;
    mele_gate_options options;
    mele_gate_data data;
} wrong;

Test(gate, wrong_calls_leave_everything_untouched)
{
    sample s = draw(20, 2, 3, 1, 201);
    const mele_gate_data good = data_of(&s);
    const mele_gate_options usual = options_of("softmax", "both", "likelihood", 1);
    double bad_p[60], bad_weights[20], bad_likelihoods[60], bad_x[40], negative[60], more[60];
    wrong rows[25];
    size_t n = 0;

    memcpy(bad_p, s.log_p, sizeof bad_p);
    memcpy(bad_weights, s.weights, sizeof bad_weights);
    memcpy(bad_likelihoods, s.likelihoods, sizeof bad_likelihoods);
    memcpy(bad_x, s.x, sizeof bad_x);
    bad_p[17] = NAN;
    bad_weights[7] = -0.25;
    bad_likelihoods[59] = INFINITY;
    bad_x[13] = NAN;
    for (size_t e = 0; e < 60; e++) {
        negative[e] = e % 3 == 0 ? -0.25 : 0.625;
        more[e] = e < 57 ? 0.25 * (double)(e % 3) + 1. / 12 : 0.34;
    }
#define ROW(text, code, change)                       \
    do {                                              \
        rows[n] = (wrong){text, code, usual, good};   \
        wrong *r = &rows[n++];                        \
        change;                                       \
    } while (0)
    ROW("kind", MELE_EINVAL, r->options.kind = "nosuch");
    ROW("no kind", MELE_EINVAL, r->options.kind = NULL);
    ROW("on", MELE_EINVAL, r->options.on = "nosuch");
    ROW("loss", MELE_EINVAL, r->options.loss = "nosuch");
    ROW("ridge", MELE_EINVAL, r->options.ridge = -1);
    ROW("hidden units", MELE_EINVAL, r->options.hidden = 0);
    ROW("ridge NaN", MELE_EINVAL, r->options.ridge = NAN);
    ROW("tolerance", MELE_EINVAL, r->options.tolerance = -1);
    ROW("no rows", MELE_EINVAL, r->data.rows = 0);
    ROW("no clusters", MELE_EINVAL, r->data.clusters = 0);
    ROW("no posteriors", MELE_EINVAL, r->data.log_posteriors.data = NULL);
    ROW("no likelihoods", MELE_EINVAL, r->data.log_likelihoods.data = NULL);
    ROW("no x", MELE_EINVAL, r->data.x.data = NULL);
    ROW("rows of x", MELE_EINVAL, r->data.x.rows = 19);
    ROW("no targets", MELE_EINVAL, r->options.loss = "squared"; r->data.targets.data = NULL);
    ROW("NaN posterior", MELE_EDATA, r->data.log_posteriors.data = bad_p);
    ROW("weight", MELE_EDATA, r->data.weights = bad_weights);
    ROW("NaN posterior, untrained", MELE_EDATA, r->options.kind = "posterior";
        r->data.log_posteriors.data = bad_p);
    ROW("infinite likelihood, untrained", MELE_EDATA, r->options.kind = "hard";
        r->data.log_likelihoods.data = bad_likelihoods);
    ROW("infinite likelihood", MELE_EDATA, r->data.log_likelihoods.data = bad_likelihoods);
    ROW("NaN feature", MELE_EDATA, r->data.x.data = bad_x);
    ROW("columns of shares", MELE_EINVAL, r->options.loss = "posteriors";
        r->data.shares = mele_rows_of_array(more, 20, 2));
    ROW("negative shares", MELE_EDATA, r->options.loss = "posteriors";
        r->data.shares = mele_rows_of_array(negative, 20, 3));
    ROW("shares above 1", MELE_EDATA, r->options.loss = "posteriors";
        r->data.shares = mele_rows_of_array(more, 20, 3));
    for (size_t i = 0; i < n; i++) {
        mele_gate *gate = (mele_gate *)&s;
        mele_gate_info info = {77, 0.5, false};
        mele_error error = {0};
        cr_assert_eq(mele_gate_fit(&rows[i].data, &rows[i].options, NULL, &gate, &info, &error),
                     rows[i].status, "%s: %s", rows[i].what, error.message);
        cr_assert(gate == (mele_gate *)&s && info.iterations == 77, "%s", rows[i].what);
        cr_assert_eq(error.status, rows[i].status);
    }
    free_sample(&s);
}

Test(gate, wrong_shapes_of_weights)
{
    sample s = draw(20, 2, 3, 1, 211);
    const mele_gate_data data = data_of(&s);
    const mele_gate_options options = options_of("softmax", "both", "likelihood", 1);
    mele_gate *gate = fit(&data, &options, NULL, NULL);
    double out[60] = {0.125};
    mele_matrix narrow = mele_matrix_of(s.x, 20, 1), x = mele_matrix_of(s.x, 19, 2);

    cr_assert_eq(mele_gate_log_weights(gate, s.log_p, NULL, 20, NULL, out, NULL), MELE_EINVAL);
    cr_assert_eq(mele_gate_log_weights(gate, s.log_p, &narrow, 20, NULL, out, NULL), MELE_EINVAL);
    cr_assert_eq(mele_gate_log_weights(gate, s.log_p, &x, 20, NULL, out, NULL), MELE_EINVAL);
    cr_assert_eq(mele_gate_log_weights(gate, NULL, &x, 19, NULL, out, NULL), MELE_EINVAL);
    cr_assert_eq(mele_gate_log_weights(gate, s.log_p, &x, 0, NULL, out, NULL), MELE_OK);
    cr_assert_eq(out[0], 0.125);
    mele_gate_free(gate);
    free_sample(&s);
}

static bool stop_at_three(const mele_progress *progress, void *user)
{
    size_t *told = user;

    cr_assert_str_eq(progress->stage, "gate");
    cr_assert(isfinite(progress->value));
    (*told)++;
    return progress->done < 3;
}

Test(gate, progress_can_stop_a_fit)
{
    sample s = draw(300, 2, 3, 1, 221);
    const mele_gate_data data = data_of(&s);
    size_t told = 0;
    mele_engine_options options = {1, stop_at_three, &told};
    mele_engine *engine = NULL;
    mele_gate *gate = (mele_gate *)&s;

    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    mele_gate_options softmax = mele_gate_defaults();
    softmax.kind = "softmax";
    cr_assert_eq(mele_gate_fit(&data, &softmax, engine, &gate, NULL, NULL), MELE_ESTOPPED);
    cr_assert_eq(gate, (mele_gate *)&s);
    cr_assert_eq(told, 4); /* the start and three iterations */
    mele_engine_free(engine);
    free_sample(&s);
}

/* ---- rows that are made when they are needed ---- */

static mele_status read_rows(void *user, size_t first, size_t count, double *out,
                             mele_error *error)
{
    const mele_matrix *matrix = user;

    (void)error;
    memcpy(out, matrix->data + first * matrix->cols, count * matrix->cols * sizeof *out);
    return MELE_OK;
}

static mele_rows as_read(mele_matrix *matrix)
{
    return (mele_rows){matrix->rows, matrix->cols, NULL, 0, read_rows, matrix};
}

/* Read, with other columns between, and in memory: the same gate, of posteriors that are normalised
 * and of ones that are not. */
Test(gate, rows_may_be_made_block_by_block)
{
    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    sample s = draw(9000, 3, 4, 2, 231);

    for (size_t c = 0; c < 5 * 9 * 2; c++) {
        mele_gate_options options = options_of(kinds[c / 9 % 5], inputs[c % 3], losses[c / 3 % 3],
                                               1);
        options.max_iterations = TEST_SIZE(c / 9 % 5 == 4 ? 10 : 200, 20, 3);
        for (size_t i = 0; i < s.rows * 4 && c == 5 * 9; i++)
            s.log_p[i] += 3.3;
        mele_gate_data data = data_of(&s), read = data;
        mele_rows *all[] = {&read.log_posteriors, &read.log_likelihoods, &read.predictions,
                            &read.targets, &read.x};
        mele_matrix matrix[5];
        for (size_t i = 0; i < 5; i++) {
            matrix[i] = mele_matrix_of(all[i]->data, all[i]->rows, all[i]->cols);
            *all[i] = as_read(&matrix[i]);
        }
        mele_gate_info info[2];
        mele_gate *a = fit(&data, &options, NULL, &info[0]);
        mele_gate *b = fit(&read, &options, NULL, &info[1]);
        json_t *first = mele_i_gate_save(a), *second = mele_i_gate_save(b);
        cr_assert(json_equal(first, second) && info[0].loss == info[1].loss, "%s on %s, %s",
                  options.kind, options.on, options.loss);
        json_decref(first);
        json_decref(second);
        mele_gate_free(a);
        mele_gate_free(b);
    }
    free_sample(&s);
}

static mele_status read_nothing(void *user, size_t first, size_t count, double *out,
                                mele_error *error)
{
    (void)first;
    (void)count;
    (void)out;
    error->status = MELE_EIO;
    snprintf(error->message, sizeof error->message, "%s is gone", (const char *)user);
    return MELE_EIO;
}

Test(gate, rows_that_cannot_be_read_end_the_fit)
{
    sample s = draw(50, 3, 4, 1, 241);
    mele_gate_data data = data_of(&s);
    mele_gate *gate = NULL;
    mele_error error;

    data.log_likelihoods.data = NULL;
    data.log_likelihoods.read = read_nothing;
    data.log_likelihoods.user = "the file";
    cr_assert_eq(mele_gate_fit(&data, NULL, NULL, &gate, NULL, &error), MELE_EIO);
    cr_assert_null(gate);
    cr_assert_str_eq(error.message, "the file is gone");
    free_sample(&s);
}

/* Posteriors of a gate that is trained are read to be held: not before their shape is known. */
Test(gate, posteriors_that_are_read_have_a_shape)
{
    sample s = draw(50, 3, 4, 1, 251);
    const mele_gate_data good = data_of(&s);
    mele_gate *gate = NULL;
    mele_error error;

    for (size_t cols = 0; cols <= 4; cols++) {
        mele_gate_data data = good;
        data.log_posteriors = (mele_rows){50, cols, NULL, 0, read_nothing, "the file"};
        cr_assert_eq(mele_gate_fit(&data, NULL, NULL, &gate, NULL, &error),
                     cols == 4 ? MELE_EIO : MELE_EINVAL, "%zu", cols);
        cr_assert_null(gate);
    }
    free_sample(&s);
}

/* ---- a gate that stands on x alone ---- */

/* Without log posteriors: as with ones that say nothing, whatever t is. */
Test(gate, on_features_without_posteriors_t_is_zero)
{
    sample s = draw(700, 3, 4, 2, 251);

    for (size_t l = 0; l < 2; l++) {
        const mele_gate_options options = options_of("softmax", "features", losses[l], 0.3);
        mele_gate_data data = data_of(&s);
        mele_gate_info info[2];
        const mele_matrix x = mele_matrix_of(s.x, s.rows, 3);
        double *even = numbers(s.rows * 4), *out = numbers(s.rows * 4), *with = numbers(s.rows * 4);
        for (size_t i = 0; i < s.rows * 4; i++)
            even[i] = -log(4);
        data.log_posteriors.data = even;
        mele_gate *even_gate = fit(&data, &options, NULL, &info[1]);
        data.log_posteriors = (mele_rows){0};
        mele_gate *gate = fit(&data, &options, NULL, &info[0]);
        cr_assert_eq(state_of(gate)->temperature, 0);
        cr_assert(!mele_gate_needs_posteriors(gate) && mele_gate_features(gate) == 3);
        cr_assert(mele_gate_needs_posteriors(even_gate));
        cr_assert_float_eq(info[0].loss, info[1].loss, 1e-6);
        cr_assert_eq(mele_gate_log_weights(gate, NULL, &x, s.rows, NULL, out, NULL), MELE_OK);
        cr_assert_eq(mele_gate_log_weights(gate, s.log_p, &x, s.rows, NULL, with, NULL), MELE_OK);
        cr_assert_eq(memcmp(out, with, s.rows * 4 * sizeof *out), 0);
        cr_assert_eq(mele_gate_log_weights(even_gate, even, &x, s.rows, NULL, with, NULL), MELE_OK);
        cr_assert_leq(farthest(out, with, s.rows * 4), 2e-3);
        cr_assert_eq(mele_gate_log_weights(even_gate, NULL, &x, s.rows, NULL, with, NULL),
                     MELE_EINVAL);
        mele_gate_free(even_gate);
        mele_gate_free(gate);
        free(even);
        free(out);
        free(with);
    }
    free_sample(&s);
}

/* Who needs log posteriors to be trained says so; who trains nothing needs nothing. */
Test(gate, without_posteriors)
{
    sample s = draw(40, 3, 4, 1, 261);

    for (size_t c = 0; c < 5 * 9; c++) {
        const mele_gate_options options = options_of(kinds[c / 9], inputs[c % 3], losses[c / 3 % 3],
                                                     1);
        const bool alone = mele_i_gate_does_without(&options);
        const bool trained = mele_i_gate_is_trained(&options);
        mele_gate_data data = data_of(&s);
        mele_gate_info info;
        mele_gate *gate = NULL;
        mele_error error = {0};
        data.log_posteriors = (mele_rows){0};
        mele_status status = mele_gate_fit(&data, &options, NULL, &gate, &info, &error);
        cr_assert_eq(status, alone || !trained ? MELE_OK : MELE_EINVAL, "%s on %s, %s",
                     options.kind, options.on, options.loss);
        cr_assert_eq(alone, c / 9 > 2 && c % 3 == 1 && c / 3 % 3 < 2);
        if (status == MELE_OK)
            cr_assert_eq(isnan(info.loss), !trained);
        else
            cr_assert_not_null(strstr(error.message, "log_posteriors"), "%s", error.message);
        mele_gate_free(gate);
    }
    free_sample(&s);
}
