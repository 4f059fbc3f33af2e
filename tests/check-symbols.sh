#!/bin/bash
# What libmele exports is what its public headers declare, and BLAS comes from the library that
# was chosen, never from GSL's reference BLAS.

srcdir=${srcdir:-.} builddir=${builddir:-.} NM=${NM:-nm}
. "$srcdir/tests/support/tap.sh"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
shared=$builddir/lib/.libs/libmele.so
static=$builddir/lib/.libs/libmele.a

declared() # the names that follow MELE_API, up to their parenthesis
{
    cat "$srcdir"/lib/mele/*.h "$builddir/lib/mele/version.h" | tr '\n' ' ' | grep -o 'MELE_API  *[^(;]*(' \
        | sed -E 's/[[:space:]]*\($//; s/.*[^A-Za-z0-9_]//' | grep -v '^__attribute__$' | sort -u
}

# The library in which the loader finds cblas_dgemm: it searches in the order ldd prints.
blas_of() # SHARED
{
    ldd "$1" | awk '$3 ~ "^/" { print $3 }' | while read -r library; do
        ! $NM -D --defined-only "$library" | grep -qw cblas_dgemm || echo "$library"
    done | head -n 1
}

declared > "$work/declared"
if [ -e "$shared" ]; then
    $NM -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' \
        | sort > "$work/exported"
    comm -13 "$work/declared" "$work/exported" | tap_empty "the shared library exports nothing else"
    comm -23 "$work/declared" "$work/exported" | tap_empty "every declared function is exported"
    readelf -d "$shared" | grep -o '\[libgslcblas[^]]*\]' | tap_empty "gslcblas is not linked"
    blas_of "$shared" | grep gslcblas | tap_empty "GSL's calls of BLAS do not end in gslcblas"
else
    tap_skip "exports of the shared library" "it was not built"
fi
if [ -e "$static" ]; then
    $NM -g --defined-only "$static" 2> "$work/errors" | awk 'NF == 3 { print $3 }' | grep -v '^mele_' \
        | tap_empty "global names of the static library begin with mele_"
else
    tap_skip "names of the static library" "it was not built"
fi
tap_done
