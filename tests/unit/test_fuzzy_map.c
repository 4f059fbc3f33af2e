/* Fuzzy c-means, self-organising maps and random prototypes: values from tests/ref/partition_fuzzy_map.py
 * (fuzzy c-means also from R's e1071, tests/ref/fcm.R), and what is theirs alone. What holds for every
 * method is in test_partition.c and test_partition_properties.c. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/partition.h>

#include "core/memory.h"
#include "core/stream.h"
#include "partition/partition.h"
#include "partition/plane.h"

enum { FLOWERS = 150, D = 4 };

/* ---- the flowers, standardised with the population's deviation ---- */

static double *flowers(void)
{
    FILE *file = fopen(TEST_DATA "/iris.csv", "r");
    double *x = MELE_I_ARRAY(double, FLOWERS * D);
    char line[200];

    cr_assert(file != NULL && x != NULL && fgets(line, sizeof line, file) != NULL);
    for (size_t i = 0; i < FLOWERS; i++) {
        cr_assert_not_null(fgets(line, sizeof line, file));
        cr_assert_eq(sscanf(line, "%lf,%lf,%lf,%lf", x + D * i, x + D * i + 1, x + D * i + 2,
                            x + D * i + 3), D);
    }
    fclose(file);
    for (size_t j = 0; j < D; j++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < FLOWERS; i++)
            mean += x[D * i + j] / FLOWERS;
        for (size_t i = 0; i < FLOWERS; i++)
            square += pow(x[D * i + j] - mean, 2) / FLOWERS;
        for (size_t i = 0; i < FLOWERS; i++)
            x[D * i + j] = (x[D * i + j] - mean) / sqrt(square);
    }
    return x;
}

static double *uneven(void)
{
    double *weights = MELE_I_ARRAY(double, FLOWERS);

    cr_assert_not_null(weights);
    for (size_t i = 0; i < FLOWERS; i++)
        weights[i] = 0.5 + (double)(i % 3); /* the ordinary row's is 2.5, which becomes 1 */
    return weights;
}

static mele_partition *fit(const double *x, size_t n, size_t d, const double *weights,
                           const mele_partition_options *o, mele_partition_info *info)
{
    const mele_matrix view = mele_matrix_of(x, n, d);
    mele_partition *p = NULL;
    mele_error error;

    cr_assert_eq(mele_partition_fit(&view, weights, o, NULL, &p, info, &error), MELE_OK, "%s",
                 error.message);
    return p;
}

static void expect_near(double value, double wanted, double within, const char *what)
{
    cr_assert(fabs(value - wanted) <= within * fmax(1, fabs(wanted)), "%s: %.17g, not %.17g", what,
              value, wanted);
}

/* In ascending order of the first column, whatever the numbering. */
static void sorted_centres(const mele_partition *p, double *out)
{
    const size_t K = mele_partition_clusters(p);

    mele_partition_centres(p, out);
    for (size_t k = 1; k < K; k++)
        for (size_t l = k; l > 0 && out[D * l] < out[D * (l - 1)]; l--)
            for (size_t j = 0; j < D; j++) {
                const double number = out[D * l + j];
                out[D * l + j] = out[D * (l - 1) + j];
                out[D * (l - 1) + j] = number;
            }
}

/* ---- fuzzy c-means ---- */

static const struct {
    double fuzzifier;
    bool weighted;
    double objective, centres[3 * D], memberships[3]; /* of row 52 */
} fuzzy[] = {
    {2, false, 100.42029019877222,
     {-1.004783502154698, 0.8464844617933709, -1.284653582263652, -1.2386458693985283,
      -0.03836452585975705, -0.8187214379294837, 0.3229704625071159, 0.23215089894046187,
      1.0692482275730186, 0.03742485171260254, 0.9701740137272509, 1.0297890146569622},
     {0.06732373406566113, 0.31376377512048803, 0.6189124908138509}},
    {1.5, true, 192.1143329618085,
     {-1.0294313495016862, 0.843991482338124, -1.2997772532503686, -1.2430038096697487,
      -0.06612723208956182, -0.9632585566314743, 0.3297013514429479, 0.25302353749166284,
      1.0872277099752714, 0.09924789710250367, 0.9708009277115283, 0.9673484922808063},
     {0.008078232946369446, 0.1245532839418747, 0.8673684831117559}},
    {3, false, 43.02602123612142,
     {-0.9904612262142986, 0.8209276924295665, -1.265758852073806, -1.2213544636530709,
      0.008237956865866813, -0.6933124625006366, 0.3225202036917365, 0.22687602665844628,
      0.9681518014405202, -0.025236509727960117, 0.9110829484286692, 0.9835734962470007},
     {0.15106433565549424, 0.35603071666285446, 0.4929049476816514}},
};

Test(fuzzy_map, fuzzy_c_means_of_the_flowers)
{
    double *x = flowers(), *weights = uneven(), start[3 * D], centres[3 * D], post[3];
    const mele_matrix given = mele_matrix_of(start, 3, D), row = mele_matrix_of(x + 51 * D, 1, D);

    for (size_t k = 0; k < 3; k++)
        memcpy(start + k * D, x + (10 + 50 * k) * D, D * sizeof *x);
    for (size_t i = 0; i < sizeof fuzzy / sizeof *fuzzy; i++) {
        mele_partition_options o = mele_partition_defaults();
        mele_partition_info info;
        o.method = "fcm";
        o.clusters = 3;
        o.centres = &given;
        o.fuzzifier = fuzzy[i].fuzzifier == 2 ? 0 : fuzzy[i].fuzzifier;
        o.tolerance = 1e-14;
        o.max_iterations = 5000;
        mele_partition *p = fit(x, FLOWERS, D, fuzzy[i].weighted ? weights : NULL, &o, &info);
        cr_assert(info.converged && info.merged == 0);
        expect_near(info.objective * (fuzzy[i].weighted ? 2.5 : 1), fuzzy[i].objective, 1e-12,
                    "objective");
        sorted_centres(p, centres);
        for (size_t j = 0; j < 3 * D; j++)
            expect_near(centres[j], fuzzy[i].centres[j], 1e-9, "centre");
        cr_assert_eq(mele_partition_log_posteriors(p, &row, NULL, post, NULL), MELE_OK);
        for (size_t k = 0; k < 3; k++)
            expect_near(exp(post[k]), fuzzy[i].memberships[k], 1e-9, "membership");
        cr_assert_eq(mele_partition_fuzzifier(p), fuzzy[i].fuzzifier);
        cr_assert_str_eq(mele_partition_covariance_kind(p), "none");
        cr_assert_eq(mele_partition_parameters(p), 3 * D);
        mele_partition_free(p);
    }
    free(x), free(weights);
}

/* Two centres on a line: a row on one belongs to it, with finite logarithms; far away they are equal. */
Test(fuzzy_map, memberships_at_a_centre_and_far_away)
{
    const double centres[] = {0, 4}, floor = 0x1p-52, rows[] = {0, 2, 1, 1e9, -1e160};
    const mele_partition_arrays arrays = {.method = "fcm", .centres = mele_matrix_of(centres, 2, 1),
                                          .covariances = &floor, .fuzzifier = 1.5};
    const mele_matrix x = mele_matrix_of(rows, 5, 1);
    mele_partition *p = NULL;
    double post[10];

    cr_assert_eq(mele_partition_new(&arrays, &p, NULL), MELE_OK);
    cr_assert_eq(mele_partition_log_posteriors(p, &x, NULL, post, NULL), MELE_OK);
    cr_assert_eq(post[0], 0);
    expect_near(post[1], -2 * log(16 / floor), 1e-14, "on a centre");
    expect_near(post[2], log(0.5), 1e-14, "in the middle");
    expect_near(exp(post[4]), 1 / (1 + pow(1 / 9., 2)), 1e-14, "a quarter of the way");
    for (size_t i = 6; i < 10; i++)
        expect_near(post[i], log(0.5), 1e-8, "far away");
    mele_partition_free(p);
}

/* The marginal is the memberships by the distances in the first columns. */
Test(fuzzy_map, marginal_memberships)
{
    double *x = flowers(), centres[3 * D], post[3];
    const double at[2] = {0.3, -0.4};
    const mele_matrix row = mele_matrix_of(at, 1, 2);
    mele_partition_options o = mele_partition_defaults();
    mele_partition *first;

    o.method = "fcm";
    o.clusters = 3;
    mele_partition *p = fit(x, FLOWERS, D, NULL, &o, NULL);
    cr_assert_eq(mele_i_partition_marginal(p, 2, &first, NULL), MELE_OK);
    mele_partition_centres(p, centres);
    cr_assert_eq(mele_partition_log_posteriors(first, &row, NULL, post, NULL), MELE_OK);
    double near[3], sum = 0;
    for (size_t k = 0; k < 3; k++) {
        near[k] = 1 / (pow(at[0] - centres[D * k], 2) + pow(at[1] - centres[D * k + 1], 2));
        sum += near[k];
    }
    for (size_t k = 0; k < 3; k++)
        expect_near(exp(post[k]), near[k] / sum, 1e-12, "membership");
    mele_partition_free(p);
    mele_partition_free(first);
    free(x);
}

/* Three groups and six centres: with a large fuzzifier several come to the same place. */
Test(fuzzy_map, centres_that_coincide_are_one)
{
    enum { N = 300, COLUMNS = 10 };
    mele_i_stream random = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);
    double *x = MELE_I_ARRAY(double, N * COLUMNS), centres[6 * COLUMNS];
    mele_partition_options o = mele_partition_defaults();
    mele_partition_info info;

    for (size_t i = 0; i < N * COLUMNS; i++)
        x[i] = mele_i_stream_normal(&random);
    o.method = "fcm";
    o.clusters = 6;
    o.fuzzifier = 3;
    mele_partition *p = fit(x, N, COLUMNS, NULL, &o, &info);
    cr_assert(info.clusters < 6 && info.merged == 6 - info.clusters && info.converged);
    cr_assert_eq(mele_partition_clusters(p), info.clusters);
    mele_partition_centres(p, centres);
    for (size_t k = 1; k < info.clusters; k++) {
        double square = 0;
        for (size_t j = 0; j < COLUMNS; j++)
            square += pow(centres[k * COLUMNS + j] - centres[(k - 1) * COLUMNS + j], 2);
        cr_assert_gt(square, 1e-6 * COLUMNS);
    }
    mele_partition_free(p);
    free(x);
}

/* There is no likelihood, and what is made of it; silhouettes there are. */
Test(fuzzy_map, fuzzy_criteria)
{
    double *x = flowers();
    const mele_matrix view = mele_matrix_of(x, FLOWERS, D);
    const mele_rows rows = mele_rows_of(&view);
    mele_partition_options o = mele_partition_defaults();
    mele_criteria_options wanted = mele_criteria_defaults();
    mele_criteria criteria;

    o.method = "fcm";
    o.clusters = 2;
    wanted.silhouette = true;
    mele_partition *p = fit(x, FLOWERS, D, NULL, &o, NULL);
    cr_assert_eq(mele_partition_criteria(p, &rows, NULL, &wanted, NULL, &criteria, NULL), MELE_OK);
    cr_assert(isnan(criteria.log_likelihood) && isnan(criteria.bic) && isnan(criteria.aic)
              && isnan(criteria.icl));
    cr_assert(criteria.silhouette > 0.5 && criteria.parameters == 2 * D);
    mele_partition_free(p);
    free(x);
}

/* ---- self-organising maps ---- */

static const struct {
    bool weighted;
    double inertia, centres[6 * D];
} maps[] = {
    {false, 95.05043793117693,
     {-1.1599752755425365, 0.11699358675689098, -1.158263059575103, -1.1327073939925991,
      -0.7532714541914831, 1.1572336118549131, -1.161460155835403, -1.1137532760151438,
      -0.34491895563025193, -0.8957328205394087, 0.03967554761209452, -0.022356726864266346,
      0.18373194229343, 0.047583655759328165, 0.2174916349081629, 0.1856247072785543,
      0.4577640132465771, -0.7196703549175295, 0.7176478750066682, 0.6904595407619531,
      1.1548861580961547, 0.0717631323827322, 1.0191677241709765, 1.0436609997631663}},
    {true, 144.53007559262005,
     {-1.1705177386990187, 0.028919314921654983, -1.151895939993784, -1.1200558374257175,
      -0.7910418734893195, 1.121654910548506, -1.1728515548808247, -1.1121119045711787,
      -0.284654443484911, -0.8907323813003827, 0.054772729864103684, 0.006110125460250438,
      0.2242243752932281, 0.09799116150720932, 0.20770901300973785, 0.17199968787600894,
      0.41062081264836975, -0.7525933474553876, 0.7241247633970195, 0.6694845902464246,
      1.1336978790582883, 0.06863324628214929, 1.0112546513848222, 0.9950936776220818}},
};

Test(fuzzy_map, map_of_the_flowers)
{
    double *x = flowers(), *weights = uneven(), centres[6 * D];

    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        mele_partition_options o = mele_partition_defaults();
        mele_partition_info info;
        size_t rows, columns, units[6];
        o.method = "som";
        o.clusters = 6;
        o.tolerance = 0;
        mele_partition *p = fit(x, FLOWERS, D, maps[i].weighted ? weights : NULL, &o, &info);
        cr_assert(info.converged && info.merged == 0);
        expect_near(info.objective * (maps[i].weighted ? 2.5 : 1), maps[i].inertia, 1e-10, "inertia");
        mele_partition_centres(p, centres);
        for (size_t j = 0; j < 6 * D; j++)
            expect_near(centres[j], maps[i].centres[j], 1e-9, "centre");
        cr_assert(mele_partition_grid(p, &rows, &columns, units) && rows == 2 && columns == 3);
        cr_assert_eq(mele_partition_fuzzifier(p), 0);
        mele_partition_free(p);
    }
    free(x), free(weights);
}

/* Rows evenly on a square: neighbours on the map are neighbours in space, whatever the numbering. */
Test(fuzzy_map, neighbours_stay_neighbours)
{
    enum { SIDE = 40, N = SIDE * SIDE };
    double *x = MELE_I_ARRAY(double, 2 * N), centres[24];
    size_t rows, columns, unit[12];
    mele_partition_options o = mele_partition_defaults();

    for (size_t i = 0; i < N; i++) {
        x[2 * i] = 1.3 * (double)(i / SIDE);
        x[2 * i + 1] = (double)(i % SIDE);
    }
    o.method = "som";
    o.clusters = 12;
    mele_partition *p = fit(x, N, 2, NULL, &o, NULL);
    cr_assert(mele_partition_grid(p, &rows, &columns, unit) && rows == 3 && columns == 4);
    mele_partition_centres(p, centres);
    for (size_t a = 0; a < 12; a++)
        for (size_t b = 0; b < 12; b++) {
            const double across = (double)(unit[b] % 4) - (double)(unit[a] % 4);
            const double down = (double)(unit[b] / 4) - (double)(unit[a] / 4);
            if (across > 0)
                cr_assert_gt((centres[2 * b] - centres[2 * a]) / across, 5);
            if (down > 0)
                cr_assert_gt((centres[2 * b + 1] - centres[2 * a + 1]) / down, 5);
        }
    mele_partition_free(p);
    free(x);
}

static const struct {
    size_t clusters, data_columns, rows, columns;
} grids[] = {{1, 3, 1, 1}, {2, 3, 1, 2}, {7, 3, 1, 7}, {8, 3, 2, 4}, {12, 3, 3, 4}, {16, 2, 4, 4},
             {36, 2, 6, 6}, {16, 1, 1, 16}};

Test(fuzzy_map, grids)
{
    for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) {
        mele_partition_options o = mele_partition_defaults();
        o.clusters = grids[i].clusters;
        const mele_i_grid grid = mele_i_grid_of(&o, grids[i].data_columns);
        cr_assert(grid.rows == grids[i].rows && grid.columns == grids[i].columns, "%zu: %zu x %zu",
                  grids[i].clusters, grid.rows, grid.columns);
    }
}

/* On a line a given grid still has as many regions, and in two groups far apart fewer: the units between
 * them have no rows. */
Test(fuzzy_map, maps_of_odd_data)
{
    double x[200], two[200];
    size_t rows, columns, unit[6];
    mele_partition_options o = mele_partition_defaults();
    mele_partition_info info;

    for (size_t i = 0; i < 100; i++) {
        x[2 * i] = (double)i;
        x[2 * i + 1] = 2 * (double)i - 7;
        two[2 * i] = i < 50 ? 0 : 1000;
        two[2 * i + 1] = 0.01 * (double)(i % 50);
    }
    o.method = "som";
    o.clusters = 6;
    o.grid_rows = 2;
    o.grid_columns = 3;
    mele_partition *p = fit(x, 100, 2, NULL, &o, &info);
    cr_assert_eq(info.clusters, 6);
    mele_partition_free(p);
    o.grid_rows = o.grid_columns = 0;
    p = fit(two, 100, 2, NULL, &o, &info);
    cr_assert(info.clusters < 6 && info.merged == 6 - info.clusters);
    cr_assert(mele_partition_grid(p, &rows, &columns, unit) && rows * columns == 6);
    mele_partition_free(p);
}

/* ---- random prototypes ---- */

/* The weights of the rows that are drawn first: K = 1 of three, by 3000 seeds. */
Test(fuzzy_map, prototypes_are_drawn_by_weight)
{
    enum { DRAWS = 3000 };
    const double x[] = {1, 2, 2, 3}, weights[] = {1, 1, 2, 4}; /* 2 with 3 / 8 */
    size_t seen[3] = {0};
    mele_partition_options o = mele_partition_defaults();

    o.method = "random";
    o.clusters = 1;
    o.restarts = 1;
    for (o.seed = 1; o.seed <= DRAWS; o.seed++) {
        double centre;
        mele_partition *p = fit(x, 4, 1, weights, &o, NULL);
        mele_partition_centres(p, &centre);
        seen[(size_t)centre - 1]++;
        mele_partition_free(p);
    }
    for (size_t v = 0; v < 3; v++) {
        const double share = (double[]){1 / 8., 3 / 8., 4 / 8.}[v];
        cr_assert(fabs((double)seen[v] / DRAWS - share) < 4 * sqrt(share * (1 - share) / DRAWS),
                  "%zu: %zu", v, seen[v]);
    }
}

/* Rows of the data, all different though most are repeated, and one draw is one draw. */
Test(fuzzy_map, prototypes_are_different_rows)
{
    enum { N = 200, K = 12 };
    double x[N], centres[K];
    mele_partition_options o = mele_partition_defaults();
    mele_partition_info one, ten;

    for (size_t i = 0; i < N; i++)
        x[i] = i < 188 ? 0.5 : (double)(i - 188);
    o.method = "random";
    o.clusters = K;
    for (o.seed = 1; o.seed <= 20; o.seed++) {
        o.restarts = 1;
        mele_partition *p = fit(x, N, 1, NULL, &o, &one);
        cr_assert_eq(one.clusters, K);
        mele_partition_centres(p, centres);
        for (size_t k = 0; k < K; k++) {
            cr_assert(centres[k] == 0.5 || centres[k] == floor(centres[k]));
            cr_assert(k == 0 || centres[k] > centres[k - 1]);
        }
        mele_partition_free(p);
        o.restarts = 10;
        mele_partition_free(fit(x, N, 1, NULL, &o, &ten));
        cr_assert_leq(ten.objective, one.objective);
        cr_assert(one.converged && one.iterations == 0);
    }
}

/* ---- what is refused ---- */

static const struct {
    const char *method, *message;
    double fuzzifier;
    size_t rows, columns;
} refused[] = {
    {"kmeans", "a fuzzifier is of method fcm, not of kmeans: leave it out, or take that method", 2, 0, 0},
    {"fcm", "fuzzifier is 1, not a number from 1.001 to 100", 1, 0, 0},
    {"fcm", "a grid is of method som, not of fcm: leave it out, or take that method", 0, 2, 2},
    {"som", "a grid of 2 x 0 has no units", 0, 2, 0},
    {"som", "a grid of 2 x 3 is no map of 4 clusters", 0, 2, 3},
};

Test(fuzzy_map, refusals)
{
    const double x[] = {1, 2, 3, 4, 5, 6};
    const mele_matrix view = mele_matrix_of(x, 6, 1);

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        mele_partition_options o = mele_partition_defaults();
        mele_partition *p = NULL;
        mele_error error;
        o.method = refused[i].method;
        o.clusters = 4;
        o.fuzzifier = refused[i].fuzzifier;
        o.grid_rows = refused[i].rows;
        o.grid_columns = refused[i].columns;
        cr_assert_eq(mele_partition_fit(&view, NULL, &o, NULL, &p, NULL, &error), MELE_EINVAL);
        cr_assert_str_eq(error.message, refused[i].message);
        cr_assert_null(p);
    }
}

#define FCM(rest) "{\"kind\":\"fcm\",\"clusters\":2,\"columns\":1,\"centres\":[[1],[2]]," rest "}"
#define SOM(rest)                                                                                    \
    "{\"kind\":\"som\",\"clusters\":2,\"columns\":1,\"centres\":[[1],[2]],\"variance\":1," rest "}"

static const struct {
    const char *text, *message; /* NULL: it is good */
} sections[] = {
    {FCM("\"fuzzifier\":2,\"floor\":1e-9"), NULL},
    {FCM("\"fuzzifier\":1,\"floor\":1e-9"), "\"fuzzifier\" is 1, not a number from 1.001 to 100"},
    {FCM("\"fuzzifier\":2,\"floor\":0"), "\"floor\" is 0, not a positive number"},
    {FCM("\"fuzzifier\":2"), "\"partition\" has no key \"floor\""},
    {SOM("\"grid\":[1,3],\"units\":[2,0]"), NULL},
    {SOM("\"grid\":[1,3],\"units\":[2,3]"), "\"units\" are not 2 different places of one grid"},
    {SOM("\"grid\":[1,3],\"units\":[2,2]"), "\"units\" are not 2 different places of one grid"},
    {SOM("\"grid\":[1,3],\"units\":[-1,2]"), "\"units\" are not 2 different places of one grid"},
    {SOM("\"grid\":[1,3],\"units\":[0.5,2]"), "\"units\" are not 2 different places of one grid"},
    {SOM("\"grid\":[0,3],\"units\":[1,2]"), "\"units\" are not 2 different places of one grid"},
    {SOM("\"grid\":[1e9,3],\"units\":[1,2]"), "\"units\" are not 2 different places of one grid"},
    {SOM("\"grid\":[1],\"units\":[1,2]"), "\"grid\" has 1 numbers where 2 belong"},
    {SOM("\"grid\":[1,3],\"units\":[1]"), "\"units\" has 1 numbers where 2 belong"},
};

Test(fuzzy_map, sections)
{
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        json_t *section = json_loads(sections[i].text, 0, NULL);
        mele_partition *p = NULL;
        mele_error error;
        const mele_status status = mele_i_partition_load(section, &p, &error);
        cr_assert_eq(status, sections[i].message == NULL ? MELE_OK : MELE_EDATA, "%s",
                     sections[i].text);
        if (status != MELE_OK)
            cr_assert(strncmp(error.message, sections[i].message, strlen(sections[i].message)) == 0,
                      "%s: %s", sections[i].text, error.message);
        mele_partition_free(p);
        json_decref(section);
    }
}

/* From arrays: a line where no grid is named, and the memberships' numbers. */
Test(fuzzy_map, arrays)
{
    const double centres[] = {0, 1, 5}, one = 1;
    const size_t twice[] = {0, 0, 1};
    mele_partition_arrays arrays = {.method = "som", .centres = mele_matrix_of(centres, 3, 1),
                                    .covariances = &one};
    mele_partition *p = NULL;
    size_t rows, columns, units[3];
    mele_error error;

    cr_assert_eq(mele_partition_new(&arrays, &p, NULL), MELE_OK);
    cr_assert(mele_partition_grid(p, &rows, &columns, units) && rows == 1 && columns == 3);
    cr_assert(units[0] == 0 && units[1] == 1 && units[2] == 2);
    mele_partition_free(p);
    arrays.units = twice;
    cr_assert_eq(mele_partition_new(&arrays, &p, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "units are not 3 different places of one grid");
    arrays.method = "fcm";
    arrays.fuzzifier = 0.5;
    cr_assert_eq(mele_partition_new(&arrays, &p, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "fuzzifier is 0.5, not a number from 1.001 to 100");
    arrays.method = "random";
    cr_assert_eq(mele_partition_new(&arrays, &p, NULL), MELE_OK);
    cr_assert(!mele_partition_grid(p, &rows, &columns, NULL));
    mele_partition_free(p);
}
