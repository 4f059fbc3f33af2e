#ifndef MELE_FIT_LEFT_OUT_H
#define MELE_FIT_LEFT_OUT_H

#include <jansson.h>

#include <mele/measure.h>

#include "fit/run.h"

/* A gate, what it sees of all rows (what it does not need may be missing), and the left-out
 * predictions that it was trained on. */
typedef struct mele_i_left_out_view {
    const mele_gate *gate;     /* NULL: log_posteriors are the logarithms of the weights */
    size_t clusters;
    mele_rows log_posteriors, x;
    mele_rows mean;            /* n x (K M), or with the log likelihoods behind them n x (K M + K) */
    mele_rows log_likelihoods; /* n x K; no columns: they are behind the means */
} mele_i_left_out_view;

/* New metrics of the data's targets, freed with mele_metrics_free(); *out is untouched on error. MELE_ENOMEM. */
mele_status mele_i_metrics_of_data(const mele_data *data, mele_metrics **out, mele_error *error);

/* The measures (mele_metrics) of the run's rows under the gate and the left-out predictions, as an
 * object from name to number. One pass over the rows, of which nothing but a window is held.
 * O(n K (M + d)). */
mele_status mele_i_left_out_measures(const mele_i_run *run, const mele_i_left_out_view *view,
                                     json_t **out, mele_error *error);

#endif
