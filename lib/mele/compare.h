#ifndef MELE_COMPARE_H
#define MELE_COMPARE_H

#include <stdbool.h>

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Families compared on the same folds of one or several data sets. */
typedef struct mele_comparison mele_comparison;

/** A contender on a set. A split is one fold of one repeat; the loss is the error that is compared, smaller being
 *  better. Without a figure all is NaN, as is what is not known. */
typedef struct mele_compared {
    bool has;               /**< it has a figure: a loss on all splits with all seeds */
    double loss, sd;        /**< mean and standard deviation over splits; NaN of one split */
    double spread;          /**< of the loss over seeds: root of the mean over splits of the variance; NaN of one
                                 seed */
    double seconds_fit, seconds_predict; /**< of a split, means over splits and seeds as all that follows */
    double clusters;        /**< K */
    double dead;            /**< experts with next to no weight */
    double parameters;      /**< free ones (mele_model_parameters()) */
    double gate_entropy;    /**< of the weights in a row, in units of log K: 0 to 1; NaN: one expert */
    double error_correlation; /**< of two experts' errors on rows left out; NaN: there are no two */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_compared;

/** NULL is nothing. */
MELE_API void mele_comparison_free(mele_comparison *comparison);

#ifdef __cplusplus
}
#endif

#endif
