#ifndef MELE_MODEL_OWN_OPTIONS_H
#define MELE_MODEL_OWN_OPTIONS_H

#include <mele/options.h>

#include "core/option.h"

/* The tables of the options that are no stage's own but of a model as a whole; the structure is
 * mele_options. NULL past the last. */
enum {
    MELE_I_OPTIONS_OF_RUN,
    MELE_I_OPTIONS_OF_CHOICE,
    MELE_I_OPTIONS_OF_SPACE,
    MELE_I_OPTIONS_OF_EXPERTS,
    MELE_I_OPTIONS_OF_GATE
};
const mele_i_option_table *mele_i_own_options_at(size_t i);

/* Whether stage 1 starts from centres, or responsibilities, that are given: also in options that a model
 * records, which does not say what they were. */
bool mele_i_start_is_given(const mele_options *options);

/* The range of clusters to choose from is one: MELE_EINVAL. */
/* Whether --refine goes with the experts, the gate and the ridge: MELE_EINVAL. */
mele_status mele_i_check_refine(const mele_options *options, mele_error *error);

mele_status mele_i_check_range(const mele_options *options, mele_error *error);

#endif
