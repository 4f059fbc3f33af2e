#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

bool mele_i_buffer_grow(mele_i_buffer *buffer, size_t more)
{
    size_t room;
    char *data = NULL;

    if (!__builtin_add_overflow(buffer->length, more, &room)
        && !__builtin_add_overflow(room, buffer->room / 2 + 4096, &room))
        data = mele_i_grow(buffer->data, room, 1);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->room = room;
    return true;
}

void mele_i_buffer_add(mele_i_buffer *buffer, const char *bytes, size_t length)
{
    if (length == 0 || !mele_i_buffer_has_room(buffer, length))
        return;
    memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
}

void mele_i_buffer_print(mele_i_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        buffer->failed = true;
    else if (mele_i_buffer_has_room(buffer, (size_t)length + 1)) {
        vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

mele_status mele_i_buffer_finish(mele_i_buffer *buffer, mele_status status, char **out, size_t *length,
                                 mele_error *error)
{
    const size_t whole = buffer->length;

    mele_i_buffer_add(buffer, "", 1);
    if (status == MELE_OK && buffer->failed)
        status = mele_i_no_memory(error);
    if (status != MELE_OK) {
        free(buffer->data);
    } else {
        *out = buffer->data;
        if (length != NULL)
            *length = whole;
    }
    *buffer = (mele_i_buffer){NULL, 0, 0, false};
    return status;
}
