/* Which rows and which experts left-out predictions belong to.
 *
 * A row's hash (core/hash.h) is of its numbers, its targets, its weight, to 24 bits as in
 * schema/sketch.c, and its group. That of all rows is the sum, modulo 2^64, over the rows of a hash
 * of the row's and its place: another order gives another one, and the blocks of a pass do not
 * show.
 *
 * The hash of experts is that of the model's section, value by value, which is the same before it
 * was written and after it was read; without a global expert that no region needs, since stage 3 may
 * leave it behind. */
#include "expert/left_out.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "engine/weights.h"
#include "expert/expert.h"

#define BLOCK_NUMBERS (1 << 14)
#define LANES 4 /* rows at once: one alone would wait for its own multiplications */

/* ---- rows ---- */

typedef struct hashing {
    const mele_i_left_out_rows *rows;
    uint64_t all;
} hashing;

static uint64_t finish_row(const mele_i_left_out_rows *r, size_t i, const double *y, uint64_t hash)
{
    for (size_t t = 0; t < r->y->cols; t++)
        hash = mele_i_hash_number(hash, y[t]);
    hash = mele_i_hash_number(hash, r->weights == NULL ? 1 : (float)r->weights[i]);
    hash = mele_i_hash_bits(hash, r->group == NULL ? 0 : r->group[i] + 1);
    return mele_i_hash_finish(mele_i_hash_bits(hash, i));
}

/* Rows as they lie in memory, from row `first` on. */
typedef struct numbers {
    const double *x, *y;
    size_t x_stride, y_stride, first;
} numbers;

/* `count` of them, from the i-th on. */
static uint64_t hash_some(const mele_i_left_out_rows *r, const numbers *n, size_t i, size_t count)
{
    const size_t stride = n->x_stride;
    const double *x = n->x + i * stride;
    uint64_t hash[LANES], all = 0;

    for (size_t l = 0; l < LANES; l++)
        hash[l] = MELE_I_HASH_START;
    if (count == LANES)
        for (size_t j = 0; j < r->x->cols; j++)
            for (size_t l = 0; l < LANES; l++)
                hash[l] = mele_i_hash_number(hash[l], x[l * stride + j]);
    else
        for (size_t l = 0; l < count; l++)
            for (size_t j = 0; j < r->x->cols; j++)
                hash[l] = mele_i_hash_number(hash[l], x[l * stride + j]);
    for (size_t l = 0; l < count; l++)
        all += finish_row(r, n->first + i + l, n->y + (i + l) * n->y_stride, hash[l]);
    return all;
}

static mele_status hash_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const hashing *h = context;
    uint64_t *all = partial;
    unsigned char *at = scratch;
    double *x = mele_i_carve(&at, mele_i_rows_room(h->rows->x, block.count), sizeof *x);
    numbers n = {.first = block.first};
    mele_status status = mele_i_rows_take(h->rows->x, block, x, &n.x, &n.x_stride, error);

    if (status == MELE_OK)
        status = mele_i_rows_take(h->rows->y, block, (double *)at, &n.y, &n.y_stride, error);
    for (size_t i = 0; i < block.count && status == MELE_OK; i += LANES)
        *all += hash_some(h->rows, &n, i, block.count - i < LANES ? block.count - i : LANES);
    return status;
}

static void combine_hashes(void *context, const void *partial)
{
    hashing *h = context;

    h->all += *(const uint64_t *)partial;
}

mele_status mele_i_left_out_hash_rows(const mele_i_left_out_rows *rows, mele_engine *engine,
                                      uint64_t *out, mele_error *error)
{
    hashing h = {.rows = rows};
    const size_t block = mele_i_block_rows(rows->x->cols + rows->y->cols, BLOCK_NUMBERS, 16);
    const mele_i_pass pass = {.rows = rows->x->rows, .block_rows = block, .map = hash_block,
                              .combine = combine_hashes, .context = &h,
                              .partial_bytes = sizeof(uint64_t),
                              .scratch_bytes =
                                  mele_i_carved(mele_i_rows_room(rows->x, block), sizeof(double))
                                  + mele_i_carved(mele_i_rows_room(rows->y, block), sizeof(double))};
    mele_status status = mele_i_pass_run(engine, &pass, error);

    if (status == MELE_OK)
        *out = h.all;
    return status;
}

/* ---- experts ---- */

/* A whole number is read where a real one was written, and the other way round. */
static uint64_t hash_value(uint64_t hash, const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;

    hash = mele_i_hash_bits(hash, json_is_number(value) ? JSON_REAL : json_typeof(value));
    if (json_is_number(value))
        return mele_i_hash_number(hash, json_number_value(value));
    if (json_is_string(value))
        return mele_i_hash_text(hash, json_string_value(value), json_string_length(value));
    json_array_foreach(value, i, member)
        hash = hash_value(hash, member);
    if (json_is_object(value))
        json_object_foreach((json_t *)value, key, member)
            hash = hash_value(mele_i_hash_text(hash, key, strlen(key)), member);
    return mele_i_hash_bits(hash, json_is_array(value) ? json_array_size(value) : 0);
}

mele_status mele_i_left_out_hash_experts(const mele_experts *experts, uint64_t *out,
                                         mele_error *error)
{
    mele_experts *needed = NULL;
    mele_status status = mele_i_experts_without_spare(experts, &needed, error);

    if (status != MELE_OK)
        return status;
    json_t *section = mele_i_experts_save(needed);
    mele_experts_free(needed);
    if (section == NULL)
        return mele_i_no_memory(error);
    *out = mele_i_hash_finish(hash_value(MELE_I_HASH_START, section));
    json_decref(section);
    return MELE_OK;
}

/* ---- whose they are ---- */

mele_status mele_left_out_check_experts(const mele_left_out *l, const mele_experts *experts,
                                        mele_error *error)
{
    uint64_t hash = l->hash_of_experts;
    mele_status status = l->experts != NULL ? MELE_OK
                                            : mele_i_left_out_hash_experts(experts, &hash, error);

    if (status != MELE_OK)
        return status;
    if (l->experts != NULL ? mele_i_experts_equal(l->experts, experts) : hash == l->hash_of_experts)
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA,
                       "%s holds left-out predictions of other experts: those of "
                       "these are written in the run that trains them (mele-experts --left-out)",
                       mele_i_left_out_name(l));
}

static mele_status refuse_rows(const mele_left_out *l, size_t rows, mele_error *error)
{
    if (l->rows != rows)
        return mele_i_fail(error, MELE_EDATA,
                           "%s holds left-out predictions of %zu rows, and these are "
                           "%zu: give the rows that the experts were trained on, in their order",
                           mele_i_left_out_name(l), l->rows, rows);
    return mele_i_fail(
        error, MELE_EDATA,
        "%s holds left-out predictions of other rows, or of these in "
        "another order, with other weights or groups: give the rows that the experts "
        "were trained on, as they were",
        mele_i_left_out_name(l));
}

mele_status mele_left_out_check_rows(const mele_left_out *l, const mele_expert_data *data,
                                     const size_t *groups, mele_engine *engine, mele_error *error)
{
    const mele_rows *x = &data->x;
    const mele_rows *y = &data->targets.values;
    const double *weights = NULL;
    mele_i_row_groups grouped = {0};
    double *relative = NULL;
    uint64_t hash = 0;
    mele_status status = MELE_OK;

    if (x->rows != l->rows || y->rows != l->rows)
        return refuse_rows(l, x->rows, error);
    if (groups != NULL)
        status = mele_i_row_groups_make(&grouped, groups, x->rows, error);
    if (status == MELE_OK)
        status = mele_i_weights_relative(data->weights, x->rows, &weights, &relative, error);
    const mele_i_left_out_rows rows = {x, y, weights, grouped.of};
    if (status == MELE_OK)
        status = mele_i_left_out_hash_rows(&rows, engine, &hash, error);
    mele_i_row_groups_free(&grouped);
    free(relative);
    return status == MELE_OK && hash != l->hash_of_rows ? refuse_rows(l, x->rows, error) : status;
}
