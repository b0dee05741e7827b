# Prints every call that breaks the layer rule: a symbol used in one folder and defined in
# another that `layers`, the first file, does not allow it.  The other files have lines of
#
#     FOLDER OBJECT: SYMBOL TYPE ...        (nm -A -P -g)

FILENAME ~ /layers$/ {
    if ($0 !~ /^#/ && split($0, row, ": *") == 2)
        may[row[1]] = " " row[2] " "
    next
}

$4 == "U" {
    uses[++count] = $1 " " $2 " " $3
    next
}

{ defined[$3] = $1 }

END {
    for (i = 1; i <= count; i++) {
        split(uses[i], use, " ")
        target = defined[use[3]]
        if (target != "" && target != use[1] && index(may[use[1]], " " target " ") == 0)
            print use[2] " uses " use[3] "() of " target
    }
}
