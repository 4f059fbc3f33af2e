#ifndef MELE_EXPERT_JOINT_H
#define MELE_EXPERT_JOINT_H

#include "core/stream.h"
#include "expert/kind.h"

/* Experts that are trained together: functions of parameters, which whoever has an objective over
 * all of them moves (by all rows, or by some at a time), and which become experts in the end.
 * Those of one kind that train on the same rows see these in the same units, so that a row is
 * brought into them once. */

/* The rows that they are to be trained on, in memory; what is pointed to outlives what is made of
 * it. */
typedef struct mele_i_joint_rows {
    mele_i_expert_shape shape; /* columns: of x as the kind sees it, expanded to the degree */
    size_t terms;              /* of these that are x itself, before it was expanded */
    size_t count;              /* >= 1 */
    const double *x;           /* count x columns, without gaps */
    const double *y;           /* count x M; classes: count indices */
    const double *weights;     /* count, positive */
    const bool *constant;      /* M: targets, but for rounding; NULL: classes. mele_i_joint_make() finds them */
} mele_i_joint_rows;

/* A member of the table of kinds: what an expert of the kind is as a function of its P parameters.
 * form is what make() made; it does not change, and serves any number of threads. */
struct mele_i_joint_kind {
    /* The units of the rows, and the sizes; options have the kind's own settled. */
    mele_status (*make)(const mele_i_joint_rows *rows, const mele_expert_options *options,
                        void **form, mele_error *error);
    void (*free)(void *form);

    size_t (*parameters)(const void *form); /* P */
    size_t (*freedom)(const void *form);    /* how many are free: not those of what is constant,
                                               and logits but for one */

    /* x of some rows in these units, as forward() takes it: as many columns, without gaps. z may
     * be x. */
    void (*see)(const void *form, const double *x, size_t rows, double *z);

    /* Small random parameters, which look at no row but for what is constant: nothing can be
     * learnt of that, and targets that are constant are known. Or those of a trained expert of this kind, 0 where these would not be finite
     * (false: it has other sizes). */
    void (*draw)(const void *form, mele_i_stream *stream, double *parameters);
    bool (*take)(const void *form, const mele_i_expert *expert, double *parameters);

    /* Multiply-adds of forward(), a row and expert; numbers of working memory for so many experts,
     * 64-byte aligned. */
    size_t (*work)(const void *form);
    size_t (*scratch)(const void *form, size_t count);

    /* What `count` experts (count x P parameters) say of 1 to MELE_I_PANEL_ROWS rows, to out (rows
     * x count x M): means in the units of y, or logits of classes. What backward() wants of it
     * stays in scratch. */
    void (*forward)(const void *form, const double *parameters, size_t count, const double *z,
                    size_t rows, double *scratch, double *out);

    /* Add sum residual d out / d parameter to gradient (count x P), of the rows and the scratch of
     * the last forward(); residual: rows x count x M. */
    void (*backward)(const void *form, const double *parameters, size_t count, size_t rows,
                     const double *residual, double *scratch, double *gradient);

    /* The squares that the ridge counts of one expert, as the kind's squares() has them: M
     * numbers, or of classes one; and add sum_t factor_t d squares_t / d parameter to gradient. */
    void (*squares)(const void *form, const double *parameters, double *out);
    void (*add_squares)(const void *form, const double *parameters, const double *factor,
                        double *gradient);

    /* The expert that these parameters are: sets state and rank. MELE_ENOMEM. */
    mele_status (*finish)(const void *form, const double *parameters, mele_i_expert *expert,
                          mele_error *error);
};

/* Experts under joint training. */
typedef struct mele_i_joint {
    const mele_i_expert_kind *kind;
    const mele_i_joint_kind *how;
    mele_i_joint_rows rows;
    const mele_expert_options *options;
    size_t parameters; /* of an expert */
    void *form;
    bool *constant; /* of rows */
    double *z; /* rows.count x columns: what they see of the rows */
} mele_i_joint;

/* Options of experts that are to be trained together, for these targets and x of so many columns,
 * with every default settled. MELE_EINVAL: an option; kinds that are not trained together, and
 * what such training does not know, by name. */
mele_status mele_i_joint_settle(const mele_expert_options *options, const mele_targets *targets,
                                size_t columns, mele_expert_options *settled, mele_error *error);

/* Experts of settled options on rows that are expanded to their degree; both outlive it.
 * mele_i_joint_clear(), also after a failure. */
mele_status mele_i_joint_make(const mele_i_joint_rows *rows, const mele_expert_options *options,
                              mele_engine *engine, mele_i_joint *out, mele_error *error);
void mele_i_joint_clear(mele_i_joint *joint);

/* The parameters (clusters x P) of trained experts to start from: those of who answers in a
 * region. False: some are of another kind or size, or are shrunk towards the global expert. */
bool mele_i_joint_start(const mele_i_joint *joint, const mele_experts *experts, double *parameters);

/* The experts that clusters x P parameters are: each an own one, with these sums of weights
 * (clusters) and variances (clusters x M; classes: not looked at). Freed with mele_experts_free().
 * MELE_ENOMEM. */
mele_status mele_i_joint_experts(const mele_i_joint *joint, size_t clusters,
                                 const double *parameters, const double *weight,
                                 const double *variance, mele_experts **out, mele_error *error);

#endif
