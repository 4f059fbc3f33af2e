/* Reading JSON: what is JSON reads as jansson reads it, what is none is refused with its line. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"

static mele_status read_text(const char *text, size_t length, json_t **out, mele_error *error)
{
    FILE *file = tmpfile();

    cr_assert(file != NULL);
    cr_assert_eq(fwrite(text, 1, length, file), length);
    rewind(file);
    mele_status status = mele_i_json_read(file, out, error);
    fclose(file);
    return status;
}

Test(json, reads_what_jansson_reads)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " [ ] ",
        "{\"a\":[1,-2,0,-0],\"b\":{\"c\":null}}",
        "[true,false,null]",
        "[0.1,-1e-7,1E+22,123456789012345678,9223372036854775807,-9223372036854775808]",
        "[2.2250738585072011e-308,5e-324,1.7976931348623157e308,9007199254740993.0,1e-400]",
        "[0.1000000000000000055511151231257827021181583404541015625,3.0000000000000004440892]",
        "[\"\",\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\",\"\\u00e9\\u20ac\\uD83D\\uDE00\\u0001\"]",
        "\t{\r\n\"\xc3\xa9\" :\n\"\xf0\x9f\x98\x80\"}\n",
        "\"alone\"",
        "1.5",
        "null",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *value = NULL, *expected = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        mele_error error = {.line = 0};
        cr_assert(expected != NULL, "%s", texts[i]);
        cr_assert_eq(read_text(texts[i], strlen(texts[i]), &value, &error), MELE_OK, "%s: %s",
                     texts[i], error.message);
        cr_assert(json_equal(value, expected), "%s", texts[i]);
        json_decref(value);
        json_decref(expected);
    }
}

Test(json, refuses_what_is_none)
{
    static const struct {
        const char *text;
        size_t length, line;
        const char *message;
    } cases[] = {
        {"", 0, 1, "it ends too early"},
        {"[1,\n2", 0, 2, "it ends too early"},
        {"{\"a\"", 0, 1, "it ends too early"},
        {"\"abc", 0, 1, "it ends too early"},
        {"tru", 0, 1, "it ends too early"},
        {"[truth]", 0, 1, "no value where one belongs"},
        {"[1,]", 0, 1, "no value where one belongs"},
        {"[1 2]", 0, 1, "an array without \",\" or \"]\""},
        {"{\"a\":1 \"b\":2}", 0, 1, "an object without \",\" or \"}\""},
        {"{\"a\" 1}", 0, 1, "a key without \":\""},
        {"{a:1}", 0, 1, "no text in quotes where a key belongs"},
        {"{\"a\":1,}", 0, 1, "no text in quotes where a key belongs"},
        {"{\"a\":1,\n\n\"a\":1}", 0, 3, "an object with the same key twice"},
        {"[01]", 0, 1, "a number with a leading zero"},
        {"[1.]", 0, 1, "a number that is none"},
        {"[.5]", 0, 1, "no value where one belongs"},
        {"[-]", 0, 1, "a number that is none"},
        {"[1e]", 0, 1, "a number that is none"},
        {"[+1]", 0, 1, "no value where one belongs"},
        {"[NaN]", 0, 1, "no value where one belongs"},
        {"[1e400]", 0, 1, "a number beyond all doubles"},
        {"[-1e309]", 0, 1, "a number beyond all doubles"},
        {"[9223372036854775808]", 0, 1, "a whole number of more than 64 bits"},
        {"[-9223372036854775809]", 0, 1, "a whole number of more than 64 bits"},
        {"[\"\xff\"]", 0, 1, "a text that is not UTF-8"},
        {"[\"\\q\"]", 0, 1, "a text with an unknown escape"},
        {"[\"\\u12x4\"]", 0, 1, "a text with a \\u that is no character"},
        {"[\"\\u0000\"]", 0, 1, "a text with a \\u that is no character"},
        {"[\"\\uD800\"]", 0, 1, "a text with a \\u that is no character"},
        {"[\"\\uDC00\"]", 0, 1, "a text with a \\u that is no character"},
        {"[\"a\nb\"]", 0, 1, "a text that does not end, or with a control character"},
        {"[\"a\0b\"]", 7, 1, "a text that does not end, or with a control character"},
        {"[1]\0", 4, 1, "more text after its end"},
        {"[1] 2", 0, 1, "more text after its end"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        json_t *value = NULL;
        mele_error error = {.line = 0};
        size_t length = cases[i].length > 0 ? cases[i].length : strlen(text);
        cr_expect_eq(read_text(text, length, &value, &error), MELE_EDATA, "%s", text);
        cr_expect_str_eq(error.message, cases[i].message, "%s", text);
        cr_expect_eq(error.line, cases[i].line, "%s: line %zu", text, error.line);
        cr_expect(value == NULL);
    }
}

Test(json, nests_as_deep_as_it_says)
{
    char text[256];

    for (int depth = 63; depth <= 66; depth++) {
        json_t *value = NULL;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        cr_expect_eq(read_text(text, 2 * (size_t)depth, &value, NULL),
                     depth <= 64 ? MELE_OK : MELE_EDATA, "%d", depth);
        json_decref(value);
    }
}

/* Numbers are there again as they were, whatever their digits. */
Test(json, numbers_round_trip)
{
    uint64_t state = 88172645463325252u;

    for (int i = 0; i < 2000; i++) {
        double number, back;
        char text[64];
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        memcpy(&number, &state, sizeof number);
        if (!(number - number == 0))
            continue;
        int length = snprintf(text, sizeof text, "[%.17g]", number);
        json_t *value = NULL;
        cr_assert_eq(read_text(text, (size_t)length, &value, NULL), MELE_OK, "%s", text);
        back = json_number_value(json_array_get(value, 0));
        cr_assert(memcmp(&back, &number, sizeof back) == 0, "%s", text);
        json_decref(value);
    }
}

Test(json, copies_share_their_members)
{
    json_t *object = json_pack("{s:i,s:[i,i]}", "a", 1, "b", 2, 3);
    json_t *copy = mele_i_json_copy(object);

    cr_assert(json_equal(copy, object));
    cr_expect(json_object_get(copy, "b") == json_object_get(object, "b"));
    cr_assert_eq(json_object_del(copy, "a"), 0);
    cr_expect_eq(json_integer_value(json_object_get(object, "a")), 1);
    json_decref(object);
    json_decref(copy);
}
