/* Objectives over all experts and the gate: values against an independent program
 * (tests/ref/coupled.py), derivatives against central differences, where they lead. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "family/coupled.h"
#include "coupled_support.h"
#include "support/failing_malloc.h"

static const form forms[] = {{"me", &mele_i_coupled_me, 0},
                             {"mnce", &mele_i_coupled_mnce, 0.3},
                             {"mnce of lambda 1", &mele_i_coupled_mnce, 1},
                             {"ncl", &mele_i_coupled_ncl, 0.3},
                             {"ncl of lambda 1", &mele_i_coupled_ncl, 1}};

static double value_at(sample *s, double *gradient)
{
    double value;

    cr_assert_eq(mele_i_coupled_evaluate(&s->coupled, s->theta, &value, gradient, NULL), MELE_OK);
    return value;
}

/* ---- values ---- */

/* Of every problem and form, by tests/ref/coupled.py: value, and derivative along cos(i). */
static const double reference[COUNT(problems)][COUNT(forms)][2] = {
    {{1.2888075522089, 0.0235951664040002},
     {1.28171193293408, -0.0499063274062191},
     {1.29900648426408, -0.214137128928211},
     {1.04512233709793, -0.310656025064447},
     {0.779696043459251, -0.0154735891452198}},
    {{2.62037183204396, 0.0542353665387647},
     {2.56244101402664, 0.0632190190905405},
     {2.47577580304662, 0.247471078465517},
     {2.22005638306282, -0.293717184943614},
     {2.11775816542526, -0.0291321563892665}},
    {{1.0819348835936, 0.312998211949411},
     {1.10341025813937, 0.321204901216072},
     {1.0819348835936, 0.312998211949411},
     {3.54201921219839, 0.855394459126041},
     {3.23400848151265, 0.775944913323207}},
    {{1.27597207528543, -0.104290232851103},
     {1.27736181535568, 0.10705321769254},
     {1.35408480745382, 0.263854206381817},
     {0.967461238133103, -0.269410550652039},
     {0.921496324186627, -0.23040082910256}},
    {{2.46869306391543, 0.127771123685668},
     {2.48574098929486, -0.0580087361438445},
     {2.43355549162964, -0.226657029685903},
     {1.98492316935141, -0.114316325403326},
     {1.69348946333761, -0.154236987537195}},
    {{1.01900186826535, -0.061252328203287},
     {1.02337054848538, -0.063937396253345},
     {1.01900186826535, -0.061252328203287},
     {3.18542881085338, 0.0159076078023751},
     {3.10124008029675, -0.00493642193998009}}};

Test(coupled, values_and_derivatives_are_those_of_another_program)
{
    for (size_t c = 0; c < COUNT(problems); c++)
        for (size_t f = 0; f < COUNT(forms); f++) {
            const double *wanted = reference[c][f];
            double slope = 0;
            sample s;

            make(&s, &problems[c], &forms[f], NULL);
            double *gradient = MELE_I_ARRAY(double, s.count);
            const double value = value_at(&s, gradient);
            for (size_t i = 0; i < s.count; i++)
                slope += gradient[i] * cos((double)i);
            cr_assert_float_eq(value, wanted[0], 1e-12 * fabs(wanted[0]), "%s, %s: %.15g, %.15g",
                               problems[c].what, forms[f].what, value, wanted[0]);
            cr_assert_float_eq(slope, wanted[1], 1e-11, "%s, %s: %.15g, %.15g", problems[c].what,
                               forms[f].what, slope, wanted[1]);
            free(gradient);
            clear(&s);
        }
}

/* ---- derivatives ---- */

static double by_difference(sample *s, size_t i, double *room)
{
    const double at = s->theta[i], step = 1e-5;

    s->theta[i] = at + step;
    const double above = value_at(s, room);
    s->theta[i] = at - step;
    const double below = value_at(s, room);
    s->theta[i] = at;
    return (above - below) / (2 * step);
}

Test(coupled, gradients_are_those_of_differences)
{
    for (size_t c = 0; c < COUNT(problems); c++)
        for (size_t f = 0; f < COUNT(forms); f++) {
            sample s;

            make(&s, &problems[c], &forms[f], NULL);
            double *gradient = MELE_I_ARRAY(double, 2 * s.count);
            value_at(&s, gradient);
            for (size_t i = 0; i < s.count; i++) {
                const double difference = by_difference(&s, i, gradient + s.count);
                cr_assert_float_eq(gradient[i], difference, 1e-8 + 1e-6 * fabs(difference),
                                   "%s, %s: %zu: %.10g, %.10g", problems[c].what, forms[f].what, i,
                                   gradient[i], difference);
            }
            free(gradient);
            clear(&s);
        }
}

/* ---- minima ---- */

static void minimise(sample *s, mele_i_coupled_found *found)
{
    mele_error error;

    free(s->coupled.room);
    s->coupled.room = NULL;
    cr_assert_eq(mele_i_coupled_minimise(&s->coupled, s->theta, found, &error), MELE_OK, "%s",
                 error.message);
}

Test(coupled, any_number_of_threads_gives_the_same_bytes)
{
    mele_engine_options options = mele_engine_defaults();
    mele_engine *engine = NULL;

    options.threads = 3;
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    for (size_t c = 0; c < COUNT(problems); c++)
        for (size_t f = 0; f < COUNT(forms); f++) {
            mele_i_coupled_found one, many;
            sample s, t;

            make(&s, &problems[c], &forms[f], NULL);
            make(&t, &problems[c], &forms[f], engine);
            s.coupled.max_iterations = t.coupled.max_iterations = 5;
            minimise(&s, &one);
            minimise(&t, &many);
            cr_assert_arr_eq(s.theta, t.theta, s.count * sizeof(double), "%s, %s", problems[c].what,
                             forms[f].what);
            cr_assert_eq(one.loss, many.loss);
            clear(&s);
            clear(&t);
        }
    mele_engine_free(engine);
}

Test(coupled, the_minimum_is_flat)
{
    for (size_t c = 0; c < COUNT(problems); c += 2)
        for (size_t f = 0; f < COUNT(forms); f += 3) {
            mele_i_coupled_found found;
            sample s;

            make(&s, &problems[c], &forms[f], NULL);
            s.coupled.tolerance = 1e-5;
            minimise(&s, &found);
            cr_assert(found.converged, "%s, %s", problems[c].what, forms[f].what);
            cr_assert_gt(found.iterations, 5);
            clear(&s);
        }
}

/* No penalty: mnce is me, of the same bits. */
Test(coupled, lambda_0_is_plain)
{
    const form plain = {"mnce of lambda 0", &mele_i_coupled_mnce, 0};

    for (size_t c = 0; c < COUNT(problems); c++) {
        sample s, t;

        make(&s, &problems[c], &forms[0], NULL);
        make(&t, &problems[c], &plain, NULL);
        double *gradient = MELE_I_ARRAY(double, t.count), *other = MELE_I_ARRAY(double, t.count);
        const size_t shared = mele_i_coupled_parts_of(&s.coupled).gate;
        const size_t gate = s.count - shared;
        memmove(t.theta + t.count - gate, s.theta + shared, gate * sizeof(double));
        cr_assert_eq(value_at(&s, gradient), value_at(&t, other), "%s", problems[c].what);
        cr_assert_arr_eq(gradient, other, shared * sizeof(double));
        cr_assert_arr_eq(gradient + shared, other + t.count - gate, gate * sizeof(double));
        free(gradient);
        free(other);
        clear(&s);
        clear(&t);
    }
}

/* The parameters of experts in another order: expert k is the (k + 1)-th, and so are its scales and what
 * the gate has of it. */
static void turn(const sample *s, const double *from, double *to)
{
    const mele_i_coupled_parts parts = mele_i_coupled_parts_of(&s->coupled);
    const size_t M = s->coupled.shape.outputs;
    const struct {
        size_t first, end, each;
    } runs[] = {{0, parts.scales, s->joint.parameters},
                {parts.scales, s->coupled.shape.classes > 0 ? parts.scales : parts.scales + K * M, M},
                {parts.gate, parts.count, (parts.count - parts.gate) / K}};

    memcpy(to, from, parts.count * sizeof *to);
    for (size_t r = 0; r < COUNT(runs); r++)
        for (size_t k = 0; k < K && runs[r].first < runs[r].end; k++)
            memcpy(to + runs[r].first + k * runs[r].each,
                   from + runs[r].first + (k + 1) % K * runs[r].each, runs[r].each * sizeof *to);
}

/* Which expert is the first changes the first one only. */
Test(coupled, the_order_of_experts_changes_nothing_else)
{
    for (size_t p = 0; p < COUNT(problems); p++)
        for (size_t f = 0; f < 2; f++) {
            mele_i_coupled_found a = {.value = 0}, b = {.value = 0};
            sample s, t;
            make(&s, &problems[p], &forms[f], NULL);
            make(&t, &problems[p], &forms[f], NULL);
            double *turned = MELE_I_ARRAY(double, s.count);
            turn(&s, s.theta, t.theta);
            s.coupled.max_iterations = t.coupled.max_iterations = 8;
            free(s.coupled.room);
            free(t.coupled.room);
            cr_assert_eq(mele_i_coupled_minimise(&s.coupled, s.theta, &a, NULL), MELE_OK);
            cr_assert_eq(mele_i_coupled_minimise(&t.coupled, t.theta, &b, NULL), MELE_OK);
            turn(&s, s.theta, turned);
            cr_assert_float_eq(a.value, b.value, 1e-9, "%s, %s", problems[p].what, forms[f].what);
            for (size_t i = 0; i < s.count; i++)
                cr_assert_float_eq(turned[i], t.theta[i], 1e-6, "%s, %s: %g, %g", problems[p].what,
                                   forms[f].what, turned[i], t.theta[i]);
            free(turned);
            clear(&s);
            clear(&t);
        }
}

/* Each row is somebody's. */
Test(coupled, weights_of_experts_add_up_to_those_of_rows)
{
    for (size_t p = 0; p < COUNT(problems); p++)
        for (size_t f = 0; f < 2; f++) {
            double weight[K] = {-1}, sum = 0;
            mele_i_coupled_found found;
            sample s;
            if (problems[p].classes > 0)
                continue;
            make(&s, &problems[p], &forms[f], NULL);
            s.coupled.max_iterations = 3;
            s.coupled.weight = weight;
            free(s.coupled.room);
            cr_assert_eq(mele_i_coupled_minimise(&s.coupled, s.theta, &found, NULL), MELE_OK);
            for (size_t k = 0; k < K; k++)
                sum += weight[k];
            cr_assert_float_eq(sum, s.coupled.total_weight, 1e-10);
            cr_assert(weight[0] > 0 && weight[0] < sum);
            clear(&s);
        }
}

Test(coupled, memory_that_runs_out_leaves_nothing_behind)
{
    for (size_t c = 0; c < COUNT(problems); c++) {
        mele_i_coupled_found found;
        mele_error error;
        sample s;

        make(&s, &problems[c], &forms[0], NULL);
        free(s.coupled.room);
        s.coupled.room = NULL;
        s.coupled.max_iterations = 1;
        for (size_t n = 0;; n++) {
            failing_malloc_at(n);
            const mele_status status = mele_i_coupled_minimise(&s.coupled, s.theta, &found, &error);
            if (!failing_malloc_end())
                break;
            cr_assert_eq(status, MELE_ENOMEM);
            cr_assert_null(s.coupled.room);
        }
        clear(&s);
    }
}
