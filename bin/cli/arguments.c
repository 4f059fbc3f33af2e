#include "cli/arguments.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/text.h>

#include "cli/help.h"

/* getopt_long() returns a letter, or one of these plus the place in the list. */
#define FIRST_LONG 256

/* One list of all options of a program: its own, the shared ones, the library's. */
typedef struct option_list {
    size_t count;
    struct option *longs;     /* for getopt_long(), ended by zeros */
    char *letters;            /* likewise */
    const cli_option **own;   /* of place i; NULL: of the table, or --help or --version */
    size_t help, version;     /* their places */
} option_list;

static void list_free(option_list *list)
{
    free(list->longs);
    free(list->letters);
    free(list->own);
}

static size_t add(option_list *list, const char *name, char letter, const char *argument)
{
    size_t i = list->count++;
    struct option *option = &list->longs[i];

    option->name = name;
    option->has_arg = argument == NULL ? no_argument : required_argument;
    option->val = letter != 0 ? letter : FIRST_LONG + (int)i;
    if (letter != 0) {
        size_t end = strlen(list->letters);
        list->letters[end] = letter;
        list->letters[end + 1] = argument == NULL ? '\0' : ':';
    }
    return i;
}

static void add_own(option_list *list, const cli_option *option)
{
    for (; option != NULL && option->name != NULL; option++) {
        const char *argument = option->library ? mele_option_argument(option->name)
                                               : option->argument;
        size_t i = add(list, option->name, option->letter, argument);
        list->own[i] = option->library ? NULL : option;
    }
}

static void add_table(option_list *list, const cli_usage *usage)
{
    const char *name;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++)
        if (cli_takes(usage, name))
            add(list, name, mele_option_letter(name), mele_option_argument(name));
}

static size_t own_count(const cli_option *option)
{
    size_t count = 0;

    while (option != NULL && option[count].name != NULL)
        count++;
    return count;
}

static bool list_make(option_list *list, const cli_usage *usage)
{
    size_t most = own_count(usage->own) + own_count(usage->shared) + 3;

    for (size_t i = 0; mele_option_name(i) != NULL; i++)
        most++;
    list->longs = calloc(most, sizeof *list->longs);
    list->letters = calloc(most, 2);
    list->own = calloc(most, sizeof *list->own);
    if (list->longs == NULL || list->letters == NULL || list->own == NULL)
        return false;
    list->letters[0] = ':';
    add_own(list, usage->own);
    add_table(list, usage);
    add_own(list, usage->shared);
    list->help = add(list, "help", 'h', NULL);
    list->version = add(list, "version", 'V', NULL);
    return true;
}

/* The place of what getopt_long() returned; count: none. */
static size_t place_of(const option_list *list, int value)
{
    size_t i = 0;

    while (i < list->count && list->longs[i].val != value)
        i++;
    return i;
}

static int set_whole(cli_console *console, const cli_option *option, const char *text)
{
    double value;

    if (mele_number_parse(text, strlen(text), &value, NULL) != MELE_OK || value != floor(value)
        || value < (double)option->least || value > (double)option->most)
        return cli_wrong_usage(console, "--%s is \"%s\", not a whole number from %zu to %zu",
                               option->name, text, option->least, option->most);
    *option->whole = (size_t)value;
    return -1;
}

static int add_to_list(cli_console *console, cli_list *list, const char *text)
{
    const char **grown = realloc(list->item, (list->count + 1) * sizeof *grown);

    if (grown == NULL) {
        cli_say(console, "out of memory");
        return CLI_FAILED;
    }
    list->item = grown;
    grown[list->count++] = text;
    return -1;
}

/* Whether one of the words of a list is an item. */
static bool names_items(const cli_usage *usage, const char *text)
{
    const char *name;

    for (size_t length; *text != '\0'; text += length + (text[length] == ',')) {
        length = strcspn(text, ",");
        for (size_t i = 0; (name = usage->item(i, NULL)) != NULL; i++)
            if (strlen(name) == length && memcmp(name, text, length) == 0)
                return true;
    }
    return false;
}

static int set_own(cli_console *console, const cli_usage *usage, const cli_option *option,
                   const char *text)
{
    if (usage->item != NULL && usage->items == NULL && strcmp(option->name, CLI_OUTPUT) == 0
        && names_items(usage, text))
        return cli_wrong_usage(console, "--output names a file; what to predict is --items %s (a "
                               "file of that name is ./%s)", text, text);
    if (option->whole != NULL)
        return set_whole(console, option, text);
    if (option->list != NULL)
        return add_to_list(console, option->list, text);
    if (option->flag != NULL)
        *option->flag = true;
    else
        *option->text = text;
    return -1;
}

static int set_from_table(cli_console *console, mele_options *options, const char *name,
                          const char *text)
{
    mele_error error;
    mele_status status = mele_options_set(options, name, text, &error);

    if (status == MELE_EINVAL)
        return cli_wrong_usage(console, "%s", error.message);
    if (status != MELE_OK)
        cli_say(console, "%s", error.message);
    return status == MELE_OK ? -1 : CLI_FAILED;
}

/* How many long options begin with what stands after the dashes of `argument`. */
static size_t beginnings(const option_list *list, const char *argument)
{
    size_t count = 0, length = strcspn(argument + 2, "=");

    for (size_t i = 0; i < list->count; i++)
        count += strncmp(list->longs[i].name, argument + 2, length) == 0;
    return count;
}

/* The names of long options, with their dashes left out. */
static const char *long_name(size_t i, const void *user)
{
    const option_list *list = user;

    return i < list->count ? list->longs[i].name : NULL;
}

/* The option, if there is one near; of all there are --help tells. */
static int refuse_unknown(cli_console *console, const option_list *list, const char *argument)
{
    const char *near;
    char name[128];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    near = mele_nearest(name, long_name, list);
    return near == NULL ? cli_wrong_usage(console, "unknown option %s", argument)
                        : cli_wrong_usage(console, "unknown option --%s: is it --%s?", name, near);
}

/* The long options that begin with what stands after the dashes. */
static int refuse_several(cli_console *console, const option_list *list, const char *argument)
{
    const size_t given = strcspn(argument + 2, "=");
    char names[512] = "";
    size_t length = 0;

    for (size_t i = 0; i < list->count && length < sizeof names; i++)
        if (strncmp(list->longs[i].name, argument + 2, given) == 0)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s--%s",
                                       length == 0 ? "" : ", ", list->longs[i].name);
    return cli_wrong_usage(console, "%s begins several options: %s", argument, names);
}

/* What getopt_long() did not take: it says '?', or ':' for a missing value. */
static int refuse(cli_console *console, const option_list *list, int answer, const char *argument)
{
    size_t place = optopt == 0 ? list->count : place_of(list, optopt);

    if (place < list->count && answer == ':')
        return cli_wrong_usage(console, "--%s needs a value", list->longs[place].name);
    if (place < list->count)
        return cli_wrong_usage(console, "--%s takes no value", list->longs[place].name);
    if (optopt != 0)
        return cli_wrong_usage(console, "unknown option -%c", optopt);
    if (beginnings(list, argument) > 1)
        return refuse_several(console, list, argument);
    return refuse_unknown(console, list, argument);
}

static int parse(cli_console *console, const cli_usage *usage, const option_list *list, int argc,
                 char **argv, mele_options *options)
{
    int answer, exit_status = -1;

    opterr = 0;
    while (exit_status < 0
           && (answer = getopt_long(argc, argv, list->letters, list->longs, NULL)) != -1) {
        size_t place = place_of(list, answer);
        if (place == list->count)
            exit_status = refuse(console, list, answer, argv[optind - 1]);
        else if (place == list->help)
            exit_status = cli_print_help(console, usage);
        else if (place == list->version)
            exit_status = cli_print_version(console);
        else if (list->own[place] != NULL)
            exit_status = set_own(console, usage, list->own[place], optarg);
        else
            exit_status = set_from_table(console, options, list->longs[place].name, optarg);
    }
    return exit_status;
}

int cli_arguments(cli_console *console, const cli_usage *usage, int argc, char **argv,
                  mele_options *options, char ***operands, size_t *count)
{
    option_list list = {0};
    int exit_status = CLI_FAILED;

    if (list_make(&list, usage))
        exit_status = parse(console, usage, &list, argc, argv, options);
    else
        cli_say(console, "out of memory");
    list_free(&list);
    if (exit_status >= 0)
        return exit_status;
    *operands = argv + optind;
    *count = (size_t)(argc - optind);
    if (*count < usage->least)
        return cli_wrong_usage(console, "an operand is missing: %s", usage->operands);
    if (*count > usage->most)
        return cli_wrong_usage(console, "one operand too many: %s", (*operands)[usage->most]);
    return -1;
}
