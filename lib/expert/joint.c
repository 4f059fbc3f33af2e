/* Experts that are trained together: what they train on, and what they become. */
#include "expert/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/experts.h"
#include "expert/kinds.h"
#include "expert/options.h"

#define SEEN_WORK ((size_t)1 << 18) /* numbers of a block that are brought into units */

static mele_status refuse(const mele_expert_options *options, const mele_i_expert_kind *kind,
                          mele_error *error)
{
    if (kind == NULL || kind->joint == NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "experts of kind \"%s\" are not trained together, by "
                           "gradients: \"linear\", \"logistic\" and \"mlp\" are",
                           options->kind);
    if (options->ridge == MELE_RIDGE_GCV)
        return mele_i_fail(error, MELE_EINVAL,
                           "a ridge \"gcv\" is for experts that are each trained "
                           "alone: give a number (--ridge L)");
    if (options->networks > 1)
        return mele_i_fail(error, MELE_EINVAL,
                           "%zu networks whose outputs are averaged (--networks) are "
                           "for experts that are each trained alone",
                           options->networks);
    return MELE_OK;
}

mele_status mele_i_joint_settle(const mele_expert_options *options, const mele_targets *targets,
                                size_t columns, mele_expert_options *settled, mele_error *error)
{
    const mele_i_expert_kind *kind;
    mele_status status = mele_i_expert_options_settle(options, targets, columns, 1, settled, &kind,
                                                      error);

    return status == MELE_OK ? refuse(settled, kind, error) : status;
}

/* ---- what they see ---- */

static mele_status see_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const mele_i_joint *joint = context;
    const size_t d = joint->rows.shape.columns;

    (void)partial;
    (void)scratch;
    (void)error;
    joint->how->see(joint->form, joint->rows.x + block.first * d, block.count,
                    joint->z + block.first * d);
    return MELE_OK;
}

static mele_status see(mele_i_joint *joint, mele_engine *engine, mele_error *error)
{
    const size_t d = joint->rows.shape.columns;
    const mele_i_pass pass = {.rows = joint->rows.count, .map = see_block, .context = joint,
                              .block_rows = mele_i_block_rows(d, SEEN_WORK, 1)};

    joint->z = mele_i_large_array(joint->rows.count, d * sizeof *joint->z);
    return joint->z == NULL ? mele_i_no_memory(error) : mele_i_pass_run(engine, &pass, error);
}

/* Of targets that are scaled, where they were measured. */
static mele_status find_constants(mele_i_joint *joint, mele_error *error)
{
    const mele_i_joint_rows *rows = &joint->rows;
    const size_t M = rows->shape.outputs;

    if (rows->shape.classes > 0)
        return MELE_OK;
    joint->rows.constant = joint->constant = MELE_I_ARRAY(bool, M);
    if (joint->constant == NULL)
        return mele_i_no_memory(error);
    for (size_t t = 0; t < M; t++) {
        double low = rows->y[t], high = low;
        for (size_t i = 1; i < rows->count; i++) {
            low = fmin(low, rows->y[i * M + t]);
            high = fmax(high, rows->y[i * M + t]);
        }
        joint->constant[t] = mele_i_is_constant(mele_i_origin_of_y(joint->options), t, low, high);
    }
    return MELE_OK;
}

mele_status mele_i_joint_make(const mele_i_joint_rows *rows, const mele_expert_options *options,
                              mele_engine *engine, mele_i_joint *out, mele_error *error)
{
    const mele_i_expert_kind *kind = mele_i_expert_kind_named(options->kind);

    *out = (mele_i_joint){.kind = kind, .how = kind->joint, .rows = *rows, .options = options};
    mele_status status = find_constants(out, error);
    if (status == MELE_OK)
        status = kind->joint->make(&out->rows, options, &out->form, error);
    if (status != MELE_OK)
        return status;
    out->parameters = kind->joint->parameters(out->form);
    return see(out, engine, error);
}

void mele_i_joint_clear(mele_i_joint *joint)
{
    if (joint->how != NULL)
        joint->how->free(joint->form);
    free(joint->z);
    free(joint->constant);
    *joint = (mele_i_joint){.kind = NULL};
}

/* ---- from and to experts ---- */

bool mele_i_joint_start(const mele_i_joint *joint, const mele_experts *experts, double *parameters)
{
    bool good = true;

    for (size_t k = 0; k < experts->clusters && good; k++) {
        const mele_i_expert *expert = &experts->expert[experts->expert[k].answers];
        good = expert->kind == joint->kind && expert->state != NULL
               && expert->degree == joint->options->degree && experts->expert[k].own == 1
               && joint->how->take(joint->form, expert, parameters + k * joint->parameters);
    }
    return good;
}

static mele_status finish(const mele_i_joint *joint, const double *parameters, double weight,
                          const double *variance, mele_i_expert *expert, mele_error *error)
{
    expert->kind = joint->kind;
    expert->degree = joint->options->degree;
    expert->rows = weight;
    if (joint->rows.shape.classes == 0)
        memcpy(expert->variance, variance, joint->rows.shape.outputs * sizeof *variance);
    return joint->how->finish(joint->form, parameters, expert, error);
}

mele_status mele_i_joint_experts(const mele_i_joint *joint, size_t clusters,
                                 const double *parameters, const double *weight,
                                 const double *variance, mele_experts **out, mele_error *error)
{
    const mele_i_expert_shape *shape = &joint->rows.shape;
    mele_experts *experts = NULL;
    mele_status status = mele_i_experts_new(clusters, joint->rows.terms, shape->outputs,
                                            shape->classes > 0, &experts, error);

    for (size_t k = 0; k < clusters && status == MELE_OK; k++)
        status = finish(joint, parameters + k * joint->parameters, weight[k],
                        shape->classes > 0 ? NULL : variance + k * shape->outputs,
                        &experts->expert[k], error);
    if (status != MELE_OK) {
        mele_experts_free(experts);
        return status;
    }
    experts->name = joint->kind->name;
    *out = experts;
    return MELE_OK;
}
