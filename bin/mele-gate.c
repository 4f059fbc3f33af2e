/* Stage 3: the gate. */
#include "cli/stage.h"

typedef struct gate_options {
    const char *posteriors;
} gate_options;

static int work(cli_run *run, const void *options)
{
    const gate_options *own = options;
    const char *model_path = run->operands > 1 ? run->operand[1] : "-";
    cli_stage stage;
    int exit_status = cli_stage_read(run, model_path, own->posteriors, &stage);

    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_fit_gate(stage.data, stage.posteriors, &run->options,
                                                   run->engine, run->report, stage.model,
                                                   &run->error), stage.data_path);
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_finish(run, &stage);
    cli_stage_clear(&stage);
    return exit_status;
}

int main(int argc, char **argv)
{
    gate_options own = {NULL};
    const cli_option options[] = {
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "for a model without stage 1: post_1.. or logpost_1.. or one column of labels, a "
                 "row per row of DATA"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-gate", .own = &own, .fits = true,
                           .progress = true, .work = work,
                           .usage = {.operands = "DATA [MODEL]", .least = 1, .most = 2,
                                     .own = options}};

    return cli_main_run(&what, argc, argv);
}
