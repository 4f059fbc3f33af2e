#ifndef TESTS_FAILING_MALLOC_H
#define TESTS_FAILING_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Memory that runs out when told to. Link the program with failing_malloc.c and with
 *     -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=strdup
 * which sends the calls of the statically linked code here; shared libraries keep their own.
 *
 *     for (size_t n = 0;; n++) {
 *         failing_malloc_at(n);
 *         status = what_is_tested();
 *         if (!failing_malloc_end())
 *             break;                      // fewer than n + 1 allocations: all have been tried
 *         // status must be MELE_ENOMEM, results untouched
 *     }
 */

/* From now on the n-th allocation of any thread (0: the next) fails, and only that one. */
void failing_malloc_at(size_t n);

/* Back to normal; whether an allocation failed since. */
bool failing_malloc_end(void);

#endif
