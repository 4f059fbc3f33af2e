/* What a model holds, for people: everything in the data's units. With z_j = (x_j - c_j) / s_j and
 * y = m + s (b_0 + sum_j b_j z_j), the coefficient of x_j is s b_j / s_j and the intercept
 * m + s b_0 - sum_j (s b_j / s_j) c_j. The intercept is the difference of sums that may be much
 * larger than it, so these are taken in extended precision. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/predict.h>
#include <mele/text.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "expert/expert.h"
#include "gate/gate.h"
#include "model/model.h"

#define NAME_ROOM 1024

/* One linear form of an expert (a target's, or a class's) in the data's units, intercept first. */
static void unscale(const mele_model *model, size_t output, const double *scaled, double *out)
{
    size_t columns = model->scaling.columns;
    bool classes = mele_schema_classes(model->schema) > 0;
    long double scale = classes ? 1 : model->target_scaling.scale[output];
    long double center = classes ? 0 : model->target_scaling.center[output];
    long double intercept = center + scale * scaled[0];

    for (size_t j = 0; j < columns; j++) {
        long double slope = scale * scaled[j + 1] / model->scaling.scale[j];
        out[j + 1] = (double)slope;
        intercept -= slope * model->scaling.center[j];
    }
    out[0] = (double)intercept;
}

/* The M x (d + 1) coefficients of expert k in the data's units; NULL without memory. *has is false
 * for experts that have no coefficients. */
static double *expert_coefficients(const mele_model *model, size_t k, bool *has)
{
    size_t width = model->scaling.columns + 1, outputs = mele_model_outputs(model);
    double *scaled = MELE_I_ARRAY(double, outputs * width);
    double *out = MELE_I_ARRAY(double, outputs * width);

    if (scaled == NULL || out == NULL) {
        free(scaled);
        free(out);
        return NULL;
    }
    *has = mele_i_experts_coefficients(model->experts, k, scaled);
    for (size_t o = 0; o < outputs && *has; o++)
        unscale(model, o, scaled + o * width, out + o * width);
    free(scaled);
    return out;
}

static const char *output_name(const mele_model *model, size_t o)
{
    return mele_schema_classes(model->schema) > 0 ? mele_schema_class(model->schema, o)
                                                  : model->schema->target[o].name;
}

/* What a unit of a column of the clustering space is in the data's units, and where its 0 lies. */
static double space_unit(const mele_i_space *space, size_t c, double *center)
{
    const bool target = c >= space->columns;
    const mele_i_scaling *scaling = target ? &space->target_scaling : &space->scaling;
    const size_t j = target ? c - space->columns : space->column[c];

    *center = scaling->center[j];
    return target && space->target_weight > 0 ? scaling->scale[j] / space->target_weight
                                              : scaling->scale[j];
}

/* The centres in the data's units, K x (columns + target columns); NULL without memory. */
static double *raw_centres(const mele_model *model)
{
    const mele_i_space *space = &model->space;
    size_t width = space->columns + space->target_columns;
    double *centres = MELE_I_ARRAY(double, model->clusters * width);

    if (centres == NULL)
        return NULL;
    mele_partition_centres(model->joint, centres);
    for (size_t k = 0; k < model->clusters; k++)
        for (size_t c = 0; c < width; c++) {
            double *value = &centres[k * width + c], center, unit = space_unit(space, c, &center);
            *value = center + unit * *value;
        }
    return centres;
}

/* The name of a column of the clustering space. */
static void space_name(const mele_model *model, size_t c, char *out)
{
    const mele_i_space *space = &model->space;

    if (c < space->columns)
        mele_i_schema_column_name(model->schema, space->column[c], out, NAME_ROOM);
    else if (mele_schema_classes(model->schema) == 0)
        snprintf(out, NAME_ROOM, "%s", model->schema->target[c - space->columns].name);
    else
        snprintf(out, NAME_ROOM, "%s=%s", model->schema->target[0].name,
                 mele_schema_class(model->schema, c - space->columns));
}

/* ---- JSON ---- */

static json_t *terms_object(const mele_model *model, const double *coefficients)
{
    json_t *object = json_object();
    char name[NAME_ROOM];
    bool good = mele_i_json_put(object, "intercept", json_real(coefficients[0]));

    for (size_t j = 0; j < model->scaling.columns && good; j++) {
        mele_i_schema_column_name(model->schema, j, name, sizeof name);
        good = mele_i_json_put(object, name, json_real(coefficients[j + 1]));
    }
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* One target: its terms; several, or classes: an object from name to terms. */
static json_t *coefficients_object(const mele_model *model, const double *coefficients)
{
    size_t width = model->scaling.columns + 1, outputs = mele_model_outputs(model);

    if (outputs == 1)
        return terms_object(model, coefficients);
    json_t *object = json_object();
    for (size_t o = 0; o < outputs && object != NULL; o++)
        if (!mele_i_json_put(object, output_name(model, o),
                             terms_object(model, coefficients + o * width))) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

static json_t *sd_object(const mele_model *model, const double *variances)
{
    json_t *object = json_object();

    for (size_t t = 0; t < model->schema->targets && object != NULL; t++)
        if (!mele_i_json_put(object, model->schema->target[t].name,
                             json_real(model->target_scaling.scale[t] * sqrt(variances[t])))) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

static json_t *expert_object(const mele_model *model, size_t k, const double *variances)
{
    json_t *object = json_object();
    bool has = false, regression = mele_schema_classes(model->schema) == 0;
    double *coefficients = expert_coefficients(model, k, &has);
    bool good = coefficients != NULL
                && mele_i_json_put(object, "kind", json_string(mele_experts_name(model->experts)))
                && mele_i_json_put(object, "fallback",
                                   json_boolean(mele_i_experts_facts(model->experts, k).answers == model->clusters));

    if (good && has)
        good = mele_i_json_put(object, "coefficients", coefficients_object(model, coefficients));
    if (good && regression)
        good = mele_i_json_put(object, "sd",
                               sd_object(model, variances + k * model->schema->targets));
    free(coefficients);
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *experts_list(const mele_model *model)
{
    double *variances = MELE_I_ZEROED(double, model->clusters * mele_model_outputs(model));
    json_t *list = variances == NULL ? NULL : json_array();

    if (list != NULL)
        mele_experts_variances(model->experts, variances);
    for (size_t k = 0; k < model->clusters && list != NULL; k++)
        if (json_array_append_new(list, expert_object(model, k, variances)) != 0) {
            json_decref(list);
            list = NULL;
        }
    free(variances);
    return list;
}

static json_t *centre_object(const mele_model *model, const double *centre)
{
    json_t *object = json_object();
    char name[NAME_ROOM];

    for (size_t c = 0; c < model->space.columns + model->space.target_columns; c++) {
        space_name(model, c, name);
        if (!mele_i_json_put(object, name, json_real(centre[c]))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* The priors of the regions, which for k-means are equal. */
static json_t *priors_list(const mele_model *model)
{
    double *priors = MELE_I_ARRAY(double, model->clusters);
    json_t *list = priors == NULL ? NULL : json_array();

    if (list != NULL)
        mele_partition_weights(model->joint, priors);
    for (size_t k = 0; k < model->clusters && list != NULL; k++)
        if (json_array_append_new(list, json_real(priors[k])) != 0) {
            json_decref(list);
            list = NULL;
        }
    free(priors);
    return list;
}

static json_t *partition_object(const mele_model *model)
{
    size_t width = model->space.columns + model->space.target_columns;
    double *centres = raw_centres(model);
    json_t *object = json_object(), *list = json_array();
    bool good = centres != NULL && list != NULL;

    for (size_t k = 0; k < model->clusters && good; k++)
        good = json_array_append_new(list, centre_object(model, centres + k * width)) == 0;
    good = good
           && mele_i_json_put(object, "method", json_string(mele_partition_name(model->joint)))
           && mele_i_json_put(object, "covariance",
                              json_string(mele_partition_covariance_kind(model->joint)))
           && mele_i_json_put(object, "weights", priors_list(model));
    good = mele_i_json_put(object, "centres", list) && good;
    free(centres);
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *scaling_object(const mele_model *model)
{
    json_t *object = json_object();
    char name[NAME_ROOM];

    for (size_t j = 0; j < model->scaling.columns; j++) {
        json_t *one = json_object();
        bool good = mele_i_json_put(one, "center", json_real(model->scaling.center[j]))
                    && mele_i_json_put(one, "scale", json_real(model->scaling.scale[j]));
        mele_i_schema_column_name(model->schema, j, name, sizeof name);
        if (!(mele_i_json_put(object, name, one) && good)) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

mele_status mele_model_info(const mele_model *model, char **out, size_t *length,
                            mele_error *error)
{
    bool classes = mele_schema_classes(model->schema) > 0;
    json_t *root = json_object();
    bool good = mele_i_json_put(root, "clusters", json_integer((json_int_t)model->clusters))
                && mele_i_json_put(root, "schema", mele_i_schema_save(model->schema))
                && mele_i_json_put(root, "scaling", scaling_object(model));

    if (good && model->schema->targets > 0)
        good = mele_i_json_put(root, "task",
                               json_string(classes ? "classification" : "regression"));
    if (good && model->joint != NULL)
        good = mele_i_json_put(root, "partition", partition_object(model));
    if (good && model->experts != NULL)
        good = mele_i_json_put(root, "experts", experts_list(model));
    if (good && model->gate != NULL)
        good = mele_i_json_put(root, "gate", mele_i_gate_save(model->gate));
    good = good && json_object_set(root, "training", model->training) == 0;
    mele_status status = good ? mele_i_json_text(root, out, length, error)
                              : mele_i_no_memory(error);
    json_decref(root);
    return status;
}

/* ---- tables ---- */

static void add_text(mele_text *text, const char *cell)
{
    mele_text_cell(text, cell, strlen(cell));
}

static void add_row(mele_text *text, size_t number, const char *what, const char *term,
                    double value)
{
    mele_text_number(text, (double)number);
    if (what != NULL)
        add_text(text, what);
    add_text(text, term);
    mele_text_number(text, value);
    mele_text_newline(text);
}

static mele_status add_coefficients(const mele_model *model, mele_text *text, mele_error *error)
{
    size_t width = model->scaling.columns + 1;
    char name[NAME_ROOM];

    add_text(text, "expert");
    add_text(text, mele_schema_classes(model->schema) > 0 ? "class" : "target");
    add_text(text, "term");
    add_text(text, "coefficient");
    mele_text_newline(text);
    for (size_t k = 0; k < model->clusters; k++) {
        bool has = false;
        double *coefficients = expert_coefficients(model, k, &has);
        if (coefficients == NULL)
            return mele_i_no_memory(error);
        for (size_t o = 0; o < mele_model_outputs(model) && has; o++) {
            add_row(text, k + 1, output_name(model, o), "intercept", coefficients[o * width]);
            for (size_t j = 1; j < width; j++) {
                mele_i_schema_column_name(model->schema, j - 1, name, sizeof name);
                add_row(text, k + 1, output_name(model, o), name, coefficients[o * width + j]);
            }
        }
        free(coefficients);
    }
    return MELE_OK;
}

static mele_status add_centres(const mele_model *model, mele_text *text, mele_error *error)
{
    size_t width = model->space.columns + model->space.target_columns;
    double *centres = raw_centres(model);
    char name[NAME_ROOM];

    if (centres == NULL)
        return mele_i_no_memory(error);
    add_text(text, "cluster");
    add_text(text, "column");
    add_text(text, "value");
    mele_text_newline(text);
    for (size_t k = 0; k < model->clusters; k++)
        for (size_t c = 0; c < width; c++) {
            space_name(model, c, name);
            add_row(text, k + 1, NULL, name, centres[k * width + c]);
        }
    free(centres);
    return MELE_OK;
}

/* The element (a, b) of cluster k, of covariances in the shape of mele_partition_parts. */
static double covariance_element(const char *kind, const double *all, size_t width, size_t k,
                                 size_t a, size_t b)
{
    if (strcmp(kind, "full") == 0)
        return all[(k * width + a) * width + b];
    if (strcmp(kind, "tied") == 0)
        return all[a * width + b];
    return a != b ? 0 : strcmp(kind, "diagonal") == 0 ? all[k * width + a]
                    : strcmp(kind, "spherical") == 0  ? all[k]
                                                      : all[0];
}

/* Every element of every cluster's, whatever the kind, so that a reader needs one rule. */
static mele_status add_covariances(const mele_model *model, mele_text *text, mele_error *error)
{
    const mele_i_space *space = &model->space;
    const char *kind = mele_partition_covariance_kind(model->joint);
    const size_t width = space->columns + space->target_columns;
    double *all = MELE_I_ARRAY(double, mele_partition_covariance_count(model->joint)), center;
    char name[NAME_ROOM], other[NAME_ROOM];

    if (all == NULL)
        return mele_i_no_memory(error);
    mele_partition_covariances(model->joint, all);
    add_text(text, "cluster");
    add_text(text, "column");
    add_text(text, "with");
    add_text(text, "value");
    mele_text_newline(text);
    for (size_t k = 0; k < model->clusters; k++)
        for (size_t a = 0; a < width; a++)
            for (size_t b = 0; b < width; b++) {
                space_name(model, a, name);
                space_name(model, b, other);
                add_row(text, k + 1, name, other,
                        covariance_element(kind, all, width, k, a, b)
                            * space_unit(space, a, &center) * space_unit(space, b, &center));
            }
    free(all);
    return MELE_OK;
}

/* The text's bytes as memory of the caller. */
static mele_status release(const mele_text *text, char **out, size_t *length, mele_error *error)
{
    size_t size = mele_text_length(text);
    mele_status status = mele_text_status(text, error);
    char *copy = status == MELE_OK ? MELE_I_ARRAY(char, size + 1) : NULL;

    if (status != MELE_OK || copy == NULL)
        return mele_i_no_memory(error);
    memcpy(copy, mele_text_data(text), size);
    copy[size] = '\0';
    *out = copy;
    if (length != NULL)
        *length = size;
    return MELE_OK;
}

static const struct {
    const char *name;
    mele_status (*add)(const mele_model *model, mele_text *text, mele_error *error);
} tables[] = {
    {"coefficients", add_coefficients}, {"centres", add_centres}, {"covariances", add_covariances}};

#define TABLES (sizeof tables / sizeof *tables)

mele_status mele_model_table(const mele_model *model, const char *table, char **out,
                             size_t *length, mele_error *error)
{
    mele_text *text;
    mele_status status;
    size_t t = 0;

    while (t < TABLES && strcmp(tables[t].name, table) != 0)
        t++;
    if (t == TABLES)
        return mele_i_fail(error, MELE_EINVAL,
                           "there is no table \"%s\": coefficients, centres or covariances", table);
    if (tables[t].add == add_coefficients ? model->experts == NULL : model->joint == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no %s", table);
    status = mele_text_new(',', &text, error);
    if (status != MELE_OK)
        return status;
    status = tables[t].add(model, text, error);
    if (status == MELE_OK)
        status = release(text, out, length, error);
    mele_text_free(text);
    return status;
}
