/* Hierarchical mixtures of experts (Jordan, Jacobs 1994, Neural Comput. 6): experts are the leaves of a tree whose
 * nodes have softmax gates on features; all learn together by EM (by_em.c), in whose maximisation each node is a
 * fit of its own (gate/tree/train.c). The tree is given, and starts are random responsibilities; or it grows
 * (grow.c), of which nothing is drawn. */
#include <stdlib.h>

#include "core/error.h"
#include "core/error.h"
#include "core/json.h"
#include "family/by_em.h"
#include "family/family.h"
#include "family/grow.h"
#include "gate/gate.h"

/* Levels that no tree of as many experts as there may be has. */
static mele_status check_depth(const mele_options *options, mele_error *error)
{
    const size_t given = options->partition.clusters, most = given > 0 ? given : options->clusters_most;
    const size_t levels = mele_i_gate_most_levels(most);

    if (most == 0 || options->family.depth <= levels)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "--depth %zu: a tree of %zu expert%s has at most %zu level%s: give at most "
                       "%zu, or leave it out", options->family.depth, most, most == 1 ? "" : "s", levels,
                       levels == 1 ? "" : "s", levels);
}

static mele_status check(const mele_data *data, const mele_options *options, mele_error *error)
{
    static const char *const given[] = {"depth", "restarts"};
    static const char *const why[] = {"the tree has the levels that it grows", "nothing is drawn"};

    for (size_t i = 0; i < 2 && options->family.grow; i++)
        if (mele_options_given(options, given[i]))
            return mele_i_fail(error, MELE_EINVAL, "--grow excludes --%s: %s", given[i], why[i]);
    mele_status status = check_depth(options, error);
    return status == MELE_OK ? mele_i_by_em_check(data, options, error) : status;
}

/* The mixture becomes the run's, and goes on from there as others do. */
static mele_status take_grown(mele_i_by_em *by, mele_i_growth *growth, mele_error *error)
{
    by->em = growth->em;
    by->em.problem = &by->problem;
    growth->em = (mele_i_em){.problem = NULL};
    by->more = json_object();
    const bool told = mele_i_json_put(by->more, "grown", growth->path);
    growth->path = NULL;
    const mele_status status = told ? mele_i_by_em_go_on(by, error) : mele_i_no_memory(error);
    by->problem.gate.start = by->em.gate; /* its shape is that of refits, too */
    return status;
}

static mele_status fit_grown(mele_i_run *run, const mele_gate_options *gate, mele_error *error)
{
    mele_i_by_em by;
    mele_i_growth growth = {.path = NULL};
    mele_status status = mele_i_by_em_make(run, gate, &by, error);

    if (status == MELE_OK)
        status = mele_i_grow_tree(&by.problem, run->model->clusters, by.steps, by.units, &growth, error);
    if (status == MELE_OK)
        status = take_grown(&by, &growth, error);
    mele_i_growth_clear(&growth);
    if (status == MELE_OK)
        status = mele_i_by_em_finish(&by, error);
    mele_i_by_em_clear(&by);
    return status;
}

static mele_status fit(mele_i_run *run, mele_error *error)
{
    mele_gate_options gate = run->gate;

    gate.kind = "tree";
    gate.depth = run->options->family.depth;
    return run->options->family.grow && run->model->clusters > 1
               ? fit_grown(run, &gate, error)
               : mele_i_family_by_em(run, &gate, NULL, error);
}

const mele_i_family mele_i_family_hme = {
    .help = "experts and a tree of softmax gates that learn together, by EM (--depth, --grow)",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_MIXTURE | MELE_I_FAMILY_NUMBERED,
    .options = MELE_I_FAMILY_LOOKS_AT("restarts", "depth", "grow", MELE_I_BY_EM_EXPERTS, MELE_I_BY_EM_GATE),
    .experts = MELE_I_FAMILY_EXPERTS("linear", "logistic", "mlp"),
    .gate = "softmax", /* of which the tree is made */
    .settle = mele_i_by_em_settle,
    .check = check,
    .fit = fit,
};
