/* What outside experts say, in the model's units: scaled means (v - center) / scale and variances
 * (sd / scale)^2, or log-probabilities log max(p / sum p, 2^-52). */
#include "model/said.h"

#include <math.h>

#include "core/error.h"
#include "measure/probability.h"
#include "model/predict.h"

mele_status mele_i_said_check(const mele_model *model, const mele_predictions *p, bool sd,
                              mele_error *error)
{
    const size_t outputs = mele_model_outputs(model);

    if (p == NULL || p->mean == NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "the experts of the model are outside ones: it needs "
                           "their predictions (--predictions)");
    if (p->clusters != model->clusters || p->outputs != outputs)
        return mele_i_fail(error, MELE_EINVAL,
                           "the predictions are of %zu experts with %zu outputs, "
                           "the model has %zu with %zu",
                           p->clusters, p->outputs, model->clusters, outputs);
    if (sd && model->outside->given && p->sd == NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "the gate was trained with standard deviations of the "
                           "experts, and the predictions have none, which standard deviations and "
                           "densities need: columns expert_1_sd_%s and so on (mele-predict --items "
                           "experts,experts-sd)",
                           model->schema->target[0].name);
    return MELE_OK;
}

/* Targets of one expert, from number `at` of the row on. */
static size_t take_targets(const mele_model *model, const double *mean, const double *sd, size_t at,
                           const mele_i_said_row *out)
{
    const mele_i_outside *o = model->outside;
    const mele_i_scaling *scaling = &model->target_scaling;
    const size_t count = model->clusters * scaling->columns;
    size_t wrong = SIZE_MAX;

    for (size_t t = 0; t < scaling->columns; t++) {
        const double scaled = (mean[t] - scaling->center[t]) / scaling->scale[t];
        const double off = o->given && sd != NULL ? sd[t] / scaling->scale[t] : 0;
        const bool good = fabs(scaled) <= MELE_I_FARTHEST, certain = off >= 0 && off <= MELE_I_FARTHEST;
        if (out->mean != NULL)
            out->mean[at + t] = good ? scaled : 0;
        if (out->variance != NULL)
            out->variance[at + t] =
                !o->given ? o->variance[at + t] : fmax(certain ? off * off : 1, o->least[t]);
        if (wrong == SIZE_MAX && !good)
            wrong = at + t;
        else if (wrong == SIZE_MAX && out->variance != NULL && !certain)
            wrong = count + at + t;
    }
    return wrong;
}

/* Classes of one expert in the same way. */
static size_t take_classes(const mele_model *model, const double *probability, size_t at,
                           const mele_i_said_row *out)
{
    const size_t classes = mele_model_outputs(model);
    double sum = 0;
    size_t wrong = SIZE_MAX;

    for (size_t c = 0; c < classes; c++) {
        if (!(probability[c] >= 0 && probability[c] <= MELE_I_FARTHEST) && wrong == SIZE_MAX)
            wrong = at + c;
        sum += probability[c];
    }
    if (wrong == SIZE_MAX && sum == 0)
        wrong = at;
    for (size_t c = 0; c < classes; c++) {
        const double p = wrong == SIZE_MAX ? probability[c] / sum : 1.0 / (double)classes;
        if (out->mean != NULL)
            out->mean[at + c] = log(fmax(p, MELE_I_LEAST_PROBABILITY));
        if (out->probability != NULL)
            out->probability[at + c] = p;
    }
    return wrong;
}

size_t mele_i_said_take(const mele_model *model, const mele_predictions *p, size_t i,
                        const mele_i_said_row *out)
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
