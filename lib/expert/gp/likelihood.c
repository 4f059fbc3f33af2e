/* The marginal likelihood of Gaussian processes with shared lengths.
 *
 * Target t of n rows is y_t ~ N(m_t 1, s_t^2 R) with R = K + e W^-1: K_ab = sum_q p_q k_q(x_a, x_b)
 * with the terms' shares p of sum 1, e the ratio of noise to signal, W the rows' weights. A row of
 * weight w stands for w copies of itself: with N = sum w, the copies' negative log likelihood is
 *
 *     f = 1/2 sum_t [ N log(2 pi s_t^2) + r_t' R^-1 r_t / s_t^2 + log|R|
 *                     + sum_i ((w_i - 1) log e + log w_i) ],      r_t = y_t - m_t 1,
 *
 * since w copies of a row are its mean, with noise e / w, and w - 1 differences of nothing but
 * noise, which are 0. m_t = 1' R^-1 y_t / 1' R^-1 1 and s_t^2 = r_t' R^-1 r_t / N minimise f at
 * given lengths and e, so that they may be kept in its derivatives there:
 *
 *     df = 1/2 tr(G dR),    G = T R^-1 - sum_t a_t a_t' / s_t^2,    a_t = R^-1 r_t,
 *
 * plus T/2 sum (w_i - 1) for log e. By the log l_j of term q, dR_ab = p_q slope_ab u_j^2 with
 * u = (x_a - x_b) / l; the sum over pairs is taken as it stands: expanding the square would cancel.
 * By log(p_q / p_1), the others but p_1 kept, dR = p_q (k_q - K), which is 0 on the diagonal.
 *
 * Values and slopes are computed a second time for the gradient, a block of rows at a time: at O(d)
 * each that is little beside n^3, and one n x n matrix is all that there is.
 *
 * O(n^3 + n^2 (Q d + T)) operations; n^3 in LAPACK's dpotrf and dpotri.
 *
 * Source: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning, 5.4.1; Sacks, Welch,
 * Mitchell, Wynn 1989, Stat. Sci. 4 (m and s^2 profiled out). */
#include "expert/gp/likelihood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/memory.h"
#include "engine/kernels.h"

bool mele_i_gp_work_make(mele_i_gp_work *work, size_t terms, size_t rows, size_t columns,
                         size_t outputs)
{
    work->covariance = mele_i_large_array(rows * rows, sizeof(double));
    work->x = MELE_I_ARRAY(double, terms * rows * columns);
    work->solved = MELE_I_ARRAY(double, rows * outputs);
    work->ones = MELE_I_ARRAY(double, rows);
    work->signal = MELE_I_ARRAY(double, 2 * outputs);
    work->block = MELE_I_ARRAY(double, (2 * MELE_I_GP_BLOCK + 1) * rows);
    return work->covariance != NULL && work->x != NULL && work->solved != NULL
           && work->ones != NULL && work->signal != NULL && work->block != NULL;
}

void mele_i_gp_work_free(mele_i_gp_work *work)
{
    free(work->covariance);
    free(work->x);
    free(work->solved);
    free(work->ones);
    free(work->signal);
    free(work->block);
}

void mele_i_gp_shares(const double *log_ratios, size_t terms, double *shares)
{
    double largest = 0, sum = 0;

    for (size_t q = 1; q < terms; q++)
        largest = fmax(largest, log_ratios[q - 1]);
    for (size_t q = 0; q < terms; q++) {
        shares[q] = exp((q == 0 ? 0 : log_ratios[q - 1]) - largest);
        sum += shares[q];
    }
    for (size_t q = 0; q < terms; q++)
        shares[q] /= sum;
}

/* Rows of a block. */
static size_t block_count(const mele_i_gp_rows *r, size_t first)
{
    return r->rows - first < MELE_I_GP_BLOCK ? r->rows - first : MELE_I_GP_BLOCK;
}

/* Term q of the block of rows from `first`, each with the rows up to the block's last. */
static void term_values(const mele_i_gp_rows *r, size_t q, size_t first, double *values,
                        double *slope)
{
    const double *x = r->x + q * r->rows * r->columns;
    const size_t d = r->columns, count = block_count(r, first), width = first + count;

    mele_i_kernels_best()->distances(x + first * d, d, count, d, x, width, values);
    r->kernel->values(values, count * width, slope);
}

void mele_i_gp_covariance(const mele_i_gp_rows *r, const double *weights, double noise,
                          double *block, double *out)
{
    const size_t n = r->rows;

    for (size_t first = 0; first < n; first += MELE_I_GP_BLOCK) {
        const size_t width = first + block_count(r, first);
        for (size_t q = 0; q < r->terms; q++) {
            term_values(r, q, first, block, NULL);
            for (size_t i = first; i < width; i++) {
                const double *values = block + (i - first) * width;
                double *row = out + i * n;
                for (size_t b = 0; b < i; b++)
                    row[b] = (q == 0 ? 0 : row[b]) + r->shares[q] * values[b];
            }
        }
        for (size_t i = first; i < width; i++)
            out[i * n + i] = 1 + noise / weights[i];
    }
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double total(const double *a, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i];
    return sum;
}

void mele_i_gp_solve(const double *factor, size_t rows, size_t outputs, double copies,
                     const mele_i_gp_solved *out)
{
    double *ones = out->ones, *mean = out->mean;

    for (size_t i = 0; i < rows; i++)
        ones[i] = 1;
    mele_i_cholesky_solve(factor, rows, ones);
    for (size_t t = 0; t < outputs; t++) {
        double *r = out->y + t * rows;
        mean[t] = dot(ones, r, rows) / total(ones, rows);
        for (size_t i = 0; i < rows; i++)
            r[i] -= mean[t];
        out->signal[t] = mele_i_cholesky_quadratic(factor, rows, r) / copies;
    }
}

/* The inverse's row a, below the diagonal, becomes that of G. Returns G_aa. */
static double weigh_row(const mele_i_gp_data *data, const mele_i_gp_work *work, size_t a)
{
    const size_t n = data->rows;
    double *row = work->covariance + a * n, own = (double)data->outputs * row[a];

    for (size_t b = 0; b < a; b++)
        row[b] *= (double)data->outputs;
    for (size_t t = 0; t < data->outputs; t++) {
        const double *solved = work->solved + t * n, factor = solved[a] / work->signal[t];
        for (size_t b = 0; b < a; b++)
            row[b] -= factor * solved[b];
        own -= solved[a] * factor;
    }
    return own;
}

static double pair_sum(const double *a, const double *b, size_t n)
{
    double sum[4] = {0};

    for (size_t i = 0; i < n; i++)
        sum[i % 4] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Adds the gradient by the log lengths of term q, from G; returns the sum of G k_q over pairs. */
static double add_term(const mele_i_gp_rows *r, const mele_i_gp_work *work, size_t q,
                       double *gradient)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t n = r->rows, d = r->columns;
    const double *x = r->x + q * n * d;
    double *values = work->block, *slopes = values + MELE_I_GP_BLOCK * n;
    double *weighed = slopes + MELE_I_GP_BLOCK * n, sum = 0;

    for (size_t first = 0; first < n; first += MELE_I_GP_BLOCK) {
        const size_t width = first + block_count(r, first);
        term_values(r, q, first, values, slopes);
        for (size_t a = first; a < width; a++) {
            const double *g = work->covariance + a * n, *slope = slopes + (a - first) * width;
            for (size_t b = 0; b < a; b++)
                weighed[b] = g[b] * (r->shares[q] * slope[b]);
            if (d > 0)
                kernels->column_squares(x, d, a, d, weighed, x + a * d, gradient);
            sum += pair_sum(g, values + (a - first) * width, a);
        }
    }
    return sum;
}

/* work->covariance has the inverse, which is lost. */
static void add_gradient(const mele_i_gp_data *data, const mele_i_gp_rows *r,
                         const mele_i_gp_work *work, double noise, double *gradient)
{
    double *by_ratio = gradient + data->terms * data->columns - 1; /* the first has none */
    double *by_noise = by_ratio + data->terms, sum[MELE_I_GP_MOST_TERMS], mean = 0;

    for (size_t a = 0; a < data->rows; a++) {
        const double w = data->weights[a], own = weigh_row(data, work, a);
        *by_noise += 0.5 * (own * (noise / w) + (double)data->outputs * (w - 1));
    }
    for (size_t q = 0; q < data->terms; q++) {
        sum[q] = add_term(r, work, q, gradient + q * data->columns);
        mean += r->shares[q] * sum[q];
    }
    for (size_t q = 1; q < data->terms; q++)
        by_ratio[q] += r->shares[q] * (sum[q] - mean);
}

static double value_of(const mele_i_gp_data *data, const mele_i_gp_work *work, double log_noise)
{
    const double log_two_pi = 1.8378770664093454836;
    const size_t n = data->rows;
    double copies = 0, shared = 0, value = 0;

    for (size_t i = 0; i < n; i++) {
        const double w = data->weights[i];
        copies += w;
        shared += 2 * log(work->covariance[i * n + i]) + (w - 1) * log_noise + log(w);
    }
    for (size_t t = 0; t < data->outputs; t++)
        value += 0.5 * (copies * (log_two_pi + log(work->signal[t]) + 1) + shared);
    return value;
}

/* The rows over the lengths of every term. */
static void divide_rows(const mele_i_gp_data *data, const double *logs, double *out)
{
    const size_t n = data->rows, d = data->columns;

    for (size_t q = 0; q < data->terms; q++)
        for (size_t j = 0; j < d; j++) {
            const double over = exp(-logs[q * d + j]);
            for (size_t i = 0; i < n; i++)
                out[(q * n + i) * d + j] = data->x[i * d + j] * over;
        }
}

/* Sets `shares`, to which the rows point that it returns. */
static mele_i_gp_rows cover_rows(const mele_i_gp_data *data, mele_i_gp_work *work,
                                 const double *logs, double *shares)
{
    const mele_i_gp_rows rows = {data->kernel,  data->terms, data->rows,
                                 data->columns, shares,      work->x};
    const double noise = exp(logs[mele_i_gp_hypers(data->terms, data->columns) - 1]);

    divide_rows(data, logs, work->x);
    mele_i_gp_shares(logs + data->terms * data->columns, data->terms, shares);
    mele_i_gp_covariance(&rows, data->weights, noise, work->block, work->covariance);
    return rows;
}

void mele_i_gp_likelihood_covariance(const mele_i_gp_data *data, mele_i_gp_work *work,
                                     const double *logs)
{
    double shares[MELE_I_GP_MOST_TERMS];

    cover_rows(data, work, logs, shares);
}

bool mele_i_gp_likelihood(const mele_i_gp_data *data, mele_i_gp_work *work, const double *logs,
                          double *value, double *gradient)
{
    const size_t n = data->rows, count = mele_i_gp_hypers(data->terms, data->columns);
    const double log_noise = logs[count - 1], noise = exp(log_noise);
    double shares[MELE_I_GP_MOST_TERMS];
    const mele_i_gp_rows rows = cover_rows(data, work, logs, shares);

    if (!mele_i_cholesky(work->covariance, n))
        return false;
    memcpy(work->solved, data->y, data->outputs * n * sizeof *data->y);
    mele_i_gp_solve(work->covariance, n, data->outputs, total(data->weights, n),
                    &(mele_i_gp_solved){work->solved, work->ones, work->signal + data->outputs,
                                        work->signal});
    const double likelihood = value_of(data, work, log_noise);
    if (gradient != NULL) {
        if (!mele_i_cholesky_inverse(work->covariance, n))
            return false;
        memset(gradient, 0, count * sizeof *gradient);
        add_gradient(data, &rows, work, noise, gradient);
    }
    *value = likelihood;
    return true;
}
