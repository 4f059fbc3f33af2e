/* Archives of arrays: what is written is read again, with and without 64-bit numbers, as NumPy's
 * are; and what is damaged, too large or of another kind is refused. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "data/npz.h"
#include "unit/table_support.h"

/* np.savez(f, a=np.array([[1.5, -2.0]]), n=np.array(7)) of NumPy 1.24.2, as it was written. */
static const unsigned char numpy[] = {
#include "unit/npz_reference.h"
};

typedef struct bytes {
    char at[8192];
    size_t length, most; /* most: writing stops there */
} bytes;

static bool keep(const char *text, size_t length, void *user)
{
    bytes *b = user;

    if (b->length + length > b->most)
        return false;
    memcpy(b->at + b->length, text, length);
    b->length += length;
    return true;
}

static const double numbers[] = {1.5, -2, 3e300, 0.1, 5, -0.0};
static const int64_t groups[] = {3, -1};
static const unsigned char folds[] = {0, 255};
static const mele_i_npz_array arrays[] = {
    {"format", "|S5", 0, {0}, "hello"},
    {"mean", "<f8", 3, {1, 2, 3}, numbers},
    {"group", "<i8", 1, {2}, groups},
    {"fold", "|u1", 2, {2, 1}, folds},
};

enum { ARRAYS = sizeof arrays / sizeof *arrays };

static bytes write_all(uint32_t most_small)
{
    bytes b = {.most = sizeof b.at};

    cr_assert_eq(mele_i_npz_write(arrays, ARRAYS, most_small, keep, &b, NULL), MELE_OK);
    return b;
}

/* Read one array, as a reader of a format would. */
static mele_status read_array(const mele_i_npz *npz, const char *name, const char *type,
                              size_t dimensions, uint64_t *shape, void *out, size_t count,
                              mele_error *error)
{
    const mele_i_npz_member *m = mele_i_npz_find(npz, name);

    cr_assert_not_null(m, "%s", name);
    mele_status status = mele_i_npz_shape(npz, m, type, dimensions, shape, error);
    return status == MELE_OK ? mele_i_npz_read(npz, m, type, out, count, error) : status;
}

static void check_all(const test_file *file)
{
    mele_error error = {MELE_OK, 0, ""};
    mele_i_npz npz;
    double mean[6];
    int64_t group[2];
    unsigned char fold[2];
    char format[5];
    uint64_t shape[3];

    cr_assert_eq(mele_i_npz_open(&npz, file->path, &error), MELE_OK, "%s", error.message);
    cr_expect_eq(npz.count, (size_t)ARRAYS);
    cr_expect_eq(read_array(&npz, "fold", "|u1", 2, shape, fold, 2, &error), MELE_OK);
    cr_expect(shape[0] == 2 && shape[1] == 1 && memcmp(fold, folds, sizeof fold) == 0);
    cr_expect_eq(read_array(&npz, "mean", "<f8", 3, shape, mean, 6, &error), MELE_OK, "%s",
                 error.message);
    cr_expect(shape[0] == 1 && shape[1] == 2 && shape[2] == 3);
    cr_expect(memcmp(mean, numbers, sizeof mean) == 0);
    cr_expect_eq(read_array(&npz, "group", "<i8", 1, shape, group, 2, &error), MELE_OK);
    cr_expect(shape[0] == 2 && memcmp(group, groups, sizeof group) == 0);
    cr_expect_eq(read_array(&npz, "format", "|S5", 0, shape, format, 1, &error), MELE_OK);
    cr_expect(memcmp(format, "hello", 5) == 0);
    cr_expect_null(mele_i_npz_find(&npz, "mea"));
    mele_i_npz_close(&npz);
}

/* Numbers of 64 bits stand in for all, for sizes alone of some, or nowhere. */
Test(npz, is_read_again)
{
    static const uint32_t most_small[] = {0, 1, 150, 400};

    for (size_t i = 0; i < sizeof most_small / sizeof *most_small; i++) {
        const bytes b = write_all(most_small[i]);
        test_file file = test_file_make(b.at, b.length, ".npz");
        check_all(&file);
        remove(file.path);
    }
}

Test(npz, writing_may_be_stopped)
{
    const bytes whole = write_all(0);

    for (size_t most = 0; most < whole.length; most++) {
        bytes b = {.most = most};
        mele_error error;
        cr_assert_eq(mele_i_npz_write(arrays, ARRAYS, 0, keep, &b, &error), MELE_ESTOPPED);
    }
}

Test(npz, numpys_own_are_read)
{
    test_file file = test_file_make(numpy, sizeof numpy, ".npz");
    mele_error error = {MELE_OK, 0, ""};
    mele_i_npz npz;
    double a[2];
    int64_t n;
    uint64_t shape[3];

    cr_assert_eq(mele_i_npz_open(&npz, file.path, &error), MELE_OK, "%s", error.message);
    cr_expect_eq(read_array(&npz, "n", "<i8", 0, shape, &n, 1, &error), MELE_OK);
    cr_expect_eq(n, 7);
    cr_expect_eq(read_array(&npz, "a", "<f8", 2, shape, a, 2, &error), MELE_OK);
    cr_expect(a[0] == 1.5 && a[1] == -2 && shape[0] == 1 && shape[1] == 2);
    mele_i_npz_close(&npz);
    remove(file.path);
}

Test(npz, another_type_or_shape_is_refused)
{
    const bytes b = write_all(0);
    test_file file = test_file_make(b.at, b.length, ".npz");
    mele_i_npz npz;
    mele_error error;
    uint64_t shape[3];
    double mean[6];

    cr_assert_eq(mele_i_npz_open(&npz, file.path, NULL), MELE_OK);
    const mele_i_npz_member *m = mele_i_npz_find(&npz, "mean");
    cr_expect_eq(mele_i_npz_shape(&npz, m, "<f4", 3, shape, &error), MELE_EDATA);
    cr_expect_str_eq(error.message, "\"mean\" is of the type \"<f8\", not \"<f4\"");
    cr_expect_eq(mele_i_npz_shape(&npz, m, "<f8", 2, shape, &error), MELE_EDATA);
    cr_expect_str_eq(error.message, "\"mean\" has 3 dimensions, not 2");
    cr_expect_eq(mele_i_npz_read(&npz, m, "<f8", mean, 5, &error), MELE_EDATA);
    mele_i_npz_close(&npz);
    remove(file.path);
}

/* What one byte that is another, or an end that comes early, makes of an archive: it is read as it
 * was, or refused. */
static void try_damaged(const char *at, size_t length)
{
    test_file file = test_file_make(at, length, ".npz");
    mele_error error = {MELE_OK, 0, ""};
    mele_i_npz npz;
    double mean[6];
    uint64_t shape[3] = {0};
    mele_status status = mele_i_npz_open(&npz, file.path, &error);
    const mele_i_npz_member *m = status == MELE_OK ? mele_i_npz_find(&npz, "mean") : NULL;

    if (m != NULL)
        status = mele_i_npz_shape(&npz, m, "<f8", 3, shape, &error);
    if (m != NULL && status == MELE_OK)
        status = mele_i_npz_read(&npz, m, "<f8", mean, 6, &error);
    cr_assert(status == MELE_OK || (status == MELE_EDATA && error.message[0] != '\0'));
    cr_assert(m == NULL || status != MELE_OK || memcmp(mean, numbers, sizeof mean) == 0);
    mele_i_npz_close(&npz);
    remove(file.path);
}

Test(npz, damaged_ones_are_refused)
{
    static const uint32_t most_small[] = {0, 1};

    for (size_t s = 0; s < 2; s++) {
        bytes b = write_all(most_small[s]);
        for (size_t i = 0; i < b.length; i++) {
            const char byte = b.at[i];
            b.at[i] = (char)(byte ^ (1 << i % 8));
            try_damaged(b.at, b.length);
            b.at[i] = (char)0xFF;
            try_damaged(b.at, b.length);
            b.at[i] = byte;
            try_damaged(b.at, i);
        }
    }
}

/* A claim is compared with the file before memory is taken for it. */
Test(npz, what_is_no_archive_is_refused)
{
    static const struct {
        const char *bytes, *message;
    } rows[] = {
        {"1,2\n3,4\n", "it is not an .npz archive of arrays"},
        {"PK", "it is not an .npz archive of arrays"},
        {"", "it is empty or a pipe; an .npz archive must be a regular file"},
        {"PK\3\4 and nothing of what should come then",
         "no end: the .npz archive is damaged or cut short"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_file file = test_file_make(rows[i].bytes, strlen(rows[i].bytes), ".npz");
        mele_error error;
        mele_i_npz npz;
        cr_expect_eq(mele_i_npz_open(&npz, file.path, &error), MELE_EDATA);
        cr_expect_str_eq(error.message, rows[i].message);
        mele_i_npz_close(&npz);
        remove(file.path);
    }
    mele_i_npz npz;
    cr_expect_eq(mele_i_npz_open(&npz, "/nonexistent", NULL), MELE_EIO);
    mele_i_npz_close(&npz);
}
