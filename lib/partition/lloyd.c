/* k-means: Lloyd 1982, IEEE Trans. Inf. Theory 28.
 *
 * One pass assigns every row to its nearest centre (ties to the lowest) and keeps the sums of
 * which the next centres are made (see sums.c). A label is defined by kernels->nearest(); it is
 * found by that alone ("plain"), by a filter in single precision ("tiles", filter.c) or with
 * bounds that tell which rows to look at ("bounds", bounds.c): the same labels at every iteration,
 * hence the same bits in the end. Where most rows are unclear to the filter, plain takes over.
 *
 * It ends when no label of a row that counts changed and the centres are the means of their rows
 * (means that were summed about far centres are taken once more), when the squared shift of all
 * centres together is at most tolerance times the mean variance of the columns (as in
 * scikit-learn), or after max_iterations; in the two latter cases one more assignment makes the
 * labels fit the centres. The inertia is summed at the end.
 *
 * Repair: each empty cluster, in order of index, moves to the row of positive weight that is
 * farthest from its own centre (the lowest row among equals) and was not taken by another one.
 * Clusters that the last assignment left empty are repaired as well. When all such distances are
 * zero there is nothing to split: clusters still empty at the end are dropped, so fewer distinct
 * rows than K give as many clusters as distinct rows. */
#include "partition/lloyd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "partition/bounds.h"
#include "partition/start.h"
#include "partition/sums.h"

#define SMALL_WORK (1 << 18)     /* rows x columns x clusters for which plain is as fast */
#define UNCLEAR_SHARE (1 / 4.)   /* of the rows: more make the filter useless */
#define BLOCK_ROWS 4096          /* a block costs a few locks */
#define MOST_BLOCK_ROWS 8192
#define BLOCK_NUMBERS ((size_t)1 << 19) /* of a block's rows, where they are read */
#define LABEL_RUN 32             /* labels compared at once */
#define ROWS_A_CENTRE 16         /* of a block: adding its sums is then little beside its rows */

typedef enum method { PLAIN, TILES, BOUNDS } method;

typedef struct lloyd {
    const mele_i_attempt *attempt;
    const mele_i_kernels *kernels;
    mele_i_lloyd_watch *watch;
    size_t clusters, columns, block_rows, assignments;
    double *centres, *next;
    uint32_t *label;
    bool labelled; /* label[] holds those of an assignment before */
    method method;
    mele_i_filter filter;
    mele_i_bounds bounds;
    mele_i_sums sums;
    double unclear; /* rows of the last assignment */
} lloyd;

/* ---- assignment ---- */

/* What one thread works in. */
typedef struct room {
    double *x, *distance;
    uint32_t *label;
    mele_i_changes changes;
    void *rest; /* of the filter or the bounds */
} room;

static size_t list_size(const lloyd *l)
{
    return l->block_rows + MELE_I_GROUP;
}

static size_t room_bytes(const lloyd *l)
{
    size_t rest = l->method == PLAIN    ? 0
                  : l->method == TILES ? mele_i_filter_bytes(&l->filter)
                                       : mele_i_bounds_bytes(&l->bounds, l->block_rows);

    return (mele_i_rows_room(&l->attempt->sample->rows, l->block_rows) + list_size(l))
               * sizeof(double)
           + 3 * list_size(l) * sizeof(uint32_t) + rest;
}

static room room_in(const lloyd *l, void *scratch)
{
    room r = {.x = scratch};

    r.distance = r.x + mele_i_rows_room(&l->attempt->sample->rows, l->block_rows);
    r.label = (uint32_t *)(r.distance + list_size(l));
    r.changes.row = r.label + list_size(l);
    r.changes.from = r.changes.row + list_size(l);
    r.rest = r.changes.from + list_size(l);
    return r;
}

/* List where the labels of rows first .. end - 1 differ. */
static void list_changes(const uint32_t *label, const uint32_t *next, size_t first, size_t end,
                         mele_i_changes *changes)
{
    size_t count = changes->count;

    for (size_t i = first; i < end; i++) {
        changes->row[count] = (uint32_t)i;
        changes->from[count] = label[i];
        count += label[i] != next[i];
    }
    changes->count = count;
}

/* List where labels differ, and take them. Most runs of rows soon keep theirs. */
static void take_labels(const room *r, bool labelled, size_t rows, uint32_t *label,
                        mele_i_changes *changes)
{
    for (size_t i = 0; i < rows && labelled; i += LABEL_RUN) {
        const size_t count = rows - i < LABEL_RUN ? rows - i : LABEL_RUN;
        if (memcmp(label + i, r->label + i, count * sizeof *label) != 0)
            list_changes(label, r->label, i, i + count, changes);
    }
    memcpy(label, r->label, rows * sizeof *label);
}

/* The labels of a block; returns how many rows were unclear. fetch: see bounds.h. */
static size_t label_block(const lloyd *l, const mele_matrix *x, size_t first, room *r,
                          mele_i_fetch *fetch)
{
    uint32_t *label = l->label + first;
    size_t unclear = 0;

    r->changes.count = 0;
    if (l->method == BOUNDS)
        return mele_i_bounds_label(&l->bounds, x, first, label, &r->changes, fetch, r->rest);
    if (l->method == TILES) {
        const mele_i_filter_room filter_room = mele_i_filter_room_in(&l->filter, r->rest);
        unclear = mele_i_filter_label(&l->filter, x->data, x->stride, x->rows, r->label, &filter_room);
    } else {
        l->kernels->nearest(x->data, x->stride, x->rows, l->columns, l->centres, l->clusters, r->label,
                            r->distance);
    }
    take_labels(r, l->labelled, x->rows, label, &r->changes);
    return unclear;
}

/* Whether a pass needs no more rows than those that are unclear or change their labels. */
static bool reads_few(const lloyd *l)
{
    return l->attempt->sample->rows.data == NULL && l->method == BOUNDS && !l->sums.anew
           && mele_i_bounds_need_few(&l->bounds);
}

static mele_status map_assign(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const lloyd *l = context;
    const mele_i_sample *sample = l->attempt->sample;
    const double *weights = sample->weights == NULL ? NULL : sample->weights + block.first;
    const double *x = NULL;
    double *sums = partial;
    room r = room_in(l, scratch);
    mele_i_fetch fetch = {&sample->rows, block.first, r.x, MELE_OK, error};
    const bool few = reads_few(l);
    size_t stride = l->columns;

    if (few)
        x = r.x;
    else
        fetch.status = mele_i_rows_take(&sample->rows, block, r.x, &x, &stride, error);
    if (fetch.status != MELE_OK)
        return fetch.status;
    const mele_matrix rows = {x, block.count, l->columns, stride};
    *sums = (double)label_block(l, &rows, block.first, &r, few ? &fetch : NULL);
    if (few)
        mele_i_fetch_rows(&fetch, r.changes.row, r.changes.count);
    if (fetch.status != MELE_OK)
        return fetch.status;
    mele_i_sums_block(&l->sums, &rows, l->label + block.first, weights, &r.changes, sums + 1);
    return MELE_OK;
}

static void combine_assign(void *context, const void *partial)
{
    lloyd *l = context;
    const double *sums = partial;

    l->unclear += *sums;
    mele_i_sums_combine(&l->sums, sums + 1);
}

/* Label every row with its nearest centre, and bring the sums up to date. */
static mele_status assign_rows(lloyd *l, bool anew, mele_error *error)
{
    const size_t n = l->attempt->sample->rows.rows;
    mele_i_pass pass = {.rows = n,
                        .block_rows = l->block_rows,
                        .partial_bytes = (1 + mele_i_sums_size(&l->sums)) * sizeof(double),
                        .scratch_bytes = room_bytes(l),
                        .map = map_assign,
                        .combine = combine_assign,
                        .context = l};

    l->unclear = 0;
    mele_i_sums_begin(&l->sums, n, l->centres, anew || !l->labelled);
    mele_status status = mele_i_pass_run(l->attempt->engine, &pass, error);
    if (status != MELE_OK)
        return status;
    if (!l->labelled)
        l->sums.changed = (double)n;
    l->labelled = true;
    l->bounds.known = true;
    if (l->watch != NULL)
        l->watch->unclear += (size_t)l->unclear;
    if (l->watch != NULL && l->watch->seen != NULL)
        l->watch->seen(l->watch->context, l->assignments, l->centres, l->label);
    l->assignments++;
    if (l->unclear > UNCLEAR_SHARE * (double)n)
        l->method = PLAIN;
    return MELE_OK;
}

/* ---- the rows' own distances ---- */

typedef struct far_row {
    double distance;
    size_t row;
} far_row;

typedef struct repair {
    const lloyd *l;
    size_t count;
    far_row *farthest; /* count of them, farthest first; distance 0: none */
} repair;

/* Keep the count farthest, sorted; rows come in order, so that the lowest stays first. */
static void offer(far_row *farthest, size_t count, far_row candidate)
{
    size_t at = count;

    while (at > 0 && candidate.distance > farthest[at - 1].distance)
        at--;
    if (at == count)
        return;
    memmove(farthest + at + 1, farthest + at, (count - at - 1) * sizeof *farthest);
    farthest[at] = candidate;
}

/* Of a block. */
typedef struct own_rows {
    const double *x;
    size_t stride;
    double *distance; /* to the own centre */
} own_rows;

static mele_status own_distances(const lloyd *l, mele_i_block block, double *scratch,
                                 own_rows *out, mele_error *error)
{
    const mele_rows *rows = &l->attempt->sample->rows;
    mele_status status =
        mele_i_rows_take(rows, block, scratch + l->block_rows, &out->x, &out->stride, error);

    out->distance = scratch;
    if (status == MELE_OK)
        l->kernels->own_distances(out->x, out->stride, block.count, l->columns, l->centres,
                                  l->label + block.first, scratch);
    return status;
}

/* Of what own_distances() needs. */
static size_t own_numbers(const lloyd *l)
{
    return l->block_rows + mele_i_rows_room(&l->attempt->sample->rows, l->block_rows);
}

static mele_status map_farthest(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const repair *r = context;
    own_rows rows;
    mele_status status = own_distances(r->l, block, scratch, &rows, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i++)
        if (mele_i_weight(r->l->attempt->sample, block.first + i) > 0)
            offer(partial, r->count, (far_row){rows.distance[i], block.first + i});
    return status;
}

static void combine_farthest(void *context, const void *partial)
{
    repair *r = context;
    const far_row *farthest = partial;

    for (size_t i = 0; i < r->count && farthest[i].distance > 0; i++)
        offer(r->farthest, r->count, farthest[i]);
}

/* Move the empty clusters of l->next to the rows that are farthest from the centres they were
 * assigned to. */
static mele_status repair_empty(const lloyd *l, size_t empty, size_t *repaired, mele_error *error)
{
    const mele_rows *x = &l->attempt->sample->rows;
    repair r = {l, empty, MELE_I_ZEROED(far_row, empty)};
    mele_i_pass pass = {.rows = x->rows,
                        .block_rows = l->block_rows,
                        .partial_bytes = empty * sizeof(far_row),
                        .scratch_bytes = own_numbers(l) * sizeof(double),
                        .map = map_farthest,
                        .combine = combine_farthest,
                        .context = &r};

    if (r.farthest == NULL)
        return mele_i_no_memory(error);
    mele_status status = mele_i_pass_run(l->attempt->engine, &pass, error);
    for (size_t k = 0, i = 0; status == MELE_OK && k < l->clusters; k++)
        if (l->sums.count[k] == 0) {
            if (r.farthest[i].distance == 0)
                break;
            status = mele_i_rows_copy(x, r.farthest[i++].row, l->next + k * x->cols, error);
            ++*repaired;
        }
    free(r.farthest);
    return status;
}

/* ---- the end: the inertia, and the lead of the own centres ---- */

/* The lead of a row is how much larger its squared distance to any other centre is than that to its own;
 * wanted is the least of all rows. Rows that the last assignment found unclear are measured (with
 * bounds, those whose upper bound is infinite). Of all others a lead follows from what was proved, in
 * the filter's units (filter.c):
 *
 *     clear by the filter   any other squared distance D is more than 2 E above the own, hence the lead
 *                           more than floor and more than 2^-21 D;
 *     spared by bounds      the own distance is at most u, that to the other centre at least r, and
 *                           u (1 + 2^-20) < r: the lead is more than 2^-21 D, and D is at least the
 *                           square of half the way between the two centres. */

#define BOUNDS_LEAD 0x1p-21
#define MEASURED_LEAD 0x1p-29    /* of D, to be sure of 2^-30 */
#define MEASURED_SHARE (1 / 64.) /* of the rows: more take as long as another pass */

/* Of rows that were clear. */
static mele_i_lead clear_lead(const lloyd *l)
{
    const mele_i_filter *f = &l->filter;
    double half = INFINITY;

    if (l->method == PLAIN || (l->method == TILES && l->unclear > 0)
        || l->unclear > MEASURED_SHARE * (double)l->attempt->sample->rows.rows)
        return (mele_i_lead){0, INFINITY};
    for (size_t k = 0; k < l->clusters && l->method == BOUNDS; k++)
        half = fmin(half, l->bounds.half[k]);
    const double square = 1 / f->scale / f->scale;
    return (mele_i_lead){fmin(f->floor, BOUNDS_LEAD * half * half) * square, 0x1p130 * square};
}

/* Of one row. */
static double measured_lead(const lloyd *l, const double *x, double *distance)
{
    double best = INFINITY, second = INFINITY;

    l->kernels->distances(x, l->columns, 1, l->columns, l->centres, l->clusters, distance);
    for (size_t k = 0; k < l->clusters; k++) {
        second = fmin(second, fmax(best, distance[k]));
        best = fmin(best, distance[k]);
    }
    return second - best >= MEASURED_LEAD * second ? second - best : 0;
}

/* Of the unclear rows of a block. */
static double unclear_lead(const lloyd *l, mele_i_block block, const own_rows *rows,
                           double *distance)
{
    const float *upper = l->bounds.upper + block.first;
    double least = INFINITY;

    for (size_t i = 0; i < block.count; i++)
        if (upper[i] == INFINITY)
            least = fmin(least, measured_lead(l, rows->x + i * rows->stride, distance));
    return least;
}

typedef struct inertia {
    const lloyd *l;
    bool measures; /* the leads of unclear rows */
    double sum, lead;
} inertia;

static mele_status map_inertia(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const inertia *in = context;
    const double *weights = in->l->attempt->sample->weights;
    double *out = partial, *work = (double *)scratch + own_numbers(in->l), sum[4] = {0};
    own_rows rows;
    mele_status status = own_distances(in->l, block, scratch, &rows, error);

    if (status != MELE_OK)
        return status;
    if (weights == NULL)
        for (size_t i = 0; i < block.count; i++)
            sum[i % 4] += rows.distance[i];
    else
        for (size_t i = 0; i < block.count; i++)
            if (weights[block.first + i] > 0)
                sum[i % 4] += weights[block.first + i] * rows.distance[i];
    out[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    out[1] = in->measures ? unclear_lead(in->l, block, &rows, work) : INFINITY;
    return MELE_OK;
}

static void combine_inertia(void *context, const void *partial)
{
    inertia *in = context;
    const double *more = partial;

    in->sum += more[0];
    in->lead = fmin(in->lead, more[1]);
}

static mele_status sum_inertia(const lloyd *l, double *out, mele_i_lead *lead, mele_error *error)
{
    const mele_i_lead clear = clear_lead(l);
    inertia in = {l, lead != NULL && clear.least > 0 && l->unclear > 0, 0, clear.least};
    mele_i_pass pass = {.rows = l->attempt->sample->rows.rows,
                        .block_rows = l->block_rows,
                        .partial_bytes = 2 * sizeof(double),
                        .scratch_bytes = (own_numbers(l) + l->clusters) * sizeof(double),
                        .map = map_inertia,
                        .combine = combine_inertia,
                        .context = &in};
    mele_status status = mele_i_pass_run(l->attempt->engine, &pass, error);

    *out = in.sum;
    if (lead != NULL)
        *lead = (mele_i_lead){in.lead, clear.most};
    return status;
}

/* ---- Lloyd's iteration ---- */

/* The next centres, from the sums of the last assignment. */
static mele_status next_centres(const lloyd *l, size_t *empty, size_t *repaired, mele_error *error)
{
    const size_t d = l->columns;

    *empty = *repaired = 0;
    for (size_t k = 0; k < l->clusters; k++)
        if (l->sums.count[k] == 0) {
            ++*empty;
            memcpy(l->next + k * d, l->centres + k * d, d * sizeof(double));
        } else {
            mele_i_sums_mean(&l->sums, k, l->next + k * d);
        }
    return *empty == 0 ? MELE_OK : repair_empty(l, *empty, repaired, error);
}

/* The inertia of the labels about the centres that they were found with: that about the means, by
 * what it lacks to the total scatter, and the shift of the means. Good enough to be told. */
static double told_inertia(const lloyd *l)
{
    const mele_i_sample *sample = l->attempt->sample;
    double sum = sample->variance * (double)l->columns * sample->total;

    for (size_t k = 0; k < l->clusters; k++) {
        double apart = 0;
        for (size_t j = 0; j < l->columns; j++) {
            const double mean = l->next[k * l->columns + j];
            const double shift = mean - l->centres[k * l->columns + j];
            apart += shift * shift - (mean - sample->mean[j]) * (mean - sample->mean[j]);
        }
        if (l->sums.count[k] > 0)
            sum += (l->sums.weight[k] + l->sums.weight_low[k]) * apart;
    }
    return fmax(sum, 0);
}

/* By how much (squared) the centres are to move. */
static double shift_of(const lloyd *l)
{
    double shift = 0;

    for (size_t j = 0; j < l->clusters * l->columns; j++) {
        double d = l->next[j] - l->centres[j];
        shift += d * d;
    }
    return shift;
}

static void take_centres(lloyd *l)
{
    double *taken = l->next;

    l->next = l->centres;
    l->centres = taken;
    if (l->method == BOUNDS)
        mele_i_bounds_move(&l->bounds, l->centres);
    else if (l->method == TILES)
        mele_i_filter_set(&l->filter, l->centres);
    if (l->method != PLAIN && !l->filter.usable)
        l->method = PLAIN;
}

/* Until an end; leaves labels that fit the centres. */
static mele_status iterate_lloyd(lloyd *l, bool tell, mele_partition_info *info, mele_error *error)
{
    const mele_partition_options *options = l->attempt->options;
    double least = options->tolerance * l->attempt->sample->variance;
    const double rounding = mele_i_least_shift(l->attempt->sample, l->clusters);
    bool stable = false, still = false; /* no label changed, now or in the last iteration */
    size_t repaired = 0, empty = 0;
    mele_status status = MELE_OK;

    while (!info->converged && info->iterations < options->max_iterations && status == MELE_OK) {
        status = assign_rows(l, empty > 0, error);
        if (status != MELE_OK)
            break;
        info->iterations++;
        status = next_centres(l, &empty, &repaired, error);
        if (status == MELE_OK)
            status = mele_i_partition_progress(l->attempt, tell ? info->iterations : 0,
                                               tell ? told_inertia(l) : NAN, error);
        if (status != MELE_OK)
            break;
        const double shift = shift_of(l);
        const bool same = l->sums.changed == 0 && repaired == 0;
        stable = same && (still || shift <= rounding);
        still = same;
        info->repaired += repaired;
        info->converged = stable || (shift <= least && repaired == 0);
        if (!stable)
            take_centres(l);
    }
    return status == MELE_OK && !stable ? assign_rows(l, empty > 0, error) : status;
}

static size_t count_empty(const lloyd *l)
{
    size_t empty = 0;

    for (size_t k = 0; k < l->clusters; k++)
        empty += l->sums.count[k] == 0;
    return empty;
}

/* The last assignment may leave clusters empty: they are repaired as long as that helps, which may
 * empty others, at most once for every cluster. */
static mele_status fill_empty(lloyd *l, mele_partition_info *info, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t round = 0, empty; round < l->clusters; round++) {
        size_t repaired = 0;
        if ((empty = count_empty(l)) == 0)
            break;
        memcpy(l->next, l->centres, l->clusters * l->columns * sizeof(double));
        status = repair_empty(l, empty, &repaired, error);
        if (status != MELE_OK || repaired == 0)
            break;
        info->repaired += repaired;
        take_centres(l);
        status = assign_rows(l, true, error);
        if (status != MELE_OK)
            break;
    }
    return status;
}

/* Close the gaps that empty clusters leave, in centres and labels. Rows of weight zero may have
 * been nearest to one of them: they go to their nearest of the rest. */
static mele_status drop_empty(lloyd *l, mele_error *error)
{
    size_t kept = 0;

    for (size_t k = 0; k < l->clusters; k++)
        if (l->sums.count[k] > 0) {
            memmove(l->centres + kept * l->columns, l->centres + k * l->columns,
                    l->columns * sizeof(double));
            kept++;
        }
    if (kept == l->clusters)
        return MELE_OK;
    l->clusters = l->sums.clusters = kept;
    l->method = PLAIN;
    return assign_rows(l, true, error);
}

/* ---- the beginning and the end ---- */

/* Many small problems are solved before a filter is set up; otherwise bounds, unless all distances
 * of a row take hardly longer than to read them. */
static method choose_method(const lloyd *l)
{
    const char *name = l->attempt->options->algorithm;
    const size_t n = l->attempt->sample->rows.rows;

    if (name != NULL && strcmp(name, "auto") != 0)
        return strcmp(name, "plain") == 0 ? PLAIN : strcmp(name, "tiles") == 0 ? TILES : BOUNDS;
    if (l->clusters == 1 || n <= SMALL_WORK / l->columns / l->clusters)
        return PLAIN;
    return l->clusters <= MELE_I_GROUP && l->columns * l->clusters <= 32 ? TILES : BOUNDS;
}

/* How far rows are from their mean at most, in any column. */
static double radius(const mele_i_sample *sample)
{
    double most = 0;

    for (size_t j = 0; j < sample->rows.cols; j++)
        most = fmax(most, fmax(sample->high[j] - sample->mean[j], sample->mean[j] - sample->low[j]));
    return most;
}

static mele_status make_method(lloyd *l, mele_error *error)
{
    const mele_i_sample *sample = l->attempt->sample;
    const method chosen = choose_method(l);
    mele_status status;

    if (chosen == PLAIN)
        return MELE_OK;
    const mele_i_filter_plan plan = {l->clusters, l->columns, sample->mean, radius(sample),
                                     l->centres, chosen == BOUNDS};
    status = mele_i_filter_make(&l->filter, l->kernels, &plan, error);
    if (status == MELE_OK && l->filter.usable && chosen == BOUNDS)
        status = mele_i_bounds_make(&l->bounds, &l->filter, sample->rows.rows,
                                    sample->rows.data != NULL || l->attempt->options->keep, error);
    if (status == MELE_OK && l->filter.usable)
        l->method = chosen;
    return status;
}

static size_t block_rows(const lloyd *l)
{
    size_t rows = l->clusters * ROWS_A_CENTRE, most = BLOCK_NUMBERS / l->columns;

    rows = rows < BLOCK_ROWS ? BLOCK_ROWS : rows > MOST_BLOCK_ROWS ? MOST_BLOCK_ROWS : rows;
    most = most < 2 * MELE_I_GROUP ? 2 * MELE_I_GROUP : most;
    return (rows < most ? rows : most) / MELE_I_GROUP * MELE_I_GROUP;
}

static mele_status run_lloyd(lloyd *l, bool iterate, bool tell, mele_i_lead *lead,
                             mele_partition_info *info, mele_error *error)
{
    mele_status status = make_method(l, error);

    if (status == MELE_OK)
        status = iterate ? iterate_lloyd(l, tell, info, error) : assign_rows(l, true, error);
    if (status == MELE_OK && iterate)
        status = fill_empty(l, info, error);
    if (status == MELE_OK)
        status = drop_empty(l, error);
    if (status == MELE_OK)
        status = sum_inertia(l, &info->objective, lead, error);
    return status;
}

mele_status mele_i_lloyd_watched(const mele_i_attempt *attempt, bool iterate, bool tell,
                                 mele_i_lloyd_watch *watch, mele_i_lloyd_result *result,
                                 mele_error *error)
{
    const size_t d = attempt->sample->rows.cols;
    lloyd l = {.attempt = attempt, .watch = watch, .columns = d, .centres = result->centres,
               .label = result->label};
    mele_partition_info info = {0};
    double *spare = NULL;
    mele_status status = mele_i_start(attempt, result->centres, &l.clusters, error);

    if (status != MELE_OK)
        return status;
    l.kernels = watch != NULL && watch->kernels != NULL ? watch->kernels : mele_i_kernels_best();
    l.block_rows = block_rows(&l);
    status = mele_i_sums_make(&l.sums, l.kernels, l.clusters, d, error);
    if (status != MELE_OK)
        goto cleanup;
    spare = l.next = mele_i_array(l.clusters, d * sizeof(double));
    if (spare == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    status = run_lloyd(&l, iterate, tell, result->wants_lead ? &result->lead : NULL, &info,
                       error);
    if (status != MELE_OK)
        goto cleanup;
    if (l.centres != result->centres)
        memcpy(result->centres, l.centres, l.clusters * d * sizeof *l.centres);
    info.clusters = result->clusters = l.clusters;
    result->info = info;
cleanup:
    free(spare);
    mele_i_sums_clear(&l.sums);
    mele_i_bounds_clear(&l.bounds);
    mele_i_filter_clear(&l.filter);
    return status;
}

mele_status mele_i_lloyd(const mele_i_attempt *attempt, bool iterate, bool tell,
                         mele_i_lloyd_result *result, mele_error *error)
{
    return mele_i_lloyd_watched(attempt, iterate, tell, NULL, result, error);
}
