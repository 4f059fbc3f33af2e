#include "draw/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "draw/shape.h"

#define TEXT_SIZE 11
#define GAP 8               /* between the texts of ticks */
#define LOGARITHMIC_FROM 30 /* largest to least value */
#define WIDEST 1e300        /* so that room at the ends does not overflow */
#define NARROWEST 1e-300

static const char *const faint = "stroke=\"#ddd\"", *const dark = "stroke=\"#555\"";

/* ---- from values to places ---- */

static double scaled(bool logarithmic, double value)
{
    return logarithmic ? log10(value) : value;
}

static bool has_place(bool logarithmic, double value)
{
    return fabs(value) < WIDEST && (!logarithmic || value >= NARROWEST);
}

/* Least and most of those that have a place; false: none has. */
static bool ends(const double *values, size_t count, bool logarithmic, double *least, double *most)
{
    *least = INFINITY;
    *most = -INFINITY;
    for (size_t i = 0; i < count; i++)
        if (has_place(logarithmic, values[i])) {
            *least = fmin(*least, values[i]);
            *most = fmax(*most, values[i]);
        }
    return *least <= *most;
}

static bool is_wide(const double *values, size_t count)
{
    double least, most;

    return ends(values, count, false, &least, &most) && least > 0
           && most / least > LOGARITHMIC_FROM;
}

mele_i_axis mele_i_axis_of(const double *values, size_t count, mele_i_scale scale, double from,
                           double to)
{
    mele_i_axis axis = {.from = from, .to = to};
    double room;

    axis.logarithmic =
        scale == MELE_I_LOGARITHMIC || (scale == MELE_I_EITHER && is_wide(values, count));
    if (!ends(values, count, axis.logarithmic, &axis.least, &axis.most))
        axis.least = axis.most = 1;
    const double low = scaled(axis.logarithmic, axis.least);
    const double high = scaled(axis.logarithmic, axis.most);

    room = fmin(0.04 * (high - low), axis.logarithmic ? 4 : INFINITY);
    if (!(room > 1e-9 * fmax(fabs(high), fabs(low)))) /* one value, as good as */
        room = axis.logarithmic ? 0.5 : high == 0 ? 1 : 0.1 * fabs(high);
    axis.least = axis.logarithmic ? pow(10, low - room) : low - room;
    axis.most = axis.logarithmic ? pow(10, high + room) : high + room;
    return axis;
}

bool mele_i_axis_shows(const mele_i_axis *axis, double value)
{
    return has_place(axis->logarithmic, value) && value >= axis->least && value <= axis->most;
}

double mele_i_axis_place(const mele_i_axis *axis, double value)
{
    const double low = scaled(axis->logarithmic, axis->least);
    const double high = scaled(axis->logarithmic, axis->most);

    return axis->from
           + (axis->to - axis->from) * (scaled(axis->logarithmic, value) - low) / (high - low);
}

/* ---- ticks ---- */

/* digits * 10^exponent, as near as can be, and as it is written. */
static void add_tick(const mele_i_axis *axis, long long digits, int exponent, mele_i_ticks *out)
{
    char text[48];
    double value = 0;

    snprintf(text, sizeof text, "%llde%d", digits, exponent);
    if (out->count == MELE_I_TICKS_MOST
        || mele_i_number_parse(text, strlen(text), &value) != MELE_I_NUMBER_OK
        || !mele_i_axis_shows(axis, value))
        return;
    out->text[out->count].text[mele_i_number_print(value + 0.0, out->text[out->count].text)] = '\0';
    out->width = fmax(out->width, mele_i_text_width(out->text[out->count].text, TEXT_SIZE));
    out->value[out->count++] = value;
}

/* The least of 1, 2, 5, 10 times a power of ten that is no smaller. */
static int round_up(double step, int *exponent)
{
    *exponent = (int)floor(log10(step));
    const double lead = step / pow(10, *exponent);

    return lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10;
}

static void linear_ticks(const mele_i_axis *axis, size_t wanted, mele_i_ticks *out)
{
    const double step = (axis->most - axis->least) / (double)wanted;
    int exponent, lead;

    if (!(step > 0) || !isfinite(step))
        return;
    lead = round_up(step, &exponent);
    const double unit = lead * pow(10, exponent);

    if (!(fabs(axis->least) / unit < 1e15) || !(fabs(axis->most) / unit < 1e15))
        return;
    for (long long i = (long long)ceil(axis->least / unit);
         i <= (long long)floor(axis->most / unit) && out->count < MELE_I_TICKS_MOST; i++)
        add_tick(axis, i * lead, exponent, out);
}

/* Powers of ten, if need be every second one, ...; over few of them 1, 2 and 5 times those. */
static void logarithmic_ticks(const mele_i_axis *axis, size_t wanted, mele_i_ticks *out)
{
    const int first = (int)ceil(log10(axis->least)), last = (int)floor(log10(axis->most));
    const int step = last - first < (int)wanted ? 1 : (last - first) / (int)wanted + 1;

    if (last - first >= 2 || wanted <= 2)
        for (int e = first; e <= last; e += step)
            add_tick(axis, 1, e, out);
    else
        for (int e = first - 1; e <= last; e++) {
            add_tick(axis, 1, e, out);
            add_tick(axis, 2, e, out);
            add_tick(axis, 5, e, out);
        }
    if (out->count < 2) {
        *out = (mele_i_ticks){0};
        linear_ticks(axis, wanted, out);
    }
}

void mele_i_axis_ticks(const mele_i_axis *axis, size_t wanted, mele_i_ticks *out)
{
    *out = (mele_i_ticks){0};
    if (axis->logarithmic)
        logarithmic_ticks(axis, wanted, out);
    else
        linear_ticks(axis, wanted, out);
}

/* Whether no text runs into the next. */
static bool are_apart(const mele_i_axis *axis, const mele_i_ticks *ticks)
{
    for (size_t i = 1; i < ticks->count; i++)
        if (fabs(mele_i_axis_place(axis, ticks->value[i])
                 - mele_i_axis_place(axis, ticks->value[i - 1]))
            < ticks->width + GAP)
            return false;
    return true;
}

void mele_i_axis_ticks_beside(const mele_i_axis *axis, mele_i_ticks *out)
{
    size_t wanted = 8;

    do
        mele_i_axis_ticks(axis, wanted--, out);
    while (wanted >= 2 && !are_apart(axis, out));
    if (!are_apart(axis, out))
        out->count = 1;
}

/* ---- axes ---- */

void mele_i_axis_words(const mele_i_axis *axis, const char *words, double width, mele_i_label *out)
{
    char text[2 * MELE_I_LABEL_LINES * MELE_I_LABEL_BYTES];

    snprintf(text, sizeof text, "%s%s", words, axis->logarithmic ? " (logarithmic)" : "");
    mele_i_label_break(text, MELE_I_TEXT_SIZE, width, out);
    out->name = words;
}

void mele_i_draw_axis_x(mele_i_buffer *out, const mele_i_axis *axis, double y, double top,
                        double width)
{
    const mele_i_text_style style = {TEXT_SIZE, MELE_I_MIDDLE, "fill=\"#555\""};
    mele_i_ticks ticks;

    mele_i_axis_ticks_beside(axis, &ticks);
    for (size_t i = 0; i < ticks.count; i++) {
        const double x = mele_i_axis_place(axis, ticks.value[i]);
        const double half = mele_i_text_width(ticks.text[i].text, TEXT_SIZE) / 2;

        mele_i_draw_line(out, x, y, x, top, faint);
        mele_i_draw_line(out, x, y, x, y + 4, dark);
        mele_i_draw_text(out, &style, fmin(fmax(x, half), width - half), y + 16,
                         ticks.text[i].text);
    }
    mele_i_draw_line(out, axis->from, y, axis->to, y, dark);
}

void mele_i_draw_axis_y(mele_i_buffer *out, const mele_i_axis *axis, double x, double right)
{
    const mele_i_text_style style = {TEXT_SIZE, MELE_I_END, "fill=\"#555\""};
    mele_i_ticks ticks;

    mele_i_axis_ticks(axis, 6, &ticks);
    for (size_t i = 0; i < ticks.count; i++) {
        const double y = mele_i_axis_place(axis, ticks.value[i]);

        mele_i_draw_line(out, x, y, right, y, faint);
        mele_i_draw_line(out, x - 4, y, x, y, dark);
        mele_i_draw_text(out, &style, x - 6, y + 0.35 * TEXT_SIZE, ticks.text[i].text);
    }
    mele_i_draw_line(out, x, axis->from, x, axis->to, dark);
}
