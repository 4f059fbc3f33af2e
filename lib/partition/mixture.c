/* What a Gaussian mixture is made of, wherever it came from. */
#include "partition/mixture.h"

#include <math.h>
#include <stdlib.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/memory.h"

size_t mele_i_mixture_count(const mele_i_covariance *c, size_t clusters, size_t columns)
{
    return 3 * clusters + 2 * mele_i_covariance_count(c, clusters, columns);
}

double *mele_i_mixture_priors(const mele_partition *p)
{
    return p->shape;
}

double *mele_i_mixture_joint(const mele_partition *p)
{
    return p->shape + p->clusters;
}

double *mele_i_mixture_own(const mele_partition *p)
{
    return p->shape + 2 * p->clusters;
}

double *mele_i_mixture_whiteners(const mele_partition *p)
{
    return p->shape + 3 * p->clusters;
}

double *mele_i_mixture_covariances(const mele_partition *p)
{
    return mele_i_mixture_whiteners(p)
           + mele_i_covariance_count(p->covariance, p->clusters, p->columns);
}

mele_i_components mele_i_mixture_components(const mele_partition *p)
{
    return (mele_i_components){.clusters = p->clusters,
                               .columns = p->columns,
                               .centres = p->centres,
                               .matrices = mele_i_mixture_covariances(p),
                               .factors = mele_i_mixture_whiteners(p),
                               .constants = mele_i_mixture_joint(p)};
}

void mele_i_mixture_constants(mele_partition *p)
{
    const mele_i_covariance *c = p->covariance;
    const double *w = mele_i_mixture_whiteners(p);
    double own = 0;

    for (size_t k = 0; k < p->clusters; k++) {
        if (k == 0 || !c->shared)
            own = c->log_diagonal(w + k * c->size(p->columns), p->columns)
                  - 0.5 * (double)p->columns * log(2 * M_PI);
        mele_i_mixture_own(p)[k] = own;
        mele_i_mixture_joint(p)[k] = own + log(mele_i_mixture_priors(p)[k]);
    }
}

size_t mele_i_mixture_finish(mele_partition *p, double *work)
{
    const mele_i_covariance *c = p->covariance;
    const size_t size = c->size(p->columns), count = mele_i_covariance_matrices(c, p->clusters);
    const double *s = mele_i_mixture_covariances(p);
    double *w = mele_i_mixture_whiteners(p);

    for (size_t m = 0; m < count; m++, s += size, w += size)
        if (!c->factor(s, p->columns, w, work) || !isfinite(c->log_diagonal(w, p->columns)))
            return m + 1;
    mele_i_mixture_constants(p);
    return 0;
}

static mele_status check_priors(const mele_partition *p, mele_error *error)
{
    const double *priors = mele_i_mixture_priors(p);
    double sum = 0;

    for (size_t k = 0; k < p->clusters; k++) {
        if (!(priors[k] >= 0))
            return mele_i_fail(error, MELE_EDATA, "\"weights\" has %g", priors[k]);
        sum += priors[k];
    }
    if (!(fabs(sum - 1) <= 1e-6))
        return mele_i_fail(error, MELE_EDATA, "\"weights\" add up to %g, not 1", sum);
    return MELE_OK;
}

mele_status mele_i_mixture_accept(mele_partition *p, mele_error *error)
{
    mele_status status = check_priors(p, error);
    double *work = NULL;
    size_t count, bad;

    if (status == MELE_OK)
        status = mele_i_covariance_ready(p->covariance, error);
    if (status != MELE_OK)
        return status;
    if (mele_i_covariance_work(p->covariance, p->columns, &count))
        work = MELE_I_ARRAY(double, count);
    if (work == NULL)
        return mele_i_no_memory(error);
    bad = mele_i_mixture_finish(p, work);
    free(work);
    if (bad != 0)
        return mele_i_fail(error, MELE_EDATA,
                           "\"covariances\": number %zu is not positive definite", bad);
    return MELE_OK;
}

/* L = W^-1, S = L L'. */
bool mele_i_mixture_from_whiteners(mele_partition *p, double *l)
{
    const size_t d = p->columns;
    const double *w = mele_i_mixture_whiteners(p);
    double *s = mele_i_mixture_covariances(p);

    for (size_t k = 0; k < p->clusters; k++) {
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j <= i; j++)
                l[i * d + j] = *w++;
        if (!mele_i_lower_inverse(l, d))
            return false;
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j <= i; j++) {
                double sum[4] = {0}; /* which do not wait for one another */
                for (size_t v = 0; v <= j; v++)
                    sum[v % 4] += l[i * d + v] * l[j * d + v];
                *s++ = (sum[0] + sum[1]) + (sum[2] + sum[3]);
            }
    }
    return true;
}
