#ifndef MELE_FIT_REFINE_STEPS_H
#define MELE_FIT_REFINE_STEPS_H

#include <jansson.h>

#include "fit/run.h"

/* The number of steps that is to be taken of a run's mixture, from 0 on: of 0, 1, 2, 4, .. 128 the
 * first whose loss on rows left out is within one standard error, of the differences by pairs, of the
 * least (refine_steps.c). *table: an array of objects, a new reference; with rows that cannot be left
 * out it is empty, and 0 are taken. Both are untouched on error. */
mele_status mele_i_refine_choose(const mele_i_run *run, size_t *steps, json_t **table,
                                 mele_error *error);

#endif
