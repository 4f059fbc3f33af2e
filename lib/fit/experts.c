#include "fit/experts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "expert/expert.h"
#include "fit/report.h"

/* ---- experts of two trainings ---- */

/* Take the experts of the section `old` that are not fresh over into the section `section`. */
static bool take_old(json_t *section, const json_t *old, size_t only, size_t freeze, bool *fresh)
{
    json_t *experts = json_object_get(section, "experts");
    json_t *global = json_object_get(old, "global");
    bool good = true;

    for (size_t k = 0; k < json_array_size(experts) && good; k++) {
        json_t *other = json_array_get(json_object_get(old, "experts"), k);
        const bool chosen = only > 0 ? only == k + 1 : freeze != k + 1;
        fresh[k] = chosen || json_is_null(other);
        good = fresh[k] || json_array_set(experts, k, other) == 0;
    }
    if (!json_is_null(global) && (only > 0 || json_is_null(json_object_get(section, "global"))))
        good = good && json_object_set(section, "global", global) == 0;
    return good;
}

mele_status mele_i_experts_combine(const mele_experts *old, size_t only, size_t freeze,
                                   mele_experts **experts, bool *fresh, mele_error *error)
{
    json_t *section = NULL, *other = NULL;
    mele_experts *combined = NULL;
    mele_status status = MELE_OK;

    if (strcmp(mele_experts_name(old), mele_experts_name(*experts)) != 0)
        return mele_i_fail(error, MELE_EINVAL, "an expert of kind \"%s\" among those of kind "
                           "\"%s\"", mele_experts_name(*experts), mele_experts_name(old));
    section = mele_i_experts_save(*experts);
    other = mele_i_experts_save(old);
    if (section == NULL || other == NULL || !take_old(section, other, only, freeze, fresh))
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = mele_i_experts_load(section, &combined, error);
    json_decref(section);
    json_decref(other);
    if (status != MELE_OK)
        return status;
    mele_experts_free(*experts);
    *experts = combined;
    return MELE_OK;
}

bool mele_i_experts_equal(const mele_experts *a, const mele_experts *b)
{
    json_t *section = mele_i_experts_save(a), *other = mele_i_experts_save(b);
    bool equal = section != NULL && other != NULL && json_equal(section, other);

    json_decref(section);
    json_decref(other);
    return equal;
}

/* ---- records ---- */

static json_t *repair_text(const mele_expert_info *info)
{
    if (info->fallback)
        return json_string("global expert");
    if (info->merged_into > 0)
        return json_sprintf("merged into region %zu", info->merged_into);
    if (info->own < 1)
        return json_sprintf("drawn towards the global expert (own share %.3g)", info->own);
    return json_null();
}

/* What "auto" chose from, and what it chose. */
static bool put_candidates(const mele_expert_info *info, bool classes, json_t *object)
{
    json_t *candidates = json_object();

    for (size_t i = 0; i < info->candidates && candidates != NULL; i++)
        if (!mele_i_json_put(candidates, mele_expert_candidate(classes, i),
                             mele_i_report_real(info->candidate[i]))) {
            json_decref(candidates);
            candidates = NULL;
        }
    return mele_i_json_put(object, "candidates", candidates)
           && mele_i_json_put(object, "chosen",
                              json_string(mele_expert_candidate(classes, info->chosen)));
}

/* Left-out errors are known only when stage 3 follows at once, so the model does not hold them. */
static json_t *expert_record(const mele_expert_info *info, bool classes, bool left_out)
{
    json_t *object = json_object();
    bool good = mele_i_json_put(object, "rows", mele_i_report_real(info->rows))
                && mele_i_json_put(object, "rank", json_integer((json_int_t)info->rank))
                && mele_i_json_put(object, "kind", json_string(info->kind))
                && mele_i_json_put(object, "error", mele_i_report_real(info->error))
                && mele_i_json_put(object, "ridge", mele_i_report_real(info->ridge))
                && mele_i_json_put(object, "iterations",
                                   json_integer((json_int_t)info->iterations))
                && mele_i_json_put(object, "converged", json_boolean(info->converged))
                && mele_i_json_put(object, "repaired", repair_text(info))
                && mele_i_json_put(object, "own", json_real(info->own));

    if (good && info->candidates > 0)
        good = put_candidates(info, classes, object);
    if (good && left_out)
        good = mele_i_json_put(object, "left_out_error", mele_i_report_real(info->left_out));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

json_t *mele_i_experts_record(const mele_expert_info *info, size_t clusters, bool classes,
                              const bool *fresh, const json_t *old, bool left_out)
{
    json_t *list = json_array();

    for (size_t k = 0; k < clusters && list != NULL; k++) {
        json_t *kept = json_array_get(old, k);
        json_t *one = fresh[k] && info[k].kind != NULL ? expert_record(&info[k], classes, left_out)
                      : kept != NULL                   ? json_incref(kept)
                                                       : json_null();
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* ---- warnings ---- */

static void warn_of_region(mele_report *report, const mele_expert_info *info, size_t number)
{
    char what[128] = "the global expert answers there";

    if (info->merged_into > 0)
        snprintf(what, sizeof what, "they join region %zu, whose expert answers",
                 info->merged_into);
    else if (!info->fallback)
        snprintf(what, sizeof what, "its expert is drawn towards the global one (own share %.3g)",
                 info->own);
    mele_i_report_warn(report, "region %zu has too few rows (%g): %s", number, info->rows, what);
}

void mele_i_warn_of_experts(mele_report *report, const mele_expert_info *info, size_t clusters,
                            size_t only)
{
    for (size_t k = 0; k < clusters; k++)
        if ((only == 0 || only == k + 1)
            && (info[k].fallback || info[k].merged_into > 0 || info[k].own < 1))
            warn_of_region(report, &info[k], k + 1);
    for (size_t k = 0; k <= clusters; k++)
        if (!info[k].converged && !info[k].fallback && info[k].merged_into == 0)
            mele_i_report_unconverged(report,
                                      k < clusters ? "expert %zu did not converge"
                                                   : "the global expert did not converge", k + 1);
}
