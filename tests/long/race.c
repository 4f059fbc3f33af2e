/* How often the choice of K by cross-validation errs: 200 draws of data whose truth is known, of one
 * plane, of one plane under heavy-tailed noise, and of two planes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include <mele/mele.h>

#include "core/stream.h"

enum { DRAWS = 200, COLUMNS = 2, MOST_ROWS = 1000 };

typedef enum noise { NORMAL, STUDENT_2, CONTAMINATED, NOISES } noise;

static double draw_noise(noise kind, mele_i_stream *random)
{
    const double z = mele_i_stream_normal(random);

    if (kind == STUDENT_2) { /* over the root of a mean of two squares: infinite variance */
        const double a = mele_i_stream_normal(random), b = mele_i_stream_normal(random);
        return z / sqrt((a * a + b * b) / 2);
    }
    return kind == CONTAMINATED && mele_i_stream_uniform(random) < 0.02 ? 30 * z : z;
}

static double truth(const double *x, double bend)
{
    return x[0] + 2 * x[1] + bend * fabs(x[0]);
}

/* The truth and noise, x uniform in [-1, 1]. */
static mele_data *draw(size_t n, double bend, noise kind, uint64_t index)
{
    static double x[MOST_ROWS * COLUMNS], y[MOST_ROWS];
    mele_i_stream random = mele_i_stream_make(21, MELE_I_FOR_TESTS, (size_t)kind, index);
    const mele_matrix features = mele_matrix_of(x, n, COLUMNS), targets = mele_matrix_of(y, n, 1);
    mele_data *data = NULL;

    for (size_t i = 0; i < n; i++) {
        x[2 * i] = 2 * mele_i_stream_uniform(&random) - 1;
        x[2 * i + 1] = 2 * mele_i_stream_uniform(&random) - 1;
        y[i] = truth(x + 2 * i, bend) + draw_noise(kind, &random);
    }
    cr_assert_eq(mele_data_of_arrays(&features, &targets, 0, NULL, &data, NULL), MELE_OK);
    return data;
}

/* The fit of K regions; 0: of as many as are chosen. */
static mele_model *fit(const mele_data *data, size_t clusters)
{
    mele_options options = mele_options_defaults();
    mele_model *model = NULL;

    options.partition.restarts = 1;
    options.partition.clusters = clusters;
    cr_assert_eq(mele_fit(data, &options, NULL, NULL, &model, NULL), MELE_OK);
    return model;
}

/* The mean squared distance of the predictions from the truth, over a grid. */
static double risk(const mele_model *model, double bend)
{
    enum { SIDE = 21 };
    double x[2 * SIDE * SIDE], predicted[SIDE * SIDE], sum = 0;
    const mele_matrix grid = mele_matrix_of(x, SIDE * SIDE, COLUMNS);
    const mele_prediction wanted = {.mean = predicted};

    for (size_t i = 0; i < SIDE * SIDE; i++) {
        x[2 * i] = 2 * (double)(i % SIDE) / (SIDE - 1) - 1;
        x[2 * i + 1] = 2 * (double)(i / SIDE) / (SIDE - 1) - 1;
    }
    cr_assert_eq(mele_model_predict(model, &grid, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        const double off = predicted[i] - truth(x + 2 * i, bend);
        sum += off * off / (SIDE * SIDE);
    }
    return sum;
}

/* In how many draws one model is chosen, and in how many others that is a mistake: one would have
 * been nearer to the truth. */
typedef struct outcome {
    size_t one, mistakes;
} outcome;

static outcome count(size_t n, double bend, noise kind)
{
    outcome o = {0, 0};

    for (uint64_t i = 0; i < DRAWS; i++) {
        mele_data *data = draw(n, bend, kind, i);
        mele_model *chosen = fit(data, 0), *one = fit(data, 1);
        const bool alone = mele_model_clusters(chosen) == 1;
        o.one += alone;
        o.mistakes += !alone && risk(chosen, bend) > risk(one, bend);
        mele_model_free(chosen);
        mele_model_free(one);
        mele_data_free(data);
    }
    printf("# n %zu, bend %g, noise %d: K = 1 in %zu of %d draws, more by mistake in %zu\n", n, bend,
           (int)kind, o.one, DRAWS, o.mistakes);
    fflush(stdout);
    return o;
}

/* Where one model is the truth, more are chosen by mistake in less than one draw of twenty. Under
 * outliers they are often none: these then spoil but one region. */
Test(race, one_model_is_chosen_where_it_is_the_truth, .timeout = 3000)
{
    static const size_t sizes[] = {100, 300, 1000};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (noise kind = NORMAL; kind < NOISES; kind++) {
            const outcome o = count(sizes[s], 0, kind);
            cr_expect_lt(o.mistakes, DRAWS / 20, "n %zu, noise %d", sizes[s], (int)kind);
            cr_expect(kind == CONTAMINATED || o.one > DRAWS * 9 / 10, "n %zu, noise %d", sizes[s],
                      (int)kind);
        }
}

/* Where two are, and their gain shows above the noise, one is next to never chosen. */
Test(race, two_models_are_chosen_where_they_are_the_truth, .timeout = 3000)
{
    cr_expect_lt(count(100, 8, NORMAL).one, DRAWS / 20);
    cr_expect_lt(count(300, 4, NORMAL).one, DRAWS / 20);
    cr_expect_lt(count(1000, 2, NORMAL).one, DRAWS / 20);
    cr_expect_lt(count(1000, 8, STUDENT_2).one, DRAWS / 4);
    cr_expect_lt(count(1000, 8, CONTAMINATED).one, DRAWS / 20);
}
