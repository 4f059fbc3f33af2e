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

static mele_status fit(cli_run *run, cli_stage *stage)
{
    return mele_fit_experts(stage->data, stage->posteriors, &run->options, run->engine, run->report,
                            stage->model, &run->error);
}

static int work(cli_run *run, const void *options)
{
    const experts_options *own = options;

    return cli_stage_work(run, model_path(run, own), own->posteriors, fit);
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
