#ifndef MELE_OPTIONS_H
#define MELE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/data.h>
#include <mele/expert.h>
#include <mele/gate.h>
#include <mele/partition.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Centres to start stage 1 from, in the data's units. */
typedef struct mele_centres {
    size_t clusters, columns; /**< columns: the design columns that are clustered and, under
                                   cluster_on "xy", the targets, or an indicator a class */
    double *values;           /**< clusters x columns */
} mele_centres;

/** options.gate_rows: train the gate on all rows. */
#define MELE_GATE_ALL_ROWS SIZE_MAX

/** options.family.lambda: chosen by cross-validation. */
#define MELE_LAMBDA_AUTO (-1.0)

/** How the parts of a model are trained, and what only some families look at (<mele/family.h>). Whole
 *  fits alone look at it: mele_fit(), mele_cross_validate(). */
typedef struct mele_family_options {
    const char *name;  /**< one of mele_family(); default "mele", the three stages */
    size_t parameters; /**< one, with mlp: as many hidden units as come nearest to so many parameters;
                            0 (default): experts.hidden */
    size_t em_iterations; /**< families trained by EM: iterations at most, >= 1; boosted-me: 0: its experts and gate
                               are not trained together; default 500 */
    double lambda;     /**< ncl, mnce, gated-ncl: strength of the penalty for experts that err alike, 0 to
                            1; MELE_LAMBDA_AUTO (default): chosen by cross-validation */
    size_t depth;      /**< hme: levels of the tree of gates at most, whose nodes have as few children as make do
                            with them; 1: a flat mixture; 0 (default): as many as binary nodes need */
    bool grow;         /**< hme: grow the tree from one expert; default false: its shape is given from the start */
    size_t active;     /**< sparse: so many experts see a row, those with the largest weights, at most as
                            many as there are; default 2, of one expert 1 */
    double noise;      /**< sparse: standard deviation of the noise on the gate's logits in training, which
                            falls to 0; default 0.3 */
    double balance;    /**< sparse: factor of the penalty for unequal loads, which is 1 where all experts see
                            the same share of rows, and at most clusters; default 0.3 */
    const char *combine; /**< boosted-me: what makes one prediction of what the experts say, "gate" (default) or
                              "mean": all count alike, and nothing is trained after them */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_family_options;

/** Strings that options own. */
typedef struct mele_owned_texts mele_owned_texts;

/** So many steps of refinement as lose least on rows left out. */
#define MELE_REFINE_AUTO ((size_t)-1)

/** Everything that can change a model. A program in C sets members of what mele_options_defaults()
 *  gives; every other language takes options as an object, mele_options_new(), that is set by name
 *  and text, and needs nothing of this structure. Both may be done to the same options.
 *
 *  Strings that the caller sets as members are the caller's and must outlive the options; only
 *  those that are NULL by default may be NULL. Strings that mele_options_set() is given, and those
 *  that mele_options_inherit() takes from a model, are copied and the options' own, until
 *  mele_options_clear() or mele_options_free(). A copy by assignment shares them: it is good as
 *  long as they are, and only one of the two is set by name, and cleared; mele_options_copy() makes
 *  one that stands alone. The seeds of the stages are set from `seed`, their folds by
 *  cross-validation. The functions below that return a status refuse options that are NULL. */
typedef struct mele_options {
    mele_data_options data;
    mele_partition_options partition; /**< clusters N > 0: so many. 0 (default): the best of
                                           clusters_least .. clusters_most; given centres or
                                           responsibilities tell it */
    size_t clusters_least, clusters_most; /**< with clusters 0; 0 and 0 (default): auto, some of
                                           1 .. 32, as many as the rows allow */
    const char *criterion;            /**< what the best number of clusters is: "bic", "icl",
                                           "aic", "silhouette", "cv" (the cross-validated error of
                                           the whole fit) or "nll" (its log density), by which
                                           gates are compared, too; NULL (default): cv with a
                                           target, else bic, or for fcm
                                           silhouette */
    const char *cluster_on;           /**< "x" (default), "xy", or a list of features */
    double target_weight;             /**< factor of the scaled targets in "xy"; default 1 */
    const char *scale;                /**< of what is clustered: "standard" (default: mean 0,
                                           standard deviation 1), "minmax" (0 to 1), "none" */
    mele_expert_options experts;      /**< only and freeze are for mele_fit_experts() alone; start,
                                           center, scale and groups are set by fits */
    const char *expert_features;      /**< a list of features: what experts see, which are given no
                                           other columns of x; NULL (default): all */
    mele_gate_options gate;
    const char *gate_features;        /**< a list of features: what a gate sees that sees features
                                           (gate.on "features" or "both"; others are refused); NULL
                                           (default): all */
    size_t refine;                    /**< steps of EM at most that refine the mixture after stage 3,
                                           experts and gate together, or MELE_REFINE_AUTO; default 0: none.
                                           Experts are linear, logistic or mlp, the gate is softmax
                                           or mlp */
    bool warm_start;                  /**< mele_fit_experts(): mlp, gp and logistic experts start
                                           from those that the model has; default false */
    bool fresh;                       /**< mele_fit_gate(): take these rows as ones that the experts
                                           have not seen, also where they may have; default false */
    size_t gate_rows;                 /**< a gate is trained on a stratified sample of about so many rows
                                           where there are more; 0 (default): as many as its
                                           coefficients need; MELE_GATE_ALL_ROWS: all */
    const char *centres_file;         /**< what --init names in place of a way to start; fits want
                                           it read: mele_centres_read(). Default NULL */
    const mele_centres *centres;      /**< start stage 1 from these, which number the clusters, as
                                           many as partition.clusters; default NULL */
    mele_family_options family;
    uint64_t seed;                    /**< default 1, at most 32 bits */
    uint64_t chosen[4];               /**< which options were set by name, or inherited:
                                           mele_options_given() tells */
    mele_owned_texts *owned;          /**< NULL (default) until then */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_options;

MELE_API mele_options mele_options_defaults(void);

/** Free what the options own; they are then mele_options_defaults(). NULL is nothing. Only options
 *  that were set by name, or inherited, own anything. */
MELE_API void mele_options_clear(mele_options *options);

/* ---- as an object, by names and texts ---- */

/** New options, all of them defaults.
 * @param out  freed with mele_options_free(); untouched on error.
 * @return MELE_OK; MELE_ENOMEM. */
MELE_API mele_status mele_options_new(mele_options **out, mele_error *error);

/** NULL is nothing. For options of mele_options_new() and mele_options_copy() only. */
MELE_API void mele_options_free(mele_options *options);

/** A copy that owns all its strings, also those that were the caller's. What else members point to
 *  (centres, responsibilities, experts to start from, a note function) stays shared.
 * @param out  freed with mele_options_free(); untouched on error.
 * @return MELE_OK; MELE_ENOMEM. */
MELE_API mele_status mele_options_copy(const mele_options *options, mele_options **out,
                                       mele_error *error);

/** Set one option as a command line does: mele_options_set(options, "expert", "gp", &error). There
 *  is no other setter: the programs parse their arguments with this one, and a model's record is
 *  read by it.
 * @param name  as in mele_option_name(), without dashes.
 * @param text  copied; of a flag "yes", "no", or NULL for "yes".
 * @return MELE_OK; MELE_EINVAL: no such option (the message names the nearest), or not a value of
 *         it (the message says what is: the choices, the range); MELE_ENOMEM. The options are then
 *         as they were. Members of mele_options that are no option (such as partition.centres) are
 *         set directly. */
MELE_API mele_status mele_options_set(mele_options *options, const char *name, const char *text,
                                      mele_error *error);

/** The value of an option as text that mele_options_set() takes (a flag that is set: "yes").
 * @param out     size bytes, ended by a zero (size 0: not written to).
 * @param length  NULL, or what the length of the whole text is; 0: it has no value.
 * @return MELE_OK; MELE_EINVAL: no such option. */
MELE_API mele_status mele_options_get(const mele_options *options, const char *name, char *out,
                                      size_t size, size_t *length, mele_error *error);

/** Whether an option was set by name, or inherited from a model. */
MELE_API bool mele_options_given(const mele_options *options, const char *name);

/** Their part that mele_data_read() takes; it is good as long as they are. */
MELE_API const mele_data_options *mele_options_data(const mele_options *options);

/* ---- what options there are ---- */

/** What an option belongs to: the data, the stage that it changes, or the family, which is how all
 *  parts are trained. */
typedef enum mele_option_stage {
    MELE_OPTION_DATA,
    MELE_OPTION_PARTITION,
    MELE_OPTION_EXPERTS,
    MELE_OPTION_GATE,
    MELE_OPTION_FAMILY
} mele_option_stage;

/** What a value of an option is. */
typedef enum mele_option_type {
    MELE_OPTION_TEXT,   /**< text; mele_option_argument() says of what form */
    MELE_OPTION_CHOICE, /**< one of mele_option_choices() */
    MELE_OPTION_FLAG,   /**< "yes" or "no" */
    MELE_OPTION_WHOLE,  /**< a whole number within mele_option_range() */
    MELE_OPTION_NUMBER  /**< a number within mele_option_range(), or a word that
                             mele_option_argument() names */
} mele_option_type;

/** The name of the i-th option: "clusters", the long option without its dashes; NULL past the last.
 *  So all are walked, in the order of --help; the functions below tell of each by its name, and of
 *  a name that is none NULL, 0 or false. All of them are thread-safe. */
MELE_API const char *mele_option_name(size_t i);

MELE_API char mele_option_letter(const char *name);          /**< 'k', or 0: it has none */
MELE_API const char *mele_option_argument(const char *name); /**< "N", "COL[,COL...]"; NULL: a flag */
MELE_API const char *mele_option_help(const char *name);     /**< a line, lower case, no full stop */
MELE_API mele_option_stage mele_option_stage_of(const char *name);
MELE_API mele_option_type mele_option_type_of(const char *name);

/** Whether models record it, so that later stages inherit it; false: it is of one call alone, as
 *  "only", "freeze", "warm-start", "fresh", "folds", "memory" and "by-position" are. */
MELE_API bool mele_option_recorded(const char *name);

/** The range of a whole number or a number, both ends included; false: it has none. An end of
 *  DBL_MAX is any number. */
MELE_API bool mele_option_range(const char *name, double *least, double *most);

/** The choices as text ("kmeans, gmm"), in out[size]; returns the length (as snprintf does); 0: it
 *  has no list of choices. */
MELE_API size_t mele_option_choices(const char *name, char *out, size_t size);

/** The default as people read it, in the same way; 0: it has none. */
MELE_API size_t mele_option_default(const char *name, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
