/* The tables of options that the stages have, as one: what getopt accepts, what --help prints, what
 * a model records and a later stage inherits all come from here. */
#include "model/options.h"

#include <stddef.h>
#include <string.h>

#include "core/error.h"
#include "expert/options.h"
#include "gate/options.h"
#include "model/family_options.h"
#include "model/own_options.h"
#include "partition/options.h"
#include "schema/options.h"

/* Tables of a room, from one to another, in the order of --help and of a model's record. */
typedef struct part {
    const mele_i_option_table *(*table)(size_t i);
    size_t first, count; /* count 0: all */
    size_t base;
    const char *of;
    mele_option_stage stage;
} part;

static const part parts[] = {
    {mele_i_data_options_at, 0, 0, offsetof(mele_options, data), "data.", MELE_OPTION_DATA},
    {mele_i_own_options_at, MELE_I_OPTIONS_OF_RUN, 1, 0, "", MELE_OPTION_DATA},
    {mele_i_own_options_at, MELE_I_OPTIONS_OF_CHOICE, 1, 0, "", MELE_OPTION_PARTITION},
    {mele_i_partition_options_at, MELE_I_PARTITION_REGIONS, 1, offsetof(mele_options, partition),
     "partition.", MELE_OPTION_PARTITION},
    {mele_i_own_options_at, MELE_I_OPTIONS_OF_SPACE, 1, 0, "", MELE_OPTION_PARTITION},
    {mele_i_partition_options_at, MELE_I_PARTITION_SEARCH, 1, offsetof(mele_options, partition),
     "partition.", MELE_OPTION_PARTITION},
    {mele_i_expert_options_at, 0, 0, offsetof(mele_options, experts), "experts.",
     MELE_OPTION_EXPERTS},
    {mele_i_own_options_at, MELE_I_OPTIONS_OF_EXPERTS, 1, 0, "", MELE_OPTION_EXPERTS},
    {mele_i_gate_options_at, 0, 0, offsetof(mele_options, gate), "gate.", MELE_OPTION_GATE},
    {mele_i_own_options_at, MELE_I_OPTIONS_OF_GATE, 1, 0, "", MELE_OPTION_GATE},
    {mele_i_family_options_at, 0, 0, offsetof(mele_options, family), "family.", MELE_OPTION_FAMILY},
};

#define WORD 64
_Static_assert(sizeof((mele_options *)0)->chosen[0] * 8 == WORD, "a bit for each option");

mele_options mele_options_defaults(void)
{
    mele_options options = {.cluster_on = "x", .target_weight = 1, .scale = "standard", .seed = 1};

    options.data = mele_data_defaults();
    options.partition = mele_partition_defaults();
    options.partition.clusters = 0;
    options.experts = mele_expert_defaults();
    options.gate = mele_gate_defaults();
    options.family = mele_i_family_defaults();
    return options;
}

/* ---- places ---- */

bool mele_i_option_at(size_t i, mele_i_option_place *out)
{
    const mele_i_option_table *table;

    for (const part *p = parts; p < parts + sizeof parts / sizeof *parts; p++)
        for (size_t t = 0;
             (p->count == 0 || t < p->count) && (table = p->table(p->first + t)) != NULL;
             i -= table->count, t++)
            if (i < table->count) {
                *out = (mele_i_option_place){&table->row[i], p->base, p->of, p->stage};
                return true;
            }
    return false;
}

bool mele_i_option_find(const char *name, size_t *i, mele_i_option_place *out)
{
    for (*i = 0; name != NULL && mele_i_option_at(*i, out); ++*i)
        if (out->option->name != NULL && strcmp(out->option->name, name) == 0)
            return true;
    return false;
}

void *mele_i_option_base(const mele_i_option_place *place, mele_options *options)
{
    return (char *)options + place->base;
}

const void *mele_i_option_const_base(const mele_i_option_place *place, const mele_options *options)
{
    return (const char *)options + place->base;
}

bool mele_i_option_given(const mele_options *options, size_t i)
{
    return options->chosen[i / WORD] >> i % WORD & 1;
}

void mele_i_option_give(mele_options *options, size_t i)
{
    options->chosen[i / WORD] |= (uint64_t)1 << i % WORD;
}

/* ---- what there is ---- */

const char *mele_option_name(size_t i)
{
    mele_i_option_place place;
    size_t named = 0;

    for (size_t at = 0; mele_i_option_at(at, &place); at++)
        if (place.option->name != NULL && named++ == i)
            return place.option->name;
    return NULL;
}

/* The row of a name; NULL: there is no option of that name. */
static const mele_i_option *row_named(const char *name)
{
    mele_i_option_place place;
    size_t i;

    return mele_i_option_find(name, &i, &place) ? place.option : NULL;
}

char mele_option_letter(const char *name)
{
    const mele_i_option *row = row_named(name);

    return row == NULL ? '\0' : row->letter;
}

const char *mele_option_argument(const char *name)
{
    const mele_i_option *row = row_named(name);

    return row == NULL ? NULL : row->argument;
}

const char *mele_option_help(const char *name)
{
    const mele_i_option *row = row_named(name);

    return row == NULL ? NULL : row->help;
}

mele_option_stage mele_option_stage_of(const char *name)
{
    mele_i_option_place place;
    size_t i;

    return mele_i_option_find(name, &i, &place) ? place.stage : MELE_OPTION_DATA;
}

mele_option_type mele_option_type_of(const char *name)
{
    static const mele_option_type type[] = {
        [MELE_I_TEXT] = MELE_OPTION_TEXT,     [MELE_I_CHOICE] = MELE_OPTION_CHOICE,
        [MELE_I_FLAG] = MELE_OPTION_FLAG,     [MELE_I_DENIAL] = MELE_OPTION_FLAG,
        [MELE_I_WHOLE] = MELE_OPTION_WHOLE,   [MELE_I_SEED] = MELE_OPTION_WHOLE,
        [MELE_I_NUMBER] = MELE_OPTION_NUMBER, [MELE_I_SPECIAL] = MELE_OPTION_TEXT};
    const mele_i_option *row = row_named(name);

    return row == NULL ? MELE_OPTION_TEXT : type[row->type];
}

bool mele_option_range(const char *name, double *least, double *most)
{
    const mele_i_option *row = row_named(name);

    if (row == NULL
        || (row->type != MELE_I_WHOLE && row->type != MELE_I_SEED && row->type != MELE_I_NUMBER))
        return false;
    *least = row->least;
    *most = row->most;
    return true;
}

bool mele_option_recorded(const char *name)
{
    const mele_i_option *row = row_named(name);

    return row != NULL && !row->passing;
}

static size_t nothing(char *out, size_t size)
{
    if (size > 0)
        out[0] = '\0';
    return 0;
}

size_t mele_option_choices(const char *name, char *out, size_t size)
{
    const mele_i_option *row = row_named(name);
    const size_t length = row == NULL ? 0 : mele_i_option_choices(row, out, size);

    return length == 0 ? nothing(out, size) : length;
}

size_t mele_option_default(const char *name, char *out, size_t size)
{
    const mele_options defaults = mele_options_defaults();
    mele_i_option_place place;
    size_t i;

    if (!mele_i_option_find(name, &i, &place))
        return nothing(out, size);
    if (place.option->default_text != NULL)
        return place.option->default_text(out, size);
    return mele_i_option_text(place.option, mele_i_option_const_base(&place, &defaults), out, size);
}

/* ---- checks ---- */

/* Members that programs do not set are checked by their stage, for which they are settled first. */
mele_status mele_i_options_check(const mele_options *options, mele_error *error)
{
    mele_i_option_place place;

    if (options == NULL)
        return mele_i_fail(error, MELE_EINVAL, "options is NULL");
    mele_status status = mele_i_check_reserved(options->reserved, error);
    if (status == MELE_OK)
        status = mele_i_check_reserved(options->family.reserved, error);
    for (size_t i = 0; mele_i_option_at(i, &place) && status == MELE_OK; i++)
        if (place.option->name != NULL)
            status = mele_i_option_check(place.option, mele_i_option_const_base(&place, options),
                                         place.of, error);
    if (status == MELE_OK)
        status = mele_i_check_range(options, error);
    return status == MELE_OK ? mele_i_check_refine(options, error) : status;
}
