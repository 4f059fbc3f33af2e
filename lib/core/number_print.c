/* The shortest decimal text of a double.
 *
 * A double v = c 2^q stands for all reals between the points midway to its neighbours (the ends
 * included when c is even). Among the decimals in that interval the shortest is wanted, and of
 * those the nearest to v. With k = floor(log10 of the interval's width) the interval holds at
 * least one multiple of 10^k and at most one of 10^(k+1); v and both ends, divided by 10^k, are
 * computed from the 128 leading bits of 10^-k, rounded to odd, which keeps every comparison
 * exact.
 *
 * Source: Giulietti 2020, "The Schubfach way to render doubles"; the form with 128-bit powers
 * follows Bolz's presentation of it ("Drachennest", 2020). */
#include "core/number.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/powers.h"

__extension__ typedef unsigned __int128 wide;

/* digits x 10^exponent; trailing zeros are possible. */
typedef struct shortest {
    uint64_t digits;
    int exponent;
} shortest;

/* 10^q to 128 bits, rounded up where it is not exact. */
static mele_i_power power_rounded_up(int q)
{
    mele_i_power power = mele_i_powers[q - MELE_I_POWER_LEAST];

    power.low += q < -27 || q > 55;
    return power;
}

/* factor x power / 2^128, rounded to odd: the last bit is set when anything was cut off. */
static uint64_t product_to_odd(mele_i_power power, uint64_t factor)
{
    wide product = (wide)power.high * factor + (uint64_t)(((wide)power.low * factor) >> 64);

    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* For v > 0, finite. The ends are taken four times as large, so that all are integers. */
static shortest shortest_of(uint64_t bits)
{
    uint64_t fraction = bits & 0xFFFFFFFFFFFFFu;
    int field = (int)(bits >> 52);
    uint64_t c = field == 0 ? fraction : fraction | (uint64_t)1 << 52;
    int q = field == 0 ? -1074 : field - 1075;

    if (q <= 0 && q > -53 && (c & (((uint64_t)1 << -q) - 1)) == 0)
        return (shortest){c >> -q, 0}; /* a whole number below 2^53 */
    bool closer_below = fraction == 0 && field > 1, odd = (c & 1) != 0;
    int k = (q * 1262611 - (closer_below ? 524031 : 0)) >> 22; /* floor(log10(2^q or 3/4 2^q)) */
    int h = q + ((-k * 1741647) >> 19) + 1;                    /* q + floor(log2(10^-k)) + 1 */
    mele_i_power power = power_rounded_up(-k);
    uint64_t lower = product_to_odd(power, (4 * c - 2 + closer_below) << h) + odd;
    uint64_t middle = product_to_odd(power, (4 * c) << h);
    uint64_t upper = product_to_odd(power, (4 * c + 2) << h) - odd;
    uint64_t s = middle / 4, tens = s / 10;

    if (s >= 10) {
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above)
            return (shortest){tens + above, k + 1};
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above)
        return (shortest){s + above, k};
    uint64_t half = 4 * s + 2;
    return (shortest){s + (middle > half || (middle == half && (s & 1) != 0)), k};
}

/* ---- digits ---- */

#define BLOCK 17 /* digits of the longest shortest text */

/* v < 10^8 as eight bytes 0 .. 9, the first digit in the lowest byte. */
static uint64_t eight_digits(uint64_t v)
{
    uint64_t x = v / 10000 | (v % 10000) << 32; /* two numbers below 10^4 */
    uint64_t hundreds = ((x * 10486) >> 20) & 0x0000007F0000007Fu;

    x = hundreds | (x - 100 * hundreds) << 16; /* four below 100 */
    uint64_t tens = ((x * 103) >> 10) & 0x000F000F000F000Fu;
    return tens | (x - 10 * tens) << 8;
}

static void store_digits(uint64_t bytes, char *out)
{
    bytes += 0x3030303030303030u;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    memcpy(out, &bytes, sizeof bytes);
}

/* Write the digits of d < 10^17 to out[0 .. BLOCK), leading zeros included. *first: of the first
 * digit that is not 0; *last: behind the last that is not 0. */
static void write_digits(uint64_t d, char *out, int *first, int *last)
{
    uint64_t rest = d % 10000000000000000u, head = d / 10000000000000000u;
    uint64_t high = eight_digits(rest / 100000000), low = eight_digits(rest % 100000000);

    out[0] = (char)('0' + head);
    store_digits(high, out + 1);
    store_digits(low, out + 9);
    *first = head != 0   ? 0
             : high != 0 ? 1 + __builtin_ctzll(high) / 8
                         : 9 + __builtin_ctzll(low) / 8;
    *last = low != 0    ? BLOCK - __builtin_clzll(low) / 8
            : high != 0 ? BLOCK - 8 - __builtin_clzll(high) / 8
                        : 1;
}

static char *write_exponent(int exponent, char *at)
{
    unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);

    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    if (size >= 100)
        *at++ = (char)('0' + size / 100);
    *at++ = (char)('0' + size / 10 % 10);
    *at++ = (char)('0' + size % 10);
    return at;
}

/* The layouts, for count digits d1 d2 .. with the value d1.d2.. 10^scale. The digits are followed
 * by zeros; copies have constant sizes, so some write more than they need. */

static char *write_below_one(const char *digits, int count, int scale, char *at)
{
    memcpy(at, "0.0000", 6);
    memcpy(at + 1 - scale, digits, BLOCK);
    return at + 1 - scale + count;
}

static char *write_from_one(const char *digits, int count, int scale, char *at)
{
    memcpy(at, digits, 16);
    if (count <= scale + 1)
        return at + scale + 1;
    at[scale + 1] = '.';
    memcpy(at + scale + 2, digits + scale + 1, 16);
    return at + count + 1;
}

static char *write_scientific(const char *digits, int count, int scale, char *at)
{
    at[0] = digits[0];
    at[1] = '.';
    memcpy(at + 2, digits + 1, 16);
    return write_exponent(scale, count == 1 ? at + 1 : at + count + 1);
}

static size_t write_text(const char *text, char *out)
{
    size_t length = strlen(text);

    memcpy(out, text, length);
    return length;
}

size_t mele_i_number_print(double value, char *out)
{
    char digits[BLOCK + 24];
    char *at = out;
    int first, last;
    uint64_t bits, magnitude;

    memcpy(&bits, &value, sizeof bits);
    magnitude = bits & 0x7FFFFFFFFFFFFFFFu;
    if (magnitude > 0x7FF0000000000000u)
        return write_text("NA", out);
    if (magnitude == 0x7FF0000000000000u)
        return write_text(bits == magnitude ? "inf" : "-inf", out);
    if (bits != magnitude)
        *at++ = '-';
    if (magnitude == 0) {
        *at++ = '0';
        return (size_t)(at - out);
    }
    shortest number = shortest_of(magnitude);
    write_digits(number.digits, digits, &first, &last);
    memset(digits + BLOCK, '0', sizeof digits - BLOCK);
    int scale = BLOCK - 1 - first + number.exponent;
    if (scale < -4 || scale > 15)
        at = write_scientific(digits + first, last - first, scale, at);
    else if (scale < 0)
        at = write_below_one(digits + first, last - first, scale, at);
    else
        at = write_from_one(digits + first, last - first, scale, at);
    return (size_t)(at - out);
}
