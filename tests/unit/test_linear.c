#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "expert/triangle.h"
#include "unit/expert_support.h"

/* Coefficients (intercept first, m columns) of region k by the normal equations in long double:
 * weights, ridge on all but the intercept, row `without` left out. */
static void naive_fit(const made *p, const double *weight, size_t k, bool soft, double ridge,
                      size_t without, long double *out)
{
    size_t width = p->d + 1;
    long double a[16 * 16] = {0};

    memset(out, 0, width * p->m * sizeof *out);
    for (size_t i = 0; i < p->n; i++) {
        long double w = (weight == NULL ? 1 : weight[i]) * weight_in(p, i, k, soft), z[16];
        for (size_t j = 0; j < width; j++)
            z[j] = j == 0 ? 1 : p->x[i * p->d + j - 1];
        for (size_t j = 0; j < width && i != without; j++) {
            for (size_t l = 0; l < width; l++)
                a[j * width + l] += w * z[j] * z[l];
            for (size_t t = 0; t < p->m; t++)
                out[j * p->m + t] += w * z[j] * p->y[i * p->m + t];
        }
    }
    for (size_t j = 1; j < width; j++)
        a[j * width + j] += ridge;
    naive_solve(a, out, width, p->m);
}

static double naive_predict(const made *p, const long double *c, size_t i, size_t t)
{
    long double sum = c[t];

    for (size_t j = 0; j < p->d; j++)
        sum += c[(j + 1) * p->m + t] * p->x[i * p->d + j];
    return (double)sum;
}

typedef struct solver_case {
    const char *solver, *assign;
    double ridge, tolerance;
    size_t n, d, m, clusters;
} solver_case;

static const solver_case solver_cases[] = {
    {"qr", "hard", 0, 1e-12, 300, 5, 1, 3},   {"qr", "hard", 0.7, 1e-12, 300, 5, 2, 3},
    {"qr", "soft", 0, 1e-12, 300, 4, 2, 3},   {"qr", "soft", 3.5, 1e-12, 5000, 9, 3, 4},
    {"qr", "hard", 0.7, 1e-12, 9000, 6, 1, 5}, {"qr", "hard", 0, 1e-12, 70, 1, 1, 2},
    {"normal", "hard", 0, 1e-9, 300, 5, 2, 3}, {"normal", "soft", 0.7, 1e-9, 5000, 9, 3, 4},
};

Test(linear, solves_the_normal_equations)
{
    for (size_t c = 0; c < sizeof solver_cases / sizeof *solver_cases; c++) {
        const solver_case *s = &solver_cases[c];
        made p = make_problem(s->n, s->d, s->m, s->clusters, 0);
        mele_expert_options options = mele_expert_defaults();
        options.solver = s->solver;
        options.assign = s->assign;
        options.ridge = s->ridge;
        fitted f = fit_with(&p, p.weight, &options, NULL);
        for (size_t k = 0; k <= p.clusters; k++) {
            long double naive[64];
            naive_fit(&p, p.weight, k, s->assign[0] == 's', s->ridge, SIZE_MAX, naive);
            cr_assert(f.info[k].rank == p.d + 1 && !f.info[k].fallback);
            for (size_t t = 0; t < p.m; t++)
                for (size_t j = 0; j <= p.d; j++) {
                    double value = f.coefficients[(k * p.m + t) * (p.d + 1) + j];
                    cr_assert_float_eq(value, (double)naive[j * p.m + t], s->tolerance,
                                       "case %zu, expert %zu", c, k);
                }
        }
        free_fitted(&f);
        free_problem(&p);
    }
}

/* Every left-out prediction against a fit without the row; variances against their mean square. */
static void check_left_out(const char *solver, bool soft, double ridge, double tolerance)
{
    made p = make_problem(80, 3, 2, 3, 0);
    mele_expert_options options = mele_expert_defaults();
    double sum[3][2] = {{0}}, total[3] = {0};

    options.solver = solver;
    options.assign = soft ? "soft" : "hard";
    options.ridge = ridge;
    fitted f = fit_with(&p, p.weight, &options, NULL);
    for (size_t i = 0; i < p.n; i++)
        for (size_t k = 0; k < p.clusters; k++) {
            long double naive[16];
            double w = p.weight[i] * weight_in(&p, i, k, soft);
            naive_fit(&p, p.weight, k, soft, ridge, i, naive);
            total[k] += w;
            for (size_t t = 0; t < p.m; t++) {
                double value = f.left_out[(i * p.clusters + k) * p.m + t];
                double error = p.y[i * p.m + t] - value;
                cr_assert_float_eq(value, naive_predict(&p, naive, i, t), tolerance, "row %zu, %zu",
                                   i, k);
                sum[k][t] += w * error * error;
            }
        }
    for (size_t k = 0; k < p.clusters; k++)
        for (size_t t = 0; t < p.m; t++) {
            double s2 = f.variance[k * p.m + t];
            cr_assert_float_eq(s2, sum[k][t] / total[k], 1e-9 * s2);
            SAME_BITS(&s2, &f.left_out_variance[(5 * p.clusters + k) * p.m + t], 1);
            cr_assert_float_eq(f.info[k].rows, total[k], 1e-9);
            cr_assert(f.info[k].left_out > f.info[k].error);
        }
    free_fitted(&f);
    free_problem(&p);
}

Test(linear, left_out_is_a_fit_without_the_row)
{
    check_left_out("qr", false, 0, 1e-10);
    check_left_out("qr", false, 0.4, 1e-10);
    check_left_out("qr", true, 0.4, 1e-10);
    check_left_out("normal", false, 0.4, 1e-8);
}

Test(linear, fallbacks_answer_with_the_global_expert)
{
    made p = make_problem(60, 3, 1, 3, 0);
    mele_expert_options options = mele_expert_defaults();
    mele_matrix x = made_x(&p);
    double *mean = numbers(60 * 3), *variance = numbers(60 * 3);

    options.ridge = 0.3;
    for (size_t i = 0; i < p.n; i++) {
        double row[] = {log(0.98), log(0.02), -INFINITY}; /* region 2 has three rows, 3 none */
        if (i % 20 == 3) {
            row[0] = log(0.3);
            row[1] = log(0.7);
        }
        memcpy(p.log_posterior + i * 3, row, sizeof row);
    }
    fitted f = fit_with(&p, NULL, &options, NULL);
    cr_assert(!f.info[0].fallback && f.info[1].fallback && f.info[2].fallback);
    cr_assert(!f.info[3].fallback && f.info[1].rank == 0 && f.info[2].rows == 0);
    cr_assert(f.info[0].rows == 57 && f.info[1].rows == 3 && f.info[3].rows == 60);
    cr_assert(mele_i_experts_facts(f.experts, 1).answers == p.clusters);
    cr_assert(mele_i_experts_facts(f.experts, 0).answers == 0);
    SAME_BITS(f.coefficients + 4, f.coefficients + 12, 4);
    cr_assert(mele_experts_predict(f.experts, &x, NULL, mean, variance, NULL) == MELE_OK);
    for (size_t i = 0; i < p.n; i++) {
        long double naive[4];
        naive_fit(&p, NULL, 3, false, options.ridge, i, naive);
        for (size_t k = 1; k < 3; k++)
            cr_assert_float_eq(f.left_out[i * 3 + k], naive_predict(&p, naive, i, 0), 1e-10);
        SAME_BITS(&mean[i * 3 + 1], &mean[i * 3 + 2], 1);
        SAME_BITS(&variance[i * 3 + 1], &variance[i * 3 + 2], 1);
    }
    check_round_trip(&p, &f);
    free_fitted(&f);
    free_problem(&p);
    free(mean);
    free(variance);
}

Test(linear, weight_two_is_the_row_twice)
{
    made p = make_problem(200, 4, 1, 2, 0), q = make_problem(200, 4, 1, 2, 0);
    size_t n = 0;

    q.x = realloc(q.x, 400 * 4 * sizeof *q.x);
    q.y = realloc(q.y, 400 * sizeof *q.y);
    q.log_posterior = realloc(q.log_posterior, 800 * sizeof *q.x);
    for (size_t i = 0; i < 200; i++) {
        p.weight[i] = i % 3 == 0 ? 2 : i % 7 == 0 ? 0 : 1;
        for (int copy = 0; copy < (int)p.weight[i]; copy++, n++) {
            memcpy(q.x + n * 4, p.x + i * 4, 4 * sizeof *q.x);
            memcpy(q.log_posterior + n * 2, p.log_posterior + i * 2, 2 * sizeof *q.x);
            q.y[n] = p.y[i];
        }
    }
    q.n = n;
    fitted a = fit_with(&p, p.weight, NULL, NULL), b = fit_with(&q, NULL, NULL, NULL);
    for (size_t j = 0; j < 3 * 5; j++)
        cr_assert_float_eq(a.coefficients[j], b.coefficients[j], 1e-12);
    cr_assert(a.info[0].rows == b.info[0].rows);
    free_fitted(&a);
    free_fitted(&b);
    free_problem(&p);
    free_problem(&q);
}

Test(linear, bytes_do_not_depend_on_threads)
{
    static const char *const solvers[] = {"qr", "qr", "normal"};
    static const double ridges[] = {1e-3, MELE_RIDGE_GCV, 0};
    made p = make_problem(20000, 6, 2, 5, 0);

    for (size_t c = 0; c < 6; c++) {
        mele_expert_options options = mele_expert_defaults();
        options.solver = solvers[c % 3];
        options.ridge = ridges[c % 3];
        options.assign = c < 3 ? "hard" : "soft";
        check_threads(&p, &options);
    }
    free_problem(&p);
}

Test(linear, rows_are_predicted_independently)
{
    made p = make_problem(1003, 6, 2, 3, 0);
    fitted f = fit_with(&p, NULL, NULL, NULL);

    check_rows_alone(&p, &f);
    free_fitted(&f);
    free_problem(&p);
}

Test(linear, soft_with_certain_posteriors_is_hard)
{
    made p = make_problem(3000, 4, 2, 3, 0);
    mele_expert_options options = mele_expert_defaults();

    make_certain(&p);
    fitted hard = fit_with(&p, p.weight, &options, NULL);
    options.assign = "soft";
    fitted soft = fit_with(&p, p.weight, &options, NULL);
    for (size_t j = 0; j < 4 * 2 * 5; j++)
        cr_assert_float_eq(hard.coefficients[j], soft.coefficients[j], 1e-13);
    for (size_t j = 0; j < 6; j++)
        cr_assert_float_eq(hard.variance[j], soft.variance[j], 1e-13);
    free_fitted(&hard);
    free_fitted(&soft);
    free_problem(&p);
}

Test(linear, equal_posteriors_go_to_the_lowest_region)
{
    made p = make_problem(30, 2, 1, 3, 0);

    for (size_t i = 0; i < 90; i++)
        p.log_posterior[i] = i % 3 == 0 ? log(0.2) : log(0.4);
    fitted f = fit_with(&p, NULL, NULL, NULL);
    cr_assert(f.info[0].rows == 0 && f.info[1].rows == 30 && f.info[2].rows == 0);
    free_fitted(&f);
    free_problem(&p);
}

/* R 4.2.2, lm() and hatvalues(): tests/ref/experts.R. */
Test(linear, agrees_with_lm_on_mcycle)
{
    static const double cuts[] = {14, 20, 32};
    static const double reference[4][4] = {
        {21, -1.4009421504770105, -0.10255345034792797, 2.544216823408862},
        {38, 277.85529872870717, -20.130734636450434, 541.3213864661318},
        {34, -502.47510609443088, 17.656003672098297, 803.30821698116324},
        {40, 70.784779409829483, -1.4536663739660773, 734.06725244229165},
    };
    double table[133 * 2], x[133], y[133], posterior[133 * 4];
    made p = {133, 1, 1, 4, 0, x, y, NULL, posterior};
    mele_expert_options options = mele_expert_defaults();

    options.ridge = 0;
    cr_assert(read_numbers("mcycle.csv", 2, table, 133) == 133);
    for (size_t i = 0; i < 133; i++) {
        x[i] = table[2 * i];
        y[i] = table[2 * i + 1];
        size_t region = 0;
        while (region < 3 && x[i] >= cuts[region])
            region++;
        for (size_t k = 0; k < 4; k++)
            posterior[i * 4 + k] = k == region ? 0 : -40;
    }
    fitted f = fit_with(&p, NULL, &options, NULL);
    for (size_t k = 0; k < 4; k++) {
        cr_assert(f.info[k].rows == reference[k][0]);
        cr_assert_float_eq(f.coefficients[2 * k], reference[k][1], 1e-11 * fabs(reference[k][1]));
        cr_assert_float_eq(f.coefficients[2 * k + 1], reference[k][2],
                           1e-11 * fabs(reference[k][2]));
        cr_assert_float_eq(f.info[k].left_out, reference[k][3], 1e-11 * reference[k][3]);
    }
    free_fitted(&f);
}

/* NIST StRD: the fewest correct digits of the coefficients in raw units, `standard` for features
 * and target that were standardised before. */
static double nist_digits(const char *name, size_t d, const double *certified, bool standard,
                          double *worst_residual)
{
    double table[90 * 12], x[90 * 11], y[90], mean[12], scale[12], posterior[90] = {0};
    size_t n = read_numbers(name, d + 1, table, 90);
    made p = {n, d, 1, 1, 0, x, y, NULL, posterior};
    mele_expert_options options = mele_expert_defaults();
    double digits = 16, raw[12];

    if (standard)
        standardise(table, n, d + 1, mean, scale);
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * d, table + i * (d + 1), d * sizeof *x);
        y[i] = table[i * (d + 1) + d];
    }
    options.ridge = 0;
    fitted f = fit_with(&p, NULL, &options, NULL);
    memcpy(raw, f.coefficients, (d + 1) * sizeof *raw);
    if (standard) {
        raw[0] = mean[d] + scale[d] * raw[0];
        for (size_t j = 0; j < d; j++) {
            raw[j + 1] *= scale[d] / scale[j];
            raw[0] -= raw[j + 1] * mean[j];
        }
    }
    for (size_t j = 0; j <= d; j++)
        digits = fmin(digits, -log10(fabs(raw[j] - certified[j]) / fabs(certified[j]) + 1e-16));
    *worst_residual = f.info[0].error;
    cr_assert(f.info[0].rank == d + 1);
    free_fitted(&f);
    return digits;
}

Test(linear, nist_reference_data)
{
    static const double longley[] = {-3482258.63459582,     15.0618722713733,
                                     -0.358191792925910E-01, -2.02022980381683,
                                     -1.03322686717359,     -0.511041056535807E-01,
                                     1829.15146461355};
    static const double wampler[] = {1, 1, 1, 1, 1, 1};
    static const struct {
        const char *name;
        size_t d;
        const double *certified;
        bool standard;
        double digits;
    } cases[] = {
        {"nist/longley.csv", 6, longley, true, 10},
        {"nist/longley.csv", 6, longley, false, 9},
        {"nist/wampler1.csv", 5, wampler, true, 8},
        {"nist/wampler1.csv", 5, wampler, false, 8},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double residual;
        double digits = nist_digits(cases[i].name, cases[i].d, cases[i].certified,
                                    cases[i].standard, &residual);
        cr_assert(digits >= cases[i].digits, "%s (%s): %.1f digits", cases[i].name,
                  cases[i].standard ? "standardised" : "raw", digits);
    }
}

Test(linear, collinear_columns_change_no_prediction)
{
    made p = make_problem(400, 4, 2, 3, 0), q = make_problem(400, 4, 2, 3, 0);
    mele_expert_options options = mele_expert_defaults();
    double *a = numbers(400 * 6), *b = numbers(400 * 6);
    static const char *const solvers[] = {"qr", "normal"};

    q.d = 6;
    free(q.x);
    q.x = numbers(400 * 6);
    for (size_t i = 0; i < 400; i++) {
        memcpy(q.x + i * 6, p.x + i * 4, 4 * sizeof *p.x);
        q.x[i * 6 + 4] = 0.3 * p.x[i * 4] - 1.7 * p.x[i * 4 + 2] + 0.4;
        q.x[i * 6 + 5] = q.x[i * 6 + 4]; /* and its double */
    }
    options.ridge = 0;
    for (size_t s = 0; s < 2; s++) {
        mele_matrix x = made_x(&p), z = made_x(&q);
        options.solver = solvers[s];
        fitted f = fit_with(&p, NULL, &options, NULL), g = fit_with(&q, NULL, &options, NULL);
        mele_experts_predict(f.experts, &x, NULL, a, NULL, NULL);
        mele_experts_predict(g.experts, &z, NULL, b, NULL, NULL);
        for (size_t i = 0; i < 400 * 6; i++) {
            cr_assert_float_eq(a[i], b[i], s == 0 ? 1e-12 : 1e-9);
            cr_assert_float_eq(f.left_out[i], g.left_out[i], s == 0 ? 1e-11 : 1e-8);
        }
        for (size_t k = 0; k <= 3; k++)
            cr_assert(f.info[k].rank == 5 && g.info[k].rank == 5);
        /* of all solutions the smallest: the doubles share what they carry */
        for (size_t e = 0; e < 8; e++)
            cr_assert_float_eq(g.coefficients[e * 7 + 5], g.coefficients[e * 7 + 6], 1e-8);
        free_fitted(&f);
        free_fitted(&g);
    }
    free_problem(&p);
    free_problem(&q);
    free(a);
    free(b);
}

Test(linear, columns_constant_in_a_region_have_no_coefficient)
{
    static const double ridges[] = {0, 1e-3, MELE_RIDGE_GCV};
    static const char *const solvers[] = {"qr", "normal"};
    made p = make_problem(300, 4, 1, 2, 0);
    mele_expert_options options = mele_expert_defaults();

    for (size_t i = 0; i < 300; i++) {
        p.log_posterior[2 * i] = i % 2 == 0 ? log(0.9) : log(0.1);
        p.log_posterior[2 * i + 1] = i % 2 == 0 ? log(0.1) : log(0.9);
        p.x[i * 4 + 1] = i % 2 == 0 ? 0.1 : p.x[i * 4 + 1]; /* constant in the first region */
        p.x[i * 4 + 2] = i % 2 == 0 ? 0.3 : 3 * p.x[i * 4 + 1]; /* there too, else collinear */
        p.x[i * 4 + 3] = 1234.1; /* everywhere */
    }
    for (size_t c = 0; c < 6; c++) {
        options.ridge = ridges[c % 3];
        options.solver = solvers[c / 3];
        fitted f = fit_with(&p, NULL, &options, NULL);
        cr_assert(f.info[0].rank == 2, "case %zu: rank %zu", c, f.info[0].rank);
        cr_assert(f.info[1].rank == 3, "case %zu: rank %zu", c, f.info[1].rank);
        cr_assert(f.coefficients[2] == 0 && f.coefficients[3] == 0 && f.coefficients[4] == 0);
        cr_assert(f.coefficients[9] == 0 && f.coefficients[14] == 0);
        cr_assert(f.coefficients[1] != 0);
        for (size_t i = 0; i < 600; i++)
            cr_assert(isfinite(f.left_out[i]) && fabs(f.left_out[i]) < 100);
        free_fitted(&f);
    }
    free_problem(&p);
}

Test(linear, equal_rows_and_constant_targets)
{
    made p = make_problem(40, 3, 2, 2, 0);

    for (size_t i = 0; i < 40; i++) {
        memcpy(p.x + i * 3, p.x, 3 * sizeof *p.x);
        p.y[2 * i + 1] = 0.7;
    }
    fitted f = fit_with(&p, p.weight, NULL, NULL);
    for (size_t k = 0; k < 3; k++) {
        const double *c = f.coefficients + k * 8;
        cr_assert(f.info[k].rank == 1 && !f.info[k].fallback);
        cr_assert(c[1] == 0 && c[2] == 0 && c[3] == 0 && c[5] == 0 && c[6] == 0 && c[7] == 0);
        cr_assert_float_eq(c[4], 0.7, 1e-15);
    }
    for (size_t k = 0; k < 2; k++) {
        cr_assert(f.variance[2 * k] > 0.01);
        cr_assert(f.variance[2 * k + 1] > 0 && f.variance[2 * k + 1] < 1e-20);
    }
    free_fitted(&f);
    free_problem(&p);
}

Test(linear, a_row_that_settles_a_coefficient_is_predicted_by_the_others)
{
    made p = make_problem(12, 2, 1, 1, 0);
    mele_expert_options options = mele_expert_defaults();
    double others = 0, weight = 0;

    options.ridge = 0;
    for (size_t i = 0; i < 12; i++) {
        p.x[2 * i + 1] = i == 4; /* only row 5 knows this column */
        others += i == 4 ? 0 : p.weight[i] * p.y[i];
        weight += i == 4 ? 0 : p.weight[i];
    }
    fitted f = fit_with(&p, p.weight, &options, NULL);
    cr_assert(f.info[0].rank == 3);
    cr_assert_float_eq(f.left_out[4], others / weight, 1e-13);
    free_fitted(&f);
    free_problem(&p);

    p = make_problem(3, 2, 1, 2, 0); /* one row a region, kept by min_rows */
    options.min_rows = 1;
    memcpy(p.log_posterior, (double[]){0, -9, -9, 0, 0, -9}, 6 * sizeof(double));
    f = fit_with(&p, NULL, &options, NULL);
    cr_assert(f.info[1].rank == 1 && !f.info[1].fallback && f.info[1].rows == 1);
    cr_assert_float_eq(f.coefficients[3], p.y[1], 1e-15);
    cr_assert_float_eq(f.left_out[1 * 2 + 1], (p.y[0] + p.y[1] + p.y[2]) / 3, 1e-15);
    free_fitted(&f);
    free_problem(&p);
}

Test(linear, rows_of_weight_zero_change_nothing)
{
    made p = make_problem(100, 3, 1, 2, 0);

    fitted a = fit_with(&p, p.weight, NULL, NULL);
    free_fitted(&a);
    for (size_t i = 90; i < 100; i++)
        p.weight[i] = 0;
    p.n = 90;
    a = fit_with(&p, p.weight, NULL, NULL);
    for (size_t i = 90; i < 100; i++)
        p.y[i] = p.x[3 * i] = 1e200;
    p.n = 100;
    fitted b = fit_with(&p, p.weight, NULL, NULL);
    SAME_BITS(a.coefficients, b.coefficients, 3 * 4);
    SAME_BITS(a.variance, b.variance, 2);
    SAME_BITS(a.left_out, b.left_out, 90 * 2);
    free_fitted(&a);
    free_fitted(&b);
    free_problem(&p);
}

/* Features, targets and weights times powers of ten far apart; the ordinary fit is the oracle. */
Test(linear, sizes_of_all_kinds)
{
    static const double sizes[][3] = {{1e150, 1, 1},      {1e-300, 1, 1},     {1, 1e150, 1},
                                      {1, 1e-150, 1},     {1e150, 1e150, 1},  {1e-300, 1e-300, 1},
                                      {1e150, 1e-300, 1}, {1, 1, 1e300},      {1, 1, 1e-290},
                                      {1e-300, 1e150, 1}, {1e300, 1e-307, 1}, {1e8, 1, 1},
                                      {1e-9, 1, 1}};
    static const char *const solvers[] = {"qr", "normal"};
    made p = make_problem(120, 3, 1, 2, 0), q = make_problem(120, 3, 1, 2, 0);
    mele_expert_options options = mele_expert_defaults();

    options.ridge = 0;
    options.min_rows = 1;
    fitted f = fit_with(&p, p.weight, &options, NULL);
    for (size_t c = 0; c < 2 * sizeof sizes / sizeof *sizes; c++) {
        const double *size = sizes[c / 2];
        options.solver = solvers[c % 2];
        for (size_t i = 0; i < 120; i++) {
            for (size_t j = 0; j < 3; j++)
                q.x[i * 3 + j] = p.x[i * 3 + j] * (j == 1 ? size[0] : 1);
            q.y[i] = p.y[i] * size[1];
            q.weight[i] = p.weight[i] * size[2];
        }
        fitted g = fit_with(&q, q.weight, &options, NULL);
        for (size_t i = 0; i < 240; i++) {
            cr_assert(isfinite(g.left_out[i]), "case %zu", c);
            if (size[0] * size[1] < 1e160 && size[0] / size[1] < 1e200
                && size[1] / size[0] < 1e300)
                cr_assert_float_eq(g.left_out[i] / size[1], f.left_out[i], 1e-9, "case %zu", c);
        }
        for (size_t k = 0; k < 2; k++)
            cr_assert(g.variance[k] > 0 && g.variance[k] <= DBL_MAX);
        for (size_t j = 0; j < 12; j++)
            cr_assert(isfinite(g.coefficients[j]), "case %zu", c);
        cr_assert(!g.info[0].fallback && g.info[2].rank == 4); /* rows count, too */
        free_fitted(&g);
    }
    free_fitted(&f);
    free_problem(&p);
    free_problem(&q);
}

/* The criterion from its definition: residuals and trace by naive solves. */
static double naive_gcv(const made *p, double ridge)
{
    long double c[16];
    double rss = 0, trace = 0;

    naive_fit(p, NULL, p->clusters, false, ridge, SIZE_MAX, c);
    for (size_t i = 0; i < p->n; i++) {
        double before = p->y[i], residual = before - naive_predict(p, c, i, 0);
        long double moved[16];
        rss += residual * residual;
        p->y[i] = before + 1;
        naive_fit(p, NULL, p->clusters, false, ridge, SIZE_MAX, moved);
        p->y[i] = before;
        trace += naive_predict(p, moved, i, 0) - naive_predict(p, c, i, 0);
    }
    return rss / ((double)p->n - trace) / ((double)p->n - trace);
}

Test(linear, gcv_finds_the_smallest_criterion)
{
    made p = make_problem(40, 6, 1, 1, 0);
    mele_expert_options options = mele_expert_defaults();

    for (size_t i = 0; i < p.n; i++) /* half noise: the best ridge is neither 0 nor infinite */
        p.y[i] = 0.6 * p.x[6 * i] - 0.4 * p.x[6 * i + 3] + 2 * cos(3.7 * (double)(i * i));
    options.ridge = MELE_RIDGE_GCV;
    fitted f = fit_with(&p, NULL, &options, NULL);
    double chosen = f.info[0].ridge, best = naive_gcv(&p, chosen);
    cr_assert(chosen > 1e-1 && chosen < 1e3, "%g", chosen);
    for (double ridge = 1e-3; ridge < 1e5; ridge *= 1.3)
        cr_assert(naive_gcv(&p, ridge) >= best * (1 - 1e-9), "%g is better than %g", ridge, chosen);
    cr_assert(naive_gcv(&p, 0.98 * chosen) > best && naive_gcv(&p, 1.02 * chosen) > best);
    options.ridge = chosen;
    fitted g = fit_with(&p, NULL, &options, NULL);
    for (size_t j = 0; j < 7; j++)
        cr_assert_float_eq(f.coefficients[j], g.coefficients[j], 1e-13);
    free_fitted(&f);
    free_fitted(&g);
    free_problem(&p);
}

Test(linear, round_trip)
{
    made p = make_problem(500, 5, 3, 4, 0);
    fitted f = fit_with(&p, p.weight, NULL, NULL);
    json_t *section = mele_i_experts_save(f.experts), *bad;
    mele_experts *loaded = NULL;

    check_round_trip(&p, &f);
    static const double wrong[] = {-1e-3, 0};
    for (size_t i = 0; i < 2; i++) {
        bad = json_deep_copy(section);
        json_array_set_new(json_object_get(json_object_get(bad, "global"), "variance"), 1,
                           json_real(wrong[i]));
        cr_assert(mele_i_experts_load(bad, &loaded, NULL) == MELE_EDATA);
        json_decref(bad);
    }
    json_decref(section);
    free_fitted(&f);
    free_problem(&p);
}

/* Wrong calls. */
typedef struct wrong_call {
    const char *what;
    void (*spoil)(made *p, mele_expert_options *o);
    mele_status status;
} wrong_call;

static void unknown_option_kind(made *p, mele_expert_options *o)
{
    (void)p;
    o->kind = "oracle";
}
static void kind_for_classes(made *p, mele_expert_options *o)
{
    (void)p;
    o->kind = "logistic";
}
static void unknown_assign(made *p, mele_expert_options *o)
{
    (void)p;
    o->assign = "firm";
}
static void unknown_solver(made *p, mele_expert_options *o)
{
    (void)p;
    o->solver = "svd";
}
static void null_solver(made *p, mele_expert_options *o)
{
    (void)p;
    o->solver = NULL;
}
static void negative_ridge(made *p, mele_expert_options *o)
{
    (void)p;
    o->ridge = -0.5;
}
static void nan_ridge(made *p, mele_expert_options *o)
{
    (void)p;
    o->ridge = NAN;
}
static void one_fold(made *p, mele_expert_options *o)
{
    (void)p;
    o->folds = 1;
}
static void no_iterations(made *p, mele_expert_options *o)
{
    (void)p;
    o->max_iterations = 0;
}
static void no_clusters(made *p, mele_expert_options *o)
{
    (void)o;
    p->clusters = 0;
}
static void no_columns(made *p, mele_expert_options *o)
{
    (void)o;
    p->d = 0;
}
static void nan_feature(made *p, mele_expert_options *o)
{
    (void)o;
    p->x[17] = NAN;
}
static void infinite_target(made *p, mele_expert_options *o)
{
    (void)o;
    p->y[17] = INFINITY;
}
static void nan_posterior(made *p, mele_expert_options *o)
{
    (void)o;
    p->log_posterior[17] = NAN;
}
static void negative_weight(made *p, mele_expert_options *o)
{
    (void)o;
    p->weight[17] = -1;
}

static const wrong_call wrong_calls[] = {
    {"unknown kind", unknown_option_kind, MELE_EINVAL},
    {"kind for classes", kind_for_classes, MELE_EINVAL},
    {"unknown assign", unknown_assign, MELE_EINVAL},
    {"unknown solver", unknown_solver, MELE_EINVAL},
    {"NULL solver", null_solver, MELE_EINVAL},
    {"negative ridge", negative_ridge, MELE_EINVAL},
    {"ridge is NaN", nan_ridge, MELE_EINVAL},
    {"one fold", one_fold, MELE_EINVAL},
    {"no iterations", no_iterations, MELE_EINVAL},
    {"no clusters", no_clusters, MELE_EINVAL},
    {"no columns", no_columns, MELE_EINVAL},
    {"NaN feature", nan_feature, MELE_EDATA},
    {"infinite target", infinite_target, MELE_EDATA},
    {"NaN posterior", nan_posterior, MELE_EDATA},
    {"negative weight", negative_weight, MELE_EDATA},
};

/* A fit that ends with this status and touches nothing. */
static void check_refused(const made *p, const mele_expert_options *options, mele_engine *engine,
                          mele_status expected, const char *what)
{
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);
    mele_experts *experts = NULL;
    mele_expert_info info[8], untouched[8];
    double left_out[1024], variance[1024], before[1024];
    mele_error error = {MELE_OK, 0, ""};

    for (size_t i = 0; i < 1024; i++)
        left_out[i] = variance[i] = before[i] = 0.25;
    memset(info, 7, sizeof info);
    memset(untouched, 7, sizeof untouched);
    mele_status status = mele_experts_fit(&x, &targets, p->weight, p->log_posterior, p->clusters,
                                          options, engine, &experts, left_out, variance, info,
                                          &error);
    cr_assert(status == expected, "%s: %d", what, status);
    cr_assert(error.status == expected && error.message[0] != '\0');
    cr_assert(experts == NULL && memcmp(info, untouched, sizeof info) == 0);
    SAME_BITS(left_out, before, 1024);
    SAME_BITS(variance, before, 1024);
}

Test(linear, wrong_calls_touch_nothing)
{
    for (size_t i = 0; i < sizeof wrong_calls / sizeof *wrong_calls; i++) {
        made p = make_problem(50, 3, 1, 2, 0);
        mele_expert_options options = mele_expert_defaults();
        wrong_calls[i].spoil(&p, &options);
        check_refused(&p, &options, NULL, wrong_calls[i].status, wrong_calls[i].what);
        free_problem(&p);
    }
}

static bool stop_at_once(const mele_progress *progress, void *user)
{
    (void)user;
    cr_assert_str_eq(progress->stage, "experts");
    return false;
}

Test(linear, can_be_stopped)
{
    made p = make_problem(50, 3, 1, 2, 0);
    mele_engine_options options = {2, stop_at_once, NULL};
    mele_engine *engine = NULL;

    cr_assert(mele_engine_new(&options, &engine, NULL) == MELE_OK);
    check_refused(&p, NULL, engine, MELE_ESTOPPED, "stopped");
    mele_engine_free(engine);
    free_problem(&p);
}

Test(linear, memory_may_run_out_anywhere)
{
    made p = make_problem(50, 3, 2, 3, 0);

    check_out_of_memory(&p, 10);
    free_problem(&p);
}

/* ---- the loops below ---- */

static double *aligned_numbers(size_t count)
{
    double *memory = aligned_alloc(64, (count * sizeof(double) + 63) / 64 * 64);

    cr_assert(memory != NULL);
    memset(memory, 0, count * sizeof *memory);
    return memory;
}

Test(triangle, every_build_gives_the_same_bits_and_the_right_triangle)
{
    static const size_t columns[] = {1, 2, 3, 4, 5, 8, 18, 37};
    enum { ROWS = 72 };

    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        size_t q = columns[c];
        mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, q);
        double *rows = aligned_numbers(ROWS * q), *spent = aligned_numbers(ROWS * q);
        double *first = NULL, *moments = NULL;
        for (size_t i = 0; i < ROWS * q; i++)
            rows[i] = mele_i_stream_normal(&s) + 0.3;
        for (size_t b = 0; mele_i_triangle_loops_at(b) != NULL; b++) {
            const mele_i_triangle_loops *loops = mele_i_triangle_loops_at(b);
            double *triangle = aligned_numbers(q * q), *square = aligned_numbers(q * q);
            for (int times = 0; times < 3; times++) {
                memcpy(spent, rows, ROWS * q * sizeof *rows);
                loops->reduce(triangle, q, spent, ROWS, false);
            }
            loops->cross(rows, q, rows, q, ROWS, square, q);
            if (b == 0) {
                first = triangle;
                moments = square;
                continue;
            }
            SAME_BITS(triangle, first, q * q);
            SAME_BITS(square, moments, q * q);
            free(triangle);
            free(square);
        }
        for (size_t i = 0; i < q; i++)
            for (size_t j = 0; j < q; j++) {
                double sum = 0, product = 0;
                for (size_t k = 0; k < q; k++)
                    sum += first[k + i * q] * first[k + j * q];
                for (size_t k = 0; k < ROWS; k++)
                    product += rows[k + i * ROWS] * rows[k + j * ROWS];
                cr_assert_float_eq(sum, 3 * product, 1e-11);
                cr_assert_float_eq(moments[i + j * q], product, 1e-12);
                cr_assert(i <= j || first[i + j * q] == 0);
            }
        free(first);
        free(moments);
        free(rows);
        free(spent);
    }
}

Test(triangle, a_merger_has_the_rows_of_both)
{
    static const size_t columns[] = {1, 3, 8, 18, 37};
    enum { ROWS = 48 };

    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        size_t q = columns[c];
        mele_i_stream s = mele_i_stream_make(4, MELE_I_FOR_TESTS, 0, q);
        double *scratch = aligned_numbers(mele_i_triangle_room(q));
        double *rows = aligned_numbers(ROWS * q);
        double *parts[3] = {aligned_numbers(q * q), aligned_numbers(q * q), aligned_numbers(q * q)};
        for (int part = 0; part < 2; part++) {
            for (size_t i = 0; i < ROWS * q; i++)
                rows[i] = mele_i_stream_normal(&s);
            double *again = aligned_numbers(ROWS * q);
            memcpy(again, rows, ROWS * q * sizeof *rows);
            mele_i_triangle_add(parts[part], q, rows, ROWS);
            mele_i_triangle_add(parts[2], q, again, ROWS);
            free(again);
        }
        mele_i_triangle_merge(parts[0], parts[1], q, scratch);
        for (size_t j = 0; j < q; j++)
            for (size_t i = 0; i <= j; i++)
                cr_assert_float_eq(fabs(parts[0][i + j * q]), fabs(parts[2][i + j * q]), 1e-12);
        for (int part = 0; part < 3; part++)
            free(parts[part]);
        free(rows);
        free(scratch);
    }
}
