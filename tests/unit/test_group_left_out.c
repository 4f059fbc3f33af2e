#include <criterion/criterion.h>
#include <math.h>

#include "unit/expert_support.h"

/* What every kind of expert says of a row when no row of its group was in the training. */

/* Which rows a group has: single rows, a few, more than there are columns; all of a region or some
 * of every region. */
static void deal_groups(const made *p, size_t groups, bool nested, size_t *group)
{
    mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, groups, p->n);

    for (size_t i = 0; i < p->n; i++) {
        size_t region = 0;
        for (size_t k = 1; k < p->clusters; k++)
            if (p->log_posterior[i * p->clusters + k] > p->log_posterior[i * p->clusters + region])
                region = k;
        const double u = mele_i_stream_uniform(&s);
        group[i] = 1000 - (size_t)(u * u * (double)groups) - (nested ? 100 * region : 0);
    }
}

/* The rows of the problem that are not in a group. */
static made without(const made *p, const size_t *group, size_t left_out)
{
    made q = {0,
              p->d,
              p->m,
              p->clusters,
              p->classes,
              numbers(p->n * p->d),
              numbers(p->n * p->m),
              numbers(p->n),
              numbers(p->n * p->clusters)};

    for (size_t i = 0; i < p->n; i++) {
        if (group[i] == left_out)
            continue;
        memcpy(q.x + q.n * p->d, p->x + i * p->d, p->d * sizeof *q.x);
        memcpy(q.y + q.n * p->m, p->y + i * p->m, p->m * sizeof *q.y);
        memcpy(q.log_posterior + q.n * p->clusters, p->log_posterior + i * p->clusters,
               p->clusters * sizeof *q.x);
        q.weight[q.n++] = p->weight[i];
    }
    return q;
}

static mele_experts *experts_of(const made *p, const double *weight,
                                const mele_expert_options *options, double *left_out,
                                double *variance, mele_expert_info *info)
{
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);
    mele_experts *experts = NULL;
    mele_error error = {MELE_OK, 0, ""};

    cr_assert_eq(mele_experts_fit(&x, &targets, weight, p->log_posterior, p->clusters, options,
                                  NULL, &experts, left_out, variance, info, &error),
                 MELE_OK, "%s", error.message);
    return experts;
}

static size_t outputs_of(const made *p)
{
    return p->classes > 0 ? p->classes : p->m;
}

/* Left-out predictions of all rows by fits without the rows' groups. */
static void leave_out_by_fits(const made *p, const double *weight, const size_t *group,
                              const mele_expert_options *options, double *out)
{
    const size_t width = p->clusters * outputs_of(p);
    mele_expert_options plain = *options;

    plain.groups = NULL;
    for (size_t i = 0; i < p->n; i++)
        out[i * width] = INFINITY;
    for (size_t i = 0; i < p->n; i++) {
        if (!isinf(out[i * width]))
            continue;
        made q = without(p, group, group[i]);
        mele_experts *e =
            experts_of(&q, weight == NULL ? NULL : q.weight, &plain, NULL, NULL, NULL);
        for (size_t r = i; r < p->n; r++) {
            mele_matrix row = mele_matrix_of(p->x + r * p->d, 1, p->d);
            if (group[r] == group[i])
                cr_assert_eq(mele_experts_predict(e, &row, NULL, out + r * width, NULL, NULL),
                             MELE_OK);
        }
        mele_experts_free(e);
        free_problem(&q);
    }
}

/* Twice the same, left-out predictions and variances, with several threads. */
static void check_group_threads(const made *p, const double *weight, mele_expert_options *o,
                                const double *left_out, const double *variance)
{
    const size_t count = p->n * p->clusters * outputs_of(p);
    double *again = numbers(count), *variance_again = numbers(count);
    mele_engine *engine = engine_of(3);
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);
    mele_experts *experts = NULL;

    cr_assert_eq(mele_experts_fit(&x, &targets, weight, p->log_posterior, p->clusters, o, engine,
                                  &experts, again, variance_again, NULL, NULL),
                 MELE_OK);
    SAME_BITS(again, left_out, count);
    if (p->classes == 0)
        SAME_BITS(variance_again, variance, count);
    mele_experts_free(experts);
    mele_engine_free(engine);
    free(again);
    free(variance_again);
}

/* The largest relative difference, NaN where one of them is. */
static double difference_of(const double *a, const double *b, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++) {
        const double off = fabs(a[i] - b[i]) / (1 + fabs(b[i]));
        most = off > most || isnan(off) ? off : most;
    }
    return most;
}

/* Variances and errors are the means of squared left-out residuals over a region's rows. */
static void check_variances(const made *p, const double *weight, bool soft,
                            const mele_experts *experts, const double *left_out,
                            const mele_expert_info *info)
{
    double *variance = numbers(p->clusters * p->m);

    mele_experts_variances(experts, variance);
    for (size_t k = 0; k < p->clusters; k++) {
        double total = 0, mean = 0;
        for (size_t t = 0; t < p->m; t++) {
            double sum = 0;
            total = 0;
            for (size_t i = 0; i < p->n; i++) {
                const double w = (weight == NULL ? 1 : weight[i]) * weight_in(p, i, k, soft);
                const double off = p->y[i * p->m + t] - left_out[(i * p->clusters + k) * p->m + t];
                sum += w * off * off;
                total += w;
            }
            mean += sum / total / (double)p->m;
            cr_expect_float_eq(variance[k * p->m + t], sum / total, 1e-7 * sum / total);
        }
        cr_expect_float_eq(info[k].left_out, mean, 1e-7 * mean);
    }
    free(variance);
}

typedef struct linear_case {
    const char *what, *solver, *assign;
    double ridge, tolerance;
    size_t n, d, m, clusters, degree, groups;
    bool nested, weighted;
    void (*spoil)(made *p);
} linear_case;

/* A column that is twice another one, so that no fit has full rank. */
static void repeat_a_column(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + 1] = 2 * p->x[i * p->d];
}

/* A column that is 1 in a few rows, perhaps of one group, so that some fits have no full rank. */
static void make_a_rare_level(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->x[i * p->d + 1] = i % 29 == 3;
}

static void make_some_idle(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->weight[i] = i % 5 == 1 ? 0 : i % 7 == 2 ? 40 : p->weight[i];
}

static void move_far_off(made *p)
{
    for (size_t i = 0; i < p->n * p->d; i++)
        p->x[i] = 300 + 1e-2 * p->x[i];
    for (size_t i = 0; i < p->n * p->m; i++)
        p->y[i] = 1e5 + 20 * p->y[i];
}

static const linear_case linear_cases[] = {
    {"plain", "qr", "hard", 0, 1e-11, 200, 4, 1, 1, 1, 9, false, false, NULL},
    {"single rows and many", "qr", "hard", 0.3, 1e-11, 160, 5, 2, 3, 1, 40, false, true, NULL},
    {"two groups", "qr", "hard", 0.3, 1e-11, 160, 5, 2, 2, 1, 2, false, true, NULL},
    {"regions of one group each", "qr", "hard", 0.3, 1e-11, 150, 4, 2, 3, 1, 1, true, true, NULL},
    {"groups within regions", "qr", "hard", 0, 1e-10, 300, 3, 1, 3, 1, 6, true, true, NULL},
    {"soft", "qr", "soft", 0.2, 1e-11, 150, 4, 2, 3, 1, 12, false, true, NULL},
    {"degree 2", "qr", "hard", 0.1, 1e-10, 300, 4, 1, 2, 2, 11, false, true, NULL},
    {"degree 2, few rows", "qr", "hard", 0.5, 1e-10, 70, 5, 2, 3, 2, 12, false, true, NULL},
    {"normal", "normal", "hard", 0.2, 1e-8, 250, 4, 1, 2, 1, 9, false, true, NULL},
    {"normal, soft", "normal", "soft", 0.2, 1e-8, 150, 4, 2, 3, 1, 30, false, false, NULL},
    {"rank 1 less, ridge", "qr", "hard", 0.2, 1e-10, 200, 4, 1, 2, 1, 9, false, true,
     repeat_a_column},
    {"rank 1 less", "qr", "hard", 0, 1e-9, 200, 4, 1, 2, 1, 9, true, true, repeat_a_column},
    {"rank that a group settles", "qr", "hard", 0, 1e-10, 150, 4, 2, 2, 1, 30, false, true,
     make_a_rare_level},
    {"a level that a group has, ridge", "qr", "hard", 0.1, 1e-10, 150, 4, 2, 2, 1, 30, false, true,
     make_a_rare_level},
    {"fewer rows than columns", "qr", "hard", 0, 1e-9, 40, 9, 1, 3, 1, 9, false, true, NULL},
    {"rows of no weight", "qr", "hard", 0.3, 1e-11, 160, 4, 2, 3, 1, 20, false, true,
     make_some_idle},
    {"far off", "qr", "hard", 0, 1e-6, 160, 4, 2, 3, 1, 20, false, true, move_far_off},
};

static void check_linear(const linear_case *l)
{
    made p = make_problem(l->n, l->d, l->m, l->clusters, 0);
    mele_expert_options o = mele_expert_defaults();
    const size_t width = l->clusters * l->m;
    size_t *group = malloc(l->n * sizeof *group);
    double *left_out = numbers(l->n * width), *refitted = numbers(l->n * width);
    double *variance = numbers(l->n * width);
    mele_expert_info info[8];

    if (l->spoil != NULL)
        l->spoil(&p);
    deal_groups(&p, l->groups, l->nested, group);
    o.solver = l->solver;
    o.assign = l->assign;
    o.ridge = l->ridge;
    o.degree = l->degree;
    o.min_rows = 1;
    o.groups = group;
    const double *weight = l->weighted ? p.weight : NULL;
    mele_experts *experts = experts_of(&p, weight, &o, left_out, variance, info);
    leave_out_by_fits(&p, weight, group, &o, refitted);
    const double off = difference_of(left_out, refitted, l->n * width);
    cr_expect(off <= l->tolerance, "%s: %g", l->what, off);
    check_variances(&p, weight, l->assign[0] == 's', experts, left_out, info);
    check_group_threads(&p, weight, &o, left_out, variance);
    mele_experts_free(experts);
    free(group);
    free(left_out);
    free(refitted);
    free(variance);
    free_problem(&p);
}

/* Against fits without a group's rows, of the same program: what is new is how they are left out.
 */
Test(group_left_out, linear_is_as_fitted_without)
{
    for (size_t c = 0; c < sizeof linear_cases / sizeof *linear_cases; c++)
        check_linear(&linear_cases[c]);
}

/* Groups of one row are rows by themselves. */
Test(group_left_out, groups_of_one_row_are_rows)
{
    made p = make_problem(120, 3, 2, 3, 0);
    mele_expert_options o = mele_expert_defaults();
    size_t group[120];
    double *by_row = numbers(120 * 6), *by_group = numbers(120 * 6);

    for (size_t i = 0; i < 120; i++)
        group[i] = 5 * i;
    mele_experts_free(experts_of(&p, p.weight, &o, by_row, NULL, NULL));
    o.groups = group;
    mele_experts_free(experts_of(&p, p.weight, &o, by_group, NULL, NULL));
    const double off = difference_of(by_group, by_row, 120 * 6);
    cr_assert(off <= 1e-12, "%g", off);
    free(by_row);
    free(by_group);
    free_problem(&p);
}

/* Of one group in all nothing is left out: no left-out predictions, no errors; auto does not choose
 * by them; models are as without groups. Rows of another group that weigh nothing are predicted. */
Test(group_left_out, one_group_in_all)
{
    static const char *const kinds[] = {"linear", "mlp", "gp", "auto"};
    enum { N = 60 };
    made p = make_problem(N, 2, 1, 2, 0);
    size_t group[N];

    for (size_t i = 0; i < N; i++)
        group[i] = 8 + (i % 10 == 0);
    for (size_t i = 0; i < N; i += 10)
        p.weight[i] = 0;
    for (size_t c = 0; c < 4; c++) {
        mele_expert_options o = mele_expert_defaults();
        double *left_out = numbers(2 * N), *variance = numbers(2 * N), plain[2], grouped[2];
        double *said = numbers(2 * N);
        mele_expert_info info[3];
        mele_matrix x = made_x(&p);
        o.kind = kinds[c];
        o.hidden = 2;
        o.most_rows = 30;
        o.groups = group;
        mele_experts *e = experts_of(&p, p.weight, &o, left_out, variance, info);
        cr_assert_eq(mele_experts_predict(e, &x, NULL, said, NULL, NULL), MELE_OK);
        for (size_t i = 0; i < 2 * N; i++) {
            cr_assert_eq(isnan(left_out[i]), i / 2 % 10 != 0, "%s, row %zu", kinds[c], i / 2);
            cr_assert_eq(isnan(variance[i]), i / 2 % 10 != 0, "%s, row %zu", kinds[c], i / 2);
            cr_assert(isnan(left_out[i]) || fabs(left_out[i] - said[i]) < 1e-12);
        }
        cr_assert(isnan(info[0].left_out) && isnan(info[1].left_out));
        mele_experts_variances(e, grouped);
        mele_experts_free(e);
        o.groups = NULL;
        if (c == 3) {
            cr_assert(info[0].candidates == 1 && isnan(info[0].candidate[0]));
            cr_assert_str_eq(info[0].kind, "linear");
        } else {
            e = experts_of(&p, p.weight, &o, NULL, NULL, NULL);
            mele_experts_variances(e, plain);
            SAME_BITS(grouped, plain, 2);
            mele_experts_free(e);
        }
        free(said);
        free(left_out);
        free(variance);
    }
    free_problem(&p);
}

Test(group_left_out, memory_runs_out)
{
    made p = make_problem(40, 2, 1, 3, 0);
    mele_expert_options o = mele_expert_defaults();
    size_t group[40];

    deal_groups(&p, 5, true, group);
    o.groups = group;
    o.min_rows = 1;
    check_out_of_memory(&p, p.weight, &o, 20);
    free_problem(&p);
}
