#ifndef MELE_MAKER_MAKERS_H
#define MELE_MAKER_MAKERS_H

#include "maker/maker.h"

/* The data set of a place in the table, in the order of --help; NULL past the last. */
const mele_i_maker *mele_i_maker_at(size_t i);

#endif
