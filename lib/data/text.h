#ifndef MELE_DATA_TEXT_H
#define MELE_DATA_TEXT_H

#include <mele/text.h>

/* Remember that memory ran out while a cell was made, as if the text itself had run out of it. */
void mele_i_text_fail(mele_text *text);

#endif
