/* "auto": in every region the candidate with the smallest left-out error, which predicts as it does
 * when it is asked for alone. */
#include "unit/expert_support.h"

/* Region 1 is linear, region 2 a parabola of its first columns, region 3 linear with noise. */
static made make_curved(size_t classes)
{
    made p = make_problem(150, 2, classes > 0 ? 1 : 2, 3, classes);

    make_certain(&p);
    for (size_t i = 0; i < p.n && classes == 0; i++) {
        const double *x = p.x + i * p.d;
        const double bend = i * 7 % 3 == 1 ? x[0] * x[0] - x[0] * x[1] : 0;
        for (size_t t = 0; t < p.m; t++)
            p.y[i * p.m + t] = 0.3 * p.y[i * p.m + t] + (double)(t + 1) * bend;
    }
    return p;
}

/* Trained for long enough to differ, no longer: every candidate is trained very often here. */
static mele_expert_options short_options(void)
{
    mele_expert_options options = mele_expert_defaults();

    options.hidden = 2;
    options.max_epochs = 3;
    options.folds = 2;
    return options;
}

/* A candidate as what one would ask for alone. */
static mele_expert_options alone(const char *candidate, bool classes)
{
    static const struct {
        const char *name, *kind;
        size_t degree, hidden;
        double ridge; /* 0: the default */
    } list[] = {
        {"linear", "linear", 1, 2, MELE_RIDGE_GCV},
        {"quadratic", "linear", 2, 2, MELE_RIDGE_GCV},
        {"gp", "gp", 1, 2, 0},
        {"logistic", "logistic", 1, 2, 0},
        {"logistic-decay", "logistic", 1, 2, 0.3},
        {"quadratic", "logistic", 2, 2, 0},
        {"quadratic-decay", "logistic", 2, 2, 0.3},
        {"mlp", "mlp", 1, 2, 0},
        {"mlp-decay", "mlp", 1, 2, 1.2},
        {"mlp-wide", "mlp", 1, 4, 0},
        {"mlp-wide-decay", "mlp", 1, 4, 1.2},
    };
    mele_expert_options options = short_options();

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(candidate, list[i].name) == 0
            && (strcmp(list[i].kind, classes ? "linear" : "logistic") != 0)) {
            options.kind = list[i].kind;
            options.degree = list[i].degree;
            options.hidden = list[i].hidden;
            options.ridge = list[i].ridge == 0 ? options.ridge : list[i].ridge;
        }
    cr_assert_not_null(options.kind, "%s", candidate);
    return options;
}

typedef struct outcome {
    mele_experts *experts;
    double *left_out, *left_out_variance, *mean, *variance;
    mele_expert_info info[4];
} outcome;

static outcome run(const made *p, const mele_expert_options *options, mele_engine *engine)
{
    size_t outputs = p->classes > 0 ? p->classes : p->m, count = p->n * p->clusters * outputs;
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);
    mele_error error = {MELE_OK, 0, ""};
    outcome o = {NULL, numbers(count), numbers(count), numbers(count), numbers(count), {{0}}};
    mele_status status = fit_by_posterior(&x, &targets, p->weight, p->log_posterior, p->clusters,
                                          options, engine, &o.experts, o.left_out,
                                          o.left_out_variance, o.info, &error);

    cr_assert(status == MELE_OK, "%s", error.message);
    cr_assert(mele_experts_predict(o.experts, &x, engine, o.mean, o.variance, NULL) == MELE_OK);
    return o;
}

static void clear(outcome *o)
{
    mele_experts_free(o->experts);
    free(o->left_out);
    free(o->left_out_variance);
    free(o->mean);
    free(o->variance);
}

/* The columns of expert k are the same bits. */
static void same_columns(const made *p, size_t k, const double *a, const double *b)
{
    size_t outputs = p->classes > 0 ? p->classes : p->m;

    for (size_t i = 0; i < p->n; i++)
        SAME_BITS(a + (i * p->clusters + k) * outputs, b + (i * p->clusters + k) * outputs,
                  outputs);
}

static void check_against_alone(const made *p, const outcome *chosen, size_t candidate)
{
    const bool classes = p->classes > 0;
    mele_expert_options options = alone(mele_expert_candidate(classes, candidate), classes);
    outcome o = run(p, &options, NULL);

    for (size_t k = 0; k < p->clusters; k++) {
        const double error = chosen->info[k].candidate[candidate];
        cr_assert(error >= chosen->info[k].left_out);
        if (chosen->info[k].chosen != candidate) { /* a network may have been given up */
            cr_assert(error == o.info[k].left_out
                      || (strcmp(options.kind, "mlp") == 0 && error > chosen->info[k].left_out));
            continue;
        }
        SAME_BITS(&o.info[k].left_out, &error, 1);
        cr_assert_str_eq(chosen->info[k].kind, o.info[k].kind);
        SAME_BITS(&chosen->info[k].left_out, &o.info[k].left_out, 1);
        same_columns(p, k, chosen->mean, o.mean);
        same_columns(p, k, chosen->left_out, o.left_out);
        if (!classes) {
            same_columns(p, k, chosen->variance, o.variance);
            same_columns(p, k, chosen->left_out_variance, o.left_out_variance);
        }
    }
    clear(&o);
}

static void check_choice(size_t classes)
{
    made p = make_curved(classes);
    mele_expert_options options = short_options();
    size_t candidates = 0;

    options.kind = "auto";
    while (mele_expert_candidate(classes > 0, candidates) != NULL)
        candidates++;
    outcome o = run(&p, &options, NULL);
    cr_assert(candidates >= 2 && candidates <= MELE_EXPERT_CANDIDATES);
    for (size_t k = 0; k < p.clusters; k++)
        cr_assert(o.info[k].candidates == candidates && o.info[k].chosen < candidates);
    for (size_t c = 0; c < candidates; c++)
        check_against_alone(&p, &o, c);
    cr_assert_str_eq(mele_experts_name(o.experts), "auto");
    clear(&o);
    free_problem(&p);
}

Test(choice, the_smallest_left_out_error_wins)
{
    check_choice(0);
}

Test(choice, the_smallest_left_out_loss_wins_for_classes)
{
    check_choice(3);
}

Test(choice, a_bent_region_has_no_linear_expert_and_a_straight_one_may)
{
    made p = make_curved(0);
    mele_expert_options options = short_options();

    options.kind = "auto";
    outcome o = run(&p, &options, NULL);
    cr_assert(o.info[1].chosen > 0);
    cr_assert(o.info[1].candidate[0] > 3 * o.info[1].left_out);
    cr_assert(o.info[0].candidate[0] < 3 * o.info[0].left_out);
    clear(&o);
    free_problem(&p);
}

Test(choice, the_same_bytes_for_any_number_of_threads)
{
    made p = make_curved(0);
    mele_expert_options options = short_options();
    const size_t count = p.n * p.clusters * p.m;

    options.kind = "auto";
    outcome one = run(&p, &options, NULL);
    for (unsigned threads = 2; threads <= 3; threads++) {
        mele_engine *engine = engine_of(threads);
        outcome o = run(&p, &options, engine);
        SAME_BITS(o.mean, one.mean, count);
        SAME_BITS(o.left_out, one.left_out, count);
        SAME_BITS(o.left_out_variance, one.left_out_variance, count);
        clear(&o);
        mele_engine_free(engine);
    }
    clear(&one);
    free_problem(&p);
}

Test(choice, a_mixture_of_kinds_survives_its_file)
{
    made p = make_curved(0);
    mele_expert_options options = short_options();
    const size_t count = p.n * p.clusters * p.m;
    mele_matrix x = made_x(&p);
    mele_experts *read = NULL;
    double *mean = numbers(count), *variance = numbers(count);

    options.kind = "auto";
    outcome o = run(&p, &options, NULL);
    json_t *section = mele_i_experts_save(o.experts);
    cr_assert(mele_i_experts_load(section, &read, NULL) == MELE_OK);
    cr_assert(mele_experts_predict(read, &x, NULL, mean, variance, NULL) == MELE_OK);
    SAME_BITS(mean, o.mean, count);
    SAME_BITS(variance, o.variance, count);
    cr_assert_str_eq(mele_experts_name(read), "auto");
    json_decref(section);
    mele_experts_free(read);
    free(mean);
    free(variance);
    clear(&o);
    free_problem(&p);
}

Test(choice, out_of_memory)
{
    made p = make_problem(24, 2, 1, 2, 0);
    mele_expert_options options = short_options();
    mele_matrix x = made_x(&p);
    mele_targets targets = made_targets(&p);
    size_t failures = 0;

    options.kind = "auto";
    for (size_t n = 0;; n++) {
        mele_experts *experts = NULL;
        failing_malloc_at(n);
        mele_status status = fit_by_posterior(&x, &targets, NULL, p.log_posterior, p.clusters,
                                              &options, NULL, &experts, NULL, NULL, NULL, NULL);
        bool failed = failing_malloc_end();
        cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK), "allocation %zu: %d", n, status);
        cr_assert(!failed || experts == NULL);
        mele_experts_free(experts);
        if (!failed)
            break;
        failures++;
    }
    cr_assert(failures > 30, "%zu", failures);
    free_problem(&p);
}
