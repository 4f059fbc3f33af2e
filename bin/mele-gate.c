/* Stage 3: the gate. */
#include "cli/stage.h"

typedef struct gate_options {
    const char *posteriors, *left_out;
} gate_options;

static mele_status fit(cli_run *run, cli_stage *stage)
{
    const mele_handover handover = {.posteriors = stage->posteriors, .left_out = stage->left_out};

    return mele_fit_gate(stage->data, &handover, &run->options, run->engine, run->report,
                         stage->model, &run->error);
}

static int work(cli_run *run, const void *options)
{
    const gate_options *own = options;

    const cli_inputs from = {.model = run->operands > 1 ? run->operand[1] : "-",
                             .posteriors = own->posteriors, .left_out = own->left_out};

    if (run->options.fresh && own->left_out != NULL)
        return cli_wrong_usage(&run->console, "--fresh and --left-out exclude each other");
    return cli_stage_work(run, &from, fit);
}

int main(int argc, char **argv)
{
    gate_options own = {NULL, NULL};
    const cli_option options[] = {
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "for a model without stage 1: post_1.. or logpost_1.. or one column of labels, a "
                 "row per row of DATA"},
        {.name = "left-out", .argument = "FILE", .text = &own.left_out,
         .help = "what mele-experts --left-out wrote for these rows and experts: no expert is then "
                 "trained again"},
        {.name = "fresh", .library = true},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-gate", .own = &own, .fits = true,
                           .follows = true, .progress = true, .work = work,
                           .usage = {.operands = "DATA [MODEL]", .least = 1, .most = 2, .runs = MELE_OPTION_GATE,
                                     .own = options}};

    return cli_main_run(&what, argc, argv);
}
