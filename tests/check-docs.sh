#!/bin/bash
# Documents do not drift: every option of --help stands in the manual page and the other way
# round, the commands of doc/tutorial.md run, and doc/model-file.md names the keys of models and
# of reports.

srcdir=${srcdir:-.} builddir=${builddir:-.}
. "$srcdir/tests/support/tap.sh"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

options() # the long options named in standard input; pages change fonts and escape hyphens
{
    sed 's/\\f.//g; s/\\-/-/g' | grep -oE '(^|[^[:alnum:]-])--[a-z][a-z0-9-]*' | grep -oE -- '--.*' | sort -u
}

for program in "$builddir"/bin/mele*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    name=$(basename "$program")
    "$program" --help > "$work/$name.help" 2>&1
    tap $? "$name --help"
    options < "$work/$name.help" > "$work/$name.options"
done
cat "$work"/*.options 2> "$work/none" | sort -u > "$work/all"

for help in "$work"/*.help; do
    [ -e "$help" ] || continue
    name=$(basename "$help" .help)
    page=$builddir/doc/man/$name.1
    [ -e "$page" ] || page=$srcdir/doc/man/$name.1
    if [ ! -e "$page" ]; then
        tap 1 "$name has a manual page"
        continue
    fi
    options < "$page" > "$work/page"
    comm -23 "$work/$name.options" "$work/page" | tap_empty "every option of $name is in its page"
    comm -13 "$work/all" "$work/page" | tap_empty "the page of $name names no other option"
done

# The keys of models and reports, but the names of options, columns and classes.
data=$(cd "$srcdir/data" && pwd)
models=0
while read -r arguments; do
    models=$((models + 1))
    "$builddir/bin/mele-fit" -q --report "$work/$models.report" -o "$work/$models.model" \
        ${arguments/ data\// $data/}
    tap $? "mele-fit $arguments"
    cat "$work/$models.report" "$work/$models.model" | tr -d '\n' >> "$work/json"
done <<'END'
-t accel -k 2-3 --method gmm --cluster-on xy --criterion bic --cv 3 data/mcycle.csv
-t accel -k 2 --method gmm --covariance tied --gate temperature data/mcycle.csv
-t accel -k 2-3 --criterion silhouette --scale minmax data/mcycle.csv
-t Species --cv 3 --on both data/iris.csv
END
sed -E 's/"options": *\{[^}]*\}//g' "$work/json" | grep -oE '"[a-z_0-9]+": *[^ ]' \
    | sed -E 's/"([a-z_0-9]+)".*/\1/' | sort -u > "$work/keys"
grep -oE '[`"][a-z_0-9]+[`"]' "$srcdir/doc/model-file.md" | tr -d '`"' | sort -u \
    | comm -23 "$work/keys" - | tap_empty "doc/model-file.md names every key"

# The fenced sh blocks of a document, one after the other, in an empty directory that has the
# data sets in data/, as a reader has who stands in the source tree.
tutorial=$srcdir/doc/tutorial.md
if [ -e "$tutorial" ]; then
    mkdir "$work/tutorial" && ln -s "$(cd "$srcdir/data" && pwd)" "$work/tutorial/data"
    awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$tutorial" > "$work/commands"
    (cd "$work/tutorial" && bash -eux -o pipefail "$work/commands" > "$work/log" 2>&1)
    status=$?
    tap $status "the commands of doc/tutorial.md run"
    [ $status = 0 ] || tail -n 20 "$work/log" | sed 's/^/# /'
    options < "$tutorial" | comm -13 "$work/all" - | tap_empty "doc/tutorial.md names no other option"
fi
survey=$srcdir/doc/survey.md
if [ -e "$survey" ]; then
    options < "$survey" | comm -13 "$work/all" - | tap_empty "doc/survey.md names no other option"
    grep -q '^| H8 |.*\*\*' "$survey"
    tap $? "doc/survey.md has a verdict on H8"
fi
tap_done
