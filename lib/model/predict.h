#ifndef MELE_MODEL_PREDICT_H
#define MELE_MODEL_PREDICT_H

#include "model/model.h"

/* A scaled value beyond this has a square that is not a double: the row has no prediction. */
#define MELE_I_FARTHEST 1e150

/* How many experts a model with stage 2 lacks, and their numbers (at most 8) as text. */
#define MELE_I_MISSING_ROOM 256
size_t mele_i_model_missing(const mele_model *model, char *out, size_t size);

/* Whether a model with stage 2 has all experts: MELE_EINVAL names those that it lacks. */
mele_status mele_i_model_need_experts(const mele_model *model, mele_error *error);

/* mele_model_predict() on features as they lie in memory. */
mele_status mele_i_model_predict(const mele_model *model, const mele_i_features *features,
                                 const double *given, mele_engine *engine,
                                 const mele_prediction *out, mele_error *error);

#endif
