#include "expert/forms/frame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "expert/forms/triangle.h"

#define FEW_ROWS 8192
#define SAMPLE 1024 /* rows that a shift is guessed from, or a few more */

typedef struct ranging {
    const mele_i_frame *frame;
    const mele_rows *x;
    const mele_rows *y; /* NULL: features only */
    const mele_i_regions *regions;
    double *most, *sum; /* a column each: largest magnitude, weighted sum */
} ranging;

static void widen(const double *value, size_t count, double weight, double *most, double *sum)
{
    for (size_t j = 0; j < count; j++) {
        most[j] = fabs(value[j]) > most[j] ? fabs(value[j]) : most[j];
        sum[j] += weight * value[j];
    }
}

static mele_status range_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const ranging *r = context;
    const size_t d = r->frame->features;
    double *most = partial, *sum = most + r->frame->columns;
    unsigned char *at = scratch;
    double *room = mele_i_carve(&at, mele_i_rows_room(r->x, block.count), sizeof *room);
    const double *x, *y = NULL;
    size_t stride, y_stride = 0;
    mele_status status = mele_i_rows_take(r->x, block, room, &x, &stride, error);

    if (status == MELE_OK && r->y != NULL)
        status = mele_i_rows_take(r->y, block, (double *)at, &y, &y_stride, error);
    for (size_t i = 0; i < block.count && status == MELE_OK; i++) {
        const double weight = mele_i_region_weight(r->regions, block.first + i, r->regions->clusters);
        if (!(weight > 0))
            continue;
        widen(x + i * stride, d, weight, most, sum);
        if (r->y != NULL)
            widen(y + i * y_stride, r->y->cols, weight, most + d, sum + d);
    }
    return status;
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

static bool allocate(mele_i_frame *frame, const mele_rows *x, const mele_rows *y)
{
    size_t columns = x->cols + (y == NULL ? 0 : y->cols);

    *frame = (mele_i_frame){x->cols, columns, MELE_I_ZEROED(double, columns),
                            MELE_I_ZEROED(double, columns)};
    return frame->shift != NULL && frame->scale != NULL;
}

mele_status mele_i_frame_make(mele_i_frame *frame, const mele_rows *x, const mele_rows *y,
                              const mele_i_regions *regions, mele_engine *engine,
                              mele_error *error)
{
    if (!allocate(frame, x, y))
        return mele_i_no_memory(error);
    const size_t columns = frame->columns, block = mele_i_block_rows(columns, 1 << 16, 16);
    ranging r = {frame, x, y, regions, frame->scale, frame->shift};
    mele_i_pass pass = {.rows = x->rows, .block_rows = block,
                        .partial_bytes = 2 * columns * sizeof(double), .map = range_block,
                        .scratch_bytes =
                            mele_i_carved(mele_i_rows_room(x, block), sizeof(double))
                            + mele_i_carved(y == NULL ? 0 : mele_i_rows_room(y, block),
                                            sizeof(double)),
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

/* Not *finite: there is no row of positive weight among those that are looked at, or no finite sum.
 * row: room for the numbers of one. */
static mele_status guess_shift(mele_i_frame *frame, const mele_rows *x, const mele_rows *y,
                               const mele_i_regions *regions, double *row, bool *finite,
                               mele_error *error)
{
    const size_t d = x->cols, step = x->rows / SAMPLE;
    double total = 0;

    for (size_t i = 0; i < x->rows; i += step) {
        const double weight = mele_i_region_weight(regions, i, regions->clusters);
        mele_status status = mele_i_rows_copy(x, i, row, error);
        if (status == MELE_OK && y != NULL)
            status = mele_i_rows_copy(y, i, row + d, error);
        if (status != MELE_OK)
            return status;
        total += weight;
        for (size_t j = 0; j < frame->columns && weight > 0; j++)
            frame->shift[j] += weight * row[j];
    }
    *finite = true;
    for (size_t j = 0; j < frame->columns; j++) {
        frame->scale[j] = 1;
        frame->shift[j] /= total;
        *finite = *finite && isfinite(frame->shift[j]);
    }
    return MELE_OK;
}

mele_status mele_i_frame_guess(mele_i_frame *frame, const mele_rows *x, const mele_rows *y,
                               const mele_i_regions *regions, bool *guessed, mele_engine *engine,
                               mele_error *error)
{
    *guessed = false;
    if (x->rows < FEW_ROWS)
        return mele_i_frame_make(frame, x, y, regions, engine, error);
    double *row = MELE_I_ARRAY(double, x->cols + (y == NULL ? 0 : y->cols));
    mele_status status = !allocate(frame, x, y) || row == NULL
                             ? mele_i_no_memory(error)
                             : guess_shift(frame, x, y, regions, row, guessed, error);
    free(row);
    if (status != MELE_OK || *guessed)
        return status;
    mele_i_frame_free(frame);
    return mele_i_frame_make(frame, x, y, regions, engine, error);
}

void mele_i_frame_free(mele_i_frame *frame)
{
    free(frame->shift);
    free(frame->scale);
}

void mele_i_frame_rows(const mele_i_frame *frame, const mele_i_frame_source *source,
                       const size_t *row, size_t count, double *out)
{
    const size_t d = frame->features, m = frame->columns - d;

    for (size_t i = 0; i < count; i++, out += frame->columns) {
        const size_t at = row == NULL ? i : row[i];
        const double *x = source->x + at * source->x_stride;
        for (size_t j = 0; j < d; j++)
            out[j] = x[j] * frame->scale[j] - frame->shift[j];
        const double *y = m == 0 ? NULL : source->y + at * source->y_stride;
        for (size_t j = 0; j < m; j++)
            out[d + j] = y[j] * frame->scale[d + j] - frame->shift[d + j];
    }
}

void mele_i_frame_pack(const mele_i_frame *frame, const mele_i_frame_source *source,
                       const size_t *row, const double *factor, size_t count, size_t width,
                       double *out)
{
    const size_t d = frame->features, columns = frame->columns;

    const mele_i_packing x = {source->x, source->x_stride, row,          factor,
                              count,     d,                frame->scale, frame->shift};
    const mele_i_packing y = {source->y, source->y_stride, row,              factor,
                              count,     columns - d,      frame->scale + d, frame->shift + d};

    mele_i_pack_rows(&x, out, width);
    if (columns > d)
        mele_i_pack_rows(&y, out + d, width);
    for (size_t i = 0; i < count; i++)
        out[i * width + columns] = factor[i];
}

void mele_i_frame_columns(const mele_i_frame *frame, const mele_i_frame_source *source,
                          const size_t *row, const double *factor, size_t count, size_t rows,
                          double *out)
{
    const size_t d = frame->features, m = frame->columns - d;

    for (size_t i = 0; i < count; i++) {
        const size_t from = row == NULL ? i : row[i];
        const double *x = source->x + from * source->x_stride;
        double *at = out + i;
        *at = factor[i];
        for (size_t j = 0; j < d; j++)
            *(at += rows) = (x[j] * frame->scale[j] - frame->shift[j]) * factor[i];
        const double *y = m == 0 ? NULL : source->y + from * source->y_stride;
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
