/* A gate over predictions in memory: what it predicts is the blend of them, wrong calls leave outputs
 * untouched, and memory may run out anywhere. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "support/failing_malloc.h"

enum { N = 60, K = 3, M = 2, C = 3 };

/* Targets of two columns of x, and what three experts say of them. */
typedef struct problem {
    double x[N * 2], y[N * M], log_p[N * K], mean[N * K * C], sd[N * K * M];
    mele_data *data;
    mele_posteriors posteriors;
    mele_predictions predictions;
} problem;

static problem *make(size_t classes)
{
    problem *p = calloc(1, sizeof *p);
    mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 0);
    const size_t width = classes > 0 ? classes : M, targets = classes > 0 ? 1 : M;

    for (size_t i = 0; i < N; i++) {
        p->x[2 * i] = 5 + 3 * mele_i_stream_normal(&s);
        p->x[2 * i + 1] = mele_i_stream_normal(&s);
        for (size_t t = 0; t < targets; t++)
            p->y[i * targets + t] = classes > 0 ? (double)(i % classes)
                                                : 100 + (double)(t + 3) * p->x[2 * i + t];
        for (size_t k = 0; k < K; k++)
            p->log_p[i * K + k] = -2 * mele_i_stream_uniform(&s);
        for (size_t e = 0; e < K * width; e++)
            p->mean[i * K * width + e] = classes > 0
                                             ? 0.25 + mele_i_stream_uniform(&s)
                                             : p->y[i * M + e % M] + 2 * mele_i_stream_normal(&s);
        for (size_t e = 0; e < K * M; e++)
            p->sd[i * K * M + e] = 1.5 + mele_i_stream_uniform(&s);
    }
    const mele_matrix x = mele_matrix_of(p->x, N, 2), y = mele_matrix_of(p->y, N, targets);
    cr_assert_eq(mele_data_of_arrays(&x, &y, classes, NULL, &p->data, NULL), MELE_OK);
    p->posteriors = (mele_posteriors){N, K, p->log_p};
    p->predictions = (mele_predictions){.rows = N, .clusters = K, .outputs = width,
                                        .mean = p->mean, .sd = classes > 0 ? NULL : p->sd};
    return p;
}

static void clear(problem *p)
{
    mele_data_free(p->data);
    free(p);
}

static mele_status fit(const problem *p, mele_model **out, mele_error *error)
{
    const mele_handover handover = {.posteriors = &p->posteriors, .predictions = &p->predictions};
    mele_options options = mele_options_defaults();
    mele_status status = mele_options_set(&options, "gate", "softmax", error);

    if (status == MELE_OK)
        status = mele_fit_gate_outside(p->data, &handover, &options, NULL, NULL, out, error);
    mele_options_clear(&options);
    return status;
}

static mele_model *fitted(const problem *p)
{
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(fit(p, &model, &error), MELE_OK, "%s", error.message);
    cr_assert(mele_model_needs_predictions(model));
    cr_assert(!mele_model_has_experts(model) && !mele_model_has_partition(model));
    return model;
}

#define NEAR(a, b) cr_assert(fabs((a) - (b)) <= 1e-10 * (1 + fabs(b)), "%.17g is not %.17g", (a), (b))

/* Row i, target t, by the formulas. */
static void check_blend(const problem *p, const double *log_gate, const mele_prediction *out, size_t i,
                        size_t t)
{
    double mean = 0, within = 0, between = 0;

    for (size_t k = 0; k < K; k++)
        mean += exp(log_gate[i * K + k]) * p->mean[(i * K + k) * M + t];
    for (size_t k = 0; k < K; k++) {
        const double g = exp(log_gate[i * K + k]), s = p->sd[(i * K + k) * M + t];
        within += g * s * s;
        between += g * pow(p->mean[(i * K + k) * M + t] - mean, 2);
    }
    NEAR(out->mean[i * M + t], mean);
    NEAR(out->variance_within[i * M + t], within);
    NEAR(out->variance_between[i * M + t], between);
    NEAR(out->sd[i * M + t], sqrt(within + between));
}

Test(outside, a_prediction_is_the_blend)
{
    problem *p = make(0);
    mele_model *model = fitted(p);
    double mean[N * M], within[N * M], between[N * M], sd[N * M], log_gate[N * K], said[N * K * M],
        said_sd[N * K * M];
    const mele_matrix x = mele_matrix_of(p->x, N, 2);
    const mele_prediction out = {.mean = mean, .variance_within = within, .variance_between = between,
                                 .sd = sd, .log_gate = log_gate, .expert_mean = said,
                                 .expert_sd = said_sd, .predictions = &p->predictions};

    cr_assert_eq(mele_model_predict(model, &x, p->log_p, NULL, &out, NULL), MELE_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t t = 0; t < M; t++)
            check_blend(p, log_gate, &out, i, t);
    for (size_t e = 0; e < N * K * M; e++) {
        NEAR(said[e], p->mean[e]);
        NEAR(said_sd[e], p->sd[e]);
    }
    mele_model_free(model);
    clear(p);
}

Test(outside, classes)
{
    problem *p = make(C);
    mele_model *model = fitted(p);
    double probability[N * C], log_gate[N * K];
    const mele_matrix x = mele_matrix_of(p->x, N, 2);
    const mele_prediction out = {.probability = probability, .log_gate = log_gate,
                                 .predictions = &p->predictions};

    cr_assert_eq(mele_model_predict(model, &x, p->log_p, NULL, &out, NULL), MELE_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < C; c++) {
            double blended = 0;
            for (size_t k = 0; k < K; k++) {
                const double *q = p->mean + (i * K + k) * C;
                blended += exp(log_gate[i * K + k]) * q[c] / (q[0] + q[1] + q[2]);
            }
            NEAR(probability[i * C + c], blended);
        }
    mele_model_free(model);
    clear(p);
}

/* A model that is written and read again predicts the same bits. */
Test(outside, text)
{
    for (size_t classes = 0; classes <= C; classes += C) {
        problem *p = make(classes);
        p->predictions.sd = NULL;
        mele_model *model = fitted(p), *again = NULL;
        double first[2 * N * C], second[2 * N * C];
        const mele_matrix x = mele_matrix_of(p->x, N, 2);
        mele_prediction out = {.predictions = &p->predictions};
        char *text, *text_again;
        size_t length;

        cr_assert_eq(mele_model_text(model, &text, &length, NULL), MELE_OK);
        cr_assert_eq(mele_model_of_text(text, length, &again, NULL), MELE_OK);
        cr_assert_eq(mele_model_text(again, &text_again, NULL, NULL), MELE_OK);
        cr_assert_str_eq(text, text_again);
        const size_t count = classes > 0 ? N * C : 2 * N * M;
        for (int i = 0; i < 2; i++) {
            double *to = i == 0 ? first : second;
            *(classes > 0 ? &out.probability : &out.mean) = to;
            out.sd = classes > 0 ? NULL : to + N * M;
            cr_assert_eq(mele_model_predict(i == 0 ? model : again, &x, p->log_p, NULL, &out, NULL),
                         MELE_OK);
        }
        cr_assert_eq(memcmp(first, second, count * sizeof *first), 0);
        free(text);
        free(text_again);
        mele_model_free(model);
        mele_model_free(again);
        clear(p);
    }
}

/* A number that is missing or of no use in training, and rows that lack one later. */
Test(outside, numbers_of_no_use)
{
    static const double bad[] = {NAN, INFINITY, -1};
    problem *p = make(0);
    mele_model *model = fitted(p), *none = NULL;
    double mean[N * M];
    mele_reason reason[N];
    const mele_matrix x = mele_matrix_of(p->x, N, 2);
    const mele_prediction out = {.mean = mean, .reason = reason, .predictions = &p->predictions};
    mele_error error;

    for (size_t b = 0; b < 3; b++) {
        double *at = b == 2 ? &p->sd[7 * K * M + 3] : &p->mean[7 * K * M + 3], kept = *at;
        *at = bad[b];
        cr_assert_eq(fit(p, &none, &error), MELE_EDATA);
        cr_assert_null(none);
        cr_assert_not_null(strstr(error.message, "row 8, expert 2, output 2"), "%s", error.message);
        if (b < 2) {
            cr_assert_eq(mele_model_predict(model, &x, p->log_p, NULL, &out, NULL), MELE_OK);
            cr_assert(isnan(mean[7 * M]) && isnan(mean[7 * M + 1]) && !isnan(mean[6 * M]));
            cr_assert_eq(reason[7].kind, b == 0 ? MELE_REASON_MISSING : MELE_REASON_RANGE);
            cr_assert_eq(reason[7].feature, 2 + 3u);
            cr_assert_eq(reason[6].kind, MELE_REASON_NONE);
        }
        *at = kept;
    }
    mele_model_free(model);
    clear(p);
}

Test(outside, wrong_calls)
{
    problem *p = make(0);
    mele_model *model = fitted(p), *none = NULL;
    double mean[N * M];
    const mele_matrix x = mele_matrix_of(p->x, N, 2);
    mele_prediction out = {.mean = mean};
    mele_options options = mele_options_defaults();
    mele_handover handover = {.posteriors = &p->posteriors};

    cr_assert_eq(mele_model_predict(model, &x, p->log_p, NULL, &out, NULL), MELE_EINVAL);
    out.predictions = &p->predictions;
    p->predictions.clusters = K - 1;
    cr_assert_eq(mele_model_predict(model, &x, p->log_p, NULL, &out, NULL), MELE_EINVAL);
    cr_assert_eq(fit(p, &none, NULL), MELE_EDATA); /* posteriors of others */
    p->predictions.clusters = K;
    p->predictions.rows = N - 1;
    cr_assert_eq(fit(p, &none, NULL), MELE_EINVAL);
    cr_assert_eq(mele_model_predict(model, &x, p->log_p, NULL, &out, NULL), MELE_EINVAL);
    p->predictions.rows = N;
    cr_assert_eq(mele_model_predict(model, &x, p->log_p, NULL, &out, NULL), MELE_OK);
    cr_assert_eq(mele_fit_gate_outside(p->data, &handover, &options, NULL, NULL, &none, NULL),
                 MELE_EINVAL);
    handover.predictions = &p->predictions;
    cr_assert_eq(mele_fit_gate(p->data, &handover, &options, NULL, NULL, model, NULL), MELE_EINVAL);
    handover.predictions = NULL;
    cr_assert_eq(mele_fit_gate(p->data, &handover, &options, NULL, NULL, model, NULL), MELE_EINVAL);
    cr_assert_eq(mele_fit_experts(p->data, &handover, &options, NULL, NULL, model, NULL), MELE_EINVAL);
    cr_assert_null(none);
    mele_model_free(model);
    clear(p);
}

Test(outside, no_memory_to_fit)
{
    for (size_t classes = 0; classes <= C; classes += C) {
        problem *p = make(classes);
        p->predictions.sd = NULL;
        for (size_t n = 0;; n++) {
            mele_model *model = NULL;
            failing_malloc_at(n);
            const mele_status status = fit(p, &model, NULL);
            if (!failing_malloc_end()) {
                cr_assert_eq(status, MELE_OK);
                cr_assert_gt(n, 20);
                mele_model_free(model);
                break;
            }
            if (status == MELE_OK) /* done without what saves time */
                mele_model_free(model);
            else
                cr_assert(status == MELE_ENOMEM && model == NULL, "at %zu: %d", n, status);
        }
        clear(p);
    }
}

Test(outside, no_memory_to_read)
{
    problem *p = make(0);
    char path[] = "/tmp/mele-outside-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");

    fputs("expert_1_y2,expert_1_y1,expert_1_sd_y1,expert_1_sd_y2\n", file);
    for (size_t i = 0; i < N; i++)
        fprintf(file, "%zu,%zu,1,0.5\n", i, i + 2);
    fclose(file);
    for (size_t n = 0;; n++) {
        mele_predictions read = {.rows = 77};
        failing_malloc_at(n);
        const mele_status status = mele_predictions_read(path, mele_data_schema(p->data), 0, p->data, NULL,
                                                         &read, NULL);
        if (!failing_malloc_end()) {
            cr_assert_eq(status, MELE_OK);
            cr_assert(read.rows == N && read.clusters == 1 && read.outputs == M);
            for (size_t i = 0; i < N; i++) {
                cr_assert(read.mean[2 * i] == (double)i + 2 && read.mean[2 * i + 1] == (double)i);
                cr_assert(read.sd[2 * i] == 1 && read.sd[2 * i + 1] == 0.5);
            }
            mele_predictions_clear(&read);
            break;
        }
        if (status == MELE_OK) /* a block of text that was read in smaller ones */
            mele_predictions_clear(&read);
        else
            cr_assert(status == MELE_ENOMEM && read.rows == 77, "at %zu: %d", n, status);
    }
    remove(path);
    clear(p);
}
