/* What is asked for: defaults, what may be asked for, and every default settled. */
#include "expert/options.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "expert/basis.h"
#include "expert/candidates.h"
#include "expert/expert.h"
#include "expert/kinds.h"

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

mele_status mele_i_experts_check_columns(size_t columns, size_t outputs,
                                         const mele_expert_options *o, mele_error *error)
{
    const mele_i_expert_kind *kind = o->kind == NULL ? NULL : mele_i_expert_kind_named(o->kind);

    if (columns > MELE_I_MOST_COLUMNS || outputs > MELE_I_MOST_COLUMNS - columns)
        return mele_i_fail(error, MELE_EINVAL, "%zu columns and %zu outputs: experts take at most %d "
                           "together (leave columns out, --ignore)", columns, outputs, MELE_I_MOST_COLUMNS);
    if (o->degree == 1 || (o->kind != NULL && (kind == NULL || !kind->expands)))
        return MELE_OK;
    return mele_i_basis_check(columns, o->degree, error);
}

/* ---- defaults ---- */

mele_status mele_i_expert_options_settle(const mele_expert_options *given,
                                         const mele_targets *targets, size_t columns,
                                         size_t clusters, mele_expert_options *o,
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
