/* Neural network experts, through the table's row alone. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "expert/kind.h"
#include "expert/mlp/state.h"
#include "support/size.h"
#include "unit/expert_support.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define MOST_OUTPUTS 4
#define UNTOUCHED 0.25

/* What an expert is trained on, and what came of it. */
typedef struct problem {
    size_t n, d, m, classes;
    double *x, *y, *weights;
    double *rival; /* NULL: none */
} problem;

typedef struct outcome {
    mele_i_expert expert;
    mele_expert_info info;
    double variance[MOST_OUTPUTS], *left_out, *left_out_variance;
} outcome;

/* Floors of variances, where nothing is about them. */
static const double least[MOST_OUTPUTS] = {DBL_MIN, DBL_MIN, DBL_MIN};

static size_t outputs_of(const problem *p)
{
    return p->classes > 0 ? p->classes : p->m;
}

static problem make_numbers(size_t n, size_t d, size_t m, size_t classes)
{
    problem p = {n, d, m, classes, numbers(n * d), numbers(n * m), numbers(n), NULL};

    return p;
}

static double wave(const double *x, size_t d, size_t m)
{
    return sin(1.5 * x[0]) + (d > 1 ? 0.5 * x[1] * x[d - 1] : 0) + 0.3 * (double)m * x[d - 1];
}

/* Smooth targets with noise, or three classes that a smooth function tells apart. */
static problem make_smooth(size_t n, size_t d, size_t m, size_t classes, double noise)
{
    problem p = make_numbers(n, d, m, classes);
    mele_i_stream s = mele_i_stream_make(17, MELE_I_FOR_TESTS, n, d);

    for (size_t i = 0; i < n; i++) {
        double *x = p.x + i * d;
        for (size_t j = 0; j < d; j++)
            x[j] = mele_i_stream_normal(&s);
        for (size_t t = 0; t < m; t++)
            p.y[i * m + t] = wave(x, d, t) + noise * mele_i_stream_normal(&s);
        if (classes > 0)
            p.y[i] = p.y[i] < -0.4 ? 0 : p.y[i] < 0.4 || classes == 2 ? 1 : 2;
        p.weights[i] = 0.5 + mele_i_stream_uniform(&s);
    }
    return p;
}

static void free_smooth(problem *p)
{
    free(p->x);
    free(p->y);
    free(p->weights);
    free(p->rival);
}

static mele_expert_options options_of(const char *trainer)
{
    mele_expert_options o = mele_expert_defaults();

    o.kind = "mlp";
    o.ridge = mele_i_expert_mlp.ridge;
    o.trainer = trainer;
    o.hidden = 6;
    o.folds = 4;
    return o;
}

/* As a caller of train() does it: weights of mean 1, the sum in expert.rows. */
static mele_status train_from(const problem *p, const mele_expert_options *options,
                              const mele_i_expert *start, mele_engine *engine, bool left_out,
                              outcome *out)
{
    const size_t count = p->n * outputs_of(p);
    const mele_i_expert_shape shape = {p->d, outputs_of(p), p->classes};
    size_t *row = calloc(p->n, sizeof *row);
    double *weights = numbers(p->n), sum = 0;

    *out = (outcome){.expert = {.kind = &mele_i_expert_mlp, .degree = 1}};
    for (size_t i = 0; i < p->n; i++) {
        row[i] = i;
        sum += p->weights[i];
    }
    for (size_t i = 0; i < p->n; i++)
        weights[i] = p->weights[i] * ((double)p->n / sum);
    out->expert.rows = sum;
    out->expert.variance = p->classes > 0 ? NULL : out->variance;
    if (left_out) {
        out->left_out = numbers(count);
        out->left_out[0] = UNTOUCHED;
        out->left_out_variance = p->classes > 0 ? NULL : numbers(count);
    }
    const mele_i_expert_rows rows = {p->n, row, p->x, p->y, weights, 2, p->rival, least};
    mele_i_expert_result result = {&out->expert, &out->info, out->left_out,
                                   out->left_out_variance};
    mele_status status = mele_i_expert_mlp.train(&rows, &shape, options, start, engine, &result,
                                                 NULL);
    free(row);
    free(weights);
    return status;
}

static outcome train(const problem *p, const mele_expert_options *options, bool left_out)
{
    outcome out;

    cr_assert_eq(train_from(p, options, NULL, NULL, left_out, &out), MELE_OK);
    return out;
}

static void free_outcome(outcome *o)
{
    mele_i_expert_mlp.free(o->expert.state);
    free(o->left_out);
    free(o->left_out_variance);
}

static void predict(const problem *p, const outcome *o, const double *x, size_t rows, double *out)
{
    const mele_i_expert *expert = &o->expert;
    const mele_i_expert_group group = {{p->d, outputs_of(p), p->classes}, 1, &expert,
                                       outputs_of(p)};
    void *scratch = mele_i_array(mele_i_expert_mlp.scratch(&group, rows), 1);

    cr_assert(scratch != NULL);
    mele_i_expert_mlp.predict(&group, x, p->d, rows, out, NULL, scratch);
    free(scratch);
}

static double mean_square(const double *a, const double *b, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / (double)count;
}

/* ---- accuracy ---- */

/* New rows are predicted to little more than the noise, whatever trains; the variance says so. */
Test(mlp, learns_a_smooth_function)
{
    static const char *const trainers[] = {NULL, "lm", "bfgs", "adam"};
    static const char *const activations[] = {"tanh", "logistic", "relu"};
    const double noise = 0.1;
    problem p = make_smooth(2000, 3, 1, 0, noise), fresh = make_smooth(1700, 3, 1, 0, noise);
    double *predicted = numbers(fresh.n);

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    for (size_t t = 0; t < COUNT(trainers); t++)
        for (size_t a = 0; a < COUNT(activations); a++) {
            if (TEST_SIZE(false, false, a != t % COUNT(activations)))
                continue;
            mele_expert_options o = options_of(trainers[t]);
            o.hidden = 12;
            o.activation = activations[a];
            o.max_epochs = t == 3 ? 150 : 0;
            outcome out = train(&p, &o, false);
            predict(&p, &out, fresh.x, fresh.n, predicted);
            const double error = mean_square(predicted, fresh.y, fresh.n);
            cr_assert(error < (a == 2 || t == 3 ? 5 : 1.7) * noise * noise, "%s, %s: %g",
                      trainers[t] == NULL ? "default" : trainers[t], activations[a], error);
            cr_assert(out.variance[0] > 0.8 * error && out.variance[0] < 1.8 * error,
                      "variance %g, error %g", out.variance[0], error);
            cr_assert_eq(out.info.rank, 12 * 4 + 13);
            cr_assert_eq(out.expert.rank, out.info.rank);
            cr_assert(out.info.iterations > 0);
            free_outcome(&out);
        }
    free(predicted);
    free_smooth(&fresh);
    free_smooth(&p);
}

Test(mlp, learns_classes)
{
    static const char *const trainers[] = {NULL, "lm", "bfgs", "adam"}; /* lm: for regression only */
    problem p = make_smooth(1200, 2, 1, 3, 0.05), fresh = make_smooth(900, 2, 1, 3, 0.05);
    double *predicted = numbers(fresh.n * 3);

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    for (size_t t = 0; t < COUNT(trainers); t++) {
        mele_expert_options o = options_of(trainers[t]);
        o.hidden = 10;
        outcome out = train(&p, &o, true);
        double loss = 0, wrong = 0;
        predict(&p, &out, fresh.x, fresh.n, predicted);
        for (size_t i = 0; i < fresh.n; i++) {
            const double *l = predicted + 3 * i;
            const size_t class = (size_t)fresh.y[i], best = l[0] >= l[1] ? 0 : 1;
            cr_assert_float_eq(exp(l[0]) + exp(l[1]) + exp(l[2]), 1, 1e-14);
            loss -= l[class] / (double)fresh.n;
            wrong += (l[2] > l[best] ? 2 : best) != class;
        }
        cr_assert(wrong / (double)fresh.n < 0.08, "%g wrong", wrong / (double)fresh.n);
        cr_assert_float_eq(out.info.left_out, loss, 0.07, "%g, new rows %g", out.info.left_out,
                           loss);
        cr_assert(out.info.error < out.info.left_out);
        free_outcome(&out);
    }
    free(predicted);
    free_smooth(&fresh);
    free_smooth(&p);
}

/* The best of 5 starts without decay against nnet's best of 20 (tests/ref/mlp.R). */
Test(mlp, as_low_as_nnet_on_mcycle)
{
    const double nnet = 386.61;
    if (TEST_SIZE(false, false, true))
        cr_skip_test("how low an optimum is takes no sanitizer");
    problem p = make_numbers(133, 1, 1, 0);
    double *both = numbers(266);

    cr_assert_eq(read_numbers("mcycle.csv", 2, both, 133), 133);
    for (size_t i = 0; i < p.n; i++) {
        p.x[i] = both[2 * i];
        p.y[i] = both[2 * i + 1];
        p.weights[i] = 1;
    }
    mele_expert_options o = options_of(NULL);
    o.hidden = 8;
    o.ridge = o.holdout = 0;
    o.restarts = 5;
    o.folds = 2;
    outcome out = train(&p, &o, false);
    cr_assert(out.info.error < 1.02 * nnet, "%g", out.info.error);
    free_outcome(&out);
    free(both);
    free_smooth(&p);
}

/* ---- what does not change a result ---- */

Test(mlp, same_bytes_for_any_threads)
{
    static const unsigned threads[] = {2, 3, 8};
    static const char *const trainers[] = {"lm", "bfgs", "adam"};

    for (size_t t = 0; t < COUNT(trainers); t++)
        for (size_t classes = 0; classes <= 3; classes += 3) {
            problem p = make_smooth(700, 3, classes > 0 ? 1 : 2, classes, 0.2);
            const size_t count = p.n * outputs_of(&p);
            mele_expert_options o = options_of(trainers[t]);
            o.restarts = 3;
            o.networks = 2;
            o.max_epochs = 12;
            o.holdout = t == 1 ? 0.2 : 0;
            outcome one = train(&p, &o, true), many;
            double *a = numbers(count), *b = numbers(count);
            predict(&p, &one, p.x, p.n, a);
            for (size_t i = 0; i < COUNT(threads); i++) {
                mele_engine *engine = engine_of(threads[i]);
                cr_assert_eq(train_from(&p, &o, NULL, engine, true, &many), MELE_OK);
                predict(&p, &many, p.x, p.n, b);
                SAME_BITS(a, b, count);
                SAME_BITS(one.left_out, many.left_out, count);
                SAME_BITS(one.variance, many.variance, MOST_OUTPUTS);
                SAME_BITS(&one.info.error, &many.info.error, 1);
                SAME_BITS(&one.info.left_out, &many.info.left_out, 1);
                free_outcome(&many);
                mele_engine_free(engine);
            }
            free(a);
            free(b);
            free_outcome(&one);
            free_smooth(&p);
        }
}

Test(mlp, a_row_alone_is_predicted_as_among_others)
{
    for (size_t classes = 0; classes <= 3; classes += 3) {
        problem p = make_smooth(905, 3, 1, classes, 0.2);
        const size_t M = outputs_of(&p);
        mele_expert_options o = options_of("bfgs");
        o.max_epochs = 5;
        o.networks = 2;
        outcome out = train(&p, &o, false);
        double *all = numbers(p.n * M), one[MOST_OUTPUTS];
        predict(&p, &out, p.x, p.n, all);
        for (size_t i = 0; i < p.n; i++) {
            predict(&p, &out, p.x + i * p.d, 1, one);
            SAME_BITS(one, all + i * M, M);
        }
        free(all);
        free_outcome(&out);
        free_smooth(&p);
    }
}

/* Weight 2 and the row twice are one objective: the same from the same start, to rounding. */
Test(mlp, weight_two_is_the_row_twice)
{
    static const char *const trainers[] = {"lm", "bfgs"};

    for (size_t t = 0; t < COUNT(trainers); t++)
        for (size_t classes = 0; classes <= 3; classes += 3) {
            problem p = make_smooth(150, 2, 1, classes, 0.1), twice = make_numbers(200, 2, 1, classes);
            const size_t M = outputs_of(&p);
            double *a = numbers(p.n * M), *b = numbers(p.n * M);
            mele_expert_options o = options_of(trainers[t]);
            o.max_epochs = 8;
            o.holdout = 0;
            for (size_t i = 0; i < 200; i++) {
                const size_t from = i < 150 ? i : i - 150;
                memcpy(twice.x + 2 * i, p.x + 2 * from, 2 * sizeof *p.x);
                twice.y[i] = p.y[from];
                twice.weights[i] = 1;
                p.weights[from] = from < 50 ? 2 : 1;
            }
            outcome one = train(&p, &o, false), two = train(&twice, &o, false);
            predict(&p, &one, p.x, p.n, a);
            predict(&p, &two, p.x, p.n, b);
            for (size_t i = 0; i < p.n * M; i++)
                cr_assert_float_eq(a[i], b[i], 1e-7, "%s: %g, %g", trainers[t], a[i], b[i]);
            cr_assert_float_eq(one.info.error, two.info.error, 1e-8);
            free(a);
            free(b);
            free_outcome(&one);
            free_outcome(&two);
            free_smooth(&p);
            free_smooth(&twice);
        }
}

/* Units of columns and targets: powers of two are exact, so the same bits come back in them. */
Test(mlp, units_do_not_matter)
{
    static const double units[][2] = {{0x1p-20, 0x1p30}, {0x1p40, 0x1p-60}, {0x1p400, 0x1p-300},
                                      {0x1p-500, 0x1p700}};
    problem p = make_smooth(120, 2, 1, 0, 0.1), other = make_smooth(120, 2, 1, 0, 0.1);
    mele_expert_options o = options_of("lm");
    outcome one = train(&p, &o, true);
    double *a = numbers(p.n), *b = numbers(p.n);

    predict(&p, &one, p.x, p.n, a);
    for (size_t u = 0; u < COUNT(units); u++) {
        for (size_t i = 0; i < p.n * p.d; i++)
            other.x[i] = p.x[i] * units[u][0];
        for (size_t i = 0; i < p.n; i++)
            other.y[i] = p.y[i] * units[u][1];
        outcome two = train(&other, &o, true);
        predict(&other, &two, other.x, p.n, b);
        for (size_t i = 0; i < p.n; i++) {
            cr_assert_float_eq(b[i] / units[u][1], a[i], 1e-3, "%g, %g", b[i] / units[u][1], a[i]);
            cr_assert_float_eq(two.left_out[i] / units[u][1], one.left_out[i], 1e-2);
        }
        free_outcome(&two);
    }
    free(a);
    free(b);
    free_outcome(&one);
    free_smooth(&p);
    free_smooth(&other);
}

/* ---- what is left out ---- */

/* A row's own target is not in its left-out prediction, and the variance does not depend on whether
 * such predictions are wanted. */
Test(mlp, left_out_predictions_leave_the_row_out)
{
    static const double holdouts[] = {0, 0.2};
    problem p = make_smooth(90, 2, 2, 0, 0.2);

    for (size_t h = 0; h < COUNT(holdouts); h++) {
        mele_expert_options o = options_of("lm");
        o.holdout = holdouts[h];
        outcome with = train(&p, &o, true), without = train(&p, &o, false);
        SAME_BITS(with.variance, without.variance, 2);
        for (size_t i = 0; i < p.n; i++)
            SAME_BITS(with.left_out_variance + 2 * i, with.variance, 2);
        for (size_t i = 3; i < p.n; i += 29) {
            const double y = p.y[2 * i];
            p.y[2 * i] += 40;
            outcome changed = train(&p, &o, true);
            SAME_BITS(changed.left_out + 2 * i, with.left_out + 2 * i, 2);
            cr_assert(memcmp(changed.left_out, with.left_out, p.n * 2 * sizeof(double)) != 0);
            free_outcome(&changed);
            p.y[2 * i] = y;
        }
        free_outcome(&with);
        free_outcome(&without);
    }
    free_smooth(&p);
}

/* With many rows a weight residuals are corrected by the mean leverage, as the file says. */
Test(mlp, many_rows_are_left_out_by_leverage)
{
    problem p = make_smooth(1500, 2, 1, 0, 0.2);
    mele_expert_options o = options_of("lm");
    double *values = numbers(p.n), sum = 0, square = 0;

    o.hidden = 2;
    outcome out = train(&p, &o, true);
    predict(&p, &out, p.x, p.n, values);
    for (size_t i = 0; i < p.n; i++) {
        sum += p.weights[i];
        square += p.weights[i] * p.weights[i];
    }
    const double rest = 1 - 9 / (sum * sum / square);
    for (size_t i = 0; i < p.n; i++)
        cr_assert_float_eq(out.left_out[i], p.y[i] - (p.y[i] - values[i]) / rest, 1e-12);
    cr_assert_float_eq(out.info.left_out, out.info.error / rest / rest, 1e-12);
    free(values);
    free_outcome(&out);
    free_smooth(&p);
}

/* ---- rivals ---- */

/* What a rival predicts: the function itself (of classes: nine in ten for the right one), or what
 * is far from it. */
static void set_rival(problem *p, bool good)
{
    const size_t M = outputs_of(p);

    free(p->rival);
    p->rival = numbers(p->n * M);
    for (size_t i = 0; i < p->n; i++)
        for (size_t m = 0; m < M; m++) {
            double *out = p->rival + i * M + m;
            if (p->classes == 0)
                *out = wave(p->x + i * p->d, p->d, m) + (good ? 0 : 10);
            else
                *out = log(((size_t)p->y[i] == m) == good ? 0.9 : 0.05);
        }
}

static double rival_error(const problem *p)
{
    const size_t M = outputs_of(p);
    double sum = 0, total = 0;

    for (size_t i = 0; i < p->n; i++) {
        for (size_t m = 0; m < p->m && p->classes == 0; m++)
            sum += p->weights[i] / (double)M * pow(p->rival[i * M + m] - p->y[i * M + m], 2);
        if (p->classes > 0)
            sum -= p->weights[i] * p->rival[i * M + (size_t)p->y[i]];
        total += p->weights[i];
    }
    return sum / total;
}

static const struct against {
    char trainer[8];
    size_t n, m, classes, networks;
    double holdout, noise;
} againsts[] = {
    {"lm", 150, 1, 0, 1, 0, 0.1},    {"lm", 300, 2, 0, 5, 0, 0.1},
    {"bfgs", 150, 1, 3, 1, 0, 0.01}, {"adam", 260, 1, 3, 2, 0.1, 0.01},
    {"bfgs", 260, 2, 0, 1, 0.2, 0.1},
};

static problem make_against(const struct against *a, mele_expert_options *o)
{
    *o = options_of(a->trainer);
    o->networks = a->networks;
    o->holdout = a->holdout;
    o->max_epochs = 20;
    return make_smooth(a->n, 3, a->m, a->classes, a->noise);
}

/* What is given up leaves nothing but an error above the rival's, near what the whole's would be. */
Test(mlp, gives_up_against_a_good_rival)
{
    for (size_t i = 0; i < COUNT(againsts); i++) {
        mele_expert_options o;
        problem p = make_against(&againsts[i], &o);
        outcome whole = train(&p, &o, true), one;
        set_rival(&p, true);
        for (unsigned threads = 1; threads <= 3; threads++) {
            mele_engine *engine = engine_of(threads);
            outcome out;
            cr_assert_eq(train_from(&p, &o, NULL, engine, true, &out), MELE_OK);
            cr_assert(out.expert.state == NULL, "%zu: %g, rival %g", i, whole.info.left_out,
                      rival_error(&p));
            cr_assert_eq(out.expert.rank, 0);
            cr_assert_eq(out.left_out[0], UNTOUCHED);
            cr_assert(out.info.left_out > rival_error(&p));
            cr_assert(out.info.left_out > 0.4 * whole.info.left_out
                      && out.info.left_out < 2.5 * whole.info.left_out, "%zu: %g, whole %g", i,
                      out.info.left_out, whole.info.left_out);
            if (threads == 1)
                one = out;
            SAME_BITS(&out.info.left_out, &one.info.left_out, 1);
            free_outcome(&out);
            mele_engine_free(engine);
        }
        free_outcome(&whole);
        free_smooth(&p);
    }
}

static void same_outcome(const problem *p, const outcome *a, const outcome *b)
{
    const size_t count = p->n * outputs_of(p);
    const mele_i_mlp *s = a->expert.state, *t = b->expert.state;

    cr_assert(s != NULL && t != NULL);
    SAME_BITS(s->weights, t->weights, s->networks * s->count);
    SAME_BITS(a->left_out, b->left_out, count);
    SAME_BITS(a->variance, b->variance, MOST_OUTPUTS);
    SAME_BITS(&a->info.left_out, &b->info.left_out, 1);
    SAME_BITS(&a->info.error, &b->info.error, 1);
    cr_assert_eq(a->info.iterations, b->info.iterations);
    cr_assert_eq(a->expert.rank, b->expert.rank);
}

/* A bad rival, and one that is just as good, change nothing. */
Test(mlp, a_rival_that_is_beaten_changes_nothing)
{
    for (size_t i = 0; i < COUNT(againsts); i++) {
        mele_expert_options o;
        problem p = make_against(&againsts[i], &o);
        outcome alone = train(&p, &o, true);
        for (unsigned threads = 1; threads <= 3; threads++) {
            mele_engine *engine = engine_of(threads);
            outcome out;
            set_rival(&p, false);
            cr_assert_eq(train_from(&p, &o, NULL, engine, true, &out), MELE_OK);
            same_outcome(&p, &out, &alone);
            free_outcome(&out);
            if (o.networks == 1) { /* more are averaged in another order then */
                memcpy(p.rival, alone.left_out, p.n * outputs_of(&p) * sizeof *p.rival);
                cr_assert_eq(train_from(&p, &o, NULL, engine, true, &out), MELE_OK);
                same_outcome(&p, &out, &alone);
                free_outcome(&out);
            }
            mele_engine_free(engine);
        }
        free_outcome(&alone);
        free_smooth(&p);
    }
}

/* With restarts to pick from, many rows a weight, few rows a fold, or few that weigh something,
 * nothing is given up. */
Test(mlp, a_rival_is_not_always_asked)
{
    static const struct {
        size_t n, hidden, restarts, heavy;
    } cases[] = {{150, 6, 2, 0}, {1500, 2, 1, 0}, {35, 6, 1, 0}, {150, 6, 1, 20}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = make_smooth(cases[i].n, 2, 1, 0, 0.1);
        mele_expert_options o = options_of("lm");
        o.hidden = cases[i].hidden;
        o.restarts = cases[i].restarts;
        for (size_t h = 0; h < cases[i].heavy; h++)
            p.weights[h] = 1e6;
        outcome alone = train(&p, &o, true);
        set_rival(&p, true);
        cr_assert(alone.info.left_out > rival_error(&p));
        outcome out = train(&p, &o, true);
        same_outcome(&p, &out, &alone);
        free_outcome(&out);
        free_outcome(&alone);
        free_smooth(&p);
    }
}

/* ---- starts ---- */

Test(mlp, more_restarts_are_never_worse)
{
    problem p = make_smooth(90, 3, 1, 0, 0.1);
    double before = INFINITY;

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    for (size_t restarts = 1; restarts <= TEST_SIZE(8, 4, 2); restarts *= 2) {
        mele_expert_options o = options_of("lm");
        o.ridge = 0;
        o.max_epochs = 60;
        o.restarts = restarts;
        outcome out = train(&p, &o, false);
        cr_assert(out.info.error <= before);
        before = out.info.error;
        free_outcome(&out);
    }
    free_smooth(&p);
}

/* Two networks' average is that of the same two apart. */
Test(mlp, networks_are_averaged)
{
    problem p = make_smooth(100, 2, 1, 0, 0.1);
    mele_expert_options o = options_of("lm");
    double both[100], sum[100] = {0}, one[100];

    o.networks = 2;
    outcome out = train(&p, &o, false);
    mele_i_mlp *state = out.expert.state, single = *state;
    cr_assert_eq(out.info.rank, 2 * state->count);
    predict(&p, &out, p.x, p.n, both);
    single.networks = 1;
    for (size_t q = 0; q < 2; q++) {
        outcome of_one = {.expert = {.state = &single}};
        predict(&p, &of_one, p.x, p.n, one);
        for (size_t i = 0; i < p.n; i++)
            sum[i] += one[i] / 2;
        single.weights += single.count;
    }
    for (size_t i = 0; i < p.n; i++)
        cr_assert_float_eq(both[i], sum[i], 1e-14);
    free_outcome(&out);
    free_smooth(&p);
}

/* One epoch from a trained network, of other rows in other units, is nearly as good as it. */
Test(mlp, starts_from_an_expert)
{
    problem p = make_smooth(400, 3, 1, 0, 0.1), other = make_smooth(430, 3, 1, 0, 0.1);
    mele_expert_options o = options_of("lm");
    outcome cold, warm;

    o.hidden = 12;
    outcome start = train(&p, &o, false);
    o.max_epochs = 1;
    for (size_t i = 0; i < other.n; i++)
        other.y[i] = other.y[i] * 1.2 + 0.3;
    cr_assert_eq(train_from(&other, &o, NULL, NULL, false, &cold), MELE_OK);
    cr_assert_eq(train_from(&other, &o, &start.expert, NULL, false, &warm), MELE_OK);
    cr_assert(warm.info.error < 0.3 * cold.info.error && warm.info.error < 0.1, "%g, %g",
              warm.info.error, cold.info.error);
    free_outcome(&warm);
    o.hidden = 5; /* another shape: from nothing */
    cr_assert_eq(train_from(&other, &o, &start.expert, NULL, false, &warm), MELE_OK);
    free_outcome(&cold);
    cr_assert_eq(train_from(&other, &o, NULL, NULL, false, &cold), MELE_OK);
    SAME_BITS(&warm.info.error, &cold.info.error, 1);
    free_outcome(&cold);
    free_outcome(&warm);
    free_outcome(&start);
    free_smooth(&p);
    free_smooth(&other);
}

/* ---- degenerate regions ---- */

static void constant_target(problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = -7.25;
}
static void constant_columns(problem *p)
{
    for (size_t i = 0; i < p->n * p->d; i++)
        p->x[i] = 3.5;
}
static void constant_column(problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d] = 1e8;
}
static void duplicates(problem *p)
{
    for (size_t i = 1; i < p->n; i++) {
        memcpy(p->x + i * p->d, p->x, p->d * sizeof *p->x);
        p->y[i] = p->y[0];
    }
}
static void large_targets(problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] *= 1e300;
}
static void largest_targets(problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = i % 2 ? DBL_MAX : -DBL_MAX;
}
static void tiny_targets(problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] *= 1e-310;
}
static void large_columns(problem *p)
{
    for (size_t i = 0; i < p->n * p->d; i++)
        p->x[i] *= 1e150;
}
static void largest_columns(problem *p)
{
    for (size_t i = 0; i < p->n * p->d; i++)
        p->x[i] = i % 3 ? DBL_MAX : -DBL_MAX;
}
static void tiny_columns(problem *p)
{
    for (size_t i = 0; i < p->n * p->d; i++)
        p->x[i] *= 1e-310;
}
static void an_outlier(problem *p)
{
    p->x[0] = 1e12;
    p->y[0] = -1e20;
}
static void spread_weights(problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->weights[i] = pow(10, -300 + 600 * (double)i / (double)p->n);
}
static void tiny_weights(problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->weights[i] *= 1e-300;
}
static void one_class(problem *p)
{
    for (size_t i = 0; i < p->n && p->classes > 0; i++)
        p->y[i] = 1;
}
static void separable(problem *p)
{
    for (size_t i = 0; i < p->n && p->classes > 0; i++)
        p->y[i] = p->x[i * p->d] > 0 ? 2 : 0;
}
static void nothing(problem *p)
{
    (void)p;
}

static const struct degenerate {
    char what[40];
    size_t n, d;
    void (*spoil)(problem *p);
    double ridge;
} degenerates[] = {
    {"one row", 1, 2, nothing, 0.3},
    {"two rows", 2, 2, nothing, 0.3},
    {"fewer rows than weights", 9, 3, nothing, 0},
    {"a constant target", 40, 2, constant_target, 0.3},
    {"constant columns", 40, 2, constant_columns, 0.3},
    {"a constant column", 40, 2, constant_column, 0},
    {"one row many times", 40, 2, duplicates, 0},
    {"large targets", 60, 2, large_targets, 0.3},
    {"the largest targets", 60, 2, largest_targets, 0},
    {"tiny targets", 60, 2, tiny_targets, 0.3},
    {"large columns", 60, 2, large_columns, 0.3},
    {"the largest columns", 60, 2, largest_columns, 0},
    {"tiny columns", 60, 2, tiny_columns, 0.3},
    {"an outlier", 60, 2, an_outlier, 0},
    {"weights spread", 60, 2, spread_weights, 0.3},
    {"tiny weights", 60, 2, tiny_weights, 0.3},
    {"one class", 40, 2, one_class, 0},
    {"separable classes", 80, 2, separable, 0},
    {"a huge ridge", 40, 2, nothing, 1e300},
};

static void check_finite(const problem *p, const outcome *out, const char *what)
{
    static const double places[] = {0, -1, 1e3, 1e30, -1e300, DBL_MAX, 1e-300};
    const size_t M = outputs_of(p);
    double *x = numbers(p->d), *one = numbers(M), *all = numbers(p->n * M);

    predict(p, out, p->x, p->n, all);
    for (size_t i = 0; i < p->n * M; i++)
        cr_assert(isfinite(all[i]) && isfinite(out->left_out[i]), "%s: row %zu: %g, left out %g",
                  what, i, all[i], out->left_out[i]);
    for (size_t i = 0; i < COUNT(places); i++) {
        for (size_t j = 0; j < p->d; j++)
            x[j] = places[(i + j) % COUNT(places)];
        predict(p, out, x, 1, one);
        for (size_t m = 0; m < M; m++)
            cr_assert(isfinite(one[m]), "%s: place %zu: %g", what, i, one[m]);
    }
    for (size_t m = 0; m < M && p->classes == 0; m++)
        cr_assert(out->variance[m] > 0 && isfinite(out->variance[m]), "%s: variance %g", what,
                  out->variance[m]);
    cr_assert(isfinite(out->info.error) && out->info.error >= 0, "%s: %g", what, out->info.error);
    free(x);
    free(one);
    free(all);
}

Test(mlp, degenerate_regions)
{
    static const char *const trainers[] = {NULL, "bfgs", "adam"};
    static const char *const activations[] = {"tanh", "logistic", "relu"};

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    for (size_t i = 0; i < COUNT(degenerates); i++)
        for (size_t t = 0; t < COUNT(trainers); t++)
            for (size_t a = 0; a < COUNT(activations); a++)
                for (size_t classes = 0; classes <= 3; classes += 3) {
                    problem p = make_smooth(degenerates[i].n, degenerates[i].d, 1, classes, 0.1);
                    mele_expert_options o = options_of(trainers[t]);
                    o.activation = activations[a];
                    o.ridge = degenerates[i].ridge;
                    o.max_epochs = TEST_SIZE(40, 40, 5);
                    if (classes == 0 || degenerates[i].spoil == one_class
                        || degenerates[i].spoil == separable || degenerates[i].spoil == an_outlier
                        || p.n < 3)
                        degenerates[i].spoil(&p);
                    if (classes > 0)
                        p.y[0] = floor(fabs(fmod(p.y[0], 3)));
                    outcome out = train(&p, &o, true);
                    check_finite(&p, &out, degenerates[i].what);
                    free_outcome(&out);
                    free_smooth(&p);
                }
}

/* Outcomes that are told: the constant, its prediction; a column without variation, no say. */
Test(mlp, constants)
{
    problem p = make_smooth(50, 2, 1, 0, 0.1);
    mele_expert_options o = options_of(NULL);
    double one[2], far[] = {0.4, 0.2};

    constant_target(&p);
    o.max_epochs = TEST_SIZE(0, 0, 30);
    outcome out = train(&p, &o, true);
    for (size_t i = 0; i < p.n; i++) {
        predict(&p, &out, p.x + 2 * i, 1, one);
        cr_assert_eq(one[0], -7.25);
        cr_assert_eq(out.left_out[i], -7.25);
    }
    cr_assert_eq(out.info.error, 0);
    cr_assert_eq(out.variance[0], least[0]);
    free_outcome(&out);
    free_smooth(&p);

    p = make_smooth(50, 2, 1, 0, 0.1);
    constant_column(&p);
    o.ridge = 0;
    out = train(&p, &o, false);
    far[0] = 1e8;
    predict(&p, &out, far, 1, one);
    far[0] = -3e9;
    predict(&p, &out, far, 1, one + 1);
    cr_assert_eq(one[0], one[1]);
    free_outcome(&out);
    free_smooth(&p);
}

/* ---- files ---- */

static void no_hidden(json_t *s)
{
    json_object_set_new(s, "hidden", json_integer(0));
}
static void other_hidden(json_t *s)
{
    json_object_set_new(s, "hidden", json_integer(5));
}
static void unknown_activation(json_t *s)
{
    json_object_set_new(s, "activation", json_string("sine"));
}
static void unknown_trainer(json_t *s)
{
    json_object_set_new(s, "trainer", json_string("coach"));
}
static void more_networks(json_t *s)
{
    json_object_set_new(s, "networks", json_integer(3));
}
static void scale_of_zero(json_t *s)
{
    json_array_set_new(json_object_get(s, "scale"), 0, json_real(0));
}
static void negative_unit(json_t *s)
{
    json_array_set_new(json_object_get(s, "unit"), 0, json_real(-1));
}
static void short_centre(json_t *s)
{
    json_array_remove(json_object_get(s, "centre"), 0);
}
static void short_row(json_t *s)
{
    json_array_remove(json_array_get(json_array_get(json_object_get(s, "hidden_weights"), 1), 2),
                      0);
}
static void text_weight(json_t *s)
{
    json_array_set_new(json_array_get(json_array_get(json_object_get(s, "output_weights"), 0), 0),
                       0, json_string("1"));
}
static void no_weights(json_t *s)
{
    json_object_del(s, "output_weights");
}

static void missing_network(json_t *s)
{
    json_array_clear(json_array_get(json_object_get(s, "hidden_weights"), 1));
}

static const struct {
    char what[24];
    void (*spoil)(json_t *section);
} files[] = {
    {"no hidden units", no_hidden},          {"other units", other_hidden},
    {"an activation", unknown_activation},   {"a trainer", unknown_trainer},
    {"networks", more_networks},             {"a scale of 0", scale_of_zero},
    {"a negative unit", negative_unit},      {"too few centres", short_centre},
    {"a short row", short_row},              {"text for a weight", text_weight},
    {"no weights", no_weights},              {"a second network", missing_network},
};

static void shifted_class(json_t *s)
{
    json_array_set_new(json_object_get(s, "shift"), 1, json_real(5e-3));
}
static void unit_of_classes(json_t *s)
{
    json_array_set_new(json_object_get(s, "unit"), 0, json_real(2));
}

/* Probabilities would not sum to 1; of targets these are in order. */
Test(mlp, networks_for_classes_have_no_units)
{
    void (*const spoil[])(json_t * section) = {shifted_class, unit_of_classes};

    for (size_t classes = 0; classes <= 3; classes += 3)
        for (size_t i = 0; i < COUNT(spoil); i++) {
            problem p = make_smooth(60, 2, classes > 0 ? 1 : 2, classes, 0.1);
            const mele_i_expert_shape shape = {2, outputs_of(&p), classes};
            mele_expert_options o = options_of("bfgs");
            outcome out = train(&p, &o, false), loaded = {.expert = {.kind = &mele_i_expert_mlp}};
            json_t *object = json_object();
            cr_assert(mele_i_expert_mlp.save(&out.expert, &shape, object));
            spoil[i](object);
            cr_expect_eq(mele_i_expert_mlp.load(object, &shape, &loaded.expert, NULL),
                         classes > 0 ? MELE_EDATA : MELE_OK, "%zu", i);
            json_decref(object);
            free_outcome(&loaded);
            free_outcome(&out);
            free_smooth(&p);
        }
}

Test(mlp, files)
{
    for (size_t classes = 0; classes <= 3; classes += 3) {
        problem p = make_smooth(60, 2, classes > 0 ? 1 : 2, classes, 0.1);
        const size_t M = outputs_of(&p);
        const mele_i_expert_shape shape = {2, M, classes};
        mele_expert_options o = options_of("bfgs");
        double *before = numbers(p.n * M), *after = numbers(p.n * M);
        outcome loaded = {.expert = {.kind = &mele_i_expert_mlp}};
        o.networks = 2;
        outcome out = train(&p, &o, false);
        json_t *object = json_object(), *told = mele_i_expert_mlp.describe(&out.expert, &shape);
        cr_assert(mele_i_expert_mlp.save(&out.expert, &shape, object));
        char *text = json_dumps(object, 0);
        json_t *read = json_loads(text, 0, NULL);
        cr_assert_eq(mele_i_expert_mlp.load(read, &shape, &loaded.expert, NULL), MELE_OK);
        predict(&p, &out, p.x, p.n, before);
        predict(&p, &loaded, p.x, p.n, after);
        SAME_BITS(before, after, p.n * M);
        cr_assert_eq(json_integer_value(json_object_get(told, "hidden")), 6);
        cr_assert_str_eq(json_string_value(json_object_get(told, "trainer")), "bfgs");
        for (size_t i = 0; i < COUNT(files); i++) {
            json_t *bad = json_deep_copy(object);
            mele_i_expert none = {.kind = &mele_i_expert_mlp};
            files[i].spoil(bad);
            cr_assert_eq(mele_i_expert_mlp.load(bad, &shape, &none, NULL), MELE_EDATA, "%s",
                         files[i].what);
            cr_assert(none.state == NULL);
            json_decref(bad);
        }
        json_decref(told);
        json_decref(read);
        json_decref(object);
        free(text);
        free(before);
        free(after);
        free_outcome(&loaded);
        free_outcome(&out);
        free_smooth(&p);
    }
}

/* ---- memory ---- */

/* Trains with every allocation failing in its turn; returns how many there are. */
static size_t fail_everywhere(const problem *p, const mele_expert_options *o, bool beaten)
{
    const size_t M = outputs_of(p);
    const mele_i_expert_shape shape = {p->d, M, p->classes};
    const size_t row[30] = {0};
    double left_out[90];

    for (size_t n = 0;; n++) {
        outcome out = {.expert = {.rows = 30, .variance = p->classes > 0 ? NULL : out.variance}};
        mele_i_expert_rows rows = {30, row, p->x, p->y, p->weights, 0, p->rival, least};
        mele_i_expert_result result = {&out.expert, &out.info, left_out, NULL};
        left_out[0] = UNTOUCHED;
        failing_malloc_at(n);
        mele_status status = mele_i_expert_mlp.train(&rows, &shape, o, NULL, NULL, &result, NULL);
        const bool failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "%zu: %d", n, status);
        cr_assert((out.expert.state == NULL) == (failed || beaten));
        cr_assert(!(failed || beaten) || left_out[0] == UNTOUCHED);
        mele_i_expert_mlp.free(out.expert.state);
        if (!failed)
            return n;
    }
}

Test(mlp, out_of_memory)
{
    static const char *const trainers[] = {"lm", "bfgs", "adam"};

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    for (size_t t = 0; t < COUNT(trainers); t++)
        for (size_t classes = 0; classes <= 3; classes += 3) {
            problem p = make_smooth(30, 2, 1, classes, 0.1);
            mele_expert_options o = options_of(trainers[t]);
            o.max_epochs = 2;
            o.restarts = o.networks = o.folds = 2;
            o.holdout = 0.2;
            size_t failures = fail_everywhere(&p, &o, false);
            cr_assert(failures > 20, "%zu", failures);
            set_rival(&p, false);
            cr_assert(fail_everywhere(&p, &o, false) > failures);
            set_rival(&p, true);
            cr_assert(fail_everywhere(&p, &o, true) < failures);
            free_smooth(&p);
        }
}
