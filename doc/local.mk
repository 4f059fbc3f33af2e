# Documents, the manual pages, and examples that tests build against the installed library.

dist_doc_DATA += \
	doc/architecture.md \
	doc/methods.md \
	doc/survey.md \
	doc/model-file.md \
	doc/tutorial.md
EXTRA_DIST += doc/Doxyfile

examplesdir = $(docdir)/examples
dist_examples_DATA = \
	doc/examples/by_name.c \
	doc/examples/by_name.expected \
	doc/examples/errors.c \
	doc/examples/errors.expected \
	doc/examples/gsl_matrix.c \
	doc/examples/gsl_matrix.expected \
	doc/examples/threads.c \
	doc/examples/threads.expected \
	doc/examples/three_stages.c \
	doc/examples/three_stages.expected

# A page is what the program says of itself in --help and the hand-written doc/man/NAME.x. Pages
# come with the tarball, so help2man is needed only in a clone; they are made anew when the source
# of the help changes, not whenever the program is.

dist_man_MANS += $(man_pages)
man_pages = \
	doc/man/mele.1 \
	doc/man/mele-compare.1 \
	doc/man/mele-experts.1 \
	doc/man/mele-fit.1 \
	doc/man/mele-gate.1 \
	doc/man/mele-info.1 \
	doc/man/mele-make.1 \
	doc/man/mele-partition.1 \
	doc/man/mele-predict.1 \
	doc/man/mele-score.1
EXTRA_DIST += $(man_pages:.1=.x)
MAINTAINERCLEANFILES += $(man_pages)

option_rows = \
	lib/expert/options.c lib/expert/gp/gp.c lib/expert/linear/linear.c lib/expert/mlp/mlp.c \
	lib/gate/options.c lib/model/family_options.c lib/model/own_options.c lib/partition/options.c lib/schema/options.c \
	lib/model/families.h $(filter lib/family/%.c,$(lib_libmele_core_la_SOURCES))

doc/man/%.1: doc/man/%.x bin/%.c $(bin_libcli_a_SOURCES) $(option_rows) configure.ac \
		| bin/%$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && LC_ALL=C $(HELP2MAN) --no-info \
		--include=$(srcdir)/doc/man/$*.x --output=$@ ./bin/$*$(EXEEXT)
