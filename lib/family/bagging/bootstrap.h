#ifndef MELE_FAMILY_BAGGING_BOOTSTRAP_H
#define MELE_FAMILY_BAGGING_BOOTSTRAP_H

#include <mele/rows.h>

#include "core/stream.h"
#include "expert/row_groups.h"
#include "schema/data.h"

/* Bootstrap samples of rows, or of groups of them: how often each of K samples has each row. As many rows of
 * positive weight as there are are drawn with replacement, each as likely as any other; with groups as many
 * groups as there are with such a row, whole. Sample k of a seed does not depend on how many there are.
 *
 * Of rows no n x K is held: for every 128 rows it is known how many of a sample's draws fall among them, and
 * which these are is drawn again whenever it is asked, so that every reader sees the same. */
typedef struct mele_i_bootstrap {
    size_t rows, clusters;
    uint64_t seed, fold;
    const double *weights; /* the data's; NULL: all are positive */
    size_t blocks;
    size_t *before;        /* blocks + 1: rows of positive weight before each; of groups NULL */
    uint32_t *drawn;       /* blocks x K: how many draws fall there; of groups groups x K: how often */
    mele_i_row_groups groups;
} mele_i_bootstrap;

/* MELE_ENOMEM. Free with mele_i_bootstrap_free(), also after a failure. The data have to outlive it. */
mele_status mele_i_bootstrap_make(mele_i_bootstrap *bootstrap, const mele_data *data, size_t clusters,
                                  uint64_t seed, uint64_t fold, mele_error *error);
void mele_i_bootstrap_free(mele_i_bootstrap *bootstrap);

/* The counts, n x K, as they are read: weights of a mele_assignment. */
mele_rows mele_i_bootstrap_counts(mele_i_bootstrap *bootstrap);

#endif
