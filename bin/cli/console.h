#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include <stdarg.h>
#include <stdbool.h>

#include <mele/engine.h>

/* Exit statuses of every program. */
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_NOT_CONVERGED = 3 };

/* Standard error: messages, one line each, and a line of progress that gives way to them. */
typedef struct cli_console {
    const char *program; /* what messages begin with */
    bool terminal;       /* standard error is one */
    bool redrawn;        /* progress is redrawn in place; else lines are added now and then */
    bool drawn;          /* a line of progress stands on the terminal */
    double drawn_at;     /* seconds; of the last progress */
    char stage[48];      /* of the last progress: what it is called, */
    double stage_began;  /* when it was first told of, */
    size_t stage_first;  /* and how far it was then */
} cli_console;

cli_console cli_console_of(const char *program);

/* "program: " and the text, with control characters made harmless; ends the line. */
void cli_say(cli_console *console, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Say what is wrong and how to get help. Returns CLI_USAGE. */
int cli_wrong_usage(cli_console *console, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Remove the line of progress. */
void cli_console_clear(cli_console *console);

/* A mele_progress_fn; `user` is the console. */
bool cli_console_progress(const mele_progress *progress, void *user);

/* Seconds of a clock that only runs forward. */
double cli_clock(void);

#endif
