/* The one table of options: what getopt accepts, what --help prints, what a model records and a
 * later stage inherits all come from here. */
#include "model/options.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "core/utf8.h"

typedef enum option_type {
    TEXT,
    CHOICE,
    START,
    CHARACTER,
    MARK,
    FLAG_OFF,
    COUNT,
    SEED,
    NUMBER,
    RIDGE,
    CLUSTERS
} option_type;

typedef const char *choice_fn(size_t i);

typedef struct option_row {
    mele_option public;
    option_type type;
    size_t offset;
    double least, most; /* COUNT, SEED, NUMBER, RIDGE, CLUSTERS */
    choice_fn *choice;  /* CHOICE */
    bool frozen;        /* stage 1 settles it, also by its absence */
} option_row;

static const char *pick(const char *const *list, size_t count, size_t i)
{
    return i < count ? list[i] : NULL;
}

#define CHOICES(function, ...)                                                                     \
    static const char *function(size_t i)                                                          \
    {                                                                                              \
        static const char *const list[] = {__VA_ARGS__};                                           \
        return pick(list, sizeof list / sizeof *list, i);                                          \
    }

CHOICES(tasks, "regression", "classification")
CHOICES(policies, "fail", "drop", "mean")
CHOICES(scales, "standard", "minmax", "none")
CHOICES(assignments, "hard", "soft")
CHOICES(solvers, "qr", "normal")
CHOICES(activations, "tanh", "logistic", "relu")
CHOICES(trainers, "lm", "bfgs", "adam")
CHOICES(kernels, "squared-exponential", "matern52")
CHOICES(small_rules, "global", "shrink", "merge")
CHOICES(criteria, "bic", "icl", "aic", "silhouette", "cv")

#define LEAST_FLOOR 1e-15 /* a smaller variance is lost in the rounding of the largest */

#define AT(member) offsetof(mele_options, member)
#define DATA MELE_OPTION_DATA
#define PARTITION MELE_OPTION_PARTITION
#define EXPERTS MELE_OPTION_EXPERTS
#define GATE MELE_OPTION_GATE

static const option_row table[] = {
    {{"target", 't', DATA, "COL[,COL...]", "what to predict (several: multi-output regression)"},
     TEXT, AT(data.target), 0, 0, NULL, false},
    {{"features", 'x', DATA, "COL[,COL...]", "what to predict from (default: every other column)"},
     TEXT, AT(data.features), 0, 0, NULL, true},
    {{"ignore", 0, DATA, "COL[,COL...]", "columns to leave out"},
     TEXT, AT(data.ignore), 0, 0, NULL, true},
    {{"weights", 'w', DATA, "COL", "row weights, >= 0, in any unit"}, TEXT, AT(data.weights), 0, 0, NULL, false},
    {{"id", 0, DATA, "COL", "column that is passed through to predictions"},
     TEXT, AT(data.id), 0, 0, NULL, false},
    {{"group", 0, DATA, "COL", "rows with the same value are left out together, wherever rows are"},
     TEXT, AT(data.group), 0, 0, NULL, false},
    {{"task", 0, DATA, "TASK", "what the target is (default: text means classes)"},
     CHOICE, AT(data.task), 0, 0, tasks, false},
    {{"categorical", 0, DATA, "COL[,COL...]", "number-looking columns that are categories"},
     TEXT, AT(data.categorical), 0, 0, NULL, true},
    {{"na", 0, DATA, "STR[,STR...]", "what counts as missing"},
     TEXT, AT(data.table.missing), 0, 0, NULL, false},
    {{"missing", 0, DATA, "POLICY", "rows with missing values, when fitting"},
     CHOICE, AT(data.missing), 0, 0, policies, false},
    {{"delimiter", 'd', DATA, "CHAR", "between fields (default: comma, semicolon or tab, "
      "whichever the first line has most often)"},
     CHARACTER, AT(data.table.delimiter), 0, 0, NULL, false},
    {{"decimal", 0, DATA, "CHAR", "the decimal mark, . or , (default: .)"},
     MARK, AT(data.table.decimal), 0, 0, NULL, false},
    {{"no-header", 0, DATA, NULL, "the first line is data; columns are x1, x2, ..."},
     FLAG_OFF, AT(data.table.header), 0, 0, NULL, false},
    {{"seed", 0, DATA, "N", "of all random choices"}, SEED, AT(seed), 0, UINT32_MAX, NULL, false},

    {{"clusters", 'k', PARTITION, "N|A-B|auto", "how many regions, or the best number from A to B, "
      "or of 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 with at least 20 rows each"},
     CLUSTERS, AT(partition.clusters), 1, 1e6, NULL, false},
    {{"criterion", 0, PARTITION, "NAME", "what the best number of regions is (default: cv, the "
      "cross-validated error of the mixture, when there is a target, else bic)"},
     CHOICE, AT(criterion), 0, 0, criteria, false},
    {{"method", 0, PARTITION, "NAME", "how to find them"},
     CHOICE, AT(partition.method), 0, 0, mele_partition_method, false},
    {{"covariance", 0, PARTITION, "KIND", "of a gmm's components"},
     CHOICE, AT(partition.covariance), 0, 0, mele_partition_covariance, false},
    {{"covariance-floor", 0, PARTITION, "F", "least variance of a gmm's component in any "
      "direction, relative to the mean variance of the columns, from 1e-15 to 1"},
     NUMBER, AT(partition.covariance_floor), LEAST_FLOOR, 1, NULL, false},
    {{"shrinkage", 0, PARTITION, "S", "how far a gmm's covariances are drawn towards spheres of "
      "their size, from 0 (not) to 1"},
     NUMBER, AT(partition.shrinkage), 0, 1, NULL, false},
    {{"cluster-on", 0, PARTITION, "x|xy|COL[,COL...]", "what to cluster: the features, with the "
      "targets, or some of the features"},
     TEXT, AT(cluster_on), 0, 0, NULL, false},
    {{"y-weight", 0, PARTITION, "W", "of the scaled targets under --cluster-on xy"},
     NUMBER, AT(target_weight), 0, DBL_MAX, NULL, false},
    {{"scale", 0, PARTITION, "KIND", "of the columns that are clustered"},
     CHOICE, AT(scale), 0, 0, scales, false},
    {{"init", 0, PARTITION, "kmeans++|random|FILE", "the first centres: well apart, any rows, or "
      "those of a CSV file in the data's units, a row for each region"},
     START, AT(partition.init), 0, 0, NULL, false},
    {{"restarts", 0, PARTITION, "N", "starts, of which the best result wins"},
     COUNT, AT(partition.restarts), 1, 1e6, NULL, false},
    {{"max-iter", 0, PARTITION, "N", "iterations of a start at most"},
     COUNT, AT(partition.max_iterations), 1, 1e9, NULL, false},
    {{"tol", 0, PARTITION, "T", "converged when the centres move less (kmeans: relative to the "
      "variance) or the mean log-likelihood gains less (gmm)"},
     NUMBER, AT(partition.tolerance), 0, DBL_MAX, NULL, false},

    {{"expert", 0, EXPERTS, "KIND", "one in each region (default: linear, for classes logistic)"},
     CHOICE, AT(experts.kind), 0, 0, mele_expert_kind, false},
    {{"assign", 0, EXPERTS, "HOW", "an expert's rows: its region's, or all by posterior"},
     CHOICE, AT(experts.assign), 0, 0, assignments, false},
    {{"degree", 0, EXPERTS, "N", "linear, logistic: 1, or 2 with squares and products of columns"},
     COUNT, AT(experts.degree), 1, 2, NULL, false},
    {{"ridge", 0, EXPERTS, "L|gcv", "penalty on squared standardised coefficients, for mlp on all "
      "weights, or (linear) chosen a region by generalised cross-validation"},
     RIDGE, AT(experts.ridge), 0, DBL_MAX, NULL, false},
    {{"solver", 0, EXPERTS, "NAME", "linear: of least squares"},
     CHOICE, AT(experts.solver), 0, 0, solvers, false},
    {{"hidden", 0, EXPERTS, "N", "mlp: hidden units, 1 to 1024"},
     COUNT, AT(experts.hidden), 1, 1024, NULL, false},
    {{"networks", 0, EXPERTS, "N", "mlp: the best N of at least as many starts, their outputs "
      "averaged, 1 to 1024 (default: one)"},
     COUNT, AT(experts.networks), 1, 1024, NULL, false},
    {{"activation", 0, EXPERTS, "NAME", "mlp: of the hidden units"},
     CHOICE, AT(experts.activation), 0, 0, activations, false},
    {{"trainer", 0, EXPERTS, "NAME", "mlp: Levenberg-Marquardt (regression only), limited-memory "
      "BFGS, or mini-batches (default: by the rows and the weights)"},
     CHOICE, AT(experts.trainer), 0, 0, trainers, false},
    {{"max-epochs", 0, EXPERTS, "N", "mlp: passes over the rows (adam), or iterations, at most "
      "(default: the trainer's own)"},
     COUNT, AT(experts.max_epochs), 1, 1e9, NULL, false},
    {{"batch", 0, EXPERTS, "N", "mlp, adam: rows of a mini-batch"},
     COUNT, AT(experts.batch), 1, 1e9, NULL, false},
    {{"rate", 0, EXPERTS, "R", "mlp, adam: the first step size"},
     NUMBER, AT(experts.rate), 1e-12, 1e3, NULL, false},
    {{"holdout", 0, EXPERTS, "SHARE", "mlp: of the rows, that early stopping watches, from 0 "
      "(none) to 0.5 (default: by the rows)"},
     NUMBER, AT(experts.holdout), 0, 0.5, NULL, false},
    {{"kernel", 0, EXPERTS, "NAME", "gp: of the covariances"},
     CHOICE, AT(experts.kernel), 0, 0, kernels, false},
    {{"kernel-terms", 0, EXPERTS, "N", "gp: the covariance is the sum of N kernels, each with its "
      "own lengths and variance, 1 to 4, or one where that predicts rows between those of a grid "
      "better"},
     COUNT, AT(experts.terms), 1, 4, NULL, false},
    {{"gp-rows", 0, EXPERTS, "N", "gp: rows of a region that are used at most, 2 to 20000"},
     COUNT, AT(experts.most_rows), 2, 20000, NULL, false},
    {{"expert-restarts", 0, EXPERTS, "N", "mlp, gp: starts, of which the best result wins"},
     COUNT, AT(experts.restarts), 1, 1e6, NULL, false},
    {{"min-rows", 0, EXPERTS, "N", "regions with fewer are too small (--small); 0: as many as a "
      "linear expert has coefficients, at most 5"},
     COUNT, AT(experts.min_rows), 0, 1e9, NULL, false},
    {{"small", 0, EXPERTS, "RULE", "what a region too small gets: the global expert, an own one "
      "drawn towards it, or that of the next region, with its rows"},
     CHOICE, AT(experts.small), 0, 0, small_rules, false},

    {{"gate", 0, GATE, "KIND", "how posteriors become weights"},
     CHOICE, AT(gate.kind), 0, 0, mele_gate_kind, false},
    {{"on", 0, GATE, "INPUT", "what the softmax gate sees"},
     CHOICE, AT(gate.on), 0, 0, mele_gate_input, false},
    {{"loss", 0, GATE, "LOSS", "what the gate minimises"},
     CHOICE, AT(gate.loss), 0, 0, mele_gate_loss, false},
    {{"gate-ridge", 0, GATE, "L", "pull of the gate towards the posteriors"},
     NUMBER, AT(gate.ridge), 0, DBL_MAX, NULL, false},
    {{"gate-max-iter", 0, GATE, "N", "iterations of the gate's training at most"},
     COUNT, AT(gate.max_iterations), 1, 1e9, NULL, false},
};

#define OPTIONS (sizeof table / sizeof *table)
_Static_assert(OPTIONS <= 64, "mele_options.chosen has a bit for each option");

mele_options mele_options_defaults(void)
{
    mele_options options = {.cluster_on = "x", .target_weight = 1, .scale = "standard", .seed = 1};

    options.data = mele_data_defaults();
    options.partition = mele_partition_defaults();
    options.partition.clusters = 0;
    options.experts = mele_expert_defaults();
    options.gate = mele_gate_defaults();
    return options;
}

const mele_option *mele_option_at(size_t i)
{
    return i < OPTIONS ? &table[i].public : NULL;
}

size_t mele_option_choices(size_t i, char *out, size_t size)
{
    size_t length = 0;

    for (size_t c = 0; i < OPTIONS && table[i].type == CHOICE && table[i].choice(c) != NULL; c++) {
        char *at = length < size ? out + length : NULL;
        length += (size_t)snprintf(at, at == NULL ? 0 : size - length, "%s%s", c == 0 ? "" : ", ",
                                   table[i].choice(c));
    }
    return length;
}

const char **mele_i_option_string(mele_options *options, size_t i)
{
    return i < OPTIONS && table[i].type == TEXT
               ? (const char **)((char *)options + table[i].offset) : NULL;
}

/* ---- from text ---- */

static mele_status refuse(size_t i, const char *text, const char *wanted, mele_error *error)
{
    return mele_i_fail(error, MELE_EINVAL, "--%s is \"%s\", not %s", table[i].public.name, text,
                       wanted);
}

static mele_status parse_choice(size_t i, const char *text, const char **out, mele_error *error)
{
    char choices[256];

    for (size_t c = 0; table[i].choice(c) != NULL; c++)
        if (strcmp(table[i].choice(c), text) == 0) {
            *out = table[i].choice(c);
            return MELE_OK;
        }
    mele_option_choices(i, choices, sizeof choices);
    return mele_i_fail(error, MELE_EINVAL, "--%s is \"%s\", not one of %s", table[i].public.name,
                       text, choices);
}

static mele_status parse_number(size_t i, const char *text, bool whole, double *out,
                                mele_error *error)
{
    const option_row *row = &table[i];
    char wanted[128];
    double value;

    if (row->most == DBL_MAX)
        snprintf(wanted, sizeof wanted, "a number from %g%s", row->least,
                 row->type == RIDGE ? ", or gcv" : "");
    else
        snprintf(wanted, sizeof wanted, "a %snumber from %.10g to %.10g", whole ? "whole " : "",
                 row->least, row->most);
    if (mele_i_number_parse(text, strlen(text), &value) != MELE_I_NUMBER_OK
        || !(value >= row->least && value <= row->most) || (whole && value != floor(value)))
        return refuse(i, text, wanted, error);
    *out = value;
    return MELE_OK;
}

/* N, A-B or auto. */
static mele_status parse_clusters(size_t i, const char *text, mele_options *options,
                                  mele_error *error)
{
    const char *dash = strchr(text, '-');
    const bool range = dash != NULL && dash != text;
    double least = 0, most = 0;

    if (strcmp(text, "auto") != 0) {
        const size_t length = range ? (size_t)(dash - text) : strlen(text);
        const char *second = range ? dash + 1 : text;
        if (mele_i_number_parse(text, length, &least) != MELE_I_NUMBER_OK
            || mele_i_number_parse(second, strlen(second), &most) != MELE_I_NUMBER_OK
            || least != floor(least) || most != floor(most) || !(least >= table[i].least)
            || !(most <= table[i].most) || !(least <= most))
            return refuse(i, text, "a whole number from 1 to 1000000, a range A-B of them, or auto",
                          error);
    }
    options->partition.clusters = range ? 0 : (size_t)least;
    options->clusters_least = range ? (size_t)least : 0;
    options->clusters_most = range ? (size_t)most : 0;
    return MELE_OK;
}

static mele_status parse_character(size_t i, const char *text, char *out, mele_error *error)
{
    char character = strcmp(text, "\\t") == 0 ? '\t' : text[0];

    if (text[0] == '\0' || (text[1] != '\0' && character != '\t')
        || strchr("\"\r\n \\", character) != NULL || (character & 0x80))
        return refuse(i, text, "one character that can delimit fields", error);
    *out = character;
    return MELE_OK;
}

static mele_status parse_mark(size_t i, const char *text, char *out, mele_error *error)
{
    if (strcmp(text, ".") != 0 && strcmp(text, ",") != 0)
        return refuse(i, text, "a point or a comma", error);
    *out = text[0];
    return MELE_OK;
}

#define GIVEN "given" /* what a model records of a start that is not chosen by the fit */

/* The way to start of that name; NULL: none. */
static const char *start_named(const char *text)
{
    static const char *const ways[] = {"kmeans++", "random", GIVEN};

    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        if (strcmp(text, ways[w]) == 0)
            return ways[w];
    return NULL;
}

/* What is no way to start is a file of centres. */
static void set_start(mele_options *options, const char *text)
{
    const char *way = start_named(text);

    options->partition.init = way == NULL ? GIVEN : way;
    options->centres_file = way == NULL ? text : NULL;
}

static const char *start_text(const mele_options *options)
{
    const mele_partition_options *partition = &options->partition;
    bool given = options->centres != NULL || options->centres_file != NULL
                 || partition->centres != NULL || partition->responsibilities != NULL;

    return given ? GIVEN : partition->init;
}

mele_status mele_option_set(mele_options *options, size_t i, const char *text, mele_error *error)
{
    mele_status status = MELE_OK;
    double number = 0;

    if (i >= OPTIONS || (text == NULL && table[i].type != FLAG_OFF))
        return mele_i_fail(error, MELE_EINVAL, i >= OPTIONS ? "there is no option %zu"
                                                            : "option %zu is given no text", i);
    const option_row *row = &table[i];
    void *member = (char *)options + row->offset;
    switch (row->type) {
    case TEXT:
        if (!mele_i_is_utf8(text))
            return refuse(i, text, "UTF-8", error);
        *(const char **)member = text;
        break;
    case CHOICE: status = parse_choice(i, text, member, error); break;
    case START: set_start(options, text); break;
    case CHARACTER: status = parse_character(i, text, member, error); break;
    case MARK: status = parse_mark(i, text, member, error); break;
    case FLAG_OFF: *(bool *)member = false; break;
    case COUNT:
    case SEED:
        status = parse_number(i, text, true, &number, error);
        if (status == MELE_OK && row->type == COUNT)
            *(size_t *)member = (size_t)number;
        else if (status == MELE_OK)
            *(uint64_t *)member = (uint64_t)number;
        break;
    case NUMBER: status = parse_number(i, text, false, member, error); break;
    case RIDGE:
        if (strcmp(text, "gcv") == 0)
            *(double *)member = MELE_RIDGE_GCV;
        else
            status = parse_number(i, text, false, member, error);
        break;
    case CLUSTERS: status = parse_clusters(i, text, options, error); break;
    }
    if (status == MELE_OK)
        options->chosen |= (uint64_t)1 << i;
    return status;
}

/* ---- to text ---- */

static size_t clusters_text(const mele_options *options, char *out, size_t size)
{
    if (options->partition.clusters > 0)
        return (size_t)snprintf(out, size, "%zu", options->partition.clusters);
    if (options->clusters_most > 0)
        return (size_t)snprintf(out, size, "%zu-%zu", options->clusters_least,
                                options->clusters_most);
    return (size_t)snprintf(out, size, "auto");
}

static size_t number_text(double value, char *out, size_t size)
{
    char text[MELE_I_NUMBER_ROOM];
    int length = (int)mele_i_number_print(value, text);

    return (size_t)snprintf(out, size, "%.*s", length, text);
}

size_t mele_option_text(const mele_options *options, size_t i, char *out, size_t size)
{
    const char *text = NULL;
    char character[3] = "";

    if (i >= OPTIONS)
        return 0;
    const option_row *row = &table[i];
    const void *member = (const char *)options + row->offset;
    switch (row->type) {
    case TEXT:
    case CHOICE: text = *(const char *const *)member; break;
    case START: text = start_text(options); break;
    case CHARACTER:
    case MARK:
        character[0] = *(const char *)member;
        text = character[0] == '\0' ? NULL : character[0] == '\t' ? "\\t" : character;
        break;
    case FLAG_OFF: text = *(const bool *)member ? NULL : "yes"; break;
    case COUNT:
        if ((double)*(const size_t *)member >= row->least)
            return (size_t)snprintf(out, size, "%zu", *(const size_t *)member);
        break;
    case SEED: return (size_t)snprintf(out, size, "%ju", (uintmax_t) * (const uint64_t *)member);
    case RIDGE:
    case NUMBER:
        if (*(const double *)member >= 0)
            return number_text(*(const double *)member, out, size);
        if (row->type == RIDGE && *(const double *)member == MELE_RIDGE_GCV)
            text = "gcv";
        break;
    case CLUSTERS: return clusters_text(options, out, size);
    }
    if (size > 0)
        out[0] = '\0';
    return text == NULL ? 0 : (size_t)snprintf(out, size, "%s", text);
}

/* Kinds of experts that have a ridge have one of their own. */
static size_t ridge_defaults(char *out, size_t size)
{
    size_t length = 0;

    for (size_t k = 0; mele_expert_kind(k) != NULL; k++) {
        char number[MELE_I_NUMBER_ROOM + 1];
        if (!(mele_expert_ridge(k) >= 0))
            continue;
        number_text(mele_expert_ridge(k), number, sizeof number);
        char *at = length < size ? out + length : NULL;
        length += (size_t)snprintf(at, at == NULL ? 0 : size - length, "%s%s %s",
                                   length == 0 ? "" : ", ", mele_expert_kind(k), number);
    }
    return length;
}

size_t mele_option_default(size_t i, char *out, size_t size)
{
    const mele_options defaults = mele_options_defaults();

    return i < OPTIONS && table[i].type == RIDGE ? ridge_defaults(out, size)
                                                 : mele_option_text(&defaults, i, out, size);
}

/* ---- the record of a model ---- */

#define TEXT_ROOM 64

/* The value as the record holds it: numbers as numbers, a flag as true, the rest as text; NULL when
 * memory ran out. Only for options that have a value. */
static json_t *record_value(const mele_options *options, size_t i)
{
    const void *member = (const char *)options + table[i].offset;
    char text[TEXT_ROOM];

    switch (table[i].type) {
    case TEXT:
    case CHOICE: return json_string(*(const char *const *)member);
    case START: return json_string(start_text(options));
    case COUNT: return json_integer((json_int_t) * (const size_t *)member);
    case SEED: return json_integer((json_int_t) * (const uint64_t *)member);
    case FLAG_OFF: return json_true();
    case NUMBER:
    case RIDGE:
        if (*(const double *)member >= 0)
            return json_real(*(const double *)member);
        break;
    case CLUSTERS:
        if (options->partition.clusters > 0)
            return json_integer((json_int_t)options->partition.clusters);
        break;
    case CHARACTER:
    case MARK: break;
    }
    mele_option_text(options, i, text, sizeof text);
    return json_string(text);
}

static bool has_value(const mele_options *options, size_t i)
{
    char text[TEXT_ROOM];

    return mele_option_text(options, i, text, sizeof text) > 0
           || (table[i].type == TEXT
               && *(const char *const *)((const char *)options + table[i].offset) != NULL);
}

json_t *mele_i_options_save(const mele_options *options, mele_option_stage last)
{
    json_t *record = json_object();

    for (size_t i = 0; i < OPTIONS && record != NULL; i++) {
        bool chosen = options->chosen >> i & 1;
        if ((table[i].public.stage > last && !chosen) || !has_value(options, i))
            continue;
        if (json_object_set_new(record, table[i].public.name, record_value(options, i)) != 0) {
            json_decref(record);
            record = NULL;
        }
    }
    return record;
}

static size_t option_named(const char *name)
{
    size_t i = 0;

    while (i < OPTIONS && strcmp(table[i].public.name, name) != 0)
        i++;
    return i;
}

/* Whether a record's value is of the type that record_value() gives option i. */
static bool is_of_type(const json_t *value, size_t i)
{
    switch (table[i].type) {
    case COUNT:
    case SEED: return json_is_integer(value);
    case NUMBER: return json_is_number(value);
    case RIDGE: return json_is_number(value) || json_is_string(value);
    case CLUSTERS: return json_is_integer(value) || json_is_string(value);
    case FLAG_OFF: return json_is_true(value);
    case START: return json_is_string(value) && start_named(json_string_value(value)) != NULL;
    default: return json_is_string(value);
    }
}

/* What a record says of option i, set into options. */
static mele_status take_value(const json_t *value, size_t i, mele_options *options,
                              mele_error *error)
{
    char number[TEXT_ROOM];
    const char *text = json_string_value(value);

    if (!is_of_type(value, i))
        return mele_i_fail(error, MELE_EDATA, "the record of option \"%s\" has the wrong type",
                           table[i].public.name);
    if (json_is_number(value)) {
        number_text(json_number_value(value), number, sizeof number);
        text = number;
    }
    return mele_option_set(options, i, text, error);
}

static mele_status check_frozen(const json_t *record, const mele_options *given, mele_error *error)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (table[i].frozen && (given->chosen >> i & 1)
            && json_object_get(record, table[i].public.name) == NULL)
            return mele_i_fail(error, MELE_EINVAL, "--%s cannot be given after stage 1 was fitted "
                               "without it", table[i].public.name);
    return MELE_OK;
}

static mele_status check_agreement(const mele_options *given, const mele_options *recorded,
                                   size_t i, mele_error *error)
{
    char mine[256], theirs[256];
    bool agree;

    mele_option_text(given, i, mine, sizeof mine);
    mele_option_text(recorded, i, theirs, sizeof theirs);
    agree = strcmp(mine, theirs) == 0;
    if (table[i].type == TEXT)
        agree = strcmp(*(const char *const *)((const char *)given + table[i].offset),
                       *(const char *const *)((const char *)recorded + table[i].offset)) == 0;
    if (agree)
        return MELE_OK;
    if (table[i].type == START && given->centres_file != NULL)
        snprintf(mine, sizeof mine, "%s", given->centres_file);
    return mele_i_fail(error, MELE_EINVAL, "--%s is \"%s\", but the model was made with \"%s\"",
                       table[i].public.name, mine, theirs);
}

mele_status mele_i_options_load(const json_t *record, mele_options *options, mele_error *error)
{
    mele_options merged = *options;
    const char *name;
    json_t *value;

    if (!json_is_object(record))
        return mele_i_fail(error, MELE_EDATA, "\"options\" is not an object");
    json_object_foreach((json_t *)record, name, value) {
        size_t i = option_named(name);
        if (i == OPTIONS)
            return mele_i_fail(error, MELE_EDATA, "the model records an unknown option \"%s\"",
                               name);
        bool chosen = options->chosen >> i & 1;
        if (take_value(value, i, &merged, error) != MELE_OK) {
            if (error != NULL)
                error->status = MELE_EDATA;
            return MELE_EDATA;
        }
        mele_status status = chosen ? check_agreement(options, &merged, i, error) : MELE_OK;
        if (status != MELE_OK)
            return status;
    }
    mele_status status = check_frozen(record, options, error);
    if (status == MELE_OK)
        *options = merged;
    return status;
}

/* What the choice of K is asked, also when K is given and nothing is chosen. */
static mele_status check_choice(const mele_options *options, mele_error *error)
{
    size_t c = 0;

    while (options->criterion != NULL && criteria(c) != NULL
           && strcmp(criteria(c), options->criterion) != 0)
        c++;
    if (options->criterion != NULL && criteria(c) == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the criterion \"%s\" is not known",
                           options->criterion);
    if (options->clusters_most > 0
        && (options->clusters_least == 0 || options->clusters_least > options->clusters_most))
        return mele_i_fail(error, MELE_EINVAL, "clusters from %zu to %zu are no range from 1",
                           options->clusters_least, options->clusters_most);
    return MELE_OK;
}

mele_status mele_i_options_check(const mele_options *options, mele_error *error)
{
    if (options == NULL)
        return mele_i_fail(error, MELE_EINVAL, "options is NULL");
    if (options->cluster_on == NULL || options->scale == NULL)
        return mele_i_fail(error, MELE_EINVAL, "options: cluster_on or scale is NULL");
    if (options->seed > UINT32_MAX)
        return mele_i_fail(error, MELE_EINVAL, "the seed is %ju, more than 32 bits",
                           (uintmax_t)options->seed);
    return check_choice(options, error);
}
