/* Data sets from published formulas, as CSV. */
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"
#include "cli/text.h"

#define BLOCK 1024 /* rows that are made, and written, at a time */
#define NAME_WIDTH 12

typedef struct make_options {
    const char *noise;
    size_t rows;
} make_options;

/* A mele_predict_item() of data sets. */
static const char *set_at(size_t i, const char **help)
{
    const char *name = mele_maker_name(i);

    if (help != NULL && name != NULL)
        *help = mele_maker_help(name);
    return name;
}

static int list_sets(cli_run *run)
{
    const char *name, *help;
    cli_text text;

    if (!cli_text_open(&text))
        return cli_no_memory(run);
    for (size_t i = 0; (name = set_at(i, &help)) != NULL; i++)
        fprintf(text.out, "%-*s%s\n", NAME_WIDTH, name, help);
    if (!cli_text_close(&text))
        return cli_no_memory(run);
    const int exit_status = cli_write_text(run, run->output, text.data, text.length);
    free(text.data);
    return exit_status;
}

static void add_header(mele_text *text, const char *name)
{
    const char *column;

    for (size_t j = 0; (column = mele_maker_column(name, j)) != NULL; j++)
        mele_text_name(text, column);
    mele_text_newline(text);
}

static void add_row(mele_text *text, const char *name, const double *row)
{
    const size_t features = mele_maker_columns(name) - 1;
    const bool classes = mele_maker_classes(name) > 0;

    for (size_t j = 0; j < features; j++)
        mele_text_number(text, row[j]);
    if (classes)
        mele_text_name(text, mele_maker_class(name, (size_t)row[features]));
    else
        mele_text_number(text, row[features]);
    mele_text_newline(text);
}

/* The header and all rows, through room for a block of them. A reader that goes away ends it. */
static mele_status write_rows(cli_run *run, const char *name, mele_maker_options options,
                              size_t rows, double *block, mele_text *text, cli_outfile *out)
{
    const size_t columns = mele_maker_columns(name);
    mele_status status = MELE_OK;
    bool goes_on = true;

    add_header(text, name);
    for (size_t left = rows, count; left > 0 && status == MELE_OK && goes_on; left -= count) {
        count = left < BLOCK ? left : BLOCK;
        status = mele_maker_fill(name, &options, count, block, &run->error);
        for (size_t i = 0; i < count && status == MELE_OK; i++)
            add_row(text, name, block + i * columns);
        if (status == MELE_OK)
            status = mele_text_status(text, &run->error);
        if (status == MELE_OK)
            goes_on = cli_outfile_write(mele_text_data(text), mele_text_length(text), out);
        mele_text_clear(text);
        options.first += count;
    }
    return status;
}

static int make(cli_run *run, const char *name, const mele_maker_options *options, size_t rows)
{
    double *block = malloc(BLOCK * mele_maker_columns(name) * sizeof *block);
    mele_text *text = NULL;
    cli_outfile out;

    mele_status status = mele_text_new(',', &text, &run->error);
    int exit_status = block == NULL ? cli_no_memory(run) : cli_check(run, status, NULL);
    if (exit_status == CLI_DONE && !cli_outfile_open(&out, run->output)) {
        exit_status = cli_close(run, &out, CLI_DONE);
    } else if (exit_status == CLI_DONE) {
        status = write_rows(run, name, *options, rows, block, text, &out);
        exit_status = cli_close(run, &out, cli_check(run, status, NULL));
    }
    mele_text_free(text);
    free(block);
    return exit_status;
}

/* What the command line says of the noise. */
static int read_noise(cli_run *run, const char *text, double *noise)
{
    if (text == NULL)
        return CLI_DONE;
    if (mele_number_parse(text, strlen(text), noise, NULL) != MELE_OK || *noise < 0)
        return cli_wrong_usage(&run->console, "--noise is \"%s\", not a standard deviation from 0", text);
    return CLI_DONE;
}

static int work(cli_run *run, const void *options)
{
    const make_options *own = options;
    mele_maker_options chosen = mele_maker_defaults();

    if (run->operands == 0)
        return list_sets(run);
    const char *name = run->operand[0];
    int exit_status = read_noise(run, own->noise, &chosen.noise);
    chosen.seed = run->options.seed;
    if (exit_status == CLI_DONE && mele_maker_fill(name, &chosen, 0, NULL, &run->error) != MELE_OK)
        exit_status = cli_wrong_usage(&run->console, "%s", run->error.message);
    if (exit_status == CLI_DONE)
        exit_status = make(run, name, &chosen, own->rows);
    if (exit_status == CLI_DONE && run->verbose)
        cli_say(&run->console, "%s: %zu rows, seed %llu", name, own->rows,
                (unsigned long long)chosen.seed);
    return exit_status;
}

int main(int argc, char **argv)
{
    static const char *const from_table[] = {"seed", NULL};
    make_options own = {NULL, 1000};
    const cli_option options[] = {
        {.name = "rows", .letter = 'n', .argument = "N", .whole = &own.rows, .least = 1,
         .most = (size_t)1 << 53,
         .help = "how many; the first of them are the same for any number (default: 1000)"},
        {.name = "noise", .argument = "X", .text = &own.noise,
         .help = "the standard deviation of what is added to the target, and where that is a class "
                 "to the features (default: as published); twonorm and ringnorm take none"},
        {.name = NULL},
    };
    const cli_main what = {.program = "mele-make", .own = &own, .work = work, .single = true,
                           .usage = {.operands = "NAME", .least = argc == 1 ? 0 : 1, .most = 1,
                                     .own = options, .from_table = from_table, .item = set_at,
                                     .items = "NAME is one of, as 'mele-make' alone says, too"}};

    return cli_main_run(&what, argc, argv);
}
