#ifndef MELE_COMPARE_H
#define MELE_COMPARE_H

#include <stdbool.h>

#include <mele/cross_validation.h>
#include <mele/data.h>
#include <mele/engine.h>
#include <mele/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Families compared on the same folds:
 *
 *     mele_comparison_new(NULL, &comparison, &error);
 *     mele_comparison_add_data(comparison, "mine", data, NULL, NULL, &error);
 *     mele_comparison_add_families(comparison, "one,mele:k=8,expert=gp,me-em", &error);
 *     mele_compare(comparison, NULL, engine, &error);
 *     mele_comparison_table(comparison, true, &text, NULL, &error);
 *
 * Every contender is fitted to the rows outside each fold of each repeat (a split), scaling, number of experts and
 * all else that is chosen included, and predicts the rows of the fold, which are left out. The folds depend on the
 * data, the protocol and the seed alone. A family that does not take a set (classes, several targets, weights) and a
 * contender whose fit fails on a split have no figure on that set, and are told with the reason; the others go on. */

/** Sets, contenders and what came of them. One thread at a time uses one. */
typedef struct mele_comparison mele_comparison;

/** How to compare. Start from mele_compare_defaults(). */
typedef struct mele_compare_options {
    mele_cv_options protocol; /**< folds and repeats; default 10 folds, once. posteriors, predictions and rows
                                   are not for comparisons */
    size_t seeds;             /**< so many fits a split, which differ in their seed alone: seed, seed + 1, ..;
                                   default 1 */
    uint64_t seed;            /**< of the folds and of the first fits; default 1, at most 32 bits */
    const char *measure;      /**< what tests compare: names of measures (mele_metrics), comma separated, of which
                                   each set takes the first that it has. accuracy and r2 count as 1 - accuracy
                                   ("error", which is a name for it, too) and 1 - r2. NULL (default): rmse, of
                                   classes the error */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_compare_options;

MELE_API mele_compare_options mele_compare_defaults(void);

/** A comparison without sets and contenders.
 * @param options  NULL: mele_compare_defaults(). Copied.
 * @param out      freed with mele_comparison_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: no seeds, a seed of more than 32 bits; MELE_ENOMEM. */
MELE_API mele_status mele_comparison_new(const mele_compare_options *options, mele_comparison **out,
                                         mele_error *error);

/** NULL is nothing. */
MELE_API void mele_comparison_free(mele_comparison *comparison);

/** Add a set; its folds are dealt. Sets and contenders may be added in any order, before mele_compare().
 * @param name      copied.
 * @param data      with a target; not copied: they must outlive the comparison.
 * @param options   what all contenders take on this set, where they look at it, and the data's own options where the
 *                  data are of a file; copied. NULL: nothing.
 * @param protocol  of this set; NULL: the comparison's.
 * @return MELE_OK; as mele_cv_check(); MELE_EINVAL: no name, options of another kind of call (only, init with a
 *         file, a family), or the set has none of the measures; MELE_ENOMEM. The comparison is then as it was. */
MELE_API mele_status mele_comparison_add_data(mele_comparison *comparison, const char *name, const mele_data *data,
                                              const mele_options *options, const mele_cv_options *protocol,
                                              mele_error *error);

/** Add contenders: families with their options, "one,mele:k=8,expert=gp,me-em;hme:depth=2,grow". Commas and
 *  semicolons end an item. An item that is a family's name, or begins with one and a colon, is a new contender; one
 *  that is an option (its long name, or k, with = and the value; a flag alone) belongs to the contender before it.
 *  Values are those of mele-fit's options, which the family must look at. A contender is called as it is written;
 *  one of the same name gets a number.
 * @return MELE_OK; MELE_EINVAL: an item is neither (the message names the nearest), an option that the family
 *         does not look at, or that belongs to the data, no value of it; MELE_ENOMEM. Nothing is added then. */
MELE_API mele_status mele_comparison_add_families(mele_comparison *comparison, const char *list, mele_error *error);

/** Add the sets and the families of a file: a JSON object of "sets", each a file (its path beside that of the suite) or a
 *  data set of <mele/maker.h>, with its options, and of "families"; mele-compare(1) describes it.
 * @param options   what all contenders take on all sets, and options of the data; those of the file come after them.
 *                  NULL: nothing.
 * @param families  whether its families are taken, too.
 * @param engine    NULL: the calling thread alone.
 * @return MELE_OK; MELE_EIO; MELE_EDATA: what the file or the data of a set hold (error->line is the suite's; a set's
 *         stands in the message); MELE_EINVAL: no path; MELE_ENOMEM; MELE_ESTOPPED. Nothing is added then. */
MELE_API mele_status mele_comparison_add_suite(mele_comparison *comparison, const char *path,
                                               const mele_options *options, bool families, mele_engine *engine,
                                               mele_error *error);

/** Add a contender of which others have made the predictions: a file with the columns of mele_cv_write(), repeat,
 *  fold, row, observed and predicted, or prob_LEVEL of classes (with predicted alone nothing is known but the error);
 *  others are not looked at. Every row that is left out is there once a repeat, and its fold is that of the
 *  comparison: the tests compare by folds.
 * @param set   its index; on other sets the contender has no figure, unless a further call with the same name gives
 *              predictions of them.
 * @param path  as for mele_reader_open(), with the default table options.
 * @return MELE_OK; MELE_EIO; MELE_EDATA: a column is missing, other rows, other observed values, other folds
 *         (error->line says where); MELE_EINVAL: no such set, predictions of it that this contender has already;
 *         MELE_ENOMEM. Nothing is added then. */
MELE_API mele_status mele_comparison_add_predictions(mele_comparison *comparison, const char *name, size_t set,
                                                     const char *path, mele_engine *engine, mele_error *error);

/** Fit and measure. Contenders, splits and sets run in parallel; the numbers are the same for any engine, but for
 *  the seconds.
 * @param journal  NULL, or a file to which each outcome is added as it comes, so that a run that was ended, however
 *                 that was, goes on where it ended: the same bytes come out as of one that was not. A file of another
 *                 comparison (data, contenders, protocol, seed, version) is refused; half a line at its end is
 *                 dropped.
 * @return MELE_OK, also where contenders have no figure; MELE_EINVAL: no set, no contender, an option of a set at
 *         which no contender looks; MELE_EDATA: another comparison's journal, a line that cannot be read
 *         (error->line says which); MELE_EIO: the journal; MELE_ENOMEM; MELE_ESTOPPED. What was done by then is
 *         kept, and a further call does the rest. */
MELE_API mele_status mele_compare(mele_comparison *comparison, const char *journal, mele_engine *engine,
                                  mele_error *error);

/* ---- what came of it ---- */

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

MELE_API size_t mele_comparison_sets(const mele_comparison *comparison);
MELE_API size_t mele_comparison_contenders(const mele_comparison *comparison);
/** Names are the comparison's, and valid until something is added; NULL: there is no such index. */
MELE_API const char *mele_comparison_set(const mele_comparison *comparison, size_t set);
MELE_API const char *mele_comparison_contender(const mele_comparison *comparison, size_t contender);
/** What the loss of a set is called, "rmse", "error"; NULL: there is no such set. */
MELE_API const char *mele_comparison_loss(const mele_comparison *comparison, size_t set);
/** Folds times repeats of a set; 0: there is no such set. */
MELE_API size_t mele_comparison_splits(const mele_comparison *comparison, size_t set);

/** A contender on a set; `has` is false where an index is out of range. */
MELE_API mele_compared mele_comparison_result(const mele_comparison *comparison, size_t set, size_t contender);

/** Its loss on each split, mean over seeds: mele_comparison_splits() numbers to out, all NaN where it has no figure.
 *  The same rows for all contenders, so that they can be paired. False: no such set or contender; untouched. */
MELE_API bool mele_comparison_losses(const mele_comparison *comparison, size_t set, size_t contender, double *out);

/** A measure by its name, pooled over the rows left out in all splits with all seeds, as cross-validation pools
 *  (mele_cross_validate()). False: no figure, no such measure, set or contender, or no memory. */
MELE_API bool mele_comparison_measure(const mele_comparison *comparison, size_t set, size_t contender,
                                      const char *measure, double *out);

/** Why a contender has no figure on a set, as a line in out[size]; returns its length, as snprintf() does; 0: it has
 *  one, or nothing was fitted. */
MELE_API size_t mele_comparison_why(const mele_comparison *comparison, size_t set, size_t contender, char *out,
                                    size_t size);

/** Tables for people, at most 100 columns wide, and the same as CSV (a row a set, contender, repeat, fold and seed)
 *  and JSON (everything). Text in memory that is freed with free().
 * @param times   whether seconds are told, which differ from run to run.
 * @param length  NULL: not wanted.
 * @return MELE_OK; MELE_EINVAL: nothing was compared; MELE_ENOMEM. */
MELE_API mele_status mele_comparison_table(const mele_comparison *comparison, bool times, char **out, size_t *length,
                                           mele_error *error);
MELE_API mele_status mele_comparison_csv(const mele_comparison *comparison, bool times, char **out, size_t *length,
                                         mele_error *error);
MELE_API mele_status mele_comparison_json(const mele_comparison *comparison, bool times, char **out, size_t *length,
                                          mele_error *error);

/** Fit each contender with a figure once more to all rows of the sets that have one or two features, numbers, so that
 *  the page shows its regions there. Sets that have been looked at are passed over.
 * @param engine  NULL: the calling thread alone; the regions are the same for any.
 * @return MELE_OK, also where a contender cannot be fitted to all rows; MELE_ENOMEM; MELE_EIO: data in a file;
 *         MELE_ESTOPPED. */
MELE_API mele_status mele_comparison_regions(mele_comparison *comparison, mele_engine *engine, mele_error *error);

/** Say by what command the comparison is made, for the page.
 * @param command  one line; copied. NULL: it is not told.
 * @return MELE_OK; MELE_ENOMEM: what was said before stays. */
MELE_API mele_status mele_comparison_set_command(mele_comparison *comparison, const char *command, mele_error *error);

/** A page for people: HTML with tables and pictures, whole in itself: it needs no network and no scripts. Parameters and
 *  result as of mele_comparison_table(). */
MELE_API mele_status mele_comparison_html(const mele_comparison *comparison, bool times, char **out, size_t *length,
                                          mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
