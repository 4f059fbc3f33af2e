/* Decimal text to the nearest double.
 *
 * The text is w 10^q with an integer w of at most 19 digits (digits beyond are cut off). With
 * T(q), the 128 leading bits of 5^q, the upper bits of w T(q) hold the 53 bits of the result and
 * the bits that round it: nearest() below. One 64 x 64 bit product is enough unless its lower
 * bits are all ones; then the second half of T(q) is used, and that always decides, by the proof
 * of Mushtak and Lemire. Ties can occur for -4 <= q <= 23 only and are seen exactly.
 *
 * When digits were cut off, the number lies between w and w + 1 times 10^q. Both nearly always
 * round to the same double; if not, all digits are compared with the point midway between the
 * two neighbours in big integers: exact_nearest().
 *
 * Eight digits at a time are recognised and converted within a 64-bit word.
 *
 * Source: Lemire 2021, "Number parsing at a gigabyte per second", Softw. Pract. Exp. 51;
 * Mushtak, Lemire 2023, "Fast number parsing without fallback", Softw. Pract. Exp. 53. */
#include "core/number.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/powers.h"
#include "core/word.h"

#define MOST_DIGITS 19 /* that any 64-bit integer can hold */
#define INFINITE_BITS 0x7FF0000000000000u

__extension__ typedef unsigned __int128 wide;

/* A number's text, cut into its pieces. */
typedef struct decimal {
    const char *digits, *end; /* from the first digit to after the last, a mark perhaps within */
    size_t count;             /* of digits, leading zeros included */
    uint64_t value;           /* of the digits, when count <= MOST_DIGITS; else modulo 2^64 */
    int64_t exponent;         /* of ten, for the digits as an integer */
    bool negative;
} decimal;

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

/* ---- the nearest double of w 10^q ---- */

/* The upper 128 bits of w T(q), as exact as needed for 55 bits. */
static wide product_with_power(uint64_t w, int64_t q)
{
    const mele_i_power *power = &mele_i_powers[q - MELE_I_POWER_LEAST];
    wide product = (wide)w * power->high;

    if (((uint64_t)(product >> 64) & 0x1FF) == 0x1FF)
        product += (uint64_t)(((wide)w * power->low) >> 64);
    return product;
}

/* Bits of a subnormal double, or of the smallest normal one, from 54 bits at `shift` places too
 * high. */
static uint64_t subnormal_bits(uint64_t mantissa, int64_t shift)
{
    if (shift >= 64)
        return 0;
    mantissa >>= shift;
    mantissa += mantissa & 1;
    return mantissa >> 1; /* a carry into bit 52 is the exponent of the smallest normal double */
}

/* The bits of the double nearest to w 10^q, without sign; INFINITE_BITS when beyond all. */
static inline uint64_t nearest(uint64_t w, int64_t q)
{
    if (w == 0 || q < MELE_I_POWER_LEAST)
        return 0;
    if (q > 308)
        return INFINITE_BITS;
    int zeros = __builtin_clzll(w);
    wide product = product_with_power(w << zeros, q);
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    int upper = (int)(high >> 63), drop = upper + 64 - 52 - 3;
    uint64_t mantissa = high >> drop; /* 54 bits: the last one rounds */
    int64_t exponent = ((217706 * q) >> 16) + 63 + upper - zeros + 1023;

    if (exponent <= 0)
        return subnormal_bits(mantissa, 1 - exponent);
    if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << drop == high)
        mantissa &= ~(uint64_t)1; /* a tie, and the bit above it is even */
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    if (mantissa >> 53 != 0) {
        mantissa >>= 1;
        exponent++;
    }
    if (exponent >= 0x7FF)
        return INFINITE_BITS;
    return ((uint64_t)exponent << 52) | (mantissa & 0xFFFFFFFFFFFFFu);
}

/* ---- the exact way, for long texts ---- */

/* A double, and a point midway between two, has at most 768 significant digits; what lies beyond
 * counts only as "more". */
#define EXACT_DIGITS 770

/* Room for 771 digits times the powers that the range of doubles leads to: below 4,000 bits. */
#define LIMBS 64

typedef struct big {
    size_t count;
    uint64_t limb[LIMBS]; /* lowest first */
} big;

static void big_multiply_add(big *number, uint64_t factor, uint64_t carry)
{
    for (size_t i = 0; i < number->count; i++) {
        wide product = (wide)number->limb[i] * factor + carry;
        number->limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    if (carry != 0)
        number->limb[number->count++] = carry;
}

static void big_times_five(big *number, int64_t power)
{
    const uint64_t five_27 = 7450580596923828125u;

    for (; power >= 27; power -= 27)
        big_multiply_add(number, five_27, 0);
    for (; power > 0; power--)
        big_multiply_add(number, 5, 0);
}

static void big_times_two(big *number, int64_t power)
{
    size_t limbs = (size_t)power / 64;

    big_multiply_add(number, (uint64_t)1 << (power % 64), 0);
    memmove(number->limb + limbs, number->limb, number->count * sizeof number->limb[0]);
    memset(number->limb, 0, limbs * sizeof number->limb[0]);
    number->count += limbs;
}

static int big_compare(const big *a, const big *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = a->count; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* The digits as a big integer, to be multiplied by the power of ten that is returned. */
static int64_t big_of_digits(const decimal *text, big *number)
{
    size_t significant = 0, seen = 0;
    bool more = false;

    number->count = 0;
    for (const char *at = text->digits; at < text->end; at++) {
        if (!is_digit(*at)) /* the decimal mark */
            continue;
        unsigned digit = (unsigned)(*at - '0');
        seen += significant < EXACT_DIGITS;
        if (significant > 0 || digit > 0) {
            if (significant < EXACT_DIGITS)
                big_multiply_add(number, 10, digit);
            else
                more |= digit > 0;
            significant++;
        }
    }
    int64_t exponent = text->exponent + (int64_t)(text->count - seen);
    if (!more)
        return exponent;
    big_multiply_add(number, 10, 1);
    return exponent - 1;
}

/* The nearest double when it is `bits` or the next one up: which side of the point midway
 * between them, (2 m + 1) 2^e, the number lies. */
static uint64_t exact_nearest(const decimal *text, uint64_t bits)
{
    big number, midway = {1, {0}};
    int64_t ten = big_of_digits(text, &number);
    uint64_t field = bits >> 52, fraction = bits & 0xFFFFFFFFFFFFFu;
    int64_t two = (field == 0 ? 1 : (int64_t)field) - 1076 - ten;

    midway.limb[0] = 2 * (field == 0 ? fraction : fraction | (uint64_t)1 << 52) + 1;
    big_times_five(ten >= 0 ? &number : &midway, ten >= 0 ? ten : -ten);
    big_times_two(two < 0 ? &number : &midway, two < 0 ? -two : two);
    int side = big_compare(&number, &midway);
    return bits + (side > 0 || (side == 0 && (bits & 1) != 0));
}

/* The first 19 significant digits; *beyond: how many digits follow them. */
static uint64_t leading_digits(const decimal *text, size_t *beyond)
{
    uint64_t value = 0;
    size_t significant = 0, seen = 0;

    for (const char *at = text->digits; at < text->end && significant < MOST_DIGITS; at++)
        if (is_digit(*at)) {
            value = value * 10 + (uint64_t)(*at - '0');
            significant += value > 0;
            seen++;
        }
    *beyond = text->count - seen;
    return value;
}

static uint64_t nearest_of_long(const decimal *text)
{
    size_t beyond;
    uint64_t value = leading_digits(text, &beyond);
    int64_t exponent = text->exponent + (int64_t)beyond;
    uint64_t bits = nearest(value, exponent);

    if (beyond == 0 || bits == nearest(value + 1, exponent))
        return bits;
    return exact_nearest(text, bits);
}

/* ---- text ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* How many digits a word begins with; its first character is the lowest byte. A carry or borrow
 * between bytes starts at a byte that is no digit, so it cannot hide the first such byte. */
static int leading_digit_count(uint64_t word)
{
    uint64_t other =
        ((word + 0x4646464646464646u) | (word - 0x3030303030303030u)) & 0x8080808080808080u;

    return other == 0 ? 8 : __builtin_ctzll(other) / 8;
}

/* The number that the first `count` >= 1 characters of a word are, which are digits. */
static uint64_t value_of_digits(uint64_t word, int count)
{
    word = (word - 0x3030303030303030u) << (8 * (8 - count)); /* zeros come first */
    word = word * 10 + (word >> 8);                           /* pairs in every other byte */
    return ((word & 0x000000FF000000FFu) * 0x000F424000000064u
            + ((word >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)
           >> 32;
}

/* Read digits up to the first other character, adding them to *value modulo 2^64. What lies
 * before `at` is the text's from `start` on, so that words at the text's end can be loaded. */
static inline const char *read_digits(const char *start, const char *at, const char *end,
                                      uint64_t *value)
{
    static const uint64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint64_t v = *value;
    int count = 8;

    while (count == 8 && end - start >= 8 && at < end) {
        uint64_t word =
            end - at >= 8 ? mele_i_word_at(at) : mele_i_word_at(end - 8) >> (8 * (8 - (end - at)));
        count = leading_digit_count(word);
        if (count > 0)
            v = v * power[count] + value_of_digits(word, count);
        at += count;
    }
    for (; at < end && is_digit(*at); at++)
        v = v * 10 + (uint64_t)(*at - '0');
    *value = v;
    return at;
}

/* Read "e", sign and digits into *exponent; NULL when that is not what stands there. Beyond any
 * text's length the exponent stays where it is: large. */
static const char *read_exponent(const char *at, const char *end, int64_t *exponent)
{
    int64_t value = 0;

    at++;
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    if (at == end || !is_digit(*at))
        return NULL;
    for (; at < end && is_digit(*at); at++)
        if (value < INT64_MAX / 16)
            value = value * 10 + (*at - '0');
    *exponent = negative ? -value : value;
    return at;
}

/* Cut the text at .. end, which begins after the sign, into its pieces. */
static inline bool read_decimal(const char *at, const char *end, char mark, decimal *text)
{
    const char *start = at;
    int64_t written = 0;
    size_t fraction = 0;

    text->digits = at;
    text->value = 0;
    at = read_digits(start, at, end, &text->value);
    text->count = (size_t)(at - text->digits);
    if (at < end && *at == mark) {
        const char *first = ++at;
        at = read_digits(start, at, end, &text->value);
        fraction = (size_t)(at - first);
        text->count += fraction;
    }
    text->end = at;
    if (text->count == 0)
        return false;
    if (at < end && (*at | 0x20) == 'e')
        at = read_exponent(at, end, &written);
    text->exponent = written - (int64_t)fraction;
    return at == end;
}

static bool equals_ignoring_case(const char *text, size_t length, const char *lower)
{
    if (length != strlen(lower))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((text[i] | 0x20) != lower[i])
            return false;
    return true;
}

static mele_i_number_result not_decimal(const char *at, const char *end)
{
    size_t length = (size_t)(end - at);
    bool infinite =
        equals_ignoring_case(at, length, "inf") || equals_ignoring_case(at, length, "infinity");

    return infinite ? MELE_I_NUMBER_INFINITE : MELE_I_NUMBER_NOT;
}

/* Cut a text into sign, digits and exponent. When it is no number, *at .. *end is what stands after
 * the sign. */
static inline bool cut(const char **at, const char **end, char mark, decimal *pieces)
{
    while (*at < *end && is_blank(**at))
        (*at)++;
    while (*end > *at && is_blank((*end)[-1]))
        (*end)--;
    pieces->negative = *at < *end && **at == '-';
    *at += *at < *end && (**at == '-' || **at == '+');
    return read_decimal(*at, *end, mark, pieces);
}

mele_i_number_result mele_i_number_parse_mark(const char *text, size_t length, char mark,
                                              double *out)
{
    const char *at = text, *end = text + length;
    decimal pieces;

    if (!cut(&at, &end, mark, &pieces))
        return not_decimal(at, end);
    uint64_t bits =
        pieces.count <= MOST_DIGITS ? nearest(pieces.value, pieces.exponent)
                                    : nearest_of_long(&pieces);
    if (bits == INFINITE_BITS)
        return MELE_I_NUMBER_INFINITE;
    bits |= (uint64_t)pieces.negative << 63;
    memcpy(out, &bits, sizeof bits);
    return MELE_I_NUMBER_OK;
}

mele_i_number_result mele_i_number_parse(const char *text, size_t length, double *out)
{
    return mele_i_number_parse_mark(text, length, '.', out);
}

bool mele_i_number_key_of(const char *text, size_t length, mele_i_number_key *out)
{
    const char *at = text, *end = text + length;
    mele_i_number_key key = {0, 0, false};
    size_t beyond = 0;
    decimal pieces;

    if (!cut(&at, &end, '.', &pieces))
        return false;
    key.digits = pieces.count <= MOST_DIGITS ? pieces.value : leading_digits(&pieces, &beyond);
    for (at = pieces.end; beyond > 0 && (at[-1] == '0' || at[-1] == '.'); at--)
        if (at[-1] == '0') {
            beyond--;
            pieces.exponent++;
        }
    if (beyond == 0 && key.digits > 0) {
        for (key.exponent = pieces.exponent; key.digits % 10 == 0; key.digits /= 10)
            key.exponent++;
        key.negative = pieces.negative;
    }
    *out = key;
    return beyond == 0;
}
