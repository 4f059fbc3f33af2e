/* The twin that every machine runs: one lane, fma() of the C library. */
#include <math.h>
#include <string.h>

#include "engine/kernels_table.h"

#define TABLE mele_i_kernels_plain
#define NAME "plain"
#define TARGET
#define LANES 1
#define SPAN 4
#define GROUP 4
#define DOWN 2

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
#define V_MAX(a, b) ((a) > (b) ? (a) : (b))
#define V_MIN(a, b) ((a) < (b) ? (a) : (b))
#define V_IF_LESS(a, b, then, otherwise) ((a) < (b) ? (then) : (otherwise))

static inline void transpose(vec v[LANES])
{
    (void)v;
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

#include "engine/kernels_body.h"
