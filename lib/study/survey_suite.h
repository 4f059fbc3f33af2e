#ifndef MELE_STUDY_SURVEY_SUITE_H
#define MELE_STUDY_SURVEY_SUITE_H

#include <stdbool.h>

#include <mele/data.h>

/* The suite of the survey: which sets, and who is compared on them (survey_suite.c). */

/* A set: of a table that comes along, or made from a formula. */
typedef struct mele_i_suite_set {
    const char *name, *about; /* about: one line */
    const char *table;        /* NULL: it is made by the maker of its name */
    size_t rows; /* that are made; of a table every so many-th row is taken, 0 being all */
    size_t most; /* of a table: only the first rows, so many at most; 0: all */
    const char *target, *features; /* of a table; features NULL: all other columns */
    const char *category;          /* a feature that is one; NULL: none */
    const char *group;             /* rows of one number of it stay together; NULL: none */
    const char *only;              /* classes that are kept, comma separated; NULL: all */
    size_t lags;                   /* features are so many values of the target before the row */
    bool classes;                  /* of a table: the target is one */
    bool blocks;                   /* folds are runs of rows */
    bool quick;                    /* it is in the quick survey, too */
} mele_i_suite_set;

/* Set i; NULL past the last. */
const mele_i_suite_set *mele_i_suite_set_at(size_t i);

/* Its rows as data. *numbers, which the data view, is freed with free() after them. Both untouched
 * on error. MELE_ENOMEM. */
mele_status mele_i_suite_data(const mele_i_suite_set *set, uint64_t seed, mele_data **out,
                              double **numbers, mele_error *error);

/* A contender: a family with its options, beside those that all have. */
typedef struct mele_i_suite_contender {
    const char *name, *family; /* family: as mele_comparison_add_families() takes it */
    const char *seeds;         /* as which family it is compared over seeds; NULL: it is not */
    bool quick;                /* it is in the quick survey, too */
} mele_i_suite_contender;

/* Contender i; NULL past the last. */
const mele_i_suite_contender *mele_i_suite_contender_at(size_t i);

/* Options that all contenders have that look at them and name no other. */
typedef struct mele_i_suite_option {
    const char *name, *value;
} mele_i_suite_option;

/* Option i; NULL past the last. */
const mele_i_suite_option *mele_i_suite_option_at(size_t i);

/* The contender that is one network with as many parameters as a mixture of linear or logistic
 * experts under a softmax gate has. */
#define MELE_I_AS_MANY "one (mlp)"
size_t mele_i_suite_parameters(size_t columns, size_t classes);

#endif
