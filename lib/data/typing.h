#ifndef MELE_DATA_TYPING_H
#define MELE_DATA_TYPING_H

#include "data/table.h"

/* What cells look like, and what follows for a column: whether it is numbers or text, and what is
 * said of a cell or a column that cannot be used. */

/* The rows that decide. */
#define MELE_I_TYPING_ROWS 1000

typedef enum mele_i_look {
    MELE_I_LOOK_NUMBER,     /* or "inf" */
    MELE_I_LOOK_OTHER_MARK, /* a number with the decimal mark that is not the file's: 12,5 */
    MELE_I_LOOK_THOUSANDS,  /* 1,200: a number in groups (or with the other mark) */
    MELE_I_LOOK_CURRENCY,   /* $5 */
    MELE_I_LOOK_PERCENT,    /* 5% */
    MELE_I_LOOK_UNIT,       /* 18.0 mpg */
    MELE_I_LOOK_DATE,       /* 2021-01-31, 31.1.21 12:00, 5 Jan 2021 */
    MELE_I_LOOK_TIME,       /* 12:30 */
    MELE_I_LOOK_TEXT
} mele_i_look;

/* What a cell looks like; decimal: '.' or ','. */
mele_i_look mele_i_look_at(const char *text, size_t length, char decimal);

/* Cells of a column among the first rows; missing ones count nowhere. Starts as zeros. */
typedef struct mele_i_tally {
    unsigned short rows, numbers, amounts, dates, texts; /* amounts: every look from the other mark
                                                            to units; at most MELE_I_TYPING_ROWS */
    bool skips;            /* some cell is not the whole number after that of the row before */
    bool other_mark;       /* some cell cannot be read but with the other decimal mark */
    unsigned long count;   /* the last whole number, while !skips */
    size_t odd_line, text_line; /* of the first amount or date, and the first text, */
    char *odd, *text;           /* and copies of them; NULL: none */
} mele_i_tally;

/* Add a cell; false when memory ran out. */
bool mele_i_tally_add(mele_i_tally *tally, const char *text, size_t length, bool missing,
                      char decimal, size_t line);

void mele_i_tally_clear(mele_i_tally *tally);

/* Number or category: at least nine in ten cells are numbers, or none is left to say. */
mele_column_kind mele_i_tally_kind(const mele_i_tally *tally);

/* Whether a column does nothing but number the rows; whether it holds nothing. */
bool mele_i_tally_numbers_rows(const mele_i_tally *tally);
bool mele_i_tally_is_empty(const mele_i_tally *tally);

/* What is known of a file's form, for what messages propose. */
typedef struct mele_i_form {
    char delimiter, decimal;
    bool missing_given; /* what counts as missing is not the default */
} mele_i_form;

/* The way out for a cell that is not a number in a column of numbers, as " (...)" or "". */
typedef struct mele_i_advice {
    char text[320];
} mele_i_advice;
mele_i_advice mele_i_advise(const mele_i_column *column, const char *text, size_t length,
                            mele_i_form form);

/* Describe a column of text most of whose cells are numbers; false: it is not one. */
bool mele_i_describe_mixture(const mele_i_tally *tally, mele_i_advice *out);

/* Refuse a text column that is to be a feature or a target and holds amounts or dates.
 * MELE_EDATA at the line of the first one. */
mele_status mele_i_refuse_amounts(const mele_i_column *column, const mele_i_tally *tally,
                                  mele_i_form form, mele_error *error);

/* Refuse one with more than 20 levels and more than half as many as rows. */
mele_status mele_i_refuse_levels(const mele_i_column *column, const mele_i_tally *tally,
                                 size_t levels, size_t rows, mele_error *error);

#endif
