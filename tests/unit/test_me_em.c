/* Families trained by EM: tonedata against mixtools' hmeEM, starts from responsibilities, Gaussians as gate, what
 * must not matter, and what must not win. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <mele/mele.h>

#include "core/memory.h"
#include "core/stream.h"
#include "core/total.h"
#include "family/by_em.h"
#include "fit/em.h"
#include "fit/stages.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/family_support.h"

#define ROUNDING 1e-9 /* of a log-likelihood */

enum { ROWS = 240, COLS = 2, CLUSTERS = 3, OUTPUTS = 2 };

/* ---- EM from responsibilities ---- */

typedef struct sample {
    double x[ROWS * COLS], y[ROWS * OUTPUTS], weight[ROWS], shares[ROWS * CLUSTERS];
} sample;

/* Three planes, whose rows the first column tells, more or less; random responsibilities. */
static sample draw(size_t classes)
{
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, classes, 0);
    sample s;

    for (size_t i = 0; i < ROWS; i++) {
        const double a = s.x[i * 2] = mele_i_stream_normal(&stream);
        const double b = s.x[i * 2 + 1] = mele_i_stream_normal(&stream);
        const size_t home = a + 0.4 * mele_i_stream_normal(&stream) < -0.5 ? 0 : a < 0.7 ? 1 : 2;
        for (size_t t = 0; t < OUTPUTS; t++)
            s.y[i * OUTPUTS + t] = sin(2.0 * (double)(home + t)) + cos(3.0 * (double)home) * b
                                   + 0.2 * mele_i_stream_normal(&stream);
        if (classes > 0)
            s.y[i * OUTPUTS] = (double)((home + (s.y[i * OUTPUTS] > 0.2)) % classes);
        s.weight[i] = i % 5 == 0 ? 2 : i % 7 == 0 ? 0.5 : 1;
        double sum = 0;
        for (size_t k = 0; k < CLUSTERS; k++)
            sum += s.shares[i * CLUSTERS + k] = 0.05 + mele_i_stream_uniform(&stream);
        for (size_t k = 0; k < CLUSTERS; k++)
            s.shares[i * CLUSTERS + k] /= sum;
    }
    return s;
}

typedef struct form {
    const char *kind, *covariance; /* NULL: a softmax gate */
    size_t outputs, classes;
    double ridge;
} form;

static mele_i_em_problem problem_of(const sample *s, const form *f, mele_i_em_gaussians *gaussians)
{
    mele_i_em_problem p = {
        .rows = {.rows = ROWS, .clusters = CLUSTERS, .x = mele_rows_of_array(s->x, ROWS, COLS),
                 .gate_x = mele_rows_of_array(s->x, ROWS, COLS), .weights = s->weight},
        .total_weight = mele_i_total_weight(s->weight, ROWS), .experts = mele_expert_defaults(),
        .gate = mele_gate_defaults(), .least_variance = 1e-6};

    p.rows.targets = (mele_targets){{ROWS, f->outputs, s->y, OUTPUTS, NULL, NULL}, f->classes};
    p.experts.kind = f->kind;
    p.experts.ridge = f->ridge;
    p.experts.hidden = 3;
    p.gate.kind = "softmax";
    p.gate.on = "features";
    p.gate.ridge = 0.3;
    if (f->covariance == NULL)
        return p;
    *gaussians = (mele_i_em_gaussians){p.rows.x, mele_partition_defaults()};
    gaussians->options.covariance = f->covariance;
    p.gaussians = gaussians;
    return p;
}

/* log p(y | x), of Gaussians log p(x, y), penalised, from what experts, gate and Gaussians say. */
static double objective_of(const sample *s, const form *f, const mele_i_em *em)
{
    const size_t M = f->classes > 0 ? f->classes : f->outputs;
    const mele_matrix x = mele_matrix_of(s->x, ROWS, COLS);
    double mean[ROWS * CLUSTERS * 3], log_g[ROWS * CLUSTERS], squares[OUTPUTS], value = -em->gate_penalty;

    cr_assert_eq(mele_experts_predict(em->experts, &x, NULL, mean, NULL, NULL), MELE_OK);
    if (em->partition == NULL) {
        cr_assert_eq(mele_gate_log_weights(em->gate, NULL, &x, ROWS, NULL, log_g, NULL), MELE_OK);
    } else {
        double log_p[ROWS];
        cr_assert_eq(mele_partition_log_posteriors(em->partition, &x, NULL, log_g, NULL), MELE_OK);
        cr_assert_eq(mele_partition_log_density(em->partition, &x, NULL, log_p, NULL), MELE_OK);
        for (size_t i = 0; i < ROWS; i++)
            value += s->weight[i] * log_p[i];
    }
    for (size_t i = 0; i < ROWS; i++) {
        double density = 0;
        for (size_t k = 0; k < CLUSTERS; k++) {
            const double *own = mean + (i * CLUSTERS + k) * M;
            double p = f->classes > 0 ? exp(own[(size_t)s->y[i * OUTPUTS]]) : 1;
            for (size_t t = 0; t < M && f->classes == 0; t++) {
                const double v = em->variance[k * M + t], off = s->y[i * OUTPUTS + t] - own[t];
                p *= exp(-off * off / (2 * v)) / sqrt(2 * M_PI * v);
            }
            density += exp(log_g[i * CLUSTERS + k]) * p;
        }
        value += s->weight[i] * log(density);
    }
    for (size_t k = 0; k < CLUSTERS; k++) {
        mele_i_experts_squares(em->experts, k, squares);
        for (size_t t = 0; t < (f->classes > 0 ? 1 : M); t++)
            value -= f->ridge * squares[t] / 2 / (f->classes > 0 ? 1 : em->variance[k * M + t]);
    }
    return value;
}

static const form forms[] = {
    {"linear", NULL, 1, 0, 0},          {"linear", NULL, 2, 0, 0.4},      {"logistic", NULL, 1, 3, 0.1},
    {"mlp", NULL, 1, 0, 0.3},           {"linear", "full", 2, 0, 0.4},    {"linear", "tied", 1, 0, 0},
    {"linear", "diagonal", 1, 0, 0.1},  {"linear", "spherical", 2, 0, 5}, {"logistic", "full", 1, 3, 0.1},
};

Test(me_em, from_responsibilities_the_objective_never_falls)
{
    for (size_t c = 0; c < sizeof forms / sizeof *forms; c++) {
        const form *f = &forms[c];
        const sample s = draw(f->classes);
        mele_i_em_gaussians gaussians;
        const mele_i_em_problem p = problem_of(&s, f, &gaussians);
        mele_i_em em;
        mele_error error;
        double last = -INFINITY;
        cr_assert_eq(mele_i_em_start_shares(&p, s.shares, &em, &error), MELE_OK, "%s", error.message);
        const double first = em.objective;
        for (size_t step = 0; step < 25; step++) {
            const double value = objective_of(&s, f, &em);
            cr_assert_float_eq(em.objective, value, ROUNDING * (1 + fabs(value)), "%zu, step %zu: %.12g, not "
                               "%.12g", c, step, em.objective, value);
            cr_assert_geq(value, last - ROUNDING * (1 + fabs(value)), "%zu, step %zu: %.12g after %.12g", c,
                          step, value, last);
            last = value;
            cr_assert_eq(mele_i_em_step(&em, NULL), MELE_OK);
        }
        cr_assert_gt(last, first + 10, "%zu: %g", c, last - first);
        mele_i_em_clear(&em);
    }
}

/* Experts that change places change nothing else. */
Test(me_em, labels_permuted_change_nothing)
{
    static const size_t to[CLUSTERS] = {2, 0, 1};

    for (size_t c = 0; c < sizeof forms / sizeof *forms; c++) {
        const sample s = draw(forms[c].classes);
        sample moved = s;
        mele_i_em_gaussians gaussians;
        const mele_i_em_problem p = problem_of(&s, &forms[c], &gaussians);
        mele_i_em a, b;
        if (strcmp(forms[c].kind, "mlp") == 0)
            continue; /* their starts are drawn for each region */
        for (size_t i = 0; i < ROWS; i++)
            for (size_t k = 0; k < CLUSTERS; k++)
                moved.shares[i * CLUSTERS + to[k]] = s.shares[i * CLUSTERS + k];
        cr_assert_eq(mele_i_em_start_shares(&p, s.shares, &a, NULL), MELE_OK);
        cr_assert_eq(mele_i_em_start_shares(&p, moved.shares, &b, NULL), MELE_OK);
        for (size_t step = 0; step < 6; step++) {
            cr_assert_float_eq(a.objective, b.objective, 1e-6 * fabs(a.objective), "%zu, %zu: %.12g, %.12g", c,
                               step, a.objective, b.objective);
            cr_assert_eq(mele_i_em_step(&a, NULL), MELE_OK);
            cr_assert_eq(mele_i_em_step(&b, NULL), MELE_OK);
        }
        for (size_t i = 0; i < ROWS; i++)
            for (size_t k = 0; k < CLUSTERS; k++)
                cr_assert_float_eq(a.shares[i * CLUSTERS + k], b.shares[i * CLUSTERS + to[k]], 1e-4);
        mele_i_em_clear(&a);
        mele_i_em_clear(&b);
    }
}

Test(me_em, without_memory_a_start_from_responsibilities_says_so)
{
    for (size_t c = 1; c < 5; c += 3) {
        const sample s = draw(0);
        mele_i_em_gaussians gaussians;
        mele_i_em_problem p = problem_of(&s, &forms[c], &gaussians);
        mele_status status = MELE_ENOMEM;
        p.gate.max_iterations = 3;
        for (size_t n = 0; status != MELE_OK; n++) {
            mele_i_em em;
            failing_malloc_at(n);
            status = mele_i_em_start_shares(&p, s.shares, &em, NULL);
            if (status == MELE_OK)
                status = mele_i_em_step(&em, NULL);
            const bool failed = failing_malloc_end();
            cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "%zu", n);
            mele_i_em_clear(&em);
        }
    }
}

/* ---- families ---- */

static mele_options options_of(const char *family, size_t clusters)
{
    mele_options options = mele_options_defaults();

    options.family.name = family;
    options.partition.clusters = clusters;
    options.partition.restarts = 3;
    return options;
}

/* What two experts of one feature say at 1.5 and 2.5, in the data's units. */
static void lines_of(const mele_model *model, double *said)
{
    const double center = model->scaling.center[0], scale = model->scaling.scale[0];
    double at[2] = {(1.5 - center) / scale, (2.5 - center) / scale};
    const mele_matrix points = mele_matrix_of(at, 2, 1);

    cr_assert_eq(mele_experts_predict(model->experts, &points, NULL, said, NULL, NULL), MELE_OK);
    for (size_t i = 0; i < 4; i++)
        said[i] = model->target_scaling.center[0] + model->target_scaling.scale[0] * said[i];
}

/* The experts that R's mixtools 2.0, hmeEM, comes to, and its log-likelihood. */
Test(me_em, tonedata_from_every_seed)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        mele_options options = options_of("me-em", 2);
        mele_data *data = read_data("tonedata.csv", "tuned", &options);
        options.seed = seed;
        cr_assert_eq(mele_options_set(&options, "ridge", "0", NULL), MELE_OK);
        cr_assert_eq(mele_options_set(&options, "gate-ridge", "0", NULL), MELE_OK);
        mele_model *model = fit(data, &options, NULL, NULL);
        double said[4];
        lines_of(model, said);
        const size_t high = said[0] > said[1] ? 0 : 1; /* at 1.5 the flat line is above */
        const double slope = said[2 + high] - said[high], other = said[2 + 1 - high] - said[1 - high];
        cr_assert_float_eq(told(model, "log_likelihood"), 142.848, 1e-3, "seed %u: %.6f", (unsigned)seed,
                           told(model, "log_likelihood"));
        cr_assert_float_eq(slope, 0.043688, 1e-4);
        cr_assert_float_eq(other, 0.995671, 1e-4);
        cr_assert_float_eq(said[high] - 1.5 * slope, 1.91322, 2e-4);
        cr_assert_float_eq(said[1 - high] - 1.5 * other, -0.0294995, 2e-4);
        mele_model_free(model);
        mele_data_free(data);
        mele_options_clear(&options);
    }
}

/* Old Faithful, two experts: R's flexmix 2.3 with a multinomial concomitant model, the best of 15 starts, has -96.055;
 * near the one expert, -194.5, starts must not end. */
Test(me_em, the_two_kinds_of_eruptions_are_found)
{
    static const char *const families[] = {"me-em", "hme"};

    for (size_t f = 0; f < 2; f++)
        for (uint64_t seed = 1; seed <= TEST_SIZE(20, 4, 1); seed++) {
            mele_options options = options_of(families[f], 2);
            mele_data *data = read_data("faithful.csv", "eruptions", &options);

            options.seed = seed;
            cr_assert_eq(mele_options_set(&options, "ridge", "0", NULL), MELE_OK);
            cr_assert_eq(mele_options_set(&options, "gate-ridge", "0", NULL), MELE_OK);
            mele_model *model = fit(data, &options, NULL, NULL);
            cr_assert_float_eq(told(model, "log_likelihood"), -96.052, 1e-3, "%s, seed %u: %.6f", families[f],
                               (unsigned)seed, told(model, "log_likelihood"));
            mele_model_free(model);
            mele_data_free(data);
            mele_options_clear(&options);
        }
}

Test(me_em, one_expert_is_that_of_the_family_one)
{
    static const char *const families[] = {"me-em", "me-regions", "lme"};
    mele_options options = options_of("one", 1);
    mele_data *data = read_data("mpg.csv", "Miles_per_Gallon", &options);
    mele_model *one = fit(data, &options, NULL, NULL);
    json_t *expected = mele_i_experts_save(one->experts);

    for (size_t f = 0; f < 3; f++) {
        options.family.name = families[f];
        mele_model *model = fit(data, &options, NULL, NULL);
        json_t *experts = mele_i_experts_save(model->experts);
        cr_assert(json_equal(experts, expected), "%s", families[f]);
        json_decref(experts);
        mele_model_free(model);
    }
    json_decref(expected);
    mele_model_free(one);
    mele_data_free(data);
}

Test(me_em, same_bytes_for_any_threads)
{
    static const char *const families[] = {"me-em", "me-regions", "lme"};
    mele_engine_options engine_options = mele_engine_defaults();

    engine_options.threads = 3;
    for (size_t f = 0; f < 6; f++) {
        mele_options options = options_of(families[f % 3], 3);
        mele_data *data = f < 3 ? read_data("mpg.csv", "Miles_per_Gallon", &options)
                                : read_data("iris.csv", "Species", &options);
        mele_engine *engine = NULL;
        options.family.em_iterations = 12;
        cr_assert_eq(mele_engine_new(&engine_options, &engine, NULL), MELE_OK);
        mele_model *one = fit(data, &options, NULL, NULL), *many = fit(data, &options, engine, NULL);
        char *a = text_of(one), *b = text_of(many);
        cr_assert_str_eq(a, b, "%s", families[f % 3]);
        free(a);
        free(b);
        mele_model_free(one);
        mele_model_free(many);
        mele_engine_free(engine);
        mele_data_free(data);
    }
}

Test(me_em, a_fit_without_memory_says_so)
{
    static const char *const families[] = {"me-em", "me-regions", "lme"};
    const size_t stride = TEST_SIZE(1, 7, 31);

    for (size_t f = 0; f < 3; f++) {
        mele_options options = options_of(families[f], 2);
        mele_data *data = read_data("tonedata.csv", "tuned", &options);
        bool failed = true;
        options.partition.restarts = 2;
        options.family.em_iterations = 2;
        for (size_t n = f; failed; n += stride) {
            mele_model *model = NULL;
            mele_report *report = NULL;
            cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
            failing_malloc_at(n);
            const mele_status status = mele_fit(data, &options, NULL, report, &model, NULL);
            failed = failing_malloc_end();
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM && model == NULL), "%s, %zu",
                      families[f], n);
            mele_model_free(model);
            mele_report_free(report);
        }
        mele_data_free(data);
    }
}

/* ---- what must not win ---- */

/* A line with noise, and seven rows that lie on another one exactly: an expert on these alone has a likelihood
 * without bound, but for the floor. Started there EM stays, and knows that the expert is doubtful; of starts one
 * that has none wins, though its likelihood is less. */
Test(me_em, an_expert_on_a_handful_of_rows_does_not_win)
{
    enum { N = 80, EXACT = 7 };
    double x[N], y[N], shares[2 * N];
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, 1, 1);
    mele_options options = options_of("me-em", 2);
    mele_data *data = NULL;

    for (size_t i = 0; i < N; i++) {
        x[i] = i < EXACT ? 1 + 0.1 * (double)i : mele_i_stream_normal(&stream);
        y[i] = i < EXACT ? 3 - x[i] : x[i] + 0.8 * mele_i_stream_normal(&stream);
        shares[2 * i] = i < EXACT ? 1 : 0;
        shares[2 * i + 1] = 1 - shares[2 * i];
    }
    const mele_matrix features = mele_matrix_of(x, N, 1), targets = mele_matrix_of(y, N, 1);
    cr_assert_eq(mele_data_of_arrays(&features, &targets, 0, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_options_set(&options, "ridge", "0", NULL), MELE_OK);
    mele_model *model = fit(data, &options, NULL, NULL);
    options.gate.kind = "softmax";
    options.gate.on = "features";
    options.experts.kind = "linear";
    mele_i_run run = mele_i_run_of(data, NULL, &options, NULL, NULL, model);
    mele_i_by_em spurious;
    cr_assert_eq(mele_i_by_em_make(&run, &options.gate, &spurious, NULL), MELE_OK);
    cr_assert_eq(mele_i_by_em_begin(&spurious, shares, NULL), MELE_OK);
    cr_assert_eq(mele_i_by_em_go_on(&spurious, NULL), MELE_OK);
    cr_assert_eq(spurious.doubtful, 1, "%zu, %g rows", spurious.doubtful, spurious.em.sums.weight[0]);
    cr_assert_gt(spurious.em.sums.log_likelihood - spurious.units, told(model, "log_likelihood"), "%g, %g",
                 spurious.em.sums.log_likelihood - spurious.units, told(model, "log_likelihood"));
    mele_i_by_em_clear(&spurious);
    mele_i_run_clear(&run);
    mele_model_free(model);
    mele_data_free(data);
    mele_options_clear(&options);
}
