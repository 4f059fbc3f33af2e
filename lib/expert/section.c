/* The section "experts" of a model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "expert/basis.h"
#include "expert/expert.h"
#include "expert/experts.h"
#include "expert/kinds.h"

/* ---- writing ---- */

/* Keys of an expert that was trained itself. */
static bool save_own(const mele_experts *e, const mele_i_expert *expert, json_t *object)
{
    const mele_i_expert_shape shape = mele_i_experts_shape(e, expert->degree);

    return mele_i_json_put(object, "kind", json_string(expert->kind->name))
           && mele_i_json_put(object, "degree", json_integer((json_int_t)expert->degree))
           && (expert->own == 1 || mele_i_json_put(object, "own", json_real(expert->own)))
           && expert->kind->save(expert, &shape, object)
           && (e->variance == NULL
               || mele_i_json_put(object, "variance",
                                  mele_i_json_numbers(expert->variance, e->outputs)));
}

static json_t *save_expert(const mele_experts *e, size_t k)
{
    const mele_i_expert *expert = &e->expert[k];
    const bool own = expert->answers == k, fallback = !own && expert->answers == e->clusters;
    json_t *object;
    bool good;

    if (own && expert->state == NULL)
        return json_null();
    object = json_object();
    good = mele_i_json_put(object, "rows", json_real(expert->rows))
           && mele_i_json_put(object, "rank", json_integer((json_int_t)(own ? expert->rank : 0)))
           && mele_i_json_put(object, "fallback", json_boolean(fallback));
    if (good && !own && !fallback)
        good = mele_i_json_put(object, "merged_into", json_integer((json_int_t)expert->answers + 1));
    if (good && own)
        good = save_own(e, expert, object);
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *save_regions(const mele_experts *e)
{
    json_t *array = json_array();

    for (size_t k = 0; k < e->clusters && array != NULL; k++)
        if (json_array_append_new(array, save_expert(e, k)) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

json_t *mele_i_experts_save(const mele_experts *experts)
{
    const mele_experts *e = experts;
    json_t *section = json_object();

    if (mele_i_json_put(section, "kind", json_string(e->name))
        && mele_i_json_put(section, "clusters", json_integer((json_int_t)e->clusters))
        && mele_i_json_put(section, "columns", json_integer((json_int_t)e->columns))
        && mele_i_json_put(section, e->classes > 0 ? "classes" : "targets",
                           json_integer((json_int_t)e->outputs))
        && mele_i_json_put(section, "global", save_expert(e, e->clusters))
        && mele_i_json_put(section, "experts", save_regions(e)))
        return section;
    json_decref(section);
    return NULL;
}

/* ---- reading ---- */

static mele_status load_variance(mele_experts *e, size_t k, const json_t *object,
                                 mele_error *error)
{
    double *variance = e->expert[k].variance;
    mele_status status = mele_i_json_get_numbers(object, "variance", variance, e->outputs, error);

    for (size_t t = 0; t < e->outputs && status == MELE_OK; t++)
        if (!(variance[t] > 0))
            status = mele_i_fail(error, MELE_EDATA, "\"variance\" has %g, which is not above 0",
                                 variance[t]);
    return status;
}

/* Files of the first release have no "kind" and "degree": they are the section's, and 1. */
static mele_status load_kind(const mele_experts *e, const json_t *object, const char *what,
                             mele_i_expert *expert, mele_error *error)
{
    const char *name = e->name;
    mele_status status = MELE_OK;

    expert->degree = 1;
    if (json_object_get(object, "kind") != NULL)
        status = mele_i_json_get_string(object, "kind", &name, error);
    if (status != MELE_OK)
        return status;
    expert->kind = mele_i_expert_kind_named(name);
    if (expert->kind == NULL
        || !(e->classes > 0 ? expert->kind->classification : expert->kind->regression)) {
        expert->kind = NULL;
        return mele_i_fail(error, MELE_EDATA, "%s: there is no kind of expert \"%s\" for %s", what,
                           name, e->classes > 0 ? "classes" : "targets");
    }
    if (json_object_get(object, "degree") != NULL)
        status = mele_i_json_get_size(object, "degree", 1, expert->kind->expands ? 2 : 1,
                                      &expert->degree, error);
    if (status == MELE_OK
        && mele_i_basis_columns(e->columns, expert->degree) > MELE_I_MOST_COLUMNS)
        status = mele_i_fail(error, MELE_EDATA, "%s: too many terms of degree 2", what);
    return status;
}

static mele_status load_own_share(const json_t *object, const char *what, mele_i_expert *expert,
                                  mele_error *error)
{
    if (json_object_get(object, "own") == NULL)
        return MELE_OK;
    mele_status status = mele_i_json_get_number(object, "own", &expert->own, error);
    if (status == MELE_OK && !(expert->own > 0 && expert->own < 1))
        status = mele_i_fail(error, MELE_EDATA, "%s: \"own\" is %g, not between 0 and 1", what,
                             expert->own);
    return status;
}

/* What an expert has that was trained itself. */
static mele_status load_own(mele_experts *e, size_t k, const json_t *object, const char *what,
                            mele_error *error)
{
    mele_i_expert *expert = &e->expert[k];
    char keys[256];
    mele_status status = load_kind(e, object, what, expert, error);

    if (status != MELE_OK)
        return status;
    const mele_i_expert_shape shape = mele_i_experts_shape(e, expert->degree);
    snprintf(keys, sizeof keys, "rows,rank,fallback,kind?,degree?%s%s%s",
             k < e->clusters ? ",own?" : "", expert->kind->keys,
             e->variance == NULL ? "" : ",variance");
    status = mele_i_json_keys(object, what, keys, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "rank", 0, (size_t)1 << 40, &expert->rank, error);
    if (status == MELE_OK)
        status = load_own_share(object, what, expert, error);
    if (status == MELE_OK && e->variance != NULL)
        status = load_variance(e, k, object, error);
    if (status == MELE_OK)
        status = expert->kind->load(object, &shape, expert, error);
    return status;
}

/* Where another answers. */
static mele_status load_answer(mele_experts *e, size_t k, const json_t *object, const char *what,
                               bool fallback, mele_error *error)
{
    mele_i_expert *expert = &e->expert[k];
    size_t host = e->clusters + 1, rank;
    mele_status status = mele_i_json_keys(object, what,
                                          fallback ? "rows,rank,fallback"
                                                   : "rows,rank,fallback,merged_into", error);

    if (status == MELE_OK && !fallback)
        status = mele_i_json_get_size(object, "merged_into", 1, e->clusters, &host, error);
    if (status == MELE_OK && host == k + 1)
        status = mele_i_fail(error, MELE_EDATA, "%s is merged into itself", what);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "rank", 0, 0, &rank, error);
    if (status == MELE_OK)
        expert->answers = host - 1;
    return status;
}

static mele_status load_expert(mele_experts *e, size_t k, const json_t *object,
                               mele_error *error)
{
    mele_i_expert *expert = &e->expert[k];
    char what[32];
    bool fallback = false, other;

    snprintf(what, sizeof what, k == e->clusters ? "the global expert" : "expert %zu", k + 1);
    if (json_is_null(object))
        return MELE_OK;
    if (!json_is_object(object))
        return mele_i_fail(error, MELE_EDATA, "%s is not an object", what);
    mele_status status = mele_i_json_get_bool(object, "fallback", &fallback, error);
    other = fallback || json_object_get(object, "merged_into") != NULL;
    if (status == MELE_OK && other && k == e->clusters)
        status = mele_i_fail(error, MELE_EDATA, "%s is a fallback", what);
    if (status == MELE_OK)
        status = mele_i_json_get_number(object, "rows", &expert->rows, error);
    if (status == MELE_OK && !(expert->rows >= 0))
        status = mele_i_fail(error, MELE_EDATA, "\"rows\" of %s is %g", what, expert->rows);
    if (status != MELE_OK)
        return status;
    return other ? load_answer(e, k, object, what, fallback, error)
                 : load_own(e, k, object, what, error);
}

/* Experts without content, with room for the variances that the section has. */
static mele_status make_room(const json_t *section, size_t clusters, size_t columns, size_t outputs,
                             bool classes, mele_experts **out, mele_error *error)
{
    const json_t *experts = json_object_get(section, "experts");
    bool *own = MELE_I_ZEROED(bool, clusters + 1);
    mele_status status = own == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t k = 0; k <= clusters && status == MELE_OK; k++) {
        const json_t *one = k < clusters ? json_array_get(experts, k)
                                         : json_object_get(section, "global");
        own[k] = !classes && json_object_get(one, "variance") != NULL;
        if (own[k])
            status = mele_i_json_check_size(one, "variance", outputs, error);
    }
    if (status == MELE_OK)
        status = mele_i_experts_new_owned(clusters, columns, outputs, classes, own, out, error);
    free(own);
    return status;
}

/* The head of the section, as experts without content. */
static mele_status load_head(const json_t *section, mele_experts **out, mele_error *error)
{
    const bool classes = json_object_get(section, "classes") != NULL;
    const char *unit = classes ? "classes" : "targets", *name;
    size_t clusters = json_array_size(json_object_get(section, "experts"));
    size_t columns, outputs, count;
    mele_status status = mele_i_json_keys(section, "experts",
                                          classes ? "kind,clusters,columns,classes,global,experts"
                                                  : "kind,clusters,columns,targets,global,experts",
                                          error);

    if (status == MELE_OK)
        status = mele_i_json_get_string(section, "kind", &name, error);
    if (status == MELE_OK && clusters == 0)
        status = mele_i_fail(error, MELE_EDATA, "\"experts\" is not an array of experts");
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "clusters", clusters, clusters, &count, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "columns", 1, MELE_I_MOST_COLUMNS, &columns, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, unit, 1, MELE_I_MOST_COLUMNS, &outputs, error);
    if (status != MELE_OK)
        return status;
    const mele_i_expert_kind *kind = mele_i_expert_kind_named(name);
    if (kind == NULL && strcmp(name, MELE_I_AUTO) != 0)
        return mele_i_fail(error, MELE_EDATA, "there is no kind of expert \"%s\"", name);
    status = make_room(section, clusters, columns, outputs, classes, out, error);
    if (status == MELE_OK)
        (*out)->name = kind == NULL ? MELE_I_AUTO : kind->name;
    return status;
}

mele_status mele_i_experts_load(const json_t *section, mele_experts **out, mele_error *error)
{
    mele_experts *e = NULL;
    mele_status status = load_head(section, &e, error);

    if (status == MELE_OK)
        status = load_expert(e, e->clusters, json_object_get(section, "global"), error);
    for (size_t k = 0; status == MELE_OK && k < e->clusters; k++)
        status = load_expert(e, k, json_array_get(json_object_get(section, "experts"), k), error);
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
