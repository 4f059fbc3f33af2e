#include "expert/regional.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/predictor.h"
#include "expert/units.h"

/* One region's task, and what it leaves: its rows with their left-out predictions. */
typedef struct job {
    size_t count, *row;
    double *left_out, *left_out_variance;
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

/* Rows without gaps: copies to out, or, where the region has them all, the data themselves. */
static const double *gather_rows(const mele_matrix *all, const size_t *row, size_t count,
                                 double *out)
{
    if (count == all->rows && all->stride == all->cols)
        return all->data;
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * all->cols, all->data + row[i] * all->stride, all->cols * sizeof *out);
    return out;
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

/* Arrays of a task, to be freed in one. */
static mele_status gather(const training *t, size_t k, job *j, double **memory,
                          mele_i_expert_rows *rows, mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    const size_t n = p->x->rows, d = p->shape.columns, m = p->y->cols;
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += mele_i_region_weight(p->regions, i, k) > 0;
    *memory = mele_i_large_array(count, (d + m + 1) * sizeof(double));
    j->row = MELE_I_ARRAY(size_t, count);
    if (*memory == NULL || j->row == NULL)
        return mele_i_no_memory(error);
    double *x = *memory, *y = x + count * d, *weights = y + count * m;
    for (size_t i = 0; i < n; i++) {
        const double weight = mele_i_region_weight(p->regions, i, k);
        if (weight > 0) {
            j->row[j->count] = i;
            weights[j->count++] = weight;
        }
    }
    level_weights(weights, count);
    *rows = (mele_i_expert_rows){count, j->row, gather_rows(p->x, j->row, count, x),
                                 gather_rows(p->y, j->row, count, y), weights, k, NULL,
                                 t->least_variance};
    return MELE_OK;
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
    const double *values = gather_rows(p->y, row, count, y);
    for (size_t i = 0; i < count; i++)
        row[i] = i;
    if (count > 0)
        status = mele_i_units_of(values, m, row, weights, count, mele_i_origin_of_y(p->options),
                                 INFINITY, units, error);
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
    const bool mean = mele_i_left_out_of(p, 0, k) != NULL;
    const bool variance = mean && mele_i_left_out_variance_of(p, 0, k) != NULL;

    if (mean)
        j->left_out = MELE_I_ARRAY(double, j->count * p->shape.outputs);
    if (variance)
        j->left_out_variance = MELE_I_ARRAY(double, j->count * p->shape.outputs);
    if ((mean && j->left_out == NULL) || (variance && j->left_out_variance == NULL))
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
                                       j->left_out_variance};
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

    if (t->experts[k].state == NULL) /* not trained, or given up */
        return;
    for (size_t i = 0; i < j->count && j->left_out != NULL; i++)
        memcpy(mele_i_left_out_of(t->problem, j->row[i], k), j->left_out + i * M,
               M * sizeof(double));
    for (size_t i = 0; i < j->count && j->left_out_variance != NULL; i++)
        memcpy(mele_i_left_out_variance_of(t->problem, j->row[i], k), j->left_out_variance + i * M,
               M * sizeof(double));
}

static mele_status fill_left_out(training *t, mele_engine *engine, mele_error *error)
{
    const mele_i_expert_problem *p = t->problem;
    mele_i_predictor predictor;
    mele_status status = mele_i_predictor_make(&predictor, t->experts, clusters_of(t), p->columns,
                                               p->shape.outputs, p->shape.classes, p->degree,
                                               error);

    if (status == MELE_OK)
        status = mele_i_predictor_run(&predictor, p->x, p->left_out, p->left_out_variance, engine,
                                      error);
    for (size_t k = 0; k <= clusters_of(t) && status == MELE_OK; k++)
        put(t, k);
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
    if (status == MELE_OK && problem->left_out != NULL)
        status = fill_left_out(&t, engine, error);
    for (size_t k = 0; k < all && t.jobs != NULL; k++) {
        free(t.jobs[k].row);
        free(t.jobs[k].left_out);
        free(t.jobs[k].left_out_variance);
    }
    free(t.jobs);
    free(t.region);
    free(t.least_variance);
    return status;
}
