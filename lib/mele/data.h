#ifndef MELE_DATA_H
#define MELE_DATA_H

#include <stdbool.h>

#include <mele/engine.h>
#include <mele/matrix.h>
#include <mele/table.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the columns of a data set mean: the features (numbers, or categories with their levels)
 *  and the targets. A model holds its own. */
typedef struct mele_schema mele_schema;

/** Rows to fit to: features, targets, weights, groups, and the schema they follow. Fits only read
 *  it, so any number of threads may fit to it at once. */
typedef struct mele_data mele_data;

/** Which columns are what. A column is named by its exact name, else by its number from 1, else
 *  as part of a range a-b of names or numbers; lists are comma separated. NULL: none. The strings
 *  are read during the call only. */
typedef struct mele_data_options {
    const char *target;      /**< what to predict */
    const char *features;    /**< default: every column that has no other role */
    const char *ignore;      /**< columns to leave out */
    const char *weights;     /**< one column, row weights >= 0 in any unit */
    const char *id;          /**< one column, passed through to predictions */
    const char *group;       /**< one column; rows with the same value stay in one fold wherever rows
                                  are left out, and are left out together */
    const char *folds;       /**< one column; the folds of cross-validation, one a distinct value
                                  (mele_cv_options.folds 0). The model does not hold it */
    bool keep_id;            /**< hold the text of the column `id`, for mele_cv_write(); default
                                  false */
    const char *task;        /**< "regression" or "classification"; NULL: a text target is
                                  classes */
    const char *categorical; /**< number-looking columns that are categories */
    const char *missing;     /**< "fail" (default); "drop": rows with a missing feature, target,
                                  group, fold or weight are left out; "mean": a missing feature becomes
                                  the mean of its design columns, and the rest still fail */
    size_t memory;           /**< bytes that the features may take, with the matrix that is made
                                  of them; changes no result. Features that would take more
                                  are in a file, and each pass reads them again: where they are,
                                  if they are numbers of a .npy file, else in a temporary file
                                  without a name in the directory TMPDIR, or /tmp, of 8 bytes a
                                  cell. 0 (default): half of the machine's memory, or of
                                  what RLIMIT_AS leaves beside 192 MiB for all else, at least an
                                  eighth, where that is less */
    mele_table_options table; /**< how the file is read */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_data_options;

MELE_API mele_data_options mele_data_defaults(void);

/** Read a file to fit to. Data whose features are in a file (see `memory`) keep it open, and a .npy
 *  file must stay as it is; what is held of a row is then its targets, weight, group and fold, and a
 *  bit under the policy "drop". Every fit works on those block by block, with the same result.
 * @param path     as for mele_reader_open().
 * @param options  NULL: mele_data_defaults().
 * @param schema   the schema to follow (a model's), whose columns are found by name, or by position
 *                 without a header; options may then add a target it does not have, and
 *                 nothing else that it fixes. NULL: made from the options and the file.
 * @param engine   NULL: the calling thread alone; the data are the same for any.
 * @param out      freed with mele_data_free(); untouched on error.
 * @return MELE_OK; MELE_EIO: also of the temporary file, whose disk may be full; MELE_EDATA: what
 *         the file holds, a column that is not there, a missing value under "fail" (error->line says
 *         where), a negative weight; MELE_EINVAL: options that contradict each other; MELE_ENOMEM. */
MELE_API mele_status mele_data_read(const char *path, const mele_data_options *options,
                                    const mele_schema *schema, mele_engine *engine,
                                    mele_data **out, mele_error *error);

/** Take arrays in any units: features x1..xd, targets y1..ym (a single one is y), unless
 *  mele_data_set_names() says otherwise.
 * @param x        n x d, finite. Not copied: what it views must outlive the data.
 * @param y        n x m, finite; with classes > 0 one column of class indices 0 .. classes-1, and
 *                 the classes are called "0", "1", ... Copied. NULL: no target (partitions only).
 * @param classes  0: regression.
 * @param weights  n importances >= 0, one of them positive, or NULL: all 1. Copied. They are
 *                 relative: every stage divides them by the ordinary row's, their weighted median,
 *                 so that any unit gives the same model, and weight 2 among ones is the row twice.
 * @param out      freed with mele_data_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: shapes; MELE_EDATA: NaN, an infinity, a class out of range, a
 *         negative weight; MELE_ENOMEM. */
MELE_API mele_status mele_data_of_arrays(const mele_matrix *x, const mele_matrix *y,
                                         size_t classes, const double *weights, mele_data **out,
                                         mele_error *error);

/** Say which rows belong together: they stay in one fold wherever rows are left out, and are left
 *  out together. What the option `group` does for files, for arrays; a fit whose options name a group
 *  refuses data without.
 * @param groups  mele_data_rows() numbers of any size, the same for rows of one group. Copied. NULL: no
 *                groups.
 * @return MELE_OK; MELE_ENOMEM: the data are as they were. No fit may use them meanwhile. */
MELE_API mele_status mele_data_set_groups(mele_data *data, const size_t *groups, mele_error *error);

/** Say in which fold of cross-validation each row is (mele_cv_options.folds 0): what the option `folds`
 *  does for files, for arrays.
 * @param folds  mele_data_rows() numbers of any size, one a fold; folds are counted in their order.
 *               Copied. NULL: none.
 * @return MELE_OK; MELE_ENOMEM: the data are as they were. No fit may use them meanwhile. */
MELE_API mele_status mele_data_set_folds(mele_data *data, const size_t *folds, mele_error *error);

/** Say which features of arrays are categories.
 * @param levels  d numbers: feature j is a category with levels[j] levels, called "0", "1", ..., of
 *                which x holds the indices 0 .. levels[j] - 1; 0: it is a number.
 * @return MELE_OK; MELE_EINVAL: the data were read from a file; MELE_EDATA: a value that is no
 *         level, or no feature that tells rows apart; MELE_ENOMEM: the data are as they were. What
 *         mele_data_schema() gave before is no longer valid; no fit may use the data meanwhile. */
MELE_API mele_status mele_data_set_levels(mele_data *data, const size_t *levels, mele_error *error);

/** Give data of arrays names, before anything is fitted to them: a model of them then finds the
 *  columns of a file by name.
 * @param features  d names, or NULL: they stay. All are copied, UTF-8, not empty, and no two columns
 *                  are called the same.
 * @param targets   m names, or NULL: they stay.
 * @param classes   C names of the classes, or NULL: they stay.
 * @return MELE_OK; MELE_EINVAL: the data are of a file, or a name is NULL, empty, not UTF-8 or there
 *         twice; MELE_ENOMEM. The data are untouched then. */
MELE_API mele_status mele_data_set_names(mele_data *data, const char *const *features,
                                         const char *const *targets, const char *const *classes,
                                         mele_error *error);

/** NULL is nothing. */
MELE_API void mele_data_free(mele_data *data);

/** Rows to fit to, without the dropped ones. */
MELE_API size_t mele_data_rows(const mele_data *data);
/** Rows that the policy "drop" left out. */
MELE_API size_t mele_data_dropped(const mele_data *data);
/** Owned by the data. */
MELE_API const mele_schema *mele_data_schema(const mele_data *data);

/* What a schema says. Indices are not checked; names are the schema's, and valid as long as it. */

MELE_API size_t mele_schema_features(const mele_schema *schema);
MELE_API const char *mele_schema_feature(const mele_schema *schema, size_t j);
/** Levels of feature j; 0: it is a number. */
MELE_API size_t mele_schema_levels(const mele_schema *schema, size_t j);
/** A level of feature j by its index, which is what stands for it in arrays; levels that came from
 *  a file are sorted bytewise. */
MELE_API const char *mele_schema_level(const mele_schema *schema, size_t j, size_t level);
MELE_API size_t mele_schema_targets(const mele_schema *schema);
MELE_API const char *mele_schema_target(const mele_schema *schema, size_t t);
/** Classes of the target; 0: regression. */
MELE_API size_t mele_schema_classes(const mele_schema *schema);
MELE_API const char *mele_schema_class(const mele_schema *schema, size_t c);
/** Columns of the design matrix: a number is one, a category with L levels is L - 1 (one for each
 *  level but the first, 1 or 0). */
MELE_API size_t mele_schema_columns(const mele_schema *schema);

#ifdef __cplusplus
}
#endif

#endif
