#ifndef MELE_DATA_CSV_LINE_H
#define MELE_DATA_CSV_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Walks over the lines of a text, each ended by LF, CRLF or a lone CR. Every position is looked
 * at once for each of the two bytes, whatever mixture of them there is. */
typedef struct mele_i_csv_lines {
    const char *at, *end; /* what is left */
    bool final;           /* nothing follows: the last line may lack its end */
    const char *lf, *cr;  /* the next of each from `at` on; NULL: not looked for yet */
} mele_i_csv_lines;

static inline const char *mele_i_csv_next_byte(const mele_i_csv_lines *lines, const char *known,
                                               char byte)
{
    if (known != NULL && known >= lines->at)
        return known;
    const char *found = memchr(lines->at, byte, (size_t)(lines->end - lines->at));
    return found == NULL ? lines->end : found;
}

/* The length of the next line with its end; 0 when there is no whole line left. */
static inline size_t mele_i_csv_line_length(mele_i_csv_lines *lines)
{
    const char *end = lines->end;

    if (lines->at == end)
        return 0;
    lines->lf = mele_i_csv_next_byte(lines, lines->lf, '\n');
    lines->cr = mele_i_csv_next_byte(lines, lines->cr, '\r');
    const char *stop = lines->lf < lines->cr ? lines->lf : lines->cr;
    if (stop == end || (*stop == '\r' && stop + 1 == end)) /* an LF may follow the CR */
        return lines->final ? (size_t)(end - lines->at) : 0;
    stop += *stop == '\r' && stop[1] == '\n' ? 2 : 1;
    return (size_t)(stop - lines->at);
}

#endif
