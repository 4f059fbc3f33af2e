/* The table's row of Gaussian process experts: train.c trains them, state.c predicts and
 * stores them. */
#include <math.h>

#include "core/json.h"
#include "expert/gp/state.h"
#include "expert/gp/train.h"
#include "expert/group.h"

static size_t scratch(const mele_i_expert_group *group, size_t rows)
{
    (void)rows;
    return mele_i_group_scratch(group, mele_i_gp_scratch);
}

static mele_status prepare(const mele_i_expert *expert, mele_error *error)
{
    return mele_i_gp_prepare(expert->state, error);
}

static void predict(const mele_i_expert_group *group, const double *x, size_t stride, size_t rows,
                    double *mean, double *variance, void *scratch)
{
    const mele_matrix view = {x, rows, group->shape.columns, stride};

    mele_i_group_predict(group, mele_i_gp_predict, &view, mean, variance, scratch);
}

static size_t work(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    const mele_i_gp *gp = expert->state;

    return gp->rows * (gp->rows / 2 + gp->terms * (shape->columns + 16) + shape->outputs);
}

/* A term's; null: the column was constant. */
static json_t *lengths_of(const mele_i_gp *gp, size_t term)
{
    const double *length = gp->length + term * gp->columns;
    json_t *array = json_array();

    for (size_t j = 0; j < gp->columns && array != NULL; j++)
        if (json_array_append_new(array, length[j] == MELE_I_GP_NO_SAY ? json_null()
                                                                       : json_real(length[j]))
            != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

/* Of the covariances: a length a term and column, the terms' shares, the noise; and of each target a mean and a
 * signal. The rows that it holds are data. */
static size_t freedom(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    const mele_i_gp *gp = expert->state;

    (void)shape;
    return gp->terms * gp->columns + (gp->terms - 1) + 1 + 2 * gp->outputs;
}

static json_t *describe(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    const mele_i_gp *gp = expert->state;
    json_t *object = json_object(), *signal = json_array(), *lengths = json_array();
    bool ok = object != NULL && mele_i_json_put(object, "kernel", json_string(gp->kernel->name));

    for (size_t q = 0; q < gp->terms && ok; q++)
        ok = json_array_append_new(lengths, lengths_of(gp, q)) == 0;
    for (size_t o = 0; o < shape->outputs && ok; o++)
        ok = json_array_append_new(signal, json_real(mele_i_gp_variance(gp->signal[o],
                                                                        gp->unit[o]))) == 0;
    ok = ok && mele_i_json_put(object, "lengths", json_incref(lengths))
         && mele_i_json_put(object, "shares", mele_i_json_numbers(gp->share, gp->terms))
         && mele_i_json_put(object, "noise", json_real(gp->noise))
         && mele_i_json_put(object, "mean", mele_i_json_numbers(gp->mean, gp->outputs))
         && mele_i_json_put(object, "signal", json_incref(signal))
         && mele_i_json_put(object, "rows", json_integer((json_int_t)gp->rows));
    json_decref(lengths);
    json_decref(signal);
    if (!ok) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool save(const mele_i_expert *expert, const mele_i_expert_shape *shape, json_t *object)
{
    (void)shape;
    return mele_i_gp_save(expert->state, object);
}

static mele_status load(const json_t *object, const mele_i_expert_shape *shape,
                        mele_i_expert *expert, mele_error *error)
{
    mele_i_gp *gp = NULL;
    mele_status status = mele_i_gp_load(object, shape->columns, shape->outputs, &gp, error);

    if (status == MELE_OK)
        expert->state = gp;
    return status;
}

static const char *kernel(size_t i)
{
    const mele_i_gp_kernel *at = mele_i_gp_kernel_at(i);

    return at == NULL ? NULL : at->name;
}

static const mele_i_option options[] = {
    {.name = "kernel", .argument = "NAME",
     .help = "gp: of the covariances",
     MELE_I_EXPERT_MEMBER(kernel), .type = MELE_I_CHOICE, .choice = kernel},
    {.name = "kernel-terms", .argument = "N",
     .help = "gp: the covariance is the sum of N kernels, each with its own lengths and variance, "
     "1 to 4, or one where that predicts rows between those of a grid better",
     MELE_I_EXPERT_MEMBER(terms), .type = MELE_I_WHOLE, .least = 1, .most = MELE_I_GP_MOST_TERMS},
    {.name = "gp-rows", .argument = "N",
     .help = "gp: rows of a region that are used at most, 2 to 20000",
     MELE_I_EXPERT_MEMBER(most_rows), .type = MELE_I_WHOLE, .least = 2, .most = 20000},
};

const mele_i_expert_kind mele_i_expert_gp = {
    .name = "gp",
    .regression = true,
    .spreads = true,
    .ridge = NAN,
    .options = MELE_I_OPTION_TABLE(options),
    .freedom = freedom,
    .train = mele_i_gp_train,
    .free = mele_i_gp_free,
    .equal = mele_i_gp_equal,
    .scratch = scratch,
    .prepare = prepare,
    .predict = predict,
    .work = work,
    .describe = describe,
    .keys = MELE_I_GP_KEYS,
    .save = save,
    .load = load,
};
