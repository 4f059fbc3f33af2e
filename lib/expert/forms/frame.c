#include "expert/forms/frame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/forms/triangle.h"

#define FEW_ROWS 8192
#define SAMPLE 1024 /* rows that a shift is guessed from, or a few more */

static const double *source(const mele_i_frame *frame, size_t row, size_t column)
{
    return column < frame->x->cols ? &frame->x->data[row * frame->x->stride + column]
                                   : &frame->y->data[row * frame->y->stride + column
                                                     - frame->x->cols];
}

typedef struct ranging {
    const mele_i_frame *frame;
    const mele_i_regions *regions;
    double *most, *sum; /* a column each: largest magnitude, weighted sum */
} ranging;

static mele_status range_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const ranging *r = context;
    size_t columns = r->frame->columns;
    double *most = partial, *sum = most + columns;

    (void)scratch;
    (void)error;
    for (size_t i = block.first; i < block.first + block.count; i++) {
        double weight = mele_i_region_weight(r->regions, i, r->regions->clusters);
        for (size_t j = 0; j < columns && weight > 0; j++) {
            double value = *source(r->frame, i, j);
            most[j] = fabs(value) > most[j] ? fabs(value) : most[j];
            sum[j] += weight * value;
        }
    }
    return MELE_OK;
}

static void add_range(void *context, const void *partial)
{
    ranging *r = context;
    size_t columns = r->frame->columns;
    const double *most = partial, *sum = most + columns;

    for (size_t j = 0; j < columns; j++) {
        r->most[j] = most[j] > r->most[j] ? most[j] : r->most[j];
        r->sum[j] += sum[j];
    }
}

static bool allocate(mele_i_frame *frame, const mele_matrix *x, const mele_matrix *y)
{
    size_t columns = x->cols + (y == NULL ? 0 : y->cols);

    *frame = (mele_i_frame){x, y, columns, MELE_I_ZEROED(double, columns),
                            MELE_I_ZEROED(double, columns)};
    return frame->shift != NULL && frame->scale != NULL;
}

mele_status mele_i_frame_make(mele_i_frame *frame, const mele_matrix *x, const mele_matrix *y,
                              const mele_i_regions *regions, mele_engine *engine,
                              mele_error *error)
{
    if (!allocate(frame, x, y))
        return mele_i_no_memory(error);
    size_t columns = frame->columns;
    ranging r = {frame, regions, frame->scale, frame->shift};
    mele_i_pass pass = {.rows = x->rows, .block_rows = mele_i_block_rows(columns, 1 << 16, 16),
                        .partial_bytes = 2 * columns * sizeof(double), .map = range_block,
                        .combine = add_range, .context = &r};
    mele_status status = mele_i_pass_run(engine, &pass, error);
    double weight = regions->total[regions->clusters] * regions->scale;
    for (size_t j = 0; j < columns; j++) {
        frame->scale[j] = mele_i_power_scale(frame->scale[j]);
        frame->shift[j] = frame->scale[j] == 1 ? frame->shift[j] / weight : 0;
    }
    return status;
}

bool mele_i_frame_ordinary(double low, double high)
{
    const double most = fmax(fabs(low), fabs(high));

    return mele_i_power_scale(most) == 1;
}

/* False: there is no row of positive weight among those that are looked at, or no finite sum. */
static bool guess_shift(mele_i_frame *frame, const mele_i_regions *regions)
{
    const size_t rows = frame->x->rows, step = rows / SAMPLE;
    double total = 0;
    bool finite = true;

    for (size_t i = 0; i < rows; i += step) {
        const double weight = mele_i_region_weight(regions, i, regions->clusters);
        total += weight;
        for (size_t j = 0; j < frame->columns && weight > 0; j++)
            frame->shift[j] += weight * *source(frame, i, j);
    }
    for (size_t j = 0; j < frame->columns; j++) {
        frame->scale[j] = 1;
        frame->shift[j] /= total;
        finite = finite && isfinite(frame->shift[j]);
    }
    return finite;
}

mele_status mele_i_frame_guess(mele_i_frame *frame, const mele_matrix *x, const mele_matrix *y,
                               const mele_i_regions *regions, bool *guessed, mele_engine *engine,
                               mele_error *error)
{
    *guessed = false;
    if (x->rows < FEW_ROWS)
        return mele_i_frame_make(frame, x, y, regions, engine, error);
    if (!allocate(frame, x, y))
        return mele_i_no_memory(error);
    *guessed = guess_shift(frame, regions);
    if (*guessed)
        return MELE_OK;
    mele_i_frame_free(frame);
    return mele_i_frame_make(frame, x, y, regions, engine, error);
}

void mele_i_frame_free(mele_i_frame *frame)
{
    free(frame->shift);
    free(frame->scale);
}

void mele_i_frame_rows(const mele_i_frame *frame, const size_t *row, size_t count, double *out)
{
    size_t d = frame->x->cols, m = frame->columns - d;

    for (size_t i = 0; i < count; i++, out += frame->columns) {
        const double *x = source(frame, row[i], 0);
        for (size_t j = 0; j < d; j++)
            out[j] = x[j] * frame->scale[j] - frame->shift[j];
        const double *y = m == 0 ? NULL : source(frame, row[i], d);
        for (size_t j = 0; j < m; j++)
            out[d + j] = y[j] * frame->scale[d + j] - frame->shift[d + j];
    }
}

void mele_i_frame_pack(const mele_i_frame *frame, const size_t *row, const double *factor,
                       size_t count, size_t width, double *out)
{
    const size_t d = frame->x->cols, columns = frame->columns;

    mele_i_pack_rows(frame->x->data, frame->x->stride, row, factor, count, d, frame->scale,
                     frame->shift, out, width);
    if (columns > d)
        mele_i_pack_rows(frame->y->data, frame->y->stride, row, factor, count, columns - d,
                         frame->scale + d, frame->shift + d, out + d, width);
    for (size_t i = 0; i < count; i++)
        out[i * width + columns] = factor[i];
}

void mele_i_frame_columns(const mele_i_frame *frame, const size_t *row, const double *factor,
                          size_t count, size_t rows, double *out)
{
    size_t d = frame->x->cols, m = frame->columns - d;

    for (size_t i = 0; i < count; i++) {
        const double *x = source(frame, row[i], 0);
        double *at = out + i;
        *at = factor[i];
        for (size_t j = 0; j < d; j++)
            *(at += rows) = (x[j] * frame->scale[j] - frame->shift[j]) * factor[i];
        const double *y = m == 0 ? NULL : source(frame, row[i], d);
        for (size_t j = d; j < d + m; j++)
            *(at += rows) = (y[j - d] * frame->scale[j] - frame->shift[j]) * factor[i];
    }
    for (size_t j = 0; j <= d + m && count < rows; j++)
        memset(out + j * rows + count, 0, (rows - count) * sizeof *out);
}

void mele_i_frame_raw(const mele_i_frame *frame, size_t d, const double *framed, double y_scale,
                      double y_shift, double *raw)
{
    double intercept = framed[0] + y_shift;

    for (size_t j = 0; j < d; j++) {
        intercept -= framed[j + 1] * frame->shift[j];
        raw[j + 1] = framed[j + 1] == 0
                         ? 0
                         : mele_i_finite(framed[j + 1] * (frame->scale[j] / y_scale));
    }
    raw[0] = mele_i_finite(intercept / y_scale);
}
