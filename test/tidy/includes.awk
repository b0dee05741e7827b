# Prints every #include in c_src that breaks the layer rule: a folder may include
# itself, the folders listed for it in `layers`, the first file given, and the system
# headers listed below.

BEGIN {
    everybody = "err.h mem.h limits.h sorted.h"

    # None of these gives access to a clock, randomness, files or sockets.
    pure = "ctype.h endian.h float.h inttypes.h limits.h malloc.h math.h stdarg.h stdbool.h " \
           "stddef.h stdint.h stdio.h stdlib.h string.h sysexits.h"
    system_of["term"] = pure " ei.h zlib.h openssl/bn.h openssl/crypto.h openssl/evp.h " \
                        "openssl/md5.h"
    system_of["dist"] = pure " openssl/crypto.h"
    system_of["store"] = pure " errno.h zlib.h"
}

# FOLDER: THE FOLDERS THAT IT MAY USE
FILENAME ~ /layers$/ {
    if ($0 !~ /^#/ && split($0, row, ": *") == 2)
        folders[row[1]] = row[1] " " row[2]
    next
}

FNR == 1 {
    split(FILENAME, part, "/")
    folder = part[3] == "" ? "" : part[2]
}

function listed(word, list)
{
    return index(" " list " ", " " word " ") > 0
}

# The folder of c_src that an included "name" is in; "" for c_src itself, "?" for
# anything else.
function folder_of(name,    path)
{
    path = FILENAME
    sub(/[^\/]*$/, name, path)
    while (match(path, /[^\/.]+\/\.\.\//))
        path = substr(path, 1, RSTART - 1) substr(path, RSTART + RLENGTH)
    if (path ~ /^c_src\/[^\/]+\.h$/)
        return ""
    if (path ~ /^c_src\/([^\/]+\/)+[^\/]+\.h$/) {
        split(path, part, "/")
        return part[2]
    }
    return "?"
}

function ours_allowed(name,    target)
{
    if (folder == "lib" && name == "../../include/coppice.h")
        return 1
    target = folder_of(name)
    sub(/.*\//, "", name)
    if (target == "")
        return listed(name, everybody)
    return folder != "" && listed(target, folders[folder])
}

function system_allowed(name)
{
    if (name == "ei.h")
        return folder == "term"
    if (folder == "net" || folder == "cli" || folder == "lib")
        return 1
    return listed(name, folder in system_of ? system_of[folder] : pure)
}

/^[ \t]*#[ \t]*include/ {
    name = $0
    sub(/^[^<"]*[<"]/, "", name)
    sub(/[>"].*/, "", name)
    if (!($0 ~ /</ ? system_allowed(name) : ours_allowed(name)))
        print FILENAME ":" FNR ": may not include " name
}
