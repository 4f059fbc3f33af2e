/* A wave that becomes a line, with a jump between, for x uniform in [0, 20):
 *
 *     y = sin(pi x / 5) + cos(4 pi x / 5) / 5 + e,   x <= 9.6
 *     y = x / 10 - 1 + e,                            x > 9.6
 *
 * e is normal with standard deviation 0.1.
 *
 * Sources: Higdon 2002, in Quantitative Methods for Current Environmental Issues, for the wave; Gramacy,
 * Lee 2008, J. Am. Stat. Assoc. 103, for the line. */
#include <math.h>

#include "maker/maker.h"

#define PI 3.14159265358979323846

void mele_i_maker_piecewise(const mele_i_maker_row *row, double *out)
{
    mele_i_stream stream = mele_i_maker_stream(row);
    const double x = mele_i_maker_between(&stream, 0, 20);
    const double wave = sin(PI * x / 5) + cos(4 * PI * x / 5) / 5, line = x / 10 - 1;

    out[0] = x;
    out[1] = (x <= 9.6 ? wave : line) + row->noise * mele_i_stream_normal(&stream);
}
