#!/bin/bash
# The floors of the house (doc/architecture.md): a file includes its own room and lower floors.
# Rooms on one floor do not include one another, so neither do the three stages.

srcdir=${srcdir:-.}
. "$srcdir/tests/support/tap.sh"
cd "$srcdir" || exit 99

declare -A floor=(
    [core]=0 [engine]=1 [data]=2 [maker]=2 [draw]=2 [schema]=3 [measure]=3
    [partition]=4 [expert]=4 [gate]=4 [model]=5 [fit]=6 [family]=7 [study]=8
)
# The rooms of public headers that have another name.
declare -A public=(
    [status]=core [matrix]=core [gsl]=core [rows]=core [version]=core [table]=data [text]=data [data]=schema
    [assignment]=expert [left_out]=expert [options]=model [posteriors]=model [predict]=model [predictions]=model [report]=fit [cross_validation]=study [compare]=study [significance]=study [survey]=study [verdict]=study
)

# The sub-rooms of a room that share its files; every other sub-room is a kind's, and its own affair.
declare -A shared=([expert/forms]=1 [gate/softmax]=1)

room_of_header() # lib-relative path, or mele/NAME.h
{
    local name=${1%.h}
    case $1 in
    mele/*) name=${name#mele/}; echo "${public[$name]:-$name}" ;;
    *) echo "${1%%/*}" ;;
    esac
}

includes() # FILE: what it includes of the project, without the marks around it
{
    sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]([^">]+)[">].*/\1/p' "$1"
}

# What one file includes and must not.
too_high()
{
    local file=$1 room=$2 header there
    includes "$file" | while read -r header; do
        there=$(room_of_header "$header")
        [ -n "${floor[$there]-}" ] || continue # a system header
        [ "$there" = "$room" ] && continue
        [ "${floor[$there]}" -lt "${floor[$room]}" ] || echo "$file includes $header"
    done
}

# LIB-RELATIVE PATH: the sub-room, such as expert/linear; nothing where the file is in none
sub_room()
{
    case $1 in
    mele/*) ;;
    */*/*) echo "${1%/*}" ;;
    esac
}

# What a file includes of other sub-rooms and must not: a kind's sub-room is included by nobody
# else, a shared one by sub-rooms only.
across()
{
    local file=$1 from there header
    from=$(sub_room "${file#lib/}")
    includes "$file" | while read -r header; do
        there=$(sub_room "$header")
        [ -n "$there" ] && [ -d "lib/$there" ] && [ "$there" != "$from" ] || continue
        [ -n "${shared[$there]-}" ] && [ -n "$from" ] && [ "${from%%/*}" = "${there%%/*}" ] \
            || echo "$file includes $header"
    done
}

for directory in lib/*/; do
    room=$(basename "$directory")
    [ "$room" = mele ] && continue
    [ -n "${floor[$room]-}" ] || echo "$directory has no floor in tests/check-layers.sh"
done | tap_empty "every room has a floor"

for file in lib/mele/*.h; do
    room=$(room_of_header "${file#lib/}")
    [ "$room" = mele ] || [ -n "${floor[$room]-}" ] || echo "$file belongs to no room of tests/check-layers.sh"
done | tap_empty "every public header has a room"

for room in "${!floor[@]}"; do
    find "lib/$room" -name '*.[ch]' 2>/dev/null | while read -r file; do too_high "$file" "$room"; done
done | sort | tap_empty "private files include downwards"

find lib -name '*.[ch]' | sort | while read -r file; do
    across "$file"
done | tap_empty "no file includes from a kind's sub-room but its own"

for file in lib/mele/*.h; do
    [ "$file" = lib/mele/mele.h ] || too_high "$file" "$(room_of_header "${file#lib/}")"
done | tap_empty "public headers include downwards"

find lib -mindepth 2 -name '*.[ch]' | sort | while read -r file; do
    includes "$file" | grep -x 'mele/mele\.h' | sed "s|^|$file includes |"
done | tap_empty "nothing else in lib includes the umbrella"

for file in lib/mele/*.h; do
    includes "$file" | grep / | grep -v '^mele/\|^gsl/' | sed "s|^|$file includes |"
done | tap_empty "public headers include no private ones"

for file in bin/*.c bin/*/*.[ch] doc/examples/*.c; do
    [ -e "$file" ] || continue
    includes "$file" | while read -r header; do
        case $header in
        mele/* | cli/* | sys/* | gsl/*) ;;
        */*) echo "$file includes $header" ;;
        esac
    done
done | tap_empty "programs stand on the public headers only"
tap_done
