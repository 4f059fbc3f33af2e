#!/bin/bash
# The library as a user has it: `make install`, then the programs of doc/examples are built out of
# tree with pkg-config alone, linked shared and static, and run; `make uninstall` leaves nothing.

srcdir=${srcdir:-.} builddir=${builddir:-.} INSTRUMENT_FLAGS=${INSTRUMENT_FLAGS-}
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/sanitizer.sh"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
root=$work/root
unset MAKEFLAGS MAKELEVEL MFLAGS

logged() # NAME COMMAND...: a test that the command succeeds
{
    local name=$1 status
    shift
    "$@" > "$work/log" 2>&1
    status=$?
    tap $status "$name"
    [ $status = 0 ] || tail -n 20 "$work/log" | sed 's/^/# /'
    return $status
}

logged "make install" ${MAKE:-make} -s -C "$builddir" install DESTDIR="$root" || { tap_done; exit; }

libdir=$(dirname "$(find "$root" -name 'libmele.so*' -o -name libmele.a | head -n 1)")
export PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_PATH=$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
flags=$(${PKG_CONFIG:-pkg-config} --cflags --libs mele) || exit 99
readme=$srcdir/README.md
flags_static=$(${PKG_CONFIG:-pkg-config} --static --cflags --libs mele | sed 's/-lmele/-l:libmele.a/')

# A model by the installed program, which every example is given and doc/examples/threads.c reads.
logged "the installed mele-fit runs" "$(find "$root" -name mele-fit -type f)" -q -t Species -k 2 \
    -o "$work/model.json" "$srcdir/data/iris.csv"

prints_expected() # PROGRAM NAME: it runs, and prints what stands beside its source
{
    (cd "$work" && "$1" model.json > "$1.out") && diff "$srcdir/doc/examples/$2.expected" "$1.out"
}

sanitizer_begin "$work"
for source in "$srcdir"/doc/examples/*.c; do
    [ -e "$source" ] || continue
    name=$(basename "$source" .c)
    program=$work/$name
    logged "$name builds" ${CC:-cc} -Wall -Wextra -Werror "$source" -o "$program" $flags \
        $INSTRUMENT_FLAGS && logged "$name runs" prints_expected "$program" "$name"
    [ -e "$libdir/libmele.a" ] || continue
    logged "$name builds with the static library" ${CC:-cc} "$source" -o "$program-static" \
        $flags_static $INSTRUMENT_FLAGS \
        && logged "$name, static, runs" prints_expected "$program-static" "$name"
done
# The lines of the README, as they stand there but for the compiler and the names of the files.
as_printed() # PROGRAM LINE SOURCE: make PROGRAM
{
    local line=${2%%#*}
    line=${line/cc /${CC:-cc} $INSTRUMENT_FLAGS } line=${line/pkg-config/${PKG_CONFIG:-pkg-config}}
    eval "${line/prog.c/\"$3\" -o \"$1\"}"
}

grep '^    cc .*prog\.c' "$readme" > "$work/lines"
[ "$(grep -c . "$work/lines")" = 2 ]
tap $? "the README prints two link lines"
number=0
while read -r line; do
    number=$((number + 1))
    case $line in
    *-static*) [ -e "$libdir/libmele.a" ] && [ -z "$INSTRUMENT_FLAGS" ] || continue ;;
    *) [ -e "$libdir/libmele.so" ] || continue ;;
    esac
    logged "the README's line builds: ${line%% \$*}" as_printed "$work/readme-$number" "$line" \
        "$srcdir/doc/examples/errors.c" \
        && logged "and what it has built runs" prints_expected "$work/readme-$number" errors
done < "$work/lines"
sanitizer_findings | tap_empty "no finding of a sanitizer"

logged "make uninstall" ${MAKE:-make} -s -C "$builddir" uninstall DESTDIR="$root"
find "$root" -type f | tap_empty "nothing is left"
tap_done
