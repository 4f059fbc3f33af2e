/* Mixtures of experts by EM from explicit regions: a hybrid. Where me-em starts from random responsibilities,
 * this starts from most of a row for the expert of its region, and the rest for all alike. Any partition makes the
 * regions; they are not part of the model, whose gate sees features. */
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "family/by_em.h"
#include "family/family.h"
#include "fit/stages.h"
#include "fit/whole.h"

/* Stage 1, in a model of its own. There may be fewer regions than were asked for. */
static mele_status find_regions(mele_i_run *run, mele_model *stage_1, uint32_t **labels, mele_error *error)
{
    mele_i_run regions = mele_i_run_of(run->data, NULL, run->options, run->engine, run->report, stage_1);
    mele_status status = mele_i_run_stage_1(&regions, error);

    if (status == MELE_OK)
        status = mele_i_run_need_labels(&regions, error);
    if (status == MELE_OK) {
        *labels = regions.labels;
        regions.labels = NULL;
    }
    mele_i_run_clear(&regions);
    return status;
}

static mele_status fit(mele_i_run *run, mele_error *error)
{
    mele_model *stage_1 = mele_i_model_new();
    uint32_t *labels = NULL;
    double *shares = NULL;
    mele_status status = stage_1 == NULL ? mele_i_no_memory(error)
                                         : find_regions(run, stage_1, &labels, error);

    if (status == MELE_OK) {
        run->model->clusters = stage_1->clusters;
        shares = mele_i_large_array(run->features.rows, stage_1->clusters * sizeof *shares);
        status = shares == NULL ? mele_i_no_memory(error) : MELE_OK;
    }
    mele_model_free(stage_1);
    if (status == MELE_OK) {
        mele_i_by_em_soften(labels, run->features.rows, run->model->clusters, shares);
        status = mele_i_family_by_em(run, &run->gate, shares, error);
    }
    free(labels);
    free(shares);
    return status;
}

/* A grid that is given says how many regions there are. */
static void settle(mele_options *options)
{
    const mele_partition_options *partition = &options->partition;

    if (partition->clusters == 0 && options->clusters_most == 0)
        options->partition.clusters = partition->grid_rows * partition->grid_columns;
    mele_i_by_em_settle(options);
}

static mele_status check(const mele_data *data, const mele_options *options, mele_error *error)
{
    mele_status status = mele_i_check_grid(options, error);

    return status == MELE_OK ? mele_i_by_em_check(data, options, error) : status;
}

const mele_i_family mele_i_family_me_regions = {
    .help = "me-em, but started from the regions of stage 1",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_MIXTURE,
    .options = MELE_I_FAMILY_LOOKS_AT("method", "covariance", "covariance-floor", "shrinkage", "fuzzifier",
                                      "grid", "cluster-on", "y-weight", "scale", "init", "restarts",
                                      "max-iter", "tol", MELE_I_BY_EM_EXPERTS, MELE_I_BY_EM_GATE),
    .experts = MELE_I_FAMILY_EXPERTS("linear", "logistic", "mlp"),
    .gate = "softmax",
    .settle = settle,
    .check = check,
    .fit = fit,
};
