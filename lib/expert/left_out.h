#ifndef MELE_EXPERT_LEFT_OUT_H
#define MELE_EXPERT_LEFT_OUT_H

#include "expert/kind.h"

/* Where left-out predictions are written to while experts are trained. Kinds write what every
 * expert says itself; what holds in a region where another answers, or that is drawn to the global
 * expert, is made of that afterwards. */
typedef struct mele_i_left_out {
    size_t rows, clusters, outputs;
    double *mean, *variance;               /* n x K x M; NULL: not wanted */
    double *global_mean, *global_variance; /* n x M: the global expert's; NULL: nobody needs them */
    double *given_mean, *given_variance;   /* the caller's arrays */
    double *aside, *global;                /* memory */
} mele_i_left_out;

/* Places for the experts that `train` marks, in the caller's arrays (NULL: not wanted) or, where
 * something may fail after they are written to (`late`), aside. Free also after a failure. */
mele_status mele_i_left_out_make(mele_i_left_out *l, const mele_experts *e,
                                 const mele_i_regions *regions, const mele_i_row_groups *groups,
                                 const bool *train, bool late, double *mean, double *variance, mele_error *error);

/* Once experts are trained, and their own shares are set: what each region's column is to be. */
mele_status mele_i_left_out_settle(const mele_i_left_out *l, const mele_experts *e,
                                   const mele_rows *x, const mele_i_regions *regions,
                                   const mele_i_row_groups *groups, const bool *train,
                                   mele_error *error);

/* Give the caller what was put aside. */
void mele_i_left_out_give(const mele_i_left_out *l);

void mele_i_left_out_free(mele_i_left_out *l);

#endif
