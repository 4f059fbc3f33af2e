/* What experts are asked: predictions, and what they are. */
#include "expert/expert.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "expert/candidates.h"
#include "expert/experts.h"
#include "expert/kinds.h"
#include "expert/predictor.h"

const char *mele_expert_candidate(bool classes, size_t i)
{
    const mele_i_candidate *candidate = mele_i_candidate_at(classes, i);

    return candidate == NULL ? NULL : candidate->name;
}

const char *mele_experts_name(const mele_experts *experts)
{
    return experts->name;
}

size_t mele_experts_clusters(const mele_experts *experts)
{
    return experts->clusters;
}

size_t mele_experts_columns(const mele_experts *experts)
{
    return experts->columns;
}

size_t mele_experts_outputs(const mele_experts *experts)
{
    return experts->outputs;
}

size_t mele_experts_classes(const mele_experts *experts)
{
    return experts->classes;
}

bool mele_experts_has(const mele_experts *experts, size_t k)
{
    return k < experts->clusters
           && experts->expert[experts->expert[k].answers].state != NULL
           && (experts->expert[k].own == 1 || experts->expert[experts->clusters].state != NULL);
}

void mele_experts_variances(const mele_experts *experts, double *out)
{
    const mele_experts *e = experts;

    for (size_t k = 0; k < e->clusters && e->variance != NULL; k++)
        for (size_t t = 0; t < e->outputs; t++) {
            const double own = e->expert[k].own, variance = e->expert[k].variance[t];
            out[k * e->outputs + t] =
                own == 1 ? variance
                         : own * variance + (1 - own) * e->expert[e->clusters].variance[t];
        }
}

static const mele_i_expert *answering(const mele_experts *e, size_t k)
{
    return &e->expert[e->expert[k].answers];
}

/* Whether some region's prediction is made of expert e, or of a part of it. */
static bool is_asked(const mele_experts *experts, size_t e)
{
    bool asked = false;

    for (size_t k = 0; k < experts->clusters; k++)
        asked = asked || experts->expert[k].answers == e
                || (e == experts->clusters && experts->expert[k].own < 1);
    return asked && experts->expert[e].state != NULL;
}

static size_t freedom_of(const mele_experts *experts, size_t e)
{
    const mele_i_expert *expert = &experts->expert[e];
    const mele_i_expert_shape shape = mele_i_experts_shape(experts, expert->degree);

    if (expert->kind->freedom != NULL)
        return expert->kind->freedom(expert, &shape);
    return expert->rank * (experts->classes > 0 ? experts->classes - 1 : experts->outputs);
}

size_t mele_i_experts_freedom(const mele_experts *experts)
{
    size_t sum = 0;

    for (size_t e = 0; e <= experts->clusters; e++)
        sum += is_asked(experts, e) ? freedom_of(experts, e) : 0;
    return sum;
}

size_t mele_i_expert_parameters(size_t columns, size_t outputs, size_t classes,
                                const mele_expert_options *options)
{
    const mele_i_expert_kind *kind = mele_i_expert_kind_named(options->kind);
    const mele_i_expert_shape shape = {columns, outputs, classes};
    const size_t networks = options->networks > 1 ? options->networks : 1;

    return kind == NULL || kind->parameters == NULL ? 0 : networks * kind->parameters(&shape, options);
}

bool mele_i_experts_coefficients(const mele_experts *experts, size_t k, double *out)
{
    const mele_i_expert *expert = answering(experts, k);
    const mele_i_expert_shape shape = mele_i_experts_shape(experts, expert->degree);

    if (expert->state == NULL || expert->kind->coefficients == NULL || experts->expert[k].own < 1)
        return false;
    expert->kind->coefficients(expert, &shape, out);
    return true;
}

bool mele_i_experts_standard_errors(const mele_experts *experts, size_t k, double *out)
{
    const mele_i_expert *expert = answering(experts, k);
    const mele_i_expert_shape shape = mele_i_experts_shape(experts, expert->degree);

    if (expert->state == NULL || expert->kind->standard_errors == NULL
        || experts->expert[k].own < 1)
        return false;
    expert->kind->standard_errors(expert, &shape, out);
    return !isnan(out[0]);
}

json_t *mele_i_experts_describe(const mele_experts *experts, size_t k)
{
    const mele_i_expert *expert = answering(experts, k);
    const mele_i_expert_shape shape = mele_i_experts_shape(experts, expert->degree);

    if (expert->state == NULL || expert->kind->describe == NULL)
        return json_object();
    return expert->kind->describe(expert, &shape);
}

mele_i_expert_facts mele_i_experts_facts(const mele_experts *experts, size_t k)
{
    const mele_i_expert *own = &experts->expert[k], *expert = answering(experts, k);

    return (mele_i_expert_facts){expert->state == NULL ? NULL : expert->kind->name, own->rows,
                                 expert->rank, expert->degree, own->answers, own->own};
}

/* ---- prediction ---- */

static mele_status check_all_there(const mele_experts *experts, mele_error *error)
{
    for (size_t k = 0; k < experts->clusters; k++)
        if (!mele_experts_has(experts, k))
            return mele_i_fail(error, MELE_EINVAL, "expert %zu is not there: this is a part of the "
                               "experts, to be merged with the others", k + 1);
    return MELE_OK;
}

mele_status mele_experts_predict(const mele_experts *experts, const mele_matrix *x,
                                 mele_engine *engine, double *mean, double *variance,
                                 mele_error *error)
{
    const mele_rows rows = x == NULL ? (mele_rows){.data = NULL} : mele_rows_of(x);

    return mele_experts_predict_rows(experts, x == NULL ? NULL : &rows, engine, mean, variance,
                                     error);
}

mele_status mele_experts_predict_rows(const mele_experts *experts, const mele_rows *x,
                                      mele_engine *engine, double *mean, double *variance,
                                      mele_error *error)
{
    mele_i_predictor predictor;

    if (experts == NULL || x == NULL || mean == NULL)
        return mele_i_fail(error, MELE_EINVAL, "experts, x or mean is NULL");
    if (x->cols != experts->columns || (x->read == NULL && x->stride < x->cols))
        return mele_i_fail(error, MELE_EINVAL, "x has %zu columns (stride %zu), the experts have "
                           "%zu", x->cols, x->stride, experts->columns);
    mele_status status = check_all_there(experts, error);
    if (status != MELE_OK)
        return status;
    status = mele_i_predictor_make(&predictor, experts->expert, experts->clusters,
                                   mele_i_experts_shape(experts, 1), 1, error);
    if (status == MELE_OK)
        status = mele_i_predictor_run(&predictor, x, mean, experts->classes > 0 ? NULL : variance,
                                      engine, error);
    mele_i_predictor_free(&predictor);
    return status;
}
