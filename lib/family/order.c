/* Experts that random starts have made are exchangeable: which of them is the first says no more than
 * which numbers were drawn first. They are numbered by what they are, by the lexicographic order of
 *
 *     sum_i w_i g_k(x_i) z_i / sum_i w_i g_k(x_i),
 *
 * z_i what the gate sees of row i (scaled) and then what expert k says of it: where an expert counts,
 * and, of equal weights, at which level it is. So regions are numbered by their centres (stage 1). An
 * expert that counts nowhere is among the last. The function that the model is stays the same. */
#include "family/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "fit/expect.h"
#include "fit/refining.h"
#include "gate/joint.h"
#include "schema/data.h"

#define SUM_WORK ((size_t)1 << 17)

typedef struct placing {
    const mele_i_mixture_rows *rows;
    const mele_i_mixture_said *said;
    size_t outputs;
    double *sums; /* K x (1 + columns): the weight; then means */
} placing;

static size_t columns_of(const placing *p)
{
    return p->rows->gate_x.cols + p->outputs;
}

static void add_row(const placing *p, size_t row, const double *x, double *sums)
{
    const size_t K = p->rows->clusters, d = p->rows->gate_x.cols, M = p->outputs;
    const double w = p->rows->weights == NULL ? 1 : p->rows->weights[row];

    for (size_t k = 0; k < K; k++, sums += 1 + d + M) {
        const double g = w * exp(p->said->log_gate[row * K + k]);
        const double *mean = p->said->mean + (row * K + k) * M;
        sums[0] += g;
        for (size_t j = 0; j < d; j++)
            sums[1 + j] += g * x[j];
        for (size_t m = 0; m < M; m++)
            sums[1 + d + m] += g * mean[m];
    }
}

static mele_status add_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const placing *p = context;
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(&p->rows->gate_x, block, scratch, &x, &stride, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i++)
        if (p->rows->weights == NULL || p->rows->weights[block.first + i] > 0)
            add_row(p, block.first + i, x + i * stride, partial);
    return status;
}

static void combine(void *context, const void *partial)
{
    const placing *p = context;
    const double *sums = partial;

    for (size_t i = 0; i < p->rows->clusters * (1 + columns_of(p)); i++)
        p->sums[i] += sums[i];
}

static mele_status find_places(placing *p, mele_engine *engine, mele_error *error)
{
    const size_t K = p->rows->clusters, columns = columns_of(p);
    const size_t rows = mele_i_block_rows(K * (columns + 16), SUM_WORK, 1);
    const mele_i_pass pass = {
        .rows = p->rows->rows, .block_rows = rows, .map = add_block, .combine = combine, .context = p,
        .partial_bytes = K * (1 + columns) * sizeof(double),
        .scratch_bytes = mele_i_rows_room(&p->rows->gate_x, rows) * sizeof(double)};
    mele_status status = mele_i_pass_run(engine, &pass, error);

    for (size_t k = 0; k < K && status == MELE_OK; k++) {
        double *sums = p->sums + k * (1 + columns);
        for (size_t j = 1; j <= columns; j++)
            sums[j] = sums[0] > 0 ? sums[j] / sums[0] : INFINITY;
    }
    return status;
}

static bool comes_before(const placing *p, size_t a, size_t b)
{
    const size_t columns = columns_of(p);
    const double *left = p->sums + a * (1 + columns), *right = p->sums + b * (1 + columns);

    for (size_t j = 1; j <= columns; j++)
        if (left[j] != right[j])
            return left[j] < right[j];
    return a < b;
}

/* By insertion: experts are few. */
static void sort(const placing *p, size_t *order)
{
    for (size_t k = 0; k < p->rows->clusters; k++) {
        size_t at = k;
        for (; at > 0 && comes_before(p, k, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = k;
    }
}

/* Which of them is the k-th, to order. */
static mele_status find_order(mele_i_run *run, const mele_i_mixture *mixture, size_t *order,
                              mele_error *error)
{
    const size_t M = mele_experts_outputs(mixture->experts);
    mele_i_mixture_said said = {NULL, NULL};
    mele_i_mixture_rows rows;
    mele_status status = mele_i_refining_rows(run, mixture->gate, &rows, error);
    placing p = {.rows = &rows, .said = &said, .outputs = M};

    if (status != MELE_OK)
        return status;
    p.sums = mele_i_zeroed(rows.clusters, (1 + columns_of(&p)) * sizeof(double));
    if (p.sums == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = mele_i_mixture_said_make(rows.rows, rows.clusters, M, &said, error);
    if (status == MELE_OK)
        status = mele_i_mixture_predict(&rows, mixture, run->engine, &said, error);
    if (status == MELE_OK)
        status = find_places(&p, run->engine, error);
    if (status == MELE_OK)
        sort(&p, order);
    mele_i_mixture_said_clear(&said);
    free(p.sums);
    return status;
}

/* ---- into that order ---- */

/* work: K of these, of so many bytes each. */
static void move(void *numbers, size_t bytes, const size_t *order, size_t clusters, void *work)
{
    unsigned char *to = numbers;
    const unsigned char *from = work;

    memcpy(work, numbers, clusters * bytes);
    for (size_t k = 0; k < clusters; k++)
        memcpy(to + k * bytes, from + order[k] * bytes, bytes);
}

static mele_status reorder(const mele_i_family_exchangeable *p, const size_t *order, void *work,
                           mele_error *error)
{
    const size_t K = mele_experts_clusters(p->experts);
    mele_status status = mele_i_experts_reorder(p->experts, order, error);

    if (status == MELE_OK && p->partition == NULL)
        status = mele_i_gate_reorder(p->gate, order, error);
    if (status != MELE_OK)
        return status;
    move(p->info, sizeof *p->info, order, K, work);
    if (p->scales != NULL)
        move(p->scales, p->scale_count * sizeof *p->scales, order, K, work);
    return MELE_OK;
}

mele_status mele_i_family_number(mele_i_run *run, const mele_i_family_exchangeable *p,
                                 mele_error *error)
{
    const size_t K = mele_experts_clusters(p->experts);
    const size_t most = p->scale_count * sizeof *p->scales;
    const mele_i_mixture mixture = {p->experts, p->gate, NULL};
    size_t *order = MELE_I_ARRAY(size_t, K);
    void *work = mele_i_array(K, most > sizeof *p->info ? most : sizeof *p->info);
    mele_status status = MELE_ENOMEM;

    if (order == NULL || work == NULL)
        mele_i_no_memory(error);
    else if (p->partition != NULL)
        status = mele_i_partition_number(p->partition, order, error);
    else
        status = find_order(run, &mixture, order, error);
    if (status == MELE_OK)
        status = reorder(p, order, work, error);
    free(order);
    free(work);
    return status;
}
