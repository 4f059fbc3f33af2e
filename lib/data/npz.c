/* Reading .npz files. Nothing is taken on trust: the directory and every header are bounded, all
 * members together are not longer than the file, an array has exactly as many bytes as its shape
 * says, and its checksum is that of what was read. */
#include "data/npz.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/quote.h"
#include "data/npz_format.h"

#define MOST_DIRECTORY 65536 /* bytes */
#define PIECE (1 << 20)      /* bytes read at once */

static uint64_t get(const unsigned char *from, size_t bytes)
{
    uint64_t value = 0;

    for (size_t b = 0; b < bytes; b++)
        value |= (uint64_t)from[b] << 8 * b;
    return value;
}

static mele_status damaged(mele_error *error, const char *what)
{
    return mele_i_fail(error, MELE_EDATA, "%s: the .npz archive is damaged or cut short", what);
}

/* Bytes that must be there. */
static mele_status read_exactly(const mele_i_npz *npz, uint64_t at, void *out, size_t length,
                                const char *what, mele_error *error)
{
    size_t got;

    if (at > npz->input.size || length > npz->input.size - at)
        return damaged(error, what);
    mele_status status = mele_i_input_read_at(&npz->input, at, out, length, &got, error);
    return status == MELE_OK && got < length ? damaged(error, what) : status;
}

/* ---- the end ---- */

typedef struct directory {
    uint64_t at, size, count;
} directory;

/* The end with 64-bit numbers, where there is one: its locator stands before the other end. */
static mele_status read_end64(const mele_i_npz *npz, uint64_t end, directory *d, mele_error *error)
{
    unsigned char locator[MELE_I_ZIP_LOCATOR_SIZE], end64[MELE_I_ZIP_END64_SIZE];
    const char *what = "no end of its directory";
    mele_status status = end < sizeof locator ? damaged(error, what)
                                              : read_exactly(npz, end - sizeof locator, locator,
                                                             sizeof locator, what, error);

    if (status == MELE_OK && get(locator, 4) != MELE_I_ZIP_LOCATOR)
        status = damaged(error, what);
    if (status == MELE_OK)
        status = read_exactly(npz, get(locator + 8, 8), end64, sizeof end64, what, error);
    if (status == MELE_OK && get(end64, 4) != MELE_I_ZIP_END64)
        status = damaged(error, what);
    if (status == MELE_OK)
        *d = (directory){get(end64 + 48, 8), get(end64 + 40, 8), get(end64 + 32, 8)};
    return status;
}

/* Archives with a comment after their end are not looked for: nobody who writes arrays writes
 * one. */
static mele_status read_end(const mele_i_npz *npz, directory *d, mele_error *error)
{
    const uint64_t at = npz->input.size - MELE_I_ZIP_END_SIZE;
    unsigned char end[MELE_I_ZIP_END_SIZE];
    mele_status status = npz->input.size < sizeof end
                             ? damaged(error, "no end")
                             : read_exactly(npz, at, end, sizeof end, "no end", error);

    if (status != MELE_OK)
        return status;
    if (get(end, 4) != MELE_I_ZIP_END)
        return damaged(error, "no end");
    *d = (directory){get(end + 16, 4), get(end + 12, 4), get(end + 10, 2)};
    if (d->at == UINT32_MAX || d->size == UINT32_MAX || d->count == UINT16_MAX)
        status = read_end64(npz, at, d, error);
    if (status != MELE_OK)
        return status;
    if (d->count > MELE_I_NPZ_MOST || d->size > MOST_DIRECTORY)
        return mele_i_fail(error, MELE_EDATA,
                           "the .npz archive has %" PRIu64 " arrays and a directory "
                           "of %" PRIu64 " bytes: at most %d and %d are read",
                           d->count, d->size, MELE_I_NPZ_MOST, MOST_DIRECTORY);
    return MELE_OK;
}

/* ---- the directory ---- */

/* An entry of the directory. */
typedef struct entry {
    const unsigned char *fixed, *name, *extra;
    size_t name_length, extra_length;
    uint64_t size, stored, at; /* at: of the local header */
} entry;

/* The 64-bit numbers of an extra field stand in place of those that are 2^32 - 1, in this order. */
static bool read_extra(entry *e)
{
    uint64_t *number[] = {&e->size, &e->stored, &e->at};
    size_t from = 0;

    while (from + 4 <= e->extra_length) {
        const size_t id = get(e->extra + from, 2), length = get(e->extra + from + 2, 2);
        size_t used = 0;
        from += 4;
        if (length > e->extra_length - from)
            return false;
        for (size_t i = 0; i < 3 && id == MELE_I_ZIP_EXTRA64; i++) {
            if (*number[i] != UINT32_MAX)
                continue;
            if (used + 8 > length)
                return false;
            *number[i] = get(e->extra + from + used, 8);
            used += 8;
        }
        from += length;
    }
    return true;
}

/* The entry at a place of the directory, and the place of the next. */
static bool read_entry(const unsigned char *bytes, size_t length, size_t *from, entry *e)
{
    const size_t left = length - *from;
    const unsigned char *at = bytes + *from;

    if (left < MELE_I_ZIP_CENTRAL_SIZE || get(at, 4) != MELE_I_ZIP_CENTRAL)
        return false;
    *e = (entry){.fixed = at, .name = at + MELE_I_ZIP_CENTRAL_SIZE, .name_length = get(at + 28, 2),
                 .extra_length = get(at + 30, 2), .size = get(at + 24, 4),
                 .stored = get(at + 20, 4), .at = get(at + 42, 4)};
    const size_t all = MELE_I_ZIP_CENTRAL_SIZE + e->name_length + e->extra_length + get(at + 32, 2);
    if (all > left)
        return false;
    e->extra = e->name + e->name_length;
    *from += all;
    return read_extra(e);
}

static mele_status take_name(const entry *e, char *out, mele_error *error)
{
    const char *name = (const char *)e->name;
    const size_t length = e->name_length;

    if (length < 5 || length - 4 >= MELE_I_NPZ_NAME || memcmp(name + length - 4, ".npy", 4) != 0
        || memchr(name, '\0', length) != NULL)
        return mele_i_fail(error, MELE_EDATA, "the archive holds %s, which is not an array that is "
                           "known", mele_i_quote(name, length).text);
    memcpy(out, name, length - 4);
    out[length - 4] = '\0';
    return MELE_OK;
}

static mele_status take_entry(const mele_i_npz *npz, const entry *e, mele_i_npz_member *m,
                              mele_error *error)
{
    unsigned char local[MELE_I_ZIP_LOCAL_SIZE];
    mele_status status = take_name(e, m->name, error);

    if (status != MELE_OK)
        return status;
    if (mele_i_npz_find(npz, m->name) != NULL)
        return mele_i_fail(error, MELE_EDATA, "the archive holds two arrays \"%s\"", m->name);
    if ((get(e->fixed + 8, 2) & 1) != 0 || get(e->fixed + 10, 2) != 0)
        return mele_i_fail(error, MELE_EDATA,
                           "\"%s\" is compressed or encrypted: np.savez() writes "
                           "arrays that are not",
                           m->name);
    status = read_exactly(npz, e->at, local, sizeof local, m->name, error);
    if (status != MELE_OK)
        return status;
    m->at = e->at + sizeof local + get(local + 26, 2) + get(local + 28, 2);
    m->size = e->size;
    m->crc = (uint32_t)get(e->fixed + 16, 4);
    if (get(local, 4) != MELE_I_ZIP_LOCAL || e->stored != e->size || m->at > npz->input.size
        || m->size > npz->input.size - m->at)
        return damaged(error, m->name);
    return MELE_OK;
}

static mele_status read_directory(mele_i_npz *npz, const directory *d, unsigned char *bytes,
                                  mele_error *error)
{
    mele_status status = read_exactly(npz, d->at, bytes, d->size, "its directory", error);
    uint64_t total = 0;
    size_t from = 0;
    entry e;

    for (size_t i = 0; i < d->count && status == MELE_OK; i++) {
        mele_i_npz_member *m = &npz->member[npz->count];
        status = read_entry(bytes, d->size, &from, &e) ? take_entry(npz, &e, m, error)
                                                       : damaged(error, "its directory");
        if (status != MELE_OK)
            break;
        total += m->size;
        npz->count++;
        if (total > npz->input.size)
            status = damaged(error, "its directory");
    }
    if (status == MELE_OK && from != d->size)
        status = damaged(error, "its directory");
    return status;
}

/* ---- archives ---- */

mele_status mele_i_npz_open(mele_i_npz *npz, const char *path, mele_error *error)
{
    unsigned char start[4], *bytes = NULL;
    directory d = {0, 0, 0};
    size_t got;

    *npz = (mele_i_npz){.count = 0};
    mele_status status = mele_i_input_open(&npz->input, path, error);

    if (status != MELE_OK)
        return status;
    if (!npz->input.positioned)
        return mele_i_fail(error, MELE_EDATA, "it is empty or a pipe; an .npz archive must be a "
                           "regular file");
    status = mele_i_input_read_at(&npz->input, 0, start, sizeof start, &got, error);
    if (status == MELE_OK && (got < 4 || memcmp(start, "PK", 2) != 0))
        status = mele_i_fail(error, MELE_EDATA, "it is not an .npz archive of arrays");
    if (status == MELE_OK)
        status = read_end(npz, &d, error);
    if (status == MELE_OK && (bytes = MELE_I_ARRAY(unsigned char, d.size + 1)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = read_directory(npz, &d, bytes, error);
    free(bytes);
    return status;
}

void mele_i_npz_close(mele_i_npz *npz)
{
    mele_i_input_close(&npz->input);
}

const mele_i_npz_member *mele_i_npz_find(const mele_i_npz *npz, const char *name)
{
    for (size_t i = 0; i < npz->count; i++)
        if (strcmp(npz->member[i].name, name) == 0)
            return &npz->member[i];
    return NULL;
}

/* ---- arrays ---- */

/* The header of a member, in memory to be freed that *header points into. */
static mele_status read_header(const mele_i_npz *npz, const mele_i_npz_member *m, char **bytes,
                               mele_i_npy_header *header, size_t *length, mele_error *error)
{
    const size_t most = m->size < MELE_I_NPY_MOST_HEADER ? m->size : MELE_I_NPY_MOST_HEADER;

    *bytes = MELE_I_ARRAY(char, most + 1);
    if (*bytes == NULL)
        return mele_i_no_memory(error);
    mele_status status = read_exactly(npz, m->at, *bytes, most, m->name, error);
    if (status == MELE_OK
        && mele_i_npy_header_read(*bytes, most, header, length, NULL) != MELE_OK)
        status = damaged(error, m->name);
    return status;
}

/* An array has the type and the order that are wanted, and as many bytes as its shape says. */
static mele_status check_array(const mele_i_npz_member *m, const mele_i_npy_header *header,
                               size_t length, const char *type, size_t dimensions,
                               mele_error *error)
{
    uint64_t bytes = mele_i_npz_width(type);
    bool fits = true;

    if (header->type_length != strlen(type)
        || memcmp(header->type, type, header->type_length) != 0)
        return mele_i_fail(error, MELE_EDATA, "\"%s\" is of the type %s, not \"%s\"", m->name,
                           mele_i_quote(header->type, header->type_length).text, type);
    if (header->dimensions != dimensions)
        return mele_i_fail(error, MELE_EDATA, "\"%s\" has %zu dimensions, not %zu", m->name,
                           header->dimensions, dimensions);
    if (header->by_columns && dimensions > 1)
        return mele_i_fail(error, MELE_EDATA, "\"%s\" is in Fortran order: np.ascontiguousarray() "
                           "gives the C order that is needed", m->name);
    for (size_t i = 0; i < dimensions; i++)
        fits = fits && !__builtin_mul_overflow(bytes, header->shape[i], &bytes);
    if (!fits || bytes != m->size - length)
        return mele_i_fail(error, MELE_EDATA,
                           "\"%s\" does not have as many numbers as its shape says", m->name);
    return MELE_OK;
}

mele_status mele_i_npz_shape(const mele_i_npz *npz, const mele_i_npz_member *member,
                             const char *type, size_t dimensions, uint64_t *shape,
                             mele_error *error)
{
    mele_i_npy_header header;
    char *bytes = NULL;
    size_t length;
    mele_status status = read_header(npz, member, &bytes, &header, &length, error);

    if (status == MELE_OK)
        status = check_array(member, &header, length, type, dimensions, error);
    for (size_t i = 0; i < dimensions && status == MELE_OK; i++)
        shape[i] = header.shape[i];
    free(bytes);
    return status;
}

/* A member that is read piece by piece; out NULL: pieces are looked at and forgotten. */
typedef struct visit {
    const char *type;
    unsigned char *out;
    mele_i_npz_look_fn *look;
    void *context;
} visit;

/* The numbers, behind a header whose checksum is crc. */
static mele_status read_numbers(const mele_i_npz *npz, const mele_i_npz_member *m, size_t header,
                                uint32_t crc, const visit *v, mele_error *error)
{
    const uint64_t all = m->size - header;
    unsigned char *piece = v->out == NULL ? MELE_I_ARRAY(unsigned char, PIECE) : NULL;
    mele_status status = v->out == NULL && piece == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (uint64_t done = 0; done < all && status == MELE_OK; done += PIECE) {
        const size_t length = all - done < PIECE ? (size_t)(all - done) : PIECE;
        const size_t count = length / mele_i_npz_width(v->type);
        unsigned char *to = piece == NULL ? v->out + done : piece;
        status = read_exactly(npz, m->at + header + done, to, length, m->name, error);
        if (status != MELE_OK)
            break;
        crc = (uint32_t)crc32_z(crc, to, length);
        mele_i_npz_swap(v->type, to, count);
        if (v->look != NULL)
            status = v->look(v->context, to, count, error);
    }
    free(piece);
    return status == MELE_OK && crc != m->crc ? damaged(error, m->name) : status;
}

static mele_status visit_numbers(const mele_i_npz *npz, const mele_i_npz_member *m, size_t count,
                                 const visit *v, uint64_t *at, mele_error *error)
{
    mele_i_npy_header header;
    char *bytes = NULL;
    size_t length = 0;
    mele_status status = read_header(npz, m, &bytes, &header, &length, error);

    if (status == MELE_OK && m->size - length != count * mele_i_npz_width(v->type))
        status = damaged(error, m->name); /* it was changed meanwhile */
    if (status == MELE_OK)
        status = read_numbers(npz, m, length,
                              (uint32_t)crc32_z(0, (const unsigned char *)bytes, length), v, error);
    *at = m->at + length;
    free(bytes);
    return status;
}

mele_status mele_i_npz_read(const mele_i_npz *npz, const mele_i_npz_member *member,
                            const char *type, void *out, size_t count, mele_error *error)
{
    const visit all = {.type = type, .out = out};
    uint64_t at;

    return visit_numbers(npz, member, count, &all, &at, error);
}

mele_status mele_i_npz_look(const mele_i_npz *npz, const mele_i_npz_member *member, const char *type,
                            size_t count, mele_i_npz_look_fn *look, void *context, uint64_t *at,
                            mele_error *error)
{
    const visit pieces = {type, NULL, look, context};

    return visit_numbers(npz, member, count, &pieces, at, error);
}

mele_status mele_i_npz_read_some(const mele_i_npz *npz, const mele_i_npz_member *member,
                                 const char *type, uint64_t at, size_t first, size_t count, void *out,
                                 mele_error *error)
{
    const size_t width = mele_i_npz_width(type);
    mele_status status = read_exactly(npz, at + first * width, out, count * width, member->name, error);

    if (status == MELE_OK)
        mele_i_npz_swap(type, out, count);
    return status;
}
