#include "expert/experts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/basis.h"
#include "expert/expert.h"

mele_i_expert_shape mele_i_experts_shape(const mele_experts *e, size_t degree)
{
    return (mele_i_expert_shape){mele_i_basis_columns(e->columns, degree), e->outputs, e->classes};
}

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

/* Another holder of what an expert has learnt. */
static void *hold(void *state)
{
    mele_i_shared *shared = state;

    if (shared != NULL)
        atomic_fetch_add_explicit(&shared->others, 1, memory_order_relaxed);
    return state;
}

/* The last holder sees what all others did before they let go. */
static void let_go(mele_i_expert *expert)
{
    mele_i_shared *shared = expert->state;

    expert->state = NULL;
    if (shared != NULL && atomic_fetch_sub_explicit(&shared->others, 1, memory_order_acq_rel) == 0)
        expert->kind->free(shared);
}

void mele_experts_free(mele_experts *experts)
{
    if (experts == NULL)
        return;
    for (size_t k = 0; experts->expert != NULL && k <= experts->clusters; k++)
        let_go(&experts->expert[k]);
    free(experts->expert);
    free(experts->variance);
    free(experts);
}

void mele_i_experts_share_variances(mele_experts *e)
{
    for (size_t k = 0; k < e->clusters && e->variance != NULL; k++)
        if (e->expert[k].answers != k && e->expert[k].variance == e->nobody)
            e->expert[k].variance = e->expert[e->expert[k].answers].variance;
        else if (e->expert[k].answers != k)
            memcpy(e->expert[k].variance, e->expert[e->expert[k].answers].variance,
                   e->outputs * sizeof *e->variance);
}

/* Whether something is known of expert k, if only who answers in its place. */
static bool is_there(const mele_experts *e, size_t k)
{
    return e->expert[k].answers != k || e->expert[k].state != NULL;
}

void mele_i_experts_take(mele_experts *e, const mele_experts *from, size_t k)
{
    mele_i_expert *expert = &e->expert[k];
    double *variance = expert->variance;

    if (!is_there(from, k))
        return;
    let_go(expert);
    *expert = from->expert[k];
    expert->state = hold(expert->state);
    expert->variance = variance;
    if (variance != NULL && expert->state != NULL)
        memcpy(variance, from->expert[k].variance, e->outputs * sizeof *variance);
}

void mele_i_experts_settle(mele_experts *e, size_t k, size_t host)
{
    mele_i_expert *expert = &e->expert[k];
    const mele_i_expert own = *expert;

    *expert = e->expert[host];
    expert->state = hold(expert->state);
    expert->rows = own.rows;
    expert->answers = k;
    expert->variance = own.variance;
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

    if (from == NULL || (options->only == 0 && options->freeze == 0))
        return MELE_OK;
    if (strcmp(e->name, from->name) != 0)
        return mele_i_fail(error, MELE_EINVAL, "an expert of kind \"%s\" among those of kind "
                           "\"%s\"", e->name, from->name);
    for (size_t k = 0; k <= e->clusters; k++)
        if (train[k] == trained && stays(options, k, e->clusters, trained))
            mele_i_experts_take(e, from, k);
    return find_answers(e, options, train, error);
}

/* Who is said to answer must be there, or, in a part of the experts, may come with another part. */
mele_status mele_i_experts_check_answers(const mele_experts *e, mele_error *error)
{
    for (size_t k = 0; k < e->clusters; k++) {
        const size_t host = e->expert[k].answers;
        if (host != k && host < e->clusters && e->expert[host].answers != host)
            return mele_i_fail(error, MELE_EDATA, "expert %zu is merged into %zu, where another "
                               "answers too", k + 1, host + 1);
    }
    return MELE_OK;
}

/* ---- the global expert alone, and without it ---- */

bool mele_i_experts_have_global(const mele_experts *e)
{
    return e->expert[e->clusters].state != NULL || (e->clusters == 1 && e->expert[0].state != NULL);
}

/* Expert k of one set becomes expert `to` of another, which has its own place for variances. */
static void copy(const mele_experts *from, size_t k, mele_experts *e, size_t to)
{
    mele_i_expert *expert = &e->expert[to];
    double *variance = expert->variance;

    *expert = from->expert[k];
    expert->state = hold(expert->state);
    expert->variance = variance;
    if (variance != NULL)
        memcpy(variance, from->expert[k].variance, e->outputs * sizeof *variance);
}

mele_status mele_i_experts_global(const mele_experts *from, mele_experts **out, mele_error *error)
{
    mele_experts *e = NULL;

    if (from->clusters == 1)
        return mele_experts_merge(&from, 1, out, error);
    if (!mele_i_experts_have_global(from))
        return mele_i_fail(error, MELE_EDATA, "there is no global expert: one is trained beside the "
                           "others where the gate is auto or global when they are "
                           "(mele-experts --gate global)");
    mele_status status = mele_i_experts_new(1, from->columns, from->outputs, from->classes > 0, &e,
                                            error);
    if (status != MELE_OK) {
        mele_experts_free(e);
        return status;
    }
    e->name = from->name;
    copy(from, from->clusters, e, 0);
    e->expert[0].answers = 0;
    *out = e;
    return MELE_OK;
}

mele_status mele_i_experts_gather(const mele_experts *const *from, const size_t *which, size_t clusters,
                                  mele_experts **out, mele_error *error)
{
    const mele_experts *first = from[0];
    mele_experts *e = NULL;
    mele_status status = mele_i_experts_new(clusters, first->columns, first->outputs,
                                            first->classes > 0, &e, error);

    if (status != MELE_OK) {
        mele_experts_free(e);
        return status;
    }
    e->name = first->name;
    for (size_t k = 0; k < clusters; k++)
        copy(from[k], which[k], e, k);
    copy(first, first->clusters, e, clusters);
    for (size_t k = 0; k <= clusters; k++)
        e->expert[k].answers = k;
    *out = e;
    return MELE_OK;
}

/* Kinds that see all rows anyway have it always. */
bool mele_i_experts_have_spare(const mele_experts *e)
{
    const size_t K = e->clusters;
    bool spare = e->expert[K].state != NULL && e->expert[K].kind->fit == NULL;

    for (size_t k = 0; k < K; k++)
        spare = spare && e->expert[k].answers < K && !(e->expert[k].own < 1);
    return spare;
}

mele_status mele_i_experts_without_spare(const mele_experts *from, mele_experts **out,
                                         mele_error *error)
{
    mele_status status = mele_experts_merge(&from, 1, out, error);

    if (status == MELE_OK && mele_i_experts_have_spare(*out)) {
        let_go(&(*out)->expert[from->clusters]);
        (*out)->expert[from->clusters].kind = NULL;
    }
    return status;
}

/* ---- side by side ---- */

mele_status mele_i_experts_join(const mele_experts *const *parts, size_t count, mele_experts **out,
                                mele_error *error)
{
    const mele_experts *first = parts[0];
    mele_experts *e = NULL;
    mele_status status = mele_i_experts_new(count, first->columns, first->outputs, first->classes > 0, &e,
                                            error);

    if (status != MELE_OK) {
        mele_experts_free(e);
        return status;
    }
    e->name = first->name;
    copy(first, 1, e, count);
    e->expert[count].answers = count;
    for (size_t k = 0; k < count; k++) {
        copy(parts[k], 0, e, k);
        e->expert[k].answers = parts[k]->expert[0].answers == 0 ? k : count;
    }
    mele_i_experts_share_variances(e);
    *out = e;
    return MELE_OK;
}

/* ---- equal ones, and parts that belong together ---- */

static bool same_shape(const mele_experts *a, const mele_experts *b)
{
    return a->clusters == b->clusters && a->columns == b->columns && a->outputs == b->outputs
           && a->classes == b->classes && strcmp(a->name, b->name) == 0;
}

/* Of experts that were trained themselves. */
static bool same_expert(const mele_experts *e, const mele_i_expert *a, const mele_i_expert *b)
{
    const mele_i_expert_shape shape = mele_i_experts_shape(e, a->degree);

    return a->kind == b->kind && a->degree == b->degree && a->rank == b->rank && a->own == b->own
           && (a->variance == NULL || mele_i_same_numbers(a->variance, b->variance, e->outputs))
           && (a->state == b->state || a->kind->equal(a->state, b->state, &shape));
}

/* In the place of expert k, of experts of one shape. */
static bool is_same(const mele_experts *a, const mele_experts *b, size_t k)
{
    const mele_i_expert *one = &a->expert[k], *other = &b->expert[k];

    if (!is_there(a, k) || !is_there(b, k))
        return is_there(a, k) == is_there(b, k);
    return one->rows == other->rows && one->answers == other->answers
           && (one->answers != k || same_expert(a, one, other));
}

/* Who needs the global expert lacks it in vain: what answers differs. */
static bool lack_global(const mele_experts *a, const mele_experts *b)
{
    const size_t K = a->clusters;

    return (a->expert[K].state == NULL && mele_i_experts_have_spare(b)) || (b->expert[K].state == NULL && mele_i_experts_have_spare(a));
}

bool mele_i_experts_equal(const mele_experts *a, const mele_experts *b)
{
    bool same = same_shape(a, b);

    for (size_t k = 0; same && k < a->clusters; k++)
        same = is_same(a, b, k);
    return same && (lack_global(a, b) || is_same(a, b, a->clusters));
}

/* Put the part's experts where `into` has none; both having one they must agree. */
static mele_status merge_part(mele_experts *into, const mele_experts *part, mele_error *error)
{
    char what[32];

    if (!same_shape(part, into))
        return mele_i_fail(error, MELE_EINVAL, "the parts are not of one shape and kind");
    for (size_t k = 0; k <= into->clusters; k++) {
        snprintf(what, sizeof what, k == into->clusters ? "the global expert" : "expert %zu", k + 1);
        if (!is_there(into, k))
            mele_i_experts_take(into, part, k);
        else if (is_there(part, k) && !is_same(into, part, k))
            return mele_i_fail(error, MELE_EDATA, "two parts have %s, and not the same one", what);
    }
    return MELE_OK;
}

mele_status mele_experts_merge(const mele_experts *const *parts, size_t count, mele_experts **out,
                               mele_error *error)
{
    mele_experts *e = NULL;

    if (parts == NULL || count == 0 || out == NULL)
        return mele_i_fail(error, MELE_EINVAL, "there are no parts to merge");
    const mele_experts *first = parts[0];
    mele_status status = mele_i_experts_new(first->clusters, first->columns, first->outputs,
                                            first->classes > 0, &e, error);
    if (status == MELE_OK)
        e->name = first->name;
    for (size_t i = 0; i < count && status == MELE_OK; i++)
        status = merge_part(e, parts[i], error);
    if (status == MELE_OK)
        status = mele_i_experts_check_answers(e, error);
    if (status != MELE_OK) {
        mele_experts_free(e);
        return status;
    }
    mele_i_experts_share_variances(e);
    *out = e;
    return MELE_OK;
}
