#include "cli/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static ssize_t add(void *cookie, const char *bytes, size_t size)
{
    cli_text *text = cookie;

    if (text->room - text->length < size) {
        const size_t room = 2 * (text->room + size) + 1024;
        char *grown = text->lost ? NULL : realloc(text->data, room);
        if (grown == NULL) {
            text->lost = true;
            return 0;
        }
        text->data = grown;
        text->room = room;
    }
    memcpy(text->data + text->length, bytes, size);
    text->length += size;
    return (ssize_t)size;
}

bool cli_text_open(cli_text *text)
{
    const cookie_io_functions_t functions = {.write = add};

    *text = (cli_text){.out = NULL};
    text->out = fopencookie(text, "w", functions);
    return text->out != NULL;
}

bool cli_text_close(cli_text *text)
{
    const bool failed = fclose(text->out) != 0;

    text->out = NULL;
    if (!failed && !text->lost && text->data != NULL)
        return true;
    free(text->data);
    text->data = NULL;
    text->length = 0;
    return false;
}
