#ifndef MELE_SCHEMA_BIND_H
#define MELE_SCHEMA_BIND_H

#include "schema/roles.h"

/* The columns of a file as the variables of a schema: what is wanted of the reader, and what its
 * tables then hold. */

/* Say of each column of the roles what it is wanted for. */
mele_status mele_i_want_columns(mele_reader *reader, const mele_i_roles *roles,
                                const mele_schema *schema, const mele_data_options *options,
                                mele_error *error);

/* Ask for the text of column j, too, besides what the roles want of it. */
mele_status mele_i_want_text(mele_reader *reader, size_t j, const mele_i_roles *roles,
                             const mele_schema *schema, mele_error *error);

/* What stands for the levels of a table's column, as of a variable: an index, or infinity where the
 * variable has no such level; free(*level). NULL: the levels are the variable's. */
mele_status mele_i_bind_levels(const mele_table *table, size_t j, const mele_i_variable *variable,
                               double **level, mele_error *error);

/* A column of a table as a variable: its values are *column, which *owned holds when levels had to
 * be translated (else NULL). */
mele_status mele_i_bind_variable(const mele_table *table, size_t j, const mele_i_variable *variable,
                                 const double **column, double **owned, mele_error *error);

/* The columns of a table as a schema's features: column[j] for feature j, which owned[j] holds
 * when its levels had to be translated (else NULL). Both have room for all features; free every
 * owned[j], also after an error. */
mele_status mele_i_bind_features(const mele_table *table, const mele_i_columns *features,
                                 const mele_schema *schema, const double **column, double **owned,
                                 mele_error *error);

#endif
