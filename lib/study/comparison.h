#ifndef MELE_STUDY_COMPARISON_H
#define MELE_STUDY_COMPARISON_H

#include <stdbool.h>

#include <mele/compare.h>
#include <mele/data.h>
#include <mele/options.h>

#include "study/plane.h"

/* What a comparison holds: sets x contenders x splits x seeds. A run (compare.c) or a test fills it; what tests,
 * verdicts and writers tell is read from it. A split is one fold of one repeat, split = repeat x folds + fold: its
 * rows are left out. The numbers of a split are the same rows for all contenders. */

/* What became of one contender on one split of one set, with one seed. */
typedef enum mele_i_outcome_state {
    MELE_I_OUTCOME_MISSING = 0, /* not done */
    MELE_I_OUTCOME_DONE,
    MELE_I_OUTCOME_FAILED       /* the message says why */
} mele_i_outcome_state;

typedef struct mele_i_outcome {
    mele_i_outcome_state state;
    char *message;   /* FAILED: one line; else NULL */
    double *measure; /* DONE: set->measures numbers, of the rows left out; NaN: not defined for them. Else NULL */
    double *moments; /* DONE: set->moments numbers, of which measures of several splits are pooled */
    double seconds_fit, seconds_predict;
    size_t clusters;          /* K of the model that predicts; 0: not known, as of all that follows where it is
                                 NaN (predictions of others) */
    size_t dead;              /* of the K experts, those with next to no weight (anatomy.h) */
    double parameters;        /* free ones of the model */
    double gate_entropy;      /* mean over rows left out, in units of log K, 0 to 1; NaN: one expert */
    double error_correlation; /* mean over pairs of experts of the correlation of their errors on rows left out;
                                 NaN: there is no pair */
} mele_i_outcome;

/* A contender on a set. */
typedef struct mele_i_entry {
    mele_options *options; /* what is fitted; NULL: nothing is, or a run has still to make them */
    char *refusal;         /* why it has no figure on this set, known before any work; NULL: it takes part */
} mele_i_entry;

typedef struct mele_i_compared_set {
    char *name, *target;     /* target: of several, with commas */
    size_t rows, features, targets, classes; /* rows: of positive weight; classes 0: regression */
    const mele_data *data;   /* NULL: the outcomes are filled by hand */
    mele_data *owned;        /* those data, where they are the comparison's */
    double *made;            /* the numbers of data that were made; NULL: of others */
    mele_options *general;   /* what all contenders take on it, where they look at it; NULL: no data */
    size_t folds, repeats, splits; /* splits = folds x repeats */
    char **fold_name;        /* folds: their values in the data's column; NULL: they are numbered from 1 */
    size_t *fold_of_row;     /* repeats x rows of data: MELE_I_NO_FOLD where the weight is 0; NULL: no data */
    double train_share, test_share; /* of the rows, mean over splits: n_test / n_train is their ratio */
    size_t measures, moments;
    char **measure;          /* their names, those of mele_metrics */
    size_t loss;             /* the measure that tests compare */
    bool gain;               /* its loss is 1 - measure (accuracy, r2), else the measure itself */
    char *loss_name;         /* "error", "rmse", ... */
    mele_i_entry *entry;     /* a contender each */
    mele_i_outcome *outcome; /* contenders x splits x seeds; NULL until they are made */
    mele_i_plane *plane;     /* regions to look at; NULL: there are none */
} mele_i_compared_set;

typedef struct mele_i_contender {
    char *name;   /* as given ("mele:k=8,expert=gp"), told apart from others of that name */
    char *family; /* NULL: predictions of others */
    mele_options *options; /* its own; NULL: predictions of others, or filled by hand */
} mele_i_contender;

struct mele_comparison {
    size_t sets, contenders, seeds;
    mele_i_compared_set *set;
    mele_i_contender *contender;
    uint64_t seed; /* of the folds, and of the fits of seed 0; seed s fits with seed + s, of 32 bits */
    mele_cv_options protocol; /* of sets that are added */
    char *measure; /* what their loss is to be; NULL: what is usual */
    char *command; /* that makes it; NULL: not told */
};

/* ---- making one ---- */

/* Of so many seeds (>= 1), without sets and contenders. Freed with mele_comparison_free(); *out is untouched on
 * error. */
mele_status mele_i_comparison_new(size_t seeds, mele_comparison **out, mele_error *error);

/* What a set is; everything is copied. */
typedef struct mele_i_set_form {
    const char *name, *target;
    size_t rows, features, targets, classes;
    size_t folds, repeats;
    double train_share, test_share;
    const char *const *measure; /* names of measures */
    size_t measures, moments;
    size_t loss;                /* which of them; see mele_i_compared_set */
} mele_i_set_form;

/* The new one is the last; of a contender that comes after the outcomes were made these are MISSING. MELE_ENOMEM: the
 * comparison is as it was. */
mele_status mele_i_comparison_add_set(mele_comparison *comparison, const mele_i_set_form *form, mele_error *error);
mele_status mele_i_comparison_add_contender(mele_comparison *comparison, const char *name, const char *family,
                                            mele_error *error);

/* Forget the last set, or the last contender. */
void mele_i_comparison_drop_set(mele_comparison *comparison);
void mele_i_comparison_drop_contender(mele_comparison *comparison);

/* Room for the outcomes of sets that have none yet; they are MISSING. MELE_ENOMEM. */
mele_status mele_i_comparison_make_outcomes(mele_comparison *comparison, mele_error *error);

/* A set's entry for a contender takes no part. MELE_ENOMEM. */
mele_status mele_i_entry_refuse(mele_i_entry *entry, const char *why, mele_error *error);

/* The outcome is DONE, with room for measures and moments, all NaN as is all else, and K 0. MELE_ENOMEM. */
mele_status mele_i_outcome_done(const mele_i_compared_set *set, mele_i_outcome *outcome, mele_error *error);

/* The same with what metrics of the set's targets have measured. */
mele_status mele_i_outcome_measured(const mele_i_compared_set *set, mele_metrics *metrics, mele_i_outcome *outcome,
                                    mele_error *error);

/* It is FAILED. MELE_ENOMEM. */
mele_status mele_i_outcome_fail(mele_i_outcome *outcome, const char *why, mele_error *error);
void mele_i_outcome_clear(mele_i_outcome *outcome);

/* ---- asking ---- */

mele_i_outcome *mele_i_comparison_outcome(const mele_comparison *comparison, size_t set, size_t contender,
                                          size_t split, size_t seed);

/* Whether there are sets, contenders and outcomes of them. */
bool mele_i_comparison_is_run(const mele_comparison *comparison);

/* The loss of measures of that set, smaller is better, to 10 digits: models that predict the same by other sums differ
 * in the last of 16, which would rank them, and be differences of one sign to the tests. */
double mele_i_set_loss(const mele_i_compared_set *set, const double *measure);

/* Whether a contender has a figure on a set: a finite loss on all its splits with all seeds. */
bool mele_i_comparison_has(const mele_comparison *comparison, size_t set, size_t contender);

/* Its loss on each split, mean over seeds: splits numbers; all NaN where it has no figure. */
void mele_i_comparison_losses(const mele_comparison *comparison, size_t set, size_t contender, double *out);

/* Why it has none, in out[size], of which one line is for people; returns the length as snprintf() does; 0: it
 * has one, or its outcomes are missing. */
size_t mele_i_comparison_reason(const mele_comparison *comparison, size_t set, size_t contender, char *out,
                                size_t size);

/* The measures pooled over the rows left out in all splits with all seeds, set->measures numbers, of a contender that
 * has a figure; *skipped: how many predictions were missing among them. MELE_ENOMEM. */
mele_status mele_i_comparison_pool(const mele_comparison *comparison, size_t set, size_t contender, double *out,
                                   size_t *skipped, mele_error *error);

/* The whole of a contender on a set, and of one without a figure. */
mele_compared mele_i_nothing_compared(void);
mele_compared mele_i_comparison_summary(const mele_comparison *comparison, size_t set, size_t contender);

/* ---- running one ---- */

/* As mele_compare(), of several comparisons one after the other: progress is told of all, of which so many outcomes
 * are done before and follow. */
mele_status mele_i_compare_among(mele_comparison *comparison, const char *journal, size_t before, size_t after,
                                 mele_engine *engine, mele_error *error);

#endif
