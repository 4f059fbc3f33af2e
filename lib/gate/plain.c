/* What kinds without a state share, whose weights are made of the posteriors alone. */
#include "core/json.h"
#include "gate/kind.h"

mele_status mele_i_gate_plain_make(mele_gate *gate, const mele_i_gate_training *training,
                                   mele_error *error)
{
    (void)training;
    (void)error;
    gate->needs = MELE_I_GATE_POSTERIORS;
    return MELE_OK;
}

bool mele_i_gate_plain_save(const mele_gate *gate, json_t *section)
{
    (void)gate;
    (void)section;
    return true;
}

mele_status mele_i_gate_plain_load(const json_t *section, mele_gate *gate, mele_error *error)
{
    gate->needs = MELE_I_GATE_POSTERIORS;
    return mele_i_json_keys(section, "gate", "kind,clusters", error);
}
