/* --solver normal against --solver qr, and both against sums in long double, over random sets
 * (thousands in `make check-long`) with what makes least squares hard: constants, also but for
 * rounding or within a region only, offsets, years, tiny and huge units, columns that are one
 * another's multiples, fewer rows than columns; of degree 1 and 2, raw or standardised. Whatever a
 * solver takes for rank, its residuals are those of the best fit; with a ridge, also a chosen one,
 * normal's are those of qr. */
#include <math.h>

#include "core/magnitude.h"
#include "support/size.h"
#include "unit/expert_support.h"

#define SETS ((size_t)TEST_SIZE(20000, 300, 60))
#define MOST_COLUMNS 5
#define MOST_TERMS (MOST_COLUMNS * (MOST_COLUMNS + 3) / 2)
#define MOST_ROWS 240
#define NOISE 0.3

typedef struct set {
    made p;
    size_t degree;
    bool standard; /* columns are standardised, as a model does */
    double center[MOST_COLUMNS], scale[MOST_COLUMNS];
    char what[160];
} set;

/* ---- columns ---- */

/* Each of these writes a number for row i, whose region is k; `before` is what column 0 has. */
typedef double column(mele_i_stream *s, size_t i, size_t k, double before);

static double ordinary(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)i, (void)k, (void)before;
    return mele_i_stream_normal(s);
}
static double constant(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)s, (void)i, (void)k, (void)before;
    return 7.25;
}
static double rounded(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)s, (void)k, (void)before;
    return i % 2 ? 3.3 : 3 * 1.1;
}
static double regional(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)before;
    return k == 0 ? (i % 3 ? 0.7 : nextafter(0.7, 1)) : mele_i_stream_normal(s);
}
static double offset(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)i, (void)k, (void)before;
    return 1e6 + mele_i_stream_normal(s);
}
static double epoch(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)i, (void)k, (void)before;
    return 1.7e9 + 100 * mele_i_stream_uniform(s);
}
static double year(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)i, (void)k, (void)before;
    return 1990 + (double)mele_i_stream_below(s, 31);
}
static double binary(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)i, (void)k, (void)before;
    return (double)mele_i_stream_below(s, 2);
}
static double tiny(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)i, (void)k, (void)before;
    return 1e-9 * mele_i_stream_normal(s);
}
static double huge_unit(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)i, (void)k, (void)before;
    return 4e7 * mele_i_stream_normal(s) - 2e7;
}
static double multiple(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)s, (void)i, (void)k;
    return 3.7 * before + 1.1;
}
static double nearly_multiple(mele_i_stream *s, size_t i, size_t k, double before)
{
    (void)i, (void)k;
    return before * (1 + 1e-5 * mele_i_stream_normal(s));
}

static const struct {
    const char *name;
    column *make;
} columns[] = {{"ordinary", ordinary}, {"constant", constant}, {"rounded", rounded},
               {"regional", regional}, {"offset", offset},     {"epoch", epoch},
               {"year", year},         {"binary", binary},     {"tiny", tiny},
               {"huge", huge_unit},    {"multiple", multiple}, {"nearly", nearly_multiple}};
#define COLUMNS (sizeof columns / sizeof *columns)

/* A column over its own mean and deviation; columns that are constant keep their units. */
static void standardise_column(set *t, size_t j)
{
    const made *p = &t->p;
    long double mean = 0, square = 0;
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < p->n; i++) {
        mean += p->x[i * p->d + j] / (long double)p->n;
        low = fmin(low, p->x[i * p->d + j]);
        high = fmax(high, p->x[i * p->d + j]);
    }
    for (size_t i = 0; i < p->n; i++)
        square += (p->x[i * p->d + j] - mean) * (p->x[i * p->d + j] - mean) / (long double)p->n;
    const bool flat = mele_i_is_constant((mele_i_origin){NULL, NULL}, 0, low, high);
    t->center[j] = (double)mean;
    t->scale[j] = flat ? 1 : (double)sqrtl(square);
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + j] = (p->x[i * p->d + j] - t->center[j]) / t->scale[j];
}

static set make_set(size_t number)
{
    mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, number, 17);
    const size_t n = 12 + mele_i_stream_below(&s, MOST_ROWS - 12), d = 1 + number % MOST_COLUMNS;
    const size_t K = 1 + mele_i_stream_below(&s, 3);
    set t = {.p = {n, d, 1, K, 0, numbers(n * d), numbers(n), NULL, numbers(n * K)},
             .degree = 1 + mele_i_stream_below(&s, 2)};
    /* squares of what lies far from 0 have no digits left for its own variation */
    t.standard = t.degree == 2 || mele_i_stream_below(&s, 2) == 0;
    double slope[MOST_COLUMNS];
    size_t kind[MOST_COLUMNS], length = 0;

    for (size_t j = 0; j < d; j++) {
        kind[j] = j == 0 ? 0 : mele_i_stream_below(&s, COLUMNS);
        slope[j] = mele_i_stream_normal(&s);
        length += (size_t)snprintf(t.what + length, sizeof t.what - length, "%s ",
                                   columns[kind[j]].name);
    }
    for (size_t i = 0; i < n; i++) {
        const size_t k = i % K;
        for (size_t c = 0; c < K; c++)
            t.p.log_posterior[i * K + c] = c == k ? 0 : -INFINITY;
        for (size_t j = 0; j < d; j++)
            t.p.x[i * d + j] = columns[kind[j]].make(&s, i, k, t.p.x[i * d]);
    }
    for (size_t j = 0; j < d && t.standard; j++)
        standardise_column(&t, j);
    for (size_t i = 0; i < n; i++) {
        t.p.y[i] = NOISE * mele_i_stream_normal(&s) + (double)(i % K);
        for (size_t j = 0; j < d; j++)
            t.p.y[i] += (t.standard || kind[j] == 0) ? slope[j] * t.p.x[i * d + j] : 0;
    }
    snprintf(t.what + length, sizeof t.what - length, "n %zu, K %zu, degree %zu%s", n, K, t.degree,
             t.standard ? ", standardised" : "");
    return t;
}

static void free_set(set *t)
{
    free(t->p.x);
    free(t->p.y);
    free(t->p.log_posterior);
}

/* ---- what they give ---- */

/* The predictions of every row by its region's expert, and the rank of the first region. */
static size_t predict(const set *t, const char *solver, double ridge, double *out)
{
    const made *p = &t->p;
    const mele_matrix x = made_x(p);
    const mele_targets targets = made_targets(p);
    mele_expert_options options = mele_expert_defaults();
    mele_experts *experts = NULL;
    mele_expert_info info[4];
    double *all = numbers(p->n * p->clusters);

    options.solver = solver;
    options.ridge = ridge;
    options.degree = t->degree;
    options.min_rows = 1;
    options.center = t->standard ? t->center : NULL;
    options.scale = t->standard ? t->scale : NULL;
    cr_assert(fit_by_posterior(&x, &targets, NULL, p->log_posterior, p->clusters, &options, NULL,
                               &experts, NULL, NULL, info, NULL) == MELE_OK);
    cr_assert(mele_experts_predict(experts, &x, NULL, all, NULL, NULL) == MELE_OK);
    for (size_t i = 0; i < p->n; i++)
        out[i] = all[i * p->clusters + i % p->clusters];
    mele_experts_free(experts);
    free(all);
    return info[0].rank;
}

/* The root mean square of the residuals in region k. */
static double residual(const made *p, const double *predicted, size_t k)
{
    double sum = 0, rows = 0;

    for (size_t i = k; i < p->n; i += p->clusters, rows++)
        sum += (p->y[i] - predicted[i]) * (p->y[i] - predicted[i]);
    return sqrt(sum / rows);
}

/* The columns of region k's rows in long double, without those that are constant there, each minus
 * its mean and over its norm; the target last. Returns how many before it. */
static size_t take_terms(const set *t, size_t k, long double *a, size_t rows)
{
    const made *p = &t->p;
    bool flat[MOST_COLUMNS];
    size_t count = 0;

    for (size_t j = 0; j < p->d; j++) {
        const mele_i_origin origin = {t->standard ? t->center : NULL,
                                      t->standard ? t->scale : NULL};
        double low = INFINITY, high = -INFINITY;
        for (size_t i = k; i < p->n; i += p->clusters) {
            low = fmin(low, p->x[i * p->d + j]);
            high = fmax(high, p->x[i * p->d + j]);
        }
        flat[j] = mele_i_is_constant(origin, j, low, high);
    }
    for (size_t j = 0; j < p->d; j++)
        for (size_t l = j; l <= p->d; l++) { /* l = d: the column itself */
            if (flat[j] || (l < p->d && (flat[l] || t->degree == 1)))
                continue;
            for (size_t i = 0; i < rows; i++) {
                const double *x = p->x + (i * p->clusters + k) * p->d;
                /* the product as it is rounded, which is what is fitted */
                a[count * rows + i] = l < p->d ? x[j] * x[l] : x[j];
            }
            count++;
        }
    for (size_t i = 0; i < rows; i++)
        a[count * rows + i] = p->y[i * p->clusters + k];
    return count;
}

/* Of the best fit in region k: Gram and Schmidt, twice, the largest column next. NaN: what is left
 * of a column is so little that its rank is a matter of taste. */
static double best_residual(const set *t, size_t k)
{
    const size_t rows = (t->p.n - k + t->p.clusters - 1) / t->p.clusters;
    long double *a = malloc((MOST_TERMS + 1) * rows * sizeof *a), sum = 0;
    const size_t terms = take_terms(t, k, a, rows);
    bool used[MOST_TERMS] = {false};
    long double norm[MOST_TERMS];
    bool undecided = false;

    for (size_t c = 0; c <= terms; c++) {
        long double mean = 0, square = 0;
        for (size_t i = 0; i < rows; i++)
            mean += a[c * rows + i] / (long double)rows;
        for (size_t i = 0; i < rows; i++) {
            a[c * rows + i] -= mean;
            square += a[c * rows + i] * a[c * rows + i];
        }
        for (size_t i = 0; i < rows && c < terms && square > 0; i++)
            a[c * rows + i] /= sqrtl(square);
    }
    for (size_t step = 0; step < terms; step++) {
        size_t best = 0;
        for (size_t c = 0; c < terms; c++) {
            norm[c] = used[c] ? -1 : 0;
            for (size_t i = 0; i < rows && !used[c]; i++)
                norm[c] += a[c * rows + i] * a[c * rows + i];
            best = norm[c] > norm[best] ? c : best;
        }
        undecided = norm[best] < 1e-16L && norm[best] > 1e-30L;
        if (norm[best] < 1e-16L)
            break;
        used[best] = true;
        for (size_t c = 0; c <= terms; c++)
            for (size_t twice = 0; twice < 2 && (c == terms || !used[c]); twice++) {
                long double dot = 0;
                for (size_t i = 0; i < rows; i++)
                    dot += a[best * rows + i] * a[c * rows + i] / norm[best];
                for (size_t i = 0; i < rows; i++)
                    a[c * rows + i] -= dot * a[best * rows + i];
            }
    }
    for (size_t i = 0; i < rows; i++)
        sum += a[terms * rows + i] * a[terms * rows + i];
    free(a);
    return undecided ? NAN : (double)sqrtl(sum / (long double)rows);
}

static const char *const solvers[] = {"qr", "normal"};

Test(solvers, normal_and_qr_are_the_best_fit)
{
    double predicted[2][MOST_ROWS];
    size_t wrong = 0, undecided = 0, regions = 0;

    for (size_t number = 0; number < SETS; number++) {
        set t = make_set(number);
        for (size_t s = 0; s < 2; s++) {
            const size_t rank = predict(&t, solvers[s], 0, predicted[s]);
            for (size_t k = 0; k < t.p.clusters; k++) {
                const double of_qr = residual(&t.p, predicted[0], k);
                const double of_rows = best_residual(&t, k), best = isnan(of_rows) ? of_qr : of_rows;
                const double own = residual(&t.p, predicted[s], k);
                undecided += isnan(of_rows);
                regions++;
                if (fabs(own - best) <= 1e-4 * NOISE)
                    continue;
                wrong++;
                cr_expect(false, "set %zu, %s, region %zu: %g, not %g; rank %zu: %s", number,
                          solvers[s], k, own, best, rank, t.what);
            }
        }
        free_set(&t);
    }
    cr_expect(wrong == 0, "%zu of %zu fits are wrong", wrong, regions);
    cr_expect(undecided < regions / 10, "%zu of %zu are undecided", undecided, regions);
}

Test(solvers, normal_is_qr_with_a_ridge)
{
    static const double ridges[] = {1e-9, 1e-3, 0.1, 100, MELE_RIDGE_GCV};
    double predicted[2][MOST_ROWS];

    for (size_t number = 0; number < SETS; number++) {
        const double ridge = ridges[number / MOST_COLUMNS % 5];
        set t = make_set(number);
        for (size_t s = 0; s < 2; s++)
            predict(&t, solvers[s], ridge, predicted[s]);
        double sum = 0;
        for (size_t i = 0; i < t.p.n; i++) {
            const double off = predicted[1][i] - predicted[0][i];
            sum += off * off;
        }
        cr_expect(sqrt(sum / (double)t.p.n) <= 1e-3 * NOISE, "set %zu, ridge %g: %g: %s", number,
                  ridge, sqrt(sum / (double)t.p.n), t.what);
        free_set(&t);
    }
}
