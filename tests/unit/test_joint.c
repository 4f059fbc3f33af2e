/* Experts as functions of parameters that are moved together: against the experts that these
 * become, and derivatives against central differences. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "expert/basis.h"
#include "expert/expert.h"
#include "expert/joint.h"
#include "support/failing_malloc.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

enum { ROWS = 43, COLUMNS = 4, K = 3, MOST_OUTPUTS = 3, MOST_TERMS = 14 };

typedef struct problem {
    const char *what, *kind;
    size_t outputs, classes, degree;
} problem;

static const problem problems[] = {{"linear", "linear", 1, 0, 1},
                                   {"linear, two targets, degree 2", "linear", 2, 0, 2},
                                   {"logistic", "logistic", 3, 3, 1},
                                   {"mlp", "mlp", 1, 0, 1},
                                   {"mlp, two targets", "mlp", 2, 0, 1},
                                   {"mlp, classes", "mlp", 3, 3, 1}};

/* Column 2 is constant. */
typedef struct sample {
    double base[ROWS * COLUMNS], x[ROWS * MOST_TERMS], y[ROWS * MOST_OUTPUTS], weights[ROWS];
    mele_expert_options options;
    mele_i_joint joint;
    size_t forms; /* parameters of all */
    double *parameters;
} sample;

static void fill(sample *s, const problem *p, mele_i_stream *stream)
{
    for (size_t i = 0; i < ROWS; i++) {
        double *x = s->base + i * COLUMNS;
        for (size_t j = 0; j < COLUMNS; j++)
            x[j] = j == 2 ? 0.1 : 3 * mele_i_stream_normal(stream) + (double)j;
        s->weights[i] = 0.5 + mele_i_stream_uniform(stream);
        for (size_t t = 0; t < p->outputs; t++)
            s->y[i * p->outputs + t] = 2 * mele_i_stream_normal(stream) + 7 * (double)t;
        if (p->classes > 0)
            s->y[i] = (double)mele_i_stream_below(stream, p->classes);
    }
    if (p->degree == 2)
        mele_i_basis_expand(s->base, COLUMNS, ROWS, COLUMNS, s->x);
    else
        memcpy(s->x, s->base, sizeof s->base);
}

static mele_status start(sample *s, const problem *p, mele_error *error)
{
    mele_expert_options options = mele_expert_defaults();
    const mele_targets targets = {mele_rows_of_array(s->y, ROWS, p->classes > 0 ? 1 : p->outputs),
                                  p->classes};

    options.kind = p->kind;
    options.degree = p->degree;
    options.hidden = 3;
    cr_assert_eq(mele_i_joint_settle(&options, &targets, COLUMNS, &s->options, error), MELE_OK);
    const mele_i_joint_rows rows = {
        .shape = {mele_i_basis_columns(COLUMNS, p->degree), p->outputs, p->classes},
        .terms = COLUMNS, .count = ROWS, .x = s->x, .y = s->y, .weights = s->weights};
    return mele_i_joint_make(&rows, &s->options, NULL, &s->joint, error);
}

static void make(sample *s, const problem *p)
{
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_TESTS, p->outputs, p->degree);
    mele_error error;

    memset(s, 0, sizeof *s);
    fill(s, p, &stream);
    cr_assert_eq(start(s, p, &error), MELE_OK, "%s: %s", p->what, error.message);
    s->forms = K * s->joint.parameters;
    s->parameters = MELE_I_ARRAY(double, s->forms);
    for (size_t k = 0; k < K; k++)
        s->joint.how->draw(s->joint.form, &stream, s->parameters + k * s->joint.parameters);
}

static void clear(sample *s)
{
    mele_i_joint_clear(&s->joint);
    free(s->parameters);
}

static void outputs_of(const sample *s, const double *parameters, double *out)
{
    double *scratch = MELE_I_ARRAY(double, s->joint.how->scratch(s->joint.form, K));

    s->joint.how->forward(s->joint.form, parameters, K, s->joint.z, ROWS, scratch, out);
    free(scratch);
}

static mele_status experts_of(const sample *s, const problem *p, mele_experts **out,
                              mele_error *error)
{
    double weight[K] = {1, 2, 3}, variance[K * MOST_OUTPUTS];

    for (size_t i = 0; i < K * p->outputs; i++)
        variance[i] = 1 + (double)i;
    return mele_i_joint_experts(&s->joint, K, s->parameters, weight, variance, out, error);
}

static void to_log_probabilities(double *logits, size_t classes)
{
    double sum = 0;

    for (size_t c = 0; c < classes; c++)
        sum += exp(logits[c]);
    for (size_t c = 0; c < classes; c++)
        logits[c] -= log(sum);
}

Test(joint, says_what_its_experts_predict)
{
    for (size_t c = 0; c < COUNT(problems); c++) {
        const problem *p = &problems[c];
        double out[ROWS * K * MOST_OUTPUTS], mean[ROWS * K * MOST_OUTPUTS],
            variance[K * MOST_OUTPUTS];
        const size_t M = p->outputs;
        mele_experts *experts = NULL;
        mele_error error;
        sample s;

        make(&s, p);
        outputs_of(&s, s.parameters, out);
        cr_assert_eq(experts_of(&s, p, &experts, &error), MELE_OK);
        const mele_matrix x = mele_matrix_of(s.base, ROWS, COLUMNS);
        cr_assert_eq(mele_experts_predict(experts, &x, NULL, mean, NULL, &error), MELE_OK);
        for (size_t i = 0; i < ROWS * K && p->classes > 0; i++)
            to_log_probabilities(out + i * M, M);
        for (size_t i = 0; i < ROWS * K * M; i++)
            cr_assert_float_eq(out[i], mean[i], 1e-11, "%s: %zu: %g, %g", p->what, i, out[i],
                               mean[i]);
        mele_experts_variances(experts, variance);
        for (size_t i = 0; i < K * M && p->classes == 0; i++)
            cr_assert_eq(variance[i], 1 + (double)i);
        cr_assert_eq(mele_i_experts_facts(experts, 1).rows, 2);
        mele_experts_free(experts);
        clear(&s);
    }
}

Test(joint, starts_from_experts)
{
    for (size_t c = 0; c < COUNT(problems); c++) {
        const problem *p = &problems[c];
        double out[ROWS * K * MOST_OUTPUTS], again[ROWS * K * MOST_OUTPUTS];
        mele_experts *experts = NULL;
        mele_error error;
        sample s;

        make(&s, p);
        outputs_of(&s, s.parameters, out);
        cr_assert_eq(experts_of(&s, p, &experts, &error), MELE_OK);
        memset(s.parameters, 0, s.forms * sizeof(double));
        cr_assert(mele_i_joint_start(&s.joint, experts, s.parameters), "%s", p->what);
        outputs_of(&s, s.parameters, again);
        for (size_t i = 0; i < ROWS * K; i++)
            for (size_t m = 0; m < p->outputs; m++) { /* logits but for a constant */
                const size_t first = p->classes > 0 ? i * p->outputs : 0;
                const double off = p->classes > 0 ? out[first] - again[first] : 0;
                const size_t at = i * p->outputs + m;
                cr_assert_float_eq(out[at], again[at] + off, 1e-11, "%s", p->what);
            }
        mele_experts_free(experts);
        clear(&s);
    }
}

/* sum r out, whose gradient is backward()'s of r. */
static double total(const sample *s, const double *parameters, const double *residual, size_t count)
{
    double out[ROWS * K * MOST_OUTPUTS], sum = 0;

    outputs_of(s, parameters, out);
    for (size_t i = 0; i < count; i++)
        sum += residual[i] * out[i];
    return sum;
}

static double by_difference(sample *s, size_t i, const double *residual, size_t count)
{
    const double at = s->parameters[i], step = 1e-5;

    s->parameters[i] = at + step;
    const double above = total(s, s->parameters, residual, count);
    s->parameters[i] = at - step;
    const double below = total(s, s->parameters, residual, count);
    s->parameters[i] = at;
    return (above - below) / (2 * step);
}

Test(joint, gradients_are_those_of_differences)
{
    for (size_t c = 0; c < COUNT(problems); c++) {
        const problem *p = &problems[c];
        mele_i_stream stream = mele_i_stream_make(8, MELE_I_FOR_TESTS, c, 0);
        double residual[ROWS * K * MOST_OUTPUTS], out[ROWS * K * MOST_OUTPUTS];
        const size_t count = ROWS * K * p->outputs;
        sample s;

        make(&s, p);
        double *scratch = MELE_I_ARRAY(double, s.joint.how->scratch(s.joint.form, K));
        double *gradient = MELE_I_ZEROED(double, s.forms);
        for (size_t i = 0; i < count; i++)
            residual[i] = mele_i_stream_normal(&stream);
        s.joint.how->forward(s.joint.form, s.parameters, K, s.joint.z, ROWS, scratch, out);
        s.joint.how->backward(s.joint.form, s.parameters, K, ROWS, residual, scratch, gradient);
        for (size_t i = 0; i < s.forms; i++) {
            const double difference = by_difference(&s, i, residual, count);
            cr_assert_float_eq(gradient[i], difference, 1e-6 * (1 + fabs(difference)),
                               "%s: %zu: %.10g, %.10g", p->what, i, gradient[i], difference);
        }
        free(scratch);
        free(gradient);
        clear(&s);
    }
}

Test(joint, squares_are_the_kinds_own)
{
    const double factor[MOST_OUTPUTS] = {0.7, 1.3, 0.4};

    for (size_t c = 0; c < COUNT(problems); c++) {
        const problem *p = &problems[c];
        const size_t parts = p->classes > 0 ? 1 : p->outputs;
        double squares[MOST_OUTPUTS], own[MOST_OUTPUTS], sum = 0, slope = 0;
        mele_experts *experts = NULL;
        mele_error error;
        sample s;

        make(&s, p);
        cr_assert_eq(experts_of(&s, p, &experts, &error), MELE_OK);
        mele_i_experts_squares(experts, 0, own);
        s.joint.how->squares(s.joint.form, s.parameters, squares);
        for (size_t t = 0; t < parts && strcmp(p->kind, "logistic") != 0; t++)
            cr_assert_float_eq(squares[t], own[t], 1e-12 * own[t], "%s", p->what);
        /* the squares are homogeneous of degree 2 */
        double *gradient = MELE_I_ZEROED(double, s.forms);
        s.joint.how->add_squares(s.joint.form, s.parameters, factor, gradient);
        for (size_t i = 0; i < s.joint.parameters; i++)
            slope += gradient[i] * s.parameters[i];
        for (size_t t = 0; t < parts; t++)
            sum += factor[t] * squares[t];
        cr_assert_float_eq(slope, 2 * sum, 1e-12 * sum, "%s", p->what);
        free(gradient);
        mele_experts_free(experts);
        clear(&s);
    }
}

Test(joint, what_is_constant_has_no_say)
{
    for (size_t c = 0; c < COUNT(problems); c++) {
        sample s;

        make(&s, &problems[c]);
        for (size_t i = 0; i < ROWS; i++)
            cr_assert_eq(s.joint.z[i * s.joint.rows.shape.columns + 2], 0, "%s", problems[c].what);
        clear(&s);
    }
}

Test(joint, refuses_what_is_not_trained_together)
{
    double y[2] = {1, 2};
    const mele_targets targets = {mele_rows_of_array(y, 2, 1), 0};
    mele_expert_options options = mele_expert_defaults(), settled;
    mele_error error;

    options.kind = "gp";
    cr_assert_eq(mele_i_joint_settle(&options, &targets, 1, &settled, &error), MELE_EINVAL);
    cr_assert(strstr(error.message, "\"gp\"") != NULL);
    options.kind = "linear";
    options.ridge = MELE_RIDGE_GCV;
    cr_assert_eq(mele_i_joint_settle(&options, &targets, 1, &settled, &error), MELE_EINVAL);
    cr_assert(strstr(error.message, "--ridge") != NULL);
}

Test(joint, memory_that_runs_out_leaves_nothing_behind)
{
    for (size_t c = 0; c < COUNT(problems); c++) {
        mele_experts *experts = NULL;
        mele_error error;
        sample s;

        make(&s, &problems[c]);
        mele_i_joint_clear(&s.joint);
        for (size_t n = 0;; n++) {
            failing_malloc_at(n);
            mele_status status = start(&s, &problems[c], &error);
            if (status == MELE_OK)
                status = experts_of(&s, &problems[c], &experts, &error);
            if (!failing_malloc_end())
                break;
            cr_assert_eq(status, MELE_ENOMEM);
            cr_assert_null(experts);
            mele_i_joint_clear(&s.joint);
        }
        mele_experts_free(experts);
        clear(&s);
    }
}
