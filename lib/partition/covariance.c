/* The kinds of covariance:
 *
 *     full       S_k, any             W = L^-1 of S = L L', lower triangular
 *     tied       S, the same for all k
 *     diagonal   S_k = diag(v)        W = diag(1 / sqrt v)
 *     spherical  S_k = v I            W = I / sqrt v
 *
 *     log N(x; m, S) = -d/2 log 2 pi + sum_i log W_ii - |W (x - m)|^2 / 2
 *
 * With the moments T about the new mean (of one component, or for tied of all of them) an M step
 * maximises -(log |S| + trace S^-1 T) / 2 over the matrices of the kind that have no eigenvalue
 * below the floor f. In the eigenvectors of T that is a sum of -(log s + t / s) / 2, each of
 * which rises up to s = t and falls beyond: so s = max(t, f), for
 *
 *     full, tied   eigenvalue by eigenvalue (that S shares the eigenvectors of T follows from
 *                  trace S^-1 T being smallest there, von Neumann's trace inequality)
 *     diagonal     v_j = max(T_jj, f)
 *     spherical    v = max(trace T / d, f), of -d (log v + (trace T / d) / v) / 2
 *
 * All steps share the constraint, so that the log-likelihood never falls. Shrinkage comes before
 * the floor: T becomes (1 - s) T + s (trace T / d) I.
 *
 * Triangles are packed by rows. */
#include "partition/covariance.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include <mele/partition.h>

#include "core/cholesky.h"
#include "core/lapack.h"

static size_t triangle(size_t d)
{
    return d * (d + 1) / 2;
}

static size_t square(size_t d)
{
    return d * d;
}

static size_t line(size_t d)
{
    return d;
}

static size_t one(size_t d)
{
    (void)d;
    return 1;
}

/* ---- triangles ---- */

/* The lower triangle of a d x d matrix; what lies above it is kept. */
static void unpack(const double *packed, size_t d, double *a)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            a[i * d + j] = *packed++;
}

static void pack_lower(const double *a, size_t d, double *packed)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            *packed++ = a[i * d + j];
}

static void sum_triangles(const mele_i_components *c, const double *panel, size_t rows,
                          const double *weights, const mele_i_moments *out)
{
    mele_i_kernels_best()->moments(panel, rows, c->columns, c->centres, weights, c->clusters, out);
}

static void shift_triangle(double *moments, size_t d, double share, const double *u)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            *moments++ -= share * u[i] * u[j];
}

static void shrink_triangle(double *s, size_t d, double shrinkage)
{
    double mean = 0;

    for (size_t i = 0; i < d; i++)
        mean += s[triangle(i + 1) - 1] / (double)d;
    for (size_t i = 0; i < triangle(d); i++)
        s[i] *= 1 - shrinkage;
    for (size_t i = 0; i < d; i++)
        s[triangle(i + 1) - 1] += shrinkage * mean;
}

/* The packed sum of max(value, floor) v v' over eigenvectors v, the rows of a. */
static void raised_sum(const double *a, const double *values, size_t d, double floor, double *out)
{
    memset(out, 0, triangle(d) * sizeof *out);
    for (size_t v = 0; v < d; v++) {
        const double *row = a + v * d, value = fmax(values[v], floor);
        double *to = out;
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j <= i; j++)
                *to++ += value * row[i] * row[j];
    }
}

/* Whether no eigenvalue is below the floor: S less the floor then has a Cholesky factor. If one
 * is, a floor that rounding would swallow is raised. */
static bool estimate_triangle(double *moments, size_t d, double shrinkage, double floor, double *s,
                            double *work)
{
    double *a = work, *values = a + d * d;

    if (shrinkage > 0)
        shrink_triangle(moments, d, shrinkage);
    unpack(moments, d, a);
    for (size_t i = 0; i < d; i++)
        a[i * d + i] -= floor;
    if (mele_i_cholesky(a, d)) {
        memcpy(s, moments, triangle(d) * sizeof *s);
        return true;
    }
    unpack(moments, d, a);
    if (!mele_i_eigen(a, d, values, values + d))
        return false;
    raised_sum(a, values, d, fmax(floor, 16 * (double)d * DBL_EPSILON * values[d - 1]), s);
    return true;
}

static bool factor_triangle(const double *s, size_t d, double *w, double *work)
{
    unpack(s, d, work);
    if (!mele_i_cholesky(work, d) || !mele_i_lower_inverse(work, d))
        return false;
    pack_lower(work, d, w);
    return true;
}

static double log_diagonal_triangle(const double *w, size_t d)
{
    double sum = 0;

    for (size_t i = 0; i < d; i++)
        sum += log(w[triangle(i + 1) - 1]);
    return sum;
}

static void densities_by(const mele_i_components *c, size_t step, const double *panel, size_t rows,
                         double *out)
{
    mele_i_kernels_best()->whitened_densities(panel, rows, c->columns, c->centres, c->factors, step,
                                              c->constants, c->clusters, out);
}

static void densities_full(const mele_i_components *c, const double *panel, size_t rows,
                           double *out)
{
    densities_by(c, triangle(c->columns), panel, rows, out);
}

static void densities_tied(const mele_i_components *c, const double *panel, size_t rows,
                           double *out)
{
    densities_by(c, 0, panel, rows, out);
}

static void squares_full(const mele_i_components *c, const double *x, size_t stride, size_t rows,
                         double *out)
{
    mele_i_kernels_best()->mahalanobis(x, stride, rows, c->columns, c->centres,
                                       c->factors, c->clusters, out);
}

static void squares_tied(const mele_i_components *c, const double *x, size_t stride, size_t rows,
                         double *out)
{
    mele_i_kernels_best()->tied_mahalanobis(x, stride, rows, c->columns, c->centres,
                                            c->factors, c->clusters, out);
}

static void fill_triangle(double *s, size_t d, double variance)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            *s++ = i == j ? variance : 0;
}

static void expand_triangle(const double *s, size_t d, double *whole)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            whole[i * d + j] = whole[j * d + i] = *s++;
}

/* Symmetric within 1e-8 of the size sqrt(S_ii S_jj) that an element has at most. */
static bool pack_triangle(const double *whole, size_t d, double *s)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++) {
            double size = sqrt(fabs(whole[i * d + i])) * sqrt(fabs(whole[j * d + j]));
            if (!(fabs(whole[i * d + j] - whole[j * d + i]) <= 1e-8 * size))
                return false;
            *s++ = whole[i * d + j];
        }
    return true;
}

/* ---- diagonals and spheres ---- */

static void sum_squares(const mele_i_components *c, const double *panel, size_t rows,
                        const double *weights, const mele_i_moments *out)
{
    mele_i_kernels_best()->square_moments(panel, rows, c->columns, c->centres, weights, c->clusters,
                                          out);
}

static void shift_line(double *moments, size_t d, double share, const double *u)
{
    for (size_t j = 0; j < d; j++)
        moments[j] -= share * u[j] * u[j];
}

static double mean_of(const double *moments, size_t d)
{
    double mean = 0;

    for (size_t j = 0; j < d; j++)
        mean += moments[j] / (double)d;
    return mean;
}

static bool estimate_line(double *moments, size_t d, double shrinkage, double floor, double *s,
                        double *work)
{
    const double mean = mean_of(moments, d);

    (void)work;
    for (size_t j = 0; j < d; j++)
        s[j] = fmax((1 - shrinkage) * moments[j] + shrinkage * mean, floor);
    return true;
}

static bool estimate_sphere(double *moments, size_t d, double shrinkage, double floor, double *s,
                          double *work)
{
    (void)work;
    (void)shrinkage;
    s[0] = fmax(mean_of(moments, d), floor);
    return true;
}

static bool factor_line(const double *s, size_t d, double *w, double *work)
{
    (void)work;
    for (size_t j = 0; j < d; j++) {
        if (!(s[j] >= DBL_MIN))
            return false;
        w[j] = 1 / sqrt(s[j]);
    }
    return true;
}

static double log_diagonal_line(const double *w, size_t d)
{
    double sum = 0;

    for (size_t j = 0; j < d; j++)
        sum += log(w[j]);
    return sum;
}

static bool factor_sphere(const double *s, size_t d, double *w, double *work)
{
    (void)d;
    return factor_line(s, 1, w, work);
}

static double log_diagonal_sphere(const double *w, size_t d)
{
    return (double)d * log(w[0]);
}

static void densities_line(const mele_i_components *c, const double *panel, size_t rows,
                           double *out)
{
    mele_i_kernels_best()->scaled_densities(panel, rows, c->columns, c->centres,
                                            c->factors, c->constants, c->clusters, out);
}

static void densities_sphere(const mele_i_components *c, const double *panel, size_t rows,
                             double *out)
{
    mele_i_kernels_best()->round_densities(panel, rows, c->columns, c->centres,
                                           c->factors, c->constants, c->clusters, out);
}

static void squares_line(const mele_i_components *c, const double *x, size_t stride, size_t rows,
                         double *out)
{
    mele_i_kernels_best()->scaled_distances(x, stride, rows, c->columns, c->centres,
                                            c->factors, c->clusters, out);
}

static void squares_sphere(const mele_i_components *c, const double *x, size_t stride, size_t rows,
                           double *out)
{
    const double *variance = c->matrices;

    mele_i_kernels_best()->distances(x, stride, rows, c->columns, c->centres, c->clusters, out);
    for (size_t i = 0; i < rows; i++, out += c->clusters)
        for (size_t k = 0; k < c->clusters; k++)
            out[k] /= variance[k];
}

static void fill_line(double *s, size_t d, double variance)
{
    for (size_t j = 0; j < d; j++)
        s[j] = variance;
}

static void fill_sphere(double *s, size_t d, double variance)
{
    (void)d;
    s[0] = variance;
}

static void copy_line(const double *s, size_t d, double *whole)
{
    memcpy(whole, s, d * sizeof *s);
}

static bool take_line(const double *whole, size_t d, double *s)
{
    memcpy(s, whole, d * sizeof *s);
    return true;
}

static void copy_one(const double *s, size_t d, double *whole)
{
    (void)d;
    *whole = *s;
}

static bool take_one(const double *whole, size_t d, double *s)
{
    (void)d;
    *s = *whole;
    return true;
}

/* ---- the table ---- */

static const mele_i_covariance table[] = {
    {"full", false, triangle, square, triangle, sum_triangles, shift_triangle, estimate_triangle,
     factor_triangle, log_diagonal_triangle, densities_full, squares_full, fill_triangle,
     expand_triangle, pack_triangle},
    {"tied", true, triangle, square, triangle, sum_triangles, shift_triangle, estimate_triangle,
     factor_triangle, log_diagonal_triangle, densities_tied, squares_tied, fill_triangle,
     expand_triangle, pack_triangle},
    {"diagonal", false, line, line, line, sum_squares, shift_line, estimate_line, factor_line,
     log_diagonal_line, densities_line, squares_line, fill_line, copy_line, take_line},
    {"spherical", false, one, one, line, sum_squares, shift_line, estimate_sphere, factor_sphere,
     log_diagonal_sphere, densities_sphere, squares_sphere, fill_sphere, copy_one, take_one},
};

#define KINDS (sizeof table / sizeof *table)

const char *mele_partition_covariance(size_t i)
{
    return i < KINDS ? table[i].name : NULL;
}

const mele_i_covariance *mele_i_covariance_named(const char *name)
{
    for (size_t i = 0; i < KINDS && name != NULL; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

size_t mele_i_covariance_matrices(const mele_i_covariance *c, size_t clusters)
{
    return c->shared ? 1 : clusters;
}

size_t mele_i_covariance_count(const mele_i_covariance *c, size_t clusters, size_t columns)
{
    return mele_i_covariance_matrices(c, clusters) * c->size(columns);
}

mele_status mele_i_covariance_ready(const mele_i_covariance *c, mele_error *error)
{
    return c->factor == factor_triangle ? mele_i_lapack_ready(error) : MELE_OK;
}

bool mele_i_covariance_work(const mele_i_covariance *c, size_t columns, size_t *count)
{
    if (__builtin_mul_overflow(columns, columns + 4, count))
        return false;
    *count = c->whole(columns) + 4 * columns;
    return true;
}
