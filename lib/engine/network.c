/* A network with one hidden layer, forwards and backwards.
 *
 *     t_h = a(b_h + sum_j w_hj x_j),   f_m = c_m + sum_h v_mh t_h
 *
 * With e_m = d loss / d f_m of a row the gradient is by back-propagation
 *     dv = e [1 t]',   delta_h = a'(t_h) sum_m v_mh e_m,   dw = delta [1 x]',
 * sums over rows of products of two columns.
 *
 * All of it runs on panels (rows next to one another, columns a step apart) that stay in the
 * second-level cache, through kernels whose lanes are rows.
 * Source: Bishop, Neural Networks for Pattern Recognition, 1995, ch. 4. */
#include "engine/network.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { GROUP = 8, MOST_ROWS = 384, LEAST_ROWS = 16 };

#define PANEL_NUMBERS ((size_t)1 << 16) /* 512 KB */

size_t mele_i_network_weights(const mele_i_network *n)
{
    size_t hidden, output;

    if (__builtin_mul_overflow(n->hidden, n->inputs + 1, &hidden)
        || __builtin_mul_overflow(n->outputs, n->hidden + 1, &output)
        || __builtin_add_overflow(hidden, output, &output))
        return SIZE_MAX;
    return output;
}

size_t mele_i_network_hidden_weights(const mele_i_network *n)
{
    return n->hidden * (n->inputs + 1);
}

bool mele_i_network_is_bias(const mele_i_network *n, size_t i)
{
    const size_t at = mele_i_network_hidden_weights(n);

    return (i < at ? i % (n->inputs + 1) : (i - at) % (n->hidden + 1)) == 0;
}

void mele_i_network_draw(mele_i_stream *stream, size_t units, size_t inputs, double *weights)
{
    const double bound = sqrt(6 / (double)(inputs + units));

    for (size_t i = 0; i < units * (inputs + 1); i++)
        weights[i] = bound * (2 * mele_i_stream_uniform(stream) - 1);
}

/* ---- activations ---- */

static const struct {
    const char *name;
    mele_i_activation activation;
} activations[] = {
    {"tanh", MELE_I_TANH}, {"logistic", MELE_I_LOGISTIC}, {"relu", MELE_I_RELU}};

#define ACTIVATIONS (sizeof activations / sizeof *activations)

bool mele_i_activation_named(const char *name, mele_i_activation *out)
{
    for (size_t i = 0; i < ACTIVATIONS; i++)
        if (strcmp(activations[i].name, name) == 0) {
            *out = activations[i].activation;
            return true;
        }
    return false;
}

const char *mele_i_activation_name(mele_i_activation activation)
{
    size_t i = 0;

    while (activations[i].activation != activation)
        i++;
    return activations[i].name;
}

const char *mele_i_activation_at(size_t i)
{
    return i < ACTIVATIONS ? activations[i].name : NULL;
}

/* ---- panels ---- */

size_t mele_i_network_columns(const mele_i_network *n)
{
    return 1 + n->inputs + 1 + 2 * n->hidden + n->outputs;
}

size_t mele_i_network_rows_fit(size_t columns)
{
    const size_t rows = PANEL_NUMBERS / columns / LEAST_ROWS * LEAST_ROWS;

    return rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

/* Rows are an even number of groups: one group more is an odd number of cache lines. */
size_t mele_i_network_step(size_t rows)
{
    return rows + GROUP;
}

static void fill_ones(double *column, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        column[i] = 1;
}

mele_i_network_panel mele_i_network_panel_in(const mele_i_network *n, size_t rows, double *memory)
{
    mele_i_network_panel p = {.rows = rows, .step = mele_i_network_step(rows), .x = memory};

    p.hidden = p.x + (n->inputs + 1) * p.step;
    p.delta = p.hidden + (n->hidden + 1) * p.step;
    p.output = p.delta + n->hidden * p.step;
    fill_ones(p.x, rows);
    fill_ones(p.hidden, rows);
    return p;
}

size_t mele_i_network_put(const mele_i_network *n, const mele_i_network_panel *p, const double *x,
                          size_t stride, size_t rows)
{
    const size_t filled = (rows + GROUP - 1) / GROUP * GROUP;

    for (size_t i = 0; i < filled; i++) {
        const double *from = x + (i < rows ? i : rows - 1) * stride;
        double *to = p->x + p->step + i;
        for (size_t j = 0; j < n->inputs; j++)
            to[j * p->step] = from[j];
    }
    return filled;
}

/* ---- forwards and backwards ---- */

void mele_i_network_forward(const mele_i_network *n, const mele_i_network_panel *p, size_t rows,
                            const double *weights)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();

    kernels->layer(p->x + p->step, p->step, rows, n->inputs, weights, n->hidden, n->activation,
                   p->hidden + p->step);
    kernels->layer(p->hidden + p->step, p->step, rows, n->hidden,
                   weights + mele_i_network_hidden_weights(n), n->outputs, MELE_I_IDENTITY,
                   p->output);
}

void mele_i_network_backward(const mele_i_network *n, const mele_i_network_panel *p, size_t rows,
                             const double *weights, double *gradient)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t at = mele_i_network_hidden_weights(n);

    kernels->layer_back(p->output, p->step, rows, n->outputs, weights + at, p->hidden + p->step,
                        n->hidden, n->activation, p->delta);
    kernels->products(p->delta, n->hidden, p->x, n->inputs + 1, p->step, rows, gradient,
                      n->inputs + 1);
    kernels->products(p->output, n->outputs, p->hidden, n->hidden + 1, p->step, rows,
                      gradient + at, n->hidden + 1);
}
