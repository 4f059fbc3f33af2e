#ifndef MELE_FAMILY_LEAVE_OUT_H
#define MELE_FAMILY_LEAVE_OUT_H

#include "fit/expect.h"
#include "fit/run.h"

/* What a mixture whose parts were trained together says of rows that it has not seen, and the variances of its
 * predictions, which come of that (leave_out.c). */

/* Train run->model's experts and gate, and its partition where the gate needs one, on the run's rows, which are
 * these of the whole's, going on from what was found with all of them. Called in several threads at once. */
typedef mele_status mele_i_family_refit(const void *context, mele_i_run *run, const size_t *rows,
                                        mele_error *error);

/* The run's model has no parts yet. always: also where no variance comes of it (of classes, and of experts whose
 * variances are to be those in sample). variance (K x M): those of maximum likelihood become those of rows left
 * out, where rows can be; NULL: classes. said: NULL where nothing was left out. mele_i_mixture_said_clear(), also
 * after a failure. */
mele_status mele_i_family_leave_out(mele_i_run *run, mele_i_family_refit *refit, const void *context,
                                    bool always, double *variance, mele_i_mixture_said *said,
                                    mele_error *error);

/* The variances (K x M, from those given; of classes there are none) that make what was said of rows left out
 * likeliest. */
mele_status mele_i_family_said_variances(mele_i_run *run, const mele_i_mixture_said *said, double *variance,
                                         mele_error *error);

#endif
