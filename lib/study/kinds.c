/* A kind of methods is as good as the best of those that stand for it, which is not known. That
 * with the least loss in the very comparison would be chosen for its luck, too, and look better
 * than it is. So it is chosen for each split by the other splits of the same repeat, whose rows are
 * others: what is measured is the loss of a method that is chosen without looking.
 *
 * Training sets of splits share rows, so a little of the luck stays: of k methods that are as good
 * the chosen one's loss is lower by less than E(k) sqrt(r) s, E(2) = 0.56, E(3) = 0.85, s the
 * standard deviation of a method's loss on a split and r the share of tested rows: 0.18 s of two at
 * 10 folds, where the standard error of a difference is 0.63 s. */
#include "study/kinds.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

enum { MOST_TEXT = 256 };

/* The text of an option; "": it has none. options NULL: those of a contender that was filled by
 * hand, the defaults. */
static void text_of(const mele_options *options, const char *option, char text[MOST_TEXT])
{
    const mele_options defaults = mele_options_defaults();

    if (mele_options_get(options == NULL ? &defaults : options, option, text, MOST_TEXT, NULL, NULL)
        != MELE_OK)
        *text = 0;
}

static bool has_value(const mele_options *options, const char *option, const char *value)
{
    char text[MOST_TEXT];

    text_of(options, option, text);
    return strcmp(text, value) == 0;
}

bool mele_i_stands_for(const mele_comparison *comparison, size_t set, size_t contender,
                       const mele_i_kind *kind)
{
    const char *family = comparison->contender[contender].family;
    const mele_options *options = comparison->set[set].entry[contender].options;

    for (size_t i = 0; family != NULL && i < MELE_I_STAND_INS && kind->stand_in[i].family != NULL;
         i++) {
        bool fits = strcmp(family, kind->stand_in[i].family) == 0;
        for (size_t c = 0; fits && c < MELE_I_CONDITIONS; c++)
            if (kind->stand_in[i].condition[c].option != NULL)
                fits = has_value(options, kind->stand_in[i].condition[c].option,
                                 kind->stand_in[i].condition[c].value)
                       != kind->stand_in[i].condition[c].other;
        if (fits)
            return true;
    }
    return false;
}

/* Whether a contender with a figure stands for the kind with these experts. */
static bool has_experts(const mele_comparison *comparison, size_t set, const mele_i_kind *kind,
                        const char *expert)
{
    for (size_t c = 0; c < comparison->contenders; c++)
        if (mele_i_stands_for(comparison, set, c, kind) && mele_i_comparison_has(comparison, set, c)
            && has_value(comparison->set[set].entry[c].options, "expert", expert))
            return true;
    return false;
}

static bool counts(const mele_comparison *comparison, size_t set, size_t contender,
                   const mele_i_kind *kind, const mele_i_kind *other)
{
    char expert[MOST_TEXT];

    if (!mele_i_stands_for(comparison, set, contender, kind)
        || !mele_i_comparison_has(comparison, set, contender))
        return false;
    if (other == NULL)
        return true;
    text_of(comparison->set[set].entry[contender].options, "expert", expert);
    return has_experts(comparison, set, other, expert);
}

bool mele_i_kind_is_there(const mele_comparison *comparison, const mele_i_kind *kind)
{
    for (size_t s = 0; s < comparison->sets; s++)
        for (size_t c = 0; c < comparison->contenders; c++)
            if (mele_i_stands_for(comparison, s, c, kind))
                return true;
    return false;
}

static bool counts_anywhere(const mele_comparison *comparison, size_t contender,
                            const mele_i_kind *kind, const mele_i_kind *other)
{
    for (size_t s = 0; s < comparison->sets; s++)
        if (counts(comparison, s, contender, kind, other))
            return true;
    return false;
}

char *mele_i_kind_members(const mele_comparison *comparison, const mele_i_kind *kind,
                          const mele_i_kind *other)
{
    size_t length = 1;
    char *names;

    for (size_t c = 0; c < comparison->contenders; c++)
        length += strlen(comparison->contender[c].name) + 2;
    names = MELE_I_ZEROED(char, length);
    for (size_t c = 0; names != NULL && c < comparison->contenders; c++)
        if (counts_anywhere(comparison, c, kind, other)) {
            strcat(names, *names == 0 ? "" : ", ");
            strcat(names, comparison->contender[c].name);
        }
    return names;
}

/* Their mean over the splits of the repeat but one. */
static double mean_of_others(const double *losses, size_t folds, size_t split)
{
    const size_t first = split - split % folds;
    double sum = 0;

    for (size_t j = first; j < first + folds; j++)
        sum += j == split ? 0 : losses[j];
    return sum;
}

/* losses: of each contender in turn. */
static void choose(const mele_i_compared_set *set, const size_t *member, size_t members,
                   const double *losses, size_t *chosen)
{
    for (size_t j = 0; j < set->splits; j++) {
        size_t best = 0;
        for (size_t i = 1; i < members; i++)
            if (mean_of_others(losses + i * set->splits, set->folds, j)
                < mean_of_others(losses + best * set->splits, set->folds, j))
                best = i;
        chosen[j] = member[best];
    }
}

mele_status mele_i_kind_choose(const mele_comparison *comparison, size_t set,
                               const mele_i_kind *kind, const mele_i_kind *other, size_t *chosen,
                               bool *any, mele_error *error)
{
    const mele_i_compared_set *s = &comparison->set[set];
    size_t *member = MELE_I_ARRAY(size_t, comparison->contenders), members = 0;
    double *losses = mele_i_array(comparison->contenders, s->splits * sizeof *losses);
    const bool room = member != NULL && losses != NULL;

    for (size_t c = 0; room && c < comparison->contenders; c++)
        if (counts(comparison, set, c, kind, other)) {
            mele_i_comparison_losses(comparison, set, c, losses + members * s->splits);
            member[members++] = c;
        }
    if (members > 0)
        choose(s, member, members, losses, chosen);
    *any = members > 0;
    free(member);
    free(losses);
    return room ? MELE_OK : mele_i_no_memory(error);
}
