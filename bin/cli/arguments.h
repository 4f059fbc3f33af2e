#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include <mele/options.h>

#include "cli/console.h"

/* The values of an option that may be given several times, in their order. */
typedef struct cli_list {
    const char **item; /* to be freed, the texts not */
    size_t count;
} cli_list;

/* An option of a program's own. Exactly one of the places for its value is not NULL; or it is one of
 * the library's options that no model records, which has all but its name there. */
typedef struct cli_option {
    const char *name;     /* without dashes; NULL ends a list */
    bool library;         /* the rest is the library's */
    char letter;          /* 0: none */
    const char *argument; /* NULL: a flag */
    const char *help;     /* as mele_option_help() */
    bool *flag;
    const char **text;
    cli_list *list;
    size_t *whole;        /* within least .. most */
    size_t least, most;
} cli_option;

#define CLI_OUTPUT "output" /* the option that names the file of the result, everywhere */

/* What a program takes. */
typedef struct cli_usage {
    const char *operands;          /* "DATA [MODEL]" */
    const char *otherwise;         /* another way to use it, after its name; NULL: none */
    size_t least, most;            /* of them */
    const cli_option *own;         /* NULL: none */
    const cli_option *shared;      /* NULL: none */
    const char *const *from_table; /* names of the library's options, ended by NULL; NULL: all */
    mele_option_stage runs;        /* the one stage that it runs; MELE_OPTION_DATA: all, or none */
    const char *(*item)(size_t i, const char **help); /* listed by --help; NULL: nothing is */
    const char *items;             /* what those are; NULL: what --items LIST is made of */
} cli_usage;

/* Parse a command line: getopt_long() and --help are made from `usage` and the library's table.
 * @param operands  set to the first of *count operands.
 * @return -1: go on; else the exit status, with everything said (--help, --version, an error). */
int cli_arguments(cli_console *console, const cli_usage *usage, int argc, char **argv,
                  mele_options *options, char ***operands, size_t *count);

#endif
