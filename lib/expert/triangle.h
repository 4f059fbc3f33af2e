#ifndef MELE_EXPERT_TRIANGLE_H
#define MELE_EXPERT_TRIANGLE_H

#include <stdbool.h>
#include <stddef.h>

/* Small factors accumulated from chunks of rows. A chunk is column-major, column j at
 * chunk + j * rows, aligned to 64 bytes; `rows` is a multiple of MELE_I_LANES, the last rows
 * filled with zeros, which change nothing. A triangle is q x q, column-major, its lower part
 * zero; so is a matrix of moments, of which the upper part counts. */
#define MELE_I_LANES 8

/* Rows of a chunk of q columns that stays in the cache. */
size_t mele_i_chunk_rows(size_t q);

/* triangle <- the triangle of the rows of both: of its own and of the chunk, which is destroyed. */
void mele_i_triangle_add(double *triangle, size_t q, double *chunk, size_t rows);

/* triangle <- the triangle of the rows of both triangles; scratch: mele_i_triangle_room(q). */
void mele_i_triangle_merge(double *triangle, const double *other, size_t q, double *scratch);

/* Numbers that the scratch of a merge has. */
size_t mele_i_triangle_room(size_t q);

/* out[i + j * ld] += sum over rows of a_i b_j, for the na columns of a and the nb of b, both
 * chunks of `rows` rows. */
void mele_i_cross_add(const double *a, size_t na, const double *b, size_t nb, size_t rows,
                      double *out, size_t ld);

/* The loops behind these, built for one width of vectors; all builds give the same bits. */
typedef struct mele_i_triangle_loops {
    const char *name;
    /* `triangular`: row i of the chunk starts at column i */
    void (*reduce)(double *triangle, size_t q, double *chunk, size_t rows, bool triangular);
    void (*cross)(const double *a, size_t na, const double *b, size_t nb, size_t rows, double *out,
                  size_t ld);
} mele_i_triangle_loops;

/* The i-th build that this machine runs, plain first; NULL past the last. For tests. */
const mele_i_triangle_loops *mele_i_triangle_loops_at(size_t i);

#endif
