/* Stage 2: an expert for each region. */
#include "cli/stage.h"

typedef struct experts_options {
    const char *posteriors;
} experts_options;

/* Posteriors without a model stand for one whose stage 1 happened elsewhere. */
static const char *model_path(const cli_run *run, const experts_options *own)
{
    if (run->operands > 1)
        return run->operand[1];
    return own->posteriors == NULL ? "-" : NULL;
}

static int work(cli_run *run, const void *options)
{
    const experts_options *own = options;
    cli_stage stage;
    int exit_status = cli_stage_read(run, model_path(run, own), own->posteriors, &stage);

    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_fit_experts(stage.data, stage.posteriors, &run->options,
                                                      run->engine, run->report, stage.model,
                                                      &run->error), stage.data_path);
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_finish(run, &stage);
    cli_stage_clear(&stage);
    return exit_status;
}

int main(int argc, char **argv)
{
    experts_options own = {NULL};
    const cli_option options[] = {
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "post_1.. or logpost_1.. or one column of labels, a row per row of DATA; without "
                 "MODEL in place of stage 1"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-experts", .own = &own, .fits = true,
                           .progress = true, .work = work,
                           .usage = {.operands = "DATA [MODEL]", .least = 1, .most = 2,
                                     .own = options}};

    return cli_main_run(&what, argc, argv);
}
