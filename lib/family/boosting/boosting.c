/* Boosting: experts trained one after the other, each on the rows that those before it got wrong.
 *
 * Of classes it is AdaBoost in its form for several of them, SAMME (Zhu, Rosset, Zou, Hastie 2009, Statistics
 * and Its Interface 2), which with two classes is AdaBoost.M1 (Freund, Schapire 1997, J. Comput. Syst. Sci.
 * 55); of one target AdaBoost.R2 with its linear loss (Drucker 1997, ICML). Both are one algorithm. With the
 * weights of the rows w_i, whose sum is 1, and a distribution D_i, which begins as w_i, each round
 *
 *     trains an expert on the rows with weights D_i, times n: of a mean of 1
 *     has a loss of each row:  L_i = 1 if its class is not the expert's likeliest, else 0;
 *                              L_i = |y_i - f_i| / max_j |y_j - f_j| of a target
 *     has the error            e = sum_i D_i L_i
 *     gives the expert         a = ln((1 - e) / e) + ln(C - 1) votes, C = 2 of a target: Drucker's ln(1/beta)
 *     and makes                D_i proportional to D_i exp(a L_i): Drucker's D_i beta^(1 - L_i)
 *
 * An expert with e >= 1 - 1/C is no better than chance: it is left out, and the rounds are over, unless it is
 * the first, which then stays as the only one. One with e = 0 is the last: it gets the votes of an error of
 * half a row's share, 1 / (2 n), where the formula has infinity (which would silence all before it, for an
 * expert that may well know its rows by heart).
 *
 * Drucker draws the rows of a round by D; here the expert takes D as weights: nothing is drawn, and the
 * experts see every row. What they say is combined by a vote, or by the median, with weights a
 * (model/combine.c); of one expert nothing is combined. D is held as logarithms, so that no row is lost of
 * which all are sure for long.
 *
 * Experts of one optimum start from the last one's, which is near; others from nothing.
 *
 * The variance of an expert is that of its left-out residuals by the weights of rows as they come; by its own D
 * it would be too large, for that is largest where it errs. What share of the experts' variances is within the
 * blend, beside the variance between them, is told by the same left-out predictions, blended to F_i:
 *
 *     within = sum_i w_i ((y_i - F_i)^2 - sum_k g_k (f_ik - F_i)^2) / sum_i w_i sum_k g_k s_ik^2,
 *
 * at least a quarter and at most 1 (as of bagging, bagging/out_of_bag.c). Of many rows every m-th is looked at. */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/largest.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "expert/expert.h"
#include "expert/kinds.h"
#include "family/family.h"
#include "family/parts.h"
#include "fit/experts.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "gate/constant.h"
#include "model/combine.h"
#include "schema/data.h"

#define LEAST_WITHIN 0.25
#define HELD_ROWS 10000     /* at most twice as many: those whose left-out predictions are held */
#define LOSS_WORK ((size_t)1 << 17) /* elementary operations of a block */

/* Why the rounds are over: as many as were asked for, an expert no better than chance, one without error. */
typedef enum ending { ROUNDS, CHANCE, PERFECT } ending;

typedef struct boosting {
    mele_i_run *run;
    mele_rows x, targets;
    size_t rows, classes, rounds, made;
    double weight;               /* of all rows */
    double *log_factor, *factor; /* n: D_i = factor_i w_i / weight; its logarithm but for a constant */
    double *loss;                /* n: of a target |y_i - f_i| while it is measured */
    mele_experts **expert;       /* one a round */
    mele_expert_info *info;      /* one a round, and one more */
    mele_expert_info global;
    double *vote, *error;        /* one a round */
    size_t step, held;           /* of a target: every so many rows, so many in all, */
    double *mean, *variance;     /* held x rounds: what experts say of them, left out */
    ending ending;
} boosting;

/* Also the expert of a round that came to nothing. */
static void boosting_clear(boosting *b)
{
    for (size_t k = 0; b->expert != NULL && k < b->rounds; k++)
        mele_experts_free(b->expert[k]);
    free(b->log_factor);
    free(b->factor);
    free(b->loss);
    free(b->expert);
    free(b->info);
    free(b->mean);
    free(b->variance);
    free(b->vote);
    free(b->error);
}

static double weight_of(const boosting *b, size_t i)
{
    return b->run->data->weights == NULL ? 1 : b->run->data->weights[i];
}

static mele_status boosting_make(boosting *b, mele_i_run *run, mele_error *error)
{
    const size_t rows = run->features.rows, rounds = run->model->clusters;

    *b = (boosting){.run = run, .x = mele_i_run_expert_x(run), .targets = mele_i_run_targets(run),
                    .rows = rows, .classes = mele_i_run_classes(run), .rounds = rounds};
    b->log_factor = MELE_I_ZEROED(double, rows);
    b->factor = MELE_I_ARRAY(double, rows);
    b->loss = MELE_I_ARRAY(double, rows);
    b->expert = MELE_I_ZEROED(mele_experts *, rounds);
    b->info = MELE_I_ZEROED(mele_expert_info, rounds + 1);
    b->vote = MELE_I_ARRAY(double, rounds);
    b->error = MELE_I_ARRAY(double, rounds);
    b->step = b->classes > 0 ? rows : rows / HELD_ROWS > 0 ? rows / HELD_ROWS : 1;
    b->held = b->classes > 0 ? 0 : (rows + b->step - 1) / b->step;
    b->mean = mele_i_array(b->held, rounds * sizeof *b->mean);
    b->variance = mele_i_array(b->held, rounds * sizeof *b->variance);
    if (b->mean == NULL || b->variance == NULL || b->log_factor == NULL || b->factor == NULL || b->loss == NULL || b->expert == NULL
        || b->info == NULL || b->vote == NULL || b->error == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < rows; i++) {
        b->factor[i] = 1;
        b->weight += weight_of(b, i);
    }
    return MELE_OK;
}

/* ---- an expert of a round ---- */

/* The first is the expert that there would be without boosting. */
static mele_status train_first(boosting *b, const mele_expert_options *options, mele_left_out **left_out,
                               mele_expert_info *info, mele_error *error)
{
    mele_expert_data data = mele_i_run_expert_data(b->run);
    uint32_t *labels = MELE_I_ZEROED(uint32_t, b->rows);
    const mele_assignment all = {.rows = b->rows, .clusters = 1, .labels = labels};

    if (labels == NULL)
        return mele_i_no_memory(error);
    data.assignment = &all;
    mele_status status = mele_experts_fit(&data, options, b->run->engine, &b->expert[0], left_out,
                                          info, error);
    free(labels);
    return status;
}

/* Whether an expert is the same wherever it starts from, but for rounding. */
static bool is_convex(const mele_expert_options *options)
{
    const mele_i_expert_kind *kind = mele_i_expert_kind_named(options->kind);

    return kind != NULL && kind->convex;
}

/* *left_out: of a target. */
static mele_status train(boosting *b, mele_left_out **left_out, mele_error *error)
{
    mele_left_out **wanted = b->classes > 0 ? NULL : left_out;
    mele_expert_options options = mele_i_run_expert_options(b->run);
    mele_expert_data data = mele_i_run_expert_data(b->run);
    const mele_rows factors = mele_rows_of_array(b->factor, b->rows, 1);
    const mele_assignment weighted = {.rows = b->rows, .clusters = 1, .weights = &factors};
    mele_expert_info info[2];
    mele_status status;

    if (b->made == 0) {
        status = train_first(b, &options, wanted, info, error);
        b->global = info[1];
    } else {
        options.only = 1; /* the global expert, which nobody asks, is the first round's */
        options.start = b->expert[b->made - 1];
        options.cold = !is_convex(&options);
        data.assignment = &weighted;
        status = mele_experts_fit(&data, &options, b->run->engine, &b->expert[b->made], wanted, info,
                                  error);
    }
    b->info[b->made] = info[0];
    return status;
}

/* ---- what it says of rows left out ---- */

/* The variance that the rows have by their own weights becomes the expert's; the first has it. */
static mele_status settle_variance(boosting *b, const double *left_out, mele_error *error)
{
    mele_experts *experts = b->expert[b->made];
    double sum = 0, weight = 0, target, variance;
    mele_status status = MELE_OK;

    if (b->made == 0 || !mele_i_experts_have_variance(experts, 0))
        return MELE_OK;
    for (size_t i = 0; i < b->rows && status == MELE_OK; i++) {
        status = mele_i_rows_copy(&b->targets, i, &target, error);
        if (status == MELE_OK && !isnan(left_out[i])) {
            sum += weight_of(b, i) * (target - left_out[i]) * (target - left_out[i]);
            weight += weight_of(b, i);
        }
    }
    if (status != MELE_OK || !(weight > 0))
        return status;
    variance = fmax(MELE_I_LEAST_VARIANCE, sum / weight);
    b->info[b->made].left_out = sum / weight;
    mele_i_experts_set_variances(experts, &variance);
    return MELE_OK;
}

static mele_status take_left_out(boosting *b, const mele_left_out *left_out, mele_error *error)
{
    const double *mean = mele_left_out_mean(left_out).data;
    const double *variance = mele_left_out_variance(left_out).data;
    mele_status status = settle_variance(b, mean, error);
    double own;

    mele_i_experts_variances(b->expert[b->made], 0, &own);
    for (size_t i = 0; i < b->held; i++) {
        const size_t to = i * b->rounds + b->made;
        b->mean[to] = mean[i * b->step];
        b->variance[to] = mele_i_experts_have_variance(b->expert[b->made], 0) ? own
                                                                             : variance[i * b->step];
    }
    return status;
}

static mele_status train_and_look(boosting *b, mele_error *error)
{
    mele_left_out *left_out = NULL;
    mele_status status = train(b, &left_out, error);

    if (status == MELE_OK && left_out != NULL)
        status = take_left_out(b, left_out, error);
    mele_left_out_free(left_out);
    return status;
}

/* What share of the variances is within the blend of weights g. */
static mele_status find_within(const boosting *b, const double *g, double *out, mele_error *error)
{
    double *room = MELE_I_ARRAY(double, 2 * b->made), within = 0, own = 0, target;
    mele_status status = room == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t i = 0; i < b->held && status == MELE_OK; i++) {
        const double w = weight_of(b, i * b->step);
        const mele_i_voices voices = {b->made, 1, g, b->mean + i * b->rounds,
                                      b->variance + i * b->rounds, 0, room, 1};
        const mele_i_blend blend = b->run->model->combine->target(&voices);
        status = mele_i_rows_copy(&b->targets, i * b->step, &target, error);
        if (status != MELE_OK || isnan(blend.mean))
            continue;
        within += w * ((target - blend.mean) * (target - blend.mean) - blend.between);
        own += w * blend.within;
    }
    free(room);
    *out = own > 0 ? fmin(1, fmax(LEAST_WITHIN, within / own)) : 1;
    return status;
}

/* ---- its losses ---- */

static double class_loss(const boosting *b, const double *said, double class)
{
    return (double)mele_i_largest(said, b->classes) == class ? 0 : 1;
}

static mele_status map_losses(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const boosting *b = context;
    const size_t M = b->classes > 0 ? b->classes : 1;
    double *said = scratch, *x_room = said + block.count * M;
    double *y_room = x_room + mele_i_rows_room(&b->x, block.count);
    const double *x, *y;
    size_t x_stride, y_stride;
    mele_status status = mele_i_rows_take(&b->x, block, x_room, &x, &x_stride, error);

    (void)partial;
    if (status == MELE_OK)
        status = mele_i_rows_take(&b->targets, block, y_room, &y, &y_stride, error);
    if (status != MELE_OK)
        return status;
    const mele_matrix seen = {x, block.count, b->x.cols, x_stride};
    status = mele_experts_predict(b->expert[b->made], &seen, NULL, said, NULL, error);
    for (size_t i = 0; i < block.count && status == MELE_OK; i++)
        b->loss[block.first + i] = b->classes > 0 ? class_loss(b, said + i * M, y[i * y_stride])
                                                  : fabs(y[i * y_stride] - said[i]);
    return status;
}

static mele_status find_losses(boosting *b, mele_error *error)
{
    const size_t M = b->classes > 0 ? b->classes : 1;
    const size_t block = mele_i_block_rows(b->x.cols * M + 16, LOSS_WORK, 16);
    const size_t numbers = block * M + mele_i_rows_room(&b->x, block)
                           + mele_i_rows_room(&b->targets, block);
    const mele_i_pass pass = {.rows = b->rows, .block_rows = block, .map = map_losses, .context = b,
                              .scratch_bytes = numbers * sizeof(double)};

    return mele_i_pass_run(b->run->engine, &pass, error);
}

/* To 0 .. 1, by the largest among the rows that count. */
static void scale_losses(boosting *b)
{
    double most = 0;

    for (size_t i = 0; i < b->rows; i++)
        most = weight_of(b, i) > 0 ? fmax(most, b->loss[i]) : most;
    for (size_t i = 0; i < b->rows; i++)
        b->loss[i] = most > 0 ? fmin(1, b->loss[i] / most) : 0;
}

static double error_of(const boosting *b)
{
    double sum = 0;

    for (size_t i = 0; i < b->rows; i++)
        sum += b->factor[i] * weight_of(b, i) * b->loss[i];
    return sum / b->weight;
}

/* The error of who knows nothing. */
static double limit_of(const boosting *b)
{
    return b->classes > 0 ? 1 - 1 / (double)b->classes : 0.5;
}

static double votes_of(const boosting *b, double error)
{
    return log((1 - error) / error) + (b->classes > 0 ? log((double)b->classes - 1) : 0);
}

/* ---- the next distribution ---- */

static void reweigh(boosting *b, double vote)
{
    double most = -INFINITY, sum = 0;

    for (size_t i = 0; i < b->rows; i++) {
        b->log_factor[i] += vote * b->loss[i];
        most = weight_of(b, i) > 0 ? fmax(most, b->log_factor[i]) : most;
    }
    for (size_t i = 0; i < b->rows; i++) {
        b->log_factor[i] -= most;
        b->factor[i] = weight_of(b, i) > 0 ? exp(b->log_factor[i]) : 0;
        sum += b->factor[i] * weight_of(b, i);
    }
    for (size_t i = 0; i < b->rows; i++)
        b->factor[i] *= b->weight / sum;
}

/* In place of none: half of a row's share, of one row half of what chance has. */
static double least_error(const boosting *b)
{
    size_t count = 0;

    for (size_t i = 0; i < b->rows; i++)
        count += weight_of(b, i) > 0;
    return fmin(0.5 / (double)count, 0.5 * limit_of(b));
}

/* *over: there is no further round. */
static mele_status run_round(boosting *b, bool *over, mele_error *error)
{
    const double limit = limit_of(b);
    mele_status status = train_and_look(b, error);

    if (status == MELE_OK)
        status = find_losses(b, error);
    if (status != MELE_OK)
        return status;
    if (b->classes == 0)
        scale_losses(b);
    const double e = b->error[b->made] = error_of(b);
    const bool chance = !(e < limit);
    b->ending = chance ? CHANCE : e > 0 ? ROUNDS : PERFECT;
    *over = b->ending != ROUNDS;
    if (chance && b->made > 0)
        return MELE_OK;
    b->vote[b->made] = chance ? 1 : votes_of(b, e > 0 ? e : least_error(b));
    b->made++;
    if (!*over)
        reweigh(b, b->vote[b->made - 1]);
    return MELE_OK;
}

static mele_status run_rounds(boosting *b, mele_error *error)
{
    mele_status status = MELE_OK;
    bool over = false;

    while (status == MELE_OK && !over && b->made < b->rounds) {
        status = run_round(b, &over, error);
        if (status == MELE_OK)
            status = mele_i_progress(b->run->engine, "boosting", over ? b->rounds : b->made, b->rounds,
                                     NAN, error);
    }
    return status;
}

/* ---- the model ---- */

static json_t *result_object(const boosting *b)
{
    static const char *const endings[] = {"rounds", "chance", "no error"};
    json_t *object = json_object();
    const bool good =
        mele_i_json_put(object, "rounds", json_integer((json_int_t)b->made))
        && mele_i_json_put(object, "ended", json_string(endings[b->ending]))
        && mele_i_json_put(object, "errors", mele_i_json_numbers(b->error, b->made))
        && mele_i_json_put(object, "votes", mele_i_json_numbers(b->vote, b->made));

    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static void warn(const boosting *b)
{
    mele_report *report = b->run->report;

    b->info[b->made] = b->global; /* in the place of one that was left out */
    mele_i_warn_of_experts(report, b->info, b->made, 0, 0);
    if (b->ending == CHANCE && b->error[0] >= limit_of(b))
        mele_i_report_warn(report, "the first expert is no better than chance (error %.3g, where %.3g is "
                           "chance), and so the only one: boosting needs another kind of expert (--expert)",
                           b->error[0], limit_of(b));
}

/* Of one expert there is nothing to combine. */
static mele_status set_combination(const boosting *b, const mele_gate *gate, mele_error *error)
{
    mele_model *model = b->run->model;

    model->clusters = b->made;
    mele_i_report_set(b->run->report, "clusters", json_integer((json_int_t)b->made));
    if (b->made == 1)
        return MELE_OK;
    model->combine = mele_i_combine_find(b->classes > 0 ? "vote" : "median");
    for (size_t k = 0; k < b->made && model->combine->votes; k++)
        model->votes += b->vote[k];
    if (b->classes > 0)
        return MELE_OK;
    model->within = MELE_I_ARRAY(double, 1);
    return model->within == NULL
               ? mele_i_no_memory(error)
               : find_within(b, mele_i_gate_constant_weights(gate), model->within, error);
}

static mele_status finish(boosting *b, mele_error *error)
{
    mele_i_family_result result = {.info = b->info, .log_likelihood = NAN, .more = result_object(b)};
    mele_status status = result.more == NULL ? mele_i_no_memory(error) : MELE_OK;

    if (status == MELE_OK)
        status = mele_i_experts_join((const mele_experts *const *)b->expert, b->made, &result.experts,
                                     error);
    if (status == MELE_OK)
        status = mele_i_gate_constant_make(b->vote, b->made, &result.gate, error);
    if (status == MELE_OK)
        status = set_combination(b, result.gate, error);
    if (status != MELE_OK) {
        mele_experts_free(result.experts);
        mele_gate_free(result.gate);
        json_decref(result.more);
        return status;
    }
    warn(b);
    return mele_i_family_finish(b->run, &result, error);
}

static mele_status fit(mele_i_run *run, mele_error *error)
{
    boosting b;
    mele_status status = boosting_make(&b, run, error);

    if (status == MELE_OK)
        status = run_rounds(&b, error);
    if (status == MELE_OK)
        status = finish(&b, error);
    boosting_clear(&b);
    return status;
}

const mele_i_family mele_i_family_boosting = {
    .help = "experts that each train on what those before got wrong: AdaBoost.M1 and SAMME, AdaBoost.R2",
    .takes = MELE_I_FAMILY_REGRESSION | MELE_I_FAMILY_CLASSES | MELE_I_FAMILY_WEIGHTS
             | MELE_I_FAMILY_VOTES | MELE_I_FAMILY_ANY_EXPERT,
    .options = MELE_I_FAMILY_LOOKS_AT("expert"),
    .clusters = 50,
    .fit = fit,
};
