/* A comparison as JSON: all that the other writers tell, and every outcome. */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "fit/report.h"
#include "study/standing.h"

typedef struct writer {
    const mele_comparison *comparison;
    bool times;
    mele_i_standing *standing; /* of a set */
    size_t *order;
    double *pooled;
} writer;

static bool put_real(json_t *object, const char *key, double value)
{
    return mele_i_json_put(object, key, mele_i_report_real(value));
}

static bool put_size(json_t *object, const char *key, size_t value)
{
    return mele_i_json_put(object, key, json_integer((json_int_t)value));
}

/* Append to a list, taking the value; false when either is NULL. */
static bool append(json_t *list, json_t *value)
{
    return json_array_append_new(list, value) == 0;
}

static json_t *measures_object(const mele_i_compared_set *set, const double *values)
{
    json_t *object = json_object();

    for (size_t m = 0; m < set->measures; m++)
        if (!put_real(object, set->measure[m], values[m])) {
            json_decref(object);
            return NULL;
        }
    return object;
}

/* ---- outcomes ---- */

static bool put_done(const writer *w, json_t *object, const mele_i_compared_set *set, const mele_i_outcome *o)
{
    bool good = put_real(object, "loss", mele_i_set_loss(set, o->measure))
                && mele_i_json_put(object, "measures", measures_object(set, o->measure));

    if (w->times)
        good = good && put_real(object, "seconds_fit", o->seconds_fit)
                && put_real(object, "seconds_predict", o->seconds_predict);
    if (o->clusters == 0)
        return good;
    return good && put_size(object, "clusters", o->clusters) && put_size(object, "dead", o->dead)
           && put_real(object, "parameters", o->parameters) && put_real(object, "gate_entropy", o->gate_entropy)
           && put_real(object, "error_correlation", o->error_correlation);
}

static json_t *fold_name(const mele_i_compared_set *set, size_t fold)
{
    return set->fold_name == NULL ? json_integer((json_int_t)fold + 1) : json_string(set->fold_name[fold]);
}

static json_t *outcome_object(const writer *w, const mele_i_compared_set *set, const mele_i_outcome *o, size_t split,
                              size_t seed)
{
    json_t *object = json_object();
    bool good = put_size(object, "repeat", split / set->folds + 1)
                && mele_i_json_put(object, "fold", fold_name(set, split % set->folds))
                && put_size(object, "seed", seed + 1);

    if (o->state == MELE_I_OUTCOME_FAILED)
        good = good && mele_i_json_put(object, "failed", json_string(o->message));
    else if (o->state == MELE_I_OUTCOME_DONE)
        good = good && put_done(w, object, set, o);
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *outcomes_list(const writer *w, size_t set, size_t contender)
{
    const mele_i_compared_set *s = &w->comparison->set[set];
    json_t *list = json_array();
    bool good = list != NULL;

    for (size_t split = 0; split < s->splits && good; split++)
        for (size_t seed = 0; seed < w->comparison->seeds && good; seed++) {
            const mele_i_outcome *o = mele_i_comparison_outcome(w->comparison, set, contender, split, seed);
            good = append(list, outcome_object(w, s, o, split, seed));
        }
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* ---- a contender on a set ---- */

static json_t *estimate_object(mele_estimate e)
{
    json_t *object = json_object();

    if (put_real(object, "value", e.value) && put_real(object, "lower", e.lower) && put_real(object, "upper", e.upper))
        return object;
    json_decref(object);
    return NULL;
}

static bool put_figure(const writer *w, json_t *object, size_t set, size_t contender)
{
    const mele_i_standing *s = &w->standing[contender];
    const mele_compared *r = &s->result;
    size_t skipped;
    bool good = mele_i_comparison_pool(w->comparison, set, contender, w->pooled, &skipped, NULL) == MELE_OK
                && (put_real(object, "loss", r->loss) && put_real(object, "sd", r->sd)
                    && put_real(object, "spread", r->spread) && put_real(object, "rank", s->rank)
                    && mele_i_json_put(object, "behind", estimate_object(s->difference)) && put_real(object, "p", s->p)
                    && mele_i_json_put(object, "pooled", measures_object(&w->comparison->set[set], w->pooled))
                    && put_size(object, "skipped", skipped));

    if (w->times)
        good = good && put_real(object, "seconds_fit", r->seconds_fit)
                && put_real(object, "seconds_predict", r->seconds_predict);
    return good && put_real(object, "clusters", r->clusters) && put_real(object, "parameters", r->parameters)
           && put_real(object, "dead", r->dead) && put_real(object, "gate_entropy", r->gate_entropy)
           && put_real(object, "error_correlation", r->error_correlation);
}

static json_t *contender_object(const writer *w, size_t set, size_t contender)
{
    const mele_i_contender *who = &w->comparison->contender[contender];
    const mele_i_entry *entry = &w->comparison->set[set].entry[contender];
    char reason[2 * MELE_MESSAGE_SIZE];
    json_t *object = json_object();
    bool good = mele_i_json_put(object, "contender", json_string(who->name));

    if (w->standing[contender].result.has)
        good = good && put_figure(w, object, set, contender);
    else if (mele_i_comparison_reason(w->comparison, set, contender, reason, sizeof reason) > 0)
        good = good && mele_i_json_put(object, entry->refusal != NULL ? "refused" : "failed", json_string(reason));
    if (entry->refusal == NULL)
        good = good && mele_i_json_put(object, "outcomes", outcomes_list(w, set, contender));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- a set ---- */

static bool put_set(json_t *object, const mele_i_compared_set *s)
{
    bool good = mele_i_json_put(object, "set", json_string(s->name));

    if (s->target != NULL)
        good = good && mele_i_json_put(object, "target", json_string(s->target));
    return good && put_size(object, "rows", s->rows) && put_size(object, "features", s->features)
           && put_size(object, "targets", s->targets) && put_size(object, "classes", s->classes)
           && put_size(object, "folds", s->folds) && put_size(object, "repeats", s->repeats)
           && put_real(object, "train_share", s->train_share) && put_real(object, "test_share", s->test_share)
           && mele_i_json_put(object, "loss", json_string(s->loss_name));
}

static json_t *set_object(writer *w, size_t set, mele_status *status, mele_error *error)
{
    const mele_comparison *c = w->comparison;
    json_t *object = json_object(), *list = json_array();
    size_t with;
    bool good = put_set(object, &c->set[set]) && list != NULL;

    w->pooled = MELE_I_ARRAY(double, c->set[set].measures);
    good = good && w->pooled != NULL;
    *status = mele_i_standings(c, set, w->standing, w->order, &with, error);
    for (size_t k = 0; k < c->contenders && good && *status == MELE_OK; k++)
        good = append(list, contender_object(w, set, k));
    good = mele_i_json_put(object, "contenders", list) && good;
    free(w->pooled);
    if (good && *status == MELE_OK)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *sets_list(writer *w, mele_status *status, mele_error *error)
{
    json_t *list = json_array();
    bool good = list != NULL;

    w->standing = MELE_I_ARRAY(mele_i_standing, w->comparison->contenders);
    w->order = MELE_I_ARRAY(size_t, w->comparison->contenders);
    good = good && w->standing != NULL && w->order != NULL;
    for (size_t s = 0; s < w->comparison->sets && good; s++)
        good = append(list, set_object(w, s, status, error));
    free(w->standing);
    free(w->order);
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* ---- over sets ---- */

static json_t *ranks_list(const mele_comparison *c, const mele_i_overall *o)
{
    json_t *list = json_array();
    bool good = list != NULL;

    for (size_t i = 0; i < o->contenders && good; i++) {
        json_t *object = json_object();
        const bool put = mele_i_json_put(object, "contender", json_string(c->contender[o->contender[i]].name))
                         && put_real(object, "mean_rank", o->mean_rank[i]) && put_size(object, "best_on", o->wins[i]);
        good = append(list, object) && put;
    }
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *overall_object(const mele_comparison *c, mele_status *status, mele_error *error)
{
    mele_i_overall o;
    json_t *object = json_object();
    bool good = object != NULL;

    *status = mele_i_overall_of(c, &o, error);
    if (*status == MELE_OK)
        good = put_size(object, "sets", o.sets) && mele_i_json_put(object, "ranks", ranks_list(c, &o));
    if (*status == MELE_OK && o.contenders >= 2)
        good = good && put_real(object, "friedman_chi_square", o.friedman.chi_square)
                && put_real(object, "friedman_p", o.friedman.p) && put_real(object, "iman_davenport_f", o.friedman.f)
                && put_real(object, "iman_davenport_p", o.friedman.f_p)
                && put_real(object, "nemenyi_difference", o.critical);
    mele_i_overall_clear(&o);
    if (good && *status == MELE_OK)
        return object;
    json_decref(object);
    return NULL;
}

mele_status mele_comparison_json(const mele_comparison *comparison, bool times, char **out, size_t *length,
                                 mele_error *error)
{
    writer w = {.comparison = comparison, .times = times};
    mele_status status = MELE_OK;
    json_t *root;
    bool good;

    if (!mele_i_comparison_is_run(comparison))
        return mele_i_fail(error, MELE_EINVAL, "nothing was compared");
    root = json_object();
    good = mele_i_json_put(root, "program", json_string("mele-compare"))
           && mele_i_json_put(root, "version", json_string(PACKAGE_VERSION))
           && put_size(root, "seed", (size_t)comparison->seed) && put_size(root, "seeds", comparison->seeds);
    good = good && mele_i_json_put(root, "sets", sets_list(&w, &status, error));
    good = good && mele_i_json_put(root, "overall", overall_object(comparison, &status, error));
    if (!good && status == MELE_OK)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = mele_i_json_text(root, out, length, error);
    json_decref(root);
    return status;
}
