#include "fit/experts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "expert/expert.h"
#include "fit/report.h"

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

/* ---- who answers elsewhere than before ---- */

static double number_of(const json_t *record, const char *key)
{
    const json_t *value = json_object_get(record, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void warn_of_moved(mele_report *report, size_t k, size_t before, size_t now, size_t clusters)
{
    char who[64] = "the global expert";

    if (now < clusters)
        snprintf(who, sizeof who, "the expert of region %zu", now + 1);
    mele_i_report_warn(report, "region %zu was merged into region %zu, which these rows leave "
                       "without an expert of its own: %s answers there", k + 1, before + 1, who);
}

void mele_i_report_moved(mele_report *report, const mele_experts *old, const json_t *record,
                         const mele_experts *experts, mele_expert_info *info, bool *fresh)
{
    const size_t clusters = mele_experts_clusters(experts);

    for (size_t k = 0; k < clusters && old != NULL; k++) {
        const mele_i_expert_facts before = mele_i_experts_facts(old, k);
        const mele_i_expert_facts now = mele_i_experts_facts(experts, k);
        if (fresh[k] || before.answers == now.answers)
            continue;
        fresh[k] = true;
        if (info[k].kind == NULL) {
            const json_t *host = json_array_get(record, now.answers);
            info[k].kind = now.kind;
            info[k].error = number_of(host, "error");
            info[k].ridge = number_of(host, "ridge");
            info[k].converged = !json_is_false(json_object_get(host, "converged"));
        }
        warn_of_moved(report, k, before.answers, now.answers, clusters);
    }
}

/* ---- warnings ---- */

static void warn_of_region(mele_report *report, const mele_expert_info *info, size_t number)
{
    char what[128] = "the global expert answers there";

    if (info->merged_into > 0)
        snprintf(what, sizeof what, "they join region %zu, whose expert answers",
                 info->merged_into);
    else if (!info->fallback)
        snprintf(what, sizeof what, "its expert is shrunk towards the global one (own share %.3g)",
                 info->own);
    mele_i_report_warn(report, "region %zu has too few rows (%g): %s", number, info->rows, what);
}

void mele_i_warn_of_experts(mele_report *report, const mele_expert_info *info, size_t clusters,
                            size_t only, size_t freeze)
{
    for (size_t k = 0; k < clusters; k++)
        if ((only == 0 || only == k + 1) && freeze != k + 1
            && (info[k].fallback || info[k].merged_into > 0 || info[k].own < 1))
            warn_of_region(report, &info[k], k + 1);
    for (size_t k = 0; k <= clusters; k++)
        if (!info[k].converged && !info[k].fallback && info[k].merged_into == 0)
            mele_i_report_unconverged(report,
                                      k < clusters ? "expert %zu did not converge"
                                                   : "the global expert did not converge", k + 1);
}
