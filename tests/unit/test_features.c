/* What experts and gates see of the features: a part that sees some of them is the part that data
 * with no others give, and nothing of it is lost in the model file. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "schema/data.h"
#include "schema/space.h"
#include "support/failing_malloc.h"
#include "unit/table_support.h"

enum { ROWS = 256, FEATURES = 5, REGIONS = 3 };

/* Five features, of which the fourth is a category of three levels. The numbers are few sixteenths,
 * and the rows a power of two, so that means and deviations have no rounding that would depend on
 * how many columns are summed side by side. */
typedef struct problem {
    double x[ROWS * FEATURES], y[ROWS], class[ROWS], log_posteriors[ROWS * REGIONS];
    mele_data *data; /* of all features and y */
} problem;

static problem *draw_problem(void)
{
    problem *p = calloc(1, sizeof *p);
    mele_i_stream stream = mele_i_stream_make(13, MELE_I_FOR_TESTS, 0, 0);

    cr_assert_not_null(p);
    for (size_t i = 0; i < ROWS; i++) {
        double *x = p->x + i * FEATURES;
        for (size_t j = 0; j < FEATURES; j++)
            x[j] = j == 3 ? (double)(i % 7 % 3)
                          : round(32 * mele_i_stream_normal(&stream)) / 16 + (double)j;
        const double slope = x[0] > 0 ? 1.5 : -2.5;
        p->y[i] = slope * x[1] + 0.5 * x[3] + x[2] + 0.1 * mele_i_stream_normal(&stream);
        p->class[i] = (p->y[i] > 0) + (p->y[i] + x[4] > 5);
        for (size_t k = 0; k < REGIONS; k++)
            p->log_posteriors[i * REGIONS + k] = (k == 1   ? x[0]
                                                  : k == 2 ? x[4] - 4
                                                           : 0)
                                                 + 0.3 * mele_i_stream_normal(&stream);
    }
    return p;
}

/* Data of some of the features (a mask of bits), under their names among all. */
static mele_data *data_of(const problem *p, unsigned mask, bool classes, double *some)
{
    static const char *const all[] = {"a", "b", "c", "d", "e"};
    const char *names[FEATURES];
    size_t levels[FEATURES], d = 0;
    mele_data *data = NULL;

    for (size_t j = 0; j < FEATURES; j++)
        if (mask >> j & 1) {
            for (size_t i = 0; i < ROWS; i++)
                some[i * (size_t)__builtin_popcount(mask) + d] = p->x[i * FEATURES + j];
            levels[d] = j == 3 ? 3 : 0;
            names[d++] = all[j];
        }
    const mele_matrix x = mele_matrix_of(some, ROWS, d);
    const mele_matrix y = mele_matrix_of(classes ? p->class : p->y, ROWS, 1);
    cr_assert_eq(mele_data_of_arrays(&x, &y, classes ? 3 : 0, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_data_set_levels(data, levels, NULL), MELE_OK);
    cr_assert_eq(mele_data_set_names(data, names, NULL, NULL, NULL), MELE_OK);
    return data;
}

static problem *make_problem(void)
{
    problem *p = draw_problem();

    p->data = data_of(p, 31, false, p->x);
    return p;
}

static void free_problem(problem *p)
{
    mele_data_free(p->data);
    free(p);
}

static mele_posteriors posteriors_of(problem *p)
{
    return (mele_posteriors){ROWS, REGIONS, p->log_posteriors};
}

/* Stages 2 and 3 under posteriors from outside. */
static mele_model *fit(problem *p, const mele_data *data, const mele_options *options,
                       bool with_gate)
{
    const mele_posteriors posteriors = posteriors_of(p);
    mele_left_out *left_out = NULL;
    mele_handover handover = {.posteriors = &posteriors, .left_out_to = &left_out};
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit_outside(data, &posteriors, options, NULL, &model, NULL), MELE_OK);
    mele_status status = mele_fit_experts(data, &handover, options, NULL, NULL, model, &error);
    cr_assert_eq(status, MELE_OK, "%s", error.message);
    handover = (mele_handover){.posteriors = &posteriors, .left_out = left_out};
    if (with_gate)
        status = mele_fit_gate(data, &handover, options, NULL, NULL, model, &error);
    cr_assert_eq(status, MELE_OK, "%s", error.message);
    mele_left_out_free(left_out);
    return model;
}

static mele_options options_of(const char *const (*given)[2], size_t count)
{
    mele_options options = mele_options_defaults();

    options.gate.kind = "softmax";

    for (size_t i = 0; i < count; i++)
        cr_assert_eq(mele_options_set(&options, given[i][0], given[i][1], NULL), MELE_OK);
    return options;
}

#define OPTIONS(...)                                                                               \
    options_of((const char *const[][2]){__VA_ARGS__},                                              \
               sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(const char *const[2]))

/* The section of a model file, as text; without what the model adds to it. */
static char *section_of(const mele_model *model, const char *section)
{
    char *text = NULL;
    size_t length;

    cr_assert_eq(mele_model_text(model, &text, &length, NULL), MELE_OK);
    json_t *root = json_loads(text, 0, NULL), *part = json_object_get(root, section);
    cr_assert_not_null(part, "%s", section);
    json_object_del(part, "features");
    free(text);
    text = json_dumps(part, JSON_REAL_PRECISION(17));
    json_decref(root);
    return text;
}

static void assert_same_section(const mele_model *a, const mele_model *b, const char *section,
                                const char *what)
{
    char *one = section_of(a, section), *other = section_of(b, section);

    cr_assert_str_eq(one, other, "%s", what);
    free(one);
    free(other);
}

static void assert_same_table(const mele_model *a, const mele_model *b)
{
    char *one = NULL, *other = NULL;
    size_t length;

    cr_assert_eq(mele_model_table(a, "coefficients", &one, &length, NULL), MELE_OK);
    cr_assert_eq(mele_model_table(b, "coefficients", &other, &length, NULL), MELE_OK);
    cr_assert_str_eq(one, other);
    free(one);
    free(other);
}

/* What the model predicts of the problem's rows, of which it sees all columns or some. */
typedef struct said {
    double mean[ROWS], expert_mean[ROWS * REGIONS * 3], expert_variance[ROWS * REGIONS],
        log_gate[ROWS * REGIONS];
} said;

static said *ask(problem *p, const mele_model *model, unsigned mask, bool with_gate, bool classes)
{
    double some[ROWS * FEATURES];
    mele_data *data = data_of(p, mask, classes, some);
    const mele_matrix x = mele_matrix_of(some, ROWS, (size_t)__builtin_popcount(mask));
    said *s = calloc(1, sizeof *s);
    mele_error error = {0};
    const mele_prediction out = {.mean = with_gate ? s->mean : NULL,
                                 .log_gate = with_gate ? s->log_gate : NULL,
                                 .expert_mean = s->expert_mean,
                                 .expert_variance = classes ? NULL : s->expert_variance};

    cr_assert_eq(mele_model_predict(model, &x, p->log_posteriors, NULL, &out, &error), MELE_OK,
                 "%s", error.message);
    mele_data_free(data);
    return s;
}

/* ---- parts that see some features ---- */

/* Every kind of expert, on columns that stand side by side and on others. */
static const struct {
    const char *kind, *degree, *assign;
    bool classes;
} experts[] = {
    {"linear", "1", "hard", false},  {"linear", "2", "hard", false},
    {"linear", "1", "soft", false},  {"mlp", "1", "hard", false},
    {"gp", "1", "hard", false},      {"auto", "1", "hard", false},
    {"logistic", "1", "hard", true}, {"logistic", "2", "soft", true},
    {"mlp", "1", "soft", true},
};

static const struct {
    const char *list;
    unsigned mask;
} choices[] = {{"b,d", 2 + 8}, {"c-d", 4 + 8}, {"e,a", 16 + 1}, {"2", 2}};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What the options make of data that have some features alone, and, told to see these alone, of
 * all. */
static void assert_same_without_the_rest(problem *p, mele_options *options, size_t choice,
                                         bool classes, bool gate_too)
{
    const char *list = choices[choice].list;
    const unsigned mask = choices[choice].mask;
    double all[ROWS * FEATURES], some[ROWS * FEATURES];
    mele_data *whole = data_of(p, 31, classes, all), *part = data_of(p, mask, classes, some);
    mele_model *narrow = fit(p, part, options, true);

    cr_assert_eq(mele_options_set(options, "expert-features", list, NULL), MELE_OK);
    if (gate_too)
        cr_assert_eq(mele_options_set(options, "gate-features", list, NULL), MELE_OK);
    mele_model *wide = fit(p, whole, options, true);
    assert_same_section(wide, narrow, "experts", list);
    assert_same_section(wide, narrow, "gate", list);
    assert_same_table(wide, narrow);
    said *one = ask(p, wide, 31, true, classes), *other = ask(p, narrow, mask, true, classes);
    cr_assert_eq(memcmp(one, other, sizeof *one), 0, "%s", list);
    free(one);
    free(other);
    mele_model_free(wide);
    mele_model_free(narrow);
    mele_data_free(whole);
    mele_data_free(part);
}

/* Experts that see some features are those of data that have no others: the same numbers, the same
 * terms and the same predictions. */
Test(features, experts_are_those_of_data_without_the_rest)
{
    problem *p = make_problem();

    for (size_t e = 0; e < COUNT(experts); e++)
        for (size_t c = e % 2; c < COUNT(choices); c += 2) {
            mele_options options =
                OPTIONS({"expert", experts[e].kind}, {"degree", experts[e].degree},
                        {"assign", experts[e].assign}, {"gp-rows", "40"}, {"max-epochs", "20"},
                        {"min-rows", "30"}, {"small", "shrink"}, {"hidden", "3"});
            assert_same_without_the_rest(p, &options, c, experts[e].classes, false);
            mele_options_clear(&options);
        }
    free_problem(p);
}

/* A gate on some features is the gate of data that have no others, where experts see these, too;
 * and under experts that see other ones it is what mele_gate_fit() makes of these columns. */
Test(features, gates_are_those_of_data_without_the_rest)
{
    static const char *const on[] = {"features", "both"};
    problem *p = make_problem();

    for (size_t c = 0; c < COUNT(choices); c++) {
        mele_options options = OPTIONS({"on", on[c % 2]}, {"gate-max-iter", "30"});
        assert_same_without_the_rest(p, &options, c, false, true);
        mele_options_clear(&options);
    }
    free_problem(p);
}

/* Standardised columns of some numbers among the features, as everyone computes them. */
static void standardise(const problem *p, const size_t *column, size_t count, double *out)
{
    for (size_t c = 0; c < count; c++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < ROWS; i++)
            mean += p->x[i * FEATURES + column[c]] / ROWS;
        for (size_t i = 0; i < ROWS; i++)
            squares += pow(p->x[i * FEATURES + column[c]] - mean, 2) / ROWS;
        for (size_t i = 0; i < ROWS; i++)
            out[i * count + c] = (p->x[i * FEATURES + column[c]] - mean) / sqrt(squares);
    }
}

Test(features, a_gate_under_experts_that_see_others)
{
    static const size_t column[] = {0, 4};
    problem *p = make_problem();
    double all[ROWS * FEATURES], seen[ROWS * 2], likelihoods[ROWS * REGIONS],
        wanted[ROWS * REGIONS];
    double scaled[ROWS];
    mele_data *data = data_of(p, 31, false, all);
    mele_options options =
        OPTIONS({"on", "features"}, {"expert-features", "b,c,d"}, {"gate-features", "e,a"});
    mele_model *model = fit(p, data, &options, true);
    const mele_posteriors posteriors = posteriors_of(p);
    mele_left_out *left_out = NULL;
    mele_handover handover = {.posteriors = &posteriors, .left_out_to = &left_out};
    mele_model *experts_only = NULL;
    mele_gate *gate = NULL;

    cr_assert_eq(mele_fit_outside(data, &posteriors, &options, NULL, &experts_only, NULL), MELE_OK);
    cr_assert_eq(mele_fit_experts(data, &handover, &options, NULL, NULL, experts_only, NULL),
                 MELE_OK);
    double mean = 0, squares = 0;
    for (size_t i = 0; i < ROWS; i++)
        mean += p->y[i] / ROWS;
    for (size_t i = 0; i < ROWS; i++)
        squares += pow(p->y[i] - mean, 2) / ROWS;
    for (size_t i = 0; i < ROWS; i++)
        scaled[i] = (p->y[i] - mean) / sqrt(squares);
    const mele_targets targets = {mele_rows_of_array(scaled, ROWS, 1), 0};
    cr_assert_eq(mele_expert_log_likelihoods(&targets, mele_left_out_mean(left_out).data,
                                             mele_left_out_variance(left_out).data, REGIONS, NULL,
                                             likelihoods, NULL),
                 MELE_OK);
    standardise(p, column, 2, seen);
    const mele_gate_data what = {.rows = ROWS,
                                 .clusters = REGIONS,
                                 .log_likelihoods = mele_rows_of_array(likelihoods, ROWS, REGIONS),
                                 .x = mele_rows_of_array(seen, ROWS, 2)};
    cr_assert_eq(mele_gate_fit(&what, &options.gate, NULL, &gate, NULL, NULL), MELE_OK);
    const mele_matrix x = mele_matrix_of(seen, ROWS, 2);
    cr_assert_eq(mele_gate_log_weights(gate, NULL, &x, ROWS, NULL, wanted, NULL), MELE_OK);
    said *s = ask(p, model, 31, true, false);
    for (size_t e = 0; e < ROWS * REGIONS; e++)
        cr_assert_float_eq(exp(s->log_gate[e]), exp(wanted[e]), 1e-6, "%g %g", exp(s->log_gate[e]),
                           exp(wanted[e]));
    free(s);
    mele_gate_free(gate);
    mele_left_out_free(left_out);
    mele_options_clear(&options);
    mele_model_free(experts_only);
    mele_model_free(model);
    mele_data_free(data);
    free_problem(p);
}

/* ---- blocks of rows ---- */

/* The design of chosen features is these columns of the whole design, to the bit: of a table's
 * columns, of rows of the caller's, of some of them, and of a file in windows. */
static void assert_columns(const mele_data *data, const char *list)
{
    const mele_i_features features = mele_i_data_features(data);
    const size_t rows = features.rows;
    mele_i_scaling scaling;
    mele_i_selection s;
    double *all, *some;

    cr_assert_eq(mele_i_scaling_fit(data->schema, &features, NULL, MELE_I_SCALE_STANDARD, NULL,
                                    &scaling, NULL),
                 MELE_OK);
    cr_assert_eq(mele_i_selection_make(data->schema, &scaling, list, "--of", &s, NULL), MELE_OK);
    all = malloc(rows * scaling.columns * sizeof *all);
    some = malloc(rows * s.scaling.columns * sizeof *some);
    mele_i_design_rows whole = {data->schema, &scaling, NULL, &features};
    mele_i_design_rows part = {s.schema, &s.scaling, NULL, &features, s.feature};
    cr_assert_eq(mele_i_encode_rows(&whole, 0, rows, all, NULL), MELE_OK);
    for (size_t first = 0, count; first < rows; first += count) {
        count = rows - first < 70 ? rows - first : 70;
        cr_assert_eq(
            mele_i_encode_rows(&part, first, count, some + first * s.scaling.columns, NULL),
            MELE_OK);
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < s.scaling.columns; c++)
            cr_assert_eq(some[i * s.scaling.columns + c], all[i * scaling.columns + s.column[c]]);
    free(all);
    free(some);
    mele_i_selection_clear(&s);
    mele_i_scaling_clear(&scaling);
}

static const char *const lists[] = {"f2", "f1,f3", "g", "f3-f11", "f12,g,f4", "4-13"};

Test(features, blocks_of_chosen_columns)
{
    char *text = malloc(300 * 200);
    size_t length = 0;
    mele_data_options options = mele_data_defaults();
    size_t kept[100];

    for (size_t j = 1; j <= 12; j++)
        length += (size_t)sprintf(text + length, "f%zu,%s", j, j == 6 ? "g," : "");
    length += (size_t)sprintf(text + length, "y\n");
    for (size_t i = 0; i < 250; i++) {
        for (size_t j = 1; j <= 12; j++)
            length +=
                (size_t)sprintf(text + length, "%g,%s", (double)(i * j % 17) + 0.25 * (double)j,
                                j != 6       ? ""
                                : i % 3 == 0 ? "u,"
                                : i % 3 == 1 ? "v,"
                                             : "w,");
        length += (size_t)sprintf(text + length, "%zu\n", i % 5);
    }
    const test_file file = test_file_make(text, length, ".csv");
    options.target = "y";
    for (size_t i = 0; i < 100; i++)
        kept[i] = 2 * i + i % 3;
    for (int in_windows = 0; in_windows < 2; in_windows++) {
        mele_data *data = NULL, *part = NULL;
        options.memory = in_windows ? 1 : 0;
        cr_assert_eq(mele_data_read(file.path, &options, NULL, NULL, &data, NULL), MELE_OK);
        cr_assert_eq(data->windows != NULL, in_windows);
        cr_assert_eq(mele_i_data_subset(data, kept, 100, true, &part, NULL), MELE_OK);
        for (size_t l = 0; l < COUNT(lists); l++) {
            assert_columns(data, lists[l]);
            assert_columns(part, lists[l]);
        }
        mele_data_free(part);
        mele_data_free(data);
    }
    remove(file.path);
    free(text);
}

/* A space of some columns is those of the whole design, also where it has one indicator of two,
 * which no list of features names. */
static const struct {
    const char *columns;
    size_t features, column[4], count; /* features: that are encoded; 0: all */
} spaces[] = {
    {"[1]", 1, {1}, 1},           {"[1,3,4]", 2, {1, 3, 4}, 3}, {"[0,3]", 0, {0, 3}, 2},
    {"[4]", 0, {4}, 1},           {"[2,5]", 2, {2, 5}, 2},      {"[3,4]", 1, {3, 4}, 2},
    {"[0,1,4]", 0, {0, 1, 4}, 3},
};

Test(features, spaces_of_some_columns)
{
    problem *p = make_problem();
    const mele_i_features features = mele_i_data_features(p->data);
    double *design = malloc(ROWS * 6 * sizeof *design), *out = malloc(ROWS * 6 * sizeof *out);
    mele_i_scaling scaling;

    cr_assert_eq(mele_i_scaling_fit(p->data->schema, &features, NULL, MELE_I_SCALE_STANDARD, NULL,
                                    &scaling, NULL),
                 MELE_OK);
    p->x[2 * FEATURES + 1] = p->x[3 * FEATURES + 3] = NAN;
    for (size_t s = 0; s < COUNT(spaces); s++) {
        const double means[6] = {0.5, 1.5, 2.5, 0.25, 0.125, 4};
        json_t *object = json_object();
        mele_i_space space;
        json_object_set_new(object, "columns", json_loads(spaces[s].columns, 0, NULL));
        json_object_set_new(object, "scaling", mele_i_scaling_save(&scaling));
        cr_assert_eq(mele_i_space_load(object, p->data->schema, &space, NULL), MELE_OK);
        cr_assert_eq(space.sees.features, spaces[s].features, "%s", spaces[s].columns);
        const mele_i_space_rows rows = {&space, p->data->schema, means, &features, NULL};
        cr_assert_eq(mele_i_encode(p->data->schema, &scaling, means, &features, NULL, design, NULL),
                     MELE_OK);
        cr_assert_eq(mele_i_space_encode(&rows, NULL, out, NULL), MELE_OK);
        for (size_t i = 0; i < ROWS; i++)
            for (size_t c = 0; c < spaces[s].count; c++)
                cr_assert_eq(out[i * spaces[s].count + c], design[i * 6 + spaces[s].column[c]],
                             "%s", spaces[s].columns);
        mele_i_space_clear(&space);
        json_decref(object);
    }
    mele_i_scaling_clear(&scaling);
    free(design);
    free(out);
    free_problem(p);
}

/* Rows that lie as they are wanted are looked at where they are, also of some columns. */
Test(features, columns_side_by_side_are_not_copied)
{
    double x[4 * 4];
    mele_data *data = NULL;
    mele_i_scaling scaling;
    mele_i_selection s;

    for (size_t e = 0; e < 16; e++)
        x[e] = (double)(e * e % 7);
    const mele_matrix view = mele_matrix_of(x, 4, 4);
    cr_assert_eq(mele_data_of_arrays(&view, NULL, 0, NULL, &data, NULL), MELE_OK);
    const mele_i_features features = mele_i_data_features(data);
    cr_assert_eq(mele_i_scaling_new(4, &scaling, NULL), MELE_OK);
    cr_assert_eq(mele_i_selection_make(data->schema, &scaling, "x2-x3", "--of", &s, NULL), MELE_OK);
    mele_i_design_rows chosen = {s.schema, &s.scaling, NULL, &features, s.feature};
    const mele_rows rows = mele_i_design_rows_of(&chosen);
    cr_assert(rows.data == x + 1 && rows.stride == 4 && rows.cols == 2 && rows.rows == 4);
    cr_assert_eq(mele_i_selection_room(&s, 4), 0);
    cr_assert_eq(mele_i_selection_pick(&s, &view, NULL).data, x + 1);
    mele_i_selection_clear(&s);
    cr_assert_eq(mele_i_selection_make(data->schema, &scaling, "4,2", "--of", &s, NULL), MELE_OK);
    double room[8];
    cr_assert_eq(mele_i_selection_room(&s, 4), 8);
    const mele_matrix picked = mele_i_selection_pick(&s, &view, room);
    for (size_t i = 0; i < 4; i++)
        cr_assert(picked.data[i * 2] == x[i * 4 + 1] && picked.data[i * 2 + 1] == x[i * 4 + 3]);
    mele_i_selection_clear(&s);
    cr_assert_eq(mele_i_selection_make(data->schema, &scaling, "1-4", "--of", &s, NULL), MELE_OK);
    cr_assert_eq(s.features, 0, "all features are no selection");
    mele_i_selection_clear(&s);
    mele_i_scaling_clear(&scaling);
    mele_data_free(data);
}

/* Names in messages are few, and a list that leaves no column is refused. */
Test(features, names_and_columns_of_a_list)
{
    static const char text[] = "a,b,c,d,e,f,g,one,y\n1,2,3,4,5,6,7,u,1\n2,2,1,3,4,4,4,u,2\n"
                               "3,1,2,2,3,1,2,u,3\n";
    const test_file file = test_file_make(text, sizeof text - 1, ".csv");
    mele_data_options options = mele_data_defaults();
    char names[MELE_I_SELECTION_ROOM];
    mele_data *data = NULL;
    mele_i_selection s, copy;
    mele_i_scaling scaling;
    mele_error error = {0};

    options.target = "y";
    cr_assert_eq(mele_data_read(file.path, &options, NULL, NULL, &data, NULL), MELE_OK);
    remove(file.path);
    cr_assert_eq(mele_i_scaling_new(7, &scaling, NULL), MELE_OK);
    cr_assert_eq(mele_i_selection_make(data->schema, &scaling, "one", "--of", &s, &error),
                 MELE_EDATA);
    cr_assert_str_eq(error.message, "--of leaves no column: a category of one level has none");
    cr_assert_eq(mele_i_selection_make(data->schema, &scaling, "g,one,a", "--of", &s, NULL),
                 MELE_OK);
    cr_assert(s.features == 3 && s.scaling.columns == 2 && s.column[0] == 0 && s.column[1] == 6);
    mele_i_selection_text(&s, names);
    cr_assert_str_eq(names, "\"a\", \"g\", \"one\"");
    cr_assert_eq(mele_i_selection_copy(&s, &copy, NULL), MELE_OK);
    mele_i_selection_clear(&s);
    mele_i_selection_text(&copy, names);
    cr_assert_str_eq(names, "\"a\", \"g\", \"one\"");
    cr_assert_eq(mele_i_selection_make(data->schema, &scaling, "1-7", "--of", &s, NULL), MELE_OK);
    cr_assert_not(mele_i_selection_equal(&s, &copy));
    mele_i_selection_text(&s, names);
    cr_assert_str_eq(names, "\"a\", \"b\", \"c\", \"d\", \"e\", \"f\" and 1 more");
    mele_i_selection_clear(&s);
    mele_i_selection_text(&s, names);
    cr_assert_str_eq(names, "all");
    mele_i_selection_clear(&copy);
    mele_i_scaling_clear(&scaling);
    mele_data_free(data);
}

/* ---- what is refused ---- */

static const struct {
    const char *option, *list;
    mele_status status;
    const char *message;
} wrong[] = {
    {"expert-features", "f", MELE_EDATA,
     "--expert-features: there is no feature \"f\": the names are \"a\", \"b\", \"c\", \"d\", "
     "\"e\""},
    {"expert-features", "y", MELE_EDATA,
     "--expert-features: there is no feature \"y\": the names are \"a\", \"b\", \"c\", \"d\", "
     "\"e\""},
    {"expert-features", "a,6", MELE_EDATA,
     "--expert-features: there is no feature \"6\": the names are \"a\", \"b\", \"c\", \"d\", "
     "\"e\""},
    {"expert-features", "b,a-c", MELE_EINVAL, "--expert-features: column \"b\" is named twice"},
    {"gate-features", "bb", MELE_EDATA,
     "--gate-features: there is no feature \"bb\": is it \"b\"?"},
    {"gate-features", "a", MELE_EINVAL,
     "--gate-features is \"a\", and a softmax gate on posteriors sees no features: softmax and mlp "
     "gates do, under --on features or --on both"},
};

Test(features, what_is_no_feature_is_refused_before_anything_is_fitted)
{
    problem *p = make_problem();

    for (size_t w = 0; w < COUNT(wrong); w++) {
        mele_options options = OPTIONS({"clusters", "2"}, {wrong[w].option, wrong[w].list});
        mele_model *model = NULL;
        mele_error error = {0};
        cr_assert_eq(mele_fit(p->data, &options, NULL, NULL, &model, &error), wrong[w].status);
        cr_assert_str_eq(error.message, wrong[w].message);
        cr_assert_null(model);
        mele_options_clear(&options);
    }
    free_problem(p);
}

/* Experts that see some features stay beside, and are started from by, their like alone. */
Test(features, experts_of_other_features_do_not_stay)
{
    static const char *const ways[][2] = {{"only", "2"}, {"freeze", "1"}, {"warm-start", NULL}};
    problem *p = make_problem();
    const mele_posteriors posteriors = posteriors_of(p);
    const mele_handover handover = {.posteriors = &posteriors};
    mele_options first =
        OPTIONS({"expert-features", "b,c"}, {"expert", "mlp"}, {"max-epochs", "5"});
    mele_model *model = fit(p, p->data, &first, false);

    for (size_t w = 0; w < COUNT(ways); w++) {
        mele_options other = OPTIONS({"expert-features", "b"}, {"expert", "mlp"},
                                     {"max-epochs", "5"}, {ways[w][0], ways[w][1]});
        mele_options same = OPTIONS({"expert-features", "2-3"}, {"expert", "mlp"},
                                    {"max-epochs", "5"}, {ways[w][0], ways[w][1]});
        mele_error error = {0};
        cr_assert_eq(mele_fit_experts(p->data, &handover, &other, NULL, NULL, model, &error),
                     MELE_EINVAL);
        cr_assert_str_eq(
            error.message,
            "the model's experts see the features \"b\", \"c\", and those that are trained "
            "now others (--expert-features): train all, from nothing, or give them the "
            "same");
        cr_assert_eq(mele_fit_experts(p->data, &handover, &same, NULL, NULL, model, &error),
                     MELE_OK, "%s", error.message);
        mele_options_clear(&other);
        mele_options_clear(&same);
    }
    mele_options gate = OPTIONS({"expert-features", "a,b"});
    mele_error error = {0};
    cr_assert_eq(mele_fit_gate(p->data, &handover, &gate, NULL, NULL, model, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message,
                     "--expert-features is \"a,b\", but the experts were trained on the "
                     "features \"b\", \"c\": mele-experts trains them on others");
    mele_options_clear(&gate);
    mele_options_clear(&first);
    mele_model_free(model);
    free_problem(p);
}

/* Parts of one model see the same features. */
Test(features, parts_are_merged_with_what_they_see)
{
    static const char *const lists_of[] = {"a,b", "a,b", "b,c"};
    problem *p = make_problem();
    mele_model *part[3], *merged = NULL, *whole;
    mele_error error = {0};

    for (size_t i = 0; i < 3; i++) {
        mele_options options = OPTIONS({"expert-features", lists_of[i]}, {"clusters", "2"},
                                       {"only", i == 0 ? "1" : "2"});
        cr_assert_eq(mele_fit_partition(p->data, &options, NULL, NULL, &part[i], NULL), MELE_OK);
        cr_assert_eq(mele_fit_experts(p->data, NULL, &options, NULL, NULL, part[i], NULL), MELE_OK);
        mele_options_clear(&options);
    }
    const mele_model *const other[] = {part[0], part[2]};
    cr_assert_eq(mele_model_merge(other, 2, NULL, &merged, &error), MELE_EDATA);
    cr_assert_str_eq(error.message,
                     "the experts of model 2 see other features than those of the first: "
                     "train all with the same --expert-features");
    const mele_model *const parts[] = {part[0], part[1]};
    cr_assert_eq(mele_model_merge(parts, 2, NULL, &merged, &error), MELE_OK, "%s", error.message);
    mele_options options = OPTIONS({"expert-features", "a,b"}, {"clusters", "2"});
    cr_assert_eq(mele_fit_partition(p->data, &options, NULL, NULL, &whole, NULL), MELE_OK);
    cr_assert_eq(mele_fit_experts(p->data, NULL, &options, NULL, NULL, whole, NULL), MELE_OK);
    char *one = NULL, *two = NULL;
    size_t length;
    cr_assert_eq(mele_model_text(merged, &one, &length, NULL), MELE_OK);
    cr_assert_eq(mele_model_text(whole, &two, &length, NULL), MELE_OK);
    cr_assert_str_eq(one, two);
    free(one);
    free(two);
    mele_options_clear(&options);
    for (size_t i = 0; i < 3; i++)
        mele_model_free(part[i]);
    mele_model_free(merged);
    mele_model_free(whole);
    free_problem(p);
}

/* ---- options ---- */

Test(features, options_own_their_lists_and_models_hand_them_on)
{
    problem *p = make_problem();
    char list[] = "a,b", text[16];
    mele_options options = OPTIONS({"expert-features", list}, {"gate-features", "5"},
                                   {"on", "features"}, {"clusters", "2"});
    mele_options *copy = NULL, *inherited = NULL, *given = NULL;
    mele_model *model = NULL;
    mele_error error = {0};
    size_t length;

    list[0] = 'z';
    cr_assert_eq(mele_options_copy(&options, &copy, NULL), MELE_OK);
    mele_options_clear(&options);
    cr_assert_eq(mele_options_get(copy, "expert-features", text, sizeof text, &length, NULL),
                 MELE_OK);
    cr_assert(strcmp(text, "a,b") == 0 && length == 3);
    cr_assert_eq(mele_fit(p->data, copy, NULL, NULL, &model, NULL), MELE_OK);
    cr_assert_eq(mele_options_new(&inherited, NULL), MELE_OK);
    cr_assert_eq(mele_options_inherit(model, inherited, NULL), MELE_OK);
    cr_assert_str_eq(inherited->expert_features, "a,b");
    cr_assert_str_eq(inherited->gate_features, "5");
    cr_assert_eq(mele_options_new(&given, NULL), MELE_OK);
    cr_assert_eq(mele_options_set(given, "gate-features", "e", NULL), MELE_OK);
    cr_assert_eq(mele_options_inherit(model, given, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "--gate-features is \"e\", but the model was made with \"5\": leave it out, or "
                     "begin again from stage 1 with it");
    mele_options_free(copy);
    mele_options_free(inherited);
    mele_options_free(given);
    mele_model_free(model);
    free_problem(p);
}

/* ---- the model file ---- */

static mele_model *fit_both(const problem *p)
{
    mele_options options =
        OPTIONS({"expert-features", "b,d"}, {"gate-features", "a,e"}, {"on", "both"},
                {"clusters", "2"}, {"gate-max-iter", "10"}, {"restarts", "1"});
    mele_model *model = NULL;

    cr_assert_eq(mele_fit(p->data, &options, NULL, NULL, &model, NULL), MELE_OK);
    mele_options_clear(&options);
    return model;
}

Test(features, a_model_file_keeps_what_parts_see)
{
    problem *p = make_problem();
    mele_model *model = fit_both(p), *again = NULL;
    char *text = NULL, *twice = NULL;
    size_t length;

    cr_assert_eq(mele_model_text(model, &text, &length, NULL), MELE_OK);
    cr_assert_eq(mele_model_of_text(text, length, &again, NULL), MELE_OK);
    cr_assert_eq(mele_model_text(again, &twice, &length, NULL), MELE_OK);
    cr_assert_str_eq(text, twice);
    said *one = ask(p, model, 31, true, false), *other = ask(p, again, 31, true, false);
    cr_assert_eq(memcmp(one, other, sizeof *one), 0);
    free(one);
    free(other);
    free(text);
    free(twice);
    mele_model_free(model);
    mele_model_free(again);
    free_problem(p);
}

static const struct {
    const char *section, *features, *message;
} broken[] = {
    {"experts", "[\"b\", \"z\"]",
     "\"features\" has \"z\", which is no feature of the schema, or not in "
     "its order"},
    {"experts", "[\"d\", \"b\"]",
     "\"features\" has \"b\", which is no feature of the schema, or not in "
     "its order"},
    {"experts", "[\"b\", \"b\"]",
     "\"features\" has \"b\", which is no feature of the schema, or not in "
     "its order"},
    {"experts", "[\"b\", 4]", "\"features\" is not a list of names"},
    {"experts", "\"b\"", "\"features\" is not a list of names"},
    {"gate", "[]", "\"features\" is not a list of names"},
    {"experts", "[\"b\"]", "the sizes of \"experts\" do not fit the model"},
    {"gate", "[\"a\"]", "the gate sees 2 columns of features, the model has 1 for it"},
    {"gate", NULL, "the gate sees 2 columns of features, the model has 6 for it"},
    {"experts", NULL, "the sizes of \"experts\" do not fit the model"},
};

Test(features, a_model_file_with_wrong_names_is_refused)
{
    problem *p = make_problem();
    mele_model *model = fit_both(p), *read = NULL;
    char *text = NULL;
    size_t length;

    cr_assert_eq(mele_model_text(model, &text, &length, NULL), MELE_OK);
    for (size_t b = 0; b < COUNT(broken); b++) {
        json_t *root = json_loads(text, 0, NULL),
               *section = json_object_get(root, broken[b].section);
        mele_error error = {0};
        if (broken[b].features == NULL)
            json_object_del(section, "features");
        else
            json_object_set_new(section, "features",
                                json_loads(broken[b].features, JSON_DECODE_ANY, NULL));
        char *changed = json_dumps(root, JSON_REAL_PRECISION(17));
        cr_assert_eq(mele_model_of_text(changed, strlen(changed), &read, &error), MELE_EDATA);
        cr_assert_str_eq(error.message, broken[b].message);
        cr_assert_null(read);
        free(changed);
        json_decref(root);
    }
    free(text);
    mele_model_free(model);
    free_problem(p);
}

/* ---- without memory ---- */

Test(features, every_allocation_of_a_fit_and_of_reading_can_fail)
{
    problem *p = make_problem();
    mele_model *model = fit_both(p), *made = NULL;
    mele_options options =
        OPTIONS({"expert-features", "b,d"}, {"gate-features", "a,e"}, {"on", "features"},
                {"clusters", "2"}, {"gate-max-iter", "2"}, {"restarts", "1"});
    char *text = NULL;
    size_t length, fitted = 0, read = 0;
    bool failed = true;

    cr_assert_eq(mele_model_text(model, &text, &length, NULL), MELE_OK);
    for (; failed; fitted++) {
        made = NULL;
        failing_malloc_at(fitted);
        mele_status status = mele_fit(p->data, &options, NULL, NULL, &made, NULL);
        failed = failing_malloc_end();
        cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu", fitted);
        cr_assert_eq(made != NULL, status == MELE_OK);
        mele_model_free(made);
    }
    for (failed = true; failed; read++) {
        made = NULL;
        failing_malloc_at(read);
        mele_status status = mele_model_of_text(text, length, &made, NULL);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "allocation %zu", read);
        cr_assert_eq(made != NULL, status == MELE_OK);
        mele_model_free(made);
    }
    cr_assert(fitted > 100 && read > 40);
    free(text);
    mele_options_clear(&options);
    mele_model_free(model);
    free_problem(p);
}

/* A stage that fails leaves the model with what it saw. */
Test(features, a_later_stage_that_fails_leaves_the_model_as_it_was)
{
    problem *p = make_problem();
    mele_model *model = fit_both(p);
    mele_options others = OPTIONS({"expert-features", "a,e"}, {"gate-features", "c"},
                                  {"on", "features"}, {"gate-max-iter", "2"});
    char *before = NULL, *after = NULL;
    mele_error error = {0};
    size_t length;
    bool failed = true;

    cr_assert_eq(mele_model_text(model, &before, &length, NULL), MELE_OK);
    for (size_t n = 0; failed; n++) {
        failing_malloc_at(n);
        mele_status status = mele_fit_experts(p->data, NULL, &others, NULL, NULL, model, &error);
        failed = failing_malloc_end();
        if (status == MELE_OK)
            break;
        cr_assert_eq(status, MELE_ENOMEM, "allocation %zu: %s", n, error.message);
        cr_assert_eq(mele_model_text(model, &after, &length, NULL), MELE_OK);
        cr_assert_str_eq(after, before);
        free(after);
    }
    cr_assert_eq(mele_fit_gate(p->data, NULL, &others, NULL, NULL, model, NULL), MELE_OK);
    char *experts_after = section_of(model, "experts");
    cr_assert_not_null(strstr(experts_after, "\"columns\": 2"));
    free(experts_after);
    free(before);
    mele_options_clear(&others);
    mele_model_free(model);
    free_problem(p);
}
