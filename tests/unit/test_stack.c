/* Whole fits and predictions in a thread that has the stack that <mele/engine.h> asks for. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include <mele/mele.h>

#include "core/stream.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK ((size_t)4 << 20) /* sanitizers put room around what lies there */
#else
#define STACK ((size_t)256 << 10)
#endif

enum { ROWS = 300, COLUMNS = 3 };

static const struct {
    const char *method, *kind;
    size_t classes;
} cases[] = {
    {"kmeans", "linear", 0}, {"gmm", "gp", 0}, {"kmeans", "mlp", 0}, {"gmm", "logistic", 120},
};

static void *fit_all(void *argument)
{
    static double x[ROWS * COLUMNS], y[ROWS], mean[ROWS], probability[ROWS * 120];
    mele_i_stream random = mele_i_stream_make(8, MELE_I_FOR_TESTS, ROWS, 0);
    const mele_matrix features = mele_matrix_of(x, ROWS, COLUMNS);
    const mele_matrix targets = mele_matrix_of(y, ROWS, 1);
    mele_error *error = argument;

    for (size_t c = 0; c < sizeof cases / sizeof *cases && error->status == MELE_OK; c++) {
        mele_options options = mele_options_defaults();
        mele_data *data = NULL;
        mele_model *model = NULL;
        const mele_prediction wanted = {.mean = cases[c].classes > 0 ? NULL : mean,
                                        .probability = cases[c].classes > 0 ? probability : NULL};
        options.partition.clusters = 2;
        options.partition.method = cases[c].method;
        options.experts.kind = cases[c].kind;
        options.experts.max_epochs = 5;
        for (size_t i = 0; i < ROWS * COLUMNS; i++)
            x[i] = mele_i_stream_normal(&random);
        for (size_t i = 0; i < ROWS; i++)
            y[i] = cases[c].classes > 0 ? (double)(i % cases[c].classes) : fabs(x[i * COLUMNS]);
        if (mele_data_of_arrays(&features, &targets, cases[c].classes, NULL, &data, error)
                == MELE_OK
            && mele_fit(data, &options, NULL, NULL, &model, error) == MELE_OK)
            mele_model_predict(model, &features, NULL, NULL, &wanted, error);
        mele_model_free(model);
        mele_data_free(data);
    }
    return NULL;
}

Test(stack, little_serves)
{
    mele_error error = {MELE_OK, 0, ""};
    pthread_attr_t little;
    pthread_t thread;

    cr_assert(pthread_attr_init(&little) == 0 && pthread_attr_setstacksize(&little, STACK) == 0);
    cr_assert_eq(pthread_create(&thread, &little, fit_all, &error), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(error.status, MELE_OK, "%s", error.message);
    pthread_attr_destroy(&little);
}
