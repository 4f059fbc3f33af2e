/* NumPy's .npy files: a magic text, a version, a header that is a Python dictionary with exactly
 * the keys descr, fortran_order and shape, and the raw numbers. Rows are read by blocks, in
 * parallel, straight into the columns of the table.
 *
 * Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays", versions 1.0,
 * 2.0 and 3.0. */
#include "data/reader.h"

#include <endian.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/quote.h"
#include "data/foreign.h"
#include "data/npy_header.h"
#include "engine/pass.h"

#define BLOCK_NUMBERS 32768 /* read at once */

typedef struct npy_source {
    uint64_t data; /* where the numbers begin */
    uint64_t rows;
    uint64_t columns;
    size_t width;    /* bytes of a number: 8 or 4 */
    bool by_columns; /* Fortran order */
    bool infinite;   /* infinite values are kept */
    size_t next;     /* the first row not yet read */
} npy_source;

static void close_npy(void *source)
{
    free(source);
}

/* ---- the header ---- */

static mele_status use_header(npy_source *source, const mele_i_npy_header *header,
                              mele_error *error)
{
    const char *type = header->type;

    if (header->type_length != 3 || (memcmp(type, "<f8", 3) != 0 && memcmp(type, "<f4", 3) != 0))
        return mele_i_fail(error, MELE_EDATA,
                           "it holds numbers of the type %s; \"<f8\" or \"<f4\" is needed",
                           mele_i_quote(type, header->type_length).text);
    if (header->dimensions < 1 || header->dimensions > 2)
        return mele_i_fail(error, MELE_EDATA, "it holds an array of %zu dimensions, not of 1 or 2",
                           header->dimensions);
    source->width = (size_t)(type[2] - '0');
    source->by_columns = header->by_columns && header->dimensions == 2;
    source->rows = header->shape[0];
    source->columns = header->dimensions == 2 ? header->shape[1] : 1;
    if (source->columns == 0)
        return mele_i_fail(error, MELE_EDATA, "it holds an array without columns");
    return MELE_OK;
}

/* The file must be as long as its header says. */
static mele_status check_size(const npy_source *source, uint64_t size, mele_error *error)
{
    uint64_t wanted, has = size - source->data;

    if (__builtin_mul_overflow(source->rows, source->columns, &wanted)
        || __builtin_mul_overflow(wanted, (uint64_t)source->width, &wanted))
        return mele_i_fail(error, MELE_EDATA, "the shape in the .npy header is too large");
    if (has == wanted)
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA, "it has %ju bytes of numbers where its header says %ju",
                       (uintmax_t)has, (uintmax_t)wanted);
}

static mele_status read_header(npy_source *source, const mele_i_input *input, const char *path,
                               char *bytes, mele_error *error)
{
    size_t got, length = 0;
    mele_i_npy_header header;
    mele_status status = mele_i_input_read_at(input, 0, bytes, MELE_I_NPY_MOST_HEADER, &got, error);

    if (status == MELE_OK && memcmp(bytes, "\x93NUMPY", got < 6 ? got : 6) != 0)
        status = mele_i_refuse_foreign(bytes, got, path, error);
    if (status == MELE_OK)
        status = mele_i_npy_header_read(bytes, got, &header, &length, error);
    if (status != MELE_OK)
        return status;
    source->data = length;
    status = use_header(source, &header, error);
    if (status == MELE_OK)
        status = check_size(source, input->size, error);
    return status;
}

static mele_status open_npy(mele_reader *reader, const mele_table_options *options,
                            mele_error *error)
{
    npy_source *source = MELE_I_NEW(npy_source);
    char *bytes = MELE_I_ARRAY(char, MELE_I_NPY_MOST_HEADER);
    mele_status status;

    reader->source = source;
    if (source != NULL)
        source->infinite = options->infinite;
    if (source == NULL || bytes == NULL)
        status = mele_i_no_memory(error);
    else if (!reader->input.positioned)
        status = mele_i_fail(error, MELE_EDATA,
                             "it is empty or a pipe; an .npy file must be a regular file");
    else
        status = read_header(source, &reader->input, reader->path, bytes, error);
    free(bytes);
    if (status == MELE_OK)
        status = mele_i_reader_set_columns(reader, NULL, (size_t)source->columns, error);
    return status;
}

/* ---- rows ---- */

typedef struct npy_run {
    const npy_source *source;
    const mele_i_input *input;
    mele_table *table;
} npy_run;

/* Numbers first .. first + count - 1 of the file, as they are there. */
static mele_status read_numbers(const npy_source *source, const mele_i_input *input, uint64_t first,
                                size_t count, void *bytes, mele_error *error)
{
    size_t width = source->width, length = count * width, got = 0;
    mele_status status = mele_i_input_read_at(input, source->data + first * width, bytes, length,
                                              &got, error);

    if (status == MELE_OK && got < length)
        status = mele_i_fail(error, MELE_EDATA, "the file became shorter while it was read");
    return status;
}

static double read_double(const unsigned char *bytes)
{
    uint64_t bits;
    double value;

    memcpy(&bits, bytes, sizeof bits);
    bits = le64toh(bits);
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double read_single(const unsigned char *bytes)
{
    uint32_t bits;
    float value;

    memcpy(&bits, bytes, sizeof bits);
    bits = le32toh(bits);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Every stride-th of the little-endian numbers in bytes, count of them. */
static void convert(const unsigned char *bytes, size_t width, size_t stride, size_t count,
                    double *out)
{
    if (width == 8)
        for (size_t i = 0; i < count; i++)
            out[i] = read_double(bytes + 8 * i * stride);
    else
        for (size_t i = 0; i < count; i++)
            out[i] = read_single(bytes + 4 * i * stride);
}

static mele_status fill_by_rows(const npy_run *run, mele_i_block block, void *bytes,
                                mele_error *error)
{
    size_t columns = run->table->columns;
    uint64_t first = (uint64_t)(run->source->next + block.first) * columns;
    mele_status status = read_numbers(run->source, run->input, first, block.count * columns, bytes,
                                      error);

    for (size_t j = 0; j < columns && status == MELE_OK; j++) {
        double *values = run->table->cells[j].values;
        if (values != NULL)
            convert((unsigned char *)bytes + j * run->source->width, run->source->width, columns,
                    block.count, values + block.first);
    }
    return status;
}

static mele_status fill_by_columns(const npy_run *run, mele_i_block block, void *bytes,
                                   mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t j = 0; j < run->table->columns && status == MELE_OK; j++) {
        double *values = run->table->cells[j].values;
        if (values == NULL)
            continue;
        uint64_t first = (uint64_t)j * run->source->rows + run->source->next + block.first;
        status = read_numbers(run->source, run->input, first, block.count, bytes, error);
        if (status == MELE_OK)
            convert(bytes, run->source->width, 1, block.count, values + block.first);
    }
    return status;
}

static bool has_infinite(const double *values, size_t count)
{
    bool found = false;

    for (size_t i = 0; i < count; i++)
        found |= fabs(values[i]) > DBL_MAX;
    return found;
}

/* Report the first infinite number of row i, if it has one. */
static mele_status check_row(const npy_run *run, size_t i, mele_error *error)
{
    for (size_t j = 0; j < run->table->columns; j++) {
        const mele_i_cells *cells = &run->table->cells[j];
        if (cells->values != NULL && isinf(cells->values[i]))
            return mele_i_fail_at(error, MELE_EDATA, run->source->next + i + 1,
                                  "column \"%s\": \"%s\" is not a finite number",
                                  cells->column.name, cells->values[i] > 0 ? "inf" : "-inf");
    }
    return MELE_OK;
}

static mele_status check_finite(const npy_run *run, mele_i_block block, mele_error *error)
{
    mele_status status = MELE_OK;
    bool found = false;

    for (size_t j = 0; j < run->table->columns; j++) {
        const double *values = run->table->cells[j].values;
        found = found || (values != NULL && has_infinite(values + block.first, block.count));
    }
    for (size_t i = 0; found && i < block.count && status == MELE_OK; i++)
        status = check_row(run, block.first + i, error);
    return status;
}

static mele_status fill_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const npy_run *run = context;
    mele_status status = run->source->by_columns ? fill_by_columns(run, block, scratch, error)
                                                 : fill_by_rows(run, block, scratch, error);

    (void)partial;
    return status == MELE_OK && !run->source->infinite ? check_finite(run, block, error) : status;
}

/* ---- columns that are more than numbers ---- */

static bool add_texts(mele_i_cells *cells, size_t rows)
{
    bool done = true;

    for (size_t i = 0; i < rows && done; i++) {
        char text[MELE_I_NUMBER_ROOM];
        size_t length = mele_i_number_print(cells->values[i], text);
        done = mele_i_strings_add(&cells->text, text, length);
    }
    return done;
}

static bool make_levels(mele_i_cells *cells, size_t rows)
{
    bool done = true;

    for (size_t i = 0; i < rows && done; i++) {
        char text[MELE_I_NUMBER_ROOM];
        size_t index = 0;
        if (isnan(cells->values[i]))
            continue;
        size_t length = mele_i_number_print(cells->values[i], text);
        done = mele_i_levels_index(&cells->levels, text, length, &index);
        cells->values[i] = (double)index;
    }
    return done;
}

static bool finish_column(mele_i_cells *cells, size_t rows)
{
    bool done = !mele_i_column_has_text(&cells->column) || add_texts(cells, rows);

    if (done && cells->column.kind == MELE_COLUMN_CATEGORY)
        done = make_levels(cells, rows);
    if (cells->column.kind == MELE_COLUMN_TEXT) {
        free(cells->values);
        cells->values = NULL;
    }
    return done;
}

/* Room for the rows; columns of text pass through numbers too. */
static bool make_room(mele_table *table, size_t rows)
{
    bool done = mele_i_table_reserve(table, rows, rows);

    for (size_t j = 0; j < table->columns && done; j++)
        if (table->cells[j].column.kind == MELE_COLUMN_TEXT) {
            table->cells[j].values = MELE_I_ARRAY(double, rows);
            done = table->cells[j].values != NULL;
        }
    return done;
}

static bool wants_cells(const mele_table *table)
{
    for (size_t j = 0; j < table->columns; j++)
        if (table->cells[j].column.kind != MELE_COLUMN_SKIP)
            return true;
    return false;
}

static mele_status next_npy(mele_reader *reader, size_t most, mele_engine *engine,
                            mele_table *table, mele_error *error)
{
    npy_source *source = reader->source;
    size_t left = (size_t)source->rows - source->next;
    size_t rows = most == 0 || left < most ? left : most, columns = reader->columns;
    size_t block_rows = columns < BLOCK_NUMBERS ? BLOCK_NUMBERS / columns : 1;
    npy_run run = {source, &reader->input, table};
    mele_i_pass pass = {.rows = rows,
                        .block_rows = block_rows,
                        .map = fill_block,
                        .context = &run,
                        .scratch_bytes = block_rows * columns * source->width};
    bool done =
        make_room(table, rows) && (rows == 0 || mele_i_table_add_line(table, 0, source->next + 1));
    mele_status status = MELE_OK;

    if (!done)
        status = mele_i_no_memory(error);
    else if (wants_cells(table))
        status = mele_i_pass_run(engine, &pass, error);

    for (size_t j = 0; j < columns && status == MELE_OK; j++)
        if (!finish_column(&table->cells[j], rows))
            status = mele_i_no_memory(error);
    if (status == MELE_OK) {
        table->rows = rows;
        source->next += rows;
        status = mele_i_reader_progress(reader, engine, source->next, (size_t)source->rows, error);
    }
    return status;
}

/* ---- rows in any order ---- */

static size_t rows_of_npy(const mele_reader *reader)
{
    return (size_t)((const npy_source *)reader->source)->rows;
}

/* Whether a row of the file is the wanted numbers, so that it can be read to where they belong. */
static bool is_in_place(const npy_source *source, const size_t *column, size_t columns)
{
    bool found = source->width == sizeof(double) && columns == source->columns
                 && (!source->by_columns || columns == 1);

    for (size_t j = 0; j < columns && found; j++)
        found = column[j] == j;
    return found;
}

/* What is asked for of rows in any order, and the room to read it to, `most` rows or numbers at
 * once. */
typedef struct asked {
    const size_t *column;
    size_t columns, first, count, most;
    unsigned char *bytes;
    double *out;
} asked;

/* Rows of a file in C order, of which whole ones are read, `most` at once. */
static mele_status numbers_by_rows(const mele_reader *reader, const asked *a, mele_error *error)
{
    const npy_source *source = reader->source;
    const size_t all = (size_t)source->columns, width = source->width;
    mele_status status = MELE_OK;

    for (size_t done = 0; done < a->count && status == MELE_OK; done += a->most) {
        size_t rows = a->count - done < a->most ? a->count - done : a->most;
        status = read_numbers(source, &reader->input, (uint64_t)(a->first + done) * all, rows * all,
                              a->bytes, error);
        for (size_t i = 0; i < rows && status == MELE_OK; i++)
            for (size_t j = 0; j < a->columns; j++)
                convert(a->bytes + (i * all + a->column[j]) * width, width, 1, 1,
                        a->out + (done + i) * a->columns + j);
    }
    return status;
}

/* Rows of a file in Fortran order, each column on its own, `most` numbers at once. */
static mele_status numbers_by_columns(const mele_reader *reader, const asked *a, mele_error *error)
{
    const npy_source *source = reader->source;
    const size_t width = source->width;
    mele_status status = MELE_OK;

    for (size_t done = 0; done < a->count; done += a->most) {
        size_t rows = a->count - done < a->most ? a->count - done : a->most;
        for (size_t j = 0; j < a->columns && status == MELE_OK; j++) {
            status = read_numbers(source, &reader->input,
                                  (uint64_t)a->column[j] * source->rows + a->first + done, rows,
                                  a->bytes, error);
            for (size_t i = 0; i < rows && status == MELE_OK; i++)
                convert(a->bytes + i * width, width, 1, 1, a->out + (done + i) * a->columns + j);
        }
    }
    return status;
}

static mele_status numbers_of_npy(const mele_reader *reader, const size_t *column, size_t columns,
                                  size_t first, size_t count, double *out, mele_error *error)
{
    const npy_source *source = reader->source;
    const size_t together = source->by_columns ? 1 : (size_t)source->columns;
    size_t most = together < BLOCK_NUMBERS ? BLOCK_NUMBERS / together : 1;
    mele_status status;

    if (is_in_place(source, column, columns)) {
        status = read_numbers(source, &reader->input, (uint64_t)first * columns, count * columns,
                              out, error);
        if (status == MELE_OK)
            convert((const unsigned char *)out, sizeof *out, 1, count * columns, out);
        return status;
    }
    most = most < count ? most : count;
    unsigned char *bytes = mele_i_array(most * together, source->width);
    if (bytes == NULL)
        return mele_i_no_memory(error);
    const asked a = {column, columns, first, count, most, bytes, out};
    status = (source->by_columns ? numbers_by_columns : numbers_by_rows)(reader, &a, error);
    free(bytes);
    return status;
}

const mele_i_source_kind mele_i_source_npy = {.suffix = ".npy",
                                              .open = open_npy,
                                              .next = next_npy,
                                              .rows = rows_of_npy,
                                              .numbers = numbers_of_npy,
                                              .close = close_npy};
