#include "expert/experts.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/expert.h"

/* Rows of M variances: one an expert, or one for each that is marked and one for all others. */
static bool make_variances(mele_experts *e, const bool *own)
{
    size_t rows = own == NULL ? e->clusters + 1 : 1, numbers;

    for (size_t k = 0; own != NULL && k <= e->clusters; k++)
        rows += own[k];
    if (__builtin_mul_overflow(rows, e->outputs, &numbers))
        return false;
    double *row = e->variance = MELE_I_ZEROED(double, numbers);
    if (row == NULL)
        return false;
    e->nobody = own == NULL ? NULL : row + (rows - 1) * e->outputs;
    for (size_t k = 0; k <= e->clusters; k++) {
        const bool has = own == NULL || own[k];
        e->expert[k].variance = has ? row : e->nobody;
        row += has ? e->outputs : 0;
    }
    return true;
}

mele_status mele_i_experts_new_owned(size_t clusters, size_t columns, size_t outputs, bool classes,
                                     const bool *own, mele_experts **out, mele_error *error)
{
    mele_experts *e = MELE_I_NEW(mele_experts);

    *out = e;
    if (e == NULL)
        return mele_i_no_memory(error);
    e->clusters = clusters;
    e->columns = columns;
    e->outputs = outputs;
    e->classes = classes ? outputs : 0;
    e->expert = MELE_I_ZEROED(mele_i_expert, clusters + 1);
    if (e->expert == NULL || (!classes && !make_variances(e, own)))
        return mele_i_no_memory(error);
    for (size_t k = 0; k <= clusters; k++) {
        e->expert[k].answers = k;
        e->expert[k].own = 1;
    }
    return MELE_OK;
}

mele_status mele_i_experts_new(size_t clusters, size_t columns, size_t outputs, bool classes,
                               mele_experts **out, mele_error *error)
{
    return mele_i_experts_new_owned(clusters, columns, outputs, classes, NULL, out, error);
}

void mele_experts_free(mele_experts *experts)
{
    if (experts == NULL)
        return;
    for (size_t k = 0; experts->expert != NULL && k <= experts->clusters; k++)
        if (experts->expert[k].state != NULL)
            experts->expert[k].kind->free(experts->expert[k].state);
    free(experts->expert);
    free(experts->variance);
    free(experts);
}

void mele_i_experts_settle(mele_experts *e)
{
    for (size_t k = 0; k < e->clusters && e->variance != NULL; k++)
        if (e->expert[k].answers != k && e->expert[k].variance == e->nobody)
            e->expert[k].variance = e->expert[e->expert[k].answers].variance;
        else if (e->expert[k].answers != k)
            memcpy(e->expert[k].variance, e->expert[e->expert[k].answers].variance,
                   e->outputs * sizeof *e->variance);
}

/* Put a copy in the place of expert k; where `from` has none it stays. */
static mele_status copy_expert(mele_experts *e, const mele_experts *from, size_t k,
                               mele_error *error)
{
    mele_i_expert *expert = &e->expert[k];

    if (from->expert[k].answers == k && from->expert[k].state == NULL)
        return MELE_OK;
    json_t *object = mele_i_expert_save(from, k);
    if (object == NULL)
        return mele_i_no_memory(error);
    if (expert->state != NULL)
        expert->kind->free(expert->state);
    expert->state = NULL;
    expert->kind = NULL;
    expert->answers = k; /* whatever these rows would have made of it */
    expert->own = 1;
    mele_status status = mele_i_expert_load(e, k, object, error);
    json_decref(object);
    return status;
}

/* Who answers in the end; the global expert for regions that were merged into one another. */
static size_t last_answer(const mele_experts *e, size_t k)
{
    for (size_t steps = 0; steps <= e->clusters; steps++) {
        if (e->expert[k].answers == k)
            return k;
        k = e->expert[k].answers;
    }
    return e->clusters;
}

/* With other rows than the kept experts had, the region that one of them was merged into may have
 * no expert of its own: then what answers there does for both. */
static mele_status find_answers(mele_experts *e, const mele_expert_options *options,
                                const bool *train, mele_error *error)
{
    const size_t K = e->clusters;
    const bool global = e->expert[K].state != NULL || train[K];

    for (size_t k = 0; k < K; k++) {
        const size_t host = e->expert[k].answers;
        if (host == k || e->expert[host].answers == host)
            continue;
        const size_t answers = last_answer(e, k);
        if (answers == K && !global)
            return mele_i_fail(error, MELE_EDATA, "%s %zu: nothing answers in region %zu, which is "
                               "merged into region %zu: with these rows that has no expert of its "
                               "own, and there is no global expert",
                               options->only > 0 ? "only" : "freeze",
                               options->only > 0 ? options->only : options->freeze, k + 1,
                               host + 1);
        e->expert[k].answers = answers;
    }
    return MELE_OK;
}

/* The global expert is trained again unless only one is, on which others do not depend. */
static bool stays(const mele_expert_options *o, size_t k, size_t clusters, bool trained)
{
    if (o->only > 0)
        return o->only != k + 1;
    return o->freeze == k + 1 || (k == clusters && !trained);
}

mele_status mele_i_experts_keep(mele_experts *e, const mele_expert_options *options,
                                const bool *train, bool trained, mele_error *error)
{
    const mele_experts *from = options->start;
    mele_status status = MELE_OK;

    if (from == NULL || (options->only == 0 && options->freeze == 0))
        return MELE_OK;
    if (strcmp(e->name, from->name) != 0)
        return mele_i_fail(error, MELE_EINVAL, "an expert of kind \"%s\" among those of kind "
                           "\"%s\"", e->name, from->name);
    for (size_t k = 0; k <= e->clusters && status == MELE_OK; k++)
        if (train[k] == trained && stays(options, k, e->clusters, trained))
            status = copy_expert(e, from, k, error);
    return status == MELE_OK ? find_answers(e, options, train, error) : status;
}
