#ifndef MELE_MODEL_COMBINE_H
#define MELE_MODEL_COMBINE_H

#include <stddef.h>

/* How what the experts say becomes one prediction: the table of ways. A new one is a row of the
 * table in combine.c. */

/* What the experts say of one number of a row, a target in standardised units or the probability of a
 * class, and what each counts for. What an expert without weight says is not looked at. */
typedef struct mele_i_voices {
    size_t clusters, stride;        /* K; from an expert's mean, and variance, to the next one's */
    const double *weight;           /* K, the gate's */
    const double *mean, *variance;  /* variance: of targets; NULL: only the mean is wanted */
} mele_i_voices;

/* One target, blended. */
typedef struct mele_i_blend {
    double mean, within, between; /* variances within and between experts */
    double sd, sd_between;        /* finite where their squares are not */
} mele_i_blend;

typedef struct mele_i_combine {
    const char *name;
    mele_i_blend (*target)(const mele_i_voices *voices);
    double (*probability)(const mele_i_voices *voices);
    /* For each of some rows, the log density of what has log density density[k] under expert k: rows
     * numbers to out. Weights and densities are rows x K, and densities are overwritten. NaN where an
     * expert with weight does not know it. */
    void (*log_densities)(const double *log_weight, size_t rows, size_t clusters, double *density,
                          double *out);
} mele_i_combine;

/* By name; NULL: there is none. The first of the table is what models have that name none. */
const mele_i_combine *mele_i_combine_find(const char *name);
const mele_i_combine *mele_i_combine_default(void);

#endif
