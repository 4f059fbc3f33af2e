/* Left-out predictions as an object: what folds and groups they tell, whose they are, and their
 * file. */
#include "unit/expert_support.h"

#include <stdint.h>
#include <unistd.h>

#include <mele/mele.h>

#include "data/npz.h"
#include "expert/left_out.h"
#include "unit/table_support.h"

enum { N = 90, D = 2, K = 3 };

/* A problem with labels, its experts and what they say of rows that are left out. */
typedef struct trial {
    made problem;
    uint32_t labels[N];
    size_t groups[N];
    mele_assignment assignment;
    mele_expert_data data;
    mele_expert_options options;
    mele_experts *experts;
    mele_left_out *left_out;
} trial;

static void start(trial *t, const char *kind, size_t classes, bool grouped)
{
    mele_error error = {MELE_OK, 0, ""};

    *t = (trial){.problem = make_problem(N, D, 1, K, classes), .options = mele_expert_defaults()};
    for (size_t i = 0; i < N; i++) {
        t->labels[i] = (uint32_t)(i * 7 % 11 % K);
        t->groups[i] = 100 - i / 4;
    }
    t->assignment = (mele_assignment){.rows = N, .clusters = K, .labels = t->labels};
    const mele_matrix x = made_x(&t->problem);
    t->data = (mele_expert_data){mele_rows_of(&x), made_targets(&t->problem), NULL, &t->assignment};
    t->options.kind = kind;
    t->options.hidden = 2;
    t->options.max_epochs = 20;
    t->options.groups = grouped ? t->groups : NULL;
    cr_assert_eq(
        mele_experts_fit(&t->data, &t->options, NULL, &t->experts, &t->left_out, NULL, &error),
        MELE_OK, "%s: %s", kind, error.message);
}

static void end(trial *t)
{
    free_problem(&t->problem);
    mele_experts_free(t->experts);
    mele_left_out_free(t->left_out);
}

/* ---- what they tell ---- */

Test(left_out, sizes_and_shapes)
{
    trial t;

    start(&t, "linear", 0, false);
    cr_expect_eq(mele_left_out_rows(t.left_out), (size_t)N);
    cr_expect_eq(mele_left_out_clusters(t.left_out), (size_t)K);
    cr_expect_eq(mele_left_out_outputs(t.left_out), 1u);
    cr_expect_eq(mele_left_out_classes(t.left_out), 0u);
    cr_expect_eq(mele_left_out_variance(t.left_out).cols, (size_t)K);
    cr_expect_null(mele_left_out_groups(t.left_out));
    end(&t);
    start(&t, "logistic", 4, false);
    cr_expect_eq(mele_left_out_classes(t.left_out), 4u);
    cr_expect_eq(mele_left_out_mean(t.left_out).cols, 4u * K);
    cr_expect_eq(mele_left_out_variance(t.left_out).cols, 0u);
    end(&t);
}

/* Kinds with a closed form have no folds; the others 1 .. 5, of the rows of a region. */
Test(left_out, folds)
{
    static const struct {
        const char *kind;
        size_t classes;
        bool folds;
    } rows[] = {{"linear", 0, false}, {"gp", 0, false}, {"mlp", 0, true}, {"mlp", 3, true},
                {"logistic", 3, true}};

    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        trial t;
        size_t count[6] = {0};
        start(&t, rows[r].kind, rows[r].classes, false);
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; k < K; k++) {
                const size_t fold = mele_left_out_fold(t.left_out, i, k);
                cr_assert(fold <= 5);
                cr_assert((fold > 0) == (rows[r].folds && t.labels[i] == k),
                          "%s: row %zu, region %zu", rows[r].kind, i, k);
                count[fold]++;
            }
        for (size_t fold = 1; fold <= 5; fold++)
            cr_assert(rows[r].folds ? count[fold] >= N / 5 - K && count[fold] <= N / 5 + K
                                    : count[fold] == 0);
        end(&t);
    }
}

/* The experts without the rows of a fold say what the left-out predictions of these rows are. */
Test(left_out, of_a_fold_are_those_of_experts_without_it)
{
    trial t;
    double weights[N], mean[N * K * 3], plain[N * K * 3], far = 0;

    start(&t, "logistic", 3, false);
    const mele_matrix x = made_x(&t.problem);
    cr_assert_eq(mele_experts_predict(t.experts, &x, NULL, plain, NULL, NULL), MELE_OK);
    const double *left_out = mele_left_out_mean(t.left_out).data;
    for (size_t fold = 1; fold <= 5; fold++) {
        mele_experts *without = NULL;
        size_t gone = 0;
        for (size_t i = 0; i < N; i++) {
            weights[i] = mele_left_out_fold(t.left_out, i, t.labels[i]) != fold;
            gone += weights[i] == 0;
        }
        cr_assert(gone > 0);
        t.data.weights = weights;
        cr_assert_eq(mele_experts_fit(&t.data, &t.options, NULL, &without, NULL, NULL, NULL),
                     MELE_OK);
        cr_assert_eq(mele_experts_predict(without, &x, NULL, mean, NULL, NULL), MELE_OK);
        for (size_t i = 0; i < N; i++)
            for (size_t c = 0; c < 3 && weights[i] == 0; c++) {
                const size_t at = (i * K + t.labels[i]) * 3 + c;
                far = fmax(far, fabs(left_out[at] - plain[at]));
                cr_assert_float_eq(left_out[at], mean[at], 1e-3, "row %zu: %g, %g", i, left_out[at],
                                   mean[at]);
            }
        mele_experts_free(without);
    }
    cr_assert(far > 0.1, "%g: what is left out differs from what is not", far);
    end(&t);
}

/* Groups stay whole in every region, also for the rows that are in another. */
Test(left_out, groups)
{
    static const char *const kinds[] = {"linear", "mlp"};

    for (size_t r = 0; r < 2; r++) {
        trial t;
        start(&t, kinds[r], 0, true);
        const size_t *group = mele_left_out_groups(t.left_out);
        cr_assert_not_null(group);
        for (size_t i = 0; i < N; i++) {
            cr_assert_eq(group[i], i / 4);
            for (size_t k = 0; k < K && i % 4 > 0; k++)
                cr_assert_eq(mele_left_out_fold(t.left_out, i, k),
                             mele_left_out_fold(t.left_out, i - 1, k), "%s: row %zu", kinds[r], i);
        }
        end(&t);
    }
}

/* What auto chose says which folds there are. */
Test(left_out, folds_of_what_was_chosen)
{
    mele_expert_info info[K + 1];
    trial t;

    start(&t, "auto", 3, false);
    mele_experts_free(t.experts);
    mele_left_out_free(t.left_out);
    t.experts = NULL;
    cr_assert_eq(mele_experts_fit(&t.data, &t.options, NULL, &t.experts, &t.left_out, info, NULL),
                 MELE_OK);
    for (size_t i = 0; i < N; i++)
        cr_assert(mele_left_out_fold(t.left_out, i, t.labels[i]) > 0, "%s",
                  info[t.labels[i]].kind);
    end(&t);
}

/* ---- whose they are ---- */

Test(left_out, belong_to_their_experts)
{
    trial t, other;

    start(&t, "linear", 0, false);
    start(&other, "linear", 0, true); /* the same coefficients, other variances */
    mele_error error;
    cr_expect_eq(mele_left_out_check_experts(t.left_out, t.experts, &error), MELE_OK);
    cr_expect_eq(mele_left_out_check_experts(t.left_out, other.experts, &error), MELE_EDATA);
    cr_expect(strstr(error.message, "other experts") != NULL, "%s", error.message);
    end(&t);
    end(&other);
}

static mele_status check_rows(const trial *t, const mele_left_out *l, const double *weights)
{
    mele_expert_data data = t->data;

    data.weights = weights;
    data.assignment = NULL;
    return mele_left_out_check_rows(l, &data, t->options.groups, NULL, NULL);
}

static void swap(double *a, double *b)
{
    const double before = *a;

    *a = *b;
    *b = before;
}

Test(left_out, belong_to_their_rows)
{
    trial t;
    double ones[N], *x;

    start(&t, "linear", 0, true);
    x = t.problem.x;
    for (size_t i = 0; i < N; i++)
        ones[i] = 7;
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_OK);
    cr_expect_eq(check_rows(&t, t.left_out, ones), MELE_OK, "weights have no unit");
    ones[4] = 8;
    cr_expect_eq(check_rows(&t, t.left_out, ones), MELE_EDATA);
    x[N * D - 1] = nextafter(x[N * D - 1], 9);
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_EDATA);
    x[N * D - 1] = nextafter(x[N * D - 1], -9);
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_OK);
    t.problem.y[3] += 1;
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_EDATA);
    t.problem.y[3] -= 1;
    for (size_t i = 0; i < N; i++)
        t.groups[i] = i / 4 * 3;
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_OK, "other names of the same groups");
    t.groups[4] = t.groups[3];
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_EDATA);
    t.options.groups = NULL;
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_EDATA);
    t.data.x.rows = t.data.targets.values.rows = N - 1;
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_EDATA);
    end(&t);
    start(&t, "linear", 0, false);
    for (size_t j = 0; j < D; j++)
        swap(&t.problem.x[j], &t.problem.x[D + j]);
    swap(&t.problem.y[0], &t.problem.y[1]);
    cr_expect_eq(check_rows(&t, t.left_out, NULL), MELE_EDATA, "another order");
    end(&t);
}

static mele_status read_rows(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    (void)error;
    memcpy(out, (const double *)user + first * D, count * D * sizeof *out);
    return MELE_OK;
}

Test(left_out, rows_that_are_read_are_the_same)
{
    mele_engine *engine = engine_of(3);
    trial t;

    start(&t, "linear", 0, false);
    const mele_expert_data data = {
        {N, D, NULL, 0, read_rows, t.problem.x}, t.data.targets, NULL, NULL};
    cr_expect_eq(mele_left_out_check_rows(t.left_out, &data, NULL, engine, NULL), MELE_OK);
    mele_engine_free(engine);
    end(&t);
}

Test(left_out, are_counted)
{
    trial t;

    start(&t, "linear", 0, false);
    mele_left_out *held = mele_left_out_retain(t.left_out);
    cr_expect_eq(held, t.left_out);
    mele_left_out_free(held);
    cr_expect_eq(mele_left_out_rows(t.left_out), (size_t)N);
    cr_expect_null(mele_left_out_retain(NULL));
    mele_left_out_free(NULL);
    end(&t);
}

/* ---- the file ---- */

typedef struct bytes {
    char at[1 << 16];
    size_t length;
} bytes;

static bool keep(const char *text, size_t length, void *user)
{
    bytes *b = user;

    if (b->length + length > sizeof b->at)
        return false;
    memcpy(b->at + b->length, text, length);
    b->length += length;
    return true;
}

static void write_bytes(const mele_left_out *l, bytes *b)
{
    mele_error error = {MELE_OK, 0, ""};

    b->length = 0;
    cr_assert_eq(mele_left_out_write_to(l, keep, b, &error), MELE_OK, "%s", error.message);
}

/* Bytes of means and variances beyond which they stay in the file. */
static const size_t most[] = {SIZE_MAX, 0};

/* Some of their rows. */
static void expect_same_parts(const mele_left_out *a, const mele_left_out *b)
{
    static const size_t row[] = {0, 1, 7, N / 2, N - 1};
    mele_left_out *part[2] = {NULL, NULL};

    cr_assert_eq(mele_i_left_out_part(a, row, 5, &part[0], NULL), MELE_OK);
    cr_assert_eq(mele_i_left_out_part(b, row, 5, &part[1], NULL), MELE_OK);
    for (size_t i = 0; i < 2; i++) {
        const mele_rows x = i == 0 ? mele_left_out_mean(part[0]) : mele_left_out_variance(part[0]);
        const mele_rows y = i == 0 ? mele_left_out_mean(part[1]) : mele_left_out_variance(part[1]);
        cr_assert(x.rows == 5 && y.rows == 5 && x.cols == y.cols);
        cr_assert(x.cols == 0 || memcmp(x.data, y.data, 5 * x.cols * sizeof *x.data) == 0);
    }
    mele_left_out_free(part[0]);
    mele_left_out_free(part[1]);
}

Test(left_out, a_file_holds_all_of_them)
{
    static const struct {
        const char *kind;
        size_t classes;
        bool grouped;
    } rows[] = {
        {"linear", 0, false}, {"linear", 0, true},     {"mlp", 0, true},
        {"mlp", 0, true},     {"logistic", 3, false},  {"logistic", 3, false}};
    static bytes before, after;

    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        trial t;
        mele_left_out *read = NULL;
        mele_error error = {MELE_OK, 0, ""};
        char path[] = "/tmp/mele-left-out-XXXXXX";
        close(mkstemp(path));
        start(&t, rows[r].kind, rows[r].classes, rows[r].grouped);
        cr_assert_eq(mele_left_out_write(t.left_out, path, &error), MELE_OK, "%s", error.message);
        cr_assert_eq(mele_i_left_out_read(path, most[r % 2], &read, &error), MELE_OK, "%s",
                     error.message);
        cr_expect_eq(mele_left_out_mean(read).data == NULL, most[r % 2] == 0);
        expect_same_parts(t.left_out, read);
        write_bytes(t.left_out, &before);
        write_bytes(read, &after);
        cr_expect(before.length == after.length && memcmp(before.at, after.at, after.length) == 0);
        cr_expect_eq(mele_left_out_check_experts(read, t.experts, &error), MELE_OK);
        cr_expect_eq(check_rows(&t, read, NULL), MELE_OK);
        for (size_t i = 0; i < N * K; i++)
            cr_assert_eq(mele_left_out_fold(read, i / K, i % K),
                         mele_left_out_fold(t.left_out, i / K, i % K));
        mele_left_out_free(read);
        end(&t);
        remove(path);
    }
}

Test(left_out, no_file_is_refused)
{
    trial t;
    mele_left_out *read = NULL;
    mele_error error;

    start(&t, "linear", 0, false);
    cr_expect_eq(mele_left_out_write(t.left_out, NULL, &error), MELE_EINVAL);
    cr_expect_eq(mele_left_out_read(NULL, &t.left_out, &error), MELE_EINVAL);
    cr_expect_eq(mele_left_out_write(t.left_out, "-", &error), MELE_EINVAL);
    cr_expect_eq(mele_left_out_write(t.left_out, "/nonexistent/l.npz", &error), MELE_EIO);
    cr_expect_eq(mele_left_out_read("/nonexistent/l.npz", &read, &error), MELE_EIO);
    cr_expect_null(read);
    end(&t);
}

/* Read these bytes; what comes out is right, or refused with a line. */
static mele_status read_bytes(const char *at, size_t length, size_t held, mele_left_out **out,
                              mele_error *error)
{
    test_file file = test_file_make(at, length, ".npz");
    mele_status status = mele_i_left_out_read(file.path, held, out, error);

    remove(file.path);
    cr_assert((status == MELE_OK) == (*out != NULL));
    cr_assert(status == MELE_OK || error->message[0] != '\0');
    return status;
}

/* A byte that differs is found, unless it is of those that say nothing of the arrays. */
Test(left_out, damaged_files_are_refused)
{
    static bytes whole, again;
    trial t;

    start(&t, "logistic", 2, true);
    write_bytes(t.left_out, &whole);
    for (size_t i = 0; i < whole.length; i += 3) {
        mele_left_out *read = NULL;
        mele_error error = {MELE_OK, 0, ""};
        whole.at[i] = (char)(whole.at[i] ^ 1 << i % 8);
        if (read_bytes(whole.at, whole.length, most[i % 2], &read, &error) == MELE_OK) {
            whole.at[i] = (char)(whole.at[i] ^ 1 << i % 8);
            write_bytes(read, &again);
            cr_assert(memcmp(whole.at, again.at, whole.length) == 0, "byte %zu", i);
            whole.at[i] = (char)(whole.at[i] ^ 1 << i % 8);
        }
        mele_left_out_free(read);
        whole.at[i] = (char)(whole.at[i] ^ 1 << i % 8);
        read = NULL;
        cr_assert(read_bytes(whole.at, i, most[i % 2], &read, &error) == MELE_EDATA);
    }
    end(&t);
}

/* Arrays of which one is not as it should be. */
typedef struct wrong {
    const char *what, *name, *type, *message;
    size_t dimensions;
    uint64_t shape[3];
} wrong;

static const wrong wrongs[] = {
    {"another format", "format", "|S13", "its format is another", 0, {0}},
    {"no version", "-version", "", "there is no array \"version\"", 0, {0}},
    {"another version", "version", "<i8", "version 2 of left-out predictions is not known", 0, {0}},
    {"no means", "-mean", "", "there is no array \"mean\"", 0, {0}},
    {"another type", "mean", "<f4", "\"mean\" is of the type \"<f4\", not \"<f8\"", 3, {2, 2, 1}},
    {"another dimension", "mean", "<f8", "\"mean\" has 2 dimensions, not 3", 2, {2, 2}},
    {"no rows", "mean", "<f8", "\"mean\" is of 0 rows, 2 experts and 1 outputs", 3, {0, 2, 1}},
    {"fewer variances", "variance", "<f8", "\"variance\" is of another shape", 3, {1, 2, 1}},
    {"no variances", "-variance", "", "\"variance\" is not there, and classes are 0", 0, {0}},
    {"classes",
     "classes",
     "<i8",
     "\"mean\" is of 2 rows, 2 experts and 1 outputs, with 2 classes",
     0,
     {0}},
    {"other units", "scale", "<f8", "\"scale\" is of another shape", 1, {2}},
    {"other folds", "fold", "|u1", "\"fold\" is of another shape", 2, {2, 1}},
    {"no number of a group",
     "group",
     "<i8",
     "\"group\" holds what is no number of a group",
     1,
     {2}},
    {"an unknown one", "+more", "<f8", "the array \"more\" is not known", 1, {2}},
    {"infinite", "mean", "<f8", "\"mean\" holds what is no finite number", 3, {2, 2, 1}},
    {"no variance",
     "variance",
     "<f8",
     "\"variance\" holds what is no finite number above 0",
     3,
     {2, 2, 1}},
};

/* Right arrays of 2 rows and 2 experts, and in the place of one the wrong one. */
static void make_wrong(const wrong *w, bytes *b)
{
    static const double fine[] = {1, 2, 3, 4}, bad[] = {INFINITY, 0, -1, 2};
    static const int64_t zero = 0, one = 1, two[] = {2, 2};
    const mele_i_npz_array right[] = {
        {"format", "|S13", 0, {0}, "mele left-out"}, {"version", "<i8", 0, {0}, &one},
        {"classes", "<i8", 0, {0}, &zero},           {"hash_of_rows", "<u8", 0, {0}, &one},
        {"hash_of_experts", "<u8", 0, {0}, &one},    {"mean", "<f8", 3, {2, 2, 1}, fine},
        {"variance", "<f8", 3, {2, 2, 1}, fine},     {"center", "<f8", 1, {1}, fine},
        {"scale", "<f8", 1, {1}, fine},
    };
    const char *name = w->name + (w->name[0] == '-' || w->name[0] == '+');
    const bool whole = w->type[0] != '\0' && w->type[1] == 'i', text = w->type[0] == '|';
    mele_i_npz_array all[12];
    size_t count = 0;

    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        if (strcmp(right[i].name, name) != 0)
            all[count++] = right[i];
    if (w->name[0] != '-')
        all[count++] = (mele_i_npz_array){name, w->type, w->dimensions,
                                          {w->shape[0], w->shape[1], w->shape[2]},
                                          text    ? (const void *)"mele model   "
                                          : whole ? (const void *)two
                                                  : (const void *)bad};
    b->length = 0;
    cr_assert_eq(mele_i_npz_write(all, count, 0, keep, b, NULL), MELE_OK);
}

Test(left_out, wrong_files_are_refused)
{
    static bytes b;

    for (size_t t = 0; t < 2 * sizeof wrongs / sizeof *wrongs; t++) {
        const size_t i = t / 2;
        mele_left_out *read = NULL;
        mele_error error = {MELE_OK, 0, ""};
        make_wrong(&wrongs[i], &b);
        cr_expect_eq(read_bytes(b.at, b.length, most[t % 2], &read, &error), MELE_EDATA, "%s",
                     wrongs[i].what);
        cr_expect(strstr(error.message, wrongs[i].message) != NULL, "%s: %s", wrongs[i].what,
                  error.message);
        mele_left_out_free(read);
    }
}

/* Which is the first that is not known is told from memory and from the file. */
Test(left_out, what_is_not_known_is_named)
{
    static bytes b;
    const double mean[] = {1, 2, 3, NAN, 5, 6}, variance[] = {1, 1, 1, 1, NAN, 1};
    const int64_t zero = 0, one = 1;
    const mele_i_npz_array arrays[] = {
        {"format", "|S13", 0, {0}, "mele left-out"}, {"version", "<i8", 0, {0}, &one},
        {"classes", "<i8", 0, {0}, &zero},           {"hash_of_rows", "<u8", 0, {0}, &one},
        {"hash_of_experts", "<u8", 0, {0}, &one},    {"mean", "<f8", 3, {3, 2, 1}, mean},
        {"variance", "<f8", 3, {3, 2, 1}, variance}, {"center", "<f8", 1, {1}, mean},
        {"scale", "<f8", 1, {1}, mean}};

    cr_assert_eq(mele_i_npz_write(arrays, 9, 0, keep, &b, NULL), MELE_OK);
    for (size_t h = 0; h < 2; h++) {
        mele_left_out *read = NULL;
        mele_error error = {MELE_OK, 0, ""};
        cr_assert_eq(read_bytes(b.at, b.length, most[h], &read, &error), MELE_OK, "%s", error.message);
        cr_expect_eq(mele_i_left_out_check_complete(read, &error), MELE_EDATA);
        cr_expect(strstr(error.message, "does not know what expert 2 predicts of row 2") != NULL,
                  "%s", error.message);
        mele_left_out_free(read);
    }
}

/* ---- memory ---- */

Test(left_out, memory_may_run_out_anywhere)
{
    static bytes b;
    size_t failures = 0;
    trial t;

    start(&t, "mlp", 0, true);
    for (bool failed = true; failed; failures++) {
        failing_malloc_at(failures);
        b.length = 0;
        mele_status status = mele_left_out_write_to(t.left_out, keep, &b, NULL);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
    }
    test_file file = test_file_make(b.at, b.length, ".npz");
    for (size_t at = 0, held = 0; held < 2; failures++) {
        mele_left_out *read = NULL;
        failing_malloc_at(at++);
        mele_status status = mele_i_left_out_read(file.path, most[held], &read, NULL);
        bool failed;
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
        cr_assert((read == NULL) == failed);
        mele_left_out_free(read);
        held += !failed;
        at = failed ? at : 0;
    }
    cr_assert(failures > 12, "%zu: the harness does not see the library's allocations", failures);
    remove(file.path);
    end(&t);
}

/* ---- from stage to stage ---- */

static mele_data *read_data(mele_options *options)
{
    char path[512];
    mele_data *data = NULL;

    snprintf(path, sizeof path, "%s/mcycle.csv", TEST_DATA);
    options->data.target = "accel";
    options->partition.clusters = 3;
    options->partition.restarts = 2;
    cr_assert_eq(mele_data_read(path, &options->data, NULL, NULL, &data, NULL), MELE_OK);
    return data;
}

static mele_model *fit_experts(const mele_data *data, const mele_options *options,
                               mele_left_out **left_out)
{
    const mele_handover handover = {.left_out_to = left_out};
    mele_model *model = NULL;

    cr_assert_eq(mele_fit_partition(data, options, NULL, NULL, &model, NULL), MELE_OK);
    cr_assert_eq(mele_fit_experts(data, &handover, options, NULL, NULL, model, NULL), MELE_OK);
    return model;
}

static char *text_of(const mele_model *model)
{
    char *text = NULL;

    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    return text;
}

Test(left_out, handed_over_give_the_bytes_of_the_whole_fit)
{
    mele_options options = mele_options_defaults();
    mele_data *data = read_data(&options);
    mele_left_out *left_out = NULL;
    mele_model *model = fit_experts(data, &options, &left_out), *whole = NULL;
    const mele_handover handed = {.left_out = left_out};
    mele_report *report = NULL;
    mele_error error = {MELE_OK, 0, ""};

    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    cr_assert_eq(mele_fit_gate(data, &handed, &options, NULL, report, model, &error), MELE_OK, "%s",
                 error.message);
    cr_expect_str_eq(mele_report_string(report, "left_out_from"), "stage 2");
    cr_assert_eq(mele_fit(data, &options, NULL, NULL, &whole, NULL), MELE_OK);
    char *a = text_of(model), *b = text_of(whole);
    cr_expect_str_eq(a, b);
    free(a);
    free(b);
    mele_report_free(report);
    mele_model_free(model);
    mele_model_free(whole);
    mele_left_out_free(left_out);
    mele_data_free(data);
}

Test(left_out, of_others_train_no_gate)
{
    mele_options options = mele_options_defaults(), other = options;
    mele_data *data = read_data(&options), *again = read_data(&other);
    mele_left_out *left_out = NULL, *others = NULL;
    mele_error error;

    other.experts.ridge = 5;
    mele_model *model = fit_experts(data, &options, &left_out);
    mele_model *second = fit_experts(again, &other, &others);
    mele_handover handed = {.left_out = others};
    char *before = text_of(model);
    cr_expect_eq(mele_fit_gate(data, &handed, &options, NULL, NULL, model, &error), MELE_EDATA);
    cr_expect(strstr(error.message, "other experts") != NULL, "%s", error.message);
    handed.left_out = left_out;
    options.fresh = true;
    cr_expect_eq(mele_fit_gate(data, &handed, &options, NULL, NULL, model, &error), MELE_EINVAL);
    options.fresh = false;
    other.partition.clusters = 2;
    mele_left_out_free(others);
    mele_model_free(second);
    second = fit_experts(again, &other, &others);
    handed.left_out = others;
    cr_expect_eq(mele_fit_gate(data, &handed, &options, NULL, NULL, model, &error), MELE_EDATA);
    cr_expect(strstr(error.message, "2 experts") != NULL, "%s", error.message);
    char *after = text_of(model);
    cr_expect_str_eq(before, after);
    free(before);
    free(after);
    mele_left_out_free(left_out);
    mele_left_out_free(others);
    mele_model_free(model);
    mele_model_free(second);
    mele_data_free(data);
    mele_data_free(again);
}

/* Those of a part of the experts would train a gate on numbers that are not there. */
Test(left_out, are_of_all_experts)
{
    mele_options options = mele_options_defaults();
    mele_data *data = read_data(&options);
    mele_left_out *left_out = NULL, *part = NULL;
    mele_model *model = fit_experts(data, &options, &left_out);
    const mele_handover handover = {.left_out_to = &part};

    options.experts.only = 2;
    cr_expect_eq(mele_fit_experts(data, &handover, &options, NULL, NULL, model, NULL), MELE_EINVAL);
    options.experts.only = 0;
    options.experts.freeze = 1;
    cr_expect_eq(mele_fit_experts(data, &handover, &options, NULL, NULL, model, NULL), MELE_EINVAL);
    cr_expect_null(part);
    mele_left_out_free(left_out);
    mele_model_free(model);
    mele_data_free(data);
}
