#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include "cli/run.h"

/* What the programs that fit work on. */
typedef struct cli_stage {
    const char *data_path;
    mele_data *data;
    mele_model *model;
    mele_posteriors store;
    mele_predictions predictions;      /* of outside experts; no rows: none */
    mele_centres centres;              /* --init FILE */
    const mele_posteriors *posteriors; /* in place of stage 1; NULL: none */
    mele_left_out *left_out;           /* what stage 2 made, or stage 3 read; NULL: none */
    mele_cv_result *cv;                /* NULL: not cross-validated */
} cli_stage;

/* What a stage reads beside DATA; NULL: none. */
typedef struct cli_inputs {
    const char *model; /* to add to; none: a new one is made, outside of stage 1 when there are
                          posteriors, and otherwise by the caller */
    const char *posteriors;
    const char *predictions; /* of outside experts; then there is no model, and the caller makes it */
    const char *left_out; /* read after the model, which its writer brings to an end later */
} cli_inputs;

/* Read what a stage needs, before any work is done.
 * @param stage  cleared with cli_stage_clear(), whatever this returns. */
int cli_stage_read(cli_run *run, const cli_inputs *from, cli_stage *stage);

/* A gate over outside experts (--predictions), which stand in place of stages 1 and 2. Options of those
 * change nothing, and are not passed over in silence. */
int cli_stage_check_outside(cli_run *run);
mele_status cli_stage_fit_outside(cli_run *run, cli_stage *stage);

/* Look before the work whether the results can be written after it. */
int cli_stage_check_outputs(cli_run *run);

/* Where a fit of this run puts left-out predictions; NULL: they are not wanted. */
mele_left_out **cli_stage_left_out(const cli_run *run, cli_stage *stage);

/* Say the warnings; write the left-out predictions, if they are wanted, and when those are in their
 * place the model and the report; the run's exit status. */
int cli_stage_finish(cli_run *run, const cli_stage *stage);

void cli_stage_clear(cli_stage *stage);

/* The work of a program that runs one stage: read, fit, finish. */
int cli_stage_work(cli_run *run, const cli_inputs *from,
                   mele_status (*fit)(cli_run *run, cli_stage *stage));

#endif
