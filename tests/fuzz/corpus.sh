#!/bin/bash
# Every fuzz target on the files of its corpus, and on the seeds.

srcdir=${srcdir:-.}
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/sanitizer.sh"
directory=$(mktemp -d) || exit 99
trap 'rm -rf "$directory"' EXIT
sanitizer_begin "$directory"
bash "$srcdir/tests/fuzz/seeds" "$directory/seeds" > "$directory/log" 2>&1
tap $? "seeds are made"
sed 's/^/# /' "$directory/log"

for target in csv fit model npy npz; do
    for file in "$srcdir/tests/fuzz/corpus/$target"/* "$directory/seeds/$target"/*; do
        [ -e "$file" ] || continue
        rm -f "$directory"/finding*
        "$builddir/tests/fuzz/replay_$target" "$file" > "$directory/log" 2>&1 && ! sanitizer_findings
        status=$?
        tap $status "$target: $(basename "$file")"
        [ $status = 0 ] || sed 's/^/# /' "$directory/log"
    done
done
tap_done
