/* Limited-memory BFGS with a strong Wolfe line search.
 *
 * x is moved along d = -H g, where H approximates the inverse Hessian through the last m pairs
 * s = x' - x, y = g' - g (two-loop recursion), started from the diagonal s'y / y'y of the newest
 * pair. The step a satisfies, with phi(a) = f(x + a d),
 *     phi(a) <= phi(0) + c1 a phi'(0)   and   |phi'(a)| <= c2 |phi'(0)|,
 * so that s'y > 0 and H stays positive definite. The search keeps a bracket whose lower end is
 * the best step that satisfies the first condition, and interpolates by the cubic through the
 * values and slopes of its ends. So the value never rises.
 *
 * A line search that finds no lower value drops the pairs and tries steepest descent once. If
 * that fails too, the search is over; it has converged when the decrease that the quadratic
 * model still promised, -g'd / 2, is within the rounding of the value.
 *
 * Where the caller has a matrix B near the Hessian, H starts from its inverse instead, and the first
 * step tried is 1; pairs are of the function and outlive B. With the Hessian itself, taken anew before
 * every iteration, and no pairs, this is Newton's method with the same search. Once the decrease that the model
 * promises is within the rounding of the value, which can then no longer judge, full steps are taken
 * as long as the gradient shrinks.
 *
 * Own code because GSL's gsl_multimin allocates through allocators that abort the process when
 * memory runs out, and its objective cannot fail.
 *
 * Source: Nocedal, Wright, Numerical Optimization, 2nd ed. 2006, algorithms 7.4, 3.5 and 3.6;
 * Liu, Nocedal 1989, Math. Program. 45. */
#include "engine/lbfgs.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/error.h"

#define DECREASE 1e-4       /* c1 */
#define CURVATURE 0.9       /* c2 */
#define MOST_TRIALS 30      /* evaluations of one line search */
#define EXPANSION 4.0       /* of a step that is too short on all counts */
#define EDGE 0.1            /* interpolation keeps this share of the bracket from either end */
#define ROUNDING 0x1p-40    /* of a value, relative: sums of many terms */

typedef struct point {
    double step, value, slope;
} point;

typedef struct search {
    const mele_i_lbfgs_problem *problem;
    mele_error *error;
    size_t evaluations;
    double *x, *gradient;             /* here */
    double *trial, *trial_gradient;   /* at the step tried last */
    double *direction;
    double *steps, *changes, *inverse, *alpha; /* pairs: m x count, m x count, m, m */
    size_t pairs, newest;             /* pairs kept, slot of the newest */
    bool curved;                      /* solve() has a say */
    double value;
} search;

size_t mele_i_lbfgs_room(size_t count, size_t memory)
{
    size_t vectors, numbers;

    if (__builtin_mul_overflow(memory, (size_t)2, &vectors)
        || __builtin_add_overflow(vectors, (size_t)5, &vectors)
        || __builtin_mul_overflow(vectors, count, &numbers)
        || __builtin_add_overflow(numbers, vectors, &numbers))
        return SIZE_MAX;
    return numbers;
}

static void lay_out(search *s, double *room)
{
    size_t n = s->problem->count, m = s->problem->memory;

    s->x = room;
    s->gradient = s->x + n;
    s->trial = s->gradient + n;
    s->trial_gradient = s->trial + n;
    s->direction = s->trial_gradient + n;
    s->steps = s->direction + n;
    s->changes = s->steps + m * n;
    s->inverse = s->changes + m * n;
    s->alpha = s->inverse + m;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double largest(const double *a, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i]) <= most))
            most = fabs(a[i]);
    return most;
}

/* to += factor * from */
static void add_scaled(double *to, double factor, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += factor * from[i];
}

/* The objective at a step along the direction. */
static mele_status try_step(search *s, double step, point *at)
{
    size_t n = s->problem->count;

    memcpy(s->trial, s->x, n * sizeof *s->x);
    add_scaled(s->trial, step, s->direction, n);
    at->step = step;
    s->evaluations++;
    mele_status status = s->problem->objective(s->problem->context, s->trial, &at->value,
                                               s->trial_gradient, s->error);
    at->slope = status == MELE_OK ? dot(s->trial_gradient, s->direction, n) : NAN;
    return status;
}

/* The minimiser of the cubic through both ends, kept away from them; the middle, or near the
 * lower end, where there is none. */
static double interpolate(point low, point high)
{
    double width = high.step - low.step, share = 0.5;

    if (!isfinite(high.value) || !isfinite(high.slope)) {
        share = EDGE;
    } else {
        double d1 = low.slope + high.slope - 3 * (low.value - high.value) / (low.step - high.step);
        double root = d1 * d1 - low.slope * high.slope;
        double d2 = root > 0 ? copysign(sqrt(root), width) : 0;
        double cubic = 1 - (high.slope + d2 - d1) / (high.slope - low.slope + 2 * d2);
        if (isfinite(cubic))
            share = cubic < EDGE ? EDGE : cubic > 1 - EDGE ? 1 - EDGE : cubic;
    }
    return low.step + share * width;
}

/* Search along the direction; on success *found has the step taken and trial, trial_gradient
 * belong to it. A step of 0: no lower value was found. */
static mele_status search_line(search *s, double slope, double first_step, point *found)
{
    const point start = {0, s->value, slope};
    point low = start, high = start, at;
    bool bracketed = false;
    double step = first_step;

    for (int trials = 0; trials < MOST_TRIALS; trials++) {
        mele_status status = try_step(s, step, &at);
        if (status != MELE_OK)
            return status;
        if (!(at.value <= start.value + DECREASE * step * slope) || !(at.value < low.value)
            || !isfinite(at.value) || !isfinite(at.slope)) {
            high = at;
            bracketed = true;
        } else if (fabs(at.slope) <= -CURVATURE * slope) {
            *found = at;
            return MELE_OK;
        } else {
            if (bracketed ? at.slope * (high.step - low.step) >= 0 : at.slope >= 0) {
                high = low;
                bracketed = true;
            }
            low = at;
        }
        double next = bracketed ? interpolate(low, high) : step * EXPANSION;
        if (next == low.step || next == high.step || !isfinite(next))
            break;
        step = next;
    }
    *found = low;
    return low.step == 0 ? MELE_OK : try_step(s, low.step, found);
}

/* d <- the matrix that H is built from, times d. */
static void multiply_by_start(const search *s, double *d)
{
    const size_t n = s->problem->count;
    const double *y = s->changes + s->newest * n;

    if (s->curved) {
        s->problem->solve(s->problem->context, d);
    } else if (s->pairs > 0) {
        double scale = 1 / (s->inverse[s->newest] * dot(y, y, n));
        for (size_t i = 0; i < n; i++)
            d[i] *= scale;
    }
}

/* direction = -H g by the two loops. */
static void set_direction(search *s)
{
    size_t n = s->problem->count, m = s->problem->memory;
    double *d = s->direction;

    for (size_t i = 0; i < n; i++)
        d[i] = -s->gradient[i];
    for (size_t age = 0; age < s->pairs; age++) {
        size_t slot = (s->newest + m - age) % m;
        s->alpha[slot] = s->inverse[slot] * dot(s->steps + slot * n, d, n);
        add_scaled(d, -s->alpha[slot], s->changes + slot * n, n);
    }
    multiply_by_start(s, d);
    for (size_t age = s->pairs; age-- > 0;) {
        size_t slot = (s->newest + m - age) % m;
        double beta = s->inverse[slot] * dot(s->changes + slot * n, d, n);
        add_scaled(d, s->alpha[slot] - beta, s->steps + slot * n, n);
    }
}

/* Keep the pair of the step just found, unless its curvature is lost in rounding. */
static void keep_pair(search *s)
{
    size_t n = s->problem->count, m = s->problem->memory;
    size_t slot = s->pairs == 0 ? 0 : (s->newest + 1) % m;
    double *step = s->steps + slot * n, *change = s->changes + slot * n;

    for (size_t i = 0; i < n; i++) {
        step[i] = s->trial[i] - s->x[i];
        change[i] = s->trial_gradient[i] - s->gradient[i];
    }
    double curvature = dot(step, change, n), change_square = dot(change, change, n);
    double lengths = sqrt(dot(step, step, n)) * sqrt(change_square);
    if (!(curvature > DBL_EPSILON * lengths) || !isfinite(1 / curvature) || !isfinite(lengths))
        return;
    s->inverse[slot] = 1 / curvature;
    s->newest = slot;
    s->pairs += s->pairs < m;
}

static void move_to_trial(search *s, double value)
{
    size_t n = s->problem->count;

    keep_pair(s);
    memcpy(s->x, s->trial, n * sizeof *s->x);
    memcpy(s->gradient, s->trial_gradient, n * sizeof *s->gradient);
    s->value = value;
}

/* Steps that the value cannot judge: the whole one, if the gradient shrinks. */
static mele_status polish(search *s, bool *moved)
{
    const size_t n = s->problem->count;
    point at;
    mele_status status = try_step(s, 1, &at);

    if (status != MELE_OK)
        return status;
    *moved = at.value - s->value <= ROUNDING * fabs(s->value)
             && largest(s->trial_gradient, n) < largest(s->gradient, n);
    if (*moved)
        move_to_trial(s, at.value);
    return MELE_OK;
}

/* Along the direction, whose slope is below 0. */
static mele_status follow(search *s, double slope, bool *moved)
{
    const size_t n = s->problem->count;
    const bool steepest = s->pairs == 0 && !s->curved;
    const double length = sqrt(dot(s->gradient, s->gradient, n));
    point found = {0, s->value, slope};

    if (s->curved && -slope / 2 <= ROUNDING * fabs(s->value))
        return polish(s, moved);
    mele_status status = search_line(s, slope, steepest && length > 1 ? 1 / length : 1, &found);
    *moved = status == MELE_OK && found.step > 0;
    if (*moved)
        move_to_trial(s, found.value);
    return status;
}

/* Ask for the matrix. */
static mele_status renew(search *s, size_t done)
{
    const mele_i_lbfgs_problem *problem = s->problem;
    bool exact = false;

    if (problem->curve == NULL)
        return MELE_OK;
    mele_status status = problem->curve(problem->context, s->x, s->gradient, done, &exact,
                                        s->error);
    if (status == MELE_OK && exact)
        s->pairs = 0;
    s->curved = true;
    return status;
}

/* One iteration. *moved: a lower value was found; else *promised is the decrease that the
 * quadratic model expected. What finds none is given up bit by bit: the pairs, then the matrix. */
static mele_status iterate(search *s, size_t done, bool *moved, double *promised)
{
    const size_t n = s->problem->count;
    mele_status status = renew(s, done);
    bool last = false;

    *moved = false;
    *promised = INFINITY;
    while (status == MELE_OK && !*moved && !last) {
        last = s->pairs == 0 && !s->curved;
        set_direction(s);
        const double slope = dot(s->gradient, s->direction, n);
        if (slope < 0 && isfinite(slope)) {
            *promised = fmin(*promised, -slope / 2);
            status = follow(s, slope, moved);
        }
        if (*moved)
            break;
        if (s->pairs == 0) {
            last = last || *promised <= ROUNDING * fabs(s->value);
            s->curved = false;
        }
        s->pairs = 0;
    }
    return status;
}

static mele_status start(search *s, const double *x)
{
    size_t n = s->problem->count;

    memcpy(s->x, x, n * sizeof *x);
    s->evaluations = 1;
    mele_status status = s->problem->objective(s->problem->context, s->x, &s->value, s->gradient,
                                               s->error);
    if (status == MELE_OK && (!isfinite(s->value) || !isfinite(largest(s->gradient, n))))
        status = mele_i_fail(s->error, MELE_EDATA, "the objective is not finite at the start");
    return status;
}

static mele_status tell(const search *s, size_t iteration)
{
    const mele_i_lbfgs_problem *problem = s->problem;

    if (problem->tell == NULL)
        return MELE_OK;
    return problem->tell(problem->context, iteration, s->value, s->error);
}

/* At a look: whether too little was gained since the last one, at which the value was *seen. */
static bool has_settled(const search *s, size_t iterations, double *seen)
{
    const mele_i_lbfgs_problem *problem = s->problem;

    if (problem->look == 0 || iterations % problem->look > 0)
        return false;
    const bool settled = iterations > 0 && *seen - s->value <= problem->gain;
    *seen = s->value;
    return settled;
}

mele_status mele_i_lbfgs(const mele_i_lbfgs_problem *problem, double *x, double *room,
                         mele_i_lbfgs_info *info, mele_error *error)
{
    search s = {.problem = problem, .error = error};
    size_t n = problem->count, iterations = 0;
    bool converged = false, moved = true;
    double promised = 0, seen = 0;

    lay_out(&s, room);
    mele_status status = start(&s, x);
    if (status == MELE_OK)
        status = tell(&s, 0);
    while (status == MELE_OK) {
        converged = largest(s.gradient, n) <= problem->tolerance || has_settled(&s, iterations, &seen);
        if (converged || iterations == problem->max_iterations)
            break;
        status = iterate(&s, iterations, &moved, &promised);
        if (status != MELE_OK)
            break;
        if (!moved) {
            converged = promised <= ROUNDING * fabs(s.value);
            break;
        }
        status = tell(&s, ++iterations);
    }
    if (status != MELE_OK)
        return status;
    memcpy(x, s.x, n * sizeof *x);
    *info = (mele_i_lbfgs_info){iterations, s.evaluations, s.value, converged};
    return MELE_OK;
}
