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

/* Rows of a panel, and the numbers from one of its columns to the next: an odd number of cache
 * lines, so that columns do not fall into the same few sets of the cache. */
enum { MELE_I_PANEL_ROWS = 384, MELE_I_PANEL = MELE_I_PANEL_ROWS + 8 };

/* Where moments go: K counts, K x cols first moments, and the second ones of the k-th component at
 * second + k * step (0: those of all components are added up). */
typedef struct mele_i_moments {
    double *count, *first, *second;
    size_t step;
} mele_i_moments;

/* Rows and centres in single precision with bounds on their distances (see partition/bounds.c). */
typedef struct mele_i_bounded {
    const float *y; /* rows, as narrow() makes them */
    size_t stride, cols, groups;
    const float *group;      /* for every group: as group_nearest() wants it */
    const uint32_t *cluster; /* of every lane of the groups */
    const float *centres;    /* of every cluster: `stride` numbers */
    const float *lane_drift; /* of every lane of the groups */
    const float *drift, *half; /* of every cluster */
    const float *fall;         /* of every group */
    float share, floor;
    const uint32_t *label;
    float *upper, *lower; /* lower: of 16 rows those of the first group, then of the next */
} mele_i_bounded;

/* What a unit of a network makes of its weighted sum. */
typedef enum mele_i_activation {
    MELE_I_IDENTITY,
    MELE_I_TANH,
    MELE_I_LOGISTIC,
    MELE_I_RELU
} mele_i_activation;

/* One step of Adam: with g = scale gradient + decay x, the mean moves by mean_share towards g, the
 * square by square_share towards g^2, and x by -size mean / (sqrt(square) + floor). */
typedef struct mele_i_adam {
    double scale, mean_share, square_share, size, floor;
} mele_i_adam;

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

    /* The same with one matrix for all k. */
    void (*tied_mahalanobis)(const double *x, size_t stride, size_t rows, size_t cols,
                             const double *means, const double *whitener, size_t clusters,
                             double *out);

    /* The same with the diagonal matrices of the K x cols scales. */
    void (*scaled_distances)(const double *x, size_t stride, size_t rows, size_t cols,
                             const double *means, const double *scales, size_t clusters,
                             double *out);

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

    /* ---- panels: a run of up to MELE_I_PANEL_ROWS rows by columns ---- */

    /* panel[j * MELE_I_PANEL + i] = column j of row i. Rows are rounded up to 32 by the last one
     * again, here and in all panels; what stands there counts for nothing. */
    void (*to_panel)(const double *x, size_t stride, size_t rows, size_t cols, double *panel);

    /* out[k * MELE_I_PANEL + i] = constants[k] - |W_k (x_i - m_k)|^2 / 2, or -infinity where that
     * overflows. W_k is the packed lower triangle at whiteners + k * step; diagonal: scales +
     * k * cols; a number: scales[k]. */
    void (*whitened_densities)(const double *panel, size_t rows, size_t cols, const double *means,
                               const double *whiteners, size_t step, const double *constants,
                               size_t clusters, double *out);
    void (*scaled_densities)(const double *panel, size_t rows, size_t cols, const double *means,
                             const double *scales, const double *constants, size_t clusters,
                             double *out);
    void (*round_densities)(const double *panel, size_t rows, size_t cols, const double *means,
                            const double *scales, const double *constants, size_t clusters,
                            double *out);

    /* A panel of logits becomes w_i softmax_k, 0 past the rows; a row of -infinity only becomes
     * w_i / K. Adds sum w_i log sum_k exp(logit) over rows of positive weight to *log_likelihood.
     * weights NULL: all 1. Shares below 1e-307 may be 0. */
    void (*responsibilities)(double *logits, size_t rows, size_t clusters, const double *weights,
                             double *log_likelihood);

    /* For every k, with r_i = weights[k * MELE_I_PANEL + i] and z = x_i - m_k, which must not
     * overflow, add sum r, sum r z, and the packed lower triangle of sum r z z'; or of that the
     * diagonal. */
    void (*moments)(const double *panel, size_t rows, size_t cols, const double *means,
                    const double *weights, size_t clusters, const mele_i_moments *out);
    void (*square_moments)(const double *panel, size_t rows, size_t cols, const double *means,
                           const double *weights, size_t clusters, const mele_i_moments *out);

    /* Of every column: add sum w x to sum[j], and widen low[j] and high[j] to its extremes, whatever
     * the weights; weights NULL: all 1. A NaN or an infinity makes the sum one of them. */
    void (*column_sums)(const double *x, size_t stride, size_t rows, size_t cols,
                        const double *weights, double *low, double *high, double *sum);

    /* Add sum w (x - mean_j)^2 of every column to sum[j]. */
    void (*column_squares)(const double *x, size_t stride, size_t rows, size_t cols,
                           const double *weights, const double *mean, double *sum);

    /* out[i * cols + j] = (x_ij - centre_j) / scale_j, or where that overflows x_ij / scale_j -
     * centre_j / scale_j; fill_j stands for an x_ij that is not finite. out may be x where rows lie
     * without gaps. */
    void (*standardise)(const double *x, size_t stride, size_t rows, size_t cols,
                        const double *centre, const double *scale, const double *fill, double *out);

    /* label[i]: the largest of a row of cols values, ties to the lowest; lists the rows in which it
     * is not above all others by more than slack (1 + |it|). Returns how many are listed. */
    size_t (*leaders)(const double *values, size_t rows, size_t cols, double slack,
                      uint32_t *label, uint32_t *unclear);

    /* distance[i]: the squared distance to the row's own centre, as nearest() has it. */
    void (*own_distances)(const double *x, size_t stride, size_t rows, size_t cols,
                          const double *centres, const uint32_t *label, double *distance);

    /* Move the rows list[0 .. count - 1] from the sums of from[i] to those of label[list[i]]:
     * sums[k * cols + j] changes by w (x_j - c_kj), row after row. */
    void (*transfer)(const double *x, size_t stride, const uint32_t *list, size_t count,
                     size_t cols, const double *centres, const uint32_t *from,
                     const uint32_t *label, const double *weights, double *sums);

    /* The rest works in single precision, for partition/filter.h to judge by; here results may
     * differ between widths. Rows y_i, `stride` apart (a multiple of 16, zeros past the columns);
     * outputs have room for a multiple of 16, lists for 16 more than they can hold. */

    /* y_i = (x_list[i] - origin) * scale; list NULL: the first count rows. The list (or x) goes on
     * to `known` rows, which will be asked for next. */
    void (*narrow)(const double *x, size_t stride, const uint32_t *list, size_t count, size_t known,
                   size_t cols, const double *origin, double scale, float *out, size_t out_stride);

    /* norm[i] = |y_i|^2 */
    void (*lengths)(const float *y, size_t stride, size_t count, float *norm);

    /* Scores s_k = |c_k|^2 / 2 - y c_k of a group of MELE_I_GROUP centres: `group` has the
     * |c_k|^2 / 2, then for every column -c_k. For the i-th row of the list (NULL: row i) best[i]
     * is the least, its lowest four bits replaced by k, second[i] the least but that, with bits of
     * its own k. */
    void (*group_nearest)(const float *y, size_t stride, const uint32_t *list, size_t count,
                          size_t cols, const float *group, float *best, float *second);

    /* sqrt(norm + 2 score - 4 e), rounded down, of both scores of the rows that are listed (NULL:
     * all). Of the list a multiple of 16 can be read, and tells of norms that can be. */
    void (*lowers)(const float *best, const float *second, const float *norm, const uint32_t *list,
                   size_t count, float share, float floor, float *low_best, float *low_second);

    /* From such scores, with e = share * norm + floor: upper = sqrt(norm + 2 best + 4 e), lower =
     * sqrt(norm + 2 second - 4 e), rounded outwards; lists the i with not 4 e < second - best.
     * Returns how many are listed. */
    size_t (*list_unclear)(const float *best, const float *second, const float *norm, size_t count,
                     float share, float floor, float *upper, float *lower, uint32_t *unclear);

    /* Lists the rows for which not upper + drift[label] < max(half[label], lower_g - fall_g for
     * every group g), rounded outwards. lower: of 16 rows those of the first group, then of the
     * next. Of label,
     * upper and lower a multiple of 16 can be read, of drift and half too. Returns how many are
     * listed. */
    size_t (*outside)(const uint32_t *label, const float *upper, const float *lower, size_t rows,
                      size_t groups, const float *drift, const float *half, const float *fall,
                      uint32_t *list);

    /* Bounds of the rows row[0 .. count - 1], the i-th being y_at[i] (NULL: y_i). tighten() takes
     * upper bounds anew from the own centres and lists the i of rows that may change their label
     * all the same. Returns how many are listed. */
    size_t (*tighten)(const mele_i_bounded *rows, const uint32_t *at, const uint32_t *row,
                      size_t count, uint32_t *alive);

    /* scan() takes all bounds anew from the scores of all groups (row NULL: of the first count
     * rows; as many more are written as make a multiple of 16): label[i] is that of the least; the i
     * with not 4 e < second - best are listed, whose upper bounds hold for that label only. Returns
     * how many are listed. */
    size_t (*scan)(const mele_i_bounded *rows, const uint32_t *at, const uint32_t *row,
                   size_t count, uint32_t *label, uint32_t *unclear);

    /* narrow(), group_nearest() and list_unclear() in one for at most MELE_I_SIFT_COLUMNS columns
     * and MELE_I_GROUP centres (|c|^2 / 2, then -c, centre after centre); label[i]: the k of
     * best. */
    size_t (*sift)(const double *x, size_t stride, size_t rows, size_t cols, const double *origin,
                   double scale, const float *centres, size_t clusters, float share, float floor,
                   uint32_t *label, uint32_t *unclear);

    /* Bit i of 32 rows: whether limit[i] is not below reach[label[i]], and one of the points is
     * nearer, in squares, than limit[i]. Column j of row i is step[j] bytes[j * 32 + i]. */
    uint32_t (*near)(const uint8_t *bytes, size_t cols, const float *step, const float *points,
                     size_t count, const float *limit, const uint32_t *label, const float *reach);

    /* Add to sum[p], for points whose number is a multiple of 8, the sum of w min(nearest, distance)
     * over 32 rows: first those that no point is nearer to than nearest, which in double precision
     * are all but some of the mask's; distance: points numbers for each row of the mask. The same
     * bits for every width. */
    void (*add_nearest)(uint32_t mask, const double *distance, size_t points,
                        const double *nearest, const double *weights, double *sum);

    /* ---- layers of networks, on panels whose columns are `step` numbers apart, rows and step
     * multiples of 8 ---- */

    /* Column h of out: the activated w_h0 + sum_j w_h,j+1 x_j; weights: units x (cols + 1). tanh and
     * logistic are at most 4 ulp off. */
    void (*layer)(const double *x, size_t step, size_t rows, size_t cols, const double *weights,
                  size_t units, mele_i_activation activation, double *out);

    /* Column h of out: the derivative of the h-th activated column of hidden, times sum_m
     * w_m,h+1 error_m; weights: outputs x (units + 1). */
    void (*layer_back)(const double *error, size_t step, size_t rows, size_t outputs,
                       const double *weights, const double *hidden, size_t units,
                       mele_i_activation activation, double *out);

    /* out[q * out_step + c] += the sum over rows of a_q b_c, of `down` columns a and `across`
     * columns b. */
    void (*products)(const double *a, size_t down, const double *b, size_t across, size_t step,
                     size_t rows, double *out, size_t out_step);

    /* count numbers of each, a multiple of 8. */
    void (*adam)(const mele_i_adam *step, size_t count, const double *gradient,
                 const double *decay, double *x, double *mean, double *square);

    /* Of squared distances s, which are overwritten: (1 + a + a^2 / 3) exp(-a), a^2 = 5 s; slope
     * (NULL: not wanted) gets 5/3 (1 + a) exp(-a). Infinite or NaN: both are 0. */
    void (*matern52)(double *square, size_t count, double *slope);
} mele_i_kernels;

#define MELE_I_GROUP 16
#define MELE_I_SIFT_COLUMNS 16

/* The widest kernels this machine runs. */
const mele_i_kernels *mele_i_kernels_best(void);

/* The i-th kernels this machine runs, plain first; NULL past the last. For tests. */
const mele_i_kernels *mele_i_kernels_at(size_t i);

#endif
