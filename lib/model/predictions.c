/* Predictions of anybody's experts, from a file: which column is whose, and what its numbers may
 * be. */
#include "model/predictions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/table.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/quote.h"
#include "core/suggest.h"
#include "data/strings.h"
#include "model/predict.h"
#include "schema/data.h"

#define EXPERT "expert_"
#define WINDOW_ROWS 16384

typedef struct source {
    const mele_schema *schema;
    const mele_data *data; /* NULL: rows to predict */
    size_t clusters, outputs, classes;
    mele_reader *reader;
    mele_table *table;
    mele_i_levels names; /* of the columns, by their places, and of those that were looked for */
    char *name;          /* room for one that is looked for */
    size_t room;
    bool has_sd;
    const char *last;       /* the column of the expert with the largest number */
    size_t *column;         /* K M of means, then (has_sd) K M of standard deviations */
    size_t rows, room_rows; /* read so far; that there is room for */
    size_t used;            /* of the rows read, those that the data use */
} source;

static void clear_source(source *s)
{
    mele_table_free(s->table);
    mele_reader_close(s->reader);
    mele_i_levels_free(&s->names);
    free(s->name);
    free(s->column);
}

void mele_predictions_clear(mele_predictions *predictions)
{
    free(predictions->mean);
    free(predictions->sd);
    memset(predictions, 0, sizeof *predictions);
}

/* ---- names ---- */

size_t mele_i_expert_prefix(bool classes, bool sd, size_t k, char out[MELE_I_EXPERT_PREFIX_ROOM])
{
    return (size_t)snprintf(out, MELE_I_EXPERT_PREFIX_ROOM, EXPERT "%zu_%s", k + 1,
                            sd        ? "sd_"
                            : classes ? "prob_"
                                      : "");
}

static const char *output_name(const source *s, size_t o)
{
    return s->classes > 0 ? mele_schema_class(s->schema, o) : s->schema->target[o].name;
}

/* The number of the expert whose column begins so, from 1; one beyond `most` is most + 1; 0: it is
 * no expert's. */
static size_t expert_number(const char *name, size_t most)
{
    size_t number = 0;

    if (strncmp(name, EXPERT, strlen(EXPERT)) != 0)
        return 0;
    for (name += strlen(EXPERT); *name >= '0' && *name <= '9'; name++)
        number = number > most ? most + 1 : 10 * number + (size_t)(*name - '0');
    return *name != '_' ? 0 : number > most ? most + 1 : number;
}

/* Write the name of a column to s->name; its length. */
static size_t write_name(const source *s, bool sd, size_t k, size_t o)
{
    char prefix[MELE_I_EXPERT_PREFIX_ROOM];

    mele_i_expert_prefix(s->classes > 0, sd, k, prefix);
    return (size_t)snprintf(s->name, s->room, "%s%s", prefix, output_name(s, o));
}

/* The place of that column; SIZE_MAX: there is none. */
static mele_status look_up(source *s, bool sd, size_t k, size_t o, size_t *out, mele_error *error)
{
    const size_t length = write_name(s, sd, k, o);

    if (!mele_i_levels_index(&s->names, s->name, length, out))
        return mele_i_no_memory(error);
    if (*out >= mele_reader_columns(s->reader))
        *out = SIZE_MAX;
    return MELE_OK;
}

static mele_status remember_names(source *s, mele_error *error)
{
    size_t index;

    for (size_t o = 0; o < s->outputs; o++)
        s->room = s->room > strlen(output_name(s, o)) ? s->room : strlen(output_name(s, o));
    s->room += MELE_I_EXPERT_PREFIX_ROOM;
    s->name = MELE_I_ARRAY(char, s->room);
    s->names.exact = true;
    for (size_t j = 0; j < mele_reader_columns(s->reader) && s->name != NULL; j++) {
        const char *name = mele_reader_name(s->reader, j);
        if (!mele_i_levels_index(&s->names, name, strlen(name), &index))
            return mele_i_no_memory(error);
    }
    return s->name == NULL ? mele_i_no_memory(error) : MELE_OK;
}

/* ---- which column is whose ---- */

/* The columns that one which is not there may have been meant by: those that say to be of its
 * expert, or else of none. */
typedef struct near_names {
    const source *s;
    size_t expert; /* its number; 0: of none */
} near_names;

static bool is_near(const near_names *near, size_t j)
{
    const char *name = mele_reader_name(near->s->reader, j);

    return expert_number(name, mele_reader_columns(near->s->reader)) == near->expert;
}

static const char *near_name_at(size_t i, const void *user)
{
    const near_names *near = user;

    for (size_t j = 0; j < mele_reader_columns(near->s->reader); j++)
        if (is_near(near, j) && i-- == 0)
            return mele_reader_name(near->s->reader, j);
    return NULL;
}

/* The column whose name stands in s->name is not there. */
static mele_status refuse_absence(const source *s, const char *why, mele_error *error)
{
    const size_t length = strlen(s->name), columns = mele_reader_columns(s->reader);
    near_names near = {s, expert_number(s->name, columns)};

    if (near_name_at(0, &near) == NULL && s->last != NULL)
        return mele_i_fail(error, MELE_EDATA,
                           "there is no column %s, though there is %s: experts are "
                           "numbered from 1 without a gap",
                           mele_i_quote(s->name, length).text,
                           mele_i_quote(s->last, strlen(s->last)).text);
    if (near_name_at(0, &near) == NULL)
        near.expert = 0;
    return mele_i_fail(error, MELE_EDATA, "there is no column %s%s%s",
                       mele_i_quote(s->name, length).text, why,
                       mele_i_suggest(s->name, length, near_name_at, &near).text);
}

static mele_status refuse_count(const source *s, size_t count, mele_error *error)
{
    return mele_i_fail(error, MELE_EDATA,
                       "the columns are of %zu experts, the last of them %s, and "
                       "there are to be %zu: as many as --clusters says, or as there are regions of the "
                       "posteriors or of the model",
                       count, mele_i_quote(s->last, strlen(s->last)).text, s->clusters);
}

/* How many experts there are, by the largest number in a name. */
static mele_status count_experts(source *s, mele_error *error)
{
    const size_t columns = mele_reader_columns(s->reader);
    size_t most = 0;

    for (size_t j = 0; j < columns; j++) {
        const size_t number = expert_number(mele_reader_name(s->reader, j), columns);
        if (number > most) {
            most = number;
            s->last = mele_reader_name(s->reader, j);
        }
    }
    if (most == 0) {
        write_name(s, false, 0, 0);
        return refuse_absence(s,
                              " of what the first expert predicts (as 'mele-predict --items "
                              "experts' names them)",
                              error);
    }
    if (s->clusters > 0 && most <= columns && most != s->clusters)
        return refuse_count(s, most, error);
    s->clusters = s->clusters > 0 ? s->clusters : most;
    return MELE_OK;
}

/* All means have their columns. */
static mele_status place_means(source *s, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t e = 0; e < s->clusters * s->outputs && status == MELE_OK; e++) {
        status = look_up(s, false, e / s->outputs, e % s->outputs, &s->column[e], error);
        if (status == MELE_OK && s->column[e] == SIZE_MAX)
            status = refuse_absence(s, "", error);
    }
    return status;
}

/* Either all standard deviations have columns, or none has. What is the mean of another target is
 * no standard deviation. */
static mele_status place_sds(source *s, const bool *taken, mele_error *error)
{
    const size_t count = s->clusters * s->outputs;
    size_t *column = s->column + count, first = SIZE_MAX;
    mele_status status = MELE_OK;

    for (size_t e = 0; e < count && status == MELE_OK; e++) {
        status = look_up(s, true, e / s->outputs, e % s->outputs, &column[e], error);
        if (status == MELE_OK && column[e] != SIZE_MAX && taken[column[e]])
            column[e] = SIZE_MAX;
        s->has_sd = s->has_sd || (status == MELE_OK && column[e] != SIZE_MAX);
    }
    for (size_t e = count; e > 0; e--)
        first = column[e - 1] == SIZE_MAX ? e - 1 : first;
    if (status != MELE_OK || !s->has_sd || first == SIZE_MAX)
        return status;
    write_name(s, true, first / s->outputs, first % s->outputs);
    return mele_i_fail(error, MELE_EDATA,
                       "there is no column %s, though there are other standard "
                       "deviations: give all of them or none",
                       mele_i_quote(s->name, strlen(s->name)).text);
}

/* A probability that is left out would be shared out among the others. */
static mele_status check_classes(const source *s, const bool *taken, mele_error *error)
{
    char prefix[MELE_I_EXPERT_PREFIX_ROOM];

    for (size_t j = 0; j < mele_reader_columns(s->reader); j++) {
        const char *name = mele_reader_name(s->reader, j);
        const size_t number = expert_number(name, s->clusters);
        if (taken[j] || number == 0 || number > s->clusters)
            continue;
        const size_t length = mele_i_expert_prefix(true, false, number - 1, prefix);
        if (strncmp(name, prefix, length) == 0)
            return mele_i_fail(error, MELE_EDATA,
                               "column %s: the target has no such class (without "
                               "the column the other probabilities are divided by their sum)",
                               mele_i_quote(name, strlen(name)).text);
    }
    return MELE_OK;
}

static mele_status place_by_name(source *s, mele_error *error)
{
    const size_t count = s->clusters * s->outputs;
    bool *taken = MELE_I_ZEROED(bool, mele_reader_columns(s->reader));
    mele_status status = taken == NULL ? mele_i_no_memory(error) : place_means(s, error);

    for (size_t e = 0; e < count && status == MELE_OK; e++)
        taken[s->column[e]] = true;
    if (status == MELE_OK)
        status = s->classes > 0 ? check_classes(s, taken, error) : place_sds(s, taken, error);
    free(taken);
    return status;
}

/* Without names: the means, and perhaps standard deviations after them. */
static mele_status place_by_position(source *s, mele_error *error)
{
    const size_t columns = mele_reader_columns(s->reader), count = s->clusters * s->outputs;

    s->has_sd = s->classes == 0 && columns == 2 * count;
    if (columns != count && !s->has_sd)
        return mele_i_fail(error, MELE_EDATA,
                           "%zu columns without names, and %zu experts of %zu %s "
                           "have %zu%s",
                           columns, s->clusters, s->outputs, s->classes > 0 ? "classes" : "targets",
                           count,
                           s->classes > 0 ? "" : ", or twice as many with standard deviations");
    for (size_t e = 0; e < columns; e++)
        s->column[e] = e;
    return MELE_OK;
}

static mele_status find_columns(source *s, mele_error *error)
{
    const bool named = mele_reader_has_header(s->reader);
    mele_status status = remember_names(s, error);

    if (status == MELE_OK && named)
        status = count_experts(s, error);
    else if (status == MELE_OK && s->clusters == 0)
        status = mele_i_fail(error, MELE_EDATA,
                             "columns without names do not tell how many experts "
                             "there are: --clusters N says so");
    if (status != MELE_OK)
        return status;
    s->column = mele_i_array(s->clusters, 2 * s->outputs * sizeof *s->column);
    if (s->column == NULL)
        return mele_i_no_memory(error);
    return named ? place_by_name(s, error) : place_by_position(s, error);
}

/* The columns whose numbers matter: others (ids, appended inputs) may hold anything. */
static mele_status want_columns(const source *s, mele_error *error)
{
    const size_t count = s->clusters * s->outputs * (s->has_sd ? 2 : 1);
    mele_status status = MELE_OK;

    for (size_t j = 0; j < mele_reader_columns(s->reader) && status == MELE_OK; j++)
        status = mele_reader_want(s->reader, j, MELE_COLUMN_SKIP, false, error);
    for (size_t e = 0; e < count && status == MELE_OK; e++)
        status = mele_reader_want(s->reader, s->column[e], MELE_COLUMN_NUMBER, false, error);
    return status;
}

/* ---- the numbers ---- */

/* What is wrong with a number whether it is needed or not; NULL: nothing. */
static const char *fault_of(bool classes, bool sd, double value)
{
    return !(value < 0) ? NULL
           : sd         ? "a standard deviation must not be negative"
           : classes    ? "a probability must not be negative"
                        : NULL;
}

static mele_status refuse(const source *s, size_t i, size_t e, const char *what, mele_error *error)
{
    const size_t j = s->column[e];

    return mele_i_fail_at(
        error, MELE_EDATA, mele_table_line(s->table, i), "column %s: %s",
        mele_i_quote(mele_table_name(s->table, j), strlen(mele_table_name(s->table, j))).text,
        what);
}

/* needed: nothing may be missing. */
static mele_status check_row(const source *s, size_t i, bool needed, mele_error *error)
{
    const size_t count = s->clusters * s->outputs, all = count * (s->has_sd ? 2 : 1);
    double sum = 0;

    for (size_t e = 0; e < all; e++) {
        const double value = mele_table_values(s->table, s->column[e])[i];
        const char *wrong = fault_of(s->classes > 0, e >= count, value);
        if (wrong == NULL && needed && isnan(value))
            wrong =
                "missing value: a gate is trained on what every expert predicts of every row, so "
                "the row has to be left out of all files";
        if (wrong == NULL && needed && isinf(value))
            wrong = "a prediction must not be infinite";
        if (wrong == NULL && needed && fabs(value) > MELE_I_FARTHEST)
            wrong = "a prediction must not be beyond 1e150";
        if (wrong != NULL)
            return refuse(s, i, e, wrong, error);
        sum = e % s->outputs == 0 ? value : sum + value;
        if (s->classes > 0 && sum == 0 && e % s->outputs + 1 == s->outputs)
            return refuse(s, i, e, "the probabilities of the expert add up to nothing", error);
    }
    return MELE_OK;
}

/* The window's rows; those that the data dropped may lack anything. Used rows are ascending. */
static mele_status check_window(source *s, mele_error *error)
{
    const size_t rows = mele_table_rows(s->table);
    mele_status status = MELE_OK;

    for (size_t i = 0; i < rows && status == MELE_OK; i++) {
        const bool used = s->data != NULL && s->used < s->data->rows
                          && mele_i_data_row(s->data, s->used) == s->rows + i;
        if (s->data == NULL || used)
            status = check_row(s, i, used, error);
        s->used += used;
    }
    return status;
}

/* Room for so many rows, when there may be more to come. */
static bool grow(const source *s, size_t rows, double **values)
{
    const size_t count = s->clusters * s->outputs;
    double *grown = mele_i_grow(*values, rows, count * sizeof *grown);

    if (grown != NULL)
        *values = grown;
    return grown != NULL;
}

static mele_status make_room(source *s, size_t rows, mele_predictions *out, mele_error *error)
{
    const size_t room =
        rows > s->room_rows + s->room_rows / 4 ? rows : s->room_rows + s->room_rows / 4;

    if (rows <= s->room_rows)
        return MELE_OK;
    if (!grow(s, room, &out->mean) || (s->has_sd && !grow(s, room, &out->sd)))
        return mele_i_no_memory(error);
    s->room_rows = room;
    return MELE_OK;
}

/* The window's columns side by side, row after row. */
static void gather(const source *s, const size_t *column, double *out)
{
    const size_t rows = mele_table_rows(s->table), count = s->clusters * s->outputs;

    for (size_t e = 0; e < count; e++) {
        const double *values = mele_table_values(s->table, column[e]);
        for (size_t i = 0; i < rows; i++)
            out[i * count + e] = values[i];
    }
}

/* The next rows of the file; none after the last. */
static mele_status read_window(source *s, mele_engine *engine, mele_predictions *out,
                               mele_error *error)
{
    const size_t count = s->clusters * s->outputs;

    mele_table_free(s->table);
    s->table = NULL;
    mele_status status = mele_reader_next(s->reader, WINDOW_ROWS, engine, &s->table, error);
    const size_t rows = status == MELE_OK ? mele_table_rows(s->table) : 0;
    if (status == MELE_OK)
        status = check_window(s, error);
    if (status == MELE_OK)
        status = make_room(s, s->rows + rows, out, error);
    if (status != MELE_OK || rows == 0)
        return status;
    gather(s, s->column, out->mean + s->rows * count);
    if (s->has_sd)
        gather(s, s->column + count, out->sd + s->rows * count);
    s->rows += rows;
    return MELE_OK;
}

static mele_status check_count(const source *s, mele_error *error)
{
    if (s->rows == 0)
        return mele_i_fail(error, MELE_EDATA, "there are no rows");
    if (s->data != NULL && s->rows != s->data->rows + s->data->dropped)
        return mele_i_fail(error, MELE_EDATA, "the predictions have %zu rows, the data have %zu",
                           s->rows, s->data->rows + s->data->dropped);
    return MELE_OK;
}

static mele_status read_all(source *s, mele_engine *engine, mele_predictions *out,
                            mele_error *error)
{
    mele_predictions p = {.clusters = s->clusters, .outputs = s->outputs};
    mele_status status = MELE_OK;
    size_t before;

    do {
        before = s->rows;
        status = read_window(s, engine, &p, error);
    } while (status == MELE_OK && s->rows > before);
    if (status == MELE_OK)
        status = check_count(s, error);
    p.rows = s->rows;
    if (status != MELE_OK)
        mele_predictions_clear(&p);
    else
        *out = p;
    return status;
}

mele_status mele_predictions_read(const char *path, const mele_schema *schema, size_t clusters,
                                  const mele_data *data, mele_engine *engine, mele_predictions *out,
                                  mele_error *error)
{
    mele_table_options options = mele_table_defaults();
    const size_t classes = mele_schema_classes(schema);
    source s = {.schema = schema,
                .data = data,
                .clusters = clusters,
                .classes = classes,
                .outputs = classes > 0 ? classes : schema->targets};
    mele_status status;

    if (schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target that is predicted (-t COL)");
    options.infinite = true; /* which rows may hold any is this file's to say */
    status = mele_reader_open(path, &options, &s.reader, error);
    if (status == MELE_OK)
        status = find_columns(&s, error);
    if (status == MELE_OK)
        status = want_columns(&s, error);
    if (status == MELE_OK)
        status = read_all(&s, engine, out, error);
    clear_source(&s);
    return status;
}
