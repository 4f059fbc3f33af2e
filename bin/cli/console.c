#include "cli/console.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Seconds between two lines of progress. */
#define TERMINAL_PAUSE 0.1
#define FILE_PAUSE 2.0

cli_console cli_console_of(const char *program)
{
    cli_console console = {.program = program, .terminal = isatty(STDERR_FILENO) == 1};

    return console;
}

double cli_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cli_console_clear(cli_console *console)
{
    if (console->drawn)
        fputs("\r\033[K", stderr);
    console->drawn = false;
}

/* An argument can hold anything, also what would end the line or move the cursor. (What the library
 * says of names is escaped already; `mele` itself does without the library.) */
static void make_harmless(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++)
        if (*at < ' ' || *at == 0x7f)
            *at = '?';
        else if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0) /* the same again, in UTF-8 */
            at[0] = at[1] = '?';
}

static void say(cli_console *console, const char *format, va_list arguments)
{
    char text[2048];

    vsnprintf(text, sizeof text, format, arguments);
    make_harmless(text);
    cli_console_clear(console);
    fprintf(stderr, "%s: %s\n", console->program, text);
}

void cli_say(cli_console *console, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(console, format, arguments);
    va_end(arguments);
}

int cli_wrong_usage(cli_console *console, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(console, format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try '%s --help'\n", console->program);
    return CLI_USAGE;
}

static void describe(const mele_progress *progress, char *out, size_t size)
{
    int length = snprintf(out, size, "%s %zu", progress->stage, progress->done);

    if (progress->total > 0 && length > 0 && (size_t)length < size)
        length += snprintf(out + length, size - (size_t)length, "/%zu", progress->total);
    if (!isnan(progress->value) && length > 0 && (size_t)length < size)
        snprintf(out + length, size - (size_t)length, "  %.6g", progress->value);
}

bool cli_console_progress(const mele_progress *progress, void *user)
{
    cli_console *console = user;
    double now = cli_clock(), pause = console->terminal ? TERMINAL_PAUSE : FILE_PAUSE;
    bool same_stage = console->stage != NULL && strcmp(console->stage, progress->stage) == 0;
    char text[128];

    if (same_stage && now < console->drawn_at + pause)
        return true;
    describe(progress, text, sizeof text);
    if (console->terminal)
        fprintf(stderr, "\r%s: %s\033[K", console->program, text);
    else
        fprintf(stderr, "%s: %s\n", console->program, text);
    console->drawn = console->terminal;
    console->drawn_at = now;
    console->stage = progress->stage;
    return true;
}
