#!/bin/bash
# No files of the library stand in a circle: none needs a name that another defines which needs one
# of its own, directly or through others. (Floors are kept by headers, in tests/check-layers.sh.)

srcdir=${srcdir:-.} builddir=${builddir:-.} NM=${NM:-nm}
. "$srcdir/tests/support/tap.sh"

objects() # those of sources that there are
{
    find "$builddir/lib" -name 'libmele_core_la-*.o' | while read -r object; do
        [ ! -e "$(source_of "$object")" ] || echo "$object"
    done
}

source_of() # OBJECT: its source
{
    local name=${1#"$builddir"/}

    name=${name/.libs\//}
    echo "$srcdir/${name/libmele_core_la-/}" | sed 's/\.o$/.c/'
}

# "NAME FILE" of what files define, or of what they lack: sorted by name.
names() # defined | undefined
{
    objects | xargs $NM -A -g "--$1-only" 2> /dev/null \
        | sed -E 's/^(.*)\.o:.* ([^ ]+)$/\2 \1/; s/\.libs\///; s/libmele_core_la-//' \
        | grep ' ' | grep '^mele_' | sort -u
}

if [ -z "$(objects | head -n 1)" ]; then
    tap_skip "no circle of files" "there are no objects"
    tap_done
    exit 0
fi
join <(names undefined) <(names defined) | awk '$2 != $3 { print $2, $3 }' > circles.$$
trap 'rm -f circles.$$' EXIT
[ "$(wc -l < circles.$$)" -gt 100 ]
tap $? "files need one another"
tsort < circles.$$ 2>&1 > /dev/null | sed "s|$builddir/||" | tap_empty "no circle of files"
tap_done
