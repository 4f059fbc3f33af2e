#ifndef MELE_DATA_CSV_PLAIN_H
#define MELE_DATA_CSV_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "data/csv_chunk.h"

/* Whether a line is plain: it holds no quote and has its end, LF, CRLF or CR, which is in no cell. What
 * libcsv makes of such a line between two records needs no state. */
bool mele_i_csv_is_plain(const char *line, size_t length);

/* Tell of the cells and of the end of a plain line what libcsv, fed between two records, tells: cells
 * without the spaces and tabs around them; a line of nothing else is an end alone. */
void mele_i_csv_plain_line(const char *line, size_t length, char delimiter, mele_i_csv_cell_fn *cell,
                           mele_i_csv_row_fn *row, void *context);

#endif
