#ifndef MELE_CORE_JSON_H
#define MELE_CORE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include <mele/status.h>

/* The one JSON value that is the rest of a file, as a new reference. Memory, the value's included,
 * comes to at most 20 MB + 30 times the bytes of the text; time is linear in them.
 * MELE_EDATA, with its line: the text is no JSON value (RFC 8259), or it has a key twice in one
 * object, a text with a zero in it, a number beyond all doubles or a whole one beyond 64 bits,
 * values 64 deep, or values that would take more memory than that; MELE_EIO; MELE_ENOMEM. */
mele_status mele_i_json_read(FILE *file, json_t **out, mele_error *error);
mele_status mele_i_json_read_text(const char *text, size_t length, json_t **out, mele_error *error);

/* An object with the same members, which are shared; NULL: no memory. (json_copy() loses those that
 * there is no memory for.) */
json_t *mele_i_json_copy(const json_t *object);

/* What the model's sections are written and strictly read with. Writers return a new reference,
 * or NULL when memory ran out; put() chains them, so that one check at the end serves.
 * Readers name the key in their message, with MELE_EDATA. */

json_t *mele_i_json_numbers(const double *values, size_t count);

/* An array of rows, each an array of cols numbers. */
json_t *mele_i_json_matrix(const double *values, size_t rows, size_t cols);

/* Set object[key], taking the reference; false (and the value released) when either is NULL. */
bool mele_i_json_put(json_t *object, const char *key, json_t *value);

/* object must be an object whose keys are exactly those of the comma separated list; a key
 * written "key?" may be absent. `what` names the object in messages. */
mele_status mele_i_json_keys(const json_t *object, const char *what, const char *keys,
                             mele_error *error);

mele_status mele_i_json_get_number(const json_t *object, const char *key, double *out,
                                   mele_error *error);
mele_status mele_i_json_get_size(const json_t *object, const char *key, size_t least, size_t most,
                                 size_t *out, mele_error *error);
mele_status mele_i_json_get_bool(const json_t *object, const char *key, bool *out,
                                 mele_error *error);
/* The string stays the object's. */
mele_status mele_i_json_get_string(const json_t *object, const char *key, const char **out,
                                   mele_error *error);
mele_status mele_i_json_get_numbers(const json_t *object, const char *key, double *out,
                                    size_t count, mele_error *error);
mele_status mele_i_json_get_matrix(const json_t *object, const char *key, double *out, size_t rows,
                                   size_t cols, mele_error *error);

/* Whether object[key] is an array of `count`, and of `rows` arrays of `cols`, whatever those are:
 * asked before memory is taken for what a file claims. */
mele_status mele_i_json_check_size(const json_t *object, const char *key, size_t count,
                                   mele_error *error);
mele_status mele_i_json_check_sizes(const json_t *object, const char *key, size_t rows, size_t cols,
                                    mele_error *error);

/* The same of an array itself, which messages call `key`; and its numbers. */
mele_status mele_i_json_array_sizes(const json_t *array, const char *key, size_t rows, size_t cols,
                                    mele_error *error);
mele_status mele_i_json_array_matrix(const json_t *array, const char *key, double *out, size_t rows,
                                     size_t cols, mele_error *error);

/* Numbers that were read under a key are finite and above 0; MELE_EDATA else. */
mele_status mele_i_json_check_positive(const double *values, size_t count, const char *key,
                                       mele_error *error);

/* An object as text, one line a key, in memory to be freed with free(). length may be NULL. */
mele_status mele_i_json_text(const json_t *root, char **out, size_t *length, mele_error *error);

/* The same as one line, with its end. */
mele_status mele_i_json_line(const json_t *root, char **out, size_t *length, mele_error *error);

#endif
