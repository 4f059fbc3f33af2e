#ifndef MELE_ENGINE_PASS_H
#define MELE_ENGINE_PASS_H

#include <mele/engine.h>

/* The two ways to run in parallel; a stage uses these and never starts a thread itself.
 *
 * A pass cuts rows into blocks whose size the caller derives from the problem alone. Every block
 * is mapped to a partial result by some thread; partials are combined strictly in block order,
 * through a window of a few slots, so that the sums are the same bytes for any engine. Results
 * that belong to rows are written by the map itself, to rows of its own block.
 *
 * Tasks are independent jobs. With at least as many as threads each runs on one thread and its
 * passes are serial; with fewer they run one after the other, each with the whole engine. Either
 * way take() sees them in index order.
 *
 * The first failure ends the run: the status and message are those of the lowest index that
 * failed. After a failure partials and rows are in no particular state. */

typedef struct mele_i_block {
    size_t index, first, count; /* rows first .. first + count - 1 */
} mele_i_block;

typedef struct mele_i_pass {
    size_t rows, block_rows; /* block_rows >= 1 */
    size_t partial_bytes;    /* cleared to zero bytes before each map; 0: nothing to combine */
    size_t scratch_bytes;    /* working memory of one thread, not cleared */
    mele_status (*map)(void *context, mele_i_block block, void *partial, void *scratch,
                       mele_error *error);
    void (*combine)(void *context, const void *partial); /* NULL with partial_bytes 0 */
    void *context;
} mele_i_pass;

mele_status mele_i_pass_run(mele_engine *engine, const mele_i_pass *pass, mele_error *error);

typedef struct mele_i_tasks {
    size_t count;
    mele_status (*run)(void *context, size_t index, mele_engine *engine, mele_error *error);
    void (*take)(void *context, size_t index); /* NULL: nothing to take */
    void *context;
    const char *stage; /* of the progress messages, one a task; NULL: none. What is told within a
                          task under another name is told as the progress of this stage */
    size_t before, total; /* of the stage's steps: those done before, and all; 0: count */
    bool in_turn;         /* one task after the other, each with the whole engine */
} mele_i_tasks;

mele_status mele_i_tasks_run(mele_engine *engine, const mele_i_tasks *tasks, mele_error *error);

/* Claim the engine for the thread that calls, until it is released as often; NULL is nobody's.
 * MELE_EINVAL: another thread has it. Passes, tasks and progress do so themselves; a call that is
 * made of several claims it for all of them. */
mele_status mele_i_engine_claim(mele_engine *engine, mele_error *error);
void mele_i_engine_release(mele_engine *engine);

/* Rows in a block: about `work` elementary operations, `row_work` of them a row, and never
 * fewer than `least` rows. */
size_t mele_i_block_rows(size_t row_work, size_t work, size_t least);

/* Tell the engine's progress function; MELE_ESTOPPED (with its message) when it says stop. */
mele_status mele_i_progress(mele_engine *engine, const char *stage, size_t done, size_t total,
                            double value, mele_error *error);

#endif
