#include "fit/refine_folds.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "engine/pass.h"
#include "schema/data.h"

#define STREAM ((uint64_t)1 << 40) /* beyond those of cross-validation and of the race */

mele_status mele_i_refine_folds_deal(const mele_i_run *run, size_t most, mele_i_refine_folds *out,
                                     mele_error *error)
{
    const mele_i_stream stream = mele_i_stream_make(run->options->seed, MELE_I_FOR_FOLDS,
                                                    run->options->experts.fold, STREAM);
    size_t units;
    mele_status status = mele_i_count_units(run->data, &units, error);

    *out = (mele_i_refine_folds){.most = most};
    if (status != MELE_OK || units < 2 || most < 2)
        return status;
    out->count = units < most ? units : most;
    return mele_i_deal_folds(run->data, out->count, stream, &out->fold_of_row, error);
}

void mele_i_refine_folds_clear(mele_i_refine_folds *folds)
{
    free(folds->fold_of_row);
    folds->fold_of_row = NULL;
}

typedef struct visiting {
    const mele_i_run *run;
    const mele_i_refine_folds *folds;
    mele_i_refine_visit *visit;
    void *context;
} visiting;

static mele_status visit_fold(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    const visiting *v = context;
    mele_i_refining_part part;
    mele_i_fold fold;
    mele_status status = mele_i_fold_make(v->run->data, v->folds->fold_of_row, index, &fold, error);

    if (status != MELE_OK)
        return status;
    status = mele_i_refining_part_start(v->run, fold.training, index + 1, engine, &part, error);
    if (status == MELE_OK)
        status = v->visit(v->context, &part, &fold, index, engine, error);
    mele_i_refining_part_clear(&part);
    mele_i_fold_clear(&fold);
    return status;
}

mele_status mele_i_refine_folds_visit(const mele_i_run *run, const mele_i_refine_folds *folds,
                                      mele_i_refine_visit *visit, void *context, mele_error *error)
{
    visiting v = {run, folds, visit, context};
    const mele_i_tasks tasks = {.count = folds->count, .run = visit_fold, .context = &v,
                                .stage = "refine", .in_turn = run->data->windows != NULL};

    return mele_i_tasks_run(run->engine, &tasks, error);
}

/* ---- what is said of rows left out ---- */

void mele_i_refine_scatter(const mele_i_fold *fold, size_t count, size_t clusters, size_t outputs,
                           const mele_i_mixture_said *said, const mele_i_mixture_said *out)
{
    const size_t width = clusters * outputs;

    for (size_t i = 0; i < count; i++) {
        memcpy(out->mean + fold->rows[i] * width, said->mean + i * width, width * sizeof(double));
        memcpy(out->log_gate + fold->rows[i] * clusters, said->log_gate + i * clusters,
               clusters * sizeof(double));
    }
}

typedef struct leaving {
    size_t steps, clusters, outputs;
    const mele_i_mixture_said *out;
} leaving;

static mele_status leave_out(void *context, mele_i_refining_part *part, const mele_i_fold *fold,
                             size_t index, mele_engine *engine, mele_error *error)
{
    const leaving *l = context;
    const size_t count = mele_data_rows(fold->left_out);
    mele_i_mixture_said said;
    mele_status status = mele_i_mixture_said_make(count, l->clusters, l->outputs, &said, error);

    (void)index;
    for (size_t s = 0; s < l->steps && status == MELE_OK && !part->refining.em.converged; s++)
        status = mele_i_em_step(&part->refining.em, error);
    if (status == MELE_OK)
        status = mele_i_refining_part_predict(part, fold->left_out, engine, &said, error);
    if (status == MELE_OK)
        mele_i_refine_scatter(fold, count, l->clusters, l->outputs, &said, l->out);
    mele_i_mixture_said_clear(&said);
    return status;
}

mele_status mele_i_refine_leave_out(const mele_i_run *run, const mele_i_refine_folds *folds,
                                    size_t steps, const mele_i_mixture_said *out,
                                    mele_error *error)
{
    const size_t rows = run->features.rows, K = run->model->clusters;
    leaving l = {steps, K, mele_model_outputs(run->model), out};

    memset(out->mean, 0, rows * K * l.outputs * sizeof(double));
    memset(out->log_gate, 0, rows * K * sizeof(double));
    return mele_i_refine_folds_visit(run, folds, leave_out, &l, error);
}
