/* Part of kernels_body.h: sums over rows of every column on its own. Here lanes are columns, and
 * a sum takes its rows in order. */

#define ABREAST 4 /* vectors of columns taken at once */

/* Load `count` vectors; of the last one only `rest` numbers, unless that is 0. */
INLINE void load_abreast(const double *from, const size_t count, size_t rest, vec out[ABREAST])
{
    UNROLL for (size_t v = 0; v < count; v++)
        out[v] = v + 1 == count && rest > 0 ? V_LOAD_FIRST(from + v * LANES, rest)
                                            : V_LOAD(from + v * LANES);
}

INLINE void store_abreast(const vec from[ABREAST], const size_t count, size_t rest, double *out)
{
    double number[ABREAST * LANES];

    UNROLL for (size_t v = 0; v < count; v++)
        V_STORE(number + v * LANES, from[v]);
    memcpy(out, number, (rest > 0 ? (count - 1) * LANES + rest : count * LANES) * sizeof *out);
}

INLINE void sums_abreast(const double *x, size_t stride, size_t rows, const size_t count,
                         size_t rest, const double *weights, double *low, double *high, double *sum)
{
    vec least[ABREAST], most[ABREAST], total[ABREAST];

    load_abreast(low, count, rest, least);
    load_abreast(high, count, rest, most);
    load_abreast(sum, count, rest, total);
    for (size_t i = 0; i < rows; i++, x += stride) {
        const vec w = V_SET(weights == NULL ? 1 : weights[i]);
        vec v[ABREAST];
        load_abreast(x, count, rest, v);
    UNROLL for (size_t q = 0; q < count; q++)
        {
            least[q] = V_MIN(v[q], least[q]);
            most[q] = V_MAX(v[q], most[q]);
            total[q] = V_FMA(w, v[q], total[q]);
        }
    }
    store_abreast(least, count, rest, low);
    store_abreast(most, count, rest, high);
    store_abreast(total, count, rest, sum);
}

/* Call group(count, first, rest) with count a constant, for all columns. */
#define FOR_ABREAST(cols, group)                                                                   \
    do {                                                                                           \
        size_t at_ = 0, end_ = (cols);                                                             \
        for (; at_ + ABREAST * LANES <= end_; at_ += ABREAST * LANES)                              \
            group(ABREAST, at_, 0);                                                                \
        switch ((end_ - at_ + LANES - 1) / LANES) {                                                \
        case 4:                                                                                    \
            group(4, at_, (end_ - at_) % LANES);                                                   \
            break;                                                                                 \
        case 3:                                                                                    \
            group(3, at_, (end_ - at_) % LANES);                                                   \
            break;                                                                                 \
        case 2:                                                                                    \
            group(2, at_, (end_ - at_) % LANES);                                                   \
            break;                                                                                 \
        case 1:                                                                                    \
            group(1, at_, (end_ - at_) % LANES);                                                   \
            break;                                                                                 \
        }                                                                                          \
    } while (0)

TARGET static void column_sums(const double *x, size_t stride, size_t rows, size_t cols,
                               const double *weights, double *low, double *high, double *sum)
{
#define SUMS(count, j, rest)                                                                       \
    sums_abreast(x + (j), stride, rows, (count), (rest), weights, low + (j), high + (j), sum + (j))
    FOR_ABREAST(cols, SUMS);
}

INLINE void squares_abreast(const double *x, size_t stride, size_t rows, const size_t count,
                            size_t rest, const double *weights, const double *mean, double *sum)
{
    vec middle[ABREAST], total[ABREAST];

    load_abreast(mean, count, rest, middle);
    load_abreast(sum, count, rest, total);
    for (size_t i = 0; i < rows; i++, x += stride) {
        const vec w = V_SET(weights == NULL ? 1 : weights[i]);
        vec v[ABREAST];
        load_abreast(x, count, rest, v);
        UNROLL for (size_t q = 0; q < count; q++)
        {
            const vec z = V_SUB(v[q], middle[q]);
            total[q] = V_FMA(V_MUL(w, z), z, total[q]);
        }
    }
    store_abreast(total, count, rest, sum);
}

TARGET static void column_squares(const double *x, size_t stride, size_t rows, size_t cols,
                                  const double *weights, const double *mean, double *sum)
{
#define SQUARES(count, j, rest)                                                                    \
    squares_abreast(x + (j), stride, rows, (count), (rest), weights, mean + (j), sum + (j))
    FOR_ABREAST(cols, SQUARES);
}

/* isfinite() may become an ordered inequality of AVX, which valgrind takes NaN to meet. */
INLINE bool is_finite(double a)
{
    return a - a == 0;
}

INLINE double standard(double value, double centre, double scale, double fill)
{
    const double v = is_finite(value) ? value : fill, z = (v - centre) / scale;

    return is_finite(z) ? z : v / scale - centre / scale;
}

/* A value that is not finite makes a result that is not. */
TARGET static void standardise(const double *x, size_t stride, size_t rows, size_t cols,
                               const double *centre, const double *scale, const double *fill,
                               double *out)
{
    const size_t whole = cols / LANES * LANES;

    for (size_t i = 0; i < rows; i++, x += stride, out += cols) {
        for (size_t j = 0; j < whole; j += LANES) {
            const vec z = V_DIV(V_SUB(V_LOAD(x + j), V_LOAD(centre + j)), V_LOAD(scale + j));
            const vec size = V_MAX(z, V_SUB(V_SET(0), z));
            if (V_ALL_LESS(size, V_SET(INFINITY)))
                V_STORE(out + j, z);
            else
                for (size_t l = j; l < j + LANES; l++)
                    out[l] = standard(x[l], centre[l], scale[l], fill[l]);
        }
        for (size_t j = whole; j < cols; j++)
            out[j] = standard(x[j], centre[j], scale[j], fill[j]);
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
