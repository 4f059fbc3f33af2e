#ifndef MELE_TESTS_COUPLED_SUPPORT_H
#define MELE_TESTS_COUPLED_SUPPORT_H

/* Objectives over all experts and the gate, of every kind of problem, for tests. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "family/coupled.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

enum { ROWS = 150, COLUMNS = 3, K = 3, MOST_OUTPUTS = 3 };

typedef struct problem {
    const char *what, *kind;
    size_t outputs, classes;
} problem;

static const problem problems[] = {{"linear", "linear", 1, 0},
                                   {"linear, two targets", "linear", 2, 0},
                                   {"logistic", "logistic", 3, 3},
                                   {"mlp", "mlp", 1, 0},
                                   {"mlp, two targets", "mlp", 2, 0},
                                   {"mlp, classes", "mlp", 3, 3}};

typedef struct form {
    const char *what;
    const mele_i_coupled_loss *loss;
    double lambda;
} form;

typedef struct sample {
    double x[ROWS * COLUMNS], y[ROWS * MOST_OUTPUTS], weights[ROWS];
    mele_expert_options options;
    mele_i_joint joint;
    mele_i_coupled coupled;
    size_t count;
    double *theta;
} sample;

/* Numbers that another program makes alike. */
static inline void fill(sample *s, const problem *p)
{
    for (size_t i = 0; i < ROWS; i++) {
        s->weights[i] = 1 + 0.5 * sin((double)i);
        for (size_t j = 0; j < COLUMNS; j++)
            s->x[i * COLUMNS + j] = sin(1.7 * (double)(i + 1) * (double)(j + 1)) + 0.3 * (double)j;
        for (size_t t = 0; t < p->outputs; t++)
            s->y[i * p->outputs + t] = cos(0.9 * (double)(i + 2) * (double)(t + 1));
        if (p->classes > 0)
            s->y[i] = (double)(i * i % 7 % 3);
    }
}

static inline double theta_of(size_t i)
{
    return 0.5 * cos(2.3 * (double)(i + 1));
}

static inline mele_status start(sample *s, const problem *p, const form *f, mele_engine *engine,
                         mele_error *error)
{
    mele_expert_options options = mele_expert_defaults();
    mele_gate_options gate = mele_gate_defaults();
    const mele_targets targets = {mele_rows_of_array(s->y, ROWS, p->classes > 0 ? 1 : p->outputs),
                                  p->classes};
    const mele_i_joint_rows rows = {.shape = {COLUMNS, p->outputs, p->classes}, .terms = COLUMNS,
                                    .count = ROWS, .x = s->x, .y = s->y, .weights = s->weights};
    const mele_gate_data data = {.rows = ROWS, .clusters = K, .weights = s->weights,
                                 .x = mele_rows_of_array(s->x, ROWS, COLUMNS)};

    options.kind = p->kind;
    options.hidden = 3;
    gate.kind = "softmax";
    gate.on = "features";
    s->coupled = (mele_i_coupled){.loss = f->loss,
                                  .shape = {K, p->outputs, p->classes, f->lambda, 1e-3},
                                  .joint = &s->joint,
                                  .gate_x = s->x,
                                  .gate_columns = COLUMNS,
                                  .ridge = 0.3,
                                  .gate_ridge = 0.7,
                                  .max_iterations = 1000,
                                  .tolerance = 1e-7,
                                  .told = "family",
                                  .engine = engine};
    for (size_t i = 0; i < ROWS; i++)
        s->coupled.total_weight += s->weights[i];
    mele_status status = mele_i_joint_settle(&options, &targets, COLUMNS, &s->options, error);
    if (status == MELE_OK)
        status = mele_i_joint_make(&rows, &s->options, engine, &s->joint, error);
    if (status == MELE_OK && f->loss->gated)
        status = mele_i_gate_begin(&data, &gate, engine, &s->coupled.gate, error);
    return status;
}

static inline void make(sample *s, const problem *p, const form *f, mele_engine *engine)
{
    mele_error error;

    memset(s, 0, sizeof *s);
    fill(s, p);
    cr_assert_eq(start(s, p, f, engine, &error), MELE_OK, "%s, %s: %s", p->what, f->what,
                 error.message);
    s->count = mele_i_coupled_parts_of(&s->coupled).count;
    s->theta = MELE_I_ARRAY(double, s->count);
    s->coupled.room = MELE_I_ARRAY(double, mele_i_coupled_room(&s->coupled));
    for (size_t i = 0; i < s->count; i++)
        s->theta[i] = theta_of(i);
}

static inline void clear(sample *s)
{
    mele_i_joint_clear(&s->joint);
    mele_gate_free(s->coupled.gate);
    free(s->coupled.room);
    free(s->theta);
}

#endif
