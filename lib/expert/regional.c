#include "expert/regional.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "expert/predictor.h"
#include "expert/units.h"

/* One region's task, and what it leaves: its rows, and those that are asked for with their groups, with
 * their left-out predictions. */
typedef struct job {
    size_t count, asked, *row;
    size_t *group; /* of a row, numbered in the region; NULL: every row by itself */
    double *left_out, *left_out_variance;
    unsigned char *fold;
    double *rival; /* those of the best expert so far; NULL: there is none */
} job;

typedef struct training {
    const mele_i_expert_kind *kind;
    const mele_i_expert_problem *problem;
    mele_i_expert *experts;
    job *jobs; /* K + 1 */
    double *least_variance; /* M; NULL for classes */
    size_t *region; /* those that are trained, the global one, the longest, first */
} training;

static size_t clusters_of(const training *t)
{
    return t->problem->regions->clusters;
}

/* ---- gathering ---- */

/* Rows without gaps: copies to the room, or, where the region has them all, the data themselves. */
static mele_status gather_rows(const mele_rows *all, const size_t *row, size_t count, double *room,
                               const double **out, mele_error *error)
{
    *out = room;
    if (count != all->rows || all->data == NULL || all->stride != all->cols)
        return mele_i_rows_gather(all, row, count, room, error);
    *out = all->data;
    return MELE_OK;
}

/* Weights of mean 1; those that become 0 next to the others are what they are. */
static void level_weights(double *weight, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += weight[i];
    for (size_t i = 0; i < count; i++)
        weight[i] *= (double)count / sum;
}

/* Rows of no weight in the region whose groups are in it, after the others. seen: a flag a group. */
static void list_asked(const training *t, size_t k, job *j, bool *seen)
{
    const mele_i_expert_problem *p = t->problem;

    for (size_t i = 0; i < j->count; i++)
        seen[p->groups->of[j->row[i]]] = true;
    for (size_t i = 0; i < p->x->rows; i++)
        if (seen[p->groups->of[i]] && !(mele_i_region_weight(p->regions, i, k) > 0))
            j->row[j->count + j->asked++] = i;
}

/* Number the groups of the region's rows from 0, and find which other rows are asked for: none where
 * left-out predictions are not wanted, or come from the global expert. j->row has room for all. */
static mele_status number_groups(const training *t, size_t k, job *j, size_t *groups,
                                 mele_error *error)
{
    const mele_i_row_groups *g = t->problem->groups;
    bool *seen = MELE_I_ZEROED(bool, g->count);

    j->group = MELE_I_ARRAY(size_t, g->rows);
    if (seen == NULL || j->group == NULL) {
        free(seen);
        return mele_i_no_memory(error);
    }
    if (mele_i_left_out_wanted(t->problem, k) && g->alone[k] == g->count)
        list_asked(t, k, j, seen);
    free(seen);
    return mele_i_row_groups_number(g, j->row, j->count + j->asked, j->group, groups, error);
}

/* The region's rows with their weights, and those that are asked for. */
static mele_status list_rows(const training *t, size_t k, job *j, double **weight, size_t *groups,
                             mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    mele_status status = mele_i_region_list(p->regions, k, p->groups == NULL ? 0 : p->x->rows,
                                            &j->row, weight, &j->count, error);

    *groups = 0;
    return status == MELE_OK && p->groups != NULL ? number_groups(t, k, j, groups, error) : status;
}

/* Arrays of a task, to be freed in one. */
static mele_status gather(const training *t, size_t k, job *j, double **memory,
                          mele_i_expert_rows *rows, mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    const size_t d = p->shape.columns, m = p->y->cols;
    double *weight = NULL;
    size_t groups;
    mele_status status = list_rows(t, k, j, &weight, &groups, error);

    if (status == MELE_OK)
        *memory = mele_i_large_array(j->count + j->asked, (d + m + 1) * sizeof(double));
    if (status != MELE_OK || *memory == NULL) {
        free(weight);
        return status == MELE_OK ? mele_i_no_memory(error) : status;
    }
    double *x = *memory, *y = x + j->count * d, *weights = y + j->count * m;
    double *asked = weights + j->count;
    memcpy(weights, weight, j->count * sizeof *weights);
    free(weight);
    level_weights(weights, j->count);
    *rows = (mele_i_expert_rows){.count = j->count,
                                 .row = j->row,
                                 .weights = weights,
                                 .region = k,
                                 .least_variance = t->least_variance,
                                 .group = j->group,
                                 .groups = groups,
                                 .asked = j->asked,
                                 .asked_x = asked};
    status = gather_rows(p->x, j->row, j->count, x, &rows->x, error);
    if (status == MELE_OK)
        status = gather_rows(p->y, j->row, j->count, y, &rows->y, error);
    if (status == MELE_OK)
        status = mele_i_rows_gather(p->x, j->row + j->count, j->asked, asked, error);
    return status;
}

/* Of all rows of positive weight, whichever experts are trained. */
static mele_status find_least_variances(training *t, mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    const size_t n = p->x->rows, m = p->y->cols;
    double *y = MELE_I_ARRAY(double, n * (m + 1)), *weights = y == NULL ? NULL : y + n * m;
    size_t *row = MELE_I_ARRAY(size_t, n), count;
    mele_i_units *units = MELE_I_ARRAY(mele_i_units, m);
    mele_status status = MELE_OK;

    t->least_variance = MELE_I_ARRAY(double, m);
    if (y == NULL || row == NULL || units == NULL || t->least_variance == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    count = mele_i_region_members(p->regions, 0, n, clusters_of(t), row, weights);
    const double *values;
    status = gather_rows(p->y, row, count, y, &values, error);
    for (size_t i = 0; i < count; i++)
        row[i] = i;
    if (count > 0 && status == MELE_OK)
        status = mele_i_units_of(&(mele_i_units_rows){values, m, row, weights, count},
                                 mele_i_origin_of_y(p->options), INFINITY, units, error);
    for (size_t o = 0; o < m && count > 0 && status == MELE_OK; o++)
        t->least_variance[o] = mele_i_units_floor(&units[o]);

cleanup:
    free(y);
    free(row);
    free(units);
    return status;
}

static mele_status need_left_out(const training *t, size_t k, job *j, mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    const size_t count = (j->count + j->asked) * p->shape.outputs;
    const bool wanted = mele_i_left_out_wanted(p, k);
    const bool variance = wanted && mele_i_left_out_variance_wanted(p, k);
    const bool folds = wanted && mele_i_fold_of(p, 0, k) != NULL;
    const bool mean = wanted /* or the variance of a region of one group is made of it */
                      || (k == clusters_of(t)
                          && mele_i_row_groups_any_alone(p->groups, k, p->train));

    if (mean)
        j->left_out = MELE_I_ARRAY(double, count);
    if (variance)
        j->left_out_variance = MELE_I_ARRAY(double, count);
    if (folds)
        j->fold = MELE_I_ZEROED(unsigned char, j->count + j->asked);
    if ((mean && j->left_out == NULL) || (variance && j->left_out_variance == NULL)
        || (folds && j->fold == NULL))
        return mele_i_no_memory(error);
    return MELE_OK;
}

/* What the best expert so far predicts of the rows, where there is one. */
static mele_status gather_rival(const training *t, size_t k, job *j, mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    const size_t M = p->shape.outputs, K = clusters_of(t);

    if (p->rival == NULL || k == K)
        return MELE_OK;
    j->rival = MELE_I_ARRAY(double, j->count * M);
    if (j->rival == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < j->count; i++)
        memcpy(j->rival + i * M, p->rival + (j->row[i] * K + k) * M, M * sizeof *j->rival);
    return MELE_OK;
}

static mele_status train_region(void *context, size_t task, mele_engine *engine, mele_error *error)
{
    const training *t = context;
    const mele_i_expert_problem *p = t->problem;
    const size_t k = t->region[task];
    const mele_i_expert *start = p->start == NULL || p->start[k].state == NULL ? NULL
                                                                              : &p->start[k];
    job *j = &t->jobs[k];
    double *memory = NULL;
    mele_i_expert_rows rows;

    mele_status status = gather(t, k, j, &memory, &rows, error);
    if (status == MELE_OK)
        status = need_left_out(t, k, j, error);
    if (status == MELE_OK)
        status = gather_rival(t, k, j, error);
    if (status == MELE_OK) {
        rows.rival = j->rival;
        mele_i_expert_result result = {&t->experts[k], &p->info[k], j->left_out,
                                       j->left_out_variance, j->fold};
        status = t->kind->train(&rows, &p->shape, p->options, start, engine, &result, error);
    }
    free(j->rival);
    j->rival = NULL;
    free(memory);
    return status;
}

/* ---- left-out predictions ---- */

/* What expert k is to say of the rows that it was trained on. */
static void put(const training *t, size_t k)
{
    const size_t M = t->problem->shape.outputs;
    const job *j = &t->jobs[k];

    if (t->experts[k].state == NULL /* not trained, or given up */
        || !mele_i_left_out_wanted(t->problem, k))
        return;
    for (size_t i = 0; i < j->count + j->asked && j->left_out != NULL; i++)
        memcpy(mele_i_left_out_of(t->problem, j->row[i], k), j->left_out + i * M,
               M * sizeof(double));
    for (size_t i = 0; i < j->count + j->asked && j->left_out_variance != NULL; i++)
        memcpy(mele_i_left_out_variance_of(t->problem, j->row[i], k), j->left_out_variance + i * M,
               M * sizeof(double));
    for (size_t i = 0; i < j->count + j->asked && j->fold != NULL; i++)
        *mele_i_fold_of(t->problem, j->row[i], k) = j->fold[i];
}

/* ---- regions of one group ---- */

static bool is_alone(const training *t, size_t k)
{
    const mele_i_row_groups *g = t->problem->groups;

    return g != NULL && k < clusters_of(t) && t->experts[k].state != NULL && g->alone[k] < g->count;
}

/* What such a region's column says of the group is what the global expert says without it. */
static void put_global(const training *t, size_t k)
{
    const mele_i_expert_problem *p = t->problem;
    const mele_i_row_groups *g = p->groups;
    const size_t group = g->alone[k], K = clusters_of(t), bytes = p->shape.outputs * sizeof(double);

    for (size_t at = g->start[group]; at < g->start[group + 1]; at++) {
        const size_t i = g->row[at];
        memcpy(mele_i_left_out_of(p, i, k), mele_i_left_out_of(p, i, K), bytes);
        if (p->left_out_variance != NULL)
            memcpy(mele_i_left_out_variance_of(p, i, k), mele_i_left_out_variance_of(p, i, K),
                   bytes);
        if (p->fold != NULL)
            *mele_i_fold_of(p, i, k) = *mele_i_fold_of(p, i, K);
    }
}

/* The weighted mean over the region's rows, whose targets are y, of what the global expert is off by
 * without their group: squares of power times output o, or minus the logarithms of probabilities. */
static double mean_error(const training *t, size_t k, size_t o, const double *y, double power)
{
    const mele_i_expert_problem *p = t->problem;
    const job *own = &t->jobs[k], *all = &t->jobs[clusters_of(t)];
    const size_t M = p->shape.outputs;
    double sum = 0, total = 0;

    for (size_t i = 0, at = 0; i < own->count; i++, y += p->y->cols) {
        const size_t row = own->row[i];
        const double w = mele_i_region_weight(p->regions, row, k);
        while (all->row[at] != row)
            at++;
        const double *said = all->left_out + at * M;
        const double off = p->shape.classes > 0 ? 0 : power * y[o] - power * said[o];
        sum += w * (p->shape.classes > 0 ? -said[(size_t)y[0]] : off * off);
        total += w;
    }
    return sum / total;
}

/* The variance and the left-out error of such a region's expert. */
static mele_status measure_alone(const training *t, size_t k, mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    const job *j = &t->jobs[k];
    const size_t M = p->shape.outputs;
    double *left_out = &p->info[k].left_out, *y = MELE_I_ARRAY(double, j->count * p->y->cols);
    mele_status status = y == NULL ? mele_i_no_memory(error)
                                   : mele_i_rows_gather(p->y, j->row, j->count, y, error);

    if (status == MELE_OK)
        *left_out = p->shape.classes > 0 ? mean_error(t, k, 0, y, 1) : 0;
    for (size_t o = 0; o < M && p->shape.classes == 0 && status == MELE_OK; o++) {
        double largest = 0;
        for (size_t i = 0; i < j->count; i++)
            largest = fmax(largest, fabs(y[i * M + o]));
        const mele_i_units units = {.power = mele_i_power_scale(largest)};
        const double square = mean_error(t, k, o, y, units.power);
        t->experts[k].variance[o] = mele_i_units_variance(&units, square, t->least_variance[o]);
        *left_out += mele_i_finite(square / units.power / units.power) / (double)M;
    }
    free(y);
    return status;
}

static mele_status fill_left_out(training *t, mele_engine *engine, mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    mele_i_predictor predictor;
    const mele_i_expert_shape shape = {p->columns, p->shape.outputs, p->shape.classes};
    mele_status status = mele_i_predictor_make(&predictor, t->experts, clusters_of(t), shape,
                                               p->degree, error);

    if (status == MELE_OK && !p->own_only)
        status = mele_i_predictor_run(&predictor, p->x, p->left_out, p->left_out_variance, engine,
                                      error);
    for (size_t k = 0; k <= clusters_of(t) && status == MELE_OK; k++)
        put(t, k);
    for (size_t k = 0; k < clusters_of(t) && status == MELE_OK; k++)
        if (is_alone(t, k))
            put_global(t, k);
    mele_i_predictor_free(&predictor);
    return status;
}

mele_status mele_i_regional_fit(const mele_i_expert_kind *kind,
                                const mele_i_expert_problem *problem, mele_i_expert *experts,
                                mele_engine *engine, mele_error *error)
{
    const size_t all = problem->regions->clusters + 1;
    training t = {.kind = kind, .problem = problem, .experts = experts,
                  .jobs = MELE_I_ZEROED(job, all), .region = MELE_I_ARRAY(size_t, all)};
    mele_i_tasks tasks = {.run = train_region, .context = &t, .stage = "experts"};
    mele_status status = t.jobs == NULL || t.region == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t i = 0; i < all && status == MELE_OK; i++) {
        const size_t k = i == 0 ? all - 1 : i - 1;
        t.region[tasks.count] = k;
        tasks.count += problem->train[k];
    }
    if (status == MELE_OK && problem->shape.classes == 0)
        status = find_least_variances(&t, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    for (size_t k = 0; k < all && status == MELE_OK; k++)
        if (is_alone(&t, k))
            status = measure_alone(&t, k, error);
    if (status == MELE_OK && problem->left_out != NULL)
        status = fill_left_out(&t, engine, error);
    for (size_t k = 0; k < all && t.jobs != NULL; k++) {
        free(t.jobs[k].row);
        free(t.jobs[k].group);
        free(t.jobs[k].left_out);
        free(t.jobs[k].left_out_variance);
        free(t.jobs[k].fold);
    }
    free(t.jobs);
    free(t.region);
    free(t.least_variance);
    return status;
}
