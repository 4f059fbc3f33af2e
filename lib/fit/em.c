/* EM of a mixture p(y | x) = sum_k g_k(x) p_k(y | x) (Jordan, Jacobs 1994, Neural Comput. 6), maximising
 *
 *     P = sum_i w_i log p(y_i | x_i) - sum_k R_k - R_gate,
 *     R_k = sum_t L |b_kt|^2 / (2 s_kt^2),  or L |b_k|^2 / 2 of classes,
 *
 * L the ridge of the experts, b_kt what it counts of expert k's target t (linear: slopes; mlp: weights in
 * the units of the network's outputs), R_gate the gate's own penalty. The ridge is a prior in units of the
 * noise, as ridge regression has it. With the responsibilities h a step maximises
 *
 *     Q = sum_ik w_i h_ik (log g_k + log p_k) - sum_k R_k - R_gate >= Q before  =>  P does not fall:
 *
 *   experts   on the shares h. Least squares: the minimum over b_kt of RSS_kt + L |b_kt|^2 does not
 *             depend on s, after which s_kt^2 = (RSS_kt + L |b_kt|^2) / sum_i w_i h_ik, or the floor
 *             where that is above, since Q rises up to this s and falls beyond. Classes: Newton's minimum.
 *             Networks: some epochs from where they are, which is a generalised EM.
 *   gate      the cross-entropy to h and its penalty, from where it is: to its minimum, or a few iterations
 *             towards it, which never rise (a generalised EM, too). Gaussians (Xu, Jordan, Hinton 1995,
 *             NIPS 7) in its place: g_k(x) = a_k N(x; m_k, S_k) / sum_j a_j N(x; m_j, S_j), and P has
 *             log p(x, y), so that Q has log a_k + log N_k in place of log g_k: one maximisation of a
 *             Gaussian mixture whose responsibilities are given (partition/gmm.c).
 *
 * Each expert, and so each term of Q, is the better of the old and the new one: what a training gains in
 * its own terms (a network of many targets, a ridge that separable classes need) may be none here. An
 * expert to which fewer rows belong than an expert needs (min_rows) stays as it is, its variance too.
 *
 * A start from responsibilities is a step that has nothing to compare with.
 *
 * The variances are those of maximum likelihood: what a prediction's is to be, is made of what is left
 * out. */
#include "fit/em.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "gate/gate.h"
#include "partition/mixture.h"
#include "partition/partition.h"

#define EPOCHS 10          /* of networks, a step */
#define ROUNDING 0x1p-43   /* of what is summed: a smaller gain is none */

/* ---- the objective ---- */

static size_t parts_of(const mele_i_em *em)
{
    return mele_i_mixture_parts(&em->problem->rows.targets);
}

static bool has_classes(const mele_i_em *em)
{
    return em->problem->rows.targets.classes > 0;
}

/* L times what the ridge counts of expert k: a number a part. */
static void penalise(const mele_i_em *em, const mele_experts *experts, size_t k, double *out)
{
    mele_i_experts_squares(experts, k, out);
    for (size_t t = 0; t < parts_of(em); t++)
        out[t] *= em->problem->experts.ridge;
}

/* What expert k has of Q, given its loss and penalty, and its best variances (NULL: not wanted). */
static double share_of_q(const mele_i_em *em, double weight, const double *loss,
                         const double *penalty, double *variance)
{
    double q = 0;

    if (has_classes(em))
        return -loss[0] - penalty[0] / 2;
    for (size_t t = 0; t < parts_of(em); t++) {
        const double squares = loss[t] + penalty[t];
        const double best = fmax(squares / weight, em->problem->least_variance);
        q -= (weight * log(best) + squares / best) / 2;
        if (variance != NULL)
            variance[t] = best;
    }
    return q;
}

/* P, of the sums that there are. room: a number a part. */
static double objective_of(const mele_i_em *em, double *room)
{
    const size_t parts = parts_of(em);
    double value = em->sums.log_likelihood + em->log_density - em->gate_penalty;

    for (size_t k = 0; k < em->problem->rows.clusters; k++) {
        penalise(em, em->experts, k, room);
        for (size_t t = 0; t < parts; t++)
            value -= room[t] / (2 * (has_classes(em) ? 1 : em->variance[k * parts + t]));
    }
    return value;
}

/* ---- a step ---- */

/* What a step works in and what it makes, until it is taken. */
typedef struct step {
    mele_experts *experts;
    mele_gate *gate;
    mele_gate_info gate_info;
    mele_partition *partition; /* of Gaussians, with */
    double log_density;
    mele_expert_info *info;       /* K + 1 */
    mele_i_mixture_sums measured; /* of the new experts, over the old shares */
    double *variance;             /* K x parts */
    double *penalty;              /* parts; twice */
    bool *stays;                  /* K */
} step;

static mele_status step_make(const mele_i_em *em, step *s, mele_error *error)
{
    const size_t K = em->problem->rows.clusters, parts = parts_of(em);

    *s = (step){.info = MELE_I_ZEROED(mele_expert_info, K + 1),
                .variance = mele_i_array(K, parts * sizeof(double)),
                .penalty = MELE_I_ARRAY(double, 2 * parts),
                .stays = MELE_I_ZEROED(bool, K)};
    const mele_status status = mele_i_mixture_sums_make(K, parts, &s->measured, error);
    return status == MELE_OK && s->info != NULL && s->variance != NULL && s->penalty != NULL && s->stays != NULL
               ? MELE_OK
               : mele_i_no_memory(error);
}

static void step_clear(step *s)
{
    mele_experts_free(s->experts);
    mele_gate_free(s->gate);
    mele_partition_free(s->partition);
    mele_i_mixture_sums_clear(&s->measured);
    free(s->info);
    free(s->variance);
    free(s->penalty);
    free(s->stays);
}

static mele_rows shares_of(const mele_i_em *em)
{
    const mele_i_mixture_rows *rows = &em->problem->rows;

    return mele_rows_of_array(em->shares, rows->rows, rows->clusters);
}

static mele_status train_experts(const mele_i_em *em, step *s, mele_error *error)
{
    const mele_i_mixture_rows *rows = &em->problem->rows;
    const mele_rows shares = shares_of(em);
    const mele_assignment assignment = {.rows = rows->rows, .clusters = rows->clusters,
                                        .shares = &shares};
    const mele_expert_data data = {.x = rows->x, .targets = rows->targets, .weights = rows->weights,
                                   .assignment = &assignment};
    mele_expert_options options = em->problem->experts;

    options.start = em->experts;
    options.small = "global";
    options.in_sample = true;
    options.holdout = 0;
    options.restarts = 1;
    options.max_epochs = options.max_epochs == 0 || options.max_epochs > EPOCHS
                             ? EPOCHS
                             : options.max_epochs;
    return mele_experts_fit(&data, &options, em->problem->engine, &s->experts, NULL, s->info, error);
}

/* Of each expert the better one; its variances. */
static void choose_experts(const mele_i_em *em, step *s)
{
    const size_t K = em->problem->rows.clusters, parts = parts_of(em);
    double *was = s->penalty, *is = s->penalty + parts;

    for (size_t k = 0; k < K; k++) {
        const double weight = em->sums.weight[k];
        double *variance = s->variance + k * parts;
        if (s->info[k].fallback || !(weight > 0)) {
            s->stays[k] = true;
            if (!has_classes(em))
                memcpy(variance, em->variance + k * parts, parts * sizeof *variance);
            continue;
        }
        penalise(em, em->experts, k, was);
        penalise(em, s->experts, k, is);
        const double before = share_of_q(em, weight, em->sums.loss + k * parts, was, NULL);
        const double after = share_of_q(em, weight, s->measured.loss + k * parts, is, variance);
        s->stays[k] = !(after >= before);
        if (s->stays[k])
            share_of_q(em, weight, em->sums.loss + k * parts, was, variance);
    }
    mele_i_experts_put(s->experts, em->experts, s->stays);
}

static mele_gate_data gate_data(const mele_i_em *em)
{
    const mele_i_em_problem *p = em->problem;

    return (mele_gate_data){.rows = p->rows.rows, .clusters = p->rows.clusters,
                            .log_posteriors = p->rows.log_posteriors, .shares = shares_of(em),
                            .x = p->rows.gate_x, .center = p->gate_center,
                            .scale = p->gate_scale, .weights = p->rows.weights};
}

/* The maximisation of a mixture of Gaussians, of responsibilities that are given, and no more. */
static mele_status train_gaussians(const mele_i_em *em, step *s, mele_error *error)
{
    const mele_i_em_problem *p = em->problem;
    const mele_matrix shares = mele_matrix_of(em->shares, p->rows.rows, p->rows.clusters);
    mele_partition_options options = p->gaussians->options;

    options.responsibilities = &shares;
    mele_status status = mele_i_mixture_of_shares(&p->gaussians->points, p->rows.weights, &options,
                                                  p->engine, &s->partition, &s->log_density, error);
    s->log_density *= p->total_weight;
    return status;
}

static mele_status train_gate(const mele_i_em *em, step *s, mele_error *error)
{
    const mele_gate_data data = gate_data(em);
    mele_gate_options options = em->problem->gate;

    if (em->problem->gaussians != NULL)
        return train_gaussians(em, s, error);

    options.loss = "posteriors";
    if (em->gate != NULL)
        options.start = em->gate;
    if (em->gate != NULL && em->problem->gate_iterations > 0)
        options.max_iterations = em->problem->gate_iterations;
    return mele_gate_fit(&data, &options, em->problem->engine, &s->gate, &s->gate_info, error);
}

static mele_status expect(mele_i_em *em, mele_error *error)
{
    const mele_i_em_problem *p = em->problem;
    const mele_i_mixture mixture = {em->experts, em->gate, em->variance};
    mele_i_mixture_rows rows = p->rows;
    mele_i_posterior_rows made;

    if (p->gaussians != NULL) {
        made = (mele_i_posterior_rows){em->partition, &p->gaussians->points};
        rows.log_posteriors = mele_i_posterior_rows_of(&made);
    }
    return mele_i_mixture_expect(&rows, &mixture, p->engine, em->shares, &em->sums, error);
}

/* The mixture and what is in the step change places. */
static void exchange(mele_i_em *em, step *s)
{
    mele_experts *experts = em->experts;
    mele_gate *gate = em->gate;
    mele_partition *partition = em->partition;
    double *variance = em->variance, penalty = em->gate_penalty, log_density = em->log_density;

    em->experts = s->experts;
    s->experts = experts;
    if (em->problem->gaussians == NULL) {
        em->gate = s->gate;
        em->gate_penalty = s->gate_info.penalty;
        s->gate = gate;
        s->gate_info.penalty = penalty;
    } else {
        em->partition = s->partition;
        em->log_density = s->log_density;
        s->partition = partition;
        s->log_density = log_density;
    }
    if (has_classes(em))
        return;
    em->variance = s->variance;
    s->variance = variance;
}

/* What is new is taken, unless P fell: then nothing can be gained any more but rounding. */
static mele_status take(mele_i_em *em, step *s, mele_error *error)
{
    const double total = em->problem->total_weight, before = em->objective;

    s->gate_info.penalty *= total;
    exchange(em, s);
    mele_status status = expect(em, error);
    const double after = status == MELE_OK ? objective_of(em, s->penalty) : NAN;
    const double least = fmax(ROUNDING * (fabs(before) + total), em->problem->tolerance * total);
    em->converged = status == MELE_OK && !(after - before > least);
    if (status == MELE_OK && !(after >= before)) {
        exchange(em, s);
        return expect(em, error);
    }
    if (status != MELE_OK)
        return status;
    em->objective = after;
    for (size_t k = 0; k < em->problem->rows.clusters; k++)
        if (!s->stays[k])
            em->info[k] = s->info[k];
    em->steps++;
    return MELE_OK;
}

mele_status mele_i_em_step(mele_i_em *em, mele_error *error)
{
    step s;
    mele_status status = MELE_OK;

    if (em->converged)
        return MELE_OK;
    status = step_make(em, &s, error);
    if (status == MELE_OK)
        status = train_experts(em, &s, error);
    if (status == MELE_OK)
        status = mele_i_mixture_measure(&em->problem->rows, s.experts, em->shares,
                                        em->problem->engine, &s.measured, error);
    if (status == MELE_OK) {
        choose_experts(em, &s);
        status = train_gate(em, &s, error);
    }
    if (status == MELE_OK)
        status = take(em, &s, error);
    step_clear(&s);
    return status;
}

/* ---- the start ---- */

static mele_status make_room(mele_i_em *em, mele_error *error)
{
    const size_t K = em->problem->rows.clusters, parts = parts_of(em);

    em->shares = mele_i_large_array(em->problem->rows.rows, K * sizeof(double));
    em->info = MELE_I_ZEROED(mele_expert_info, K + 1);
    em->variance = has_classes(em) ? NULL : mele_i_array(K, parts * sizeof(double));
    const mele_status status = mele_i_mixture_sums_make(K, parts, &em->sums, error);
    return status == MELE_OK && em->shares != NULL && em->info != NULL && (has_classes(em) || em->variance != NULL)
               ? MELE_OK
               : mele_i_no_memory(error);
}

/* Equal shares, which restating a gate does not look at, but for its loss. */
static mele_status start_gate(mele_i_em *em, const mele_gate *gate, mele_error *error)
{
    const mele_i_mixture_rows *rows = &em->problem->rows;
    mele_gate_options options = em->problem->gate;
    mele_gate_data data = gate_data(em);
    mele_gate_info info;

    for (size_t i = 0; i < rows->rows * rows->clusters; i++)
        em->shares[i] = 1 / (double)rows->clusters;
    options.loss = "posteriors";
    if (gate != NULL && strcmp(mele_gate_name(gate), options.kind) == 0)
        options.start = gate;
    mele_status status = mele_i_gate_restate(&data, &options, em->problem->engine, &em->gate, &info,
                                             error);
    em->gate_penalty = status == MELE_OK ? info.penalty * em->problem->total_weight : 0;
    return status;
}

mele_status mele_i_em_start(const mele_i_em_problem *problem, const mele_experts *experts,
                            const mele_gate *gate, mele_i_em *em, mele_error *error)
{
    *em = (mele_i_em){.problem = problem};
    double *room = MELE_I_ARRAY(double, parts_of(em));
    mele_status status = room == NULL ? mele_i_no_memory(error) : make_room(em, error);

    if (status == MELE_OK)
        status = mele_i_experts_separate(experts, &em->experts, error);
    if (status == MELE_OK && !has_classes(em))
        mele_i_experts_variances(em->experts, problem->least_variance, em->variance);
    if (status == MELE_OK)
        status = start_gate(em, gate, error);
    if (status == MELE_OK)
        status = expect(em, error);
    if (status == MELE_OK)
        em->objective = objective_of(em, room);
    free(room);
    return status;
}

/* An expert without rows has the variance of that which answers in its place. */
static void begin_variances(mele_i_em *em, step *s)
{
    const size_t parts = parts_of(em);

    if (has_classes(em))
        return;
    mele_i_experts_variances(em->experts, em->problem->least_variance, em->variance);
    for (size_t k = 0; k < em->problem->rows.clusters; k++) {
        penalise(em, em->experts, k, s->penalty);
        if (s->measured.weight[k] > 0)
            share_of_q(em, s->measured.weight[k], s->measured.loss + k * parts, s->penalty,
                       em->variance + k * parts);
    }
}

/* The posterior gate, which has no parameters: the Gaussians have them. */
static mele_status start_gaussians(mele_i_em *em, mele_error *error)
{
    const mele_gate_data data = gate_data(em);
    mele_gate_options options = mele_gate_defaults();

    options.kind = "posterior";
    return mele_i_gate_fit(&data, &options, em->problem->engine, &em->gate, NULL, error);
}

/* What the shares make. */
static mele_status start_parts(mele_i_em *em, step *s, mele_error *error)
{
    const mele_i_em_problem *p = em->problem;
    mele_status status = train_experts(em, s, error);

    if (status == MELE_OK)
        status = mele_i_experts_separate(s->experts, &em->experts, error);
    if (status == MELE_OK)
        status = mele_i_mixture_measure(&p->rows, em->experts, em->shares, p->engine, &s->measured,
                                        error);
    if (status == MELE_OK) {
        begin_variances(em, s);
        memcpy(em->info, s->info, (p->rows.clusters + 1) * sizeof *em->info);
        status = train_gate(em, s, error);
    }
    if (status != MELE_OK)
        return status;
    em->gate = p->gaussians == NULL ? s->gate : em->gate;
    em->partition = s->partition;
    em->log_density = s->log_density;
    em->gate_penalty = s->gate_info.penalty * p->total_weight;
    s->gate = NULL;
    s->partition = NULL;
    return MELE_OK;
}

mele_status mele_i_em_start_shares(const mele_i_em_problem *problem, const double *shares, mele_i_em *em,
                                   mele_error *error)
{
    step s;

    *em = (mele_i_em){.problem = problem};
    mele_status status = step_make(em, &s, error);
    if (status == MELE_OK)
        status = make_room(em, error);
    if (status == MELE_OK) {
        memcpy(em->shares, shares,
               problem->rows.rows * problem->rows.clusters * sizeof *em->shares);
        status = problem->gaussians == NULL ? MELE_OK : start_gaussians(em, error);
    }
    if (status == MELE_OK)
        status = start_parts(em, &s, error);
    if (status == MELE_OK)
        status = expect(em, error);
    if (status == MELE_OK)
        em->objective = objective_of(em, s.penalty);
    step_clear(&s);
    return status;
}

void mele_i_em_clear(mele_i_em *em)
{
    mele_experts_free(em->experts);
    mele_gate_free(em->gate);
    mele_partition_free(em->partition);
    mele_i_mixture_sums_clear(&em->sums);
    free(em->variance);
    free(em->info);
    free(em->shares);
    *em = (mele_i_em){.problem = NULL};
}
