#ifndef MELE_STUDY_CLAIMS_H
#define MELE_STUDY_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

/* The claims of the survey as a program can test them: a table (claims.c), which judge.c walks. */

enum { MELE_I_STAND_INS = 3, MELE_I_CONDITIONS = 2 };

/* A kind: any of some stand-ins, each of which has to meet all its conditions; a family of NULL
 * ends them. */
typedef struct mele_i_kind {
    const char *name;
    struct {
        const char *family;
        struct {
            const char *option, *value; /* option NULL: none */
            bool other;                 /* its value is to be another */
        } condition[MELE_I_CONDITIONS];
    } stand_in[MELE_I_STAND_INS];
} mele_i_kind;

typedef enum mele_i_measured { MELE_I_LOSS, MELE_I_TIME, MELE_I_SPREAD } mele_i_measured;

typedef enum mele_i_judged_sets {
    MELE_I_ALL_SETS,
    MELE_I_CLASSES,
    MELE_I_OUTPUT_REGIMES /* regimes are set by the output */
} mele_i_judged_sets;

/* What is claimed of the difference d, first - second, m being the margin: what confirms it, and
 * what refutes it. Between -m and 0 what is BETTER is so by less than matters: shown to be that it
 * is confirmed. */
typedef enum mele_i_question {
    MELE_I_BETTER,      /* d < 0;      d > -m */
    MELE_I_NO_WORSE,    /* d < m;      d > m */
    MELE_I_ABOUT_EQUAL, /* -m < d < m; d < -m or d > m */
    MELE_I_BOTH_WAYS,   /* d < 0 on a set and d > 0 on another; d < m on all sets, or d > -m on all */
    MELE_I_MORE_THERE   /* BETTER, of d there less the mean d of the other sets */
} mele_i_question;

typedef struct mele_i_claim_part {
    const char *words;
    const mele_i_kind *first, *second;
    mele_i_measured measured;
    mele_i_judged_sets sets;
    mele_i_question question;
    bool any_experts; /* false: only contenders count with whose experts both kinds have some */
} mele_i_claim_part;

enum { MELE_I_CLAIM_PARTS = 2 };

typedef struct mele_i_claim {
    const char *name, *words;
    mele_i_claim_part part[MELE_I_CLAIM_PARTS]; /* words NULL: no further one */
} mele_i_claim;

/* Claim i; NULL past the last. */
const mele_i_claim *mele_i_claim_at(size_t i);

/* Whether the regimes of a set of that name are set by its output. */
bool mele_i_claims_output_regimes(const char *set);

/* Fewer sets than this are too few for a test over sets to tell anything at 0.05: what is claimed
 * has to hold on each. */
enum { MELE_I_LEAST_SETS = 6 };

/* Whether the part is tested over sets, or on each of them. */
bool mele_i_tests_over_sets(const mele_i_claim_part *claim, size_t sets);

/* What difference matters (mele_verdicts). */
#define MELE_I_ERROR_MARGIN 0.01
#define MELE_I_LOG_MARGIN 0.02
#define MELE_I_LOSS_MARGIN 0.02
#define MELE_I_TIME_MARGIN 1.1
#define MELE_I_SPREAD_MARGIN 0.5

#endif
