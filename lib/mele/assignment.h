#ifndef MELE_ASSIGNMENT_H
#define MELE_ASSIGNMENT_H

#include <stdint.h>

#include <mele/engine.h>
#include <mele/rows.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which rows each of K experts trains on, and with what weight, beside the rows' own weights: what
 *  stage 2 takes, wherever it comes from. Exactly one of labels, shares and weights is given. All that
 *  is pointed to is the caller's, is not changed, and is not looked at after the call.
 *  The global expert is trained on all rows with their own weights, whatever is given here. */
typedef struct mele_assignment {
    size_t rows, clusters;   /**< n, K */
    const uint32_t *labels;  /**< n regions 0 .. K - 1: a row is one expert's. Used where they are; see
                                  mele_assignment_labels(), mele_partition_assign() */
    const mele_rows *shares; /**< n x K numbers >= 0, a row's sum 1 (to 1e-6): a row is every expert's
                                  with its share as a factor of its weight; see
                                  mele_assignment_shares() */
    const mele_rows *weights; /**< n x K finite numbers >= 0: the factors of a row's weight, without any
                                  sum. They are counts: 2 is the row twice, 0 is without it (bootstrap
                                  samples; boosting, scaled to a mean of 1). At most 2^960 times the
                                  rows' own weights */
    const mele_rows *log_posteriors; /**< n x K, or NULL: which region is next to a row, where
                                  mele_expert_options.small is "merge"; else not looked at */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_assignment;

/** Labels: the index of the largest of a row's log posteriors, ties to the lowest index.
 * @param log_posteriors  n x K, from mele_partition_log_posteriors() or elsewhere; -infinity is a
 *                        probability of 0, a constant in a row makes no difference.
 * @param out             n numbers. Of what a failure leaves there nothing is said.
 * @return MELE_OK; MELE_EINVAL: NULL, no columns; MELE_EDATA: NaN or +infinity; MELE_ENOMEM;
 *         MELE_ESTOPPED; what reading fails with. */
MELE_API mele_status mele_assignment_labels(const mele_rows *log_posteriors, mele_engine *engine,
                                            uint32_t *out, mele_error *error);

/** Shares: a row's posteriors, made to sum to 1; n x K numbers to out. The rest is as for labels. */
MELE_API mele_status mele_assignment_shares(const mele_rows *log_posteriors, mele_engine *engine,
                                            double *out, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
