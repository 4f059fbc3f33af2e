/* One model, several threads: read a model file, and predict with it from all of them at once.
 *
 * A model never changes once it is fitted or read, so threads share it without a lock. What they
 * must not share is an engine: each passes NULL here, which stands for the calling thread alone.
 * (A program that predicts from one thread passes an engine, and the call itself is parallel.)
 * A row's numbers depend on that row alone, so every thread finds the same bytes.
 *
 *     cc -pthread threads.c $(pkg-config --cflags --libs mele)
 *     ./a.out model.json
 */
#include <mele/mele.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROWS = 1000 };

typedef struct job {
    const mele_model *model;
    mele_matrix x;
    double *mean; /* ROWS x targets */
    mele_status status;
    mele_error error; /* each call needs its own */
} job;

static void *run(void *argument)
{
    job *j = argument;
    mele_prediction wanted = {.mean = j->mean};

    j->status = mele_model_predict(j->model, &j->x, NULL, NULL, &wanted, &j->error);
    return NULL;
}

/* Made-up rows for any model: numbers from 0 to 100, and levels of categories. */
static double *make_rows(const mele_schema *schema)
{
    size_t features = mele_schema_features(schema);
    double *x = malloc(ROWS * features * sizeof *x);
    unsigned state = 1;

    for (size_t i = 0; x != NULL && i < ROWS * features; i++) {
        size_t levels = mele_schema_levels(schema, i % features);
        state = state * 1664525u + 1013904223u;
        x[i] = levels > 0 ? (double)((state >> 8) % levels) : (double)((state >> 8) % 1001) / 10;
    }
    return x;
}

int main(int count, char **argument)
{
    job jobs[1 + THREADS]; /* the first is the one to compare with */
    pthread_t thread[THREADS];
    mele_model *model = NULL;
    mele_error error;
    size_t same = 0, started = 0, numbers;

    if (count != 2) {
        fprintf(stderr, "usage: threads MODEL\n");
        return 2;
    }
    if (mele_model_read(argument[1], &model, &error) != MELE_OK) {
        fprintf(stderr, "%s: %s\n", argument[1], error.message);
        return 1;
    }
    const mele_schema *schema = mele_model_schema(model);
    double *x = make_rows(schema);
    numbers = ROWS * mele_schema_targets(schema);
    double *means = malloc((1 + THREADS) * numbers * sizeof *means);
    if (x == NULL || means == NULL)
        goto cleanup;

    for (size_t i = 0; i <= THREADS; i++)
        jobs[i] = (job){.model = model, .x = mele_matrix_of(x, ROWS, mele_schema_features(schema)),
                        .mean = means + i * numbers};
    run(&jobs[0]);
    while (started < THREADS
           && pthread_create(&thread[started], NULL, run, &jobs[started + 1]) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        pthread_join(thread[i], NULL);

    for (size_t i = 1; i <= started; i++)
        same += jobs[i].status == MELE_OK
                && memcmp(jobs[i].mean, jobs[0].mean, numbers * sizeof *means) == 0;
    if (jobs[0].status != MELE_OK)
        fprintf(stderr, "%s: %s\n", argument[1], jobs[0].error.message);
    else
        printf("%zu of %d threads found the same bytes for %d rows\n", same, THREADS, ROWS);

cleanup:
    free(means);
    free(x);
    mele_model_free(model);
    return same == THREADS ? EXIT_SUCCESS : EXIT_FAILURE;
}
