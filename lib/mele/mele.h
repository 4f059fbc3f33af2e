#ifndef MELE_MELE_H
#define MELE_MELE_H

/** All of mele but the views of GSL's types, which are in <mele/gsl.h>. */

#include <mele/assignment.h>
#include <mele/compare.h>
#include <mele/cross_validation.h>
#include <mele/data.h>
#include <mele/engine.h>
#include <mele/expert.h>
#include <mele/family.h>
#include <mele/fit.h>
#include <mele/gate.h>
#include <mele/left_out.h>
#include <mele/maker.h>
#include <mele/matrix.h>
#include <mele/measure.h>
#include <mele/model.h>
#include <mele/options.h>
#include <mele/partition.h>
#include <mele/posteriors.h>
#include <mele/predict.h>
#include <mele/predictions.h>
#include <mele/report.h>
#include <mele/rows.h>
#include <mele/significance.h>
#include <mele/status.h>
#include <mele/survey.h>
#include <mele/table.h>
#include <mele/text.h>
#include <mele/verdict.h>
#include <mele/version.h>

#endif
