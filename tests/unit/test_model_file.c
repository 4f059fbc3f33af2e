/* A model written to a file: whole or not at all, and what the file keeps. */
#include <criterion/criterion.h>
#include <mele/mele.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/failing_malloc.h"

/* A model, its text, and a directory of its own to write in, which is the current one. */
typedef struct fixture {
    mele_model *model;
    char *text;
    size_t length;
    char directory[32];
} fixture;

static fixture begin(void)
{
    static const double x[] = {1, 2, 3, 4, 11, 12, 13, 14}, y[] = {1, 2, 3, 5, 2, 1, 2, 1};
    const mele_matrix inputs = mele_matrix_of(x, 8, 1), targets = mele_matrix_of(y, 8, 1);
    fixture f = {.directory = "/tmp/mele-write-XXXXXX"};
    mele_options options = mele_options_defaults();
    mele_data *data = NULL;

    options.partition.clusters = 2;
    cr_assert_eq(mele_data_of_arrays(&inputs, &targets, 0, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_fit(data, &options, NULL, NULL, &f.model, NULL), MELE_OK);
    mele_data_free(data);
    cr_assert_eq(mele_model_text(f.model, &f.text, &f.length, NULL), MELE_OK);
    cr_assert_not_null(mkdtemp(f.directory));
    cr_assert_eq(chdir(f.directory), 0);
    return f;
}

/* Nothing but these files is there. */
static void end(fixture *f, const char *const *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(unlink(files[i]), 0, "%s", files[i]);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(rmdir(f->directory), 0, "something is left behind");
    mele_model_free(f->model);
    free(f->text);
}

static void assert_file(const char *path, const char *text, size_t length)
{
    char *read = malloc(length + 2);
    FILE *file = fopen(path, "rb");

    cr_assert_not_null(file);
    cr_assert_eq(fread(read, 1, length + 2, file), length);
    cr_assert_eq(memcmp(read, text, length), 0);
    fclose(file);
    free(read);
}

static void make_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(model_file, text_is_read_back)
{
    fixture f = begin();
    mele_model *read = NULL;
    mele_error error = {0};
    char *again;

    cr_assert_eq(mele_model_of_text(f.text, f.length, &read, &error), MELE_OK, "%s", error.message);
    cr_assert_eq(mele_model_text(read, &again, NULL, NULL), MELE_OK);
    cr_assert_str_eq(again, f.text);
    mele_model_free(read);
    read = NULL;
    cr_assert_eq(mele_model_of_text(f.text, f.length - 3, &read, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "not a model of mele: it ends too early");
    cr_assert_eq(mele_model_of_text(f.text, 0, &read, &error), MELE_EDATA);
    cr_assert_null(read);
    free(again);
    end(&f, NULL, 0);
}

Test(model_file, new_and_over_an_old_one)
{
    static const char *const files[] = {"m.json"};
    fixture f = begin();
    mele_error error = {0};
    struct stat about;

    umask(027);
    cr_assert_eq(mele_model_write(f.model, "m.json", &error), MELE_OK, "%s", error.message);
    assert_file("m.json", f.text, f.length);
    cr_assert(stat("m.json", &about) == 0 && (about.st_mode & 0777) == 0640);
    make_file("m.json", "old");
    cr_assert_eq(chmod("m.json", 0604), 0);
    cr_assert_eq(mele_model_write(f.model, "m.json", &error), MELE_OK, "%s", error.message);
    assert_file("m.json", f.text, f.length);
    cr_assert(stat("m.json", &about) == 0 && (about.st_mode & 0777) == 0604);
    end(&f, files, 1);
}

/* SIGXFSZ would end the process. */
Test(model_file, that_may_not_become_so_long)
{
    static const char *const files[] = {"m.json"};
    fixture f = begin();
    struct rlimit limit;
    mele_error error = {0};

    make_file("m.json", "old");
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = f.length - 1;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const mele_status status = mele_model_write(f.model, "m.json", &error);
    limit.rlim_cur = before;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(status, MELE_EIO);
    cr_assert_str_eq(error.message, "File too large");
    assert_file("m.json", "old", 3);
    cr_assert_eq(mele_model_write(f.model, "m.json", &error), MELE_OK, "%s", error.message);
    end(&f, files, 1);
}

Test(model_file, behind_a_link)
{
    static const char *const files[] = {"m.json", "link", "nowhere"};
    fixture f = begin();
    mele_error error = {0};
    struct stat about;

    make_file("m.json", "old");
    cr_assert(symlink("m.json", "link") == 0 && symlink("absent", "nowhere") == 0);
    cr_assert_eq(mele_model_write(f.model, "link", &error), MELE_OK, "%s", error.message);
    assert_file("m.json", f.text, f.length);
    cr_assert(lstat("link", &about) == 0 && S_ISLNK(about.st_mode));
    cr_assert_eq(mele_model_write(f.model, "nowhere", &error), MELE_EIO);
    end(&f, files, 3);
}

Test(model_file, what_is_no_file_and_what_cannot_be_written)
{
    fixture f = begin();
    mele_error error = {0};

    cr_assert_eq(mele_model_write(f.model, "/dev/null", &error), MELE_OK, "%s", error.message);
    cr_assert_eq(mele_model_write(f.model, "absent/m.json", &error), MELE_EIO);
    cr_assert_str_eq(error.message, "No such file or directory");
    cr_assert_eq(mele_model_write(f.model, f.directory, &error), MELE_EIO);
    cr_assert_eq(mele_model_write(f.model, "/dev/full", &error), MELE_EIO);
    cr_assert_eq(mele_model_write(f.model, "-", &error), MELE_EINVAL);
    cr_assert_eq(mele_model_write(f.model, NULL, &error), MELE_EINVAL);
    cr_assert_eq(mele_model_read(NULL, &f.model, &error), MELE_EINVAL);
    end(&f, NULL, 0);
}

Test(model_file, without_memory_the_old_one_stays)
{
    static const char *const files[] = {"m.json"};
    fixture f = begin();
    size_t failures = 0;

    for (bool failed = true; failed; failures++) {
        mele_error error = {0};
        make_file("m.json", "old");
        failing_malloc_at(failures);
        mele_status status = mele_model_write(f.model, "m.json", &error);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "%zu: %s", failures, error.message);
        if (failed)
            assert_file("m.json", "old", 3);
    }
    assert_file("m.json", f.text, f.length);
    cr_assert_geq(failures, 3, "%zu", failures);
    end(&f, files, 1);
}
