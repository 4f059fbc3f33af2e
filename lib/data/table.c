#include "data/table.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"

mele_table_options mele_table_defaults(void)
{
    mele_table_options options = {.header = true, .missing = ",NA,NaN,nan,?"};
    return options;
}

bool mele_i_column_has_values(const mele_i_column *column)
{
    return column->kind != MELE_COLUMN_SKIP && column->kind != MELE_COLUMN_TEXT;
}

bool mele_i_column_has_text(const mele_i_column *column)
{
    return column->kind == MELE_COLUMN_TEXT
           || (column->keep_text && column->kind != MELE_COLUMN_SKIP);
}

mele_status mele_i_table_new(const mele_i_column *columns, size_t count, mele_table **out,
                             mele_error *error)
{
    mele_table *table = MELE_I_NEW(mele_table);
    mele_i_cells *cells = MELE_I_ZEROED(mele_i_cells, count);
    bool done = table != NULL && cells != NULL;

    if (table != NULL)
        table->cells = cells;
    for (size_t j = 0; j < count && done; j++) {
        cells[j].column = columns[j];
        cells[j].column.name = mele_i_string(columns[j].name);
        done = cells[j].column.name != NULL;
        table->columns = j + 1;
    }
    if (!done) {
        if (table == NULL)
            free(cells);
        mele_table_free(table);
        return mele_i_no_memory(error);
    }
    *out = table;
    return MELE_OK;
}

void mele_table_free(mele_table *table)
{
    if (table == NULL)
        return;
    for (size_t j = 0; j < table->columns; j++) {
        mele_i_cells *cells = &table->cells[j];
        free(cells->column.name);
        free(cells->values);
        mele_i_levels_free(&cells->levels);
        mele_i_strings_free(&cells->text);
    }
    free(table->cells);
    free(table->runs);
    free(table);
}

static bool set_room(mele_table *table, size_t room)
{
    for (size_t j = 0; j < table->columns; j++) {
        mele_i_cells *cells = &table->cells[j];
        if (!mele_i_column_has_values(&cells->column))
            continue;
        double *values = mele_i_grow(cells->values, room, sizeof *values);
        if (values == NULL)
            return false;
        cells->values = values;
    }
    table->room = room;
    return true;
}

bool mele_i_table_reserve(mele_table *table, size_t rows, size_t hoped)
{
    if (rows <= table->room)
        return true;
    return set_room(table, hoped) || set_room(table, rows);
}

void mele_i_table_empty(mele_table *table, size_t most)
{
    table->rows = table->run_count = 0;
    if (table->room > most) {
        set_room(table, most); /* where this fails, there is more room than is used */
        table->room = most;
    }
}

void mele_i_table_forget(mele_table *table, size_t j)
{
    free(table->cells[j].values);
    table->cells[j].values = NULL;
}

bool mele_i_table_add_line(mele_table *table, size_t row, size_t line)
{
    if (table->run_count > 0) {
        const mele_i_line_run *last = &table->runs[table->run_count - 1];
        if (line - last->line == row - last->row)
            return true;
    }
    if (table->run_count == table->run_room) {
        size_t room = table->run_room + table->run_room / 2 + 4;
        mele_i_line_run *runs = mele_i_grow(table->runs, room, sizeof *runs);
        if (runs == NULL)
            return false;
        table->runs = runs;
        table->run_room = room;
    }
    table->runs[table->run_count++] = (mele_i_line_run){row, line};
    return true;
}

static bool sort_levels(mele_i_cells *cells, size_t rows)
{
    size_t count = cells->levels.names.count;
    size_t *number = MELE_I_ARRAY(size_t, count);
    bool done = number != NULL && mele_i_levels_sort(&cells->levels, number);

    for (size_t i = 0; i < rows && done; i++)
        if (!isnan(cells->values[i]))
            cells->values[i] = (double)number[(size_t)cells->values[i]];
    free(number);
    return done;
}

bool mele_i_table_finish(mele_table *table)
{
    bool done = table->room > 0 || set_room(table, 0);

    if (table->room > table->rows)
        set_room(table, table->rows); /* failing to shrink changes nothing */
    for (size_t j = 0; j < table->columns && done; j++) {
        mele_i_cells *cells = &table->cells[j];
        if (cells->column.kind == MELE_COLUMN_INFER)
            cells->column.kind = MELE_COLUMN_NUMBER;
        if (cells->column.kind == MELE_COLUMN_CATEGORY)
            done = sort_levels(cells, table->rows);
    }
    return done;
}

size_t mele_table_rows(const mele_table *table)
{
    return table->rows;
}

size_t mele_table_columns(const mele_table *table)
{
    return table->columns;
}

const char *mele_table_name(const mele_table *table, size_t j)
{
    return table->cells[j].column.name;
}

mele_column_kind mele_table_kind(const mele_table *table, size_t j)
{
    return table->cells[j].column.kind;
}

const double *mele_table_values(const mele_table *table, size_t j)
{
    return table->cells[j].values;
}

size_t mele_table_levels(const mele_table *table, size_t j)
{
    return table->cells[j].levels.names.count;
}

const char *mele_table_level(const mele_table *table, size_t j, size_t level)
{
    return mele_i_strings_at(&table->cells[j].levels.names, level, NULL);
}

const char *mele_table_text(const mele_table *table, size_t i, size_t j, size_t *length)
{
    const mele_i_cells *cells = &table->cells[j];

    return mele_i_column_has_text(&cells->column) ? mele_i_strings_at(&cells->text, i, length)
                                                  : NULL;
}

size_t mele_table_line(const mele_table *table, size_t i)
{
    size_t low = 0, high = table->run_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (table->runs[middle].row <= i)
            low = middle;
        else
            high = middle;
    }
    return table->runs[low].line + (i - table->runs[low].row);
}
