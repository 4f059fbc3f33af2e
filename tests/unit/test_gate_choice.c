/* The gate that is chosen when memory runs out: by refits and by the gate alone, and with K. One allocation
 * after the other of the first, later ones at growing distances: a choice makes thousands. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "support/failing_malloc.h"

enum { ROWS = 40 };

/* Two lines and noise; index 0 or 1. */
static mele_data *draw(size_t index)
{
    static double kept[2][2][ROWS]; /* data are looked at where they are */
    double *x = kept[index][0], *y = kept[index][1];
    mele_i_stream random = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, index);
    const mele_matrix features = mele_matrix_of(x, ROWS, 1), targets = mele_matrix_of(y, ROWS, 1);
    mele_data *data = NULL;

    for (size_t i = 0; i < ROWS; i++) {
        x[i] = 2 * mele_i_stream_uniform(&random) - 1;
        y[i] = 4 * (x[i] < 0 ? -x[i] : x[i]) + 0.1 * mele_i_stream_normal(&random);
    }
    cr_assert_eq(mele_data_of_arrays(&features, &targets, 0, NULL, &data, NULL), MELE_OK);
    return data;
}

static mele_options options_of(size_t clusters)
{
    mele_options options = mele_options_defaults();

    options.partition.clusters = clusters;
    options.clusters_least = clusters > 0 ? 0 : 1;
    options.clusters_most = clusters > 0 ? 0 : 2;
    options.partition.restarts = 1;
    options.gate.hidden = 2; /* the network is among the candidates */
    cr_assert_str_eq(options.gate.kind, "auto");
    return options;
}

static char *text_of(const mele_model *model)
{
    char *text = NULL;

    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    return text;
}

static void check_text(const mele_model *model, const char *expected, size_t n)
{
    char *text = text_of(model);

    cr_assert_str_eq(text, expected, "allocation %zu", n);
    free(text);
}

static size_t next(size_t n)
{
    return n + 1 + n / 12;
}

/* With K given, and K chosen with the gate. */
Test(gate_choice, a_fit_out_of_memory)
{
    mele_data *data = draw(0);

    for (size_t clusters = 0; clusters <= 2; clusters += 2) {
        const mele_options options = options_of(clusters);
        mele_model *model = NULL;
        bool failed = true;
        cr_assert_eq(mele_fit(data, &options, NULL, NULL, &model, NULL), MELE_OK);
        char *expected = text_of(model);
        cr_assert_eq(mele_model_clusters(model), 2);
        mele_model_free(model);
        for (size_t n = 0; failed; n = next(n)) {
            model = NULL;
            failing_malloc_at(n);
            mele_status status = mele_fit(data, &options, NULL, NULL, &model, NULL);
            failed = failing_malloc_end();
            /* what is held to save time is done without */
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM && model == NULL),
                      "allocation %zu", n);
            if (status == MELE_OK)
                check_text(model, expected, n);
            mele_model_free(model);
        }
        free(expected);
    }
    mele_data_free(data);
}

/* Experts of other rows: gates are ranked by folds of their own. The model stays as it was. */
Test(gate_choice, a_gate_of_other_rows_out_of_memory)
{
    const mele_options options = options_of(2);
    mele_data *data = draw(0), *other = draw(1);
    mele_model *model = NULL;
    bool failed = true;

    cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, NULL), MELE_OK);
    cr_assert_eq(mele_fit_experts(data, NULL, &options, NULL, NULL, model, NULL), MELE_OK);
    char *before = text_of(model);
    cr_assert_eq(mele_fit_gate(other, NULL, &options, NULL, NULL, model, NULL), MELE_OK);
    char *after = text_of(model);
    for (size_t n = 0; failed; n = next(n)) {
        mele_model *again = NULL;
        cr_assert_eq(mele_model_of_text(before, strlen(before), &again, NULL), MELE_OK);
        failing_malloc_at(n);
        mele_status status = mele_fit_gate(other, NULL, &options, NULL, NULL, again, NULL);
        failed = failing_malloc_end();
        cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu", n);
        check_text(again, status == MELE_OK ? after : before, n);
        mele_model_free(again);
    }
    free(before);
    free(after);
    mele_model_free(model);
    mele_data_free(other);
    mele_data_free(data);
}
