/* Training of mlp gates: what it starts from.
 *
 * The penalised loss F (gate/train.c) is minimised over t and all weights, which the ridge pulls to 1
 * and 0. A start draws the hidden units' weights and leaves the outputs' 0, so that the logits are the
 * posterior gate's (with t = 0: equal ones), but F has the penalty of what was drawn. Where no start
 * ends below F of the posterior gate, which has weights 0, it is that gate that stays.
 *
 * Small problems, where it costs little, take the best of STARTS: with the usual ridge starts end
 * within a few hundredths of each other, without any some end far above the best.
 *
 * An input that is constant has zero weights. Those that are log p take their draws in the order of
 * their means, so that the numbering of clusters decides nothing.
 *
 * A gate that starts from another one goes on from there. */
#include "gate/mlp/mlp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define STARTS 3
#define LITTLE_WORK 1e6 /* rows x weights */
#define TOLERANCE 1e-5  /* of the gradient */

/* Which of the inputs takes the j-th draw. */
static void order_inputs(const mele_i_gate_columns *z, size_t *order)
{
    const size_t seen = z->on->posteriors ? z->clusters : 0;

    for (size_t j = 0; j < z->count; j++) {
        size_t at = j;
        for (; j < seen && at > 0 && z->column[order[at - 1]].centre < z->column[j].centre; at--)
            order[at] = order[at - 1];
        order[at] = j;
    }
}

/* drawn: room for the weights of the hidden units. */
static void draw_start(mele_i_gate_network *state, mele_i_stream stream, const size_t *order,
                       double *drawn)
{
    const mele_i_network *n = &state->network;
    const size_t width = n->inputs + 1;

    mele_i_network_draw(&stream, n->hidden, n->inputs, drawn);
    memset(state->weights, 0, state->count * sizeof *state->weights);
    for (size_t h = 0; h < n->hidden; h++) {
        state->weights[h * width] = drawn[h * width];
        for (size_t j = 0; j < n->inputs; j++)
            if (state->z.column[order[j]].factor > 0)
                state->weights[h * width + 1 + order[j]] = drawn[h * width + 1 + j];
    }
    state->temperature = state->temperature > 0;
}

/* F of the gate as it is. */
static mele_status penalised(const mele_gate *gate, const mele_i_gate_training *training,
                             double *value, mele_error *error)
{
    double loss, penalty = 0;
    mele_status status = mele_i_gate_mean_loss(gate, training, &loss, error);

    if (status == MELE_OK)
        status = mele_i_gate_penalty(gate, training, &penalty, error);
    if (status == MELE_OK)
        *value = loss + penalty;
    return status;
}

/* From the parameters that the gate has. Where the Hessian would be that of all rows it would have to be
 * taken too often to be worth it. */
static mele_status minimise(mele_gate *gate, const mele_i_gate_training *training,
                            mele_gate_info *info, mele_error *error)
{
    mele_gate_options options = *training->options;
    mele_i_gate_training own = *training;
    const size_t step = mele_i_gate_part_step(gate, training);

    options.tolerance = options.tolerance > 0 ? options.tolerance : TOLERANCE;
    own.options = &options;
    return mele_i_gate_train(gate, &own, step > 1 ? step : 0, info, error);
}

/* The best of what was tried. */
typedef struct best {
    double value;       /* F */
    double *parameters;
} best;

static mele_status keep_better(const mele_gate *gate, const mele_i_gate_training *training,
                               const mele_gate_info *found, best *b, mele_gate_info *info,
                               mele_error *error)
{
    double value;
    mele_status status = penalised(gate, training, &value, error);

    if (status == MELE_OK && value < b->value) {
        b->value = value;
        gate->kind->get(gate, b->parameters);
        *info = *found;
    }
    return status;
}

static mele_status try_starts(mele_gate *gate, const mele_i_gate_training *training, best *b,
                              const size_t *order, double *drawn, mele_gate_info *info,
                              mele_error *error)
{
    mele_i_gate_network *state = gate->state;
    const double work = (double)training->data->rows * (double)state->count;
    const size_t starts = work <= LITTLE_WORK ? STARTS : 1;

    gate->kind->get(gate, b->parameters);
    mele_status status = keep_better(gate, training, info, b, info, error);
    for (size_t r = 0; r < starts && status == MELE_OK; r++) {
        mele_gate_info found = *info;
        draw_start(state, mele_i_stream_make(training->options->seed, MELE_I_FOR_GATE, 0, r),
                   order, drawn);
        status = minimise(gate, training, &found, error);
        if (status == MELE_OK)
            status = keep_better(gate, training, &found, b, info, error);
    }
    if (status == MELE_OK)
        gate->kind->set(gate, b->parameters);
    return status;
}

mele_status mele_i_gate_network_train(mele_gate *gate, const mele_i_gate_training *training,
                                      mele_gate_info *info, mele_error *error)
{
    const mele_i_gate_network *state = gate->state;
    size_t *order;
    double *drawn;
    best b = {.value = INFINITY};
    mele_status status;

    if (training->options->start != NULL)
        return minimise(gate, training, info, error);
    order = MELE_I_ARRAY(size_t, state->z.count);
    drawn = MELE_I_ARRAY(double, mele_i_network_hidden_weights(&state->network));
    b.parameters = MELE_I_ARRAY(double, 1 + state->count);
    if (order == NULL || drawn == NULL || b.parameters == NULL) {
        status = mele_i_no_memory(error);
    } else {
        order_inputs(&state->z, order);
        status = try_starts(gate, training, &b, order, drawn, info, error);
    }
    free(b.parameters);
    free(drawn);
    free(order);
    return status;
}
