#ifndef MELE_CORE_FILE_LIMIT_H
#define MELE_CORE_FILE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/* Whether the process may write a regular file up to `end` (RLIMIT_FSIZE). To write beyond it would be
 * told by SIGXFSZ, which ends a host that is not prepared. */
static inline bool mele_i_file_may_reach(uint64_t end)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY
           || end <= limit.rlim_cur;
}

#endif
