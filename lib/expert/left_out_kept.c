#include "expert/left_out_kept.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "engine/rows.h"

#define NUMBERS "<f8"

/* ---- what is there ---- */

mele_status mele_i_left_out_look(void *looking, const void *numbers, size_t count, mele_error *error)
{
    mele_i_left_out_looking *l = looking;
    const double *value = numbers;
    bool good = true;

    for (size_t i = 0; i < count && good; i++) {
        const double v = value[i];
        if (isnan(v) && !l->lacks) {
            l->lacks = true;
            l->unknown = l->seen + i;
        }
        good = l->variances ? !isinf(v) && !(v <= 0) : l->classes ? !(v > 0) : !isinf(v);
    }
    l->seen += count;
    if (good)
        return MELE_OK;
    if (l->variances)
        return mele_i_fail(error, MELE_EDATA,
                           "\"variance\" holds what is no finite number above 0");
    return mele_i_fail(error, MELE_EDATA, "\"mean\" holds what is no %s",
                       l->classes ? "log-probability" : "finite number");
}

static mele_status look_at(mele_i_left_out_kept *k, const char *name, mele_i_left_out_looking *l,
                           uint64_t *at, mele_error *error)
{
    const mele_i_npz_member *member = mele_i_npz_find(&k->npz, name);
    mele_status status = mele_i_npz_look(&k->npz, member, NUMBERS, k->rows * k->width,
                                         mele_i_left_out_look, l, at, error);

    if (status == MELE_OK && l->lacks && l->unknown < k->unknown)
        k->unknown = l->unknown;
    return status;
}

mele_status mele_i_left_out_kept_look(mele_i_left_out_kept *k, mele_error *error)
{
    mele_i_left_out_looking means = {.classes = k->classes > 0}, variances = {.variances = true};

    k->unknown = k->rows * k->width;
    mele_status status = look_at(k, "mean", &means, &k->mean, error);
    return status == MELE_OK && k->classes == 0
               ? look_at(k, "variance", &variances, &k->variance, error)
               : status;
}

/* ---- as rows ---- */

static mele_status read_means(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_i_left_out_kept *k = user;

    return mele_i_npz_read_some(&k->npz, mele_i_npz_find(&k->npz, "mean"), NUMBERS, k->mean,
                                first * k->width, count * k->width, out, error);
}

static mele_status read_variances(void *user, size_t first, size_t count, double *out,
                                  mele_error *error)
{
    const mele_i_left_out_kept *k = user;

    return mele_i_npz_read_some(&k->npz, mele_i_npz_find(&k->npz, "variance"), NUMBERS, k->variance,
                                first * k->width, count * k->width, out, error);
}

mele_rows mele_i_left_out_kept_mean(mele_i_left_out_kept *k)
{
    return (mele_rows){k->rows, k->width, NULL, 0, read_means, k};
}

mele_rows mele_i_left_out_kept_variance(mele_i_left_out_kept *k)
{
    if (k->classes > 0)
        return mele_i_rows_in_memory(NULL, k->rows, 0);
    return (mele_rows){k->rows, k->width, NULL, 0, read_variances, k};
}

void mele_i_left_out_kept_free(mele_i_left_out_kept *k)
{
    if (k != NULL)
        mele_i_npz_close(&k->npz);
    free(k);
}
