# Prints the links in Markdown files that lead nowhere: to a file that is not there, or to a heading
# that is not in it.  Links with a scheme are not looked at.
#
#     awk -f links.awk FILE...

function folder(path) { return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/)) : "" }

# A/B/../C is A/C.
function simple(path) {
    while (sub(/[^\/.][^\/]*\/\.\.\//, "", path))
        ;
    return path
}

# As GitHub makes an anchor of a heading.
function anchor(heading) {
    gsub(/[^[:alnum:] _-]/, "", heading)
    gsub(/ /, "-", heading)
    return tolower(heading)
}

function exists(path) { return system("test -e '" path "'") == 0 }

function read_headings(file,    line) {
    if (file in read)
        return
    read[file] = 1
    while ((getline line < file) > 0)
        if (sub(/^#+ /, "", line))
            headings[file, anchor(line)] = 1
    close(file)
}

function check(link,    place, parts) {
    if (link ~ /^[a-z]+:/)
        return
    split(link, parts, "#")
    place = parts[1] == "" ? FILENAME : simple(folder(FILENAME) parts[1])
    if (!exists(place))
        print FILENAME ":" FNR ": " link ": there is no " place
    else if (parts[2] != "") {
        read_headings(place)
        if (!((place, parts[2]) in headings))
            print FILENAME ":" FNR ": " link ": " place " has no such heading"
    }
}

# A link may go on in the next line, its place does not.
{
    rest = $0
    while (match(rest, /\]\([^)]*\)/)) {
        check(substr(rest, RSTART + 2, RLENGTH - 3))
        rest = substr(rest, RSTART + RLENGTH)
    }
}
