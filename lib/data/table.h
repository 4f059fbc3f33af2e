#ifndef MELE_DATA_TABLE_H
#define MELE_DATA_TABLE_H

#include <mele/table.h>

#include "data/strings.h"

/* A table while it is filled. Every function that can fail does so because memory ran out. */

/* What text in a column must not be, and why: it is to be a feature or a target. */
typedef enum mele_i_guard {
    MELE_I_GUARD_NONE,
    MELE_I_GUARD_FEATURE,
    MELE_I_GUARD_TARGET
} mele_i_guard;

/* What is known of a column of a file; INFER until the first rows decided. */
typedef struct mele_i_column {
    char *name;
    mele_column_kind kind;
    bool keep_text;
    bool inferred; /* the first rows decided */
    bool nameless; /* the file has no name for it; its name is made of its position */
    mele_i_guard guard;
} mele_i_column;

/* One column's cells: values of NUMBER, CATEGORY and INFER, text of TEXT and keep_text. */
typedef struct mele_i_cells {
    mele_i_column column;
    double *values; /* room for table->room; levels are numbered by first appearance until
                       mele_i_table_finish() */
    mele_i_levels levels;
    mele_i_strings text;
} mele_i_cells;

/* From this row on, lines go up by one a row. */
typedef struct mele_i_line_run {
    size_t row, line;
} mele_i_line_run;

struct mele_table {
    size_t rows, columns, room;
    mele_i_cells *cells;
    mele_i_line_run *runs;
    size_t run_count, run_room;
};

mele_status mele_i_table_new(const mele_i_column *columns, size_t count, mele_table **out,
                             mele_error *error);

bool mele_i_column_has_values(const mele_i_column *column);
bool mele_i_column_has_text(const mele_i_column *column);

/* Make room for so many rows; `hoped` (>= rows) is tried first. */
bool mele_i_table_reserve(mele_table *table, size_t rows, size_t hoped);

/* Forget all rows, and keep room for no more than `most`; levels and text stay, so that text is that of
 * all rows which there were. */
void mele_i_table_empty(mele_table *table, size_t most);

/* Give back the values of a column, which are wanted no more. */
void mele_i_table_forget(mele_table *table, size_t j);

/* Row `row`, the next one without a line, starts on this line. */
bool mele_i_table_add_line(mele_table *table, size_t row, size_t line);

/* All rows are in: give back unused room, sort levels, take INFER for NUMBER. */
bool mele_i_table_finish(mele_table *table);

#endif
