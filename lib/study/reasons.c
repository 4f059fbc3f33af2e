/* What verdicts rest on, in words. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/comparison.h"
#include "study/judge.h"
#include "study/kinds.h"

enum { MOST_REASON = 1024 };

const char *mele_verdict_name(mele_verdict_kind kind)
{
    switch (kind) {
    case MELE_INCONCLUSIVE: return "inconclusive";
    case MELE_CONFIRMED: return "confirmed";
    case MELE_REFUTED: return "refuted";
    default: return "not measured";
    }
}

typedef struct words {
    char text[MOST_REASON];
    size_t length;
} words;

static void say(words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What does not fit is cut; names of contenders are not in reasons. */
static void say(words *w, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(w->text + w->length, MOST_REASON - w->length, format, arguments);
    va_end(arguments);
    if (length > 0)
        w->length =
            w->length + (size_t)length < MOST_REASON ? w->length + (size_t)length : MOST_REASON - 1;
}

static void say_effect(words *w, const mele_i_claim_part *claim, const mele_estimate *e)
{
    if (claim->measured == MELE_I_TIME)
        say(w, "times the seconds %.3g", exp(e->value * log(MELE_I_TIME_MARGIN)));
    else
        say(w, "difference %+.2f", e->value);
    if (!isfinite(e->lower) || !isfinite(e->upper))
        say(w, " (no bounds)");
    else if (claim->measured == MELE_I_TIME)
        say(w, " (%.3g to %.3g)", exp(e->lower * log(MELE_I_TIME_MARGIN)),
            exp(e->upper * log(MELE_I_TIME_MARGIN)));
    else
        say(w, " (%+.2f to %+.2f)", e->lower, e->upper);
    say(w, "%s", claim->measured == MELE_I_TIME ? "" : " margins");
}

static void say_p(words *w, const mele_verdict_part *part)
{
    if (part->kind == MELE_REFUTED)
        say(w, ", p %.2g against it", part->p_refuted);
    else if (part->kind == MELE_CONFIRMED)
        say(w, ", p %.2g", part->p_confirmed);
    else
        say(w, ", p %.2g for it and %.2g against it", part->p_confirmed, part->p_refuted);
}

static void say_test(words *w, const mele_i_claim_part *claim, const mele_verdict_part *part)
{
    if (claim->question == MELE_I_BOTH_WAYS)
        say(w, "each of %zu sets, Holm", part->sets);
    else if (claim->question == MELE_I_MORE_THERE)
        say(w, "%zu set%s against the others, Welch's t", part->sets, part->sets == 1 ? "" : "s");
    else if (mele_i_tests_over_sets(claim, part->sets))
        say(w, "signed ranks of %zu sets", part->sets);
    else if (part->sets == 1)
        say(w, "corrected resampled t on 1 set");
    else
        say(w, "corrected resampled t on each of %zu sets", part->sets);
}

static void say_finding(words *w, const mele_i_claim_part *claim, const mele_verdict_part *part)
{
    say_test(w, claim, part);
    say(w, ": ");
    say_effect(w, claim, &part->effect);
    say_p(w, part);
    if (part->sets > 1 && claim->question != MELE_I_MORE_THERE)
        say(w, "; %s is ahead on %zu, %s on %zu (Holm)", claim->first->name, part->better,
            claim->second->name, part->worse);
}

static void say_sets(words *w, const mele_i_claim_part *claim)
{
    say(w, "no set%s where both have a figure on 2 splits or more%s",
        claim->sets == MELE_I_CLASSES ? " of classes"
        : claim->sets == MELE_I_OUTPUT_REGIMES
            ? " whose regimes the output sets (regimes, tonedata)"
            : "",
        claim->any_experts ? "" : ", with the same experts");
}

/* The first of what is missing. */
static void say_missing(words *w, const mele_comparison *comparison, const mele_i_claim_part *claim,
                        bool times, const mele_verdict_part *part)
{
    const bool first = mele_i_kind_is_there(comparison, claim->first);

    if (!first || !mele_i_kind_is_there(comparison, claim->second))
        say(w, "no contender is a %s", first ? claim->second->name : claim->first->name);
    else if (claim->measured == MELE_I_TIME && !times)
        say(w, "times are left out");
    else if (claim->measured == MELE_I_SPREAD && comparison->seeds < 2)
        say(w, "one seed has no spread (more seeds tell it)");
    else if (part->sets > 0)
        say(w, "one set tells nothing of others");
    else
        say_sets(w, claim);
}

static mele_status keep(const words *w, char **out, mele_error *error)
{
    *out = mele_i_string(w->text);
    return *out == NULL ? mele_i_no_memory(error) : MELE_OK;
}

mele_status mele_i_reason_of_part(const mele_comparison *comparison, const mele_i_claim_part *claim,
                                  bool times, mele_verdict_part *part, mele_error *error)
{
    words w = {"", 0};

    if (part->kind == MELE_NOT_MEASURED)
        say_missing(&w, comparison, claim, times, part);
    else
        say_finding(&w, claim, part);
    return keep(&w, &part->reason, error);
}

mele_status mele_i_reason_of_verdict(mele_verdict *verdict, mele_error *error)
{
    words w = {"", 0};

    for (size_t i = 0; i < verdict->parts; i++) {
        const mele_verdict_part *part = &verdict->part[i];
        say(&w, "%s%s: %s (%s)", i == 0 ? "" : "\n", part->question, mele_verdict_name(part->kind),
            part->reason);
    }
    return keep(&w, &verdict->reason, error);
}
