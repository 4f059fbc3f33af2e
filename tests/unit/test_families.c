/* What holds of every family: this walks the table, so that a new family is tested by its row. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "family/families.h"
#include "family/order.h"
#include "family/settle.h"
#include "gate/joint.h"
#include "model/model.h"
#include "unit/engine_support.h"

#define ROWS 80
#define FEATURES 2

typedef enum task { NUMBERS, CLASSES, MANY_TARGETS, WEIGHTED, TASKS } task;

static const char *const task_names[] = {"one target", "classes", "two targets", "weights"};

/* What must change nothing: the unit of weights, weights that are all the same, a column that is constant. */
typedef enum change { NOTHING, UNIT, EQUAL_WEIGHTS, CONSTANT_FIRST, CONSTANT_BETWEEN } change;

static double x[2][ROWS * (FEATURES + 1)]; /* the data's, which are a view of it; with a constant column */

/* Two regimes of the first feature. */
static mele_data *make_changed(task which, change what)
{
    double y[ROWS * 2], weights[ROWS];
    const bool wide = what == CONSTANT_FIRST || what == CONSTANT_BETWEEN;
    const size_t targets = which == MANY_TARGETS ? 2 : 1, columns = FEATURES + wide;
    const size_t at[2] = {what == CONSTANT_FIRST, 1 + wide};
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_TESTS, 0, 0);
    mele_data *data = NULL;
    mele_error error = {0};

    for (size_t i = 0; i < ROWS; i++) {
        const double a = 2 * mele_i_stream_uniform(&stream) - 1, b = 2 * mele_i_stream_uniform(&stream) - 1;
        const double noise = mele_i_stream_uniform(&stream) - 0.5;
        for (size_t j = 0; j < columns; j++)
            x[wide][i * columns + j] = 5;
        x[wide][i * columns + at[0]] = a;
        x[wide][i * columns + at[1]] = b;
        weights[i] = (what == EQUAL_WEIGHTS ? 1 : 1 + (double)(i % 3)) * (what == NOTHING ? 1 : 7);
        y[i * targets] = which == CLASSES ? (double)((a > 0) + (b + noise > 0.3))
                                          : (a > 0 ? 3 * a + b : 1 - 2 * a) + 0.4 * noise;
        if (targets == 2)
            y[i * targets + 1] = a - b + noise;
    }
    const mele_matrix mx = mele_matrix_of(x[wide], ROWS, columns), my = mele_matrix_of(y, ROWS, targets);
    cr_assert_eq(mele_data_of_arrays(&mx, &my, which == CLASSES ? 3 : 0,
                                     which == WEIGHTED || what == EQUAL_WEIGHTS ? weights : NULL, &data,
                                     &error), MELE_OK, "%s", error.message);
    return data;
}

static mele_data *make_data(task which)
{
    return make_changed(which, NOTHING);
}

static bool takes(const mele_i_family *family, task which)
{
    const unsigned wanted[] = {MELE_I_FAMILY_REGRESSION, MELE_I_FAMILY_CLASSES,
                               MELE_I_FAMILY_REGRESSION | MELE_I_FAMILY_MANY_TARGETS,
                               MELE_I_FAMILY_REGRESSION | MELE_I_FAMILY_WEIGHTS};

    return (family->takes & wanted[which]) == wanted[which];
}

/* Small fits: an option is set where the family looks at it. */
static void set(const mele_i_family *family, mele_options *options, const char *name, const char *value)
{
    mele_error error = {0};

    if (mele_i_family_looks_at(family, name))
        cr_assert_eq(mele_options_set(options, name, value, &error), MELE_OK, "%s", error.message);
}

static mele_options *options_of(size_t i, const char *clusters)
{
    const mele_i_family *family = mele_i_family_named(mele_family(i));
    mele_options *options = NULL;

    cr_assert_eq(mele_options_new(&options, NULL), MELE_OK);
    cr_assert_eq(mele_options_set(options, "family", mele_family(i), NULL), MELE_OK);
    if (!family->fixed)
        set(family, options, "clusters", clusters);
    set(family, options, "max-epochs", "4");
    set(family, options, "hidden", "2");
    set(family, options, "em-iter", "4");
    set(family, options, "lambda", "0.1");
    if (strcmp(mele_family(i), "mele-em") == 0)
        set(family, options, "refine", "2");
    if (strncmp(mele_family(i), "mele", 4) == 0)
        set(family, options, "gate", "softmax");
    return options;
}

static char *fit_text(size_t i, task which, const char *clusters, mele_engine *engine, mele_model **out)
{
    mele_data *data = make_data(which);
    mele_options *options = options_of(i, clusters);
    mele_model *model = NULL;
    mele_error error = {0};
    char *text = NULL;

    cr_assert_eq(mele_fit(data, options, engine, NULL, &model, &error), MELE_OK, "%s, %s: %s",
                 mele_family(i), task_names[which], error.message);
    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    if (out != NULL)
        *out = model;
    else
        mele_model_free(model);
    mele_options_free(options);
    mele_data_free(data);
    return text;
}

/* Of a model of data that were changed. */
static void predict_changed(const mele_model *model, change what, double *out)
{
    double asked[9 * (FEATURES + 1)];
    const bool wide = what == CONSTANT_FIRST || what == CONSTANT_BETWEEN;
    const size_t columns = FEATURES + wide;
    const mele_matrix m = mele_matrix_of(asked, 9, columns);
    const bool classes = mele_schema_classes(mele_model_schema(model)) > 0;
    const mele_prediction wanted = {.mean = classes ? NULL : out, .probability = classes ? out : NULL};
    mele_error error = {0};

    for (size_t i = 0; i < 9; i++) {
        asked[i * columns + wide] = 5;
        asked[i * columns + (what == CONSTANT_FIRST)] = cos((double)(i * FEATURES));
        asked[i * columns + 1 + wide] = cos((double)(i * FEATURES + 1));
        if (what == CONSTANT_FIRST)
            asked[i * columns] = 5;
    }
    cr_assert_eq(mele_model_predict(model, &m, NULL, NULL, &wanted, &error), MELE_OK, "%s", error.message);
}

static void predict(const mele_model *model, double *out)
{
    predict_changed(model, NOTHING, out);
}

Test(families, have_names_and_lines_of_help)
{
    cr_assert_str_eq(mele_family(0), mele_options_defaults().family.name);
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        cr_assert_not_null(mele_i_family_named(mele_family(i)));
        cr_assert(mele_family_help(i) != NULL && strlen(mele_family_help(i)) > 10, "%s", mele_family(i));
        cr_assert_null(strchr(mele_family_help(i), '\n'));
    }
    cr_assert_null(mele_i_family_named("nobody"));
    cr_assert_null(mele_family_sweeps("nobody"));
}

/* An option that a family claims to look at is one, or its refusal could not name the others. */
Test(families, look_at_options_that_there_are)
{
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        const mele_i_family *family = mele_i_family_named(mele_family(i));
        for (const char *const *name = family->options; name != NULL && *name != NULL; name++)
            cr_assert_not_null(mele_option_help(*name), "%s: --%s", mele_family(i), *name);
        for (const char *const *kind = family->experts; kind != NULL && *kind != NULL; kind++) {
            size_t k = 0;
            while (mele_expert_kind(k) != NULL && strcmp(mele_expert_kind(k), *kind) != 0)
                k++;
            cr_assert_not_null(mele_expert_kind(k), "%s: %s", mele_family(i), *kind);
        }
        if (family->swept != NULL)
            cr_assert(mele_i_family_looks_at(family, family->swept), "%s", mele_family(i));
    }
}

Test(families, are_the_same_bytes_for_any_threads_and_read_back)
{
    mele_engine *three = engine_of(3);

    for (size_t i = 0; mele_family(i) != NULL; i++)
        for (int which = 0; which < TASKS; which++) {
            if (!takes(mele_i_family_named(mele_family(i)), (task)which))
                continue;
            mele_model *model = NULL, *read = NULL;
            double a[27], b[27];
            char *text = fit_text(i, (task)which, "2", NULL, &model);
            char *again = fit_text(i, (task)which, "2", three, NULL);
            cr_assert_str_eq(text, again, "%s, %s", mele_family(i), task_names[which]);
            cr_assert_eq(mele_model_of_text(text, strlen(text), &read, NULL), MELE_OK);
            cr_assert_str_eq(mele_model_family(read), mele_family(i));
            cr_assert_eq(mele_model_parameters(read), mele_model_parameters(model));
            cr_assert_gt(mele_model_parameters(model), 0);
            memset(a, 0, sizeof a);
            memset(b, 0, sizeof b);
            predict(model, a);
            predict(read, b);
            cr_assert_arr_eq(a, b, sizeof a, "%s, %s", mele_family(i), task_names[which]);
            for (size_t n = 0; n < 9; n++)
                cr_assert(isfinite(a[n]), "%s, %s", mele_family(i), task_names[which]);
            free(text);
            free(again);
            mele_model_free(model);
            mele_model_free(read);
        }
    mele_engine_free(three);
}

/* What changed data are predicted to be less what the data are, at most. */
static double change_of(size_t i, task which, change what)
{
    mele_data *data[2] = {make_changed(which, NOTHING), make_changed(which, what)};
    double said[2][27] = {{0}}, most = 0;

    for (int d = 0; d < 2; d++) {
        mele_options *options = options_of(i, "2");
        mele_model *model = NULL;
        mele_error error = {0};
        cr_assert_eq(mele_fit(data[d], options, NULL, NULL, &model, &error), MELE_OK, "%s: %s", mele_family(i),
                     error.message);
        predict_changed(model, d == 0 ? NOTHING : what, said[d]);
        mele_model_free(model);
        mele_options_free(options);
        mele_data_free(data[d]);
    }
    for (size_t n = 0; n < 27; n++)
        most = fmax(most, fabs(said[0][n] - said[1][n]));
    return most;
}

Test(families, do_not_look_at_the_unit_of_weights)
{
    for (size_t i = 0; mele_family(i) != NULL; i++)
        if (takes(mele_i_family_named(mele_family(i)), WEIGHTED)) {
            cr_assert_eq(change_of(i, WEIGHTED, UNIT), 0, "%s", mele_family(i));
            cr_assert_eq(change_of(i, NUMBERS, EQUAL_WEIGHTS), 0, "%s", mele_family(i));
        }
}

/* Sums may be taken in another order: of stages also while they are trained, since their regions have
 * the column. */
Test(families, do_not_look_at_constant_columns)
{
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        const mele_i_family *family = mele_i_family_named(mele_family(i));
        const double most = family->takes & MELE_I_FAMILY_STAGES ? 1e-5 : 1e-14;
        for (int which = 0; which <= CLASSES; which++)
            for (int what = CONSTANT_FIRST; what <= CONSTANT_BETWEEN && takes(family, (task)which); what++) {
                const double changed = change_of(i, (task)which, (change)what);
                cr_assert_leq(changed, most, "%s, %s: %g", mele_family(i), task_names[which], changed);
            }
    }
}

/* ---- constant targets ---- */

/* Targets, the last of which is constant. */
static mele_data *make_constant(size_t targets, double constant)
{
    double y[ROWS * 2];
    mele_data *data = NULL;
    mele_error error = {0};

    mele_data_free(make_data(NUMBERS)); /* fills x */
    for (size_t i = 0; i < ROWS; i++) {
        y[i * targets] = fabs(x[0][i * FEATURES]);
        y[i * targets + targets - 1] = constant;
    }
    const mele_matrix mx = mele_matrix_of(x[0], ROWS, FEATURES), my = mele_matrix_of(y, ROWS, targets);
    cr_assert_eq(mele_data_of_arrays(&mx, &my, 0, NULL, &data, &error), MELE_OK, "%s", error.message);
    return data;
}

static void check_constant(size_t i, size_t targets, double constant)
{
    double mean[ROWS * 2], sd[ROWS * 2];
    const mele_matrix m = mele_matrix_of(x[0], ROWS, FEATURES);
    const mele_prediction wanted = {.mean = mean, .sd = sd};
    mele_data *data = make_constant(targets, constant);
    mele_options *options = options_of(i, "2");
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit(data, options, NULL, NULL, &model, &error), MELE_OK, "%s: %s", mele_family(i),
                 error.message);
    cr_assert_eq(mele_model_predict(model, &m, NULL, NULL, &wanted, &error), MELE_OK, "%s", error.message);
    for (size_t n = targets - 1; n < ROWS * targets; n += targets) {
        cr_assert(mean[n] == constant, "%s, %zu: %.17g for %g", mele_family(i), targets, mean[n], constant);
        cr_assert(sd[n] > 0 && sd[n] <= 0x1p-40 * constant * (1 + 1e-9), "%s, %zu: sd %g of %g", mele_family(i),
                  targets, sd[n], constant);
    }
    mele_model_free(model);
    mele_options_free(options);
    mele_data_free(data);
}

/* With the standard deviation that rounding has, whatever the unit, and beside another target, too. */
Test(families, predict_constant_targets_exactly)
{
    static const double constants[] = {7.25, 3e-12};

    for (size_t i = 0; mele_family(i) != NULL; i++)
        for (size_t c = 0; c < 2; c++) {
            if (takes(mele_i_family_named(mele_family(i)), NUMBERS))
                check_constant(i, 1, constants[c]);
            if (takes(mele_i_family_named(mele_family(i)), MANY_TARGETS))
                check_constant(i, 2, constants[c]);
        }
}

/* ---- the order of experts ---- */

/* The first number that experts are numbered by: where expert k counts, or, of ensembles that predict by a
 * mean, what it says. */
static double place_of(const mele_model *model, size_t k, bool ensemble)
{
    static double log_gate[ROWS * 4], mean[ROWS * 4];
    const mele_matrix m = mele_matrix_of(x[0], ROWS, FEATURES);
    const mele_prediction wanted = {.log_gate = log_gate, .expert_mean = mean};
    mele_error error = {0};
    double sum = 0, total = 0;

    cr_assert_eq(mele_model_predict(model, &m, NULL, NULL, &wanted, &error), MELE_OK, "%s", error.message);
    for (size_t i = 0; i < ROWS; i++) {
        const double weight = ensemble ? 1 : exp(log_gate[i * 4 + k]);
        sum += weight * (ensemble ? mean[i * 4 + k] : x[0][i * FEATURES]);
        total += weight;
    }
    return total > 0 ? sum / total : INFINITY;
}

/* Of Gaussians by their centres. */
static double number_of(const mele_model *model, size_t k, bool ensemble)
{
    double centres[4 * FEATURES];

    if (model->joint == NULL)
        return place_of(model, k, ensemble);
    mele_partition_centres(model->joint, centres);
    return centres[k * FEATURES];
}

Test(families, number_experts_of_random_starts_by_what_they_are)
{
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        mele_model *model = NULL;
        if (!(mele_i_family_named(mele_family(i))->takes & MELE_I_FAMILY_NUMBERED))
            continue;
        const bool ensemble = strstr(mele_family(i), "ncl") != NULL;
        free(fit_text(i, NUMBERS, "4", NULL, &model));
        for (size_t k = 1; k < 4; k++)
            cr_assert_leq(number_of(model, k - 1, ensemble), number_of(model, k, ensemble) + 1e-12, "%s",
                          mele_family(i));
        mele_model_free(model);
    }
}

/* Experts and gate, turned by one; then numbered again. */
static char *turn_and_number(size_t i, mele_model *model)
{
    static const size_t turned[] = {1, 2, 3, 0};
    mele_expert_info info[4] = {{0}};
    mele_options *options = options_of(i, "4");
    mele_data *data = make_data(NUMBERS);
    mele_i_run run = mele_i_run_of(data, NULL, options, NULL, NULL, model);
    const mele_i_family_exchangeable parts = {
        .experts = model->experts, .gate = model->gate, .info = info};
    char *text = NULL;

    cr_assert_eq(mele_i_experts_reorder(model->experts, turned, NULL), MELE_OK);
    cr_assert_eq(mele_i_gate_reorder(model->gate, turned, NULL), MELE_OK);
    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    free(text);
    cr_assert_eq(mele_i_family_number(&run, &parts, NULL), MELE_OK);
    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    mele_i_run_clear(&run);
    mele_data_free(data);
    mele_options_free(options);
    return text;
}

/* Whatever the order that they had. */
Test(families, number_experts_alike_in_any_order)
{
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        const mele_i_family *family = mele_i_family_named(mele_family(i));
        mele_model *model = NULL;
        if (!(family->takes & MELE_I_FAMILY_NUMBERED) || strcmp(mele_family(i), "gated-ncl") == 0)
            continue; /* which is numbered before it has its gate, as ncl is */
        char *text = fit_text(i, NUMBERS, "4", NULL, &model);
        if (!mele_gate_needs_posteriors(model->gate)) {
            char *again = turn_and_number(i, model);
            cr_assert_str_eq(text, again, "%s", mele_family(i));
            free(again);
        }
        free(text);
        mele_model_free(model);
    }
}

/* Before any work, by its name. */
Test(families, refuse_what_they_do_not_take)
{
    for (size_t i = 0; mele_family(i) != NULL; i++)
        for (int which = 0; which < TASKS; which++) {
            if (takes(mele_i_family_named(mele_family(i)), (task)which))
                continue;
            mele_data *data = make_data((task)which);
            mele_options *options = options_of(i, "2");
            mele_model *model = NULL;
            mele_error error = {0};
            cr_assert_eq(mele_fit(data, options, NULL, NULL, &model, &error), MELE_EINVAL, "%s, %s",
                         mele_family(i), task_names[which]);
            cr_assert(strstr(error.message, mele_family(i)) != NULL, "%s", error.message);
            cr_assert_null(model);
            mele_options_free(options);
            mele_data_free(data);
        }
}

/* The first rows, fewer than the experts asked for. */
static mele_status fit_few(size_t i, mele_error *error)
{
    double y[3];
    mele_data *data = NULL;
    mele_options *options = options_of(i, "4");
    mele_model *model = NULL;

    mele_data_free(make_data(NUMBERS)); /* fills x */
    for (size_t r = 0; r < 3; r++)
        y[r] = x[0][r * FEATURES];
    const mele_matrix mx = mele_matrix_of(x[0], 3, FEATURES), my = mele_matrix_of(y, 3, 1);
    cr_assert_eq(mele_data_of_arrays(&mx, &my, 0, NULL, &data, NULL), MELE_OK);
    const mele_status status = mele_fit(data, options, NULL, NULL, &model, error);
    mele_model_free(model);
    mele_options_free(options);
    mele_data_free(data);
    return status;
}

/* Those that share the rows, as regions do; an ensemble may have any number of members. */
Test(families, of_shared_rows_have_no_more_experts_than_rows)
{
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        const mele_i_family *family = mele_i_family_named(mele_family(i));
        const bool shares = family->gate != NULL || strcmp(mele_family(i), "lme") == 0
                            || (family->takes & MELE_I_FAMILY_STAGES);
        mele_error error = {0};
        if (!takes(family, NUMBERS) || family->fixed)
            continue;
        cr_assert_eq(fit_few(i, &error), shares ? MELE_EDATA : MELE_OK, "%s: %s", mele_family(i), error.message);
        if (shares)
            cr_assert_str_eq(error.message, "4 clusters asked for, the data have 3 rows: take fewer (--clusters)");
    }
}

Test(families, refuse_options_that_they_do_not_look_at)
{
    static const char *const option[][2] = {{"cluster-on", "xy"}, {"gate-rows", "50"}, {"small", "merge"},
                                            {"lambda", "0.5"}, {"parameters", "9"}, {"criterion", "nll"},
                                            {"gate", "hard"}, {"kernel", "matern52"}, {"gate-ridge", "1"},
                                            {"hidden", "3"}};
    mele_data *data = make_data(NUMBERS);

    for (size_t i = 0; mele_family(i) != NULL; i++)
        for (size_t o = 0; o < sizeof option / sizeof *option; o++) {
            mele_options *options = options_of(i, "2");
            mele_model *model = NULL;
            mele_error error = {0};
            char name[64];
            if (!mele_i_family_looks_at(mele_i_family_named(mele_family(i)), option[o][0])) {
                snprintf(name, sizeof name, "--%s", option[o][0]);
                cr_assert_eq(mele_options_set(options, option[o][0], option[o][1], NULL), MELE_OK);
                cr_assert_eq(mele_fit(data, options, NULL, NULL, &model, &error), MELE_EINVAL);
                cr_assert(strstr(error.message, name) != NULL, "%s", error.message);
                cr_assert_eq(error.message[strlen(error.message) - 1], ')', "the list is cut: %s", error.message);
                cr_assert_eq(mele_cross_validate(data, options, NULL, NULL, NULL, NULL, &error), MELE_EINVAL);
            }
            mele_options_free(options);
        }
    mele_data_free(data);
}

/* Another stage would be of another model. */
Test(families, of_other_training_get_no_stage)
{
    mele_data *data = make_data(NUMBERS);

    for (size_t i = 1; mele_family(i) != NULL; i++) {
        mele_options options = mele_options_defaults();
        mele_model *model = NULL, *none = NULL;
        mele_error error = {0};
        if (!takes(mele_i_family_named(mele_family(i)), NUMBERS))
            continue;
        free(fit_text(i, NUMBERS, "2", NULL, &model));
        cr_assert_eq(mele_fit_gate(data, NULL, &options, NULL, NULL, model, &error), MELE_EINVAL);
        cr_assert(strstr(error.message, mele_family(i)) != NULL, "%s", error.message);
        options.family.name = mele_family(i);
        cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &none, &error), MELE_EINVAL);
        cr_assert(strstr(error.message, mele_family(i)) != NULL, "%s", error.message);
        mele_model_free(model);
    }
    mele_data_free(data);
}

Test(families, one_network_has_as_many_parameters_as_are_asked_for)
{
    mele_data *data = make_data(NUMBERS);

    for (size_t wanted = 1; wanted < 60; wanted += 7) {
        mele_options options = mele_options_defaults();
        mele_model *model = NULL;
        options.family.name = "one";
        options.family.parameters = wanted;
        options.experts.kind = "mlp";
        options.experts.max_epochs = 1;
        cr_assert_eq(mele_fit(data, &options, NULL, NULL, &model, NULL), MELE_OK);
        /* h (2 + 1) + h + 1 */
        const double off = fabs((double)mele_model_parameters(model) - (double)wanted);
        cr_assert(off <= 2 || mele_model_parameters(model) == 5, "%zu: off by %g", wanted, off);
        mele_model_free(model);
    }
    mele_data_free(data);
}

/* What the family one fits with the options of experts that another gives. */
static mele_model *fit_one(const mele_data *data, const mele_options *others, const char *kind)
{
    static const char *const experts[] = {"max-epochs", "hidden"};
    const mele_i_family *one = mele_i_family_named("one");
    mele_options *options = NULL;
    mele_model *model = NULL;
    mele_error error = {0};
    char value[64];

    cr_assert_eq(mele_options_new(&options, NULL), MELE_OK);
    set(one, options, "family", "one");
    set(one, options, "expert", kind);
    for (size_t i = 0; i < sizeof experts / sizeof *experts; i++) {
        mele_options_get(others, experts[i], value, sizeof value, NULL, NULL);
        if (mele_options_given(others, experts[i]))
            set(one, options, experts[i], value);
    }
    cr_assert_eq(mele_fit(data, options, NULL, NULL, &model, &error), MELE_OK, "%s", error.message);
    mele_options_free(options);
    return model;
}

static bool trains(const mele_i_family *family, const char *kind)
{
    bool found = family->experts == NULL;

    for (const char *const *one = family->experts; one != NULL && *one != NULL; one++)
        found = found || strcmp(*one, kind) == 0;
    return found;
}

/* kind: of the expert; NULL: the default. */
static void check_one_expert(size_t i, task which, const char *kind)
{
    mele_data *data = make_data(which);
    mele_options *options = options_of(i, "1"), settled;
    mele_model *model = NULL, *one;
    mele_error error = {0};
    double a[27] = {0}, b[27] = {0};

    if (kind != NULL)
        set(mele_i_family_named(mele_family(i)), options, "expert", kind);
    cr_assert_eq(mele_i_family_settle(data, options, &settled, NULL), MELE_OK);
    one = fit_one(data, options, settled.experts.kind != NULL ? settled.experts.kind
                                                              : which == CLASSES ? "logistic" : "linear");
    cr_assert_eq(mele_fit(data, options, NULL, NULL, &model, &error), MELE_OK, "%s", error.message);
    predict(one, a);
    predict(model, b);
    for (size_t n = 0; n < sizeof a / sizeof *a; n++)
        cr_assert(a[n] == b[n], "%s, %s: %.17g is not %.17g", mele_family(i), task_names[which], b[n], a[n]);
    mele_model_free(model);
    mele_model_free(one);
    mele_options_free(options);
    mele_data_free(data);
}

/* What fits have, --help says. */
Test(families, have_the_number_of_experts_that_is_their_default)
{
    mele_data *data = make_data(NUMBERS);

    for (size_t i = 0; mele_family(i) != NULL; i++) {
        const size_t fixed = mele_family_clusters(mele_family(i)), usual = mele_family_default_clusters(mele_family(i));
        mele_options options = mele_options_defaults(), settled;
        options.family.name = mele_family(i);
        cr_assert_eq(mele_i_family_settle(data, &options, &settled, NULL), MELE_OK);
        cr_assert_eq(settled.partition.clusters, usual, "%s", mele_family(i));
        cr_assert(fixed == 0 || fixed == usual, "%s", mele_family(i));
    }
    cr_assert_eq(mele_family_default_clusters("bagging"), 25);
    cr_assert_eq(mele_family_default_clusters("nobody"), 0);
    cr_assert_eq(mele_family_default_clusters(NULL), 0);
    mele_data_free(data);
}

/* However it is trained: but for bagging's, which has a sample of the rows. Some have another number always. */
Test(families, of_one_expert_are_the_single_expert)
{
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        const mele_i_family *family = mele_i_family_named(mele_family(i));
        for (int which = 0; which < TASKS && strcmp(mele_family(i), "bagging") != 0; which++) {
            if (!takes(family, (task)which) || (family->fixed && family->clusters > 1))
                continue;
            check_one_expert(i, (task)which, NULL);
            if (trains(family, "mlp"))
                check_one_expert(i, (task)which, "mlp");
        }
    }
}
