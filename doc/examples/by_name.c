/* A fit that is driven by names and texts alone, as from a language that knows no structure of
 * options: made, set, walked, got, copied and freed. The data are the three lines of
 * three_stages.c.
 *
 *     cc by_name.c $(pkg-config --cflags --libs mele)
 */
#include <mele/mele.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 300 };

static void check(mele_status status, const mele_error *error)
{
    if (status == MELE_OK)
        return;
    fprintf(stderr, "%s: %s\n", mele_status_name(status), error->message);
    exit(EXIT_FAILURE); /* good enough for an example; the library never does this */
}

/* n points on three stretches of x, and what y is there. */
static void make_data(double *x, double *y)
{
    const double slope[] = {2, -1.5, 0.5};

    for (size_t i = 0; i < ROWS; i++) {
        size_t line = i % 3;
        x[i] = (double)line - 1.3 + 0.6 * (double)i / ROWS;
        y[i] = slope[line] * x[i] + (double)line;
    }
}

/* A binding makes its documentation so: here of those that have a letter, too. */
static void print_options(void)
{
    const char *name;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++)
        if (mele_option_letter(name) != '\0')
            printf("%s %s: %s\n", name, mele_option_argument(name), mele_option_help(name));
}

/* One with its choices and its default. */
static void print_option(const char *name)
{
    char fallback[64], choices[128];

    mele_option_default(name, fallback, sizeof fallback);
    mele_option_choices(name, choices, sizeof choices);
    printf("%s: one of %s; else %s\n", name, choices, fallback);
}

/* The root mean squared error of rows that the experts have not seen. */
static double fit(const mele_data *data, const mele_options *options)
{
    mele_report *report;
    mele_model *model;
    mele_error error;
    double rmse;

    check(mele_report_new("by_name", &report, &error), &error);
    check(mele_fit(data, options, NULL, report, &model, &error), &error);
    if (!mele_report_number(report, "left_out.rmse", &rmse))
        rmse = -1;
    mele_model_free(model);
    mele_report_free(report);
    return rmse;
}

int main(void)
{
    double x[ROWS], y[ROWS];
    char text[64];
    mele_options *options, *others;
    mele_data *data;
    mele_error error;

    make_data(x, y);
    const mele_matrix inputs = mele_matrix_of(x, ROWS, 1), target = mele_matrix_of(y, ROWS, 1);
    check(mele_data_of_arrays(&inputs, &target, 0, NULL, &data, &error), &error);
    print_options();
    print_option("scale");

    check(mele_options_new(&options, &error), &error);
    check(mele_options_set(options, "clusters", "3", &error), &error);
    check(mele_options_set(options, "gate", "temperature", &error), &error);
    if (mele_options_set(options, "expert", "liner", &error) != MELE_OK)
        printf("%s\n", error.message);
    if (mele_options_set(options, "exprt", "linear", &error) != MELE_OK)
        printf("%s\n", error.message);

    check(mele_options_copy(options, &others, &error), &error);
    check(mele_options_set(others, "clusters", "1", &error), &error);
    check(mele_options_get(options, "clusters", text, sizeof text, NULL, &error), &error);
    printf("%s regions: left-out error %.2f\n", text, fit(data, options));
    check(mele_options_get(others, "clusters", text, sizeof text, NULL, &error), &error);
    printf("%s region:  left-out error %.2f\n", text, fit(data, others));

    mele_options_free(others);
    mele_options_free(options);
    mele_data_free(data);
    return 0;
}
