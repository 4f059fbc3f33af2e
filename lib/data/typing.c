#include "data/typing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/quote.h"

#define MOST_LEVELS 20 /* a text column may always have */
#define MOST_COPY 80   /* bytes of a cell that messages are made of */

/* ---- counting ---- */

static char *copy_of(const char *text, size_t length)
{
    return strndup(text, length < MOST_COPY ? length : MOST_COPY);
}

/* Follow a column that numbers the rows, as long as it does. */
static void count_row(mele_i_tally *tally, const char *text, size_t length)
{
    unsigned long value = 0;

    tally->skips = tally->skips || length == 0 || length > 15;
    for (size_t i = 0; i < length && !tally->skips; i++) {
        tally->skips = text[i] < '0' || text[i] > '9';
        value = 10 * value + (unsigned long)(text[i] - '0');
    }
    tally->skips = tally->skips || (tally->rows > 1 && value != tally->count + 1);
    tally->count = value;
}

static bool add_odd(mele_i_tally *tally, mele_i_look look, const char *text, size_t length,
                    size_t line)
{
    bool is_text = look == MELE_I_LOOK_TEXT;
    char **copy = is_text ? &tally->text : &tally->odd;
    bool first = *copy == NULL;

    tally->texts += is_text;
    tally->dates += look == MELE_I_LOOK_DATE || look == MELE_I_LOOK_TIME;
    tally->amounts += look < MELE_I_LOOK_DATE;
    if (first || (look == MELE_I_LOOK_OTHER_MARK && !tally->other_mark)) {
        free(*copy);
        *copy = copy_of(text, length);
        *(is_text ? &tally->text_line : &tally->odd_line) = line;
    }
    tally->other_mark = tally->other_mark || look == MELE_I_LOOK_OTHER_MARK;
    return *copy != NULL;
}

bool mele_i_tally_add(mele_i_tally *tally, const char *text, size_t length, bool missing,
                      char decimal, size_t line)
{
    tally->rows++;
    tally->skips = tally->skips || missing;
    if (missing)
        return true;
    if (!tally->skips)
        count_row(tally, text, length);
    mele_i_look look = mele_i_look_at(text, length, decimal);
    if (look != MELE_I_LOOK_NUMBER)
        return add_odd(tally, look, text, length, line);
    tally->numbers++;
    return true;
}

void mele_i_tally_clear(mele_i_tally *tally)
{
    free(tally->odd);
    free(tally->text);
    memset(tally, 0, sizeof *tally);
}

/* ---- deciding ---- */

static size_t cells_of(const mele_i_tally *tally)
{
    return (size_t)tally->numbers + tally->amounts + tally->dates + tally->texts;
}

/* Whether `some` is at least nine in ten of `all`. */
static bool is_nearly_all(size_t some, size_t all)
{
    return 10 * some >= 9 * all;
}

mele_column_kind mele_i_tally_kind(const mele_i_tally *tally)
{
    return is_nearly_all(tally->numbers, cells_of(tally)) ? MELE_COLUMN_NUMBER
                                                          : MELE_COLUMN_CATEGORY;
}

bool mele_i_tally_numbers_rows(const mele_i_tally *tally)
{
    return tally->rows > 0 && !tally->skips;
}

bool mele_i_tally_is_empty(const mele_i_tally *tally)
{
    return cells_of(tally) == 0;
}

/* ---- advice ---- */

static mele_i_quoted name_of(const mele_i_column *column)
{
    return mele_i_quote(column->name, strlen(column->name));
}

static mele_i_quoted word_of(const mele_i_column *column)
{
    return mele_i_word(column->name, strlen(column->name));
}

/* The options that read the other decimal mark. Cells can hold a comma between commas in quotes,
 * which a delimiter that is found would not be. */
static const char *other_mark_options(mele_i_form form)
{
    if (form.decimal == ',')
        return "--decimal .";
    return form.delimiter == ',' ? "-d , --decimal ," : "--decimal ,";
}

static void advise_missing(const mele_i_column *column, const char *text, size_t length,
                           mele_i_form form, char *out, size_t size)
{
    char category[120] = "";

    if (column->inferred)
        snprintf(category, sizeof category, "; --categorical %s if it is a category",
                 word_of(column).text);
    if (form.missing_given || memchr(text, ',', length) != NULL || length == 0)
        snprintf(out, size, " (list it in --na if it means missing%s)", category);
    else
        snprintf(out, size, " (--na %s if it means missing%s)", mele_i_word(text, length).text,
                 category);
}

mele_i_advice mele_i_advise(const mele_i_column *column, const char *text, size_t length,
                            mele_i_form form)
{
    mele_i_advice advice;
    const size_t size = sizeof advice.text;

    switch (mele_i_look_at(text, length, form.decimal)) {
    case MELE_I_LOOK_OTHER_MARK:
        snprintf(advice.text, size, " (%s)", other_mark_options(form));
        break;
    case MELE_I_LOOK_THOUSANDS:
        snprintf(advice.text, size, " (numbers have no thousands separators; %s if that is a "
                 "decimal mark)", other_mark_options(form));
        break;
    case MELE_I_LOOK_CURRENCY:
    case MELE_I_LOOK_PERCENT:
    case MELE_I_LOOK_UNIT:
        snprintf(advice.text, size, " (numbers have no signs or units)");
        break;
    default: advise_missing(column, text, length, form, advice.text, size); break;
    }
    return advice;
}

/* ---- text that is refused ---- */

/* What to do with a column of text that is refused. */
static mele_i_advice ways_out(const mele_i_column *column)
{
    mele_i_advice ways;
    mele_i_quoted word = word_of(column);

    if (column->guard == MELE_I_GUARD_TARGET)
        snprintf(ways.text, sizeof ways.text, "--categorical %s makes each value a class",
                 word.text);
    else
        snprintf(ways.text, sizeof ways.text, "--ignore %s or --id %s leaves it out, --categorical "
                 "%s makes each value a level", word.text, word.text, word.text);
    return ways;
}

static mele_status refuse_mark(const mele_i_column *column, const mele_i_tally *tally,
                               mele_i_form form, mele_error *error)
{
    return mele_i_fail_at(error, MELE_EDATA, tally->odd_line,
                          "column %s: %s is not a number with the decimal mark \"%c\": %s reads "
                          "it, --categorical %s makes each value a %s", name_of(column).text,
                          mele_i_quote(tally->odd, strlen(tally->odd)).text, form.decimal,
                          other_mark_options(form), word_of(column).text,
                          column->guard == MELE_I_GUARD_TARGET ? "class" : "level");
}

mele_status mele_i_refuse_amounts(const mele_i_column *column, const mele_i_tally *tally,
                                  mele_i_form form, mele_error *error)
{
    const size_t dressed = (size_t)tally->amounts + tally->dates;
    const bool dates = tally->dates > tally->amounts;

    if (dressed == 0 || !is_nearly_all(dressed + tally->numbers, cells_of(tally)))
        return MELE_OK;
    if (tally->other_mark)
        return refuse_mark(column, tally, form, error);
    return mele_i_fail_at(error, MELE_EDATA, tally->odd_line, "column %s: %s is %s, not a number: "
                          "%s%s", name_of(column).text,
                          mele_i_quote(tally->odd, strlen(tally->odd)).text,
                          dates ? "a date or time" : "an amount",
                          dates ? "" : "write numbers without separators, signs and units; ",
                          ways_out(column).text);
}

bool mele_i_describe_mixture(const mele_i_tally *tally, mele_i_advice *out)
{
    const char *cell = tally->text == NULL ? tally->odd : tally->text;

    if (2 * (size_t)tally->numbers < cells_of(tally) || cell == NULL)
        return false;
    snprintf(out->text, sizeof out->text, "%u of its first %zu cells are numbers, and %s is not "
             "(--na %s if it means missing)", (unsigned)tally->numbers, cells_of(tally),
             mele_i_quote(cell, strlen(cell)).text, mele_i_word(cell, strlen(cell)).text);
    return true;
}

mele_status mele_i_refuse_levels(const mele_i_column *column, const mele_i_tally *tally,
                                 size_t levels, size_t rows, mele_error *error)
{
    const char *what = column->guard == MELE_I_GUARD_TARGET ? "classes" : "levels";
    const char *cell = tally == NULL ? NULL : tally->text == NULL ? tally->odd : tally->text;
    mele_i_advice mixture = {""};

    if (levels <= MOST_LEVELS || 2 * levels <= rows)
        return MELE_OK;
    if (cell == NULL)
        return mele_i_fail(error, MELE_EDATA, "column %s: %zu classes in %zu rows: --task "
                           "regression, or %s", name_of(column).text, levels, rows,
                           ways_out(column).text);
    mele_i_describe_mixture(tally, &mixture);
    return mele_i_fail_at(error, MELE_EDATA, cell == tally->odd ? tally->odd_line
                                                                : tally->text_line,
                          "column %s: text such as %s with %zu %s in %zu rows%s%s: %s",
                          name_of(column).text, mele_i_quote(cell, strlen(cell)).text, levels,
                          what, rows, mixture.text[0] == '\0' ? "" : "; ", mixture.text,
                          ways_out(column).text);
}
