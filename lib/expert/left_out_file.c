/* Left-out predictions as a file: an .npz archive (data/npz.h) of the arrays
 *
 *     format, version            "mele left-out", 1
 *     classes                    0: regression
 *     hash_of_rows, hash_of_experts
 *     mean (n, K, M)             log-probabilities for classes
 *     variance (n, K, M)         regression
 *     center, scale (M)          regression: of the units of mean
 *     fold (n, K)                where an expert has folds
 *     group (n)                  where there are groups
 *     global_mean (n, M)         the global expert's, where a gate may need them
 *     global_variance (n, M)     regression, where there are those
 *
 * Of what is read every size is compared with the others and with the file before memory is
 * taken. Means and variances of many rows are looked at once, in pieces, and stay in the file: a gate
 * that is trained on a sample of rows reads those alone. */
#include "expert/left_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/replace.h"
#include "data/npz.h"
#include "engine/rows.h"
#include "expert/left_out_kept.h"

#define FORMAT "mele left-out"
#define VERSION 1
#define MOST_HELD ((size_t)64 << 20) /* bytes of means and variances that are read into memory */

/* Every array there may be, its type and how many dimensions it has. */
typedef struct kind {
    const char *name, *type;
    size_t dimensions;
} kind;

enum {
    A_FORMAT,
    A_VERSION,
    A_CLASSES,
    A_ROWS,
    A_EXPERTS,
    A_MEAN,
    A_VARIANCE,
    A_CENTER,
    A_SCALE,
    A_FOLD,
    A_GROUP,
    A_GLOBAL_MEAN,
    A_GLOBAL_VARIANCE,
    ARRAYS
};

static const kind kinds[ARRAYS] = {
    {"format", "|S13", 0},
    {"version", "<i8", 0},
    {"classes", "<i8", 0},
    {"hash_of_rows", "<u8", 0},
    {"hash_of_experts", "<u8", 0},
    {"mean", "<f8", 3},
    {"variance", "<f8", 3},
    {"center", "<f8", 1},
    {"scale", "<f8", 1},
    {"fold", "|u1", 2},
    {"group", "<i8", 1},
    {"global_mean", "<f8", 2},
    {"global_variance", "<f8", 2},
};

/* ---- writing ---- */

static bool has_folds(const mele_left_out *l)
{
    bool found = false;

    for (size_t i = 0; i < l->rows * l->clusters && l->fold != NULL && !found; i++)
        found = l->fold[i] > 0;
    return found;
}

static bool is_global(size_t a)
{
    return a == A_GLOBAL_MEAN || a == A_GLOBAL_VARIANCE;
}

static mele_i_npz_array array_of(const mele_left_out *l, size_t which, const void *data)
{
    const size_t first = which == A_CENTER || which == A_SCALE ? l->outputs : l->rows;
    const size_t second = is_global(which) ? l->outputs : l->clusters;

    return (mele_i_npz_array){kinds[which].name, kinds[which].type, kinds[which].dimensions,
                              {first, second, l->outputs}, data};
}

/* mean and variance are in memory. */
static mele_status write_held(const mele_left_out *l, const double *mean, const double *variance,
                              mele_write_fn *write, void *user, mele_error *error)
{
    const int64_t version = VERSION, classes = (int64_t)l->classes;
    uint64_t hash = l->hash_of_experts;
    mele_status status = MELE_OK;
    int64_t *group = l->group == NULL ? NULL : MELE_I_ARRAY(int64_t, l->rows);
    const void *const data[ARRAYS] = {
        FORMAT, &version, &classes, &l->hash_of_rows, &hash, mean, variance,
        l->units, l->units == NULL ? NULL : l->units + l->outputs, has_folds(l) ? l->fold : NULL,
        group, l->global == NULL ? NULL : l->global->mean,
        l->global == NULL ? NULL : l->global->variance};
    mele_i_npz_array array[ARRAYS];
    size_t count = 0;

    if (l->group != NULL && group == NULL)
        return mele_i_no_memory(error);
    if (l->experts != NULL)
        status = mele_i_left_out_hash_experts(l->experts, &hash, error);
    for (size_t i = 0; i < l->rows && group != NULL; i++)
        group[i] = (int64_t)l->group[i];
    for (size_t a = 0; a < ARRAYS; a++)
        if (data[a] != NULL)
            array[count++] = array_of(l, a, data[a]);
    if (status == MELE_OK)
        status = mele_i_npz_write(array, count, 0, write, user, error);
    free(group);
    return status;
}

mele_status mele_left_out_write_to(const mele_left_out *l, mele_write_fn *write, void *user,
                                   mele_error *error)
{
    mele_rows mean = mele_left_out_mean(l), variance = mele_left_out_variance(l);
    double *held[2] = {NULL, NULL};
    mele_status status = mele_i_rows_hold(&mean, &held[0], NULL, error);

    if (status == MELE_OK && variance.cols > 0)
        status = mele_i_rows_hold(&variance, &held[1], NULL, error);
    if (status == MELE_OK)
        status = write_held(l, mean.data, variance.data, write, user, error);
    free(held[0]);
    free(held[1]);
    return status;
}

static mele_status put(const void *context, mele_write_fn *write, void *user, mele_error *error)
{
    return mele_left_out_write_to(context, write, user, error);
}

mele_status mele_left_out_write(const mele_left_out *l, const char *path, mele_error *error)
{
    const mele_i_content content = {put, l};

    if (path == NULL || strcmp(path, "-") == 0)
        return mele_i_fail(error, MELE_EINVAL, path == NULL ? "path is NULL" : "standard output is "
                           "the program's: mele_left_out_write_to() gives it what to write");
    return mele_i_replace_file_by(path, &content, error);
}

/* ---- reading ---- */

/* What is known of a file before its arrays are read. */
typedef struct reading {
    mele_i_npz npz;
    const mele_i_npz_member *member[ARRAYS]; /* NULL: it is not there */
    uint64_t shape[ARRAYS][MELE_I_NPY_DIMENSIONS];
    uint64_t rows, clusters, outputs;
    int64_t classes;
} reading;

static mele_status find_arrays(reading *r, mele_error *error)
{
    size_t known = 0;

    for (size_t a = 0; a < ARRAYS; a++) {
        r->member[a] = mele_i_npz_find(&r->npz, kinds[a].name);
        known += r->member[a] != NULL;
    }
    for (size_t a = 0; a <= A_MEAN; a++)
        if (r->member[a] == NULL)
            return mele_i_fail(error, MELE_EDATA,
                               "it holds no left-out predictions: there is no array "
                               "\"%s\"",
                               kinds[a].name);
    for (size_t i = 0; i < r->npz.count && known < r->npz.count; i++) {
        size_t a = 0;
        while (a < ARRAYS && r->member[a] != &r->npz.member[i])
            a++;
        if (a == ARRAYS)
            return mele_i_fail(error, MELE_EDATA, "the array \"%s\" is not known",
                               r->npz.member[i].name);
    }
    return MELE_OK;
}

static mele_status read_array(const reading *r, size_t a, void *out, size_t count,
                              mele_error *error)
{
    return mele_i_npz_read(&r->npz, r->member[a], kinds[a].type, out, count, error);
}

/* Which file it is, before the rest is looked at. */
static mele_status read_version(reading *r, mele_error *error)
{
    char format[sizeof FORMAT - 1];
    int64_t version = 0;
    mele_status status = MELE_OK;

    for (size_t a = 0; a <= A_CLASSES && status == MELE_OK; a++)
        status = mele_i_npz_shape(&r->npz, r->member[a], kinds[a].type, 0, r->shape[a], error);
    if (status == MELE_OK)
        status = read_array(r, A_FORMAT, format, 1, error);
    if (status == MELE_OK && memcmp(format, FORMAT, sizeof format) != 0)
        status = mele_i_fail(error, MELE_EDATA, "it holds no left-out predictions: its format is "
                             "another");
    if (status == MELE_OK)
        status = read_array(r, A_VERSION, &version, 1, error);
    if (status == MELE_OK && version != VERSION)
        status = mele_i_fail(error, MELE_EDATA,
                             "version %" PRId64 " of left-out predictions is not "
                             "known: this is for version %d",
                             version, VERSION);
    return status == MELE_OK ? read_array(r, A_CLASSES, &r->classes, 1, error) : status;
}

/* An array that must be there for regression alone. */
static mele_status check_there(const reading *r, size_t a, mele_error *error)
{
    if ((r->member[a] != NULL) == (r->classes == 0))
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA, "the array \"%s\" is %s, and classes are %" PRId64,
                       kinds[a].name, r->member[a] == NULL ? "not there" : "there", r->classes);
}

static mele_status check_shape(const reading *r, size_t a, mele_error *error)
{
    const bool of_outputs = a == A_CENTER || a == A_SCALE;
    const uint64_t wanted[] = {of_outputs ? r->outputs : r->rows,
                               is_global(a) ? r->outputs : r->clusters, r->outputs};

    for (size_t i = 0; i < kinds[a].dimensions; i++)
        if (r->shape[a][i] != wanted[i])
            return mele_i_fail(error, MELE_EDATA,
                               "the array \"%s\" is of another shape than \"mean\"", kinds[a].name);
    return MELE_OK;
}

static mele_status read_shapes(reading *r, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t a = A_ROWS; a < ARRAYS && status == MELE_OK; a++)
        if (r->member[a] != NULL)
            status = mele_i_npz_shape(&r->npz, r->member[a], kinds[a].type, kinds[a].dimensions,
                                      r->shape[a], error);
    if (status != MELE_OK)
        return status;
    r->rows = r->shape[A_MEAN][0];
    r->clusters = r->shape[A_MEAN][1];
    r->outputs = r->shape[A_MEAN][2];
    if (r->rows == 0 || r->clusters == 0 || r->outputs == 0 || r->classes < 0
        || (r->classes > 0 && (uint64_t)r->classes != r->outputs))
        return mele_i_fail(error, MELE_EDATA,
                           "\"mean\" is of %" PRIu64 " rows, %" PRIu64 " experts and %" PRIu64
                           " outputs, with %" PRId64 " classes",
                           r->rows, r->clusters, r->outputs, r->classes);
    for (size_t a = A_VARIANCE; a <= A_SCALE && status == MELE_OK; a++)
        status = check_there(r, a, error);
    if (status == MELE_OK
        && (r->member[A_GLOBAL_VARIANCE] != NULL)
               != (r->member[A_GLOBAL_MEAN] != NULL && r->classes == 0))
        status = mele_i_fail(error, MELE_EDATA, "\"global_mean\" and \"global_variance\" do not go "
                             "together, with %" PRId64 " classes", r->classes);
    for (size_t a = A_MEAN; a < ARRAYS && status == MELE_OK; a++)
        if (r->member[a] != NULL)
            status = check_shape(r, a, error);
    return status;
}

/* Of those in memory. */
static mele_status check_values(const mele_left_out *l, mele_error *error)
{
    const size_t count = l->rows * l->clusters * l->outputs;
    mele_i_left_out_looking means = {.classes = l->classes > 0}, variances = {.variances = true};
    mele_status status = l->file != NULL ? MELE_OK : mele_i_left_out_look(&means, l->mean, count, error);
    bool good = true;

    if (status == MELE_OK && l->variance != NULL && l->file == NULL)
        status = mele_i_left_out_look(&variances, l->variance, count, error);
    for (size_t i = 0; i < l->rows && l->group != NULL && good; i++)
        good = l->group[i] < l->rows;
    if (status == MELE_OK && !good)
        return mele_i_fail(error, MELE_EDATA, "\"group\" holds what is no number of a group");
    return status;
}

static mele_status read_groups(const reading *r, mele_left_out *l, mele_error *error)
{
    int64_t *group = MELE_I_ARRAY(int64_t, l->rows);
    mele_status status = MELE_OK;

    l->group = MELE_I_ARRAY(size_t, l->rows);
    if (group == NULL || l->group == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = read_array(r, A_GROUP, group, l->rows, error);
    for (size_t i = 0; i < l->rows && status == MELE_OK; i++)
        l->group[i] = group[i] < 0 ? SIZE_MAX : (size_t)group[i];
    free(group);
    return status;
}

static mele_status read_global(const reading *r, mele_left_out *l, mele_error *error)
{
    const size_t numbers = l->rows * l->outputs;
    mele_status status = mele_i_left_out_new(l->rows, 1, l->outputs, l->classes,
                                             (mele_i_left_out_form){.folds = false}, &l->global,
                                             error);

    if (status == MELE_OK)
        status = read_array(r, A_GLOBAL_MEAN, l->global->mean, numbers, error);
    if (status == MELE_OK && l->classes == 0)
        status = read_array(r, A_GLOBAL_VARIANCE, l->global->variance, numbers, error);
    return status;
}

/* The archive is then the object's; what is in it is looked at. */
static mele_status leave_in_file(reading *r, mele_left_out *l, mele_error *error)
{
    mele_i_left_out_kept *file = MELE_I_NEW(mele_i_left_out_kept);

    if (file == NULL)
        return mele_i_no_memory(error);
    *file = (mele_i_left_out_kept){.npz = r->npz, .rows = l->rows, .width = l->clusters * l->outputs,
                                   .classes = l->classes};
    l->file = file;
    free(l->mean);
    free(l->variance);
    l->mean = l->variance = NULL;
    return mele_i_left_out_kept_look(file, error);
}

/* ---- all of it ---- */

static mele_status read_all(const reading *r, mele_left_out *l, mele_error *error)
{
    const size_t cells = l->rows * l->clusters, numbers = cells * l->outputs;
    mele_status status = read_array(r, A_ROWS, &l->hash_of_rows, 1, error);

    if (status == MELE_OK)
        status = read_array(r, A_EXPERTS, &l->hash_of_experts, 1, error);
    if (status == MELE_OK && l->file == NULL)
        status = read_array(r, A_MEAN, l->mean, numbers, error);
    if (status == MELE_OK && l->file == NULL && l->variance != NULL)
        status = read_array(r, A_VARIANCE, l->variance, numbers, error);
    if (status == MELE_OK && l->units != NULL)
        status = read_array(r, A_CENTER, l->units, l->outputs, error);
    if (status == MELE_OK && l->units != NULL)
        status = read_array(r, A_SCALE, l->units + l->outputs, l->outputs, error);
    if (status == MELE_OK && l->fold != NULL)
        status = read_array(r, A_FOLD, l->fold, cells, error);
    if (status == MELE_OK && r->member[A_GROUP] != NULL)
        status = read_groups(r, l, error);
    if (status == MELE_OK && r->member[A_GLOBAL_MEAN] != NULL)
        status = read_global(r, l, error);
    return status == MELE_OK ? check_values(l, error) : status;
}

/* Whether means and variances are more bytes than that. */
static bool is_large(const reading *r, size_t most)
{
    size_t bytes;

    return __builtin_mul_overflow(r->rows * r->clusters, r->outputs * sizeof(double), &bytes)
           || bytes > most / (r->classes > 0 ? 1 : 2);
}

mele_status mele_i_left_out_read(const char *path, size_t most, mele_left_out **out, mele_error *error)
{
    reading r = {.rows = 0};
    mele_left_out *l = NULL;

    if (path == NULL)
        return mele_i_fail(error, MELE_EINVAL, "path is NULL");
    mele_status status = mele_i_npz_open(&r.npz, path, error);

    if (status == MELE_OK)
        status = find_arrays(&r, error);
    if (status == MELE_OK)
        status = read_version(&r, error);
    if (status == MELE_OK)
        status = read_shapes(&r, error);
    const bool large = status == MELE_OK && is_large(&r, most);
    if (status == MELE_OK)
        status = mele_i_left_out_new(r.rows, r.clusters, r.outputs, (size_t)r.classes,
                                     (mele_i_left_out_form){.folds = r.member[A_FOLD] != NULL,
                                                            .in_file = large}, &l, error);
    if (status == MELE_OK && (l->name = mele_i_string(path)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK && large)
        status = leave_in_file(&r, l, error);
    if (status == MELE_OK)
        status = read_all(&r, l, error);
    if (l == NULL || l->file == NULL)
        mele_i_npz_close(&r.npz);
    if (status == MELE_OK)
        *out = l;
    else
        mele_left_out_free(l);
    return status;
}

mele_status mele_left_out_read(const char *path, mele_left_out **out, mele_error *error)
{
    return mele_i_left_out_read(path, MOST_HELD, out, error);
}
