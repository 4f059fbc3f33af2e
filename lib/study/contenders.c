/* Contenders as they are written: a list of families, each with its options. */
#include "study/contenders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/family.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/quote.h"
#include "core/suggest.h"
#include "model/options.h"

/* ---- names ---- */

static bool is_taken(const mele_comparison *comparison, const char *name)
{
    for (size_t c = 0; c < comparison->contenders; c++)
        if (strcmp(comparison->contender[c].name, name) == 0)
            return true;
    return false;
}

mele_status mele_i_contender_add(mele_comparison *comparison, const char *name, const char *family, size_t *out,
                                 mele_error *error)
{
    const size_t room = strlen(name) + 32;
    char *apart = MELE_I_ARRAY(char, room);

    if (apart == NULL)
        return mele_i_no_memory(error);
    snprintf(apart, room, "%s", name);
    for (size_t i = 2; is_taken(comparison, apart); i++)
        snprintf(apart, room, "%s (%zu)", name, i);
    mele_status status = mele_i_comparison_add_contender(comparison, apart, family, error);
    free(apart);
    if (status == MELE_OK)
        *out = comparison->contenders - 1;
    return status;
}

/* ---- options ---- */

const char *mele_i_option_named(const char *written)
{
    const char *name;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++)
        if (strcmp(name, written) == 0
            || (written[0] != '\0' && written[1] == '\0' && mele_option_letter(name) == written[0]))
            return name;
    return NULL;
}

/* The i-th option that a family looks at. */
static const char *option_of_family(size_t i, const void *family)
{
    const char *name;
    size_t count = 0;

    for (size_t at = 0; (name = mele_option_name(at)) != NULL; at++)
        if (mele_option_stage_of(name) != MELE_OPTION_DATA && mele_option_recorded(name)
            && strcmp(name, "family") != 0 && mele_family_looks_at(family, name) && count++ == i)
            return name;
    return NULL;
}

static mele_status refuse_option(const char *entry, const char *family, const char *written, mele_error *error)
{
    const char *nearest = mele_i_nearest(written, strlen(written), option_of_family, family);
    const mele_i_quoted shown = mele_i_quote(written, strlen(written));

    if (written[0] == '\0')
        return mele_i_fail(error, MELE_EINVAL, "%s: an option has no name: NAME=VALUE, as in k=4", entry);
    if (nearest == NULL)
        return mele_i_fail(error, MELE_EINVAL, "%s: there is no option %s of the family %s: 'mele-fit --help' lists "
                           "what there is", entry, shown.text, family);
    return mele_i_fail(error, MELE_EINVAL, "%s: there is no option %s of the family %s: is it \"%s\"?", entry,
                       shown.text, family, nearest);
}

mele_status mele_i_contender_set(const char *entry, const char *family, mele_options *options, const char *name,
                                 const char *value, mele_error *error)
{
    const char *option = mele_i_option_named(name);
    char message[MELE_MESSAGE_SIZE];
    mele_error told;

    if (option == NULL)
        return refuse_option(entry, family, name, error);
    if (mele_option_stage_of(option) == MELE_OPTION_DATA || strcmp(option, "family") == 0)
        return mele_i_fail(error, MELE_EINVAL, "%s: --%s is the same for all contenders: give it once, beside the "
                           "list", entry, option);
    if (!mele_option_recorded(option))
        return mele_i_fail(error, MELE_EINVAL, "%s: --%s is of one fit, not of those that are compared", entry,
                           option);
    if (!mele_family_looks_at(family, option))
        return mele_i_fail(error, MELE_EINVAL, "%s: the family %s does not look at --%s", entry, family, option);
    mele_status status = mele_options_set(options, option, value, &told);
    if (status == MELE_EINVAL) {
        snprintf(message, sizeof message, "%.*s", (int)(sizeof message - 160), told.message);
        return mele_i_fail(error, status, "%s: %s", entry, message);
    }
    return status == MELE_OK ? MELE_OK : mele_i_no_memory(error);
}

/* ---- the list ---- */

/* Contenders that are written: where the list is read, and the one that options belong to. */
typedef struct reading {
    mele_comparison *comparison;
    size_t before;     /* contenders that there were */
    char *name;        /* as written so far, with room for the whole list */
    char *word;        /* of one item; the same room */
    size_t room;
    const char *family; /* NULL: none yet */
    mele_options *options;
} reading;

static bool is_family(const char *word)
{
    for (size_t i = 0; mele_family(i) != NULL; i++)
        if (strcmp(mele_family(i), word) == 0)
            return true;
    return false;
}

static const char *family_at(size_t i, const void *none)
{
    (void)none;
    return mele_family(i);
}

/* The contender that was read is one of the comparison's. */
static mele_status finish(reading *r, mele_error *error)
{
    size_t index;
    mele_status status = r->family == NULL ? MELE_OK
                                           : mele_i_contender_add(r->comparison, r->name, r->family, &index, error);

    if (status == MELE_OK && r->family != NULL) {
        r->comparison->contender[index].options = r->options;
        r->options = NULL;
    }
    r->family = NULL;
    return status;
}

static mele_status begin(reading *r, const char *family, mele_error *error)
{
    mele_status status = finish(r, error);

    if (status == MELE_OK)
        status = mele_options_new(&r->options, error);
    if (status == MELE_OK)
        status = mele_options_set(r->options, "family", family, error);
    if (status != MELE_OK)
        return status;
    for (size_t i = 0; mele_family(i) != NULL; i++)
        if (strcmp(mele_family(i), family) == 0)
            r->family = mele_family(i);
    snprintf(r->name, r->room, "%s", family);
    return MELE_OK;
}

/* "k=8", or a flag. The name grows by it as it is written. */
static mele_status add_option(reading *r, char *item, mele_error *error)
{
    const size_t length = strlen(r->name);
    char *value;

    snprintf(r->name + length, r->room - length, "%s%s", strchr(r->name, ':') == NULL ? ":" : ",", item);
    if ((value = strchr(item, '=')) != NULL)
        *value++ = '\0';
    const char *option = mele_i_option_named(item);
    if (option != NULL && mele_options_given(r->options, option) && strcmp(option, "family") != 0)
        return mele_i_fail(error, MELE_EINVAL, "%s: --%s is given twice: the next contender begins with a family, as "
                           "in %s:k=2,%s:k=3", r->name, option, r->family, r->family);
    return mele_i_contender_set(r->name, r->family, r->options, item, value, error);
}

static mele_status refuse_item(const reading *r, const char *item, mele_error *error)
{
    const mele_i_quoted shown = mele_i_quote(item, strlen(item));

    if (r->family == NULL)
        return mele_i_fail(error, MELE_EINVAL, "--families: %s is no family%s", shown.text,
                           mele_i_suggest(item, strlen(item), family_at, NULL).text);
    return mele_i_fail(error, MELE_EINVAL, "--families: %s is neither a family nor an option of %s (NAME=VALUE; a value "
                       "with a comma in it needs --suite)%s", shown.text,
                       r->family,
                       mele_i_suggest(item, strlen(item), family_at, NULL).text);
}

/* One item, without the spaces around it. */
static mele_status read_item(reading *r, char *item, mele_error *error)
{
    char *colon = strchr(item, ':'), *equals = strchr(item, '=');
    const bool has_colon = colon != NULL && (equals == NULL || colon < equals);
    const char *option = equals == NULL ? mele_i_option_named(item) : NULL;

    if (item[0] == '\0')
        return mele_i_fail(error, MELE_EINVAL, "--families: an item of the list is empty");
    if (has_colon)
        *colon = '\0';
    if (has_colon || (equals == NULL && is_family(item))) {
        if (!is_family(item)) {
            r->family = NULL;
            return refuse_item(r, item, error);
        }
        mele_status status = begin(r, item, error);
        return status == MELE_OK && has_colon ? add_option(r, colon + 1, error) : status;
    }
    if (r->family == NULL || (equals == NULL && option == NULL))
        return refuse_item(r, item, error);
    return add_option(r, item, error);
}

static mele_status read_list(reading *r, const char *list, mele_error *error)
{
    mele_status status = MELE_OK;

    for (const char *at = list; status == MELE_OK;) {
        const size_t length = strcspn(at, ",;");
        size_t first = strspn(at, " "), end = length;
        while (end > first && at[end - 1] == ' ')
            end--;
        first = first < end ? first : end;
        snprintf(r->word, r->room, "%.*s", (int)(end - first), at + first);
        status = read_item(r, r->word, error);
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    return status == MELE_OK ? finish(r, error) : status;
}

mele_status mele_comparison_add_families(mele_comparison *comparison, const char *list, mele_error *error)
{
    reading r = {.comparison = comparison, .before = comparison->contenders};
    mele_status status;

    if (list == NULL)
        return mele_i_fail(error, MELE_EINVAL, "there is no list of families");
    r.room = strlen(list) + 2;
    r.name = MELE_I_ARRAY(char, r.room);
    r.word = MELE_I_ARRAY(char, r.room);
    status = r.name == NULL || r.word == NULL ? mele_i_no_memory(error) : read_list(&r, list, error);
    while (status != MELE_OK && comparison->contenders > r.before)
        mele_i_comparison_drop_contender(comparison);
    mele_options_free(r.options);
    free(r.name);
    free(r.word);
    return status;
}
