/* Stage 3 of a run: the gate, on left-out predictions of the experts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "expert/expert.h"
#include "fit/features.h"
#include "fit/gate_choice.h"
#include "fit/gate_record.h"
#include "fit/gate_rows.h"
#include "fit/gate_source.h"
#include "fit/outside.h"
#include "fit/report.h"
#include "fit/seen.h"
#include "fit/stages.h"
#include "gate/candidates.h"
#include "gate/gate.h"
#include "model/predict.h"
#include "schema/data.h"

/* ---- rows and groups that do not fit ---- */

static mele_status refuse_rows(const mele_i_seen *seen, size_t rows, mele_error *error)
{
    if (seen->what == MELE_I_SEEN_UNKNOWN)
        return mele_i_fail(error, MELE_EDATA, "the model does not say which rows its experts were "
                           "trained on, and with these they become others: give the rows of the "
                           "experts, or rows that they have not seen and --fresh");
    if (seen->other_weights)
        return mele_i_fail(
            error, MELE_EDATA,
            "these %zu rows seem to be those that the experts were "
            "trained on, with other weights: give those weights (--weights), or rows "
            "that they have not seen (--fresh takes all as not seen)",
            rows);
    return mele_i_fail(error, MELE_EDATA,
                       "%zu or more of these %zu rows are among the %zu that the "
                       "experts were trained on%s, or none of them (--fresh takes all as not seen)",
                       seen->common, rows, seen->rows,
                       seen->sets > 1 ? " in several runs: train all on one set of rows and give "
                                        "that"
                                      : ": give just those");
}

/* Experts that were trained again became others. That may be for the rows, or for posteriors from outside,
 * which choose an expert's rows; or they have begun elsewhere than with nothing. */
static mele_status judge_others(const mele_i_run *run, const mele_i_seen *seen, mele_error *error)
{
    if (seen->what == MELE_I_SEEN_UNKNOWN)
        return refuse_rows(seen, run->features.rows, error);
    if (run->posteriors == NULL || seen->same_posteriors)
        return MELE_OK;
    if (seen->other_posteriors)
        return mele_i_fail(error, MELE_EDATA, "the experts were trained on these rows under other "
                           "posteriors (--posteriors): give those, train them again under these, or "
                           "give their left-out predictions (--left-out)");
    mele_i_report_warn(run->report, "trained again with these posteriors (--posteriors), experts "
                       "become others than the model's: if they were trained with other "
                       "posteriors, give those, or left-out predictions (--left-out)");
    return MELE_OK;
}

/* Variances are those of rows or of groups left out, as the experts were trained. */
static mele_status refuse_late_group(const mele_i_run *run, mele_error *error)
{
    const json_t *options = json_object_get(run->model->training, "options");
    const char *group = run->options->data.group;

    if (group == NULL || options == NULL || json_object_get(options, "group") != NULL)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL,
                       "--group is \"%s\", but the experts were trained without "
                       "it: mele-experts trains them with it",
                       group);
}

/* ---- what the experts say of rows that they do not know ---- */

/* Left-out predictions of the model's experts, by training the same ones again. Those that do not
 * come out the same, having started from others, are approached from where they are, unless it is
 * the rows or the posteriors that are others. */
static mele_status train_left_out(mele_i_run *run, const mele_i_seen *seen, mele_error *error)
{
    const bool global = mele_i_run_may_be_global(run) && mele_i_experts_have_global(run->model->experts);
    const mele_expert_options from_nothing = {.global = global},
                              from_model = {.start = run->model->experts, .global = global};
    mele_experts *again = NULL, *nearer = NULL;
    mele_status status = mele_i_run_train_experts(run, &from_nothing, MELE_I_KEEP_FOR_GATE, &again,
                                                  &run->left_out, NULL, error);

    if (status == MELE_OK && !mele_i_experts_equal(run->model->experts, again)) {
        mele_i_run_left_out_clear(&run->left_out);
        status = judge_others(run, seen, error);
        if (status == MELE_OK)
            status = mele_i_run_train_experts(run, &from_model, MELE_I_KEEP_FOR_GATE, &nearer,
                                              &run->left_out, NULL, error);
    }
    mele_experts_free(again);
    mele_experts_free(nearer);
    return status;
}

/* To experts that have not seen the rows, every row is left out. What is soon predicted is made when it
 * is asked for; what is not, once and for the gate's rows alone. */
static mele_status predict_unseen(mele_i_run *run, mele_i_run *gated, mele_error *error)
{
    const mele_experts *experts = run->model->experts;
    mele_i_run *on = mele_i_experts_are_work(experts) ? gated : run;
    const mele_rows x = mele_i_run_expert_x(on);
    const mele_targets targets = {mele_i_run_targets(on), mele_i_run_classes(on)};

    if (!mele_i_experts_are_work(experts))
        return mele_i_left_out_own_unseen(experts, &x, &targets, &on->left_out.own, error);
    return mele_i_left_out_predict(experts, &x, on->engine, &on->left_out.all, error);
}

/* ---- what stage 2 handed on ---- */

static mele_status check_shape(const mele_i_run *run, mele_error *error)
{
    const mele_left_out *given = run->given;
    const mele_model *model = run->model;

    if (mele_left_out_clusters(given) == model->clusters
        && mele_left_out_outputs(given) == mele_model_outputs(model)
        && mele_left_out_classes(given) == mele_i_run_classes(run))
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA, "%s holds left-out predictions of %zu experts with %zu "
                       "outputs%s, and the model has %zu with %zu%s", mele_i_left_out_name(given),
                       mele_left_out_clusters(given), mele_left_out_outputs(given),
                       mele_left_out_classes(given) > 0 ? " (classes)" : "", model->clusters,
                       mele_model_outputs(model), mele_i_run_classes(run) > 0 ? " (classes)" : "");
}

/* Whether these rows are those; of rows that the experts have not seen it is said that they need
 * none. */
static mele_status check_rows(mele_i_run *run, mele_error *error)
{
    mele_i_seen seen;
    const mele_expert_data data = mele_i_run_expert_data(run);
    mele_status status = mele_left_out_check_rows(run->given, &data, run->data->group, run->engine, error);
    if (status == MELE_EDATA && mele_i_seen_find(run, &seen, NULL) == MELE_OK
        && seen.what == MELE_I_SEEN_NONE)
        return mele_i_fail(
            error, MELE_EDATA,
            "%s holds left-out predictions of other rows, and the "
            "experts have not seen these: what they predict of them is left out as it "
            "is, without --left-out",
            mele_i_left_out_name(run->given));
    return status;
}

/* A gate may stand on other posteriors than those that chose the experts' rows; seldom it should. */
static mele_status warn_of_posteriors(mele_i_run *run, mele_error *error)
{
    mele_i_seen seen = {.what = MELE_I_SEEN_UNKNOWN};
    mele_status status = run->posteriors == NULL ? MELE_OK : mele_i_seen_find(run, &seen, error);

    if (status == MELE_OK && seen.other_posteriors)
        mele_i_report_warn(run->report, "the experts were trained under other posteriors "
                           "(--posteriors) than these, on which the gate stands");
    return status;
}

/* A gate is trained on left-out predictions of its own rows and experts, or not at all. */
static mele_status take_left_out(mele_i_run *run, mele_error *error)
{
    mele_status status = check_shape(run, error);

    if (run->options->fresh)
        return mele_i_fail(error, MELE_EINVAL,
                           "--fresh says that the experts have not seen the rows, "
                           "--left-out that they have: give one of them");
    if (status == MELE_OK)
        status = mele_left_out_check_experts(run->given, run->model->experts, error);
    if (status == MELE_OK)
        status = check_rows(run, error);
    if (status == MELE_OK && !mele_i_data_is_one_group(run->data))
        status = mele_i_left_out_check_complete(run->given, error);
    if (status == MELE_OK)
        status = warn_of_posteriors(run, error);
    if (status == MELE_OK)
        run->left_out.all = mele_left_out_retain(run->given);
    return status;
}

/* Where left-out predictions come from; the model does not tell. */
static void say_where_from(const mele_i_run *run, const char *where)
{
    mele_i_report_set(run->report, "left_out_from", json_string(where));
}

/* Left-out predictions, and whether they are those of experts that have not seen the rows; gated: the
 * rows that are needed. */
static mele_status need_left_out(mele_i_run *run, mele_i_run *gated, bool *fresh, mele_error *error)
{
    const size_t rows = run->features.rows;
    mele_i_seen seen = {.what = MELE_I_SEEN_ALL};
    mele_status status;

    *fresh = run->predictions != NULL;
    if (*fresh) {
        say_where_from(run, "predictions");
        return mele_i_run_take_predictions(run, gated, error);
    }
    say_where_from(run, "stage 2");
    if (run->left_out.all != NULL || run->left_out.own != NULL)
        return MELE_OK;
    status = refuse_late_group(run, error);
    if (status == MELE_OK && run->given != NULL)
        return take_left_out(run, error);
    if (status == MELE_OK)
        status = mele_i_seen_find(run, &seen, error);
    *fresh = seen.what == MELE_I_SEEN_NONE
             || (seen.what != MELE_I_SEEN_ALL && run->options->fresh);
    if (status == MELE_OK && seen.what == MELE_I_SEEN_SOME && !*fresh)
        status = refuse_rows(&seen, rows, error);
    say_where_from(run, *fresh ? "unseen rows" : "training again");
    if (status == MELE_OK)
        status = *fresh ? predict_unseen(run, gated, error) : train_left_out(run, &seen, error);
    if (status == MELE_OK && seen.what == MELE_I_SEEN_ALL && run->options->fresh)
        mele_i_report_warn(run->report, "the experts were trained on these rows: --fresh does not "
                           "hold, and the gate is trained on left-out predictions");
    return status;
}

/* ---- the gate ---- */

/* Of rows that are of one group there are no left-out predictions to train a gate on: then it is
 * the one that training would have started from. */
static mele_gate_options options_of(const mele_i_run *run, const mele_i_run *gated, bool fresh,
                                    bool *blind)
{
    mele_gate_options options = gated->gate;

    options.seed = run->options->seed;
    *blind = !fresh && mele_i_data_is_one_group(run->data);
    mele_i_gate_is_untrained(&options, *blind, &options);
    if (strcmp(options.kind, run->gate.kind) != 0)
        mele_i_report_warn(run->report, "the gate stays the posteriors: all rows are of one group "
                           "(--group), so there are no left-out predictions to train it on");
    return options;
}

/* Whether a gate of these options is to stand on x alone: there is no stage 1 that would make log
 * posteriors of new rows. One that was chosen was compared with others that look at posteriors, but over
 * outside experts without any. */
static bool stands_alone(const mele_i_run *run, const mele_gate_options *options)
{
    if (run->predictions != NULL && run->posteriors == NULL)
        return true;
    return run->model->joint == NULL && mele_i_gate_does_without(options)
           && !mele_i_gate_is_auto(&run->options->gate);
}

/* *measures: of the left-out predictions under the gate. */
static mele_status measure(const mele_i_gate_source *source, const mele_gate *gate, json_t **measures,
                           mele_error *error)
{
    const mele_i_left_out_view view = mele_i_gate_source_view(source, gate);

    return mele_i_left_out_measures(source->run, &view, measures, error);
}

/* blind: there are no left-out predictions. */
static mele_status train_on(mele_i_gate_source *source, const mele_gate_options *options, bool blind,
                            mele_gate **out, mele_gate_info *info, mele_error *error)
{
    mele_i_run *run = source->run;
    mele_status status = mele_i_gate_source_need(source, options, error);
    mele_gate_data data = source->data;

    if (stands_alone(run, options))
        data.log_posteriors = (mele_rows){.data = NULL};
    if (blind)
        data.log_likelihoods = data.predictions = (mele_rows){.data = NULL};
    return status == MELE_OK ? mele_gate_fit(&data, options, run->engine, out, info, error) : status;
}

/* The global gate has nothing to train; it is measured as the one region that it makes of all. */
static mele_status make_global(mele_i_run *run, const mele_gate_options *options, bool blind,
                               mele_gate **out, mele_gate_info *info, json_t **measures,
                               mele_error *error)
{
    const mele_gate_data none = {.rows = run->features.rows, .clusters = run->model->clusters};
    mele_gate_options one = *options;
    mele_i_gate_source source;
    mele_gate *only = NULL;
    bool known;
    mele_status status = mele_gate_fit(&none, options, run->engine, out, info, error);

    if (status == MELE_OK)
        status = mele_i_gate_source_global(run, &known, &source, error);
    else
        return status;
    one.kind = "posterior";
    if (status == MELE_OK && known && !blind) {
        status = train_on(&source, &one, false, &only, info, error);
        if (status == MELE_OK && run->report != NULL)
            status = measure(&source, only, measures, error);
    }
    mele_gate_free(only);
    mele_i_gate_source_clear(&source);
    return status;
}

/* What a gate is measured by: all rows, of whom left-out predictions are held or soon made; of experts
 * that take long the gate's rows. */
static mele_status measure_all(mele_i_run *run, const mele_i_gate_source *trained_on,
                               const mele_gate *gate, json_t **measures, mele_error *error)
{
    const bool made = run->left_out.own != NULL && !mele_i_experts_are_work(run->model->experts);
    mele_i_gate_source all;

    if (trained_on->run == run || (run->left_out.all == NULL && !made))
        return measure(trained_on, gate, measures, error);
    mele_i_gate_source_make(run, &all);
    mele_status status = measure(&all, gate, measures, error);
    mele_i_gate_source_clear(&all);
    return status;
}

/* By folds of the gate alone, where nothing else has told what auto is. */
static mele_status rank_gates(mele_i_run *run, mele_i_run *gated, mele_error *error)
{
    mele_i_gate_source source, global;
    bool known = false;
    mele_status status = mele_i_gate_source_global(gated, &known, &global, error);

    mele_i_gate_source_make(gated, &source);
    if (status == MELE_OK)
        status = mele_i_run_rank_gates(run, &source, known ? &global : NULL, error);
    mele_i_gate_source_clear(&source);
    mele_i_gate_source_clear(&global);
    return status;
}

static mele_status train_gate(mele_i_run *run, mele_i_run *gated, bool fresh, mele_gate **out,
                              mele_gate_info *info, json_t **measures, mele_error *error)
{
    bool blind;
    mele_gate_options options = options_of(run, gated, fresh, &blind);
    mele_i_gate_source source;
    mele_status status = MELE_OK;

    if (mele_i_gate_is_auto(&options))
        status = rank_gates(run, gated, error);
    options.kind = mele_i_gate_is_auto(&options) ? run->gate.kind : options.kind;
    options.on = run->gate.on;
    if (status != MELE_OK)
        return status;
    if (mele_i_gate_asks_global(&options))
        return make_global(run, &options, blind, out, info, measures, error);
    mele_i_gate_source_make(gated, &source);
    status = train_on(&source, &options, blind, out, info, error);
    if (status == MELE_OK && !blind && run->report != NULL)
        status = measure_all(run, &source, *out, measures, error);
    mele_i_gate_source_clear(&source);
    return status;
}

/* The model's record of the gate; the report has with it how many rows it was trained on. */
static mele_status record_gate(mele_i_run *run, const mele_i_gate_rows_of *rows,
                               const mele_gate_info *info, bool fresh, mele_error *error)
{
    const size_t count = rows->sample.count;
    const char *kind = mele_gate_name(run->model->gate);
    json_t *kept = mele_i_gate_record(info, kind, fresh, count);
    if (!run->chosen_before && !mele_i_gate_put_choice(run, kept)) {
        json_decref(kept);
        kept = NULL;
    }
    mele_status status = mele_i_run_record(run, "gate", kept, error);
    json_t *told = run->report == NULL ? NULL : mele_i_gate_record(info, kind, fresh, 0);

    if (run->report != NULL && mele_i_gate_put_choice(run, told)
        && mele_i_json_put(told, "sampled", json_boolean(count > 0))
        && mele_i_json_put(told, "rows", json_integer((json_int_t)rows->run->features.rows)))
        mele_i_report_set(run->report, "gate", json_incref(told));
    json_decref(told);
    return status;
}

/* What comes of the stage: the gate is the model's. */
static mele_status finish(mele_i_run *run, const mele_i_gate_rows_of *rows, const mele_gate_info *info,
                          bool fresh, json_t *measures, mele_error *error)
{
    if (mele_gate_features(run->model->gate) == 0)
        mele_i_selection_clear(&run->model->gate_features);
    mele_i_run_start_report(run);
    if (measures != NULL)
        mele_i_report_set(run->report, "left_out", measures);
    if (!info->converged)
        mele_i_report_unconverged(run->report, "the gate did not converge in %zu iterations",
                                  info->iterations);
    return record_gate(run, rows, info, fresh, error);
}

/* Left-out predictions of the gate's rows, then the gate. */
static mele_status make_gate(mele_i_run *run, mele_i_gate_rows_of *rows, mele_error *error)
{
    const mele_gate_options largest = mele_i_run_largest_gate(run);
    const bool alone = stands_alone(run, &run->gate);
    mele_gate *gate = NULL;
    mele_gate_info info;
    bool fresh = false;
    json_t *measures = NULL;
    mele_status status = alone ? MELE_OK : mele_i_run_need_marginal(run, error);

    if (status == MELE_OK)
        status = mele_i_gate_rows_draw(run, &largest, !alone, rows, error);
    if (status == MELE_OK && !alone)
        status = mele_i_run_need_marginal(rows->run, error);
    if (status == MELE_OK)
        status = need_left_out(run, rows->run, &fresh, error);
    if (status == MELE_OK)
        status = mele_i_gate_rows_hand_on(rows, run, error);
    if (status == MELE_OK)
        status = train_gate(run, rows->run, fresh, &gate, &info, &measures, error);
    if (status == MELE_OK)
        status = mele_i_model_set_gate(run->model, gate, error);
    else
        mele_gate_free(gate);
    return status == MELE_OK ? finish(run, rows, &info, fresh, measures, error) : status;
}

/* Whether the model has all experts, of its own. */
static mele_status check_experts(const mele_model *model, mele_error *error)
{
    if (model->outside != NULL)
        return mele_i_fail(error, MELE_EINVAL, "the experts of the model are outside ones, so it gets no "
                           "other gate: one over their predictions is made without a model "
                           "(--predictions)");
    if (model->experts == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no experts (stage 2) to gate: "
                           "mele-experts adds them");
    return mele_i_model_need_experts(model, error);
}

mele_status mele_i_run_gate(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    mele_i_gate_rows_of rows = {.run = run};
    mele_status status = MELE_OK;

    if (run->predictions == NULL)
        status = check_experts(model, error);
    if (status != MELE_OK)
        return status;
    if (run->data->schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    status = mele_i_run_select_for_gate(run, error);
    if (status == MELE_OK)
        status = mele_i_run_choose_gate(run, error);
    const double start = mele_i_clock();
    if (status == MELE_OK)
        status = make_gate(run, &rows, error);
    mele_i_gate_rows_clear(&rows);
    if (status == MELE_OK)
        status = mele_i_run_record_options(run, error);
    mele_report_seconds(run->report, "gate", mele_i_clock() - start);
    return status;
}

/* Under another gate a global expert that no region needs has served its time. */
mele_status mele_i_run_shed(mele_i_run *run, mele_experts **old, mele_error *error)
{
    mele_model *model = run->model;
    mele_experts *needed = NULL;

    *old = NULL;
    if (mele_i_gate_is_global(model->gate) || !mele_i_experts_have_spare(model->experts))
        return MELE_OK;
    mele_status status = mele_i_experts_without_spare(model->experts, &needed, error);
    if (status == MELE_OK) {
        *old = model->experts;
        model->experts = needed;
    }
    return status;
}
