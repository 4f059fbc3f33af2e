/* Which rows something was trained on, told by hashes.
 *
 * A row's numbers (design columns in the data's units, then targets; a zero without its sign)
 * become 64 bits (core/hash.h). The weight, to 24 bits, is mixed into a second one: it is a
 * quotient (engine/weights.h), of which another unit may change the last bit. The sum of the second
 * ones over all rows, modulo 2^64, is that of the set of rows: any order gives it, and each row
 * counts as often as it occurs.
 *
 * Of the first ones the least are kept: a bottom-k sketch (Broder 1997, "On the resemblance and
 * containment of documents"; Cohen, Kaplan 2007, "Summarizing data using bottom-k sketches"). They
 * are a random sample of the distinct rows, and a row elsewhere that equals one of the sample is
 * found. Of n distinct rows, m rows of which there are s among them have s min(1, 1024 / n) found
 * on the average: below 1024 rows every one, of a million, one in a thousand. Two different rows
 * have one hash with probability 2^-64. Weights are not in the first hash: a row is the same row
 * with another weight.
 *
 * Posteriors from outside, p_ik of row i and region k, are told by sum_i u_i p_ik, where u_i is the
 * row's hash as a number from 0 to 1: those of other posteriors agree by chance alone, in any order
 * of the rows, and rounding moves them by next to nothing. */
#include "schema/sketch.h"

#include <math.h>

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/normalise.h"
#include "engine/rows.h"

#define BLOCK_NUMBERS (1 << 14)
#define DIGITS 16 /* of a hash as text */
#define MOST ((size_t)1 << 53) /* rows, or sets of them */
#define ROUNDING 1e-9          /* of a row's part in sums of posteriors */

void mele_i_sketch_clear(mele_i_sketch *sketch)
{
    free(sketch->least);
    free(sketch->sums);
    memset(sketch, 0, sizeof *sketch);
}

/* ---- hashes of rows ---- */

/* Hashes of rows side by side do not wait for one another. */
#define ABREAST 8

static void add_rows(const double *x, size_t stride, size_t rows, size_t columns,
                     uint64_t hash[ABREAST])
{
    if (rows == ABREAST)
        for (size_t j = 0; j < columns; j++)
#pragma GCC unroll 8
            for (size_t l = 0; l < ABREAST; l++)
                hash[l] = mele_i_hash_number(hash[l], x[l * stride + j]);
    else
        for (size_t l = 0; l < rows; l++)
            for (size_t j = 0; j < columns; j++)
                hash[l] = mele_i_hash_number(hash[l], x[l * stride + j]);
}

typedef struct hashing {
    const mele_i_sketched *rows;
    mele_rows x;               /* design columns in the data's units */
    bool columns;              /* they are the features' columns as they lie */
    const mele_i_sketch *with; /* what rows in common are counted with; NULL: nothing */
    mele_rows log_posteriors;  /* no columns: there are none */
    size_t block_rows;
    double *sums;
    uint64_t all, bound;       /* bound: above it no hash is among the least */
    uint64_t *room;            /* of the least so far, twice as many as are kept */
    size_t count, common;
} hashing;

/* Of a block: the sum of the second hashes, the first ones, and behind them the sums of posteriors. */
typedef struct hashes {
    size_t rows;
    uint64_t all, of_row[];
} hashes;

static size_t partial_bytes(const hashing *h)
{
    return sizeof(hashes) + h->block_rows * sizeof(uint64_t)
           + h->log_posteriors.cols * sizeof(double);
}

static double *sums_in(const hashing *h, hashes *partial)
{
    return (double *)(partial->of_row + h->block_rows);
}

/* The features of a block's rows, as they are read. */
static mele_status add_read(const mele_rows *rows, mele_i_block block, double *scratch,
                            uint64_t *hash, mele_error *error)
{
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(rows, block, scratch, &x, &stride, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i += ABREAST)
        add_rows(x + i * stride, stride, block.count - i < ABREAST ? block.count - i : ABREAST,
                 rows->cols, hash + i);
    return status;
}

/* The same of columns where they lie. */
static void add_columns(const mele_i_features *f, mele_i_block block, size_t columns,
                        uint64_t *hash)
{
    for (size_t j = 0; j < columns; j++)
        for (size_t i = 0; i < block.count; i++)
            hash[i] = mele_i_hash_number(hash[i], f->column[j][block.first + i]);
}

/* Add up the posteriors of rows whose hashes are known. */
static mele_status add_posteriors(const hashing *h, mele_i_block block, double *scratch,
                                  hashes *out, mele_error *error)
{
    const size_t clusters = h->log_posteriors.cols, count = block.count * clusters;
    double *share = scratch + count, *sums = sums_in(h, out);
    const double *read;
    mele_status status = mele_i_rows_take_tight(&h->log_posteriors, block, scratch, &read, error);

    if (status != MELE_OK)
        return status;
    mele_i_normalise_logs(read, block.count, clusters, share);
    mele_i_kernels_best()->exponential(share, count);
    for (size_t i = 0; i < block.count; i++) {
        const double u = ldexp((double)(out->of_row[i] >> 11), -53);
        for (size_t k = 0; k < clusters; k++)
            sums[k] += u * share[i * clusters + k];
    }
    return MELE_OK;
}

static mele_status hash_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const hashing *h = context;
    const mele_i_sketched *r = h->rows;
    hashes *out = partial;
    uint64_t *hash = out->of_row;
    mele_status status = MELE_OK;

    out->rows = block.count;
    for (size_t i = 0; i < block.count; i++)
        hash[i] = MELE_I_HASH_START;
    if (h->columns)
        add_columns(r->features, block, h->x.cols, hash);
    else
        status = add_read(&h->x, block, scratch, hash, error);
    for (size_t i = 0; i < block.count && status == MELE_OK; i += ABREAST, hash += ABREAST) {
        const size_t first = block.first + i, left = block.count - i;
        const size_t count = left < ABREAST ? left : ABREAST;
        add_rows(r->targets + first * r->target_columns, r->target_columns, count,
                 r->target_columns, hash);
        for (size_t l = 0; l < count; l++) {
            const double weight = r->weights == NULL ? 1 : (float)r->weights[first + l];
            out->all += mele_i_hash_finish(mele_i_hash_number(hash[l], weight));
            hash[l] = mele_i_hash_finish(hash[l]);
        }
    }
    return status == MELE_OK && h->log_posteriors.cols > 0
               ? add_posteriors(h, block, scratch, out, error)
               : status;
}

/* ---- the least of them ---- */

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Sort hashes, keep the least of the distinct ones, and return how many. */
static size_t sort_distinct(uint64_t *hash, size_t count)
{
    size_t kept = 0;

    qsort(hash, count, sizeof *hash, compare);
    for (size_t i = 0; i < count && kept < MELE_I_SKETCH_SIZE; i++)
        if (kept == 0 || hash[i] != hash[kept - 1])
            hash[kept++] = hash[i];
    return kept;
}

/* What is above the last of those that are sorted is passed over, so that little is sorted. */
static void keep_least(hashing *h, const uint64_t *hash, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        if (hash[i] > h->bound)
            continue;
        h->room[h->count++] = hash[i];
        if (h->count < 2 * MELE_I_SKETCH_SIZE)
            continue;
        h->count = sort_distinct(h->room, h->count);
        if (h->count == MELE_I_SKETCH_SIZE)
            h->bound = h->room[h->count - 1];
    }
}

static size_t count_common(const uint64_t *hash, size_t rows, const mele_i_sketch *with)
{
    const uint64_t bound = with->count == 0 ? 0 : with->least[with->count - 1];
    size_t common = 0;

    for (size_t i = 0; i < rows; i++)
        common += hash[i] <= bound && with->count > 0
                  && bsearch(&hash[i], with->least, with->count, sizeof *with->least, compare)
                         != NULL;
    return common;
}

static void combine_hashes(void *context, const void *partial)
{
    hashing *h = context;
    const hashes *block = partial;

    h->all += block->all;
    for (size_t k = 0; k < h->log_posteriors.cols; k++)
        h->sums[k] += sums_in(h, (hashes *)block)[k];
    keep_least(h, block->of_row, block->rows);
    if (h->with != NULL)
        h->common += count_common(block->of_row, block->rows, h->with);
}

static mele_status hash_rows(hashing *h, mele_engine *engine, mele_error *error)
{
    const mele_schema *schema = h->rows->schema;
    const size_t columns = mele_schema_columns(schema);
    const size_t clusters = h->log_posteriors.cols;
    mele_i_scaling units; /* centres 0 and scales 1: the data's */
    mele_status status = mele_i_scaling_new(columns, &units, error);

    if (status != MELE_OK)
        return status;
    mele_i_design_rows source = {schema, &units, NULL, h->rows->features};
    h->x = mele_i_design_rows_of(&source);
    h->columns = mele_i_features_are_columns(schema, h->rows->features);
    h->block_rows = mele_i_block_rows(columns + 2 * clusters, BLOCK_NUMBERS, 16);
    const size_t read = mele_i_rows_room(&h->x, h->block_rows), made = 2 * h->block_rows * clusters;
    const mele_i_pass pass = {
        .rows = h->x.rows, .block_rows = h->block_rows, .map = hash_block, .context = h,
        .combine = combine_hashes, .partial_bytes = partial_bytes(h),
        .scratch_bytes = (read > made ? read : made) * sizeof(double)};
    status = mele_i_pass_run(engine, &pass, error);
    mele_i_scaling_clear(&units);
    return status;
}

mele_status mele_i_sketch_make(const mele_i_sketched *rows, const mele_i_sketch *with,
                               mele_engine *engine, mele_i_sketch *out, size_t *common,
                               mele_error *error)
{
    hashing h = {.rows = rows, .with = with, .bound = UINT64_MAX,
                 .room = MELE_I_ARRAY(uint64_t, 2 * MELE_I_SKETCH_SIZE)};
    mele_status status = h.room == NULL ? mele_i_no_memory(error) : MELE_OK;

    if (status == MELE_OK && rows->log_posteriors != NULL) {
        h.log_posteriors = *rows->log_posteriors;
        h.sums = MELE_I_ZEROED(double, h.log_posteriors.cols);
        status = h.sums == NULL ? mele_i_no_memory(error) : MELE_OK;
    }
    if (status == MELE_OK)
        status = hash_rows(&h, engine, error);
    if (status != MELE_OK) {
        free(h.room);
        free(h.sums);
        return status;
    }
    if (common != NULL)
        *common = h.common;
    *out = (mele_i_sketch){.sets = 1, .rows = rows->features->rows, .least = h.room, .hash = h.all,
                           .count = sort_distinct(h.room, h.count),
                           .clusters = h.log_posteriors.cols, .sums = h.sums};
    return MELE_OK;
}

/* ---- two of them ---- */

bool mele_i_sketch_equal_but_weights(const mele_i_sketch *a, const mele_i_sketch *b)
{
    return a->sets == 1 && b->sets == 1 && a->rows == b->rows && a->count == b->count
           && memcmp(a->least, b->least, a->count * sizeof *a->least) == 0;
}

bool mele_i_sketch_equal(const mele_i_sketch *a, const mele_i_sketch *b)
{
    return a->hash == b->hash && mele_i_sketch_equal_but_weights(a, b);
}

bool mele_i_sketch_know_posteriors(const mele_i_sketch *a, const mele_i_sketch *b)
{
    return a->clusters > 0 && b->clusters > 0;
}

bool mele_i_sketch_same_posteriors(const mele_i_sketch *a, const mele_i_sketch *b)
{
    bool same = a->clusters == b->clusters;

    for (size_t k = 0; k < a->clusters && same; k++)
        same = fabs(a->sums[k] - b->sums[k]) <= ROUNDING * (double)a->rows;
    return same;
}

static void forget_posteriors(mele_i_sketch *sketch)
{
    free(sketch->sums);
    sketch->sums = NULL;
    sketch->clusters = 0;
}

static size_t at_most(size_t count)
{
    return count < MOST ? count : MOST;
}

mele_status mele_i_sketch_join(mele_i_sketch *to, const mele_i_sketch *from, mele_error *error)
{
    if (mele_i_sketch_equal(to, from)) {
        if (!mele_i_sketch_same_posteriors(to, from))
            forget_posteriors(to);
        return MELE_OK;
    }
    uint64_t *both = MELE_I_ARRAY(uint64_t, to->count + from->count + 1);
    if (both == NULL)
        return mele_i_no_memory(error);
    memcpy(both, to->least, to->count * sizeof *both);
    memcpy(both + to->count, from->least, from->count * sizeof *both);
    const size_t count = sort_distinct(both, to->count + from->count);
    free(to->least);
    forget_posteriors(to);
    *to = (mele_i_sketch){.sets = at_most(to->sets + from->sets),
                          .rows = at_most(to->rows + from->rows), .hash = to->hash + from->hash,
                          .count = count, .least = both};
    return MELE_OK;
}

/* ---- the record ---- */

static void write_hash(uint64_t hash, char *text)
{
    for (size_t d = 0; d < DIGITS; d++)
        text[d] = "0123456789abcdef"[hash >> 4 * (DIGITS - 1 - d) & 15];
}

static bool read_hash(const char *text, uint64_t *out)
{
    *out = 0;
    for (size_t d = 0; d < DIGITS; d++) {
        const char *digits = "0123456789abcdef", *at = memchr(digits, text[d], 16);
        if (at == NULL)
            return false;
        *out = *out << 4 | (uint64_t)(at - digits);
    }
    return true;
}

static json_t *hashes_text(const uint64_t *hash, size_t count)
{
    char *text = MELE_I_ARRAY(char, count * DIGITS + 1);
    json_t *string = NULL;

    for (size_t i = 0; i < count && text != NULL; i++)
        write_hash(hash[i], text + i * DIGITS);
    if (text != NULL)
        string = json_stringn(text, count * DIGITS);
    free(text);
    return string;
}

json_t *mele_i_sketch_save(const mele_i_sketch *sketch)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "sets", json_integer((json_int_t)sketch->sets))
        && mele_i_json_put(object, "rows", json_integer((json_int_t)sketch->rows))
        && mele_i_json_put(object, "hash", hashes_text(&sketch->hash, 1))
        && mele_i_json_put(object, "least", hashes_text(sketch->least, sketch->count))
        && (sketch->clusters == 0
            || mele_i_json_put(object, "posteriors",
                               mele_i_json_numbers(sketch->sums, sketch->clusters))))
        return object;
    json_decref(object);
    return NULL;
}

/* `most` hashes of DIGITS digits each, side by side. */
static mele_status read_hashes(const json_t *object, const char *key, size_t most, uint64_t *out,
                               size_t *count, mele_error *error)
{
    const char *text;
    mele_status status = mele_i_json_get_string(object, key, &text, error);

    if (status != MELE_OK)
        return status;
    const size_t length = json_string_length(json_object_get(object, key));
    bool good = length % DIGITS == 0 && length / DIGITS <= most && length > 0;
    *count = good ? length / DIGITS : 0;
    for (size_t i = 0; i < *count && good; i++)
        good = read_hash(text + i * DIGITS, &out[i]) && (i == 0 || out[i - 1] < out[i]);
    return good ? MELE_OK
                : mele_i_fail(error, MELE_EDATA, "\"%s\" is not 1 to %zu ascending numbers of %d "
                              "hexadecimal digits, side by side", key, most, DIGITS);
}

static mele_status read_posteriors(const json_t *object, mele_i_sketch *sketch, mele_error *error)
{
    const json_t *sums = json_object_get(object, "posteriors");

    if (sums == NULL)
        return MELE_OK;
    const size_t clusters = json_array_size(sums);
    mele_status status = mele_i_json_check_size(object, "posteriors", clusters > 0 ? clusters : 1,
                                                error);
    if (status != MELE_OK)
        return status;
    sketch->clusters = clusters;
    sketch->sums = MELE_I_ARRAY(double, clusters);
    return sketch->sums == NULL
               ? mele_i_no_memory(error)
               : mele_i_json_get_numbers(object, "posteriors", sketch->sums, clusters, error);
}

mele_status mele_i_sketch_load(const json_t *object, mele_i_sketch *out, mele_error *error)
{
    mele_i_sketch sketch = {.least = MELE_I_ARRAY(uint64_t, MELE_I_SKETCH_SIZE)};
    size_t one;
    mele_status status = sketch.least == NULL ? mele_i_no_memory(error)
                                              : mele_i_json_keys(object, "\"trained_on\"",
                                                                 "sets,rows,hash,least,posteriors?", error);

    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "sets", 1, MOST, &sketch.sets, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "rows", 1, MOST, &sketch.rows, error);
    if (status == MELE_OK)
        status = read_hashes(object, "hash", 1, &sketch.hash, &one, error);
    if (status == MELE_OK)
        status = read_hashes(object, "least", MELE_I_SKETCH_SIZE, sketch.least, &sketch.count,
                             error);
    if (status == MELE_OK)
        status = read_posteriors(object, &sketch, error);
    if (status != MELE_OK)
        mele_i_sketch_clear(&sketch);
    else
        *out = sketch;
    return status;
}
