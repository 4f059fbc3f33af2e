/* Whole fits: what is to be chosen is chosen, and the family that the options name trains a model. */
#include "family/fit.h"

#include "core/error.h"
#include "engine/pass.h"
#include "family/choice.h"
#include "family/settle.h"
#include "family/train.h"

mele_status mele_i_family_fit(const mele_data *data, const mele_options *options, mele_engine *engine,
                              mele_report *report, mele_model **out, mele_error *error)
{
    mele_options settled, chosen;
    json_t *record = NULL;
    mele_status status = mele_i_family_settle(data, options, &settled, error);

    if (status == MELE_OK)
        status = mele_i_engine_claim(engine, error);
    if (status != MELE_OK)
        return status;
    chosen = settled;
    status = mele_i_family_choose(data, &chosen, engine, report, &record, error);
    const mele_i_family_job job = {data, &chosen, &settled, record};
    if (status == MELE_OK)
        status = mele_i_family_train(&job, engine, report, out, error);
    mele_i_engine_release(engine);
    json_decref(record);
    return status;
}

mele_status mele_fit(const mele_data *data, const mele_options *options, mele_engine *engine,
                     mele_report *report, mele_model **out, mele_error *error)
{
    mele_status status = mele_i_family_check(data, options, error);

    return status == MELE_OK ? mele_i_family_fit(data, options, engine, report, out, error) : status;
}
