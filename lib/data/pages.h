#ifndef MELE_DATA_PAGES_H
#define MELE_DATA_PAGES_H

#include <stddef.h>

/* Tell the system that all of a new array will be written, so that it may give it in large pages:
 * at the size of data sets, most of the time of a copy is the system's for small ones. Changes
 * nothing else; NULL is nothing. */
void mele_i_pages_for(void *array, size_t count, size_t size);

#endif
