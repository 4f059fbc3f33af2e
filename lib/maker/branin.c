/* Branin's function of x1 uniform in [-5, 10) and x2 in [0, 15):
 *
 *     y = (x2 - 5.1 x1^2 / (4 pi^2) + 5 x1 / pi - 6)^2 + 10 (1 - 1 / (8 pi)) cos(x1) + 10
 *
 * It has three minima of 0.397887, at (-pi, 12.275), (pi, 2.275) and (3 pi, 2.475). Noise, 0 unless asked
 * for, is added to y.
 *
 * Source: Branin 1972, IBM J. Res. Dev. 16; in this form Dixon, Szego 1978, Towards Global Optimisation 2. */
#include <math.h>

#include "maker/maker.h"

#define PI 3.14159265358979323846

void mele_i_maker_branin(const mele_i_maker_row *row, double *out)
{
    mele_i_stream stream = mele_i_maker_stream(row);
    const double x1 = mele_i_maker_between(&stream, -5, 10);
    const double x2 = mele_i_maker_between(&stream, 0, 15);
    const double off = x2 - 5.1 * x1 * x1 / (4 * PI * PI) + 5 * x1 / PI - 6;

    out[0] = x1;
    out[1] = x2;
    out[2] = off * off + 10 * (1 - 1 / (8 * PI)) * cos(x1) + 10
             + row->noise * mele_i_stream_normal(&stream);
}
