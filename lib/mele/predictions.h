#ifndef MELE_PREDICTIONS_H
#define MELE_PREDICTIONS_H

#include <mele/data.h>
#include <mele/engine.h>
#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What anybody's experts predict of rows: K experts of m targets, or of M classes. A caller who
 * has them in memory fills in the structure, whose arrays stay the caller's. */
typedef struct mele_predictions {
    size_t rows;
    size_t clusters; /**< K experts */
    size_t outputs;  /**< M: targets, or classes */
    double *mean;    /**< rows x K x M, the expert varying slower than the output: means in the
                          targets' units, or probabilities of classes, which are divided by their
                          sum. NaN: missing */
    double *sd;      /**< rows x K x m: standard deviations >= 0 of the targets about these means;
                          NULL: there are none, and of classes never */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_predictions;

/** Read what mele-predict writes as the items experts and, if it is there, experts-sd: columns
 *  expert_K_TARGET and expert_K_sd_TARGET, of classes expert_K_prob_LEVEL, for experts 1 to K, in
 *  any order and among any others. Of a .npy file, which has no names: K M columns in the order of
 *  that item, and perhaps as many of the other one after them.
 * @param path      as for mele_reader_open(), with the default table options.
 * @param schema    whose targets, or classes, are predicted.
 * @param clusters  K; 0: the largest number in a name (of .npy files it must be said).
 * @param data      the rows to fit to: the file has one for each and for each that was dropped,
 *                  and those that are used lack nothing. NULL: rows to predict, where a value that
 * is missing or infinite is left to say so.
 * @param engine    NULL: the calling thread alone.
 * @param out       cleared with mele_predictions_clear(); untouched on error.
 * @return MELE_OK; MELE_EIO; MELE_EDATA: a column is missing or is of one expert too many, or of no
 *         class; other rows than the data; a missing or infinite value, a negative probability or
 *         standard deviation, probabilities of nothing (error->line says where); MELE_ENOMEM. */
MELE_API mele_status mele_predictions_read(const char *path, const mele_schema *schema,
                                           size_t clusters, const mele_data *data,
                                           mele_engine *engine, mele_predictions *out,
                                           mele_error *error);

/** Free what mele_predictions_read() made; the structure itself is the caller's. */
MELE_API void mele_predictions_clear(mele_predictions *predictions);

#ifdef __cplusplus
}
#endif

#endif
