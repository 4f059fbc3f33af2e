/* Options by name and text: what there is, what is taken, who owns it. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <mele/mele.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/options.h"
#include "support/failing_malloc.h"

static mele_options *new_options(void)
{
    mele_options *options = NULL;

    cr_assert_eq(mele_options_new(&options, NULL), MELE_OK);
    return options;
}

static void set(mele_options *options, const char *name, const char *text)
{
    mele_error error = {0};

    cr_assert_eq(mele_options_set(options, name, text, &error), MELE_OK, "%s %s: %s", name, text,
                 error.message);
}

static void assert_is(const mele_options *options, const char *name, const char *expected)
{
    char text[64];
    size_t length = 99;

    cr_assert_eq(mele_options_get(options, name, text, sizeof text, &length, NULL), MELE_OK);
    cr_assert_str_eq(text, expected);
    cr_assert_eq(length, strlen(expected));
}

static void assert_defaults(const mele_options *options)
{
    const mele_options defaults = mele_options_defaults();
    const char *name;
    char mine[64], theirs[64];

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++) {
        mele_options_get(options, name, mine, sizeof mine, NULL, NULL);
        mele_options_get(&defaults, name, theirs, sizeof theirs, NULL, NULL);
        cr_assert_str_eq(mine, theirs);
        cr_assert_not(mele_options_given(options, name), "%s", name);
    }
    cr_assert_null(options->owned);
}

/* ---- what there is ---- */

Test(options, each_has_a_line_of_help_and_a_bit)
{
    mele_i_option_place place;
    size_t members = 0, named = 0;

    while (mele_i_option_at(members, &place))
        members++;
    cr_assert_leq(members, 8 * sizeof((mele_options *)0)->chosen);
    for (const char *name; (name = mele_option_name(named)) != NULL; named++) {
        size_t i;
        cr_assert(mele_i_option_find(name, &i, &place) && i >= named, "%s is there twice", name);
        cr_assert(strlen(mele_option_help(name)) > 10, "%s", name);
        cr_assert_eq(mele_option_argument(name) == NULL,
                     mele_option_type_of(name) == MELE_OPTION_FLAG, "%s", name);
        cr_assert_eq(mele_option_choices(name, NULL, 0) > 0,
                     mele_option_type_of(name) == MELE_OPTION_CHOICE, "%s", name);
        cr_assert(named == 0 || mele_option_stage_of(name)
                                    >= mele_option_stage_of(mele_option_name(named - 1)));
    }
    cr_assert(named > 50 && named < members, "%zu of %zu", named, members);
}

Test(options, some_are_as_expected)
{
    char text[128];
    double least, most;

    cr_assert_eq(mele_option_letter("clusters"), 'k');
    cr_assert_eq(mele_option_letter("ridge"), 0);
    cr_assert_str_eq(mele_option_argument("ridge"), "L|gcv");
    cr_assert_eq(mele_option_stage_of("expert"), MELE_OPTION_EXPERTS);
    cr_assert(mele_option_range("hidden", &least, &most) && least == 1 && most == 1024);
    cr_assert(mele_option_range("gate-ridge", &least, &most) && least == 0 && most == DBL_MAX);
    cr_assert_not(mele_option_range("expert", &least, &most));
    cr_assert_eq(mele_option_choices("solver", text, sizeof text), strlen("qr, normal"));
    cr_assert_str_eq(text, "qr, normal");
    cr_assert_gt(mele_option_default("ridge", text, sizeof text), 0);
    cr_assert_str_eq(text, "linear 0.1, logistic 0.03, mlp 0.3");
    cr_assert_eq(mele_option_default("target", text, sizeof text), 0);
    cr_assert_str_eq(text, "");
}

Test(options, there_are_no_others)
{
    double least, most;
    char text[8];

    cr_assert_null(mele_option_name(1000));
    cr_assert_null(mele_option_help("expertise"));
    cr_assert_null(mele_option_argument("expertise"));
    cr_assert_eq(mele_option_letter("expertise"), 0);
    cr_assert_eq(mele_option_default("expertise", text, sizeof text), 0);
    cr_assert_eq(mele_option_choices("expertise", text, sizeof text), 0);
    cr_assert_not(mele_option_range("expertise", &least, &most));
}

/* ---- what is taken ---- */

/* Everything that has a default, set to that, is that, and the only one that was given. */
Test(options, defaults_round_trip_through_text)
{
    const char *name;
    char text[64];
    size_t length, tried = 0;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++) {
        mele_options *options = new_options();
        mele_options_get(options, name, text, sizeof text, &length, NULL);
        if (length > 0) {
            set(options, name, text);
            assert_is(options, name, text);
            for (size_t j = 0; mele_option_name(j) != NULL; j++)
                cr_assert_eq(mele_options_given(options, mele_option_name(j)), i == j);
            tried++;
        }
        mele_options_free(options);
    }
    cr_assert_geq(tried, 30, "%zu", tried);
}

/* The ends of every range are within it, what is next to them is not, and the message has the
 * range. */
Test(options, ranges_end_where_they_say)
{
    const char *name;
    char text[48], wanted[96];
    double ends[2];

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++) {
        const bool whole = mele_option_type_of(name) == MELE_OPTION_WHOLE;
        mele_options *options = new_options();
        mele_error error = {0};
        for (int end = 0; end < 2 && mele_option_range(name, &ends[0], &ends[1]); end++) {
            const double way = end == 0 ? -INFINITY : INFINITY;
            double beyond = whole ? ends[end] + 2 * end - 1 : nextafter(ends[end], way);
            snprintf(text, sizeof text, "%.17g", ends[end]);
            set(options, name, text);
            snprintf(text, sizeof text, "%.17g", beyond);
            snprintf(wanted, sizeof wanted, "not a %snumber from %.10g", whole ? "whole " : "",
                     ends[0]);
            cr_assert_eq(mele_options_set(options, name, text, &error), MELE_EINVAL, "%s %s", name,
                         text);
            cr_assert(strstr(error.message, wanted) != NULL, "%s", error.message);
        }
        mele_options_free(options);
    }
}

Test(options, bad_values_say_what_is_wanted)
{
    static const struct {
        const char *name, *text, *message;
    } cases[] = {
        {"clusters", "0", "--clusters is \"0\", not a whole number from 1 to 1000000, a "
         "range A-B of them, or auto"},
        {"clusters", "2.5", "--clusters is \"2.5\", not a whole number from 1 to 1000000, a "
         "range A-B of them, or auto"},
        {"seed", "4294967296", "--seed is \"4294967296\", not a whole number from 0 to "
         "4294967295"},
        {"ridge", "-1", "--ridge is \"-1\", not a number from 0, or gcv"},
        {"ridge", NULL, "--ridge needs a value"},
        {"loss", "best", "--loss is \"best\", not one of likelihood, squared, posteriors"},
        {"gate-rows", "0", "--gate-rows is \"0\", not a whole number from 1, or all"},
        {"delimiter", ",,", "--delimiter is \",,\", not one character that can delimit fields"},
        {"decimal", "", "--decimal is \"\", not a point or a comma"},
        {"no-header", "maybe", "--no-header is \"maybe\", not yes or no"},
        {"target", "\xC3", "--target is \"\xC3\", not UTF-8"},
        {"exprt", "gp", "unknown option --exprt: is it --expert?"},
        {"--expert", "gp", "unknown option ----expert: is it --expert?"},
        {"quux", "1", "unknown option --quux"},
        {"", "1", "unknown option --"},
        {NULL, "1", "the name of an option is NULL"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mele_options *options = new_options();
        mele_error error = {0};
        cr_assert_eq(mele_options_set(options, cases[i].name, cases[i].text, &error), MELE_EINVAL);
        cr_assert_str_eq(error.message, cases[i].message);
        assert_defaults(options);
        mele_options_free(options);
    }
}

Test(options, flags_are_set_and_taken_back)
{
    mele_options *options = new_options();

    assert_is(options, "no-header", "");
    set(options, "no-header", NULL);
    assert_is(options, "no-header", "yes");
    cr_assert_not(mele_options_data(options)->table.header);
    set(options, "no-header", "no");
    assert_is(options, "no-header", "");
    cr_assert(mele_options_data(options)->table.header && mele_options_given(options, "no-header"));
    mele_options_free(options);
}

/* What is of one call is set by name like all others, and no model records it. */
Test(options, some_are_of_one_call)
{
    const double x[] = {1, 2, 3, 4}, y[] = {1, 3, 2, 5};
    const mele_matrix inputs = mele_matrix_of(x, 4, 1), targets = mele_matrix_of(y, 4, 1);
    mele_options *options = new_options();
    mele_data *data = NULL;
    mele_model *model = NULL;
    char line[64];

    set(options, "clusters", "1");
    set(options, "memory", "64");
    set(options, "by-position", NULL);
    set(options, "fresh", "yes");
    set(options, "only", "3");
    set(options, "warm-start", NULL);
    assert_is(options, "memory", "64");
    cr_assert(options->data.memory == 64 << 20 && options->data.table.by_position);
    cr_assert(options->fresh && options->warm_start && options->experts.only == 3);
    set(options, "warm-start", "no");
    options->experts.only = 0;
    assert_is(options, "only", "");
    cr_assert(!mele_option_recorded("memory") && !mele_option_recorded("quux"));

    cr_assert_eq(mele_data_of_arrays(&inputs, &targets, 0, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_fit(data, options, NULL, NULL, &model, NULL), MELE_OK);
    for (size_t i = 0; mele_model_option_text(model, i, line, sizeof line) > 0; i++) {
        line[strcspn(line, " ")] = '\0';
        cr_assert(mele_option_recorded(line + 2), "%s", line);
    }
    mele_model_free(model);
    mele_data_free(data);
    mele_options_free(options);
}

Test(options, a_start_is_a_way_or_a_file)
{
    mele_options *options = new_options();

    set(options, "init", "some file.csv");
    assert_is(options, "init", "some file.csv");
    cr_assert_str_eq(options->centres_file, "some file.csv");
    set(options, "init", "random");
    assert_is(options, "init", "random");
    cr_assert_null(options->centres_file);
    mele_options_free(options);
}

Test(options, a_text_that_does_not_fit_is_cut_and_measured)
{
    mele_options *options = new_options();
    char text[4] = "abc";
    size_t length = 0;

    set(options, "target", "temperature");
    cr_assert_eq(mele_options_get(options, "target", text, sizeof text, &length, NULL), MELE_OK);
    cr_assert_str_eq(text, "tem");
    cr_assert_eq(length, 11);
    cr_assert_eq(mele_options_get(options, "target", NULL, 0, &length, NULL), MELE_OK);
    cr_assert_eq(length, 11);
    cr_assert_eq(mele_options_get(options, "targt", text, sizeof text, &length, NULL), MELE_EINVAL);
    mele_options_free(options);
}

/* ---- who owns it ---- */

Test(options, texts_are_copied)
{
    mele_options *options = new_options();
    char name[] = "target", text[] = "speed", kind[] = "mlp";

    set(options, name, text);
    set(options, "expert", kind);
    memset(name, 'x', sizeof name - 1);
    memset(text, 'x', sizeof text - 1);
    memset(kind, 'x', sizeof kind - 1);
    assert_is(options, "target", "speed");
    assert_is(options, "expert", "mlp");
    const char *first = options->data.target;
    for (int i = 0; i < 5; i++)
        set(options, "target", "speed");
    cr_assert_eq(options->data.target, first);
    mele_options_free(options);
    mele_options_free(NULL);
}

/* Also of strings that the caller set as members, names among them. */
Test(options, a_copy_stands_alone)
{
    mele_options *options = new_options(), *copy = NULL;
    char group[] = "day", kind[] = "gp", algorithm[] = "tiles";

    options->data.group = group;
    options->experts.kind = kind;
    options->partition.algorithm = algorithm;
    set(options, "target", "y");
    set(options, "init", "c.csv");
    cr_assert_eq(mele_options_copy(options, &copy, NULL), MELE_OK);
    group[0] = kind[0] = algorithm[0] = 'X';
    mele_options_free(options);
    assert_is(copy, "group", "day");
    assert_is(copy, "expert", "gp");
    assert_is(copy, "target", "y");
    assert_is(copy, "init", "c.csv");
    cr_assert_str_eq(copy->partition.algorithm, "tiles");
    cr_assert(mele_options_given(copy, "target") && !mele_options_given(copy, "group"));
    set(copy, "target", "z");
    mele_options_free(copy);
}

Test(options, without_memory_they_are_as_they_were)
{
    size_t failures = 0;

    for (bool failed = true; failed; failures++) {
        mele_options *options = NULL, *copy = NULL;
        mele_error error = {0};
        failing_malloc_at(failures);
        mele_status status = mele_options_new(&options, &error);
        if (status == MELE_OK)
            status = mele_options_set(options, "target", "y", &error);
        if (status != MELE_OK && options != NULL)
            cr_assert(options->data.target == NULL && !mele_options_given(options, "target"));
        if (status == MELE_OK)
            status = mele_options_copy(options, &copy, &error);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
        cr_assert_eq(copy == NULL, failed);
        mele_options_free(options);
        mele_options_free(copy);
    }
    cr_assert_geq(failures, 10, "%zu", failures);
}

/* ---- members that a program in C sets ---- */

#define REFUSED(change, text)                                                                      \
    do {                                                                                           \
        mele_options o = mele_options_defaults();                                                  \
        change;                                                                                    \
        cr_assert_eq(mele_fit(data, &o, NULL, NULL, &model, &error), MELE_EINVAL);                 \
        cr_assert_str_eq(error.message, text);                                                     \
    } while (0)

/* Before anything is fitted, by the ranges that texts have. */
Test(options, members_are_checked_alike)
{
    const double x[] = {1, 2, 3, 4}, y[] = {1, 3, 2, 5};
    const mele_matrix inputs = mele_matrix_of(x, 4, 1), targets = mele_matrix_of(y, 4, 1);
    mele_data *data = NULL;
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_data_of_arrays(&inputs, &targets, 0, NULL, &data, NULL), MELE_OK);
    REFUSED(o.experts.hidden = 0, "experts.hidden is 0, not a whole number from 1 to 1024");
    REFUSED(o.experts.rate = NAN, "experts.rate is nan, not a number from 1e-12 to 1000");
    REFUSED(o.experts.solver = "lu", "experts.solver is \"lu\", not one of qr, normal");
    REFUSED(o.experts.assign = NULL, "experts.assign is NULL, not one of hard, soft");
    REFUSED(o.gate.ridge = INFINITY, "gate.ridge is inf, not a number from 0");
    REFUSED(o.gate.loss = "hinge",
            "gate.loss is \"hinge\", not one of likelihood, squared, posteriors");
    REFUSED(o.partition.restarts = 0,
            "partition.restarts is 0, not a whole number from 1 to 1000000");
    REFUSED(o.data.missing = "skip", "data.missing is \"skip\", not one of fail, drop, mean");
    REFUSED(o.cluster_on = NULL, "cluster_on is NULL");
    REFUSED(o.scale = "log", "scale is \"log\", not one of standard, minmax, none");
    REFUSED(o.seed = 1ull << 32, "seed is 4294967296, not a whole number from 0 to 4294967295");
    REFUSED(o.clusters_most = 3, "clusters from 0 to 3 are no range from 1");
    mele_data_free(data);
}

/* What a newer program asks for by a member that this library does not know is not passed over. */
Test(options, reserved_room_must_be_unused)
{
    const double x[] = {1, 2, 3, 4}, y[] = {1, 3, 2, 5};
    const uint32_t labels[] = {0, 0, 1, 1};
    const mele_matrix inputs = mele_matrix_of(x, 4, 1), targets = mele_matrix_of(y, 4, 1);
    const mele_assignment assignment = {.rows = 4, .clusters = 2, .labels = labels};
    const mele_expert_data taught = {.x = mele_rows_of(&inputs), .targets = {mele_rows_of(&targets), 0},
                                     .assignment = &assignment};
    const mele_gate_data seen = {.rows = 4, .clusters = 2};
    mele_options o = mele_options_defaults();
    mele_engine_options engine = mele_engine_defaults();
    const char *const iris = TEST_DATA "/iris.csv";
    mele_data *data = NULL;
    mele_model *model = NULL;
    mele_partition *partition = NULL;
    mele_experts *experts = NULL;
    mele_gate *gate = NULL;
    mele_engine *made = NULL;

    cr_assert_eq(mele_data_of_arrays(&inputs, &targets, 0, NULL, &data, NULL), MELE_OK);
    o.reserved[0] = 1;
    cr_assert_eq(mele_fit(data, &o, NULL, NULL, &model, NULL), MELE_EINVAL);
    o.partition.reserved[MELE_RESERVED - 1] = 1;
    cr_assert_eq(mele_partition_fit(&inputs, NULL, &o.partition, NULL, &partition, NULL, NULL),
                 MELE_EINVAL);
    o.experts.reserved[1] = 1;
    cr_assert_eq(mele_experts_fit(&taught, &o.experts, NULL, &experts, NULL, NULL, NULL),
                 MELE_EINVAL);
    o.gate.reserved[1] = 1;
    cr_assert_eq(mele_gate_fit(&seen, &o.gate, NULL, &gate, NULL, NULL), MELE_EINVAL);
    engine.reserved[0] = 1;
    cr_assert_eq(mele_engine_new(&engine, &made, NULL), MELE_EINVAL);
    mele_data_free(data);
    data = NULL;
    o.data.reserved[0] = 1;
    cr_assert_eq(mele_data_read(iris, &o.data, NULL, NULL, &data, NULL), MELE_EINVAL);
    o.data.reserved[0] = 0;
    o.data.table.reserved[0] = 1;
    cr_assert_eq(mele_data_read(iris, &o.data, NULL, NULL, &data, NULL), MELE_EINVAL);
}

/* The whole of what a language without structures needs of errors. */
Test(options, errors_are_objects_too)
{
    mele_options *options = new_options();
    mele_error *error = mele_error_new();

    cr_assert_str_eq(mele_error_message(error), "");
    cr_assert_eq(mele_error_line(error), 0);
    cr_assert_eq(mele_options_set(options, "exprt", "gp", error), MELE_EINVAL);
    cr_assert_str_eq(mele_error_message(error), "unknown option --exprt: is it --expert?");
    cr_assert_str_eq(mele_error_message(NULL), "");
    cr_assert_eq(mele_error_line(NULL), 0);
    mele_error_free(error);
    mele_error_free(NULL);
    mele_options_free(options);
}

/* So does what such a language hands over where it has no object or no name. */
Test(options, no_options_and_no_names_are_refused)
{
    mele_options *out = NULL;
    mele_error error;
    double end;

    cr_assert_eq(mele_options_set(NULL, "gate", "hard", &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "options is NULL");
    cr_assert_eq(mele_options_get(NULL, "gate", NULL, 0, NULL, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "options is NULL");
    cr_assert_eq(mele_options_copy(NULL, &out, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "options is NULL");
    cr_assert_null(out);
    cr_assert_eq(mele_options_given(NULL, "gate"), false);
    cr_assert_null(mele_option_help(NULL));
    cr_assert_null(mele_option_argument(NULL));
    cr_assert_eq(mele_option_letter(NULL), '\0');
    cr_assert_eq(mele_option_stage_of(NULL), MELE_OPTION_DATA);
    cr_assert_eq(mele_option_type_of(NULL), MELE_OPTION_TEXT);
    cr_assert_not(mele_option_recorded(NULL));
    cr_assert_not(mele_option_range(NULL, &end, &end));
    cr_assert_eq(mele_option_choices(NULL, NULL, 0), 0);
    cr_assert_eq(mele_option_default(NULL, NULL, 0), 0);
}
