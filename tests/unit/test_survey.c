/* The suite of the survey, and what is told of published figures. Whole surveys are run by
 * tests/cli/survey.test. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/family.h>
#include <mele/table.h>

#include "schema/data.h"
#include "study/kinds.h"
#include "study/survey.h"
#include "study/tables.h"

static const char *const files[] = {"concrete", "faithful", "iris",     "mcycle",
                                    "mpg",      "sunspots", "tonedata", "vowels"};

/* ---- tables ---- */

/* A column as the reader of files sees it: numbers, or places of levels that are sorted bytewise.
 */
static void check_column(const mele_table *read, const mele_i_table *table, size_t j)
{
    const double *values = mele_table_values(read, j);

    cr_assert_str_eq(mele_table_name(read, j), table->column[j]);
    cr_assert_eq(mele_table_kind(read, j) == MELE_COLUMN_CATEGORY, table->levels[j] != NULL,
                 "%s: %s", table->name, table->column[j]);
    for (size_t i = 0; i < table->rows; i++)
        cr_assert_eq(values[i], table->value[i * table->columns + j], "%s: %s, row %zu",
                     table->name, table->column[j], i + 1);
    for (size_t l = 0; table->levels[j] != NULL && l < mele_table_levels(read, j); l++)
        cr_assert_str_eq(mele_table_level(read, j, l), table->levels[j][l]);
}

Test(survey, tables_are_the_files)
{
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        const mele_i_table *table = mele_i_table_named(files[f]);
        char path[512];
        mele_table *read = NULL;
        mele_error error;
        cr_assert_not_null(table);
        snprintf(path, sizeof path, "%s/%s.csv", TEST_DATA, files[f]);
        cr_assert_eq(mele_table_read(path, NULL, NULL, &read, &error), MELE_OK, "%s",
                     error.message);
        cr_assert_eq(mele_table_rows(read), table->rows);
        cr_assert_eq(mele_table_columns(read), table->columns);
        for (size_t j = 0; j < table->columns; j++)
            check_column(read, table, j);
        mele_table_free(read);
    }
    cr_assert_null(mele_i_table_named("none"));
}

/* ---- the suite ---- */

static const mele_i_suite_set *set_named(const char *name)
{
    size_t i = 0;

    while (mele_i_suite_set_at(i) != NULL && strcmp(mele_i_suite_set_at(i)->name, name) != 0)
        i++;
    cr_assert_not_null(mele_i_suite_set_at(i), "%s", name);
    return mele_i_suite_set_at(i);
}

/* What each set has to be. */
static const struct {
    const char *name;
    size_t rows, features, columns, classes;
} shapes[] = {
    {"concrete", 1030, 8, 8, 0},   {"mpg", 392, 7, 8, 0},        {"sunspots", 277, 12, 12, 0},
    {"mcycle", 133, 1, 1, 0},      {"tonedata", 150, 1, 1, 0},   {"faithful", 272, 1, 1, 0},
    {"friedman1", 300, 10, 10, 0}, {"friedman2", 300, 4, 4, 0},  {"friedman3", 300, 4, 4, 0},
    {"branin", 300, 2, 2, 0},      {"piecewise", 300, 1, 1, 0},  {"regimes", 300, 8, 8, 0},
    {"vowels4", 608, 2, 2, 4},     {"speakers", 760, 4, 4, 3},   {"iris", 150, 4, 4, 3},
    {"origin", 392, 7, 7, 3},      {"waveform", 300, 21, 21, 3}, {"twonorm", 300, 20, 20, 2},
    {"ringnorm", 300, 20, 20, 2},  {"spirals", 300, 2, 2, 2},
};

Test(survey, sets)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        mele_data *data = NULL;
        double *numbers = NULL;
        mele_error error;
        cr_assert_eq(mele_i_suite_data(set_named(shapes[i].name), 1, &data, &numbers, &error),
                     MELE_OK, "%s: %s", shapes[i].name, error.message);
        const mele_schema *schema = mele_data_schema(data);
        cr_assert_eq(mele_data_rows(data), shapes[i].rows, "%s: %zu rows", shapes[i].name,
                     mele_data_rows(data));
        cr_assert_eq(mele_schema_features(schema), shapes[i].features, "%s", shapes[i].name);
        cr_assert_eq(mele_schema_columns(schema), shapes[i].columns, "%s", shapes[i].name);
        cr_assert_eq(mele_schema_classes(schema), shapes[i].classes, "%s", shapes[i].name);
        mele_data_free(data);
        free(numbers);
    }
    while (mele_i_suite_set_at(count) != NULL)
        count++;
    cr_assert_eq(count, sizeof shapes / sizeof *shapes);
}

/* The numbers of 1712 and of 1700 to 1711, as data/sunspots.csv has them. */
Test(survey, lags)
{
    const double before[] = {0, 3, 8, 10, 20, 29, 58, 36, 23, 16, 11, 5};
    mele_data *data = NULL;
    double *numbers = NULL;

    cr_assert_eq(mele_i_suite_data(set_named("sunspots"), 1, &data, &numbers, NULL), MELE_OK);
    cr_assert_eq(data->targets[0], 0);
    cr_assert_eq(data->targets[1], 2);
    for (size_t j = 0; j < 12; j++)
        cr_assert_eq(numbers[j], before[j], "lag %zu: %g", j + 1, numbers[j]);
    mele_data_free(data);
    free(numbers);
}

/* Speakers 1 to 76, of whom each said four vowels twice; one of them is not in two folds. */
Test(survey, groups_and_levels)
{
    mele_data *data = NULL;
    double *numbers = NULL;

    cr_assert_eq(mele_i_suite_data(set_named("vowels4"), 1, &data, &numbers, NULL), MELE_OK);
    cr_assert_not_null(data->group);
    for (size_t i = 0; i < 608; i++)
        cr_assert_eq(data->group[i], data->group[i / 8 * 8], "row %zu", i + 1);
    cr_assert_str_eq(mele_schema_class(mele_data_schema(data), 0), "aa");
    cr_assert_str_eq(mele_schema_class(mele_data_schema(data), 3), "iy");
    mele_data_free(data);
    free(numbers);
    cr_assert_eq(mele_i_suite_data(set_named("mpg"), 1, &data, &numbers, NULL), MELE_OK);
    cr_assert_str_eq(mele_schema_feature(mele_data_schema(data), 6), "Origin");
    cr_assert_eq(mele_schema_levels(mele_data_schema(data), 6), 3);
    mele_data_free(data);
    free(numbers);
}

/* Three linear forms of two columns and a constant, and two more of the gate; logistic of three
 * classes two each. */
Test(survey, parameters)
{
    cr_assert_eq(mele_i_suite_parameters(2, 0), 3 * 3 + 2 * 3);
    cr_assert_eq(mele_i_suite_parameters(2, 3), 3 * 2 * 3 + 2 * 3);
}

Test(survey, refusals)
{
    mele_survey_options options = mele_survey_defaults();
    mele_survey *survey = NULL;
    mele_error error;
    char *text = NULL;

    options.sets = "mcycle,spiral";
    cr_assert_eq(mele_survey_new(&options, &survey, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "the suite has no set \"spiral\": is it \"spirals\"?");
    options.sets = "mcycle";
    options.folds = 1;
    cr_assert_eq(mele_survey_new(&options, &survey, &error), MELE_EINVAL);
    options.folds = 134;
    cr_assert_eq(mele_survey_new(&options, &survey, &error), MELE_EDATA, "%s", error.message);
    options.folds = 0;
    options.seed = (uint64_t)1 << 32;
    cr_assert_eq(mele_survey_new(&options, &survey, &error), MELE_EINVAL);
    options.seed = 1;
    cr_assert_null(survey);
    cr_assert_eq(mele_survey_new(&options, &survey, &error), MELE_OK, "%s", error.message);
    cr_assert_eq(mele_survey_markdown(survey, true, &text, NULL, &error), MELE_EINVAL);
    cr_assert_eq(mele_survey_table(survey, true, &text, NULL, &error), MELE_EINVAL);
    cr_assert_eq(mele_survey_html(survey, true, &text, NULL, &error), MELE_EINVAL);
    cr_assert_null(text);
    cr_assert_str_eq(mele_survey_part_name(survey, 0), "suite");
    cr_assert_null(mele_survey_part(survey, 2));
    mele_survey_free(survey);
}

/* ---- published figures ---- */

static const mele_i_published *published_named(const char *name)
{
    size_t i = 0;

    while (strcmp(mele_i_published_at(i)->name, name) != 0)
        i++;
    return mele_i_published_at(i);
}

/* One linear function with ridge 3, the error of each period over the variance of the record: by
 * numpy, from (Z'Z + 3 I) b = Z'y of standardised lags and targets. */
Test(survey, sunspots)
{
    static const mele_i_published_ours ours[] = {{"one", false, true, true},
                                                 {NULL, false, false, false}};
    static const double expected[] = {0.13423478495424598, 0.12941392531775128, 0.3700148631510407};
    mele_survey survey = {.options = {.quick = true, .seed = 1}};
    mele_i_published only = *published_named(MELE_I_SUNSPOTS);
    mele_i_survey_part part;
    mele_error error;

    only.ours = ours;
    cr_assert_eq(mele_i_survey_publish(&survey, &only, &part, &error), MELE_OK, "%s",
                 error.message);
    cr_assert_eq(part.comparison->set[0].rows, 209);
    cr_assert_eq(mele_compare(part.comparison, NULL, NULL, &error), MELE_OK, "%s", error.message);
    cr_assert_eq(mele_i_survey_find(&part, &survey, NULL, &error), MELE_OK, "%s", error.message);
    cr_assert_eq(mele_i_survey_chosen(&part), 0);
    for (size_t i = 0; i < MELE_I_PUBLISHED_FIGURES; i++)
        cr_assert(fabs(part.found[0].figure[i] - expected[i]) < 1e-9, "%.17g",
                  part.found[0].figure[i]);
    mele_comparison_free(part.comparison);
    free(part.found);
}
