#!/bin/bash
# Every public header compiles alone, as C11 and as C++17, without a warning; structures can grow.

srcdir=${srcdir:-.} builddir=${builddir:-.}
. "$srcdir/tests/support/tap.sh"

compiles() # COMMAND...
{
    "$@" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$srcdir/lib" \
        -I "$builddir/lib" - 2>&1
}

for path in "$srcdir"/lib/mele/*.h "$builddir"/lib/mele/version.h; do
    header=mele/$(basename "$path")
    echo "#include <$header>" | compiles ${CC:-cc} -std=c11 -x c | tap_empty "$header as C11"
    if [ -n "${CXX-}" ]; then
        echo "#include <$header>" | compiles $CXX -std=c++17 -x c++ | tap_empty "$header as C++17"
    else
        tap_skip "$header as C++17" "no C++ compiler"
    fi
done

# Structures that callers allocate end in reserved room, but for those that are what they are for good,
# and those that the library alone makes.
made="mele_progress|mele_cv_rows|mele_cv_result|mele_finding|mele_verdict|mele_verdict_part|mele_verdicts"
stay="mele_matrix mele_rows mele_targets mele_centres mele_posteriors mele_reason mele_error mele_estimate"
cat "$srcdir"/lib/mele/*.h | tr '\n' ' ' | grep -oE 'typedef struct (mele_[a-z_]+) \{[^}]*\}' \
    | grep -v 'reserved\[MELE_RESERVED\]' | awk '{ print $3 }' \
    | grep -vwE "${stay// /|}|$made" | tap_empty "structures that may grow have reserved room"
tap_done
