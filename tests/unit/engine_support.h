#ifndef TESTS_UNIT_ENGINE_SUPPORT_H
#define TESTS_UNIT_ENGINE_SUPPORT_H

#include <criterion/criterion.h>

#include <mele/engine.h>

/* An engine of so many threads. */
static inline mele_engine *engine_of(unsigned threads)
{
    mele_engine_options options = mele_engine_defaults();
    mele_engine *engine = NULL;

    options.threads = threads;
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    return engine;
}

#endif
