#ifndef MELE_ENGINE_ADAM_H
#define MELE_ENGINE_ADAM_H

#include <stddef.h>

#include <mele/status.h>

/* Adam: steps along gradients of mini-batches, divided by the root of their mean squares (adam.c).
 * Who has an objective puts a batch's gradient where it belongs and takes a step. */
typedef struct mele_i_descent {
    size_t count, padded;
    size_t steps, step; /* of the whole schedule; taken */
    double rate;        /* the size of the first */
    double *x, *gradient, *decay, *mean,
        *square; /* padded numbers each, in one memory, which is x */
} mele_i_descent;

/* All numbers are 0. mele_i_descent_clear(), also after a failure. */
mele_status mele_i_descent_make(size_t count, double rate, mele_i_descent *out, mele_error *error);
void mele_i_descent_clear(mele_i_descent *descent);

/* The step from the gradient of this batch, scale * gradient + decay * x. */
void mele_i_descent_step(mele_i_descent *descent, double scale);

/* As many epochs of so many steps each as are asked for; 0: its own number. */
size_t mele_i_descent_epochs(size_t steps, size_t asked);

#endif
