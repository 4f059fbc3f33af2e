/* A gate between experts that stay as they are: trained on the likelihood of the blend (dE/da_k = g_k - h_k) of
 * what they say of rows that they have not seen, for of those that they have all look better than they are. The
 * variances are then those that make what was said likeliest (fit/said_variances.c). */
#include "family/afterwards.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "family/leave_out.h"
#include "fit/refining.h"
#include "fit/said_variances.h"

static mele_status fit_gate(mele_i_run *run, const mele_i_mixture_said *said, const double *variance,
                            mele_gate **out, mele_gate_info *info, mele_error *error)
{
    mele_i_em_problem problem;
    mele_i_said_densities densities = {&problem.rows, said->mean, variance};

    mele_i_refining_problem(run, run->options->experts.kind, &problem);
    const mele_gate_data data = {.rows = problem.rows.rows, .clusters = problem.rows.clusters,
                                 .log_likelihoods = mele_i_said_densities_of(&densities),
                                 .x = problem.rows.gate_x, .center = problem.gate_center,
                                 .scale = problem.gate_scale, .weights = problem.rows.weights};

    return mele_gate_fit(&data, &run->gate, run->engine, out, info, error);
}

/* What the gate says of the rows; what experts say of those that they have seen is not looked at. */
static mele_status weigh(mele_i_run *run, const mele_experts *experts, const mele_gate *gate,
                         double *log_gate, mele_error *error)
{
    const size_t outputs = mele_experts_outputs(experts), K = run->model->clusters;
    const mele_i_mixture mixture = {experts, gate, NULL};
    mele_i_mixture_said seen = {mele_i_large_array(run->features.rows, K * outputs * sizeof(double)), log_gate};
    mele_i_em_problem problem;

    if (seen.mean == NULL)
        return mele_i_no_memory(error);
    mele_i_refining_problem(run, run->options->experts.kind, &problem);
    mele_status status = mele_i_mixture_predict(&problem.rows, &mixture, run->engine, &seen, error);
    free(seen.mean);
    return status;
}

mele_status mele_i_family_gate_afterwards(mele_i_run *run, const mele_experts *experts,
                                          mele_i_mixture_said *said, double *variance,
                                          mele_gate **out, mele_gate_info *info, mele_error *error)
{
    mele_gate *gate = NULL;
    mele_status status = fit_gate(run, said, variance, &gate, info, error);

    if (status == MELE_OK)
        status = weigh(run, experts, gate, said->log_gate, error);
    if (status == MELE_OK)
        status = mele_i_family_said_variances(run, said, variance, error);
    if (status == MELE_OK)
        *out = gate;
    else
        mele_gate_free(gate);
    return status;
}
