/* Experts of rows that are read, block by block, are those of the same rows in memory, to the last
 * byte, with all that is told of them; and what reading fails with is what the fit fails with. */
#include <criterion/criterion.h>
#include <mele/partition.h>
#include <pthread.h>

#include "core/memory.h"
#include "engine/row_cache.h"
#include "engine/rows.h"
#include "unit/expert_support.h"

enum { N = 270, D = 3, K = 3 };

/* Rows of a matrix, handed out by a function that fails at the call `fails` (0: never). */
typedef struct reading {
    mele_matrix x, y;
    size_t calls, fails; /* of both */
    pthread_mutex_t lock;
} reading;

static mele_status read_some(reading *r, const mele_matrix *all, mele_i_block rows, double *out,
                             mele_error *error)
{
    cr_assert(rows.count > 0 && rows.first + rows.count <= all->rows);
    pthread_mutex_lock(&r->lock);
    const bool fails = ++r->calls == r->fails;
    pthread_mutex_unlock(&r->lock);
    if (fails) {
        snprintf(error->message, sizeof error->message, "the disk is gone");
        return error->status = MELE_EIO;
    }
    for (size_t i = 0; i < rows.count; i++)
        memcpy(out + i * all->cols, all->data + (rows.first + i) * all->stride,
               all->cols * sizeof *out);
    return MELE_OK;
}

static mele_status read_x(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    reading *r = user;

    return read_some(r, &r->x, (mele_i_block){0, first, count}, out, error);
}

static mele_status read_y(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    reading *r = user;

    return read_some(r, &r->y, (mele_i_block){0, first, count}, out, error);
}

static reading reading_of(const made *p)
{
    return (reading){made_x(p), mele_matrix_of(p->y, p->n, p->m), 0, 0, PTHREAD_MUTEX_INITIALIZER};
}

static mele_rows rows_of(reading *r)
{
    return (mele_rows){r->x.rows, r->x.cols, NULL, 0, read_x, r};
}

/* ---- all kinds ---- */

typedef struct variant {
    const char *name, *kind, *assign, *solver, *small;
    size_t degree, classes;
    bool gcv, weights, groups, alone;
} variant;

static const variant variants[] = {
    {"linear", "linear", "hard", "qr", "global", 1, 0, false, false, false, false},
    {"normal, weights", "linear", "hard", "normal", "global", 1, 0, false, true, false, false},
    {"soft, degree 2", "linear", "soft", "qr", "shrink", 2, 0, false, true, false, false},
    {"gcv", "linear", "hard", "qr", "merge", 2, 0, true, false, false, false},
    {"groups, gcv", "linear", "hard", "qr", "global", 1, 0, true, true, true, false},
    {"a region of one group", "linear", "hard", "qr", "global", 2, 0, false, true, true, true},
    {"logistic", "logistic", "hard", "qr", "global", 1, 3, false, false, false, false},
    {"logistic, soft", "logistic", "soft", "qr", "global", 2, 2, false, true, false, false},
    {"logistic, groups", "logistic", "hard", "qr", "shrink", 1, 2, false, true, true, true},
    {"mlp", "mlp", "hard", "qr", "global", 1, 0, false, true, false, false},
    {"mlp, groups", "mlp", "hard", "qr", "global", 1, 2, false, false, true, false},
    {"gp", "gp", "soft", "qr", "global", 1, 0, false, true, false, false},
    {"gp, groups", "gp", "hard", "qr", "shrink", 1, 0, false, false, true, true},
    {"auto", "auto", "hard", "qr", "global", 1, 0, false, true, false, false},
};

static mele_expert_options options_of(const variant *v, const size_t *groups)
{
    mele_expert_options o = mele_expert_defaults();

    o.kind = v->kind;
    o.assign = v->assign;
    o.solver = v->solver;
    o.small = v->small;
    o.degree = v->degree;
    o.ridge = v->gcv ? MELE_RIDGE_GCV : o.ridge;
    o.groups = v->groups ? groups : NULL;
    o.hidden = 2;
    o.terms = 1;
    o.max_epochs = 5;
    o.most_rows = 24;
    o.folds = 2;
    return o;
}

/* Rows of few regions and, with `alone`, a region whose rows are of one group. */
static made problem_for(const variant *v, size_t *groups)
{
    made p = make_problem(N, D, v->classes > 0 ? 1 : 2, K, v->classes);

    for (size_t i = 0; i < N; i++) {
        size_t best = 0;
        for (size_t k = 1; k < K; k++)
            best = p.log_posterior[i * K + k] > p.log_posterior[i * K + best] ? k : best;
        groups[i] = v->alone && best == 1 ? 500 : 7 + i % 40;
        if (i % 11 == 0)
            p.weight[i] = 0;
    }
    return p;
}

typedef struct outcome {
    mele_experts *experts;
    double *left_out, *variance, *mean;
    mele_expert_info info[K + 1];
} outcome;

static outcome outcome_of(const made *p)
{
    const size_t count = p->n * K * (p->classes > 0 ? p->classes : p->m);

    return (outcome){NULL, numbers(count), numbers(count), numbers(count), {{0}}};
}

static void free_outcome(outcome *o)
{
    mele_experts_free(o->experts);
    free(o->left_out);
    free(o->variance);
    free(o->mean);
}

static mele_status fit(const made *p, const mele_rows *x, const mele_expert_options *o,
                       const double *weights, mele_engine *engine, outcome *out, mele_error *error)
{
    mele_targets targets = made_targets(p);

    if (x->data == NULL && p->classes == 0) /* classes are in memory */
        targets.values = (mele_rows){p->n, p->m, NULL, 0, read_y, x->user};
    return fit_rows_by_posterior(x, &targets, weights, p->log_posterior, K, o, engine,
                                 &out->experts, out->left_out, out->variance, out->info, error);
}

static void expect_same(const made *p, outcome *a, outcome *b, const mele_rows *ax,
                        const mele_rows *bx, mele_engine *engine, const char *name)
{
    const size_t count = p->n * K * (p->classes > 0 ? p->classes : p->m);
    json_t *sa = mele_i_experts_save(a->experts), *sb = mele_i_experts_save(b->experts);

    cr_expect(json_equal(sa, sb), "%s: experts", name);
    cr_expect(memcmp(a->left_out, b->left_out, count * sizeof(double)) == 0, "%s: left out", name);
    cr_expect(memcmp(a->variance, b->variance, count * sizeof(double)) == 0, "%s: variances", name);
    cr_expect(memcmp(a->info, b->info, sizeof a->info) == 0, "%s: info", name);
    cr_assert_eq(mele_experts_predict_rows(a->experts, ax, NULL, a->mean, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_experts_predict_rows(b->experts, bx, engine, b->mean, NULL, NULL), MELE_OK);
    cr_expect(memcmp(a->mean, b->mean, count * sizeof(double)) == 0, "%s: predictions", name);
    json_decref(sa);
    json_decref(sb);
}

Test(rows, that_are_read_give_the_bytes_of_rows_in_memory)
{
    mele_engine *engine = engine_of(2);

    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const variant *v = &variants[i];
        size_t groups[N];
        made p = problem_for(v, groups);
        const mele_expert_options o = options_of(v, groups);
        const mele_matrix x = made_x(&p);
        const mele_rows memory = mele_rows_of(&x);
        reading r = reading_of(&p);
        const mele_rows read = rows_of(&r);
        const double *weights = v->weights ? p.weight : NULL;
        outcome a = outcome_of(&p), b = outcome_of(&p);
        mele_error error = {MELE_OK, 0, ""};
        cr_assert_eq(fit(&p, &memory, &o, weights, NULL, &a, &error), MELE_OK, "%s: %s", v->name,
                     error.message);
        cr_assert_eq(fit(&p, &read, &o, weights, engine, &b, &error), MELE_OK, "%s: %s", v->name,
                     error.message);
        expect_same(&p, &a, &b, &memory, &read, engine, v->name);
        free_outcome(&a);
        free_outcome(&b);
        free_problem(&p);
    }
    mele_engine_free(engine);
}

Test(rows, of_classes_are_in_memory)
{
    made p = make_problem(N, D, 1, K, 2);
    reading r = reading_of(&p);
    const mele_targets targets = {{N, 1, NULL, 0, read_y, &r}, 2};
    const mele_rows x = rows_of(&r);
    const mele_expert_options o = mele_expert_defaults();
    mele_experts *experts = NULL;
    mele_error error;

    cr_expect_eq(fit_rows_by_posterior(&x, &targets, NULL, p.log_posterior, K, &o, NULL, &experts, NULL,
                                       NULL, NULL, &error), MELE_EINVAL);
    cr_expect_str_eq(error.message, "targets are read: classes have to be in memory");
    cr_expect_null(experts);
    free_problem(&p);
}

/* ---- reading that fails ---- */

/* At the first read, at the last, and at one in between. */
Test(rows, that_cannot_be_read_fail_the_fit)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const variant *v = &variants[i];
        size_t groups[N];
        made p = problem_for(v, groups);
        const mele_expert_options o = options_of(v, groups);
        reading r = reading_of(&p);
        const mele_rows read = rows_of(&r);
        outcome a = outcome_of(&p);
        mele_error error = {MELE_OK, 0, ""};
        cr_assert_eq(fit(&p, &read, &o, p.weight, NULL, &a, &error), MELE_OK, "%s: %s", v->name,
                     error.message);
        const size_t at[] = {1, r.calls / 2, r.calls};
        mele_experts_free(a.experts);
        a.experts = NULL;
        for (size_t f = 0; f < sizeof at / sizeof *at; f++) {
            r.calls = 0;
            r.fails = at[f];
            cr_expect_eq(fit(&p, &read, &o, p.weight, NULL, &a, &error), MELE_EIO, "%s, call %zu",
                         v->name, at[f]);
            cr_expect_str_eq(error.message, "the disk is gone");
            cr_expect_null(a.experts);
        }
        free_outcome(&a);
        free_problem(&p);
    }
}

/* ---- left-out predictions that are made as they are asked for ---- */

/* Read in runs of any length. */
static void read_all(const mele_rows *rows, double *out)
{
    for (size_t at = 0, count = 1; at < rows->rows; at += count, count = count % 70 + 7) {
        count = rows->rows - at < count ? rows->rows - at : count;
        cr_assert_eq(rows->read(rows->user, at, count, out + at * rows->cols, NULL), MELE_OK);
    }
}

static void expect_own_as_all(const made *p, const mele_rows *x, const mele_expert_options *o,
                              const double *weights, const char *name)
{
    const size_t M = p->classes > 0 ? p->classes : p->m, count = p->n * K * M;
    const mele_rows posteriors = mele_rows_of_array(p->log_posterior, p->n, K);
    uint32_t labels[N];
    const mele_assignment assignment = {.rows = N, .clusters = K, .labels = labels,
                                        .log_posteriors = &posteriors};
    const mele_expert_data data = {.x = *x, .targets = made_targets(p), .weights = weights,
                                   .assignment = &assignment};
    double *mean = numbers(count), *likelihood = numbers(N * K), *expected = numbers(N * K);
    mele_expert_info a[K + 1], b[K + 1];
    mele_experts *experts = NULL, *again = NULL;
    mele_left_out *all = NULL;
    mele_i_left_out_own *own = NULL;

    cr_assert(mele_i_left_out_own_serves(o));
    cr_assert_eq(mele_assignment_labels(&posteriors, NULL, labels, NULL), MELE_OK);
    cr_assert_eq(mele_experts_fit(&data, o, NULL, &experts, &all, a, NULL), MELE_OK);
    cr_assert_eq(mele_i_experts_fit_own(&data, o, NULL, &again, &own, b, NULL), MELE_OK);
    const mele_rows means = mele_i_left_out_own_mean(own), whole = mele_left_out_mean(all);
    const mele_rows likelihoods = mele_i_left_out_own_likelihoods(own);
    const mele_rows both = mele_i_left_out_own_both(own);
    double *row = numbers(N * K * (M + 1));
    read_all(&means, mean);
    read_all(&likelihoods, likelihood);
    read_all(&both, row);
    cr_assert_eq(mele_expert_log_likelihoods(&data.targets, whole.data,
                                             mele_left_out_variance(all).data, K, NULL, expected,
                                             NULL), MELE_OK);
    cr_expect(memcmp(mean, whole.data, count * sizeof *mean) == 0, "%s: means", name);
    cr_expect(memcmp(likelihood, expected, N * K * sizeof *expected) == 0, "%s: likelihoods", name);
    for (size_t i = 0; i < N; i++)
        cr_expect(memcmp(row + i * K * (M + 1), mean + i * K * M, K * M * sizeof *row) == 0
                  && memcmp(row + (i * (M + 1) + M) * K, likelihood + i * K, K * sizeof *row) == 0,
                  "%s: row %zu of both", name, i);
    free(row);
    cr_expect(mele_i_experts_equal(experts, again), "%s: experts", name);
    cr_expect(memcmp(a, b, sizeof a) == 0, "%s: info", name);
    free(mean);
    free(likelihood);
    free(expected);
    mele_experts_free(experts);
    mele_experts_free(again);
    mele_left_out_free(all);
    mele_i_left_out_own_free(own);
}

/* With every outcome of small regions, rows of no weight among them. */
Test(rows, left_out_of_own_experts_tell_of_all_experts)
{
    static const char *const smalls[] = {"global", "shrink", "merge"};
    static const struct {
        const char *kind;
        size_t classes, degree, min_rows;
    } table[] = {{"linear", 0, 1, 0}, {"linear", 0, 2, 80}, {"linear", 0, 1, 95}, {"linear", 0, 1, 400},
                 {"logistic", 3, 1, 80}, {"logistic", 2, 2, 95}};

    for (size_t t = 0; t < sizeof table / sizeof *table; t++)
        for (size_t s = 0; s < 3; s++) {
            const variant v = {"", table[t].kind, "hard", "qr", smalls[s], table[t].degree,
                               table[t].classes, false, true, false, false};
            size_t groups[N];
            made p = problem_for(&v, groups);
            mele_expert_options o = options_of(&v, NULL);
            reading r = reading_of(&p);
            const mele_matrix x = made_x(&p);
            const mele_rows memory = mele_rows_of(&x), read = rows_of(&r);
            o.min_rows = table[t].min_rows;
            expect_own_as_all(&p, t % 2 == 0 ? &memory : &read, &o, s == 0 ? NULL : p.weight,
                              smalls[s]);
            free_problem(&p);
        }
}

Test(rows, left_out_of_own_experts_do_not_serve_groups_and_parts)
{
    size_t group = 1;
    mele_expert_options o = mele_expert_defaults();

    cr_expect(mele_i_left_out_own_serves(&o));
    o.groups = &group;
    cr_expect_not(mele_i_left_out_own_serves(&o));
    o.groups = NULL;
    o.only = 1;
    cr_expect_not(mele_i_left_out_own_serves(&o));
    o.only = 0;
    o.kind = "auto";
    cr_expect_not(mele_i_left_out_own_serves(&o));
}

/* ---- gathering ---- */

Test(rows, are_gathered_in_order_and_without_gaps)
{
    made p = make_problem(N, D, 1, K, 0);
    const mele_matrix x = made_x(&p);
    reading r = reading_of(&p);
    const mele_rows memory = mele_rows_of(&x), read = rows_of(&r);
    double a[N * D], b[N * D];
    size_t row[N];

    for (size_t step = 1; step < 40; step++)
        for (size_t first = 0; first < 3; first++) {
            size_t count = 0;
            for (size_t i = first; i < N; i += 1 + (i * step) % (2 * step))
                row[count++] = i;
            r.calls = 0;
            cr_assert_eq(mele_i_rows_gather(&memory, row, count, a, NULL), MELE_OK);
            cr_assert_eq(mele_i_rows_gather(&read, row, count, b, NULL), MELE_OK);
            cr_expect(memcmp(a, b, count * D * sizeof *a) == 0, "step %zu", step);
            for (size_t i = 0; i < count; i++)
                cr_expect(memcmp(a + i * D, p.x + row[i] * D, D * sizeof *a) == 0);
            cr_expect(r.calls <= count);
        }
    cr_assert_eq(mele_i_rows_gather(&read, row, 0, b, NULL), MELE_OK);
    free_problem(&p);
}

/* ---- rows that are held once they are read many times ---- */

Test(rows, through_a_cache_are_the_same_and_soon_not_read)
{
    made p = make_problem(N, D, 1, K, 0);
    reading r = reading_of(&p);
    const mele_rows read = rows_of(&r);
    mele_i_row_cache cache;
    const mele_rows rows = mele_i_row_cache_make(&cache, &read);
    double some[N * D];

    cr_assert(rows.read != read.read && rows.rows == N && rows.cols == D);
    for (size_t turn = 0; turn < 40; turn++)
        for (size_t at = 0, count = 1; at < N; at += count, count = count % 90 + 11 + turn) {
            count = N - at < count ? N - at : count;
            cr_assert_eq(rows.read(rows.user, at, count, some, NULL), MELE_OK);
            cr_assert(memcmp(some, p.x + at * D, count * D * sizeof *some) == 0);
        }
    r.calls = 0;
    cr_assert_eq(rows.read(rows.user, 0, N, some, NULL), MELE_OK);
    cr_expect_eq(r.calls, 0);
    mele_i_row_cache_clear(&cache);
    free_problem(&p);
}

/* Bounds with rows kept in single precision read few rows, one by one. */
Test(rows, kept_narrow_by_kmeans_give_the_bytes_of_rows_in_memory)
{
    enum { ROWS = 9000, COLUMNS = 5 };
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 0);
    double *x = numbers(ROWS * COLUMNS), *weight = numbers(ROWS);
    mele_partition_options o = mele_partition_defaults();
    mele_engine *engine = engine_of(2);

    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        x[i] = mele_i_stream_normal(&random);
    for (size_t i = 0; i < ROWS; i++)
        weight[i] = (double)(i % 4);
    o.clusters = 24;
    o.restarts = 1;
    o.algorithm = "bounds";
    o.max_iterations = 60;
    o.keep = true;
    for (size_t w = 0; w < 2; w++) {
        const mele_matrix matrix = mele_matrix_of(x, ROWS, COLUMNS);
        reading r = {matrix, matrix, 0, 0, PTHREAD_MUTEX_INITIALIZER};
        const mele_rows memory = mele_rows_of(&matrix), read = rows_of(&r);
        const double *weights = w == 0 ? NULL : weight;
        mele_partition *a = NULL, *b = NULL;
        mele_partition_info info[2];
        double centres[2][24 * COLUMNS];
        cr_assert_eq(mele_partition_fit_rows(&memory, weights, &o, engine, &a, &info[0], NULL),
                     MELE_OK);
        cr_assert_eq(mele_partition_fit_rows(&read, weights, &o, engine, &b, &info[1], NULL),
                     MELE_OK);
        cr_expect(info[0].iterations > 8 && info[0].iterations == info[1].iterations);
        mele_partition_centres(a, centres[0]);
        mele_partition_centres(b, centres[1]);
        cr_expect(memcmp(centres[0], centres[1], sizeof centres[0]) == 0);
        r.fails = r.calls - 20;
        r.calls = 0;
        mele_partition_free(b);
        b = NULL;
        mele_error error = {MELE_OK, 0, ""};
        cr_expect_eq(mele_partition_fit_rows(&read, weights, &o, NULL, &b, NULL, &error), MELE_EIO);
        cr_expect_null(b);
        mele_partition_free(a);
    }
    free(x);
    free(weight);
    mele_engine_free(engine);
}

/* Of other rows than those that experts were trained on: what they predict, small regions as they are. */
Test(rows, left_out_of_experts_that_have_not_seen_them)
{
    static const char *const smalls[] = {"global", "shrink"};

    for (size_t c = 0; c < 4; c++) {
        made p = make_problem(N, D, c % 2 == 0 ? 2 : 1, K, c % 2 == 0 ? 0 : 3);
        made other = make_problem(N, D, c % 2 == 0 ? 2 : 1, K, c % 2 == 0 ? 0 : 3);
        const size_t M = c % 2 == 0 ? 2 : 3;
        const mele_rows posteriors = mele_rows_of_array(p.log_posterior, N, K);
        uint32_t labels[N];
        const mele_assignment a = {.rows = N, .clusters = K, .labels = labels};
        const mele_expert_data data = {.x = mele_rows_of_array(p.x, N, D),
                                       .targets = made_targets(&p), .assignment = &a};
        const mele_targets targets = made_targets(&other);
        mele_expert_options o = mele_expert_defaults();
        mele_experts *experts = NULL;
        mele_i_left_out_own *own = NULL;
        double *both = numbers(N * K * (M + 1)), *mean = numbers(N * K * M);
        double *variance = numbers(N * K * M), *likelihood = numbers(N * K);

        for (size_t i = 0; i < N * D; i++)
            other.x[i] = 0.5 - other.x[i];
        const mele_rows x = mele_rows_of_array(other.x, N, D);
        o.small = smalls[c / 2];
        o.min_rows = 95;
        cr_assert_eq(mele_assignment_labels(&posteriors, NULL, labels, NULL), MELE_OK);
        cr_assert_eq(mele_experts_fit(&data, &o, NULL, &experts, NULL, NULL, NULL), MELE_OK);
        cr_assert_eq(mele_i_left_out_own_unseen(experts, &x, &targets, &own, NULL), MELE_OK);
        const mele_rows rows = mele_i_left_out_own_both(own);
        read_all(&rows, both);
        cr_assert_eq(mele_experts_predict_rows(experts, &x, NULL, mean, variance, NULL), MELE_OK);
        cr_assert_eq(mele_expert_log_likelihoods(&targets, mean, variance, K, NULL, likelihood, NULL),
                     MELE_OK);
        for (size_t i = 0; i < N; i++)
            cr_assert(memcmp(both + i * K * (M + 1), mean + i * K * M, K * M * sizeof *both) == 0
                      && memcmp(both + (i * (M + 1) + M) * K, likelihood + i * K, K * sizeof *both)
                             == 0, "case %zu, row %zu", c, i);
        mele_i_left_out_own_free(own);
        mele_experts_free(experts);
        free(both);
        free(mean);
        free(variance);
        free(likelihood);
        free_problem(&p);
        free_problem(&other);
    }
}
