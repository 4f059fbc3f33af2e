/* How experts become one prediction: gates of constant weights, and the ways to combine. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/stream.h"
#include "gate/constant.h"
#include "gate/gate.h"
#include "model/combine.h"
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

/* ---- medians ---- */

enum { MOST = 40 };

/* By its definition: of all that is said the least at and below which there is half of the weight. */
static double median_by_hand(const mele_i_voices *v)
{
    double total = 0, best = INFINITY;

    for (size_t k = 0; k < v->clusters; k++)
        total += v->weight[k];
    for (size_t k = 0; k < v->clusters; k++) {
        double below = 0;
        for (size_t j = 0; j < v->clusters; j++)
            below += v->weight[j] > 0 && v->mean[j * v->stride] <= v->mean[k * v->stride] ? v->weight[j] : 0;
        if (v->weight[k] > 0 && below >= total / 2 - 1e-13)
            best = fmin(best, v->mean[k * v->stride]);
    }
    return best;
}

/* Ties among values and weights, weights of 0, and a stride. */
Test(combine, medians_are_those_of_the_definition)
{
    const mele_i_combine *combine = mele_i_combine_find("median");
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 0);
    double weight[MOST], said[2 * MOST], room[2 * MOST];

    for (size_t c = 0; c < 4000; c++) {
        const size_t K = 1 + (size_t)(mele_i_stream_uniform(&stream) * MOST);
        const double values = c % 2 == 0 ? 1e9 : 5;
        double sum = 0;
        for (size_t k = 0; k < K; k++) {
            weight[k] = c % 3 == 0 ? 1 : floor(4 * mele_i_stream_uniform(&stream));
            said[2 * k] = floor(values * mele_i_stream_uniform(&stream));
            said[2 * k + 1] = NAN;
            sum += weight[k];
        }
        weight[0] += sum == 0;
        for (size_t k = 0; k < K; k++)
            weight[k] /= sum == 0 ? 1 : sum;
        const mele_i_voices voices = {K, 2, weight, said, NULL, 0, room};
        cr_assert_eq(combine->target(&voices).mean, median_by_hand(&voices), "case %zu, K %zu", c, K);
    }
}

/* The lower one of two middle ones, however the sum of the weights is rounded. */
Test(combine, of_two_medians_the_lower)
{
    double weight[MOST], said[MOST], room[2 * MOST];

    for (size_t K = 2; K <= MOST; K += 2) {
        for (size_t k = 0; k < K; k++) {
            weight[k] = 1 / (double)K;
            said[k] = (double)(7 * k % K);
            said[k] = K % 7 == 0 ? (double)k : said[k];
        }
        const mele_i_voices voices = {K, 1, weight, said, NULL, 0, room};
        cr_assert_eq(mele_i_combine_find("median")->target(&voices).mean, (double)(K / 2 - 1), "K %zu", K);
    }
}

/* About the median: how far the mixture's numbers are from what is predicted; half of what is within, a quarter of
 * what is between. */
Test(combine, variances_are_about_the_median)
{
    static const double weight[] = {0.5, 0.2, 0.3, 0}, said[] = {1, 4, 2, NAN}, variance[] = {3, 1, 2, NAN};
    double room[8];
    const mele_i_voices voices = {4, 1, weight, said, variance, 0, room, 0.5, 0.25};
    const mele_i_blend b = mele_i_combine_find("median")->target(&voices);

    cr_assert_eq(b.mean, 1);
    cr_assert_float_eq(b.within, (1.5 + 0.2 + 0.6) / 2, 1e-15);
    cr_assert_float_eq(b.between, (0.2 * 9 + 0.3) / 4, 1e-15);
    cr_assert_float_eq(b.sd * b.sd, b.within + b.between, 1e-14);
    cr_assert_float_eq(b.sd_between * b.sd_between, b.between, 1e-15);
}

Test(combine, no_median_of_what_is_not_finite)
{
    static const double weight[] = {0.2, 0.2, 0.6}, nothing[] = {NAN, INFINITY, -INFINITY};
    double room[6];

    for (size_t c = 0; c < 3; c++) {
        const double said[] = {1, nothing[c], 2};
        const mele_i_voices voices = {3, 1, weight, said, NULL, 0, room};
        cr_assert(isnan(mele_i_combine_find("median")->target(&voices).mean));
    }
}

/* ---- votes ---- */

/* Probabilities that sum to 1 and are in the order of the votes, ties to the first class. */
Test(combine, votes_are_counted)
{
    static const double weight[] = {0.25, 0.125, 0.125, 0.5, 0};
    static const double said[] = {0.2, 0.5, 0.3, 0.4, 0.4, 0.2, 0, 0, 1, 0.6, 0.3, 0.1, NAN, 2, 3};
    static const double share[] = {0.625, 0.25, 0.125};
    double room[10], out[3];

    for (double votes = 1e-9; votes < 1e10; votes *= 1e3) {
        const mele_i_voices voices = {5, 3, weight, said, NULL, votes, room};
        mele_i_combine_find("vote")->probabilities(&voices, 3, out);
        for (size_t c = 0; c < 3; c++) {
            cr_assert_float_eq(out[c], (1 + votes * share[c]) / (3 + votes), 1e-15);
            cr_assert_gt(out[c], 0);
        }
        cr_assert_float_eq(out[0] + out[1] + out[2], 1, 1e-15);
    }
}

/* Of few votes the probabilities are those of the exponential loss, to second order. */
Test(combine, few_votes_are_log_odds)
{
    static const double weight[] = {0.75, 0.25}, said[] = {1, 0, 0, 1};
    double room[4], out[2];

    for (double votes = 1e-1; votes > 1e-6; votes /= 10) {
        const mele_i_voices voices = {2, 2, weight, said, NULL, votes, room};
        mele_i_combine_find("vote")->probabilities(&voices, 2, out);
        cr_assert_float_eq(log(out[0] / out[1]), 0.5 * votes, votes * votes);
    }
}

Test(combine, ways_by_what_they_are_for)
{
    char text[80];

    mele_i_combine_list(false, text, sizeof text);
    cr_assert_str_eq(text, "mean, median");
    mele_i_combine_list(true, text, sizeof text);
    cr_assert_str_eq(text, "mean, vote");
}
