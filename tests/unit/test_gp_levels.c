/* Gaussian processes of rows that lie on grids: what their values tell of lengths, what is predicted
 * of levels that are left out, and of points between them. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "core/memory.h"
#include "core/stream.h"
#include "expert/gp/levels.h"
#include "expert/gp/state.h"
#include "expert/kind.h"
#include "support/size.h"
#include "unit/expert_support.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

enum { MOST = 400 }; /* rows */

/* ---- functions, and grids of their ranges ---- */

static double branin(const double *x)
{
    const double pi = 3.14159265358979323846;
    const double bent = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;

    return bent * bent + 10 * (1 - 1 / (8 * pi)) * cos(x[0]) + 10;
}

static double rosenbrock(const double *x)
{
    const double bent = x[1] - x[0] * x[0];

    return 100 * bent * bent + (1 - x[0]) * (1 - x[0]);
}

static double himmelblau(const double *x)
{
    const double a = x[0] * x[0] + x[1] - 11, b = x[0] + x[1] * x[1] - 7;

    return a * a + b * b;
}

static double sum_of_two(const double *x)
{
    return exp(0.5 * x[0]) + sin(2 * x[1]) + 0.3 * x[0];
}

static double sum_of_three(const double *x)
{
    return x[0] * x[0] + exp(0.4 * x[1]) + sin(x[2]);
}

static const struct {
    char what[24];
    double (*function)(const double *);
    size_t columns, steps; /* rows of the grid along each column */
    double low[3], high[3];
    double rounding; /* what is added to every number at most, in steps */
} grids[] = {
    {"branin", branin, 2, 11, {-5, 0}, {10, 15}, 0},
    {"branin, rounded", branin, 2, 12, {-5, 0}, {10, 15}, 1e-9},
    {"rosenbrock", rosenbrock, 2, 10, {-2, -1}, {2, 3}, 0},
    {"rosenbrock, fine", rosenbrock, 2, 16, {-2.3, -1.4}, {1.9, 3.1}, 0},
    {"rosenbrock, rounded", rosenbrock, 2, 12, {-2, -1}, {2, 3}, 1e-3},
    {"himmelblau", himmelblau, 2, 12, {-5, -5}, {5, 5}, 0},
    {"sum of two", sum_of_two, 2, 10, {-2, -2}, {3, 2}, 0},
    {"sum of two, fine", sum_of_two, 2, 16, {-2, -2}, {3, 2}, 0},
    {"sum of three", sum_of_three, 3, 6, {-2, -2, -2}, {2, 2, 2}, 0},
};

/* All combinations of the steps; returns how many. */
static size_t make_grid(size_t g, double *x, double *y)
{
    const size_t d = grids[g].columns, steps = grids[g].steps;
    mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, g, 0);
    size_t n = 1;

    for (size_t j = 0; j < d; j++)
        n *= steps;
    for (size_t i = 0; i < n; i++) {
        size_t rest = i;
        for (size_t j = 0; j < d; j++, rest /= steps) {
            const double step = (grids[g].high[j] - grids[g].low[j]) / (double)(steps - 1);
            x[i * d + j] = grids[g].low[j] + step * ((double)(rest % steps)
                           + grids[g].rounding * (2 * mele_i_stream_uniform(&s) - 1));
        }
        y[i] = grids[g].function(x + i * d);
    }
    return n;
}

/* ---- training ---- */

static mele_status try_training(size_t n, size_t d, const double *x, const double *y,
                                const mele_expert_options *options, const mele_i_expert *start,
                                mele_i_expert *expert, mele_expert_info *info)
{
    static const double least = DBL_MIN;
    static double variance;
    size_t row[MOST];
    double ones[MOST];

    for (size_t i = 0; i < n; i++) {
        row[i] = i;
        ones[i] = 1;
    }
    const mele_i_expert_rows rows = {n, row, x, y, ones, 0, NULL, &least};
    const mele_i_expert_shape shape = {d, 1, 0};
    *expert = (mele_i_expert){.kind = &mele_i_expert_gp, .degree = 1, .own = 1, .rows = (double)n,
                              .variance = &variance};
    mele_i_expert_result result = {expert, info, NULL, NULL};
    return mele_i_expert_gp.train(&rows, &shape, options, start, NULL, &result, NULL);
}

static mele_expert_options of_terms(size_t terms)
{
    return (mele_expert_options){.kernel = "matern52", .terms = terms, .most_rows = 500,
                                 .restarts = 1, .seed = 1};
}

/* 1 - the mean squared error over the variance, at points of the grid's range. */
static double r2_between(size_t g, const mele_i_gp *gp)
{
    enum { POINTS = 200 };
    double squares = 0, sum = 0, errors = 0;
    void *scratch = mele_i_array(mele_i_gp_scratch(gp), 1);
    mele_i_stream s = mele_i_stream_make(4, MELE_I_FOR_TESTS, g, 0);

    for (size_t i = 0; i < POINTS; i++) {
        double x[3], mean;
        for (size_t j = 0; j < grids[g].columns; j++)
            x[j] = grids[g].low[j]
                   + (grids[g].high[j] - grids[g].low[j]) * mele_i_stream_uniform(&s);
        const double y = grids[g].function(x);
        mele_i_gp_predict(gp, &(mele_matrix){x, 1, grids[g].columns, grids[g].columns}, &mean, NULL,
                          1, scratch);
        sum += y;
        squares += y * y;
        errors += (mean - y) * (mean - y);
    }
    free(scratch);
    return 1 - errors / (squares - sum * sum / POINTS);
}

/* ---- tests ---- */

/* Between the rows of a grid two kernels predict as well as one does, but for noise, and no length
 * is shorter than a step. */
Test(gp_levels, grids_are_not_memorised)
{
    for (size_t g = 0; g < COUNT(grids); g += TEST_SIZE(1, 1, 4)) {
        double x[MOST * 3], y[MOST], r2[3];
        const size_t n = make_grid(g, x, y), d = grids[g].columns;
        for (size_t terms = 1; terms <= 2; terms++) {
            mele_expert_options options = of_terms(terms);
            mele_expert_info info;
            mele_i_expert expert;
            cr_assert(try_training(n, d, x, y, &options, NULL, &expert, &info) == MELE_OK);
            const mele_i_gp *gp = expert.state;
            r2[terms] = r2_between(g, gp);
            for (size_t j = 0; j < gp->terms * d; j++) {
                const double range = grids[g].high[j % d] - grids[g].low[j % d];
                cr_assert(gp->length[j] > 0.98 * range / (double)(grids[g].steps - 1),
                          "%s: %g", grids[g].what, gp->length[j]);
            }
            mele_i_expert_gp.free(expert.state);
        }
        cr_assert(r2[1] > 0.999, "%s: %.7f", grids[g].what, r2[1]);
        cr_assert(r2[2] > (r2[1] > 0.9999 ? 0.9999 : 1 - 2 * (1 - r2[1])), "%s: %.7f, %.7f",
                  grids[g].what, r2[1], r2[2]);
    }
}

/* A sum of kernels stays one where it is the better one: of a sum of functions, rows at random. */
Test(gp_levels, sums_stay_where_they_serve)
{
    enum { N = 100 };
    double x[2 * N], y[N];
    mele_expert_options options = of_terms(2);
    mele_expert_info info;
    mele_i_expert expert;
    mele_i_stream s = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < N; i++) {
        x[2 * i] = -2 + 5 * mele_i_stream_uniform(&s);
        x[2 * i + 1] = -2 + 4 * mele_i_stream_uniform(&s);
        y[i] = sum_of_two(x + 2 * i);
    }
    cr_assert(try_training(N, 2, x, y, &options, NULL, &expert, &info) == MELE_OK);
    cr_assert(((const mele_i_gp *)expert.state)->terms == 2);
    mele_i_expert_gp.free(expert.state);
}

/* A process of one kernel is where the next search for several goes on, too. */
Test(gp_levels, warm_start_goes_on_from_one_kernel)
{
    double x[MOST * 2], y[MOST];
    const size_t n = make_grid(2, x, y);
    mele_expert_options options = of_terms(2);
    mele_expert_info info, again_info;
    mele_i_expert first, again;

    cr_assert(try_training(n, 2, x, y, &options, NULL, &first, &info) == MELE_OK);
    cr_assert(try_training(n, 2, x, y, &options, &first, &again, &again_info) == MELE_OK);
    const mele_i_gp *a = first.state, *b = again.state;
    cr_assert(a->terms == 1 && b->terms == 1);
    cr_assert(fabs(a->length[0] / b->length[0] - 1) < 0.1);
    mele_i_expert_gp.free(first.state);
    mele_i_expert_gp.free(again.state);
}

/* Distances are counted by hand. */
Test(gp_levels, shortest_lengths_are_distances_told_of)
{
    enum { N = 40, COLUMNS = 6 };
    double x[N * COLUMNS];
    mele_i_gp_levels levels;

    for (size_t i = 0; i < N; i++) {
        double *row = x + i * COLUMNS;
        row[0] = 0.25 * (double)(i % 8);                          /* a grid */
        row[1] = 0.25 * (double)(i % 8) + (i < 20 ? 1e-12 : 0);   /* the same, rounded */
        row[2] = i % 2 ? 1 : -1;                                  /* two values */
        row[3] = (double)i * ((double)i / N) / N;                 /* continuous, denser below */
        row[4] = (double)(i % 3);                                 /* three */
        row[5] = i % 4 == 0 ? 0 : i % 4 == 1 ? 0.1 : i % 4 == 2 ? 1 : 3; /* uneven steps */
    }
    cr_assert(mele_i_gp_levels_find(x, N, COLUMNS, &levels));
    cr_assert(levels.shortest[0] == 0.25);
    cr_assert(fabs(levels.shortest[1] - 0.25) < 1e-11);
    cr_assert(levels.shortest[2] == 0);
    cr_assert(levels.shortest[3] < 0.02);
    cr_assert(levels.shortest[4] == 1);
    cr_assert(levels.shortest[5] == 0.1); /* half of the rows have a neighbour there */
    cr_assert(levels.columns == 3 && levels.inner == 2 + 6 + 6, "%zu, %zu", levels.columns,
              levels.inner); /* four levels or more, in two rows or more each: 5, 0, 1 */
    cr_assert(levels.count[0] == 4 && levels.count[1] == 8);
    for (size_t i = 0; i < N; i++)
        cr_assert(levels.level[i] == i % 4 && levels.level[N + i] == i % 8);
    mele_i_gp_levels_free(&levels);
}

/* Errors of levels are those of processes without the rows of a fold, one by one. */
Test(gp_levels, left_out_levels_are_brute_force)
{
    enum { STEPS = 7, N = 4 * STEPS };
    double x[2 * N], y[N], weights[N], some_x[2 * N], some_y[N], some_weights[N];
    double errors[STEPS], expected[STEPS] = {0}, excess, ones[N], mean[1], signal[2];
    const double logs[] = {log(0.8), log(2.0), log(0.02)}, length[] = {0.8, 2}, share = 1;
    mele_i_stream s = mele_i_stream_make(6, MELE_I_FOR_TESTS, 0, 0);
    mele_i_gp_levels levels;
    mele_i_gp_work work;

    for (size_t i = 0; i < N; i++) {
        x[2 * i] = 0.5 * (double)(i % STEPS);
        x[2 * i + 1] = mele_i_stream_normal(&s); /* has no levels */
        y[i] = sin(2 * x[2 * i]) + x[2 * i + 1];
        weights[i] = 0.5 + (double)(i % 3);
    }
    const mele_i_gp_data data = {mele_i_gp_kernel_named("matern52"), 1, N, 2, 1, x, y, weights};
    cr_assert(mele_i_gp_levels_find(x, N, 2, &levels));
    cr_assert(levels.columns == 1 && levels.inner == STEPS - 2);
    cr_assert(mele_i_gp_work_make(&work, 1, N, 2, 1));
    cr_assert(mele_i_gp_levels_left_out(&levels, &data, &work, logs, errors, &excess, NULL)
              == MELE_OK);

    for (size_t fold = 0; fold < 4; fold++) { /* level 1 + fold, and the one four further */
        size_t count = 0;
        for (size_t i = 0; i < N; i++) {
            const size_t level = i % STEPS;
            if (level > 0 && level + 1 < STEPS && (level - 1) % 4 == fold)
                continue;
            memcpy(some_x + 2 * count, x + 2 * i, 2 * sizeof *x);
            some_weights[count] = weights[i];
            some_y[count++] = y[i];
        }
        mele_i_gp *gp = mele_i_gp_make(data.kernel, 1, count, 2, 1);
        double *factor = numbers(count * (count + MELE_I_GP_BLOCK)), copies = 0;
        memcpy(gp->x, some_x, 2 * count * sizeof *x);
        memcpy(gp->weights, some_weights, count * sizeof *weights);
        memcpy(gp->length, length, sizeof length);
        *gp->share = share;
        gp->noise = 0.02;
        cr_assert(mele_i_gp_factor(gp, factor, factor + count * count));
        for (size_t i = 0; i < count; i++)
            copies += some_weights[i];
        mele_i_gp_solve(factor, count, 1, copies,
                        &(mele_i_gp_solved){some_y, ones, mean, signal});
        memcpy(gp->coefficients + 1, some_y, count * sizeof *some_y);
        gp->mean[0] = mean[0];
        gp->unit[0] = 1;
        void *scratch = mele_i_array(mele_i_gp_scratch(gp), 1);
        for (size_t i = 0; i < N; i++) {
            const size_t level = i % STEPS;
            double predicted;
            if (level == 0 || level + 1 == STEPS || (level - 1) % 4 != fold)
                continue;
            mele_i_gp_predict(gp, &(mele_matrix){x + 2 * i, 1, 2, 2}, &predicted, NULL, 1, scratch);
            expected[level - 1] += weights[i] * (y[i] - predicted) * (y[i] - predicted);
        }
        free(scratch);
        free(factor);
        mele_i_gp_free(gp);
    }
    for (size_t l = 0; l < STEPS - 2; l++)
        cr_assert(fabs(errors[l] / expected[l] - 1) < 1e-9, "%zu: %g, not %g", l, errors[l],
                  expected[l]);
    cr_assert(excess > 1 && excess < 1000, "%g", excess);
    mele_i_gp_work_free(&work);
    mele_i_gp_levels_free(&levels);
}

/* Also where rivals are searched for. */
Test(gp_levels, memory_may_run_out)
{
    enum { STEPS = 6, N = STEPS * STEPS };
    double x[2 * N], y[N];
    mele_expert_options options = of_terms(2);
    mele_expert_info info;
    mele_i_expert expert;
    size_t failures = 0;

    for (size_t i = 0; i < N; i++) {
        x[2 * i] = (double)(i % STEPS) - 2;
        x[2 * i + 1] = 0.8 * (double)(i / STEPS) - 2;
        y[i] = rosenbrock(x + 2 * i);
    }
    for (;; failures++) {
        failing_malloc_at(failures);
        mele_status status = try_training(N, 2, x, y, &options, NULL, &expert, &info);
        const bool failed = failing_malloc_end();
        cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK), "allocation %zu: %d", failures,
                  status);
        if (!failed)
            break;
        cr_assert(expert.state == NULL);
    }
    cr_assert(failures > 60, "%zu", failures); /* some 13 a search, of which there are four */
    mele_i_expert_gp.free(expert.state);
}
