/* The options of a model as a whole: seed, how many regions, where they are looked for, and what
 * they start from. */
#include "model/own_options.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "partition/options.h"
#include "schema/encode.h"

#define MEMBER(name) MELE_I_MEMBER(mele_options, name)

/* ---- the number of regions: N, A-B or auto ---- */

#define MOST_CLUSTERS 1000000
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)

static bool parse_count(const char *text, size_t length, size_t *out)
{
    double value;

    if (mele_i_number_parse(text, length, &value) != MELE_I_NUMBER_OK || value != floor(value)
        || !(value >= 1 && value <= MOST_CLUSTERS))
        return false;
    *out = (size_t)value;
    return true;
}

static bool set_clusters(void *structure, const char *text)
{
    mele_options *options = structure;
    const char *dash = strchr(text, '-');
    const bool range = dash != NULL && dash != text, any = strcmp(text, "auto") == 0;
    size_t least = 0, most = 0;

    if (range && !(parse_count(text, (size_t)(dash - text), &least)
                   && parse_count(dash + 1, strlen(dash + 1), &most) && least <= most))
        return false;
    if (!range && !any && !parse_count(text, strlen(text), &least))
        return false;
    options->partition.clusters = range ? 0 : least;
    options->clusters_least = range ? least : 0;
    options->clusters_most = range ? most : 0;
    return true;
}

static size_t clusters_text(const void *structure, char *out, size_t size)
{
    const mele_options *options = structure;

    if (options->partition.clusters > 0)
        return (size_t)snprintf(out, size, "%zu", options->partition.clusters);
    if (options->clusters_most > 0)
        return (size_t)snprintf(out, size, "%zu-%zu", options->clusters_least,
                                options->clusters_most);
    return (size_t)snprintf(out, size, "auto");
}

static const mele_i_option_special clusters = {
    .wanted = "a whole number from 1 to " TEXT_OF(MOST_CLUSTERS) ", a range A-B of them, or auto",
    .set = set_clusters, .text = clusters_text, .whole = true};

mele_status mele_i_check_range(const mele_options *options, mele_error *error)
{
    if (options->clusters_most > 0
        && (options->clusters_least == 0 || options->clusters_least > options->clusters_most))
        return mele_i_fail(error, MELE_EINVAL, "clusters from %zu to %zu are no range from 1",
                           options->clusters_least, options->clusters_most);
    return MELE_OK;
}

/* ---- what they start from: a way, or a file of centres ---- */

#define GIVEN "given" /* what a model records of a start that is not chosen by the fit */

/* The way to start of that name; NULL: none. */
static const char *start_named(const char *text)
{
    for (size_t w = 0; mele_i_partition_way(w) != NULL; w++)
        if (strcmp(text, mele_i_partition_way(w)) == 0)
            return mele_i_partition_way(w);
    return strcmp(text, GIVEN) == 0 ? GIVEN : NULL;
}

/* What is no way to start is a file of centres. */
static bool set_start(void *structure, const char *text)
{
    mele_options *options = structure;
    const char *way = start_named(text);

    options->partition.init = way == NULL ? GIVEN : way;
    options->centres_file = way == NULL ? text : NULL;
    return true;
}

bool mele_i_start_is_given(const mele_options *options)
{
    const mele_partition_options *partition = &options->partition;

    return options->centres != NULL || options->centres_file != NULL || partition->centres != NULL
           || partition->responsibilities != NULL
           || (partition->init != NULL && strcmp(partition->init, GIVEN) == 0);
}

static size_t start_text(const void *structure, char *out, size_t size)
{
    const mele_options *options = structure;

    return (size_t)snprintf(out, size, "%s",
                            mele_i_start_is_given(options)
                                ? GIVEN
                                : mele_i_partition_start(&options->partition));
}

static const char **start_string(void *structure)
{
    return &((mele_options *)structure)->centres_file;
}

static bool start_recorded(const char *text)
{
    return start_named(text) != NULL;
}

static const mele_i_option_special start = {
    .wanted = "a way to start, or a file", .set = set_start, .text = start_text,
    .string = start_string, .recorded = start_recorded};

/* ---- the rows that a gate is trained on: N or all ---- */

#define ALL_ROWS "all"

static bool set_gate_rows(void *structure, const char *text)
{
    mele_options *options = structure;
    double value;

    if (strcmp(text, ALL_ROWS) == 0) {
        options->gate_rows = MELE_GATE_ALL_ROWS;
        return true;
    }
    if (mele_i_number_parse(text, strlen(text), &value) != MELE_I_NUMBER_OK || value != floor(value)
        || !(value >= 1 && value <= 0x1p53))
        return false;
    options->gate_rows = (size_t)value;
    return true;
}

static size_t gate_rows_text(const void *structure, char *out, size_t size)
{
    const size_t rows = ((const mele_options *)structure)->gate_rows;

    if (rows == 0)
        return (size_t)snprintf(out, size, "%s", "");
    return rows == MELE_GATE_ALL_ROWS ? (size_t)snprintf(out, size, ALL_ROWS)
                                      : (size_t)snprintf(out, size, "%zu", rows);
}

static const mele_i_option_special gate_rows = {
    .wanted = "a whole number from 1, or " ALL_ROWS, .set = set_gate_rows, .text = gate_rows_text,
    .whole = true};

/* ---- refinement: N steps, or auto ---- */

#define MOST_STEPS 1000000

static bool set_refine(void *structure, const char *text)
{
    mele_options *options = structure;
    double value;

    if (strcmp(text, "auto") == 0) {
        options->refine = MELE_REFINE_AUTO;
        return true;
    }
    if (mele_i_number_parse(text, strlen(text), &value) != MELE_I_NUMBER_OK || value != floor(value)
        || !(value >= 0 && value <= MOST_STEPS))
        return false;
    options->refine = (size_t)value;
    return true;
}

/* None is not given. */
static size_t refine_text(const void *structure, char *out, size_t size)
{
    const mele_options *options = structure;

    if (options->refine == MELE_REFINE_AUTO)
        return (size_t)snprintf(out, size, "auto");
    return options->refine == 0 ? 0 : (size_t)snprintf(out, size, "%zu", options->refine);
}

static const mele_i_option_special refinement = {
    .wanted = "a whole number from 0 to " TEXT_OF(MOST_STEPS) ", or auto", .set = set_refine,
    .text = refine_text, .whole = true};

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(text, *list) == 0)
            return true;
    return false;
}

mele_status mele_i_check_refine(const mele_options *options, mele_error *error)
{
    static const char *const experts[] = {"linear", "logistic", "mlp", NULL},
                            *const gates[] = {"softmax", "mlp", "auto", NULL};
    const char *kind = options->experts.kind, *gate = options->gate.kind;

    if (options->refine == 0)
        return MELE_OK;
    if (options->refine > MOST_STEPS && options->refine != MELE_REFINE_AUTO)
        return mele_i_fail(error, MELE_EINVAL, "refine is %zu, not at most %d", options->refine,
                           MOST_STEPS);
    if (kind != NULL && !is_one_of(kind, experts))
        return mele_i_fail(error, MELE_EINVAL, "--refine trains the experts by EM, which \"%s\" experts "
                           "are not: take linear, logistic or mlp (--expert)", kind);
    if (!is_one_of(gate, gates))
        return mele_i_fail(error, MELE_EINVAL, "--refine trains the gate together with the experts, "
                           "which a \"%s\" gate is not: take softmax or mlp (--gate)", gate);
    if (options->experts.ridge == MELE_RIDGE_GCV)
        return mele_i_fail(error, MELE_EINVAL, "--refine keeps one ridge through all its steps, and "
                           "--ridge gcv chooses several: give a number (--ridge L)");
    return MELE_OK;
}

/* ---- the tables ---- */

MELE_I_CHOICES(criteria, "bic", "icl", "aic", "silhouette", "cv", "nll")

static const mele_i_option run[] = {
    {.name = "seed", .argument = "N",
     .help = "of all random choices",
     MEMBER(seed), .type = MELE_I_SEED, .least = 0, .most = UINT32_MAX},
};

static const mele_i_option choice[] = {
    {.name = "clusters", .letter = 'k', .argument = "N|A-B|auto",
     .help = "how many regions, or the best number from A to B, or of 1, 2, 3, 4, 6, 8, 12, 16, "
     "24, 32 with at least 20 rows each",
     .type = MELE_I_SPECIAL, .special = &clusters},
    {.name = "criterion", .argument = "NAME",
     .help = "what chooses the number of regions (default: cv, the error of the mixture on rows left "
     "out, when there is a target, else bic, or silhouette of fcm), and with cv, or nll, its log density, the gate, too",
     MEMBER(criterion), .type = MELE_I_CHOICE, .choice = criteria, .optional = true},
};

static const mele_i_option space[] = {
    {.name = "cluster-on", .argument = "x|xy|COL[,COL...]",
     .help = "what to cluster: the features, with the targets, or some of the features",
     MEMBER(cluster_on), .type = MELE_I_TEXT},
    {.name = "y-weight", .argument = "W",
     .help = "of the scaled targets under --cluster-on xy",
     MEMBER(target_weight), .type = MELE_I_NUMBER, .least = 0, .most = DBL_MAX},
    {.name = "scale", .argument = "KIND",
     .help = "of the columns that are clustered",
     MEMBER(scale), .type = MELE_I_CHOICE, .choice = mele_i_scale_kind_at},
    {.name = "init", .argument = "kmeans++|random|plane|FILE",
     .help = "the first centres: well apart, any rows, a grid on the plane of the first two principal "
     "components, or those of a CSV file in the data's units, a row for each region (som: plane; random: "
     "random)",
     .type = MELE_I_SPECIAL, .special = &start},
};

static const mele_i_option experts[] = {
    {.name = "expert-features", .argument = "COL[,COL...]",
     .help = "the features that experts see (default: all)",
     MEMBER(expert_features), .type = MELE_I_TEXT, .optional = true},
    {.name = "warm-start",
     .help = "mlp, gp and logistic experts start from those of MODEL",
     MEMBER(warm_start), .type = MELE_I_FLAG, .passing = true},
};

static const mele_i_option gate[] = {
    {.name = "gate-features", .argument = "COL[,COL...]",
     .help = "what --on features and --on both mean by features (default: all)",
     MEMBER(gate_features), .type = MELE_I_TEXT, .optional = true},
    {.name = "gate-rows", .argument = "N|all",
     .help = "train the gate on a sample of about N rows where there are more, of every region some "
     "(default: 200 for each coefficient of the gate, at least 20000; beyond 200000 fewer, but 50)",
     .type = MELE_I_SPECIAL, .special = &gate_rows},
    {.name = "refine", .argument = "N|auto",
     .help = "steps of EM at most, of the experts and a softmax or mlp gate together, or as many of 0, 1, "
     "2, 4, .. 128 as predict rows left out best (default: 0)",
     .type = MELE_I_SPECIAL, .special = &refinement},
    {.name = "fresh",
     .help = "these are rows that the experts have not seen, also where they look as if some were "
     "theirs",
     MEMBER(fresh), .type = MELE_I_FLAG, .passing = true},
};

const mele_i_option_table *mele_i_own_options_at(size_t i)
{
    static const mele_i_option_table tables[] = {
        [MELE_I_OPTIONS_OF_RUN] = MELE_I_OPTION_TABLE(run),
        [MELE_I_OPTIONS_OF_CHOICE] = MELE_I_OPTION_TABLE(choice),
        [MELE_I_OPTIONS_OF_SPACE] = MELE_I_OPTION_TABLE(space),
        [MELE_I_OPTIONS_OF_EXPERTS] = MELE_I_OPTION_TABLE(experts),
        [MELE_I_OPTIONS_OF_GATE] = MELE_I_OPTION_TABLE(gate),
    };

    return i < sizeof tables / sizeof *tables ? &tables[i] : NULL;
}
