/* Models of one stage 1 whose experts were trained by different calls, as one model. */
#include <mele/fit.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "fit/report.h"
#include "fit/seen.h"
#include "model/model.h"
#include "model/predict.h"

/* What parts of one model have in common. */
static const char *const sections[] = {"clusters", "schema", "partition", NULL};
static const char *const records[] = {"options", "rows", "weight", "partition", NULL};

/* The first of the keys at which two objects differ; NULL: none. */
static const char *difference(const json_t *a, const json_t *b, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        const json_t *one = json_object_get(a, *keys), *other = json_object_get(b, *keys);
        if ((one == NULL) != (other == NULL) || (one != NULL && !json_equal(one, other)))
            return *keys;
    }
    return NULL;
}

/* features: what the first part's experts see. */
static mele_status check_part(const mele_model *part, size_t number, const json_t *first,
                              const mele_i_selection *features, mele_error *error)
{
    const char *key;
    json_t *root;

    if (part->experts == NULL)
        return mele_i_fail(error, MELE_EDATA, "model %zu has no experts (stage 2)", number);
    if (!mele_i_selection_equal(&part->expert_features, features))
        return mele_i_fail(error, MELE_EDATA, "the experts of model %zu see other features than those "
                           "of the first: train all with the same --expert-features", number);
    root = mele_i_model_save_start(part);
    if (root == NULL)
        return mele_i_no_memory(error);
    key = difference(first, root, sections);
    if (key == NULL)
        key = difference(json_object_get(first, "training"), part->training, records);
    json_decref(root);
    if (key != NULL)
        return mele_i_fail(error, MELE_EDATA, "model %zu is no part of the same model as the "
                           "first: \"%s\" differs", number, key);
    return MELE_OK;
}

static mele_status check_parts(const mele_model *const *parts, size_t count, json_t *first,
                               mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = 0; i < count && status == MELE_OK; i++)
        status = check_part(parts[i], i + 1, first, &parts[0]->expert_features, error);
    return status;
}

/* Of each expert the record of the first part that has one. */
static json_t *merge_records(const mele_model *const *parts, size_t count)
{
    json_t *list = json_array();

    for (size_t k = 0; k < parts[0]->clusters && list != NULL; k++) {
        json_t *found = NULL;
        for (size_t i = 0; i < count && (found == NULL || json_is_null(found)); i++)
            found = json_array_get(json_object_get(parts[i]->training, "experts"), k);
        if (json_array_append_new(list, found == NULL ? json_null() : json_incref(found)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* What the experts of all parts have learnt from; not known when it is not of one of them. */
static mele_status merge_seen(const mele_model *const *parts, size_t count, mele_model *model,
                              mele_error *error)
{
    json_t *seen;
    mele_status status = mele_i_seen_merge(parts, count, &seen, error);

    if (status != MELE_OK)
        return status;
    if (seen == NULL)
        json_object_del(model->training, MELE_I_SEEN_KEY);
    else if (!mele_i_json_put(model->training, MELE_I_SEEN_KEY, seen))
        return mele_i_no_memory(error);
    return MELE_OK;
}

static mele_status merge_experts(const mele_model *const *parts, size_t count, mele_model *model,
                                 mele_error *error)
{
    const mele_experts **experts = MELE_I_ARRAY(const mele_experts *, count);
    char list[MELE_I_MISSING_ROOM];
    mele_status status;

    if (experts == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < count; i++)
        experts[i] = parts[i]->experts;
    status = merge_seen(parts, count, model, error);
    if (status == MELE_OK)
        status = mele_experts_merge(experts, count, &model->experts, error);
    free(experts);
    if (status != MELE_OK)
        return status;
    const size_t missing = mele_i_model_missing(model, list, sizeof list);
    if (missing > 0)
        return mele_i_fail(error, MELE_EDATA, "no part has expert%s %s", missing > 1 ? "s" : "",
                           list);
    return mele_i_json_put(model->training, "experts", merge_records(parts, count))
               ? MELE_OK
               : mele_i_no_memory(error);
}

static void report_merger(mele_report *report, const mele_model *model)
{
    const json_t *options = json_object_get(model->training, "options");

    mele_i_report_set(report, "rows", json_incref(json_object_get(model->training, "rows")));
    mele_i_report_set(report, "columns", json_integer((json_int_t)model->schema->features));
    mele_i_report_set(report, "clusters", json_integer((json_int_t)model->clusters));
    mele_i_report_set(report, "seed", json_incref(json_object_get(options, "seed")));
    mele_i_report_set(report, "experts", json_incref(json_object_get(model->training, "experts")));
}

mele_status mele_model_merge(const mele_model *const *parts, size_t count, mele_report *report,
                             mele_model **out, mele_error *error)
{
    mele_model *model = NULL;
    json_t *first;
    mele_status status;

    if (parts == NULL || count == 0)
        return mele_i_fail(error, MELE_EINVAL, "there are no models to merge");
    status = mele_i_model_check_record(parts[0], error);
    if (status != MELE_OK)
        return status;
    first = mele_i_model_save_start(parts[0]);
    if (first == NULL)
        return mele_i_no_memory(error);
    status = check_parts(parts, count, first, error);
    if (status == MELE_OK)
        status = mele_i_model_load_start(first, &model, error);
    if (status == MELE_OK)
        status = mele_i_selection_copy(&parts[0]->expert_features, &model->expert_features, error);
    if (status == MELE_OK) {
        json_object_del(model->training, "gate");
        status = merge_experts(parts, count, model, error);
    }
    json_decref(first);
    if (status == MELE_OK) {
        report_merger(report, model);
        *out = model;
    } else {
        mele_model_free(model);
    }
    return status;
}
