# Data files as C: awk -f tables.awk FILE.csv... writes lib/study/tables.c, the tables that tables.h declares.
#
# Cells have no commas and no line ends in them. A column is numbers where all its cells look like one, and they
# are copied as they stand; else text, whose cells become the places of its levels, sorted bytewise.

# A string of C; awks differ in what gsub() makes of backslashes.
function text(cell,    i, c, out)
{
    for (i = 1; i <= length(cell); i++)
        out = out ((c = substr(cell, i, 1)) == "\\" ? "\\\\" : c)
    return "\"" out "\""
}

# The levels of column j: level[0] ..; returns their number.
function sort_levels(j,    r, n, at, i, seen, moved)
{
    n = 0
    split("", seen)
    for (r = 1; r <= rows; r++)
        if (!((moved = cell[r, j]) in seen)) {
            seen[moved] = 1
            for (i = n++; i > 0 && level[i - 1] "" > moved ""; i--)
                level[i] = level[i - 1]
            level[i] = moved
        }
    for (i = 0; i < n; i++)
        place[j, level[i]] = i
    return n
}

function print_levels(name, j,    n, i)
{
    n = sort_levels(j)
    printf "static const char *const %s_level_%d[] = {", name, j
    for (i = 0; i < n; i++)
        printf "%s, ", text(level[i])
    print "NULL};"
}

function print_table(name,    r, j)
{
    for (j = 1; j <= columns; j++)
        if (!number[j])
            print_levels(name, j)
    printf "static const char *const %s_column[] = {", name
    for (j = 1; j <= columns; j++)
        printf "%s%s", text(header[j]), j < columns ? ", " : "};\n"
    printf "static const char *const *const %s_levels[] = {", name
    for (j = 1; j <= columns; j++)
        printf "%s%s", number[j] ? "NULL" : name "_level_" j, j < columns ? ", " : "};\n"
    printf "static const double %s_value[] = {\n", name
    for (r = 1; r <= rows; r++)
        for (j = 1; j <= columns; j++)
            printf "%s,%s", number[j] ? cell[r, j] : place[j, cell[r, j]], j < columns ? " " : "\n"
    print "};\n"
    known[++tables] = name
    known_rows[tables] = rows
    known_columns[tables] = columns
}

function finish()
{
    if (rows > 0)
        print_table(base)
}

BEGIN {
    FS = ","
    print "/* Made by lib/study/tables.awk of the files in data/. */"
    print "#include \"study/tables.h\"\n"
    print "#include <string.h>\n"
}

{ sub(/\r$/, "") }

FNR == 1 {
    finish()
    base = FILENAME
    sub(/.*\//, "", base)
    sub(/\.csv$/, "", base)
    rows = 0
    columns = NF
    for (j = 1; j <= NF; j++) {
        gsub(/"/, "", $j)
        header[j] = $j
        number[j] = 1
    }
    next
}

{
    rows++
    for (j = 1; j <= columns; j++) {
        gsub(/"/, "", $j)
        cell[rows, j] = $j
        if ($j !~ /^-?(0|[1-9][0-9]*)?(\.[0-9]+)?([eE][-+]?[0-9]+)?$/ || $j == "")
            number[j] = 0
    }
}

END {
    finish()
    print "static const mele_i_table tables[] = {"
    for (i = 1; i <= tables; i++)
        printf "    {\"%s\", %d, %d, %s_column, %s_levels, %s_value},\n", known[i], known_rows[i], known_columns[i],
            known[i], known[i], known[i]
    print "};\n"
    print "const mele_i_table *mele_i_table_named(const char *name)"
    print "{"
    print "    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)"
    print "        if (strcmp(tables[i].name, name) == 0)"
    print "            return &tables[i];"
    print "    return NULL;"
    print "}"
}
