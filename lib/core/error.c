#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/escape.h"

const char *mele_status_name(mele_status status)
{
    switch (status) {
    case MELE_OK: return "done";
    case MELE_EINVAL: return "wrong call";
    case MELE_EDATA: return "wrong data";
    case MELE_ENOMEM: return "out of memory";
    case MELE_EIO: return "input or output failed";
    case MELE_ESTOPPED: return "stopped by the caller";
    }
    return "unknown status";
}

/* Cut a message that filled its room before a UTF-8 character that lost its end. */
static void trim_partial_character(char *message)
{
    size_t end = strlen(message), start = end;

    while (start > 0 && ((unsigned char)message[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || ((unsigned char)message[start - 1] & 0x80) == 0)
        return;
    unsigned char lead = (unsigned char)message[start - 1];
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (end - (start - 1) < length)
        message[start - 1] = '\0';
}

/* A message is one line, whatever names it repeats. */
static void escape_control_characters(char *message)
{
    char copy[MELE_MESSAGE_SIZE];

    strcpy(copy, message);
    mele_i_escape(copy, strlen(copy), "", message, MELE_MESSAGE_SIZE);
}

static mele_status record(mele_error *error, mele_status status, size_t line, const char *format,
                          va_list arguments)
{
    if (error != NULL) {
        error->status = status;
        error->line = line;
        int wanted = vsnprintf(error->message, sizeof error->message, format, arguments);
        if (wanted >= (int)sizeof error->message)
            trim_partial_character(error->message);
        escape_control_characters(error->message);
    }
    return status;
}

mele_status mele_i_fail(mele_error *error, mele_status status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    record(error, status, 0, format, arguments);
    va_end(arguments);
    return status;
}

mele_status mele_i_fail_at(mele_error *error, mele_status status, size_t line, const char *format,
                           ...)
{
    va_list arguments;

    va_start(arguments, format);
    record(error, status, line, format, arguments);
    va_end(arguments);
    return status;
}

mele_status mele_i_no_memory(mele_error *error)
{
    return mele_i_fail(error, MELE_ENOMEM, "out of memory");
}

/* ---- for languages that know no structure ---- */

mele_error *mele_error_new(void)
{
    return calloc(1, sizeof(mele_error));
}

void mele_error_free(mele_error *error)
{
    free(error);
}

const char *mele_error_message(const mele_error *error)
{
    return error == NULL ? "" : error->message;
}

size_t mele_error_line(const mele_error *error)
{
    return error == NULL ? 0 : error->line;
}
