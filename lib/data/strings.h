#ifndef MELE_DATA_STRINGS_H
#define MELE_DATA_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

/* Many strings in few blocks of memory, and the levels of a category. Both start as all zeros;
 * functions that add return false when memory ran out, with the content as it was. */

/* String i lies at bytes[start[i]], ends before start[i + 1], and a zero follows it there. */
typedef struct mele_i_strings {
    size_t count, room; /* strings; entries of start less one */
    size_t *start;
    char *bytes;
    size_t bytes_room;
} mele_i_strings;

bool mele_i_strings_add(mele_i_strings *strings, const char *text, size_t length);

/* Add strings first .. first + count - 1 of another list. */
bool mele_i_strings_add_all(mele_i_strings *strings, const mele_i_strings *other, size_t first,
                            size_t count);

/* String i; *length (NULL: not wanted) is without the final zero. */
const char *mele_i_strings_at(const mele_i_strings *strings, size_t i, size_t *length);

/* Forget the strings, keep the memory. */
void mele_i_strings_clear(mele_i_strings *strings);

void mele_i_strings_free(mele_i_strings *strings);

/* Distinct strings, numbered by first appearance, found through a hash table. Spellings of one
 * number ("0", "0.0") are one level, called by the first of them, unless levels are exact. */
typedef struct mele_i_levels {
    bool exact;
    mele_i_strings names;
    size_t *slot; /* the number of a level plus one, or 0; slots is a power of two */
    size_t slots;
} mele_i_levels;

/* Whether two texts are one level of a category: the same bytes, or the same number. */
bool mele_i_same_level(const char *a, size_t length_a, const char *b, size_t length_b);

/* The number of a level, which is added if it is new. */
bool mele_i_levels_index(mele_i_levels *levels, const char *text, size_t length, size_t *index);

/* Number the levels by their bytes; number[i] becomes the new number of level i. */
bool mele_i_levels_sort(mele_i_levels *levels, size_t *number);

void mele_i_levels_clear(mele_i_levels *levels);

void mele_i_levels_free(mele_i_levels *levels);

#endif
