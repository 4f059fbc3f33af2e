/* Sums over rows, in row order. The sum of squares about the mean is updated with the mean (West
 * 1979, Commun. ACM 22), so that r2 is right for targets whose mean is large and exactly
 * undefined for constant ones. Sums are long double: where that is wider than double, squares of
 * 1e150 and more do not overflow, and the sum of many terms keeps its digits. */
#include "measure/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "measure/probability.h"


typedef long double wide;

typedef struct target_sums {
    wide absolute, squared;   /* errors */
    wide mean, about_mean;    /* of the truth */
    wide log_density;
} target_sums;

struct mele_metrics {
    size_t targets, classes;
    size_t count;             /* measures */
    char **names;
    double *values;
    size_t rows, skipped, unknown;
    wide weight;
    target_sums *target;      /* regression: one each */
    wide joint;
    bool has_density, has_joint;
    wide right, log_loss, brier; /* classification */
};

static const char *const regression[] = {"mae", "rmse", "r2", "nll"};
static const char *const classification[] = {"accuracy", "log_loss", "brier"};
enum { REGRESSION = 4, CLASSIFICATION = 3 };
enum { MAE, RMSE, R2, NLL };

static char *joined(const char *measure, const char *target)
{
    size_t room = strlen(measure) + strlen(target) + 2;
    char *name = mele_i_array(room, 1);

    if (name != NULL) {
        strcpy(name, measure);
        strcat(name, "_");
        strcat(name, target);
    }
    return name;
}

static bool make_names(mele_metrics *m, const char *const *targets)
{
    const char *const *pooled = m->classes > 0 ? classification : regression;
    size_t each = m->classes > 0 ? CLASSIFICATION : REGRESSION;

    for (size_t i = 0; i < m->count; i++) {
        m->names[i] = i < each ? mele_i_string(pooled[i])
                               : joined(pooled[i % each], targets[i / each - 1]);
        if (m->names[i] == NULL)
            return false;
    }
    return true;
}

void mele_metrics_free(mele_metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < metrics->count && metrics->names != NULL; i++)
        free(metrics->names[i]);
    free(metrics->names);
    free(metrics->values);
    free(metrics->target);
    free(metrics);
}

mele_status mele_metrics_new(const char *const *targets, size_t count, size_t classes,
                             mele_metrics **out, mele_error *error)
{
    if (targets == NULL || count == 0 || (classes > 0 && count > 1)
        || count > SIZE_MAX / (2 * REGRESSION))
        return mele_i_fail(error, MELE_EINVAL, "%zu targets and %zu classes to measure", count,
                           classes);
    mele_metrics *m = MELE_I_NEW(mele_metrics);
    if (m == NULL)
        return mele_i_no_memory(error);
    m->targets = count;
    m->classes = classes;
    m->has_density = m->has_joint = true;
    m->count = classes > 0 ? CLASSIFICATION : count == 1 ? REGRESSION : REGRESSION * (count + 1);
    m->names = MELE_I_ZEROED(char *, m->count);
    m->values = MELE_I_ZEROED(double, m->count);
    m->target = MELE_I_ZEROED(target_sums, count);
    if (m->names == NULL || m->values == NULL || m->target == NULL || !make_names(m, targets)) {
        mele_metrics_free(m);
        return mele_i_no_memory(error);
    }
    *out = m;
    return MELE_OK;
}

/* ---- adding ---- */

static bool has_nan(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i]))
            return true;
    return false;
}

static mele_status check_rows(const mele_metrics *m, const mele_outcomes *o, mele_error *error)
{
    for (size_t i = 0; i < o->rows; i++) {
        double weight = o->weights == NULL ? 1 : o->weights[i];
        if (!isfinite(weight) || weight < 0)
            return mele_i_fail(error, MELE_EDATA, "weights: row %zu is %g, not a finite number "
                               ">= 0", i + 1, weight);
        if (m->classes == 0 || isnan(o->truth[i]) || o->truth[i] == INFINITY)
            continue;
        if (o->truth[i] < 0 || o->truth[i] >= (double)m->classes
            || o->truth[i] != floor(o->truth[i]))
            return mele_i_fail(error, MELE_EDATA, "row %zu has class %g, not one of 0 to %zu",
                               i + 1, o->truth[i], m->classes - 1);
    }
    return MELE_OK;
}

static void add_target(target_sums *s, double truth, double prediction, double weight, wide total)
{
    wide rest = (wide)truth - prediction, shift = truth - s->mean;

    s->absolute += weight * fabsl(rest);
    s->squared += weight * rest * rest;
    s->mean += shift * (weight / total);
    s->about_mean += weight * shift * (truth - s->mean);
}

/* One row; m->weight includes its own already. */
static void add_regression(mele_metrics *m, const mele_outcomes *o, size_t row, double weight)
{
    for (size_t t = 0; t < m->targets; t++) {
        size_t at = row * m->targets + t;
        add_target(&m->target[t], o->truth[at], o->predictions[at], weight, m->weight);
        if (o->log_density != NULL)
            m->target[t].log_density += (wide)weight * o->log_density[at];
    }
    if (o->joint_log_density != NULL)
        m->joint += (wide)weight * o->joint_log_density[row];
}

static void add_classification(mele_metrics *m, const mele_outcomes *o, size_t row, double weight)
{
    const double *p = o->predictions + row * m->classes;
    bool known = isfinite(o->truth[row]);
    size_t truth = known ? (size_t)o->truth[row] : m->classes, largest = 0;
    wide brier = known ? 0 : 1; /* of the class that has no place among p */

    for (size_t c = 0; c < m->classes; c++) {
        wide off = (wide)p[c] - (c == truth);
        brier += off * off;
        largest = p[c] > p[largest] ? c : largest;
    }
    m->brier += weight * brier;
    m->right += largest == truth ? weight : 0;
    m->log_loss -= (wide)weight * log(known ? fmax(p[truth], MELE_I_LEAST_PROBABILITY)
                                              : MELE_I_LEAST_PROBABILITY);
}

static void add_row(mele_metrics *m, const mele_outcomes *o, size_t row)
{
    size_t width = m->classes > 0 ? m->classes : m->targets;
    double weight = o->weights == NULL ? 1 : o->weights[row];

    if (has_nan(o->truth + row * m->targets, m->targets)
        || has_nan(o->predictions + row * width, width)) {
        m->skipped++;
        return;
    }
    m->rows++;
    m->unknown += m->classes > 0 && isinf(o->truth[row]);
    if (weight == 0)
        return;
    m->weight += weight;
    if (m->classes > 0)
        add_classification(m, o, row, weight);
    else
        add_regression(m, o, row, weight);
}

mele_status mele_metrics_add(mele_metrics *metrics, const mele_outcomes *outcomes,
                             mele_error *error)
{
    if (metrics == NULL || outcomes == NULL)
        return mele_i_fail(error, MELE_EINVAL, "there is nothing to measure");
    if (outcomes->rows == 0)
        return MELE_OK;
    if (outcomes->truth == NULL || outcomes->predictions == NULL)
        return mele_i_fail(error, MELE_EINVAL, "%s is NULL",
                           outcomes->truth == NULL ? "truth" : "predictions");
    mele_status status = check_rows(metrics, outcomes, error);
    if (status != MELE_OK)
        return status;
    metrics->has_density = metrics->has_density && outcomes->log_density != NULL;
    metrics->has_joint = metrics->has_joint && outcomes->joint_log_density != NULL;
    for (size_t i = 0; i < outcomes->rows; i++)
        add_row(metrics, outcomes, i);
    return MELE_OK;
}

/* ---- results ---- */

/* The four measures of one target. */
static void measure_target(const mele_metrics *m, const target_sums *s, double *values)
{
    values[MAE] = (double)(s->absolute / m->weight);
    values[RMSE] = (double)sqrtl(s->squared / m->weight);
    values[R2] = s->about_mean > 0 ? (double)(1 - s->squared / s->about_mean) : NAN;
    values[NLL] = m->has_density ? (double)(-s->log_density / m->weight) : NAN;
}

static void measure_regression(mele_metrics *m)
{
    double *pooled = m->values, r2 = 0;
    wide absolute = 0, squared = 0;
    size_t defined = 0;

    if (m->targets == 1) {
        measure_target(m, m->target, m->values);
        return;
    }
    for (size_t t = 0; t < m->targets; t++) {
        double *own = m->values + REGRESSION * (t + 1);
        measure_target(m, &m->target[t], own);
        absolute += m->target[t].absolute;
        squared += m->target[t].squared;
        r2 += isnan(own[R2]) ? 0 : own[R2];
        defined += !isnan(own[R2]);
    }
    wide count = (wide)m->targets * m->weight;
    pooled[MAE] = (double)(absolute / count);
    pooled[RMSE] = (double)sqrtl(squared / count);
    pooled[R2] = defined > 0 ? r2 / (double)defined : NAN;
    pooled[NLL] = m->has_joint ? (double)(-m->joint / m->weight) : NAN;
}

static void measure_classification(mele_metrics *m)
{
    m->values[0] = (double)(m->right / m->weight);
    m->values[1] = (double)(m->log_loss / m->weight);
    m->values[2] = (double)(m->brier / m->weight);
}

mele_measures mele_metrics_result(mele_metrics *metrics)
{
    mele_metrics *m = metrics;

    if (!(m->weight > 0))
        for (size_t i = 0; i < m->count; i++)
            m->values[i] = NAN;
    else if (m->classes > 0)
        measure_classification(m);
    else
        measure_regression(m);
    return (mele_measures){m->count, (const char *const *)m->names, m->values, m->rows, m->skipped,
                           m->unknown, (double)m->weight};
}

/* ---- kept ---- */

/* Of all: rows, rows skipped, those of unknown class, the weight; then classes: the three measures; regression: the
 * joint log density, and for each target the mean of absolute errors, the root of that of squared ones, the mean of
 * the truth and the root of the mean of squares about it, and the log density, NaN where it is not known. */
enum { ROWS, SKIPPED, UNKNOWN, WEIGHT, COMMON };
enum { ABSOLUTE, SQUARED, MEAN, ABOUT_MEAN, DENSITY, OF_TARGET };

size_t mele_i_metrics_moments(size_t targets, size_t classes)
{
    return COMMON + (classes > 0 ? CLASSIFICATION : 1 + targets * OF_TARGET);
}

static void keep_target(const mele_metrics *m, const target_sums *s, double *out)
{
    out[ABSOLUTE] = (double)(s->absolute / m->weight);
    out[SQUARED] = (double)sqrtl(s->squared / m->weight);
    out[MEAN] = (double)s->mean;
    out[ABOUT_MEAN] = (double)sqrtl(s->about_mean / m->weight);
    out[DENSITY] = m->has_density ? (double)(s->log_density / m->weight) : NAN;
}

void mele_i_metrics_keep(const mele_metrics *metrics, double *out)
{
    const mele_metrics *m = metrics;
    const wide of_classes[] = {m->right, m->log_loss, m->brier};
    double *rest = out + COMMON;

    out[ROWS] = (double)m->rows;
    out[SKIPPED] = (double)m->skipped;
    out[UNKNOWN] = (double)m->unknown;
    out[WEIGHT] = (double)m->weight;
    for (size_t i = 0; m->classes > 0 && i < CLASSIFICATION; i++)
        rest[i] = (double)(of_classes[i] / m->weight);
    if (m->classes == 0)
        rest[0] = m->has_joint ? (double)(m->joint / m->weight) : NAN;
    for (size_t t = 0; m->classes == 0 && t < m->targets; t++)
        keep_target(m, &m->target[t], rest + 1 + t * OF_TARGET);
}

/* Chan, Golub, LeVeque 1983: squares about the mean of two parts. */
static void join_target(target_sums *s, const double *kept, wide before, wide weight)
{
    const wide shift = kept[MEAN] - s->mean, all = before + weight;

    s->absolute += weight * kept[ABSOLUTE];
    s->squared += weight * kept[SQUARED] * kept[SQUARED];
    s->mean += shift * (weight / all);
    s->about_mean += weight * kept[ABOUT_MEAN] * kept[ABOUT_MEAN] + shift * shift * (before * (weight / all));
    s->log_density += weight * kept[DENSITY];
}

void mele_i_metrics_join(mele_metrics *metrics, const double *kept)
{
    mele_metrics *m = metrics;
    const wide weight = kept[WEIGHT], before = m->weight;
    const double *rest = kept + COMMON;

    m->rows += (size_t)kept[ROWS];
    m->skipped += (size_t)kept[SKIPPED];
    m->unknown += (size_t)kept[UNKNOWN];
    if (!(weight > 0))
        return;
    m->weight += weight;
    if (m->classes > 0) {
        m->right += weight * rest[0];
        m->log_loss += weight * rest[1];
        m->brier += weight * rest[2];
        return;
    }
    m->has_joint = m->has_joint && !isnan(rest[0]);
    m->joint += weight * rest[0];
    for (size_t t = 0; t < m->targets; t++) {
        m->has_density = m->has_density && !isnan(rest[1 + t * OF_TARGET + DENSITY]);
        join_target(&m->target[t], rest + 1 + t * OF_TARGET, before, weight);
    }
}
