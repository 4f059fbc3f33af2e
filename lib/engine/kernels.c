#include "engine/kernels_table.h"

/* Narrowest first. */
static const mele_i_kernels *available(size_t i)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");

    if (i == 1 && avx2)
        return &mele_i_kernels_avx2;
    if (i == 2 && avx512)
        return &mele_i_kernels_avx512;
#endif
    return i == 0 ? &mele_i_kernels_plain : NULL;
}

const mele_i_kernels *mele_i_kernels_at(size_t i)
{
    return available(i);
}

const mele_i_kernels *mele_i_kernels_best(void)
{
    for (size_t i = 2; i > 0; i--)
        if (available(i) != NULL)
            return available(i);
    return available(0);
}
