#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/* What fuzz targets share. A target is a file fuzz_NAME.c with a function that takes any bytes and
 * aborts when something does not hold. It is linked twice: with libFuzzer, which makes the bytes
 * (configure --enable-fuzz, make fuzz), and with replay.c, which reads them from the files of the
 * corpus, as make check does. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mele/mele.h>

/* The names are libFuzzer's. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Say what does not hold, and abort. */
#define FUZZ_CHECK(holds, ...)                                                                     \
    do {                                                                                           \
        if (!(holds))                                                                              \
            fuzz_fail(__FILE__, __LINE__, #holds, __VA_ARGS__);                                    \
    } while (0)

_Noreturn void fuzz_fail(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Write "rows.csv", "rows.npy", "rows.npz", "model.json" or "predictions.csv" in the process' own
 * directory, which goes when the process ends; returns its path. */
const char *fuzz_file(const char *name, const void *bytes, size_t size);

/* Make standard input that file, from its beginning. */
void fuzz_standard_input(const char *path);

/* An engine of 3 threads; made once. */
mele_engine *fuzz_threads(void);

/* A failed call says why in one line of text; a call that did not is MELE_OK. */
void fuzz_check_status(mele_status status, const mele_error *error);

/* Both failed, in the same way, or neither. */
void fuzz_check_same(mele_status one, const mele_error *one_error, mele_status other,
                     const mele_error *other_error, const char *what);

/* Text that grows: what mele_write_fn() is given. */
typedef struct fuzz_text {
    char *text; /* NULL: nothing yet */
    size_t length;
} fuzz_text;

/* A mele_write_fn; user is a fuzz_text. */
bool fuzz_gather(const char *text, size_t length, void *user);

/* Add a level to text: a number as such, for each table calls it by the spelling that it met
 * first. */
void fuzz_level(const char *level, mele_text *out);

#endif
