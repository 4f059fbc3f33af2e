#ifndef MELE_MODEL_OUTSIDE_H
#define MELE_MODEL_OUTSIDE_H

#include <mele/predictions.h>

#include "model/model.h"

/* Experts that are not of the model's making: what they predict comes with the rows, and the model knows
 * how many they are, and of regression how far they are off. */

struct mele_i_outside {
    bool given;       /* standard deviations come with the predictions */
    double *variance; /* K x m, scaled units squared; NULL: given, or classes */
    double *least;    /* m: below which no variance counts, in these units; NULL: classes */
};

/* With room for what there is of such a shape; NULL: no memory. */
mele_i_outside *mele_i_outside_new(size_t clusters, size_t outputs, size_t classes, bool given);
void mele_i_outside_free(mele_i_outside *outside);

/* ---- what they say ---- */

/* Room for what is said of one row, in the model's units; NULL: not wanted. */
typedef struct mele_i_outside_row {
    double *mean;        /* K x M: scaled means, or log-probabilities */
    double *variance;    /* K x m: of the noise, above 0; of classes nothing is written */
    double *probability; /* K x M: of classes only */
} mele_i_outside_row;

/* Whether predictions have the shape that the model's have, and (sd) the standard deviations that it is
 * used to. MELE_EINVAL. */
mele_status mele_i_outside_check(const mele_model *model, const mele_predictions *predictions, bool sd,
                                 mele_error *error);

/* Row i of predictions that fit. SIZE_MAX, or the first number that is missing or of no use: by its
 * place in the row's means, then standard deviations (those only if a variance is wanted). What is
 * written then is some finite number or other. */
size_t mele_i_outside_take(const mele_model *model, const mele_predictions *predictions, size_t i,
                           const mele_i_outside_row *out);

/* ---- the section "experts" of such a model ---- */

bool mele_i_outside_is_kind(const json_t *section);
json_t *mele_i_outside_save(const mele_model *model);

/* After the schema and the number of regions. */
mele_status mele_i_outside_load(const json_t *section, mele_model *model, mele_error *error);

#endif
