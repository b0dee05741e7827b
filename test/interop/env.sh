# Sourced, in the top folder, by every script that runs Elixir nodes.  Compiles
# the Elixir code and starts an epmd on a port of its own, so that the nodes
# stay apart from any others on this machine.  Reads GROVE_PATH, as compile.sh.

. test/interop/compile.sh

# Lets the suites stop an epmd while nodes are registered with it.
export ERL_EPMD_RELAXED_COMMAND_CHECK=1

# Tries ports below the ephemeral range.
start_epmd() {
    for try in 1 2 3 4 5 6 7 8 9; do
        ERL_EPMD_PORT=$((10000 + ($$ * 31 + try * 977) % 20000))
        export ERL_EPMD_PORT
        epmd -names >/dev/null 2>&1 && continue
        epmd -address 127.0.0.1 2>/dev/null &
        epmd=$!
        trap 'kill $epmd 2>/dev/null' EXIT
        trap 'exit 130' INT TERM
        until epmd -names >/dev/null 2>&1; do
            kill -0 $epmd 2>/dev/null || continue 2
        done
        return
    done
    echo "no port is free for an epmd" >&2
    return 1
}

# beam NAME ARG...: runs an Elixir node with Grove and the support code.
beam() {
    name=$1
    shift
    elixir --name "$name@127.0.0.1" --cookie "$cookie" \
        --erl "-start_epmd false" -pa "$grove" -pa "$support" "$@"
}

cookie=cookie_of_the_suites
compile "$support" test/interop/support
start_epmd
