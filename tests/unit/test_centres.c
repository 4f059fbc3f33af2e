/* Centres from a file: what tests/cli/init.test cannot reach. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mele/mele.h>

#include "support/failing_malloc.h"

static void write_file(char *path, const char *text)
{
    int file = mkstemps(path, 4);

    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

static const char *const files[] = {
    "a,c,y\n1,u,3\n4,v,6\n",
    "c=v,a,y\n0,1,3\n1,4,6\n",
    "cluster,column,value\n1,a,1\n1,c=v,0\n1,y,3\n2,a,4\n2,c=v,1\n2,y,6\n",
};

/* Whichever allocation fails, the result is untouched; without a failure the ways to write the
 * same centres are the same. */
Test(centres, memory_that_runs_out)
{
    static const double expected[] = {1, 0, 3, 4, 1, 6};
    char data_path[] = "/tmp/mele-XXXXXX.csv";
    mele_options options = mele_options_defaults();
    mele_data *data = NULL;

    write_file(data_path, "a,c,y\n1,u,2\n3,v,1\n5,u,7\n6,v,8\n");
    options.data.target = "y";
    options.cluster_on = "xy";
    cr_assert_eq(mele_data_read(data_path, &options.data, NULL, NULL, &data, NULL), MELE_OK);
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        char path[] = "/tmp/mele-XXXXXX.csv";
        write_file(path, files[f]);
        bool failed = true;
        size_t failures = 0;
        for (size_t n = 0; failed; n++) {
            mele_centres centres = {99, 99, NULL};
            failing_malloc_at(n);
            mele_status status = mele_centres_read(path, data, &options, NULL, &centres, NULL);
            failed = failing_malloc_end();
            if (status == MELE_OK) { /* the reader does without some of its memory */
                cr_assert(centres.clusters == 2 && centres.columns == 3);
                cr_assert_eq(memcmp(centres.values, expected, sizeof expected), 0, "file %zu", f);
                mele_centres_clear(&centres);
                continue;
            }
            cr_assert(failed && status == MELE_ENOMEM, "file %zu, allocation %zu", f, n);
            cr_assert(centres.clusters == 99 && centres.values == NULL);
            failures++;
        }
        cr_assert_gt(failures, 8);
        unlink(path);
    }
    mele_data_free(data);
    unlink(data_path);
}

/* Fits want centres that are read, and of the columns they cluster. */
Test(centres, what_fits_are_given)
{
    static const double x[] = {1, 2, 3, 9, 8, 9};
    mele_matrix view = mele_matrix_of(x, 6, 1);
    double values[] = {1, 8, 3, 9};
    mele_centres one = {2, 1, values}, two = {2, 2, values};
    mele_options options = mele_options_defaults();
    mele_data *data = NULL;
    mele_model *model = NULL;
    mele_error error;

    cr_assert_eq(mele_data_of_arrays(&view, NULL, 0, NULL, &data, NULL), MELE_OK);
    options.partition.clusters = 2;
    options.centres_file = "c.csv";
    cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, &error), MELE_EINVAL);
    cr_expect_str_eq(error.message, "the centres of --init \"c.csv\" have not been read");
    options.centres = &two;
    cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, &error), MELE_EINVAL);
    cr_expect_str_eq(error.message, "the centres have 2 columns, and 1 are clustered");
    options.centres = &one;
    cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, &error), MELE_OK);
    mele_model_free(model);
    mele_data_free(data);
}
