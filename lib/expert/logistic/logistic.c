/* Multinomial logistic experts: in every region and over all rows a penalised multinomial problem
 * (multinomial.c); the regions' solutions start from that over all rows, or from an expert that is
 * given.
 *
 * Left-out predictions come from folds inside the region, stratified by class, each fit starting
 * from the region's own. With groups of rows folds keep those whole, whatever their classes, and a
 * row of another region is predicted without the fold of its group, too. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "engine/kernels.h"
#include "engine/rows.h"
#include "expert/forms/affine.h"
#include "expert/forms/joint.h"
#include "expert/kind.h"
#include "expert/logistic/multinomial.h"
#include "expert/predictor.h"
#include "measure/folds.h"

typedef struct fitting {
    mele_i_expert *experts;
    const mele_i_expert_problem *problem;
    const mele_i_predictor *predictor;
    mele_i_frame frame;
    size_t clusters, d, classes, parameters;
    double *differences;        /* (K + 1) x P, in the frame */
    double *folded;             /* (K + 1) x folds x C x (d + 1), raw; NULL: no left-out wanted */
    unsigned char *fold;        /* n (hard, without groups) or n x K: the fold of a row in its region;
                                   with groups MELE_I_NO_FOLD where its group is not in that */
    unsigned char *global_fold; /* n */
    double *left_out;           /* K + 1: sums of left-out losses */
} fitting;

/* ---- a region ---- */

static mele_status make_problem(mele_i_multinomial *m, const fitting *f, size_t k,
                                mele_error *error)
{
    const mele_i_regions *regions = f->problem->regions;
    const mele_expert_options *options = f->problem->options;

    *m = (mele_i_multinomial){.problem = f->problem, .frame = &f->frame, .y = f->problem->y, .d = f->d,
                              .classes = f->classes, .parameters = f->parameters,
                              .extremes = MELE_I_ARRAY(double, 2 * f->d),
                              .absent = MELE_I_ARRAY(bool, f->d),
                              .ridge = options->ridge * regions->scale,
                              .max_iterations = options->max_iterations};
    mele_status status = mele_i_region_list(regions, k, 0, &m->row, &m->weight, &m->count, error);
    if (status != MELE_OK)
        return status;
    m->fold = MELE_I_ARRAY(unsigned char, m->count);
    if (m->fold == NULL || m->extremes == NULL || m->absent == NULL)
        return mele_i_no_memory(error);
    return mele_i_multinomial_leave(m, MELE_I_NO_FOLD, error);
}

static void free_problem(mele_i_multinomial *m)
{
    free(m->row);
    free(m->weight);
    free(m->fold);
    free(m->extremes);
    free(m->absent);
}

/* Deal whole groups to *folds folds, or as many as there are groups: fewer than 2 deal nothing. */
static mele_status deal_groups(const fitting *f, const mele_i_multinomial *m, size_t k,
                               size_t *folds, mele_error *error)
{
    const mele_expert_options *options = f->problem->options;
    mele_i_stream stream = mele_i_stream_make(options->seed, MELE_I_FOR_EXPERTS, options->fold, k);
    size_t *fold = MELE_I_ARRAY(size_t, m->count), *group = MELE_I_ARRAY(size_t, m->count), groups;
    mele_status status = MELE_ENOMEM;

    if (fold == NULL || group == NULL)
        mele_i_no_memory(error);
    else
        status = mele_i_row_groups_number(f->problem->groups, m->row, m->count, group, &groups,
                                          error);
    if (status == MELE_OK)
        *folds = groups < *folds ? groups : *folds;
    if (status == MELE_OK && *folds > 1)
        status = mele_i_folds(m->count, group, NULL, *folds, &stream, fold, error);
    for (size_t i = 0; i < m->count && status == MELE_OK && *folds > 1; i++)
        m->fold[i] = (unsigned char)fold[i];
    free(fold);
    free(group);
    return status;
}

/* Deal the rows of each class, in a random order, to the folds in turn. */
static mele_status deal_folds(const mele_i_multinomial *m, const mele_expert_options *options,
                              size_t k, mele_error *error)
{
    mele_i_stream stream = mele_i_stream_make(options->seed, MELE_I_FOR_EXPERTS, options->fold, k);
    size_t *order = MELE_I_ARRAY(size_t, m->count), *start = MELE_I_ZEROED(size_t, m->classes + 1);
    mele_status status = MELE_OK;

    if (order == NULL || start == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t i = 0; i < m->count; i++)
        start[mele_i_class_of(m->y, m->row[i]) + 1]++;
    for (size_t c = 0; c < m->classes; c++)
        start[c + 1] += start[c];
    for (size_t i = m->count; i-- > 0;) {
        size_t class = mele_i_class_of(m->y, m->row[i]);
        order[--start[class + 1]] = i;
    }
    for (size_t c = 0; c < m->classes; c++) {
        size_t end = c + 1 < m->classes ? start[c + 2] : m->count;
        mele_i_stream_shuffle(&stream, order + start[c + 1], end - start[c + 1]);
    }
    for (size_t i = 0; i < m->count; i++)
        m->fold[order[i]] = (unsigned char)(i % options->folds);

cleanup:
    free(order);
    free(start);
    return status;
}

/* Where the fold of a row in region k is. */
static unsigned char *fold_of(const fitting *f, size_t row, size_t k)
{
    if (k == f->clusters)
        return &f->global_fold[row];
    if (f->problem->regions->label != NULL && f->problem->groups == NULL)
        return &f->fold[row];
    return &f->fold[row * f->clusters + k];
}

/* Those of all rows of the groups, where there are groups. */
static void keep_folds(const fitting *f, const mele_i_multinomial *m, size_t k)
{
    const mele_i_row_groups *g = f->problem->groups;

    for (size_t i = 0; i < m->count; i++) {
        const size_t row = m->row[i], first = g == NULL ? 0 : g->start[g->of[row]];
        if (g == NULL)
            *fold_of(f, row, k) = m->fold[i];
        else if (*fold_of(f, row, k) == MELE_I_NO_FOLD)
            for (size_t at = first; at < g->start[g->of[row] + 1]; at++)
                *fold_of(f, g->row[at], k) = m->fold[i];
    }
}

/* One fit for every fold that has rows, without them. */
static mele_status fit_folds(const fitting *f, mele_i_multinomial *m, size_t k,
                             mele_engine *engine, mele_error *error)
{
    const size_t most = f->problem->options->folds, size = f->classes * (f->d + 1);
    size_t folds = most;
    mele_i_multinomial_solution without = {.differences = MELE_I_ZEROED(double, m->parameters)};

    if (without.differences == NULL)
        return mele_i_no_memory(error);
    mele_status status = f->problem->groups != NULL
                             ? deal_groups(f, m, k, &folds, error)
                             : deal_folds(m, f->problem->options, k, error);
    if (f->problem->groups != NULL && folds < 2)
        folds = 0;
    else if (status == MELE_OK)
        keep_folds(f, m, k);
    for (size_t fold = 0; fold < folds && fold < m->count && status == MELE_OK; fold++) {
        status = mele_i_multinomial_leave(m, (unsigned)fold, error);
        if (status == MELE_OK && m->total > 0) /* or else there is one row: without it all are 0 */
            status = mele_i_multinomial_solve(m, f->differences + k * f->parameters, engine,
                                              &without, error);
        if (status == MELE_OK)
            mele_i_multinomial_raw(m, without.differences, f->folded + (k * most + fold) * size);
    }
    free(without.differences);
    return status;
}

static bool wants_folds(const fitting *f, size_t k)
{
    return f->problem->train[k] && mele_i_left_out_wanted(f->problem, k);
}

static mele_status need_state(const fitting *f, size_t k, mele_error *error)
{
    f->experts[k].state = mele_i_affine_new(&f->problem->shape);
    return f->experts[k].state == NULL ? mele_i_no_memory(error) : MELE_OK;
}

/* The differences of an expert of another fit, in the frame. */
static void start_from(const mele_i_multinomial *m, const mele_i_expert *expert,
                       double *differences)
{
    const double *scale = m->frame->scale, *shift = m->frame->shift;
    const double *raw = mele_i_affine_of(expert), *last = raw + (m->classes - 1) * (m->d + 1);

    for (size_t a = 0; a + 1 < m->classes; a++, raw += m->d + 1, differences += m->d + 1) {
        differences[0] = raw[0] - last[0];
        for (size_t j = 0; j < m->d; j++) {
            differences[j + 1] = (raw[j + 1] - last[j + 1]) / scale[j];
            differences[0] += differences[j + 1] * shift[j];
        }
    }
}

/* Whether the global expert stays as it was, and what is trained may start from what was. */
static bool keeps_global(const fitting *f)
{
    const mele_i_expert_problem *p = f->problem;

    return p->options->only > 0 && p->start != NULL && p->start[f->clusters].state != NULL
           && !p->train[f->clusters];
}

/* The global one is solved also where nobody needs its expert, unless it is there: the regions start
 * from it. */
static mele_status fit_region(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    const fitting *f = context;
    mele_expert_info *info = &f->problem->info[k];
    const double *start = k < f->clusters ? f->differences + f->clusters * f->parameters : NULL;
    mele_i_multinomial_solution solution = {.differences = f->differences + k * f->parameters,
                                            .rank = &info->rank};
    mele_i_multinomial m;

    if (!f->problem->train[k] && k < f->clusters)
        return MELE_OK;
    mele_status status = make_problem(&m, f, k, error);
    if (status == MELE_OK && f->problem->start != NULL && f->problem->start[k].state != NULL) {
        start = solution.differences;
        start_from(&m, &f->problem->start[k], solution.differences);
    }
    if (status == MELE_OK && k == f->clusters && keeps_global(f))
        goto cleanup;
    if (status == MELE_OK && f->problem->train[k])
        status = need_state(f, k, error);
    if (status == MELE_OK)
        status = mele_i_multinomial_solve(&m, start, engine, &solution, error);
    if (status != MELE_OK || !f->problem->train[k])
        goto cleanup;
    info->iterations = solution.iterations;
    info->converged = solution.converged;
    info->error = solution.error;
    info->ridge = solution.ridge / f->problem->regions->scale;
    mele_i_multinomial_raw(&m, solution.differences, mele_i_affine_of(&f->experts[k]));
    if (wants_folds(f, k))
        status = fit_folds(f, &m, k, engine, error);

cleanup:
    free_problem(&m);
    return status;
}

/* ---- left-out predictions ---- */

static void predict(const mele_i_expert_group *group, const double *x, size_t stride, size_t rows,
                    double *mean, double *variance, void *scratch)
{
    const bool gaps = group->stride != group->count * group->shape.outputs;
    const size_t runs = gaps ? rows : 1, count = gaps ? group->count : rows * group->count;

    mele_i_affine_predict(group, x, stride, rows, mean, variance, scratch);
    for (size_t i = 0; i < runs; i++)
        mele_i_kernels_best()->log_softmax(mean + i * group->stride, count, group->shape.outputs,
                                           NULL);
}

/* The log-probabilities of a row, whose numbers are x, from the fit without its fold. */
static void predict_without(const fitting *f, size_t k, const double *x, size_t fold, double *out)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    size_t fit = k * f->problem->options->folds + fold, size = f->classes * (f->d + 1);

    kernels->linear(x, f->d, 1, f->d, f->folded + fit * size, f->classes, out, f->classes);
    kernels->log_softmax(out, 1, f->classes, NULL);
}

/* Put right what expert k predicts of a row that it, or with groups another row of its group, was
 * trained on. */
static void leave_out_row(const fitting *f, const mele_i_regions *regions, size_t k, size_t row,
                          const double *x, double *loss)
{
    const mele_i_row_groups *groups = f->problem->groups;
    const size_t class = mele_i_class_of(f->problem->y, row);
    const size_t from = mele_i_row_groups_alone(groups, row, k) ? f->clusters : k;
    const double weight = mele_i_region_weight(regions, row, k);
    double *out = mele_i_left_out_of(f->problem, row, k);
    unsigned char *fold = mele_i_fold_of(f->problem, row, k);

    if (!f->problem->train[k] || out == NULL || (groups == NULL && !(weight > 0)))
        return;
    if (groups == NULL || *fold_of(f, row, from) != MELE_I_NO_FOLD) {
        predict_without(f, from, x, *fold_of(f, row, from), out);
        if (fold != NULL)
            *fold = (unsigned char)(*fold_of(f, row, from) + 1);
    }
    if (weight > 0)
        loss[k] -= weight * out[class];
}

static mele_status leave_out_block(void *context, mele_i_block block, void *partial, void *scratch,
                                   mele_error *error)
{
    const fitting *f = context;
    const mele_rows *rows = f->problem->x;
    unsigned char *cursor = scratch;
    double *room = mele_i_carve(&cursor, mele_i_rows_room(rows, block.count), sizeof *room);
    double *shares = mele_i_carve(&cursor, mele_i_regions_room(f->problem->regions, block.count),
                                  sizeof *shares);
    mele_i_regions regions;
    size_t width = f->clusters * f->classes, stride;
    double *out = f->problem->own_only ? NULL : f->problem->left_out + block.first * width;
    const double *x;
    mele_status status = mele_i_rows_take(rows, block, room, &x, &stride, error);

    if (status == MELE_OK)
        status = mele_i_regions_take(f->problem->regions, block, shares, &regions, error);
    if (status != MELE_OK)
        return status;
    if (out != NULL)
        mele_i_predictor_rows(f->predictor, x, stride, block.count, out, NULL, cursor);
    for (size_t i = 0; i < block.count; i++)
        for (size_t k = 0; k <= f->clusters; k++)
            leave_out_row(f, &regions, k, block.first + i, x + i * stride, partial);
    return MELE_OK;
}

static void add_losses(void *context, const void *partial)
{
    const fitting *f = context;
    const double *loss = partial;

    for (size_t k = 0; k <= f->clusters; k++)
        f->left_out[k] += loss[k];
}

static mele_status leave_out(fitting *f, mele_engine *engine, mele_error *error)
{
    const mele_i_regions *regions = f->problem->regions;
    const size_t block = mele_i_block_rows(f->clusters * f->classes * (f->d + 1), 1 << 18, 64);
    mele_i_pass pass = {.rows = f->problem->x->rows, .map = leave_out_block, .combine = add_losses,
                        .block_rows = block, .context = f,
                        .partial_bytes = (f->clusters + 1) * sizeof(double)};
    mele_i_predictor predictor;
    const mele_i_expert_shape shape = {f->problem->columns, f->classes, f->classes};
    mele_status status = mele_i_predictor_make(&predictor, f->experts, f->clusters, shape,
                                               f->problem->degree, error);

    f->predictor = &predictor;
    if (status == MELE_OK) {
        pass.scratch_bytes = mele_i_carved(mele_i_rows_room(f->problem->x, block), sizeof(double))
                             + mele_i_carved(mele_i_regions_room(regions, block), sizeof(double))
                             + mele_i_predictor_scratch(&predictor, block);
        status = mele_i_pass_run(engine, &pass, error);
    }
    for (size_t k = 0; k <= f->clusters && status == MELE_OK; k++)
        if (f->problem->train[k] && wants_folds(f, k))
            f->problem->info[k].left_out = f->left_out[k] / (regions->total[k] * regions->scale);
    mele_i_predictor_free(&predictor);
    return status;
}

/* ---- all regions ---- */

static mele_status make_fitting(fitting *f, mele_engine *engine, mele_error *error)
{
    size_t all = f->clusters + 1, n = f->problem->x->rows, folds = f->problem->options->folds;
    const bool grouped = f->problem->groups != NULL;
    size_t folds_a_row = f->problem->regions->label != NULL && !grouped ? 1 : f->clusters;
    bool left_out = f->problem->left_out != NULL;

    f->differences = MELE_I_ZEROED(double, all * f->parameters);
    f->left_out = MELE_I_ZEROED(double, all);
    if (left_out) {
        f->folded = MELE_I_ZEROED(double, all * folds * f->classes * (f->d + 1));
        f->fold = MELE_I_ZEROED(unsigned char, n * folds_a_row);
        f->global_fold = MELE_I_ZEROED(unsigned char, n);
    }
    if (f->differences == NULL || f->left_out == NULL
        || (left_out && (f->folded == NULL || f->fold == NULL || f->global_fold == NULL)))
        return mele_i_no_memory(error);
    if (left_out && grouped) {
        memset(f->fold, MELE_I_NO_FOLD, n * folds_a_row);
        memset(f->global_fold, MELE_I_NO_FOLD, n);
    }
    return mele_i_frame_make(&f->frame, f->problem->x, NULL, f->problem->regions, engine, error);
}

static void free_fitting(fitting *f)
{
    free(f->differences);
    free(f->folded);
    free(f->fold);
    free(f->global_fold);
    free(f->left_out);
    mele_i_frame_free(&f->frame);
}

static mele_status fit(const mele_i_expert_problem *problem, mele_i_expert *experts,
                       mele_engine *engine, mele_error *error)
{
    size_t d = problem->shape.columns, classes = problem->shape.classes;
    fitting f = {.experts = experts, .problem = problem, .clusters = problem->regions->clusters,
                 .d = d, .classes = classes, .parameters = (classes - 1) * (d + 1)};
    mele_i_tasks tasks = {.count = f.clusters, .run = fit_region, .context = &f,
                          .stage = "experts"};
    mele_status status = make_fitting(&f, engine, error);

    if (status == MELE_OK)
        status = fit_region(&f, f.clusters, engine, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    for (size_t k = 0; k <= f.clusters && status == MELE_OK; k++)
        if (problem->train[k])
            experts[k].rank = problem->info[k].rank;
    if (status == MELE_OK && problem->left_out != NULL)
        status = leave_out(&f, engine, error);
    free_fitting(&f);
    return status;
}

static const mele_i_option options[] = {
    {MELE_I_EXPERT_MEMBER(max_iterations), .type = MELE_I_WHOLE, .least = 1, .most = 1e9},
};

const mele_i_expert_kind mele_i_expert_logistic = {
    .name = "logistic",
    .classification = true,
    .folds = true,
    .expands = true,
    .convex = true,
    .in_sample = true,
    .ridge = 0.03,
    .options = MELE_I_OPTION_TABLE(options),
    .fit = fit,
    .free = free,
    .equal = mele_i_affine_equal,
    .scratch = mele_i_affine_scratch,
    .predict = predict,
    .work = mele_i_affine_work,
    .coefficients = mele_i_affine_coefficients,
    .squares = mele_i_affine_squares,
    .joint = &mele_i_affine_joint,
    .standard_errors = mele_i_affine_standard_errors,
    .keys = MELE_I_AFFINE_KEYS,
    .save = mele_i_affine_save,
    .load = mele_i_affine_load,
};
