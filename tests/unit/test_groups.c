#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <mele/mele.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/stream.h"
#include "model/model.h"
#include "schema/data.h"

/* Rows that belong together are left out together, wherever rows are left out. */

enum { GROUPS = 20, OF_GROUP = 5, ROWS = GROUPS * OF_GROUP };

/* Rows of a group are nearly equal, and share an effect that nothing tells of: a, b, then a
 * category of three levels; the group by an id that is no small number. */
typedef struct made {
    double x[ROWS * 3], y[ROWS];
    size_t group[ROWS];
} made;

static void make(made *m)
{
    mele_i_stream random = mele_i_stream_make(5, MELE_I_FOR_TESTS, 1, 2);

    for (size_t g = 0; g < GROUPS; g++) {
        const double a = 4 * mele_i_stream_uniform(&random), b = mele_i_stream_normal(&random);
        const double effect = mele_i_stream_normal(&random);
        for (size_t i = g * OF_GROUP; i < (g + 1) * OF_GROUP; i++) {
            m->x[i * 3] = a + 0.01 * mele_i_stream_normal(&random);
            m->x[i * 3 + 1] = b + 0.01 * mele_i_stream_normal(&random);
            m->x[i * 3 + 2] = (double)(g % 3);
            m->y[i] = effect + 0.1 * mele_i_stream_normal(&random);
            m->group[i] = 7000000 + 13 * (g * 7 % GROUPS);
        }
    }
}

static mele_data *data_of_file(const made *m, size_t rows, mele_data_options *options)
{
    char path[] = "/tmp/mele-test-groups-XXXXXX.csv";
    FILE *file = fdopen(mkstemps(path, 4), "w");
    mele_data *data = NULL;
    mele_error error = {0};

    for (size_t i = 0; i < rows; i++)
        fprintf(file, "%.17g,%.17g,%g,%.17g,%zu\n", m->x[i * 3], m->x[i * 3 + 1], m->x[i * 3 + 2],
                m->y[i], m->group[i]);
    cr_assert_eq(fclose(file), 0);
    options->table.header = false;
    options->target = "x4";
    options->group = "x5";
    options->categorical = "x3";
    cr_assert_eq(mele_data_read(path, options, NULL, NULL, &data, &error), MELE_OK, "%s",
                 error.message);
    unlink(path);
    return data;
}

static mele_data *data_of_arrays(const made *m)
{
    mele_matrix x = mele_matrix_of(m->x, ROWS, 3), y = mele_matrix_of(m->y, ROWS, 1);
    const size_t levels[] = {0, 0, 3};
    mele_data *data = NULL;

    cr_assert_eq(mele_data_of_arrays(&x, &y, 0, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_data_set_groups(data, m->group, NULL), MELE_OK);
    cr_assert_eq(mele_data_set_levels(data, levels, NULL), MELE_OK);
    return data;
}

/* The cross-validated errors, and the numbers of regions in the folds, as text. */
static char *cross_validated(const mele_data *data, const mele_options *options, size_t folds)
{
    mele_report *report = NULL;
    mele_error error = {0};
    char *text = NULL;

    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    const mele_cv_options cv = {.folds = folds, .repeats = 1};
    cr_assert_eq(mele_cross_validate(data, options, &cv, NULL, report, NULL, &error), MELE_OK,
                 "%s", error.message);
    cr_assert_eq(mele_report_text(report, &text, NULL, NULL), MELE_OK);
    json_t *object = json_loads(text, 0, NULL);
    free(text);
    text = json_dumps(json_object_get(object, "cv"), JSON_SORT_KEYS);
    json_decref(object);
    mele_report_free(report);
    return text;
}

/* Groups and categories of arrays are what they are in a file. */
Test(groups, arrays_are_as_files)
{
    made m;
    mele_options options = mele_options_defaults();

    make(&m);
    mele_data *file = data_of_file(&m, ROWS, &options.data), *arrays = data_of_arrays(&m);
    options.clusters_least = 1;
    options.clusters_most = 3;
    options.partition.restarts = 2;
    char *of_file = cross_validated(file, &options, 4), *of_arrays;
    of_arrays = cross_validated(arrays, &options, 4);
    cr_assert_str_eq(of_file, of_arrays);
    cr_assert_str_eq(mele_schema_level(mele_data_schema(arrays), 2, 2), "2");
    free(of_arrays);
    cr_assert_eq(mele_data_set_groups(arrays, NULL, NULL), MELE_OK);
    options.data.group = NULL;
    of_arrays = cross_validated(arrays, &options, 4);
    cr_assert_str_neq(of_file, of_arrays, "without groups, folds are others");
    free(of_arrays);
    free(of_file);
    mele_data_free(file);
    mele_data_free(arrays);
}

/* Groups may have numbers of any size, up to the largest: what they are numbered by changes nothing. */
Test(groups, have_any_numbers)
{
    enum { WAYS = 3 };
    made m;
    mele_options options = mele_options_defaults();
    char *text[WAYS];

    make(&m);
    options.clusters_least = 1;
    options.clusters_most = 3;
    options.partition.restarts = 2;
    for (size_t way = 0; way < WAYS; way++) {
        mele_data *data = data_of_arrays(&m);
        size_t group[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            const size_t number = (m.group[i] - 7000000) / 13;
            group[i] = way == 0   ? number
                       : way == 1 ? number * number * number * ((size_t)1 << 40) + 3
                                  : SIZE_MAX - (GROUPS - 1 - number);
        }
        cr_assert_eq(mele_data_set_groups(data, group, NULL), MELE_OK);
        text[way] = cross_validated(data, &options, 4);
        mele_data_free(data);
    }
    cr_assert_str_eq(text[0], text[1]);
    cr_assert_str_eq(text[0], text[2]);
    for (size_t way = 0; way < WAYS; way++)
        free(text[way]);
}

/* The numbers of regions that a fit tried, with their losses, as text. */
static char *candidates_of(const mele_data *data, const mele_options *options)
{
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit_partition(data, options, NULL, NULL, &model, &error), MELE_OK, "%s",
                 error.message);
    const json_t *partition = json_object_get(model->training, "partition");
    char *text = json_dumps(json_object_get(partition, "candidates"), JSON_SORT_KEYS);
    mele_model_free(model);
    return text;
}

/* What is left of data outside a fold is chosen from as those rows alone: groups come along. Rows
 * that are nearly given twice let many regions win where they do not. */
Test(groups, reach_the_choice_of_regions_in_a_fold)
{
    enum { LEFT = 15 * OF_GROUP };
    made m;
    mele_options options = mele_options_defaults();
    size_t rows[LEFT];
    mele_data *part = NULL;

    make(&m);
    for (size_t i = 0; i < LEFT; i++)
        rows[i] = i;
    mele_data *all = data_of_file(&m, ROWS, &options.data);
    mele_data *alone = data_of_file(&m, LEFT, &options.data);
    options.clusters_least = 1;
    options.clusters_most = 9;
    options.partition.restarts = 2;
    cr_assert_eq(mele_i_data_subset(all, rows, LEFT, true, &part, NULL), MELE_OK);
    char *of_part = candidates_of(part, &options), *of_alone = candidates_of(alone, &options);
    cr_assert_str_eq(of_part, of_alone);
    free(of_alone);
    free(part->group);
    part->group = NULL;
    options.data.group = NULL;
    of_alone = candidates_of(part, &options);
    cr_assert_str_neq(of_part, of_alone, "without groups, folds are others");
    free(of_alone);
    free(of_part);
    mele_data_free(part);
    mele_data_free(alone);
    mele_data_free(all);
}

/* Options that name what arrays have not got are refused, and nothing is changed by what fails. */
Test(groups, of_arrays_are_not_passed_over)
{
    const size_t two_levels[] = {0, 0, 2}, one_level[] = {0, 1, 0};
    made m;
    mele_options options = mele_options_defaults();
    mele_model *model = NULL;
    mele_error error = {0};

    make(&m);
    mele_data *data = data_of_arrays(&m);
    options.partition.clusters = 2;
    options.data.group = "g";
    options.data.categorical = "c";
    cr_assert_eq(mele_fit(data, &options, NULL, NULL, &model, &error), MELE_OK, "%s",
                 error.message);
    cr_assert_eq(mele_data_set_levels(data, two_levels, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "x: row 11, column 3 is 2, not a level 0 to 1");
    cr_assert_eq(mele_data_set_levels(data, one_level, &error), MELE_EDATA);
    cr_assert_eq(mele_schema_levels(mele_data_schema(data), 2), 3);
    cr_assert_eq(mele_data_set_groups(data, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_fit_gate(data, NULL, &options, NULL, NULL, model, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message,
                     "groups are asked for (--group g), and the data have none: arrays "
                     "get them by mele_data_set_groups()");
    mele_data_free(data);
    mele_matrix x = mele_matrix_of(m.x, ROWS, 3), y = mele_matrix_of(m.y, ROWS, 1);
    cr_assert_eq(mele_data_of_arrays(&x, &y, 0, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_cross_validate(data, &options, NULL, NULL, NULL, NULL, &error), MELE_EINVAL);
    options.data.group = NULL;
    cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message,
                     "categories are asked for (--categorical c), and the arrays have "
                     "none: they get them by mele_data_set_levels()");
    options.data.categorical = NULL;
    options.data.weights = "w";
    cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message,
                     "weights are asked for (--weights w), and the arrays came without");
    mele_model_free(model);
    mele_data_free(data);
    options.data.weights = NULL;
    data = data_of_file(&m, ROWS, &options.data);
    cr_assert_eq(mele_data_set_levels(data, two_levels, &error), MELE_EINVAL);
    mele_data_free(data);
}
