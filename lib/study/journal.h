#ifndef MELE_STUDY_JOURNAL_H
#define MELE_STUDY_JOURNAL_H

#include "study/comparison.h"

/* Outcomes in a file as they come, so that a run that was ended goes on from there: a line that says which comparison
 * it is of, and a line of JSON for each outcome, added in one piece, in whatever order they come. */
typedef struct mele_i_journal mele_i_journal;

/* Open or begin a journal, and take the outcomes that are in it where they are missing, on error perhaps some of
 * them. Half a line at the end is cut off. *out is closed with mele_i_journal_close(). MELE_EDATA: it is no journal, or of
 * another comparison, or a line cannot be read; MELE_EIO: the message is the system's, or another run has it;
 * MELE_ENOMEM. */
mele_status mele_i_journal_open(const char *path, mele_comparison *comparison, mele_i_journal **out,
                                mele_error *error);

/* NULL is nothing. */
void mele_i_journal_close(mele_i_journal *journal);

/* Which outcome. */
typedef struct mele_i_job {
    size_t set, contender, split, seed;
} mele_i_job;

/* Add one that is DONE or FAILED; any threads may at once. NULL is nothing. MELE_EIO; MELE_ENOMEM. */
mele_status mele_i_journal_add(mele_i_journal *journal, const mele_comparison *comparison, const mele_i_job *job,
                               mele_error *error);

/* What tells a comparison from others: its data, in the order of their rows, folds, contenders with their options,
 * seeds, and this version. MELE_EIO of data in a file; MELE_ENOMEM. */
mele_status mele_i_comparison_hash(const mele_comparison *comparison, uint64_t *out, mele_error *error);

#endif
