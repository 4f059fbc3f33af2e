/* Hierarchical mixtures: EM of experts and of a tree of gates that is given, and of one that grows. The
 * likelihood at every step, an independent implementation (tests/ref/hme.py), and memory that runs out. */
#include "em_support.h"

#include "family/grow.h"
#include "gate/gate.h"
#include "support/failing_malloc.h"

#define WITHOUT_RIDGE 1e-12

/* ---- starts ---- */

/* Any responsibilities. */
static double *random_shares(const sample *s)
{
    mele_i_stream stream = mele_i_stream_make(23, MELE_I_FOR_TESTS, s->clusters, s->rows);
    double *shares = MELE_I_ARRAY(double, s->rows * s->clusters);

    for (size_t i = 0; i < s->rows; i++) {
        double *row = shares + i * s->clusters, sum = 0;
        for (size_t k = 0; k < s->clusters; k++)
            sum += row[k] = -log1p(-mele_i_stream_uniform(&stream));
        for (size_t k = 0; k < s->clusters; k++)
            row[k] /= sum;
    }
    return shares;
}

static mele_i_em from_shares(const mele_i_em_problem *p, const double *shares)
{
    mele_i_em em;
    mele_error error;

    cr_assert_eq(mele_i_em_start_shares(p, shares, &em, &error), MELE_OK, "%s", error.message);
    return em;
}

static void grow(const mele_i_em_problem *p, size_t steps, mele_i_growth *growth)
{
    mele_error error;

    cr_assert_eq(mele_i_grow_tree(p, p->rows.clusters, steps, 0, growth, &error), MELE_OK, "%s",
                 error.message);
}

/* ---- an independent implementation ---- */

/* The data of tests/ref/hme.py, and responsibilities. */
static sample of_reference(double *shares)
{
    sample s = {.rows = 80, .cols = 2, .clusters = 5, .outputs = 1};

    for (size_t i = 0; i < s.rows; i++, shares += s.clusters) {
        const double n = (double)i;
        const double a = s.x[i * 2] = 1.7 * sin(1.3 * n) + 0.4 * cos(0.37 * n * n);
        const double b = s.x[i * 2 + 1] = 1 + cos(2.1 * n + 1);
        double sum = 0;
        s.y[i] = i % 3 == 0 ? 0.5 + 0.2 * a + 0.3 * sin(5.1 * n)
                            : -1 + 1.4 * a - 0.5 * b + 0.5 * sin(2.3 * n + 1);
        s.weight[i] = i % 4 == 0 ? 2 : 1;
        for (size_t k = 0; k < s.clusters; k++)
            sum += shares[k] = exp(1.5 * cos(1.1 * n + 1.9 * (double)k) + 0.4 * (double)k * a);
        for (size_t k = 0; k < s.clusters; k++)
            shares[k] /= sum;
    }
    return s;
}

static void check_numbers(const double *got, const double *expected, size_t count, const char *what)
{
    for (size_t e = 0; e < count; e++)
        cr_assert_float_eq(got[e], expected[e], 1e-8, "%s %zu: %.12g, not %.12g", what, e, got[e],
                           expected[e]);
}

Test(hme, steps_are_those_of_the_reference)
{
    static const double plain[] = {-150.124173402869, -143.097721757173, -134.153252188263};
    static const double penalised[] = {-152.232726090472, -146.145052591343, -139.020222149059};
    static const double at[] = {0.3, 0.5, -1.2, 1.7, 1.5, 1.1};
    static const double variances[] = {1.99600803771, 2.30064605879, 1.56026318773, 0.831594150952,
                                       0.590374760501};
    static const double means[] = {
        -0.491456044959, -0.598959110012, -0.540018627528, -0.352010276932, -0.370917290114,
        -1.92375240344,  -1.84123590094,  -1.94987297296,  -1.73624818543,  -2.15241760711,
        0.915635386952,  0.718048540609,  0.66612762463,   0.790853447363,  0.772282618926};
    static const double weights[] = {
        0.149132163106, 0.155124322289,  0.244373403556,  0.234251291561,  0.217118819488,
        0.302348449806, 0.290930334357,  0.251217194229,  0.090722350685,  0.0647816709235,
        0.0552350570305, 0.0707891219996, 0.172903215231, 0.291660006268,  0.409412599471};
    static const double shares_of_row_7[] = {0.0828222840507, 0.0838687610634, 0.183982151557,
                                             0.3135188696, 0.335807933729};
    const form f = {"linear", "tree", "features", 0.7, 0.5, 1};
    const mele_matrix points = mele_matrix_of(at, 3, 2);
    double shares[80 * 5], said[15];
    const sample s = of_reference(shares);
    mele_i_em_problem p = problem_of(&s, &f, true, NULL);

    p.gate.depth = 2;
    p.gate.tolerance = 1e-12;
    mele_i_em em = from_shares(&p, shares);
    check_numbers(em.variance, variances, 5, "variance");
    check_numbers(em.shares + 7 * 5, shares_of_row_7, 5, "share");
    cr_assert_eq(mele_experts_predict(em.experts, &points, NULL, said, NULL, NULL), MELE_OK);
    check_numbers(said, means, 15, "mean");
    cr_assert_eq(mele_gate_log_weights(em.gate, NULL, &points, 3, NULL, said, NULL), MELE_OK);
    for (size_t e = 0; e < 15; e++)
        said[e] = exp(said[e]);
    check_numbers(said, weights, 15, "weight");
    for (size_t step = 0; step < 3; step++) {
        check_numbers(&em.sums.log_likelihood, &plain[step], 1, "log-likelihood");
        check_numbers(&em.objective, &penalised[step], 1, "objective");
        cr_assert_eq(mele_i_em_step(&em, NULL), MELE_OK);
    }
    mele_i_em_clear(&em);
}

/* ---- it never falls ---- */

/* Of a tree of two levels, of a binary one, and of one that grew. */
static void check_ascent(const sample *s, const form *f, bool weighted, size_t steps, double gain)
{
    mele_i_em_problem p = problem_of(s, f, weighted, NULL);
    double *shares = random_shares(s);
    char name[120];

    for (size_t depth = 0; depth <= 2; depth += 2) {
        p.gate.depth = depth;
        mele_i_em em = from_shares(&p, shares);
        snprintf(name, sizeof name, "%s, %zu experts, depth %zu", f->kind, s->clusters, depth);
        const double gained = climb(s, &em, steps, name);
        cr_assert_gt(gained, gain, "%s: %g", name, gained);
        mele_i_em_clear(&em);
    }
    mele_i_growth growth;
    grow(&p, 2, &growth);
    snprintf(name, sizeof name, "%s, %zu experts, grown", f->kind, s->clusters);
    cr_assert_eq(mele_i_gate_nodes(growth.em.gate), 2 * s->clusters - 1);
    const double gained = climb(s, &growth.em, steps, name);
    cr_assert_gt(gained, 0, "%s: %g", name, gained);
    mele_i_growth_clear(&growth);
    free(shares);
}

Test(hme, the_objective_of_linear_experts_never_falls)
{
    const form forms[] = {{"linear", "tree", "features", 0, 0.1, 1},
                          {"linear", "tree", "features", 3, 1, 1}};

    for (size_t K = 2; K <= 5; K++)
        for (size_t c = 0; c < 2; c++) {
            const sample s = draw(160, K, 1 + (K + c) % 2, 0);
            check_ascent(&s, &forms[c], c == 1, 15, 5);
        }
}

Test(hme, the_objective_of_logistic_experts_never_falls)
{
    const form f = {"logistic", "tree", "features", 0.5, 1, 1};

    for (size_t K = 3; K <= 5; K += 2) {
        const sample s = draw(160, K, 1, 3);
        check_ascent(&s, &f, K == 3, 8, 1);
    }
}

Test(hme, the_objective_of_networks_never_falls)
{
    const form f = {"mlp", "tree", "features", 0.3, 1, 1};
    const sample s = draw(100, 3, 1, 0);

    check_ascent(&s, &f, true, 4, 1);
}

/* ---- growing ---- */

/* Two copies of an expert are the mixture that it was, and steps of the two on its rows alone raise a lower bound
 * of the whole's likelihood: without penalties no split loses anything. */
Test(hme, a_split_loses_nothing)
{
    const form f = {"linear", "tree", "features", 0, WITHOUT_RIDGE, 1};

    for (size_t outputs = 1; outputs <= 2; outputs++) {
        const sample s = draw(160, 5, outputs, 0);
        const mele_i_em_problem p = problem_of(&s, &f, outputs == 2, NULL);
        mele_i_growth growth;
        double last = -INFINITY;
        grow(&p, 0, &growth);
        for (size_t k = 0; k < 5; k++) {
            const json_t *stage = json_array_get(growth.path, k);
            const double value = json_real_value(json_object_get(stage, "log_likelihood"));
            cr_assert_eq(json_integer_value(json_object_get(stage, "experts")), (json_int_t)k + 1);
            cr_assert_gt(value, last, "%zu experts: %.12g after %.12g", k + 1, value, last);
            last = value;
        }
        cr_assert_float_eq(last, growth.em.sums.log_likelihood, 1e-9);
        mele_i_growth_clear(&growth);
    }
}

/* ---- memory ---- */

Test(hme, without_memory_a_growth_says_so)
{
    const form f = {"linear", "tree", "features", 0.2, 1, 1};
    const sample s = draw(24, 3, 1, 0);
    mele_i_em_problem p = problem_of(&s, &f, true, NULL);
    mele_status status = MELE_ENOMEM;

    p.gate.max_iterations = 2;
    for (size_t n = 0; status != MELE_OK; n++) {
        mele_i_growth growth;
        failing_malloc_at(n);
        status = mele_i_grow_tree(&p, 3, 1, 0, &growth, NULL);
        const bool failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "%zu", n);
        mele_i_growth_clear(&growth);
    }
}
