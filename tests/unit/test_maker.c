/* Data sets that are made (lib/maker): the rows of an independent program, what is published of them, and
 * what holds of any of them. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <mele/maker.h>

#include "support/size.h"

#define MOST_COLUMNS 22
#define BAYES_ROWS TEST_SIZE(1000000, 100000, 20000)

static double *rows_of(const char *name, const mele_maker_options *options, size_t rows)
{
    double *out = malloc(rows * mele_maker_columns(name) * sizeof *out);
    mele_error error = {.message = ""};

    cr_assert_eq(mele_maker_fill(name, options, rows, out, &error), MELE_OK, "%s: %s", name,
                 error.message);
    return out;
}

static double *rows_with_noise(const char *name, double noise, size_t rows)
{
    mele_maker_options options = mele_maker_defaults();

    options.noise = noise;
    return rows_of(name, &options, rows);
}

/* ---- what there is ---- */

Test(maker, every_set_says_what_it_is)
{
    const char *name;
    size_t i;

    for (i = 0; (name = mele_maker_name(i)) != NULL; i++) {
        const size_t columns = mele_maker_columns(name), classes = mele_maker_classes(name);
        cr_assert(columns >= 2 && columns <= MOST_COLUMNS, "%s", name);
        cr_assert(strlen(mele_maker_help(name)) > 20 && strlen(mele_maker_help(name)) < 68, "%s", name);
        for (size_t j = 0; j < columns; j++)
            for (size_t l = 0; l < j; l++)
                cr_assert_str_neq(mele_maker_column(name, j), mele_maker_column(name, l));
        cr_assert_str_eq(mele_maker_column(name, columns - 1), classes == 0 ? "y" : "class");
        cr_assert_null(mele_maker_column(name, columns));
        for (size_t c = 0; c < classes; c++)
            cr_assert_not_null(mele_maker_class(name, c));
        cr_assert_null(mele_maker_class(name, classes));
        for (size_t l = 0; l < i; l++)
            cr_assert_str_neq(name, mele_maker_name(l));
    }
    cr_assert_eq(i, 10);
    cr_assert_eq(mele_maker_columns("friedman"), 0);
    cr_assert_null(mele_maker_help("friedman"));
    cr_assert_null(mele_maker_help(NULL));
    cr_assert_lt(mele_maker_noise("friedman"), 0);
    cr_assert_eq(mele_maker_noise("friedman2"), 125);
}

/* ---- values ---- */

/* Row 7 of seed 3, by tests/ref/makers.py, which has the random numbers and the formulas of its own. */
static const struct {
    const char *name;
    double row[MOST_COLUMNS];
} reference[] = {
    {"friedman1", {0.16671453502326961, 0.84454340829676533, 0.58252509289179133,
     0.52117118865049761, 0.91102118088540918, 0.15444255246181415, 0.9137724726674451,
     0.67528634884337047, 0.71532572843973297, 0.0027407436902653348, 14.626667363931633}},
    {"friedman2", {40.498521419551651, 232.41242637409681, 0.50905707113862531,
     2.406746576100276, -77.114579000398635}},
    {"friedman3", {11.57074132035728, 1681.0293108490728, 0.26135592941696706,
     2.5829108084060639, 1.5336298809354392}},
    {"branin", {7.2864110830352011, 7.5654326172668291, 54.895808472965498}},
    {"piecewise", {7.4596454998830026, -0.79355012151490512}},
    {"regimes", {1.1960510213443101, -0.0010067083059256486, 1.9132632864902046,
     0.19933614940666819, -0.14132087227327544, -0.17743189681299651, 3.3096744272122463,
     1.2022432952966831, 6.3243120686737537}},
    {"waveform", {-0.61557063129518286, -0.2139107951516675, 0.90823946001443623,
     -1.0446826094258483, -0.6870083001043944, 1.4010243656727488, -0.19100713041051565,
     -0.10562825276537713, 1.271830893700834, 1.3633086013073099, 4.6651962942377123,
     3.5916562561197583, 4.2814491845039422, 3.6175450116962602, 3.8175115695139596,
     1.7678379612715547, 0.31387466051934254, 1.8249281189428546, 1.0200049259166295,
     1.2095645672694595, -1.4555971645097239, 0}},
    {"twonorm", {1.1956802679617287, 0.52684154783300596, -0.38883740970959102,
     -1.3070373021876192, -0.40824122092296217, -0.00020869927510364095, -2.570539804821713,
     0.34265240053818208, -1.4855471611109121, 0.78456489919199357, 1.3420962893885335,
     1.1900463750613908, 0.1939861107569894, -0.53885636611999121, -1.361740508438813,
     0.58170153978111361, -0.84910657181460447, -0.55173866422697149, -0.31882358003847344,
     1.3692016665672677, 1}},
    {"ringnorm", {-0.43594727449912057, 1.6609451905614017, 1.2570545498466159,
     0.81986989652102316, 0.57407392475297825, 1.4682334537201756, 2.241200056459526,
     0.63179330364555575, 1.2668365741695304, 0.60545117361082101, 1.3957066585157445,
     0.31931528561900724, -0.39006250392512282, 0.91199993457025497, 0.92811329889020933,
     -0.47668169581144465, -0.4112719749498282, -0.88685265132739843, 0.83843018768171751,
     -0.555148678339346, 1}},
    {"spirals", {-3.5537770860917557, -2.1930825450354745, 1}},
};

Test(maker, rows_are_those_of_an_independent_program)
{
    for (size_t i = 0; i < sizeof reference / sizeof *reference; i++) {
        const char *name = reference[i].name;
        const mele_maker_options options = {.seed = 3, .first = 7, .noise = -1};
        double *row = rows_of(name, &options, 1);
        for (size_t j = 0; j < mele_maker_columns(name); j++)
            cr_expect_float_eq(row[j], reference[i].row[j], 1e-12 * fmax(1, fabs(row[j])),
                               "%s, column %zu: %.17g", name, j + 1, row[j]);
        free(row);
    }
    cr_assert_null(mele_maker_name(sizeof reference / sizeof *reference));
}

/* Branin's three minima of 0.397887 are reached, and nothing is below them. */
Test(maker, branin_has_three_minima)
{
    static const double at[3][2] = {{-3.14159265, 12.275}, {3.14159265, 2.275}, {9.42477796, 2.475}};
    const size_t rows = 100000;
    double *made = rows_of("branin", NULL, rows), least[3] = {INFINITY, INFINITY, INFINITY};

    for (size_t i = 0; i < rows; i++) {
        const double *row = made + 3 * i;
        cr_assert_geq(row[2], 0.397887);
        for (int m = 0; m < 3; m++)
            if (hypot(row[0] - at[m][0], row[1] - at[m][1]) < 0.5)
                least[m] = fmin(least[m], row[2]);
    }
    for (int m = 0; m < 3; m++)
        cr_assert_lt(least[m], 0.41, "minimum %d: %g", m + 1, least[m]);
    free(made);
}

/* The shares of rows that the rule of the true densities gets wrong, to four standard errors. */
static void check_bayes_error(const char *name, double (*log_ratio)(const double *x), double expected)
{
    const size_t rows = BAYES_ROWS, columns = mele_maker_columns(name);
    const double deviation = sqrt(expected * (1 - expected) / (double)rows);
    double *made = rows_of(name, NULL, rows), wrong = 0, second = 0;

    for (size_t i = 0; i < rows; i++) {
        const double *row = made + columns * i;
        wrong += (log_ratio(row) > 0) != (row[columns - 1] == 0);
        second += row[columns - 1];
    }
    cr_assert_float_eq(wrong / (double)rows, expected, 4 * deviation, "%s: %g", name,
                       wrong / (double)rows);
    cr_assert_float_eq(second / (double)rows, 0.5, 2 / sqrt((double)rows));
    free(made);
}

/* log p(x | class1) - log p(x | class2), up to a factor. */
static double twonorm_ratio(const double *x)
{
    double sum = 0;

    for (int j = 0; j < 20; j++)
        sum += x[j];
    return sum;
}

static double ringnorm_ratio(const double *x)
{
    const double mean = 2 / sqrt(20);
    double ratio = -20 * log(2);

    for (int j = 0; j < 20; j++)
        ratio += (x[j] - mean) * (x[j] - mean) / 2 - x[j] * x[j] / 8;
    return ratio;
}

Test(maker, normal_classes_overlap_as_published)
{
    check_bayes_error("twonorm", twonorm_ratio, 0.02275013);
    check_bayes_error("ringnorm", ringnorm_ratio, 0.01236);
}

/* Each class has the mean of its two triangles, whose peaks are at 11, 15 and 7. */
Test(maker, waves_are_means_of_triangles)
{
    static const int peak[3][2] = {{11, 15}, {11, 7}, {15, 7}};
    const size_t rows = TEST_SIZE(30000, 30000, 3000);
    double *made = rows_of("waveform", NULL, rows), sum[3][21] = {{0}}, count[3] = {0};

    for (size_t i = 0; i < rows; i++) {
        const double *row = made + 22 * i;
        count[(int)row[21]]++;
        for (int j = 0; j < 21; j++)
            sum[(int)row[21]][j] += row[j];
    }
    for (int c = 0; c < 3; c++) {
        cr_assert_float_eq(count[c] / (double)rows, 1.0 / 3, 2 / sqrt((double)rows));
        for (int j = 0; j < 21; j++) {
            const double mean = (fmax(6 - abs(j + 1 - peak[c][0]), 0)
                                 + fmax(6 - abs(j + 1 - peak[c][1]), 0)) / 2;
            cr_assert_float_eq(sum[c][j] / count[c], mean, 8.5 / sqrt(count[c]), "class%d, x%d", c + 1,
                               j + 1);
        }
    }
    free(made);
}

/* Three turns, from radius 6.5 to 0.5. */
Test(maker, spirals_wind_three_times)
{
    const size_t rows = 2000;
    double *made = rows_of("spirals", NULL, rows);

    for (size_t i = 0; i < rows; i++) {
        const double *row = made + 3 * i, side = row[2] == 0 ? 1 : -1;
        const double radius = hypot(row[0], row[1]), angle = (104 - radius * 16) * 3.14159265358979 / 16;
        cr_assert(radius > 0.5 && radius <= 6.5);
        cr_assert_float_eq(row[0], side * radius * sin(angle), 1e-9);
        cr_assert_float_eq(row[1], side * radius * cos(angle), 1e-9);
    }
    free(made);
}

/* `last` is the output before; its best use leaves what integration says (tests/ref/makers.py). */
Test(maker, regimes_are_seen_by_the_last_output)
{
    const size_t rows = BAYES_ROWS, columns = mele_maker_columns("regimes");
    double *made = rows_of("regimes", NULL, rows), best = 0, known = 0;

    for (size_t i = 0; i < rows; i++) {
        const double *x = made + columns * i, law = 3 + x[0] + x[1] + x[2] + x[3], y = x[8];
        const double share = 0.05 + 0.9 / (1 + exp(-6 * x[7] / 4.25));
        cr_assert(i == 0 || x[7] == x[8 - (ptrdiff_t)columns]);
        best += pow(y - (2 * share - 1) * law, 2) / (double)rows;
        known += fmin(pow(y - law, 2), pow(y + law, 2)) / (double)rows;
    }
    cr_assert_float_eq(best, 4.97754, 50 / sqrt((double)rows), "%g", best);
    cr_assert(known > 0.2 && known < 0.25, "%g", known);
    free(made);
}

/* ---- what holds of any ---- */

Test(maker, rows_are_the_same_in_any_pieces)
{
    static const size_t piece[] = {1, 7, 100};
    const size_t rows = 300;
    const char *name;

    for (size_t s = 0; (name = mele_maker_name(s)) != NULL; s++) {
        const size_t columns = mele_maker_columns(name);
        mele_maker_options options = mele_maker_defaults();
        double *whole = rows_of(name, &options, rows);
        for (size_t p = 0; p < sizeof piece / sizeof *piece; p++)
            for (options.first = 0; options.first < rows; options.first += piece[p]) {
                const size_t count = rows - options.first < piece[p] ? rows - options.first : piece[p];
                double *part = rows_of(name, &options, count);
                cr_assert_arr_eq(part, whole + options.first * columns,
                                 count * columns * sizeof *part, "%s", name);
                free(part);
            }
        free(whole);
    }
}

typedef struct worker {
    pthread_t thread;
    double *out;
    mele_maker_options options;
} worker;

static void *make_part(void *user)
{
    worker *own = user;

    mele_maker_fill("regimes", &own->options, 500, own->out, NULL);
    return NULL;
}

Test(maker, threads_make_rows_at_once)
{
    const size_t columns = mele_maker_columns("regimes");
    double *whole = rows_of("regimes", NULL, 2000), *parts = calloc(2000 * columns, sizeof *parts);
    worker workers[4];

    for (size_t i = 0; i < 4; i++) {
        workers[i].out = parts + 500 * i * columns;
        workers[i].options = mele_maker_defaults();
        workers[i].options.first = 500 * i;
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, make_part, &workers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(workers[i].thread, NULL);
    cr_assert_arr_eq(parts, whole, 2000 * columns * sizeof *parts);
    free(whole);
    free(parts);
}

Test(maker, seeds_and_sets_give_other_rows)
{
    mele_maker_options second = mele_maker_defaults();
    const char *name;

    second.seed = 2;
    for (size_t s = 0; (name = mele_maker_name(s)) != NULL; s++) {
        const size_t columns = mele_maker_columns(name);
        double *first = rows_of(name, NULL, 10), *other = rows_of(name, &second, 10);
        for (size_t i = 0; i < 10; i++)
            cr_assert_neq(first[i * columns], other[i * columns], "%s", name);
        free(first);
        free(other);
    }
    double *one = rows_of("friedman2", NULL, 1), *another = rows_of("friedman3", NULL, 1);
    cr_assert_neq(one[0], another[0]);
    free(one);
    free(another);
}

/* Noise is normal with the standard deviation that is asked for, and changes no feature. */
Test(maker, noise_is_added_to_the_target_alone)
{
    const size_t rows = 4000;
    const char *name;

    for (size_t s = 0; (name = mele_maker_name(s)) != NULL; s++) {
        const size_t columns = mele_maker_columns(name), target = columns - 1;
        if (mele_maker_classes(name) > 0 || strcmp(name, "regimes") == 0)
            continue;
        double *exact = rows_with_noise(name, 0, rows), *noisy = rows_with_noise(name, 2, rows);
        double sum = 0, squares = 0;
        for (size_t i = 0; i < rows; i++) {
            const double off = noisy[i * columns + target] - exact[i * columns + target];
            cr_assert_arr_eq(noisy + i * columns, exact + i * columns, target * sizeof *exact);
            sum += off;
            squares += off * off;
        }
        cr_assert_float_eq(sum / (double)rows, 0, 8 / sqrt((double)rows), "%s", name);
        cr_assert_float_eq(sqrt(squares / (double)rows), 2, 6 / sqrt((double)rows), "%s", name);
        free(exact);
        free(noisy);
    }
}

Test(maker, wrong_calls_are_refused_and_change_nothing)
{
    static const struct {
        const char *name;
        mele_maker_options options;
        size_t rows;
        const char *message;
    } wrong[] = {
        {"fridman1", {.noise = -1}, 1, "there is no data set \"fridman1\": is it \"friedman1\"?"},
        {"", {.noise = -1}, 1, "there is no data set \"\": the names are \"friedman1\""},
        {NULL, {.noise = -1}, 1, "there is no data set \"\""},
        {"friedman1", {.noise = NAN}, 1, "the noise is NA, not a standard deviation"},
        {"friedman1", {.noise = 1e101}, 1, "the noise is 1e+101, not a standard deviation"},
        {"twonorm", {.noise = 1}, 1, "twonorm takes no noise"},
        {"friedman1", {.noise = -1}, SIZE_MAX / 8, "more rows than there can be"},
        {"friedman1", {.noise = -1, .first = UINT64_MAX - 1}, 2, "more rows than there can be"},
        {"friedman1", {.noise = -1, .reserved = {1}}, 1, ""},
    };
    double out[MOST_COLUMNS] = {-7};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mele_error error = {.message = ""};
        cr_assert_eq(mele_maker_fill(wrong[i].name, &wrong[i].options, wrong[i].rows, out, &error),
                     MELE_EINVAL, "%zu", i);
        cr_assert_eq(strncmp(error.message, wrong[i].message, strlen(wrong[i].message)), 0, "%s",
                     error.message);
        cr_assert_eq(out[0], -7);
    }
    cr_assert_eq(mele_maker_fill("friedman1", NULL, 1, NULL, NULL), MELE_EINVAL);
    cr_assert_eq(mele_maker_fill("friedman1", NULL, 0, NULL, NULL), MELE_OK);
}
