/* Three classes of 21 points of a wave: each a random convex combination of two of three triangles,
 *
 *     x_i = u a(i) + (1 - u) b(i) + e_i,   i = 1 .. 21, u uniform in [0, 1), e_i normal,
 *
 * where (a, b) = (h1, h2), (h1, h3), (h2, h3) in class1, class2, class3, and h1(i) = max(6 - |i - 11|, 0),
 * h2(i) = h1(i - 4), h3(i) = h1(i + 4). Classes are equally likely.
 *
 * Source: Breiman, Friedman, Olshen, Stone 1984, Classification and Regression Trees, 2.6.2. */
#include <stdlib.h>

#include "maker/maker.h"

#define POINTS 21

static double triangle(int i, int peak)
{
    const int height = 6 - abs(i - peak);

    return height > 0 ? height : 0;
}

void mele_i_maker_waveform(const mele_i_maker_row *row, double *out)
{
    static const int peak[3][2] = {{11, 15}, {11, 7}, {15, 7}};
    mele_i_stream stream = mele_i_maker_stream(row);
    const size_t class = mele_i_stream_below(&stream, 3);
    const double u = mele_i_stream_uniform(&stream);

    for (int i = 1; i <= POINTS; i++)
        out[i - 1] = u * triangle(i, peak[class][0]) + (1 - u) * triangle(i, peak[class][1])
                     + row->noise * mele_i_stream_normal(&stream);
    out[POINTS] = (double)class;
}
