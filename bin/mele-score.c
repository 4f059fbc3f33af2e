/* Error measures of a model on data with targets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"
#include "cli/text.h"

typedef struct score_options {
    const char *posteriors, *predictions;
    bool json;
} score_options;

/* A JSON string; the bytes of a name are UTF-8 or pass as they are. */
static void print_json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < ' ' || *at == 0x7F)
            fprintf(out, "\\u%04x", *at);
        else if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0) /* control characters, too */
            fprintf(out, "\\u%04x", *++at);
        else
            fputc(*at, out);
    fputc('"', out);
}

static void print_json(FILE *out, const mele_measures *measures, bool classes)
{
    char number[MELE_NUMBER_ROOM];

    fputc('{', out);
    for (size_t i = 0; i < measures->count; i++) {
        mele_number_print(measures->values[i], number);
        print_json_string(out, measures->names[i]);
        fprintf(out, ": %s, ", isfinite(measures->values[i]) ? number : "null");
    }
    fprintf(out, "\"rows\": %zu, \"left_out\": %zu", measures->rows, measures->skipped);
    if (classes)
        fprintf(out, ", \"unknown_class\": %zu", measures->unknown);
    fputs("}\n", out);
}

static mele_status print_csv(FILE *out, const mele_measures *measures, mele_error *error)
{
    mele_text *text = NULL;
    mele_status status = mele_text_new(',', &text, error);

    if (status != MELE_OK)
        return status;
    fputs("measure,value\n", out);
    for (size_t i = 0; i < measures->count; i++) {
        mele_text_name(text, measures->names[i]);
        mele_text_number(text, measures->values[i]);
        mele_text_newline(text);
    }
    status = mele_text_status(text, error);
    fwrite(mele_text_data(text), 1, mele_text_length(text), out);
    mele_text_free(text);
    return status;
}

static int print_measures(cli_run *run, const mele_measures *measures, bool json, bool classes)
{
    mele_status status = MELE_OK;
    cli_text text;

    if (!cli_text_open(&text))
        return cli_no_memory(run);
    if (json)
        print_json(text.out, measures, classes);
    else
        status = print_csv(text.out, measures, &run->error);
    const bool whole = cli_text_close(&text);
    int exit_status = cli_check(run, status, NULL);
    if (exit_status == CLI_DONE && !whole)
        exit_status = cli_no_memory(run);
    if (exit_status == CLI_DONE)
        exit_status = cli_write_text(run, run->output, text.data, text.length);
    free(text.data);
    return exit_status;
}

/* Which rows the measures are of. */
static void say_rows(cli_run *run, const char *data, const mele_measures *measures)
{
    const char *name = cli_input_name(data);

    if (measures->skipped > 0 && !run->quiet)
        cli_say(&run->console, "%s: %zu of %zu rows are left out: they have no prediction or no "
                "target", name, measures->skipped, measures->rows + measures->skipped);
    if (measures->unknown > 0 && !run->quiet)
        cli_say(&run->console, "%s: %zu of %zu rows are of a class that the model does not know, "
                "and count as wrong", name, measures->unknown, measures->rows);
    if (run->verbose)
        cli_say(&run->console, "%s: %zu rows", name, measures->rows);
}

static int score(cli_run *run, const mele_model *model, const cli_company *company,
                 const void *options)
{
    const score_options *own = options;
    mele_score_options chosen = mele_score_defaults(model);
    const char *data = run->operand[1];
    const bool classes = mele_schema_classes(mele_model_schema(model)) > 0;
    mele_metrics *metrics = NULL;

    cli_table_options(&run->options, &chosen.table);
    chosen.weights = run->options.data.weights;
    chosen.posteriors = company->posteriors;
    chosen.predictions = company->predictions;
    int exit_status = cli_check(run, mele_score_file(model, data, &chosen, run->engine, &metrics,
                                                     &run->error), data);
    if (exit_status != CLI_DONE)
        return exit_status;
    mele_measures measures = mele_metrics_result(metrics);
    if (measures.rows == 0) {
        cli_say(&run->console, "%s: no row has a prediction and a target ('mele-predict --items "
                "reason' tells why there is no prediction)", cli_input_name(data));
        exit_status = CLI_FAILED;
    } else {
        say_rows(run, data, &measures);
        exit_status = print_measures(run, &measures, own->json, classes);
    }
    mele_metrics_free(metrics);
    return exit_status;
}

static int work(cli_run *run, const void *options)
{
    const score_options *own = options;

    const cli_company_paths paths = {own->posteriors, own->predictions};

    return cli_use_model(run, &paths, score, own);
}

int main(int argc, char **argv)
{
    static const char *const from_table[] = {"weights", "na", "delimiter", "decimal", "no-header", NULL};
    score_options own = {NULL, NULL, false};
    const cli_option options[] = {
        {.name = "json", .flag = &own.json, .help = "print one JSON object instead of CSV"},
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "in place of stage 1: post_1.. or logpost_1.. or one column of labels, a row per "
                 "row of DATA"},
        {.name = "predictions", .argument = "FILE", .text = &own.predictions,
         .help = "for a model of 'mele-gate --predictions': expert_1_TARGET.. and expert_1_sd_TARGET.., "
                 "or expert_1_prob_LEVEL.., a row per row of DATA"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-score", .own = &own, .work = work, .follows = true,
                           .usage = {.operands = "MODEL DATA", .least = 2, .most = 2,
                                     .own = options, .from_table = from_table}};

    return cli_main_run(&what, argc, argv);
}
