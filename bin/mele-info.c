/* What a model holds: a summary to read, everything as JSON, or a table as CSV. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"
#include "cli/text.h"

#define LABEL_WIDTH 14

typedef struct info_options {
    const char *table;
    bool json;
} info_options;

/* ---- the summary ---- */

/* Whatever a file calls its columns, a line stays a line. A few characters at a time. */
static void print_name(FILE *out, const char *name)
{
    char piece[33], shown[8 * sizeof piece];

    while (*name != '\0') {
        size_t length = strnlen(name, sizeof piece - 1);
        while (name[length] != '\0' && length > 1 && ((unsigned char)name[length] & 0xC0) == 0x80)
            length--;
        memcpy(piece, name, length);
        piece[length] = '\0';
        mele_name_print(piece, shown, sizeof shown);
        fputs(shown, out);
        name += length;
    }
}

static void print_stages(FILE *out, const mele_model *model)
{
    fprintf(out, "%-*s", LABEL_WIDTH, "stages");
    if (mele_model_has_partition(model))
        fprintf(out, "partition%s", mele_model_has_experts(model) ? ", " : "");
    if (mele_model_has_experts(model))
        fprintf(out, "experts%s", mele_model_has_gate(model) ? ", gate" : "");
    if (mele_model_needs_predictions(model))
        fprintf(out, "gate (of outside experts)");
    fprintf(out, "\n%-*s%zu\n", LABEL_WIDTH, "regions", mele_model_clusters(model));
}

static void print_names(FILE *out, const char *label, const mele_schema *schema, size_t count,
                        const char *(*name)(const mele_schema *schema, size_t i))
{
    if (count == 0)
        return;
    fprintf(out, "%-*s", LABEL_WIDTH, label);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ", ", out);
        print_name(out, name(schema, i));
    }
    fputc('\n', out);
}

static void print_levels(FILE *out, const mele_schema *schema, size_t feature)
{
    size_t levels = mele_schema_levels(schema, feature);

    if (levels == 0)
        return;
    fprintf(out, "%-*s", LABEL_WIDTH, "levels");
    print_name(out, mele_schema_feature(schema, feature));
    for (size_t l = 0; l < levels; l++) {
        fputs(l == 0 ? ": " : ", ", out);
        print_name(out, mele_schema_level(schema, feature, l));
    }
    fputc('\n', out);
}

static void print_schema(FILE *out, const mele_schema *schema)
{
    size_t features = mele_schema_features(schema);

    print_names(out, "target", schema, mele_schema_targets(schema), mele_schema_target);
    print_names(out, "classes", schema, mele_schema_classes(schema), mele_schema_class);
    print_names(out, "features", schema, features, mele_schema_feature);
    for (size_t j = 0; j < features; j++)
        print_levels(out, schema, j);
}

/* False: no memory. */
static bool print_experts(FILE *out, const mele_model *model)
{
    const bool has = mele_model_has_experts(model) || mele_model_needs_predictions(model);
    char text[1024];

    for (size_t k = 0; k < mele_model_clusters(model) && has; k++) {
        if (mele_model_expert_text(model, k, text, sizeof text) == 0)
            return false;
        fprintf(out, "%-*s%zu: ", LABEL_WIDTH, "expert", k + 1);
        print_name(out, text);
        fputc('\n', out);
    }
    return true;
}

static void print_gate(FILE *out, const mele_model *model)
{
    char text[256];

    if (mele_model_gate_text(model, text, sizeof text) > 0)
        fprintf(out, "%-*s%s\n", LABEL_WIDTH, "gate", text);
}

/* False: no memory. */
static bool print_tree(FILE *out, const mele_model *model)
{
    char *text = NULL;

    if (mele_model_tree_text(model, &text, NULL, NULL) != MELE_OK)
        return false;
    for (const char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        fprintf(out, "%-*s%.*s\n", LABEL_WIDTH, "tree", (int)(end - line), line);
    free(text);
    return true;
}

/* The map of a som: which regions are neighbours. */
static void print_map(FILE *out, const mele_model *model)
{
    char text[2048];

    for (size_t i = 0; mele_model_map_text(model, i, text, sizeof text) > 0; i++)
        fprintf(out, "%-*s%s\n", LABEL_WIDTH, i == 0 ? "map" : "", text);
}

static void print_family(FILE *out, const mele_model *model)
{
    if (!mele_model_has_experts(model) || !mele_model_has_gate(model))
        return;
    fprintf(out, "%-*s", LABEL_WIDTH, "family");
    print_name(out, mele_model_family(model));
    fprintf(out, ", %zu free parameters\n", mele_model_parameters(model));
}

/* What the number of regions was chosen from. */
static void print_choice(FILE *out, const mele_model *model)
{
    char text[256];

    for (size_t i = 0; mele_model_choice_text(model, i, text, sizeof text) > 0; i++)
        fprintf(out, "%-*s%s\n", LABEL_WIDTH, "tried", text);
}

/* The options that the model records. */
static void print_options(FILE *out, const mele_model *model)
{
    char text[1024];

    for (size_t i = 0; mele_model_option_text(model, i, text, sizeof text) > 0; i++) {
        fprintf(out, "%-*s", LABEL_WIDTH, "option");
        print_name(out, text);
        fputc('\n', out);
    }
}

/* ---- rows in each region ---- */

typedef struct region_counts {
    size_t clusters, *rows; /* rows[0]: without a region */
    bool header_seen;
    char number[24];        /* the line so far */
    size_t length;
} region_counts;

static void count_line(region_counts *counts)
{
    counts->number[counts->length] = '\0';
    counts->length = 0;
    if (counts->header_seen) {
        size_t region = strtoul(counts->number, NULL, 10); /* "NA" counts as 0 */
        counts->rows[region <= counts->clusters ? region : 0]++;
    }
    counts->header_seen = true;
}

/* A mele_write_fn that reads predictions of the item `cluster`. */
static bool count_regions(const char *text, size_t length, void *user)
{
    region_counts *counts = user;

    for (size_t i = 0; i < length; i++)
        if (text[i] == '\n')
            count_line(counts);
        else if (counts->length + 1 < sizeof counts->number)
            counts->number[counts->length++] = text[i];
    return true;
}

/* Neither regions nor weights are known without what comes with the rows. */
static int refuse_rows(cli_run *run, const mele_model *model)
{
    const char *with = mele_model_needs_predictions(model) ? "predictions" : "posteriors";

    return cli_wrong_usage(&run->console, "%s has no stage 1, and whose a row is depends on %s from elsewhere: "
                           "'mele-predict --items cluster --%s FILE' tells it", run->operand[0], with, with);
}

/* The rows of each region, or, without stage 1, of the expert with the most weight. */
static int print_regions(cli_run *run, FILE *out, const mele_model *model, const char *data)
{
    mele_predict_options options = mele_predict_defaults(model);
    mele_predict_summary summary;
    region_counts counts = {.clusters = mele_model_clusters(model)};

    const bool regions = mele_model_has_partition(model);
    cli_table_options(&run->options, &options.table);
    options.items = "cluster";
    options.write = count_regions;
    options.user = &counts;
    counts.rows = calloc(counts.clusters + 1, sizeof *counts.rows);
    if (counts.rows == NULL)
        return cli_no_memory(run);
    const mele_status status = mele_predict_file(model, data, &options, run->engine, &summary, &run->error);
    int exit_status = status == MELE_EINVAL && !regions ? refuse_rows(run, model) : cli_check(run, status, data);
    const char *what = regions ? "region" : "expert";
    for (size_t k = 1; k <= counts.clusters && exit_status == CLI_DONE; k++)
        fprintf(out, "%-*s%s %zu: %zu\n", LABEL_WIDTH, "rows", what, k, counts.rows[k]);
    if (counts.rows[0] > 0 && exit_status == CLI_DONE)
        fprintf(out, "%-*swithout %s %s: %zu\n", LABEL_WIDTH, "rows", regions ? "a" : "an", what, counts.rows[0]);
    free(counts.rows);
    return exit_status;
}

/* ---- the run ---- */

static int print_summary(cli_run *run, FILE *out, const mele_model *model)
{
    print_stages(out, model);
    print_family(out, model);
    print_map(out, model);
    print_choice(out, model);
    print_schema(out, mele_model_schema(model));
    if (!print_experts(out, model))
        return cli_no_memory(run);
    print_gate(out, model);
    if (!print_tree(out, model))
        return cli_no_memory(run);
    print_options(out, model);
    return run->operands > 1 ? print_regions(run, out, model, run->operand[1]) : CLI_DONE;
}

static int summarise(cli_run *run, const mele_model *model, char **data, size_t *length)
{
    cli_text text;

    if (!cli_text_open(&text))
        return cli_no_memory(run);
    int exit_status = print_summary(run, text.out, model);
    if (!cli_text_close(&text) && exit_status == CLI_DONE)
        exit_status = cli_no_memory(run);
    *data = text.data;
    *length = text.length;
    return exit_status;
}

/* A table of coefficients of which there are none is a header alone. */
static void warn_of_no_rows(cli_run *run, const info_options *own, const char *text, size_t length)
{
    const char *end = own->table == NULL || strcmp(own->table, "coefficients") != 0
                          ? NULL : memchr(text, '\n', length);

    if (end != NULL && end + 1 == text + length && !run->quiet)
        cli_say(&run->console, "warning: no expert of this model has coefficients: linear and "
                "logistic ones have, unless they are shrunk towards the global one");
}

static int check_use(cli_run *run, const info_options *own)
{
    const char *input[] = {run->operand[0], run->operands > 1 ? run->operand[1] : NULL};

    if (own->json && own->table != NULL)
        return cli_wrong_usage(&run->console, "--json and --table exclude each other");
    if (run->operands > 1 && (own->json || own->table != NULL))
        return cli_wrong_usage(&run->console, "DATA belongs to the summary, not to --json or "
                               "--table");
    int exit_status = cli_check_inputs(run, input, 2);
    for (size_t i = 0; i < 2 && exit_status == CLI_DONE; i++)
        if (input[i] != NULL)
            exit_status = cli_check_overwriting(run, input[i], false);
    return exit_status;
}

static int work(cli_run *run, const void *options)
{
    const info_options *own = options;
    mele_model *model = NULL;
    char *text = NULL;
    size_t length = 0;
    int exit_status = check_use(run, own);

    if (exit_status == CLI_DONE)
        exit_status = cli_read_model(run, run->operand[0], &model);
    if (exit_status == CLI_DONE && own->json)
        exit_status = cli_check(run, mele_model_info(model, &text, &length, &run->error),
                                run->operand[0]);
    else if (exit_status == CLI_DONE && own->table != NULL)
        exit_status = cli_check(run, mele_model_table(model, own->table, &text, &length,
                                                      &run->error), run->operand[0]);
    else if (exit_status == CLI_DONE)
        exit_status = summarise(run, model, &text, &length);
    if (exit_status == CLI_DONE)
        exit_status = cli_write_text(run, run->output, text, length);
    if (exit_status == CLI_DONE)
        warn_of_no_rows(run, own, text, length);
    free(text);
    mele_model_free(model);
    return exit_status;
}

int main(int argc, char **argv)
{
    static const char *const from_table[] = {"na", "delimiter", "decimal", "no-header", NULL};
    info_options own = {NULL, false};
    const cli_option options[] = {
        {.name = "json", .flag = &own.json, .help = "print everything as one JSON object"},
        {.name = "table", .argument = "TABLE", .text = &own.table,
         .help = "print a table as CSV: coefficients, centres, covariances, tree"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-info", .own = &own, .work = work, .follows = true,
                           .usage = {.operands = "MODEL [DATA]", .least = 1, .most = 2,
                                     .own = options, .from_table = from_table}};

    return cli_main_run(&what, argc, argv);
}
