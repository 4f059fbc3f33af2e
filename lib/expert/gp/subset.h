#ifndef MELE_EXPERT_GP_SUBSET_H
#define MELE_EXPERT_GP_SUBSET_H

#include "core/stream.h"
#include "expert/kind.h"

/* The rows that a process stands on: distinct ones. */
typedef struct mele_i_gp_subset {
    size_t count;
    size_t *row;     /* count indices in the expert's rows, ascending: of the same ones the first */
    double *weights; /* count; the ordinary row's is 1 */
    size_t *place;   /* of every row of the expert's: which of the subset it is, or OUTSIDE */
} mele_i_gp_subset;

#define MELE_I_GP_OUTSIDE SIZE_MAX

/* Take at most `most` of the rows; the stream draws which. Free it, also after a failure. */
mele_status mele_i_gp_subset_make(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                           size_t most, mele_i_stream *stream, mele_i_gp_subset *subset,
                           mele_error *error);
void mele_i_gp_subset_free(mele_i_gp_subset *subset);

#endif
