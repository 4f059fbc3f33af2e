#ifndef MELE_FIT_COURSE_H
#define MELE_FIT_COURSE_H

#include <mele/options.h>

#include "fit/folds.h"
#include "measure/contest.h"
#include "schema/encode.h"

/* The rows, the folds and the loss by which fits of the same data are compared (course.c). */
typedef struct mele_i_course {
    const mele_options *options; /* whose fits are compared */
    const mele_data *data;       /* all rows, or a sample of many */
    mele_data *sample;           /* memory; NULL: all */
    size_t folds;                /* 0: the rows, or groups, are too few to be dealt */
    size_t slices;               /* of a fold */
    size_t *fold_of_row;
    bool by_density;             /* the loss is minus the log density */
    mele_i_scaling targets;      /* units of squared errors, of regression */
} mele_i_course;

/* Sums of losses and weights over the rows of a fold, by its slices. */
typedef struct mele_i_sums {
    double *loss, *weight;
} mele_i_sums;

/* most: the largest number of regions among the fits. *out is cleared with mele_i_course_clear(), whatever
 * this returns. MELE_ENOMEM; failures of reading. */
mele_status mele_i_course_make(const mele_data *data, const mele_options *options, size_t most,
                               mele_engine *engine, mele_i_course *out, mele_error *error);
void mele_i_course_clear(mele_i_course *course);

/* Whether losses are all positive: errors, or of classes. */
bool mele_i_course_has_positive_losses(const mele_i_course *course);

/* The options of the fit outside a fold: K, and random streams of their own. */
mele_options mele_i_course_options(const mele_i_course *course, size_t clusters, size_t fold);

/* The rows of a slice, as a share of the rows outside a fold. */
double mele_i_course_slice(const mele_i_course *course);

/* Add what a row left out loses to the slice of its fold that it is in: rows of one group are in one. A row
 * without weight or prediction (NaN) is in no sum. */
void mele_i_course_add(const mele_i_course *course, const mele_data *left_out, size_t row, double loss,
                       const mele_i_sums *sums);

/* The square of an error of a target in its units; what a class of that probability loses. */
double mele_i_course_square(const mele_i_course *course, size_t target, double truth, double said);
double mele_i_course_class_loss(double probability);

#endif
