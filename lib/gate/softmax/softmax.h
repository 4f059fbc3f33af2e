#ifndef MELE_GATE_SOFTMAX_SOFTMAX_H
#define MELE_GATE_SOFTMAX_SOFTMAX_H

#include "gate/columns.h"

/* The state of the kinds posterior, temperature and softmax. */
typedef struct mele_i_softmax {
    size_t clusters;
    double temperature;    /* t >= 0; 0: log p is left out of the logits */
    mele_i_gate_columns z; /* what V sees; none: there is no V and no b */
    double *coefficients;  /* K x (1 + columns): b_k, then row k of V */
    size_t active;         /* of kind sparse: so many of a row's weights, the largest, are not 0 */
} mele_i_softmax;

/* A state with room for so many columns of what V sees (NULL: there is no V), V and b 0. NULL: no
 * memory. */
mele_i_softmax *mele_i_softmax_new(size_t clusters, const mele_i_gate_input *on, size_t columns);
void mele_i_softmax_free(void *state);

/* Of linear forms of z (rows x columns) whose logits have these residuals (rows x forms): gradient[k (1 +
 * columns) + j] += sum_i residual_ik z_ij, z_i0 = 1. panels: so many numbers of memory. */
size_t mele_i_softmax_panels(size_t columns, size_t forms);
void mele_i_softmax_gradient(const double *z, size_t columns, size_t rows, const double *residual,
                             size_t forms, double *panels, double *gradient);

/* Second derivatives, as mele_i_gate_kind has them (curvature.c). */
size_t mele_i_softmax_curvature_sums(const mele_gate *gate);
size_t mele_i_softmax_curvature_scratch(const mele_gate *gate);
void mele_i_softmax_curvature(const mele_gate *gate, const mele_i_gate_rows *rows,
                              const double *second, double *scratch, double *room,
                              double *sums);
void mele_i_softmax_hessian(const mele_gate *gate, const double *sums, double *out);

/* As mele_i_gate_kind has it. */
mele_status mele_i_softmax_reorder(mele_gate *gate, const size_t *order, mele_error *error);

/* ---- the model file (section.c) ---- */

/* keys: of the kind, no others are taken. */
bool mele_i_softmax_save(const mele_i_softmax *state, json_t *section);
mele_status mele_i_softmax_load(const json_t *section, size_t clusters, const char *keys,
                                mele_i_softmax **out, mele_error *error);

#define MELE_I_SOFTMAX_KEYS "kind,clusters,on,temperature,intercept,coefficients,lower,upper"

/* The keys "intercept" and "coefficients" of linear forms: forms x (1 + columns), the constant first.
 * check_forms() is asked before memory is taken for them. */
bool mele_i_softmax_save_forms(const double *coefficients, size_t forms, size_t columns,
                               json_t *section);
mele_status mele_i_softmax_check_forms(const json_t *section, size_t forms, size_t columns,
                                       mele_error *error);
mele_status mele_i_softmax_load_forms(const json_t *section, size_t forms, size_t columns, double *out,
                                      mele_error *error);

#endif
