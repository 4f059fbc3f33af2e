#ifndef MELE_MAKER_H
#define MELE_MAKER_H

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Data sets from published formulas, as large as wanted (doc/methods.md, "Data that are made"). A row
 * depends on the data set, the seed, the noise and the row's number alone, so the first N rows are the
 * same of any number of rows, in whatever pieces and by whatever threads they are made. */

/** The name of data set i, "friedman1"; NULL past the last. */
MELE_API const char *mele_maker_name(size_t i);

/** What it is, in a line, with its source; NULL: there is no such data set. */
MELE_API const char *mele_maker_help(const char *name);

/** The number of its columns, of which the last is the target; 0: there is no such data set. */
MELE_API size_t mele_maker_columns(const char *name);

/** The name of column j; NULL past the last. */
MELE_API const char *mele_maker_column(const char *name, size_t j);

/** The number of its classes; 0: its target is a number, or there is no such data set. */
MELE_API size_t mele_maker_classes(const char *name);

/** The name of class c, for which c stands in the column of the target; NULL past the last. */
MELE_API const char *mele_maker_class(const char *name, size_t c);

/** Its own noise, a standard deviation; below 0: it takes none, or there is no such data set. */
MELE_API double mele_maker_noise(const char *name);

/** Which rows of a data set. Start from mele_maker_defaults(). */
typedef struct mele_maker_options {
    uint64_t seed;  /**< other seeds, other rows; default 1 */
    uint64_t first; /**< the number of the first row, from 0, the default */
    double noise;   /**< the standard deviation of what is added: to the target, and where that is a
                         class to the features; 0 to 1e100. Below 0, the default: as published */
    uint64_t reserved[MELE_RESERVED];
} mele_maker_options;

MELE_API mele_maker_options mele_maker_defaults(void);

/** Make rows of a data set. Any number of threads may do so at once. Where features are uniform they
 *  are the same bits on every machine; what goes through a logarithm (normal numbers), a sine or an
 *  arctangent is as the system's mathematical library has it, which may differ in the last bits
 *  elsewhere.
 * @param options  NULL: the defaults.
 * @param rows     0: only see whether `name` and `options` are right.
 * @param out      rows x mele_maker_columns(name), row-major without gaps; a class is 0 .. C-1.
 * @return MELE_OK; MELE_EINVAL: no such data set, noise that is out of range or that it does not take,
 *         more numbers than an array can have. Untouched then. Nothing is allocated. */
MELE_API mele_status mele_maker_fill(const char *name, const mele_maker_options *options,
                                     size_t rows, double *out, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
