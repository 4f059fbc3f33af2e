/* Training the gate on a million rows: rows a second in one evaluation of loss and gradient and in
 * a whole fit, beside the machine's dgemm. Usage: bench_gate [ROWS [CLUSTERS [THREADS]]]
 *
 * Or, for peers/gate_sklearn.py: a softmax gate on features, by cross-entropy to labels, of rows in a
 * file of doubles, each the features and the label (0 .. K - 1); prints seconds, and writes b and V,
 * K x (1 + d) doubles, to a file. Usage: bench_gate labels FILE ROWS COLUMNS CLUSTERS THREADS OUT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/machine.h"
#include "core/memory.h"
#include "core/stream.h"
#include "gate/gate.h"
#include "gate/kind.h"
#include "gate/softmax/softmax.h"

typedef struct problem {
    size_t rows, clusters;
    double *log_p, *likelihoods;
    mele_engine *engine;
    double peak; /* dgemm, multiply-adds a second */
} problem;

/* Posteriors of clusters on a line, and experts that are right near their own. */
static void fill(problem *p)
{
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < p->rows; i++) {
        double *log_p = p->log_p + i * p->clusters, *l = p->likelihoods + i * p->clusters, sum = 0;
        double x = mele_i_stream_uniform(&stream) * (double)p->clusters;
        for (size_t k = 0; k < p->clusters; k++) {
            double off = x - (double)k - 0.5;
            double rest = 0.4 * off + 0.3 * mele_i_stream_normal(&stream);
            log_p[k] = -off * off;
            l[k] = -2 * rest * rest;
            sum += exp(log_p[k]);
        }
        for (size_t k = 0; k < p->clusters; k++)
            log_p[k] -= log(sum);
    }
}

static void bench_pass(const problem *p, const mele_gate_data *data, const char *kind,
                       const char *loss)
{
    mele_gate_options options = mele_gate_defaults();
    const mele_i_gate_training training = {.data = data, .options = &options,
                                           .loss = mele_i_gate_loss_find(loss),
                                           .loss_needs = mele_i_gate_loss_find(loss)->needs,
                                           .total_weight = (double)p->rows, .engine = p->engine};
    mele_gate *gate = mele_i_gate_new(mele_i_gate_kind_find(kind), p->clusters);
    double value = 0, best = INFINITY;
    size_t factors;
    mele_error error;

    bench_check(gate->kind->make(gate, &training, &error), &error);
    const size_t count = mele_i_gate_parameters(gate, &factors);
    double *theta = mele_i_zeroed(count, sizeof(double)), *gradient = bench_room(count);
    mele_i_gate_objective objective = {gate, &training, true, 0, bench_room(count),
                                       bench_room(2 + count)};
    double start = bench_now();
    bench_check(gate->kind->prepare(gate, &training, &error), &error);
    printf("gate %s, standardise: %.3g rows/s\n", kind, (double)p->rows / (bench_now() - start));
    for (int trial = 0; trial < 5; trial++) {
        start = bench_now();
        mele_i_gate_evaluate(&objective, theta, &value, gradient, NULL);
        best = fmin(best, bench_now() - start);
    }
    double speed = (double)p->rows / best, products = 2 * (double)count; /* forth and back */
    printf("gate %s, loss and gradient (%s): %.3g rows/s, %.1f %% of dgemm, checksum %.17g\n", kind,
           loss, speed, 100 * products * speed / p->peak,
           value + gradient[0] + gradient[count - 1]);
    free(objective.sums);
    free(objective.parameters);
    free(gradient);
    free(theta);
    mele_gate_free(gate);
}

static void bench_fit(const problem *p, const mele_gate_data *data, const char *kind)
{
    mele_gate_options options = mele_gate_defaults();
    mele_gate_info info;
    mele_gate *gate = NULL;
    mele_error error;
    double *out = bench_room(p->rows * p->clusters), sum = 0, start = bench_now();

    options.kind = kind;
    bench_check(mele_gate_fit(data, &options, p->engine, &gate, &info, &error), &error);
    double trained = bench_now();
    mele_gate_log_weights(gate, p->log_p, NULL, p->rows, p->engine, out, NULL);
    double done = bench_now();
    for (size_t i = 0; i < p->rows * p->clusters; i++)
        sum += exp(out[i]) * (double)(1 + i % p->clusters);
    printf("gate fit (%s): %.3g rows/s, %zu iterations%s, loss %.10g, checksum %.17g\n", kind,
           (double)p->rows / (trained - start), info.iterations,
           info.converged ? "" : " (not converged)", info.loss, sum);
    printf("gate weights (%s): %.3g rows/s\n", kind, (double)p->rows / (done - trained));
    mele_gate_free(gate);
    free(out);
}

/* The features to the front of rows, the labels as shares. */
static void read_labelled(const char *path, size_t rows, size_t cols, size_t clusters, double *x,
                          double *shares)
{
    FILE *file = fopen(path, "rb");
    double *row = bench_room(cols + 1);

    for (size_t i = 0; i < rows; i++) {
        if (file == NULL || fread(row, sizeof *row, cols + 1, file) != cols + 1) {
            perror(path);
            exit(1);
        }
        memcpy(x + i * cols, row, cols * sizeof *row);
        shares[i * clusters + (size_t)row[cols]] = 1;
    }
    fclose(file);
    free(row);
}

static void write_coefficients(const char *path, const mele_gate *gate)
{
    const mele_i_softmax *state = gate->state;
    const size_t count = state->clusters * (1 + state->z.count);
    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(state->coefficients, sizeof(double), count, file) != count
        || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static int fit_labels(char **arguments)
{
    const size_t rows = strtoul(arguments[1], NULL, 10), cols = strtoul(arguments[2], NULL, 10);
    const size_t clusters = strtoul(arguments[3], NULL, 10);
    mele_engine *engine = bench_engine((unsigned)strtoul(arguments[4], NULL, 10));
    double *x = bench_room(rows * cols), *shares = bench_room(rows * clusters);
    mele_gate_options options = mele_gate_defaults();
    mele_gate *gate = NULL;
    mele_gate_info info;
    mele_error error;

    read_labelled(arguments[0], rows, cols, clusters, x, shares);
    const mele_gate_data data = {.rows = rows, .clusters = clusters,
                                 .shares = mele_rows_of_array(shares, rows, clusters),
                                 .x = mele_rows_of_array(x, rows, cols)};
    options.kind = "softmax";
    options.on = "features";
    options.loss = "posteriors";
    const double start = bench_now();
    bench_check(mele_gate_fit(&data, &options, engine, &gate, &info, &error), &error);
    printf("gate labels: %.6f s, %zu iterations%s, loss %.17g\n", bench_now() - start,
           info.iterations, info.converged ? "" : " (not converged)", info.loss);
    write_coefficients(arguments[5], gate);
    mele_gate_free(gate);
    free(shares);
    free(x);
    mele_engine_free(engine);
    return 0;
}

int main(int count, char **arguments)
{
    problem p = {.rows = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000000,
                 .clusters = count > 2 ? strtoul(arguments[2], NULL, 10) : 16};

    if (count == 8 && strcmp(arguments[1], "labels") == 0)
        return fit_labels(arguments + 2);
    p.engine = bench_engine(count > 3 ? (unsigned)strtoul(arguments[3], NULL, 10) : 0);
    p.log_p = bench_room(p.rows * p.clusters);
    p.likelihoods = bench_room(p.rows * p.clusters);
    p.peak = bench_dgemm();
    fill(&p);
    const mele_gate_data data = {
        .rows = p.rows, .clusters = p.clusters,
        .log_posteriors = mele_rows_of_array(p.log_p, p.rows, p.clusters),
        .log_likelihoods = mele_rows_of_array(p.likelihoods, p.rows, p.clusters)};
    printf("gate: %zu rows, %zu clusters, %u threads, dgemm %.3g multiply-adds/s\n", p.rows,
           p.clusters, mele_engine_threads(p.engine), p.peak);
    bench_pass(&p, &data, "softmax", "likelihood");
    bench_pass(&p, &data, "mlp", "likelihood");
    bench_fit(&p, &data, "temperature");
    bench_fit(&p, &data, "softmax");
    free(p.log_p);
    free(p.likelihoods);
    mele_engine_free(p.engine);
    return 0;
}
