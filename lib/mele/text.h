#ifndef MELE_TEXT_H
#define MELE_TEXT_H

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers as text, and CSV text in memory. Both are exact, and independent of the locale. */

/** Room for the longest number, its final zero included. */
#define MELE_NUMBER_ROOM 40

/** Write the shortest decimal text that reads back as the same double, and a final zero: 0.1,
 *  100, 1e+23, -0. NaN is written NA, infinities inf and -inf.
 * @param out  MELE_NUMBER_ROOM bytes.
 * @return the length.
 * Source: Giulietti 2020, "The Schubfach way to render doubles". */
MELE_API size_t mele_number_print(double value, char *out);

/** Read the double nearest to the decimal number that text[0 .. length) is as a whole; spaces
 *  and tabs around it are allowed.
 * @param out  untouched on error.
 * @return MELE_OK; MELE_EDATA: it is not a number, or not a finite one.
 * Source: Lemire 2021, Softw. Pract. Exp. 51. */
MELE_API mele_status mele_number_parse(const char *text, size_t length, double *out,
                                       mele_error *error);

/** Write a name as it can be shown: control characters (C0, DEL, and C1 in UTF-8) as \\n, \\x1b,
 *  \\u009b and so on, since they could end a line or drive a terminal. Cut at the end of a character
 *  to fit, its final zero included.
 * @param out  size bytes; NULL when size is 0.
 * @return the length of the whole, without its final zero. */
MELE_API size_t mele_name_print(const char *name, char *out, size_t size);

/** The name that a word, which is none of them, may have been meant to be: the nearest by single
 *  letters that are wrong, missing, too many or exchanged, or one that holds the word; NULL: none is
 *  near.
 * @param name  the i-th name, NULL past the last; called with `user`. */
MELE_API const char *mele_nearest(const char *word, const char *(*name)(size_t i, const void *user),
                                  const void *user);

/** CSV text that grows: cells in rows. A caller that formats blocks of rows in parallel has a
 *  text for each block and writes them out in order.
 *  When memory runs out the text keeps what it has, refuses the rest, and says so once asked with
 *  mele_text_status(); so only one check is needed, before the text is used. */
typedef struct mele_text mele_text;

/** @param delimiter  between cells, e.g. ',' or '\t'.
 *  @param out        freed with mele_text_free(); untouched on error.
 *  @return MELE_OK; MELE_ENOMEM. */
MELE_API mele_status mele_text_new(char delimiter, mele_text **out, mele_error *error);

/** NULL is nothing. */
MELE_API void mele_text_free(mele_text *text);

/** Add a cell: a number as mele_number_print() writes it, or a text, in quotes if it needs them
 *  (delimiters, quotes, line ends, spaces or tabs at either end). */
MELE_API void mele_text_number(mele_text *text, double value);
MELE_API void mele_text_cell(mele_text *text, const char *cell, size_t length);

/** Add a cell of a name: as mele_name_print() writes it. */
MELE_API void mele_text_name(mele_text *text, const char *name);

/** End the row. A row of one empty cell is written "" so that it does not pass for an empty
 *  line; a row without cells is an empty line. */
MELE_API void mele_text_newline(mele_text *text);

/** What was written; owned by the text, valid until it is added to. There is no final zero. */
MELE_API const char *mele_text_data(const mele_text *text);
MELE_API size_t mele_text_length(const mele_text *text);

/** MELE_OK; MELE_ENOMEM: something is missing since the text was made or cleared. */
MELE_API mele_status mele_text_status(const mele_text *text, mele_error *error);

/** Empty it and forget failures; its memory is kept for what comes next. */
MELE_API void mele_text_clear(mele_text *text);

#ifdef __cplusplus
}
#endif

#endif
