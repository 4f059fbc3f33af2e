/* Stage 2: an expert for each region; or experts that were trained apart, joined. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/stage.h"

typedef struct experts_options {
    const char *posteriors, *left_out;
    bool merge;
} experts_options;

/* ---- training ---- */

/* Posteriors without a model stand for one whose stage 1 happened elsewhere. */
static const char *model_path(const cli_run *run, const experts_options *own)
{
    if (run->operands > 1)
        return run->operand[1];
    return own->posteriors == NULL ? "-" : NULL;
}

static mele_status fit(cli_run *run, cli_stage *stage)
{
    const mele_handover handover = {.posteriors = stage->posteriors,
                                    .left_out_to = cli_stage_left_out(run, stage)};

    return mele_fit_experts(stage->data, &handover, &run->options, run->engine, run->report,
                            stage->model, &run->error);
}

static int train(cli_run *run, const experts_options *own)
{
    const cli_inputs from = {.model = model_path(run, own), .posteriors = own->posteriors};

    if (run->operands > 2)
        return cli_wrong_usage(&run->console, "one operand too many: %s", run->operand[2]);
    if (run->options.experts.only > 0 && run->options.experts.freeze > 0)
        return cli_wrong_usage(&run->console, "--only and --freeze exclude each other");
    if (own->left_out != NULL
        && (run->options.experts.only > 0 || run->options.experts.freeze > 0))
        return cli_wrong_usage(&run->console, "--left-out is of experts that are all trained in one "
                               "run: it goes without --only and --freeze (mele-gate without "
                               "--left-out trains them again)");
    run->left_out_file = own->left_out;
    return cli_stage_work(run, &from, fit);
}

/* ---- merging ---- */

/* Read the operands; options that were given must agree with what the first records. */
static int read_parts(cli_run *run, mele_model **parts)
{
    int exit_status = CLI_DONE;

    for (size_t i = 0; i < run->operands && exit_status == CLI_DONE; i++)
        exit_status = cli_check(run, mele_model_read(run->operand[i], &parts[i], &run->error),
                                run->operand[i]);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_options_inherit(parts[0], &run->options, &run->error),
                                run->operand[0]);
    return exit_status;
}

static int merge_parts(cli_run *run, mele_model **parts)
{
    cli_stage stage = {NULL};
    const mele_model *const *models = (const mele_model *const *)parts;
    int exit_status = cli_stage_check_outputs(run);

    if (exit_status == CLI_DONE)
        exit_status = read_parts(run, parts);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_model_merge(models, run->operands, run->report,
                                                      &stage.model, &run->error), NULL);
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_finish(run, &stage);
    cli_stage_clear(&stage);
    return exit_status;
}

static int merge(cli_run *run, const experts_options *own)
{
    mele_model **parts;
    int exit_status;

    if (run->options.experts.only > 0 || run->options.experts.freeze > 0 || run->options.warm_start
        || own->posteriors != NULL || own->left_out != NULL)
        return cli_wrong_usage(&run->console, "--merge trains nothing: it goes without --only, "
                               "--freeze, --warm-start, --left-out and --posteriors");
    exit_status = cli_check_inputs(run, (const char *const *)run->operand, run->operands);
    for (size_t i = 0; i < run->operands && exit_status == CLI_DONE; i++)
        exit_status = cli_check_overwriting(run, run->operand[i], true);
    if (exit_status != CLI_DONE)
        return exit_status;
    parts = calloc(run->operands, sizeof *parts);
    if (parts == NULL) {
        cli_say(&run->console, "out of memory");
        return CLI_FAILED;
    }
    exit_status = merge_parts(run, parts);
    for (size_t i = 0; i < run->operands; i++)
        mele_model_free(parts[i]);
    free(parts);
    return exit_status;
}

static int work(cli_run *run, const void *options)
{
    const experts_options *own = options;

    if (run->operands == 0)
        return cli_wrong_usage(&run->console, "an operand is missing: %s",
                               own->merge ? "MODEL..." : "DATA [MODEL]");
    return own->merge ? merge(run, own) : train(run, own);
}

int main(int argc, char **argv)
{
    experts_options own = {NULL};
    const cli_option options[] = {
        {.name = "only", .library = true},
        {.name = "freeze", .library = true},
        {.name = "warm-start", .library = true},
        {.name = "merge", .flag = &own.merge,
         .help = "join MODELs whose experts were trained with --only; no DATA"},
        {.name = "left-out", .argument = "FILE", .text = &own.left_out,
         .help = "write what the experts predict of rows that are left out to FILE, for mele-gate, "
                 "which then trains none again; FILE is complete before the model is written"},
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "post_1.. or logpost_1.. or one column of labels, a row per row of DATA; without "
                 "MODEL in place of stage 1"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-experts", .own = &own, .fits = true,
                           .follows = true, .progress = true, .work = work,
                           .usage = {.operands = "DATA [MODEL]", .least = 0, .most = SIZE_MAX, .runs = MELE_OPTION_EXPERTS,
                                     .otherwise = "--merge [OPTION]... MODEL...", .own = options}};

    return cli_main_run(&what, argc, argv);
}
