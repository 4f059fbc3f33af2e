#ifndef MELE_LEFT_OUT_H
#define MELE_LEFT_OUT_H

#include <mele/expert.h>
#include <mele/rows.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What stage 2 hands on to stage 3: n rows, K regions, M targets or classes. mele_experts_fit()
 * makes it (the type is <mele/expert.h>'s). It never changes, so any number of threads may read
 * one. */

/** Hold it once more; NULL is nothing. Returns it. Thread-safe. */
MELE_API mele_left_out *mele_left_out_retain(const mele_left_out *left_out);

/** Let go; who lets go last frees it. NULL is nothing. Thread-safe. */
MELE_API void mele_left_out_free(mele_left_out *left_out);

MELE_API size_t mele_left_out_rows(const mele_left_out *left_out);     /**< n */
MELE_API size_t mele_left_out_clusters(const mele_left_out *left_out); /**< K */
MELE_API size_t mele_left_out_outputs(const mele_left_out *left_out);  /**< M */
MELE_API size_t mele_left_out_classes(const mele_left_out *left_out);  /**< 0: regression */

/** What each expert predicts of each row when that row was not in its training: rows of K M
 *  numbers, output by output for the first expert, then for the next. Means in the units of the
 *  targets that the experts were trained on, or log-probabilities. A row that an expert was not
 *  trained on has that expert's plain prediction; one of which nothing is known (all rows are of
 *  one group; an expert that stays) has NaN. They are the object's and live as long as it does. */
MELE_API mele_rows mele_left_out_mean(const mele_left_out *left_out);

/** The variances of these predictions, noise included, in the same shape; of classes 0 columns. */
MELE_API mele_rows mele_left_out_variance(const mele_left_out *left_out);

/** Which fold row i (from 0) was in when expert k left it out: folds count from 1 within the expert
 *  that answers in region k. 0: the row (its group) was left out by itself, as kinds with a closed
 *  form do, or that expert was not trained on it. */
MELE_API size_t mele_left_out_fold(const mele_left_out *left_out, size_t i, size_t k);

/** n numbers: the group of each row, that was kept whole; groups count from 0 in the order in which
 *  they come. NULL: there were no groups. */
MELE_API const size_t *mele_left_out_groups(const mele_left_out *left_out);

/** Whether these are the experts that were left out.
 * @return MELE_OK; MELE_EDATA: they are others; MELE_ENOMEM. O(their size). */
MELE_API mele_status mele_left_out_check_experts(const mele_left_out *left_out,
                                                 const mele_experts *experts, mele_error *error);

/** Whether these are the rows, in the same order, that the experts were trained on.
 * @param data    what mele_experts_fit() was given; its assignment is not looked at.
 * @param groups  those of its options, or NULL.
 * @return MELE_OK; MELE_EDATA: they are others, or have other weights or groups; MELE_ENOMEM;
 *         MELE_EINVAL: weights; failures of data->x.read. O(n d). */
MELE_API mele_status mele_left_out_check_rows(const mele_left_out *left_out,
                                              const mele_expert_data *data, const size_t *groups,
                                              mele_engine *engine, mele_error *error);

/** Write it to a file, an .npz archive that numpy.load() reads (doc/model-file.md describes it),
 *  with hashes that tell its rows and experts from others. The file appears whole or not at all, as
 *  that of mele_model_write(). The same object gives the same bytes.
 * @return MELE_OK; MELE_EINVAL: no path, or "-"; MELE_EIO: the message is the system's, and the old
 *         file is as it was; MELE_ENOMEM. */
MELE_API mele_status mele_left_out_write(const mele_left_out *left_out, const char *path,
                                         mele_error *error);

/** The same bytes, piece by piece.
 * @return MELE_OK; MELE_ENOMEM; MELE_ESTOPPED: `write` returned false. */
MELE_API mele_status mele_left_out_write_to(const mele_left_out *left_out, mele_write_fn *write,
                                            void *user, mele_error *error);

/** Read what mele_left_out_write() wrote, or numpy.savez() of the same arrays.
 * @param path  a regular file. Messages about what is read call it so.
 * @param out   let go with mele_left_out_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: no path; MELE_EIO; MELE_EDATA: it is something else, damaged, of another version, has
 *         an array that is not known, lacks one, or one does not fit the others; MELE_ENOMEM.
 * Takes at most the memory that the file has bytes, and little more; means and variances beyond 64 MB are
 * looked at once and stay in the file, which is open until all have let go and must not be changed: then
 * mele_left_out_mean() and mele_left_out_variance() are rows that are read. */
MELE_API mele_status mele_left_out_read(const char *path, mele_left_out **out, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
