#ifndef MELE_FAMILY_FAMILY_H
#define MELE_FAMILY_FAMILY_H

#include <mele/family.h>

#include "fit/run.h"
#include "model/families.h"

/* What a family can learn. */
enum {
    MELE_I_FAMILY_REGRESSION = 1,
    MELE_I_FAMILY_CLASSES = 2,
    MELE_I_FAMILY_MANY_TARGETS = 4, /* of regression */
    MELE_I_FAMILY_WEIGHTS = 8,
    MELE_I_FAMILY_EVERYTHING = 15,
    MELE_I_FAMILY_ANY_EXPERT = 16, /* it looks at all options of experts but those about regions */
    MELE_I_FAMILY_NUMBERED = 128, /* its experts come of random starts, and are numbered by what they are
                                     (order.h) */
    MELE_I_FAMILY_TRAINS = 256, /* experts of any kind itself: it looks at options of training that are those of
                                   one kind in stage 2 */
    MELE_I_FAMILY_MIXTURE = 512, /* its experts share the rows, by a gate that is trained: no more of them than rows */
    MELE_I_FAMILY_VOTES = 64, /* of classes it says which; shares of votes are not how likely they are */
    MELE_I_FAMILY_STAGES = 32 /* it is made of the three stages: looks at all their options, chooses K in
                                 stage 1, and begins with that */
};

/* The options that a family looks at, beside what chooses K. */
#define MELE_I_FAMILY_LOOKS_AT(...) ((const char *const[]){"clusters", "criterion", __VA_ARGS__, NULL})
#define MELE_I_FAMILY_EXPERTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A way to train the parts of a model: one file that has it, and one line of model/families.h. */
typedef struct mele_i_family {
    const char *help;  /* a line, lower case, no full stop */
    unsigned takes;
    const char *const *options; /* names of the options of stages and families that it looks at (--family all do), NULL-ended;
                                   any other that is given is refused. Of one of stages: of the families'
                                   alone; NULL: none */
    const char *const *(*idle)(const mele_options *options); /* those that it does not look at where others of
                                                                 its options say so, NULL-ended; NULL: none */
    const char *const *experts; /* kinds that it trains, NULL-ended, the first in place of the kind's usual
                                   default where that is not among them; NULL: all */
    const char *gate;  /* the kind of gate on features that it trains; NULL: it has another gate, or none */
    size_t clusters;   /* K where it is not given; 0: it is chosen, by refits of the whole family (choice.c) */
    bool fixed;        /* K is always that, and another one that is given is refused */

    /* An option that is chosen as K is, where its value is to be chosen ("auto"): set the i-th value, simplest
     * first, into options that have what was given. False: past the last, or at once: it was given. NULL:
     * there is no such option. */
    const char *swept;
    bool (*sweep)(size_t i, mele_options *options);

    /* What defaults stand for in this family, beside K and the kind of expert; NULL: nothing. */
    void (*settle)(mele_options *options);

    /* What it refuses beside, before any work, of options as they were given; NULL: nothing. */
    mele_status (*check)(const mele_data *data, const mele_options *options, mele_error *error);

    /* Train the parts of run->model. Of a family of stages the model is new; else it has its schema, its
     * scalings, K and what experts and gates see, run->options are settled (K, the kind of expert), and
     * the parts are handed over with mele_i_family_finish() (parts.h). The record of the options is made
     * later. What this fails with, the fit does. */
    mele_status (*fit)(mele_i_run *run, mele_error *error);
} mele_i_family;

#define MELE_I_FAMILY_ROW(identifier, name) extern const mele_i_family mele_i_family_##identifier;
MELE_I_FAMILIES(MELE_I_FAMILY_ROW)
#undef MELE_I_FAMILY_ROW

#endif
