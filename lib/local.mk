# libmele: all of lib/ as a convenience library, in which unit tests see everything, and the
# installed library made of it, which exports what the public headers mark with MELE_API.

melepublicdir = $(includedir)/mele
melepublic_HEADERS = \
	lib/mele/data.h \
	lib/mele/engine.h \
	lib/mele/expert.h \
	lib/mele/fit.h \
	lib/mele/gate.h \
	lib/mele/gsl.h \
	lib/mele/matrix.h \
	lib/mele/measure.h \
	lib/mele/mele.h \
	lib/mele/model.h \
	lib/mele/options.h \
	lib/mele/partition.h \
	lib/mele/posteriors.h \
	lib/mele/predict.h \
	lib/mele/report.h \
	lib/mele/rows.h \
	lib/mele/status.h \
	lib/mele/table.h \
	lib/mele/text.h

noinst_LTLIBRARIES += lib/libmele-core.la
lib_libmele_core_la_CPPFLAGS = $(mele_cppflags)
lib_libmele_core_la_CFLAGS = $(AM_CFLAGS) $(VISIBILITY_CFLAGS)
lib_libmele_core_la_LIBADD = $(MELE_DEPENDENCIES)
lib_libmele_core_la_SOURCES = \
	lib/core/cholesky.c \
	lib/core/cholesky.h \
	lib/core/error.c \
	lib/core/error.h \
	lib/core/json.c \
	lib/core/json.h \
	lib/core/magnitude.c \
	lib/core/magnitude.h \
	lib/core/largest.h \
	lib/core/memory.c \
	lib/core/memory.h \
	lib/core/normal.h \
	lib/core/number.h \
	lib/core/number_parse.c \
	lib/core/number_print.c \
	lib/core/powers.c \
	lib/core/powers.h \
	lib/core/quote.c \
	lib/core/quote.h \
	lib/core/stream.c \
	lib/core/stream.h \
	lib/core/utf8.c \
	lib/core/utf8.h \
	lib/engine/check.c \
	lib/engine/check.h \
	lib/engine/columns.c \
	lib/engine/columns.h \
	lib/engine/engine.c \
	lib/engine/kernels.c \
	lib/engine/kernels.h \
	lib/engine/kernels_avx2.c \
	lib/engine/kernels_avx512.c \
	lib/engine/kernels_body.h \
	lib/engine/kernels_bounds.h \
	lib/engine/kernels_columns.h \
	lib/engine/kernels_density.h \
	lib/engine/kernels_distance.h \
	lib/engine/kernels_filter.h \
	lib/engine/kernels_linear.h \
	lib/engine/kernels_moments.h \
	lib/engine/kernels_near.h \
	lib/engine/kernels_panel.h \
	lib/engine/kernels_plain.c \
	lib/engine/kernels_softmax.h \
	lib/engine/kernels_table.h \
	lib/engine/kernels_tile.h \
	lib/engine/lbfgs.c \
	lib/engine/lbfgs.h \
	lib/engine/pass.h \
	lib/engine/rows.h \
	lib/data/csv.c \
	lib/data/csv_chunk.c \
	lib/data/csv_chunk.h \
	lib/data/csv_line.h \
	lib/data/input.c \
	lib/data/input.h \
	lib/data/npy.c \
	lib/data/reader.c \
	lib/data/reader.h \
	lib/data/strings.c \
	lib/data/strings.h \
	lib/data/table.c \
	lib/data/table.h \
	lib/data/text.c \
	lib/data/text.h \
	lib/schema/data.c \
	lib/schema/data.h \
	lib/schema/encode.c \
	lib/schema/encode.h \
	lib/schema/numbers.c \
	lib/schema/numbers.h \
	lib/schema/roles.c \
	lib/schema/roles.h \
	lib/schema/schema.c \
	lib/schema/schema.h \
	lib/schema/space.c \
	lib/schema/space.h \
	lib/schema/windows.c \
	lib/schema/windows.h \
	lib/measure/folds.c \
	lib/measure/folds.h \
	lib/measure/metrics.c \
	lib/partition/assign.c \
	lib/partition/assign.h \
	lib/partition/bounds.c \
	lib/partition/bounds.h \
	lib/partition/coreset.c \
	lib/partition/coreset.h \
	lib/partition/covariance.c \
	lib/partition/covariance.h \
	lib/partition/criteria.c \
	lib/partition/filter.c \
	lib/partition/filter.h \
	lib/partition/gmm.c \
	lib/partition/inquiry.c \
	lib/partition/kind.h \
	lib/partition/kmeans.c \
	lib/partition/kmeans.h \
	lib/partition/lloyd.c \
	lib/partition/lloyd.h \
	lib/partition/mixture.c \
	lib/partition/mixture.h \
	lib/partition/partition.c \
	lib/partition/partition.h \
	lib/partition/parts.c \
	lib/partition/sample.c \
	lib/partition/silhouette.c \
	lib/partition/silhouette.h \
	lib/partition/start.c \
	lib/partition/start.h \
	lib/partition/sums.c \
	lib/partition/sums.h \
	lib/expert/affine.c \
	lib/expert/affine.h \
	lib/expert/basis.c \
	lib/expert/basis.h \
	lib/expert/candidates.c \
	lib/expert/candidates.h \
	lib/expert/choice.c \
	lib/expert/choice.h \
	lib/expert/expert.c \
	lib/expert/expert.h \
	lib/expert/frame.c \
	lib/expert/frame.h \
	lib/expert/inquiry.c \
	lib/expert/kind.h \
	lib/expert/least.c \
	lib/expert/least.h \
	lib/expert/linear.c \
	lib/expert/logistic.c \
	lib/expert/multinomial.c \
	lib/expert/multinomial.h \
	lib/expert/parts.c \
	lib/expert/parts.h \
	lib/expert/predictor.c \
	lib/expert/predictor.h \
	lib/expert/regional.c \
	lib/expert/regional.h \
	lib/expert/regions.c \
	lib/expert/regions.h \
	lib/expert/section.c \
	lib/expert/small.c \
	lib/expert/small.h \
	lib/expert/triangle.c \
	lib/expert/triangle.h \
	lib/gate/columns.c \
	lib/gate/gate.c \
	lib/gate/gate.h \
	lib/gate/kind.h \
	lib/gate/loss.c \
	lib/gate/softmax.c \
	lib/gate/train.c \
	lib/model/file.c \
	lib/model/info.c \
	lib/model/items.c \
	lib/model/items.h \
	lib/model/model.c \
	lib/model/model.h \
	lib/model/options.c \
	lib/model/options.h \
	lib/model/posteriors.c \
	lib/model/predict.c \
	lib/model/predict.h \
	lib/model/stream.c \
	lib/fit/centres.c \
	lib/fit/centres.h \
	lib/fit/clusters.c \
	lib/fit/clusters.h \
	lib/fit/cross_validate.c \
	lib/fit/cross_validate.h \
	lib/fit/fit.c \
	lib/fit/report.c \
	lib/fit/report.h \
	lib/fit/stages.c \
	lib/fit/stages.h \
	lib/fit/version.c \
	lib/fit/warnings.c \
	lib/fit/warnings.h

lib_LTLIBRARIES += lib/libmele.la
lib_libmele_la_SOURCES =
lib_libmele_la_LIBADD = lib/libmele-core.la
# Change of interface: see "Updating version info" in libtool's manual.
lib_libmele_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0
EXTRA_DIST += lib/libmele.map
if VERSION_SCRIPT
lib_libmele_la_LDFLAGS += -Wl,--version-script=$(srcdir)/lib/libmele.map
EXTRA_lib_libmele_la_DEPENDENCIES = lib/libmele.map
endif

pkgconfig_DATA = lib/mele.pc
