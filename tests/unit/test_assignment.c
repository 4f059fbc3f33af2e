#include <criterion/criterion.h>
#include <math.h>

#include "expert/experts.h"
#include "expert/kinds.h"
#include "unit/expert_support.h"

/* Assignments: labels, shares and free weights, and what is made of log posteriors. */

enum { N = 120, D = 3, K = 3 };

/* What a fit to an assignment gives. */
typedef struct outcome {
    mele_experts *experts;
    double *left_out;
    mele_expert_info info[K + 1];
} outcome;

static mele_status try(const made *p, const double *weight, const mele_assignment *a,
                       const mele_expert_options *o, outcome *out, mele_error *error)
{
    const mele_expert_data data = {mele_rows_of_array(p->x, p->n, p->d), made_targets(p), weight, a};

    return fit_to_arrays(&data, o, NULL, &out->experts, out->left_out, NULL, out->info, error);
}

static outcome fit(const made *p, const double *weight, const mele_assignment *a,
                   const mele_expert_options *o)
{
    outcome out = {.left_out = numbers(p->n * K * 3)};
    mele_error error = {MELE_OK, 0, ""};

    cr_assert(try(p, weight, a, o, &out, &error) == MELE_OK, "%s: %s", o->kind, error.message);
    return out;
}

static void free_outcome(outcome *o)
{
    mele_experts_free(o->experts);
    free(o->left_out);
}

static mele_expert_options options_of(const char *kind)
{
    mele_expert_options o = mele_expert_defaults();

    o.kind = kind;
    o.hidden = 2;
    o.max_epochs = 4;
    o.folds = 2;
    return o;
}

static mele_assignment weights_of(const mele_rows *weights)
{
    return (mele_assignment){.rows = weights->rows, .clusters = weights->cols, .weights = weights};
}

/* Do the same for every kind and task. */
static void for_all(void (*check)(const made *p, const mele_expert_options *o))
{
    for (size_t c = 0; c < 2; c++) {
        made p = make_problem(N, D, 1, K, c == 0 ? 0 : 3);
        for (size_t i = 0; mele_expert_kind(i) != NULL; i++) {
            const mele_i_expert_kind *kind = mele_i_expert_kind_named(mele_expert_kind(i));
            const mele_expert_options o = options_of(mele_expert_kind(i));
            if (kind == NULL || (c == 0 ? kind->regression : kind->classification))
                check(&p, &o);
        }
        free_problem(&p);
    }
}

/* ---- bootstrap samples ---- */

/* How often a sample of n rows has each of them; under 0 nothing is drawn. */
static void draw_counts(size_t k, double *count)
{
    mele_i_stream s = mele_i_stream_make(11, MELE_I_FOR_TESTS, k, N);

    for (size_t i = 0; i < N; i++)
        count[i * K + k] = 0;
    for (size_t i = 0; i < N; i++)
        count[(size_t)(mele_i_stream_uniform(&s) * N) * K + k]++;
}

/* The rows of column k's sample, each as often as it was drawn. */
static made replicate(const made *p, const double *count, size_t k)
{
    made q = {N, p->d, p->m, 1, p->classes, numbers(N * p->d), numbers(N * p->m), numbers(N),
              numbers(N)};
    size_t at = 0;

    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < (size_t)count[i * K + k]; c++, at++) {
            memcpy(q.x + at * p->d, p->x + i * p->d, p->d * sizeof *q.x);
            memcpy(q.y + at * p->m, p->y + i * p->m, p->m * sizeof *q.y);
        }
    cr_assert_eq(at, N);
    return q;
}

static void compare_coefficients(const mele_experts *a, size_t k, const mele_experts *b, size_t l,
                                 double tolerance, const char *what)
{
    const size_t count = mele_experts_outputs(a) * (mele_experts_columns(a) + 1);
    double *one = numbers(count), *other = numbers(count);

    cr_assert(mele_i_experts_coefficients(a, k, one) && mele_i_experts_coefficients(b, l, other));
    for (size_t i = 0; i < count; i++)
        cr_assert_float_eq(one[i], other[i], tolerance * (1 + fabs(other[i])), "%s: %zu: %.17g, %.17g",
                           what, i, one[i], other[i]);
    free(one);
    free(other);
}

/* Each expert is that of its sample's rows, written out, and the global one that of all rows. */
static void check_bootstrap(const char *kind, const char *solver, double ridge, double tolerance)
{
    const size_t classes = strcmp(kind, "logistic") == 0 ? 3 : 0;
    made p = make_problem(N, D, classes > 0 ? 1 : 2, K, classes);
    double *count = numbers(N * K);
    const mele_rows rows = mele_rows_of_array(count, N, K);
    const mele_assignment a = weights_of(&rows);
    uint32_t zeros[N] = {0};
    const mele_assignment all = {.rows = N, .clusters = 1, .labels = zeros};
    mele_expert_options o = options_of(kind);

    o.solver = solver;
    o.ridge = ridge;
    for (size_t k = 0; k < K; k++)
        draw_counts(k, count);
    outcome bagged = fit(&p, NULL, &a, &o), whole = fit(&p, NULL, &all, &o);
    for (size_t k = 0; k < K; k++) {
        made q = replicate(&p, count, k);
        outcome alone = fit(&q, NULL, &all, &o);
        compare_coefficients(bagged.experts, k, alone.experts, 0, tolerance, kind);
        cr_assert_eq(bagged.info[k].rows, N);
        cr_assert_eq(bagged.info[k].rank, alone.info[0].rank);
        cr_assert_float_eq(bagged.info[k].ridge, alone.info[0].ridge, 1e-5 * alone.info[0].ridge);
        free_outcome(&alone);
        free_problem(&q);
    }
    compare_coefficients(bagged.experts, K, whole.experts, 1, tolerance, kind);
    compare_coefficients(bagged.experts, K, whole.experts, 0, tolerance, kind);
    free_outcome(&bagged);
    free_outcome(&whole);
    free(count);
    free_problem(&p);
}

Test(assignment, counts_are_rows_written_out)
{
    check_bootstrap("linear", "qr", 0.1, 1e-11);
    check_bootstrap("linear", "normal", 0.1, 1e-9);
    check_bootstrap("linear", "qr", MELE_RIDGE_GCV, 1e-7); /* as near as it is sought */
    check_bootstrap("logistic", "qr", 0.1, 1e-6);
}

/* The whole is no sum of its regions: were the global expert merged, it would be of three times the
 * rows, and its ridge a third. */
Test(assignment, the_global_expert_is_on_its_own)
{
    made p = make_problem(N, D, 1, K, 0);
    double *weight = numbers(N * K);
    uint32_t zeros[N] = {0};
    const mele_rows rows = mele_rows_of_array(weight, N, K);
    const mele_assignment a = weights_of(&rows);
    const mele_assignment all = {.rows = N, .clusters = 1, .labels = zeros};
    mele_expert_options o = options_of("linear");

    o.ridge = 40;
    for (size_t i = 0; i < N * K; i++)
        weight[i] = i % K == 2 ? 0 : 0.25 + (double)(i % 7);
    outcome free_ones = fit(&p, p.weight, &a, &o), whole = fit(&p, p.weight, &all, &o);
    compare_coefficients(free_ones.experts, K, whole.experts, 1, 1e-11, "global");
    cr_assert_float_eq(free_ones.info[K].rows, whole.info[1].rows, 1e-9);
    cr_assert_float_eq(free_ones.info[K].left_out, whole.info[1].left_out, 1e-9);
    cr_assert(free_ones.info[2].fallback && free_ones.info[2].rows == 0);
    free_outcome(&free_ones);
    free_outcome(&whole);
    free(weight);
    free_problem(&p);
}

/* ---- what forms have in common ---- */

/* Weights of 0 and 1 are labels: the same regions, to the bit. */
static void check_labels(const made *p, const mele_expert_options *o)
{
    const size_t M = p->classes > 0 ? p->classes : p->m;
    double *weight = numbers(N * K);
    uint32_t label[N], before[N];
    const mele_rows rows = mele_rows_of_array(weight, N, K);
    const mele_assignment a = weights_of(&rows);
    const mele_assignment b = {.rows = N, .clusters = K, .labels = label};

    for (size_t i = 0; i < N; i++) {
        label[i] = before[i] = (uint32_t)(i * i % 7 % K);
        for (size_t k = 0; k < K; k++)
            weight[i * K + k] = label[i] == k;
    }
    outcome one = fit(p, p->weight, &a, o), other = fit(p, p->weight, &b, o);
    for (size_t k = 0; k < K && strcmp(o->kind, "logistic") != 0; k++) {
        const mele_i_expert *e = &one.experts->expert[k], *f = &other.experts->expert[k];
        const mele_i_expert_shape shape = mele_i_experts_shape(one.experts, e->degree);
        cr_assert(e->kind == f->kind && e->kind->equal(e->state, f->state, &shape), "%s: %zu",
                  o->kind, k);
    }
    for (size_t i = 0; i < N * K * M; i++) /* logistic ones start from the global one */
        cr_assert_float_eq(one.left_out[i], other.left_out[i], 1e-5 * (1 + fabs(other.left_out[i])),
                           "%s: %zu: %g, %g", o->kind, i, one.left_out[i], other.left_out[i]);
    cr_assert(memcmp(label, before, sizeof label) == 0);
    free_outcome(&one);
    free_outcome(&other);
    free(weight);
}

Test(assignment, weights_of_zero_and_one_are_labels)
{
    for_all(check_labels);
}

/* What an expert gives no weight it does not know: its target makes no difference, and what is said
 * of the row is what the expert predicts. */
static void check_unknown(const made *p, const mele_expert_options *o)
{
    const size_t M = p->classes > 0 ? p->classes : p->m;
    double *weight = numbers(N * K), *mean = numbers(N * K * 3), *again = numbers(N * K * 3);
    const mele_rows rows = mele_rows_of_array(weight, N, K);
    const mele_assignment a = weights_of(&rows);
    const mele_matrix x = made_x(p);
    made q = make_problem(N, D, 1, K, p->classes);

    for (size_t i = 0; i < N * K; i++)
        weight[i] = i / K % 10 == 0 && i % K == 1 ? 0 : 1 + (double)(i * i % 3);
    for (size_t i = 0; i < N; i += 10)
        q.y[i] = p->classes > 0 ? (double)(((size_t)q.y[i] + 1) % p->classes) : 3 - q.y[i];
    outcome one = fit(p, NULL, &a, o), other = fit(&q, NULL, &a, o);
    cr_assert(mele_experts_predict(one.experts, &x, NULL, mean, NULL, NULL) == MELE_OK);
    for (size_t i = 0; i < N; i += 10)
        SAME_BITS(one.left_out + (i * K + 1) * M, mean + (i * K + 1) * M, M);
    cr_assert(mele_experts_predict(other.experts, &x, NULL, again, NULL, NULL) == MELE_OK);
    for (size_t i = 0; i < N * K * M; i++) /* units and starts are of all rows */
        if (i / M % K == 1)
            cr_assert_float_eq(again[i], mean[i], (p->classes > 0 ? 1e-4 : 1e-9) * (1 + fabs(mean[i])),
                               "%s: %zu: %g, %g", o->kind, i, again[i], mean[i]);
    free_outcome(&one);
    free_outcome(&other);
    free_problem(&q);
    free(weight);
    free(mean);
    free(again);
}

Test(assignment, rows_without_weight_are_unknown)
{
    for_all(check_unknown);
}

/* ---- rows that are read, or lie apart ---- */

static mele_status read_rows(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    (void)error;
    memcpy(out, (const double *)user + first * K, count * K * sizeof *out);
    return MELE_OK;
}

static void check_same_bytes(const made *p, const mele_assignment *a, const mele_assignment *b,
                             const mele_expert_options *o)
{
    const size_t M = p->classes > 0 ? p->classes : p->m;
    outcome one = fit(p, p->weight, a, o), other = fit(p, p->weight, b, o);

    cr_assert(mele_i_experts_equal(one.experts, other.experts), "%s, %s", o->kind, o->small);
    SAME_BITS(one.left_out, other.left_out, N * K * M);
    free_outcome(&one);
    free_outcome(&other);
}

/* Every kind, with rows that are left out by themselves or by groups. */
static void check_read(const made *p, const mele_expert_options *options)
{
    double *weight = numbers(N * K);
    const mele_rows here = mele_rows_of_array(weight, N, K), there = {N, K, NULL, 0, read_rows, weight};
    const mele_assignment a = weights_of(&here), b = weights_of(&there);
    mele_expert_options o = *options;
    size_t groups[N];

    for (size_t i = 0; i < N; i++)
        groups[i] = i / 5;
    for (size_t i = 0; i < N * K; i++)
        weight[i] = (double)(i * i % 4);
    check_same_bytes(p, &a, &b, &o);
    o.groups = groups;
    check_same_bytes(p, &a, &b, &o);
    free(weight);
}

Test(assignment, kinds_take_weights_that_are_read)
{
    for_all(check_read);
}

Test(assignment, rows_may_be_anywhere)
{
    static const char *const smalls[] = {"global", "merge"};
    made p = make_problem(N, D, 1, K, 0);
    double *share = numbers(N * K), *apart = numbers(N * (K + 2));
    mele_rows posteriors = mele_rows_of_array(p.log_posterior, N, K), read = {N, K, NULL, 0, read_rows,
                                                                             p.log_posterior};
    uint32_t label[N], again[N];

    for (size_t i = 0; i < N; i++) /* region 3 is small */
        p.log_posterior[i * K + 2] -= i % 31 == 0 ? -9 : 9;
    cr_assert_eq(mele_assignment_labels(&posteriors, NULL, label, NULL), MELE_OK);
    cr_assert_eq(mele_assignment_labels(&read, NULL, again, NULL), MELE_OK);
    cr_assert(memcmp(label, again, sizeof label) == 0);
    cr_assert_eq(mele_assignment_shares(&read, NULL, share, NULL), MELE_OK);
    for (size_t i = 0; i < N; i++)
        memcpy(apart + i * (K + 2), share + i * K, K * sizeof *share);
    const mele_rows here = mele_rows_of_array(share, N, K), there = {N, K, NULL, 0, read_rows, share};
    const mele_rows gaps = {N, K, apart, K + 2, NULL, NULL};
    for (size_t s = 0; s < 4; s++) {
        const bool whole = s < 2;
        mele_assignment a = {.rows = N, .clusters = K, .log_posteriors = &posteriors}, b = a, c = a;
        mele_expert_options o = options_of("linear");
        b.log_posteriors = &read;
        a.shares = whole ? &here : NULL;
        b.shares = whole ? &there : NULL;
        c.shares = whole ? &gaps : NULL;
        a.weights = whole ? NULL : &here;
        b.weights = whole ? NULL : &there;
        c.weights = whole ? NULL : &gaps;
        o.small = smalls[s % 2];
        o.min_rows = 12;
        check_same_bytes(&p, &a, &b, &o);
        check_same_bytes(&p, &a, &c, &o);
    }
    SAME_BITS(apart, share, K);
    free(share);
    free(apart);
    free_problem(&p);
}

/* Read factors of many rows are taken block by block, and nothing of n x K is held. */
Test(assignment, blocks_of_factors_are_the_whole)
{
    static const char *const solvers[] = {"qr", "normal"};
    enum { MANY = 30000 };
    made p = make_problem(MANY, 2, 1, K, 0);
    double *factor = numbers(MANY * K), *room = numbers(MANY * K);
    const mele_rows posteriors = mele_rows_of_array(p.log_posterior, MANY, K);
    const mele_rows here = mele_rows_of_array(factor, MANY, K);
    const mele_rows there = {MANY, K, NULL, 0, read_rows, factor};
    mele_i_regions held, taken, view;

    cr_assert_eq(mele_assignment_shares(&posteriors, NULL, factor, NULL), MELE_OK);
    for (size_t i = 0; i < MANY; i++) /* constant where regions 1 and 3 have weight */
        if (i % 4 == 1) {
            p.x[2 * i] = 0.7;
            factor[i * K] += factor[i * K + 1];
            factor[i * K + 1] = 0;
        } else {
            factor[i * K + 1] += factor[i * K] + factor[i * K + 2];
            factor[i * K] = factor[i * K + 2] = 0;
        }
    for (size_t c = 0; c < 4; c++) {
        const mele_rows *one = &here, *other = &there;
        const mele_assignment a = {.rows = MANY, .clusters = K, .shares = c < 2 ? one : NULL,
                                   .weights = c < 2 ? NULL : one};
        const mele_assignment b = {.rows = MANY, .clusters = K, .shares = c < 2 ? other : NULL,
                                   .weights = c < 2 ? NULL : other};
        mele_expert_options o = options_of("linear");
        o.solver = solvers[c % 2];
        outcome x = fit(&p, p.weight, &a, &o), y = fit(&p, p.weight, &b, &o);
        cr_assert(mele_i_experts_equal(x.experts, y.experts), "%zu", c);
        SAME_BITS(x.left_out, y.left_out, MANY * K);
        cr_assert_eq(x.info[0].rank, 2, "%zu", c);
        free_outcome(&x);
        free_outcome(&y);
        cr_assert_eq(mele_i_regions_make(&held, &a, p.weight, false, NULL, NULL), MELE_OK);
        cr_assert_eq(mele_i_regions_make(&taken, &b, p.weight, false, NULL, NULL), MELE_OK);
        cr_assert(held.share == factor && taken.share == NULL && taken.own_share == NULL);
        SAME_BITS(held.total, taken.total, 3 * (K + 1)); /* totals, counts, largest */
        const mele_i_block block = {1, 700, 40};
        cr_assert_eq(mele_i_regions_take(&taken, block, room, &view, NULL), MELE_OK);
        for (size_t i = 700; i < 740; i++)
            for (size_t k = 0; k <= K; k++)
                cr_assert_eq(mele_i_region_weight(&view, i, k), mele_i_region_weight(&held, i, k));
        mele_i_regions_free(&held);
        mele_i_regions_free(&taken);
    }
    free(factor);
    free(room);
    free_problem(&p);
}

/* Where small regions are merged the caller's numbers stay. */
Test(assignment, what_is_the_callers_stays)
{
    made p = make_problem(N, D, 1, K, 0);
    double *share = numbers(N * K), *before = numbers(N * K);
    mele_rows posteriors = mele_rows_of_array(p.log_posterior, N, K);
    const mele_rows shares = mele_rows_of_array(share, N, K);
    uint32_t label[N], kept[N];
    mele_expert_options o = options_of("linear");

    o.small = "merge";
    o.min_rows = 50;
    cr_assert_eq(mele_assignment_labels(&posteriors, NULL, label, NULL), MELE_OK);
    cr_assert_eq(mele_assignment_shares(&posteriors, NULL, share, NULL), MELE_OK);
    memcpy(kept, label, sizeof label);
    memcpy(before, share, N * K * sizeof *share);
    const mele_assignment a = {.rows = N, .clusters = K, .labels = label,
                               .log_posteriors = &posteriors};
    const mele_assignment b = {.rows = N, .clusters = K, .shares = &shares,
                               .log_posteriors = &posteriors};
    outcome one = fit(&p, NULL, &a, &o), other = fit(&p, NULL, &b, &o);
    bool merged = false;
    for (size_t k = 0; k < K; k++)
        merged = merged || one.info[k].merged_into > 0;
    cr_assert(merged);
    cr_assert(memcmp(kept, label, sizeof label) == 0);
    SAME_BITS(before, share, N * K);
    free_outcome(&one);
    free_outcome(&other);
    free(share);
    free(before);
    free_problem(&p);
}

/* ---- of log posteriors ---- */

Test(assignment, ties_go_to_the_lowest_index)
{
    const double p[] = {-1, -1, -2, -INFINITY, -3, -3, -4, -0.5, -0.5, 7, 6, 7};
    const uint32_t wanted[] = {0, 1, 1, 0};
    const mele_rows rows = mele_rows_of_array(p, 4, 3);
    uint32_t label[4];
    double share[12];

    cr_assert_eq(mele_assignment_labels(&rows, NULL, label, NULL), MELE_OK);
    cr_assert(memcmp(label, wanted, sizeof label) == 0);
    cr_assert_eq(mele_assignment_shares(&rows, NULL, share, NULL), MELE_OK);
    cr_assert_float_eq(share[0], 1 / (2 + exp(-1)), 1e-15);
    cr_assert_eq(share[3], 0);
    cr_assert_float_eq(share[4], 0.5, 1e-15);
    cr_assert_float_eq(share[10], exp(-1) / (2 + exp(-1)), 1e-15);
}

/* ---- what is refused ---- */

typedef struct wrong {
    const char *what, *says;
    mele_status status;
} wrong;

/* The i-th spoils something. */
static mele_assignment spoil(size_t i, uint32_t *label, mele_rows *shares, mele_rows *weights,
                             mele_expert_options *o)
{
    mele_assignment a = {.rows = N, .clusters = K, .labels = label};
    double *number = (double *)shares->data;

    if (i == 0)
        a.labels = NULL;
    if (i == 1)
        a.shares = shares;
    if (i == 2)
        a.clusters = 0;
    if (i == 3)
        a.rows = N - 1;
    if (i == 4)
        label[17] = K;
    if (i >= 5 && i <= 8)
        a = (mele_assignment){.rows = N, .clusters = K, .shares = shares};
    if (i == 5)
        number[5 * K] += 0.001;
    if (i == 6)
        number[5 * K] = NAN;
    if (i == 7)
        shares->cols = K - 1;
    if (i == 8)
        shares->stride = K - 1;
    if (i >= 9 && i <= 11)
        a = weights_of(weights);
    if (i == 9)
        number[5 * K + 1] = -1e-300;
    if (i == 10)
        number[5 * K + 1] = INFINITY;
    if (i == 11)
        number[5 * K + 1] = 1e308;
    if (i == 12)
        o->small = "merge";
    return a;
}

Test(assignment, what_is_wrong_is_refused)
{
    static const wrong cases[] = {
        {"no form", "none of them is given", MELE_EINVAL},
        {"two forms", "more than one of them are given", MELE_EINVAL},
        {"no clusters", "clusters is 0", MELE_EINVAL},
        {"other rows", "the assignment has 119 rows, x has 120", MELE_EINVAL},
        {"a label", "labels: row 18 is 3, not a region of 0 to 2", MELE_EDATA},
        {"a sum", "shares: row 6 sums to 1.001, not 1", MELE_EDATA},
        {"NaN", "shares: row 6, cluster 1 is nan", MELE_EDATA},
        {"columns", "shares are 120 x 2", MELE_EINVAL},
        {"stride", "stride 2", MELE_EINVAL},
        {"negative", "weights of regions: row 6, cluster 2 is -1e-300", MELE_EDATA},
        {"infinite", "weights of regions: row 6, cluster 2 is inf", MELE_EDATA},
        {"too large", "row 6, cluster 2: its weight", MELE_EDATA},
        {"nothing to merge by", "small is \"merge\"", MELE_EINVAL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made p = make_problem(N, D, 1, K, 0);
        double *share = numbers(N * K);
        mele_rows shares = mele_rows_of_array(share, N, K), weights = shares;
        uint32_t label[N];
        mele_expert_options o = options_of("linear");
        outcome out = {.left_out = numbers(N * K)};
        mele_error error = {MELE_OK, 0, ""};
        for (size_t r = 0; r < N; r++) {
            label[r] = (uint32_t)(r % K);
            for (size_t k = 0; k < K; k++)
                share[r * K + k] = k == r % K ? 0.5 : 0.25;
        }
        p.weight[5] = 2; /* and the median row's is below */
        const mele_assignment a = spoil(i, label, &shares, &weights, &o);
        cr_assert_eq(try(&p, p.weight, &a, &o, &out, &error), cases[i].status, "%s: %s",
                     cases[i].what, error.message);
        cr_assert(strstr(error.message, cases[i].says) != NULL, "%s: %s", cases[i].what,
                  error.message);
        cr_assert(out.experts == NULL && isnan(out.left_out[0]));
        free_outcome(&out);
        free(share);
        free_problem(&p);
    }
}

/* Weights of any size: their ratios are what is seen, and what cannot be seen beside the others is
 * not there. */
Test(assignment, weights_of_any_size)
{
    static const double sizes[] = {0x1p-600, 0x1p-90, 0x1p600};
    made p = make_problem(N, D, 1, K, 0);
    double *weight = numbers(N * K);
    const mele_rows rows = mele_rows_of_array(weight, N, K);
    const mele_assignment a = weights_of(&rows);
    mele_expert_options o = options_of("linear");

    o.ridge = 0;
    for (size_t i = 0; i < N * K; i++)
        weight[i] = 1 + (double)(i % 5);
    outcome plain = fit(&p, NULL, &a, &o);
    for (size_t s = 0; s < 3; s++) {
        for (size_t i = 0; i < N * K; i++)
            weight[i] = (1 + (double)(i % 5)) * sizes[s];
        outcome scaled = fit(&p, NULL, &a, &o);
        for (size_t k = 0; k <= K; k++)
            if (k == K || sizes[s] > 0x1p-500 || scaled.info[k].rows > 0) {
                const double size = k == K ? 1 : sizes[s];
                compare_coefficients(scaled.experts, k, plain.experts, k, 1e-10, "scaled");
                cr_assert_float_eq(scaled.info[k].rows / size, plain.info[k].rows, 1e-9);
                cr_assert_float_eq(scaled.info[k].left_out, plain.info[k].left_out, 1e-10);
            }
        free_outcome(&scaled);
    }
    for (size_t i = 0; i < N * K; i++)
        weight[i] = 0x1p1000;
    outcome none = {NULL};
    mele_error error;
    cr_assert_eq(try(&p, NULL, &a, &o, &none, &error), MELE_EDATA);
    cr_assert(strstr(error.message, "divide them by their mean") != NULL, "%s", error.message);
    cr_assert_null(none.experts);
    free_outcome(&plain);
    free(weight);
    free_problem(&p);
}

Test(assignment, memory_may_run_out_anywhere)
{
    made p = make_problem(60, D, 1, K, 0);
    mele_rows read = {60, K, NULL, 0, read_rows, p.log_posterior}, shares = read;
    double *share = numbers(60 * K);
    size_t failures = 0;

    cr_assert_eq(mele_assignment_shares(&read, NULL, share, NULL), MELE_OK);
    shares.user = share;
    const mele_assignment a = {.rows = 60, .clusters = K, .shares = &shares, .log_posteriors = &read};
    mele_expert_options o = options_of("linear");
    o.small = "merge";
    o.min_rows = 40;
    for (bool failed = true; failed; failures++) {
        outcome out = {.left_out = numbers(60 * K)};
        failing_malloc_at(failures);
        const mele_status status = try(&p, p.weight, &a, &o, &out, NULL);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "allocation %zu", failures);
        cr_assert(failed == (out.experts == NULL));
        free_outcome(&out);
    }
    cr_assert(failures > 12);
    free(share);
    free_problem(&p);
}
