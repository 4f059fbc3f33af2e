#include "expert/small.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "expert/assignment.h"

#define VOTERS 1024 /* rows whose log posteriors are looked at together */

typedef struct treatment {
    mele_experts *experts;
    mele_i_regions *regions;
    const mele_rows *log_posteriors; /* n x K; NULL: nobody is to be merged */
    const mele_expert_options *options;
    bool *few;     /* K */
    double *votes; /* K x K: weight of the first region's rows that would go to the second */
} treatment;

static double rows_of(const treatment *s, size_t k)
{
    return fmax(s->regions->total[k], s->regions->count[k]);
}

static bool has_rows(const treatment *s, size_t k)
{
    return s->regions->total[k] * s->regions->scale > 0 && s->regions->count[k] > 0;
}

/* The region of sufficient size that is next by posterior to a row; K: there is none. */
static size_t next_region(const treatment *s, const double *log_posterior)
{
    const size_t K = s->experts->clusters;
    size_t best = K;

    for (size_t k = 0; k < K; k++)
        if (!s->few[k] && (best == K || log_posterior[k] > log_posterior[best]))
            best = k;
    return best;
}

/* What some rows would have small regions do. */
static mele_status count_votes(treatment *s, mele_i_block block, double *memory, mele_error *error)
{
    const size_t K = s->experts->clusters;
    const double *row;
    size_t stride;
    mele_status status = mele_i_rows_take(s->log_posteriors, block, memory, &row, &stride, error);

    for (size_t i = block.first; i < block.first + block.count && status == MELE_OK; i++) {
        status = mele_i_log_posteriors_check(row, i, K, error);
        const size_t next = status == MELE_OK ? next_region(s, row) : K;
        for (size_t k = 0; k < K && next < K; k++)
            if (s->few[k])
                s->votes[k * K + next] += mele_i_region_weight(s->regions, i, k);
        row += stride;
    }
    return status;
}

/* Every small region goes to the one that most of its weight is next to. */
static mele_status choose_hosts(treatment *s, mele_error *error)
{
    const size_t K = s->experts->clusters, n = s->regions->rows;
    double *memory = MELE_I_ARRAY(double, mele_i_rows_room(s->log_posteriors, VOTERS));
    mele_status status = memory == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t i = 0; i < n && status == MELE_OK; i += VOTERS) {
        const mele_i_block block = {i / VOTERS, i, n - i < VOTERS ? n - i : VOTERS};
        status = count_votes(s, block, memory, error);
    }
    free(memory);
    if (status != MELE_OK)
        return status;
    for (size_t k = 0; k < K; k++) {
        size_t best = 0;
        for (size_t l = 1; l < K; l++)
            if (s->votes[k * K + l] > s->votes[k * K + best])
                best = l;
        if (s->few[k] && s->votes[k * K + best] > 0)
            s->experts->expert[k].answers = best;
    }
    return MELE_OK;
}

static mele_status move_rows(const treatment *s, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t k = 0; k < s->experts->clusters && status == MELE_OK; k++) {
        const size_t host = s->experts->expert[k].answers;
        if (host != k && host < s->experts->clusters)
            status = mele_i_regions_join(s->regions, k, host, error);
    }
    return status;
}

static void treat_one(treatment *s, size_t k)
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

mele_status mele_i_small_treat(mele_experts *e, mele_i_regions *regions,
                                const mele_rows *log_posteriors, const mele_expert_options *options,
                                mele_expert_info *info, mele_error *error)
{
    const size_t K = e->clusters;
    const bool merge = strcmp(options->small, "merge") == 0;
    treatment s = {e, regions, log_posteriors, options, MELE_I_ZEROED(bool, K),
                  merge ? mele_i_zeroed(K * sizeof(double), K) : NULL};
    mele_status status = MELE_OK;
    bool few = false;

    if (s.few == NULL || (merge && s.votes == NULL)) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    if (merge && log_posteriors == NULL) {
        status = mele_i_fail(error, MELE_EINVAL, "small is \"merge\": which region is next to a row its "
                             "log posteriors say, and the assignment has none");
        goto cleanup;
    }
    for (size_t k = 0; k <= K; k++) {
        treat_one(&s, k);
        few = few || (k < K && s.few[k]);
        info[k].rows = e->expert[k].rows = regions->total[k];
    }
    if (merge && few)
        status = choose_hosts(&s, error);
    if (status != MELE_OK)
        goto cleanup;
    for (size_t k = 0; k <= K; k++) {
        const size_t answers = e->expert[k].answers;
        info[k].fallback = k < K && answers == K;
        info[k].merged_into = answers != k && answers != K ? answers + 1 : 0;
        info[k].own = e->expert[k].own;
    }
    status = move_rows(&s, error);
    for (size_t k = 0; k < K && merge; k++)
        if (e->expert[k].answers == k)
            info[k].rows = e->expert[k].rows = regions->total[k];

cleanup:
    free(s.few);
    free(s.votes);
    return status;
}
