/* Columns that are constant in a region, but for rounding, are absent there.
 *
 * What decides are the extremes of a column in the region's rows (core/magnitude.h). To take those of
 * all columns and regions would slow the pass over the rows, so the factors are asked first which
 * columns are in question: mostly none, and then nothing more is done. Of the others a second pass
 * takes the extremes.
 *
 * Of degree 2 a term is absent when one of its factors is. A product may be constant without that (the
 * square of -1 and 1). */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/basis.h"
#include "expert/linear/fit.h"

/* The columns in question, in any region, and their extremes: (K + 1) x count x 2. */
typedef struct question {
    const mele_i_linear_fit *fit;
    size_t count, *column;
    double *extremes;
} question;

static size_t numbers_of(const question *q)
{
    return (q->fit->clusters + 1) * q->count * 2;
}

static void start_extremes(const question *q, double *extremes)
{
    for (size_t i = 0; i < numbers_of(q); i += 2) {
        extremes[i] = INFINITY;
        extremes[i + 1] = -INFINITY;
    }
}

static void widen(double *extremes, double low, double high)
{
    extremes[0] = low < extremes[0] ? low : extremes[0];
    extremes[1] = high > extremes[1] ? high : extremes[1];
}

/* Row i, whose numbers these are, if it has a weight in region k. */
static void take_row(const question *q, const mele_i_regions *regions, size_t i, const double *row,
                     size_t k, double *extremes)
{
    if (!(mele_i_region_weight(regions, i, k) > 0))
        return;
    for (size_t c = 0; c < q->count; c++)
        widen(extremes + (k * q->count + c) * 2, row[q->column[c]], row[q->column[c]]);
}

static mele_status take_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const question *q = context;
    const mele_i_expert_problem *p = q->fit->problem;
    const uint32_t *label = p->regions->label;
    const size_t K = q->fit->clusters;
    double *room = (double *)scratch + mele_i_rows_room(p->x, block.count);
    mele_i_regions regions;
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(p->x, block, scratch, &x, &stride, error);

    if (status == MELE_OK)
        status = mele_i_regions_take(p->regions, block, room, &regions, error);
    start_extremes(q, partial);
    for (size_t i = 0; i < block.count && status == MELE_OK; i++, x += stride) {
        const size_t row = block.first + i;
        const size_t first = label == NULL ? 0 : label[row], end = label == NULL ? K : first + 1;
        for (size_t k = first; k < end; k++)
            take_row(q, &regions, row, x, k, partial);
        take_row(q, &regions, row, x, K, partial);
    }
    return status;
}

static void join_block(void *context, const void *partial)
{
    const question *q = context;
    const double *extremes = partial;

    for (size_t i = 0; i < numbers_of(q); i += 2)
        widen(q->extremes + i, extremes[i], extremes[i + 1]);
}

static mele_status take_extremes(question *q, mele_engine *engine, mele_error *error)
{
    const size_t numbers = numbers_of(q);
    const size_t block = mele_i_block_rows(q->count + q->fit->clusters, 1 << 16, numbers / 8 + 64);
    const mele_i_pass pass = {.rows = q->fit->problem->x->rows,
                              .block_rows = block,
                              .partial_bytes = numbers * sizeof(double),
                              .scratch_bytes = (mele_i_rows_room(q->fit->problem->x, block)
                                                + mele_i_regions_room(q->fit->problem->regions,
                                                                      block))
                                               * sizeof(double),
                              .map = take_block,
                              .combine = join_block,
                              .context = q};

    q->extremes = MELE_I_ARRAY(double, numbers);
    if (q->extremes == NULL)
        return mele_i_no_memory(error);
    start_extremes(q, q->extremes);
    return mele_i_pass_run(engine, &pass, error);
}

static bool is_constant(const mele_i_linear_fit *f, size_t j, const double *extremes)
{
    return mele_i_is_constant(mele_i_origin_of_term(f->problem, j), j, extremes[0], extremes[1]);
}

/* Of what is suspect in region k, what is absent: all that is constant, and terms with it. */
static void decide(const question *q, size_t k)
{
    const mele_i_linear_fit *f = q->fit;
    bool *absent = f->absent + k * f->d;

    for (size_t c = 0; c < q->count; c++) {
        const size_t j = q->column[c];
        absent[j] = absent[j] && is_constant(f, j, q->extremes + (k * q->count + c) * 2);
    }
    mele_i_basis_absent(f->problem->columns, f->d, absent);
}

static void set_sizes(const mele_i_linear_fit *f)
{
    for (size_t j = 0; j < f->d + f->m; j++) {
        const double size =
            j < f->d ? mele_i_original_size(mele_i_origin_of_term(f->problem, j), j, 0)
                     : mele_i_original_size(mele_i_origin_of_y(f->problem->options), j - f->d, 0);
        f->size[j] = mele_i_finite(size * f->frame.scale[j] + fabs(f->frame.shift[j]));
    }
}

/* Marks in absent what is in question; returns whether anything is. */
static bool suspect(const mele_i_linear_fit *f)
{
    bool some = false;

    for (size_t k = 0; k <= f->clusters; k++) {
        const mele_i_reduced_problem problem = mele_i_linear_problem(
            f, k, f->factor + k * mele_i_linear_factor_size(f), f->problem->options->ridge, 0);
        if ((k == f->clusters || f->problem->train[k])
            && mele_i_reduced_suspect(&problem, f->absent + k * f->d))
            some = true;
    }
    return some;
}

static void list_columns(question *q)
{
    const mele_i_linear_fit *f = q->fit;

    for (size_t j = 0; j < f->d; j++) {
        bool asked = false;
        for (size_t k = 0; k <= f->clusters; k++)
            asked = asked || f->absent[k * f->d + j];
        q->column[q->count] = j;
        q->count += asked;
    }
}

mele_status mele_i_linear_find_absent(mele_i_linear_fit *f, mele_engine *engine, mele_error *error)
{
    question q = {.fit = f};

    set_sizes(f);
    if (!suspect(f))
        return MELE_OK;
    q.column = MELE_I_ARRAY(size_t, f->d);
    if (q.column == NULL)
        return mele_i_no_memory(error);
    list_columns(&q);
    mele_status status = take_extremes(&q, engine, error);
    for (size_t k = 0; k <= f->clusters && status == MELE_OK; k++)
        decide(&q, k);
    free(q.column);
    free(q.extremes);
    return status;
}

/* Extremes of the columns that are marked, over region k's rows but those of a group. */
static mele_status take_without(const mele_i_linear_fit *f, size_t k, size_t group,
                                const bool *marked, double *row, double *extremes,
                                mele_error *error)
{
    for (size_t i = 0; i < f->problem->x->rows; i++) {
        if (f->problem->groups->of[i] == group
            || !(mele_i_region_weight(f->problem->regions, i, k) > 0))
            continue;
        mele_status status = mele_i_rows_copy(f->problem->x, i, row, error);
        if (status != MELE_OK)
            return status;
        for (size_t j = 0; j < f->d; j++)
            if (marked[j])
                widen(extremes + 2 * j, row[j], row[j]);
    }
    return MELE_OK;
}

mele_status mele_i_linear_absent_without(const mele_i_linear_fit *f, size_t k, size_t group,
                                         const mele_i_reduced_problem *problem, bool *absent,
                                         mele_error *error)
{
    double *extremes = MELE_I_ARRAY(double, 3 * f->d);

    if (extremes == NULL)
        return mele_i_no_memory(error);
    const bool asked = mele_i_reduced_suspect(problem, absent);
    for (size_t j = 0; j < f->d; j++) {
        extremes[2 * j] = INFINITY;
        extremes[2 * j + 1] = -INFINITY;
    }
    mele_status status = !asked ? MELE_OK
                                : take_without(f, k, group, absent, extremes + 2 * f->d, extremes,
                                               error);
    for (size_t j = 0; j < f->d && status == MELE_OK; j++)
        absent[j] = problem->absent[j] || (absent[j] && is_constant(f, j, extremes + 2 * j));
    mele_i_basis_absent(f->problem->columns, f->d, absent);
    free(extremes);
    return status;
}
