/* Contenders of which others have made the predictions. */
#include "study/others.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "fit/left_out.h"
#include "schema/data.h"
#include "study/contenders.h"
#include "study/fold_predictions.h"

/* Of classes that were said without how likely they are nothing but the share of right ones is known. */
static void forget_likelihoods(const mele_i_compared_set *set, mele_i_outcome *outcome)
{
    for (size_t m = 1; m < set->measures; m++) {
        outcome->measure[m] = NAN;
        outcome->moments[set->moments - set->measures + m] = NAN;
    }
}

/* Rows of one fold side by side. */
typedef struct fold_rows {
    size_t rows;
    double *truth, *predicted, *weight;
} fold_rows;

static void fold_rows_clear(fold_rows *f)
{
    free(f->truth);
    free(f->predicted);
    free(f->weight);
}

static size_t width_of(const mele_i_compared_set *set)
{
    return set->classes > 0 ? set->classes : set->targets;
}

/* Room for all rows. */
static mele_status fold_rows_make(const mele_i_compared_set *set, fold_rows *f, mele_error *error)
{
    const size_t rows = set->data->rows;

    f->truth = mele_i_array(rows, set->targets * sizeof(double));
    f->predicted = mele_i_array(rows, width_of(set) * sizeof(double));
    f->weight = MELE_I_ARRAY(double, rows);
    return f->truth == NULL || f->predicted == NULL || f->weight == NULL ? mele_i_no_memory(error) : MELE_OK;
}

static void gather(const mele_i_compared_set *set, const mele_i_others *others, size_t split, fold_rows *f)
{
    const mele_data *data = set->data;
    const size_t first = split / set->folds * data->rows, width = width_of(set);

    f->rows = 0;
    for (size_t i = 0; i < data->rows; i++) {
        if (set->fold_of_row[first + i] != split % set->folds)
            continue;
        memcpy(f->truth + f->rows * set->targets, data->targets + i * set->targets, set->targets * sizeof(double));
        memcpy(f->predicted + f->rows * width, others->predicted + (first + i) * width, width * sizeof(double));
        f->weight[f->rows++] = data->weights == NULL ? 1 : data->weights[i];
    }
}

static mele_status measure_split(const mele_i_compared_set *set, const mele_i_others *others, const fold_rows *f,
                                 mele_i_outcome *out, mele_error *error)
{
    const mele_outcomes outcomes = {f->rows, f->truth, f->predicted, NULL, NULL, f->weight};
    mele_metrics *metrics = NULL;
    mele_status status = mele_i_metrics_of_data(set->data, &metrics, error);

    if (status == MELE_OK)
        status = mele_metrics_add(metrics, &outcomes, error);
    if (status == MELE_OK)
        status = mele_i_outcome_measured(set, metrics, out, error);
    if (status == MELE_OK && others->sure)
        forget_likelihoods(set, out);
    mele_metrics_free(metrics);
    return status;
}

/* The same for each seed, on which predictions of others do not depend. */
static mele_status measure(const mele_comparison *c, size_t set, size_t contender, const mele_i_others *others,
                           mele_error *error)
{
    const mele_i_compared_set *s = &c->set[set];
    fold_rows f = {0};
    mele_status status = fold_rows_make(s, &f, error);

    for (size_t split = 0; split < s->splits && status == MELE_OK; split++) {
        gather(s, others, split, &f);
        for (size_t seed = 0; seed < c->seeds && status == MELE_OK; seed++)
            status = measure_split(s, others, &f, mele_i_comparison_outcome(c, set, contender, split, seed), error);
    }
    for (size_t i = 0; status != MELE_OK && i < s->splits * c->seeds; i++)
        mele_i_outcome_clear(mele_i_comparison_outcome(c, set, contender, i / c->seeds, i % c->seeds));
    fold_rows_clear(&f);
    return status;
}

/* The contender of that name that has predictions of other sets, or a new one; its index. */
static mele_status find_or_add(mele_comparison *c, const char *name, size_t set, size_t *out, mele_error *error)
{
    for (*out = 0; *out < c->contenders; ++*out) {
        if (strcmp(c->contender[*out].name, name) != 0)
            continue;
        if (c->contender[*out].family != NULL)
            return mele_i_fail(error, MELE_EINVAL, "a family that is compared is called \"%s\": give the predictions "
                               "another name", name);
        if (mele_i_comparison_outcome(c, set, *out, 0, 0)->state != MELE_I_OUTCOME_MISSING)
            return mele_i_fail(error, MELE_EINVAL, "\"%s\" has predictions of %s already", name, c->set[set].name);
        return MELE_OK;
    }
    return mele_i_contender_add(c, name, NULL, out, error);
}

mele_status mele_comparison_add_predictions(mele_comparison *comparison, const char *name, size_t set,
                                            const char *path, mele_engine *engine, mele_error *error)
{
    const size_t before = comparison->contenders;
    mele_i_others others = {NULL, false};
    size_t contender;

    if (set >= comparison->sets)
        return mele_i_fail(error, MELE_EINVAL, "there is no such set");
    if (name == NULL || name[0] == '\0')
        return mele_i_fail(error, MELE_EINVAL, "predictions of others need a name: NAME=FILE");
    mele_status status = mele_i_others_read(&comparison->set[set], comparison->seed, path, engine, &others, error);
    if (status == MELE_OK)
        status = mele_i_comparison_make_outcomes(comparison, error);
    if (status == MELE_OK)
        status = find_or_add(comparison, name, set, &contender, error);
    if (status == MELE_OK) {
        status = measure(comparison, set, contender, &others, error);
        if (status != MELE_OK && comparison->contenders > before)
            mele_i_comparison_drop_contender(comparison);
    }
    mele_i_others_clear(&others);
    return status;
}
