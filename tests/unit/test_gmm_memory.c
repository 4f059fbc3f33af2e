/* Gaussian mixtures when memory runs out at every allocation in turn: the status says so, results
 * are untouched, nothing leaks (the sanitizer's part). */
#include <criterion/criterion.h>

#include <math.h>

#include "core/stream.h"
#include "partition/partition.h"
#include "support/failing_malloc.h"

enum { N = 60, D = 2, K = 2 };

static double x[N * D], shares[N * K];

static void make_data(void)
{
    mele_i_stream stream = mele_i_stream_make(8, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < N * D; i++)
        x[i] = mele_i_stream_normal(&stream) + (i < N ? 4 : 0);
    for (size_t i = 0; i < N * K; i++)
        shares[i] = 0.1 + mele_i_stream_uniform(&stream);
}

/* Until an attempt needs fewer than n + 1 allocations. */
static bool ran_out(mele_status status, const mele_partition *p)
{
    if (!failing_malloc_end()) {
        cr_assert_eq(status, MELE_OK);
        return false;
    }
    cr_assert_eq(status, MELE_ENOMEM);
    cr_assert_null(p);
    return true;
}

static void check_fits(const char *covariance, bool from_shares)
{
    mele_matrix view = mele_matrix_of(x, N, D), given = mele_matrix_of(shares, N, K);
    mele_partition_options o = mele_partition_defaults();
    bool more = true;

    o.method = "gmm";
    o.covariance = covariance;
    o.clusters = K;
    o.restarts = 2;
    o.max_iterations = 2;
    o.responsibilities = from_shares ? &given : NULL;
    for (size_t n = 0; more; n++) {
        mele_partition *p = NULL;
        mele_partition_info info = {.iterations = 77};
        failing_malloc_at(n);
        mele_status status = mele_partition_fit(&view, NULL, &o, NULL, &p, &info, NULL);
        more = ran_out(status, p);
        cr_assert(!more || info.iterations == 77);
        mele_partition_free(p);
    }
}

Test(gmm_memory, fit)
{
    make_data();
    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        check_fits(mele_partition_covariance(c), false);
        check_fits(mele_partition_covariance(c), true);
    }
}

Test(gmm_memory, new_and_marginal)
{
    const double centres[] = {1, 2, 3, 4}, numbers[] = {1, 0, 0, 1, 2, 0, 0, 2};
    mele_partition_arrays parts = {"gmm", NULL, mele_matrix_of(centres, 2, 2), NULL, numbers};

    for (size_t c = 0; c < 2; c++) {
        bool more = true;
        mele_partition *whole = NULL;
        parts.covariance = mele_partition_covariance(c);
        for (size_t n = 0; more; n++) {
            mele_partition *p = NULL;
            failing_malloc_at(n);
            mele_status status = mele_partition_new(&parts, &p, NULL);
            more = ran_out(status, p);
            whole = p;
        }
        more = true;
        for (size_t n = 0; more; n++) {
            mele_partition *p = NULL;
            failing_malloc_at(n);
            mele_status status = mele_i_partition_marginal(whole, 1, &p, NULL);
            more = ran_out(status, p);
            mele_partition_free(p);
        }
        mele_partition_free(whole);
    }
}

/* Sections with covariances, and with the whiteners of before. */
Test(gmm_memory, load)
{
    const char *const texts[] = {
        "{\"kind\":\"gmm\",\"clusters\":2,\"columns\":1,\"centres\":[[1],[2]],"
        "\"covariance\":\"tied\",\"weights\":[0.5,0.5],\"covariances\":[[2]]}",
        "{\"kind\":\"gmm\",\"clusters\":2,\"columns\":1,\"centres\":[[1],[2]],"
        "\"weights\":[0.5,0.5],\"whiteners\":[[2],[3]]}",
    };

    for (size_t i = 0; i < 2; i++) {
        json_t *section = json_loads(texts[i], 0, NULL);
        bool more = true;
        cr_assert_not_null(section);
        for (size_t n = 0; more; n++) {
            mele_partition *p = NULL;
            failing_malloc_at(n);
            mele_status status = mele_i_partition_load(section, &p, NULL);
            more = ran_out(status, p);
            mele_partition_free(p);
        }
        json_decref(section);
    }
}
