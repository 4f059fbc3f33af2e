#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "expert/basis.h"
#include "expert/experts.h"
#include "expert/kinds.h"
#include "expert/forms/triangle.h"
#include "expert/units.h"
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
        p.weight[i] = i % 5 == 0 ? 2 : i % 7 == 0 ? 0 : 1;
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
    static const double errors[4][2] = {
        {0.83316891161028572, 0.093371466044132462},
        {40.89614793360375, 2.4646780753968809},
        {42.274637823446852, 1.6354373961371431},
        {24.590807838477634, 0.57868590182986568},
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
        double found[2];
        cr_assert(mele_i_experts_standard_errors(f.experts, k, found));
        cr_assert_float_eq(found[0], errors[k][0], 1e-11 * errors[k][0]);
        cr_assert_float_eq(found[1], errors[k][1], 1e-11 * errors[k][1]);
    }
    free_fitted(&f);
}

/* ---- certified values ---- */

/* The certified value of a term. */
static double certified(const char *problem, const char *term)
{
    char path[512], line[128], key[64];
    double value = NAN;

    snprintf(path, sizeof path, "%s/nist/certified.csv", TEST_DATA);
    snprintf(key, sizeof key, "%s,%s,", problem, term);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL, "%s", path);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtod(line + strlen(key), NULL);
    fclose(file);
    cr_assert(!isnan(value), "%s", key);
    return value;
}

/* The names of a file's columns, d features before the target. */
static size_t read_terms(const char *name, char terms[12][16])
{
    char path[512], line[256], *save = NULL;
    size_t count = 0;

    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL && fgets(line, sizeof line, file) != NULL, "%s", path);
    for (char *at = strtok_r(line, ",\n\"", &save); at != NULL; at = strtok_r(NULL, ",\n\"", &save))
        snprintf(terms[count++], 16, "%s", at);
    fclose(file);
    return count - 1;
}

/* The fewest correct digits of the coefficients in raw units; the features were standardised. */
static double nist_digits(const char *problem)
{
    double table[90 * 12], x[90 * 11], y[90], mean[12], scale[12], posterior[90] = {0}, raw[12];
    char terms[12][16], name[64];
    double digits = 16;

    snprintf(name, sizeof name, "nist/%s.csv", problem);
    size_t d = read_terms(name, terms), n = read_numbers(name, d + 1, table, 90);
    made p = {n, d, 1, 1, 0, x, y, NULL, posterior};
    mele_expert_options options = mele_expert_defaults();
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * d, table + i * (d + 1), d * sizeof *x);
        y[i] = table[i * (d + 1) + d];
    }
    standardise(x, n, d, mean, scale);
    options.ridge = 0;
    fitted f = fit_with(&p, NULL, &options, NULL);
    mele_i_basis_raw(d, 1, mean, scale, f.coefficients, raw);
    for (size_t j = 0; j <= d; j++) {
        double known = certified(problem, j == 0 ? "intercept" : terms[j - 1]);
        digits = fmin(digits, -log10(fabs(raw[j] - known) / fabs(known) + 1e-16));
    }
    cr_assert(f.info[0].rank == d + 1);
    free_fitted(&f);
    return digits;
}

/* Beside R's lm(tol = 1e-14), tests/ref/experts.R: one digit fewer at most, or 13. Filip's columns
 * are rounded powers, whose exact solution has 7.66 digits. */
Test(linear, nist_reference_data)
{
    static const struct {
        const char *problem;
        double r;
    } cases[] = {
        {"norris", 11.94},  {"pontius", 11.97},  {"filip", 8},        {"longley", 12.98},
        {"wampler1", 9.17}, {"wampler2", 13.18}, {"wampler3", 9.44}, {"wampler4", 7.57},
        {"wampler5", 5.57},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double digits = nist_digits(cases[i].problem);
        cr_assert(digits >= fmin(cases[i].r - 1, 13), "%s: %.2f digits", cases[i].problem, digits);
    }
}

/* ---- standard errors ---- */

static void assert_near(const double *values, const double *known, size_t count, double tolerance,
                        const char *what)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq(values[i], known[i], tolerance * fabs(known[i]), "%s %zu: %.17g", what,
                           i, values[i]);
}

/* R 4.2.2, summary(lm()): tests/ref/experts.R. Rows weigh as often as R was given them, 1, 2 and 3 times
 * about as often each; but the ordinary row weighs 3 (those of 1 and 2 have 392 of 785, not half), which
 * is one row, so that there are a third as many rows as R has, and fewer degrees of freedom. Features
 * are standardised, errors wanted in the data's units. */
Test(linear, standard_errors_are_those_of_lm)
{
    static const double coefficients[2][6] = {
        {45.57188097446047, -0.048107741382894607, -0.0057498144999297077},
        {62.809964541877399, -0.26451674326317637, -0.0097867230260555663, 0.00035240719687563721,
         3.022478275670143e-05, 2.8825602917898363e-07},
    };
    static const double errors[2][6] = {
        {0.55627584665922536, 0.0075622133753936015, 0.00034701822324524856},
        {2.0435055018519024, 0.035420831707632112, 0.0019792128216687879, 0.00015680760785012401,
         1.6150704133691922e-05, 5.2814695533319306e-07},
    };
    static const char *const solvers[] = {"qr", "normal"};
    enum { N = 392 };
    static double table[N * 8], x[N * 2], y[N], weight[N], posterior[N];
    double mean[2], scale[2], scaled[6], raw[6], found[6], total = 0;
    mele_matrix view = mele_matrix_of(x, N, 2);
    mele_targets targets = {mele_rows_of_array(y, N, 1), 0};

    cr_assert(read_numbers("mpg.csv", 8, table, N) == N);
    for (size_t i = 0; i < N; i++) {
        memcpy(x + 2 * i, table + 8 * i + 2, 2 * sizeof *x);
        y[i] = table[8 * i + 7];
        weight[i] = (double)(1 + (i + 1) % 3);
        total += weight[i];
    }
    standardise(x, N, 2, mean, scale);
    for (size_t c = 0; c < 4; c++) {
        mele_expert_options options = mele_expert_defaults();
        mele_experts *e = NULL;
        const size_t degree = 1 + c % 2, terms = degree == 1 ? 2 : 5;
        const double tolerance = c < 2 ? 1e-11 : 1e-8;
        options.ridge = 0;
        options.degree = degree;
        options.solver = solvers[c / 2];
        options.center = mean;
        options.scale = scale;
        cr_assert(fit_by_posterior(&view, &targets, weight, posterior, 1, &options, NULL, &e, NULL,
                                   NULL, NULL, NULL) == MELE_OK);
        cr_assert(mele_i_experts_coefficients(e, 0, scaled));
        cr_assert(mele_i_experts_standard_errors(e, 0, found));
        mele_i_basis_raw(2, degree, mean, scale, scaled, raw);
        assert_near(raw, coefficients[c % 2], terms + 1, tolerance, "coefficient");
        const double parameters = (double)(terms + 1);
        for (size_t j = 0; j <= terms; j++)
            found[j] *= sqrt((total / 3 - parameters) / (total - parameters));
        assert_near(found, errors[c % 2], terms + 1, tolerance, "error");
        mele_experts_free(e);
    }
}

/* With a ridge from their definition: s^2 times the diagonal of (A'WA + L)^-1, by long double. */
Test(linear, standard_errors_with_a_ridge_and_several_targets)
{
    made p = make_problem(200, 4, 2, 2, 0);
    mele_expert_options options = mele_expert_defaults();
    double found[2 * 5];

    options.ridge = 7.5;
    fitted f = fit_with(&p, p.weight, &options, NULL);
    for (size_t k = 0; k <= 2; k++) {
        long double a[25] = {0}, inverse[25] = {0};
        double squares[2] = {0}, total = 0;
        for (size_t i = 0; i < p.n; i++) {
            double w = p.weight[i] * weight_in(&p, i, k, false), z[5] = {1};
            memcpy(z + 1, p.x + i * 4, 4 * sizeof *z);
            total += w;
            for (size_t j = 0; j < 25; j++)
                a[j] += (long double)w * z[j / 5] * z[j % 5];
            for (size_t t = 0; t < 2; t++) {
                double residual = p.y[2 * i + t];
                for (size_t j = 0; j < 5; j++)
                    residual -= f.coefficients[(2 * k + t) * 5 + j] * z[j];
                squares[t] += w * residual * residual;
            }
        }
        for (size_t j = 0; j < 5; j++) {
            a[j * 6] += j == 0 ? 0 : 7.5;
            inverse[j * 6] = 1;
        }
        naive_solve(a, inverse, 5, 5);
        cr_assert(mele_i_experts_standard_errors(f.experts, k, found));
        for (size_t t = 0; t < 2; t++)
            for (size_t j = 0; j < 5; j++) {
                double known = sqrt(squares[t] / (total - 5) * (double)inverse[j * 6]);
                cr_assert_float_eq(found[t * 5 + j], known, 1e-11 * known);
            }
    }
    free_fitted(&f);
    free_problem(&p);
}

Test(linear, there_are_no_standard_errors_of_what_is_not_determined)
{
    made p = make_problem(60, 3, 1, 1, 0);
    mele_expert_options options = mele_expert_defaults();
    double found[4];

    options.ridge = 0;
    for (size_t i = 0; i < p.n; i++)
        p.x[3 * i + 2] = p.x[3 * i] - 2 * p.x[3 * i + 1];
    fitted f = fit_with(&p, NULL, &options, NULL);
    cr_assert(!mele_i_experts_standard_errors(f.experts, 0, found) || isnan(found[0]));
    check_round_trip(&p, &f);
    free_fitted(&f);
    p.n = 4; /* as many rows as coefficients */
    p.x[2] = 5;
    p.x[5] = -3;
    options.min_rows = 1;
    f = fit_with(&p, NULL, &options, NULL);
    cr_assert(!mele_i_experts_standard_errors(f.experts, 0, found) || isnan(found[0]));
    free_fitted(&f);
    p.n = 60;
    free_problem(&p);
}

/* ---- degree 2 ---- */

/* A polynomial with small whole numbers is exact whichever way it is computed. */
Test(basis, raw_polynomials_are_the_same_ones)
{
    static const double center[] = {3, -2, 8}, scale[] = {0.5, 4, 2};
    static const double scaled[] = {5, 1, -2, 3, 2, -1, 4, 1, -3, 6};
    double raw[10], terms[9], z[3];

    cr_assert(mele_i_basis_columns(3, 2) == 9 && mele_i_basis_columns(3, 1) == 3);
    cr_assert(mele_i_basis_columns(SIZE_MAX / 2, 2) == SIZE_MAX);
    mele_i_basis_raw(3, 2, center, scale, scaled, raw);
    for (int i = 0; i < 60; i++) {
        const double x[] = {i % 4 - 1, i % 5 * 4, i % 3 * 2};
        double value = scaled[0], same = raw[0];
        for (size_t j = 0; j < 3; j++)
            z[j] = (x[j] - center[j]) / scale[j];
        mele_i_basis_expand(z, 3, 1, 3, terms);
        for (size_t t = 0; t < 9; t++)
            value += scaled[t + 1] * terms[t];
        mele_i_basis_expand(x, 3, 1, 3, terms);
        for (size_t t = 0; t < 9; t++) {
            size_t j, l;
            mele_i_basis_factors(3, t, &j, &l);
            cr_assert(terms[t] == (l == 3 ? x[j] : x[j] * x[l]));
            same += raw[t + 1] * terms[t];
        }
        cr_assert(value == same, "%g is not %g", same, value);
    }
}

/* Degree 2 is degree 1 on the terms. */
Test(linear, degree_two_is_linear_in_the_terms)
{
    static const char *const assigns[] = {"hard", "soft"};

    for (size_t c = 0; c < 4; c++) {
        made p = make_problem(400, 3, 2, 3, 0), q = make_problem(400, 9, 2, 3, 0);
        mele_expert_options options = mele_expert_defaults();
        mele_matrix x = made_x(&p);
        mele_targets targets = made_targets(&p);
        mele_experts *e = NULL;
        double *left_out = numbers(400 * 6), *variance = numbers(400 * 6), found[20];
        double *mean = numbers(400 * 6), *same = numbers(400 * 6);
        memcpy(q.y, p.y, 800 * sizeof *q.y);
        memcpy(q.log_posterior, p.log_posterior, 1200 * sizeof *q.y);
        mele_i_basis_expand(p.x, 3, 400, 3, q.x);
        options.assign = assigns[c % 2];
        options.ridge = c < 2 ? 0.3 : 0;
        fitted f = fit_with(&q, p.weight, &options, NULL);
        options.degree = 2;
        cr_assert(fit_by_posterior(&x, &targets, p.weight, p.log_posterior, 3, &options, NULL, &e,
                                   left_out, variance, NULL, NULL) == MELE_OK);
        for (size_t k = 0; k <= 3; k++) {
            long double naive[20];
            cr_assert(mele_i_experts_coefficients(e, k, found));
            SAME_BITS(found, f.coefficients + k * 20, 20);
            naive_fit(&q, p.weight, k, c % 2, options.ridge, SIZE_MAX, naive);
            for (size_t j = 0; j < 20; j++)
                cr_assert_float_eq(found[j], (double)naive[j % 10 * 2 + j / 10], 1e-11);
        }
        SAME_BITS(left_out, f.left_out, 400 * 6);
        SAME_BITS(variance, f.left_out_variance, 400 * 6);
        mele_matrix z = made_x(&q);
        cr_assert(mele_experts_predict(e, &x, NULL, mean, NULL, NULL) == MELE_OK);
        cr_assert(mele_experts_predict(f.experts, &z, NULL, same, NULL, NULL) == MELE_OK);
        SAME_BITS(mean, same, 400 * 6);
        mele_experts_free(e);
        free_fitted(&f);
        free_problem(&p);
        free_problem(&q);
        free(left_out);
        free(variance);
        free(mean);
        free(same);
    }
}

/* ---- many rows ---- */

/* The mean square of what the left-out predictions of region k miss. */
static double mean_square(const made *p, const double *weight, const fitted *f, size_t k, bool soft)
{
    double sum = 0, total = 0;

    for (size_t i = 0; i < p->n; i++) {
        double w = (weight == NULL ? 1 : weight[i]) * weight_in(p, i, k, soft);
        double off = p->y[i] - f->left_out[i * p->clusters + k];
        sum += w * off * off;
        total += w;
    }
    return sum / total;
}

/* Variances of regions in which no row has much leverage come from sums alone. */
Test(linear, variances_of_many_rows_are_those_of_left_out_predictions)
{
    static const struct {
        const char *solver, *assign;
        double ridge;
        bool weights, far; /* a row with leverage: then the variance is exact */
    } cases[] = {
        {"qr", "hard", 0, false, false},   {"normal", "hard", 30, false, false},
        {"qr", "soft", 0.1, false, false}, {"normal", "hard", 0.1, true, false},
        {"qr", "hard", 0.1, true, true},   {"normal", "hard", 0, false, true},
    };

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        made p = make_problem(20000, 4, 1, 2, 0);
        mele_matrix x = made_x(&p);
        mele_targets targets = made_targets(&p);
        mele_expert_options options = mele_expert_defaults();
        const double *weight = cases[c].weights ? p.weight : NULL;
        mele_experts *alone = NULL;
        double variance[2];
        options.solver = cases[c].solver;
        options.assign = cases[c].assign;
        options.ridge = cases[c].ridge;
        for (size_t i = 0; i < p.n && cases[c].far; i += 4000)
            p.x[4 * i + 2] = 1000;
        fitted f = fit_with(&p, weight, &options, NULL);
        for (size_t k = 0; k < 2; k++) {
            double known = mean_square(&p, weight, &f, k, cases[c].assign[0] == 's');
            cr_assert_float_eq(f.variance[k], known, (cases[c].far ? 1e-9 : 2e-3) * known,
                               "case %zu: %g, %g", c, f.variance[k], known);
            cr_assert(f.info[k].left_out > f.info[k].error);
        }
        /* the same bytes when nobody asks for left-out predictions */
        cr_assert(fit_by_posterior(&x, &targets, weight, p.log_posterior, 2, &options, NULL, &alone,
                                   NULL, NULL, NULL, NULL) == MELE_OK);
        mele_experts_variances(alone, variance);
        SAME_BITS(variance, f.variance, 2);
        mele_experts_free(alone);
        free_fitted(&f);
        free_problem(&p);
    }
}

Test(linear, many_rows_of_any_size)
{
    made p = make_problem(9000, 3, 1, 2, 0), q = make_problem(9000, 3, 1, 2, 0);
    static const double sizes[][2] = {{1e150, 1}, {1e-300, 1}, {1, 1e150}, {1e9, 1}};
    mele_expert_options options = mele_expert_defaults();

    options.ridge = 0;
    fitted f = fit_with(&p, NULL, &options, NULL);
    for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        for (size_t i = 0; i < p.n; i++) {
            q.x[3 * i + 1] = sizes[c][0] * p.x[3 * i + 1];
            q.y[i] = sizes[c][1] * p.y[i];
        }
        fitted g = fit_with(&q, NULL, &options, NULL);
        for (size_t i = 0; i < 2 * p.n; i++)
            cr_assert_float_eq(g.left_out[i] / sizes[c][1], f.left_out[i], 1e-9, "case %zu", c);
        free_fitted(&g);
    }
    free_fitted(&f);
    free_problem(&p);
    free_problem(&q);
}

/* The first element that is not finite is named, however many rows there are. */
Test(linear, features_that_are_not_finite_are_named)
{
    static const size_t rows[] = {60, 30000};
    static const double wrong[] = {NAN, INFINITY, -INFINITY};

    for (size_t c = 0; c < 6; c++) {
        made p = make_problem(rows[c / 3], 3, 1, 2, 0);
        mele_matrix x = made_x(&p);
        mele_targets targets = made_targets(&p);
        mele_experts *e = NULL;
        mele_error error = {MELE_OK, 0, ""};
        char expected[64];
        p.x[(p.n - 7) * 3 + 1] = wrong[c % 3];
        p.x[(p.n - 2) * 3] = NAN;
        snprintf(expected, sizeof expected, "x: row %zu, column 2", p.n - 6);
        cr_assert(fit_by_posterior(&x, &targets, NULL, p.log_posterior, 2, NULL, NULL, &e, NULL,
                                   NULL, NULL, &error) == MELE_EDATA);
        cr_assert(strstr(error.message, expected) != NULL, "%s", error.message);
        cr_assert(e == NULL);
        free_problem(&p);
    }
}

/* Log posteriors: -infinity is none, NaN and infinity are refused wherever they stand. */
Test(linear, log_posteriors_that_are_none_are_named)
{
    static const double wrong[] = {NAN, INFINITY};

    for (size_t c = 0; c < 12; c++) {
        made p = make_problem(5000, 2, 1, 3, 0);
        mele_expert_options options = mele_expert_defaults();
        mele_matrix x = made_x(&p);
        mele_targets targets = made_targets(&p);
        mele_experts *e = NULL;
        mele_error error = {MELE_OK, 0, ""};
        char expected[64];
        const size_t row = 4990 + c, k = c / 2 % 3;
        options.assign = c < 6 ? "hard" : "soft";
        p.log_posterior[3 * 17] = -INFINITY;
        p.log_posterior[3 * (row - 5) + k] = wrong[c % 2];
        p.log_posterior[3 * (row - 5) + (k + 1) % 3] = -INFINITY;
        snprintf(expected, sizeof expected, "row %zu, cluster %zu", row - 4, k + 1);
        cr_assert(fit_by_posterior(&x, &targets, NULL, p.log_posterior, 3, &options, NULL, &e, NULL,
                                   NULL, NULL, &error) == MELE_EDATA);
        cr_assert(strstr(error.message, expected) != NULL, "%s", error.message);
        free_problem(&p);
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

/* The criterion from its definition: residuals and trace by naive solves. *freedom: n - trace. */
static double naive_gcv(const made *p, double ridge, double *freedom)
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
    *freedom = (double)p->n - trace;
    return rss / *freedom / *freedom;
}

Test(linear, gcv_finds_the_smallest_criterion)
{
    made p = make_problem(40, 6, 1, 1, 0);
    mele_expert_options options = mele_expert_defaults();

    for (size_t i = 0; i < p.n; i++) /* half noise: the best ridge is neither 0 nor infinite */
        p.y[i] = 0.6 * p.x[6 * i] - 0.4 * p.x[6 * i + 3] + 2 * cos(3.7 * (double)(i * i));
    options.ridge = MELE_RIDGE_GCV;
    fitted f = fit_with(&p, NULL, &options, NULL);
    double chosen = f.info[0].ridge, freedom, best = naive_gcv(&p, chosen, &freedom);
    cr_assert(chosen > 1e-1 && chosen < 1e3, "%g", chosen);
    for (double ridge = 1e-3; ridge < 1e5; ridge *= 1.3)
        cr_assert(naive_gcv(&p, ridge, &freedom) >= best * (1 - 1e-9), "%g is better than %g",
                  ridge, chosen);
    cr_assert(naive_gcv(&p, 0.98 * chosen, &freedom) > best
              && naive_gcv(&p, 1.02 * chosen, &freedom) > best);
    options.ridge = chosen;
    fitted g = fit_with(&p, NULL, &options, NULL);
    for (size_t j = 0; j < 7; j++)
        cr_assert_float_eq(f.coefficients[j], g.coefficients[j], 1e-13);
    free_fitted(&f);
    free_fitted(&g);
    free_problem(&p);
}

/* Weights in another unit: the same ridge and coefficients. */
Test(linear, gcv_does_not_depend_on_the_unit_of_weights)
{
    static const char *const assigns[] = {"hard", "soft"};
    static const double units[] = {2, 0.01, 1000, 1e-200, 1e300};
    double weights[90];
    made p = make_problem(90, 6, 1, 3, 0);
    mele_expert_options options = mele_expert_defaults();

    options.ridge = MELE_RIDGE_GCV;
    for (size_t a = 0; a < 4; a++) {
        options.assign = assigns[a / 2];
        const double *given = a % 2 == 0 ? NULL : p.weight; /* NULL: the unit is 1 all the same */
        fitted f = fit_with(&p, given, &options, NULL);
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            for (size_t i = 0; i < p.n; i++)
                weights[i] = units[u] * (given == NULL ? 1 : given[i]);
            fitted g = fit_with(&p, weights, &options, NULL);
            for (size_t k = 0; k <= p.clusters; k++) {
                const double ridge = g.info[k].ridge;
                cr_assert(ridge > 1e-3 && ridge < 1e3, "%g", ridge);
                cr_assert_float_eq(ridge, f.info[k].ridge, 1e-5 * ridge, "%s, unit %g: %g, not %g",
                                   options.assign, units[u], ridge, f.info[k].ridge);
            }
            for (size_t j = 0; j < (p.clusters + 1) * 7; j++)
                cr_assert_float_eq(g.coefficients[j], f.coefficients[j], 1e-5);
            free_fitted(&g);
        }
        free_fitted(&f);
    }
    free_problem(&p);
}

/* A few rows of weight 2 among ordinary ones, whatever the unit, are these rows twice; rows that
 * weigh next to nothing are none. */
Test(linear, gcv_counts_rows_as_often_as_they_weigh)
{
    enum { ROWS = 24, COPIES = 5, FAINT = 40 };
    double weights[ROWS + FAINT];
    made p = make_problem(ROWS + FAINT, 6, 1, 1, 0);
    made q = make_problem(ROWS + FAINT, 6, 1, 1, 0);
    mele_expert_options options = mele_expert_defaults();

    options.ridge = MELE_RIDGE_GCV;
    for (size_t i = 0; i < ROWS + FAINT; i++)
        weights[i] = 0.3 * (i < COPIES ? 2 : i < ROWS ? 1 : 1e-9);
    for (size_t i = 0; i < COPIES; i++) {
        memcpy(q.x + (ROWS + i) * 6, q.x + i * 6, 6 * sizeof *q.x);
        q.y[ROWS + i] = q.y[i];
    }
    q.n = ROWS + COPIES;
    fitted f = fit_with(&p, weights, &options, NULL), g = fit_with(&q, NULL, &options, NULL);
    const double ridge = f.info[0].ridge; /* in the ordinary row's unit, as everything */
    cr_assert_float_eq(ridge, g.info[0].ridge, 1e-4 * ridge, "%g, %g", ridge, g.info[0].ridge);
    free_fitted(&f);
    free_fitted(&g);
    free_problem(&p);
    free_problem(&q);
}

/* With as many coefficients as rows the criterion is finite where all rows are interpolated. */
Test(linear, gcv_does_not_interpolate)
{
    static const size_t columns[] = {8, 10, 13};
    mele_expert_options options = mele_expert_defaults();
    double freedom;

    options.ridge = MELE_RIDGE_GCV;
    options.min_rows = 1;
    for (size_t c = 0; c < 3; c++)
        for (size_t n = 5; n <= columns[c] + 2; n++) {
            made p = make_problem(n, columns[c], 1, 1, 0);
            fitted f = fit_with(&p, NULL, &options, NULL);
            naive_gcv(&p, f.info[0].ridge, &freedom);
            cr_assert(freedom > 1 - 1e-6 && f.info[0].ridge > 1e-6, "%zu rows, %zu columns: %g, %g",
                      n, columns[c], freedom, f.info[0].ridge);
            free_fitted(&f);
            free_problem(&p);
        }
}

/* Region 0 has one value of target 0; target 1 has one everywhere; a row of no weight has others. */
static made make_constants(void)
{
    made p = make_problem(120, 2, 2, 2, 0);

    for (size_t i = 0; i < p.n; i++) {
        p.log_posterior[2 * i] = log(i % 2 == 0 ? 0.99 : 0.01);
        p.log_posterior[2 * i + 1] = log(i % 2 == 0 ? 0.01 : 0.99);
        p.y[2 * i] = i % 2 == 0 ? 4.5 : 3 * p.y[2 * i];
        p.y[2 * i + 1] = -7;
    }
    p.weight[11] = 0;
    p.y[22] = p.y[23] = 1e6;
    return p;
}

/* A 1e-8th of the weighted variance over all rows. */
static double floor_of(const made *p)
{
    double sum = 0, total = 0, square = 0;

    for (size_t i = 0; i < p->n; i++) {
        total += p->weight[i];
        sum += p->weight[i] * p->y[2 * i];
    }
    for (size_t i = 0; i < p->n; i++)
        square += p->weight[i] * pow(p->y[2 * i] - sum / total, 2);
    return 1e-8 * square / total;
}

static mele_experts *constants_fit(const made *p, const mele_expert_options *options,
                                   double *left_out, double *left_out_variance)
{
    const mele_matrix x = made_x(p);
    const mele_targets targets = made_targets(p);
    mele_experts *experts = NULL;
    mele_error error = {MELE_OK, 0, ""};

    mele_status status =
        fit_by_posterior(&x, &targets, p->weight, p->log_posterior, 2, options, NULL, &experts,
                         left_out, left_out_variance, NULL, &error);
    cr_assert(status == MELE_OK, "%s: %s", options->kind, error.message);
    return experts;
}

static void check_floors(const made *p, mele_expert_options options, const double *floors)
{
    const mele_matrix x = made_x(p);
    double *numbers_of[4], all[4], one[4];

    for (size_t a = 0; a < 4; a++)
        numbers_of[a] = numbers(p->n * 4);
    double *mean = numbers_of[0], *variance = numbers_of[1], *left_out_variance = numbers_of[3];
    mele_experts *both = constants_fit(p, &options, numbers_of[2], left_out_variance);
    cr_assert(mele_experts_predict(both, &x, NULL, mean, variance, NULL) == MELE_OK);
    mele_experts_variances(both, all);
    for (size_t o = 0; o < 2; o++)
        cr_assert_float_eq(all[o], floors[o], 1e-6 * floors[o], "%s: %g, not %g", options.kind,
                           all[o], floors[o]);
    for (size_t i = 0; i < p->n * 2; i++) {
        const size_t at = 4 * (i / 2) + i % 2;
        const double least = (1 - 1e-6) * floors[i % 2];
        cr_assert(variance[at] >= least && variance[at] <= 2 * floors[i % 2], "%s: %g",
                  options.kind, variance[at]);
        cr_assert(left_out_variance[at] >= least, "%s: %g", options.kind, left_out_variance[at]);
    }
    options.only = 1;
    mele_experts *alone = constants_fit(p, &options, NULL, NULL);
    mele_experts_variances(alone, one);
    SAME_BITS(one, all, 2);
    mele_experts_free(alone);
    mele_experts_free(both);
    for (size_t a = 0; a < 4; a++)
        free(numbers_of[a]);
}

/* Whatever the kind, and whichever experts are trained: the floor is of all rows. */
Test(linear, all_kinds_have_one_floor_of_variances)
{
    made p = make_constants();
    const double floors[] = {floor_of(&p), pow(7 * 0x1p-40, 2)};

    for (size_t i = 0; mele_expert_kind(i) != NULL; i++) {
        const mele_i_expert_kind *kind = mele_i_expert_kind_named(mele_expert_kind(i));
        mele_expert_options options = mele_expert_defaults();
        options.kind = mele_expert_kind(i);
        options.max_epochs = 5;
        if (kind == NULL || kind->regression)
            check_floors(&p, options, floors);
    }
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
static void more_networks_than_a_file_has(made *p, mele_expert_options *o)
{
    (void)p;
    o->networks = 1025;
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
    {"1025 networks", more_networks_than_a_file_has, MELE_EINVAL},
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
    mele_status status = fit_by_posterior(&x, &targets, p->weight, p->log_posterior, p->clusters,
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
    mele_expert_options options = mele_expert_defaults();

    check_out_of_memory(&p, NULL, NULL, 10);
    options.ridge = MELE_RIDGE_GCV;
    check_out_of_memory(&p, p.weight, &options, 14);
    free_problem(&p);
}

/* ---- degenerate problems and their outcomes, as doc/methods.md lists them ---- */

static void one_value_in_a_region(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = weight_in(p, i, 0, false) > 0 ? 3.5 : p->y[i];
}
static void one_value(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = 3.5;
}
static void check_one_value(const made *p, const fitted *f, const char *what)
{
    const double *c = f->coefficients;

    cr_assert_float_eq(c[0], 3.5, 1e-14, "%s", what);
    cr_assert(c[1] == 0 && c[2] == 0 && c[3] == 0 && f->info[0].rank == p->d + 1, "%s", what);
    cr_assert(f->variance[0] > 0 && f->variance[0] < 1e-6, "%s", what);
}

static void constant_in_a_region(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (weight_in(p, i, 0, false) > 0)
            p->x[i * p->d + 1] = 0.7;
}
static void check_constant_column(const made *p, const fitted *f, const char *what)
{
    mele_matrix far = mele_matrix_of((double[]){0.3, 1e6, -0.2}, 1, 3);
    double mean[2];

    (void)p;
    cr_assert(f->coefficients[2] == 0 && f->info[0].rank == 3 && f->info[1].rank == 4, "%s", what);
    cr_assert(mele_experts_predict(f->experts, &far, NULL, mean, NULL, NULL) == MELE_OK);
    cr_assert(fabs(mean[0]) < 10, "%s: %g", what, mean[0]); /* off the region the column is there */
}

static void duplicate_rows(made *p)
{
    for (size_t i = 0; i + 1 < p->n; i += 2) {
        memcpy(p->x + (i + 1) * p->d, p->x + i * p->d, p->d * sizeof *p->x);
        memcpy(p->log_posterior + (i + 1) * 2, p->log_posterior + i * 2, 2 * sizeof *p->x);
        p->y[i + 1] = p->y[i];
    }
}
static void check_duplicates(const made *p, const fitted *f, const char *what)
{
    made q = *p;
    mele_expert_options options = mele_expert_defaults();
    double *twice = numbers(p->n);

    options.ridge = 0;
    for (size_t i = 0; i < p->n; i++)
        twice[i] = i % 2 == 0 ? p->weight[i] + p->weight[i + 1] : 0;
    fitted g = fit_with(&q, twice, &options, NULL);
    for (size_t j = 0; j < 12; j++)
        cr_assert_float_eq(f->coefficients[j], g.coefficients[j], 1e-11, "%s", what);
    free(twice);
    free_fitted(&g);
}

static void no_noise(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->y[i] = 2 - 3 * p->x[3 * i] + 0.5 * p->x[3 * i + 1] + p->x[3 * i + 2];
}
static void check_no_noise(const made *p, const fitted *f, const char *what)
{
    static const double known[] = {2, -3, 0.5, 1};

    (void)p;
    for (size_t j = 0; j < 12; j++)
        cr_assert_float_eq(f->coefficients[j], known[j % 4], 1e-8, "%s", what);
    cr_assert(f->variance[0] > 0 && f->variance[0] < 1e-5, "%s", what);
}

static void one_row(made *p)
{
    for (size_t i = 0; i < p->n; i++) {
        p->log_posterior[2 * i] = i == 5 ? 0 : -INFINITY;
        p->log_posterior[2 * i + 1] = i == 5 ? -INFINITY : 0;
    }
}
static void check_one_row(const made *p, const fitted *f, const char *what)
{
    (void)p;
    cr_assert(f->info[0].fallback && f->info[0].rank == 0, "%s", what);
    SAME_BITS(f->coefficients, f->coefficients + 8, 4);
}

static void no_rows(made *p)
{
    one_row(p);
    p->log_posterior[10] = -INFINITY;
    p->log_posterior[11] = 0;
}

static void mixed_weights(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->weight[i] = i % 2 == 0 ? 1e300 : 1e-300;
}
static void check_mixed_weights(const made *p, const fitted *f, const char *what)
{
    mele_expert_options options = mele_expert_defaults();
    double *half = numbers(p->n);

    options.ridge = 0;
    for (size_t i = 0; i < p->n; i++)
        half[i] = i % 2 == 0;
    fitted g = fit_with(p, half, &options, NULL);
    for (size_t j = 0; j < 12; j++)
        cr_assert_float_eq(f->coefficients[j], g.coefficients[j], 1e-11, "%s", what);
    cr_assert_float_eq(f->variance[0], g.variance[0], 1e-9 * g.variance[0], "%s", what);
    free(half);
    free_fitted(&g);
}

static void few_rows(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->weight[i] = i < 5 ? 1 : 0;
    for (size_t i = 0; i < 5; i++) { /* three and two rows for four coefficients */
        p->log_posterior[2 * i] = i < 3 ? 0 : -INFINITY;
        p->log_posterior[2 * i + 1] = i < 3 ? -INFINITY : 0;
    }
}
static void check_few_rows(const made *p, const fitted *f, const char *what)
{
    mele_matrix x = made_x(p);
    double *mean = numbers(p->n * 2);

    cr_assert(f->info[0].fallback && f->info[2].rank == 4, "%s", what);
    cr_assert(mele_experts_predict(f->experts, &x, NULL, mean, NULL, NULL) == MELE_OK);
    for (size_t i = 0; i < p->n * 2; i++)
        cr_assert(isfinite(mean[i]) && isfinite(f->left_out[i]), "%s", what);
    free(mean);
}

static const struct {
    const char *what;
    void (*make)(made *p);
    void (*check)(const made *p, const fitted *f, const char *what);
} outcomes[] = {
    {"one value in a region", one_value_in_a_region, check_one_value},
    {"one value", one_value, check_one_value},
    {"a column that is constant in a region", constant_in_a_region, check_constant_column},
    {"duplicate rows", duplicate_rows, check_duplicates},
    {"no noise", no_noise, check_no_noise},
    {"a region of one row", one_row, check_one_row},
    {"a region without rows", no_rows, check_one_row},
    {"weights of 1e300 and 1e-300", mixed_weights, check_mixed_weights},
    {"fewer rows than coefficients", few_rows, check_few_rows},
};

Test(linear, degenerate_problems_have_stated_outcomes)
{
    static const char *const solvers[] = {"qr", "normal"};

    for (size_t c = 0; c < 2 * sizeof outcomes / sizeof *outcomes; c++) {
        made p = make_problem(200, 3, 1, 2, 0);
        mele_expert_options options = mele_expert_defaults();
        options.ridge = 0;
        options.solver = solvers[c % 2];
        outcomes[c / 2].make(&p);
        fitted f = fit_with(&p, p.weight, &options, NULL);
        outcomes[c / 2].check(&p, &f, outcomes[c / 2].what);
        free_fitted(&f);
        free_problem(&p);
    }
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

Test(triangle, every_build_gives_the_same_moments_of_rows)
{
    static const size_t columns[] = {1, 2, 3, 5, 7, 8, 9, 15, 18, 37};
    enum { ROWS = 71 };

    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        size_t q = columns[c], width = mele_i_gram_width(q), row[ROWS];
        mele_i_stream s = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, q);
        double x[ROWS * 40], scale[40], shift[40], factor[ROWS];
        double *packed = aligned_numbers(ROWS * width);
        for (size_t i = 0; i < ROWS * 40; i++)
            x[i] = mele_i_stream_normal(&s);
        for (size_t j = 0; j < q; j++) {
            scale[j] = ldexp(1, (int)(j % 3));
            shift[j] = 0.3 * (double)j;
        }
        for (size_t i = 0; i < ROWS; i++) {
            row[i] = i * 50 % ROWS;
            factor[i] = 1 + 0.1 * (double)(i % 4);
        }
        for (size_t b = 0; mele_i_triangle_loops_at(b) != NULL; b++) {
            const mele_i_triangle_loops *loops = mele_i_triangle_loops_at(b);
            double *moments = aligned_numbers(q * width);
            loops->pack(&(mele_i_packing){x, 40, row, factor, ROWS, q, scale, shift}, packed, width);
            for (size_t i = 0; i < ROWS * q; i++) {
                size_t r = i / q, j = i % q;
                double known = (x[row[r] * 40 + j] * scale[j] - shift[j]) * factor[r];
                cr_assert(packed[r * width + j] == known);
            }
            loops->gram(packed, q, 30, moments, x, 64);
            loops->gram(packed + 30 * width, q, ROWS - 30, moments, NULL, 0);
            for (size_t i = 0; i < q; i++)
                for (size_t j = 0; j <= i; j++) {
                    double sum = 0;
                    for (size_t r = 0; r < ROWS; r++)
                        sum += packed[r * width + i] * packed[r * width + j];
                    cr_assert(moments[i * width + j] == sum, "%s: %zu columns", loops->name, q);
                }
            free(moments);
        }
        free(packed);
    }
}
