/* What the values of the inputs can tell of lengths.
 *
 * The rows of a grid have few values in a column, levels, each in many rows. A kernel whose length
 * there is far below the step, but long in the other columns, gives every level a function of its
 * own: likelihood and leave-one-out errors praise it, since what is left out has others of its
 * level beside it; between levels it predicts nothing. So
 *
 * - a column's lengths are at least the distance to another level within which a quarter of the
 *   rows have one: of shorter ones fewer rows tell. Rows of a continuous column ask for next to
 *   nothing, and a column of two values for nothing, since there is no row between them;
 * - processes are compared by what they predict of levels that are left out, hyper-parameters as
 *   they are, in FOLDS folds of a column, dealt in turn so that neighbours stay (a column's least
 *   and largest level always do: beyond them there is nothing). The inverse of all rows' covariance
 *   has such errors, too, for one factorisation, but where there is next to no noise all their
 *   digits cancel.
 *
 * Values within TIE standard deviations are one level, so that rounding hides no grid. A column
 * has levels that can be left out when there are LEAST_LEVELS of them or more, with 2 rows each or
 * more, and TIE_STEPS times TIE between them or more, both on average.
 *
 * Source: of least lengths from distances: Betancourt 2017, Robust Gaussian Processes in Stan (no
 * length below the covariates' spacing is identified); of extreme correlations as the way in which
 * likelihoods fail: Gu, Wang, Berger 2018, Ann. Stat. 46 (6A); of errors of left-out blocks:
 * Ginsbourger, Schaerer 2021, arXiv:2101.03108; Dubrule 1983, Math. Geol. 15. */
#include "expert/gp/levels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/memory.h"
#include "expert/units.h"

#define TIE 1e-3
#define TIE_STEPS 10
#define LEAST_LEVELS 4
#define FOLDS 4
#define MOST_COLUMNS 8 /* whose levels are left out: those with the fewest */
#define TOLD 4         /* of so many rows one has a neighbour within the least length */

typedef struct placed {
    double value;
    size_t row;
} placed;

typedef struct group {
    double low, high;
    double near; /* the distance to the nearest other level */
    size_t first, rows;
} group;

static int by_value(const void *a, const void *b)
{
    const placed *p = a, *q = b;

    return p->value != q->value ? (p->value < q->value ? -1 : 1)
                                : (p->row > q->row) - (p->row < q->row);
}

static int by_near(const void *a, const void *b)
{
    const group *p = a, *q = b;

    return (p->near > q->near) - (p->near < q->near);
}

/* The levels of a column in ascending order; `order` gets its rows, level by level. */
static size_t levels_of(const double *x, size_t rows, size_t columns, placed *order, group *levels)
{
    size_t count = 0;

    for (size_t i = 0; i < rows; i++)
        order[i] = (placed){x[i * columns], i};
    qsort(order, rows, sizeof *order, by_value);
    for (size_t i = 0; i < rows; i++) {
        const double value = order[i].value;
        if (i == 0 || value - levels[count - 1].low > TIE)
            levels[count++] = (group){value, value, INFINITY, i, 0};
        levels[count - 1].high = value;
        levels[count - 1].rows++;
    }
    for (size_t l = 1; l < count; l++) {
        const double gap = levels[l].low - levels[l - 1].high;
        levels[l].near = fmin(levels[l].near, gap);
        levels[l - 1].near = fmin(levels[l - 1].near, gap);
    }
    return count;
}

static bool can_be_left_out(const group *levels, size_t count, size_t rows)
{
    return count >= LEAST_LEVELS && 2 * count <= rows
           && levels[count - 1].low - levels[0].low >= TIE_STEPS * TIE * (double)(count - 1);
}

/* Reorders the levels. */
static double shortest_of(group *levels, size_t count, size_t rows)
{
    size_t l = 0, told = 0;

    if (count <= 2)
        return 0;
    qsort(levels, count, sizeof *levels, by_near);
    while (TOLD * (told += levels[l].rows) < rows)
        l++;
    return levels[l].near;
}

/* Sets which level of column j every row has. */
static void add_column(mele_i_gp_levels *out, const double *x, size_t j, size_t columns,
                       placed *order, group *levels)
{
    const size_t count = levels_of(x + j, out->rows, columns, order, levels);
    size_t *level_of = out->level + out->columns * out->rows;

    for (size_t l = 0; l < count; l++)
        for (size_t i = 0; i < levels[l].rows; i++)
            level_of[order[levels[l].first + i].row] = l;
    out->count[out->columns++] = count;
    out->inner += count - 2;
}

/* Adds the columns with the fewest levels. counts: of every column, 0 where none can be left out;
 * lost. */
static void add_columns(mele_i_gp_levels *out, const double *x, size_t columns, size_t *counts,
                        placed *order, group *levels)
{
    while (out->columns < MOST_COLUMNS) {
        size_t fewest = columns;
        for (size_t j = 0; j < columns; j++)
            if (counts[j] > 0 && (fewest == columns || counts[j] < counts[fewest]))
                fewest = j;
        if (fewest == columns)
            return;
        counts[fewest] = 0;
        add_column(out, x, fewest, columns, order, levels);
    }
}

bool mele_i_gp_levels_find(const double *x, size_t rows, size_t columns, mele_i_gp_levels *out)
{
    const size_t most = columns < MOST_COLUMNS ? columns : MOST_COLUMNS;
    placed *order = MELE_I_ARRAY(placed, rows);
    group *levels = MELE_I_ARRAY(group, rows);
    size_t *counts = MELE_I_ARRAY(size_t, columns);

    *out = (mele_i_gp_levels){.rows = rows,
                              .shortest = MELE_I_ARRAY(double, columns),
                              .level = MELE_I_ARRAY(size_t, most * rows),
                              .count = MELE_I_ARRAY(size_t, most)};
    const bool ok = order != NULL && levels != NULL && counts != NULL && out->shortest != NULL
                    && out->level != NULL && out->count != NULL;
    for (size_t j = 0; j < columns && ok; j++) {
        const size_t count = levels_of(x + j, rows, columns, order, levels);
        counts[j] = can_be_left_out(levels, count, rows) ? count : 0;
        out->shortest[j] = shortest_of(levels, count, rows);
    }
    if (ok)
        add_columns(out, x, columns, counts, order, levels);
    free(order);
    free(levels);
    free(counts);
    return ok;
}

void mele_i_gp_levels_free(mele_i_gp_levels *levels)
{
    free(levels->shortest);
    free(levels->level);
    free(levels->count);
}

/* ---- levels left out ---- */

/* The rows of a fold: those that stay, then the others. */
typedef struct folded {
    mele_i_gp_data data;
    double *x, *weights;
    double *y, *left; /* outputs x stay, outputs x the others */
    size_t *row, stay;
} folded;

static bool make_folded(const mele_i_gp_data *data, folded *f)
{
    const size_t n = data->rows;

    *f = (folded){.data = *data,
                  .x = MELE_I_ARRAY(double, n * data->columns),
                  .y = MELE_I_ARRAY(double, n * data->outputs),
                  .weights = MELE_I_ARRAY(double, n),
                  .row = MELE_I_ARRAY(size_t, n)};
    f->data.x = f->x;
    f->data.weights = f->weights;
    return f->x != NULL && f->y != NULL && f->weights != NULL && f->row != NULL;
}

static void free_folded(folded *f)
{
    free(f->x);
    free(f->y);
    free(f->weights);
    free(f->row);
}

/* Whether a level is left out in a fold. */
static bool leaves(size_t level, size_t levels, size_t fold)
{
    return level > 0 && level + 1 < levels && (level - 1) % FOLDS == fold;
}

static void fold_rows(const mele_i_gp_data *data, const size_t *level, size_t levels, size_t fold,
                      folded *f)
{
    const size_t n = data->rows, d = data->columns;
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        if (!leaves(level[i], levels, fold))
            f->row[count++] = i;
    f->stay = count;
    for (size_t i = 0; i < n; i++)
        if (leaves(level[i], levels, fold))
            f->row[count++] = i;
    for (size_t i = 0; i < n; i++) {
        memcpy(f->x + i * d, data->x + f->row[i] * d, d * sizeof *f->x);
        f->weights[i] = data->weights[f->row[i]];
    }
    f->left = f->y + data->outputs * f->stay;
    for (size_t t = 0; t < data->outputs; t++) {
        double *stays = f->y + t * f->stay, *left = f->left + t * (n - f->stay);
        for (size_t i = 0; i < n; i++)
            *(i < f->stay ? stays + i : left + (i - f->stay)) = data->y[t * n + f->row[i]];
    }
}

/* Factors the covariance of the rows that stay, brought together at its beginning; the others' rows
 * stay where they are. */
static bool factor_first(double *covariance, size_t rows, size_t stay)
{
    for (size_t i = 1; i < stay; i++)
        memmove(covariance + i * stay, covariance + i * rows, (i + 1) * sizeof *covariance);
    return mele_i_cholesky(covariance, stay);
}

/* Adds the squared errors of a fold to those of its levels. False: there is no factor. */
static bool add_errors(folded *f, mele_i_gp_work *work, const double *logs, const size_t *level_of,
                       double *errors)
{
    const size_t n = f->data.rows, m = f->data.outputs, stay = f->stay;
    double copies = 0, *mean = work->signal + m;

    mele_i_gp_likelihood_covariance(&f->data, work, logs);
    if (!factor_first(work->covariance, n, stay))
        return false;
    for (size_t i = 0; i < stay; i++)
        copies += f->weights[i];
    mele_i_gp_solve(work->covariance, stay, m, copies,
                    &(mele_i_gp_solved){f->y, work->ones, mean, work->signal});
    for (size_t i = stay; i < n; i++)
        for (size_t t = 0; t < m; t++) {
            const double *solved = f->y + t * stay, *row = work->covariance + i * n;
            double off = f->left[t * (n - stay) + (i - stay)] - mean[t];
            for (size_t k = 0; k < stay; k++)
                off -= row[k] * solved[k];
            errors[level_of[f->row[i]] - 1] += f->weights[i] * (off * off);
        }
    return true;
}

/* The weighted sum of squared errors of every row left out alone. False: there is no factor. */
static bool row_errors(const mele_i_gp_data *data, mele_i_gp_work *work, const double *logs,
                       double *sum)
{
    const size_t n = data->rows;
    double value, all = 0;

    if (!mele_i_gp_likelihood(data, work, logs, &value, NULL)
        || !mele_i_cholesky_inverse(work->covariance, n))
        return false;
    for (size_t i = 0; i < n; i++)
        all += work->ones[i];
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double own = work->covariance[i * n + i];
        const double free = fmax(own - work->ones[i] * (work->ones[i] / all), MELE_I_ALONE * own);
        for (size_t t = 0; t < data->outputs; t++) {
            const double off = work->solved[t * n + i] / free;
            *sum += data->weights[i] * (off * off);
        }
    }
    return true;
}

/* Of the rows of inner levels, column by column. */
static double inner_weight(const mele_i_gp_levels *levels, const double *weights)
{
    double sum = 0;

    for (size_t c = 0; c < levels->columns; c++)
        for (size_t i = 0; i < levels->rows; i++) {
            const size_t level = levels->level[c * levels->rows + i];
            sum += level > 0 && level + 1 < levels->count[c] ? weights[i] : 0;
        }
    return sum;
}

static double excess_of(const mele_i_gp_levels *levels, const double *weights, double alone,
                        const double *errors)
{
    double all = 0, sum = 0;

    for (size_t i = 0; i < levels->rows; i++)
        all += weights[i];
    for (size_t l = 0; l < levels->inner; l++)
        sum += errors[l];
    return sum / inner_weight(levels, weights) / (alone / all);
}

mele_status mele_i_gp_levels_left_out(const mele_i_gp_levels *levels, const mele_i_gp_data *data,
                                      mele_i_gp_work *work, const double *logs, double *errors,
                                      double *excess, mele_error *error)
{
    folded f;
    mele_status status = make_folded(data, &f) ? MELE_OK : mele_i_no_memory(error);
    double *to = errors, alone = 0;
    bool ok = status == MELE_OK && row_errors(data, work, logs, &alone);

    memset(errors, 0, levels->inner * sizeof *errors);
    for (size_t c = 0; c < levels->columns; c++) {
        const size_t *level_of = levels->level + c * levels->rows, inner = levels->count[c] - 2;
        for (size_t fold = 0; fold < FOLDS && fold < inner && ok; fold++) {
            fold_rows(data, level_of, levels->count[c], fold, &f);
            ok = add_errors(&f, work, logs, level_of, to);
        }
        to += inner;
    }
    free_folded(&f);
    if (status == MELE_OK && !ok)
        status = mele_i_fail(error, MELE_EDATA, "no covariance of %zu rows is positive definite",
                             data->rows);
    if (status == MELE_OK)
        *excess = excess_of(levels, data->weights, alone, errors);
    return status;
}
