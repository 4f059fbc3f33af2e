/* What a cell looks like: a number, a number in a dress that the reader does not take off, a date,
 * or text. A rule errs to the side of text, since what looks like an amount or a date is refused:
 * "1st", "4wd", "3-5", "<=50K" and "1.2.3" are text. */
#include "data/typing.h"

#include <ctype.h>
#include <string.h>

#include "core/number.h"

#define MOST_LENGTH 48 /* a longer cell is text */
#define MOST_RUNS 8

/* What is left of a cell. */
typedef struct scanner {
    const char *at, *end;
} scanner;

static bool at_end(const scanner *s)
{
    return s->at == s->end;
}

static bool accept(scanner *s, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
        return false;
    s->at += length;
    return true;
}

static bool accept_any(scanner *s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (accept(s, *words))
            return true;
    return false;
}

static bool skip_blanks(scanner *s)
{
    static const char *const blanks[] = {" ", "\t", "\xC2\xA0", "\xE2\x80\xAF", NULL};
    bool some = false;

    while (accept_any(s, blanks))
        some = true;
    return some;
}

/* A run of digits: its length, and its value as far as that matters. */
static size_t read_run(scanner *s, unsigned *value)
{
    const char *first = s->at;

    *value = 0;
    for (; !at_end(s) && isdigit((unsigned char)*s->at); s->at++)
        *value = *value > 99999 ? *value : *value * 10 + (unsigned)(*s->at - '0');
    return (size_t)(s->at - first);
}

static bool digit_follows(const scanner *s, size_t length)
{
    return (size_t)(s->end - s->at) > length && isdigit((unsigned char)s->at[length]);
}

/* ---- numbers ---- */

/* The runs of digits of a number and what separates them: '.', ',' or, for all else, ' '. */
typedef struct body {
    size_t runs, length[MOST_RUNS];
    char separator[MOST_RUNS]; /* before run i */
} body;

static char read_separator(scanner *s)
{
    static const char *const separators[] = {".", ",", "'", "_", " ", "\xC2\xA0", "\xE2\x80\x89",
                                             "\xE2\x80\xAF", "\xE2\x80\x99", NULL};

    for (size_t i = 0; separators[i] != NULL; i++) {
        size_t length = strlen(separators[i]);
        if (digit_follows(s, length) && accept(s, separators[i]))
            return i < 2 ? separators[i][0] : ' ';
    }
    return '\0';
}

static bool read_body(scanner *s, body *b)
{
    unsigned value;
    char separator = '\0';

    b->runs = 0;
    do {
        if (b->runs == MOST_RUNS)
            return false;
        b->separator[b->runs] = separator;
        b->length[b->runs++] = read_run(s, &value);
        separator = read_separator(s);
    } while (separator != '\0');
    return b->length[0] > 0 || b->runs == 2;
}

/* Whether runs 0 .. last are groups of thousands, or of lakhs: 1,200,000 or 12,00,000. */
static bool are_groups(const body *b, size_t last)
{
    if (b->length[0] == 0 || b->length[0] > 3 || b->length[last] != 3)
        return false;
    for (size_t i = 1; i <= last; i++)
        if (b->separator[i] != b->separator[1] || (b->length[i] != 3 && b->length[i] != 2))
            return false;
    return true;
}

/* What the runs make: a plain number, one with the other mark, one in groups; else text. */
static mele_i_look look_of_body(const body *b, char mark)
{
    const size_t last = b->runs - 1;
    const char separator = b->separator[last];
    bool fraction = separator != '\0' && separator != ' '
                    && (last == 1 || separator != b->separator[last - 1]);

    if (last == 0)
        return MELE_I_LOOK_NUMBER;
    if (are_groups(b, last) && (last > 1 || separator != mark))
        return MELE_I_LOOK_THOUSANDS;
    if (!fraction || (last > 1 && !are_groups(b, last - 1)))
        return MELE_I_LOOK_TEXT;
    if (separator != mark)
        return MELE_I_LOOK_OTHER_MARK;
    return last == 1 ? MELE_I_LOOK_NUMBER : MELE_I_LOOK_THOUSANDS;
}

static bool skip_exponent(scanner *s)
{
    scanner ahead = *s;
    unsigned value;

    if (!accept(&ahead, "e") && !accept(&ahead, "E"))
        return false;
    if (!accept(&ahead, "-"))
        accept(&ahead, "+");
    if (read_run(&ahead, &value) == 0)
        return false;
    *s = ahead;
    return true;
}

/* A unit: one word of letters, signs and powers, such as km/h, m2 or \u00b0C. */
static bool skip_unit(scanner *s)
{
    const char *first = s->at;

    for (; !at_end(s); s->at++) {
        unsigned char c = (unsigned char)*s->at;
        bool inner = s->at > first && (isdigit(c) || strchr("/^.-", c) != NULL);
        if (!isalpha(c) && c < 0x80 && !inner)
            break;
    }
    return s->at > first && s->at - first <= 16;
}

static const char *const currencies[] = {"$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5", "\xE2\x82\xB9",
                                         "US$", "R$", NULL};

static bool skip_sign(scanner *s)
{
    static const char *const signs[] = {"-", "+", "\xE2\x88\x92", NULL};

    return accept_any(s, signs);
}

/* What stands behind a number's digits. Letters that touch whole digits are a code: 4wd, 1st. */
static mele_i_look look_of_suffix(scanner *s, mele_i_look look, bool touching_is_unit)
{
    bool apart = skip_blanks(s);

    if (at_end(s))
        return look;
    if (accept(s, "%"))
        return MELE_I_LOOK_PERCENT;
    if (accept_any(s, currencies))
        return MELE_I_LOOK_CURRENCY;
    if ((apart || touching_is_unit) && skip_unit(s))
        return MELE_I_LOOK_UNIT;
    return MELE_I_LOOK_TEXT;
}

/* A number in whatever dress. Plain ones have been read before: what is a number here has a sign
 * or blanks that are not plain, which is as the other mark to those who write them. */
static mele_i_look look_of_amount(scanner s, char mark)
{
    body b;
    bool currency, exponent;

    accept(&s, "'"); /* what spreadsheets put before a number that is to stay text */
    if (accept(&s, "(")) { /* how accounts write a negative number */
        if (at_end(&s) || s.end[-1] != ')')
            return MELE_I_LOOK_TEXT;
        s.end--;
    }
    bool minus = skip_sign(&s);
    skip_blanks(&s);
    currency = accept_any(&s, currencies);
    skip_blanks(&s);
    if (!minus)
        skip_sign(&s);
    if (!read_body(&s, &b))
        return MELE_I_LOOK_TEXT;
    exponent = skip_exponent(&s);
    mele_i_look look = look_of_body(&b, mark);
    if (look != MELE_I_LOOK_TEXT)
        look = look_of_suffix(&s, look, b.runs > 1 || exponent);
    skip_blanks(&s);
    if (!at_end(&s))
        return MELE_I_LOOK_TEXT;
    if (currency && look < MELE_I_LOOK_PERCENT)
        return MELE_I_LOOK_CURRENCY;
    return look == MELE_I_LOOK_NUMBER ? MELE_I_LOOK_THOUSANDS : look;
}

/* ---- dates ---- */

static bool skip_time(scanner *s)
{
    static const char *const after[] = {"Z", "AM", "PM", "am", "pm", NULL};
    scanner ahead = *s;
    unsigned hour, minute, rest;

    if (read_run(&ahead, &hour) - 1 > 1 || hour > 24 || !accept(&ahead, ":")
        || read_run(&ahead, &minute) != 2 || minute > 59)
        return false;
    if (accept(&ahead, ":") && read_run(&ahead, &rest) != 2)
        return false;
    if (accept(&ahead, "."))
        read_run(&ahead, &rest);
    *s = ahead;
    skip_blanks(s);
    if (!accept_any(s, after) && skip_sign(s)) { /* a time zone */
        read_run(s, &rest);
        if (accept(s, ":"))
            read_run(s, &rest);
    }
    return true;
}

static bool is_day_or_month(size_t length, unsigned value)
{
    return (length == 1 || length == 2) && value >= 1 && value <= 31;
}

/* 2021-01-31, 31.01.2021, 1/31/21, 2021-01. */
static bool skip_numeric_date(scanner *s)
{
    unsigned value[3] = {0, 0, 0};
    size_t length[3] = {0, 0, 0}, runs = 0;
    char separator = '\0';

    for (; runs < 3; runs++) {
        if (runs > 0 && (at_end(s) || (runs == 1 ? strchr("-/.", *s->at) == NULL
                                                 : *s->at != separator)))
            break;
        if (runs > 0)
            separator = *s->at++;
        length[runs] = read_run(s, &value[runs]);
    }
    if (runs == 2)
        return separator != '.' && length[0] == 4 && length[1] == 2 && value[1] >= 1
               && value[1] <= 12;
    if (runs < 3)
        return false;
    bool year_first = length[0] == 4, year_last = length[2] == 4 || length[2] == 2;
    size_t first = year_first ? 1 : 0;
    return (year_first || year_last) && is_day_or_month(length[first], value[first])
           && is_day_or_month(length[first + 1], value[first + 1])
           && (value[first] <= 12 || value[first + 1] <= 12);
}

/* The name of a month, or its first three letters, in any case. */
static bool skip_month(scanner *s)
{
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    size_t length = 0;

    while (s->at + length < s->end && isalpha((unsigned char)s->at[length]))
        length++;
    for (size_t m = 0; m < 12; m++) {
        size_t same = 0;
        while (same < length && months[m][same] == tolower((unsigned char)s->at[same]))
            same++;
        if (same == length && (length == 3 || months[m][length] == '\0') && length > 0) {
            s->at += length;
            return true;
        }
    }
    return false;
}

/* 5 Jan 2021, Jan 5, 2021, 05-Jan-21, January 2021. */
static bool skip_named_date(scanner *s)
{
    unsigned value;
    size_t months = 0, numbers = 0;

    while (!at_end(s)) {
        scanner ahead = *s;
        if (skip_time(&ahead))
            break;
        size_t length = read_run(s, &value);
        if (length == 4 || is_day_or_month(length, value) || (length == 2 && numbers > 0))
            numbers++;
        else if (length == 0 && skip_month(s))
            months++;
        else
            return false;
        while (!at_end(s) && strchr(" ,-/.", *s->at) != NULL)
            s->at++;
    }
    return months == 1 && numbers >= 1 && numbers <= 2;
}

static mele_i_look look_of_date(scanner s)
{
    scanner numeric = s, named = s, time = s;

    if (skip_time(&time) && at_end(&time))
        return MELE_I_LOOK_TIME;
    if (!skip_numeric_date(&numeric)) {
        numeric = named;
        if (!skip_named_date(&numeric))
            return MELE_I_LOOK_TEXT;
    }
    if (at_end(&numeric))
        return MELE_I_LOOK_DATE;
    if (!accept(&numeric, "T"))
        skip_blanks(&numeric);
    return skip_time(&numeric) && at_end(&numeric) ? MELE_I_LOOK_DATE : MELE_I_LOOK_TEXT;
}

mele_i_look mele_i_look_at(const char *text, size_t length, char decimal)
{
    scanner s = {text, text + length};
    double value;
    mele_i_look look;

    if (mele_i_number_parse_mark(text, length, decimal, &value) != MELE_I_NUMBER_NOT)
        return MELE_I_LOOK_NUMBER;
    skip_blanks(&s);
    while (s.end > s.at && (s.end[-1] == ' ' || s.end[-1] == '\t'))
        s.end--;
    if (at_end(&s) || s.end - s.at > MOST_LENGTH)
        return MELE_I_LOOK_TEXT;
    look = look_of_date(s);
    return look == MELE_I_LOOK_TEXT ? look_of_amount(s, decimal) : look;
}
