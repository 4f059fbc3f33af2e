/* Sets of data as a comparison holds them: their folds, their measures, and what all contenders take on them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/family.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/option.h"
#include "core/quote.h"
#include "core/suggest.h"
#include "fit/folds.h"
#include "fit/left_out.h"
#include "measure/metrics.h"
#include "model/options.h"
#include "schema/data.h"
#include "study/comparison.h"
#include "study/fold_predictions.h"
#include "study/sets.h"
#include "study/splits.h"

mele_compare_options mele_compare_defaults(void)
{
    return (mele_compare_options){.protocol = mele_cv_defaults(), .seeds = 1, .seed = 1};
}

mele_status mele_comparison_new(const mele_compare_options *options, mele_comparison **out, mele_error *error)
{
    const mele_compare_options chosen = options == NULL ? mele_compare_defaults() : *options;
    mele_comparison *made = NULL;

    if (mele_i_check_reserved(chosen.reserved, error) != MELE_OK
        || mele_i_check_reserved(chosen.protocol.reserved, error) != MELE_OK)
        return MELE_EINVAL;
    if (chosen.seeds == 0)
        return mele_i_fail(error, MELE_EINVAL, "0 seeds leave nothing to fit: take 1 or more");
    if (chosen.seed > UINT32_MAX)
        return mele_i_fail(error, MELE_EINVAL, "the seed is larger than 32 bits hold");
    if (mele_i_comparison_new(chosen.seeds, &made, error) != MELE_OK)
        return MELE_ENOMEM;
    made->seed = chosen.seed;
    made->protocol = chosen.protocol;
    made->measure = mele_i_string(chosen.measure);
    if (chosen.measure != NULL && made->measure == NULL) {
        mele_comparison_free(made);
        return mele_i_no_memory(error);
    }
    *out = made;
    return MELE_OK;
}

/* ---- the loss ---- */

static const char *measure_at(size_t i, const void *measures)
{
    const mele_measures *all = measures;

    return i < all->count ? all->names[i] : NULL;
}

/* The place of a name of some length among measures; their count: it is none. */
static size_t find_measure(const mele_measures *all, const char *name, size_t length)
{
    size_t m = 0;

    if (length == strlen("error") && memcmp(name, "error", length) == 0) {
        name = "accuracy";
        length = strlen(name);
    }
    while (m < all->count && (strlen(all->names[m]) != length || memcmp(all->names[m], name, length) != 0))
        m++;
    return m;
}

/* The first of the names that the set has. */
static mele_status choose_loss(const char *names, const mele_measures *all, const char *set, size_t *out,
                               mele_error *error)
{
    const char *const usual = find_measure(all, "rmse", 4) < all->count ? "rmse" : "accuracy";
    const char *at = names == NULL ? usual : names;

    for (size_t length; *at != '\0'; at += length + (at[length] == ',')) {
        length = strcspn(at, ",");
        *out = find_measure(all, at, length);
        if (*out < all->count)
            return MELE_OK;
    }
    return mele_i_fail(error, MELE_EINVAL, "--measure: %s has no measure %s%s", set,
                       mele_i_quote(names, strlen(names)).text,
                       mele_i_suggest(names, strlen(names), measure_at, all).text);
}

/* ---- its options ---- */

/* Options that are of one fit, not of all that are compared. */
static mele_status check_options(const mele_options *options, mele_error *error)
{
    const char *name;

    if (options == NULL)
        return MELE_OK;
    if (mele_options_given(options, "family"))
        return mele_i_fail(error, MELE_EINVAL, "--family is of one fit: --families names those that are compared");
    if (options->centres_file != NULL || options->centres != NULL)
        return mele_i_fail(error, MELE_EINVAL, "a comparison starts from no file of centres: --init takes kmeans++ "
                           "or random");
    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++)
        if (mele_options_given(options, name) && mele_option_stage_of(name) != MELE_OPTION_DATA
            && !mele_option_recorded(name))
            return mele_i_fail(error, MELE_EINVAL, "--%s is of one fit, not of those that are compared", name);
    return MELE_OK;
}

mele_status mele_i_options_take(mele_options *to, const mele_options *from, const char *family, mele_error *error)
{
    const char *name;
    mele_status status = MELE_OK;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL && status == MELE_OK; i++) {
        size_t length;
        if (!mele_options_given(from, name)
            || (mele_option_stage_of(name) != MELE_OPTION_DATA && family != NULL
                && !mele_family_looks_at(family, name)))
            continue;
        mele_options_get(from, name, NULL, 0, &length, NULL);
        char *text = MELE_I_ARRAY(char, length + 1);
        if (text == NULL)
            return mele_i_no_memory(error);
        mele_options_get(from, name, text, length + 1, NULL, NULL);
        status = mele_options_set(to, name, text, error);
        free(text);
    }
    return status;
}

mele_status mele_i_entry_make(const mele_comparison *comparison, size_t set, size_t contender, mele_error *error)
{
    const mele_i_contender *who = &comparison->contender[contender];
    mele_i_entry *entry = &comparison->set[set].entry[contender];
    mele_options *made = NULL;
    mele_status status = entry->options != NULL ? MELE_OK : mele_options_new(&made, error);

    if (status == MELE_OK && made != NULL)
        status = mele_i_options_take(made, comparison->set[set].general, who->family, error);
    if (status == MELE_OK && made != NULL)
        status = mele_i_options_take(made, who->options, NULL, error);
    if (status == MELE_OK && made != NULL)
        entry->options = made;
    else
        mele_options_free(made);
    return status;
}

/* ---- adding one ---- */

/* The folds of all repeats, and the mean size of the rows left out in units of all. */
static mele_status deal(const mele_i_splits *splits, uint64_t seed, mele_i_compared_set *set, mele_error *error)
{
    const size_t rows = splits->data->rows;
    mele_status status = MELE_OK;

    set->fold_of_row = mele_i_array(splits->repeats, rows * sizeof(size_t));
    if (set->fold_of_row == NULL)
        return mele_i_no_memory(error);
    for (size_t r = 0; r < splits->repeats && status == MELE_OK; r++) {
        size_t *dealt = NULL;
        status = mele_i_splits_deal(splits, seed, r, &dealt, error);
        if (status == MELE_OK)
            memcpy(set->fold_of_row + r * rows, dealt, rows * sizeof *dealt);
        free(dealt);
    }
    return status == MELE_OK ? mele_i_splits_name(splits, &set->fold_name, error) : status;
}

/* Names of the targets, with commas; NULL: no memory. */
static char *join_targets(const mele_schema *schema)
{
    size_t length = 1;
    char *joined;

    for (size_t t = 0; t < schema->targets; t++)
        length += strlen(schema->target[t].name) + 1;
    if ((joined = MELE_I_ZEROED(char, length)) == NULL)
        return NULL;
    for (size_t t = 0; t < schema->targets; t++) {
        strcat(joined, t > 0 ? "," : "");
        strcat(joined, schema->target[t].name);
    }
    return joined;
}

/* What a set is, but for its measures. */
static mele_i_set_form form_of(const char *name, const mele_i_splits *splits)
{
    const mele_data *data = splits->data;
    const double share = 1 / (double)splits->folds;

    return (mele_i_set_form){.name = name, .rows = mele_i_data_count(data),
                             .features = mele_schema_features(data->schema), .targets = data->schema->targets,
                             .classes = mele_schema_classes(data->schema), .folds = splits->folds,
                             .repeats = splits->repeats, .train_share = 1 - share, .test_share = share,
                             .moments = mele_i_metrics_moments(data->schema->targets,
                                                               mele_schema_classes(data->schema))};
}

/* Add the set, and what only sets of data have. */
static mele_status add(mele_comparison *comparison, const mele_i_set_form *form, const mele_i_splits *splits,
                       const mele_options *options, mele_error *error)
{
    mele_status status = mele_i_comparison_add_set(comparison, form, error);

    if (status != MELE_OK)
        return status;
    mele_i_compared_set *set = &comparison->set[comparison->sets - 1];
    set->data = splits->data;
    status = deal(splits, comparison->seed, set, error);
    if (status == MELE_OK)
        status = mele_options_new(&set->general, error);
    if (status == MELE_OK && options != NULL)
        status = mele_i_options_take(set->general, options, NULL, error);
    if (status != MELE_OK)
        mele_i_comparison_drop_set(comparison);
    return status;
}

/* With its measures and the loss. */
static mele_status add_measured(mele_comparison *comparison, const char *name, const mele_i_splits *splits,
                                const mele_options *options, mele_error *error)
{
    mele_i_set_form form = form_of(name, splits);
    mele_metrics *metrics = NULL;
    char *target = join_targets(splits->data->schema);
    mele_status status = target == NULL ? mele_i_no_memory(error)
                                        : mele_i_metrics_of_data(splits->data, &metrics, error);

    if (status == MELE_OK) {
        const mele_measures measures = mele_metrics_result(metrics);
        form.target = target;
        form.measure = measures.names;
        form.measures = measures.count;
        status = choose_loss(comparison->measure, &measures, name, &form.loss, error);
        if (status == MELE_OK)
            status = add(comparison, &form, splits, options, error);
    }
    mele_metrics_free(metrics);
    free(target);
    return status;
}

mele_status mele_comparison_add_data(mele_comparison *comparison, const char *name, const mele_data *data,
                                     const mele_options *options, const mele_cv_options *protocol,
                                     mele_error *error)
{
    const mele_cv_options *chosen = protocol == NULL ? &comparison->protocol : protocol;
    mele_i_splits splits;
    mele_status status = mele_i_check_reserved(chosen->reserved, error);

    if (name == NULL || data == NULL)
        return mele_i_fail(error, MELE_EINVAL, "a set has a name and data");
    if (chosen->posteriors != NULL || chosen->predictions != NULL || chosen->rows)
        return mele_i_fail(error, MELE_EINVAL, "posteriors, predictions and rows are not for comparisons");
    if (status == MELE_OK)
        status = check_options(options, error);
    if (status == MELE_OK)
        status = mele_i_splits_make(data, chosen, &splits, error);
    if (status != MELE_OK)
        return status;
    status = add_measured(comparison, name, &splits, options, error);
    mele_i_splits_clear(&splits);
    return status;
}
