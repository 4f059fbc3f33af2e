#ifndef MELE_TESTS_GATE_SUPPORT_H
#define MELE_TESTS_GATE_SUPPORT_H

/* Data for gates, and gates of them, for tests. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "gate/gate.h"

static const char *const inputs[] = {"posteriors", "features", "both"};
static const char *const losses[] = {"likelihood", "squared", "posteriors"};
static const char *const kinds[] = {"hard", "posterior", "temperature", "softmax", "mlp", "global", "auto"};

/* ---- data ---- */

/* Rows about K centres, with all that any gate asks for. */
typedef struct sample {
    size_t rows, cols, clusters, outputs;
    double *x, *log_p, *likelihoods, *predictions, *targets, *weights;
} sample;

static inline double *numbers(size_t count)
{
    double *array = MELE_I_ARRAY(double, count);

    cr_assert_not_null(array);
    return array;
}

static inline void normalise(double *logs, size_t count)
{
    double most = logs[0], sum = 0;

    for (size_t k = 1; k < count; k++)
        most = fmax(most, logs[k]);
    for (size_t k = 0; k < count; k++)
        sum += exp(logs[k] - most);
    for (size_t k = 0; k < count; k++)
        logs[k] -= most + log(sum);
}

static inline sample room_for(size_t rows, size_t cols, size_t clusters, size_t outputs)
{
    sample s = {rows, cols, clusters, outputs, NULL, NULL, NULL, NULL, NULL, NULL};

    s.x = numbers(rows * cols);
    s.log_p = numbers(rows * clusters);
    s.likelihoods = numbers(rows * clusters);
    s.predictions = numbers(rows * clusters * outputs);
    s.targets = numbers(rows * outputs);
    s.weights = numbers(rows);
    return s;
}

static inline void free_sample(sample *s)
{
    free(s->x);
    free(s->log_p);
    free(s->likelihoods);
    free(s->predictions);
    free(s->targets);
    free(s->weights);
}

/* Experts that are right about their own centre and wrong elsewhere, one sd of 0.5. */
static inline sample draw(size_t rows, size_t cols, size_t clusters, size_t outputs, uint64_t seed)
{
    mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_TESTS, 0, 0);
    sample s = room_for(rows, cols, clusters, outputs);

    for (size_t i = 0; i < rows; i++) {
        size_t home = mele_i_stream_below(&stream, clusters);
        for (size_t j = 0; j < cols; j++)
            s.x[i * cols + j] = mele_i_stream_normal(&stream) + (j == home % cols ? 2.0 : 0.1);
        for (size_t k = 0; k < clusters; k++) {
            double off = s.x[i * cols + k % cols] - 2;
            s.log_p[i * clusters + k] = -off * off / 1.5 - 0.1 * (double)k;
        }
        normalise(s.log_p + i * clusters, clusters);
        for (size_t m = 0; m < outputs; m++)
            s.targets[i * outputs + m] = sin((double)(home + m))
                                         + 0.5 * mele_i_stream_normal(&stream);
        for (size_t k = 0; k < clusters; k++) {
            double square = 0;
            for (size_t m = 0; m < outputs; m++) {
                double f = sin((double)(k + m)) + 0.2 * mele_i_stream_normal(&stream);
                double rest = s.targets[i * outputs + m] - f;
                s.predictions[(i * clusters + k) * outputs + m] = f;
                square += rest * rest;
            }
            s.likelihoods[i * clusters + k] = -2 * square;
        }
        s.weights[i] = 0.25 + mele_i_stream_uniform(&stream);
    }
    return s;
}

static inline mele_gate_data data_of(const sample *s)
{
    return (mele_gate_data){
        .rows = s->rows, .clusters = s->clusters,
        .log_posteriors = mele_rows_of_array(s->log_p, s->rows, s->clusters),
        .log_likelihoods = mele_rows_of_array(s->likelihoods, s->rows, s->clusters),
        .predictions = mele_rows_of_array(s->predictions, s->rows, s->clusters * s->outputs),
        .targets = mele_rows_of_array(s->targets, s->rows, s->outputs),
        .x = mele_rows_of_array(s->x, s->rows, s->cols), .weights = s->weights};
}

static inline mele_gate_options options_of(const char *kind, const char *on, const char *loss,
                                    double ridge)
{
    mele_gate_options options = mele_gate_defaults();

    options.kind = kind;
    options.on = on;
    options.loss = loss;
    options.ridge = ridge;
    return options;
}

static inline mele_gate *fit(const mele_gate_data *data, const mele_gate_options *options,
                      mele_engine *engine, mele_gate_info *info)
{
    mele_gate *gate = NULL;
    mele_error error = {0};

    mele_status status = mele_gate_fit(data, options, engine, &gate, info, &error);
    cr_assert_eq(status, MELE_OK, "%s", error.message);
    return gate;
}

static inline double *weights_of(const mele_gate *gate, const sample *s)
{
    mele_matrix x = mele_matrix_of(s->x, s->rows, s->cols);
    double *out = numbers(s->rows * s->clusters);

    cr_assert_eq(mele_gate_log_weights(gate, s->log_p, &x, s->rows, NULL, out, NULL), MELE_OK);
    return out;
}

static inline double farthest(const double *a, const double *b, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++)
        if (!(fabs(a[i] - b[i]) <= most))
            most = fabs(a[i] - b[i]);
    return most;
}

/* Each of these texts is a section that is refused: what was there stays, and it is said why. */
static inline void refuse_sections(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_t *section = json_loads(texts[i], 0, NULL);
        mele_gate *untouched = (mele_gate *)texts;
        mele_error error = {0};
        cr_assert_not_null(section, "%s", texts[i]);
        cr_assert_eq(mele_i_gate_load(section, &untouched, &error), MELE_EDATA, "%s", texts[i]);
        cr_assert_eq(untouched, (mele_gate *)texts);
        cr_assert(error.message[0] != '\0');
        json_decref(section);
    }
}

#endif
