#ifndef MELE_MODEL_SAID_H
#define MELE_MODEL_SAID_H

#include <mele/predictions.h>

#include "model/model.h"

/* What outside experts say of rows, as the model takes it. */

/* Room for what is said of one row, in the model's units; NULL: not wanted. */
typedef struct mele_i_said_row {
    double *mean;        /* K x M: scaled means, or log-probabilities */
    double *variance;    /* K x m: of the noise, above 0; of classes nothing is written */
    double *probability; /* K x M: of classes only */
} mele_i_said_row;

/* Whether predictions have the shape that the model's have, and (sd) the standard deviations that
 * it is used to. MELE_EINVAL. */
mele_status mele_i_said_check(const mele_model *model, const mele_predictions *predictions, bool sd,
                              mele_error *error);

/* Row i of predictions that fit. SIZE_MAX, or the first number that is missing or of no use: by its
 * place in the row's means, then standard deviations (those only if a variance is wanted). What is
 * written then is some finite number or other. */
size_t mele_i_said_take(const mele_model *model, const mele_predictions *predictions, size_t i,
                        const mele_i_said_row *out);

#endif
