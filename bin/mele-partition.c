/* Stage 1: the regions. */
#include "cli/stage.h"

static int work(cli_run *run, const void *own)
{
    cli_stage stage;
    int exit_status = cli_stage_read(run, NULL, NULL, &stage);

    (void)own;
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_fit_partition(stage.data, &run->options, run->engine,
                                                        run->report, &stage.model, &run->error),
                                stage.data_path);
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_finish(run, &stage);
    cli_stage_clear(&stage);
    return exit_status;
}

int main(int argc, char **argv)
{
    const cli_main what = {.program = "mele-partition",
                           .usage = {.operands = "DATA", .least = 1, .most = 1},
                           .fits = true, .progress = true, .work = work};

    return cli_main_run(&what, argc, argv);
}
