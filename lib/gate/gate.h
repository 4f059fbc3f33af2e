#ifndef MELE_GATE_GATE_H
#define MELE_GATE_GATE_H

#include <jansson.h>
#include <mele/gate.h>

/* What a gate of these options sees; NULL: it sees nothing that could be chosen, or is auto. */
const char *mele_i_gate_on(const mele_gate_options *options);

/* Whether a gate of these options, which have been checked, is trained, or, auto, may be: else what the loss
 * needs is only for the loss. */
bool mele_i_gate_is_trained(const mele_gate_options *options);

/* options->start, without training, as a gate of these data, whose limits become those of its columns;
 * info: its loss and penalty. Else as mele_gate_fit(). */
mele_status mele_i_gate_restate(const mele_gate_data *data, const mele_gate_options *options,
                                mele_engine *engine, mele_gate **out, mele_gate_info *info,
                                mele_error *error);

/* How many coefficients a gate of these options, which have been checked, has between so many clusters, for
 * so many columns of x, where log posteriors are there or are not. MELE_ENOMEM. */
mele_status mele_i_gate_coefficients(const mele_gate_options *options, size_t clusters, size_t columns,
                                     bool posteriors, size_t *out, mele_error *error);
/* mele_gate_fit() of any kind but auto. */
mele_status mele_i_gate_fit(const mele_gate_data *data, const mele_gate_options *options,
                            mele_engine *engine, mele_gate **out, mele_gate_info *info,
                            mele_error *error);

/* What auto comes to, by folds of the gate alone: *settled, with what it was chosen from in *info, none where
 * nothing can be left out. Options have been checked; on failure both are as they were. */
mele_status mele_i_gate_choose(const mele_gate_data *data, const mele_gate_options *options,
                               mele_engine *engine, mele_gate_options *settled, mele_gate_info *info,
                               mele_error *error);

/* Whether the global expert predicts under a gate of these options. */
bool mele_i_gate_asks_global(const mele_gate_options *options);

/* Whether a gate of these options is not trained on left-out predictions; blind: for there are none, so that it
 * is the one that training would start from. *settled: the options of the gate that it then is, or the
 * same. */
bool mele_i_gate_is_untrained(const mele_gate_options *options, bool blind, mele_gate_options *settled);

/* A tree with one more expert, the last: it and `expert` are the children of a node in the place of that one's
 * leaf. form (1 + features, the constant first, in the units of the features; NULL: 0): the logit of `expert`
 * beside the new one. Of a gate of kind tree. MELE_ENOMEM. */
mele_status mele_i_gate_split(const mele_gate *gate, size_t expert, const double *form, mele_gate **out,
                              mele_error *error);

/* The levels of a tree of so many experts whose nodes have two children, than which none has more: ceil(log2 K), 1 at
 * least. */
size_t mele_i_gate_most_levels(size_t experts);

/* A node of a tree, from the root, 0: a parent comes before its children, which stand together. */
typedef struct mele_i_gate_node {
    size_t parent, first, count; /* its children: first .. first + count - 1 */
    size_t expert;               /* of a leaf */
    const double *coefficients;  /* 1 + features: of the logit beside its siblings', the constant first, in the
                                    units of the features; the root has none: NULL */
} mele_i_gate_node;

/* How many nodes a gate has: 0 of one that is no tree. And all of them to out. */
size_t mele_i_gate_nodes(const mele_gate *gate);
void mele_i_gate_get_nodes(const mele_gate *gate, mele_i_gate_node *out);

/* How many of its numbers are free: coefficients, but for those that a softmax leaves undetermined. Weights of
 * a constant gate are none: they are given. */
size_t mele_i_gate_freedom(const mele_gate *gate);

/* The section "gate" of a model: a new reference, NULL when memory ran out. */
json_t *mele_i_gate_save(const mele_gate *gate);
mele_status mele_i_gate_load(const json_t *section, mele_gate **out, mele_error *error);

/* A line for people, as snprintf() writes it. */
size_t mele_i_gate_text(const mele_gate *gate, char *out, size_t size);

/* Whether a gate of these options, which have been checked, may see features: one that is yet to be
 * chosen, and is no kind, may. */
bool mele_i_gate_sees_features(const mele_gate_options *options);

/* Whether a gate of these options, trained where no log posteriors are, does without. */
bool mele_i_gate_does_without(const mele_gate_options *options);

/* Whether the global expert predicts in place of the blend. */
bool mele_i_gate_is_global(const mele_gate *gate);

/* As mele_gate_log_weights(), on the calling thread, of log posteriors that are normalised
 * already. */
mele_status mele_i_gate_log_weights(const mele_gate *gate, const double *log_posteriors,
                                    const mele_matrix *x, size_t rows, double *out,
                                    mele_error *error);

#endif
