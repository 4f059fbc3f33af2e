/* Left-out predictions by group, in closed form. With u(x) = (1 / sqrt(sum w), W (x - mean)), W the
 * whitener, a hat value is w u'u. Let U be the rows sqrt(w) u' of a group in a region and r its
 * residuals times sqrt(w). Without the group, the ridge as it is, the fit at x is
 *
 *     f(x) - u(x)' c,    c = U' (I - U U')^-1 r = (I - U' U)^-1 U' r,
 *
 * by whichever of the two systems is smaller. f - u' c is linear in x: its coefficients serve all
 * rows of the group, those in other regions too.
 *
 * The matrix has the eigenvalues 1 - h, of which at most as many as there are coefficients are
 * small over all groups of a region, since the hat values sum to their number. Up to a trace of hat
 * values of FREE it is as good as I, and a Cholesky factor serves; else its eigenvalues are looked
 * at. Where one is below MOST_SHARE the group alone determines some direction, or nearly so, and
 * digits are lost: then the region is fitted anew without it, which has the outcomes of reduced.c for
 * whatever is degenerate there.
 *
 * A group that all of a region is of is left out of the fit over all rows instead. */
#include "expert/linear/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "expert/forms/triangle.h"

#define FREE 0.75
#define MOST_SHARE 0x1p-10
#define TASKS 64  /* runs of groups, at most */
#define CHUNK 256 /* rows at a time */

typedef struct leaving {
    mele_i_linear_fit *f;
    size_t tasks;
    double *square; /* tasks x (K + 1) x 2 m */
} leaving;

/* Working memory of a task; q = d + 1. A row has `units` numbers of u, filled up with zeros, and
 * then m residuals. */
typedef struct room {
    size_t q, units, width;
    double *taken;              /* CHUNK x (d + m): rows that are not in memory */
    double *framed, *predicted; /* CHUNK x (d + m), CHUNK x m */
    double *rows;               /* CHUNK x width */
    double *kept;               /* q x units: of a group of at most q rows */
    double *moments;            /* width x width */
    double *matrix, *values;    /* q x q; 4 q: eigenvalues, and room to find them */
    double *right, *change;     /* m x q each: what is solved for; c */
    double *coefficients;       /* m x (d + 1): without the group */
    void *memory;
} room;

static bool make_room(const mele_i_linear_fit *f, room *r)
{
    const size_t q = f->d + 1, m = f->m;

    r->q = q;
    r->units = (q + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;
    r->width = mele_i_gram_width(r->units + m);
    struct {
        double **at;
        size_t count;
    } array[] = {{&r->taken, CHUNK * (f->d + m)},
                 {&r->framed, CHUNK * (f->d + m)},
                 {&r->predicted, CHUNK * m},
                 {&r->rows, CHUNK * r->width},
                 {&r->kept, q * r->units},
                 {&r->moments, r->width * r->width},
                 {&r->matrix, q * q},
                 {&r->values, 4 * q},
                 {&r->right, m * q},
                 {&r->change, m * q},
                 {&r->coefficients, m * q}};
    const size_t count = sizeof array / sizeof *array;
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += mele_i_carved(array[i].count, sizeof(double));
    r->memory = mele_i_array(bytes, 1);
    unsigned char *cursor = r->memory;
    for (size_t i = 0; i < count && r->memory != NULL; i++)
        *array[i].at = mele_i_carve(&cursor, array[i].count, sizeof(double));
    return r->memory != NULL;
}

/* ---- the rows of a group in a region ---- */

/* u of a row in the frame, with what it is not yet divided by. */
static void whiten_row(const mele_i_linear_fit *f, const mele_i_reduced_solution *s, const double *z,
                       double root, double *u)
{
    const double *w = s->whitener;

    u[0] = root / sqrt(s->weight);
    for (size_t i = 0; i < f->d; i++) {
        double sum = 0;
        for (size_t j = 0; j <= i; j++)
            sum += *w++ * (z[j] - s->mean[j]);
        u[1 + i] = root * sum;
    }
}

/* Rows in the frame, to `framed`; *rows: as they were taken. */
static mele_status frame_rows(const mele_i_linear_fit *f, const size_t *row, size_t count,
                              const room *r, mele_i_linear_rows *rows, mele_error *error)
{
    mele_status status = mele_i_linear_take(f, row, count, r->taken, rows, error);

    if (status == MELE_OK)
        mele_i_frame_rows(&f->frame, &rows->source, rows->row, count, r->framed);
    return status;
}

/* The rows of a group that are still to be looked at: row[at] .. row[end - 1]. */
typedef struct walk {
    const size_t *row;
    size_t at, end;
} walk;

/* The next of them that are in region k: U and r of them to `rows`, *taken being how many there
 * are. */
static mele_status next_rows(const mele_i_linear_fit *f, size_t k, walk *w, const room *r,
                             size_t *taken, mele_error *error)
{
    const mele_i_reduced_solution *s = &f->solution[k];
    const size_t width = f->d + f->m;
    size_t index[CHUNK], count = 0;
    double root[CHUNK];
    mele_i_linear_rows taken_rows;
    mele_status status;

    for (; w->at < w->end && count < CHUNK; w->at++) {
        const double weight = mele_i_region_weight(f->problem->regions, w->row[w->at], k);
        index[count] = w->row[w->at];
        root[count] = sqrt(weight);
        count += weight > 0;
    }
    *taken = count;
    status = frame_rows(f, index, count, r, &taken_rows, error);
    if (status != MELE_OK)
        return status;
    mele_i_kernels_best()->linear(r->framed, width, count, f->d, s->coefficients, f->m,
                                  r->predicted, f->m);
    memset(r->rows, 0, count * r->width * sizeof *r->rows);
    for (size_t i = 0; i < count; i++) {
        whiten_row(f, s, r->framed + i * width, root[i], r->rows + i * r->width);
        for (size_t t = 0; t < f->m; t++)
            r->rows[i * r->width + r->units + t] =
                root[i] * (r->framed[i * width + f->d + t] - r->predicted[i * f->m + t]);
    }
    return MELE_OK;
}

static size_t count_members(const mele_i_linear_fit *f, size_t k, const size_t *row, size_t count)
{
    size_t members = 0;

    for (size_t i = 0; i < count; i++)
        members += mele_i_region_weight(f->problem->regions, row[i], k) > 0;
    return members;
}

/* ---- the systems ---- */

/* Solve (I - gram) z = right for every target, in place: `matrix` holds gram, its lower part, and
 * is lost. False: too near singular. */
static bool solve_without(const room *r, size_t size, size_t targets)
{
    double trace = 0;

    for (size_t i = 0; i < size; i++) {
        trace += r->matrix[i * size + i];
        for (size_t j = 0; j <= i; j++)
            r->matrix[i * size + j] = (i == j) - r->matrix[i * size + j];
    }
    if (trace <= FREE && mele_i_cholesky(r->matrix, size)) {
        for (size_t t = 0; t < targets; t++)
            mele_i_cholesky_solve(r->matrix, size, r->right + t * r->q);
        return true;
    }
    if (trace <= FREE || !mele_i_eigen(r->matrix, size, r->values, r->values + size)
        || !(r->values[0] >= MOST_SHARE))
        return false;
    for (size_t t = 0; t < targets; t++) {
        double *z = r->right + t * r->q, *sum = r->values + size;
        memset(sum, 0, size * sizeof *sum);
        for (size_t e = 0; e < size; e++) {
            const double *vector = r->matrix + e * size;
            double part = 0;
            for (size_t i = 0; i < size; i++)
                part += vector[i] * z[i];
            for (size_t i = 0; i < size; i++)
                sum[i] += part / r->values[e] * vector[i];
        }
        memcpy(z, sum, size * sizeof *sum);
    }
    return true;
}

/* c of a group of no more rows than there are coefficients. */
static mele_status solve_rows(const mele_i_linear_fit *f, size_t k, const size_t *row, size_t count,
                              const room *r, bool *solved, mele_error *error)
{
    size_t members = 0, some;

    for (walk w = {row, 0, count}; w.at < w.end;) {
        mele_status status = next_rows(f, k, &w, r, &some, error);
        if (status != MELE_OK)
            return status;
        for (size_t i = 0; i < some; i++, members++) {
            memcpy(r->kept + members * r->units, r->rows + i * r->width,
                   r->units * sizeof *r->kept);
            for (size_t t = 0; t < f->m; t++)
                r->right[t * r->q + members] = r->rows[i * r->width + r->units + t];
        }
    }
    memset(r->matrix, 0, members * members * sizeof *r->matrix);
    mele_i_cross_add(r->kept, members, r->kept, members, r->units, r->matrix, members);
    *solved = solve_without(r, members, f->m);
    memset(r->change, 0, f->m * r->q * sizeof *r->change);
    for (size_t t = 0; t < f->m && *solved; t++)
        for (size_t i = 0; i < members; i++)
            for (size_t j = 0; j < r->q; j++)
                r->change[t * r->q + j] += r->kept[i * r->units + j] * r->right[t * r->q + i];
    return MELE_OK;
}

/* c of a group of more rows. */
static mele_status solve_columns(const mele_i_linear_fit *f, size_t k, const size_t *row,
                                 size_t count, const room *r, bool *solved, mele_error *error)
{
    const size_t q = r->q;

    memset(r->moments, 0, r->width * r->width * sizeof *r->moments);
    size_t some;
    for (walk w = {row, 0, count}; w.at < w.end;) {
        mele_status status = next_rows(f, k, &w, r, &some, error);
        if (status != MELE_OK)
            return status;
        mele_i_gram_add(r->rows, r->units + f->m, some, r->moments, NULL, 0);
    }
    for (size_t i = 0; i < q; i++)
        memcpy(r->matrix + i * q, r->moments + i * r->width, (i + 1) * sizeof *r->matrix);
    for (size_t t = 0; t < f->m; t++)
        memcpy(r->right + t * q, r->moments + (r->units + t) * r->width, q * sizeof *r->right);
    *solved = solve_without(r, q, f->m);
    memcpy(r->change, r->right, f->m * q * sizeof *r->change);
    return MELE_OK;
}

/* ---- coefficients without a group ---- */

/* f - u' c as a linear function of the frame. */
static void take_off(const mele_i_linear_fit *f, const mele_i_reduced_solution *s, const room *r)
{
    const size_t q = r->q;

    for (size_t t = 0; t < f->m; t++) {
        const double *w = s->whitener, *c = r->change + t * q;
        double *out = r->coefficients + t * q;
        memcpy(out, s->coefficients + t * q, q * sizeof *out);
        out[0] -= c[0] / sqrt(s->weight);
        for (size_t i = 0; i < f->d; i++)
            for (size_t j = 0; j <= i; j++) {
                const double slope = c[1 + i] * *w++;
                out[1 + j] -= slope;
                out[0] += slope * s->mean[j];
            }
    }
}

/* The triangle of the region's rows but those of the group. */
static mele_status triangle_without(const mele_i_linear_fit *f, size_t k, size_t group,
                                    double *triangle, mele_error *error)
{
    const mele_i_row_groups *g = f->problem->groups;
    size_t *row = MELE_I_ARRAY(size_t, g->rows), count = 0;

    for (size_t i = 0; i < g->rows && row != NULL; i++)
        if (g->of[i] != group && mele_i_region_weight(f->problem->regions, i, k) > 0)
            row[count++] = i;
    mele_status status = row == NULL
                             ? mele_i_no_memory(error)
                             : mele_i_linear_triangle_of(f, k, row, count, triangle, error);
    free(row);
    return status;
}

static mele_status fit_anew(const mele_i_linear_fit *f, size_t k, size_t group, const room *r,
                            mele_error *error)
{
    double *numbers = MELE_I_ARRAY(double, mele_i_reduced_room(f->d, f->m));
    double *triangle = MELE_I_ARRAY(double, f->q * f->q);
    bool *absent = MELE_I_ARRAY(bool, f->d);
    mele_i_reduced_problem problem =
        mele_i_linear_problem(f, k, triangle, f->solution[k].ridge, f->solution[k].weight);
    mele_i_reduced_solution s = {NULL};
    mele_status status = numbers == NULL || triangle == NULL || absent == NULL
                             ? mele_i_no_memory(error)
                             : triangle_without(f, k, group, triangle, error);

    problem.moments = false;
    if (status == MELE_OK)
        status = mele_i_linear_absent_without(f, k, group, &problem, absent, error);
    if (status == MELE_OK) {
        problem.absent = absent;
        mele_i_reduced_place(&s, numbers, f->d, f->m);
        status = mele_i_reduced_solve(&problem, &s) ? MELE_OK : mele_i_no_memory(error);
    }
    if (status == MELE_OK)
        memcpy(r->coefficients, s.coefficients, f->m * r->q * sizeof *r->coefficients);
    free(numbers);
    free(triangle);
    free(absent);
    return status;
}

static mele_status leave_out_of(const mele_i_linear_fit *f, size_t k, size_t group, const room *r,
                                mele_error *error)
{
    const mele_i_row_groups *g = f->problem->groups;
    const size_t *row = g->row + g->start[group], count = g->start[group + 1] - g->start[group];
    bool solved = false;
    mele_status status = count_members(f, k, row, count) <= r->q
                             ? solve_rows(f, k, row, count, r, &solved, error)
                             : solve_columns(f, k, row, count, r, &solved, error);

    if (status != MELE_OK)
        return status;
    if (!solved)
        return fit_anew(f, k, group, r, error);
    take_off(f, &f->solution[k], r);
    return MELE_OK;
}

/* ---- what is made of them ---- */

/* The predictions of all rows of the group, and the squared residuals of those in the region:
 * without it, and of the fit with it. */
static mele_status predict_group(const mele_i_linear_fit *f, size_t k, size_t group, const room *r,
                                 double *square, mele_error *error)
{
    const mele_i_row_groups *g = f->problem->groups;
    const size_t width = f->d + f->m, end = g->start[group + 1];
    mele_i_linear_rows rows;

    for (size_t at = g->start[group], count; at < end; at += count) {
        const size_t *row = g->row + at;
        count = end - at < CHUNK ? end - at : CHUNK;
        mele_status status = frame_rows(f, row, count, r, &rows, error);
        if (status != MELE_OK)
            return status;
        for (size_t which = 0; which < 2; which++) {
            mele_i_kernels_best()->linear(r->framed, width, count, f->d,
                                          which == 0 ? r->coefficients
                                                     : f->solution[k].coefficients,
                                          f->m, r->predicted, f->m);
            for (size_t i = 0; i < count; i++) {
                const double weight = mele_i_region_weight(f->problem->regions, row[i], k);
                double *out = which == 0 ? mele_i_left_out_of(f->problem, row[i], k) : NULL;
                const double *y = rows.source.y
                                  + (rows.row == NULL ? i : rows.row[i]) * rows.source.y_stride;
                for (size_t t = 0; t < f->m; t++) {
                    const double off = r->framed[i * width + f->d + t] - r->predicted[i * f->m + t];
                    square[which * f->m + t] += weight > 0 ? weight * off * off : 0;
                    if (out != NULL)
                        out[t] = mele_i_finite(y[t] - off / f->frame.scale[f->d + t]);
                }
            }
        }
    }
    return MELE_OK;
}

/* The first group of a run. */
static size_t first_of(const leaving *l, size_t task)
{
    const mele_i_row_groups *g = l->f->problem->groups;

    return g->of[g->row[task < l->tasks ? task * (g->rows / l->tasks) : 0]];
}

static mele_status run_groups(void *context, size_t task, mele_engine *engine, mele_error *error)
{
    const leaving *l = context;
    const mele_i_linear_fit *f = l->f;
    const mele_i_row_groups *g = f->problem->groups;
    const size_t end = task + 1 < l->tasks ? first_of(l, task + 1) : g->count;
    room r;
    mele_status status = make_room(f, &r) ? MELE_OK : mele_i_no_memory(error);

    (void)engine;
    for (size_t group = first_of(l, task); group < end && status == MELE_OK; group++)
        for (size_t k = 0; k <= f->clusters && status == MELE_OK; k++) {
            const size_t from = g->alone[k] == group ? f->clusters : k;
            if (!f->problem->train[k]
                || count_members(f, k, g->row + g->start[group],
                                 g->start[group + 1] - g->start[group])
                       == 0)
                continue;
            status = leave_out_of(f, from, group, &r, error);
            if (status == MELE_OK)
                status = predict_group(f, k, group, &r,
                                       l->square + (task * (f->clusters + 1) + k) * 2 * f->m, error);
        }
    free(r.memory);
    return status;
}

/* What experts predict of all rows, those that are put right afterwards among them. */
static mele_status predict_all(const mele_i_linear_fit *f, mele_engine *engine, mele_error *error)
{
    const mele_i_expert_problem *p = f->problem;
    mele_i_predictor predictor;
    const mele_i_expert_shape shape = {p->columns, f->m, 0};
    mele_status status = mele_i_predictor_make(&predictor, f->experts, f->clusters, shape,
                                               p->degree, error);

    if (status == MELE_OK)
        status = mele_i_predictor_run(&predictor, p->x, p->left_out, NULL, engine, error);
    mele_i_predictor_free(&predictor);
    return status;
}

mele_status mele_i_linear_leave_out_groups(mele_i_linear_fit *f, mele_engine *engine,
                                           mele_error *error)
{
    const size_t groups = f->problem->groups->count, size = (f->clusters + 1) * 2 * f->m;
    leaving l = {f, groups < TASKS ? groups : TASKS, NULL};
    const mele_i_tasks tasks = {.count = l.tasks, .run = run_groups, .context = &l};
    mele_status status = MELE_OK;

    l.square = MELE_I_ZEROED(double, l.tasks *size);
    if (l.square == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK && f->problem->left_out != NULL)
        status = predict_all(f, engine, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    for (size_t i = 0; i < l.tasks * size && status == MELE_OK; i++)
        f->square[i % size] += l.square[i];
    free(l.square);
    return status;
}
