/* Eight lanes: x86-64 with AVX-512 F and DQ. Built on every x86-64, run where the processor has
 * it. */
#include "engine/kernels_table.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <float.h>
#include <math.h>
#include <string.h>

#define TABLE mele_i_kernels_avx512
#define NAME "avx512"
#define TARGET __attribute__((target("avx512f,avx512dq,avx2,fma")))
#define LANES 8
#define SPAN 4
#define GROUP 4
#define ACROSS 4

typedef __m512d vec;

#define V_SET(a) _mm512_set1_pd(a)
#define V_LOAD(p) _mm512_loadu_pd(p)
#define V_LOAD_FIRST(p, count) _mm512_maskz_loadu_pd((__mmask8)((1u << (count)) - 1), (p))
#define V_STORE(p, a) _mm512_storeu_pd((p), (a))
#define V_STORE_LABELS(p, a) _mm256_storeu_si256((__m256i *)(p), _mm512_cvttpd_epi32(a))
#define V_ADD(a, b) _mm512_add_pd((a), (b))
#define V_SUB(a, b) _mm512_sub_pd((a), (b))
#define V_MUL(a, b) _mm512_mul_pd((a), (b))
#define V_DIV(a, b) _mm512_div_pd((a), (b))
#define V_FMA(a, b, c) _mm512_fmadd_pd((a), (b), (c))
#define V_SQRT(a) _mm512_sqrt_pd(a)
#define V_MAX(a, b) _mm512_max_pd((a), (b))
#define V_MIN(a, b) _mm512_min_pd((a), (b))
#define V_ANY_LESS(a, b) (_mm512_cmp_pd_mask((a), (b), _CMP_LT_OQ) != 0)
#define V_ALL_LESS(a, b) (_mm512_cmp_pd_mask((a), (b), _CMP_LT_OQ) == 255)
#define V_IF_LESS(a, b, then, otherwise)                                                           \
    _mm512_mask_blend_pd(_mm512_cmp_pd_mask((a), (b), _CMP_LT_OQ), (otherwise), (then))

TARGET static inline void transpose(vec v[LANES])
{
    __m512d a0 = _mm512_unpacklo_pd(v[0], v[1]), a1 = _mm512_unpackhi_pd(v[0], v[1]);
    __m512d a2 = _mm512_unpacklo_pd(v[2], v[3]), a3 = _mm512_unpackhi_pd(v[2], v[3]);
    __m512d a4 = _mm512_unpacklo_pd(v[4], v[5]), a5 = _mm512_unpackhi_pd(v[4], v[5]);
    __m512d a6 = _mm512_unpacklo_pd(v[6], v[7]), a7 = _mm512_unpackhi_pd(v[6], v[7]);
    /* pairs of columns (0 4), (2 6) in rows 0-3 and 4-7, then of the odd columns */
    __m512d b0 = _mm512_shuffle_f64x2(a0, a2, 0x88), b1 = _mm512_shuffle_f64x2(a0, a2, 0xdd);
    __m512d b2 = _mm512_shuffle_f64x2(a4, a6, 0x88), b3 = _mm512_shuffle_f64x2(a4, a6, 0xdd);
    __m512d b4 = _mm512_shuffle_f64x2(a1, a3, 0x88), b5 = _mm512_shuffle_f64x2(a1, a3, 0xdd);
    __m512d b6 = _mm512_shuffle_f64x2(a5, a7, 0x88), b7 = _mm512_shuffle_f64x2(a5, a7, 0xdd);

    v[0] = _mm512_shuffle_f64x2(b0, b2, 0x88);
    v[1] = _mm512_shuffle_f64x2(b4, b6, 0x88);
    v[2] = _mm512_shuffle_f64x2(b1, b3, 0x88);
    v[3] = _mm512_shuffle_f64x2(b5, b7, 0x88);
    v[4] = _mm512_shuffle_f64x2(b0, b2, 0xdd);
    v[5] = _mm512_shuffle_f64x2(b4, b6, 0xdd);
    v[6] = _mm512_shuffle_f64x2(b1, b3, 0xdd);
    v[7] = _mm512_shuffle_f64x2(b5, b7, 0xdd);
}

/* Two vectors of a0 b0 a1 b1 ... as one of a, one of b. */
TARGET static inline void split_pairs(vec low, vec high, vec *even, vec *odd)
{
    const __m512i evens = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);

    *even = _mm512_permutex2var_pd(low, evens, high);
    *odd = _mm512_permutex2var_pd(low, _mm512_add_epi64(evens, _mm512_set1_epi64(1)), high);
}

/* 2^n for the whole number n that was added to 1.5 2^52 to give t. */
TARGET static inline vec power_of_two(vec t)
{
    __m512i bits = _mm512_slli_epi64(_mm512_castpd_si512(t), 52);

    return _mm512_castsi512_pd(_mm512_add_epi64(bits, _mm512_set1_epi64(1023LL << 52)));
}

/* a = m 2^e with m in [1, 2), for positive normal a. */
TARGET static inline vec mantissa(vec a, vec *exponent)
{
    __m512i bits = _mm512_castpd_si512(a);

    *exponent =
        _mm512_sub_pd(_mm512_cvtepi64_pd(_mm512_srli_epi64(bits, 52)), _mm512_set1_pd(1023));
    bits = _mm512_and_si512(bits, _mm512_set1_epi64((1LL << 52) - 1));
    return _mm512_castsi512_pd(_mm512_or_si512(bits, _mm512_set1_epi64(1023LL << 52)));
}

/* ---- single precision: sixteen lanes ---- */

#define FLANES 16

typedef __m512 fvec;
typedef __m512i ftag;

#define F_SET(a) _mm512_set1_ps(a)
#define F_LOAD(p) _mm512_loadu_ps(p)
#define F_STORE(p, a) _mm512_storeu_ps((p), (a))
#define F_ADD(a, b) _mm512_add_ps((a), (b))
#define F_SUB(a, b) _mm512_sub_ps((a), (b))
#define F_MUL(a, b) _mm512_mul_ps((a), (b))
#define F_FMA(a, b, c) _mm512_fmadd_ps((a), (b), (c))
#define F_MIN(a, b) _mm512_min_ps((a), (b))
#define F_MAX(a, b) _mm512_max_ps((a), (b))
#define F_SQRT(a) _mm512_sqrt_ps(a)
#define F_IF_LESS(a, b, then, otherwise)                                                           \
    _mm512_mask_blend_ps(_mm512_cmp_ps_mask((a), (b), _CMP_LT_OQ), (otherwise), (then))
#define F_LESS(a, b) (uint32_t) _mm512_cmp_ps_mask((a), (b), _CMP_LT_OQ)
#define F_BYTES(p)                                                                                 \
    _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(p))))
#define F_LOOKUP(table, index) _mm512_i32gather_ps(_mm512_loadu_si512(index), (table), 4)
/* from a table of sixteen */
#define F_LOOKUP_FEW(table, index)                                                                 \
    _mm512_permutexvar_ps(_mm512_loadu_si512(index), _mm512_loadu_ps(table))
/* a number whose lowest four bits are an index, and that index */
#define F_TAG_SET(k) _mm512_set1_epi32((int)(k))
#define F_TAG_LANES(first)                                                                         \
    _mm512_add_epi32(F_TAG_SET(first),                                                             \
                     _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#define F_TAG(a, tag)                                                                              \
    _mm512_castsi512_ps(                                                                           \
        _mm512_ternarylogic_epi32(_mm512_castps_si512(a), (tag), _mm512_set1_epi32(15), 0xdc))
#define F_STORE_TAGS(p, a)                                                                         \
    _mm512_storeu_si512((p), _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(15)))

TARGET static inline __m512 to_floats(const vec v[2])
{
    const __m512d low = _mm512_castpd256_pd512(_mm256_castps_pd(_mm512_cvtpd_ps(v[0])));

    return _mm512_castpd_ps(_mm512_insertf64x4(low, _mm256_castps_pd(_mm512_cvtpd_ps(v[1])), 1));
}

/* A step of two_least(): *a and *b, whose lanes hold the two least so far of different rows and
 * lanes, become one with half as many lanes a row. */
#define LEAST_STEP(FIRST, SECOND, a, b)                                                            \
    do {                                                                                           \
        const __m512 l0 = FIRST(least[a], least[b]), l1 = SECOND(least[a], least[b]);              \
        const __m512 n0 = FIRST(next[a], next[b]), n1 = SECOND(next[a], next[b]);                  \
        next[(a) / 2] = _mm512_min_ps(_mm512_max_ps(l0, l1), _mm512_min_ps(n0, n1));               \
        least[(a) / 2] = _mm512_min_ps(l0, l1);                                                    \
    } while (0)
#define PAIRS_LOW(a, b)                                                                            \
    _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)))
#define PAIRS_HIGH(a, b)                                                                           \
    _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)))
#define QUARTERS_EVEN(a, b) _mm512_shuffle_f32x4((a), (b), 0x88)
#define QUARTERS_ODD(a, b) _mm512_shuffle_f32x4((a), (b), 0xdd)

__attribute__((always_inline)) TARGET static inline void two_least(const fvec v[16], fvec *best, fvec *second)
{
    __m512 least[8], next[8];

#pragma GCC unroll 8
    for (size_t a = 0; a < 8; a++) {
        const __m512 low = _mm512_unpacklo_ps(v[2 * a], v[2 * a + 1]);
        const __m512 high = _mm512_unpackhi_ps(v[2 * a], v[2 * a + 1]);
        least[a] = _mm512_min_ps(low, high);
        next[a] = _mm512_max_ps(low, high);
    }
#pragma GCC unroll 4
    for (size_t a = 0; a < 8; a += 2)
        LEAST_STEP(PAIRS_LOW, PAIRS_HIGH, a, a + 1);
#pragma GCC unroll 2
    for (size_t a = 0; a < 4; a += 2)
        LEAST_STEP(QUARTERS_EVEN, QUARTERS_ODD, a, a + 1);
    LEAST_STEP(QUARTERS_EVEN, QUARTERS_ODD, 0, 1);
    *best = least[0];
    *second = next[0];
}

__attribute__((always_inline)) TARGET static inline fvec lane_sums(const fvec v[16])
{
    __m512 sum[8];

#pragma GCC unroll 8
    for (size_t a = 0; a < 8; a++)
        sum[a] = _mm512_add_ps(_mm512_unpacklo_ps(v[2 * a], v[2 * a + 1]),
                               _mm512_unpackhi_ps(v[2 * a], v[2 * a + 1]));
#pragma GCC unroll 4
    for (size_t a = 0; a < 4; a++)
        sum[a] = _mm512_add_ps(PAIRS_LOW(sum[2 * a], sum[2 * a + 1]),
                               PAIRS_HIGH(sum[2 * a], sum[2 * a + 1]));
#pragma GCC unroll 2
    for (size_t a = 0; a < 2; a++)
        sum[a] = _mm512_add_ps(QUARTERS_EVEN(sum[2 * a], sum[2 * a + 1]),
                               QUARTERS_ODD(sum[2 * a], sum[2 * a + 1]));
    return _mm512_add_ps(QUARTERS_EVEN(sum[0], sum[1]), QUARTERS_ODD(sum[0], sum[1]));
}

TARGET static inline size_t list_unless(fvec a, fvec b, size_t first, uint32_t *list)
{
    const __mmask16 lanes = _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ);

    if (lanes == 0)
        return 0;
    _mm512_storeu_si512(list, _mm512_maskz_compress_epi32(lanes, F_TAG_LANES(first)));
    return (size_t)__builtin_popcount(lanes);
}

#include "engine/kernels_body.h"
#else
typedef int mele_i_no_avx512; /* ISO C wants a declaration in every file */
#endif
