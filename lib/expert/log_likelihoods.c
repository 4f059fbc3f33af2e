/* How likely the targets are under each expert's prediction of them. With f_ik and s_ik^2 the mean
 * and the variance that expert k gives for row i,
 *     log L_ik = sum_m log N(y_im; f_ikm, s_ikm^2),
 * and of classes log L_ik is the log-probability of the row's class. Most experts give all rows one
 * variance: its logarithm is taken again only where the row before had another. */
#include <mele/expert.h>

#include <math.h>

#include "core/error.h"
#include "core/normal.h"
#include "core/memory.h"
#include "engine/rows.h"

#define BLOCK_WORK (1 << 16)

typedef struct likelihoods {
    const mele_targets *targets;
    const double *mean, *variance; /* n x K x M */
    size_t clusters, outputs;
    double *out; /* n x K */
} likelihoods;

static mele_status refuse_class(const likelihoods *l, size_t row, double class, mele_error *error)
{
    return mele_i_fail(error, MELE_EDATA, "targets: row %zu is %g, not a class of 0 to %zu",
                       row + 1, class, l->targets->classes - 1);
}

static mele_status of_classes(const likelihoods *l, size_t row, double class, mele_error *error)
{
    const double *mean = l->mean + row * l->clusters * l->outputs;

    if (!(class >= 0 && class < (double)l->targets->classes && class == floor(class)))
        return refuse_class(l, row, class, error);
    for (size_t k = 0; k < l->clusters; k++)
        l->out[row * l->clusters + k] = mean[k * l->outputs + (size_t) class];
    return MELE_OK;
}

/* last: K M variances that were seen last, then their logarithms. */
static mele_status of_targets(const likelihoods *l, size_t row, const double *target, double *last,
                              mele_error *error)
{
    double *log_last = last + l->clusters * l->outputs;

    for (size_t k = 0; k < l->clusters; k++) {
        const size_t at = (row * l->clusters + k) * l->outputs;
        double sum = 0;
        for (size_t m = 0; m < l->outputs; m++) {
            const double variance = l->variance[at + m];
            const size_t cell = k * l->outputs + m;
            if (variance <= 0)
                return mele_i_fail(error, MELE_EDATA,
                                   "variance: row %zu, expert %zu: %g is not above 0", row + 1,
                                   k + 1, variance);
            if (variance != last[cell]) {
                last[cell] = variance;
                log_last[cell] = log(variance);
            }
            sum += mele_i_log_normal_of(target[m] - l->mean[at + m], variance, log_last[cell]);
        }
        l->out[row * l->clusters + k] = sum;
    }
    return MELE_OK;
}

static mele_status map_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const likelihoods *l = context;
    const mele_rows *y = &l->targets->values;
    unsigned char *at = scratch;
    double *last = mele_i_carve(&at, 2 * l->clusters * l->outputs, sizeof *last);
    const double *target;
    size_t stride;
    mele_status status = mele_i_rows_take(y, block, (double *)at, &target, &stride, error);

    (void)partial;
    for (size_t cell = 0; cell < l->clusters * l->outputs && l->targets->classes == 0; cell++)
        last[cell] = NAN; /* which no variance equals */
    for (size_t i = 0; i < block.count && status == MELE_OK; i++, target += stride)
        status = l->targets->classes > 0 ? of_classes(l, block.first + i, target[0], error)
                                         : of_targets(l, block.first + i, target, last, error);
    return status;
}

mele_status mele_expert_log_likelihoods(const mele_targets *targets, const double *mean,
                                        const double *variance, size_t clusters,
                                        mele_engine *engine, double *out, mele_error *error)
{
    const bool none = targets == NULL
                      || (targets->values.data == NULL && targets->values.read == NULL);

    if (none || mean == NULL || out == NULL
        || (variance == NULL && targets->classes == 0))
        return mele_i_fail(error, MELE_EINVAL, "log likelihoods: %s is NULL",
                           none           ? "targets"
                           : mean == NULL ? "mean"
                           : out == NULL  ? "out"
                                          : "variance");
    const mele_rows *y = &targets->values;
    if (clusters == 0 || y->rows == 0 || y->cols == 0
        || (y->data != NULL && y->stride < y->cols)
        || (targets->classes > 0 && y->cols != 1))
        return mele_i_fail(error, MELE_EINVAL,
                           "log likelihoods: %zu clusters, targets of %zu x %zu: it "
                           "needs one of each, and classes stand in one column",
                           clusters, y->rows, y->cols);
    likelihoods l = {
        targets, mean, variance, clusters, targets->classes > 0 ? targets->classes : y->cols, out};
    const size_t block = mele_i_block_rows(8 * clusters * l.outputs, BLOCK_WORK, 16);
    const mele_i_pass pass = {.rows = y->rows,
                              .map = map_block,
                              .context = &l,
                              .scratch_bytes =
                                  mele_i_carved(2 * clusters * l.outputs, sizeof(double))
                                  + mele_i_carved(mele_i_rows_room(y, block), sizeof(double)),
                              .block_rows = block};
    return mele_i_pass_run(engine, &pass, error);
}
