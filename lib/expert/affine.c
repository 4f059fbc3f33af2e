#include "expert/affine.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"

static size_t size_of_one(const mele_experts *experts)
{
    return experts->outputs * (experts->columns + 1);
}

double *mele_i_affine_of(const mele_experts *experts, size_t k)
{
    return (double *)experts->state + k * size_of_one(experts);
}

mele_status mele_i_affine_make(mele_experts *experts, mele_error *error)
{
    size_t count;

    if (__builtin_mul_overflow(experts->clusters + 1, experts->outputs, &count)
        || __builtin_mul_overflow(count, experts->columns + 1, &count))
        return mele_i_no_memory(error);
    experts->state = MELE_I_ZEROED(double, count);
    return experts->state == NULL ? mele_i_no_memory(error) : MELE_OK;
}

void mele_i_affine_predict(const mele_experts *experts, const double *x, size_t stride,
                           size_t rows, double *mean)
{
    size_t outputs = experts->clusters * experts->outputs;

    mele_i_kernels_best()->linear(x, stride, rows, experts->columns, experts->state, outputs, mean,
                                  outputs);
}

void mele_i_affine_coefficients(const mele_experts *experts, size_t k, double *out)
{
    memcpy(out, mele_i_affine_of(experts, k), size_of_one(experts) * sizeof *out);
}

bool mele_i_affine_fits(const json_t *object, size_t columns, size_t outputs)
{
    const json_t *rows = json_object_get(object, "coefficients");

    return json_array_size(rows) == outputs
           && json_array_size(json_array_get(rows, 0)) == columns + 1;
}

bool mele_i_affine_save(const mele_experts *experts, size_t k, json_t *object)
{
    return mele_i_json_put(object, "coefficients",
                           mele_i_json_matrix(mele_i_affine_of(experts, k), experts->outputs,
                                              experts->columns + 1));
}

mele_status mele_i_affine_load(mele_experts *experts, size_t k, const json_t *object,
                               mele_error *error)
{
    return mele_i_json_get_matrix(object, "coefficients", mele_i_affine_of(experts, k),
                                  experts->outputs, experts->columns + 1, error);
}

void mele_i_affine_settle(mele_experts *experts)
{
    for (size_t k = 0; k < experts->clusters; k++)
        if (experts->summary[k].fallback)
            memcpy(mele_i_affine_of(experts, k), mele_i_affine_of(experts, experts->clusters),
                   size_of_one(experts) * sizeof(double));
}
