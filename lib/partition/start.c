/* Where a fit starts. */
#include "partition/start.h"

#include <string.h>

#include "core/stream.h"
#include "partition/plane.h"
#include "partition/plus_plus.h"

/* Different rows, each set of rows of positive weight with the same probability: going through
 * them, a row is taken with the share of those still wanted among those still to come (Knuth, The
 * Art of Computer Programming 2, 3.4.2, algorithm S). */
static mele_status random_rows(const mele_i_attempt *attempt, mele_i_stream *stream,
                               double *centres, size_t *found, mele_error *error)
{
    const mele_i_sample *sample = attempt->sample;
    const mele_rows *x = &sample->rows;
    size_t left = 0, wanted = attempt->options->clusters, taken = 0;
    mele_status status = MELE_OK;

    for (size_t i = 0; i < x->rows; i++)
        left += mele_i_weight(sample, i) > 0;
    if (wanted > left)
        wanted = left;
    for (size_t i = 0; taken < wanted && status == MELE_OK; i++) {
        if (!(mele_i_weight(sample, i) > 0))
            continue;
        if (mele_i_stream_below(stream, left--) < wanted - taken)
            status = mele_i_rows_copy(x, i, centres + taken++ * x->cols, error);
    }
    if (status == MELE_OK)
        *found = taken;
    return status;
}

static void copy_given(const mele_matrix *given, double *centres)
{
    for (size_t k = 0; k < given->rows; k++)
        memcpy(centres + k * given->cols, given->data + k * given->stride,
               given->cols * sizeof(double));
}

mele_status mele_i_start(const mele_i_attempt *attempt, double *centres, size_t *found,
                         mele_error *error)
{
    const mele_partition_options *options = attempt->options;
    const char *way = options->init == NULL ? "kmeans++" : options->init;
    mele_i_stream stream =
        mele_i_stream_make(options->seed, MELE_I_FOR_PARTITION, options->fold, attempt->restart);

    if (options->centres != NULL) {
        copy_given(options->centres, centres);
        *found = options->centres->rows;
        return MELE_OK;
    }
    if (strcmp(way, "random") == 0)
        return random_rows(attempt, &stream, centres, found, error);
    if (strcmp(way, MELE_I_PLANE) == 0)
        return mele_i_plane(attempt, centres, found, error);
    return mele_i_plus_plus(attempt, &stream, centres, found, error);
}
