# Sourced by run: the file systems, the cases on each, and a coppice on it.
coppice=$(realpath "${COPPICE:-priv/coppice}")
work=$out/work logs=$out
passed=0 failed=0
export COPPICE_COOKIE=secret
mkdir -p "$work"
mount -t tmpfs -o size=800m none "$work" || exit

# --- file systems: each mounts itself on $1, or fails with a reason ------------------

on_image()
{
    kind=$1 at=$2
    shift 2
    command -v "mkfs.$kind" >/dev/null || { echo "no mkfs.$kind"; return 1; }
    truncate -s "${image_size:-64M}" "$at.img" && "mkfs.$kind" "$@" "$at.img" >/dev/null 2>&1 &&
        mount -o "loop${mount_options:+,$mount_options}" "$at.img" "$at" 2>&1
}

mount_ext4() { on_image ext4 "$1" -q -F; }
mount_xfs() { image_size=320M on_image xfs "$1" -q -f; }
mount_btrfs() { image_size=128M on_image btrfs "$1" -q -f; }
mount_tmpfs() { mount -t tmpfs -o size=16m none "$1" 2>&1; }
mount_overlayfs()
{
    mkdir -p "$1.lower" "$1.disk" && mount -t tmpfs -o size=16m none "$1.disk" &&
        mkdir "$1.disk/upper" "$1.disk/work" && mount -t overlay \
        -o "lowerdir=$1.lower,upperdir=$1.disk/upper,workdir=$1.disk/work" overlay "$1" 2>&1
}
mount_fuse()
{
    command -v bindfs >/dev/null || { echo 'no bindfs'; return 1; }
    mkdir -p "$1.disk" && mount -t tmpfs -o size=16m none "$1.disk" && bindfs "$1.disk" "$1" 2>&1
}
mount_fuse_overlayfs()
{
    command -v fuse-overlayfs >/dev/null || { echo 'no fuse-overlayfs'; return 1; }
    mkdir -p "$1.lower" "$1.disk" && mount -t tmpfs -o size=16m none "$1.disk" &&
        mkdir "$1.disk/upper" "$1.disk/work" && fuse-overlayfs \
        -o "lowerdir=$1.lower,upperdir=$1.disk/upper,workdir=$1.disk/work" "$1" 2>&1
}
file_systems='ext4 xfs btrfs tmpfs overlayfs fuse fuse_overlayfs'

# --- a coppice with one replica, stored in $at/t.dets --------------------------------

wait_for()
{
    for _ in $(seq 600); do
        "$@" && return
        sleep 0.05
    done
    echo "waited in vain for: $*"
    return 1
}

has_line() { grep -q "$1" "$2" 2>/dev/null; }

# start [COMMAND...]: with a prefix, such as env.
start()
{
    printf '%s.\n' "{node, 'c@127.0.0.1'}" '{epmd, false}' \
        '{listen, #{port => 0, address => "127.0.0.1"}}' \
        "{replica, count, #{crdt => gcounter, snapshot_interval => 100,
            storage => #{file => \"$at/${file:-t.dets}\"}}}" >"$work/config"
    : >"$work/ready"
    "$@" "$coppice" run -c "$work/config" >"$work/ready" 2>>"$log" </dev/null &
    pid=$!
    wait_for has_line '^ready' "$work/ready" || return
    node=c@127.0.0.1:$(sed 's/.* //' "$work/ready")
}

die() { kill -9 "$pid"; wait "$pid" 2>/dev/null; }
stop() { kill "$pid"; wait "$pid" || { echo "exit code $?"; return 1; }; }

# Each mutation is counted in $acknowledged, or its refusal is in $refusal.
add()
{
    for _ in $(seq "${1:-1}"); do
        refusal=$("$coppice" mutate "$node" count increment 2>&1 >/dev/null) || return
        acknowledged=$((acknowledged + 1))
    done
}

adds_again() { add 1; }
value() { "$coppice" value "$node" count 2>&1; }

# Everything that was acknowledged, and nothing else but what was refused last.
has_all()
{
    have=$(value)
    [ "$have" -ge "$acknowledged" ] && [ "$have" -le $((acknowledged + ${1:-0})) ] && return
    echo "the value is $have, $acknowledged were acknowledged"
    return 1
}

# refuses REASON [COMMAND...]: sooner or later; the command is run before every fifty mutations.
refuses()
{
    reason=$1
    shift
    while "${@:-true}" && add 50; do
        [ "$acknowledged" -lt 5000 ] || { echo "never refused with $reason"; return 1; }
    done
    case $refusal in
    *$reason*) return 0 ;;
    *) echo "refused with $refusal, not with $reason"; return 1 ;;
    esac
}

# The same, and reading goes on.
add_until()
{
    refuses "$@" || return
    [ "$(value)" = "$acknowledged" ] && return
    echo "the value is $(value), not $acknowledged"
    return 1
}

# The table, read by OTP's dets, without repair.
in_dets()
{
    erl -noshell -eval '
        [File] = init:get_plain_arguments(),
        {ok, T} = dets:open_file(t, [{file, File}, {access, read}, {repair, false}]),
        [{_, #{counts := Counts}}] = dets:foldl(fun(R, All) -> [R | All] end, [], T),
        io:format("~b", [lists:sum(maps:values(Counts))]), halt().' \
        -extra "$at/${file:-t.dets}" 2>&1
}

# The last snapshot has everything: the program has ended in order.
in_table()
{
    found=$(in_dets)
    [ "$found" = "$acknowledged" ] || { echo "dets reads $found, not $acknowledged"; return 1; }
}

# Again and again: a snapshot that could not be written gives its blocks back, and a file system
# those that it had reserved in vain.  Then the next snapshot succeeds, and takes the place of the
# journal.
fill()
{
    for size in 64k 1k; do
        dd if=/dev/zero of="$at/filling" bs=$size oflag=append conv=notrunc 2>/dev/null
    done
    sync -f "$at" || true
}

is_a_letter() { [ "$(head -c 8 "$at/t.dets")" = 'a letter' ]; }
is_a_table() { ! is_a_letter; }

# --- cases: each prints what is wrong, and fails -------------------------------------

# Killed right after an answer, again and again.
killed()
{
    start && add 5 || return
    # A forked child that writes a snapshot holds the lock a little longer.
    for _ in 1 2 3 4; do
        die
        start && wait_for adds_again && has_all && add 7 || return
    done
    stop && in_table
}

# The table is replaced by another file with the same contents, and by something else.
replaced()
{
    start && add 5 && wait_for test -e "$at/t.dets" || return
    cp "$at/t.dets" "$at/copy" && mv "$at/copy" "$at/t.dets" && add 5 || return
    rm "$at/t.dets" && echo 'a letter' >"$at/t.dets" && add 5 || return
    wait_for is_a_table || return
    die
    start && wait_for adds_again && has_all && stop && in_table
}

full()
{
    [ "$at" = "$work/fuse_overlayfs_full" ] && skip 'fuse-overlayfs 1.10 itself never returns'
    start && add 5 || return
    add_until enospc fill || return
    die
    start || return
    wait_for has_all 1 || return
    rm -f "$at/filling"
    acknowledged=$(value)
    wait_for adds_again && has_all && stop && in_table
}

# The folder is covered by a read-only view of itself: nothing new can be opened for writing.
covered()
{
    mkdir -p "$at.view"
    start && add 5 && mount --bind "$at" "$at.view" && mount -o remount,bind,ro "$at.view" &&
        mount --bind "$at.view" "$at" || return
    add 5
    has_all || return
    die
    start || return
    ! add || { echo 'a mutation where nothing can be written'; return 1; }
    umount "$at"
    wait_for adds_again && has_all 1 && acknowledged=$(value) && stop && in_table
}

long_name()
{
    file=$(printf '%0250d.dets' 0)
    start && refuses enametoolong || return
    [ "$("$coppice" ping "$node")" = pong ]
}

no_folder_sync()
{
    preloaded=$work/no_folder_sync.so
    gcc -shared -fPIC -D_GNU_SOURCE -o "$preloaded" test/disks/no_folder_sync.c || return
    for _ in 1 2 3; do
        start env LD_PRELOAD="$preloaded" && wait_for adds_again && has_all &&
            add 5 || return
        die
    done
    start && wait_for adds_again && has_all && stop && in_table
}

# ext4 notices an error of its own and makes itself read-only, with files open.
turned_read_only()
{
    device=$(losetup -n -O NAME -j "$at.img")
    trigger=/sys/fs/ext4/$(basename "$device")/trigger_fs_error
    [ -w "$trigger" ] || skip "no $trigger"
    mount -o remount,errors=remount-ro "$at" && start && add 5 || return
    echo 'a test of coppice' >"$trigger"
    add_until erofs || return
    die
    umount "$at"
    e2fsck -fy "$at.img" >/dev/null 2>&1
    mount -o loop "$at.img" "$at" || return
    start && wait_for has_all 1 && acknowledged=$(value) && add 5 && stop && in_table
}

# xfs gives up, as after an error of its log's device, and lets nothing be read any more.
shut_down()
{
    command -v xfs_io >/dev/null || skip 'no xfs_io'
    start && add 5 && xfs_io -x -c shutdown "$at" || return
    refuses eio || return
    die
    umount "$at" && mount -o loop "$at.img" "$at" || return
    start && wait_for has_all 1 && acknowledged=$(value) && add 5 && stop && in_table
}

few_inodes()
{
    start && add 5 || return
    n=0
    while touch "$at/file$n" 2>/dev/null; do n=$((n + 1)); done
    add 5
    has_all 1 || return
    die
    start || return
    wait_for has_all 1 || return
    rm -f "$at"/file*
    acknowledged=$(value)
    wait_for adds_again && add 5 && has_all && stop && in_table
}

over_quota()
{
    btrfs quota enable "$at" 2>/dev/null && btrfs qgroup limit 24M "$at" || skip 'no quotas'
    start && add 5 || return
    dd if=/dev/zero of="$at/filling" bs=64k 2>/dev/null
    sync -f "$at"
    # The value may be refused, too, until then: btrfs does not always sync what was written.
    refuses edquot || return
    rm -f "$at/filling"
    sync -f "$at"
    wait_for adds_again && has_all && stop && in_table
}

# The device has no room for blocks that the file system believes to have: an error of the device.
thin_device()
{
    start && add 5 || return
    dd if=/dev/zero of="$at.thin/filling" bs=64k 2>/dev/null
    dd if=/dev/zero of="$at/filling" bs=64k count=128 2>/dev/null
    add_until e || return
    die
    umount "$at"
    rm "$at.thin/filling"
    e2fsck -fy "$at.thin/img" >/dev/null 2>&1
    mount -o loop "$at.thin/img" "$at" || return
    start && wait_for has_all 1 && acknowledged=$(value) && add 5 && stop && in_table
}

# The process that serves the file system is killed, and comes back.
without_server()
{
    umount "$at"
    bindfs -f "$at.disk" "$at" &
    server=$!
    wait_for mountpoint -q "$at" && start && add 5 || return
    kill -9 $server
    ! add || { echo 'a mutation where nothing can be written'; return 1; }
    umount -l "$at" && bindfs "$at.disk" "$at" || return
    wait_for adds_again && has_all && add 5 && die
    start && has_all && stop && in_table
}

# --- running them --------------------------------------------------------------------

# Names: the file system, and the case.
all_cases()
{
    for fs in $file_systems; do
        for what in killed replaced full covered; do echo "$fs/$what"; done
    done
    echo 'ext4/long_name ext4/no_folder_sync ext4/turned_read_only ext4_small/few_inodes'
    echo 'xfs/shut_down btrfs/over_quota ext4_thin/thin_device fuse/without_server'
}

mount_ext4_small() { image_size=16M on_image ext4 "$1" -q -F -N 64; }
mount_ext4_thin()
{
    mkdir -p "$1.thin" && mount -t tmpfs -o size=12m none "$1.thin" || return
    truncate -s 64M "$1.thin/img" && mkfs.ext4 -q -F "$1.thin/img" &&
        mount -o loop,errors=remount-ro "$1.thin/img" "$1" 2>&1
}

wanted()
{
    case_name=$1
    shift
    [ $# -eq 0 ] && return
    for text; do
        case $case_name in *"$text"*) return 0 ;; esac
    done
    return 1
}

# In the subshell of a case.
skip() { echo "$1"; exit 77; }

try_case()
{
    at=$work/$(echo "$1" | tr / _) log=$logs/$(echo "$1" | tr / _).log acknowledged=0
    mkdir -p "$at"
    why=$("mount_${1%/*}" "$at") || {
        printf '  skip  %s: %s\n' "$1" "$why"
        return
    }
    # Nothing of it is left, however it ends.
    said=$(pid= && trap 'kill -9 $pid 2>/dev/null' EXIT && "${1#*/}" 2>&1)
    case $? in
    0)  passed=$((passed + 1))
        printf '  ok    %s\n' "$1" ;;
    77) printf '  skip  %s: %s\n' "$1" "$said" ;;
    *)  failed=$((failed + 1))
        printf '  FAIL  %s\n' "$1"
        echo "$said" | sed 's/^/        /'
        tail -n 5 "$log" | cut -c 1-200 | sed 's/^/        /' ;;
    esac
    umount -l "$at" "$at.view" "$at.disk" "$at.thin" 2>/dev/null
    rm -f "$at.img"
}
