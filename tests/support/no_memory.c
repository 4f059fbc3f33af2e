/* Loaded before a program of mele (LD_PRELOAD): the allocation that NO_MEMORY_AT numbers, counted
 * from 1 after main() has begun, fails, and with NO_MEMORY_FROM=1 all after it too. How many there
 * were is written to the file that NO_MEMORY_COUNT names. Other programs, such as the shell of a
 * libtool wrapper, are let be. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What glibc's own are called, and where it enters programs. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
int __libc_start_main(int (*main_function)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack);

static atomic_long counted;
static long failing;
static bool on, all_after;

static bool fails(void)
{
    if (!on)
        return false;
    const long number = atomic_fetch_add(&counted, 1) + 1;
    if (failing == 0 || number < failing || (number > failing && !all_after))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *memory = fails() ? NULL : __libc_memalign(alignment, size);

    if (memory == NULL)
        return ENOMEM;
    *out = memory;
    return 0;
}

static void write_count(void)
{
    const char *path = getenv("NO_MEMORY_COUNT");
    char text[32];

    on = false;
    int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file >= 0) {
        const int length = snprintf(text, sizeof text, "%ld\n", atomic_load(&counted));
        if (write(file, text, (size_t)length) != length)
            _exit(97);
        close(file);
    }
}

static int (*program)(int, char **, char **);

static int counted_main(int argc, char **argv, char **environment)
{
    const char *at = getenv("NO_MEMORY_AT");

    failing = at == NULL ? 0 : atol(at);
    all_after = getenv("NO_MEMORY_FROM") != NULL;
    atexit(write_count);
    on = true;
    return program(argc, argv, environment);
}

typedef int start_fn(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
                     void (*)(void), void *);

int __libc_start_main(int (*main_function)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack)
{
    start_fn *next = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";

    if (strncmp(name, "mele", 4) == 0 || strncmp(name, "lt-mele", 7) == 0) {
        program = main_function;
        main_function = counted_main;
    }
    return next(main_function, argc, argv, init, fini, rtld_fini, stack);
}
