/* Gates, folds and metrics when memory runs out at every allocation in turn: the status says so,
 * results are untouched, nothing leaks (the sanitizer's part). */
#include <criterion/criterion.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include <mele/measure.h>

#include "core/stream.h"
#include "gate/gate.h"
#include "gate/kind.h"
#include "measure/folds.h"
#include "support/failing_malloc.h"

enum { ROWS = 700, COLS = 2, CLUSTERS = 3 };

static double x[ROWS * COLS], log_p[ROWS * CLUSTERS], likelihoods[ROWS * CLUSTERS];

static mele_gate_data make_data(void)
{
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < ROWS * COLS; i++)
        x[i] = mele_i_stream_normal(&stream);
    for (size_t i = 0; i < ROWS * CLUSTERS; i++) {
        log_p[i] = -3 * mele_i_stream_uniform(&stream);
        likelihoods[i] = -2 * mele_i_stream_uniform(&stream);
    }
    return (mele_gate_data){.rows = ROWS, .clusters = CLUSTERS,
                            .log_posteriors = mele_rows_of_array(log_p, ROWS, CLUSTERS),
                            .log_likelihoods = mele_rows_of_array(likelihoods, ROWS, CLUSTERS),
                            .x = mele_rows_of_array(x, ROWS, COLS)};
}

static const char *const kinds[] = {"softmax", "mlp"};

static mele_gate *fitted(const mele_gate_data *data, const char *kind)
{
    mele_gate_options options = mele_gate_defaults();
    mele_gate *gate = NULL;

    options.kind = kind;
    options.on = "both";
    options.hidden = 2;
    cr_assert_eq(mele_gate_fit(data, &options, NULL, &gate, NULL, NULL), MELE_OK);
    return gate;
}

Test(gate_memory, fit)
{
    const mele_gate_data data = make_data();
    mele_gate_options options = mele_gate_defaults();

    options.on = "both";
    options.hidden = 2;
    options.max_iterations = 3;
    for (size_t kind = 0; kind < 2; kind++) {
        size_t n = 0;
        options.kind = kinds[kind];
        for (;; n++) {
            mele_gate *gate = NULL;
            mele_gate_info info = {77, 0.5, false};
            failing_malloc_at(n);
            mele_status status = mele_gate_fit(&data, &options, NULL, &gate, &info, NULL);
            if (!failing_malloc_end()) {
                cr_assert_eq(status, MELE_OK);
                mele_gate_free(gate);
                break;
            }
            cr_assert_eq(status, MELE_ENOMEM, "%s, allocation %zu", kinds[kind], n);
            cr_assert(gate == NULL && info.iterations == 77, "allocation %zu", n);
        }
        cr_assert_gt(n, 10);
    }
}

/* By the Hessian of a part of the rows, which small problems do not take by themselves. */
Test(gate_memory, train_by_a_part)
{
    mele_gate_data data = make_data();
    mele_gate_options options = mele_gate_defaults();
    const mele_i_gate_loss *loss = mele_i_gate_loss_find(options.loss);
    double weights[ROWS];
    size_t n = 0;

    for (size_t i = 0; i < ROWS; i++)
        weights[i] = 1;
    data.weights = weights;
    options.on = "both";
    options.max_iterations = 3;
    const mele_i_gate_training training = {.data = &data, .options = &options, .loss = loss,
                                           .loss_needs = mele_i_gate_loss_needs(loss, &data),
                                           .total_weight = ROWS};
    for (;; n++) {
        mele_gate *gate = mele_i_gate_new(&mele_i_gate_softmax, CLUSTERS);
        mele_gate_info info;
        cr_assert_eq(gate->kind->make(gate, &training, NULL), MELE_OK);
        cr_assert_eq(gate->kind->prepare(gate, &training, NULL), MELE_OK);
        failing_malloc_at(n);
        const mele_status status = mele_i_gate_train(gate, &training, 3, &info, NULL);
        const bool failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "allocation %zu", n);
        mele_gate_free(gate);
        if (!failed)
            break;
    }
    cr_assert_gt(n, 10);
}

/* A helper thread without its working memory takes no part; the fit may end well without it. */
Test(gate_memory, fit_on_threads)
{
    const mele_gate_data data = make_data();
    mele_gate_options options = mele_gate_defaults();
    mele_engine_options wanted = mele_engine_defaults();
    mele_engine *engine = NULL;
    bool failed = true;

    wanted.threads = 3;
    options.max_iterations = 3;
    cr_assert_eq(mele_engine_new(&wanted, &engine, NULL), MELE_OK);
    for (size_t kind = 0; kind < 2; kind++, failed = true) {
        options.kind = kinds[kind];
        for (size_t n = 0; failed; n++) {
            mele_gate *gate = NULL;
            failing_malloc_at(n);
            mele_status status = mele_gate_fit(&data, &options, engine, &gate, NULL, NULL);
            failed = failing_malloc_end();
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu", n);
            cr_assert((gate != NULL) == (status == MELE_OK));
            mele_gate_free(gate);
        }
    }
    mele_engine_free(engine);
}

Test(gate_memory, weights)
{
    const mele_gate_data data = make_data();
    const mele_matrix features = mele_matrix_of(x, ROWS, COLS);
    double out[ROWS * CLUSTERS];

    for (size_t kind = 0; kind < 2; kind++) {
        mele_gate *gate = fitted(&data, kinds[kind]);
        bool failed = true;
        for (size_t n = 0; failed; n++) {
            out[0] = 0.125;
            failing_malloc_at(n);
            mele_status status = mele_gate_log_weights(gate, log_p, &features, ROWS, NULL, out,
                                                       NULL);
            failed = failing_malloc_end();
            cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
            cr_assert_eq(out[0] == 0.125, failed);
        }
        mele_gate_free(gate);
    }
}

static void save_and_load(mele_gate *gate)
{
    mele_gate *loaded = NULL;
    json_t *section = NULL;

    for (size_t n = 0; section == NULL; n++) {
        failing_malloc_at(n);
        section = mele_i_gate_save(gate);
        cr_assert_eq(section == NULL, failing_malloc_end(), "allocation %zu", n);
    }
    for (size_t n = 0; loaded == NULL; n++) {
        failing_malloc_at(n);
        mele_status status = mele_i_gate_load(section, &loaded, NULL);
        cr_assert_eq(status, failing_malloc_end() ? MELE_ENOMEM : MELE_OK, "allocation %zu", n);
        cr_assert_eq(loaded == NULL, status != MELE_OK);
    }
    json_decref(section);
    mele_gate_free(loaded);
}

/* jansson allocates through malloc of this program, so that it fails too. */
Test(gate_memory, save_and_load)
{
    const mele_gate_data data = make_data();

    json_set_alloc_funcs(malloc, free);
    for (size_t kind = 0; kind < 2; kind++) {
        mele_gate *gate = fitted(&data, kinds[kind]);
        save_and_load(gate);
        mele_gate_free(gate);
    }
}

Test(gate_memory, folds)
{
    size_t groups[ROWS], folds[ROWS];

    for (size_t i = 0; i < ROWS; i++)
        groups[i] = i / 9;
    for (int grouped = 0; grouped < 2; grouped++) {
        bool failed = true;
        for (size_t n = 0; failed; n++) {
            mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_FOLDS, 0, 0);
            folds[0] = 99;
            failing_malloc_at(n);
            mele_status status = mele_i_folds(ROWS, grouped ? groups : NULL, NULL, 6, &stream,
                                              folds, NULL);
            failed = failing_malloc_end();
            cr_assert_eq(folds[0] == 99, status != MELE_OK);
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM));
        }
    }
}

Test(gate_memory, metrics)
{
    static const char *const names[] = {"width", "height", "depth"};
    mele_metrics *metrics = NULL;

    for (size_t n = 0; metrics == NULL; n++) {
        failing_malloc_at(n);
        mele_status status = mele_metrics_new(names, 3, 0, &metrics, NULL);
        cr_assert_eq(status, failing_malloc_end() ? MELE_ENOMEM : MELE_OK, "allocation %zu", n);
        cr_assert_eq(metrics == NULL, status != MELE_OK);
    }
    mele_metrics_free(metrics);
}
