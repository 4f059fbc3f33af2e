/* The page of a comparison: well-formed, whole in itself, with all names, and nothing overlapping.
 */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/compare.h>
#include <mele/data.h>
#include <mele/report.h>

#include "core/stream.h"
#include "study/comparison.h"
#include "study/standing.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/markup_support.h"
#include "unit/verdict_support.h"

static const char *const measures[] = {"mse", "rmse", "mae"};

/* Sets of 10 splits and contenders, whose losses are those of a base and something by chance. Every
 * fifth contender refuses every third set; the contender after it fails on the set after. */
typedef struct shape {
    size_t sets, contenders, seeds;
    const char *set_name, *contender_name; /* %zu is its number */
} shape;

static void fill_outcome(mele_comparison *made, size_t at[4], mele_i_stream *stream)
{
    mele_i_outcome *o = mele_i_comparison_outcome(made, at[0], at[1], at[2], at[3]);

    if (at[1] % 5 == 1 && at[0] % 3 == 1 && at[2] == 4) {
        cr_assert_eq(mele_i_outcome_fail(o, "the matrix <is> singular", NULL), MELE_OK);
        return;
    }
    cr_assert_eq(mele_i_outcome_done(&made->set[at[0]], o, NULL), MELE_OK);
    o->measure[1] = 10 + 2 * (double)at[1] + mele_i_stream_normal(stream);
    o->seconds_fit = pow(10, 3 * mele_i_stream_uniform(stream) - 2);
    o->seconds_predict = 1e-3 * mele_i_stream_uniform(stream);
    o->clusters = at[1] == 0 ? 1 : 8;
    o->dead = at[1] % 3;
    o->parameters = 7.0 * (double)o->clusters;
    o->gate_entropy = at[1] == 0 ? NAN : mele_i_stream_uniform(stream);
    o->error_correlation = at[1] == 0 ? NAN : mele_i_stream_uniform(stream);
}

static void fill_outcomes(mele_comparison *made)
{
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);

    cr_assert_eq(mele_i_comparison_make_outcomes(made, NULL), MELE_OK);
    for (size_t s = 0; s < made->sets; s++)
        for (size_t c = 0; c < made->contenders; c++) {
            if (c % 5 == 4 && s % 3 == 2)
                cr_assert_eq(
                    mele_i_entry_refuse(&made->set[s].entry[c], "takes <no> classes", NULL),
                    MELE_OK);
            for (size_t j = 0; j < 10; j++)
                for (size_t seed = 0; seed < made->seeds; seed++)
                    fill_outcome(made, (size_t[4]){s, c, j, seed}, &stream);
        }
}

static mele_comparison *make(const shape *of)
{
    mele_comparison *made = NULL;
    char name[400];

    cr_assert_eq(mele_i_comparison_new(of->seeds, &made, NULL), MELE_OK);
    for (size_t s = 0; s < of->sets; s++) {
        snprintf(name, sizeof name, of->set_name, s + 1);
        const mele_i_set_form form = {.name = name,
                                      .target = "y & z",
                                      .rows = 100,
                                      .features = 3,
                                      .targets = 1,
                                      .folds = 10,
                                      .repeats = 1,
                                      .train_share = 0.9,
                                      .test_share = 0.1,
                                      .measure = measures,
                                      .measures = 3,
                                      .loss = 1};
        cr_assert_eq(mele_i_comparison_add_set(made, &form, NULL), MELE_OK);
    }
    for (size_t c = 0; c < of->contenders; c++) {
        snprintf(name, sizeof name, of->contender_name, c + 1);
        cr_assert_eq(mele_i_comparison_add_contender(made, name, c == 2 ? NULL : "mele", NULL),
                     MELE_OK);
    }
    fill_outcomes(made);
    return made;
}

static char *page_of(mele_comparison *comparison, bool times, size_t *length)
{
    char *text = NULL;
    mele_error error;

    cr_assert_eq(mele_comparison_set_command(comparison, "mele-compare a<b>.csv", &error), MELE_OK);
    cr_assert_eq(mele_comparison_html(comparison, times, &text, length, &error), MELE_OK);
    cr_assert_eq(strlen(text), *length);
    return text;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static const shape shapes[] = {
    {1, 1, 1, "set-%zu", "mele:k=%zu"},
    {2, 3, 1, "set-%zu", "mele:k=%zu,expert=gp"},
    {1, 2, 2, "<b>&\"%zu", "<script>alert(%zu)</script>&\""},
    {18, 15, 2, "a set of a long name, such as files in deep directories have/%zu",
     "mele:k=8,expert=gp,gate=softmax,gate-ridge=0.001,refine=20,assign=soft,number=%zu"},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

Test(page, is_well_formed_and_nothing_overlaps)
{
    for (size_t i = 0; i < TEST_SIZE(SHAPES, SHAPES, SHAPES - 1); i++)
        for (int times = 0; times < 2; times++) {
            mele_comparison *comparison = make(&shapes[i]);
            size_t length;
            char *text = page_of(comparison, times, &length);
            cr_assert_gt(check_markup(text, length), 50);
            cr_assert_gt(check_figures(text, length), 3);
            free(text);
            mele_comparison_free(comparison);
        }
}

Test(page, needs_nothing_from_elsewhere)
{
    static const char *const not_there[] = {"http",    "//",   "<script", "<img",  "<link",
                                            "@import", "url(", "src=",    "<b>&\""};
    mele_comparison *comparison = make(&shapes[2]);
    size_t length;
    char *text = page_of(comparison, true, &length);

    for (size_t i = 0; i < sizeof not_there / sizeof not_there[0]; i++)
        cr_assert_null(strstr(text, not_there[i]), "%s", not_there[i]);
    cr_assert_not_null(strstr(text, "&lt;script&gt;alert(2)&lt;/<wbr/>script&gt;&amp;&quot;"));
    cr_assert_not_null(strstr(text, "&lt;b&gt;&amp;&quot;1"));
    cr_assert_not_null(strstr(text, "<pre>mele-compare a&lt;b&gt;.csv</pre>"));
    free(text);
    mele_comparison_free(comparison);
}

Test(page, seconds_are_told_only_where_they_are_wanted)
{
    mele_comparison *comparison = make(&shapes[1]);
    size_t length, without;
    char *text = page_of(comparison, true, &length), *other;

    cr_assert_not_null(strstr(text, "seconds"));
    free(text);
    text = page_of(comparison, false, &without);
    cr_assert_null(strstr(text, "seconds"));
    mele_i_comparison_outcome(comparison, 0, 0, 0, 0)->seconds_fit = 1e6;
    mele_i_comparison_outcome(comparison, 1, 1, 0, 0)->seconds_predict = 1e6;
    other = page_of(comparison, false, &length);
    cr_assert_str_eq(text, other);
    free(text);
    free(other);
    mele_comparison_free(comparison);
}

Test(page, tells_all_names_and_why_there_is_no_figure)
{
    mele_comparison *comparison = make(&(shape){4, 6, 1, "set-%zu", "contender-%zu."});
    size_t length;
    char *text = page_of(comparison, true, &length), name[64];

    for (size_t s = 1; s <= 4; s++) {
        snprintf(name, sizeof name, "<h2 id=\"set-%zu\">set-%zu</h2>", s, s);
        cr_assert_not_null(strstr(text, name), "%s", name);
    }
    for (size_t c = 1; c <= 6; c++) {
        snprintf(name, sizeof name, "</svg>contender-<wbr/>%zu.</th>", c);
        cr_assert_not_null(strstr(text, name), "%s", name);
    }
    cr_assert_not_null(strstr(text, "no figure: takes &lt;no&gt; classes</td>"));
    cr_assert_not_null(strstr(text, "no figure: fold 5: the matrix &lt;is&gt; singular</td>"));
    free(text);
    mele_comparison_free(comparison);
}

/* A comparison in which nothing was run, or all failed. */
Test(page, of_no_figures)
{
    mele_comparison *comparison = make(&shapes[1]);
    size_t length;
    char *text;

    for (size_t c = 0; c < 3; c++)
        for (size_t s = 0; s < 2; s++)
            for (size_t j = 0; j < 10; j++)
                mele_i_outcome_clear(mele_i_comparison_outcome(comparison, s, c, j, 0));
    text = page_of(comparison, true, &length);
    cr_assert_gt(check_markup(text, length), 50);
    cr_assert_not_null(strstr(text, "no figure: not run</td>"));
    free(text);
    mele_comparison_free(comparison);
}

Test(page, of_nothing)
{
    mele_comparison *comparison = NULL;
    char *text = NULL;

    cr_assert_eq(mele_i_comparison_new(1, &comparison, NULL), MELE_OK);
    cr_assert_eq(mele_comparison_html(comparison, true, &text, NULL, NULL), MELE_EINVAL);
    cr_assert_null(text);
    mele_comparison_free(comparison);
}

static void add_plane(mele_comparison *comparison, size_t set, size_t features)
{
    mele_i_plane *plane = mele_i_plane_new(features, comparison->contenders, 3);

    plane->axis[0] = strdup("longitude & <b>");
    plane->axis[1] = strdup("latitude");
    plane->most[0] = plane->most[1] = 2;
    for (size_t i = 0; i < comparison->contenders * mele_i_plane_cells(plane); i++)
        plane->region[i] = i % plane->columns / 20;
    plane->drawn[1] = plane->drawn[2] = true;
    comparison->set[set].plane = plane;
}

Test(page, maps_of_regions)
{
    mele_comparison *comparison = make(&shapes[1]);
    size_t length;
    char *text;

    add_plane(comparison, 0, 2);
    add_plane(comparison, 1, 1);
    text = page_of(comparison, true, &length);
    check_markup(text, length);
    check_figures(text, length);
    cr_assert_eq(count(text, "<title>Regions of"), 4);
    cr_assert_not_null(strstr(text, ">longitude &amp; &lt;b&gt;</text>"));
    free(text);
    mele_comparison_free(comparison);
}

Test(page, memory_runs_out)
{
    mele_comparison *comparison = make(&shapes[1]);
    mele_status status;

    add_plane(comparison, 0, 2);
    for (size_t n = 0;; n += TEST_SIZE(1, 3, 23)) {
        char *text = NULL;
        failing_malloc_at(n);
        status = mele_comparison_html(comparison, true, &text, NULL, NULL);
        if (!failing_malloc_end()) {
            free(text);
            break;
        }
        cr_assert(status == MELE_ENOMEM && text == NULL, "%zu", n);
    }
    cr_assert_eq(status, MELE_OK);
    mele_comparison_free(comparison);
}

/* ---- verdicts ---- */

Test(page, verdicts_are_those_of_the_judge)
{
    const hand_form form = {6, 5, 1, 2, 2};
    const hand_truth truth = hand_nothing_differs();
    mele_comparison *comparison = hand_draw(&form, &truth, 0);
    mele_verdicts *verdicts = hand_judge(comparison);
    size_t length, parts = 0;
    char *text = page_of(comparison, true, &length), expected[80];

    check_markup(text, length);
    check_figures(text, length);
    for (size_t i = 0; i < verdicts->count; i++) {
        const mele_verdict *v = &verdicts->verdict[i];
        snprintf(expected, sizeof expected, "<h3>%s: %s</h3>", v->name, mele_verdict_name(v->kind));
        cr_assert_eq(count(text, expected), v->kind == MELE_NOT_MEASURED ? 0 : 1, "%s", expected);
        for (size_t j = 0; j < v->parts; j++)
            parts += v->part[j].kind != MELE_NOT_MEASURED && v->part[j].sets > 0;
    }
    cr_assert_gt(parts, 8);
    cr_assert_eq(count(text, "<desc>An interval for each set</desc>"), parts);
    free(text);
    mele_verdicts_free(verdicts);
    mele_comparison_free(comparison);
}

Test(page, claims_that_are_not_measured_are_not_told)
{
    mele_comparison *comparison = make(&shapes[1]);
    size_t length;
    char *text = page_of(comparison, true, &length);

    cr_assert_eq(count(text, "Claims of the survey"), 0);
    free(text);
    mele_comparison_free(comparison);
}

/* ---- regions ---- */

/* Rows in the corners of a square, the features in one of them 100 to the right; with one feature
 * only the first. The target is 1 in the right ones. */
enum { ROWS = 40 };

static mele_data *corners(size_t features, double *x)
{
    static double y[ROWS];
    mele_data *data = NULL;

    for (size_t i = 0; i < ROWS; i++) {
        x[i * features] = i % 2 * 100.0 + (double)(i / 4);
        if (features == 2)
            x[2 * i + 1] = i / 2 % 2 * 50.0 + (double)(i % 7);
        y[i] = i % 2;
    }
    const mele_matrix xs = mele_matrix_of(x, ROWS, features), ys = mele_matrix_of(y, ROWS, 1);
    cr_assert_eq(mele_data_of_arrays(&xs, &ys, 0, NULL, &data, NULL), MELE_OK);
    return data;
}

static mele_comparison *compare_corners(const mele_data *data, const char *clusters)
{
    mele_comparison *comparison = make(&shapes[1]);

    comparison->set[0].data = data;
    for (size_t c = 0; c < 2; c++) {
        mele_i_entry *entry = &comparison->set[0].entry[c];
        cr_assert_eq(mele_options_new(&entry->options, NULL), MELE_OK);
        cr_assert_eq(mele_options_set(entry->options, "clusters", c == 0 ? clusters : "1", NULL),
                     MELE_OK);
    }
    return comparison;
}

Test(page, regions_of_two_features)
{
    double x[2 * ROWS];
    mele_data *data = corners(2, x);
    mele_comparison *comparison = compare_corners(data, "4");
    const mele_i_plane *plane;

    cr_assert_eq(mele_comparison_regions(comparison, NULL, NULL), MELE_OK);
    plane = comparison->set[0].plane;
    cr_assert(plane != NULL && comparison->set[1].plane == NULL);
    cr_assert(plane->drawn[0] && !plane->drawn[1]
              && !plane->drawn[2]); /* of 4 experts, of 1, of others */
    const size_t corner[4] = {0, plane->columns - 1, (plane->rows - 1) * plane->columns,
                              plane->rows * plane->columns - 1};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(plane->region[corner[i]], plane->region[corner[j]]);
    cr_assert_eq(plane->points, ROWS);
    cr_assert(plane->x[5] == 101 && plane->y[5] == 5);
    cr_assert(plane->least[0] < 0 && plane->least[0] > -5 && plane->most[1] > 56
              && plane->most[1] < 60);
    mele_comparison_free(comparison);
    mele_data_free(data);
}

Test(page, regions_along_one_feature)
{
    double x[ROWS];
    mele_data *data = corners(1, x);
    mele_comparison *comparison = compare_corners(data, "2");
    const mele_i_plane *plane;

    cr_assert_eq(mele_comparison_regions(comparison, NULL, NULL), MELE_OK);
    plane = comparison->set[0].plane;
    cr_assert(plane->drawn[0] && plane->rows == 1);
    cr_assert_neq(plane->region[0], plane->region[plane->columns - 1]);
    cr_assert_eq(plane->y[3], 1); /* the target */
    cr_assert_str_eq(plane->axis[1], "y");
    mele_comparison_free(comparison);
    mele_data_free(data);
}

/* ---- standings ---- */

static void set_losses(mele_comparison *comparison, size_t set, size_t contender,
                       const double *losses)
{
    for (size_t j = 0; j < 10; j++)
        mele_i_comparison_outcome(comparison, set, contender, j, 0)->measure[1] = losses[j];
}

/* R: d <- b - a; t <- mean(d) / sqrt((1/10 + 1/9) * var(d)); 2 * pt(-abs(t), 9); p.adjust(, "holm")
 */
Test(page, standings_are_beside_the_best)
{
    static const double losses[3][10] = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
                                         {1.5, 2.2, 3.9, 4.1, 5.3, 6.8, 7.7, 8.2, 9.4, 10.6},
                                         {1.1, 2.4, 2.9, 4.3, 4.8, 6.2, 7.1, 8.3, 8.7, 10.5}};
    mele_comparison *comparison = make(&(shape){1, 3, 1, "set-%zu", "mele:k=%zu"});
    mele_i_standing standing[3];
    size_t order[3], with;

    for (size_t c = 0; c < 3; c++) {
        if (c == 1)
            for (size_t j = 0; j < 10; j++)
                cr_assert_eq(mele_i_outcome_done(&comparison->set[0],
                                                 mele_i_comparison_outcome(comparison, 0, 1, j, 0),
                                                 NULL),
                             MELE_OK);
        set_losses(comparison, 0, c, losses[c]);
    }
    cr_assert_eq(mele_i_standings(comparison, 0, standing, order, &with, NULL), MELE_OK);
    cr_assert(with == 3 && order[0] == 0 && order[1] == 2 && order[2] == 1);
    cr_assert(isnan(standing[0].p) && standing[0].difference.value == 0);
    cr_assert_float_eq(standing[1].difference.value, 0.47, 1e-12);
    cr_assert_float_eq(standing[1].p, 0.00956058872494284, 1e-8);
    cr_assert_float_eq(standing[2].p, 0.309450632300386, 1e-8);
    mele_comparison_free(comparison);
}

/* What differs in the last of 16 digits, by the order of sums, is the same: half a rank each, and nothing to test. */
Test(page, sums_in_another_order_are_ties)
{
    double losses[2][10];
    mele_comparison *comparison = make(&(shape){1, 2, 1, "set-%zu", "mele:k=%zu"});
    mele_i_standing standing[2];
    size_t order[2], with;

    for (size_t j = 0; j < 10; j++) {
        losses[0][j] = 1 / (3 + (double)j);
        losses[1][j] = losses[0][j] * (1 + 4 * DBL_EPSILON);
        cr_assert_neq(losses[0][j], losses[1][j]);
    }
    for (size_t j = 0; j < 10; j++)
        cr_assert_eq(mele_i_outcome_done(&comparison->set[0],
                                         mele_i_comparison_outcome(comparison, 0, 1, j, 0), NULL),
                     MELE_OK);
    for (size_t c = 0; c < 2; c++)
        set_losses(comparison, 0, c, losses[c]);
    cr_assert_eq(mele_i_standings(comparison, 0, standing, order, &with, NULL), MELE_OK);
    cr_assert(with == 2 && order[0] == 0);
    cr_expect(standing[0].rank == 1.5 && standing[1].rank == 1.5);
    cr_expect(standing[1].difference.value == 0 && standing[1].p == 1);
    cr_expect_float_eq(mele_i_set_loss(&comparison->set[0], (double[]){0, 1. / 3, 0}), 1. / 3, 1e-10);
    cr_expect_eq(mele_i_set_loss(&comparison->set[0], (double[]){0, 123456789012., 0}), 123456789000.);
    mele_comparison_free(comparison);
}

Test(page, ranks_are_of_contenders_with_figures_on_all_sets)
{
    mele_comparison *comparison = make(&(shape){4, 4, 1, "set-%zu", "mele:k=%zu"});
    mele_i_overall overall;

    mele_i_entry_refuse(&comparison->set[3].entry[3], "no", NULL);
    cr_assert_eq(mele_i_overall_of(comparison, &overall, NULL), MELE_OK);
    cr_assert(overall.sets == 4 && overall.contenders == 2); /* contender 1 failed on set 1 */
    cr_assert(overall.contender[0] == 0 && overall.contender[1] == 2);
    cr_assert(overall.mean_rank[0] == 1 && overall.wins[0] == 4);
    mele_i_overall_clear(&overall);
    mele_comparison_free(comparison);
}
