/* A comparison as CSV: a row a set, contender, repeat, fold and seed; one row where a contender takes no part. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "data/text.h"
#include "study/comparison.h"

typedef struct writer {
    const mele_comparison *comparison;
    bool times;
    mele_text *text;
    const char **measure; /* of all sets, each once */
    size_t measures;
} writer;

static void add_word(const writer *w, const char *word)
{
    mele_text_cell(w->text, word, strlen(word));
}

/* ---- the header ---- */

static bool is_listed(const writer *w, const char *measure)
{
    for (size_t m = 0; m < w->measures; m++)
        if (strcmp(w->measure[m], measure) == 0)
            return true;
    return false;
}

static mele_status list_measures(writer *w, mele_error *error)
{
    const mele_comparison *c = w->comparison;
    size_t most = 0;

    for (size_t s = 0; s < c->sets; s++)
        most += c->set[s].measures;
    if ((w->measure = MELE_I_ARRAY(const char *, most)) == NULL)
        return mele_i_no_memory(error);
    for (size_t s = 0; s < c->sets; s++)
        for (size_t m = 0; m < c->set[s].measures; m++)
            if (!is_listed(w, c->set[s].measure[m]))
                w->measure[w->measures++] = c->set[s].measure[m];
    return MELE_OK;
}

static void add_header(const writer *w)
{
    static const char *const place[] = {"set", "contender", "repeat", "fold", "seed", "state", "loss"};
    static const char *const seconds[] = {"seconds_fit", "seconds_predict"};
    static const char *const rest[] = {"clusters", "parameters", "dead", "gate_entropy", "error_correlation",
                                       "message"};

    for (size_t i = 0; i < sizeof place / sizeof *place; i++)
        add_word(w, place[i]);
    for (size_t m = 0; m < w->measures; m++)
        mele_i_text_name(w->text, "", w->measure[m], "\n\r\t");
    for (size_t i = 0; w->times && i < sizeof seconds / sizeof *seconds; i++)
        add_word(w, seconds[i]);
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        add_word(w, rest[i]);
    mele_text_newline(w->text);
}

/* ---- the rows ---- */

/* What is measured, of an outcome that is not done NA. */
static void add_numbers(const writer *w, const mele_i_compared_set *set, const mele_i_outcome *o)
{
    const bool done = o != NULL && o->state == MELE_I_OUTCOME_DONE;
    const bool known = done && o->clusters > 0;

    mele_text_number(w->text, done ? mele_i_set_loss(set, o->measure) : NAN);
    for (size_t m = 0; m < w->measures; m++) {
        size_t at = 0;
        while (at < set->measures && strcmp(set->measure[at], w->measure[m]) != 0)
            at++;
        mele_text_number(w->text, done && at < set->measures ? o->measure[at] : NAN);
    }
    if (w->times) {
        mele_text_number(w->text, done ? o->seconds_fit : NAN);
        mele_text_number(w->text, done ? o->seconds_predict : NAN);
    }
    mele_text_number(w->text, known ? (double)o->clusters : NAN);
    mele_text_number(w->text, done ? o->parameters : NAN);
    mele_text_number(w->text, known ? (double)o->dead : NAN);
    mele_text_number(w->text, done ? o->gate_entropy : NAN);
    mele_text_number(w->text, done ? o->error_correlation : NAN);
}

static void add_names(const writer *w, const mele_i_compared_set *set, size_t contender)
{
    add_word(w, set->name);
    add_word(w, w->comparison->contender[contender].name);
}

static void add_outcome(const writer *w, const mele_i_compared_set *set, size_t contender, size_t split, size_t seed)
{
    static const char *const states[] = {"missing", "done", "failed"};
    const size_t fold = split % set->folds, index = (size_t)(set - w->comparison->set);
    const mele_i_outcome *o = mele_i_comparison_outcome(w->comparison, index, contender, split, seed);

    add_names(w, set, contender);
    mele_text_number(w->text, (double)(split / set->folds + 1));
    if (set->fold_name != NULL)
        add_word(w, set->fold_name[fold]);
    else
        mele_text_number(w->text, (double)fold + 1);
    mele_text_number(w->text, (double)seed + 1);
    add_word(w, states[o->state]);
    add_numbers(w, set, o);
    add_word(w, o->message == NULL ? "" : o->message);
    mele_text_newline(w->text);
}

static void add_refusal(const writer *w, const mele_i_compared_set *set, size_t contender)
{
    add_names(w, set, contender);
    for (int i = 0; i < 3; i++)
        mele_text_number(w->text, NAN);
    add_word(w, "refused");
    add_numbers(w, set, NULL);
    add_word(w, set->entry[contender].refusal);
    mele_text_newline(w->text);
}

static void add_rows(const writer *w, const mele_i_compared_set *set, size_t contender)
{
    if (set->entry[contender].refusal != NULL) {
        add_refusal(w, set, contender);
        return;
    }
    for (size_t split = 0; split < set->splits; split++)
        for (size_t seed = 0; seed < w->comparison->seeds; seed++)
            add_outcome(w, set, contender, split, seed);
}

/* The text without the delimiters of its maker, for free(). */
static mele_status hand_over(const writer *w, char **out, size_t *length, mele_error *error)
{
    const size_t whole = mele_text_length(w->text);
    mele_status status = mele_text_status(w->text, error);
    char *copy = status == MELE_OK ? MELE_I_ARRAY(char, whole + 1) : NULL;

    if (copy == NULL)
        return status == MELE_OK ? mele_i_no_memory(error) : status;
    memcpy(copy, mele_text_data(w->text), whole);
    copy[whole] = '\0';
    *out = copy;
    if (length != NULL)
        *length = whole;
    return MELE_OK;
}

mele_status mele_comparison_csv(const mele_comparison *comparison, bool times, char **out, size_t *length,
                                mele_error *error)
{
    writer w = {.comparison = comparison, .times = times};
    mele_status status = MELE_OK;

    if (!mele_i_comparison_is_run(comparison))
        return mele_i_fail(error, MELE_EINVAL, "nothing was compared");
    status = mele_text_new(',', &w.text, error);
    if (status == MELE_OK)
        status = list_measures(&w, error);
    if (status == MELE_OK) {
        add_header(&w);
        for (size_t s = 0; s < comparison->sets; s++)
            for (size_t k = 0; k < comparison->contenders; k++)
                add_rows(&w, &comparison->set[s], k);
        status = hand_over(&w, out, length, error);
    }
    free(w.measure);
    mele_text_free(w.text);
    return status;
}
