#ifndef MELE_CORE_BUFFER_H
#define MELE_CORE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include <mele/status.h>

/* Text that grows in memory; {0} is empty. When memory runs out it keeps what it has, refuses the
 * rest and has `failed`, so that one check at the end serves. There is no final zero. */
typedef struct mele_i_buffer {
    char *data; /* free() it */
    size_t length, room;
    bool failed;
} mele_i_buffer;

/* Room for `more` bytes behind what is there, and some to spare; false, and failed: no memory. */
bool mele_i_buffer_grow(mele_i_buffer *buffer, size_t more);

static inline bool mele_i_buffer_has_room(mele_i_buffer *buffer, size_t more)
{
    if (buffer->failed)
        return false;
    return buffer->room - buffer->length >= more || mele_i_buffer_grow(buffer, more);
}

void mele_i_buffer_add(mele_i_buffer *buffer, const char *bytes, size_t length);

/* As printf() does; without %f, %e and %g, whose text depends on the locale (core/number.h). */
__attribute__((format(printf, 2, 3))) void mele_i_buffer_print(mele_i_buffer *buffer,
                                                               const char *format, ...);

/* Hand the text over with a final zero, which its length (NULL: not wanted) does not count; *out is freed with free().
 * Of text that failed, or where `status` is not MELE_OK, which is then returned, nothing is handed over. */
mele_status mele_i_buffer_finish(mele_i_buffer *buffer, mele_status status, char **out, size_t *length,
                                 mele_error *error);

#endif
