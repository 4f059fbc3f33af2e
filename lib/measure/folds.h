#ifndef MELE_MEASURE_FOLDS_H
#define MELE_MEASURE_FOLDS_H

#include <stddef.h>

#include <mele/status.h>

#include "core/stream.h"

/* Deal n rows to `count` folds at random.
 *  groups   n ids: rows of one id go to one fold, largest groups first, each to the fold with the
 *           fewest rows so far (ties: groups in random order, the lowest fold); classes are then
 *           not looked at. NULL: rows are dealt one by one, and the folds' sizes differ by at
 *           most 1.
 *  classes  n class codes, not NaN: every class is spread evenly too, its rows in the folds
 *           differing by at most 1. NULL: one class.
 *  fold_of_row  n numbers 0 .. count - 1; untouched on error. Every fold gets a row.
 * MELE_EINVAL: count below 2; MELE_EDATA: fewer rows, or groups, than folds; MELE_ENOMEM.
 * O(n log n). The folds depend on the stream and on which rows share a group or class, not on
 * the codes' values, as long as their order is the same. */
mele_status mele_i_folds(size_t n, const size_t *groups, const double *classes, size_t count,
                         mele_i_stream *stream, size_t *fold_of_row, mele_error *error);

#endif
