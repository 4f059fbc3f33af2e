#include "draw/shape.h"

#include "draw/markup.h"

#define FONTS "Helvetica, Arial, 'Liberation Sans', sans-serif"

void mele_i_figure_begin(mele_i_buffer *out, const mele_i_figure *figure)
{
    const mele_i_printed width = mele_i_pixels(figure->width);

    mele_i_buffer_print(out,
                        "<svg role=\"img\" viewBox=\"0 0 %s %s\" width=\"100%%\" "
                        "style=\"max-width: %spx\" font-family=\"" FONTS "\" fill=\"#222\">\n"
                        "<title>",
                        width.text, mele_i_pixels(figure->height).text, width.text);
    mele_i_markup_text(out, figure->title);
    mele_i_buffer_print(out, "</title>\n<desc>");
    mele_i_markup_text(out, figure->description);
    mele_i_buffer_print(out, "</desc>\n");
}

void mele_i_figure_end(mele_i_buffer *out)
{
    mele_i_buffer_print(out, "</svg>\n");
}

void mele_i_draw_line(mele_i_buffer *out, double x0, double y0, double x1, double y1,
                      const char *attributes)
{
    mele_i_buffer_print(out, "<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" %s/>\n",
                        mele_i_pixels(x0).text, mele_i_pixels(y0).text, mele_i_pixels(x1).text,
                        mele_i_pixels(y1).text, attributes);
}

void mele_i_draw_box(mele_i_buffer *out, double x0, double y0, double x1, double y1,
                     const char *attributes)
{
    mele_i_buffer_print(out, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" %s/>\n",
                        mele_i_pixels(x0).text, mele_i_pixels(y0).text, mele_i_pixels(x1 - x0).text,
                        mele_i_pixels(y1 - y0).text, attributes);
}

void mele_i_draw_path(mele_i_buffer *out, const double *x, const double *y, size_t count,
                      const char *attributes)
{
    mele_i_buffer_print(out, "<path d=\"");
    for (size_t i = 0; i < count; i++)
        mele_i_buffer_print(out, "%s%s %s", i == 0 ? "M" : "L", mele_i_pixels(x[i]).text,
                            mele_i_pixels(y[i]).text);
    mele_i_buffer_print(out, "\" %s/>\n", attributes);
}

/* ---- colours and signs ---- */

static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#000000"};
enum { COLOURS = sizeof colours / sizeof colours[0] };

const char *mele_i_colour(size_t index)
{
    return colours[index % COLOURS];
}

/* The colours and yellow among white, lighter by half, then by three quarters. */
const char *mele_i_tint(size_t index)
{
    static const char *const tints[] = {
        "#99C7E0", "#EEBF99", "#99D8C7", "#EBC9DC", "#F5D999", "#BBE1F6", "#F9F4B3", "#CCCCCC",
        "#D6E8F2", "#F8E2D6", "#D6F0E8", "#F7E9F1", "#FBF0D6", "#E4F3FC", "#FDFCE4", "#EEEEEE"};

    return tints[index % (sizeof tints / sizeof tints[0])];
}

void mele_i_draw_mark(mele_i_buffer *out, size_t index, double x, double y, const char *text)
{
    static const char *const shapes[] = {
        "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",                /* a disc */
        "M-3.6-3.6h7.2v7.2h-7.2z",                            /* a square */
        "M0-4.8L4.6 3.6H-4.6z",                               /* a triangle */
        "M0-5L4.4 0L0 5L-4.4 0z",                             /* a diamond */
        "M0 4.8L4.6-3.6H-4.6z",                               /* a triangle on its tip */
        "M-1.5-4.6h3v3.1h3.1v3h-3.1v3.1h-3v-3.1h-3.1v-3h3.1z" /* a cross */
    };

    mele_i_buffer_print(out,
                        "<path transform=\"translate(%s %s)\" d=\"%s\" fill=\"%s\" "
                        "stroke=\"#fff\" stroke-width=\"0.8\">",
                        mele_i_pixels(x).text, mele_i_pixels(y).text,
                        shapes[index % (sizeof shapes / sizeof shapes[0])], mele_i_colour(index));
    if (text != NULL) {
        mele_i_buffer_print(out, "<title>");
        mele_i_markup_text(out, text);
        mele_i_buffer_print(out, "</title>");
    }
    mele_i_buffer_print(out, "</path>\n");
}
