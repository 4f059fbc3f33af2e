#include "expert/predictor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "expert/basis.h"

#define AT_ONCE 64 /* marked rows: kernels take as long for one as for some */

/* Who answers for expert k; NULL: nobody was trained for it. */
static const mele_i_expert *answering(const mele_i_expert *expert, size_t k)
{
    const mele_i_expert *e = &expert[expert[k].answers];

    return e->state == NULL ? NULL : e;
}

mele_status mele_i_predictor_make(mele_i_predictor *p, const mele_i_expert *expert,
                                  size_t clusters, mele_i_expert_shape shape, size_t expanded,
                                  mele_error *error)
{
    *p = (mele_i_predictor){.expert = expert, .clusters = clusters, .columns = shape.columns,
                            .outputs = shape.outputs, .classes = shape.classes,
                            .expanded = expanded,
                            .asked = mele_i_array(clusters, sizeof(mele_i_expert *))};
    if (p->asked == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < clusters; k++) {
        p->asked[k] = answering(expert, k);
        p->shrunk = p->shrunk /* unless the global expert was given up */
                   || (p->asked[k] != NULL && expert[k].own < 1 && expert[clusters].state != NULL);
    }
    return MELE_OK;
}

void mele_i_predictor_free(mele_i_predictor *p)
{
    free(p->asked);
    p->asked = NULL;
}

/* The experts from k on that are asked together. */
static mele_i_expert_group group_at(const mele_i_predictor *p, size_t k)
{
    const mele_i_expert *first = p->asked[k];
    mele_i_expert_group group = {.count = 1, .expert = p->asked + k,
                                 .stride = p->clusters * p->outputs};
    const size_t degree = first == NULL ? 1 : first->degree;

    group.shape = (mele_i_expert_shape){mele_i_basis_columns(p->columns, degree), p->outputs,
                                        p->classes};
    while (first != NULL && k + group.count < p->clusters && p->asked[k + group.count] != NULL
           && p->asked[k + group.count]->kind == first->kind
           && p->asked[k + group.count]->degree == degree)
        group.count++;
    return group;
}

/* The global expert, as a group of its own. */
static mele_i_expert_group global_group(const mele_i_predictor *p, const mele_i_expert **expert)
{
    *expert = &p->expert[p->clusters];
    return (mele_i_expert_group){
        {mele_i_basis_columns(p->columns, (*expert)->degree), p->outputs, p->classes}, 1, expert,
        p->outputs};
}

static bool expands(const mele_i_predictor *p)
{
    for (size_t k = 0; k < p->clusters && p->expanded == 1; k++)
        if (p->asked[k] != NULL && p->asked[k]->degree > 1)
            return true;
    return p->shrunk && p->expanded == 1 && p->expert[p->clusters].degree > 1;
}

size_t mele_i_predictor_work(const mele_i_predictor *p)
{
    size_t work = 0;

    for (size_t k = 0; k < p->clusters; k++) {
        const mele_i_expert *e = p->asked[k];
        if (e == NULL)
            continue;
        const mele_i_expert_shape shape = {mele_i_basis_columns(p->columns, e->degree), p->outputs,
                                           p->classes};
        work += e->kind->work(e, &shape);
    }
    return work + 1;
}

static size_t group_scratch(const mele_i_expert_group *group, size_t rows)
{
    const mele_i_expert *first = group->expert[0];

    return first == NULL || first->kind->scratch == NULL ? 0 : first->kind->scratch(group, rows);
}

size_t mele_i_predictor_scratch(const mele_i_predictor *p, size_t rows)
{
    const mele_i_expert *global;
    size_t most = 0, bytes = 0;

    for (size_t k = 0; k < p->clusters;) {
        const mele_i_expert_group group = group_at(p, k);
        const size_t wanted = group_scratch(&group, rows);
        most = wanted > most ? wanted : most;
        k += group.count;
    }
    if (p->shrunk) {
        const mele_i_expert_group group = global_group(p, &global);
        const size_t wanted = group_scratch(&group, rows);
        most = wanted > most ? wanted : most;
        bytes += 2 * mele_i_carved(rows * p->outputs, sizeof(double));
    }
    if (expands(p))
        bytes += mele_i_carved(rows * mele_i_basis_columns(p->columns, 2), sizeof(double));
    return bytes + mele_i_carved(most, 1);
}

static mele_status prepare(const mele_i_expert *expert, mele_error *error)
{
    return expert == NULL || expert->kind->prepare == NULL ? MELE_OK
                                                           : expert->kind->prepare(expert, error);
}

mele_status mele_i_predictor_prepare(const mele_i_predictor *p, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t k = 0; k < p->clusters && status == MELE_OK; k++)
        status = prepare(p->asked[k], error);
    if (status == MELE_OK && p->shrunk)
        status = prepare(&p->expert[p->clusters], error);
    return status;
}

static void fill_variances(const mele_i_expert_group *group, size_t rows, double *variance)
{
    const size_t outputs = group->shape.outputs;

    for (size_t i = 0; i < rows; i++)
        for (size_t e = 0; e < group->count; e++)
            memcpy(variance + i * group->stride + e * outputs, group->expert[e]->variance,
                   outputs * sizeof *variance);
}

/* x as it is, and expanded; where it comes expanded, its first columns are x. */
typedef struct block {
    const double *x, *expanded;
    size_t stride, expanded_stride, rows;
} block;

static void predict_group(const mele_i_expert_group *group, const block *b, double *mean,
                          double *variance, void *scratch)
{
    const mele_i_expert *first = group->expert[0];
    const bool plain = first == NULL || first->degree == 1;

    if (first == NULL)
        return;
    if (variance != NULL)
        fill_variances(group, b->rows, variance);
    first->kind->predict(group, plain ? b->x : b->expanded,
                         plain ? b->stride : b->expanded_stride, b->rows, mean, variance, scratch);
}

void mele_i_shrink(double own, const double *global, size_t count, bool logarithms, double *x)
{
    const double rest = 1 - own;

    for (size_t i = 0; i < count; i++) {
        const double most = fmax(x[i], global[i]);
        if (!logarithms)
            x[i] = own * x[i] + rest * global[i];
        else if (most > -INFINITY)
            x[i] = most + log(own * exp(x[i] - most) + rest * exp(global[i] - most));
    }
}

/* Draw the predictions of small regions' experts towards those of the global one. */
static void shrink_rows(const mele_i_predictor *p, const block *b, double *mean, double *variance,
                      unsigned char *cursor)
{
    const size_t M = p->outputs;
    double *global = mele_i_carve(&cursor, b->rows * M, sizeof *global);
    double *global_variance = mele_i_carve(&cursor, b->rows * M, sizeof *global_variance);
    const mele_i_expert *expert;
    const mele_i_expert_group group = global_group(p, &expert);

    predict_group(&group, b, global, variance == NULL ? NULL : global_variance, cursor);
    for (size_t k = 0; k < p->clusters; k++)
        for (size_t i = 0; i < b->rows && p->asked[k] != NULL && p->expert[k].own < 1; i++) {
            const double own = p->expert[k].own;
            mele_i_shrink(own, global + i * M, M, p->classes > 0, mean + (i * p->clusters + k) * M);
            if (variance != NULL)
                mele_i_shrink(own, global_variance + i * M, M, false,
                            variance + (i * p->clusters + k) * M);
        }
}

void mele_i_predictor_rows(const mele_i_predictor *p, const double *x, size_t stride, size_t rows,
                           double *mean, double *variance, void *scratch)
{
    unsigned char *cursor = scratch;
    block b = {x, x, stride, stride, rows};

    if (expands(p)) {
        b.expanded_stride = mele_i_basis_columns(p->columns, 2);
        double *expanded = mele_i_carve(&cursor, rows * b.expanded_stride, sizeof *expanded);
        mele_i_basis_expand(x, stride, rows, p->columns, expanded);
        b.expanded = expanded;
    }
    for (size_t k = 0; k < p->clusters;) {
        const mele_i_expert_group group = group_at(p, k);
        predict_group(&group, &b, mean + k * p->outputs,
                      variance == NULL ? NULL : variance + k * p->outputs, cursor);
        k += group.count;
    }
    if (p->shrunk)
        shrink_rows(p, &b, mean, variance, cursor);
}

typedef struct predicting {
    const mele_i_predictor *predictor;
    const mele_rows *x;
    double *mean, *variance;
} predicting;

static mele_status predict_block(void *context, mele_i_block rows, void *partial, void *scratch,
                                 mele_error *error)
{
    const predicting *p = context;
    const size_t at = rows.first * p->predictor->clusters * p->predictor->outputs;

    unsigned char *cursor = scratch;
    double *room = mele_i_carve(&cursor, mele_i_rows_room(p->x, rows.count), sizeof *room);
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(p->x, rows, room, &x, &stride, error);

    (void)partial;
    if (status == MELE_OK)
        mele_i_predictor_rows(p->predictor, x, stride, rows.count, p->mean + at,
                              p->variance == NULL ? NULL : p->variance + at, cursor);
    return status;
}

mele_status mele_i_predictor_run(const mele_i_predictor *p, const mele_rows *x, double *mean,
                                 double *variance, mele_engine *engine, mele_error *error)
{
    predicting q = {p, x, mean, variance};
    size_t some = mele_i_block_rows(mele_i_predictor_work(p), 1 << 19, 16);

    some = some < x->rows ? some : x->rows;
    const mele_i_pass pass = {.rows = x->rows,
                              .block_rows = some > 0 ? some : 1,
                              .map = predict_block,
                              .context = &q,
                              .scratch_bytes = mele_i_carved(mele_i_rows_room(x, some), sizeof(double))
                                               + mele_i_predictor_scratch(p, some)};
    mele_status status = variance == NULL ? MELE_OK : mele_i_predictor_prepare(p, error);

    return status == MELE_OK ? mele_i_pass_run(engine, &pass, error) : status;
}

/* ---- some rows ---- */

/* Rows that are predicted together, and where that is done. */
typedef struct marked_rows {
    size_t count, row[AT_ONCE];
    double *x, *mean, *variance; /* variance NULL: not wanted */
    void *scratch;
} marked_rows;

/* In memory to be freed; NULL: there is none. */
static void *make_room(const mele_i_predictor *p, const mele_rows *x, bool variances, marked_rows *m)
{
    const size_t numbers = AT_ONCE * p->clusters * p->outputs;
    unsigned char *memory = mele_i_array(mele_i_carved(AT_ONCE * x->cols, sizeof(double))
                                             + 2 * mele_i_carved(numbers, sizeof(double))
                                             + mele_i_predictor_scratch(p, AT_ONCE) + 1, 1);
    unsigned char *at = memory;

    if (memory == NULL)
        return NULL;
    m->x = mele_i_carve(&at, AT_ONCE * x->cols, sizeof(double));
    m->mean = mele_i_carve(&at, numbers, sizeof(double));
    m->variance = mele_i_carve(&at, numbers, sizeof(double));
    m->variance = variances ? m->variance : NULL;
    m->scratch = at;
    return memory;
}

/* Predict the rows that have come together, and hand them over. */
static mele_status predict_marked(const mele_i_predictor *p, const mele_rows *x, marked_rows *m,
                                  mele_i_predicted_fn *put, void *context, mele_error *error)
{
    const size_t width = p->clusters * p->outputs;
    mele_status status = mele_i_rows_gather(x, m->row, m->count, m->x, error);

    if (status != MELE_OK)
        return status;
    mele_i_predictor_rows(p, m->x, x->cols, m->count, m->mean, m->variance, m->scratch);
    for (size_t i = 0; i < m->count; i++)
        put(context, m->row[i], m->mean + i * width,
            m->variance == NULL ? NULL : m->variance + i * width);
    m->count = 0;
    return MELE_OK;
}

mele_status mele_i_predictor_marked(const mele_i_predictor *p, const mele_rows *x, const bool *marked,
                                    bool variances, mele_i_predicted_fn *put, void *context,
                                    mele_error *error)
{
    marked_rows m = {.count = 0};
    void *memory = make_room(p, x, variances, &m);
    mele_status status = memory == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t i = 0; i < x->rows && status == MELE_OK; i++) {
        if (!marked[i])
            continue;
        m.row[m.count++] = i;
        if (m.count == AT_ONCE)
            status = predict_marked(p, x, &m, put, context, error);
    }
    if (status == MELE_OK)
        status = predict_marked(p, x, &m, put, context, error);
    free(memory);
    return status;
}
