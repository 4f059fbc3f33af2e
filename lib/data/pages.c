#include "data/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEAST ((size_t)8 << 20)

void mele_i_pages_for(void *array, size_t count, size_t size)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)array;
    const uintptr_t first = (from + page - 1) / page * page, end = from + count * size;

    if (array != NULL && count * size >= LEAST)
        madvise((void *)first, (end - first) / page * page, MADV_HUGEPAGE);
#else
    (void)array;
    (void)count;
    (void)size;
#endif
}
