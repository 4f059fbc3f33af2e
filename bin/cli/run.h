#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <mele/mele.h>

#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/outfile.h"

/* One run of a program: what it was asked, and what it works with. Functions that can end the run
 * return the exit status, CLI_DONE to go on; what went wrong was said then. */
typedef struct cli_run {
    cli_console console;
    mele_options options;
    char **operand;
    size_t operands;
    const char *order;                /* of the operands, as --help has it */
    const char *data;                 /* the operand DATA, if there is one */
    const char *output, *report_file; /* NULL: standard output, none */
    const char *left_out_file;        /* where left-out predictions go; NULL: nowhere */
    const char *rows_file;            /* where the rows that cross-validation left out go; NULL: nowhere */
    size_t threads;                   /* 0: all */
    bool quiet, verbose, progress, strict;
    bool reader_left;                 /* who read standard output went away */
    mele_engine *engine;
    mele_report *report;              /* NULL: the program has none */
    mele_error error;                 /* for the library's calls */
    double started;
} cli_run;

/* What a program is: its name, what it takes, and what it does with its operands. */
typedef struct cli_main {
    const char *program;
    cli_usage usage; /* .shared is filled in */
    bool fits;       /* it has a report and --strict */
    bool progress;   /* it can take long */
    bool single;     /* it works with one thread, whatever there is */
    bool follows;    /* it reads DATA for a MODEL that was fitted before */
    int (*work)(cli_run *run, const void *own);
    const void *own; /* the values of the program's own options */
} cli_main;

/* All that main() does. */
int cli_main_run(const cli_main *what, int argc, char **argv);

/* Whether the result goes to a terminal. */
bool cli_on_screen(const cli_run *run);

/* Turn the status of a call into one of the run; `path` is the file it was about, or NULL. */
int cli_check(cli_run *run, mele_status status, const char *path);

/* Say that memory ran out; the exit status. */
int cli_no_memory(cli_run *run);

/* Refuse when more than one of these files (NULL: not given) is standard input. */
int cli_check_inputs(cli_run *run, const char *const *paths, size_t count);

/* Refuse when an output of the run is this file, which it reads. followed: it is a model, which the next
 * one, the run's --output, may replace. */
int cli_check_overwriting(cli_run *run, const char *path, bool followed);

/* How messages call an input. */
const char *cli_input_name(const char *path);

/* Put what the command line says about the form of a file over what *table says. */
void cli_table_options(const mele_options *options, mele_table_options *table);

/* What does not even begin as a model may be DATA in its place: the message says the order. */
int cli_read_model(cli_run *run, const char *path, mele_model **out);
int cli_read_posteriors(cli_run *run, const char *path, size_t clusters, mele_posteriors *out);

/* Files that come with the rows of DATA, by their options; NULL: not given. */
typedef struct cli_company_paths {
    const char *posteriors, *predictions;
} cli_company_paths;

/* What they hold: in place of stage 1, and of outside experts; NULL: nothing. */
typedef struct cli_company {
    const mele_posteriors *posteriors;
    const mele_predictions *predictions;
} cli_company;

/* Read what MODEL DATA and those options name beside the data, and put it to use. */
int cli_use_model(cli_run *run, const cli_company_paths *paths,
                  int (*use)(cli_run *run, const mele_model *model, const cli_company *company,
                             const void *own), const void *own);

/* End an output: keep it when `exit_status` is CLI_DONE. A reader that went away is CLI_DONE. */
int cli_close(cli_run *run, cli_outfile *out, int exit_status);

/* Write a whole text to a file, or to standard output. */
int cli_write_text(cli_run *run, const char *path, const char *text, size_t length);

#endif
