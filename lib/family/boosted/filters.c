#include "family/boosted/filters.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/row_groups.h"

#define PARTS 3

size_t mele_i_filter_count(const bool *marks, size_t rows)
{
    size_t count = 0;

    for (size_t i = 0; i < rows; i++)
        count += marks[i];
    return count;
}

size_t mele_i_filter_all(const mele_data *data, bool *out)
{
    for (size_t i = 0; i < data->rows; i++)
        out[i] = mele_i_data_counts(data, i);
    return mele_i_filter_count(out, data->rows);
}

/* ---- a third ---- */

/* Mark a group's rows that count: how many. */
static size_t take_group(const mele_data *data, const mele_i_row_groups *groups, size_t g, bool *out)
{
    size_t count = 0;

    for (size_t r = groups->start[g]; r < groups->start[g + 1]; r++) {
        out[groups->row[r]] = mele_i_data_counts(data, groups->row[r]);
        count += out[groups->row[r]];
    }
    return count;
}

/* The first in a random order, until there are enough rows. */
static mele_status draw(const mele_data *data, const mele_i_row_groups *groups, size_t wanted,
                        mele_i_stream *stream, bool *out, mele_error *error)
{
    size_t *order = MELE_I_ARRAY(size_t, groups->count), taken = 0;

    if (order == NULL)
        return mele_i_no_memory(error);
    for (size_t g = 0; g < groups->count; g++)
        order[g] = g;
    mele_i_stream_shuffle(stream, order, groups->count);
    for (size_t i = 0; i < data->rows; i++)
        out[i] = false;
    for (size_t g = 0; g < groups->count && taken < wanted; g++)
        taken += take_group(data, groups, order[g], out);
    free(order);
    return MELE_OK;
}

static mele_status number_rows(size_t rows, size_t **out, mele_error *error)
{
    *out = MELE_I_ARRAY(size_t, rows);
    for (size_t i = 0; i < rows && *out != NULL; i++)
        (*out)[i] = i;
    return *out == NULL ? mele_i_no_memory(error) : MELE_OK;
}

/* Without groups each row is one. */
mele_status mele_i_filter_third(const mele_data *data, mele_i_stream *stream, bool *out,
                                mele_error *error)
{
    const size_t wanted = (mele_i_filter_all(data, out) + PARTS - 1) / PARTS;
    mele_i_row_groups groups = {.rows = 0};
    size_t *own = NULL;
    mele_status status = data->group == NULL ? number_rows(data->rows, &own, error) : MELE_OK;

    if (status == MELE_OK)
        status = mele_i_row_groups_make(&groups, own == NULL ? data->group : own, data->rows, error);
    if (status == MELE_OK)
        status = draw(data, &groups, wanted, stream, out, error);
    mele_i_row_groups_free(&groups);
    free(own);
    return status;
}

/* ---- half wrong, half right ---- */

void mele_i_filter_halves(const bool *from, const bool *wrong, size_t rows, mele_i_stream *stream,
                          bool *out)
{
    size_t left[2] = {0, 0}; /* of the right ones, and of the wrong */

    for (size_t i = 0; i < rows; i++)
        left[wrong[i]] += from[i];
    size_t needed[2] = {left[0] < left[1] ? left[0] : left[1], 0};
    needed[1] = needed[0];
    for (size_t i = 0; i < rows; i++) {
        const bool w = wrong[i], in = from[i];
        out[i] = in && mele_i_stream_below(stream, left[w]) < needed[w];
        left[w] -= in;
        needed[w] -= out[i];
    }
}

/* ---- a threshold ---- */

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double mele_i_filter_quantile(const bool *from, const double *error, size_t rows, double share,
                              double *room)
{
    size_t count = 0;

    for (size_t i = 0; i < rows; i++)
        if (from[i])
            room[count++] = error[i];
    if (count == 0)
        return NAN;
    qsort(room, count, sizeof *room, by_size);
    const size_t at = (size_t)ceil(share * (double)count);
    return room[at == 0 ? 0 : at - 1];
}
