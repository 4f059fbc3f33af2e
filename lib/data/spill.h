#ifndef MELE_DATA_SPILL_H
#define MELE_DATA_SPILL_H

#include "data/reader.h"

/* Rows of a reader that do not fit into memory, in a temporary file (temporary.h). The reader's rows can
 * then be read in any order, of columns that are numbers or categories. */

/* Read all rows of a reader, of which none was read before: to a table, as mele_reader_next() does, or,
 * where there are more than `most`, to a temporary file. The table then has the columns, their levels
 * and the text that was wanted, and no rows, and *spilled is true. Failures are those of mele_reader_next(), and MELE_EIO of
 * the temporary file. */
mele_status mele_i_spill_read(mele_reader *reader, size_t most, mele_engine *engine,
                              mele_table **out, bool *spilled, mele_error *error);

/* Move the rows of a table that holds all rows of a reader to a temporary file, likewise. */
mele_status mele_i_spill_table(mele_reader *reader, mele_table *table, mele_engine *engine,
                               mele_error *error);

#endif
