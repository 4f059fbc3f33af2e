#ifndef CLI_PROGRAMS_H
#define CLI_PROGRAMS_H

/* The programs of the house, as `mele` lists them and as each says of itself. */
typedef struct cli_program {
    const char *name;    /* "fit" of mele-fit */
    const char *purpose; /* one line, no full stop */
} cli_program;

/* Ends with a row without a name. */
extern const cli_program cli_programs[];

/* The row of a program by its full name, "mele-fit", or by "fit"; NULL: there is none. */
const cli_program *cli_program_named(const char *name);

#endif
