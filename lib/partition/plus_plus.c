/* Centres to start from that lie apart.
 *
 * k-means++ (Arthur, Vassilvitskii, SODA 2007) draws each next centre among the rows with
 * probability w_i D_i / sum w D, D_i the squared distance to the nearest centre so far; the greedy
 * form draws 2 + floor(log K) candidates and keeps the one that leaves the smallest sum (the
 * lowest index among equals). The first is drawn with probability w_i / sum w. When the sum is
 * zero every row of positive weight is a centre already: no more distinct rows.
 *
 * A step is one pass: it lowers D for the centre that the step before chose, and finds for each
 * candidate c the sum of w min(D, |x - c|^2), whose terms by blocks are what the next draw wants
 * of the one that wins. Only in the blocks that a draw ends in is D lowered before that pass.
 *
 * Most rows are not looked at, since two bounds tell that neither the centre nor a candidate is
 * nearer than D. With m the nearest centre, |x - c| >= |c - m| - |x - m|, so that a D of at most
 * |c - m|^2 / 4 stays as it is (Elkan, ICML 2003): a table of the least of these by the label of m.
 * And, of rows in memory, a grid: x' is x with each coordinate rounded to one of 256 cells of the
 * column's range, |x - x'| <= e, so that |x' - c| >= sqrt(D) + e does. Both bounds are narrowed by
 * more than the rounding of what they compare, so the computed distance of a row that is left out
 * is no less than its D.
 *
 * Nor do the sums depend on who was looked at: a run of rows comes to the sum of w D over those
 * that no candidate is nearer to, plus, for each candidate, that of w min(D, |x - c|^2) over the
 * others; runs are summed in their order.
 *
 * Of very many rows the centres are chosen among those of a coreset (see coreset.c), by the same
 * weighted form, and the best of a few such choices is kept: two passes over the rows instead of K,
 * and sums that come out smaller. When the coreset has fewer distinct rows than K, all rows are
 * taken after all. */
#include "partition/plus_plus.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/coreset.h"

#define CORE_ROWS 65536   /* of a coreset at least, */
#define CORE_A_CENTRE 1024 /* and for every centre */
#define CORE_SHARE 4      /* of the rows at most one in so many */
#define TRIALS 3          /* on a coreset, of which the best is kept */

#define RUN 32 /* rows, a bit of a mask each; the kernel near() takes as many */
#define RUNS 8 /* whose distances are taken together, at most */
#define PREFETCHED 128 /* columns of a row that is asked for ahead, at most */
#define POINTS 8       /* the kernel add_nearest() takes a multiple of them */
#define MOST_POINTS 24 /* 3 + log(2^31) */

/* The grid, in units of the widest range and from the lowest corner on. */
typedef struct grid {
    uint8_t *cell; /* of every run columns x RUN; NULL: there is no grid */
    float *limit;  /* n, in full runs: (sqrt(D) + e)^2, and what floats may be off */
    float *step;   /* d: width of a cell */
    float *point;  /* (1 + candidates) x d, half a cell down */
    float *reach;  /* of every centre the limit of its reach */
    double *cells; /* d: cells in one of the data's units */
    double unit, off; /* the widest range, and e */
} grid;

typedef struct seeding {
    const mele_i_attempt *attempt;
    const mele_i_kernels *kernels;
    size_t block_rows, blocks, chunk; /* chunk: rows whose distances are taken together */
    size_t candidates;  /* of a step */
    double *nearest;    /* n: squared distance to the nearest centre; 0 without weight */
    uint32_t *label;    /* n: which centre that is */
    double *block_sum;  /* of every block the sum of w nearest, as it is after the newest centre */
    double *block_left; /* blocks x points: those sums after each candidate */
    size_t points;      /* 1 + candidates, in full POINTS: the last candidate repeated */
    double *point;      /* the newest centre, then the candidates: points x d */
    double *reach;      /* of every centre: rows of its own that are no farther do not change */
    double *apart;      /* (1 + candidates) x K squared distances */
    size_t newest;      /* the number of the newest centre */
    size_t trying;      /* points in a pass: the newest centre alone, or all */
    double *scratch;    /* of a block outside of a pass */
    grid grid;
} seeding;

/* ---- one block ---- */

/* The working memory of a thread. */
typedef struct room {
    uint32_t *mask;   /* of every run of the block: the rows to look at */
    double *rows;     /* the block's, when they have to be read */
    double *chosen;   /* chunk x d: rows to look at, side by side */
    double *distance; /* chunk x points */
} room;

static size_t room_bytes(const seeding *s)
{
    const mele_rows *x = &s->attempt->sample->rows;
    size_t masks = (s->block_rows + RUN - 1) / RUN;

    return (masks + 1) / 2 * 2 * sizeof(uint32_t)
           + (mele_i_rows_room(x, s->block_rows) + s->chunk * x->cols + s->chunk * s->points)
                 * sizeof(double);
}

static room room_of(const seeding *s, void *scratch)
{
    const mele_rows *x = &s->attempt->sample->rows;
    room r = {.rows = scratch};

    r.chosen = r.rows + mele_i_rows_room(x, s->block_rows);
    r.distance = r.chosen + s->chunk * x->cols;
    r.mask = (uint32_t *)(r.distance + s->chunk * s->points);
    return r;
}

/* The rows of a run that may change, by the reach of their centres alone. */
static uint32_t beyond_reach(const seeding *s, size_t first, size_t rows)
{
    const double *nearest = s->nearest + first;
    const uint32_t *label = s->label + first;
    uint32_t mask = 0;

    for (size_t r = 0; r < rows; r++)
        mask |= (uint32_t)(nearest[r] > s->reach[label[r]]) << r;
    return mask;
}

/* How many different points a pass looks from. */
static size_t real_points(const seeding *s)
{
    return s->trying == 1 ? 1 : 1 + s->candidates;
}

/* Mark the rows that may change; returns how many there are. */
static size_t mark(const seeding *s, mele_i_block block, uint32_t *mask)
{
    const size_t cols = s->attempt->sample->rows.cols;
    const grid *g = &s->grid;
    size_t marked = 0;

    for (size_t i = 0; i < block.count; i += RUN) {
        size_t rows = block.count - i < RUN ? block.count - i : RUN, at = block.first + i;
        uint32_t all = rows < RUN ? (UINT32_C(1) << rows) - 1 : UINT32_MAX;
        uint32_t bits = g->cell == NULL
                            ? beyond_reach(s, at, rows)
                            : s->kernels->near(g->cell + at * cols, cols, g->step, g->point,
                                               real_points(s), g->limit + at, s->label + at,
                                               g->reach);
        mask[i / RUN] = bits & all;
        marked += (size_t)__builtin_popcount(bits & all);
    }
    return marked;
}

/* The marked ones of the rows x side by side; returns them, or x itself when all are. */
static mele_matrix choose_rows(const mele_matrix *x, const uint32_t *mask, double *chosen)
{
    size_t marked = 0;

    for (size_t i = 0; i < x->rows; i += RUN)
        marked += (size_t)__builtin_popcount(mask[i / RUN]);
    if (marked == x->rows)
        return *x;
    double *out = chosen;
    for (size_t i = 0; i < x->rows; i += RUN)
        for (uint32_t bits = mask[i / RUN]; bits != 0; bits &= bits - 1, out += x->cols) {
            size_t row = i + (size_t)__builtin_ctz(bits);
            memcpy(out, x->data + row * x->stride, x->cols * sizeof *out);
        }
    return mele_matrix_of(chosen, marked, x->cols);
}

/* Beyond this, in squares, a row of the grid is not changed. */
static float limit_of(const grid *g, size_t cols, double nearest)
{
    double limit = sqrt(nearest) / g->unit + g->off;

    return (float)(limit * limit * (1 + (double)(cols + 8) * 0x1p-21));
}

/* Lower the nearest distances of a run to those of the newest centre. */
static void lower_run(const seeding *s, uint32_t mask, size_t first, const double *distance)
{
    for (; mask != 0; mask &= mask - 1, distance += s->trying) {
        size_t i = first + (size_t)__builtin_ctz(mask);
        if (distance[0] >= s->nearest[i])
            continue;
        s->nearest[i] = distance[0];
        s->label[i] = (uint32_t)s->newest;
        if (s->grid.cell != NULL)
            s->grid.limit[i] = limit_of(&s->grid, s->attempt->sample->rows.cols, distance[0]);
    }
}

/* Add to sum[] what each point would leave of a run. */
static void add_run(const seeding *s, uint32_t mask, size_t first, size_t rows,
                    const double *distance, double *sum)
{
    static const double ones[RUN] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const double *nearest = s->nearest + first, *weights = s->attempt->sample->weights;
    double last[RUN], last_weights[RUN];

    weights = weights == NULL ? ones : weights + first;
    for (size_t i = 0; i < RUN && rows < RUN; i++) {
        last[i] = i < rows ? nearest[i] : 0;
        last_weights[i] = i < rows ? weights[i] : 0;
    }
    s->kernels->add_nearest(mask, distance, s->trying, rows < RUN ? last : nearest,
                            rows < RUN ? last_weights : weights, sum);
}

/* Ask for the marked ones of the rows x, which are not neighbours. */
static void prefetch_rows(const double *x, size_t stride, size_t cols, size_t rows,
                          const uint32_t *mask)
{
    const size_t line = 64 / sizeof *x;

    for (size_t i = 0; i < rows; i += RUN)
        for (uint32_t bits = mask[i / RUN]; bits != 0; bits &= bits - 1) {
            const double *row = x + (i + (size_t)__builtin_ctz(bits)) * stride;
            for (size_t j = 0; j < cols; j += line)
                __builtin_prefetch(row + j);
            __builtin_prefetch(row + cols - 1);
        }
}

/* Some runs of a block: rows x, of which the first is row `first`. */
static void step_chunk(const seeding *s, const mele_matrix *x, size_t first, const uint32_t *mask,
                       const room *r, double *sum)
{
    const size_t rows = x->rows, points = s->trying;
    const mele_matrix chosen = choose_rows(x, mask, r->chosen);
    const double *distance = r->distance;

    s->kernels->distances(chosen.data, chosen.stride, chosen.rows, chosen.cols, s->point, points,
                          r->distance);
    for (size_t i = 0; i < rows; i += RUN) {
        uint32_t bits = mask[i / RUN];
        lower_run(s, bits, first + i, distance);
        if (points > 1)
            add_run(s, bits, first + i, rows - i < RUN ? rows - i : RUN, distance, sum);
        distance += (size_t)__builtin_popcount(bits) * points;
    }
}

/* Lower the nearest distances of a block for the newest centre, and sum what each candidate that
 * is tried would leave of them. Doing it twice is doing it once. */
static mele_status step_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const seeding *s = context;
    const mele_rows *rows = &s->attempt->sample->rows;
    room r = room_of(s, scratch);
    double sum[MOST_POINTS] = {0};
    const double *x = NULL;
    size_t stride = 0, cols = rows->cols;

    (void)partial;
    if (mark(s, block, r.mask) > 0) {
        mele_status status = mele_i_rows_take(rows, block, r.rows, &x, &stride, error);
        if (status != MELE_OK)
            return status;
    }
    for (size_t i = 0, count; i < block.count; i += count) {
        size_t left = block.count - i, next;
        count = left < s->chunk ? left : s->chunk;
        next = left - count < s->chunk ? left - count : s->chunk;
        if (rows->data != NULL && x != NULL && cols <= PREFETCHED)
            prefetch_rows(x + (i + count) * stride, stride, cols, next,
                          r.mask + (i + count) / RUN);
        const mele_matrix chunk = {x == NULL ? r.chosen : x + i * stride, count, cols, stride};
        step_chunk(s, &chunk, block.first + i, r.mask + i / RUN, &r, sum);
    }
    if (s->trying > 1)
        memcpy(s->block_left + block.index * s->points, sum, s->points * sizeof *sum);
    return MELE_OK;
}

/* The cells of a block's rows x, and the limits of their distances. */
static void fill_grid(const seeding *s, mele_i_block block, const double *x, size_t stride)
{
    const double *low = s->attempt->sample->low;
    size_t cols = s->attempt->sample->rows.cols;
    const grid *g = &s->grid;

    for (size_t i = block.first; i < block.first + block.count; i++, x += stride) {
        uint8_t *cell = g->cell + i / RUN * RUN * cols + i % RUN;
        for (size_t j = 0; j < cols; j++)
            cell[j * RUN] = (uint8_t)((x[j] - low[j]) * g->cells[j]);
        g->limit[i] = limit_of(g, cols, s->nearest[i]);
    }
}

/* The distances to the first centre. */
static mele_status first_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const seeding *s = context;
    const mele_i_sample *sample = s->attempt->sample;
    double *nearest = s->nearest + block.first, sum = 0;
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(&sample->rows, block, scratch, &x, &stride, error);

    (void)partial;
    if (status != MELE_OK)
        return status;
    s->kernels->distances(x, stride, block.count, sample->rows.cols, s->point, 1, nearest);
    for (size_t i = 0; i < block.count; i++) {
        double weight = mele_i_weight(sample, block.first + i);
        nearest[i] = weight > 0 ? nearest[i] : 0;
        sum += weight * nearest[i];
    }
    if (s->grid.cell != NULL)
        fill_grid(s, block, x, stride);
    s->block_sum[block.index] = sum;
    return MELE_OK;
}

static mele_status run_pass(seeding *s,
                            mele_status (*map)(void *, mele_i_block, void *, void *, mele_error *),
                            mele_error *error)
{
    mele_i_pass pass = {.rows = s->attempt->sample->rows.rows,
                        .block_rows = s->block_rows,
                        .scratch_bytes = room_bytes(s),
                        .map = map,
                        .context = s};

    return mele_i_pass_run(s->attempt->engine, &pass, error);
}

/* ---- drawing rows ---- */

static mele_i_block block_at(const seeding *s, size_t index)
{
    size_t first = index * s->block_rows, left = s->attempt->sample->rows.rows - first;

    return (mele_i_block){index, first, left < s->block_rows ? left : s->block_rows};
}

/* The block in which the running sum passes *target, which becomes what is left of it there; when
 * rounding carries it past all of them, the last that has a sum. */
static size_t block_of(const seeding *s, double *target)
{
    size_t last = 0;

    for (size_t b = 0; b < s->blocks; b++) {
        if (*target < s->block_sum[b])
            return b;
        if (s->block_sum[b] > 0)
            last = b;
        *target -= s->block_sum[b];
    }
    *target = INFINITY;
    return last;
}

/* The row of a block in which the running sum of the shares passes target, or the last that has
 * a share: its weight, or its weight times its distance. */
static size_t row_of(const seeding *s, mele_i_block block, bool by_distance, double target)
{
    size_t last = block.first;

    for (size_t i = block.first; i < block.first + block.count; i++) {
        double share = mele_i_weight(s->attempt->sample, i);
        if (by_distance)
            share *= s->nearest[i];
        if (share > 0)
            last = i;
        if (share > 0 && target < share)
            break;
        target -= share;
    }
    return last;
}

static mele_status draw_first(seeding *s, mele_i_stream *stream, mele_error *error)
{
    const mele_i_sample *sample = s->attempt->sample;
    double total = 0, target;

    for (size_t b = 0; b < s->blocks; b++) {
        mele_i_block block = block_at(s, b);
        s->block_sum[b] = 0;
        for (size_t i = block.first; i < block.first + block.count; i++)
            s->block_sum[b] += mele_i_weight(sample, i);
        total += s->block_sum[b];
    }
    target = mele_i_stream_uniform(stream) * total;
    size_t index = block_of(s, &target);
    return mele_i_rows_copy(&sample->rows, row_of(s, block_at(s, index), false, target), s->point,
                            error);
}

/* Draw the candidates. The distances of the blocks they come from are brought up to date first. */
static mele_status draw_candidates(seeding *s, mele_i_stream *stream, double total,
                                   mele_error *error)
{
    const mele_rows *rows = &s->attempt->sample->rows;
    mele_status status = MELE_OK;

    for (size_t c = 0; c < s->candidates && status == MELE_OK; c++) {
        double target = mele_i_stream_uniform(stream) * total;
        mele_i_block block = block_at(s, block_of(s, &target));
        status = step_block(s, block, NULL, s->scratch, error);
        if (status == MELE_OK)
            status = mele_i_rows_copy(rows, row_of(s, block, true, target),
                                      s->point + (1 + c) * rows->cols, error);
    }
    for (size_t p = 1 + s->candidates; p < s->points && status == MELE_OK; p++)
        memcpy(s->point + p * rows->cols, s->point + s->candidates * rows->cols,
               rows->cols * sizeof *s->point);
    return status;
}

/* ---- the steps ---- */

/* How far a row of each centre may be from it and still be left as it is by the newest centre and
 * the candidates that are tried. Distances are off by a share of at most (d + 3) 2^-53; in the
 * range of numbers that are not exact in this sense every row is looked at. */
static void find_reach(seeding *s, const double *centres)
{
    size_t cols = s->attempt->sample->rows.cols, count = s->newest + 1, points = s->trying;
    double shrink = 0.25 * (1 - (double)(cols + 8) * 8 * DBL_EPSILON);

    s->kernels->distances(s->point, cols, points, cols, centres, count, s->apart);
    for (size_t k = 0; k < count; k++) {
        double least = INFINITY;
        for (size_t p = k == s->newest ? 1 : 0; p < points; p++)
            least = fmin(least, s->apart[p * count + k]);
        s->reach[k] = least < 1e-280 ? 0 : shrink * least;
        if (s->grid.cell != NULL) /* limits grow with distances: a smaller one is within reach */
            s->grid.reach[k] = limit_of(&s->grid, cols, s->reach[k]);
    }
}

/* The points of a step on the grid. */
static void find_points(seeding *s)
{
    const double *low = s->attempt->sample->low;
    size_t cols = s->attempt->sample->rows.cols;
    grid *g = &s->grid;

    for (size_t p = 0; p < real_points(s) && g->cell != NULL; p++)
        for (size_t j = 0; j < cols; j++)
            g->point[p * cols + j] = (float)((s->point[p * cols + j] - low[j]) / g->unit
                                             - 0.5 * (double)g->step[j]);
}

static void look_from(seeding *s, size_t trying, const double *centres)
{
    s->trying = trying;
    find_reach(s, centres);
    find_points(s);
}

/* The point of the candidate that leaves the least, ties to the first; *total becomes that. */
static size_t best_candidate(const seeding *s, double *total)
{
    size_t best = 0;

    for (size_t p = 1; p <= s->candidates; p++) {
        double sum = 0;
        for (size_t b = 0; b < s->blocks; b++)
            sum += s->block_left[b * s->points + p];
        if (p == 1 || sum < *total) {
            *total = sum;
            best = p;
        }
    }
    return best;
}

/* Choose centre k from candidates; *total: the sum of w D before and after. */
static mele_status choose_next(seeding *s, size_t k, mele_i_stream *stream, double *total,
                               double *centres, mele_error *error)
{
    size_t d = s->attempt->sample->rows.cols, best;
    mele_status status;

    look_from(s, 1, centres);
    status = draw_candidates(s, stream, *total, error);
    if (status != MELE_OK)
        return status;
    look_from(s, s->points, centres);
    status = run_pass(s, step_block, error);
    if (status != MELE_OK)
        return status;
    best = best_candidate(s, total);
    for (size_t b = 0; b < s->blocks; b++)
        s->block_sum[b] = s->block_left[b * s->points + best];
    memcpy(s->point, s->point + best * d, d * sizeof *s->point);
    memcpy(centres + k * d, s->point, d * sizeof *s->point);
    s->newest = k;
    return MELE_OK;
}

/* *left: the sum of w D in the end. */
static mele_status seed(seeding *s, mele_i_stream *stream, double *centres, size_t *found,
                        double *left, mele_error *error)
{
    const mele_i_attempt *attempt = s->attempt;
    size_t d = attempt->sample->rows.cols, k = 1;
    double total = 0;
    mele_status status = draw_first(s, stream, error);

    if (status == MELE_OK)
        status = run_pass(s, first_block, error);
    if (status != MELE_OK)
        return status;
    memcpy(centres, s->point, d * sizeof *centres);
    for (size_t b = 0; b < s->blocks; b++)
        total += s->block_sum[b];
    for (; k < attempt->options->clusters && total > 0 && status == MELE_OK; k++) {
        status = choose_next(s, k, stream, &total, centres, error);
        if (status == MELE_OK && attempt->sample->rows.data == NULL)
            status = mele_i_partition_progress(attempt, 0, NAN, error);
    }
    if (status == MELE_OK) {
        *found = k;
        *left = total;
    }
    return status;
}

/* ---- memory ---- */

/* The widths of the cells. Where squares of the ranges are far from what doubles and floats hold,
 * and for rows that are not in memory, which the cells would have to be, there is no grid. */
static bool plan_grid(const mele_i_sample *sample, grid *g)
{
    double squares = 0;

    for (size_t j = 0; j < sample->rows.cols && sample->rows.data != NULL; j++)
        g->unit = fmax(g->unit, sample->high[j] - sample->low[j]);
    if (!(g->unit > 1e-140 && g->unit < 1e140))
        return false;
    for (size_t j = 0; j < sample->rows.cols; j++) {
        double range = (sample->high[j] - sample->low[j]) / g->unit;
        bool flat = range < 1e-20; /* and then one cell, from whose lower end all is near */
        g->step[j] = flat ? 0 : (float)(range / 255);
        g->cells[j] = flat ? 0 : 255 / (sample->high[j] - sample->low[j]);
        squares += flat ? 0 : (range / 255) * (range / 255);
    }
    g->off = 0.5 * sqrt(squares) * 1.001; /* floats are off by less than a thousandth of a cell */
    return true;
}

static mele_status make_grid(seeding *s, mele_error *error)
{
    const mele_rows *rows = &s->attempt->sample->rows;
    size_t cols = rows->cols, full = (rows->rows + RUN - 1) / RUN * RUN;
    grid *g = &s->grid;

    g->step = MELE_I_ARRAY(float, cols);
    g->cells = MELE_I_ARRAY(double, cols);
    g->point = mele_i_array(cols, (1 + s->candidates) * sizeof(float));
    g->reach = MELE_I_ARRAY(float, s->attempt->options->clusters);
    if (g->step == NULL || g->cells == NULL || g->point == NULL || g->reach == NULL)
        return mele_i_no_memory(error);
    if (!plan_grid(s->attempt->sample, g))
        return MELE_OK;
    g->limit = MELE_I_ARRAY(float, full);
    g->cell = mele_i_array(full, cols);
    if (g->limit == NULL || g->cell == NULL)
        return mele_i_no_memory(error);
    memset(g->cell + (full - RUN) * cols, 0, RUN * cols);
    for (size_t i = full - RUN; i < full; i++)
        g->limit[i] = 0;
    return MELE_OK;
}

static mele_status make_room(seeding *s, mele_error *error)
{
    size_t n = s->attempt->sample->rows.rows, d = s->attempt->sample->rows.cols;
    size_t clusters = s->attempt->options->clusters, points = s->points;

    s->nearest = MELE_I_ARRAY(double, n);
    s->label = MELE_I_ZEROED(uint32_t, (n + RUN - 1) / RUN * RUN);
    s->block_sum = MELE_I_ARRAY(double, s->blocks);
    s->block_left = mele_i_array(s->blocks, points * sizeof(double));
    s->point = mele_i_array(d, points * sizeof(double));
    s->reach = MELE_I_ARRAY(double, clusters);
    s->apart = mele_i_array(clusters, points * sizeof(double));
    s->scratch = mele_i_array(1, room_bytes(s));
    if (s->nearest == NULL || s->label == NULL || s->block_sum == NULL || s->block_left == NULL
        || s->point == NULL || s->reach == NULL || s->apart == NULL || s->scratch == NULL)
        return mele_i_no_memory(error);
    return make_grid(s, error);
}

static void free_room(seeding *s)
{
    free(s->nearest);
    free(s->label);
    free(s->block_sum);
    free(s->block_left);
    free(s->point);
    free(s->reach);
    free(s->apart);
    free(s->scratch);
    free(s->grid.cell);
    free(s->grid.limit);
    free(s->grid.step);
    free(s->grid.point);
    free(s->grid.reach);
    free(s->grid.cells);
}

static mele_status plus_plus(const mele_i_attempt *attempt, mele_i_stream *stream, double *centres,
                             size_t *found, double *left, mele_error *error)
{
    size_t n = attempt->sample->rows.rows, d = attempt->sample->rows.cols;
    size_t clusters = attempt->options->clusters, candidates = 2 + (size_t)log((double)clusters);
    seeding s = {.attempt = attempt,
                 .kernels = mele_i_kernels_best(),
                 .candidates = candidates,
                 .points = candidates / POINTS * POINTS + POINTS,
                 .chunk = RUN * (d < 16 ? RUNS : d < 128 ? RUNS / 2 : 1)};
    mele_status status;

    s.block_rows = (mele_i_partition_block(d * candidates) + RUN - 1) / RUN * RUN;
    s.blocks = (n - 1) / s.block_rows + 1;
    status = make_room(&s, error);
    if (status == MELE_OK)
        status = seed(&s, stream, centres, found, left, error);
    free_room(&s);
    return status;
}

/* ---- many rows ---- */

/* The best of TRIALS runs on the rows of a coreset. */
static mele_status best_trial(const mele_i_attempt *attempt, mele_i_stream *stream,
                              double *centres, size_t *found, mele_error *error)
{
    const size_t d = attempt->sample->rows.cols, clusters = attempt->options->clusters;
    double *trial = mele_i_array(clusters, d * sizeof(double)), least = INFINITY;
    mele_status status = trial == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (int t = 0; t < TRIALS && status == MELE_OK; t++) {
        size_t count = 0;
        double left = INFINITY;
        status = plus_plus(attempt, stream, trial, &count, &left, error);
        if (status == MELE_OK && left < least) {
            least = left;
            *found = count;
            memcpy(centres, trial, count * d * sizeof *centres);
        }
    }
    free(trial);
    return status;
}

/* Of very many rows a coreset, unless it has too few distinct ones. */
mele_status mele_i_plus_plus(const mele_i_attempt *attempt, mele_i_stream *stream, double *centres,
                             size_t *found, mele_error *error)
{
    const size_t clusters = attempt->options->clusters, n = attempt->sample->rows.rows;
    const size_t rows = clusters > CORE_ROWS / CORE_A_CENTRE ? clusters * CORE_A_CENTRE : CORE_ROWS;
    mele_i_coreset core = {.rows = NULL};
    mele_i_attempt among = *attempt;
    size_t chosen = 0;
    bool drawn = false;
    double left;
    mele_status status = MELE_OK;

    if (n / CORE_SHARE >= rows) {
        status = mele_i_coreset_draw(attempt->sample, rows, stream, attempt->engine, &core, &drawn,
                                     error);
        among.sample = &core.sample;
        if (status == MELE_OK && drawn)
            status = best_trial(&among, stream, centres, &chosen, error);
        mele_i_coreset_clear(&core);
    }
    if (status == MELE_OK && chosen < clusters)
        return plus_plus(attempt, stream, centres, found, &left, error);
    if (status == MELE_OK)
        *found = chosen;
    return status;
}
