/* Part of kernels_body.h: covariances of Gaussian processes. */

/* With a^2 = 5 s: e^-a (1 + a + a^2 / 3), and to *slope 5/3 (1 + a) e^-a. */
INLINE vec matern52_of(vec square, vec *slope)
{
    const vec far = V_SET(1e6); /* e^-a is 0 there, and no infinity meets it */
    const vec s = V_IF_LESS(square, far, square, far);
    const vec a = V_SQRT(V_MUL(V_SET(5), s)), more = V_ADD(V_SET(1), a);
    const vec e = exp_of(V_SUB(V_SET(0), a));

    *slope = V_MUL(V_MUL(V_SET(5.0 / 3), more), e);
    return V_MUL(V_FMA(V_SET(5.0 / 3), s, more), e);
}

INLINE void matern52_all(double *square, size_t count, const bool sloped, double *slope)
{
    size_t i = 0;
    vec of;

    for (; i + 4 * LANES <= count; i += 4 * LANES)
        UNROLL for (size_t u = 0; u < 4 * LANES; u += LANES)
        {
            V_STORE(square + i + u, matern52_of(V_LOAD(square + i + u), &of));
            if (sloped)
                V_STORE(slope + i + u, of);
        }
    for (; i < count; i += LANES) {
        const size_t left = count - i < LANES ? count - i : LANES;
        double last[LANES];
        V_STORE(last, matern52_of(V_LOAD_FIRST(square + i, left), &of));
        memcpy(square + i, last, left * sizeof *square);
        V_STORE(last, of);
        if (sloped)
            memcpy(slope + i, last, left * sizeof *slope);
    }
}

TARGET static void matern52(double *square, size_t count, double *slope)
{
    if (slope != NULL)
        matern52_all(square, count, true, slope);
    else
        matern52_all(square, count, false, NULL);
}
