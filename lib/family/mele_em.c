/* The three stages and steps of EM from there (lib/fit/refine.c): explicit regions are where EM starts. */
#include "core/error.h"
#include "family/family.h"
#include "fit/whole.h"

static void settle(mele_options *options)
{
    if (options->refine == 0)
        options->refine = MELE_REFINE_AUTO;
}

static mele_status check(const mele_data *data, const mele_options *options, mele_error *error)
{
    (void)data;
    if (options->refine > 0 || !mele_options_given(options, "refine"))
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "--refine 0 leaves the family mele-em without steps of EM: that is "
                       "--family mele");
}

const mele_i_family mele_i_family_mele_em = {
    .help = "mele, and from there steps of EM of experts and gate together (--refine, default: auto)",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_STAGES,
    .settle = settle,
    .check = check,
    .fit = mele_i_run_all_stages,
};
