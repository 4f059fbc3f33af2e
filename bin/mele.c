/* mele NAME ...: run mele-NAME ..., the one beside this program before any other. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/console.h"
#include "cli/outfile.h"
#include "cli/programs.h"
#include "cli/text.h"

static void print_list(FILE *out)
{
    fputs("Usage: mele NAME [ARGUMENT]...\n"
          "   or: mele help NAME\n"
          "   or: mele --help | --version\n"
          "Mixtures of explicitly localized experts: regions of the input space, an expert for\n"
          "each, and a gate that blends them.\n\n", out);
    for (const cli_program *program = cli_programs; program->name != NULL; program++)
        fprintf(out, "  %-12s%s\n", program->name, program->purpose);
    fputs("\n'mele NAME ...' runs 'mele-NAME ...'; 'mele-NAME --help' says what it takes.\n\n"
          "  -h, --help                  print this and exit\n"
          "  -V, --version               print the version and exit\n", out);
}

/* Print to standard output what one of these functions prints; the exit status. */
static int print(cli_console *console, void (*what)(FILE *out))
{
    bool whole = false;
    cli_outfile out;
    cli_text text;

    if (cli_text_open(&text)) {
        what(text.out);
        whole = cli_text_close(&text);
    }
    if (!whole) {
        cli_say(console, "out of memory");
        return CLI_FAILED;
    }
    if (cli_outfile_open(&out, NULL))
        cli_outfile_write(text.data, text.length, &out);
    free(text.data);
    if (cli_outfile_close(&out) || cli_outfile_reader_left(&out))
        return CLI_DONE;
    cli_say(console, "%s: %s", out.name, strerror(out.failure));
    return CLI_FAILED;
}

static void print_version(FILE *out)
{
    fputs("mele (mele) " PACKAGE_VERSION "\n", out);
}

/* Returns only when the program beside this one could not be run. */
static void run_beside(const char *name, char **argv)
{
    char own[4096], path[4096 + 64];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);

    if (length <= 0)
        return;
    own[length] = '\0';
    char *slash = strrchr(own, '/');
    if (slash == NULL)
        return;
    snprintf(path, sizeof path, "%.*s/%s", (int)(slash - own), own, name);
    execv(path, argv);
}

static bool is_one_of(const char *text, const char *name, const char *letter)
{
    return strcmp(text, name) == 0 || strcmp(text, letter) == 0;
}

int main(int argc, char **argv)
{
    cli_console console = cli_console_of("mele");
    const cli_program *program;
    char name[64], help[] = "--help";

    if (argc < 2 || is_one_of(argv[1], "--help", "-h") || (argc == 2 && strcmp(argv[1], "help") == 0))
        return print(&console, print_list);
    if (is_one_of(argv[1], "--version", "-V"))
        return print(&console, print_version);
    if (strcmp(argv[1], "help") == 0) {
        argv[1] = argv[2];
        argv[2] = help;
    }
    program = argv[1][0] == '-' ? NULL : cli_program_named(argv[1]);
    if (program == NULL) {
        cli_say(&console, "there is no program \"%s\"", argv[1]);
        print_list(stderr);
        return CLI_USAGE;
    }
    snprintf(name, sizeof name, "mele-%s", program->name);
    argv[1] = name;
    run_beside(name, argv + 1);
    execvp(name, argv + 1);
    cli_say(&console, "%s: %s", name, strerror(errno));
    return CLI_FAILED;
}
