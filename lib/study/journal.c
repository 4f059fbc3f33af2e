/* The journal of a comparison. Lines are added by one write each to a file that is opened to append, so that whatever
 * ends the process leaves whole lines and at most half of one, which is the last. */
#include "study/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"

#define FORMAT "mele-comparison"
#define FORMAT_VERSION 1
#define HASH_DIGITS 17

struct mele_i_journal {
    int file;
    pthread_mutex_t lock; /* of what is added */
};

static mele_status fail_by_system(mele_error *error)
{
    return mele_i_fail(error, MELE_EIO, "%s", strerror(errno));
}

/* ---- numbers ---- */

/* JSON has neither NaN nor infinities. */
static json_t *number_to_json(double value)
{
    return isfinite(value) ? json_real(value)
           : isnan(value)  ? json_null()
                           : json_string(value > 0 ? "inf" : "-inf");
}

static bool number_of_json(const json_t *value, double *out)
{
    const char *text = json_string_value(value);

    if (json_is_number(value))
        *out = json_number_value(value);
    else if (json_is_null(value))
        *out = NAN;
    else if (text != NULL && strcmp(text, "inf") == 0)
        *out = INFINITY;
    else if (text != NULL && strcmp(text, "-inf") == 0)
        *out = -INFINITY;
    else
        return false;
    return true;
}

static json_t *numbers_to_json(const double *values, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count && list != NULL; i++)
        if (json_array_append_new(list, number_to_json(values[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static mele_status read_numbers(const json_t *object, const char *key, double *out, size_t count, mele_error *error)
{
    const json_t *list = json_object_get(object, key);
    mele_status status = mele_i_json_check_size(object, key, count, error);

    for (size_t i = 0; i < count && status == MELE_OK; i++)
        if (!number_of_json(json_array_get(list, i), &out[i]))
            status = mele_i_fail(error, MELE_EDATA, "\"%s\" has what is no number", key);
    return status;
}

/* ---- lines ---- */

/* What every journal of this comparison begins with. */
static mele_status head_line(const mele_comparison *comparison, char **out, size_t *length, mele_error *error)
{
    char digits[HASH_DIGITS];
    uint64_t hash;
    mele_status status = mele_i_comparison_hash(comparison, &hash, error);

    if (status != MELE_OK)
        return status;
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)hash);
    json_t *head = json_object();
    const bool good = mele_i_json_put(head, "format", json_string(FORMAT))
                      && mele_i_json_put(head, "version", json_integer(FORMAT_VERSION))
                      && mele_i_json_put(head, "mele", json_string(PACKAGE_VERSION))
                      && mele_i_json_put(head, "comparison", json_string(digits));
    status = good ? mele_i_json_line(head, out, length, error) : mele_i_no_memory(error);
    json_decref(head);
    return status;
}

/* What is measured of a fit that was done: what it is in an outcome, and under which keys. */
enum { SECONDS = 2, ANATOMY = 3 };

static bool put_done(json_t *object, const mele_i_compared_set *set, const mele_i_outcome *o)
{
    const double seconds[SECONDS] = {o->seconds_fit, o->seconds_predict};
    const double anatomy[ANATOMY] = {o->parameters, o->gate_entropy, o->error_correlation};

    return mele_i_json_put(object, "seconds", numbers_to_json(seconds, SECONDS))
           && mele_i_json_put(object, "clusters", json_integer((json_int_t)o->clusters))
           && mele_i_json_put(object, "dead", json_integer((json_int_t)o->dead))
           && mele_i_json_put(object, "anatomy", numbers_to_json(anatomy, ANATOMY))
           && mele_i_json_put(object, "measures", numbers_to_json(o->measure, set->measures))
           && mele_i_json_put(object, "moments", numbers_to_json(o->moments, set->moments));
}

static mele_status outcome_line(const mele_comparison *comparison, const mele_i_job *job, char **out, size_t *length,
                                mele_error *error)
{
    const mele_i_outcome *o = mele_i_comparison_outcome(comparison, job->set, job->contender, job->split, job->seed);
    json_t *object = json_object();
    bool good = mele_i_json_put(object, "set", json_integer((json_int_t)job->set))
                && mele_i_json_put(object, "contender", json_integer((json_int_t)job->contender))
                && mele_i_json_put(object, "split", json_integer((json_int_t)job->split))
                && mele_i_json_put(object, "seed", json_integer((json_int_t)job->seed));

    if (o->state == MELE_I_OUTCOME_FAILED)
        good = mele_i_json_put(object, "failed", json_string(o->message)) && good;
    else
        good = put_done(object, &comparison->set[job->set], o) && good;
    mele_status status = good ? mele_i_json_line(object, out, length, error) : mele_i_no_memory(error);
    json_decref(object);
    return status;
}

static mele_status write_all(int file, const char *text, size_t length, mele_error *error)
{
    while (length > 0) {
        const ssize_t written = write(file, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_by_system(error);
        text += written;
        length -= (size_t)written;
    }
    return MELE_OK;
}

mele_status mele_i_journal_add(mele_i_journal *journal, const mele_comparison *comparison, const mele_i_job *job,
                               mele_error *error)
{
    char *line = NULL;
    size_t length;

    if (journal == NULL)
        return MELE_OK;
    mele_status status = outcome_line(comparison, job, &line, &length, error);
    if (status != MELE_OK)
        return status;
    pthread_mutex_lock(&journal->lock);
    status = write_all(journal->file, line, length, error);
    pthread_mutex_unlock(&journal->lock);
    free(line);
    return status;
}

/* ---- reading ---- */

static mele_status read_job(const json_t *object, const mele_comparison *c, mele_i_job *job, mele_error *error)
{
    mele_status status = mele_i_json_get_size(object, "set", 0, c->sets - 1, &job->set, error);

    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "contender", 0, c->contenders - 1, &job->contender, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "split", 0, c->set[job->set].splits - 1, &job->split, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "seed", 0, c->seeds - 1, &job->seed, error);
    return status;
}

static mele_status read_done(const json_t *object, const mele_i_compared_set *set, mele_i_outcome *o,
                             mele_error *error)
{
    double seconds[SECONDS], anatomy[ANATOMY];
    mele_status status = mele_i_json_keys(object, "the line", "set,contender,split,seed,seconds,clusters,dead,anatomy,"
                                          "measures,moments", error);

    if (status == MELE_OK)
        status = mele_i_outcome_done(set, o, error);
    if (status == MELE_OK)
        status = read_numbers(object, "measures", o->measure, set->measures, error);
    if (status == MELE_OK)
        status = read_numbers(object, "moments", o->moments, set->moments, error);
    if (status == MELE_OK)
        status = read_numbers(object, "seconds", seconds, SECONDS, error);
    if (status == MELE_OK)
        status = read_numbers(object, "anatomy", anatomy, ANATOMY, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "clusters", 0, SIZE_MAX / 2, &o->clusters, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "dead", 0, o->clusters, &o->dead, error);
    if (status != MELE_OK)
        return status;
    o->seconds_fit = seconds[0];
    o->seconds_predict = seconds[1];
    o->parameters = anatomy[0];
    o->gate_entropy = anatomy[1];
    o->error_correlation = anatomy[2];
    return MELE_OK;
}

static mele_status read_outcome(const json_t *object, const mele_comparison *c, mele_error *error)
{
    const char *message;
    mele_i_outcome outcome = {.state = MELE_I_OUTCOME_MISSING};
    mele_i_job job;
    mele_status status = json_is_object(object) ? read_job(object, c, &job, error)
                                                : mele_i_fail(error, MELE_EDATA, "there is no object");

    if (status != MELE_OK)
        return status;
    mele_i_outcome *place = mele_i_comparison_outcome(c, job.set, job.contender, job.split, job.seed);
    if (c->set[job.set].entry[job.contender].options == NULL)
        return mele_i_fail(error, MELE_EDATA, "nothing is fitted there");
    if (json_object_get(object, "failed") == NULL) {
        status = read_done(object, &c->set[job.set], &outcome, error);
    } else {
        status = mele_i_json_keys(object, "the line", "set,contender,split,seed,failed", error);
        if (status == MELE_OK)
            status = mele_i_json_get_string(object, "failed", &message, error);
        if (status == MELE_OK)
            status = mele_i_outcome_fail(&outcome, message, error);
    }
    if (status == MELE_OK && place->state == MELE_I_OUTCOME_MISSING)
        *place = outcome;
    else
        mele_i_outcome_clear(&outcome); /* an earlier call of this process has it */
    return status;
}

static mele_status read_line(const char *line, size_t length, size_t number, const mele_comparison *c,
                             mele_error *error)
{
    json_t *object = NULL;
    mele_error told;
    mele_status status = mele_i_json_read_text(line, length, &object, &told);

    if (status == MELE_OK)
        status = read_outcome(object, c, &told);
    json_decref(object);
    if (status == MELE_EDATA)
        return mele_i_fail_at(error, status, number, "this line of the journal cannot be read: %s (a run that begins "
                              "anew needs another file)", told.message);
    return status == MELE_OK ? MELE_OK : mele_i_fail(error, status, "%s", told.message);
}

/* ---- opening ---- */

static mele_status read_file(int file, char **out, size_t *length, mele_error *error)
{
    struct stat about;
    char *text;
    size_t got = 0;

    if (fstat(file, &about) != 0)
        return fail_by_system(error);
    if (!S_ISREG(about.st_mode))
        return mele_i_fail(error, MELE_EIO, "a journal is a regular file");
    if ((text = MELE_I_ARRAY(char, (size_t)about.st_size + 1)) == NULL)
        return mele_i_no_memory(error);
    while (got < (size_t)about.st_size) {
        const ssize_t now = pread(file, text + got, (size_t)about.st_size - got, (off_t)got);
        if (now < 0 && errno != EINTR) {
            free(text);
            return fail_by_system(error);
        }
        if (now == 0)
            break;
        got += now > 0 ? (size_t)now : 0;
    }
    *out = text;
    *length = got;
    return MELE_OK;
}

static mele_status refuse_head(const char *text, size_t length, const char *end, mele_error *error)
{
    json_t *head = NULL;
    const char *format = NULL, *version = NULL;
    mele_status status = MELE_EDATA;

    if (end != NULL)
        (void)mele_i_json_read_text(text, (size_t)(end - text), &head, NULL);
    format = json_string_value(json_object_get(head, "format"));
    version = json_string_value(json_object_get(head, "mele"));
    if (format == NULL || strcmp(format, FORMAT) != 0)
        mele_i_fail_at(error, status, 1, "this file of %zu bytes is no journal of a comparison: give another one", length);
    else if (version != NULL && strcmp(version, PACKAGE_VERSION) != 0)
        mele_i_fail_at(error, status, 1, "this journal is of mele %.32s, and this is %s: give another file", version,
                       PACKAGE_VERSION);
    else
        mele_i_fail_at(error, status, 1, "this journal is of another comparison (data, contenders, options, folds, seeds "
                       "or measure): give another file");
    json_decref(head);
    return status;
}

/* All whole lines; what follows the last is cut off, unless the head, which says whose file this is, is another. */
static mele_status take(int file, const mele_comparison *c, const char *head, size_t head_length, mele_error *error)
{
    char *text = NULL;
    size_t length = 0, at;
    mele_status status = read_file(file, &text, &length, error);

    if (status != MELE_OK)
        return status;
    if (memcmp(text, head, length < head_length ? length : head_length) != 0)
        status = refuse_head(text, length, memchr(text, '\n', length), error);
    at = length < head_length ? 0 : head_length;
    for (size_t number = 2; at > 0 && status == MELE_OK; number++) {
        const char *end = memchr(text + at, '\n', length - at);
        if (end == NULL)
            break;
        status = read_line(text + at, (size_t)(end - text) - at, number, c, error);
        at = (size_t)(end - text) + 1;
    }
    if (status == MELE_OK && at < length && ftruncate(file, (off_t)at) != 0)
        status = fail_by_system(error);
    if (status == MELE_OK && at == 0)
        status = write_all(file, head, head_length, error);
    free(text);
    return status;
}

mele_status mele_i_journal_open(const char *path, mele_comparison *comparison, mele_i_journal **out,
                                mele_error *error)
{
    mele_i_journal *made = MELE_I_NEW(mele_i_journal);
    char *head = NULL;
    size_t length = 0;
    mele_status status = made == NULL ? mele_i_no_memory(error) : head_line(comparison, &head, &length, error);

    if (status != MELE_OK) {
        free(made);
        return status;
    }
    pthread_mutex_init(&made->lock, NULL);
    made->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (made->file < 0)
        status = fail_by_system(error);
    else if (flock(made->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        status = mele_i_fail(error, MELE_EIO, "another run has this journal");
    else
        status = take(made->file, comparison, head, length, error);
    free(head);
    if (status == MELE_OK) {
        *out = made;
        return MELE_OK;
    }
    mele_i_journal_close(made);
    return status;
}

void mele_i_journal_close(mele_i_journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->file >= 0)
        close(journal->file);
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}
