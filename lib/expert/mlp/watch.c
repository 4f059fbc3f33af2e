/* What trainers share: early stopping. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/mlp/trainers.h"

mele_status mele_i_watch_make(mele_i_watch *watch, const mele_i_training *training,
                              mele_error *error)
{
    *watch = (mele_i_watch){.training = training, .least = INFINITY};
    if (training->validation == NULL)
        return MELE_OK;
    watch->best = MELE_I_ARRAY(double, mele_i_network_weights(training->network));
    return watch->best == NULL ? mele_i_no_memory(error) : MELE_OK;
}

void mele_i_watch_free(mele_i_watch *watch)
{
    free(watch->best);
}

mele_status mele_i_watch_look(mele_i_watch *watch, const double *weights, size_t patience,
                              bool *stop, mele_error *error)
{
    const mele_i_training *t = watch->training;
    double loss;
    mele_status status = mele_i_progress(t->engine, "network", watch->looks, 0, NAN, error);

    *stop = false;
    if (t->validation == NULL || status != MELE_OK) {
        watch->looks++;
        return status;
    }
    status = mele_i_network_objective(t->network, t->validation, 0, weights, t->engine,
                                      &(mele_i_network_result){&loss, NULL}, error);
    if (status != MELE_OK)
        return status;
    if (loss < watch->least || watch->looks == 0) {
        watch->least = loss;
        watch->found = watch->looks;
        memcpy(watch->best, weights, mele_i_network_weights(t->network) * sizeof *weights);
    }
    *stop = watch->looks++ - watch->found >= patience;
    return MELE_OK;
}

mele_status mele_i_watch_result(const mele_i_watch *watch, const double *weights,
                                mele_i_training *training, mele_error *error)
{
    const double *result = training->validation == NULL ? weights : watch->best;
    mele_status status = mele_i_network_objective(training->network, training->rows,
                                                  training->decay, result, training->engine,
                                                  &(mele_i_network_result){&training->value, NULL},
                                                  error);

    if (status == MELE_OK) {
        training->loss = training->validation == NULL ? NAN : watch->least;
        memmove(training->weights, result,
                mele_i_network_weights(training->network) * sizeof *result);
    }
    return status;
}
