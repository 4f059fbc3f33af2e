#include "core/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE 64
#define LARGE ((size_t)8 << 20)

/* count * size, rounded up to whole cache lines; 0 when that overflows. */
static size_t rounded_bytes(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX - LINE)
        return 0;
    return bytes == 0 ? LINE : (bytes + LINE - 1) / LINE * LINE;
}

void *mele_i_array(size_t count, size_t size)
{
    size_t bytes = rounded_bytes(count, size);

    return bytes == 0 ? NULL : aligned_alloc(LINE, bytes);
}

/* Only an advice: whether it is taken changes nothing else. */
static void advise_large_pages(void *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)memory;
    const uintptr_t first = (from + page - 1) / page * page, last = (from + bytes) / page * page;

    if (last > first)
        madvise((void *)first, last - first, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)bytes;
#endif
}

void *mele_i_large_array(size_t count, size_t size)
{
    void *memory = mele_i_array(count, size);

    if (memory != NULL && count * size >= LARGE)
        advise_large_pages(memory, count * size);
    return memory;
}

void *mele_i_zeroed(size_t count, size_t size)
{
    void *memory = mele_i_array(count, size);

    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

void *mele_i_grow(void *old, size_t count, size_t size)
{
    size_t bytes = rounded_bytes(count, size);

    return bytes == 0 ? NULL : realloc(old, bytes);
}

char *mele_i_string(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

void *mele_i_carve(unsigned char **cursor, size_t count, size_t size)
{
    void *taken = *cursor;

    *cursor += mele_i_carved(count, size);
    return taken;
}

size_t mele_i_carved(size_t count, size_t size)
{
    return (count * size + 63) / 64 * 64;
}
