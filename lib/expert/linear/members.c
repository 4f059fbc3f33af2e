/* The rows of a block, a region after the other; and any rows. */
#include "core/memory.h"
#include "expert/linear/fit.h"

mele_i_linear_members mele_i_linear_place_members(const mele_i_linear_fit *f, unsigned char **at,
                                                  size_t block_rows)
{
    mele_i_linear_members m = {.regions = *f->problem->regions};

    m.row = mele_i_carve(at, block_rows, sizeof *m.row);
    m.start = mele_i_carve(at, f->clusters + 1, sizeof *m.start);
    m.weight = mele_i_carve(at, block_rows, sizeof *m.weight);
    m.room = mele_i_carve(at, mele_i_regions_room(&m.regions, block_rows), sizeof *m.room);
    return m;
}

size_t mele_i_linear_members_bytes(const mele_i_linear_fit *f, size_t block_rows)
{
    return mele_i_carved(block_rows, sizeof(size_t)) + mele_i_carved(block_rows, sizeof(double))
           + mele_i_carved(f->clusters + 1, sizeof(size_t))
           + mele_i_carved(mele_i_regions_room(f->problem->regions, block_rows), sizeof(double));
}

mele_status mele_i_linear_take_members(const mele_i_linear_fit *f, mele_i_block block,
                                       mele_i_linear_members *m, mele_error *error)
{
    m->block = block;
    return mele_i_regions_take(f->problem->regions, block, m->room, &m->regions, error);
}

mele_i_linear_slice mele_i_linear_members_of(const mele_i_linear_members *m, size_t k)
{
    const mele_i_regions *r = &m->regions;

    if (r->label == NULL || k == r->clusters)
        return (mele_i_linear_slice){
            m->row, m->weight,
            mele_i_region_members(r, m->block.first, m->block.count, k, m->row, m->weight)};
    if (k == 0)
        mele_i_region_groups(r, m->block.first, m->block.count, m->start, m->row, m->weight);
    return (mele_i_linear_slice){m->row + m->start[k], m->weight + m->start[k],
                                 m->start[k + 1] - m->start[k]};
}

mele_status mele_i_linear_take(const mele_i_linear_fit *f, const size_t *row, size_t count,
                               double *room, mele_i_linear_rows *out, mele_error *error)
{
    const mele_rows *x = f->problem->x, *y = f->problem->y;
    double *targets = room + count * f->d;

    if (x->data != NULL && y->data != NULL) {
        *out = (mele_i_linear_rows){{x->data, y->data, x->stride, y->stride}, row};
        return MELE_OK;
    }
    *out = (mele_i_linear_rows){{room, targets, f->d, f->m}, NULL};
    mele_status status = mele_i_rows_gather(x, row, count, room, error);
    return status == MELE_OK ? mele_i_rows_gather(y, row, count, targets, error) : status;
}
