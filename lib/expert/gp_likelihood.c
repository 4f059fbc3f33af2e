/* The marginal likelihood of Gaussian processes with shared lengths.
 *
 * Target t of n rows is y_t ~ N(m_t 1, s_t^2 R) with R = K + e W^-1: K_ab = k(x_a, x_b), e the
 * ratio of noise to signal, W the rows' weights. A row of weight w stands for w copies of itself:
 * with N = sum w, the copies' negative log likelihood is
 *
 *     f = 1/2 sum_t [ N log(2 pi s_t^2) + r_t' R^-1 r_t / s_t^2 + log|R|
 *                     + sum_i ((w_i - 1) log e + log w_i) ],      r_t = y_t - m_t 1,
 *
 * since w copies of a row are its mean, with noise e / w, and w - 1 differences of nothing but
 * noise, which are 0. m_t = 1' R^-1 y_t / 1' R^-1 1 and s_t^2 = r_t' R^-1 r_t / N minimise f at
 * given lengths and e, so that they may be held in its derivatives there:
 *
 *     df = 1/2 tr(G dR),    G = T R^-1 - sum_t a_t a_t' / s_t^2,    a_t = R^-1 r_t,
 *
 * plus T/2 sum (w_i - 1) for log e. By log l_j, dR_ab = slope_ab u_j^2 with u = (x_a - x_b) / l;
 * the sum over pairs is taken as it stands: expanding the square would cancel.
 *
 * O(n^3 + n^2 (d + T)) operations; n^3 in LAPACK's dpotrf and dpotri.
 *
 * Source: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning, 5.4.1; Sacks, Welch,
 * Mitchell, Wynn 1989, Stat. Sci. 4 (m and s^2 profiled out). */
#include "expert/gp_likelihood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/memory.h"
#include "engine/kernels.h"

bool mele_i_gp_work_make(mele_i_gp_work *work, size_t rows, size_t columns, size_t outputs)
{
    work->covariance = mele_i_large_array(rows * rows, sizeof(double));
    work->slope = mele_i_large_array(rows * rows, sizeof(double));
    work->x = MELE_I_ARRAY(double, rows * columns);
    work->solved = MELE_I_ARRAY(double, rows * outputs);
    work->ones = MELE_I_ARRAY(double, rows);
    work->signal = MELE_I_ARRAY(double, 2 * outputs);
    work->block = MELE_I_ARRAY(double, MELE_I_GP_BLOCK * rows);
    return work->covariance != NULL && work->slope != NULL && work->x != NULL
           && work->solved != NULL && work->ones != NULL && work->signal != NULL
           && work->block != NULL;
}

void mele_i_gp_work_free(mele_i_gp_work *work)
{
    free(work->covariance);
    free(work->slope);
    free(work->x);
    free(work->solved);
    free(work->ones);
    free(work->signal);
    free(work->block);
}

void mele_i_gp_covariance(const mele_i_gp_kernel *kernel, const double *x, size_t rows,
                          size_t columns, const double *weights, double noise, double *block,
                          double *out, double *slope)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();

    for (size_t first = 0; first < rows; first += MELE_I_GP_BLOCK) {
        const size_t count = rows - first < MELE_I_GP_BLOCK ? rows - first : MELE_I_GP_BLOCK;
        const size_t width = first + count;
        kernels->distances(x + first * columns, columns, count, columns, x, width, block);
        for (size_t i = first; i < width; i++) {
            double *row = out + i * rows;
            memcpy(row, block + (i - first) * width, i * sizeof *row);
            kernel->values(row, i, slope == NULL ? NULL : slope + i * rows);
            row[i] = 1 + noise / (weights == NULL ? 1 : weights[i]);
        }
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

void mele_i_gp_solve(const double *factor, size_t rows, size_t outputs, double copies, double *y,
                     double *ones, double *mean, double *signal)
{
    for (size_t i = 0; i < rows; i++)
        ones[i] = 1;
    mele_i_cholesky_solve(factor, rows, ones);
    for (size_t t = 0; t < outputs; t++) {
        double *r = y + t * rows;
        mean[t] = dot(ones, r, rows) / total(ones, rows);
        for (size_t i = 0; i < rows; i++)
            r[i] -= mean[t];
        signal[t] = mele_i_cholesky_quadratic(factor, rows, r) / copies;
    }
}

/* G times the slopes, below the diagonal of row a. */
static void weigh_pairs(const mele_i_gp_data *data, const mele_i_gp_work *work, size_t a,
                        double *out)
{
    const size_t n = data->rows;
    const double *inverse = work->covariance + a * n, *slope = work->slope + a * n;

    for (size_t b = 0; b < a; b++)
        out[b] = (double)data->outputs * inverse[b];
    for (size_t t = 0; t < data->outputs; t++) {
        const double *solved = work->solved + t * n, factor = solved[a] / work->signal[t];
        for (size_t b = 0; b < a; b++)
            out[b] -= factor * solved[b];
    }
    for (size_t b = 0; b < a; b++)
        out[b] *= slope[b];
}

static void add_gradient(const mele_i_gp_data *data, const mele_i_gp_work *work, double noise,
                         double *gradient)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t n = data->rows, d = data->columns;

    for (size_t a = 0; a < n; a++) {
        const double w = data->weights[a];
        double own = (double)data->outputs * work->covariance[a * n + a];
        for (size_t t = 0; t < data->outputs; t++) {
            const double solved = work->solved[t * n + a];
            own -= solved * (solved / work->signal[t]);
        }
        gradient[d] += 0.5 * (own * (noise / w) + (double)data->outputs * (w - 1));
        weigh_pairs(data, work, a, work->block);
        if (d > 0)
            kernels->column_squares(work->x, d, a, d, work->block, work->x + a * d, gradient);
    }
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

bool mele_i_gp_likelihood(const mele_i_gp_data *data, mele_i_gp_work *work, const double *logs,
                          double *value, double *gradient)
{
    const size_t n = data->rows, d = data->columns;
    const double noise = exp(logs[d]);

    for (size_t j = 0; j < d; j++) {
        const double over = exp(-logs[j]);
        for (size_t i = 0; i < n; i++)
            work->x[i * d + j] = data->x[i * d + j] * over;
    }
    mele_i_gp_covariance(data->kernel, work->x, n, d, data->weights, noise, work->block,
                         work->covariance, gradient == NULL ? NULL : work->slope);
    if (!mele_i_cholesky(work->covariance, n))
        return false;
    memcpy(work->solved, data->y, data->outputs * n * sizeof *data->y);
    mele_i_gp_solve(work->covariance, n, data->outputs, total(data->weights, n), work->solved,
                    work->ones, work->signal + data->outputs, work->signal);
    const double likelihood = value_of(data, work, logs[d]);
    if (gradient != NULL) {
        if (!mele_i_cholesky_inverse(work->covariance, n))
            return false;
        memset(gradient, 0, (d + 1) * sizeof *gradient);
        add_gradient(data, work, noise, gradient);
    }
    *value = likelihood;
    return true;
}
