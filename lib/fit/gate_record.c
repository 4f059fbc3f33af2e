#include "fit/gate_record.h"

#include <string.h>

#include "core/json.h"
#include "fit/report.h"
#include "gate/candidates.h"
#include "gate/gate.h"

static bool put_gate(json_t *object, const char *key, const mele_gate_options *gate)
{
    const char *on = mele_i_gate_on(gate);

    return mele_i_json_put(object, key, json_string(gate->kind))
           && (on == NULL || mele_i_json_put(object, "on", json_string(on)));
}

bool mele_i_racer_put(const mele_i_racer *racer, bool chosen, json_t *object)
{
    return mele_i_report_candidate(object, racer->loss, racer->excess, racer->error)
           && (racer->folds == 0
               || mele_i_json_put(object, "folds", json_integer((json_int_t)racer->folds)))
           && (!chosen || mele_i_json_put(object, "chosen", json_true()));
}

static json_t *candidate_record(const mele_i_racer *racer, bool chosen)
{
    json_t *object = json_object();

    if (put_gate(object, "gate", &racer->gate) && mele_i_racer_put(racer, chosen, object))
        return object;
    json_decref(object);
    return NULL;
}

/* Without a loss of anybody: of one region, one model. */
static const mele_gate_options *gate_of(const mele_i_racer *racers, size_t count, size_t chosen,
                                        mele_gate_options *fallback)
{
    if (chosen < count)
        return &racers[chosen].gate;
    *fallback = racers[0].gate;
    fallback->kind = racers[0].clusters == 1 ? "global" : "posterior";
    return fallback;
}

/* ranked_by, and why it was not by refits (NULL: it was). */
static json_t *choice_record(const mele_gate_options *gate, const char *why, json_t *list)
{
    json_t *object = json_object();
    bool good = put_gate(object, "kind", gate)
                && mele_i_json_put(object, "ranked_by",
                                   json_string(why == NULL ? "refits" : "left-out predictions"));

    if (good && why != NULL)
        good = mele_i_json_put(object, "no_refits", json_string(why));
    good = mele_i_json_put(object, "candidates", list) && good;
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

json_t *mele_i_gate_choice_record(const mele_i_racer *racers, size_t count, size_t chosen)
{
    const size_t clusters = racers[chosen < count ? chosen : 0].clusters;
    mele_gate_options fallback;
    json_t *list = json_array();

    for (size_t i = 0; i < count && list != NULL; i++)
        if ((racers[i].clusters == clusters || racers[i].one)
            && json_array_append_new(list, candidate_record(&racers[i], i == chosen)) != 0) {
            json_decref(list);
            list = NULL;
        }
    return choice_record(gate_of(racers, count, chosen, &fallback), NULL, list);
}

/* Names that outlive the record. */
static const char *same_name(const char *(*name)(size_t i), const char *recorded, const char *other)
{
    for (size_t i = 0; recorded != NULL && name(i) != NULL; i++)
        if (strcmp(name(i), recorded) == 0)
            return name(i);
    return other;
}

void mele_i_run_take_gate(mele_i_run *run, json_t *record)
{
    mele_gate_options *gate = &run->gate;

    gate->kind = same_name(mele_gate_kind, json_string_value(json_object_get(record, "kind")),
                           gate->kind);
    gate->on = same_name(mele_gate_input, json_string_value(json_object_get(record, "on")), gate->on);
    json_decref(run->gate_choice);
    run->gate_choice = record;
}

void mele_i_run_recall_gate(mele_i_run *run)
{
    const json_t *partition = json_object_get(run->model->training, "partition");
    json_t *record = json_object_get(partition, MELE_I_GATE_CHOICE_KEY);

    if (record == NULL || !mele_i_gate_is_auto(&run->gate))
        return;
    mele_i_run_take_gate(run, json_incref(record));
    run->chosen_before = true;
}

json_t *mele_i_gate_ranks_record(const mele_i_run *run, const mele_gate_options *gate,
                                 const mele_gate_info *info)
{
    json_t *list = json_array();

    for (size_t i = 0; i < info->candidates && list != NULL; i++) {
        const mele_gate_candidate *c = &info->candidate[i];
        const mele_i_racer racer = {.gate = {.kind = c->kind, .on = c->on}, .loss = c->loss,
                                    .excess = c->excess, .error = c->standard_error};
        if (json_array_append_new(list, candidate_record(&racer, i == info->chosen)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return choice_record(gate, run->why_no_refits, list);
}

bool mele_i_gate_put_choice(const mele_i_run *run, json_t *object)
{
    static const char *const keys[] = {"ranked_by", "no_refits", "candidates"};
    bool good = object != NULL;

    for (size_t i = 0; i < sizeof keys / sizeof *keys && good; i++) {
        json_t *value = json_object_get(run->gate_choice, keys[i]);
        good = value == NULL || json_object_set(object, keys[i], value) == 0;
    }
    return good;
}

json_t *mele_i_gate_record(const mele_gate_info *info, const char *kind, bool fresh, size_t sampled)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "kind", json_string(kind))
        && mele_i_json_put(object, "iterations", json_integer((json_int_t)info->iterations))
        && mele_i_json_put(object, "loss", mele_i_report_real(info->loss))
        && mele_i_json_put(object, "converged", json_boolean(info->converged))
        && (!fresh || mele_i_json_put(object, "fresh", json_true()))
        && (sampled == 0
            || mele_i_json_put(object, "sampled", json_integer((json_int_t)sampled))))
        return object;
    json_decref(object);
    return NULL;
}
