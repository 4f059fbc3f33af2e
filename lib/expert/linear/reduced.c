/* Ridge regression from a small factor.
 *
 * R is the triangle of the weighted rows [1 X Y]. Its first row holds the weighted sums, so that
 * the block B below and right of it is the triangle of the columns minus their weighted means:
 * with it the intercept is eliminated and never penalised. Then
 *     B_x = U S V',   b = V S (S^2 + L)^-1 U' B_y,   intercept = mean y - b' mean x,
 * the SVD by LAPACK (whose failure to converge is a return value; GSL's raises). Of fewer rows than
 * columns the triangle has no more rows than they are, r beside the first, and so has B: U is r x r,
 * V d x r, and the work r^2 d instead of d^3. The hat value of a row is
 * w (1 / sum w + |(S^2 + L)^-1/2 V' (x - mean)|^2); the matrix is kept as the triangle of its rows.
 * Moments [1 X Y]'[1 X Y] are brought to the same form by the SVD of the centred ones (their
 * eigenvalues), which loses half of the digits. Where too few are left they say so: where a
 * column's square (of features with the ridge) is less than DOUBT of that of its mean, which was subtracted, or
 * an eigenvalue less than DOUBT of the largest while no ridge makes up for it. What is left has
 * errors of 2^-52 / DOUBT at most.
 *
 * Degenerate cases. Columns that are constant in the region are absent, as if they were not there:
 * coefficient 0. A factor cannot tell (a deviation may be rounding, or a few rows that are off), so
 * it names those that are in question (SUSPECT), and the rows' extremes decide. A column of which
 * LOST of its mean is left is rounding and absent as well. Singular values below a tolerance relative to the
 * largest count as 0: of all solutions the one with the smallest coefficients, of columns
 * balanced to norms near 1 when there is no ridge. The rank counts the others and the intercept.
 * An SVD that does not converge leaves the intercept alone.
 *
 * Generalised cross-validation (Golub, Heath, Wahba 1979, Technometrics 21) takes the L with the
 * smallest sum over targets of RSS(L) / RSS(infinity), over (n - 1 - sum s^2 / (s^2 + L))^2, n the
 * number of rows: a grid over L / s_1^2, then golden section. With as many columns as rows the
 * criterion stays finite for L -> 0, where residuals and what they are divided by both become
 * nothing, and is often smallest there. So at least LEAST_FREE must be left of n. The trace times
 * 1.2 or 1.4 (Kim, Gu 2004, J. R. Stat. Soc. B 66) does that, too, but shrinks far too much where
 * rows are few and there is little noise. */
#include "expert/linear/reduced.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/lapack.h"
#include "core/memory.h"
#include "expert/forms/frame.h"
#include "expert/forms/triangle.h"

#define SUSPECT 0x1p-40 /* of a column's size is its deviation, at most: far above 32 last places */
#define LOST 0x1p-42    /* what reducing rows to a triangle leaves of a constant */
#define LAST 0x1p-48    /* 16 last places: a target's deviation, where its rows lie within 32 */
#define DOUBT 1e-10     /* of a square */
#define RANK 1e-12        /* relative to the largest singular value */
#define RANK_MOMENTS 1e-6 /* the same while columns are balanced; what is below, is 0 from there on */
#define LEAST_RIDGE 1e-280 /* scaled: less is none, more than MOST_RIDGE is that */
#define MOST_RIDGE 1e280
#define GRID 64            /* ridges between LOWEST and HIGHEST, relative to s_1^2 */
#define LOWEST 1e-14
#define HIGHEST 1e3
#define SECTIONS 40
#define LEAST_FREE 1

/* Working memory: column-major unless said otherwise. */
typedef struct work {
    size_t r;             /* rows of B, 1 .. d */
    double *b, *y, *rest; /* r x d, r x m, m: norms of what of the targets is outside the columns */
    double *u, *v;        /* r x r; d x r by rows */
    double *s, *shrunk;   /* r each: singular values; of a target, S (S^2 + L)^-1 U'y */
    double *balance;      /* d */
    double *projected;    /* r x m: U'y */
    double *rows;         /* padded r x d */
    double *triangle;     /* d x d */
    bool *absent;         /* d: columns that have no say, rounding among them */
    double *lapack;
    lapack_int lapack_size;
} work;

static size_t padded(size_t d)
{
    return (d + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;
}

size_t mele_i_reduced_room(size_t d, size_t m)
{
    return m * (d + 1) + d + m + m + m + d * (d + 1) / 2;
}

void mele_i_reduced_place(mele_i_reduced_solution *solution, double *memory, size_t d, size_t m)
{
    solution->coefficients = memory;
    solution->mean = solution->coefficients + m * (d + 1);
    solution->spread = solution->mean + d + m;
    solution->squares = solution->spread + m;
    solution->whitener = solution->squares + m;
}

static double norm_of(const double *a, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += a[i] * a[i];
    return sqrt(sum);
}

/* The ridge as the weights are scaled, within what can be squared and divided by. */
static double scaled_ridge(const mele_i_reduced_problem *p)
{
    double ridge = fmin(p->ridge * p->scale, MOST_RIDGE);

    return ridge < LEAST_RIDGE ? 0 : ridge;
}

/* Of a column in the factor: its weighted mean, and its square less that of the mean. */
static double square_of(const mele_i_reduced_problem *p, size_t column, double *mean)
{
    const size_t q = 1 + p->d + p->m;
    const double *f = p->factor + (column + 1) * q;
    double square = 0;

    *mean = f[0] / p->factor[0];
    if (p->moments)
        return f[column + 1] - f[0] * *mean;
    for (size_t i = 1; i <= column + 1; i++)
        square += f[i] * f[i];
    return square;
}

bool mele_i_reduced_suspect(const mele_i_reduced_problem *p, bool *suspect)
{
    const double weight = p->moments ? p->factor[0] : p->factor[0] * p->factor[0];
    bool some = false;

    for (size_t j = 0; j < p->d; j++) {
        double mean, square = square_of(p, j, &mean);
        const double size = SUSPECT * (p->size[j] + fabs(mean));
        const double lost = p->moments ? DOUBT * mean * mean : 0;
        suspect[j] = weight != 0 && !(square > weight * (size * size + lost));
        some = some || suspect[j];
    }
    return some;
}

/* B, the means and the sum of weights from a triangle. */
static void split_triangle(const mele_i_reduced_problem *p, work *w, mele_i_reduced_solution *out)
{
    size_t d = p->d, q = 1 + d + p->m, rows = w->r;
    const double *r = p->factor;

    out->weight = r[0] * r[0];
    for (size_t j = 1; j < q; j++)
        out->mean[j - 1] = r[j * q] / r[0];
    for (size_t j = 0; j < d; j++)
        memcpy(w->b + j * rows, r + 1 + (j + 1) * q, rows * sizeof *r);
    for (size_t t = 0; t < p->m; t++) {
        const double *column = r + (1 + d + t) * q;
        memcpy(w->y + t * rows, column + 1, rows * sizeof *r);
        w->rest[t] = norm_of(column + 1 + d, t + 1);
    }
}

/* B = U S V', B destroyed; what LAPACK calls V' (by columns) is V by rows. False: it did not
 * converge. */
static bool decompose_rows(work *w, size_t d)
{
    lapack_int rows = (lapack_int)w->r;

    mele_i_lapack_begin();
    const lapack_int failed =
        LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, 'S', 'S', rows, (lapack_int)d, w->b, rows, w->s, w->u,
                            rows, w->v, rows, w->lapack, w->lapack_size);
    mele_i_lapack_end();
    return failed == 0;
}

/* The norm of a centred column below which nothing but rounding is left of it. */
static double lost_norm(const mele_i_reduced_problem *p, const mele_i_reduced_solution *out,
                        size_t column)
{
    return sqrt(out->weight) * (p->moments ? RANK_MOMENTS : LOST) * fabs(out->mean[column]);
}

/* Element (i, j) of the moments minus the means, j >= 1. */
static double centred(const mele_i_reduced_problem *p, const mele_i_reduced_solution *out, size_t i,
                      size_t j)
{
    size_t q = 1 + p->d + p->m;

    return p->factor[i + j * q] - p->factor[i * q] * out->mean[j - 1];
}

/* The centred moments of the features as b, over balance on both sides: powers of two near the
 * columns' norms; 0 for columns that are absent. */
static void centre_moments(const mele_i_reduced_problem *p, work *w, const mele_i_reduced_solution *out)
{
    size_t d = p->d;

    for (size_t j = 0; j < d; j++) {
        double square = centred(p, out, j + 1, j + 1);
        w->balance[j] = !p->absent[j] && square > 0 ? ldexp(1, ilogb(sqrt(square))) : 1;
        for (size_t i = 0; i <= j; i++)
            w->b[i + j * d] = w->b[j + i * d] =
                p->absent[i] || p->absent[j]
                    ? 0
                    : centred(p, out, i + 1, j + 1) / w->balance[i] / w->balance[j];
    }
}

/* Whether a column has lost too many digits to its mean, or a direction to the others; the singular
 * values are those of centre_moments(). */
static bool is_doubtful(const mele_i_reduced_problem *p, const work *w,
                        const mele_i_reduced_solution *out)
{
    const double ridge = p->ridge < 0 ? 0 : scaled_ridge(p);
    double most = 0;
    size_t there = 0;

    for (size_t j = 0; j < p->d + p->m; j++) {
        const bool feature = j < p->d;
        const double square = centred(p, out, j + 1, j + 1), mean = out->mean[j];
        if (feature && p->absent[j])
            continue;
        if (!(square + (feature ? ridge : 0) > DOUBT * out->weight * mean * mean))
            return true;
        most += feature ? square : 0;
        there += feature;
    }
    return there > 0 && !(w->s[there - 1] > DOUBT * w->s[0]) && !(ridge > DOUBT * most);
}

/* The same from moments: B_x = S V' where S^2 are their eigenvalues, B_y = S^-1 V' (centred X'Y).
 * False: the decomposition did not converge. */
static bool split_moments(const mele_i_reduced_problem *p, work *w, mele_i_reduced_solution *out)
{
    size_t d = p->d, q = 1 + d + p->m;

    out->weight = p->factor[0];
    for (size_t j = 1; j < q; j++)
        out->mean[j - 1] = p->factor[j * q] / p->factor[0];
    centre_moments(p, w, out);
    bool converged = decompose_rows(w, d);
    out->doubtful = !converged || is_doubtful(p, w, out);
    double least = RANK_MOMENTS * RANK_MOMENTS * w->s[0];
    for (size_t i = 0; i < d; i++) {
        double root = w->s[i] > least ? sqrt(w->s[i]) : 0;
        for (size_t j = 0; j < d; j++)
            w->b[i + j * d] = root * w->v[j * d + i] * w->balance[j];
        for (size_t t = 0; t < p->m; t++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++)
                sum += p->absent[j] ? 0
                                    : w->v[j * d + i] * centred(p, out, j + 1, 1 + d + t)
                                          / w->balance[j];
            w->y[i + t * d] = root > 0 ? sum / root : 0;
        }
    }
    for (size_t t = 0; t < p->m; t++) {
        double inside = norm_of(w->y + t * d, d);
        w->rest[t] = sqrt(fmax(centred(p, out, 1 + d + t, 1 + d + t) - inside * inside, 0));
    }
    return converged;
}

/* Clear what is absent, and targets that are constant in the region; the spread of the targets. */
static void drop_constants(const mele_i_reduced_problem *p, work *w, mele_i_reduced_solution *out)
{
    for (size_t j = 0; j < p->d; j++) {
        w->absent[j] = p->absent[j] || norm_of(w->b + j * w->r, w->r) <= lost_norm(p, out, j);
        if (w->absent[j])
            memset(w->b + j * w->r, 0, w->r * sizeof *w->b);
    }
    for (size_t t = 0; t < p->m; t++) {
        double norm = hypot(norm_of(w->y + t * w->r, w->r), w->rest[t]);
        double rounding = LAST * p->size[p->d + t] * sqrt(out->weight);
        if (norm <= lost_norm(p, out, p->d + t) + rounding) {
            memset(w->y + t * w->r, 0, w->r * sizeof *w->y);
            w->rest[t] = norm = 0;
        }
        out->spread[t] = norm * norm / out->weight;
    }
}

/* Powers of two near the columns' norms, which they are divided by; ones with a ridge. */
static void balance(const mele_i_reduced_problem *p, work *w)
{
    bool ridge = p->ridge < 0 || scaled_ridge(p) > 0;

    for (size_t j = 0; j < p->d; j++) {
        double norm = !ridge ? norm_of(w->b + j * w->r, w->r) : 0;
        w->balance[j] = norm == 0 ? 1 : ldexp(1, ilogb(norm));
        for (size_t i = 0; i < w->r; i++)
            w->b[i + j * w->r] /= w->balance[j];
    }
}

/* B = U S V' and U'y; singular values that count as 0 are 0. */
static void decompose(const mele_i_reduced_problem *p, work *w)
{
    const size_t r = w->r;
    bool converged = decompose_rows(w, p->d);
    double least = RANK * w->s[0];

    for (size_t i = 0; i < r; i++)
        if (!converged || !(w->s[i] > least))
            w->s[i] = 0;
    for (size_t t = 0; t < p->m; t++)
        for (size_t i = 0; i < r; i++) {
            double sum = 0;
            for (size_t j = 0; j < r; j++)
                sum += w->u[j + i * r] * w->y[j + t * r];
            w->projected[i + t * r] = sum;
        }
}

/* What of a direction with this singular value is not fitted. */
static double share_left(double s, double ridge)
{
    return s > 0 ? ridge / (s * s + ridge) : 1;
}

/* The sums of squared residuals and of hat values. */
static void sum_residuals(const mele_i_reduced_problem *p, const work *w, double ridge,
                          mele_i_reduced_solution *out)
{
    out->trace = 1;
    for (size_t i = 0; i < w->r; i++)
        out->trace += 1 - share_left(w->s[i], ridge);
    for (size_t t = 0; t < p->m; t++) {
        out->squares[t] = w->rest[t] * w->rest[t];
        for (size_t i = 0; i < w->r; i++) {
            double left = share_left(w->s[i], ridge) * w->projected[i + t * w->r];
            out->squares[t] += left * left;
        }
    }
}

/* The criterion of generalised cross-validation. */
static double criterion(const mele_i_reduced_problem *p, const work *w, double ridge)
{
    double free = p->rows - 1, sum = 0;

    for (size_t i = 0; i < w->r; i++)
        free -= w->s[i] == 0 ? 0 : w->s[i] * w->s[i] / (w->s[i] * w->s[i] + ridge);
    for (size_t t = 0; t < p->m; t++) {
        double left = w->rest[t] * w->rest[t], all = left;
        for (size_t i = 0; i < w->r; i++) {
            double part = w->projected[i + t * w->r];
            double kept = share_left(w->s[i], ridge);
            left += kept * kept * part * part;
            all += part * part;
        }
        sum += all > 0 ? left / all : 0;
    }
    return free >= LEAST_FREE ? sum / (free * free) : INFINITY;
}

static double ridge_at(const work *w, double step)
{
    return w->s[0] * w->s[0] * LOWEST * pow(HIGHEST / LOWEST, step / (GRID - 1));
}

/* The scaled ridge that generalised cross-validation chooses. */
static double choose_ridge(const mele_i_reduced_problem *p, const work *w)
{
    const double golden = 0.6180339887498949;
    double best = INFINITY, at = GRID - 1;

    for (int i = 0; i < GRID; i++) {
        double value = criterion(p, w, ridge_at(w, i));
        if (value < best) {
            best = value;
            at = i;
        }
    }
    double low = at - 1, high = at + 1;
    for (int i = 0; i < SECTIONS; i++) {
        double a = high - golden * (high - low), b = low + golden * (high - low);
        if (criterion(p, w, ridge_at(w, a)) <= criterion(p, w, ridge_at(w, b)))
            high = b;
        else
            low = a;
    }
    double middle = ridge_at(w, (low + high) / 2);
    return criterion(p, w, middle) < best ? middle : ridge_at(w, at);
}

static void solve_targets(const mele_i_reduced_problem *p, work *w, double ridge,
                          mele_i_reduced_solution *out)
{
    const size_t d = p->d, r = w->r;

    for (size_t target = 0; target < p->m; target++) {
        double *c = out->coefficients + target * (d + 1);
        for (size_t i = 0; i < r; i++) {
            const double s = w->s[i];
            w->shrunk[i] = s > 0 ? s / (s * s + ridge) * w->projected[i + target * r] : 0;
        }
        c[0] = out->mean[d + target];
        for (size_t j = 0; j < d; j++) {
            double sum = 0;
            for (size_t i = 0; i < r && !w->absent[j]; i++)
                sum += w->v[j * r + i] * w->shrunk[i];
            c[j + 1] = sum / w->balance[j];
            c[0] -= c[j + 1] * out->mean[j];
        }
    }
}

/* The lower triangle of the rows (s^2 + L)^-1/2 v' / balance: with the columns in reverse, an
 * upper one read backwards. */
static void whiten(const mele_i_reduced_problem *p, work *w, double ridge,
                   mele_i_reduced_solution *out)
{
    const size_t d = p->d, r = w->r, rows = padded(r);
    double *triangle = w->triangle, *packed = out->whitener;

    memset(w->rows, 0, rows * d * sizeof *w->rows);
    memset(triangle, 0, d * d * sizeof *triangle);
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < r && w->s[i] > 0 && !w->absent[j]; i++)
            w->rows[i + (d - 1 - j) * rows]
                = w->v[j * r + i] / w->balance[j] / sqrt(w->s[i] * w->s[i] + ridge);
    mele_i_triangle_add(triangle, d, w->rows, rows);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            *packed++ = triangle[(d - 1 - i) + (d - 1 - j) * d];
}

static lapack_int lapack_size(size_t r, size_t d)
{
    lapack_int rows = (lapack_int)r, n = (lapack_int)d;
    double unused = 0, size = 0;

    LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, 'S', 'S', rows, n, &unused, rows, &unused, &unused, rows,
                        &unused, rows, &size, -1);
    return (lapack_int)fmax(size, 5 * (double)d);
}

/* Rows of B: all that the triangle has beside its first. */
static size_t rows_of(const mele_i_reduced_problem *p)
{
    const size_t filled = p->moments ? p->d + 1 : mele_i_triangle_filled(p->factor, 1 + p->d + p->m);

    return filled > p->d ? p->d : filled > 2 ? filled - 1 : 1;
}

/* Working memory in one piece, returned for free(); NULL: none left. */
static void *make_work(work *w, const mele_i_reduced_problem *p)
{
    const size_t d = p->d, m = p->m, r = w->r = rows_of(p);
    const size_t size = (size_t)(w->lapack_size = lapack_size(r, d));
    struct {
        double **at;
        size_t count;
    } array[] = {{&w->b, r * d},         {&w->u, r * r},       {&w->v, r * d},
                 {&w->triangle, d * d},  {&w->s, r},           {&w->shrunk, r},
                 {&w->balance, d},       {&w->y, r * m},       {&w->projected, r * m},
                 {&w->rows, padded(r) * d}, {&w->rest, m},     {&w->lapack, size}};
    const size_t count = sizeof array / sizeof *array;
    size_t bytes = mele_i_carved(d, sizeof(bool));

    for (size_t i = 0; i < count; i++)
        bytes += mele_i_carved(array[i].count, sizeof(double));
    unsigned char *memory = mele_i_zeroed(bytes, 1), *at = memory;
    for (size_t i = 0; i < count && memory != NULL; i++)
        *array[i].at = mele_i_carve(&at, array[i].count, sizeof(double));
    if (memory != NULL)
        w->absent = mele_i_carve(&at, d, sizeof(bool));
    return memory;
}

/* All that does not depend on the ridge, if there is one. */
static void prepare(const mele_i_reduced_problem *problem, work *w, mele_i_reduced_solution *out)
{
    out->doubtful = false;
    if (problem->moments) {
        if (!split_moments(problem, w, out))
            memset(w->b, 0, problem->d * problem->d * sizeof *w->b);
    } else {
        split_triangle(problem, w, out);
    }
    drop_constants(problem, w, out);
    balance(problem, w);
    decompose(problem, w);
}

bool mele_i_reduced_path(const mele_i_reduced_problem *problem, mele_i_reduced_solution *scratch,
                       const double *ridges, size_t count, double *coefficients)
{
    const size_t size = problem->m * (problem->d + 1);
    work w;
    void *memory = make_work(&w, problem);

    if (memory == NULL)
        return false;
    prepare(problem, &w, scratch);
    for (size_t i = 0; i < count; i++) {
        solve_targets(problem, &w, ridges[i], scratch);
        memcpy(coefficients + i * size, scratch->coefficients, size * sizeof *coefficients);
    }
    free(memory);
    return true;
}

bool mele_i_reduced_solve(const mele_i_reduced_problem *problem, mele_i_reduced_solution *out)
{
    work w;
    void *memory = make_work(&w, problem);

    if (memory == NULL)
        return false;
    prepare(problem, &w, out);
    double ridge = problem->ridge >= 0 ? scaled_ridge(problem)
                   : w.s[0] > 0        ? choose_ridge(problem, &w)
                                       : 0;
    out->ridge = problem->ridge < 0 ? ridge / problem->scale : problem->ridge;
    out->rank = 1;
    while (out->rank <= w.r && w.s[out->rank - 1] > 0)
        out->rank++;
    sum_residuals(problem, &w, ridge, out);
    solve_targets(problem, &w, ridge, out);
    whiten(problem, &w, ridge, out);
    free(memory);
    return true;
}
