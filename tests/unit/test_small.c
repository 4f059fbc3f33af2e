#include <criterion/criterion.h>
#include <math.h>

#include "support/size.h"
#include "unit/expert_support.h"

/* What becomes of regions that have too few rows: options.small. */

enum { N = 150, D = 3, K = 3, FEW = 1, LEAST = 12 };

/* How many rows the small region has, and where it is next to. */
static const size_t few_rows = 5, host = 2;

/* Region 2 has five rows (when soft a little more), which are next to region 3. */
static made make_small(size_t classes)
{
    made p = make_problem(N, D, classes > 0 ? 1 : 2, K, classes);

    for (size_t i = 0; i < N; i++) {
        const size_t own = i % 30 == 3 ? FEW : i % 2 == 0 ? 0 : host;
        for (size_t k = 0; k < K; k++)
            p.log_posterior[i * K + k] = log(k == own ? 0.96 : k == host ? 0.03 : 0.01);
        if (own == host)
            p.log_posterior[i * K] = log(0.03);
    }
    return p;
}

static size_t outputs_of(const made *p)
{
    return p->classes > 0 ? p->classes : p->m;
}

static mele_expert_options options_for(const char *small, bool soft)
{
    mele_expert_options o = mele_expert_defaults();

    o.small = small;
    o.assign = soft ? "soft" : "hard";
    o.ridge = 0.4;
    o.min_rows = LEAST;
    return o;
}

/* A fit that need not have coefficients. */
typedef struct result {
    mele_experts *experts;
    double *mean, *variance, *left_out, *left_out_variance, residual[K * 4];
    mele_expert_info info[K + 1];
} result;

static result fit_small(const made *p, const mele_expert_options *o)
{
    const size_t count = N * p->clusters * outputs_of(p);
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);
    mele_error error = {MELE_OK, 0, ""};
    result r = {NULL, numbers(count), numbers(count), numbers(count), numbers(count), {0}, {{0}}};

    mele_status status = fit_by_posterior(&x, &targets, p->weight, p->log_posterior, p->clusters, o,
                                          NULL, &r.experts, r.left_out, r.left_out_variance, r.info,
                                          &error);
    cr_assert(status == MELE_OK, "%s", error.message);
    cr_assert(mele_experts_predict(r.experts, &x, NULL, r.mean, r.variance, NULL) == MELE_OK);
    mele_experts_variances(r.experts, r.residual);
    return r;
}

static void free_result(result *r)
{
    mele_experts_free(r->experts);
    free(r->mean);
    free(r->variance);
    free(r->left_out);
    free(r->left_out_variance);
}

/* Element o of what expert k says of row i. */
static size_t at(const made *p, size_t i, size_t k, size_t o)
{
    return (i * p->clusters + k) * outputs_of(p) + o;
}

static void assert_column(const made *p, const double *a, size_t k, const double *b, size_t l,
                          double tolerance, const char *what)
{
    for (size_t i = 0; i < N; i++)
        for (size_t o = 0; o < outputs_of(p); o++)
            cr_assert_float_eq(a[at(p, i, k, o)], b[at(p, i, l, o)], tolerance, "%s: row %zu", what,
                               i);
}

/* Do the same for targets and classes, hard and soft. */
static void for_all(void (*check)(const made *p, bool soft))
{
    for (size_t c = 0; c < 4; c++) {
        made p = make_small(c < 2 ? 0 : 3);
        check(&p, c % 2);
        free_problem(&p);
    }
}

/* The round trip of what fit_small() gave. */
static void check_saved(const made *p, const result *r)
{
    fitted f = {.experts = r->experts, .outputs = outputs_of(p)};

    check_round_trip(p, &f);
}

/* The global expert answers: one of all rows, as with a single region. */
static void check_global(const made *p, bool soft)
{
    const mele_expert_options o = options_for("global", soft);
    result r = fit_small(p, &o);
    const mele_expert_info *info = &r.info[FEW];
    double *alone = numbers(N * outputs_of(p)), zeros[N] = {0};
    mele_experts *one = NULL;
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);

    cr_assert(info->fallback && info->rank == 0 && info->merged_into == 0 && info->own == 1);
    cr_assert(!r.info[0].fallback && !r.info[host].fallback);
    cr_assert(mele_i_experts_facts(r.experts, FEW).answers == K);
    cr_assert(fit_by_posterior(&x, &targets, p->weight, zeros, 1, &o, NULL, &one, NULL, NULL, NULL,
                               NULL) == MELE_OK);
    cr_assert(mele_experts_predict(one, &x, NULL, alone, NULL, NULL) == MELE_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t e = 0; e < outputs_of(p); e++)
            cr_assert_float_eq(r.mean[at(p, i, FEW, e)], alone[i * outputs_of(p) + e], 1e-9);
    cr_assert_float_eq(info->error, r.info[K].error, 0);
    check_saved(p, &r);
    mele_experts_free(one);
    free(alone);
    free_result(&r);
}

Test(small, global)
{
    for_all(check_global);
}

static double drawn(double own, double x, double global, bool logarithms)
{
    return logarithms ? log(own * exp(x) + (1 - own) * exp(global)) : own * x + (1 - own) * global;
}

/* Between an expert of its own and the global one, by its rows. */
static void check_shrink(const made *p, bool soft)
{
    const bool classes = p->classes > 0;
    mele_expert_options o = options_for("shrink", soft);
    result r = fit_small(p, &o);
    o.small = "global";
    result global = fit_small(p, &o);
    o.min_rows = 1;
    result apart = fit_small(p, &o);
    const mele_expert_info *info = &r.info[FEW];
    double unused[40];

    cr_assert(!info->fallback && info->merged_into == 0 && info->rank > 0);
    cr_assert_float_eq(info->own, fmax(info->rows, soft ? 0 : few_rows) / LEAST, 1e-12);
    cr_assert(info->own < 1 && info->own > 0.3 && r.info[0].own == 1);
    cr_assert_float_eq(mele_i_experts_facts(r.experts, FEW).own, info->own, 0);
    cr_assert(!mele_i_experts_coefficients(r.experts, FEW, unused));
    for (size_t i = 0; i < N; i++)
        for (size_t e = 0; e < outputs_of(p); e++) {
            const size_t q = at(p, i, FEW, e);
            const bool member = soft || i % 30 == 3;
            cr_assert_float_eq(r.mean[q], drawn(info->own, apart.mean[q], global.mean[q], classes),
                               1e-9);
            cr_assert_float_eq(r.left_out[q],
                               drawn(info->own, member ? apart.left_out[q] : apart.mean[q],
                                     global.left_out[q], classes), 1e-9);
            if (classes)
                continue;
            const double known = drawn(info->own, apart.residual[FEW * p->m + e],
                                       global.residual[FEW * p->m + e], false);
            cr_assert_float_eq(r.variance[q], known, 1e-9);
            cr_assert_float_eq(r.left_out_variance[q], known, 1e-9);
            cr_assert_float_eq(r.residual[FEW * p->m + e], known, 1e-9);
        }
    assert_column(p, r.mean, 0, apart.mean, 0, 0, "others stay");
    assert_column(p, r.left_out, host, apart.left_out, host, 0, "others stay");
    check_saved(p, &r);
    free_result(&r);
    free_result(&global);
    free_result(&apart);
}

Test(small, shrink)
{
    for_all(check_shrink);
}

static const struct {
    const char *kind;
    bool regression, classification;
} kinds[] = {
    {"linear", true, false}, {"logistic", false, true}, {"mlp", true, true},
    {"gp", true, false},     {"auto", true, true},
};

static const char *const remedies[] = {"global", "shrink", "merge"};

static mele_expert_options quick_options(const char *kind, const char *small, bool soft)
{
    mele_expert_options o = options_for(small, soft);

    o.kind = kind;
    o.hidden = 2;
    o.max_epochs = 3;
    o.folds = 2;
    return o;
}

/* Every kind that is for the problem, with every remedy. */
static void for_kinds(const made *p, bool soft, void (*check)(const made *p, const result *r))
{
    for (size_t c = 0; c < sizeof kinds / sizeof *kinds; c++)
        for (size_t s = 0; s < 3; s++) {
            if (p->classes > 0 ? !kinds[c].classification : !kinds[c].regression)
                continue;
            const mele_expert_options o = quick_options(kinds[c].kind, remedies[s], soft);
            result r = fit_small(p, &o);
            check(p, &r);
            free_result(&r);
        }
}

/* A row of no weight is in nobody's training: what is said of it with and without is the same. */
static void check_idle_rows(const made *p, const result *r)
{
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < K && p->weight[i] == 0; k++)
            for (size_t o = 0; o < outputs_of(p); o++) {
                const size_t q = at(p, i, k, o);
                cr_assert_float_eq(r->left_out[q], r->mean[q], 1e-12, "row %zu, region %zu", i, k);
                if (p->classes == 0)
                    cr_assert_float_eq(r->left_out_variance[q], r->variance[q], 1e-12);
            }
}

Test(small, rows_of_no_weight_are_predicted)
{
    for (size_t c = 0; c < 4; c++) {
        made p = make_small(c < 2 ? 0 : 3);
        for (size_t i = 0; i < N; i += 11)
            p.weight[i] = 0;
        for_kinds(&p, c % 2 == 1, check_idle_rows);
        free_problem(&p);
    }
}

/* What is left out of a row knows nothing of its target, the global expert's part included. (With a
 * given ridge linear experts leave rows out in closed form.) */
Test(small, a_row_left_out_has_no_say)
{
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < N; i += 30 + (i % 30 == 3 ? 0 : 3)) {
            made p = make_small(0);
            const mele_expert_options o = options_for(remedies[s], false);
            result before = fit_small(&p, &o);
            p.y[i * p.m] += 3;
            result after = fit_small(&p, &o);
            for (size_t k = 0; k < K; k++)
                cr_assert_float_eq(before.left_out[at(&p, i, k, 0)],
                                   after.left_out[at(&p, i, k, 0)], 1e-9,
                                   "%s: row %zu, region %zu", remedies[s], i, k);
            free_result(&before);
            free_result(&after);
            free_problem(&p);
        }
}

static void check_numbers(const made *p, const result *r)
{
    for (size_t q = 0; q < N * K * outputs_of(p); q++) {
        cr_assert(isfinite(r->mean[q]) && isfinite(r->left_out[q]));
        cr_assert(p->classes > 0 || isfinite(r->variance[q]));
    }
}

/* Posteriors whose exponentials are subnormal, and weights whose ratios are. */
Test(small, regions_of_next_to_no_weight)
{
    for (size_t c = 0; c < 8; c += TEST_SIZE(1, 1, 3)) {
        made p = make_small(c % 4 < 2 ? 0 : 3);
        for (size_t i = 0; i < N; i++) {
            if (c < 4)
                p.log_posterior[i * K + FEW] = -713 - (double)(i % 32);
            else
                p.weight[i] = i % 30 == 3 ? 1e-9 : 1e300;
        }
        for_kinds(&p, c % 2 == 1, check_numbers);
        free_problem(&p);
    }
}

/* The rows go to the next region, as if their posteriors had said so. */
static void check_merge(const made *p, bool soft)
{
    mele_expert_options o = options_for("merge", soft);
    result r = fit_small(p, &o);
    made q = make_small(p->classes);

    for (size_t i = 0; i < N; i++) {
        double *l = q.log_posterior + i * K;
        l[host] = soft || i % 30 == 3 ? log(exp(l[host]) + exp(l[FEW])) : l[host];
        l[FEW] = -INFINITY;
    }
    o.small = "global";
    result known = fit_small(&q, &o);
    cr_assert(r.info[FEW].merged_into == host + 1 && !r.info[FEW].fallback);
    cr_assert(r.info[FEW].own == 1 && r.info[FEW].rank == 0 && r.info[host].merged_into == 0);
    cr_assert(mele_i_experts_facts(r.experts, FEW).answers == host);
    assert_column(p, r.mean, FEW, r.mean, host, 0, "who answers");
    assert_column(p, r.left_out, FEW, r.left_out, host, 0, "left out");
    assert_column(p, r.mean, host, known.mean, host, 1e-9, "the host's rows");
    assert_column(p, r.left_out, host, known.left_out, host, p->classes > 0 ? 1 : 1e-9,
                  "the host's left-out rows"); /* classes: folds are dealt by region */
    assert_column(p, r.mean, 0, known.mean, 0, 1e-9, "another region");
    for (size_t t = 0; t < p->m && p->classes == 0; t++)
        cr_assert(r.residual[FEW * p->m + t] == r.residual[host * p->m + t]);
    check_saved(p, &r);
    free_problem(&q);
    free_result(&r);
    free_result(&known);
}

Test(small, merge)
{
    for_all(check_merge);
}

/* Whatever is asked for, the global expert answers for regions without rows, and where every region
 * is too small to be merged with. */
static void check_nowhere_to_go(const made *p, bool soft)
{
    static const char *const words[] = {"global", "shrink", "merge"};

    for (size_t w = 0; w < 3; w++) {
        mele_expert_options o = options_for(words[w], soft);
        made q = make_small(p->classes);
        for (size_t i = 0; i < N; i++)
            q.log_posterior[i * K + FEW] = -INFINITY;
        result r = fit_small(&q, &o);
        cr_assert(r.info[FEW].fallback && r.info[FEW].rows == 0 && r.info[FEW].own == 1);
        check_saved(&q, &r);
        free_result(&r);
        o.min_rows = 1000;
        r = fit_small(p, &o);
        for (size_t k = 0; k < K; k++) {
            cr_assert(r.info[k].fallback == (w != 1) && r.info[k].merged_into == 0);
            cr_assert((r.info[k].own < 1) == (w == 1));
        }
        if (w == 1)
            check_saved(p, &r);
        free_result(&r);
        free_problem(&q);
    }
}

Test(small, nowhere_to_go)
{
    for_all(check_nowhere_to_go);
}

/* What is drawn together may be as unlikely as it gets. */
Test(small, drawn_probabilities_keep_finite_logarithms)
{
    made p = make_small(2);
    mele_expert_options o = options_for("shrink", false);

    for (size_t i = 0; i < N; i++)
        p.y[i] = p.x[i * D] > 0;
    o.ridge = 0;
    result r = fit_small(&p, &o);
    mele_matrix x = made_x(&p);
    for (size_t i = 0; i < N * D; i++)
        p.x[i] *= 1e3;
    cr_assert(mele_experts_predict(r.experts, &x, NULL, r.mean, NULL, NULL) == MELE_OK);
    for (size_t i = 0; i < N * K * 2; i++)
        cr_assert(isfinite(r.mean[i]) && r.mean[i] <= 1e-12);
    free_result(&r);
    free_problem(&p);
}

static void check_memory(const made *p, bool soft)
{
    static const char *const words[] = {"global", "shrink", "merge"};
    const size_t count = N * K * outputs_of(p);
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);
    double *left_out = numbers(2 * count), *before = numbers(2 * count);

    for (size_t w = 0; w < 3; w++) {
        const mele_expert_options o = options_for(words[w], soft);
        size_t failures = 0;
        for (bool failed = true; failed; failures++) {
            mele_experts *e = NULL;
            for (size_t i = 0; i < 2 * count; i++)
                left_out[i] = before[i] = 0.25;
            failing_malloc_at(failures);
            mele_status status = fit_by_posterior(&x, &targets, NULL, p->log_posterior, K, &o, NULL,
                                                  &e, left_out, left_out + count, NULL, NULL);
            failed = failing_malloc_end();
            cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK));
            if (failed) {
                cr_assert(e == NULL);
                SAME_BITS(left_out, before, 2 * count);
            }
            mele_experts_free(e);
        }
        cr_assert(failures > 20);
    }
    free(left_out);
    free(before);
}

Test(small, memory_may_run_out_anywhere)
{
    for_all(check_memory);
}
