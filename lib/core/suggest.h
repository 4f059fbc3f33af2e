#ifndef MELE_CORE_SUGGEST_H
#define MELE_CORE_SUGGEST_H

#include <stddef.h>

/* What a word that names nothing may have meant: the end of a message. */
typedef struct mele_i_suggestion {
    char text[256];
} mele_i_suggestion;

/* The i-th of some names; NULL past the last. */
typedef const char *mele_i_name_fn(size_t i, const void *user);

/* The name that the word may have been meant to be; NULL: none is near. */
const char *mele_i_nearest(const char *word, size_t length, mele_i_name_fn *name, const void *user);

/* ": is it "NAME"?" when a name is near, by single letters that are wrong, missing, too many or
 * exchanged, or because one holds the other; else ": the names are "A", "B", ...", as many as fit. Of no
 * names nothing. Use it as mele_i_suggest(...).text within the call that prints it. */
mele_i_suggestion mele_i_suggest(const char *word, size_t length, mele_i_name_fn *name,
                                 const void *user);

#endif
