/* Part of kernels_body.h: layers of a network, forwards and backwards, on panels whose columns are
 * `step` numbers apart (a multiple of 8), rows in multiples of 8. */

/* tanh(x) = e / (e + 2) with e = exp(2 x) - 1 = 2^n q + (2^n - 1), q = exp(r) - 1: nothing is lost
 * near 0. Beyond 20 it is 1. */
INLINE vec tanh_of(vec x)
{
    const vec shift = V_SET(0x1.8p52);
    vec n, y = V_MIN(V_SET(20), V_MAX(V_SET(-20), x));

    y = V_ADD(y, y);
    const vec q = exp_rest(y, shift, &n), two = power_of_two(n);
    const vec e = V_FMA(two, q, V_SUB(two, V_SET(1)));
    return V_DIV(e, V_ADD(e, V_SET(2)));
}

INLINE vec logistic_of(vec x)
{
    const vec shift = V_SET(0x1.8p52);
    vec n, y = V_MIN(V_SET(700), V_MAX(V_SET(-700), V_SUB(V_SET(0), x)));

    y = exp_parts(y, shift, &n);
    return V_DIV(V_SET(1), V_FMA(y, power_of_two(n), V_SET(1)));
}

INLINE vec activated(vec x, const mele_i_activation activation)
{
    switch (activation) {
    case MELE_I_TANH: return tanh_of(x);
    case MELE_I_LOGISTIC: return logistic_of(x);
    case MELE_I_RELU: return V_MAX(x, V_SET(0));
    default: return x;
    }
}

/* The derivative, from the activated value. */
INLINE vec slope_of(vec a, const mele_i_activation activation)
{
    switch (activation) {
    case MELE_I_TANH: return V_FMA(V_SUB(V_SET(0), a), a, V_SET(1));
    case MELE_I_LOGISTIC: return V_FMA(V_SUB(V_SET(0), a), a, a);
    case MELE_I_RELU: return V_IF_LESS(V_SET(0), a, V_SET(1), V_SET(0));
    default: return V_SET(1);
    }
}

/* The weighted sums of `count` units, of `span` vectors of rows. */
INLINE void layer_tile(const double *x, size_t step, size_t cols, const double *weights,
                       const size_t count, const size_t span, double *out)
{
    vec sum[8][SPAN];

    UNROLL for (size_t q = 0; q < count; q++)
        UNROLL for (size_t r = 0; r < span; r++)
            sum[q][r] = V_SET(weights[q * (cols + 1)]);
    for (size_t j = 0; j < cols; j++) {
        vec v[SPAN];
        UNROLL for (size_t r = 0; r < span; r++)
            v[r] = V_LOAD(x + j * step + r * LANES);
        UNROLL for (size_t q = 0; q < count; q++)
        {
            const vec w = V_SET(weights[q * (cols + 1) + 1 + j]);
            UNROLL for (size_t r = 0; r < span; r++)
                sum[q][r] = V_FMA(w, v[r], sum[q][r]);
        }
    }
    UNROLL for (size_t q = 0; q < count; q++)
        UNROLL for (size_t r = 0; r < span; r++)
            V_STORE(out + q * step + r * LANES, sum[q][r]);
}

/* All units, `count` at once, of `span` vectors of rows. */
INLINE void layer_units(const double *x, size_t step, size_t cols, const double *weights,
                        size_t units, const size_t count, const size_t span, double *out)
{
    size_t h = 0;

    for (; h + count <= units; h += count)
        layer_tile(x, step, cols, weights + h * (cols + 1), count, span, out + h * step);
    for (; h < units; h++)
        layer_tile(x, step, cols, weights + h * (cols + 1), 1, span, out + h * step);
}

INLINE void activate(double *x, size_t step, size_t units, const size_t span,
                     const mele_i_activation activation)
{
    for (size_t h = 0; h < units; h++)
        UNROLL for (size_t r = 0; r < span; r++)
        {
            double *at = x + h * step + r * LANES;
            V_STORE(at, activated(V_LOAD(at), activation));
        }
}

INLINE void activate_all(double *x, size_t step, size_t units, const size_t span,
                         mele_i_activation activation)
{
    switch (activation) {
    case MELE_I_TANH: activate(x, step, units, span, MELE_I_TANH); break;
    case MELE_I_LOGISTIC: activate(x, step, units, span, MELE_I_LOGISTIC); break;
    case MELE_I_RELU: activate(x, step, units, span, MELE_I_RELU); break;
    default: break;
    }
}

TARGET static void layer(const double *x, size_t step, size_t rows, size_t cols,
                         const double *weights, size_t units, mele_i_activation activation,
                         double *out)
{
    size_t i = 0;

    for (; i + ROWS <= rows; i += ROWS) {
        layer_units(x + i, step, cols, weights, units, GROUP, SPAN, out + i);
        activate_all(out + i, step, units, SPAN, activation);
    }
    for (; i < rows; i += LANES) {
        layer_units(x + i, step, cols, weights, units, 8, 1, out + i);
        activate_all(out + i, step, units, 1, activation);
    }
}

INLINE void back_of(const double *error, size_t step, size_t rows, size_t outputs,
                    const double *weights, const double *hidden, size_t units,
                    const mele_i_activation activation, double *out)
{
    for (size_t h = 0; h < units; h++)
        for (size_t i = 0; i < rows; i += LANES) {
            const double *w = weights + 1 + h;
            vec sum = V_MUL(V_SET(w[0]), V_LOAD(error + i));
            for (size_t m = 1; m < outputs; m++)
                sum = V_FMA(V_SET(w[m * (units + 1)]), V_LOAD(error + m * step + i), sum);
            V_STORE(out + h * step + i,
                    V_MUL(sum, slope_of(V_LOAD(hidden + h * step + i), activation)));
        }
}

TARGET static void layer_back(const double *error, size_t step, size_t rows, size_t outputs,
                              const double *weights, const double *hidden, size_t units,
                              mele_i_activation activation, double *out)
{
    switch (activation) {
    case MELE_I_TANH:
        back_of(error, step, rows, outputs, weights, hidden, units, MELE_I_TANH, out);
        break;
    case MELE_I_LOGISTIC:
        back_of(error, step, rows, outputs, weights, hidden, units, MELE_I_LOGISTIC, out);
        break;
    case MELE_I_RELU:
        back_of(error, step, rows, outputs, weights, hidden, units, MELE_I_RELU, out);
        break;
    default: back_of(error, step, rows, outputs, weights, hidden, units, MELE_I_IDENTITY, out);
    }
}

/* The sums of a_q b_c for `down` columns of a and `across` columns of b, in the eight lanes and the
 * order of moments. */
INLINE void products_tile(const double *a, const double *b, size_t step, size_t rows,
                          const size_t down, const size_t across, double *out, size_t out_step)
{
    vec part[4][PARTS][4];

    UNROLL for (size_t p = 0; p < PARTS; p++)
    {
        vec total[4][4];
        UNROLL for (size_t q = 0; q < 4; q++)
            UNROLL for (size_t c = 0; c < 4; c++)
                total[q][c] = V_SET(0);
        for (size_t i = p * LANES; i < rows; i += 8) {
            vec right[4];
            UNROLL for (size_t c = 0; c < across; c++)
                right[c] = V_LOAD(b + c * step + i);
            UNROLL for (size_t q = 0; q < down; q++)
            {
                const vec left = V_LOAD(a + q * step + i);
                UNROLL for (size_t c = 0; c < across; c++)
                    total[q][c] = V_FMA(left, right[c], total[q][c]);
            }
        }
        UNROLL for (size_t q = 0; q < 4; q++)
            UNROLL for (size_t c = 0; c < 4; c++)
                part[q][p][c] = total[q][c];
    }
    UNROLL for (size_t q = 0; q < down; q++)
    {
        double sum[4];
        fold_four(part[q], sum);
        for (size_t c = 0; c < across; c++)
            out[q * out_step + c] += sum[c];
    }
}

INLINE void products_strip(const double *a, const double *b, size_t step, size_t rows,
                           const size_t down, size_t count, double *out, size_t out_step)
{
    size_t c = 0;

    for (; c + ACROSS <= count; c += ACROSS)
        products_tile(a, b + c * step, step, rows, down, ACROSS, out + c, out_step);
    if (ACROSS > 2 && c + 2 <= count) {
        products_tile(a, b + c * step, step, rows, down, 2, out + c, out_step);
        c += 2;
    }
    if (c < count)
        products_tile(a, b + c * step, step, rows, down, 1, out + c, out_step);
}

TARGET static void products(const double *a, size_t down, const double *b, size_t across,
                            size_t step, size_t rows, double *out, size_t out_step)
{
    size_t q = 0;

    for (; q + 4 <= down; q += 4)
        products_strip(a + q * step, b, step, rows, 4, across, out + q * out_step, out_step);
    for (; q < down; q++)
        products_strip(a + q * step, b, step, rows, 1, across, out + q * out_step, out_step);
}

TARGET static void adam(const mele_i_adam *step, size_t count, const double *gradient,
                        const double *decay, double *x, double *mean, double *square)
{
    const vec m = V_SET(step->mean_share), s = V_SET(step->square_share);
    const vec size = V_SET(step->size), floor = V_SET(step->floor), scale = V_SET(step->scale);

    for (size_t i = 0; i < count; i += LANES) {
        const vec at = V_LOAD(x + i);
        const vec g = V_FMA(V_LOAD(decay + i), at, V_MUL(scale, V_LOAD(gradient + i)));
        const vec old = V_LOAD(mean + i), old_square = V_LOAD(square + i);
        const vec average = V_FMA(m, V_SUB(g, old), old);
        const vec squares = V_FMA(s, V_SUB(V_MUL(g, g), old_square), old_square);
        V_STORE(mean + i, average);
        V_STORE(square + i, squares);
        const vec length = V_ADD(V_SQRT(squares), floor);
        V_STORE(x + i, V_SUB(at, V_MUL(size, V_DIV(average, length))));
    }
}
