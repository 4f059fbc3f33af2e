#include "fit/folds.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "measure/folds.h"

/* ---- dealing ---- */

/* What is dealt: the rows of positive weight, with their groups and classes side by side. */
typedef struct deck {
    size_t count;
    size_t *row, *group;
    double *class;
    size_t *fold;
} deck;

static void deck_clear(deck *d)
{
    free(d->row);
    free(d->group);
    free(d->class);
    free(d->fold);
}

static mele_status deck_make(const mele_data *data, deck *d, mele_error *error)
{
    const bool classes = mele_schema_classes(data->schema) > 0;
    const size_t count = mele_i_data_count(data);

    d->row = MELE_I_ARRAY(size_t, count);
    d->fold = MELE_I_ARRAY(size_t, count);
    d->group = data->group == NULL ? NULL : MELE_I_ARRAY(size_t, count);
    d->class = !classes ? NULL : MELE_I_ARRAY(double, count);
    if (d->row == NULL || d->fold == NULL || (data->group != NULL && d->group == NULL)
        || (classes && d->class == NULL))
        return mele_i_no_memory(error);
    for (size_t i = 0; i < data->rows; i++) {
        if (!mele_i_data_counts(data, i))
            continue;
        d->row[d->count] = i;
        if (data->group != NULL)
            d->group[d->count] = data->group[i];
        if (classes)
            d->class[d->count] = data->targets[i];
        d->count++;
    }
    return MELE_OK;
}

mele_status mele_i_deal_folds(const mele_data *data, size_t folds, mele_i_stream stream,
                              size_t **out, mele_error *error)
{
    deck d = {0};
    size_t *fold_of_row = MELE_I_ARRAY(size_t, data->rows);
    mele_status status = fold_of_row == NULL ? mele_i_no_memory(error) : deck_make(data, &d, error);

    if (status == MELE_OK)
        status = mele_i_folds(d.count, d.group, d.class, folds, &stream, d.fold, error);
    for (size_t i = 0; i < data->rows && status == MELE_OK; i++)
        fold_of_row[i] = MELE_I_NO_FOLD;
    for (size_t i = 0; i < d.count && status == MELE_OK; i++)
        fold_of_row[d.row[i]] = d.fold[i];
    deck_clear(&d);
    if (status == MELE_OK)
        *out = fold_of_row;
    else
        free(fold_of_row);
    return status;
}

/* Groups are numbered, with gaps where the data are part of others. */
mele_status mele_i_count_units(const mele_data *data, size_t *out, mele_error *error)
{
    size_t most = 0, groups = 0;

    if (data->group == NULL) {
        *out = mele_i_data_count(data);
        return MELE_OK;
    }
    for (size_t i = 0; i < data->rows; i++)
        most = data->group[i] > most ? data->group[i] : most;
    unsigned char *seen = MELE_I_ZEROED(unsigned char, most + 1);
    if (seen == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < data->rows; i++) {
        if (!mele_i_data_counts(data, i))
            continue;
        groups += !seen[data->group[i]];
        seen[data->group[i]] = 1;
    }
    free(seen);
    *out = groups;
    return MELE_OK;
}

/* ---- one fold ---- */

/* The rows inside a fold, or those in the others. */
static size_t *rows_of_fold(const mele_data *data, const size_t *fold_of_row, size_t fold,
                            bool inside, size_t *count)
{
    size_t *rows, all = 0;

    for (size_t i = 0; i < data->rows; i++)
        all += fold_of_row[i] != MELE_I_NO_FOLD && (fold_of_row[i] == fold) == inside;
    rows = MELE_I_ARRAY(size_t, all);
    *count = 0;
    for (size_t i = 0; rows != NULL && i < data->rows; i++)
        if (fold_of_row[i] != MELE_I_NO_FOLD && (fold_of_row[i] == fold) == inside)
            rows[(*count)++] = i;
    return rows;
}

/* Data of the rows on one side of a fold; *rows, which are to be freed, says which these are. */
static mele_status side_of_fold(const mele_data *data, const size_t *fold_of_row, size_t fold,
                                bool inside, size_t **rows, mele_data **out, mele_error *error)
{
    size_t count;

    *rows = rows_of_fold(data, fold_of_row, fold, inside, &count);
    if (*rows == NULL)
        return mele_i_no_memory(error);
    return mele_i_data_subset(data, *rows, count, !inside, out, error);
}

mele_status mele_i_fold_make(const mele_data *data, const size_t *fold_of_row, size_t fold,
                             mele_i_fold *out, mele_error *error)
{
    mele_i_fold made = {.rows = NULL};
    size_t *training = NULL;
    mele_status status = side_of_fold(data, fold_of_row, fold, false, &training, &made.training,
                                      error);

    free(training);
    if (status == MELE_OK)
        status = side_of_fold(data, fold_of_row, fold, true, &made.rows, &made.left_out, error);
    if (status == MELE_OK)
        *out = made;
    else
        mele_i_fold_clear(&made);
    return status;
}

void mele_i_fold_clear(mele_i_fold *fold)
{
    mele_data_free(fold->left_out);
    mele_data_free(fold->training);
    free(fold->rows);
}
