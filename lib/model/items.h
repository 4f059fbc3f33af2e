#ifndef MELE_MODEL_ITEMS_H
#define MELE_MODEL_ITEMS_H

#include <mele/text.h>

#include "model/model.h"

/* The items of predictions: which columns each has, what it needs computed, and its cells.
 * A new item is a row of the table in items.c. */

typedef struct mele_i_item mele_i_item;

/* A list of items, in the order of their columns. */
typedef struct mele_i_items {
    size_t count;
    const mele_i_item *item[16];
} mele_i_items;

/* Parse a comma separated list, NULL for the model's default; MELE_EINVAL: no such item, one twice,
 * or one that the model cannot give. */
mele_status mele_i_items_parse(const mele_model *model, const char *list, mele_i_items *out,
                               mele_error *error);

/* Allocate what the items need for so many rows, with posteriors from elsewhere (given) or not; free with
 * mele_i_items_free_room(). */
mele_status mele_i_items_room(const mele_i_items *items, const mele_model *model, bool given,
                              size_t rows, mele_prediction *out, mele_error *error);
void mele_i_items_free_room(mele_prediction *prediction);

/* Add the items' column names, or row i of a prediction, to text. */
void mele_i_items_header(const mele_i_items *items, const mele_model *model, mele_text *text);
void mele_i_items_row(const mele_i_items *items, const mele_model *model,
                      const mele_prediction *prediction, size_t i, mele_text *text);

/* No two columns of a header of predictions may have one name; the input's come first, `before` of
 * them, for the option `why`. MELE_EDATA; MELE_ENOMEM. */
mele_status mele_i_items_check_header(const mele_text *header, size_t before, const char *why,
                                      mele_error *error);

#endif
