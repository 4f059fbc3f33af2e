/* Predictions, block of rows by block of rows: posteriors, then the gate, then the experts, in
 * standardised units; hand_out.c blends and writes them.
 *
 * The gate comes first, for an expert is asked only of the rows in which it has weight, unless what
 * every expert says is wanted, or experts say it in no time. A row's numbers do not depend on those
 * beside it: who has no weight counts for nothing whether it was asked or not. */
#include "model/predict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/normalise.h"
#include "engine/pass.h"
#include "expert/expert.h"
#include "gate/gate.h"
#include "model/hand_out.h"
#include "model/said.h"

#define BLOCK_WORK (1 << 16)
#define MOST_NAMED 8 /* of missing experts */

/* Whether the global expert predicts in place of the blend. */
static bool asks_global(const mele_i_request *c)
{
    return c->need_blend && c->model->global != NULL;
}

static void *carve(unsigned char *memory, size_t *at, size_t count, size_t size)
{
    void *piece = memory == NULL ? NULL : memory + *at;

    *at += (count * size + 63) / 64 * 64;
    return piece;
}

/* What is blended: what the experts say, or room for what the global one does. */
static size_t lay_out_blended(const mele_i_request *c, size_t rows, unsigned char *memory, size_t at,
                              mele_i_reply *w)
{
    const size_t numbers = rows * c->outputs;
    mele_i_blended *b = &w->blended;

    *b = (mele_i_blended){w->log_gate, w->gate, w->mean, w->variance, w->probability};
    if (!asks_global(c))
        return at;
    b->log_gate = carve(memory, &at, rows, sizeof(double));
    b->gate = carve(memory, &at, rows, sizeof(double));
    b->mean = carve(memory, &at, numbers, sizeof(double));
    b->variance = carve(memory, &at, c->need_variances ? numbers : 0, sizeof(double));
    b->probability = carve(memory, &at, c->classes > 0 ? numbers : 0, sizeof(double));
    return at;
}

/* Lay a block out in memory; with NULL only tells how many bytes it takes. */
static size_t lay_out(const mele_i_request *c, size_t rows, unsigned char *memory, mele_i_reply *w)
{
    const size_t densities = mele_i_wants_densities(c->out) ? rows : 0;
    size_t at = 0, experts = rows * c->clusters * c->outputs;

    w->column = carve(memory, &at, c->model->schema->features, sizeof *w->column);
    w->value = carve(memory, &at,
                     c->features->windows == NULL ? 0 : rows * c->model->schema->features,
                     sizeof(double));
    w->reason = carve(memory, &at, rows, sizeof *w->reason);
    w->design = carve(memory, &at, rows * c->columns, sizeof(double));
    w->expert_design = carve(memory, &at, mele_i_selection_room(&c->model->expert_features, rows),
                             sizeof(double));
    w->gate_design = carve(memory, &at, mele_i_selection_room(&c->model->gate_features, rows),
                           sizeof(double));
    w->space = carve(memory, &at, rows * c->space_columns, sizeof(double));
    w->log_posteriors = carve(memory, &at, rows * c->clusters, sizeof(double));
    w->log_densities = carve(memory, &at, c->need_densities ? rows * c->clusters : 0,
                             sizeof(double));
    w->log_gate = carve(memory, &at, rows * c->clusters, sizeof(double));
    w->gate = carve(memory, &at, rows * c->clusters, sizeof(double));
    w->mean = carve(memory, &at, experts, sizeof(double));
    w->variance = carve(memory, &at, c->need_variances ? experts : 0, sizeof(double));
    w->probability = carve(memory, &at, c->classes > 0 ? experts : 0, sizeof(double));
    w->density = carve(memory, &at, densities * c->clusters, sizeof(double));
    w->row_density = carve(memory, &at, densities, sizeof(double));
    w->last = carve(memory, &at, 2 * c->clusters, sizeof(double));
    w->class = carve(memory, &at, c->classes, sizeof(double));
    w->wanted = carve(memory, &at, c->by_weight ? rows * c->clusters : 0, sizeof(bool));
    return lay_out_blended(c, rows, memory, at, w);
}

/* The features of a block, in place or, of rows in a file, read. */
static mele_status take_features(const mele_i_request *c, mele_i_block block, const mele_i_reply *w,
                                 mele_i_features *out, mele_error *error)
{
    const mele_i_features *all = c->features;
    const size_t count = c->model->schema->features;
    mele_i_features part = {.rows = block.count, .column = w->column, .stride = all->stride};
    mele_status status = MELE_OK;

    if (all->windows != NULL) {
        part.stride = count;
        status = mele_i_windows_read(all->windows, all->row, block.first, block.count, w->value,
                                     error);
        for (size_t j = 0; j < count; j++)
            w->column[j] = w->value + j;
    } else if (all->row != NULL) {
        part.column = all->column;
        part.row = all->row + block.first;
    } else {
        for (size_t j = 0; j < count; j++)
            w->column[j] = all->column[j] + block.first * all->stride;
    }
    *out = part;
    return status;
}

static mele_reason reason_of_row(const mele_schema *schema, const mele_i_features *features,
                                 size_t i, const double *design)
{
    size_t row = (features->row == NULL ? i : features->row[i]) * features->stride;

    for (size_t j = 0, column = 0; j < schema->features; j++) {
        double value = features->column[j][row];
        size_t levels = schema->feature[j].levels;
        if (isnan(value))
            return (mele_reason){MELE_REASON_MISSING, j};
        if (levels > 0 && !(value >= 0 && value < (double)levels))
            return (mele_reason){MELE_REASON_LEVEL, j};
        if (isinf(value) || (levels == 0 && fabs(design[column]) > MELE_I_FARTHEST))
            return (mele_reason){MELE_REASON_RANGE, j};
        column += mele_i_variable_columns(&schema->feature[j]);
    }
    return (mele_reason){MELE_REASON_NONE, 0};
}

/* Encode the block, and put rows without a prediction at the centre. */
static mele_status encode(const mele_i_request *c, const mele_i_features *features, mele_i_reply *w,
                          mele_error *error)
{
    mele_status status = mele_i_encode(c->model->schema, &c->model->scaling, NULL, features, NULL,
                                       w->design, error);

    for (size_t i = 0; i < features->rows && status == MELE_OK; i++) {
        double *design = w->design + i * c->columns;
        w->reason[i] = reason_of_row(c->model->schema, features, i, design);
        if (w->reason[i].kind != MELE_REASON_NONE)
            memset(design, 0, c->columns * sizeof *design);
    }
    return status;
}

/* The block as stage 1 sees it, in *out. */
static mele_status encode_space(const mele_i_request *c, const mele_i_features *features,
                                mele_i_reply *w, mele_matrix *out, mele_error *error)
{
    const mele_model *model = c->model;
    const double *space = w->design;
    mele_status status = MELE_OK;

    if (!mele_i_space_is_design(&model->space, &model->scaling)) {
        const mele_i_space_rows source = {&model->space, model->schema, model->scaling.center,
                                          features, NULL};
        status = mele_i_space_encode(&source, NULL, w->space, error);
        for (size_t i = 0; i < features->rows; i++)
            if (w->reason[i].kind != MELE_REASON_NONE)
                memset(w->space + i * c->space_columns, 0, c->space_columns * sizeof *w->space);
        space = w->space;
    }
    *out = mele_matrix_of(space, features->rows, c->space_columns);
    return status;
}

/* Posteriors that came with the rows, normalised; a row that has none is put in the middle, and has no
 * prediction. */
static void take_given(const mele_i_request *c, mele_i_block block, mele_i_reply *w)
{
    const double *given = c->given + block.first * c->clusters;
    const size_t none = c->model->schema->features + 2 * c->clusters * c->outputs;

    mele_i_normalise_logs(given, block.count, c->clusters, w->log_posteriors);
    for (size_t i = 0; i < block.count; i++) {
        if (!isnan(given[i * c->clusters]))
            continue;
        for (size_t k = 0; k < c->clusters; k++)
            w->log_posteriors[i * c->clusters + k] = -log((double)c->clusters);
        if (w->reason[i].kind == MELE_REASON_NONE)
            w->reason[i] = (mele_reason){MELE_REASON_MISSING, none};
    }
}

/* Posteriors and densities, as far as they are wanted. */
static mele_status ask_partition(const mele_i_request *c, const mele_i_features *features,
                                 mele_i_block block, mele_i_reply *w, mele_error *error)
{
    const bool fitted = c->need_posteriors && c->given == NULL;
    mele_status status = MELE_OK;
    mele_matrix space;

    if (c->need_posteriors && c->given != NULL)
        take_given(c, block, w);
    if (fitted || c->need_densities)
        status = encode_space(c, features, w, &space, error);
    if (status == MELE_OK && fitted)
        status = mele_partition_log_posteriors(c->model->marginal, &space, NULL, w->log_posteriors,
                                               error);
    if (status == MELE_OK && c->need_densities)
        status = mele_partition_log_densities(c->model->marginal, &space, NULL, w->log_densities,
                                              error);
    return status;
}

/* The gate's weights, and whom they ask. */
static mele_status ask_gate(const mele_i_request *c, const mele_matrix *design, mele_i_reply *w,
                            mele_error *error)
{
    const size_t count = design->rows * c->clusters;
    const mele_matrix x = mele_i_selection_pick(&c->model->gate_features, design, w->gate_design);
    mele_status status = mele_i_gate_log_weights(c->model->gate, w->log_posteriors, &x,
                                                 design->rows, w->log_gate, error);

    if (status != MELE_OK)
        return status;
    memcpy(w->gate, w->log_gate, count * sizeof *w->gate);
    mele_i_kernels_best()->exponential(w->gate, count);
    for (size_t e = 0; e < count && c->by_weight; e++)
        w->wanted[e] = w->gate[e] > 0 || (c->faint && w->log_gate[e] > -INFINITY);
    return MELE_OK;
}

/* The probabilities themselves, of those who were asked: runs of them lie together. */
static void take_probabilities(const mele_i_request *c, size_t rows, mele_i_reply *w)
{
    const size_t pairs = rows * c->clusters;

    memcpy(w->probability, w->mean, pairs * c->outputs * sizeof *w->probability);
    for (size_t first = 0, last; first < pairs; first = last + 1) {
        for (last = first; last < pairs && (!c->by_weight || w->wanted[last]); last++)
            ;
        if (last > first)
            mele_i_kernels_best()->exponential(w->probability + first * c->outputs,
                                               (last - first) * c->outputs);
    }
}

static mele_status ask_experts(const mele_i_request *c, const mele_matrix *design, mele_i_reply *w,
                               mele_error *error)
{
    const mele_matrix x = mele_i_selection_pick(&c->model->expert_features, design,
                                                w->expert_design);
    double *variance = c->need_variances ? w->variance : NULL;
    mele_status status;

    status = c->by_weight ? mele_i_experts_predict_wanted(c->model->experts, &x, w->wanted, w->mean,
                                                          variance, error)
                          : mele_experts_predict(c->model->experts, &x, NULL, w->mean, variance,
                                                 error);
    if (status == MELE_OK && c->classes > 0)
        take_probabilities(c, design->rows, w);
    return status;
}

/* The prediction of the global expert, as a blend of it alone. */
static mele_status ask_global(const mele_i_request *c, const mele_matrix *design, mele_i_reply *w,
                              mele_error *error)
{
    const mele_matrix x = mele_i_selection_pick(&c->model->expert_features, design,
                                                w->expert_design);
    const mele_i_blended *b = &w->blended;
    const size_t numbers = design->rows * c->outputs;
    mele_status status = mele_experts_predict(c->model->global, &x, NULL, b->mean,
                                              c->need_variances ? b->variance : NULL, error);

    for (size_t i = 0; i < design->rows; i++) {
        b->log_gate[i] = 0;
        b->gate[i] = 1;
    }
    if (status == MELE_OK && c->classes > 0) {
        memcpy(b->probability, b->mean, numbers * sizeof *b->probability);
        mele_i_kernels_best()->exponential(b->probability, numbers);
    }
    return status;
}

/* What outside experts say of a block's rows; who of them has nothing to say is the row's reason. */
static void ask_outside(const mele_i_request *c, mele_i_block block, mele_i_reply *w)
{
    const mele_predictions *said = c->out->predictions;
    const size_t count = c->clusters * c->outputs;

    for (size_t i = 0; i < block.count; i++) {
        const size_t at = i * count, row = block.first + i;
        const mele_i_said_row out = {
            w->mean + at, c->need_variances ? w->variance + at : NULL,
            c->classes > 0 ? w->probability + at : NULL};
        const size_t wrong = mele_i_said_take(c->model, said, row, &out);
        if (wrong == SIZE_MAX || w->reason[i].kind != MELE_REASON_NONE)
            continue;
        const double value = wrong < count ? said->mean[row * count + wrong]
                                           : said->sd[row * count + wrong - count];
        w->reason[i] = (mele_reason){isnan(value) ? MELE_REASON_MISSING : MELE_REASON_RANGE,
                                     c->model->schema->features + wrong};
    }
}

/* The stages that are needed, for one block. */
static mele_status run_stages(const mele_i_request *c, const mele_i_features *features,
                              mele_i_block block, mele_i_reply *w, mele_error *error)
{
    const mele_matrix design = mele_matrix_of(w->design, block.count, c->columns);
    mele_status status = encode(c, features, w, error);

    if (status == MELE_OK)
        status = ask_partition(c, features, block, w, error);
    if (status == MELE_OK && c->need_gate)
        status = ask_gate(c, &design, w, error);
    if (status == MELE_OK && c->need_experts && c->model->outside != NULL)
        ask_outside(c, block, w);
    else if (status == MELE_OK && c->need_experts)
        status = ask_experts(c, &design, w, error);
    if (status == MELE_OK && asks_global(c))
        status = ask_global(c, &design, w, error);
    return status;
}

static mele_status predict_block(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const mele_i_request *c = context;
    mele_i_reply w;

    (void)partial;
    lay_out(c, block.count, scratch, &w);
    mele_i_features features;
    mele_status status = take_features(c, block, &w, &features, error);
    if (status == MELE_OK)
        status = run_stages(c, &features, block, &w, error);
    if (status == MELE_OK)
        mele_i_hand_out(c, &w, block);
    return status;
}

/* ---- what is needed, and whether the model can ---- */

static void find_needs(mele_i_request *c)
{
    const mele_prediction *out = c->out;
    const bool blended = out->mean != NULL || out->probability != NULL
                         || mele_i_wants_variances(out) || mele_i_wants_densities(out);

    const bool mixes = blended && c->model->global == NULL;

    c->need_blend = blended;
    c->blended = c->model->global == NULL ? c->clusters : 1;
    c->need_gate = mixes || out->log_gate != NULL;
    c->need_experts = mixes || mele_i_wants_experts(out);
    c->by_weight = mixes && !mele_i_wants_experts(out) && c->model->experts != NULL
                   && mele_i_experts_are_work(c->model->experts);
    c->faint = mele_i_wants_densities(out);
    c->need_variances = c->classes == 0
                        && (mele_i_wants_variances(out) || mele_i_wants_expert_variances(out)
                            || mele_i_wants_densities(out));
    c->need_densities = out->log_densities != NULL;
    c->need_posteriors = out->log_posteriors != NULL
                         || (c->need_gate && c->model->gate != NULL
                             && mele_gate_needs_posteriors(c->model->gate));
}

bool mele_model_has_expert(const mele_model *model, size_t k)
{
    return model->experts != NULL && mele_experts_has(model->experts, k);
}

size_t mele_i_model_missing(const mele_model *model, char *out, size_t size)
{
    size_t missing = 0, length = 0;

    for (size_t k = 0; k < model->clusters && model->outside == NULL; k++)
        if (!mele_experts_has(model->experts, k) && missing++ < MOST_NAMED)
            length += (size_t)snprintf(out + length, size - length, "%s%zu",
                                       missing > 1 ? ", " : "", k + 1);
    if (missing > MOST_NAMED)
        snprintf(out + length, size - length, " and %zu more", missing - MOST_NAMED);
    return missing;
}

mele_status mele_i_model_need_experts(const mele_model *model, mele_error *error)
{
    char list[MELE_I_MISSING_ROOM];
    const size_t missing = mele_i_model_missing(model, list, sizeof list);

    if (missing == 0)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "the model has no expert%s %s: it is a part, to be "
                       "merged with the others (mele-experts --merge)", missing > 1 ? "s" : "",
                       list);
}

/* Outside experts have said of each row what is needed. */
static mele_status check_said(const mele_i_request *c, mele_error *error)
{
    const mele_predictions *said = c->out->predictions;
    mele_status status = mele_i_said_check(c->model, said, c->need_variances, error);

    if (status == MELE_OK && said->rows != c->features->rows)
        return mele_i_fail(error, MELE_EINVAL, "the predictions have %zu rows, the features %zu",
                           said->rows, c->features->rows);
    return status;
}

static mele_status check_needs(const mele_i_request *c, mele_error *error)
{
    const mele_model *model = c->model;
    const mele_prediction *out = c->out;
    mele_status status = MELE_OK;

    if (out->predictions != NULL && model->outside == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has experts of its own, which predictions "
                           "(--predictions) would replace");
    if (c->need_experts && model->outside != NULL)
        status = check_said(c, error);
    else if (c->need_experts && model->experts == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no experts (stage 2)");
    if (c->need_experts && mele_i_model_need_experts(model, error) != MELE_OK)
        return MELE_EINVAL;
    if (c->need_gate && model->gate == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no gate (stage 3)");
    if (c->need_posteriors && model->joint == NULL && c->given == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no partition (stage 1): it needs "
                           "--posteriors");
    if (c->need_densities && model->joint == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no partition (stage 1): it has no "
                           "densities");
    if (c->classes == 0 && out->probability != NULL)
        return mele_i_fail(error, MELE_EINVAL, "probabilities of a regression");
    if (c->classes > 0 && (mele_i_wants_variances(out) || mele_i_wants_expert_variances(out)))
        return mele_i_fail(error, MELE_EINVAL, "variances of a classification");
    if (mele_i_wants_densities(out) && out->targets == NULL)
        return mele_i_fail(error, MELE_EINVAL, "log densities without targets");
    return status;
}

mele_status mele_i_model_predict(const mele_model *model, const mele_i_features *features,
                                 const double *given, mele_engine *engine,
                                 const mele_prediction *out, mele_error *error)
{
    mele_i_request c = {.model = model, .features = features, .given = given, .out = out};
    mele_i_reply unused;

    c.columns = model->scaling.columns;
    c.space_columns = model->joint == NULL ? 0 : model->space.columns;
    c.clusters = model->clusters;
    c.outputs = mele_model_outputs(model);
    c.targets = model->schema->targets;
    c.classes = mele_schema_classes(model->schema);
    find_needs(&c);
    mele_status status = check_needs(&c, error);
    if (status != MELE_OK)
        return status;
    size_t row_work = c.columns + c.space_columns + 2 * c.clusters * (1 + c.outputs);
    size_t rows = mele_i_block_rows(row_work, BLOCK_WORK, 16);
    mele_i_pass pass = {.rows = features->rows, .block_rows = rows, .map = predict_block,
                        .scratch_bytes = lay_out(&c, rows, NULL, &unused), .context = &c};
    return mele_i_pass_run(engine, &pass, error);
}

mele_status mele_model_predict(const mele_model *model, const mele_matrix *x, const double *given,
                               mele_engine *engine, const mele_prediction *out, mele_error *error)
{
    size_t count = model->schema->features;
    const double *small[64], **column = small;
    mele_status status;

    if (x->cols != count || (x->data == NULL && x->rows > 0))
        return mele_i_fail(error, MELE_EINVAL, "x has %zu columns, the model has %zu features",
                           x->cols, count);
    if (x->stride < x->cols)
        return mele_i_fail(error, MELE_EINVAL, "x has stride %zu and %zu columns", x->stride,
                           x->cols);
    if (count > sizeof small / sizeof *small
        && (column = mele_i_array(count, sizeof *column)) == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < count; j++)
        column[j] = x->data + j;
    mele_i_features features = {.rows = x->rows, .column = column, .stride = x->stride};
    status = mele_i_model_predict(model, &features, given, engine, out, error);
    if (column != small)
        free(column);
    return status;
}
