#include "cli/console.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Seconds between two lines of progress. */
#define TERMINAL_PAUSE 0.1
#define FILE_PAUSE 2.0

#define LEAST_SPENT 1.0 /* seconds of a stage from which the rest is judged */

cli_console cli_console_of(const char *program)
{
    cli_console console = {.program = program, .terminal = isatty(STDERR_FILENO) == 1};

    console.redrawn = console.terminal;
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

/* ---- progress ---- */

/* What a stage is called to people. */
static const char *stage_name(const char *stage)
{
    static const char *const names[][2] = {
        {"read", "reading"}, {"clusters", "choosing the number of regions"},
        {"partition", "stage 1, partition"}, {"experts", "stage 2, experts"},
        {"network", "stage 2, experts"}, {"gate", "stage 3, gate"},
        {"boosting", "rounds of boosting"}, {"cv", "cross-validation"}, {"compare", "comparing"},
        {"predict", "predicting"}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], stage) == 0)
            return names[i][1];
    return stage;
}

static void time_text(double seconds, char *out, size_t size)
{
    const double minutes = floor(seconds / 60);

    if (seconds < 60)
        snprintf(out, size, "%.0f s", ceil(seconds));
    else if (minutes < 60)
        snprintf(out, size, "%.0f min", minutes);
    else
        snprintf(out, size, "%.0f h %.0f min", floor(minutes / 60), fmod(minutes, 60));
}

/* The stage, its share and the time left, which is what the rest takes at the rate so far; of a
 * stage of unknown length the time it has taken. */
static void describe(const cli_console *console, const mele_progress *progress, double now,
                     char *out, size_t size)
{
    const double spent = now - console->stage_began;
    char time[48] = "", left[64] = "";

    if (progress->total == 0) {
        time_text(spent, time, sizeof time);
        snprintf(out, size, "%s: %s", console->stage, time);
        return;
    }
    if (spent >= LEAST_SPENT && progress->done > console->stage_first) {
        const double steps = (double)(progress->done - console->stage_first);
        time_text(spent / steps * (double)(progress->total - progress->done), time, sizeof time);
        snprintf(left, sizeof left, ", %s left", time);
    }
    snprintf(out, size, "%s: %.0f %%%s", console->stage,
             floor(100 * ((double)progress->done / (double)progress->total)), left);
}

/* Whether the stage is another than that of the last progress, which is then forgotten. */
static bool is_new_stage(cli_console *console, const mele_progress *progress, double now)
{
    const char *name = stage_name(progress->stage);

    if (strncmp(console->stage, name, sizeof console->stage - 1) == 0
        && progress->done >= console->stage_first)
        return false;
    snprintf(console->stage, sizeof console->stage, "%s", name);
    console->stage_began = now;
    console->stage_first = progress->done;
    return true;
}

bool cli_console_progress(const mele_progress *progress, void *user)
{
    cli_console *console = user;
    double now = cli_clock(), pause = console->redrawn ? TERMINAL_PAUSE : FILE_PAUSE;
    char text[160];

    if (!is_new_stage(console, progress, now) && now < console->drawn_at + pause)
        return true;
    describe(console, progress, now, text, sizeof text);
    if (console->redrawn)
        fprintf(stderr, "\r%s: %s\033[K", console->program, text);
    else
        fprintf(stderr, "%s: %s\n", console->program, text);
    console->drawn = console->redrawn;
    console->drawn_at = now;
    return true;
}
