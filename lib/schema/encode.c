/* From features to the design matrix.
 *
 * Standard scaling: z = (v - m) / s with the weighted mean m = sum w v / W and s^2 =
 * sum w (v - m)^2 / W, W = sum w. Three passes: the range; then sum w v; then the sums of w e and
 * w e^2 of the deviations e = v - m0 from that first mean, which give m = m0 + S1 / W and
 * s^2 = (S2 - S1^2 / W) / W free of cancellation (Chan, Golub, LeVeque 1983, Am. Stat. 37).
 * Sums are taken of v 2^-e, e the exponent of the column's largest value, so that 1e300 does not
 * overflow and 1e-300 does not vanish. */
#include "schema/encode.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/pass.h"

#define BLOCK_WORK (1 << 16)
#define STRIP_ROWS 64 /* columns become rows in the nearest cache */

bool mele_i_scale_kind_named(const char *name, mele_i_scale_kind *out)
{
    static const char *const names[] = {"standard", "minmax", "none"};

    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (mele_i_scale_kind)i;
            return true;
        }
    return false;
}

mele_status mele_i_scaling_new(size_t columns, mele_i_scaling *out, mele_error *error)
{
    mele_i_scaling scaling = {columns, MELE_I_ZEROED(double, columns),
                              MELE_I_ARRAY(double, columns)};

    if (scaling.center == NULL || scaling.scale == NULL) {
        mele_i_scaling_clear(&scaling);
        return mele_i_no_memory(error);
    }
    for (size_t j = 0; j < columns; j++)
        scaling.scale[j] = 1;
    *out = scaling;
    return MELE_OK;
}

void mele_i_scaling_clear(mele_i_scaling *scaling)
{
    free(scaling->center);
    free(scaling->scale);
    memset(scaling, 0, sizeof *scaling);
}

/* Where the rows to be scaled come from: features through a schema, or a plain matrix. */
typedef struct source {
    const mele_schema *schema; /* NULL: matrix */
    const mele_i_features *features;
    const mele_matrix *matrix;
    size_t rows, columns;
} source;

static double value_at(const mele_i_features *f, size_t i, size_t j)
{
    return f->column[j][(f->row == NULL ? i : f->row[i]) * f->stride];
}

/* The unscaled design columns of feature j, missing as NaN; returns the next column. */
static size_t expand_feature(const source *s, size_t j, mele_i_block block, size_t column,
                             double *out)
{
    size_t levels = s->schema->feature[j].levels;

    for (size_t i = 0; i < block.count; i++) {
        double value = value_at(s->features, block.first + i, j), *row = out + i * s->columns;
        if (levels == 0)
            row[column] = isinf(value) ? NAN : value;
        for (size_t l = 1; l < levels; l++)
            row[column + l - 1] = isfinite(value) ? value == (double)l : NAN;
    }
    return column + (levels == 0 ? 1 : levels - 1);
}

static void expand_block(const source *s, mele_i_block block, double *out)
{
    if (s->schema == NULL) {
        for (size_t i = 0; i < block.count; i++)
            memcpy(out + i * s->columns, s->matrix->data + (block.first + i) * s->matrix->stride,
                   s->columns * sizeof *out);
        return;
    }
    for (size_t done = 0; done < block.count; done += STRIP_ROWS) {
        size_t left = block.count - done;
        mele_i_block strip = {0, block.first + done, left < STRIP_ROWS ? left : STRIP_ROWS};
        for (size_t j = 0, column = 0; j < s->schema->features; j++)
            column = expand_feature(s, j, strip, column, out + done * s->columns);
    }
}

/* ---- fitting the scaling ---- */

typedef struct column_sums {
    bool any;
    double least, most, weight, first, second;
} column_sums;

typedef struct sums_context {
    const source *source;
    const double *weights;
    const double *factor; /* 2^-e of each column */
    const double *shift;  /* what deviations of the values times factor are taken from */
    column_sums *total;
} sums_context;

static void add_value(column_sums *sums, double value, double weight, double factor, double shift)
{
    double deviation = value * factor - shift;

    if (!sums->any || value < sums->least)
        sums->least = value;
    if (!sums->any || value > sums->most)
        sums->most = value;
    sums->any = true;
    sums->weight += weight;
    sums->first += weight * deviation;
    sums->second += weight * deviation * deviation;
}

static mele_status sum_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    sums_context *c = context;
    column_sums *sums = partial;
    double *values = scratch;

    (void)error;
    expand_block(c->source, block, values);
    for (size_t i = 0; i < block.count; i++) {
        double weight = c->weights == NULL ? 1 : c->weights[block.first + i];
        for (size_t j = 0; j < c->source->columns && weight > 0; j++) {
            double value = values[i * c->source->columns + j];
            if (!isnan(value))
                add_value(&sums[j], value, weight, c->factor[j], c->shift[j]);
        }
    }
    return MELE_OK;
}

static void combine_sums(void *context, const void *partial)
{
    sums_context *c = context;
    const column_sums *part = partial;

    for (size_t j = 0; j < c->source->columns; j++) {
        column_sums *total = &c->total[j];
        if (!part[j].any)
            continue;
        if (!total->any || part[j].least < total->least)
            total->least = part[j].least;
        if (!total->any || part[j].most > total->most)
            total->most = part[j].most;
        total->any = true;
        total->weight += part[j].weight;
        total->first += part[j].first;
        total->second += part[j].second;
    }
}

static mele_status sum_pass(sums_context *c, mele_engine *engine, mele_error *error)
{
    size_t columns = c->source->columns, rows = mele_i_block_rows(columns, BLOCK_WORK, 16);
    mele_i_pass pass = {.rows = c->source->rows, .block_rows = rows, .map = sum_block,
                        .combine = combine_sums, .partial_bytes = columns * sizeof(column_sums),
                        .scratch_bytes = rows * columns * sizeof(double), .context = c};

    memset(c->total, 0, columns * sizeof *c->total);
    return mele_i_pass_run(engine, &pass, error);
}

/* The power of two that brings a column's values to at most 1 in size, or as far as one goes. */
static double range_factor(const column_sums *sums)
{
    double largest = fmax(fabs(sums->least), fabs(sums->most));
    int exponent = largest > 0 ? ilogb(largest) + 1 : 0;

    return ldexp(1, exponent < -1000 ? 1000 : -exponent);
}

static void finish_column(const column_sums *sums, double factor, double shift,
                          mele_i_scale_kind kind, double *center, double *scale)
{
    *center = 0;
    *scale = 1;
    if (kind == MELE_I_SCALE_NONE || !sums->any)
        return;
    *center = sums->least;
    if (sums->least == sums->most)
        return;
    if (kind == MELE_I_SCALE_MINMAX) {
        *scale = fmin(sums->most - sums->least, DBL_MAX);
    } else {
        double mean = sums->first / sums->weight;
        double variance = (sums->second - sums->first * mean) / sums->weight;
        *center = (shift + mean) / factor;
        *scale = sqrt(fmax(variance, 0)) / factor;
    }
    if (!(*scale > 0))
        *scale = 1;
}

static mele_status fit_scaling(const source *s, const double *weights, mele_i_scale_kind kind,
                               mele_engine *engine, mele_i_scaling *out, mele_error *error)
{
    size_t columns = s->columns;
    double *shift = MELE_I_ZEROED(double, columns);
    double *factor = MELE_I_ARRAY(double, columns);
    column_sums *total = MELE_I_ARRAY(column_sums, columns);
    mele_i_scaling scaling = {0, NULL, NULL};
    mele_status status = MELE_ENOMEM;
    sums_context context = {s, weights, factor, shift, total};

    if (shift == NULL || factor == NULL || total == NULL) {
        mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t j = 0; j < columns; j++)
        factor[j] = 1;
    status = mele_i_scaling_new(columns, &scaling, error);
    for (int step = 0; step < 3 && status == MELE_OK; step++) {
        status = sum_pass(&context, engine, error);
        for (size_t j = 0; j < columns && status == MELE_OK && step == 0; j++)
            factor[j] = range_factor(&total[j]);
        for (size_t j = 0; j < columns && status == MELE_OK && step == 1; j++)
            shift[j] = total[j].any ? total[j].first / total[j].weight : 0;
    }
    if (status != MELE_OK)
        goto cleanup;
    for (size_t j = 0; j < columns; j++)
        finish_column(&total[j], factor[j], shift[j], kind, &scaling.center[j],
                      &scaling.scale[j]);
    *out = scaling;
    memset(&scaling, 0, sizeof scaling);

cleanup:
    mele_i_scaling_clear(&scaling);
    free(total);
    free(factor);
    free(shift);
    return status;
}

mele_status mele_i_scaling_fit(const mele_schema *schema, const mele_i_features *features,
                               const double *weights, mele_i_scale_kind kind, mele_engine *engine,
                               mele_i_scaling *out, mele_error *error)
{
    source s = {schema, features, NULL, features->rows, mele_schema_columns(schema)};

    return fit_scaling(&s, weights, kind, engine, out, error);
}

mele_status mele_i_scaling_fit_matrix(const mele_matrix *matrix, const double *weights,
                                      mele_i_scale_kind kind, mele_engine *engine,
                                      mele_i_scaling *out, mele_error *error)
{
    source s = {NULL, NULL, matrix, matrix->rows, matrix->cols};

    return fit_scaling(&s, weights, kind, engine, out, error);
}

/* ---- scaling ---- */

/* A difference of huge values may overflow where the quotients' difference does not. */
static double scaled(double value, double center, double scale)
{
    double z = (value - center) / scale;

    return isfinite(z) ? z : value / scale - center / scale;
}

static void scale_rows(const mele_i_scaling *scaling, const double *fill, double *values,
                       size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < scaling->columns; j++) {
            double *value = &values[i * scaling->columns + j];
            if (isnan(*value))
                *value = fill == NULL ? scaling->center[j] : fill[j];
            *value = scaled(*value, scaling->center[j], scaling->scale[j]);
        }
}

void mele_i_scale_matrix(const mele_i_scaling *scaling, const mele_matrix *matrix, double *out)
{
    source s = {NULL, NULL, matrix, matrix->rows, matrix->cols};

    expand_block(&s, (mele_i_block){0, 0, matrix->rows}, out);
    scale_rows(scaling, NULL, out, matrix->rows);
}

typedef struct encode_context {
    source source;
    const mele_i_scaling *scaling;
    const double *fill;
    double *out;
} encode_context;

static mele_status encode_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    encode_context *c = context;
    double *out = c->out + block.first * c->source.columns;

    (void)partial;
    (void)scratch;
    (void)error;
    expand_block(&c->source, block, out);
    scale_rows(c->scaling, c->fill, out, block.count);
    return MELE_OK;
}

mele_status mele_i_encode(const mele_schema *schema, const mele_i_scaling *scaling,
                          const double *fill, const mele_i_features *features,
                          mele_engine *engine, double *out, mele_error *error)
{
    encode_context context = {{schema, features, NULL, features->rows, scaling->columns},
                              scaling, fill, out};
    mele_i_pass pass = {.rows = features->rows, .map = encode_block, .context = &context,
                        .block_rows = mele_i_block_rows(scaling->columns, BLOCK_WORK, 16)};

    return mele_i_pass_run(engine, &pass, error);
}

/* ---- the model's section ---- */

json_t *mele_i_scaling_save(const mele_i_scaling *scaling)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "center", mele_i_json_numbers(scaling->center, scaling->columns))
        && mele_i_json_put(object, "scale", mele_i_json_numbers(scaling->scale, scaling->columns)))
        return object;
    json_decref(object);
    return NULL;
}

mele_status mele_i_scaling_load(const json_t *object, size_t columns, mele_i_scaling *out,
                                mele_error *error)
{
    mele_i_scaling scaling;
    mele_status status = mele_i_json_keys(object, "a scaling", "center,scale", error);

    if (status == MELE_OK)
        status = mele_i_scaling_new(columns, &scaling, error);
    if (status != MELE_OK)
        return status;
    status = mele_i_json_get_numbers(object, "center", scaling.center, columns, error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "scale", scaling.scale, columns, error);
    for (size_t j = 0; j < columns && status == MELE_OK; j++)
        if (!(scaling.scale[j] > 0))
            status = mele_i_fail(error, MELE_EDATA, "\"scale\" holds %g: not above 0",
                                 scaling.scale[j]);
    if (status != MELE_OK)
        mele_i_scaling_clear(&scaling);
    else
        *out = scaling;
    return status;
}
