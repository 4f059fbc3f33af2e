#ifndef MELE_MODEL_PREDICT_H
#define MELE_MODEL_PREDICT_H

#include "model/model.h"

/* mele_model_predict() on features as they lie in memory. */
mele_status mele_i_model_predict(const mele_model *model, const mele_i_features *features,
                                 const double *given, mele_engine *engine,
                                 const mele_prediction *out, mele_error *error);

#endif
