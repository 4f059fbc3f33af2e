/* Boosted mixtures of experts (Waterhouse, Cook 1997, NIPS 9; Avnimelech, Intrator 1999, Neural Comput. 11): three
 * experts by boosting in its first form, by filtering (Schapire 1990, Machine Learning 5; Drucker, Cortes, Jackel,
 * LeCun, Vapnik 1994, Neural Comput. 6), then a gate between them as they are, then experts and gate together.
 *
 *     expert 1   a random third of the rows
 *     expert 2   of the other two thirds a set that expert 1 has half wrong and half right: all of those that are
 *                fewer, and as many of the others at random
 *     expert 3   the rows about which experts 1 and 2 disagree
 *
 * Of classes a row is wrong whose class is not the expert's likeliest, and they disagree where these differ. Of
 * targets a row is wrong if its squared error (the mean over targets) is above a threshold, and they disagree where
 * one of them is wrong and the other right (Avnimelech, Intrator 1999, Neural Comput. 11, "Boosting regression
 * estimators"). The threshold is the error of expert 1 that a quarter of the other two thirds exceeds: with the median
 * half of them would be wrong, and the set all of them, filtered by nothing; with this one expert 2 has as many rows
 * as expert 1.
 *
 * Filtering wants fresh rows for each expert. There are only those that there are; so experts are judged by what
 * they say of each row without having been trained on it (nor on a row of its group), and expert 3's rows are
 * taken from all. A set of fewer than twice as many rows as a linear expert has coefficients is none: in its place
 * come the rows that no expert before was trained on, and, where these are too few, all.
 *
 * The gate maximises the likelihood of the blend of what was so said (afterwards.c). EM goes on from experts and
 * gate on all rows (by_em.c), so that the penalised likelihood of the three as boosting made them never falls. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/largest.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "expert/expert.h"
#include "family/afterwards.h"
#include "family/boosted/filters.h"
#include "family/by_em.h"
#include "family/family.h"
#include "family/leave_out.h"
#include "family/parts.h"
#include "fit/experts.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "gate/constant.h"
#include "schema/data.h"

#define EXPERTS 3
#define RIGHT 0.75 /* of the rows that expert 1 has not seen, where a target is predicted */

typedef struct boosted {
    mele_i_run *run;
    mele_rows targets;
    size_t rows, outputs, classes;
    size_t least;            /* rows that an expert needs */
    bool *member[EXPERTS];   /* n each: whom it was trained on */
    bool *wrong[EXPERTS];    /* n each: what it says of rows left out is */
    const char *how[EXPERTS]; /* its rows were chosen */
    double *error, *room;    /* n each */
    double threshold;        /* of an error */
    mele_experts *expert[EXPERTS], *experts; /* each, and all */
    mele_expert_info info[EXPERTS + 1];
    mele_i_mixture_said said; /* by them of rows left out */
    double *variance;        /* EXPERTS x M; NULL: classes */
    mele_gate *gate;
    mele_gate_info gate_info;
} boosted;

static void boosted_clear(boosted *b)
{
    for (size_t k = 0; k < EXPERTS; k++) {
        free(b->member[k]);
        free(b->wrong[k]);
        mele_experts_free(b->expert[k]);
    }
    free(b->error);
    free(b->room);
    free(b->variance);
    mele_experts_free(b->experts);
    mele_gate_free(b->gate);
    mele_i_mixture_said_clear(&b->said);
}

static mele_status boosted_make(boosted *b, mele_i_run *run, mele_error *error)
{
    const size_t n = run->features.rows, classes = mele_i_run_classes(run);
    bool good;

    *b = (boosted){.run = run, .targets = mele_i_run_targets(run), .rows = n, .classes = classes,
                   .outputs = mele_model_outputs(run->model),
                   .least = 2 * (mele_i_run_expert_x(run).cols + 1),
                   .info[EXPERTS] = {.converged = true}}; /* there is no global expert */
    b->error = MELE_I_ARRAY(double, n);
    b->room = MELE_I_ARRAY(double, n);
    b->variance = classes > 0 ? NULL : MELE_I_ZEROED(double, EXPERTS * b->outputs);
    good = b->error != NULL && b->room != NULL && (classes > 0 || b->variance != NULL);
    for (size_t k = 0; k < EXPERTS; k++) {
        b->member[k] = MELE_I_ZEROED(bool, n);
        b->wrong[k] = MELE_I_ZEROED(bool, n);
        good = good && b->member[k] != NULL && b->wrong[k] != NULL;
    }
    if (!good)
        return mele_i_no_memory(error);
    return mele_i_mixture_said_make(n, EXPERTS, b->outputs, &b->said, error);
}

/* ---- the rows of an expert ---- */

static const double *said_of(const boosted *b, size_t i, size_t k)
{
    return b->said.mean + (i * EXPERTS + k) * b->outputs;
}

static bool disagree(const boosted *b, size_t i)
{
    if (b->classes == 0)
        return b->wrong[0][i] != b->wrong[1][i];
    return mele_i_largest(said_of(b, i, 0), b->classes) != mele_i_largest(said_of(b, i, 1), b->classes);
}

/* Those that none of the first k experts was trained on. */
static void mark_unused(const boosted *b, size_t k, bool *out)
{
    mele_i_filter_all(b->run->data, out);
    for (size_t i = 0; i < b->rows; i++)
        for (size_t j = 0; j < k; j++)
            out[i] = out[i] && !b->member[j][i];
}

static mele_status filter(boosted *b, size_t k, mele_error *error)
{
    static const char *const how[] = {"third", "half wrong", "disagreement"};
    const mele_options *options = b->run->options;
    mele_i_stream stream = mele_i_stream_make(options->seed, MELE_I_FOR_FILTERS, options->experts.fold, k);
    bool *out = b->member[k];

    b->how[k] = how[k];
    if (k == 0)
        return mele_i_filter_third(b->run->data, &stream, out, error);
    if (k == 1) {
        mark_unused(b, 1, out);
        mele_i_filter_halves(out, b->wrong[0], b->rows, &stream, out);
        return MELE_OK;
    }
    mele_i_filter_all(b->run->data, out);
    for (size_t i = 0; i < b->rows; i++)
        out[i] = out[i] && disagree(b, i);
    return MELE_OK;
}

/* In place of too few rows: those that nobody had, or all. */
static void fill_up(boosted *b, size_t k)
{
    const size_t found = mele_i_filter_count(b->member[k], b->rows);

    if (found >= b->least)
        return;
    mark_unused(b, k, b->member[k]);
    b->how[k] = "unused";
    if (mele_i_filter_count(b->member[k], b->rows) < b->least) {
        mele_i_filter_all(b->run->data, b->member[k]);
        b->how[k] = "all";
    }
    mele_i_report_warn(b->run->report, "boosting has %zu row%s for expert %zu, which needs %zu: it is trained on %s",
                       found, found == 1 ? "" : "s", k + 1, b->least,
                       strcmp(b->how[k], "all") == 0 ? "all rows" : "all rows that those before it were not");
}

/* ---- an expert ---- */

/* n labels or weights; of all rows it is the expert that there would be alone. */
static mele_status train_on(boosted *b, size_t k, const mele_assignment *assignment, bool all,
                            mele_left_out **left_out, mele_error *error)
{
    mele_expert_options options = mele_i_run_expert_options(b->run);
    mele_expert_data data = mele_i_run_expert_data(b->run);
    mele_expert_info info[2];

    options.only = all ? 0 : 1;
    data.assignment = assignment;
    const mele_status status = mele_experts_fit(&data, &options, b->run->engine, &b->expert[k], left_out, info,
                                                error);
    if (status == MELE_OK)
        b->info[k] = info[0];
    if (status == MELE_OK && all)
        b->info[EXPERTS] = info[1];
    return status;
}

static mele_status train(boosted *b, size_t k, mele_left_out **left_out, mele_error *error)
{
    const bool all = strcmp(b->how[k], "all") == 0;
    const mele_rows marks = mele_rows_of_array(b->room, b->rows, 1);
    uint32_t *labels = all ? MELE_I_ZEROED(uint32_t, b->rows) : NULL;
    const mele_assignment assignment = {.rows = b->rows, .clusters = 1, .labels = labels,
                                        .weights = all ? NULL : &marks};

    if (all && labels == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < b->rows; i++)
        b->room[i] = b->member[k][i];
    const mele_status status = train_on(b, k, &assignment, all, left_out, error);
    free(labels);
    return status;
}

/* ---- what it says of rows left out ---- */

/* Where nothing can be left out, what it says of rows that it has seen. */
static mele_status fill_gaps(boosted *b, size_t k, mele_error *error)
{
    const mele_rows x = mele_i_run_expert_x(b->run);
    bool gaps = false;
    double *plain = NULL;
    mele_status status = MELE_OK;

    for (size_t i = 0; i < b->rows; i++)
        gaps = gaps || isnan(*said_of(b, i, k));
    if (!gaps)
        return MELE_OK;
    plain = mele_i_large_array(b->rows, b->outputs * sizeof *plain);
    status = plain == NULL ? mele_i_no_memory(error)
                           : mele_experts_predict_rows(b->expert[k], &x, b->run->engine, plain, NULL, error);
    for (size_t i = 0; i < b->rows && status == MELE_OK; i++)
        if (isnan(*said_of(b, i, k)))
            memcpy(b->said.mean + (i * EXPERTS + k) * b->outputs, plain + i * b->outputs,
                   b->outputs * sizeof *plain);
    free(plain);
    return status;
}

static mele_status take_left_out(boosted *b, size_t k, const mele_left_out *left_out, mele_error *error)
{
    const mele_rows mean = mele_left_out_mean(left_out);
    mele_status status = MELE_OK;

    for (size_t i = 0; i < b->rows && status == MELE_OK; i++)
        status = mele_i_rows_copy(&mean, i, b->said.mean + (i * EXPERTS + k) * b->outputs, error);
    return status == MELE_OK ? fill_gaps(b, k, error) : status;
}

/* Errors of rows, and, of targets, sums of squares, which are the variances as rows come. */
static mele_status measure(boosted *b, size_t k, mele_error *error)
{
    const size_t parts = b->classes > 0 ? 1 : b->outputs;
    double *y = MELE_I_ARRAY(double, parts), total = 0;
    mele_status status = y == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t i = 0; i < b->rows && status == MELE_OK; i++) {
        const double *said = said_of(b, i, k), *weights = b->run->data->weights;
        const double w = weights == NULL ? 1 : weights[i];
        status = mele_i_rows_copy(&b->targets, i, y, error);
        b->error[i] = 0;
        total += w;
        if (status == MELE_OK && b->classes > 0)
            b->error[i] = (double)mele_i_largest(said, b->classes) != y[0];
        for (size_t t = 0; t < b->outputs && b->classes == 0 && status == MELE_OK; t++) {
            const double square = (y[t] - said[t]) * (y[t] - said[t]);
            b->error[i] += square / (double)b->outputs;
            b->variance[k * b->outputs + t] += w * square;
        }
    }
    for (size_t t = 0; t < b->outputs && b->classes == 0; t++)
        b->variance[k * b->outputs + t] = fmax(MELE_I_LEAST_VARIANCE, b->variance[k * b->outputs + t] / total);
    free(y);
    return status;
}

/* Rows are wrong by their errors, those of targets by what a part of those that expert 1 has not seen exceeds. */
static void judge(boosted *b, size_t k)
{
    if (k == 0 && b->classes == 0) {
        mark_unused(b, 1, b->wrong[0]);
        if (mele_i_filter_count(b->wrong[0], b->rows) == 0)
            mele_i_filter_all(b->run->data, b->wrong[0]);
        b->threshold = mele_i_filter_quantile(b->wrong[0], b->error, b->rows, RIGHT, b->room);
    }
    for (size_t i = 0; i < b->rows; i++)
        b->wrong[k][i] = b->error[i] > (b->classes > 0 ? 0.5 : b->threshold);
}

static mele_status make_expert(boosted *b, size_t k, mele_error *error)
{
    mele_left_out *left_out = NULL;
    mele_status status = filter(b, k, error);

    if (status == MELE_OK) {
        fill_up(b, k);
        status = train(b, k, &left_out, error);
    }
    if (status == MELE_OK)
        status = take_left_out(b, k, left_out, error);
    mele_left_out_free(left_out);
    if (status == MELE_OK)
        status = measure(b, k, error);
    if (status != MELE_OK)
        return status;
    judge(b, k);
    return mele_i_progress(b->run->engine, "boosting", k + 1, EXPERTS, NAN, error);
}

static mele_status make_experts(boosted *b, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t k = 0; k < EXPERTS && status == MELE_OK; k++)
        status = make_expert(b, k, error);
    if (status == MELE_OK)
        status = mele_i_experts_join((const mele_experts *const *)b->expert, EXPERTS, &b->experts, error);
    return status;
}

/* ---- what makes one prediction of theirs ---- */

static bool is_mean(const mele_options *options)
{
    return strcmp(options->family.combine, "mean") == 0;
}

static mele_status make_mean(boosted *b, mele_error *error)
{
    for (size_t i = 0; i < b->rows * EXPERTS; i++)
        b->said.log_gate[i] = -log(EXPERTS);
    mele_status status = mele_i_gate_constant_make(NULL, EXPERTS, &b->gate, error);
    return status == MELE_OK ? mele_i_family_said_variances(b->run, &b->said, b->variance, error) : status;
}

static mele_status make_gate(boosted *b, mele_error *error)
{
    mele_status status = is_mean(b->run->options)
                             ? make_mean(b, error)
                             : mele_i_family_gate_afterwards(b->run, b->experts, &b->said, b->variance, &b->gate,
                                                             &b->gate_info, error);

    if (status == MELE_OK && b->variance != NULL)
        mele_i_experts_set_variances(b->experts, b->variance);
    return status;
}

/* ---- the model ---- */

static json_t *rows_of(const boosted *b)
{
    json_t *list = json_array();

    for (size_t k = 0; k < EXPERTS && list != NULL; k++) {
        const size_t count = mele_i_filter_count(b->member[k], b->rows);
        json_t *object = json_pack("{s:I, s:s}", "rows", (json_int_t)count, "chosen", b->how[k]);
        if (object == NULL || json_array_append_new(list, object) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *more_of(const boosted *b)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "boosted", rows_of(b)))
        return object;
    json_decref(object);
    return NULL;
}

/* Parts stay as they are. */
static mele_status finish(boosted *b, mele_error *error)
{
    mele_i_family_result result = {.experts = b->experts, .gate = b->gate, .info = b->info,
                                   .gate_info = is_mean(b->run->options) ? NULL : &b->gate_info,
                                   .log_likelihood = NAN, .more = more_of(b)};

    if (result.more == NULL)
        return mele_i_no_memory(error);
    b->experts = NULL;
    b->gate = NULL;
    mele_i_warn_of_experts(b->run->report, b->info, EXPERTS, 0, 0);
    return mele_i_family_finish(b->run, &result, error);
}

static mele_status train_together(boosted *b, mele_error *error)
{
    mele_i_by_em by;
    mele_status status = mele_i_by_em_make(b->run, &b->run->gate, &by, error);

    by.more = more_of(b);
    if (status == MELE_OK && by.more == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = mele_i_by_em_begin_with(&by, b->experts, b->gate, error);
    if (status == MELE_OK)
        status = mele_i_by_em_go_on(&by, error);
    if (status == MELE_OK)
        status = mele_i_by_em_finish(&by, error);
    mele_i_by_em_clear(&by);
    return status;
}

static bool stays(const mele_options *options)
{
    return is_mean(options) || options->family.em_iterations == 0;
}

static mele_status fit(mele_i_run *run, mele_error *error)
{
    boosted b;
    mele_status status = boosted_make(&b, run, error);

    if (status == MELE_OK)
        status = make_experts(&b, error);
    if (status == MELE_OK)
        status = make_gate(&b, error);
    if (status == MELE_OK)
        status = stays(run->options) ? finish(&b, error) : train_together(&b, error);
    boosted_clear(&b);
    return status;
}

/* A mean has no gate, and nothing is trained together. */
static const char *const *idle(const mele_options *options)
{
    static const char *const of_gate[] = {"em-iter", "gate-ridge", "gate-features", NULL};

    return is_mean(options) ? of_gate : NULL;
}

static mele_status check(const mele_data *data, const mele_options *options, mele_error *error)
{
    for (const char *const *name = idle(options); name != NULL && *name != NULL; name++)
        if (mele_options_given(options, *name))
            return mele_i_fail(error, MELE_EINVAL, "--combine mean takes the experts as boosting has made them, "
                               "without a gate: leave out --%s, or take --combine gate", *name);
    return stays(options) ? MELE_OK : mele_i_by_em_check(data, options, error);
}

const mele_i_family mele_i_family_boosted_me = {
    .help = "three experts, each on what those before got wrong, and a softmax gate; then together, by EM",
    .takes = MELE_I_FAMILY_EVERYTHING,
    .options = (const char *const[]){"clusters", "combine", MELE_I_BY_EM_EXPERTS, MELE_I_BY_EM_GATE, NULL},
    .idle = idle,
    .experts = MELE_I_FAMILY_EXPERTS("linear", "logistic", "mlp"),
    .gate = "softmax",
    .clusters = EXPERTS,
    .fixed = true,
    .settle = mele_i_by_em_settle,
    .check = check,
    .fit = fit,
};
