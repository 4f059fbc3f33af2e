#ifndef MELE_MODEL_FAMILIES_H
#define MELE_MODEL_FAMILIES_H

/* The families that there are, in the order of --help, the default one first: X(IDENTIFIER, "NAME"). Options
 * know the names by it, and lib/family/families.c finds mele_i_family_IDENTIFIER. */
#define MELE_I_FAMILIES(X) \
    X(mele, "mele") \
    X(mele_em, "mele-em") \
    X(one, "one") \
    X(bagging, "bagging") \
    X(boosting, "boosting") \
    X(boosted_me, "boosted-me") \
    X(me, "me") \
    X(me_em, "me-em") \
    X(me_regions, "me-regions") \
    X(lme, "lme") \
    X(hme, "hme") \
    X(ncl, "ncl") \
    X(gated_ncl, "gated-ncl") \
    X(mnce, "mnce") \
    X(sparse, "sparse")

#endif
