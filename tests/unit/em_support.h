#ifndef MELE_TESTS_EM_SUPPORT_H
#define MELE_TESTS_EM_SUPPORT_H

/* Data for EM, and what must hold of each of its steps, for tests. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "core/total.h"
#include "fit/em.h"

#define ROUNDING 1e-9 /* of a log-likelihood */

enum { MOST = 400, COLS = 2, MOST_CLUSTERS = 5, MOST_OUTPUTS = 3 };

/* Rows of which the first column says who made them, more or less. */
typedef struct sample {
    size_t rows, cols, clusters, outputs, classes;
    double x[MOST * COLS], y[MOST * MOST_OUTPUTS], weight[MOST], log_p[MOST * MOST_CLUSTERS];
    uint32_t label[MOST];
} sample;

static inline sample draw(size_t rows, size_t clusters, size_t outputs, size_t classes)
{
    mele_i_stream stream = mele_i_stream_make(17, MELE_I_FOR_TESTS, clusters, outputs + classes);
    sample s = {.rows = rows, .cols = COLS, .clusters = clusters, .outputs = outputs,
                .classes = classes};

    for (size_t i = 0; i < rows; i++) {
        const double a = s.x[i * 2] = 2 * mele_i_stream_normal(&stream);
        const double b = s.x[i * 2 + 1] = mele_i_stream_normal(&stream);
        const size_t home = (size_t)fmin(fmax(floor(a + 1.2 * mele_i_stream_normal(&stream) + 1), 0),
                                         (double)clusters - 1);
        for (size_t t = 0; t < outputs; t++)
            s.y[i * outputs + t] = sin(2.0 * (double)(home + t)) + cos(3.0 * (double)home) * b
                                   + 0.5 * tanh(a) + 0.3 * mele_i_stream_normal(&stream);
        if (classes > 0)
            s.y[i] = (double)((home + (s.y[i] > 0.2)) % classes);
        s.weight[i] = i % 5 == 0 ? 2 : i % 7 == 0 ? 0.5 : 1;
        s.label[i] = (uint32_t)fmin(fmax(floor(a + 1), 0), (double)clusters - 1);
        double sum = 0;
        for (size_t k = 0; k < clusters; k++)
            sum += exp(-fabs(a + 0.5 - (double)k));
        for (size_t k = 0; k < clusters; k++)
            s.log_p[i * clusters + k] = -fabs(a + 0.5 - (double)k) - log(sum);
    }
    return s;
}

/* Options of a case. */
typedef struct form {
    const char *kind, *gate, *on;
    double ridge, gate_ridge;
    size_t degree;
} form;

static inline mele_i_em_problem problem_of(const sample *s, const form *f, bool weighted, mele_engine *engine)
{
    const double *weights = weighted ? s->weight : NULL;
    mele_i_em_problem p = {
        .rows = {s->rows, s->clusters, mele_rows_of_array(s->log_p, s->rows, s->clusters),
                 mele_rows_of_array(s->x, s->rows, s->cols),
                 mele_rows_of_array(s->x, s->rows, s->cols),
                 {mele_rows_of_array(s->y, s->rows, s->outputs), s->classes}, weights},
        .total_weight = mele_i_total_weight(weights, s->rows), .experts = mele_expert_defaults(),
        .gate = mele_gate_defaults(), .least_variance = 1e-6, .engine = engine};

    p.experts.kind = f->kind;
    p.experts.ridge = f->ridge;
    p.experts.degree = f->degree == 0 ? 1 : f->degree;
    p.experts.hidden = 3;
    p.gate.kind = f->gate;
    p.gate.on = f->on;
    p.gate.ridge = f->gate_ridge;
    return p;
}

/* The penalised log-likelihood, from what the experts and the gate say of the rows. */
static inline double objective_of(const sample *s, const mele_i_em *em)
{
    const mele_i_em_problem *p = em->problem;
    const size_t K = s->clusters, M = s->classes > 0 ? s->classes : s->outputs;
    const mele_matrix x = mele_matrix_of(s->x, s->rows, s->cols);
    double *mean = MELE_I_ARRAY(double, s->rows * K * M), *log_g = MELE_I_ARRAY(double, s->rows * K);
    double value = -em->gate_penalty, squares[MOST_OUTPUTS];

    cr_assert_eq(mele_experts_predict(em->experts, &x, NULL, mean, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_gate_log_weights(em->gate, s->log_p, &x, s->rows, NULL, log_g, NULL), MELE_OK);
    for (size_t i = 0; i < s->rows; i++) {
        double density = 0;
        for (size_t k = 0; k < K; k++) {
            const double *f = mean + (i * K + k) * M;
            double own = s->classes > 0 ? exp(f[(size_t)s->y[i]]) : 1;
            for (size_t t = 0; t < M && s->classes == 0; t++) {
                const double v = em->variance[k * M + t], off = s->y[i * M + t] - f[t];
                own *= exp(-off * off / (2 * v)) / sqrt(2 * M_PI * v);
            }
            density += exp(log_g[i * K + k]) * own;
        }
        value += (p->rows.weights == NULL ? 1 : s->weight[i]) * log(density);
    }
    for (size_t k = 0; k < K; k++) {
        mele_i_experts_squares(em->experts, k, squares);
        for (size_t t = 0; t < (s->classes > 0 ? 1 : M); t++)
            value -= p->experts.ridge * squares[t] / 2
                     / (s->classes > 0 ? 1 : em->variance[k * M + t]);
    }
    free(mean);
    free(log_g);
    return value;
}

/* So many steps: the objective is what the parts make of the rows, and never falls. What it gains. */
static inline double climb(const sample *s, mele_i_em *em, size_t steps, const char *name)
{
    const double first = em->objective;
    double last = -INFINITY;

    for (size_t step = 0; step <= steps; step++) {
        const double value = objective_of(s, em);
        cr_assert_float_eq(em->objective, value, ROUNDING * (1 + fabs(value)),
                           "%s, step %zu: %.12g, not %.12g", name, step, em->objective, value);
        cr_assert_geq(value, last - ROUNDING * (1 + fabs(value)), "%s, step %zu: %.12g after %.12g", name,
                      step, value, last);
        last = value;
        cr_assert_eq(mele_i_em_step(em, NULL), MELE_OK);
    }
    return last - first;
}

#endif
