/* Self-organising maps by the batch rule (Kohonen 2001, Self-Organizing Maps, 3.6; as regions of a mixture
 * of experts Tang, Heywood, Shepherd 2002).
 *
 * The K units lie on a grid of R x C, row after row. An iteration gives every row of the data to its nearest
 * unit (ties to the lowest), and with n_u and mean_u the weight and the mean of what unit u got,
 *
 *     c_k = sum_u h_ku n_u mean_u / sum_u h_ku n_u,   h_ku = exp(-|place_k - place_u|^2 / (2 s^2)),
 *
 * places being row and column on the grid. The radius s falls geometrically from half of the longer side to
 * LAST_RADIUS, in the first FALL iterations (or all, if fewer are allowed); then it stays, and the fit ends
 * as k-means does, when the squared shift of all units together is at most the tolerance times the mean
 * variance of the columns. With a last radius of 0 it would be k-means; with this one a unit's neighbours pull
 * at it (h = 0.135 for the next ones), and the map stays one.
 *
 * Units that are nearest to no row in the end, which lie between the groups of the data, are no regions.
 * What the others stand for is the mixture of shared.c. The shape is its variance, the sides of the grid, and
 * each cluster's unit: clusters are numbered by their centres, and keep their places. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/assign.h"
#include "partition/plane.h"
#include "partition/shared.h"
#include "partition/start.h"

#define LAST_RADIUS 0.5
#define FALL 20
#define MOST_UNITS 1e6

enum { VARIANCE, ROWS, COLUMNS, UNITS };

static size_t shape_count(size_t clusters, size_t columns)
{
    (void)columns;
    return UNITS + clusters;
}

/* ---- one pass ---- */

typedef struct som {
    const mele_i_attempt *attempt;
    const mele_i_kernels *kernels;
    mele_i_grid grid;
    mele_i_assigner assigner;
    size_t units, columns, block_rows;
    double *centres, *next;
    double *near; /* h by the way between two rows of the grid, then between two columns */
    double *sums; /* the inertia; of every unit the weight, then the first moments about it */
} som;

static size_t sums_count(const som *s)
{
    return 1 + s->units * (1 + s->columns);
}

static mele_status map_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const som *s = context;
    const mele_i_sample *sample = s->attempt->sample;
    const double *weights = sample->weights == NULL ? NULL : sample->weights + block.first, *x;
    double *distance = scratch, *rows = distance + s->block_rows, *sums = partial;
    double *rest = rows + mele_i_rows_room(&sample->rows, s->block_rows);
    uint32_t *label = (uint32_t *)((char *)rest + mele_i_assigner_bytes(&s->assigner, s->block_rows));
    size_t stride;
    mele_status status = mele_i_rows_take(&sample->rows, block, rows, &x, &stride, error);

    if (status != MELE_OK)
        return status;
    mele_i_assign(&s->assigner, x, stride, block.count, label, distance, rest);
    s->kernels->accumulate(x, stride, block.count, s->columns, s->centres, label, weights,
                           sums + 1 + s->units);
    for (size_t i = 0; i < block.count; i++) {
        const double weight = weights == NULL ? 1 : weights[i];
        if (!(weight > 0))
            continue;
        sums[0] += weight * distance[i];
        sums[1 + label[i]] += weight;
    }
    return MELE_OK;
}

static void combine_block(void *context, const void *partial)
{
    const som *s = context;
    const double *sums = partial;

    for (size_t i = 0; i < sums_count(s); i++)
        s->sums[i] += sums[i];
}

/* Give the rows to the units. */
static mele_status sum_rows(som *s, mele_error *error)
{
    const mele_rows *rows = &s->attempt->sample->rows;
    mele_status status =
        mele_i_assigner_make(&s->assigner, s->centres, s->units, s->columns, error);

    memset(s->sums, 0, sums_count(s) * sizeof *s->sums);
    if (status == MELE_OK) {
        const mele_i_pass pass = {
            .rows = rows->rows, .block_rows = s->block_rows, .map = map_block,
            .combine = combine_block, .context = s, .partial_bytes = sums_count(s) * sizeof(double),
            .scratch_bytes = (s->block_rows + mele_i_rows_room(rows, s->block_rows)) * sizeof(double)
                             + mele_i_assigner_bytes(&s->assigner, s->block_rows)
                             + s->block_rows * sizeof(uint32_t)};
        status = mele_i_pass_run(s->attempt->engine, &pass, error);
    }
    mele_i_assigner_clear(&s->assigner);
    return status;
}

/* ---- iteration ---- */

static double radius_at(const som *s, size_t iteration)
{
    const size_t longer = s->grid.rows > s->grid.columns ? s->grid.rows : s->grid.columns;
    const size_t most = s->attempt->options->max_iterations, fall = most < FALL ? most : FALL;
    const double first = fmax(0.5 * (double)longer, LAST_RADIUS);

    if (iteration + 1 >= fall)
        return LAST_RADIUS;
    return first * pow(LAST_RADIUS / first, (double)iteration / (double)(fall - 1));
}

static void set_neighbours(som *s, double radius)
{
    double *down = s->near, *across = s->near + s->grid.rows;

    for (size_t r = 0; r < s->grid.rows; r++)
        down[r] = exp(-0.5 * (double)r * (double)r / radius / radius);
    for (size_t c = 0; c < s->grid.columns; c++)
        across[c] = exp(-0.5 * (double)c * (double)c / radius / radius);
}

static size_t between(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

static double neighbourhood(const som *s, size_t a, size_t b)
{
    const size_t columns = s->grid.columns;

    return s->near[between(a / columns, b / columns)]
           * s->near[s->grid.rows + between(a % columns, b % columns)];
}

/* Where unit k goes, by steps from where it is; a unit that nothing pulls at stays. */
static void place_unit(const som *s, size_t k)
{
    const size_t d = s->columns;
    const double *weight = s->sums + 1, *moment = weight + s->units, *at = s->centres + k * d;
    double *next = s->next + k * d, total = 0;

    memset(next, 0, d * sizeof *next);
    for (size_t u = 0; u < s->units; u++) {
        const double h = weight[u] > 0 ? neighbourhood(s, k, u) : 0;
        if (!(h * weight[u] > 0))
            continue;
        total += h * weight[u];
        for (size_t j = 0; j < d; j++)
            next[j] += h * (moment[u * d + j] + weight[u] * (s->centres[u * d + j] - at[j]));
    }
    for (size_t j = 0; j < d; j++)
        next[j] = total > 0 ? at[j] + next[j] / total : at[j];
}

/* Returns the squared shift of all units together. */
static double move_units(som *s)
{
    double shift = 0, *taken = s->next;

    for (size_t k = 0; k < s->units; k++)
        place_unit(s, k);
    for (size_t j = 0; j < s->units * s->columns; j++)
        shift += (s->next[j] - s->centres[j]) * (s->next[j] - s->centres[j]);
    s->next = s->centres;
    s->centres = taken;
    return shift;
}

/* Ends with the sums of the rows that each unit gets. */
static mele_status iterate(som *s, mele_partition_info *info, mele_error *error)
{
    const mele_i_sample *sample = s->attempt->sample;
    const mele_partition_options *options = s->attempt->options;
    const double rounding = mele_i_least_shift(sample, s->units);
    const double still = fmax(options->tolerance * sample->variance, rounding);

    for (;;) {
        mele_status status = sum_rows(s, error);
        if (status != MELE_OK || info->converged || info->iterations == options->max_iterations)
            return status;
        const double radius = radius_at(s, info->iterations);
        info->iterations++;
        status = mele_i_partition_progress(s->attempt, info->iterations, s->sums[0], error);
        if (status != MELE_OK)
            return status;
        set_neighbours(s, radius);
        info->converged = move_units(s) <= still && radius == LAST_RADIUS && info->iterations >= FALL;
    }
}

/* ---- fit ---- */

/* The units that have rows, as the centres and the places of a partition. */
static void take_units(const som *s, mele_partition *p)
{
    const size_t d = s->columns;
    size_t kept = 0;

    for (size_t u = 0; u < s->units; u++)
        if (s->sums[1 + u] > 0) {
            memcpy(p->centres + kept * d, s->centres + u * d, d * sizeof *p->centres);
            p->shape[UNITS + kept++] = (double)u;
        }
    p->clusters = kept;
    p->shape[ROWS] = (double)s->grid.rows;
    p->shape[COLUMNS] = (double)s->grid.columns;
}

/* A start has fewer centres than units where there are fewer distinct rows: units share them. */
static mele_status start(som *s, mele_error *error)
{
    const size_t d = s->columns;
    size_t found;
    mele_status status = mele_i_start(s->attempt, s->centres, &found, error);

    for (size_t u = found; status == MELE_OK && u < s->units; u++)
        memcpy(s->centres + u * d, s->centres + (u - found) * d, d * sizeof *s->centres);
    return status;
}

static mele_status run(const mele_i_attempt *attempt, mele_partition *p, mele_partition_info *info,
                       mele_error *error)
{
    const mele_partition_options *options = attempt->options;
    som s = {.attempt = attempt, .kernels = mele_i_kernels_best(), .units = options->clusters,
             .grid = mele_i_grid_of(options, p->columns), .columns = p->columns};
    double *own = mele_i_array(2 * s.units, s.columns * sizeof(double));
    mele_status status = MELE_ENOMEM;

    s.block_rows = mele_i_partition_block(s.units * s.columns);
    s.near = MELE_I_ARRAY(double, s.grid.rows + s.grid.columns);
    s.sums = MELE_I_ARRAY(double, sums_count(&s));
    if (own == NULL || s.near == NULL || s.sums == NULL) {
        mele_i_no_memory(error);
    } else {
        s.centres = own;
        s.next = own + s.units * s.columns;
        status = start(&s, error);
    }
    if (status == MELE_OK)
        status = iterate(&s, info, error);
    if (status == MELE_OK)
        take_units(&s, p);
    free(own);
    free(s.near);
    free(s.sums);
    return status;
}

/* The mixture about the units that are left. */
static mele_status fit(const mele_i_attempt *attempt, mele_partition *trial,
                       mele_partition_info *info, mele_error *error)
{
    mele_partition_options options = *attempt->options;
    mele_i_attempt last = *attempt;
    mele_partition_info made = {0}, measured;
    double *units = NULL;
    mele_status status = run(attempt, trial, &made, error);

    if (status == MELE_OK) {
        units = mele_i_array(trial->clusters, trial->columns * sizeof *units);
        status = units == NULL ? mele_i_no_memory(error) : MELE_OK;
    }
    if (status == MELE_OK) {
        memcpy(units, trial->centres, trial->clusters * trial->columns * sizeof *units);
        const mele_matrix given = mele_matrix_of(units, trial->clusters, trial->columns);
        options.centres = &given;
        options.clusters = trial->clusters;
        last.options = &options;
        status = mele_i_shared_fit(&last, false, trial, &measured, error);
    }
    free(units);
    if (status != MELE_OK)
        return status;
    made.objective = measured.objective;
    made.clusters = trial->clusters;
    *info = made;
    return MELE_OK;
}

/* ---- order, marginal, arrays, model file ---- */

static void reorder(mele_partition *p, const size_t *order, double *work)
{
    memcpy(work, p->shape + UNITS, p->clusters * sizeof *work);
    for (size_t k = 0; k < p->clusters; k++)
        p->shape[UNITS + k] = work[order[k]];
}

static void marginal(const mele_partition *from, mele_partition *to)
{
    memcpy(to->shape, from->shape, (UNITS + from->clusters) * sizeof *to->shape);
}

bool mele_partition_grid(const mele_partition *p, size_t *rows, size_t *columns, size_t *units)
{
    if (p->kind != &mele_i_partition_som)
        return false;
    *rows = (size_t)p->shape[ROWS];
    *columns = (size_t)p->shape[COLUMNS];
    for (size_t k = 0; k < p->clusters && units != NULL; k++)
        units[k] = (size_t)p->shape[UNITS + k];
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Whether the grid has a place for every cluster. work: K numbers. */
static bool is_map(const mele_partition *p, double *work)
{
    const double rows = p->shape[ROWS], columns = p->shape[COLUMNS], *unit = p->shape + UNITS;
    bool is = rows >= 1 && columns >= 1 && rows * columns <= MOST_UNITS && rows == floor(rows)
              && columns == floor(columns);

    for (size_t k = 0; k < p->clusters && is; k++)
        is = unit[k] >= 0 && unit[k] < rows * columns && unit[k] == floor(unit[k]);
    memcpy(work, unit, p->clusters * sizeof *work);
    qsort(work, p->clusters, sizeof *work, compare_numbers);
    for (size_t k = 1; k < p->clusters && is; k++)
        is = work[k] != work[k - 1];
    return is;
}

static mele_status check_map(const mele_partition *p, const char *what, mele_error *error)
{
    double *work = MELE_I_ARRAY(double, p->clusters);

    if (work == NULL)
        return mele_i_no_memory(error);
    const bool is = is_map(p, work);
    free(work);
    return is ? MELE_OK
              : mele_i_fail(error, MELE_EDATA, "%s are not %zu different places of one grid", what,
                            p->clusters);
}

/* Without a grid a line, and without units those of the grid in their order. */
static mele_status take(const mele_partition_arrays *arrays, mele_partition *p, mele_error *error)
{
    const bool line = arrays->grid_rows == 0 && arrays->grid_columns == 0;

    p->shape[ROWS] = line ? 1 : (double)arrays->grid_rows;
    p->shape[COLUMNS] = line ? (double)p->clusters : (double)arrays->grid_columns;
    for (size_t k = 0; k < p->clusters; k++)
        p->shape[UNITS + k] = arrays->units == NULL ? (double)k : (double)arrays->units[k];
    mele_status status = mele_i_shared_take(arrays, p, error);
    return status == MELE_OK ? check_map(p, "units", error) : status;
}

static bool save(const mele_partition *p, json_t *section)
{
    json_t *grid = json_pack("[II]", (json_int_t)p->shape[ROWS], (json_int_t)p->shape[COLUMNS]);
    json_t *units = json_array();
    bool good = units != NULL;

    for (size_t k = 0; k < p->clusters && good; k++)
        good = json_array_append_new(units, json_integer((json_int_t)p->shape[UNITS + k])) == 0;
    good = mele_i_json_put(section, "grid", grid) && good;
    good = mele_i_json_put(section, "units", units) && good;
    return good && mele_i_shared_save(p, section);
}

static mele_status check_sizes(const json_t *section, const mele_i_covariance *covariance,
                               size_t clusters, size_t columns, mele_error *error)
{
    (void)covariance;
    (void)columns;
    return mele_i_json_check_size(section, "units", clusters, error);
}

static mele_status load(const json_t *section, mele_partition *p, mele_error *error)
{
    mele_status status = mele_i_json_get_numbers(section, "grid", p->shape + ROWS, 2, error);

    if (status == MELE_OK)
        status = mele_i_json_get_numbers(section, "units", p->shape + UNITS, p->clusters, error);
    if (status == MELE_OK)
        status = check_map(p, "\"units\"", error);
    return status == MELE_OK ? mele_i_shared_load(section, p, error) : status;
}

const mele_i_partition_kind mele_i_partition_som = {
    .name = "som",
    .keys = "kind,clusters,columns,centres,variance,grid,units",
    .start = MELE_I_PLANE,
    .why_fewer = "no row is nearest to the other units of the map",
    MELE_I_SHARED_VARIANCE,
    .shape_count = shape_count,
    .fit = fit,
    .reorder = reorder,
    .marginal = marginal,
    .take = take,
    .save = save,
    .check_sizes = check_sizes,
    .load = load,
};
