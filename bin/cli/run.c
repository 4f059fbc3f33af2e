#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gsl/gsl_errno.h>
#include "cli/temporary.h"
#ifdef HAVE_OPENBLAS
#include <cblas.h>
#endif

#include "cli/early.h"

#define MOST_THREADS 1024

/* Settings of the whole process, which the library leaves to programs. BLAS gets one thread: its
 * results depend on how many it has, and the engine has threads of its own. */
static void set_up_process(void)
{
    const int mode[] = {O_WRONLY, O_RDONLY, O_RDONLY};

    cli_early_over();
    /* A file must not get the number of a standard stream that is closed. */
    for (int file = 0; file <= STDERR_FILENO; file++)
        if (fcntl(file, F_GETFD) < 0 && open("/dev/null", mode[file]) < 0)
            break;
    signal(SIGPIPE, SIG_IGN); /* writing says EPIPE instead, */
    signal(SIGXFSZ, SIG_IGN); /* and EFBIG, so that files aside are removed */
    cli_temporary_catch_signals();
    gsl_set_error_handler_off();
#ifdef HAVE_OPENBLAS
    openblas_set_num_threads(1);
#endif
}

bool cli_on_screen(const cli_run *run)
{
    return cli_outfile_is_standard(run->output) && isatty(STDOUT_FILENO) == 1;
}

static int start(cli_run *run, const cli_main *what)
{
    mele_engine_options options = mele_engine_defaults();
    bool on_screen = cli_on_screen(run);
    bool progress = run->progress
                    || (what->progress && run->console.terminal && !on_screen && !run->quiet);
    int exit_status;

    options.threads = what->single ? 1 : (unsigned)run->threads;
    run->console.redrawn = run->console.terminal && !on_screen; /* rows would follow on its line */
    if (progress) {
        options.progress = cli_console_progress;
        options.user = &run->console;
    }
    exit_status = cli_check(run, mele_engine_new(&options, &run->engine, &run->error), NULL);
    if (exit_status == CLI_DONE && what->fits)
        exit_status = cli_check(run, mele_report_new(what->program, &run->report, &run->error),
                                NULL);
    return exit_status;
}

/* Leave out the rows without a name, but for the last. */
static void keep_named(cli_option *options, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (options[i].name != NULL)
            options[kept++] = options[i];
    options[kept].name = NULL;
}

/* What the reader of DATA found out by itself. */
static void say_note(const char *text, void *user)
{
    cli_run *run = user;

    if (!run->quiet)
        cli_say(&run->console, "%s: note: %s", cli_input_name(run->data), text);
}

int cli_main_run(const cli_main *what, int argc, char **argv)
{
    cli_run run = {.console = cli_console_of(what->program), .options = mele_options_defaults(),
                   .started = cli_clock()};
    cli_option shared[] = {
        {.name = CLI_OUTPUT, .letter = 'o', .argument = "FILE", .text = &run.output,
         .help = "write the result to FILE, which appears whole or not at all (default: standard "
                 "output)"},
        {.name = what->single ? NULL : "threads", .argument = "N", .whole = &run.threads, .least = 1,
         .most = MOST_THREADS, .help = "never changes a result (default: all processors)"},
        {.name = "quiet", .letter = 'q', .flag = &run.quiet,
         .help = "errors are the only messages"},
        {.name = "verbose", .letter = 'v', .flag = &run.verbose, .help = "more messages"},
        {.name = what->follows ? "by-position" : NULL, .library = true},
        {.name = what->progress ? "progress" : NULL, .flag = &run.progress,
         .help = "tell the stage, its share and the time left, wherever standard error goes "
                 "(default: on a terminal only)"},
        {.name = what->fits ? "report" : NULL, .argument = "FILE", .text = &run.report_file,
         .help = "write a JSON report of the run to FILE"},
        {.name = what->fits ? "memory" : NULL, .library = true},
        {.name = what->fits ? "strict" : NULL, .flag = &run.strict,
         .help = "exit with 3 when a stage did not converge"},
        {.name = NULL},
    };
    cli_usage usage = what->usage;

    set_up_process();
    keep_named(shared, sizeof shared / sizeof *shared);
    usage.shared = shared;
    int exit_status = cli_arguments(&run.console, &usage, argc, argv, &run.options, &run.operand,
                                    &run.operands);
    if (exit_status >= 0) {
        mele_options_clear(&run.options);
        return exit_status;
    }
    run.options.data.table.note = say_note;
    run.options.data.table.note_user = &run;
    run.order = what->usage.operands;
    run.data = run.operands == 0 ? NULL : run.operand[what->fits ? 0 : run.operands - 1];
    exit_status = start(&run, what);
    if (exit_status == CLI_DONE)
        exit_status = what->work(&run, what->own);
    cli_console_clear(&run.console);
    mele_options_clear(&run.options);
    mele_engine_free(run.engine);
    mele_report_free(run.report);
    return exit_status;
}

const char *cli_input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

int cli_check(cli_run *run, mele_status status, const char *path)
{
    const mele_error *error = &run->error;

    if (status == MELE_OK)
        return CLI_DONE;
    if (path == NULL || status == MELE_EINVAL || status == MELE_ENOMEM)
        cli_say(&run->console, "%s", error->message);
    else if (error->line == 0)
        cli_say(&run->console, "%s: %s", cli_input_name(path), error->message);
    else
        cli_say(&run->console, "%s:%zu: %s", cli_input_name(path), error->line, error->message);
    return status == MELE_EINVAL ? CLI_USAGE : CLI_FAILED;
}

int cli_no_memory(cli_run *run)
{
    cli_say(&run->console, "out of memory");
    return CLI_FAILED;
}

int cli_check_inputs(cli_run *run, const char *const *paths, size_t count)
{
    size_t standard = 0;

    for (size_t i = 0; i < count; i++)
        standard += paths[i] != NULL && strcmp(paths[i], "-") == 0;
    if (standard > 1)
        return cli_wrong_usage(&run->console, "standard input can be only one of the inputs");
    return CLI_DONE;
}

int cli_check_overwriting(cli_run *run, const char *path, bool followed)
{
    const char *const output[] = {run->output, run->report_file, run->left_out_file,
                                  run->rows_file};
    static const char output_option[] = "--" CLI_OUTPUT;
    const char *const option[] = {output_option, "--report", "--left-out", "--cv-output"};

    for (size_t i = followed ? 1 : 0; i < sizeof output / sizeof *output; i++)
        if ((i == 0 || output[i] != NULL) && cli_outfile_is_input(output[i], path))
            return cli_wrong_usage(&run->console, "%s is %s, which is read: give another file",
                                   cli_outfile_is_standard(output[i]) ? "standard output"
                                                                      : option[i],
                                   cli_input_name(path));
    return CLI_DONE;
}

void cli_table_options(const mele_options *options, mele_table_options *table)
{
    const mele_table_options *given = &options->data.table;

    table->by_position = given->by_position;
    if (mele_options_given(options, "na"))
        table->missing = given->missing;
    if (mele_options_given(options, "delimiter"))
        table->delimiter = given->delimiter;
    if (mele_options_given(options, "decimal"))
        table->decimal = given->decimal;
    if (mele_options_given(options, "no-header"))
        table->header = given->header;
    table->note = given->note;
    table->note_user = given->note_user;
}

int cli_read_model(cli_run *run, const char *path, mele_model **out)
{
    mele_status status = mele_model_read(path, out, &run->error);
    mele_error *error = &run->error;

    if (status == MELE_EDATA && error->line == 1 && run->operands > 1) {
        size_t length = strlen(error->message);
        snprintf(error->message + length, sizeof error->message - length, " (the operands are %s)",
                 run->order);
    }
    return cli_check(run, status, path);
}

int cli_read_posteriors(cli_run *run, const char *path, size_t clusters, mele_posteriors *out)
{
    return cli_check(run, mele_posteriors_read(path, clusters, run->engine, out, &run->error),
                     path);
}

/* The predictions of outside experts; a model with experts of its own takes none. */
static int read_predictions(cli_run *run, const mele_model *model, const char *path,
                            mele_predictions *out)
{
    if (!mele_model_needs_predictions(model))
        return cli_wrong_usage(&run->console, "--predictions is for a model of 'mele-gate "
                               "--predictions': %s has experts of its own, or none yet",
                               cli_input_name(run->operand[0]));
    return cli_check(run, mele_predictions_read(path, mele_model_schema(model),
                                                mele_model_clusters(model), NULL, run->engine, out,
                                                &run->error), path);
}

int cli_use_model(cli_run *run, const cli_company_paths *paths,
                  int (*use)(cli_run *run, const mele_model *model, const cli_company *company,
                             const void *own), const void *own)
{
    const char *input[] = {run->operand[0], run->operand[1], paths->posteriors, paths->predictions};
    mele_posteriors posteriors = {0, 0, NULL};
    mele_predictions predictions = {0};
    mele_model *model = NULL;
    int exit_status = cli_check_inputs(run, input, sizeof input / sizeof *input);

    for (size_t i = 0; i < sizeof input / sizeof *input && exit_status == CLI_DONE; i++)
        if (input[i] != NULL)
            exit_status = cli_check_overwriting(run, input[i], false);
    if (exit_status == CLI_DONE)
        exit_status = cli_read_model(run, run->operand[0], &model);
    if (exit_status == CLI_DONE && paths->posteriors != NULL)
        exit_status = cli_read_posteriors(run, paths->posteriors, mele_model_clusters(model),
                                          &posteriors);
    if (exit_status == CLI_DONE && paths->predictions != NULL)
        exit_status = read_predictions(run, model, paths->predictions, &predictions);
    const cli_company company = {paths->posteriors == NULL ? NULL : &posteriors,
                                 paths->predictions == NULL ? NULL : &predictions};
    if (exit_status == CLI_DONE)
        exit_status = use(run, model, &company, own);
    mele_posteriors_clear(&posteriors);
    mele_predictions_clear(&predictions);
    mele_model_free(model);
    return exit_status;
}

int cli_close(cli_run *run, cli_outfile *out, int exit_status)
{
    if (exit_status != CLI_DONE && out->failure == 0) {
        cli_outfile_discard(out);
        return exit_status;
    }
    bool written = cli_outfile_close(out);
    run->reader_left = run->reader_left || cli_outfile_reader_left(out);
    if (written && out->in_place && !run->quiet)
        cli_say(&run->console, "warning: %s is written in place: its directory does not let another "
                "file take its place", out->name);
    if (written || cli_outfile_reader_left(out))
        return CLI_DONE;
    cli_say(&run->console, "%s: %s", out->name, strerror(out->failure));
    return CLI_FAILED;
}

int cli_write_text(cli_run *run, const char *path, const char *text, size_t length)
{
    cli_outfile out;

    if (cli_outfile_open(&out, path))
        cli_outfile_write(text, length, &out);
    return cli_close(run, &out, CLI_DONE);
}
