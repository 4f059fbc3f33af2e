#include "cli/programs.h"

#include <stddef.h>
#include <string.h>

const cli_program cli_programs[] = {
    {"fit", "fit a mixture of explicitly localized experts: all three stages"},
    {"partition", "stage 1: cut the input space into regions"},
    {"experts", "stage 2: add an expert for each region to a model"},
    {"gate", "stage 3: add the gate that blends the experts to a model"},
    {"predict", "predict the rows of a file as CSV"},
    {"score", "measure a model on data with targets"},
    {"compare", "compare families of models on the same folds"},
    {"info", "show what a model holds"},
    {"make", "make a data set from a published formula"},
    {NULL, NULL},
};

const cli_program *cli_program_named(const char *name)
{
    const char prefix[] = "mele-";
    const cli_program *program = cli_programs;

    if (strncmp(name, prefix, sizeof prefix - 1) == 0)
        name += sizeof prefix - 1;
    while (program->name != NULL && strcmp(program->name, name) != 0)
        program++;
    return program->name == NULL ? NULL : program;
}
