/* Experts that are not of the model's making, in the model's units: scaled means (v - center) / scale
 * and variances (sd / scale)^2, or log-probabilities log max(p / sum p, 2^-52). */
#include "model/outside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "model/predictions.h"

#define KIND "outside"
#define LEAST_PROBABILITY 0x1p-52
#define FARTHEST 1e150 /* whose square is a double */

mele_i_outside *mele_i_outside_new(size_t clusters, size_t outputs, size_t classes, bool given)
{
    mele_i_outside *o = MELE_I_NEW(mele_i_outside);

    if (o == NULL)
        return NULL;
    o->given = given;
    if (classes == 0)
        o->least = MELE_I_ARRAY(double, outputs);
    if (classes == 0 && !given)
        o->variance = mele_i_array(clusters, outputs * sizeof *o->variance);
    if (classes == 0 && (o->least == NULL || (!given && o->variance == NULL))) {
        mele_i_outside_free(o);
        return NULL;
    }
    return o;
}

void mele_i_outside_free(mele_i_outside *outside)
{
    if (outside == NULL)
        return;
    free(outside->variance);
    free(outside->least);
    free(outside);
}

/* ---- what they say ---- */

mele_status mele_i_outside_check(const mele_model *model, const mele_predictions *p, bool sd,
                                 mele_error *error)
{
    const size_t outputs = mele_model_outputs(model);

    if (p == NULL || p->mean == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the experts of the model are outside ones: it needs "
                           "their predictions (--predictions)");
    if (p->clusters != model->clusters || p->outputs != outputs)
        return mele_i_fail(error, MELE_EINVAL, "the predictions are of %zu experts with %zu outputs, "
                           "the model has %zu with %zu", p->clusters, p->outputs, model->clusters,
                           outputs);
    if (sd && model->outside->given && p->sd == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the gate was trained with standard deviations of the "
                           "experts, and the predictions have none, which standard deviations and "
                           "densities need: columns expert_1_sd_%s and so on (mele-predict --items "
                           "experts,experts-sd)", model->schema->target[0].name);
    return MELE_OK;
}

/* Targets of one expert, from number `at` of the row on. */
static size_t take_targets(const mele_model *model, const double *mean, const double *sd, size_t at,
                           const mele_i_outside_row *out)
{
    const mele_i_outside *o = model->outside;
    const mele_i_scaling *scaling = &model->target_scaling;
    const size_t count = model->clusters * scaling->columns;
    size_t wrong = SIZE_MAX;

    for (size_t t = 0; t < scaling->columns; t++) {
        const double scaled = (mean[t] - scaling->center[t]) / scaling->scale[t];
        const double off = o->given && sd != NULL ? sd[t] / scaling->scale[t] : 0;
        const bool good = fabs(scaled) <= FARTHEST, certain = off >= 0 && off <= FARTHEST;
        if (out->mean != NULL)
            out->mean[at + t] = good ? scaled : 0;
        if (out->variance != NULL)
            out->variance[at + t] = !o->given ? o->variance[at + t]
                                              : fmax(certain ? off * off : 1, o->least[t]);
        if (wrong == SIZE_MAX && !good)
            wrong = at + t;
        else if (wrong == SIZE_MAX && out->variance != NULL && !certain)
            wrong = count + at + t;
    }
    return wrong;
}

/* Classes of one expert in the same way. */
static size_t take_classes(const mele_model *model, const double *probability, size_t at,
                           const mele_i_outside_row *out)
{
    const size_t classes = mele_model_outputs(model);
    double sum = 0;
    size_t wrong = SIZE_MAX;

    for (size_t c = 0; c < classes; c++) {
        if (!(probability[c] >= 0 && probability[c] <= FARTHEST) && wrong == SIZE_MAX)
            wrong = at + c;
        sum += probability[c];
    }
    if (wrong == SIZE_MAX && sum == 0)
        wrong = at;
    for (size_t c = 0; c < classes; c++) {
        const double p = wrong == SIZE_MAX ? probability[c] / sum : 1.0 / (double)classes;
        if (out->mean != NULL)
            out->mean[at + c] = log(fmax(p, LEAST_PROBABILITY));
        if (out->probability != NULL)
            out->probability[at + c] = p;
    }
    return wrong;
}

size_t mele_i_outside_take(const mele_model *model, const mele_predictions *p, size_t i,
                           const mele_i_outside_row *out)
{
    const size_t outputs = p->outputs, first = i * p->clusters * outputs;
    const bool classes = mele_schema_classes(model->schema) > 0;
    size_t wrong = SIZE_MAX;

    for (size_t k = 0; k < p->clusters; k++) {
        const size_t at = k * outputs;
        const double *sd = p->sd == NULL ? NULL : p->sd + first + at;
        const size_t one = classes ? take_classes(model, p->mean + first + at, at, out)
                                   : take_targets(model, p->mean + first + at, sd, at, out);
        wrong = wrong == SIZE_MAX ? one : wrong;
    }
    return wrong;
}

/* ---- the section ---- */

bool mele_i_outside_is_kind(const json_t *section)
{
    const char *kind = json_string_value(json_object_get(section, "kind"));

    return kind != NULL && strcmp(kind, KIND) == 0;
}

json_t *mele_i_outside_save(const mele_model *model)
{
    const mele_i_outside *o = model->outside;
    const size_t outputs = mele_model_outputs(model);
    const bool classes = o->least == NULL;
    json_t *section = json_object();

    if (mele_i_json_put(section, "kind", json_string(KIND))
        && mele_i_json_put(section, "clusters", json_integer((json_int_t)model->clusters))
        && mele_i_json_put(section, classes ? "classes" : "targets",
                           json_integer((json_int_t)outputs))
        && (classes
            || (mele_i_json_put(section, "sd", json_string(o->given ? "given" : "residuals"))
                && mele_i_json_put(section, "least_variance",
                                   mele_i_json_numbers(o->least, outputs))))
        && (o->variance == NULL
            || mele_i_json_put(section, "variance",
                               mele_i_json_matrix(o->variance, model->clusters, outputs))))
        return section;
    json_decref(section);
    return NULL;
}

static mele_status check_positive(const double *values, size_t count, const char *key,
                                  mele_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!(values[i] > 0))
            return mele_i_fail(error, MELE_EDATA, "\"%s\" has %g, which is not above 0", key,
                               values[i]);
    return MELE_OK;
}

static mele_status load_variances(const json_t *section, mele_model *model, mele_error *error)
{
    mele_i_outside *o = model->outside;
    const size_t m = mele_model_outputs(model), count = model->clusters * m;
    mele_status status = MELE_OK;

    if (o->least != NULL)
        status = mele_i_json_get_numbers(section, "least_variance", o->least, m, error);
    if (status == MELE_OK && o->least != NULL)
        status = check_positive(o->least, m, "least_variance", error);
    if (status == MELE_OK && o->variance != NULL)
        status = mele_i_json_get_matrix(section, "variance", o->variance, model->clusters, m, error);
    if (status == MELE_OK && o->variance != NULL)
        status = check_positive(o->variance, count, "variance", error);
    return status;
}

/* Where standard deviations come from. */
static mele_status load_sd(const json_t *section, bool *given, mele_error *error)
{
    const char *sd;
    mele_status status = mele_i_json_get_string(section, "sd", &sd, error);

    if (status != MELE_OK)
        return status;
    *given = strcmp(sd, "given") == 0;
    if (!*given && strcmp(sd, "residuals") != 0)
        return mele_i_fail(error, MELE_EDATA, "\"sd\" of the experts is \"%.80s\", not \"given\" or "
                           "\"residuals\"", sd);
    return MELE_OK;
}

mele_status mele_i_outside_load(const json_t *section, mele_model *model, mele_error *error)
{
    const size_t classes = mele_schema_classes(model->schema), m = mele_model_outputs(model);
    const char *keys = classes > 0 ? "kind,clusters,classes" : "kind,clusters,targets,sd,least_variance,variance?";
    size_t count;
    bool given = false;
    mele_status status = mele_i_json_keys(section, "\"experts\"", keys, error);

    if (status == MELE_OK && model->joint != NULL)
        status = mele_i_fail(error, MELE_EDATA, "the model has regions and outside experts");
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "clusters", model->clusters, model->clusters, &count,
                                      error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, classes > 0 ? "classes" : "targets", m, m, &count,
                                      error);
    if (status == MELE_OK && classes == 0)
        status = load_sd(section, &given, error);
    if (status == MELE_OK && classes == 0
        && given != (json_object_get(section, "variance") == NULL))
        status = mele_i_fail(error, MELE_EDATA, "the experts have %s \"variance\"",
                             given ? "an unexpected" : "no");
    if (status == MELE_OK && classes == 0)
        status = mele_i_json_check_size(section, "least_variance", m, error);
    if (status == MELE_OK && classes == 0 && !given)
        status = mele_i_json_check_sizes(section, "variance", model->clusters, m, error);
    if (status != MELE_OK)
        return status;
    model->outside = mele_i_outside_new(model->clusters, m, classes, given);
    return model->outside == NULL ? mele_i_no_memory(error)
                                  : load_variances(section, model, error);
}
