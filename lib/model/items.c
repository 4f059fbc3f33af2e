#include "model/items.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/predict.h>

#include "core/error.h"
#include "core/largest.h"
#include "core/memory.h"
#include "core/quote.h"
#include "core/suggest.h"
#include "data/strings.h"
#include "data/text.h"
#include "model/predict.h"
#include "model/predictions.h"

/* What of a prediction an item reads. */
typedef enum need {
    MEAN = 1,
    PROBABILITY = 2,
    SD = 4,
    POSTERIORS = 8,
    GATE = 16,
    EXPERTS = 32,
    EXPERT_SD = 64,
    DENSITIES = 128,
    SD_PARTS = 256,
    REGION = 512 /* posteriors, or the gate's weights in their place */
} need;

/* Which models have the item. */
typedef enum scope { ANY, REGRESSION, CLASSES } scope;

struct mele_i_item {
    const char *name, *help;
    unsigned needs;
    scope scope;
    void (*header)(const mele_model *model, mele_text *text);
    void (*row)(const mele_model *model, const mele_prediction *p, size_t i, mele_text *text);
};

/* Line ends and tabs are CSV's to quote. */
static void add_name(mele_text *text, const char *before, const char *name)
{
    mele_i_text_name(text, before, name, "\n\r\t");
}

static void add_target_names(const mele_model *model, const char *before, mele_text *text)
{
    for (size_t t = 0; t < model->schema->targets; t++)
        add_name(text, before, model->schema->target[t].name);
}

static void add_numbered_names(const mele_model *model, const char *before, mele_text *text)
{
    char number[32];

    for (size_t k = 0; k < model->clusters; k++) {
        snprintf(number, sizeof number, "%zu", k + 1);
        add_name(text, before, number);
    }
}

static size_t targets(const mele_model *model)
{
    return model->schema->targets;
}

static void add_numbers(mele_text *text, const double *values, size_t count)
{
    for (size_t j = 0; j < count; j++)
        mele_text_number(text, values[j]);
}

static void add_exponentials(mele_text *text, const double *values, size_t count)
{
    for (size_t j = 0; j < count; j++)
        mele_text_number(text, exp(values[j]));
}

/* ---- mean and class ---- */

static void mean_header(const mele_model *model, mele_text *text)
{
    add_target_names(model, "pred_", text);
}

static void mean_row(const mele_model *model, const mele_prediction *p, size_t i, mele_text *text)
{
    add_numbers(text, p->mean + i * targets(model), targets(model));
}

static void class_row(const mele_model *model, const mele_prediction *p, size_t i, mele_text *text)
{
    if (isnan(p->mean[i]))
        mele_text_number(text, NAN);
    else
        add_name(text, "", mele_schema_class(model->schema, (size_t)p->mean[i]));
}

static void proba_header(const mele_model *model, mele_text *text)
{
    for (size_t c = 0; c < mele_schema_classes(model->schema); c++)
        add_name(text, "prob_", mele_schema_class(model->schema, c));
}

static void proba_row(const mele_model *model, const mele_prediction *p, size_t i, mele_text *text)
{
    size_t classes = mele_schema_classes(model->schema);

    add_numbers(text, p->probability + i * classes, classes);
}

/* ---- standard deviations ---- */

static void sd_header(const mele_model *model, mele_text *text)
{
    add_target_names(model, "sd_", text);
}

static void sd_row(const mele_model *model, const mele_prediction *p, size_t i, mele_text *text)
{
    add_numbers(text, p->sd + i * targets(model), targets(model));
}

static void sd_parts_header(const mele_model *model, mele_text *text)
{
    for (size_t t = 0; t < targets(model); t++) {
        add_name(text, "sd_within_", model->schema->target[t].name);
        add_name(text, "sd_between_", model->schema->target[t].name);
    }
}

static void sd_parts_row(const mele_model *model, const mele_prediction *p, size_t i,
                         mele_text *text)
{
    for (size_t t = 0; t < targets(model); t++) {
        mele_text_number(text, p->sd_within[i * targets(model) + t]);
        mele_text_number(text, p->sd_between[i * targets(model) + t]);
    }
}

/* ---- regions ---- */

static void cluster_header(const mele_model *model, mele_text *text)
{
    (void)model;
    add_name(text, "cluster", "");
}

static void cluster_row(const mele_model *model, const mele_prediction *p, size_t i,
                        mele_text *text)
{
    const double *all = p->log_posteriors != NULL ? p->log_posteriors : p->log_gate;
    const double *row = all + i * model->clusters;

    mele_text_number(text, isnan(row[0]) ? NAN
                                         : (double)(mele_i_largest(row, model->clusters) + 1));
}

static void posteriors_header(const mele_model *model, mele_text *text)
{
    add_numbered_names(model, "post_", text);
}

static void posteriors_row(const mele_model *model, const mele_prediction *p, size_t i,
                           mele_text *text)
{
    add_exponentials(text, p->log_posteriors + i * model->clusters, model->clusters);
}

static void logposteriors_header(const mele_model *model, mele_text *text)
{
    add_numbered_names(model, "logpost_", text);
}

static void logposteriors_row(const mele_model *model, const mele_prediction *p, size_t i,
                              mele_text *text)
{
    add_numbers(text, p->log_posteriors + i * model->clusters, model->clusters);
}

static void logdensities_header(const mele_model *model, mele_text *text)
{
    add_numbered_names(model, "logdens_", text);
}

static void logdensities_row(const mele_model *model, const mele_prediction *p, size_t i,
                             mele_text *text)
{
    add_numbers(text, p->log_densities + i * model->clusters, model->clusters);
}

static void gate_header(const mele_model *model, mele_text *text)
{
    add_numbered_names(model, "gate_", text);
}

static void gate_row(const mele_model *model, const mele_prediction *p, size_t i, mele_text *text)
{
    add_exponentials(text, p->log_gate + i * model->clusters, model->clusters);
}

/* ---- experts, the expert varying slowest ---- */

static void add_expert_name(const mele_model *model, bool sd, size_t k, size_t o, mele_text *text)
{
    const bool classes = mele_schema_classes(model->schema) > 0;
    char before[MELE_I_EXPERT_PREFIX_ROOM];

    mele_i_expert_prefix(classes, sd, k, before);
    add_name(text, before, classes ? mele_schema_class(model->schema, o)
                                   : model->schema->target[o].name);
}

static void add_expert_names(const mele_model *model, bool sd, mele_text *text)
{
    for (size_t k = 0; k < model->clusters; k++)
        for (size_t o = 0; o < mele_model_outputs(model); o++)
            add_expert_name(model, sd, k, o, text);
}

static void experts_header(const mele_model *model, mele_text *text)
{
    add_expert_names(model, false, text);
}

static void experts_row(const mele_model *model, const mele_prediction *p, size_t i,
                        mele_text *text)
{
    size_t count = model->clusters * mele_model_outputs(model);

    add_numbers(text, p->expert_mean + i * count, count);
}

static void experts_sd_header(const mele_model *model, mele_text *text)
{
    add_expert_names(model, true, text);
}

static void experts_sd_row(const mele_model *model, const mele_prediction *p, size_t i,
                           mele_text *text)
{
    size_t count = model->clusters * mele_model_outputs(model);

    add_numbers(text, p->expert_sd + i * count, count);
}

/* ---- why not ---- */

static void reason_header(const mele_model *model, mele_text *text)
{
    (void)model;
    add_name(text, "reason", "");
}

/* For what came with the rows: the column of a prediction of an outside expert, or the posteriors. */
static void add_company_reason(const mele_model *model, const char *what, size_t at, mele_text *text)
{
    const size_t outputs = mele_model_outputs(model), count = model->clusters * outputs;
    const size_t k = at % count / outputs, o = at % outputs;
    const bool classes = mele_schema_classes(model->schema) > 0;
    char prefix[MELE_I_EXPERT_PREFIX_ROOM], before[sizeof prefix + 16];

    if (at == 2 * count) {
        add_name(text, what, "posteriors");
        return;
    }
    mele_i_expert_prefix(classes, at >= count, k, prefix);
    snprintf(before, sizeof before, "%s%s", what, prefix);
    add_name(text, before, classes ? mele_schema_class(model->schema, o)
                                   : model->schema->target[o].name);
}

static void reason_row(const mele_model *model, const mele_prediction *p, size_t i,
                       mele_text *text)
{
    static const char *const before[] = {"", "missing:", "level:", "range:"};
    const mele_reason reason = p->reason[i];
    const size_t features = model->schema->features;

    if (reason.kind != MELE_REASON_NONE && reason.feature >= features)
        add_company_reason(model, before[reason.kind], reason.feature - features, text);
    else
        add_name(text, before[reason.kind], reason.kind == MELE_REASON_NONE
                                                ? ""
                                                : model->schema->feature[reason.feature].name);
}

static const mele_i_item table[] = {
    {"mean", "the predicted mean of each target", MEAN, REGRESSION, mean_header, mean_row},
    {"class", "the likeliest class", MEAN, CLASSES, mean_header, class_row},
    {"proba", "the probability of each class", PROBABILITY, CLASSES, proba_header, proba_row},
    {"sd", "the standard deviation of each target", SD, REGRESSION, sd_header, sd_row},
    {"sd-parts", "its parts within and between the experts", SD_PARTS, REGRESSION,
     sd_parts_header, sd_parts_row},
    {"cluster", "the region with the largest posterior, 1..K; without stage 1 the expert with the most weight",
     REGION, ANY, cluster_header, cluster_row},
    {"posteriors", "the posterior of each region", POSTERIORS, ANY, posteriors_header,
     posteriors_row},
    {"logposteriors", "their logarithms", POSTERIORS, ANY, logposteriors_header,
     logposteriors_row},
    {"logdensities", "the log density of the row in each region, in the units clustered in",
     DENSITIES, ANY, logdensities_header, logdensities_row},
    {"gate", "the weight of each expert", GATE, ANY, gate_header, gate_row},
    {"experts", "what each expert predicts", EXPERTS, ANY, experts_header, experts_row},
    {"experts-sd", "each expert's standard deviation", EXPERT_SD, REGRESSION,
     experts_sd_header, experts_sd_row},
    {"reason", "why a row has no prediction: missing:COL, level:COL, range:COL", 0, ANY,
     reason_header, reason_row},
};

#define ITEMS (sizeof table / sizeof *table)
_Static_assert(ITEMS <= sizeof((mele_i_items *)0)->item / sizeof(mele_i_item *),
               "a list has room for every item");

const char *mele_predict_item(size_t i, const char **help)
{
    if (i >= ITEMS)
        return NULL;
    if (help != NULL)
        *help = table[i].help;
    return table[i].name;
}

static const mele_i_item *item_named(const char *name, size_t length)
{
    for (size_t i = 0; i < ITEMS; i++)
        if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
}

static const char *item_at(size_t i, const void *user)
{
    (void)user;
    return mele_predict_item(i, NULL);
}

static mele_status check_scope(const mele_model *model, const mele_i_item *item, mele_error *error)
{
    bool classes = mele_schema_classes(model->schema) > 0;
    bool known = model->schema->targets > 0;

    if (item->scope == REGRESSION && known && classes)
        return mele_i_fail(error, MELE_EINVAL, "item \"%s\" is for regression, and the model "
                           "predicts classes", item->name);
    if (item->scope == CLASSES && known && !classes)
        return mele_i_fail(error, MELE_EINVAL, "item \"%s\" is for classification, and the model "
                           "predicts numbers", item->name);
    return MELE_OK;
}

/* The items that a model without stage 3 has. */
static const char *without_gate(const mele_model *model, char *out, size_t size)
{
    const bool classes = mele_schema_classes(model->schema) > 0;
    size_t length = 0;

    for (size_t i = 0; i < ITEMS && length < size; i++) {
        const mele_i_item *item = &table[i];
        if ((item->needs & (MEAN | PROBABILITY | SD | SD_PARTS | GATE))
            || ((item->needs & DENSITIES) && model->joint == NULL)
            || (item->scope == REGRESSION && classes))
            continue;
        length += (size_t)snprintf(out + length, size - length, "%s%s", length > 0 ? ", " : "",
                                   item->name);
    }
    return out;
}

static mele_status check_stages(const mele_model *model, const mele_i_item *item,
                                mele_error *error)
{
    const unsigned blended = MEAN | PROBABILITY | SD | SD_PARTS;
    char list[256];

    if ((item->needs & (blended | EXPERTS | EXPERT_SD)) && model->experts == NULL
        && model->outside == NULL)
        return mele_i_fail(error, MELE_EINVAL, "item \"%s\" needs experts, and the model has "
                           "only stage 1", item->name);
    if ((item->needs & (blended | GATE)) && model->gate == NULL)
        return mele_i_fail(error, MELE_EINVAL, "item \"%s\" needs a gate, and the model has no "
                           "stage 3: it gives %s", item->name,
                           without_gate(model, list, sizeof list));
    if (item->needs & (EXPERTS | EXPERT_SD)) {
        mele_status status = mele_i_model_need_experts(model, error);
        if (status != MELE_OK)
            return status;
    }
    if ((item->needs & DENSITIES) && model->joint == NULL)
        return mele_i_fail(error, MELE_EINVAL, "item \"%s\" needs a partition, and the model has "
                           "no stage 1", item->name);
    return check_scope(model, item, error);
}

static const char *default_list(const mele_model *model)
{
    if (model->gate != NULL)
        return mele_schema_classes(model->schema) > 0 ? "class" : "mean";
    return model->experts != NULL ? "experts" : "cluster";
}

mele_status mele_i_items_parse(const mele_model *model, const char *list, mele_i_items *out,
                               mele_error *error)
{
    mele_i_items items = {.count = 0};

    for (const char *at = list == NULL ? default_list(model) : list; at != NULL;) {
        size_t length = strcspn(at, ",");
        const mele_i_item *item = item_named(at, length);
        if (item == NULL)
            return mele_i_fail(error, MELE_EINVAL, "there is no item \"%.*s\"%s", (int)length, at,
                               mele_i_suggest(at, length, item_at, NULL).text);
        mele_status status = check_stages(model, item, error);
        if (status != MELE_OK)
            return status;
        for (size_t i = 0; i < items.count; i++)
            if (items.item[i] == item)
                return mele_i_fail(error, MELE_EINVAL, "item \"%s\" is named twice", item->name);
        items.item[items.count++] = item;
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    *out = items;
    return MELE_OK;
}

void mele_i_items_free_room(mele_prediction *p)
{
    free(p->mean);
    free(p->probability);
    free(p->sd);
    free(p->sd_within);
    free(p->sd_between);
    free(p->log_posteriors);
    free(p->log_densities);
    free(p->log_gate);
    free(p->expert_mean);
    free(p->expert_sd);
    free(p->reason);
    memset(p, 0, sizeof *p);
}

static bool room(double **out, bool wanted, size_t rows, size_t width)
{
    if (wanted)
        *out = MELE_I_ARRAY(double, rows * width);
    return !wanted || *out != NULL;
}

mele_status mele_i_items_room(const mele_i_items *items, const mele_model *model, bool given,
                              size_t rows, mele_prediction *out, mele_error *error)
{
    size_t m = targets(model), outputs = mele_model_outputs(model), k = model->clusters;
    mele_prediction p = {.reason = MELE_I_ARRAY(mele_reason, rows)};
    unsigned needs = 0;

    for (size_t i = 0; i < items->count; i++)
        needs |= items->item[i]->needs;
    if (needs & REGION)
        needs |= mele_i_model_regions_by_gate(model, given) ? GATE : POSTERIORS;
    if (needs == 0 && model->gate != NULL)
        needs = MEAN; /* the reason alone is asked for, why there would be none */
    if (p.reason == NULL || !room(&p.mean, needs & MEAN, rows, m)
        || !room(&p.probability, needs & PROBABILITY, rows, outputs)
        || !room(&p.sd, needs & SD, rows, m) || !room(&p.sd_within, needs & SD_PARTS, rows, m)
        || !room(&p.sd_between, needs & SD_PARTS, rows, m)
        || !room(&p.log_posteriors, needs & POSTERIORS, rows, k)
        || !room(&p.log_densities, needs & DENSITIES, rows, k)
        || !room(&p.log_gate, needs & GATE, rows, k)
        || !room(&p.expert_mean, needs & EXPERTS, rows, k * outputs)
        || !room(&p.expert_sd, needs & EXPERT_SD, rows, k * outputs)) {
        mele_i_items_free_room(&p);
        return mele_i_no_memory(error);
    }
    *out = p;
    return MELE_OK;
}

void mele_i_items_header(const mele_i_items *items, const mele_model *model, mele_text *text)
{
    for (size_t i = 0; i < items->count; i++)
        items->item[i]->header(model, text);
}

void mele_i_items_row(const mele_i_items *items, const mele_model *model,
                      const mele_prediction *prediction, size_t i, mele_text *text)
{
    for (size_t j = 0; j < items->count; j++)
        items->item[j]->row(model, prediction, i, text);
}

/* ---- headers ---- */

/* Where the cell that begins at `at` ends: at a comma or a line end outside quotes. */
static size_t cell_length(const char *at)
{
    bool quoted = false;
    size_t length = 0;

    for (; quoted || (at[length] != ',' && at[length] != '\n'); length++)
        quoted ^= at[length] == '"';
    return length;
}

mele_status mele_i_items_check_header(const mele_text *header, size_t before, const char *why,
                                      mele_error *error)
{
    const char *at = mele_text_data(header), *end = at + mele_text_length(header);
    mele_i_levels seen = {.exact = true};
    mele_status status = MELE_OK;

    for (size_t j = 0, index, length; at < end && status == MELE_OK; j++, at += length + 1) {
        length = cell_length(at);
        if (!mele_i_levels_index(&seen, at, length, &index))
            status = mele_i_no_memory(error);
        else if (index < j && index < before)
            status = mele_i_fail(error, MELE_EDATA, "%s: there is a column %s already, which the "
                                 "predictions would have too", why, mele_i_quote(at, length).text);
        else if (index < j)
            status = mele_i_fail(error, MELE_EDATA, "two columns of the predictions would be called "
                                 "%s", mele_i_quote(at, length).text);
    }
    mele_i_levels_free(&seen);
    return status;
}
