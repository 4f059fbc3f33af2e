/* Four lanes: x86-64 with AVX2 and FMA. Built on every x86-64, run where the processor has it. */
#include "engine/kernels_table.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <float.h>
#include <math.h>
#include <string.h>

#define TABLE mele_i_kernels_avx2
#define NAME "avx2"
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 4
#define SPAN 2
#define GROUP 4
#define ACROSS 2

typedef __m256d vec;

#define V_SET(a) _mm256_set1_pd(a)
#define V_LOAD(p) _mm256_loadu_pd(p)
#define V_LOAD_FIRST(p, count) _mm256_maskload_pd((p), first_lanes(count))
#define V_STORE(p, a) _mm256_storeu_pd((p), (a))
#define V_STORE_LABELS(p, a) _mm_storeu_si128((__m128i *)(p), _mm256_cvttpd_epi32(a))
#define V_ADD(a, b) _mm256_add_pd((a), (b))
#define V_SUB(a, b) _mm256_sub_pd((a), (b))
#define V_MUL(a, b) _mm256_mul_pd((a), (b))
#define V_DIV(a, b) _mm256_div_pd((a), (b))
#define V_FMA(a, b, c) _mm256_fmadd_pd((a), (b), (c))
#define V_SQRT(a) _mm256_sqrt_pd(a)
#define V_MAX(a, b) _mm256_max_pd((a), (b))
#define V_MIN(a, b) _mm256_min_pd((a), (b))
#define V_ANY_LESS(a, b) (_mm256_movemask_pd(_mm256_cmp_pd((a), (b), _CMP_LT_OQ)) != 0)
#define V_ALL_LESS(a, b) (_mm256_movemask_pd(_mm256_cmp_pd((a), (b), _CMP_LT_OQ)) == 15)
#define V_IF_LESS(a, b, then, otherwise)                                                           \
    _mm256_blendv_pd((otherwise), (then), _mm256_cmp_pd((a), (b), _CMP_LT_OQ))

TARGET static inline __m256i first_lanes(size_t count)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)count), _mm256_setr_epi64x(0, 1, 2, 3));
}

TARGET static inline void transpose(vec v[LANES])
{
    __m256d a = _mm256_unpacklo_pd(v[0], v[1]), b = _mm256_unpackhi_pd(v[0], v[1]);
    __m256d c = _mm256_unpacklo_pd(v[2], v[3]), d = _mm256_unpackhi_pd(v[2], v[3]);

    v[0] = _mm256_permute2f128_pd(a, c, 0x20);
    v[1] = _mm256_permute2f128_pd(b, d, 0x20);
    v[2] = _mm256_permute2f128_pd(a, c, 0x31);
    v[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

/* Two vectors of a0 b0 a1 b1 ... as one of a, one of b. */
TARGET static inline void split_pairs(vec low, vec high, vec *even, vec *odd)
{
    const __m256d a = _mm256_permute2f128_pd(low, high, 0x20);
    const __m256d b = _mm256_permute2f128_pd(low, high, 0x31);

    *even = _mm256_unpacklo_pd(a, b);
    *odd = _mm256_unpackhi_pd(a, b);
}

/* 2^n for the whole number n that was added to 1.5 2^52 to give t. */
TARGET static inline vec power_of_two(vec t)
{
    __m256i bits = _mm256_slli_epi64(_mm256_castpd_si256(t), 52);

    return _mm256_castsi256_pd(_mm256_add_epi64(bits, _mm256_set1_epi64x(1023LL << 52)));
}

/* a = m 2^e with m in [1, 2), for positive normal a. */
TARGET static inline vec mantissa(vec a, vec *exponent)
{
    const __m256i two52 = _mm256_castpd_si256(_mm256_set1_pd(0x1p52));
    __m256i bits = _mm256_castpd_si256(a);
    __m256d biased = _mm256_castsi256_pd(_mm256_or_si256(_mm256_srli_epi64(bits, 52), two52));

    *exponent = _mm256_sub_pd(biased, _mm256_set1_pd(0x1p52 + 1023));
    bits = _mm256_and_si256(bits, _mm256_set1_epi64x((1LL << 52) - 1));
    return _mm256_castsi256_pd(_mm256_or_si256(bits, _mm256_set1_epi64x(1023LL << 52)));
}

/* ---- single precision: eight lanes ---- */

#define FLANES 8

typedef __m256 fvec;
typedef __m256i ftag;

#define F_SET(a) _mm256_set1_ps(a)
#define F_LOAD(p) _mm256_loadu_ps(p)
#define F_STORE(p, a) _mm256_storeu_ps((p), (a))
#define F_ADD(a, b) _mm256_add_ps((a), (b))
#define F_SUB(a, b) _mm256_sub_ps((a), (b))
#define F_MUL(a, b) _mm256_mul_ps((a), (b))
#define F_FMA(a, b, c) _mm256_fmadd_ps((a), (b), (c))
#define F_MIN(a, b) _mm256_min_ps((a), (b))
#define F_MAX(a, b) _mm256_max_ps((a), (b))
#define F_SQRT(a) _mm256_sqrt_ps(a)
#define F_IF_LESS(a, b, then, otherwise)                                                           \
    _mm256_blendv_ps((otherwise), (then), _mm256_cmp_ps((a), (b), _CMP_LT_OQ))
#define F_LESS(a, b) (uint32_t) _mm256_movemask_ps(_mm256_cmp_ps((a), (b), _CMP_LT_OQ))
#define F_BYTES(p)                                                                                 \
    _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p))))
#define F_LOOKUP(table, index)                                                                     \
    _mm256_i32gather_ps((table), _mm256_loadu_si256((const __m256i *)(index)), 4)
#define F_LOOKUP_FEW(table, index) F_LOOKUP((table), (index))
/* a number whose lowest four bits are an index, and that index */
#define F_TAG_SET(k) _mm256_set1_epi32((int)(k))
#define F_TAG_LANES(first)                                                                         \
    _mm256_add_epi32(F_TAG_SET(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define F_TAG(a, tag)                                                                              \
    _mm256_castsi256_ps(                                                                           \
        _mm256_or_si256(_mm256_andnot_si256(_mm256_set1_epi32(15), _mm256_castps_si256(a)), (tag)))
#define F_STORE_TAGS(p, a)                                                                         \
    _mm256_storeu_si256((__m256i *)(p),                                                            \
                        _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(15)))

TARGET static inline __m256 to_floats(const vec v[2])
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(v[0])),
                                _mm256_cvtpd_ps(v[1]), 1);
}

/* A step of two_least(): *a and *b, whose lanes hold the two least so far of different rows and
 * lanes, become one with half as many lanes a row. */
#define LEAST_STEP(FIRST, SECOND, a, b)                                                            \
    do {                                                                                           \
        const __m256 l0 = FIRST(least[a], least[b]), l1 = SECOND(least[a], least[b]);              \
        const __m256 n0 = FIRST(next[a], next[b]), n1 = SECOND(next[a], next[b]);                  \
        next[(a) / 2] = _mm256_min_ps(_mm256_max_ps(l0, l1), _mm256_min_ps(n0, n1));               \
        least[(a) / 2] = _mm256_min_ps(l0, l1);                                                    \
    } while (0)
#define PAIRS_LOW(a, b)                                                                            \
    _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)))
#define PAIRS_HIGH(a, b)                                                                           \
    _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)))
#define HALVES_LOW(a, b) _mm256_permute2f128_ps((a), (b), 0x20)
#define HALVES_HIGH(a, b) _mm256_permute2f128_ps((a), (b), 0x31)

__attribute__((always_inline)) TARGET static inline void two_least(const fvec v[8], fvec *best, fvec *second)
{
    __m256 least[4], next[4];

#pragma GCC unroll 4
    for (size_t a = 0; a < 4; a++) {
        const __m256 low = _mm256_unpacklo_ps(v[2 * a], v[2 * a + 1]);
        const __m256 high = _mm256_unpackhi_ps(v[2 * a], v[2 * a + 1]);
        least[a] = _mm256_min_ps(low, high);
        next[a] = _mm256_max_ps(low, high);
    }
#pragma GCC unroll 2
    for (size_t a = 0; a < 4; a += 2)
        LEAST_STEP(PAIRS_LOW, PAIRS_HIGH, a, a + 1);
    LEAST_STEP(HALVES_LOW, HALVES_HIGH, 0, 1);
    *best = least[0];
    *second = next[0];
}

__attribute__((always_inline)) TARGET static inline fvec lane_sums(const fvec v[8])
{
    __m256 sum[4];

#pragma GCC unroll 4
    for (size_t a = 0; a < 4; a++)
        sum[a] = _mm256_add_ps(_mm256_unpacklo_ps(v[2 * a], v[2 * a + 1]),
                               _mm256_unpackhi_ps(v[2 * a], v[2 * a + 1]));
#pragma GCC unroll 2
    for (size_t a = 0; a < 2; a++)
        sum[a] = _mm256_add_ps(PAIRS_LOW(sum[2 * a], sum[2 * a + 1]),
                               PAIRS_HIGH(sum[2 * a], sum[2 * a + 1]));
    return _mm256_add_ps(HALVES_LOW(sum[0], sum[1]), HALVES_HIGH(sum[0], sum[1]));
}

TARGET static inline size_t list_unless(fvec a, fvec b, size_t first, uint32_t *list)
{
    unsigned lanes = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_NLT_UQ));
    size_t listed = 0;

    for (; lanes != 0; lanes &= lanes - 1)
        list[listed++] = (uint32_t)first + (uint32_t)__builtin_ctz(lanes);
    return listed;
}

#include "engine/kernels_body.h"
#else
typedef int mele_i_no_avx2; /* ISO C wants a declaration in every file */
#endif
