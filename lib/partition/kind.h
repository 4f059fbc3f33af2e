#ifndef MELE_PARTITION_KIND_H
#define MELE_PARTITION_KIND_H

#include <jansson.h>
#include <mele/partition.h>

#include "engine/rows.h"

/* What the kinds of stage 1 share. A new kind is one file and one row of the table in
 * kinds.c. */

typedef struct mele_i_partition_kind mele_i_partition_kind;
typedef struct mele_i_covariance mele_i_covariance;
typedef struct mele_i_filter mele_i_filter;

struct mele_partition {
    const mele_i_partition_kind *kind;
    const mele_i_covariance *covariance; /* NULL: one variance for all, which is the shape */
    size_t clusters, columns;
    double *centres;    /* K x d */
    double *shape;      /* the kind's other numbers */
    size_t shape_count; /* how many there is room for */
    size_t *sizes;      /* of the regions, in rows of the fit; NULL: not known */
};

/* The rows to split, and what every kind wants to know of them. */
typedef struct mele_i_sample {
    mele_rows rows;
    const double *weights; /* NULL: all 1 */
    double total;          /* sum of the weights */
    const double *mean;    /* of the columns; weighted */
    const double *low, *high; /* the extremes of the columns, over rows of any weight */
    double variance;       /* mean over the columns */
    double size;           /* the variance, or what stands for it when it is 0; > 0 */
    double *room;          /* of mean, low and high */
} mele_i_sample;

/* Fill all but rows and weights, which are given. MELE_EDATA: a number that is not finite, or rows
 * too far apart for sums of squares. mele_i_sample_clear() frees what it holds. */
mele_status mele_i_sample_describe(mele_i_sample *sample, mele_engine *engine, mele_error *error);
void mele_i_sample_clear(mele_i_sample *sample);

/* The failure for rows whose squared distances cannot be summed. */
mele_status mele_i_too_far(mele_error *error);

/* The least variance of a region: a share of the sample's size; > 0. */
double mele_i_variance_floor(const mele_i_sample *sample, double share);

/* One of a fit's restarts. */
typedef struct mele_i_attempt {
    const mele_i_sample *sample;
    const mele_partition_options *options;
    size_t restart, restarts;
    mele_engine *engine;
} mele_i_attempt;

/* The tolerance by default, which is also that of the k-means before EM whatever EM's is. */
#define MELE_I_USUAL_TOLERANCE 1e-4

struct mele_i_partition_kind {
    const char *name;
    const char *keys;      /* those of its section in a model */
    const char *start;     /* the way to start where the options name none */
    const char *why_fewer; /* why there may be fewer clusters than were asked for */
    const char *spread;    /* what stands for the kind of covariance, unless it is a mixture */
    bool no_density;       /* log_joint tells of memberships only: there is no likelihood */
    bool larger_is_better; /* of the objective */
    bool mixture; /* Gaussian, with a kind of covariance: its shape is that of mixture.h */
    size_t (*shape_count)(size_t clusters, size_t columns); /* unless it is a mixture */

    /* Fill a partition that has room for options->clusters, and lower its clusters when there
     * are fewer. */
    mele_status (*fit)(const mele_i_attempt *attempt, mele_partition *trial,
                       mele_partition_info *info, mele_error *error);

    /* log of prior times density, rows x K to out: finite or -infinity. */
    void (*log_joint)(const mele_partition *partition, const double *x, size_t stride, size_t rows,
                      double *out);

    /* Whether a row that this filter of the centres is clear about has the largest posterior, as it
     * rounds, at its nearest centre, alone; NULL: never. */
    bool (*nearest_is_largest)(const mele_partition *partition, const mele_i_filter *filter);

    /* The same as log_joint without the prior; NULL: priors are equal. */
    void (*log_densities)(const mele_partition *partition, const double *x, size_t stride,
                          size_t rows, double *out);

    /* The shape of the partition whose k-th cluster is the order[k]-th; work: room for the
     * shape. */
    void (*reorder)(mele_partition *partition, const size_t *order, double *work);

    /* The shape of the marginal in the first to->columns columns. */
    void (*marginal)(const mele_partition *from, mele_partition *to);

    /* The shape from arrays that have passed the checks of all kinds; NULL: a mixture's. */
    mele_status (*take)(const mele_partition_arrays *arrays, mele_partition *p, mele_error *error);

    /* Put what the shape is made of into the section, and read it back. check_sizes(): before there
     * is memory for it, whether the arrays have its sizes; NULL: there are none. */
    bool (*save)(const mele_partition *partition, json_t *section);
    mele_status (*check_sizes)(const json_t *section, const mele_i_covariance *covariance,
                               size_t clusters, size_t columns, mele_error *error);
    mele_status (*load)(const json_t *section, mele_partition *partition, mele_error *error);
};

extern const mele_i_partition_kind mele_i_partition_kmeans, mele_i_partition_gmm,
    mele_i_partition_fcm, mele_i_partition_som, mele_i_partition_random;

#define MELE_I_FEW_DISTINCT "there are not enough distinct rows"

/* A partition with room for what its kind keeps; NULL when memory ran out. covariance: the name of
 * a mixture's kind of covariance; ignored for other kinds. */
mele_partition *mele_i_partition_room(const mele_i_partition_kind *kind, const char *covariance,
                                      size_t clusters, size_t columns);

/* A squared shift of K centres that may be rounding, also of means about a centre that lay far from
 * the rows. */
double mele_i_least_shift(const mele_i_sample *sample, size_t clusters);

/* Tell of an iteration (counted over all restarts) and its objective; NaN while a kind is still
 * finding its start. */
mele_status mele_i_partition_progress(const mele_i_attempt *attempt, size_t iteration,
                                      double objective, mele_error *error);

static inline double mele_i_weight(const mele_i_sample *sample, size_t row)
{
    return sample->weights == NULL ? 1 : sample->weights[row];
}

/* Rows of a block in which every row costs so many operations. */
size_t mele_i_partition_block(size_t row_work);

#endif
