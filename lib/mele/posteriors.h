#ifndef MELE_POSTERIORS_H
#define MELE_POSTERIORS_H

#include <mele/engine.h>
#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Posteriors that came from elsewhere, in place of stage 1. A caller who has them in memory fills
 *  in the structure; log posteriors of a row need not be scaled to sum to 1. */
typedef struct mele_posteriors {
    size_t rows, clusters;
    double *log_posteriors; /**< rows x clusters: finite or -infinity; NaN throughout a row that has
                                 none: nothing is predicted of it, and no stage is fitted to it */
} mele_posteriors;

/** Read posteriors: columns post_1.. or (looked at first) logpost_1.., each of the region whose
 *  number is in its name, in any order and among any others; or one column of labels 1..K; a row
 *  per data row. Log posteriors are taken as they are; posteriors are divided by their sum, and
 *  those of zero are floored at 2^-52.
 *  A row of which all are missing, as mele-predict writes one that has no prediction, has none.
 * @param path    as for mele_reader_open(), with the default table options.
 * @param clusters  K of labels, when the largest of them may be less (a model's, for other rows
 *                  than it was made with); 0: the largest label, which may then be at most the
 *                  larger of 20 and half of the rows, and never more than there are rows.
 * @param engine  NULL: the calling thread alone.
 * @param out     cleared with mele_posteriors_clear(); untouched on error.
 * @return MELE_OK; MELE_EIO; MELE_EDATA: no such columns, a number that is missing or there
 *         twice among those of the names, a name with another thing in its place; a value
 *         that is missing beside others, a negative or infinite one, a row of zeros; a label that is not a whole number from 1, or
 *         makes more regions than that; MELE_ENOMEM. */
MELE_API mele_status mele_posteriors_read(const char *path, size_t clusters, mele_engine *engine,
                                          mele_posteriors *out, mele_error *error);

/** Free what mele_posteriors_read() made; the structure itself is the caller's. */
MELE_API void mele_posteriors_clear(mele_posteriors *posteriors);

#ifdef __cplusplus
}
#endif

#endif
