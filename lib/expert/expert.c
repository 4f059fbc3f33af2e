/* Training: checks, options, who answers in small regions, the kinds' own work, and what all kinds
 * have in common afterwards. */
#include "expert/expert.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/lapack.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/pass.h"
#include "engine/weights.h"
#include "expert/basis.h"
#include "expert/candidates.h"
#include "expert/choice.h"
#include "expert/kind.h"
#include "expert/left_out.h"
#include "expert/parts.h"
#include "expert/predictor.h"
#include "expert/regional.h"
#include "expert/small.h"

/* Regions with fewer rows than this, or than coefficients, are too small unless options say so. */
#define FEWEST_ROWS 5

#define MOST_FOLDS 255
#define MOST_TERMS 4
#define MOST_HELD_ROWS 20000

mele_expert_options mele_expert_defaults(void)
{
    mele_expert_options options = {
        .kind = NULL, .assign = "hard", .ridge = MELE_RIDGE_DEFAULT, .degree = 1, .solver = "qr",
        .max_iterations = 100, .hidden = 8, .activation = "tanh", .batch = 200, .rate = 0.01,
        .holdout = -1, .kernel = "matern52", .terms = 2, .most_rows = 500, .restarts = 1,
        .min_rows = 0, .small = "global", .folds = 5, .seed = 1, .fold = 0};

    return options;
}

/* ---- checks ---- */

/* A value that must be one of some words, the last of them NULL. */
typedef struct word {
    const char *what, *value;
    const char *const *words;
} word;

static mele_status check_word(const word *w, mele_error *error)
{
    char list[128] = "";

    for (size_t i = 0; w->words[i] != NULL; i++) {
        size_t length = strlen(list);
        if (w->value != NULL && strcmp(w->value, w->words[i]) == 0)
            return MELE_OK;
        snprintf(list + length, sizeof list - length, "%s\"%s\"",
                 i == 0 ? "" : w->words[i + 1] == NULL ? " or " : ", ", w->words[i]);
    }
    return mele_i_fail(error, MELE_EINVAL, "%s is \"%s\": it may be %s", w->what,
                       w->value == NULL ? "NULL" : w->value, list);
}

static mele_status check_words(const mele_expert_options *o, mele_error *error)
{
    static const char *const assigns[] = {"hard", "soft", NULL}, *const solvers[] = {
        "qr", "normal", NULL}, *const activations[] = {"tanh", "logistic", "relu", NULL},
        *const trainers[] = {"lm", "bfgs", "adam", NULL}, *const kernels[] = {
        "squared-exponential", "matern52", NULL}, *const smalls[] = {
        "global", "shrink", "merge", NULL};
    const word words[] = {{"assign", o->assign, assigns}, {"solver", o->solver, solvers},
                          {"activation", o->activation, activations}, {"kernel", o->kernel, kernels},
                          {"small", o->small, smalls},
                          {"trainer", o->trainer == NULL ? "lm" : o->trainer, trainers}};
    mele_status status = MELE_OK;

    for (size_t i = 0; i < sizeof words / sizeof *words && status == MELE_OK; i++)
        status = check_word(&words[i], error);
    return status;
}

/* By every kind that may be trained. */
static mele_status check_by_kind(const mele_expert_options *o, const mele_i_expert_kind *kind,
                                 size_t classes, mele_error *error)
{
    const mele_i_candidate *candidate;
    mele_status status = MELE_OK;

    if (kind != NULL)
        return kind->check == NULL ? MELE_OK : kind->check(o, classes, error);
    for (size_t i = 0; (candidate = mele_i_candidate_at(classes > 0, i)) != NULL; i++)
        if (candidate->kind->check != NULL && status == MELE_OK)
            status = candidate->kind->check(o, classes, error);
    return status;
}

/* A number of options that has a range. */
typedef struct range {
    const char *what;
    double value, least, most;
} range;

static mele_status check_numbers(const mele_expert_options *o, mele_error *error)
{
    const range ranges[] = {
        {"degree", (double)o->degree, 1, 2},
        {"max_iterations", (double)o->max_iterations, 1, (double)SIZE_MAX},
        {"hidden", (double)o->hidden, 1, MELE_I_MOST_HIDDEN},
        {"networks", (double)o->networks, 0, MELE_I_MOST_NETWORKS},
        {"batch", (double)o->batch, 1, (double)SIZE_MAX},
        {"rate", o->rate, 1e-12, 1e3},
        {"holdout", o->holdout, -INFINITY, 0.5},
        {"terms", (double)o->terms, 1, MOST_TERMS},
        {"most_rows", (double)o->most_rows, 2, MOST_HELD_ROWS},
        {"restarts", (double)o->restarts, 1, 1e6},
        {"folds", (double)o->folds, 2, MOST_FOLDS},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].value >= ranges[i].least && ranges[i].value <= ranges[i].most))
            return mele_i_fail(error, MELE_EINVAL, "%s is %g, not within %g to %g", ranges[i].what,
                               ranges[i].value, ranges[i].least, ranges[i].most);
    return MELE_OK;
}

static mele_status check_units(mele_i_origin origin, const char *what, size_t columns,
                               mele_error *error)
{
    for (size_t j = 0; j < columns; j++) {
        const double scale = origin.scale == NULL ? 1 : origin.scale[j];
        const double center = origin.center == NULL ? 0 : origin.center[j];
        if (!isfinite(scale) || !(scale > 0) || !isfinite(center))
            return mele_i_fail(error, MELE_EINVAL, "%s %zu: the center or the scale is no finite "
                               "number, or the scale is not above 0", what, j + 1);
    }
    return MELE_OK;
}

static mele_status check_ridge(const mele_expert_options *o, const mele_i_expert_kind *kind,
                               mele_error *error)
{
    const bool gcv = o->ridge == MELE_RIDGE_GCV;

    if (!isfinite(o->ridge) || (o->ridge < 0 && !gcv && o->ridge != MELE_RIDGE_DEFAULT))
        return mele_i_fail(error, MELE_EINVAL, "ridge is %g: it must be finite and >= 0", o->ridge);
    if (gcv && kind != NULL && kind != &mele_i_expert_linear)
        return mele_i_fail(error, MELE_EINVAL, "generalised cross-validation chooses the ridge of "
                           "linear experts, not of %s ones", kind->name);
    return MELE_OK;
}

/* What is trained again, and what stays. */
static mele_status check_subset(const mele_expert_options *o, size_t columns, size_t clusters,
                                size_t outputs, size_t classes, mele_error *error)
{
    const mele_experts *start = o->start;

    if (o->only > clusters || o->freeze > clusters)
        return mele_i_fail(error, MELE_EINVAL, "there is no expert %zu: there are %zu",
                           o->only > clusters ? o->only : o->freeze, clusters);
    if (o->freeze > 0 && (start == NULL || o->only > 0))
        return mele_i_fail(error, MELE_EINVAL, "freeze is for experts that are trained again, all "
                           "but one");
    if (start != NULL
        && (start->columns != columns || start->clusters != clusters || start->outputs != outputs
            || start->classes != classes))
        return mele_i_fail(error, MELE_EINVAL, "the experts to start from are of another shape");
    return MELE_OK;
}

/* A matrix; all its numbers, or, where they are checked later, the first row's. */
static mele_status check_numbers_of(const mele_matrix *a, const char *name, bool later,
                                    mele_engine *engine, mele_error *error)
{
    if (a == NULL || !later)
        return mele_i_check_matrix(a, name, engine, error);
    mele_matrix first = *a;
    first.rows = a->rows > 0;
    return mele_i_check_matrix(&first, name, NULL, error);
}

static mele_status check_targets(const mele_targets *targets, size_t rows, bool later,
                                 mele_engine *engine, mele_error *error)
{
    const mele_matrix *y = &targets->values;
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
    for (size_t i = 0; i < rows; i++) {
        double class = y->data[i * y->stride];
        if (class < 0 || class >= (double)targets->classes || class != floor(class))
            return mele_i_fail(error, MELE_EDATA, "targets: row %zu is %g, not a class of 0 to %zu",
                               i + 1, class, targets->classes - 1);
    }
    return MELE_OK;
}

static mele_status check_terms(size_t columns, size_t degree, mele_error *error)
{
    const size_t terms = mele_i_basis_columns(columns, degree);

    return terms <= MELE_I_MOST_COLUMNS
               ? MELE_OK
               : mele_i_fail(error, MELE_EINVAL, "%zu columns have %zu terms of degree 2: at most %d "
                             "serve (leave columns out, --ignore, or take --degree 1)", columns, terms,
                             MELE_I_MOST_COLUMNS);
}

mele_status mele_i_experts_check_columns(size_t columns, size_t outputs,
                                         const mele_expert_options *o, mele_error *error)
{
    const mele_i_expert_kind *kind = o->kind == NULL ? NULL : mele_i_expert_kind_named(o->kind);

    if (columns > MELE_I_MOST_COLUMNS || outputs > MELE_I_MOST_COLUMNS - columns)
        return mele_i_fail(error, MELE_EINVAL, "%zu columns and %zu outputs: experts take at most %d "
                           "together (leave columns out, --ignore)", columns, outputs, MELE_I_MOST_COLUMNS);
    if (o->degree == 1 || (o->kind != NULL && (kind == NULL || !kind->expands)))
        return MELE_OK;
    return check_terms(columns, o->degree, error);
}

/* Shapes that the sizes of all arrays can be computed from without overflow. */
static mele_status check_shape(const mele_matrix *x, const mele_targets *targets, size_t clusters,
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

static mele_status check_input(const mele_matrix *x, const mele_targets *targets,
                               const double *log_posteriors, size_t clusters,
                               const mele_expert_options *options, mele_engine *engine,
                               mele_error *error)
{
    if (targets == NULL)
        return mele_i_fail(error, MELE_EINVAL, "targets is NULL");
    if (log_posteriors == NULL)
        return mele_i_fail(error, MELE_EINVAL, "log_posteriors is NULL");
    if (clusters == 0)
        return mele_i_fail(error, MELE_EINVAL, "clusters is 0");
    const bool later = is_checked_later(options, targets);
    mele_status status = check_numbers_of(x, "x", later, engine, error);
    if (status == MELE_OK)
        status = check_targets(targets, x->rows, later, engine, error);
    if (status == MELE_OK)
        status = check_shape(x, targets, clusters, error);
    return status;
}

/* The options with every default settled; *kind is NULL for "auto". */
static mele_status settle_options(const mele_expert_options *given, const mele_targets *targets,
                                  size_t columns, size_t clusters, mele_expert_options *o,
                                  const mele_i_expert_kind **kind, mele_error *error)
{
    const size_t outputs = targets->classes > 0 ? targets->classes : targets->values.cols;
    mele_status status;

    *o = given == NULL ? mele_expert_defaults() : *given;
    if (o->kind == NULL)
        o->kind = targets->classes == 0 ? "linear" : "logistic";
    *kind = mele_i_expert_kind_named(o->kind);
    if (*kind == NULL && strcmp(o->kind, MELE_I_AUTO) != 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no kind of expert \"%s\"", o->kind);
    if (*kind != NULL && !(targets->classes == 0 ? (*kind)->regression : (*kind)->classification))
        return mele_i_fail(error, MELE_EINVAL, "experts of kind \"%s\" are not for %s", o->kind,
                           targets->classes == 0 ? "regression" : "classes");
    status = check_words(o, error);
    if (status == MELE_OK)
        status = check_by_kind(o, *kind, targets->classes, error);
    if (status == MELE_OK)
        status = check_numbers(o, error);
    if (status == MELE_OK)
        status = check_ridge(o, *kind, error);
    if (status == MELE_OK)
        status = check_units(mele_i_origin_of_x(o), "column", columns, error);
    if (status == MELE_OK && targets->classes == 0)
        status = check_units(mele_i_origin_of_y(o), "target", outputs, error);
    if (status == MELE_OK)
        status = check_subset(o, columns, clusters, outputs, targets->classes, error);
    if (*kind != NULL && o->ridge == MELE_RIDGE_DEFAULT)
        o->ridge = (*kind)->ridge;
    if (*kind != NULL && !(*kind)->expands)
        o->degree = 1;
    if (o->min_rows == 0)
        o->min_rows = columns + 1 < FEWEST_ROWS ? columns + 1 : FEWEST_ROWS;
    return status;
}

/* ---- the state of a fit ---- */

typedef struct fitting {
    mele_experts *experts;
    const mele_matrix *x;
    mele_expert_options options;
    const mele_i_expert_kind *kind; /* NULL: auto */
    mele_i_regions regions;
    mele_i_row_groups groups; /* of no rows: there are none */
    bool one_group;
    bool *train; /* K + 1 */
    mele_expert_info *info;
    double *weights;  /* n, where they are not the caller's; NULL */
    double *expanded; /* n x terms; NULL: x as it is */
    mele_i_left_out left_out;
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
        status = mele_i_row_groups_settle(&f->groups, &f->regions, error);
    f->one_group = status == MELE_OK && f->groups.alone[K] < f->groups.count;
    return status;
}

/* Whether somebody needs the global expert: kinds that see all rows anyway have it always. */
static bool needs_global(const fitting *f)
{
    const size_t K = f->experts->clusters;

    if (f->kind != NULL && f->kind->fit != NULL)
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

static mele_status make_fitting(fitting *f, const mele_targets *targets, const double *weights,
                                const double *log_posteriors, size_t clusters,
                                mele_engine *engine, mele_error *error)
{
    const bool classes = targets->classes > 0;
    mele_status status = mele_i_experts_new(clusters, f->x->cols,
                                            classes ? targets->classes : targets->values.cols,
                                            classes, &f->experts, error);

    if (status == MELE_OK)
        status = mele_i_weights_relative(weights, f->x->rows, &weights, &f->weights, error);
    if (status == MELE_OK)
        status = mele_i_regions_make(&f->regions, f->x->rows, weights, log_posteriors, clusters,
                                     strcmp(f->options.assign, "soft") == 0, engine, error);
    f->train = MELE_I_ZEROED(bool, clusters + 1);
    f->info = MELE_I_ZEROED(mele_expert_info, clusters + 1);
    if (status == MELE_OK && (f->train == NULL || f->info == NULL))
        status = mele_i_no_memory(error);
    if (status != MELE_OK)
        return status;
    f->experts->name = f->kind == NULL ? MELE_I_AUTO : f->kind->name;
    start_infos(f);
    status = mele_i_small_settle(f->experts, &f->regions, log_posteriors, &f->options, f->info,
                                 error);
    if (status == MELE_OK)
        status = find_groups(f, error);
    if (status == MELE_OK) {
        mark_training(f);
        mark_hosts(f);
        f->train[clusters] = needs_global(f);
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
    free(f->expanded);
    mele_i_left_out_free(&f->left_out);
}

/* ---- training ---- */

/* Where experts of this kind and degree may start from. */
static mele_status find_starts(const mele_i_expert_problem *problem,
                               const mele_i_expert_kind *kind, mele_i_expert **out,
                               mele_error *error)
{
    const size_t all = problem->regions->clusters + 1;

    *out = problem->start == NULL ? NULL : MELE_I_ARRAY(mele_i_expert, all);
    if (problem->start == NULL)
        return MELE_OK;
    if (*out == NULL)
        return mele_i_no_memory(error);
    memcpy(*out, problem->start, all * sizeof **out);
    for (size_t k = 0; k < all; k++)
        if ((*out)[k].kind != kind || (*out)[k].degree != problem->degree)
            (*out)[k].state = NULL;
    return MELE_OK;
}

mele_status mele_i_expert_train(const mele_i_expert_kind *kind,
                                const mele_i_expert_problem *problem, mele_i_expert *experts,
                                mele_engine *engine, mele_error *error)
{
    mele_i_expert_problem own = *problem;
    mele_i_expert *start = NULL;
    mele_status status = find_starts(problem, kind, &start, error);

    if (status != MELE_OK)
        return status;
    own.start = start;
    for (size_t k = 0; k <= problem->regions->clusters; k++)
        if (problem->train[k]) {
            experts[k].kind = kind;
            experts[k].degree = problem->degree;
            problem->info[k].kind = kind->name;
        }
    status = kind->fit != NULL ? kind->fit(&own, experts, engine, error)
                               : mele_i_regional_fit(kind, &own, experts, engine, error);
    free(start);
    return status;
}

static const mele_i_expert *starts_of(const mele_expert_options *o)
{
    return o->start == NULL || o->cold ? NULL : o->start->expert;
}

/* What all experts are to be trained on. */
static mele_i_expert_problem problem_of(const fitting *f, const mele_targets *targets)
{
    const mele_experts *e = f->experts;

    return (mele_i_expert_problem){
        .shape = {e->columns, e->outputs, e->classes}, .columns = e->columns, .degree = 1,
        .x = f->x, .y = &targets->values, .regions = &f->regions, .groups = groups_of(f),
        .one_group = f->one_group, .options = &f->options,
        .train = f->train, .start = starts_of(&f->options),
        .left_out = f->left_out.mean, .left_out_variance = f->left_out.variance,
        .global_left_out = f->left_out.global_mean,
        .global_left_out_variance = f->left_out.global_variance, .info = f->info};
}

/* A row's terms are written by the thread that makes them. */
typedef struct expanding {
    const mele_matrix *x;
    size_t terms;
    double *out;
} expanding;

static mele_status expand_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const expanding *e = context;

    (void)partial;
    (void)scratch;
    (void)error;
    mele_i_basis_expand(e->x->data + block.first * e->x->stride, e->x->stride, block.count,
                        e->x->cols, e->out + block.first * e->terms);
    return MELE_OK;
}

mele_status mele_i_expand(const mele_matrix *x, size_t degree, double **memory, mele_matrix *out,
                          mele_engine *engine, mele_error *error)
{
    expanding e = {x, mele_i_basis_columns(x->cols, degree), NULL};

    *out = *x;
    if (degree == 1)
        return MELE_OK;
    mele_status status = check_terms(x->cols, degree, error);
    if (status != MELE_OK)
        return status;
    *memory = e.out = mele_i_large_array(x->rows, e.terms * sizeof(double));
    if (*memory == NULL)
        return mele_i_no_memory(error);
    *out = mele_matrix_of(*memory, x->rows, e.terms);
    const mele_i_pass pass = {.rows = x->rows, .map = expand_block, .context = &e,
                              .block_rows = mele_i_block_rows(e.terms, 1 << 16, 16)};
    return mele_i_pass_run(engine, &pass, error);
}

static mele_status train(fitting *f, const mele_targets *targets, mele_engine *engine,
                         mele_error *error)
{
    mele_i_expert_problem problem = problem_of(f, targets);
    mele_matrix expanded;
    mele_status status;

    if (f->kind == NULL)
        return mele_i_choose_experts(&problem, f->experts, engine, error);
    problem.degree = f->options.degree;
    status = mele_i_expand(f->x, problem.degree, &f->expanded, &expanded, engine, error);
    problem.x = &expanded;
    problem.shape.columns = expanded.cols;
    if (status == MELE_OK)
        status = mele_i_expert_train(f->kind, &problem, f->experts->expert, engine, error);
    return status;
}

/* ---- afterwards ---- */

/* What is true of regions in which another expert answers. Experts that were kept are told of as
 * they are, not as these rows would have made them. */
static void settle_answers(fitting *f)
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
    mele_i_experts_settle(f->experts);
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
    const size_t K = f->experts->clusters, width = K * f->experts->outputs;
    const size_t only = f->groups.alone[K];

    for (size_t k = 0; k <= K; k++) {
        f->info[k].left_out = NAN;
        for (size_t i = 0; i < f->info[k].candidates; i++)
            f->info[k].candidate[i] = NAN;
    }
    for (size_t i = 0; i < f->x->rows * width && f->left_out.mean != NULL; i++)
        if (f->groups.of[i / width] == only) {
            f->left_out.mean[i] = NAN;
            if (f->left_out.variance != NULL)
                f->left_out.variance[i] = NAN;
        }
}

mele_status mele_experts_fit(const mele_matrix *x, const mele_targets *targets,
                             const double *weights, const double *log_posteriors, size_t clusters,
                             const mele_expert_options *options, mele_engine *engine,
                             mele_experts **out, double *left_out, double *left_out_variance,
                             mele_expert_info *info, mele_error *error)
{
    fitting f = {.x = x};
    mele_status status = check_input(x, targets, log_posteriors, clusters, options, engine, error);

    if (status == MELE_OK)
        status = settle_options(options, targets, x->cols, clusters, &f.options, &f.kind, error);
    if (status == MELE_OK)
        status = mele_i_lapack_ready(error);
    if (status != MELE_OK)
        return status;
    status = make_fitting(&f, targets, weights, log_posteriors, clusters, engine, error);
    if (status == MELE_OK)
        status = mele_i_left_out_make(&f.left_out, f.experts, &f.regions, groups_of(&f), f.train,
                                      f.kind == NULL || f.options.start != NULL
                                          || groups_of(&f) != NULL, left_out,
                                      targets->classes == 0 ? left_out_variance : NULL, error);
    if (status == MELE_OK)
        status = mele_i_experts_keep(f.experts, &f.options, f.train, false, error);
    if (status == MELE_OK) {
        set_shares(&f, true);
        status = train(&f, targets, engine, error);
        set_shares(&f, false);
    }
    if (status == MELE_OK)
        status = mele_i_experts_keep(f.experts, &f.options, f.train, true, error);
    if (status == MELE_OK) {
        settle_answers(&f);
        status = mele_i_left_out_settle(&f.left_out, f.experts, x, &f.regions, groups_of(&f),
                                        f.train, error);
    }
    if (status == MELE_OK) {
        if (f.one_group)
            clear_left_out(&f);
        mele_i_left_out_give(&f.left_out);
        if (info != NULL)
            memcpy(info, f.info, (clusters + 1) * sizeof *info);
        *out = f.experts;
        f.experts = NULL;
    }
    free_fitting(&f);
    return status;
}
