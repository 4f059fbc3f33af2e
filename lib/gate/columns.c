/* The columns of z: limits, then standardised, with the weighted moments of the training rows. */
#include "gate/columns.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"

#define BLOCK_WORK ((size_t)1 << 19)
#define LEAST_ROWS 32
#define CONSTANT 0x1p-40 /* logarithms that deviate by less than this share of their size are rounding */

/* log 2^-52 */
#define LOWEST_LOG (-36.04365338911715)

size_t mele_i_gate_columns_count(const mele_i_gate_input *on, const mele_gate_data *data)
{
    return (on->posteriors ? data->clusters : 0) + (on->features ? data->x.cols : 0);
}

bool mele_i_gate_columns_make(mele_i_gate_columns *columns, const mele_i_gate_input *on,
                              size_t clusters, size_t count)
{
    *columns = (mele_i_gate_columns){.on = on, .clusters = clusters, .count = count,
                                     .features = count - (on->posteriors ? clusters : 0),
                                     .column = MELE_I_ZEROED(mele_i_gate_column, count)};
    return columns->column != NULL;
}

void mele_i_gate_columns_clear(mele_i_gate_columns *columns)
{
    free(columns->column);
    columns->column = NULL;
}

void mele_i_gate_columns_ask(const mele_i_gate_columns *columns, double temperature, mele_gate *gate)
{
    gate->features = columns->features;
    if (columns->on != NULL && columns->on->posteriors)
        gate->needs |= MELE_I_GATE_POSTERIORS | MELE_I_GATE_SIZES;
    if (columns->features > 0)
        gate->needs |= MELE_I_GATE_FEATURES;
    if (temperature > 0)
        gate->needs |= MELE_I_GATE_POSTERIORS;
}

bool mele_i_gate_columns_alone(const mele_i_gate_columns *columns,
                               const mele_i_gate_training *training)
{
    const char *missing;

    return (training->loss->takes_shares && !(training->loss_needs & MELE_I_GATE_SHARES))
           || (!columns->on->posteriors
               && !mele_i_gate_has(training->data, MELE_I_GATE_POSTERIORS, &missing));
}

/* ---- the rows of z ---- */

static double column_value(const mele_i_gate_column *column, double raw)
{
    double clipped = raw < column->lower ? column->lower : raw;

    clipped = clipped > column->upper ? column->upper : clipped;
    return (clipped - column->centre) * column->factor;
}

/* The columns that are log p. */
static size_t seen_posteriors(const mele_i_gate_columns *columns)
{
    return columns->on->posteriors ? columns->clusters : 0;
}

void mele_i_gate_columns_fill(const mele_i_gate_columns *columns, const mele_i_gate_rows *rows,
                              double *z)
{
    const mele_i_gate_column *column = columns->column;
    const size_t seen = seen_posteriors(columns);

    for (size_t i = 0; i < rows->count; i++, z += columns->count) {
        const double *log_p = seen > 0 ? rows->log_posteriors + i * columns->clusters : NULL;
        for (size_t j = 0; j < seen; j++)
            z[j] = column_value(&column[j], log_p[j] < LOWEST_LOG ? LOWEST_LOG : log_p[j]);
        for (size_t j = 0; j < columns->features; j++)
            z[seen + j] = column_value(&column[seen + j], rows->x[i * rows->stride + j]);
    }
}

/* ---- their limits and moments ---- */

/* Weighted moments of one column over some rows, and the range of the rows with weight. */
typedef struct moments {
    double weight, mean, squares, lower, upper;
} moments;

typedef struct column_pass {
    const mele_i_gate_columns *columns;
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
    const size_t columns = pass->columns->count;
    double *z = scratch;
    moments *part = partial;
    mele_i_gate_rows rows;
    mele_status status = mele_i_gate_take(pass->training, pass->needs, block,
                                          z + block.count * columns, &rows, error);

    if (status != MELE_OK)
        return status;
    mele_i_gate_columns_fill(pass->columns, &rows, z);
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

    for (size_t j = 0; j < pass->columns->count; j++)
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
static bool is_constant(const mele_i_gate_columns *columns, const mele_gate_data *data, size_t j,
                        const moments *m)
{
    const size_t seen = seen_posteriors(columns);
    const double size = fmax(fmax(fabs(m->lower), fabs(m->upper)), 1);

    if (j < seen)
        return !(sqrt(m->squares / m->weight) > CONSTANT * size);
    return mele_i_is_constant((mele_i_origin){data->center, data->scale}, j - seen, m->lower,
                              m->upper);
}

mele_status mele_i_gate_columns_standardise(mele_i_gate_columns *columns, unsigned needs,
                                            const mele_i_gate_training *training,
                                            mele_error *error)
{
    const size_t count = columns->count;
    const size_t block_rows = mele_i_block_rows(32 * count, BLOCK_WORK, LEAST_ROWS);
    const size_t room = mele_i_gate_take_room(training, needs, block_rows);
    moments *total = MELE_I_ZEROED(moments, count);
    column_pass context = {columns, needs, training, total};
    const mele_i_pass pass = {
        .rows = training->data->rows, .block_rows = block_rows, .map = map_columns,
        .combine = combine_columns, .context = &context, .partial_bytes = count * sizeof *total,
        .scratch_bytes = (block_rows * count + room) * sizeof(double)};

    if (total == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < count; j++)
        columns->column[j] = (mele_i_gate_column){-INFINITY, INFINITY, 0, 1};
    mele_status status = mele_i_pass_run(training->engine, &pass, error);
    for (size_t j = 0; j < count && status == MELE_OK; j++)
        columns->column[j] =
            standard(&total[j], is_constant(columns, training->data, j, &total[j]));
    free(total);
    return status;
}

void mele_i_gate_columns_fold(mele_i_gate_columns *columns, double *coefficients, size_t forms)
{
    const size_t count = columns->count;

    for (size_t k = 0; k < forms; k++) {
        double *b = coefficients + k * (1 + count);
        for (size_t j = 0; j < count; j++) {
            b[1 + j] *= columns->column[j].factor;
            b[0] -= b[1 + j] * columns->column[j].centre;
        }
    }
    for (size_t j = 0; j < count; j++) {
        columns->column[j].centre = 0;
        columns->column[j].factor = 1;
    }
}

void mele_i_gate_columns_unfold(const mele_i_gate_columns *columns, double *coefficients, size_t forms)
{
    const size_t count = columns->count;

    for (size_t k = 0; k < forms; k++) {
        double *b = coefficients + k * (1 + count);
        for (size_t j = 0; j < count; j++) {
            const mele_i_gate_column *column = &columns->column[j];
            b[0] += b[1 + j] * column->centre;
            b[1 + j] = column->factor > 0 ? b[1 + j] / column->factor : 0;
        }
    }
}
