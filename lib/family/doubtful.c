/* The likelihood of a mixture of regressions has spurious maxima, without bound but for the floor of a
 * variance: an expert on a handful of rows that happen to lie on a plane. An expert counts as such where
 * its rows, sum w h, are fewer than LEAST_ROWS for each of its parameters, and its variance of some
 * target is below LEAST_SHARE of the mixture's mean variance. Starts are ranked by the number of such
 * experts, fewest first, then by what they came to. */
#include "family/doubtful.h"

#include "family/parts.h"
#include "fit/report.h"

#define LEAST_ROWS 3.0
#define LEAST_SHARE 1e-2

/* The mixture's mean variance of a target. */
static double mean_variance(const mele_i_fitted *f, size_t t)
{
    double sum = 0, weight = 0;

    for (size_t k = 0; k < f->clusters; k++) {
        sum += f->weight[k] * f->variance[k * f->targets + t];
        weight += f->weight[k];
    }
    return sum / weight;
}

bool mele_i_fitted_is_doubtful(const mele_i_fitted *f, size_t k, size_t rank)
{
    bool small = false;

    for (size_t t = 0; t < f->targets; t++)
        small = small || f->variance[k * f->targets + t] < LEAST_SHARE * mean_variance(f, t);
    return small && f->weight[k] < LEAST_ROWS * (double)(rank + 1);
}

void mele_i_family_warn_of_doubtful(const mele_i_run *run, size_t count)
{
    if (count > 0)
        mele_i_report_warn(run->report,
                           "%zu of the experts fit%s a handful of rows with next to no error, "
                           "by chance perhaps, and no start came to better: %s",
                           count, count == 1 ? "s" : "", mele_i_family_fewer(run));
}
