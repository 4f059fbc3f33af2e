/* A part of the training rows, held. */
#include "gate/part.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/rows.h"

#define BLOCK_WORK ((size_t)1 << 17)
#define LEAST_ROWS 64

/* Rows start, start + step, .. of some rows, to memory. */
typedef struct taking {
    const mele_rows *rows;
    size_t start, step;
    double *to;
} taking;

static mele_status take_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const taking *t = context;
    size_t *row = scratch;

    (void)partial;
    for (size_t i = 0; i < block.count; i++)
        row[i] = t->start + (block.first + i) * t->step;
    return mele_i_rows_gather(t->rows, row, block.count, t->to + block.first * t->rows->cols,
                              error);
}

/* *rows becomes its part, at memory. */
static mele_status take_part(mele_rows *rows, size_t start, size_t step, size_t count, double *memory,
                             mele_engine *engine, mele_error *error)
{
    taking t = {rows, start, step, memory};
    const size_t block_rows = mele_i_block_rows(4 * rows->cols, BLOCK_WORK, LEAST_ROWS);
    const mele_i_pass pass = {.rows = count, .block_rows = block_rows, .map = take_block,
                              .context = &t, .scratch_bytes = block_rows * sizeof(size_t)};
    mele_status status = mele_i_pass_run(engine, &pass, error);

    if (status == MELE_OK)
        *rows = mele_i_rows_in_memory(memory, count, rows->cols);
    return status;
}

static mele_status take_weights(mele_i_gate_part *part, size_t start, size_t step, mele_error *error)
{
    const double *all = part->data.weights;

    if (all == NULL)
        return MELE_OK;
    if ((part->weights = MELE_I_ARRAY(double, part->data.rows)) == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < part->data.rows; i++)
        part->weights[i] = all[start + i * step];
    part->data.weights = part->weights;
    return MELE_OK;
}

/* The columns of all that is looked at. */
static size_t columns_of(mele_gate_data *data, unsigned needs)
{
    size_t columns = 0;
    unsigned flag;
    const mele_rows *rows;

    for (size_t i = 0; (rows = mele_i_gate_part_of(data, i, &flag)) != NULL; i++)
        columns += needs & flag ? rows->cols : 0;
    return columns;
}

mele_status mele_i_gate_part_make(mele_i_gate_part *part, const mele_i_gate_training *training,
                                  unsigned needs, size_t step, mele_error *error)
{
    const size_t start = step / 2 < training->data->rows ? step / 2 : 0;
    const size_t count = (training->data->rows - start + step - 1) / step;
    mele_rows *rows;
    unsigned flag;

    *part = (mele_i_gate_part){.training = *training, .data = *training->data,
                               .options = *training->options};
    part->data.rows = count;
    part->training.data = &part->data;
    part->training.options = &part->options;
    part->memory = mele_i_large_array(count, columns_of(&part->data, needs) * sizeof(double));
    double *at = part->memory;
    mele_status status = at == NULL ? mele_i_no_memory(error)
                                    : take_weights(part, start, step, error);
    for (size_t i = 0; (rows = mele_i_gate_part_of(&part->data, i, &flag)) != NULL; i++)
        if ((needs & flag) && status == MELE_OK) {
            const size_t columns = rows->cols;
            status = take_part(rows, start, step, count, at, training->engine, error);
            at += count * columns;
        }
    part->training.total_weight = mele_i_total_weight(part->data.weights, count);
    part->options.ridge *= part->training.total_weight / training->total_weight;
    return status;
}

void mele_i_gate_part_free(mele_i_gate_part *part)
{
    free(part->memory);
    free(part->weights);
}
