#ifndef MELE_MAKER_MAKER_H
#define MELE_MAKER_MAKER_H

#include <stddef.h>
#include <stdint.h>

#include "core/stream.h"

/* A row of a data set that is made: what it may depend on. */
typedef struct mele_i_maker_row {
    uint64_t seed, set, number; /* of the caller, of the data set, of the row */
    double noise;               /* >= 0 */
} mele_i_maker_row;

/* A data set that is made. */
typedef struct mele_i_maker {
    const char *name, *help;    /* help: one line */
    uint64_t set;               /* never another's, and never changed: it is in the key of the numbers */
    size_t features;
    const char *last;           /* the name of the last feature; NULL: x and its number, as of the others */
    const char *const *classes; /* ended by NULL; NULL: the target is a number */
    double noise;               /* its own, a standard deviation; below 0: it takes none */
    /* Fill features numbers and the target, or the class from 0. Noise of 0 draws as any other, so that
     * it changes nothing but what it is added to. */
    void (*make)(const mele_i_maker_row *row, double *out);
} mele_i_maker;

/* The numbers of a row. */
static inline mele_i_stream mele_i_maker_stream(const mele_i_maker_row *row)
{
    return mele_i_stream_make(row->seed, MELE_I_FOR_MAKERS, row->set, row->number);
}

static inline double mele_i_maker_between(mele_i_stream *stream, double low, double high)
{
    return low + (high - low) * mele_i_stream_uniform(stream);
}

/* The kinds, a file for each formula or family of formulas. */
void mele_i_maker_branin(const mele_i_maker_row *row, double *out);
void mele_i_maker_friedman1(const mele_i_maker_row *row, double *out);
void mele_i_maker_friedman2(const mele_i_maker_row *row, double *out);
void mele_i_maker_friedman3(const mele_i_maker_row *row, double *out);
void mele_i_maker_piecewise(const mele_i_maker_row *row, double *out);
void mele_i_maker_regimes(const mele_i_maker_row *row, double *out);
void mele_i_maker_ringnorm(const mele_i_maker_row *row, double *out);
void mele_i_maker_spirals(const mele_i_maker_row *row, double *out);
void mele_i_maker_twonorm(const mele_i_maker_row *row, double *out);
void mele_i_maker_waveform(const mele_i_maker_row *row, double *out);

#endif
