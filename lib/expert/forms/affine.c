#include "expert/forms/affine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"

_Static_assert(offsetof(mele_i_affine, shared) == 0, "a state begins with who holds it");

static size_t size_of_one(const mele_i_expert_shape *shape)
{
    return shape->outputs * (shape->columns + 1);
}

mele_i_affine *mele_i_affine_new(const mele_i_expert_shape *shape)
{
    size_t size, bytes;
    mele_i_affine *state;

    if (__builtin_mul_overflow(shape->outputs, shape->columns + 1, &size)
        || __builtin_mul_overflow(size, 2 * sizeof(double), &bytes)
        || __builtin_add_overflow(bytes, sizeof *state, &bytes))
        return NULL;
    state = mele_i_zeroed(1, bytes);
    if (state == NULL)
        return NULL;
    state->coefficients = (double *)(state + 1);
    state->standard_errors = state->coefficients + size;
    for (size_t i = 0; i < size; i++)
        state->standard_errors[i] = NAN;
    return state;
}

bool mele_i_affine_equal(const void *state, const void *other, const mele_i_expert_shape *shape)
{
    const mele_i_affine *a = state, *b = other;
    const size_t size = size_of_one(shape);

    return mele_i_same_numbers(a->coefficients, b->coefficients, size)
           && mele_i_same_numbers(a->standard_errors, b->standard_errors, size);
}

double *mele_i_affine_of(const mele_i_expert *expert)
{
    return ((mele_i_affine *)expert->state)->coefficients;
}

size_t mele_i_affine_scratch(const mele_i_expert_group *group, size_t rows)
{
    (void)rows;
    return group->count * size_of_one(&group->shape) * sizeof(double);
}

/* All experts of the group are one linear form. */
void mele_i_affine_predict(const mele_i_expert_group *group, const double *x, size_t stride,
                           size_t rows, double *mean, double *variance, void *scratch)
{
    const size_t size = size_of_one(&group->shape);
    double *coefficients = scratch;

    (void)variance;
    for (size_t e = 0; e < group->count; e++)
        memcpy(coefficients + e * size, mele_i_affine_of(group->expert[e]),
               size * sizeof *coefficients);
    mele_i_kernels_best()->linear(x, stride, rows, group->shape.columns, coefficients,
                                  group->count * group->shape.outputs, mean, group->stride);
}

size_t mele_i_affine_work(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    (void)expert;
    return size_of_one(shape);
}

void mele_i_affine_coefficients(const mele_i_expert *expert, const mele_i_expert_shape *shape,
                                double *out)
{
    memcpy(out, mele_i_affine_of(expert), size_of_one(shape) * sizeof *out);
}

void mele_i_affine_standard_errors(const mele_i_expert *expert, const mele_i_expert_shape *shape,
                                   double *out)
{
    const mele_i_affine *state = expert->state;

    memcpy(out, state->standard_errors, size_of_one(shape) * sizeof *out);
}

/* Standard errors are all there, or none is. */
void mele_i_affine_squares(const mele_i_expert *expert, const mele_i_expert_shape *shape, double *out)
{
    const double *b = mele_i_affine_of(expert);
    const bool classes = shape->classes > 0;

    for (size_t t = 0; t < (classes ? 1 : shape->outputs); t++)
        out[t] = 0;
    for (size_t t = 0; t < shape->outputs; t++, b += shape->columns + 1)
        for (size_t j = 1; j <= shape->columns; j++)
            out[classes ? 0 : t] += b[j] * b[j];
}

bool mele_i_affine_save(const mele_i_expert *expert, const mele_i_expert_shape *shape,
                        json_t *object)
{
    const mele_i_affine *state = expert->state;
    const size_t columns = shape->columns + 1;

    if (!mele_i_json_put(object, "coefficients",
                         mele_i_json_matrix(state->coefficients, shape->outputs, columns)))
        return false;
    return isnan(state->standard_errors[0])
           || mele_i_json_put(object, "standard_errors",
                              mele_i_json_matrix(state->standard_errors, shape->outputs, columns));
}

mele_status mele_i_affine_load(const json_t *object, const mele_i_expert_shape *shape,
                               mele_i_expert *expert, mele_error *error)
{
    const bool errors = json_object_get(object, "standard_errors") != NULL;
    mele_status status;

    if (expert->rank < 1 || expert->rank > shape->columns + 1)
        return mele_i_fail(error, MELE_EDATA, "\"rank\" is %zu, not within 1 to %zu", expert->rank,
                           shape->columns + 1);
    status = mele_i_json_check_sizes(object, "coefficients", shape->outputs, shape->columns + 1,
                                     error);
    if (status != MELE_OK)
        return status;
    mele_i_affine *state = mele_i_affine_new(shape);
    if (state == NULL)
        return mele_i_no_memory(error);
    status = mele_i_json_get_matrix(object, "coefficients", state->coefficients, shape->outputs,
                                    shape->columns + 1, error);
    if (status == MELE_OK && errors)
        status = mele_i_json_get_matrix(object, "standard_errors", state->standard_errors,
                                        shape->outputs, shape->columns + 1, error);
    if (status != MELE_OK)
        free(state);
    else
        expert->state = state;
    return status;
}
