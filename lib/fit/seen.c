#include "fit/seen.h"

#include "core/error.h"
#include "core/json.h"
#include "schema/data.h"
#include "schema/sketch.h"

static mele_i_sketched rows_of(const mele_i_run *run)
{
    const mele_rows *given = run->posteriors != NULL ? &run->joint.rows : NULL;

    return (mele_i_sketched){run->model->schema, &run->features, run->data->targets,
                             run->data->schema->targets, run->data->weights, given};
}

/* Posteriors from outside are there once they are needed. */
static mele_status need_posteriors(mele_i_run *run, mele_error *error)
{
    return run->posteriors != NULL ? mele_i_run_need_joint(run, error) : MELE_OK;
}

/* The sketch of a model's record, to be cleared; *there tells whether there is one. */
static mele_status read_record(const mele_model *model, bool *there, mele_i_sketch *out,
                               mele_error *error)
{
    const json_t *record = json_object_get(model->training, MELE_I_SEEN_KEY);

    *there = record != NULL;
    *out = (mele_i_sketch){0};
    return record == NULL ? MELE_OK : mele_i_sketch_load(record, out, error);
}

mele_status mele_i_seen_record(mele_i_run *run, bool stay, mele_error *error)
{
    const mele_i_sketched rows = rows_of(run);
    json_t *training = run->model->training;
    mele_i_sketch old = {0}, seen = {0};
    bool there = false;
    mele_status status = need_posteriors(run, error);

    if (status == MELE_OK && stay)
        status = read_record(run->model, &there, &old, error);
    if (status == MELE_OK && stay && !there) {
        json_object_del(training, MELE_I_SEEN_KEY);
        return MELE_OK;
    }
    if (status == MELE_OK)
        status = mele_i_sketch_make(&rows, NULL, run->engine, &seen, NULL, error);
    if (status == MELE_OK && there)
        status = mele_i_sketch_join(&seen, &old, error);
    if (status == MELE_OK && !mele_i_json_put(training, MELE_I_SEEN_KEY, mele_i_sketch_save(&seen)))
        status = mele_i_no_memory(error);
    mele_i_sketch_clear(&old);
    mele_i_sketch_clear(&seen);
    return status;
}

mele_status mele_i_seen_find(mele_i_run *run, mele_i_seen *out, mele_error *error)
{
    const mele_i_sketched rows = rows_of(run);
    mele_i_sketch seen = {0}, here = {0};
    bool there = false;
    mele_status status = need_posteriors(run, error);

    if (status == MELE_OK)
        status = read_record(run->model, &there, &seen, error);
    *out = (mele_i_seen){.what = MELE_I_SEEN_UNKNOWN, .rows = seen.rows, .sets = seen.sets};
    if (status != MELE_OK || !there)
        return status;
    status = mele_i_sketch_make(&rows, &seen, run->engine, &here, &out->common, error);
    if (status == MELE_OK)
        out->what = mele_i_sketch_equal(&seen, &here) ? MELE_I_SEEN_ALL
                    : out->common > 0                 ? MELE_I_SEEN_SOME
                                                      : MELE_I_SEEN_NONE;
    out->other_weights = status == MELE_OK && out->what == MELE_I_SEEN_SOME
                         && mele_i_sketch_equal_but_weights(&seen, &here);
    if (out->what == MELE_I_SEEN_ALL && mele_i_sketch_know_posteriors(&seen, &here)) {
        out->same_posteriors = mele_i_sketch_same_posteriors(&seen, &here);
        out->other_posteriors = !out->same_posteriors;
    }
    mele_i_sketch_clear(&seen);
    mele_i_sketch_clear(&here);
    return status;
}

/* Parts that were trained on the same rows have had the same regions. */
static mele_status check_posteriors(const mele_i_sketch *first, const mele_i_sketch *part,
                                    size_t number, mele_error *error)
{
    if (!mele_i_sketch_equal(first, part) || !mele_i_sketch_know_posteriors(first, part)
        || mele_i_sketch_same_posteriors(first, part))
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA, "the experts of model %zu were trained under other "
                       "posteriors than those of the first: train all with the same --posteriors",
                       number);
}

mele_status mele_i_seen_merge(const mele_model *const *parts, size_t count, json_t **out,
                              mele_error *error)
{
    mele_i_sketch seen = {0}, more = {0};
    bool there = true;
    mele_status status = read_record(parts[0], &there, &seen, error);

    for (size_t i = 1; i < count && there && status == MELE_OK; i++) {
        status = read_record(parts[i], &there, &more, error);
        if (status == MELE_OK && there)
            status = check_posteriors(&seen, &more, i + 1, error);
        if (status == MELE_OK && there)
            status = mele_i_sketch_join(&seen, &more, error);
        mele_i_sketch_clear(&more);
    }
    *out = NULL;
    if (status == MELE_OK && there && (*out = mele_i_sketch_save(&seen)) == NULL)
        status = mele_i_no_memory(error);
    mele_i_sketch_clear(&seen);
    return status;
}
