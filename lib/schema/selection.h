#ifndef MELE_SCHEMA_SELECTION_H
#define MELE_SCHEMA_SELECTION_H

#include <mele/matrix.h>

#include "schema/encode.h"

/* Some features of a schema, as what stage 1, experts or a gate see: their columns are numbered as if
 * there were no others. All zeros: all features. */
typedef struct mele_i_selection {
    size_t features;        /* how many; 0: all */
    size_t *feature;        /* which, ascending */
    size_t *column;         /* the design columns of all features that are theirs, ascending */
    mele_schema *schema;    /* of them alone, without targets */
    mele_i_scaling scaling; /* of their design columns */
} mele_i_selection;

/* The features that a list of columns names (see mele_i_columns_resolve()) into named[features].
 * `option` names the option in messages. MELE_EDATA: a column that is no feature; MELE_EINVAL: one
 * named twice; MELE_ENOMEM. */
mele_status mele_i_features_named(const mele_schema *schema, const char *list, const char *option,
                                  bool *named, mele_error *error);

/* Those that a list names; NULL, or a list of all: all. The scaling is that of all design columns.
 * Free with mele_i_selection_clear(); untouched on error. */
mele_status mele_i_selection_make(const mele_schema *schema, const mele_i_scaling *scaling,
                                  const char *list, const char *option, mele_i_selection *out,
                                  mele_error *error);

/* Those whose design columns these are, in ascending order; all zeros also where they are not all the
 * columns of their features. */
mele_status mele_i_selection_of_columns(const mele_schema *schema, const mele_i_scaling *scaling,
                                        const size_t *column, size_t columns,
                                        mele_i_selection *out, mele_error *error);
/* Features that are marked leave a selection, unless none would be left. */
mele_status mele_i_selection_remove(const mele_schema *schema, const mele_i_scaling *scaling,
                                    const bool *marked, mele_i_selection *selection,
                                    mele_error *error);
mele_status mele_i_selection_copy(const mele_i_selection *selection, mele_i_selection *out,
                                  mele_error *error);
void mele_i_selection_clear(mele_i_selection *selection);

bool mele_i_selection_equal(const mele_i_selection *a, const mele_i_selection *b);

/* Their names for messages, of many the first few; "all". */
#define MELE_I_SELECTION_ROOM 512
void mele_i_selection_text(const mele_i_selection *selection, char out[MELE_I_SELECTION_ROOM]);

/* What holds of a selection, given what holds of all features. */
static inline const mele_schema *mele_i_selection_schema(const mele_i_selection *selection,
                                                         const mele_schema *all)
{
    return selection->features == 0 ? all : selection->schema;
}

static inline const mele_i_scaling *mele_i_selection_scaling(const mele_i_selection *selection,
                                                             const mele_i_scaling *all)
{
    return selection->features == 0 ? all : &selection->scaling;
}

/* Their columns of design rows of all features: where they stand side by side in place, else copied
 * to the room, of as many numbers as mele_i_selection_room() says. */
size_t mele_i_selection_room(const mele_i_selection *selection, size_t rows);
mele_matrix mele_i_selection_pick(const mele_i_selection *selection, const mele_matrix *design,
                                  double *room);

/* The names, as a model's sections have them: a new reference, NULL when memory ran out; not of
 * all. */
json_t *mele_i_selection_save(const mele_i_selection *selection);

/* The same read; NULL: all. MELE_EDATA: no ascending list of some of the features. */
mele_status mele_i_selection_load(const json_t *names, const mele_schema *schema,
                                  const mele_i_scaling *scaling, mele_i_selection *out,
                                  mele_error *error);

#endif
