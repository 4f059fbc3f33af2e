/* Stage 1: the regions. */
#include "cli/stage.h"

static mele_status fit(cli_run *run, cli_stage *stage)
{
    return mele_fit_partition(stage->data, &run->options, run->engine, run->report, &stage->model,
                              &run->error);
}

static int work(cli_run *run, const void *own)
{
    const cli_inputs none = {NULL};

    (void)own;
    return cli_stage_work(run, &none, fit);
}

int main(int argc, char **argv)
{
    const cli_main what = {.program = "mele-partition",
                           .usage = {.operands = "DATA", .least = 1, .most = 1,
                                     .runs = MELE_OPTION_PARTITION},
                           .fits = true, .progress = true, .work = work};

    return cli_main_run(&what, argc, argv);
}
