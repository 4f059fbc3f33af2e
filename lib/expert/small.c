#include "expert/small.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

typedef struct settling {
    mele_experts *experts;
    mele_i_regions *regions;
    const double *log_posteriors;
    const mele_expert_options *options;
    bool *few;     /* K */
    double *votes; /* K x K: weight of the first region's rows that would go to the second */
} settling;

static double rows_of(const settling *s, size_t k)
{
    return fmax(s->regions->total[k], s->regions->count[k]);
}

static bool has_rows(const settling *s, size_t k)
{
    return s->regions->total[k] * s->regions->scale > 0 && s->regions->count[k] > 0;
}

/* The region of sufficient size that is next by posterior to the row; K: there is none. */
static size_t next_region(const settling *s, size_t row)
{
    const size_t K = s->experts->clusters;
    const double *log_posterior = s->log_posteriors + row * K;
    size_t best = K;

    for (size_t k = 0; k < K; k++)
        if (!s->few[k] && (best == K || log_posterior[k] > log_posterior[best]))
            best = k;
    return best;
}

/* Every small region goes to the one that most of its weight is next to. */
static void choose_hosts(settling *s)
{
    const size_t K = s->experts->clusters;
    bool any = false;

    for (size_t k = 0; k < K; k++)
        any = any || s->few[k];
    for (size_t i = 0; i < s->regions->rows && any; i++) {
        const size_t next = next_region(s, i);
        for (size_t k = 0; k < K && next < K; k++)
            if (s->few[k])
                s->votes[k * K + next] += mele_i_region_weight(s->regions, i, k);
    }
    for (size_t k = 0; k < K; k++) {
        size_t best = 0;
        for (size_t l = 1; l < K; l++)
            if (s->votes[k * K + l] > s->votes[k * K + best])
                best = l;
        if (s->few[k] && s->votes[k * K + best] > 0)
            s->experts->expert[k].answers = best;
    }
}

static void move_rows(const settling *s)
{
    const size_t K = s->experts->clusters;
    mele_i_regions *regions = s->regions;

    for (size_t k = 0; k < K; k++) {
        const size_t host = s->experts->expert[k].answers;
        if (host == k || host == K)
            continue;
        for (size_t i = 0; i < regions->rows; i++)
            if (regions->label != NULL && regions->label[i] == k) {
                regions->label[i] = (uint32_t)host;
            } else if (regions->share != NULL) {
                regions->share[i * K + host] += regions->share[i * K + k];
                regions->share[i * K + k] = 0;
            }
        regions->total[host] += regions->total[k];
        regions->count[host] += regions->count[k];
    }
}

static void settle_one(settling *s, size_t k)
{
    mele_i_expert *e = &s->experts->expert[k];

    e->own = 1;
    e->answers = k;
    if (k == s->experts->clusters)
        return;
    s->few[k] = rows_of(s, k) < (double)s->options->min_rows || !has_rows(s, k);
    if (!s->few[k])
        return;
    if (strcmp(s->options->small, "shrink") == 0 && has_rows(s, k))
        e->own = rows_of(s, k) / (double)s->options->min_rows;
    else
        e->answers = s->experts->clusters;
}

mele_status mele_i_small_settle(mele_experts *e, mele_i_regions *regions,
                                const double *log_posteriors, const mele_expert_options *options,
                                mele_expert_info *info, mele_error *error)
{
    const size_t K = e->clusters;
    const bool merge = strcmp(options->small, "merge") == 0;
    settling s = {e, regions, log_posteriors, options, MELE_I_ZEROED(bool, K),
                  merge ? mele_i_zeroed(K * sizeof(double), K) : NULL};
    mele_status status = MELE_OK;

    if (s.few == NULL || (merge && s.votes == NULL)) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t k = 0; k <= K; k++) {
        settle_one(&s, k);
        info[k].rows = e->expert[k].rows = regions->total[k];
    }
    if (merge)
        choose_hosts(&s);
    for (size_t k = 0; k <= K; k++) {
        const size_t answers = e->expert[k].answers;
        info[k].fallback = k < K && answers == K;
        info[k].merged_into = answers != k && answers != K ? answers + 1 : 0;
        info[k].own = e->expert[k].own;
    }
    move_rows(&s);
    for (size_t k = 0; k < K && merge; k++)
        if (e->expert[k].answers == k)
            info[k].rows = e->expert[k].rows = regions->total[k];

cleanup:
    free(s.few);
    free(s.votes);
    return status;
}
