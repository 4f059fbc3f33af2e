#ifndef MELE_EXPERT_TRIANGLE_H
#define MELE_EXPERT_TRIANGLE_H

#include <stdbool.h>
#include <stddef.h>

/* Small factors accumulated from chunks of rows. A chunk is column-major, column j at
 * chunk + j * rows, aligned to 64 bytes; `rows` is a multiple of MELE_I_LANES, the last rows
 * filled with zeros, which change nothing. A triangle is q x q, column-major, its lower part
 * zero; so is a matrix of moments, of which the upper part counts. */
#define MELE_I_LANES 8

/* The rows of a triangle but zeros at its end. Of fewer rows than columns it has about as many, and
 * reducing them is work for as many columns. */
size_t mele_i_triangle_filled(const double *triangle, size_t q);

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

/* Moments of rows, for which rows are row-major: their numbers in `width` columns, q rounded up to
 * MELE_I_LANES, aligned to 64 bytes. out[i * width + j] += sum over the rows of their numbers i and
 * j, for j <= i < q (and some of j > i, and past q); row after row, so that it does not matter how
 * they are cut into calls. Meanwhile `ahead` bytes for every row are asked for from `next` on, or
 * more, but less than twice as much, since they will be read soon; 0: none. */
size_t mele_i_gram_width(size_t q);
void mele_i_gram_add(const double *rows, size_t q, size_t count, double *out, const double *next,
                     size_t ahead);

/* Rows of such an array that stay in the cache. */
size_t mele_i_gram_rows(size_t q);

/* What is packed: out[i * width + j] = (x[row[i] * stride + j] * scale[j] - shift[j]) * factor[i], for
 * d columns of count rows. */
typedef struct mele_i_packing {
    const double *x;
    size_t stride;
    const size_t *row;
    const double *factor;
    size_t count, d;
    const double *scale, *shift;
} mele_i_packing;

void mele_i_pack_rows(const mele_i_packing *packing, double *out, size_t width);

/* The loops behind these, built for one width of vectors; all builds give the same bits. */
typedef struct mele_i_triangle_loops {
    const char *name;
    /* `triangular`: row i of the chunk starts at column i */
    void (*reduce)(double *triangle, size_t q, double *chunk, size_t rows, bool triangular);
    void (*cross)(const double *a, size_t na, const double *b, size_t nb, size_t rows, double *out,
                  size_t ld);
    void (*gram)(const double *rows, size_t q, size_t count, double *out, const double *next,
                 size_t ahead);
    void (*pack)(const mele_i_packing *packing, double *out, size_t width);
} mele_i_triangle_loops;

/* The i-th build that this machine runs, plain first; NULL past the last. For tests. */
const mele_i_triangle_loops *mele_i_triangle_loops_at(size_t i);

#endif
