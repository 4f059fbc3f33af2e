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

/** What mele_options_inherit() copied. */
typedef struct mele_inherited mele_inherited;

/** Everything that can change a model. Strings that the caller sets are the caller's and must
 *  outlive the options; only those that are NULL by default may be NULL. Strings that
 *  mele_options_inherit() took from a model are the options' own: mele_options_clear() frees them,
 *  and a copy by assignment shares them. The seeds of the parts are set from `seed`, their folds by
 *  cross-validation. */
typedef struct mele_options {
    mele_data_options data;
    mele_partition_options partition; /**< clusters N > 0: so many. 0 (default): the best of
                                           clusters_least .. clusters_most; given centres or
                                           responsibilities settle it */
    size_t clusters_least, clusters_most; /**< with clusters 0; 0 and 0 (default): auto, some of
                                           1 .. 32, as many as the rows allow */
    const char *criterion;            /**< what the best number of clusters is: "bic", "icl",
                                           "aic", "silhouette" or "cv" (the cross-validated error of
                                           the whole fit); NULL (default): cv with a target, else
                                           bic */
    const char *cluster_on;           /**< "x" (default), "xy", or a list of features */
    double target_weight;             /**< factor of the scaled targets in "xy"; default 1 */
    const char *scale;                /**< of what is clustered: "standard" (default: mean 0,
                                           standard deviation 1), "minmax" (0 to 1), "none" */
    mele_expert_options experts;      /**< only and freeze are for mele_fit_experts() alone; start,
                                           center, scale and groups are set by fits */
    mele_gate_options gate;
    bool warm_start;                  /**< mele_fit_experts(): mlp, gp and logistic experts start
                                           from those that the model has; default false */
    bool fresh;                       /**< mele_fit_gate(): take these rows as ones that the experts
                                           have not seen, also where they may have; default false */
    const char *centres_file;         /**< what --init names in place of a way to start; fits want
                                           it read: mele_centres_read(). Default NULL */
    const mele_centres *centres;      /**< start stage 1 from these, which number the clusters, as
                                           many as partition.clusters; default NULL */
    uint64_t seed;                    /**< default 1, at most 32 bits */
    uint64_t chosen;                  /**< which options mele_option_set() was given, a bit each */
    mele_inherited *inherited;        /**< NULL (default) until mele_options_inherit() */
} mele_options;

MELE_API mele_options mele_options_defaults(void);

/** Free what the options own; they are then mele_options_defaults(). NULL is nothing. Only options
 *  that inherited own anything. */
MELE_API void mele_options_clear(mele_options *options);

/** What an option belongs to: the data, or the stage that it changes. */
typedef enum mele_option_stage {
    MELE_OPTION_DATA,
    MELE_OPTION_PARTITION,
    MELE_OPTION_EXPERTS,
    MELE_OPTION_GATE
} mele_option_stage;

/** One option as programs and bindings see it. */
typedef struct mele_option {
    const char *name;      /**< "clusters": the long option without its dashes */
    char letter;           /**< 'k', or 0 */
    mele_option_stage stage;
    const char *argument;  /**< "N", "COL[,COL...]"; NULL: a flag */
    const char *help;      /**< one line, lower case, no full stop */
} mele_option;

/** The i-th option, NULL past the last. */
MELE_API const mele_option *mele_option_at(size_t i);

/** Set option i from text, as a command line gives it; flags take NULL. Lists of columns, and of
 *  what counts as missing, keep the pointer; other texts are done with. Members of mele_options
 *  that are no option (such as partition.centres) are set directly.
 * @return MELE_OK; MELE_EINVAL: no such option, or not a value of it (the message says what is). */
MELE_API mele_status mele_option_set(mele_options *options, size_t i, const char *text,
                                     mele_error *error);

/** The value of option i as text that mele_option_set() takes (a flag that is set: "yes"), in
 *  out[size]; returns its length (as snprintf does), or 0 when it has none. */
MELE_API size_t mele_option_text(const mele_options *options, size_t i, char *out, size_t size);

/** The default of option i as people read it, in out[size]; 0: it has none. */
MELE_API size_t mele_option_default(size_t i, char *out, size_t size);

/** The choices of option i as text ("kmeans, gmm"), in out[size]; 0: it has no list of choices. */
MELE_API size_t mele_option_choices(size_t i, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
