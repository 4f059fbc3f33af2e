/* A start that draws nothing: K centres as a grid on the plane of the first two principal components
 * (Kohonen 2001, Self-Organizing Maps, 3.7).
 *
 * The unit in row r and column c lies at mean + s_r v_2 + s_c v_1, with v_1 along the longer side of the
 * grid, and s evenly from minus one standard deviation to one in that direction. Where the rows lie on a
 * line the units do too, evenly: all different, column after column of the grid. A component's largest
 * coordinate, of equal ones the first, is positive.
 *
 * Components are of at most SAMPLE rows of positive weight, evenly spaced, about the mean of all rows:
 * enough for a start. They are found by orthogonal iteration (Golub, Van Loan, Matrix Computations, 8.2)
 * on these rows, which takes no d x d matrix; in STEPS steps, or when they stay as they are. */
#include "partition/plane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/error.h"

#define SAMPLE 4096
#define SAMPLE_NUMBERS ((size_t)1 << 21)
#define LEAST_SAMPLE 64
#define STEPS 200
#define STILL 1e-13     /* change of a direction that ends the iteration */
#define FLAT 1e-12      /* of the first variance: no second direction */

/* ---- the grid ---- */

mele_i_grid mele_i_grid_of(const mele_partition_options *options, size_t columns)
{
    const size_t clusters = options->clusters;
    size_t rows = 1;

    if (options->grid_rows > 0)
        return (mele_i_grid){options->grid_rows, options->grid_columns};
    for (size_t r = 2; columns > 1 && r <= clusters / r; r++)
        if (clusters % r == 0)
            rows = r;
    return (mele_i_grid){rows, clusters / rows};
}

/* ---- the sample ---- */

typedef struct plane {
    size_t rows, cols;
    double *x, *weight; /* rows x cols, about the mean of all rows */
    double *axis;       /* 2 x cols */
    double *next;       /* 2 x cols */
    double deviation[2];
} plane;

static size_t count_weighty(const mele_i_sample *sample)
{
    size_t count = 0;

    for (size_t i = 0; i < sample->rows.rows; i++)
        count += mele_i_weight(sample, i) > 0;
    return count;
}

/* Which rows, in ascending order, of `all` that have weight. */
static void space_evenly(const mele_i_sample *sample, size_t all, size_t wanted, size_t *row)
{
    size_t seen = 0, taken = 0;

    for (size_t i = 0; taken < wanted; i++) {
        if (!(mele_i_weight(sample, i) > 0))
            continue;
        if ((double)seen >= (double)taken * ((double)all / (double)wanted))
            row[taken++] = i;
        seen++;
    }
}

static mele_status take_sample(const mele_i_sample *sample, plane *p, mele_error *error)
{
    const size_t d = sample->rows.cols, all = count_weighty(sample);
    size_t most = SAMPLE_NUMBERS / d;

    most = most > SAMPLE ? SAMPLE : most < LEAST_SAMPLE ? LEAST_SAMPLE : most;
    p->cols = d;
    p->rows = all < most ? all : most;
    size_t *row = MELE_I_ARRAY(size_t, p->rows);
    p->x = mele_i_array(p->rows, d * sizeof(double));
    p->weight = MELE_I_ARRAY(double, p->rows);
    p->axis = MELE_I_ZEROED(double, 2 * d);
    p->next = MELE_I_ARRAY(double, 2 * d);
    mele_status status = MELE_ENOMEM;
    if (row == NULL || p->x == NULL || p->weight == NULL || p->axis == NULL || p->next == NULL) {
        mele_i_no_memory(error);
    } else {
        space_evenly(sample, all, p->rows, row);
        status = mele_i_rows_gather(&sample->rows, row, p->rows, p->x, error);
    }
    for (size_t i = 0; i < p->rows && status == MELE_OK; i++) {
        p->weight[i] = mele_i_weight(sample, row[i]);
        for (size_t j = 0; j < d; j++)
            p->x[i * d + j] -= sample->mean[j];
    }
    free(row);
    return status;
}

/* ---- principal components ---- */

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;

    for (size_t j = 0; j < count; j++)
        sum += a[j] * b[j];
    return sum;
}

/* To length 1; returns the length that it had. A vector of zeros stays. */
static double normalise(double *v, size_t count)
{
    double most = 0;

    for (size_t j = 0; j < count; j++)
        most = fmax(most, fabs(v[j]));
    if (!(most > 0))
        return 0;
    for (size_t j = 0; j < count; j++)
        v[j] /= most;
    const double length = sqrt(dot(v, v, count));
    for (size_t j = 0; j < count; j++)
        v[j] /= length;
    return most * length;
}

static void leave_out(double *v, const double *unit, size_t count)
{
    const double along = dot(v, unit, count);

    for (size_t j = 0; j < count; j++)
        v[j] -= along * unit[j];
}

/* next = sum w x (x axis), in units of `unit` squared, for both axes. */
static void multiply(plane *p, double unit)
{
    const size_t d = p->cols;

    memset(p->next, 0, 2 * d * sizeof *p->next);
    for (size_t i = 0; i < p->rows; i++) {
        const double *x = p->x + i * d;
        for (size_t a = 0; a < 2; a++) {
            const double along = p->weight[i] / unit * dot(x, p->axis + a * d, d) / unit;
            for (size_t j = 0; j < d; j++)
                p->next[a * d + j] += along * x[j];
        }
    }
}

/* The farthest row, and of what it leaves of the rows the farthest. */
static void first_axes(plane *p)
{
    const size_t d = p->cols;

    for (size_t a = 0; a < 2; a++) {
        double most = 0;
        for (size_t i = 0; i < p->rows; i++) {
            memcpy(p->next, p->x + i * d, d * sizeof *p->next);
            if (a == 1)
                leave_out(p->next, p->axis, d);
            const double length = dot(p->next, p->next, d);
            if (length > most) {
                most = length;
                memcpy(p->axis + a * d, p->next, d * sizeof *p->next);
            }
        }
        normalise(p->axis + a * d, d);
    }
}

/* The next axes; returns how much they turned. */
static double turn(plane *p, double unit)
{
    const size_t d = p->cols;
    double change = 0;

    multiply(p, unit);
    normalise(p->next, d);
    leave_out(p->next + d, p->next, d);
    if (normalise(p->next + d, d) > 0) /* what rounding leaves of the first goes, too */
        leave_out(p->next + d, p->next, d);
    normalise(p->next + d, d);
    for (size_t j = 0; j < 2 * d; j++)
        change = fmax(change, fabs(p->next[j] - p->axis[j]));
    memcpy(p->axis, p->next, 2 * d * sizeof *p->axis);
    return change;
}

static void point_up(double *axis, size_t count)
{
    size_t most = 0;

    for (size_t j = 1; j < count; j++)
        if (fabs(axis[j]) > fabs(axis[most]))
            most = j;
    for (size_t j = 0; axis[most] < 0 && j < count; j++)
        axis[j] = -axis[j];
}

static void find_axes(plane *p, double unit)
{
    const size_t d = p->cols;
    double total = 0, square[2] = {0, 0};

    first_axes(p);
    for (int step = 0; step < STEPS; step++)
        if (!(turn(p, unit) > STILL))
            break;
    for (size_t a = 0; a < 2; a++)
        point_up(p->axis + a * d, d);
    for (size_t i = 0; i < p->rows; i++) {
        total += p->weight[i];
        for (size_t a = 0; a < 2; a++) {
            const double along = dot(p->x + i * d, p->axis + a * d, d) / unit;
            square[a] += p->weight[i] * along * along;
        }
    }
    for (size_t a = 0; a < 2; a++)
        p->deviation[a] = unit * sqrt(square[a] / total);
    if (!(square[1] > FLAT * square[0]))
        p->deviation[1] = 0;
}

/* ---- the centres ---- */

/* From -1 to 1. */
static double place(size_t index, size_t count)
{
    return count == 1 ? 0 : 2 * (double)index / (double)(count - 1) - 1;
}

static void put_unit(const plane *p, mele_i_grid grid, size_t unit, const double *mean, double *out)
{
    const size_t d = p->cols, r = unit / grid.columns, c = unit % grid.columns;
    const bool wide = grid.rows <= grid.columns;
    double one = place(wide ? c : r, wide ? grid.columns : grid.rows);
    double two = place(wide ? r : c, wide ? grid.rows : grid.columns);

    if (p->deviation[1] == 0) {
        one = place(wide ? c * grid.rows + r : r * grid.columns + c, grid.rows * grid.columns);
        two = 0;
    }
    for (size_t j = 0; j < d; j++)
        out[j] = mean[j] + one * p->deviation[0] * p->axis[j]
                 + two * p->deviation[1] * p->axis[d + j];
}

mele_status mele_i_plane(const mele_i_attempt *attempt, double *centres, size_t *found,
                         mele_error *error)
{
    const mele_i_sample *sample = attempt->sample;
    const size_t clusters = attempt->options->clusters;
    const mele_i_grid grid = mele_i_grid_of(attempt->options, sample->rows.cols);
    plane p = {.rows = 0};
    mele_status status = take_sample(sample, &p, error);

    if (status == MELE_OK) {
        find_axes(&p, sqrt(sample->size));
        for (size_t u = 0; u < clusters; u++)
            put_unit(&p, grid, u, sample->mean, centres + u * p.cols);
        *found = clusters;
    }
    free(p.x);
    free(p.weight);
    free(p.axis);
    free(p.next);
    return status;
}
