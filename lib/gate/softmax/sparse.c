/* The sparse gate (Shazeer, Mirhoseini, Maziarz, Davis, Le, Hinton, Dean 2017, ICLR): a softmax
 * gate that keeps only the N largest logits of a row, of which the softmax is taken. All other
 * weights are 0, so that the experts that have them are not asked. Of equal logits those of the
 * first experts are kept.
 *
 * A family has trained it, as a softmax gate on what it keeps. */
#include <math.h>
#include <stdio.h>

#include "core/error.h"
#include "core/json.h"
#include "gate/joint.h"
#include "gate/softmax/softmax.h"

void mele_i_gate_make_sparse(mele_gate *gate, size_t active)
{
    mele_i_softmax *state = gate->state;

    state->active = active;
    gate->kind = &mele_i_gate_sparse;
}

/* There is nothing that it could start from. */
static mele_status refuse(mele_gate *gate, const mele_i_gate_training *training, mele_error *error)
{
    (void)gate;
    (void)training;
    return mele_i_fail(error, MELE_EINVAL,
                       "gate: a sparse gate is trained by a family, together with its "
                       "experts");
}

/* ---- the largest ---- */

/* A sorted list of the largest so far, of which the least falls out. */
static void insert(double value, size_t count, double *largest)
{
    size_t at = count - 1;

    for (; at > 0 && largest[at - 1] < value; at--)
        largest[at] = largest[at - 1];
    largest[at] = value;
}

void mele_i_gate_keep_largest(double *logits, size_t clusters, size_t active, double *room)
{
    size_t above = 0, equal;

    for (size_t j = 0; j < active; j++)
        room[j] = -INFINITY;
    for (size_t k = 0; k < clusters; k++)
        if (logits[k] > room[active - 1])
            insert(logits[k], active, room);
    const double limit = room[active - 1];
    while (above < active && room[above] > limit)
        above++;
    equal = active - above;
    for (size_t k = 0; k < clusters; k++) {
        if (logits[k] > limit)
            continue;
        if (logits[k] == limit && equal > 0)
            equal--;
        else
            logits[k] = -INFINITY;
    }
}

/* ---- the kind ---- */

/* Of the softmax, then room to choose the largest. */
static size_t scratch_numbers(const mele_gate *gate, size_t rows, bool backward)
{
    const mele_i_softmax *state = gate->state;

    return mele_i_gate_softmax.scratch(gate, rows, backward) + state->active;
}

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out)
{
    const mele_i_softmax *state = gate->state;
    double *largest = scratch + mele_i_gate_softmax.scratch(gate, rows->count, false);

    mele_i_gate_softmax.forward(gate, rows, scratch, out);
    for (size_t i = 0; i < rows->count; i++)
        mele_i_gate_keep_largest(out + i * state->clusters, state->clusters, state->active,
                                 largest);
}

static void finish(mele_gate *gate)
{
    mele_i_gate_softmax.finish(gate);
}

static size_t work(const mele_gate *gate)
{
    return mele_i_gate_softmax.work(gate);
}

static size_t describe(const mele_gate *gate, char *out, size_t size)
{
    const mele_i_softmax *state = gate->state;

    return (size_t)snprintf(
        out, size, "sparse on %s, %zu of %zu experts active in a row, %zu coefficients",
        state->z.on->name, state->active, state->clusters, state->clusters * (1 + state->z.count));
}

static bool save(const mele_gate *gate, json_t *section)
{
    const mele_i_softmax *state = gate->state;

    return mele_i_softmax_save(state, section)
           && mele_i_json_put(section, "active", json_integer((json_int_t)state->active));
}

static mele_status load(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_i_softmax *state = NULL;
    mele_status status =
        mele_i_softmax_load(section, gate->clusters, MELE_I_SOFTMAX_KEYS ",active", &state, error);

    if (status != MELE_OK)
        return status;
    gate->state = state;
    mele_i_gate_columns_ask(&state->z, state->temperature, gate);
    return mele_i_json_get_size(section, "active", 1, gate->clusters, &state->active, error);
}

const mele_i_gate_kind mele_i_gate_sparse = {.name = "sparse",
                                             .for_families = true,
                                             .make = refuse,
                                             .trained_as = &mele_i_gate_softmax,
                                             .finish = finish,
                                             .free = mele_i_softmax_free,
                                             .work = work,
                                             .scratch = scratch_numbers,
                                             .forward = forward,
                                             .reorder = mele_i_softmax_reorder,
                                             .describe = describe,
                                             .save = save,
                                             .load = load};
