# The programs: thin, one file each, on the public headers and on what they share in bin/cli.
# A new one: its name in bin_PROGRAMS, a line below it, and doc/man/NAME.x.

AM_CPPFLAGS += -I$(top_srcdir)/bin

noinst_LIBRARIES += bin/libcli.a
bin_libcli_a_SOURCES =

bin_PROGRAMS +=

cli_libs = bin/libcli.a lib/libmele.la $(BLAS_LIBS)
