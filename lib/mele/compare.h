#ifndef MELE_COMPARE_H
#define MELE_COMPARE_H

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Families compared on the same folds of one or several data sets. */
typedef struct mele_comparison mele_comparison;

/** NULL is nothing. */
MELE_API void mele_comparison_free(mele_comparison *comparison);

#ifdef __cplusplus
}
#endif

#endif
