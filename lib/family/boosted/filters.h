#ifndef MELE_FAMILY_BOOSTED_FILTERS_H
#define MELE_FAMILY_BOOSTED_FILTERS_H

#include <mele/matrix.h>
#include <stdbool.h>

#include "core/stream.h"
#include "schema/data.h"

/* Which rows an expert of boosting by filtering is trained on: n marks. Rows of weight 0 are none. */

/* The rows of positive weight. How many there are. */
size_t mele_i_filter_all(const mele_data *data, bool *out);

/* About a third of them, drawn at random: groups whole, as many as it takes. MELE_ENOMEM. */
mele_status mele_i_filter_third(const mele_data *data, mele_i_stream *stream, bool *out,
                                mele_error *error);

/* Of the rows of `from` those that are wrong, or right, whichever are fewer, and as many of the others, drawn
 * at random. out may be from. */
void mele_i_filter_halves(const bool *from, const bool *wrong, size_t rows, mele_i_stream *stream,
                          bool *out);

/* The least of the errors of the rows of `from` below or at which there is this share of them; room: n numbers.
 * NaN where there are none. */
double mele_i_filter_quantile(const bool *from, const double *error, size_t rows, double share,
                              double *room);

size_t mele_i_filter_count(const bool *marks, size_t rows);

#endif
