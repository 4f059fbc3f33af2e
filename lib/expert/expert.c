#include "expert/expert.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/pass.h"
#include "expert/kind.h"

/* Regions with fewer rows than this, or than coefficients, are too small unless options say so. */
#define FEWEST_ROWS 5

#define MOST_COLUMNS 32000 /* features and targets: their squares are LAPACK's to index */
#define MOST_FOLDS 255

static const mele_i_expert_kind *const kinds[] = {&mele_i_expert_linear, &mele_i_expert_logistic};

#define KINDS (sizeof kinds / sizeof *kinds)

mele_expert_options mele_expert_defaults(void)
{
    mele_expert_options options = {
        .kind = NULL, .assign = "hard", .ridge = MELE_RIDGE_DEFAULT, .solver = "qr",
        .max_iterations = 100, .min_rows = 0, .folds = 5, .seed = 1, .fold = 0};

    return options;
}

const char *mele_expert_kind(size_t i)
{
    return i < KINDS ? kinds[i]->name : NULL;
}

static const mele_i_expert_kind *kind_named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

/* ---- checks ---- */

static mele_status check_one_of(const char *value, const char *what, const char *first,
                                const char *second, mele_error *error)
{
    if (value != NULL && (strcmp(value, first) == 0 || strcmp(value, second) == 0))
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "%s is \"%s\": it may be \"%s\" or \"%s\"", what,
                       value == NULL ? "NULL" : value, first, second);
}

static mele_status check_numbers(const mele_expert_options *o, const mele_i_expert_kind *kind,
                                 mele_error *error)
{
    bool gcv = o->ridge == MELE_RIDGE_GCV;

    if (!isfinite(o->ridge) || (o->ridge < 0 && !gcv && o->ridge != MELE_RIDGE_DEFAULT))
        return mele_i_fail(error, MELE_EINVAL, "ridge is %g: it must be finite and >= 0", o->ridge);
    if (gcv && kind != &mele_i_expert_linear)
        return mele_i_fail(error, MELE_EINVAL, "generalised cross-validation chooses the ridge of "
                           "linear experts, not of %s ones", kind->name);
    if (o->max_iterations == 0)
        return mele_i_fail(error, MELE_EINVAL, "max_iterations is 0");
    if (o->folds < 2 || o->folds > MOST_FOLDS)
        return mele_i_fail(error, MELE_EINVAL, "folds is %zu, not within 2 to %d", o->folds,
                           MOST_FOLDS);
    return MELE_OK;
}

/* The options with every default settled. */
static mele_status settle_options(const mele_expert_options *given, const mele_targets *targets,
                                  size_t columns, mele_expert_options *o,
                                  const mele_i_expert_kind **kind, mele_error *error)
{
    *o = given == NULL ? mele_expert_defaults() : *given;
    if (o->kind == NULL)
        o->kind = targets->classes == 0 ? "linear" : "logistic";
    *kind = kind_named(o->kind);
    if (*kind == NULL)
        return mele_i_fail(error, MELE_EINVAL, "there is no kind of expert \"%s\"", o->kind);
    if (!(targets->classes == 0 ? (*kind)->regression : (*kind)->classification))
        return mele_i_fail(error, MELE_EINVAL, "experts of kind \"%s\" are not for %s", o->kind,
                           targets->classes == 0 ? "regression" : "classes");
    mele_status status = check_one_of(o->assign, "assign", "hard", "soft", error);
    if (status == MELE_OK)
        status = check_one_of(o->solver, "solver", "qr", "normal", error);
    if (status == MELE_OK)
        status = check_numbers(o, *kind, error);
    if (o->ridge == MELE_RIDGE_DEFAULT)
        o->ridge = (*kind)->ridge;
    if (o->min_rows == 0)
        o->min_rows = columns + 1 < FEWEST_ROWS ? columns + 1 : FEWEST_ROWS;
    return status;
}

double mele_expert_ridge(size_t i)
{
    return kinds[i]->ridge;
}

static mele_status check_targets(const mele_targets *targets, size_t rows, mele_engine *engine,
                                 mele_error *error)
{
    const mele_matrix *y = &targets->values;
    mele_status status = mele_i_check_matrix(y, "targets", engine, error);

    if (status != MELE_OK)
        return status;
    if (y->rows != rows)
        return mele_i_fail(error, MELE_EINVAL, "targets has %zu rows, x has %zu", y->rows, rows);
    if (targets->classes == 0)
        return MELE_OK;
    if (y->cols != 1)
        return mele_i_fail(error, MELE_EINVAL, "targets has %zu columns: classes need one",
                           y->cols);
    for (size_t i = 0; i < rows; i++) {
        double class = y->data[i * y->stride];
        if (class < 0 || class >= (double)targets->classes || class != floor(class))
            return mele_i_fail(error, MELE_EDATA, "targets: row %zu is %g, not a class of 0 to %zu",
                               i + 1, class, targets->classes - 1);
    }
    return MELE_OK;
}

/* Shapes that the sizes of all arrays can be computed from without overflow. */
static mele_status check_shape(const mele_matrix *x, const mele_targets *targets, size_t clusters,
                               mele_error *error)
{
    size_t outputs = targets->classes > 0 ? targets->classes : targets->values.cols;
    size_t columns = x->cols, bytes;

    if (columns > MOST_COLUMNS || outputs > MOST_COLUMNS - columns)
        return mele_i_fail(error, MELE_EINVAL, "%zu columns and %zu outputs: at most %d together",
                           columns, outputs, MOST_COLUMNS);
    columns += outputs + 1;
    if (clusters >= UINT32_MAX || __builtin_mul_overflow(columns * columns, clusters + 1, &bytes)
        || bytes > PTRDIFF_MAX / 64)
        return mele_i_no_memory(error);
    return MELE_OK;
}

static mele_status check_input(const mele_matrix *x, const mele_targets *targets,
                               const double *weights, const double *log_posteriors,
                               size_t clusters, mele_engine *engine, mele_error *error)
{
    if (targets == NULL)
        return mele_i_fail(error, MELE_EINVAL, "targets is NULL");
    if (log_posteriors == NULL)
        return mele_i_fail(error, MELE_EINVAL, "log_posteriors is NULL");
    if (clusters == 0)
        return mele_i_fail(error, MELE_EINVAL, "clusters is 0");
    mele_status status = mele_i_check_matrix(x, "x", engine, error);
    if (status == MELE_OK)
        status = check_targets(targets, x->rows, engine, error);
    if (status == MELE_OK)
        status = mele_i_check_weights(weights, x->rows, error);
    if (status == MELE_OK)
        status = check_shape(x, targets, clusters, error);
    return status;
}

/* ---- fit ---- */

static mele_status make_experts(const mele_i_expert_kind *kind, size_t clusters, size_t columns,
                                size_t outputs, bool classes, mele_experts **out,
                                mele_error *error)
{
    mele_experts *e = MELE_I_NEW(mele_experts);

    *out = e;
    if (e == NULL)
        return mele_i_no_memory(error);
    e->kind = kind;
    e->clusters = clusters;
    e->columns = columns;
    e->outputs = outputs;
    e->classes = classes ? outputs : 0;
    e->summary = MELE_I_ZEROED(mele_i_expert_summary, clusters + 1);
    e->variance = classes ? NULL : MELE_I_ZEROED(double, (clusters + 1) * outputs);
    if (e->summary == NULL || (!classes && e->variance == NULL))
        return mele_i_no_memory(error);
    return kind->make(e, error);
}

void mele_experts_free(mele_experts *experts)
{
    if (experts == NULL)
        return;
    experts->kind->free(experts->state);
    free(experts->summary);
    free(experts->variance);
    free(experts);
}

/* Regions with too few rows fall back to the global expert; nothing else does. A row of weight 2
 * counts as two rows, and one of a small weight still as one: weights may sum to anything. */
static void mark_fallbacks(mele_experts *e, const mele_i_regions *regions,
                           const mele_expert_options *options, mele_expert_info *info)
{
    for (size_t k = 0; k <= e->clusters; k++) {
        double rows = regions->total[k];
        bool few = fmax(rows, regions->count[k]) < (double)options->min_rows
                   || rows * regions->scale == 0;
        e->summary[k] = (mele_i_expert_summary){rows, 0, few && k < e->clusters};
        info[k] = (mele_expert_info){.rows = rows, .fallback = e->summary[k].fallback,
                                     .error = NAN, .left_out = NAN, .ridge = options->ridge};
    }
}

/* Give fallbacks the variance of the global expert. */
static void settle_variances(mele_experts *e)
{
    const double *global = e->variance == NULL ? NULL : e->variance + e->clusters * e->outputs;

    for (size_t k = 0; k < e->clusters && global != NULL; k++)
        if (e->summary[k].fallback)
            memcpy(e->variance + k * e->outputs, global, e->outputs * sizeof *global);
}

/* Give fallbacks the figures of the global expert. */
static void settle_info(const mele_experts *e, mele_expert_info *info)
{
    const mele_expert_info *global = &info[e->clusters];

    for (size_t k = 0; k < e->clusters; k++)
        if (info[k].fallback) {
            info[k].converged = global->converged;
            info[k].error = global->error;
            info[k].left_out = global->left_out;
            info[k].ridge = global->ridge;
        }
}

static void fill_variances(const mele_experts *e, size_t rows, double *out)
{
    size_t count = e->clusters * e->outputs;

    for (size_t i = 0; i < rows && e->variance != NULL; i++)
        memcpy(out + i * count, e->variance, count * sizeof *out);
}

mele_status mele_experts_fit(const mele_matrix *x, const mele_targets *targets,
                             const double *weights, const double *log_posteriors, size_t clusters,
                             const mele_expert_options *options, mele_engine *engine,
                             mele_experts **out, double *left_out, double *left_out_variance,
                             mele_expert_info *info, mele_error *error)
{
    mele_expert_options settled;
    const mele_i_expert_kind *kind;
    mele_experts *e = NULL;
    mele_i_regions regions = {0};
    mele_expert_info *own = NULL;

    mele_status status = check_input(x, targets, weights, log_posteriors, clusters, engine, error);
    if (status == MELE_OK)
        status = settle_options(options, targets, x->cols, &settled, &kind, error);
    if (status != MELE_OK)
        return status;
    bool classes = targets->classes > 0;
    size_t outputs = classes ? targets->classes : targets->values.cols;
    status = make_experts(kind, clusters, x->cols, outputs, classes, &e, error);
    if (status == MELE_OK)
        status = mele_i_regions_make(&regions, x->rows, weights, log_posteriors, clusters,
                                     strcmp(settled.assign, "soft") == 0, engine, error);
    if (status == MELE_OK && (own = MELE_I_ZEROED(mele_expert_info, clusters + 1)) == NULL)
        status = mele_i_no_memory(error);
    if (status != MELE_OK)
        goto cleanup;
    mark_fallbacks(e, &regions, &settled, own);
    mele_i_expert_problem problem = {x, &targets->values, targets->classes, &regions, &settled,
                                     left_out, own};
    status = kind->fit(e, &problem, engine, error);
    if (status != MELE_OK)
        goto cleanup;
    settle_variances(e);
    settle_info(e, own);
    if (left_out_variance != NULL)
        fill_variances(e, x->rows, left_out_variance);
    if (info != NULL)
        memcpy(info, own, (clusters + 1) * sizeof *own);
    *out = e;
    e = NULL;

cleanup:
    mele_i_regions_free(&regions);
    free(own);
    mele_experts_free(e);
    return status;
}

/* ---- what there is ---- */

const char *mele_experts_name(const mele_experts *experts)
{
    return experts->kind->name;
}

size_t mele_experts_clusters(const mele_experts *experts)
{
    return experts->clusters;
}

size_t mele_experts_columns(const mele_experts *experts)
{
    return experts->columns;
}

size_t mele_experts_outputs(const mele_experts *experts)
{
    return experts->outputs;
}

size_t mele_experts_classes(const mele_experts *experts)
{
    return experts->classes;
}

void mele_experts_variances(const mele_experts *experts, double *out)
{
    fill_variances(experts, 1, out);
}

bool mele_i_experts_coefficients(const mele_experts *experts, size_t k, double *out)
{
    if (experts->kind->coefficients == NULL)
        return false;
    experts->kind->coefficients(experts, k, out);
    return true;
}

bool mele_i_experts_fallback(const mele_experts *experts, size_t k)
{
    return experts->summary[k].fallback;
}

/* ---- prediction ---- */

typedef struct predicting {
    const mele_experts *experts;
    const mele_matrix *x;
    double *mean, *variance;
} predicting;

static mele_status predict_block(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const predicting *p = context;
    const mele_experts *e = p->experts;
    size_t width = e->clusters * e->outputs;

    (void)partial;
    (void)scratch;
    (void)error;
    e->kind->predict(e, p->x->data + block.first * p->x->stride, p->x->stride, block.count,
                     p->mean + block.first * width);
    if (p->variance != NULL)
        fill_variances(e, block.count, p->variance + block.first * width);
    return MELE_OK;
}

mele_status mele_experts_predict(const mele_experts *experts, const mele_matrix *x,
                                 mele_engine *engine, double *mean, double *variance,
                                 mele_error *error)
{
    predicting p = {experts, x, mean, variance};

    if (experts == NULL || x == NULL || mean == NULL)
        return mele_i_fail(error, MELE_EINVAL, "experts, x or mean is NULL");
    if (x->cols != experts->columns || x->stride < x->cols)
        return mele_i_fail(error, MELE_EINVAL, "x has %zu columns (stride %zu), the experts have "
                           "%zu", x->cols, x->stride, experts->columns);
    size_t work = experts->clusters * experts->outputs * (experts->columns + 1);
    mele_i_pass pass = {.rows = x->rows, .block_rows = mele_i_block_rows(work, 1 << 19, 16),
                        .map = predict_block, .context = &p};
    return mele_i_pass_run(engine, &pass, error);
}

/* ---- the model's section ---- */

static json_t *save_one(const mele_experts *e, size_t k)
{
    const mele_i_expert_summary *s = &e->summary[k];
    json_t *object = json_object();
    bool ok = object != NULL && mele_i_json_put(object, "rows", json_real(s->rows))
              && mele_i_json_put(object, "rank", json_integer((json_int_t)s->rank))
              && mele_i_json_put(object, "fallback", json_boolean(s->fallback));

    if (ok && !s->fallback) {
        ok = e->kind->save(e, k, object);
        if (ok && e->variance != NULL)
            ok = mele_i_json_put(object, "variance",
                                 mele_i_json_numbers(e->variance + k * e->outputs, e->outputs));
    }
    if (!ok) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *save_regions(const mele_experts *e)
{
    json_t *array = json_array();

    for (size_t k = 0; k < e->clusters && array != NULL; k++)
        if (json_array_append_new(array, save_one(e, k)) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

json_t *mele_i_experts_save(const mele_experts *experts)
{
    const mele_experts *e = experts;
    json_t *section = json_object();

    if (section != NULL && mele_i_json_put(section, "kind", json_string(e->kind->name))
        && mele_i_json_put(section, "clusters", json_integer((json_int_t)e->clusters))
        && mele_i_json_put(section, "columns", json_integer((json_int_t)e->columns))
        && mele_i_json_put(section, e->classes > 0 ? "classes" : "targets",
                           json_integer((json_int_t)e->outputs))
        && mele_i_json_put(section, "global", save_one(e, e->clusters))
        && mele_i_json_put(section, "experts", save_regions(e)))
        return section;
    json_decref(section);
    return NULL;
}

static mele_status load_variance(mele_experts *e, size_t k, const json_t *object,
                                 mele_error *error)
{
    double *variance = e->variance + k * e->outputs;
    mele_status status = mele_i_json_get_numbers(object, "variance", variance, e->outputs, error);

    for (size_t t = 0; t < e->outputs && status == MELE_OK; t++)
        if (!(variance[t] > 0))
            status = mele_i_fail(error, MELE_EDATA, "\"variance\" has %g, which is not above 0",
                                 variance[t]);
    return status;
}

static mele_status load_one(mele_experts *e, size_t k, const json_t *object, mele_error *error)
{
    mele_i_expert_summary *s = &e->summary[k];
    char what[32], keys[128];
    mele_status status;

    snprintf(what, sizeof what, k == e->clusters ? "the global expert" : "expert %zu", k + 1);
    if (!json_is_object(object))
        return mele_i_fail(error, MELE_EDATA, "%s is not an object", what);
    status = mele_i_json_get_bool(object, "fallback", &s->fallback, error);
    if (status != MELE_OK)
        return status;
    if (s->fallback && k == e->clusters)
        return mele_i_fail(error, MELE_EDATA, "%s is a fallback", what);
    snprintf(keys, sizeof keys, "rows,rank,fallback%s%s", s->fallback ? "" : e->kind->keys,
             s->fallback || e->variance == NULL ? "" : ",variance");
    status = mele_i_json_keys(object, what, keys, error);
    if (status == MELE_OK)
        status = mele_i_json_get_number(object, "rows", &s->rows, error);
    if (status == MELE_OK && !(s->rows >= 0))
        status = mele_i_fail(error, MELE_EDATA, "\"rows\" of %s is %g", what, s->rows);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "rank", s->fallback ? 0 : 1,
                                      s->fallback ? 0 : e->columns + 1, &s->rank, error);
    if (status == MELE_OK && !s->fallback)
        status = e->kind->load(e, k, object, error);
    if (status == MELE_OK && !s->fallback && e->variance != NULL)
        status = load_variance(e, k, object, error);
    return status;
}

/* The head of the section, as experts without content. */
static mele_status load_head(const json_t *section, mele_experts **out, mele_error *error)
{
    bool classes = json_object_get(section, "classes") != NULL;
    const char *unit = classes ? "classes" : "targets", *name;
    size_t clusters = json_array_size(json_object_get(section, "experts"));
    size_t columns, outputs, count;
    mele_status status = mele_i_json_keys(section, "experts",
                                          classes ? "kind,clusters,columns,classes,global,experts"
                                                  : "kind,clusters,columns,targets,global,experts",
                                          error);

    if (status == MELE_OK)
        status = mele_i_json_get_string(section, "kind", &name, error);
    if (status == MELE_OK && clusters == 0)
        status = mele_i_fail(error, MELE_EDATA, "\"experts\" is not an array of experts");
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "clusters", clusters, clusters, &count, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "columns", 1, MOST_COLUMNS, &columns, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, unit, 1, MOST_COLUMNS, &outputs, error);
    if (status != MELE_OK)
        return status;
    const mele_i_expert_kind *kind = kind_named(name);
    if (kind == NULL || !(classes ? kind->classification : kind->regression))
        return mele_i_fail(error, MELE_EDATA, "there is no kind of expert \"%s\" for %s", name,
                           unit);
    if (!kind->fits(json_object_get(section, "global"), columns, outputs))
        return mele_i_fail(error, MELE_EDATA, "the global expert is not one of %zu columns and %zu "
                           "%s", columns, outputs, unit);
    return make_experts(kind, clusters, columns, outputs, classes, out, error);
}

mele_status mele_i_experts_load(const json_t *section, mele_experts **out, mele_error *error)
{
    mele_experts *e = NULL;
    mele_status status = load_head(section, &e, error);

    if (status == MELE_OK)
        status = load_one(e, e->clusters, json_object_get(section, "global"), error);
    for (size_t k = 0; status == MELE_OK && k < e->clusters; k++)
        status = load_one(e, k, json_array_get(json_object_get(section, "experts"), k), error);
    if (status != MELE_OK) {
        mele_experts_free(e);
        return status;
    }
    e->kind->settle(e);
    settle_variances(e);
    *out = e;
    return MELE_OK;
}
