/* Friedman's three regressions:
 *
 *     1:  y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + e,  x1 .. x10 uniform in [0, 1)
 *     2:  y = sqrt(x1^2 + w^2) + e
 *     3:  y = atan(w / x1) + e,    w = x2 x3 - 1 / (x2 x4), x1 in [0, 100), x2 in [40 pi, 560 pi),
 *                                  x3 in [0, 1), x4 in [1, 11)
 *
 * 2 and 3 are the impedance and the phase of a circuit. e is normal, of standard deviation 1, 125 and
 * 0.1: in 2 and 3 a third of that of the signal.
 *
 * Sources: Friedman 1991, Ann. Stat. 19; the noise, Breiman 1996, Mach. Learn. 24. */
#include <math.h>

#include "maker/maker.h"

#define PI 3.14159265358979323846

void mele_i_maker_friedman1(const mele_i_maker_row *row, double *out)
{
    mele_i_stream stream = mele_i_maker_stream(row);

    for (int j = 0; j < 10; j++)
        out[j] = mele_i_stream_uniform(&stream);
    out[10] = 10 * sin(PI * out[0] * out[1]) + 20 * (out[2] - 0.5) * (out[2] - 0.5) + 10 * out[3]
              + 5 * out[4] + row->noise * mele_i_stream_normal(&stream);
}

/* The four features; returns w. */
static double circuit(mele_i_stream *stream, double *x)
{
    x[0] = mele_i_maker_between(stream, 0, 100);
    x[1] = mele_i_maker_between(stream, 40 * PI, 560 * PI);
    x[2] = mele_i_maker_between(stream, 0, 1);
    x[3] = mele_i_maker_between(stream, 1, 11);
    return x[1] * x[2] - 1 / (x[1] * x[3]);
}

void mele_i_maker_friedman2(const mele_i_maker_row *row, double *out)
{
    mele_i_stream stream = mele_i_maker_stream(row);
    const double w = circuit(&stream, out);

    out[4] = sqrt(out[0] * out[0] + w * w) + row->noise * mele_i_stream_normal(&stream);
}

void mele_i_maker_friedman3(const mele_i_maker_row *row, double *out)
{
    mele_i_stream stream = mele_i_maker_stream(row);
    const double w = circuit(&stream, out);

    /* x1 may be 0: of x1 > 0 this is atan(w / x1). */
    out[4] = atan2(w, out[0]) + row->noise * mele_i_stream_normal(&stream);
}
