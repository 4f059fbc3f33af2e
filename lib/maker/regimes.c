/* Regimes that the output shows and the inputs do not. A hidden state s, 1 or -1, says which of two laws
 * the output follows:
 *
 *     y(t) = s(t) (3 + x1(t) + x2(t) + x3(t) + x4(t)) + e(t),   last(t) = y(t - 1)
 *
 * With probability 0.1 the state is drawn anew, either value equally likely; else it stays. x1 .. x4 are
 * standard normal and say nothing of it. x5 .. x7 lie in three clusters of equal size, around 3 in one
 * of them and 0 in the others, with standard deviation 0.3, and say nothing of anything: they are what a
 * clustering of the inputs finds. e is normal with standard deviation 0.5.
 *
 * A mixture that is trained on outputs finds the two laws, and a gate on `last` then knows as much of the
 * state as a row shows: s(t - 1) has log odds 2 * 3 last / (4 + 0.5^2), for y(t) given s(t) is normal with
 * mean 3 s(t) and that variance. So the best prediction of a row is
 *
 *     (2 g - 1) (3 + x1 + .. + x4),   g = 0.05 + 0.9 / (1 + exp(-6 last / 4.25))
 *
 * with a mean squared error of 4.98 (root 2.23); the best linear function of all features has 8.30 (2.88).
 *
 * The state of a row is that of the last one, at most its own, at which it was drawn: so a row is made
 * from those before it alone as far back as that, 10 rows in the mean.
 *
 * Our definition; switching regressions go back to Quandt 1958, J. Am. Stat. Assoc. 53, those with a
 * hidden Markov state to Hamilton 1989, Econometrica 57. */
#include <stdbool.h>

#include "maker/maker.h"

#define LEVEL 3.0
#define CHANGE 0.1
#define INFORMED 4 /* features of the law, */
#define IDLE 3     /* and those in clusters */

/* Row `number` is time number + 1, since `last` of the first row is an output, too. */
static mele_i_stream stream_at(const mele_i_maker_row *row, uint64_t time)
{
    return mele_i_stream_make(row->seed, MELE_I_FOR_MAKERS, row->set, time);
}

/* Whether the state is drawn at a time, and what it would be. */
static bool draws(mele_i_stream *stream, double *state)
{
    const bool drawn = mele_i_stream_uniform(stream) < CHANGE;

    *state = mele_i_stream_below(stream, 2) == 0 ? -1 : 1;
    return drawn;
}

/* The state at a time, of which *stream is then past the draw of it. */
static double state_at(const mele_i_maker_row *row, uint64_t time, mele_i_stream *stream)
{
    mele_i_stream before;
    double state;

    *stream = stream_at(row, time);
    bool drawn = draws(stream, &state);
    while (!drawn && time-- > 0) {
        before = stream_at(row, time);
        drawn = draws(&before, &state);
    }
    return state;
}

/* The output at a time, and x1 .. x4. */
static double output_at(const mele_i_maker_row *row, uint64_t time, mele_i_stream *stream, double *x)
{
    const double state = state_at(row, time, stream);
    double law = LEVEL;

    for (int j = 0; j < INFORMED; j++) {
        x[j] = mele_i_stream_normal(stream);
        law += x[j];
    }
    return state * law + row->noise * mele_i_stream_normal(stream);
}

void mele_i_maker_regimes(const mele_i_maker_row *row, double *out)
{
    const uint64_t time = row->number + 1;
    mele_i_stream stream;
    double before[INFORMED];
    double *idle = out + INFORMED, *last = idle + IDLE, *y = last + 1;

    *last = output_at(row, time - 1, &stream, before);
    *y = output_at(row, time, &stream, out);
    const size_t cluster = mele_i_stream_below(&stream, IDLE);
    for (size_t j = 0; j < IDLE; j++)
        idle[j] = (j == cluster ? 3 : 0) + 0.3 * mele_i_stream_normal(&stream);
}
