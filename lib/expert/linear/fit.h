#ifndef MELE_EXPERT_LINEAR_FIT_H
#define MELE_EXPERT_LINEAR_FIT_H

#include "engine/rows.h"
#include "expert/forms/frame.h"
#include "expert/kind.h"
#include "expert/linear/reduced.h"
#include "expert/predictor.h"

/* A fit of linear experts under way: its functions by what they do (linear.c tells the method). */

typedef struct mele_i_linear_reduction mele_i_linear_reduction; /* how rows are accumulated */

typedef struct mele_i_linear_fit {
    mele_i_expert *experts;
    const mele_i_expert_problem *problem;
    const mele_i_predictor *predictor; /* once experts are trained, if left_out is wanted */
    const mele_i_linear_reduction *reduction;
    mele_i_frame frame;
    size_t clusters, d, m, q;
    size_t rows, width;              /* of a chunk */
    size_t run;                      /* rows that are sorted by region at once */
    double *factor;                  /* (K + 1) x q x width */
    bool *moments;                   /* K + 1: whose solutions are of moments */
    bool *solved;                    /* K + 1 */
    bool *absent;                    /* (K + 1) x d: columns that are constant in a region */
    double *size;                    /* d + m: what columns were measured at, in the frame */
    double *low, *high;              /* d + m: extremes of the columns */
    double *merging;                 /* scratch of a merge */
    double *numbers;                 /* what the solutions point into */
    mele_i_reduced_solution *solution; /* K + 1 */
    bool *known;                   /* K + 1: its squares are known without a look at the rows */
    double *square; /* (K + 1) x 2 x m: sums of squared residuals, left out and in */
} mele_i_linear_fit;

/* ---- the rows of a block by region (members.c) ---- */

typedef struct mele_i_linear_members {
    mele_i_block block;
    mele_i_regions regions; /* as the block sees them */
    double *room;           /* of these */
    size_t *row, *start;    /* start: K + 1, of labels */
    double *weight;
} mele_i_linear_members;

/* Those of one region, counted from the block's first. */
typedef struct mele_i_linear_slice {
    const size_t *row;
    double *weight;
    size_t count;
} mele_i_linear_slice;

/* Room for them in scratch, and its bytes. */
mele_i_linear_members mele_i_linear_place_members(const mele_i_linear_fit *fit, unsigned char **at,
                                                  size_t block_rows);
size_t mele_i_linear_members_bytes(const mele_i_linear_fit *fit, size_t block_rows);

/* Those of a block. */
mele_status mele_i_linear_take_members(const mele_i_linear_fit *fit, mele_i_block block,
                                       mele_i_linear_members *members, mele_error *error);

/* Region k's, or all of the block for k = K. Regions are to be asked for in ascending order. */
mele_i_linear_slice mele_i_linear_members_of(const mele_i_linear_members *members, size_t k);

/* Any rows of the data, in ascending order: which rows of the source they are; NULL: the first ones. */
typedef struct mele_i_linear_rows {
    mele_i_frame_source source;
    const size_t *row;
} mele_i_linear_rows;

/* Take them where they are, or to the room: count x (d + m) numbers. */
mele_status mele_i_linear_take(const mele_i_linear_fit *fit, const size_t *row, size_t count,
                               double *room, mele_i_linear_rows *out, mele_error *error);

/* ---- the rows' factors (factors.c) ---- */

/* The reduction that options.solver names, and the sizes that follow from it; columns are set. */
void mele_i_linear_reduce(mele_i_linear_fit *fit);
bool mele_i_linear_by_moments(const mele_i_linear_fit *fit); /* what the factors are now */
size_t mele_i_linear_factor_size(const mele_i_linear_fit *fit);

/* The factors of all rows and regions, in a frame that fits them: frame, factor, low and high. */
mele_status mele_i_linear_factor(mele_i_linear_fit *fit, mele_engine *engine, mele_error *error);

/* Triangles in place of moments, in the same frame. */
mele_status mele_i_linear_triangles(mele_i_linear_fit *fit, mele_engine *engine, mele_error *error);

/* The triangle of some of region k's rows, q x q. */
mele_status mele_i_linear_triangle_of(const mele_i_linear_fit *fit, size_t k, const size_t *row,
                                      size_t count, double *triangle, mele_error *error);

/* The small problem of a factor of region k; rows: how many there are, for a ridge that is
 * chosen. */
mele_i_reduced_problem mele_i_linear_problem(const mele_i_linear_fit *fit, size_t k,
                                           const double *factor, double ridge, double rows);

/* The name of the i-th way to reduce rows, which the option `solver` chooses; NULL past the last. */
const char *mele_i_linear_solver(size_t i);

/* ---- a ridge by groups (ridge.c) ---- */

/* The ridge of region k, which has several groups, by leaving out groups. */
mele_status mele_i_linear_choose_ridge(const mele_i_linear_fit *fit, size_t k, double *ridge,
                                       mele_error *error);

/* ---- columns that are constant in a region (absent.c) ---- */

/* Set size and absent, of the regions that are trained, and of the global expert. */
mele_status mele_i_linear_find_absent(mele_i_linear_fit *fit, mele_engine *engine,
                                      mele_error *error);

/* The same of region k's rows but those of a group, of which the problem's factor is: d marks, with
 * the problem's own among them. */
mele_status mele_i_linear_absent_without(const mele_i_linear_fit *fit, size_t k, size_t group,
                                         const mele_i_reduced_problem *problem, bool *absent,
                                         mele_error *error);

/* ---- what is left out (left_out.c; groups.c) ---- */

/* Sums of squared residuals and, where they are wanted, left-out predictions by the experts, which
 * are trained. */
mele_status mele_i_linear_leave_out(mele_i_linear_fit *fit, mele_engine *engine, mele_error *error);

/* The same by groups of rows, which the problem has. */
mele_status mele_i_linear_leave_out_groups(mele_i_linear_fit *fit, mele_engine *engine,
                                           mele_error *error);

#endif
