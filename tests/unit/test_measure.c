/* Folds and metrics. Reference values: scikit-learn's, by tests/ref/measure.py. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/measure.h>

#include "measure/folds.h"
#include "measure/metrics.h"

#define PRINTED 1e-11 /* relative: reference values have 12 digits */

/* ---- folds ---- */

static mele_i_stream stream(uint64_t seed)
{
    return mele_i_stream_make(seed, MELE_I_FOR_FOLDS, 0, 0);
}

static mele_status deal(size_t n, const size_t *groups, const double *classes, size_t count,
                        uint64_t seed, size_t *folds)
{
    mele_i_stream s = stream(seed);

    return mele_i_folds(n, groups, classes, count, &s, folds, NULL);
}

/* The sizes of the folds among the rows of a class (all rows: classes NULL) are within one. */
static void check_even(const size_t *folds, size_t n, size_t count, const double *classes,
                       double class)
{
    size_t least = n, most = 0;

    for (size_t f = 0; f < count; f++) {
        size_t size = 0;
        for (size_t i = 0; i < n; i++)
            size += folds[i] == f && (classes == NULL || classes[i] == class);
        least = size < least ? size : least;
        most = size > most ? size : most;
    }
    cr_assert_leq(most - least, 1, "%zu rows, %zu folds, class %g: %zu to %zu", n, count, class,
                  least, most);
}

Test(folds, are_even)
{
    static const size_t shapes[][2] = {{2, 2}, {10, 10}, {11, 3}, {97, 10}, {500, 7}};

    for (size_t c = 0; c < sizeof shapes / sizeof shapes[0]; c++) {
        size_t n = shapes[c][0], count = shapes[c][1], folds[500];
        cr_assert_eq(deal(n, NULL, NULL, count, c + 3, folds), MELE_OK);
        for (size_t i = 0; i < n; i++)
            cr_assert_lt(folds[i], count);
        check_even(folds, n, count, NULL, 0);
    }
}

Test(folds, are_even_in_every_class)
{
    double classes[203];
    size_t folds[203];

    for (size_t i = 0; i < 203; i++) /* one row of class 0, a few of 1, many of 2 and 7 */
        classes[i] = i == 100 ? 0 : i % 29 == 0 ? 1 : i % 2 == 0 ? 7 : 2;
    for (uint64_t seed = 1; seed < 20; seed++) {
        cr_assert_eq(deal(203, NULL, classes, 5, seed, folds), MELE_OK);
        check_even(folds, 203, 5, NULL, 0);
        for (double class = 0; class < 8; class ++)
            check_even(folds, 203, 5, classes, class);
    }
}

Test(folds, groups_stay_whole)
{
    size_t groups[300], folds[300], rows[4] = {0};

    for (size_t i = 0; i < 300; i++)
        groups[i] = i < 90 ? 4 : 1000 + i % 35; /* one large group and 35 of 6 */
    cr_assert_eq(deal(300, groups, NULL, 4, 3, folds), MELE_OK);
    for (size_t i = 0; i < 300; i++) {
        rows[folds[i]]++;
        for (size_t j = 0; j < i; j++)
            cr_assert(groups[i] != groups[j] || folds[i] == folds[j]);
    }
    /* the large group has a fold to itself; the others take 70, within a group of one another */
    for (size_t f = 0; f < 4; f++)
        cr_assert(rows[f] == 90 || (rows[f] >= 66 && rows[f] <= 72), "fold %zu: %zu", f, rows[f]);
    cr_assert_eq(rows[folds[0]], 90);
}

Test(folds, depend_on_the_stream_alone)
{
    double classes[100];
    size_t a[100], b[100], c[100];

    for (size_t i = 0; i < 100; i++)
        classes[i] = (double)(i % 3);
    cr_assert_eq(deal(100, NULL, classes, 5, 8, a), MELE_OK);
    cr_assert_eq(deal(100, NULL, classes, 5, 8, b), MELE_OK);
    cr_assert_eq(deal(100, NULL, classes, 5, 9, c), MELE_OK);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    cr_assert_neq(memcmp(a, c, sizeof a), 0);
    size_t in_order = 0;
    for (size_t i = 0; i < 100; i++)
        in_order += a[i] == i % 5;
    cr_assert_lt(in_order, 60); /* shuffled: about 20 are expected */
}

Test(folds, too_few_are_refused)
{
    static const size_t groups[] = {3, 3, 5, 5, 5, 3, 9};
    static const struct {
        size_t n, count;
        bool grouped;
        mele_status status;
    } rows[] = {{7, 0, false, MELE_EINVAL}, {7, 1, false, MELE_EINVAL}, {4, 5, false, MELE_EDATA},
                {0, 2, false, MELE_EDATA}, {7, 4, true, MELE_EDATA}, {7, 3, true, MELE_OK},
                {7, 7, false, MELE_OK}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t folds[7] = {41, 42, 43, 44, 45, 46, 47};
        const size_t *ids = rows[i].grouped ? groups : NULL;
        cr_assert_eq(deal(rows[i].n, ids, NULL, rows[i].count, 3, folds), rows[i].status, "row %zu",
                     i);
        if (rows[i].status != MELE_OK)
            cr_assert(folds[0] == 41 && folds[6] == 47, "row %zu", i);
    }
}

/* ---- metrics ---- */

enum { ROWS = 53, TARGETS = 2, CLASSES = 3 };

typedef struct sample {
    double truth[ROWS * TARGETS], predictions[ROWS * CLASSES], weights[ROWS];
    double densities[ROWS * TARGETS], joint[ROWS];
} sample;

static void regression_sample(sample *s)
{
    for (int i = 0; i < ROWS; i++) {
        s->weights[i] = 0.25 + (i * 7) % 5;
        s->joint[i] = -0.3 * i;
        for (int m = 0; m < TARGETS; m++) {
            double *y = &s->truth[i * TARGETS + m];
            *y = 1e6 * (1 + m) + 3 * sin(1.3 * i + m);
            s->predictions[i * TARGETS + m] = *y + 0.7 * cos(2.1 * i + 2 * m) + 0.1;
            s->densities[i * TARGETS + m] = -0.1 * i - m;
        }
    }
}

static void class_sample(sample *s)
{
    for (int i = 0; i < ROWS; i++) {
        double sum = 0, *p = s->predictions + i * CLASSES;
        s->weights[i] = 0.25 + (i * 7) % 5;
        s->truth[i] = (i * 5 / 3) % CLASSES;
        for (int c = 0; c < CLASSES; c++)
            sum += p[c] = exp(sin(1.1 * i + 2.3 * c));
        for (int c = 0; c < CLASSES; c++)
            p[c] /= sum;
    }
    s->truth[5] = 2;
    s->predictions[5 * CLASSES] = 1;
    s->predictions[5 * CLASSES + 1] = s->predictions[5 * CLASSES + 2] = 0;
}

static mele_metrics *new_metrics(size_t targets, size_t classes)
{
    static const char *const names[] = {"width", "height"};
    mele_metrics *metrics = NULL;

    cr_assert_eq(mele_metrics_new(names, targets, classes, &metrics, NULL), MELE_OK);
    return metrics;
}

static void add(mele_metrics *metrics, const mele_outcomes *outcomes)
{
    mele_error error = {0};

    cr_assert_eq(mele_metrics_add(metrics, outcomes, &error), MELE_OK, "%s", error.message);
}

static double value(const mele_measures *measures, const char *name)
{
    for (size_t i = 0; i < measures->count; i++)
        if (strcmp(measures->names[i], name) == 0)
            return measures->values[i];
    cr_assert_fail("no measure %s", name);
    return NAN;
}

typedef struct expected {
    const char *name;
    double value;
} expected;

static void check(const mele_measures *measures, const expected *rows, size_t count)
{
    cr_assert_eq(measures->count, count);
    for (size_t i = 0; i < count; i++) {
        double got = value(measures, rows[i].name);
        cr_assert_str_eq(measures->names[i], rows[i].name);
        cr_assert(fabs(got - rows[i].value) <= PRINTED * fabs(rows[i].value),
                  "%s: %.12g, not %.12g", rows[i].name, got, rows[i].value);
    }
}

/* A mean of 1e6 and a spread of 3: the textbook sum of squares would lose half the digits. */
Test(metrics, regression_is_scikit_learns)
{
    static const expected rows[] = {
        {"mae", 0.421561334415}, {"rmse", 0.497088354212}, {"r2", 0.939643985175},
        {"nll", 0}, {"mae_width", 0.421716063007}, {"rmse_width", 0.497398917009},
        {"r2_width", 0.934889674904}, {"nll_width", 0}, {"mae_height", 0.421406605823},
        {"rmse_height", 0.496777597266}, {"r2_height", 0.944398295446}, {"nll_height", 0}};
    expected known[12];
    sample s;
    double weight = 0, joint = 0, own[2] = {0, 0};

    regression_sample(&s);
    for (int i = 0; i < ROWS; i++) {
        weight += s.weights[i];
        joint += s.weights[i] * 0.3 * i;
        for (int m = 0; m < 2; m++)
            own[m] += s.weights[i] * (0.1 * i + m);
    }
    memcpy(known, rows, sizeof rows);
    known[3].value = joint / weight;
    known[7].value = own[0] / weight;
    known[11].value = own[1] / weight;
    mele_metrics *metrics = new_metrics(2, 0);
    add(metrics, &(mele_outcomes){ROWS, s.truth, s.predictions, s.densities, s.joint, s.weights});
    mele_measures measures = mele_metrics_result(metrics);
    check(&measures, known, 12);
    cr_assert(measures.rows == ROWS && measures.skipped == 0);
    cr_assert_float_eq(measures.weight, weight, 1e-12 * weight);
    mele_metrics_free(metrics);
}

Test(metrics, classification_is_scikit_learns)
{
    static const expected rows[] = {
        {"accuracy", 0.394129979036}, {"log_loss", 1.47809379417}, {"brier", 0.828430947897}};
    sample s;

    class_sample(&s);
    mele_metrics *metrics = new_metrics(1, CLASSES);
    add(metrics, &(mele_outcomes){ROWS, s.truth, s.predictions, NULL, NULL, s.weights});
    mele_measures measures = mele_metrics_result(metrics);
    check(&measures, rows, 3);
    mele_metrics_free(metrics);
}

Test(metrics, parts_give_the_same_bytes)
{
    sample s;

    for (int classes = 0; classes <= CLASSES; classes += CLASSES) {
        size_t targets = classes > 0 ? 1 : 2, width = classes > 0 ? (size_t)classes : 2;
        mele_metrics *whole = new_metrics(targets, (size_t)classes);
        mele_metrics *parts = new_metrics(targets, (size_t)classes);
        if (classes > 0)
            class_sample(&s);
        else
            regression_sample(&s);
        add(whole, &(mele_outcomes){ROWS, s.truth, s.predictions, NULL, NULL, s.weights});
        for (size_t first = 0, count = 1; first < ROWS; first += count, count++) {
            count = first + count > ROWS ? ROWS - first : count;
            add(parts, &(mele_outcomes){count, s.truth + first * targets,
                                        s.predictions + first * width, NULL, NULL,
                                        s.weights + first});
        }
        mele_measures a = mele_metrics_result(whole), b = mele_metrics_result(parts);
        cr_assert_eq(a.rows, b.rows);
        cr_assert_eq(memcmp(a.values, b.values, a.count * sizeof *a.values), 0);
        mele_metrics_free(whole);
        mele_metrics_free(parts);
    }
}

/* Metrics of three parts that were kept as numbers, joined, are those of all rows. */
static void check_joined(mele_outcomes whole, size_t targets, size_t classes)
{
    mele_metrics *all = new_metrics(targets, classes), *joined = new_metrics(targets, classes);
    const size_t width = classes > 0 ? classes : targets, each = ROWS / 3;
    double *kept = malloc(mele_i_metrics_moments(targets, classes) * sizeof *kept);

    add(all, &whole);
    for (size_t part = 0; part < 3; part++) {
        const size_t first = part * each, count = part == 2 ? ROWS - first : each;
        mele_metrics *own = new_metrics(targets, classes);
        add(own, &(mele_outcomes){count, whole.truth + first * (classes > 0 ? 1 : targets),
                                  whole.predictions + first * width,
                                  whole.log_density == NULL ? NULL : whole.log_density + first * targets,
                                  whole.joint_log_density == NULL ? NULL : whole.joint_log_density + first,
                                  whole.weights + first});
        mele_i_metrics_keep(own, kept);
        mele_i_metrics_join(joined, kept);
        mele_metrics_free(own);
    }
    const mele_measures a = mele_metrics_result(all), b = mele_metrics_result(joined);
    for (size_t m = 0; m < a.count; m++)
        cr_assert(fabs(a.values[m] - b.values[m]) <= 1e-11 * fabs(a.values[m]) || (isnan(a.values[m]) && isnan(b.values[m])),
                  "%s: %.17g, joined %.17g", a.names[m], a.values[m], b.values[m]);
    cr_assert(a.rows == b.rows && a.skipped == b.skipped);
    free(kept);
    mele_metrics_free(all);
    mele_metrics_free(joined);
}

Test(metrics, parts_that_are_joined)
{
    sample s;

    regression_sample(&s);
    check_joined((mele_outcomes){ROWS, s.truth, s.predictions, s.densities, s.joint, s.weights}, 2, 0);
    check_joined((mele_outcomes){ROWS, s.truth, s.predictions, NULL, NULL, s.weights}, 2, 0);
    for (size_t i = 0; i < 2 * ROWS; i++) { /* squares that are no doubles */
        s.truth[i] *= 1e180;
        s.predictions[i] *= 1e180;
    }
    check_joined((mele_outcomes){ROWS, s.truth, s.predictions, s.densities, s.joint, s.weights}, 2, 0);
    class_sample(&s);
    check_joined((mele_outcomes){ROWS, s.truth, s.predictions, NULL, NULL, s.weights}, 1, 3);
}

Test(metrics, weight_two_is_the_row_twice)
{
    static const double truth[] = {3, 5, 5, 9}, predictions[] = {2.5, 5.25, 5.25, 8};
    static const double once[] = {3, 5, 9}, predicted[] = {2.5, 5.25, 8}, weights[] = {1, 2, 1};
    mele_metrics *rows = new_metrics(1, 0), *weighted = new_metrics(1, 0);

    add(rows, &(mele_outcomes){4, truth, predictions, NULL, NULL, NULL});
    add(weighted, &(mele_outcomes){3, once, predicted, NULL, NULL, weights});
    mele_measures a = mele_metrics_result(rows), b = mele_metrics_result(weighted);
    for (size_t i = 0; i < 3; i++)
        cr_assert_float_eq(a.values[i], b.values[i], 1e-15);
    cr_assert_float_eq(a.values[0], 0.5, 1e-15);
    mele_metrics_free(rows);
    mele_metrics_free(weighted);
}

Test(metrics, a_constant_target_has_no_r2)
{
    static const double truth[] = {0.1, 0.1, 0.1}, predictions[] = {0.1, 0.2, 0.3};
    mele_metrics *metrics = new_metrics(1, 0);

    add(metrics, &(mele_outcomes){3, truth, predictions, NULL, NULL, NULL});
    mele_measures measures = mele_metrics_result(metrics);
    cr_assert(isnan(value(&measures, "r2")) && isnan(value(&measures, "nll")));
    cr_assert_float_eq(value(&measures, "mae"), 0.1, 1e-15);
    mele_metrics_free(metrics);
}

/* Pooled r2 is that of the targets that have one. */
Test(metrics, one_constant_target_of_two)
{
    static const double truth[] = {4, 1, 4, 2, 4, 6}, predictions[] = {4, 2, 5, 2, 3, 5};
    mele_metrics *metrics = new_metrics(2, 0);

    add(metrics, &(mele_outcomes){3, truth, predictions, NULL, NULL, NULL});
    mele_measures measures = mele_metrics_result(metrics);
    cr_assert(isnan(value(&measures, "r2_width")));
    cr_assert_float_eq(value(&measures, "r2_height"), 1 - 2 / 14.0, 1e-15);
    cr_assert_eq(value(&measures, "r2"), value(&measures, "r2_height"));
    mele_metrics_free(metrics);
}

Test(metrics, huge_and_tiny_values)
{
    static const double truth[] = {1e150, -1e150, 3e150};
    static const double predictions[] = {1.1e150, -1e150, 2.5e150};
    static const double small[] = {1e-300, 3e-300, 2e-300}, near[] = {1e-300, 2e-300, 2e-300};
    mele_metrics *metrics = new_metrics(1, 0);

    add(metrics, &(mele_outcomes){3, truth, predictions, NULL, NULL, NULL});
    mele_measures measures = mele_metrics_result(metrics);
    for (size_t i = 0; i < 3; i++)
        cr_assert(isfinite(measures.values[i]), "%s", measures.names[i]);
    cr_assert_float_eq(value(&measures, "r2"), 1 - 0.26 / 8, 1e-12);
    mele_metrics_free(metrics);
    metrics = new_metrics(1, 0);
    add(metrics, &(mele_outcomes){3, small, near, NULL, NULL, NULL});
    measures = mele_metrics_result(metrics);
    cr_assert_float_eq(value(&measures, "r2"), 0.5, 1e-12);
    mele_metrics_free(metrics);
}

Test(metrics, rows_without_numbers_are_skipped_and_counted)
{
    static const double truth[] = {3, NAN, 5, 9}, predictions[] = {2.5, 1, NAN, 8};
    mele_metrics *metrics = new_metrics(1, 0);

    add(metrics, &(mele_outcomes){4, truth, predictions, NULL, NULL, NULL});
    mele_measures measures = mele_metrics_result(metrics);
    cr_assert(measures.rows == 2 && measures.skipped == 2 && measures.weight == 2);
    cr_assert_float_eq(value(&measures, "mae"), 0.75, 1e-15);
    mele_metrics_free(metrics);
}

/* By hand: the classes of the rows are 0, unknown, 1, unknown; -ln 2^-52 = 36.04365338911715. */
Test(metrics, a_class_that_is_not_known_counts_as_wrong)
{
    static const double truth[] = {0, INFINITY, 1, INFINITY}, weights[] = {1, 2, 1, 0};
    static const double predictions[] = {0.75, 0.25, 0.5, 0.5, 0.25, 0.75, 1, 0};
    mele_metrics *metrics = new_metrics(1, 2);
    const double wrong[] = {-1};

    add(metrics, &(mele_outcomes){4, truth, predictions, NULL, NULL, weights});
    mele_measures measures = mele_metrics_result(metrics);
    cr_assert(measures.rows == 4 && measures.unknown == 2 && measures.weight == 4);
    cr_assert_float_eq(value(&measures, "accuracy"), 0.5, 1e-15);
    cr_assert_float_eq(value(&measures, "log_loss"),
                       (2 * 36.04365338911715 - 2 * log(0.75)) / 4, 1e-12);
    cr_assert_float_eq(value(&measures, "brier"), (2 * 0.125 + 2 * 1.5) / 4, 1e-15);
    cr_assert_eq(mele_metrics_add(metrics, &(mele_outcomes){1, wrong, predictions, NULL, NULL, NULL},
                                  NULL), MELE_EDATA);
    mele_metrics_free(metrics);
}

Test(metrics, nothing_measured_is_not_a_number)
{
    static const double truth[] = {3}, predictions[] = {2.5}, zero[] = {0};

    for (size_t classes = 0; classes < 2; classes++) {
        mele_metrics *metrics = new_metrics(1, 4 * classes);
        add(metrics, &(mele_outcomes){0, NULL, NULL, NULL, NULL, NULL});
        if (classes == 0)
            add(metrics, &(mele_outcomes){1, truth, predictions, NULL, NULL, zero});
        mele_measures measures = mele_metrics_result(metrics);
        for (size_t i = 0; i < measures.count; i++)
            cr_assert(isnan(measures.values[i]));
        mele_metrics_free(metrics);
    }
}

Test(metrics, wrong_calls_add_nothing)
{
    static const double classes[] = {1, 3}, halves[] = {1, 0.5}, good[] = {1, 2};
    static const double p[] = {0.2, 0.3, 0.5, 0.2, 0.3, 0.5}, weights[] = {1, -2};
    static const char *const names[] = {"a", "b"};
    mele_metrics *metrics = new_metrics(1, 3), *none = (mele_metrics *)&p;
    const mele_outcomes rows[] = {{2, classes, p, NULL, NULL, NULL},
                                  {2, halves, p, NULL, NULL, NULL},
                                  {2, good, p, NULL, NULL, weights},
                                  {2, good, NULL, NULL, NULL, NULL},
                                  {2, NULL, p, NULL, NULL, NULL}};

    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(mele_metrics_add(metrics, &rows[i], NULL), i < 3 ? MELE_EDATA : MELE_EINVAL);
    cr_assert_eq(mele_metrics_result(metrics).rows, 0);
    cr_assert_eq(mele_metrics_new(names, 0, 0, &none, NULL), MELE_EINVAL);
    cr_assert_eq(mele_metrics_new(names, 2, 3, &none, NULL), MELE_EINVAL);
    cr_assert_eq(mele_metrics_new(NULL, 1, 0, &none, NULL), MELE_EINVAL);
    cr_assert_eq(none, (mele_metrics *)&p);
    mele_metrics_free(metrics);
}
