/* Part of kernels_body.h: sums over rows of every column on its own. Here lanes are columns, and
 * a sum takes its rows in order. */

#define ABREAST 4 /* vectors of columns taken at once */

/* Load and store up to ABREAST vectors, of `left` numbers. */
INLINE void load_abreast(const double *from, size_t left, const bool whole, vec out[ABREAST])
{
#pragma GCC unroll 8
    for (size_t v = 0; v < ABREAST; v++) {
        if (whole || left >= (v + 1) * LANES)
            out[v] = V_LOAD(from + v * LANES);
        else if (left > v * LANES)
            out[v] = V_LOAD_FIRST(from + v * LANES, left - v * LANES);
        else
            out[v] = V_SET(0);
    }
}

INLINE void store_abreast(const vec from[ABREAST], size_t left, double *out)
{
    double number[ABREAST * LANES];

#pragma GCC unroll 8
    for (size_t v = 0; v < ABREAST; v++)
        V_STORE(number + v * LANES, from[v]);
    memcpy(out, number, (left < ABREAST * LANES ? left : ABREAST * LANES) * sizeof *out);
}

INLINE void sums_abreast(const double *x, size_t stride, size_t rows, size_t left,
                         const bool whole, const double *weights, double *low, double *high,
                         double *sum)
{
    vec least[ABREAST], most[ABREAST], total[ABREAST];

    load_abreast(low, left, whole, least);
    load_abreast(high, left, whole, most);
    load_abreast(sum, left, whole, total);
    for (size_t i = 0; i < rows; i++, x += stride) {
        const vec w = V_SET(weights == NULL ? 1 : weights[i]);
        vec v[ABREAST];
        load_abreast(x, left, whole, v);
#pragma GCC unroll 8
        for (size_t q = 0; q < ABREAST; q++) {
            least[q] = V_MIN(v[q], least[q]);
            most[q] = V_MAX(v[q], most[q]);
            total[q] = V_FMA(w, v[q], total[q]);
        }
    }
    store_abreast(least, left, low);
    store_abreast(most, left, high);
    store_abreast(total, left, sum);
}

TARGET static void column_sums(const double *x, size_t stride, size_t rows, size_t cols,
                               const double *weights, double *low, double *high, double *sum)
{
    for (size_t j = 0; j < cols; j += ABREAST * LANES) {
        const size_t left = cols - j;
        if (left >= ABREAST * LANES)
            sums_abreast(x + j, stride, rows, left, true, weights, low + j, high + j, sum + j);
        else
            sums_abreast(x + j, stride, rows, left, false, weights, low + j, high + j, sum + j);
    }
}

INLINE void squares_abreast(const double *x, size_t stride, size_t rows, size_t left,
                            const bool whole, const double *weights, const double *mean,
                            double *sum)
{
    vec middle[ABREAST], total[ABREAST];

    load_abreast(mean, left, whole, middle);
    load_abreast(sum, left, whole, total);
    for (size_t i = 0; i < rows; i++, x += stride) {
        const vec w = V_SET(weights == NULL ? 1 : weights[i]);
        vec v[ABREAST];
        load_abreast(x, left, whole, v);
#pragma GCC unroll 8
        for (size_t q = 0; q < ABREAST; q++) {
            const vec z = V_SUB(v[q], middle[q]);
            total[q] = V_FMA(V_MUL(w, z), z, total[q]);
        }
    }
    store_abreast(total, left, sum);
}

TARGET static void column_squares(const double *x, size_t stride, size_t rows, size_t cols,
                                  const double *weights, const double *mean, double *sum)
{
    for (size_t j = 0; j < cols; j += ABREAST * LANES) {
        const size_t left = cols - j;
        if (left >= ABREAST * LANES)
            squares_abreast(x + j, stride, rows, left, true, weights, mean + j, sum + j);
        else
            squares_abreast(x + j, stride, rows, left, false, weights, mean + j, sum + j);
    }
}

/* sum += w (row - centre) */
INLINE void add_difference(const double *row, const double *centre, double weight, size_t cols,
                           double *sum)
{
    const size_t whole = cols / LANES * LANES;
    const vec w = V_SET(weight);

    for (size_t j = 0; j < whole; j += LANES)
        V_STORE(sum + j, V_FMA(w, V_SUB(V_LOAD(row + j), V_LOAD(centre + j)), V_LOAD(sum + j)));
    /* one by one: a masked store would keep the next row from reading it back soon */
    for (size_t j = whole; j < cols; j++)
        sum[j] = fma(weight, row[j] - centre[j], sum[j]);
}

TARGET static void accumulate(const double *x, size_t stride, size_t rows, size_t cols,
                              const double *centres, const uint32_t *label, const double *weights,
                              double *sums)
{
    for (size_t i = 0; i < rows; i++) {
        const double weight = weights == NULL ? 1 : weights[i];
        const size_t at = label[i] * cols;
        if (weight != 0)
            add_difference(x + i * stride, centres + at, weight, cols, sums + at);
    }
}

TARGET static void transfer(const double *x, size_t stride, const uint32_t *list, size_t count,
                            size_t cols, const double *centres, const uint32_t *from,
                            const uint32_t *label, const double *weights, double *sums)
{
    for (size_t i = 0; i < count; i++) {
        const size_t row = list[i], to = label[row] * cols, out = from[i] * cols;
        const double weight = weights == NULL ? 1 : weights[row];
        add_difference(x + row * stride, centres + to, weight, cols, sums + to);
        add_difference(x + row * stride, centres + out, -weight, cols, sums + out);
    }
}
