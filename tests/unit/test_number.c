/* Numbers to text and back. The reference is the C library's strtod(), which rounds exactly; the
 * expected texts were taken from Python's repr(), which is the shortest as well. */
#include <criterion/criterion.h>

#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/stream.h"
#include "support/size.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The text is read as strtod() reads it. */
static void check_parse(const char *text)
{
    double expected = strtod(text, NULL), found = 0.125;
    mele_i_number_result result = mele_i_number_parse(text, strlen(text), &found);

    if (isinf(expected)) {
        cr_assert_eq(result, MELE_I_NUMBER_INFINITE, "%s", text);
        cr_assert_eq(found, 0.125, "%s: the result is touched", text);
    } else {
        cr_assert_eq(result, MELE_I_NUMBER_OK, "%s", text);
        cr_assert_eq(bits_of(found), bits_of(expected), "%s: %a, not %a", text, found, expected);
    }
}

/* It reads back as the same double, and no text with a digit less does. */
static void check_print(double value)
{
    char text[MELE_I_NUMBER_ROOM + 1], shorter[64];
    size_t length = mele_i_number_print(value, text), digits = 0;

    cr_assert_leq(length, 24);
    text[length] = '\0';
    cr_assert_eq(bits_of(strtod(text, NULL)), bits_of(value), "%s for %a", text, value);
    for (const char *at = text; *at != '\0' && *at != 'e'; at++)
        digits += *at >= (digits == 0 ? '1' : '0') && *at <= '9';
    for (const char *at = text + strcspn(text, "e");
         strchr(text, '.') == NULL && digits > 1 && *--at == '0';)
        digits--; /* zeros at the end of a whole number are places, not digits */
    if (digits > 1) {
        snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
        cr_assert_neq(strtod(shorter, NULL), value, "%s is shorter than %s", shorter, text);
    }
    check_parse(text);
}

/* ---- parsing ---- */

Test(number_parse, takes_the_usual_forms)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "+0.0",
        "1",
        "-1",
        "+3.5",
        "1.",
        ".5",
        "-.5e1",
        "007",
        "1e5",
        "1E+5",
        "1e-05",
        "123456789",
        "0.1",
        "1e22",
        "1e23",
        "0.000000000000000000000000000001",
        "1e0000000000005",
        "00000000000000000000000000000000000001.5",
        "9007199254740993",
        "12345678",
        "1234567.8",
        "-12.345678901234567",
        "18446744073709551615",
        "18446744073709551616",
        "0e999999999999",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_parse(texts[i]);
}

Test(number_parse, refuses_what_is_no_number)
{
    static const char *const texts[] = {
        "",      " ",   "+",         "-",        ".",   "e5",    "1e",    "1e+",
        "abc",   "1a",  "1 2",       "--1",      "+-1", "0x10",  "1,5",   "1.2.3",
        "1e5.0", "nan", "NaN",       "infinit",  "in",  "1_000", "1e5 e", "\xC2\xBD",
        "1\n",   "1;",  "12345678a", "1234567a", "1:",  "1/",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double found = 0.125;
        cr_assert_eq(mele_i_number_parse(texts[i], strlen(texts[i]), &found), MELE_I_NUMBER_NOT,
                     "%s", texts[i]);
        cr_assert_eq(found, 0.125);
    }
}

Test(number_parse, every_byte_alone_and_within)
{
    for (int byte = 0; byte < 256; byte++) {
        char alone = (char)byte, within[] = {'1', '2', '3', (char)byte, '5', '6', '7', '8', '9'};
        bool digit = byte >= '0' && byte <= '9';
        double found;
        cr_assert_eq(mele_i_number_parse(&alone, 1, &found) == MELE_I_NUMBER_OK, digit, "%d", byte);
        cr_assert_eq(mele_i_number_parse(within, 9, &found) != MELE_I_NUMBER_NOT,
                     digit || byte == '.' || byte == 'e' || byte == 'E', "%d", byte);
    }
}

Test(number_parse, only_the_length_counts)
{
    static const char digits[] = "12345678901234567890123";
    double found;

    for (size_t length = 1; length <= strlen(digits); length++) {
        char *copy = malloc(length); /* of that size, so that a sanitizer sees beyond it */
        memcpy(copy, digits, length);
        char text[32];
        snprintf(text, sizeof text, "%.*s", (int)length, digits);
        cr_assert_eq(mele_i_number_parse(copy, length, &found), MELE_I_NUMBER_OK);
        cr_assert_eq(found, strtod(text, NULL), "%s", text);
        free(copy);
    }
}

Test(number_parse, blanks_around_are_allowed)
{
    double found = 0;

    cr_assert_eq(mele_i_number_parse(" \t4.25\t ", 8, &found), MELE_I_NUMBER_OK);
    cr_assert_eq(found, 4.25);
    cr_assert_eq(mele_i_number_parse("- 4.25", 6, &found), MELE_I_NUMBER_NOT);
}

Test(number_parse, infinities)
{
    static const char *const texts[] = {
        "inf", "-Inf", "+INFINITY", "1e309", "-1e999999999999999999", "1.7976931348623159e308"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double found;
        cr_assert_eq(mele_i_number_parse(texts[i], strlen(texts[i]), &found),
                     MELE_I_NUMBER_INFINITE, "%s", texts[i]);
    }
}

/* Known to be hard: ties, ends of the range, and cases from Paxson 1991 ("A program for testing
 * IEEE decimal-binary conversion") and from the bug reports of other programs. */
/* Spellings of one number have one key, and only those. */
Test(number_parse, keys)
{
    static const char *const same[][4] = {
        {"0", "0.0", "-0e5", " 00.000 "}, {"1000", "1e3", "+1000.", "0.0010000e6"},
        {"-12.5", "-125e-1", "-012.50", "-1.25E+1"}, {"9007199254740993", "9007199254740993.0",
        "9007199254740.993e3", "00000000009007199254740993.00000000000000000000"},
        {"0.1", "0.10000000000000000000000000", "1e-1", ".1"}};
    static const char *const none[] = {"", "a", "1a", "inf", "nan", "1e", "0x10", "1,5",
                                       "12345678901234567890123"};
    mele_i_number_key key, other;

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        for (size_t j = 0; j < sizeof same / sizeof *same; j++)
            for (size_t k = 0; k < 16; k++) {
                const char *a = same[i][k / 4], *b = same[j][k % 4];
                cr_assert(mele_i_number_key_of(a, strlen(a), &key), "%s", a);
                cr_assert(mele_i_number_key_of(b, strlen(b), &other), "%s", b);
                cr_assert_eq(key.digits == other.digits && key.exponent == other.exponent
                                 && key.negative == other.negative, i == j, "%s %s", a, b);
            }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_assert_not(mele_i_number_key_of(none[i], strlen(none[i]), &key), "%s", none[i]);
}

Test(number_parse, hard_cases)
{
    static const char *const texts[] = {
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740995",
        "9007199254740992.5",
        "9007199254740993.0000000000000000000000000000000000000001",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "2.2250738585072012e-308",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-323",
        "3e-324",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.797693134862315807e308",
        "1."
        "797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179"
        "775872070963302864166928879109465555478519404026306574886715058206819089020007083836762738"
        "548458177115317644757302700698555713669596228429148198608349364752927190741684443655107043"
        "4271155969950809304288017790417449779e308",
        "1."
        "797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179"
        "775872070963302864166928879109465555478519404026306574886715058206819089020007083836762738"
        "548458177115317644757302700698555713669596228429148198608349364752927190741684443655107043"
        "4271155969950809304288017790417449780e308",
        "5e-20",
        "5e+125",
        "9511e-44",
        "1837932893e-45",
        "7290983e+305",
        "6.9294956446009195e15",
        "3518437208883201171875e13",
        "62500.000000000000000000000000000000000000000000000001",
        "0.500000000000000166533453693773481063544750213623046875",
        "3.08984926168550152811e-32",
        "1090544144181609348835077142190",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
        "8.5e22",
        "1e23",
        "8.41e21",
        "9223372036854775807",
        "7.8459735791271921e65",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_parse(texts[i]);
}

static void append(char *text, const char *more)
{
    strcat(text, more);
}

/* The point midway between two neighbours, written with all its digits, and just beside it. */
static void check_midway(double lower)
{
    double upper = nextafter(lower, INFINITY);
    long double midway = ((long double)lower + upper) / 2; /* exact: 64 bits suffice */
    char text[1200], tail[16];

    snprintf(text, sizeof text, "%.1100Le", midway);
    check_parse(text);
    char *exponent = strchr(text, 'e');
    snprintf(tail, sizeof tail, "%s", exponent);
    strcpy(exponent - 1, "1");
    append(text, tail);
    check_parse(text);
    snprintf(text, sizeof text, "%.1100Le", nextafterl(midway, 0));
    check_parse(text);
}

Test(number_parse, midway_between_neighbours)
{
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 0);

    for (int i = 0; i < 3000; i++) {
        double value = fabs(of_bits(mele_i_stream_bits(&stream)));
        if (value < 1e300)
            check_midway(value);
    }
    for (int exponent = 1; exponent < 60; exponent++) /* subnormals */
        check_midway(of_bits(mele_i_stream_bits(&stream) >> (exponent + 4)));
    check_midway(0);
    for (double value = 9007199254740980; value < 9007199254741010;
         value = nextafter(value, INFINITY))
        check_midway(value);
}

Test(number_parse, long_digit_strings)
{
    mele_i_stream stream = mele_i_stream_make(4, MELE_I_FOR_TESTS, 0, 0);
    char text[900];

    for (int i = 0; i < 20000; i++) {
        size_t length = 20 + mele_i_stream_bits(&stream) % 780;
        size_t point = mele_i_stream_bits(&stream) % (length + 1);
        for (size_t k = 0; k < length; k++)
            text[k] = (char)('0' + mele_i_stream_bits(&stream) % 10);
        if (point < length)
            text[point] = '.';
        snprintf(text + length, 16, "e%d", (int)(mele_i_stream_bits(&stream) % 700) - 500);
        check_parse(text);
    }
}

/* ---- printing ---- */

Test(number_print, known_texts)
{
    static const struct {
        double value;
        char text[28];
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {100, "100"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {123456.789, "123456.789"},
        {1e15, "1000000000000000"},
        {1e16, "1e+16"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {9007199254740993.0, "9007199254740992"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-05"},
        {1.5e-7, "1.5e-07"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {-1.7976931348623157e308, "-1.7976931348623157e+308"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-20, "5e-20"},
        {9.5367431640625e-07, "9.5367431640625e-07"},
        {2e-44, "2e-44"},
        {1234567890123456.7, "1234567890123456.8"},
        {12345678901234567.0, "1.2345678901234568e+16"},
        {NAN, "NA"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[MELE_I_NUMBER_ROOM];
        size_t length = mele_i_number_print(cases[i].value, text);
        cr_assert(length == strlen(cases[i].text) && memcmp(text, cases[i].text, length) == 0,
                  "%.*s, not %s", (int)length, text, cases[i].text);
    }
}

Test(number_print, powers_of_two_and_their_neighbours)
{
    for (uint64_t exponent = 0; exponent < 2047; exponent++) {
        check_print(of_bits(exponent << 52 | 1));
        check_print(of_bits(exponent << 52 | 0xFFFFFFFFFFFFF));
        if (exponent > 0)
            check_print(of_bits(exponent << 52));
    }
}

Test(number_print, powers_of_ten_and_few_digits)
{
    for (int exponent = -320; exponent <= 308; exponent++)
        for (int digit = 1; digit <= 9; digit += 2) {
            char text[32], printed[MELE_I_NUMBER_ROOM];
            snprintf(text, sizeof text, "%de%d", digit, exponent);
            double value = strtod(text, NULL);
            if (isinf(value))
                continue;
            check_print(value);
            cr_assert(exponent < 16 || mele_i_number_print(value, printed) <= 6, "%s", text);
        }
}

/* ---- both ---- */

Test(number, random_doubles)
{
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, 0);

    for (int i = 0; i < TEST_SIZE(5000000, 500000, 50000); i++) {
        double value = of_bits(mele_i_stream_bits(&stream));
        char text[64];
        if (!isfinite(value))
            continue;
        if (i % 4 == 0)
            check_print(value);
        snprintf(text, sizeof text, "%.*e", i % 25, value);
        check_parse(text);
    }
}

Test(number, ordinary_numbers)
{
    mele_i_stream stream = mele_i_stream_make(6, MELE_I_FOR_TESTS, 0, 0);

    for (int i = 0; i < TEST_SIZE(300000, 150000, 20000); i++) {
        double value = (mele_i_stream_uniform(&stream) - 0.5) * pow(10, i % 12);
        char text[64];
        check_print(value);
        snprintf(text, sizeof text, "%.*f", i % 10, value);
        check_parse(text);
        check_print(strtod(text, NULL));
    }
}

Test(number, the_rounding_mode_of_the_host_does_not_matter)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    static const char text[] = "0.1000000000000000055511151231257827021181583404541015625001";

    for (int m = 0; m < 3; m++) {
        double found = 0, short_found = 0;
        char printed[MELE_I_NUMBER_ROOM];
        fesetround(modes[m]);
        mele_i_number_parse(text, strlen(text), &found);
        mele_i_number_parse("0.3", 3, &short_found);
        size_t length = mele_i_number_print(0.1, printed);
        fesetround(FE_TONEAREST);
        cr_assert_eq(bits_of(found), 0x3FB999999999999A);
        cr_assert_eq(bits_of(short_found), 0x3FD3333333333333);
        cr_assert_eq(length, 3);
    }
}
