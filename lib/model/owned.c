/* Options that own their strings: made, set by name, got, copied, freed, and taken from a model.
 * What is owned stays until all is cleared, so that a copy by assignment may look at it; a text
 * that is owned already is not copied again, so that setting one again and again takes no memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/suggest.h"
#include "model/model.h"
#include "model/options.h"

struct mele_owned_texts {
    struct mele_owned_texts *next;
    char text[];
};

/* Free those in front of `end`. */
static void free_until(mele_owned_texts *texts, const mele_owned_texts *end)
{
    while (texts != end) {
        mele_owned_texts *next = texts->next;
        free(texts);
        texts = next;
    }
}

/* A text of the list that is equal to this one, added in front if there is none; NULL: memory ran
 * out. */
static const char *own(mele_owned_texts **texts, const char *text)
{
    const size_t size = strlen(text) + 1;

    for (const mele_owned_texts *at = *texts; at != NULL; at = at->next)
        if (strcmp(at->text, text) == 0)
            return at->text;
    mele_owned_texts *added = mele_i_grow(NULL, sizeof *added + size, 1);
    if (added == NULL)
        return NULL;
    memcpy(added->text, text, size);
    added->next = *texts;
    *texts = added;
    return added->text;
}

/* Let `options` own all its strings, but those that `had` (NULL: none) had already, which stay as
 * they were. False: memory ran out, and some are not owned. */
static bool own_strings(mele_options *had, mele_options *options)
{
    mele_i_option_place place;

    for (size_t i = 0; mele_i_option_at(i, &place); i++) {
        const mele_i_option *option = place.option;
        const char **taken = mele_i_option_string(option, mele_i_option_base(&place, options));
        const char *old = NULL;
        if (taken == NULL || *taken == NULL)
            continue;
        if (had != NULL)
            old = *mele_i_option_string(option, mele_i_option_base(&place, had));
        *taken = old != NULL && strcmp(old, *taken) == 0 ? old : own(&options->owned, *taken);
        if (*taken == NULL)
            return false;
    }
    return true;
}

/* ---- one object ---- */

/* What languages without a structure hand over where there is no object. */
static mele_status refuse_nothing(mele_error *error)
{
    return mele_i_fail(error, MELE_EINVAL, "options is NULL");
}

mele_status mele_options_new(mele_options **out, mele_error *error)
{
    mele_options *options = MELE_I_NEW(mele_options);

    if (options == NULL)
        return mele_i_no_memory(error);
    *options = mele_options_defaults();
    *out = options;
    return MELE_OK;
}

mele_status mele_options_copy(const mele_options *options, mele_options **out, mele_error *error)
{
    mele_options *copy;

    if (options == NULL)
        return refuse_nothing(error);
    if ((copy = MELE_I_NEW(mele_options)) == NULL)
        return mele_i_no_memory(error);
    *copy = *options;
    copy->owned = NULL;
    if (!own_strings(NULL, copy)) {
        mele_options_free(copy);
        return mele_i_no_memory(error);
    }
    *out = copy;
    return MELE_OK;
}

void mele_options_clear(mele_options *options)
{
    if (options == NULL)
        return;
    free_until(options->owned, NULL);
    *options = mele_options_defaults();
}

void mele_options_free(mele_options *options)
{
    mele_options_clear(options);
    free(options);
}

const mele_data_options *mele_options_data(const mele_options *options)
{
    return &options->data;
}

/* ---- by name ---- */

static const char *name_at(size_t i, const void *user)
{
    (void)user;
    return mele_option_name(i);
}

static mele_status refuse_name(const char *name, mele_error *error)
{
    const char *near = name == NULL ? NULL : mele_i_nearest(name, strlen(name), name_at, NULL);

    if (name == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the name of an option is NULL");
    return near == NULL
               ? mele_i_fail(error, MELE_EINVAL, "unknown option --%.64s", name)
               : mele_i_fail(error, MELE_EINVAL, "unknown option --%.64s: is it --%s?", name, near);
}

/* Choices are the table's own strings. */
static bool keeps_text(const mele_i_option *option)
{
    return option->type == MELE_I_TEXT
           || (option->type == MELE_I_SPECIAL && option->special->string != NULL);
}

mele_status mele_options_set(mele_options *options, const char *name, const char *text,
                             mele_error *error)
{
    mele_i_option_place place;
    const char *kept = text;
    size_t i;

    if (options == NULL)
        return refuse_nothing(error);
    mele_owned_texts *had = options->owned;
    if (!mele_i_option_find(name, &i, &place))
        return refuse_name(name, error);
    if (text != NULL && keeps_text(place.option) && (kept = own(&options->owned, text)) == NULL)
        return mele_i_no_memory(error);
    mele_status status =
        mele_i_option_set(place.option, mele_i_option_base(&place, options), kept, error);
    if (status == MELE_OK) {
        mele_i_option_give(options, i);
        return MELE_OK;
    }
    free_until(options->owned, had);
    options->owned = had;
    return status;
}

mele_status mele_options_get(const mele_options *options, const char *name, char *out, size_t size,
                             size_t *length, mele_error *error)
{
    mele_i_option_place place;
    const char *const *string;
    size_t i, written;

    if (options == NULL)
        return refuse_nothing(error);
    if (!mele_i_option_find(name, &i, &place))
        return refuse_name(name, error);
    const void *base = mele_i_option_const_base(&place, options);
    written = mele_i_option_text(place.option, base, out, size);
    string = place.option->type != MELE_I_SPECIAL
                 ? NULL
                 : mele_i_option_string(place.option, (void *)base);
    if (string != NULL && *string != NULL) /* a special one's own text is what models record */
        written = (size_t)snprintf(out, size, "%s", *string);
    if (length != NULL)
        *length = written;
    return MELE_OK;
}

bool mele_options_given(const mele_options *options, const char *name)
{
    mele_i_option_place place;
    size_t i;

    return options != NULL && mele_i_option_find(name, &i, &place)
           && mele_i_option_given(options, i);
}

/* ---- what a model recorded ---- */

mele_status mele_options_inherit(const mele_model *model, mele_options *options, mele_error *error)
{
    mele_options merged;

    if (options == NULL)
        return refuse_nothing(error);
    merged = *options;
    const json_t *record = json_object_get(model->training, "options");
    mele_status status = mele_i_model_check_record(model, error);

    if (status == MELE_OK)
        status = mele_i_options_load(record, &merged, error);
    if (status != MELE_OK)
        return status;
    if (!own_strings(options, &merged)) {
        free_until(merged.owned, options->owned);
        return mele_i_no_memory(error);
    }
    *options = merged;
    return MELE_OK;
}
