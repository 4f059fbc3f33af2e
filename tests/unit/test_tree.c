/* The gate that is a tree of softmaxes: shapes, gradients, the optimum, what it is beside a softmax gate,
 * trees that grow, and trees of files. */
#include "gate_support.h"

#include "core/json.h"
#include "gate/kind.h"
#include "gate/tree/tree.h"
#include "support/failing_malloc.h"
#include "support/size.h"

/* ---- shapes ---- */

static const struct {
    size_t leaves, depth;
    size_t levels;
    const char *parents, *leaf;
} shapes[] = {
    {1, 0, 0, "", "0"},
    {2, 0, 1, "0 0", "1 2"},
    {3, 0, 2, "0 0 1 1", "3 4 2"},
    {5, 0, 3, "0 0 1 1 2 2 3 3", "7 8 4 5 6"},
    {8, 0, 3, "0 0 1 1 2 2 3 3 4 4 5 5 6 6", "7 8 9 10 11 12 13 14"},
    {4, 9, 2, "0 0 1 1 2 2", "3 4 5 6"},
    {5, 1, 1, "0 0 0 0 0", "1 2 3 4 5"},
    {9, 2, 2, "0 0 0 1 1 1 2 2 2 3 3 3", "4 5 6 7 8 9 10 11 12"},
    {10, 2, 2, "0 0 0 0 1 1 1 2 2 2 3 3 4 4", "5 6 7 8 9 10 11 12 13 14"},
    {7, 2, 2, "0 0 0 1 1 1 2 2 3 3", "4 5 6 7 8 9 10"},
};

static void say(char *out, size_t number)
{
    sprintf(out + strlen(out), "%s%zu", *out == '\0' ? "" : " ", number);
}

Test(tree, shapes)
{
    for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++) {
        mele_i_tree *tree = mele_i_tree_even(shapes[c].leaves, shapes[c].depth);
        char parents[200] = "", leaf[200] = "";
        cr_assert_not_null(tree);
        for (size_t v = 1; v < tree->nodes; v++)
            say(parents, tree->node[v].parent);
        for (size_t k = 0; k < tree->leaves; k++)
            say(leaf, tree->leaf[k]);
        cr_assert_str_eq(parents, shapes[c].parents);
        cr_assert_str_eq(leaf, shapes[c].leaf);
        cr_assert_eq(mele_i_tree_depth(tree), shapes[c].levels);
        mele_i_tree_free(tree);
    }
}

/* ceil(K^(1/D)) children at most, D levels at most, and leaves below siblings that differ by one. */
Test(tree, shapes_are_even)
{
    for (size_t leaves = 2; leaves <= TEST_SIZE(300, 60, 30); leaves++)
        for (size_t depth = 1; depth <= 5; depth++) {
            mele_i_tree *tree = mele_i_tree_even(leaves, depth);
            const size_t most = (size_t)ceil(pow((double)leaves, 1 / (double)depth) - 1e-9);
            size_t *below = MELE_I_ZEROED(size_t, tree->nodes);
            cr_assert_leq(mele_i_tree_depth(tree), depth);
            for (size_t v = tree->nodes; v-- > 0;) {
                const mele_i_tree_node *node = &tree->node[v];
                size_t least = leaves, largest = 0;
                below[v] = node->count == 0;
                for (size_t u = node->first; u < node->first + node->count; u++) {
                    below[v] += below[u];
                    least = below[u] < least ? below[u] : least;
                    largest = below[u] > largest ? below[u] : largest;
                }
                cr_assert(node->count != 1 && node->count <= (most < 2 ? 2 : most), "%zu leaves, depth %zu",
                          leaves, depth);
                cr_assert(node->count == 0 || largest <= least + 1);
            }
            cr_assert_eq(below[0], leaves);
            free(below);
            mele_i_tree_free(tree);
        }
}

/* ---- data ---- */

/* The responsibilities of equal priors: no function of x alone. */
static double *shares_of(const sample *s)
{
    double *shares = numbers(s->rows * s->clusters);

    memcpy(shares, s->likelihoods, s->rows * s->clusters * sizeof *shares);
    for (size_t i = 0; i < s->rows; i++)
        normalise(shares + i * s->clusters, s->clusters);
    for (size_t e = 0; e < s->rows * s->clusters; e++)
        shares[e] = exp(shares[e]);
    return shares;
}

static mele_gate_data with_shares(const sample *s, const double *shares)
{
    mele_gate_data data = data_of(s);

    data.shares = mele_rows_of_array(shares, s->rows, s->clusters);
    return data;
}

static mele_gate_options tree_options(size_t depth, double ridge)
{
    mele_gate_options options = options_of("tree", "features", "posteriors", ridge);

    options.depth = depth;
    return options;
}

static mele_i_tree *tree_of(const mele_gate *gate)
{
    return gate->state;
}

/* ---- training ---- */

/* tests/ref/hme.py */
Test(tree, optimum_is_that_of_a_general_minimiser)
{
    enum { N = 80, D = 2, K = 5 };
    static const double at[] = {2.5, 4.0, 3.5, 1.2, 3.9, 4.9};
    static const double weights[] = {
        0.294940314,  0.250553739,  0.226009204,  0.134292242,  0.094204501,
        0.0884116892, 0.113493155,  0.266379413,  0.224415439,  0.307300304,
        0.0588759867, 0.0894577379, 0.164256793,  0.287427108,  0.399982375};
    double x[N * D], w[N], shares[N * K], out[3 * K];
    const mele_matrix points = mele_matrix_of(at, 3, D);
    mele_gate_info info;

    for (size_t i = 0; i < N; i++) {
        w[i] = 0.5 + (double)(i % 3);
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = (1 + (double)j)
                               * sin(1.7 * (double)i + 2.3 * (double)j + 0.45 * (double)(i * j))
                           + 3;
        for (size_t k = 0; k < K; k++)
            shares[i * K + k] = 1.2 * cos(1.1 * (double)i + 1.9 * (double)k)
                                + 0.6 * (double)k * (x[i * D] - 3);
        normalise(shares + i * K, K);
        for (size_t k = 0; k < K; k++)
            shares[i * K + k] = exp(shares[i * K + k]);
    }
    const mele_gate_data data = {.rows = N, .clusters = K, .weights = w,
                                 .shares = mele_rows_of_array(shares, N, K),
                                 .x = mele_rows_of_array(x, N, D)};
    /* Weights are relative: the ordinary row weighs 2.5, which is the unit, and the ridge's. */
    const mele_gate_options options = tree_options(0, 0.7 / 2.5);
    mele_gate *gate = fit(&data, &options, NULL, &info);
    cr_assert(info.converged);
    cr_assert_float_eq(info.loss + info.penalty, 1.47653397561, 1e-10);
    cr_assert_eq(mele_gate_log_weights(gate, NULL, &points, 3, NULL, out, NULL), MELE_OK);
    for (size_t e = 0; e < 3 * K; e++)
        cr_assert_float_eq(exp(out[e]), weights[e], 1e-7);
    mele_gate_free(gate);
}

/* The gradient of every loss against differences. */
static void check_gradient(const mele_gate_data *data, const char *loss, size_t depth)
{
    mele_gate_options options = tree_options(depth, 2.5);
    options.loss = loss;
    mele_i_gate_training training = {
        .data = data, .options = &options, .loss = mele_i_gate_loss_find(loss), .total_weight = 70};
    training.loss_needs = mele_i_gate_loss_needs(training.loss, data);
    mele_gate *gate = mele_i_gate_new(mele_i_gate_kind_find("tree"), data->clusters);
    cr_assert_eq(gate->kind->make(gate, &training, NULL), MELE_OK);
    cr_assert_eq(gate->kind->prepare(gate, &training, NULL), MELE_OK);
    size_t factors, count = mele_i_gate_parameters(gate, &factors);
    double *theta = numbers(count), *gradient = numbers(count), *unused = numbers(count);
    double *parameters = numbers(count), *sums = numbers(2 + count), value, above, below;
    mele_i_gate_objective objective = {gate, &training, true, 0, parameters, sums};
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, depth);

    for (size_t p = 0; p < count; p++)
        theta[p] = mele_i_stream_normal(&stream);
    cr_assert_eq(mele_i_gate_evaluate(&objective, theta, &value, gradient, NULL), MELE_OK);
    for (size_t p = 0; p < count; p++) {
        const double was = theta[p], step = 1e-5;
        theta[p] = was + step;
        cr_assert_eq(mele_i_gate_evaluate(&objective, theta, &above, unused, NULL), MELE_OK);
        theta[p] = was - step;
        cr_assert_eq(mele_i_gate_evaluate(&objective, theta, &below, unused, NULL), MELE_OK);
        theta[p] = was;
        cr_assert_float_eq(gradient[p], (above - below) / (2 * step), 1e-6, "%s, depth %zu, %zu: %g",
                           loss, depth, p, gradient[p]);
    }
    free(theta);
    free(gradient);
    free(unused);
    free(parameters);
    free(sums);
    mele_gate_free(gate);
}

Test(tree, gradients_are_those_of_the_losses)
{
    for (size_t depth = 0; depth <= 3; depth++)
        for (size_t loss = 0; loss < 3; loss++) {
            sample s = draw(150, 3, 7, 2, 3 + depth);
            double *shares = shares_of(&s);
            const mele_gate_data data = with_shares(&s, shares);
            check_gradient(&data, losses[loss], depth);
            free(shares);
            free_sample(&s);
        }
}

/* One level is the softmax gate on features alone, in every bit. */
Test(tree, one_level_is_the_softmax_gate)
{
    static const size_t sizes[] = {150, 3000};

    for (size_t c = 0; c < 2; c++) {
        sample s = draw(sizes[c], 3, 4, 1, 8);
        double *shares = shares_of(&s);
        mele_gate_data data = with_shares(&s, shares);
        data.log_posteriors = (mele_rows){0};
        const mele_gate_options flat = tree_options(1, 1);
        mele_gate_options options = flat;
        mele_gate_info of_tree, of_softmax;
        options.kind = "softmax";
        mele_gate *tree = fit(&data, &flat, NULL, &of_tree);
        mele_gate *softmax = fit(&data, &options, NULL, &of_softmax);
        double *a = weights_of(tree, &s), *b = weights_of(softmax, &s);
        cr_assert_eq(memcmp(a, b, s.rows * s.clusters * sizeof *a), 0);
        cr_assert(of_tree.loss == of_softmax.loss && of_tree.penalty == of_softmax.penalty
                  && of_tree.iterations == of_softmax.iterations);
        mele_gate_free(tree);
        mele_gate_free(softmax);
        free(a);
        free(b);
        free(shares);
        free_sample(&s);
    }
}

/* Experts that change places within a node, and subtrees that do. */
Test(tree, places_of_siblings_do_not_matter)
{
    static const size_t swap[] = {3, 2, 0, 1}; /* of (1 2) (3 4): (4 3) (1 2) */
    sample s = draw(200, 3, 4, 1, 21);
    double *shares = shares_of(&s), *other = numbers(s.rows * 4);

    for (size_t i = 0; i < s.rows; i++)
        for (size_t k = 0; k < 4; k++)
            other[i * 4 + swap[k]] = shares[i * 4 + k];
    const mele_gate_data data = with_shares(&s, shares), swapped = with_shares(&s, other);
    const mele_gate_options options = tree_options(0, 0.5);
    mele_gate *a = fit(&data, &options, NULL, NULL), *b = fit(&swapped, &options, NULL, NULL);
    double *of_a = weights_of(a, &s), *of_b = weights_of(b, &s);
    for (size_t i = 0; i < s.rows; i++)
        for (size_t k = 0; k < 4; k++)
            cr_assert_float_eq(of_a[i * 4 + k], of_b[i * 4 + swap[k]], 1e-8);
    free(of_a);
    free(of_b);
    free(other);
    free(shares);
    mele_gate_free(a);
    mele_gate_free(b);
    free_sample(&s);
}

/* Of many rows, by parts of them: any number of threads gives the same bits. */
Test(tree, threads_do_not_matter)
{
    mele_engine_options engine_options = mele_engine_defaults();
    mele_engine *engine = NULL;
    sample s = draw(TEST_SIZE(60000, 20000, 6000), 3, 6, 1, 4);
    double *shares = shares_of(&s);
    const mele_gate_data data = with_shares(&s, shares);
    mele_gate_options options = tree_options(0, 1);

    options.max_iterations = 4;
    engine_options.threads = 3;
    cr_assert_eq(mele_engine_new(&engine_options, &engine, NULL), MELE_OK);
    mele_gate *one = fit(&data, &options, NULL, NULL), *three = fit(&data, &options, engine, NULL);
    cr_assert_eq(memcmp(tree_of(one)->coefficients, tree_of(three)->coefficients, 10 * 4 * sizeof(double)), 0);
    mele_gate_free(one);
    mele_gate_free(three);
    mele_engine_free(engine);
    free(shares);
    free_sample(&s);
}

/* Its first weights are equal, whatever the shape; it starts from another tree where it is told to. */
Test(tree, starts)
{
    sample s = draw(60, 2, 5, 1, 31);
    double *shares = shares_of(&s);
    const mele_gate_data data = with_shares(&s, shares);
    mele_gate_options options = tree_options(0, 1);
    mele_gate *start = NULL, *again = NULL;

    cr_assert_eq(mele_i_gate_restate(&data, &options, NULL, &start, NULL, NULL), MELE_OK);
    double *weights = weights_of(start, &s);
    for (size_t e = 0; e < s.rows * 5; e++)
        cr_assert_float_eq(exp(weights[e]), 0.2, 1e-12);
    mele_gate *trained = fit(&data, &options, NULL, NULL);
    options.start = trained;
    options.depth = 1;
    cr_assert_eq(mele_i_gate_restate(&data, &options, NULL, &again, NULL, NULL), MELE_OK);
    double *a = weights_of(trained, &s), *b = weights_of(again, &s);
    cr_assert_lt(farthest(a, b, s.rows * 5), 1e-12);
    cr_assert(mele_i_tree_same_shape(tree_of(trained), tree_of(again)));
    mele_gate_free(start);
    mele_gate_free(trained);
    mele_gate_free(again);
    free(weights);
    free(a);
    free(b);
    free(shares);
    free_sample(&s);
}

/* Beyond the data weights are those of their edge, and sum to 1. */
Test(tree, far_from_all_data)
{
    static const double far[] = {1e300, -1e300, 0, 1e12, -1e12, 5};
    sample s = draw(90, 2, 6, 1, 41);
    double *shares = shares_of(&s), out[3 * 6];
    const mele_gate_data data = with_shares(&s, shares);
    const mele_gate_options options = tree_options(0, 0);
    mele_gate *gate = fit(&data, &options, NULL, NULL);
    const mele_matrix x = mele_matrix_of(far, 3, 2);

    cr_assert_eq(mele_gate_log_weights(gate, NULL, &x, 3, NULL, out, NULL), MELE_OK);
    for (size_t i = 0; i < 3; i++) {
        double sum = 0;
        for (size_t k = 0; k < 6; k++)
            sum += exp(out[i * 6 + k]);
        cr_assert_float_eq(sum, 1, 1e-14);
    }
    mele_gate_free(gate);
    free(shares);
    free_sample(&s);
}

/* ---- growing ---- */

Test(tree, a_split_halves_a_leaf)
{
    sample s = draw(80, 2, 3, 1, 51);
    double *shares = shares_of(&s);
    const mele_gate_data data = with_shares(&s, shares);
    const mele_gate_options options = tree_options(0, 1);
    const double form[] = {0.5, 2, -1};
    mele_gate *gate = fit(&data, &options, NULL, NULL), *grown = NULL;
    double *before = weights_of(gate, &s);

    cr_assert_eq(mele_i_gate_split(gate, 1, NULL, &grown, NULL), MELE_OK);
    double *after = numbers(s.rows * 4);
    const mele_matrix x = mele_matrix_of(s.x, s.rows, s.cols);
    cr_assert_eq(mele_gate_log_weights(grown, NULL, &x, s.rows, NULL, after, NULL), MELE_OK);
    for (size_t i = 0; i < s.rows; i++) {
        cr_assert_float_eq(after[i * 4], before[i * 3], 1e-12);
        cr_assert_float_eq(after[i * 4 + 1], before[i * 3 + 1] - log(2), 1e-12);
        cr_assert_float_eq(after[i * 4 + 2], before[i * 3 + 2], 1e-12);
        cr_assert_float_eq(after[i * 4 + 3], before[i * 3 + 1] - log(2), 1e-12);
    }
    mele_gate_free(grown);
    cr_assert_eq(mele_i_gate_split(gate, 1, form, &grown, NULL), MELE_OK);
    cr_assert_eq(mele_gate_log_weights(grown, NULL, &x, s.rows, NULL, after, NULL), MELE_OK);
    for (size_t i = 0; i < s.rows; i++) {
        const double logit = form[0] + form[1] * s.x[i * 2] + form[2] * s.x[i * 2 + 1];
        cr_assert_float_eq(after[i * 4 + 1] - after[i * 4 + 3], logit, 1e-12);
    }
    mele_gate_free(gate);
    mele_gate_free(grown);
    free(before);
    free(after);
    free(shares);
    free_sample(&s);
}

/* ---- files ---- */

Test(tree, what_is_saved_is_read)
{
    for (size_t clusters = 1; clusters < 6; clusters += 2) {
        sample s = draw(70, 2, clusters, 1, 61);
        double *shares = shares_of(&s);
        const mele_gate_data data = with_shares(&s, shares);
        const mele_gate_options options = tree_options(0, 1);
        mele_gate *gate = fit(&data, &options, NULL, NULL), *read = NULL;
        json_t *section = mele_i_gate_save(gate);
        cr_assert_not_null(section);
        cr_assert_eq(mele_i_gate_load(section, &read, NULL), MELE_OK);
        double *a = weights_of(gate, &s), *b = weights_of(read, &s);
        cr_assert_eq(memcmp(a, b, s.rows * clusters * sizeof *a), 0);
        cr_assert_eq(mele_gate_features(read), 2);
        cr_assert_not(mele_gate_needs_posteriors(read));
        json_decref(section);
        mele_gate_free(gate);
        mele_gate_free(read);
        free(a);
        free(b);
        free(shares);
        free_sample(&s);
    }
}

#define SECTION(clusters, parents, leaves, intercept, coefficients)                                \
    "{\"kind\": \"tree\", \"clusters\": " clusters ", \"on\": \"features\", \"parents\": " parents \
    ", \"leaves\": " leaves ", \"intercept\": " intercept ", \"coefficients\": " coefficients       \
    ", \"lower\": [0], \"upper\": [1]}"
#define TREE(clusters, parents, leaves)                                                            \
    SECTION(clusters, parents, leaves, "[0, 0, 0, 0]", "[[1], [1], [1], [1]]")

Test(tree, sections_that_are_no_tree)
{
    static const char *const texts[] = {
        TREE("3", "[0, 0, 3, 3]", "[1, 2, 3]"),                /* its own parent */
        TREE("3", "[0, 0, 4, 4]", "[1, 2, 3]"),                /* a parent that comes later */
        TREE("3", "[3, 3, 0, 0]", "[1, 2, 4]"),                /* a circle */
        TREE("3", "[0, 0, 1, 2]", "[3, 4, 2]"),                /* one child */
        TREE("3", "[0, 1, 1, 0]", "[2, 3, 4]"),                /* siblings apart */
        TREE("3", "[0, 0, 0, 0]", "[1, 2, 3]"),                /* more leaves than experts */
        TREE("4", "[0, 0, 1, 1]", "[3, 4, 2, 2]"),             /* fewer */
        TREE("3", "[0, 0, 1, 1]", "[3, 3, 2]"),                /* two experts in one place */
        TREE("3", "[0, 0, 1, 1]", "[3, 1, 2]"),                /* one at an inner node */
        TREE("3", "[0, 0, 1, 1]", "[3, 5, 2]"),                /* one beyond the tree */
        TREE("3", "[0, 0, 1, 1]", "[3, 2]"),
        TREE("3", "[0, 0, 1, -1]", "[3, 4, 2]"),
        TREE("3", "[0, 0, 1, 1.5]", "[3, 4, 2]"),
        TREE("3", "[0, 0, 1, null]", "[3, 4, 2]"),
        TREE("3", "7", "[3, 4, 2]"),
        SECTION("2", "[0, 0, 1, 1, 2, 2]", "[3, 4]", "[0, 0, 0, 0, 0, 0]",
             "[[1], [1], [1], [1], [1], [1]]"),
        SECTION("3", "[0, 0, 1, 1]", "[3, 4, 2]", "[0, 0, 0]", "[[1], [1], [1], [1]]"),
        SECTION("3", "[0, 0, 1, 1]", "[3, 4, 2]", "[0, 0, 0, 0]", "[[1], [1], [1]]"),
        SECTION("3", "[0, 0, 1, 1]", "[3, 4, 2]", "[0, 0, 0, 0]", "[[1], [1], [1], [1, 2]]"),
        SECTION("3", "[0, 0, 1, 1]", "[3, 4, 2]", "[0, 0, 0, \"x\"]", "[[1], [1], [1], [1]]"),
        TREE("16777216", "[0, 0, 1, 1]", "[3, 4, 2]"),
        "{\"kind\": \"tree\", \"clusters\": 2, \"on\": \"both\", \"parents\": [0, 0], \"leaves\": [1, 2],"
        " \"intercept\": [0, 0], \"coefficients\": [[1, 1, 1], [1, 1, 1]], \"lower\": [0, 0, 0],"
        " \"upper\": [1, 1, 1]}",
        "{\"kind\": \"tree\", \"clusters\": 2}",
    };
    json_t *good = json_loads(TREE("3", "[0, 0, 1, 1]", "[3, 4, 2]"), 0, NULL);
    mele_gate *gate = NULL;

    cr_assert_eq(mele_i_gate_load(good, &gate, NULL), MELE_OK);
    mele_gate_free(gate);
    json_decref(good);
    refuse_sections(texts, sizeof texts / sizeof *texts);
}

/* ---- calls ---- */

Test(tree, is_not_for_who_asks_for_a_gate)
{
    sample s = draw(30, 2, 3, 1, 71);
    const mele_gate_data data = data_of(&s);
    mele_gate_options options = tree_options(0, 1);
    mele_gate *gate = NULL;

    for (size_t i = 0; mele_gate_kind(i) != NULL; i++)
        cr_assert_str_neq(mele_gate_kind(i), "tree");
    options.on = "both";
    cr_assert_eq(mele_gate_fit(&data, &options, NULL, &gate, NULL, NULL), MELE_EINVAL);
    cr_assert_null(gate);
    free_sample(&s);
}

Test(tree, memory)
{
    sample s = draw(300, 2, 5, 1, 81);
    double *shares = shares_of(&s);
    const mele_gate_data data = with_shares(&s, shares);
    const mele_gate_options options = tree_options(0, 1);
    size_t n = 0;

    for (;; n++) {
        mele_gate *gate = NULL;
        failing_malloc_at(n);
        mele_status status = mele_gate_fit(&data, &options, NULL, &gate, NULL, NULL);
        if (!failing_malloc_end()) {
            cr_assert_eq(status, MELE_OK);
            mele_gate_free(gate);
            break;
        }
        cr_assert(status == MELE_ENOMEM && gate == NULL, "allocation %zu", n);
    }
    cr_assert_gt(n, 20);
    mele_gate *gate = fit(&data, &options, NULL, NULL);
    for (n = 0;; n++) {
        mele_gate *grown = NULL;
        failing_malloc_at(n);
        mele_status status = mele_i_gate_split(gate, 4, NULL, &grown, NULL);
        if (!failing_malloc_end()) {
            cr_assert_eq(status, MELE_OK);
            mele_gate_free(grown);
            break;
        }
        cr_assert(status == MELE_ENOMEM && grown == NULL, "allocation %zu", n);
    }
    mele_gate_free(gate);
    free(shares);
    free_sample(&s);
}
