#ifndef MELE_CORE_WORD_H
#define MELE_CORE_WORD_H

#include <stdint.h>
#include <string.h>

/* Eight characters, of which the first is the lowest byte. */
static inline uint64_t mele_i_word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

#endif
