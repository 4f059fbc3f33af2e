/* Families of models compared on the same folds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"

#define USUAL "one,mele,me-em:k=4,bagging,boosting"

typedef struct compare_options {
    size_t folds, repeats, seeds; /* 0: not given */
    bool blocks, no_times;
    const char *families, *measure, *resume; /* NULL: not given */
} compare_options;

/* What the run holds. */
typedef struct comparing {
    mele_comparison *comparison;
    mele_data **data; /* of each operand */
} comparing;

/* ---- before ---- */

static int check_use(cli_run *run, const compare_options *own)
{
    const bool given = run->options.data.folds != NULL;

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

static int check_files(cli_run *run, const compare_options *own)
{
    int exit_status = cli_check_inputs(run, (const char *const *)run->operand, run->operands);

    (void)own;
    for (size_t i = 0; i < run->operands && exit_status == CLI_DONE; i++)
        exit_status = cli_check_overwriting(run, run->operand[i], false);
    return exit_status;
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

static int add_sets(cli_run *run, comparing *c)
{
    int exit_status = CLI_DONE;

    if ((c->data = calloc(run->operands, sizeof(mele_data *))) == NULL)
        return cli_no_memory(run);
    for (size_t i = 0; i < run->operands && exit_status == CLI_DONE; i++)
        exit_status = add_set(run, i, c);
    return exit_status;
}

/* ---- outputs ---- */

static int write_table(cli_run *run, const compare_options *own, const comparing *c)
{
    char *text = NULL;
    size_t length;
    int exit_status = cli_check(run, mele_comparison_table(c->comparison, !own->no_times, &text, &length, &run->error),
                                NULL);

    if (exit_status == CLI_DONE)
        exit_status = cli_write_text(run, run->output, text, length);
    free(text);
    return exit_status;
}

/* ---- the run ---- */

static int work(cli_run *run, const void *options)
{
    const compare_options *own = options;
    comparing c = {NULL, NULL};
    int exit_status = check_use(run, own);

    if (exit_status == CLI_DONE)
        exit_status = check_files(run, own);
    if (exit_status == CLI_DONE)
        exit_status = make(run, own, &c);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_comparison_add_families(c.comparison, own->families == NULL ? USUAL
                                                                                                      : own->families,
                                                                  &run->error), NULL);
    if (exit_status == CLI_DONE)
        exit_status = add_sets(run, &c);
    if (exit_status == CLI_DONE)
        exit_status = cli_check(run, mele_compare(c.comparison, own->resume, run->engine, &run->error), own->resume);
    if (exit_status == CLI_DONE)
        exit_status = write_table(run, own, &c);
    mele_comparison_free(c.comparison);
    for (size_t i = 0; c.data != NULL && i < run->operands; i++)
        mele_data_free(c.data[i]);
    free(c.data);
    return exit_status;
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
        {.name = "families", .argument = "LIST", .text = &own.families,
         .help = "who is compared: families, each with its options, as in mele:k=8,expert=gp,me-em (default: "
                 USUAL ")"},
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
        {.name = "no-times", .flag = &own.no_times,
         .help = "leave out the seconds, which differ from run to run"},
        {.name = "memory", .library = true},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-compare", .own = &own, .progress = true, .work = work,
                           .usage = {.operands = "DATA...", .least = 1, .most = SIZE_MAX, .own = all,
                                     .from_table = from_table}};

    list_options(from_table, MOST_OPTIONS);
    return cli_main_run(&what, argc, argv);
}
