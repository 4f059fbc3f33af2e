/* The minimum of a gate's loss: second derivatives against differences, Newton's method and the ones for
 * many rows, how exact the minimum is, and data that make it hard. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "gate/curvature.h"
#include "gate/gate.h"
#include "gate/softmax/softmax.h"
#include "support/size.h"

#define HESSIAN_TOLERANCE 1e-6 /* relative to the matrix' largest */
#define MINIMUM_TOLERANCE 1e-8 /* of a mean loss */

static const char *const inputs[] = {"posteriors", "features", "both"};
static const char *const losses[] = {"likelihood", "squared", "posteriors"};

/* Rows with all that any gate asks for; shares are those of a gate with t = 0.7. */
typedef struct sample {
    size_t rows, cols, clusters, outputs;
    double *x, *log_p, *likelihoods, *predictions, *targets, *shares, *weights;
} sample;

static double *numbers(size_t count)
{
    double *array = MELE_I_ZEROED(double, count);

    cr_assert_not_null(array);
    return array;
}

static void log_softmax(double *logs, size_t count)
{
    double most = logs[0], sum = 0;

    for (size_t k = 1; k < count; k++)
        most = fmax(most, logs[k]);
    for (size_t k = 0; k < count; k++)
        sum += exp(logs[k] - most);
    for (size_t k = 0; k < count; k++)
        logs[k] -= most + log(sum);
}

static void draw_row(sample *s, size_t i, mele_i_stream *stream)
{
    const size_t K = s->clusters, M = s->outputs;
    double *x = s->x + i * s->cols, *log_p = s->log_p + i * K, *shares = s->shares + i * K;

    for (size_t j = 0; j < s->cols; j++)
        x[j] = mele_i_stream_normal(stream) + 0.3 * (double)j;
    for (size_t k = 0; k < K; k++) {
        log_p[k] = -0.4 * pow(x[k % s->cols] - (double)k / 2, 2);
        shares[k] = 0.7 * log_p[k] + sin((double)k) * x[(k + 1) % s->cols] + 0.2 * (double)k;
    }
    log_softmax(log_p, K);
    log_softmax(shares, K);
    for (size_t k = 0; k < K; k++)
        shares[k] = exp(shares[k]);
    for (size_t m = 0; m < M; m++)
        s->targets[i * M + m] = cos(x[0] + (double)m) + 0.4 * mele_i_stream_normal(stream);
    for (size_t k = 0; k < K; k++) {
        double square = 0;
        for (size_t m = 0; m < M; m++) {
            const double f = cos((double)(k + m)) + 0.2 * mele_i_stream_normal(stream);
            square += pow(s->targets[i * M + m] - f, 2);
            s->predictions[(i * K + k) * M + m] = f;
        }
        s->likelihoods[i * K + k] = -2 * square;
    }
    s->weights[i] = 0.25 + mele_i_stream_uniform(stream);
}

static sample draw(size_t rows, size_t cols, size_t clusters, size_t outputs, uint64_t seed)
{
    mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_TESTS, 0, 0);
    sample s = {rows, cols, clusters, outputs, .x = numbers(rows * cols),
                .log_p = numbers(rows * clusters), .likelihoods = numbers(rows * clusters),
                .predictions = numbers(rows * clusters * outputs),
                .targets = numbers(rows * outputs), .shares = numbers(rows * clusters),
                .weights = numbers(rows)};

    for (size_t i = 0; i < rows; i++)
        draw_row(&s, i, &stream);
    return s;
}

static void free_sample(sample *s)
{
    double *const all[] = {s->x,       s->log_p,  s->likelihoods, s->predictions,
                           s->targets, s->shares, s->weights};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static mele_gate_data data_of(const sample *s, bool shares)
{
    mele_gate_data data = {
        .rows = s->rows, .clusters = s->clusters,
        .log_posteriors = mele_rows_of_array(s->log_p, s->rows, s->clusters),
        .log_likelihoods = mele_rows_of_array(s->likelihoods, s->rows, s->clusters),
        .predictions = mele_rows_of_array(s->predictions, s->rows, s->clusters * s->outputs),
        .targets = mele_rows_of_array(s->targets, s->rows, s->outputs),
        .x = mele_rows_of_array(s->x, s->rows, s->cols), .weights = s->weights};

    if (shares)
        data.shares = mele_rows_of_array(s->shares, s->rows, s->clusters);
    return data;
}

static mele_gate_options options_of(const char *kind, const char *on, const char *loss,
                                    double ridge)
{
    mele_gate_options options = mele_gate_defaults();

    options.kind = kind;
    options.on = on;
    options.loss = loss;
    options.ridge = ridge;
    return options;
}

static mele_i_gate_training training_of(const mele_gate_data *data, const mele_gate_options *options,
                                        mele_engine *engine)
{
    const mele_i_gate_loss *loss = mele_i_gate_loss_find(options->loss);
    double weight = 0;

    for (size_t i = 0; i < data->rows; i++)
        weight += data->weights == NULL ? 1 : data->weights[i];
    return (mele_i_gate_training){.data = data, .options = options, .loss = loss,
                                  .loss_needs = mele_i_gate_loss_needs(loss, data),
                                  .total_weight = weight, .engine = engine};
}

/* A gate as mele_gate_fit() has it before training. */
static mele_gate *untrained(const mele_i_gate_training *training)
{
    mele_gate *gate = mele_i_gate_new(mele_i_gate_kind_find(training->options->kind),
                                      training->data->clusters);

    cr_assert_not_null(gate);
    cr_assert_eq(gate->kind->make(gate, training, NULL), MELE_OK);
    if (gate->kind->prepare != NULL)
        cr_assert_eq(gate->kind->prepare(gate, training, NULL), MELE_OK);
    return gate;
}

/* A gate trained in the given way, before its columns are folded. */
static mele_gate *trained(const mele_i_gate_training *training, size_t step, mele_gate_info *info)
{
    mele_gate *gate = untrained(training);
    mele_error error = {0};
    const mele_status status = mele_i_gate_train(gate, training, step, info, &error);

    cr_assert_eq(status, MELE_OK, "%s", error.message);
    cr_assert_eq(mele_i_gate_mean_loss(gate, training, &info->loss, NULL), MELE_OK);
    return gate;
}

static mele_gate *fit(const mele_gate_data *data, const mele_gate_options *options,
                      mele_engine *engine, mele_gate_info *info)
{
    mele_gate *gate = NULL;
    mele_error error = {0};
    const mele_status status = mele_gate_fit(data, options, engine, &gate, info, &error);

    cr_assert_eq(status, MELE_OK, "%s", error.message);
    return gate;
}

static const mele_i_softmax *state_of(const mele_gate *gate)
{
    return gate->state;
}

static double *weights_of(const mele_gate *gate, const sample *s)
{
    const mele_matrix x = mele_matrix_of(s->x, s->rows, s->cols);
    double *out = numbers(s->rows * s->clusters);

    cr_assert_eq(mele_gate_log_weights(gate, s->log_p, &x, s->rows, NULL, out, NULL), MELE_OK);
    for (size_t e = 0; e < s->rows * s->clusters; e++)
        out[e] = exp(out[e]);
    return out;
}

static double farthest(const double *a, const double *b, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++)
        if (!(fabs(a[i] - b[i]) <= most))
            most = fabs(a[i] - b[i]);
    return most;
}

/* ---- second derivatives ---- */

/* Every column of the Hessian against a difference of gradients. */
static void check_hessian(mele_i_gate_objective *objective, double *theta, const char *what)
{
    const double step = 1e-5;
    mele_i_gate_curvature curvature;
    cr_assert_eq(mele_i_gate_curvature_make(&curvature, objective, NULL), MELE_OK);
    const size_t n = curvature.count;
    double *gradient = numbers(n), *above = numbers(n), *below = numbers(n), value, most = 0, off = 0;

    cr_assert_eq(mele_i_gate_evaluate(objective, theta, &value, gradient, NULL), MELE_OK);
    cr_assert_eq(mele_i_gate_curvature_at(&curvature, theta, gradient, NULL), MELE_OK);
    for (size_t p = 0; p < n; p++) {
        const double at = theta[p];
        theta[p] = at + step;
        mele_i_gate_evaluate(objective, theta, &value, above, NULL);
        theta[p] = at - step;
        mele_i_gate_evaluate(objective, theta, &value, below, NULL);
        theta[p] = at;
        for (size_t q = 0; q < n; q++) {
            const double difference = (above[q] - below[q]) / (2 * step);
            most = fmax(most, fabs(difference));
            off = fmax(off, fabs(difference - curvature.hessian[q * n + p]));
        }
    }
    cr_assert_leq(off, HESSIAN_TOLERANCE * most, "%s: %.3g of %.3g", what, off, most);
    mele_i_gate_curvature_free(&curvature);
    free(gradient);
    free(above);
    free(below);
}

static void check_derivatives(const mele_gate_data *data, const mele_gate_options *options)
{
    const mele_i_gate_training training = training_of(data, options, NULL);
    mele_gate *gate = untrained(&training);
    size_t factors, count = mele_i_gate_parameters(gate, &factors);
    double *theta = numbers(count), *parameters = numbers(count), *sums = numbers(2 + count);
    mele_i_gate_objective objective = {gate, &training, true, 0, parameters, sums};
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, 1);
    char what[80];

    for (size_t p = 0; p < count; p++)
        theta[p] = 0.3 * mele_i_stream_normal(&stream);
    snprintf(what, sizeof what, "%s on %s, %s", options->kind, options->on, options->loss);
    check_hessian(&objective, theta, what);
    mele_gate_free(gate);
    free(theta);
    free(parameters);
    free(sums);
}

/* With posteriors of 0, experts that exclude a row, rows without weight, and more rows than a panel. */
Test(gate_minimum, hessians_are_those_of_the_loss)
{
    static const size_t rows[] = {157, 405};

    for (size_t c = 0; c < 2 * 12; c++) {
        const size_t loss = c / 3 % 4;
        sample s = draw(rows[c / 12], 3, 4, 2, 11 + c);
        for (size_t i = 0; i < s.rows; i += 7) {
            s.log_p[i * 4 + i % 4] = s.likelihoods[(i + 1) % s.rows * 4 + i % 3] = -INFINITY;
            s.shares[i * 4 + (i + 1) % 4] += s.shares[i * 4 + i % 4];
            s.shares[i * 4 + i % 4] = 0;
            s.weights[(i + 2) % s.rows] = 0;
        }
        const mele_gate_data data = data_of(&s, loss == 3);
        mele_gate_options options =
            options_of("softmax", inputs[c % 3], losses[loss < 2 ? loss : 2], 3.7);
        check_derivatives(&data, &options);
        options.kind = "temperature";
        check_derivatives(&data, &options);
        free_sample(&s);
    }
}

/* Classes: an indicator for every class, and more of them than clusters. */
Test(gate_minimum, hessians_of_classes)
{
    sample s = draw(200, 3, 3, 5, 41);

    for (size_t i = 0; i < s.rows; i++)
        for (size_t m = 0; m < 5; m++) {
            s.targets[i * 5 + m] = i % 5 == m;
            for (size_t k = 0; k < 3; k++)
                s.predictions[(i * 3 + k) * 5 + m] = 0.1 + 0.5 * ((i + k) % 5 == m);
        }
    const mele_gate_data data = data_of(&s, false);
    const mele_gate_options options = options_of("softmax", "both", "squared", 0.4);
    check_derivatives(&data, &options);
    free_sample(&s);
}

/* ---- the ways to the minimum ---- */

/* The largest element of the gradient where a gate is. */
static double gradient_at(mele_gate *gate, const mele_i_gate_training *training)
{
    size_t factors, count = mele_i_gate_parameters(gate, &factors);
    double *theta = numbers(count), *gradient = numbers(count), *zeros = numbers(count);
    double *parameters = numbers(count), *sums = numbers(2 + count), value;
    mele_i_gate_objective objective = {gate, training, true, 0, parameters, sums};

    gate->kind->get(gate, theta);
    for (size_t i = 0; i < factors; i++)
        theta[i] = log(theta[i]);
    cr_assert_eq(mele_i_gate_evaluate(&objective, theta, &value, gradient, NULL), MELE_OK);
    const double most = farthest(gradient, zeros, count);
    free(theta);
    free(gradient);
    free(zeros);
    free(parameters);
    free(sums);
    return most;
}

/* Newton's method, L-BFGS by every third row, and L-BFGS alone. The cross-entropy has one minimum. */
Test(gate_minimum, all_ways_find_it)
{
    static const size_t steps[] = {1, 3, 0};
    sample s = draw(700, 3, 4, 2, 51);

    for (size_t c = 0; c < 12; c++) {
        const mele_gate_data data = data_of(&s, c >= 9);
        mele_gate_options options =
            options_of("softmax", inputs[c % 3], losses[c < 9 ? c / 3 : 2], 2.5);
        mele_gate *gate[3];
        mele_gate_info info[3];
        options.tolerance = 1e-8;
        options.max_iterations = 2000;
        const mele_i_gate_training training = training_of(&data, &options, NULL);
        for (size_t way = 0; way < 3; way++) {
            gate[way] = trained(&training, steps[way], &info[way]);
            cr_assert(info[way].converged, "case %zu, way %zu", c, way);
            cr_assert_lt(gradient_at(gate[way], &training), way == 0 ? 1.01e-8 : 1e-6,
                         "case %zu, way %zu", c, way);
            if (c < 6)
                continue;
            cr_assert_float_eq(info[way].loss, info[0].loss, MINIMUM_TOLERANCE,
                               "case %zu, way %zu: %.12g", c, way, info[way].loss - info[0].loss);
            cr_assert_lt(farthest(state_of(gate[way])->coefficients, state_of(gate[0])->coefficients,
                                  4 * (1 + state_of(gate[0])->z.count)),
                         1e-4, "case %zu, way %zu", c, way);
        }
        cr_assert_leq(info[0].iterations, 15, "case %zu: %zu", c, info[0].iterations);
        cr_assert_leq(info[1].iterations, info[2].iterations, "case %zu", c);
        for (size_t way = 0; way < 3; way++)
            mele_gate_free(gate[way]);
    }
    free_sample(&s);
}

/* From wherever the gate starts, and however soon it stops. */
Test(gate_minimum, the_penalised_loss_never_rises)
{
    for (size_t c = 0; c < 12; c++) {
        sample s = draw(300, 3, 4, 1, 61 + c);
        const mele_gate_data data = data_of(&s, c % 4 == 3);
        const mele_gate_options options =
            options_of("softmax", inputs[c % 3], losses[c % 4 < 2 ? c % 4 : 2], 0);
        for (size_t step = 0; step < 20; step += 3) {
            double last = INFINITY;
            for (size_t most = 1; most <= 8; most += most) {
                mele_gate_options some = options;
                mele_gate_info info;
                some.max_iterations = most;
                const mele_i_gate_training training = training_of(&data, &some, NULL);
                mele_gate *gate = untrained(&training);
                cr_assert_eq(mele_i_gate_mean_loss(gate, &training, &info.loss, NULL), MELE_OK);
                last = fmin(last, info.loss);
                mele_gate_free(gate);
                gate = trained(&training, step, &info);
                cr_assert_leq(info.loss, last + 1e-12 * fabs(last), "case %zu, step %zu, %zu", c,
                              step, most);
                mele_gate_free(gate);
            }
        }
        free_sample(&s);
    }
}

/* A part without weight has no Hessian. */
Test(gate_minimum, a_part_may_have_no_weight)
{
    sample s = draw(400, 2, 3, 1, 71);

    for (size_t i = 2; i < 400; i += 4)
        s.weights[i] = 0;
    const mele_gate_data data = data_of(&s, false);
    const mele_gate_options options = options_of("softmax", "features", "likelihood", 1);
    const mele_i_gate_training training = training_of(&data, &options, NULL);
    mele_gate_info part, all;
    mele_gate_free(trained(&training, 4, &part));
    mele_gate_free(trained(&training, 0, &all));
    cr_assert(part.converged);
    cr_assert_eq(part.iterations, all.iterations);
    cr_assert_float_eq(part.loss, all.loss, MINIMUM_TOLERANCE);
    free_sample(&s);
}

static mele_status read_rows(void *user, size_t first, size_t count, double *out,
                             mele_error *error)
{
    const mele_rows *rows = user;

    (void)error;
    memcpy(out, rows->data + first * rows->cols, count * rows->cols * sizeof *out);
    return MELE_OK;
}

/* Rows in memory, and the same rows made when they are asked for. */
Test(gate_minimum, rows_may_be_read)
{
    sample s = draw(900, 3, 4, 1, 75);
    const mele_gate_data here = data_of(&s, false);
    mele_gate_data read = here;
    mele_rows *const all[] = {&read.log_posteriors, &read.log_likelihoods, &read.x};
    mele_rows kept[3];

    for (size_t i = 0; i < 3; i++) {
        kept[i] = *all[i];
        *all[i] = (mele_rows){kept[i].rows, kept[i].cols, NULL, 0, read_rows, &kept[i]};
    }
    for (size_t step = 1; step < 6; step += 4) {
        const mele_gate_options options = options_of("softmax", "both", "likelihood", 1);
        const mele_i_gate_training one = training_of(&here, &options, NULL);
        const mele_i_gate_training other = training_of(&read, &options, NULL);
        mele_gate_info info[2];
        mele_gate *a = trained(&one, step, &info[0]), *b = trained(&other, step, &info[1]);
        cr_assert_eq(info[0].iterations, info[1].iterations);
        cr_assert_eq(memcmp(state_of(a)->coefficients, state_of(b)->coefficients,
                            4 * (1 + state_of(a)->z.count) * sizeof(double)), 0);
        mele_gate_free(a);
        mele_gate_free(b);
    }
    free_sample(&s);
}

static bool stop_at(const mele_progress *progress, void *user)
{
    size_t *calls = user;

    cr_assert_str_eq(progress->stage, "gate");
    return --*calls > 0;
}

/* Also while a part is trained on, whose iterations are none of those that are told. */
Test(gate_minimum, progress_can_stop_every_way)
{
    sample s = draw(500, 3, 4, 1, 76);
    const mele_gate_data data = data_of(&s, false);
    const mele_gate_options options = options_of("softmax", "both", "likelihood", 1);

    for (size_t step = 0; step < 4; step++)
        for (size_t calls = 1; calls < 8; calls += 2) {
            size_t left = calls;
            mele_engine_options wanted = mele_engine_defaults();
            mele_engine *engine = NULL;
            mele_gate_info info;
            wanted.progress = stop_at;
            wanted.user = &left;
            cr_assert_eq(mele_engine_new(&wanted, &engine, NULL), MELE_OK);
            const mele_i_gate_training training = training_of(&data, &options, engine);
            mele_gate *gate = untrained(&training);
            cr_assert_eq(mele_i_gate_train(gate, &training, step, &info, NULL), MELE_ESTOPPED,
                         "step %zu, %zu calls", step, calls);
            mele_gate_free(gate);
            mele_engine_free(engine);
        }
    free_sample(&s);
}

/* What to take a Hessian of depends on sizes alone. */
Test(gate_minimum, few_rows_are_all_taken)
{
    static const struct {
        size_t rows, cols, clusters;
        bool all, some;
    } rows[] = {{400, 3, 4, true, false},
                {3000, 8, 8, true, false},
                {500000, 16, 16, false, true},
                {1000, 30, 100, false, false}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mele_gate_data data = {.rows = rows[i].rows, .clusters = rows[i].clusters,
                               .x = {.rows = rows[i].rows, .cols = rows[i].cols}};
        const mele_gate_options options = options_of("softmax", "features", "posteriors", 1);
        const mele_i_gate_training training = {.data = &data, .options = &options,
                                               .loss = mele_i_gate_loss_find("posteriors"),
                                               .loss_needs = MELE_I_GATE_SHARES};
        mele_gate *gate = mele_i_gate_new(&mele_i_gate_softmax, rows[i].clusters);
        cr_assert_eq(gate->kind->make(gate, &training, NULL), MELE_OK);
        const size_t step = mele_i_gate_part_step(gate, &training);
        cr_assert(rows[i].all ? step == 1 : rows[i].some ? step > 1 : step == 0, "%zu: %zu", i, step);
        mele_gate_free(gate);
    }
}

Test(gate_minimum, same_bytes_for_any_threads)
{
    static const unsigned counts[] = {1, 2, 3, 8};
    static const size_t steps[] = {1, 5};
    sample s = draw(TEST_SIZE(9000, 9000, 2000), 3, 5, 1, 81);

    for (size_t c = 0; c < 4; c++) {
        const mele_gate_data data = data_of(&s, false);
        mele_gate_options options = options_of("softmax", inputs[c % 3], losses[c / 2], 1);
        mele_gate *first = NULL;
        options.max_iterations = TEST_SIZE(6, 6, 2);
        for (size_t t = 0; t < 4; t++) {
            mele_engine_options wanted = mele_engine_defaults();
            mele_engine *engine = NULL;
            mele_gate_info info;
            wanted.threads = counts[t];
            cr_assert_eq(mele_engine_new(&wanted, &engine, NULL), MELE_OK);
            const mele_i_gate_training training = training_of(&data, &options, engine);
            mele_gate *gate = trained(&training, steps[c % 2], &info);
            if (first == NULL)
                first = gate;
            cr_assert_eq(memcmp(state_of(first)->coefficients, state_of(gate)->coefficients,
                                5 * (1 + state_of(gate)->z.count) * sizeof(double)), 0);
            cr_assert_eq(state_of(first)->temperature, state_of(gate)->temperature);
            if (gate != first)
                mele_gate_free(gate);
            mele_engine_free(engine);
        }
        mele_gate_free(first);
    }
    free_sample(&s);
}

/* ---- how exact it is ---- */

/* t = 1 reproduces posteriors; t = 2.3 what is their power 2.3. */
Test(gate_minimum, temperatures_are_exact)
{
    sample s = draw(500, 3, 4, 1, 91);

    for (size_t c = 0; c < 4; c++) {
        const double t = c < 2 ? 1 : 2.3;
        const mele_gate_options options =
            options_of("temperature", "posteriors", "posteriors", c % 2 == 0 ? 0 : 1e-9);
        for (size_t i = 0; i < s.rows; i++) {
            for (size_t k = 0; k < 4; k++)
                s.shares[i * 4 + k] = t * s.log_p[i * 4 + k];
            log_softmax(s.shares + i * 4, 4);
            for (size_t k = 0; k < 4; k++)
                s.shares[i * 4 + k] = exp(s.shares[i * 4 + k]);
        }
        const mele_gate_data data = data_of(&s, c > 0);
        mele_gate_info info;
        mele_gate *gate = fit(&data, &options, NULL, &info);
        cr_assert(info.converged);
        cr_assert_float_eq(state_of(gate)->temperature, t, 1e-8, "case %zu: %.12g", c,
                           state_of(gate)->temperature);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

/* Cluster k of the second sample is cluster (k + 1) mod K of the first. */
static sample turned(const sample *s)
{
    const size_t K = s->clusters, M = s->outputs;
    sample t = draw(s->rows, s->cols, K, M, 1);

    memcpy(t.x, s->x, s->rows * s->cols * sizeof(double));
    memcpy(t.targets, s->targets, s->rows * M * sizeof(double));
    memcpy(t.weights, s->weights, s->rows * sizeof(double));
    for (size_t i = 0; i < s->rows; i++)
        for (size_t k = 0; k < K; k++) {
            const size_t to = i * K + k, from = i * K + (k + 1) % K;
            t.log_p[to] = s->log_p[from];
            t.likelihoods[to] = s->likelihoods[from];
            t.shares[to] = s->shares[from];
            memcpy(t.predictions + to * M, s->predictions + from * M, M * sizeof(double));
        }
    return t;
}

Test(gate_minimum, permuted_clusters_permute_coefficients)
{
    sample s = draw(500, 3, 4, 2, 101), t = turned(&s);

    for (size_t c = 0; c < 12; c++) {
        const mele_gate_data data = data_of(&s, c >= 9), other = data_of(&t, c >= 9);
        const mele_gate_options options =
            options_of("softmax", inputs[c % 3], losses[c < 9 ? c / 3 : 2], 1.5);
        mele_gate *a = fit(&data, &options, NULL, NULL), *b = fit(&other, &options, NULL, NULL);
        const mele_i_softmax *p = state_of(a), *q = state_of(b);
        const size_t seen = p->z.on->posteriors ? 4 : 0, width = 1 + p->z.count;
        for (size_t k = 0; k < 4; k++)
            for (size_t j = 0; j < width; j++) {
                const size_t from = j >= 1 && j <= seen ? 1 + j % seen : j;
                const double is = q->coefficients[k * width + j];
                const double was = p->coefficients[(k + 1) % 4 * width + from];
                cr_assert_float_eq(is, was, 1e-7, "case %zu, cluster %zu, column %zu: %.12g %.12g", c, k,
                                   j, is, was);
            }
        mele_gate_free(a);
        mele_gate_free(b);
    }
    free_sample(&s);
    free_sample(&t);
}

/* The unit of weights, and that of likelihoods, which is a constant of every row. */
Test(gate_minimum, units_do_not_matter)
{
    sample s = draw(400, 3, 4, 1, 111);

    for (size_t c = 0; c < 3; c++) {
        const mele_gate_options options = options_of("softmax", inputs[c], "likelihood", 1);
        mele_gate_data data = data_of(&s, false);
        mele_gate_info one, other;
        mele_gate *a = fit(&data, &options, NULL, &one);
        double *before = weights_of(a, &s);
        for (size_t i = 0; i < s.rows; i++) {
            s.weights[i] *= 1e-200;
            for (size_t k = 0; k < 4; k++)
                s.likelihoods[i * 4 + k] -= 1e6 * (double)(i % 3);
        }
        mele_gate *b = fit(&data, &options, NULL, &other);
        double *after = weights_of(b, &s);
        cr_assert_lt(farthest(before, after, s.rows * 4), 1e-6);
        cr_assert_eq(one.iterations, other.iterations);
        for (size_t i = 0; i < s.rows; i++) {
            s.weights[i] *= 1e200;
            for (size_t k = 0; k < 4; k++)
                s.likelihoods[i * 4 + k] += 1e6 * (double)(i % 3);
        }
        mele_gate_free(a);
        mele_gate_free(b);
        free(before);
        free(after);
    }
    free_sample(&s);
}

/* ---- hard data ---- */

/* It ends, the weights are numbers that sum to 1, and the loss is not above that of the start. */
static void check_ends(const sample *s, double ridge, size_t step, const char *what)
{
    for (size_t c = 0; c < 12; c++) {
        const mele_gate_data data = data_of(s, c >= 9);
        mele_gate_options options =
            options_of("softmax", inputs[c % 3], losses[c < 9 ? c / 3 : 2], ridge);
        const mele_i_gate_training training = training_of(&data, &options, NULL);
        mele_gate_info info;
        double before;
        mele_gate *gate = untrained(&training);
        cr_assert_eq(mele_i_gate_mean_loss(gate, &training, &before, NULL), MELE_OK);
        mele_gate_free(gate);
        gate = trained(&training, step, &info);
        cr_assert(info.loss <= before + 1e-12 * fabs(before), "%s, case %zu, step %zu: %g %g", what, c,
                  step, info.loss, before);
        gate->kind->finish(gate);
        double *g = weights_of(gate, s);
        for (size_t i = 0; i < s->rows; i++) {
            double sum = 0;
            for (size_t k = 0; k < s->clusters; k++)
                sum += g[i * s->clusters + k];
            cr_assert_float_eq(sum, 1, 1e-12, "%s, case %zu, step %zu", what, c, step);
        }
        free(g);
        mele_gate_free(gate);
    }
}

/* Labels that a plane tells apart, without a ridge: the minimum is at infinity. */
Test(gate_minimum, separable_labels)
{
    sample s = draw(240, 2, 3, 1, 121);

    for (size_t i = 0; i < s.rows; i++)
        for (size_t k = 0; k < 3; k++) {
            const size_t label = s.x[i * 2] < -0.3 ? 0 : s.x[i * 2] < 0.5 ? 1 : 2;
            s.shares[i * 3 + k] = k == label;
            s.likelihoods[i * 3 + k] = k == label ? 0 : -INFINITY;
            s.predictions[i * 3 + k] = (double)k;
            s.targets[i] = (double)label;
        }
    for (size_t step = 0; step < 5; step += 2)
        check_ends(&s, 0, step + (step == 4), "separable");
    check_ends(&s, 0, 1, "separable");
    free_sample(&s);
}

Test(gate_minimum, dependent_and_constant_columns)
{
    sample s = draw(240, 5, 3, 1, 131);

    for (size_t i = 0; i < s.rows; i++) {
        s.x[i * 5 + 2] = 3 * s.x[i * 5] - s.x[i * 5 + 1];
        s.x[i * 5 + 3] = 7.5;
        s.x[i * 5 + 4] = s.x[i * 5 + 1] * (1 + 1e-15);
    }
    for (size_t step = 0; step < 3; step++)
        for (size_t r = 0; r < 2; r++)
            check_ends(&s, r == 0 ? 0 : 1, step, "dependent");
    free_sample(&s);
}

/* Numbers of all sizes; most rows without weight; fewer rows than parameters; one cluster. */
Test(gate_minimum, extremes)
{
    static const double sizes[] = {1e-150, 1e-9, 1e12, 1e150};

    for (size_t c = 0; c < 4; c++) {
        sample s = draw(120, 3, 4, 1, 141);
        for (size_t e = 0; e < s.rows * 3; e++)
            s.x[e] *= sizes[c];
        for (size_t e = 0; e < s.rows * 4; e++)
            s.likelihoods[e] *= fmin(sizes[c], 1e12);
        check_ends(&s, c % 2, 1, "sizes");
        check_ends(&s, c % 2, 2, "sizes");
        for (size_t i = 0; i < s.rows; i++)
            s.weights[i] = i % 10 == 0;
        check_ends(&s, c % 2, 1, "few weights");
        free_sample(&s);
    }
    sample few = draw(5, 3, 4, 1, 142), one = draw(60, 3, 1, 1, 143);
    for (size_t r = 0; r < 2; r++) {
        check_ends(&few, (double)r, 1, "few rows");
        check_ends(&one, (double)r, 1, "one cluster");
    }
    free_sample(&few);
    free_sample(&one);
}
