/* Out-of-bag estimates (Breiman 1996, Out-of-bag estimation). A row is in a bootstrap sample of n rows with the
 * probability 1 - (1 - 1/n)^n, about 0.63; each expert has then not seen some third of the rows, each row not
 * been seen by some third of the experts. The former tell an expert's variance,
 *
 *     s_k^2 = sum_i w_i (y_i - f_k(x_i))^2 / sum_i w_i    over the rows that are not in sample k,
 *
 * the latter the error of their mean, which is a little larger than that of the mean of all experts.
 *
 * An expert's error is partly its own: with the mean F of the experts and the variance U between them,
 * mean_k s_k^2 is about E(y - F)^2 + U (Krogh, Vedelsby 1995). The blend has U beside what is within, so that
 * s_k^2 as it is would count it twice. What share of them is within is estimated of the rows, of each of which m
 * experts of K know nothing,
 *
 *     within = sum_i w_i ((y_i - F_i)^2 - U_i / m + (2 / K - 1) U_i) / sum_i w_i mean_k s_ik^2,
 *
 * F and U being of these m: the error that the mean of K would have, less the variance that the blend has
 * between K. It is at least a quarter, below which the density would have a peak at every expert, and at most 1. */
#include "family/bagging/out_of_bag.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "core/normal.h"
#include "engine/rows.h"
#include "expert/expert.h"
#include "fit/left_out.h"
#include "schema/data.h"

#define BLOCK_WORK ((size_t)1 << 18) /* elementary operations */
#define LEAST_WITHIN 0.25

typedef struct bag {
    const mele_rows *counts;
    const mele_experts *experts;
    mele_rows x, targets;
    const double *weights; /* NULL: all 1 */
    const mele_model *model;
    size_t clusters, outputs, classes;
    bool *own;             /* K: it answers for itself, and not the global expert, which has seen all rows */
    double *square, *weight; /* K x M and M more, K: sums of the passes */
} bag;

static void bag_clear(bag *b)
{
    free(b->own);
    free(b->square);
    free(b->weight);
}

static mele_status bag_make(bag *b, mele_i_run *run, const mele_rows *counts,
                            const mele_experts *experts, mele_error *error)
{
    const size_t K = counts->cols, M = mele_experts_outputs(experts);

    *b = (bag){.counts = counts, .experts = experts, .x = mele_i_run_expert_x(run),
               .targets = mele_i_run_targets(run), .weights = run->data->weights,
               .model = run->model, .clusters = K,
               .outputs = M, .classes = mele_experts_classes(experts)};
    b->own = MELE_I_ARRAY(bool, K);
    b->square = MELE_I_ZEROED(double, K * M + M);
    b->weight = MELE_I_ZEROED(double, K);
    if (b->own == NULL || b->square == NULL || b->weight == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < K; k++)
        b->own[k] = mele_i_experts_facts(experts, k).answers == k;
    return MELE_OK;
}

/* ---- what is said of some rows ---- */

typedef struct said {
    double *mean, *variance; /* count x K x M; classes: log-probabilities, and no variance */
    bool *out;               /* count x K: the sample has not the row */
    const double *target;
    size_t stride;
    void *memory;
} said;

static bool make_room(const bag *b, size_t count, said *s, double **counts, double **x, double **y)
{
    const size_t numbers = count * b->clusters * b->outputs;
    const size_t of_x = mele_i_rows_room(&b->x, count), of_y = mele_i_rows_room(&b->targets, count);
    const size_t bytes[] = {numbers, b->classes > 0 ? 0 : numbers, count * b->clusters, of_x, of_y};
    size_t all = mele_i_carved(count * b->clusters, sizeof(bool));

    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
        all += mele_i_carved(bytes[i], sizeof(double));
    unsigned char *at = s->memory = mele_i_array(all, 1);
    if (at == NULL)
        return false;
    s->mean = mele_i_carve(&at, bytes[0], sizeof(double));
    s->variance = mele_i_carve(&at, bytes[1], sizeof(double));
    *counts = mele_i_carve(&at, bytes[2], sizeof(double));
    *x = mele_i_carve(&at, bytes[3], sizeof(double));
    *y = mele_i_carve(&at, bytes[4], sizeof(double));
    s->out = mele_i_carve(&at, count * b->clusters, sizeof(bool));
    return true;
}

/* Free s->memory, also after a failure. */
static mele_status ask(const bag *b, mele_i_block block, said *s, mele_error *error)
{
    double *counts, *x_room, *y_room;
    const double *x;
    size_t stride;

    if (!make_room(b, block.count, s, &counts, &x_room, &y_room))
        return mele_i_no_memory(error);
    mele_status status = b->counts->read(b->counts->user, block.first, block.count, counts, error);
    if (status == MELE_OK)
        status = mele_i_rows_take(&b->x, block, x_room, &x, &stride, error);
    if (status == MELE_OK)
        status = mele_i_rows_take(&b->targets, block, y_room, &s->target, &s->stride, error);
    if (status != MELE_OK)
        return status;
    for (size_t e = 0; e < block.count * b->clusters; e++)
        s->out[e] = counts[e] == 0 && b->own[e % b->clusters];
    const mele_matrix seen = {x, block.count, b->x.cols, stride};
    return mele_i_experts_predict_wanted(b->experts, &seen, s->out, s->mean,
                                         b->classes > 0 ? NULL : s->variance, error);
}

/* ---- variances ---- */

static mele_status map_squares(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const bag *b = context;
    const size_t K = b->clusters, M = b->outputs;
    double *square = partial, *weight = square + K * M;
    said s = {.memory = NULL};
    mele_status status = ask(b, block, &s, error);

    (void)scratch;
    for (size_t i = 0; i < block.count && status == MELE_OK; i++) {
        const double w = b->weights == NULL ? 1 : b->weights[block.first + i];
        for (size_t k = 0; k < K; k++) {
            if (!s.out[i * K + k])
                continue;
            weight[k] += w;
            for (size_t t = 0; t < M; t++) {
                const double off = s.target[i * s.stride + t] - s.mean[(i * K + k) * M + t];
                square[k * M + t] += w * off * off;
            }
        }
    }
    free(s.memory);
    return status;
}

static void add_squares(void *context, const void *partial)
{
    const bag *b = context;
    const size_t numbers = b->clusters * b->outputs;
    const double *square = partial, *weight = square + numbers;

    for (size_t e = 0; e < numbers; e++)
        b->square[e] += square[e];
    for (size_t k = 0; k < b->clusters; k++)
        b->weight[k] += weight[k];
}

static size_t block_rows(const bag *b)
{
    return mele_i_block_rows(b->clusters * b->outputs * (b->x.cols + 16), BLOCK_WORK, 128);
}

static mele_status find_variances(bag *b, mele_engine *engine, mele_experts *experts, mele_error *error)
{
    const size_t K = b->clusters, M = b->outputs;
    const mele_i_pass pass = {.rows = b->x.rows, .block_rows = block_rows(b), .map = map_squares,
                              .combine = add_squares, .context = b,
                              .partial_bytes = (K * M + K) * sizeof(double)};
    double *variance = mele_i_array(K, M * sizeof *variance);
    mele_status status = variance == NULL ? mele_i_no_memory(error)
                                          : mele_i_pass_run(engine, &pass, error);

    if (status == MELE_OK) {
        mele_i_experts_variances(experts, 0, variance);
        for (size_t e = 0; e < K * M; e++)
            if (b->own[e / M] && b->weight[e / M] > 0)
                variance[e] = fmax(MELE_I_LEAST_VARIANCE, b->square[e] / b->weight[e / M]);
        mele_i_experts_set_variances(experts, variance);
    }
    free(variance);
    return status;
}

mele_status mele_i_out_of_bag_variances(mele_i_run *run, const mele_rows *counts, mele_experts *experts,
                                        mele_error *error)
{
    bag b;
    mele_status status = MELE_OK;

    if (mele_experts_classes(experts) > 0)
        return MELE_OK;
    status = bag_make(&b, run, counts, experts, error);
    for (size_t k = 0; k < b.clusters && status == MELE_OK; k++)
        b.own[k] = mele_i_experts_have_variance(experts, k);
    if (status == MELE_OK)
        status = find_variances(&b, run->engine, experts, error);
    bag_clear(&b);
    return status;
}

/* ---- what of them is within ---- */

/* Of a row's target t, which some experts have not seen: what is within, and their variance. False: fewer than
 * two have not. */
static bool part_row(const bag *b, const said *s, size_t i, size_t t, double *within, double *variance)
{
    const size_t K = b->clusters, M = b->outputs;
    double count = 0, sum = 0, own = 0, between = 0;

    for (size_t k = 0; k < K; k++)
        if (s->out[i * K + k]) {
            count++;
            sum += s->mean[(i * K + k) * M + t];
            own += s->variance[(i * K + k) * M + t];
        }
    if (count < 2)
        return false;
    for (size_t k = 0; k < K; k++)
        if (s->out[i * K + k])
            between += pow(s->mean[(i * K + k) * M + t] - sum / count, 2) / (count - 1);
    *within = pow(s->target[i * s->stride + t] - sum / count, 2)
              + between * (2 / (double)K - 1 - 1 / count);
    *variance = own / count;
    return true;
}

/* Sums of both, target by target. */
static mele_status map_within(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const bag *b = context;
    double *sums = partial, within, variance;
    said s = {.memory = NULL};
    mele_status status = ask(b, block, &s, error);

    (void)scratch;
    for (size_t i = 0; i < block.count && status == MELE_OK; i++) {
        const double w = b->weights == NULL ? 1 : b->weights[block.first + i];
        for (size_t t = 0; t < b->outputs; t++)
            if (part_row(b, &s, i, t, &within, &variance)) {
                sums[2 * t] += w * within;
                sums[2 * t + 1] += w * variance;
            }
    }
    free(s.memory);
    return status;
}

static void add_within(void *context, const void *partial)
{
    const bag *b = context;
    const double *sums = partial;

    for (size_t e = 0; e < 2 * b->outputs; e++)
        b->square[e] += sums[e];
}

mele_status mele_i_out_of_bag_within(mele_i_run *run, const mele_rows *counts,
                                     const mele_experts *experts, double *out, mele_error *error)
{
    bag b;
    mele_status status = bag_make(&b, run, counts, experts, error);
    const mele_i_pass pass = {.rows = b.x.rows, .block_rows = block_rows(&b), .map = map_within,
                              .combine = add_within, .context = &b,
                              .partial_bytes = 2 * b.outputs * sizeof(double)};

    if (status == MELE_OK)
        status = mele_i_pass_run(run->engine, &pass, error);
    for (size_t t = 0; t < b.outputs && status == MELE_OK; t++)
        out[t] = b.square[2 * t + 1] > 0
                     ? fmin(1, fmax(LEAST_WITHIN, b.square[2 * t] / b.square[2 * t + 1]))
                     : 1;
    bag_clear(&b);
    return status;
}

/* ---- measures ---- */

/* A read() of mele_rows: logarithms of equal weights of those that have not seen the row; NaN, which measures
 * skip: all have. */
static mele_status read_weights(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const bag *b = user;
    const size_t K = b->clusters;
    mele_status status = b->counts->read(b->counts->user, first, count, out, error);

    for (size_t i = 0; i < count && status == MELE_OK; i++, out += K) {
        size_t some = 0;
        for (size_t k = 0; k < K; k++)
            some += out[k] == 0 && b->own[k];
        for (size_t k = 0; k < K; k++)
            out[k] = some == 0 ? NAN : out[k] == 0 && b->own[k] ? -log((double)some) : -INFINITY;
    }
    return status;
}

static double likelihood_of(const bag *b, const said *s, size_t i, size_t k)
{
    const size_t at = (i * b->clusters + k) * b->outputs;
    const double *target = s->target + i * s->stride;
    double sum = 0;

    if (b->classes > 0)
        return s->mean[at + (size_t)target[0]];
    for (size_t t = 0; t < b->outputs; t++)
        sum += mele_i_log_normal(target[t] - s->mean[at + t],
                                 mele_i_model_within(b->model, t) * s->variance[at + t]);
    return sum;
}

/* A read() of mele_rows: K x M means, and behind them K log likelihoods. Of a sample that has the row 0. */
static mele_status read_said(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const bag *b = user;
    const size_t K = b->clusters, M = b->outputs;
    said s = {.memory = NULL};
    mele_status status = ask(b, (mele_i_block){0, first, count}, &s, error);

    for (size_t i = 0; i < count && status == MELE_OK; i++, out += K * M + K)
        for (size_t k = 0; k < K; k++) {
            const bool unseen = s.out[i * K + k];
            for (size_t m = 0; m < M; m++)
                out[k * M + m] = unseen ? s.mean[(i * K + k) * M + m] : 0;
            out[K * M + k] = unseen ? likelihood_of(b, &s, i, k) : 0;
        }
    free(s.memory);
    return status;
}

/* Of how many rows something is said. */
static mele_status count_rows(const bag *b, size_t *out, mele_error *error)
{
    const size_t K = b->clusters, most = block_rows(b);
    double *weights = mele_i_array(most, K * sizeof *weights);
    mele_status status = weights == NULL ? mele_i_no_memory(error) : MELE_OK;

    *out = 0;
    for (size_t first = 0, count; first < b->x.rows && status == MELE_OK; first += count) {
        count = b->x.rows - first < most ? b->x.rows - first : most;
        status = read_weights((void *)b, first, count, weights, error);
        for (size_t i = 0; i < count && status == MELE_OK; i++)
            *out += !isnan(weights[i * K]);
    }
    free(weights);
    return status;
}

mele_status mele_i_out_of_bag_measures(mele_i_run *run, const mele_rows *counts,
                                       const mele_experts *experts, json_t **out, mele_error *error)
{
    const size_t rows = counts->rows, K = counts->cols;
    json_t *object = NULL;
    size_t measured;
    bag b;
    mele_status status = bag_make(&b, run, counts, experts, error);
    const mele_i_left_out_view view = {
        .clusters = K, .log_posteriors = {rows, K, .read = read_weights, .user = &b},
        .mean = {rows, K * b.outputs + K, .read = read_said, .user = &b}};

    if (status == MELE_OK)
        status = mele_i_left_out_measures(run, &view, &object, error);
    if (status == MELE_OK)
        status = count_rows(&b, &measured, error);
    if (status == MELE_OK && !mele_i_json_put(object, "rows", json_integer((json_int_t)measured)))
        status = mele_i_no_memory(error);
    bag_clear(&b);
    if (status == MELE_OK)
        *out = object;
    else
        json_decref(object);
    return status;
}
