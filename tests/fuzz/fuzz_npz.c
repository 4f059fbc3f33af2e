/* Archives of left-out predictions: what is read is what can be one, and written and read again it
 * is the same; whatever the file claims, no memory is taken that it is not long enough for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

typedef struct bytes {
    char *at;
    size_t length;
} bytes;

static bool keep(const char *text, size_t length, void *user)
{
    bytes *b = user;
    char *more = realloc(b->at, b->length + length + 1);

    if (more == NULL)
        abort();
    memcpy(more + b->length, text, length);
    *b = (bytes){more, b->length + length};
    return true;
}

static bytes write_bytes(const mele_left_out *left_out)
{
    mele_error error = {MELE_OK, 0, ""};
    bytes b = {NULL, 0};
    const mele_status status = mele_left_out_write_to(left_out, keep, &b, &error);

    FUZZ_CHECK(status == MELE_OK, "%s", error.message);
    return b;
}

/* What holds of all that are read. */
static void check(const mele_left_out *l, size_t size)
{
    const mele_rows mean = mele_left_out_mean(l), variance = mele_left_out_variance(l);
    const size_t rows = mele_left_out_rows(l), clusters = mele_left_out_clusters(l);
    const size_t *group = mele_left_out_groups(l);

    FUZZ_CHECK(mean.rows == rows && mean.cols == clusters * mele_left_out_outputs(l), "shapes");
    FUZZ_CHECK(rows * mean.cols <= size / sizeof(double), "%zu x %zu numbers of %zu bytes", rows,
               mean.cols, size);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < mean.cols; j++)
            FUZZ_CHECK(mele_left_out_classes(l) > 0 ? !(mean.data[i * mean.cols + j] > 0)
                                                    : !isinf(mean.data[i * mean.cols + j]),
                       "row %zu: mean %g", i, mean.data[i * mean.cols + j]);
        for (size_t j = 0; j < variance.cols; j++)
            FUZZ_CHECK(!(variance.data[i * variance.cols + j] <= 0), "row %zu: variance %g", i,
                       variance.data[i * variance.cols + j]);
        for (size_t k = 0; k < clusters; k++)
            FUZZ_CHECK(mele_left_out_fold(l, i, k) <= 255, "row %zu: folds", i);
        FUZZ_CHECK(group == NULL || group[i] < rows, "row %zu: group %zu", i, group[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file("rows.npz", data, size);
    mele_error error = {MELE_OK, 0, ""};
    mele_left_out *first = NULL, *second = NULL;
    mele_status status = mele_left_out_read(path, &first, &error);

    fuzz_check_status(status, &error);
    FUZZ_CHECK((first != NULL) == (status == MELE_OK), "an output after a failure");
    if (status != MELE_OK)
        return 0;
    check(first, size);
    const bytes before = write_bytes(first);
    fuzz_file("rows.npz", before.at, before.length);
    status = mele_left_out_read(path, &second, &error);
    FUZZ_CHECK(status == MELE_OK, "%s", error.message);
    const bytes after = write_bytes(second);
    FUZZ_CHECK(before.length == after.length && memcmp(before.at, after.at, after.length) == 0,
               "written and read again it is another");
    free(before.at);
    free(after.at);
    mele_left_out_free(first);
    mele_left_out_free(second);
    return 0;
}
