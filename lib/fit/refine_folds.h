#ifndef MELE_FIT_REFINE_FOLDS_H
#define MELE_FIT_REFINE_FOLDS_H

#include "fit/folds.h"
#include "fit/refining.h"

/* Refinement in folds: stages 2 and 3 and EM without the rows of a fold, whose responsibilities have
 * seen their targets. Stage 1 stays as it is, so that regions are the same in all folds; groups are kept
 * whole. */

/* What is done with a fold: its part is started, and no step is taken. */
typedef mele_status mele_i_refine_visit(void *context, mele_i_refining_part *part,
                                        const mele_i_fold *fold, size_t index, mele_engine *engine,
                                        mele_error *error);

typedef struct mele_i_refine_folds {
    size_t most;  /* folds wanted */
    size_t count; /* that there are: as many as units (rows, or groups) at most; 0: a single unit */
    size_t *fold_of_row;
} mele_i_refine_folds;

/* Deal the rows of positive weight. mele_i_refine_folds_clear(), also after a failure. */
mele_status mele_i_refine_folds_deal(const mele_i_run *run, size_t most, mele_i_refine_folds *out,
                                     mele_error *error);
void mele_i_refine_folds_clear(mele_i_refine_folds *folds);

/* Visit all of them, as tasks. */
mele_status mele_i_refine_folds_visit(const mele_i_run *run, const mele_i_refine_folds *folds,
                                      mele_i_refine_visit *visit, void *context, mele_error *error);

/* What is said of a fold's rows, count of them, to their places among all rows. */
void mele_i_refine_scatter(const mele_i_fold *fold, size_t count, size_t clusters, size_t outputs,
                           const mele_i_mixture_said *said, const mele_i_mixture_said *out);

/* What mixtures after so many steps say of the rows left out, of all rows in their order; of rows of
 * weight 0 nothing: zeros. */
mele_status mele_i_refine_leave_out(const mele_i_run *run, const mele_i_refine_folds *folds,
                                    size_t steps, const mele_i_mixture_said *out,
                                    mele_error *error);

#endif
