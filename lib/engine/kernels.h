#ifndef MELE_ENGINE_KERNELS_H
#define MELE_ENGINE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* The inner loops. Every kernel exists in plain C, AVX2 and AVX-512 with the same bits: lanes
 * are rows, so a row sees the same operations in the same order (sums over columns by fused
 * multiply-add, first column first) wherever it stands and however wide the machine is. Sums
 * over rows have an order of their own, which depends on no width.
 *
 * Rows are x[i * stride + j]. Nothing may alias an output. Kernels neither allocate nor fail. */
typedef struct mele_i_kernels {
    const char *name; /* "plain", "avx2", "avx512" */

    /* label[i]: the centre (row of the K x cols `centres`) with the smallest squared distance
     * sum_j (x_ij - c_kj)^2, ties to the lowest; distance[i]: that squared distance. At most
     * 2^31 - 1 clusters. */
    void (*nearest)(const double *x, size_t stride, size_t rows, size_t cols, const double *centres,
                    size_t clusters, uint32_t *label, double *distance);

    /* out[i * clusters + k]: the squared distances themselves. */
    void (*distances)(const double *x, size_t stride, size_t rows, size_t cols,
                      const double *centres, size_t clusters, double *out);

    /* out[i * clusters + k] = |W_k (x_i - m_k)|^2 for the K lower triangular cols x cols
     * matrices W_k, packed by rows (cols (cols + 1) / 2 numbers each). */
    void (*mahalanobis)(const double *x, size_t stride, size_t rows, size_t cols,
                        const double *means, const double *whiteners, size_t clusters, double *out);

    /* out[i * out_stride + o] = c_o0 + sum_j c_o,j+1 x_ij; coefficients: outputs x (cols + 1),
     * intercept first. */
    void (*linear)(const double *x, size_t stride, size_t rows, size_t cols,
                   const double *coefficients, size_t outputs, double *out, size_t out_stride);

    /* Subtract from each row of the rows x cols logits its log-sum-exp; log_sum (NULL: not
     * wanted) receives it. -infinity stands for weight 0; a row of -infinity only becomes
     * uniform with log_sum -infinity; one +infinity takes all. Never NaN without NaN in. */
    void (*log_softmax)(double *logits, size_t rows, size_t cols, double *log_sum);

    /* x[i] = exp(x[i]), at most 1 ulp off; 0 below -745.2, infinity above 709.8. */
    void (*exponential)(double *x, size_t count);

    /* sums[label_i * cols + j] += w_i (x_ij - c_label_i,j), row after row; weights NULL: all 1;
     * rows of weight 0 are left out. */
    void (*accumulate)(const double *x, size_t stride, size_t rows, size_t cols,
                       const double *centres, const uint32_t *label, const double *weights,
                       double *sums);

    /* For every k, with r = weights[i * clusters + k] and z = x_i - m_k, add to the k-th of K
     * runs of 1 + cols + cols^2 numbers: sum r, sum r z, and the lower triangle of sum r z z'
     * (by rows of cols numbers; what lies above the diagonal is of no use). Rows of weight 0
     * add nothing. */
    void (*moments)(const double *x, size_t stride, size_t rows, size_t cols, const double *means,
                    const double *weights, size_t clusters, double *out);

    /* Of every column: add sum w x to sum[j], and widen low[j] and high[j] to its extremes, whatever
     * the weights; weights NULL: all 1. A NaN or an infinity makes the sum one of them. */
    void (*column_sums)(const double *x, size_t stride, size_t rows, size_t cols,
                        const double *weights, double *low, double *high, double *sum);

    /* Add sum w (x - mean_j)^2 of every column to sum[j]. */
    void (*column_squares)(const double *x, size_t stride, size_t rows, size_t cols,
                           const double *weights, const double *mean, double *sum);
} mele_i_kernels;

/* The widest kernels this machine runs. */
const mele_i_kernels *mele_i_kernels_best(void);

/* The i-th kernels this machine runs, plain first; NULL past the last. For tests. */
const mele_i_kernels *mele_i_kernels_at(size_t i);

#endif
