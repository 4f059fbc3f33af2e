/* The rows that one fit of a network sees, in units that are their own. */
#include "expert/mlp/sample.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

/* No row counts as further from the mean, in units of an input, or of a target. */
#define FURTHEST_INPUT 1e4
#define FURTHEST_TARGET 1e6

/* ---- units ---- */

/* Units of inputs, which predictions use too. */
static void set_inputs(const mele_i_mlp_plan *p, mele_i_mlp_sample *s)
{
    for (size_t j = 0; j < p->network.inputs; j++) {
        const mele_i_units *u = &s->of_x[j];
        s->centre[j] = u->centre / u->power;
        s->scale[j] = fmax(u->spread > 0 ? u->spread / u->power : u->largest, DBL_MIN);
    }
}

static mele_status set_units(const mele_i_mlp_plan *p, mele_i_mlp_sample *s, mele_error *error)
{
    double *weights = MELE_I_ARRAY(double, s->count);
    mele_status status = weights == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t i = 0; i < s->count && status == MELE_OK; i++)
        weights[i] = p->rows->weights[s->row[i]];
    const mele_i_units_rows x = {p->rows->x, p->network.inputs, s->row, weights, s->count};
    const mele_i_units_rows y = {p->rows->y, p->targets, s->row, weights, s->count};
    if (status == MELE_OK)
        status = mele_i_units_of(&x, mele_i_origin_of_x(p->options), FURTHEST_INPUT, s->of_x, error);
    if (status == MELE_OK && !p->network.classes)
        status = mele_i_units_of(&y, mele_i_origin_of_y(p->options), FURTHEST_TARGET, s->of_y,
                                 error);
    if (status == MELE_OK)
        set_inputs(p, s);
    free(weights);
    return status;
}

void mele_i_mlp_sample_units(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, mele_i_mlp *mlp)
{
    memcpy(mlp->centre, s->centre, p->network.inputs * sizeof *s->centre);
    memcpy(mlp->scale, s->scale, p->network.inputs * sizeof *s->scale);
    for (size_t m = 0; m < p->network.outputs && !p->network.classes; m++) {
        const mele_i_units *u = &s->of_y[m];
        mlp->shift[m] = u->centre / u->power;
        mlp->unit[m] = fmax(u->spread / u->power, DBL_MIN);
    }
}

/* ---- rows ---- */

mele_i_stream mele_i_mlp_stream(const mele_i_mlp_plan *p, uint64_t what, uint64_t number)
{
    return mele_i_stream_make(p->options->seed, MELE_I_FOR_EXPERTS, p->options->fold,
                              (what << 56) + (number << 32) + p->rows->region);
}

void mele_i_mlp_sample_free(mele_i_mlp_sample *s)
{
    free(s->of_x);
    free(s->of_y);
    free(s->centre);
    free(s->scale);
    free(s->row);
    mele_i_network_rows_free(&s->rows);
    mele_i_network_rows_free(&s->validation);
}

void mele_i_mlp_sample_see(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, const double *x,
                           size_t count, double *z)
{
    const size_t d = p->network.inputs;

    mele_i_kernels_best()->standardise(x, d, count, d, s->centre, s->scale, s->centre, z);
    for (size_t j = 0; j < d; j++) /* constant but for rounding: nothing for weights to grow on */
        for (size_t i = 0; i < count && !(s->of_x[j].spread > 0); i++)
            z[i * d + j] = 0;
}

/* The i-th group's rows. */
static void deal_group(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, const size_t *row,
                       size_t count, double *x, double *y, double *weight)
{
    const size_t d = p->network.inputs, targets = p->targets;

    for (size_t i = 0; i < count; i++) {
        const double *from = p->rows->y + row[i] * targets;
        memcpy(x + i * d, p->rows->x + row[i] * d, d * sizeof *x);
        for (size_t m = 0; m < targets; m++)
            y[i * targets + m] =
                p->network.classes ? from[m] : mele_i_units_standardise(&s->of_y[m], from[m]);
        weight[i] = p->rows->weights[row[i]];
    }
    mele_i_mlp_sample_see(p, s, x, count, x);
}

static mele_status deal(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, const size_t *row,
                        size_t count, mele_i_network_rows *rows, mele_error *error)
{
    enum { GROUP = 8 };
    const size_t d = p->network.inputs;
    double *x = MELE_I_ARRAY(double, GROUP *(d + p->targets)), weight[GROUP];
    mele_status status = mele_i_network_rows_make(rows, &p->network, count, error);

    if (x == NULL && status == MELE_OK)
        status = mele_i_no_memory(error);
    for (size_t g = 0; g < rows->groups && status == MELE_OK; g++) {
        const size_t some = count - g * GROUP < GROUP ? count - g * GROUP : GROUP;
        deal_group(p, s, row + g * GROUP, some, x, x + GROUP * d, weight);
        mele_i_network_rows_put(rows, &p->network, g, x, x + GROUP * d, weight, some);
    }
    free(x);
    return status;
}

typedef struct group_size {
    size_t rows;
    bool validation;
} group_size;

/* Whole groups for the share that is for validation; returns how many rows those have. */
static size_t choose_validation(const mele_i_mlp_sample *s, size_t groups, const size_t *order,
                          group_size *size)
{
    size_t taken = 0, smallest = groups;

    for (size_t o = 0; o < groups; o++) {
        group_size *of = &size[order[o]];
        if (of->rows == 0)
            continue;
        if (smallest == groups || of->rows < size[smallest].rows)
            smallest = order[o];
        of->validation = taken + of->rows <= s->validation_count;
        taken += of->validation ? of->rows : 0;
    }
    if (taken > 0 || smallest == groups || 2 * size[smallest].rows > s->count)
        return taken;
    size[smallest].validation = true;
    return size[smallest].rows;
}

/* Hold out whole groups: their rows come first. */
static mele_status hold_groups(const mele_i_mlp_plan *p, mele_i_stream *stream,
                               mele_i_mlp_sample *s, mele_error *error)
{
    const size_t groups = p->rows->groups;
    size_t *order = MELE_I_ARRAY(size_t, groups), *row = MELE_I_ARRAY(size_t, s->count), at = 0;
    group_size *size = MELE_I_ZEROED(group_size, groups);
    mele_status status = MELE_OK;

    if (order == NULL || row == NULL || size == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t g = 0; g < groups; g++)
        order[g] = g;
    for (size_t i = 0; i < s->count; i++)
        size[p->rows->group[s->row[i]]].rows++;
    mele_i_stream_shuffle(stream, order, groups);
    s->validation_count = choose_validation(s, groups, order, size);
    for (int validation = 1; validation >= 0; validation--)
        for (size_t i = 0; i < s->count; i++)
            if (size[p->rows->group[s->row[i]]].validation == validation)
                row[at++] = s->row[i];
    memcpy(s->row, row, s->count * sizeof *row);

cleanup:
    free(order);
    free(row);
    free(size);
    return status;
}

mele_status mele_i_mlp_sample_measure(const mele_i_mlp_plan *p, const size_t *fold, size_t without,
                                      mele_i_mlp_sample *s, mele_error *error)
{
    const size_t d = p->network.inputs;

    *s = (mele_i_mlp_sample){.of_x = MELE_I_ARRAY(mele_i_units, d),
                             .of_y = MELE_I_ARRAY(mele_i_units, p->targets),
                             .centre = MELE_I_ARRAY(double, d),
                             .scale = MELE_I_ARRAY(double, d),
                             .row = MELE_I_ARRAY(size_t, p->rows->count)};
    if (s->of_x == NULL || s->of_y == NULL || s->centre == NULL || s->scale == NULL
        || s->row == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < p->rows->count; i++)
        if (fold == NULL || fold[i] != without)
            s->row[s->count++] = i;
    return set_units(p, s, error);
}

mele_status mele_i_mlp_sample_make(const mele_i_mlp_plan *p, const size_t *fold, size_t without,
                                   mele_i_mlp_sample *s, mele_error *error)
{
    mele_i_stream stream = mele_i_mlp_stream(p, MELE_I_MLP_FOR_SPLIT, without + 1);
    mele_status status = mele_i_mlp_sample_measure(p, fold, without, s, error);

    if (status != MELE_OK)
        return status;
    s->validation_count = (size_t)(p->holdout * (double)s->count);
    if (s->validation_count > 0 || p->trainer == &mele_i_trainer_adam)
        mele_i_stream_shuffle(&stream, s->row, s->count);
    if (s->validation_count > 0 && p->rows->group != NULL)
        status = hold_groups(p, &stream, s, error);
    if (status != MELE_OK)
        return status;
    status = deal(p, s, s->row + s->validation_count, s->count - s->validation_count, &s->rows, error);
    if (status == MELE_OK && s->validation_count > 0)
        status = deal(p, s, s->row, s->validation_count, &s->validation, error);
    return status;
}
