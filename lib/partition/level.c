#include "partition/level.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

static mele_status read_level(void *user, size_t first, size_t count, double *out,
                              mele_error *error)
{
    const mele_i_level *level = user;
    const mele_rows *rows = &level->rows;
    const size_t d = rows->cols;
    mele_status status = MELE_OK;

    if (rows->data == NULL)
        status = rows->read(rows->user, first, count, out, error);
    for (size_t i = 0; i < count && rows->data != NULL; i++)
        memcpy(out + i * d, rows->data + (first + i) * rows->stride, d * sizeof *out);
    for (size_t i = 0; i < count && status == MELE_OK; i++)
        for (size_t c = 0; c < level->count; c++)
            out[i * d + level->column[c]] = level->value[c];
    return status;
}

/* Columns that rounding alone keeps from being constant. */
static mele_status list_columns(mele_i_level *level, const mele_i_sample *sample,
                                mele_i_origin origin, mele_error *error)
{
    const size_t d = sample->rows.cols;

    level->column = MELE_I_ARRAY(size_t, d);
    level->value = MELE_I_ARRAY(double, d);
    if (level->column == NULL || level->value == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < d; j++)
        if (sample->low[j] < sample->high[j]
            && mele_i_is_constant(origin, j, sample->low[j], sample->high[j])) {
            level->column[level->count] = j;
            level->value[level->count++] = sample->low[j];
        }
    return MELE_OK;
}

mele_status mele_i_level_make(mele_i_level *level, mele_i_sample *sample, mele_i_origin origin,
                              mele_engine *engine, mele_error *error)
{
    level->rows = sample->rows;
    mele_status status = list_columns(level, sample, origin, error);
    if (status != MELE_OK || level->count == 0)
        return status;
    mele_i_sample_clear(sample);
    sample->rows = (mele_rows){.rows = level->rows.rows, .cols = level->rows.cols,
                               .read = read_level, .user = level};
    return mele_i_sample_describe(sample, engine, error);
}

void mele_i_level_clear(mele_i_level *level)
{
    free(level->column);
    free(level->value);
}
