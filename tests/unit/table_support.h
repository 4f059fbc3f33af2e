#ifndef TESTS_UNIT_TABLE_SUPPORT_H
#define TESTS_UNIT_TABLE_SUPPORT_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A file that a test writes and removes. */
typedef struct test_file {
    char path[64];
} test_file;

/* Of these bytes, with a name that ends in suffix (".csv"). */
static inline test_file test_file_make(const void *bytes, size_t length, const char *suffix)
{
    test_file file;

    snprintf(file.path, sizeof file.path, "/tmp/mele-XXXXXX%s", suffix);
    int suffix_length = 0;
    while (suffix[suffix_length] != '\0')
        suffix_length++;
    int descriptor = mkstemps(file.path, suffix_length);
    if (descriptor < 0 || write(descriptor, bytes, length) != (ssize_t)length)
        abort();
    close(descriptor);
    return file;
}

#endif
