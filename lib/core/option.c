#include "core/option.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "core/quote.h"
#include "core/suggest.h"
#include "core/utf8.h"

#define WANTED 320 /* room for what a message says is a value */
#define YES "yes"  /* the text of a flag that is set */

static const void *member_of(const mele_i_option *option, const void *options)
{
    return (const char *)options + option->offset;
}

/* ---- what is a value ---- */

size_t mele_i_option_choices(const mele_i_option *option, char *out, size_t size)
{
    size_t length = 0;

    for (size_t c = 0; option->choice != NULL && option->choice(c) != NULL; c++) {
        char *at = length < size ? out + length : NULL;
        length += (size_t)snprintf(at, at == NULL ? 0 : size - length, "%s%s", c == 0 ? "" : ", ",
                                   option->choice(c));
    }
    return length;
}

static void say_range(const mele_i_option *option, char *out, size_t size)
{
    const char *whole = option->type == MELE_I_NUMBER ? "" : "whole ";
    int length;

    if (option->most == DBL_MAX)
        length = snprintf(out, size, "a %snumber from %.10g", whole, option->least);
    else
        length = snprintf(out, size, "a %snumber from %.10g to %.10g", whole, option->least,
                          option->most);
    if (option->word != NULL)
        snprintf(out + length, size - (size_t)length, ", or %s", option->word);
}

/* What stands after "not" in a message. */
static void say_wanted(const mele_i_option *option, char *out, size_t size)
{
    int length = 0;

    switch (option->type) {
    case MELE_I_TEXT: snprintf(out, size, "UTF-8"); break;
    case MELE_I_CHOICE:
        length = snprintf(out, size, "one of ");
        mele_i_option_choices(option, out + length, size - (size_t)length);
        break;
    case MELE_I_FLAG:
    case MELE_I_DENIAL: snprintf(out, size, "yes or no"); break;
    case MELE_I_WHOLE:
    case MELE_I_SEED:
    case MELE_I_NUMBER: say_range(option, out, size); break;
    case MELE_I_SPECIAL: snprintf(out, size, "%s", option->special->wanted); break;
    }
}

static const char *chosen(const mele_i_option *option, const char *text)
{
    for (size_t c = 0; option->choice(c) != NULL; c++)
        if (strcmp(option->choice(c), text) == 0)
            return option->choice(c);
    return NULL;
}

static bool within(const mele_i_option *option, double value)
{
    return value >= option->least && value <= option->most;
}

/* ---- from text ---- */

static bool parse_number(const mele_i_option *option, const char *text, double *out)
{
    double value;

    if (option->word != NULL && strcmp(text, option->word) == 0) {
        *out = option->word_value;
        return true;
    }
    if (mele_i_number_parse(text, strlen(text), &value) != MELE_I_NUMBER_OK
        || !within(option, value) || (option->type != MELE_I_NUMBER && value != floor(value)))
        return false;
    *out = value;
    return true;
}

static bool parse_flag(const char *text, bool *out)
{
    *out = text == NULL || strcmp(text, YES) == 0;
    return *out || strcmp(text, "no") == 0;
}

/* False: it is not a value. */
static bool take(const mele_i_option *option, void *options, const char *text)
{
    void *member = (char *)options + option->offset;
    const char *choice;
    double number;
    bool flag;

    switch (option->type) {
    case MELE_I_TEXT:
        if (!mele_i_is_utf8(text))
            return false;
        *(const char **)member = text;
        return true;
    case MELE_I_CHOICE:
        if ((choice = chosen(option, text)) == NULL)
            return false;
        *(const char **)member = choice;
        return true;
    case MELE_I_FLAG:
    case MELE_I_DENIAL:
        if (!parse_flag(text, &flag))
            return false;
        *(bool *)member = flag == (option->type == MELE_I_FLAG);
        return true;
    case MELE_I_SPECIAL: return option->special->set(options, text);
    case MELE_I_WHOLE:
    case MELE_I_SEED:
    case MELE_I_NUMBER: break;
    }
    if (!parse_number(option, text, &number))
        return false;
    if (option->type == MELE_I_WHOLE)
        *(size_t *)member = (size_t)number;
    else if (option->type == MELE_I_SEED)
        *(uint64_t *)member = (uint64_t)number;
    else
        *(double *)member = number;
    return true;
}

static const char *choice_at(size_t i, const void *user)
{
    const mele_i_option *option = user;

    return option->choice(i);
}

/* What follows what is a value, in out[size]: that the text is one elsewhere, or nearly one here. */
static void say_meant(const mele_i_option *option, const char *text, char *out, size_t size)
{
    const char *where = option->elsewhere == NULL || text == NULL ? NULL : option->elsewhere(text);
    const char *near = option->type != MELE_I_CHOICE || text == NULL
                           ? NULL : mele_i_nearest(text, strlen(text), choice_at, option);

    out[0] = '\0';
    if (where != NULL)
        snprintf(out, size, ": %s", where);
    else if (near != NULL)
        snprintf(out, size, ": is it %s?", near);
}

mele_status mele_i_option_set(const mele_i_option *option, void *options, const char *text,
                              mele_error *error)
{
    const bool flag = option->type == MELE_I_FLAG || option->type == MELE_I_DENIAL;
    char wanted[WANTED], meant[WANTED];

    if (text == NULL && !flag)
        return mele_i_fail(error, MELE_EINVAL, "--%s needs a value", option->name);
    if (take(option, options, text))
        return MELE_OK;
    say_wanted(option, wanted, sizeof wanted);
    say_meant(option, text, meant, sizeof meant);
    return mele_i_fail(error, MELE_EINVAL, "--%s is \"%s\", not %s%s", option->name, text, wanted, meant);
}

/* ---- to text ---- */

static size_t number_text(double value, char *out, size_t size)
{
    char text[MELE_I_NUMBER_ROOM];
    const int length = (int)mele_i_number_print(value, text);

    return (size_t)snprintf(out, size, "%.*s", length, text);
}

bool mele_i_option_has(const mele_i_option *option, const void *options)
{
    const void *member = member_of(option, options);
    double number;

    switch (option->type) {
    case MELE_I_TEXT:
    case MELE_I_CHOICE: return *(const char *const *)member != NULL;
    case MELE_I_FLAG: return *(const bool *)member;
    case MELE_I_DENIAL: return !*(const bool *)member;
    case MELE_I_WHOLE: return !option->optional || (double)*(const size_t *)member >= option->least;
    case MELE_I_SEED: return true;
    case MELE_I_NUMBER:
        number = *(const double *)member;
        return !option->optional || number >= option->least
               || (option->word != NULL && number == option->word_value);
    case MELE_I_SPECIAL: break;
    }
    return option->special->text(options, NULL, 0) > 0;
}

size_t mele_i_option_text(const mele_i_option *option, const void *options, char *out, size_t size)
{
    const void *member = member_of(option, options);
    const char *text = YES;

    if (size > 0)
        out[0] = '\0';
    if (!mele_i_option_has(option, options))
        return 0;
    switch (option->type) {
    case MELE_I_TEXT:
    case MELE_I_CHOICE: text = *(const char *const *)member; break;
    case MELE_I_FLAG:
    case MELE_I_DENIAL: break;
    case MELE_I_WHOLE: return (size_t)snprintf(out, size, "%zu", *(const size_t *)member);
    case MELE_I_SEED:
        return (size_t)snprintf(out, size, "%ju", (uintmax_t) * (const uint64_t *)member);
    case MELE_I_NUMBER:
        if (option->word == NULL || *(const double *)member != option->word_value)
            return number_text(*(const double *)member, out, size);
        text = option->word;
        break;
    case MELE_I_SPECIAL: return option->special->text(options, out, size);
    }
    return (size_t)snprintf(out, size, "%s", text);
}

const char **mele_i_option_string(const mele_i_option *option, void *options)
{
    if (option->type == MELE_I_TEXT || option->type == MELE_I_CHOICE)
        return (const char **)((char *)options + option->offset);
    return option->special == NULL || option->special->string == NULL
               ? NULL
               : option->special->string(options);
}

/* ---- checks of what callers set ---- */

static mele_status refuse_member(const mele_i_option *option, const char *of, const char *value,
                                 mele_error *error)
{
    char wanted[WANTED];

    say_wanted(option, wanted, sizeof wanted);
    return mele_i_fail(error, MELE_EINVAL, "%s%s is %s, not %s", of, option->member, value, wanted);
}

static mele_status check_string(const mele_i_option *option, const char *text, const char *of,
                                mele_error *error)
{
    if (text == NULL)
        return option->optional ? MELE_OK
               : option->type == MELE_I_TEXT
                   ? mele_i_fail(error, MELE_EINVAL, "%s%s is NULL", of, option->member)
                   : refuse_member(option, of, "NULL", error);
    if (option->type == MELE_I_TEXT ? mele_i_is_utf8(text) : chosen(option, text) != NULL)
        return MELE_OK;
    return refuse_member(option, of, mele_i_quote(text, strlen(text)).text, error);
}

static mele_status check_number(const mele_i_option *option, double value, const char *of,
                                mele_error *error)
{
    char text[32];

    if (within(option, value) || (option->optional && value < option->least)
        || (option->word != NULL && value == option->word_value))
        return MELE_OK;
    snprintf(text, sizeof text, "%.10g", value);
    return refuse_member(option, of, text, error);
}

mele_status mele_i_option_check(const mele_i_option *option, const void *options, const char *of,
                                mele_error *error)
{
    const void *member = member_of(option, options);

    switch (option->type) {
    case MELE_I_TEXT:
    case MELE_I_CHOICE: return check_string(option, *(const char *const *)member, of, error);
    case MELE_I_WHOLE: return check_number(option, (double)*(const size_t *)member, of, error);
    case MELE_I_SEED: return check_number(option, (double)*(const uint64_t *)member, of, error);
    case MELE_I_NUMBER: return check_number(option, *(const double *)member, of, error);
    case MELE_I_FLAG:
    case MELE_I_DENIAL:
    case MELE_I_SPECIAL: break;
    }
    return MELE_OK;
}

mele_status mele_i_option_check_all(const mele_i_option_table *table, const void *options,
                                    const char *of, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = 0; i < table->count && status == MELE_OK; i++)
        status = mele_i_option_check(&table->row[i], options, of, error);
    return status;
}

mele_status mele_i_check_reserved(const uint64_t *reserved, mele_error *error)
{
    for (size_t i = 0; i < MELE_RESERVED; i++)
        if (reserved[i] != 0)
            return mele_i_fail(error, MELE_EINVAL, "options that are not made of the library's "
                               "defaults, or that are for a newer version of it: what is reserved in "
                               "them is not 0");
    return MELE_OK;
}
