#ifndef MELE_EXPERT_REGIONS_H
#define MELE_EXPERT_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/assignment.h>

#include "engine/rows.h"

/* Which rows an expert trains on, and with what weight: an assignment as the kinds see it, the factors
 * times the rows' own weights. Region K stands for all rows with their own weights: the global
 * expert's. */
typedef struct mele_i_regions {
    size_t rows, clusters;
    const double *weights; /* the rows' own; NULL: all 1 */
    double scale;          /* a power of two, 1 for ordinary weights: weights are used times it */
    const uint32_t *label; /* of labels: n, the caller's unless rows were moved; else NULL */
    const double *share;   /* else: factors of the rows from `first` on, stride apart; NULL: there are
                              labels, or the factors are to be taken block by block */
    size_t first, stride;
    const mele_rows *source; /* factors that are taken block by block; NULL: they are in memory */
    bool divided;          /* a row's weights in all regions sum to its own, but for rounding: region K
                              is the sum of the others */
    double *most;          /* K + 1 largest weights, scaled; where they are divided: of all regions */
    double *total;         /* K + 1 sums of weights, the scale not applied */
    double *count;         /* K + 1 rows of positive weight; of shares: the sum of these */
    uint32_t *own_label;   /* memory: labels with moved rows */
    double *own_share;     /* memory: factors that were read, or with moved rows */
} mele_i_regions;

/* The assignment has been checked (assignment.h). hold: factors that a function reads are read once and
 * held, n x K of them; without, whoever wants the weights of a block's rows takes that block first.
 * MELE_EDATA: a label out of range; a factor that is negative, or no number; shares that do not sum to
 * 1; factors beside which 1 is nothing. Free with mele_i_regions_free(), also after a failure. */
mele_status mele_i_regions_make(mele_i_regions *regions, const mele_assignment *assignment,
                                const double *weights, bool hold, mele_engine *engine,
                                mele_error *error);

/* Region `from` joins region `to`: its rows are there from now on, and so is their weight. */
mele_status mele_i_regions_join(mele_i_regions *regions, size_t from, size_t to, mele_error *error);

void mele_i_regions_free(mele_i_regions *regions);

/* The regions as the rows of a block see them, of which alone *view knows the weights; it is a part of
 * them. scratch: mele_i_regions_room() numbers for the block's rows; both are good until either goes. */
mele_status mele_i_regions_take(const mele_i_regions *regions, mele_i_block block, double *scratch,
                                mele_i_regions *view, mele_error *error);

static inline size_t mele_i_regions_room(const mele_i_regions *regions, size_t count)
{
    return regions->source == NULL ? 0 : mele_i_rows_room(regions->source, count);
}

/* What is less counts as 0: reciprocals and ratios of weights have to be numbers. */
#define MELE_I_LEAST_WEIGHT 0x1p-960

/* The scaled weight of row i in region k; 0: it is not there. */
static inline double mele_i_region_weight(const mele_i_regions *regions, size_t i, size_t k)
{
    double weight = (regions->weights == NULL ? 1 : regions->weights[i]) * regions->scale;

    if (k < regions->clusters && regions->label != NULL && regions->label[i] != k)
        return 0;
    if (k < regions->clusters && regions->label == NULL)
        weight *= regions->share[(i - regions->first) * regions->stride + k];
    return weight >= MELE_I_LEAST_WEIGHT ? weight : 0;
}

/* The rows first .. first + count - 1 with a positive weight in region k: their indices, counted from
 * first, and weights, in order; returns how many. */
size_t mele_i_region_members(const mele_i_regions *regions, size_t first, size_t count, size_t k,
                             size_t *row, double *weight);

/* All rows with a positive weight in region k: indices and weights, in arrays to be freed, also after a
 * failure; that of indices has room for `room` of them at least. Reads what is not in memory. */
mele_status mele_i_region_list(const mele_i_regions *regions, size_t k, size_t room, size_t **row,
                               double **weight, size_t *count, mele_error *error);

/* The members of all K regions at once, where there are labels: those of region k are the elements
 * start[k] .. start[k + 1] - 1 of row and weight, which have room for count each. */
void mele_i_region_groups(const mele_i_regions *regions, size_t first, size_t count, size_t *start,
                          size_t *row, double *weight);

#endif
