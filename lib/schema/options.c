/* What is asked of data: defaults, and the table of what may be asked. */
#include "schema/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"

#define MEMBER(name) MELE_I_MEMBER(mele_data_options, name)

mele_data_options mele_data_defaults(void)
{
    mele_data_options options = {.missing = "fail"};

    options.table = mele_table_defaults();
    return options;
}

MELE_I_CHOICES(tasks, "regression", "classification")
MELE_I_CHOICES(policies, "fail", "drop", "mean")

/* ---- characters: 0 stands for "not given" ---- */

static size_t character_text(char character, char *out, size_t size)
{
    return character == '\0' ? 0
           : character == '\t' ? (size_t)snprintf(out, size, "\\t")
                                : (size_t)snprintf(out, size, "%c", character);
}

static bool set_delimiter(void *options, const char *text)
{
    const char character = strcmp(text, "\\t") == 0 ? '\t' : text[0];

    if (text[0] == '\0' || (text[1] != '\0' && character != '\t')
        || strchr("\"\r\n \\", character) != NULL || (character & 0x80))
        return false;
    ((mele_data_options *)options)->table.delimiter = character;
    return true;
}

static size_t delimiter_text(const void *options, char *out, size_t size)
{
    return character_text(((const mele_data_options *)options)->table.delimiter, out, size);
}

static const mele_i_option_special delimiter = {
    .wanted = "one character that can delimit fields", .set = set_delimiter,
    .text = delimiter_text};

static bool set_decimal(void *options, const char *text)
{
    if (strcmp(text, ".") != 0 && strcmp(text, ",") != 0)
        return false;
    ((mele_data_options *)options)->table.decimal = text[0];
    return true;
}

static size_t decimal_text(const void *options, char *out, size_t size)
{
    return character_text(((const mele_data_options *)options)->table.decimal, out, size);
}

static const mele_i_option_special decimal = {
    .wanted = "a point or a comma", .set = set_decimal, .text = decimal_text};

/* ---- memory: megabytes of the option, bytes of the member ---- */

#define MOST_MEMORY 1000000000
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)

static bool set_memory(void *options, const char *text)
{
    double value;

    if (mele_i_number_parse(text, strlen(text), &value) != MELE_I_NUMBER_OK || value != floor(value)
        || !(value >= 1 && value <= MOST_MEMORY))
        return false;
    ((mele_data_options *)options)->memory = (size_t)value << 20;
    return true;
}

static size_t memory_text(const void *options, char *out, size_t size)
{
    const size_t bytes = ((const mele_data_options *)options)->memory;

    return bytes == 0 ? 0 : (size_t)snprintf(out, size, "%zu", bytes >> 20);
}

static const mele_i_option_special memory = {
    .wanted = "a whole number from 1 to " TEXT_OF(MOST_MEMORY), .set = set_memory,
    .text = memory_text};

/* ---- the table ---- */

static const mele_i_option rows[] = {
    {.name = "target", .letter = 't', .argument = "COL[,COL...]",
     .help = "what to predict (several: multi-output regression)",
     MEMBER(target), .type = MELE_I_TEXT, .optional = true},
    {.name = "features", .letter = 'x', .argument = "COL[,COL...]",
     .help = "what to predict from (default: every other column)",
     MEMBER(features), .type = MELE_I_TEXT, .optional = true, .settled = true},
    {.name = "ignore", .argument = "COL[,COL...]",
     .help = "columns to leave out",
     MEMBER(ignore), .type = MELE_I_TEXT, .optional = true, .settled = true},
    {.name = "weights", .letter = 'w', .argument = "COL",
     .help = "row weights, >= 0, in any unit",
     MEMBER(weights), .type = MELE_I_TEXT, .optional = true},
    {.name = "id", .argument = "COL",
     .help = "column that is passed through to predictions",
     MEMBER(id), .type = MELE_I_TEXT, .optional = true},
    {.name = "group", .argument = "COL",
     .help = "rows with the same value are left out together, wherever rows are",
     MEMBER(group), .type = MELE_I_TEXT, .optional = true},
    {.name = "task", .argument = "TASK",
     .help = "what the target is (default: text means classes)",
     MEMBER(task), .type = MELE_I_CHOICE, .choice = tasks, .optional = true},
    {.name = "categorical", .argument = "COL[,COL...]",
     .help = "number-looking columns that are categories",
     MEMBER(categorical), .type = MELE_I_TEXT, .optional = true, .settled = true},
    {.name = "na", .argument = "STR[,STR...]",
     .help = "what counts as missing",
     MEMBER(table.missing), .type = MELE_I_TEXT, .optional = true},
    {.name = "missing", .argument = "POLICY",
     .help = "rows with missing values, when fitting",
     MEMBER(missing), .type = MELE_I_CHOICE, .choice = policies},
    {.name = "delimiter", .letter = 'd', .argument = "CHAR",
     .help = "between fields (default: comma, semicolon or tab, whichever the first line has most "
     "often)",
     .type = MELE_I_SPECIAL, .special = &delimiter},
    {.name = "decimal", .argument = "CHAR",
     .help = "the decimal mark, . or , (default: .)",
     .type = MELE_I_SPECIAL, .special = &decimal},
    {.name = "no-header",
     .help = "the first line is data; columns are x1, x2, ...",
     MEMBER(table.header), .type = MELE_I_DENIAL},
    {.name = "folds", .argument = "COL",
     .help = "cross-validate in the folds that a column holds, one for each of its values, in place "
     "of --cv; it is no feature",
     MEMBER(folds), .type = MELE_I_TEXT, .optional = true, .passing = true},
    {.name = "by-position",
     .help = "take the columns of DATA in the order of the file that the model was fitted to, "
     "whatever they are called",
     MEMBER(table.by_position), .type = MELE_I_FLAG, .passing = true},
    {.name = "memory", .argument = "MB",
     .help = "features that would take more stay in the file, or in a temporary one in $TMPDIR "
     "(default /tmp), and are read in windows; never changes a result (default: half of the "
     "memory there is)",
     .type = MELE_I_SPECIAL, .special = &memory, .passing = true},
};

static const mele_i_option_table table = MELE_I_OPTION_TABLE(rows);

const mele_i_option_table *mele_i_data_options_at(size_t i)
{
    return i == 0 ? &table : NULL;
}

mele_status mele_i_data_options_check(const mele_data_options *options, mele_error *error)
{
    mele_status status = mele_i_check_reserved(options->reserved, error);

    return status == MELE_OK ? mele_i_option_check_all(&table, options, "", error) : status;
}
