#ifndef MELE_DATA_CSV_FIRST_H
#define MELE_DATA_CSV_FIRST_H

#include <mele/status.h>

#include "data/strings.h"

/* The beginning of a CSV file: what precedes the first record, and that record. */

/* The length of a byte order mark, and of a line "sep=;" that says the delimiter; 0: none. */
size_t mele_i_csv_mark_length(const char *bytes, size_t length);
size_t mele_i_csv_separator_line(const char *bytes, size_t length, char *delimiter);

/* Whichever of comma, semicolon and tab the first line that is not blank has most often outside
 * quotes, of several the first; without `comma`, of the other two. Of a very long line its beginning
 * decides. '\0': more bytes are needed, which with `final` there are not. */
char mele_i_csv_find_delimiter(const char *bytes, size_t length, bool final, bool comma);

/* The first record that has cells. */
typedef struct mele_i_csv_first {
    mele_i_strings cells;
    size_t from, to;            /* its bytes */
    size_t line_from, lines_to; /* lines of the file before it, and up to its end */
    bool ended;                 /* by the line last fed: a record or an empty line */
    bool complete, no_memory;
} mele_i_csv_first;

/* Look for it in bytes from record->to on; with `final` the file ends with them, which completes it
 * too. It is there when record->complete. MELE_EDATA: the file is empty, or a quote is wrong. */
mele_status mele_i_csv_first_scan(const char *bytes, size_t length, bool final, char delimiter,
                                  mele_i_csv_first *record, mele_error *error);

#endif
