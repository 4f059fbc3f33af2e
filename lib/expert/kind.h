#ifndef MELE_EXPERT_KIND_H
#define MELE_EXPERT_KIND_H

#include <stdatomic.h>
#include <stddef.h>

#include <jansson.h>
#include <mele/expert.h>
#include <mele/rows.h>

#include "core/magnitude.h"
#include "core/option.h"
#include "engine/network.h"
#include "expert/regions.h"
#include "expert/row_groups.h"

#define MELE_I_MOST_NETWORKS 1024 /* whose average one expert is */

/* Where a row of a table of options lies. */
#define MELE_I_EXPERT_MEMBER(name) MELE_I_MEMBER(mele_expert_options, name)

typedef struct mele_i_expert_kind mele_i_expert_kind;
typedef struct mele_i_joint_kind mele_i_joint_kind; /* joint.h */

/* The sizes that experts of one model share. */
typedef struct mele_i_expert_shape {
    size_t columns; /* of x as the kind sees it: with degree 2 those of the expansion (basis.h) */
    size_t outputs; /* M: targets, or classes */
    size_t classes; /* 0: regression */
} mele_i_expert_shape;

/* How every kind's state begins, with zeros: a count of those who use it. Once an expert is trained its
 * state never changes, so the experts of several fits and models can share it, and whoever gives it up
 * last frees it. Counting is atomic: a thread may join or leave the users of a state as long as it
 * knows of one other that stays meanwhile. */
typedef struct mele_i_shared {
    atomic_size_t others; /* users but one */
} mele_i_shared;

/* A trained expert; the K-th is the global expert. */
typedef struct mele_i_expert {
    const mele_i_expert_kind *kind; /* NULL: not trained (yet), or another answers */
    size_t degree;                  /* of the expansion it is trained on */
    double rows;                    /* sum of weights */
    size_t rank;
    size_t answers; /* who answers in its region: itself, K, or the region that took its rows */
    double own;     /* share of its own prediction, the rest is the global expert's: 1, or less
                       for a small region */
    double *variance; /* M residual variances, in mele_experts; NULL for classes */
    void *state;      /* the kind's own, which begins with mele_i_shared; NULL when another answers */
} mele_i_expert;

struct mele_experts {
    const char *name; /* the kind that was asked for, perhaps "auto" */
    size_t clusters, columns, outputs, classes;
    mele_i_expert *expert; /* K + 1 */
    double *variance;      /* rows of M, which the experts' point to; NULL for classes */
    double *nobody;        /* the row of experts that have none of their own; NULL: all have one */
};

/* What a kind trains on; everything is checked and settled. */
typedef struct mele_i_expert_problem {
    mele_i_expert_shape shape;
    size_t columns, degree;   /* of x before it was expanded, and to which degree it was */
    const mele_rows *x;
    const mele_rows *y; /* classes are in memory */
    const mele_i_regions *regions;
    const mele_i_row_groups *groups; /* rows that are left out together, of which there are several
                                        groups; NULL: every row by itself */
    bool one_group;                  /* all rows are of one group: they are left out by themselves,
                                        and nobody may choose by what comes of it */
    const mele_expert_options *options; /* kind, ridge and min_rows settled */
    const bool *train;                  /* K + 1: which experts */
    const mele_i_expert *start;         /* K + 1 of the same kind to start from, state NULL where there
                                           is none; NULL: from nothing */
    double *left_out;                   /* n x K x M; NULL: not wanted */
    double *left_out_variance;          /* n x K x M; NULL: not wanted */
    bool own_only;                      /* both are n x M, of the expert of each row's own region alone:
                                           there are labels and no groups, so that to the others the row
                                           is a new one */
    unsigned char *fold;                /* n x K: the folds of these predictions, from 1; 0 where there
                                           is none, as there stands at first; NULL: not wanted */
    const double *rival;                /* n x K x M: left_out of the best experts so far; NULL:
                                           there are none */
    double *global_left_out;            /* n x M: the global expert's, of rows of positive weight;
                                           NULL: not wanted. The variances, too */
    double *global_left_out_variance;
    unsigned char *global_fold;         /* n; NULL: not wanted */
    mele_expert_info *info;             /* K + 1; rows and fallback are set, the rest is to do */
} mele_i_expert_problem;

/* Where, in n x K x M numbers (NULL: not wanted), or in n x M, those of expert k and a row are. */
static inline double *mele_i_left_out_in(const mele_i_expert_problem *problem, double *numbers,
                                         size_t row, size_t k)
{
    const size_t M = problem->shape.outputs, K = problem->regions->clusters;

    if (numbers == NULL || !problem->own_only)
        return numbers == NULL ? NULL : numbers + (row * K + k) * M;
    return problem->regions->label[row] == k ? numbers + row * M : NULL;
}

/* Whether left-out predictions of expert k are wanted of some rows; and their variances. */
static inline bool mele_i_left_out_wanted(const mele_i_expert_problem *problem, size_t k)
{
    return (k == problem->regions->clusters ? problem->global_left_out : problem->left_out) != NULL;
}

static inline bool mele_i_left_out_variance_wanted(const mele_i_expert_problem *problem, size_t k)
{
    return (k == problem->regions->clusters ? problem->global_left_out_variance
                                            : problem->left_out_variance) != NULL;
}

/* Where expert k's left-out prediction of a row goes; NULL: it is not wanted. */
static inline double *mele_i_left_out_of(const mele_i_expert_problem *problem, size_t row, size_t k)
{
    const size_t M = problem->shape.outputs;

    if (k < problem->regions->clusters)
        return mele_i_left_out_in(problem, problem->left_out, row, k);
    return problem->global_left_out == NULL ? NULL : problem->global_left_out + row * M;
}

/* The same for its variance. */
static inline double *mele_i_left_out_variance_of(const mele_i_expert_problem *problem, size_t row,
                                                  size_t k)
{
    const size_t M = problem->shape.outputs;

    if (k < problem->regions->clusters)
        return mele_i_left_out_in(problem, problem->left_out_variance, row, k);
    return problem->global_left_out_variance == NULL ? NULL
                                                     : problem->global_left_out_variance + row * M;
}

/* Where the fold goes in which it was left out; NULL: it is not wanted. */
static inline unsigned char *mele_i_fold_of(const mele_i_expert_problem *problem, size_t row,
                                            size_t k)
{
    const size_t K = problem->regions->clusters;

    if (k == K)
        return problem->global_fold == NULL ? NULL : problem->global_fold + row;
    return problem->fold == NULL ? NULL : problem->fold + row * K + k;
}

/* The rows that one expert trains on, gathered: those of positive weight in its region. */
typedef struct mele_i_expert_rows {
    size_t count; /* >= 1 */
    const size_t *row;     /* their indices in the data, ascending */
    const double *x;       /* count x columns */
    const double *y;       /* count x M; classes: count indices */
    const double *weights; /* count, positive, scaled to a mean of 1 */
    size_t region;         /* K: the global expert. Part of the random stream's key */
    const double *rival;   /* count x M: left-out predictions of the best expert so far; NULL: there
                              is none */
    const double *least_variance; /* M: what a target's variance is at least, see units.h; NULL for
                                     classes */
    const size_t *group; /* count + asked: the group of a row, 0 .. groups - 1, which is left out as a
                            whole; NULL: every row is left out by itself */
    size_t groups;       /* 1: nothing can be left out, and nobody asks what would come of it */
    size_t asked;        /* rows of other regions, or of no weight, whose groups are among these; what
                            the expert says of them is left-out predictions, too */
    const double *asked_x; /* asked x columns */
} mele_i_expert_rows;

/* What train() makes beside the state: arrays are the caller's. A kind whose left-out predictions
 * take long may give up on an expert that is clearly worse than the rival: it leaves the state NULL
 * and everything else as it is, but info.left_out, which becomes an estimate above the rival's. */
typedef struct mele_i_expert_result {
    mele_i_expert *expert;     /* set state, rank and variance[]; kind, degree, rows are set */
    mele_expert_info *info;    /* set iterations, converged, error, left_out, ridge, ... */
    double *left_out;          /* (count + asked) x M; NULL: not wanted */
    double *left_out_variance; /* the same, noise included; NULL: not wanted */
    unsigned char *fold;       /* count + asked zeros: the folds of these, from 1; NULL: not wanted */
} mele_i_expert_result;

/* Experts of one kind, next to one another, as predict() takes them. */
typedef struct mele_i_expert_group {
    mele_i_expert_shape shape;
    size_t count;
    const mele_i_expert *const *expert;
    size_t stride; /* from a row of the results to the next */
} mele_i_expert_group;

/* One row of the table of kinds. Adding a kind is a file with such a row, and its name in the
 * table in kinds.c. A kind has fit() or train(). */
struct mele_i_expert_kind {
    const char *name;
    bool regression, classification;
    bool expands; /* --degree is for it */
    bool folds;   /* left-out predictions may come from folds */
    bool spreads; /* its variance depends on x */
    bool checks;  /* fit() itself refuses an x, or targets, that are not finite */
    bool convex;  /* its experts have one optimum: where they start from is but a matter of time */
    bool in_sample; /* options.in_sample is for it: it leaves rows out for its errors alone */
    double ridge; /* what MELE_RIDGE_DEFAULT stands for */
    mele_i_option_table options; /* those that are for this kind alone */

    /* What of the options is not for this kind, or not for classes (0: regression), beside words and
     * numbers that are nothing at all, which were checked: MELE_EINVAL. NULL: it takes all. */
    mele_status (*check)(const mele_expert_options *options, size_t classes, mele_error *error);

    /* How many parameters one expert would have; NULL: as many as its data bear. */
    size_t (*parameters)(const mele_i_expert_shape *shape, const mele_expert_options *options);

    /* How many of a trained expert's numbers are free; NULL: its rank for each target, or each class but one. */
    size_t (*freedom)(const mele_i_expert *expert, const mele_i_expert_shape *shape);

    /* All regions at once: train the experts that problem->train marks; each gets what train()
     * sets. left_out, where it is wanted, is filled last of all: of every row with what the experts
     * predict, then of the rows that an expert was trained on with what they are to be. */
    mele_status (*fit)(const mele_i_expert_problem *problem, mele_i_expert *experts,
                       mele_engine *engine, mele_error *error);

    /* One region, on its own: what comes out depends on the rows, the options and the start only.
     * start: an expert of this kind to start from, or NULL. On failure nothing is left behind. */
    mele_status (*train)(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                         const mele_expert_options *options, const mele_i_expert *start,
                         mele_engine *engine, mele_i_expert_result *result, mele_error *error);

    /* Of a state that nobody holds any more. */
    void (*free)(void *state);

    /* Whether two states say the same of all rows there may be, to the bit. */
    bool (*equal)(const void *state, const void *other, const mele_i_expert_shape *shape);

    /* Bytes of scratch that predicting `rows` rows takes; NULL: none. */
    size_t (*scratch)(const mele_i_expert_group *group, size_t rows);

    /* What variances take that was put off until somebody asks for them; NULL: nothing. Comes before
     * a predict() with variances; from any number of threads at once. */
    mele_status (*prepare)(const mele_i_expert *expert, mele_error *error);

    /* mean[i * stride + e * M + o] of every row and expert of the group, 64-byte aligned scratch;
     * classes: log-probabilities. variance (NULL: not wanted) has been filled with the experts' own
     * variances: only kinds whose variance depends on x write there. */
    void (*predict)(const mele_i_expert_group *group, const double *x, size_t stride, size_t rows,
                    double *mean, double *variance, void *scratch);

    /* Elementary operations that predicting a row with one such expert takes. */
    size_t (*work)(const mele_i_expert *expert, const mele_i_expert_shape *shape);

    /* M x (columns + 1) numbers in the units of x and of the targets, intercept first, for reports;
     * NULL: the kind has none. standard_errors: in the units that options.center and .scale say;
     * NaN where there are none. */
    void (*coefficients)(const mele_i_expert *expert, const mele_i_expert_shape *shape,
                         double *out);
    void (*standard_errors)(const mele_i_expert *expert, const mele_i_expert_shape *shape,
                            double *out);

    /* The squares that the ridge counts: of each target, in its units, or for classes one number.
     * NULL: the kind has no ridge. */
    void (*squares)(const mele_i_expert *expert, const mele_i_expert_shape *shape, double *out);

    /* How experts are trained together; NULL: each is trained for itself alone. */
    const mele_i_joint_kind *joint;

    /* What people want to know of an expert beside coefficients, as an object: a new reference;
     * NULL member: nothing. (mlp: hidden, activation; gp: kernel, lengths, ...; scaled units) */
    json_t *(*describe)(const mele_i_expert *expert, const mele_i_expert_shape *shape);

    /* The kind's own keys, to and from an expert's JSON object; `keys` lists them, "," first. load()
     * sets the state; sizes are checked before memory is taken for them. */
    const char *keys;
    bool (*save)(const mele_i_expert *expert, const mele_i_expert_shape *shape, json_t *object);
    mele_status (*load)(const json_t *object, const mele_i_expert_shape *shape,
                        mele_i_expert *expert, mele_error *error);
};

/* Whether all numbers are the same; NaN is NaN. */
static inline bool mele_i_same_numbers(const double *a, const double *b, size_t count)
{
    bool same = true;

    for (size_t i = 0; i < count && same; i++)
        same = a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]);
    return same;
}

/* Where columns of x (before they were expanded), and targets, were measured. */
static inline mele_i_origin mele_i_origin_of_x(const mele_expert_options *options)
{
    return (mele_i_origin){options->center, options->scale};
}

static inline mele_i_origin mele_i_origin_of_y(const mele_expert_options *options)
{
    return (mele_i_origin){options->target_center, options->target_scale};
}

/* Of a column of x as the kind sees it: products are made in their own units. */
static inline mele_i_origin mele_i_origin_of_term(const mele_i_expert_problem *problem, size_t j)
{
    const mele_i_origin here = {NULL, NULL};

    return j < problem->columns ? mele_i_origin_of_x(problem->options) : here;
}

extern const mele_i_expert_kind mele_i_expert_linear;
extern const mele_i_expert_kind mele_i_expert_logistic;
extern const mele_i_expert_kind mele_i_expert_mlp;
extern const mele_i_expert_kind mele_i_expert_gp;

#endif
