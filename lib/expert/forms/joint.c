/* Linear forms that are trained together: f_t = b_t0 + sum_j b_tj (x_j - c_j), c the columns'
 * means over all rows, in the units of x, so that the ridge counts what it counts in fits of each
 * alone. A column that is constant but for rounding has the coefficient 0. Of classes there is a
 * form for each, whose mean over the classes says nothing and is taken off in the end. */
#include "expert/forms/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "expert/basis.h"
#include "expert/forms/affine.h"
#include "expert/units.h"

typedef struct affine_form {
    mele_i_expert_shape shape;
    double *centre;
    bool *absent; /* columns: constant */
    const bool *constant; /* targets; NULL: classes */
} affine_form;

static void free_form(void *form)
{
    affine_form *f = form;

    if (f == NULL)
        return;
    free(f->centre);
    free(f->absent);
    free(f);
}

/* Where the columns were measured: products of them in their own units. center and scale: columns
 * numbers each. */
static mele_i_origin origin_of(const mele_i_joint_rows *rows, const mele_expert_options *options,
                               double *center, double *scale)
{
    const mele_i_origin x = mele_i_origin_of_x(options);

    for (size_t j = 0; j < rows->shape.columns; j++) {
        center[j] = j < rows->terms && x.center != NULL ? x.center[j] : 0;
        scale[j] = j < rows->terms && x.scale != NULL ? x.scale[j] : 1;
    }
    return (mele_i_origin){center, scale};
}

static mele_status measure(affine_form *f, const mele_i_joint_rows *rows,
                           const mele_expert_options *options, mele_error *error)
{
    const size_t d = rows->shape.columns;
    double *origin = MELE_I_ARRAY(double, 2 * d);
    mele_i_units *units = MELE_I_ARRAY(mele_i_units, d);
    size_t *row = MELE_I_ARRAY(size_t, rows->count);
    mele_status status = MELE_ENOMEM;

    if (origin == NULL || units == NULL || row == NULL) {
        mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t i = 0; i < rows->count; i++)
        row[i] = i;
    const mele_i_units_rows x = {rows->x, d, row, rows->weights, rows->count};
    status =
        mele_i_units_of(&x, origin_of(rows, options, origin, origin + d), INFINITY, units, error);
    for (size_t j = 0; j < d && status == MELE_OK; j++) {
        f->centre[j] = units[j].centre / units[j].power;
        f->absent[j] = units[j].spread == 0;
    }
    if (status == MELE_OK)
        mele_i_basis_absent(rows->terms, d, f->absent);

cleanup:
    free(origin);
    free(units);
    free(row);
    return status;
}

static mele_status make(const mele_i_joint_rows *rows, const mele_expert_options *options,
                        void **form, mele_error *error)
{
    affine_form *f = MELE_I_NEW(affine_form);

    if (f == NULL)
        return mele_i_no_memory(error);
    f->shape = rows->shape;
    f->constant = rows->constant;
    f->centre = MELE_I_ARRAY(double, f->shape.columns);
    f->absent = MELE_I_ARRAY(bool, f->shape.columns);
    mele_status status = f->centre == NULL || f->absent == NULL ? mele_i_no_memory(error)
                                                                : measure(f, rows, options, error);
    if (status == MELE_OK)
        *form = f;
    else
        free_form(f);
    return status;
}

static size_t width_of(const affine_form *f)
{
    return f->shape.columns + 1;
}

static size_t parameters(const void *form)
{
    const affine_form *f = form;

    return f->shape.outputs * width_of(f);
}

static size_t rank(const affine_form *f)
{
    size_t present = 1;

    for (size_t j = 0; j < f->shape.columns; j++)
        present += !f->absent[j];
    return present;
}

static size_t freedom(const void *form)
{
    const affine_form *f = form;

    return rank(f) * (f->shape.outputs - (f->shape.classes > 0));
}

static void see(const void *form, const double *x, size_t rows, double *z)
{
    const affine_form *f = form;
    const size_t d = f->shape.columns;

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            z[i * d + j] = f->absent[j] ? 0 : x[i * d + j] - f->centre[j];
}

/* As small as the weights of a unit that has so many inputs; what is absent changes no draw. What a target is
 * that is constant is known: 0, as it is scaled. */
static void draw(const void *form, mele_i_stream *stream, double *out)
{
    const affine_form *f = form;
    const double bound = sqrt(6 / (double)(rank(f) - 1 + f->shape.outputs));

    for (size_t t = 0; t < f->shape.outputs; t++, out += width_of(f)) {
        out[0] = 0;
        const bool known = f->constant != NULL && f->constant[t];
        for (size_t j = 0; j < f->shape.columns; j++)
            out[1 + j] = known || f->absent[j] ? 0 : bound * (2 * mele_i_stream_uniform(stream) - 1);
    }
}

static bool take(const void *form, const mele_i_expert *expert, double *out)
{
    const affine_form *f = form;
    const double *from = mele_i_affine_of(expert);

    for (size_t t = 0; t < f->shape.outputs; t++, out += width_of(f), from += width_of(f)) {
        out[0] = from[0];
        for (size_t j = 0; j < f->shape.columns; j++) {
            out[0] += from[1 + j] * f->centre[j];
            out[1 + j] = f->absent[j] ? 0 : from[1 + j];
        }
        out[0] = isfinite(out[0]) ? out[0] : 0;
    }
    return true;
}

/* ---- panels: of [1 z], then of the residuals ---- */

static size_t scratch(const void *form, size_t count)
{
    const affine_form *f = form;

    return (width_of(f) + count * f->shape.outputs) * MELE_I_PANEL;
}

static void forward(const void *form, const double *b, size_t count, const double *z, size_t rows,
                    double *scratch, double *out)
{
    const affine_form *f = form;
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t d = f->shape.columns, forms = count * f->shape.outputs;

    for (size_t i = 0; i < MELE_I_PANEL_ROWS; i++)
        scratch[i] = 1;
    kernels->to_panel(z, d, rows, d, scratch + MELE_I_PANEL);
    kernels->linear(z, d, rows, d, b, forms, out, forms);
}

static void backward(const void *form, const double *b, size_t count, size_t rows,
                     const double *residual, double *scratch, double *gradient)
{
    const affine_form *f = form;
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t width = width_of(f), forms = count * f->shape.outputs, filled = (rows + 7) / 8 * 8;
    double *r = scratch + width * MELE_I_PANEL;

    (void)b;
    kernels->to_panel(residual, forms, rows, forms, r);
    for (size_t k = 0; k < forms; k++)
        for (size_t i = rows; i < filled; i++)
            r[k * MELE_I_PANEL + i] = 0;
    kernels->products(r, forms, scratch, width, MELE_I_PANEL, filled, gradient, width);
}

/* ---- the ridge ---- */

static void squares(const void *form, const double *b, double *out)
{
    const affine_form *f = form;
    const bool classes = f->shape.classes > 0;

    for (size_t t = 0; t < (classes ? 1 : f->shape.outputs); t++)
        out[t] = 0;
    for (size_t t = 0; t < f->shape.outputs; t++, b += width_of(f))
        for (size_t j = 1; j < width_of(f); j++)
            out[classes ? 0 : t] += b[j] * b[j];
}

static void add_squares(const void *form, const double *b, const double *factor, double *gradient)
{
    const affine_form *f = form;
    const bool classes = f->shape.classes > 0;

    for (size_t t = 0; t < f->shape.outputs; t++, b += width_of(f), gradient += width_of(f))
        for (size_t j = 1; j < width_of(f); j++)
            gradient[j] += 2 * factor[classes ? 0 : t] * b[j];
}

/* ---- the expert ---- */

static void take_off_mean(const affine_form *f, double *b)
{
    const size_t width = width_of(f), C = f->shape.outputs;

    for (size_t j = 0; j < width; j++) {
        double mean = 0;
        for (size_t c = 0; c < C; c++)
            mean += b[c * width + j] / (double)C;
        for (size_t c = 0; c < C; c++)
            b[c * width + j] -= mean;
    }
}

static mele_status finish(const void *form, const double *b, mele_i_expert *expert,
                          mele_error *error)
{
    const affine_form *f = form;
    const size_t width = width_of(f);
    mele_i_affine *state = mele_i_affine_new(&f->shape);

    if (state == NULL)
        return mele_i_no_memory(error);
    memcpy(state->coefficients, b, parameters(f) * sizeof *b);
    for (size_t t = 0; t < f->shape.outputs; t++)
        for (size_t j = 0; j < f->shape.columns; j++)
            state->coefficients[t * width] -= b[t * width + 1 + j] * f->centre[j];
    if (f->shape.classes > 0)
        take_off_mean(f, state->coefficients);
    expert->state = state;
    expert->rank = rank(f);
    return MELE_OK;
}

const mele_i_joint_kind mele_i_affine_joint = {.make = make,
                                               .free = free_form,
                                               .parameters = parameters,
                                               .freedom = freedom,
                                               .see = see,
                                               .draw = draw,
                                               .take = take,
                                               .work = parameters,
                                               .scratch = scratch,
                                               .forward = forward,
                                               .backward = backward,
                                               .squares = squares,
                                               .add_squares = add_squares,
                                               .finish = finish};
