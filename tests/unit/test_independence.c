#include <criterion/criterion.h>
#include <math.h>

#include "expert/experts.h"
#include "expert/kinds.h"
#include "unit/expert_support.h"

/* Experts are trained one without the others: options.only, .freeze and .start, and parts that are
 * merged. Every kind there is, for targets and for classes. */

enum { N = 160, D = 2, K = 4, SMALL = 2 };

static const char *const words[] = {"global", "shrink", "merge"};

/* Region 3 has four rows. */
static made make_parts(size_t classes)
{
    made p = make_problem(N, D, classes > 0 ? 1 : 2, K, classes);

    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < K; k++) {
            const size_t own = i % 40 == 7 ? SMALL : i % 3 == 2 ? 3 : i % 3;
            p.log_posterior[i * K + k] = log(k == own ? 0.91 : 0.03);
        }
    return p;
}

static mele_expert_options options_of(const char *kind, const char *small)
{
    mele_expert_options o = mele_expert_defaults();

    o.kind = kind;
    o.small = small;
    o.min_rows = 9;
    o.hidden = 2;
    o.max_epochs = 8;
    o.folds = 2;
    return o;
}

static char *text_of(const mele_experts *e)
{
    json_t *section = mele_i_experts_save(e);
    char *text = json_dumps(section, 0);

    json_decref(section);
    cr_assert(text != NULL);
    return text;
}

static void assert_same_text(const mele_experts *a, const mele_experts *b, const char *what)
{
    char *one = text_of(a), *other = text_of(b);

    cr_assert_str_eq(one, other, "%s", what);
    free(one);
    free(other);
}

/* Expert k (from 0; K: the global one) of a saved section. */
static char *text_of_one(const mele_experts *e, size_t k)
{
    json_t *section = mele_i_experts_save(e);
    const json_t *one = k == K ? json_object_get(section, "global")
                               : json_array_get(json_object_get(section, "experts"), k);
    char *text = json_dumps(one, JSON_ENCODE_ANY);

    json_decref(section);
    cr_assert(text != NULL);
    return text;
}

static bool is_same_one(const mele_experts *a, const mele_experts *b, size_t k)
{
    char *one = text_of_one(a, k), *other = text_of_one(b, k);
    const bool same = strcmp(one, other) == 0;

    free(one);
    free(other);
    return same;
}

/* Do the same for every kind, task and way with small regions. */
static void for_all(void (*check)(const made *p, const char *kind, const char *small))
{
    for (size_t c = 0; c < 2; c++) {
        made p = make_parts(c == 0 ? 0 : 3);
        for (size_t i = 0; mele_expert_kind(i) != NULL; i++) {
            const mele_i_expert_kind *kind = mele_i_expert_kind_named(mele_expert_kind(i));
            for (size_t w = 0; w < 3; w++)
                if (kind == NULL || (c == 0 ? kind->regression : kind->classification))
                    check(&p, mele_expert_kind(i), words[w]);
        }
        free_problem(&p);
    }
}

static void check_parts(const made *p, const char *kind, const char *small)
{
    static const size_t order[K] = {2, 0, 3, 1};
    mele_expert_options o = options_of(kind, small);
    mele_experts *whole = trained_experts(p, &o), *parts[K], *merged = NULL, *some = NULL;
    mele_matrix x = made_x(p);
    double *mean = numbers(N * K * 3);

    for (size_t i = 0; i < K; i++) {
        o.only = order[i] + 1;
        parts[i] = trained_experts(p, &o);
        cr_assert(mele_experts_has(parts[i], order[i]));
        cr_assert(is_same_one(parts[i], whole, order[i]), "%s, %s: %zu", kind, small, order[i]);
        if (order[i] != 0) { /* the first is never small */
            cr_assert(!mele_experts_has(parts[i], 0) || order[i] == SMALL);
        }
    }
    mele_error error = {MELE_OK, 0, ""};
    cr_assert(mele_experts_merge((const mele_experts *const *)parts, K, &merged, &error) == MELE_OK,
              "%s", error.message);
    assert_same_text(merged, whole, kind);
    cr_assert(mele_experts_merge((const mele_experts *const *)parts, 2, &some, NULL) == MELE_OK);
    cr_assert(!mele_experts_has(some, 1) && mele_experts_has(some, 0));
    cr_assert(mele_experts_predict(some, &x, NULL, mean, NULL, &error) == MELE_EINVAL);
    cr_assert(strstr(error.message, "expert 2") != NULL, "%s", error.message);
    cr_assert(isnan(mean[0]));
    cr_assert(mele_experts_predict(merged, &x, NULL, mean, NULL, NULL) == MELE_OK);
    mele_experts_free(some);
    mele_experts_free(merged);
    mele_experts_free(whole);
    for (size_t i = 0; i < K; i++)
        mele_experts_free(parts[i]);
    free(mean);
}

Test(independence, parts_merge_to_the_whole)
{
    for_all(check_parts);
}

/* A part is saved and read as it is. */
static void check_saved_part(const made *p, const char *kind, const char *small)
{
    mele_expert_options o = options_of(kind, small);
    mele_experts *loaded = NULL;
    mele_error error = {MELE_OK, 0, ""};

    for (o.only = 1; o.only <= K; o.only++) {
        mele_experts *part = trained_experts(p, &o);
        json_t *section = mele_i_experts_save(part);
        cr_assert(mele_i_experts_load(section, &loaded, &error) == MELE_OK, "%s", error.message);
        assert_same_text(part, loaded, kind);
        for (size_t k = 0; k < K; k++)
            cr_assert(mele_experts_has(part, k) == mele_experts_has(loaded, k));
        json_decref(section);
        mele_experts_free(loaded);
        mele_experts_free(part);
    }
}

Test(independence, parts_are_saved)
{
    for_all(check_saved_part);
}

/* Other targets: the trained change, the others stay as they are. */
static void check_kept(const made *p, const char *kind, const char *small)
{
    mele_expert_options o = options_of(kind, small);
    mele_experts *before = trained_experts(p, &o);
    made q = make_parts(p->classes);

    for (size_t i = 0; i < N; i++)
        q.y[i * q.m] = p->classes > 0 ? (double)((size_t)(p->y[i] + (i % 5 == 0)) % p->classes)
                                      : p->y[i * p->m] + 0.3 * cos((double)(i * i));
    o.start = before;
    o.freeze = 2;
    mele_experts *after = trained_experts(&q, &o);
    cr_assert(is_same_one(before, after, 1), "%s, %s", kind, small);
    cr_assert(!is_same_one(before, after, 0) && !is_same_one(before, after, 3));
    mele_experts_free(after);
    o.freeze = 0;
    o.only = 4;
    after = trained_experts(&q, &o);
    for (size_t k = 0; k < 2; k++)
        cr_assert(is_same_one(before, after, k), "%s, %s: %zu", kind, small, k);
    cr_assert(!is_same_one(before, after, 3));
    mele_experts_free(after);
    mele_experts_free(before);
    free_problem(&q);
}

Test(independence, what_is_frozen_keeps_its_bytes)
{
    for_all(check_kept);
}

/* With `cold` what is trained is as from nothing, and the rest, the global expert too, is the
 * start's. */
static void check_cold(const made *p, const char *kind, const char *small)
{
    mele_expert_options o = options_of(kind, small);
    made q = make_parts(p->classes);

    for (size_t i = 0; i < N; i++)
        q.y[i * q.m] = p->classes > 0 ? (double)((size_t)(p->y[i] + (i % 7 == 0)) % p->classes)
                                      : p->y[i * p->m] + 0.2 * sin((double)(i * i));
    mele_experts *before = trained_experts(p, &o), *fresh = trained_experts(&q, &o);
    o.start = before;
    o.cold = true;
    mele_experts *after = trained_experts(&q, &o);
    assert_same_text(after, fresh, "nothing stays");
    mele_experts_free(after);
    o.freeze = 2;
    after = trained_experts(&q, &o);
    for (size_t k = 0; k < K; k++)
        cr_assert(is_same_one(after, k == 1 ? before : fresh, k), "%s, %s: freeze, %zu", kind,
                  small, k);
    mele_experts_free(after);
    o.freeze = 0;
    for (o.only = 1; o.only <= K; o.only++) {
        after = trained_experts(&q, &o);
        for (size_t k = 0; k <= K; k++)
            cr_assert(is_same_one(after, k + 1 == o.only ? fresh : before, k),
                      "%s, %s: only %zu, %zu", kind, small, o.only, k);
        mele_experts_free(after);
    }
    mele_experts_free(before);
    mele_experts_free(fresh);
    free_problem(&q);
}

Test(independence, cold_training_starts_from_nothing)
{
    for_all(check_cold);
}

/* A frozen expert costs nothing. */
Test(independence, what_is_frozen_is_not_trained)
{
    made p = make_parts(0);
    mele_expert_options o = options_of("mlp", "global");
    mele_experts *before = trained_experts(&p, &o), *after = NULL;
    mele_matrix x = made_x(&p);
    mele_targets targets = made_targets(&p);
    mele_expert_info info[K + 1];

    o.start = before;
    o.cold = true;
    o.freeze = 2;
    cr_assert(fit_by_posterior(&x, &targets, p.weight, p.log_posterior, K, &o, NULL, &after, NULL,
                               NULL, info, NULL) == MELE_OK);
    for (size_t k = 0; k < K; k++)
        cr_assert((info[k].kind == NULL) == (k == 1), "%zu", k);
    cr_assert(info[1].iterations == 0 && isnan(info[1].error));
    mele_experts_free(before);
    mele_experts_free(after);
    free_problem(&p);
}

/* What is kept is kept also where these rows would not have made it. */
Test(independence, kept_experts_do_not_depend_on_the_rows)
{
    made p = make_parts(0), q = make_parts(0);
    mele_expert_options o = options_of("linear", "global");
    mele_experts *before = trained_experts(&p, &o);

    for (size_t i = 0; i < N; i++) { /* now region 2 is empty, and region 3 is not small */
        const size_t own = i % 3 == 1 ? SMALL : i % 3;
        for (size_t k = 0; k < K; k++)
            q.log_posterior[i * K + k] = k == own ? 0 : -INFINITY;
    }
    o.start = before;
    for (size_t k = 1; k < 3; k++) {
        o.freeze = k + 1;
        mele_experts *after = trained_experts(&q, &o);
        cr_assert(is_same_one(before, after, k), "%zu", k);
        mele_experts_free(after);
    }
    mele_experts_free(before);
    free_problem(&p);
    free_problem(&q);
}

/* ---- rows that leave the region that another was merged into without an expert ---- */

/* Region 3, which is small, is merged into region 1. Then that has four rows, which are next to
 * region `next`; with region 3 the rows that it lost are in that. */
static void shrink_first_region(made *p, size_t next)
{
    for (size_t i = 0; i < N; i++) {
        size_t own = i % 40 == 7 ? SMALL : i % 3 == 2 ? 3 : i % 3;
        own = own == 0 && i > 10 ? next : own;
        for (size_t k = 0; k < K; k++)
            p->log_posterior[i * K + k] = log(k == own ? 0.9 : k == next ? 0.06 : 0.02);
    }
}

/* Everybody who answers is there, and region 3 has the predictions of that one. */
static void assert_answered(const made *p, const mele_experts *e, size_t answers, const char *what)
{
    const size_t outputs = mele_experts_outputs(e);
    double *mean = numbers(N * K * outputs);
    mele_matrix x = made_x(p);
    mele_error error = {MELE_OK, 0, ""};

    cr_assert(mele_experts_predict(e, &x, NULL, mean, NULL, &error) == MELE_OK, "%s: %s", what,
              error.message);
    cr_assert(mele_i_experts_facts(e, SMALL).answers == answers, "%s", what);
    for (size_t i = 0; i < N && answers < K; i++)
        SAME_BITS(mean + (i * K + SMALL) * outputs, mean + (i * K + answers) * outputs, outputs);
    json_t *section = mele_i_experts_save(e);
    mele_experts *loaded = NULL;
    cr_assert(mele_i_experts_load(section, &loaded, &error) == MELE_OK, "%s: %s", what,
              error.message);
    json_decref(section);
    mele_experts_free(loaded);
    free(mean);
}

static void check_moved(const made *p, const char *kind, const char *small)
{
    mele_expert_options o = options_of(kind, small);
    made q = make_parts(p->classes);
    mele_experts *before = trained_experts(p, &o);

    shrink_first_region(&q, 1);
    o.start = before;
    const size_t answers = mele_i_experts_facts(before, SMALL).answers;
    const size_t now = strcmp(small, "merge") == 0 ? 1 : answers;
    cr_assert(answers == (strcmp(small, "merge") == 0 ? 0 : now), "%s: %zu", small, answers);
    o.freeze = SMALL + 1;
    mele_experts *after = trained_experts(&q, &o);
    assert_answered(&q, after, now, kind);
    mele_experts_free(after);
    o.freeze = 0;
    o.only = 1;
    after = trained_experts(&q, &o);
    assert_answered(&q, after, now, kind);
    cr_assert(is_same_one(before, after, 1) && is_same_one(before, after, 3), "%s, %s", kind,
              small);
    mele_experts_free(after);
    mele_experts_free(before);
    free_problem(&q);
}

Test(independence, what_answers_in_the_region_of_who_answered)
{
    for_all(check_moved);
}

/* Each would be answered by the other: the global expert does, where there is one. */
Test(independence, regions_merged_into_one_another)
{
    static const char *const kinds[] = {"linear", "mlp", "gp"};
    made p = make_parts(0), q = make_parts(0);
    mele_matrix x = made_x(&q);
    mele_targets targets = made_targets(&q);
    mele_expert_info info[K + 1];

    shrink_first_region(&q, SMALL);
    for (size_t i = 0; i < 3; i++) {
        mele_expert_options o = options_of(kinds[i], "merge");
        mele_experts *before = trained_experts(&p, &o), *after = NULL;
        mele_error error = {MELE_OK, 0, ""};
        o.start = before;
        o.freeze = SMALL + 1;
        mele_status status = fit_by_posterior(&x, &targets, q.weight, q.log_posterior, K, &o, NULL,
                                              &after, NULL, NULL, info, &error);
        cr_assert(status == (i == 0 ? MELE_OK : MELE_EDATA), "%s: %s", kinds[i], error.message);
        cr_assert((after != NULL) == (i == 0));
        if (i == 0) {
            assert_answered(&q, after, K, kinds[i]);
            cr_assert(info[SMALL].fallback && info[0].fallback && info[0].merged_into == 0);
        } else {
            cr_assert(strstr(error.message, "freeze 3: nothing answers in region 1") != NULL, "%s",
                      error.message);
        }
        mele_experts_free(after);
        mele_experts_free(before);
    }
    free_problem(&p);
    free_problem(&q);
}

/* Nobody knows what experts that stay have learnt from: no number passes for what they say of rows
 * that were left out. Those that are trained have left-out predictions as in a fit of all. */
Test(independence, kept_experts_have_no_left_out_predictions)
{
    made p = make_parts(0);
    mele_matrix x = made_x(&p);
    mele_targets targets = made_targets(&p);
    double *all = numbers(N * K * 2), *left_out = numbers(N * K * 2);
    double *variance = numbers(N * K * 2), *all_variance = numbers(N * K * 2);

    for (int freezes = 0; freezes < 2; freezes++) {
        mele_expert_options o = options_of("linear", "shrink");
        mele_experts *before = NULL, *after = NULL;
        cr_assert(fit_by_posterior(&x, &targets, p.weight, p.log_posterior, K, &o, NULL, &before,
                                   all, all_variance, NULL, NULL) == MELE_OK);
        o.start = before;
        o.only = freezes ? 0 : 1;
        o.freeze = freezes ? 2 : 0;
        cr_assert(fit_by_posterior(&x, &targets, p.weight, p.log_posterior, K, &o, NULL, &after,
                                   left_out, variance, NULL, NULL) == MELE_OK);
        assert_same_text(before, after, "the same rows");
        for (size_t i = 0; i < N * K * 2; i++) {
            const size_t k = i / 2 % K;
            if (freezes ? k != 1 : k == 0) {
                cr_assert_float_eq(left_out[i], all[i], 1e-12);
                cr_assert_float_eq(variance[i], all_variance[i], 1e-12 * all_variance[i]);
            } else {
                cr_assert(isnan(left_out[i]) && isnan(variance[i]), "%g", left_out[i]);
            }
        }
        mele_experts_free(before);
        mele_experts_free(after);
    }
    free(all);
    free(all_variance);
    free(left_out);
    free(variance);
    free_problem(&p);
}

/* ---- what is refused ---- */

Test(independence, parts_that_disagree_are_refused)
{
    made p = make_parts(0), other = make_parts(3);
    mele_expert_options o = options_of("linear", "global");
    mele_experts *out = (mele_experts *)&o;
    mele_error error = {MELE_OK, 0, ""};

    o.only = 1;
    mele_experts *first = trained_experts(&p, &o);
    o.ridge = 3;
    mele_experts *otherwise = trained_experts(&p, &o);
    o.kind = NULL;
    mele_experts *classes = trained_experts(&other, &o);
    const mele_experts *disagree[] = {first, otherwise}, *shapes[] = {first, classes};
    const mele_experts *twice[] = {first, first};
    cr_assert(mele_experts_merge(disagree, 2, &out, &error) == MELE_EDATA);
    cr_assert(strstr(error.message, "expert 1") != NULL, "%s", error.message);
    cr_assert(mele_experts_merge(shapes, 2, &out, &error) == MELE_EINVAL);
    cr_assert(mele_experts_merge(NULL, 2, &out, NULL) == MELE_EINVAL);
    cr_assert(mele_experts_merge(twice, 0, &out, NULL) == MELE_EINVAL);
    cr_assert(out == (mele_experts *)&o);
    cr_assert(mele_experts_merge(twice, 2, &out, NULL) == MELE_OK);
    assert_same_text(out, first, "twice the same");
    mele_experts_free(out);
    mele_experts_free(first);
    mele_experts_free(otherwise);
    mele_experts_free(classes);
    free_problem(&p);
    free_problem(&other);
}

Test(independence, wrong_subsets_are_refused)
{
    made p = make_parts(0), q = make_problem(N, D, 1, K, 0);
    mele_expert_options o = options_of("linear", "global");
    mele_experts *start = trained_experts(&p, &o), *narrow = trained_experts(&q, &o), *e = NULL;
    o.kind = "mlp";
    mele_experts *other = trained_experts(&p, &o);
    o.kind = "linear";
    mele_matrix x = made_x(&p);
    mele_targets targets = made_targets(&p);
    const struct {
        size_t only, freeze;
        const mele_experts *start;
    } cases[] = {{K + 1, 0, NULL}, {0, K + 1, start}, {0, 1, NULL},
                 {1, 2, start},    {1, 0, narrow}, {1, 0, other},
                 {0, 1, other}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        o.only = cases[i].only;
        o.freeze = cases[i].freeze;
        o.start = cases[i].start;
        cr_assert(fit_by_posterior(&x, &targets, NULL, p.log_posterior, K, &o, NULL, &e, NULL, NULL,
                                   NULL, NULL) == MELE_EINVAL, "case %zu", i);
        cr_assert(e == NULL);
    }
    mele_experts_free(start);
    mele_experts_free(narrow);
    mele_experts_free(other);
    free_problem(&p);
    free_problem(&q);
}

/* A start of another kind, or with nothing in it, is none. */
Test(independence, starts_of_all_kinds_serve)
{
    static const char *const kinds[] = {"linear", "mlp", "gp", "auto"};
    made p = make_parts(0);

    for (size_t i = 0; i < 4; i++) {
        mele_expert_options o = options_of("linear", "global");
        if (i > 0 && mele_i_expert_kind_named(kinds[i]) == NULL && strcmp(kinds[i], "auto") != 0)
            continue;
        mele_experts *linear = trained_experts(&p, &o);
        o.only = 2;
        o.degree = 2;
        mele_experts *part = trained_experts(&p, &o);
        o = options_of(kinds[i], "global");
        o.start = linear;
        mele_experts_free(trained_experts(&p, &o));
        o.start = part;
        mele_experts_free(trained_experts(&p, &o));
        mele_experts_free(linear);
        mele_experts_free(part);
    }
    free_problem(&p);
}

/* Logistic experts that start at their own end are there sooner. */
Test(independence, logistic_experts_start_where_they_were)
{
    made p = make_parts(3);
    mele_expert_options o = options_of("logistic", "global");
    mele_experts *before = trained_experts(&p, &o), *after = NULL;
    mele_matrix x = made_x(&p);
    mele_targets targets = made_targets(&p);
    mele_expert_info info[K + 1], first[K + 1];

    cr_assert(fit_by_posterior(&x, &targets, p.weight, p.log_posterior, K, &o, NULL, &after, NULL,
                               NULL, first, NULL) == MELE_OK);
    mele_experts_free(after);
    o.start = before;
    cr_assert(fit_by_posterior(&x, &targets, p.weight, p.log_posterior, K, &o, NULL, &after, NULL,
                               NULL, info, NULL) == MELE_OK);
    for (size_t k = 0; k <= K; k++)
        cr_assert(info[k].fallback
                      || (info[k].converged && info[k].iterations < first[k].iterations),
                  "%zu: %zu and %zu", k, info[k].iterations, first[k].iterations);
    mele_experts_free(before);
    mele_experts_free(after);
    free_problem(&p);
}

Test(independence, merging_may_run_out_of_memory_anywhere)
{
    made p = make_parts(3);
    mele_expert_options o = options_of("logistic", "merge");
    mele_experts *parts[K];
    size_t failures = 0;

    for (o.only = 1; o.only <= K; o.only++)
        parts[o.only - 1] = trained_experts(&p, &o);
    for (bool failed = true; failed; failures++) {
        mele_experts *out = NULL;
        failing_malloc_at(failures);
        mele_status status = mele_experts_merge((const mele_experts *const *)parts, K, &out, NULL);
        failed = failing_malloc_end();
        cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK), "allocation %zu: %d", failures,
                  status);
        cr_assert(!failed || out == NULL);
        mele_experts_free(out);
    }
    cr_assert(failures > 2);
    for (size_t k = 0; k < K; k++)
        mele_experts_free(parts[k]);
    free_problem(&p);
}
