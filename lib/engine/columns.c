/* Sums of columns.
 *
 * A block is taken twice while it is in the cache, for its mean m_b and for the squares about it;
 * blocks are joined by
 *     m = m_a + (m_b - m_a) W_b / W,    S = S_a + S_b + (m_b - m_a)^2 W_a W_b / W
 * (Chan, Golub, LeVeque 1983, Am. Stat. 37), so that nothing is lost to a large mean.
 *
 * The kernels' lanes are columns. Few columns would leave most lanes empty, so of these several
 * rows are put side by side as one row of WIDE numbers or a bit less, and their sums added up at
 * the end. How many depends on the number of columns alone. */
#include "engine/columns.h"

#include <math.h>
#include <string.h>

#include "core/total.h"

#define WIDE 32
#define STRIP 32 /* wide rows that are put side by side at a time */

size_t mele_i_column_sums_count(size_t cols)
{
    return 5 * cols;
}

mele_i_column_sums mele_i_column_sums_in(double *room, size_t cols)
{
    mele_i_column_sums s = {room, room + cols, room + 2 * cols, room + 3 * cols, room + 4 * cols};

    return s;
}

void mele_i_column_sums_start(const mele_i_column_sums *s, size_t cols)
{
    for (size_t j = 0; j < cols; j++) {
        s->weight[j] = s->mean[j] = s->squares[j] = 0;
        s->low[j] = INFINITY;
        s->high[j] = -INFINITY;
    }
}

/* ---- a block ---- */

/* Some rows of few columns. */
typedef struct narrow {
    const mele_i_kernels *kernels;
    const double *x;
    size_t stride, rows, cols;
    size_t abreast, width; /* rows side by side, and what they are wide */
} narrow;

/* `count` wide rows from the one numbered `first` on, in place or in the room. */
static const double *wide_rows(const narrow *n, size_t first, size_t count, double *room)
{
    const double *x = n->x + first * n->abreast * n->stride;

    if (n->stride == n->cols)
        return x;
    for (size_t i = 0; i < count * n->abreast; i++)
        for (size_t j = 0; j < n->cols; j++)
            room[i * n->cols + j] = x[i * n->stride + j];
    return room;
}

/* Sums and extremes, or with a mean the squares about it, which are added to out->squares. */
static void sum_narrow(const narrow *n, const double *mean, const mele_i_column_sums *out)
{
    const size_t all = n->rows / n->abreast, done = all * n->abreast;
    const double *rest = n->x + done * n->stride;
    double number[5 * WIDE], middle[WIDE], room[STRIP * WIDE];
    const mele_i_column_sums wide = mele_i_column_sums_in(number, n->width);

    mele_i_column_sums_start(&wide, n->width);
    for (size_t c = 0; c < n->width && mean != NULL; c++)
        middle[c] = mean[c % n->cols];
    for (size_t i = 0; i < all; i += STRIP) {
        const size_t count = all - i < STRIP ? all - i : STRIP;
        const double *x = wide_rows(n, i, count, room);
        if (mean == NULL)
            n->kernels->column_sums(x, n->width, count, n->width, NULL, wide.low, wide.high,
                                    wide.mean);
        else
            n->kernels->column_squares(x, n->width, count, n->width, NULL, middle, wide.squares);
    }
    for (size_t c = 0; c < n->width; c++) {
        const size_t j = c % n->cols;
        out->squares[j] += wide.squares[c];
        if (mean != NULL)
            continue;
        out->mean[j] += wide.mean[c];
        out->low[j] = fmin(out->low[j], wide.low[c]);
        out->high[j] = fmax(out->high[j], wide.high[c]);
    }
    if (mean == NULL)
        n->kernels->column_sums(rest, n->stride, n->rows - done, n->cols, NULL, out->low, out->high,
                                out->mean);
    else
        n->kernels->column_squares(rest, n->stride, n->rows - done, n->cols, NULL, mean,
                                   out->squares);
}

bool mele_i_column_sums_take(const mele_i_column_sums *s, const mele_i_kernels *kernels,
                             const double *x, size_t stride, size_t rows, size_t cols,
                             const double *weights)
{
    const bool is_narrow = weights == NULL && cols > 0 && cols <= WIDE / 2;
    const size_t abreast = is_narrow ? WIDE / cols : 1;
    const narrow n = {kernels, x, stride, rows, cols, abreast, abreast * cols};
    const double total = mele_i_total_weight(weights, rows);
    bool finite = true;

    mele_i_column_sums_start(s, cols);
    if (is_narrow)
        sum_narrow(&n, NULL, s);
    else
        kernels->column_sums(x, stride, rows, cols, weights, s->low, s->high, s->mean);
    for (size_t j = 0; j < cols; j++) {
        finite = finite && isfinite(s->mean[j]);
        s->weight[j] = total;
        s->mean[j] = total > 0 ? s->mean[j] / total : 0;
    }
    if (!finite)
        return false;
    if (is_narrow)
        sum_narrow(&n, s->mean, s);
    else
        kernels->column_squares(x, stride, rows, cols, weights, s->mean, s->squares);
    return true;
}

/* ---- joining ---- */

void mele_i_column_sums_join(const mele_i_column_sums *a, const mele_i_column_sums *b, size_t cols)
{
    for (size_t j = 0; j < cols; j++) {
        a->low[j] = fmin(a->low[j], b->low[j]);
        a->high[j] = fmax(a->high[j], b->high[j]);
        if (!(b->weight[j] > 0))
            continue;
        const double total = a->weight[j] + b->weight[j], off = b->mean[j] - a->mean[j];
        const double share = b->weight[j] / total;
        a->mean[j] += off * share;
        a->squares[j] += b->squares[j] + off * off * a->weight[j] * share;
        a->weight[j] = total;
    }
}
