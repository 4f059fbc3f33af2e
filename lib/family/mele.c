/* Mixtures of explicitly localized experts: the three stages, each trained by itself (lib/fit). */
#include "family/family.h"
#include "fit/whole.h"

const mele_i_family mele_i_family_mele = {
    .help = "regions by clustering, experts in them, then a gate: each stage trained by itself",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_STAGES,
    .fit = mele_i_run_all_stages,
};
