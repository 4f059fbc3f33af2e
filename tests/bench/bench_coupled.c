/* Experts that are trained together: seconds of one evaluation of the objective (an epoch: loss
 * and gradient over all rows) with network experts, beside as many passes of stage 2's training
 * over one network, on the same engine, the best of interleaved trials; and the processor time
 * used, by the clock. Usage: bench_coupled [ROWS [COLUMNS [EXPERTS [HIDDEN [THREADS]]]]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/machine.h"
#include "core/stream.h"
#include "expert/mlp/objective.h"
#include "family/coupled.h"

enum { TRIALS = 9 };

typedef struct problem {
    size_t rows, columns, clusters, hidden;
    double *x, *y, *weights;
    mele_engine *engine;
} problem;

static void fill(problem *p)
{
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);

    p->x = bench_room(p->rows * p->columns);
    p->y = bench_room(p->rows);
    p->weights = bench_room(p->rows);
    for (size_t i = 0; i < p->rows; i++) {
        for (size_t j = 0; j < p->columns; j++)
            p->x[i * p->columns + j] = mele_i_stream_normal(&stream);
        p->y[i] = sin(2 * p->x[i * p->columns]) + 0.3 * mele_i_stream_normal(&stream);
        p->weights[i] = 1;
    }
}

/* Stage 2's rows of one network. */
static void take_rows(const problem *p, const mele_i_network *n, mele_i_network_rows *rows)
{
    mele_error error;

    bench_check(mele_i_network_rows_make(rows, n, p->rows, &error), &error);
    for (size_t g = 0; g < rows->groups; g++) {
        const size_t first = 8 * g, some = p->rows - first < 8 ? p->rows - first : 8;
        mele_i_network_rows_put(rows, n, g, p->x + first * p->columns, p->y + first,
                                p->weights + first, some);
    }
}

static double seconds_of_networks(const problem *p, const mele_i_network *n,
                                  const mele_i_network_rows *rows, const double *weights,
                                  double *room)
{
    const double start = bench_now();
    double value;

    for (size_t k = 0; k < p->clusters; k++)
        bench_check(mele_i_network_objective(n, rows, 0.1, weights, p->engine,
                                             &(mele_i_network_result){&value, room, NULL}, NULL),
                    NULL);
    return bench_now() - start;
}

static double seconds_of_epoch(mele_i_coupled *c, const double *theta, double *gradient,
                               double *busy)
{
    const double start = bench_now();
    const clock_t used = clock();
    double value;

    bench_check(mele_i_coupled_evaluate(c, theta, &value, gradient, NULL), NULL);
    *busy = (double)(clock() - used) / CLOCKS_PER_SEC;
    return bench_now() - start;
}

static void measure(const problem *p, mele_i_coupled *c)
{
    const mele_i_network n = {p->columns, p->hidden, 1, false, MELE_I_TANH};
    const size_t count = mele_i_coupled_parts_of(c).count;
    double *theta = bench_room(count), *gradient = bench_room(count);
    double epoch = INFINITY, networks = INFINITY, busy, share = 0;
    mele_i_network_rows rows;
    mele_i_stream stream = mele_i_stream_make(2, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < count; i++)
        theta[i] = 0.3 * mele_i_stream_normal(&stream);
    take_rows(p, &n, &rows);
    c->room = bench_room(mele_i_coupled_room(c));
    for (int trial = 0; trial < TRIALS; trial++) {
        const double seconds = seconds_of_epoch(c, theta, gradient, &busy);
        share = seconds < epoch ? busy / seconds : share;
        epoch = fmin(epoch, seconds);
        networks = fmin(networks, seconds_of_networks(p, &n, &rows, theta, gradient));
    }
    printf("%s: %.3g s an epoch, %zu networks' passes %.3g s, ratio %.3f, %.2f processors busy, "
           "checksum %.17g\n", c->loss->name, epoch, p->clusters, networks, epoch / networks, share,
           gradient[0]);
    mele_i_network_rows_free(&rows);
    free(c->room);
    free(theta);
    free(gradient);
}

static void bench(const problem *p, const mele_i_coupled_loss *loss, double lambda)
{
    const mele_i_joint_rows rows = {.shape = {p->columns, 1, 0},
                                    .terms = p->columns,
                                    .count = p->rows,
                                    .x = p->x,
                                    .y = p->y,
                                    .weights = p->weights};
    const mele_gate_data data = {.rows = p->rows, .clusters = p->clusters, .weights = p->weights,
                                 .x = mele_rows_of_array(p->x, p->rows, p->columns)};
    const mele_targets targets = {mele_rows_of_array(p->y, p->rows, 1), 0};
    mele_expert_options given = mele_expert_defaults(), options;
    mele_gate_options gate = mele_gate_defaults();
    mele_i_joint joint;
    mele_i_coupled c = {.loss = loss, .shape = {p->clusters, 1, 0, lambda, 1e-6}, .joint = &joint,
                        .gate_x = p->x, .gate_columns = p->columns, .ridge = 0.3, .gate_ridge = 1,
                        .total_weight = (double)p->rows, .engine = p->engine};
    mele_error error;

    given.kind = "mlp";
    given.hidden = p->hidden;
    gate.kind = "softmax";
    gate.on = "features";
    bench_check(mele_i_joint_settle(&given, &targets, p->columns, &options, &error), &error);
    bench_check(mele_i_joint_make(&rows, &options, p->engine, &joint, &error), &error);
    if (loss->gated)
        bench_check(mele_i_gate_begin(&data, &gate, p->engine, &c.gate, &error), &error);
    measure(p, &c);
    mele_gate_free(c.gate);
    mele_i_joint_clear(&joint);
}

static size_t argument(int count, char **arguments, int i, size_t otherwise)
{
    return count > i ? strtoul(arguments[i], NULL, 10) : otherwise;
}

int main(int count, char **arguments)
{
    problem p = {.rows = argument(count, arguments, 1, 20000),
                 .columns = argument(count, arguments, 2, 16),
                 .clusters = argument(count, arguments, 3, 8),
                 .hidden = argument(count, arguments, 4, 8)};

    p.engine = bench_engine((unsigned)argument(count, arguments, 5, 0));
    fill(&p);
    bench(&p, &mele_i_coupled_me, 0);
    bench(&p, &mele_i_coupled_mnce, 0.5);
    bench(&p, &mele_i_coupled_ncl, 0.5);
    mele_engine_free(p.engine);
    free(p.x);
    free(p.y);
    free(p.weights);
    return 0;
}
