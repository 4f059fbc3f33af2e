/* The columns of z: limits, then standardised, with the weighted moments of the training rows
 * (softmax.c says what z is and why it is limited). */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "gate/kind.h"

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

void mele_i_gate_fill_columns(const mele_gate *gate, const mele_i_gate_rows *rows, double *z)
{
    size_t seen = gate->on_posteriors ? gate->clusters : 0;

    for (size_t i = 0; i < rows->count; i++, z += gate->columns) {
        const double *log_p = rows->log_posteriors + i * gate->clusters;
        for (size_t j = 0; j < seen; j++)
            z[j] = column_value(&gate->column[j], log_p[j] < LOWEST_LOG ? LOWEST_LOG : log_p[j]);
        for (size_t j = 0; j < gate->features; j++)
            z[seen + j] = column_value(&gate->column[seen + j], rows->x[i * rows->stride + j]);
    }
}

mele_i_gate_rows mele_i_gate_rows_of(const mele_gate_data *data, mele_i_block block)
{
    const mele_matrix *x = &data->x;

    return (mele_i_gate_rows){block.count, data->log_posteriors + block.first * data->clusters,
                              x->data == NULL ? NULL : x->data + block.first * x->stride,
                              x->stride};
}

/* Weighted moments of one column over some rows, and the range of the rows with weight. */
typedef struct moments {
    double weight, mean, squares, lower, upper;
} moments;

typedef struct column_pass {
    const mele_gate *gate;
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
    const mele_gate *gate = pass->gate;
    const mele_gate_data *data = pass->training->data;
    mele_i_gate_rows rows = mele_i_gate_rows_of(data, block);
    double *z = scratch;
    moments *part = partial;

    (void)error;
    mele_i_gate_fill_columns(gate, &rows, z);
    for (size_t i = 0; i < block.count; i++) {
        double weight = data->weights == NULL ? 1 : data->weights[block.first + i];
        for (size_t j = 0; j < gate->columns; j++) {
            double value = z[i * gate->columns + j];
            join_moments(&part[j], &(moments){weight, value, 0, value, value});
        }
    }
    return MELE_OK;
}

static void combine_columns(void *context, const void *partial)
{
    column_pass *pass = context;
    const moments *part = partial;

    for (size_t j = 0; j < pass->gate->columns; j++)
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
static bool is_constant(const mele_gate *gate, const mele_gate_data *data, size_t j,
                        const moments *m)
{
    const size_t seen = gate->on_posteriors ? gate->clusters : 0;
    const double size = fmax(fmax(fabs(m->lower), fabs(m->upper)), 1);

    if (j < seen)
        return !(sqrt(m->squares / m->weight) > CONSTANT * size);
    return mele_i_is_constant((mele_i_origin){data->center, data->scale}, j - seen, m->lower,
                              m->upper);
}

mele_status mele_i_gate_standardise(mele_gate *gate, const mele_i_gate_training *training,
                                    mele_error *error)
{
    size_t columns = gate->columns;
    size_t block_rows = mele_i_block_rows(32 * columns, BLOCK_WORK, LEAST_ROWS);
    moments *total = MELE_I_ZEROED(moments, columns);
    column_pass context = {gate, training, total};
    const mele_i_pass pass = {
        .rows = training->data->rows, .block_rows = block_rows, .map = map_columns,
        .combine = combine_columns, .context = &context, .partial_bytes = columns * sizeof *total,
        .scratch_bytes = block_rows * columns * sizeof(double)};

    if (total == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < columns; j++)
        gate->column[j] = (mele_i_gate_column){-INFINITY, INFINITY, 0, 1};
    mele_status status = mele_i_pass_run(training->engine, &pass, error);
    for (size_t j = 0; j < columns && status == MELE_OK; j++)
        gate->column[j] =
            standard(&total[j], is_constant(gate, training->data, j, &total[j]));
    free(total);
    return status;
}
