/* Which kind of source a file is, and its opening. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/option.h"
#include "data/reader.h"

static const mele_i_source_kind *const kinds[] = {&mele_i_source_npy, &mele_i_source_csv};

static const mele_i_source_kind *kind_for(const char *path)
{
    size_t length = strlen(path), i = 0;

    for (;; i++) {
        size_t suffix = strlen(kinds[i]->suffix);
        if (suffix == 0
            || (length > suffix && strcmp(path + length - suffix, kinds[i]->suffix) == 0))
            return kinds[i];
    }
}

static mele_status check_options(const mele_table_options *options, mele_error *error)
{
    if (mele_i_check_reserved(options->reserved, error) != MELE_OK)
        return MELE_EINVAL;
    if (options->delimiter != '\0' && strchr("\"\r\n", options->delimiter) != NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "the delimiter cannot be a quote or the end of a line");
    if (options->decimal != '.' && options->decimal != ',')
        return mele_i_fail(error, MELE_EINVAL, "the decimal mark can be a point or a comma");
    return MELE_OK;
}

/* The options with every default filled in but for the delimiter, which the file decides. */
static mele_table_options complete(const mele_table_options *options)
{
    mele_table_options chosen = options == NULL ? mele_table_defaults() : *options;

    if (chosen.decimal == '\0')
        chosen.decimal = '.';
    if (chosen.missing == NULL)
        chosen.missing = mele_table_defaults().missing;
    return chosen;
}

mele_status mele_i_reader_open(const char *path, const mele_table_options *options,
                               size_t chunk_bytes, mele_reader **out, mele_error *error)
{
    const mele_table_options chosen = complete(options);
    mele_reader *reader = NULL;
    mele_status status = check_options(&chosen, error);

    if (status != MELE_OK)
        return status;
    reader = MELE_I_NEW(mele_reader);
    if (reader == NULL)
        return mele_i_no_memory(error);
    reader->kind = kind_for(path);
    reader->by_position = chosen.by_position;
    reader->chunk_bytes = chunk_bytes;
    reader->stage = "read";
    reader->path = path;
    reader->form = (mele_i_form){
        chosen.delimiter, chosen.decimal,
        strcmp(chosen.missing, mele_table_defaults().missing) != 0};
    reader->note = chosen.note;
    reader->note_user = chosen.note_user;
    status = mele_i_input_open(&reader->input, path, error);
    if (status == MELE_OK)
        status = reader->kind->open(reader, &chosen, error);
    reader->path = NULL;
    if (status == MELE_OK)
        *out = reader;
    else
        mele_reader_close(reader);
    return status;
}

mele_status mele_reader_open(const char *path, const mele_table_options *options, mele_reader **out,
                             mele_error *error)
{
    return mele_i_reader_open(path, options, 0, out, error);
}

mele_status mele_table_read(const char *path, const mele_table_options *options,
                            mele_engine *engine, mele_table **out, mele_error *error)
{
    mele_reader *reader = NULL;
    mele_status status = mele_reader_open(path, options, &reader, error);

    if (status == MELE_OK)
        status = mele_reader_next(reader, 0, engine, out, error);
    mele_reader_close(reader);
    return status;
}
