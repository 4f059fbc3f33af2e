/* A gsl_matrix goes into mele, and a result comes back as one, without a copy.
 *
 * <mele/gsl.h> is not part of <mele/mele.h>: only programs that include it need GSL. Views hold a
 * pointer and three sizes, so a part of a matrix (a submatrix, a column) passes just as well.
 *
 *     cc gsl_matrix.c $(pkg-config --cflags --libs mele) -lm
 */
#include <gsl/gsl_matrix.h>
#include <math.h>
#include <mele/gsl.h>
#include <mele/mele.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 60, REGIONS = 2 };

static int fail(const mele_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return EXIT_FAILURE;
}

/* Three columns: two inputs in two clumps, and y, which depends on them differently in each. */
static void fill(gsl_matrix *table)
{
    for (size_t i = 0; i < ROWS; i++) {
        double clump = (double)(i % 2), a = 10 * clump + 0.1 * (double)(i / 2), b = (double)(i % 7);
        gsl_matrix_set(table, i, 0, a);
        gsl_matrix_set(table, i, 1, b);
        gsl_matrix_set(table, i, 2, clump == 0 ? 1 + 2 * a - b : 20 - a + b);
    }
}

int main(void)
{
    gsl_matrix *table = gsl_matrix_alloc(ROWS, 3);
    gsl_matrix *posteriors = gsl_matrix_alloc(ROWS, REGIONS);
    gsl_vector *predicted = gsl_vector_alloc(ROWS);
    mele_options options = mele_options_defaults();
    mele_data *data = NULL;
    mele_model *model = NULL;
    mele_error error;
    int status = EXIT_SUCCESS;

    fill(table);
    options.partition.clusters = REGIONS;

    /* inputs and target are parts of one matrix: its rows stay where they are */
    gsl_matrix_const_view left = gsl_matrix_const_submatrix(table, 0, 0, ROWS, 2);
    gsl_vector_const_view right = gsl_matrix_const_column(table, 2);
    mele_matrix x = mele_matrix_of_gsl(&left.matrix), y = mele_column_of_gsl(&right.vector);

    /* results go to plain arrays without gaps, which is what a matrix of GSL's own is */
    mele_prediction wanted = {.mean = predicted->data, .log_posteriors = posteriors->data};
    if (mele_data_of_arrays(&x, &y, 0, NULL, &data, &error) != MELE_OK
        || mele_fit(data, &options, NULL, NULL, &model, &error) != MELE_OK
        || mele_model_predict(model, &x, NULL, NULL, &wanted, &error) != MELE_OK) {
        status = fail(&error);
        goto cleanup;
    }
    gsl_vector_const_view first = gsl_matrix_const_row(posteriors, 0);
    printf("row 1 belongs to region %zu\n", 1 + gsl_vector_max_index(&first.vector));
    gsl_vector_sub(predicted, &right.vector);
    double largest = fmax(gsl_vector_max(predicted), -gsl_vector_min(predicted));
    printf("largest error below 1, of targets from %g to %g: %s\n", gsl_vector_min(&right.vector),
           gsl_vector_max(&right.vector), largest < 1 ? "yes" : "no");

cleanup:
    mele_model_free(model);
    mele_data_free(data);
    gsl_vector_free(predicted);
    gsl_matrix_free(posteriors);
    gsl_matrix_free(table);
    return status;
}
