/* Gates that are trained on a sample of rows: what is drawn, and that the gate is nearly the one of all
 * rows and the same bytes wherever the rows are. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "gate/gate.h"
#include "measure/draw.h"
#include "model/model.h"
#include "schema/data.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/engine_support.h"

/* ---- what is drawn ---- */

#define MOST 4000
#define REGIONS 7
#define CLASSES 3

typedef struct people {
    mele_i_population all;
    double weights[MOST], class[MOST];
    uint32_t region[MOST];
    size_t group[MOST];
} people;

/* Regions and classes of very different sizes; every ninth row weighs nothing. */
static void make(people *p, size_t rows, uint64_t seed)
{
    mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < rows; i++) {
        const double u = mele_i_stream_uniform(&stream);
        p->region[i] = (uint32_t)(REGIONS * u * u * u * u);
        p->class[i] = mele_i_stream_uniform(&stream) < 0.02 ? 2 : (double)(i % 2);
        p->weights[i] = i % 9 == 0 ? 0 : 0.5 + mele_i_stream_uniform(&stream);
        p->group[i] = 3 * mele_i_stream_below(&stream, rows / 5 + 1);
    }
    p->all = (mele_i_population){.rows = rows, .weights = p->weights, .region = p->region,
                                 .regions = REGIONS, .class = p->class, .classes = CLASSES};
}

static mele_i_drawn draw(const people *p, size_t wanted, uint64_t seed)
{
    mele_i_drawn drawn = {0};

    cr_assert_eq(mele_i_draw_rows(&p->all, wanted,
                                  mele_i_stream_make(seed, MELE_I_FOR_GATE_ROWS, 0, 0), &drawn, NULL),
                 MELE_OK);
    return drawn;
}

/* Of each stratum: rows of positive weight, and their weight. */
typedef struct tally {
    size_t rows[REGIONS * CLASSES];
    double weight[REGIONS * CLASSES];
} tally;

static void count(tally *t, const people *p, size_t i, double weight)
{
    const size_t s = p->region[i] * CLASSES + (size_t)p->class[i];

    t->rows[s] += weight > 0;
    t->weight[s] += weight;
}

static void expect_stratified(const people *p, const mele_i_drawn *d, size_t wanted)
{
    tally all = {{0}, {0}}, some = {{0}, {0}};
    size_t rows = 0, strata = 0;

    for (size_t i = 0; i < p->all.rows; i++)
        count(&all, p, i, p->weights[i]);
    for (size_t a = 0; a < d->count; a++) {
        cr_assert(a == 0 || d->row[a] > d->row[a - 1]);
        cr_assert_gt(p->weights[d->row[a]], 0);
        count(&some, p, d->row[a], d->weights[a]);
    }
    for (size_t s = 0; s < REGIONS * CLASSES; s++) {
        strata += all.rows[s] > 0;
        rows += all.rows[s];
    }
    for (size_t s = 0; s < REGIONS * CLASSES; s++) {
        const double share = (double)wanted / (double)rows * (double)all.rows[s];
        const double least = fmin((double)all.rows[s], floor(0.25 * (double)wanted / (double)strata));
        cr_assert((some.rows[s] > 0) == (all.rows[s] > 0), "stratum %zu", s);
        cr_assert_geq((double)some.rows[s], least);
        cr_assert(p->all.group != NULL || (double)some.rows[s] <= fmax(share, fmax(least, 1)) + 1);
        cr_assert_float_eq(some.weight[s], all.weight[s], 1e-12 * all.weight[s] + 1e-300);
    }
    cr_assert(p->all.group != NULL || d->count <= (wanted > strata ? wanted : strata));
    cr_assert(d->count + strata > wanted);
}

Test(drawn, every_region_and_class_is_there_in_proportion_with_a_floor)
{
    static people p;
    static const size_t wanted[] = {1, 10, 30, 150, 1000, 3000};

    for (size_t w = 0; w < 6; w++)
        for (uint64_t seed = 1; seed < 20; seed++) {
            make(&p, MOST, seed);
            mele_i_drawn d = draw(&p, wanted[w], seed);
            expect_stratified(&p, &d, wanted[w]);
            mele_i_drawn_clear(&d);
        }
}

Test(drawn, groups_are_whole)
{
    static people p;

    for (uint64_t seed = 1; seed < 20; seed++) {
        make(&p, MOST, seed);
        p.all.group = p.group;
        mele_i_drawn d = draw(&p, 300, seed);
        expect_stratified(&p, &d, 300);
        static bool taken[MOST], row[MOST];
        memset(taken, 0, sizeof taken);
        memset(row, 0, sizeof row);
        for (size_t a = 0; a < d.count; a++)
            taken[p.group[d.row[a]] / 3] = row[d.row[a]] = true;
        for (size_t i = 0; i < MOST; i++)
            cr_assert_eq(row[i], taken[p.group[i] / 3] && p.weights[i] > 0);
        cr_assert_lt(d.count, 1000);
        mele_i_drawn_clear(&d);
    }
}

/* The rows of a stratum are drawn equally often: the frequencies of D draws have a standard deviation of
 * at most sqrt(D / 4). */
Test(drawn, every_row_of_a_stratum_as_often)
{
    static people p;
    enum { ROWS = 200, DRAWS = 4000 };
    static size_t often[ROWS];

    make(&p, ROWS, 3);
    p.all.class = NULL;
    for (size_t t = 0; t < DRAWS; t++) {
        mele_i_drawn d = draw(&p, 60, t);
        for (size_t a = 0; a < d.count; a++)
            often[d.row[a]]++;
        mele_i_drawn_clear(&d);
    }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert(p.weights[i] == 0 || p.weights[j] == 0 || p.region[i] != p.region[j]
                      || fabs((double)often[i] - (double)often[j]) < 7 * sqrt(DRAWS / 2.0));
}

Test(drawn, no_more_rows_than_wanted_are_all)
{
    static people p;
    size_t positive = 0;

    make(&p, 500, 1);
    for (size_t i = 0; i < 500; i++)
        positive += p.weights[i] > 0;
    mele_i_drawn d = draw(&p, positive, 1);
    cr_assert(d.row == NULL && d.weights == NULL && d.count == 0);
    d = draw(&p, positive - 1, 1);
    cr_assert(d.row != NULL && d.count < positive);
    mele_i_drawn_clear(&d);
}

Test(drawn, memory_may_run_out)
{
    static people p;

    make(&p, 500, 1);
    for (size_t groups = 0; groups < 2; groups++) {
        bool failed = true;
        p.all.group = groups ? p.group : NULL;
        for (size_t n = 0; failed; n++) {
            mele_i_drawn d = {0};
            failing_malloc_at(n);
            mele_status status = mele_i_draw_rows(
                &p.all, 50, mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0), &d, NULL);
            failed = failing_malloc_end();
            cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
            cr_assert((d.row == NULL) == failed);
            mele_i_drawn_clear(&d);
        }
    }
}

/* ---- gates of a sample ---- */

#define ROWS 3000
#define COLUMNS 6 /* two features, target, class, weight, group */

/* Two planes that meet where x1 is 0.5: which of them a row is on depends on x1 alone. */
static void fill(double *out)
{
    mele_i_stream stream = mele_i_stream_make(11, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < ROWS; i++, out += COLUMNS) {
        const double u = 6 * mele_i_stream_uniform(&stream) - 3, v = mele_i_stream_normal(&stream);
        out[0] = u;
        out[1] = v;
        out[2] = (u < 0.5 ? 1 - 2 * u : 3 * u - v) + 0.3 * mele_i_stream_normal(&stream);
        out[3] = (out[2] > 1) + (out[2] > 5);
        out[4] = (double)(i % 4);
        out[5] = (double)mele_i_stream_below(&stream, ROWS / 4);
    }
}

static char *write_file(void)
{
    static char path[40];
    static double numbers[ROWS * COLUMNS];
    char header[118];

    strcpy(path, "/tmp/mele-gate-rows-XXXXXX.npy");
    FILE *file = fdopen(mkstemps(path, 4), "wb");
    int length = snprintf(header, sizeof header,
                          "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d)}", ROWS,
                          COLUMNS);
    memset(header + length, ' ', sizeof header - (size_t)length);
    header[sizeof header - 1] = '\n';
    fill(numbers);
    cr_assert_eq(fwrite("\x93NUMPY\x01\x00\x76\x00", 10, 1, file), 1);
    cr_assert_eq(fwrite(header, sizeof header, 1, file), 1);
    cr_assert_eq(fwrite(numbers, sizeof numbers, 1, file), 1);
    cr_assert_eq(fclose(file), 0);
    return path;
}

/* One way to fit. */
typedef struct way {
    const char *what, *target, *weights, *group, *expert, *assign, *gate, *on, *loss;
} way;

static const way ways[] = {
    {"softmax", "3", NULL, NULL, "linear", "hard", "softmax", "posteriors", "likelihood"},
    {"weights, features", "3", "5", NULL, "linear", "hard", "softmax", "features", "likelihood"},
    {"groups", "3", NULL, "6", "linear", "hard", "softmax", "both", "likelihood"},
    {"temperature", "3", NULL, NULL, "linear", "hard", "temperature", "posteriors", "squared"},
    {"soft", "3", NULL, NULL, "linear", "soft", "softmax", "posteriors", "likelihood"},
    {"mlp", "3", "5", NULL, "mlp", "hard", "temperature", "posteriors", "likelihood"},
    {"gp", "3", NULL, NULL, "gp", "hard", "softmax", "features", "likelihood"},
    {"classes", "4", NULL, NULL, "logistic", "hard", "softmax", "features", "likelihood"},
    {"classes, squared", "4", "5", "6", "logistic", "hard", "softmax", "posteriors", "squared"},
    {"shares", "3", NULL, NULL, "linear", "hard", "softmax", "both", "posteriors"},
};

enum { WAYS = sizeof ways / sizeof *ways };

static mele_options options_of(const way *w, size_t rows, bool in_file)
{
    mele_options options = mele_options_defaults();

    options.data.features = "1-2";
    options.data.target = w->target;
    options.data.weights = w->weights;
    options.data.group = w->group;
    options.data.task = w->target[0] == '4' ? "classification" : "regression";
    options.data.memory = in_file ? 1 : 0;
    options.partition.clusters = 3;
    options.partition.restarts = 1;
    options.experts.kind = w->expert;
    options.experts.assign = w->assign;
    options.experts.hidden = 2;
    options.experts.max_epochs = 5;
    options.experts.most_rows = 40;
    options.experts.terms = 1;
    options.gate.kind = w->gate;
    options.gate.on = w->on;
    options.gate.loss = w->loss;
    options.gate_rows = rows;
    return options;
}

static mele_data *read_data(const char *path, const mele_options *options)
{
    mele_data *data = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_data_read(path, &options->data, NULL, NULL, &data, &error), MELE_OK, "%s",
                 error.message);
    return data;
}

static mele_model *fit(const mele_data *data, const mele_options *options, unsigned threads,
                       mele_report *report)
{
    mele_engine *engine = engine_of(threads);
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit(data, options, engine, report, &model, &error), MELE_OK, "%s",
                 error.message);
    mele_engine_free(engine);
    return model;
}

static char *text_of(mele_model *model)
{
    char *text = NULL;

    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    mele_model_free(model);
    return text;
}

/* The stages one by one, with left-out predictions handed on or made anew. */
static mele_model *fit_in_stages(const mele_data *data, const mele_options *options, bool hand_on)
{
    mele_left_out *left_out = NULL;
    const mele_handover to = {.left_out_to = &left_out};
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit_partition(data, options, NULL, NULL, &model, &error), MELE_OK);
    cr_assert_eq(mele_fit_experts(data, hand_on ? &to : NULL, options, NULL, NULL, model, &error),
                 MELE_OK);
    const mele_handover from = {.left_out = left_out};
    cr_assert_eq(mele_fit_gate(data, hand_on ? &from : NULL, options, NULL, NULL, model, &error),
                 MELE_OK, "%s", error.message);
    mele_left_out_free(left_out);
    return model;
}

Test(gate_rows, the_same_bytes_for_threads_files_and_stages)
{
    static const unsigned threads[] = {2, 3, 8};
    char *path = write_file();

    for (size_t w = 0; w < WAYS; w++) {
        const mele_options options = options_of(&ways[w], 300, false);
        const mele_options in_file = options_of(&ways[w], 300, true);
        mele_data *data = read_data(path, &options), *far = read_data(path, &in_file);
        char *expected = text_of(fit(data, &options, 1, NULL));
        cr_assert_not_null(far->windows);
        cr_assert_not_null(strstr(expected, "\"sampled\""), "%s", ways[w].what);
        char *other[] = {text_of(fit(data, &options, threads[w % 3], NULL)),
                         text_of(fit(far, &options, threads[(w + 1) % 3], NULL)),
                         text_of(fit_in_stages(data, &options, true)),
                         text_of(fit_in_stages(data, &options, false)),
                         text_of(fit_in_stages(far, &options, false))};
        for (size_t o = 0; o < sizeof other / sizeof *other; o++) {
            cr_expect_str_eq(other[o], expected, "%s: way %zu", ways[w].what, o);
            free(other[o]);
        }
        free(expected);
        mele_data_free(data);
        mele_data_free(far);
    }
    unlink(path);
}

/* The section of the gate, and with it its coefficients. */
static char *gate_of(mele_model *model)
{
    json_t *section = mele_i_gate_save(model->gate);
    char *text = json_dumps(section, JSON_REAL_PRECISION(17));

    json_decref(section);
    mele_model_free(model);
    return text;
}

Test(gate_rows, no_more_rows_than_the_sample_are_all_rows)
{
    static const size_t counts[] = {0, ROWS, 1000000};
    char *path = write_file();

    for (size_t w = 0; w < WAYS; w++) {
        mele_options options = options_of(&ways[w], MELE_GATE_ALL_ROWS, false);
        mele_data *data = read_data(path, &options);
        char *all = gate_of(fit(data, &options, 1, NULL));
        for (size_t c = 0; c < 3; c++) {
            options.gate_rows = counts[c];
            char *other = gate_of(fit(data, &options, 1, NULL));
            cr_expect_str_eq(other, all, "%s, %zu rows", ways[w].what, counts[c]);
            free(other);
        }
        free(all);
        mele_data_free(data);
    }
    unlink(path);
}

static double number(const mele_report *report, const char *path)
{
    double value = NAN;

    cr_assert(mele_report_number(report, path, &value), "%s", path);
    return value;
}

/* What a gate of p coefficients loses by m rows in place of all is in the order of p / m of the loss; and
 * the report says of which rows its numbers are. */
Test(gate_rows, a_sample_is_nearly_as_good_as_all_rows)
{
    char *path = write_file();

    for (size_t w = 0; w < WAYS; w++) {
        mele_options options = options_of(&ways[w], MELE_GATE_ALL_ROWS, false);
        const char *const measure = ways[w].target[0] != '4'              ? "left_out.rmse"
                                    : strcmp(ways[w].loss, "squared") == 0 ? "left_out.brier"
                                                                           : "left_out.log_loss";
        mele_data *data = read_data(path, &options);
        double loss[2];
        for (size_t sampled = 0; sampled < 2; sampled++) {
            mele_report *report = NULL;
            cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
            options.gate_rows = sampled ? 600 : MELE_GATE_ALL_ROWS;
            mele_model_free(fit(data, &options, 1, report));
            loss[sampled] = number(report, measure);
            double is_sampled = 0;
            mele_report_number(report, "gate.sampled", &is_sampled);
            cr_assert_eq(is_sampled, (double)sampled);
            const double rows = number(report, "gate.rows");
            cr_assert(sampled ? rows > 585 && rows <= (ways[w].group == NULL ? 600 : 900)
                              : rows == ROWS);
            cr_assert_eq(number(report, "left_out.rows"),
                         strcmp(ways[w].expert, "gp") == 0 ? rows : ROWS);
            mele_report_free(report);
        }
        cr_expect_lt(loss[1], 1.1 * loss[0], "%s: %g, %g", ways[w].what, loss[0], loss[1]);
        mele_data_free(data);
    }
    unlink(path);
}

/* Other draws are other gates, and the draw is the seed's. */
Test(gate_rows, the_sample_is_of_the_seed)
{
    char *path = write_file();
    mele_options options = options_of(&ways[0], 300, false);
    mele_data *data = read_data(path, &options);
    char *gate[3];

    options.partition.init = "random";
    for (size_t i = 0; i < 3; i++) {
        options.seed = i == 1 ? 2 : 1;
        gate[i] = gate_of(fit(data, &options, 1, NULL));
    }
    cr_expect_str_eq(gate[0], gate[2]);
    cr_expect_str_neq(gate[0], gate[1]);
    for (size_t i = 0; i < 3; i++)
        free(gate[i]);
    mele_data_free(data);
    unlink(path);
}

/* The penalty counts as much beside a sample as beside all rows: t, which it pulls to 1, is the same but for
 * what the sample leaves to chance.
 * Beside a fifth of the rows as it is it would pull five times as much. */
Test(gate_rows, the_ridge_is_that_of_all_rows)
{
    char *path = write_file();
    mele_options options = options_of(&ways[3], MELE_GATE_ALL_ROWS, false);
    mele_data *data = read_data(path, &options);
    double t[2];

    options.gate.ridge = 1000;
    for (size_t sampled = 0; sampled < 2; sampled++) {
        options.gate_rows = sampled ? 600 : MELE_GATE_ALL_ROWS;
        mele_model *model = fit(data, &options, 1, NULL);
        json_t *section = mele_i_gate_save(model->gate);
        t[sampled] = json_number_value(json_object_get(section, "temperature"));
        json_decref(section);
        mele_model_free(model);
    }
    cr_expect(fabs(t[0] - 1) > 0.01 && fabs(log((t[1] - 1) / (t[0] - 1))) < 0.5, "%g, %g", t[0], t[1]);
    mele_data_free(data);
    unlink(path);
}

/* ---- how many rows by default ---- */

Test(gate_rows, coefficients_are_counted)
{
    static const struct {
        const char *kind, *on;
        bool posteriors;
        size_t count;
    } cases[] = {
        {"hard", "posteriors", true, 0},       {"posterior", "posteriors", true, 0},
        {"temperature", "posteriors", true, 1}, {"softmax", "posteriors", true, 1 + 5 * 6},
        {"softmax", "features", true, 1 + 5 * 4}, {"softmax", "features", false, 5 * 4},
        {"softmax", "both", true, 1 + 5 * 9},
    };

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        mele_gate_options options = mele_gate_defaults();
        size_t count = 99;
        options.kind = cases[c].kind;
        options.on = cases[c].on;
        cr_assert_eq(mele_i_gate_coefficients(&options, 5, 3, cases[c].posteriors, &count, NULL),
                     MELE_OK);
        cr_expect_eq(count, cases[c].count, "%s on %s: %zu", cases[c].kind, cases[c].on, count);
    }
}

/* 20000 rows at least, 200 for each of the K (K + 1) + 1 coefficients where that is more. */
Test(gate_rows, the_default_is_by_coefficients)
{
    enum { MANY = 24000 };
    static const struct {
        size_t clusters;
        double least, most;
    } cases[] = {{2, 19990, 20000}, {10, 22150, 22200}, {11, MANY, MANY}};
    static double x[MANY], y[MANY];
    mele_i_stream stream = mele_i_stream_make(2, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < MANY; i++) {
        x[i] = mele_i_stream_uniform(&stream);
        y[i] = sin(6 * x[i]) + 0.1 * mele_i_stream_normal(&stream);
    }
    const mele_matrix features = {x, MANY, 1, 1}, targets = {y, MANY, 1, 1};
    mele_data *data = NULL;
    cr_assert_eq(mele_data_of_arrays(&features, &targets, 0, NULL, &data, NULL), MELE_OK);
    for (size_t c = 0; c < 3; c++) {
        mele_options options = mele_options_defaults();
        mele_report *report = NULL;
        options.partition.clusters = cases[c].clusters;
        options.partition.restarts = 1;
        options.gate.kind = "softmax";
        options.gate.max_iterations = 1;
        cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
        mele_model_free(fit(data, &options, 1, report));
        const double rows = number(report, "gate.rows");
        cr_expect(rows >= cases[c].least && rows <= cases[c].most, "K %zu: %g rows",
                  cases[c].clusters, rows);
        mele_report_free(report);
    }
    mele_data_free(data);
}
