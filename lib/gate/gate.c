/* The gate's public calls: checks, the table of kinds, weights in passes, the model's section. */
#include "gate/gate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/check.h"
#include "engine/normalise.h"
#include "engine/weights.h"
#include "gate/kind.h"

#define WEIGHT_WORK ((size_t)1 << 17) /* elementary operations of a block */
#define LEAST_ROWS 16
#define MOST_CLUSTERS ((size_t)1 << 24) /* of a model file */

static const mele_i_gate_kind *const kinds[] = {&mele_i_gate_hard, &mele_i_gate_posterior,
                                                &mele_i_gate_temperature, &mele_i_gate_softmax};

const char *mele_gate_kind(size_t i)
{
    return i < sizeof kinds / sizeof kinds[0] ? kinds[i]->name : NULL;
}

static const mele_i_gate_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

mele_gate_options mele_gate_defaults(void)
{
    mele_gate_options options = {.kind = "softmax", .on = "posteriors", .loss = "likelihood",
                                 .ridge = 1, .max_iterations = 200, .tolerance = 1e-5};
    return options;
}

void mele_gate_free(mele_gate *gate)
{
    if (gate == NULL)
        return;
    free(gate->column);
    free(gate->coefficients);
    free(gate);
}

const char *mele_gate_name(const mele_gate *gate)
{
    return gate->kind->name;
}

size_t mele_gate_clusters(const mele_gate *gate)
{
    return gate->clusters;
}

size_t mele_i_gate_columns(const mele_gate *gate)
{
    return gate->features;
}

/* The posterior gate, to be trained or not. */
static mele_gate *new_gate(const mele_i_gate_kind *kind, size_t clusters)
{
    mele_gate *gate = MELE_I_NEW(mele_gate);

    if (gate != NULL) {
        gate->kind = kind;
        gate->clusters = clusters;
        gate->temperature = 1;
    }
    return gate;
}

/* ---- checks ---- */

static mele_status check_options(const mele_gate_options *options, mele_error *error)
{
    if (options->kind == NULL || find_kind(options->kind) == NULL)
        return mele_i_fail(error, MELE_EINVAL, "gate: \"%s\" is no kind of gate",
                           options->kind == NULL ? "" : options->kind);
    if (options->on == NULL || mele_i_gate_input_find(options->on) < 0)
        return mele_i_fail(error, MELE_EINVAL, "gate: \"%s\" is not posteriors, features or both",
                           options->on == NULL ? "" : options->on);
    if (options->loss == NULL || mele_i_gate_loss_find(options->loss) == NULL)
        return mele_i_fail(error, MELE_EINVAL, "gate: \"%s\" is not likelihood, squared or "
                           "posteriors", options->loss == NULL ? "" : options->loss);
    if (!isfinite(options->ridge) || options->ridge < 0)
        return mele_i_fail(error, MELE_EINVAL, "gate: the ridge is %g, not a finite number >= 0",
                           options->ridge);
    if (!isfinite(options->tolerance) || options->tolerance < 0)
        return mele_i_fail(error, MELE_EINVAL, "gate: the tolerance is %g, not a finite number "
                           ">= 0", options->tolerance);
    return MELE_OK;
}

static bool sees_features(const mele_gate_options *options)
{
    return find_kind(options->kind)->has_columns && strcmp(options->on, "posteriors") != 0;
}

static mele_status check_units(const mele_gate_data *data, mele_error *error)
{
    for (size_t j = 0; j < data->x.cols; j++) {
        const double scale = data->scale == NULL ? 1 : data->scale[j];
        const double center = data->center == NULL ? 0 : data->center[j];
        if (!isfinite(scale) || !(scale > 0) || !isfinite(center))
            return mele_i_fail(error, MELE_EINVAL, "gate: column %zu: the center or the scale is no "
                               "finite number, or the scale is not above 0", j + 1);
    }
    return MELE_OK;
}

static mele_status check_data(const mele_gate_data *data, const mele_gate_options *options,
                              mele_engine *engine, mele_error *error)
{
    mele_status status;

    if (data->rows == 0 || data->clusters == 0)
        return mele_i_fail(error, MELE_EINVAL, "gate: %zu rows and %zu clusters: it needs one of "
                           "each", data->rows, data->clusters);
    if (data->log_posteriors == NULL)
        return mele_i_fail(error, MELE_EINVAL, "gate: log_posteriors is NULL");
    if (sees_features(options) && data->x.rows != data->rows)
        return mele_i_fail(error, MELE_EINVAL, "gate: x has %zu rows, log_posteriors has %zu",
                           data->x.rows, data->rows);
    status = mele_i_gate_check_logs(data->log_posteriors, data->rows, data->clusters,
                                    "log_posteriors", true, engine, error);
    if (status == MELE_OK && sees_features(options))
        status = mele_i_check_matrix(&data->x, "x", engine, error);
    if (status == MELE_OK && sees_features(options))
        status = check_units(data, error);
    return status;
}

/* ---- log posteriors that sum to 1 ---- */

typedef struct normalising {
    const double *given;
    size_t clusters;
    double *out; /* NULL: only whether it is needed */
    bool needed;
} normalising;

static mele_status map_normalised(void *context, mele_i_block block, void *partial, void *scratch,
                                  mele_error *error)
{
    const normalising *n = context;
    const size_t at = block.first * n->clusters;
    double *out = n->out == NULL ? scratch : n->out + at;

    (void)error;
    *(bool *)partial = mele_i_normalise_logs(n->given + at, block.count, n->clusters, out);
    return MELE_OK;
}

static void combine_normalised(void *context, const void *partial)
{
    normalising *n = context;

    n->needed = n->needed || *(const bool *)partial;
}

static mele_status normalise(normalising *n, size_t rows, mele_engine *engine, mele_error *error)
{
    const size_t block_rows = mele_i_block_rows(16 * n->clusters, WEIGHT_WORK, LEAST_ROWS);
    const mele_i_pass pass = {
        .rows = rows, .block_rows = block_rows, .map = map_normalised, .context = n,
        .combine = combine_normalised, .partial_bytes = sizeof(bool),
        .scratch_bytes = n->out == NULL ? block_rows * n->clusters * sizeof(double) : 0};

    return mele_i_pass_run(engine, &pass, error);
}

/* Normalised log posteriors in *out, to be freed; NULL: those of the data are. */
static mele_status normalise_posteriors(const mele_gate_data *data, mele_engine *engine,
                                        double **out, mele_error *error)
{
    normalising n = {data->log_posteriors, data->clusters, NULL, false};
    mele_status status = normalise(&n, data->rows, engine, error);

    *out = NULL;
    if (status != MELE_OK || !n.needed)
        return status;
    n.out = mele_i_large_array(data->rows, data->clusters * sizeof *n.out);
    if (n.out == NULL)
        return mele_i_no_memory(error);
    *out = n.out;
    return normalise(&n, data->rows, engine, error);
}

/* ---- fit ---- */

static mele_status fit_checked(const mele_i_gate_training *training, const mele_i_gate_kind *kind,
                               bool with_loss, mele_gate **out, mele_gate_info *info,
                               mele_error *error)
{
    mele_gate *gate = new_gate(kind, training->data->clusters);
    mele_gate_info found = {.loss = NAN};

    if (gate == NULL)
        return mele_i_no_memory(error);
    mele_status status = kind->fit(gate, training, &found, error);
    if (status == MELE_OK && with_loss)
        status = mele_i_gate_mean_loss(gate, training, &found.loss, error);
    if (status != MELE_OK) {
        mele_gate_free(gate);
        return status;
    }
    if (info != NULL)
        *info = found;
    *out = gate;
    return MELE_OK;
}

mele_status mele_gate_fit(const mele_gate_data *data, const mele_gate_options *options,
                          mele_engine *engine, mele_gate **out, mele_gate_info *info,
                          mele_error *error)
{
    const mele_gate_options chosen = options == NULL ? mele_gate_defaults() : *options;
    mele_status status = check_options(&chosen, error);

    if (status != MELE_OK)
        return status;
    if (data == NULL || out == NULL)
        return mele_i_fail(error, MELE_EINVAL, "gate: %s is NULL", data == NULL ? "data" : "out");
    const mele_i_gate_kind *kind = find_kind(chosen.kind);
    const mele_i_gate_loss *loss = mele_i_gate_loss_find(chosen.loss);
    const char *missing = loss->missing(data);
    if (missing != NULL && kind->trained)
        return mele_i_fail(error, MELE_EINVAL, "gate: the loss \"%s\" needs %s", loss->name,
                           missing);
    status = check_data(data, &chosen, engine, error);
    if (status == MELE_OK && missing == NULL)
        status = loss->check(data, engine, error);
    if (status != MELE_OK)
        return status;
    double *normalised, *weights;
    mele_gate_data seen = *data;
    status = mele_i_weights_relative(data->weights, data->rows, &seen.weights, &weights, error);
    if (status != MELE_OK)
        return status;
    const mele_i_gate_training training = {
        &seen, &chosen, loss, mele_i_total_weight(seen.weights, data->rows), engine};
    status = normalise_posteriors(data, engine, &normalised, error);
    if (normalised != NULL)
        seen.log_posteriors = normalised;
    if (status == MELE_OK)
        status = fit_checked(&training, kind, missing == NULL, out, info, error);
    free(normalised);
    free(weights);
    return status;
}

/* ---- weights ---- */

typedef struct weight_pass {
    const mele_gate *gate;
    mele_gate_data data; /* only what mele_i_gate_rows_of() looks at */
    double *out;
    bool normalises;
} weight_pass;

static size_t weight_scratch(const weight_pass *pass, size_t rows)
{
    return rows * (pass->gate->columns + (pass->normalises ? pass->gate->clusters : 0));
}

static mele_status map_weights(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const weight_pass *pass = context;
    mele_i_gate_rows rows = mele_i_gate_rows_of(&pass->data, block);
    double *normalised = (double *)scratch + block.count * pass->gate->columns;

    (void)partial;
    (void)error;
    if (pass->normalises) {
        mele_i_normalise_logs(rows.log_posteriors, block.count, pass->gate->clusters, normalised);
        rows.log_posteriors = normalised;
    }
    pass->gate->kind->log_weights(pass->gate, &rows, scratch,
                                  pass->out + block.first * pass->gate->clusters);
    return MELE_OK;
}

static mele_status check_features(const mele_gate *gate, const mele_matrix *x, size_t rows,
                                  mele_error *error)
{
    if (gate->features == 0)
        return MELE_OK;
    if (x == NULL || x->data == NULL)
        return mele_i_fail(error, MELE_EINVAL, "gate: x is NULL, the gate sees %zu features",
                           gate->features);
    if (x->rows != rows || x->cols != gate->features || x->stride < x->cols)
        return mele_i_fail(error, MELE_EINVAL, "gate: x is %zu x %zu, not %zu x %zu", x->rows,
                           x->cols, rows, gate->features);
    return MELE_OK;
}

static mele_status log_weights(weight_pass *pass, const mele_matrix *x, size_t rows,
                               mele_engine *engine, mele_error *error)
{
    const mele_gate *gate = pass->gate;
    size_t row_work = gate->clusters * (2 * gate->columns + (pass->normalises ? 32 : 16));
    size_t block_rows = mele_i_block_rows(row_work, WEIGHT_WORK, LEAST_ROWS);
    mele_status status = rows == 0 ? MELE_OK : check_features(gate, x, rows, error);

    if (status != MELE_OK)
        return status;
    if (gate->features > 0 && rows > 0)
        pass->data.x = *x;
    const mele_i_pass work = {.rows = rows, .block_rows = block_rows, .map = map_weights,
                              .context = pass,
                              .scratch_bytes = weight_scratch(pass, block_rows) * sizeof(double)};
    return mele_i_pass_run(engine, &work, error);
}

mele_status mele_i_gate_log_weights(const mele_gate *gate, const double *log_posteriors,
                                    const mele_matrix *x, size_t rows, double *out,
                                    mele_error *error)
{
    weight_pass pass = {gate, {.clusters = gate->clusters, .log_posteriors = log_posteriors}, out,
                        false};

    return log_weights(&pass, x, rows, NULL, error);
}

mele_status mele_gate_log_weights(const mele_gate *gate, const double *log_posteriors,
                                  const mele_matrix *x, size_t rows, mele_engine *engine,
                                  double *out, mele_error *error)
{
    if (gate == NULL || (rows > 0 && (log_posteriors == NULL || out == NULL)))
        return mele_i_fail(error, MELE_EINVAL, "gate: a pointer is NULL");
    weight_pass pass = {gate, {.clusters = gate->clusters, .log_posteriors = log_posteriors}, out,
                        gate->on_posteriors && gate->columns > 0};
    return log_weights(&pass, x, rows, engine, error);
}

/* ---- model file ---- */

json_t *mele_i_gate_save(const mele_gate *gate)
{
    json_t *section = json_object();

    if (mele_i_json_put(section, "kind", json_string(gate->kind->name))
        && mele_i_json_put(section, "clusters", json_integer((json_int_t)gate->clusters))
        && gate->kind->save(gate, section))
        return section;
    json_decref(section);
    return NULL;
}

mele_status mele_i_gate_load(const json_t *section, mele_gate **out, mele_error *error)
{
    const char *name;
    size_t clusters;

    if (!json_is_object(section))
        return mele_i_fail(error, MELE_EDATA, "\"gate\" is not an object");
    mele_status status = mele_i_json_get_string(section, "kind", &name, error);
    if (status == MELE_OK && find_kind(name) == NULL)
        status = mele_i_fail(error, MELE_EDATA, "\"%.80s\" is no kind of gate", name);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "clusters", 1, MOST_CLUSTERS, &clusters, error);
    if (status != MELE_OK)
        return status;
    mele_gate *gate = new_gate(find_kind(name), clusters);
    if (gate == NULL)
        return mele_i_no_memory(error);
    status = gate->kind->load(section, gate, error);
    if (status != MELE_OK)
        mele_gate_free(gate);
    else
        *out = gate;
    return status;
}
