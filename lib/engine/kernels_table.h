#ifndef MELE_ENGINE_KERNELS_TABLE_H
#define MELE_ENGINE_KERNELS_TABLE_H

#include <stdbool.h>

#include "engine/kernels.h"

/* The widths there are; kernels.c asks the processor which of them it runs. */
extern const mele_i_kernels mele_i_kernels_plain;
#if defined(__x86_64__)
extern const mele_i_kernels mele_i_kernels_avx2;
extern const mele_i_kernels mele_i_kernels_avx512;
#endif

#endif
