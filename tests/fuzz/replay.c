/* replay_NAME FILE...: the fuzz target NAME on the bytes of files. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"

/* The bytes in memory that is exactly as long, so that a sanitizer sees what is read behind them.
 */
static uint8_t *read_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(*size);
    if (*size > 0 && fread(bytes, 1, *size, file) != *size)
        abort();
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        size_t size;
        uint8_t *bytes = read_bytes(argv[i], &size);
        LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
    }
    return EXIT_SUCCESS;
}
