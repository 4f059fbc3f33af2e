/* The three stages on arrays in memory, a call each, and then the same fit in one call.
 *
 * The data are three straight lines, each on its own stretch of x, with a little noise. Both
 * columns are near 1 in size; stages take columns as scaled, so a program whose columns are not
 * divides them first. The one call does that by itself.
 *
 *     cc three_stages.c $(pkg-config --cflags --libs mele) -lm
 */
#include <math.h>
#include <mele/mele.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 300, NEW_ROWS = 90, REGIONS = 3 };

static void check(mele_status status, const mele_error *error)
{
    if (status == MELE_OK)
        return;
    fprintf(stderr, "%s: %s\n", mele_status_name(status), error->message);
    exit(EXIT_FAILURE); /* good enough for an example; the library never does this */
}

/* n points on three stretches of x, and what y is there. */
static void make_data(size_t n, double noise, double *x, double *y)
{
    const double slope[] = {2, -1.5, 0.5};
    unsigned state = 12345;

    for (size_t i = 0; i < n; i++) {
        size_t line = i % 3;
        x[i] = (double)line - 1.3 + 0.6 * (double)i / (double)n;
        state = state * 1664525u + 1013904223u;
        y[i] = slope[line] * x[i] + (double)line + noise * ((double)(state >> 8) / 8388608 - 1);
    }
}

/* NULL stands for the default options, and for "the calling thread alone". */
static void fit_stages(const mele_matrix *x, const double *y, mele_partition **partition,
                       mele_experts **experts, mele_gate **gate)
{
    static double log_posteriors[ROWS * REGIONS], log_likelihoods[ROWS * REGIONS];
    mele_left_out *left_out;
    static uint32_t labels[ROWS];
    const mele_rows rows = mele_rows_of(x);
    const mele_assignment assignment = {.rows = ROWS, .clusters = REGIONS, .labels = labels};
    const mele_expert_data data = {.x = rows, .targets = {mele_rows_of_array(y, ROWS, 1), 0},
                                   .assignment = &assignment};
    mele_partition_options options = mele_partition_defaults();
    mele_error error;

    options.clusters = REGIONS;
    check(mele_partition_fit(x, NULL, &options, NULL, partition, NULL, &error), &error);
    check(mele_partition_log_posteriors(*partition, x, NULL, log_posteriors, &error), &error);

    check(mele_partition_assign(*partition, &rows, NULL, labels, &error), &error);
    check(mele_experts_fit(&data, NULL, NULL, experts, &left_out, NULL, &error), &error);

    /* the gate learns from what the experts say of rows that they have not seen */
    check(mele_expert_log_likelihoods(&data.targets, mele_left_out_mean(left_out).data,
                                      mele_left_out_variance(left_out).data, REGIONS, NULL,
                                      log_likelihoods, &error), &error);
    mele_left_out_free(left_out);
    mele_gate_data seen = {.rows = ROWS, .clusters = REGIONS,
                           .log_posteriors = mele_rows_of_array(log_posteriors, ROWS, REGIONS),
                           .log_likelihoods = mele_rows_of_array(log_likelihoods, ROWS, REGIONS)};
    check(mele_gate_fit(&seen, NULL, NULL, gate, NULL, &error), &error);
}

/* The blend of the experts' means. */
static void predict_stages(const mele_partition *partition, const mele_experts *experts,
                           const mele_gate *gate, const mele_matrix *x, double *out)
{
    double log_posteriors[NEW_ROWS * REGIONS], log_gate[NEW_ROWS * REGIONS];
    double mean[NEW_ROWS * REGIONS];
    mele_error error;

    check(mele_partition_log_posteriors(partition, x, NULL, log_posteriors, &error), &error);
    check(mele_gate_log_weights(gate, log_posteriors, x, NEW_ROWS, NULL, log_gate, &error),
          &error);
    check(mele_experts_predict(experts, x, NULL, mean, NULL, &error), &error);
    for (size_t i = 0; i < NEW_ROWS; i++) {
        out[i] = 0;
        for (size_t k = i * REGIONS; k < (i + 1) * REGIONS; k++)
            out[i] += exp(log_gate[k]) * mean[k];
    }
}

/* The same in one call; prediction in a second one. */
static void fit_at_once(const mele_matrix *x, const double *y, const mele_matrix *new_x,
                        double *out)
{
    mele_matrix target = mele_matrix_of(y, ROWS, 1);
    mele_options options = mele_options_defaults();
    mele_prediction wanted = {.mean = out};
    mele_data *data;
    mele_model *model;
    mele_error error;

    options.partition.clusters = REGIONS;
    check(mele_data_of_arrays(x, &target, 0, NULL, &data, &error), &error);
    check(mele_fit(data, &options, NULL, NULL, &model, &error), &error);
    check(mele_model_predict(model, new_x, NULL, NULL, &wanted, &error), &error);
    mele_model_free(model);
    mele_data_free(data);
}

static void report(const char *what, const double *predicted, const double *truth)
{
    double squares = 0;

    for (size_t i = 0; i < NEW_ROWS; i++)
        squares += (predicted[i] - truth[i]) * (predicted[i] - truth[i]);
    printf("%s: root mean squared error %.2f\n", what, sqrt(squares / NEW_ROWS));
}

int main(void)
{
    double x[ROWS], y[ROWS], new_x[NEW_ROWS], new_y[NEW_ROWS], predicted[NEW_ROWS];
    mele_partition *partition;
    mele_experts *experts;
    mele_gate *gate;

    make_data(ROWS, 0.1, x, y);
    make_data(NEW_ROWS, 0, new_x, new_y);
    mele_matrix inputs = mele_matrix_of(x, ROWS, 1);
    mele_matrix new_inputs = mele_matrix_of(new_x, NEW_ROWS, 1);

    fit_stages(&inputs, y, &partition, &experts, &gate);
    predict_stages(partition, experts, gate, &new_inputs, predicted);
    report("stage by stage", predicted, new_y);
    fit_at_once(&inputs, y, &new_inputs, predicted);
    report("in one call   ", predicted, new_y);

    mele_gate_free(gate);
    mele_experts_free(experts);
    mele_partition_free(partition);
    return 0;
}
