#ifndef MELE_STUDY_PUBLISHED_H
#define MELE_STUDY_PUBLISHED_H

#include "study/survey_suite.h"

/* Figures that have been published, and the protocols that ours beside them come of (published.c).
 */

enum { MELE_I_PUBLISHED_FIGURES = 3 };

typedef struct mele_i_published_row {
    const char *model, *source;
    double figure[MELE_I_PUBLISHED_FIGURES]; /* NaN: none */
} mele_i_published_row;

/* A family of ours, or several with its other options, of which the best is found without the
 * figures. */
typedef struct mele_i_published_ours {
    const char *family; /* as mele_comparison_add_families() takes it */
    bool clusters;      /* each with all the numbers of experts, */
    bool ridges;        /* and all the ridges that are tried */
    bool quick;         /* it is in the quick survey, too */
} mele_i_published_ours;

typedef struct mele_i_published {
    const char *name, *title, *protocol;                /* protocol: sentences */
    const char *figure[MELE_I_PUBLISHED_FIGURES];       /* what they are called; NULL ends them */
    const char *short_figure[MELE_I_PUBLISHED_FIGURES]; /* the same in a few letters */
    mele_i_suite_set set;
    const char *measure; /* that is compared, and is the figure where there is one */
    double unit;         /* of the figure: 100 where it is a share in percent */
    int decimals;
    size_t folds, repeats, quick_repeats;
    const mele_i_published_row *row;   /* a model of NULL ends them */
    const mele_i_published_ours *ours; /* a family of NULL ends them */
} mele_i_published;

/* Protocol i; NULL past the last. */
const mele_i_published *mele_i_published_at(size_t i);

/* The numbers of experts and the ridges that are tried; 0 ends them. */
size_t mele_i_published_clusters(bool quick, size_t i);
const char *mele_i_published_ridge(bool quick, size_t i);

/* Sunspots: periods of the targets' years, of which the first is trained on, and the years of the
 * record whose variance is the unit of errors. */
typedef struct mele_i_period {
    size_t first, last;
} mele_i_period;

extern const mele_i_period mele_i_sunspot_period[MELE_I_PUBLISHED_FIGURES];
extern const mele_i_period mele_i_sunspot_record;
#define MELE_I_SUNSPOTS "sunspots"

#endif
