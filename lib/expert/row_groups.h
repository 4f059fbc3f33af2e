#ifndef MELE_EXPERT_ROW_GROUPS_H
#define MELE_EXPERT_ROW_GROUPS_H

#include "expert/regions.h"

/* Rows that are left out together. What an expert says of a row is then what it would say had it
 * not been trained on any row of that row's group, in whichever region that row is. */
typedef struct mele_i_row_groups {
    size_t rows, count;  /* groups are numbered by their first rows */
    size_t *of;          /* n: a row's group */
    size_t *start, *row; /* of group g: row[start[g]] .. row[start[g + 1] - 1], ascending */
    size_t *alone; /* K + 1: the group that region k's rows of positive weight are all of, where
                      the global expert answers, without it; count: they are of several, or
                      there are none */
} mele_i_row_groups;

/* From n ids, the same for rows of one group. Free with mele_i_row_groups_free(), also after a
 * failure. O(n log n). */
mele_status mele_i_row_groups_make(mele_i_row_groups *groups, const size_t *ids, size_t rows,
                                   mele_error *error);
void mele_i_row_groups_free(mele_i_row_groups *groups);

/* Find the groups that are alone in a region, as the regions are now. */
mele_status mele_i_row_groups_find_alone(mele_i_row_groups *groups, const mele_i_regions *regions,
                                     mele_error *error);

/* Number the groups of some rows from 0 in the order they come, to number[], and count them. */
mele_status mele_i_row_groups_number(const mele_i_row_groups *groups, const size_t *row,
                                     size_t count, size_t *number, size_t *out, mele_error *error);

/* Whether expert k says nothing of its own of row i, since all that it was trained on is of that
 * row's group; groups NULL: there are none. */
static inline bool mele_i_row_groups_alone(const mele_i_row_groups *groups, size_t i, size_t k)
{
    return groups != NULL && groups->alone[k] == groups->of[i];
}

/* Whether some of the regions 0 .. clusters - 1 that `train` marks (NULL: all) is of one group. */
bool mele_i_row_groups_any_alone(const mele_i_row_groups *groups, size_t clusters,
                                 const bool *train);

#endif
