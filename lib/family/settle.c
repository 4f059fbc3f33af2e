/* What whole fits refuse before any work, and what defaults stand for in a family. */
#include "family/settle.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "engine/network.h"
#include "expert/expert.h"
#include "family/families.h"
#include "fit/features.h"
#include "model/options.h"
#include "partition/partition.h"
#include "schema/data.h"

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
    char others[MELE_MESSAGE_SIZE];
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
    char kinds[MELE_MESSAGE_SIZE];

    if (family->experts == NULL || options->experts.kind == NULL
        || mele_i_family_is_listed(family->experts, options->experts.kind))
        return MELE_OK;
    list_names(family->experts, kinds, sizeof kinds);
    return mele_i_fail(error, MELE_EINVAL, "the family %s does not train %s experts: take one of %s (--expert)",
                       options->family.name, options->experts.kind, kinds);
}

/* What has to be sized has hidden units, whose number is not given. */
static mele_status check_parameters(const mele_options *options, mele_error *error)
{
    const char *kind = options->experts.kind;

    if (options->family.parameters == 0)
        return MELE_OK;
    if (kind == NULL || strcmp(kind, "mlp") != 0)
        return mele_i_fail(error, MELE_EINVAL, "--parameters chooses the hidden units of mlp experts, and others "
                           "have none: take --expert mlp, or leave it out");
    if (mele_options_given(options, "hidden"))
        return mele_i_fail(error, MELE_EINVAL, "--parameters chooses the hidden units, which --hidden gives: give "
                           "one of them");
    return MELE_OK;
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

static mele_status check_clusters(const mele_i_family *family, const mele_options *options,
                                  mele_error *error)
{
    const size_t wanted = family->clusters, least = options->clusters_least;
    const size_t most = options->clusters_most, given = options->partition.clusters;
    char text[48];

    if (!family->fixed || (given == 0 && most == 0) || given == wanted
        || (given == 0 && least == wanted && most == wanted))
        return MELE_OK;
    mele_options_get(options, "clusters", text, sizeof text, NULL, NULL);
    return mele_i_fail(error, MELE_EINVAL, "the family %s has %zu expert%s, not --clusters %s: leave that out, or "
                       "take another family (--family)", options->family.name, wanted, wanted == 1 ? "" : "s",
                       text);
}

mele_status mele_i_family_check_clusters(const mele_i_family *family, size_t clusters, size_t rows,
                                         mele_error *error)
{
    return family->takes & MELE_I_FAMILY_MIXTURE ? mele_i_check_clusters(clusters, rows, error) : MELE_OK;
}

static mele_status check_family(const mele_i_family *family, const mele_data *data,
                                const mele_options *options, mele_error *error)
{
    mele_status status = check_given(family, options, error);

    if (status == MELE_OK)
        status = check_expert(family, options, error);
    if (status == MELE_OK)
        status = check_clusters(family, options, error);
    if (status == MELE_OK)
        status = check_criterion(family, options, error);
    if (status == MELE_OK)
        status = check_parameters(options, error);
    if (status == MELE_OK)
        status = check_data(family, data, options, error);
    if (status == MELE_OK && family->check != NULL)
        status = family->check(data, options, error);
    return status;
}

static size_t most_clusters(const mele_options *options)
{
    return options->clusters_most > 0 ? options->clusters_most : options->partition.clusters;
}

/* What the stages ask of data and options, settled as the family has them. */
static mele_status check_stages(const mele_data *data, const mele_options *options, mele_error *error)
{
    mele_options settled;
    mele_status status = mele_i_family_settle(data, options, &settled, error);

    if (status == MELE_OK)
        status = mele_i_options_check(&settled, error);
    if (status == MELE_OK)
        status = mele_i_family_check_clusters(mele_i_family_named(options->family.name),
                                              most_clusters(&settled), data->rows, error);
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
    return family->experts == NULL || mele_i_family_is_listed(family->experts, usual) ? usual : family->experts[0];
}

static size_t parameters_with(size_t hidden, const mele_data *data, size_t columns, mele_options *options)
{
    const size_t classes = mele_schema_classes(data->schema);

    options->experts.hidden = hidden;
    return mele_i_expert_parameters(columns, classes > 0 ? classes : data->schema->targets, classes,
                                    &options->experts);
}

/* K where it is not given, and where it is always the same. */
static void set_clusters(const mele_i_family *family, const mele_options *given, mele_options *options)
{
    const bool open = options->partition.clusters == 0 && options->clusters_most == 0
                      && !mele_options_given(given, "clusters");

    if (open || family->fixed)
        options->partition.clusters = family->clusters;
    if (family->fixed)
        options->clusters_least = options->clusters_most = 0;
}

/* As many hidden units as come nearest to the parameters that are asked for, of two the fewer. */
static mele_status set_hidden(const mele_data *data, mele_options *options, mele_error *error)
{
    const size_t wanted = options->family.parameters;
    size_t columns, below = 0, hidden = 1;
    mele_status status = mele_i_count_expert_columns(data->schema, options, &columns, error);

    if (status != MELE_OK)
        return status;
    while (hidden < MELE_I_MOST_HIDDEN && parameters_with(hidden, data, columns, options) < wanted) {
        below = options->experts.hidden;
        hidden++;
    }
    const size_t most = parameters_with(hidden, data, columns, options);
    if (most < wanted)
        return mele_i_fail(error, MELE_EINVAL, "--parameters is %zu, and %zu hidden units, as many as there can be, "
                           "have %zu", wanted, hidden, most);
    if (below > 0
        && (double)wanted - (double)parameters_with(below, data, columns, options)
               <= (double)most - (double)wanted)
        hidden = below;
    options->experts.hidden = hidden;
    return MELE_OK;
}

mele_status mele_i_family_settle(const mele_data *data, const mele_options *options, mele_options *out,
                                 mele_error *error)
{
    const mele_i_family *family = mele_i_family_named(options->family.name);
    mele_options settled = *options;
    mele_status status = MELE_OK;

    if (!(family->takes & MELE_I_FAMILY_STAGES)) {
        settled.experts.kind = expert_of(family, data, options);
        set_clusters(family, options, &settled);
        settled.gate.kind = family->gate == NULL ? "posterior" : family->gate;
        settled.gate.on = family->gate == NULL ? NULL : "features";
    }
    if (family->settle != NULL)
        family->settle(&settled);
    if (settled.family.parameters > 0 && mele_i_family_looks_at(family, "parameters"))
        status = set_hidden(data, &settled, error);
    if (status == MELE_OK)
        *out = settled;
    return status;
}
