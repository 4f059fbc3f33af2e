#ifndef MELE_FIT_REPORT_H
#define MELE_FIT_REPORT_H

#include <jansson.h>
#include <mele/measure.h>
#include <mele/report.h>

/* All of these take a report of NULL for "not wanted". A failure of memory is remembered and told
 * by mele_report_status() and mele_report_text(): a fit does not fail because its report does. */

/* Set root[key], taking the reference. */
void mele_i_report_set(mele_report *report, const char *key, json_t *value);

void mele_i_report_warn(mele_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The warning that something did not converge, which mele_report_converged() then tells. */
void mele_i_report_unconverged(mele_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A number, or null for one that JSON cannot hold. */
json_t *mele_i_report_real(double value);

/* A candidate's members that every choice by rows left out tells of: `error`, its mean loss, `excess`
 * over the least of all, and that one's `standard_error`. False: memory ran out. */
bool mele_i_report_candidate(json_t *object, double error, double excess, double standard_error);

/* Measures as an object from name to number; NULL: memory ran out. */
json_t *mele_i_report_measures(const mele_measures *measures);

/* Seconds on a clock that only goes forward. */
double mele_i_clock(void);

#endif
