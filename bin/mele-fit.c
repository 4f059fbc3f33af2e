/* The three stages in one run. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/stage.h"

typedef struct fit_options {
    size_t folds, repeats; /* 0: not given */
    bool blocks;
    const char *cv_output, *posteriors, *predictions, *left_out; /* NULL: not given */
} fit_options;

static bool cross_validates(const cli_run *run, const fit_options *own)
{
    return own->folds > 0 || run->options.data.folds != NULL;
}

static mele_cv_options cv_options(const fit_options *own, const cli_stage *stage)
{
    mele_cv_options cv = mele_cv_defaults();

    cv.folds = own->folds;
    cv.repeats = own->repeats > 0 ? own->repeats : 1;
    cv.blocks = own->blocks;
    cv.posteriors = stage->posteriors;
    cv.predictions = stage->predictions.rows > 0 ? &stage->predictions : NULL;
    cv.rows = own->cv_output != NULL;
    return cv;
}

/* ---- the summary for people ---- */

/* The place of a measure among those of the result. */
static size_t place_of(const mele_cv_result *cv, const char *measure)
{
    size_t m = 0;

    while (m + 1 < cv->measures && strcmp(cv->name[m], measure) != 0)
        m++;
    return m;
}

static void print_errors(const mele_cv_result *cv, const char *title, const double *values,
                         const char *const *measures)
{
    fprintf(stderr, "  %-24s", title);
    for (; *measures != NULL; measures++) {
        const double value = values[place_of(cv, *measures)];
        if (isfinite(value))
            fprintf(stderr, " %10.5g", value);
        else
            fprintf(stderr, " %10s", "NA");
    }
    fputc('\n', stderr);
}

/* The standard deviations over repeats of what stands above. */
static void print_spread(const cli_run *run, const char *key, const char *const *measures)
{
    char path[64];
    double value;

    fprintf(stderr, "  %-24s", "  sd between repeats");
    for (; *measures != NULL; measures++) {
        snprintf(path, sizeof path, "cv.spread.%s.%s", key, *measures);
        if (mele_report_number(run->report, path, &value))
            fprintf(stderr, " %10.3g", value);
        else
            fprintf(stderr, " %10s", "NA");
    }
    fputc('\n', stderr);
}

/* The mixture's name: where the folds' models differ, with the least and the largest number. */
static void name_mixture(const mele_cv_result *cv, char *out, size_t size)
{
    size_t least = SIZE_MAX, most = 0;

    for (size_t i = 0; i < cv->folds * cv->repeats; i++) {
        least = cv->clusters[i] < least ? cv->clusters[i] : least;
        most = cv->clusters[i] > most ? cv->clusters[i] : most;
    }
    if (least < most)
        snprintf(out, size, "mixture of %zu-%zu experts", least, most);
    else
        snprintf(out, size, "mixture of %zu expert%s", most, most == 1 ? "" : "s");
}

static void say_folds(cli_run *run, const mele_cv_result *cv)
{
    char name[128];

    if (run->options.data.folds != NULL) {
        mele_name_print(run->options.data.folds, name, sizeof name);
        cli_say(&run->console, "%zu rows, cross-validation in the %zu folds of %s", cv->rows,
                cv->folds, name);
    } else if (cv->repeats > 1) {
        cli_say(&run->console, "%zu rows, %zu-fold cross-validation, %zu times", cv->rows,
                cv->folds, cv->repeats);
    } else {
        cli_say(&run->console, "%zu rows, %zu-fold cross-validation", cv->rows, cv->folds);
    }
}

/* What cross-validation found: the model's errors above those of one expert for everything. */
static void summarise(cli_run *run, const cli_stage *stage)
{
    const mele_cv_result *cv = stage->cv;
    static const char *const regression[] = {"mae", "rmse", "r2", "nll", NULL};
    static const char *const classification[] = {"accuracy", "log_loss", "brier", NULL};
    bool classes = mele_schema_classes(mele_model_schema(stage->model)) > 0;
    const char *const *measures = classes ? classification : regression;
    char title[64];

    say_folds(run, cv);
    fprintf(stderr, "  %-24s", "");
    for (const char *const *name = measures; *name != NULL; name++)
        fprintf(stderr, " %10s", *name);
    fputc('\n', stderr);
    name_mixture(cv, title, sizeof title);
    print_errors(cv, title, cv->model, measures);
    if (cv->repeats > 1)
        print_spread(run, "model", measures);
    print_errors(cv, "one global expert", cv->global, measures);
    if (cv->repeats > 1)
        print_spread(run, "global", measures);
}

/* ---- the run ---- */

static int check_use(cli_run *run, const fit_options *own)
{
    if (own->folds > 0 && run->options.data.folds != NULL)
        return cli_wrong_usage(&run->console, "--cv deals the rows to folds, and --folds takes them "
                               "from a column: give one of the two");
    if (own->repeats > 0 && own->folds == 0)
        return cli_wrong_usage(&run->console, "--repeats says how many times --cv N deals the rows "
                               "to folds: it goes with that%s",
                               run->options.data.folds == NULL ? "" : ", not with --folds");
    if (own->predictions != NULL && own->left_out != NULL)
        return cli_wrong_usage(&run->console, "--predictions are of outside experts: --left-out has none "
                               "to write");
    if (own->blocks && own->folds == 0)
        return cli_wrong_usage(&run->console, "--blocks says which rows the folds of --cv N are: it goes with "
                               "that%s", run->options.data.folds == NULL ? "" : ", not with --folds");
    if (own->cv_output != NULL && !cross_validates(run, own))
        return cli_wrong_usage(&run->console, "--cv-output is for the rows that --cv N or --folds COL "
                               "leaves out: give one of the two");
    return own->predictions != NULL ? cli_stage_check_outside(run) : CLI_DONE;
}

/* By stages, where something comes from outside or goes there. */
static mele_status fit(cli_run *run, cli_stage *stage)
{
    const mele_handover hand_on = {.posteriors = stage->posteriors,
                                   .left_out_to = &stage->left_out};
    mele_status status = MELE_OK;

    if (stage->predictions.rows > 0)
        return cli_stage_fit_outside(run, stage);
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

static int cross_validate(cli_run *run, cli_stage *stage, const fit_options *own)
{
    const mele_cv_options cv = cv_options(own, stage);
    int exit_status;

    if (!cross_validates(run, own))
        return CLI_DONE;
    exit_status = cli_check(run, mele_cross_validate(stage->data, &run->options, &cv, run->engine,
                                                     run->report, &stage->cv, &run->error),
                            stage->data_path);
    if (exit_status == CLI_DONE && !run->quiet)
        summarise(run, stage);
    return exit_status;
}

/* What is wrong with the folds is said before the fit, which may take long. */
static int check_folds(cli_run *run, const cli_stage *stage, const fit_options *own)
{
    const mele_cv_options cv = cv_options(own, stage);

    return cross_validates(run, own) ? cli_check(run, mele_cv_check(stage->data, &cv, &run->error),
                                            stage->data_path)
                                : CLI_DONE;
}

static int work(cli_run *run, const void *options)
{
    const fit_options *own = options;
    cli_stage stage = {NULL};
    const cli_inputs from = {.posteriors = own->posteriors, .predictions = own->predictions};
    int exit_status = check_use(run, own);

    run->options.data.keep_id = own->cv_output != NULL;
    run->rows_file = own->cv_output;
    run->left_out_file = own->left_out;
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_read(run, &from, &stage);
    if (exit_status == CLI_DONE)
        exit_status = check_folds(run, &stage, own);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, fit(run, &stage), stage.data_path);
    if (exit_status == CLI_DONE)
        exit_status = cross_validate(run, &stage, own);
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_finish(run, &stage);
    cli_stage_clear(&stage);
    return exit_status;
}

int main(int argc, char **argv)
{
    fit_options own = {0};
    const cli_option options[] = {
        {.name = "cv", .argument = "N", .whole = &own.folds, .least = 2, .most = 1000000000,
         .help = "N-fold cross-validated errors of the model, and of one global expert on the same "
                 "folds, to standard error and to the report"},
        {.name = "repeats", .argument = "R", .whole = &own.repeats, .least = 1, .most = 1000000,
         .help = "with --cv: deal the rows anew R times, and pool the errors (default: 1)"},
        {.name = "blocks", .flag = &own.blocks,
         .help = "with --cv: folds are runs of consecutive rows, for rows in the order of time"},
        {.name = "folds", .library = true},
        {.name = "cv-output", .argument = "FILE", .text = &own.cv_output,
         .help = "write the cross-validated prediction of every row as CSV: repeat, fold, row, --id, "
                 "observed, predicted, sd, cluster"},
        {.name = "left-out", .argument = "FILE", .text = &own.left_out,
         .help = "write what the experts predict of rows that are left out to FILE, as mele-experts "
                 "does"},
        {.name = "posteriors", .argument = "FILE", .text = &own.posteriors,
         .help = "in place of stage 1: post_1.. or logpost_1.. or one column of labels, a row per "
                 "row of DATA"},
        {.name = "predictions", .argument = "FILE", .text = &own.predictions,
         .help = "in place of stages 1 and 2, anybody's experts: expert_1_TARGET.., or "
                 "expert_1_prob_LEVEL.., of rows that they have not seen, and perhaps "
                 "expert_1_sd_TARGET.., a row per row of DATA"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-fit", .own = &own, .fits = true,
                           .progress = true, .work = work,
                           .usage = {.operands = "DATA", .least = 1, .most = 1, .own = options}};

    return cli_main_run(&what, argc, argv);
}
