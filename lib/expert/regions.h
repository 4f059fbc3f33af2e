#ifndef MELE_EXPERT_REGIONS_H
#define MELE_EXPERT_REGIONS_H

#include <stdint.h>

#include <mele/engine.h>

/* Which rows an expert trains on, and with what weight: the one place where log posteriors
 * become regions.
 *   hard: row i belongs to the region of its largest posterior, ties to the lowest index;
 *   soft: to every region with its posterior (made to sum to 1) as a factor of its weight.
 * Region K stands for all rows: the global expert's. */
typedef struct mele_i_regions {
    size_t rows, clusters;
    const double *weights; /* the caller's; NULL: all 1 */
    double scale;          /* a power of two, 1 for ordinary weights: weights are used times it */
    double most;           /* the largest weight, scaled */
    uint32_t *label;       /* hard: n; soft: NULL */
    double *share;         /* soft: n x K; hard: NULL */
    double *total;         /* K + 1 sums of weights, the scale not applied */
    double *count;         /* K + 1 rows of positive weight, soft: the sum of their posteriors */
} mele_i_regions;

/* MELE_EDATA: a log posterior that is NaN or +infinity. Free with mele_i_regions_free(), also
 * after a failure. */
mele_status mele_i_regions_make(mele_i_regions *regions, size_t rows, const double *weights,
                                const double *log_posteriors, size_t clusters, bool soft,
                                mele_engine *engine, mele_error *error);

void mele_i_regions_free(mele_i_regions *regions);

/* What is less counts as 0: reciprocals and ratios of weights have to be numbers. */
#define MELE_I_LEAST_WEIGHT 0x1p-960

/* The scaled weight of row i in region k; 0: it is not there. */
static inline double mele_i_region_weight(const mele_i_regions *regions, size_t i, size_t k)
{
    double weight = regions->weights == NULL ? 1 : regions->weights[i] * regions->scale;

    if (k < regions->clusters && regions->label != NULL && regions->label[i] != k)
        return 0;
    if (k < regions->clusters && regions->label == NULL)
        weight *= regions->share[i * regions->clusters + k];
    return weight >= MELE_I_LEAST_WEIGHT ? weight : 0;
}

/* The rows first .. first + count - 1 with a positive weight in region k: their indices, counted from
 * first, and weights, in order; returns how many. */
size_t mele_i_region_members(const mele_i_regions *regions, size_t first, size_t count, size_t k,
                             size_t *row, double *weight);

/* The same of all K regions at once, where they are hard: those of region k are the elements
 * start[k] .. start[k + 1] - 1 of row and weight, which have room for count each. */
void mele_i_region_groups(const mele_i_regions *regions, size_t first, size_t count, size_t *start,
                          size_t *row, double *weight);

#endif
