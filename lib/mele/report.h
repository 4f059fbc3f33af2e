#ifndef MELE_REPORT_H
#define MELE_REPORT_H

#include <stdbool.h>

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a run did: sizes, times, what each stage reported, warnings. Functions that fit take one,
 *  or NULL for "not wanted", and add to it. One report serves one run, from one thread at a time.
 *  doc/model-file.md lists its keys. */
typedef struct mele_report mele_report;

/** A report of a run of `program` (a name for the reader; copied).
 * @param out  freed with mele_report_free(); untouched on error.
 * @return MELE_OK; MELE_ENOMEM. */
MELE_API mele_status mele_report_new(const char *program, mele_report **out, mele_error *error);

/** NULL is nothing. */
MELE_API void mele_report_free(mele_report *report);

/** Set the seconds that a part of the run took ("read", "write", "total"; stages set their own).
 *  report NULL is nothing. */
MELE_API void mele_report_seconds(mele_report *report, const char *part, double seconds);

/** The number at a path of keys joined by dots, such as "cv.model.mae" (elements of a list count
 *  from 0: "partition.sizes.0"; true is 1); false: there is none. */
MELE_API bool mele_report_number(const mele_report *report, const char *path, double *out);

/** The text at such a path, such as "gate.kind", owned by the report; NULL: there is none. */
MELE_API const char *mele_report_string(const mele_report *report, const char *path);

/** The i-th warning, one line, owned by the report; NULL past the last. */
MELE_API const char *mele_report_warning(const mele_report *report, size_t i);

/** MELE_OK; MELE_ENOMEM: there was no memory for something that it should say, perhaps a warning.
 *  (A fit does not fail because its report does.) */
MELE_API mele_status mele_report_status(const mele_report *report, mele_error *error);

/** Whether everything that iterates converged; the warnings say what did not. */
MELE_API bool mele_report_converged(const mele_report *report);

/** The report as JSON text, ended by a newline, in memory that the caller frees with free().
 * @return MELE_OK; MELE_ENOMEM, also when memory ran out while the report was filled. */
MELE_API mele_status mele_report_text(const mele_report *report, char **out, size_t *length,
                                      mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
