/* Columns and their roles, the design matrix, scalings, the clustering space, data to fit to. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/kernels.h"
#include "schema/data.h"
#include "schema/space.h"

/* A file with this text, removed by the caller. */
static char *file_of(const char *text)
{
    static char path[] = "/tmp/mele-schema-XXXXXX";

    strcpy(path, "/tmp/mele-schema-XXXXXX");
    int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    cr_assert_eq(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    close(descriptor);
    return path;
}

static mele_status read_text(const char *text, const mele_data_options *options,
                             const mele_schema *schema, mele_data **out, mele_error *error)
{
    char *path = file_of(text);
    mele_status status = mele_data_read(path, options, schema, NULL, out, error);

    unlink(path);
    return status;
}

static mele_data_options with_target(const char *target)
{
    mele_data_options options = mele_data_defaults();

    options.target = target;
    return options;
}

/* ---- roles ---- */

#define NAMES ": the names are \"id\", \"a-b\", \"x1\", \"x2\", \"3\", \"y\""

static void resolve(const char *list, const char *expected)
{
    char *path = file_of("id,a-b,x1,x2,3,y\n1,1,1,1,1,1\n"), found[64] = "";
    mele_reader *reader = NULL;
    mele_i_columns columns;
    mele_error error = {0};

    cr_assert_eq(mele_reader_open(path, NULL, &reader, NULL), MELE_OK);
    const char *name[6];
    for (size_t j = 0; j < 6; j++)
        name[j] = mele_reader_name(reader, j);
    mele_i_names names = {6, name};
    mele_status status = mele_i_columns_resolve(&names, list, "--x", &columns, &error);
    for (size_t i = 0; status == MELE_OK && i < columns.count; i++)
        sprintf(found + strlen(found), "%zu ", columns.column[i]);
    cr_assert_str_eq(status == MELE_OK ? found : error.message, expected, "%s", list);
    if (status == MELE_OK)
        free(columns.column);
    mele_reader_close(reader);
    unlink(path);
}

Test(roles, a_column_is_a_name_else_a_number_else_part_of_a_range)
{
    resolve("y", "5 ");
    resolve("y,id", "5 0 ");
    resolve("1", "0 ");
    resolve("3", "4 "); /* the name wins over the number */
    resolve("a-b", "1 ");
    resolve("x1-y", "2 3 4 5 ");
    resolve("1-2", "0 1 ");
    resolve("a-b-x2", "1 2 3 ");
    resolve("z", "--x: there is no column \"z\"" NAMES);
    resolve("7", "--x: there is no column \"7\"" NAMES);
    resolve("0", "--x: there is no column \"0\"" NAMES);
    resolve("x2-x1", "--x: there is no column \"x2-x1\"" NAMES);
    resolve("y,", "--x: there is no column \"\"" NAMES);
    resolve("a_b", "--x: there is no column \"a_b\": is it \"a-b\"?");
    resolve("y,y", "--x: column \"y\" is named twice");
    resolve("x1-y,x2", "--x: column \"x2\" is named twice");
}

Test(roles, conflicts_are_refused)
{
    static const struct {
        const char *target, *features, *ignore, *weights, *id;
        mele_status status;
        const char *message;
    } cases[] = {
        {"y", "a,y", NULL, NULL, NULL, MELE_EINVAL, "column \"y\" is a target and also a feature"},
        {"y", "a", NULL, "a", NULL, MELE_EINVAL, "column \"a\" is the weights and also a feature"},
        {"y", NULL, NULL, "y", NULL, MELE_EINVAL, "column \"y\" is the weights and also a target"},
        {"y", NULL, NULL, "a,b", NULL, MELE_EINVAL, "--weights takes one column, not 2"},
        {"y", NULL, "a-b", NULL, NULL, MELE_EDATA, "no column is left to be a feature: there has to be one, if only of zeros"},
        {"q", NULL, NULL, NULL, NULL, MELE_EDATA, "--target: there is no column \"q\": the names are \"a\", \"b\", \"y\""},
        {"y", NULL, NULL, "a", "a", MELE_EINVAL, "column \"a\" is the weights and also the id"},
        {"y", "a,b", "b-y", NULL, NULL, MELE_EINVAL, "column \"y\" is a target and also ignored"},
        {"y", "a,b", "a-b", NULL, NULL, MELE_EDATA, "no column is left to be a feature: there has to be one, if only of zeros"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mele_data_options options = with_target(cases[i].target);
        mele_data *data = NULL;
        mele_error error = {0};
        options.features = cases[i].features;
        options.ignore = cases[i].ignore;
        options.weights = cases[i].weights;
        options.id = cases[i].id;
        cr_assert_eq(read_text("a,b,y\n1,2,3\n", &options, NULL, &data, &error), cases[i].status);
        cr_assert_str_eq(error.message, cases[i].message);
        cr_assert_null(data);
    }
}

/* ---- data ---- */

Test(data, categories_become_indicators_of_all_levels_but_the_first)
{
    mele_data_options options = with_target("y");
    mele_data *data = NULL;
    mele_i_scaling none;
    double design[4 * 3];
    const double expected[4 * 3] = {1, 1, 0, 2, 0, 1, 3, 0, 0, 4, 1, 0};
    char name[32];

    cr_assert_eq(read_text("n,c,y\n1,b,0\n2,c,1\n3,a,2\n4,b,3\n", &options, NULL, &data, NULL),
                 MELE_OK);
    cr_assert_eq(mele_schema_columns(mele_data_schema(data)), 3);
    mele_i_schema_column_name(data->schema, 2, name, sizeof name);
    cr_assert_str_eq(name, "c=c");
    cr_assert_eq(mele_i_scaling_new(3, &none, NULL), MELE_OK);
    mele_i_features features = mele_i_data_features(data);
    cr_assert_eq(mele_i_encode(data->schema, &none, NULL, &features, NULL, design, NULL), MELE_OK);
    cr_assert_arr_eq(design, expected, sizeof expected);
    mele_i_scaling_clear(&none);
    mele_data_free(data);
}

Test(data, missing_values_follow_the_policy)
{
    static const char text[] = "a,b,y\n1,5,1\n,6,2\n3,7,NA\n5,8,4\n";
    mele_data_options options = with_target("y");
    mele_data *data = NULL;
    mele_error error = {0};

    cr_assert_eq(read_text(text, &options, NULL, &data, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "column \"a\": missing value (--missing drop leaves such rows out)");
    cr_assert_eq(error.line, 3);
    options.missing = "drop";
    cr_assert_eq(read_text(text, &options, NULL, &data, &error), MELE_OK);
    cr_assert_eq(mele_data_rows(data), 2);
    cr_assert_eq(mele_data_dropped(data), 2);
    cr_assert_eq(data->targets[1], 4);
    mele_data_free(data);
    data = NULL;
    options.missing = "mean";
    cr_assert_eq(read_text(text, &options, NULL, &data, &error), MELE_EDATA,
                 "targets have no mean");
    cr_assert_eq(error.line, 4);
    options.missing = "guess";
    cr_assert_eq(read_text(text, &options, NULL, &data, &error), MELE_EINVAL);
}

Test(data, a_missing_feature_under_mean_is_at_the_centre)
{
    mele_data_options options = with_target("y");
    mele_data *data = NULL;
    mele_i_scaling scaling;
    double design[3];

    options.missing = "mean";
    cr_assert_eq(read_text("a,y\n1,0\n,1\n4,1\n", &options, NULL, &data, NULL), MELE_OK);
    mele_i_features features = mele_i_data_features(data);
    cr_assert_eq(mele_i_scaling_fit(data->schema, &features, NULL, MELE_I_SCALE_STANDARD, NULL,
                                    &scaling, NULL), MELE_OK);
    cr_assert_eq(scaling.center[0], 2.5);
    cr_assert_eq(scaling.scale[0], 1.5);
    cr_assert_eq(mele_i_encode(data->schema, &scaling, NULL, &features, NULL, design, NULL),
                 MELE_OK);
    cr_assert_arr_eq(design, ((double[]){-1, 0, 1}), sizeof design);
    mele_i_scaling_clear(&scaling);
    mele_data_free(data);
}

Test(data, ignored_columns_leave_a_list_of_features)
{
    mele_data_options options = with_target("y");
    mele_data *data = NULL;

    options.features = "c,a-b";
    options.ignore = "b";
    cr_assert_eq(read_text("a,b,c,y\n1,2,3,4\n", &options, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_schema_features(mele_data_schema(data)), 2);
    cr_assert_str_eq(mele_schema_feature(mele_data_schema(data), 0), "c");
    cr_assert_str_eq(mele_schema_feature(mele_data_schema(data), 1), "a");
    mele_data_free(data);
}

Test(data, a_later_file_is_bound_by_name_and_by_level)
{
    mele_data_options options = with_target("y");
    mele_data *first = NULL, *second = NULL;
    mele_error error = {0};

    cr_assert_eq(read_text("a,c,y\n1,red,0\n2,blue,1\n", &options, NULL, &first, NULL), MELE_OK);
    options.target = NULL;
    cr_assert_eq(read_text("extra,y,c,a\nx,5,red,7\n", &options, first->schema, &second, NULL),
                 MELE_OK);
    cr_assert_eq(second->column[0][0], 7);
    cr_assert_eq(second->column[1][0], 1, "red is the second of blue, red");
    cr_assert_eq(second->targets[0], 5);
    mele_data_free(second);
    second = NULL;
    cr_assert_eq(read_text("a,c,y\n1,red,0\n1,green,0\n", &options, first->schema, &second, &error),
                 MELE_EDATA);
    cr_assert_str_eq(error.message, "column \"c\": the model does not know the level \"green\"");
    cr_assert_eq(error.line, 3);
    cr_assert_eq(read_text("c,y\nred,0\n", &options, first->schema, &second, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "there is no column \"a\", which the model needs: the names are \"c\", \"y\"");
    mele_data_free(first);
}

/* Levels of a later file may be written otherwise: as another spelling of the number. */
Test(data, a_later_file_is_bound_by_the_number_that_a_level_is)
{
    mele_data_options options = with_target("y");
    mele_data *first = NULL, *second = NULL;

    options.categorical = "c";
    options.task = "classification";
    cr_assert_eq(read_text("a,c,y\n1,0,2\n2,1,3\n3,2.5,2\n", &options, NULL, &first, NULL),
                 MELE_OK);
    options.target = NULL;
    cr_assert_eq(read_text("a,c,y\n1,2.50,3.0\n2,0.0,2.0\n3,1e0,3\n", &options, first->schema,
                           &second, NULL), MELE_OK);
    cr_assert_arr_eq(second->column[1], ((double[]){2, 0, 1}), 3 * sizeof(double));
    cr_assert_arr_eq(second->targets, ((double[]){1, 0, 1}), 3 * sizeof(double));
    mele_data_free(second);
    mele_data_free(first);
}

/* A schema without names of its own is met by its own x1, x2, .. or, when asked, by position. */
Test(data, a_schema_without_names_refuses_a_file_with_others)
{
    const double x[] = {1, 2, 3, 4}, y[] = {0.5, 1};
    mele_matrix features = mele_matrix_of(x, 2, 2), target = mele_matrix_of(y, 2, 1);
    mele_data_options options = mele_data_defaults();
    mele_data *arrays = NULL, *data = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_data_of_arrays(&features, &target, 0, NULL, &arrays, NULL), MELE_OK);
    cr_assert_eq(read_text("b,a,y\n1,2,3\n", &options, arrays->schema, &data, &error), MELE_EDATA);
    cr_assert_not_null(strstr(error.message, "there is no column \"x1\""));
    cr_assert_not_null(strstr(error.message, "--by-position"));
    cr_assert_null(data);
    cr_assert_eq(read_text("y,x2,x1\n1,2,3\n", &options, arrays->schema, &data, &error), MELE_OK);
    cr_assert_eq(data->column[0][0], 3, "x1 by its name");
    mele_data_free(data);
    options.table.by_position = true;
    cr_assert_eq(read_text("b,a,y\n1,2,3\n", &options, arrays->schema, &data, &error), MELE_OK);
    cr_assert_eq(data->column[0][0], 1);
    cr_assert_eq(data->targets[0], 3);
    mele_data_free(data);
    options.table.by_position = false;
    options.table.header = false;
    cr_assert_eq(read_text("1,2,3\n", &options, arrays->schema, &data, &error), MELE_OK);
    mele_data_free(data);
    mele_data_free(arrays);
}

Test(data, arrays_can_be_given_names)
{
    static const char *const features[] = {"width", "height"}, *const targets[] = {"kind"};
    static const char *const classes[] = {"ash", "oak"}, *const twice[] = {"kind", "height"};
    static const char *const empty[] = {"", "b"}, *const spelled[] = {"1", "1.0"};
    const double x[] = {1, 2, 3, 4}, y[] = {0, 1};
    mele_matrix view = mele_matrix_of(x, 2, 2), target = mele_matrix_of(y, 2, 1);
    mele_data_options options = mele_data_defaults();
    mele_data *arrays = NULL, *data = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_data_of_arrays(&view, &target, 2, NULL, &arrays, NULL), MELE_OK);
    const mele_schema *before = mele_data_schema(arrays);
    cr_assert_eq(mele_data_set_names(arrays, twice, targets, NULL, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "target 1 is called \"kind\", which is a name already");
    cr_assert_eq(mele_data_set_names(arrays, empty, NULL, NULL, &error), MELE_EINVAL);
    cr_assert_eq(mele_data_set_names(arrays, NULL, NULL, spelled, &error), MELE_EINVAL);
    cr_assert_eq(mele_data_schema(arrays), before);
    cr_assert_eq(mele_data_set_names(arrays, features, targets, classes, &error), MELE_OK);
    cr_assert_str_eq(mele_schema_feature(mele_data_schema(arrays), 1), "height");
    cr_assert_str_eq(mele_schema_class(mele_data_schema(arrays), 1), "oak");
    cr_assert_eq(read_text("height,kind,width\n5,oak,6\n", &options, arrays->schema, &data, &error),
                 MELE_OK, "%s", error.message);
    cr_assert_eq(data->column[0][0], 6);
    cr_assert_eq(data->targets[0], 1);
    cr_assert_eq(mele_data_set_names(data, features, NULL, NULL, &error), MELE_EINVAL);
    mele_data_free(data);
    mele_data_free(arrays);
}

Test(data, names_and_levels_must_be_utf_8)
{
    static const char *const good[] = {"gr\xC3\xBC\xC3\x9F", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    static const char *const bad[] = {"gr\xFC", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                      "\xE2\x82", "\x80"};
    mele_data_options options = with_target("y");
    mele_data *data = NULL;
    mele_error error = {0};
    char text[64];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        sprintf(text, "%s,y\n%s,0\nb,1\n", good[i], good[i]);
        cr_assert_eq(read_text(text, &options, NULL, &data, &error), MELE_OK, "%s", error.message);
        mele_data_free(data);
        data = NULL;
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sprintf(text, "%s,y\n1,0\n", bad[i]);
        cr_assert_eq(read_text(text, &options, NULL, &data, &error), MELE_EDATA);
        cr_assert(strncmp(error.message, "the name of column 1, \"", 23) == 0
                  && strstr(error.message, "\", is not UTF-8 (iconv") != NULL, "%s", error.message);
        sprintf(text, "a,y\n%s,0\nb,1\n", bad[i]);
        cr_assert_eq(read_text(text, &options, NULL, &data, &error), MELE_EDATA);
        cr_assert(strncmp(error.message, "column \"a\": the level \"", 23) == 0
                  && strstr(error.message, "\" is not UTF-8 (iconv") != NULL, "%s", error.message);
    }
}

Test(data, arrays_are_checked)
{
    const double x[] = {1, 2, 3, 4}, y[] = {0, 2, NAN, 1}, weights[] = {1, -1};
    mele_matrix two = mele_matrix_of(x, 2, 2), four = mele_matrix_of(y, 4, 1);
    mele_matrix classes = mele_matrix_of(y, 2, 1);
    mele_data *data = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_data_of_arrays(&two, &four, 0, NULL, &data, &error), MELE_EDATA);
    four.rows = 1;
    cr_assert_eq(mele_data_of_arrays(&two, &four, 0, NULL, &data, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "y has 1 rows, x has 2");
    cr_assert_eq(mele_data_of_arrays(&two, &classes, 2, NULL, &data, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "y: row 2 is 2, not a class 0 to 1");
    cr_assert_eq(mele_data_of_arrays(&two, NULL, 0, weights, &data, &error), MELE_EDATA);
    cr_assert_null(data);
    cr_assert_eq(mele_data_of_arrays(&two, &classes, 3, NULL, &data, &error), MELE_OK);
    cr_assert_str_eq(mele_schema_class(mele_data_schema(data), 2), "2");
    mele_data_free(data);
}

/* ---- scalings ---- */

static void scale_column(const double *values, size_t rows, const double *weights,
                         mele_i_scale_kind kind, double center, double scale)
{
    mele_matrix matrix = mele_matrix_of(values, rows, 1);
    mele_i_scaling scaling;

    cr_assert_eq(mele_i_scaling_fit_matrix(&matrix, weights, kind, NULL, &scaling, NULL), MELE_OK);
    cr_assert_float_eq(scaling.center[0], center, 1e-14 * fabs(center), "%g", scaling.center[0]);
    cr_assert_float_eq(scaling.scale[0], scale, 1e-14 * scale, "%g", scaling.scale[0]);
    mele_i_scaling_clear(&scaling);
}

Test(scaling, known_means_and_deviations_at_every_scale)
{
    const double plain[] = {2, 4, 4, 4, 5, 5, 7, 9}, weights[] = {1, 3, 0, 0, 2, 0, 1, 1};
    const double far[] = {1e9, 1e9 + 2}, huge[] = {-1e308, 1e308}, tiny[] = {1e-310, 3e-310};
    const double constant[] = {0.1, 0.1, 0.1}, large[] = {1e150, 3e150};

    scale_column(plain, 8, NULL, MELE_I_SCALE_STANDARD, 5, 2);
    scale_column(plain, 8, weights, MELE_I_SCALE_STANDARD, 5, 2);
    scale_column(plain, 8, NULL, MELE_I_SCALE_MINMAX, 2, 7);
    scale_column(plain, 8, NULL, MELE_I_SCALE_NONE, 0, 1);
    scale_column(far, 2, NULL, MELE_I_SCALE_STANDARD, 1e9 + 1, 1);
    scale_column(huge, 2, NULL, MELE_I_SCALE_STANDARD, 0, 1e308);
    scale_column(huge, 2, NULL, MELE_I_SCALE_MINMAX, -1e308, DBL_MAX);
    scale_column(tiny, 2, NULL, MELE_I_SCALE_STANDARD, 2e-310, 1e-310);
    scale_column(large, 2, NULL, MELE_I_SCALE_STANDARD, 2e150, 1e150);
    scale_column(constant, 3, NULL, MELE_I_SCALE_STANDARD, 0.1, 1);
    scale_column(constant, 3, NULL, MELE_I_SCALE_MINMAX, 0.1, 1);
}

Test(scaling, scaled_values_do_not_overflow)
{
    const double values[] = {-1.7e308, 1.7e308, 1.7e308};
    mele_matrix matrix = mele_matrix_of(values, 3, 1);
    mele_i_scaling scaling;
    double out[3];

    cr_assert_eq(mele_i_scaling_fit_matrix(&matrix, NULL, MELE_I_SCALE_STANDARD, NULL, &scaling,
                                           NULL), MELE_OK);
    mele_i_scale_matrix(&scaling, &matrix, out);
    cr_assert_float_eq(out[0], -sqrt(2), 1e-14);
    cr_assert_float_eq(out[1], sqrt(0.5), 1e-14);
    mele_i_scaling_clear(&scaling);
}

/* ---- the clustering space ---- */

/* The space of data, as a fit makes it. */
static mele_status fit_space(const mele_data *data, const double *targets, const char *on,
                             const char *scale, double weight, mele_i_space *out,
                             mele_error *error)
{
    mele_i_features features = mele_i_data_features(data);
    mele_i_summary summary;

    cr_assert_eq(mele_i_summarise(data->schema, &features, NULL, NULL, &summary, NULL), MELE_OK);
    const mele_i_space_plan plan = {on, scale, weight, data->rows, targets, NULL};
    mele_status status = mele_i_space_fit(data->schema, &summary, &plan, NULL, out, error);
    mele_i_summary_clear(&summary);
    return status;
}

static void encode_space(const mele_data *data, const char *on, const char *scale, double weight,
                         size_t columns, const double *expected)
{
    mele_i_features features = mele_i_data_features(data);
    mele_i_space space;
    double out[64];

    cr_assert_eq(fit_space(data, data->targets, on, scale, weight, &space, NULL), MELE_OK);
    cr_assert_eq(space.columns + space.target_columns, columns);
    const mele_i_space_rows source = {&space, data->schema, NULL, &features, data->targets};
    cr_assert_eq(mele_i_space_encode(&source, NULL, out, NULL), MELE_OK);
    for (size_t i = 0; i < data->rows * columns; i++)
        cr_assert_float_eq(out[i], expected[i], 1e-15, "%s %s: %zu is %g", on, scale, i, out[i]);
    mele_i_space_clear(&space);
}

Test(space, columns_scales_and_targets)
{
    mele_data_options options = with_target("y");
    mele_data *data = NULL;

    cr_assert_eq(read_text("a,b,y\n0,10,1\n4,30,5\n", &options, NULL, &data, NULL), MELE_OK);
    encode_space(data, "x", "none", 1, 2, (double[]){0, 10, 4, 30});
    encode_space(data, "x", "minmax", 1, 2, (double[]){0, 0, 1, 1});
    encode_space(data, "x", "standard", 1, 2, (double[]){-1, -1, 1, 1});
    encode_space(data, "b", "none", 1, 1, (double[]){10, 30});
    encode_space(data, "2", "none", 1, 1, (double[]){10, 30});
    encode_space(data, "a-b", "none", 1, 2, (double[]){0, 10, 4, 30});
    encode_space(data, "xy", "minmax", 0.5, 3, (double[]){0, 0, 0, 1, 1, 0.5});
    mele_data_free(data);
}

Test(space, a_range_is_one_of_the_file_in_whatever_order_features_were_listed)
{
    mele_data_options options = with_target("y");
    mele_data *data = NULL;

    options.features = "a,d,b";
    cr_assert_eq(read_text("a,b,c,d,y\n1,2,3,4,0\n5,6,7,8,1\n", &options, NULL, &data, NULL),
                 MELE_OK);
    encode_space(data, "a-b", "none", 1, 2, (double[]){1, 2, 5, 6});
    mele_i_space space;
    cr_assert_eq(fit_space(data, NULL, "b-d", "none", 1, &space, NULL), MELE_EDATA,
                 "c lies between and is no feature");
    mele_data_free(data);
}

Test(space, a_class_target_is_an_indicator_a_class)
{
    mele_data_options options = with_target("y");
    mele_data *data = NULL;

    cr_assert_eq(read_text("a,y\n0,p\n1,q\n", &options, NULL, &data, NULL), MELE_OK);
    encode_space(data, "xy", "none", 2, 3, (double[]){0, 2, 0, 1, 0, 2});
    mele_data_free(data);
}

Test(space, a_missing_value_is_the_mean_under_every_scale)
{
    mele_data_options options = with_target("y");
    mele_data *data = NULL;
    mele_i_scaling standard;
    mele_i_space space;
    double out[4];

    options.missing = "mean";
    cr_assert_eq(read_text("a,y\n1,0\n,1\n4,1\n7,1\n", &options, NULL, &data, NULL), MELE_OK);
    mele_i_features features = mele_i_data_features(data);
    cr_assert_eq(mele_i_scaling_fit(data->schema, &features, NULL, MELE_I_SCALE_STANDARD, NULL,
                                    &standard, NULL), MELE_OK);
    cr_assert_eq(fit_space(data, NULL, "x", "minmax", 1, &space, NULL), MELE_OK);
    const mele_i_space_rows source = {&space, data->schema, standard.center, &features, NULL};
    cr_assert_eq(mele_i_space_encode(&source, NULL, out, NULL), MELE_OK);
    cr_assert_arr_eq(out, ((double[]){0, 0.5, 0.5, 1}), sizeof out);
    mele_i_space_clear(&space);
    mele_i_scaling_clear(&standard);
    mele_data_free(data);
}

Test(space, wrong_columns_are_refused)
{
    mele_data_options options = with_target("y");
    mele_data *data = NULL;
    mele_i_space space;
    mele_error error = {0};

    cr_assert_eq(read_text("a,b,y\n0,10,1\n4,30,5\n", &options, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(fit_space(data, data->targets, "y", "none", 1, &space, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "--cluster-on: there is no feature \"y\": the names are \"a\", \"b\"");
    cr_assert_eq(fit_space(data, NULL, "xy", "none", 1, &space, &error), MELE_EINVAL);
    cr_assert_eq(fit_space(data, NULL, "x", "log", 1, &space, &error), MELE_EINVAL);
    mele_data_free(data);
}

/* ---- the kernel that scales ---- */

static double standard(double value, double centre, double scale, double fill)
{
    const double v = isfinite(value) ? value : fill, z = (v - centre) / scale;

    return isfinite(z) ? z : v / scale - centre / scale;
}

/* Every width, with gaps and in place, does what is said of one number. */
Test(schema, standardised_numbers)
{
    static const size_t cols[] = {1, 3, 8, 16, 31, 70};
    static const double odd[] = {NAN, INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, 5e-324, -0.0};
    enum { ROWS = 37, GAP = 2, MOST = ROWS * 72 };
    static double x[MOST], out[MOST], same[MOST], expected[MOST];

    for (size_t c = 0; c < 6; c++) {
        const size_t d = cols[c], stride = d + GAP;
        double centre[70], scale[70], fill[70];
        for (size_t j = 0; j < d; j++) {
            centre[j] = j % 5 == 4 ? -DBL_MAX : 0.1 * (double)j;
            scale[j] = j % 5 == 4 ? DBL_MAX : 1.3 + (double)(j % 3);
            fill[j] = 7 + (double)j;
        }
        for (size_t i = 0; i < ROWS * stride; i++)
            x[i] = i % 13 == 5 ? odd[i / 13 % 7] : sin((double)i);
        for (size_t i = 0; i < ROWS * d; i++) {
            const double value = x[i / d * stride + i % d];
            expected[i] = standard(value, centre[i % d], scale[i % d], fill[i % d]);
            cr_assert(isfinite(expected[i]));
        }
        for (size_t k = 0; mele_i_kernels_at(k) != NULL; k++) {
            const mele_i_kernels *kernels = mele_i_kernels_at(k);
            kernels->standardise(x, stride, ROWS, d, centre, scale, fill, out);
            cr_expect_eq(memcmp(out, expected, ROWS * d * sizeof *out), 0, "%s, %zu columns",
                         kernels->name, d);
            for (size_t i = 0; i < ROWS * d; i++)
                same[i] = x[i / d * stride + i % d];
            kernels->standardise(same, d, ROWS, d, centre, scale, fill, same);
            cr_expect_eq(memcmp(same, expected, ROWS * d * sizeof *out), 0, "%s, %zu columns",
                         kernels->name, d);
        }
        /* what the design is made with: several rows at a time, if there are few columns */
        mele_i_scaling scaling = {d, centre, scale};
        const mele_matrix gaps = {x, ROWS, d, stride}, none = {same, ROWS, d, d};
        for (size_t i = 0; i < ROWS * d; i++) {
            same[i] = x[i / d * stride + i % d];
            expected[i] = standard(same[i], centre[i % d], scale[i % d], centre[i % d]);
        }
        mele_i_scale_matrix(&scaling, &gaps, out);
        cr_expect_eq(memcmp(out, expected, ROWS * d * sizeof *out), 0);
        mele_i_scale_matrix(&scaling, &none, same);
        cr_expect_eq(memcmp(same, expected, ROWS * d * sizeof *out), 0);
    }
}
