/* A hierarchical mixture of experts that grows (Waterhouse, Robinson 1995, NIPS 8; Fritsch, Finke, Waibel
 * 1997, NIPS 9): EM of one expert; then, as often as experts are wanted, one leaf becomes a node of two, and
 * EM of the whole mixture goes on from there. Nothing is drawn.
 *
 *   which   the leaf with the worst log-likelihood of the rows that are its own: the least of
 *           sum_i w_i h_k(i) log p_k(y_i | x_i), h the responsibilities, the first of several. (Weighted by
 *           the gate, as Fritsch et al. have it, an expert with little noise is the worst one, for a few rows of its
 *           neighbour's.) A leaf to which fewer rows belong than two is passed over while there are others.
 *   how     two copies of its expert, under a softmax of two that tells them apart along one column j of x:
 *           its logit is SHARPNESS (x_j - m_j) / s_j, m and s the mean and deviation of the leaf's rows. All
 *           columns are tried by TRIAL steps of EM of the two on the leaf's rows alone, which have weights
 *           w_i h_k(x_i), and the one is taken whose penalised log-likelihood is largest.
 *
 * Expert k, which was split, remains expert k; the other copy is the last one. */
#include "family/grow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "engine/weights.h"
#include "gate/gate.h"

#define SHARPNESS 2
#define TRIAL 3
#define LEAST_WEIGHT 2 /* rows of a leaf that is split */
#define BLOCK_WORK ((size_t)1 << 17)
#define LEAST_ROWS 64

static size_t parts_of(const mele_i_em *em)
{
    return mele_i_mixture_parts(&em->problem->rows.targets);
}

/* ---- which leaf ---- */

/* sum_i w_i h_k log p_k. */
static double log_likelihood_of(const mele_i_em *em, size_t k)
{
    const size_t parts = parts_of(em);
    const double *loss = em->sums.loss + k * parts;
    double value = 0;

    if (em->variance == NULL)
        return -loss[0];
    for (size_t t = 0; t < parts; t++) {
        const double variance = em->variance[k * parts + t];
        value -= (em->sums.weight[k] * log(2 * M_PI * variance) + loss[t] / variance) / 2;
    }
    return value;
}

static size_t worst_leaf(const mele_i_em *em)
{
    size_t worst = 0;
    double least = INFINITY;
    bool enough = false;

    for (size_t k = 0; k < em->problem->rows.clusters; k++) {
        const double value = log_likelihood_of(em, k);
        const bool has = em->sums.weight[k] >= LEAST_WEIGHT;
        if ((has && !enough) || (has == enough && value < least)) {
            worst = k;
            least = value;
            enough = has;
        }
    }
    return worst;
}

/* ---- the rows of a leaf ---- */

/* Sums of its columns: the weight, then w x and w x^2 of each. */
typedef struct moments {
    const mele_rows *x;
    const double *weights;
    double *sums;
} moments;

static size_t numbers_of(const moments *m)
{
    return 1 + 2 * m->x->cols;
}

static mele_status add_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const moments *m = context;
    double *sums = partial;
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(m->x, block, scratch, &x, &stride, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i++) {
        const double weight = m->weights[block.first + i];
        sums[0] += weight;
        for (size_t j = 0; j < m->x->cols; j++) {
            const double value = x[i * stride + j];
            sums[1 + 2 * j] += weight * value;
            sums[2 + 2 * j] += weight * value * value;
        }
    }
    return status;
}

static void combine(void *context, const void *partial)
{
    const moments *m = context;
    const double *sums = partial;

    for (size_t i = 0; i < numbers_of(m); i++)
        m->sums[i] += sums[i];
}

/* The means and deviations of the columns, from the sums; x is scaled, so that nothing cancels. */
static void finish_moments(const moments *m, double *mean, double *deviation)
{
    for (size_t j = 0; j < m->x->cols; j++) {
        mean[j] = m->sums[1 + 2 * j] / m->sums[0];
        deviation[j] = sqrt(fmax(0, m->sums[2 + 2 * j] / m->sums[0] - mean[j] * mean[j]));
    }
}

static mele_status take_moments(const mele_i_em *em, const double *weights, double *mean,
                                double *deviation, mele_error *error)
{
    moments m = {&em->problem->rows.gate_x, weights, NULL};
    const size_t block_rows = mele_i_block_rows(4 * m.x->cols, BLOCK_WORK, LEAST_ROWS);
    const mele_i_pass pass = {
        .rows = em->problem->rows.rows, .block_rows = block_rows, .map = add_block,
        .combine = combine, .context = &m, .partial_bytes = numbers_of(&m) * sizeof(double),
        .scratch_bytes = mele_i_rows_room(m.x, block_rows) * sizeof(double)};

    m.sums = MELE_I_ZEROED(double, numbers_of(&m));
    mele_status status = m.sums == NULL ? mele_i_no_memory(error)
                                        : mele_i_pass_run(em->problem->engine, &pass, error);
    if (status == MELE_OK)
        finish_moments(&m, mean, deviation);
    free(m.sums);
    return status;
}

/* ---- how ---- */

/* A leaf that is to be split, and the best way so far. */
typedef struct split {
    const mele_i_growth *growth;
    size_t leaf;
    mele_i_em_problem problem; /* of two experts on the leaf's rows */
    double *weights, *owned;   /* of these: n */
    double *mean, *deviation, *form; /* of the columns; form: and one more before */
    mele_experts *copies;      /* two */
    mele_i_em best;            /* problem NULL: none yet */
} split;

static mele_status weigh_rows(split *s, mele_error *error)
{
    const mele_i_em *em = &s->growth->em;
    const mele_i_mixture_rows *rows = &em->problem->rows;
    const double *relative;

    for (size_t i = 0; i < rows->rows; i++)
        s->weights[i] = (rows->weights == NULL ? 1 : rows->weights[i])
                        * em->shares[i * rows->clusters + s->leaf];
    mele_status status = mele_i_weights_relative(s->weights, rows->rows, &relative, &s->owned, error);
    s->problem.rows.weights = relative;
    if (status == MELE_OK)
        s->problem.total_weight = mele_i_total_weight(relative, rows->rows);
    return status;
}

static mele_status split_make(const mele_i_growth *growth, size_t leaf, split *s, mele_error *error)
{
    const mele_i_em *em = &growth->em;
    const mele_experts *const twice[] = {em->experts, em->experts};
    const size_t which[] = {leaf, leaf}, columns = em->problem->rows.gate_x.cols;

    *s = (split){.growth = growth, .leaf = leaf, .problem = *em->problem,
                 .weights = MELE_I_ARRAY(double, em->problem->rows.rows),
                 .mean = MELE_I_ARRAY(double, 3 * columns + 1)};
    s->problem.rows.clusters = 2;
    if (s->weights == NULL || s->mean == NULL)
        return mele_i_no_memory(error);
    s->deviation = s->mean + columns;
    s->form = s->deviation + columns;
    mele_status status = weigh_rows(s, error);
    if (status == MELE_OK)
        status = take_moments(em, s->weights, s->mean, s->deviation, error);
    return status == MELE_OK ? mele_i_experts_gather(twice, which, 2, &s->copies, error) : status;
}

static void split_clear(split *s)
{
    mele_i_em_clear(&s->best);
    mele_experts_free(s->copies);
    free(s->weights);
    free(s->owned);
    free(s->mean);
}

/* Steps of EM of the copies, from the logit in s->form. */
static mele_status try_form(const split *s, mele_i_em *em, mele_error *error)
{
    const mele_i_growth *growth = s->growth;
    const mele_gate *leaf = growth->leaf != NULL ? growth->leaf : growth->em.gate;
    mele_gate *gate = NULL;
    mele_status status = mele_i_gate_split(leaf, 0, s->form, &gate, error);

    if (status == MELE_OK)
        status = mele_i_em_start(&s->problem, s->copies, gate, em, error);
    for (size_t step = 0; step < TRIAL && status == MELE_OK; step++)
        status = mele_i_em_step(em, error);
    mele_gate_free(gate);
    return status;
}

/* The better of what there is and of a logit along one column. */
static mele_status try_column(split *s, size_t column, mele_error *error)
{
    const size_t columns = s->problem.rows.gate_x.cols;
    mele_i_em em = {.problem = NULL};

    memset(s->form, 0, (1 + columns) * sizeof *s->form);
    if (s->deviation[column] > 0) {
        s->form[1 + column] = SHARPNESS / s->deviation[column];
        s->form[0] = -s->form[1 + column] * s->mean[column];
    } else if (s->best.problem != NULL) {
        return MELE_OK;
    }
    mele_status status = try_form(s, &em, error);
    if (status == MELE_OK && (s->best.problem == NULL || em.objective > s->best.objective)) {
        const mele_i_em worse = s->best;
        s->best = em;
        em = worse;
    }
    mele_i_em_clear(&em);
    return status;
}

/* ---- the whole ---- */

static void put_variances(mele_i_em *em)
{
    if (em->variance != NULL)
        mele_i_experts_set_variances(em->experts, em->variance);
}

/* The experts of the mixture with the two in the places of the leaf's and of the last. */
static mele_status join_experts(const split *s, mele_experts **out, mele_error *error)
{
    const mele_i_em *em = &s->growth->em;
    const size_t K = em->problem->rows.clusters;
    const mele_experts **from = MELE_I_ARRAY(const mele_experts *, K + 1);
    size_t *which = MELE_I_ARRAY(size_t, K + 1);
    mele_status status = from == NULL || which == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t k = 0; k <= K && status == MELE_OK; k++) {
        const bool is_old = k < K && k != s->leaf;
        from[k] = is_old ? em->experts : s->best.experts;
        which[k] = is_old ? k : k == K;
    }
    if (status == MELE_OK)
        status = mele_i_experts_gather(from, which, K + 1, out, error);
    free(from);
    free(which);
    return status;
}

static mele_status join_gates(const split *s, mele_gate **out, mele_error *error)
{
    mele_i_gate_node node[3];

    mele_i_gate_get_nodes(s->best.gate, node);
    for (size_t j = 0; j <= s->problem.rows.gate_x.cols; j++)
        s->form[j] = node[1].coefficients[j] - node[2].coefficients[j];
    return mele_i_gate_split(s->growth->em.gate, s->leaf, s->form, out, error);
}

/* The mixture of one expert more takes the place of the one that there was. */
static mele_status go_on(mele_i_growth *growth, const split *s, mele_error *error)
{
    mele_experts *experts = NULL;
    mele_gate *gate = NULL;
    mele_i_em_problem problem = growth->problem;
    mele_i_em em = {.problem = NULL};
    mele_status status = join_experts(s, &experts, error);

    problem.rows.clusters++;
    if (status == MELE_OK)
        status = join_gates(s, &gate, error);
    if (status == MELE_OK)
        status = mele_i_em_start(&problem, experts, gate, &em, error);
    mele_experts_free(experts);
    mele_gate_free(gate);
    if (status != MELE_OK) {
        mele_i_em_clear(&em);
        return status;
    }
    if (growth->leaf == NULL) {
        growth->leaf = growth->em.gate;
        growth->em.gate = NULL;
    }
    mele_i_em_clear(&growth->em);
    growth->problem = problem;
    growth->em = em;
    growth->em.problem = &growth->problem;
    return MELE_OK;
}

static mele_status split_leaf(mele_i_growth *growth, mele_error *error)
{
    const size_t columns = growth->problem.rows.gate_x.cols;
    split s = {.weights = NULL};

    put_variances(&growth->em);
    mele_status status = split_make(growth, worst_leaf(&growth->em), &s, error);
    for (size_t j = 0; j < columns && status == MELE_OK; j++)
        status = try_column(&s, j, error);
    if (status == MELE_OK) {
        put_variances(&s.best);
        status = go_on(growth, &s, error);
    }
    split_clear(&s);
    return status;
}

static json_t *stage_of(const mele_i_growth *growth)
{
    const mele_i_em *em = &growth->em;
    json_t *object = json_object();

    if (mele_i_json_put(object, "experts", json_integer((json_int_t)growth->problem.rows.clusters))
        && mele_i_json_put(object, "iterations", json_integer((json_int_t)em->steps))
        && mele_i_json_put(object, "log_likelihood",
                           json_real(em->sums.log_likelihood - growth->units)))
        return object;
    json_decref(object);
    return NULL;
}

/* EM of the experts that there are. */
static mele_status settle(mele_i_growth *growth, size_t experts, mele_error *error)
{
    mele_i_em *em = &growth->em;
    mele_status status = MELE_OK;

    for (size_t s = 0; s < growth->steps && status == MELE_OK && !em->converged; s++)
        status = mele_i_em_step(em, error);
    if (status == MELE_OK)
        status = mele_i_progress(growth->problem.engine, "family", growth->problem.rows.clusters, experts,
                                 em->sums.log_likelihood / growth->problem.total_weight, error);
    if (status == MELE_OK && json_array_append_new(growth->path, stage_of(growth)) != 0)
        status = mele_i_no_memory(error);
    return status;
}

static mele_status plant(mele_i_growth *growth, mele_error *error)
{
    const size_t rows = growth->problem.rows.rows;
    double *shares = MELE_I_ARRAY(double, rows);
    mele_status status = MELE_OK;

    growth->path = json_array();
    if (shares == NULL || growth->path == NULL)
        status = mele_i_no_memory(error);
    for (size_t i = 0; i < rows && status == MELE_OK; i++)
        shares[i] = 1;
    if (status == MELE_OK)
        status = mele_i_em_start_shares(&growth->problem, shares, &growth->em, error);
    free(shares);
    return status;
}

mele_status mele_i_grow_tree(const mele_i_em_problem *problem, size_t experts, size_t steps, double units,
                             mele_i_growth *growth, mele_error *error)
{
    *growth = (mele_i_growth){.problem = *problem, .steps = steps, .units = units};
    growth->problem.rows.clusters = 1;
    mele_status status = plant(growth, error);

    if (status == MELE_OK)
        status = settle(growth, experts, error);
    for (size_t k = 1; k < experts && status == MELE_OK; k++) {
        status = split_leaf(growth, error);
        if (status == MELE_OK)
            status = settle(growth, experts, error);
    }
    return status;
}

void mele_i_growth_clear(mele_i_growth *growth)
{
    mele_i_em_clear(&growth->em);
    mele_gate_free(growth->leaf);
    json_decref(growth->path);
    growth->leaf = NULL;
    growth->path = NULL;
}
