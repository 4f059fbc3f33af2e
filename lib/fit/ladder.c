#include "fit/ladder.h"

#include "core/error.h"
#include "core/memory.h"
#include "partition/partition.h"
#include "schema/data.h"

#define LEAST_ROWS 20 /* of a region, for auto to try so many */

/* What auto tries: about sqrt 2 apart. */
static const size_t ladder[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};

enum { STEPS = sizeof ladder / sizeof *ladder };

/* How many steps the rows allow. */
static size_t count_steps(const mele_data *data)
{
    const size_t rows = mele_i_data_count(data);
    size_t count = 1;

    while (count < STEPS && ladder[count] * LEAST_ROWS <= rows)
        count++;
    return count;
}

mele_status mele_i_ladder_make(const mele_data *data, const mele_options *options, size_t **out,
                               size_t *count, mele_error *error)
{
    const size_t least = options->clusters_least, most = options->clusters_most;
    const size_t steps = most > 0 ? most - least + 1 : count_steps(data);

    const mele_status status = mele_i_check_clusters(most, data->rows, error);

    if (status != MELE_OK)
        return status;
    size_t *list = MELE_I_ARRAY(size_t, steps);
    if (list == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < steps; i++)
        list[i] = most > 0 ? least + i : ladder[i];
    *out = list;
    *count = steps;
    return MELE_OK;
}
