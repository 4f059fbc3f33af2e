/* Families of models compared on the same folds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"

#define USUAL "one,mele,me-em:k=4,bagging,boosting"

typedef struct compare_options {
    size_t folds, repeats, seeds; /* 0: not given */
    bool blocks, no_times, survey, quick;
    const char *families, *suite, *measure, *resume, *csv, *json, *html; /* NULL: not given */
    const char *sets, *markdown; /* of the survey; NULL: not given */
    cli_list predictions;
    char *command; /* all that was typed; NULL: no memory */
} compare_options;

/* What is written, by the option that names the file; NULL: standard output, of others that it is not wanted. */
typedef struct output {
    const char *option, *path;
    mele_status (*text)(const mele_comparison *comparison, bool times, char **out, size_t *length, mele_error *error);
} output;

enum { OUTPUTS = 5, HTML = 3, MARKDOWN = 4 /* of surveys alone */ };

/* What the run holds. */
typedef struct comparing {
    mele_comparison *comparison;
    mele_data **data; /* of each operand */
} comparing;

/* ---- before ---- */

static int check_use(cli_run *run, const compare_options *own)
{
    const bool given = run->options.data.folds != NULL;

    if (own->suite != NULL && run->operands > 0)
        return cli_wrong_usage(&run->console, "the sets are those of --suite, or the operands: give one of the two");
    if (own->suite == NULL && run->operands == 0)
        return cli_wrong_usage(&run->console, "an operand is missing: DATA..., or --survey");
    if (own->folds > 0 && given)
        return cli_wrong_usage(&run->console, "--cv deals the rows to folds, and --folds takes them "
                               "from a column: give one of the two");
    if (own->repeats > 0 && given)
        return cli_wrong_usage(&run->console, "--repeats says how many times --cv N deals the rows to folds: it goes "
                               "with that, not with --folds");
    if (own->blocks && given)
        return cli_wrong_usage(&run->console, "--blocks says which rows the folds of --cv N are: it goes with that, not "
                               "with --folds");
    return CLI_DONE;
}

static void list_outputs(const cli_run *run, const compare_options *own, output out[OUTPUTS])
{
    out[0] = (output){CLI_OUTPUT, run->output, mele_comparison_table};
    out[1] = (output){"csv", own->csv, mele_comparison_csv};
    out[2] = (output){"json", own->json, mele_comparison_json};
    out[HTML] = (output){"html", own->html, mele_comparison_html};
    out[MARKDOWN] = (output){"markdown", own->markdown, NULL};
}

static bool is_wanted(const output *all, size_t i)
{
    return i == 0 || all[i].path != NULL;
}

/* The file of NAME=FILE or NAME=FILE:SET is what would be written. */
static bool is_predictions(const char *path, const char *text)
{
    const char *file = strchr(text, '='), *colon = strrchr(text, ':');
    char shorter[4096];

    if (file++ == NULL)
        return false;
    if (cli_outfile_is_input(path, file))
        return true;
    if (colon == NULL || colon < file || (size_t)(colon - file) >= sizeof shorter)
        return false;
    snprintf(shorter, sizeof shorter, "%.*s", (int)(colon - file), file);
    return cli_outfile_is_input(path, shorter);
}

/* What is written, by that option, is nothing that is read. */
static int check_overwriting(cli_run *run, const compare_options *own, const char *option, const char *path)
{
    for (size_t d = 0; d < run->operands; d++)
        if (cli_outfile_is_input(path, run->operand[d]))
            return cli_wrong_usage(&run->console, "--%s is %s, which is read: give another file", option,
                                   cli_input_name(run->operand[d]));
    if (own->suite != NULL && cli_outfile_is_input(path, own->suite))
        return cli_wrong_usage(&run->console, "--%s is the file of --suite: give another file", option);
    for (size_t i = 0; i < own->predictions.count; i++)
        if (is_predictions(path, own->predictions.item[i]))
            return cli_wrong_usage(&run->console, "--%s is the file of --predictions %s: give another file", option,
                                   own->predictions.item[i]);
    return CLI_DONE;
}

static int check_output(cli_run *run, const compare_options *own, const output *all, size_t i)
{
    const int exit_status = check_overwriting(run, own, all[i].option, all[i].path);
    cli_outfile probe;

    if (exit_status != CLI_DONE)
        return exit_status;
    if (own->resume != NULL && all[i].path != NULL && cli_outfile_same(all[i].path, own->resume))
        return cli_wrong_usage(&run->console, "--%s and --resume are the same file", all[i].option);
    for (size_t j = 0; j < i; j++)
        if (is_wanted(all, j) && cli_outfile_same(all[j].path, all[i].path))
            return cli_wrong_usage(&run->console, "--%s and --%s are the same file", all[j].option, all[i].option);
    if (cli_outfile_probe(&probe, all[i].path))
        return CLI_DONE;
    cli_say(&run->console, "%s: %s", probe.name, strerror(probe.failure));
    return CLI_FAILED;
}

/* Each file is one set: given twice it would count as two that agree. */
static int check_inputs(cli_run *run)
{
    for (size_t d = 0; d < run->operands; d++)
        for (size_t before = 0; before < d; before++)
            if (strcmp(run->operand[d], "-") != 0 && cli_outfile_is_input(run->operand[d], run->operand[before]))
                return cli_wrong_usage(&run->console, "%s is %s again: the tests over sets need each set once",
                                       run->operand[d], cli_input_name(run->operand[before]));
    return cli_check_inputs(run, (const char *const *)run->operand, run->operands);
}

/* What cannot be read or written is told before the work. */
static int check_files(cli_run *run, const compare_options *own)
{
    output all[OUTPUTS];
    int exit_status = check_inputs(run);

    list_outputs(run, own, all);
    for (size_t i = 0; i < OUTPUTS && exit_status == CLI_DONE; i++)
        if (is_wanted(all, i))
            exit_status = check_output(run, own, all, i);
    return exit_status == CLI_DONE && own->resume != NULL ? check_overwriting(run, own, "resume", own->resume)
                                                          : exit_status;
}

static int make(cli_run *run, const compare_options *own, comparing *c)
{
    mele_compare_options options = mele_compare_defaults();

    options.protocol.folds = run->options.data.folds != NULL ? 0 : own->folds > 0 ? own->folds : options.protocol.folds;
    options.protocol.repeats = own->repeats > 0 ? own->repeats : 1;
    options.protocol.blocks = own->blocks;
    options.seeds = own->seeds > 0 ? own->seeds : 1;
    options.seed = run->options.seed;
    options.measure = own->measure;
    return cli_check(run, mele_comparison_new(&options, &c->comparison, &run->error), NULL);
}

/* ---- sets ---- */

/* A file's name without its directory and its form; of several of one name the whole path. */
static void name_set(const cli_run *run, size_t i, char *out, size_t size)
{
    const char *path = run->operand[i], *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(base, '.');

    if (strcmp(path, "-") == 0)
        snprintf(out, size, "%s", "data");
    else
        snprintf(out, size, "%.*s", dot == NULL || dot == base ? (int)strlen(base) : (int)(dot - base), base);
}

static bool is_named(const comparing *c, const char *name)
{
    for (size_t s = 0; s < mele_comparison_sets(c->comparison); s++)
        if (strcmp(mele_comparison_set(c->comparison, s), name) == 0)
            return true;
    return false;
}

static int add_set(cli_run *run, size_t i, comparing *c)
{
    const char *path = run->operand[i];
    char name[256];

    run->data = path;
    int exit_status = cli_check(run, mele_data_read(path, &run->options.data, NULL, run->engine, &c->data[i],
                                                    &run->error), path);
    if (exit_status != CLI_DONE)
        return exit_status;
    name_set(run, i, name, sizeof name);
    if (is_named(c, name))
        snprintf(name, sizeof name, "%s", path);
    for (size_t number = 2; is_named(c, name); number++)
        snprintf(name, sizeof name, "%.200s (%zu)", path, number);
    return cli_check(run, mele_comparison_add_data(c->comparison, name, c->data[i], &run->options, NULL, &run->error),
                     path);
}

static int add_sets(cli_run *run, const compare_options *own, comparing *c)
{
    int exit_status = CLI_DONE;

    run->data = own->suite; /* what notes begin with */
    if (own->suite != NULL)
        return cli_check(run, mele_comparison_add_suite(c->comparison, own->suite, &run->options, own->families == NULL,
                                                        run->engine, &run->error), own->suite);
    if ((c->data = calloc(run->operands, sizeof(mele_data *))) == NULL)
        return cli_no_memory(run);
    for (size_t i = 0; i < run->operands && exit_status == CLI_DONE; i++)
        exit_status = add_set(run, i, c);
    return exit_status;
}

/* ---- contenders ---- */

static int add_families(cli_run *run, const comparing *c, const char *list)
{
    return cli_check(run, mele_comparison_add_families(c->comparison, list, &run->error), NULL);
}

/* The set that stands behind the last colon, which is then cut off; the number of sets: none does. */
static size_t cut_set(const comparing *c, char *file)
{
    const size_t sets = mele_comparison_sets(c->comparison);
    char *colon = strrchr(file, ':');
    size_t set = 0;

    if (colon == NULL)
        return sets;
    while (set < sets && strcmp(mele_comparison_set(c->comparison, set), colon + 1) != 0)
        set++;
    if (set < sets)
        *colon = '\0';
    return set;
}

static int add_predictions(cli_run *run, const comparing *c, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[128], *file;
    int exit_status;

    if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof name)
        return cli_wrong_usage(&run->console, "--predictions is \"%s\", not NAME=FILE", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    if ((file = strdup(equals + 1)) == NULL)
        return cli_no_memory(run);
    size_t set = cut_set(c, file);
    if (set == mele_comparison_sets(c->comparison) && set == 1)
        set = 0;
    if (set == mele_comparison_sets(c->comparison))
        exit_status = cli_wrong_usage(&run->console, "--predictions %s: there are several sets: say of which these are "
                                      "(NAME=FILE:SET, as in %s=%s:%s)", text, name, file,
                                      mele_comparison_set(c->comparison, 0));
    else
        exit_status = cli_check(run, mele_comparison_add_predictions(c->comparison, name, set, file, run->engine,
                                                                     &run->error), file);
    free(file);
    return exit_status;
}

static int add_all_predictions(cli_run *run, const compare_options *own, const comparing *c)
{
    int exit_status = CLI_DONE;

    for (size_t i = 0; i < own->predictions.count && exit_status == CLI_DONE; i++)
        exit_status = add_predictions(run, c, own->predictions.item[i]);
    return exit_status;
}

/* ---- outputs ---- */

static int write_output(cli_run *run, const compare_options *own, const comparing *c, const output *out)
{
    char *text = NULL;
    size_t length;
    int exit_status = cli_check(run, out->text(c->comparison, !own->no_times, &text, &length, &run->error), NULL);

    if (exit_status == CLI_DONE)
        exit_status = cli_write_text(run, out->path, text, length);
    free(text);
    return exit_status;
}

/* What the page alone tells. */
static int prepare_page(cli_run *run, const compare_options *own, const comparing *c)
{
    int exit_status = CLI_DONE;

    if (own->html == NULL)
        return CLI_DONE;
    if (own->command == NULL)
        return cli_no_memory(run);
    exit_status = cli_check(run, mele_comparison_set_command(c->comparison, own->command, &run->error), NULL);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_comparison_regions(c->comparison, run->engine, &run->error), NULL);
    return exit_status;
}

static int write_outputs(cli_run *run, const compare_options *own, const comparing *c)
{
    output all[OUTPUTS];
    int exit_status = CLI_DONE;

    list_outputs(run, own, all);
    for (size_t i = 0; i < OUTPUTS && exit_status == CLI_DONE; i++)
        if (is_wanted(all, i))
            exit_status = write_output(run, own, c, &all[i]);
    return exit_status;
}

/* ---- the survey ---- */

/* What says of which data, and who is compared: the survey says that itself. NULL: nothing does. */
static const char *not_of_surveys(const cli_run *run, const compare_options *own)
{
    const char *name;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++)
        if (strcmp(name, "seed") != 0 && mele_options_given(&run->options, name))
            return name;
    return own->families != NULL           ? "families"
           : own->suite != NULL            ? "suite"
           : own->measure != NULL          ? "measure"
           : own->predictions.count > 0    ? "predictions"
           : own->blocks                   ? "blocks"
                                           : NULL;
}

static int check_survey(cli_run *run, const compare_options *own)
{
    const char *other = not_of_surveys(run, own);

    if (run->operands > 0)
        return cli_wrong_usage(&run->console, "--survey has data of its own: leave out %s, or --survey",
                               run->operand[0]);
    if (other != NULL)
        return cli_wrong_usage(&run->console, "--survey says itself who is compared on what: leave out --%s, or "
                               "--survey", other);
    return check_files(run, own);
}

/* Options that only the survey has. */
static int check_no_survey(cli_run *run, const compare_options *own)
{
    const char *name = own->quick ? "quick" : own->sets != NULL ? "sets" : own->markdown != NULL ? "markdown" : NULL;

    return name == NULL ? CLI_DONE
                        : cli_wrong_usage(&run->console, "--%s is of --survey: give that, too, or leave it out", name);
}

typedef mele_status survey_writer(const mele_survey *survey, bool times, char **out, size_t *length,
                                  mele_error *error);

static int write_page(cli_run *run, const compare_options *own, const mele_survey *survey, survey_writer *writer,
                      const char *path)
{
    char *text = NULL;
    size_t length;
    int exit_status = cli_check(run, writer(survey, !own->no_times, &text, &length, &run->error), NULL);

    if (exit_status == CLI_DONE)
        exit_status = cli_write_text(run, path, text, length);
    free(text);
    return exit_status;
}

/* What is told of comparisons is told of the suite's. */
static int write_survey(cli_run *run, const compare_options *own, mele_survey *survey)
{
    const comparing suite = {mele_survey_part(survey, 0), NULL};
    survey_writer *const writer[OUTPUTS] = {[HTML] = mele_survey_html, [MARKDOWN] = mele_survey_markdown};
    output all[OUTPUTS];
    int exit_status = prepare_page(run, own, &suite);

    list_outputs(run, own, all);
    for (size_t i = 1; i < OUTPUTS && exit_status == CLI_DONE; i++)
        if (is_wanted(all, i))
            exit_status = writer[i] != NULL ? write_page(run, own, survey, writer[i], all[i].path)
                                            : write_output(run, own, &suite, &all[i]);
    return exit_status == CLI_DONE ? write_page(run, own, survey, mele_survey_table, run->output) : exit_status;
}

static int survey(cli_run *run, const compare_options *own)
{
    mele_survey_options options = mele_survey_defaults();
    mele_survey *survey = NULL;

    options.quick = own->quick;
    options.sets = own->sets;
    options.folds = own->folds;
    options.repeats = own->repeats;
    options.seeds = own->seeds;
    options.seed = run->options.seed;
    int exit_status = cli_check(run, mele_survey_new(&options, &survey, &run->error), NULL);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_survey_run(survey, own->resume, run->engine, &run->error), own->resume);
    if (exit_status == CLI_DONE)
        exit_status = write_survey(run, own, survey);
    mele_survey_free(survey);
    return exit_status;
}

/* ---- the run ---- */

static int compare(cli_run *run, const compare_options *own)
{
    comparing c = {NULL, NULL};
    int exit_status = check_use(run, own);

    if (exit_status == CLI_DONE)
        exit_status = check_files(run, own);
    if (exit_status == CLI_DONE)
        exit_status = make(run, own, &c);
    if (exit_status == CLI_DONE && own->families != NULL)
        exit_status = add_families(run, &c, own->families);
    if (exit_status == CLI_DONE)
        exit_status = add_sets(run, own, &c);
    if (exit_status == CLI_DONE && mele_comparison_contenders(c.comparison) == 0)
        exit_status = add_families(run, &c, USUAL);
    if (exit_status == CLI_DONE)
        exit_status = add_all_predictions(run, own, &c);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_compare(c.comparison, own->resume, run->engine, &run->error), own->resume);
    if (exit_status == CLI_DONE)
        exit_status = prepare_page(run, own, &c);
    if (exit_status == CLI_DONE)
        exit_status = write_outputs(run, own, &c);
    mele_comparison_free(c.comparison);
    for (size_t i = 0; c.data != NULL && i < run->operands; i++)
        mele_data_free(c.data[i]);
    free(c.data);
    return exit_status;
}

static int work(cli_run *run, const void *options)
{
    const compare_options *own = options;
    int exit_status = own->survey ? check_survey(run, own) : check_no_survey(run, own);

    if (exit_status == CLI_DONE)
        exit_status = own->survey ? survey(run, own) : compare(run, own);
    return exit_status;
}

/* ---- what was typed ---- */

/* Whether a shell takes a word as it stands. */
static bool is_plain(const char *word)
{
    return *word != '\0'
           && word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,-./:=@_")] == '\0';
}

/* Put a word behind a space, in quotes if it needs them; returns where it ends. At most 4 bytes a byte, and 3. */
static char *put_word(char *at, const char *word)
{
    *at++ = ' ';
    if (is_plain(word))
        return stpcpy(at, word);
    *at++ = '\'';
    for (; *word != '\0'; word++)
        if (*word == '\'')
            at = stpcpy(at, "'\\''");
        else
            *at++ = *word;
    return stpcpy(at, "'");
}

/* The command as it can be typed again; NULL: no memory. */
static char *command_of(int argc, char **argv)
{
    static const char *const program = "mele-compare";
    size_t room = strlen(program) + 1;
    char *command, *at;

    for (int i = 1; i < argc; i++)
        room += 4 * strlen(argv[i]) + 3;
    if ((command = malloc(room)) == NULL)
        return NULL;
    at = stpcpy(command, program);
    for (int i = 1; i < argc; i++)
        at = put_word(at, argv[i]);
    return command;
}

/* The options of the library that are not of one fit alone: those that models record, but for the family. */
static void list_options(const char **names, size_t room)
{
    const char *name;
    size_t count = 0;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL && count + 1 < room; i++)
        if (mele_option_recorded(name) && strcmp(name, "family") != 0)
            names[count++] = name;
    names[count] = NULL;
}

int main(int argc, char **argv)
{
    enum { MOST_OPTIONS = 256 };
    const char *from_table[MOST_OPTIONS];
    compare_options own = {0};
    const cli_option all[] = {
        {.name = "survey", .flag = &own.survey,
         .help = "in place of DATA: families on a suite of sets that comes along, and verdicts on what has been claimed "
                 "of them (some twenty minutes of two processors)"},
        {.name = "quick", .flag = &own.quick,
         .help = "the survey with fewer sets, families and splits (three minutes at most)"},
        {.name = "sets", .argument = "NAME[,NAME...]", .text = &own.sets,
         .help = "of the survey only these sets, and nothing that has been published beside them"},
        {.name = "markdown", .argument = "FILE", .text = &own.markdown,
         .help = "write the survey to FILE as a page in Markdown"},
        {.name = "families", .argument = "LIST", .text = &own.families,
         .help = "who is compared: families, each with its options, as in mele:k=8,expert=gp,me-em (default: "
                 USUAL ")"},
        {.name = "suite", .argument = "FILE", .text = &own.suite,
         .help = "in place of DATA, the sets, and without --families the families, of a JSON file"},
        {.name = "cv", .argument = "N", .whole = &own.folds, .least = 2, .most = 1000000000,
         .help = "folds that the rows are dealt to (default: 10)"},
        {.name = "repeats", .argument = "R", .whole = &own.repeats, .least = 1, .most = 1000000,
         .help = "deal the rows anew R times (default: 1)"},
        {.name = "blocks", .flag = &own.blocks,
         .help = "folds are runs of consecutive rows, for rows in the order of time"},
        {.name = "folds", .library = true},
        {.name = "seeds", .argument = "S", .whole = &own.seeds, .least = 1, .most = 1000000,
         .help = "fit S times in each split, with other seeds, to see how much comes of them (default: 1)"},
        {.name = "measure", .argument = "NAME[,NAME...]", .text = &own.measure,
         .help = "what is compared: of each set the first of these measures that it has (default: rmse, of classes the "
                 "error, which is 1 - accuracy)"},
        {.name = "resume", .argument = "FILE", .text = &own.resume,
         .help = "keep each result in FILE as it comes, and take those that are there: go on where a run ended"},
        {.name = "predictions", .argument = "NAME=FILE", .list = &own.predictions,
         .help = "compare with what others predict of the rows left out, in the columns of 'mele-fit --cv-output' and "
                 "its folds; of several sets NAME=FILE:SET. May be given several times"},
        {.name = "csv", .argument = "FILE", .text = &own.csv,
         .help = "write what was measured as CSV: a row a set, contender, repeat, fold and seed"},
        {.name = "json", .argument = "FILE", .text = &own.json, .help = "write everything as one JSON object"},
        {.name = "html", .argument = "FILE", .text = &own.html,
         .help = "write a page for people, with tables and pictures"},
        {.name = "no-times", .flag = &own.no_times,
         .help = "leave out the seconds, which differ from run to run"},
        {.name = "memory", .library = true},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-compare", .own = &own, .progress = true, .work = work,
                           .usage = {.operands = "DATA...", .least = 0, .most = SIZE_MAX, .own = all,
                                     .otherwise = "--suite FILE [OPTION]...\n"
                                                  "  or:  mele-compare --survey [--quick] [OPTION]...",
                                     .from_table = from_table}};

    list_options(from_table, MOST_OPTIONS);
    own.command = command_of(argc, argv);
    const int exit_status = cli_main_run(&what, argc, argv);
    free(own.predictions.item);
    free(own.command);
    return exit_status;
}
