# Small real data sets; data/README.md says where each comes from.

exampledatadir = $(docdir)/data
dist_exampledata_DATA = data/README.md \
	data/concrete.csv \
	data/faithful.csv \
	data/iris.csv \
	data/mcycle.csv \
	data/mpg.csv \
	data/sunspots.csv \
	data/tonedata.csv \
	data/vowels.csv

nistdatadir = $(exampledatadir)/nist
dist_nistdata_DATA = \
	data/nist/certified.csv \
	data/nist/filip.csv \
	data/nist/longley.csv \
	data/nist/norris.csv \
	data/nist/pontius.csv \
	data/nist/wampler1.csv \
	data/nist/wampler2.csv \
	data/nist/wampler3.csv \
	data/nist/wampler4.csv \
	data/nist/wampler5.csv
