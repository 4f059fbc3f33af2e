/* Passes and tasks: order, errors, stopping, and the same bytes for any number of threads. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mele/partition.h>

#include "core/error.h"
#include "core/stream.h"
#include "engine/check.h"
#include "engine/pass.h"
#include "unit/engine_support.h"

/* ---- a sum whose rounding depends on its order ---- */

typedef struct sum {
    const double *values;
    double total;
    size_t blocks, next_row;
    bool ordered;
} sum;

static mele_status sum_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const sum *s = context;
    double *part = partial;

    (void)error;
    memset(scratch, 0xFF, 64);
    cr_assert_eq(part[0], 0, "partials are cleared");
    for (size_t i = block.first; i < block.first + block.count; i++)
        part[0] += s->values[i];
    part[1] = (double)block.first;
    return MELE_OK;
}

static void combine_sum(void *context, const void *partial)
{
    sum *s = context;
    const double *part = partial;

    s->total += part[0];
    s->ordered = s->ordered && (s->blocks == 0 || part[1] > (double)s->next_row);
    s->next_row = (size_t)part[1];
    s->blocks++;
}

static double sum_with(mele_engine *engine, const double *values, size_t rows, size_t block_rows)
{
    sum s = {values, 0, 0, 0, true};
    mele_i_pass pass = {.rows = rows, .block_rows = block_rows, .partial_bytes = 2 * sizeof(double),
                        .scratch_bytes = 64, .map = sum_block, .combine = combine_sum,
                        .context = &s};

    cr_assert_eq(mele_i_pass_run(engine, &pass, NULL), MELE_OK);
    cr_assert(s.ordered, "partials come in block order");
    cr_assert_eq(s.blocks, (rows + block_rows - 1) / block_rows);
    return s.total;
}

Test(engine, sums_have_the_same_bits_for_any_number_of_threads)
{
    enum { ROWS = 10007 };
    static double values[ROWS];
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_TESTS, 0, 0);
    const size_t block_rows[] = {1, 13, 1000, ROWS, 2 * ROWS};

    for (size_t i = 0; i < ROWS; i++)
        values[i] = ldexp(mele_i_stream_normal(&stream), (int)mele_i_stream_below(&stream, 60));
    for (size_t b = 0; b < 5; b++) {
        double expected = sum_with(NULL, values, ROWS, block_rows[b]);
        for (unsigned threads = 1; threads <= 8; threads++) {
            mele_engine *engine = engine_of(threads);
            for (int again = 0; again < 3; again++)
                cr_assert_eq(sum_with(engine, values, ROWS, block_rows[b]), expected);
            mele_engine_free(engine);
        }
    }
}

Test(engine, a_pass_over_no_rows_maps_nothing)
{
    cr_assert_eq(sum_with(NULL, NULL, 0, 10), 0);
}

/* ---- failures ---- */

static mele_status fail_late(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    (void)partial;
    (void)scratch;
    if (block.index >= *(size_t *)context)
        return mele_i_fail(error, MELE_EDATA, "block %zu", block.index);
    return MELE_OK;
}

Test(engine, the_lowest_failure_is_told_for_any_number_of_threads)
{
    size_t first = 37;
    mele_i_pass pass = {.rows = 1000, .block_rows = 3, .map = fail_late, .context = &first};

    for (unsigned threads = 1; threads <= 5; threads++) {
        mele_engine *engine = engine_of(threads);
        for (int again = 0; again < 20; again++) {
            mele_error error = {0};
            cr_assert_eq(mele_i_pass_run(engine, &pass, &error), MELE_EDATA);
            cr_assert_str_eq(error.message, "block 37");
        }
        mele_engine_free(engine);
    }
}

/* ---- tasks ---- */

typedef struct jobs {
    double result[50];
    size_t taken;
    bool ordered;
} jobs;

static mele_status run_job(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    static const double ones[100] = {1, 1, 1, 1, 1};
    jobs *j = context;

    (void)error;
    j->result[index] = (double)index + sum_with(engine, ones, 100, 7);
    return MELE_OK;
}

static void take_job(void *context, size_t index)
{
    jobs *j = context;

    j->ordered = j->ordered && j->taken == index && j->result[index] == (double)index + 5;
    j->taken++;
}

Test(engine, tasks_are_taken_in_order_and_may_run_passes)
{
    for (unsigned threads = 1; threads <= 5; threads++)
        for (size_t count = 0; count <= 50; count += 5) {
            jobs j = {.ordered = true};
            mele_engine *engine = engine_of(threads);
            mele_i_tasks tasks = {.count = count, .run = run_job, .take = take_job, .context = &j};
            cr_assert_eq(mele_i_tasks_run(engine, &tasks, NULL), MELE_OK);
            cr_assert(j.ordered);
            cr_assert_eq(j.taken, count);
            mele_engine_free(engine);
        }
}

static bool stop_at_three(const mele_progress *progress, void *user)
{
    *(size_t *)user += 1;
    cr_assert_str_eq(progress->stage, "cv");
    return progress->done < 3;
}

/* Long enough for the calling thread, which tells, to have its share. */
static mele_status run_slowly(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
    return run_job(context, index, engine, error);
}

Test(engine, progress_can_stop_tasks)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        size_t calls = 0;
        mele_engine_options options = {threads, stop_at_three, &calls};
        mele_engine *engine = NULL;
        jobs j = {.ordered = true};
        mele_i_tasks tasks = {.count = 50, .run = run_slowly, .context = &j, .stage = "cv"};
        mele_error error = {0};

        cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
        cr_assert_eq(mele_i_tasks_run(engine, &tasks, &error), MELE_ESTOPPED);
        cr_assert_str_eq(error.message, "stopped during cv");
        cr_assert_gt(calls, 0);
        mele_engine_free(engine);
    }
}

/* What tasks tell of within is told as the progress of their stage. */
static mele_status tell_of_another(void *context, size_t index, mele_engine *engine,
                                   mele_error *error)
{
    mele_i_tasks inner = {.count = 2, .run = run_job, .context = context, .stage = "inner"};

    (void)index;
    mele_status status = mele_i_tasks_run(engine, &inner, error);
    return status == MELE_OK ? mele_i_progress(engine, "inner", 7, 9, 1.5, error) : status;
}

typedef struct steps {
    size_t calls, last;
} steps;

static bool count_steps(const mele_progress *progress, void *user)
{
    steps *s = user;

    cr_assert_str_eq(progress->stage, "outer");
    cr_assert_eq(progress->total, 20);
    cr_assert(progress->done >= s->last && progress->done >= 10);
    s->last = progress->done;
    s->calls++;
    return true;
}

Test(engine, the_outermost_stage_is_told_of)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        steps seen = {0, 0};
        jobs j = {.ordered = true};
        mele_engine_options options = {threads, count_steps, &seen};
        mele_engine *engine = NULL;
        mele_i_tasks tasks = {.count = 5, .run = tell_of_another, .context = &j, .stage = "outer",
                              .before = 10, .total = 20, .in_turn = true};

        cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
        cr_assert_eq(mele_i_tasks_run(engine, &tasks, NULL), MELE_OK);
        cr_assert_eq(seen.last, 15);
        cr_assert_geq(seen.calls, 15);
        mele_engine_free(engine);
    }
}

/* ---- one engine, several threads ---- */

#define SHARED_ROWS 4000

typedef struct rival {
    mele_engine *engine;
    const double *values;
    pthread_t thread;
    size_t calls, done, refused;
} rival;

/* Every call has the sum, or is refused with the way out. */
static void *call_often(void *argument)
{
    rival *r = argument;

    for (size_t i = 0; i < r->calls; i++) {
        sum s = {r->values, 0, 0, 0, true};
        mele_i_pass pass = {.rows = SHARED_ROWS, .block_rows = 100, .scratch_bytes = 64,
                            .partial_bytes = 2 * sizeof(double), .map = sum_block,
                            .combine = combine_sum, .context = &s};
        mele_error error = {0};
        mele_status status = mele_i_pass_run(r->engine, &pass, &error);
        if (status == MELE_OK) {
            cr_assert_eq(s.total, SHARED_ROWS / 2.0);
            r->done++;
        } else {
            cr_assert_eq(status, MELE_EINVAL);
            cr_assert_str_eq(error.message,
                             "the engine is at work for another thread: threads that call at once "
                             "need an engine each, or NULL");
            cr_assert_eq(s.blocks, 0, "nothing was done");
            r->refused++;
        }
    }
    return NULL;
}

Test(engine, of_threads_that_call_at_once_one_has_the_engine)
{
    static double values[SHARED_ROWS];

    for (size_t i = 0; i < SHARED_ROWS; i++)
        values[i] = 0.5;
    for (unsigned threads = 1; threads <= 3; threads++) {
        rival rivals[4] = {{0}};
        mele_engine *engine = engine_of(threads);
        size_t done = 0, refused = 0;
        for (size_t i = 0; i < 4; i++) {
            rivals[i] = (rival){.engine = engine, .values = values, .calls = 50};
            cr_assert_eq(pthread_create(&rivals[i].thread, NULL, call_often, &rivals[i]), 0);
        }
        for (size_t i = 0; i < 4; i++) {
            pthread_join(rivals[i].thread, NULL);
            done += rivals[i].done;
            refused += rivals[i].refused;
        }
        cr_assert_eq(done + refused, 200);
        cr_assert_gt(done, 0);
        rival last = {.engine = engine, .values = values, .calls = 3};
        call_often(&last);
        cr_assert_eq(last.done, 3, "nobody has it any more");
        mele_engine_free(engine);
    }
}

typedef struct intruder {
    mele_engine *engine;
    const mele_matrix *x;
    size_t calls;
    mele_status status;
    mele_error error;
    mele_partition *partition;
} intruder;

static mele_partition *const UNTOUCHED = (mele_partition *)(void *)&UNTOUCHED;

static void *intrude(void *argument)
{
    intruder *in = argument;

    in->partition = UNTOUCHED;
    in->status = mele_partition_fit(in->x, NULL, NULL, in->engine, &in->partition, NULL,
                                    &in->error);
    return NULL;
}

/* Another thread calls while the fit waits for it. */
static bool let_in(const mele_progress *progress, void *user)
{
    intruder *in = user;
    pthread_t thread;

    (void)progress;
    if (in->calls++ > 0)
        return true;
    cr_assert_eq(pthread_create(&thread, NULL, intrude, in), 0);
    pthread_join(thread, NULL);
    return true;
}

Test(engine, a_call_under_way_goes_on_when_another_thread_calls)
{
    enum { ROWS = 300, K = 8 };
    static double values[ROWS];
    double alone[K], centres[K];
    const mele_matrix x = mele_matrix_of(values, ROWS, 1);
    mele_partition *partition = NULL;
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < ROWS; i++)
        values[i] = mele_i_stream_normal(&stream);
    cr_assert_eq(mele_partition_fit(&x, NULL, NULL, NULL, &partition, NULL, NULL), MELE_OK);
    mele_partition_centres(partition, alone);
    mele_partition_free(partition);
    for (unsigned threads = 1; threads <= 3; threads++) {
        intruder in = {.x = &x};
        mele_engine_options options = {threads, let_in, &in};

        cr_assert_eq(mele_engine_new(&options, &in.engine, NULL), MELE_OK);
        cr_assert_eq(mele_partition_fit(&x, NULL, NULL, in.engine, &partition, NULL, NULL),
                     MELE_OK);
        mele_partition_centres(partition, centres);
        cr_assert_arr_eq(centres, alone, sizeof alone);
        cr_assert_gt(in.calls, 0);
        cr_assert_eq(in.status, MELE_EINVAL);
        cr_assert_eq(in.partition, UNTOUCHED);
        cr_assert_not_null(strstr(in.error.message, "need an engine each, or NULL"));
        mele_partition_free(partition);
        mele_engine_free(in.engine);
    }
}

typedef struct nested {
    mele_engine *engine;
    size_t calls;
    mele_status status;
    mele_error error;
} nested;

static bool call_within(const mele_progress *progress, void *user)
{
    nested *n = user;
    jobs j = {.ordered = true};
    mele_i_tasks tasks = {.count = 10, .run = run_job, .context = &j};

    (void)progress;
    if (n->calls++ == 0)
        n->status = mele_i_tasks_run(n->engine, &tasks, &n->error);
    return true;
}

/* Helpers do one job at a time: with any, a progress function of a job has to do without. */
Test(engine, a_progress_function_that_calls_is_refused_while_helpers_work)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        nested n = {.status = MELE_EDATA};
        mele_engine_options options = {threads, call_within, &n};
        jobs j = {.ordered = true};
        mele_i_tasks tasks = {.count = 50, .run = run_slowly, .context = &j, .stage = "cv"};

        cr_assert_eq(mele_engine_new(&options, &n.engine, NULL), MELE_OK);
        cr_assert_eq(mele_i_tasks_run(n.engine, &tasks, NULL), MELE_OK);
        cr_assert_gt(n.calls, 0);
        cr_assert_eq(n.status, threads == 1 ? MELE_OK : MELE_EINVAL);
        if (threads > 1)
            cr_assert_str_eq(n.error.message,
                             "the engine is at work: a progress function that calls needs an "
                             "engine of its own, or NULL");
        mele_engine_free(n.engine);
    }
}

/* ---- engines, errors, checks ---- */

Test(engine, too_many_threads_are_refused_and_free_takes_null)
{
    mele_engine_options options = {5000, NULL, NULL};
    mele_engine *engine = (mele_engine *)&options;
    mele_error error = {0};

    cr_assert_eq(mele_engine_new(&options, &engine, &error), MELE_EINVAL);
    cr_assert_eq((void *)engine, (void *)&options, "untouched");
    cr_assert_str_eq(error.message, "5000 threads asked for, at most 1024 are possible");
    mele_engine_free(NULL);
    cr_assert_eq(mele_engine_threads(NULL), 1);
}

Test(engine, long_messages_end_at_a_whole_character)
{
    mele_error error = {0};
    char text[2 * MELE_MESSAGE_SIZE] = "";

    for (size_t i = 0; i + 3 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 3);
    for (int shift = 0; shift < 2; shift++) {
        mele_i_fail(&error, MELE_EDATA, "%s%s", shift ? "x" : "", text);
        size_t length = strlen(error.message);
        cr_assert_leq(MELE_MESSAGE_SIZE - 3, length);
        cr_assert_eq((length - (size_t)shift) % 2, 0, "no half of a character");
    }
    cr_assert_eq(mele_i_fail(NULL, MELE_EIO, "nowhere"), MELE_EIO);
    mele_i_fail(&error, MELE_EDATA, "two\nlines\t");
    cr_assert_str_eq(error.message, "two\\nlines\\t");
}

Test(engine, checks_say_what_and_where)
{
    double data[6] = {1, 2, NAN, 4, 5, INFINITY};
    const struct {
        mele_matrix matrix;
        mele_status status;
        const char *message;
    } cases[] = {
        {{data, 1, 2, 2}, MELE_OK, ""},
        {{data, 3, 2, 2}, MELE_EDATA, "x: row 2, column 1 is nan, not a finite number"},
        {{data + 4, 1, 2, 2}, MELE_EDATA, "x: row 1, column 2 is inf, not a finite number"},
        {{data, 2, 1, 1}, MELE_OK, ""},
        {{data, 2, 2, 1}, MELE_EINVAL, "x has stride 1 and 2 columns"},
        {{data, 0, 2, 2}, MELE_EINVAL, "x is 0 x 2: it needs a row and a column"},
        {{NULL, 1, 1, 1}, MELE_EINVAL, "x is NULL"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mele_error error = {0};
        cr_assert_eq(mele_i_check_matrix(&cases[i].matrix, "x", NULL, &error), cases[i].status,
                     "case %zu", i);
        cr_assert_str_eq(error.message, cases[i].message);
    }
}

/* ---- random streams ---- */

Test(stream, streams_depend_on_every_part_of_the_key_and_on_nothing_else)
{
    mele_i_stream a = mele_i_stream_make(1, MELE_I_FOR_TESTS, 2, 3), b = a;
    const mele_i_stream others[] = {mele_i_stream_make(2, MELE_I_FOR_TESTS, 2, 3),
                                    mele_i_stream_make(1, MELE_I_FOR_GATE, 2, 3),
                                    mele_i_stream_make(1, MELE_I_FOR_TESTS, 3, 3),
                                    mele_i_stream_make(1, MELE_I_FOR_TESTS, 2, 4)};

    cr_assert_eq(mele_i_stream_bits(&a), mele_i_stream_bits(&b));
    for (size_t i = 0; i < 4; i++)
        cr_assert_neq(memcmp(&others[i], &a, sizeof a), 0);
}

Test(stream, bounded_numbers_are_uniform_and_shuffles_are_permutations)
{
    enum { DRAWS = 60000, BOUND = 6 };
    mele_i_stream stream = mele_i_stream_make(11, MELE_I_FOR_TESTS, 0, 0);
    size_t seen[BOUND] = {0}, order[100], found[100] = {0};
    double chi_square = 0;

    for (size_t i = 0; i < DRAWS; i++)
        seen[mele_i_stream_below(&stream, BOUND)]++;
    for (size_t i = 0; i < BOUND; i++)
        chi_square += pow((double)seen[i] - DRAWS / BOUND, 2) / (DRAWS / BOUND);
    cr_assert_lt(chi_square, 20.5, "the 99.9 %% point of chi-square with 5 degrees of freedom");
    for (size_t i = 0; i < 100; i++)
        order[i] = i;
    mele_i_stream_shuffle(&stream, order, 100);
    for (size_t i = 0; i < 100; i++)
        found[order[i]]++;
    for (size_t i = 0; i < 100; i++)
        cr_assert_eq(found[i], 1);
}

Test(stream, normal_numbers_have_mean_0_and_variance_1)
{
    enum { DRAWS = 100000 };
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, 0);
    double total = 0, squares = 0;

    for (size_t i = 0; i < DRAWS; i++) {
        double x = mele_i_stream_normal(&stream);
        total += x;
        squares += x * x;
    }
    cr_assert_float_eq(total / DRAWS, 0, 4 / sqrt(DRAWS));
    cr_assert_float_eq(squares / DRAWS, 1, 4 * sqrt(2.0 / DRAWS));
}
