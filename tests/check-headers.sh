#!/bin/bash
# Every public header compiles alone, as C11 and as C++17, without a warning.

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
tap_done
