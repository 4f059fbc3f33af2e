/* The regions of contenders on sets of one or two numeric features. */
#include "draw/plots.h"
#include "study/page_parts.h"
#include "study/plane.h"

/* How many regions a map shows. */
static size_t regions_of(const size_t *region, size_t cells)
{
    size_t regions = 0;

    for (size_t i = 0; i < cells; i++) {
        size_t before = 0;
        while (before < i && region[before] != region[i])
            before++;
        regions += before == i && region[i] != MELE_I_NO_AREA;
    }
    return regions;
}

static void draw_map(mele_i_page *page, const mele_i_compared_set *set, size_t contender)
{
    const mele_i_plane *plane = set->plane;
    const size_t cells = mele_i_plane_cells(plane);
    const size_t *region = plane->region + contender * cells;

    mele_i_page_print(page, "<figure><figcaption>");
    mele_i_page_name(page, contender);
    mele_i_page_print(page, " (%zu regions)</figcaption>\n", regions_of(region, cells));
    mele_i_draw_map(&page->out, &(mele_i_map){{"Regions of a contender",
                                               "Which expert leads where, over the features"},
                                              plane->axis[0],
                                              plane->axis[1],
                                              plane->least[0],
                                              plane->most[0],
                                              plane->least[1],
                                              plane->most[1],
                                              plane->columns,
                                              plane->rows,
                                              region,
                                              plane->points,
                                              plane->x,
                                              plane->y});
    mele_i_page_print(page, "</figure>\n");
}

void mele_i_page_maps(mele_i_page *page, size_t set)
{
    const mele_i_compared_set *s = &page->comparison->set[set];
    size_t drawn = 0;

    for (size_t c = 0; s->plane != NULL && c < page->comparison->contenders; c++)
        drawn += s->plane->drawn[c];
    if (drawn == 0)
        return;
    mele_i_page_print(
        page,
        "<h3>Regions</h3>\n<p>Of a fit to all rows: where each of a contender's experts has "
        "the largest weight%s. Dots are rows%s. Contenders without regions, or with one, "
        "have no map.</p>\n<div class=\"maps\">\n",
        s->plane->features == 1 ? " along the feature" : "",
        s->plane->points < s->rows ? ", some of them" : "");
    for (size_t c = 0; c < page->comparison->contenders; c++)
        if (s->plane->drawn[c])
            draw_map(page, s, c);
    mele_i_page_print(page, "</div>\n");
}
