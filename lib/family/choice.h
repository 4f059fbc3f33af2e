#ifndef MELE_FAMILY_CHOICE_H
#define MELE_FAMILY_CHOICE_H

#include <jansson.h>
#include <mele/fit.h>

/* Choose what is to be chosen, K and what the family sweeps, by refits of the whole family (choice.c), and set
 * it into options that are settled but for that. *record: what it was chosen from, a new reference; NULL:
 * nothing was to be chosen. On error both are untouched.
 * MELE_EDATA: a range of more experts than rows; what the fits fail with; MELE_ENOMEM; MELE_ESTOPPED. */
mele_status mele_i_family_choose(const mele_data *data, mele_options *options, mele_engine *engine,
                                 mele_report *report, json_t **record, mele_error *error);

#endif
