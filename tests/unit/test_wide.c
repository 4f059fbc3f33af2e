/* Linear experts of fewer rows than columns, against ridge regression in its dual form (Saunders,
 * Gammerman, Vovk 1998): with A the rows' centred features times the roots of their weights,
 * b = A'(A A' + L)^-1 r, solved here in long double. */
#include <criterion/criterion.h>
#include <math.h>

#include "expert/forms/triangle.h"
#include "unit/expert_support.h"

enum { MOST_ROWS = 24, MOST_COLUMNS = 160 };

typedef struct dual {
    const made *p;
    const double *weight;
    double ridge;
    size_t without; /* row that is left out; n: none */
} dual;

static long double weight_of(const dual *u, size_t i)
{
    return i == u->without ? 0 : u->weight[i];
}

/* The weighted mean of a column of x, or of y. */
static long double mean_of(const dual *u, const double *column, size_t stride)
{
    long double sum = 0, weight = 0;

    for (size_t i = 0; i < u->p->n; i++) {
        sum += weight_of(u, i) * column[i * stride];
        weight += weight_of(u, i);
    }
    return sum / weight;
}

/* b: intercept and slopes of target t; *trace: the sum of hat values. */
static void dual_fit(const dual *u, size_t t, long double *b, long double *trace)
{
    static long double a[MOST_ROWS * MOST_COLUMNS];
    static long double k[MOST_ROWS * MOST_ROWS], inverse[MOST_ROWS * MOST_ROWS];
    const made *p = u->p;
    const size_t n = p->n, d = p->d;
    const long double mean_y = mean_of(u, p->y + t, p->m);
    long double r[MOST_ROWS], alpha[MOST_ROWS] = {0};

    b[0] = mean_y;
    for (size_t j = 0; j < d; j++) {
        const long double mean = mean_of(u, p->x + j, d);
        for (size_t i = 0; i < n; i++)
            a[i * d + j] = sqrtl(weight_of(u, i)) * (p->x[i * d + j] - mean);
    }
    for (size_t i = 0; i < n; i++) {
        r[i] = sqrtl(weight_of(u, i)) * (p->y[i * p->m + t] - mean_y);
        for (size_t l = 0; l < n; l++) {
            k[i * n + l] = i == l ? u->ridge : 0;
            inverse[i * n + l] = i == l;
            for (size_t j = 0; j < d; j++)
                k[i * n + l] += a[i * d + j] * a[l * d + j];
        }
    }
    naive_solve(k, inverse, n, n);
    *trace = 1;
    for (size_t i = 0; i < n; i++) {
        *trace += 1 - u->ridge * inverse[i * n + i];
        for (size_t l = 0; l < n; l++)
            alpha[i] += inverse[i * n + l] * r[l];
    }
    for (size_t j = 0; j < d; j++) {
        b[1 + j] = 0;
        for (size_t i = 0; i < n; i++)
            b[1 + j] += a[i * d + j] * alpha[i];
        b[0] -= b[1 + j] * mean_of(u, p->x + j, d);
    }
}

static double dual_predict(const made *p, const long double *b, size_t i)
{
    long double sum = b[0];

    for (size_t j = 0; j < p->d; j++)
        sum += b[1 + j] * p->x[i * p->d + j];
    return (double)sum;
}

/* Columns that are constant (first of all, and here and there), equal, and of many sizes. */
static void spoil(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < p->d; j++) {
            double *x = &p->x[i * p->d + j];
            *x = j < 3 || j % 7 == 5 ? 4.25 : j % 5 == 4 ? x[-1] : j % 11 == 6 ? 100 + 30 * *x : *x;
        }
}

typedef struct wide_case {
    const char *solver;
    size_t n, d, m;
    double ridge;
    bool spoilt;
} wide_case;

static const wide_case wide_cases[] = {
    {"qr", 10, 14, 1, 0.7, false},  {"qr", 20, 150, 2, 0.1, false}, {"qr", 20, 150, 1, 3, true},
    {"qr", 9, 9, 1, 0.1, false},    {"qr", 2, 40, 1, 0.5, false},   {"qr", 17, 37, 3, 0.1, true},
    {"normal", 12, 60, 1, 0.3, true},
};

Test(wide, fits_and_left_out_predictions_are_those_of_the_dual_form)
{
    for (size_t c = 0; c < sizeof wide_cases / sizeof *wide_cases; c++) {
        const wide_case *s = &wide_cases[c];
        made p = make_problem(s->n, s->d, s->m, 1, 0);
        mele_expert_options options = mele_expert_defaults();
        long double b[MOST_COLUMNS + 1], trace;
        if (s->spoilt)
            spoil(&p);
        for (size_t i = 0; i < p.n; i++)
            p.weight[i] = i % 5 == 3 ? 2 : 1;
        options.solver = s->solver;
        options.ridge = s->ridge;
        fitted f = fit_with(&p, p.weight, &options, NULL);
        for (size_t t = 0; t < p.m; t++) {
            dual all = {&p, p.weight, s->ridge, p.n};
            dual_fit(&all, t, b, &trace);
            for (size_t j = 0; j <= p.d; j++)
                cr_assert_float_eq(f.coefficients[t * (p.d + 1) + j], (double)b[j], 1e-10,
                                   "case %zu, coefficient %zu: %g, not %g", c, j,
                                   f.coefficients[t * (p.d + 1) + j], (double)b[j]);
            for (size_t i = 0; i < p.n && p.n > 2; i++) {
                dual without = {&p, p.weight, s->ridge, i};
                dual_fit(&without, t, b, &trace);
                cr_assert_float_eq(f.left_out[i * p.m + t], dual_predict(&p, b, i), 1e-8,
                                   "case %zu, row %zu", c, i);
            }
        }
        cr_assert(f.info[0].rank <= p.n);
        free_fitted(&f);
        free_problem(&p);
    }
}

/* RSS over the square of the degrees of freedom. */
static double dual_criterion(const made *p, double ridge)
{
    const dual u = {p, p->weight, ridge, p->n};
    long double b[MOST_COLUMNS + 1], trace;
    double sum = 0;

    dual_fit(&u, 0, b, &trace);
    for (size_t i = 0; i < p->n; i++)
        sum += pow(p->y[i] - dual_predict(p, b, i), 2);
    return sum / pow((double)((long double)p->n - trace), 2);
}

Test(wide, gcv_finds_the_smallest_criterion)
{
    made p = make_problem(22, 90, 1, 1, 0);
    mele_expert_options options = mele_expert_defaults();

    for (size_t i = 0; i < p.n; i++) {
        p.weight[i] = 1;
        p.y[i] = p.x[90 * i] - p.x[90 * i + 3] + 3 * cos(3.7 * (double)(i * i));
    }
    options.ridge = MELE_RIDGE_GCV;
    fitted f = fit_with(&p, NULL, &options, NULL);
    const double chosen = f.info[0].ridge, best = dual_criterion(&p, chosen);
    for (double factor = 0.5; factor < 2.1; factor *= 1.2) {
        const dual u = {&p, p.weight, chosen * factor, p.n};
        long double b[MOST_COLUMNS + 1], trace;
        dual_fit(&u, 0, b, &trace);
        if ((double)p.n - (double)trace >= 1)
            cr_assert(dual_criterion(&p, chosen * factor) >= best * (1 - 1e-9), "%g beats %g",
                      chosen * factor, chosen);
    }
    free_fitted(&f);
    free_problem(&p);
}

/* Of all solutions without a residual the one with the smallest coefficients: that in the span of
 * the rows, as it is with next to no ridge. */
Test(wide, without_a_ridge_the_smallest_coefficients_that_fit)
{
    made p = make_problem(12, 48, 1, 1, 0);
    mele_expert_options options = mele_expert_defaults();
    mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 12);
    long double b[MOST_COLUMNS + 1], trace;

    for (size_t j = 0; j < p.d; j++) { /* as many of -1 as of 1: all columns have one norm */
        size_t order[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
        mele_i_stream_shuffle(&s, order, p.n);
        for (size_t i = 0; i < p.n; i++)
            p.x[order[i] * p.d + j] = i % 2 == 0 ? 1 : -1;
    }
    for (size_t i = 0; i < p.n; i++)
        p.weight[i] = 1;
    options.ridge = 0;
    fitted f = fit_with(&p, NULL, &options, NULL);
    const dual u = {&p, p.weight, 1e-9, p.n};
    dual_fit(&u, 0, b, &trace);
    for (size_t i = 0; i < p.n; i++) {
        double sum = f.coefficients[0];
        for (size_t j = 0; j < p.d; j++)
            sum += f.coefficients[1 + j] * p.x[i * p.d + j];
        cr_assert_float_eq(sum, dual_predict(&p, b, i), 1e-7);
    }
    free_fitted(&f);
    free_problem(&p);
}

/* Triangles of few rows, added and merged, with columns of zeros and equal ones among theirs. */
Test(wide, triangles_of_few_rows_have_their_squares)
{
    enum { Q = 61, ROWS = 16, CHUNKS = 3 };
    static double kept[CHUNKS * ROWS][Q];
    _Alignas(64) static double chunk[ROWS * Q], scratch[64 * Q], triangle[Q * Q], other[Q * Q];
    mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 9);

    for (size_t c = 0; c < CHUNKS; c++) {
        memset(other, 0, sizeof other);
        for (size_t j = 0; j < Q; j++)
            for (size_t i = 0; i < ROWS; i++) {
                const double value = mele_i_stream_normal(&s);
                chunk[i + j * ROWS] = i >= 11 || j < 2 || j % 3 == 1 ? 0
                                      : j % 8 == 3                   ? chunk[i + (j - 1) * ROWS]
                                                                     : value;
                kept[c * ROWS + i][j] = chunk[i + j * ROWS];
            }
        mele_i_triangle_add(c < 2 ? triangle : other, Q, chunk, ROWS);
        if (c == 2)
            mele_i_triangle_merge(triangle, other, Q, scratch);
    }
    cr_assert_leq(mele_i_triangle_filled(other, Q), 40);
    for (size_t i = 0; i < Q; i++)
        for (size_t j = 0; j < Q; j++) {
            double product = 0, sum = 0;
            for (size_t r = 0; r < CHUNKS * ROWS; r++)
                product += kept[r][i] * kept[r][j];
            for (size_t r = 0; r < Q; r++)
                sum += triangle[r + i * Q] * triangle[r + j * Q];
            cr_assert_float_eq(sum, product, 1e-12, "%zu %zu: %g %g", i, j, sum, product);
            cr_assert(i <= j || triangle[i + j * Q] == 0);
        }
}
