/* Eight lanes: x86-64 with AVX-512 F and DQ. Built on every x86-64, run where the processor has
 * it. */
#include "engine/kernels_table.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define TABLE mele_i_kernels_avx512
#define NAME "avx512"
#define TARGET __attribute__((target("avx512f,avx512dq,avx2,fma")))
#define LANES 8
#define SPAN 4
#define GROUP 4
#define DOWN 4

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
#define V_MAX(a, b) _mm512_max_pd((a), (b))
#define V_MIN(a, b) _mm512_min_pd((a), (b))
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

#include "engine/kernels_body.h"
#else
typedef int mele_i_no_avx512; /* ISO C wants a declaration in every file */
#endif
