/* The twin that every machine runs: one lane, fma() of the C library. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/kernels_table.h"

#define TABLE mele_i_kernels_plain
#define NAME "plain"
#define TARGET
#define LANES 1
#define SPAN 4
#define GROUP 4
#define ACROSS 4

typedef double vec;

#define V_SET(a) (a)
#define V_LOAD(p) (*(p))
#define V_LOAD_FIRST(p, count) ((void)(count), *(p))
#define V_STORE(p, a) (*(p) = (a))
#define V_STORE_LABELS(p, a) (*(p) = (uint32_t)(a))
#define V_ADD(a, b) ((a) + (b))
#define V_SUB(a, b) ((a) - (b))
#define V_MUL(a, b) ((a) * (b))
#define V_DIV(a, b) ((a) / (b))
#define V_FMA(a, b, c) fma((a), (b), (c))
#define V_SQRT(a) sqrt(a)
#define V_MAX(a, b) ((a) > (b) ? (a) : (b))
#define V_MIN(a, b) ((a) < (b) ? (a) : (b))
#define V_ANY_LESS(a, b) ((a) < (b))
#define V_ALL_LESS(a, b) ((a) < (b))
#define V_IF_LESS(a, b, then, otherwise) ((a) < (b) ? (then) : (otherwise))

static inline void transpose(vec v[LANES])
{
    (void)v;
}

/* Two vectors of a0 b0 a1 b1 ... as one of a, one of b. */
static inline void split_pairs(vec low, vec high, vec *even, vec *odd)
{
    *even = low;
    *odd = high;
}

/* 2^n for the whole number n that was added to 1.5 2^52 to give t. */
static inline vec power_of_two(vec t)
{
    uint64_t bits;

    memcpy(&bits, &t, sizeof bits);
    bits = (bits << 52) + (UINT64_C(1023) << 52);
    memcpy(&t, &bits, sizeof t);
    return t;
}

/* a = m 2^e with m in [1, 2), for positive normal a. */
static inline vec mantissa(vec a, vec *exponent)
{
    uint64_t bits;

    memcpy(&bits, &a, sizeof bits);
    *exponent = (double)(bits >> 52) - 1023;
    bits = (bits & ((UINT64_C(1) << 52) - 1)) | (UINT64_C(1023) << 52);
    memcpy(&a, &bits, sizeof a);
    return a;
}

/* ---- single precision ---- */

#define FLANES 1

typedef float fvec;
typedef uint32_t ftag;

#define F_SET(a) (a)
#define F_LOAD(p) (*(p))
#define F_STORE(p, a) (*(p) = (a))
#define F_ADD(a, b) ((a) + (b))
#define F_SUB(a, b) ((a) - (b))
#define F_MUL(a, b) ((a) * (b))
#define F_FMA(a, b, c) fmaf((a), (b), (c))
#define F_MIN(a, b) ((a) < (b) ? (a) : (b))
#define F_MAX(a, b) ((a) > (b) ? (a) : (b))
#define F_SQRT(a) sqrtf(a)
#define F_IF_LESS(a, b, then, otherwise) ((a) < (b) ? (then) : (otherwise))
#define F_LESS(a, b) (uint32_t)((a) < (b))
#define F_BYTES(p) ((float)*(p))
#define F_LOOKUP(table, index) ((table)[*(index)])
#define F_LOOKUP_FEW(table, index) F_LOOKUP((table), (index))
/* a number whose lowest four bits are an index, and that index */
#define F_TAG_SET(k) ((uint32_t)(k))
#define F_TAG_LANES(first) ((uint32_t)(first))
#define F_TAG(a, tag) with_tag((a), (tag))
#define F_STORE_TAGS(p, a) (*(p) = tag_of(a))

static inline uint32_t tag_of(float a)
{
    uint32_t bits;

    memcpy(&bits, &a, sizeof bits);
    return bits & 15;
}

static inline float with_tag(float a, uint32_t tag)
{
    uint32_t bits;

    memcpy(&bits, &a, sizeof bits);
    bits = (bits & ~UINT32_C(15)) | tag;
    memcpy(&a, &bits, sizeof a);
    return a;
}

static inline float to_floats(const vec v[1])
{
    return (float)v[0];
}

static inline void two_least(const fvec v[1], fvec *best, fvec *second)
{
    *best = v[0];
    *second = INFINITY;
}

static inline fvec lane_sums(const fvec v[1])
{
    return v[0];
}

static inline size_t list_unless(fvec a, fvec b, size_t first, uint32_t *list)
{
    *list = (uint32_t)first;
    return !(a < b);
}

#include "engine/kernels_body.h"
