/* Writing .npz files: checksums are made before what they are about is written, so that an archive
 * can go to a pipe and its local headers say everything. */
#include "data/npz.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "core/error.h"
#include "data/npz_format.h"

#define PIECE 65536           /* bytes that are swapped at once */
#define NO_TIME 0x00210000u   /* 1980-01-01 00:00: the same arrays give the same bytes */
#define ROOM 512              /* for a header with its name, an extra field and a header of .npy */

/* A member as it is written. */
typedef struct member {
    const mele_i_npz_array *array;
    char name[MELE_I_NPZ_NAME + 4], header[MELE_I_NPY_HEADER_ROOM];
    size_t name_length, header_length;
    uint64_t bytes, at; /* of the numbers; where the local header is */
    uint32_t crc;
} member;

typedef struct writing {
    mele_write_fn *write;
    void *user;
    uint64_t most_small, at; /* at: bytes written so far */
    bool stopped;
} writing;

/* ---- bytes ---- */

static void put_bytes(writing *w, const void *bytes, size_t length)
{
    w->stopped = w->stopped || !w->write(bytes, length, w->user);
    w->at += length;
}

static unsigned char *put(unsigned char *to, uint64_t value, size_t bytes)
{
    for (size_t b = 0; b < bytes; b++)
        *to++ = (unsigned char)(value >> 8 * b);
    return to;
}

/* Hand the numbers of an array over, little-endian, in pieces. */
static void each_piece(const mele_i_npz_array *array, uint64_t bytes,
                       void (*use)(void *context, const void *piece, size_t length), void *context)
{
    const size_t width = mele_i_npz_width(array->type), most = PIECE / width * width;
    unsigned char room[BYTE_ORDER == LITTLE_ENDIAN ? 1 : PIECE];
    const unsigned char *from = array->data;

    for (uint64_t done = 0; done < bytes; done += most) {
        const size_t length = bytes - done < most ? (size_t)(bytes - done) : most;
        if (BYTE_ORDER == LITTLE_ENDIAN) {
            use(context, from + done, length);
            continue;
        }
        memcpy(room, from + done, length);
        mele_i_npz_swap(array->type, room, length / width);
        use(context, room, length);
    }
}

static void add_to_checksum(void *context, const void *piece, size_t length)
{
    uint32_t *crc = context;

    *crc = (uint32_t)crc32_z(*crc, piece, length);
}

static void write_piece(void *context, const void *piece, size_t length)
{
    put_bytes(context, piece, length);
}

/* ---- members ---- */

static void start_member(member *m, const mele_i_npz_array *array)
{
    const mele_i_npy_header header = {array->type, strlen(array->type), false, array->dimensions,
                                      {array->shape[0], array->shape[1], array->shape[2]}};

    *m = (member){.array = array, .bytes = mele_i_npz_width(array->type)};
    m->name_length = (size_t)snprintf(m->name, sizeof m->name, "%s.npy", array->name);
    m->header_length = mele_i_npy_header_write(&header, m->header);
    for (size_t i = 0; i < array->dimensions; i++)
        m->bytes *= array->shape[i];
    m->crc = (uint32_t)crc32_z(0, (const unsigned char *)m->header, m->header_length);
    each_piece(array, m->bytes, add_to_checksum, &m->crc);
}

static uint64_t size_of(const member *m)
{
    return m->header_length + m->bytes;
}

static uint64_t small(const writing *w, uint64_t value)
{
    return value > w->most_small ? UINT32_MAX : value;
}

/* The fields that a local header and an entry of the directory have in common. A local header's
 * extra field has both sizes, as it must; of the directory's nothing that is small. */
static unsigned char *put_common(const writing *w, const member *m, size_t extra, unsigned char *to)
{
    const uint64_t size = small(w, size_of(m));

    to = put(to, extra > 0 ? MELE_I_ZIP_VERSION64 : MELE_I_ZIP_VERSION, 2);
    to = put(to, 0, 2);       /* flags */
    to = put(to, 0, 2);       /* stored */
    to = put(to, NO_TIME, 4);
    to = put(to, m->crc, 4);
    to = put(to, size, 4);
    to = put(to, size, 4);
    to = put(to, m->name_length, 2);
    return put(to, extra, 2);
}

static void write_member(writing *w, member *m)
{
    const bool large = size_of(m) > w->most_small;
    unsigned char room[ROOM], *to = put(room, MELE_I_ZIP_LOCAL, 4);

    m->at = w->at;
    to = put_common(w, m, large ? 20 : 0, to);
    memcpy(to, m->name, m->name_length);
    to += m->name_length;
    if (large) {
        to = put(put(to, MELE_I_ZIP_EXTRA64, 2), 16, 2);
        to = put(put(to, size_of(m), 8), size_of(m), 8);
    }
    put_bytes(w, room, (size_t)(to - room));
    put_bytes(w, m->header, m->header_length);
    each_piece(m->array, m->bytes, write_piece, w);
}

/* ---- the directory and the end ---- */

static void write_entry(writing *w, const member *m)
{
    const bool large = size_of(m) > w->most_small, far = m->at > w->most_small;
    const size_t numbers = (large ? 16 : 0) + (far ? 8 : 0), extra = numbers > 0 ? 4 + numbers : 0;
    unsigned char room[ROOM], *to = put(room, MELE_I_ZIP_CENTRAL, 4);

    to = put(to, MELE_I_ZIP_VERSION64, 2); /* made by */
    to = put_common(w, m, extra, to);
    to = put(put(to, 0, 4), 0, 2); /* comment, disk, */
    to = put(to, 0, 4);            /* attributes */
    to = put(to, small(w, m->at), 4);
    memcpy(to, m->name, m->name_length);
    to += m->name_length;
    if (numbers > 0)
        to = put(put(to, MELE_I_ZIP_EXTRA64, 2), numbers, 2);
    if (large)
        to = put(put(to, size_of(m), 8), size_of(m), 8);
    if (far)
        to = put(to, m->at, 8);
    put_bytes(w, room, (size_t)(to - room));
}

static void write_end64(writing *w, size_t count, uint64_t directory, uint64_t length)
{
    const uint64_t at = w->at;
    unsigned char room[ROOM], *to = put(room, MELE_I_ZIP_END64, 4);

    to = put(to, MELE_I_ZIP_END64_SIZE - 12, 8);
    to = put(put(to, MELE_I_ZIP_VERSION64, 2), MELE_I_ZIP_VERSION64, 2);
    to = put(to, 0, 8); /* disks */
    to = put(put(to, count, 8), count, 8);
    to = put(put(to, length, 8), directory, 8);
    to = put(put(to, MELE_I_ZIP_LOCATOR, 4), 0, 4);
    to = put(put(to, at, 8), 1, 4);
    put_bytes(w, room, (size_t)(to - room));
}

static void write_end(writing *w, size_t count, uint64_t directory)
{
    const uint64_t length = w->at - directory;
    unsigned char room[ROOM], *to = put(room, MELE_I_ZIP_END, 4);

    if (directory > w->most_small || length > w->most_small)
        write_end64(w, count, directory, length);
    to = put(to, 0, 4); /* disks */
    to = put(put(to, count, 2), count, 2);
    to = put(put(to, small(w, length), 4), small(w, directory), 4);
    to = put(to, 0, 2);
    put_bytes(w, room, (size_t)(to - room));
}

mele_status mele_i_npz_write(const mele_i_npz_array *arrays, size_t count, uint32_t most_small,
                             mele_write_fn *write, void *user, mele_error *error)
{
    writing w = {write, user, most_small > 0 ? most_small : UINT32_MAX - 1, 0, false};
    member all[MELE_I_NPZ_MOST];

    for (size_t i = 0; i < count && !w.stopped; i++) {
        start_member(&all[i], &arrays[i]);
        write_member(&w, &all[i]);
    }
    const uint64_t directory = w.at;
    for (size_t i = 0; i < count && !w.stopped; i++)
        write_entry(&w, &all[i]);
    if (!w.stopped)
        write_end(&w, count, directory);
    return w.stopped ? mele_i_fail(error, MELE_ESTOPPED, "stopped while writing") : MELE_OK;
}
