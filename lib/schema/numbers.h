#ifndef MELE_SCHEMA_NUMBERS_H
#define MELE_SCHEMA_NUMBERS_H

#include "schema/data.h"

/* Data of a file whose rows can be read in any order: they pass by the table, into rows in memory or,
 * when there is not enough of that, not at all. Of a .npy file whose features are numbers, categories
 * (classes, groups) still come as a table; of a temporary file they are read as numbers, too. */

/* Whether the roles, as they are wanted of the reader, allow it. If so, what is not a category is
 * no longer wanted in a table. */
mele_status mele_i_numbers_wanted(mele_reader *reader, const mele_i_roles *roles, bool *out,
                                  mele_error *error);

/* Fill data, which has a schema and the table of the rest: of a reader that is spilled, of the levels
 * alone. *reader is NULL when the data keep it. */
mele_status mele_i_numbers_fill(mele_reader **reader, bool spilled, const mele_i_roles *roles,
                                const mele_data_options *options, mele_engine *engine,
                                mele_data *data, mele_error *error);

/* How many rows of so many numbers fit into what data may take (mele_data_options.memory). */
size_t mele_i_rows_that_fit(size_t numbers, size_t memory);

#endif
