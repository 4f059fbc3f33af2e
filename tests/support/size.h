#ifndef MELE_TESTS_SIZE_H
#define MELE_TESTS_SIZE_H

/* TEST_SIZE(thorough, ordinary, instrumented): how much a test does of what costs time and shows
 * little: `thorough` in `make check-long`, `ordinary` in `make check`, `instrumented` under
 * sanitizers, which look for what no number of repetitions shows better. */
#if defined TEST_THOROUGH
#define TEST_SIZE(thorough, ordinary, instrumented) (thorough)
#elif defined TEST_INSTRUMENTED
#define TEST_SIZE(thorough, ordinary, instrumented) (instrumented)
#else
#define TEST_SIZE(thorough, ordinary, instrumented) (ordinary)
#endif

#endif
