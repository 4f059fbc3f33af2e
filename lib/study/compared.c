/* A comparison as its caller asks it. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "measure/metrics.h"
#include "study/comparison.h"

size_t mele_comparison_sets(const mele_comparison *comparison)
{
    return comparison->sets;
}

size_t mele_comparison_contenders(const mele_comparison *comparison)
{
    return comparison->contenders;
}

const char *mele_comparison_set(const mele_comparison *comparison, size_t set)
{
    return set < comparison->sets ? comparison->set[set].name : NULL;
}

const char *mele_comparison_contender(const mele_comparison *comparison, size_t contender)
{
    return contender < comparison->contenders ? comparison->contender[contender].name : NULL;
}

const char *mele_comparison_loss(const mele_comparison *comparison, size_t set)
{
    return set < comparison->sets ? comparison->set[set].loss_name : NULL;
}

size_t mele_comparison_splits(const mele_comparison *comparison, size_t set)
{
    return set < comparison->sets ? comparison->set[set].splits : 0;
}

static bool is_there(const mele_comparison *comparison, size_t set, size_t contender)
{
    return set < comparison->sets && contender < comparison->contenders;
}

mele_compared mele_comparison_result(const mele_comparison *comparison, size_t set, size_t contender)
{
    return is_there(comparison, set, contender) ? mele_i_comparison_summary(comparison, set, contender)
                                                : mele_i_nothing_compared();
}

bool mele_comparison_losses(const mele_comparison *comparison, size_t set, size_t contender, double *out)
{
    if (!is_there(comparison, set, contender))
        return false;
    mele_i_comparison_losses(comparison, set, contender, out);
    return true;
}

size_t mele_comparison_why(const mele_comparison *comparison, size_t set, size_t contender, char *out, size_t size)
{
    if (is_there(comparison, set, contender))
        return mele_i_comparison_reason(comparison, set, contender, out, size);
    if (size > 0)
        out[0] = '\0';
    return 0;
}

/* Metrics know the names of targets, which nothing here looks at. */
static mele_status metrics_of(const mele_i_compared_set *set, mele_metrics **out, mele_error *error)
{
    const char **names = MELE_I_ARRAY(const char *, set->targets);

    if (names == NULL)
        return mele_i_no_memory(error);
    for (size_t t = 0; t < set->targets; t++)
        names[t] = "";
    mele_status status = mele_metrics_new(names, set->targets, set->classes, out, error);
    free(names);
    return status;
}

mele_status mele_i_comparison_pool(const mele_comparison *comparison, size_t set, size_t contender, double *out,
                                   size_t *skipped, mele_error *error)
{
    const mele_i_compared_set *s = &comparison->set[set];
    const size_t count = s->splits * comparison->seeds;
    mele_metrics *metrics = NULL;
    mele_status status = metrics_of(s, &metrics, error);

    if (status != MELE_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        mele_i_metrics_join(metrics, s->outcome[contender * count + i].moments);
    const mele_measures measures = mele_metrics_result(metrics);
    memcpy(out, measures.values, s->measures * sizeof *out);
    *skipped = measures.skipped;
    mele_metrics_free(metrics);
    return MELE_OK;
}

bool mele_comparison_measure(const mele_comparison *comparison, size_t set, size_t contender, const char *measure,
                             double *out)
{
    size_t m = 0, skipped;

    if (!is_there(comparison, set, contender) || !mele_i_comparison_has(comparison, set, contender))
        return false;
    const mele_i_compared_set *s = &comparison->set[set];
    while (m < s->measures && strcmp(s->measure[m], measure) != 0)
        m++;
    double *all = m < s->measures ? MELE_I_ARRAY(double, s->measures) : NULL;
    const bool known = all != NULL
                       && mele_i_comparison_pool(comparison, set, contender, all, &skipped, NULL) == MELE_OK;
    if (known)
        *out = all[m];
    free(all);
    return known;
}
