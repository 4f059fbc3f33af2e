#ifndef MELE_FIT_SEEN_H
#define MELE_FIT_SEEN_H

#include "fit/run.h"

/* Which rows the experts of a model have learnt from, in its record, and what those of a run are to
 * them. */

#define MELE_I_SEEN_KEY "trained_on" /* of the record */

/* What the experts of a model know of the rows of a run. */
typedef struct mele_i_seen {
    enum {
        MELE_I_SEEN_ALL,    /* they were trained on these rows and no others */
        MELE_I_SEEN_NONE,   /* on others */
        MELE_I_SEEN_SOME,   /* on some of these, or on these and on others */
        MELE_I_SEEN_UNKNOWN /* the model does not say */
    } what;
    bool other_posteriors; /* with ALL: not those from outside that the experts were trained with */
    bool same_posteriors;  /* with ALL: those; neither: it is not known */
    bool other_weights; /* with SOME: they seem to be the same rows with other weights */
    size_t common;     /* of these rows, how many are known to be theirs */
    size_t rows, sets; /* that they were trained on */
} mele_i_seen;

/* Record that the experts of the run's model, which stay in part or were started from, or else go
 * (stay false), and those that were trained in this run have learnt from its rows. */
mele_status mele_i_seen_record(mele_i_run *run, bool stay, mele_error *error);

mele_status mele_i_seen_find(mele_i_run *run, mele_i_seen *out, mele_error *error);

/* The record of the experts of all parts, a new reference in *out; NULL: one has none. MELE_EDATA: parts
 * that were trained on the same rows under other posteriors from outside. */
mele_status mele_i_seen_merge(const mele_model *const *parts, size_t count, json_t **out,
                              mele_error *error);

#endif
