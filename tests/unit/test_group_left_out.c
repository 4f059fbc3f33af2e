#include <criterion/criterion.h>
#include <math.h>

#include "expert/gp/state.h"
#include "expert/mlp/sample.h"
#include "expert/experts.h"
#include "expert/units.h"
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

    cr_assert_eq(fit_by_posterior(&x, &targets, weight, p->log_posterior, p->clusters, options,
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

    cr_assert_eq(fit_by_posterior(&x, &targets, weight, p->log_posterior, p->clusters, o, engine,
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

/* Of at most ten groups the ridge that is chosen has the least left-out error. By rows it would be
 * one that trusts what rows of a group have in common. */
Test(group_left_out, the_ridge_is_chosen_by_groups)
{
    static const struct {
        const char *solver, *assign;
        size_t degree, clusters;
        double weight;
    } cases[] = {{"qr", "hard", 1, 1, 1},
                 {"qr", "hard", 2, 2, 1},
                 {"normal", "soft", 2, 2, 1},
                 {"qr", "hard", 2, 2, 0x1p200}};
    enum { N = 120, GROUPS = 8 };
    mele_i_stream s = mele_i_stream_make(6, MELE_I_FOR_TESTS, 0, 0);

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        made p = make_problem(N, 4, 1, cases[c].clusters, 0);
        mele_expert_options o = mele_expert_defaults();
        mele_expert_info by_groups[3], by_rows[3], info[3];
        double effect[GROUPS];
        size_t group[N];
        for (size_t g = 0; g < GROUPS; g++)
            effect[g] = mele_i_stream_normal(&s);
        for (size_t i = 0; i < N; i++) {
            group[i] = i % GROUPS;
            p.x[i * 4 + 2] += 2 * sin((double)group[i] * 3);
            p.x[i * 4 + 3] += 2 * cos((double)group[i] * 5);
            p.y[i] = 0.3 * p.y[i] + effect[group[i]];
            p.weight[i] *= cases[c].weight;
        }
        o.solver = cases[c].solver;
        o.assign = cases[c].assign;
        o.degree = cases[c].degree;
        o.ridge = MELE_RIDGE_GCV;
        mele_experts_free(experts_of(&p, p.weight, &o, NULL, NULL, by_rows));
        o.groups = group;
        mele_experts_free(experts_of(&p, p.weight, &o, NULL, NULL, by_groups));
        for (size_t k = 0; k <= cases[c].clusters; k++) {
            cr_assert(c > 0 || by_groups[k].ridge > 2 * by_rows[k].ridge, "case %zu, %zu: %g %g", c,
                      k, by_groups[k].ridge, by_rows[k].ridge);
            for (double factor = 0x1p-4; factor < 20; factor *= 2) {
                o.ridge = factor * by_groups[k].ridge;
                mele_experts_free(experts_of(&p, p.weight, &o, NULL, NULL, info));
                if (factor == 1)
                    cr_assert_float_eq(info[k].left_out, by_groups[k].left_out,
                                       1e-8 * info[k].left_out);
                else /* where nothing is learnt all large ridges are the same */
                    cr_assert(info[k].left_out > by_groups[k].left_out * (1 - 1e-4),
                              "case %zu, %zu: %g: %g %g", c, k, factor, info[k].left_out,
                              by_groups[k].left_out);
            }
        }
        free_problem(&p);
    }
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

/* ---- Gaussian processes ---- */

/* The covariance of two points, by the definitions of gp_kernel.h. */
static long double covariance_of(const mele_i_gp *gp, const double *a, const double *b)
{
    long double sum = 0;

    for (size_t q = 0; q < gp->terms; q++) {
        long double square = 0;
        for (size_t j = 0; j < gp->columns; j++) {
            const long double off = ((long double)a[j] - b[j]) / gp->length[q * gp->columns + j];
            square += off * off;
        }
        const long double r = sqrtl(5 * square);
        sum += gp->share[q]
               * (strcmp(gp->kernel->name, "matern52") == 0 ? (1 + r + r * r / 3) * expl(-r)
                                                            : expl(-square / 2));
    }
    return sum;
}

/* Which rows of the region a process holds, copies being one row. */
static void find_rows(const made *p, const mele_i_gp *gp, size_t k, bool soft, size_t *row)
{
    size_t i = 0;

    for (size_t h = 0; h < gp->rows; h++, i++) {
        while (i < p->n
               && (memcmp(gp->x + h * p->d, p->x + i * p->d, p->d * sizeof *p->x) != 0
                   || !(weight_in(p, i, k, soft) > 0)))
            i++;
        cr_assert(i < p->n);
        row[h] = i;
    }
}

/* Kriging from the held rows that are not in the group, with the hyper-parameters of the process:
 * the mean by generalised least squares, the variance of simple kriging (Rasmussen, Williams 2006,
 * (2.25), (2.26)), in long double. False: there are none. */
static bool krige(const made *p, const mele_i_gp *gp, const size_t *row, const size_t *group,
                  size_t without, const double *x, double *mean, double *variance)
{
    const size_t sides = p->m + 2;
    size_t rest[200], count = 0;

    for (size_t h = 0; h < gp->rows; h++)
        if (group[row[h]] != without)
            rest[count++] = h;
    long double *r = malloc((count * (count + 2 * sides) + 1) * sizeof *r);
    long double *b = r + count * count, *right = b + count * sides, known = 0;
    for (size_t a = 0; a < count; a++) {
        const double *at = gp->x + rest[a] * p->d;
        for (size_t c = 0; c < count; c++)
            r[a * count + c] = covariance_of(gp, at, gp->x + rest[c] * p->d);
        r[a * count + a] += (long double)gp->noise / gp->weights[rest[a]];
        b[a * sides] = 1;
        b[a * sides + 1] = covariance_of(gp, at, x);
        for (size_t t = 0; t < p->m; t++)
            b[a * sides + 2 + t] = p->y[row[rest[a]] * p->m + t];
    }
    memcpy(right, b, count * sides * sizeof *b);
    naive_solve(r, b, count, sides);
    for (size_t a = 0; a < count; a++)
        known += right[a * sides + 1] * b[a * sides + 1];
    for (size_t t = 0; t < p->m; t++) {
        long double ones = 0, sum = 0, part = 0, at = 0;
        for (size_t a = 0; a < count; a++) {
            ones += b[a * sides];
            sum += b[a * sides + 2 + t];
            part += right[a * sides + 1] * b[a * sides];
            at += right[a * sides + 1] * b[a * sides + 2 + t];
        }
        const long double constant = count > 0 ? sum / ones : 0;
        mean[t] = (double)(constant + at - constant * part);
        variance[t] = (double)((long double)gp->unit[t] * gp->unit[t] * gp->signal[t]
                               * (1 + gp->noise - known));
    }
    free(r);
    return count > 0;
}

typedef struct process_case {
    const char *what, *kernel, *assign;
    size_t n, d, m, clusters, terms, groups, most_rows;
    bool nested, weighted;
    void (*spoil)(made *p);
} process_case;

/* Rows that are given twice, in one group or in two. */
static void give_twice(made *p)
{
    for (size_t i = 3; i < p->n; i += 4) {
        memcpy(p->x + i * p->d, p->x + (i - 3) * p->d, p->d * sizeof *p->x);
        memcpy(p->y + i * p->m, p->y + (i - 3) * p->m, p->m * sizeof *p->y);
        memcpy(p->log_posterior + i * p->clusters, p->log_posterior + (i - 3) * p->clusters,
               p->clusters * sizeof *p->y);
    }
}

static const process_case process_cases[] = {
    {"plain", "matern52", "hard", 60, 2, 1, 1, 2, 9, 500, false, false, NULL},
    {"regions", "squared-exponential", "hard", 90, 2, 2, 3, 1, 12, 500, false, true, NULL},
    {"one group each", "matern52", "hard", 60, 2, 1, 3, 1, 1, 500, true, true, NULL},
    {"soft", "matern52", "soft", 40, 2, 1, 2, 1, 6, 500, false, true, NULL},
    {"few held", "matern52", "hard", 80, 2, 1, 2, 1, 9, 15, false, true, NULL},
    {"no weight", "matern52", "hard", 70, 2, 1, 2, 1, 9, 500, false, true, make_some_idle},
    {"copies", "matern52", "hard", 60, 2, 1, 2, 1, 25, 500, false, false, give_twice},
};

static void check_process(const process_case *c)
{
    made p = make_problem(c->n, c->d, c->m, c->clusters, 0);
    mele_expert_options o = mele_expert_defaults();
    const size_t K = c->clusters, width = K * c->m;
    const bool soft = c->assign[0] == 's';
    size_t *group = malloc(c->n * sizeof *group), row[200];
    double *left_out = numbers(c->n * width), *variance = numbers(c->n * width);
    mele_expert_info info[8];

    if (c->spoil != NULL)
        c->spoil(&p);
    deal_groups(&p, c->groups, c->nested, group);
    o.kind = "gp";
    o.kernel = c->kernel;
    o.terms = c->terms;
    o.assign = c->assign;
    o.most_rows = c->most_rows;
    o.min_rows = 1;
    o.groups = group;
    const double *weight = c->weighted ? p.weight : NULL;
    mele_experts *e = experts_of(&p, weight, &o, left_out, variance, info);
    for (size_t k = 0; k < K; k++) {
        size_t first = 0;
        bool alone = true;
        while (!(weight_in(&p, first, k, soft) > 0)) /* a row that the region has */
            first++;
        for (size_t i = 0; i < p.n; i++)
            alone = alone && (group[i] == group[first] || !(weight_in(&p, i, k, soft) > 0));
        for (size_t i = 0; i < p.n; i++) {
            const size_t from = alone && group[i] == group[first] ? K : k;
            const mele_i_gp *gp = e->expert[from].state;
            double mean[4], spread[4];
            find_rows(&p, gp, from, soft, row);
            cr_assert(krige(&p, gp, row, group, group[i], p.x + i * p.d, mean, spread));
            for (size_t t = 0; t < p.m; t++) {
                const size_t at = i * width + k * p.m + t;
                const double unit = gp->unit[t];
                cr_expect_float_eq(left_out[at], mean[t], 1e-8 * unit, "%s: %zu, %zu: %g %g",
                                   c->what, i, k, left_out[at], mean[t]);
                spread[t] = fmax(spread[t], gp->least_variance[t]);
                cr_expect_float_eq(variance[at], spread[t], 1e-8 * unit * unit,
                                   "%s: %zu, %zu: %g %g", c->what, i, k, variance[at], spread[t]);
            }
        }
    }
    check_variances(&p, weight, soft, e, left_out, info);
    check_group_threads(&p, weight, &o, left_out, variance);
    mele_experts_free(e);
    free(group);
    free(left_out);
    free(variance);
    free_problem(&p);
}

Test(group_left_out, processes_are_as_without)
{
    for (size_t c = 0; c < sizeof process_cases / sizeof *process_cases; c++)
        check_process(&process_cases[c]);
}

/* ---- folds ---- */

typedef struct fold_case {
    const char *what, *kind, *assign, *trainer;
    size_t classes, groups;
    double holdout, tolerance;
    bool nested;
} fold_case;

static const fold_case fold_cases[] = {
    {"mlp", "mlp", "hard", NULL, 0, 9, 0, 0, false},
    {"mlp, two groups", "mlp", "hard", NULL, 0, 2, 0, 0, false},
    {"mlp, a group a region", "mlp", "hard", NULL, 0, 1, 0, 0, true},
    {"mlp, soft", "mlp", "soft", NULL, 0, 9, 0, 0, false},
    {"mlp, many rows a weight, held out", "mlp", "hard", "adam", 0, 9, 0.2, 0, false},
    {"mlp, classes", "mlp", "hard", NULL, 3, 9, 0, 0, false},
    {"mlp, classes, a group a region", "mlp", "hard", NULL, 3, 1, 0, 0, true},
    {"logistic", "logistic", "hard", NULL, 3, 9, 0, 1e-5, false},
    {"logistic, a group a region", "logistic", "hard", NULL, 2, 1, 0, 1e-5, true},
    {"logistic, soft", "logistic", "soft", NULL, 3, 5, 0, 1e-5, false},
    {"linear", "linear", "hard", NULL, 0, 9, 0, 1e-11, false},
};

/* How much the left-out predictions of a group's rows depend on the targets of that group. */
static double dependence(made *p, const mele_expert_options *o, const size_t *group, size_t which)
{
    const size_t width = p->clusters * outputs_of(p);
    double *before = numbers(p->n * width), *after = numbers(p->n * width), most = 0;

    mele_experts_free(experts_of(p, p->weight, o, before, NULL, NULL));
    for (size_t i = 0; i < p->n; i++)
        if (group[i] == which)
            p->y[i] = p->classes > 0 ? fmod(p->y[i] + 1, (double)p->classes) : p->y[i] + 3;
    mele_experts_free(experts_of(p, p->weight, o, after, NULL, NULL));
    for (size_t i = 0; i < p->n; i++)
        if (group[i] == which)
            most = fmax(most, difference_of(after + i * width, before + i * width, width));
    free(before);
    free(after);
    return most;
}

/* Kinds that train on folds leave out whole groups in all regions. Without groups what they say of
 * a row knows the others' targets. */
Test(group_left_out, targets_of_the_group_do_not_matter)
{
    for (size_t c = 0; c < sizeof fold_cases / sizeof *fold_cases; c++) {
        const fold_case *f = &fold_cases[c];
        made p = make_problem(90, 2, 1, 2, f->classes);
        mele_expert_options o = mele_expert_defaults();
        size_t group[90];

        deal_groups(&p, f->groups, f->nested, group);
        o.kind = f->kind;
        o.assign = f->assign;
        o.trainer = f->trainer;
        o.holdout = f->holdout;
        o.hidden = 1;
        o.max_epochs = 20;
        o.groups = group;
        const double grouped = dependence(&p, &o, group, group[7]);
        cr_expect(grouped <= f->tolerance, "%s: %g", f->what, grouped);
        o.groups = NULL;
        const double alone = dependence(&p, &o, group, group[7]);
        cr_expect(alone > 1e-3, "%s: %g", f->what, alone);
        free_problem(&p);
    }
}

/* Early stopping watches whole groups: about its share of the rows, or the smallest group. */
Test(group_left_out, early_stopping_holds_out_whole_groups)
{
    enum { N = 60 };
    static const struct {
        double share;
        size_t sizes[6], least, most;
    } cases[] = {{0.3, {10, 10, 10, 10, 10, 10}, 10, 18},
                 {0.1, {10, 14, 12, 12, 12, 0}, 10, 10},
                 {0.5, {1, 2, 3, 4, 20, 30}, 1, 30},
                 {0.1, {60, 0, 0, 0, 0, 0}, 0, 0},
                 {0.2, {31, 29, 0, 0, 0, 0}, 29, 29}};
    double x[N], y[N], weights[N];
    size_t group[N];

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        mele_expert_options o = mele_expert_defaults();
        size_t groups = 0, held = 0, seen[6] = {0};
        for (size_t i = 0, g = 0, left = cases[c].sizes[0]; i < N; i++) {
            while (left == 0)
                left = cases[c].sizes[++g];
            left--;
            group[i] = g;
            groups = g + 1;
            x[i] = sin((double)i);
            y[i] = cos((double)i);
            weights[i] = 1;
        }
        const mele_i_expert_rows rows = {
            .count = N, .x = x, .y = y, .weights = weights, .group = group, .groups = groups};
        const mele_i_mlp_plan plan = {.rows = &rows,
                                      .options = &o,
                                      .network = {1, 2, 1, false, MELE_I_TANH},
                                      .trainer = &mele_i_trainer_adam,
                                      .targets = 1,
                                      .holdout = cases[c].share};
        mele_i_mlp_sample s;
        cr_assert_eq(mele_i_mlp_sample_make(&plan, NULL, MELE_I_MLP_NO_FOLD, &s, NULL), MELE_OK);
        cr_assert(s.count == N && s.validation_count >= cases[c].least && s.validation_count <= cases[c].most,
                  "case %zu: %zu", c, s.validation_count);
        for (size_t i = 0; i < s.validation_count; i++)
            seen[group[s.row[i]]]++;
        for (size_t g = 0; g < groups; g++) {
            cr_assert(seen[g] == 0 || seen[g] == cases[c].sizes[g], "case %zu, group %zu", c, g);
            held += seen[g];
        }
        cr_assert_eq(held, s.validation_count);
        mele_i_mlp_sample_free(&s);
    }
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

    deal_groups(&p, 3, true, group);
    group[3] = group[2]; /* a group in two regions */
    o.groups = group;
    o.min_rows = 1;
    o.hidden = 1;
    for (size_t c = 0; c < 4; c++) {
        o.kind = (const char *const[]){"linear", "gp", "mlp", "linear"}[c];
        o.ridge = c == 3 ? MELE_RIDGE_GCV : MELE_RIDGE_DEFAULT;
        check_out_of_memory(&p, p.weight, &o, 20);
    }
    o.ridge = 1;
    free_problem(&p);
    p = make_problem(40, 2, 1, 3, 2);
    o.kind = "logistic";
    check_out_of_memory(&p, p.weight, &o, 20);
    free_problem(&p);
}
