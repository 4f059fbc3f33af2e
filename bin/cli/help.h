#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/arguments.h"

/* Print --help or --version to standard output; returns the exit status. */
int cli_print_help(cli_console *console, const cli_usage *usage);
int cli_print_version(cli_console *console);

/* Print text that was written to memory; frees it. NULL: memory ran out. */
int cli_print_text(cli_console *console, char *text, size_t length);

/* Whether --help lists an option of the library's table. */
bool cli_takes(const cli_usage *usage, const char *option);

#endif
