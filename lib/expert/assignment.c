/* Assignments: what one may be, and those that are made of log posteriors. */
#include "expert/assignment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "engine/rows.h"

#define ABREAST 16        /* sums side by side, so that none waits for itself */
#define AT_ONCE 1024      /* numbers: a part of the nearest cache */
#define FEWEST_AT_ONCE 32 /* rows */

typedef double pair __attribute__((vector_size(2 * sizeof(double)), may_alias,
                                   aligned(sizeof(double))));

/* ---- checks ---- */

static mele_status check_rows(const mele_rows *rows, const char *what, const mele_assignment *a,
                              mele_error *error)
{
    if (rows == NULL || (rows->rows == a->rows && rows->cols == a->clusters
                         && (rows->data == NULL ? rows->read != NULL : rows->stride >= rows->cols)))
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "%s are %zu x %zu (stride %zu), the assignment is %zu rows "
                       "to %zu clusters", what, rows->rows, rows->cols, rows->stride, a->rows,
                       a->clusters);
}

mele_status mele_i_assignment_check(const mele_assignment *a, mele_error *error)
{
    if (a == NULL)
        return mele_i_fail(error, MELE_EINVAL, "assignment is NULL");
    const int forms = (a->labels != NULL) + (a->shares != NULL) + (a->weights != NULL);
    mele_status status = MELE_OK;

    if (a->clusters == 0)
        return mele_i_fail(error, MELE_EINVAL, "clusters is 0");
    if (forms != 1)
        return mele_i_fail(error, MELE_EINVAL, "an assignment is labels, shares or weights: %s given",
                           forms == 0 ? "none of them is" : "more than one of them are");
    status = check_rows(a->shares, "shares", a, error);
    if (status == MELE_OK)
        status = check_rows(a->weights, "weights", a, error);
    return status == MELE_OK ? check_rows(a->log_posteriors, "log posteriors", a, error) : status;
}

mele_status mele_i_log_posteriors_check(const double *row, size_t index, size_t clusters,
                                        mele_error *error)
{
    for (size_t k = 0; k < clusters; k++)
        if (isnan(row[k]) || row[k] == INFINITY)
            return mele_i_fail(error, MELE_EDATA,
                               "log posteriors: row %zu, cluster %zu is %g, not a logarithm of a "
                               "probability", index + 1, k + 1, row[k]);
    return MELE_OK;
}

/* ---- of log posteriors ---- */

typedef struct making {
    const mele_rows *log_posteriors;
    uint32_t *label; /* or NULL: */
    double *share;
} making;

/* Add numbers up, in some sums. A NaN, or infinities of both signs, make one of them NaN; without,
 * infinity makes one infinite. */
static void add_numbers(const double *p, size_t count, double sum[ABREAST])
{
    pair total[ABREAST / 2];
    size_t i = 0;

    memcpy(total, sum, sizeof total);
    for (; i + ABREAST <= count; i += ABREAST)
#pragma GCC unroll 8
        for (size_t l = 0; l < ABREAST / 2; l++)
            total[l] += *(const pair *)(p + i + 2 * l);
    memcpy(sum, total, sizeof total);
    for (; i < count; i++)
        sum[i % ABREAST] += p[i];
}

/* Only where sums tell of a NaN or an infinity are rows read one by one. */
static mele_status check_block(const double *p, mele_i_block block, size_t clusters,
                               const double sum[ABREAST], mele_error *error)
{
    mele_status status = MELE_OK;
    bool doubtful = false;

    for (size_t l = 0; l < ABREAST; l++)
        doubtful = doubtful || isnan(sum[l]) || sum[l] == INFINITY;
    for (size_t i = 0; i < block.count && doubtful && status == MELE_OK; i++)
        status = mele_i_log_posteriors_check(p + i * clusters, block.first + i, clusters, error);
    return status;
}

/* Labels (NULL: none) and sums of a few rows at a time, whose numbers are near for the sums. */
static void read_block(const double *p, size_t rows, size_t clusters, uint32_t *label,
                       double sum[ABREAST], uint32_t *unclear)
{
    const size_t few = AT_ONCE / clusters < FEWEST_AT_ONCE ? FEWEST_AT_ONCE : AT_ONCE / clusters;

    for (size_t i = 0; i < rows; i += few) {
        const size_t count = rows - i < few ? rows - i : few;
        if (label != NULL)
            mele_i_kernels_best()->leaders(p + i * clusters, count, clusters, 0, label + i, unclear);
        add_numbers(p + i * clusters, count * clusters, sum);
    }
}

static void share_block(const double *p, size_t rows, size_t clusters, double *share)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();

    memmove(share, p, rows * clusters * sizeof *share);
    kernels->log_softmax(share, rows, clusters, NULL);
    kernels->exponential(share, rows * clusters);
}

static size_t take_room(const mele_rows *rows, size_t count)
{
    return rows->data != NULL && rows->stride == rows->cols ? 0 : rows->cols * count;
}

static mele_status make_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const making *m = context;
    const size_t clusters = m->log_posteriors->cols;
    unsigned char *at = scratch;
    uint32_t *unclear = mele_i_carve(&at, block.count, sizeof *unclear);
    double sum[ABREAST] = {0};
    const double *p;
    mele_status status = mele_i_rows_take_tight(m->log_posteriors, block, (double *)(void *)at, &p,
                                                error);

    (void)partial;
    if (status != MELE_OK)
        return status;
    read_block(p, block.count, clusters, m->label == NULL ? NULL : m->label + block.first, sum,
               unclear);
    status = check_block(p, block, clusters, sum, error);
    if (status == MELE_OK && m->share != NULL)
        share_block(p, block.count, clusters, m->share + block.first * clusters);
    return status;
}

static mele_status make(making *m, mele_engine *engine, mele_error *error)
{
    const mele_rows *p = m->log_posteriors;

    if (p == NULL || (m->label == NULL && m->share == NULL))
        return mele_i_fail(error, MELE_EINVAL, "log_posteriors or out is NULL");
    if (p->cols == 0 || p->cols >= UINT32_MAX || (p->data == NULL && p->read == NULL)
        || (p->data != NULL && p->stride < p->cols))
        return mele_i_fail(error, MELE_EINVAL, "log posteriors have %zu columns (stride %zu)",
                           p->cols, p->stride);
    size_t block = mele_i_block_rows(p->cols, 1 << 15, 16);

    block = block < p->rows ? block : p->rows;
    const mele_i_pass pass = {.rows = p->rows, .block_rows = block > 0 ? block : 1, .map = make_block,
                              .context = m,
                              .scratch_bytes = mele_i_carved(block, sizeof(uint32_t))
                                               + take_room(p, block) * sizeof(double)};
    return mele_i_pass_run(engine, &pass, error);
}

mele_status mele_assignment_labels(const mele_rows *log_posteriors, mele_engine *engine,
                                   uint32_t *out, mele_error *error)
{
    making m = {log_posteriors, out, NULL};

    return make(&m, engine, error);
}

mele_status mele_assignment_shares(const mele_rows *log_posteriors, mele_engine *engine,
                                   double *out, mele_error *error)
{
    making m = {log_posteriors, NULL, out};

    return make(&m, engine, error);
}

/* ---- as an expert's options say ---- */

/* Shares of some rows of log posteriors. */
static mele_status read_shares(void *user, size_t first, size_t count, double *out,
                               mele_error *error)
{
    const mele_rows *p = user;
    const mele_i_block block = {0, first, count};
    double sum[ABREAST] = {0};
    const double *rows;
    mele_status status = mele_i_rows_take_tight(p, block, out, &rows, error);

    if (status != MELE_OK)
        return status;
    read_block(rows, count, p->cols, NULL, sum, NULL);
    status = check_block(rows, block, p->cols, sum, error);
    if (status == MELE_OK)
        share_block(rows, count, p->cols, out);
    return status;
}

mele_status mele_i_assigned_make(mele_i_assigned *a, const mele_rows *log_posteriors,
                                 const char *how, mele_engine *engine, mele_error *error)
{
    const size_t n = log_posteriors->rows, K = log_posteriors->cols;

    *a = (mele_i_assigned){.log_posteriors = *log_posteriors};
    a->assignment = (mele_assignment){.rows = n, .clusters = K, .log_posteriors = &a->log_posteriors};
    if (how != NULL && strcmp(how, "soft") == 0) {
        a->shares = (mele_rows){n, K, NULL, 0, read_shares, &a->log_posteriors};
        a->assignment.shares = &a->shares;
        return MELE_OK;
    }
    if (how == NULL || strcmp(how, "hard") != 0)
        return mele_i_fail(error, MELE_EINVAL, "assign is \"%s\": it may be \"hard\" or \"soft\"",
                           how == NULL ? "NULL" : how);
    a->assignment.labels = a->own_labels = mele_i_large_array(n, sizeof *a->own_labels);
    return a->own_labels == NULL
               ? mele_i_no_memory(error)
               : mele_assignment_labels(log_posteriors, engine, a->own_labels, error);
}

void mele_i_assigned_free(mele_i_assigned *a)
{
    free(a->own_labels);
    a->own_labels = NULL;
}
