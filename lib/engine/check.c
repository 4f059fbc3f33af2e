#include "engine/check.h"

#include <math.h>

#include "core/error.h"
#include "engine/rows.h"

typedef struct check {
    const mele_rows *rows;
    const char *name;
} check;

static mele_status check_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const check *c = context;
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(c->rows, block, scratch, &x, &stride, error);

    (void)partial;
    for (size_t i = 0; i < block.count && status == MELE_OK; i++, x += stride)
        for (size_t j = 0; j < c->rows->cols; j++)
            if (!isfinite(x[j]))
                return mele_i_fail(error, MELE_EDATA, "%s: row %zu, column %zu is %g, not a finite "
                                   "number", c->name, block.first + i + 1, j + 1, x[j]);
    return status;
}

mele_status mele_i_check_shape(const mele_rows *rows, const char *name, mele_error *error)
{
    if (rows == NULL || (rows->data == NULL && rows->read == NULL))
        return mele_i_fail(error, MELE_EINVAL, "%s is NULL", name);
    if (rows->rows == 0 || rows->cols == 0)
        return mele_i_fail(error, MELE_EINVAL, "%s is %zu x %zu: it needs a row and a column", name,
                           rows->rows, rows->cols);
    if (rows->data != NULL && rows->stride < rows->cols)
        return mele_i_fail(error, MELE_EINVAL, "%s has stride %zu and %zu columns", name,
                           rows->stride, rows->cols);
    return MELE_OK;
}

mele_status mele_i_check_rows(const mele_rows *rows, const char *name, mele_engine *engine,
                              mele_error *error)
{
    check context = {rows, name};
    mele_i_pass pass = {.map = check_block, .context = &context};
    mele_status status = mele_i_check_shape(rows, name, error);

    if (status != MELE_OK)
        return status;
    pass.rows = rows->rows;
    pass.block_rows = mele_i_block_rows(rows->cols, rows->data != NULL ? 1 << 17 : 1 << 14, 1);
    pass.scratch_bytes = mele_i_rows_room(rows, pass.block_rows) * sizeof(double);
    return mele_i_pass_run(engine, &pass, error);
}

mele_status mele_i_check_matrix(const mele_matrix *matrix, const char *name, mele_engine *engine,
                                mele_error *error)
{
    if (matrix == NULL)
        return mele_i_fail(error, MELE_EINVAL, "%s is NULL", name);
    const mele_rows rows = mele_rows_of(matrix);
    return mele_i_check_rows(&rows, name, engine, error);
}
