#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "support/size.h"
#include "unit/expert_support.h"

/* The gradient of the objective as multinomial.c states it, by class and column, at the symmetric
 * coefficients b of region k: penalties act in the frame of the weighted means; `little`: that of
 * the intercepts, a unit of weight. */
static double largest_gradient(const made *p, const double *weight, size_t k, bool soft,
                               double ridge, double little, const double *b)
{
    size_t width = p->d + 1;
    double mean[16] = {0}, total = 0, region = 0, most = 0;
    double gradient[64 * 16] = {0};

    for (size_t i = 0; i < p->n; i++) {
        double w = weight == NULL ? 1 : weight[i];
        total += w;
        region += w * weight_in(p, i, k, soft);
        for (size_t j = 0; j < p->d; j++)
            mean[j] += w * p->x[i * p->d + j];
    }
    for (size_t i = 0; i < p->n; i++) {
        double w = (weight == NULL ? 1 : weight[i]) * weight_in(p, i, k, soft), sum = 0;
        double chance[64];
        for (size_t c = 0; c < p->classes; c++) {
            double logit = b[c * width];
            for (size_t j = 0; j < p->d; j++)
                logit += b[c * width + j + 1] * p->x[i * p->d + j];
            sum += chance[c] = exp(logit);
        }
        for (size_t c = 0; c < p->classes; c++)
            for (size_t j = 0; j < width; j++) {
                double z = j == 0 ? 1 : p->x[i * p->d + j - 1] - mean[j - 1] / total;
                gradient[c * width + j] += w * (chance[c] / sum - ((size_t)p->y[i] == c)) * z;
            }
    }
    for (size_t c = 0; c < p->classes; c++) {
        double intercept = b[c * width];
        for (size_t j = 1; j < width; j++) {
            intercept += b[c * width + j] * mean[j - 1] / total;
            gradient[c * width + j] += fmax(ridge, 1e-12 * region) * b[c * width + j];
        }
        gradient[c * width] += little * region * intercept;
    }
    for (size_t j = 0; j < p->classes * width; j++)
        most = fmax(most, fabs(gradient[j]));
    return most;
}

typedef struct gradient_case {
    const char *assign;
    double ridge;
    size_t n, d, clusters, classes;
} gradient_case;

static const gradient_case gradient_cases[] = {
    {"hard", 0.01, 300, 3, 2, 2},  {"hard", 0, 400, 4, 2, 3},   {"soft", 2.5, 300, 3, 3, 4},
    {"soft", 0.3, 9000, 6, 2, 3}, {"hard", 40, 9000, 2, 4, 5},
    /* without a matrix: 435, 413 and 434 differences */
    {"hard", 0.05, 900, 14, 2, 30}, {"soft", 2, 700, 6, 2, 60}, {"hard", 1e-4, 1500, 6, 1, 63},
};

Test(logistic, the_gradient_vanishes)
{
    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    for (size_t c = 0; c < sizeof gradient_cases / sizeof *gradient_cases; c++) {
        const gradient_case *g = &gradient_cases[c];
        made p = make_problem(g->n, g->d, 1, g->clusters, g->classes);
        mele_expert_options options = mele_expert_defaults();
        options.assign = g->assign;
        options.ridge = g->ridge;
        fitted f = fit_with(&p, p.weight, &options, NULL);
        for (size_t k = 0; k <= p.clusters; k++) {
            const double *b = f.coefficients + k * g->classes * (g->d + 1);
            const bool soft = g->assign[0] == 's';
            double most = largest_gradient(&p, p.weight, k, soft, g->ridge, 1e-12, b);
            if (g->classes > 8) /* there are some without a row: the minimum that is not followed */
                most = fmin(most, largest_gradient(&p, p.weight, k, soft, g->ridge, 1e-6, b));
            cr_assert(most < 1e-10 * f.info[k].rows, "case %zu, expert %zu: %g", c, k, most);
            cr_assert(f.info[k].converged && f.info[k].rank == g->d + 1);
            for (size_t j = 0; j <= g->d; j++) { /* classes are treated alike */
                double sum = 0;
                for (size_t a = 0; a < g->classes; a++)
                    sum += b[a * (g->d + 1) + j];
                cr_assert_float_eq(sum, 0, 1e-12);
            }
        }
        free_fitted(&f);
        free_problem(&p);
    }
}

#define AGREES 1e-6 /* with R, relative */

/* Differences of a class's coefficients to the first one's. */
static void check_differences(const made *p, const fitted *f, size_t class, const double *known)
{
    const size_t width = p->d + 1;

    for (size_t j = 0; j < width; j++) {
        const double value = f->coefficients[class * width + j] - f->coefficients[j];
        cr_assert_float_eq(value, known[j], AGREES * fabs(known[j]), "class %zu, %zu: %.17g", class,
                           j, value);
    }
}

/* R 4.2.2, glm() and nnet::multinom() with Newton steps: tests/ref/experts.R. */
/* Without a matrix: classes in every region that it has no row of, columns that are constant, and a
 * column twice, with next to no ridge; folds, too. */
Test(logistic, many_classes_in_degenerate_problems)
{
    made p = make_problem(260, 9, 1, 2, 50);
    mele_expert_options options = mele_expert_defaults();

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    options.ridge = 1e-7;
    for (size_t i = 0; i < p.n; i++) {
        p.x[i * p.d + 2] = 4.5;
        p.x[i * p.d + 5] = p.x[i * p.d + 1];
        p.y[i] = (double)(i % 47 + 2 * (p.x[i * p.d] > 0.5 && i % 47 < 40));
    }
    fitted f = fit_with(&p, p.weight, &options, NULL);
    for (size_t i = 0; i < p.n; i++)
        for (size_t k = 0; k < p.clusters; k++) {
            double sum = 0;
            for (size_t c = 0; c < p.classes; c++)
                sum += exp(f.left_out[(i * p.clusters + k) * p.classes + c]);
            cr_assert_float_eq(sum, 1, 1e-12);
        }
    for (size_t k = 0; k <= p.clusters; k++) {
        const double *b = f.coefficients + k * p.classes * (p.d + 1);
        cr_assert(f.info[k].rank == p.d - 1, "expert %zu: %zu", k, f.info[k].rank);
        cr_assert(f.info[k].converged);
        for (size_t c = 0; c < p.classes; c++, b += p.d + 1) {
            cr_assert_eq(b[3], 0);
            cr_assert_float_eq(b[2], b[6], 1e-6 * (1 + fabs(b[2])));
        }
    }
    free_fitted(&f);
    free_problem(&p);
}

Test(logistic, agrees_with_r_on_mpg)
{
    static const double glm[] = {1.1368266824347866, -0.097632233245452629, 2.296379177630814};
    static const double multinom[2][3] = {
        {-1.6907094826766336, -0.68998483002319488, -1.3172056608097609},
        {-2.3690228529284072, 1.0343017727049255, -3.7733275967720155},
    };
    enum { N = 392 };
    static double table[N * 8], x[N * 2], y[N], posterior[N];
    double mean[2], scale[2];
    made p = {N, 2, 1, 1, 2, x, y, NULL, posterior};
    mele_expert_options options = mele_expert_defaults();

    cr_assert(read_numbers("mpg.csv", 8, table, N) == N);
    for (size_t i = 0; i < N; i++) {
        memcpy(x + 2 * i, table + 8 * i + 2, 2 * sizeof *x);
        y[i] = table[8 * i + 6] == 1;
    }
    standardise(x, N, 2, mean, scale);
    options.ridge = 0;
    fitted f = fit_with(&p, NULL, &options, NULL);
    check_differences(&p, &f, 1, glm);
    cr_assert_float_eq(f.info[0].error, 0.42412926724767369, 1e-12);
    cr_assert(f.info[0].ridge > 0 && f.info[0].ridge < 1e-9);
    free_fitted(&f);

    p.classes = 3;
    for (size_t i = 0; i < N; i++)
        y[i] = table[8 * i + 6] - 1;
    f = fit_with(&p, NULL, &options, NULL);
    check_differences(&p, &f, 1, multinom[0]);
    check_differences(&p, &f, 2, multinom[1]);
    cr_assert_float_eq(f.info[0].error, 0.6571968200372269, 1e-12);
    free_fitted(&f);
}

/* R 4.2.2, glm(), of two species that are hardly not separable: tests/ref/experts.R. */
Test(logistic, agrees_with_r_on_iris)
{
    static const double glm[] = {-42.637803813022046, -2.4652201951866637, -6.6808870140785501,
                                 9.4293851539266491, 18.286136887850994};
    double table[150 * 4], y[100], posterior[100] = {0};
    made p = {100, 4, 1, 1, 2, table + 200, y, NULL, posterior};
    mele_expert_options options = mele_expert_defaults();

    cr_assert(read_numbers("iris.csv", 4, table, 150) == 150); /* sorted by species, 50 each */
    for (size_t i = 0; i < 100; i++)
        y[i] = i >= 50;
    options.ridge = 0;
    fitted f = fit_with(&p, NULL, &options, NULL);
    check_differences(&p, &f, 1, glm);
    free_fitted(&f);
}

/* Without the floor of the ridge coefficients would have no end. */
Test(logistic, separable_classes_keep_the_least_ridge)
{
    made p = make_problem(200, 3, 1, 2, 2);
    mele_expert_options options = mele_expert_defaults();

    options.ridge = 0;
    for (size_t i = 0; i < p.n; i++)
        p.y[i] = p.x[i * p.d] > 0;
    fitted f = fit_with(&p, NULL, &options, NULL);
    for (size_t k = 0; k <= 2; k++)
        cr_assert_float_eq(f.info[k].ridge, 1e-8 * f.info[k].rows, 1e-20);
    free_fitted(&f);
    free_problem(&p);
}

/* As many folds as rows: every left-out prediction is that of a fit without the row. */
Test(logistic, left_out_is_a_fit_without_the_fold)
{
    made p = make_problem(60, 2, 1, 2, 3);
    mele_expert_options options = mele_expert_defaults();
    double mean[2 * 3], loss[2] = {0}, total[2] = {0};

    options.folds = 60;
    options.ridge = 0.5;
    fitted f = fit_with(&p, p.weight, &options, NULL);
    for (size_t i = 0; i < p.n; i++) {
        double kept = p.weight[i];
        p.weight[i] = 0;
        fitted without = fit_with(&p, p.weight, &options, NULL);
        p.weight[i] = kept;
        mele_matrix row = mele_matrix_of(p.x + i * p.d, 1, p.d);
        cr_assert(mele_experts_predict(without.experts, &row, NULL, mean, NULL, NULL) == MELE_OK);
        for (size_t j = 0; j < 6; j++) /* the frame's shift moves the least ridge a little */
            cr_assert_float_eq(f.left_out[i * 6 + j], mean[j], 1e-5);
        for (size_t k = 0; k < 2; k++) {
            double w = kept * weight_in(&p, i, k, false);
            total[k] += w;
            loss[k] -= w * f.left_out[i * 6 + k * 3 + (size_t)p.y[i]];
        }
        free_fitted(&without);
    }
    for (size_t k = 0; k < 2; k++) {
        cr_assert_float_eq(f.info[k].left_out, loss[k] / total[k], 1e-12);
        cr_assert(f.info[k].left_out > f.info[k].error);
    }
    free_fitted(&f);
    free_problem(&p);
}

Test(logistic, folds_follow_the_seed)
{
    made p = make_problem(90, 3, 1, 2, 2);
    mele_expert_options options = mele_expert_defaults();
    fitted a = fit_with(&p, NULL, &options, NULL), again = fit_with(&p, NULL, &options, NULL);

    assert_same(&p, &a, &again);
    options.seed = 5;
    fitted b = fit_with(&p, NULL, &options, NULL);
    SAME_BITS(a.coefficients, b.coefficients, 3 * 2 * 4);
    cr_assert(memcmp(a.left_out, b.left_out, 90 * 4 * sizeof(double)) != 0);
    options.seed = 1;
    options.fold = 2;
    fitted c = fit_with(&p, NULL, &options, NULL);
    cr_assert(memcmp(a.left_out, c.left_out, 90 * 4 * sizeof(double)) != 0);
    free_fitted(&a);
    free_fitted(&again);
    free_fitted(&b);
    free_fitted(&c);
    free_problem(&p);
}

/* Probabilities of a row sum to 1 and have finite logarithms, in and out of the training. */
static void assert_probabilities(const made *p, const fitted *f, const char *what)
{
    mele_matrix x = made_x(p);
    size_t count = p->n * p->clusters;
    double *mean = numbers(count * p->classes);

    cr_assert(mele_experts_predict(f->experts, &x, NULL, mean, NULL, NULL) == MELE_OK);
    for (size_t i = 0; i < count; i++) {
        double sum = 0, left_out = 0;
        for (size_t c = 0; c < p->classes; c++) {
            cr_assert(isfinite(mean[i * p->classes + c]), "%s", what);
            cr_assert(isfinite(f->left_out[i * p->classes + c]), "%s", what);
            sum += exp(mean[i * p->classes + c]);
            left_out += exp(f->left_out[i * p->classes + c]);
        }
        cr_assert_float_eq(sum, 1, 1e-13, "%s", what);
        cr_assert_float_eq(left_out, 1, 1e-13, "%s", what);
    }
    for (size_t k = 0; k <= p->clusters; k++)
        cr_assert(f->info[k].converged, "%s: expert %zu", what, k);
    free(mean);
}

static void separable(made *p, mele_expert_options *o)
{
    o->ridge = 0;
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = p->x[i * p->d] > 0;
}
static void class_missing_in_a_region(made *p, mele_expert_options *o)
{
    o->ridge = 0;
    for (size_t i = 0; i < p->n; i++)
        if (weight_in(p, i, 0, false) > 0)
            p->y[i] = p->y[i] == 2 ? 0 : p->y[i];
}
static void one_class_present(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = 1;
}
static void no_region_but_one(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 0; i < p->n; i++) {
        p->log_posterior[2 * i] = -INFINITY;
        p->log_posterior[2 * i + 1] = 0;
    }
}
static void one_row_region(made *p, mele_expert_options *o)
{
    no_region_but_one(p, o);
    p->log_posterior[0] = 1;
    p->weight[0] = 1.5;
    o->min_rows = 1;
}
static void equal_rows(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 0; i < p->n * p->d; i++)
        p->x[i] = 0.3;
}
static void constant_columns(made *p, mele_expert_options *o)
{
    o->ridge = 0;
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + 1] = 1234.1;
}
static void collinear_columns(made *p, mele_expert_options *o)
{
    o->ridge = 0;
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + 1] = 0.7 * p->x[i * p->d] - 1.3 * p->x[i * p->d + 2];
}
static void large_values(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + 1] *= 1e150;
}
static void small_values(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + 1] *= 1e-300;
}
static void raw_units(made *p, mele_expert_options *o)
{
    o->ridge = 0;
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + 1] = 3e7 * p->x[i * p->d + 1] + 5e9;
}
static void large_weights(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 0; i < p->n; i++)
        p->weight[i] *= 1e300;
}
static void small_weights(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 0; i < p->n; i++)
        p->weight[i] *= 1e-300;
}
static void few_weights(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 2; i < p->n; i++)
        p->weight[i] = 0;
}
static void far_rows(made *p, mele_expert_options *o)
{
    (void)o;
    for (size_t i = 0; i < p->n; i += 40)
        p->x[i * p->d] *= 1e9;
}

static const struct {
    const char *what;
    void (*make)(made *p, mele_expert_options *o);
    size_t rank[2]; /* of the regions; 0: a fallback */
} edges[] = {
    {"separable classes", separable, {4, 4}},
    {"a class that a region does not have", class_missing_in_a_region, {4, 4}},
    {"one class present", one_class_present, {4, 4}},
    {"an empty region", no_region_but_one, {0, 4}},
    {"a region of one row", one_row_region, {1, 4}},
    {"equal rows", equal_rows, {1, 1}},
    {"a constant column", constant_columns, {3, 3}},
    {"collinear columns", collinear_columns, {3, 3}},
    {"large values", large_values, {4, 4}},
    {"small values", small_values, {4, 4}},
    {"raw units", raw_units, {4, 4}},
    {"large weights", large_weights, {4, 4}},
    {"small weights", small_weights, {4, 4}},
    {"few weights", few_weights, {0, 0}},
};

Test(logistic, edges_stay_finite)
{
    for (size_t c = 0; c < sizeof edges / sizeof *edges; c++)
        for (int soft = 0; soft < 2; soft++) {
            made p = make_problem(200, 3, 1, 2, 3);
            mele_expert_options options = mele_expert_defaults();
            options.assign = soft ? "soft" : "hard";
            edges[c].make(&p, &options);
            fitted f = fit_with(&p, p.weight, &options, NULL);
            assert_probabilities(&p, &f, edges[c].what);
            for (size_t k = 0; k < 2 && !soft; k++) {
                cr_assert(f.info[k].rank == edges[c].rank[k], "%s: rank %zu", edges[c].what,
                          f.info[k].rank);
                cr_assert(f.info[k].fallback == (edges[c].rank[k] == 0));
            }
            free_fitted(&f);
            free_problem(&p);
        }
}

Test(logistic, far_rows_stay_finite)
{
    made p = make_problem(200, 3, 1, 2, 3);
    mele_expert_options options = mele_expert_defaults();

    far_rows(&p, &options);
    fitted f = fit_with(&p, NULL, &options, NULL);
    for (size_t i = 0; i < 200 * 6; i++)
        cr_assert(!isnan(f.left_out[i]) && f.left_out[i] <= 0);
    free_fitted(&f);
    free_problem(&p);
}

Test(logistic, what_a_region_has_not_seen_is_unlikely_but_possible)
{
    made p = make_problem(300, 2, 1, 2, 3);
    mele_expert_options options = mele_expert_defaults();

    class_missing_in_a_region(&p, &options);
    fitted f = fit_with(&p, NULL, &options, NULL);
    for (size_t i = 0; i < p.n; i++)
        if (weight_in(&p, i, 0, false) > 0)
            cr_assert(f.left_out[i * 6 + 2] < log(1e-3) && f.left_out[i * 6 + 2] > log(1e-12));
    free_fitted(&f);
    free_problem(&p);
}

Test(logistic, one_class_is_certain)
{
    made p = make_problem(50, 2, 1, 2, 1);
    fitted f = fit_with(&p, NULL, NULL, NULL);

    for (size_t i = 0; i < 100; i++)
        cr_assert(f.left_out[i] == 0);
    cr_assert(f.info[0].converged && f.info[0].error == 0);
    check_round_trip(&p, &f);
    free_fitted(&f);
    free_problem(&p);
}

Test(logistic, fallbacks_answer_with_the_global_expert)
{
    made p = make_problem(80, 3, 1, 2, 3);
    mele_expert_options options = mele_expert_defaults();

    no_region_but_one(&p, &options);
    fitted f = fit_with(&p, NULL, &options, NULL);
    cr_assert(f.info[0].fallback && f.info[0].rows == 0 && f.info[1].rows == 80);
    SAME_BITS(f.coefficients, f.coefficients + 2 * 12, 12);
    cr_assert_float_eq(f.info[0].error, f.info[2].error, 0);
    for (size_t i = 0; i < p.n; i++) /* left out of the global expert, not predicted by it */
        cr_assert_float_eq(f.left_out[i * 6], f.left_out[i * 6 + 3], 0.5);
    cr_assert(memcmp(f.left_out, f.left_out + 3, 3 * sizeof(double)) != 0);
    free_fitted(&f);
    free_problem(&p);
}

Test(logistic, weight_two_is_the_row_twice)
{
    made p = make_problem(100, 3, 1, 1, 3), q = make_problem(125, 3, 1, 1, 3);
    mele_expert_options options = mele_expert_defaults();

    for (size_t i = 0, row = 0; i < 100; i++) {
        p.weight[i] = i % 4 == 0 ? 2 : 1;
        for (size_t copy = 0; copy < (i % 4 == 0 ? 2 : 1); copy++, row++) {
            memcpy(q.x + row * 3, p.x + i * 3, 3 * sizeof *q.x);
            q.y[row] = p.y[i];
            q.log_posterior[row] = 0;
        }
    }
    options.ridge = 0.8;
    fitted a = fit_with(&p, p.weight, &options, NULL), b = fit_with(&q, NULL, &options, NULL);
    for (size_t j = 0; j < 12; j++)
        cr_assert_float_eq(a.coefficients[j], b.coefficients[j], 1e-10);
    cr_assert_float_eq(a.info[0].error, b.info[0].error, 1e-12);
    free_fitted(&a);
    free_fitted(&b);
    free_problem(&p);
    free_problem(&q);
}

Test(logistic, bytes_do_not_depend_on_threads)
{
    made p = make_problem(TEST_SIZE(20000, 20000, 9000), 4, 1, 4, 3);

    for (int soft = 0; soft < 2; soft++) {
        mele_expert_options options = mele_expert_defaults();
        options.assign = soft ? "soft" : "hard";
        options.folds = 2;
        options.max_iterations = TEST_SIZE(100, 100, 3);
        check_threads(&p, &options);
    }
    free_problem(&p);
    mele_expert_options options = mele_expert_defaults();
    options.folds = 2;
    options.ridge = 3;
    options.max_iterations = TEST_SIZE(100, 100, 3);
    p = make_problem(TEST_SIZE(2600, 2600, 1100), 7, 1, 2, TEST_SIZE(60, 60, 25));
    check_threads(&p, &options);
    free_problem(&p);
}

Test(logistic, rows_are_predicted_independently)
{
    made p = make_problem(503, 3, 1, 3, 4);
    fitted f = fit_with(&p, NULL, NULL, NULL);

    check_rows_alone(&p, &f);
    free_fitted(&f);
    free_problem(&p);
}

Test(logistic, soft_with_certain_posteriors_is_hard)
{
    made p = make_problem(600, 3, 1, 3, 3);
    mele_expert_options options = mele_expert_defaults();

    make_certain(&p);
    fitted hard = fit_with(&p, p.weight, &options, NULL);
    options.assign = "soft";
    fitted soft = fit_with(&p, p.weight, &options, NULL);
    assert_same(&p, &hard, &soft);
    free_fitted(&hard);
    free_fitted(&soft);
    free_problem(&p);
}

Test(logistic, round_trip)
{
    made p = make_problem(300, 3, 1, 3, 3);
    fitted f = fit_with(&p, p.weight, NULL, NULL);

    check_round_trip(&p, &f);
    free_fitted(&f);
    free_problem(&p);
}

/* ---- degenerate problems and their outcomes, as doc/methods.md lists them ---- */

/* The log-probability of a class that region 0 gives row i. */
static double chance(const fitted *f, const made *p, const double *x, size_t class)
{
    mele_matrix row = mele_matrix_of((double *)x, 1, p->d);
    double mean[2 * 3];

    cr_assert(mele_experts_predict(f->experts, &row, NULL, mean, NULL, NULL) == MELE_OK);
    return mean[class];
}

static void one_class_in_a_region(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = weight_in(p, i, 0, false) > 0 ? 1 : p->y[i];
}
static void one_class(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = 1;
}
static void check_one_class(const made *p, const fitted *f, const char *what)
{
    for (size_t i = 0; i < p->n; i++)
        if (weight_in(p, i, 0, false) > 0) {
            cr_assert(chance(f, p, p->x + 3 * i, 1) > log(0.999), "%s", what);
            cr_assert(chance(f, p, p->x + 3 * i, 0) > log(1e-12), "%s", what);
        }
}

static void column_constant_in_a_region(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (weight_in(p, i, 0, false) > 0)
            p->x[i * p->d + 1] = 0.7;
}
static void check_constant_column(const made *p, const fitted *f, const char *what)
{
    const double near[] = {0.3, 0.7, -0.2}, far[] = {0.3, 50, -0.2};

    for (size_t c = 0; c < 3; c++) {
        cr_assert(fabs(f->coefficients[4 * c + 2]) < 1e-6 * fabs(f->coefficients[4 * c + 1]), "%s",
                  what);
        cr_assert_float_eq(chance(f, p, near, c), chance(f, p, far, c), 1e-4, "%s", what);
    }
}

static void duplicate_rows(made *p)
{
    for (size_t i = 0; i + 1 < p->n; i += 2) {
        memcpy(p->x + (i + 1) * p->d, p->x + i * p->d, p->d * sizeof *p->x);
        memcpy(p->log_posterior + (i + 1) * 2, p->log_posterior + i * 2, 2 * sizeof *p->x);
        p->y[i + 1] = p->y[i];
    }
}
static void check_weights(const made *p, const fitted *f, const double *weight, const char *what)
{
    mele_expert_options options = mele_expert_defaults();

    options.ridge = 0;
    fitted g = fit_with(p, weight, &options, NULL);
    for (size_t j = 0; j < 3 * 12; j++)
        cr_assert_float_eq(f->coefficients[j], g.coefficients[j], 1e-6, "%s: %zu", what, j);
    free_fitted(&g);
}
static void check_duplicates(const made *p, const fitted *f, const char *what)
{
    double *twice = numbers(p->n);

    for (size_t i = 0; i < p->n; i++)
        twice[i] = i % 2 == 0 ? p->weight[i] + p->weight[i + 1] : 0;
    check_weights(p, f, twice, what);
    free(twice);
}

static void separable_classes(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = p->x[i * p->d] > 1 ? 2 : p->x[i * p->d] > 0;
}
static void check_separable(const made *p, const fitted *f, const char *what)
{
    cr_assert_float_eq(f->info[0].ridge / f->info[0].rows, 1e-8, 1e-12, "%s", what);
    for (size_t i = 0; i < p->n; i++)
        if (weight_in(p, i, 0, false) > 0)
            cr_assert(chance(f, p, p->x + 3 * i, (size_t)p->y[i]) > log(0.5), "%s", what);
}

static void surplus_column(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + 2] = p->x[i * p->d + 1];
}
static void check_surplus(const made *p, const fitted *f, const char *what)
{
    (void)p;
    cr_assert(f->info[0].rank == 3 && f->info[0].converged, "%s", what);
    for (size_t c = 0; c < 3; c++) /* the doubles share what they carry */
        cr_assert_float_eq(f->coefficients[4 * c + 2], f->coefficients[4 * c + 3], 1e-5, "%s",
                           what);
}

static void single_row(made *p)
{
    for (size_t i = 0; i < p->n; i++) {
        p->log_posterior[2 * i] = i == 5 ? 0 : -INFINITY;
        p->log_posterior[2 * i + 1] = i == 5 ? -INFINITY : 0;
    }
}
static void no_row(made *p)
{
    single_row(p);
    p->log_posterior[10] = -INFINITY;
    p->log_posterior[11] = 0;
}
static void check_fallback(const made *p, const fitted *f, const char *what)
{
    (void)p;
    cr_assert(f->info[0].fallback && f->info[0].rank == 0, "%s", what);
    SAME_BITS(f->coefficients, f->coefficients + 2 * 12, 12);
}

static void mixed_weights(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->weight[i] = i % 2 == 0 ? 1e300 : 1e-300;
}
static void check_mixed_weights(const made *p, const fitted *f, const char *what)
{
    double *half = numbers(p->n);

    for (size_t i = 0; i < p->n; i++)
        half[i] = i % 2 == 0;
    check_weights(p, f, half, what);
    free(half);
}

static const struct {
    const char *what;
    void (*make)(made *p);
    void (*check)(const made *p, const fitted *f, const char *what);
} outcomes[] = {
    {"one class in a region", one_class_in_a_region, check_one_class},
    {"one class", one_class, check_one_class},
    {"a column that is constant in a region", column_constant_in_a_region, check_constant_column},
    {"duplicate rows", duplicate_rows, check_duplicates},
    {"separable classes", separable_classes, check_separable},
    {"collinear columns", surplus_column, check_surplus},
    {"a region of one row", single_row, check_fallback},
    {"a region without rows", no_row, check_fallback},
    {"weights of 1e300 and 1e-300", mixed_weights, check_mixed_weights},
};

Test(logistic, degenerate_problems_have_stated_outcomes)
{
    for (size_t c = 0; c < sizeof outcomes / sizeof *outcomes; c++) {
        made p = make_problem(300, 3, 1, 2, 3);
        mele_expert_options options = mele_expert_defaults();
        options.ridge = 0;
        outcomes[c].make(&p);
        fitted f = fit_with(&p, p.weight, &options, NULL);
        outcomes[c].check(&p, &f, outcomes[c].what);
        assert_probabilities(&p, &f, outcomes[c].what);
        free_fitted(&f);
        free_problem(&p);
    }
}

static mele_status try_fit(const made *p, const mele_expert_options *options, size_t columns)
{
    mele_matrix x = made_x(p);
    mele_targets targets = {mele_rows_of_array(p->y, p->n / columns, columns), p->classes};
    mele_experts *experts = NULL;

    x.rows = p->n / columns;
    mele_status status = fit_by_posterior(&x, &targets, NULL, p->log_posterior, p->clusters,
                                          options, NULL, &experts, NULL, NULL, NULL, NULL);
    cr_assert(status == MELE_OK || experts == NULL);
    mele_experts_free(experts);
    return status;
}

Test(logistic, refuses_what_are_no_classes)
{
    made p = make_problem(50, 2, 1, 2, 3);
    mele_expert_options options = mele_expert_defaults();
    static const double wrong[] = {3, -1, 0.5};

    cr_assert(try_fit(&p, NULL, 1) == MELE_OK);
    cr_assert(try_fit(&p, NULL, 2) == MELE_EINVAL);
    for (size_t i = 0; i < 3; i++) {
        double kept = p.y[17];
        p.y[17] = wrong[i];
        cr_assert(try_fit(&p, NULL, 1) == MELE_EDATA);
        p.y[17] = kept;
    }
    options.kind = "linear";
    cr_assert(try_fit(&p, &options, 1) == MELE_EINVAL);
    options.kind = "logistic";
    options.ridge = MELE_RIDGE_GCV;
    cr_assert(try_fit(&p, &options, 1) == MELE_EINVAL);
    free_problem(&p);
}

Test(logistic, stops_at_the_most_iterations)
{
    made p = make_problem(200, 3, 1, 1, 3);
    mele_expert_options options = mele_expert_defaults();

    options.max_iterations = 2;
    fitted f = fit_with(&p, NULL, &options, NULL);
    cr_assert(f.info[1].iterations == 2 && !f.info[1].converged);
    free_fitted(&f);
    free_problem(&p);
}

Test(logistic, memory_may_run_out_anywhere)
{
    made p = make_problem(40, 2, 1, 3, 3);

    check_out_of_memory(&p, NULL, NULL, 50);
    free_problem(&p);
}

Test(logistic, iris_is_learnt)
{
    double table[150 * 4], x[150 * 4], y[150], posterior[150] = {0}, mean[4], scale[4];
    made p = {150, 4, 1, 1, 3, x, y, NULL, posterior};
    size_t right = 0;

    cr_assert(read_numbers("iris.csv", 4, table, 150) == 150); /* sorted by species, 50 each */
    memcpy(x, table, sizeof x);
    standardise(x, 150, 4, mean, scale);
    for (size_t i = 0; i < 150; i++)
        y[i] = (double)(i / 50);
    fitted f = fit_with(&p, NULL, NULL, NULL);
    for (size_t i = 0; i < 150; i++) {
        const double *l = f.left_out + 3 * i;
        size_t best = l[1] > l[0] ? 1 : 0;
        right += (l[2] > l[best] ? 2 : best) == (size_t)y[i];
    }
    cr_assert(right >= 143, "%zu of 150 left out are right", right);
    free_fitted(&f);
}
