#ifndef MELE_EXPERT_EXPERT_H
#define MELE_EXPERT_EXPERT_H

#include <stdbool.h>

#include <jansson.h>
#include <mele/expert.h>
#include <mele/left_out.h>

/* The section "experts" of a model: a new reference, NULL when memory ran out. */
json_t *mele_i_experts_save(const mele_experts *experts);
mele_status mele_i_experts_load(const json_t *section, mele_experts **out, mele_error *error);

/* Whether there is a global expert, or one region, whose expert it is; and experts of one region that
 * are it: *out is freed with mele_experts_free(). MELE_EDATA: there is none; MELE_ENOMEM. */
bool mele_i_experts_have_global(const mele_experts *experts);
mele_status mele_i_experts_global(const mele_experts *experts, mele_experts **out, mele_error *error);

/* Whether there is a global expert that no region needs. Only kinds have one that train it when somebody
 * does. */
bool mele_i_experts_have_spare(const mele_experts *experts);

/* The same experts without a global one that no region needs: *out is freed with mele_experts_free(). MELE_ENOMEM. */
mele_status mele_i_experts_without_spare(const mele_experts *experts, mele_experts **out,
                                         mele_error *error);

/* Whether both hold the same experts, to the bit, but for a global one that one of them lacks and no
 * region needs. O(their size); those that both share are not looked at. */
bool mele_i_experts_equal(const mele_experts *a, const mele_experts *b);

/* Whether experts of these options take so many columns and targets, or classes: MELE_EINVAL when
 * they do not. The fit asks, too; this is for who would do other work first. */
mele_status mele_i_experts_check_columns(size_t columns, size_t outputs,
                                         const mele_expert_options *options, mele_error *error);

/* How many numbers of the experts are free: coefficients, weights, or what a covariance is made of, but no
 * variances of noise. An expert counts once, wherever it answers. */
size_t mele_i_experts_freedom(const mele_experts *experts);

/* How many an expert of these options, whose kind is settled, would have, all networks that it averages
 * together; 0: as many as its data bear. */
size_t mele_i_expert_parameters(size_t columns, size_t outputs, size_t classes,
                                const mele_expert_options *options);

/* What reports tell of expert k, or of the global expert when k is K. Where another answers, kind,
 * rank and degree are those of the one that does. */
typedef struct mele_i_expert_facts {
    const char *kind; /* NULL: it is not there */
    double rows;
    size_t rank, degree;
    size_t answers; /* k: itself; K: the global expert */
    double own;     /* its share beside the global expert's */
} mele_i_expert_facts;

mele_i_expert_facts mele_i_experts_facts(const mele_experts *experts, size_t k);

/* The M x (terms + 1) coefficients of who answers in region k (intercept first, in scaled units,
 * terms as basis.h has them), and their standard errors (in the units of x that the fit was told of,
 * of scaled targets). False: there are none. */
bool mele_i_experts_coefficients(const mele_experts *experts, size_t k, double *out);
bool mele_i_experts_standard_errors(const mele_experts *experts, size_t k, double *out);

/* What the kind has to say beside, an object: a new reference, NULL when memory ran out. */
json_t *mele_i_experts_describe(const mele_experts *experts, size_t k);

/* As mele_experts_predict(), on the calling thread, of experts that are all there, but only what is
 * wanted: wanted[i * K + k] tells whether expert k is to say something of row i. What is has the bits
 * that predicting everything gives; what is not wanted is some number or other. */
mele_status mele_i_experts_predict_wanted(const mele_experts *experts, const mele_matrix *x,
                                          const bool *wanted, double *mean, double *variance,
                                          mele_error *error);

/* Whether experts, which are all there, take so long that this may take less. */
bool mele_i_experts_are_work(const mele_experts *experts);

/* ---- what EM does with experts (exchange.c) ---- */

/* A copy with an expert of its own in every region, where another answers the same one, and with
 * variances of its own: *out is freed with mele_experts_free(), untouched on error. */
mele_status mele_i_experts_separate(const mele_experts *experts, mele_experts **out,
                                    mele_error *error);

/* Put what `from`, of the same shape, has in the places of the experts that `which` (K) marks, and of the
 * global one, into theirs. Both are of mele_i_experts_separate(), or of a fit in which no region that is
 * not marked has another's expert. */
void mele_i_experts_put(mele_experts *experts, const mele_experts *from, const bool *which);

/* The k-th becomes the order[k]-th; the global expert stays. MELE_ENOMEM: nothing is changed. */
mele_status mele_i_experts_reorder(mele_experts *experts, const size_t *order, mele_error *error);

/* Experts that come from several, which have one shape: expert k is that of number which[k] of from[k], the global
 * one that of from[0]. All are of mele_i_experts_separate(), or of fits in which no region has another's expert:
 * *out is freed with mele_experts_free(), untouched on error. */
mele_status mele_i_experts_gather(const mele_experts *const *from, const size_t *which, size_t clusters,
                                  mele_experts **out, mele_error *error);

/* The squares that the ridge counts of expert k: M numbers, in the units of the targets, or for classes
 * one; twice a penalty is L times that (regression: of a unit of variance). 0 of kinds without. */
void mele_i_experts_squares(const mele_experts *experts, size_t k, double *out);

/* The K x M variances, at least so much each, to out; and from there, of experts that have their own. */
void mele_i_experts_variances(const mele_experts *experts, double least, double *out);
void mele_i_experts_set_variances(mele_experts *experts, const double *variance);

/* ---- what ensembles do with experts ---- */

/* The only experts of some fits become those of one object, one after the other, with the global expert of the
 * first: *out is freed with mele_experts_free(). parts: count >= 1 of one region each, of one shape and
 * kind. MELE_ENOMEM. */
mele_status mele_i_experts_join(const mele_experts *const *parts, size_t count, mele_experts **out,
                                mele_error *error);

/* Whether expert k is its own, with residual variances that are the same in all rows (regression): what
 * mele_i_experts_set_variances() is to change. */
bool mele_i_experts_have_variance(const mele_experts *experts, size_t k);

/* ---- left-out predictions ---- */

/* Left-out predictions that are made of the rows when they are asked for: held are only those of the
 * expert of each row's own region, n x M numbers, and of the global expert where regions need it. To the
 * other experts a row is a new one. */
typedef struct mele_i_left_out_own mele_i_left_out_own;

/* Whether experts of these options, trained on labels, have such: all are trained, of a kind that is
 * known, and rows are left out by themselves. */
bool mele_i_left_out_own_serves(const mele_expert_options *options);

/* mele_experts_fit() with them. data->x, the targets and data->weights have to outlive *left_out, which
 * is freed by mele_i_left_out_own_free(). */
mele_status mele_i_experts_fit_own(const mele_expert_data *data, const mele_expert_options *options,
                                   mele_engine *engine, mele_experts **out,
                                   mele_i_left_out_own **left_out, mele_expert_info *info,
                                   mele_error *error);
void mele_i_left_out_own_free(mele_i_left_out_own *left_out);

/* Those of rows that no expert has seen: what they predict. *x and what targets point to have to
 * outlive *out. */
mele_status mele_i_left_out_own_unseen(const mele_experts *experts, const mele_rows *x,
                                       const mele_targets *targets, mele_i_left_out_own **out,
                                       mele_error *error);

/* Those of some of its rows, x->rows of them: *x and *targets are these rows', row[i] is which of all
 * the i-th is. All of that, and what it is a part of, have to outlive *out. */
mele_status mele_i_left_out_own_part(const mele_i_left_out_own *of, const mele_rows *x,
                                     const mele_targets *targets, const size_t *row,
                                     mele_i_left_out_own **out, mele_error *error);

/* All of them as an object of its own, which tells of no rows and no experts. MELE_ENOMEM. */
mele_status mele_i_left_out_own_hold(const mele_i_left_out_own *left_out, mele_engine *engine,
                                     mele_left_out **out, mele_error *error);

/* As rows that are read: what mele_left_out_mean() would hold; the log likelihoods of the targets,
 * n x K; and both in one row, the means before, for less work than one after the other. */
mele_rows mele_i_left_out_own_mean(mele_i_left_out_own *left_out);
mele_rows mele_i_left_out_own_likelihoods(mele_i_left_out_own *left_out);
mele_rows mele_i_left_out_own_both(mele_i_left_out_own *left_out);

/* Those of rows that the experts have not seen: what they predict. They tell of no rows and no experts.
 * MELE_ENOMEM; failures of mele_experts_predict(). */
mele_status mele_i_left_out_predict(const mele_experts *experts, const mele_rows *x,
                                    mele_engine *engine, mele_left_out **out, mele_error *error);

/* Those of some rows, row[0] .. row[count - 1], copied to an object of their own, which tells of no rows
 * and no experts. MELE_ENOMEM. */
mele_status mele_i_left_out_part(const mele_left_out *of, const size_t *row, size_t count,
                                 mele_left_out **out, mele_error *error);

/* MELE_EDATA: some of them are not known. O(n K M). */
mele_status mele_i_left_out_check_complete(const mele_left_out *left_out, mele_error *error);

/* The global expert's, of the same rows, as if there were one region; NULL: they are not there. They are
 * there where options.global asked for them, or rows were predicted that it has not seen. */
const mele_left_out *mele_i_left_out_global(const mele_left_out *left_out);

/* A new object of those that are made as they are asked for, to be let go of; NULL: they are not there.
 * MELE_ENOMEM. */
mele_status mele_i_left_out_own_global(const mele_i_left_out_own *left_out, mele_left_out **out,
                                       mele_error *error);

/* How messages call them. */
const char *mele_i_left_out_name(const mele_left_out *left_out);

#endif
