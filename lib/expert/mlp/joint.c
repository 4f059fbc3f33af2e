/* Networks that are trained together: those of one size, in units of all rows, which so see the
 * same panel of inputs. Outputs are shift + unit f(z), so that what comes back times unit is d
 * loss / d f. */
#include "expert/mlp/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/mlp/starts.h"

typedef struct mlp_form {
    mele_i_expert_rows rows;
    mele_i_expert_shape shape;
    mele_expert_options options;
    mele_i_mlp_plan plan;
    mele_i_mlp_sample sample; /* the units; its rows are not dealt */
    mele_i_mlp *units;        /* a state in these units, whose weights nobody looks at */
} mlp_form;

static void free_form(void *form)
{
    mlp_form *f = form;

    if (f == NULL)
        return;
    mele_i_mlp_sample_free(&f->sample);
    mele_i_mlp_free(f->units);
    free(f);
}

static void set_plan(mlp_form *f)
{
    mele_i_mlp_plan *p = &f->plan;

    *p = (mele_i_mlp_plan){.rows = &f->rows, .shape = &f->shape, .options = &f->options,
                           .network = {f->shape.columns, f->options.hidden, f->shape.outputs,
                                       f->shape.classes > 0, MELE_I_TANH},
                           .targets = f->shape.classes > 0 ? 1 : f->shape.outputs};
    mele_i_activation_named(f->options.activation, &p->network.activation);
    p->weights = mele_i_network_weights(&p->network);
}

static mele_status make(const mele_i_joint_rows *rows, const mele_expert_options *options,
                        void **form, mele_error *error)
{
    mlp_form *f = MELE_I_NEW(mlp_form);

    if (f == NULL)
        return mele_i_no_memory(error);
    f->rows = (mele_i_expert_rows){.count = rows->count, .x = rows->x, .y = rows->y,
                                   .weights = rows->weights};
    f->shape = rows->shape;
    f->options = *options;
    set_plan(f);
    mele_status status = f->plan.weights > SIZE_MAX / 64 ? mele_i_no_memory(error) : MELE_OK;
    if (status == MELE_OK)
        status = mele_i_mlp_sample_measure(&f->plan, NULL, MELE_I_MLP_NO_FOLD, &f->sample, error);
    if (status == MELE_OK && (f->units = mele_i_mlp_make(&f->plan.network, 1)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK) {
        mele_i_mlp_sample_units(&f->plan, &f->sample, f->units);
        *form = f;
    } else {
        free_form(f);
    }
    return status;
}

static size_t parameters(const void *form)
{
    return ((const mlp_form *)form)->plan.weights;
}

static size_t freedom(const void *form)
{
    const mlp_form *f = form;
    const mele_i_network *n = &f->plan.network;
    size_t present = 1;

    for (size_t j = 0; j < n->inputs; j++)
        present += f->sample.of_x[j].spread > 0;
    return n->hidden * present + (n->outputs - n->classes) * (n->hidden + 1);
}

static size_t work(const void *form)
{
    const mele_i_mlp_plan *p = &((const mlp_form *)form)->plan;

    return p->weights + MELE_I_ACTIVATION_WORK * p->network.hidden;
}

static void see(const void *form, const double *x, size_t rows, double *z)
{
    const mlp_form *f = form;

    mele_i_mlp_sample_see(&f->plan, &f->sample, x, rows, z);
}

static void draw(const void *form, mele_i_stream *stream, double *weights)
{
    const mlp_form *f = form;

    mele_i_mlp_draw_start(&f->plan, &f->sample, stream, weights);
}

/* A target that is constant in these rows has no unit: weights that it would divide are 0. */
static bool take(const void *form, const mele_i_expert *expert, double *weights)
{
    const mlp_form *f = form;
    mele_i_mlp_plan plan = f->plan;

    plan.warm = expert->state;
    if (plan.warm->networks != 1 || plan.warm->network.hidden != plan.network.hidden
        || plan.warm->network.activation != plan.network.activation)
        return false;
    if (!mele_i_mlp_warm_start(&plan, &f->sample, plan.warm->weights, weights))
        for (size_t i = 0; i < plan.weights; i++)
            weights[i] = isfinite(weights[i]) ? weights[i] : 0;
    return true;
}

/* ---- panels: of the inputs, then what experts have of their own, then what they share ---- */

static mele_i_network_panel panel_of(const mele_i_network *n, size_t count, size_t e,
                                     double *scratch)
{
    double *own = scratch + (1 + n->inputs) * MELE_I_PANEL;
    double *shared = own + count * (1 + n->hidden) * MELE_I_PANEL;

    return (mele_i_network_panel){.rows = MELE_I_PANEL_ROWS, .step = MELE_I_PANEL, .x = scratch,
                                  .hidden = own + e * (1 + n->hidden) * MELE_I_PANEL,
                                  .delta = shared, .output = shared + n->hidden * MELE_I_PANEL};
}

static size_t scratch(const void *form, size_t count)
{
    const mele_i_network *n = &((const mlp_form *)form)->plan.network;

    return (1 + n->inputs + count * (1 + n->hidden) + n->hidden + n->outputs) * MELE_I_PANEL;
}

static void fill_ones(double *column, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        column[i] = 1;
}

static size_t eights(size_t rows)
{
    return (rows + 7) / 8 * 8;
}

static void forward(const void *form, const double *weights, size_t count, const double *z,
                    size_t rows, double *scratch, double *out)
{
    const mlp_form *f = form;
    const mele_i_network *n = &f->plan.network;
    const size_t M = n->outputs, filled = eights(rows);
    const double *shift = f->units->shift, *unit = f->units->unit;

    fill_ones(scratch, filled);
    mele_i_kernels_best()->to_panel(z, n->inputs, rows, n->inputs, scratch + MELE_I_PANEL);
    for (size_t e = 0; e < count; e++) {
        const mele_i_network_panel p = panel_of(n, count, e, scratch);
        fill_ones(p.hidden, filled);
        mele_i_network_forward(n, &p, filled, weights + e * f->plan.weights);
        for (size_t m = 0; m < M; m++)
            for (size_t i = 0; i < rows; i++)
                out[(i * count + e) * M + m] = shift[m] + unit[m] * p.output[m * p.step + i];
    }
}

static void backward(const void *form, const double *weights, size_t count, size_t rows,
                     const double *residual, double *scratch, double *gradient)
{
    const mlp_form *f = form;
    const mele_i_network *n = &f->plan.network;
    const size_t M = n->outputs, P = f->plan.weights, filled = eights(rows);
    const double *unit = f->units->unit;

    for (size_t e = 0; e < count; e++) {
        const mele_i_network_panel p = panel_of(n, count, e, scratch);
        for (size_t m = 0; m < M; m++)
            for (size_t i = 0; i < filled; i++)
                p.output[m * p.step + i] =
                    i < rows ? unit[m] * residual[(i * count + e) * M + m] : 0;
        mele_i_network_backward(n, &p, filled, weights + e * P, gradient + e * P);
    }
}

/* ---- the ridge ---- */

static double unit_square(const mlp_form *f, size_t t)
{
    const double unit = f->units->unit[t];

    return f->shape.classes > 0 ? 1 : unit * unit / (double)f->shape.outputs;
}

static void squares(const void *form, const double *weights, double *out)
{
    const mlp_form *f = form;
    double sum = 0;

    for (size_t i = 0; i < f->plan.weights; i++)
        if (!mele_i_network_is_bias(&f->plan.network, i))
            sum += weights[i] * weights[i];
    for (size_t t = 0; t < f->plan.targets; t++)
        out[t] = sum * unit_square(f, t);
}

static void add_squares(const void *form, const double *weights, const double *factor,
                        double *gradient)
{
    const mlp_form *f = form;
    double sum = 0;

    for (size_t t = 0; t < f->plan.targets; t++)
        sum += factor[t] * unit_square(f, t);
    for (size_t i = 0; i < f->plan.weights; i++)
        if (!mele_i_network_is_bias(&f->plan.network, i))
            gradient[i] += 2 * sum * weights[i];
}

static mele_status finish(const void *form, const double *weights, mele_i_expert *expert,
                          mele_error *error)
{
    const mlp_form *f = form;
    mele_i_mlp *mlp = mele_i_mlp_make(&f->plan.network, 1);

    if (mlp == NULL)
        return mele_i_no_memory(error);
    mele_i_mlp_sample_units(&f->plan, &f->sample, mlp);
    memcpy(mlp->weights, weights, f->plan.weights * sizeof *weights);
    const mele_i_trainer *trainer =
        f->options.trainer == NULL ? NULL : mele_i_trainer_named(f->options.trainer);
    mlp->trainer = (trainer == NULL ? &mele_i_trainer_bfgs : trainer)->name;
    expert->state = mlp;
    expert->rank = f->plan.weights;
    return MELE_OK;
}

const mele_i_joint_kind mele_i_mlp_joint = {
    .make = make, .free = free_form, .parameters = parameters, .freedom = freedom,
    .see = see, .draw = draw, .take = take, .work = work, .scratch = scratch, .forward = forward,
    .backward = backward, .squares = squares,
    .add_squares = add_squares, .finish = finish};
