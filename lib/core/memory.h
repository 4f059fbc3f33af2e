#ifndef MELE_CORE_MEMORY_H
#define MELE_CORE_MEMORY_H

#include <stddef.h>

/* All of mele's memory comes from here: sizes are checked for overflow, a size of 0 gives a
 * pointer that may be freed, failure gives NULL. Free with free(). */

/* Room for count things of size bytes, aligned to a cache line (64); not cleared. */
void *mele_i_array(size_t count, size_t size);

/* The same for what will be written throughout: from some MB on in large pages, where the system
 * has them, since handing out small ones costs it more time than a copy of the data. */
void *mele_i_large_array(size_t count, size_t size);

/* The same as mele_i_array(), cleared. */
void *mele_i_zeroed(size_t count, size_t size);

/* Grow or shrink what mele_i_grow() or NULL gave, keeping its content; the old memory stays
 * valid on failure. Large blocks move without a copy where the system can; not aligned. */
void *mele_i_grow(void *old, size_t count, size_t size);

/* The next `count` things of a scratch area, which the cursor walks through; 64-byte aligned. */
void *mele_i_carve(unsigned char **cursor, size_t count, size_t size);

/* The bytes that carving takes. */
size_t mele_i_carved(size_t count, size_t size);

/* A copy of a string; NULL gives NULL and is not a failure of memory. */
char *mele_i_string(const char *text);

#define MELE_I_NEW(type) ((type *)mele_i_zeroed(1, sizeof(type)))
#define MELE_I_ARRAY(type, count) ((type *)mele_i_array((count), sizeof(type)))
#define MELE_I_ZEROED(type, count) ((type *)mele_i_zeroed((count), sizeof(type)))

#endif
