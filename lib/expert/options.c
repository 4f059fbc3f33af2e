/* What is asked for: defaults, what may be asked for, and every default settled. */
#include "expert/options.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "expert/basis.h"
#include "expert/candidates.h"
#include "expert/expert.h"
#include "expert/kinds.h"

/* Regions with fewer rows than this, or than coefficients, are too small unless options say so. */
#define FEWEST_ROWS 5

#define MOST_FOLDS 255
#define MOST_REGIONS 1e6

/* ---- the tables ---- */

MELE_I_CHOICES(assignments, "hard", "soft")
MELE_I_CHOICES(small_rules, "global", "shrink", "merge")

/* Kinds of experts that have a ridge have one of their own. */
static size_t ridge_defaults(char *out, size_t size)
{
    const mele_i_expert_kind *kind;
    size_t length = 0;

    for (size_t k = 0; (kind = mele_i_expert_kind_at(k)) != NULL; k++) {
        char number[MELE_I_NUMBER_ROOM + 1];
        if (!(kind->ridge >= 0))
            continue;
        number[mele_i_number_print(kind->ridge, number)] = '\0';
        char *at = length < size ? out + length : NULL;
        length += (size_t)snprintf(at, at == NULL ? 0 : size - length, "%s%s %s",
                                   length == 0 ? "" : ", ", kind->name, number);
    }
    return length;
}

static const mele_i_option first[] = {
    {.name = "expert", .argument = "KIND",
     .help = "one in each region (default: linear, for classes logistic)",
     MELE_I_EXPERT_MEMBER(kind), .type = MELE_I_CHOICE, .choice = mele_expert_kind,
     .optional = true},
    {.name = "assign", .argument = "HOW",
     .help = "an expert's rows: its region's, or all by posterior",
     MELE_I_EXPERT_MEMBER(assign), .type = MELE_I_CHOICE, .choice = assignments},
    {.name = "degree", .argument = "N",
     .help = "linear, logistic: 1, or 2 with squares and products of columns",
     MELE_I_EXPERT_MEMBER(degree), .type = MELE_I_WHOLE, .least = 1, .most = 2},
    {.name = "ridge", .argument = "L|gcv",
     .help = "penalty on squared standardised coefficients, for mlp on all weights, or (linear) "
     "chosen a region by generalised cross-validation",
     MELE_I_EXPERT_MEMBER(ridge), .type = MELE_I_NUMBER, .least = 0, .most = DBL_MAX, .word = "gcv",
     .word_value = MELE_RIDGE_GCV, .optional = true, .default_text = ridge_defaults},
};

static const mele_i_option last[] = {
    {.name = "expert-restarts", .argument = "N",
     .help = "mlp, gp: starts, of which the best result wins",
     MELE_I_EXPERT_MEMBER(restarts), .type = MELE_I_WHOLE, .least = 1, .most = 1e6},
    {.name = "min-rows", .argument = "N",
     .help = "regions with fewer are too small (--small); 0: as many as a linear expert has "
     "coefficients, at most 5",
     MELE_I_EXPERT_MEMBER(min_rows), .type = MELE_I_WHOLE, .least = 0, .most = 1e9},
    {.name = "small", .argument = "RULE",
     .help = "what a region too small gets: the global expert, an own one shrunk towards it, or "
     "that of the next region, with its rows",
     MELE_I_EXPERT_MEMBER(small), .type = MELE_I_CHOICE, .choice = small_rules},
    {.name = "only", .argument = "K",
     .help = "train the expert of region K alone; the others stay as MODEL has them, or are "
     "trained by other processes, see --merge",
     MELE_I_EXPERT_MEMBER(only), .type = MELE_I_WHOLE, .least = 1, .most = MOST_REGIONS,
     .optional = true, .passing = true},
    {.name = "freeze", .argument = "K",
     .help = "train the experts of MODEL again, but for that of region K, which stays",
     MELE_I_EXPERT_MEMBER(freeze), .type = MELE_I_WHOLE, .least = 1, .most = MOST_REGIONS,
     .optional = true, .passing = true},
    {MELE_I_EXPERT_MEMBER(folds), .type = MELE_I_WHOLE, .least = 2, .most = MOST_FOLDS},
};

/* Those that all kinds have, around those of each kind. */
const mele_i_option_table *mele_i_expert_options_at(size_t i)
{
    static const mele_i_option_table before = MELE_I_OPTION_TABLE(first);
    static const mele_i_option_table after = MELE_I_OPTION_TABLE(last);
    const mele_i_expert_kind *kind = i == 0 ? NULL : mele_i_expert_kind_at(i - 1);

    if (i == 0)
        return &before;
    if (kind != NULL)
        return &kind->options;
    return mele_i_expert_kind_at(i - 2) != NULL ? &after : NULL;
}

static bool has(const mele_i_option_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->row[i].name != NULL && strcmp(table->row[i].name, name) == 0)
            return true;
    return false;
}

bool mele_i_expert_option_counts(const char *kind, const char *name)
{
    const mele_i_expert_kind *own = kind == NULL ? NULL : mele_i_expert_kind_named(kind), *other;

    for (size_t i = 0; own != NULL && (other = mele_i_expert_kind_at(i)) != NULL; i++)
        if (other != own && has(&other->options, name))
            return false;
    return true;
}

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

static mele_status check_tables(const mele_expert_options *o, mele_error *error)
{
    const mele_i_option_table *table;
    mele_status status = mele_i_check_reserved(o->reserved, error);

    for (size_t i = 0; (table = mele_i_expert_options_at(i)) != NULL && status == MELE_OK; i++)
        status = mele_i_option_check_all(table, o, "", error);
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
                           "together (leave columns out, --expert-features or --ignore)", columns, outputs, MELE_I_MOST_COLUMNS);
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
    status = check_tables(o, error);
    if (status != MELE_OK)
        return status;
    if (*kind != NULL && !(targets->classes == 0 ? (*kind)->regression : (*kind)->classification))
        return mele_i_fail(error, MELE_EINVAL, "experts of kind \"%s\" are not for %s: %s ones are (--expert)", o->kind,
                           targets->classes == 0 ? "regression" : "classes",
                           targets->classes == 0 ? "linear" : "logistic");
    status = check_by_kind(o, *kind, targets->classes, error);
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
