#ifndef MELE_FAMILY_FIT_H
#define MELE_FAMILY_FIT_H

#include <mele/fit.h>

/* mele_fit() of data and options that need no check: they have been checked, or made of such that were, with
 * what was given left as it was. */
mele_status mele_i_family_fit(const mele_data *data, const mele_options *options, mele_engine *engine,
                              mele_report *report, mele_model **out, mele_error *error);

#endif
