#ifndef MELE_ENGINE_H
#define MELE_ENGINE_H

#include <stdbool.h>

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How far a long call has come. */
typedef struct mele_progress {
    const char *stage;  /**< "read", "partition", "experts", "gate", "cv", ... */
    size_t done, total; /**< steps done and steps at most; total 0: not known */
    double value;       /**< the stage's objective now; NaN: it has none */
} mele_progress;

/** Told of progress, always from the thread that made the call. Return false to stop: the call
 *  then ends with MELE_ESTOPPED and leaves its results untouched (arrays that it fills row by row
 *  are then in no particular state). The strings are valid during the call only. */
typedef bool mele_progress_fn(const mele_progress *progress, void *user);

/** The threads that a call may use, and whom it tells of progress. One engine serves one call at
 *  a time: a call that gets an engine which is at work for another thread ends with MELE_EINVAL, and
 *  the one under way goes on. Callers that work at once have an engine each, or pass NULL: the
 *  calling thread alone, no progress; so does a progress function that makes calls. Results never
 *  depend on the engine. Every call of the library needs 256 KiB of stack in the thread that makes
 *  it; the engine's own threads have at least 1 MiB. */
typedef struct mele_engine mele_engine;

typedef struct mele_engine_options {
    unsigned threads;           /**< the calling thread included; 0 (default): one per processor */
    mele_progress_fn *progress; /**< default NULL */
    void *user;                 /**< handed to progress */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_engine_options;

MELE_API mele_engine_options mele_engine_defaults(void);

/** Start an engine.
 * @param options  NULL: mele_engine_defaults().
 * @param out      freed with mele_engine_free(); untouched on error.
 * @return MELE_OK, also when the system grants fewer threads than asked; MELE_EINVAL: more than
 *         1024 threads; MELE_ENOMEM. */
MELE_API mele_status mele_engine_new(const mele_engine_options *options, mele_engine **out,
                                     mele_error *error);

/** End its threads, when no call has it; NULL is nothing. */
MELE_API void mele_engine_free(mele_engine *engine);

/** The threads it has, the calling one included; 1 for NULL. */
MELE_API unsigned mele_engine_threads(const mele_engine *engine);

#ifdef __cplusplus
}
#endif

#endif
