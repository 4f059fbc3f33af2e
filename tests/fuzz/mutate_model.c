/* How libFuzzer changes a model: as JSON, one value at a time, so that what comes is read beyond
 * the first brace; now and then, and when it is no JSON, as bytes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/mutate.h"

/* One of the values below `root`, chosen by walking down at random. */
static json_t *pick_container(json_t *root)
{
    json_t *at = root;

    for (int depth = rand() % 8; depth > 0; depth--) {
        json_t *child = NULL;
        if (json_is_array(at) && json_array_size(at) > 0) {
            child = json_array_get(at, (size_t)rand() % json_array_size(at));
        } else if (json_is_object(at) && json_object_size(at) > 0) {
            void *step = json_object_iter(at);
            for (size_t i = (size_t)rand() % json_object_size(at); i > 0; i--)
                step = json_object_iter_next(at, step);
            child = json_object_iter_value(step);
        }
        if (!json_is_array(child) && !json_is_object(child))
            break;
        at = child;
    }
    return at;
}

static json_t *new_value(const json_t *old)
{
    static const double reals[] = {0, 1, -1, 0.5, 1e-300, 1e300, -1e300, 1e150, 1e-320, 2};
    static const json_int_t whole[] = {0, 1, 2, 3, -1, 1000, 1024, 1 << 24, 4294967295, INT64_MAX};
    static const char *const words[] = {"",         "x1",     "linear", "mlp",  "gp",
                                        "logistic", "kmeans", "gmm",    "full", "softmax",
                                        "fcm",    "som",    "random",
                                        "global",   "a\nb",   "\x01"};

    switch (rand() % 9) {
    case 0: return json_null();
    case 1: return json_string(words[(size_t)rand() % (sizeof words / sizeof *words)]);
    case 2: return json_integer(whole[(size_t)rand() % (sizeof whole / sizeof *whole)]);
    case 3: return json_array();
    case 4: return json_object();
    case 5: return json_boolean(rand() % 2);
    case 6:
        if (json_is_number(old))
            return json_real(json_number_value(old) * (rand() % 2 ? -1 : 1e10));
        return json_deep_copy(old);
    default: return json_real(reals[(size_t)rand() % (sizeof reals / sizeof *reals)]);
    }
}

static void change_array(json_t *array, const json_t *root)
{
    const size_t size = json_array_size(array), i = size == 0 ? 0 : (size_t)rand() % size;

    switch (rand() % 5) {
    case 0: json_array_remove(array, i); break;
    case 1: json_array_insert_new(array, i, json_deep_copy(json_array_get(array, i))); break;
    case 2: json_array_append_new(array, json_deep_copy(pick_container((json_t *)root))); break;
    default: json_array_set_new(array, i, new_value(json_array_get(array, i)));
    }
}

static void change_object(json_t *object, const json_t *root)
{
    void *step = json_object_iter(object);

    for (size_t i = json_object_size(object) < 2 ? 0 : (size_t)rand() % json_object_size(object);
         i > 0; i--)
        step = json_object_iter_next(object, step);
    if (step == NULL)
        return;
    char key[256] = "";
    strncpy(key, json_object_iter_key(step), sizeof key - 1);
    switch (rand() % 8) {
    case 0: json_object_del(object, key); break;
    case 1: json_object_set_new(object, "unheard-of", json_null()); break;
    case 2: json_object_set_new(object, key, json_deep_copy(pick_container((json_t *)root))); break;
    default: json_object_set_new(object, key, new_value(json_object_get(object, key)));
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    srand(seed);
    json_t *root = rand() % 8 == 0 ? NULL : json_loadb((const char *)data, size, 0, NULL);

    if (root == NULL)
        return LLVMFuzzerMutate(data, size, most);
    for (int changes = 1 + rand() % 3; changes > 0; changes--) {
        json_t *at = pick_container(root);
        if (json_is_array(at))
            change_array(at, root);
        else
            change_object(at, root);
    }
    char *text = json_dumps(root, 0);
    json_decref(root);
    size_t length = text == NULL ? 0 : strlen(text);
    if (length == 0 || length > most) {
        free(text);
        return LLVMFuzzerMutate(data, size, most);
    }
    memcpy(data, text, length);
    free(text);
    return length;
}
