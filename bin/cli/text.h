#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stdio.h>

/* Text in memory that is printed to as to a file, and knows whether all of it is there: glibc's
 * open_memstream() drops what it has no memory for and tells only the call that printed it. */
typedef struct cli_text {
    FILE *out; /* print to this */
    char *data; /* after closing, for free() */
    size_t length, room;
    bool lost;
} cli_text;

/* False: no memory; there is nothing to close then. */
bool cli_text_open(cli_text *text);

/* False: there was no memory for some of it, and data is NULL. */
bool cli_text_close(cli_text *text);

#endif
