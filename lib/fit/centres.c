/* Centres that stage 1 starts from. A file of them has a row for each centre and, in the data's
 * units, the columns that are clustered: numbers under their own names, a category as its
 * indicators "feature=level" or as one level; or it is the table of centres that a model prints,
 * with the columns cluster, column and value. Either way cells are read as text, since only the
 * first row tells which of the two it is. */
#include "fit/centres.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/fit.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/quote.h"
#include "data/strings.h"
#include "schema/data.h"

#define NO_LEVEL ((size_t)-1)
#define NOWHERE ((size_t)-1)

/* A column that is clustered: a number, or the indicator of a level. */
typedef struct coordinate {
    const mele_i_variable *variable;
    size_t level;    /* NO_LEVEL: a number */
    size_t column;   /* of the file, where it has one for each */
    bool as_level;   /* that column holds levels, not indicators */
} coordinate;

typedef struct source {
    const mele_table *table;
    bool named;   /* the first row names the columns; else they go by position */
    size_t first; /* row of a centre */
    size_t count;
    coordinate *coordinate;
} source;

void mele_centres_clear(mele_centres *centres)
{
    free(centres->values);
    memset(centres, 0, sizeof *centres);
}

/* ---- what is clustered ---- */

static void add_targets(const mele_schema *schema, source *s)
{
    size_t classes = mele_schema_classes(schema);

    for (size_t c = 0; c < classes; c++)
        s->coordinate[s->count++] = (coordinate){&schema->target[0], c, NOWHERE, false};
    for (size_t t = 0; t < schema->targets && classes == 0; t++)
        s->coordinate[s->count++] = (coordinate){&schema->target[t], NO_LEVEL, NOWHERE, false};
}

/* The coordinates of the design columns column[0 .. columns), which ascend. */
static void add_features(const mele_schema *schema, const size_t *column, size_t columns,
                         source *s)
{
    size_t j = 0, first = 0;

    for (size_t c = 0; c < columns; c++) {
        while (column[c] - first >= mele_i_variable_columns(&schema->feature[j]))
            first += mele_i_variable_columns(&schema->feature[j++]);
        bool number = schema->feature[j].levels == 0;
        s->coordinate[s->count++] = (coordinate){
            &schema->feature[j], number ? NO_LEVEL : column[c] - first + 1, NOWHERE, false};
    }
}

static mele_status list_coordinates(const mele_schema *schema, const char *on, source *s,
                                    mele_error *error)
{
    size_t *column = NULL, columns = 0, classes = mele_schema_classes(schema);
    mele_status status = mele_i_space_choose(schema, on, &column, &columns, error);

    if (status != MELE_OK)
        return status;
    s->coordinate = mele_i_array(columns + schema->targets + classes, sizeof *s->coordinate);
    if (s->coordinate == NULL)
        status = mele_i_no_memory(error);
    else
        add_features(schema, column, columns, s);
    if (status == MELE_OK && strcmp(on, "xy") == 0)
        add_targets(schema, s);
    free(column);
    return status;
}

/* "feature" or "feature=level". */
static bool is_called(const coordinate *c, const char *text)
{
    size_t length = strlen(c->variable->name);

    if (c->level == NO_LEVEL)
        return strcmp(text, c->variable->name) == 0;
    return strncmp(text, c->variable->name, length) == 0 && text[length] == '='
           && strcmp(text + length + 1, c->variable->level[c->level]) == 0;
}

static mele_i_quoted name_of(const coordinate *c)
{
    char name[256];

    if (c->level == NO_LEVEL)
        snprintf(name, sizeof name, "%s", c->variable->name);
    else
        snprintf(name, sizeof name, "%s=%s", c->variable->name, c->variable->level[c->level]);
    return mele_i_quote(name, strlen(name));
}

/* ---- cells ---- */

static const char *cell(const source *s, size_t i, size_t j, size_t *length)
{
    return mele_table_text(s->table, i, j, length);
}

static mele_i_quoted column_name(const source *s, size_t j)
{
    size_t length;
    const char *name = s->named ? cell(s, 0, j, &length) : mele_table_name(s->table, j);

    return mele_i_quote(name, strlen(name));
}

static bool is_missing(const char *text)
{
    static const char *const missing[] = {"", "NA", "NaN", "nan", "?"};

    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (strcmp(text, missing[i]) == 0)
            return true;
    return false;
}

static mele_status refuse_cell(const source *s, size_t i, size_t j, const char *what,
                               mele_error *error)
{
    size_t length;
    const char *text = cell(s, i, j, &length);

    if (is_missing(text))
        return mele_i_fail_at(error, MELE_EDATA, mele_table_line(s->table, i),
                              "column %s: missing value", column_name(s, j).text);
    return mele_i_fail_at(error, MELE_EDATA, mele_table_line(s->table, i), "column %s: %s %s",
                          column_name(s, j).text, mele_i_quote(text, length).text, what);
}

static mele_status read_number(const source *s, size_t i, size_t j, double *out, mele_error *error)
{
    size_t length;
    const char *text = cell(s, i, j, &length);

    switch (mele_i_number_parse(text, length, out)) {
    case MELE_I_NUMBER_OK: return MELE_OK;
    case MELE_I_NUMBER_INFINITE: return refuse_cell(s, i, j, "is not a finite number", error);
    default: return refuse_cell(s, i, j, "is not a number", error);
    }
}

/* Row i's value of a coordinate. */
static mele_status read_value(const source *s, size_t i, const coordinate *c, double *out,
                              mele_error *error)
{
    size_t length;

    if (!c->as_level)
        return read_number(s, i, c->column, out, error);
    size_t level = mele_i_variable_level(c->variable, cell(s, i, c->column, &length));
    if (level == c->variable->levels)
        return refuse_cell(s, i, c->column, "is not a level of the data", error);
    *out = level == c->level;
    return MELE_OK;
}

/* ---- a column for each coordinate ---- */

/* The one column of that name, of the coordinate itself or of the whole category; NOWHERE. */
static mele_status find_named(const source *s, const coordinate *c, bool category, size_t *out,
                              mele_error *error)
{
    coordinate whole = {c->variable, category ? NO_LEVEL : c->level, NOWHERE, false};
    size_t length;

    *out = NOWHERE;
    for (size_t j = 0; j < mele_table_columns(s->table); j++) {
        if (!is_called(&whole, cell(s, 0, j, &length)))
            continue;
        if (*out != NOWHERE)
            return mele_i_fail_at(error, MELE_EDATA, mele_table_line(s->table, 0),
                                  "two columns are called %s", name_of(&whole).text);
        *out = j;
    }
    return MELE_OK;
}

static mele_status place_named(const source *s, coordinate *c, mele_error *error)
{
    mele_status status = find_named(s, c, false, &c->column, error);

    if (status == MELE_OK && c->column == NOWHERE && c->level != NO_LEVEL) {
        status = find_named(s, c, true, &c->column, error);
        c->as_level = c->column != NOWHERE;
    }
    if (status == MELE_OK && c->column == NOWHERE)
        status = mele_i_fail_at(error, MELE_EDATA, mele_table_line(s->table, 0),
                                "there is no column %s, which is clustered", name_of(c).text);
    return status;
}

static bool has_categories(const source *s)
{
    for (size_t c = 0; c < s->count; c++)
        if (s->coordinate[c].level != NO_LEVEL)
            return true;
    return false;
}

/* Columns without names stand where they stand in the data, or are the ones that are clustered
 * and no others. */
static mele_status place_by_position(const source *s, mele_error *error)
{
    size_t columns = mele_table_columns(s->table);
    bool only_these = columns == s->count && !has_categories(s);

    for (size_t i = 0; i < s->count; i++) {
        coordinate *c = &s->coordinate[i];
        c->column = only_these ? i : c->variable->position;
        c->as_level = c->level != NO_LEVEL;
        if (c->column >= columns)
            return mele_i_fail_at(error, MELE_EDATA, mele_table_line(s->table, 0),
                                  "there is no column %zu, which is clustered; there are %zu",
                                  c->column + 1, columns);
    }
    return MELE_OK;
}

static mele_status fill_rows(const source *s, mele_centres *out, mele_error *error)
{
    mele_status status = s->named ? MELE_OK : place_by_position(s, error);

    for (size_t c = 0; c < s->count && s->named && status == MELE_OK; c++)
        status = place_named(s, &s->coordinate[c], error);
    if (status != MELE_OK)
        return status;
    out->clusters = mele_table_rows(s->table) - s->first;
    out->values = mele_i_array(out->clusters, s->count * sizeof *out->values);
    if (out->values == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < out->clusters && status == MELE_OK; k++)
        for (size_t c = 0; c < s->count && status == MELE_OK; c++)
            status = read_value(s, s->first + k, &s->coordinate[c], &out->values[k * s->count + c],
                                error);
    return status;
}

/* ---- the table of a model: cluster, column, value ---- */

static bool is_model_table(const mele_table *table)
{
    static const char *const names[] = {"cluster", "column", "value"};
    bool is = mele_table_columns(table) == 3 && mele_table_rows(table) > 0;
    size_t length;

    for (size_t j = 0; j < 3 && is; j++)
        is = strcmp(mele_table_text(table, 0, j, &length), names[j]) == 0;
    return is;
}

/* The coordinate of that name, looked for from `guess` on, since rows mostly follow the order. */
static size_t coordinate_called(const source *s, const char *name, size_t guess)
{
    for (size_t c = 0; c < s->count; c++) {
        size_t at = (guess + c) % s->count;
        if (is_called(&s->coordinate[at], name))
            return at;
    }
    return NOWHERE;
}

static mele_status fill_pairs(const source *s, const size_t *cluster, double *values,
                              mele_error *error)
{
    size_t guess = 0, length;

    for (size_t i = s->first; i < mele_table_rows(s->table); i++) {
        size_t c = coordinate_called(s, cell(s, i, 1, &length), guess);
        if (c == NOWHERE)
            continue;
        double *value = &values[cluster[i] * s->count + c];
        if (!isnan(*value))
            return mele_i_fail_at(error, MELE_EDATA, mele_table_line(s->table, i),
                                  "the cluster has %s twice", name_of(&s->coordinate[c]).text);
        mele_status status = read_number(s, i, 2, value, error);
        if (status != MELE_OK)
            return status;
        guess = c + 1;
    }
    return MELE_OK;
}

static mele_status check_filled(const source *s, const size_t *cluster, const double *values,
                                mele_error *error)
{
    for (size_t i = s->first; i < mele_table_rows(s->table); i++)
        for (size_t c = 0; c < s->count; c++)
            if (isnan(values[cluster[i] * s->count + c]))
                return mele_i_fail_at(error, MELE_EDATA, mele_table_line(s->table, i),
                                      "the cluster that starts here has no %s, which is clustered",
                                      name_of(&s->coordinate[c]).text);
    return MELE_OK;
}

/* cluster[i]: the number of row i's cluster, by first appearance. */
static mele_status number_clusters(const source *s, size_t *cluster, size_t *clusters,
                                   mele_error *error)
{
    mele_i_levels labels = {.slots = 0};
    mele_status status = MELE_OK;

    for (size_t i = s->first; i < mele_table_rows(s->table) && status == MELE_OK; i++) {
        size_t length;
        const char *label = cell(s, i, 0, &length);
        if (is_missing(label))
            status = refuse_cell(s, i, 0, "", error);
        else if (!mele_i_levels_index(&labels, label, length, &cluster[i]))
            status = mele_i_no_memory(error);
    }
    *clusters = labels.names.count;
    mele_i_levels_free(&labels);
    return status;
}

static mele_status fill_model_table(const source *s, mele_centres *out, mele_error *error)
{
    size_t *cluster = MELE_I_ARRAY(size_t, mele_table_rows(s->table));
    mele_status status = cluster == NULL ? mele_i_no_memory(error)
                                         : number_clusters(s, cluster, &out->clusters, error);

    if (status == MELE_OK) {
        out->values = mele_i_array(out->clusters, s->count * sizeof *out->values);
        status = out->values == NULL ? mele_i_no_memory(error) : MELE_OK;
    }
    if (status == MELE_OK) {
        for (size_t i = 0; i < out->clusters * s->count; i++)
            out->values[i] = NAN;
        status = fill_pairs(s, cluster, out->values, error);
    }
    if (status == MELE_OK)
        status = check_filled(s, cluster, out->values, error);
    free(cluster);
    return status;
}

/* ---- the file ---- */

/* All cells as text; a header is the first row. */
static mele_status read_cells(const char *path, mele_engine *engine, mele_table **out,
                              mele_error *error)
{
    mele_table_options options = mele_table_defaults();
    mele_reader *reader = NULL;
    mele_status status;

    options.header = false;
    status = mele_reader_open(path, &options, &reader, error);
    for (size_t j = 0; status == MELE_OK && j < mele_reader_columns(reader); j++)
        status = mele_reader_want(reader, j, MELE_COLUMN_TEXT, true, error);
    if (status == MELE_OK)
        status = mele_reader_next(reader, 0, engine, out, error);
    mele_reader_close(reader);
    return status;
}

static bool is_npy(const char *path)
{
    size_t length = strlen(path);

    return length >= 4 && strcmp(path + length - 4, ".npy") == 0;
}

static mele_status fill(source *s, bool header, mele_centres *out, mele_error *error)
{
    bool model_table = is_model_table(s->table);
    size_t rows = mele_table_rows(s->table);

    s->named = header || model_table;
    s->first = s->named ? 1 : 0;
    if (rows <= s->first)
        return mele_i_fail_at(error, MELE_EDATA, rows == 0 ? 0 : mele_table_line(s->table, 0),
                              "there are no centres");
    return model_table ? fill_model_table(s, out, error) : fill_rows(s, out, error);
}

mele_status mele_centres_read(const char *path, const mele_data *data, const mele_options *options,
                              mele_engine *engine, mele_centres *out, mele_error *error)
{
    source s = {.first = 0};
    mele_centres centres = {0, 0, NULL};
    mele_table *table = NULL;
    mele_status status;

    if (strcmp(options->cluster_on, "xy") == 0 && data->schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "--cluster-on xy needs a target");
    status = list_coordinates(data->schema, options->cluster_on, &s, error);
    if (status == MELE_OK)
        status = read_cells(path, engine, &table, error);
    if (status == MELE_OK) {
        s.table = table;
        centres.columns = s.count;
        status = fill(&s, options->data.table.header && !is_npy(path), &centres, error);
    }
    if (status != MELE_OK)
        mele_centres_clear(&centres);
    else
        *out = centres;
    mele_table_free(table);
    free(s.coordinate);
    return status;
}

/* ---- in the space that is clustered ---- */

static bool is_given(const char *init)
{
    return init != NULL && strcmp(init, "given") == 0;
}

static mele_status check(const mele_options *options, const mele_i_space *space, mele_error *error)
{
    size_t columns = space->columns + space->target_columns;

    if (options->centres != NULL && options->centres->columns != columns)
        return mele_i_fail(error, MELE_EINVAL, "the centres have %zu columns, and %zu are "
                           "clustered", options->centres->columns, columns);
    if (options->centres == NULL && options->centres_file != NULL)
        return mele_i_fail(error, MELE_EINVAL, "the centres of --init \"%s\" have not been read",
                           options->centres_file);
    if (options->centres == NULL && options->partition.centres == NULL
        && is_given(options->partition.init))
        return mele_i_fail(error, MELE_EINVAL, "--init is \"given\", which is what models record; "
                           "name the file of centres (./given if that is its name)");
    return MELE_OK;
}

mele_status mele_i_centres_use(const mele_options *options, const mele_i_space *space,
                               mele_partition_options *partition, mele_matrix *view,
                               double **owned, mele_error *error)
{
    const mele_centres *given = options->centres;
    size_t columns = space->columns + space->target_columns;
    mele_status status = check(options, space, error);

    if (status != MELE_OK)
        return status;
    if (is_given(partition->init))
        partition->init = mele_partition_defaults().init;
    if (given == NULL)
        return MELE_OK;
    *owned = mele_i_array(given->clusters, columns * sizeof **owned);
    if (*owned == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < given->clusters; k++)
        mele_i_space_scale(space, given->values + k * columns, *owned + k * columns);
    *view = mele_matrix_of(*owned, given->clusters, columns);
    partition->centres = view;
    return MELE_OK;
}

void mele_i_centres_forget(mele_options *options)
{
    options->centres = NULL;
    options->centres_file = NULL;
    options->partition.centres = NULL;
    options->partition.responsibilities = NULL;
    if (is_given(options->partition.init))
        options->partition.init = mele_partition_defaults().init;
}

/* ---- in the record of stage 1 ---- */

json_t *mele_i_centres_record(const mele_centres *centres)
{
    return mele_i_json_matrix(centres->values, centres->clusters, centres->columns);
}

mele_status mele_i_centres_recall(const json_t *partition_record, size_t columns, mele_centres *out,
                                  mele_error *error)
{
    const json_t *kept = json_object_get(partition_record, MELE_I_START_KEY);
    const size_t clusters = json_array_size(kept);
    mele_centres centres = {clusters, columns, NULL};
    mele_status status = MELE_OK;

    *out = (mele_centres){0, 0, NULL};
    if (kept == NULL)
        return MELE_OK;
    if (clusters == 0)
        return mele_i_fail(error, MELE_EDATA, "the record of the centres that stage 1 started from "
                           "(\"" MELE_I_START_KEY "\") holds none");
    status = mele_i_json_array_sizes(kept, MELE_I_START_KEY, clusters, columns, error);
    if (status != MELE_OK)
        return status;
    centres.values = mele_i_array(clusters, columns * sizeof *centres.values);
    if (centres.values == NULL)
        return mele_i_no_memory(error);
    status = mele_i_json_array_matrix(kept, MELE_I_START_KEY, centres.values, clusters, columns,
                                      error);
    if (status == MELE_OK)
        *out = centres;
    else
        free(centres.values);
    return status;
}
