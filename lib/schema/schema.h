#ifndef MELE_SCHEMA_SCHEMA_H
#define MELE_SCHEMA_SCHEMA_H

#include <jansson.h>
#include <mele/data.h>

/* One column with a meaning: a feature or a target. */
typedef struct mele_i_variable {
    char *name;
    size_t position; /* its column in the file it came from, from 0 */
    size_t levels;   /* 0: a number */
    char **level;    /* in the order of their indices: sorted bytewise when from a file */
} mele_i_variable;

struct mele_schema {
    bool header; /* names came from a header; else columns match by position */
    size_t features;
    mele_i_variable *feature;
    size_t targets;
    mele_i_variable *target; /* levels: the classes; only a single target has them */
};

mele_status mele_i_schema_new(size_t features, size_t targets, mele_schema **out,
                              mele_error *error);
void mele_i_schema_free(mele_schema *schema);
mele_status mele_i_schema_copy(const mele_schema *schema, mele_schema **out, mele_error *error);

/* Some of its features as a schema of their own, without targets. */
mele_status mele_i_schema_some(const mele_schema *schema, const size_t *feature, size_t features,
                               mele_schema **out, mele_error *error);

/* Name a variable and copy its levels (0: a number); MELE_EDATA when they are not UTF-8, which a
 * model could not hold. */
mele_status mele_i_variable_set(mele_i_variable *variable, const char *name, size_t position,
                                size_t levels, const char *const *level, mele_error *error);

/* Give a variable without levels the levels "0", "1", ... "count - 1", in that order: what the
 * classes of a caller's arrays are called. */
mele_status mele_i_variable_number_levels(mele_i_variable *variable, size_t count,
                                          mele_error *error);

/* The first design column of feature j, and how many it has: a number is itself; a category with
 * L levels is L - 1 indicators, of all levels but the first (treatment coding, as in R). */
size_t mele_i_schema_first_column(const mele_schema *schema, size_t j);
size_t mele_i_variable_columns(const mele_i_variable *variable);

/* The name of a design column, "feature" or "feature=level", cut to size as snprintf does. */
void mele_i_schema_column_name(const mele_schema *schema, size_t column, char *out, size_t size);

/* Whether data of one schema can be used with a model of another: the same features and, when both
 * have some, the same targets, by name and levels. MELE_EINVAL says what differs. */
mele_status mele_i_schema_fits(const mele_schema *data, const mele_schema *model,
                               mele_error *error);

/* The index of a level, by its name or (then) by the number that both spell; levels when there is
 * none such. */
size_t mele_i_variable_level(const mele_i_variable *variable, const char *text);

/* The model's section; the scalings that share it are the model's own business. */
json_t *mele_i_schema_save(const mele_schema *schema);
mele_status mele_i_schema_load(const json_t *section, mele_schema **out, mele_error *error);

#endif
