#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "cli/stage.h"

/* Say in one line what a fit has made: the task, the rows, the regions, the kinds, and the errors
 * that the report holds, named as what they are. */
void cli_summary(cli_run *run, const cli_stage *stage);

#endif
