/* Stage 3: the gate. */
#include "cli/stage.h"

typedef struct gate_options {
    const char *posteriors;
    bool fresh;
} gate_options;

static mele_status fit(cli_run *run, cli_stage *stage)
{
    return mele_fit_gate(stage->data, stage->posteriors, &run->options, run->engine, run->report,
                         stage->model, &run->error);
}

static int work(cli_run *run, const void *options)
{
    const gate_options *own = options;

    run->options.fresh = own->fresh;
    return cli_stage_work(run, run->operands > 1 ? run->operand[1] : "-", own->posteriors, fit);
}

int main(int argc, char **argv)
{
    gate_options own = {NULL, false};
    const cli_option options[] = {
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "for a model without stage 1: post_1.. or logpost_1.. or one column of labels, a "
                 "row per row of DATA"},
        {.name = "fresh", .flag = &own.fresh,
         .help = "these are rows that the experts have not seen, also where they look as if some "
                 "were theirs"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-gate", .own = &own, .fits = true,
                           .follows = true, .progress = true, .work = work,
                           .usage = {.operands = "DATA [MODEL]", .least = 1, .most = 2, .runs = MELE_OPTION_GATE,
                                     .own = options}};

    return cli_main_run(&what, argc, argv);
}
