/* Left-out predictions of rows that have one expert each, made when they are asked for.
 *
 * Expert k has learnt from the rows of its own region alone. So what it says of a row without that row
 * is what it predicts, but for its own region's rows, of which its left-out predictions are held. Where
 * the global expert answers, or an expert of few rows is shrunk towards it, its own left-out prediction of
 * the row takes the place of what it predicts: it has learnt from all rows. Experts that are trained
 * by passes have one variance for all rows, left out or not: of their variances nothing is held. */
#include "expert/left_out.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "expert/expert.h"
#include "expert/experts.h"
#include "expert/kinds.h"
#include "expert/predictor.h"

#define STRIP_NUMBERS 16384 /* predictions at a time: a part of the nearest cache */

struct mele_i_left_out_own {
    mele_rows x;
    mele_targets targets;
    size_t clusters, outputs;
    const uint32_t *label;
    uint32_t *own_label;             /* memory of the labels; NULL: the caller's */
    mele_i_left_out_columns columns; /* own: an object of one column; NULL: rows are new to all */
    mele_experts *experts;
    bool plain;           /* every expert answers in its region, for itself alone */
    mele_i_expert *alone; /* K + 1: the same, each of which speaks for itself alone */
    mele_i_predictor predictor;
    const size_t *row; /* which of the rows of the whole these are; NULL: it is the whole */
};

bool mele_i_left_out_own_serves(const mele_expert_options *o)
{
    const mele_i_expert_kind *kind = o->kind == NULL ? NULL : mele_i_expert_kind_named(o->kind);

    return (o->kind == NULL || kind != NULL) && o->groups == NULL && o->only == 0 && o->freeze == 0;
}

void mele_i_left_out_own_free(mele_i_left_out_own *l)
{
    if (l == NULL)
        return;
    if (l->row != NULL) {
        free(l);
        return;
    }
    mele_i_predictor_free(&l->predictor);
    mele_i_left_out_columns_free(&l->columns);
    mele_experts_free(l->experts);
    free(l->alone);
    free(l->own_label);
    free(l);
}

/* ---- some rows ---- */

/* What strips of rows are made in. */
typedef struct room {
    size_t rows;
    double *x, *y, *mean, *variance, *likelihood;
    void *predictor, *memory;
} room;

static bool make_room(const mele_i_left_out_own *l, size_t count, room *r)
{
    const size_t width = l->clusters * l->outputs, most = STRIP_NUMBERS / width + 1;

    r->rows = most < count ? most : count;
    const size_t x = mele_i_carved(mele_i_rows_room(&l->x, r->rows), sizeof(double));
    const size_t y = mele_i_carved(mele_i_rows_room(&l->targets.values, r->rows), sizeof(double));
    const size_t numbers = mele_i_carved(r->rows * width, sizeof(double));
    const size_t likelihoods = mele_i_carved(r->rows * l->clusters, sizeof(double));
    r->memory = mele_i_array(x + y + 2 * numbers + likelihoods
                                 + mele_i_predictor_scratch(&l->predictor, r->rows) + 1, 1);
    unsigned char *at = r->memory;
    if (at == NULL)
        return false;
    r->x = mele_i_carve(&at, mele_i_rows_room(&l->x, r->rows), sizeof(double));
    r->y = mele_i_carve(&at, mele_i_rows_room(&l->targets.values, r->rows), sizeof(double));
    r->mean = mele_i_carve(&at, r->rows * width, sizeof(double));
    r->variance = mele_i_carve(&at, r->rows * width, sizeof(double));
    r->likelihood = mele_i_carve(&at, r->rows * l->clusters, sizeof(double));
    r->predictor = at;
    return true;
}

/* Of a row, K x M numbers, see who answers; global: M numbers that the global expert says. */
static void answer_row(const mele_i_left_out_own *l, const double *global, bool logarithms, double *row)
{
    const mele_i_expert *expert = l->experts->expert;
    const size_t K = l->clusters, M = l->outputs;

    for (size_t k = 0; k < K; k++)
        if (expert[k].own < 1)
            mele_i_shrink(expert[k].own, global, M, logarithms, row + k * M);
    for (size_t k = 0; k < K; k++)
        if (expert[k].answers != k)
            memcpy(row + k * M, expert[k].answers == K ? global : row + expert[k].answers * M,
                   M * sizeof *row);
}

/* The variance of what the global expert says of a row left out. */
static const double *global_variance(const mele_i_left_out_own *l, size_t row)
{
    const double *held = l->columns.global_variance;

    return held == NULL ? l->experts->expert[l->clusters].variance : held + row * l->outputs;
}

/* Rows first .. first + count - 1 of at most a strip; variance NULL: not wanted. */
static mele_status predict(const mele_i_left_out_own *l, size_t first, size_t count, const room *r,
                           double *mean, double *variance, mele_error *error)
{
    const mele_i_left_out_columns *c = &l->columns;
    const double *own = c->own == NULL ? NULL : c->own->mean, *global = c->global_mean;
    const double *own_variance = c->own == NULL ? NULL : c->own->variance;
    const size_t M = l->outputs, width = l->clusters * M;
    const mele_i_block block = {0, first, count};
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(&l->x, block, r->x, &x, &stride, error);

    if (status != MELE_OK)
        return status;
    mele_i_predictor_rows(&l->predictor, x, stride, count, mean, variance, r->predictor);
    for (size_t i = 0; i < count && own != NULL; i++) {
        const size_t row = l->row == NULL ? first + i : l->row[first + i];
        memcpy(mean + i * width + l->label[row] * M, own + row * M, M * sizeof *mean);
        if (variance != NULL && own_variance != NULL)
            memcpy(variance + i * width + l->label[row] * M, own_variance + row * M,
                   M * sizeof *variance);
        if (l->plain)
            continue;
        answer_row(l, global == NULL ? NULL : global + row * M, l->experts->classes > 0,
                   mean + i * width);
        if (variance != NULL)
            answer_row(l, global_variance(l, row), false, variance + i * width);
    }
    return MELE_OK;
}

/* ---- as rows ---- */

/* What is made of a strip that begins at row `first`: its part of the rows that are asked for. */
typedef mele_status strip_fn(const mele_i_left_out_own *l, size_t first, size_t count, const room *r,
                             double *out, mele_error *error);

static mele_status read_strips(const mele_i_left_out_own *l, mele_i_block rows, size_t width,
                               strip_fn *make, double *out, mele_error *error)
{
    mele_status status = MELE_OK;
    room r;

    if (!make_room(l, rows.count, &r))
        return mele_i_no_memory(error);
    for (size_t done = 0, some; done < rows.count && status == MELE_OK; done += some) {
        some = rows.count - done < r.rows ? rows.count - done : r.rows;
        status = make(l, rows.first + done, some, &r, out + done * width, error);
    }
    free(r.memory);
    return status;
}

static mele_status make_means(const mele_i_left_out_own *l, size_t first, size_t count, const room *r,
                              double *out, mele_error *error)
{
    return predict(l, first, count, r, out, NULL, error);
}

/* The means are left in the room. */
static mele_status make_likelihoods(const mele_i_left_out_own *l, size_t first, size_t count,
                                    const room *r, double *out, mele_error *error)
{
    mele_targets targets = {{.rows = count, .cols = l->targets.values.cols}, l->targets.classes};
    double *variance = l->targets.classes > 0 ? NULL : r->variance;
    mele_status status = mele_i_rows_take(&l->targets.values, (mele_i_block){0, first, count}, r->y,
                                          &targets.values.data, &targets.values.stride, error);

    if (status == MELE_OK)
        status = predict(l, first, count, r, r->mean, variance, error);
    return status != MELE_OK ? status
                             : mele_expert_log_likelihoods(&targets, r->mean, variance, l->clusters,
                                                           NULL, out, error);
}

static mele_status make_both(const mele_i_left_out_own *l, size_t first, size_t count, const room *r,
                             double *out, mele_error *error)
{
    const size_t K = l->clusters, means = K * l->outputs;
    mele_status status = make_likelihoods(l, first, count, r, r->likelihood, error);

    for (size_t i = 0; i < count && status == MELE_OK; i++, out += means + K) {
        memcpy(out, r->mean + i * means, means * sizeof *out);
        memcpy(out + means, r->likelihood + i * K, K * sizeof *out);
    }
    return status;
}

/* Functions that read rows of mele_rows. */
static mele_status read_means(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_i_left_out_own *l = user;

    return read_strips(l, (mele_i_block){0, first, count}, l->clusters * l->outputs, make_means, out,
                       error);
}

static mele_status read_likelihoods(void *user, size_t first, size_t count, double *out,
                                    mele_error *error)
{
    const mele_i_left_out_own *l = user;

    return read_strips(l, (mele_i_block){0, first, count}, l->clusters, make_likelihoods, out, error);
}

static mele_status read_both(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_i_left_out_own *l = user;

    return read_strips(l, (mele_i_block){0, first, count}, l->clusters * (l->outputs + 1), make_both,
                       out, error);
}

mele_rows mele_i_left_out_own_mean(mele_i_left_out_own *l)
{
    return (mele_rows){l->x.rows, l->clusters * l->outputs, NULL, 0, read_means, l};
}

mele_rows mele_i_left_out_own_likelihoods(mele_i_left_out_own *l)
{
    return (mele_rows){l->x.rows, l->clusters, NULL, 0, read_likelihoods, l};
}

mele_rows mele_i_left_out_own_both(mele_i_left_out_own *l)
{
    return (mele_rows){l->x.rows, l->clusters * (l->outputs + 1), NULL, 0, read_both, l};
}

/* ---- held ---- */

typedef struct holding {
    const mele_i_left_out_own *of;
    mele_left_out *to;
} holding;

static mele_status hold_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const holding *h = context;
    const size_t width = h->of->clusters * h->of->outputs;
    double *mean = h->to->mean + block.first * width;
    mele_status status = MELE_OK;
    room r;

    (void)partial;
    (void)scratch;
    if (!make_room(h->of, block.count, &r))
        return mele_i_no_memory(error);
    for (size_t done = 0, some; done < block.count && status == MELE_OK; done += some) {
        some = block.count - done < r.rows ? block.count - done : r.rows;
        double *variance =
            h->to->variance == NULL ? NULL : h->to->variance + (block.first + done) * width;
        status = predict(h->of, block.first + done, some, &r, mean + done * width, variance, error);
    }
    free(r.memory);
    return status;
}

mele_status mele_i_left_out_own_hold(const mele_i_left_out_own *l, mele_engine *engine,
                                     mele_left_out **out, mele_error *error)
{
    holding h = {.of = l};
    mele_status status = mele_i_left_out_new(l->x.rows, l->clusters, l->outputs, l->experts->classes,
                                             (mele_i_left_out_form){.folds = false}, &h.to, error);
    const mele_i_pass pass = {.rows = l->x.rows, .map = hold_block, .context = &h,
                              .block_rows = mele_i_block_rows(l->clusters * l->outputs,
                                                              STRIP_NUMBERS, 16)};

    if (status == MELE_OK)
        status = mele_i_pass_run(engine, &pass, error);
    if (status == MELE_OK)
        status = mele_i_left_out_own_global(l, &h.to->global, error);
    if (status == MELE_OK)
        *out = h.to;
    else
        mele_left_out_free(h.to);
    return status;
}

/* ---- making ---- */

/* To the expert of its region a row of no weight is a new one. */
static void put_own(void *context, size_t row, const double *mean, const double *variance)
{
    const mele_i_left_out_own *l = context;
    const size_t M = l->outputs, k = l->label[row];

    memcpy(l->columns.own->mean + row * M, mean + k * M, M * sizeof *mean);
    if (variance != NULL)
        memcpy(l->columns.own->variance + row * M, variance + k * M, M * sizeof *variance);
}

static mele_status fill_idle_rows(mele_i_left_out_own *l, const mele_i_regions *regions,
                                  mele_error *error)
{
    bool *idle = mele_i_left_out_idle_rows(regions, NULL);
    mele_status status = idle == NULL
                             ? mele_i_no_memory(error)
                             : mele_i_predictor_marked(&l->predictor, &l->x, idle,
                                                       l->columns.own->variance != NULL, put_own, l,
                                                       error);

    free(idle);
    return status;
}

/* alone: shares are for later, when what is held has been put in. */
static mele_status take_experts(mele_i_left_out_own *l, const mele_experts *e, bool alone,
                                mele_error *error)
{
    mele_status status = mele_experts_merge(&e, 1, &l->experts, error);

    if (status != MELE_OK)
        return status;
    l->clusters = e->clusters;
    l->outputs = e->outputs;
    l->alone = MELE_I_ARRAY(mele_i_expert, e->clusters + 1);
    if (l->alone == NULL)
        return mele_i_no_memory(error);
    memcpy(l->alone, l->experts->expert, (e->clusters + 1) * sizeof *l->alone);
    l->plain = true;
    for (size_t k = 0; k < e->clusters; k++) {
        l->plain = l->plain && e->expert[k].own >= 1 && e->expert[k].answers == k;
        if (alone)
            l->alone[k].own = 1;
    }
    status = mele_i_predictor_make(&l->predictor, l->alone, e->clusters,
                                   mele_i_experts_shape(e, 1), 1, error);
    return status == MELE_OK && e->classes == 0
               ? mele_i_predictor_prepare(&l->predictor, error)
               : status;
}

mele_status mele_i_left_out_own_make(mele_i_left_out_columns *columns, const mele_experts *e,
                                     const mele_expert_data *data, mele_i_regions *regions,
                                     mele_i_left_out_own **out, mele_error *error)
{
    mele_i_left_out_own *l = MELE_I_NEW(mele_i_left_out_own);

    if (l == NULL)
        return mele_i_no_memory(error);
    l->x = data->x;
    l->targets = data->targets;
    l->label = regions->label;
    l->columns = *columns;
    mele_status status = take_experts(l, e, true, error);
    if (status == MELE_OK && mele_i_left_out_has_idle_rows(regions))
        status = fill_idle_rows(l, regions, error);
    if (status == MELE_OK && columns->global_mean != NULL && mele_i_left_out_has_idle_rows(regions))
        status = mele_i_left_out_fill_global(columns, e, &l->x, regions, NULL, error);
    if (status != MELE_OK) {
        l->columns = (mele_i_left_out_columns){NULL};
        mele_i_left_out_own_free(l);
        return status;
    }
    l->own_label = regions->own_label;
    regions->own_label = NULL;
    *columns = (mele_i_left_out_columns){NULL};
    *out = l;
    return MELE_OK;
}

/* Of rows that are new to it, where there is one. */
static mele_status predict_global(const mele_i_left_out_own *l, mele_left_out **out, mele_error *error)
{
    mele_experts *global = NULL;
    mele_status status;

    *out = NULL;
    if (!mele_i_experts_have_global(l->experts))
        return MELE_OK;
    status = mele_i_experts_global(l->experts, &global, error);
    if (status == MELE_OK)
        status = mele_i_left_out_predict(global, &l->x, NULL, out, error);
    mele_experts_free(global);
    return status;
}

mele_status mele_i_left_out_own_global(const mele_i_left_out_own *l, mele_left_out **out,
                                       mele_error *error)
{
    const size_t rows = l->x.rows, M = l->outputs, classes = l->experts->classes;
    const double *mean = l->columns.global_mean;
    mele_left_out *global = NULL;

    if (l->columns.own == NULL)
        return predict_global(l, out, error);
    if (mean == NULL) {
        *out = NULL;
        return MELE_OK;
    }
    mele_status status = mele_i_left_out_new(rows, 1, M, classes, (mele_i_left_out_form){.folds = false},
                                             &global, error);
    if (status != MELE_OK)
        return status;
    for (size_t i = 0; i < rows; i++)
        memcpy(global->mean + i * M, mean + (l->row == NULL ? i : l->row[i]) * M, M * sizeof *mean);
    for (size_t i = 0; i < rows && classes == 0; i++)
        memcpy(global->variance + i * M, global_variance(l, l->row == NULL ? i : l->row[i]),
               M * sizeof *mean);
    *out = global;
    return MELE_OK;
}

mele_status mele_i_left_out_own_unseen(const mele_experts *e, const mele_rows *x,
                                       const mele_targets *targets, mele_i_left_out_own **out,
                                       mele_error *error)
{
    mele_i_left_out_own *l = MELE_I_NEW(mele_i_left_out_own);

    if (l == NULL)
        return mele_i_no_memory(error);
    l->x = *x;
    l->targets = *targets;
    mele_status status = take_experts(l, e, false, error);
    if (status == MELE_OK)
        *out = l;
    else
        mele_i_left_out_own_free(l);
    return status;
}

mele_status mele_i_left_out_own_part(const mele_i_left_out_own *of, const mele_rows *x,
                                     const mele_targets *targets, const size_t *row,
                                     mele_i_left_out_own **out, mele_error *error)
{
    mele_i_left_out_own *l = MELE_I_NEW(mele_i_left_out_own);

    if (l == NULL)
        return mele_i_no_memory(error);
    *l = *of;
    l->x = *x;
    l->targets = *targets;
    l->row = row;
    *out = l;
    return MELE_OK;
}
