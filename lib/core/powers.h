#ifndef MELE_CORE_POWERS_H
#define MELE_CORE_POWERS_H

#include <stdint.h>

/* The 128 leading bits of the powers of five from 5^LEAST to 5^MOST, for reading and printing
 * numbers. How they are rounded is said in build-aux/make-powers.py, which makes powers.c. */

#define MELE_I_POWER_LEAST (-342)
#define MELE_I_POWER_MOST 324

typedef struct mele_i_power {
    uint64_t high, low;
} mele_i_power;

extern const mele_i_power mele_i_powers[MELE_I_POWER_MOST - MELE_I_POWER_LEAST + 1];

#endif
