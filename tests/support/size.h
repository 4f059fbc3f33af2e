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

/* Whether what runs on one thread alone is passed over: it shows ThreadSanitizer nothing. */
#if defined __SANITIZE_THREAD__
#define TEST_THREADS_ALONE true
#else
#define TEST_THREADS_ALONE false
#endif

#endif
