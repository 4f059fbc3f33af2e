# path='cv model mae' awk -f json.awk FILE: print the number, string or word behind a path of
# keys (array elements count from 1) in a JSON file; status 1 when there is none.

{ text = text $0 "\n" }

END {
    depth = 0
    while (match(text, /"([^"\\]|\\.)*"|[][{}:,]|[^][{}:,"[:space:]]+/)) {
        token = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (token == "{" || token == "[") {
            depth++
            list[depth] = token == "["
            key[depth] = 1
        } else if (token == "}" || token == "]") {
            depth--
        } else if (token == ",") {
            if (list[depth])
                key[depth]++
        } else if (token != ":") {
            bare = token
            gsub(/^"|"$/, "", bare)
            if (!list[depth] && text ~ /^[[:space:]]*:/) {
                key[depth] = bare
                continue
            }
            here = key[1]
            for (i = 2; i <= depth; i++)
                here = here " " key[i]
            if (here == ENVIRON["path"]) {
                print bare
                found = 1
                exit
            }
        }
    }
    exit !found
}
