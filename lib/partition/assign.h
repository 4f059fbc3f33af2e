#ifndef MELE_PARTITION_ASSIGN_H
#define MELE_PARTITION_ASSIGN_H

#include "partition/filter.h"

/* Labels of rows for centres that stay: those of kernels->nearest(), found faster. One may serve
 * several threads at once. */
typedef struct mele_i_assigner {
    mele_i_filter filter;
    double *origin;
} mele_i_assigner;

/* For K x columns centres, which are kept by the caller. Freed with mele_i_assigner_clear()
 * whatever is returned. */
mele_status mele_i_assigner_make(mele_i_assigner *assigner, const double *centres, size_t clusters,
                                 size_t columns, mele_error *error);
void mele_i_assigner_clear(mele_i_assigner *assigner);

/* Bytes that one thread works in for at most so many rows; a multiple of 8. */
size_t mele_i_assigner_bytes(const mele_i_assigner *assigner, size_t rows);

/* label[i]: the nearest centre of row i; distance[i] (NULL: not wanted): its squared distance. */
void mele_i_assign(const mele_i_assigner *assigner, const double *x, size_t stride, size_t rows,
                   uint32_t *label, double *distance, void *scratch);

#endif
