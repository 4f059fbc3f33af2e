/* The sets of the suite as data. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/maker.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/survey_suite.h"
#include "study/tables.h"

/* A table's rows and columns as a set has them. */
typedef struct picking {
    const mele_i_suite_set *set;
    const mele_i_table *table;
    size_t *row, rows;         /* those that are taken */
    size_t *feature, features; /* their columns */
    size_t target, group,
        category;        /* columns; group, category: none where they are table->columns */
    const char **name;   /* features, and then the classes */
    size_t *levels;      /* features: of categories */
    size_t *of_group;    /* rows */
    char number[16][16]; /* names of classes that are numbers */
    size_t classes;
    double *x, *y;
} picking;

static void picking_clear(picking *p)
{
    free(p->row);
    free(p->feature);
    free((void *)p->name);
    free(p->levels);
    free(p->of_group);
    free(p->y);
}

/* ---- names ---- */

/* Whether a name is among those of a list with commas. */
static bool is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = list;; at += strcspn(at, ",") + 1) {
        if (strcspn(at, ",") == length && memcmp(at, name, length) == 0)
            return true;
        if (at[strcspn(at, ",")] == '\0')
            return false;
    }
}

/* The column of that name, or of none their number. */
static size_t column_named(const mele_i_table *table, const char *name)
{
    size_t j = 0;

    while (j < table->columns && (name == NULL || strcmp(table->column[j], name) != 0))
        j++;
    return j;
}

/* ---- which rows and columns ---- */

static double cell(const picking *p, size_t row, size_t column)
{
    return p->table->value[row * p->table->columns + column];
}

static bool is_taken(const picking *p, size_t row)
{
    if (row < p->set->lags || (p->set->rows > 0 && row % p->set->rows != 0))
        return false;
    return p->set->only == NULL
           || is_listed(p->set->only, p->table->levels[p->target][(size_t)cell(p, row, p->target)]);
}

static void pick_rows(picking *p)
{
    const size_t most = p->set->most > 0 ? p->set->most : p->table->rows;

    for (size_t i = 0; i < p->table->rows && p->rows < most; i++)
        if (is_taken(p, i))
            p->row[p->rows++] = i;
}

static void pick_features(picking *p)
{
    static const char *const lag[] = {"lag1", "lag2", "lag3", "lag4",  "lag5",  "lag6",
                                      "lag7", "lag8", "lag9", "lag10", "lag11", "lag12"};

    for (size_t j = 0; j < p->set->lags; j++)
        p->name[p->features++] = lag[j];
    for (size_t j = 0; j < p->table->columns && p->set->lags == 0; j++)
        if (j != p->target
            && (p->set->features == NULL || is_listed(p->set->features, p->table->column[j]))) {
            p->name[p->features] = p->table->column[j];
            p->feature[p->features++] = j;
        }
}

static mele_status picking_make(const mele_i_suite_set *set, picking *p, mele_error *error)
{
    const mele_i_table *table = mele_i_table_named(set->table);
    const size_t width = table->columns + set->lags;

    *p = (picking){.set = set,
                   .table = table,
                   .target = column_named(table, set->target),
                   .group = column_named(table, set->group),
                   .category = column_named(table, set->category),
                   .row = MELE_I_ARRAY(size_t, table->rows),
                   .feature = MELE_I_ARRAY(size_t, width),
                   .name = MELE_I_ARRAY(const char *, width),
                   .levels = MELE_I_ZEROED(size_t, width),
                   .of_group = MELE_I_ARRAY(size_t, table->rows),
                   .y = MELE_I_ARRAY(double, table->rows),
                   .x = mele_i_array(table->rows, width * sizeof(double))};
    if (p->row == NULL || p->feature == NULL || p->name == NULL || p->levels == NULL
        || p->of_group == NULL || p->y == NULL || p->x == NULL)
        return mele_i_no_memory(error);
    pick_rows(p);
    pick_features(p);
    return MELE_OK;
}

/* ---- their numbers ---- */

/* How many different values of a column the rows have, and which of them, in their order, `value`
 * is. */
static size_t place(const picking *p, size_t column, double value, size_t *count)
{
    size_t below = 0;
    double last = -HUGE_VAL;

    for (*count = 0;; ++*count) {
        double next = HUGE_VAL;
        for (size_t i = 0; i < p->rows; i++)
            if (cell(p, p->row[i], column) > last)
                next = fmin(next, cell(p, p->row[i], column));
        if (next == HUGE_VAL)
            return below;
        below += next < value;
        last = next;
    }
}

/* What names the class of a row: its level, or its number. */
static void name_class(picking *p, const char **class_name, size_t row, size_t c)
{
    const char *const *levels = p->table->levels[p->target];
    const double value = cell(p, row, p->target);

    if (levels == NULL)
        snprintf(p->number[c], sizeof p->number[c], "%g", value);
    class_name[c] = levels == NULL ? p->number[c] : levels[(size_t)value];
}

/* class_name: of targets that are classes, else NULL. */
static void fill_targets(picking *p, const char **class_name)
{
    for (size_t i = 0; i < p->rows; i++) {
        const double value = cell(p, p->row[i], p->target);
        if (class_name == NULL) {
            p->y[i] = value;
            continue;
        }
        const size_t c = place(p, p->target, value, &p->classes);
        p->y[i] = (double)c;
        name_class(p, class_name, p->row[i], c);
    }
}

static void fill_features(picking *p)
{
    for (size_t i = 0; i < p->rows; i++) {
        for (size_t j = 0; j < p->features; j++) {
            double *x = &p->x[i * p->features + j];
            if (p->set->lags > 0)
                *x = cell(p, p->row[i] - j - 1, p->target);
            else if (p->feature[j] == p->category)
                *x = (double)place(p, p->category, cell(p, p->row[i], p->category), &p->levels[j]);
            else
                *x = cell(p, p->row[i], p->feature[j]);
        }
        if (p->group < p->table->columns)
            p->of_group[i] = (size_t)cell(p, p->row[i], p->group);
    }
}

/* ---- data ---- */

static mele_status data_of_table(picking *p, mele_data **out, mele_error *error)
{
    const char *class_name[sizeof p->number / sizeof *p->number];
    const bool classes = p->set->classes;
    mele_data *made = NULL;

    fill_targets(p, classes ? class_name : NULL);
    fill_features(p);
    const mele_matrix x = mele_matrix_of(p->x, p->rows, p->features),
                      y = mele_matrix_of(p->y, p->rows, 1);
    mele_status status = mele_data_of_arrays(&x, &y, p->classes, NULL, &made, error);
    if (status == MELE_OK)
        status =
            mele_data_set_names(made, p->name, &p->set->target, classes ? class_name : NULL, error);
    if (status == MELE_OK && p->category < p->table->columns)
        status = mele_data_set_levels(made, p->levels, error);
    if (status == MELE_OK && p->group < p->table->columns)
        status = mele_data_set_groups(made, p->of_group, error);
    if (status != MELE_OK)
        mele_data_free(made);
    else
        *out = made;
    return status;
}

static mele_status read_table(const mele_i_suite_set *set, mele_data **out, double **numbers,
                              mele_error *error)
{
    picking p;
    mele_status status = picking_make(set, &p, error);

    if (status == MELE_OK)
        status = data_of_table(&p, out, error);
    if (status == MELE_OK)
        *numbers = p.x;
    else
        free(p.x);
    picking_clear(&p);
    return status;
}

/* The target is the last column. */
static mele_status data_of_maker(const mele_i_suite_set *set, double *numbers, mele_data **out,
                                 mele_error *error)
{
    const char *column[32], *class_name[16];
    const size_t columns = mele_maker_columns(set->name), classes = mele_maker_classes(set->name);
    const mele_matrix x = {numbers, set->rows, columns - 1, columns},
                      y = {numbers + columns - 1, set->rows, 1, columns};
    mele_data *made = NULL;

    for (size_t j = 0; j < columns; j++)
        column[j] = mele_maker_column(set->name, j);
    for (size_t c = 0; c < classes; c++)
        class_name[c] = mele_maker_class(set->name, c);
    mele_status status = mele_data_of_arrays(&x, &y, classes, NULL, &made, error);
    if (status == MELE_OK)
        status = mele_data_set_names(made, column, column + columns - 1,
                                     classes > 0 ? class_name : NULL, error);
    if (status != MELE_OK)
        mele_data_free(made);
    else
        *out = made;
    return status;
}

static mele_status make(const mele_i_suite_set *set, uint64_t seed, mele_data **out,
                        double **numbers, mele_error *error)
{
    mele_maker_options options = mele_maker_defaults();
    double *made = mele_i_array(set->rows, mele_maker_columns(set->name) * sizeof(double));

    if (made == NULL)
        return mele_i_no_memory(error);
    options.seed = seed;
    mele_status status = mele_maker_fill(set->name, &options, set->rows, made, error);
    if (status == MELE_OK)
        status = data_of_maker(set, made, out, error);
    if (status == MELE_OK)
        *numbers = made;
    else
        free(made);
    return status;
}

mele_status mele_i_suite_data(const mele_i_suite_set *set, uint64_t seed, mele_data **out,
                              double **numbers, mele_error *error)
{
    return set->table == NULL ? make(set, seed, out, numbers, error)
                              : read_table(set, out, numbers, error);
}
