#include "fit/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"

struct mele_report {
    json_t *root, *seconds, *warnings; /* the latter two belong to root */
    bool incomplete;                   /* memory ran out while it was filled */
    bool unconverged;
};

double mele_i_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

mele_status mele_report_new(const char *program, mele_report **out, mele_error *error)
{
    mele_report *report = MELE_I_NEW(mele_report);

    if (report == NULL)
        return mele_i_no_memory(error);
    report->root = json_object();
    report->seconds = json_object();
    report->warnings = json_array();
    if (!mele_i_json_put(report->root, "program", json_string(program))
        || !mele_i_json_put(report->root, "version", json_string(PACKAGE_VERSION))
        || !mele_i_json_put(report->root, "seconds", json_incref(report->seconds))
        || !mele_i_json_put(report->root, "warnings", json_incref(report->warnings))) {
        mele_report_free(report);
        return mele_i_no_memory(error);
    }
    *out = report;
    return MELE_OK;
}

void mele_report_free(mele_report *report)
{
    if (report == NULL)
        return;
    json_decref(report->seconds);
    json_decref(report->warnings);
    json_decref(report->root);
    free(report);
}

json_t *mele_i_report_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

bool mele_i_report_candidate(json_t *object, double error, double excess, double standard_error)
{
    return mele_i_json_put(object, "error", mele_i_report_real(error))
           && mele_i_json_put(object, "excess", mele_i_report_real(excess))
           && mele_i_json_put(object, "standard_error", mele_i_report_real(standard_error));
}

json_t *mele_i_report_measures(const mele_measures *measures)
{
    json_t *object = json_object();

    for (size_t i = 0; i < measures->count; i++)
        if (!mele_i_json_put(object, measures->names[i], mele_i_report_real(measures->values[i]))) {
            json_decref(object);
            return NULL;
        }
    return object;
}

void mele_i_report_set(mele_report *report, const char *key, json_t *value)
{
    if (report == NULL)
        json_decref(value);
    else if (!mele_i_json_put(report->root, key, value))
        report->incomplete = true;
}

void mele_report_seconds(mele_report *report, const char *part, double seconds)
{
    if (report != NULL && !mele_i_json_put(report->seconds, part, json_real(seconds)))
        report->incomplete = true;
}

static void add_warning(mele_report *report, const char *format, va_list arguments)
{
    char line[MELE_MESSAGE_SIZE];

    vsnprintf(line, sizeof line, format, arguments);
    if (json_array_append_new(report->warnings, json_string(line)) != 0)
        report->incomplete = true;
}

void mele_i_report_warn(mele_report *report, const char *format, ...)
{
    va_list arguments;

    if (report == NULL)
        return;
    va_start(arguments, format);
    add_warning(report, format, arguments);
    va_end(arguments);
}

void mele_i_report_unconverged(mele_report *report, const char *format, ...)
{
    va_list arguments;

    if (report == NULL)
        return;
    report->unconverged = true;
    va_start(arguments, format);
    add_warning(report, format, arguments);
    va_end(arguments);
}

mele_status mele_report_status(const mele_report *report, mele_error *error)
{
    return report->incomplete ? mele_i_no_memory(error) : MELE_OK;
}

bool mele_report_converged(const mele_report *report)
{
    return !report->unconverged;
}

const char *mele_report_warning(const mele_report *report, size_t i)
{
    return json_string_value(json_array_get(report->warnings, i));
}

/* The value at a path; NULL: none. */
static const json_t *value_at(const mele_report *report, const char *path)
{
    const json_t *at = report->root;

    for (const char *key = path; at != NULL && *key != '\0';) {
        size_t length = strcspn(key, ".");
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_getn(at, key, length);
        key += length + (key[length] == '.');
    }
    return at;
}

const char *mele_report_string(const mele_report *report, const char *path)
{
    return json_string_value(value_at(report, path));
}

bool mele_report_number(const mele_report *report, const char *path, double *out)
{
    const json_t *at = value_at(report, path);

    if (!json_is_number(at) && !json_is_true(at))
        return false;
    *out = json_is_true(at) ? 1 : json_number_value(at);
    return true;
}

mele_status mele_report_text(const mele_report *report, char **out, size_t *length,
                             mele_error *error)
{
    return report->incomplete ? mele_i_no_memory(error)
                              : mele_i_json_text(report->root, out, length, error);
}
