#ifndef MELE_MODEL_OPTIONS_H
#define MELE_MODEL_OPTIONS_H

#include <jansson.h>
#include <mele/options.h>

/* The options of the stages up to `last` that have a value, and those of later stages that were
 * chosen: what a model records. A new reference, NULL when memory ran out. */
json_t *mele_i_options_save(const mele_options *options, mele_option_stage last);

/* Set options from a record; strings stay the record's. Options chosen before must agree
 * (MELE_EINVAL). Strict: an unknown name or value is MELE_EDATA. */
mele_status mele_i_options_load(const json_t *record, mele_options *options, mele_error *error);

/* The member of option i, if its values are strings of the caller's or of a record; else NULL. */
const char **mele_i_option_string(mele_options *options, size_t i);

/* Options that contradict each other or are missing: MELE_EINVAL. */
mele_status mele_i_options_check(const mele_options *options, mele_error *error);

#endif
