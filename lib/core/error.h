#ifndef MELE_CORE_ERROR_H
#define MELE_CORE_ERROR_H

#include <mele/status.h>

/* Record a failure in error (NULL: nowhere) and return its status, so that a failing function
 * ends with `return mele_i_fail(error, MELE_EDATA, "...", ...)`. A message that does not fit is
 * cut at the end of a UTF-8 character. */
mele_status mele_i_fail(mele_error *error, mele_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a line of the input file. */
mele_status mele_i_fail_at(mele_error *error, mele_status status, size_t line, const char *format,
                           ...) __attribute__((format(printf, 4, 5)));

/* Memory ran out: the one message for it. */
mele_status mele_i_no_memory(mele_error *error);

#endif
