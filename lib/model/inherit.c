/* What options take from a model. Their strings are copied, so that the options outlive the model
 * and every fit that changes its record. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "model/model.h"
#include "model/options.h"

/* Strings that options own. */
struct mele_inherited {
    struct mele_inherited *next;
    char text[];
};

/* Free those in front of `end`. */
static void free_until(mele_inherited *strings, const mele_inherited *end)
{
    while (strings != end) {
        mele_inherited *next = strings->next;
        free(strings);
        strings = next;
    }
}

/* A copy in front of *strings; NULL: memory ran out. */
static const char *add_inherited(mele_inherited **strings, const char *text)
{
    const size_t size = strlen(text) + 1;
    mele_inherited *added = mele_i_grow(NULL, sizeof *added + size, 1);

    if (added == NULL)
        return NULL;
    memcpy(added->text, text, size);
    added->next = *strings;
    *strings = added;
    return added->text;
}

/* Let `merged` own the strings that it took from a record. Those that the options had already stay
 * theirs, so that inheriting again and again takes no more memory. False: memory ran out. */
static bool own_strings(mele_options had, mele_options *merged)
{
    for (size_t i = 0; mele_option_at(i) != NULL; i++) {
        const char **taken = mele_i_option_string(merged, i);
        if (taken == NULL || *taken == NULL || *taken == *mele_i_option_string(&had, i))
            continue;
        const char *old = *mele_i_option_string(&had, i);
        const bool same = old != NULL && strcmp(*taken, old) == 0;
        *taken = same ? old : add_inherited(&merged->inherited, *taken);
        if (*taken == NULL)
            return false;
    }
    return true;
}

mele_status mele_options_inherit(const mele_model *model, mele_options *options, mele_error *error)
{
    const json_t *record = json_object_get(model->training, "options");
    mele_options merged = *options;
    mele_status status = mele_i_options_load(record, &merged, error);

    if (status != MELE_OK)
        return status;
    if (!own_strings(*options, &merged)) {
        free_until(merged.inherited, options->inherited);
        return mele_i_no_memory(error);
    }
    *options = merged;
    return MELE_OK;
}

void mele_options_clear(mele_options *options)
{
    if (options == NULL)
        return;
    free_until(options->inherited, NULL);
    *options = mele_options_defaults();
}
