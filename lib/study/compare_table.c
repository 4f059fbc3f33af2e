/* A comparison as tables that are read in a terminal: a table a set, and one over all sets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/text.h>

#include "core/buffer.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/rounded.h"
#include "study/standing.h"

#define WIDTH 100      /* of a line at most */
#define LEAST_NAME 14  /* columns that names get at least; a longer one has a line of its own */
#define INDENT 2
#define CELL 24
#define GAP 2          /* between cells; 1 where that is too much */

/* ---- text that flows ---- */

/* Columns that a text takes: its characters. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void add(mele_i_buffer *out, const char *text)
{
    mele_i_buffer_add(out, text, strlen(text));
}

/* Text from outside, which may hold control characters. */
typedef struct shown {
    char text[2 * MELE_MESSAGE_SIZE];
} shown;

static shown show(const char *text)
{
    shown s;

    mele_name_print(text, s.text, sizeof s.text);
    return s;
}

static void add_spaces(mele_i_buffer *out, size_t count)
{
    mele_i_buffer_print(out, "%*s", (int)count, "");
}

/* Words from `column` on, broken at the width, further lines indented. */
static void add_wrapped(mele_i_buffer *out, const char *from, size_t column, size_t indent)
{
    const shown whole = show(from);
    const char *text = whole.text;
    char word[sizeof whole.text];

    while (*text != '\0') {
        const size_t length = strcspn(text, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        if (column > indent && column + 1 + width_of(word) > WIDTH) {
            add(out, "\n");
            add_spaces(out, indent);
            column = indent;
        } else if (column > indent) {
            add(out, " ");
            column++;
        }
        add(out, word);
        column += width_of(word);
        text += length + strspn(text + length, " ");
    }
    add(out, "\n");
}

/* ---- cells ---- */

enum { LOSS, SD, SPREAD, RANK, BEHIND, P, FIT, PREDICT, CLUSTERS, PARAMETERS, DEAD, ENTROPY, CORRELATION, COLUMNS };

static const char *const titles[] = {
    [SD] = "sd", [SPREAD] = "seeds", [RANK] = "rank", [BEHIND] = "behind", [P] = "p", [FIT] = "fit s",
    [PREDICT] = "predict s", [CLUSTERS] = "K", [PARAMETERS] = "params", [DEAD] = "dead", [ENTROPY] = "entropy",
    [CORRELATION] = "corr"};

/* A set's table: what is told, and as text. */
typedef struct table {
    const mele_comparison *comparison;
    const mele_i_compared_set *set;
    mele_i_standing *standing;
    size_t *order, with;
    bool times;
    char (*cell)[COLUMNS][CELL]; /* contenders */
    size_t width[COLUMNS];       /* 0: the column is left out */
    size_t name_width, gap;
} table;

static double value_of(const mele_i_standing *s, int column)
{
    const double values[] = {
        [LOSS] = s->result.loss, [SD] = s->result.sd, [SPREAD] = s->result.spread, [RANK] = s->rank,
        [BEHIND] = s->difference.value, [P] = s->p, [FIT] = s->result.seconds_fit,
        [PREDICT] = s->result.seconds_predict, [CLUSTERS] = s->result.clusters,
        [PARAMETERS] = s->result.parameters, [DEAD] = s->result.dead, [ENTROPY] = s->result.gate_entropy,
        [CORRELATION] = s->result.error_correlation};

    return values[column];
}

/* The digits behind the point that all numbers of a column get: so many in all of its largest. Below 0: it is
 * beyond what is told without an exponent. */
static int decimals_of(const table *t, int column, int digits)
{
    double largest = 0;

    for (size_t k = 0; k < t->comparison->contenders; k++) {
        const double value = fabs(value_of(&t->standing[k], column));
        largest = value > largest ? value : largest;
    }
    if (largest == 0)
        return digits - 1;
    const int before = (int)floor(log10(largest)) + 1;
    if (before > digits + 4 || before < -4)
        return -1;
    return before >= digits ? 0 : before < 0 ? digits - before - 1 : digits - before;
}

static bool all_whole(const table *t, int column)
{
    for (size_t k = 0; k < t->comparison->contenders; k++) {
        const double value = value_of(&t->standing[k], column);
        if (!isnan(value) && value != floor(value))
            return false;
    }
    return true;
}

/* How the numbers of each column are rounded. */
static void choose_decimals(const table *t, int decimals[COLUMNS])
{
    decimals[LOSS] = decimals[SD] = decimals[SPREAD] = decimals[BEHIND] = decimals_of(t, LOSS, 4);
    decimals[FIT] = decimals_of(t, FIT, 3);
    decimals[PREDICT] = decimals_of(t, PREDICT, 2);
    decimals[RANK] = 1;
    decimals[P] = 3;
    decimals[ENTROPY] = decimals[CORRELATION] = 2;
    for (int column = CLUSTERS; column <= DEAD; column++)
        decimals[column] = all_whole(t, column) || column == PARAMETERS ? 0 : 1;
}

static void print_cell(const table *t, size_t k, int column, int decimals, char *out)
{
    const double value = value_of(&t->standing[k], column);

    if (!t->standing[k].result.has)
        snprintf(out, CELL, "%s", "");
    else if (column == BEHIND && k == t->order[0])
        snprintf(out, CELL, "%s", "best");
    else if (isnan(value))
        snprintf(out, CELL, "%s", column == P && k == t->order[0] ? "" : "-");
    else if (column == P && value < 0.001)
        snprintf(out, CELL, "%s", "<0.001");
    else
        mele_i_rounded(value, decimals, out, CELL);
}

/* Whether a column says anything of anybody. */
static bool says(const table *t, int column)
{
    if ((column == FIT || column == PREDICT) && !t->times)
        return false;
    if (column == P || column == BEHIND || column == RANK)
        return t->with > 1;
    for (size_t k = 0; k < t->comparison->contenders; k++)
        if (!isnan(value_of(&t->standing[k], column)))
            return true;
    return false;
}

static const char *title_of(const table *t, int column)
{
    return column == LOSS ? t->set->loss_name : titles[column];
}

static void fill_cells(table *t)
{
    int decimals[COLUMNS];
    size_t all = INDENT, columns = 0;

    choose_decimals(t, decimals);
    for (int column = 0; column < COLUMNS; column++) {
        if (!says(t, column))
            continue;
        t->width[column] = width_of(title_of(t, column));
        for (size_t k = 0; k < t->comparison->contenders; k++) {
            print_cell(t, k, column, decimals[column], t->cell[k][column]);
            const size_t width = width_of(t->cell[k][column]);
            t->width[column] = width > t->width[column] ? width : t->width[column];
        }
        all += GAP + t->width[column];
        columns++;
    }
    for (size_t k = 0; k < t->comparison->contenders; k++) {
        const size_t width = width_of(show(t->comparison->contender[k].name).text);
        t->name_width = width > t->name_width ? width : t->name_width;
    }
    t->gap = all + LEAST_NAME <= WIDTH ? GAP : 1;
    all -= columns * (GAP - t->gap);
    const size_t room = all < WIDTH ? WIDTH - all : 0;
    t->name_width = t->name_width > room ? room : t->name_width;
}

/* ---- a set ---- */

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void add_heading(const table *t, mele_i_buffer *out)
{
    const mele_i_compared_set *s = t->set;
    char classes[48] = "", folds[96], seeds[64] = "", line[2 * MELE_MESSAGE_SIZE];

    if (s->classes > 0)
        snprintf(classes, sizeof classes, " (%zu class%s)", s->classes, s->classes == 1 ? "" : "es");
    if (s->repeats > 1)
        snprintf(folds, sizeof folds, "%zu folds, dealt %zu times", s->folds, s->repeats);
    else
        snprintf(folds, sizeof folds, "%zu folds", s->folds);
    if (t->comparison->seeds > 1)
        snprintf(seeds, sizeof seeds, ", %zu seeds", t->comparison->seeds);
    snprintf(line, sizeof line, "%.200s: %.200s%s by %zu feature%s, %zu rows; %s%s", s->name,
             s->target == NULL ? "" : s->target, classes, s->features, plural(s->features), s->rows, folds, seeds);
    add_wrapped(out, line, 0, 0);
    add(out, "\n");
}

static void add_titles(const table *t, mele_i_buffer *out)
{
    add_spaces(out, INDENT + t->name_width);
    for (int column = 0; column < COLUMNS; column++)
        if (t->width[column] > 0) {
            add_spaces(out, t->gap + t->width[column] - width_of(title_of(t, column)));
            add(out, title_of(t, column));
        }
    add(out, "\n");
}

static void add_name(const table *t, const char *name, mele_i_buffer *out)
{
    const shown s = show(name);
    const size_t width = width_of(s.text);

    add_spaces(out, INDENT);
    add(out, s.text);
    if (width > t->name_width) {
        add(out, "\n");
        add_spaces(out, INDENT + t->name_width);
    } else {
        add_spaces(out, t->name_width - width);
    }
}

/* Cells at the end of a line that are empty are not there. */
static void add_cells(const table *t, size_t k, mele_i_buffer *out)
{
    size_t spaces = 0;

    for (int column = 0; column < COLUMNS; column++) {
        if (t->width[column] == 0)
            continue;
        const char *cell = t->cell[k][column];
        spaces += t->gap + t->width[column] - width_of(cell);
        if (cell[0] == '\0')
            continue;
        add_spaces(out, spaces);
        add(out, cell);
        spaces = 0;
    }
    add(out, "\n");
}

static void add_reason(const table *t, size_t k, mele_i_buffer *out)
{
    char reason[2 * MELE_MESSAGE_SIZE], line[2 * MELE_MESSAGE_SIZE + 32];
    const size_t set = (size_t)(t->set - t->comparison->set);

    mele_i_comparison_reason(t->comparison, set, k, reason, sizeof reason);
    snprintf(line, sizeof line, "no figure: %s", reason[0] == '\0' ? "not done" : reason);
    add_spaces(out, GAP);
    add_wrapped(out, line, INDENT + t->name_width + GAP, INDENT + t->name_width + GAP);
}

/* Rows without a prediction count for nothing, which a better contender may answer. */
static mele_status add_skipped(const table *t, size_t k, mele_i_buffer *out, mele_error *error)
{
    const size_t set = (size_t)(t->set - t->comparison->set);
    double *pooled = MELE_I_ARRAY(double, t->set->measures);
    size_t skipped = 0;
    char line[2 * MELE_MESSAGE_SIZE];
    mele_status status = pooled == NULL ? mele_i_no_memory(error)
                                        : mele_i_comparison_pool(t->comparison, set, k, pooled, &skipped, error);

    free(pooled);
    if (status != MELE_OK || skipped == 0)
        return status;
    snprintf(line, sizeof line, "%.200s: %zu of %zu predictions are missing, and count for nothing",
             t->comparison->contender[k].name, skipped,
             t->set->rows * t->set->repeats * t->comparison->seeds);
    add_spaces(out, INDENT);
    add_wrapped(out, line, INDENT, INDENT);
    return MELE_OK;
}

static mele_status add_rows(const table *t, mele_i_buffer *out, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = 0; i < t->comparison->contenders; i++) {
        const size_t k = t->order[i];
        add_name(t, t->comparison->contender[k].name, out);
        if (t->standing[k].result.has)
            add_cells(t, k, out);
        else
            add_reason(t, k, out);
    }
    for (size_t k = 0; k < t->comparison->contenders && status == MELE_OK; k++)
        if (t->standing[k].result.has)
            status = add_skipped(t, k, out, error);
    add(out, "\n");
    return status;
}

static mele_status add_set(const mele_comparison *c, size_t set, bool times, mele_i_buffer *out, mele_error *error)
{
    table t = {.comparison = c, .set = &c->set[set], .times = times,
               .standing = MELE_I_ARRAY(mele_i_standing, c->contenders),
               .order = MELE_I_ARRAY(size_t, c->contenders),
               .cell = mele_i_zeroed(c->contenders, sizeof *t.cell)};
    mele_status status = t.standing == NULL || t.order == NULL || t.cell == NULL
                             ? mele_i_no_memory(error)
                             : mele_i_standings(c, set, t.standing, t.order, &t.with, error);

    if (status == MELE_OK) {
        fill_cells(&t);
        add_heading(&t, out);
        if (t.with > 0)
            add_titles(&t, out);
        status = add_rows(&t, out, error);
    }
    free(t.standing);
    free(t.order);
    free(t.cell);
    return status;
}

/* ---- over sets ---- */

static void add_overall_test(const mele_i_overall *o, mele_i_buffer *out)
{
    char chi[32], p[32], f[32], f_p[32], critical[32], line[MELE_MESSAGE_SIZE];

    mele_i_rounded(o->friedman.chi_square, 2, chi, sizeof chi);
    mele_i_rounded(o->friedman.p, 4, p, sizeof p);
    mele_i_rounded(o->friedman.f, 2, f, sizeof f);
    mele_i_rounded(o->friedman.f_p, 4, f_p, sizeof f_p);
    mele_i_rounded(o->critical, 2, critical, sizeof critical);
    snprintf(line, sizeof line, "Friedman: chi-square %s, p %s; Iman and Davenport: F %s, p %s. Nemenyi: mean ranks that "
             "differ by more than %s are different at 5 %%.", chi, p, f, f_p, critical);
    add_spaces(out, INDENT);
    add_wrapped(out, line, INDENT, INDENT);
}

static void add_overall(const mele_comparison *c, const mele_i_overall *o, mele_i_buffer *out)
{
    size_t width = 0;
    char rank[CELL];

    for (size_t i = 0; i < o->contenders; i++) {
        const size_t own = width_of(show(c->contender[o->contender[i]].name).text);
        width = own > width ? own : width;
    }
    width = width > WIDTH / 2 ? WIDTH / 2 : width;
    mele_i_buffer_print(out, "All %zu sets\n\n", o->sets);
    add_spaces(out, INDENT + width);
    add(out, "  mean rank  best on\n");
    for (size_t i = 0; i < o->contenders; i++) {
        const shown name = show(c->contender[o->contender[i]].name);
        const size_t own = width_of(name.text);
        add_spaces(out, INDENT);
        add(out, name.text);
        add_spaces(out, own < width ? width - own : 0);
        mele_i_rounded(o->mean_rank[i], 2, rank, sizeof rank);
        mele_i_buffer_print(out, "  %9s  %7zu\n", rank, o->wins[i]);
    }
    add(out, "\n");
    add_overall_test(o, out);
    if (o->contenders < c->contenders) {
        add_spaces(out, INDENT);
        add_wrapped(out, "Contenders without a figure on one of the sets are not ranked over all.", INDENT, INDENT);
    }
    add(out, "\n");
}

static mele_status add_all_sets(const mele_comparison *c, mele_i_buffer *out, mele_error *error)
{
    mele_i_overall o;
    mele_status status = mele_i_overall_of(c, &o, error);

    if (status == MELE_OK && o.contenders >= 2 && o.sets >= 2)
        add_overall(c, &o, out);
    mele_i_overall_clear(&o);
    return status;
}

/* ---- the whole ---- */

static void add_legend(const mele_comparison *c, bool times, mele_i_buffer *out)
{
    add_wrapped(out, "Means over splits, each of which leaves out the rows of a fold; sd over splits. rank: mean over "
                "splits. behind: the best, and p that it is by chance (corrected resampled t test, Holm over "
                "contenders).", 0, 0);
    if (c->seeds > 1)
        add_wrapped(out, "seeds: standard deviation of a split's loss over seeds.", 0, 0);
    if (times)
        add_wrapped(out, "fit s, predict s: seconds a split.", 0, 0);
    add_wrapped(out, "K: experts; params: free parameters; dead: experts with next to no weight; entropy: of the gate's "
                "weights in a row, 0 (one expert) to 1 (all alike); corr: of two experts' errors.", 0, 0);
}

mele_status mele_comparison_table(const mele_comparison *comparison, bool times, char **out, size_t *length,
                                  mele_error *error)
{
    mele_i_buffer text = {NULL, 0, 0, false};
    mele_status status = MELE_OK;

    if (!mele_i_comparison_is_run(comparison))
        return mele_i_fail(error, MELE_EINVAL, "nothing was compared");
    for (size_t s = 0; s < comparison->sets && status == MELE_OK; s++)
        status = add_set(comparison, s, times, &text, error);
    if (status == MELE_OK && comparison->sets > 1)
        status = add_all_sets(comparison, &text, error);
    if (status == MELE_OK)
        add_legend(comparison, times, &text);
    return mele_i_buffer_finish(&text, status, out, length, error);
}
