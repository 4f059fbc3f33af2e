/* What can go wrong, and what a program sees of it.
 *
 * Every function that can fail returns a status, and fills in a mele_error that the caller owns: a
 * message of one line, and for files the line it is about. Nothing is printed, nothing is left to
 * free after a failure, and outputs keep what they held.
 *
 *     cc errors.c $(pkg-config --cflags --libs mele) -lm
 */
#define _POSIX_C_SOURCE 200809L /* mkstemp */
#include <math.h>
#include <mele/mele.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void tell(const char *what, mele_status status, const mele_error *error)
{
    printf("%s\n    %s", what, mele_status_name(status));
    if (status != MELE_OK && error->line > 0)
        printf(", line %zu", error->line);
    printf("%s%s\n", status == MELE_OK ? "" : ": ", status == MELE_OK ? "" : error->message);
}

/* The call is wrong: shapes that do not fit. */
static void wrong_shape(void)
{
    const double x[6] = {0, 1, 2, 3, 4, 5}, y[5] = {0, 1, 2, 3, 4};
    mele_matrix inputs = mele_matrix_of(x, 6, 1), target = mele_matrix_of(y, 5, 1);
    mele_data *data = NULL;
    mele_error error;

    tell("a target with fewer rows than the inputs",
         mele_data_of_arrays(&inputs, &target, 0, NULL, &data, &error), &error);
    printf("    data is still %s\n", data == NULL ? "NULL" : "something");
}

/* The data are wrong: NaN is refused before it can spread. */
static void not_a_number(void)
{
    const double x[4] = {0, 1, NAN, 3};
    mele_matrix inputs = mele_matrix_of(x, 4, 1);
    mele_partition_options options = mele_partition_defaults();
    mele_partition *partition = NULL;
    mele_error error;

    options.clusters = 2;
    tell("NaN among the inputs",
         mele_partition_fit(&inputs, NULL, &options, NULL, &partition, NULL, &error), &error);
    options.clusters = 0;
    tell("an option out of range, noticed first",
         mele_partition_fit(&inputs, NULL, &options, NULL, &partition, NULL, &error), &error);
}

/* Files: the message does not repeat the file's name, which the caller knows. */
static void missing_file(void)
{
    mele_model *model = NULL;
    mele_error error;

    tell("a model that is not there", mele_model_read("no-such-model.json", &model, &error),
         &error);
}

static void bad_cell(void)
{
    char path[] = "/tmp/mele-example-XXXXXX";
    int descriptor = mkstemp(path);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    mele_table *table = NULL;
    mele_error error;

    if (file == NULL)
        return;
    fputs("height,weight\n", file);
    for (int row = 0; row < 9; row++)
        fprintf(file, "1.%d,%d\n", row, 60 + row);
    fputs("1.9,heavy\n", file);
    fclose(file);
    tell("text in a column of numbers", mele_table_read(path, NULL, NULL, &table, &error), &error);
    unlink(path);
}

/* A caller may stop a long call; that, too, is a status. */
static bool stop_at_once(const mele_progress *progress, void *user)
{
    (void)progress;
    (void)user;
    return false;
}

static void stopped(void)
{
    const double x[4] = {0, 1, 2, 3};
    mele_matrix inputs = mele_matrix_of(x, 4, 1);
    mele_engine_options options = {.threads = 1, .progress = stop_at_once};
    mele_partition_options partitioning = mele_partition_defaults();
    mele_partition *partition = NULL;
    mele_engine *engine;
    mele_error error;

    if (mele_engine_new(&options, &engine, &error) != MELE_OK)
        return;
    partitioning.clusters = 2;
    tell("a progress function that says stop",
         mele_partition_fit(&inputs, NULL, &partitioning, engine, &partition, NULL, &error),
         &error);
    mele_engine_free(engine);
}

int main(void)
{
    wrong_shape();
    not_a_number();
    missing_file();
    bad_cell();
    stopped();
    return 0;
}
