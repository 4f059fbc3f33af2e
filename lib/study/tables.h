#ifndef MELE_STUDY_TABLES_H
#define MELE_STUDY_TABLES_H

#include <stddef.h>

/* The data files that come along (data/README.md), built in, so that the suite needs no file and
 * looks for none: tables.c is made of them by lib/study/tables.awk. */

typedef struct mele_i_table {
    const char *name; /* of the file, without .csv */
    size_t rows, columns;
    const char *const *column; /* columns: their names */
    const char *const *const
        *levels; /* columns: of text its levels, sorted bytewise and ended by NULL, else NULL */
    const double *value; /* rows x columns: numbers, and of text the places of levels */
} mele_i_table;

/* NULL: there is none of that name. */
const mele_i_table *mele_i_table_named(const char *name);

#endif
