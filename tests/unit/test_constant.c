/* Columns that are constant but for rounding: what that means, and that no stage sees more in them
 * than in a constant. */
#include <float.h>

#include <mele/gate.h>
#include <mele/partition.h>

#include "core/magnitude.h"
#include "schema/encode.h"
#include "unit/expert_support.h"

#define EPOCH 1.7e9         /* seconds; a unit in the last place is 2^-22 of one */
#define PLACE 0x1p-22
#define ABOVE (3 * 1.1)     /* is 3.3 but for its last place */

/* ---- what is constant ---- */

Test(constant, up_to_32_units_in_the_last_place)
{
    static const struct {
        const char *what;
        double center, scale, low, high;
        bool constant;
    } rows[] = {
        {"one number", 0, 1, 3.3, 3.3, true},
        {"3.3 and 3 * 1.1", 0, 1, 3.3, ABOVE, true},
        {"0.1 apart", 0, 1, 3.3, 3.4, false},
        {"below 0", 0, 1, -ABOVE, -3.3, true},
        {"32 places", 0, 1, EPOCH, EPOCH + 32 * PLACE, true},
        {"33 places", 0, 1, EPOCH, EPOCH + 33 * PLACE, false},
        {"a millisecond", 0, 1, EPOCH, EPOCH + 1e-3, false},
        {"around 0", 0, 1, -1e-300, 1e-300, false},
        {"0 and the least double", 0, 1, 0, DBL_TRUE_MIN, true},
        {"all of 0", 0, 1, 0, 0, true},
        {"3.3 and 3 * 1.1, centred", 3.3, 1, 0, ABOVE - 3.3, true},
        {"centred, 33 places of 3.3", 3.3, 1, 0, 33 * (ABOVE - 3.3), false},
        {"the same beside 0", 0, 1, 0, ABOVE - 3.3, false},
        {"21 places of a standardised time", EPOCH, 1e7, 0.5, 0.5 + 5e-13, true},
        {"a millisecond of a standardised time", EPOCH, 1e7, 0.5, 0.5 + 1e-10, false},
        {"the ends of the doubles", 0, 1, -DBL_MAX, DBL_MAX, false},
        {"no rows", 0, 1, INFINITY, -INFINITY, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const mele_i_origin origin = {&rows[i].center, &rows[i].scale};
        cr_expect(mele_i_is_constant(origin, 0, rows[i].low, rows[i].high) == rows[i].constant,
                  "%s", rows[i].what);
    }
}

/* The j-th of some numbers that are one but for rounding; exact: that one. */
static double nearly(double number, size_t i, bool exact)
{
    return exact || i % 3 == 0 ? number : nextafter(number, i % 3 == 1 ? INFINITY : -INFINITY);
}

Test(constant, scaling_is_by_size)
{
    double x[3 * 40];
    const mele_matrix matrix = mele_matrix_of(x, 40, 3);
    mele_i_scaling scaling;

    for (size_t i = 0; i < 40; i++) {
        x[3 * i] = nearly(-8e15, i, false);
        x[3 * i + 1] = nearly(0.3, i, false);
        x[3 * i + 2] = EPOCH + 1e-3 * (double)(i % 2);
    }
    cr_assert(mele_i_scaling_fit_matrix(&matrix, NULL, MELE_I_SCALE_STANDARD, NULL, &scaling, NULL)
              == MELE_OK);
    cr_assert_eq(scaling.center[0], nextafter(-8e15, -INFINITY));
    cr_assert_eq(scaling.scale[0], -scaling.center[0]);
    cr_assert_eq(scaling.center[1], nextafter(0.3, -INFINITY));
    cr_assert_eq(scaling.scale[1], 1);
    cr_assert_float_eq(scaling.scale[2], 5e-4, PLACE);
    mele_i_scaling_clear(&scaling);
}

/* ---- experts ---- */

#define KINDS 9

static const struct {
    const char *kind;
    size_t degree;
    const char *solver;
    double ridge;
    bool classes;
} kinds[KINDS] = {
    {"linear", 1, "qr", 0, false},     {"linear", 1, "normal", 0, false},
    {"linear", 2, "qr", 0, false},     {"linear", 2, "normal", 0, false},
    {"linear", 2, "qr", 0.1, false},   {"mlp", 1, "qr", MELE_RIDGE_DEFAULT, false},
    {"gp", 1, "qr", MELE_RIDGE_DEFAULT, false},
    {"logistic", 1, "qr", 0.03, true}, {"logistic", 2, "qr", 0.03, true},
};

static mele_expert_options options_of(size_t kind)
{
    mele_expert_options options = mele_expert_defaults();

    options.kind = kinds[kind].kind;
    options.degree = kinds[kind].degree;
    options.solver = kinds[kind].solver;
    options.ridge = kinds[kind].ridge;
    options.hidden = 3;
    return options;
}

/* Two hard regions. Column 1 is `number` in the first, but for rounding, and varies in the second. */
static made make_nearly(double number, bool exact, bool classes)
{
    made p = make_problem(90, 3, 1, 2, classes ? 2 : 0);

    for (size_t i = 0; i < p.n; i++) {
        const size_t region = i % 2;
        p.log_posterior[2 * i + region] = log(0.9);
        p.log_posterior[2 * i + 1 - region] = log(0.1);
        p.x[3 * i + 1] = region == 0 ? nearly(number, i / 2, exact)
                                     : number * (1 + 0.1 * p.x[3 * i + 1]);
    }
    return p;
}

static mele_experts *train(const made *p, const mele_expert_options *options)
{
    const mele_matrix x = made_x(p);
    const mele_targets targets = made_targets(p);
    mele_experts *experts = NULL;
    mele_error error = {MELE_OK, 0, ""};

    mele_status status = fit_by_posterior(&x, &targets, NULL, p->log_posterior, p->clusters,
                                          options, NULL, &experts, NULL, NULL, NULL, &error);
    cr_assert(status == MELE_OK, "%s", error.message);
    return experts;
}

/* What experts say of the first five rows, with column 1 at this value. */
static void predict_at(const made *p, const mele_expert_options *options, double value, double *out)
{
    mele_experts *experts = train(p, options);
    double x[3 * 5];

    for (size_t i = 0; i < 5; i++) {
        memcpy(x + 3 * i, p->x + 3 * i, 3 * sizeof *x);
        x[3 * i + 1] = value;
    }
    const mele_matrix rows = mele_matrix_of(x, 5, 3);
    cr_assert(mele_experts_predict(experts, &rows, NULL, out, NULL, NULL) == MELE_OK);
    mele_experts_free(experts);
}

Test(constant, has_no_say_in_its_region)
{
    static const double numbers_tried[] = {3.3, -1e-5, EPOCH};

    for (size_t k = 0; k < KINDS; k++)
        for (size_t v = 0; v < 3; v++) {
            const double number = numbers_tried[v];
            made noisy = make_nearly(number, false, kinds[k].classes);
            made plain = make_nearly(number, true, kinds[k].classes);
            double here[20], there[20], exact[20];
            const size_t width = kinds[k].classes ? 4 : 2;
            const mele_expert_options options = options_of(k);
            predict_at(&noisy, &options, number, here);
            predict_at(&noisy, &options, 1.3 * number, there);
            predict_at(&plain, &options, number, exact);
            for (size_t i = 0; i < 5; i++)
                for (size_t o = 0; o < width / 2; o++) {
                    const size_t at = i * width + o; /* of the first region's expert */
                    cr_expect(here[at] == there[at], "%s %zu at %g: %g, not %g", kinds[k].kind,
                              kinds[k].degree, number, there[at], here[at]);
                    cr_expect_float_eq(here[at], exact[at], 1e-6 * (1 + fabs(exact[at])),
                                       "%s %zu %s at %g: %.12g, not %.12g", kinds[k].kind,
                                       kinds[k].degree, kinds[k].solver, number, here[at],
                                       exact[at]);
                }
            free_problem(&noisy);
            free_problem(&plain);
        }
}

/* Over all rows, in units that are standardised but for the column, which has none: its noise is as
 * large as another column's unit. */
Test(constant, has_no_say_at_all_where_it_was_measured_far_from_0)
{
    const double center[] = {0, 1e16, 0}, scale[] = {1, 2, 1};

    for (size_t k = 0; k < KINDS; k++) {
        made p = make_nearly(0, true, kinds[k].classes);
        mele_expert_options options = options_of(k);
        const size_t width = kinds[k].classes ? 4 : 2;
        double here[20], there[20];
        for (size_t i = 0; i < p.n; i++)
            p.x[3 * i + 1] = (double)(i % 3); /* times 2 is a unit in the last place of 1e16 */
        options.center = center;
        options.scale = scale;
        predict_at(&p, &options, 0, here);
        predict_at(&p, &options, 1000, there);
        for (size_t i = 0; i < 5 * width; i++)
            cr_expect(here[i] == there[i], "%s %zu: %g, not %g", kinds[k].kind, kinds[k].degree,
                      there[i], here[i]);
        free_problem(&p);
    }
}

/* Times within a millisecond vary, though by no more than 2^-40 of their size; as they are, or
 * standardised, since the ridge of logistic experts is on columns as they are. */
Test(constant, times_within_a_millisecond_are_not)
{
    const double center[] = {0, EPOCH + 5e-4, 0}, scale[] = {1, 3e-4, 1};

    for (size_t k = 0; k < KINDS; k++) {
        const bool standard = kinds[k].classes;
        made p = make_nearly(EPOCH, true, kinds[k].classes);
        mele_expert_options options = options_of(k);
        const size_t M = kinds[k].classes ? 2 : 1;
        double wrong = 0;
        options.center = standard ? center : NULL;
        options.scale = standard ? scale : NULL;
        for (size_t i = 0; i < p.n; i++) {
            const double off = (double)(i * 31 % 90) / 90, time = EPOCH + 1e-3 * off;
            p.x[3 * i + 1] = standard ? (time - center[1]) / scale[1] : time;
            p.y[i] = kinds[k].classes ? off > 0.5 : 4 * off;
        }
        mele_experts *experts = train(&p, &options);
        double *out = numbers(p.n * 2 * M);
        const mele_matrix x = made_x(&p);
        cr_assert(mele_experts_predict(experts, &x, NULL, out, NULL, NULL) == MELE_OK);
        for (size_t i = 0; i < p.n; i++) {
            const double *own = out + (2 * i + i % 2) * M;
            wrong += kinds[k].classes ? own[(size_t)p.y[i]] < log(0.5) : fabs(own[0] - p.y[i]) > 0.4;
        }
        cr_expect(wrong <= 2, "%s %zu %s: %g rows are wrong", kinds[k].kind, kinds[k].degree,
                  kinds[k].solver, wrong);
        free(out);
        mele_experts_free(experts);
        free_problem(&p);
    }
}

/* ---- floors of variances ---- */

Test(constant, variances_are_not_below_the_rounding_of_targets)
{
    static const struct {
        double center, scale, slope;
    } targets[] = {{7.3, 1, 0}, {1e9, 3e-4, 1}, {-4e12, 1, 1e-6}};

    for (size_t k = 0; k < KINDS; k++)
        for (size_t t = 0; t < 3 && !kinds[k].classes; t++) {
            made p = make_nearly(1, true, false);
            mele_expert_options options = options_of(k);
            double variance[2];
            for (size_t i = 0; i < p.n; i++)
                p.y[i] = targets[t].slope * p.x[3 * i];
            options.target_center = &targets[t].center;
            options.target_scale = &targets[t].scale;
            mele_experts *experts = train(&p, &options);
            mele_experts_variances(experts, variance);
            const double least = 0x1p-40 * fabs(targets[t].center);
            for (size_t r = 0; r < 2; r++) {
                const double deviation = sqrt(variance[r]) * targets[t].scale;
                cr_expect(deviation >= 0.999 * least, "%s at %g: %g, not %g", kinds[k].kind,
                          targets[t].center, deviation, least);
                cr_expect(targets[t].slope > 0 || deviation <= 1.001 * least, "%s: %g, not %g",
                          kinds[k].kind, deviation, least);
            }
            mele_experts_free(experts);
            free_problem(&p);
        }
}

/* ---- regions ---- */

static const char *const methods[] = {"kmeans", "gmm"};

Test(constant, rows_that_differ_by_rounding_alone_are_one_region)
{
    static const double sizes[] = {3.3, -2e-20, EPOCH};
    double x[2 * 30];

    for (size_t m = 0; m < 2; m++)
        for (size_t s = 0; s < 3; s++) {
            mele_partition_options options = mele_partition_defaults();
            const mele_matrix matrix = mele_matrix_of(x, 30, 2);
            mele_partition_info info;
            mele_partition *partition = NULL;
            for (size_t i = 0; i < 30; i++) {
                x[2 * i] = nearly(sizes[s], i, false);
                x[2 * i + 1] = nearly(0.3, i / 2, false);
            }
            options.method = methods[m];
            options.clusters = 3;
            cr_assert(mele_partition_fit(&matrix, NULL, &options, NULL, &partition, &info, NULL)
                      == MELE_OK);
            cr_expect(info.clusters == 1 && info.merged == 2, "%s: %zu", methods[m],
                      info.clusters);
            mele_partition_free(partition);
        }
}

/* The log posteriors of rows of which column 1 is noise as large as the others' units, or nothing. */
static void regions_of(const made *p, size_t method, bool exact, double *log_posteriors)
{
    const double center[] = {0, 1e16, 0}, scale[] = {1, 2, 1};
    mele_partition_options options = mele_partition_defaults();
    const mele_matrix x = made_x(p);
    mele_partition *partition = NULL;

    for (size_t i = 0; i < p->n; i++)
        p->x[3 * i + 1] = exact ? 0 : (double)(i % 3);
    options.method = methods[method];
    options.clusters = 3;
    options.center = center;
    options.scale = scale;
    cr_assert(mele_partition_fit(&x, NULL, &options, NULL, &partition, NULL, NULL) == MELE_OK);
    for (size_t i = 0; i < p->n; i++)
        p->x[3 * i + 1] = 0;
    cr_assert(mele_partition_log_posteriors(partition, &x, NULL, log_posteriors, NULL) == MELE_OK);
    mele_partition_free(partition);
}

Test(constant, regions_are_as_without_the_column)
{
    made p = make_problem(200, 3, 1, 1, 0);
    double *noisy = numbers(600), *plain = numbers(600);

    for (size_t m = 0; m < 2; m++) {
        regions_of(&p, m, false, noisy);
        regions_of(&p, m, true, plain);
        SAME_BITS(noisy, plain, 600);
    }
    free(noisy);
    free(plain);
    free_problem(&p);
}

/* ---- gates ---- */

Test(constant, gates_are_as_without_the_column)
{
    const double center[] = {0, 3.3, 0}, scale[] = {1, 1, 1};
    mele_gate_options options = mele_gate_defaults();
    made p = make_problem(120, 3, 1, 2, 0);
    double *likelihood = numbers(240), *log_g = numbers(480);

    options.on = "features";
    for (size_t i = 0; i < 240; i++)
        likelihood[i] = -fabs(p.x[3 * (i / 2)] - (double)(i % 2));
    for (size_t exact = 0; exact < 2; exact++) {
        for (size_t i = 0; i < p.n; i++)
            p.x[3 * i + 1] = nearly(3.3, i, exact) - 3.3;
        const mele_matrix x = made_x(&p);
        const mele_gate_data data = {
            .rows = p.n, .clusters = 2,
            .log_posteriors = mele_rows_of_array(p.log_posterior, p.n, 2),
            .log_likelihoods = mele_rows_of_array(likelihood, p.n, 2), .x = mele_rows_of(&x),
            .center = center, .scale = scale};
        mele_gate *gate = NULL;
        cr_assert(mele_gate_fit(&data, &options, NULL, &gate, NULL, NULL) == MELE_OK);
        cr_assert(mele_gate_log_weights(gate, p.log_posterior, &x, p.n, NULL,
                                        log_g + 240 * exact, NULL) == MELE_OK);
        mele_gate_free(gate);
    }
    SAME_BITS(log_g, log_g + 240, 240);
    free(likelihood);
    free(log_g);
    free_problem(&p);
}

/* ---- units ---- */

Test(constant, units_that_are_none_are_refused)
{
    static const double bad[][2] = {{NAN, 1}, {0, 0}, {0, -1}, {INFINITY, 1}, {0, INFINITY}};
    made p = make_problem(20, 1, 1, 2, 0);
    const mele_matrix x = made_x(&p);
    const mele_targets targets = made_targets(&p);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mele_expert_options experts = mele_expert_defaults();
        mele_partition_options partition = mele_partition_defaults();
        mele_gate_options gate = mele_gate_defaults();
        const mele_gate_data data = {
            .rows = p.n, .clusters = 2,
            .log_posteriors = mele_rows_of_array(p.log_posterior, p.n, 2),
            .log_likelihoods = mele_rows_of_array(p.log_posterior, p.n, 2), .x = mele_rows_of(&x),
            .center = &bad[i][0], .scale = &bad[i][1]};
        experts.target_center = partition.center = &bad[i][0];
        experts.target_scale = partition.scale = &bad[i][1];
        gate.on = "features";
        cr_expect(fit_by_posterior(&x, &targets, NULL, p.log_posterior, 2, &experts, NULL, NULL,
                                   NULL, NULL, NULL, NULL) == MELE_EINVAL);
        cr_expect(mele_partition_fit(&x, NULL, &partition, NULL, NULL, NULL, NULL) == MELE_EINVAL);
        cr_expect(mele_gate_fit(&data, &gate, NULL, &(mele_gate *){NULL}, NULL, NULL)
                  == MELE_EINVAL);
    }
    free_problem(&p);
}
