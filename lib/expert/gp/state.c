/* The Gaussian process as it is kept. Only what training found is in the file; the whitener is
 * computed from it by the same steps after training and after loading, so that both predict the
 * same bits with the same LAPACK. Means need no factor: they are the same bits with any. So it is
 * made when the first variance is wanted, and reading costs no more than what is read.
 *
 * A row's variance needs |L^-1 k|^2. L^-1 is kept in panels of PANEL columns, each as the
 * coefficients of linear functions, which is what there is a kernel for; panels are added up in
 * order. A row sees the same operations wherever it stands. */
#include "expert/gp/state.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/json.h"
#include "core/lapack.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "expert/gp/likelihood.h"

#define TILE 32  /* rows predicted at a time: their covariances fit in a cache */
#define PANEL 64 /* columns of the whitener at a time: so many of a tile stay in the nearest one */
#define WHOLE 1e-9 /* how far from 1 the sum of shares may be */

/* The columns of the panel that starts at column `first`; its rows are first .. n - 1. */
static size_t panel_columns(size_t n, size_t first)
{
    return n - first < PANEL ? n - first : PANEL;
}

static size_t whitener_size(size_t n)
{
    size_t size = 0;

    for (size_t first = 0; first < n; first += PANEL)
        size += (n - first) * (panel_columns(n, first) + 1);
    return size;
}

_Static_assert(offsetof(mele_i_gp, shared) == 0, "a state begins with who holds it");

mele_i_gp *mele_i_gp_make(const mele_i_gp_kernel *kernel, size_t terms, size_t rows, size_t columns,
                          size_t outputs)
{
    mele_i_gp *gp = MELE_I_NEW(mele_i_gp);

    if (gp == NULL)
        return NULL;
    *gp = (mele_i_gp){.kernel = kernel, .terms = terms, .rows = rows, .columns = columns,
                      .outputs = outputs, .lock = PTHREAD_MUTEX_INITIALIZER};
    gp->x = MELE_I_ARRAY(double, (terms + 1) * rows * columns);
    gp->length = MELE_I_ARRAY(double, (terms + 1) * columns + terms + 4 * outputs);
    gp->coefficients = MELE_I_ZEROED(double, outputs * (rows + 1) + rows);
    if (gp->x == NULL || gp->length == NULL || gp->coefficients == NULL) {
        mele_i_gp_free(gp);
        return NULL;
    }
    gp->z = gp->x + rows * columns;
    gp->share = gp->length + terms * columns;
    gp->centre = gp->share + terms;
    gp->mean = gp->centre + columns;
    gp->unit = gp->mean + outputs;
    gp->signal = gp->unit + outputs;
    gp->least_variance = gp->signal + outputs;
    gp->weights = gp->coefficients + outputs * (rows + 1);
    return gp;
}

void mele_i_gp_free(void *state)
{
    mele_i_gp *gp = state;

    if (gp == NULL)
        return;
    free(gp->x);
    free(gp->length);
    free(gp->coefficients);
    free(gp->whitener);
    pthread_mutex_destroy(&gp->lock);
    free(gp);
}

/* What follows from the numbers of the file is not looked at, least of all the whitener, which others
 * may be making. */
bool mele_i_gp_equal(const void *state, const void *other, const mele_i_expert_shape *shape)
{
    const mele_i_gp *a = state, *b = other;
    const size_t n = a->rows, d = shape->columns, M = shape->outputs;

    return a->kernel == b->kernel && a->terms == b->terms && n == b->rows && a->noise == b->noise
           && mele_i_same_numbers(a->length, b->length, a->terms * d)
           && mele_i_same_numbers(a->share, b->share, a->terms)
           && mele_i_same_numbers(a->mean, b->mean, M)
           && mele_i_same_numbers(a->unit, b->unit, M)
           && mele_i_same_numbers(a->signal, b->signal, M)
           && mele_i_same_numbers(a->least_variance, b->least_variance, M)
           && mele_i_same_numbers(a->x, b->x, n * d)
           && mele_i_same_numbers(a->weights, b->weights, n)
           && mele_i_same_numbers(a->coefficients, b->coefficients, M * (n + 1));
}

/* Sets centre and z. */
static void place_rows(mele_i_gp *gp)
{
    const size_t n = gp->rows, d = gp->columns;

    for (size_t j = 0; j < d; j++) {
        gp->centre[j] = 0;
        for (size_t i = 0; i < n; i++)
            gp->centre[j] += gp->x[i * d + j] / (double)n;
    }
    for (size_t q = 0; q < gp->terms; q++)
        mele_i_kernels_best()->standardise(gp->x, d, n, d, gp->centre, gp->length + q * d,
                                           gp->centre, gp->z + q * n * d);
}

static bool factor_covariance(const mele_i_gp *gp, double *factor, double *block)
{
    const mele_i_gp_rows rows = {gp->kernel, gp->terms, gp->rows, gp->columns, gp->share, gp->z};

    mele_i_gp_covariance(&rows, gp->weights, gp->noise, block, factor);
    return mele_i_cholesky(factor, gp->rows);
}

bool mele_i_gp_factor(mele_i_gp *gp, double *factor, double *block)
{
    place_rows(gp);
    return factor_covariance(gp, factor, block);
}

static mele_status not_definite(const mele_i_gp *gp, mele_error *error)
{
    return mele_i_fail(error, MELE_EDATA, "the covariance of the %zu rows of a gp expert is not "
                       "positive definite: it has no variances, its mean alone can be predicted",
                       gp->rows);
}

mele_status mele_i_gp_finish(mele_i_gp *gp, double *factor, mele_error *error)
{
    const size_t n = gp->rows;
    double *whitener, *to;

    if (!mele_i_lower_inverse(factor, n))
        return not_definite(gp, error);
    whitener = to = mele_i_large_array(whitener_size(n), sizeof *whitener);
    if (whitener == NULL)
        return mele_i_no_memory(error);
    for (size_t first = 0; first < n; first += PANEL)
        for (size_t i = first; i < n; i++) {
            *to++ = 0;
            for (size_t j = first; j < first + panel_columns(n, first); j++)
                *to++ = j <= i ? factor[i * n + j] : 0;
        }
    gp->whitener = whitener;
    return MELE_OK;
}

static mele_status make_whitener(mele_i_gp *gp, mele_error *error)
{
    const size_t n = gp->rows;
    mele_status status = mele_i_lapack_ready(error);
    double *factor = status != MELE_OK
                         ? NULL : mele_i_large_array(n * (n + MELE_I_GP_BLOCK), sizeof *factor);

    if (status == MELE_OK && factor == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK && !factor_covariance(gp, factor, factor + n * n))
        status = not_definite(gp, error);
    if (status == MELE_OK)
        status = mele_i_gp_finish(gp, factor, error);
    free(factor);
    return status;
}

mele_status mele_i_gp_prepare(mele_i_gp *gp, mele_error *error)
{
    mele_status status = MELE_OK;

    pthread_mutex_lock(&gp->lock);
    if (gp->whitener == NULL)
        status = make_whitener(gp, error);
    pthread_mutex_unlock(&gp->lock);
    return status;
}

void mele_i_gp_inverse(const mele_i_gp *gp, double *out)
{
    const size_t n = gp->rows;
    const double *row = gp->whitener;

    for (size_t first = 0; first < n; first += PANEL) {
        const size_t columns = panel_columns(n, first);
        for (size_t i = first; i < n; i++, row += columns + 1)
            memcpy(out + i * n + first, row + 1, columns * sizeof *out);
    }
    mele_i_lower_square(out, n);
}

void mele_i_gp_inverse_diagonal(const mele_i_gp *gp, double *out)
{
    const size_t n = gp->rows;
    const double *row = gp->whitener;

    memset(out, 0, n * sizeof *out);
    for (size_t first = 0; first < n; first += PANEL) {
        const size_t columns = panel_columns(n, first);
        for (size_t i = first; i < n; i++, row += columns + 1)
            for (size_t j = 0; j < columns; j++)
                out[first + j] += row[1 + j] * row[1 + j];
    }
}

/* ---- prediction ---- */

typedef struct tile {
    double *z, *covariance, *mean, *part, *white;
} tile;

static tile place_tile(const mele_i_gp *gp, void *scratch)
{
    unsigned char *at = scratch;
    tile t;

    t.z = mele_i_carve(&at, TILE * gp->columns, sizeof *t.z);
    t.covariance = mele_i_carve(&at, TILE * gp->rows, sizeof *t.covariance);
    t.mean = mele_i_carve(&at, TILE * gp->outputs, sizeof *t.mean);
    t.part = mele_i_carve(&at, TILE * gp->rows, sizeof *t.part);
    t.white = mele_i_carve(&at, TILE * gp->rows, sizeof *t.white);
    return t;
}

size_t mele_i_gp_scratch(const void *state)
{
    const mele_i_gp *gp = state;

    return mele_i_carved(TILE * gp->columns, sizeof(double))
           + 3 * mele_i_carved(TILE * gp->rows, sizeof(double))
           + mele_i_carved(TILE * gp->outputs, sizeof(double));
}

double mele_i_gp_variance(double variance, double unit)
{
    return mele_i_finite(fmax(variance * unit * unit, DBL_MIN));
}

/* t->white: the whitener times the covariances of every row. */
static void whiten_tile(const mele_i_gp *gp, size_t rows, const tile *t)
{
    const size_t n = gp->rows;
    const double *panel = gp->whitener;

    memset(t->white, 0, rows * n * sizeof *t->white);
    for (size_t first = 0; first < n; first += PANEL) {
        const size_t columns = panel_columns(n, first), left = n - first;
        mele_i_kernels_best()->linear(t->covariance + first, n, rows, columns, panel, left, t->part,
                                      left);
        for (size_t i = 0; i < rows; i++)
            for (size_t a = 0; a < left; a++)
                t->white[i * n + first + a] += t->part[i * left + a];
        panel += left * (columns + 1);
    }
}

static double squares(const double *a, size_t n)
{
    double sum[4] = {0};

    for (size_t i = 0; i < n; i++)
        sum[i % 4] += a[i] * a[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* t->covariance: of every row with those of the subset. */
static void cover_tile(const mele_i_gp *gp, const double *x, size_t stride, size_t rows,
                       const tile *t)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t n = gp->rows, d = gp->columns;

    for (size_t q = 0; q < gp->terms; q++) {
        kernels->standardise(x, stride, rows, d, gp->centre, gp->length + q * d, gp->centre, t->z);
        kernels->distances(t->z, d, rows, d, gp->z + q * n * d, n, t->part);
        gp->kernel->values(t->part, rows * n, NULL);
        for (size_t i = 0; i < rows * n; i++)
            t->covariance[i] = (q == 0 ? 0 : t->covariance[i]) + gp->share[q] * t->part[i];
    }
}

/* What of k' R^-1 k a view does not know, taken off. */
static double taken_off(const mele_i_gp *gp, const mele_i_gp_view *view, const tile *t, size_t i)
{
    if (view->count == 0)
        return 0;
    mele_i_kernels_best()->linear(t->covariance + i * gp->rows, gp->rows, 1, gp->rows,
                                  view->functions, view->count, t->part, view->count);
    return squares(t->part, view->count);
}

static void predict_tile(const mele_i_gp *gp, const mele_i_gp_view *view, const mele_matrix *x,
                         const tile *t, double *mean, double *variance, size_t out_stride)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t n = gp->rows, m = gp->outputs, rows = x->rows;

    cover_tile(gp, x->data, x->stride, rows, t);
    kernels->linear(t->covariance, n, rows, n, view->coefficients, m, t->mean, m);
    for (size_t i = 0; i < rows; i++)
        for (size_t o = 0; o < m; o++)
            mean[i * out_stride + o]
                = mele_i_finite(view->mean[o] + gp->unit[o] * t->mean[i * m + o]);
    if (variance == NULL)
        return;
    whiten_tile(gp, rows, t);
    for (size_t i = 0; i < rows; i++) {
        const double known = squares(t->white + i * n, n) - taken_off(gp, view, t, i);
        const double latent = fmax(1 - known, 0);
        for (size_t o = 0; o < m; o++)
            variance[i * out_stride + o]
                = fmax(mele_i_gp_variance(gp->signal[o] * (latent + gp->noise), gp->unit[o]),
                       gp->least_variance[o]);
    }
}

void mele_i_gp_predict(const void *state, const mele_matrix *x, double *mean, double *variance,
                       size_t out_stride, void *scratch)
{
    const mele_i_gp *gp = state;
    const mele_i_gp_view all = {gp->mean, gp->coefficients, 0, NULL};

    mele_i_gp_predict_view(gp, &all, x, mean, variance, out_stride, scratch);
}

void mele_i_gp_predict_view(const mele_i_gp *gp, const mele_i_gp_view *view, const mele_matrix *x,
                            double *mean, double *variance, size_t out_stride, void *scratch)
{
    const tile t = place_tile(gp, scratch);

    for (size_t i = 0; i < x->rows; i += TILE) {
        const mele_matrix some = {x->data + i * x->stride, x->rows - i < TILE ? x->rows - i : TILE,
                                  x->cols, x->stride};
        predict_tile(gp, view, &some, &t, mean + i * out_stride,
                     variance == NULL ? NULL : variance + i * out_stride, out_stride);
    }
}

/* ---- the file ---- */

static json_t *coefficients_of(const mele_i_gp *gp)
{
    json_t *array = json_array();

    for (size_t t = 0; t < gp->outputs && array != NULL; t++)
        if (json_array_append_new(array, mele_i_json_numbers(gp->coefficients
                                                             + t * (gp->rows + 1) + 1, gp->rows))
            != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

bool mele_i_gp_save(const mele_i_gp *gp, json_t *object)
{
    const size_t m = gp->outputs;
    bool ok = mele_i_json_put(object, "kernel", json_string(gp->kernel->name))
              && mele_i_json_put(object, "lengths",
                                 mele_i_json_matrix(gp->length, gp->terms, gp->columns))
              && mele_i_json_put(object, "shares", mele_i_json_numbers(gp->share, gp->terms))
              && mele_i_json_put(object, "noise", json_real(gp->noise))
              && mele_i_json_put(object, "mean", mele_i_json_numbers(gp->mean, m))
              && mele_i_json_put(object, "unit", mele_i_json_numbers(gp->unit, m))
              && mele_i_json_put(object, "signal", mele_i_json_numbers(gp->signal, m))
              && mele_i_json_put(object, "least_variance",
                                 mele_i_json_numbers(gp->least_variance, m))
              && mele_i_json_put(object, "x", mele_i_json_matrix(gp->x, gp->rows, gp->columns));
    bool weighted = false;

    for (size_t i = 0; i < gp->rows; i++)
        weighted |= gp->weights[i] != 1;
    if (ok && weighted)
        ok = mele_i_json_put(object, "weights", mele_i_json_numbers(gp->weights, gp->rows));
    return ok && mele_i_json_put(object, "coefficients", coefficients_of(gp));
}

/* The terms and the rows of "x", counted before memory is taken for them. */
static mele_status load_sizes(const json_t *object, size_t columns, size_t outputs, size_t *terms,
                              size_t *rows, mele_error *error)
{
    const json_t *x = json_object_get(object, "x"), *row;
    size_t i, count = json_array_size(x);

    *terms = json_array_size(json_object_get(object, "lengths"));
    if (*terms == 0 || *terms > MELE_I_GP_MOST_TERMS)
        return mele_i_fail(error, MELE_EDATA, "\"lengths\" is not an array of 1 to %d terms",
                           MELE_I_GP_MOST_TERMS);
    if (count == 0 || count > MELE_I_GP_MOST_ROWS)
        return mele_i_fail(error, MELE_EDATA, "\"x\" is not an array of 1 to %d rows",
                           MELE_I_GP_MOST_ROWS);
    json_array_foreach(x, i, row)
        if (json_array_size(row) != columns)
            return mele_i_fail(error, MELE_EDATA, "a row of \"x\" has %zu numbers where %zu belong",
                               json_array_size(row), columns);
    *rows = count;
    return mele_i_json_check_sizes(object, "coefficients", outputs, count, error);
}

static mele_status load_weights(const json_t *object, mele_i_gp *gp, mele_error *error)
{
    for (size_t i = 0; i < gp->rows; i++)
        gp->weights[i] = 1;
    if (json_object_get(object, "weights") == NULL)
        return MELE_OK;
    mele_status status = mele_i_json_get_numbers(object, "weights", gp->weights, gp->rows, error);
    return status == MELE_OK ? mele_i_json_check_positive(gp->weights, gp->rows, "weights", error) : status;
}

static mele_status load_coefficients(const json_t *object, mele_i_gp *gp, mele_error *error)
{
    const size_t n = gp->rows;
    mele_status status = mele_i_json_get_matrix(object, "coefficients", gp->coefficients,
                                                gp->outputs, n, error);

    for (size_t t = gp->outputs; status == MELE_OK && t-- > 0;) {
        memmove(gp->coefficients + t * (n + 1) + 1, gp->coefficients + t * n, n * sizeof(double));
        gp->coefficients[t * (n + 1)] = 0;
    }
    return status;
}

static mele_status load_terms(const json_t *object, mele_i_gp *gp, mele_error *error)
{
    const size_t d = gp->columns, terms = gp->terms;
    double sum = 0;
    mele_status status = mele_i_json_get_matrix(object, "lengths", gp->length, terms, d, error);

    if (status == MELE_OK)
        status = mele_i_json_check_positive(gp->length, terms * d, "lengths", error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "shares", gp->share, terms, error);
    if (status == MELE_OK)
        status = mele_i_json_check_positive(gp->share, terms, "shares", error);
    for (size_t q = 0; q < terms && status == MELE_OK; q++)
        sum += gp->share[q];
    if (status == MELE_OK && !(fabs(sum - 1) < WHOLE))
        status = mele_i_fail(error, MELE_EDATA, "\"shares\" have the sum %g, not 1", sum);
    return status;
}

static mele_status load_numbers(const json_t *object, mele_i_gp *gp, mele_error *error)
{
    const size_t d = gp->columns, m = gp->outputs;
    mele_status status = load_terms(object, gp, error);

    if (status == MELE_OK)
        status = mele_i_json_get_number(object, "noise", &gp->noise, error);
    if (status == MELE_OK)
        status = mele_i_json_check_positive(&gp->noise, 1, "noise", error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "mean", gp->mean, m, error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "unit", gp->unit, m, error);
    if (status == MELE_OK)
        status = mele_i_json_check_positive(gp->unit, m, "unit", error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "signal", gp->signal, m, error);
    if (status == MELE_OK)
        status = mele_i_json_check_positive(gp->signal, m, "signal", error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "least_variance", gp->least_variance, m, error);
    if (status == MELE_OK)
        status = mele_i_json_check_positive(gp->least_variance, m, "least_variance", error);
    if (status == MELE_OK)
        status = mele_i_json_get_matrix(object, "x", gp->x, gp->rows, d, error);
    if (status == MELE_OK)
        status = load_weights(object, gp, error);
    if (status == MELE_OK)
        status = load_coefficients(object, gp, error);
    return status;
}

mele_status mele_i_gp_load(const json_t *object, size_t columns, size_t outputs, mele_i_gp **out,
                           mele_error *error)
{
    const mele_i_gp_kernel *kernel = NULL;
    const char *name;
    size_t terms = 0, rows = 0;
    mele_i_gp *gp = NULL;

    mele_status status = mele_i_json_get_string(object, "kernel", &name, error);
    if (status == MELE_OK && (kernel = mele_i_gp_kernel_named(name)) == NULL)
        status = mele_i_fail(error, MELE_EDATA, "there is no kernel \"%s\"", name);
    if (status == MELE_OK)
        status = load_sizes(object, columns, outputs, &terms, &rows, error);
    if (status != MELE_OK)
        return status;
    gp = mele_i_gp_make(kernel, terms, rows, columns, outputs);
    if (gp == NULL)
        return mele_i_no_memory(error);
    status = load_numbers(object, gp, error);
    if (status == MELE_OK) {
        place_rows(gp);
        *out = gp;
    } else {
        mele_i_gp_free(gp);
    }
    return status;
}
