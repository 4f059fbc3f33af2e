#ifndef MELE_EXPERT_MULTINOMIAL_CHUNK_H
#define MELE_EXPERT_MULTINOMIAL_CHUNK_H

#include "engine/rows.h"
#include "expert/logistic/multinomial.h"

/* Rows of a multinomial problem as its passes take them: some at a time, those of the fold that is
 * left out skipped, in the frame, absent columns as 0. */
typedef struct mele_i_multinomial_chunk {
    size_t most;          /* rows that it has room for */
    size_t count, padded; /* rows in it, and rounded up to MELE_I_LANES */
    size_t *slot, *row;   /* which of the problem's rows these are, and which of all rows */
    double *weight, *one;
    double *raw;    /* room for count x d: rows that are not in memory */
    double *framed; /* count x d */
    double *logit;  /* count x C, for whoever takes the chunk; so are u and v */
    double *z;      /* the columns [1 x]: padded x (d + 1), column-major, zeros past the rows */
    double *u;      /* padded columns: d + 1, or C if those are more */
    double *v;      /* one of them */
} mele_i_multinomial_chunk;

/* Rows of a chunk, and the bytes of scratch that it lives in. */
size_t mele_i_multinomial_chunk_rows(const mele_i_multinomial *m);
size_t mele_i_multinomial_chunk_bytes(const mele_i_multinomial *m);

/* Hand the block's rows to take(), chunk after chunk. */
mele_status mele_i_multinomial_chunks(const mele_i_multinomial *m, mele_i_block block, void *scratch,
                                      void (*take)(void *context,
                                                   const mele_i_multinomial_chunk *chunk,
                                                   double *sums),
                                      void *context, double *sums, mele_error *error);

/* A chunk's logits become log-probabilities; coefficients: C x (d + 1), in the frame. */
void mele_i_multinomial_log_chances(const mele_i_multinomial *m,
                                    const mele_i_multinomial_chunk *chunk,
                                    const double *coefficients);

/* Columns u_j = v_i z_ij, zeros past the rows. */
void mele_i_multinomial_scaled_columns(const mele_i_multinomial *m,
                                       const mele_i_multinomial_chunk *chunk);

static inline bool mele_i_multinomial_leaves(const mele_i_multinomial *m, size_t i)
{
    return m->left != MELE_I_NO_FOLD && m->fold[i] == m->left;
}

/* The ridge of the intercepts (column 0), or of a column's slopes. */
static inline double mele_i_multinomial_ridge(const mele_i_multinomial *m, size_t column)
{
    return column == 0 ? m->intercept_ridge : m->slope_ridge;
}

#endif
