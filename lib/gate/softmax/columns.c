/* The columns of z: limits, then standardised, with the weighted moments of the training rows
 * (softmax.c says what z is and why it is limited). */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "gate/softmax/softmax.h"

#define BLOCK_WORK ((size_t)1 << 19)
#define LEAST_ROWS 32
#define CONSTANT 0x1p-40 /* logarithms that deviate by less than this share of their size are rounding */

/* log 2^-52 */
#define LOWEST_LOG (-36.04365338911715)

static double column_value(const mele_i_gate_column *column, double raw)
{
    double clipped = raw < column->lower ? column->lower : raw;

    clipped = clipped > column->upper ? column->upper : clipped;
    return (clipped - column->centre) * column->factor;
}

void mele_i_softmax_fill(const mele_i_softmax *state, const mele_i_gate_rows *rows, double *z)
{
    const size_t seen = state->on->posteriors ? state->clusters : 0;

    for (size_t i = 0; i < rows->count; i++, z += state->columns) {
        const double *log_p = seen > 0 ? rows->log_posteriors + i * state->clusters : NULL;
        for (size_t j = 0; j < seen; j++)
            z[j] = column_value(&state->column[j], log_p[j] < LOWEST_LOG ? LOWEST_LOG : log_p[j]);
        for (size_t j = 0; j < state->features; j++)
            z[seen + j] = column_value(&state->column[seen + j], rows->x[i * rows->stride + j]);
    }
}

/* Weighted moments of one column over some rows, and the range of the rows with weight. */
typedef struct moments {
    double weight, mean, squares, lower, upper;
} moments;

typedef struct column_pass {
    const mele_i_softmax *state;
    unsigned needs;
    const mele_i_gate_training *training;
    moments *total;
} column_pass;

/* Chan, Golub, LeVeque 1983, Am. Stat. 37; a part of one value has squares 0. */
static void join_moments(moments *to, const moments *from)
{
    if (from->weight == 0)
        return;
    if (to->weight == 0) {
        *to = *from;
        return;
    }
    double weight = to->weight + from->weight, shift = from->mean - to->mean;
    to->mean += shift * (from->weight / weight);
    to->squares += from->squares + shift * shift * (to->weight * (from->weight / weight));
    to->weight = weight;
    to->lower = fmin(to->lower, from->lower);
    to->upper = fmax(to->upper, from->upper);
}

static mele_status map_columns(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const column_pass *pass = context;
    const size_t columns = pass->state->columns;
    double *z = scratch;
    moments *part = partial;
    mele_i_gate_rows rows;
    mele_status status = mele_i_gate_take(pass->training, pass->needs, block,
                                          z + block.count * columns, &rows, error);

    if (status != MELE_OK)
        return status;
    mele_i_softmax_fill(pass->state, &rows, z);
    for (size_t i = 0; i < block.count; i++) {
        double weight = rows.weights == NULL ? 1 : rows.weights[i];
        for (size_t j = 0; j < columns; j++) {
            double value = z[i * columns + j];
            join_moments(&part[j], &(moments){weight, value, 0, value, value});
        }
    }
    return MELE_OK;
}

static void combine_columns(void *context, const void *partial)
{
    column_pass *pass = context;
    const moments *part = partial;

    for (size_t j = 0; j < pass->state->columns; j++)
        join_moments(&pass->total[j], &part[j]);
}

/* A constant column, or one beyond the numbers, is left out: its z is 0. */
static mele_i_gate_column standard(const moments *m, bool constant)
{
    double deviation = sqrt(m->squares / m->weight);

    if (constant || !isfinite(deviation) || !isfinite(1 / deviation))
        return (mele_i_gate_column){0, 0, 0, 0};
    return (mele_i_gate_column){m->lower, m->upper, m->mean, 1 / deviation};
}

/* What logarithms are made of has been rounded many times, and they have a size of their own;
 * features are as they were measured. */
static bool is_constant(const mele_i_softmax *state, const mele_gate_data *data, size_t j,
                        const moments *m)
{
    const size_t seen = state->on->posteriors ? state->clusters : 0;
    const double size = fmax(fmax(fabs(m->lower), fabs(m->upper)), 1);

    if (j < seen)
        return !(sqrt(m->squares / m->weight) > CONSTANT * size);
    return mele_i_is_constant((mele_i_origin){data->center, data->scale}, j - seen, m->lower,
                              m->upper);
}

mele_status mele_i_softmax_standardise(mele_i_softmax *state, unsigned needs,
                                       const mele_i_gate_training *training, mele_error *error)
{
    const size_t columns = state->columns;
    const size_t block_rows = mele_i_block_rows(32 * columns, BLOCK_WORK, LEAST_ROWS);
    const size_t room = mele_i_gate_take_room(training, needs, block_rows);
    moments *total = MELE_I_ZEROED(moments, columns);
    column_pass context = {state, needs, training, total};
    const mele_i_pass pass = {
        .rows = training->data->rows, .block_rows = block_rows, .map = map_columns,
        .combine = combine_columns, .context = &context, .partial_bytes = columns * sizeof *total,
        .scratch_bytes = (block_rows * columns + room) * sizeof(double)};

    if (total == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < columns; j++)
        state->column[j] = (mele_i_gate_column){-INFINITY, INFINITY, 0, 1};
    mele_status status = mele_i_pass_run(training->engine, &pass, error);
    for (size_t j = 0; j < columns && status == MELE_OK; j++)
        state->column[j] = standard(&total[j], is_constant(state, training->data, j, &total[j]));
    free(total);
    return status;
}

void mele_i_softmax_fold(mele_i_softmax *state)
{
    for (size_t k = 0; k < state->clusters; k++) {
        double *b = state->coefficients + k * (1 + state->columns);
        for (size_t j = 0; j < state->columns; j++) {
            b[1 + j] *= state->column[j].factor;
            b[0] -= b[1 + j] * state->column[j].centre;
        }
    }
    for (size_t j = 0; j < state->columns; j++) {
        state->column[j].centre = 0;
        state->column[j].factor = 1;
    }
}
