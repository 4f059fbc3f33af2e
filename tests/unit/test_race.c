/* Who runs in a race where numbers of regions climb, and who wins: of losses that are given. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include <mele/mele.h>

#include "fit/race.h"

enum { ROWS = 200, MOST = 24 };

static const size_t ladder[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};

enum { STEPS = sizeof ladder / sizeof *ladder };

/* The loss of a racer in any fold, but for a part of its own that is small and differs between folds. */
static double loss_of(const mele_i_racer *racer, size_t fold, const double *best)
{
    const double off = log((double)racer->clusters / *best);

    return 1 + off * off - (racer->late ? 0.5 : 0) + 1e-3 * (double)((fold * 7 + racer->clusters) % 5);
}

static mele_status run_given(void *context, const mele_i_heat *heat, mele_engine *engine, mele_error *error)
{
    (void)engine;
    (void)error;
    for (size_t i = 0; i < heat->count; i++)
        for (size_t slice = 0; slice < heat->course->slices && heat->running[i]; slice++) {
            const mele_i_sums sums = mele_i_heat_sums(heat, i);
            sums.loss[slice] += loss_of(&heat->racers[i], heat->fold, context);
            sums.weight[slice] += 1;
        }
    return MELE_OK;
}

/* The racer that is taken of those whose loss is least at K = best. */
static mele_i_race_course run_race(mele_i_racer *racers, size_t count, double best, bool climbs)
{
    static double x[ROWS], y[ROWS];
    mele_options *options = NULL;
    mele_data *data = NULL;
    mele_i_race_course course = {0};
    const mele_matrix mx = mele_matrix_of(x, ROWS, 1), my = mele_matrix_of(y, ROWS, 1);

    for (size_t i = 0; i < ROWS; i++)
        x[i] = y[i] = (double)i;
    cr_assert_eq(mele_data_of_arrays(&mx, &my, 0, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_options_new(&options, NULL), MELE_OK);
    const mele_i_race_rules rules = {data, options, "race", true, climbs, run_given, &best};
    cr_assert_eq(mele_i_race(&rules, racers, count, NULL, &course, NULL), MELE_OK);
    cr_assert_eq(course.folds, 10);
    mele_options_free(options);
    mele_data_free(data);
    return course;
}

/* The largest K that runs, and that which is taken, of the ladder. */
static size_t climb(double best, bool climbs, size_t *chosen)
{
    mele_i_racer racers[STEPS] = {{0}};
    size_t last = 0;

    for (size_t i = 0; i < STEPS; i++) {
        racers[i].clusters = ladder[i];
        racers[i].one = i == 0;
    }
    *chosen = ladder[run_race(racers, STEPS, best, climbs).chosen];
    for (size_t i = 0; i < STEPS; i++) {
        cr_assert_eq(racers[i].folds == 0, isnan(racers[i].loss));
        last = racers[i].folds > 0 ? ladder[i] : last;
    }
    return last;
}

Test(race, numbers_climb_until_those_up_to_twice_the_best_have_lost)
{
    static const size_t last[][2] = {{3, 8}, {4, 8}, {6, 12}, {8, 16}, {12, 24}, {16, 32}, {32, 32}};
    size_t chosen;

    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        cr_assert_eq(climb((double)last[i][0], true, &chosen), last[i][1], "%zu", last[i][0]);
        cr_assert_eq(chosen, last[i][0]);
        cr_assert_eq(climb((double)last[i][0], false, &chosen), 32);
        cr_assert_eq(chosen, last[i][0]);
    }
}

/* Of a range, from its least on. */
Test(race, a_range_begins_with_twice_its_least)
{
    mele_i_racer racers[MOST] = {{0}};

    for (size_t i = 0; i < MOST; i++)
        racers[i].clusters = 6 + i;
    cr_assert_eq(racers[run_race(racers, MOST, 7, true).chosen].clusters, 7);
    for (size_t i = 0; i < MOST; i++)
        cr_assert_eq(racers[i].folds > 0, racers[i].clusters <= 14, "%zu", racers[i].clusters);
}

/* Two of each K, one late; it is better. */
Test(race, who_comes_late_runs_with_the_best_number)
{
    mele_i_racer racers[2 * STEPS] = {{0}};

    for (size_t i = 0; i < 2 * STEPS; i++)
        racers[i] = (mele_i_racer){.clusters = ladder[i / 2], .late = i % 2 == 1};
    const size_t chosen = run_race(racers, 2 * STEPS, 6, true).chosen;
    cr_assert_eq(racers[chosen].clusters, 6);
    cr_assert(racers[chosen].late);
    for (size_t i = 0; i < 2 * STEPS; i++)
        cr_assert_eq(racers[i].folds > 0, racers[i].late ? racers[i].clusters == 6 : racers[i].clusters <= 12,
                     "%zu", i);
}
