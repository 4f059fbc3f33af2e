/* Predictions of others as a file has them, and whether they are of these rows and folds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/table.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/quote.h"
#include "fit/folds.h"
#include "schema/data.h"
#include "study/others.h"

#define SAME 1e-6 /* observed values that differ by less, in units of the value, are one */
#define SLACK 0.006 /* of a probability that was written with two digits */
#define NO_COLUMN ((size_t)-1)

/* Where the columns are, and what was found in the rows so far. */
typedef struct reading {
    const mele_i_compared_set *set;
    const mele_data *data;
    uint64_t seed;
    mele_reader *reader;
    mele_table *table;
    size_t repeat, fold, row;     /* columns */
    size_t *observed, *predicted; /* of each target */
    size_t *probability;          /* of each class; NULL: regression, or there are none */
    size_t *row_of;               /* the data's row of a number in the file, from 0; rows of data: none */
    size_t numbers;
    size_t *level_of;             /* repeats x folds: what the file calls our folds; NO_COLUMN: not met yet */
    unsigned char *there;         /* repeats x rows */
    double *out;
    size_t width;
} reading;

static void reading_clear(reading *r)
{
    mele_reader_close(r->reader);
    mele_table_free(r->table);
    free(r->observed);
    free(r->predicted);
    free(r->probability);
    free(r->row_of);
    free(r->level_of);
    free(r->there);
    free(r->out);
}

/* ---- columns ---- */

static size_t find_column(const mele_reader *reader, const char *before, const char *name)
{
    const size_t length = strlen(before);

    for (size_t j = 0; j < mele_reader_columns(reader); j++) {
        const char *column = mele_reader_name(reader, j);
        if (strncmp(column, before, length) == 0 && strcmp(column + length, name) == 0)
            return j;
    }
    return NO_COLUMN;
}

static mele_status no_column(const char *before, const char *name, mele_error *error)
{
    return mele_i_fail_at(error, MELE_EDATA, 1, "there is no column \"%s%s\": predictions of others have the columns of "
                          "'mele-fit --cv-output': repeat, fold, row, observed and predicted, or prob_LEVEL of classes",
                          before, name);
}

static mele_status want(reading *r, const char *before, const char *name, mele_column_kind kind, size_t *column,
                        mele_error *error)
{
    *column = find_column(r->reader, before, name);
    return *column == NO_COLUMN ? no_column(before, name, error)
                                : mele_reader_want(r->reader, *column, kind, false, error);
}

/* "observed", of several targets "observed_TARGET". */
static mele_status want_targets(reading *r, const char *word, mele_column_kind kind, size_t *columns,
                                mele_error *error)
{
    const mele_schema *schema = r->data->schema;
    char before[16];
    mele_status status = MELE_OK;

    snprintf(before, sizeof before, "%s%s", word, schema->targets > 1 ? "_" : "");
    for (size_t t = 0; t < schema->targets && status == MELE_OK; t++)
        status = want(r, before, schema->targets > 1 ? schema->target[t].name : "", kind, &columns[t], error);
    return status;
}

/* Probabilities of all classes, or of none. */
static mele_status want_probabilities(reading *r, mele_error *error)
{
    const mele_schema *schema = r->data->schema;
    const size_t classes = mele_schema_classes(schema);
    size_t found = 0;
    mele_status status = MELE_OK;

    for (size_t c = 0; c < classes; c++)
        found += find_column(r->reader, "prob_", mele_schema_class(schema, c)) != NO_COLUMN;
    if (found == 0)
        return want_targets(r, "predicted", MELE_COLUMN_CATEGORY, r->predicted, error);
    if ((r->probability = MELE_I_ARRAY(size_t, classes)) == NULL)
        return mele_i_no_memory(error);
    for (size_t c = 0; c < classes && status == MELE_OK; c++)
        status = want(r, "prob_", mele_schema_class(schema, c), MELE_COLUMN_NUMBER, &r->probability[c], error);
    return status;
}

static mele_status find_columns(reading *r, mele_error *error)
{
    const bool classes = r->set->classes > 0;
    mele_status status = MELE_OK;

    r->observed = MELE_I_ARRAY(size_t, r->set->targets);
    r->predicted = MELE_I_ARRAY(size_t, r->set->targets);
    if (r->observed == NULL || r->predicted == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < mele_reader_columns(r->reader) && status == MELE_OK; j++)
        status = mele_reader_want(r->reader, j, MELE_COLUMN_SKIP, false, error);
    r->repeat = find_column(r->reader, "", "repeat");
    if (status == MELE_OK && r->repeat != NO_COLUMN)
        status = mele_reader_want(r->reader, r->repeat, MELE_COLUMN_NUMBER, false, error);
    if (status == MELE_OK)
        status = want(r, "", "fold", MELE_COLUMN_CATEGORY, &r->fold, error);
    if (status == MELE_OK)
        status = want(r, "", "row", MELE_COLUMN_NUMBER, &r->row, error);
    if (status == MELE_OK)
        status = want_targets(r, "observed", classes ? MELE_COLUMN_CATEGORY : MELE_COLUMN_NUMBER, r->observed, error);
    if (status == MELE_OK)
        status = classes ? want_probabilities(r, error)
                         : want_targets(r, "predicted", MELE_COLUMN_NUMBER, r->predicted, error);
    return status;
}

/* ---- rows ---- */

static mele_status make_room(reading *r, mele_error *error)
{
    const size_t rows = r->data->rows, repeats = r->set->repeats;

    r->numbers = rows == 0 ? 0 : mele_i_data_row(r->data, rows - 1) + 1;
    r->width = r->set->classes > 0 ? r->set->classes : r->set->targets;
    r->row_of = MELE_I_ARRAY(size_t, r->numbers);
    r->level_of = mele_i_array(repeats, r->set->folds * sizeof(size_t));
    r->there = mele_i_zeroed(repeats, rows);
    r->out = mele_i_array(repeats * rows, r->width * sizeof(double));
    if (r->row_of == NULL || r->level_of == NULL || r->there == NULL || r->out == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < r->numbers; i++)
        r->row_of[i] = rows;
    for (size_t i = 0; i < rows; i++)
        r->row_of[mele_i_data_row(r->data, i)] = i;
    for (size_t i = 0; i < repeats * r->set->folds; i++)
        r->level_of[i] = NO_COLUMN;
    for (size_t i = 0; i < repeats * rows * r->width; i++)
        r->out[i] = NAN;
    return MELE_OK;
}

/* A whole number from 1 to `most` in a cell, from 0. */
static bool take_number(const reading *r, size_t line, size_t column, size_t most, size_t *out)
{
    const double value = column == NO_COLUMN ? 1 : mele_table_values(r->table, column)[line];

    if (!(value >= 1 && value <= (double)most && value == floor(value)))
        return false;
    *out = (size_t)value - 1;
    return true;
}

/* Which of the data's classes a cell names; their number: none. */
static size_t class_of(const reading *r, size_t line, size_t column)
{
    const double level = mele_table_values(r->table, column)[line];
    size_t c = 0;

    if (isnan(level))
        return r->set->classes;
    const char *name = mele_table_level(r->table, column, (size_t)level);
    while (c < r->set->classes && strcmp(mele_schema_class(r->data->schema, c), name) != 0)
        c++;
    return c;
}

static bool is_observed(const reading *r, size_t line, size_t row)
{
    for (size_t t = 0; t < r->set->targets; t++) {
        const double truth = r->data->targets[row * r->set->targets + t];
        const double said = r->set->classes > 0 ? (double)class_of(r, line, r->observed[t])
                                                : mele_table_values(r->table, r->observed[t])[line];
        if (!(fabs(said - truth) <= SAME * fabs(truth)))
            return false;
    }
    return true;
}

/* The fold of a row is ours, as far as folds that have been met tell. */
static bool is_our_fold(reading *r, size_t line, size_t repeat, size_t row)
{
    const size_t folds = r->set->folds, fold = r->set->fold_of_row[repeat * r->data->rows + row];
    const double said = mele_table_values(r->table, r->fold)[line];
    size_t *known = r->level_of + repeat * folds;

    if (isnan(said))
        return false;
    if (known[fold] == NO_COLUMN)
        for (size_t f = 0; f < folds; f++)
            if (known[f] == (size_t)said)
                return false;
    if (known[fold] == NO_COLUMN)
        known[fold] = (size_t)said;
    return known[fold] == (size_t)said;
}

static mele_status refuse_fold(const reading *r, size_t line, mele_error *error)
{
    const size_t where = mele_table_line(r->table, line);

    if (r->set->fold_name != NULL)
        return mele_i_fail_at(error, MELE_EDATA, where, "this row is in another fold than the column of --folds says");
    return mele_i_fail_at(error, MELE_EDATA, where, "these are other folds than those of the comparison, which are "
                          "compared by pairs: 'mele-fit --cv %zu%s --seed %llu' of these rows makes the same ones, or "
                          "both take them from a column (--folds COL)", r->set->folds,
                          r->set->repeats > 1 ? " --repeats R" : "", (unsigned long long)r->seed);
}

/* Each from 0 to 1, and together 1 as far as few digits tell, or one that is missing. */
static bool are_probabilities(const double *p, size_t classes)
{
    double sum = 0;

    for (size_t c = 0; c < classes; c++) {
        if (p[c] < -SLACK || p[c] > 1 + SLACK)
            return false;
        sum += p[c];
    }
    return !(fabs(sum - 1) > SLACK * (double)classes);
}

static mele_status take_probabilities(const reading *r, size_t line, double *out, mele_error *error)
{
    for (size_t c = 0; c < r->width; c++)
        out[c] = mele_table_values(r->table, r->probability[c])[line];
    return are_probabilities(out, r->width)
               ? MELE_OK
               : mele_i_fail_at(error, MELE_EDATA, mele_table_line(r->table, line), "the columns prob_LEVEL are no "
                                "probabilities here: each is from 0 to 1, and their sum is 1 (scores that are none: "
                                "leave the columns out, \"predicted\" is enough for the error)");
}

static mele_status take_prediction(reading *r, size_t line, size_t at, mele_error *error)
{
    double *out = r->out + at * r->width;

    if (r->set->classes == 0) {
        for (size_t t = 0; t < r->width; t++)
            out[t] = mele_table_values(r->table, r->predicted[t])[line];
        return MELE_OK;
    }
    if (r->probability != NULL)
        return take_probabilities(r, line, out, error);
    if (isnan(mele_table_values(r->table, r->predicted[0])[line]))
        return MELE_OK;
    const size_t class = class_of(r, line, r->predicted[0]);
    if (class == r->set->classes)
        return mele_i_fail_at(error, MELE_EDATA, mele_table_line(r->table, line), "the predicted class is none of the "
                              "set's");
    for (size_t c = 0; c < r->width; c++)
        out[c] = c == class;
    return MELE_OK;
}

static mele_status take_row(reading *r, size_t line, mele_error *error)
{
    const size_t where = mele_table_line(r->table, line), rows = r->data->rows;
    size_t repeat, number, row = rows;

    if (!take_number(r, line, r->repeat, r->set->repeats, &repeat))
        return mele_i_fail_at(error, MELE_EDATA, where, "the repeat is none of the %zu of the comparison (--repeats)",
                              r->set->repeats);
    if (take_number(r, line, r->row, r->numbers, &number))
        row = r->row_of[number];
    if (row == rows || r->set->fold_of_row[repeat * rows + row] == MELE_I_NO_FOLD)
        return mele_i_fail_at(error, MELE_EDATA, where, "there is no such row among the %zu that are left out of %s: "
                              "these are predictions of other data", r->set->rows, r->set->name);
    if (r->there[repeat * rows + row]++)
        return mele_i_fail_at(error, MELE_EDATA, where, "row %zu is predicted twice in repeat %zu", number + 1,
                              repeat + 1);
    if (!is_observed(r, line, row))
        return mele_i_fail_at(error, MELE_EDATA, where, "what was observed in row %zu is not what %s has there: these "
                              "are predictions of other data", number + 1, r->set->name);
    if (!is_our_fold(r, line, repeat, row))
        return refuse_fold(r, line, error);
    if (take_prediction(r, line, repeat * rows + row, error) != MELE_OK)
        return MELE_EDATA;
    for (size_t c = 0; c < r->width; c++)
        if (isnan(r->out[(repeat * rows + row) * r->width + c]))
            return mele_i_fail_at(error, MELE_EDATA, where, "row %zu has no prediction: who leaves rows out has less "
                                  "to answer for, and is not compared", number + 1);
    return MELE_OK;
}

/* Every row that is left out is predicted once a repeat. */
static mele_status check_whole(const reading *r, mele_error *error)
{
    const size_t wanted = r->set->rows * r->set->repeats, found = mele_table_rows(r->table);

    if (found == wanted)
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA, "predictions of %zu rows, and %zu are left out (%zu in each of %zu repeat%s)",
                       found, wanted, r->set->rows, r->set->repeats, r->set->repeats == 1 ? "" : "s");
}

static mele_status read_all(reading *r, const char *path, mele_engine *engine, mele_error *error)
{
    mele_status status = mele_reader_open(path, NULL, &r->reader, error);

    if (status == MELE_OK)
        status = find_columns(r, error);
    if (status == MELE_OK)
        status = mele_reader_next(r->reader, 0, engine, &r->table, error);
    if (status == MELE_OK)
        status = make_room(r, error);
    for (size_t line = 0; status == MELE_OK && line < mele_table_rows(r->table); line++)
        status = take_row(r, line, error);
    return status == MELE_OK ? check_whole(r, error) : status;
}

mele_status mele_i_others_read(const mele_i_compared_set *set, uint64_t seed, const char *path, mele_engine *engine,
                               mele_i_others *out, mele_error *error)
{
    reading r = {.set = set, .data = set->data, .seed = seed};
    mele_status status = read_all(&r, path, engine, error);

    if (status == MELE_OK) {
        *out = (mele_i_others){r.out, set->classes > 0 && r.probability == NULL};
        r.out = NULL;
    }
    reading_clear(&r);
    return status;
}

void mele_i_others_clear(mele_i_others *others)
{
    free(others->predicted);
    others->predicted = NULL;
}
