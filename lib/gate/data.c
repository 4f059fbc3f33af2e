/* What a gate is trained on: whether it is there, checks, and its rows in blocks. */
#include <math.h>

#include "core/error.h"
#include "engine/normalise.h"
#include "engine/rows.h"
#include "gate/kind.h"

#define CHECK_WORK ((size_t)1 << 17) /* elementary operations of a block */
#define LEAST_ROWS 16
#define SHARES_TOLERANCE 1e-6 /* of the sum of a row's, which is 1 */

/* ---- what there is ---- */

typedef struct part {
    unsigned flag;
    const char *name;
    size_t offset;   /* in mele_gate_data */
    bool logarithms; /* -infinity is allowed */
} part;

#define PART(flag, member, logarithms) \
    {flag, #member, offsetof(mele_gate_data, member), logarithms}

/* Features last: they are taken with their gaps. */
static const part parts[] = {
    PART(MELE_I_GATE_POSTERIORS, log_posteriors, true),
    PART(MELE_I_GATE_LIKELIHOODS, log_likelihoods, true),
    PART(MELE_I_GATE_PREDICTIONS, predictions, false),
    PART(MELE_I_GATE_TARGETS, targets, false),
    PART(MELE_I_GATE_SHARES, shares, false),
    PART(MELE_I_GATE_FEATURES, x, false),
};

enum { PARTS = sizeof parts / sizeof parts[0], FEATURES = PARTS - 1 };

static const mele_rows *rows_of(const mele_gate_data *data, const part *p)
{
    return (const mele_rows *)((const char *)data + p->offset);
}

mele_rows *mele_i_gate_part_of(mele_gate_data *data, size_t i, unsigned *flag)
{
    if (i >= PARTS)
        return NULL;
    *flag = parts[i].flag;
    return (mele_rows *)((char *)data + parts[i].offset);
}

unsigned mele_i_gate_loss_needs(const mele_i_gate_loss *loss, const mele_gate_data *data)
{
    return loss->takes_shares && mele_i_rows_are_there(&data->shares) ? MELE_I_GATE_SHARES : loss->needs;
}

bool mele_i_gate_has(const mele_gate_data *data, unsigned needs, const char **missing)
{
    for (size_t p = 0; p < PARTS; p++) {
        const mele_rows *rows = rows_of(data, &parts[p]);
        if ((needs & parts[p].flag) && !mele_i_rows_are_there(rows)) {
            *missing = parts[p].name;
            return false;
        }
    }
    return true;
}

size_t mele_i_gate_outputs(const mele_gate_data *data)
{
    return data->predictions.cols / data->clusters;
}

/* ---- checks ---- */

static mele_status check_shape(const mele_gate_data *data, const part *p, mele_error *error)
{
    const mele_rows *rows = rows_of(data, p);
    const size_t outputs = data->targets.cols;
    const bool fits = p->flag == MELE_I_GATE_FEATURES      ? rows->cols > 0
                      : p->flag == MELE_I_GATE_TARGETS     ? outputs > 0
                      : p->flag == MELE_I_GATE_PREDICTIONS ? rows->cols == data->clusters * outputs
                                                           : rows->cols == data->clusters;

    if (rows->rows != data->rows || !fits)
        return mele_i_fail(error, MELE_EINVAL, "gate: %s is %zu x %zu, for %zu rows, %zu clusters "
                           "and %zu columns of targets", p->name, rows->rows, rows->cols,
                           data->rows, data->clusters, outputs);
    if (rows->data != NULL && rows->stride < rows->cols)
        return mele_i_fail(error, MELE_EINVAL, "gate: %s has stride %zu and %zu columns", p->name,
                           rows->stride, rows->cols);
    return MELE_OK;
}

typedef struct checking {
    const part *part;
    const mele_rows *rows;
    bool normalises;
} checking;

/* Of a block's shares, which are finite. */
static mele_status check_shares(size_t clusters, mele_i_block block, const double *values,
                                mele_error *error)
{
    for (size_t i = 0; i < block.count; i++) {
        double sum = 0;
        for (size_t k = 0; k < clusters; k++) {
            const double share = values[i * clusters + k];
            sum = share < 0 ? NAN : sum + share;
        }
        if (!(fabs(sum - 1) <= SHARES_TOLERANCE))
            return mele_i_fail(error, MELE_EDATA, "gate: shares: row %zu: they must be 0 or more and "
                               "sum to 1", block.first + i + 1);
    }
    return MELE_OK;
}

/* Of a block's rows without gaps. */
static mele_status check_numbers(const part *p, size_t cols, mele_i_block block, const double *values,
                                 mele_error *error)
{
    for (size_t e = 0; e < block.count * cols; e++)
        if (!(values[e] < INFINITY) || (values[e] == -INFINITY && !p->logarithms))
            return mele_i_fail(error, MELE_EDATA, "gate: %s: row %zu, column %zu is %g", p->name,
                               block.first + e / cols + 1, e % cols + 1, values[e]);
    return p->flag == MELE_I_GATE_SHARES ? check_shares(cols, block, values, error) : MELE_OK;
}

static mele_status check_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const checking *c = context;
    const size_t numbers = block.count * c->rows->cols;
    const double *values;

    mele_status status = mele_i_rows_take_tight(c->rows, block, scratch, &values, error);
    if (status == MELE_OK)
        status = check_numbers(c->part, c->rows->cols, block, values, error);
    if (status == MELE_OK && c->part->flag == MELE_I_GATE_POSTERIORS)
        *(bool *)partial = mele_i_normalise_logs(values, block.count, c->rows->cols,
                                                 (double *)scratch + numbers);
    return status;
}

static void combine_checks(void *context, const void *partial)
{
    checking *c = context;

    c->normalises = c->normalises || *(const bool *)partial;
}

static mele_status check_part(checking *c, mele_engine *engine, mele_error *error)
{
    const size_t cols = c->rows->cols;
    const size_t block_rows = mele_i_block_rows(16 * cols, CHECK_WORK, LEAST_ROWS);
    const mele_i_pass pass = {.rows = c->rows->rows, .block_rows = block_rows, .map = check_block,
                              .combine = combine_checks, .context = c,
                              .partial_bytes = sizeof(bool),
                              .scratch_bytes = 2 * block_rows * cols * sizeof(double)};

    return mele_i_pass_run(engine, &pass, error);
}

/* The units of x, which tell rounding from a spread. */
static mele_status check_units(const mele_gate_data *data, mele_error *error)
{
    for (size_t j = 0; j < data->x.cols; j++) {
        const double scale = data->scale == NULL ? 1 : data->scale[j];
        const double center = data->center == NULL ? 0 : data->center[j];
        if (!isfinite(scale) || !(scale > 0) || !isfinite(center))
            return mele_i_fail(error, MELE_EINVAL, "gate: column %zu: the center or the scale is no "
                               "finite number, or the scale is not above 0", j + 1);
    }
    return MELE_OK;
}

mele_status mele_i_gate_check_shapes(const mele_gate_data *data, unsigned needs, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t p = 0; p < PARTS && status == MELE_OK; p++)
        if (needs & parts[p].flag)
            status = check_shape(data, &parts[p], error);
    if (status == MELE_OK && (needs & MELE_I_GATE_FEATURES))
        status = check_units(data, error);
    return status;
}

mele_status mele_i_gate_check_numbers(const mele_gate_data *data, unsigned needs, mele_engine *engine,
                                      bool *normalises, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t p = 0; p < PARTS && status == MELE_OK; p++) {
        checking c = {&parts[p], rows_of(data, &parts[p]), false};
        if ((needs & parts[p].flag) == 0)
            continue;
        status = check_part(&c, engine, error);
        if (parts[p].flag == MELE_I_GATE_POSTERIORS)
            *normalises = c.normalises;
    }
    return status;
}

/* ---- blocks ---- */

/* Twice: as they are read, and normalised. */
size_t mele_i_gate_take_room(const mele_i_gate_training *training, unsigned needs, size_t rows)
{
    size_t cols = 0;

    for (size_t p = 0; p < PARTS; p++)
        if (needs & parts[p].flag)
            cols += rows_of(training->data, &parts[p])->cols
                    * (parts[p].flag == MELE_I_GATE_POSTERIORS && training->normalises ? 2 : 1);
    return cols * rows;
}

/* Take a part of the data without gaps. */
static mele_status take_part(const mele_i_gate_training *training, const part *p, mele_i_block block,
                             double **memory, const double **out, mele_error *error)
{
    const mele_rows *rows = rows_of(training->data, p);
    mele_status status = mele_i_rows_take_tight(rows, block, *memory, out, error);

    *memory += rows->cols * block.count;
    return status == MELE_OK && training->checks ? check_numbers(p, rows->cols, block, *out, error)
                                                 : status;
}

mele_status mele_i_gate_take(const mele_i_gate_training *training, unsigned needs,
                             mele_i_block block, double *memory, mele_i_gate_rows *rows,
                             mele_error *error)
{
    const mele_gate_data *data = training->data;
    mele_i_gate_rows out = {.count = block.count};
    const double **const to[PARTS] = {&out.log_posteriors, &out.log_likelihoods, &out.predictions,
                                      &out.targets, &out.shares};
    mele_status status = MELE_OK;

    for (size_t p = 0; p < FEATURES && status == MELE_OK; p++)
        if (needs & parts[p].flag)
            status = take_part(training, &parts[p], block, &memory, to[p], error);
    if (status == MELE_OK && out.log_posteriors != NULL && training->normalises) {
        mele_i_normalise_logs(out.log_posteriors, block.count, data->clusters, memory);
        out.log_posteriors = memory;
        memory += data->clusters * block.count;
    }
    if (status == MELE_OK && (needs & MELE_I_GATE_FEATURES))
        status = mele_i_rows_take(&data->x, block, memory, &out.x, &out.stride, error);
    if (status == MELE_OK && data->weights != NULL)
        out.weights = data->weights + block.first;
    if (status == MELE_OK)
        *rows = out;
    return status;
}
