/* A suite: sets and families as one JSON file has them (mele-compare(1) says how). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/maker.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/number.h"
#include "schema/data.h"
#include "study/contenders.h"
#include "study/sets.h"

#define MOST_ROWS 1e9
#define MOST_COUNT 1000000000

/* The file that is read, and what it is read for. */
typedef struct suite {
    mele_comparison *comparison;
    const mele_options *general; /* never NULL */
    mele_engine *engine;
    const char *path;
} suite;

/* ---- values of options ---- */

/* "a,b" of an array of texts; NULL: there is something else in it, or no memory. */
static char *join(const json_t *list)
{
    size_t length = 1;
    char *joined;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        if (item == NULL)
            return NULL;
        length += strlen(item) + 1;
    }
    if ((joined = MELE_I_ZEROED(char, length)) == NULL)
        return NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        strcat(joined, i > 0 ? "," : "");
        strcat(joined, json_string_value(json_array_get(list, i)));
    }
    return joined;
}

/* A value as the text that an option is set from: a text, a number, true or false, a list of texts. */
static mele_status text_of(const json_t *value, const char *key, char **out, mele_error *error)
{
    char number[MELE_I_NUMBER_ROOM + 1];

    if (json_is_array(value)) {
        *out = join(value);
    } else if (json_is_number(value)) {
        number[mele_i_number_print(json_number_value(value), number)] = '\0';
        *out = mele_i_string(number);
    } else if (json_is_boolean(value)) {
        *out = mele_i_string(json_is_true(value) ? "yes" : "no");
    } else if (json_is_string(value)) {
        *out = mele_i_string(json_string_value(value));
    } else {
        return mele_i_fail(error, MELE_EDATA, "the option \"%s\" is no text, number, true or false, or list of texts", key);
    }
    return *out == NULL ? mele_i_fail(error, MELE_EDATA, "the option \"%s\" is a list of something else than texts, or "
                                      "there is no memory", key)
                        : MELE_OK;
}

/* Options of an object; family NULL: of a set, where those of the data are taken, too. */
static mele_status set_options(const json_t *object, const char *what, const char *family, mele_options *options,
                               mele_error *error)
{
    const char *key;
    json_t *value;
    mele_status status = MELE_OK;

    if (object != NULL && !json_is_object(object))
        return mele_i_fail(error, MELE_EDATA, "%s: \"options\" is no object", what);
    json_object_foreach((json_t *)object, key, value) {
        char *text = NULL;
        status = text_of(value, key, &text, error);
        if (status == MELE_OK && family != NULL)
            status = mele_i_contender_set(what, family, options, key, text, error);
        else if (status == MELE_OK)
            status = mele_options_set(options, mele_i_option_named(key) == NULL ? key : mele_i_option_named(key), text,
                                      error);
        free(text);
        if (status != MELE_OK)
            break;
    }
    return status == MELE_EINVAL ? MELE_EDATA : status;
}

/* ---- sets ---- */

/* A path beside the suite's file; NULL: no memory. */
static char *beside(const char *suite_path, const char *file)
{
    const char *slash = strrchr(suite_path, '/');
    const size_t directory = file[0] == '/' || slash == NULL ? 0 : (size_t)(slash - suite_path) + 1;
    char *path = MELE_I_ARRAY(char, directory + strlen(file) + 1);

    if (path == NULL)
        return NULL;
    memcpy(path, suite_path, directory);
    strcpy(path + directory, file);
    return path;
}

/* A failure of a set's data says in which file; the line is not the suite's. */
static mele_status tell_file(const char *file, mele_status status, mele_error *error)
{
    const mele_error told = *error;

    if (status == MELE_ENOMEM || status == MELE_ESTOPPED)
        return status;
    if (told.line > 0)
        return mele_i_fail(error, status, "%.200s:%zu: %.256s", file, told.line, told.message);
    return mele_i_fail(error, status, "%.200s: %.256s", file, told.message);
}

static mele_status read_set(const suite *s, const char *file, const mele_options *options, mele_data **out,
                            mele_error *error)
{
    char *path = beside(s->path, file);
    mele_error told = {MELE_OK, 0, ""};
    mele_status status = path == NULL ? mele_i_no_memory(&told)
                                      : mele_data_read(path, &options->data, NULL, s->engine, out, &told);

    if (status != MELE_OK) {
        tell_file(file, status, &told);
        mele_i_fail(error, status, "%s", told.message);
    }
    free(path);
    return status;
}

/* What is given of a maker's rows. */
static mele_status read_maker(const json_t *object, mele_maker_options *out, size_t *rows, mele_error *error)
{
    size_t seed;
    mele_status status = mele_i_json_get_size(object, "rows", 1, (size_t)MOST_ROWS, rows, error);

    *out = mele_maker_defaults();
    if (status == MELE_OK && json_object_get(object, "seed") != NULL) {
        status = mele_i_json_get_size(object, "seed", 0, UINT32_MAX, &seed, error);
        out->seed = status == MELE_OK ? seed : 0;
    }
    if (status == MELE_OK && json_object_get(object, "noise") != NULL)
        status = mele_i_json_get_number(object, "noise", &out->noise, error);
    return status;
}

/* Data of made rows, under the names of the maker. */
static mele_status take_made(const char *maker, double *made, size_t rows, mele_data **out, mele_error *error)
{
    const size_t columns = mele_maker_columns(maker), classes = mele_maker_classes(maker);
    const mele_matrix x = {.rows = rows, .cols = columns - 1, .stride = columns, .data = made};
    const mele_matrix y = {.rows = rows, .cols = 1, .stride = columns, .data = made + columns - 1};
    const char **name = MELE_I_ARRAY(const char *, columns + classes);
    mele_status status = name == NULL ? mele_i_no_memory(error)
                                      : mele_data_of_arrays(&x, &y, classes, NULL, out, error);

    for (size_t j = 0; status == MELE_OK && j < columns; j++)
        name[j] = mele_maker_column(maker, j);
    for (size_t c = 0; status == MELE_OK && c < classes; c++)
        name[columns + c] = mele_maker_class(maker, c);
    if (status == MELE_OK)
        status = mele_data_set_names(*out, name, name + columns - 1, classes > 0 ? name + columns : NULL, error);
    free(name);
    return status;
}

static mele_status make_set(const json_t *object, const char *maker, mele_data **out, double **made, mele_error *error)
{
    const size_t columns = mele_maker_columns(maker);
    mele_maker_options options;
    size_t rows;
    mele_status status = MELE_OK;

    if (columns == 0)
        return mele_i_fail(error, MELE_EDATA, "there is no maker \"%s\" ('mele-make --help' lists them)", maker);
    status = read_maker(object, &options, &rows, error);
    if (status == MELE_OK && (*made = mele_i_array(rows, columns * sizeof **made)) == NULL)
        return mele_i_no_memory(error);
    if (status == MELE_OK)
        status = mele_maker_fill(maker, &options, rows, *made, error);
    return status == MELE_OK ? take_made(maker, *made, rows, out, error) : status;
}

/* The protocol of a set: the comparison's, but for what it says itself. */
static mele_status read_protocol(const json_t *object, const mele_options *options, mele_cv_options *protocol,
                                 mele_error *error)
{
    mele_status status = MELE_OK;

    if (options->data.folds != NULL) {
        protocol->folds = 0;
        protocol->repeats = 1;
        protocol->blocks = false;
    }
    if (json_object_get(object, "cv") != NULL)
        status = mele_i_json_get_size(object, "cv", 2, MOST_COUNT, &protocol->folds, error);
    if (status == MELE_OK && json_object_get(object, "repeats") != NULL)
        status = mele_i_json_get_size(object, "repeats", 1, MOST_COUNT, &protocol->repeats, error);
    if (status == MELE_OK && json_object_get(object, "blocks") != NULL) {
        status = mele_i_json_get_bool(object, "blocks", &protocol->blocks, error);
        if (protocol->blocks && json_object_get(object, "repeats") == NULL)
            protocol->repeats = 1;
    }
    return status;
}

/* The name, and where the rows come from: the file, or the maker. */
static mele_status read_source(const json_t *object, const char **name, const char **file, const char **maker,
                               mele_error *error)
{
    mele_status status = MELE_OK;

    if (!json_is_object(object))
        return mele_i_fail(error, MELE_EDATA, "it is no object");
    status = mele_i_json_keys(object, "it", "name,file?,maker?,rows?,seed?,noise?,target?,cv?,repeats?,blocks?,options?",
                              error);
    if (status == MELE_OK)
        status = mele_i_json_get_string(object, "name", name, error);
    if (status == MELE_OK && json_object_get(object, "file") != NULL)
        status = mele_i_json_get_string(object, "file", file, error);
    if (status == MELE_OK && json_object_get(object, "maker") != NULL)
        status = mele_i_json_get_string(object, "maker", maker, error);
    if (status == MELE_OK && (*file == NULL) == (*maker == NULL))
        status = mele_i_fail(error, MELE_EDATA, "a set has a \"file\" or a \"maker\"");
    if (status == MELE_OK && *maker == NULL
        && (json_object_get(object, "rows") != NULL || json_object_get(object, "noise") != NULL
            || json_object_get(object, "seed") != NULL))
        status = mele_i_fail(error, MELE_EDATA, "\"rows\", \"seed\" and \"noise\" are of a maker");
    return status;
}

static mele_status take_set(const suite *s, const json_t *object, mele_options *options, mele_data **data,
                            double **made, mele_error *error)
{
    const char *name = NULL, *file = NULL, *maker = NULL, *target = NULL;
    mele_cv_options protocol = s->comparison->protocol;
    mele_status status = read_source(object, &name, &file, &maker, error);

    if (status == MELE_OK)
        status = set_options(json_object_get(object, "options"), name, NULL, options, error);
    if (status == MELE_OK && json_object_get(object, "target") != NULL) {
        status = mele_i_json_get_string(object, "target", &target, error);
        if (status == MELE_OK)
            status = mele_options_set(options, "target", target, error);
    }
    if (status == MELE_OK)
        status = read_protocol(object, options, &protocol, error);
    if (status == MELE_OK)
        status = file != NULL ? read_set(s, file, options, data, error) : make_set(object, maker, data, made, error);
    if (status == MELE_OK)
        status = mele_comparison_add_data(s->comparison, name, *data, options, &protocol, error);
    return status;
}

static mele_status add_set(const suite *s, const json_t *object, mele_error *error)
{
    mele_options *options = NULL;
    mele_data *data = NULL;
    double *made = NULL;
    mele_status status = mele_options_copy(s->general, &options, error);

    if (status == MELE_OK)
        status = take_set(s, object, options, &data, &made, error);
    mele_options_free(options);
    if (status == MELE_OK) {
        s->comparison->set[s->comparison->sets - 1].owned = data;
        s->comparison->set[s->comparison->sets - 1].made = made;
        return MELE_OK;
    }
    mele_data_free(data);
    free(made);
    return status;
}

/* ---- families ---- */

/* What a contender takes on one set beside its own options; null: it takes no part. */
static mele_status add_override(const suite *s, size_t contender, const char *name, const json_t *options,
                                mele_error *error)
{
    const mele_comparison *c = s->comparison;
    const mele_i_contender *who = &c->contender[contender];
    size_t set = 0;

    while (set < c->sets && strcmp(c->set[set].name, name) != 0)
        set++;
    if (set == c->sets)
        return mele_i_fail(error, MELE_EDATA, "%s: there is no set \"%s\"", who->name, name);
    mele_i_entry *entry = &c->set[set].entry[contender];
    if (json_is_null(options))
        return mele_i_entry_refuse(entry, "the suite leaves it out here", error);
    mele_status status = mele_i_entry_make(c, set, contender, error);
    return status == MELE_OK ? set_options(options, who->name, who->family, entry->options, error) : status;
}

static mele_status add_overrides(const suite *s, size_t contender, const json_t *sets, mele_error *error)
{
    const char *key;
    json_t *value;
    mele_status status = MELE_OK;

    if (sets != NULL && !json_is_object(sets))
        return mele_i_fail(error, MELE_EDATA, "\"sets\" is no object of sets");
    json_object_foreach((json_t *)sets, key, value)
        if (status == MELE_OK)
            status = add_override(s, contender, key, value, error);
    return status;
}

static mele_status add_object(const suite *s, const json_t *object, mele_error *error)
{
    const char *name = NULL, *family = NULL;
    mele_options *options = NULL;
    size_t contender;
    mele_status status = mele_i_json_keys(object, "it", "family,name?,options?,sets?", error);

    if (status == MELE_OK)
        status = mele_i_json_get_string(object, "family", &family, error);
    if (status == MELE_OK && json_object_get(object, "name") != NULL)
        status = mele_i_json_get_string(object, "name", &name, error);
    if (status == MELE_OK)
        status = mele_options_new(&options, error);
    if (status == MELE_OK)
        status = mele_options_set(options, "family", family, error);
    if (status == MELE_OK)
        status = set_options(json_object_get(object, "options"), name == NULL ? family : name, family, options, error);
    if (status == MELE_OK)
        status = mele_i_contender_add(s->comparison, name == NULL ? family : name, family, &contender, error);
    if (status != MELE_OK) {
        mele_options_free(options);
        return status;
    }
    s->comparison->contender[contender].options = options;
    return add_overrides(s, contender, json_object_get(object, "sets"), error);
}

static mele_status add_family(const suite *s, const json_t *item, mele_error *error)
{
    if (json_is_object(item))
        return add_object(s, item, error);
    if (json_is_string(item))
        return mele_comparison_add_families(s->comparison, json_string_value(item), error);
    return mele_i_fail(error, MELE_EDATA, "it is neither a text nor an object");
}

/* ---- the file ---- */

static mele_status add_each(const suite *s, const json_t *root, const char *key,
                            mele_status (*add)(const suite *s, const json_t *item, mele_error *error),
                            mele_error *error)
{
    const json_t *list = json_object_get(root, key);
    mele_error told;
    mele_status status = MELE_OK;

    if (!json_is_array(list))
        return mele_i_fail(error, MELE_EDATA, "\"%s\" is no list", key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        if ((status = add(s, item, &told)) == MELE_OK)
            continue;
        if (status == MELE_ENOMEM || status == MELE_ESTOPPED)
            return mele_i_fail(error, status, "%s", told.message);
        return mele_i_fail(error, status == MELE_EINVAL ? MELE_EDATA : status, "%s %zu%s%.64s%s: %.384s", key, i + 1,
                           name == NULL ? "" : " (", name == NULL ? "" : name, name == NULL ? "" : ")", told.message);
    }
    return MELE_OK;
}

static mele_status read_root(const char *path, json_t **out, mele_error *error)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return mele_i_fail(error, errno == ENOMEM ? MELE_ENOMEM : MELE_EIO, "%s", strerror(errno));
    mele_status status = mele_i_json_read(file, out, error);
    fclose(file);
    return status;
}

mele_status mele_comparison_add_suite(mele_comparison *comparison, const char *path, const mele_options *options,
                                      bool families, mele_engine *engine, mele_error *error)
{
    const mele_options none = mele_options_defaults();
    const suite s = {comparison, options == NULL ? &none : options, engine, path};
    const size_t sets = comparison->sets, contenders = comparison->contenders;
    json_t *root = NULL;
    mele_status status = path == NULL ? mele_i_fail(error, MELE_EINVAL, "there is no path")
                                      : read_root(path, &root, error);

    if (status == MELE_OK)
        status = json_is_object(root) ? mele_i_json_keys(root, "a suite", "sets,families?", error)
                                      : mele_i_fail(error, MELE_EDATA, "a suite is an object of \"sets\" and \"families\"");
    if (status == MELE_OK)
        status = add_each(&s, root, "sets", add_set, error);
    if (status == MELE_OK && families && json_object_get(root, "families") != NULL)
        status = add_each(&s, root, "families", add_family, error);
    while (status != MELE_OK && comparison->contenders > contenders)
        mele_i_comparison_drop_contender(comparison);
    while (status != MELE_OK && comparison->sets > sets)
        mele_i_comparison_drop_set(comparison);
    json_decref(root);
    return status;
}
