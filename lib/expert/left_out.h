#ifndef MELE_EXPERT_LEFT_OUT_H
#define MELE_EXPERT_LEFT_OUT_H

#include <stdatomic.h>

#include <mele/left_out.h>

#include "expert/expert.h"
#include "expert/kind.h"

/* Left-out predictions as one object (left_out.c), which the columns of a training fill
 * (left_out_columns.c) and files hold (left_out_file.c). */

struct mele_left_out {
    atomic_size_t others; /* holders but one */
    size_t rows, clusters, outputs, classes;
    double *mean, *variance; /* n x K x M; variance NULL for classes, and where means alone are held */
    unsigned char *fold;     /* n x K, from 1; 0: none. NULL: no row has one */
    mele_left_out *global;   /* the global expert's, as if there were one region; NULL: not there */
    size_t *group;           /* n; NULL: there are none */
    double *units;           /* M centres and M scales of the targets; NULL as variance is */
    uint64_t hash_of_rows;
    mele_experts *experts;    /* those that were left out; NULL: read from a file, which has */
    uint64_t hash_of_experts; /* their hash */
    char *name;               /* for messages */
    struct mele_i_left_out_kept *file; /* where mean and variance are, which are NULL; NULL: in memory */
};

/* What is to be kept of left-out predictions. */
typedef struct mele_i_left_out_form {
    bool folds;    /* a kind has some: zeros at first */
    bool own_only; /* as in kind.h: an object of one column */
    bool means;    /* alone: without variances and units */
    bool in_file;  /* no room for means and variances */
    bool global;   /* the global expert's, too */
} mele_i_left_out_form;

/* mele_left_out_read(), of a file whose means and variances stay in it where they would take more than
 * `most` bytes. */
mele_status mele_i_left_out_read(const char *path, size_t most, mele_left_out **out, mele_error *error);

/* A new object with room for what there is of such a shape, nothing of which is set but the sizes. */
mele_status mele_i_left_out_new(size_t rows, size_t clusters, size_t outputs, size_t classes,
                                mele_i_left_out_form form, mele_left_out **out,
                                mele_error *error);

/* ---- what tells rows and experts from others ---- */

/* Rows as an expert's training sees them; weights in their own unit, groups numbered by their first
 * rows (both NULL: none). */
typedef struct mele_i_left_out_rows {
    const mele_rows *x;
    const mele_rows *y;
    const double *weights;
    const size_t *group;
} mele_i_left_out_rows;

/* The hash of rows in their order. The same for any engine. Fails as their read() does. O(n d). */
mele_status mele_i_left_out_hash_rows(const mele_i_left_out_rows *rows, mele_engine *engine,
                                      uint64_t *out, mele_error *error);

/* The hash of what the model's section of the experts says. */
mele_status mele_i_left_out_hash_experts(const mele_experts *experts, uint64_t *out,
                                         mele_error *error);

/* ---- columns, while experts are trained ---- */

/* Where left-out predictions are written while experts are trained. A kind writes what each expert
 * says by itself. Afterwards a region in which another expert answers gets that one's, and those of
 * an expert that is shrunk towards the global one are shrunk as well. */
typedef struct mele_i_left_out_columns {
    mele_left_out *own;                    /* NULL: not wanted */
    double *global_mean, *global_variance; /* n x M: the global expert's; NULL: nobody needs them */
    unsigned char *global_fold;            /* n */
} mele_i_left_out_columns;

/* Places for the experts that `train` marks, where they are wanted. Free also after a failure. */
mele_status mele_i_left_out_columns_make(mele_i_left_out_columns *columns, const mele_experts *e,
                                         const mele_i_regions *regions,
                                         const mele_i_row_groups *groups, const bool *train,
                                         mele_i_left_out_form form, mele_error *error);

/* Once experts are trained, and their own shares are set: what each region's column is to be. */
mele_status mele_i_left_out_columns_complete(const mele_i_left_out_columns *columns,
                                           const mele_experts *e, const mele_rows *x,
                                           const mele_i_regions *regions,
                                           const mele_i_row_groups *groups, const bool *train,
                                           mele_error *error);

/* Whether some rows have no weight. */
bool mele_i_left_out_has_idle_rows(const mele_i_regions *regions);

/* Which rows those are, a flag a row, to be freed: with groups those of groups that nobody was trained
 * on. NULL: no memory. */
bool *mele_i_left_out_idle_rows(const mele_i_regions *regions, const mele_i_row_groups *groups);

/* What the global expert says of those, to its columns. */
mele_status mele_i_left_out_fill_global(const mele_i_left_out_columns *columns,
                                        const mele_experts *e, const mele_rows *x,
                                        const mele_i_regions *regions,
                                        const mele_i_row_groups *groups, mele_error *error);

/* The global expert's columns become an object of their own, the one that is filled has. */
mele_status mele_i_left_out_columns_global(mele_i_left_out_columns *columns, mele_error *error);

/* Of the rows of one group nothing can be left out. */
void mele_i_left_out_columns_void(const mele_i_left_out_columns *columns, const size_t *group,
                                  size_t only);

void mele_i_left_out_columns_free(mele_i_left_out_columns *columns);

/* ---- predictions that are made as they are asked for (left_out_own.c) ---- */

/* Make such predictions, once the experts are trained and it is known who answers where. `columns`
 * has what was left out of the rows' own experts; this and the labels, if the regions own them,
 * move into the new object, so that `columns` and `regions` no longer have them. */
mele_status mele_i_left_out_own_make(mele_i_left_out_columns *columns, const mele_experts *e,
                                     const mele_expert_data *data, mele_i_regions *regions,
                                     mele_i_left_out_own **out, mele_error *error);

#endif
