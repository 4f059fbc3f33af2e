/* Predictions of a file, one row for each of its rows. */
#include "cli/run.h"

typedef struct predict_options {
    const char *items, *posteriors, *predictions;
    bool append;
} predict_options;

/* What the model expects of a file, unless the command line says otherwise. */
static mele_predict_options options_for(const cli_run *run, const mele_model *model,
                                        const predict_options *own)
{
    mele_predict_options options = mele_predict_defaults(model);

    cli_table_options(&run->options, &options.table);
    options.items = own->items;
    options.append = own->append;
    options.id = run->options.data.id;
    return options;
}

static int predict(cli_run *run, const mele_model *model, const cli_company *company,
                   const void *own)
{
    mele_predict_options options = options_for(run, model, own);
    mele_predict_summary summary = {0, 0};
    const char *data = run->operand[1];
    cli_outfile out;

    options.posteriors = company->posteriors;
    options.predictions = company->predictions;
    options.write = cli_outfile_write;
    options.user = &out;
    if (!cli_outfile_open(&out, run->output))
        return cli_close(run, &out, CLI_DONE);
    mele_status status = mele_predict_file(model, data, &options, run->engine, &summary,
                                           &run->error);
    int exit_status = status == MELE_ESTOPPED ? CLI_DONE : cli_check(run, status, data);
    exit_status = cli_close(run, &out, exit_status);
    if (exit_status == CLI_DONE && run->verbose)
        cli_say(&run->console, "%s: %zu rows", cli_input_name(data), summary.rows);
    if (exit_status == CLI_DONE && summary.without > 0 && !run->quiet)
        cli_say(&run->console, "%s: %zu of %zu rows have no prediction (--items reason tells why)",
                cli_input_name(data), summary.without, summary.rows);
    return exit_status;
}

static int work(cli_run *run, const void *options)
{
    const predict_options *own = options;

    const cli_company_paths paths = {own->posteriors, own->predictions};

    return cli_use_model(run, &paths, predict, own);
}

int main(int argc, char **argv)
{
    static const char *const from_table[] = {"id", "na", "delimiter", "decimal", "no-header", NULL};
    predict_options own = {NULL, NULL, NULL, false};
    const cli_option options[] = {
        {.name = "items", .argument = "LIST", .text = &own.items,
         .help = "what to predict, items as below (default: mean, for classes class, for a model "
                 "without a gate experts, with stage 1 only cluster)"},
        {.name = "append", .flag = &own.append, .help = "put the input's columns first"},
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "in place of stage 1: post_1.. or logpost_1.. or one column of labels, a row per "
                 "row of DATA"},
        {.name = "predictions", .argument = "FILE", .text = &own.predictions,
         .help = "for a model of 'mele-gate --predictions': expert_1_TARGET.. and expert_1_sd_TARGET.., "
                 "or expert_1_prob_LEVEL.., a row per row of DATA"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-predict", .own = &own, .work = work,
                           .follows = true, .progress = true,
                           .usage = {.operands = "MODEL DATA", .least = 2, .most = 2,
                                     .own = options, .from_table = from_table,
                                     .item = mele_predict_item}};

    return cli_main_run(&what, argc, argv);
}
