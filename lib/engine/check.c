#include "engine/check.h"

#include <math.h>

#include "core/error.h"
#include "engine/pass.h"

typedef struct check {
    const mele_matrix *matrix;
    const char *name;
} check;

static mele_status check_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const check *c = context;
    const mele_matrix *m = c->matrix;

    (void)partial;
    (void)scratch;
    for (size_t i = block.first; i < block.first + block.count; i++)
        for (size_t j = 0; j < m->cols; j++)
            if (!isfinite(m->data[i * m->stride + j]))
                return mele_i_fail(error, MELE_EDATA, "%s: row %zu, column %zu is %g, not a finite "
                                   "number", c->name, i + 1, j + 1, m->data[i * m->stride + j]);
    return MELE_OK;
}

mele_status mele_i_check_matrix(const mele_matrix *matrix, const char *name, mele_engine *engine,
                                mele_error *error)
{
    if (matrix == NULL || matrix->data == NULL)
        return mele_i_fail(error, MELE_EINVAL, "%s is NULL", name);
    if (matrix->rows == 0 || matrix->cols == 0)
        return mele_i_fail(error, MELE_EINVAL, "%s is %zu x %zu: it needs a row and a column", name,
                           matrix->rows, matrix->cols);
    if (matrix->stride < matrix->cols)
        return mele_i_fail(error, MELE_EINVAL, "%s has stride %zu and %zu columns", name,
                           matrix->stride, matrix->cols);
    check context = {matrix, name};
    mele_i_pass pass = {.rows = matrix->rows, .map = check_block, .context = &context,
                        .block_rows = mele_i_block_rows(matrix->cols, 1 << 17, 1)};
    return mele_i_pass_run(engine, &pass, error);
}
