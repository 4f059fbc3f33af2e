#include "core/stream.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

mele_i_stream mele_i_stream_make(uint64_t seed, mele_i_purpose purpose, uint64_t fold,
                                 uint64_t index)
{
    const uint64_t key[4] = {seed, (uint64_t)purpose, fold, index};
    uint64_t mixed = 0;
    mele_i_stream stream;

    for (int i = 0; i < 4; i++) {
        mixed ^= key[i];
        mixed = splitmix(&mixed);
    }
    for (int i = 0; i < 4; i++)
        stream.state[i] = splitmix(&mixed);
    return stream;
}

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

uint64_t mele_i_stream_bits(mele_i_stream *stream)
{
    uint64_t *s = stream->state, result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double mele_i_stream_uniform(mele_i_stream *stream)
{
    return (double)(mele_i_stream_bits(stream) >> 11) * 0x1p-53;
}

/* Lemire 2019: multiply, and reject the few values that would favour some results. */
size_t mele_i_stream_below(mele_i_stream *stream, size_t bound)
{
    uint64_t range = bound;
    unsigned __int128 product = (unsigned __int128)mele_i_stream_bits(stream) * range;

    if ((uint64_t)product < range) {
        uint64_t reject = -range % range;
        while ((uint64_t)product < reject)
            product = (unsigned __int128)mele_i_stream_bits(stream) * range;
    }
    return (size_t)(product >> 64);
}

double mele_i_stream_normal(mele_i_stream *stream)
{
    double u, v, s;

    do {
        u = 2 * mele_i_stream_uniform(stream) - 1;
        v = 2 * mele_i_stream_uniform(stream) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return u * sqrt(-2 * log(s) / s);
}

void mele_i_stream_shuffle(mele_i_stream *stream, size_t *order, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = mele_i_stream_below(stream, i), swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}
