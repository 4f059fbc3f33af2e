#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include "cli/run.h"

/* What the programs that fit work on. */
typedef struct cli_stage {
    const char *data_path;
    mele_data *data;
    mele_model *model;
    mele_posteriors store;
    mele_centres centres;              /* --init FILE */
    const mele_posteriors *posteriors; /* in place of stage 1; NULL: none */
} cli_stage;

/* Read what a stage needs, before any work is done.
 * @param model_path  the model to add to; NULL: a new one is made, outside of stage 1 when there
 *                    are posteriors, and otherwise by the caller.
 * @param posteriors_path  NULL: none.
 * @param stage       cleared with cli_stage_clear(), whatever this returns. */
int cli_stage_read(cli_run *run, const char *model_path, const char *posteriors_path,
                   cli_stage *stage);

/* Look before the work whether the results can be written after it. */
int cli_stage_check_outputs(cli_run *run);

/* Say the warnings, write the model and the report; the run's exit status. */
int cli_stage_finish(cli_run *run, const cli_stage *stage);

void cli_stage_clear(cli_stage *stage);

/* The work of a program that runs one stage: read, fit, finish. */
int cli_stage_work(cli_run *run, const char *model_path, const char *posteriors_path,
                   mele_status (*fit)(cli_run *run, cli_stage *stage));

#endif
