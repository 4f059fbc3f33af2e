#ifndef MELE_DATA_TEXT_H
#define MELE_DATA_TEXT_H

#include <mele/text.h>

/* Add a cell of a name behind `before`, control characters of the name escaped but those in `keep`
 * (core/escape.h). */
void mele_i_text_name(mele_text *text, const char *before, const char *name, const char *keep);

#endif
