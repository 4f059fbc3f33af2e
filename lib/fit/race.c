/* A race: fits of the same data are compared by what they lose on rows left out in folds, and those are given
 * up that can no longer win.
 *
 * The folds are the same for all racers; of which rows what is looked at, is course.c's. What a racer is, and
 * how it is trained outside a fold, the caller knows (mele_i_race_rules). A racer that a fold cannot train
 * (fewer rows than K, no weight) has no loss.
 *
 * After the first folds, and again after every few more, racers are given up that
 *
 *     have lost so far more than the leader would in all folds at its present rate (losses that are
 *     errors; log densities have no sign), or
 *     are behind the leader by more than chance, in a t-test of mean losses by pairs, one-sided, at
 *     5 % divided by how many times the racers are looked at (Bonferroni),
 *
 * the leader being the one with the least loss so far. The pairs are the folds, or of few folds of
 * many rows slices of them, ten in all at least. Who is left alone has won, and need not go on.
 *
 * K is that of the racer with the least loss, and of those with that K the simplest is taken that is within one
 * standard error of it (measure/contest.c); or, where the rules say so, of racers with any K. One model for all
 * rows is what the others are measured against at the end, so it is never given up, and it is taken where they
 * gain no more over it than chance does.
 *
 * Or numbers of regions climb: those up to FIRST_CLUSTERS (or twice the least) race at first, and then, as long as
 * there are any up to twice the best one so far, these race with it, from the first fold on, while it waits for them.
 * So the race ends when two steps of the ladder in a row have gained nothing, and the largest, which take longest,
 * have not run.
 *
 * Racers that take long (late) run last, with the K that the others have come to, and not at all on more than
 * MELE_I_GATE_LATE_ROWS rows.
 *
 * Random streams depend on the fold and the restart but not on K, so the partition is that of the
 * same K given. Racers of one K, and folds, are tasks, the largest K first: it takes the longest.
 *
 * Sources: Maron, Moore 1994, NIPS 6 (races); Kuhn 2014, arXiv:1405.6974 (by tests on folds). */
#include "fit/race.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "gate/candidates.h"

#define FIRST_FOLDS 3 /* before anyone is given up */
#define MORE_FOLDS 2  /* between one comparison and the next */
#define FIRST_CLUSTERS 8 /* of those that enter one after another */

/* Racers that run together. */
typedef struct heat {
    size_t first, count;
} heat;

typedef struct race {
    mele_i_course course;
    const mele_i_race_rules *rules;
    mele_i_racer *racers;
    size_t count;
    double *loss, *weight;  /* count x folds x slices: sums over rows; loss NaN: no model */

    size_t entered;         /* the first of them that have entered */
    bool *stays, *running;  /* count: it is not given up; it runs in the round */
    heat *heats;            /* of racers that run, the largest K first */
    size_t heats_left;
    size_t first, some;     /* folds of the round */
    size_t fits;            /* before the round */
} race;

static size_t pairs_of_all(const race *r)
{
    return r->course.folds * r->course.slices;
}

/* What is kept of racer i in the first folds. */
static mele_i_losses first_losses_of(const race *r, size_t i, size_t folds)
{
    const size_t at = i * pairs_of_all(r);

    return (mele_i_losses){r->loss + at, r->weight + at, folds * r->course.slices};
}

/* What is kept of racer i so far. */
static mele_i_losses losses_of(const race *r, size_t i)
{
    return first_losses_of(r, i, r->racers[i].folds);
}

/* ---- one fold ---- */

static mele_i_sums sums_of(const race *r, size_t i, size_t fold)
{
    const size_t at = i * pairs_of_all(r) + fold * r->course.slices;

    return (mele_i_sums){r->loss + at, r->weight + at};
}

mele_i_sums mele_i_heat_sums(const mele_i_heat *together, size_t i)
{
    return (mele_i_sums){together->sums.loss + i * together->stride,
                         together->sums.weight + i * together->stride};
}

static mele_status run_heat(const race *r, const heat *h, size_t fold, mele_engine *engine,
                            mele_error *error)
{
    const size_t at = h->first * pairs_of_all(r) + fold * r->course.slices;
    const mele_i_heat together = {&r->course, r->racers + h->first, r->running + h->first, h->count,
                                  fold, {r->loss + at, r->weight + at}, pairs_of_all(r)};

    return r->rules->run(r->rules->context, &together, engine, error);
}

/* A fold that cannot train so many regions leaves its sums at NaN. */
static mele_status run_fold(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    const race *r = context;
    const heat *h = &r->heats[index / r->some];
    const size_t fold = r->first + index % r->some;
    mele_status status = run_heat(r, h, fold, engine, error);

    if (status != MELE_EDATA)
        return status;
    for (size_t i = h->first; i < h->first + h->count; i++)
        for (size_t slice = 0; slice < r->course.slices; slice++)
            sums_of(r, i, fold).loss[slice] = NAN;
    return MELE_OK;
}

/* ---- who goes on ---- */

/* Whether racer i is before another, by loss; the order decides between equal ones. */
static bool is_less(const race *r, size_t i, size_t than)
{
    return !isnan(r->racers[i].loss)
           && (than == r->count || r->racers[i].loss < r->racers[than].loss);
}

/* The folds that all have run in that are not given up. */
static size_t common_folds(const race *r)
{
    size_t folds = r->course.folds;

    for (size_t i = 0; i < r->count; i++)
        if (r->stays[i] && r->racers[i].folds < folds)
            folds = r->racers[i].folds;
    return folds;
}

/* Of those that are not given up, the first of the least loss in these folds; count: nobody has one. */
static size_t leader_of(const race *r, size_t folds)
{
    size_t best = r->count;
    double least = NAN;

    for (size_t i = 0; i < r->count; i++) {
        const mele_i_losses losses = first_losses_of(r, i, folds);
        const double loss = r->stays[i] ? mele_i_losses_mean(&losses) : NAN;
        if (!isnan(loss) && !(loss >= least)) {
            best = i;
            least = loss;
        }
    }
    return best;
}

/* How many times racers are compared before the last fold. */
static size_t count_looks(const race *r)
{
    return r->course.folds <= FIRST_FOLDS ? 1 : 1 + (r->course.folds - FIRST_FOLDS - 1) / MORE_FOLDS;
}

static mele_i_excess excess_of(const race *r, size_t i, size_t other)
{
    const mele_i_losses one = losses_of(r, i), two = losses_of(r, other);

    return mele_i_excess_of(&one, &two);
}

static bool is_behind(const race *r, size_t i, size_t leader)
{
    const mele_i_excess e = excess_of(r, i, leader);

    return e.mean > mele_i_excess_bound(&e, count_looks(r));
}

static double sum_of(const mele_i_losses *losses)
{
    double sum = 0;

    for (size_t i = 0; i < losses->count; i++)
        sum += losses->loss[i];
    return sum;
}

static bool is_hopeless(const race *r, size_t i, size_t leader, size_t folds)
{
    const mele_i_losses own = first_losses_of(r, i, folds), least = first_losses_of(r, leader, folds);
    const bool positive = mele_i_course_has_positive_losses(&r->course);

    return positive && sum_of(&own) > sum_of(&least) * (double)r->course.folds / (double)folds;
}

static bool runs_with(const race *r, size_t i, size_t other)
{
    return r->rules->alone ? i == other : r->racers[i].clusters == r->racers[other].clusters;
}

/* The heats of those that run, the largest K first. */
static void line_up(race *r)
{
    r->heats_left = 0;
    for (size_t end = r->count, first; end > 0; end = first) {
        bool any = false;
        for (first = end; first > 0 && runs_with(r, first - 1, end - 1); first--)
            any = any || r->running[first - 1];
        if (any)
            r->heats[r->heats_left++] = (heat){first, end - first};
    }
}

/* Those go on that may still win, one model for all rows, and who is ahead of the others by some folds. */
static void give_up(race *r)
{
    const size_t folds = common_folds(r), leader = leader_of(r, folds);

    for (size_t i = 0; i < r->count; i++)
        if (r->stays[i] && r->racers[i].folds == folds)
            r->stays[i] = !isnan(r->racers[i].loss)
                          && (i == leader || r->racers[i].one
                              || !(is_hopeless(r, i, leader, folds) || is_behind(r, i, leader)));
}

/* ---- the race ---- */

/* Room for what is measured, and who runs. */
static mele_status prepare(race *r, mele_error *error)
{
    const size_t bytes = pairs_of_all(r) * sizeof(double);

    r->loss = mele_i_zeroed(r->count, bytes);
    r->weight = mele_i_zeroed(r->count, bytes);
    r->stays = MELE_I_ZEROED(bool, r->count);
    r->running = MELE_I_ZEROED(bool, r->count);
    r->heats = MELE_I_ARRAY(heat, r->count);
    return r->loss == NULL || r->weight == NULL || r->stays == NULL || r->running == NULL || r->heats == NULL
               ? mele_i_no_memory(error)
               : MELE_OK;
}

static mele_status run_round(race *r, mele_engine *engine, mele_error *error)
{
    const mele_i_tasks tasks = {.count = r->heats_left * r->some, .run = run_fold, .context = r,
                                .stage = r->rules->stage, .before = r->fits,
                                .total = r->fits + r->heats_left * (r->course.folds - r->first),
                                .in_turn = r->course.data->windows != NULL};
    mele_status status = mele_i_tasks_run(engine, &tasks, error);

    r->fits += tasks.count;
    for (size_t i = 0; i < r->count && status == MELE_OK; i++) {
        if (!r->running[i])
            continue;
        r->racers[i].folds = r->first + r->some;
        const mele_i_losses losses = losses_of(r, i);
        r->racers[i].loss = mele_i_losses_mean(&losses);
    }
    return status;
}

static size_t count_staying(const race *r)
{
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++)
        count += r->stays[i];
    return count;
}

/* Those that have run in the fewest folds run in some more. */
static void prepare_round(race *r)
{
    const size_t folds = r->course.folds, first = common_folds(r);
    const size_t most = first == 0 ? FIRST_FOLDS : MORE_FOLDS;

    r->first = first;
    r->some = folds - first < most ? folds - first : most;
    for (size_t i = 0; i < r->count; i++)
        r->running[i] = r->stays[i] && r->racers[i].folds == first;
    line_up(r);
}

/* Until all folds have been run, or one racer is left. */
static mele_status run_entered(race *r, mele_engine *engine, mele_error *error)
{
    const size_t starters = count_staying(r);
    mele_status status = MELE_OK;

    while (common_folds(r) < r->course.folds && (count_staying(r) > 1 || starters == 1) && status == MELE_OK) {
        prepare_round(r);
        status = run_round(r, engine, error);
        if (status == MELE_OK && common_folds(r) < r->course.folds)
            give_up(r);
    }
    return status;
}

/* The least loss in the most folds. */
static size_t find_best(const race *r)
{
    size_t best = r->count, folds = 0;

    for (size_t i = 0; i < r->count; i++)
        folds = isnan(r->racers[i].loss) || r->racers[i].folds < folds ? folds : r->racers[i].folds;
    for (size_t i = 0; i < r->count; i++)
        if (r->racers[i].folds == folds && is_less(r, i, best))
            best = i;
    return best;
}

/* Numbers of regions up to `most` enter, and race with the best of those before. False: there are no more. */
static bool enter(race *r, size_t most)
{
    const size_t before = r->entered, best = find_best(r);

    while (r->entered < r->count && r->racers[r->entered].clusters <= most)
        r->entered++;
    for (size_t i = 0; i < r->count; i++)
        r->stays[i] = i == best || (i >= before && i < r->entered && !r->racers[i].late);
    return r->entered > before;
}

/* Where numbers climb, until those up to twice the best have lost. */
static mele_status run_race(race *r, mele_engine *engine, mele_error *error)
{
    const size_t least = r->racers[0].clusters, all = r->racers[r->count - 1].clusters;
    size_t most = !r->rules->climbs ? all : FIRST_CLUSTERS > 2 * least ? FIRST_CLUSTERS : 2 * least;
    mele_status status = MELE_OK;

    while (status == MELE_OK && enter(r, most)) {
        status = run_entered(r, engine, error);
        const size_t best = find_best(r);
        most = best < r->count ? 2 * r->racers[best].clusters : all;
    }
    return status;
}

/* Those that come late and have the K of the best of the others, in all the folds that that one ran in; or, where
 * numbers climb, racing with it. */
static mele_status run_late(race *r, mele_engine *engine, mele_error *error)
{
    const size_t best = find_best(r);
    bool any = false;

    if (best == r->count)
        return MELE_OK;
    for (size_t i = 0; i < r->count; i++) {
        r->running[i] = r->racers[i].late && r->racers[i].clusters == r->racers[best].clusters;
        r->stays[i] = r->running[i] || i == best;
        any = any || r->running[i];
    }
    if (!any || (!r->rules->climbs && mele_i_data_count(r->course.data) > MELE_I_GATE_LATE_ROWS))
        return MELE_OK;
    if (r->rules->climbs)
        return run_entered(r, engine, error);
    line_up(r);
    r->first = 0;
    r->some = r->racers[best].folds;
    return run_round(r, engine, error);
}

/* ---- who has won ---- */

/* The one model; count: it does not run, or has no loss. */
static size_t find_one(const race *r)
{
    size_t one = 0;

    while (one < r->count && !(r->racers[one].one && !isnan(r->racers[one].loss)))
        one++;
    return one;
}

static void measure_racers(const race *r, size_t best, size_t one)
{
    for (size_t i = 0; i < r->count; i++) {
        mele_i_racer *racer = &r->racers[i];
        mele_i_excess e = excess_of(r, i, best);
        if (i != best && e.pairs > 0) {
            racer->excess = e.mean;
            racer->error = mele_i_excess_error(&e);
        } else if (i == best) {
            racer->excess = racer->error = 0;
        }
        if (one == r->count || i == one || (e = excess_of(r, i, one)).pairs <= 1)
            continue;
        racer->gain = -e.mean;
        racer->chance = mele_i_excess_chance(&e, mele_i_course_slice(&r->course));
    }
}

/* Whether racer i may be taken in place of the best: it ran in as many folds, and has its K, where that
 * matters. */
static bool is_rival(const race *r, size_t i, size_t best)
{
    const mele_i_racer *racer = &r->racers[i], *least = &r->racers[best];

    return racer->folds == least->folds && !isnan(racer->loss)
           && (r->rules->alone || racer->clusters == least->clusters);
}

/* Of the best and its rivals. */
static mele_status choose(const race *r, size_t best, size_t one, size_t *chosen, mele_error *error)
{
    mele_i_losses *rivals = MELE_I_ARRAY(mele_i_losses, r->count);
    size_t *who = MELE_I_ARRAY(size_t, r->count), count = 0, at = 0;
    const mele_i_losses least = one < r->count ? losses_of(r, one) : (mele_i_losses){NULL, NULL, 0};

    if (rivals == NULL || who == NULL) {
        free(rivals);
        free(who);
        return mele_i_no_memory(error);
    }
    for (size_t i = 0; i < r->count; i++) {
        if (i == one || !is_rival(r, i, best))
            continue;
        at = i == best ? count : at;
        who[count] = i;
        rivals[count++] = losses_of(r, i);
    }
    const size_t taken = mele_i_contest_choose(rivals, count, at, one < r->count ? &least : NULL,
                                               mele_i_course_slice(&r->course));
    *chosen = taken == count ? one : who[taken];
    free(rivals);
    free(who);
    return MELE_OK;
}

static mele_status judge(const race *r, size_t *chosen, mele_error *error)
{
    const size_t best = find_best(r), one = find_one(r);

    *chosen = best;
    if (best == r->count)
        return MELE_OK;
    measure_racers(r, best, one);
    return best == one ? MELE_OK : choose(r, best, one, chosen, error);
}

static void race_clear(race *r)
{
    mele_i_course_clear(&r->course);
    free(r->loss);
    free(r->weight);
    free(r->stays);
    free(r->running);
    free(r->heats);
}

static mele_status run(race *r, mele_engine *engine, size_t *chosen, mele_error *error)
{
    mele_status status = prepare(r, error);

    if (status == MELE_OK)
        status = run_race(r, engine, error);
    if (status == MELE_OK)
        status = run_late(r, engine, error);
    return status == MELE_OK ? judge(r, chosen, error) : status;
}

mele_status mele_i_race(const mele_i_race_rules *rules, mele_i_racer *racers, size_t count,
                        mele_engine *engine, mele_i_race_course *course, mele_error *error)
{
    race r = {.rules = rules, .racers = racers, .count = count};
    size_t chosen = count;
    mele_status status = mele_i_course_make(rules->data, rules->options, racers[count - 1].clusters,
                                            engine, &r.course, error);

    for (size_t i = 0; i < count; i++) {
        mele_i_racer *racer = &racers[i];
        racer->loss = racer->gain = racer->chance = racer->excess = racer->error = NAN;
        racer->folds = 0;
    }
    if (status == MELE_OK && r.course.folds > 0)
        status = run(&r, engine, &chosen, error);
    if (status == MELE_OK)
        *course = (mele_i_race_course){r.course.folds, r.course.data->rows, chosen};
    race_clear(&r);
    return status;
}
