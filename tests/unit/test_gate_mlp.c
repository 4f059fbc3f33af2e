/* The mlp gate: where training starts and ends, what it can learn that no softmax can, invariances, and
 * its section. (Gradients, degenerate data and the far field: test_gate.c, for all kinds.) */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/curvature.h"
#include "gate/mlp/mlp.h"
#include "engine_support.h"
#include "gate_support.h"
#include "support/size.h"

static mele_gate_options mlp_options(const char *on, const char *loss, double ridge)
{
    return options_of("mlp", on, loss, ridge);
}

/* ---- where training starts and ends ---- */

/* The loss of the gate without weights, t = 1: that of the posteriors, or with loss "posteriors" of
 * equal weights. */
static double loss_of_start(const mele_gate_data *data, mele_gate_options options)
{
    mele_gate_info info;

    options.kind = "posterior";
    if (strcmp(options.loss, "posteriors") == 0)
        return log((double)data->clusters);
    mele_gate_free(fit(data, &options, NULL, &info));
    return info.loss;
}

Test(gate_mlp, never_ends_above_the_posterior_gate)
{
    static const double ridges[] = {0, 1, 30, 1e9};
    sample s = draw(120, 3, 4, 2, 301);
    const mele_gate_data data = data_of(&s);

    for (size_t c = 0; c < 9; c++)
        for (size_t r = 0; r < 8; r++) {
            mele_gate_options options = mlp_options(inputs[c % 3], losses[c / 3], ridges[r / 2]);
            mele_gate_info info;
            options.max_iterations = r % 2 == 0 ? 1 : 40;
            mele_gate_free(fit(&data, &options, NULL, &info));
            cr_assert_leq(info.loss + info.penalty, loss_of_start(&data, options) + 1e-12,
                          "%s %s, ridge %g, %zu iterations", options.on, options.loss,
                          options.ridge, options.max_iterations);
        }
    free_sample(&s);
}

typedef struct beginnings {
    double value[8];
    size_t count;
} beginnings;

static bool note_beginning(const mele_progress *progress, void *user)
{
    beginnings *all = user;

    if (progress->done == 0 && all->count < 8)
        all->value[all->count++] = progress->value;
    return true;
}

/* Without a ridge every start has the loss of the posterior gate, of which few rows take three. */
Test(gate_mlp, starts_are_the_posterior_gate)
{
    sample s = draw(120, 3, 4, 2, 305);
    const mele_gate_data data = data_of(&s);

    for (size_t c = 0; c < 9; c++) {
        const mele_gate_options options = mlp_options(inputs[c % 3], losses[c / 3], 0);
        const double wanted = loss_of_start(&data, options);
        beginnings all = {.count = 0};
        mele_engine_options told = {1, note_beginning, &all};
        mele_engine *engine = NULL;
        cr_assert_eq(mele_engine_new(&told, &engine, NULL), MELE_OK);
        mele_gate_free(fit(&data, &options, engine, NULL));
        cr_assert_eq(all.count, 3);
        for (size_t r = 0; r < 3; r++)
            cr_assert_float_eq(all.value[r], wanted, 1e-12, "%s %s: %.15g", options.on, options.loss,
                               all.value[r]);
        mele_engine_free(engine);
    }
    free_sample(&s);
}

/* A posterior of 0 is a weight of 0, in training, too. */
Test(gate_mlp, posteriors_of_zero)
{
    sample s = draw(90, 2, 3, 1, 308);
    const mele_gate_data data = data_of(&s);

    for (size_t i = 0; i < 90; i += 4) {
        s.log_p[i * 3 + i % 3] = -INFINITY;
        normalise(s.log_p + i * 3, 3);
    }
    for (size_t on = 0; on < 3; on++) {
        const mele_gate_options options = mlp_options(inputs[on], "likelihood", 1);
        mele_gate_info info;
        mele_gate *gate = fit(&data, &options, NULL, &info);
        double *log_g = weights_of(gate, &s);
        cr_assert(isfinite(info.loss) && info.loss + info.penalty < loss_of_start(&data, options));
        for (size_t i = 0; i < 90; i += 4)
            cr_assert_eq(log_g[i * 3 + i % 3], -INFINITY);
        free(log_g);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

/* Nothing but the posteriors is left under a ridge without end. */
Test(gate_mlp, is_the_posterior_gate_under_an_endless_ridge)
{
    sample s = draw(150, 3, 4, 1, 311);
    const mele_gate_data data = data_of(&s);

    for (size_t on = 0; on < 3; on++) {
        const mele_gate_options options = mlp_options(inputs[on], "likelihood", 1e12);
        mele_gate *gate = fit(&data, &options, NULL, NULL);
        double *log_g = weights_of(gate, &s);
        cr_assert_leq(farthest(log_g, s.log_p, s.rows * 4), 1e-9, "%s", inputs[on]);
        free(log_g);
        mele_gate_free(gate);
    }
    free_sample(&s);
}

/* Training that goes on from a gate does not make it worse, and starts where that one is. */
Test(gate_mlp, goes_on_from_a_gate)
{
    sample s = draw(200, 3, 4, 1, 321);
    const mele_gate_data data = data_of(&s);

    for (size_t on = 0; on < 3; on++) {
        mele_gate_options options = mlp_options(inputs[on], "likelihood", 0.5);
        mele_gate_info first, restated, second;
        mele_gate *same = NULL, *from;
        options.max_iterations = 15;
        from = fit(&data, &options, NULL, &first);
        options.start = from;
        cr_assert_eq(mele_i_gate_restate(&data, &options, NULL, &same, &restated, NULL), MELE_OK);
        cr_assert_float_eq(restated.loss, first.loss, 1e-12);
        cr_assert_float_eq(restated.penalty, first.penalty, 1e-12);
        mele_gate_free(fit(&data, &options, NULL, &second));
        cr_assert_lt(second.loss + second.penalty, first.loss + first.penalty);
        mele_gate_free(same);
        mele_gate_free(from);
    }
    free_sample(&s);
}

Test(gate_mlp, starts_from_gates_that_fit_only)
{
    sample s = draw(60, 3, 4, 1, 331);
    const mele_gate_data data = data_of(&s);
    mele_gate_options options = mlp_options("features", "likelihood", 1);
    mele_gate *from = fit(&data, &options, NULL, NULL), *out = NULL;
    mele_gate_options others[3] = {options, options, options};

    others[0].hidden = 7;
    others[1].on = "both";
    others[2].kind = "softmax";
    for (size_t i = 0; i < 3; i++) {
        others[i].start = from;
        cr_assert_eq(mele_gate_fit(&data, &others[i], NULL, &out, NULL, NULL), MELE_EINVAL, "%zu", i);
        cr_assert_null(out);
    }
    mele_gate_free(from);
    free_sample(&s);
}

/* ---- second derivatives ---- */

enum { FEW = 37, WIDEST = 64 };

/* A gate with random parameters, and the rows that it sees. */
typedef struct bent {
    mele_gate *gate;
    mele_i_gate_rows rows;
    double scratch[8192], taken[8192], log_g[FEW * 3], parameters[WIDEST];
    size_t count;
} bent;

static void bend(bent *b, const mele_i_gate_training *training)
{
    mele_i_stream stream = mele_i_stream_make(6, MELE_I_FOR_TESTS, 0, 2);
    const unsigned all = MELE_I_GATE_POSTERIORS | MELE_I_GATE_LIKELIHOODS | MELE_I_GATE_PREDICTIONS
                         | MELE_I_GATE_TARGETS | MELE_I_GATE_FEATURES;
    size_t factors;

    b->gate = mele_i_gate_new(mele_i_gate_kind_find("mlp"), 3);
    cr_assert_eq(b->gate->kind->make(b->gate, training, NULL), MELE_OK);
    cr_assert_eq(b->gate->kind->prepare(b->gate, training, NULL), MELE_OK);
    b->count = mele_i_gate_parameters(b->gate, &factors);
    cr_assert_leq(b->count, WIDEST);
    for (size_t e = 0; e < b->count; e++)
        b->parameters[e] = 0.8 * mele_i_stream_normal(&stream) + (e < factors ? 2 : 0);
    b->gate->kind->set(b->gate, b->parameters);
    cr_assert_leq(mele_i_gate_take_room(training, all, FEW), 8192);
    cr_assert_leq(mele_i_gate_scratch(b->gate, FEW, true), 8192);
    cr_assert_eq(mele_i_gate_take(training, all, (mele_i_block){.count = FEW}, b->taken, &b->rows, NULL),
                 MELE_OK);
    mele_i_gate_weigh(b->gate, &b->rows, b->scratch, b->log_g);
}

/* d a_ik / d parameter by differences, FEW x 3 x WIDEST. */
static void differentiate(bent *b, double *jacobian)
{
    double scratch[8192], above[FEW * 3], below[FEW * 3];

    for (size_t e = 0; e < b->count; e++) {
        const double at = b->parameters[e], step = 1e-5;
        b->parameters[e] = at + step;
        b->gate->kind->set(b->gate, b->parameters);
        b->gate->kind->forward(b->gate, &b->rows, scratch, above);
        b->parameters[e] = at - step;
        b->gate->kind->set(b->gate, b->parameters);
        b->gate->kind->forward(b->gate, &b->rows, scratch, below);
        b->parameters[e] = at;
        for (size_t i = 0; i < FEW * 3; i++)
            jacobian[i * WIDEST + e] =
                above[i] > -INFINITY ? (above[i] - below[i]) / (2 * step) : 0;
    }
    b->gate->kind->set(b->gate, b->parameters);
}

/* What is taken for d2 loss / d a_k d a_l of a row, from the definitions. */
static double bending(const bent *b, size_t loss, size_t i, size_t k, size_t l)
{
    const double *log_g = b->log_g + i * 3, w = b->rows.weights[i];
    const double gk = exp(log_g[k]), gl = exp(log_g[l]);

    if (loss == 2)
        return w * ((k == l ? gk : 0) - gk * gl);
    if (loss == 0) {
        double sum = 0, h[3];
        for (size_t q = 0; q < 3; q++)
            sum += h[q] = exp(log_g[q] + b->rows.log_likelihoods[i * 3 + q]);
        return w * (gk - h[k] / sum) * (gl - h[l] / sum);
    }
    double square = 0;
    for (size_t m = 0; m < 2; m++) {
        double blend = 0;
        const double *f = b->rows.predictions + i * 6 + m;
        for (size_t q = 0; q < 3; q++)
            blend += exp(log_g[q]) * f[q * 2];
        square += (f[k * 2] - blend) * (f[l * 2] - blend);
    }
    return 2 * w * gk * gl * square;
}

static void check_curvature(const mele_gate_data *data, const char *on, size_t loss)
{
    static double jacobian[FEW * 3 * WIDEST], second[6 * MELE_I_PANEL], work[11 * MELE_I_PANEL];
    mele_gate_options options = mlp_options(on, losses[loss], 1);
    const mele_i_gate_loss *row = mele_i_gate_loss_find(losses[loss]);
    const mele_i_gate_training training = {.data = data, .options = &options, .loss = row,
                                           .loss_needs = mele_i_gate_loss_needs(row, data),
                                           .total_weight = 1};
    bent *b = calloc(1, sizeof *b);

    options.hidden = 3;
    bend(b, &training);
    const mele_i_gate_kind *kind = b->gate->kind;
    double *sums = calloc(kind->curvature_sums(b->gate), sizeof *sums);
    double *room = malloc(kind->curvature_scratch(b->gate) * sizeof *room);
    double *matrix = malloc(b->count * b->count * sizeof *matrix);
    memset(second, 0, sizeof second);
    row->near(&b->rows, 3, 2, b->log_g, work, second);
    for (size_t pair = 0; pair < 6; pair++)
        memset(second + pair * MELE_I_PANEL + FEW, 0, 3 * sizeof *second);
    kind->curvature(b->gate, &b->rows, second, b->scratch, room, sums);
    kind->hessian(b->gate, sums, matrix);
    differentiate(b, jacobian);
    for (size_t e = 0; e < b->count; e++)
        for (size_t f = 0; f < b->count; f++) {
            double wanted = 0;
            for (size_t i = 0; i < FEW; i++)
                for (size_t kl = 0; kl < 9; kl++)
                    wanted += bending(b, loss, i, kl / 3, kl % 3)
                              * jacobian[(i * 3 + kl / 3) * WIDEST + e]
                              * jacobian[(i * 3 + kl % 3) * WIDEST + f];
            cr_assert(fabs(matrix[e * b->count + f] - wanted) <= 1e-6 * (1 + fabs(wanted)),
                      "%s on %s, (%zu, %zu): %.10g, not %.10g", losses[loss], on, e, f,
                      matrix[e * b->count + f], wanted);
        }
    free(matrix);
    free(room);
    free(sums);
    mele_gate_free(b->gate);
    free(b);
}

/* The Gauss-Newton matrix is J'CJ with J by differences and C by definition. */
Test(gate_mlp, curvature_is_that_of_the_loss_by_the_logits)
{
    sample s = draw(FEW, 2, 3, 2, 391);
    const mele_gate_data data = data_of(&s);

    for (size_t c = 0; c < 9; c++)
        check_curvature(&data, inputs[c % 3], c / 3);
    s.log_p[5 * 3 + 1] = s.log_p[36 * 3] = -INFINITY;
    for (size_t c = 0; c < 6; c++)
        check_curvature(&data, inputs[c % 3], c / 3);
    free_sample(&s);
}

/* What an objective divides by is semidefinite whatever the loss: with a little ridge it needs no shift. */
Test(gate_mlp, curvature_is_semidefinite)
{
    sample s = draw(FEW, 2, 3, 2, 393);
    const mele_gate_data data = data_of(&s);

    for (size_t loss = 0; loss < 3; loss++) {
        mele_gate_options options = mlp_options("both", losses[loss], 1e-6);
        const mele_i_gate_loss *row = mele_i_gate_loss_find(losses[loss]);
        const mele_i_gate_training training = {.data = &data, .options = &options, .loss = row,
                                               .loss_needs = mele_i_gate_loss_needs(row, &data),
                                               .total_weight = 1};
        static const double flat[WIDEST];
        double parameters[WIDEST], sums[2 + WIDEST];
        mele_i_gate_curvature curvature;
        bent *b = calloc(1, sizeof *b);
        options.hidden = 3;
        bend(b, &training);
        mele_i_gate_objective objective = {b->gate, &training, true, 0, parameters, sums};
        cr_assert_eq(mele_i_gate_curvature_make(&curvature, &objective, NULL), MELE_OK);
        cr_assert_eq(mele_i_gate_curvature_at(&curvature, b->parameters, flat, NULL), MELE_OK);
        cr_assert(mele_i_gate_curvature_factor(&curvature) && curvature.shift == 0, "%s: %g",
                  losses[loss], curvature.shift);
        mele_i_gate_curvature_free(&curvature);
        mele_gate_free(b->gate);
        free(b);
    }
    free_sample(&s);
}

/* Many rows are minimised by the curvature of a part of them. */
Test(gate_mlp, many_rows_take_few_iterations)
{
    sample s = draw(12000, 3, 4, 1, 395);
    const mele_gate_data data = data_of(&s);
    mele_gate_options options = mlp_options("features", "posteriors", 100);
    mele_gate_info info;
    mele_gate *gate;

    options.hidden = 12;
    gate = fit(&data, &options, NULL, &info);
    const mele_i_gate_training training = {.data = &data, .options = &options,
                                           .loss = mele_i_gate_loss_find(options.loss)};
    cr_assert_gt(mele_i_gate_part_step(gate, &training), 1);
    cr_assert(info.converged && info.iterations < 60, "%zu iterations", info.iterations);
    mele_gate_free(gate);
    free_sample(&s);
}

/* ---- what no softmax can ---- */

/* Two regions in the four quadrants, as the sign of x_1 x_2 has it: rows about (+-1, +-1), each
 * reflected about both axes, with the shares of the region they are of. */
typedef struct quadrants {
    double x[400 * 2], shares[400 * 2];
} quadrants;

static mele_gate_data draw_quadrants(quadrants *q)
{
    mele_i_stream stream = mele_i_stream_make(9, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < 400; i += 4) {
        const double a = 1 + 0.25 * mele_i_stream_normal(&stream);
        const double b = 1 + 0.25 * mele_i_stream_normal(&stream);
        for (size_t c = 0; c < 4; c++) {
            q->x[(i + c) * 2] = c % 2 == 0 ? a : -a;
            q->x[(i + c) * 2 + 1] = c / 2 == 0 ? b : -b;
            q->shares[(i + c) * 2] = (c % 2 == c / 2) == (a * b > 0);
            q->shares[(i + c) * 2 + 1] = 1 - q->shares[(i + c) * 2];
        }
    }
    return (mele_gate_data){.rows = 400, .clusters = 2, .x = mele_rows_of_array(q->x, 400, 2),
                            .shares = mele_rows_of_array(q->shares, 400, 2)};
}

/* The mean cross-entropy of a network written down by hand: with u = x_1 + x_2, v = x_1 - x_2, of which
 * one is near 0 and the other is not,
 *     a_1 - a_2 = 5/2 (s(u) - s(v)),   s(u) = tanh(4 u - 4) - tanh(4 u + 4),
 * where s is -2 near 0 and 0 far from it. */
static double by_hand(const quadrants *q)
{
    double sum = 0;

    for (size_t i = 0; i < 400; i++) {
        const double u = q->x[i * 2] + q->x[i * 2 + 1], v = q->x[i * 2] - q->x[i * 2 + 1];
        const double own = tanh(4 * u - 4) - tanh(4 * u + 4), other = tanh(4 * v - 4) - tanh(4 * v + 4);
        const double logit = 2.5 * (own - other);
        sum += log1p(exp(q->shares[i * 2] > 0.5 ? -logit : logit));
    }
    return sum / 400;
}

/* The softmax gate's loss is convex and the same under reflections with the regions exchanged, so no
 * softmax has less than log 2. Four hidden units have as little as the network by hand. */
Test(gate_mlp, learns_what_no_softmax_can)
{
    quadrants q;
    const mele_gate_data data = draw_quadrants(&q);
    const double bound = by_hand(&q);
    mele_gate_info info;
    mele_gate_options options = options_of("softmax", "features", "posteriors", 0);

    cr_assert_lt(bound, 0.1 * log(2));
    mele_gate_free(fit(&data, &options, NULL, &info));
    cr_assert_geq(info.loss, log(2) - 1e-12);
    options.kind = "mlp";
    options.hidden = 4;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        options.seed = seed;
        mele_gate *gate = fit(&data, &options, NULL, &info);
        cr_assert_leq(info.loss, bound, "seed %d: %g, by hand %g", (int)seed, info.loss, bound);
        mele_gate_free(gate);
    }
}

/* ---- invariances ---- */

/* Clusters in another order: the same gate in that order. */
Test(gate_mlp, permuted_clusters_permute_the_gate)
{
    static const size_t from[] = {2, 0, 3, 1};
    sample s = draw(250, 3, 4, 2, 341), t = room_for(250, 3, 4, 2);

    memcpy(t.x, s.x, s.rows * 3 * sizeof *t.x);
    memcpy(t.targets, s.targets, s.rows * 2 * sizeof *t.x);
    memcpy(t.weights, s.weights, s.rows * sizeof *t.x);
    for (size_t i = 0; i < s.rows; i++)
        for (size_t k = 0; k < 4; k++) {
            t.log_p[i * 4 + k] = s.log_p[i * 4 + from[k]];
            t.likelihoods[i * 4 + k] = s.likelihoods[i * 4 + from[k]];
            memcpy(t.predictions + (i * 4 + k) * 2, s.predictions + (i * 4 + from[k]) * 2,
                   2 * sizeof *t.x);
        }
    for (size_t c = 0; c < 9; c++) {
        mele_gate_options options = mlp_options(inputs[c % 3], losses[c / 3], 2);
        const mele_gate_data data = data_of(&s), other = data_of(&t);
        options.tolerance = 1e-9;
        options.max_iterations = 3000;
        mele_gate *a = fit(&data, &options, NULL, NULL), *b = fit(&other, &options, NULL, NULL);
        double *log_a = weights_of(a, &s), *log_b = weights_of(b, &t), most = 0;
        for (size_t i = 0; i < s.rows; i++)
            for (size_t k = 0; k < 4; k++)
                most = fmax(most, fabs(log_b[i * 4 + k] - log_a[i * 4 + from[k]]));
        cr_assert_leq(most, 1e-5, "%s, %s: %g", options.on, options.loss, most);
        free(log_a);
        free(log_b);
        mele_gate_free(a);
        mele_gate_free(b);
    }
    free_sample(&s);
    free_sample(&t);
}

Test(gate_mlp, same_bytes_for_any_threads)
{
    static const unsigned counts[] = {1, 2, 3, 8};
    sample s = draw(4001, 3, 5, 1, 351);
    const mele_gate_data data = data_of(&s);

    for (size_t c = 0; c < 9; c += TEST_SIZE(1, 2, 4)) {
        mele_gate_options options = mlp_options(inputs[c % 3], losses[c / 3], 1);
        json_t *first = NULL;
        options.max_iterations = 8;
        for (size_t t = 0; t < 4; t++) {
            mele_engine *engine = engine_of(counts[t]);
            mele_gate *gate = fit(&data, &options, engine, NULL);
            json_t *section = mele_i_gate_save(gate);
            cr_assert(first == NULL || json_equal(first, section), "%s, %s, %u threads", options.on,
                      options.loss, counts[t]);
            if (first == NULL)
                first = section;
            else
                json_decref(section);
            mele_gate_free(gate);
            mele_engine_free(engine);
        }
        json_decref(first);
    }
    free_sample(&s);
}

Test(gate_mlp, the_seed_decides)
{
    sample s = draw(80, 3, 4, 1, 361);
    const mele_gate_data data = data_of(&s);
    json_t *sections[3];

    for (size_t i = 0; i < 3; i++) {
        mele_gate_options options = mlp_options("both", "likelihood", 0.1);
        options.max_iterations = 5;
        options.seed = i == 0 ? 4 : 5;
        mele_gate *gate = fit(&data, &options, NULL, NULL);
        sections[i] = mele_i_gate_save(gate);
        mele_gate_free(gate);
    }
    cr_assert(json_equal(sections[1], sections[2]));
    cr_assert_not(json_equal(sections[0], sections[1]));
    for (size_t i = 0; i < 3; i++)
        json_decref(sections[i]);
    free_sample(&s);
}

/* Outside the training range the network stays what it was at the edge. */
Test(gate_mlp, does_not_extrapolate)
{
    sample s = draw(300, 2, 3, 1, 371);
    const mele_gate_data data = data_of(&s);
    const mele_gate_options options = mlp_options("both", "likelihood", 0.1);
    mele_gate *gate = fit(&data, &options, NULL, NULL);
    const mele_i_gate_network *state = gate->state;
    double log_p[] = {-0.9, -1.2, -1.2, -0.9, -1.2, -1.2}, out[6];
    double rows[] = {state->z.column[3].upper, state->z.column[4].lower, 1e9, -1e5};
    const mele_matrix x = mele_matrix_of(rows, 2, 2);

    cr_assert_eq(mele_gate_log_weights(gate, log_p, &x, 2, NULL, out, NULL), MELE_OK);
    cr_assert_eq(memcmp(out, out + 3, 3 * sizeof *out), 0);
    mele_gate_free(gate);
    free_sample(&s);
}

/* ---- what is said ---- */

Test(gate_mlp, tells_what_it_is)
{
    sample s = draw(60, 3, 4, 1, 381);
    const mele_gate_data data = data_of(&s);
    mele_gate_options options = mlp_options("features", "posteriors", 1);
    char text[120];

    options.hidden = 5;
    mele_gate *gate = fit(&data, &options, NULL, NULL);
    mele_i_gate_text(gate, text, sizeof text);
    cr_assert_str_eq(text, "mlp on features, temperature 0, 5 hidden units, 44 weights");
    cr_assert_not(mele_gate_needs_posteriors(gate));
    cr_assert_eq(mele_gate_features(gate), 3);
    mele_gate_free(gate);
    free_sample(&s);
}

Test(gate_mlp, a_section_that_does_not_fit_is_refused)
{
#define HEAD "\"kind\":\"mlp\",\"clusters\":2,"
#define SHAPE "\"on\":\"posteriors\",\"temperature\":1.5,\"hidden\":1,\"activation\":\"tanh\","
#define HIDDEN "\"hidden_weights\":[[1,2,3]],"
#define OUTPUT "\"output_weights\":[[1,2],[3,4]],"
#define LIMITS "\"lower\":[-3,-4],\"upper\":[0,0]"
    static const char *const sections[] = {
        "{" HEAD SHAPE HIDDEN OUTPUT LIMITS ",\"more\":1}",
        "{" HEAD SHAPE HIDDEN LIMITS "}",
        "{" HEAD SHAPE OUTPUT LIMITS "}",
        "{" HEAD SHAPE HIDDEN OUTPUT "\"lower\":[-3,-4]}",
        "{" HEAD SHAPE HIDDEN OUTPUT "\"lower\":[-3,-4],\"upper\":[0]}",
        "{" HEAD SHAPE HIDDEN OUTPUT "\"lower\":[-3],\"upper\":[0]}",
        "{" HEAD SHAPE HIDDEN OUTPUT "\"lower\":[-3,1],\"upper\":[0,0]}",
        "{" HEAD SHAPE "\"hidden_weights\":[[1,2,3],[1,2,3]]," OUTPUT LIMITS "}",
        "{" HEAD SHAPE "\"hidden_weights\":[[1,2]]," OUTPUT LIMITS "}",
        "{" HEAD SHAPE "\"hidden_weights\":[[1,2,null]]," OUTPUT LIMITS "}",
        "{" HEAD SHAPE HIDDEN "\"output_weights\":[[1,2]]," LIMITS "}",
        "{" HEAD SHAPE HIDDEN "\"output_weights\":[[1,2],[3]]," LIMITS "}",
        "{\"kind\":\"mlp\",\"clusters\":3," SHAPE HIDDEN OUTPUT LIMITS "}",
        "{" HEAD "\"on\":\"both\",\"temperature\":1.5,\"hidden\":1,\"activation\":\"tanh\"," HIDDEN
        OUTPUT LIMITS "}",
        "{" HEAD "\"on\":\"nosuch\",\"temperature\":1.5,\"hidden\":1,\"activation\":\"tanh\"," HIDDEN
        OUTPUT LIMITS "}",
        "{" HEAD "\"on\":\"posteriors\",\"temperature\":-1,\"hidden\":1,\"activation\":\"tanh\"," HIDDEN
        OUTPUT LIMITS "}",
        "{" HEAD "\"on\":\"posteriors\",\"temperature\":1,\"hidden\":1,\"activation\":\"sine\"," HIDDEN
        OUTPUT LIMITS "}",
        "{" HEAD "\"on\":\"posteriors\",\"temperature\":1,\"hidden\":0,\"activation\":\"tanh\","
        "\"hidden_weights\":[]," OUTPUT LIMITS "}",
        "{" HEAD "\"on\":\"posteriors\",\"temperature\":1,\"hidden\":1.5,\"activation\":\"tanh\"," HIDDEN
        OUTPUT LIMITS "}",
        "{" HEAD "\"on\":\"posteriors\",\"temperature\":1,\"hidden\":99999999999,\"activation\":\"tanh\","
        HIDDEN OUTPUT LIMITS "}",
    };
    json_t *good = json_loads("{" HEAD SHAPE HIDDEN OUTPUT LIMITS "}", 0, NULL);
    mele_gate *gate = NULL;

    cr_assert_eq(mele_i_gate_load(good, &gate, NULL), MELE_OK);
    json_decref(good);
    mele_gate_free(gate);
    refuse_sections(sections, sizeof sections / sizeof sections[0]);
}

/* A network of one unit, evaluated by hand: a_k = t log p_k + c_k + v_k tanh(b + sum_j w_j z_j), z clipped
 * to its limits. */
Test(gate_mlp, computes_what_its_section_says)
{
    json_t *section = json_loads("{" HEAD SHAPE HIDDEN OUTPUT "\"lower\":[-3,-0.5],\"upper\":[0,0]}", 0,
                                 NULL);
    const double log_p[] = {log(0.3), log(0.7), log(0.8), log(0.2)};
    double out[4];
    mele_gate *gate = NULL;

    cr_assert_eq(mele_i_gate_load(section, &gate, NULL), MELE_OK);
    cr_assert_eq(mele_gate_log_weights(gate, log_p, NULL, 2, NULL, out, NULL), MELE_OK);
    for (size_t i = 0; i < 2; i++) {
        const double h = tanh(1 + 2 * log_p[i * 2] + 3 * fmax(log_p[i * 2 + 1], -0.5));
        const double a = 1.5 * log_p[i * 2] + 1 + 2 * h, b = 1.5 * log_p[i * 2 + 1] + 3 + 4 * h;
        cr_assert_float_eq(out[i * 2], -log1p(exp(b - a)), 1e-14);
        cr_assert_float_eq(out[i * 2 + 1], -log1p(exp(a - b)), 1e-14);
    }
    mele_gate_free(gate);
    json_object_set_new(section, "activation", json_string("relu"));
    cr_assert_eq(mele_i_gate_load(section, &gate, NULL), MELE_OK);
    cr_assert_eq(mele_gate_log_weights(gate, log_p, NULL, 2, NULL, out, NULL), MELE_OK);
    for (size_t i = 0; i < 2; i++) {
        const double h = fmax(1 + 2 * log_p[i * 2] + 3 * fmax(log_p[i * 2 + 1], -0.5), 0);
        const double a = 1.5 * log_p[i * 2] + 1 + 2 * h, b = 1.5 * log_p[i * 2 + 1] + 3 + 4 * h;
        cr_assert_float_eq(out[i * 2], -log1p(exp(b - a)), 1e-14);
    }
    mele_gate_free(gate);
    json_decref(section);
}
