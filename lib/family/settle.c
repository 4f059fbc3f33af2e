/* What whole fits refuse before any work, and what defaults stand for in a family. */
#include "family/settle.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "family/families.h"
#include "fit/features.h"
#include "model/options.h"
#include "schema/data.h"

static bool is_listed(const char *const *list, const char *name)
{
    for (; list != NULL && *list != NULL; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

bool mele_i_family_looks_at(const mele_i_family *family, const char *option)
{
    static const char *const of_regions[] = {"assign", "min-rows", "small", NULL};
    const mele_option_stage stage = mele_option_stage_of(option);

    if (strcmp(option, "family") == 0 || is_listed(family->options, option))
        return true;
    if (stage == MELE_OPTION_EXPERTS && (family->takes & MELE_I_FAMILY_ANY_EXPERT))
        return !is_listed(of_regions, option);
    return stage != MELE_OPTION_FAMILY && (family->takes & MELE_I_FAMILY_STAGES);
}

/* Names in out[size], with commas. */
static void list_names(const char *const *names, char *out, size_t size)
{
    size_t length = 0;

    for (out[0] = '\0'; *names != NULL && length < size; names++)
        length += (size_t)snprintf(out + length, size - length, "%s%s", length == 0 ? "" : ", ", *names);
}

/* The families that look at an option, in out[size]. */
static void list_families(const char *option, char *out, size_t size)
{
    size_t length = 0;

    out[0] = '\0';
    for (size_t i = 0; mele_family(i) != NULL && length < size; i++)
        if (mele_i_family_looks_at(mele_i_family_named(mele_family(i)), option))
            length += (size_t)snprintf(out + length, size - length, "%s%s", length == 0 ? "" : ", ",
                                       mele_family(i));
}

/* ---- refusals ---- */

/* A given option that the family does not look at would be an answer to another question. */
static mele_status check_given(const mele_i_family *family, const mele_options *options, mele_error *error)
{
    char others[128];
    const char *name;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++) {
        if (mele_option_stage_of(name) == MELE_OPTION_DATA || !mele_options_given(options, name)
            || mele_i_family_looks_at(family, name))
            continue;
        list_families(name, others, sizeof others);
        return mele_i_fail(error, MELE_EINVAL, "the family %s does not look at --%s: leave it out, or take a "
                           "family that does (--family: %s)", options->family.name, name, others);
    }
    return MELE_OK;
}

static mele_status check_expert(const mele_i_family *family, const mele_options *options,
                                mele_error *error)
{
    char kinds[128];

    if (family->experts == NULL || options->experts.kind == NULL
        || is_listed(family->experts, options->experts.kind))
        return MELE_OK;
    list_names(family->experts, kinds, sizeof kinds);
    return mele_i_fail(error, MELE_EINVAL, "the family %s does not train %s experts: take one of %s (--expert)",
                       options->family.name, options->experts.kind, kinds);
}

static mele_status refuse(const mele_options *options, const char *what, mele_error *error)
{
    return mele_i_fail(error, MELE_EINVAL, "the family %s does not take %s: take another family (--family)",
                       options->family.name, what);
}

static mele_status check_data(const mele_i_family *family, const mele_data *data,
                              const mele_options *options, mele_error *error)
{
    const size_t targets = data->schema->targets;
    const bool classes = mele_schema_classes(data->schema) > 0;

    if (targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    if (classes && !(family->takes & MELE_I_FAMILY_CLASSES))
        return refuse(options, "classes", error);
    if (!classes && !(family->takes & MELE_I_FAMILY_REGRESSION))
        return refuse(options, "targets that are numbers, only classes", error);
    if (targets > 1 && !(family->takes & MELE_I_FAMILY_MANY_TARGETS))
        return refuse(options, "several targets", error);
    if (data->weights != NULL && !(family->takes & MELE_I_FAMILY_WEIGHTS))
        return refuse(options, "weights of rows (--weights)", error);
    return MELE_OK;
}

/* A family without stage 1 has no regions that a criterion of these could be about. */
static mele_status check_criterion(const mele_i_family *family, const mele_options *options,
                                   mele_error *error)
{
    const char *criterion = options->criterion;

    if ((family->takes & MELE_I_FAMILY_STAGES) || criterion == NULL || strcmp(criterion, "cv") == 0
        || strcmp(criterion, "nll") == 0)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "--criterion %s is about the regions of stage 1, which the family %s "
                       "does not choose: take cv or nll", criterion, options->family.name);
}

static mele_status check_whole(const mele_options *options, mele_error *error)
{
    if (options->experts.only > 0 || options->experts.freeze > 0 || options->warm_start)
        return mele_i_fail(error, MELE_EINVAL, "a whole fit trains all experts, from nothing");
    return MELE_OK;
}

static mele_status check_family(const mele_i_family *family, const mele_data *data,
                                const mele_options *options, mele_error *error)
{
    mele_status status = check_given(family, options, error);

    if (status == MELE_OK)
        status = check_expert(family, options, error);
    if (status == MELE_OK)
        status = check_criterion(family, options, error);
    if (status == MELE_OK)
        status = check_data(family, data, options, error);
    if (status == MELE_OK && family->check != NULL)
        status = family->check(data, options, error);
    return status;
}

/* What the stages ask of data and options, settled as the family has them. */
static mele_status check_stages(const mele_data *data, const mele_options *options, mele_error *error)
{
    const mele_options settled = mele_i_family_settle(data, options);
    mele_status status = mele_i_options_check(&settled, error);

    if (status == MELE_OK)
        status = mele_i_data_check_options(data, &options->data, error);
    if (status == MELE_OK)
        status = mele_i_check_features(data->schema, &settled, error);
    if (status == MELE_OK)
        status = mele_i_check_columns(data, &settled, error);
    return status;
}

mele_status mele_i_family_check(const mele_data *data, const mele_options *options, mele_error *error)
{
    mele_status status = mele_i_options_check(options, error);

    if (status == MELE_OK)
        status = check_whole(options, error);
    if (status == MELE_OK)
        status = check_family(mele_i_family_named(options->family.name), data, options, error);
    return status == MELE_OK ? check_stages(data, options, error) : status;
}

/* ---- what defaults stand for ---- */

/* The default of the stages where the family trains it, else the family's first. */
static const char *expert_of(const mele_i_family *family, const mele_data *data,
                             const mele_options *options)
{
    const char *usual = mele_schema_classes(data->schema) > 0 ? "logistic" : "linear";

    if (options->experts.kind != NULL)
        return options->experts.kind;
    return family->experts == NULL || is_listed(family->experts, usual) ? usual : family->experts[0];
}

mele_options mele_i_family_settle(const mele_data *data, const mele_options *options)
{
    const mele_i_family *family = mele_i_family_named(options->family.name);
    mele_options settled = *options;

    if (!(family->takes & MELE_I_FAMILY_STAGES)) {
        settled.experts.kind = expert_of(family, data, options);
        if (settled.partition.clusters == 0 && !mele_options_given(options, "clusters")
            && settled.clusters_most == 0)
            settled.partition.clusters = family->clusters;
        settled.gate.kind = family->gate == NULL ? "posterior" : family->gate;
        settled.gate.on = family->gate == NULL ? NULL : "features";
    }
    if (family->settle != NULL)
        family->settle(&settled);
    return settled;
}
