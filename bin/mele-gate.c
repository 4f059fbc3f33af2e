/* Stage 3: the gate, of a model's experts or of outside ones. */
#include "cli/stage.h"

typedef struct gate_options {
    const char *posteriors, *predictions, *left_out;
} gate_options;

static mele_status fit(cli_run *run, cli_stage *stage)
{
    const mele_handover handover = {.posteriors = stage->posteriors, .left_out = stage->left_out};

    return mele_fit_gate(stage->data, &handover, &run->options, run->engine, run->report,
                         stage->model, &run->error);
}

/* ---- outside experts ---- */

static int gate_outside(cli_run *run, const gate_options *own)
{
    const cli_inputs from = {.posteriors = own->posteriors, .predictions = own->predictions};

    if (run->operands > 1)
        return cli_wrong_usage(&run->console, "--predictions is in place of a MODEL with stages 1 and "
                               "2: give DATA alone");
    if (own->left_out != NULL)
        return cli_wrong_usage(&run->console, "--predictions are taken as left-out ones: they go "
                               "without --left-out");
    int exit_status = cli_stage_check_outside(run);
    return exit_status == CLI_DONE ? cli_stage_work(run, &from, cli_stage_fit_outside) : exit_status;
}

static int work(cli_run *run, const void *options)
{
    const gate_options *own = options;

    const cli_inputs from = {.model = run->operands > 1 ? run->operand[1] : "-",
                             .posteriors = own->posteriors, .left_out = own->left_out};

    if (own->predictions != NULL)
        return gate_outside(run, own);
    if (run->options.fresh && own->left_out != NULL)
        return cli_wrong_usage(&run->console, "--fresh and --left-out exclude each other");
    return cli_stage_work(run, &from, fit);
}

int main(int argc, char **argv)
{
    gate_options own = {NULL, NULL, NULL};
    const cli_option options[] = {
        {.name = "predictions", .argument = "FILE", .text = &own.predictions,
         .help = "a gate over anybody's experts, without MODEL: expert_1_TARGET.., or "
                 "expert_1_prob_LEVEL.., of rows that they have not seen, and perhaps "
                 "expert_1_sd_TARGET.., a row per row of DATA"},
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "for a model without stage 1, or with --predictions: post_1.. or logpost_1.. or one "
                 "column of labels, a row per row of DATA"},
        {.name = "left-out", .argument = "FILE", .text = &own.left_out,
         .help = "what mele-experts --left-out wrote for these rows and experts: no expert is then "
                 "trained again"},
        {.name = "fresh", .library = true},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-gate", .own = &own, .fits = true,
                           .follows = true, .progress = true, .work = work,
                           .usage = {.operands = "DATA [MODEL]", .least = 1, .most = 2, .runs = MELE_OPTION_GATE,
                                     .otherwise = "[OPTION]... [--posteriors FILE] --predictions FILE DATA",
                                     .own = options}};

    return cli_main_run(&what, argc, argv);
}
