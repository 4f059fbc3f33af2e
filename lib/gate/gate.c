/* The weights of a trained gate, in passes. */
#include "gate/gate.h"

#include "core/error.h"
#include "engine/normalise.h"
#include "gate/kind.h"

#define WEIGHT_WORK ((size_t)1 << 17) /* elementary operations of a block */
#define LEAST_ROWS 16

typedef struct weight_pass {
    const mele_gate *gate;
    const double *log_posteriors;
    const mele_matrix *x;
    double *out;
    bool normalises;
} weight_pass;

static mele_status map_weights(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const weight_pass *pass = context;
    const mele_gate *gate = pass->gate;
    const size_t at = block.first * gate->clusters;
    double *normalised = (double *)scratch + mele_i_gate_scratch(gate, block.count, false);
    mele_i_gate_rows rows = {.count = block.count};

    (void)partial;
    (void)error;
    if (gate->needs & MELE_I_GATE_POSTERIORS)
        rows.log_posteriors = pass->log_posteriors + at;
    if (gate->needs & MELE_I_GATE_FEATURES) {
        rows.x = pass->x->data + block.first * pass->x->stride;
        rows.stride = pass->x->stride;
    }
    if (pass->normalises) {
        mele_i_normalise_logs(rows.log_posteriors, block.count, gate->clusters, normalised);
        rows.log_posteriors = normalised;
    }
    mele_i_gate_weigh(gate, &rows, scratch, pass->out + at);
    return MELE_OK;
}

static mele_status check_needs(const weight_pass *pass, size_t rows, mele_error *error)
{
    const mele_gate *gate = pass->gate;
    const mele_matrix *x = pass->x;

    if ((gate->needs & MELE_I_GATE_POSTERIORS) && pass->log_posteriors == NULL)
        return mele_i_fail(error, MELE_EINVAL, "gate: log_posteriors is NULL");
    if ((gate->needs & MELE_I_GATE_FEATURES) == 0)
        return MELE_OK;
    if (x == NULL || x->data == NULL)
        return mele_i_fail(error, MELE_EINVAL, "gate: x is NULL, the gate sees %zu features",
                           gate->features);
    if (x->rows != rows || x->cols != gate->features || x->stride < x->cols)
        return mele_i_fail(error, MELE_EINVAL, "gate: x is %zu x %zu, not %zu x %zu", x->rows,
                           x->cols, rows, gate->features);
    return MELE_OK;
}

static mele_status log_weights(weight_pass *pass, size_t rows, mele_engine *engine,
                               mele_error *error)
{
    const mele_gate *gate = pass->gate;
    const size_t row_work =
        2 * mele_i_gate_work(gate) + gate->clusters * (pass->normalises ? 32 : 16);
    const size_t block_rows = mele_i_block_rows(row_work, WEIGHT_WORK, LEAST_ROWS);
    const size_t numbers = mele_i_gate_scratch(gate, block_rows, false)
                           + (pass->normalises ? block_rows * gate->clusters : 0);
    const mele_i_pass work = {.rows = rows, .block_rows = block_rows, .map = map_weights,
                              .context = pass, .scratch_bytes = numbers * sizeof(double)};
    mele_status status = rows == 0 ? MELE_OK : check_needs(pass, rows, error);

    return status == MELE_OK ? mele_i_pass_run(engine, &work, error) : status;
}

size_t mele_i_gate_freedom(const mele_gate *gate)
{
    return gate->clusters > 1 && gate->kind->freedom != NULL ? gate->kind->freedom(gate) : 0;
}

bool mele_i_gate_is_global(const mele_gate *gate)
{
    return gate->kind->global;
}

mele_status mele_i_gate_log_weights(const mele_gate *gate, const double *log_posteriors,
                                    const mele_matrix *x, size_t rows, double *out,
                                    mele_error *error)
{
    weight_pass pass = {gate, log_posteriors, x, out, false};

    return log_weights(&pass, rows, NULL, error);
}

mele_status mele_gate_log_weights(const mele_gate *gate, const double *log_posteriors,
                                  const mele_matrix *x, size_t rows, mele_engine *engine,
                                  double *out, mele_error *error)
{
    if (gate == NULL || (rows > 0 && out == NULL))
        return mele_i_fail(error, MELE_EINVAL, "gate: a pointer is NULL");
    weight_pass pass = {gate, log_posteriors, x, out, gate->needs & MELE_I_GATE_SIZES};
    return log_weights(&pass, rows, engine, error);
}
