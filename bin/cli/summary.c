#include "cli/summary.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ROOM 1536

/* A line that grows; what does not fit is cut. */
typedef struct line {
    char text[ROOM];
    size_t length;
} line;

static void add(line *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(line *out, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(out->text + out->length, ROOM - out->length, format, arguments);
    va_end(arguments);
    out->length += length < 0 ? 0 : (size_t)length;
    out->length = out->length < ROOM ? out->length : ROOM - 1;
}

static void add_count(line *out, const char *before, size_t count, const char *what)
{
    add(out, "%s%zu %s%s", before, count, what, count == 1 ? "" : "s");
}

/* "regression of a, b", or what there is without a target. */
static void add_task(line *out, const mele_schema *schema)
{
    const size_t targets = mele_schema_targets(schema), classes = mele_schema_classes(schema);

    if (targets == 0)
        add(out, "no target");
    else if (classes > 0)
        add(out, "classification of %s (%zu class%s)", mele_schema_target(schema, 0), classes,
            classes == 1 ? "" : "es");
    else
        add(out, "regression of ");
    for (size_t t = 0; t < targets && classes == 0; t++)
        add(out, "%s%s", t == 0 ? "" : ", ", mele_schema_target(schema, t));
}

static void add_rows(line *out, const cli_stage *stage)
{
    size_t dropped;

    if (stage->data == NULL)
        return;
    dropped = mele_data_dropped(stage->data);
    add_count(out, ": ", mele_data_rows(stage->data), "row");
    if (dropped > 0)
        add(out, " (%zu more dropped)", dropped);
}

/* A family without stage 1 has no regions, but experts. */
static void add_regions(line *out, const cli_run *run, const cli_stage *stage)
{
    const mele_partition_options *partition = &run->options.partition;
    double objective;

    add_count(out, ", ", mele_model_clusters(stage->model),
              mele_model_has_partition(stage->model) ? "region" : "expert");
    if (!mele_report_number(run->report, "partition.objective", &objective))
        return;
    add(out, " (%s", partition->method);
    if (strcmp(partition->method, "gmm") == 0)
        add(out, ", %s", partition->covariance);
    add(out, ")");
}

/* How many of the experts that were trained have the kind that expert k has, and none before it. */
static size_t count_kind(const cli_run *run, const mele_model *model, size_t k, const char *kind)
{
    size_t count = 0;

    for (size_t other = 0; other < mele_model_clusters(model); other++) {
        char path[48];
        snprintf(path, sizeof path, "experts.%zu.kind", other);
        const char *text = mele_report_string(run->report, path);
        if (text == NULL || strcmp(text, kind) != 0)
            continue;
        if (other < k)
            return 0;
        count++;
    }
    return count;
}

/* ", linear experts", or ", 3 linear and 2 gp experts". */
static void add_experts(line *out, const cli_run *run, const mele_model *model)
{
    const size_t clusters = mele_model_clusters(model);
    size_t kinds = 0, all = 0;

    for (size_t k = 0; k < clusters; k++) {
        char path[48];
        snprintf(path, sizeof path, "experts.%zu.kind", k);
        const char *kind = mele_report_string(run->report, path);
        const size_t count = kind == NULL ? 0 : count_kind(run, model, k, kind);
        if (count == 0)
            continue;
        add(out, "%s", kinds == 0 ? ", " : " and ");
        if (count < clusters)
            add(out, "%zu ", count);
        add(out, "%s", kind);
        kinds++;
        all += count;
    }
    if (kinds > 0)
        add(out, " expert%s", all == 1 ? "" : "s");
}

static void add_gate(line *out, const cli_run *run)
{
    const char *kind = mele_report_string(run->report, "gate.kind");
    double steps;

    if (kind != NULL)
        add(out, ", %s gate", kind);
    if (mele_report_number(run->report, "refine.steps", &steps) && steps > 0)
        add_count(out, ", refined in ", (size_t)steps, "step");
}

/* ---- errors that the fit has anyway ---- */

/* What is left out at a time. */
static const char *unit_of(const cli_run *run)
{
    return run->options.data.group == NULL ? "row" : "group";
}

/* The mixture, its experts not having seen the rows. */
static bool add_mixture_errors(line *out, const cli_run *run)
{
    static const char *const measures[] = {"rmse", "r2", "accuracy", "nll", "log_loss"};
    double value;
    size_t count = 0;

    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        char path[32];
        snprintf(path, sizeof path, "left_out.%s", measures[i]);
        if (!mele_report_number(run->report, path, &value))
            continue;
        if (count++ == 0 && mele_report_number(run->report, "gate.fresh", &value))
            add(out, "; on these rows, which the experts have not seen:");
        else if (count == 1 && mele_report_number(run->report, "refine.steps", &value) && value > 0)
            add(out, "; with %ss left out, and refined without them:", unit_of(run));
        else if (count == 1)
            add(out, "; with each %s left out of its experts:", unit_of(run));
        mele_report_number(run->report, path, &value);
        add(out, "%s %s %.4g", count == 1 ? "" : ",", measures[i], value);
    }
    return count > 0;
}

/* The experts alone, each in its region: the mean over the rows of those that were trained. */
static bool add_expert_errors(line *out, const cli_run *run, const mele_model *model)
{
    const bool classes = mele_schema_classes(mele_model_schema(model)) > 0;
    double sum = 0, weight = 0;

    for (size_t k = 0; k < mele_model_clusters(model); k++) {
        char path[48];
        double rows, error;
        snprintf(path, sizeof path, "experts.%zu.rows", k);
        if (!mele_report_number(run->report, path, &rows))
            continue;
        snprintf(path, sizeof path, "experts.%zu.left_out_error", k);
        if (!mele_report_number(run->report, path, &error))
            continue;
        sum += rows * error;
        weight += rows;
    }
    if (!(weight > 0))
        return false;
    add(out, "; %s, with each %s left out: ",
        mele_model_has_partition(model) ? "in their regions" : "each for itself", unit_of(run));
    add(out, classes ? "log loss %.4g" : "squared error %.4g of the target's variance", sum / weight);
    return true;
}

/* What K was chosen by. */
static void add_choice(line *out, const cli_run *run, const mele_model *model)
{
    const bool classes = mele_schema_classes(mele_model_schema(model)) > 0;
    const char *criterion = mele_report_string(run->report, "partition.criterion");
    double chosen, value;
    char path[64];

    for (size_t i = 0; criterion != NULL; i++) {
        snprintf(path, sizeof path, "partition.candidates.%zu.criterion", i);
        if (!mele_report_number(run->report, path, &value))
            return;
        snprintf(path, sizeof path, "partition.candidates.%zu.chosen", i);
        if (!mele_report_number(run->report, path, &chosen))
            continue;
        if (strcmp(criterion, "cv") != 0)
            add(out, "; chosen by %s: %.6g", criterion, value);
        else
            add(out, classes ? "; chosen by cross-validation: log loss %.4g"
                             : "; chosen by cross-validation: squared error %.4g of the target's "
                               "variance", value);
        return;
    }
}

/* Of parts that are trained together nothing is left out by the way. */
static void add_way_to_errors(line *out, const cli_run *run)
{
    const char *family = mele_report_string(run->report, "family.name");

    if (family != NULL && strcmp(family, mele_family(0)) != 0)
        add(out, "; --cv N measures its errors");
}

void cli_summary(cli_run *run, const cli_stage *stage)
{
    line out = {.length = 0};

    add_task(&out, mele_model_schema(stage->model));
    add_rows(&out, stage);
    add_regions(&out, run, stage);
    add_experts(&out, run, stage->model);
    add_gate(&out, run);
    if (!add_mixture_errors(&out, run) && !add_expert_errors(&out, run, stage->model)) {
        add_choice(&out, run, stage->model);
        add_way_to_errors(&out, run);
    }
    cli_say(&run->console, "%s", out.text);
}
