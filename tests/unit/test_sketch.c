/* Which rows something was trained on: the sketch against all hashes by brute force, what makes rows
 * the same ones, and what the stages make of it. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/json.h"
#include "core/memory.h"
#include "core/stream.h"
#include "schema/data.h"
#include "schema/sketch.h"
#include "support/failing_malloc.h"

#define ROWS 3000
#define COLUMNS 3

typedef struct rows {
    size_t count;
    double x[ROWS * COLUMNS], y[ROWS], weight[ROWS];
} rows;

static rows *draw(size_t count, uint64_t seed)
{
    mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_TESTS, 0, 0);
    rows *r = MELE_I_NEW(rows);

    cr_assert_not_null(r);
    r->count = count;
    for (size_t i = 0; i < count; i++) {
        r->x[i * COLUMNS] = 1 + (double)mele_i_stream_below(&stream, 1000); /* few bits */
        r->x[i * COLUMNS + 1] = mele_i_stream_normal(&stream);
        r->x[i * COLUMNS + 2] = 1e9 * mele_i_stream_uniform(&stream);
        r->y[i] = (double)mele_i_stream_below(&stream, 2);
        r->weight[i] = 1 + (double)mele_i_stream_below(&stream, 3);
    }
    return r;
}

static mele_data *data_of(const rows *r)
{
    const mele_matrix x = mele_matrix_of(r->x, r->count, COLUMNS);
    const mele_matrix y = mele_matrix_of(r->y, r->count, 1);
    mele_data *data = NULL;

    cr_assert_eq(mele_data_of_arrays(&x, &y, 0, r->weight, &data, NULL), MELE_OK);
    return data;
}

static mele_i_sketch sketch_of(const rows *r, const mele_i_sketch *with, mele_engine *engine,
                               size_t *common)
{
    mele_data *data = data_of(r);
    const mele_i_features features = mele_i_data_features(data);
    const mele_i_sketched sketched = {data->schema, &features, r->y, 1, r->weight};
    mele_i_sketch out;

    cr_assert_eq(mele_i_sketch_make(&sketched, with, engine, &out, common, NULL), MELE_OK);
    mele_data_free(data);
    return out;
}

static void take_row(const rows *from, size_t i, rows *to, size_t at)
{
    memcpy(to->x + at * COLUMNS, from->x + i * COLUMNS, COLUMNS * sizeof *to->x);
    to->y[at] = from->y[i];
    to->weight[at] = from->weight[i];
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The same with posteriors of three regions from outside. */
static mele_i_sketch sketch_under(const rows *r, const double *log_posteriors, mele_engine *engine)
{
    mele_data *data = data_of(r);
    const mele_i_features features = mele_i_data_features(data);
    const mele_rows posteriors = mele_rows_of_array(log_posteriors, r->count, 3);
    const mele_i_sketched sketched = {data->schema, &features, r->y, 1, r->weight, &posteriors};
    mele_i_sketch out;

    cr_assert_eq(mele_i_sketch_make(&sketched, NULL, engine, &out, NULL, NULL), MELE_OK);
    mele_data_free(data);
    return out;
}

/* The hash of a row is the only one of a sketch of that row. */
Test(sketch, keeps_the_least_of_all_hashes)
{
    rows *r = draw(ROWS, 1), *one = draw(1, 2);
    uint64_t *all = MELE_I_ARRAY(uint64_t, ROWS), sum = 0;
    const mele_i_sketch s = sketch_of(r, NULL, NULL, NULL);
    size_t distinct = 0;

    for (size_t i = 0; i < ROWS; i++) {
        take_row(r, i, one, 0);
        mele_i_sketch single = sketch_of(one, NULL, NULL, NULL);
        cr_assert_eq(single.count, 1);
        all[i] = single.least[0];
        sum += single.hash;
        mele_i_sketch_clear(&single);
    }
    qsort(all, ROWS, sizeof *all, compare);
    for (size_t i = 1; i < ROWS; i++)
        distinct += all[i] != all[i - 1];
    cr_assert_eq(distinct, ROWS - 1, "%zu different hashes", distinct + 1);
    cr_assert_eq(s.count, MELE_I_SKETCH_SIZE);
    cr_assert_eq(memcmp(s.least, all, s.count * sizeof *all), 0);
    cr_assert_eq(s.hash, sum);
    cr_assert(s.rows == ROWS && s.sets == 1);
    mele_i_sketch_clear((mele_i_sketch *)&s);
    free(all);
    free(r);
    free(one);
}

/* Small whole numbers have few bits, all of them high ones; they must reach every bit of the hash,
 * half of which are then set (450, standard deviation 15). */
Test(sketch, small_whole_numbers_are_told_apart)
{
    rows *r = draw(900, 3);

    for (size_t i = 0; i < r->count; i++) {
        r->x[i * COLUMNS] = (double)(i % 30);
        r->x[i * COLUMNS + 1] = (double)(i / 30);
        r->x[i * COLUMNS + 2] = r->y[i] = 0;
    }
    mele_i_sketch s = sketch_of(r, NULL, NULL, NULL);
    cr_assert_eq(s.count, 900);
    for (unsigned shift = 0; shift < 64; shift++) {
        size_t set = 0;
        for (size_t i = 0; i < s.count; i++)
            set += s.least[i] >> shift & 1;
        cr_assert(set > 350 && set < 550, "bit %u is set %zu times of 900", shift, set);
    }
    mele_i_sketch_clear(&s);
    free(r);
}

typedef struct change {
    const char *what;
    bool equal;
    size_t common;
    void (*apply)(rows *r);
} change;

static void reverse(rows *r)
{
    for (size_t i = 0, j = r->count - 1; i < j; i++, j--) {
        rows *two = draw(2, 1);
        take_row(r, i, two, 0);
        take_row(r, j, two, 1);
        take_row(two, 0, r, j);
        take_row(two, 1, r, i);
        free(two);
    }
}

static void negate_zero(rows *r)
{
    r->y[7] = -0.0;
}

static void weigh(rows *r)
{
    r->weight[7] = 9;
}

static void move(rows *r)
{
    r->x[7 * COLUMNS + 1] = nextafter(r->x[7 * COLUMNS + 1], 9);
}

static void change_target(rows *r)
{
    r->y[7] = 5;
}

static void exchange_weights(rows *r)
{
    r->weight[7] = 1.5;
    r->weight[8] = 2.5;
}

static void repeat(rows *r)
{
    take_row(r, 7, r, 8);
}

static void shorten(rows *r)
{
    r->count--;
}

static void nothing(rows *r)
{
    (void)r;
}

Test(sketch, what_makes_rows_the_same)
{
    static const change changes[] = {
        {"nothing", true, 100, nothing}, {"another order", true, 100, reverse},
        {"the sign of a zero", true, 100, negate_zero}, {"a weight", false, 100, weigh},
        {"two weights", false, 100, exchange_weights}, {"an ulp", false, 99, move},
        {"a target", false, 99, change_target}, {"a row twice, another not", false, 100, repeat},
        {"a row less", false, 99, shorten}};
    rows *before = draw(100, 4);
    before->y[7] = 0;
    mele_i_sketch s = sketch_of(before, NULL, NULL, NULL);

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        rows *after = draw(100, 4);
        size_t common;
        after->y[7] = 0;
        changes[i].apply(after);
        mele_i_sketch t = sketch_of(after, &s, NULL, &common);
        cr_assert_eq(mele_i_sketch_equal(&s, &t), changes[i].equal, "%s", changes[i].what);
        cr_assert_eq(common, changes[i].common, "%s: %zu in common", changes[i].what, common);
        mele_i_sketch_clear(&t);
        free(after);
    }
    mele_i_sketch_clear(&s);
    free(before);
}

/* Of 3000 rows the hashes of 1024 are kept: of 1500 among others, about 512 are found; a binomial of
 * that mean has a standard deviation of at most 16 (sampling without replacement: less). */
Test(sketch, rows_among_others_are_found)
{
    rows *r = draw(ROWS, 5), *half = draw(ROWS, 6);
    mele_i_sketch s = sketch_of(r, NULL, NULL, NULL), t;
    mele_engine_options options = mele_engine_defaults();
    mele_engine *engine = NULL;
    size_t common, again;

    for (size_t i = 0; i < ROWS; i += 2)
        take_row(r, i, half, ROWS - 1 - i);
    options.threads = 3;
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    t = sketch_of(half, &s, NULL, &common);
    cr_assert(common > 512 - 80 && common < 512 + 80, "%zu", common);
    mele_i_sketch_clear(&t);
    t = sketch_of(half, &s, engine, &again);
    cr_assert_eq(common, again);
    mele_i_sketch_clear(&t);
    free(half);
    half = draw(ROWS, 6);
    t = sketch_of(half, &s, engine, &common);
    cr_assert_eq(common, 0);
    mele_engine_free(engine);
    mele_i_sketch_clear(&s);
    mele_i_sketch_clear(&t);
    free(half);
    free(r);
}

/* A sketch of two sets is that of their union, but equal to none. */
Test(sketch, joined)
{
    rows *a = draw(1000, 7), *b = draw(2000, 8), *both = draw(ROWS, 8);
    mele_i_sketch s = sketch_of(a, NULL, NULL, NULL), t = sketch_of(b, NULL, NULL, NULL), all, same;

    for (size_t i = 0; i < 1000; i++)
        take_row(a, i, both, 2000 + i);
    for (size_t i = 0; i < 2000; i++)
        take_row(b, i, both, i);
    all = sketch_of(both, NULL, NULL, NULL);
    same = sketch_of(a, NULL, NULL, NULL);
    cr_assert_eq(mele_i_sketch_join(&same, &s, NULL), MELE_OK);
    cr_assert(mele_i_sketch_equal(&same, &s), "twice the same rows");
    cr_assert_eq(mele_i_sketch_join(&s, &t, NULL), MELE_OK);
    cr_assert(s.sets == 2 && s.rows == 3000 && s.count == all.count && s.hash == all.hash);
    cr_assert_eq(memcmp(s.least, all.least, s.count * sizeof *s.least), 0);
    cr_assert_not(mele_i_sketch_equal(&s, &all), "it was not trained on all of them at once");
    cr_assert_not(mele_i_sketch_equal(&s, &s));
    mele_i_sketch_clear(&s);
    mele_i_sketch_clear(&t);
    mele_i_sketch_clear(&all);
    mele_i_sketch_clear(&same);
    free(a);
    free(b);
    free(both);
}

Test(sketch, written_and_read_again)
{
    rows *r = draw(2000, 9);
    mele_i_sketch s = sketch_of(r, NULL, NULL, NULL), read;
    json_t *object = mele_i_sketch_save(&s);

    cr_assert_eq(mele_i_sketch_load(object, &read, NULL), MELE_OK);
    cr_assert(mele_i_sketch_equal(&s, &read));
    mele_i_sketch_clear(&read);
    json_decref(object);
    mele_i_sketch_clear(&s);
    free(r);
}

Test(sketch, records_that_are_refused)
{
    static const char *const refused[] = {
        "[]",
        "{\"sets\":1,\"rows\":3,\"hash\":\"0123456789abcdef\"}",
        "{\"sets\":0,\"rows\":3,\"hash\":\"0123456789abcdef\",\"least\":\"0123456789abcdef\"}",
        "{\"sets\":1,\"rows\":3,\"hash\":\"0123456789abcde\",\"least\":\"0123456789abcdef\"}",
        "{\"sets\":1,\"rows\":3,\"hash\":\"0123456789abcdef\",\"least\":\"\"}",
        "{\"sets\":1,\"rows\":3,\"hash\":\"0123456789abcdef\",\"least\":\"0123456789ABCDEF\"}",
        "{\"sets\":1,\"rows\":3,\"hash\":\"0123456789abcdef\",\"least\":"
        "\"2222222222222222" "1111111111111111\"}",
        "{\"sets\":1,\"rows\":3,\"hash\":\"0123456789abcdef\",\"least\":\"\\u0030\"}",
        "{\"sets\":1,\"rows\":-3,\"hash\":\"0123456789abcdef\",\"least\":\"0123456789abcdef\"}"};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *object = json_loads(refused[i], 0, NULL);
        mele_i_sketch out = {.sets = 77};
        mele_error error = {0};
        cr_assert_not_null(object, "%zu", i);
        cr_assert_eq(mele_i_sketch_load(object, &out, &error), MELE_EDATA, "%s", refused[i]);
        cr_assert(error.message[0] != '\0' && out.sets == 77);
        json_decref(object);
    }
}

Test(sketch, without_memory)
{
    rows *r = draw(200, 10);
    mele_data *data = data_of(r);
    const mele_i_features features = mele_i_data_features(data);
    const mele_i_sketched sketched = {data->schema, &features, r->y, 1, r->weight};
    bool failed = true;

    for (size_t n = 0; failed; n++) {
        mele_i_sketch out = {.sets = 77};
        failing_malloc_at(n);
        mele_status status = mele_i_sketch_make(&sketched, NULL, NULL, &out, NULL, NULL);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
        cr_assert_eq(out.sets, failed ? 77 : 1);
        if (!failed)
            mele_i_sketch_clear(&out);
    }
    mele_data_free(data);
    free(r);
}

/* ---- posteriors from outside ---- */

/* Log posteriors of rows, in no unit. */
static double *draw_posteriors(size_t count, uint64_t seed)
{
    mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_TESTS, 0, 0);
    double *log_p = MELE_I_ARRAY(double, 3 * count);

    cr_assert_not_null(log_p);
    for (size_t e = 0; e < 3 * count; e++)
        log_p[e] = 2 * mele_i_stream_normal(&stream);
    return log_p;
}

/* The sums are those of the definition: the rows' hashes, one by one, times the shares. */
Test(sketch, sums_of_posteriors)
{
    rows *r = draw(ROWS, 3), *one = draw(1, 1);
    double *log_p = draw_posteriors(ROWS, 5), sums[3] = {0};
    mele_i_sketch all = sketch_under(r, log_p, NULL);

    for (size_t i = 0; i < ROWS; i++) {
        double total = 0;
        take_row(r, i, one, 0);
        mele_i_sketch of_row = sketch_of(one, NULL, NULL, NULL);
        for (size_t k = 0; k < 3; k++)
            total += exp(log_p[3 * i + k]);
        for (size_t k = 0; k < 3; k++)
            sums[k] += (double)(of_row.least[0] >> 11) / 9007199254740992.0 * exp(log_p[3 * i + k])
                       / total;
        mele_i_sketch_clear(&of_row);
    }
    cr_assert_eq(all.clusters, 3);
    for (size_t k = 0; k < 3; k++)
        cr_assert_float_eq(all.sums[k], sums[k], 1e-9);
    mele_i_sketch_clear(&all);
    free(log_p);
    free(one);
    free(r);
}

/* The same in another order, in another unit and on threads; others where a single row differs, or regions
 * change places. */
Test(sketch, posteriors_are_the_same_or_others)
{
    rows *r = draw(ROWS, 3), *turned = draw(ROWS, 3);
    double *log_p = draw_posteriors(ROWS, 5), *other = draw_posteriors(ROWS, 5);
    mele_engine_options wanted = mele_engine_defaults();
    mele_engine *engine = NULL;
    mele_i_sketch first = sketch_under(r, log_p, NULL), second;

    wanted.threads = 3;
    cr_assert_eq(mele_engine_new(&wanted, &engine, NULL), MELE_OK);
    second = sketch_under(r, log_p, engine);
    cr_assert_eq(memcmp(first.sums, second.sums, 3 * sizeof(double)), 0);
    mele_i_sketch_clear(&second);
    mele_engine_free(engine);
    for (size_t i = 0; i < ROWS; i++) {
        take_row(r, i, turned, ROWS - 1 - i);
        for (size_t k = 0; k < 3; k++)
            other[3 * (ROWS - 1 - i) + k] = log_p[3 * i + k] + (double)(i % 7);
    }
    second = sketch_under(turned, other, NULL);
    cr_assert(mele_i_sketch_equal(&first, &second) && mele_i_sketch_know_posteriors(&first, &second));
    cr_assert(mele_i_sketch_same_posteriors(&first, &second));
    mele_i_sketch_clear(&second);
    memcpy(other, log_p, 3 * ROWS * sizeof *other);
    other[3 * 77] += 0.5;
    second = sketch_under(r, other, NULL);
    cr_assert_not(mele_i_sketch_same_posteriors(&first, &second));
    mele_i_sketch_clear(&second);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < 3; k++)
            other[3 * i + k] = log_p[3 * i + (k + 1) % 3];
    second = sketch_under(r, other, NULL);
    cr_assert_not(mele_i_sketch_same_posteriors(&first, &second));
    /* of rows that were trained on under both nothing is known any more */
    cr_assert_eq(mele_i_sketch_join(&second, &first, NULL), MELE_OK);
    cr_assert(second.sets == 1 && !mele_i_sketch_know_posteriors(&first, &second));
    mele_i_sketch_clear(&second);
    mele_i_sketch_clear(&first);
    free(log_p);
    free(other);
    free(turned);
    free(r);
}

Test(sketch, posteriors_in_the_record)
{
    rows *r = draw(300, 3);
    double *log_p = draw_posteriors(300, 5);
    mele_i_sketch s = sketch_under(r, log_p, NULL), read;
    json_t *object = mele_i_sketch_save(&s);
    mele_error error = {0};

    cr_assert_eq(mele_i_sketch_load(object, &read, NULL), MELE_OK);
    cr_assert(read.clusters == 3 && memcmp(read.sums, s.sums, sizeof(double[3])) == 0);
    mele_i_sketch_clear(&read);
    json_object_set_new(object, "posteriors", json_array());
    cr_assert_eq(mele_i_sketch_load(object, &read, &error), MELE_EDATA);
    json_object_set_new(object, "posteriors", json_pack("[f,s]", 1.5, "x"));
    cr_assert_eq(mele_i_sketch_load(object, &read, &error), MELE_EDATA);
    json_decref(object);
    mele_i_sketch_clear(&s);
    free(log_p);
    free(r);
}

Test(sketch, posteriors_without_memory)
{
    rows *r = draw(300, 3);
    double *log_p = draw_posteriors(300, 5);
    mele_data *data = data_of(r);
    const mele_i_features features = mele_i_data_features(data);
    const mele_rows posteriors = mele_rows_of_array(log_p, 300, 3);
    const mele_i_sketched sketched = {data->schema, &features, r->y, 1, r->weight, &posteriors};
    bool failed = true;

    for (size_t n = 0; failed; n++) {
        mele_i_sketch out = {0};
        failing_malloc_at(n);
        mele_status status = mele_i_sketch_make(&sketched, NULL, NULL, &out, NULL, NULL);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
        cr_assert_eq(out.sums != NULL, status == MELE_OK);
        mele_i_sketch_clear(&out);
    }
    mele_data_free(data);
    free(log_p);
    free(r);
}
