/* Networks: kernels of all widths against one another and the C library, losses against a network
 * written out in this file, derivatives against central differences. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "expert/mlp/objective.h"
#include "expert/mlp/trainers.h"
#include "unit/expert_support.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define ULPS 4.5       /* of an activation */
#define DIFFERENCE 2e-8 /* of a derivative by differences */
#define SAME_VALUE 1e-12

static double naive_activation(double a, mele_i_activation activation)
{
    switch (activation) {
    case MELE_I_TANH: return tanh(a);
    case MELE_I_LOGISTIC: return 1 / (1 + exp(-a));
    case MELE_I_RELU: return a > 0 ? a : 0;
    default: return a;
    }
}

/* The outputs of one row. */
static void naive_outputs(const mele_i_network *n, const double *weights, const double *x,
                          double *out)
{
    const double *v = weights + n->hidden * (n->inputs + 1);

    for (size_t m = 0; m < n->outputs; m++)
        out[m] = v[m * (n->hidden + 1)];
    for (size_t h = 0; h < n->hidden; h++) {
        const double *w = weights + h * (n->inputs + 1);
        double a = w[0];
        for (size_t j = 0; j < n->inputs; j++)
            a += w[1 + j] * x[j];
        for (size_t m = 0; m < n->outputs; m++)
            out[m] += v[m * (n->hidden + 1) + 1 + h] * naive_activation(a, n->activation);
    }
}

/* ---- problems ---- */

typedef struct shape {
    const char *what;
    size_t rows, inputs, hidden, outputs;
    bool classes;
    mele_i_activation activation;
    double decay;
} shape;

static const shape shapes[] = {
    {"one of each", 5, 1, 1, 1, false, MELE_I_TANH, 0},
    {"tanh", 203, 3, 4, 1, false, MELE_I_TANH, 0.03},
    {"logistic, three targets", 77, 5, 7, 3, false, MELE_I_LOGISTIC, 0.2},
    {"relu, two targets", 64, 2, 9, 2, false, MELE_I_RELU, 0},
    {"three classes", 150, 4, 5, 3, true, MELE_I_TANH, 0.01},
    {"two classes, relu", 31, 2, 6, 2, true, MELE_I_RELU, 0},
    {"more than a panel", 1201, 3, 6, 2, false, MELE_I_TANH, 0.003},
};

typedef struct sampled {
    mele_i_network network;
    mele_i_network_rows rows;
    double *x, *y, *weight, *weights;
    size_t count;
} sampled;

static sampled make_sampled(const shape *s)
{
    mele_i_stream stream = mele_i_stream_make(11, MELE_I_FOR_TESTS, s->rows, s->hidden);
    sampled p = {.network = {s->inputs, s->hidden, s->outputs, s->classes, s->activation}};
    const size_t targets = s->classes ? 1 : s->outputs;

    p.count = mele_i_network_weights(&p.network);
    p.x = numbers(s->rows * s->inputs);
    p.y = numbers(s->rows * targets);
    p.weight = numbers(s->rows);
    p.weights = numbers(p.count);
    for (size_t i = 0; i < s->rows * s->inputs; i++)
        p.x[i] = mele_i_stream_normal(&stream);
    for (size_t i = 0; i < s->rows * targets; i++)
        p.y[i] = s->classes ? (double)mele_i_stream_below(&stream, s->outputs)
                            : mele_i_stream_normal(&stream);
    for (size_t i = 0; i < s->rows; i++)
        p.weight[i] = 0.3 + mele_i_stream_uniform(&stream);
    for (size_t i = 0; i < p.count; i++)
        p.weights[i] = 0.7 * mele_i_stream_normal(&stream);
    cr_assert_eq(mele_i_network_rows_make(&p.rows, &p.network, s->rows, NULL), MELE_OK);
    for (size_t g = 0; g < p.rows.groups; g++)
        mele_i_network_rows_put(&p.rows, &p.network, g, p.x + g * 8 * s->inputs,
                                p.y + g * 8 * targets, p.weight + g * 8,
                                s->rows - g * 8 < 8 ? s->rows - g * 8 : 8);
    return p;
}

static void free_sampled(sampled *p)
{
    mele_i_network_rows_free(&p->rows);
    free(p->x);
    free(p->y);
    free(p->weight);
    free(p->weights);
}

static double naive_objective(const sampled *p, const shape *s)
{
    const size_t first = s->hidden * (s->inputs + 1);
    double loss = 0, total = 0, squares = 0, out[8];

    for (size_t i = 0; i < s->rows; i++) {
        double sum = 0, row = 0;
        naive_outputs(&p->network, p->weights, p->x + i * s->inputs, out);
        for (size_t m = 0; m < s->outputs; m++) {
            sum += exp(out[m]);
            row += s->classes ? 0 : pow(out[m] - p->y[i * s->outputs + m], 2);
        }
        loss += p->weight[i] * (s->classes ? log(sum) - out[(size_t)p->y[i]] : row);
        total += p->weight[i];
    }
    for (size_t i = 0; i < p->count; i++)
        if ((i < first ? i % (s->inputs + 1) : (i - first) % (s->hidden + 1)) != 0)
            squares += p->weights[i] * p->weights[i];
    return loss / total + s->decay * squares;
}

/* ---- the objective ---- */

Test(network, objective_and_gradient)
{
    const double step = 1e-6;

    for (size_t i = 0; i < COUNT(shapes); i++) {
        sampled p = make_sampled(&shapes[i]);
        double *gradient = numbers(p.count), value, alone;
        cr_assert_eq(mele_i_network_objective(&p.network, &p.rows, shapes[i].decay, p.weights,
                                              NULL, &(mele_i_network_result){&value, gradient},
                                              NULL), MELE_OK);
        cr_assert_eq(mele_i_network_objective(&p.network, &p.rows, shapes[i].decay, p.weights,
                                              NULL, &(mele_i_network_result){&alone, NULL}, NULL), MELE_OK);
        SAME_BITS(&value, &alone, 1);
        const double wanted = naive_objective(&p, &shapes[i]);
        cr_assert_float_eq(value, wanted, SAME_VALUE * wanted, "%s: %.17g, not %.17g",
                           shapes[i].what, value, wanted);
        for (size_t w = 0; w < p.count; w++) {
            const double at = p.weights[w];
            p.weights[w] = at + step;
            const double above = naive_objective(&p, &shapes[i]);
            p.weights[w] = at - step;
            const double below = naive_objective(&p, &shapes[i]);
            p.weights[w] = at;
            cr_assert_float_eq(gradient[w], (above - below) / (2 * step), DIFFERENCE,
                               "%s: weight %zu: %.12g, not %.12g", shapes[i].what, w, gradient[w],
                               (above - below) / (2 * step));
        }
        free(gradient);
        free_sampled(&p);
    }
}

/* J of all outputs of a row by differences: outputs x count. */
static void naive_jacobian(sampled *p, const double *x, double *out)
{
    const double step = 1e-6;
    double above[8], below[8];

    for (size_t w = 0; w < p->count; w++) {
        const double at = p->weights[w];
        p->weights[w] = at + step;
        naive_outputs(&p->network, p->weights, x, above);
        p->weights[w] = at - step;
        naive_outputs(&p->network, p->weights, x, below);
        p->weights[w] = at;
        for (size_t m = 0; m < p->network.outputs; m++)
            out[m * p->count + w] = (above[m] - below[m]) / (2 * step);
    }
}

Test(network, normal_matrix)
{
    for (size_t i = 0; i < COUNT(shapes); i++) {
        if (shapes[i].classes)
            continue;
        sampled p = make_sampled(&shapes[i]);
        const size_t P = p.count, first = shapes[i].hidden * (shapes[i].inputs + 1);
        double *matrix = numbers(P * P), *wanted = calloc(P * P, sizeof *wanted), value, same;
        double *gradient = numbers(P), *other = numbers(P), *J = numbers(P * shapes[i].outputs);
        cr_assert_eq(mele_i_network_normal(&p.network, &p.rows, shapes[i].decay, p.weights, NULL,
                                           &(mele_i_network_result){&value, gradient, matrix},
                                           NULL), MELE_OK);
        cr_assert_eq(mele_i_network_objective(&p.network, &p.rows, shapes[i].decay, p.weights,
                                              NULL, &(mele_i_network_result){&same, other}, NULL), MELE_OK);
        cr_assert_float_eq(value, same, SAME_VALUE * same);
        for (size_t r = 0; r < shapes[i].rows; r++) {
            naive_jacobian(&p, p.x + r * shapes[i].inputs, J);
            for (size_t m = 0; m < shapes[i].outputs; m++)
                for (size_t a = 0; a < P; a++)
                    for (size_t b = 0; b <= a; b++)
                        wanted[a * P + b] +=
                            p.weight[r] * J[m * P + a] * J[m * P + b] / p.rows.total;
        }
        for (size_t a = 0; a < P; a++) {
            const size_t width = a < first ? shapes[i].inputs + 1 : shapes[i].hidden + 1;
            cr_assert_float_eq(gradient[a], other[a], 1e-12);
            for (size_t b = 0; b <= a; b++) {
                const bool decays = a == b && (a < first ? a : a - first) % width != 0;
                cr_assert_float_eq(matrix[a * P + b],
                                   wanted[a * P + b] + (decays ? shapes[i].decay : 0), DIFFERENCE,
                                   "%s: %zu, %zu", shapes[i].what, a, b);
            }
        }
        free(matrix);
        free(wanted);
        free(gradient);
        free(other);
        free(J);
        free_sampled(&p);
    }
}

Test(network, same_bytes_for_any_threads)
{
    static const unsigned threads[] = {2, 3, 8};
    const shape many = {"many rows", 40011, 5, 6, 2, false, MELE_I_TANH, 0.01};
    sampled p = make_sampled(&many);
    const size_t P = p.count;
    double *one = numbers(P * P + P), *other = numbers(P * P + P), value, again;

    cr_assert_eq(mele_i_network_normal(&p.network, &p.rows, 0.01, p.weights, NULL,
                                       &(mele_i_network_result){&value, one, one + P}, NULL), MELE_OK);
    for (size_t i = 0; i < COUNT(threads); i++) {
        mele_engine *engine = engine_of(threads[i]);
        cr_assert_eq(mele_i_network_normal(&p.network, &p.rows, 0.01, p.weights, engine,
                                           &(mele_i_network_result){&again, other, other + P},
                                           NULL), MELE_OK);
        SAME_BITS(&value, &again, 1);
        SAME_BITS(one, other, P);
        for (size_t a = 0; a < P; a++)
            SAME_BITS(one + P + a * P, other + P + a * P, a + 1);
        mele_engine_free(engine);
    }
    free(one);
    free(other);
    free_sampled(&p);
}

/* ---- kernels ---- */

enum { STEP = 104, MOST = 21 };

typedef struct buffers {
    double x[MOST * STEP], hidden[MOST * STEP], error[MOST * STEP], out[MOST * STEP];
    double weights[MOST * (MOST + 1)], sums[MOST * MOST];
} buffers;

static buffers *make_buffers(void)
{
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, 1, 2);
    buffers *b = mele_i_array(1, sizeof *b);
    double *all = (double *)b;

    cr_assert(b != NULL);
    for (size_t i = 0; i < sizeof *b / sizeof *all; i++)
        all[i] = mele_i_stream_normal(&stream);
    return b;
}

Test(network, kernels_have_the_same_bits)
{
    static const mele_i_activation all[] = {MELE_I_IDENTITY, MELE_I_TANH, MELE_I_LOGISTIC,
                                            MELE_I_RELU};
    static const size_t sizes[][3] = {{8, 1, 1}, {16, 3, 5}, {40, 16, 16}, {96, 7, 21}, {56, 20, 9}};
    buffers *a = make_buffers(), *b = make_buffers();

    for (size_t w = 1; mele_i_kernels_at(w) != NULL; w++)
        for (size_t i = 0; i < COUNT(sizes); i++)
            for (size_t f = 0; f < COUNT(all); f++) {
                const mele_i_kernels *plain = mele_i_kernels_at(0), *wide = mele_i_kernels_at(w);
                const size_t rows = sizes[i][0], cols = sizes[i][1], units = sizes[i][2];
                plain->layer(a->x, STEP, rows, cols, a->weights, units, all[f], a->out);
                wide->layer(b->x, STEP, rows, cols, b->weights, units, all[f], b->out);
                SAME_BITS(a->out, b->out, MOST * STEP);
                plain->layer_back(a->error, STEP, rows, cols, a->weights, a->hidden, units, all[f],
                                  a->out);
                wide->layer_back(b->error, STEP, rows, cols, b->weights, b->hidden, units, all[f],
                                 b->out);
                SAME_BITS(a->out, b->out, MOST * STEP);
                plain->products(a->x, cols, a->hidden, units, STEP, rows, a->sums, MOST);
                wide->products(b->x, cols, b->hidden, units, STEP, rows, b->sums, MOST);
                SAME_BITS(a->sums, b->sums, MOST * MOST);
            }
    free(a);
    free(b);
}

Test(network, products_are_sums_of_products)
{
    buffers *b = make_buffers();

    memset(b->sums, 0, sizeof b->sums);
    mele_i_kernels_best()->products(b->x, 7, b->hidden, 6, STEP, 96, b->sums, MOST);
    for (size_t q = 0; q < 7; q++)
        for (size_t c = 0; c < 6; c++) {
            double sum = 0;
            for (size_t i = 0; i < 96; i++)
                sum += b->x[q * STEP + i] * b->hidden[c * STEP + i];
            cr_assert_float_eq(b->sums[q * MOST + c], sum, 1e-12);
        }
    free(b);
}

static double ulps_off(double value, double wanted)
{
    return fabs(value - wanted) / (nextafter(fabs(wanted), INFINITY) - fabs(wanted));
}

/* Against the C library's tanh, which is at most 2 ulp off. */
Test(network, activations)
{
    const double identity[] = {0, 1};
    double in[8], out[8];

    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++)
        for (int e = -300; e <= 300; e++) {
            for (int l = 0; l < 8; l++)
                in[l] = (l % 2 ? -1 : 1) * (1 + 0.13 * l) * (e < 0 ? pow(10, e) : 0.08 * e);
            mele_i_kernels_at(w)->layer(in, 8, 8, 1, identity, 1, MELE_I_TANH, out);
            for (int l = 0; l < 8; l++)
                cr_assert(ulps_off(out[l], tanh(in[l])) < ULPS, "tanh(%g)", in[l]);
            mele_i_kernels_at(w)->layer(in, 8, 8, 1, identity, 1, MELE_I_LOGISTIC, out);
            for (int l = 0; l < 8; l++)
                cr_assert(ulps_off(out[l], 1 / (1 + exp(-in[l]))) < ULPS, "logistic(%g)", in[l]);
        }
    in[0] = INFINITY;
    in[1] = -INFINITY;
    in[2] = 1e300;
    in[3] = -1e300;
    mele_i_kernels_best()->layer(in, 8, 8, 1, identity, 1, MELE_I_TANH, out);
    cr_assert(out[0] == 1 && out[1] == -1 && out[2] == 1 && out[3] == -1);
    mele_i_kernels_best()->layer(in, 8, 8, 1, identity, 1, MELE_I_LOGISTIC, out);
    cr_assert(out[0] == 1 && out[1] >= 0 && out[1] < 1e-300 && out[3] < 1e-300);
}

/* One step from the formula. */
Test(network, adam)
{
    const mele_i_adam step = {.scale = 2, .mean_share = 0.1, .square_share = 0.01, .size = 0.3,
                              .floor = 1e-8};

    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++) {
        double x[8], g[8], decay[8], mean[8], square[8];
        for (int l = 0; l < 8; l++) {
            x[l] = 0.3 * l - 1;
            g[l] = 0.7 - 0.2 * l;
            decay[l] = 0.05 * l;
            mean[l] = 0.4;
            square[l] = 0.9;
        }
        mele_i_kernels_at(w)->adam(&step, 8, g, decay, x, mean, square);
        for (int l = 0; l < 8; l++) {
            const double at = 0.3 * l - 1, gradient = 2 * (0.7 - 0.2 * l) + 0.05 * l * at;
            const double m = 0.9 * 0.4 + 0.1 * gradient;
            const double s = 0.99 * 0.9 + 0.01 * gradient * gradient;
            cr_assert_float_eq(mean[l], m, 1e-15);
            cr_assert_float_eq(square[l], s, 1e-15);
            cr_assert_float_eq(x[l], at - 0.3 * m / (sqrt(s) + 1e-8), 1e-15);
        }
    }
}

/* ---- trainers ---- */

static mele_i_training training_of(sampled *p, const shape *s, double *weights)
{
    return (mele_i_training){.network = &p->network, .rows = &p->rows, .decay = s->decay,
                             .batch = 32, .rate = 0.01, .weights = weights,
                             .stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 5, 6)};
}

/* Every trainer lowers the objective, says by how much, and is the same again. */
Test(network, trainers_descend)
{
    for (size_t t = 0; mele_i_trainer_at(t) != NULL; t++)
        for (size_t i = 0; i < COUNT(shapes); i++) {
            const mele_i_trainer *trainer = mele_i_trainer_at(t);
            if (shapes[i].classes && !trainer->classes)
                continue;
            sampled p = make_sampled(&shapes[i]);
            double *weights = numbers(p.count), *again = numbers(p.count), before, after;
            memcpy(weights, p.weights, p.count * sizeof *weights);
            memcpy(again, p.weights, p.count * sizeof *again);
            mele_i_training one = training_of(&p, &shapes[i], weights);
            mele_i_training two = training_of(&p, &shapes[i], again);
            cr_assert_eq(trainer->train(&one, NULL), MELE_OK);
            cr_assert_eq(trainer->train(&two, NULL), MELE_OK);
            SAME_BITS(weights, again, p.count);
            mele_i_network_objective(&p.network, &p.rows, shapes[i].decay, p.weights, NULL,
                                     &(mele_i_network_result){&before, NULL}, NULL);
            mele_i_network_objective(&p.network, &p.rows, shapes[i].decay, weights, NULL,
                                     &(mele_i_network_result){&after, NULL}, NULL);
            SAME_BITS(&after, &one.value, 1);
            cr_assert(after < before, "%s: %s", trainer->name, shapes[i].what);
            cr_assert(isnan(one.loss));
            free(weights);
            free(again);
            free_sampled(&p);
        }
}

/* Where the decay is strong the minimum is one, up to the order and signs of units: trainers that
 * go on until the gradient vanishes find its value. */
Test(network, full_batch_trainers_agree)
{
    const shape s = {"strong decay", 203, 3, 2, 1, false, MELE_I_TANH, 0.02};
    sampled p = make_sampled(&s);
    double weights[2][16], value[2];

    for (size_t i = 0; i < s.rows; i++)
        p.y[i] = tanh(p.x[i * 3] + 0.5 * p.x[i * 3 + 1]);
    p.rows.total = 0;
    for (size_t g = 0; g < p.rows.groups; g++)
        mele_i_network_rows_put(&p.rows, &p.network, g, p.x + g * 24, p.y + g * 8, p.weight + g * 8,
                                s.rows - g * 8 < 8 ? s.rows - g * 8 : 8);
    for (size_t t = 0; t < 2; t++) {
        memcpy(weights[t], p.weights, p.count * sizeof(double));
        mele_i_training one = training_of(&p, &s, weights[t]);
        cr_assert_eq(mele_i_trainer_at(t)->train(&one, NULL), MELE_OK);
        value[t] = one.value;
        cr_assert(one.converged);
    }
    cr_assert_float_eq(value[0], value[1], 1e-4 * value[1], "%.12g %.12g", value[0], value[1]);
    free_sampled(&p);
}

/* The weights with the least loss of the held-out rows are kept. */
Test(network, watches_what_is_held_out)
{
    const shape s = {"noise", 60, 3, 12, 1, false, MELE_I_TANH, 0};

    for (size_t t = 0; mele_i_trainer_at(t) != NULL; t++) {
        sampled p = make_sampled(&s), held = make_sampled(&s);
        double *weights = numbers(p.count), loss, first;
        for (size_t i = 0; i < held.rows.groups * 8; i++)
            held.rows.y[i] = 0;
        memcpy(weights, p.weights, p.count * sizeof *weights);
        mele_i_training one = training_of(&p, &s, weights);
        one.validation = &held.rows;
        one.max_epochs = 200;
        cr_assert_eq(mele_i_trainer_at(t)->train(&one, NULL), MELE_OK);
        mele_i_network_objective(&p.network, &held.rows, 0, weights, NULL,
                                 &(mele_i_network_result){&loss, NULL}, NULL);
        mele_i_network_objective(&p.network, &held.rows, 0, p.weights, NULL,
                                 &(mele_i_network_result){&first, NULL}, NULL);
        SAME_BITS(&loss, &one.loss, 1);
        cr_assert(loss < first, "%s", mele_i_trainer_at(t)->name);
        cr_assert(one.epochs < 200, "%s: %zu", mele_i_trainer_at(t)->name, one.epochs);
        free(weights);
        free_sampled(&p);
        free_sampled(&held);
    }
}

/* Every allocation fails in turn: the status says so, weights are untouched. */
Test(network, out_of_memory)
{
    const shape s = {"small", 30, 2, 3, 1, false, MELE_I_TANH, 0.1};

    for (size_t t = 0; mele_i_trainer_at(t) != NULL; t++) {
        sampled p = make_sampled(&s);
        double weights[13];
        size_t failures = 0;
        for (size_t n = 0;; n++) {
            memcpy(weights, p.weights, sizeof weights);
            mele_i_training one = training_of(&p, &s, weights);
            one.validation = &p.rows;
            one.max_epochs = 2;
            failing_malloc_at(n);
            mele_status status = mele_i_trainer_at(t)->train(&one, NULL);
            const bool failed = failing_malloc_end();
            cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
            if (!failed)
                break;
            SAME_BITS(weights, p.weights, 13);
            failures++;
        }
        cr_assert(failures > 4, "%s: %zu", mele_i_trainer_at(t)->name, failures);
        free_sampled(&p);
    }
}
