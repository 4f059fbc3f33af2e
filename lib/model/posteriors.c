/* Posteriors that came from elsewhere. Log posteriors are taken as they are, so that what
 * mele-predict wrote trains the same experts; posteriors are divided by their sum and floored at
 * 2^-52; labels are posteriors of one and zero. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/posteriors.h>
#include <mele/table.h>

#include "core/error.h"
#include "core/memory.h"

#define LEAST 0x1p-52

typedef enum meaning { LOGARITHMS, PROBABILITIES, LABELS } meaning;

typedef struct source {
    const mele_table *table;
    meaning meaning;
    size_t first, clusters; /* the first column of the numbers */
} source;

void mele_posteriors_clear(mele_posteriors *posteriors)
{
    free(posteriors->log_posteriors);
    memset(posteriors, 0, sizeof *posteriors);
}

/* Columns prefix1, prefix2, ... side by side: sets *first and returns how many there are. */
static size_t numbered_columns(const mele_table *table, const char *prefix, size_t *first)
{
    size_t columns = mele_table_columns(table), count = 0;
    char name[64];

    for (size_t j = 0; j < columns; j++) {
        snprintf(name, sizeof name, "%s%zu", prefix, count + 1);
        if (strcmp(mele_table_name(table, j), name) == 0) {
            if (count == 0)
                *first = j;
            count++;
        } else if (count > 0) {
            break;
        }
    }
    return count;
}

static mele_status refuse(const mele_table *table, size_t i, size_t j, const char *what,
                          mele_error *error)
{
    return mele_i_fail_at(error, MELE_EDATA, mele_table_line(table, i), "column \"%s\": %s",
                          mele_table_name(table, j), what);
}

/* The largest of the labels 1, 2, ... */
static mele_status count_labels(const mele_table *table, size_t *out, mele_error *error)
{
    const double *label = mele_table_values(table, 0);
    double most = 0;

    for (size_t i = 0; i < mele_table_rows(table); i++) {
        if (!(label[i] >= 1 && label[i] <= 1e6) || label[i] != floor(label[i]))
            return refuse(table, i, 0, "a label must be a whole number from 1", error);
        most = fmax(most, label[i]);
    }
    *out = (size_t)most;
    return MELE_OK;
}

static mele_status find_source(const mele_table *table, source *out, mele_error *error)
{
    out->table = table;
    out->meaning = LOGARITHMS;
    out->clusters = numbered_columns(table, "logpost_", &out->first);
    if (out->clusters > 0)
        return MELE_OK;
    out->meaning = PROBABILITIES;
    out->clusters = numbered_columns(table, "post_", &out->first);
    if (out->clusters > 0)
        return MELE_OK;
    if (mele_table_columns(table) != 1)
        return mele_i_fail(error, MELE_EDATA, "neither columns post_1.. or logpost_1.., nor one "
                           "column of labels");
    out->meaning = LABELS;
    out->first = 0;
    return count_labels(table, &out->clusters, error);
}

/* The labels are whole numbers from 1, as they have been counted. */
static void fill_labels(const source *s, size_t rows, double *out)
{
    const double *label = mele_table_values(s->table, s->first);
    const double other = log(LEAST);

    for (size_t i = 0; i < rows; i++, out += s->clusters) {
        for (size_t k = 0; k < s->clusters; k++)
            out[k] = other;
        out[(size_t)label[i] - 1] = 0;
    }
}

static mele_status fill_row(const source *s, size_t i, double *out, mele_error *error)
{
    double sum = 0;

    for (size_t k = 0; k < s->clusters; k++) {
        size_t j = s->first + k;
        double value = mele_table_values(s->table, j)[i];
        if (isnan(value))
            return refuse(s->table, i, j, "missing value", error);
        if (s->meaning != LOGARITHMS && value < 0)
            return refuse(s->table, i, j, "a posterior must not be negative", error);
        out[k] = value;
        sum += value;
    }
    if (s->meaning == LOGARITHMS)
        return MELE_OK;
    if (!(sum > 0) || isinf(sum))
        return refuse(s->table, i, s->first, "the posteriors of the row add up to nothing", error);
    for (size_t k = 0; k < s->clusters; k++)
        out[k] = log(fmax(out[k] / sum, LEAST));
    return MELE_OK;
}

static mele_status fill(const source *s, mele_posteriors *out, mele_error *error)
{
    mele_posteriors p = {mele_table_rows(s->table), s->clusters, NULL};
    mele_status status = MELE_OK;

    if (p.rows == 0)
        return mele_i_fail(error, MELE_EDATA, "there are no rows");
    p.log_posteriors = mele_i_large_array(p.rows, p.clusters * sizeof(double));
    if (p.log_posteriors == NULL)
        return mele_i_no_memory(error);
    if (s->meaning == LABELS)
        fill_labels(s, p.rows, p.log_posteriors);
    for (size_t i = 0; i < p.rows && s->meaning != LABELS && status == MELE_OK; i++)
        status = fill_row(s, i, p.log_posteriors + i * p.clusters, error);
    if (status != MELE_OK)
        mele_posteriors_clear(&p);
    else
        *out = p;
    return status;
}

/* The columns whose numbers matter: others (ids, appended inputs) may hold anything. */
static mele_status want_columns(mele_reader *reader, mele_error *error)
{
    size_t columns = mele_reader_columns(reader);
    mele_status status = MELE_OK;

    for (size_t j = 0; j < columns && status == MELE_OK; j++) {
        const char *name = mele_reader_name(reader, j);
        bool wanted = columns == 1 || strncmp(name, "post_", 5) == 0
                      || strncmp(name, "logpost_", 8) == 0;
        status = mele_reader_want(reader, j, wanted ? MELE_COLUMN_NUMBER : MELE_COLUMN_SKIP, false,
                                  error);
    }
    return status;
}

mele_status mele_posteriors_read(const char *path, size_t clusters, mele_engine *engine,
                                 mele_posteriors *out, mele_error *error)
{
    mele_table_options options = mele_table_defaults();
    mele_reader *reader = NULL;
    mele_table *table = NULL;
    source s = {.first = 0};
    mele_status status;

    options.infinite = true; /* log posteriors may be -inf */
    status = mele_reader_open(path, &options, &reader, error);
    if (status == MELE_OK)
        status = want_columns(reader, error);
    if (status == MELE_OK)
        status = mele_reader_next(reader, 0, engine, &table, error);
    if (status == MELE_OK)
        status = find_source(table, &s, error);
    if (status == MELE_OK && s.meaning == LABELS && s.clusters < clusters)
        s.clusters = clusters;
    if (status == MELE_OK)
        status = fill(&s, out, error);
    mele_table_free(table);
    mele_reader_close(reader);
    return status;
}
