/* How libFuzzer changes an archive: as bytes, after which the checksums of its members are put
 * right more often than not, so that what they hold is looked at. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz/mutate.h"

static size_t get(const uint8_t *from, size_t bytes)
{
    size_t value = 0;

    for (size_t b = 0; b < bytes; b++)
        value |= (size_t)from[b] << 8 * b;
    return value;
}

/* The checksum of the member that an entry of the directory is about. */
static void mend(uint8_t *data, size_t size, uint8_t *entry)
{
    const size_t length = get(entry + 24, 4), local = get(entry + 42, 4);

    if (local > size || size - local < 30)
        return;
    const size_t at = local + 30 + get(data + local + 26, 2) + get(data + local + 28, 2);
    if (at > size || length > size - at)
        return;
    const uint32_t crc = (uint32_t)crc32_z(0, data + at, length);
    for (size_t b = 0; b < 4; b++)
        entry[16 + b] = (uint8_t)(crc >> 8 * b);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, most);
    for (size_t i = 0; i + 46 <= size && seed % 4 != 0; i++)
        if (memcmp(data + i, "PK\1\2", 4) == 0)
            mend(data, size, data + i);
    return size;
}
