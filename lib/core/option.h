#ifndef MELE_CORE_OPTION_H
#define MELE_CORE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mele/status.h>

/* A list of choices as a function, for a row's `choice`. */
#define MELE_I_CHOICES(function, ...)                                                              \
    static const char *function(size_t i)                                                          \
    {                                                                                              \
        static const char *const list[] = {__VA_ARGS__};                                           \
        return i < sizeof list / sizeof *list ? list[i] : NULL;                                    \
    }

/* One member of an options structure: what programs call it, what it may be, and where it lies. The
 * room that owns the structure has the table of its members, and this is the one place that knows
 * how a member is set from text, told as text, and checked. */

typedef enum mele_i_option_type {
    MELE_I_TEXT,   /* const char *: any UTF-8; the pointer is kept */
    MELE_I_CHOICE, /* const char *: one of `choice` */
    MELE_I_FLAG,   /* bool that the option makes true; false is the default */
    MELE_I_DENIAL, /* bool that the option makes false; true is the default */
    MELE_I_WHOLE,  /* size_t */
    MELE_I_SEED,   /* uint64_t, of 32 bits */
    MELE_I_NUMBER, /* double, finite */
    MELE_I_SPECIAL /* what its `special` says */
} mele_i_option_type;

/* An option that is none of the other types; `options` is the structure that its table is about. */
typedef struct mele_i_option_special {
    const char *wanted; /* "one character", for messages */
    bool (*set)(void *options, const char *text); /* false: that is no value of it */
    /* In out[size], as snprintf() does; 0: it has none. */
    size_t (*text)(const void *options, char *out, size_t size);
    const char **(*string)(void *options); /* where set() may keep the pointer; NULL: nowhere */
    bool (*recorded)(const char *text);    /* whether a record may say so; NULL: what set() takes */
    bool whole;                            /* a record has it as a number where it is one */
} mele_i_option_special;

typedef struct mele_i_option {
    const char *name; /* of the program's option; NULL: a member that programs do not set */
    char letter;      /* 0: none */
    const char *argument, *help;
    const char *member; /* its name in the structure; NULL: several */
    size_t offset;
    mele_i_option_type type;
    double least, most;             /* MELE_I_WHOLE, MELE_I_NUMBER; most DBL_MAX: any */
    const char *(*choice)(size_t i); /* NULL past the last */
    const char *(*elsewhere)(const char *text); /* where a text that is none of the choices has its place,
                                                   for messages: NULL for others; NULL: all are others */
    const char *word; /* MELE_I_NUMBER: also this, which stands for `word_value`; NULL: none */
    double word_value;
    bool optional; /* NULL, or a number below `least`, stands for "not given" */
    bool settled;  /* stage 1 decides it for the later stages, which refuse another value, also when
                      stage 1 was not given it */
    bool passing;  /* of one call: no model records it, and no later stage inherits it */
    const char *unsaid; /* a value, as text, that a record means which lacks the option; NULL: none */
    size_t (*default_text)(char *out, size_t size); /* for people, as snprintf(); NULL: its own */
    const mele_i_option_special *special;
} mele_i_option;

typedef struct mele_i_option_table {
    const mele_i_option *row;
    size_t count;
} mele_i_option_table;

#define MELE_I_OPTION_TABLE(rows) {(rows), sizeof(rows) / sizeof *(rows)}

/* Where a row's member lies. */
#define MELE_I_MEMBER(structure, name) .member = #name, .offset = offsetof(structure, name)

/* Set the member from text, as a command line gives it; flags also take NULL, for "yes".
 * MELE_EINVAL: the message says what is a value; nothing is set. */
mele_status mele_i_option_set(const mele_i_option *option, void *options, const char *text,
                              mele_error *error);

/* Its value as text that mele_i_option_set() takes, in out[size]; returns the length as snprintf()
 * does; 0: it is not given (or is an empty text). */
size_t mele_i_option_text(const mele_i_option *option, const void *options, char *out, size_t size);

/* Whether it is given. */
bool mele_i_option_has(const mele_i_option *option, const void *options);

/* The member that is a string which the caller, or a record, may own; NULL: none. */
const char **mele_i_option_string(const mele_i_option *option, void *options);

/* Its choices as text, "kmeans, gmm", as snprintf() does; 0: it has none. */
size_t mele_i_option_choices(const mele_i_option *option, char *out, size_t size);

/* Whether the member is what it may be: MELE_EINVAL. `of` stands before its name in the message. */
mele_status mele_i_option_check(const mele_i_option *option, const void *options, const char *of,
                                mele_error *error);

/* The same of a whole table. */
mele_status mele_i_option_check_all(const mele_i_option_table *table, const void *options,
                                    const char *of, mele_error *error);

/* Whether the room for later members of a structure of options is unused: MELE_EINVAL. */
mele_status mele_i_check_reserved(const uint64_t *reserved, mele_error *error);

#endif
