/* L-BFGS on functions whose minimum is known, and at its edges. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/lbfgs.h"

#define MEMORY 7
#define AT_MINIMUM 1e-6 /* of a variable, with gradients of 1e-9 and curvatures of 0.03 and more */

typedef struct counter {
    size_t calls, fail_at, told; /* fail_at 0: never */
    double last;
    bool rose;
} counter;

static mele_status count_call(counter *c, mele_error *error)
{
    return ++c->calls == c->fail_at ? mele_i_fail(error, MELE_EIO, "call %zu", c->calls) : MELE_OK;
}

/* Rosenbrock 1960: a bent valley, minimum 0 at (1, 1). */
static mele_status rosenbrock(void *context, const double *x, double *value, double *gradient,
                              mele_error *error)
{
    double across = x[1] - x[0] * x[0], along = 1 - x[0];

    *value = 100 * across * across + along * along;
    gradient[0] = -400 * x[0] * across - 2 * along;
    gradient[1] = 200 * across;
    return count_call(context, error);
}

/* sum_i c_i (x_i - i)^2 / 2 with curvatures from 0.03 to 32. */
static mele_status bowl(void *context, const double *x, double *value, double *gradient,
                        mele_error *error)
{
    *value = 0;
    for (int i = 0; i < 25; i++) {
        double curvature = pow(10, -1.5 + i / 8.0), off = x[i] - i;
        *value += curvature * off * off / 2;
        gradient[i] = curvature * off;
    }
    return count_call(context, error);
}

/* x - log x: not a number at x <= 0; minimum 1 at 1. The first step from 0.01 leaps far out. */
static mele_status barrier(void *context, const double *x, double *value, double *gradient,
                           mele_error *error)
{
    *value = x[0] - log(x[0]);
    gradient[0] = 1 - 1 / x[0];
    return count_call(context, error);
}

/* A minimum so far from 0 that the value's rounding hides the last digits of the gradient. */
static mele_status high_up(void *context, const double *x, double *value, double *gradient,
                           mele_error *error)
{
    *value = 1e12 + (x[0] - 3) * (x[0] - 3);
    gradient[0] = 2 * (x[0] - 3);
    return count_call(context, error);
}

/* No minimum: falls for ever. */
static mele_status slope(void *context, const double *x, double *value, double *gradient,
                         mele_error *error)
{
    *value = -x[0];
    gradient[0] = -1;
    return count_call(context, error);
}

static mele_status told(void *context, size_t iteration, double value, mele_error *error)
{
    counter *c = context;

    (void)error;
    cr_assert_eq(iteration, c->told);
    c->rose = c->rose || (c->told > 0 && !(value < c->last));
    c->last = value;
    c->told++;
    return MELE_OK;
}

static mele_i_lbfgs_problem problem(size_t count, counter *c)
{
    return (mele_i_lbfgs_problem){.count = count, .memory = MEMORY, .max_iterations = 500,
                                  .tolerance = 1e-9, .tell = told, .context = c};
}

static mele_status run(const mele_i_lbfgs_problem *p, double *x, mele_i_lbfgs_info *info,
                       mele_error *error)
{
    double *room = MELE_I_ARRAY(double, mele_i_lbfgs_room(p->count, p->memory));

    cr_assert_not_null(room);
    mele_status status = mele_i_lbfgs(p, x, room, info, error);
    free(room);
    return status;
}

Test(lbfgs, rosenbrock)
{
    static const double starts[][2] = {{-1.2, 1}, {8, -5}, {1, 1}, {-1e3, 1e3}, {0.3, 0.9}};

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        counter c = {0};
        mele_i_lbfgs_problem p = problem(2, &c);
        double x[2] = {starts[i][0], starts[i][1]};
        mele_i_lbfgs_info info;
        p.objective = rosenbrock;
        cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
        cr_assert(info.converged, "start %zu: %zu iterations", i, info.iterations);
        cr_assert_float_eq(x[0], 1, AT_MINIMUM);
        cr_assert_float_eq(x[1], 1, AT_MINIMUM);
        cr_assert_not(c.rose, "start %zu", i);
        cr_assert_eq(c.told, info.iterations + 1);
        cr_assert_eq(c.calls, info.evaluations);
    }
}

Test(lbfgs, quadratic_of_bad_condition)
{
    counter c = {0};
    mele_i_lbfgs_problem p = problem(25, &c);
    double x[25];
    mele_i_lbfgs_info info;

    for (int i = 0; i < 25; i++)
        x[i] = 31 - 3 * i;
    p.objective = bowl;
    cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
    cr_assert(info.converged);
    for (int i = 0; i < 25; i++)
        cr_assert_float_eq(x[i], i, AT_MINIMUM);
    cr_assert_not(c.rose);
}

Test(lbfgs, turns_back_from_what_is_not_a_number)
{
    static const double starts[] = {0.01, 0.7, 900};

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        counter c = {0};
        mele_i_lbfgs_problem p = problem(1, &c);
        double x[1] = {starts[i]};
        mele_i_lbfgs_info info;
        p.objective = barrier;
        cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
        cr_assert(info.converged);
        cr_assert_float_eq(x[0], 1, AT_MINIMUM);
    }
}

Test(lbfgs, converges_to_the_rounding_of_the_value)
{
    counter c = {0};
    mele_i_lbfgs_problem p = problem(1, &c);
    double x[1] = {17.3};
    mele_i_lbfgs_info info;

    p.objective = high_up;
    p.tolerance = 0;
    cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
    cr_assert(info.converged);
    cr_assert_float_eq(x[0], 3, 0.1);
}

Test(lbfgs, without_a_minimum_it_ends)
{
    counter c = {0};
    mele_i_lbfgs_problem p = problem(1, &c);
    double x[1] = {5};
    mele_i_lbfgs_info info;

    p.objective = slope;
    p.max_iterations = 40;
    cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
    cr_assert_leq(info.iterations, 40);
    cr_assert(isfinite(x[0]) && x[0] > 5);
    cr_assert_not(c.rose);
}

Test(lbfgs, the_iterations_are_a_limit)
{
    counter c = {0};
    mele_i_lbfgs_problem p = problem(2, &c);
    double x[2] = {-1.2, 1};
    mele_i_lbfgs_info info;

    p.objective = rosenbrock;
    p.max_iterations = 3;
    cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
    cr_assert_eq(info.iterations, 3);
    cr_assert_not(info.converged);
    cr_assert_lt(info.value, 24.2); /* the value at the start */
}

Test(lbfgs, a_failing_objective_leaves_everything_untouched)
{
    for (size_t fail_at = 1; fail_at < 12; fail_at++) {
        counter c = {.fail_at = fail_at};
        mele_i_lbfgs_problem p = problem(2, &c);
        double x[2] = {-1.2, 1};
        mele_i_lbfgs_info info = {91, 92, 93, false};
        mele_error error;
        p.objective = rosenbrock;
        cr_assert_eq(run(&p, x, &info, &error), MELE_EIO);
        cr_assert_eq(error.status, MELE_EIO);
        cr_assert_eq(c.calls, fail_at);
        cr_assert(x[0] == -1.2 && x[1] == 1 && info.iterations == 91);
    }
}

Test(lbfgs, a_start_without_a_value_is_refused)
{
    counter c = {0};
    mele_i_lbfgs_problem p = problem(1, &c);
    double x[1] = {-4};
    mele_i_lbfgs_info info;

    p.objective = barrier;
    cr_assert_eq(run(&p, x, &info, NULL), MELE_EDATA);
    cr_assert_eq(x[0], -4);
}

Test(lbfgs, room_is_checked_for_overflow)
{
    cr_assert_eq(mele_i_lbfgs_room(SIZE_MAX / 4, 10), SIZE_MAX);
    cr_assert_eq(mele_i_lbfgs_room(3, SIZE_MAX / 2), SIZE_MAX);
    cr_assert_geq(mele_i_lbfgs_room(3, 10), 3 * 25);
}

/* ---- with a matrix near the Hessian ---- */

/* Of two variables: a (xx), b (xy), c (yy). */
typedef struct matrix {
    counter calls; /* first: the objectives take it for the context */
    double a, b, c;
    size_t every; /* iterations with one matrix */
    size_t taken, fail_at;
} matrix;

/* Rosenbrock's Hessian; its diagonal where it is not positive definite. */
static mele_status curve_rosenbrock(void *context, const double *x, const double *gradient,
                                    size_t done, bool *exact, mele_error *error)
{
    matrix *m = context;

    (void)gradient;
    if (done % m->every != 0)
        return MELE_OK;
    m->a = 1200 * x[0] * x[0] - 400 * x[1] + 2;
    m->b = -400 * x[0];
    m->c = 200;
    if (!(m->a > 0 && m->a * m->c > m->b * m->b)) {
        m->a = fabs(m->a) + 1;
        m->b = 0;
    }
    *exact = true;
    return ++m->taken == m->fail_at ? mele_i_fail(error, MELE_ENOMEM, "matrix") : MELE_OK;
}

static void solve_two(const void *context, double *v)
{
    const matrix *m = context;
    const double determinant = m->a * m->c - m->b * m->b;
    const double first = (m->c * v[0] - m->b * v[1]) / determinant;

    v[1] = (m->a * v[1] - m->b * v[0]) / determinant;
    v[0] = first;
}

static void solve_one(const void *context, double *v)
{
    v[0] /= ((const matrix *)context)->a;
}

Test(lbfgs, with_the_hessian_it_is_newtons_method)
{
    static const double starts[][2] = {{-1.2, 1}, {8, -5}, {1, 1}, {0.3, 0.9}};

    for (size_t i = 0; i < 2 * sizeof starts / sizeof starts[0]; i++) {
        matrix m = {.every = i % 2 == 0 ? 1 : 7};
        mele_i_lbfgs_problem p = problem(2, &m.calls);
        double x[2] = {starts[i / 2][0], starts[i / 2][1]};
        mele_i_lbfgs_info info;
        p.objective = rosenbrock;
        p.curve = curve_rosenbrock;
        p.solve = solve_two;
        cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
        cr_assert(info.converged, "start %zu: %zu iterations", i, info.iterations);
        cr_assert_float_eq(x[0], 1, AT_MINIMUM);
        cr_assert_float_eq(x[1], 1, AT_MINIMUM);
        cr_assert_not(m.calls.rose, "start %zu", i);
        if (m.every == 1)
            cr_assert(info.iterations < 60 && m.taken == info.iterations, "start %zu: %zu", i,
                      info.iterations);
    }
}

/* A multiple of the identity, of any size. */
static mele_status curve_by_identity(void *context, const double *x, const double *gradient,
                                     size_t done, bool *exact, mele_error *error)
{
    (void)context;
    (void)x;
    (void)gradient;
    (void)error;
    (void)done;
    (void)exact;
    return MELE_OK;
}

Test(lbfgs, a_bad_matrix_only_costs_iterations)
{
    static const double sizes[] = {1e-9, 0.3, 1e9};

    for (size_t i = 0; i < 3; i++) {
        matrix m = {.a = sizes[i], .c = sizes[i]};
        mele_i_lbfgs_problem p = problem(2, &m.calls);
        double x[2] = {-1.2, 1};
        mele_i_lbfgs_info info;
        p.objective = rosenbrock;
        p.curve = curve_by_identity;
        p.solve = solve_two;
        cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
        cr_assert(info.converged, "%g: %zu iterations", sizes[i], info.iterations);
        cr_assert_float_eq(x[0], 1, AT_MINIMUM);
        cr_assert_float_eq(x[1], 1, AT_MINIMUM);
    }
}

/* Where the value says nothing any more the gradient does. */
Test(lbfgs, with_a_matrix_the_gradient_is_followed_below_the_rounding)
{
    matrix m = {.a = 2.02};
    mele_i_lbfgs_problem p = problem(1, &m.calls);
    double x[2] = {17.3, 0};
    mele_i_lbfgs_info info;

    p.objective = high_up;
    p.curve = curve_by_identity;
    p.solve = solve_one;
    cr_assert_eq(run(&p, x, &info, NULL), MELE_OK);
    cr_assert(info.converged);
    cr_assert_float_eq(x[0], 3, AT_MINIMUM);
}

Test(lbfgs, a_matrix_that_fails_ends_the_search)
{
    for (size_t fail_at = 1; fail_at < 4; fail_at++) {
        matrix m = {.every = 1, .fail_at = fail_at};
        mele_i_lbfgs_problem p = problem(2, &m.calls);
        double x[2] = {-1.2, 1};
        mele_i_lbfgs_info info;
        p.objective = rosenbrock;
        p.curve = curve_rosenbrock;
        p.solve = solve_two;
        cr_assert_eq(run(&p, x, &info, NULL), MELE_ENOMEM);
        cr_assert(x[0] == -1.2 && x[1] == 1);
    }
}
