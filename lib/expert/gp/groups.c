/* Left-out predictions of Gaussian processes by group.
 *
 * With P = R^-1, Q = P - P 1 1' P / 1' P 1 and a = Q y, the process without the rows g of its subset
 * predicts what it would with y_g - v in their place, v = Q_gg^-1 a_g: at g itself y_g - v, and
 * elsewhere
 *
 *     m' + k(x)' a',   a' = a - Q_.g v (0 at g),   m' = m - 1' P_.g v / 1' P 1.
 *
 * A row's variance there has k' P k - |B k|^2 in place of k' P k, B = C^-1 P_g., C C' = P_gg; of a
 * such row the variance of the others' prediction is [P_gg^-1]_ii - e / w_i.
 *
 * Where the block is not positive definite in floating point its diagonal is raised by MELE_I_ALONE
 * of itself, and more: the others tell next to nothing of such rows. Where the whole subset is of one
 * group, what is left is the mean of the region's other rows, with the variance of a place far from
 * all rows.
 *
 * Source: Dubrule 1983, Math. Geol. 15; Ginsbourger, Schaerer 2024, arXiv:2101.03108. */
#include "expert/gp/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/units.h"

#define TASKS 64 /* runs of groups, at most */
#define MOST_RAISES 30
#define RAISE 4

typedef struct leaving {
    const mele_i_gp_leaving *l;
    size_t tasks;
    size_t *start, *list; /* the rows of every group, those that are asked for among them */
    double *inverse;      /* subset x subset: P, its lower triangle */
    double all;           /* 1' P 1 */
    double all_weight;    /* of the rows that are trained on */
} leaving;

/* A group at work. */
typedef struct work {
    size_t count, *subset;  /* places of its rows in the subset, ascending */
    double *block;        /* count x count */
    double *diagonal;     /* count: of P_gg^-1 */
    double *changes;      /* M x count: v */
    double *functions;    /* count x (n + 1): B */
    double *coefficients; /* M x (n + 1): a' */
    double *mean;         /* M: m' */
    void *memory, *scratch;
} work;

static size_t total_rows(const mele_i_gp_leaving *l)
{
    return l->rows->count + l->rows->asked;
}

static const double *row_x(const mele_i_gp_leaving *l, size_t i)
{
    const size_t d = l->gp->columns, count = l->rows->count;

    return i < count ? l->rows->x + i * d : l->rows->asked_x + (i - count) * d;
}

static bool is_in_subset(const mele_i_gp_leaving *l, size_t i)
{
    return i < l->rows->count && l->subset->place[i] != MELE_I_GP_OUTSIDE;
}

/* ---- what groups share ---- */

static mele_status list_rows(leaving *q, mele_error *error)
{
    const mele_i_expert_rows *rows = q->l->rows;
    const size_t total = total_rows(q->l);

    q->start = MELE_I_ZEROED(size_t, rows->groups + 2);
    q->list = MELE_I_ARRAY(size_t, total);
    if (q->start == NULL || q->list == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < total; i++)
        q->start[rows->group[i] + 2]++;
    for (size_t g = 0; g < rows->groups; g++)
        q->start[g + 2] += q->start[g + 1];
    for (size_t i = 0; i < total; i++)
        q->list[q->start[rows->group[i] + 1]++] = i;
    return MELE_OK;
}

static mele_status prepare(leaving *q, mele_error *error)
{
    const size_t n = q->l->gp->rows;
    mele_status status = list_rows(q, error);

    q->inverse = mele_i_large_array(n * n, sizeof(double));
    if (status != MELE_OK || q->inverse == NULL)
        return mele_i_no_memory(error);
    mele_i_gp_inverse(q->l->gp, q->inverse);
    for (size_t h = 0; h < n; h++)
        q->all += q->l->ones[h];
    for (size_t i = 0; i < q->l->rows->count; i++)
        q->all_weight += q->l->rows->weights[i];
    return MELE_OK;
}

static double inverse_at(const leaving *q, size_t a, size_t b)
{
    const size_t n = q->l->gp->rows;

    return a > b ? q->inverse[a * n + b] : q->inverse[b * n + a];
}

/* ---- one group ---- */

/* The places of its rows in the subset; copies of a row have that of the first of them. */
static void find_members(const leaving *q, size_t group, work *w)
{
    const mele_i_gp_subset *subset = q->l->subset;

    w->count = 0;
    for (size_t at = q->start[group]; at < q->start[group + 1]; at++) {
        const size_t i = q->list[at];
        if (is_in_subset(q->l, i) && subset->row[subset->place[i]] == i)
            w->subset[w->count++] = subset->place[i];
    }
}

static size_t find_place(const work *w, size_t place)
{
    size_t low = 0, high = w->count;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (w->subset[middle] <= place)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool make_room(const leaving *q, size_t group, work *w)
{
    const size_t n = q->l->gp->rows, M = q->l->gp->outputs;

    find_members(q, group, w);
    free(w->memory);
    w->memory = mele_i_array(w->count * (w->count + M + n + 2) + M * (n + 2), sizeof(double));
    if (w->memory == NULL)
        return false;
    w->block = w->memory;
    w->diagonal = w->block + w->count * w->count;
    w->changes = w->diagonal + w->count;
    w->functions = w->changes + M * w->count;
    w->coefficients = w->functions + w->count * (n + 1);
    w->mean = w->coefficients + M * (n + 1);
    return true;
}

/* The factor of P_gg, or of Q_gg, raised as far as it takes. */
static void factor_block(const leaving *q, const work *w, bool of_means)
{
    const double *ones = q->l->ones;
    double raise = 0;

    for (size_t raises = 0; raises < MOST_RAISES; raises++) {
        for (size_t a = 0; a < w->count; a++)
            for (size_t b = 0; b <= a; b++) {
                const double p = inverse_at(q, w->subset[a], w->subset[b]);
                w->block[a * w->count + b] =
                    p * (a == b ? 1 + raise : 1)
                    - (of_means ? ones[w->subset[a]] * (ones[w->subset[b]] / q->all) : 0);
            }
        if (mele_i_cholesky(w->block, w->count))
            return;
        raise = raise > 0 ? RAISE * raise : MELE_I_ALONE;
    }
}

/* v, of every target. */
static void find_changes(const leaving *q, const work *w)
{
    const mele_i_gp *gp = q->l->gp;

    factor_block(q, w, true);
    for (size_t o = 0; o < gp->outputs; o++) {
        double *v = w->changes + o * w->count;
        for (size_t a = 0; a < w->count; a++)
            v[a] = gp->coefficients[o * (gp->rows + 1) + 1 + w->subset[a]];
        mele_i_cholesky_solve(w->block, w->count, v);
    }
}

/* a' and m'. */
static void set_coefficients(const leaving *q, const work *w)
{
    const mele_i_gp *gp = q->l->gp;
    const size_t n = gp->rows;

    for (size_t o = 0; o < gp->outputs; o++) {
        const double *v = w->changes + o * w->count;
        double *a = memcpy(w->coefficients + o * (n + 1), gp->coefficients + o * (n + 1),
                           (n + 1) * sizeof *a);
        double shift = 0;
        for (size_t b = 0; b < w->count; b++)
            shift += q->l->ones[w->subset[b]] * v[b];
        shift /= q->all;
        for (size_t h = 0; h < n; h++) {
            double sum = -q->l->ones[h] * shift;
            for (size_t b = 0; b < w->count; b++)
                sum += inverse_at(q, h, w->subset[b]) * v[b];
            a[1 + h] -= sum;
        }
        for (size_t b = 0; b < w->count; b++)
            a[1 + w->subset[b]] = 0;
        w->mean[o] = mele_i_finite(gp->mean[o] - gp->unit[o] * shift);
    }
}

/* B, and the diagonal of P_gg^-1; the block's factor is lost. */
static void set_functions(const leaving *q, const work *w, bool wanted)
{
    const size_t n = q->l->gp->rows, c = w->count;

    factor_block(q, w, false);
    mele_i_lower_inverse(w->block, c);
    for (size_t a = 0; a < c; a++) {
        w->diagonal[a] = 0;
        for (size_t b = a; b < c; b++)
            w->diagonal[a] += w->block[b * c + a] * w->block[b * c + a];
    }
    for (size_t a = 0; a < c && wanted; a++) {
        double *f = w->functions + a * (n + 1);
        f[0] = 0;
        for (size_t h = 0; h < n; h++)
            f[1 + h] = inverse_at(q, w->subset[a], h);
    }
    if (wanted)
        mele_i_lower_times(w->block, c, w->functions + 1, n, n + 1);
}

static double variance_of(const mele_i_gp *gp, double latent, size_t o)
{
    return fmax(mele_i_gp_variance(gp->signal[o] * (fmax(latent, 0) + gp->noise), gp->unit[o]),
                gp->least_variance[o]);
}

static void predict_member(const leaving *q, const work *w, size_t i)
{
    const mele_i_gp_leaving *l = q->l;
    const mele_i_gp *gp = l->gp;
    const size_t h = l->subset->place[i], M = gp->outputs, a = find_place(w, h);

    for (size_t o = 0; o < M; o++) {
        const double off = gp->unit[o] * w->changes[o * w->count + a];
        l->mean[i * M + o] = mele_i_finite(l->rows->y[i * M + o] - off);
        l->variance[i * M + o] = variance_of(gp, w->diagonal[a] - gp->noise / gp->weights[h], o);
    }
}

/* The region's other rows' mean, where the subset has no row but the group's. */
static void predict_blindly(const leaving *q, size_t group)
{
    const mele_i_gp_leaving *l = q->l;
    const size_t M = l->gp->outputs;

    for (size_t o = 0; o < M; o++) {
        double sum = 0, total = 0;
        for (size_t i = 0; i < l->rows->count; i++)
            if (l->rows->group[i] != group) {
                sum += l->rows->weights[i] / q->all_weight * l->rows->y[i * M + o];
                total += l->rows->weights[i] / q->all_weight;
            }
        for (size_t at = q->start[group]; at < q->start[group + 1]; at++) {
            l->mean[q->list[at] * M + o] = mele_i_finite(sum / total);
            l->variance[q->list[at] * M + o] = variance_of(l->gp, 1, o);
        }
    }
}

static mele_status leave_out_group(const leaving *q, size_t group, work *w, mele_error *error)
{
    const mele_i_gp_leaving *l = q->l;
    const size_t M = l->gp->outputs;
    bool others = false;

    if (!make_room(q, group, w))
        return mele_i_no_memory(error);
    if (w->count == l->gp->rows) {
        predict_blindly(q, group);
        return MELE_OK;
    }
    for (size_t at = q->start[group]; at < q->start[group + 1]; at++)
        others = others || !is_in_subset(l, q->list[at]);
    if (w->count > 0) {
        find_changes(q, w);
        set_functions(q, w, others);
    }
    if (others)
        set_coefficients(q, w);
    const mele_i_gp_view view = {w->mean, w->coefficients, w->count, w->functions};
    for (size_t at = q->start[group]; at < q->start[group + 1]; at++) {
        const size_t i = q->list[at];
        if (is_in_subset(l, i)) {
            predict_member(q, w, i);
            continue;
        }
        const mele_matrix x = mele_matrix_of(row_x(l, i), 1, l->gp->columns);
        mele_i_gp_predict_view(l->gp, &view, &x, l->mean + i * M, l->variance + i * M, M,
                               w->scratch);
    }
    return MELE_OK;
}

static mele_status run_groups(void *context, size_t task, mele_engine *engine, mele_error *error)
{
    const leaving *q = context;
    const size_t groups = q->l->rows->groups;
    work w = {.subset = MELE_I_ARRAY(size_t, q->l->gp->rows),
              .scratch = mele_i_array(mele_i_gp_scratch(q->l->gp), 1)};
    mele_status status = w.subset == NULL || w.scratch == NULL ? mele_i_no_memory(error) : MELE_OK;

    (void)engine;
    for (size_t g = groups * task / q->tasks; g < groups * (task + 1) / q->tasks; g++)
        if (status == MELE_OK)
            status = leave_out_group(q, g, &w, error);
    free(w.subset);
    free(w.scratch);
    free(w.memory);
    return status;
}

mele_status mele_i_gp_leave_out_groups(const mele_i_gp_leaving *l, mele_engine *engine,
                                       mele_error *error)
{
    leaving q = {.l = l, .tasks = l->rows->groups < TASKS ? l->rows->groups : TASKS};
    const mele_i_tasks tasks = {.count = q.tasks, .run = run_groups, .context = &q};
    mele_status status = prepare(&q, error);

    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    free(q.start);
    free(q.list);
    free(q.inverse);
    return status;
}
