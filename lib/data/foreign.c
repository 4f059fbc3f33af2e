/* Files that are often taken for text or .npy files, by their first bytes. */
#include "data/foreign.h"

#include <stdbool.h>
#include <string.h>

#include "core/error.h"
#include "core/quote.h"

typedef struct foreign {
    const char *bytes;
    size_t length;
    const char *what;
    const char *way; /* how to read it, "%s" being the file */
} foreign;

#define TO_CSV(read) "python3 -c \"import pandas, sys; print(pandas." read                          \
                     "(sys.argv[1]).to_csv(index=False))\" %s | ... -"
#define UTF_16 "UTF-16 text"
#define FROM_UTF_16 "iconv -f UTF-16 -t UTF-8 %s | ... -"
#define PICKLE "a Python pickle"

/* The first that fits; a zip file's contents are looked at below. */
static const foreign formats[] = {
    {"\x1F\x8B", 2, "compressed by gzip", "zcat %s | ... -"},
    {"\xFD" "7zXZ", 5, "compressed by xz", "xzcat %s | ... -"},
    {"\x28\xB5\x2F\xFD", 4, "compressed by zstd", "zstdcat %s | ... -"},
    {"BZh91AY&SY", 10, "compressed by bzip2", "bzcat %s | ... -"},
    {"\xFF\xFE\0\0", 4, "UTF-32 text", "iconv -f UTF-32 -t UTF-8 %s | ... -"},
    {"\xFF\xFE", 2, UTF_16, FROM_UTF_16},
    {"\xFE\xFF", 2, UTF_16, FROM_UTF_16},
    {"\x80\x02", 2, PICKLE, TO_CSV("read_pickle")},
    {"\x80\x03", 2, PICKLE, TO_CSV("read_pickle")},
    {"\x80\x04\x95", 3, PICKLE, TO_CSV("read_pickle")},
    {"\x80\x05\x95", 3, PICKLE, TO_CSV("read_pickle")},
    {"PAR1\x15", 5, "a Parquet file", TO_CSV("read_parquet")},
    {"ARROW1\0\0", 8, "an Arrow (Feather) file", TO_CSV("read_feather")},
    {"\x89HDF\r\n", 6, "an HDF5 file", TO_CSV("read_hdf")},
    {"\xD0\xCF\x11\xE0", 4, "an Excel file", TO_CSV("read_excel")},
    {"SQLite format 3\0", 16, "an SQLite database",
     "sqlite3 -csv -header %s 'select * from TABLE' | ... -"},
    {"RDX3\n", 5, "an R data file",
     "Rscript -e 'load(commandArgs(TRUE)); write.csv(NAME, row.names = FALSE)' %s | ... -"},
    {"%PDF-", 5, "a PDF file", NULL},
    {"{\n\"format\": \"mele\"", 18, "a model, not data", NULL},
    {"<!DOCTYPE", 9, "an HTML page", NULL},
    {"<html", 5, "an HTML page", NULL},
};

/* What a zip file holds, by the name of its first member. */
static const foreign members[] = {
    {"[Content_Types].xml", 19, "an Excel file", TO_CSV("read_excel")},
    {"_rels/", 6, "an Excel file", TO_CSV("read_excel")},
    {"xl/", 3, "an Excel file", TO_CSV("read_excel")},
    {"mimetype", 8, "an OpenDocument file", TO_CSV("read_excel")},
};

static const foreign zip = {"", 0, "a zip archive", "unzip -p %s | ... -"};
static const foreign npz = {
    "", 0, "an .npz archive",
    "python3 -c \"import numpy, sys; numpy.savetxt(sys.stdout, numpy.load(sys.argv[1])['NAME'], "
    "'%.17g', ',')\" %s | ... --no-header -"};
static const foreign npy = {"\x93NUMPY", 6, "an .npy array",
                            "a file whose name ends in .npy is read as one"};

static bool begins(const char *bytes, size_t length, const foreign *format)
{
    return length >= format->length && memcmp(bytes, format->bytes, format->length) == 0;
}

#define ZIP_NAME 30 /* where a member's name begins; its length stands at 26, in two bytes */

static const foreign *zip_kind(const char *bytes, size_t length)
{
    const unsigned char *header = (const unsigned char *)bytes;
    size_t name = length < ZIP_NAME ? 0 : (size_t)header[26] | (size_t)header[27] << 8;

    if (name > length - ZIP_NAME || name < 4)
        return &zip;
    if (memcmp(bytes + ZIP_NAME + name - 4, ".npy", 4) == 0)
        return &npz;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (begins(bytes + ZIP_NAME, name, &members[i]))
            return &members[i];
    return &zip;
}

/* Text in which every other byte is zero, without a mark at the front. */
static const foreign *utf_16_kind(const char *bytes, size_t length)
{
    static const foreign little = {"", 0, UTF_16, "iconv -f UTF-16LE -t UTF-8 %s | ... -"};
    static const foreign big = {"", 0, UTF_16, "iconv -f UTF-16BE -t UTF-8 %s | ... -"};
    size_t zeros[2] = {0, 0}, pairs = length < 64 ? length / 2 : 32;

    for (size_t i = 0; i < 2 * pairs; i++)
        zeros[i % 2] += bytes[i] == '\0';
    if (pairs < 4 || zeros[0] + zeros[1] < pairs)
        return NULL;
    return zeros[1] == pairs ? &little : zeros[0] == pairs ? &big : NULL;
}

static const foreign *kind_of(const char *bytes, size_t length)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (begins(bytes, length, &formats[i]))
            return &formats[i];
    if (begins(bytes, length, &npy))
        return &npy;
    if (length >= 4 && memcmp(bytes, "PK\x03\x04", 4) == 0)
        return zip_kind(bytes, length);
    return utf_16_kind(bytes, length);
}

mele_status mele_i_refuse_foreign(const char *bytes, size_t length, const char *path,
                                  mele_error *error)
{
    const foreign *kind = kind_of(bytes, length);
    mele_i_quoted file = mele_i_word(strcmp(path, "-") == 0 ? "FILE" : path,
                                     strcmp(path, "-") == 0 ? 4 : strlen(path));

    if (kind == NULL)
        return MELE_OK;
    if (kind->way == NULL)
        return mele_i_fail(error, MELE_EDATA, "it is %s", kind->what);
    const char *place = strstr(kind->way, "%s");
    if (place == NULL)
        return mele_i_fail(error, MELE_EDATA, "it is %s: %s", kind->what, kind->way);
    return mele_i_fail(error, MELE_EDATA, "it is %s: %.*s%s%s", kind->what,
                       (int)(place - kind->way), kind->way, file.text, place + 2);
}
