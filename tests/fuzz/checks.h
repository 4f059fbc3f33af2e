#ifndef TESTS_FUZZ_CHECKS_H
#define TESTS_FUZZ_CHECKS_H

/* What holds of every model, whether it was fitted or read. */

#include "fuzz/fuzz.h"

#define FUZZ_ROWS 24 /* that a model read predicts */

/* The model as text; freed with free(). */
char *fuzz_model_text(const mele_model *model);

/* A model read from text, which must be one. */
mele_model *fuzz_model_of(const char *text);

/* The predictions of a file with everything that the model can give, as CSV. MELE_EDATA is the
 * caller's to judge; the same bytes, or the same error, for any number of threads. */
mele_status fuzz_predict(const mele_model *model, const char *path, fuzz_text *out,
                         mele_error *error);

/* Such predictions: every number is finite, or the row has a reason; standard deviations are not
 * negative; gate weights, probabilities and posteriors of a row sum to 1. */
void fuzz_check_predictions(const fuzz_text *predictions);

#endif
