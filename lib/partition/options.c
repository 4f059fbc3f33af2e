/* What is asked of stage 1: defaults, and the tables of what may be asked. */
#include "partition/options.h"

#include <float.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "partition/kinds.h"
#include "partition/plane.h"

#define LEAST_FLOOR 1e-15 /* a smaller variance is lost in the rounding of the largest */

#define MEMBER(name) MELE_I_MEMBER(mele_partition_options, name)

mele_partition_options mele_partition_defaults(void)
{
    mele_partition_options options = {
        .method = "kmeans",
        .clusters = 8,
        .covariance = "full",
        .restarts = 10,
        .max_iterations = 300,
        .tolerance = MELE_I_USUAL_TOLERANCE,
        .covariance_floor = 1e-2,
        .algorithm = "auto",
        .seed = 1,
    };

    return options;
}

MELE_I_CHOICES(ways, "kmeans++", "random", MELE_I_PLANE)
MELE_I_CHOICES(algorithms, "auto", "plain", "tiles", "bounds")

#define MOST_SIDE 1000000

/* ---- the grid of a map: RxC ---- */

static bool parse_side(const char *text, size_t length, size_t *out)
{
    double value;

    if (mele_i_number_parse(text, length, &value) != MELE_I_NUMBER_OK
        || !(value >= 1 && value <= MOST_SIDE) || value != (double)(size_t)value)
        return false;
    *out = (size_t)value;
    return true;
}

static bool set_grid(void *structure, const char *text)
{
    mele_partition_options *options = structure;
    const char *by = strchr(text, 'x');
    size_t rows, columns;

    if (by == NULL || !parse_side(text, (size_t)(by - text), &rows)
        || !parse_side(by + 1, strlen(by + 1), &columns) || rows * columns > MOST_SIDE)
        return false;
    options->grid_rows = rows;
    options->grid_columns = columns;
    return true;
}

static size_t grid_text(const void *structure, char *out, size_t size)
{
    const mele_partition_options *options = structure;

    return options->grid_rows == 0 ? 0
                                   : (size_t)snprintf(out, size, "%zux%zu", options->grid_rows,
                                                      options->grid_columns);
}

static const mele_i_option_special grid = {
    .wanted = "two whole numbers RxC of at most a million units", .set = set_grid, .text = grid_text};

static size_t usual_fuzzifier(char *out, size_t size)
{
    return (size_t)snprintf(out, size, "%g", (double)MELE_I_USUAL_FUZZIFIER);
}

/* ---- the tables ---- */

static const mele_i_option regions[] = {
    {.name = "method", .argument = "NAME",
     .help = "how to find them",
     MEMBER(method), .type = MELE_I_CHOICE, .choice = mele_partition_method},
    {.name = "covariance", .argument = "KIND",
     .help = "of a gmm's components",
     MEMBER(covariance), .type = MELE_I_CHOICE, .choice = mele_partition_covariance},
    {.name = "covariance-floor", .argument = "F",
     .help = "least variance of a gmm's component in any direction, relative to the mean variance "
     "of the columns, from 1e-15 to 1",
     MEMBER(covariance_floor), .type = MELE_I_NUMBER, .least = LEAST_FLOOR, .most = 1},
    {.name = "shrinkage", .argument = "S",
     .help = "how far a gmm's covariances are shrunk towards spheres of their size, from 0 (not) "
     "to 1",
     MEMBER(shrinkage), .type = MELE_I_NUMBER, .least = 0, .most = 1},
    {.name = "fuzzifier", .argument = "M",
     .help = "how much the regions of fcm overlap, from 1.001 (hardly) to 100",
     MEMBER(fuzzifier), .type = MELE_I_NUMBER, .least = MELE_I_LEAST_FUZZIFIER,
     .most = MELE_I_MOST_FUZZIFIER, .optional = true, .default_text = usual_fuzzifier},
    {.name = "grid", .argument = "RxC",
     .help = "the map of som, of R C units (default: the most square one of K, a line for a prime K or "
     "one column)",
     .type = MELE_I_SPECIAL, .special = &grid, .optional = true},
};

/* The model chooses the clusters, and can start from a file: those options are its own. */
static const mele_i_option search[] = {
    {MEMBER(clusters), .type = MELE_I_WHOLE, .least = 1, .most = INT32_MAX},
    {MEMBER(init), .type = MELE_I_CHOICE, .choice = ways, .optional = true},
    {.name = "restarts", .argument = "N",
     .help = "starts, of which the best result wins",
     MEMBER(restarts), .type = MELE_I_WHOLE, .least = 1, .most = 1e6},
    {.name = "max-iter", .argument = "N",
     .help = "iterations of a start at most",
     MEMBER(max_iterations), .type = MELE_I_WHOLE, .least = 1, .most = 1e9},
    {.name = "tol", .argument = "T",
     .help = "converged when the centres move less (relative to the variance) or the mean "
     "log-likelihood gains less (gmm)",
     MEMBER(tolerance), .type = MELE_I_NUMBER, .least = 0, .most = DBL_MAX},
    {MEMBER(algorithm), .type = MELE_I_CHOICE, .choice = algorithms, .optional = true},
};

static const mele_i_option_table tables[] = {
    [MELE_I_PARTITION_REGIONS] = MELE_I_OPTION_TABLE(regions),
    [MELE_I_PARTITION_SEARCH] = MELE_I_OPTION_TABLE(search),
};

const char *mele_i_partition_way(size_t i)
{
    return ways(i);
}

const mele_i_option_table *mele_i_partition_options_at(size_t i)
{
    return i < sizeof tables / sizeof *tables ? &tables[i] : NULL;
}

const char *mele_i_partition_start(const mele_partition_options *options)
{
    return options->init != NULL ? options->init
                                 : mele_i_partition_kind_named(options->method)->start;
}

#define WAY_OUT ": leave it out, or take that method"

/* What only Gaussian mixtures have: defaults say nothing, and models of every method record them. */
static mele_status check_covariances(const mele_partition_options *o, mele_error *error)
{
    const mele_partition_options usual = mele_partition_defaults();
    const char *what = strcmp(o->covariance, usual.covariance) != 0     ? "kind of covariance"
                       : o->covariance_floor != usual.covariance_floor ? "covariance floor"
                       : o->shrinkage != usual.shrinkage               ? "shrinkage"
                                                                       : NULL;

    if (what == NULL || mele_i_partition_kind_named(o->method)->mixture)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "a %s is of method gmm, not of %s" WAY_OUT, what, o->method);
}

/* What one method alone looks at is refused with the others. */
static mele_status check_owners(const mele_partition_options *o, mele_error *error)
{
    if (o->fuzzifier != 0
        && !(o->fuzzifier >= MELE_I_LEAST_FUZZIFIER && o->fuzzifier <= MELE_I_MOST_FUZZIFIER))
        return mele_i_fail(error, MELE_EINVAL, "fuzzifier is %g, not a number from %g to %g",
                           o->fuzzifier, MELE_I_LEAST_FUZZIFIER, (double)MELE_I_MOST_FUZZIFIER);
    if (o->fuzzifier != 0 && strcmp(o->method, "fcm") != 0)
        return mele_i_fail(error, MELE_EINVAL, "a fuzzifier is of method fcm, not of %s" WAY_OUT,
                           o->method);
    if ((o->grid_rows > 0) != (o->grid_columns > 0))
        return mele_i_fail(error, MELE_EINVAL, "a grid of %zu x %zu has no units", o->grid_rows,
                           o->grid_columns);
    if (o->grid_rows > 0 && strcmp(o->method, "som") != 0)
        return mele_i_fail(error, MELE_EINVAL, "a grid is of method som, not of %s" WAY_OUT, o->method);
    return check_covariances(o, error);
}

mele_status mele_i_partition_options_check(const mele_partition_options *options, mele_error *error)
{
    mele_status status = mele_i_check_reserved(options->reserved, error);

    for (size_t i = 0; i < sizeof tables / sizeof *tables && status == MELE_OK; i++)
        status = mele_i_option_check_all(&tables[i], options, "", error);
    return status == MELE_OK ? check_owners(options, error) : status;
}
