#ifndef MELE_COMPARE_H
#define MELE_COMPARE_H

#include <stdbool.h>

#include <mele/engine.h>
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

/** Fit each contender with a figure once more to all rows of the sets that have one or two features, numbers, so that
 *  the page shows its regions there. Sets that have been looked at are passed over.
 * @param engine  NULL: the calling thread alone; the regions are the same for any.
 * @return MELE_OK, also where a contender cannot be fitted to all rows; MELE_ENOMEM; MELE_EIO: data in a file;
 *         MELE_ESTOPPED. */
MELE_API mele_status mele_comparison_regions(mele_comparison *comparison, mele_engine *engine, mele_error *error);

/** A page for people: HTML with tables and pictures, whole in itself: it needs no network and no scripts.
 * @param times    whether seconds are told, which differ from run to run.
 * @param command  how to make it again, told at its end; NULL: it is not told.
 * @param out      text in memory that is freed with free(); untouched on error.
 * @param length   NULL: not wanted.
 * @return MELE_OK; MELE_EINVAL: nothing was compared; MELE_ENOMEM. */
MELE_API mele_status mele_comparison_html(const mele_comparison *comparison, bool times, const char *command,
                                          char **out, size_t *length, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
