/* Experts that nothing couples. */
#include "family/alone.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "fit/stages.h"

/* Every row counts in every region as it does in the data. */
static mele_status read_ones(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_rows *rows = user;

    (void)first;
    (void)error;
    for (size_t i = 0; i < count * rows->cols; i++)
        out[i] = 1;
    return MELE_OK;
}

mele_status mele_i_family_alone(mele_i_run *run, bool in_sample, mele_experts **out,
                                mele_expert_info *info, mele_error *error)
{
    const size_t n = run->features.rows, K = run->model->clusters;
    mele_expert_options options = mele_i_run_expert_options(run);
    mele_expert_data data = mele_i_run_expert_data(run);
    mele_rows ones = {.rows = n, .cols = K, .read = read_ones};
    uint32_t *labels = K == 1 ? MELE_I_ZEROED(uint32_t, n) : NULL;
    mele_assignment all = {.rows = n, .clusters = K, .labels = labels};

    if (K == 1 && labels == NULL)
        return mele_i_no_memory(error);
    options.in_sample = options.in_sample || in_sample;
    ones.user = &ones;
    if (K > 1)
        all.weights = &ones;
    data.assignment = &all;
    mele_status status = mele_experts_fit(&data, &options, run->engine, out, NULL, info, error);
    free(labels);
    return status;
}
