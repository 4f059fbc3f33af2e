#ifndef MELE_POSTERIORS_H
#define MELE_POSTERIORS_H

#include <mele/engine.h>
#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Posteriors that came from elsewhere, in place of stage 1; NULL stands for none. */
typedef struct mele_posteriors {
    size_t rows, clusters;
    double *log_posteriors; /**< rows x clusters */
} mele_posteriors;

/** Read posteriors: columns post_1.. or logpost_1.., or one column of labels 1..K; a row per data
 *  row. Log posteriors are taken as they are; posteriors of zero are floored at 2^-52.
 * @param out  cleared with mele_posteriors_clear(). */
MELE_API mele_status mele_posteriors_read(const char *path, mele_engine *engine,
                                          mele_posteriors *out, mele_error *error);
MELE_API void mele_posteriors_clear(mele_posteriors *posteriors);

#ifdef __cplusplus
}
#endif

#endif
