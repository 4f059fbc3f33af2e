#ifndef MELE_DATA_FOREIGN_H
#define MELE_DATA_FOREIGN_H

#include <mele/status.h>

/* Refuse a file that its first bytes show to be of a format that is not read: MELE_EDATA, with the
 * pipe that reads it. Bytes of which nothing is known are MELE_OK. */
mele_status mele_i_refuse_foreign(const char *bytes, size_t length, const char *path,
                                  mele_error *error);

#endif
