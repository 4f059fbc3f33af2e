# `make check` runs everything here but what is long; all of it speaks TAP. `make check-long` runs
# the rest, `make bench` measures. For sanitizers: check-code, what is compiled C, and check-threads,
# where threads meet data.

TEST_EXTENSIONS = .sh .test
tap_driver = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(tap_driver)
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/support/run-unit
SH_LOG_DRIVER = $(tap_driver)
SH_LOG_COMPILER = $(BASH)
TEST_LOG_DRIVER = $(tap_driver)
TEST_LOG_COMPILER = $(BASH) $(top_srcdir)/tests/cli/run

AM_TESTS_ENVIRONMENT = \
	srcdir='$(abs_top_srcdir)'; builddir='$(abs_top_builddir)'; \
	PATH="$$builddir/bin:$$PATH"; LC_ALL=C; \
	CC='$(CC)'; CXX='$(CXX)'; MAKE='$(MAKE)'; NM='$(NM)'; PKG_CONFIG='$(PKG_CONFIG)'; \
	INSTRUMENT_FLAGS='$(INSTRUMENT_FLAGS)'; VERSION='$(VERSION)'; \
	export srcdir builddir PATH LC_ALL CC CXX MAKE NM PKG_CONFIG INSTRUMENT_FLAGS VERSION;

# Unit tests: one program a thing, linked with all of lib/ so that they see private functions.
# A test reads the shipped data sets from the directory TEST_DATA.

AM_CPPFLAGS += -I$(top_srcdir)/tests $(CRITERION_CFLAGS) -DTEST_DATA='"$(abs_top_srcdir)/data"'
if SANITIZERS
AM_CPPFLAGS += -DTEST_INSTRUMENTED
endif
LDADD = $(test_support) lib/libmele-core.la $(CRITERION_LIBS)

unit_tests = \
	tests/unit/test_apart \
	tests/unit/test_assignment \
	tests/unit/test_bagging \
	tests/unit/test_boosted_me \
	tests/unit/test_boosting \
	tests/unit/test_by_gradient \
	tests/unit/test_centres \
	tests/unit/test_choice \
	tests/unit/test_clusters \
	tests/unit/test_combine \
	tests/unit/test_constant \
	tests/unit/test_compare \
	tests/unit/test_comparison \
	tests/unit/test_contest \
	tests/unit/test_coupled \
	tests/unit/test_coreset \
	tests/unit/test_criteria \
	tests/unit/test_cross_validation \
	tests/unit/test_csv_plain \
	tests/unit/test_draw \
	tests/unit/test_em \
	tests/unit/test_engine \
	tests/unit/test_extremes \
	tests/unit/test_features \
	tests/unit/test_families \
	tests/unit/test_family_choice \
	tests/unit/test_family_memory \
	tests/unit/test_fit \
	tests/unit/test_gate \
	tests/unit/test_gate_choice \
	tests/unit/test_gate_memory \
	tests/unit/test_gate_minimum \
	tests/unit/test_gate_rows \
	tests/unit/test_gate_mlp \
	tests/unit/test_fuzzy_map \
	tests/unit/test_gmm \
	tests/unit/test_gmm_memory \
	tests/unit/test_gp \
	tests/unit/test_gp_levels \
	tests/unit/test_group_left_out \
	tests/unit/test_groups \
	tests/unit/test_hme \
	tests/unit/test_hostile \
	tests/unit/test_independence \
	tests/unit/test_joint \
	tests/unit/test_json \
	tests/unit/test_kernels \
	tests/unit/test_lapack \
	tests/unit/test_lbfgs \
	tests/unit/test_left_out \
	tests/unit/test_linear \
	tests/unit/test_lloyd \
	tests/unit/test_log_likelihoods \
	tests/unit/test_logistic \
	tests/unit/test_maker \
	tests/unit/test_me_em \
	tests/unit/test_measure \
	tests/unit/test_mlp \
	tests/unit/test_model_file \
	tests/unit/test_network \
	tests/unit/test_normalise \
	tests/unit/test_npy \
	tests/unit/test_npz \
	tests/unit/test_number \
	tests/unit/test_partition \
	tests/unit/test_partition_properties \
	tests/unit/test_options \
	tests/unit/test_outside \
	tests/unit/test_parts \
	tests/unit/test_race \
	tests/unit/test_rows \
	tests/unit/test_sample \
	tests/unit/test_schema \
	tests/unit/test_page \
	tests/unit/test_sequences \
	tests/unit/test_shared_experts \
	tests/unit/test_significance \
	tests/unit/test_sizes \
	tests/unit/test_sketch \
	tests/unit/test_small \
	tests/unit/test_sparse \
	tests/unit/test_solvers \
	tests/unit/test_spill \
	tests/unit/test_stack \
	tests/unit/test_survey \
	tests/unit/test_start \
	tests/unit/test_table \
	tests/unit/test_table_memory \
	tests/unit/test_text \
	tests/unit/test_verdict \
	tests/unit/test_version \
	tests/unit/test_weights \
	tests/unit/test_tree \
	tests/unit/test_typing \
	tests/unit/test_wanted \
	tests/unit/test_wide \
	tests/unit/test_windows

check_LTLIBRARIES = tests/libsupport.la
test_support = tests/libsupport.la
tests_libsupport_la_SOURCES = tests/support/failing_malloc.c
if IN_PROCESS_TESTS
tests_libsupport_la_SOURCES += tests/support/in-process.c
endif

# Loaded before whole programs that memory is kept from (tests/cli/memory.test), so never static.
check_LTLIBRARIES += tests/support/no_memory.la
tests_support_no_memory_la_SOURCES = tests/support/no_memory.c
tests_support_no_memory_la_LDFLAGS = -module -avoid-version -shared -rpath $(abs_builddir)
tests_support_no_memory_la_LIBADD = -ldl

# Tests that let memory run out, see tests/support/failing_malloc.h. The library comes after it and
# is wrapped, too: --undefined takes the wrappers even where a build leaves out all tests that call them.
failing_malloc = $(AM_LDFLAGS) -Wl,--undefined=__wrap_malloc \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=strdup
tests_unit_test_apart_LDFLAGS = $(failing_malloc)
tests_unit_test_centres_LDFLAGS = $(failing_malloc)
tests_unit_test_model_file_LDFLAGS = $(failing_malloc)
tests_unit_test_significance_LDFLAGS = $(failing_malloc)
tests_unit_test_verdict_LDFLAGS = $(failing_malloc)
tests_unit_test_options_LDFLAGS = $(failing_malloc)
tests_unit_test_outside_LDFLAGS = $(failing_malloc)
tests_unit_test_choice_LDFLAGS = $(failing_malloc)
tests_unit_test_compare_LDFLAGS = $(failing_malloc)
tests_unit_test_cross_validation_LDFLAGS = $(failing_malloc)
tests_unit_test_bagging_LDFLAGS = $(failing_malloc)
tests_unit_test_boosting_LDFLAGS = $(failing_malloc)
tests_unit_test_combine_LDFLAGS = $(failing_malloc)
tests_unit_test_clusters_LDFLAGS = $(failing_malloc)
tests_unit_test_constant_LDFLAGS = $(failing_malloc)
tests_unit_test_extremes_LDFLAGS = $(failing_malloc)
tests_unit_test_coreset_LDFLAGS = $(failing_malloc)
tests_unit_test_features_LDFLAGS = $(failing_malloc)
tests_unit_test_family_memory_LDFLAGS = $(failing_malloc)
tests_unit_test_draw_LDFLAGS = $(failing_malloc)
tests_unit_test_draw_SOURCES = tests/unit/test_draw.c tests/unit/markup_support.c
tests_unit_test_em_LDFLAGS = $(failing_malloc)
tests_unit_test_me_em_LDFLAGS = $(failing_malloc)
tests_unit_test_gate_choice_LDFLAGS = $(failing_malloc)
tests_unit_test_gate_memory_LDFLAGS = $(failing_malloc)
tests_unit_test_gate_rows_LDFLAGS = $(failing_malloc)
tests_unit_test_group_left_out_LDFLAGS = $(failing_malloc)
tests_unit_test_gmm_memory_LDFLAGS = $(failing_malloc)
tests_unit_test_left_out_LDFLAGS = $(failing_malloc)
tests_unit_test_linear_LDFLAGS = $(failing_malloc)
tests_unit_test_lloyd_LDFLAGS = $(failing_malloc)
tests_unit_test_logistic_LDFLAGS = $(failing_malloc)
tests_unit_test_page_LDFLAGS = $(failing_malloc)
tests_unit_test_page_SOURCES = tests/unit/test_page.c tests/unit/markup_support.c
tests_unit_test_sequences_LDFLAGS = $(failing_malloc)
tests_unit_test_sizes_LDFLAGS = $(failing_malloc)
tests_unit_test_sketch_LDFLAGS = $(failing_malloc)
tests_unit_test_solvers_LDFLAGS = $(failing_malloc)
tests_unit_test_spill_LDFLAGS = $(failing_malloc)
tests_unit_test_hme_LDFLAGS = $(failing_malloc)
tests_unit_test_tree_LDFLAGS = $(failing_malloc)
tests_unit_test_start_LDFLAGS = $(failing_malloc)
tests_unit_test_table_memory_LDFLAGS = $(failing_malloc)
tests_unit_test_gp_LDFLAGS = $(failing_malloc)
tests_unit_test_gp_levels_LDFLAGS = $(failing_malloc)
tests_unit_test_assignment_LDFLAGS = $(failing_malloc)
tests_unit_test_independence_LDFLAGS = $(failing_malloc)
tests_unit_test_by_gradient_LDFLAGS = $(failing_malloc)
tests_unit_test_coupled_LDFLAGS = $(failing_malloc)
tests_unit_test_joint_LDFLAGS = $(failing_malloc)
tests_unit_test_mlp_LDFLAGS = $(failing_malloc)
tests_unit_test_network_LDFLAGS = $(failing_malloc)
tests_unit_test_small_LDFLAGS = $(failing_malloc)
tests_unit_test_weights_LDFLAGS = $(failing_malloc)
tests_unit_test_wanted_LDFLAGS = $(failing_malloc)
tests_unit_test_windows_LDFLAGS = $(failing_malloc)

if HAVE_CRITERION
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
else
check-local:
	@echo "make check: unit tests need Criterion 2.3 or later (Debian: libcriterion-dev)" >&2; exit 1
endif

# The programs as users meet them: a .test file holds cases, tests/cli/run says how to write one.

cli_tests = \
	tests/cli/auto-gate.test \
	tests/cli/by-gradient.test \
	tests/cli/clusters.test \
	tests/cli/covariances.test \
	tests/cli/degenerate.test \
	tests/cli/ensembles.test \
	tests/cli/experts.test \
	tests/cli/failures.test \
	tests/cli/families.test \
	tests/cli/features.test \
	tests/cli/files.test \
	tests/cli/formats.test \
	tests/cli/gate-rows.test \
	tests/cli/gate.test \
	tests/cli/gate-mlp.test \
	tests/cli/gate-told.test \
	tests/cli/global-gate.test \
	tests/cli/hme.test \
	tests/cli/hostile.test \
	tests/cli/compare.test \
	tests/cli/cross_validation.test \
	tests/cli/groups.test \
	tests/cli/init.test \
	tests/cli/left-out.test \
	tests/cli/make.test \
	tests/cli/memory.test \
	tests/cli/methods.test \
	tests/cli/output.test \
	tests/cli/outside.test \
	tests/cli/pipeline.test \
	tests/cli/posteriors.test \
	tests/cli/predict.test \
	tests/cli/programs.test \
	tests/cli/refine.test \
	tests/cli/weights.test \
	tests/cli/sparse.test \
	tests/cli/survey.test \
	tests/cli/windows.test
TESTS += $(cli_tests)

# The house rules, the documents, and the library as installed.

house_tests = \
	tests/check-circles.sh \
	tests/check-lists.sh \
	tests/check-layers.sh \
	tests/check-headers.sh \
	tests/check-symbols.sh \
	tests/check-docs.sh \
	tests/check-install.sh
TESTS += $(house_tests)

# What takes minutes: the unit tests whose sizes depend on it, at their full size, and comparisons
# over thousands of random inputs.

thorough_tests = \
	tests/long/thorough_lloyd \
	tests/long/thorough_mlp \
	tests/long/thorough_number \
	tests/long/thorough_sizes \
	tests/long/thorough_small \
	tests/long/thorough_solvers \
	tests/long/thorough_start \
	tests/long/thorough_windows
thorough_cppflags = $(AM_CPPFLAGS) -DTEST_THOROUGH
tests_long_thorough_lloyd_SOURCES = tests/unit/test_lloyd.c
tests_long_thorough_lloyd_CPPFLAGS = $(thorough_cppflags)
tests_long_thorough_lloyd_LDFLAGS = $(failing_malloc)
tests_long_thorough_mlp_SOURCES = tests/unit/test_mlp.c
tests_long_thorough_mlp_CPPFLAGS = $(thorough_cppflags)
tests_long_thorough_mlp_LDFLAGS = $(failing_malloc)
tests_long_thorough_number_SOURCES = tests/unit/test_number.c
tests_long_thorough_number_CPPFLAGS = $(thorough_cppflags)
tests_long_thorough_sizes_SOURCES = tests/unit/test_sizes.c
tests_long_thorough_sizes_CPPFLAGS = $(thorough_cppflags)
tests_long_thorough_sizes_LDFLAGS = $(failing_malloc)
tests_long_thorough_small_SOURCES = tests/unit/test_small.c
tests_long_thorough_small_CPPFLAGS = $(thorough_cppflags)
tests_long_thorough_small_LDFLAGS = $(failing_malloc)
tests_long_thorough_solvers_SOURCES = tests/unit/test_solvers.c
tests_long_thorough_solvers_CPPFLAGS = $(thorough_cppflags)
tests_long_thorough_solvers_LDFLAGS = $(failing_malloc)
tests_long_thorough_start_SOURCES = tests/unit/test_start.c
tests_long_thorough_start_CPPFLAGS = $(thorough_cppflags)
tests_long_thorough_start_LDFLAGS = $(failing_malloc)
tests_long_thorough_windows_SOURCES = tests/unit/test_windows.c
tests_long_thorough_windows_CPPFLAGS = $(thorough_cppflags)
tests_long_thorough_windows_LDFLAGS = $(failing_malloc)

tests_long_race_SOURCES = tests/long/race.c
tests_long_verdicts_SOURCES = tests/long/verdicts.c
long_programs = $(thorough_tests) tests/long/race tests/long/verdicts
long_tests = $(long_programs) tests/long/memory.test
EXTRA_DIST += tests/long/memory.test
EXTRA_PROGRAMS += $(long_programs)
CLEANFILES += $(long_programs)

check-long: $(bin_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(long_tests)' check_PROGRAMS='$(long_programs)'

# What a sanitizer looks at: all that is compiled; and for ThreadSanitizer where threads meet data,
# which is the engine, the readers, every pass that is parallel, and whole fits. Programs that weigh
# rows and choose K run no code there that unit tests do not.

code_tests = $(unit_tests) \
	$(filter-out tests/cli/weights.test tests/cli/clusters.test,$(cli_tests)) tests/fuzz/corpus.sh

check-code: $(bin_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(code_tests)'

thread_programs = \
	tests/unit/test_coreset \
	tests/unit/test_criteria \
	tests/unit/test_cross_validation \
	tests/unit/test_engine \
	tests/unit/test_families \
	tests/unit/test_family_choice \
	tests/unit/test_fit \
	tests/unit/test_fuzzy_map \
	tests/unit/test_gate \
	tests/unit/test_gate_choice \
	tests/unit/test_gmm \
	tests/unit/test_gp \
	tests/unit/test_linear \
	tests/unit/test_lloyd \
	tests/unit/test_logistic \
	tests/unit/test_mlp \
	tests/unit/test_network \
	tests/unit/test_rows \
	tests/unit/test_sample \
	tests/unit/test_shared_experts \
	tests/unit/test_start \
	tests/unit/test_table \
	tests/unit/test_wide \
	tests/unit/test_windows
thread_tests = $(thread_programs) tests/cli/predict.test

check-threads: $(bin_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(thread_tests)' check_PROGRAMS='$(thread_programs)'

EXTRA_DIST += $(cli_tests) $(house_tests) tests/cli/run tests/support/in-process.c \
	tests/support/json.awk tests/support/run-unit tests/support/sanitizer.sh \
	tests/support/tap.sh tests/support/tsan.supp

# What reference values were computed with, what other tools are measured with, and what tests
# share.

references = \
	tests/bench/gates.py \
	tests/bench/sunspots.py \
	tests/bench/peers/ensembles_sklearn.py \
	tests/bench/peers/experts_sklearn.py \
	tests/bench/peers/gate_mlp_sklearn.py \
	tests/bench/peers/gate_sklearn.py \
	tests/bench/peers/me_em.R \
	tests/bench/peers/me_em.py \
	tests/bench/peers/mlp_sklearn.py \
	tests/bench/peers/partition_sklearn.py \
	tests/bench/peers/quiet.py \
	tests/bench/peers/read_pandas.py \
	tests/bench/peers/stages_sklearn.py \
	tests/bench/peers/start_sklearn.py \
	tests/ref/boosting.py \
	tests/ref/coupled.py \
	tests/ref/criteria.py \
	tests/ref/em.py \
	tests/ref/experts.R \
	tests/ref/fcm.R \
	tests/ref/gate.py \
	tests/ref/gmm.py \
	tests/ref/gp.py \
	tests/ref/hme.py \
	tests/ref/makers.py \
	tests/ref/measure.py \
	tests/ref/mlp.R \
	tests/ref/partition.py \
	tests/ref/partition_fuzzy_map.py \
	tests/ref/significance.R \
	tests/ref/sparse.py
test_headers = \
	tests/support/failing_malloc.h \
	tests/support/size.h \
	tests/unit/boosting_reference.h \
	tests/unit/criteria_reference.h \
	tests/unit/coupled_support.h \
	tests/unit/em_support.h \
	tests/unit/family_support.h \
	tests/unit/engine_support.h \
	tests/unit/expert_support.h \
	tests/unit/file_support.h \
	tests/unit/gate_support.h \
	tests/unit/gmm_reference.h \
	tests/unit/gp_reference.h \
	tests/unit/npz_reference.h \
	tests/unit/partition_reference.h \
	tests/unit/markup_support.h \
	tests/unit/significance_reference.h \
	tests/unit/table_support.h \
	tests/unit/verdict_support.h
EXTRA_DIST += $(references) $(test_headers)

# Benchmarks, never part of check.

benchmarks = \
	tests/bench/bench_coupled \
	tests/bench/bench_experts \
	tests/bench/bench_gate \
	tests/bench/bench_partition \
	tests/bench/bench_predict \
	tests/bench/bench_read \
	tests/bench/bench_start
tests_bench_bench_coupled_SOURCES = tests/bench/bench_coupled.c $(bench_machine)
tests_bench_bench_experts_SOURCES = tests/bench/bench_experts.c $(bench_machine)
tests_bench_bench_gate_SOURCES = tests/bench/bench_gate.c $(bench_machine)
tests_bench_bench_partition_SOURCES = tests/bench/bench_partition.c $(bench_machine)
tests_bench_bench_predict_SOURCES = tests/bench/bench_predict.c $(bench_machine)
tests_bench_bench_read_SOURCES = tests/bench/bench_read.c $(bench_machine)
tests_bench_bench_start_SOURCES = tests/bench/bench_start.c $(bench_machine)
bench_machine = tests/bench/machine.c tests/bench/machine.h
EXTRA_PROGRAMS += $(benchmarks)
CLEANFILES += $(benchmarks) bench_read.csv

bench: $(benchmarks) $(bin_PROGRAMS)
	@for program in $(benchmarks); do \
		env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE ./$$program || exit 1; \
	done

# Build what check and bench would run, and run nothing.
check-programs: $(check_PROGRAMS) $(benchmarks)

# Fuzz targets: `make check` runs them on the files of the corpus (and the seeds, which are made),
# `make fuzz` on what libFuzzer makes of those. See tests/fuzz/fuzz.h.

fuzz_targets = csv fit model npy npz
fuzz_support = tests/fuzz/fuzz.c tests/fuzz/fuzz.h tests/fuzz/checks.c tests/fuzz/checks.h
tests_fuzz_replay_csv_SOURCES = tests/fuzz/fuzz_csv.c tests/fuzz/replay.c $(fuzz_support)
tests_fuzz_replay_fit_SOURCES = tests/fuzz/fuzz_fit.c tests/fuzz/replay.c $(fuzz_support)
tests_fuzz_replay_model_SOURCES = tests/fuzz/fuzz_model.c tests/fuzz/replay.c $(fuzz_support)
tests_fuzz_replay_npy_SOURCES = tests/fuzz/fuzz_npy.c tests/fuzz/replay.c $(fuzz_support)
tests_fuzz_replay_npz_SOURCES = tests/fuzz/fuzz_npz.c tests/fuzz/replay.c $(fuzz_support)
tests_fuzz_replay_csv_LDADD = lib/libmele-core.la
tests_fuzz_replay_fit_LDADD = lib/libmele-core.la
tests_fuzz_replay_model_LDADD = lib/libmele-core.la
tests_fuzz_replay_npy_LDADD = lib/libmele-core.la
tests_fuzz_replay_npz_LDADD = lib/libmele-core.la
check_PROGRAMS += tests/fuzz/replay_csv tests/fuzz/replay_fit tests/fuzz/replay_model \
	tests/fuzz/replay_npy tests/fuzz/replay_npz
TESTS += tests/fuzz/corpus.sh
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/corpus.sh tests/fuzz/run tests/fuzz/seeds

if FUZZ
fuzz_mutate = tests/fuzz/mutate.h
fuzz_programs = tests/fuzz/fuzz_csv tests/fuzz/fuzz_fit tests/fuzz/fuzz_model tests/fuzz/fuzz_npy \
	tests/fuzz/fuzz_npz
tests_fuzz_fuzz_csv_SOURCES = tests/fuzz/fuzz_csv.c $(fuzz_support)
tests_fuzz_fuzz_fit_SOURCES = tests/fuzz/fuzz_fit.c tests/fuzz/mutate_fit.c $(fuzz_mutate) \
	$(fuzz_support)
tests_fuzz_fuzz_model_SOURCES = tests/fuzz/fuzz_model.c tests/fuzz/mutate_model.c $(fuzz_mutate) \
	$(fuzz_support)
tests_fuzz_fuzz_npy_SOURCES = tests/fuzz/fuzz_npy.c $(fuzz_support)
tests_fuzz_fuzz_npz_SOURCES = tests/fuzz/fuzz_npz.c tests/fuzz/mutate_npz.c $(fuzz_mutate) \
	$(fuzz_support)
tests_fuzz_fuzz_csv_LDADD = lib/libmele-core.la
tests_fuzz_fuzz_fit_LDADD = lib/libmele-core.la
tests_fuzz_fuzz_model_LDADD = lib/libmele-core.la
tests_fuzz_fuzz_npy_LDADD = lib/libmele-core.la
tests_fuzz_fuzz_npz_LDADD = lib/libmele-core.la
tests_fuzz_fuzz_csv_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_fit_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_model_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_npy_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_npz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
EXTRA_PROGRAMS += $(fuzz_programs)
CLEANFILES += $(fuzz_programs)

fuzz: $(fuzz_programs) $(bin_PROGRAMS)
	@PATH="$(abs_builddir)/bin:$$PATH" $(BASH) $(srcdir)/tests/fuzz/run $(srcdir)/tests/fuzz \
		tests/fuzz $(fuzz_targets)
else
fuzz:
	@echo "make fuzz: needs clang and its libFuzzer: configure --enable-fuzz" >&2; exit 1
endif

.PHONY: bench check-code check-long check-programs check-threads fuzz
