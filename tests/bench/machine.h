#ifndef TESTS_BENCH_MACHINE_H
#define TESTS_BENCH_MACHINE_H

#include <mele/engine.h>
#include <stddef.h>

/* What all benchmarks use: a clock, room, and what the machine can do at best, measured in the
 * same run, since absolute times mean little on a shared machine. */

/* Seconds on a clock that only goes forward. */
double bench_now(void);

/* Room for count numbers, cleared; ends the program when there is none. */
double *bench_room(size_t count);

/* End the program with the message of a failure. */
void bench_check(mele_status status, const mele_error *error);

/* An engine of so many threads; 0: one a processor. */
mele_engine *bench_engine(unsigned threads);

/* Multiply-adds a second of dgemm on all its threads, the best of a few. */
double bench_dgemm(void);

/* Bytes a second at which the engine's threads read memory, the best of a few. */
double bench_bandwidth(mele_engine *engine);

#endif
