/* JSON texts as jansson's values.
 *
 * jansson's own reader gathers each token in a buffer and goes on when that cannot grow: a number
 * is then read wrong, a text lacks letters, and an assertion about the number may end the process.
 * Nor does anything bound what it takes: an empty object is 2 bytes of text and over 200 of memory.
 * So texts are read here into values made by jansson's calls, each of which says when memory ran
 * out, and what those take is counted before it is taken. Memory comes to at most
 *
 *     ALLOWANCE + FACTOR times the bytes read so far,
 *
 * which text that mele writes does not come near: a number of it takes 12 times its 4 bytes or
 * more, an expert's object 15 times its own. Nothing is read on after an error. */
#include "core/json.h"

#include <math.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/utf8.h"

#define ALLOWANCE ((size_t)20 << 20)
#define FACTOR 30
#define MOST_DEPTH 64 /* a model's values lie 8 deep; no host's stack is to be used up */

/* What jansson and malloc take, in bytes, with the place in the array that holds it. */
enum { NUMBER_COST = 48, TEXT_COST = 96, ARRAY_COST = 144, OBJECT_COST = 240, MEMBER_COST = 80 };

typedef struct reader {
    FILE *file;            /* NULL: text in memory, */
    const char *at, *end;  /* of which this is to come */
    int c;              /* the character that is looked at; EOF */
    size_t line, read;  /* lines and bytes up to there */
    size_t cost, depth; /* of the values made so far; of the one that is being made */
    char *text;         /* the token that is being read, ended by a zero */
    size_t length, room;
    mele_error *error;
    mele_status status;
} reader;

/* ---- failures ---- */

static bool cannot_read(const reader *r)
{
    return r->c == EOF && r->file != NULL && ferror(r->file);
}

static json_t *fail(reader *r, const char *what)
{
    if (r->status != MELE_OK)
        return NULL;
    if (cannot_read(r))
        r->status = mele_i_fail(r->error, MELE_EIO, "%s", strerror(errno != 0 ? errno : EIO));
    else
        r->status = mele_i_fail_at(r->error, MELE_EDATA, r->line, "%s",
                                   r->c == EOF ? "it ends too early" : what);
    return NULL;
}

static json_t *no_memory(reader *r)
{
    r->status = mele_i_no_memory(r->error);
    return NULL;
}

/* A new value; NULL: memory ran out. */
static json_t *made(reader *r, json_t *value)
{
    return value != NULL ? value : no_memory(r);
}

static bool charge(reader *r, size_t bytes)
{
    r->cost += bytes;
    if (r->cost <= ALLOWANCE + FACTOR * r->read)
        return true;
    r->status = mele_i_fail_at(r->error, MELE_EDATA, r->line,
                               "the values of its first %zu bytes take more than %zu MB of memory",
                               r->read, r->cost >> 20);
    return false;
}

/* ---- characters ---- */

static void step(reader *r)
{
    r->line += r->c == '\n';
    r->read++;
    if (r->file == NULL) {
        r->c = r->at < r->end ? (unsigned char)*r->at++ : EOF;
        return;
    }
    while ((r->c = getc_unlocked(r->file)) == EOF && ferror(r->file) && errno == EINTR)
        clearerr(r->file);
}

static void skip_space(reader *r)
{
    while (r->c == ' ' || r->c == '\t' || r->c == '\n' || r->c == '\r')
        step(r);
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool append(reader *r, int c)
{
    if (r->room - r->length < 2) {
        const size_t room = 2 * r->room + 64;
        char *grown = mele_i_grow(r->text, room, 1);
        if (grown == NULL) {
            no_memory(r);
            return false;
        }
        r->text = grown;
        r->room = room;
    }
    r->text[r->length++] = (char)c;
    r->text[r->length] = '\0';
    return true;
}

/* Append the character that is looked at, and look at the next. */
static bool take(reader *r)
{
    if (!append(r, r->c))
        return false;
    step(r);
    return true;
}

/* ---- numbers and words ---- */

static bool take_digits(reader *r)
{
    if (!is_digit(r->c)) {
        fail(r, "a number that is none");
        return false;
    }
    while (is_digit(r->c))
        if (!take(r))
            return false;
    return true;
}

/* The token of a number, by the grammar of JSON: no leading zeros, digits on either side of the
 * point. */
static bool take_number(reader *r, bool *whole)
{
    bool good = r->c != '-' || take(r);

    *whole = true;
    if (good && r->c == '0') {
        good = take(r);
        if (good && is_digit(r->c))
            good = fail(r, "a number with a leading zero") != NULL;
    } else if (good) {
        good = take_digits(r);
    }
    if (good && r->c == '.') {
        *whole = false;
        good = take(r) && take_digits(r);
    }
    if (good && (r->c == 'e' || r->c == 'E')) {
        *whole = false;
        good = take(r) && ((r->c != '+' && r->c != '-') || take(r)) && take_digits(r);
    }
    return good;
}

/* A whole number; false: it has more than 64 bits. */
static bool whole_of(const char *text, json_int_t *out)
{
    const bool negative = *text == '-';
    json_int_t value = 0;

    for (text += negative; *text != '\0'; text++) {
        const int digit = *text - '0';
        if (__builtin_mul_overflow(value, 10, &value)
            || (negative ? __builtin_sub_overflow(value, digit, &value)
                         : __builtin_add_overflow(value, digit, &value)))
            return false;
    }
    *out = value;
    return true;
}

static json_t *read_number(reader *r)
{
    json_int_t integer;
    double real;
    bool whole;

    r->length = 0;
    if (!charge(r, NUMBER_COST) || !take_number(r, &whole))
        return NULL;
    if (whole)
        return whole_of(r->text, &integer) ? made(r, json_integer(integer))
                                           : fail(r, "a whole number of more than 64 bits");
    if (mele_i_number_parse(r->text, r->length, &real) != MELE_I_NUMBER_OK)
        return fail(r, "a number beyond all doubles");
    return made(r, json_real(real));
}

static json_t *read_word(reader *r)
{
    r->length = 0;
    while (r->c >= 'a' && r->c <= 'z' && r->length < sizeof "false")
        if (!take(r))
            return NULL;
    if (r->length > 0 && strcmp(r->text, "true") == 0)
        return json_true();
    if (r->length > 0 && strcmp(r->text, "false") == 0)
        return json_false();
    if (r->length > 0 && strcmp(r->text, "null") == 0)
        return json_null();
    return fail(r, "no value where one belongs");
}

/* ---- texts ---- */

/* Four hexadecimal digits; -1: they are not there. */
static long hexadecimal(reader *r)
{
    long value = 0;

    for (int i = 0; i < 4; i++, step(r)) {
        const int letter = r->c | 0x20;
        if (is_digit(r->c))
            value = 16 * value + (r->c - '0');
        else if (letter >= 'a' && letter <= 'f')
            value = 16 * value + (letter - 'a' + 10);
        else
            return -1;
    }
    return value;
}

static bool append_utf8(reader *r, long code)
{
    if (code < 0x80)
        return append(r, (int)code);
    if (code < 0x800)
        return append(r, (int)(0xC0 | code >> 6)) && append(r, (int)(0x80 | (code & 0x3F)));
    if (code < 0x10000)
        return append(r, (int)(0xE0 | code >> 12)) && append(r, (int)(0x80 | (code >> 6 & 0x3F)))
               && append(r, (int)(0x80 | (code & 0x3F)));
    return append(r, (int)(0xF0 | code >> 18)) && append(r, (int)(0x80 | (code >> 12 & 0x3F)))
           && append(r, (int)(0x80 | (code >> 6 & 0x3F))) && append(r, (int)(0x80 | (code & 0x3F)));
}

/* After "\u": a code, or the two halves of one. Zero would end the text. */
static bool take_code(reader *r)
{
    long code = hexadecimal(r);
    bool good = code > 0 && !(code >= 0xDC00 && code <= 0xDFFF);

    if (good && code >= 0xD800 && code <= 0xDBFF) {
        good = r->c == '\\';
        if (good)
            step(r);
        good = good && r->c == 'u';
        if (good)
            step(r);
        const long second = good ? hexadecimal(r) : -1;
        good = second >= 0xDC00 && second <= 0xDFFF;
        code = 0x10000 + (code - 0xD800) * 0x400 + (second - 0xDC00);
    }
    if (!good) {
        fail(r, "a text with a \\u that is no character");
        return false;
    }
    return append_utf8(r, code);
}

static bool take_escape(reader *r)
{
    static const char letters[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";

    step(r);
    if (r->c == 'u') {
        step(r);
        return take_code(r);
    }
    const char *at = r->c <= 0 ? NULL : strchr(letters, r->c);
    if (at == NULL) {
        fail(r, "a text with an unknown escape");
        return false;
    }
    step(r);
    return append(r, codes[at - letters]);
}

/* A text in quotes to r->text. */
static bool take_text(reader *r)
{
    r->length = 0;
    if (r->c != '"') {
        fail(r, "no text in quotes where a key belongs");
        return false;
    }
    step(r);
    while (r->c != '"') {
        if (r->c < ' ') { /* EOF, too */
            fail(r, "a text that does not end, or with a control character");
            return false;
        }
        if (!(r->c == '\\' ? take_escape(r) : take(r)))
            return false;
    }
    step(r);
    if (r->length > 0 && !mele_i_is_utf8(r->text)) {
        fail(r, "a text that is not UTF-8");
        return false;
    }
    return r->length > 0 || append(r, '\0');
}

static json_t *read_text(reader *r)
{
    if (!take_text(r) || !charge(r, TEXT_COST + strlen(r->text)))
        return NULL;
    return made(r, json_string_nocheck(r->text));
}

/* ---- arrays and objects ---- */

static json_t *read_value(reader *r);

/* Between members: whether there is another one; what ends them is read. */
static bool goes_on(reader *r, int end, bool first)
{
    skip_space(r);
    if (r->c == end) {
        step(r);
        return false;
    }
    if (first)
        return true;
    if (r->c != ',') {
        fail(r,
             end == ']' ? "an array without \",\" or \"]\"" : "an object without \",\" or \"}\"");
        return false;
    }
    step(r);
    skip_space(r);
    return true;
}

/* The array, or NULL and released after a failure. */
static json_t *finished(reader *r, json_t *value)
{
    r->depth--;
    if (r->status == MELE_OK)
        return value;
    json_decref(value);
    return NULL;
}

static json_t *begun(reader *r, size_t cost, json_t *(*new)(void))
{
    step(r);
    if (!charge(r, cost))
        return NULL;
    if (++r->depth > MOST_DEPTH)
        return fail(r, "values that lie too deep in one another");
    return made(r, new ());
}

static json_t *read_array(reader *r)
{
    json_t *array = begun(r, ARRAY_COST, json_array);

    for (bool first = true; array != NULL && r->status == MELE_OK && goes_on(r, ']', first);
         first = false) {
        json_t *value = read_value(r);
        if (value != NULL && json_array_append_new(array, value) != 0)
            no_memory(r);
    }
    return finished(r, array);
}

static void read_member(reader *r, json_t *object)
{
    if (!take_text(r) || !charge(r, MEMBER_COST + r->length))
        return;
    if (json_object_get(object, r->text) != NULL) {
        fail(r, "an object with the same key twice");
        return;
    }
    char *key = mele_i_string(r->text);
    if (key == NULL) {
        no_memory(r);
        return;
    }
    skip_space(r);
    if (r->c != ':') {
        fail(r, "a key without \":\"");
    } else {
        step(r);
        json_t *value = read_value(r);
        if (value != NULL && json_object_set_new_nocheck(object, key, value) != 0)
            no_memory(r);
    }
    free(key);
}

static json_t *read_object(reader *r)
{
    json_t *object = begun(r, OBJECT_COST, json_object);

    for (bool first = true; object != NULL && r->status == MELE_OK && goes_on(r, '}', first);
         first = false)
        read_member(r, object);
    return finished(r, object);
}

static json_t *read_value(reader *r)
{
    skip_space(r);
    switch (r->c) {
    case '{': return read_object(r);
    case '[': return read_array(r);
    case '"': return read_text(r);
    case 't':
    case 'f':
    case 'n': return charge(r, NUMBER_COST) ? read_word(r) : NULL;
    default:
        return is_digit(r->c) || r->c == '-' ? read_number(r)
                                             : fail(r, "no value where one belongs");
    }
}

static mele_status read_all(reader *r, json_t **out)
{
    json_t *value;

    errno = 0;
    step(r);
    value = read_value(r);
    if (r->status == MELE_OK)
        skip_space(r);
    if (r->status == MELE_OK && (r->c != EOF || cannot_read(r)))
        fail(r, "more text after its end");
    free(r->text);
    if (r->status != MELE_OK) {
        json_decref(value);
        return r->status;
    }
    *out = value;
    return MELE_OK;
}

mele_status mele_i_json_read(FILE *file, json_t **out, mele_error *error)
{
    reader r = {.file = file, .line = 1, .error = error, .status = MELE_OK};

    return read_all(&r, out);
}

mele_status mele_i_json_read_text(const char *text, size_t length, json_t **out, mele_error *error)
{
    reader r = {.at = text, .end = text + length, .line = 1, .error = error, .status = MELE_OK};

    return read_all(&r, out);
}

mele_status mele_i_json_check_positive(const double *values, size_t count, const char *key,
                                       mele_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!(values[i] > 0) || !isfinite(values[i]))
            return mele_i_fail(error, MELE_EDATA, "\"%s\" has %g, which is not above 0", key,
                               values[i]);
    return MELE_OK;
}
