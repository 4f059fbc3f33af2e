#ifndef MELE_STATUS_H
#define MELE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks what the shared library exports; everything else stays inside it. */
#if defined(__GNUC__)
#define MELE_API __attribute__((visibility("default")))
#else
#define MELE_API
#endif

/** What a call of the library ended with. Every function that can fail returns one. */
typedef enum mele_status {
    MELE_OK = 0,
    MELE_EINVAL,  /**< the call is wrong: an argument out of range, shapes that do not fit */
    MELE_EDATA,   /**< the data are wrong: text for a number, NaN, too few rows, a bad model */
    MELE_ENOMEM,  /**< memory ran out */
    MELE_EIO,     /**< a file could not be opened, read or written */
    MELE_ESTOPPED /**< the caller's progress function asked to stop */
} mele_status;

/** Words at the end of every structure that callers allocate and that may get further members: a
 *  later version takes them from there, so that programs need not be built again, and 0 then means
 *  what it was before. They are 0 in what the library fills in and in the structures of the
 *  _defaults() functions; in others the caller's initialiser sees to it. Options in which they are
 *  not 0 are those of a newer version, or were not made from the defaults: MELE_EINVAL. Structures
 *  without them (views, and mele_error) stay as they are; those that the library alone makes may
 *  grow at their ends. */
#define MELE_RESERVED 8

/** Room for one message, its final zero included. */
#define MELE_MESSAGE_SIZE 512

/** The detail of a failure. The caller owns it, one a thread; every function takes NULL for "not
 *  wanted". It need not be initialised, and is written only when a call fails. */
typedef struct mele_error {
    mele_status status;
    size_t line; /**< of the input file, counting from 1 with the header; 0: not about a line */
    char message[MELE_MESSAGE_SIZE]; /**< one line, no final newline, without the file's name */
} mele_error;

/** Where what is written goes, piece by piece in order, always from the thread that made the call.
 *  Return false to stop: the call ends with MELE_ESTOPPED. */
typedef bool mele_write_fn(const char *text, size_t length, void *user);

/** The same for languages that know no structure: made, asked and freed. mele_error_new() is NULL when
 *  memory ran out, which may be given to every function as it is; the message is empty, and the line 0,
 *  until a call failed. */
MELE_API mele_error *mele_error_new(void);
MELE_API void mele_error_free(mele_error *error);
MELE_API const char *mele_error_message(const mele_error *error);
MELE_API size_t mele_error_line(const mele_error *error);

/** A short name of a status ("wrong data"); never NULL. Thread-safe. */
MELE_API const char *mele_status_name(mele_status status);

#ifdef __cplusplus
}
#endif

#endif
