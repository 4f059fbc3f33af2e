/* A runner that calls Criterion's tests one after the other in this process.
 *
 * Criterion runs each test in a process of its own, made in a way that ThreadSanitizer and
 * valgrind do not survive or do not follow, and that needs /proc. Linked into a test program,
 * this file takes the place of the library's runner; assertions and their messages stay
 * Criterion's. Tests that are to end by a signal or an exit status are skipped. Output: TAP, to
 * standard output or, with a last argument --tap=FILE, to FILE. */
#include <criterion/criterion.h>
#include <criterion/event.h>
#include <criterion/new/assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];

static const struct criterion_test *current;
static jmp_buf out_of_test;
static bool failed, skipped;

void criterion_internal_test_setup(void)
{
    if (current->data->init)
        current->data->init();
}

void criterion_internal_test_main(void (*function)(void))
{
    function();
}

void criterion_internal_test_teardown(void)
{
    if (current->data->fini)
        current->data->fini();
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (stats->passed)
        return;
    failed = true;
    printf("# %s:%u: %s\n", stats->file, stats->line, stats->message);
}

void cri_assert_node_send(const char *file, size_t line, struct cri_assert_node *tree)
{
    failed = true;
    printf("# %s:%zu: %s\n", file, line, tree->message ? tree->message : "a part does not hold");
    for (unsigned i = 0; i < tree->nchild; i++)
        if (!tree->children[i].pass)
            printf("#   %s\n", tree->children[i].repr);
}

void cri_asserts_passed_incr(void)
{
}

void criterion_abort_test(void)
{
    failed = true;
    longjmp(out_of_test, 1);
}

void criterion_continue_test(void)
{
    failed = true;
}

void criterion_skip_test(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("# ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    skipped = true;
    longjmp(out_of_test, 1);
}

static void run(const struct criterion_test *test)
{
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    current = test;
    failed = false;
    skipped = test->data->disabled || test->data->signal || test->data->exit_code
              || test->data->kind_ != CR_TEST_NORMAL;
    if (!skipped && setjmp(out_of_test) == 0)
        test->test();
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%s - %s::%s  (%.2fs)%s\n", failed ? "not ok" : "ok", test->category, test->name,
           (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec),
           skipped ? " # SKIP" : "");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bool any = false;

    if (argc > 1 && strncmp(argv[argc - 1], "--tap=", 6) == 0
        && !freopen(argv[argc - 1] + 6, "w", stdout))
        return 99;
    printf("1..%td\n", __stop_cr_tst - __start_cr_tst);
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        run(*test);
        any = any || failed;
    }
    return any;
}
