/* The options that a model records: written, read, and compared with those that are given. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "expert/options.h"
#include "model/options.h"

#define TEXT_ROOM 64 /* for every value that is not a text of its own */

/* ---- writing ---- */

/* The value as the record holds it: numbers as numbers, a flag as true, the rest as text; NULL when
 * memory ran out. Only for options that have a value. */
static json_t *record_value(const mele_i_option *option, const void *base)
{
    const void *member = (const char *)base + option->offset;
    char text[TEXT_ROOM];

    switch (option->type) {
    case MELE_I_TEXT:
    case MELE_I_CHOICE: return json_string(*(const char *const *)member);
    case MELE_I_WHOLE: return json_integer((json_int_t) * (const size_t *)member);
    case MELE_I_SEED: return json_integer((json_int_t) * (const uint64_t *)member);
    case MELE_I_FLAG:
    case MELE_I_DENIAL: return json_true();
    case MELE_I_NUMBER:
        if (option->word == NULL || *(const double *)member != option->word_value)
            return json_real(*(const double *)member);
        break;
    case MELE_I_SPECIAL: break;
    }
    const size_t length = mele_i_option_text(option, base, text, sizeof text);
    if (option->type == MELE_I_SPECIAL && option->special->whole
        && strspn(text, "0123456789") == length)
        return json_integer((json_int_t)strtoull(text, NULL, 10));
    return json_string(text);
}

static bool is_unsaid(const mele_i_option *option, const void *base)
{
    char text[TEXT_ROOM];

    if (option->unsaid == NULL)
        return false;
    mele_i_option_text(option, base, text, sizeof text);
    return strcmp(text, option->unsaid) == 0;
}

json_t *mele_i_options_save(const mele_options *options, mele_option_stage last)
{
    json_t *record = json_object();
    mele_i_option_place place;

    for (size_t i = 0; mele_i_option_at(i, &place) && record != NULL; i++) {
        const void *base = mele_i_option_const_base(&place, options);
        if (place.option->name == NULL || place.option->passing
            || !mele_i_option_has(place.option, base) || is_unsaid(place.option, base)
            || (place.stage > last && !mele_i_option_given(options, i)))
            continue;
        if (json_object_set_new(record, place.option->name, record_value(place.option, base))
            != 0) {
            json_decref(record);
            record = NULL;
        }
    }
    return record;
}

/* ---- reading ---- */

/* Whether a record's value is of the type that record_value() gives the option. */
static bool is_of_type(const mele_i_option *option, const json_t *value)
{
    const mele_i_option_special *special = option->special;

    switch (option->type) {
    case MELE_I_TEXT:
    case MELE_I_CHOICE: break;
    case MELE_I_WHOLE:
    case MELE_I_SEED: return json_is_integer(value);
    case MELE_I_NUMBER:
        return json_is_number(value) || (option->word != NULL && json_is_string(value));
    case MELE_I_FLAG:
    case MELE_I_DENIAL: return json_is_true(value);
    case MELE_I_SPECIAL:
        if (special->whole && json_is_integer(value))
            return true;
        return json_is_string(value)
               && (special->recorded == NULL || special->recorded(json_string_value(value)));
    }
    return json_is_string(value);
}

/* What a record says of an option, set into the structure that it is a member of. */
static mele_status take_value(const mele_i_option *option, void *base, const json_t *value,
                              mele_error *error)
{
    char number[MELE_I_NUMBER_ROOM + 1];
    const char *text = json_string_value(value);

    if (!is_of_type(option, value))
        return mele_i_fail(error, MELE_EDATA, "the record of option \"%s\" has the wrong type",
                           option->name);
    if (json_is_number(value)) {
        number[mele_i_number_print(json_number_value(value), number)] = '\0';
        text = number;
    }
    return mele_i_option_set(option, base, text, error);
}

/* A choice of a stage in which a newer version has more: as unknown as an option of its own. What the
 * data are read by is no such thing, since predictions read data, too. */
static bool is_newer_choice(const mele_i_option_place *place, const json_t *value)
{
    mele_options trial = mele_options_defaults();

    return place->stage != MELE_OPTION_DATA && place->option->type == MELE_I_CHOICE
           && json_is_string(value)
           && take_value(place->option, mele_i_option_base(place, &trial), value, NULL) != MELE_OK;
}

/* The option that a record can have by that name, with that value; false: this version has none. */
static bool find_recorded(const char *name, const json_t *value, size_t *i,
                          mele_i_option_place *out)
{
    return mele_i_option_find(name, i, out) && !out->option->passing
           && !is_newer_choice(out, value);
}

static mele_status check_settled(const json_t *record, const mele_options *given, mele_error *error)
{
    mele_i_option_place place;

    for (size_t i = 0; mele_i_option_at(i, &place); i++)
        if (place.option->settled && mele_i_option_given(given, i)
            && json_object_get(record, place.option->name) == NULL)
            return mele_i_fail(error, MELE_EINVAL,
                               "--%s cannot be given after stage 1 was fitted "
                               "without it",
                               place.option->name);
    return MELE_OK;
}

/* Both are there. */
static mele_status check_agreement(const mele_i_option_place *place, mele_options *given,
                                   mele_options *recorded, mele_error *error)
{
    const mele_i_option *option = place->option;
    void *mine = mele_i_option_base(place, given), *theirs = mele_i_option_base(place, recorded);
    const char **my_string = mele_i_option_string(option, mine);
    char my_text[256], their_text[256];

    mele_i_option_text(option, mine, my_text, sizeof my_text);
    mele_i_option_text(option, theirs, their_text, sizeof their_text);
    if (option->type == MELE_I_TEXT ? strcmp(*my_string, *mele_i_option_string(option, theirs)) == 0
                                    : strcmp(my_text, their_text) == 0)
        return MELE_OK;
    if (my_string != NULL && *my_string != NULL)
        snprintf(my_text, sizeof my_text, "%s", *my_string);
    return mele_i_fail(error, MELE_EINVAL,
                       "--%s is \"%s\", but the model was made with \"%s\": leave it out, or begin "
                       "again from stage 1 with it",
                       option->name, my_text, their_text);
}

/* One entry of a record into *merged; those of `given` must agree. */
static mele_status take_entry(const char *name, const json_t *value, mele_options *given,
                              mele_options *merged, mele_error *error)
{
    mele_i_option_place place;
    size_t i;

    if (!find_recorded(name, value, &i, &place))
        return MELE_OK;
    if (take_value(place.option, mele_i_option_base(&place, merged), value, error) != MELE_OK) {
        if (error != NULL)
            error->status = MELE_EDATA;
        return MELE_EDATA;
    }
    mele_i_option_give(merged, i);
    return mele_i_option_given(given, i) ? check_agreement(&place, given, merged, error) : MELE_OK;
}

mele_status mele_i_options_load(const json_t *record, mele_options *options, mele_error *error)
{
    mele_options merged = *options;
    mele_status status = MELE_OK;
    const char *name;
    json_t *value;

    if (!json_is_object(record))
        return mele_i_fail(error, MELE_EDATA, "\"options\" is not an object");
    json_object_foreach((json_t *)record, name, value)
    {
        if (status == MELE_OK)
            status = take_entry(name, value, options, &merged, error);
    }
    if (status == MELE_OK)
        status = check_settled(record, options, error);
    if (status == MELE_OK)
        *options = merged;
    return status;
}

const char *mele_i_options_unknown(const json_t *record)
{
    const char *name, *unknown = NULL;
    mele_i_option_place place;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)record, name, value)
    {
        if (unknown == NULL && !find_recorded(name, value, &i, &place))
            unknown = name;
    }
    return unknown;
}

/* ---- for people ---- */

/* An entry of a newer version, whose text is that of JSON but for the quotes. */
static size_t unknown_line(const char *name, const json_t *value, char *out, size_t size)
{
    char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const size_t length = (size_t)snprintf(out, size, "--%s %s (of a newer version)", name,
                                           json_is_string(value) ? json_string_value(value)
                                           : text == NULL        ? ""
                                                                 : text);

    free(text);
    return length;
}

/* A record of stages has what experts of other kinds look at, too, for stages to come. */
static bool is_shown(const json_t *record, const char *name)
{
    const bool stages = json_object_get(record, "assign") != NULL; /* which no other family looks at */

    return !stages
           || mele_i_expert_option_counts(json_string_value(json_object_get(record, "expert")), name);
}

/* The i-th that is shown; NULL: past the last. */
static void *find_shown(const json_t *record, size_t i)
{
    void *at = json_object_iter((json_t *)record);

    for (; at != NULL; at = json_object_iter_next((json_t *)record, at))
        if (is_shown(record, json_object_iter_key(at)) && i-- == 0)
            return at;
    return NULL;
}

size_t mele_i_options_line(const json_t *record, size_t i, char *out, size_t size)
{
    mele_options options = mele_options_defaults();
    void *at = find_shown(record, i);
    mele_i_option_place place;
    size_t index, written;

    if (at == NULL)
        return 0;
    const char *name = json_object_iter_key(at);
    const json_t *value = json_object_iter_value(at);
    if (!find_recorded(name, value, &index, &place)
        || take_value(place.option, mele_i_option_base(&place, &options), value, NULL) != MELE_OK)
        return unknown_line(name, value, out, size);
    written =
        (size_t)snprintf(out, size, "--%s%s", name, place.option->argument == NULL ? "" : " ");
    if (place.option->argument == NULL)
        return written;
    return written
           + mele_i_option_text(place.option, mele_i_option_const_base(&place, &options),
                                written < size ? out + written : NULL,
                                written < size ? size - written : 0);
}
