#ifndef MELE_FIT_CLUSTERS_H
#define MELE_FIT_CLUSTERS_H

#include "fit/stages.h"

/* Choose how many regions there are, where the options do not say: as many as their criterion finds
 * best. What the choice has found out goes to stage 1: the number, its partition, and the record of
 * what was chosen from (see doc/model-file.md). A number that is given stays as it is. */
mele_status mele_i_choose_clusters(const mele_i_run *run, mele_i_regions_fit *fit,
                                   mele_error *error);

#endif
