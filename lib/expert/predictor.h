#ifndef MELE_EXPERT_PREDICTOR_H
#define MELE_EXPERT_PREDICTOR_H

#include "expert/kind.h"

/* What experts predict of blocks of rows. Experts of one kind and degree that stand next to one
 * another are asked together; where another expert answers, it is asked in their place. */
typedef struct mele_i_predictor {
    const mele_i_expert *expert; /* K + 1 */
    size_t clusters, columns, outputs, classes;
    size_t expanded;             /* x is expanded to this degree already; 1: it is not */
    const mele_i_expert **asked; /* K: who answers */
    bool shrunk;                  /* some expert's own share is below 1 */
} mele_i_predictor;

/* Every expert, or what answers for it, must be trained; those that are not predict nothing, their
 * results stay as they are. Free with mele_i_predictor_free(). shape: columns of x without
 * expansion. */
mele_status mele_i_predictor_make(mele_i_predictor *p, const mele_i_expert *expert,
                                  size_t clusters, mele_i_expert_shape shape, size_t expanded,
                                  mele_error *error);
void mele_i_predictor_free(mele_i_predictor *p);

/* Elementary operations a row. */
size_t mele_i_predictor_work(const mele_i_predictor *p);

/* Bytes of scratch that blocks of up to `rows` rows take. */
size_t mele_i_predictor_scratch(const mele_i_predictor *p, size_t rows);

/* What variances take: comes before the first mele_i_predictor_rows() with them. */
mele_status mele_i_predictor_prepare(const mele_i_predictor *p, mele_error *error);

/* mean and variance (NULL: not wanted): rows x K x M. */
void mele_i_predictor_rows(const mele_i_predictor *p, const double *x, size_t stride, size_t rows,
                           double *mean, double *variance, void *scratch);

/* The same of all rows of x, as a pass. */
mele_status mele_i_predictor_run(const mele_i_predictor *p, const mele_rows *x, double *mean,
                                 double *variance, mele_engine *engine, mele_error *error);

/* What is done with what is predicted of a row: K x M numbers. variance NULL: not wanted. */
typedef void mele_i_predicted_fn(void *context, size_t row, const double *mean,
                                 const double *variance);

/* Hand over what is predicted of the marked rows of x, on the calling thread, in their order. */
mele_status mele_i_predictor_marked(const mele_i_predictor *p, const mele_rows *x, const bool *marked,
                                    bool variances, mele_i_predicted_fn *put, void *context,
                                    mele_error *error);

/* own x + (1 - own) global, of means, or of probabilities in logarithms; count numbers. */
void mele_i_shrink(double own, const double *global, size_t count, bool logarithms, double *x);

#endif
