#ifndef MELE_MODEL_MODEL_H
#define MELE_MODEL_MODEL_H

#include <jansson.h>
#include <mele/expert.h>
#include <mele/gate.h>
#include <mele/model.h>
#include <mele/options.h>
#include <mele/partition.h>

#include "model/combine.h"
#include "model/outside.h"
#include "schema/selection.h"
#include "schema/space.h"

/* A model owns what its stages made. Stages are fitted in order, so a later one implies the earlier ones,
 * but for models made from outside posteriors, which have no partition, and those of a gate over
 * predictions of outside experts, which have neither. */
struct mele_model {
    mele_schema *schema;
    mele_i_scaling scaling;        /* of the design matrix, standard */
    mele_i_scaling target_scaling; /* of regression targets; columns 0: classes or no target */
    size_t clusters;

    mele_i_space space;
    mele_partition *joint;    /* as fitted; NULL: outside posteriors */
    mele_partition *marginal; /* what predictions use; joint itself unless targets were clustered */

    mele_experts *experts;
    mele_i_selection expert_features; /* what experts see; empty without experts */
    mele_i_outside *outside; /* in place of experts, which are then NULL; else NULL */
    mele_gate *gate;
    mele_i_selection gate_features; /* what a gate that sees features sees; empty without one */
    mele_experts *global; /* of a global gate and several regions: the global expert as the only one */
    const mele_i_combine *combine; /* never NULL */
    double votes; /* where it counts votes: how many the gate's weights are shares of, above 0 */

    double *within; /* a factor of the experts' variances a target, see combine.c; NULL: 1 */
    double *between; /* the same of the variance between them */

    json_t *training; /* options, and what the fits reported */
};

mele_model *mele_i_model_new(void);

/* Set the partition, taking it, and the marginal that follows. */
mele_status mele_i_model_set_partition(mele_model *model, mele_partition *joint,
                                       mele_error *error);

/* Of target t; classes have none. */
static inline double mele_i_model_within(const mele_model *model, size_t t)
{
    return model->within == NULL ? 1 : model->within[t];
}

static inline double mele_i_model_between(const mele_model *model, size_t t)
{
    return model->between == NULL ? 1 : model->between[t];
}

/* Schema and scaling of what experts see. */
const mele_schema *mele_i_model_expert_schema(const mele_model *model);
const mele_i_scaling *mele_i_model_expert_scaling(const mele_model *model);

/* Whether a row's region is told by the gate, as the expert of the most weight: the experts are the model's own,
 * there are no posteriors (given: but from elsewhere), and the gate needs none. */
bool mele_i_model_regions_by_gate(const mele_model *model, bool given);

/* Set the gate, taking it, whatever this returns, and what predicts under a global one. MELE_EDATA: that
 * needs a global expert, and there is none; MELE_ENOMEM. */
mele_status mele_i_model_set_gate(mele_model *model, mele_gate *gate, mele_error *error);

/* A model whose record has options that this version does not know can be used, and gets no further
 * stage: MELE_EDATA. */
mele_status mele_i_model_check_record(const mele_model *model, mele_error *error);

/* The stage that was fitted last; needs a partition or experts. */
mele_option_stage mele_i_model_last_stage(const mele_model *model);

json_t *mele_i_model_save(const mele_model *model);
mele_status mele_i_model_load(const json_t *root, mele_model **out, mele_error *error);

/* The same of a model without what comes after stage 1: no experts and no gate, and perhaps no regions,
 * but all of the record. NULL: no memory. */
json_t *mele_i_model_save_start(const mele_model *model);
mele_status mele_i_model_load_start(const json_t *root, mele_model **out, mele_error *error);

#endif
