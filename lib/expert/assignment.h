#ifndef MELE_EXPERT_ASSIGNMENT_H
#define MELE_EXPERT_ASSIGNMENT_H

#include <mele/assignment.h>

/* MELE_EINVAL: not exactly one of labels, shares and weights, or one that is not rows x clusters. */
mele_status mele_i_assignment_check(const mele_assignment *assignment, mele_error *error);

/* MELE_EDATA: a row's log posteriors have NaN or +infinity; row: its index, to be told. */
mele_status mele_i_log_posteriors_check(const double *row, size_t index, size_t clusters,
                                        mele_error *error);

/* An assignment that is made of log posteriors, and what it points to. */
typedef struct mele_i_assigned {
    mele_assignment assignment;
    mele_rows shares, log_posteriors;
    uint32_t *own_labels;
} mele_i_assigned;

/* how: "hard", labels; "soft", shares that are made whenever they are read; else MELE_EINVAL. Free with mele_i_assigned_free(), also after a
 * failure. It is not to be moved. */
mele_status mele_i_assigned_make(mele_i_assigned *a, const mele_rows *log_posteriors,
                                 const char *how, mele_engine *engine, mele_error *error);
void mele_i_assigned_free(mele_i_assigned *a);

#endif
