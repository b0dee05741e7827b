# Sourced by the scripts in this folder, which are started in any folder.
cd "$(dirname "$0")/../.." || exit
export LC_ALL=C
export UBSAN_OPTIONS=print_stacktrace=1

# Where the inputs of a target are worked on: build/fuzzing/NAME.
work() { printf 'build/fuzzing/%s' "$1"; }

# unpack NAME FOLDER: the kept inputs, and what was found once.
unpack()
{
    mkdir -p "$2"
    [ ! -e "test/fuzz/corpus/$1.tar.gz" ] || tar -xzf "test/fuzz/corpus/$1.tar.gz" -C "$2"
    [ ! -d "test/fuzz/crashes/$1" ] || cp "test/fuzz/crashes/$1"/* "$2"
}

# The line of a target in test/fuzz/targets, without its name.
line_of() { sed -n "s/^$1  *//p" test/fuzz/targets; }

max_len()
{
    max=$(line_of "$1" | sed 's/ .*//')
    echo "${max:-4096}"
}

words_of() { test/fuzz/words $(line_of "$1" | sed 's/^[0-9]*//'); }
