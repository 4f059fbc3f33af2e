#ifndef MELE_TESTS_MARKUP_SUPPORT_H
#define MELE_TESTS_MARKUP_SUPPORT_H

#include <stddef.h>

/* Check that a text is well-formed: tags are closed in their order, attributes are in quotes and
 * stand once, references are known ones, and no character is a control character. A first <!DOCTYPE
 * html> may be there. Returns how many elements there are. */
size_t check_markup(const char *text, size_t length);

/* Check each <svg> in it: its words, in the boxes that are estimated for them, are in its view box
 * and do not overlap. Returns how many words there are. */
size_t check_figures(const char *text, size_t length);

#endif
