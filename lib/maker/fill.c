#include <mele/maker.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "core/option.h"
#include "core/quote.h"
#include "core/suggest.h"
#include "maker/makers.h"

#define MOST_NOISE 1e100

static const mele_i_maker *named(const char *name)
{
    const mele_i_maker *maker;

    for (size_t i = 0; name != NULL && (maker = mele_i_maker_at(i)) != NULL; i++)
        if (strcmp(maker->name, name) == 0)
            return maker;
    return NULL;
}

const char *mele_maker_name(size_t i)
{
    const mele_i_maker *maker = mele_i_maker_at(i);

    return maker == NULL ? NULL : maker->name;
}

const char *mele_maker_help(const char *name)
{
    const mele_i_maker *maker = named(name);

    return maker == NULL ? NULL : maker->help;
}

size_t mele_maker_columns(const char *name)
{
    const mele_i_maker *maker = named(name);

    return maker == NULL ? 0 : maker->features + 1;
}

const char *mele_maker_column(const char *name, size_t j)
{
    static const char *const numbered[] = {
        "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10", "x11",
        "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21"};
    const mele_i_maker *maker = named(name);

    if (maker == NULL || j > maker->features)
        return NULL;
    if (j == maker->features)
        return maker->classes == NULL ? "y" : "class";
    return j + 1 == maker->features && maker->last != NULL ? maker->last : numbered[j];
}

size_t mele_maker_classes(const char *name)
{
    const mele_i_maker *maker = named(name);
    size_t count = 0;

    while (maker != NULL && maker->classes != NULL && maker->classes[count] != NULL)
        count++;
    return count;
}

const char *mele_maker_class(const char *name, size_t c)
{
    return c < mele_maker_classes(name) ? named(name)->classes[c] : NULL;
}

double mele_maker_noise(const char *name)
{
    const mele_i_maker *maker = named(name);

    return maker == NULL ? -1 : maker->noise;
}

mele_maker_options mele_maker_defaults(void)
{
    const mele_maker_options options = {.seed = 1, .noise = -1};

    return options;
}

static const char *name_at(size_t i, const void *user)
{
    (void)user;
    return mele_maker_name(i);
}

static mele_status refuse_name(const char *name, mele_error *error)
{
    const size_t length = strlen(name);

    return mele_i_fail(error, MELE_EINVAL, "there is no data set %s%s", mele_i_quote(name, length).text,
                       mele_i_suggest(name, length, name_at, NULL).text);
}

static mele_status check_noise(const mele_i_maker *maker, double noise, mele_error *error)
{
    char text[MELE_I_NUMBER_ROOM + 1];

    if (noise < 0 || (noise <= MOST_NOISE && maker->noise >= 0))
        return MELE_OK;
    if (maker->noise < 0)
        return mele_i_fail(error, MELE_EINVAL, "%s takes no noise: its classes overlap by themselves",
                           maker->name);
    text[mele_i_number_print(noise, text)] = '\0';
    return mele_i_fail(error, MELE_EINVAL, "the noise is %s, not a standard deviation from 0 to 1e+100",
                       text);
}

/* Numbers of rows in 64 bits, numbers of doubles in what an array can have. */
static bool too_many(const mele_i_maker *maker, uint64_t first, size_t rows)
{
    const size_t bytes = (maker->features + 1) * sizeof(double);

    return rows > PTRDIFF_MAX / bytes || rows > UINT64_MAX - 1 - first;
}

mele_status mele_maker_fill(const char *name, const mele_maker_options *options, size_t rows,
                            double *out, mele_error *error)
{
    const mele_maker_options chosen = options == NULL ? mele_maker_defaults() : *options;
    const mele_i_maker *maker = named(name);
    mele_status status = mele_i_check_reserved(chosen.reserved, error);

    if (status == MELE_OK && maker == NULL)
        status = refuse_name(name == NULL ? "" : name, error);
    if (status == MELE_OK)
        status = check_noise(maker, chosen.noise, error);
    if (status == MELE_OK && too_many(maker, chosen.first, rows))
        status = mele_i_fail(error, MELE_EINVAL, "more rows than there can be");
    if (status == MELE_OK && rows > 0 && out == NULL)
        status = mele_i_fail(error, MELE_EINVAL, "there is no array for the rows");
    if (status != MELE_OK)
        return status;
    mele_i_maker_row row = {chosen.seed, maker->set, chosen.first,
                            chosen.noise < 0 ? maker->noise : chosen.noise};
    for (size_t i = 0; i < rows; i++, row.number++)
        maker->make(&row, out + i * (maker->features + 1));
    return MELE_OK;
}
