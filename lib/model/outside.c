#include "model/outside.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"

#define KIND "outside"

mele_i_outside *mele_i_outside_new(size_t clusters, size_t outputs, bool classes, bool given)
{
    mele_i_outside *o = MELE_I_NEW(mele_i_outside);

    if (o == NULL)
        return NULL;
    o->given = given;
    if (!classes)
        o->least = MELE_I_ARRAY(double, outputs);
    if (!classes && !given)
        o->variance = mele_i_array(clusters, outputs * sizeof *o->variance);
    if (!classes && (o->least == NULL || (!given && o->variance == NULL))) {
        mele_i_outside_free(o);
        return NULL;
    }
    return o;
}

void mele_i_outside_free(mele_i_outside *outside)
{
    if (outside == NULL)
        return;
    free(outside->variance);
    free(outside->least);
    free(outside);
}

/* ---- the section ---- */

bool mele_i_outside_is_kind(const json_t *section)
{
    const char *kind = json_string_value(json_object_get(section, "kind"));

    return kind != NULL && strcmp(kind, KIND) == 0;
}

json_t *mele_i_outside_save(const mele_i_outside *o, size_t clusters, size_t outputs)
{
    const bool classes = o->least == NULL;
    json_t *section = json_object();

    if (mele_i_json_put(section, "kind", json_string(KIND))
        && mele_i_json_put(section, "clusters", json_integer((json_int_t)clusters))
        && mele_i_json_put(section, classes ? "classes" : "targets",
                           json_integer((json_int_t)outputs))
        && (classes
            || (mele_i_json_put(section, "sd", json_string(o->given ? "given" : "residuals"))
                && mele_i_json_put(section, "least_variance",
                                   mele_i_json_numbers(o->least, outputs))))
        && (o->variance == NULL
            || mele_i_json_put(section, "variance",
                               mele_i_json_matrix(o->variance, clusters, outputs))))
        return section;
    json_decref(section);
    return NULL;
}

static mele_status load_variances(const json_t *section, size_t clusters, size_t m,
                                  const mele_i_outside *o, mele_error *error)
{
    mele_status status = MELE_OK;

    if (o->least != NULL)
        status = mele_i_json_get_numbers(section, "least_variance", o->least, m, error);
    if (status == MELE_OK && o->least != NULL)
        status = mele_i_json_check_positive(o->least, m, "least_variance", error);
    if (status == MELE_OK && o->variance != NULL)
        status = mele_i_json_get_matrix(section, "variance", o->variance, clusters, m, error);
    if (status == MELE_OK && o->variance != NULL)
        status = mele_i_json_check_positive(o->variance, clusters * m, "variance", error);
    return status;
}

/* Where standard deviations come from. */
static mele_status load_sd(const json_t *section, bool *given, mele_error *error)
{
    const char *sd;
    mele_status status = mele_i_json_get_string(section, "sd", &sd, error);

    if (status != MELE_OK)
        return status;
    *given = strcmp(sd, "given") == 0;
    if (!*given && strcmp(sd, "residuals") != 0)
        return mele_i_fail(error, MELE_EDATA,
                           "\"sd\" of the experts is \"%.80s\", not \"given\" or "
                           "\"residuals\"",
                           sd);
    return MELE_OK;
}

/* The head of the section, and the sizes of what it holds. */
static mele_status check_section(const json_t *section, size_t clusters, size_t outputs,
                                 bool classes, bool *given, mele_error *error)
{
    const char *keys =
        classes ? "kind,clusters,classes" : "kind,clusters,targets,sd,least_variance,variance?";
    size_t count;
    mele_status status = mele_i_json_keys(section, "\"experts\"", keys, error);

    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "clusters", clusters, clusters, &count, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, classes ? "classes" : "targets", outputs, outputs,
                                      &count, error);
    if (status != MELE_OK || classes)
        return status;
    status = load_sd(section, given, error);
    if (status == MELE_OK && *given != (json_object_get(section, "variance") == NULL))
        status = mele_i_fail(error, MELE_EDATA, "the experts have %s \"variance\"",
                             *given ? "an unexpected" : "no");
    if (status == MELE_OK)
        status = mele_i_json_check_size(section, "least_variance", outputs, error);
    if (status == MELE_OK && !*given)
        status = mele_i_json_check_sizes(section, "variance", clusters, outputs, error);
    return status;
}

mele_status mele_i_outside_load(const json_t *section, size_t clusters, size_t outputs,
                                bool classes, mele_i_outside **out, mele_error *error)
{
    bool given = false;
    mele_status status = check_section(section, clusters, outputs, classes, &given, error);

    if (status != MELE_OK)
        return status;
    mele_i_outside *o = mele_i_outside_new(clusters, outputs, classes, given);
    if (o == NULL)
        return mele_i_no_memory(error);
    status = load_variances(section, clusters, outputs, o, error);
    if (status == MELE_OK)
        *out = o;
    else
        mele_i_outside_free(o);
    return status;
}
