/* From features to the design matrix, and what its columns sum up to.
 *
 * Means m = sum w v / W and deviations, sqrt(sum w (v - m)^2 / W), W = sum w, take one pass
 * (engine/columns.c).
 *
 * A column whose largest value v is so large or small that squares would overflow or vanish is
 * summed in a second pass, as v 2^-e, e the exponent of that value. */
#include "schema/encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/columns.h"
#include "engine/pass.h"

#define BLOCK_NUMBERS 32768
#define WINDOW_NUMBERS 8192 /* read from a file at once, to be expanded */
#define STRIP_ROWS 64 /* columns become rows, and are scaled, in the nearest cache */
#define SIDE 8         /* columns at a time: a row of these is a line of it */
#define MODERATE 400  /* 2^-400 to 2^400: squares of these and of their differences are normal */

/* ---- unscaled design columns ---- */

/* Where they come from: features through a schema, or a plain matrix. */
typedef struct source {
    const mele_schema *schema; /* NULL: matrix */
    const mele_i_features *features;
    const size_t *chosen; /* which of these the schema's features are; NULL: all */
    mele_matrix matrix; /* data NULL: rows have to be made of the features */
    size_t rows, columns;
    bool together; /* a row's features are its design columns, side by side in memory */
} source;

static const double *column_of(const mele_i_features *features, const size_t *chosen, size_t j)
{
    return features->column[chosen == NULL ? j : chosen[j]];
}

static bool are_together(const mele_schema *schema, const mele_i_features *features,
                         const size_t *chosen)
{
    bool found = features->windows == NULL;

    for (size_t j = 0; j < schema->features && found; j++)
        found = schema->feature[j].levels == 0
                && column_of(features, chosen, j) == column_of(features, chosen, 0) + j;
    return found && features->stride >= schema->features;
}

bool mele_i_features_are_rows(const mele_schema *schema, const mele_i_features *features)
{
    return features->row == NULL && are_together(schema, features, NULL);
}

bool mele_i_features_are_columns(const mele_schema *schema, const mele_i_features *features)
{
    bool found = features->windows == NULL && features->row == NULL && features->stride == 1
                 && features->complete;

    for (size_t j = 0; j < schema->features && found; j++)
        found = schema->feature[j].levels == 0;
    return found;
}

static source source_of(const mele_schema *schema, const mele_i_features *features,
                        const size_t *chosen)
{
    source s = {.schema = schema, .features = features, .chosen = chosen, .rows = features->rows,
                .columns = mele_schema_columns(schema),
                .together = are_together(schema, features, chosen)};

    if (s.together && features->row == NULL)
        s.matrix = (mele_matrix){column_of(features, chosen, 0), features->rows, s.columns,
                                 features->stride};
    return s;
}

static source source_of_matrix(const mele_matrix *matrix)
{
    source s = {.matrix = *matrix, .rows = matrix->rows, .columns = matrix->cols};
    return s;
}

/* Values of one feature in memory: of row i, at[(row == NULL ? i : row[i]) * stride]. */
typedef struct feature_values {
    const double *at;
    size_t stride;
    const size_t *row;
} feature_values;

/* The design columns of feature j; returns the next column. */
static size_t expand_feature(const source *s, size_t j, feature_values values, size_t count,
                             size_t column, double *out)
{
    const size_t levels = s->schema->feature[j].levels;

    for (size_t i = 0; i < count && levels == 0; i++)
        out[i * s->columns + column] =
            values.at[(values.row == NULL ? i : values.row[i]) * values.stride];
    for (size_t i = 0; i < count && levels > 0; i++) {
        double value = values.at[(values.row == NULL ? i : values.row[i]) * values.stride];
        double *row = out + i * s->columns;
        for (size_t l = 1; l < levels; l++)
            row[column + l - 1] = isfinite(value) ? value == (double)l : NAN;
    }
    return column + (levels == 0 ? 1 : levels - 1);
}

/* SIDE numbers that stand side by side in the schema: a row of them is written at once. */
static void expand_numbers(const source *s, size_t j, size_t first, size_t count, double *out)
{
    const mele_i_features *f = s->features;
    const double *from[SIDE];

    for (size_t c = 0; c < SIDE; c++)
        from[c] = column_of(f, s->chosen, j + c) + first * f->stride;
    for (size_t i = 0; i < count; i++, out += s->columns)
#pragma GCC unroll 8
        for (size_t c = 0; c < SIDE; c++)
            out[c] = from[c][i * f->stride];
}

static bool are_numbers(const source *s, size_t j)
{
    bool found = s->features->row == NULL && j + SIDE <= s->schema->features;

    for (size_t c = 0; c < SIDE && found; c++)
        found = s->schema->feature[j + c].levels == 0;
    return found;
}

static void expand_columns(const source *s, size_t first, size_t count, double *out)
{
    const mele_i_features *f = s->features;

    for (size_t i = 0; i < count && s->together && f->row != NULL; i++)
        memcpy(out + i * s->columns,
               column_of(f, s->chosen, 0) + f->row[first + i] * f->stride,
               s->columns * sizeof *out);
    if (s->together && f->row != NULL)
        return;
    for (size_t j = 0, column = 0; j < s->schema->features; j++) {
        if (are_numbers(s, j)) {
            expand_numbers(s, j, first, count, out + column);
            j += SIDE - 1;
            column += SIDE;
            continue;
        }
        feature_values values = {column_of(f, s->chosen, j), f->stride, NULL};
        if (f->row != NULL)
            values.row = f->row + first;
        else
            values.at += first * f->stride;
        column = expand_feature(s, j, values, count, column, out);
    }
}

static bool has_categories(const mele_schema *schema)
{
    bool found = false;

    for (size_t j = 0; j < schema->features && !found; j++)
        found = schema->feature[j].levels > 0;
    return found;
}

/* Rows of features that are in a file: what is there are the design columns, or is expanded to
 * them. */
static mele_status expand_windows(const source *s, const mele_i_windows *windows, mele_i_block block,
                                  double *out, mele_error *error)
{
    const size_t features = s->schema->features, fit = WINDOW_NUMBERS / features + 1;
    const size_t most = fit < block.count ? fit : block.count, *row = s->features->row;
    mele_status status = MELE_OK;

    if (!has_categories(s->schema))
        return mele_i_windows_read(windows, row, block.first, block.count, out, error);
    double *value = mele_i_array(most, features * sizeof *value);
    if (value == NULL)
        return mele_i_no_memory(error);
    for (size_t done = 0; done < block.count && status == MELE_OK; done += most) {
        size_t rows = block.count - done < most ? block.count - done : most;
        status = mele_i_windows_read(windows, row, block.first + done, rows, value, error);
        for (size_t j = 0, column = 0; j < features && status == MELE_OK; j++)
            column = expand_feature(s, j, (feature_values){value + j, features, NULL}, rows, column,
                                    out + done * s->columns);
    }
    free(value);
    return status;
}

static mele_status read_windows(const source *s, size_t first, size_t count, double *out,
                                mele_error *error)
{
    const mele_i_windows *all = s->features->windows;
    const mele_i_block block = {0, first, count};
    mele_i_windows *some;

    if (s->chosen == NULL)
        return expand_windows(s, all, block, out, error);
    mele_status status = mele_i_windows_some(all, s->chosen, s->schema->features, &some, error);
    if (status != MELE_OK)
        return status;
    status = expand_windows(s, some, block, out, error);
    mele_i_windows_free_some(some);
    return status;
}

/* Rows of the source, *stride apart, in place or made in the room; not finite means missing. */
static mele_status take_rows(const source *s, size_t first, size_t count, double *room,
                             const double **x, size_t *stride, mele_error *error)
{
    if (s->matrix.data != NULL) {
        *x = s->matrix.data + first * s->matrix.stride;
        *stride = s->matrix.stride;
        return MELE_OK;
    }
    *x = room;
    *stride = s->columns;
    if (s->features->windows != NULL)
        return read_windows(s, first, count, room, error);
    for (size_t done = 0; done < count; done += STRIP_ROWS) {
        size_t rows = count - done < STRIP_ROWS ? count - done : STRIP_ROWS;
        expand_columns(s, first + done, rows, room + done * s->columns);
    }
    return MELE_OK;
}

/* ---- summing up columns ---- */

typedef struct summing {
    const source *source;
    const double *weights;
    const double *factor; /* 2^-e of each column; NULL: all 1 */
    const mele_i_kernels *kernels;
    mele_i_column_sums all;
} summing;

/* Whether no row is to be left out because of its weight. */
static bool all_count(const double *weights, size_t rows)
{
    for (size_t i = 0; i < rows && weights != NULL; i++)
        if (!(weights[i] > 0))
            return false;
    return true;
}

/* Sum one column, leaving out what is missing and rows of weight 0. */
static void sum_column(const double *x, size_t stride, size_t rows, const double *weights,
                       const mele_i_column_sums *s, size_t j)
{
    double sum = 0;

    for (size_t i = 0; i < rows; i++) {
        double value = x[i * stride + j], weight = weights == NULL ? 1 : weights[i];
        if (!isfinite(value) || !(weight > 0))
            continue;
        s->low[j] = fmin(s->low[j], value);
        s->high[j] = fmax(s->high[j], value);
        s->weight[j] += weight;
        sum += weight * value;
    }
    s->mean[j] = s->weight[j] > 0 ? sum / s->weight[j] : 0;
    for (size_t i = 0; i < rows; i++) {
        double off = x[i * stride + j] - s->mean[j], weight = weights == NULL ? 1 : weights[i];
        if (isfinite(off) && weight > 0)
            s->squares[j] += weight * off * off;
    }
}

static const double *scale_by_factors(const summing *c, const double *x, size_t stride, size_t rows,
                                      double *out)
{
    const size_t d = c->source->columns;

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            out[i * d + j] = x[i * stride + j] * c->factor[j];
    return out;
}

static mele_status sum_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const summing *c = context;
    const size_t d = c->source->columns;
    const double *weights = c->weights == NULL ? NULL : c->weights + block.first, *x;
    const mele_i_column_sums s = mele_i_column_sums_in(partial, d);
    size_t stride;
    mele_status status = take_rows(c->source, block.first, block.count, scratch, &x, &stride,
                                   error);

    if (status != MELE_OK)
        return status;
    if (c->factor != NULL) {
        x = scale_by_factors(c, x, stride, block.count, scratch);
        stride = d;
    }
    if (all_count(weights, block.count)
        && mele_i_column_sums_take(&s, c->kernels, x, stride, block.count, d, weights))
        return MELE_OK;
    mele_i_column_sums_start(&s, d);
    for (size_t j = 0; j < d; j++)
        sum_column(x, stride, block.count, weights, &s, j);
    return MELE_OK;
}

static void combine_sums(void *context, const void *partial)
{
    const summing *c = context;
    const size_t d = c->source->columns;
    const mele_i_column_sums more = mele_i_column_sums_in((double *)partial, d);

    mele_i_column_sums_join(&c->all, &more, d);
}

static mele_status sum_pass(summing *c, mele_engine *engine, mele_error *error)
{
    const size_t d = c->source->columns, rows = mele_i_block_rows(d, BLOCK_NUMBERS, 16);
    const bool in_place = c->source->matrix.data != NULL && c->factor == NULL;
    mele_i_pass pass = {.rows = c->source->rows, .block_rows = rows, .map = sum_block,
                        .combine = combine_sums,
                        .partial_bytes = mele_i_column_sums_count(d) * sizeof(double),
                        .scratch_bytes = in_place ? 0 : rows * d * sizeof(double), .context = c};

    mele_i_column_sums_start(&c->all, d);
    return mele_i_pass_run(engine, &pass, error);
}

/* The exponent of the largest value of a column; 0 when squares are safe. */
static int awkward_exponent(double low, double high)
{
    double largest = fmax(fabs(low), fabs(high));
    int exponent = low <= high && largest > 0 ? ilogb(largest) + 1 : 0;

    return exponent < -1000 ? -1000 : abs(exponent) < MODERATE ? 0 : exponent;
}

/* Sum again the columns whose squares are not safe, in units of their largest value. */
static mele_status sum_awkward(summing *c, double *factor, mele_engine *engine, mele_error *error)
{
    const size_t d = c->source->columns;
    bool any = false;

    for (size_t j = 0; j < d; j++) {
        int exponent = awkward_exponent(c->all.low[j], c->all.high[j]);
        factor[j] = ldexp(1, -exponent);
        any = any || exponent != 0;
    }
    if (!any)
        return MELE_OK;
    c->factor = factor;
    mele_status status = sum_pass(c, engine, error);
    for (size_t j = 0; j < d && status == MELE_OK; j++)
        c->all.mean[j] /= factor[j];
    return status;
}

static mele_status summarise(const source *s, const double *weights, mele_engine *engine,
                             mele_i_summary *out, mele_error *error)
{
    const size_t d = s->columns;
    double *room = MELE_I_ARRAY(double, mele_i_column_sums_count(d)), *kept = MELE_I_ARRAY(double, 4 * d);
    double *factor = MELE_I_ARRAY(double, d);
    summing c = {.source = s, .weights = weights, .kernels = mele_i_kernels_best()};
    mele_i_summary summary = {d, kept, kept + d, kept + 2 * d, kept + 3 * d};
    mele_status status = MELE_ENOMEM;

    if (room == NULL || kept == NULL || factor == NULL) {
        mele_i_no_memory(error);
        goto cleanup;
    }
    c.all = mele_i_column_sums_in(room, d);
    status = sum_pass(&c, engine, error);
    if (status != MELE_OK)
        goto cleanup;
    memcpy(summary.low, c.all.low, d * sizeof *kept);
    memcpy(summary.high, c.all.high, d * sizeof *kept);
    status = sum_awkward(&c, factor, engine, error);
    if (status != MELE_OK)
        goto cleanup;
    memcpy(summary.mean, c.all.mean, d * sizeof *kept);
    for (size_t j = 0; j < d; j++)
        summary.deviation[j] = c.all.weight[j] > 0
                                   ? sqrt(c.all.squares[j] / c.all.weight[j]) / factor[j]
                                   : 0;
    *out = summary;
    kept = NULL;

cleanup:
    free(factor);
    free(kept);
    free(room);
    return status;
}

mele_status mele_i_summarise(const mele_schema *schema, const mele_i_features *features,
                             const double *weights, mele_engine *engine, mele_i_summary *out,
                             mele_error *error)
{
    source s = source_of(schema, features, NULL);

    return summarise(&s, weights, engine, out, error);
}

/* ---- fitting the scaling ---- */

static mele_status fit_scaling(const source *s, const double *weights, mele_i_scale_kind kind,
                               mele_engine *engine, mele_i_scaling *out, mele_error *error)
{
    mele_i_summary summary;
    mele_status status = summarise(s, weights, engine, &summary, error);

    if (status != MELE_OK)
        return status;
    status = mele_i_scaling_of(&summary, kind, out, error);
    mele_i_summary_clear(&summary);
    return status;
}

mele_status mele_i_scaling_fit(const mele_schema *schema, const mele_i_features *features,
                               const double *weights, mele_i_scale_kind kind, mele_engine *engine,
                               mele_i_scaling *out, mele_error *error)
{
    source s = source_of(schema, features, NULL);

    return fit_scaling(&s, weights, kind, engine, out, error);
}

mele_status mele_i_scaling_fit_matrix(const mele_matrix *matrix, const double *weights,
                                      mele_i_scale_kind kind, mele_engine *engine,
                                      mele_i_scaling *out, mele_error *error)
{
    source s = source_of_matrix(matrix);

    return fit_scaling(&s, weights, kind, engine, out, error);
}

/* ---- scaling ---- */

#define FOLD 64   /* columns up to which */
#define ABREAST 8 /* so many rows are scaled as one, lest vectors be half empty */

/* Scale rows without gaps, ABREAST at a time; returns how many were. */
static size_t scale_abreast(const mele_i_kernels *kernels, const mele_i_scaling *scaling,
                            const double *fill, const double *x, size_t rows, double *out)
{
    const size_t d = scaling->columns, wide = ABREAST * d, count = rows / ABREAST;
    double center[ABREAST * FOLD], scale[ABREAST * FOLD], filled[ABREAST * FOLD];

    for (size_t a = 0; a < wide && count > 0; a += d) {
        memcpy(center + a, scaling->center, d * sizeof *center);
        memcpy(scale + a, scaling->scale, d * sizeof *scale);
        memcpy(filled + a, fill, d * sizeof *filled);
    }
    kernels->standardise(x, wide, count, wide, center, scale, filled, out);
    return count * ABREAST;
}

/* Scale rows; out may be x where rows lie without gaps. */
static void scale_rows(const mele_i_scaling *scaling, const double *fill, const double *x,
                       size_t stride, size_t rows, double *out)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t d = scaling->columns;
    size_t done = 0;

    fill = fill == NULL ? scaling->center : fill;
    if (stride == d && d <= FOLD)
        done = scale_abreast(kernels, scaling, fill, x, rows, out);
    kernels->standardise(x + done * stride, stride, rows - done, d, scaling->center, scaling->scale,
                         fill, out + done * d);
}

void mele_i_scale_matrix(const mele_i_scaling *scaling, const mele_matrix *matrix, double *out)
{
    scale_rows(scaling, NULL, matrix->data, matrix->stride, matrix->rows, out);
}

static mele_status encode_rows(const source *s, const mele_i_scaling *scaling, const double *fill,
                               size_t first, size_t count, double *out, mele_error *error)
{
    const bool columns = s->matrix.data == NULL && s->features->windows == NULL;
    const size_t strip = columns && count > STRIP_ROWS ? STRIP_ROWS : count;
    mele_status status = MELE_OK;

    for (size_t done = 0, rows; done < count && status == MELE_OK; done += rows) {
        const double *x;
        size_t stride;
        rows = count - done < strip ? count - done : strip;
        status = take_rows(s, first + done, rows, out + done * s->columns, &x, &stride, error);
        if (status == MELE_OK)
            scale_rows(scaling, fill, x, stride, rows, out + done * s->columns);
    }
    return status;
}

mele_status mele_i_encode_rows(const mele_i_design_rows *d, size_t first, size_t count,
                               double *out, mele_error *error)
{
    source s = source_of(d->schema, d->features, d->chosen);

    return encode_rows(&s, d->scaling, d->fill, first, count, out, error);
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

    (void)partial;
    (void)scratch;
    return encode_rows(&c->source, c->scaling, c->fill, block.first, block.count,
                       c->out + block.first * c->source.columns, error);
}

static mele_status encode_all(encode_context *c, mele_engine *engine, mele_error *error)
{
    mele_i_pass pass = {.rows = c->source.rows, .map = encode_block, .context = c,
                        .block_rows = mele_i_block_rows(c->scaling->columns, BLOCK_NUMBERS, 16)};

    return mele_i_pass_run(engine, &pass, error);
}

mele_status mele_i_encode(const mele_schema *schema, const mele_i_scaling *scaling,
                          const double *fill, const mele_i_features *features,
                          mele_engine *engine, double *out, mele_error *error)
{
    encode_context context = {source_of(schema, features, NULL), scaling, fill, out};

    return encode_all(&context, engine, error);
}

/* ---- rows as they are asked for ---- */

/* A read() of mele_rows. */
static mele_status read_design(void *user, size_t first, size_t count, double *out,
                               mele_error *error)
{
    return mele_i_encode_rows(user, first, count, out, error);
}

static bool takes_values_as_they_are(const mele_i_design_rows *d)
{
    return d->features->complete && d->features->row == NULL
           && are_together(d->schema, d->features, d->chosen)
           && mele_i_scales_nothing(d->scaling);
}

mele_rows mele_i_design_rows_of(mele_i_design_rows *design)
{
    const mele_i_features *features = design->features;
    mele_rows rows = {.rows = features->rows, .cols = design->scaling->columns};

    if (takes_values_as_they_are(design)) {
        rows.data = column_of(features, design->chosen, 0);
        rows.stride = features->stride;
    } else {
        rows.read = read_design;
        rows.user = design;
    }
    return rows;
}

/* A read() of mele_rows. */
static mele_status read_scaled(void *user, size_t first, size_t count, double *out,
                               mele_error *error)
{
    const mele_i_scaled_rows *scaled = user;
    const mele_matrix *all = &scaled->matrix;
    const mele_matrix some = {all->data + first * all->stride, count, all->cols, all->stride};

    (void)error;
    mele_i_scale_matrix(scaled->scaling, &some, out);
    return MELE_OK;
}

mele_rows mele_i_scaled_rows_of(mele_i_scaled_rows *scaled)
{
    const mele_matrix *all = &scaled->matrix;

    if (mele_i_scales_nothing(scaled->scaling))
        return mele_rows_of(all);
    return (mele_rows){all->rows, all->cols, NULL, 0, read_scaled, scaled};
}
