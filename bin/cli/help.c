#include "cli/help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "cli/outfile.h"
#include "cli/programs.h"
#include "cli/text.h"

#define WIDTH 80
#define HELP_COLUMN 30

bool cli_takes(const cli_usage *usage, const char *option)
{
    if (usage->from_table == NULL)
        return mele_option_recorded(option);
    for (const char *const *name = usage->from_table; *name != NULL; name++)
        if (strcmp(*name, option) == 0)
            return true;
    return false;
}

/* Words of `text` from `column` on, broken before WIDTH, later lines indented by `indent`; the column after them. */
static int print_words(FILE *out, const char *text, int column, int indent)
{
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column > indent && column + 1 + length > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            column += fprintf(out, " ");
        }
        column += fprintf(out, "%.*s", length, text);
        text += length;
        text += strspn(text, " ");
    }
    return column;
}

static void print_wrapped(FILE *out, const char *text, int column, int indent)
{
    print_words(out, text, column, indent);
    fputc('\n', out);
}

static void print_option(FILE *out, char letter, const char *name, const char *argument,
                         const char *help)
{
    int column = letter == 0 ? fprintf(out, "      --%s", name)
                             : fprintf(out, "  -%c, --%s", letter, name);

    if (argument != NULL)
        column += fprintf(out, " %s", argument);
    if (column + 2 > HELP_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", HELP_COLUMN - column, "");
    print_wrapped(out, help, HELP_COLUMN, HELP_COLUMN);
}

static void print_own(FILE *out, const char *title, const cli_option *option)
{
    if (option == NULL)
        return;
    fprintf(out, "\n%s:\n", title);
    for (; option->name != NULL; option++)
        if (option->library)
            print_option(out, option->letter, option->name, mele_option_argument(option->name),
                         mele_option_help(option->name));
        else
            print_option(out, option->letter, option->name, option->argument, option->help);
}

/* The help of a row of the table, with its choices and its default. */
static void describe(const char *name, char *out, size_t size)
{
    char choices[256] = "", value[128] = "";
    size_t some = mele_option_choices(name, choices, sizeof choices);
    size_t has_default = mele_option_default(name, value, sizeof value);
    const char *quote = value[0] == ',' ? "\"" : "";

    snprintf(out, size, "%s%s%s%s%s%s%s%s", mele_option_help(name), some > 0 ? ": " : "", choices,
             has_default > 0 ? " (default: " : "", quote, value, quote,
             has_default > 0 ? ")" : "");
}

static void print_table(FILE *out, const cli_usage *usage, mele_option_stage stage,
                        const char *title)
{
    const char *name;
    bool first = true;
    char help[1024];

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++) {
        if (mele_option_stage_of(name) != stage || !cli_takes(usage, name))
            continue;
        if (first)
            fprintf(out, "\n%s:\n", title);
        first = false;
        describe(name, help, sizeof help);
        print_option(out, mele_option_letter(name), name, mele_option_argument(name), help);
    }
}

static void print_operands(FILE *out, const char *operands)
{
    if (strstr(operands, "DATA") == NULL && strstr(operands, "MODEL") == NULL)
        return;
    fputc('\n', out);
    if (strstr(operands, "DATA") != NULL)
        fputs("DATA is a CSV or TSV file, - for standard input, or a .npy file.\n", out);
    if (strstr(operands, "MODEL") != NULL)
        fprintf(out, "MODEL is a file, or - for standard input%s.\n",
                strstr(operands, "[MODEL]") != NULL ? "; left out, it is standard input" : "");
    if (strstr(operands, "DATA") != NULL)
        fputs("A column COL is an exact name, else a number from 1, else a range a-b of either.\n",
              out);
}

static void print_items(FILE *out, const cli_usage *usage)
{
    const char *name, *help;

    fprintf(out, "\n%s:\n", usage->items != NULL ? usage->items : "Items of --items LIST, comma "
            "separated; columns come in the order of the list");
    for (size_t i = 0; (name = usage->item(i, &help)) != NULL; i++) {
        fprintf(out, "  %-*s", HELP_COLUMN - 2, name);
        print_wrapped(out, help, HELP_COLUMN, HELP_COLUMN);
    }
}

/* ---- families ---- */

/* The options of a stage, --family apart, that a family looks at, or that it does not: how many. */
static size_t count_options(const cli_usage *usage, const char *family, mele_option_stage stage, bool looks)
{
    const char *name;
    size_t count = 0;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++)
        count += mele_option_stage_of(name) == stage && strcmp(name, "family") != 0 && cli_takes(usage, name)
                 && mele_family_looks_at(family, name) == looks;
    return count;
}

/* Their names from `column` on, `end` after the last; the column after that. */
static int print_names(FILE *out, const cli_usage *usage, const char *family, mele_option_stage stage,
                       bool looks, const char *end, int column)
{
    size_t left = count_options(usage, family, stage, looks);
    char word[64];
    const char *name;

    for (size_t i = 0; left > 0 && (name = mele_option_name(i)) != NULL; i++) {
        if (mele_option_stage_of(name) != stage || strcmp(name, "family") == 0 || !cli_takes(usage, name)
            || mele_family_looks_at(family, name) != looks)
            continue;
        left--;
        snprintf(word, sizeof word, "--%s%s", name, left == 0 ? end : ",");
        column = print_words(out, word, column, HELP_COLUMN);
    }
    return column;
}

/* How many experts a family has, always or where none is given, where it says so. */
static int print_clusters(FILE *out, const char *family, int column)
{
    const size_t clusters = mele_family_default_clusters(family);
    char text[48];

    snprintf(text, sizeof text, "(%s -k %zu)", mele_family_clusters(family) > 0 ? "always" : "default:", clusters);
    return clusters == 0 ? column : print_words(out, text, column, HELP_COLUMN);
}

/* Where a family looks at most options of a stage, the others are named. */
static int print_taken(FILE *out, const cli_usage *usage, const char *family, mele_option_stage stage,
                       const char *end, int column)
{
    static const char *const all[] = {[MELE_OPTION_PARTITION] = "all of stage 1",
                                      [MELE_OPTION_EXPERTS] = "all of stage 2",
                                      [MELE_OPTION_GATE] = "all of stage 3"};
    const size_t looks = count_options(usage, family, stage, true);
    const size_t others = count_options(usage, family, stage, false);
    char text[32];

    if (stage == MELE_OPTION_FAMILY || looks < 2 * others || looks == 0)
        return print_names(out, usage, family, stage, true, end, column);
    snprintf(text, sizeof text, "%s%s", all[stage], others > 0 ? " (not" : end);
    column = print_words(out, text, column, HELP_COLUMN);
    snprintf(text, sizeof text, ")%s", end);
    return others > 0 ? print_names(out, usage, family, stage, false, text, column) : column;
}

/* The options that a family looks at. */
static void print_all_taken(FILE *out, const cli_usage *usage, const char *family, int column)
{
    static const mele_option_stage stages[] = {MELE_OPTION_FAMILY, MELE_OPTION_PARTITION,
                                               MELE_OPTION_EXPERTS, MELE_OPTION_GATE};
    const size_t count = sizeof stages / sizeof *stages;
    size_t left = 0;

    for (size_t s = 0; s < count; s++)
        left += count_options(usage, family, stages[s], true);
    for (size_t s = 0; s < count; s++) {
        left -= count_options(usage, family, stages[s], true);
        column = print_taken(out, usage, family, stages[s], left == 0 ? "" : ",", column);
    }
}

static void print_families(FILE *out, const cli_usage *usage)
{
    const char *name;

    if (!cli_takes(usage, "family"))
        return;
    fputs("\nWhat --family NAME names, and which options each takes:\n", out);
    for (size_t i = 0; (name = mele_family(i)) != NULL; i++) {
        fprintf(out, "  %-*s", HELP_COLUMN - 2, name);
        int column = print_words(out, mele_family_help(i), HELP_COLUMN, HELP_COLUMN);
        column = print_clusters(out, name, column);
        column += fprintf(out, ";");
        print_all_taken(out, usage, name, column);
        fputc('\n', out);
    }
}

/* The options of the stages. Those that a program does not run itself it takes as well: it records
 * them, or they agree with what the model records. */
static void print_stages(FILE *out, const cli_usage *usage)
{
    static const char *const title[] = {
        [MELE_OPTION_FAMILY] = "Families",
        [MELE_OPTION_PARTITION] = "Stage 1, the partition",
        [MELE_OPTION_EXPERTS] = "Stage 2, the experts",
        [MELE_OPTION_GATE] = "Stage 3, the gate"};

    for (mele_option_stage stage = MELE_OPTION_PARTITION; stage <= MELE_OPTION_FAMILY; stage++)
        if (usage->runs == MELE_OPTION_DATA || usage->runs == stage)
            print_table(out, usage, stage, title[stage]);
    if (usage->runs == MELE_OPTION_DATA) {
        print_families(out, usage);
        return;
    }
    fputs("\nThe options of the other stages, which 'mele-fit --help' lists, are taken too:\n", out);
    fputs(usage->runs == MELE_OPTION_PARTITION
              ? "the model records them for the later stages.\n"
              : "those of earlier stages must agree with MODEL, which has them.\n", out);
}

static void print_everything(FILE *out, const char *program, const cli_usage *usage)
{
    const cli_option standard[] = {
        {.name = "help", .letter = 'h', .help = "print this and exit"},
        {.name = "version", .letter = 'V', .help = "print the version and exit"},
        {.name = NULL},
    };
    const cli_program *about = cli_program_named(program);

    fprintf(out, "Usage: %s [OPTION]... %s\n", program, usage->operands);
    if (usage->otherwise != NULL)
        fprintf(out, "  or:  %s %s\n", program, usage->otherwise);
    fprintf(out, "%c%s.\n", about->purpose[0] - 'a' + 'A', about->purpose + 1);
    print_operands(out, usage->operands);
    print_own(out, "Options", usage->own);
    print_table(out, usage, MELE_OPTION_DATA, "Data");
    print_stages(out, usage);
    if (usage->item != NULL)
        print_items(out, usage);
    print_own(out, "General", usage->shared);
    for (const cli_option *option = standard; option->name != NULL; option++)
        print_option(out, option->letter, option->name, NULL, option->help);
}

int cli_print_text(cli_console *console, char *text, size_t length)
{
    cli_outfile out;
    bool good = cli_outfile_open(&out, NULL);

    if (text == NULL) {
        cli_say(console, "out of memory");
        return CLI_FAILED;
    }
    if (good)
        cli_outfile_write(text, length, &out);
    good = cli_outfile_close(&out);
    free(text);
    if (!good && !cli_outfile_reader_left(&out)) {
        cli_say(console, "%s: %s", out.name, strerror(out.failure));
        return CLI_FAILED;
    }
    return CLI_DONE;
}

int cli_print_help(cli_console *console, const cli_usage *usage)
{
    cli_text text;

    if (cli_text_open(&text)) {
        print_everything(text.out, console->program, usage);
        cli_text_close(&text);
    }
    return cli_print_text(console, text.data, text.length);
}

int cli_print_version(cli_console *console)
{
    char *text = NULL;
    int length = asprintf(&text, "%s (mele) %s\n", console->program, mele_version());

    return cli_print_text(console, length < 0 ? NULL : text, (size_t)length);
}
