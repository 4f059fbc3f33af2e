/* Experts in the data's units. With z_j = (x_j - c_j) / s_j and y = m + s f(z), f of degree 1 or 2,
 * basis.c multiplies f out into a polynomial in x, and s takes it to y. The intercept m + s f_0 is
 * the difference of what may be much larger, so m / s enters before: the part of it that a double
 * does not hold is added last. */
#include "model/expert_info.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "expert/basis.h"
#include "expert/expert.h"

#define NAME_ROOM 1024
#define MOST_SAID 6 /* columns, in a line of text */

static bool has_classes(const mele_model *model)
{
    return mele_schema_classes(model->schema) > 0;
}

static const char *output_name(const mele_model *model, size_t o)
{
    return has_classes(model) ? mele_schema_class(model->schema, o)
                              : model->schema->target[o].name;
}

/* ---- coefficients ---- */

/* Those of one expert, M x (terms + 1), intercepts first. */
typedef struct forms {
    size_t terms;
    double *coefficients;    /* NULL: it has none */
    double *standard_errors; /* NULL: it has none */
} forms;

static void forms_clear(forms *f)
{
    free(f->coefficients);
    free(f->standard_errors);
}

/* One linear form of scaled columns and target, in place. */
static void take_units(const mele_model *model, const forms *f, size_t degree, size_t output,
                       double *scaled, double *raw)
{
    const mele_i_scaling *x = mele_i_model_expert_scaling(model);
    const long double scale = has_classes(model) ? 1 : model->target_scaling.scale[output];
    const long double center = has_classes(model) ? 0 : model->target_scaling.center[output];
    const long double intercept = scaled[0] + center / scale;

    scaled[0] = (double)intercept;
    mele_i_basis_raw(x->columns, degree, x->center, x->scale, scaled, raw);
    for (size_t t = 1; t <= f->terms; t++)
        scaled[t] = (double)(scale * raw[t]);
    scaled[0] = (double)(scale * (raw[0] + (intercept - (double)intercept)));
}

/* Standard errors are of x in the data's units already. */
static void take_target_units(const mele_model *model, forms *f)
{
    const size_t width = f->terms + 1;

    for (size_t o = 0; o < mele_model_outputs(model) && !has_classes(model); o++)
        for (size_t t = 0; t < width; t++)
            f->standard_errors[o * width + t] *= model->target_scaling.scale[o];
}

/* The forms of expert k in the data's units. */
static mele_status find_forms(const mele_model *model, size_t k, forms *out, mele_error *error)
{
    const mele_i_expert_facts facts = mele_i_experts_facts(model->experts, k);
    const size_t outputs = mele_model_outputs(model);
    const size_t columns = mele_experts_columns(model->experts);
    const size_t terms = facts.kind == NULL ? 0 : mele_i_basis_columns(columns, facts.degree);
    forms f = {.terms = terms, .coefficients = MELE_I_ARRAY(double, outputs * (terms + 1)),
               .standard_errors = MELE_I_ARRAY(double, outputs * (terms + 1))};
    double *raw = MELE_I_ARRAY(double, terms + 1);

    if (f.coefficients == NULL || f.standard_errors == NULL || raw == NULL) {
        forms_clear(&f);
        free(raw);
        return mele_i_no_memory(error);
    }
    const bool has = facts.kind != NULL
                     && mele_i_experts_coefficients(model->experts, k, f.coefficients);
    const bool errors = has && mele_i_experts_standard_errors(model->experts, k, f.standard_errors);
    for (size_t o = 0; o < outputs && has; o++)
        take_units(model, &f, facts.degree, o, f.coefficients + o * (terms + 1), raw);
    if (errors)
        take_target_units(model, &f);
    *out = (forms){terms, has ? f.coefficients : NULL, errors ? f.standard_errors : NULL};
    if (!has)
        free(f.coefficients);
    if (!errors)
        free(f.standard_errors);
    free(raw);
    return MELE_OK;
}

/* The name of term t, the intercept being 0. */
static void term_name(const mele_model *model, size_t t, char *out, size_t size)
{
    const mele_schema *schema = mele_i_model_expert_schema(model);
    const size_t columns = mele_experts_columns(model->experts);
    char first[NAME_ROOM], second[NAME_ROOM];
    size_t j, l;

    if (t == 0) {
        snprintf(out, size, "intercept");
        return;
    }
    mele_i_basis_factors(columns, t - 1, &j, &l);
    mele_i_schema_column_name(schema, j, first, sizeof first);
    if (l == columns) {
        snprintf(out, size, "%s", first);
    } else if (l == j) {
        snprintf(out, size, "%s^2", first);
    } else {
        mele_i_schema_column_name(schema, l, second, sizeof second);
        snprintf(out, size, "%s:%s", first, second);
    }
}

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* An object that ends where memory does: NULL then. */
static json_t *good_or_null(json_t *object, bool good)
{
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *terms_object(const mele_model *model, const double *values, size_t terms)
{
    json_t *object = json_object();
    char name[2 * NAME_ROOM + 2];
    bool good = object != NULL;

    for (size_t t = 0; t <= terms && good; t++) {
        term_name(model, t, name, sizeof name);
        good = mele_i_json_put(object, name, real_or_null(values[t]));
    }
    return good_or_null(object, good);
}

/* One target: its terms; several, or classes: an object from name to terms. */
static json_t *values_object(const mele_model *model, const double *values, size_t terms)
{
    const size_t outputs = mele_model_outputs(model);

    if (outputs == 1)
        return terms_object(model, values, terms);
    json_t *object = json_object();
    bool good = object != NULL;
    for (size_t o = 0; o < outputs && good; o++)
        good = mele_i_json_put(object, output_name(model, o),
                               terms_object(model, values + o * (terms + 1), terms));
    return good_or_null(object, good);
}

static bool put_forms(const mele_model *model, size_t k, json_t *object)
{
    forms f;

    if (find_forms(model, k, &f, NULL) != MELE_OK)
        return false;
    bool good = f.coefficients == NULL
                || mele_i_json_put(object, "coefficients",
                                   values_object(model, f.coefficients, f.terms));
    if (good && f.standard_errors != NULL)
        good = mele_i_json_put(object, "standard_errors",
                               values_object(model, f.standard_errors, f.terms));
    forms_clear(&f);
    return good;
}

/* ---- other parameters ---- */

/* An object from target to number in the data's units: m + s v, or s sqrt(factor v). */
static json_t *targets_object(const mele_model *model, const json_t *values, bool variances,
                              double factor)
{
    json_t *object = json_object();
    bool good = object != NULL;

    for (size_t t = 0; t < model->schema->targets && good; t++) {
        const double value = json_number_value(json_array_get(values, t));
        const double scale = model->target_scaling.scale[t];
        good = mele_i_json_put(object, model->schema->target[t].name,
                               real_or_null(variances ? scale * sqrt(factor * value)
                                                      : model->target_scaling.center[t]
                                                            + scale * value));
    }
    return good_or_null(object, good);
}

/* Of a term: an object from column to length; null: the column does not matter. */
static json_t *lengths_object(const mele_model *model, const json_t *lengths)
{
    const mele_i_scaling *scaling = mele_i_model_expert_scaling(model);
    json_t *object = json_object();
    char name[NAME_ROOM];
    bool good = object != NULL;

    for (size_t j = 0; j < scaling->columns && good; j++) {
        const json_t *length = json_array_get(lengths, j);
        mele_i_schema_column_name(mele_i_model_expert_schema(model), j, name, sizeof name);
        good = mele_i_json_put(object, name,
                               json_is_number(length)
                                   ? real_or_null(json_number_value(length)
                                                  * scaling->scale[j])
                                   : json_null());
    }
    return good_or_null(object, good);
}

static json_t *all_lengths(const mele_model *model, const json_t *terms)
{
    json_t *array = json_array();
    const json_t *lengths;
    bool good = array != NULL;
    size_t q;

    json_array_foreach(terms, q, lengths)
        good = good && json_array_append_new(array, lengths_object(model, lengths)) == 0;
    return good_or_null(array, good);
}

/* What an expert's kind says of it, in the data's units: lengths of columns, means and variances of
 * targets; the rest as it is. */
static json_t *details_object(const mele_model *model, size_t k)
{
    json_t *said = mele_i_experts_describe(model->experts, k), *object = json_object();
    const json_t *signal = json_object_get(said, "signal");
    const json_t *noise = json_object_get(said, "noise");
    bool good = said != NULL && object != NULL;
    const char *key;
    json_t *value;

    json_object_foreach(said, key, value) {
        if (!good || value == signal || value == noise)
            continue;
        good = strcmp(key, "lengths") == 0
                   ? mele_i_json_put(object, key, all_lengths(model, value))
               : strcmp(key, "mean") == 0
                   ? mele_i_json_put(object, key, targets_object(model, value, false, 1))
                   : mele_i_json_put(object, strcmp(key, "rows") == 0 ? "rows_held" : key,
                                     json_incref(value));
    }
    if (good && signal != NULL)
        good = mele_i_json_put(object, "signal_sd", targets_object(model, signal, true, 1))
               && mele_i_json_put(object, "noise_sd",
                                  targets_object(model, signal, true, json_number_value(noise)));
    json_decref(said);
    return good_or_null(object, good);
}

/* ---- an expert ---- */

static json_t *sd_object(const mele_model *model, const double *variances)
{
    json_t *object = json_object();
    bool good = object != NULL;

    for (size_t t = 0; t < model->schema->targets && good; t++)
        good = mele_i_json_put(object, model->schema->target[t].name,
                               real_or_null(model->target_scaling.scale[t] * sqrt(variances[t])));
    return good_or_null(object, good);
}

/* Who answers, when it is not the region's own expert alone. */
static bool put_answer(const mele_model *model, size_t k, const mele_i_expert_facts *facts,
                       json_t *object)
{
    const bool fallback = facts->answers == model->clusters;
    bool good = mele_i_json_put(object, "fallback", json_boolean(fallback));

    if (good && !fallback && facts->answers != k)
        good = mele_i_json_put(object, "merged_into",
                               json_integer((json_int_t)facts->answers + 1));
    if (good && facts->own < 1)
        good = mele_i_json_put(object, "own", json_real(facts->own));
    return good;
}

/* An outside expert, of which no more is known. */
static json_t *outside_object(const mele_model *model, size_t k)
{
    const mele_i_outside *o = model->outside;
    json_t *object = json_object();
    bool good = mele_i_json_put(object, "kind", json_string("outside"));

    if (good && o->variance != NULL)
        good = mele_i_json_put(object, "sd", sd_object(model, o->variance
                                                                  + k * model->schema->targets));
    return good_or_null(object, good);
}

/* with_forms: its coefficients too, of which there may be very many. */
static json_t *expert_object(const mele_model *model, size_t k, const double *variances,
                             bool with_forms)
{
    if (model->outside != NULL)
        return outside_object(model, k);
    const mele_i_expert_facts facts = mele_i_experts_facts(model->experts, k);
    json_t *object, *details;

    if (facts.kind == NULL)
        return json_null();
    object = json_object();
    details = details_object(model, k);
    bool good = details != NULL && mele_i_json_put(object, "kind", json_string(facts.kind))
                && mele_i_json_put(object, "degree", json_integer((json_int_t)facts.degree))
                && mele_i_json_put(object, "rows", real_or_null(facts.rows))
                && mele_i_json_put(object, "rank", json_integer((json_int_t)facts.rank))
                && put_answer(model, k, &facts, object)
                && (!with_forms || put_forms(model, k, object));
    if (good && json_object_size(details) > 0)
        good = mele_i_json_put(object, "details", json_incref(details));
    if (good && !has_classes(model))
        good = mele_i_json_put(object, "sd",
                               sd_object(model, variances + k * model->schema->targets));
    json_decref(details);
    return good_or_null(object, good);
}

static double *find_variances(const mele_model *model)
{
    double *variances = MELE_I_ZEROED(double, model->clusters * mele_model_outputs(model));

    if (variances != NULL && model->experts != NULL)
        mele_experts_variances(model->experts, variances);
    return variances;
}

json_t *mele_i_experts_info(const mele_model *model)
{
    double *variances = find_variances(model);
    json_t *list = variances == NULL ? NULL : json_array();

    for (size_t k = 0; k < model->clusters && list != NULL; k++)
        if (json_array_append_new(list, expert_object(model, k, variances, true)) != 0) {
            json_decref(list);
            list = NULL;
        }
    free(variances);
    return list;
}

/* ---- text ---- */

typedef struct line {
    char *out;
    size_t size, length;
} line;

static void say(line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(line *l, const char *format, ...)
{
    va_list arguments;
    char *at = l->length < l->size ? l->out + l->length : NULL;

    va_start(arguments, format);
    l->length += (size_t)vsnprintf(at, at == NULL ? 0 : l->size - l->length, format, arguments);
    va_end(arguments);
}

/* ", key", with blanks for underscores. */
static void say_key(line *l, const char *key)
{
    say(l, ", ");
    for (; *key != '\0'; key++)
        say(l, "%c", *key == '_' ? ' ' : *key);
}

static void say_value(line *l, const json_t *value)
{
    const char *name;
    json_t *one;

    if (json_is_string(value))
        say(l, " %s", json_string_value(value));
    else if (json_is_number(value))
        say(l, " %g", json_number_value(value));
    json_object_foreach((json_t *)value, name, one)
        if (json_is_number(one))
            say(l, " %s %.4g", name, json_number_value(one));
}

/* "key value", or "key name value name value" of an object that is not too long; the values of an
 * array have "and" between them. */
static void say_detail(line *l, const char *key, const json_t *value)
{
    const json_t *one = json_is_array(value) ? json_array_get(value, 0) : value;
    size_t i;

    if (json_is_object(one) && json_object_size(one) > MOST_SAID)
        return;
    say_key(l, key);
    if (!json_is_array(value))
        say_value(l, value);
    json_array_foreach(value, i, one) {
        say(l, i == 0 ? "" : " and");
        say_value(l, one);
    }
}

static void say_expert(const mele_model *model, size_t k, const json_t *expert, line *l)
{
    char names[MELE_I_SELECTION_ROOM];
    const char *name;
    json_t *value, *details = json_object_get(expert, "details");
    const json_t *merged = json_object_get(expert, "merged_into");

    if (json_is_null(expert)) {
        say(l, "not trained");
        return;
    }
    if (json_is_true(json_object_get(expert, "fallback")))
        say(l, "the global expert, ");
    else if (merged != NULL)
        say(l, "the expert of region %d, ", (int)json_integer_value(merged));
    say(l, "%s", json_string_value(json_object_get(expert, "kind")));
    if (model->outside != NULL) {
        if (json_object_get(expert, "sd") != NULL)
            say_detail(l, "residual_sd", json_object_get(expert, "sd"));
        else if (!has_classes(model))
            say(l, ", sd given with its predictions");
        return;
    }
    if (mele_i_experts_facts(model->experts, k).degree > 1)
        say(l, " of degree 2");
    say(l, ", rows %g", json_number_value(json_object_get(expert, "rows")));
    if (details == NULL)
        say(l, ", rank %d", (int)json_integer_value(json_object_get(expert, "rank")));
    if (json_object_get(expert, "own") != NULL)
        say(l, ", own share %.3g", json_number_value(json_object_get(expert, "own")));
    json_object_foreach(details, name, value)
        if (strcmp(name, "mean") != 0)
            say_detail(l, name, value);
    if (json_object_get(expert, "sd") != NULL)
        say_detail(l, "residual_sd", json_object_get(expert, "sd"));
    if (model->expert_features.features > 0) {
        mele_i_selection_text(&model->expert_features, names);
        say(l, ", of %s", names);
    }
}

size_t mele_model_expert_text(const mele_model *model, size_t k, char *out, size_t size)
{
    double *variances;
    json_t *expert = NULL;
    line l = {out, size, 0};

    if (size > 0)
        out[0] = '\0';
    if ((model->experts == NULL && model->outside == NULL) || k >= model->clusters)
        return 0;
    variances = find_variances(model);
    if (variances != NULL)
        expert = expert_object(model, k, variances, false);
    free(variances);
    if (expert != NULL)
        say_expert(model, k, expert, &l);
    json_decref(expert);
    return l.length;
}

/* ---- the table ---- */

static void add_rows(const mele_model *model, size_t k, const forms *f, mele_text *text)
{
    char name[2 * NAME_ROOM + 2];

    for (size_t o = 0; o < mele_model_outputs(model); o++)
        for (size_t t = 0; t <= f->terms; t++) {
            const size_t at = o * (f->terms + 1) + t;
            term_name(model, t, name, sizeof name);
            mele_text_number(text, (double)(k + 1));
            mele_text_name(text, output_name(model, o));
            mele_text_name(text, name);
            mele_text_number(text, f->coefficients[at]);
            mele_text_number(text, f->standard_errors == NULL ? NAN : f->standard_errors[at]);
            mele_text_newline(text);
        }
}

mele_status mele_i_coefficients_table(const mele_model *model, mele_text *text, mele_error *error)
{
    const char *const header[] = {"expert", has_classes(model) ? "class" : "target", "term",
                                  "coefficient", "standard_error"};
    mele_status status = MELE_OK;
    forms f;

    for (size_t c = 0; c < sizeof header / sizeof *header; c++)
        mele_text_name(text, header[c]);
    mele_text_newline(text);
    for (size_t k = 0; k < model->clusters && status == MELE_OK; k++) {
        status = find_forms(model, k, &f, error);
        if (status != MELE_OK)
            continue;
        if (f.coefficients != NULL)
            add_rows(model, k, &f, text);
        forms_clear(&f);
    }
    return status;
}
