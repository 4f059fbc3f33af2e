#ifndef MELE_FAMILY_PARTS_H
#define MELE_FAMILY_PARTS_H

#include <jansson.h>
#include <mele/expert.h>
#include <mele/gate.h>

#include "fit/run.h"

/* What families share: how the parts that one has trained become the model's, and what is told of them. */

/* What a family has trained, and what it tells of that. */
typedef struct mele_i_family_result {
    mele_experts *experts;
    mele_gate *gate;
    const mele_expert_info *info;    /* K: of the experts; NULL: nothing is told of each */
    const mele_gate_info *gate_info; /* NULL: the gate was not trained by itself */
    double log_likelihood; /* of the training rows, natural logarithm, in the data's units, summed with the
                              weights, at the variances of maximum likelihood; NaN: there is none */
    bool iterates;     /* else it cannot fail to converge, and these are not told */
    size_t iterations;
    bool converged;
    json_t *more;      /* an object of further keys; NULL: none */
} mele_i_family_result;

/* The parts become the model's, with the record of them and the report; they and `more` are taken, whatever
 * this returns. What does not converge is a warning. */
mele_status mele_i_family_finish(mele_i_run *run, mele_i_family_result *result, mele_error *error);

/* The report of a family of stages, whose model is finished: its record has only what the stages have. */
mele_status mele_i_family_tell(mele_i_run *run, mele_error *error);

/* How there come to be fewer experts. */
const char *mele_i_family_fewer(const mele_i_run *run);

/* A warning for each expert whose responsibilities (K sums, in rows) are less than a row in all. */
void mele_i_family_warn_idle(mele_i_run *run, const double *weight);

/* What starts came to: objectives as they are minimised or maximised, times a factor, less what units are. NULL: no
 * memory. */
json_t *mele_i_family_starts(const double *reached, size_t count, double factor, double units);

/* What log-likelihoods of targets in the data's units are less than those of the scaled ones. */
double mele_i_family_units(const mele_i_run *run);

#endif
