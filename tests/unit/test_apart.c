/* Experts trained by several calls: what the calls refuse, what a failure leaves behind (also when
 * memory runs out), and that the parts make the whole. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "model/model.h"
#include "support/failing_malloc.h"

enum { K = 3 };

typedef struct fixture {
    mele_options options;
    mele_data *data;
    mele_model *whole; /* stages 1 and 2 */
} fixture;

static mele_model *partition_of(const fixture *f)
{
    mele_model *model = NULL;

    cr_assert_eq(mele_fit_partition(f->data, &f->options, NULL, NULL, &model, NULL), MELE_OK);
    return model;
}

/* Stage 2 of expert `only`, 0: of all. */
static mele_model *trained(const fixture *f, size_t only)
{
    mele_model *model = partition_of(f);
    mele_options options = f->options;
    mele_error error = {0};

    options.experts.only = only;
    cr_assert_eq(mele_fit_experts(f->data, NULL, &options, NULL, NULL, model, &error), MELE_OK,
                 "%s", error.message);
    return model;
}

static fixture make_fixture(void)
{
    fixture f = {.options = mele_options_defaults()};

    f.options.gate.kind = "softmax";

    f.options.data.target = "accel";
    f.options.partition.clusters = K;
    f.options.partition.restarts = 1;
    cr_assert_eq(mele_data_read(TEST_DATA "/mcycle.csv", &f.options.data, NULL, NULL, &f.data,
                                NULL), MELE_OK);
    f.whole = trained(&f, 0);
    return f;
}

static void free_fixture(fixture *f)
{
    mele_model_free(f->whole);
    mele_data_free(f->data);
}

static char *text_of(const mele_model *model)
{
    char *text = NULL;

    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    return text;
}

static void assert_same(const mele_model *a, const mele_model *b)
{
    char *one = text_of(a), *other = text_of(b);

    cr_assert_str_eq(one, other);
    free(one);
    free(other);
}

Test(apart, parts_make_the_whole_and_say_what_they_lack)
{
    fixture f = make_fixture();
    mele_model *parts[K], *merged = NULL;
    const mele_model *const *all = (const mele_model *const *)parts;
    mele_error error = {0};

    for (size_t k = 0; k < K; k++)
        parts[k] = trained(&f, k + 1);
    for (size_t k = 0; k < K; k++)
        for (size_t l = 0; l <= K; l++)
            cr_assert_eq(mele_model_has_expert(parts[k], l), k == l);
    cr_assert_eq(mele_model_merge(all, K - 1, NULL, &merged, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "no part has expert 3");
    cr_assert_null(merged);
    cr_assert_eq(mele_model_merge(all, 0, NULL, &merged, &error), MELE_EINVAL);
    cr_assert_eq(mele_model_merge(NULL, 1, NULL, &merged, &error), MELE_EINVAL);
    cr_assert_eq(mele_model_merge(all, K, NULL, &merged, &error), MELE_OK, "%s", error.message);
    assert_same(merged, f.whole);
    mele_model_free(merged);
    for (size_t k = 0; k < K; k++)
        mele_model_free(parts[k]);
    free_fixture(&f);
}

Test(apart, a_part_predicts_nothing)
{
    fixture f = make_fixture();
    mele_model *part = trained(&f, 2);
    double times = 20, mean[K];
    const mele_matrix x = mele_matrix_of(&times, 1, 1);
    const mele_prediction wanted = {.expert_mean = mean};
    mele_error error = {0};

    cr_assert_eq(mele_model_predict(part, &x, NULL, NULL, &wanted, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "the model has no experts 1, 3: it is a part, to be merged "
                     "with the others (mele-experts --merge)");
    cr_assert_eq(mele_fit_gate(f.data, NULL, &f.options, NULL, NULL, part, &error), MELE_EINVAL);
    cr_assert_not(mele_model_has_gate(part));
    cr_assert_eq(mele_model_predict(f.whole, &x, NULL, NULL, &wanted, &error), MELE_OK);
    mele_model_free(part);
    free_fixture(&f);
}

/* Each is refused, and leaves the model as it was. */
Test(apart, what_cannot_be_trained)
{
    static const struct {
        size_t only, freeze;
        bool warm, experts; /* experts: the model has them */
        const char *kind, *message;
    } cases[] = {
        {K + 1, 0, false, true, NULL, "there is no expert 4: there are 3"},
        {K + 1, 0, false, false, NULL, "there is no expert 4: there are 3"},
        {0, K + 1, false, true, NULL, "the model has no expert 4 to freeze"},
        {1, 2, false, true, NULL, "only one expert is trained: none needs to be frozen"},
        {0, 2, false, false, NULL, "the model has no experts (stage 2) to freeze"},
        {0, 0, true, false, NULL, "the model has no experts (stage 2) to start from"},
        {2, 0, false, true, "auto", "an expert of kind \"auto\" among those of kind \"linear\""},
    };
    fixture f = make_fixture();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mele_model *model = cases[i].experts ? trained(&f, 0) : partition_of(&f);
        char *before = text_of(model), *after;
        mele_options options = f.options;
        mele_error error = {0};
        options.experts.only = cases[i].only;
        options.experts.freeze = cases[i].freeze;
        options.experts.kind = cases[i].kind;
        options.warm_start = cases[i].warm;
        cr_assert_eq(mele_fit_experts(f.data, NULL, &options, NULL, NULL, model, &error),
                     MELE_EINVAL, "case %zu", i);
        cr_assert_str_eq(error.message, cases[i].message);
        after = text_of(model);
        cr_assert_str_eq(before, after);
        free(before);
        free(after);
        mele_model_free(model);
    }
    free_fixture(&f);
}

Test(apart, a_whole_fit_trains_all)
{
    fixture f = make_fixture();
    mele_model *model = NULL;

    for (int i = 0; i < 3; i++) {
        mele_options options = f.options;
        options.experts.only = i == 0;
        options.experts.freeze = i == 1;
        options.warm_start = i == 2;
        cr_assert_eq(mele_fit(f.data, &options, NULL, NULL, &model, NULL), MELE_EINVAL);
        cr_assert_null(model);
    }
    free_fixture(&f);
}

Test(apart, an_expert_in_a_line)
{
    fixture f = make_fixture();
    char line[256], small[16];
    const size_t length = mele_model_expert_text(f.whole, 1, line, sizeof line);

    cr_assert_eq(length, strlen(line));
    cr_assert_eq(memcmp(line, "linear, rows ", 13), 0, "%s", line);
    cr_assert_eq(mele_model_expert_text(f.whole, 1, small, sizeof small), length);
    cr_assert_eq(memcmp(small, line, sizeof small - 1), 0);
    cr_assert_eq(small[sizeof small - 1], '\0');
    cr_assert_eq(mele_model_expert_text(f.whole, 1, NULL, 0), length);
    cr_assert_eq(mele_model_expert_text(f.whole, K, line, sizeof line), 0);
    free_fixture(&f);
}

/* ---- when memory runs out ---- */

Test(apart, merging_without_memory)
{
    fixture f = make_fixture();
    mele_model *parts[K];
    bool failed = true;

    for (size_t k = 0; k < K; k++)
        parts[k] = trained(&f, k + 1);
    for (size_t n = 0; failed; n++) {
        mele_model *merged = NULL;
        failing_malloc_at(n);
        mele_status status = mele_model_merge((const mele_model *const *)parts, K, NULL, &merged,
                                              NULL);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "allocation %zu", n);
        cr_assert((merged != NULL) == !failed, "allocation %zu", n);
        mele_model_free(merged);
    }
    for (size_t k = 0; k < K; k++)
        mele_model_free(parts[k]);
    free_fixture(&f);
}

Test(apart, training_again_without_memory)
{
    fixture f = make_fixture();
    char *before = text_of(f.whole), *after;

    for (int freezes = 0; freezes < 2; freezes++) {
        mele_options options = f.options;
        bool failed = true;
        options.experts.only = freezes ? 0 : 2;
        options.experts.freeze = freezes ? 2 : 0;
        for (size_t n = 0; failed; n++) {
            failing_malloc_at(n);
            mele_status status = mele_fit_experts(f.data, NULL, &options, NULL, NULL, f.whole,
                                                  NULL);
            failed = failing_malloc_end();
            /* what is held to save time is done without */
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu", n);
            after = text_of(f.whole);
            cr_assert_str_eq(before, after);
            free(after);
        }
    }
    free(before);
    free_fixture(&f);
}

static mele_status tell(const fixture *f, bool table, char **out)
{
    return table ? mele_model_table(f->whole, "coefficients", out, NULL, NULL)
                 : mele_model_info(f->whole, out, NULL, NULL);
}

Test(apart, telling_without_memory)
{
    fixture f = make_fixture();

    for (int table = 0; table < 2; table++) {
        bool failed = true;
        for (size_t n = 0; failed; n++) {
            char *out = NULL;
            failing_malloc_at(n);
            mele_status status = tell(&f, table, &out);
            failed = failing_malloc_end();
            cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "allocation %zu", n);
            cr_assert((out != NULL) == !failed);
            free(out);
        }
    }
    free_fixture(&f);
}
