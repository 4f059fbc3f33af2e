#!/bin/bash
# Every source file is named in its local.mk: a file that is not is neither built nor distributed.

srcdir=${srcdir:-.}
. "$srcdir/tests/support/tap.sh"
cd "$srcdir" || exit 99

not_named() # LIST DIRECTORY...
{
    local list=$1
    shift
    find "$@" -name '*.[ch]' -o -name '*.test' -o -name '*.x' | sort | while read -r file; do
        name=${file%.c}
        name=${name/%.x/.1} # a page is listed by what is made of it, a program by its name
        grep -qE "(^|[[:space:]])$name(\.c)?([[:space:]]|\$)" "$list" || echo "$file is not in $list"
    done
}

not_named lib/local.mk lib | tap_empty "lib/local.mk names every source"
not_named bin/local.mk bin | tap_empty "bin/local.mk names every source"
not_named tests/local.mk tests | tap_empty "tests/local.mk names every test"
not_named doc/local.mk doc | tap_empty "doc/local.mk names every page and example"
tap_done
