#ifndef MELE_PARTITION_FILTER_H
#define MELE_PARTITION_FILTER_H

#include <stdbool.h>

#include <mele/status.h>

#include "engine/kernels.h"

/* Nearest centres found in single precision, and what that proves (see filter.c). */
typedef struct mele_i_filter {
    const mele_i_kernels *kernels;
    size_t clusters, columns;
    size_t padded;          /* numbers of a narrow row */
    size_t groups;          /* of MELE_I_GROUP centres */
    size_t chunk;           /* rows narrowed at a time */
    const double *origin;   /* of the columns; kept by the caller */
    const double *centres;  /* the last that were set; kept by the caller */
    double scale;           /* a power of two */
    float share, floor;     /* an error is at most share * |y|^2 + floor */
    bool usable;            /* else nothing is proved, and all below is in no particular state */
    bool sifts;             /* few enough columns and centres for the kernel sift() */
    float *group;           /* as the kernel group_nearest() has them */
    float *few;             /* as the kernel sift() has them */
    float *row;             /* clusters x padded: the centres */
    uint32_t *cluster;      /* of every lane of the groups */
    uint32_t *group_of;     /* of every cluster */
} mele_i_filter;

/* What one thread works in. */
typedef struct mele_i_filter_room {
    double *exact, *exact_distance; /* rows done again */
    uint32_t *exact_label;
    float *y, *norm, *best, *second, *upper, *lower;   /* of a chunk */
    float *group_best, *group_second, *low_best, *low_second; /* of listed rows of it */
    uint32_t *label, *group, *alive, *unclear;
    uint32_t *list, *listed; /* for every group: rows of the chunk, and how many */
} mele_i_filter_room;

/* Entries of a list of the rows of a chunk: kernels write, and read, whole vectors. */
static inline size_t mele_i_filter_list(const mele_i_filter *filter)
{
    return filter->chunk + MELE_I_GROUP;
}

/* What a filter is made for. */
typedef struct mele_i_filter_plan {
    size_t clusters, columns;
    const double *origin;  /* of the columns; kept by the caller */
    double radius;         /* rows lie within it about the origin in every column; others are unclear */
    const double *centres; /* groups are formed from those near each other here */
    bool groups;           /* without, the kernel sift() serves alone when it can */
} mele_i_filter_plan;

/* Room for a filter; freed with mele_i_filter_clear() whatever is returned. */
mele_status mele_i_filter_make(mele_i_filter *filter, const mele_i_kernels *kernels,
                               const mele_i_filter_plan *plan, mele_error *error);
void mele_i_filter_clear(mele_i_filter *filter);

/* Take these centres, in the groups that were formed. */
void mele_i_filter_set(mele_i_filter *filter, const double *centres);

/* A multiple of 8. */
size_t mele_i_filter_bytes(const mele_i_filter *filter);
mele_i_filter_room mele_i_filter_room_in(const mele_i_filter *filter, void *scratch);

/* The labels that kernels->nearest() gives; returns how many rows were unclear. */
size_t mele_i_filter_label(const mele_i_filter *filter, const double *x, size_t stride, size_t rows,
                           uint32_t *label, const mele_i_filter_room *room);

/* label[list[i]] of the rows start + list[i], done by kernels->nearest(). */
void mele_i_filter_exactly(const mele_i_filter *filter, const double *x, size_t stride,
                           const uint32_t *list, size_t count, uint32_t *label,
                           const mele_i_filter_room *room);

/* The number of a lane, as group_nearest() leaves it in a score. */
static inline uint32_t mele_i_lane(float score)
{
    union {
        float number;
        uint32_t bits;
    } both = {score};

    return both.bits % MELE_I_GROUP;
}

#endif
