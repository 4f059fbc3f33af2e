/* Part of kernels_body.h: exp, log and what is built of them. exp and log: x = n ln 2 + r with
 * |r| <= ln 2 / 2 (Cody, Waite 1980, Software Manual for the Elementary Functions) and Taylor's
 * polynomial of degree 13, whose remainder is below 0.06 ulp; log after fdlibm's e_log.c (Ng 1993),
 * with fused operations. */

/* NaN stays NaN: V_MIN and V_MAX give their second operand when one is. */
INLINE vec exp_of(vec x)
{
    const vec shift = V_SET(0x1.8p52);
    static const double inverse_factorial[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
        1.0 / 5040,       1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      1.0 / 2};

    x = V_MIN(V_SET(710), V_MAX(V_SET(-746), x));
    vec t = V_FMA(x, V_SET(0x1.71547652b82fep0), shift); /* log2 e */
    vec n = V_SUB(t, shift);
    vec r = V_FMA(n, V_SET(-0x1.62e42fefa39efp-1), x); /* ln 2 in two parts */
    r = V_FMA(n, V_SET(-0x1.abc9e3b39803fp-56), r);
    vec p = V_SET(inverse_factorial[0]);
#pragma GCC unroll 16
    for (size_t i = 1; i < 12; i++)
        p = V_FMA(p, r, V_SET(inverse_factorial[i]));
    p = V_ADD(V_SET(1), V_FMA(V_MUL(r, r), p, r));
    /* 2^n in two factors, so that subnormal results are rounded once */
    vec half = V_FMA(n, V_SET(0.5), shift);
    vec rest = V_ADD(V_SUB(n, V_SUB(half, shift)), shift);
    return V_MUL(V_MUL(p, power_of_two(half)), power_of_two(rest));
}

/* For positive normal a; NaN gives NaN. */
INLINE vec log_of(vec a)
{
    static const double odd[] = {6.666666666666735130e-01, 2.857142874366239149e-01,
                                 1.818357216161805012e-01, 1.479819860511658591e-01};
    static const double even[] = {3.999999999940941908e-01, 2.222219843214978396e-01,
                                  1.531383769920937332e-01};
    const vec root2 = V_SET(0x1.6a09e667f3bcdp0);
    vec e, m = mantissa(a, &e);

    e = V_IF_LESS(root2, m, V_ADD(e, V_SET(1)), e);
    m = V_IF_LESS(root2, m, V_MUL(m, V_SET(0.5)), m);
    vec f = V_SUB(m, V_SET(1));
    vec s = V_DIV(f, V_ADD(f, V_SET(2))), z = V_MUL(s, s), w = V_MUL(z, z);
    vec p = V_FMA(V_FMA(V_SET(even[2]), w, V_SET(even[1])), w, V_SET(even[0]));
    vec q = V_FMA(V_SET(odd[3]), w, V_SET(odd[2]));
    q = V_FMA(V_FMA(q, w, V_SET(odd[1])), w, V_SET(odd[0]));
    vec rest = V_FMA(z, q, V_MUL(w, p)), h = V_MUL(f, V_SET(0.5));
    rest = V_FMA(s, V_FMA(h, f, rest), V_MUL(e, V_SET(1.90821492927058770002e-10)));
    f = V_SUB(f, V_FMA(h, f, V_SUB(V_SET(0), rest)));
    f = V_FMA(e, V_SET(6.93147180369123816490e-01), f);
    return V_ADD(f, V_SUB(a, a));
}

TARGET static void exponential(double *x, size_t count)
{
    size_t i = 0;

    for (; i + 4 * LANES <= count; i += 4 * LANES)
#pragma GCC unroll 4
        for (size_t u = 0; u < 4; u++)
            V_STORE(x + i + u * LANES, exp_of(V_LOAD(x + i + u * LANES)));
    for (; i < count; i += LANES) {
        size_t left = count - i < LANES ? count - i : LANES;
        double last[LANES];
        V_STORE(last, exp_of(V_LOAD_FIRST(x + i, left)));
        memcpy(x + i, last, left * sizeof *x);
    }
}

/* The largest logit of each row, and the logarithm of the sum of exp(logit - largest). */
INLINE void row_sums(tile *t, double largest[ROWS], double log_sum[ROWS])
{
    vec most[SPAN], sum[SPAN];

    for (size_t r = 0; r < SPAN; r++) {
        most[r] = V_SET(-INFINITY);
        sum[r] = V_SET(0);
    }
    for (size_t first = 0; first < t->cols; first += CHUNK) {
        need_columns(t, first);
        for (size_t j = 0; j < t->count; j++)
            for (size_t r = 0; r < SPAN; r++)
                most[r] = V_MAX(V_LOAD(t->number + j * ROWS + r * LANES), most[r]);
    }
    for (size_t first = 0; first < t->cols; first += CHUNK) {
        need_columns(t, first);
        for (size_t j = 0; j < t->count; j++)
            for (size_t r = 0; r < SPAN; r++) {
                vec x = V_LOAD(t->number + j * ROWS + r * LANES);
                sum[r] = V_ADD(sum[r], exp_of(V_SUB(x, most[r])));
            }
    }
    for (size_t r = 0; r < SPAN; r++) {
        V_STORE(largest + r * LANES, most[r]);
        V_STORE(log_sum + r * LANES, log_of(sum[r]));
    }
}

TARGET static void log_softmax(double *logits, size_t rows, size_t cols, double *log_sum)
{
    tile t;

    for (size_t i = 0; i < rows; i += ROWS) {
        double largest[ROWS], rest[ROWS];
        start_tile(&t, logits + i * cols, cols, rows - i, cols);
        row_sums(&t, largest, rest);
        for (size_t l = 0; l < t.rows; l++) {
            double *row = logits + (i + l) * cols, most = largest[l], sum = rest[l];
            double total = most + sum;
            if (isinf(most))
                total = mele_i_softmax_extreme(row, cols, most);
            else /* in this order: most + sum would lose sum in rows far from everything */
                for (size_t j = 0; j < cols; j++)
                    row[j] = (row[j] - most) - sum;
            if (log_sum != NULL)
                log_sum[i + l] = total;
        }
    }
}
