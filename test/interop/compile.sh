# Sourced, in the top folder: compiles the Elixir code of the suites for the
# Erlang that is in the PATH, where a source is newer.
#
# Reads GROVE_PATH, the ebin of the real Grove, instead of the stand-in.

otp=$(erl -noshell -eval 'io:put_chars(erlang:system_info(otp_release)), halt().')
grove=${GROVE_PATH:-build/grove-$otp/ebin}
support=build/interop-$otp/ebin

# compile EBIN FOLDER: in one call of elixirc, if a source is newer.
compile() {
    [ -e "$1/.compiled" ] && [ -z "$(find "$2" -newer "$1/.compiled")" ] && return
    rm -rf "$1" && mkdir -p "$1"
    elixirc --ignore-module-conflict -pa "$grove" -o "$1" $(find "$2" -name '*.ex') || return
    find "$2" -name '*.app' -exec cp {} "$1" \;
    touch "$1/.compiled"
}

[ -n "${GROVE_PATH:-}" ] || compile "$grove" test/interop/grove
