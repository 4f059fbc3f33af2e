#ifndef MELE_SCHEMA_ROLES_H
#define MELE_SCHEMA_ROLES_H

#include "schema/schema.h"

#define MELE_I_NO_COLUMN ((size_t)-1)

/* A list of column indices. */
typedef struct mele_i_columns {
    size_t count;
    size_t *column;
} mele_i_columns;

/* What each column of a file is for. */
typedef struct mele_i_roles {
    mele_i_columns features, targets;
    size_t weights, id, group, folds; /* MELE_I_NO_COLUMN: none */
    bool *categorical;         /* asked to be a category; one flag a column */
} mele_i_roles;

/* The names of a file's columns; NULL for one that is not known. */
typedef struct mele_i_names {
    size_t count;
    const char *const *name;
    const bool *idle; /* columns that are features only when they are named; NULL: none is */
    const char *what; /* messages call one; NULL: a column */
} mele_i_names;

/* Resolve a comma separated list of columns: exact names first, then numbers from 1, then ranges;
 * a list that is a column's name as a whole is that column. `option` names the option in
 * messages. MELE_EDATA: a column that is not there; MELE_EINVAL: one named twice. */
mele_status mele_i_columns_resolve(const mele_i_names *names, const char *list, const char *option,
                                   mele_i_columns *out, mele_error *error);

/* The roles that options give to a file's columns. Without a list of features a column that has no
 * name and numbers the rows, or holds nothing, is none, and that is told. */
mele_status mele_i_roles_of_options(mele_reader *reader, const mele_data_options *options,
                                    mele_engine *engine, mele_i_roles *out, mele_error *error);

/* The roles of a file that is to follow a schema: its features and targets by name, or by position
 * when the file has no header or the reader was told so; a schema whose names came from no header
 * matches by name only the names that it made itself (x1, x2, ...). Targets that are not in the file are an error only
 * when need_targets. Roles of the options that the schema does not fix (weights, id, group, folds, and
 * the target of a schema that has none) are resolved as above. */
mele_status mele_i_roles_of_schema(const mele_reader *reader, const mele_data_options *options,
                                   const mele_schema *schema, bool need_targets,
                                   mele_i_roles *out, mele_error *error);

void mele_i_roles_clear(mele_i_roles *roles);

#endif
