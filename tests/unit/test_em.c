/* EM of a mixture: an independent implementation (tests/ref/em.py), the penalised log-likelihood at every
 * step, computed from what experts and gates say, and what must not matter. */
#include "em_support.h"

#include "support/failing_malloc.h"

static mele_experts *experts_of(const sample *s, const mele_i_em_problem *p)
{
    const mele_assignment assignment = {.rows = s->rows, .clusters = s->clusters, .labels = s->label};
    const mele_expert_data data = {.x = p->rows.x, .targets = p->rows.targets,
                                   .weights = p->rows.weights, .assignment = &assignment};
    mele_expert_options options = p->experts;
    mele_experts *out = NULL;
    mele_error error;

    options.in_sample = true;
    options.max_epochs = 5;
    cr_assert_eq(mele_experts_fit(&data, &options, NULL, &out, NULL, NULL, &error), MELE_OK, "%s",
                 error.message);
    return out;
}

static mele_i_em started(const sample *s, const mele_i_em_problem *p)
{
    mele_experts *experts = experts_of(s, p);
    mele_i_em em;
    mele_error error;

    cr_assert_eq(mele_i_em_start(p, experts, NULL, &em, &error), MELE_OK, "%s", error.message);
    mele_experts_free(experts);
    return em;
}

/* ---- an independent implementation ---- */

Test(em, steps_are_those_of_the_reference)
{
    static const double penalised[] = {
        -158.406571566142, -131.262993542149, -126.535034735805, -124.591973475982,
        -123.650664365368, -123.033224085269, -122.618600063589, -122.357595517149,
        -122.205185525513, -122.121765023859, -122.077967629653, -122.055055658396,
        -122.042374765612};
    static const double plain[] = {
        -156.997676686407, -130.008288110200, -125.022944132142, -122.882772403527,
        -121.818794348059, -121.096206695284, -120.570030742702, -120.195668766277,
        -119.940879596803, -119.775723820793, -119.674160430975, -119.615830316451,
        -119.586165303518};
    const form f = {"linear", "softmax", "features", 0.7, 0.5, 1};
    sample s = {.rows = 80, .cols = 1, .clusters = 2, .outputs = 1};

    for (size_t i = 0; i < s.rows; i++) {
        const double n = (double)i;
        s.x[i] = 1.7 * sin(1.3 * n) + 0.4 * cos(0.37 * n * n);
        s.y[i] = i % 3 == 0 ? 0.5 + 0.2 * s.x[i] + 0.3 * sin(5.1 * n)
                            : -1 + 1.4 * s.x[i] + 0.5 * sin(2.3 * n + 1);
        s.weight[i] = i % 4 == 0 ? 2 : 1;
        s.label[i] = s.x[i] > 0.2;
    }
    mele_i_em_problem p = problem_of(&s, &f, true, NULL);
    p.rows.log_posteriors = (mele_rows){.data = NULL};
    p.gate.tolerance = 1e-10;
    mele_i_em em = started(&s, &p);
    for (size_t step = 0; step < sizeof plain / sizeof *plain; step++) {
        cr_assert_float_eq(em.objective, penalised[step], 1e-7, "step %zu: %.12f", step, em.objective);
        cr_assert_float_eq(em.sums.log_likelihood, plain[step], 1e-6, "step %zu: %.12f", step,
                           em.sums.log_likelihood);
        cr_assert_eq(mele_i_em_step(&em, NULL), MELE_OK);
    }
    mele_i_em_clear(&em);
}

/* ---- it never falls ---- */

static void check_ascent(const sample *s, const form *f, bool weighted, size_t steps, double gain)
{
    const mele_i_em_problem p = problem_of(s, f, weighted, NULL);
    mele_i_em em = started(s, &p);
    char name[120];

    snprintf(name, sizeof name, "%s, %s on %s, ridge %g", f->kind, f->gate, f->on, f->ridge);
    const double gained = climb(s, &em, steps, name);
    cr_assert_gt(gained, gain, "%s: %g", name, gained);
    mele_i_em_clear(&em);
}

Test(em, the_objective_of_linear_experts_never_falls)
{
    const form forms[] = {
        {"linear", "softmax", "features", 0, 0, 1},     {"linear", "softmax", "posteriors", 0, 1, 1},
        {"linear", "softmax", "both", 0.1, 1, 1},       {"linear", "softmax", "features", 30, 0.1, 1},
        {"linear", "softmax", "posteriors", 500, 1, 2},
    };

    for (size_t c = 0; c < sizeof forms / sizeof *forms; c++)
        for (size_t m = 1; m <= 3; m += 2) {
            sample s = draw(160, 3, m, 0);
            check_ascent(&s, &forms[c], c % 2 == 0, 40, 5);
        }
}

/* Where steps whose gate takes one iteration end, those whose gate goes to its minimum gain nothing. */
Test(em, a_gate_that_takes_one_iteration_ends_at_a_maximum)
{
    const form f = {"linear", "softmax", "features", 0.1, 0.5, 1};
    sample s = draw(160, 3, 1, 0);
    mele_i_em_problem p = problem_of(&s, &f, true, NULL);

    p.gate_iterations = 1;
    p.tolerance = 1e-10;
    mele_i_em em = started(&s, &p);
    climb(&s, &em, 1000, "one iteration");
    cr_assert(em.converged);
    const double end = em.objective;
    p.gate_iterations = 0;
    em.converged = false;
    climb(&s, &em, 20, "to the minimum");
    cr_assert_float_eq(em.objective, end, 1e-6, "%.9f, %.9f", em.objective, end);
    mele_i_em_clear(&em);
}

Test(em, the_objective_under_a_network_as_gate_never_falls)
{
    const form forms[] = {{"linear", "mlp", "features", 0.1, 0.5, 1},
                          {"linear", "mlp", "posteriors", 0.1, 1, 1}};

    for (size_t c = 0; c < 2; c++) {
        sample s = draw(160, 3, 1, 0);
        check_ascent(&s, &forms[c], c == 0, 12, 5);
    }
}

Test(em, the_objective_of_logistic_experts_never_falls)
{
    const form forms[] = {{"logistic", "softmax", "features", 0.03, 1, 1},
                          {"logistic", "softmax", "posteriors", 2, 0, 1},
                          {"logistic", "softmax", "both", 0.5, 1, 2}};

    for (size_t c = 0; c < sizeof forms / sizeof *forms; c++) {
        sample s = draw(200, 3, 1, 3);
        check_ascent(&s, &forms[c], c == 0, 15, 2);
    }
}

Test(em, the_objective_of_networks_never_falls)
{
    const form forms[] = {{"mlp", "softmax", "features", 0.3, 1, 1},
                          {"mlp", "softmax", "posteriors", 5, 1, 1}};

    for (size_t c = 0; c < 4; c++) {
        sample s = draw(120, 2, c / 2 == 0 ? 1 + c % 2 : 1, c / 2 == 0 ? 0 : 2);
        check_ascent(&s, &forms[c % 2], c == 1, 8, 2);
    }
}

/* ---- what must not matter ---- */

static mele_i_em after(const sample *s, const mele_i_em_problem *p, size_t steps)
{
    mele_i_em em = started(s, p);

    for (size_t step = 0; step < steps; step++)
        cr_assert_eq(mele_i_em_step(&em, NULL), MELE_OK);
    return em;
}

Test(em, weight_two_is_the_row_twice_and_weight_zero_no_row)
{
    const form f = {"linear", "softmax", "both", 0.4, 0.5, 1};
    sample one = draw(90, 2, 1, 0), twice = one;

    for (size_t i = 0; i < one.rows; i++)
        one.weight[i] = i % 9 == 0 ? 2 : i % 9 == 4 ? 0 : 1;
    twice.rows = 0;
    for (size_t i = 0; i < one.rows; i++)
        for (size_t copy = 0; copy < (size_t)one.weight[i]; copy++, twice.rows++) {
            memcpy(twice.x + twice.rows * 2, one.x + i * 2, 2 * sizeof(double));
            memcpy(twice.log_p + twice.rows * 2, one.log_p + i * 2, 2 * sizeof(double));
            twice.y[twice.rows] = one.y[i];
            twice.label[twice.rows] = one.label[i];
        }
    const mele_i_em_problem p = problem_of(&one, &f, true, NULL), q = problem_of(&twice, &f, false, NULL);
    mele_i_em a = after(&one, &p, 4), b = after(&twice, &q, 4);
    cr_assert_float_eq(a.objective, b.objective, 1e-5, "%.12g, %.12g", a.objective, b.objective);
    cr_assert_float_eq(a.variance[0], b.variance[0], 1e-6);
    mele_i_em_clear(&a);
    mele_i_em_clear(&b);
}

/* One expert: the responsibilities are 1, and the first step is its fit. */
Test(em, one_expert_is_one_fit)
{
    const form f = {"linear", "softmax", "features", 0.4, 0.5, 1};
    sample s = draw(90, 1, 2, 0);
    const mele_i_em_problem p = problem_of(&s, &f, false, NULL);
    mele_i_em em = started(&s, &p);
    mele_experts *fitted = experts_of(&s, &p);
    double expected[2];

    cr_assert_eq(mele_i_em_step(&em, NULL), MELE_OK);
    mele_i_experts_variances(fitted, 0, expected);
    for (size_t t = 0; t < 2; t++) {
        double squares[2];
        mele_i_experts_squares(fitted, 0, squares);
        cr_assert_float_eq(em.variance[t], expected[t] + 0.4 * squares[t] / 90, 1e-12);
    }
    const double value = em.objective;
    cr_assert_eq(mele_i_em_step(&em, NULL), MELE_OK);
    cr_assert(em.converged);
    cr_assert_float_eq(em.objective, value, 1e-10);
    mele_experts_free(fitted);
    mele_i_em_clear(&em);
}

/* An expert that hardly any row belongs to stays as it is, and its variance: it does not become exact
 * on a row or two. */
Test(em, an_expert_without_rows_stays)
{
    const form f = {"linear", "softmax", "posteriors", 0, 1, 1};
    sample s = draw(120, 3, 1, 0);
    double before[3];

    for (size_t i = 0; i < s.rows; i++)
        s.log_p[i * 3 + 2] = i == 5 ? -1 : -300;
    const mele_i_em_problem p = problem_of(&s, &f, false, NULL);
    mele_i_em em = started(&s, &p);
    memcpy(before, em.variance, sizeof before);
    for (size_t step = 0; step < 5; step++)
        cr_assert_eq(mele_i_em_step(&em, NULL), MELE_OK);
    cr_assert_lt(em.sums.weight[2], 1.5);
    cr_assert_eq(em.variance[2], before[2]);
    cr_assert_neq(em.variance[0], before[0]);
    mele_i_em_clear(&em);
}

Test(em, same_bytes_for_any_threads)
{
    const form forms[] = {{"linear", "softmax", "both", 0.2, 1, 1}, {"mlp", "softmax", "features", 0.3, 1, 1}};

    for (size_t c = 0; c < 2; c++) {
        const sample s = draw(400, 4, 2, 0);
        const mele_i_em_problem p = problem_of(&s, &forms[c], true, NULL);
        mele_i_em one = after(&s, &p, 3);
        for (unsigned threads = 2; threads <= 8; threads += threads == 2 ? 1 : 5) {
            mele_engine_options options = mele_engine_defaults();
            mele_engine *engine = NULL;
            options.threads = threads;
            cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
            const mele_i_em_problem q = problem_of(&s, &forms[c], true, engine);
            mele_i_em many = after(&s, &q, 3);
            cr_assert_eq(memcmp(one.shares, many.shares, s.rows * s.clusters * sizeof(double)), 0);
            cr_assert_eq(memcmp(&one.objective, &many.objective, sizeof(double)), 0);
            mele_i_em_clear(&many);
            mele_engine_free(engine);
        }
        mele_i_em_clear(&one);
    }
}

/* ---- what EM asks of experts ---- */

/* In sample the variance is the mean square of residuals, and nothing else of an expert is another: */
Test(em, variances_in_sample)
{
    static const char *const kinds[] = {"linear", "mlp"};
    const sample s = draw(90, 2, 1, 0);
    const mele_matrix x = mele_matrix_of(s.x, s.rows, s.cols);

    for (size_t c = 0; c < 2; c++) {
        const form f = {kinds[c], "softmax", "features", 0.4, 1, 1};
        const mele_i_em_problem p = problem_of(&s, &f, false, NULL);
        mele_experts *experts = experts_of(&s, &p);
        double mean[180], told[2], squares[2] = {0, 0}, rows[2] = {0, 0};
        cr_assert_eq(mele_experts_predict(experts, &x, NULL, mean, NULL, NULL), MELE_OK);
        mele_i_experts_variances(experts, 0, told);
        for (size_t i = 0; i < s.rows; i++) {
            const double off = s.y[i] - mean[i * 2 + s.label[i]];
            squares[s.label[i]] += off * off;
            rows[s.label[i]]++;
        }
        for (size_t k = 0; k < 2; k++)
            cr_assert_float_eq(told[k], squares[k] / rows[k], 1e-12 * (1 + told[k]), "%s, %zu: %.12g",
                               kinds[c], k, told[k]);
        mele_experts_free(experts);
    }
}

/* Where another expert answers, a copy of it is the region's own, and what is put stays. */
Test(em, experts_are_separated_and_put)
{
    const form f = {"linear", "softmax", "features", 0.4, 1, 1};
    sample s = draw(90, 3, 1, 0);
    mele_experts *own = NULL, *other;
    const bool which[3] = {false, true, false};
    const mele_matrix x = mele_matrix_of(s.x, s.rows, s.cols);
    double before[270], separate[270], of_other[270], after[270];

    for (size_t i = 0; i < s.rows; i++)
        s.label[i] = s.label[i] == 2 && i > 3 ? 1 : s.label[i];
    mele_i_em_problem p = problem_of(&s, &f, false, NULL);
    p.experts.min_rows = 12;
    mele_experts *experts = experts_of(&s, &p);
    cr_assert_eq(mele_i_experts_separate(experts, &own, NULL), MELE_OK);
    cr_assert_eq(mele_i_experts_facts(experts, 2).answers, 3);
    cr_assert_eq(mele_i_experts_facts(own, 2).answers, 2);
    p.experts.ridge = 50;
    other = experts_of(&s, &p);
    cr_assert_eq(mele_experts_predict(experts, &x, NULL, before, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_experts_predict(own, &x, NULL, separate, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_experts_predict(other, &x, NULL, of_other, NULL, NULL), MELE_OK);
    mele_i_experts_put(own, other, which);
    cr_assert_eq(mele_experts_predict(own, &x, NULL, after, NULL, NULL), MELE_OK);
    cr_assert_eq(memcmp(before, separate, sizeof before), 0);
    for (size_t e = 0; e < 270; e++)
        cr_assert_eq(after[e], e % 3 == 1 ? of_other[e] : before[e], "%zu", e);
    mele_experts_free(experts);
    mele_experts_free(own);
    mele_experts_free(other);
}

/* ---- memory ---- */

Test(em, without_memory_a_start_and_a_step_say_so)
{
    const form f = {"linear", "softmax", "both", 0.2, 1, 1};
    const sample s = draw(60, 2, 1, 0);
    mele_i_em_problem p = problem_of(&s, &f, true, NULL);
    mele_experts *experts = experts_of(&s, &p);
    mele_status status = MELE_ENOMEM;

    p.gate.max_iterations = 3;
    for (size_t n = 0; status != MELE_OK; n++) {
        mele_i_em em;
        failing_malloc_at(n);
        status = mele_i_em_start(&p, experts, NULL, &em, NULL);
        if (status == MELE_OK)
            status = mele_i_em_step(&em, NULL);
        const bool failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "%zu", n);
        mele_i_em_clear(&em);
    }
    mele_experts_free(experts);
}
