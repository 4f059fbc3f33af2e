#ifndef MELE_FIT_H
#define MELE_FIT_H

#include <mele/data.h>
#include <mele/engine.h>
#include <mele/left_out.h>
#include <mele/model.h>
#include <mele/options.h>
#include <mele/posteriors.h>
#include <mele/predictions.h>
#include <mele/report.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The three stages on data, one by one or in one call. A stage fitted on its own to the same data
 * with the same options gives the same bytes as the one call. Options are not NULL; engine NULL is
 * the calling thread alone, report NULL "not wanted".
 *
 * Data of a later stage must follow the model's schema: read with it (mele_data_read()), or arrays
 * of the same shape. */

/** Read a file of centres to start stage 1 from: a row for each, in the data's units, with the
 *  columns that are clustered: numbers by their names, a category by its indicators "feature=level"
 *  or by a column of its levels; other columns are not looked at. Without a header (.npy, or
 *  options->data.table.header false) they stand where they stand in the data, or are those that are
 *  clustered and no others. What mele_model_table() says of centres is read as well.
 * @param path     as for mele_reader_open(), otherwise with the default table options.
 * @param data     whose features and targets the columns are.
 * @param options  cluster_on and data.table.header are looked at.
 * @param engine   NULL: the calling thread alone.
 * @param out      cleared with mele_centres_clear(); untouched on error.
 * @return MELE_OK; MELE_EIO; MELE_EDATA: no rows, a column that is not there or is there twice, a
 *         missing value, what is no finite number or no level (error->line says where);
 *         MELE_EINVAL: options; MELE_ENOMEM. */
MELE_API mele_status mele_centres_read(const char *path, const mele_data *data,
                                       const mele_options *options, mele_engine *engine,
                                       mele_centres *out, mele_error *error);

/** Free what mele_centres_read() made; the structure itself is the caller's. */
MELE_API void mele_centres_clear(mele_centres *centres);

/** Stage 1: a new model with a partition.
 * @param options  with partition.clusters 0 the number of regions is chosen: by its criterion from
 *                 clusters_least .. clusters_most, or from 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 as far
 *                 as the data have 20 rows for each. The criterion "cv" looks at the options of all
 *                 stages, and costs a whole fit for each fold (10; fewer of less than 100 or more
 *                 than 5000 rows) and number. The partition is the same bytes as that of the chosen
 *                 number alone.
 * @param report   NULL: not wanted. What was chosen from is in "partition": "criterion" and
 *                 "candidates".
 * @param out      freed with mele_model_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: options, the criterion "cv" without a target; MELE_EDATA: more
 *         clusters than rows; MELE_ENOMEM; MELE_ESTOPPED. Not converging and merged clusters are
 *         warnings of the report. */
MELE_API mele_status mele_fit_partition(const mele_data *data, const mele_options *options,
                                        mele_engine *engine, mele_report *report,
                                        mele_model **out, mele_error *error);

/** A new model without stage 1, for posteriors of so many regions (not NULL; only their number is
 *  looked at). It can be written as a file once it has experts.
 * @param out  freed with mele_model_free(); untouched on error.
 * @return MELE_OK; MELE_ENOMEM. */
MELE_API mele_status mele_fit_outside(const mele_data *data, const mele_posteriors *posteriors,
                                      const mele_options *options, mele_engine *engine,
                                      mele_model **out, mele_error *error);

/** What a later stage takes and hands on beside the model. */
typedef struct mele_handover {
    const mele_posteriors *posteriors; /**< for a model without stage 1, a row per row of the data and
                                            of those that were dropped; else NULL */
    mele_left_out **left_out_to;       /**< stage 2: where its left-out predictions go, to be let go of
                                            with mele_left_out_free(); untouched on error. NULL: they
                                            are not made */
    const mele_left_out *left_out;     /**< stage 3: what stage 2 handed on, of these rows and of the
                                            model's experts, or it is refused. NULL: they are made
                                            anew */
    const mele_predictions *predictions; /**< stage 3 of mele_fit_gate_outside() alone: those of its
                                            experts, a row as of posteriors; else NULL */
    uint64_t reserved[MELE_RESERVED];  /**< 0, see MELE_RESERVED */
} mele_handover;

/** Stage 2: add the experts to a model, in place of those it had; a gate goes with those.
 * @param handover    NULL: nothing is taken or handed on.
 * @param options     experts.only K: train that one alone. The others are those that the model
 *                    has, byte for byte, with the global expert; or they are not there, and the
 *                    model is a part, for mele_model_merge(). experts.freeze K: train all others;
 *                    that one is what the model has. warm_start: start from what the model has.
 *                    None of these is recorded in the model.
 * @param model       untouched on error; no thread may predict from it during the call.
 * @return MELE_OK; MELE_EINVAL: no target, an option, posteriors missing, no experts to freeze or
 *         to start from, left-out predictions of a part of the experts; MELE_EDATA: posteriors of
 *         another size; MELE_ENOMEM; MELE_ESTOPPED. */
MELE_API mele_status mele_fit_experts(const mele_data *data, const mele_handover *handover,
                                      const mele_options *options, mele_engine *engine,
                                      mele_report *report, mele_model *model, mele_error *error);

/** Join models of one stage 1 whose experts were trained by several calls (experts.only): the
 *  model that one call would have made, byte for byte. Gates are left behind.
 * @param parts   count >= 1 of them, the same in everything but experts.
 * @param report  NULL: not wanted.
 * @param out     freed with mele_model_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: no parts; MELE_EDATA: a part of another model or without experts,
 *         two different experts for a region, a region without an expert in any of the parts;
 *         MELE_ENOMEM. */
MELE_API mele_status mele_model_merge(const mele_model *const *parts, size_t count,
                                      mele_report *report, mele_model **out, mele_error *error);

/** Stage 3: add the gate to a model that has all experts, in place of the one it had. It trains on
 *  left-out predictions: those of handover->left_out, or else the experts are trained once more for
 *  them, on the same rows (the report says so: "left_out_from"); where that does not make the same
 *  experts (they began with a warm start), once more again, starting from
 *  the model's. Rows that the experts have not seen are left out as they are: nothing is trained
 *  again. The model's record tells which rows these are.
 *  Parameters and failures as for mele_fit_experts(), and MELE_EDATA: the experts were trained on
 *  some of these rows, or on these and on others (options.fresh takes them as not seen), or the
 *  model does not say on which; what was handed over is of other rows, experts, weights or groups. */
MELE_API mele_status mele_fit_gate(const mele_data *data, const mele_handover *handover,
                                   const mele_options *options, mele_engine *engine,
                                   mele_report *report, mele_model *model, mele_error *error);

/** A gate over outside experts, of which nothing is known but what they predict: a new model without
 *  stages 1 and 2, which predicts from such predictions of the rows (mele_prediction.predictions,
 *  mele_predict_options.predictions).
 * @param data        rows with targets; the features are what gates on "features" and "both" see.
 * @param handover    predictions, taken as left-out ones: the experts have not seen these rows. Where
 *                    they have no standard deviations, an expert's is that of its residuals, by the
 *                    posteriors that are given, else over all rows. And posteriors of as many regions;
 *                    NULL: for a gate of "softmax" on "features", which needs none.
 * @param report      NULL: not wanted.
 * @param out         freed with mele_model_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: no predictions, no target, an option, posteriors missing, shapes;
 *         MELE_EDATA: a number of the rows that are used is missing or of no use; MELE_ENOMEM;
 *         MELE_ESTOPPED.
 * Takes another K M numbers of memory for each row that the gate is trained on (--gate-rows), and for
 * regression as many again. */
MELE_API mele_status mele_fit_gate_outside(const mele_data *data, const mele_handover *handover,
                                           const mele_options *options, mele_engine *engine,
                                           mele_report *report, mele_model **out,
                                           mele_error *error);

/** The three stages in one call.
 * @param out  freed with mele_model_free(); untouched on error.
 * @return as the stages. */
MELE_API mele_status mele_fit(const mele_data *data, const mele_options *options,
                              mele_engine *engine, mele_report *report, mele_model **out,
                              mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
