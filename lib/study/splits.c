/* Which rows are left out together. */
#include "study/splits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "fit/folds.h"
#include "schema/data.h"

/* ---- refusals ---- */

static mele_status check_counts(const mele_data *data, const mele_cv_options *protocol, mele_error *error)
{
    if (data->schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    if (protocol->folds == 0 && data->fold == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the data have no folds of their own: --folds COL "
                           "names their column, --cv N deals the rows");
    if (protocol->folds == 1)
        return mele_i_fail(error, MELE_EINVAL, "1 fold leaves no row to train on: take 2 or more");
    if (protocol->repeats == 0 || (protocol->folds == 0 && protocol->repeats > 1))
        return mele_i_fail(error, MELE_EINVAL, protocol->repeats == 0
                           ? "0 repeats leave nothing to measure: take 1 or more"
                           : "folds that the data have are not dealt anew: --repeats goes with "
                             "--cv N");
    if (protocol->blocks && (protocol->folds == 0 || protocol->repeats > 1))
        return mele_i_fail(error, MELE_EINVAL, protocol->folds == 0
                           ? "--blocks makes the folds of --cv N, and --folds takes them from a column: give one "
                             "of the two"
                           : "blocks of rows in their order are the same each time: --repeats is for rows that are "
                             "dealt");
    return MELE_OK;
}

/* Of a file it was said where its rows were read. */
static mele_status check_groups(const mele_data *data, mele_error *error)
{
    mele_i_fold_clash clash;
    mele_status status = mele_i_data_find_clash(data, &clash, error);

    return status == MELE_OK && clash.found ? mele_i_data_refuse_clash(data, &clash, NULL, error)
                                            : status;
}

/* Whether the rows, or groups, are as many as the folds that they are dealt to. */
static mele_status check_units(const mele_data *data, size_t folds, mele_error *error)
{
    const char *unit = data->group == NULL ? "row" : "group";
    size_t units;
    mele_status status = mele_i_count_units(data, &units, error);

    if (status != MELE_OK || units >= folds)
        return status;
    if (units == 1)
        return mele_i_fail(error, MELE_EDATA, "1 %s does not fill %zu folds", unit, folds);
    return mele_i_fail(error, MELE_EDATA, "%zu %ss do not fill %zu folds: take %zu at most", units,
                       unit, folds, units);
}

/* ---- the data's own folds ---- */

/* The values of the data's folds that rows of positive weight have, in their order. */
static mele_status take_levels(mele_i_splits *s, mele_error *error)
{
    const mele_data *data = s->data;
    unsigned char *there = MELE_I_ZEROED(unsigned char, data->folds);
    char text[64];

    s->level_of_fold = MELE_I_ARRAY(size_t, data->folds);
    if (there == NULL || s->level_of_fold == NULL) {
        free(there);
        return mele_i_no_memory(error);
    }
    for (size_t i = 0; i < data->rows; i++)
        if (mele_i_data_counts(data, i))
            there[data->fold[i]] = 1;
    for (size_t level = 0; level < data->folds; level++)
        if (there[level])
            s->level_of_fold[s->folds++] = level;
    free(there);
    if (s->folds >= 2)
        return check_groups(data, error);
    mele_i_data_fold_text(data, s->level_of_fold[0], text, sizeof text);
    return mele_i_fail(error, MELE_EDATA, "all rows are in one fold, %s: what is left out needs rows "
                       "in another (--cv N deals the rows)", text);
}

/* The data's folds, as they are counted here. */
static mele_status copy_folds(const mele_i_splits *s, size_t **out, mele_error *error)
{
    const mele_data *data = s->data;
    size_t *fold = MELE_I_ARRAY(size_t, data->rows), *of_level = MELE_I_ARRAY(size_t, data->folds);

    if (fold == NULL || of_level == NULL) {
        free(fold);
        free(of_level);
        return mele_i_no_memory(error);
    }
    for (size_t f = 0; f < s->folds; f++)
        of_level[s->level_of_fold[f]] = f;
    for (size_t i = 0; i < data->rows; i++)
        fold[i] = mele_i_data_counts(data, i) ? of_level[data->fold[i]] : MELE_I_NO_FOLD;
    free(of_level);
    *out = fold;
    return MELE_OK;
}

/* ---- blocks ---- */

/* Folds of equal size, but for one row: the i-th of n rows is in fold floor(i folds / n). */
static mele_status cut_blocks(const mele_i_splits *s, size_t **out, mele_error *error)
{
    const mele_data *data = s->data;
    const size_t rows = mele_i_data_count(data), most = rows / s->folds, longer = rows % s->folds;
    size_t *fold = MELE_I_ARRAY(size_t, data->rows), at = 0, left = 0;

    if (fold == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < data->rows; i++) {
        fold[i] = MELE_I_NO_FOLD;
        if (!mele_i_data_counts(data, i))
            continue;
        if (left == 0)
            left = most + (at++ < longer);
        fold[i] = at - 1;
        left--;
    }
    *out = fold;
    return MELE_OK;
}

/* A group whose rows do not lie together may be in two blocks. */
static mele_status check_blocks(const mele_i_splits *s, mele_error *error)
{
    const mele_data *data = s->data;
    size_t *fold = NULL, *first, groups = 0;
    mele_status status = data->group == NULL ? MELE_OK : cut_blocks(s, &fold, error);

    if (status != MELE_OK || fold == NULL)
        return status;
    for (size_t i = 0; i < data->rows; i++)
        groups = data->group[i] >= groups ? data->group[i] + 1 : groups;
    if ((first = MELE_I_ARRAY(size_t, groups)) == NULL)
        status = mele_i_no_memory(error);
    for (size_t g = 0; status == MELE_OK && g < groups; g++)
        first[g] = data->rows;
    for (size_t i = 0; status == MELE_OK && i < data->rows; i++) {
        size_t *known = &first[data->group[i]];
        if (fold[i] == MELE_I_NO_FOLD)
            continue;
        if (*known == data->rows)
            *known = i;
        else if (fold[*known] != fold[i])
            status = mele_i_fail(error, MELE_EDATA, "rows %zu and %zu are of one group, and in two of the %zu blocks: "
                                 "a group must be in one fold (leave --blocks out, or give the folds by --folds COL)",
                                 mele_i_data_row(data, *known) + 1, mele_i_data_row(data, i) + 1, s->folds);
    }
    free(first);
    free(fold);
    return status;
}

/* ---- all of them ---- */

mele_status mele_i_splits_make(const mele_data *data, const mele_cv_options *protocol, mele_i_splits *out,
                               mele_error *error)
{
    mele_i_splits s = {.data = data, .folds = protocol->folds, .repeats = protocol->repeats,
                       .blocks = protocol->blocks};
    mele_status status = check_counts(data, protocol, error);

    if (status == MELE_OK && s.folds > 0)
        status = check_units(data, s.folds, error);
    else if (status == MELE_OK)
        status = take_levels(&s, error);
    if (status == MELE_OK && s.blocks)
        status = check_blocks(&s, error);
    if (status == MELE_OK && s.repeats > MELE_I_MOST_FITS / s.folds)
        status = mele_i_fail(error, MELE_EINVAL, "%zu folds can be dealt %zu times at most, not %zu",
                             s.folds, MELE_I_MOST_FITS / s.folds, s.repeats);
    if (status == MELE_OK)
        *out = s;
    else
        mele_i_splits_clear(&s);
    return status;
}

void mele_i_splits_clear(mele_i_splits *splits)
{
    free(splits->level_of_fold);
    splits->level_of_fold = NULL;
}

/* The streams of a fit's own folds have the indices 1 and 2 (race.c). */
mele_status mele_i_splits_deal(const mele_i_splits *splits, uint64_t seed, size_t repeat, size_t **out,
                               mele_error *error)
{
    const mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_FOLDS, 0, repeat == 0 ? 0 : repeat + 2);

    if (splits->level_of_fold != NULL)
        return copy_folds(splits, out, error);
    return splits->blocks ? cut_blocks(splits, out, error)
                          : mele_i_deal_folds(splits->data, splits->folds, stream, out, error);
}

mele_status mele_i_splits_name(const mele_i_splits *splits, char ***out, mele_error *error)
{
    char **value = splits->data->fold_name, **name;

    *out = NULL;
    if (splits->level_of_fold == NULL || value == NULL)
        return MELE_OK;
    *out = name = MELE_I_ZEROED(char *, splits->folds);
    for (size_t f = 0; name != NULL && f < splits->folds; f++)
        if ((name[f] = mele_i_string(value[splits->level_of_fold[f]])) == NULL)
            return mele_i_no_memory(error);
    return name == NULL ? mele_i_no_memory(error) : MELE_OK;
}

mele_status mele_i_splits_tell(const mele_i_splits *splits, size_t index, size_t rows, mele_status status,
                               mele_error *error)
{
    char fold[64], message[MELE_MESSAGE_SIZE];

    if (status != MELE_EDATA || error == NULL)
        return status;
    if (splits->level_of_fold != NULL)
        mele_i_data_fold_text(splits->data, splits->level_of_fold[index], fold, sizeof fold);
    else
        snprintf(fold, sizeof fold, "%zu of %zu", index + 1, splits->folds);
    memcpy(message, error->message, sizeof message);
    return mele_i_fail(error, status, "outside fold %s %s %zu row%s: %s", fold,
                       rows == 1 ? "is" : "are", rows, rows == 1 ? "" : "s", message);
}
