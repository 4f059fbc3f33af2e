/* The gate, for people: what it is, and, of a tree, its nodes in the data's units. */
#include "model/gate_info.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/basis.h"
#include "gate/gate.h"

#define NAME_ROOM 1024
#define MOST_SAID 6    /* columns, in a line of text */
#define MOST_INDENT 40 /* levels */

size_t mele_model_gate_text(const mele_model *model, char *out, size_t size)
{
    char names[MELE_I_SELECTION_ROOM];
    size_t length;

    if (size > 0)
        out[0] = '\0';
    if (model->gate == NULL)
        return 0;
    length = mele_i_gate_text(model->gate, out, size);
    if (model->gate_features.features > 0) {
        mele_i_selection_text(&model->gate_features, names);
        length += (size_t)snprintf(length < size ? out + length : NULL,
                                   length < size ? size - length : 0, ", of %s", names);
    }
    if (model->combine->text != NULL)
        length += (size_t)snprintf(length < size ? out + length : NULL,
                                   length < size ? size - length : 0, "; %s", model->combine->text);
    return length;
}

/* ---- the nodes of a tree ---- */

typedef struct nodes {
    const mele_model *model;
    mele_i_gate_node *node; /* NULL: it is no tree, and count is 0 */
    size_t count, columns;
    double *raw;      /* count x (1 + columns): coefficients in the data's units; the root's are not set */
    size_t *experts;  /* of every node: how many are at or below it */
} nodes;

static void nodes_clear(nodes *n)
{
    free(n->node);
    free(n->raw);
    free(n->experts);
}

static const mele_i_scaling *scaling_of(const mele_model *model)
{
    return mele_i_selection_scaling(&model->gate_features, &model->scaling);
}

static void take_units(nodes *n)
{
    const mele_i_scaling *scaling = scaling_of(n->model);

    for (size_t v = 1; v < n->count; v++)
        mele_i_basis_raw(n->columns, 1, scaling->center, scaling->scale, n->node[v].coefficients,
                         n->raw + v * (1 + n->columns));
    for (size_t v = n->count; v-- > 0;) {
        n->experts[v] += n->node[v].count == 0;
        if (v > 0)
            n->experts[n->node[v].parent] += n->experts[v];
    }
}

static mele_status nodes_make(const mele_model *model, nodes *n, mele_error *error)
{
    *n = (nodes){.model = model, .count = model->gate == NULL ? 0 : mele_i_gate_nodes(model->gate)};
    if (n->count == 0)
        return MELE_OK;
    n->columns = mele_gate_features(model->gate);
    n->node = MELE_I_ARRAY(mele_i_gate_node, n->count);
    n->raw = mele_i_array(n->count, (1 + n->columns) * sizeof *n->raw);
    n->experts = MELE_I_ZEROED(size_t, n->count);
    if (n->node == NULL || n->raw == NULL || n->experts == NULL) {
        nodes_clear(n);
        return mele_i_no_memory(error);
    }
    mele_i_gate_get_nodes(model->gate, n->node);
    take_units(n);
    return MELE_OK;
}

static void column_name(const nodes *n, size_t column, char out[NAME_ROOM])
{
    mele_i_schema_column_name(mele_i_selection_schema(&n->model->gate_features, n->model->schema), column,
                              out, NAME_ROOM);
}

/* ---- text ---- */

typedef struct lines {
    char *out;
    size_t size, length;
} lines;

static void say(lines *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(lines *l, const char *format, ...)
{
    va_list arguments;
    char *at = l->length < l->size ? l->out + l->length : NULL;

    va_start(arguments, format);
    l->length += (size_t)vsnprintf(at, at == NULL ? 0 : l->size - l->length, format, arguments);
    va_end(arguments);
}

/* What a column's coefficient is in the units that training saw it in, by which those that matter most are
 * told. */
static double size_of(const nodes *n, size_t node, size_t column)
{
    return fabs(n->node[node].coefficients[1 + column]);
}

/* The largest that is smaller than a size, or as large and later: of (size, column) in falling order. */
static size_t next_largest(const nodes *n, size_t node, size_t last)
{
    const double most = last == n->columns ? INFINITY : size_of(n, node, last);
    size_t best = n->columns;

    for (size_t j = 0; j < n->columns; j++) {
        const double size = size_of(n, node, j);
        const bool after = size < most || (size == most && (last == n->columns || j > last));
        if (after && size > 0 && (best == n->columns || size > size_of(n, node, best)))
            best = j;
    }
    return best;
}

static void say_form(const nodes *n, size_t node, lines *l)
{
    const double *raw = n->raw + node * (1 + n->columns);
    char name[NAME_ROOM], shown[NAME_ROOM];
    size_t column = n->columns, said = 0;

    say(l, ": %.4g", raw[0]);
    while ((column = next_largest(n, node, column)) < n->columns && said++ < MOST_SAID) {
        column_name(n, column, name);
        mele_name_print(name, shown, sizeof shown);
        say(l, " %c %.4g %s", raw[1 + column] < 0 ? '-' : '+', fabs(raw[1 + column]), shown);
    }
    if (column < n->columns)
        say(l, " + ..");
}

static void say_node(const nodes *n, size_t node, size_t depth, lines *l)
{
    const size_t indent = depth - 1 < MOST_INDENT ? depth - 1 : MOST_INDENT;

    say(l, "%*s", (int)(2 * indent), "");
    if (n->node[node].count == 0)
        say(l, "expert %zu", n->node[node].expert + 1);
    else
        say(l, "node %zu, %zu experts", node, n->experts[node]);
    say_form(n, node, l);
    say(l, "\n");
}

/* Children below their parents, in their order: on from a node, or from above it where it has no children. */
static size_t next_node(const nodes *n, size_t node, size_t *depth)
{
    if (n->node[node].count > 0) {
        ++*depth;
        return n->node[node].first;
    }
    while (node > 0) {
        const mele_i_gate_node *parent = &n->node[n->node[node].parent];
        if (node + 1 < parent->first + parent->count)
            return node + 1;
        node = n->node[node].parent;
        --*depth;
    }
    return 0;
}

static void say_nodes(const nodes *n, lines *l)
{
    size_t depth = 0, node = 0;

    if (n->count > 0)
        while ((node = next_node(n, node, &depth)) > 0)
            say_node(n, node, depth, l);
}

mele_status mele_model_tree_text(const mele_model *model, char **out, size_t *length,
                                 mele_error *error)
{
    nodes n;
    lines l = {0};
    mele_status status = nodes_make(model, &n, error);

    if (status != MELE_OK)
        return status;
    say_nodes(&n, &l);
    l.size = l.length + 1;
    l.length = 0;
    l.out = MELE_I_ARRAY(char, l.size);
    if (l.out != NULL) {
        l.out[0] = '\0';
        say_nodes(&n, &l);
        *out = l.out;
        if (length != NULL)
            *length = l.length;
    }
    nodes_clear(&n);
    return l.out == NULL ? mele_i_no_memory(error) : MELE_OK;
}

/* ---- the table ---- */

static void add_rows(const nodes *n, size_t node, mele_text *text)
{
    char name[NAME_ROOM] = "intercept";

    for (size_t j = 0; j <= n->columns; j++) {
        if (j > 0)
            column_name(n, j - 1, name);
        mele_text_number(text, (double)node);
        mele_text_number(text, (double)n->node[node].parent);
        mele_text_number(text, n->node[node].count == 0 ? (double)n->node[node].expert + 1 : NAN);
        mele_text_name(text, name);
        mele_text_number(text, n->raw[node * (1 + n->columns) + j]);
        mele_text_newline(text);
    }
}

mele_status mele_i_tree_table(const mele_model *model, mele_text *text, mele_error *error)
{
    static const char *const header[] = {"node", "parent", "expert", "term", "coefficient"};
    nodes n;
    mele_status status = nodes_make(model, &n, error);

    for (size_t c = 0; c < sizeof header / sizeof *header; c++)
        mele_text_name(text, header[c]);
    mele_text_newline(text);
    if (status != MELE_OK)
        return status;
    for (size_t v = 1; v < n.count; v++)
        add_rows(&n, v, text);
    nodes_clear(&n);
    return MELE_OK;
}
