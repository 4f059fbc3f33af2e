#ifndef MELE_VERDICT_H
#define MELE_VERDICT_H

#include <mele/compare.h>
#include <mele/significance.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a comparison says of the claims of Masoudnia and Ebrahimpour's survey (doc/methods.md,
 * "Verdicts"): kinds of methods against each other, margins and rules stand in a table
 * (lib/study/claims.c) before anything runs. */

typedef enum mele_verdict_kind {
    MELE_NOT_MEASURED, /**< contenders, sets or seeds are missing; the reason says which */
    MELE_INCONCLUSIVE,
    MELE_CONFIRMED,
    MELE_REFUTED
} mele_verdict_kind;

/** "confirmed" and so on; never NULL. */
MELE_API const char *mele_verdict_name(mele_verdict_kind kind);

/** The first kind of methods against the second on one set. */
typedef struct mele_finding {
    size_t set;               /**< of the comparison */
    double margin;            /**< what difference matters there, in the units of what is measured */
    mele_estimate difference; /**< first - second, in margins: below 0 the first is better; interval at
                                   verdicts' level by the corrected resampled t test */
    double p;                 /**< two-sided, of no difference */
    double p_holm;            /**< the same, adjusted for all sets of the part */
    double p_confirmed, p_refuted; /**< of what is claimed, on this set alone; as those of the part */
} mele_finding;

/** A question that a claim consists of. */
typedef struct mele_verdict_part {
    const char *question;     /**< what is claimed, "MNCE errs less than ME" */
    const char *measure;      /**< "loss", "log of seconds to fit", "spread over seeds" */
    char *first, *second;     /**< names of contenders that count for the kinds on some set, comma
                                   separated; "": none */
    mele_verdict_kind kind;
    char *reason;             /**< the test and what it found, or what is missing, in a line */
    mele_estimate effect;     /**< over sets, in margins, as a finding's; NaN: not measured */
    double p_confirmed, p_refuted; /**< small: the question's answer is yes, is no. Doubled, as of two-sided
                                   tests, so that they go with the interval; NaN: not measured */
    size_t better, worse;     /**< on how many sets the first is, Holm-adjusted at the level */
    size_t sets;              /**< on which both kinds have a figure */
    mele_finding *finding;    /**< of each of these */
} mele_verdict_part;

typedef struct mele_verdict {
    const char *name, *claim; /**< "H1"; a sentence */
    mele_verdict_kind kind;
    double p;                 /**< of the verdict; inconclusive: of the confirmation; NaN: not measured */
    char *reason;             /**< what it rests on, a line for each part */
    bool timed;               /**< it rests on times, which differ from run to run */
    size_t parts;
    mele_verdict_part *part;
} mele_verdict;

/** All claims. The margins are those of the table. */
typedef struct mele_verdicts {
    size_t count;
    mele_verdict *verdict;
    double level;        /**< of intervals, 0.95; p is compared with 1 - level */
    double error_margin; /**< of the share of wrong rows: so much matters */
    double log_margin;   /**< of mean log densities (nll), in nats */
    double loss_margin;  /**< of other losses, as a share of the second kind's */
    double time_margin;  /**< of times, as a ratio */
    double spread_margin; /**< of spreads over seeds, as a share of the loss's margin */
} mele_verdicts;

/** Judge all claims.
 * @param times  whether times count; without, what rests on them is not measured.
 * @param out    freed with mele_verdicts_free(); untouched on error.
 * @return MELE_OK, also where nothing can be said; MELE_ENOMEM. */
MELE_API mele_status mele_judge(const mele_comparison *comparison, bool times, mele_verdicts **out,
                                mele_error *error);

/** NULL is nothing. */
MELE_API void mele_verdicts_free(mele_verdicts *verdicts);

#ifdef __cplusplus
}
#endif

#endif
