/* The rows of a block of predictions, blended and handed out in the data's units.
 *
 * A target's mean is m + s times what it is in standardised units (combine.c), its standard
 * deviations are s times, its variances s^2 times, and each target takes log s off the log density.
 * s^2 alone may be no double where the standard deviation is one.
 *
 * A row of which some number that is wanted is no double has no prediction, for the range of the
 * feature that is farthest out. */
#include "model/hand_out.h"

#include <math.h>
#include <string.h>

#include "core/largest.h"
#include "core/normal.h"

/* ---- blending one row ---- */

static void put(double *out, size_t at, double value)
{
    if (out != NULL)
        out[at] = value;
}

/* What is said of number o, and those after it, of the block's row i. */
static mele_i_voices voices_of(const mele_i_request *c, const mele_i_reply *w, size_t i, size_t o)
{
    const mele_i_blended *b = &w->blended;
    const size_t at = i * c->blended * c->outputs + o;

    return (mele_i_voices){c->blended, c->outputs, b->gate + i * c->blended,
                           (c->classes > 0 ? b->probability : b->mean) + at,
                           c->need_variances ? b->variance + at : NULL, c->model->votes, w->last,
                           mele_i_model_within(c->model, o), mele_i_model_between(c->model, o)};
}

/* Whether all of it is finite. */
static bool blend_targets(const mele_i_request *c, const mele_i_reply *w, size_t i, size_t row)
{
    const mele_i_scaling *scaling = &c->model->target_scaling;
    bool finite = true;

    for (size_t t = 0; t < c->targets; t++) {
        const mele_i_voices voices = voices_of(c, w, i, t);
        const mele_i_blend blend = c->model->combine->target(&voices);
        const size_t at = row * c->targets + t;
        const double scale = scaling->scale[t], mean = scaling->center[t] + scale * blend.mean;
        finite = finite && isfinite(mean) && isfinite(scale * blend.sd);
        put(c->out->mean, at, mean);
        put(c->out->variance_within, at, scale * blend.within * scale);
        put(c->out->variance_between, at, scale * blend.between * scale);
        put(c->out->sd, at, scale * blend.sd);
        put(c->out->sd_within, at, scale * sqrt(blend.within));
        put(c->out->sd_between, at, scale * blend.sd_between);
    }
    return finite;
}

/* Whether all of it is finite. */
static bool blend_classes(const mele_i_request *c, const mele_i_reply *w, size_t i, size_t row)
{
    const mele_i_voices voices = voices_of(c, w, i, 0);
    bool finite = true;

    c->model->combine->probabilities(&voices, c->classes, w->class);
    for (size_t class = 0; class < c->classes; class++) {
        put(c->out->probability, row * c->classes + class, w->class[class]);
        finite = finite && isfinite(w->class[class]);
    }
    put(c->out->mean, row, (double)mele_i_largest(w->class, c->classes));
    return finite;
}

/* ---- densities of a block ---- */

/* How far experts are taken to be from their mean, a share; and, where it is not 1, that mean: of target t of
 * the block's row i. */
static double draw_together(const mele_i_request *c, const mele_i_reply *w, size_t i, size_t t, double *mean)
{
    const double share = sqrt(mele_i_model_between(c->model, t));
    const double *weight = w->blended.gate + i * c->blended;

    *mean = 0;
    for (size_t k = 0; k < c->blended && share < 1; k++)
        if (weight[k] > 0)
            *mean += weight[k] * w->blended.mean[(i * c->blended + k) * c->outputs + t];
    return share;
}

/* The log densities of target t of every row under its experts that have weight, in the data's
 * units, added to w->density. Most experts' variances are the same in all rows: their logarithms are taken
 * again only where the row before had others. */
static void add_target_densities(const mele_i_request *c, const mele_i_reply *w, mele_i_block block,
                                 size_t t)
{
    const double center = c->model->target_scaling.center[t];
    const double scale = c->model->target_scaling.scale[t], log_scale = log(scale);
    const double within = mele_i_model_within(c->model, t);
    double *last = w->last, *log_last = last + c->blended;

    for (size_t k = 0; k < c->blended; k++)
        last[k] = NAN; /* which no variance equals */
    for (size_t i = 0; i < block.count; i++) {
        const double target = c->out->targets[(block.first + i) * c->targets + t];
        const double scaled = (target - center) / scale;
        double mean;
        const double share = draw_together(c, w, i, t, &mean);
        for (size_t k = 0; k < c->blended; k++) {
            const size_t cell = i * c->blended + k, at = cell * c->outputs + t;
            if (!(w->blended.log_gate[cell] > -INFINITY))
                continue;
            if (within * w->blended.variance[at] != last[k]) {
                last[k] = within * w->blended.variance[at];
                log_last[k] = log(last[k]);
            }
            const double off = share < 1 ? scaled - mean - share * (w->blended.mean[at] - mean)
                                         : scaled - w->blended.mean[at];
            w->density[cell] += mele_i_log_normal_of(off, last[k], log_last[k]) - log_scale;
        }
    }
}

/* The same of the class. */
static void add_class_densities(const mele_i_request *c, const mele_i_reply *w, mele_i_block block)
{
    for (size_t i = 0; i < block.count; i++) {
        const double class = c->out->targets[block.first + i];
        const bool known = class >= 0 && class < (double)c->classes;
        for (size_t k = 0; k < c->blended; k++) {
            const size_t cell = i * c->blended + k;
            if (w->blended.log_gate[cell] > -INFINITY)
                w->density[cell] += known ? w->blended.mean[cell * c->outputs + (size_t)class] : NAN;
        }
    }
}

/* The logarithm of the probability of every row's class, where experts' densities do not tell it. */
static void log_probabilities(const mele_i_request *c, const mele_i_reply *w, mele_i_block block)
{
    for (size_t i = 0; i < block.count; i++) {
        const double class = c->out->targets[block.first + i];
        const mele_i_voices voices = voices_of(c, w, i, 0);
        const bool known = class >= 0 && class < (double)c->classes;
        c->model->combine->probabilities(&voices, c->classes, w->class);
        w->row_density[i] = known ? log(w->class[(size_t)class]) : NAN;
    }
}

static void mix_densities(const mele_i_request *c, const mele_i_reply *w, mele_i_block block,
                          size_t first, size_t last)
{
    memset(w->density, 0, block.count * c->blended * sizeof *w->density);
    for (size_t t = first; t < last; t++)
        if (c->classes > 0)
            add_class_densities(c, w, block);
        else
            add_target_densities(c, w, block, t);
    c->model->combine->log_densities(w->blended.log_gate, block.count, c->blended, w->density,
                                     w->row_density);
}

/* The log density of targets first .. last - 1 together, under the mixture, to out: every stride-th
 * number. */
static void blend_densities(const mele_i_request *c, const mele_i_reply *w, mele_i_block block,
                            size_t first, size_t last, double *out, size_t stride)
{
    if (c->model->combine->log_densities == NULL)
        log_probabilities(c, w, block);
    else
        mix_densities(c, w, block, first, last);
    for (size_t i = 0; i < block.count; i++)
        out[(block.first + i) * stride] = w->row_density[i];
}

/* Those that are wanted, of rows without a prediction, too. One target's is that of all. */
static void hand_out_densities(const mele_i_request *c, const mele_i_reply *w, mele_i_block block)
{
    const mele_prediction *out = c->out;
    const bool same = c->targets == 1 && out->log_density != NULL;

    for (size_t t = 0; t < c->targets && out->log_density != NULL; t++)
        blend_densities(c, w, block, t, t + 1, out->log_density + t, c->targets);
    if (out->joint_log_density == NULL)
        return;
    if (same)
        memcpy(out->joint_log_density + block.first, out->log_density + block.first,
               block.count * sizeof *out->log_density);
    else
        blend_densities(c, w, block, 0, c->targets, out->joint_log_density, 1);
}

/* ---- handing out ---- */

/* Whether all of it is finite. */
static bool copy_experts(const mele_i_request *c, const mele_i_reply *w, size_t i, size_t row)
{
    const mele_i_scaling *scaling = &c->model->target_scaling;
    const mele_prediction *out = c->out;
    const size_t count = mele_i_wants_experts(out) ? c->clusters * c->outputs : 0;
    bool finite = true;

    for (size_t e = 0; e < count; e++) {
        double mean = c->classes > 0 ? w->probability[i * count + e] : w->mean[i * count + e];
        double scale = c->classes > 0 ? 1 : scaling->scale[e % c->outputs];
        double center = c->classes > 0 ? 0 : scaling->center[e % c->outputs];
        finite = finite && isfinite(center + scale * mean);
        put(out->expert_mean, row * count + e, center + scale * mean);
        if (!c->need_variances)
            continue;
        const double sd = scale * sqrt(w->variance[i * count + e]);
        finite = finite && isfinite(sd);
        put(out->expert_variance, row * count + e, scale * w->variance[i * count + e] * scale);
        put(out->expert_sd, row * count + e, sd);
    }
    return finite;
}

static void copy_row(double *out, const double *from, size_t row, size_t count)
{
    if (out != NULL)
        memcpy(out + row * count, from, count * sizeof *out);
}

static void fill_row(double *out, size_t row, size_t count)
{
    for (size_t j = 0; out != NULL && j < count; j++)
        out[row * count + j] = NAN;
}

static void hand_out_nothing(const mele_i_request *c, size_t row)
{
    const mele_prediction *out = c->out;

    fill_row(out->mean, row, c->targets);
    fill_row(out->probability, row, c->classes);
    fill_row(out->variance_within, row, c->targets);
    fill_row(out->variance_between, row, c->targets);
    fill_row(out->sd, row, c->targets);
    fill_row(out->sd_within, row, c->targets);
    fill_row(out->sd_between, row, c->targets);
    fill_row(out->log_posteriors, row, c->clusters);
    fill_row(out->log_densities, row, c->clusters);
    fill_row(out->log_gate, row, c->clusters);
    fill_row(out->expert_mean, row, c->clusters * c->outputs);
    fill_row(out->expert_variance, row, c->clusters * c->outputs);
    fill_row(out->expert_sd, row, c->clusters * c->outputs);
    fill_row(out->log_density, row, c->targets);
    fill_row(out->joint_log_density, row, 1);
}

/* Of a row whose prediction is beyond the doubles: the feature that is farthest from its centre. */
static mele_reason reason_of_result(const mele_i_request *c, const double *design)
{
    const mele_schema *schema = c->model->schema;
    size_t farthest = 0, column = 0;
    double most = -1;

    for (size_t j = 0; j < schema->features; j++) {
        const size_t columns = mele_i_variable_columns(&schema->feature[j]);
        for (size_t l = 0; l < columns; l++, column++)
            if (fabs(design[column]) > most) {
                most = fabs(design[column]);
                farthest = j;
            }
    }
    return (mele_reason){MELE_REASON_RANGE, farthest};
}

/* What experts say of a row, each and blended; whether all of it is finite. */
static bool hand_out_experts(const mele_i_request *c, const mele_i_reply *w, size_t i, size_t row)
{
    bool finite = true;

    if (c->need_experts)
        finite = copy_experts(c, w, i, row);
    if (c->need_blend)
        finite = (c->classes == 0 ? blend_targets(c, w, i, row) : blend_classes(c, w, i, row))
                 && finite;
    return finite;
}

static void hand_out_row(const mele_i_request *c, const mele_i_reply *w, size_t i, size_t row)
{
    const mele_prediction *out = c->out;

    if (w->reason[i].kind == MELE_REASON_NONE && !hand_out_experts(c, w, i, row))
        w->reason[i] = reason_of_result(c, w->design + i * c->columns);
    if (out->reason != NULL)
        out->reason[row] = w->reason[i];
    if (w->reason[i].kind != MELE_REASON_NONE) {
        hand_out_nothing(c, row);
        return;
    }
    copy_row(out->log_posteriors, w->log_posteriors + i * c->clusters, row, c->clusters);
    copy_row(out->log_densities, w->log_densities + i * c->clusters, row, c->clusters);
    copy_row(out->log_gate, w->log_gate + i * c->clusters, row, c->clusters);
}

void mele_i_hand_out(const mele_i_request *c, const mele_i_reply *w, mele_i_block block)
{
    hand_out_densities(c, w, block);
    for (size_t i = 0; i < block.count; i++)
        hand_out_row(c, w, i, block.first + i);
}
