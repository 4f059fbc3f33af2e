#include "schema/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

/* ---- which rows are used ---- */

#define GROUP_WORDS 64 /* of 64 rows: what is counted through to find the i-th row */

static size_t words_of(size_t rows)
{
    return rows / 64 + (rows % 64 != 0);
}

bool mele_i_row_set_new(size_t rows, mele_i_row_set *out)
{
    size_t words = words_of(rows);
    mele_i_row_set set = {.rows = rows,
                          .used = rows,
                          .bit = MELE_I_ARRAY(uint64_t, words),
                          .before = MELE_I_ARRAY(size_t, words / GROUP_WORDS + 1)};

    if (set.bit == NULL || set.before == NULL) {
        mele_i_row_set_clear(&set);
        return false;
    }
    memset(set.bit, 0xff, words * sizeof *set.bit);
    if (rows % 64 != 0)
        set.bit[words - 1] = (UINT64_C(1) << rows % 64) - 1;
    *out = set;
    return true;
}

void mele_i_row_set_clear(mele_i_row_set *set)
{
    free(set->bit);
    free(set->before);
    set->bit = NULL;
    set->before = NULL;
}

void mele_i_row_set_finish(mele_i_row_set *set)
{
    size_t used = 0;

    for (size_t word = 0; word < words_of(set->rows); word++) {
        if (word % GROUP_WORDS == 0)
            set->before[word / GROUP_WORDS] = used;
        used += (size_t)__builtin_popcountll(set->bit[word]);
    }
    set->used = used;
    if (used == set->rows)
        mele_i_row_set_clear(set);
}

size_t mele_i_row_set_at(const mele_i_row_set *set, size_t i)
{
    size_t low = 0, high = (words_of(set->rows) - 1) / GROUP_WORDS + 1;

    if (set->bit == NULL)
        return i;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (set->before[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    size_t left = i - set->before[low], word = low * GROUP_WORDS, count;
    for (; (count = (size_t)__builtin_popcountll(set->bit[word])) <= left; word++)
        left -= count;
    uint64_t bits = set->bit[word];
    for (; left > 0; left--)
        bits &= bits - 1;
    return word * 64 + (size_t)__builtin_ctzll(bits);
}

size_t mele_i_row_set_next(const mele_i_row_set *set, size_t row)
{
    size_t word = row / 64;

    if (set->bit == NULL)
        return row;
    uint64_t bits = set->bit[word] >> row % 64 << row % 64;
    while (bits == 0)
        bits = set->bit[++word];
    return word * 64 + (size_t)__builtin_ctzll(bits);
}

/* ---- columns ---- */

bool mele_i_window_columns_new(size_t columns, mele_i_window_columns *out)
{
    mele_i_window_columns made = {columns, MELE_I_ARRAY(size_t, columns),
                                  MELE_I_ZEROED(double *, columns)};

    if (made.column == NULL || made.level == NULL) {
        free(made.column);
        free(made.level);
        return false;
    }
    *out = made;
    return true;
}

void mele_i_window_columns_clear(mele_i_window_columns *columns)
{
    for (size_t j = 0; columns->level != NULL && j < columns->columns; j++)
        free(columns->level[j]);
    free(columns->level);
    free(columns->column);
    memset(columns, 0, sizeof *columns);
}

mele_status mele_i_window_columns_read(const mele_reader *reader,
                                       const mele_i_window_columns *columns, size_t first,
                                       size_t count, double *out, mele_error *error)
{
    const size_t d = columns->columns;
    mele_status status = mele_i_reader_numbers(reader, columns->column, d, first, count, out, error);

    for (size_t j = 0; j < d && status == MELE_OK; j++)
        for (size_t i = 0; columns->level[j] != NULL && i < count; i++)
            if (!isnan(out[i * d + j]))
                out[i * d + j] = columns->level[j][(size_t)out[i * d + j]];
    return status;
}

/* ---- windows ---- */

struct mele_i_windows {
    mele_reader *reader;
    mele_i_window_columns columns;
    mele_i_row_set rows;
};

mele_status mele_i_windows_new(mele_reader **reader, mele_i_window_columns *columns,
                               mele_i_row_set *rows, mele_i_windows **out, mele_error *error)
{
    mele_i_windows *windows = MELE_I_NEW(mele_i_windows);

    if (windows == NULL)
        return mele_i_no_memory(error);
    *windows = (mele_i_windows){*reader, *columns, *rows};
    *reader = NULL;
    memset(columns, 0, sizeof *columns);
    rows->bit = NULL;
    rows->before = NULL;
    *out = windows;
    return MELE_OK;
}

void mele_i_windows_free(mele_i_windows *windows)
{
    if (windows == NULL)
        return;
    mele_reader_close(windows->reader);
    mele_i_window_columns_clear(&windows->columns);
    mele_i_row_set_clear(&windows->rows);
    free(windows);
}

mele_status mele_i_windows_some(const mele_i_windows *windows, const size_t *feature,
                                size_t features, mele_i_windows **out, mele_error *error)
{
    mele_i_windows *some = MELE_I_NEW(mele_i_windows);

    if (some == NULL)
        return mele_i_no_memory(error);
    *some = (mele_i_windows){.reader = windows->reader, .rows = windows->rows};
    if (!mele_i_window_columns_new(features, &some->columns)) {
        free(some);
        return mele_i_no_memory(error);
    }
    for (size_t j = 0; j < features; j++) {
        some->columns.column[j] = windows->columns.column[feature[j]];
        some->columns.level[j] = windows->columns.level[feature[j]];
    }
    *out = some;
    return MELE_OK;
}

void mele_i_windows_free_some(mele_i_windows *some)
{
    free(some->columns.column);
    free(some->columns.level);
    free(some);
}

size_t mele_i_windows_row(const mele_i_windows *windows, size_t i)
{
    return mele_i_row_set_at(&windows->rows, i);
}

/* Move the used ones of the count rows at `from`, which start with row `row` of the file, together;
 * returns how many there are. */
static size_t keep_used(const mele_i_windows *w, size_t row, size_t count, double *from)
{
    const uint64_t *bit = w->rows.bit;
    const size_t d = w->columns.columns;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++, row++)
        if ((bit[row / 64] >> row % 64 & 1) != 0) {
            if (kept != i)
                memcpy(from + kept * d, from + i * d, d * sizeof *from);
            kept++;
        }
    return kept;
}

/* Used rows one after the other. */
static mele_status read_run(const mele_i_windows *w, size_t first, size_t count, double *out,
                            mele_error *error)
{
    mele_status status = MELE_OK;

    if (w->rows.bit == NULL)
        return mele_i_window_columns_read(w->reader, &w->columns, first, count, out, error);
    for (size_t row = mele_i_row_set_at(&w->rows, first), done = 0;
         done < count && status == MELE_OK;) {
        size_t left = w->rows.rows - (row = mele_i_row_set_next(&w->rows, row));
        size_t span = count - done < left ? count - done : left;
        double *to = out + done * w->columns.columns;
        status = mele_i_window_columns_read(w->reader, &w->columns, row, span, to, error);
        if (status == MELE_OK)
            done += keep_used(w, row, span, to);
        row += span;
    }
    return status;
}

#define GAP 16             /* used rows that are not wanted are read along up to which */
#define SPAN_NUMBERS 32768 /* read at once */

/* How many of the listed rows are to be read at once: they ascend, with small gaps. */
static size_t span_of(const mele_i_windows *w, const size_t *row, size_t count)
{
    const size_t most = SPAN_NUMBERS / w->columns.columns;
    size_t wanted = 1;

    while (wanted < count && row[wanted] > row[wanted - 1] && row[wanted] - row[wanted - 1] <= GAP
           && row[wanted] - row[0] < most)
        wanted++;
    return wanted;
}

/* Read all rows from the first to the last of a span, and keep the listed ones. */
static mele_status read_span(const mele_i_windows *w, const size_t *row, size_t count, double *span,
                             double *out, mele_error *error)
{
    const size_t d = w->columns.columns, rows = row[count - 1] - row[0] + 1;
    mele_status status;

    if (rows == count)
        return read_run(w, row[0], count, out, error);
    status = read_run(w, row[0], rows, span, error);
    for (size_t i = 0; i < count && status == MELE_OK; i++)
        memcpy(out + i * d, span + (row[i] - row[0]) * d, d * sizeof *out);
    return status;
}

mele_status mele_i_windows_read(const mele_i_windows *w, const size_t *row, size_t first,
                                size_t count, double *out, mele_error *error)
{
    const size_t d = w->columns.columns;
    double *span = NULL;
    mele_status status = MELE_OK;

    if (row == NULL)
        return read_run(w, first, count, out, error);
    span = MELE_I_ARRAY(double, SPAN_NUMBERS);
    if (span == NULL)
        return mele_i_no_memory(error);
    for (size_t done = 0, some; done < count && status == MELE_OK; done += some) {
        some = span_of(w, row + first + done, count - done);
        status = read_span(w, row + first + done, some, span, out + done * d, error);
    }
    free(span);
    return status;
}
