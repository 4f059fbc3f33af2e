/* What is known of outside experts, by their predictions in place of stages 1 and 2.
 *
 * Row i counts for expert k with r_ik = w_i p_k(x_i), p the posteriors that were given, or w_i
 * without posteriors. Where no standard deviations come with the predictions f_ik, those of the
 * residuals s_k^2 = sum_i r_ik (y_i - f_ik)^2 / sum_i r_ik are the expert's, about its prediction
 * and not about the residuals' mean: a bias is part of how far it is off. An expert to which less
 * than two ordinary rows belong has those of all rows. No variance is below the floor of all
 * experts (expert/units.h). */
#include "fit/outside.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/normalise.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "expert/left_out.h"
#include "expert/units.h"
#include "fit/report.h"
#include "model/said.h"
#include "schema/data.h"

#define BLOCK_WORK (1 << 16)
#define FEW 2.0 /* ordinary rows, which tell no variance */

typedef struct taking {
    const mele_i_run *run;
    mele_rows targets, posteriors;
    size_t clusters, outputs, classes, targets_count;
    double *sums; /* see partial_of() */
} taking;

/* Left-out predictions of some rows. */
typedef struct filling {
    const taking *t;
    const mele_data *data; /* of these rows */
    mele_left_out *out;
} filling;

/* ---- the rows ---- */

/* Number `at` of a row's means and then standard deviations is of no use. */
static mele_status refuse_number(const taking *t, size_t row, size_t at, mele_error *error)
{
    const mele_predictions *p = t->run->predictions;
    const size_t count = t->clusters * t->outputs, e = at % count;
    const double value = at < count ? p->mean[row * count + e] : p->sd[row * count + e];

    return mele_i_fail(error, MELE_EDATA,
                       "the predictions: row %zu, expert %zu, output %zu: %g is no "
                       "%s",
                       row + 1, e / t->outputs + 1, e % t->outputs + 1, value,
                       at >= count      ? "standard deviation"
                       : t->classes > 0 ? "probability"
                                        : "mean");
}

/* Row i of all, in the model's units. variance NULL: not wanted. */
static mele_status take_row(const taking *t, const mele_data *data, size_t i, double *mean,
                            double *variance, mele_error *error)
{
    const size_t row = mele_i_data_row(data, i);
    const mele_i_said_row out = {mean, variance, NULL};
    const size_t wrong = mele_i_said_take(t->run->model, t->run->predictions, row, &out);

    return wrong == SIZE_MAX ? MELE_OK : refuse_number(t, row, wrong, error);
}

static mele_status fill_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const filling *f = context;
    const size_t count = f->t->clusters * f->t->outputs;
    mele_status status = MELE_OK;

    (void)partial;
    (void)scratch;
    for (size_t i = block.first; i < block.first + block.count && status == MELE_OK; i++)
        status = take_row(f->t, f->data, i, f->out->mean + i * count,
                          f->t->classes > 0 ? NULL : f->out->variance + i * count, error);
    return status;
}

/* ---- how far they are off ---- */

/* Sums over rows, side by side: of the experts' weights (K), of their squared residuals or of minus
 * the log-probability of the class, by these weights (K L, L losses an expert) and by those of the
 * rows alone (K L); then of the rows' weights and squared targets (1 + m), and the largest targets
 * (m). */
typedef struct partial_sums {
    double *own, *loss, *all_loss, *weight, *square, *largest;
} partial_sums;

static size_t losses_of(const taking *t)
{
    return t->classes > 0 ? 1 : t->outputs;
}

static size_t partial_numbers(const taking *t)
{
    return t->clusters * (1 + 2 * losses_of(t)) + 1 + 2 * t->targets_count;
}

static partial_sums partial_of(const taking *t, double *at)
{
    const size_t K = t->clusters, L = losses_of(t);
    partial_sums s = {.own = at};

    s.loss = s.own + K;
    s.all_loss = s.loss + K * L;
    s.weight = s.all_loss + K * L;
    s.square = s.weight + 1;
    s.largest = s.square + t->targets_count;
    return s;
}

static double loss_of(const taking *t, const double *mean, const double *target, size_t l)
{
    if (t->classes > 0)
        return -mean[(size_t)target[0]];
    return (target[l] - mean[l]) * (target[l] - mean[l]);
}

/* Row i, of which experts say so much, with log posteriors or (NULL) without. */
static void add_row(const taking *t, size_t i, const double *mean, const double *target,
                    const double *log_posterior, const partial_sums *s)
{
    const double *weights = t->run->data->weights;
    const double weight = weights == NULL ? 1 : weights[i];
    const size_t L = losses_of(t);

    for (size_t k = 0; k < t->clusters; k++) {
        const double own = weight * (log_posterior == NULL ? 1 : exp(log_posterior[k]));
        s->own[k] += own;
        for (size_t l = 0; l < L; l++) {
            const double loss = loss_of(t, mean + k * t->outputs, target, l);
            s->loss[k * L + l] += own * loss;
            s->all_loss[k * L + l] += weight * loss;
        }
    }
    s->weight[0] += weight;
    for (size_t m = 0; m < t->targets_count && weight > 0; m++) {
        s->square[m] += weight * target[m] * target[m];
        s->largest[m] = fmax(s->largest[m], fabs(t->run->data->targets[i * t->targets_count + m]));
    }
}

static size_t block_rows_of(const taking *t)
{
    return mele_i_block_rows(8 * t->clusters * (1 + t->outputs), BLOCK_WORK, 16);
}

static mele_status sum_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const taking *t = context;
    const partial_sums s = partial_of(t, partial);
    const size_t most = block_rows_of(t);
    unsigned char *at = scratch;
    double *target_room = mele_i_carve(&at, mele_i_rows_room(&t->targets, most), sizeof(double));
    double *read = mele_i_carve(&at, t->clusters * most, sizeof(double));
    double *normal = mele_i_carve(&at, t->clusters * most, sizeof(double));
    double *mean = mele_i_carve(&at, t->clusters * t->outputs, sizeof(double));
    double *variance = mele_i_carve(&at, t->clusters * t->outputs, sizeof(double));
    const bool has = t->posteriors.cols > 0;
    const double *target, *given = NULL;
    size_t stride;
    mele_status status = mele_i_rows_take(&t->targets, block, target_room, &target, &stride, error);

    if (status == MELE_OK && has)
        status = mele_i_rows_take_tight(&t->posteriors, block, read, &given, error);
    if (status == MELE_OK && has)
        mele_i_normalise_logs(given, block.count, t->clusters, normal);
    for (size_t i = 0; i < block.count && status == MELE_OK; i++) {
        status = take_row(t, t->run->data, block.first + i, mean, t->classes > 0 ? NULL : variance,
                          error);
        if (status == MELE_OK)
            add_row(t, block.first + i, mean, target + i * stride,
                    has ? normal + i * t->clusters : NULL, &s);
    }
    return status;
}

static void combine_sums(void *context, const void *partial)
{
    taking *t = context;
    const double *more = partial;
    const partial_sums s = partial_of(t, t->sums);
    const size_t summed = (size_t)(s.largest - t->sums);

    for (size_t i = 0; i < summed; i++)
        t->sums[i] += more[i];
    for (size_t m = 0; m < t->targets_count; m++)
        s.largest[m] = fmax(s.largest[m], more[summed + m]);
}

static mele_status sum_losses(taking *t, mele_error *error)
{
    const size_t rows = block_rows_of(t), numbers = partial_numbers(t);
    const mele_i_pass pass = {.rows = t->run->features.rows,
                              .block_rows = rows,
                              .map = sum_block,
                              .combine = combine_sums,
                              .context = t,
                              .partial_bytes = numbers * sizeof(double),
                              .scratch_bytes =
                                  mele_i_carved(mele_i_rows_room(&t->targets, rows), sizeof(double))
                                  + 2 * mele_i_carved(t->clusters * rows, sizeof(double))
                                  + 2 * mele_i_carved(t->clusters * t->outputs, sizeof(double))};

    t->sums = MELE_I_ZEROED(double, numbers);
    return t->sums == NULL ? mele_i_no_memory(error)
                           : mele_i_pass_run(t->run->engine, &pass, error);
}

/* Loss l of expert k a row of its own, or of all rows where it has too few. */
static double mean_loss(const taking *t, const partial_sums *s, size_t k, size_t l)
{
    const size_t at = k * losses_of(t) + l;

    return s->own[k] < FEW ? s->all_loss[at] / s->weight[0] : s->loss[at] / s->own[k];
}

/* ---- what the model says of them ---- */

static void set_least(const taking *t, const partial_sums *s)
{
    const mele_i_scaling *scaling = &t->run->model->target_scaling;

    for (size_t m = 0; m < t->targets_count; m++) {
        const mele_i_units units = {.power = 1,
                                    .spread = sqrt(s->square[m] / s->weight[0]),
                                    .largest = s->largest[m] / scaling->scale[m]};
        t->run->model->outside->least[m] = mele_i_units_floor(&units);
    }
}

static void set_variances(const taking *t, const partial_sums *s)
{
    const mele_i_outside *o = t->run->model->outside;

    for (size_t k = 0; k < t->clusters; k++)
        for (size_t m = 0; m < t->outputs; m++)
            o->variance[k * t->outputs + m] = fmax(mean_loss(t, s, k, m), o->least[m]);
}

static json_t *record_of(const taking *t, const partial_sums *s, size_t k)
{
    const size_t L = losses_of(t);
    double loss = 0;
    json_t *object = json_object();

    for (size_t l = 0; l < L; l++)
        loss += mean_loss(t, s, k, l) / (double)L;
    if (mele_i_json_put(object, "kind", json_string("outside"))
        && mele_i_json_put(object, "rows", mele_i_report_real(s->own[k]))
        && mele_i_json_put(object, "left_out_error", mele_i_report_real(loss)))
        return object;
    json_decref(object);
    return NULL;
}

static void report_experts(const taking *t, const partial_sums *s)
{
    json_t *list = t->run->report == NULL ? NULL : json_array();

    for (size_t k = 0; k < t->clusters && list != NULL; k++)
        if (json_array_append_new(list, record_of(t, s, k)) != 0) {
            json_decref(list);
            list = NULL;
        }
    mele_i_report_set(t->run->report, "experts", list);
}

/* ---- the flow ---- */

static mele_status check_shape(const mele_i_run *run, mele_error *error)
{
    const size_t rows = run->features.rows + run->data->dropped;
    const mele_predictions *p = run->predictions;

    if (p->mean == NULL || p->rows != rows || p->clusters == 0
        || p->outputs != mele_model_outputs(run->model)
        || (p->sd != NULL && mele_i_run_classes(run) > 0))
        return mele_i_fail(error, MELE_EINVAL,
                           "the predictions are %zu x %zu x %zu%s, the data have "
                           "%zu rows and %zu outputs",
                           p->rows, p->clusters, p->outputs,
                           p->mean == NULL ? " without means"
                           : p->sd != NULL && mele_i_run_classes(run) > 0
                               ? " with standard deviations of classes"
                               : "",
                           rows, mele_model_outputs(run->model));
    return MELE_OK;
}

/* The model's experts, before anything is known of them. */
static mele_status make_experts(const taking *t, mele_error *error)
{
    mele_i_outside *o =
        mele_i_outside_new(t->clusters, t->outputs, t->classes, t->run->predictions->sd != NULL);

    t->run->model->outside = o;
    if (o == NULL)
        return mele_i_no_memory(error);
    for (size_t m = 0; m < t->targets_count; m++)
        o->least[m] = 0;
    for (size_t e = 0; o->variance != NULL && e < t->clusters * t->outputs; e++)
        o->variance[e] = 0;
    return MELE_OK;
}

/* What is to be known of them, from all rows. */
static mele_status learn(taking *t, mele_error *error)
{
    const mele_i_outside *o = t->run->model->outside;
    mele_status status = sum_losses(t, error);

    if (status != MELE_OK)
        return status;
    const partial_sums s = partial_of(t, t->sums);
    set_least(t, &s);
    if (o->variance != NULL)
        set_variances(t, &s);
    report_experts(t, &s);
    return MELE_OK;
}

/* Their predictions of the rows of a run. */
static mele_status fill(const taking *t, mele_i_run *to, mele_error *error)
{
    const mele_i_left_out_form form = {.folds = false};
    mele_status status = mele_i_left_out_new(to->features.rows, t->clusters, t->outputs, t->classes,
                                             form, &to->left_out.all, error);
    filling f = {t, to->data, to->left_out.all};
    const mele_i_pass pass = {.rows = to->features.rows,
                              .block_rows = block_rows_of(t),
                              .map = fill_block,
                              .context = &f};

    return status == MELE_OK ? mele_i_pass_run(t->run->engine, &pass, error) : status;
}

mele_status mele_i_run_take_predictions(mele_i_run *run, mele_i_run *gated, mele_error *error)
{
    const size_t classes = mele_i_run_classes(run);
    taking t = {.run = run,
                .clusters = run->model->clusters,
                .classes = classes,
                .outputs = mele_model_outputs(run->model),
                .targets = mele_i_run_targets(run),
                .targets_count = classes > 0 ? 0 : run->data->schema->targets};
    mele_status status = check_shape(run, error);

    if (status == MELE_OK && run->posteriors != NULL)
        status = mele_i_run_need_marginal(run, error);
    t.posteriors = run->marginal.rows;
    if (status == MELE_OK)
        status = make_experts(&t, error);
    if (status == MELE_OK)
        status = learn(&t, error);
    if (status == MELE_OK)
        status = fill(&t, gated, error);
    free(t.sums);
    return status;
}
