/* What is asked of stage 1: defaults, and the tables of what may be asked. */
#include "partition/options.h"

#include <float.h>
#include <stdint.h>

#include "partition/kind.h"

#define LEAST_FLOOR 1e-15 /* a smaller variance is lost in the rounding of the largest */

#define MEMBER(name) MELE_I_MEMBER(mele_partition_options, name)

mele_partition_options mele_partition_defaults(void)
{
    mele_partition_options options = {
        .method = "kmeans",
        .clusters = 8,
        .covariance = "full",
        .init = "kmeans++",
        .restarts = 10,
        .max_iterations = 300,
        .tolerance = MELE_I_USUAL_TOLERANCE,
        .covariance_floor = 1e-2,
        .algorithm = "auto",
        .seed = 1,
    };

    return options;
}

MELE_I_CHOICES(ways, "kmeans++", "random")
MELE_I_CHOICES(algorithms, "auto", "plain", "tiles", "bounds")

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
};

/* The model chooses the clusters, and can start from a file: those options are its own. */
static const mele_i_option search[] = {
    {MEMBER(clusters), .type = MELE_I_WHOLE, .least = 1, .most = INT32_MAX},
    {MEMBER(init), .type = MELE_I_CHOICE, .choice = ways},
    {.name = "restarts", .argument = "N",
     .help = "starts, of which the best result wins",
     MEMBER(restarts), .type = MELE_I_WHOLE, .least = 1, .most = 1e6},
    {.name = "max-iter", .argument = "N",
     .help = "iterations of a start at most",
     MEMBER(max_iterations), .type = MELE_I_WHOLE, .least = 1, .most = 1e9},
    {.name = "tol", .argument = "T",
     .help = "converged when the centres move less (kmeans: relative to the variance) or the mean "
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

mele_status mele_i_partition_options_check(const mele_partition_options *options, mele_error *error)
{
    mele_status status = mele_i_check_reserved(options->reserved, error);

    for (size_t i = 0; i < sizeof tables / sizeof *tables && status == MELE_OK; i++)
        status = mele_i_option_check_all(&tables[i], options, "", error);
    return status;
}
