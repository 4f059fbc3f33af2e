#ifndef MELE_FIT_EXPERTS_H
#define MELE_FIT_EXPERTS_H

#include <jansson.h>
#include <mele/expert.h>
#include <mele/report.h>

/* What stage 2 tells of its experts. */

/* The record of stage 2: K objects, or null where there is no expert. The old record (NULL: none)
 * tells of experts that are not fresh, or were not trained.
 * @param info      K entries.
 * @param left_out  with the left-out errors.
 * A new reference, NULL when memory ran out. */
json_t *mele_i_experts_record(const mele_expert_info *info, size_t clusters, bool classes,
                              const bool *fresh, const json_t *old, bool left_out);

/* Warn of small regions and of what did not converge. info: K + 1 entries; only: 1 to K, this
 * region alone, 0: all; freeze: 1 to K, but this one. */
void mele_i_warn_of_experts(mele_report *report, const mele_expert_info *info, size_t clusters,
                            size_t only, size_t freeze);

/* Training some experts can change who answers in a region that was not trained itself: when it was
 * merged into another, say, and that one now has too few rows for an expert. Find such regions, warn
 * of them, mark them in fresh (so that their record is written anew), and fill their info (K + 1
 * entries) with what the old record says of the expert that now answers there, unless that one was
 * trained now. */
void mele_i_report_moved(mele_report *report, const mele_experts *old, const json_t *record,
                         const mele_experts *experts, mele_expert_info *info, bool *fresh);

#endif
