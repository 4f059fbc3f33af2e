/* Sparsely gated mixtures of experts (Shazeer et al. 2017, Fedus et al. 2022; batch.c has the
 * mathematics): of many experts a few see a row, in training and in prediction, so that only these
 * are evaluated. What is left of the others is the gate: logits, the choice, and of targets their
 * place in the loss, so that a row's time still grows with their number where experts are small.
 * It is what the literature of large networks calls conditional computation, or dynamic routing. */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "family/by_gradient.h"
#include "family/family.h"
#include "family/sparse/train.h"
#include "fit/report.h"
#include "gate/gate.h"
#include "schema/data.h"

#define LOADS_WORK ((size_t)1 << 17)
#define HOLDOUT 0.1
#define DEAD 1e-3 /* of an equal share */

/* ---- loads ---- */

typedef struct counting {
    mele_rows x;
    const mele_gate *gate;
    size_t clusters;
    const double *weights; /* NULL: all 1 */
    double *sums;          /* K: of the rows that an expert sees; and of all */
} counting;

static mele_status count_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const counting *c = context;
    const size_t K = c->clusters;
    double *sums = partial, *log_gate = scratch;
    const double *x;
    size_t stride;
    mele_status status =
        mele_i_rows_take(&c->x, block, log_gate + block.count * K, &x, &stride, error);

    if (status != MELE_OK)
        return status;
    const mele_matrix seen = {x, block.count, c->x.cols, stride};
    status = mele_i_gate_log_weights(c->gate, NULL, &seen, block.count, log_gate, error);
    for (size_t i = 0; i < block.count && status == MELE_OK; i++) {
        const double weight = c->weights == NULL ? 1 : c->weights[block.first + i];
        for (size_t k = 0; k < K; k++)
            sums[k] += log_gate[i * K + k] > -INFINITY ? weight : 0;
        sums[K] += weight;
    }
    return status;
}

static void add_counts(void *context, const void *partial)
{
    counting *c = context;
    const double *sums = partial;

    for (size_t k = 0; k <= c->clusters; k++)
        c->sums[k] += sums[k];
}

/* The shares of the rows' weight that experts see, to shares (K + 1 zeros). */
static mele_status count_loads(mele_i_run *run, const mele_gate *gate, double *shares,
                               mele_error *error)
{
    const size_t K = run->model->clusters;
    counting c = {mele_i_run_gate_x(run), gate, K, run->data->weights, shares};
    const size_t rows = mele_i_block_rows(K * (c.x.cols + 8), LOADS_WORK, 1);
    const size_t numbers = rows * K + mele_i_rows_room(&c.x, rows);
    const mele_i_pass pass = {.rows = c.x.rows,
                              .block_rows = rows,
                              .map = count_block,
                              .combine = add_counts,
                              .context = &c,
                              .partial_bytes = (K + 1) * sizeof(double),
                              .scratch_bytes = numbers * sizeof(double)};
    mele_status status = mele_i_pass_run(run->engine, &pass, error);

    for (size_t k = 0; k < K && status == MELE_OK; k++)
        shares[k] /= shares[K];
    return status;
}

/* As many a row as are asked for, of fewer all. */
static size_t active_of(const mele_i_run *run)
{
    const size_t K = run->model->clusters, asked = run->options->family.active;

    return asked < K ? asked : K;
}

static mele_status tell(mele_i_run *run, const mele_gate *gate, json_t *more, mele_error *error)
{
    const size_t K = run->model->clusters, active = active_of(run);
    double *shares = MELE_I_ZEROED(double, K + 1);
    mele_status status =
        shares == NULL ? mele_i_no_memory(error) : count_loads(run, gate, shares, error);
    size_t dead = 0;

    for (size_t k = 0; k < K && status == MELE_OK; k++)
        dead += shares[k] < DEAD * (double)active / (double)K;
    if (status == MELE_OK
        && (!mele_i_json_put(more, "load", mele_i_json_numbers(shares, K))
            || !mele_i_json_put(more, "dead", json_integer((json_int_t)dead))))
        status = mele_i_no_memory(error);
    if (status == MELE_OK && dead > 0)
        mele_i_report_warn(run->report,
                           "%zu of %zu experts see next to no row: a larger --balance, or --noise, "
                           "spreads the rows, or take fewer experts (--clusters)",
                           dead, K);
    free(shares);
    return status;
}

/* ---- the family ---- */

static mele_status fit(mele_i_run *run, mele_error *error)
{
    const mele_family_options *family = &run->options->family;
    const mele_expert_options *experts = &run->options->experts;
    const mele_i_sparse_training training = {
        .rule = {active_of(run), family->noise, family->balance},
        .batch = experts->batch,
        .max_epochs = experts->max_epochs,
        .rate = experts->rate,
        .holdout = experts->holdout < 0 ? HOLDOUT : experts->holdout};
    const mele_i_by_gradient_way way = {mele_i_sparse_move, &training, tell};
    const mele_options *given = run->options;
    mele_options options = *given;

    if (run->model->clusters > 1)
        options.experts.trainer = "adam"; /* which experts are to tell of */
    run->options = &options;
    mele_status status = mele_i_family_by_moves(run, &mele_i_coupled_me, &way, error);
    run->options = given;
    return status;
}

static void settle(mele_options *options)
{
    mele_i_by_gradient_settle(options);
    if (!mele_options_given(options, "restarts"))
        options->partition.restarts = 1;
}

static mele_status check(const mele_data *data, const mele_options *options, mele_error *error)
{
    const size_t least =
        options->clusters_most > 0 ? options->clusters_least : options->partition.clusters;

    if (least > 0 && mele_options_given(options, "active") && options->family.active > least)
        return mele_i_fail(error, MELE_EINVAL,
                           "--active %zu is more than the %zu experts of --clusters: take "
                           "fewer",
                           options->family.active, least);
    return mele_i_by_gradient_check(data, options, error);
}

const mele_i_family mele_i_family_sparse = {
    .help = "many experts of which a gate chooses a few a row, by mini-batches",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_MIXTURE | MELE_I_FAMILY_NUMBERED | MELE_I_FAMILY_TRAINS,
    .options = MELE_I_FAMILY_LOOKS_AT(MELE_I_BY_GRADIENT_EXPERTS, MELE_I_BY_GRADIENT_GATE, "batch",
                                      "rate", "holdout", "active", "noise", "balance"),
    .experts = MELE_I_FAMILY_EXPERTS("linear", "logistic", "mlp"),
    .gate = "softmax",
    .settle = settle,
    .check = check,
    .fit = fit,
};
