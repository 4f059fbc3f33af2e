#ifndef MELE_MODEL_OPTIONS_H
#define MELE_MODEL_OPTIONS_H

#include <jansson.h>
#include <mele/options.h>

#include "core/option.h"

/* ---- the tables of all stages as one (options.c) ---- */

/* A member of mele_options, named or not. */
typedef struct mele_i_option_place {
    const mele_i_option *option;
    size_t base;      /* where the structure that its table is about lies in mele_options */
    const char *of;   /* "experts.": before the member's name, for messages */
    mele_option_stage stage;
} mele_i_option_place;

/* The i-th; false: past the last. The order is that of --help and of a model's record. */
bool mele_i_option_at(size_t i, mele_i_option_place *out);

/* The index of a name, with its place; false: there is no option of that name. */
bool mele_i_option_find(const char *name, size_t *i, mele_i_option_place *out);

/* The structure that a place's table is about. */
void *mele_i_option_base(const mele_i_option_place *place, mele_options *options);
const void *mele_i_option_const_base(const mele_i_option_place *place, const mele_options *options);

/* Whether option i was set by name; say that it was. */
bool mele_i_option_given(const mele_options *options, size_t i);
void mele_i_option_give(mele_options *options, size_t i);

/* A member that is not what it may be, and options that contradict each other: MELE_EINVAL. */
mele_status mele_i_options_check(const mele_options *options, mele_error *error);

/* ---- the record of a model (record.c) ---- */

/* The options of the stages up to `last` that have a value, and those of later stages that were
 * given: what a model records. A new reference, NULL when memory ran out. */
json_t *mele_i_options_save(const mele_options *options, mele_option_stage last);

/* Set options from a record; strings stay the record's. Options given before must agree
 * (MELE_EINVAL). A value that is none of its option's is MELE_EDATA. Names that are no option's,
 * and choices of stages that are none, which a newer version has written, are passed over: see
 * mele_i_options_unknown(). */
mele_status mele_i_options_load(const json_t *record, mele_options *options, mele_error *error);

/* The first name of a record that is no option's, or has such a choice; NULL: there is none. */
const char *mele_i_options_unknown(const json_t *record);

/* The i-th entry as "--name value", for people, in out[size]; its length as snprintf() does; 0:
 * there is none. */
size_t mele_i_options_line(const json_t *record, size_t i, char *out, size_t size);

#endif
