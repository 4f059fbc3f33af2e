#ifndef MELE_MODEL_COMBINE_H
#define MELE_MODEL_COMBINE_H

#include <stdbool.h>
#include <stddef.h>

/* How what the experts say becomes one prediction: the table of ways. A new one is a row of the
 * table in combine.c. */

/* What the experts say of a row, of one of its targets in standardised units or of its classes, and what
 * each counts for. What an expert without weight says is not looked at. */
typedef struct mele_i_voices {
    size_t clusters, stride;       /* K; from an expert's mean, and variance, to the next one's */
    const double *weight;          /* K, the gate's */
    const double *mean, *variance; /* variance: of targets; NULL: only the mean is wanted. mean: of classes
                                      the first one's probability, the others follow */
    double votes;                  /* of a way that counts them: how many the weights are shares of */
    double *room;                  /* 2 K numbers */
    double within;                 /* of experts' variances, what is the blend's: 1, or less where experts
                                      err apart from one another */
    double between;                /* the same of the variance between them: 0 to 1 */
} mele_i_voices;

/* One target, blended. */
typedef struct mele_i_blend {
    double mean, within, between; /* variances within and between experts */
    double sd, sd_between;        /* finite where their squares are not */
} mele_i_blend;

typedef struct mele_i_combine {
    const char *name, *text; /* text: for people; NULL: it goes without saying */
    bool votes; /* it counts votes: weights are shares of so many, which a model says */
    mele_i_blend (*target)(const mele_i_voices *voices); /* NULL: it is for classes alone */
    void (*probabilities)(const mele_i_voices *voices, size_t classes, double *out); /* NULL: for targets
                                                                                       alone */
    /* For each of some rows, the log density of what has log density density[k] under expert k: rows
     * numbers to out. Weights and densities are rows x K, and densities are overwritten. NaN where an
     * expert with weight does not know it. NULL: densities of experts do not tell; that of a class is the
     * logarithm of its probability. */
    void (*log_densities)(const double *log_weight, size_t rows, size_t clusters, double *density,
                          double *out);
} mele_i_combine;

/* By name; NULL: there is none. The first of the table is what models have that name none. */
const mele_i_combine *mele_i_combine_find(const char *name);
const mele_i_combine *mele_i_combine_default(void);

/* The ways that serve for targets, or for classes, as text: "mean, vote", as snprintf() does. */
size_t mele_i_combine_list(bool classes, char *out, size_t size);

#endif
