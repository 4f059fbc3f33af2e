/* Two classes, equally likely, normal in 20 features, with c = 2 / sqrt(20):
 *
 *     twonorm:   class1 N((c .. c), I),  class2 N((-c .. -c), I);  Bayes error P(N(0, 1) < -2) = 2.28 %
 *     ringnorm:  class1 N(0, 4 I),       class2 N((c .. c), I);    Bayes error 1.24 %
 *
 * Ringnorm is also found with 1 / sqrt(20) (R's mlbench), where the Bayes error is 1.50 %; Breiman's is
 * 1.3 %.
 *
 * Source: Breiman 1996, Bias, variance, and arcing classifiers, Tech. Rep. 460, Berkeley. */
#include "maker/maker.h"

#define FEATURES 20
#define MEAN 0.44721359549995793928 /* c */

/* Each class has its mean and its standard deviation, the same in all features. */
static void make(const mele_i_maker_row *row, const double *mean, const double *deviation,
                 double *out)
{
    mele_i_stream stream = mele_i_maker_stream(row);
    const size_t class = mele_i_stream_below(&stream, 2);

    for (size_t j = 0; j < FEATURES; j++)
        out[j] = mean[class] + deviation[class] * mele_i_stream_normal(&stream);
    out[FEATURES] = (double)class;
}

void mele_i_maker_twonorm(const mele_i_maker_row *row, double *out)
{
    static const double mean[] = {MEAN, -MEAN}, deviation[] = {1, 1};

    make(row, mean, deviation, out);
}

void mele_i_maker_ringnorm(const mele_i_maker_row *row, double *out)
{
    static const double mean[] = {0, MEAN}, deviation[] = {2, 1};

    make(row, mean, deviation, out);
}
