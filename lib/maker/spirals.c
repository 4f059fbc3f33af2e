/* Two spirals of three turns, one the other turned by half a turn:
 *
 *     angle = pi i / 16, radius = 6.5 (104 - i) / 104, x1 = radius sin(angle), x2 = radius cos(angle)
 *
 * and -x1, -x2 for class2. The original has i = 0 .. 96; here i is uniform in [0, 96), so that there are
 * as many points as wanted. Noise, 0 unless asked for, is added to both coordinates.
 *
 * Source: Lang, Witbrock 1988, Proc. Connectionist Models Summer School. */
#include <math.h>

#include "maker/maker.h"

#define PI 3.14159265358979323846

void mele_i_maker_spirals(const mele_i_maker_row *row, double *out)
{
    mele_i_stream stream = mele_i_maker_stream(row);
    const size_t class = mele_i_stream_below(&stream, 2);
    const double i = mele_i_maker_between(&stream, 0, 96);
    const double angle = PI * i / 16, radius = 6.5 * (104 - i) / 104, side = class == 0 ? 1 : -1;

    out[0] = side * radius * sin(angle) + row->noise * mele_i_stream_normal(&stream);
    out[1] = side * radius * cos(angle) + row->noise * mele_i_stream_normal(&stream);
    out[2] = (double)class;
}
