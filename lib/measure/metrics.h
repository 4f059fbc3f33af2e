#ifndef MELE_MEASURE_METRICS_H
#define MELE_MEASURE_METRICS_H

#include <mele/measure.h>

/* Metrics as numbers that can be kept, and of which those of all rows are made again: means, not sums, so that
 * none is beyond the doubles which the measures are not. */

/* How many numbers those are, of m targets, or of classes (m 1). */
size_t mele_i_metrics_moments(size_t targets, size_t classes);

void mele_i_metrics_keep(const mele_metrics *metrics, double *out);

/* As if the rows of which these were kept had been added after those that there are, to rounding. Of metrics of as
 * many targets and classes. */
void mele_i_metrics_join(mele_metrics *metrics, const double *kept);

#endif
