#ifndef MELE_SCHEMA_DATA_H
#define MELE_SCHEMA_DATA_H

#include "schema/encode.h"
#include "schema/roles.h"

struct mele_data {
    mele_schema *schema;
    mele_table *table;    /* NULL: the features are elsewhere */
    size_t rows, dropped;
    double **owned;       /* feature columns made here (categories by the schema's levels) */
    const double **column; /* one a feature, see mele_i_features */
    size_t stride;
    size_t *row;          /* the rows used; NULL: all */
    double *matrix;       /* the features, row after row; NULL: they are elsewhere */
    mele_i_windows *windows; /* the features are in a file; NULL: they are in memory. A part has those
                                of the whole */
    mele_i_row_set used;  /* the rows of the file that matrix holds */
    size_t *place;        /* of a part that was read into memory: which row of the file each of its
                             rows is; NULL: other data */
    bool complete;        /* no feature is known to be missing */
    double *targets;      /* rows x targets; class indices for classes; NULL: none */
    double *weights;      /* the ordinary row's is 1 (engine/weights.h); NULL: all 1 */
    bool weighted;        /* weights were given, if equal ones */
    size_t *group;        /* NULL: none */
    size_t *fold;         /* of cross-validation, 0 .. folds - 1; NULL: none */
    size_t folds;
    char **fold_name;     /* of each; NULL: they are numbers */
    bool keeps_ids;       /* the text of a column of the table, */
    size_t id;            /* which is this one */
    const mele_data *whole; /* what these rows are a part of; NULL: they are all */
};

/* What is said of a missing value where there may be none. */
#define MELE_I_MISSING_VALUE "missing value (--missing drop leaves such rows out)"

/* The features of all rows of the data. */
mele_i_features mele_i_data_features(const mele_data *data);

/* Which of the rows of the file or arrays, the dropped ones counted, is the i-th that is used. */
size_t mele_i_data_row(const mele_data *data, size_t i);

/* Whether row i has a positive weight, and how many rows have. */
static inline bool mele_i_data_counts(const mele_data *data, size_t i)
{
    return data->weights == NULL || data->weights[i] > 0;
}

size_t mele_i_data_count(const mele_data *data);

/* Forget the folds that the data brought along. */
void mele_i_data_clear_folds(mele_data *data);

/* The names of the folds that a column of a table holds, whose levels they are. */
mele_status mele_i_data_name_folds(mele_data *data, const mele_table *table, size_t column,
                                   mele_error *error);

/* A fold as messages call it: its name in quotes, or its number from 1. Returns the length of the
 * whole, as snprintf() does. */
size_t mele_i_data_fold_text(const mele_data *data, size_t fold, char *out, size_t size);

/* Two rows of one group that are in different folds of the data. Rows of weight 0 are in none. */
typedef struct mele_i_fold_clash {
    bool found;
    size_t row[2]; /* the first such row, and the first one of its group */
} mele_i_fold_clash;

/* MELE_ENOMEM. */
mele_status mele_i_data_find_clash(const mele_data *data, mele_i_fold_clash *out,
                                   mele_error *error);

/* MELE_EDATA: say it, by the lines of the two rows in their file; NULL: by their numbers. */
mele_status mele_i_data_refuse_clash(const mele_data *data, const mele_i_fold_clash *clash,
                                     const size_t *line, mele_error *error);

/* The weights that were put into new data become relative. Those that are all 1 then say nothing: they
 * are freed, so that the unit of equal weights, or whether they are given, changes no bit of what
 * follows. MELE_EDATA: see mele_i_weights_check(). */
mele_status mele_i_data_settle_weights(mele_data *data, mele_error *error);

/* Some rows of data as data of their own, which share its columns: they must not outlive it. The
 * others are dropped rows of theirs. To train on, their weights must have a positive sum, and get the
 * unit that they have as data of their own. What is copied is 8 bytes a row for its place, each
 * target, the weight and the group: features that are in a file stay there. */
mele_status mele_i_data_subset(const mele_data *data, const size_t *rows, size_t count,
                               bool to_train, mele_data **out, mele_error *error);

/* Read the features of a part whose whole is in a file into memory; it then stands on its own. A part
 * of data in memory stays as it is. */
mele_status mele_i_data_hold(mele_data *part, mele_error *error);

/* Whether all rows of positive weight are of one group, so that none can be left out. */
bool mele_i_data_is_one_group(const mele_data *data);

/* MELE_EINVAL where options name groups, categories or weights that the data have not got: of arrays
 * nobody looks such columns up. */
mele_status mele_i_data_check_options(const mele_data *data, const mele_data_options *options,
                                      mele_error *error);

#endif
