# The programs: thin, one file each, on the public headers and on what they share in bin/cli.
# A new one: its name in bin_PROGRAMS, a line below it, and doc/man/NAME.x.

AM_CPPFLAGS += -I$(top_srcdir)/bin

noinst_LIBRARIES += bin/libcli.a
bin_libcli_a_SOURCES = \
	bin/cli/arguments.c \
	bin/cli/arguments.h \
	bin/cli/console.c \
	bin/cli/console.h \
	bin/cli/early.c \
	bin/cli/early.h \
	bin/cli/help.c \
	bin/cli/help.h \
	bin/cli/outfile.c \
	bin/cli/outfile.h \
	bin/cli/programs.c \
	bin/cli/programs.h \
	bin/cli/run.c \
	bin/cli/run.h \
	bin/cli/stage.c \
	bin/cli/stage.h \
	bin/cli/summary.c \
	bin/cli/summary.h \
	bin/cli/temporary.c \
	bin/cli/temporary.h \
	bin/cli/text.c \
	bin/cli/text.h

bin_PROGRAMS += \
	bin/mele \
	bin/mele-partition \
	bin/mele-experts \
	bin/mele-gate \
	bin/mele-fit \
	bin/mele-predict \
	bin/mele-score \
	bin/mele-info \
	bin/mele-compare \
	bin/mele-make

# The dispatcher starts without the libraries that the others need.
bin_mele_SOURCES = bin/mele.c
bin_mele_LDADD = bin/libcli.a

cli_libs = bin/libcli.a lib/libmele.la $(BLAS_LIBS) $(GSL_LIBS)
bin_mele_partition_SOURCES = bin/mele-partition.c
bin_mele_partition_LDADD = $(cli_libs)
bin_mele_experts_SOURCES = bin/mele-experts.c
bin_mele_experts_LDADD = $(cli_libs)
bin_mele_gate_SOURCES = bin/mele-gate.c
bin_mele_gate_LDADD = $(cli_libs)
bin_mele_fit_SOURCES = bin/mele-fit.c
bin_mele_fit_LDADD = $(cli_libs)
bin_mele_predict_SOURCES = bin/mele-predict.c
bin_mele_predict_LDADD = $(cli_libs)
bin_mele_score_SOURCES = bin/mele-score.c
bin_mele_score_LDADD = $(cli_libs)
bin_mele_info_SOURCES = bin/mele-info.c
bin_mele_info_LDADD = $(cli_libs)
bin_mele_compare_SOURCES = bin/mele-compare.c
bin_mele_compare_LDADD = $(cli_libs)
bin_mele_make_SOURCES = bin/mele-make.c
bin_mele_make_LDADD = $(cli_libs)
