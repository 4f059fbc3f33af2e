#include "expert/mlp/trainers.h"

#include <string.h>

static const mele_i_trainer *const trainers[] = {&mele_i_trainer_lm, &mele_i_trainer_bfgs,
                                                 &mele_i_trainer_adam};

#define TRAINERS (sizeof trainers / sizeof *trainers)

const mele_i_trainer *mele_i_trainer_at(size_t i)
{
    return i < TRAINERS ? trainers[i] : NULL;
}

const mele_i_trainer *mele_i_trainer_named(const char *name)
{
    for (size_t i = 0; i < TRAINERS; i++)
        if (strcmp(trainers[i]->name, name) == 0)
            return trainers[i];
    return NULL;
}
