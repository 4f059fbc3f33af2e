#include "cli/early.h"

#include <sched.h>
#include <stdbool.h>

static cpu_set_t allowed; /* the processors that the process was given */
static bool narrowed;

/* Runs before any library is initialised: system calls only, and nothing that a sanitizer checks. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static void
narrow(int argc, char **argv, char **environment)
{
    cpu_set_t one;
    int first = 0;

    (void)argc;
    (void)argv;
    (void)environment;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    while (first < CPU_SETSIZE && !CPU_ISSET(first, &allowed))
        first++;
    if (first == CPU_SETSIZE)
        return;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    narrowed = sched_setaffinity(0, sizeof one, &one) == 0;
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(
    int, char **, char **) = narrow;

void cli_early_over(void)
{
    if (narrowed)
        sched_setaffinity(0, sizeof allowed, &allowed);
    narrowed = false;
}
