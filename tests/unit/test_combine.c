/* How experts become one prediction: gates of constant weights, and the ways to combine. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "gate/constant.h"
#include "gate/gate.h"
#include "support/failing_malloc.h"

/* ---- the constant gate ---- */

static mele_gate *constant_of(const double *weights, size_t clusters)
{
    mele_gate *gate = NULL;

    cr_assert_eq(mele_i_gate_constant_make(weights, clusters, &gate, NULL), MELE_OK);
    return gate;
}

/* Of any rows, without posteriors and features, and in no unit. */
Test(combine, constant_gates_have_the_weights_that_were_set)
{
    static const double weights[] = {3, 0, 1};
    double log_g[2 * 3];

    for (double unit = 1e-300; unit < 1e301; unit *= 1e150) {
        const double scaled[] = {3 * unit, 0, unit};
        mele_gate *gate = constant_of(scaled, 3);
        cr_assert_eq(mele_gate_log_weights(gate, NULL, NULL, 2, NULL, log_g, NULL), MELE_OK);
        for (size_t e = 0; e < 6; e++)
            cr_assert_float_eq(exp(log_g[e]), weights[e % 3] / 4, 1e-15);
        cr_assert(isinf(log_g[1]));
        cr_assert_not(mele_gate_needs_posteriors(gate));
        cr_assert_eq(mele_gate_features(gate), 0);
        cr_assert_str_eq(mele_gate_name(gate), "constant");
        mele_gate_free(gate);
    }
}

Test(combine, one_expert_has_all_of_a_constant_gate)
{
    static const double weight = 0.1;
    double log_g;

    for (size_t c = 0; c < 2; c++) {
        mele_gate *gate = constant_of(c == 0 ? NULL : &weight, 1);
        cr_assert_eq(mele_gate_log_weights(gate, NULL, NULL, 1, NULL, &log_g, NULL), MELE_OK);
        cr_assert_eq(log_g, 0);
        mele_gate_free(gate);
    }
}

Test(combine, constant_gates_are_read_as_they_were_written)
{
    static const double weights[] = {0.1, 0.7, 0, 1e-9, 2};
    double before[5], after[5];
    mele_gate *gate = constant_of(weights, 5), *again = NULL;
    json_t *section = mele_i_gate_save(gate);

    cr_assert_eq(mele_i_gate_load(section, &again, NULL), MELE_OK);
    cr_assert_eq(mele_gate_log_weights(gate, NULL, NULL, 1, NULL, before, NULL), MELE_OK);
    cr_assert_eq(mele_gate_log_weights(again, NULL, NULL, 1, NULL, after, NULL), MELE_OK);
    cr_assert_arr_eq(before, after, sizeof before);
    cr_assert_arr_eq(mele_i_gate_constant_weights(gate), mele_i_gate_constant_weights(again),
                     sizeof before);
    json_decref(section);
    mele_gate_free(gate);
    mele_gate_free(again);
}

Test(combine, constant_gates_of_files_are_checked)
{
    static const struct {
        const char *section, *message;
    } wrong[] = {
        {"{\"kind\":\"constant\",\"clusters\":2}", "weights"},
        {"{\"kind\":\"constant\",\"clusters\":2,\"weights\":[0.5]}", "array of 2"},
        {"{\"kind\":\"constant\",\"clusters\":2,\"weights\":[0.5,0.25]}", "the sum is 0.75, not 1"},
        {"{\"kind\":\"constant\",\"clusters\":2,\"weights\":[1.5,-0.5]}", "-0.5 is below 0"},
        {"{\"kind\":\"constant\",\"clusters\":2,\"weights\":[1e308,1e308]}", "the sum is"},
        {"{\"kind\":\"constant\",\"clusters\":2,\"weights\":[0.5,\"a\"]}", "weights"},
        {"{\"kind\":\"constant\",\"clusters\":2,\"weights\":[0.5,0.5],\"on\":\"x\"}", "on"},
        {"{\"kind\":\"constant\",\"clusters\":16777216,\"weights\":[0.5,0.5]}", "array of 16777216"},
    };

    for (size_t c = 0; c < sizeof wrong / sizeof *wrong; c++) {
        json_t *section = NULL;
        mele_gate *gate = NULL;
        mele_error error;
        cr_assert_eq(mele_i_json_read_text(wrong[c].section, strlen(wrong[c].section), &section, NULL),
                     MELE_OK);
        cr_assert_eq(mele_i_gate_load(section, &gate, &error), MELE_EDATA, "case %zu", c);
        cr_assert(strstr(error.message, wrong[c].message) != NULL, "%s", error.message);
        cr_assert_null(gate);
        json_decref(section);
    }
}

Test(combine, constant_gates_without_memory)
{
    static const double weights[] = {1, 3};
    mele_gate *usual = constant_of(weights, 2);
    json_t *section = mele_i_gate_save(usual);

    for (size_t n = 0, failed = 1; failed; n++) {
        mele_gate *made = NULL, *loaded = NULL;
        failing_malloc_at(n);
        const mele_status first = mele_i_gate_constant_make(weights, 2, &made, NULL);
        failed = failing_malloc_end();
        failing_malloc_at(n);
        const mele_status second = mele_i_gate_load(section, &loaded, NULL);
        cr_assert_eq(failing_malloc_end(), failed);
        cr_assert_eq(first, failed ? MELE_ENOMEM : MELE_OK);
        cr_assert_eq(second, first);
        cr_assert((made == NULL) == failed && (loaded == NULL) == failed);
        mele_gate_free(made);
        mele_gate_free(loaded);
    }
    json_decref(section);
    mele_gate_free(usual);
}

/* Users do not choose it, and are told where it is from. */
Test(combine, constant_gates_are_not_asked_for)
{
    const double there[] = {0, 0};
    const mele_gate_data data = {.rows = 1, .clusters = 2,
                                 .log_posteriors = mele_rows_of_array(there, 1, 2)};
    mele_gate_options options = mele_gate_defaults();
    mele_gate *gate = NULL;
    mele_error error;

    options.kind = "constant";
    for (size_t i = 0; mele_gate_kind(i) != NULL; i++)
        cr_assert_str_neq(mele_gate_kind(i), "constant");
    cr_assert_eq(mele_gate_fit(&data, &options, NULL, &gate, NULL, &error), MELE_EINVAL);
    cr_assert_null(gate);
}

static void check_text(const double *weights, size_t clusters, const char *wanted)
{
    mele_gate *gate = constant_of(weights, clusters);
    char text[80];

    mele_i_gate_text(gate, text, sizeof text);
    cr_assert_str_eq(text, wanted);
    mele_gate_free(gate);
}

Test(combine, constant_gates_as_text)
{
    static const double weights[] = {3, 4, 1};

    check_text(NULL, 4, "constant, each expert 0.25");
    check_text(weights, 3, "constant, 0.125 to 0.5 an expert");
}
