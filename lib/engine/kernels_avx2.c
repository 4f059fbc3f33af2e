/* Four lanes: x86-64 with AVX2 and FMA. Built on every x86-64, run where the processor has it. */
#include "engine/kernels_table.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define TABLE mele_i_kernels_avx2
#define NAME "avx2"
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 4
#define SPAN 2
#define GROUP 4
#define DOWN 2

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
#define V_MAX(a, b) _mm256_max_pd((a), (b))
#define V_MIN(a, b) _mm256_min_pd((a), (b))
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

#include "engine/kernels_body.h"
#else
typedef int mele_i_no_avx2; /* ISO C wants a declaration in every file */
#endif
