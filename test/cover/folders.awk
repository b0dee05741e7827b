# Sums the lines and branches of lcov's tracefile (geninfo(1)) by folder of c_src.
function percent(hit, found) { return found ? 100 * hit / found : 100 }
function print_row(name, l, lf, b, bf)
{
    printf "  %-9s %6d lines, %5.1f %%   %6d branches, %5.1f %%\n", name, lf, percent(l, lf), bf,
        percent(b, bf)
}
BEGIN { FS = "[:,]" }
/^SF:/ {
    folder = $0
    sub(/.*\/c_src\//, "", folder)
    folder = folder ~ /\// ? substr(folder, 1, index(folder, "/") - 1) : "(base)"
    if (!(folder in lf)) order[++count] = folder
    lf[folder] += 0
}
/^DA:/ { lf[folder]++; lines++; if ($3 > 0) { l[folder]++; hit_lines++ } }
/^BRDA:/ { bf[folder]++; branches++; if ($5 ~ /^[1-9]/) { b[folder]++; hit_branches++ } }
END {
    for (i = 1; i <= count; i++) {
        f = order[i]
        print_row(f, l[f], lf[f], b[f], bf[f])
    }
    print_row("total", hit_lines, lines, hit_branches, branches)
}
