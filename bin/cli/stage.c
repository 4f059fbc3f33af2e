#include "cli/stage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/summary.h"

#define OUTPUTS 4

int cli_stage_check_outputs(cli_run *run)
{
    const char *path[] = {run->output, run->report_file, run->left_out_file, run->rows_file};
    const char *const option[] = {"output", "report", "left-out", "cv-output"};

    if (cli_on_screen(run))
        return cli_wrong_usage(&run->console, "a model is not written to a terminal: -o FILE names "
                               "a file for it");
    if (path[2] != NULL && cli_outfile_is_standard(path[2]))
        return cli_wrong_usage(&run->console, "--left-out names a file: standard output is for the "
                               "model");
    for (int i = 0; i < OUTPUTS; i++)
        for (int j = i + 1; j < OUTPUTS; j++)
            if (path[j] != NULL && (i == 0 || path[i] != NULL)
                && cli_outfile_same(path[i], path[j]))
                return cli_wrong_usage(&run->console, "--%s and --%s are the same file", option[i],
                                       option[j]);
    for (int i = 0; i < OUTPUTS; i++) {
        cli_outfile probe;
        if ((i == 0 || path[i] != NULL) && !cli_outfile_probe(&probe, path[i])) {
            cli_say(&run->console, "%s: %s", probe.name, strerror(probe.failure));
            return CLI_FAILED;
        }
    }
    return CLI_DONE;
}

static int read_model(cli_run *run, const char *path, cli_stage *stage)
{
    int exit_status = cli_read_model(run, path, &stage->model);

    if (exit_status != CLI_DONE)
        return exit_status;
    return cli_check(run, mele_options_inherit(stage->model, &run->options, &run->error), path);
}

/* Whether --clusters, if it was given, allows so many. */
static bool allows_clusters(const mele_options *options, size_t clusters)
{
    if (!mele_options_given(options, "clusters"))
        return true;
    if (options->partition.clusters > 0)
        return options->partition.clusters == clusters;
    return options->clusters_most == 0
           || (clusters >= options->clusters_least && clusters <= options->clusters_most);
}

static int refuse_clusters(cli_run *run, const char *what, size_t clusters)
{
    char text[48];

    mele_options_get(&run->options, "clusters", text, sizeof text, NULL, NULL);
    return cli_wrong_usage(&run->console, "--clusters is \"%s\", and there are %s of %zu", text,
                           what, clusters);
}

static int read_posteriors(cli_run *run, const char *path, cli_stage *stage)
{
    const mele_posteriors *read = &stage->store;

    if (stage->model != NULL && mele_model_has_partition(stage->model))
        return cli_wrong_usage(&run->console,
                               "the model has a stage 1, which --posteriors would replace");
    size_t clusters = stage->model != NULL ? mele_model_clusters(stage->model)
                                           : run->options.partition.clusters;
    int exit_status = cli_read_posteriors(run, path, clusters, &stage->store);
    if (exit_status != CLI_DONE)
        return exit_status;
    if (!allows_clusters(&run->options, read->clusters))
        return refuse_clusters(run, "posteriors", read->clusters);
    stage->posteriors = read;
    return CLI_DONE;
}

static int read_left_out(cli_run *run, const char *path, cli_stage *stage)
{
    return cli_check(run, mele_left_out_read(path, &stage->left_out, &run->error), path);
}

static int read_data(cli_run *run, cli_stage *stage)
{
    double start = cli_clock();
    const mele_schema *schema = stage->model == NULL ? NULL : mele_model_schema(stage->model);
    int exit_status = cli_check(run, mele_data_read(stage->data_path, &run->options.data, schema,
                                                    run->engine, &stage->data, &run->error),
                                stage->data_path);

    mele_report_seconds(run->report, "read", cli_clock() - start);
    if (exit_status == CLI_DONE && run->verbose)
        cli_say(&run->console, "%s: %zu rows", cli_input_name(stage->data_path),
                mele_data_rows(stage->data));
    return exit_status;
}

/* The centres of --init FILE, which also say how many regions there are. */
static int read_centres(cli_run *run, cli_stage *stage)
{
    mele_options *options = &run->options;
    int exit_status = cli_check(run, mele_centres_read(options->centres_file, stage->data, options,
                                                       run->engine, &stage->centres, &run->error),
                                options->centres_file);

    if (exit_status != CLI_DONE)
        return exit_status;
    if (!allows_clusters(options, stage->centres.clusters))
        return cli_wrong_usage(&run->console, "--clusters does not agree with --init: %s holds %zu "
                               "centres", cli_input_name(options->centres_file),
                               stage->centres.clusters);
    options->centres = &stage->centres;
    options->partition.clusters = stage->centres.clusters;
    return CLI_DONE;
}

/* Those of as many experts as there are posteriors, or as --clusters says, or as the file has. */
static int read_predictions(cli_run *run, const char *path, cli_stage *stage)
{
    const size_t clusters = stage->posteriors != NULL ? stage->posteriors->clusters
                                                      : run->options.partition.clusters;
    int exit_status = cli_check(run, mele_predictions_read(path, mele_data_schema(stage->data),
                                                           clusters, stage->data, run->engine,
                                                           &stage->predictions, &run->error), path);

    if (exit_status == CLI_DONE && !allows_clusters(&run->options, stage->predictions.clusters))
        return refuse_clusters(run, "predictions", stage->predictions.clusters);
    return exit_status;
}

int cli_stage_read(cli_run *run, const cli_inputs *from, cli_stage *stage)
{
    bool fits_partition = from->model == NULL && from->posteriors == NULL
                          && from->predictions == NULL;
    const char *centres_path = fits_partition ? run->options.centres_file : NULL;
    const char *input[] = {run->operand[0], from->posteriors, centres_path, from->left_out,
                           from->predictions, from->model};
    int exit_status;

    memset(stage, 0, sizeof *stage);
    stage->data_path = run->operand[0];
    exit_status = cli_check_inputs(run, input, sizeof input / sizeof *input);
    for (size_t i = 0; i < sizeof input / sizeof *input && exit_status == CLI_DONE; i++)
        if (input[i] != NULL)
            exit_status = cli_check_overwriting(run, input[i], input[i] == from->model);
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_check_outputs(run);
    if (exit_status == CLI_DONE && from->model != NULL)
        exit_status = read_model(run, from->model, stage);
    if (exit_status == CLI_DONE && from->left_out != NULL)
        exit_status = read_left_out(run, from->left_out, stage);
    if (exit_status == CLI_DONE && from->posteriors != NULL)
        exit_status = read_posteriors(run, from->posteriors, stage);
    if (exit_status == CLI_DONE)
        exit_status = read_data(run, stage);
    if (exit_status == CLI_DONE && centres_path != NULL)
        exit_status = read_centres(run, stage);
    if (exit_status == CLI_DONE && from->predictions != NULL)
        return read_predictions(run, from->predictions, stage);
    if (exit_status == CLI_DONE && from->model == NULL && stage->posteriors != NULL)
        exit_status = cli_check(run, mele_fit_outside(stage->data, stage->posteriors, &run->options,
                                                      run->engine, &stage->model, &run->error),
                                from->posteriors);
    return exit_status;
}

/* ---- outside experts ---- */

/* Options of stage 1 that outside experts have a use for: how many there are, and by what measure gates
 * are compared. */
static bool is_of_outside(const mele_options *options, const char *name)
{
    const char *criterion = options->criterion;

    return strcmp(name, "clusters") == 0
           || (strcmp(name, "criterion") == 0
               && (strcmp(criterion, "cv") == 0 || strcmp(criterion, "nll") == 0));
}

int cli_stage_check_outside(cli_run *run)
{
    const char *name;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++) {
        const mele_option_stage stage = mele_option_stage_of(name);
        if (mele_options_given(&run->options, name) && !is_of_outside(&run->options, name)
            && (stage == MELE_OPTION_PARTITION || stage == MELE_OPTION_EXPERTS))
            return cli_wrong_usage(&run->console, "--%s is of stage %d, in whose place --predictions "
                                   "stands", name, stage == MELE_OPTION_PARTITION ? 1 : 2);
    }
    return CLI_DONE;
}

mele_status cli_stage_fit_outside(cli_run *run, cli_stage *stage)
{
    const mele_handover handover = {.posteriors = stage->posteriors,
                                    .predictions = &stage->predictions};

    return mele_fit_gate_outside(stage->data, &handover, &run->options, run->engine, run->report,
                                 &stage->model, &run->error);
}

/* ---- what there is to say ---- */

/* Returns whether some stage did not converge. */
static bool say_warnings(cli_run *run)
{
    const char *warning;

    for (size_t i = 0; !run->quiet && (warning = mele_report_warning(run->report, i)) != NULL; i++)
        cli_say(&run->console, "warning: %s", warning);
    return mele_report_converged(run->report);
}

/* What K was chosen from, a line a candidate. */
static void say_candidates(cli_run *run)
{
    static const char *const criteria[] = {"cv", "nll", "bic", "icl", "aic", "silhouette"};
    char path[64], line[256];
    double value;

    if (mele_report_number(run->report, "partition.sample", &value))
        cli_say(&run->console, "the number of regions is chosen by a sample of %.0f rows", value);
    for (size_t i = 0;; i++) {
        snprintf(path, sizeof path, "partition.candidates.%zu.clusters", i);
        if (!mele_report_number(run->report, path, &value))
            return;
        int length = snprintf(line, sizeof line, "%.0f regions:", value);
        for (size_t c = 0; c < sizeof criteria / sizeof *criteria; c++) {
            snprintf(path, sizeof path, "partition.candidates.%zu.%s", i, criteria[c]);
            if (mele_report_number(run->report, path, &value))
                length += snprintf(line + length, sizeof line - (size_t)length, " %s %.6g",
                                   criteria[c], value);
        }
        snprintf(path, sizeof path, "partition.candidates.%zu.folds", i);
        if (mele_report_number(run->report, path, &value))
            snprintf(line + length, sizeof line - (size_t)length, " in %.0f fold%s", value,
                     value == 1 ? "" : "s");
        snprintf(path, sizeof path, "partition.candidates.%zu.chosen", i);
        cli_say(&run->console, "%s%s", line,
                mele_report_number(run->report, path, &value) ? " (chosen)" : "");
    }
}

/* What the clustering came to. */
static void say_partition(cli_run *run)
{
    static const char *const key[] = {"clusters", "partition.iterations", "partition.objective"};
    double value[3];

    for (size_t i = 0; i < 3; i++)
        if (!mele_report_number(run->report, key[i], &value[i]))
            return;
    cli_say(&run->console, "partition: regions %.0f, iterations %.0f, %s %.6g", value[0], value[1],
            strcmp(run->options.partition.method, "gmm") == 0   ? "log-likelihood a row"
            : strcmp(run->options.partition.method, "fcm") == 0 ? "objective"
                                                                : "inertia",
            value[2]);
}

/* What "auto" chose from in region k, by left-out errors; nothing without candidates. */
static void list_errors(const cli_run *run, bool classes, size_t k, char *out, size_t size)
{
    const char *name;
    char path[64];
    double value;
    size_t length = 0;

    out[0] = '\0';
    for (size_t c = 0; (name = mele_expert_candidate(classes, c)) != NULL && length < size; c++) {
        snprintf(path, sizeof path, "experts.%zu.candidates.%s", k, name);
        if (mele_report_number(run->report, path, &value))
            length += (size_t)snprintf(out + length, size - length, "%s%s %.4g",
                                       length == 0 ? "; left out: " : ", ", name, value);
    }
}

/* What was trained, a line a region. */
static void say_experts(cli_run *run, const mele_model *model)
{
    const bool classes = mele_schema_classes(mele_model_schema(model)) > 0;
    char path[64], text[1024], errors[512];
    double rows;

    for (size_t k = 0; k < mele_model_clusters(model); k++) {
        snprintf(path, sizeof path, "experts.%zu.rows", k);
        if (!mele_report_number(run->report, path, &rows))
            continue;
        if (mele_model_expert_text(model, k, text, sizeof text) == 0)
            snprintf(text, sizeof text, "(no memory to say what it is)");
        list_errors(run, classes, k, errors, sizeof errors);
        cli_say(&run->console, "expert %zu: %s%s", k + 1, text, errors);
    }
}

/* What took a training more than it had to. */
static void say_left_out(cli_run *run)
{
    const char *from = mele_report_string(run->report, "left_out_from");

    if (from != NULL && strcmp(from, "training again") == 0)
        cli_say(&run->console,
                "the experts were trained again for their left-out predictions, which "
                "mele-experts --left-out FILE writes and mele-gate --left-out FILE reads");
}

/* A sample that the gate was trained on. */
static void say_gate_rows(cli_run *run)
{
    double sampled, rows, all;

    if (mele_report_number(run->report, "gate.sampled", &sampled)
        && mele_report_number(run->report, "gate.rows", &rows)
        && mele_report_number(run->report, "rows", &all))
        cli_say(&run->console, "the gate was trained on a sample of %.0f of the %.0f rows "
                "(--gate-rows all takes all)", rows, all);
}

/* What a list of candidates in the report says of one of them; NaN: nothing. */
static double candidate_number(const cli_run *run, const char *of, size_t i, const char *key)
{
    char path[64];
    double value;

    snprintf(path, sizeof path, "%s.candidates.%zu.%s", of, i, key);
    return mele_report_number(run->report, path, &value) ? value : NAN;
}

static const char *candidate_text(const cli_run *run, const char *of, size_t i, const char *key)
{
    char path[64];

    snprintf(path, sizeof path, "%s.candidates.%zu.%s", of, i, key);
    return mele_report_string(run->report, path);
}

static const char *chosen_mark(const cli_run *run, const char *of, size_t i)
{
    return isnan(candidate_number(run, of, i, "chosen")) ? "" : " (chosen)";
}

/* One model for all rows is taken for another reason than that of the others. */
static const char *chosen_gate_mark(const cli_run *run, const char *of, size_t i)
{
    const bool one = strcmp(candidate_text(run, of, i, "gate"), "global") == 0;

    return one && chosen_mark(run, of, i)[0] != '\0' && candidate_number(run, of, i, "excess") > 0
               ? " (chosen: no mixture gains more over one model than chance does)"
               : chosen_mark(run, of, i);
}

/* A candidate without a loss was not tried, for which doc/methods.md has the reasons. */
static void say_gate(cli_run *run, const char *of, size_t i, const char *kind)
{
    const char *on = candidate_text(run, of, i, "on");
    const double folds = candidate_number(run, of, i, "folds");
    char name[64], in[32] = "";

    snprintf(name, sizeof name, "%s gate%s%s", kind, on == NULL ? "" : " on ", on == NULL ? "" : on);
    if (isnan(candidate_number(run, of, i, "error"))) {
        cli_say(&run->console, "%s: not tried (too many rows or coefficients), or without a loss", name);
        return;
    }
    if (!isnan(folds))
        snprintf(in, sizeof in, ", in %.0f fold%s", folds, folds == 1 ? "" : "s");
    cli_say(&run->console, "%s: loss %.4g, above the least by %.2g (standard error %.2g)%s%s", name,
            candidate_number(run, of, i, "error"), candidate_number(run, of, i, "excess"),
            candidate_number(run, of, i, "standard_error"), in, chosen_gate_mark(run, of, i));
}

/* What the gate was chosen from, a line a candidate: in stage 1, of the number of regions that was chosen
 * with it, or in stage 3. */
static void say_gates(cli_run *run)
{
    const char *of = candidate_text(run, "gate", 0, "gate") != NULL ? "gate" : "partition.gate";
    const char *kind, *why = mele_report_string(run->report, "gate.no_refits");

    if (why != NULL)
        cli_say(&run->console, "gates are compared in folds of the gate alone, since %s", why);
    for (size_t i = 0; (kind = candidate_text(run, of, i, "gate")) != NULL; i++)
        say_gate(run, of, i, kind);
}

/* What the number of steps was chosen from, a line a candidate. */
static void say_steps(cli_run *run)
{
    double steps;

    for (size_t i = 0; !isnan(steps = candidate_number(run, "refine", i, "steps")); i++)
        cli_say(&run->console, "refinement, %.0f step%s: loss %.4g, above the least by %.2g (standard "
                "error %.2g)%s", steps, steps == 1 ? "" : "s", candidate_number(run, "refine", i, "error"),
                candidate_number(run, "refine", i, "excess"),
                candidate_number(run, "refine", i, "standard_error"), chosen_mark(run, "refine", i));
}

/* How EM went: the log-likelihood after 0, 1, 2, 4, .. steps, and after the last. */
static void say_refinement(cli_run *run)
{
    char path[48];
    double steps, value, penalised;

    say_steps(run);
    if (!mele_report_number(run->report, "refine.steps", &steps))
        return;
    for (size_t s = 0;; s = s == 0 ? 1 : 2 * s) {
        s = (double)s < steps ? s : (size_t)steps;
        snprintf(path, sizeof path, "refine.path.%zu", s);
        const bool known = mele_report_number(run->report, path, &value);
        snprintf(path, sizeof path, "refine.penalised.%zu", s);
        if (known && mele_report_number(run->report, path, &penalised))
            cli_say(&run->console, "refinement: log-likelihood %.6f, penalised %.6f, after %zu step%s",
                    value, penalised, s, s == 1 ? "" : "s");
        if ((double)s >= steps)
            return;
    }
}

/* What a family's number of experts, or an option that it sweeps, was chosen from, a line a candidate. */
static void say_family_candidates(cli_run *run)
{
    double experts, value;
    char swept[64] = "";

    for (size_t i = 0; !isnan(experts = candidate_number(run, "family", i, "clusters")); i++) {
        const char *name = mele_family_sweeps(run->options.family.name);
        if (name != NULL && !isnan(value = candidate_number(run, "family", i, name)))
            snprintf(swept, sizeof swept, ", --%s %.6g", name, value);
        cli_say(&run->console, "%.0f expert%s%s: loss %.4g, above the least by %.2g (standard error %.2g), in "
                "%.0f folds%s", experts, experts == 1 ? "" : "s", swept,
                candidate_number(run, "family", i, "error"), candidate_number(run, "family", i, "excess"),
                candidate_number(run, "family", i, "standard_error"),
                candidate_number(run, "family", i, "folds"), chosen_mark(run, "family", i));
    }
}

/* What a family's fit came to. */
static void say_family(cli_run *run)
{
    const char *name = mele_report_string(run->report, "family.name");
    char likelihood[64] = "", iterations[64] = "";
    double parameters, value;

    say_family_candidates(run);
    if (name == NULL || !mele_report_number(run->report, "family.parameters", &parameters))
        return;
    if (mele_report_number(run->report, "family.log_likelihood", &value))
        snprintf(likelihood, sizeof likelihood, ", log-likelihood %.6f", value);
    if (mele_report_number(run->report, "family.iterations", &value))
        snprintf(iterations, sizeof iterations, ", %.0f iteration%s", value, value == 1 ? "" : "s");
    cli_say(&run->console, "family %s: %.0f free parameters%s%s", name, parameters, likelihood, iterations);
}

static void say_seconds(cli_run *run)
{
    const char *const stage[] = {"partition", "choice", "experts", "gate", "refine", "family", "cv"};
    char path[32];
    double seconds;

    for (size_t i = 0; i < sizeof stage / sizeof *stage; i++) {
        snprintf(path, sizeof path, "seconds.%s", stage[i]);
        if (mele_report_number(run->report, path, &seconds))
            cli_say(&run->console, "%s: %.3g s", stage[i], seconds);
    }
}

/* ---- results ---- */

/* Write a text to where it goes, or (a file) aside, ready to take its place. */
static int write_aside(cli_run *run, const char *path, const char *text, size_t length,
                       cli_outfile *out)
{
    if (cli_outfile_open(out, path) && cli_outfile_write(text, length, out)
        && cli_outfile_sync(out) && out->path != NULL)
        return CLI_DONE;
    return cli_close(run, out, CLI_DONE);
}

static int write_model(cli_run *run, const mele_model *model, cli_outfile *out)
{
    double start = cli_clock();
    char *text = NULL;
    size_t length = 0;
    int exit_status = cli_check(run, mele_model_text(model, &text, &length, &run->error), NULL);

    if (exit_status == CLI_DONE)
        exit_status = write_aside(run, run->output, text, length, out);
    free(text);
    mele_report_seconds(run->report, "write", cli_clock() - start);
    return exit_status;
}

static int write_report(cli_run *run, cli_outfile *out)
{
    char *text = NULL;
    size_t length = 0;

    if (run->report_file == NULL)
        return CLI_DONE;
    mele_report_seconds(run->report, "total", cli_clock() - run->started);
    int exit_status = cli_check(run, mele_report_text(run->report, &text, &length, &run->error),
                                NULL);
    if (exit_status == CLI_DONE)
        exit_status = write_aside(run, run->report_file, text, length, out);
    free(text);
    return exit_status;
}

mele_left_out **cli_stage_left_out(const cli_run *run, cli_stage *stage)
{
    return run->left_out_file == NULL ? NULL : &stage->left_out;
}

static int write_left_out(cli_run *run, const cli_stage *stage, cli_outfile *out)
{
    if (run->left_out_file == NULL)
        return CLI_DONE;
    if (!cli_outfile_open(out, run->left_out_file))
        return cli_close(run, out, CLI_DONE);
    mele_status status =
        mele_left_out_write_to(stage->left_out, cli_outfile_write, out, &run->error);
    if (status == MELE_OK && cli_outfile_sync(out) && out->path != NULL)
        return CLI_DONE;
    return cli_close(run, out, status == MELE_ESTOPPED ? CLI_DONE : cli_check(run, status, NULL));
}

static int write_rows(cli_run *run, const cli_stage *stage, cli_outfile *out)
{
    if (run->rows_file == NULL)
        return CLI_DONE;
    if (!cli_outfile_open(out, run->rows_file))
        return cli_close(run, out, CLI_DONE);
    mele_status status = mele_cv_write(stage->cv, stage->data, cli_outfile_write, out, &run->error);
    if (status == MELE_OK && cli_outfile_sync(out) && out->path != NULL)
        return CLI_DONE;
    return cli_close(run, out, status == MELE_ESTOPPED ? CLI_DONE : cli_check(run, status, NULL));
}

/* Those that are written over the old ones come last. */
static int close_in_turn(cli_run *run, cli_outfile *out, int count)
{
    int exit_status = CLI_DONE;

    for (int in_place = 0; in_place < 2; in_place++)
        for (int i = 0; i < count && exit_status == CLI_DONE; i++)
            if (out[i].path != NULL && out[i].in_place == (in_place == 1))
                exit_status = cli_close(run, &out[i], CLI_DONE);
    return exit_status;
}

/* All files, or none, take their places. Who reads the model may read the left-out predictions at
 * once, so they are in theirs before it can be seen. */
static int write_results(cli_run *run, const cli_stage *stage)
{
    cli_outfile out[OUTPUTS] = {CLI_OUTFILE_NONE, CLI_OUTFILE_NONE, CLI_OUTFILE_NONE,
                                CLI_OUTFILE_NONE};
    int exit_status = write_rows(run, stage, &out[3]);

    if (exit_status == CLI_DONE)
        exit_status = write_left_out(run, stage, &out[0]);
    if (exit_status == CLI_DONE && out[0].path != NULL && cli_outfile_is_direct(run->output))
        exit_status = cli_close(run, &out[0], CLI_DONE);
    if (exit_status == CLI_DONE)
        exit_status = write_model(run, stage->model, &out[1]);
    if (exit_status == CLI_DONE)
        exit_status = write_report(run, &out[2]);
    if (exit_status == CLI_DONE)
        exit_status = close_in_turn(run, out, 1);
    if (exit_status == CLI_DONE)
        exit_status = close_in_turn(run, out + 1, OUTPUTS - 1);
    for (int i = 0; i < OUTPUTS; i++)
        cli_outfile_discard(&out[i]);
    return exit_status;
}

int cli_stage_finish(cli_run *run, const cli_stage *stage)
{
    int exit_status = cli_check(run, mele_report_status(run->report, &run->error), NULL);

    if (exit_status != CLI_DONE)
        return exit_status; /* a warning is missing, perhaps */
    const bool converged = say_warnings(run);
    if (run->verbose) {
        say_candidates(run);
        say_partition(run);
        say_experts(run, stage->model);
        say_left_out(run);
        say_gates(run);
        say_gate_rows(run);
        say_refinement(run);
        say_family(run);
        say_seconds(run);
    }
    exit_status = write_results(run, stage);
    if (exit_status == CLI_DONE && !run->quiet && !run->reader_left)
        cli_summary(run, stage);
    if (exit_status == CLI_DONE && run->strict && !converged)
        exit_status = CLI_NOT_CONVERGED;
    return exit_status;
}

void cli_stage_clear(cli_stage *stage)
{
    mele_centres_clear(&stage->centres);
    mele_posteriors_clear(&stage->store);
    mele_predictions_clear(&stage->predictions);
    mele_left_out_free(stage->left_out);
    mele_cv_result_free(stage->cv);
    mele_data_free(stage->data);
    mele_model_free(stage->model);
}

int cli_stage_work(cli_run *run, const cli_inputs *from,
                   mele_status (*fit)(cli_run *run, cli_stage *stage))
{
    cli_stage stage;
    int exit_status = cli_stage_read(run, from, &stage);
    /* what is wrong with left-out predictions and rows together names the former itself */
    const char *path = from->left_out == NULL ? stage.data_path : NULL;

    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, fit(run, &stage), path);
    if (exit_status == CLI_DONE)
        exit_status = cli_stage_finish(run, &stage);
    cli_stage_clear(&stage);
    return exit_status;
}
