/* The three stages in one run. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/stage.h"

typedef struct fit_options {
    size_t folds; /* 0: no cross-validation */
    const char *posteriors, *left_out;
} fit_options;

/* ---- the summary for people ---- */

static void print_errors(const cli_run *run, const char *title, const char *key,
                         const char *const *measures)
{
    fprintf(stderr, "  %-24s", title);
    for (; *measures != NULL; measures++) {
        char path[64];
        double value;
        snprintf(path, sizeof path, "cv.%s.%s", key, *measures);
        if (mele_report_number(run->report, path, &value))
            fprintf(stderr, " %10.5g", value);
        else
            fprintf(stderr, " %10s", "NA");
    }
    fputc('\n', stderr);
}

/* The mixture's name: where K was chosen in each fold, with the least and the largest. */
static void name_mixture(const cli_run *run, size_t clusters, char *out, size_t size)
{
    double least = INFINITY, most = 0, value;
    char path[32];

    for (size_t i = 0; snprintf(path, sizeof path, "cv.clusters.%zu", i) > 0
                       && mele_report_number(run->report, path, &value); i++) {
        least = fmin(least, value);
        most = fmax(most, value);
    }
    const size_t count = most > 0 ? (size_t)most : clusters;
    if (least < most)
        snprintf(out, size, "mixture of %.0f-%.0f experts", least, most);
    else
        snprintf(out, size, "mixture of %zu expert%s", count, count == 1 ? "" : "s");
}

/* What cross-validation found: the model's errors above those of one expert for everything. */
static void summarise(cli_run *run, const cli_stage *stage, size_t folds)
{
    static const char *const regression[] = {"mae", "rmse", "r2", "nll", NULL};
    static const char *const classification[] = {"accuracy", "log_loss", "brier", NULL};
    bool classes = mele_schema_classes(mele_model_schema(stage->model)) > 0;
    const char *const *measures = classes ? classification : regression;
    char title[64];

    cli_say(&run->console, "%zu rows, %zu-fold cross-validation", mele_data_rows(stage->data),
            folds);
    fprintf(stderr, "  %-24s", "");
    for (const char *const *name = measures; *name != NULL; name++)
        fprintf(stderr, " %10s", *name);
    fputc('\n', stderr);
    name_mixture(run, mele_model_clusters(stage->model), title, sizeof title);
    print_errors(run, title, "model", measures);
    print_errors(run, "one global expert", "global", measures);
}

/* ---- the run ---- */

static int check_use(cli_run *run, const fit_options *own)
{
    if (own->folds > 0 && own->posteriors != NULL)
        return cli_wrong_usage(&run->console, "--cv fits stage 1 again in every fold, which "
                               "--posteriors replaces");
    return CLI_DONE;
}

/* By stages, where something comes from outside or goes there. */
static mele_status fit(cli_run *run, cli_stage *stage)
{
    const mele_handover hand_on = {.posteriors = stage->posteriors, .left_out_to = &stage->left_out};
    mele_status status = MELE_OK;

    if (stage->posteriors == NULL && run->left_out_file == NULL)
        return mele_fit(stage->data, &run->options, run->engine, run->report, &stage->model,
                        &run->error);
    if (stage->model == NULL)
        status = mele_fit_partition(stage->data, &run->options, run->engine, run->report,
                                    &stage->model, &run->error);
    if (status == MELE_OK)
        status = mele_fit_experts(stage->data, &hand_on, &run->options, run->engine, run->report,
                                  stage->model, &run->error);
    const mele_handover handed = {.posteriors = stage->posteriors, .left_out = stage->left_out};
    if (status == MELE_OK)
        status = mele_fit_gate(stage->data, &handed, &run->options, run->engine, run->report,
                               stage->model, &run->error);
    return status;
}

static int cross_validate(cli_run *run, const cli_stage *stage, size_t folds)
{
    int exit_status;

    if (folds == 0)
        return CLI_DONE;
    exit_status = cli_check(run, mele_cross_validate(stage->data, &run->options, folds, run->engine,
                                                     run->report, &run->error), stage->data_path);
    if (exit_status == CLI_DONE && !run->quiet)
        summarise(run, stage, folds);
    return exit_status;
}

static int work(cli_run *run, const void *options)
{
    const fit_options *own = options;
    cli_stage stage = {NULL};
    const cli_inputs from = {.posteriors = own->posteriors};
    int exit_status = check_use(run, own);

    run->left_out_file = own->left_out;
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_read(run, &from, &stage);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, fit(run, &stage), stage.data_path);
    if (exit_status == CLI_DONE)
        exit_status = cross_validate(run, &stage, own->folds);
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_finish(run, &stage);
    cli_stage_clear(&stage);
    return exit_status;
}

int main(int argc, char **argv)
{
    fit_options own = {0, NULL, NULL};
    const cli_option options[] = {
        {.name = "cv", .argument = "N", .whole = &own.folds, .least = 2, .most = 1000000000,
         .help = "N-fold cross-validated errors of the model, and of one global expert on the same "
                 "folds, to standard error and to the report"},
        {.name = "left-out", .argument = "FILE", .text = &own.left_out,
         .help = "write what the experts predict of rows that are left out to FILE, as mele-experts "
                 "does"},
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "in place of stage 1: post_1.. or logpost_1.. or one column of labels, a row per "
                 "row of DATA"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-fit", .own = &own, .fits = true,
                           .progress = true, .work = work,
                           .usage = {.operands = "DATA", .least = 1, .most = 1, .own = options}};

    return cli_main_run(&what, argc, argv);
}
