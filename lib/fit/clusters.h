#ifndef MELE_FIT_CLUSTERS_H
#define MELE_FIT_CLUSTERS_H

#include <jansson.h>
#include <mele/fit.h>

/* Fit the partition of stage 1: the one of options->partition.clusters regions, or of as many as
 * the options' criterion finds best.
 * @param data     the rows with their targets; for the criterion "cv".
 * @param rows     the same rows in the space that is clustered.
 * @param start    options->partition, with the centres to start from if there are any.
 * @param record   NULL where K was given; else a new object, what was chosen from (see
 *                 doc/model-file.md).
 * Outputs are untouched on error. */
mele_status mele_i_clusters_fit(const mele_data *data, const mele_rows *rows,
                                const mele_options *options, const mele_partition_options *start,
                                mele_engine *engine, mele_partition **out,
                                mele_partition_info *info, json_t **record, mele_error *error);

#endif
