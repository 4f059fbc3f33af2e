/* The distance of two words is the least number of letters to be changed, added, left out or exchanged
 * with their neighbour that makes one of the other (without a letter touched twice), whatever their
 * case: by rows of a table, of which the last three are kept.
 *
 * Source: Damerau 1964, Commun. ACM 7; the restricted form of Wagner, Fischer 1974, J. ACM 21. */
#include "core/suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/quote.h"

#define LONGEST 64 /* of the words that are compared */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both words have at most LONGEST letters. */
static size_t distance(const char *a, size_t length_a, const char *b, size_t length_b)
{
    size_t row[3][LONGEST + 1];

    for (size_t j = 0; j <= length_b; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= length_a; i++) {
        size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            now[j] = least(last[j - 1] + !same, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2])
                && lower(a[i - 2]) == lower(b[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[length_a % 3][length_b];
}

static bool holds(const char *text, size_t length, const char *part, size_t part_length)
{
    for (size_t i = 0; i + part_length <= length; i++)
        if (strncasecmp(text + i, part, part_length) == 0)
            return true;
    return false;
}

/* How far a name is from the word: one that holds it, or that it holds, is just not too far. */
static size_t how_far(const char *word, size_t length, const char *name, size_t *most)
{
    const size_t name_length = strlen(name);

    *most = 1 + length / 5;
    if (length > LONGEST || name_length > LONGEST || name_length == 0)
        return *most + 1;
    size_t far = distance(word, length, name, name_length);
    if (far > *most && length >= 3 && name_length >= 3
        && (holds(name, name_length, word, length) || holds(word, length, name, name_length)))
        far = *most;
    return far < length ? far : *most + 1;
}

static void list_names(mele_i_suggestion *out, mele_i_name_fn *name, const void *user)
{
    size_t length = 0;
    const char *one;

    for (size_t i = 0; (one = name(i, user)) != NULL; i++) {
        const mele_i_quoted quoted = mele_i_quote(one, strlen(one));
        if (one[0] == '\0')
            continue;
        if (length + strlen(quoted.text) + sizeof ", , ..." > sizeof out->text) {
            snprintf(out->text + length, sizeof out->text - length, ", ...");
            return;
        }
        length += (size_t)snprintf(out->text + length, sizeof out->text - length, "%s%s",
                                   length == 0 ? ": the names are " : ", ", quoted.text);
    }
}

const char *mele_i_nearest(const char *word, size_t length, mele_i_name_fn *name, const void *user)
{
    const char *one, *nearest = NULL;
    size_t best = 0;

    for (size_t i = 0; (one = name(i, user)) != NULL; i++) {
        size_t most, far = how_far(word, length, one, &most);
        if (far <= most && (nearest == NULL || far < best)) {
            nearest = one;
            best = far;
        }
    }
    return nearest;
}

mele_i_suggestion mele_i_suggest(const char *word, size_t length, mele_i_name_fn *name,
                                 const void *user)
{
    const char *nearest = mele_i_nearest(word, length, name, user);
    mele_i_suggestion out = {""};

    if (nearest == NULL)
        list_names(&out, name, user);
    else
        snprintf(out.text, sizeof out.text, ": is it %s?",
                 mele_i_quote(nearest, strlen(nearest)).text);
    return out;
}
