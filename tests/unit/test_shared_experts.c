#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>

#include "expert/experts.h"
#include "expert/kinds.h"
#include "unit/expert_support.h"

/* What an expert has learnt is held by all that have it, and compared as it is. */

enum { N = 90, K = 3, FREEZE = 2 };

static mele_expert_options options_of(const char *kind)
{
    mele_expert_options o = mele_expert_defaults();

    o.kind = kind;
    o.hidden = 2;
    o.max_epochs = 4;
    o.folds = 2;
    return o;
}

/* Do the same for every kind and task. */
static void for_all(void (*check)(const made *p, const char *kind))
{
    for (size_t c = 0; c < 2; c++) {
        made p = make_problem(N, 2, 1, K, c == 0 ? 0 : 3);
        for (size_t i = 0; mele_expert_kind(i) != NULL; i++) {
            const mele_i_expert_kind *kind = mele_i_expert_kind_named(mele_expert_kind(i));
            if (kind == NULL || (c == 0 ? kind->regression : kind->classification))
                check(&p, mele_expert_kind(i));
        }
        free_problem(&p);
    }
}

static void predict(const made *p, const mele_experts *e, double *mean, double *variance)
{
    mele_matrix x = made_x(p);
    mele_error error = {MELE_OK, 0, ""};

    cr_assert(mele_experts_predict(e, &x, NULL, mean, variance, &error) == MELE_OK, "%s",
              error.message);
}

/* The one that stays is the start's own, and outlives it; so do those that are merged. */
static void check_held(const made *p, const char *kind)
{
    mele_expert_options o = options_of(kind);
    mele_experts *before = trained_experts(p, &o), *merged = NULL;
    double *mean = numbers(N * K * 3), *variance = numbers(N * K * 3), *after = numbers(N * K * 3);
    const size_t M = p->classes > 0 ? p->classes : p->m;

    predict(p, before, mean, p->classes > 0 ? NULL : variance);
    o.start = before;
    o.freeze = FREEZE;
    mele_experts *kept = trained_experts(p, &o);
    cr_assert(kept->expert[FREEZE - 1].state == before->expert[FREEZE - 1].state, "%s", kind);
    cr_assert(kept->expert[0].state != before->expert[0].state, "%s", kind);
    const mele_experts *parts[] = {before, before};
    cr_assert(mele_experts_merge(parts, 2, &merged, NULL) == MELE_OK);
    mele_experts_free(before);
    predict(p, kept, after, NULL);
    for (size_t i = 0; i < N; i++)
        SAME_BITS(after + (i * K + FREEZE - 1) * M, mean + (i * K + FREEZE - 1) * M, M);
    mele_experts_free(kept);
    predict(p, merged, after, NULL);
    SAME_BITS(after, mean, N * K * M);
    if (p->classes == 0) {
        predict(p, merged, mean, after);
        SAME_BITS(after, variance, N * K * M);
    }
    mele_experts_free(merged);
    free(mean);
    free(variance);
    free(after);
}

Test(shared_experts, outlive_who_trained_them)
{
    for_all(check_held);
}

/* Change the i-th real number of a value, counted from *left on; whether there was one. */
static bool change(json_t *value, size_t *left)
{
    const char *key;
    json_t *inner;
    size_t i;

    if (json_is_real(value) && (*left)-- == 0) {
        json_real_set(value, nextafter(json_real_value(value), 1e300));
        return true;
    }
    json_array_foreach(value, i, inner) {
        if (change(inner, left))
            return true;
    }
    json_object_foreach(value, key, inner) {
        if (change(inner, left))
            return true;
    }
    return false;
}

/* Every number of the file counts: with another last digit it is another expert, which the file
 * says, too. */
static void check_equal(const made *p, const char *kind)
{
    mele_expert_options o = options_of(kind);
    mele_experts *one = trained_experts(p, &o), *again = trained_experts(p, &o), *loaded = NULL;
    json_t *section = mele_i_experts_save(one);
    size_t changed = 0;

    cr_assert(mele_i_experts_equal(one, one) && mele_i_experts_equal(one, again), "%s", kind);
    cr_assert(mele_i_experts_load(section, &loaded, NULL) == MELE_OK);
    cr_assert(mele_i_experts_equal(one, loaded) && mele_i_experts_equal(loaded, one), "%s", kind);
    mele_experts_free(loaded);
    for (size_t i = 0;; i++) {
        json_t *other = json_deep_copy(section);
        size_t left = i;
        const bool found = change(other, &left);
        loaded = NULL;
        if (found && mele_i_experts_load(other, &loaded, NULL) == MELE_OK) {
            cr_assert(!mele_i_experts_equal(one, loaded), "%s: number %zu", kind, i);
            cr_assert(!mele_i_experts_equal(loaded, one), "%s: number %zu", kind, i);
            changed++;
        }
        mele_experts_free(loaded);
        json_decref(other);
        if (!found)
            break;
        i += i > 120 ? 7 : 0; /* of the many rows of a process some */
    }
    cr_assert(changed > 8, "%s: %zu", kind, changed);
    json_decref(section);
    mele_experts_free(one);
    mele_experts_free(again);
}

Test(shared_experts, are_equal_to_the_last_bit)
{
    for_all(check_equal);
}

Test(shared_experts, of_other_shapes_and_kinds_are_not_equal)
{
    made p = make_problem(N, 2, 1, K, 0), q = make_problem(N, 3, 1, K, 0);
    mele_expert_options linear = options_of("linear"), gp = options_of("gp"), part = linear;

    part.only = 1;
    mele_experts *a = trained_experts(&p, &linear), *b = trained_experts(&q, &linear), *c = trained_experts(&p, &gp);
    mele_experts *some = trained_experts(&p, &part);
    cr_assert(!mele_i_experts_equal(a, b) && !mele_i_experts_equal(a, c));
    cr_assert(!mele_i_experts_equal(a, some) && !mele_i_experts_equal(some, a));
    cr_assert(mele_i_experts_equal(some, some));
    mele_experts_free(a);
    mele_experts_free(b);
    mele_experts_free(c);
    mele_experts_free(some);
    free_problem(&p);
    free_problem(&q);
}

/* What one of several threads does with experts that all hold. */
typedef struct asking {
    const made *p;
    const mele_experts *start;
    double *variance;
} asking;

static void *keep_and_ask(void *argument)
{
    const asking *a = argument;
    mele_expert_options o = options_of("gp");
    mele_matrix x = made_x(a->p);
    mele_targets targets = made_targets(a->p);
    double *mean = malloc(N * K * sizeof *mean);
    mele_experts *kept = NULL, *merged = NULL;

    o.start = a->start;
    o.only = 1;
    o.most_rows = 8;
    if (fit_by_posterior(&x, &targets, a->p->weight, a->p->log_posterior, K, &o, NULL, &kept, NULL,
                         NULL, NULL, NULL) == MELE_OK
        && mele_experts_merge((const mele_experts *const *)&kept, 1, &merged, NULL) == MELE_OK) {
        mele_experts_free(kept);
        mele_experts_predict(merged, &x, NULL, mean, a->variance, NULL);
    }
    mele_experts_free(merged);
    free(mean);
    return NULL;
}

/* The threads keep experts of a file, whose variances nobody asked for yet, ask for these at once, and
 * let go of them. */
Test(shared_experts, threads_hold_and_let_go)
{
    enum { THREADS = 4 };
    made p = make_problem(N, 2, 1, K, 0);
    mele_expert_options o = options_of("gp");
    mele_experts *trained = trained_experts(&p, &o), *start = NULL;
    json_t *section = mele_i_experts_save(trained);
    double *mean = numbers(N * K), *variance = numbers(N * K);
    asking asks[THREADS];
    pthread_t thread[THREADS];

    predict(&p, trained, mean, variance);
    cr_assert(mele_i_experts_load(section, &start, NULL) == MELE_OK);
    for (size_t t = 0; t < THREADS; t++) {
        asks[t] = (asking){&p, start, numbers(N * K)};
        cr_assert_eq(pthread_create(&thread[t], NULL, keep_and_ask, &asks[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        cr_assert_eq(pthread_join(thread[t], NULL), 0);
        for (size_t i = 0; i < N; i++)
            SAME_BITS(asks[t].variance + i * K + 1, variance + i * K + 1, K - 1);
        free(asks[t].variance);
    }
    mele_experts_free(start);
    mele_experts_free(trained);
    json_decref(section);
    free_problem(&p);
    free(mean);
    free(variance);
}
