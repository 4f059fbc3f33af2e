#ifndef MELE_FAMILY_H
#define MELE_FAMILY_H

#include <stdbool.h>
#include <stddef.h>

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Families: ways to train the parts of a model. All make the same kind of model, of experts and a gate,
 * which is saved, predicted with and scored in one way; they differ in how the parts are trained.
 * mele_fit() fits the family that options name (options.family.name, --family). All of these are
 * thread-safe. */

/** The name of the i-th family, "mele", the three stages, being the first; NULL past the last. */
MELE_API const char *mele_family(size_t i);

/** A line about the i-th family, lower case, no full stop; NULL past the last. */
MELE_API const char *mele_family_help(size_t i);

/** The number of experts that a fit of the family of that name always has, others being refused; 0: it takes any, or
 *  there is no such family. */
MELE_API size_t mele_family_clusters(const char *name);

/** The number of experts that a fit of the family of that name has where none is given; 0: it is chosen, or there is no
 *  such family. */
MELE_API size_t mele_family_default_clusters(const char *name);

/** The option that the family of that name sweeps where it is "auto", by refits, as K is chosen: its name without
 *  dashes; NULL: none, or there is no such family. */
MELE_API const char *mele_family_sweeps(const char *name);

/** Whether mele_fit() of a family looks at an option of a stage or of families (mele_option_stage_of()), without
 *  dashes; one that is given and not looked at is refused. False where there is no such family or option. */
MELE_API bool mele_family_looks_at(const char *name, const char *option);

#ifdef __cplusplus
}
#endif

#endif
