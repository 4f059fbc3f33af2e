/* Where a fit starts: the distribution of the draws against probabilities computed by hand, and
 * k-means++ beside a plain form of it that looks at every row. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"
#include "engine/kernels.h"
#include "partition/start.h"
#include "support/failing_malloc.h"
#include "support/size.h"

/* ---- starting ---- */

typedef struct problem {
    const double *x, *weights;
    size_t rows, cols, clusters;
    const char *init;
    uint64_t seed;
} problem;

static mele_status read_memory(void *user, size_t first, size_t count, double *out,
                               mele_error *error)
{
    const mele_rows *rows = user;

    (void)error;
    memcpy(out, rows->data + first * rows->cols, count * rows->cols * sizeof *out);
    return MELE_OK;
}

static mele_status start_with(const problem *p, bool read, mele_engine *engine, double *centres,
                              size_t *found, mele_error *error)
{
    mele_rows memory = mele_i_rows_in_memory(p->x, p->rows, p->cols);
    mele_rows elsewhere = {p->rows, p->cols, NULL, 0, read_memory, &memory};
    mele_i_sample sample = {.rows = memory, .weights = p->weights};
    mele_partition_options options = mele_partition_defaults();
    const mele_i_attempt attempt = {&sample, &options, 0, 1, engine};
    mele_status status = mele_i_sample_describe(&sample, engine, error);

    options.clusters = p->clusters;
    options.init = p->init;
    options.seed = p->seed;
    if (read)
        sample.rows = elsewhere;
    if (status == MELE_OK)
        status = mele_i_start(&attempt, centres, found, error);
    mele_i_sample_clear(&sample);
    return status;
}

static size_t start(const problem *p, double *centres)
{
    size_t found = 0;

    cr_assert_eq(start_with(p, false, NULL, centres, &found, NULL), MELE_OK);
    return found;
}

static double *made(size_t count, uint64_t seed, double from, double width)
{
    mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_TESTS, count, 0);
    double *x = malloc(count * sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = from + width * mele_i_stream_uniform(&stream);
    return x;
}

static double squared(const double *a, const double *b, size_t cols)
{
    double sum = 0;

    for (size_t j = 0; j < cols; j++)
        sum = fma(a[j] - b[j], a[j] - b[j], sum);
    return sum;
}

/* ---- distributions ---- */

#define ROWS 4
#define FEW 8 /* of a cell are too few for chi^2 */

/* In one dimension, with distinct values: which row a centre is. */
static size_t row_at(const double *x, double value)
{
    size_t i = 0;

    while (i < ROWS && x[i] != value)
        i++;
    cr_assert_lt(i, ROWS);
    return i;
}

/* chi^2 of counts against probabilities, and its degrees of freedom; cells of which few are
 * expected are taken together, and those of probability zero must be empty. */
static double chi_square(const size_t *count, const double *probability, size_t cells, size_t draws,
                         size_t *freedom)
{
    double sum = 0, rare = 0, rare_count = 0;

    *freedom = 0;
    for (size_t i = 0; i < cells; i++) {
        double expected = probability[i] * (double)draws, off = (double)count[i] - expected;
        cr_assert(count[i] == 0 || probability[i] > 0, "cell %zu cannot occur", i);
        if (expected < FEW) {
            rare += expected;
            rare_count += (double)count[i];
            continue;
        }
        sum += off * off / expected;
        ++*freedom;
    }
    if (rare < FEW)
        --*freedom;
    else
        sum += (rare_count - rare) * (rare_count - rare) / rare;
    return sum;
}

/* The 1 - 1e-4 quantile of chi^2, by the cube root of Wilson and Hilferty 1931. */
static double quantile(size_t freedom)
{
    double a = 2 / (9 * (double)freedom), z = 3.719;

    return (double)freedom * pow(1 - a + z * sqrt(a), 3);
}

/* What would be left after one more centre. */
static double left_after(const double *x, const double *w, const double *nearest, size_t c)
{
    double sum = 0;

    for (size_t i = 0; i < ROWS; i++)
        sum += w[i] * fmin(nearest[i], (x[i] - x[c]) * (x[i] - x[c]));
    return sum;
}

/* The probability that row c wins among `candidates` draws: that none leaves less, one leaves as
 * little, and that the first of those is c. */
static double win(const double *x, const double *w, const double *nearest, size_t candidates,
                  size_t c)
{
    double total = 0, worse = 0, alike = 0, own = left_after(x, w, nearest, c);

    for (size_t i = 0; i < ROWS; i++) {
        double left = left_after(x, w, nearest, i);
        total += w[i] * nearest[i];
        worse += left > own ? w[i] * nearest[i] : 0;
        alike += left == own ? w[i] * nearest[i] : 0;
    }
    if (w[c] * nearest[c] == 0)
        return 0;
    return (pow((worse + alike) / total, (double)candidates)
            - pow(worse / total, (double)candidates)) * w[c] * nearest[c] / alike;
}

static void lower(const double *x, size_t c, double *nearest)
{
    for (size_t i = 0; i < ROWS; i++)
        nearest[i] = fmin(nearest[i], (x[i] - x[c]) * (x[i] - x[c]));
}

/* The probability of the rows a, b, c as first, second and third centre. */
static double path(const double *x, const double *w, size_t a, size_t b, size_t c)
{
    double nearest[ROWS] = {INFINITY, INFINITY, INFINITY, INFINITY}, total = 0, p;
    const size_t candidates = 3; /* 2 + floor(log 3) */

    for (size_t i = 0; i < ROWS; i++)
        total += w[i];
    p = w[a] / total;
    lower(x, a, nearest);
    if (p > 0)
        p *= win(x, w, nearest, candidates, b);
    lower(x, b, nearest);
    return p > 0 ? p * win(x, w, nearest, candidates, c) : 0;
}

Test(start, three_draws_have_the_probabilities_of_greedy_kmeans_plus_plus)
{
    static const double x[ROWS] = {0, 1.25, 3.5, 9};
    static const double weights[][ROWS] = {
        {1, 1, 1, 1}, {0.5, 2, 1, 0.75}, {3, 0, 1, 2}, {1e-3, 1e-3, 2e-3, 1e-3}};
    enum { DRAWS = 20000, CELLS = ROWS * ROWS * ROWS };

    for (size_t k = 0; k < sizeof weights / sizeof *weights; k++) {
        size_t count[CELLS] = {0}, freedom;
        double probability[CELLS] = {0}, centres[3], sum = 0;
        problem p = {x, k == 0 ? NULL : weights[k], ROWS, 1, 3, "kmeans++", 0};
        for (size_t i = 0; i < CELLS; i++) {
            size_t a = i / ROWS / ROWS, b = i / ROWS % ROWS, c = i % ROWS;
            bool apart = a != b && b != c && a != c;
            probability[i] = apart ? path(x, weights[k], a, b, c) : 0;
            sum += probability[i];
        }
        cr_assert_float_eq(sum, 1, 1e-12);
        for (p.seed = 1; p.seed <= DRAWS; p.seed++) {
            cr_assert_eq(start(&p, centres), 3);
            size_t cell = (row_at(x, centres[0]) * ROWS + row_at(x, centres[1])) * ROWS
                          + row_at(x, centres[2]);
            count[cell]++;
        }
        double found = chi_square(count, probability, CELLS, DRAWS, &freedom);
        cr_expect_lt(found, quantile(freedom), "weights %zu: chi^2 %g of %zu", k, found, freedom);
    }
}

Test(start, random_rows_are_every_set_alike)
{
    static const double x[ROWS] = {0, 1.25, 3.5, 9};
    static const double weights[][ROWS] = {{1, 1, 1, 1}, {5, 0, 0.1, 2}};
    enum { DRAWS = 12000, CELLS = ROWS * ROWS };

    for (size_t k = 0; k < 2; k++) {
        size_t count[CELLS] = {0}, freedom, sets = k == 0 ? 6 : 3;
        double probability[CELLS] = {0}, centres[2];
        problem p = {x, k == 0 ? NULL : weights[k], ROWS, 1, 2, "random", 0};
        for (size_t a = 0; a < ROWS; a++)
            for (size_t b = a + 1; b < ROWS; b++)
                if (weights[k][a] > 0 && weights[k][b] > 0)
                    probability[a * ROWS + b] = 1.0 / (double)sets;
        for (p.seed = 1; p.seed <= DRAWS; p.seed++) {
            cr_assert_eq(start(&p, centres), 2);
            size_t a = row_at(x, centres[0]), b = row_at(x, centres[1]);
            cr_assert_neq(a, b);
            count[a < b ? a * ROWS + b : b * ROWS + a]++;
        }
        double found = chi_square(count, probability, CELLS, DRAWS, &freedom);
        cr_expect_lt(found, quantile(freedom), "weights %zu: chi^2 %g of %zu", k, found, freedom);
    }
}

/* ---- beside the plain form ---- */

/* Greedy k-means++ that computes every distance. What it shares with the library is the blocks and
 * the order in which numbers are added, which its head describes. */
typedef struct plain {
    const problem *p;
    size_t block_rows, blocks;
    double *nearest, *sum, *left;
} plain;

static double weight_of(const problem *p, size_t i)
{
    return p->weights == NULL ? 1 : p->weights[i];
}

/* What each of the candidates leaves of the 32 rows from first on. */
static void plain_run(const plain *s, size_t first, size_t end, const double *candidates,
                      size_t count, double *left)
{
    const problem *p = s->p;
    double unchanged[8] = {0}, changed[32] = {0};

    for (size_t i = first; i < end; i++) {
        double own = s->nearest[i], w = weight_of(p, i);
        bool nearer = false;
        for (size_t c = 0; c < count; c++)
            nearer |= squared(p->x + i * p->cols, candidates + c * p->cols, p->cols) < own;
        for (size_t c = 0; c < count && nearer; c++)
            changed[c] = fma(w, fmin(own, squared(p->x + i * p->cols, candidates + c * p->cols,
                                                  p->cols)), changed[c]);
        unchanged[(i - first) % 8] += nearer ? 0 : w * own;
    }
    double same = ((unchanged[0] + unchanged[1]) + (unchanged[2] + unchanged[3]))
                  + ((unchanged[4] + unchanged[5]) + (unchanged[6] + unchanged[7]));
    for (size_t c = 0; c < count; c++)
        left[c] += same + changed[c];
}

static size_t plain_draw(const plain *s, double total, mele_i_stream *stream)
{
    const problem *p = s->p;
    double target = mele_i_stream_uniform(stream) * total;
    size_t block = s->blocks, last = 0;

    for (size_t b = 0; b < s->blocks && block == s->blocks; b++) {
        if (target < s->sum[b])
            block = b;
        else
            target -= s->sum[b];
        last = s->sum[b] > 0 ? b : last;
    }
    if (block == s->blocks) {
        block = last;
        target = INFINITY;
    }
    last = block * s->block_rows;
    for (size_t i = last; i < p->rows && i < (block + 1) * s->block_rows; i++) {
        double share = weight_of(p, i) * (s->nearest[i] == INFINITY ? 1 : s->nearest[i]);
        if (share > 0)
            last = i;
        if (share > 0 && target < share)
            break;
        target -= share;
    }
    return last;
}

static void plain_lower(plain *s, const double *centre)
{
    for (size_t i = 0; i < s->p->rows; i++) {
        double d = squared(s->p->x + i * s->p->cols, centre, s->p->cols);
        s->nearest[i] = d < s->nearest[i] ? d : s->nearest[i];
    }
}

static size_t plain_choose(plain *s, double *total, mele_i_stream *stream, size_t candidates,
                           double *point)
{
    const problem *p = s->p;
    size_t best = 0;

    for (size_t c = 0; c < candidates; c++)
        memcpy(point + c * p->cols, p->x + plain_draw(s, *total, stream) * p->cols,
               p->cols * sizeof *point);
    memset(s->left, 0, s->blocks * candidates * sizeof *s->left);
    for (size_t b = 0; b < s->blocks; b++)
        for (size_t i = b * s->block_rows; i < (b + 1) * s->block_rows && i < p->rows; i += 32)
            plain_run(s, i, i + 32 < p->rows ? i + 32 : p->rows, point, candidates,
                      s->left + b * candidates);
    for (size_t c = 0; c < candidates; c++) {
        double sum = 0;
        for (size_t b = 0; b < s->blocks; b++)
            sum += s->left[b * candidates + c];
        if (c == 0 || sum < *total) {
            best = c;
            *total = sum;
        }
    }
    for (size_t b = 0; b < s->blocks; b++)
        s->sum[b] = s->left[b * candidates + best];
    return best;
}

static double plain_sums(plain *s, bool first)
{
    double total = 0;

    for (size_t b = 0; b < s->blocks; b++) {
        s->sum[b] = 0;
        for (size_t i = b * s->block_rows; i < (b + 1) * s->block_rows && i < s->p->rows; i++)
            s->sum[b] += weight_of(s->p, i) * (first ? 1 : s->nearest[i]);
        total += s->sum[b];
    }
    return total;
}

static size_t plain_start(const problem *p, double *centres)
{
    size_t candidates = 2 + (size_t)log((double)p->clusters), k = 1;
    plain s = {.p = p, .block_rows = mele_i_partition_block(p->cols * candidates)};
    mele_i_stream stream = mele_i_stream_make(p->seed, MELE_I_FOR_PARTITION, 0, 0);
    double total, *point = malloc(candidates * p->cols * sizeof *point);

    s.block_rows = (s.block_rows + 31) / 32 * 32;
    s.blocks = (p->rows - 1) / s.block_rows + 1;
    s.nearest = malloc(p->rows * sizeof *s.nearest);
    s.sum = malloc(s.blocks * sizeof *s.sum);
    s.left = malloc(s.blocks * candidates * sizeof *s.left);
    for (size_t i = 0; i < p->rows; i++)
        s.nearest[i] = INFINITY;
    total = plain_sums(&s, true);
    memcpy(centres, p->x + plain_draw(&s, total, &stream) * p->cols, p->cols * sizeof *centres);
    plain_lower(&s, centres);
    total = plain_sums(&s, false);
    for (; k < p->clusters && total > 0; k++) {
        size_t best = plain_choose(&s, &total, &stream, candidates, point);
        memcpy(centres + k * p->cols, point + best * p->cols, p->cols * sizeof *centres);
        plain_lower(&s, centres + k * p->cols);
    }
    free(s.nearest);
    free(s.sum);
    free(s.left);
    free(point);
    return k;
}

typedef struct shape {
    char what[32];
    size_t rows, cols, clusters;
    double from, width;
    size_t groups;    /* 0: uniform */
    size_t distinct;  /* 0: all rows */
    bool weighted, one_far, flat;
} shape;

static const shape shapes[] = {
    {"uniform", TEST_SIZE(20011, 12000, 11000), 3, 20, -1, 2, 0, 0, false, false, false},
    {"uniform, weighted", TEST_SIZE(9001, 5001, 2100), 16, 30, 4, 1, 0, 0, true, false, false},
    {"groups", TEST_SIZE(30000, 17000, 17000), 2, 40, 0, 1, 40, 0, false, false, false},
    {"groups, weighted", TEST_SIZE(12345, 5001, 2100), 17, 12, 0, 1, 12, 0, true, false, false},
    {"groups far from zero", 5000, 5, 25, 1e8, 1, 25, 0, false, false, false},
    {"many clusters", TEST_SIZE(3000, 1500, 1000), 8, TEST_SIZE(1200, 600, 150), 0, 1, 0, 0, false, false, false},
    {"many columns", 700, 300, 9, 0, 1, 9, 0, true, false, false},
    {"one column", TEST_SIZE(40000, 33000, 33000), 1, TEST_SIZE(100, 50, 20), 0, 1, 0, 0, false, false, false},
    {"duplicates", 4000, 4, 40, 0, 1, 0, 25, true, false, false},
    {"a far row", 6000, 6, 10, 0, 1, 6, 0, false, true, false},
    {"a flat column", 6000, 6, 10, 0, 1, 6, 0, false, false, true},
    {"all rows", 61, 2, 61, 0, 1, 0, 0, false, false, false},
    {"a row", 1, 3, 1, 0, 1, 0, 0, false, false, false},
    {"equal rows", 100, 3, 5, 7, 0, 0, 1, false, false, false},
    {"huge", 5000, 4, 15, -1e150, 1e150, 0, 0, false, false, false},
    {"large", 5000, 4, 15, -1e130, 1e130, 15, 0, false, false, false},
    {"tiny", 5000, 4, 15, 1e-130, 1e-130, 15, 0, false, false, false},
    {"tinier", 5000, 4, 15, 0, 1e-155, 15, 0, false, false, false},
    {"beyond squares", 500, 2, 5, 0, 1e-200, 0, 0, false, false, false},
};

#define SHAPES (sizeof shapes / sizeof *shapes)

static problem make(const shape *s, double **x, double **weights)
{
    mele_i_stream stream = mele_i_stream_make(11, MELE_I_FOR_TESTS, s->rows, s->cols);
    double *middle = made(s->groups * s->cols, 3, 0, 20);
    size_t distinct = s->distinct == 0 ? s->rows : s->distinct;

    *x = made(s->rows * s->cols, s->clusters, s->from, s->width);
    *weights = made(s->rows, 5, -0.3, 1);
    for (size_t i = 0; i < s->rows; i++) {
        size_t group = s->groups > 0 ? mele_i_stream_below(&stream, s->groups) : 0;
        for (size_t j = 0; j < s->cols; j++) {
            double *at = *x + i * s->cols + j;
            if (s->groups > 0)
                *at += s->width * middle[group * s->cols + j];
            if (i >= distinct)
                *at = (*x)[i % distinct * s->cols + j];
            if (s->flat && j == 1)
                *at = 3;
        }
        (*weights)[i] = fmax(0, (*weights)[i]);
    }
    if (s->one_far)
        (*x)[s->rows / 2 * s->cols] = 1e12;
    free(middle);
    return (problem){*x, s->weighted ? *weights : NULL, s->rows, s->cols, s->clusters, "kmeans++",
                     1};
}

Test(start, what_is_left_out_changes_nothing)
{
    for (size_t c = 0; c < SHAPES; c++) {
        double *x, *weights;
        problem p = make(&shapes[c], &x, &weights);
        size_t size = p.clusters * p.cols;
        double *centres = calloc(size, sizeof *centres), *expected = calloc(size, sizeof *expected);
        for (p.seed = 1; p.seed <= TEST_SIZE(3, 2, 1); p.seed++) {
            size_t found = start(&p, centres), plain_found = plain_start(&p, expected);
            cr_assert_eq(found, plain_found, "%s: %zu, not %zu", shapes[c].what, found,
                         plain_found);
            for (size_t i = 0; i < found * p.cols; i++)
                cr_assert_eq(centres[i], expected[i], "%s, seed %ju: number %zu is %g, not %g",
                             shapes[c].what, (uintmax_t)p.seed, i, centres[i], expected[i]);
        }
        free(centres);
        free(expected);
        free(x);
        free(weights);
    }
}

Test(start, threads_and_where_rows_are_change_nothing)
{
    static const unsigned threads[] = {2, 3, 8};
    static const char *const inits[] = {"kmeans++", "random"};

    for (size_t c = 0; c < 2 * SHAPES; c++) {
        double *x, *weights;
        problem p = make(&shapes[c / 2], &x, &weights);
        size_t size = p.clusters * p.cols, found, other_found;
        double *centres = calloc(size, sizeof *centres), *other = calloc(size, sizeof *other);
        p.init = inits[c % 2];
        found = start(&p, centres);
        for (size_t t = 0; t < 6; t += TEST_SIZE(1, 1, 3)) {
            mele_engine_options options = {.threads = threads[t / 2]};
            mele_engine *engine = NULL;
            cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
            cr_assert_eq(start_with(&p, t % 2 == 1, engine, other, &other_found, NULL), MELE_OK);
            mele_engine_free(engine);
            cr_expect_eq(found, other_found, "%s", shapes[c / 2].what);
            cr_expect_eq(memcmp(centres, other, found * p.cols * sizeof *other), 0,
                         "%s, %s, %u threads, %s", shapes[c / 2].what, p.init, threads[t / 2],
                         t % 2 == 1 ? "read" : "in memory");
        }
        free(centres);
        free(other);
        free(x);
        free(weights);
    }
}

/* A matrix may have gaps between its rows. */
Test(start, stride)
{
    double *x = made(4000 * 7, 1, 0, 1), *tight = malloc(4000 * 5 * sizeof *tight);
    double centres[2][16 * 5];
    mele_partition_options options = mele_partition_defaults();

    for (size_t i = 0; i < 4000; i++)
        memcpy(tight + i * 5, x + i * 7, 5 * sizeof *tight);
    options.clusters = 16;
    for (size_t w = 0; w < 2; w++) {
        mele_i_sample sample = {.rows = {4000, 5, w == 0 ? x : tight, w == 0 ? 7 : 5, NULL, NULL}};
        const mele_i_attempt attempt = {&sample, &options, 0, 1, NULL};
        size_t found;
        cr_assert_eq(mele_i_sample_describe(&sample, NULL, NULL), MELE_OK);
        cr_assert_eq(mele_i_start(&attempt, centres[w], &found, NULL), MELE_OK);
        cr_assert_eq(found, 16);
        mele_i_sample_clear(&sample);
    }
    cr_expect_eq(memcmp(centres[0], centres[1], sizeof *centres), 0);
    free(x);
    free(tight);
}

/* ---- the kernels ---- */

enum { RUN = 32, COLS = 7, POINTS = 16 };

/* Every width gives the same bits. */
Test(start, sums_of_a_run_for_every_width)
{
    static const uint32_t masks[] = {0, 1, 0x80000000, 0x00F0A005, UINT32_MAX};
    double *distance = made(RUN * POINTS, 1, 0, 1), *nearest = made(RUN, 2, 0, 0.4);
    double *weights = made(RUN, 3, 0, 2), expected[POINTS], sum[POINTS];

    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++)
        for (size_t points = 8; points <= POINTS; points += 8)
            for (size_t k = 0; mele_i_kernels_at(k) != NULL; k++) {
                double *out = k == 0 ? expected : sum;
                for (size_t p = 0; p < points; p++)
                    out[p] = 3;
                mele_i_kernels_at(k)->add_nearest(masks[m], distance, points, nearest, weights,
                                                  out);
                cr_expect_eq(memcmp(expected, out, points * sizeof *out), 0, "%s, mask %x",
                             mele_i_kernels_at(k)->name, masks[m]);
            }
    free(distance);
    free(nearest);
    free(weights);
}

/* Whoever is clearly nearer is marked, and whoever is clearly not is not. */
Test(start, rows_near_to_points_for_every_width)
{
    float step[COLS], point[9 * COLS], limit[RUN], reach[2] = {0.2f, 0.6f};
    uint8_t bytes[COLS * RUN];
    uint32_t label[RUN];
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);

    for (size_t draw = 0; draw < 300; draw++) {
        size_t count = 1 + draw % 9;
        for (size_t j = 0; j < COLS; j++)
            step[j] = (float)(mele_i_stream_uniform(&stream) / 255);
        for (size_t i = 0; i < COLS * RUN; i++)
            bytes[i] = (uint8_t)mele_i_stream_below(&stream, 256);
        for (size_t i = 0; i < count * COLS; i++)
            point[i] = (float)mele_i_stream_uniform(&stream);
        for (size_t i = 0; i < RUN; i++) {
            limit[i] = (float)mele_i_stream_uniform(&stream);
            label[i] = (uint32_t)mele_i_stream_below(&stream, 2);
        }
        for (size_t k = 0; mele_i_kernels_at(k) != NULL; k++) {
            uint32_t mask = mele_i_kernels_at(k)->near(bytes, COLS, step, point, count, limit,
                                                       label, reach);
            for (size_t i = 0; i < RUN; i++) {
                double least = INFINITY;
                for (size_t p = 0; p < count; p++) {
                    double sum = 0;
                    for (size_t j = 0; j < COLS; j++)
                        sum += pow((double)step[j] * bytes[j * RUN + i]
                                   - (double)point[p * COLS + j], 2);
                    least = fmin(least, sum);
                }
                bool within = limit[i] < reach[label[i]];
                if (fabs(least / (double)limit[i] - 1) > 1e-5)
                    cr_assert_eq(mask >> i & 1, !within && least < (double)limit[i], "%s, row %zu",
                                 mele_i_kernels_at(k)->name, i);
            }
        }
    }
}

/* ---- how many there are ---- */

Test(start, distinct_rows_are_found_and_no_more)
{
    /* 7 distinct rows, of which 2 have no weight; the differences are far from alike */
    static const double distinct[][2] = {{0, 0},    {0, 1e-9}, {1, 1},      {1e6, -3},
                                         {1e6, -4}, {5, 5},    {1e-30, 1e9}};
    static const double weights[] = {1, 1e-12, 3, 1e6, 1, 0, 0};
    double x[70][2], w[70], centres[70][2];

    for (size_t i = 0; i < 70; i++) {
        memcpy(x[i], distinct[i * 3 % 7], sizeof *x);
        w[i] = weights[i * 3 % 7];
    }
    for (uint64_t seed = 1; seed <= 200; seed++) {
        problem p = {x[0], NULL, 70, 2, 70, "kmeans++", seed};
        cr_assert_eq(start(&p, centres[0]), 7);
        p.weights = w;
        cr_assert_eq(start(&p, centres[0]), 5);
        for (size_t k = 0; k < 5; k++) {
            cr_assert(!(centres[k][0] == 5 || centres[k][1] == 1e9), "a row without weight");
            for (size_t l = 0; l < k; l++)
                cr_assert(memcmp(centres[k], centres[l], sizeof *centres) != 0, "one twice");
        }
        p.init = "random";
        cr_assert_eq(start(&p, centres[0]), 50);
    }
}

Test(start, random_rows_when_all_are_wanted)
{
    double *x = made(40, 1, 0, 1), centres[40];
    problem p = {x, NULL, 40, 1, 40, "random", 3};

    cr_assert_eq(start(&p, centres), 40);
    cr_expect_eq(memcmp(x, centres, sizeof centres), 0);
    free(x);
}

Test(start, given_centres_are_taken_as_they_are)
{
    static const double given[] = {4, 2, 9, 1, 3, 9}; /* two rows, 3 apart */
    mele_matrix view = {given, 2, 2, 3};
    mele_partition_options options = mele_partition_defaults();
    mele_i_sample sample = {.rows = mele_i_rows_in_memory(given, 3, 2)};
    const mele_i_attempt attempt = {&sample, &options, 0, 1, NULL};
    double centres[4];
    size_t found;

    options.centres = &view;
    options.clusters = 2;
    cr_assert_eq(mele_i_start(&attempt, centres, &found, NULL), MELE_OK);
    cr_expect_eq(found, 2);
    cr_expect(centres[0] == 4 && centres[1] == 2 && centres[2] == 1 && centres[3] == 3);
}

/* ---- failures ---- */

typedef struct failing {
    const mele_rows *rows;
    size_t calls, most;
} failing;

static mele_status read_some(void *user, size_t first, size_t count, double *out,
                             mele_error *error)
{
    failing *f = user;

    if (f->calls++ == f->most) {
        error->status = MELE_EIO;
        strcpy(error->message, "the disk is gone");
        return MELE_EIO;
    }
    return read_memory((void *)f->rows, first, count, out, error);
}

/* Whichever read fails, its message comes back and nothing is found. */
Test(start, a_read_that_fails)
{
    double *x = made(2000 * 3, 1, 0, 1), centres[4 * 3];
    mele_rows memory = mele_i_rows_in_memory(x, 2000, 3);
    mele_partition_options options = mele_partition_defaults();
    mele_status status = MELE_EIO;
    size_t runs = 0;

    options.clusters = 4;
    for (size_t init = 0; init < 2; init++) {
        options.init = init == 0 ? "kmeans++" : "random";
        for (size_t most = 0; most == 0 || status != MELE_OK; most++, runs++) {
            failing f = {&memory, 0, most};
            mele_i_sample sample = {.rows = {2000, 3, NULL, 0, read_some, &f}};
            const mele_i_attempt attempt = {&sample, &options, 0, 1, NULL};
            mele_error error = {.status = MELE_OK};
            size_t found = 99;
            status = mele_i_start(&attempt, centres, &found, &error);
            if (status == MELE_OK)
                break;
            cr_assert_eq(status, MELE_EIO);
            cr_assert_eq(found, 99);
            cr_assert_str_eq(error.message, "the disk is gone");
        }
    }
    cr_expect_gt(runs, 10);
    free(x);
}

Test(start, memory_that_runs_out)
{
    double *x = made(3000 * 3, 1, 0, 1), centres[4 * 3];
    problem p = {x, NULL, 3000, 3, 4, "kmeans++", 1};

    for (int read = 0; read < 2; read++)
        for (size_t n = 0;; n++) {
            mele_error error;
            size_t found = 99;
            failing_malloc_at(n);
            mele_status status = start_with(&p, read == 1, NULL, centres, &found, &error);
            if (!failing_malloc_end()) {
                cr_assert_eq(status, MELE_OK);
                cr_expect_gt(n, 8);
                break;
            }
            cr_assert_eq(status, MELE_ENOMEM, "allocation %zu", n);
            cr_assert_eq(found, 99);
        }
    free(x);
}
