/* What experts predict where somebody wants to know: of a row only those that have weight in it.
 *
 * An expert's rows are gathered, predicted and put in their places. Numbers of a row depend on that row
 * alone, so they have the bits that predicting all rows gives, which is done where it takes less:
 * gathering a row costs a copy of it, and experts next to one another may share their work. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/basis.h"
#include "expert/expert.h"
#include "expert/experts.h"
#include "expert/predictor.h"

#define GATHERING 1024 /* elementary operations that gathering a row takes beside its numbers */

typedef struct asking {
    const mele_i_predictor *predictor;
    const mele_matrix *x;
    const bool *wanted;      /* rows x K */
    double *mean, *variance; /* rows x K x M; variance NULL: not wanted */
    size_t *row;             /* those gathered, the numbers of them without gaps: */
    double *some, *expanded;
    double *said, *said_variance, *global, *global_variance;
    void *scratch;
} asking;

static const mele_i_expert *global_of(const mele_i_predictor *p)
{
    return &p->expert[p->clusters];
}

static bool is_shrunk(const mele_i_predictor *p, size_t k)
{
    return p->shrunk && p->expert[k].own < 1;
}

static mele_i_expert_group alone(const mele_i_predictor *p, const mele_i_expert *const *expert)
{
    return (mele_i_expert_group){
        {mele_i_basis_columns(p->columns, (*expert)->degree), p->outputs, p->classes}, 1, expert,
        p->outputs};
}

/* ---- which way takes less ---- */

static size_t work_of(const mele_i_predictor *p, const mele_i_expert *expert)
{
    const mele_i_expert_group group = alone(p, &expert);

    return expert->kind->work(expert, &group.shape);
}

static size_t count_wanted(const asking *a, size_t k)
{
    const size_t clusters = a->predictor->clusters;
    size_t count = 0;

    for (size_t i = 0; i < a->x->rows; i++)
        count += a->wanted[i * clusters + k];
    return count;
}

static size_t moving(const mele_i_predictor *p)
{
    return 4 * (p->columns + p->outputs) + GATHERING;
}

/* Whether gathering what is wanted takes less than predicting all. */
static bool gathering_pays(const asking *a)
{
    const mele_i_predictor *p = a->predictor;
    double all = 0, some = 0;

    for (size_t k = 0; k < p->clusters; k++) {
        const double work = (double)work_of(p, p->asked[k]);
        const double shrinking = is_shrunk(p, k) ? (double)work_of(p, global_of(p)) : 0;
        all += (double)a->x->rows * work;
        some += (double)count_wanted(a, k) * (work + shrinking + (double)moving(p));
    }
    return some < all;
}

bool mele_i_experts_are_work(const mele_experts *experts)
{
    const mele_i_predictor p = {.expert = experts->expert, .clusters = experts->clusters,
                                .columns = experts->columns, .outputs = experts->outputs,
                                .classes = experts->classes};
    double all = 0;

    for (size_t k = 0; k < p.clusters; k++)
        all += (double)work_of(&p, &p.expert[p.expert[k].answers]);
    return all > (double)moving(&p);
}

/* ---- gathered rows ---- */

static size_t group_scratch(const asking *a, const mele_i_expert *expert)
{
    const mele_i_expert_group group = alone(a->predictor, &expert);

    return expert->kind->scratch == NULL ? 0 : expert->kind->scratch(&group, a->x->rows);
}

static bool make_room(asking *a)
{
    const mele_i_predictor *p = a->predictor;
    const size_t rows = a->x->rows, numbers = rows * p->outputs;
    size_t degree = 1, most = 0;

    for (size_t k = 0; k <= p->clusters; k++) {
        const mele_i_expert *expert = k < p->clusters ? p->asked[k] : global_of(p);
        if (expert->state == NULL)
            continue;
        const size_t bytes = group_scratch(a, expert);
        most = bytes > most ? bytes : most;
        degree = expert->degree > degree ? expert->degree : degree;
    }
    a->row = mele_i_array(rows, sizeof *a->row);
    a->some = mele_i_array(rows, p->columns * sizeof *a->some);
    a->expanded = mele_i_array(degree > 1 ? rows : 0,
                               mele_i_basis_columns(p->columns, 2) * sizeof *a->expanded);
    a->said = mele_i_array(4 * numbers, sizeof *a->said);
    a->scratch = mele_i_array(most, 1);
    if (a->row == NULL || a->some == NULL || a->expanded == NULL || a->said == NULL
        || a->scratch == NULL)
        return false;
    a->said_variance = a->variance == NULL ? NULL : a->said + numbers;
    a->global = a->said + 2 * numbers;
    a->global_variance = a->variance == NULL ? NULL : a->said + 3 * numbers;
    return true;
}

static void free_room(asking *a)
{
    free(a->row);
    free(a->some);
    free(a->expanded);
    free(a->said);
    free(a->scratch);
}

static size_t gather(asking *a, size_t k)
{
    const mele_i_predictor *p = a->predictor;
    size_t count = 0;

    for (size_t i = 0; i < a->x->rows; i++)
        if (a->wanted[i * p->clusters + k]) {
            memcpy(a->some + count * p->columns, a->x->data + i * a->x->stride,
                   p->columns * sizeof *a->some);
            a->row[count++] = i;
        }
    return count;
}

/* What one expert says of the rows gathered. */
static mele_status say(asking *a, const mele_i_expert *expert, size_t count, double *mean,
                       double *variance, mele_error *error)
{
    const mele_i_predictor *p = a->predictor;
    const mele_i_expert_group group = alone(p, &expert);
    const double *x = a->some;
    mele_status status = MELE_OK;

    if (variance != NULL && expert->kind->prepare != NULL)
        status = expert->kind->prepare(expert, error);
    if (status != MELE_OK)
        return status;
    if (expert->degree > 1) {
        mele_i_basis_expand(a->some, p->columns, count, p->columns, a->expanded);
        x = a->expanded;
    }
    for (size_t i = 0; i < count && variance != NULL; i++)
        memcpy(variance + i * p->outputs, expert->variance, p->outputs * sizeof *variance);
    expert->kind->predict(&group, x, group.shape.columns, count, mean, variance, a->scratch);
    return MELE_OK;
}

/* Shrink what expert k says towards what the global one does. */
static mele_status shrink(asking *a, size_t k, size_t count, mele_error *error)
{
    const mele_i_predictor *p = a->predictor;
    const size_t numbers = count * p->outputs;
    mele_status status = say(a, global_of(p), count, a->global, a->global_variance, error);

    if (status != MELE_OK)
        return status;
    mele_i_shrink(p->expert[k].own, a->global, numbers, p->classes > 0, a->said);
    if (a->variance != NULL)
        mele_i_shrink(p->expert[k].own, a->global_variance, numbers, false, a->said_variance);
    return MELE_OK;
}

static void put_back(const asking *a, size_t k, size_t count)
{
    const size_t K = a->predictor->clusters, M = a->predictor->outputs;

    for (size_t i = 0; i < count; i++) {
        const size_t at = (a->row[i] * K + k) * M;
        memcpy(a->mean + at, a->said + i * M, M * sizeof *a->mean);
        if (a->variance != NULL)
            memcpy(a->variance + at, a->said_variance + i * M, M * sizeof *a->variance);
    }
}

static mele_status predict_gathered(asking *a, mele_error *error)
{
    const mele_i_predictor *p = a->predictor;
    const size_t numbers = a->x->rows * p->clusters * p->outputs;
    mele_status status = make_room(a) ? MELE_OK : mele_i_no_memory(error);

    memset(a->mean, 0, numbers * sizeof *a->mean);
    if (a->variance != NULL)
        memset(a->variance, 0, numbers * sizeof *a->variance);
    for (size_t k = 0; k < p->clusters && status == MELE_OK; k++) {
        const size_t count = gather(a, k);
        if (count == 0)
            continue;
        status = say(a, p->asked[k], count, a->said, a->said_variance, error);
        if (status == MELE_OK && is_shrunk(p, k))
            status = shrink(a, k, count, error);
        if (status == MELE_OK)
            put_back(a, k, count);
    }
    free_room(a);
    return status;
}

mele_status mele_i_experts_predict_wanted(const mele_experts *experts, const mele_matrix *x,
                                          const bool *wanted, double *mean, double *variance,
                                          mele_error *error)
{
    mele_i_predictor predictor;
    asking a = {.predictor = &predictor, .x = x, .wanted = wanted, .mean = mean,
                .variance = experts->classes > 0 ? NULL : variance};
    const mele_rows rows = mele_rows_of(x);
    mele_status status = mele_i_predictor_make(&predictor, experts->expert, experts->clusters,
                                               mele_i_experts_shape(experts, 1), 1, error);

    if (status == MELE_OK)
        status = gathering_pays(&a)
                     ? predict_gathered(&a, error)
                     : mele_i_predictor_run(&predictor, &rows, mean, a.variance, NULL, error);
    mele_i_predictor_free(&predictor);
    return status;
}
