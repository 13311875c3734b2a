#!/bin/bash
# Starts the service from the folder it is called in, as the only server of its work directory, and stops it gracefully.
# Arguments go to the server. Settings, each by an environment variable:
#   DQMGUI_WORK_DIR      index and logs of the server (data, in the folder it is called in)
#   DQMGUI_PORT          8889
#   DQMGUI_KERBEROS      no ticket: required stops · warn goes on · off does not try · auto (default): required where /eos is there, else warn
#   DQMGUI_LOCK_SECONDS  how long to wait for another server of the work directory to end (120)
#   DQMGUI_STOP_SECONDS  how long the server may take to stop (45: below the 60 s that the chart gives the pod)
#   VO_CMS_SW_DIR        where CMSSW is (/cvmfs/cms.cern.ch)
set -euo pipefail

app_dir=$PWD
scripts_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work_dir=${DQMGUI_WORK_DIR:-$app_dir/data}
port=${DQMGUI_PORT:-8889}
kerberos=${DQMGUI_KERBEROS:-auto}
lock_seconds=${DQMGUI_LOCK_SECONDS:-120}
stop_seconds=${DQMGUI_STOP_SECONDS:-45}
lock_file=$work_dir/.newdqmgui.lock
export VO_CMS_SW_DIR=${VO_CMS_SW_DIR:-/cvmfs/cms.cern.ch}
# The server must find the ticket where monitor.sh puts it.
export KRB5CCNAME=${KRB5CCNAME:-FILE:/tmp/krb5cc_$(id -u)}

starting=""
child=""
stopper=""
watcher=""
stopping=""

fail() {
    printf 'ERROR %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  next: %s\n' "$2" >&2
    exit 1
}

check_settings() {
    local name
    for name in port lock_seconds stop_seconds; do
        [[ ${!name} =~ ^[0-9]+$ ]] || fail "DQMGUI_${name^^} is not a number: ${!name}"
    done
    case $work_dir in
        /*) ;;
        *) fail "DQMGUI_WORK_DIR is not an absolute path: $work_dir" ;;
    esac
    case $kerberos in
        required | warn | off) ;;
        auto) if [ -d /eos ]; then kerberos=required; else kerberos=warn; fi ;;
        *) fail "DQMGUI_KERBEROS is none of auto, required, warn and off: $kerberos" ;;
    esac
    [ -f "$app_dir/scripts/dqmgui.sh" ] ||
        fail "$app_dir has no scripts/dqmgui.sh: is it the folder of the service, and does a volume hide it?"
}

holder() {
    head -n 1 "$lock_file" 2>/dev/null | tr -cd '[:print:]' | cut -c 1-200
}

# One writer of the index. Kubernetes may run two pods for a while (eviction, drain, a lost node); the lock holds across nodes
# where the work directory is a share that knows flock, as CephFS does. The kernel lets go of it when its holder is gone.
take_lock() {
    local until=$((SECONDS + lock_seconds)) status said=""
    mkdir -p -- "$work_dir" || fail "the work directory cannot be made: $work_dir"
    if ! { exec 9<>"$lock_file"; } 2>/dev/null; then
        fail "the lock cannot be opened for writing: $lock_file" "is the volume read-only, full, or another user's?"
    fi
    while true; do
        status=0
        flock --nonblock --conflict-exit-code 75 9 || status=$?
        case $status in
            0) break ;;
            75) ;;
            *) fail "the file system of $work_dir cannot lock a file, so nothing keeps a second server away" "take a volume that knows flock" ;;
        esac
        if [ "$SECONDS" -ge "$until" ]; then
            fail "$work_dir is in use: $(holder), and was not let go within $lock_seconds s. Two servers of one index would spoil it" \
                "wait until that one has ended, or end it: kubectl -n dqm get pods -l app=newdqmgui -o wide"
        fi
        [ -n "$said" ] || echo "INFO $work_dir is in use: $(holder); waiting up to $lock_seconds s"
        said=yes
        sleep 0.5
    done
    # Told to whoever waits; the lock itself does not depend on it, so a full disk may not stop a server that only reads.
    printf '%s, process %s, since %s\n' "$(uname -n)" "$$" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$lock_file" ||
        echo "WARNING cannot write who holds it into $lock_file" >&2
}

source_cmssw() {
    local setup=$VO_CMS_SW_DIR/cmsset_default.sh
    if [ ! -r "$setup" ]; then
        echo "WARNING no CMSSW: $setup is not there. Is CVMFS mounted? The build decides whether it can do without" >&2
        return
    fi
    # It is not written for these options.
    set +eu
    # shellcheck source=/dev/null
    source "$setup"
    set -eu
}

# None of the ticket's processes may hold the lock: they can outlive the server.
get_ticket() {
    if [ "$kerberos" = off ]; then
        echo "INFO no Kerberos: DQMGUI_KERBEROS is off"
    elif "$scripts_dir/monitor.sh" 9>&-; then
        "$scripts_dir/monitor.sh" watch 9>&- &
        watcher=$!
    elif [ "$kerberos" = required ]; then
        fail "no Kerberos ticket, and without one every histogram on EOS is missing" \
            "mend what is said above, or start without EOS: DQMGUI_KERBEROS=warn"
    else
        echo "WARNING going on without a Kerberos ticket: files on EOS cannot be read" >&2
    fi
}

# The service's own script stays as a shell above the server, and a shell that waits neither passes a signal on nor
# outlives it. So the signal goes to what the shell waits for.
signal_target() {
    local program below
    program=$(readlink "/proc/$child/exe" || true)
    case ${program##*/} in
        bash | sh | dash)
            below=$(pgrep -P "$child" | head -n 1)
            printf '%s' "${below:-$child}"
            ;;
        *) printf '%s' "$child" ;;
    esac
}

# Once to each process, since a second SIGTERM breaks a graceful stop off; the shell may have gone on to another one meanwhile.
end_child() {
    local until=$((SECONDS + stop_seconds)) target told=""
    while kill -0 "$child" 2>/dev/null; do
        if [ "$SECONDS" -ge "$until" ]; then
            echo "WARNING not stopped within $stop_seconds s: killed" >&2
            kill -KILL -- "-$child" 2>/dev/null || true
            return
        fi
        target=$(signal_target)
        if [ "$target" != "$told" ]; then
            kill -TERM "$target" 2>/dev/null || true
            told=$target
        fi
        sleep 0.2
    done
}

stop() {
    [ -z "$stopping" ] || return 0
    stopping=yes
    echo "INFO told to stop"
    # Between the start of a child and the note of its number, run_child itself goes on from here.
    [ -z "$starting" ] || return 0
    [ -n "$child" ] || exit 0
    begin_stop
}

begin_stop() {
    end_child 9>&- &
    stopper=$!
}

# A process group of its own, so that a signal for this script does not also strike the renderers while the server still needs them.
run_child() {
    local status=0
    starting=yes
    setsid "$@" &
    child=$!
    starting=""
    [ -z "$stopping" ] || begin_stop
    wait "$child" || status=$?
    # A signal ends `wait` early.
    while kill -0 "$child" 2>/dev/null; do
        status=0
        wait "$child" || status=$?
    done
    sweep
    child=""
    return "$status"
}

# What the server left behind, such as renderers, must not go on writing once the lock is free.
sweep() {
    kill -TERM -- "-$child" 2>/dev/null || return 0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.2
        kill -0 -- "-$child" 2>/dev/null || return 0
    done
    kill -KILL -- "-$child" 2>/dev/null || true
}

end_helpers() {
    local keeper
    keeper=$(cat "${KRB5CCNAME#FILE:}.k5start.pid" 2>/dev/null || true)
    if [ -n "$watcher" ] && [ -n "$keeper" ]; then
        kill "$keeper" 2>/dev/null || true
    fi
    for process in $watcher $stopper; do
        pkill -P "$process" 2>/dev/null || true
        kill "$process" 2>/dev/null || true
    done
}

build() {
    local status=0
    echo "INFO building"
    run_child ./scripts/build.sh || status=$?
    [ -z "$stopping" ] || exit 0
    [ "$status" -eq 0 ] || fail "scripts/build.sh ended with $status: the server is not started"
    echo "INFO built, $SECONDS s after the start"
}

serve() {
    local status=0
    echo "INFO starting the server on port $port, work directory $work_dir"
    cd scripts
    run_child ./dqmgui.sh -p "$port" -d "$work_dir" "$@" || status=$?
    if [ -n "$stopping" ]; then
        echo "INFO the server has stopped ($status)"
        # 143: ended by SIGTERM before it knew how to stop gracefully.
        [ "$status" -ne 143 ] || status=0
        return "$status"
    fi
    echo "ERROR the server ended by itself with $status" >&2
    # The container must end as failed, whatever the server thinks.
    [ "$status" -ne 0 ] || status=1
    return "$status"
}

trap end_helpers EXIT
trap stop TERM INT HUP
check_settings
take_lock
source_cmssw
get_ticket
build
serve "$@"
