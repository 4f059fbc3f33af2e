#ifndef MELE_SCHEMA_SKETCH_H
#define MELE_SCHEMA_SKETCH_H

#include <stdint.h>

#include "schema/encode.h"

#define MELE_I_SKETCH_SIZE 1024

/* What is kept of the rows that something was trained on, so that other rows can be told from them:
 * how many there were, a hash of all, and the least of the rows' own hashes (sketch.c). */
typedef struct mele_i_sketch {
    size_t sets; /* of rows: more than 1 where it was trained on one after the other; then `rows` and
                    `hash` are sums, and no rows are the same ones */
    size_t rows;
    uint64_t hash; /* of features, targets and weights, whatever the order of the rows */
    size_t count;  /* of least: all distinct ones, at most MELE_I_SKETCH_SIZE */
    uint64_t *least; /* of features and targets alone, ascending */
    size_t clusters; /* of posteriors from outside, which came with the rows; 0: none, or not known */
    double *sums;    /* of the posteriors of each region, times what a row's hash says; NULL: none */
} mele_i_sketch;

/* Rows to be told from others. */
typedef struct mele_i_sketched {
    const mele_schema *schema;
    const mele_i_features *features;
    const double *targets; /* rows x columns as they are, class indices for classes */
    size_t target_columns;
    const double *weights; /* NULL: all 1 */
    const mele_rows *log_posteriors; /* from outside, rows x clusters; NULL: there are none */
} mele_i_sketched;

/* @param out     freed with mele_i_sketch_clear(); untouched on error.
 * @param with    NULL, or a sketch of other rows.
 * @param common  NULL, or how many rows have a hash that is among the least of `with`.
 * The same for any engine and any order of the rows. MELE_ENOMEM; MELE_EIO. O(n d). */
mele_status mele_i_sketch_make(const mele_i_sketched *rows, const mele_i_sketch *with,
                               mele_engine *engine, mele_i_sketch *out, size_t *common,
                               mele_error *error);
void mele_i_sketch_clear(mele_i_sketch *sketch);

/* Whether both are of one set of rows, and of the same. */
bool mele_i_sketch_equal(const mele_i_sketch *a, const mele_i_sketch *b);

/* The same, as far as it can be told without the rows' weights, and without how often each row is
 * there. */
bool mele_i_sketch_equal_but_weights(const mele_i_sketch *a, const mele_i_sketch *b);

/* Whether both tell of posteriors, and whether these are then the same but for rounding, given that the
 * rows are, in any order. */
bool mele_i_sketch_know_posteriors(const mele_i_sketch *a, const mele_i_sketch *b);
bool mele_i_sketch_same_posteriors(const mele_i_sketch *a, const mele_i_sketch *b);

/* What was trained on the rows of `to` has seen those of `from`, too; where they are the same, nothing
 * changes. `to` is untouched on error. */
mele_status mele_i_sketch_join(mele_i_sketch *to, const mele_i_sketch *from, mele_error *error);

/* The object of a model's record: a new reference, NULL when memory ran out. */
json_t *mele_i_sketch_save(const mele_i_sketch *sketch);
mele_status mele_i_sketch_load(const json_t *object, mele_i_sketch *out, mele_error *error);

#endif
