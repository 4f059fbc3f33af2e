/* The means of clusters from one assignment to the next.
 *
 * Taken anew, S_k = sum w (x - c_k) over the rows of cluster k, c_k its centre now: c_k + S_k / W_k
 * is the mean, nothing is lost to a large mean, and rows that equal c_k give exactly c_k. While
 * few labels change only those rows are moved, from one sum to the other, each about the centre
 * that its sum was last taken anew with. Blocks are added to the totals in order with the rounding
 * errors kept (two-sum: Knuth 1969; Ogita, Rump, Oishi 2005, SIAM J. Sci. Comput. 26), so that
 * moving rows in and out leaves no more behind than a block's own rounding does.
 *
 * When weights differ by more than WEIGHT_RANGE a heavy row that leaves would take what light ones
 * had added with it: then sums are always taken anew. Rows of positive weight are counted, so that
 * a cluster is empty exactly when it has none.
 *
 * Whether sums are taken anew depends on the labels' history and the weights alone: however labels
 * are found, the means have the same bits. */
#include "partition/sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define FEW_CHANGES (1 / 8.) /* share of the rows up to which moving them is faster */
#define WEIGHT_RANGE 1024
#define FEW_CLUSTERS 64

/* Partial sums: changed rows, least and most positive weight, K counts, K weights, K x d sums. */
enum { CHANGED, LEAST, MOST, COUNTS };

mele_status mele_i_sums_make(mele_i_sums *s, const mele_i_kernels *kernels, size_t clusters,
                             size_t columns, mele_error *error)
{
    size_t numbers = clusters * columns, all;

    *s = (mele_i_sums){.kernels = kernels, .clusters = clusters, .columns = columns};
    if (__builtin_mul_overflow(numbers, (size_t)3, &all)
        || __builtin_add_overflow(all, 3 * clusters, &all))
        return mele_i_no_memory(error);
    s->room = MELE_I_ZEROED(double, all);
    if (s->room == NULL)
        return mele_i_no_memory(error);
    s->count = s->room;
    s->weight = s->count + clusters;
    s->weight_low = s->weight + clusters;
    s->sum = s->weight_low + clusters;
    s->sum_low = s->sum + numbers;
    s->reference = s->sum_low + numbers;
    return MELE_OK;
}

void mele_i_sums_clear(mele_i_sums *s)
{
    free(s->room);
    s->room = NULL;
}

void mele_i_sums_begin(mele_i_sums *s, size_t rows, const double *centres, bool anew)
{
    s->anew = anew || s->most > WEIGHT_RANGE * s->least
              || s->changed > FEW_CHANGES * (double)rows;
    s->changed = 0;
    if (!s->anew)
        return;
    memset(s->count, 0, s->clusters * sizeof(double));
    memset(s->weight, 0, s->clusters * sizeof(double));
    memset(s->weight_low, 0, s->clusters * sizeof(double));
    memset(s->sum, 0, s->clusters * s->columns * sizeof(double));
    memset(s->sum_low, 0, s->clusters * s->columns * sizeof(double));
    memcpy(s->reference, centres, s->clusters * s->columns * sizeof(double));
}

size_t mele_i_sums_size(const mele_i_sums *s)
{
    return COUNTS + s->clusters * (2 + s->columns);
}

/* Rows of a cluster often follow each other: they are counted apart. */
static void count_rows(size_t clusters, size_t rows, const uint32_t *label, double *count)
{
    double apart[4][FEW_CLUSTERS] = {{0}};
    size_t i = 0;

    if (clusters <= FEW_CLUSTERS)
        for (; i + 4 <= rows; i += 4)
            for (size_t q = 0; q < 4; q++)
                apart[q][label[i + q]]++;
    for (; i < rows; i++)
        count[label[i]]++;
    for (size_t k = 0; k < clusters && k < FEW_CLUSTERS; k++)
        count[k] += apart[0][k] + apart[1][k] + apart[2][k] + apart[3][k];
}

static void weigh_rows(const mele_i_sums *s, size_t rows, const uint32_t *label,
                       const double *weights, double *partial)
{
    double *count = partial + COUNTS, *weight = count + s->clusters, least = 0, most = 0;

    for (size_t i = 0; i < rows; i++) {
        const double w = weights[i];
        if (!(w > 0))
            continue;
        count[label[i]]++;
        weight[label[i]] += w;
        least = least == 0 || w < least ? w : least;
        most = w > most ? w : most;
    }
    partial[LEAST] = least;
    partial[MOST] = most;
}

static void add_rows(const mele_i_sums *s, size_t rows, const uint32_t *label,
                     const double *weights, double *partial)
{
    double *count = partial + COUNTS;

    if (weights != NULL) {
        weigh_rows(s, rows, label, weights, partial);
        return;
    }
    count_rows(s->clusters, rows, label, count);
    memcpy(count + s->clusters, count, s->clusters * sizeof *count);
    partial[LEAST] = partial[MOST] = 1;
}

static void move_rows(const mele_i_sums *s, const uint32_t *label, const double *weights,
                      const mele_i_changes *changes, double *partial)
{
    double *count = partial + COUNTS, *weight = count + s->clusters;

    for (size_t i = 0; i < changes->count; i++) {
        const size_t row = changes->row[i], to = label[row], from = changes->from[i];
        const double w = weights == NULL ? 1 : weights[row];
        count[to]++;
        count[from]--;
        weight[to] += w;
        weight[from] -= w;
    }
}

/* Rows without weight change nothing. */
static void weigh_changes(mele_i_changes *changes, const double *weights)
{
    size_t kept = 0;

    if (weights == NULL)
        return;
    for (size_t i = 0; i < changes->count; i++)
        if (weights[changes->row[i]] > 0) {
            changes->row[kept] = changes->row[i];
            changes->from[kept++] = changes->from[i];
        }
    changes->count = kept;
}

void mele_i_sums_block(const mele_i_sums *s, const mele_matrix *x, const uint32_t *label,
                       const double *weights, mele_i_changes *changes, double *partial)
{
    double *sum = partial + COUNTS + 2 * s->clusters;

    weigh_changes(changes, weights);
    partial[CHANGED] = (double)changes->count;
    if (s->anew) {
        add_rows(s, x->rows, label, weights, partial);
        s->kernels->accumulate(x->data, x->stride, x->rows, s->columns, s->reference, label, weights, sum);
    } else {
        move_rows(s, label, weights, changes, partial);
        s->kernels->transfer(x->data, x->stride, changes->row, changes->count, s->columns, s->reference,
                             changes->from, label, weights, sum);
    }
}

static void add_exactly(double *high, double *low, double a)
{
    const double sum = *high + a, back = sum - *high;

    *low += (*high - (sum - back)) + (a - back);
    *high = sum;
}

void mele_i_sums_combine(mele_i_sums *s, const double *partial)
{
    const size_t d = s->columns;
    const double *count = partial + COUNTS, *weight = count + s->clusters;
    const double *sum = weight + s->clusters;

    s->changed += partial[CHANGED];
    if (s->least == 0 || (partial[LEAST] > 0 && partial[LEAST] < s->least))
        s->least = partial[LEAST];
    s->most = fmax(s->most, partial[MOST]);
    if (!s->anew && partial[CHANGED] == 0)
        return;
    for (size_t k = 0; k < s->clusters; k++) {
        s->count[k] += count[k];
        add_exactly(&s->weight[k], &s->weight_low[k], weight[k]);
    }
    for (size_t j = 0; j < s->clusters * d; j++)
        add_exactly(&s->sum[j], &s->sum_low[j], sum[j]);
}

void mele_i_sums_mean(const mele_i_sums *s, size_t cluster, double *out)
{
    const double weight = s->weight[cluster] + s->weight_low[cluster];
    const size_t first = cluster * s->columns;

    for (size_t j = 0; j < s->columns; j++)
        out[j] = s->reference[first + j] + (s->sum[first + j] + s->sum_low[first + j]) / weight;
}
