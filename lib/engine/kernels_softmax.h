/* Part of kernels_body.h: exp, log and what is built of them. exp and log: x = n ln 2 + r with
 * |r| <= ln 2 / 2 (Cody, Waite 1980, Software Manual for the Elementary Functions) and Taylor's
 * polynomial of degree 13, whose remainder is below 0.06 ulp; log after fdlibm's e_log.c (Ng 1993),
 * with fused operations. */

/* exp(x) = 2^n (1 + q): q, and *n in the form that power_of_two() takes; shift = 1.5 2^52. */
INLINE vec exp_rest(vec x, vec shift, vec *n)
{
    static const double inverse_factorial[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
        1.0 / 5040,       1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      1.0 / 2};

    *n = V_FMA(x, V_SET(0x1.71547652b82fep0), shift); /* log2 e */
    vec whole = V_SUB(*n, shift);
    vec r = V_FMA(whole, V_SET(-0x1.62e42fefa39efp-1), x); /* ln 2 in two parts */
    r = V_FMA(whole, V_SET(-0x1.abc9e3b39803fp-56), r);
    vec p = V_SET(inverse_factorial[0]);
#pragma GCC unroll 16
    for (size_t i = 1; i < 12; i++)
        p = V_FMA(p, r, V_SET(inverse_factorial[i]));
    return V_FMA(V_MUL(r, r), p, r);
}

/* exp(x) = 2^n p: p, and n likewise. */
INLINE vec exp_parts(vec x, vec shift, vec *n)
{
    return V_ADD(V_SET(1), exp_rest(x, shift, n));
}

/* NaN stays NaN: V_MIN and V_MAX give their second operand when one is. */
INLINE vec exp_of(vec x)
{
    const vec shift = V_SET(0x1.8p52);
    vec n, p = exp_parts(V_MIN(V_SET(710), V_MAX(V_SET(-746), x)), shift, &n);

    n = V_SUB(n, shift);
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

/* exp(x) of x <= 0 with one factor 2^n: 0 where it would be below the normal numbers. */
INLINE vec share_of(vec x)
{
    const vec shift = V_SET(0x1.8p52), least = V_SET(-708);
    const vec inside = V_MAX(x, least);
    vec n, p = exp_parts(inside, shift, &n);

    p = V_MUL(p, power_of_two(n));
    return V_IF_LESS(x, least, V_SET(0), p);
}

/* The weights of the ROWS rows from row i on; 0 past the end. */
INLINE void row_weights(const double *weights, size_t i, size_t rows, vec out[SPAN])
{
    ALIGNED double number[ROWS];

    for (size_t l = 0; l < ROWS; l++)
        number[l] = i + l >= rows ? 0 : weights == NULL ? 1 : weights[i + l];
#pragma GCC unroll 8
    for (size_t r = 0; r < SPAN; r++)
        out[r] = V_LOAD(number + r * LANES);
}

/* ROWS rows of a panel of logits: the largest of each (not below -DBL_MAX) and the sum of the
 * exponentials of what is left, which replace the logits. */
INLINE void shares_in_tile(double *logit, size_t clusters, vec most[SPAN], vec sum[SPAN])
{
    const vec least = V_SET(-DBL_MAX);

#pragma GCC unroll 8
    for (size_t r = 0; r < SPAN; r++) {
        most[r] = least;
        sum[r] = V_SET(0);
    }
    for (size_t k = 0; k < clusters; k++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            most[r] = V_MAX(V_LOAD(logit + k * MELE_I_PANEL + r * LANES), most[r]);
    for (size_t k = 0; k < clusters; k++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++) {
            double *at = logit + k * MELE_I_PANEL + r * LANES;
            const vec e = share_of(V_SUB(V_MAX(V_LOAD(at), least), most[r]));
            V_STORE(at, e);
            sum[r] = V_ADD(sum[r], e);
        }
}

TARGET static void responsibilities(double *logits, size_t rows, size_t clusters,
                                    const double *weights, double *log_likelihood)
{
    ALIGNED double density[MELE_I_PANEL_ROWS];
    double total = 0;

    for (size_t i = 0; i < PADDED(rows); i += ROWS) {
        vec most[SPAN], sum[SPAN], weight[SPAN];
        shares_in_tile(logits + i, clusters, most, sum);
        row_weights(weights, i, rows, weight);
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++) {
            const vec log_sum = V_ADD(most[r], log_of(sum[r]));
            const vec none = V_SET(-DBL_MAX / 2);
            const vec value = V_IF_LESS(most[r], none, V_SET(-INFINITY), log_sum);
            V_STORE(density + i + r * LANES,
                    V_IF_LESS(V_SET(0), weight[r], V_MUL(weight[r], value), V_SET(0)));
            weight[r] = V_DIV(weight[r], sum[r]);
        }
        for (size_t k = 0; k < clusters; k++)
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++) {
                double *at = logits + k * MELE_I_PANEL + i + r * LANES;
                V_STORE(at, V_MUL(V_LOAD(at), weight[r]));
            }
    }
    for (size_t i = 0; i < rows; i++)
        total += density[i];
    *log_likelihood += total;
}

/* ---- which one is largest ---- */

/* Lists row `first` + l for every lane l < rows whose second value is not below its best by the
 * slack; returns how many. */
INLINE size_t list_close(vec best, vec second, double slack, size_t first, size_t rows,
                         uint32_t *list)
{
    const vec size = V_MAX(best, V_SUB(V_SET(0), best));
    const vec least = V_SUB(best, V_MUL(V_SET(slack), V_ADD(V_SET(1), size)));
    const vec close = V_IF_LESS(second, least, V_SET(0), V_SET(1));
    double flag[LANES];
    size_t count = 0;

    if (!V_ANY_LESS(V_SET(0), close))
        return 0;
    V_STORE(flag, close);
    for (size_t l = 0; l < LANES && l < rows; l++)
        if (flag[l] > 0)
            list[count++] = (uint32_t)(first + l);
    return count;
}

TARGET static size_t leaders(const double *values, size_t rows, size_t cols, double slack,
                             uint32_t *label, uint32_t *unclear)
{
    tile t;
    size_t listed = 0;

    for (size_t i = 0; i < rows; i += ROWS) {
        vec best[SPAN], second[SPAN], index[SPAN], k = V_SET(0);
        uint32_t found[ROWS];
        start_tile(&t, values + i * cols, cols, rows - i, cols);
        UNROLL for (size_t r = 0; r < SPAN; r++)
        {
            best[r] = second[r] = V_SET(-INFINITY);
            index[r] = V_SET(0);
        }
        for (size_t first = 0; first < cols; first += CHUNK) {
            need_columns(&t, first);
            for (size_t j = 0; j < t.count; j++, k = V_ADD(k, V_SET(1)))
                UNROLL for (size_t r = 0; r < SPAN; r++)
                {
                    const vec v = V_LOAD(t.number + j * ROWS + r * LANES);
                    index[r] = V_IF_LESS(best[r], v, k, index[r]);
                    second[r] = V_MAX(V_MIN(v, best[r]), second[r]);
                    best[r] = V_MAX(v, best[r]);
                }
        }
        UNROLL for (size_t r = 0; r < SPAN; r++)
        {
            V_STORE_LABELS(found + r * LANES, index[r]);
            if (r * LANES < t.rows)
                listed += list_close(best[r], second[r], slack, i + r * LANES,
                                     t.rows - r * LANES, unclear + listed);
        }
        memcpy(label + i, found, t.rows * sizeof *label);
    }
    return listed;
}
