/* Posteriors that came from elsewhere. Log posteriors are taken as they are, so that what
 * mele-predict wrote trains the same experts (whoever needs them normalised does it); posteriors
 * are divided by their sum and floored at 2^-52; labels are posteriors of one and zero. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/posteriors.h>
#include <mele/table.h>

#include "core/error.h"
#include "core/memory.h"

#define LEAST 0x1p-52
#define FEW_REGIONS 20 /* that labels may make of any number of rows */

typedef enum meaning_of { LOGARITHMS, PROBABILITIES, LABELS } meaning_of;

static const char *const prefixes[] = {"logpost_", "post_"}; /* by meaning */

typedef struct source {
    mele_reader *reader;
    mele_table *table;
    meaning_of meaning;
    size_t clusters;
    size_t *column; /* of region k + 1; of the labels */
} source;

static void clear_source(source *s)
{
    mele_table_free(s->table);
    mele_reader_close(s->reader);
    free(s->column);
}

void mele_posteriors_clear(mele_posteriors *posteriors)
{
    free(posteriors->log_posteriors);
    memset(posteriors, 0, sizeof *posteriors);
}

/* ---- which column is whose ---- */

/* What follows the prefix in a name; NULL: it does not begin with it. */
static const char *after_prefix(const char *name, meaning_of meaning)
{
    const size_t length = strlen(prefixes[meaning]);

    return strncmp(name, prefixes[meaning], length) == 0 ? name + length : NULL;
}

static size_t count_prefixed(const mele_reader *reader, meaning_of meaning)
{
    size_t count = 0;

    for (size_t j = 0; j < mele_reader_columns(reader); j++)
        count += after_prefix(mele_reader_name(reader, j), meaning) != NULL;
    return count;
}

/* A whole number from 1 written in digits; one beyond `most` is most + 1; 0: it is none. */
static size_t region_number(const char *text, size_t most)
{
    size_t number = 0;

    if (strspn(text, "0123456789") != strlen(text))
        return 0;
    for (; *text != '\0'; text++)
        number = number > most ? most + 1 : 10 * number + (size_t)(*text - '0');
    return number > most ? most + 1 : number;
}

/* A number is missing among 1 to the number of columns: say which, and which is beyond it. */
static mele_status refuse_gap(const source *s, size_t first, mele_error *error)
{
    const char *prefix = prefixes[s->meaning], *beyond = "";

    for (size_t j = 0; j < mele_reader_columns(s->reader); j++) {
        const char *name = mele_reader_name(s->reader, j), *rest = after_prefix(name, s->meaning);
        if (rest != NULL && region_number(rest, s->clusters) > first)
            beyond = name;
    }
    return mele_i_fail(error, MELE_EDATA, "there is no column \"%s%zu\", though there is \"%s\": "
                       "regions are numbered from 1 without a gap", prefix, first, beyond);
}

/* Column j is that of the region in its name. */
static mele_status place_column(source *s, size_t j, const char *rest, mele_error *error)
{
    const char *name = mele_reader_name(s->reader, j);
    const size_t number = region_number(rest, s->clusters);

    if (number == 0)
        return mele_i_fail(error, MELE_EDATA, "column \"%s\": %s is followed by the number of a "
                           "region, from 1; a column of something else needs another name", name,
                           prefixes[s->meaning]);
    if (number > s->clusters)
        return MELE_OK; /* one of the others is missing */
    if (s->column[number - 1] != SIZE_MAX)
        return mele_i_fail(error, MELE_EDATA, "columns \"%s\" and \"%s\" are both of region %zu",
                           mele_reader_name(s->reader, s->column[number - 1]), name, number);
    s->column[number - 1] = j;
    return MELE_OK;
}

static mele_status place_columns(source *s, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t k = 0; k < s->clusters; k++)
        s->column[k] = SIZE_MAX;
    for (size_t j = 0; j < mele_reader_columns(s->reader) && status == MELE_OK; j++) {
        const char *rest = after_prefix(mele_reader_name(s->reader, j), s->meaning);
        if (rest != NULL)
            status = place_column(s, j, rest, error);
    }
    for (size_t k = 0; k < s->clusters && status == MELE_OK; k++)
        if (s->column[k] == SIZE_MAX)
            status = refuse_gap(s, k + 1, error);
    return status;
}

/* What the columns mean, and where they are; those of labels are counted when they are read. */
static mele_status find_columns(source *s, mele_error *error)
{
    s->meaning = LOGARITHMS;
    s->clusters = count_prefixed(s->reader, LOGARITHMS);
    if (s->clusters == 0) {
        s->meaning = PROBABILITIES;
        s->clusters = count_prefixed(s->reader, PROBABILITIES);
    }
    if (s->clusters == 0) {
        s->meaning = LABELS;
        if (mele_reader_columns(s->reader) != 1)
            return mele_i_fail(error, MELE_EDATA, "neither columns post_1.. or logpost_1.., nor "
                               "one column of labels");
    }
    s->column = MELE_I_ZEROED(size_t, s->clusters + 1);
    if (s->column == NULL)
        return mele_i_no_memory(error);
    return s->meaning == LABELS ? MELE_OK : place_columns(s, error);
}

/* The columns whose numbers matter: others (ids, appended inputs) may hold anything. */
static mele_status want_columns(const source *s, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t j = 0; j < mele_reader_columns(s->reader) && status == MELE_OK; j++) {
        const bool wanted = s->meaning == LABELS
                            || after_prefix(mele_reader_name(s->reader, j), s->meaning) != NULL;
        status = mele_reader_want(s->reader, j, wanted ? MELE_COLUMN_NUMBER : MELE_COLUMN_SKIP,
                                  false, error);
    }
    return status;
}

/* ---- the numbers ---- */

static mele_status refuse(const mele_table *table, size_t i, size_t j, const char *what,
                          mele_error *error)
{
    return mele_i_fail_at(error, MELE_EDATA, mele_table_line(table, i), "column \"%s\": %s",
                          mele_table_name(table, j), what);
}

/* As many as the labels make; `least` where that is more. Ids, of which nearly every row has its
 * own, are no labels, but where it is known that there are so many. */
static mele_status count_labels(source *s, size_t least, mele_error *error)
{
    const double *label = mele_table_values(s->table, 0);
    const size_t rows = mele_table_rows(s->table);
    const size_t many = rows / 2 > FEW_REGIONS ? rows / 2 : FEW_REGIONS;
    const double limit = (double)(least > 0 ? (rows > least ? rows : least)
                                            : (rows < many ? rows : many));
    double most = 0;

    for (size_t i = 0; i < rows; i++) {
        if (isnan(label[i]))
            continue;
        if (!(label[i] >= 1 && !isinf(label[i])) || label[i] != floor(label[i]))
            return refuse(s->table, i, 0, "a label must be a whole number from 1", error);
        if (label[i] > limit)
            return mele_i_fail_at(error, MELE_EDATA, mele_table_line(s->table, i),
                                  "column \"%s\": label %.0f makes %.0f regions of %zu rows: "
                                  "number the regions 1, 2, ...", mele_table_name(s->table, 0),
                                  label[i], label[i], rows);
        most = fmax(most, label[i]);
    }
    if (most == 0 && least == 0)
        return refuse(s->table, 0, 0, "no row has a label", error);
    s->clusters = most > (double)least ? (size_t)most : least;
    return MELE_OK;
}

/* The labels are whole numbers from 1, as they have been counted, or missing. */
static void fill_labels(const source *s, size_t rows, double *out)
{
    const double *label = mele_table_values(s->table, 0);
    const double other = log(LEAST);

    for (size_t i = 0; i < rows; i++, out += s->clusters) {
        for (size_t k = 0; k < s->clusters; k++)
            out[k] = isnan(label[i]) ? NAN : other;
        if (!isnan(label[i]))
            out[(size_t)label[i] - 1] = 0;
    }
}

static const char *what_is_wrong(meaning_of meaning, double value)
{
    return isnan(value)                            ? "missing value"
           : value == INFINITY                     ? "a posterior must not be infinite"
           : meaning == PROBABILITIES && value < 0 ? "a posterior must not be negative"
                                                   : NULL;
}

/* A row without a prediction has none of its posteriors, and says so to who needs it. */
static bool lacks_all(const source *s, size_t i, double *out)
{
    for (size_t k = 0; k < s->clusters; k++)
        if (!isnan(mele_table_values(s->table, s->column[k])[i]))
            return false;
    for (size_t k = 0; k < s->clusters; k++)
        out[k] = NAN;
    return true;
}

static mele_status fill_row(const source *s, size_t i, double *out, mele_error *error)
{
    double sum = 0, largest = -INFINITY;

    if (lacks_all(s, i, out))
        return MELE_OK;
    for (size_t k = 0; k < s->clusters; k++) {
        const size_t j = s->column[k];
        const double value = mele_table_values(s->table, j)[i];
        const char *wrong = what_is_wrong(s->meaning, value);
        if (wrong != NULL)
            return refuse(s->table, i, j, wrong, error);
        out[k] = value;
        sum += value;
        largest = fmax(largest, value);
    }
    if (largest == (s->meaning == LOGARITHMS ? -INFINITY : 0))
        return refuse(s->table, i, s->column[0], "the posteriors of the row add up to nothing",
                      error);
    if (s->meaning == LOGARITHMS)
        return MELE_OK;
    if (isinf(sum))
        return refuse(s->table, i, s->column[0], "the posteriors of the row add up to infinity",
                      error);
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

mele_status mele_posteriors_read(const char *path, size_t clusters, mele_engine *engine,
                                 mele_posteriors *out, mele_error *error)
{
    mele_table_options options = mele_table_defaults();
    source s = {.reader = NULL};
    mele_status status;

    options.infinite = true; /* log posteriors may be -inf */
    status = mele_reader_open(path, &options, &s.reader, error);
    if (status == MELE_OK)
        status = find_columns(&s, error);
    if (status == MELE_OK)
        status = want_columns(&s, error);
    if (status == MELE_OK)
        status = mele_reader_next(s.reader, 0, engine, &s.table, error);
    if (status == MELE_OK && s.meaning == LABELS)
        status = count_labels(&s, clusters, error);
    if (status == MELE_OK)
        status = fill(&s, out, error);
    clear_source(&s);
    return status;
}
