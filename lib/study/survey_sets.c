/* Sets and contenders of a survey's comparisons. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/family.h>

#include "core/error.h"
#include "core/memory.h"
#include "schema/data.h"
#include "study/survey.h"

mele_status mele_i_survey_add_contender(mele_comparison *comparison, const char *name,
                                        const char *family, mele_error *error)
{
    char *own = mele_i_string(name);
    mele_status status = own == NULL ? mele_i_no_memory(error)
                                     : mele_comparison_add_families(comparison, family, error);

    if (status != MELE_OK) {
        free(own);
        return status;
    }
    mele_i_contender *added = &comparison->contender[comparison->contenders - 1];
    free(added->name);
    added->name = own;
    return MELE_OK;
}

/* Whether a contender looks at an option. */
static bool anyone_looks(const mele_comparison *comparison, const char *option)
{
    for (size_t c = 0; c < comparison->contenders; c++)
        if (mele_family_looks_at(comparison->contender[c].family, option))
            return true;
    return false;
}

static mele_status general_options(const mele_comparison *comparison,
                                   const mele_i_suite_option *option, size_t options,
                                   mele_options **out, mele_error *error)
{
    mele_status status = mele_options_new(out, error);

    for (size_t i = 0; i < options && status == MELE_OK; i++)
        if (anyone_looks(comparison, option[i].name))
            status = mele_options_set(*out, option[i].name, option[i].value, error);
    if (status != MELE_OK) {
        mele_options_free(*out);
        *out = NULL;
    }
    return status;
}

/* How many parameters the network gets depends on the set. */
static mele_status set_parameters(mele_i_compared_set *set, mele_i_entry *entry, mele_error *error)
{
    const mele_schema *schema = mele_data_schema(set->data);
    char count[32];
    mele_options *made = NULL;

    snprintf(count, sizeof count, "%zu",
             mele_i_suite_parameters(mele_schema_columns(schema), mele_schema_classes(schema)));
    const mele_i_suite_option own[] = {{"family", "one"}, {"expert", "mlp"}, {"parameters", count}};
    mele_status status = mele_options_new(&made, error);
    for (size_t i = 0; i < sizeof own / sizeof *own && status == MELE_OK; i++)
        status = mele_options_set(made, own[i].name, own[i].value, error);
    if (status != MELE_OK)
        mele_options_free(made);
    else
        entry->options = made;
    return status;
}

static mele_status set_own_options(mele_comparison *comparison, mele_error *error)
{
    mele_i_compared_set *set = &comparison->set[comparison->sets - 1];
    mele_status status = MELE_OK;

    for (size_t c = 0; c < comparison->contenders && status == MELE_OK; c++)
        if (strcmp(comparison->contender[c].name, MELE_I_AS_MANY) == 0)
            status = set_parameters(set, &set->entry[c], error);
    return status;
}

mele_status mele_i_survey_add_set(mele_comparison *comparison, const mele_i_suite_set *set,
                                  const mele_i_suite_option *option, size_t options,
                                  const mele_cv_options *protocol, mele_error *error)
{
    mele_data *data = NULL;
    double *numbers = NULL;
    mele_options *general = NULL;
    mele_status status = mele_i_suite_data(set, comparison->seed, &data, &numbers, error);

    if (status == MELE_OK)
        status = general_options(comparison, option, options, &general, error);
    if (status == MELE_OK)
        status = mele_comparison_add_data(comparison, set->name, data, general, protocol, error);
    mele_options_free(general);
    if (status != MELE_OK) {
        mele_data_free(data);
        free(numbers);
        return status;
    }
    comparison->set[comparison->sets - 1].owned = data;
    comparison->set[comparison->sets - 1].made = numbers;
    return set_own_options(comparison, error);
}
