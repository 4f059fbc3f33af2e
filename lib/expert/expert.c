/* Training: checks, who answers in small regions, the kinds' own work, and what all kinds
 * have in common afterwards. */
#include "expert/expert.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/lapack.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/pass.h"
#include "engine/weights.h"
#include "expert/assignment.h"
#include "expert/basis.h"
#include "expert/choice.h"
#include "expert/experts.h"
#include "expert/kind.h"
#include "expert/kinds.h"
#include "expert/left_out.h"
#include "expert/options.h"
#include "expert/small.h"
#include "expert/train.h"

/* ---- what comes in ---- */

/* All numbers, or, where they are checked later, the first row's. */
static mele_status check_numbers_of(const mele_rows *a, const char *name, bool later,
                                    mele_engine *engine, mele_error *error)
{
    if (a == NULL || !later)
        return mele_i_check_rows(a, name, engine, error);
    mele_rows first = *a;
    first.rows = a->rows > 0;
    return mele_i_check_rows(&first, name, NULL, error);
}

static mele_status check_targets(const mele_targets *targets, size_t rows, bool later,
                                 mele_engine *engine, mele_error *error)
{
    const mele_rows *y = &targets->values;
    mele_status status = check_numbers_of(y, "targets", later, engine, error);

    if (status != MELE_OK)
        return status;
    if (y->rows != rows)
        return mele_i_fail(error, MELE_EINVAL, "targets has %zu rows, x has %zu", y->rows, rows);
    if (targets->classes == 0)
        return MELE_OK;
    if (y->cols != 1)
        return mele_i_fail(error, MELE_EINVAL, "targets has %zu columns: classes need one",
                           y->cols);
    if (y->data == NULL)
        return mele_i_fail(error, MELE_EINVAL, "targets are read: classes have to be in memory");
    for (size_t i = 0; i < rows; i++) {
        double class = y->data[i * y->stride];
        if (class < 0 || class >= (double)targets->classes || class != floor(class))
            return mele_i_fail(error, MELE_EDATA, "targets: row %zu is %g, not a class of 0 to %zu",
                               i + 1, class, targets->classes - 1);
    }
    return MELE_OK;
}

/* Shapes that the sizes of all arrays can be computed from without overflow. */
static mele_status check_shape(const mele_rows *x, const mele_targets *targets, size_t clusters,
                               mele_error *error)
{
    size_t outputs = targets->classes > 0 ? targets->classes : targets->values.cols;
    size_t columns = x->cols, bytes;

    const mele_expert_options any = {.degree = 1};
    mele_status status = mele_i_experts_check_columns(columns, outputs, &any, error);

    if (status != MELE_OK)
        return status;
    columns += outputs + 1;
    if (clusters >= UINT32_MAX || __builtin_mul_overflow(columns * columns, clusters + 1, &bytes)
        || bytes > PTRDIFF_MAX / 64)
        return mele_i_no_memory(error);
    return MELE_OK;
}

/* Reading all numbers once more for their check would take as long as fitting some kinds, which see
 * to it themselves. */
static bool is_checked_later(const mele_expert_options *o, const mele_targets *targets)
{
    const char *name = o != NULL && o->kind != NULL  ? o->kind
                       : targets->classes == 0 ? "linear" : "logistic";
    const mele_i_expert_kind *kind = mele_i_expert_kind_named(name);

    return kind != NULL && kind->checks && (o == NULL || o->degree == 1);
}

static mele_status check_input(const mele_expert_data *data, const mele_expert_options *options,
                               mele_engine *engine, mele_error *error)
{
    if (data == NULL)
        return mele_i_fail(error, MELE_EINVAL, "data is NULL");
    const mele_assignment *a = data->assignment;
    const bool later = is_checked_later(options, &data->targets);
    mele_status status = mele_i_assignment_check(a, error);

    if (status == MELE_OK)
        status = check_numbers_of(&data->x, "x", later, engine, error);
    if (status == MELE_OK && a->rows != data->x.rows)
        status = mele_i_fail(error, MELE_EINVAL, "the assignment has %zu rows, x has %zu", a->rows,
                             data->x.rows);
    if (status == MELE_OK)
        status = check_targets(&data->targets, data->x.rows, later, engine, error);
    if (status == MELE_OK)
        status = check_shape(&data->x, &data->targets, a->clusters, error);
    return status;
}

/* ---- the state of a fit ---- */

typedef struct fitting {
    mele_experts *experts;
    const mele_rows *x;
    mele_expert_options options;
    const mele_i_expert_kind *kind; /* NULL: auto */
    mele_i_regions regions;
    mele_i_row_groups groups; /* of no rows: there are none */
    bool one_group;
    bool *train; /* K + 1 */
    mele_expert_info *info;
    double *weights; /* n, where they are not the caller's; NULL */
    mele_i_left_out_columns left_out;
    bool own_only; /* see kind.h */
} fitting;

/* Rows that are left out together; NULL: every row by itself. */
static const mele_i_row_groups *groups_of(const fitting *f)
{
    return f->groups.rows == 0 || f->one_group ? NULL : &f->groups;
}

static mele_status find_groups(fitting *f, mele_error *error)
{
    const size_t K = f->regions.clusters;
    mele_status status = MELE_OK;

    if (f->options.groups == NULL)
        return MELE_OK;
    status = mele_i_row_groups_make(&f->groups, f->options.groups, f->x->rows, error);
    if (status == MELE_OK)
        status = mele_i_row_groups_find_alone(&f->groups, &f->regions, error);
    f->one_group = status == MELE_OK && f->groups.alone[K] < f->groups.count;
    return status;
}

/* Of one region the expert is the global one. */
static bool is_wanted_anyway(const fitting *f)
{
    return f->options.global && f->experts->clusters > 1;
}

/* Whether the global expert that others were trained with stays. */
static bool keeps_global(const fitting *f)
{
    const mele_experts *from = f->options.start;

    return f->options.only > 0 && from != NULL && from->clusters == f->experts->clusters
           && from->expert[from->clusters].state != NULL;
}

/* Whether somebody needs the global expert: kinds that see all rows anyway have it always. */
static bool needs_global(const fitting *f)
{
    const size_t K = f->experts->clusters;
    const bool always = f->kind != NULL && f->kind->fit != NULL;

    if ((always && !keeps_global(f)) || is_wanted_anyway(f))
        return true;
    for (size_t k = 0; k < K; k++) {
        const mele_i_expert *e = &f->experts->expert[k];
        if ((e->answers == K || e->own < 1) && (f->options.only == 0 || f->options.only == k + 1))
            return true;
    }
    return mele_i_row_groups_any_alone(groups_of(f), K, f->train);
}

static void mark_training(fitting *f)
{
    const size_t K = f->experts->clusters;

    for (size_t k = 0; k < K; k++)
        f->train[k] = f->experts->expert[k].answers == k && f->options.freeze != k + 1
                      && (f->options.only == 0 || f->options.only == k + 1);
}

/* Another region's expert must be there for a region that was merged into it. */
static void mark_hosts(fitting *f)
{
    const size_t K = f->experts->clusters;
    const size_t only = f->options.only;

    if (only > 0 && f->experts->expert[only - 1].answers < K)
        f->train[f->experts->expert[only - 1].answers] = true;
}

static void start_infos(fitting *f)
{
    for (size_t k = 0; k <= f->experts->clusters; k++) {
        f->info[k].error = f->info[k].left_out = NAN;
        f->info[k].ridge = f->options.ridge;
        f->info[k].converged = true;
    }
}

static mele_status make_experts(fitting *f, const mele_expert_data *data, mele_error *error)
{
    const size_t classes = data->targets.classes;
    const size_t outputs = classes > 0 ? classes : data->targets.values.cols;
    mele_status status = mele_i_experts_new(data->assignment->clusters, f->x->cols, outputs,
                                            classes > 0, &f->experts, error);

    if (status == MELE_OK)
        f->experts->name = f->kind == NULL ? MELE_I_AUTO : f->kind->name;
    return status;
}

/* Whether weights of rows in regions are asked for in any order. */
static bool needs_all(const fitting *f)
{
    return f->options.groups != NULL || strcmp(f->options.small, "merge") == 0;
}

static mele_status make_fitting(fitting *f, const mele_expert_data *data, mele_engine *engine,
                                mele_error *error)
{
    const size_t K = data->assignment->clusters;
    const double *weights;
    mele_status status = make_experts(f, data, error);

    if (status == MELE_OK)
        status = mele_i_weights_relative(data->weights, f->x->rows, &weights, &f->weights, error);
    if (status == MELE_OK)
        status = mele_i_regions_make(&f->regions, data->assignment, weights, needs_all(f), engine,
                                     error);
    f->train = MELE_I_ZEROED(bool, K + 1);
    f->info = MELE_I_ZEROED(mele_expert_info, K + 1);
    if (status == MELE_OK && (f->train == NULL || f->info == NULL))
        status = mele_i_no_memory(error);
    if (status != MELE_OK)
        return status;
    start_infos(f);
    status = mele_i_small_treat(f->experts, &f->regions, data->assignment->log_posteriors,
                                 &f->options, f->info, error);
    if (status == MELE_OK)
        status = find_groups(f, error);
    if (status == MELE_OK) {
        mark_training(f);
        mark_hosts(f);
        f->train[K] = needs_global(f);
    }
    return status;
}

static void free_fitting(fitting *f)
{
    mele_i_regions_free(&f->regions);
    mele_i_row_groups_free(&f->groups);
    mele_experts_free(f->experts);
    free(f->train);
    free(f->info);
    free(f->weights);
    mele_i_left_out_columns_free(&f->left_out);
}

/* ---- training ---- */

static const mele_i_expert *starts_of(const mele_expert_options *o)
{
    return o->start == NULL || o->cold ? NULL : o->start->expert;
}

/* What all experts are to be trained on. */
static mele_i_expert_problem problem_of(const fitting *f, const mele_targets *targets)
{
    const mele_experts *e = f->experts;
    const mele_left_out *own = f->left_out.own;

    return (mele_i_expert_problem){
        .shape = {e->columns, e->outputs, e->classes}, .columns = e->columns, .degree = 1,
        .x = f->x, .y = &targets->values, .regions = &f->regions, .groups = groups_of(f),
        .one_group = f->one_group, .options = &f->options,
        .train = f->train, .start = starts_of(&f->options),
        .left_out = own == NULL ? NULL : own->mean,
        .left_out_variance = own == NULL ? NULL : own->variance,
        .own_only = f->own_only,
        .fold = own == NULL ? NULL : own->fold,
        .global_left_out = f->left_out.global_mean,
        .global_left_out_variance = f->left_out.global_variance,
        .global_fold = f->left_out.global_fold, .info = f->info};
}

static mele_status train(fitting *f, const mele_targets *targets, mele_engine *engine,
                         mele_error *error)
{
    mele_i_expert_problem problem = problem_of(f, targets);
    mele_rows terms;
    mele_status status;

    if (f->kind == NULL)
        return mele_i_choose_experts(&problem, f->experts, engine, error);
    problem.degree = f->options.degree;
    status = mele_i_basis_rows(f->x, problem.degree, &terms, error);
    problem.x = &terms;
    problem.shape.columns = terms.cols;
    if (status == MELE_OK)
        status = mele_i_expert_train(f->kind, &problem, f->experts->expert, engine, error);
    return status;
}

/* ---- afterwards ---- */

/* What is true of regions in which another expert answers. Experts that were kept are told of as
 * they are, not as these rows would have made them. */
static void take_over_answers(fitting *f)
{
    const mele_experts *e = f->experts;

    for (size_t k = 0; k < e->clusters; k++) {
        const size_t answers = e->expert[k].answers;
        const mele_expert_info *from = &f->info[answers];
        f->info[k].rows = e->expert[k].rows;
        f->info[k].own = e->expert[k].own;
        f->info[k].fallback = answers == e->clusters;
        f->info[k].merged_into = answers != k && answers < e->clusters ? answers + 1 : 0;
        if (answers == k)
            continue;
        f->info[k].kind = from->kind;
        if (f->options.freeze == answers + 1 && e->expert[answers].kind != NULL)
            f->info[k].kind = e->expert[answers].kind->name;
        f->info[k].converged = from->converged;
        f->info[k].error = from->error;
        f->info[k].left_out = from->left_out;
        f->info[k].ridge = from->ridge;
    }
    mele_i_experts_share_variances(f->experts);
}

/* While experts are trained each speaks for itself alone. */
static void set_shares(fitting *f, bool training)
{
    for (size_t k = 0; k < f->experts->clusters; k++)
        if (f->train[k])
            f->experts->expert[k].own = training ? 1 : f->info[k].own;
}

/* Of one group in all nothing can be left out. */
static void clear_left_out(fitting *f)
{
    const size_t K = f->experts->clusters;

    for (size_t k = 0; k <= K; k++) {
        f->info[k].left_out = NAN;
        for (size_t i = 0; i < f->info[k].candidates; i++)
            f->info[k].candidate[i] = NAN;
    }
    if (f->left_out.own != NULL)
        mele_i_left_out_columns_void(&f->left_out, f->groups.of, f->groups.alone[K]);
}

/* Places for left-out predictions. */
static mele_status need_left_out(fitting *f, mele_error *error)
{
    const mele_i_left_out_form form = {
        .folds = !f->own_only && (f->kind == NULL || f->kind->folds), .own_only = f->own_only,
        .means = f->own_only && f->kind->fit != NULL, .global = is_wanted_anyway(f)};

    return mele_i_left_out_columns_make(&f->left_out, f->experts, &f->regions, groups_of(f),
                                        f->train, form, error);
}

/* What left-out predictions are once all experts are there. */
static mele_status complete_left_out(fitting *f, const mele_targets *targets, mele_engine *engine,
                                   mele_error *error)
{
    mele_left_out *own = f->left_out.own;
    const mele_i_left_out_rows rows = {f->x, &targets->values, f->regions.weights, f->groups.of};
    const mele_i_origin y = mele_i_origin_of_y(&f->options);
    mele_status status = mele_i_left_out_columns_complete(&f->left_out, f->experts, f->x, &f->regions,
                                                        groups_of(f), f->train, error);

    if (status == MELE_OK)
        status = mele_i_left_out_hash_rows(&rows, engine, &own->hash_of_rows, error);
    if (status == MELE_OK)
        status = mele_experts_merge((const mele_experts *const *)&f->experts, 1, &own->experts, error);
    if (status == MELE_OK && is_wanted_anyway(f) && !f->one_group)
        status = mele_i_left_out_columns_global(&f->left_out, error);
    for (size_t o = 0; o < own->outputs && own->units != NULL; o++) {
        own->units[o] = y.center == NULL ? 0 : y.center[o];
        own->units[own->outputs + o] = y.scale == NULL ? 1 : y.scale[o];
    }
    return status;
}

/* Hand over what came out; nothing can fail any more. */
static void give(fitting *f, mele_experts **out, mele_left_out **left_out, mele_expert_info *info)
{
    if (f->one_group)
        clear_left_out(f);
    if (left_out != NULL && f->left_out.own != NULL) {
        f->left_out.own->group = f->groups.of;
        f->groups.of = NULL;
        *left_out = f->left_out.own;
        f->left_out.own = NULL;
    }
    if (info != NULL)
        memcpy(info, f->info, (f->experts->clusters + 1) * sizeof *info);
    *out = f->experts;
    f->experts = NULL;
}

/* Where left-out predictions go; both NULL: they are not wanted. */
typedef struct wanted {
    mele_left_out **all;
    mele_i_left_out_own **own;
} wanted;

/* The experts, once there is a fitting. */
static mele_status train_all(fitting *f, const mele_expert_data *data, const wanted *left_out,
                             mele_engine *engine, mele_error *error)
{
    mele_status status = MELE_OK;

    if (left_out->all != NULL || left_out->own != NULL)
        status = need_left_out(f, error);
    if (status == MELE_OK)
        status = mele_i_experts_keep(f->experts, &f->options, f->train, false, error);
    if (status == MELE_OK) {
        set_shares(f, true);
        status = train(f, &data->targets, engine, error);
        set_shares(f, false);
    }
    if (status == MELE_OK)
        status = mele_i_experts_keep(f->experts, &f->options, f->train, true, error);
    if (status != MELE_OK)
        return status;
    take_over_answers(f);
    if (left_out->own != NULL)
        return mele_i_left_out_own_make(&f->left_out, f->experts, data, &f->regions, left_out->own,
                                        error);
    return left_out->all == NULL ? MELE_OK : complete_left_out(f, &data->targets, engine, error);
}

static mele_status fit(const mele_expert_data *data, const mele_expert_options *options,
                       mele_engine *engine, mele_experts **out, const wanted *left_out,
                       mele_expert_info *info, mele_error *error)
{
    mele_status status = check_input(data, options, engine, error);

    if (status != MELE_OK)
        return status;
    fitting f = {.x = &data->x, .own_only = left_out->own != NULL};
    status = mele_i_expert_options_settle(options, &data->targets, data->x.cols,
                                          data->assignment->clusters, &f.options, &f.kind, error);
    if (status == MELE_OK)
        status = mele_i_lapack_ready(error);
    if (status == MELE_OK)
        status = mele_i_engine_claim(engine, error);
    if (status != MELE_OK)
        return status;
    status = make_fitting(&f, data, engine, error);
    if (status == MELE_OK)
        status = train_all(&f, data, left_out, engine, error);
    if (status == MELE_OK)
        give(&f, out, left_out->all, info);
    free_fitting(&f);
    mele_i_engine_release(engine);
    return status;
}

mele_status mele_experts_fit(const mele_expert_data *data, const mele_expert_options *options,
                             mele_engine *engine, mele_experts **out, mele_left_out **left_out,
                             mele_expert_info *info, mele_error *error)
{
    const wanted all = {left_out, NULL};

    return fit(data, options, engine, out, &all, info, error);
}

mele_status mele_i_experts_fit_own(const mele_expert_data *data, const mele_expert_options *options,
                                   mele_engine *engine, mele_experts **out,
                                   mele_i_left_out_own **left_out, mele_expert_info *info,
                                   mele_error *error)
{
    const wanted own = {NULL, left_out};

    return fit(data, options, engine, out, &own, info, error);
}
