#include "fuzz/fuzz.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gsl/gsl_errno.h>
#ifdef HAVE_OPENBLAS
#include <cblas.h>
#endif

enum { FILES = 5 };
static const char *const names[FILES] = {"rows.csv", "rows.npy", "rows.npz", "model.json",
                                         "predictions.csv"};

static char directory[] = "/tmp/mele-fuzz-XXXXXX";
static char paths[FILES][64];
static mele_engine *threads;

static void clean_up(void)
{
    mele_engine_free(threads);
    for (size_t f = 0; f < FILES; f++)
        unlink(paths[f]);
    rmdir(directory);
}

/* What programs do for the whole process, see bin/cli/run.c. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const mele_engine_options three = {3, NULL, NULL};

    (void)argc;
    (void)argv;
    gsl_set_error_handler_off();
#ifdef HAVE_OPENBLAS
    openblas_set_num_threads(1);
#endif
    if (mkdtemp(directory) == NULL || mele_engine_new(&three, &threads, NULL) != MELE_OK)
        abort();
    for (size_t f = 0; f < FILES; f++)
        snprintf(paths[f], sizeof paths[f], "%s/%s", directory, names[f]);
    atexit(clean_up);
    return 0;
}

_Noreturn void fuzz_fail(const char *file, int line, const char *what, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s:%d: does not hold: %s: ", file, line, what);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}

const char *fuzz_file(const char *name, const void *bytes, size_t size)
{
    size_t f = 0;

    while (strcmp(names[f], name) != 0)
        f++;
    int file = open(paths[f], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size || close(file) != 0)
        abort();
    return paths[f];
}

void fuzz_standard_input(const char *from)
{
    int file = open(from, O_RDONLY);

    if (file < 0 || dup2(file, STDIN_FILENO) < 0)
        abort();
    close(file);
}

mele_engine *fuzz_threads(void)
{
    return threads;
}

void fuzz_check_status(mele_status status, const mele_error *error)
{
    if (status == MELE_OK)
        return;
    FUZZ_CHECK(status == error->status, "status %d, the error says %d", status, error->status);
    FUZZ_CHECK(status != MELE_ENOMEM && status != MELE_ESTOPPED, "%s", error->message);
    FUZZ_CHECK(error->message[0] != '\0', "status %d without a message", status);
    for (const char *c = error->message; *c != '\0'; c++)
        FUZZ_CHECK((unsigned char)*c >= ' ' && *c != 127, "a control character in \"%s\"",
                   error->message);
}

void fuzz_check_same(mele_status one, const mele_error *one_error, mele_status other,
                     const mele_error *other_error, const char *what)
{
    FUZZ_CHECK(one == other, "%s: \"%s\" and \"%s\"", what,
               one == MELE_OK ? "" : one_error->message,
               other == MELE_OK ? "" : other_error->message);
    if (one == MELE_OK)
        return;
    FUZZ_CHECK(strcmp(one_error->message, other_error->message) == 0
                   && one_error->line == other_error->line,
               "%s: line %zu \"%s\", line %zu \"%s\"", what, one_error->line, one_error->message,
               other_error->line, other_error->message);
}

bool fuzz_gather(const char *text, size_t length, void *user)
{
    fuzz_text *all = user;
    char *grown = realloc(all->text, all->length + length + 1);

    if (grown == NULL)
        abort();
    memcpy(grown + all->length, text, length);
    all->text = grown;
    all->length += length;
    grown[all->length] = '\0';
    return true;
}

void fuzz_level(const char *level, mele_text *out)
{
    char point[64];
    double value;
    size_t length = strlen(level);

    snprintf(point, sizeof point, "%s", level);
    for (char *c = point; *c != '\0'; c++)
        if (*c == ',')
            *c = '.';
    if (length < sizeof point && mele_number_parse(point, length, &value, NULL) == MELE_OK)
        mele_text_number(out, value + 0.0); /* -0 is 0 */
    else
        mele_text_cell(out, level, length);
}
