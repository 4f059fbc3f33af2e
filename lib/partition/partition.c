/* Stage 1 as its users see it: checks, restarts, the numbering of the clusters, and what a
 * partition says of rows. The kinds do the rest.
 *
 * The floor of a kind's variances is a share (gmm's is an option, k-means' a constant) of the size
 * of the data, which is the mean variance of the columns; when
 * the rows do not vary (or by less than can be squared), the mean square of the data; and
 * when that is zero too, 1. Rows that spread so far that their squared distances
 * cannot be summed are refused. */
#include "partition/partition.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/largest.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/kind.h"

static const mele_i_partition_kind *const kinds[] = {&mele_i_partition_kmeans,
                                                     &mele_i_partition_gmm};

#define KINDS (sizeof kinds / sizeof *kinds)

/* Below DBL_MAX by what sums of a few squared distances need. */
#define MOST_SCATTER 0x1p1020

mele_partition_options mele_partition_defaults(void)
{
    mele_partition_options options = {
        .method = "kmeans",
        .clusters = 8,
        .covariance = "full",
        .init = "kmeans++",
        .restarts = 10,
        .max_iterations = 300,
        .tolerance = 1e-4,
        .covariance_floor = 1e-2,
        .seed = 1,
    };

    return options;
}

const char *mele_partition_method(size_t i)
{
    return i < KINDS ? kinds[i]->name : NULL;
}

static const mele_i_partition_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS && name != NULL; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

size_t mele_i_partition_block(size_t row_work)
{
    return mele_i_block_rows(row_work, 1 << 19, 512);
}

mele_status mele_i_partition_progress(const mele_i_attempt *attempt, size_t iteration,
                                      double objective, mele_error *error)
{
    size_t most = attempt->options->max_iterations;

    return mele_i_progress(attempt->engine, "partition", attempt->restart * most + iteration,
                           attempt->restarts * most, objective, error);
}

/* ---- checks ---- */

static mele_status check_names(const mele_partition_options *o, mele_error *error)
{
    if (find_kind(o->method) == NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "method \"%s\" is not known: there are \"kmeans\" "
                           "and \"gmm\"",
                           o->method == NULL ? "" : o->method);
    if (o->covariance == NULL || strcmp(o->covariance, "full") != 0)
        return mele_i_fail(error, MELE_EINVAL, "covariance \"%s\" is not known: there is \"full\"",
                           o->covariance == NULL ? "" : o->covariance);
    if (o->init == NULL || (strcmp(o->init, "kmeans++") != 0 && strcmp(o->init, "random") != 0))
        return mele_i_fail(error, MELE_EINVAL,
                           "init \"%s\" is not known: there are \"kmeans++\" "
                           "and \"random\"",
                           o->init == NULL ? "" : o->init);
    return MELE_OK;
}

static mele_status check_numbers(const mele_partition_options *o, mele_error *error)
{
    if (o->clusters == 0 || o->clusters > INT32_MAX)
        return mele_i_fail(error, MELE_EINVAL, "%zu clusters asked for, not 1 or more",
                           o->clusters);
    if (o->restarts == 0 || o->max_iterations == 0)
        return mele_i_fail(error, MELE_EINVAL,
                           "%zu restarts of %zu iterations: both must be 1 or "
                           "more",
                           o->restarts, o->max_iterations);
    if (!(o->tolerance >= 0) || isinf(o->tolerance))
        return mele_i_fail(error, MELE_EINVAL, "tolerance %g is not a number >= 0", o->tolerance);
    if (!(o->covariance_floor > 0) || isinf(o->covariance_floor))
        return mele_i_fail(error, MELE_EINVAL, "covariance floor %g is not a number > 0",
                           o->covariance_floor);
    return MELE_OK;
}

static mele_status check_data(const mele_matrix *x, const double *weights,
                              const mele_partition_options *o, mele_engine *engine,
                              mele_error *error)
{
    mele_status status = mele_i_check_matrix(x, "x", engine, error);

    if (status == MELE_OK)
        status = mele_i_check_weights(weights, x->rows, error);
    if (status != MELE_OK)
        return status;
    if (o->clusters > x->rows)
        return mele_i_fail(error, MELE_EDATA, "%zu clusters asked for, the data have %zu row%s",
                           o->clusters, x->rows, x->rows == 1 ? "" : "s");
    if (o->centres == NULL)
        return MELE_OK;
    if (o->centres->rows != o->clusters || o->centres->cols != x->cols)
        return mele_i_fail(error, MELE_EINVAL,
                           "centres is %zu x %zu, where %zu clusters of %zu "
                           "columns need %zu x %zu",
                           o->centres->rows, o->centres->cols, o->clusters, x->cols, o->clusters,
                           x->cols);
    return mele_i_check_matrix(o->centres, "centres", NULL, error);
}

/* ---- the sample ---- */

/* Two passes: sums of w x, then of w (x - mean)^2. */
typedef struct scatter {
    const mele_i_sample *sample;
    const double *mean; /* NULL in the first pass */
    double *sums;       /* d sums, then the sum of the weights */
} scatter;

static mele_status map_scatter(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const scatter *s = context;
    const mele_matrix *x = &s->sample->x;
    double *sums = partial;

    (void)scratch;
    (void)error;
    for (size_t i = block.first; i < block.first + block.count; i++) {
        const double *row = x->data + i * x->stride, weight = mele_i_weight(s->sample, i);
        if (weight == 0)
            continue;
        sums[x->cols] += weight;
        for (size_t j = 0; j < x->cols; j++) {
            double d = s->mean == NULL ? row[j] : row[j] - s->mean[j];
            sums[j] += s->mean == NULL ? weight * d : weight * d * d;
        }
    }
    return MELE_OK;
}

static void combine_scatter(void *context, const void *partial)
{
    scatter *s = context;
    const double *sums = partial;

    for (size_t j = 0; j <= s->sample->x.cols; j++)
        s->sums[j] += sums[j];
}

static mele_status sum_scatter(scatter *s, mele_engine *engine, mele_error *error)
{
    size_t d = s->sample->x.cols;
    mele_i_pass pass = {.rows = s->sample->x.rows,
                        .block_rows = mele_i_partition_block(d),
                        .partial_bytes = (d + 1) * sizeof(double),
                        .map = map_scatter,
                        .combine = combine_scatter,
                        .context = s};

    memset(s->sums, 0, (d + 1) * sizeof(double));
    return mele_i_pass_run(engine, &pass, error);
}

/* Of the sums of squares about the mean, and the mean. */
static mele_status set_variance(mele_i_sample *sample, const double *squares, const double *mean,
                                mele_error *error)
{
    size_t d = sample->x.cols;
    double sum = 0, size = 0;

    for (size_t j = 0; j < d; j++) {
        sum += squares[j];
        size += mean[j] * mean[j] / (double)d;
    }
    if (!(sum <= MOST_SCATTER && size <= MOST_SCATTER))
        return mele_i_fail(error, MELE_EDATA,
                           "the rows spread too far for sums of squared "
                           "distances: scale the data");
    sample->variance = sum / sample->total / (double)d;
    sample->size = sample->variance > 0 ? sample->variance : size > 0 ? size : 1;
    return MELE_OK;
}

double mele_i_variance_floor(const mele_i_sample *sample, double share)
{
    return fmin(fmax(share * sample->size, DBL_MIN), MOST_SCATTER);
}

static mele_status describe(mele_i_sample *sample, mele_engine *engine, mele_error *error)
{
    size_t d = sample->x.cols;
    double *mean = MELE_I_ARRAY(double, d + 1), *squares = MELE_I_ARRAY(double, d + 1);
    scatter s = {sample, NULL, mean};
    mele_status status = MELE_ENOMEM;

    if (mean == NULL || squares == NULL) {
        mele_i_no_memory(error);
        goto cleanup;
    }
    status = sum_scatter(&s, engine, error);
    if (status != MELE_OK)
        goto cleanup;
    sample->total = mean[d];
    for (size_t j = 0; j < d; j++)
        mean[j] /= sample->total;
    s = (scatter){sample, mean, squares};
    status = sum_scatter(&s, engine, error);
    if (status == MELE_OK)
        status = set_variance(sample, squares, mean, error);
cleanup:
    free(squares);
    free(mean);
    return status;
}

/* ---- partitions ---- */

static mele_partition *new_partition(const mele_i_partition_kind *kind, size_t clusters,
                                     size_t columns)
{
    mele_partition *p = MELE_I_NEW(mele_partition);
    size_t square, most;

    if (p == NULL)
        return NULL;
    p->kind = kind;
    p->clusters = clusters;
    p->columns = columns;
    /* no kind's shape is larger than K (d + 2)^2 */
    if (!__builtin_mul_overflow(columns + 2, columns + 2, &square)
        && !__builtin_mul_overflow(square, clusters, &most)) {
        p->centres = mele_i_array(clusters * columns, sizeof(double));
        p->shape = mele_i_array(kind->shape_count(clusters, columns), sizeof(double));
    }
    if (p->centres == NULL || p->shape == NULL) {
        mele_partition_free(p);
        return NULL;
    }
    return p;
}

void mele_partition_free(mele_partition *partition)
{
    if (partition == NULL)
        return;
    free(partition->centres);
    free(partition->shape);
    free(partition);
}

static bool comes_before(const mele_partition *p, size_t a, size_t b)
{
    const double *left = p->centres + a * p->columns, *right = p->centres + b * p->columns;

    for (size_t j = 0; j < p->columns; j++)
        if (left[j] != right[j])
            return left[j] < right[j];
    return a < b;
}

/* Heap sort: K may be as large as n, and qsort has no room for the context. */
static void sift(const mele_partition *p, size_t *order, size_t root, size_t end)
{
    for (size_t child; (child = 2 * root + 1) < end; root = child) {
        if (child + 1 < end && comes_before(p, order[child], order[child + 1]))
            child++;
        if (!comes_before(p, order[root], order[child]))
            return;
        size_t index = order[root];
        order[root] = order[child];
        order[child] = index;
    }
}

static void sort_clusters(const mele_partition *p, size_t *order)
{
    for (size_t k = 0; k < p->clusters; k++)
        order[k] = k;
    for (size_t k = p->clusters / 2; k > 0; k--)
        sift(p, order, k - 1, p->clusters);
    for (size_t end = p->clusters; end > 1; end--) {
        size_t index = order[0];
        order[0] = order[end - 1];
        order[end - 1] = index;
        sift(p, order, 0, end - 1);
    }
}

/* Number the clusters by the lexicographic order of their centres. */
static mele_status number_clusters(mele_partition *p, mele_error *error)
{
    size_t d = p->columns, shape = p->kind->shape_count(p->clusters, d);
    size_t *order = MELE_I_ARRAY(size_t, p->clusters);
    double *work = MELE_I_ARRAY(double, shape > p->clusters * d ? shape : p->clusters * d);
    mele_status status = MELE_OK;

    if (order == NULL || work == NULL) {
        status = mele_i_no_memory(error);
    } else {
        sort_clusters(p, order);
        memcpy(work, p->centres, p->clusters * d * sizeof *work);
        for (size_t k = 0; k < p->clusters; k++)
            memcpy(p->centres + k * d, work + order[k] * d, d * sizeof *work);
        p->kind->reorder(p, order, work);
    }
    free(work);
    free(order);
    return status;
}

/* ---- fitting: restarts are tasks ---- */

typedef struct restarts {
    const mele_i_sample *sample;
    const mele_partition_options *options;
    const mele_i_partition_kind *kind;
    size_t count;
    mele_partition **trial; /* one a restart, NULL once taken */
    mele_partition_info *info;
    mele_partition *best;
    mele_partition_info best_info;
} restarts;

static mele_status run_restart(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    restarts *r = context;
    const mele_i_attempt attempt = {r->sample, r->options, index, r->count, engine};
    mele_partition *trial = new_partition(r->kind, r->options->clusters, r->sample->x.cols);

    if (trial == NULL)
        return mele_i_no_memory(error);
    mele_status status = r->kind->fit(&attempt, trial, &r->info[index], error);
    if (status == MELE_OK)
        r->trial[index] = trial;
    else
        mele_partition_free(trial);
    return status;
}

/* The first of the best. */
static void take_restart(void *context, size_t index)
{
    restarts *r = context;
    double now = r->info[index].objective, best = r->best_info.objective;

    if (r->best == NULL || (r->kind->larger_is_better ? now > best : now < best)) {
        mele_partition_free(r->best);
        r->best = r->trial[index];
        r->best_info = r->info[index];
    } else {
        mele_partition_free(r->trial[index]);
    }
    r->trial[index] = NULL;
}

/* Restarts that run side by side tell of themselves, those that run in turn of their
 * iterations. */
static mele_status run_restarts(restarts *r, mele_engine *engine, mele_error *error)
{
    unsigned threads = mele_engine_threads(engine);
    mele_i_tasks tasks = {.count = r->count,
                          .run = run_restart,
                          .take = take_restart,
                          .context = r,
                          .stage = threads > 1 && r->count >= threads ? "partition" : NULL};
    mele_status status = MELE_ENOMEM;

    r->trial = MELE_I_ZEROED(mele_partition *, r->count);
    r->info = MELE_I_ZEROED(mele_partition_info, r->count);
    if (r->trial == NULL || r->info == NULL)
        mele_i_no_memory(error);
    else
        status = mele_i_tasks_run(engine, &tasks, error);
    for (size_t i = 0; i < r->count && r->trial != NULL; i++)
        mele_partition_free(r->trial[i]);
    free(r->trial);
    free(r->info);
    return status;
}

mele_status mele_partition_fit(const mele_matrix *x, const double *weights,
                               const mele_partition_options *options, mele_engine *engine,
                               mele_partition **out, mele_partition_info *info, mele_error *error)
{
    const mele_partition_options defaults = mele_partition_defaults();
    const mele_partition_options *o = options == NULL ? &defaults : options;
    mele_i_sample sample = {.weights = weights};
    mele_status status = check_names(o, error);

    if (status == MELE_OK)
        status = check_numbers(o, error);
    if (status == MELE_OK)
        status = check_data(x, weights, o, engine, error);
    if (status != MELE_OK)
        return status;
    sample.x = *x;
    status = describe(&sample, engine, error);
    if (status != MELE_OK)
        return status;
    restarts r = {.sample = &sample,
                  .options = o,
                  .kind = find_kind(o->method),
                  .count = o->centres == NULL ? o->restarts : 1};
    status = run_restarts(&r, engine, error);
    if (status == MELE_OK && o->centres == NULL)
        status = number_clusters(r.best, error);
    if (status != MELE_OK) {
        mele_partition_free(r.best);
        return status;
    }
    r.best_info.merged = o->clusters - r.best->clusters;
    if (info != NULL)
        *info = r.best_info;
    *out = r.best;
    return MELE_OK;
}

/* ---- what a partition is ---- */

const char *mele_partition_name(const mele_partition *partition)
{
    return partition->kind->name;
}

size_t mele_partition_clusters(const mele_partition *partition)
{
    return partition->clusters;
}

size_t mele_partition_columns(const mele_partition *partition)
{
    return partition->columns;
}

void mele_partition_centres(const mele_partition *partition, double *out)
{
    memcpy(out, partition->centres, partition->clusters * partition->columns * sizeof *out);
}

/* ---- what it says of rows ---- */

typedef struct inquiry {
    const mele_partition *p;
    const mele_matrix *x;
    const mele_i_kernels *kernels;
    double *posteriors; /* of these three, the one that is wanted */
    double *density;
    size_t *label;
} inquiry;

static mele_status map_inquiry(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const inquiry *q = context;
    size_t clusters = q->p->clusters;
    double *out = q->posteriors == NULL ? scratch : q->posteriors + block.first * clusters;

    (void)partial;
    (void)error;
    q->p->kind->log_joint(q->p, q->x->data + block.first * q->x->stride, q->x->stride, block.count,
                          out);
    q->kernels->log_softmax(out, block.count, clusters,
                            q->density == NULL ? NULL : q->density + block.first);
    for (size_t i = 0; i < block.count && q->label != NULL; i++)
        q->label[block.first + i] = mele_i_largest(out + i * clusters, clusters);
    return MELE_OK;
}

static mele_status inquire(inquiry *q, mele_engine *engine, mele_error *error)
{
    size_t clusters = q->p->clusters;
    size_t rows = mele_i_block_rows(clusters * (q->p->columns + 16), 1 << 18, 64);
    size_t scratch = q->posteriors == NULL ? rows * clusters * sizeof(double) : 0;
    mele_i_pass pass = {
        .block_rows = rows, .scratch_bytes = scratch, .map = map_inquiry, .context = q};

    if (q->x == NULL || (q->x->rows > 0 && q->x->data == NULL))
        return mele_i_fail(error, MELE_EINVAL, "x is NULL");
    if (q->x->cols != q->p->columns || q->x->stride < q->x->cols)
        return mele_i_fail(error, MELE_EINVAL, "x has %zu columns (stride %zu), the partition %zu",
                           q->x->cols, q->x->stride, q->p->columns);
    q->kernels = mele_i_kernels_best();
    pass.rows = q->x->rows;
    return mele_i_pass_run(engine, &pass, error);
}

mele_status mele_partition_log_posteriors(const mele_partition *partition, const mele_matrix *x,
                                          mele_engine *engine, double *out, mele_error *error)
{
    inquiry q = {.p = partition, .x = x, .posteriors = out};

    return inquire(&q, engine, error);
}

mele_status mele_partition_log_density(const mele_partition *partition, const mele_matrix *x,
                                       mele_engine *engine, double *out, mele_error *error)
{
    inquiry q = {.p = partition, .x = x, .density = out};

    return inquire(&q, engine, error);
}

/* From the posteriors, not the distances, so that it always agrees with who reads those. */
mele_status mele_partition_assign(const mele_partition *partition, const mele_matrix *x,
                                  mele_engine *engine, size_t *out, mele_error *error)
{
    inquiry q = {.p = partition, .x = x, .label = out};

    return inquire(&q, engine, error);
}

mele_status mele_i_partition_marginal(const mele_partition *partition, size_t cols,
                                      mele_partition **out, mele_error *error)
{
    mele_partition *p;

    if (cols == 0 || cols > partition->columns)
        return mele_i_fail(error, MELE_EINVAL, "a marginal in %zu of %zu columns", cols,
                           partition->columns);
    p = new_partition(partition->kind, partition->clusters, cols);
    if (p == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < p->clusters; k++)
        memcpy(p->centres + k * cols, partition->centres + k * partition->columns,
               cols * sizeof(double));
    p->kind->marginal(partition, p);
    *out = p;
    return MELE_OK;
}

/* ---- model file ---- */

json_t *mele_i_partition_save(const mele_partition *p)
{
    json_t *section = json_object();

    if (mele_i_json_put(section, "kind", json_string(p->kind->name))
        && mele_i_json_put(section, "clusters", json_integer((json_int_t)p->clusters))
        && mele_i_json_put(section, "columns", json_integer((json_int_t)p->columns))
        && mele_i_json_put(section, "centres",
                           mele_i_json_matrix(p->centres, p->clusters, p->columns))
        && p->kind->save(p, section))
        return section;
    json_decref(section);
    return NULL;
}

/* The sizes, which must be those of "centres": nothing is allocated for a size that is not
 * there. */
static mele_status load_sizes(const json_t *section, size_t *clusters, size_t *columns,
                              mele_error *error)
{
    const json_t *centres = json_object_get(section, "centres");
    mele_status status = mele_i_json_get_size(section, "clusters", 1, INT32_MAX, clusters, error);

    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "columns", 1, SIZE_MAX, columns, error);
    if (status == MELE_OK
        && (json_array_size(centres) != *clusters
            || json_array_size(json_array_get(centres, 0)) != *columns))
        return mele_i_fail(error, MELE_EDATA, "\"centres\" is not %zu rows of %zu numbers",
                           *clusters, *columns);
    return status;
}

mele_status mele_i_partition_load(const json_t *section, mele_partition **out, mele_error *error)
{
    const mele_i_partition_kind *kind;
    mele_partition *p;
    const char *name;
    size_t clusters, columns;
    mele_status status;

    if (!json_is_object(section))
        return mele_i_fail(error, MELE_EDATA, "\"partition\" is not an object");
    status = mele_i_json_get_string(section, "kind", &name, error);
    if (status != MELE_OK)
        return status;
    kind = find_kind(name);
    if (kind == NULL)
        return mele_i_fail(error, MELE_EDATA, "\"partition\" is of the unknown kind \"%s\"", name);
    status = mele_i_json_keys(section, "\"partition\"", kind->keys, error);
    if (status == MELE_OK)
        status = load_sizes(section, &clusters, &columns, error);
    if (status != MELE_OK)
        return status;
    p = new_partition(kind, clusters, columns);
    if (p == NULL)
        return mele_i_no_memory(error);
    status = mele_i_json_get_matrix(section, "centres", p->centres, clusters, columns, error);
    if (status == MELE_OK)
        status = kind->load(section, p, error);
    if (status == MELE_OK)
        *out = p;
    else
        mele_partition_free(p);
    return status;
}
