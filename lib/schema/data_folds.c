/* Folds that data bring along: a column (--folds), or numbers of a caller's arrays. */
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "schema/data.h"

mele_status mele_i_data_name_folds(mele_data *data, const mele_table *table, size_t column,
                                   mele_error *error)
{
    data->folds = mele_table_levels(table, column);
    data->fold_name = MELE_I_ZEROED(char *, data->folds);
    if (data->fold_name == NULL)
        return mele_i_no_memory(error);
    for (size_t f = 0; f < data->folds; f++)
        if ((data->fold_name[f] = mele_i_string(mele_table_level(table, column, f))) == NULL)
            return mele_i_no_memory(error);
    return MELE_OK;
}

size_t mele_i_data_fold_text(const mele_data *data, size_t fold, char *out, size_t size)
{
    const bool named = data->fold_name != NULL;

    return (size_t)(named ? snprintf(out, size, "\"%s\"", data->fold_name[fold])
                          : snprintf(out, size, "%zu", fold + 1));
}

mele_status mele_i_data_find_clash(const mele_data *data, mele_i_fold_clash *out,
                                   mele_error *error)
{
    size_t most = 0, *first;

    out->found = false;
    if (data->fold == NULL || data->group == NULL)
        return MELE_OK;
    for (size_t i = 0; i < data->rows; i++)
        most = data->group[i] > most ? data->group[i] : most;
    first = MELE_I_ARRAY(size_t, most + 1); /* row of each group that counts */
    if (first == NULL)
        return mele_i_no_memory(error);
    for (size_t g = 0; g <= most; g++)
        first[g] = data->rows;
    for (size_t i = 0; i < data->rows && !out->found; i++) {
        size_t *known = &first[data->group[i]];
        if (!mele_i_data_counts(data, i))
            continue;
        if (*known == data->rows)
            *known = i;
        else if (data->fold[*known] != data->fold[i])
            *out = (mele_i_fold_clash){true, {i, *known}};
    }
    free(first);
    return MELE_OK;
}

mele_status mele_i_data_refuse_clash(const mele_data *data, const mele_i_fold_clash *clash,
                                     const size_t *line, mele_error *error)
{
    char fold[2][64];

    for (int r = 0; r < 2; r++)
        mele_i_data_fold_text(data, data->fold[clash->row[r]], fold[r], sizeof fold[r]);
    if (line != NULL)
        return mele_i_fail_at(error, MELE_EDATA, line[0], "this row is in fold %s, and line %zu, "
                              "which is of the same group, in fold %s: a group must be in one fold "
                              "(--folds, --group)", fold[0], line[1], fold[1]);
    return mele_i_fail(error, MELE_EDATA, "row %zu is in fold %s, and row %zu, which is of the same "
                       "group, in fold %s: a group must be in one fold", clash->row[0] + 1, fold[0],
                       clash->row[1] + 1, fold[1]);
}
