/* The pool behind passes and tasks.
 *
 * One job runs at a time. A job hands out the indices 0 .. count-1 in order; an index may start
 * only while it is less than `window` ahead of the first index that is not combined yet, which
 * bounds the partials alive. Whoever completes an index combines all that are ready, in order.
 * Waiting for a slot cannot deadlock: the lowest index not combined always has its thread.
 *
 * A thread that cannot be started is simply not there: the caller works too, and alone if need
 * be. Progress of tasks is told by the calling thread only.
 *
 * A thread that calls claims the engine, as often as its calls lie within one another; the claim of
 * another thread fails meanwhile. Jobs and progress claim it themselves; calls of several jobs do so
 * for all of them, so that it is the later call that fails, not the one under way. */
#include "engine/pass.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/option.h"

#define MOST_THREADS 1024
#define STACK_BYTES ((size_t)1 << 20) /* of a helper, at least; what is used is a part of it */

typedef struct job {
    size_t count, window;
    mele_status (*run)(void *context, size_t index, size_t slot, void *scratch, mele_error *error);
    void (*take)(void *context, size_t index, size_t slot); /* NULL: nothing to do in order */
    void *context;
    size_t scratch_bytes;
    const char *stage;
    size_t before, total; /* steps of the stage: those before the job, and all */

    /* under the lock */
    size_t next, taken; /* the next index to hand out; all below taken are combined */
    bool taking;        /* some thread is combining */
    unsigned char *ready; /* window flags: slot holds a result to combine */
    size_t failed;        /* the lowest index that failed, or count */
    mele_status status;
    mele_error error;
} job;

struct mele_engine {
    unsigned helpers; /* threads beside the calling one */
    pthread_t *thread;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job came, a slot became free, a job ended */
    pthread_t caller;    /* whose claims there are */
    unsigned claims;
    job *job;
    unsigned long serial; /* of the job: two jobs may have the same address */
    unsigned busy;        /* helpers inside the job */
    bool ending;
    mele_progress_fn *progress;
    void *user;
    mele_progress outer; /* tasks that run in turn and have a stage; stage NULL: none do */
};

mele_engine_options mele_engine_defaults(void)
{
    mele_engine_options options = {0, NULL, NULL};
    return options;
}

unsigned mele_engine_threads(const mele_engine *engine)
{
    return engine == NULL ? 1 : engine->helpers + 1;
}

mele_status mele_i_engine_claim(mele_engine *engine, mele_error *error)
{
    const pthread_t self = pthread_self();
    bool free;

    if (engine == NULL)
        return MELE_OK;
    pthread_mutex_lock(&engine->lock);
    free = engine->claims == 0 || pthread_equal(engine->caller, self);
    if (free) {
        engine->caller = self;
        engine->claims++;
    }
    pthread_mutex_unlock(&engine->lock);
    return free ? MELE_OK
                : mele_i_fail(error, MELE_EINVAL,
                              "the engine is at work for another thread: threads that call at once "
                              "need an engine each, or NULL");
}

void mele_i_engine_release(mele_engine *engine)
{
    if (engine == NULL)
        return;
    pthread_mutex_lock(&engine->lock);
    engine->claims--;
    pthread_mutex_unlock(&engine->lock);
}

static bool tell(const mele_engine *engine, const mele_progress *progress)
{
    const mele_progress *outer = &engine->outer;
    const bool within = outer->stage != NULL && strcmp(outer->stage, progress->stage) != 0;

    return engine->progress == NULL || engine->progress(within ? outer : progress, engine->user);
}

mele_status mele_i_progress(mele_engine *engine, const char *stage, size_t done, size_t total,
                            double value, mele_error *error)
{
    const mele_progress progress = {stage, done, total, value};
    mele_status status = mele_i_engine_claim(engine, error);

    if (engine == NULL || status != MELE_OK)
        return status;
    if (!tell(engine, &progress))
        status = mele_i_fail(error, MELE_ESTOPPED, "stopped during %s", stage);
    mele_i_engine_release(engine);
    return status;
}

size_t mele_i_block_rows(size_t row_work, size_t work, size_t least)
{
    size_t rows = work / (row_work == 0 ? 1 : row_work);

    return rows < least ? least : rows;
}

static void fail_at(job *j, size_t index, mele_status status, const mele_error *error)
{
    if (index < j->failed) {
        j->failed = index;
        j->status = status;
        j->error = *error;
    }
}

/* Combine what is ready, in order. Called and left with the lock held. */
static void take_ready(mele_engine *engine, job *j)
{
    if (j->taking)
        return;
    j->taking = true;
    while (j->taken < j->failed && j->taken < j->next && j->ready[j->taken % j->window]) {
        size_t index = j->taken, slot = index % j->window;
        if (j->take != NULL) {
            pthread_mutex_unlock(&engine->lock);
            j->take(j->context, index, slot);
            pthread_mutex_lock(&engine->lock);
        }
        j->ready[slot] = 0;
        j->taken++;
        pthread_cond_broadcast(&engine->work);
    }
    j->taking = false;
}

static bool can_start(const job *j)
{
    return j->next < j->taken + j->window;
}

/* Work on the job until no index is left. Called and left with the lock held. */
static void work_on(mele_engine *engine, job *j, void *scratch, bool tell)
{
    while (j->next < j->count && j->failed == j->count) {
        if (!can_start(j)) {
            pthread_cond_wait(&engine->work, &engine->lock);
            continue;
        }
        size_t index = j->next++, slot = index % j->window;
        mele_error error = {MELE_OK, 0, ""};
        pthread_mutex_unlock(&engine->lock);
        mele_status status = j->run(j->context, index, slot, scratch, &error);
        pthread_mutex_lock(&engine->lock);
        if (status != MELE_OK)
            fail_at(j, index, status, &error);
        else
            j->ready[slot] = 1;
        take_ready(engine, j);
        if (tell && j->stage != NULL && j->failed == j->count) {
            size_t done = j->before + j->taken;
            pthread_mutex_unlock(&engine->lock);
            status = mele_i_progress(engine, j->stage, done, j->total, NAN, &error);
            pthread_mutex_lock(&engine->lock);
            if (status != MELE_OK)
                fail_at(j, index, status, &error);
        }
    }
    pthread_cond_broadcast(&engine->work);
}

/* A helper: take part in job after job until the engine ends. */
static void *helper_main(void *argument)
{
    mele_engine *engine = argument;
    unsigned long last = 0;

    pthread_mutex_lock(&engine->lock);
    while (!engine->ending) {
        job *j = engine->job;
        if (j == NULL || engine->serial == last) {
            pthread_cond_wait(&engine->work, &engine->lock);
            continue;
        }
        last = engine->serial;
        if (j->next >= j->count || j->failed < j->count)
            continue;
        engine->busy++;
        pthread_mutex_unlock(&engine->lock);
        void *scratch = mele_i_array(j->scratch_bytes, 1);
        pthread_mutex_lock(&engine->lock);
        if (scratch != NULL)
            work_on(engine, j, scratch, false);
        free(scratch);
        engine->busy--;
        pthread_cond_broadcast(&engine->work);
    }
    pthread_mutex_unlock(&engine->lock);
    return NULL;
}

/* Signals stay with the host's own threads; stacks are no smaller for the host's limits. */
static void start_helpers(mele_engine *engine, unsigned wanted)
{
    sigset_t all, old;
    pthread_attr_t attributes;
    size_t stack = 0;

    if (pthread_attr_init(&attributes) != 0)
        return;
    if (pthread_attr_getstacksize(&attributes, &stack) == 0 && stack < STACK_BYTES)
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (engine->helpers < wanted
           && pthread_create(&engine->thread[engine->helpers], &attributes, helper_main, engine)
                  == 0)
        engine->helpers++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
}

static unsigned processors(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    return online < 1 ? 1 : online > MOST_THREADS ? MOST_THREADS : (unsigned)online;
}

mele_status mele_engine_new(const mele_engine_options *options, mele_engine **out,
                            mele_error *error)
{
    mele_engine_options chosen = options == NULL ? mele_engine_defaults() : *options;

    if (mele_i_check_reserved(chosen.reserved, error) != MELE_OK)
        return MELE_EINVAL;
    if (chosen.threads > MOST_THREADS)
        return mele_i_fail(error, MELE_EINVAL, "%u threads asked for, at most %d are possible",
                           chosen.threads, MOST_THREADS);
    unsigned threads = chosen.threads == 0 ? processors() : chosen.threads;
    mele_engine *engine = MELE_I_NEW(mele_engine);
    pthread_t *thread = MELE_I_ARRAY(pthread_t, threads);
    if (engine == NULL || thread == NULL) {
        free(engine);
        free(thread);
        return mele_i_no_memory(error);
    }
    engine->thread = thread;
    engine->progress = chosen.progress;
    engine->user = chosen.user;
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->work, NULL);
    start_helpers(engine, threads - 1);
    *out = engine;
    return MELE_OK;
}

void mele_engine_free(mele_engine *engine)
{
    if (engine == NULL)
        return;
    pthread_mutex_lock(&engine->lock);
    engine->ending = true;
    pthread_cond_broadcast(&engine->work);
    pthread_mutex_unlock(&engine->lock);
    for (unsigned i = 0; i < engine->helpers; i++)
        pthread_join(engine->thread[i], NULL);
    pthread_cond_destroy(&engine->work);
    pthread_mutex_destroy(&engine->lock);
    free(engine->thread);
    free(engine);
}

/* One thread, no window: each index is combined at once, into the same sums. The outermost stage is
 * the one that is told of. */
static mele_status run_serially(mele_engine *engine, job *j, void *scratch)
{
    const bool outermost = engine != NULL && j->stage != NULL && engine->outer.stage == NULL;
    mele_status status = MELE_OK;

    for (size_t i = 0; i < j->count && status == MELE_OK; i++) {
        if (outermost)
            engine->outer = (mele_progress){j->stage, j->before + i, j->total, NAN};
        status = j->run(j->context, i, 0, scratch, &j->error);
        if (status == MELE_OK && j->take != NULL)
            j->take(j->context, i, 0);
        if (status == MELE_OK && j->stage != NULL)
            status = mele_i_progress(engine, j->stage, j->before + i + 1, j->total, NAN,
                                     &j->error);
    }
    if (outermost)
        engine->outer.stage = NULL;
    return status;
}

/* The helpers do one job at a time: a progress function that is told of a job cannot start another
 * on them. */
static mele_status run_on_pool(mele_engine *engine, job *j, void *scratch)
{
    j->failed = j->count;
    pthread_mutex_lock(&engine->lock);
    if (engine->job != NULL) {
        pthread_mutex_unlock(&engine->lock);
        return mele_i_fail(&j->error, MELE_EINVAL,
                           "the engine is at work: a progress function that calls needs an engine "
                           "of its own, or NULL");
    }
    engine->job = j;
    engine->serial++;
    pthread_cond_broadcast(&engine->work);
    work_on(engine, j, scratch, true);
    while (engine->busy > 0)
        pthread_cond_wait(&engine->work, &engine->lock);
    take_ready(engine, j);
    engine->job = NULL;
    pthread_cond_broadcast(&engine->work);
    pthread_mutex_unlock(&engine->lock);
    return j->failed < j->count ? j->status : MELE_OK;
}

static mele_status run_job(mele_engine *engine, job *j, bool parallel, mele_error *error)
{
    mele_status status = mele_i_engine_claim(engine, error);

    if (status != MELE_OK)
        return status;
    unsigned char *ready = MELE_I_ZEROED(unsigned char, j->window);
    void *scratch = mele_i_array(j->scratch_bytes, 1);
    status = MELE_ENOMEM;
    if (ready == NULL || scratch == NULL) {
        mele_i_no_memory(&j->error);
    } else {
        j->ready = ready;
        status = parallel ? run_on_pool(engine, j, scratch) : run_serially(engine, j, scratch);
    }
    if (status != MELE_OK && error != NULL)
        *error = j->error;
    free(scratch);
    free(ready);
    mele_i_engine_release(engine);
    return status;
}

/* ---- passes ---- */

typedef struct pass_run {
    const mele_i_pass *pass;
    unsigned char *partials; /* window x partial_bytes */
} pass_run;

static mele_status map_block(void *context, size_t index, size_t slot, void *scratch,
                             mele_error *error)
{
    pass_run *run = context;
    const mele_i_pass *pass = run->pass;
    size_t first = index * pass->block_rows, left = pass->rows - first;
    mele_i_block block = {index, first, left < pass->block_rows ? left : pass->block_rows};
    void *partial = run->partials + slot * pass->partial_bytes;

    memset(partial, 0, pass->partial_bytes);
    return pass->map(pass->context, block, partial, scratch, error);
}

static void combine_block(void *context, size_t index, size_t slot)
{
    pass_run *run = context;

    (void)index;
    run->pass->combine(run->pass->context, run->partials + slot * run->pass->partial_bytes);
}

mele_status mele_i_pass_run(mele_engine *engine, const mele_i_pass *pass, mele_error *error)
{
    size_t blocks = pass->rows / pass->block_rows + (pass->rows % pass->block_rows != 0);
    bool parallel = mele_engine_threads(engine) > 1 && blocks > 1;
    size_t window = parallel ? 2 * (size_t)mele_engine_threads(engine) : 1;
    pass_run run = {pass, NULL};
    size_t bytes;

    if (blocks == 0)
        return MELE_OK;
    if (__builtin_mul_overflow(window, pass->partial_bytes, &bytes))
        return mele_i_no_memory(error);
    run.partials = mele_i_array(bytes, 1);
    if (run.partials == NULL)
        return mele_i_no_memory(error);
    job j = {.count = blocks, .window = window, .run = map_block, .context = &run,
             .take = pass->combine == NULL ? NULL : combine_block,
             .scratch_bytes = pass->scratch_bytes};
    mele_status status = run_job(engine, &j, parallel, error);
    free(run.partials);
    return status;
}

/* ---- tasks ---- */

typedef struct tasks_run {
    const mele_i_tasks *tasks;
    mele_engine *engine; /* what one task may use */
} tasks_run;

static mele_status run_task(void *context, size_t index, size_t slot, void *scratch,
                            mele_error *error)
{
    tasks_run *run = context;

    (void)slot;
    (void)scratch;
    return run->tasks->run(run->tasks->context, index, run->engine, error);
}

static void take_task(void *context, size_t index, size_t slot)
{
    tasks_run *run = context;

    (void)slot;
    run->tasks->take(run->tasks->context, index);
}

mele_status mele_i_tasks_run(mele_engine *engine, const mele_i_tasks *tasks, mele_error *error)
{
    unsigned threads = mele_engine_threads(engine);
    bool parallel = threads > 1 && tasks->count >= threads && !tasks->in_turn;
    tasks_run run = {tasks, parallel ? NULL : engine};
    job j = {.count = tasks->count, .window = tasks->count == 0 ? 1 : tasks->count,
             .run = run_task, .take = tasks->take == NULL ? NULL : take_task, .context = &run,
             .stage = tasks->stage, .before = tasks->before,
             .total = tasks->total > 0 ? tasks->total : tasks->count};

    return run_job(engine, &j, parallel, error);
}
