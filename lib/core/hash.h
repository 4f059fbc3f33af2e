#ifndef MELE_CORE_HASH_H
#define MELE_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Hashes of 64 bits that tell numbers, rows and texts from others. Numbers x_1, x_2, .. become one
 * by multiplication and exclusive or, h <- (h ^ x_j) a, h <- h ^ (h >> 32), and the last steps of
 * MurmurHash3 (Appleby 2011), so that every bit of a number reaches every bit of the hash. Two that
 * differ have one hash with probability 2^-64; nothing here withstands somebody who wants that. */

#define MELE_I_HASH_START UINT64_C(1)

static inline uint64_t mele_i_hash_bits(uint64_t hash, uint64_t bits)
{
    hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static inline uint64_t mele_i_hash_number(uint64_t hash, double number)
{
    uint64_t bits;

    number += 0.0; /* -0 is 0 */
    memcpy(&bits, &number, sizeof bits);
    return mele_i_hash_bits(hash, bits);
}

static inline uint64_t mele_i_hash_text(uint64_t hash, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = mele_i_hash_bits(hash, (unsigned char)text[i]);
    return mele_i_hash_bits(hash, length);
}

static inline uint64_t mele_i_hash_finish(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

#endif
