/* The table's row of neural network experts: state.c predicts and stores them, train.c
 * trains them. */
#include "core/error.h"
#include "core/json.h"
#include "expert/group.h"
#include "expert/mlp/joint.h"
#include "expert/mlp/state.h"
#include "expert/mlp/trainers.h"

/* Of the sum of squares of standardised targets: chosen by cross-validation on concrete, mpg and
 * mcycle (see doc/methods.md). */
#define RIDGE 0.3

/* What was asked for is not replaced by another trainer. */
static mele_status check(const mele_expert_options *o, size_t classes, mele_error *error)
{
    if (classes == 0 || o->trainer == NULL || mele_i_trainer_named(o->trainer)->classes)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "trainer \"%s\" is for regression: \"bfgs\" and \"adam\" "
                       "train classes", o->trainer);
}

static size_t scratch(const mele_i_expert_group *group, size_t rows)
{
    (void)rows;
    return mele_i_group_scratch(group, mele_i_mlp_scratch);
}

static void predict(const mele_i_expert_group *group, const double *x, size_t stride, size_t rows,
                    double *mean, double *variance, void *scratch)
{
    const mele_matrix view = {x, rows, group->shape.columns, stride};

    mele_i_group_predict(group, mele_i_mlp_predict, &view, mean, variance, scratch);
}

static size_t work(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    const mele_i_mlp *mlp = expert->state;

    return shape->columns + mlp->networks * (mlp->count + MELE_I_ACTIVATION_WORK * mlp->network.hidden);
}

/* Of the weights without biases, of which networks that are averaged have the mean; each target has its
 * part, in its region's units. */
static void squares(const mele_i_expert *expert, const mele_i_expert_shape *shape, double *out)
{
    const mele_i_mlp *mlp = expert->state;
    double sum = 0;

    for (size_t i = 0; i < mlp->networks * mlp->count; i++)
        if (!mele_i_network_is_bias(&mlp->network, i % mlp->count))
            sum += mlp->weights[i] * mlp->weights[i];
    sum /= (double)mlp->networks;
    out[0] = sum;
    for (size_t t = 0; t < shape->outputs && shape->classes == 0; t++)
        out[t] = sum * mlp->unit[t] * mlp->unit[t] / (double)shape->outputs;
}

/* Those of all networks that are averaged. */
static size_t freedom(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    const mele_i_mlp *mlp = expert->state;

    (void)shape;
    return mlp->networks * mlp->count;
}

static json_t *describe(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    const mele_i_mlp *mlp = expert->state;
    const mele_i_network *n = &mlp->network;
    json_t *object = json_object();

    if (mele_i_json_put(object, "hidden", json_integer((json_int_t)n->hidden))
        && mele_i_json_put(object, "activation",
                           json_string(mele_i_activation_name(n->activation)))
        && mele_i_json_put(object, "trainer", json_string(mlp->trainer))
        && mele_i_json_put(object, "networks", json_integer((json_int_t)mlp->networks))
        && mele_i_json_put(object, "parameters",
                           json_integer((json_int_t)freedom(expert, shape))))
        return object;
    json_decref(object);
    return NULL;
}

static size_t parameters_of(const mele_i_expert_shape *shape, const mele_expert_options *options)
{
    const mele_i_network network = {shape->columns, options->hidden, shape->outputs,
                                    shape->classes > 0, MELE_I_TANH};

    return mele_i_network_weights(&network);
}

static bool save(const mele_i_expert *expert, const mele_i_expert_shape *shape, json_t *object)
{
    (void)shape;
    return mele_i_mlp_save(expert->state, object);
}

static mele_status load(const json_t *object, const mele_i_expert_shape *shape,
                        mele_i_expert *expert, mele_error *error)
{
    mele_i_mlp *mlp;
    mele_status status = mele_i_mlp_load(object, shape, &mlp, error);

    if (status == MELE_OK)
        expert->state = mlp;
    return status;
}

static const char *trainer(size_t i)
{
    const mele_i_trainer *at = mele_i_trainer_at(i);

    return at == NULL ? NULL : at->name;
}

static const mele_i_option options[] = {
    {.name = "hidden", .argument = "N",
     .help = "mlp: hidden units, 1 to 1024",
     MELE_I_EXPERT_MEMBER(hidden), .type = MELE_I_WHOLE, .least = 1, .most = MELE_I_MOST_HIDDEN},
    {.name = "networks", .argument = "N",
     .help = "mlp: the best N of at least as many starts, their outputs averaged, 1 to 1024 "
     "(default: one)",
     MELE_I_EXPERT_MEMBER(networks), .type = MELE_I_WHOLE, .least = 1, .most = MELE_I_MOST_NETWORKS,
     .optional = true},
    {.name = "activation", .argument = "NAME",
     .help = "mlp: of the hidden units",
     MELE_I_EXPERT_MEMBER(activation), .type = MELE_I_CHOICE, .choice = mele_i_activation_at},
    {.name = "trainer", .argument = "NAME",
     .help = "mlp: Levenberg-Marquardt (regression only), limited-memory BFGS, or mini-batches "
     "(default: by the rows and the weights)",
     MELE_I_EXPERT_MEMBER(trainer), .type = MELE_I_CHOICE, .choice = trainer, .optional = true},
    {.name = "max-epochs", .argument = "N",
     .help = "mlp: passes over the rows (adam), or iterations, at most (default: the trainer's "
     "own)",
     MELE_I_EXPERT_MEMBER(max_epochs), .type = MELE_I_WHOLE, .least = 1, .most = 1e9,
     .optional = true},
    {.name = "batch", .argument = "N",
     .help = "mlp, adam, and family sparse: rows of a mini-batch",
     MELE_I_EXPERT_MEMBER(batch), .type = MELE_I_WHOLE, .least = 1, .most = 1e9},
    {.name = "rate", .argument = "R",
     .help = "mlp, adam, and family sparse: the first step size",
     MELE_I_EXPERT_MEMBER(rate), .type = MELE_I_NUMBER, .least = 1e-12, .most = 1e3},
    {.name = "holdout", .argument = "SHARE",
     .help = "mlp, and family sparse: of the rows, that early stopping watches, from 0 (none) to 0.5 "
     "(default: by the rows; sparse 0.1)",
     MELE_I_EXPERT_MEMBER(holdout), .type = MELE_I_NUMBER, .least = 0, .most = 0.5,
     .optional = true},
};

const mele_i_expert_kind mele_i_expert_mlp = {
    .name = "mlp", .regression = true, .classification = true, .folds = true, .in_sample = true,
    .ridge = RIDGE,
    .options = MELE_I_OPTION_TABLE(options),
    .check = check, .parameters = parameters_of, .freedom = freedom,
    .train = mele_i_mlp_train, .free = mele_i_mlp_free, .equal = mele_i_mlp_equal, .scratch = scratch, .predict = predict,
    .work = work, .squares = squares, .joint = &mele_i_mlp_joint, .describe = describe, .keys = MELE_I_MLP_KEYS, .save = save, .load = load};
