/* Model files that claim what they do not hold: reading takes at most 60 MB + 50 times the file's
 * size, and 2 s + a second a megabyte. Each file is made here, read by a process of its own, and
 * what that took is the system's count. 20 of the 60 MB are left to the process itself. */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mele/model.h>

#define LEAST_ROOM 40000.0 /* KB */
#define ROOM_PER_BYTE (50 / 1024.0)

static void repeat(FILE *out, const char *piece, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%s", i == 0 ? "" : ",", piece);
}

/* An array of `count` pieces. */
static void array(FILE *out, const char *piece, size_t count)
{
    fputc('[', out);
    repeat(out, piece, count);
    fputc(']', out);
}

/* `"key":[`, an array of `cols` zeros, and rows - 1 empty ones: only the first is what it should
 * be. */
static void first_row(FILE *out, const char *key, size_t rows, size_t cols)
{
    fprintf(out, "\"%s\":[", key);
    array(out, "0", cols);
    for (size_t i = 1; i < rows; i++)
        fputs(",[]", out);
    fputc(']', out);
}

static void scaling(FILE *out, const char *key, size_t columns)
{
    fprintf(out, "\"%s\":{\"center\":", key);
    array(out, "0", columns);
    fputs(",\"scale\":", out);
    array(out, "1", columns);
    fputc('}', out);
}

/* All before the sections: `columns` features, and targets, or classes of one. */
static void head(FILE *out, size_t clusters, size_t columns, size_t targets, size_t classes)
{
    fprintf(out,
            "{\"format\":\"mele\",\"version\":1,\"clusters\":%zu,\"schema\":{\"header\":true,"
            "\"features\":",
            clusters);
    array(out, "{\"name\":\"a\",\"position\":0}", columns);
    fputs(",\"targets\":", out);
    if (classes > 0) {
        fputs("[{\"name\":\"b\",\"position\":1,\"levels\":", out);
        array(out, "\"l\"", classes);
        fputs("}]", out);
    } else {
        array(out, "{\"name\":\"b\",\"position\":1}", targets);
    }
    fputc(',', out);
    scaling(out, "scaling", columns);
    if (classes == 0) {
        fputc(',', out);
        scaling(out, "target_scaling", targets);
    }
    fputc('}', out);
}

static void tail(FILE *out)
{
    fputs(",\"training\":{\"options\":{},\"rows\":1,\"weight\":1}}\n", out);
}

static void head_of_experts(FILE *out, const char *kind, size_t clusters, size_t columns,
                            const char *unit, size_t outputs)
{
    fprintf(out,
            ",\"experts\":{\"kind\":\"%s\",\"clusters\":%zu,\"columns\":%zu,\"%s\":%zu,"
            "\"global\":null,\"experts\":[",
            kind, clusters, columns, unit, outputs);
}

static void head_of_expert(FILE *out, const char *kind)
{
    fprintf(out, "{\"rows\":1,\"rank\":1,\"fallback\":false,\"kind\":\"%s\",\"degree\":1,", kind);
}

/* ---- the text itself ---- */

static void empty_objects(FILE *out)
{
    fputs("{\"format\":[", out);
    repeat(out, "{}", 700000);
    fputs("]}", out);
}

static void empty_arrays(FILE *out)
{
    head(out, 1, 1, 1, 0);
    fputs(",\"training\":{\"options\":{},\"rows\":1,\"weight\":[", out);
    repeat(out, "[]", 500000);
    fputs("]}}", out);
}

static void short_arrays(FILE *out)
{
    array(out, "[0]", 300000);
}

static void many_keys(FILE *out)
{
    fputs("{\"format\":\"mele\"", out);
    for (size_t i = 0; i < 100000; i++)
        fprintf(out, ",\"%zx\":0", i);
    fputc('}', out);
}

static void whole_numbers(FILE *out)
{
    head(out, 1, 1, 1, 0);
    fputs(",\"training\":{\"options\":{},\"rows\":1,\"weight\":", out);
    array(out, "0", 600000);
    fputs("}}", out);
}

static void short_texts(FILE *out)
{
    array(out, "\"\"", 400000);
}

static void long_text(FILE *out)
{
    fputs("{\"format\":\"", out);
    for (size_t i = 0; i < 1000000; i++)
        fputc('a', out);
    fputs("\"}", out);
}

static void deep(FILE *out)
{
    for (size_t i = 0; i < 1000000; i++)
        fputc('[', out);
}

static void deep_objects(FILE *out)
{
    for (size_t i = 0; i < 100000; i++)
        fputs("{\"a\":", out);
}

/* ---- schema and partition ---- */

static void levels_of_features(FILE *out)
{
    fputs("{\"format\":\"mele\",\"version\":1,\"clusters\":1,\"schema\":{\"header\":true,"
          "\"features\":[{\"name\":\"a\",\"position\":0,\"levels\":",
          out);
    array(out, "\"\"", 300000);
    fputs("}],\"targets\":[],\"scaling\":{\"center\":[0],\"scale\":[1]}}", out);
    tail(out);
}

static void head_of_partition(FILE *out, const char *kind, size_t clusters, size_t columns)
{
    fputs(",\"partition\":{\"space\":{\"columns\":[", out);
    for (size_t j = 0; j < columns; j++)
        fprintf(out, "%s%zu", j == 0 ? "" : ",", j);
    fputs("],", out);
    scaling(out, "scaling", columns);
    fprintf(out, "},\"regions\":{\"kind\":\"%s\",\"clusters\":%zu,\"columns\":%zu,", kind, clusters,
            columns);
}

static void first_centre(FILE *out)
{
    head(out, 20000, 2000, 1, 0);
    head_of_partition(out, "kmeans", 20000, 2000);
    first_row(out, "centres", 20000, 2000);
    fputs(",\"variance\":1}}", out);
    tail(out);
}

/* Of as many columns: triangles of numbers are claimed, and not there. */
static void mixture(FILE *out, const char *covariance, size_t columns, size_t numbers)
{
    head(out, 1, columns, 1, 0);
    head_of_partition(out, "gmm", 1, columns);
    first_row(out, "centres", 1, columns);
    fprintf(out, ",\"covariance\":\"%s\",\"weights\":[1],\"covariances\":[", covariance);
    array(out, "1", numbers);
    fputs("]}}", out);
    tail(out);
}

static void claimed_triangles(FILE *out)
{
    mixture(out, "full", 20000, 1);
}

static void claimed_tied_triangle(FILE *out)
{
    mixture(out, "tied", 20000, 20000);
}

/* These are there: a mixture that is read, of diagonals, whose squares are not to be made. */
static void diagonals(FILE *out)
{
    mixture(out, "diagonal", 20000, 20000);
}

static void spheres(FILE *out)
{
    mixture(out, "spherical", 20000, 1);
}

static void claimed_whiteners(FILE *out)
{
    head(out, 1, 20000, 1, 0);
    head_of_partition(out, "gmm", 1, 20000);
    first_row(out, "centres", 1, 20000);
    fputs(",\"weights\":[1],\"whiteners\":[[1]]}}", out);
    tail(out);
}

/* ---- experts ---- */

static void nobody(FILE *out)
{
    head(out, 10000, 1, 1, 0);
    head_of_experts(out, "linear", 10000, 1, "targets", 32000);
    repeat(out, "null", 10000);
    fputs("]}", out);
    tail(out);
}

/* What answers elsewhere has no numbers of its own, in a model whose targets are all there. */
static void fallbacks(FILE *out)
{
    head(out, 20000, 1, 2000, 0);
    head_of_experts(out, "linear", 20000, 1, "targets", 2000);
    repeat(out, "{\"rows\":0,\"rank\":0,\"fallback\":true}", 20000);
    fputs("]}", out);
    tail(out);
}

static void first_coefficients(FILE *out)
{
    head(out, 1, 1, 1, 0);
    head_of_experts(out, "linear", 1, 20000, "targets", 5000);
    head_of_expert(out, "linear");
    first_row(out, "coefficients", 5000, 20001);
    fputs(",\"variance\":", out);
    array(out, "1", 5000);
    fputs("}]}", out);
    tail(out);
}

static void first_logits(FILE *out)
{
    head(out, 1, 1, 0, 2);
    head_of_experts(out, "logistic", 1, 20000, "classes", 5000);
    head_of_expert(out, "logistic");
    first_row(out, "coefficients", 5000, 20001);
    fputs("}]}", out);
    tail(out);
}

/* 1024 networks, of which the first is there. */
static void first_network(FILE *out)
{
    const size_t columns = 5000, hidden = 10;
    head(out, 1, 1, 1, 0);
    head_of_experts(out, "mlp", 1, columns, "targets", 1);
    head_of_expert(out, "mlp");
    fprintf(out,
            "\"hidden\":%zu,\"activation\":\"tanh\",\"trainer\":\"lm\",\"networks\":1024,"
            "\"centre\":",
            hidden);
    array(out, "0", columns);
    fputs(",\"scale\":", out);
    array(out, "1", columns);
    fputs(",\"shift\":[0],\"unit\":[1],\"hidden_weights\":[[", out);
    for (size_t h = 0; h < hidden; h++) {
        fputs(h == 0 ? "" : ",", out);
        array(out, "0", columns + 1);
    }
    fputc(']', out);
    for (size_t q = 1; q < 1024; q++)
        fputs(",[]", out);
    fputs("],\"output_weights\":[[[0,0,0,0,0,0,0,0,0,0,0]]", out);
    for (size_t q = 1; q < 1024; q++)
        fputs(",[]", out);
    fputs("],\"variance\":[1]}]}", out);
    tail(out);
}

/* Each of many rows has the first of its hidden units only. */
static void first_units(FILE *out)
{
    const size_t columns = 20000;
    head(out, 1, 1, 1, 0);
    head_of_experts(out, "mlp", 1, columns, "targets", 1);
    head_of_expert(out, "mlp");
    fputs("\"hidden\":1024,\"activation\":\"relu\",\"trainer\":\"adam\",\"networks\":1,"
          "\"centre\":",
          out);
    array(out, "0", columns);
    fputs(",\"scale\":", out);
    array(out, "1", columns);
    fputs(",\"shift\":[0],\"unit\":[1],\"hidden_weights\":[[", out);
    array(out, "0", columns + 1);
    for (size_t h = 1; h < 1024; h++)
        fputs(",[]", out);
    fputs("]],\"output_weights\":[[", out);
    array(out, "0", 1025);
    fputs("]],\"variance\":[1]}]}", out);
    tail(out);
}

static void head_of_process(FILE *out, size_t outputs, size_t rows)
{
    head(out, 1, 1, outputs, 0);
    head_of_experts(out, "gp", 1, 1, "targets", outputs);
    head_of_expert(out, "gp");
    fputs("\"kernel\":\"matern52\",\"lengths\":[[1]],\"shares\":[1],\"noise\":1,\"mean\":", out);
    array(out, "0", outputs);
    fputs(",\"unit\":", out);
    array(out, "1", outputs);
    fputs(",\"signal\":", out);
    array(out, "1", outputs);
    fputs(",\"least_variance\":", out);
    array(out, "1", outputs);
    fputs(",\"variance\":", out);
    array(out, "1", outputs);
    fputs(",\"x\":", out);
    array(out, "[0]", rows);
    fputc(',', out);
}

static void first_weights_of_rows(FILE *out)
{
    head_of_process(out, 1000, 15000);
    first_row(out, "coefficients", 1000, 15000);
    fputs("}]}", out);
    tail(out);
}

/* All there: no matrix of so many rows is to be made before a variance is wanted. */
static void many_rows(FILE *out)
{
    head_of_process(out, 1, 20000);
    first_row(out, "coefficients", 1, 20000);
    fputs("}]}", out);
    tail(out);
}

/* ---- gate ---- */

/* The limits of a gate's columns, and what comes after it. */
static void end_gate(FILE *out, size_t columns)
{
    fputs(",\"lower\":", out);
    array(out, "0", columns);
    fputs(",\"upper\":", out);
    array(out, "0", columns);
    fputc('}', out);
    tail(out);
}

static void softmax_without_coefficients(FILE *out)
{
    const size_t clusters = 10000, columns = 10000;
    head(out, clusters, 1, 1, 0);
    head_of_experts(out, "linear", clusters, 1, "targets", 1);
    repeat(out, "null", clusters);
    fprintf(out,
            "]},\"gate\":{\"kind\":\"softmax\",\"clusters\":%zu,\"on\":\"features\","
            "\"temperature\":1,\"intercept\":",
            clusters);
    array(out, "0", clusters);
    fputs(",\"coefficients\":[]", out);
    end_gate(out, columns);
}

static void softmax_with_one_row(FILE *out)
{
    const size_t clusters = 10000;
    head(out, clusters, 1, 1, 0);
    head_of_experts(out, "linear", clusters, 1, "targets", 1);
    repeat(out, "null", clusters);
    fprintf(out,
            "]},\"gate\":{\"kind\":\"softmax\",\"clusters\":%zu,\"on\":\"posteriors\","
            "\"temperature\":1,\"intercept\":",
            clusters);
    array(out, "0", clusters);
    fputc(',', out);
    first_row(out, "coefficients", clusters, clusters);
    end_gate(out, clusters);
}

/* A gate's network that claims 1024 x 10000 weights and has one row of them. */
static void gate_with_one_unit(FILE *out)
{
    const size_t clusters = 10000;
    head(out, clusters, 1, 1, 0);
    head_of_experts(out, "linear", clusters, 1, "targets", 1);
    repeat(out, "null", clusters);
    fprintf(out,
            "]},\"gate\":{\"kind\":\"mlp\",\"clusters\":%zu,\"on\":\"posteriors\","
            "\"temperature\":1,\"hidden\":1024,\"activation\":\"tanh\",\"output_weights\":[],",
            clusters);
    first_row(out, "hidden_weights", 1024, clusters + 1);
    end_gate(out, clusters);
}

/* ---- all of them ---- */

typedef struct hostile {
    const char *name;
    void (*make)(FILE *out);
    mele_status status;
} hostile;

static const hostile files[] = {
    {"empty objects", empty_objects, MELE_EDATA},
    {"empty arrays", empty_arrays, MELE_EDATA},
    {"short arrays", short_arrays, MELE_EDATA},
    {"many keys", many_keys, MELE_EDATA},
    {"whole numbers", whole_numbers, MELE_EDATA},
    {"short texts", short_texts, MELE_EDATA},
    {"a long text", long_text, MELE_EDATA},
    {"deep arrays", deep, MELE_EDATA},
    {"deep objects", deep_objects, MELE_EDATA},
    {"levels", levels_of_features, MELE_EDATA},
    {"first centre", first_centre, MELE_EDATA},
    {"claimed triangles", claimed_triangles, MELE_EDATA},
    {"claimed tied triangle", claimed_tied_triangle, MELE_EDATA},
    {"diagonals", diagonals, MELE_OK},
    {"spheres", spheres, MELE_OK},
    {"claimed whiteners", claimed_whiteners, MELE_EDATA},
    {"targets of nobody", nobody, MELE_EDATA},
    {"fallbacks", fallbacks, MELE_OK},
    {"first coefficients", first_coefficients, MELE_EDATA},
    {"first logits", first_logits, MELE_EDATA},
    {"first network", first_network, MELE_EDATA},
    {"first units", first_units, MELE_EDATA},
    {"first weights of rows", first_weights_of_rows, MELE_EDATA},
    {"many rows", many_rows, MELE_OK},
    {"softmax without coefficients", softmax_without_coefficients, MELE_EDATA},
    {"softmax with one row", softmax_with_one_row, MELE_EDATA},
    {"gate with one unit", gate_with_one_unit, MELE_EDATA},
};

static double kilobytes_so_far(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss;
}

/* In a child: read, and end with the status, or 99 when it took too much memory. */
static void read_and_exit(const hostile *h, const char *path, double bytes)
{
    const double before = kilobytes_so_far();
    mele_model *model = NULL;
    mele_error error = {.line = 0};
    mele_status status = mele_model_read(path, &model, &error);
    const double taken = kilobytes_so_far() - before;

    mele_model_free(model);
    if (status != h->status)
        fprintf(stderr, "%s: %s: %s\n", h->name, mele_status_name(status), error.message);
    if (taken > LEAST_ROOM + ROOM_PER_BYTE * bytes) {
        fprintf(stderr, "%s: %.0f KB for a file of %.0f\n", h->name, taken, bytes / 1024);
        _exit(99);
    }
    _exit(status == h->status ? 0 : 98);
}

static void check(const hostile *h)
{
    char path[] = "hostile-XXXXXX";
    int file = mkstemp(path), ended;
    FILE *out = file < 0 ? NULL : fdopen(file, "w");
    struct rusage used;

    cr_assert(out != NULL);
    h->make(out);
    const double bytes = (double)ftell(out);
    cr_assert_eq(fclose(out), 0);
    fflush(NULL);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0)
        read_and_exit(h, path, bytes);
    cr_assert_eq(wait4(child, &ended, 0, &used), child);
    unlink(path);
    cr_expect(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "%s: ended with %d", h->name, ended);
    const double seconds = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec
                           + 1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    cr_expect(seconds < 2 + bytes / 1e6, "%s: %g s", h->name, seconds);
}

Test(hostile, claims_cost_no_more_than_the_text)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check(&files[i]);
}
