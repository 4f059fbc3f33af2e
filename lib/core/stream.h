#ifndef MELE_CORE_STREAM_H
#define MELE_CORE_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Random numbers belong to the call. A stream is derived from the user's seed and from what it
 * is for (stage, fold, restart), so that no stream depends on how many numbers another drew.
 *
 * xoshiro256** (Blackman, Vigna 2021, ACM Trans. Math. Softw. 47), its state filled by
 * splitmix64 from the mixed key. A stream is a plain value: copying it forks it. */
typedef struct mele_i_stream {
    uint64_t state[4];
} mele_i_stream;

/* What a stream is for: the first half of its key. */
typedef enum mele_i_purpose {
    MELE_I_FOR_MAKERS = 64, /* apart, so that data sets stay what they are */
    MELE_I_FOR_PARTITION = 1,
    MELE_I_FOR_EXPERTS,
    MELE_I_FOR_GATE,
    MELE_I_FOR_FOLDS,
    MELE_I_FOR_TESTS,
    MELE_I_FOR_SILHOUETTE,
    MELE_I_FOR_GATE_ROWS,
    MELE_I_FOR_JOINT,
    MELE_I_FOR_BOOTSTRAP,
    MELE_I_FOR_EM,
    MELE_I_FOR_SPARSE,
    MELE_I_FOR_FILTERS
} mele_i_purpose;

mele_i_stream mele_i_stream_make(uint64_t seed, mele_i_purpose purpose, uint64_t fold,
                                 uint64_t index);

uint64_t mele_i_stream_bits(mele_i_stream *stream);

/* Uniform in [0, 1), 53 bits. */
double mele_i_stream_uniform(mele_i_stream *stream);

/* Uniform in 0 .. bound - 1, without bias; bound >= 1. */
size_t mele_i_stream_below(mele_i_stream *stream, size_t bound);

/* Standard normal (Marsaglia's polar method, the second value thrown away). */
double mele_i_stream_normal(mele_i_stream *stream);

/* A uniformly random order of the n indices in order[]. */
void mele_i_stream_shuffle(mele_i_stream *stream, size_t *order, size_t n);

#endif
