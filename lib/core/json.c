#include "core/json.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

json_t *mele_i_json_numbers(const double *values, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count && array != NULL; i++)
        if (json_array_append_new(array, json_real(values[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

json_t *mele_i_json_matrix(const double *values, size_t rows, size_t cols)
{
    json_t *array = json_array();

    for (size_t i = 0; i < rows && array != NULL; i++)
        if (json_array_append_new(array, mele_i_json_numbers(values + i * cols, cols)) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

bool mele_i_json_put(json_t *object, const char *key, json_t *value)
{
    if (object == NULL) {
        json_decref(value);
        return false;
    }
    return json_object_set_new(object, key, value) == 0;
}

json_t *mele_i_json_copy(const json_t *object)
{
    json_t *copy = json_object(), *value;
    const char *key;

    json_object_foreach((json_t *)object, key, value)
        if (copy != NULL && json_object_set(copy, key, value) != 0) {
            json_decref(copy);
            copy = NULL;
        }
    return copy;
}

/* Whether the comma separated list has this key, with or without a final "?". */
static bool lists(const char *keys, const char *key)
{
    size_t length = strlen(key);

    for (const char *at = keys; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, key, length) == 0 && strchr(",?", at[length]) != NULL)
            return true;
    }
    return false;
}

static mele_status check_present(const json_t *object, const char *what, const char *keys,
                                 mele_error *error)
{
    for (const char *at = keys; *at != '\0';) {
        size_t length = strcspn(at, ",");
        bool optional = length > 0 && at[length - 1] == '?';
        if (!optional && json_object_getn(object, at, length) == NULL)
            return mele_i_fail(error, MELE_EDATA, "%s has no key \"%.*s\"", what, (int)length, at);
        at += length + (at[length] == ',');
    }
    return MELE_OK;
}

mele_status mele_i_json_keys(const json_t *object, const char *what, const char *keys,
                             mele_error *error)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return mele_i_fail(error, MELE_EDATA, "%s is not an object", what);
    json_object_foreach((json_t *)object, key, value)
        if (!lists(keys, key))
            return mele_i_fail(error, MELE_EDATA, "%s has the unknown key \"%s\"", what, key);
    return check_present(object, what, keys, error);
}

static mele_status wrong(mele_error *error, const char *key, const char *wanted)
{
    return mele_i_fail(error, MELE_EDATA, "\"%s\" is not %s", key, wanted);
}

mele_status mele_i_json_get_number(const json_t *object, const char *key, double *out,
                                   mele_error *error)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_number(value))
        return wrong(error, key, "a number");
    *out = json_number_value(value);
    return MELE_OK;
}

mele_status mele_i_json_get_size(const json_t *object, const char *key, size_t least, size_t most,
                                 size_t *out, mele_error *error)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return wrong(error, key, "a whole number");
    size_t number = (size_t)json_integer_value(value);
    if (number < least || number > most)
        return mele_i_fail(error, MELE_EDATA, "\"%s\" is %zu, not within %zu to %zu", key, number,
                           least, most);
    *out = number;
    return MELE_OK;
}

mele_status mele_i_json_get_bool(const json_t *object, const char *key, bool *out,
                                 mele_error *error)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_boolean(value))
        return wrong(error, key, "true or false");
    *out = json_is_true(value);
    return MELE_OK;
}

mele_status mele_i_json_get_string(const json_t *object, const char *key, const char **out,
                                   mele_error *error)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return wrong(error, key, "a string");
    *out = json_string_value(value);
    return MELE_OK;
}

static mele_status check_size(const json_t *array, const char *key, size_t count, mele_error *error)
{
    if (!json_is_array(array))
        return wrong(error, key, "an array of numbers");
    if (json_array_size(array) != count)
        return mele_i_fail(error, MELE_EDATA, "\"%s\" has %zu numbers where %zu belong", key,
                           json_array_size(array), count);
    return MELE_OK;
}

mele_status mele_i_json_check_size(const json_t *object, const char *key, size_t count,
                                   mele_error *error)
{
    return check_size(json_object_get(object, key), key, count, error);
}

mele_status mele_i_json_array_sizes(const json_t *array, const char *key, size_t rows, size_t cols,
                                    mele_error *error)
{
    mele_status status = MELE_OK;

    if (!json_is_array(array) || json_array_size(array) != rows)
        return mele_i_fail(error, MELE_EDATA, "\"%s\" is not an array of %zu rows", key, rows);
    for (size_t i = 0; i < rows && status == MELE_OK; i++)
        status = check_size(json_array_get(array, i), key, cols, error);
    return status;
}

mele_status mele_i_json_check_sizes(const json_t *object, const char *key, size_t rows, size_t cols,
                                    mele_error *error)
{
    return mele_i_json_array_sizes(json_object_get(object, key), key, rows, cols, error);
}

static mele_status read_numbers(const json_t *array, const char *key, double *out, size_t count,
                                mele_error *error)
{
    mele_status status = check_size(array, key, count, error);

    if (status != MELE_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_number(value))
            return wrong(error, key, "an array of numbers");
        out[i] = json_number_value(value);
    }
    return MELE_OK;
}

mele_status mele_i_json_get_numbers(const json_t *object, const char *key, double *out,
                                    size_t count, mele_error *error)
{
    return read_numbers(json_object_get(object, key), key, out, count, error);
}

mele_status mele_i_json_array_matrix(const json_t *array, const char *key, double *out, size_t rows,
                                     size_t cols, mele_error *error)
{
    mele_status status = mele_i_json_array_sizes(array, key, rows, cols, error);

    for (size_t i = 0; i < rows && status == MELE_OK; i++)
        status = read_numbers(json_array_get(array, i), key, out + i * cols, cols, error);
    return status;
}

mele_status mele_i_json_get_matrix(const json_t *object, const char *key, double *out, size_t rows,
                                   size_t cols, mele_error *error)
{
    return mele_i_json_array_matrix(json_object_get(object, key), key, out, rows, cols, error);
}

/* Text under way to the caller; jansson's own buffer would be freed by whatever allocator the host
 * gave jansson. */
typedef struct text {
    char *data;
    size_t length, room;
} text;

static int append_as_it_is(const char *bytes, size_t size, text *t)
{
    if (t->room - t->length <= size) {
        size_t room = 2 * (t->length + size) + 4096;
        char *grown = mele_i_grow(t->data, room, 1);
        if (grown == NULL)
            return -1;
        t->data = grown;
        t->room = room;
    }
    memcpy(t->data + t->length, bytes, size);
    t->length += size;
    t->data[t->length] = '\0';
    return 0;
}

/* Whether a control character starts here that jansson writes as it is: DEL, or a C1. */
static bool is_control(const char *at, size_t left)
{
    const unsigned char *c = (const unsigned char *)at;

    return *c == 0x7F || (*c == 0xC2 && left > 1 && c[1] >= 0x80 && c[1] < 0xA0);
}

/* Names may hold anything, and be shown on a terminal. Characters come whole. */
static int append(const char *bytes, size_t size, void *user)
{
    char escape[8];
    int failed = 0;

    while (size > 0 && failed == 0) {
        size_t plain = 0;
        while (plain < size && !is_control(bytes + plain, size - plain))
            plain++;
        failed = append_as_it_is(bytes, plain, user);
        bytes += plain;
        size -= plain;
        if (size > 0 && failed == 0) {
            const size_t length = *bytes == 0x7F ? 1 : 2;
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)bytes[length - 1]);
            failed = append_as_it_is(escape, strlen(escape), user);
            bytes += length;
            size -= length;
        }
    }
    return failed;
}

/* One section a line, so that it can be looked at, and compared by line tools. */
static int dump_sections(const json_t *root, text *t)
{
    const char *key, *before = "{\n\"";
    json_t *section;
    int failed = 0;

    json_object_foreach((json_t *)root, key, section) {
        failed |= append(before, strlen(before), t) | append(key, strlen(key), t)
                  | append("\": ", 3, t)
                  | json_dump_callback(section, append, t, JSON_COMPACT | JSON_ENCODE_ANY);
        before = ",\n\"";
    }
    return failed | append("\n}\n", 3, t);
}

mele_status mele_i_json_text(const json_t *root, char **out, size_t *length, mele_error *error)
{
    text t = {NULL, 0, 0};

    if (dump_sections(root, &t) != 0) {
        free(t.data);
        return mele_i_no_memory(error);
    }
    *out = t.data;
    if (length != NULL)
        *length = t.length;
    return MELE_OK;
}

mele_status mele_i_json_line(const json_t *root, char **out, size_t *length, mele_error *error)
{
    text t = {NULL, 0, 0};

    if ((json_dump_callback(root, append, &t, JSON_COMPACT) | append("\n", 1, &t)) != 0) {
        free(t.data);
        return mele_i_no_memory(error);
    }
    *out = t.data;
    *length = t.length;
    return MELE_OK;
}
