#ifndef MELE_MODEL_OUTSIDE_H
#define MELE_MODEL_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>
#include <mele/status.h>

/* Experts that are not of the model's making: what they predict comes with the rows, and the model
 * knows how many they are, and of regression how far they are off. K clusters; M outputs: m
 * targets, or classes. */
typedef struct mele_i_outside {
    bool given;       /* standard deviations come with the predictions */
    double *variance; /* K x m, scaled units squared; NULL: given, or classes */
    double *least;    /* m: below which no variance counts, in these units; NULL: classes */
} mele_i_outside;

/* With room for what there is of such a shape; NULL: no memory. */
mele_i_outside *mele_i_outside_new(size_t clusters, size_t outputs, bool classes, bool given);
void mele_i_outside_free(mele_i_outside *outside);

/* The section "experts" of a model that has them: whether it is one, a new reference (NULL: no
 * memory), and read back. */
bool mele_i_outside_is_kind(const json_t *section);
json_t *mele_i_outside_save(const mele_i_outside *outside, size_t clusters, size_t outputs);
mele_status mele_i_outside_load(const json_t *section, size_t clusters, size_t outputs,
                                bool classes, mele_i_outside **out, mele_error *error);

#endif
