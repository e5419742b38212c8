# shellcheck shell=bash
# How ./dev talks to people: progress of long steps, failures that say what to do, cancelling.
# Sourced by ./dev. Everything goes to stderr, so that `./dev run` leaves stdout to the command it runs.
# Always: a step that is cancelled takes its whole process group with it.

STEP_PID=

# say LINE...
say() { printf '%s\n' "$@" >&2; }

# die WHAT [HINT...]: ends ./dev; the hint lines say what to do about it.
die() {
    say "dev: $1"
    shift
    for hint in "$@"; do say "     $hint"; done
    exit 1
}

# step LABEL LOG COMMAND...: runs COMMAND with its output in LOG and shows that it lives.
# Its status is the command's; a failure shows the last lines of LOG.
step() {
    local label=$1 log=$2 started=$SECONDS status=0
    shift 2
    mkdir -p "${log%/*}"
    # Job control gives the command a process group of its own, to be stopped as a whole.
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    STEP_PID=$!
    set +m
    watch_step "$label" "$log" "$started"
    wait "$STEP_PID" || status=$?
    STEP_PID=
    if [ "$status" -eq 0 ]; then
        end_line "  ok    $label ($((SECONDS - started)) s)"
        return 0
    fi
    end_line "  FAIL  $label ($((SECONDS - started)) s)"
    show_log "$log" 40
    return "$status"
}

# live COMMAND...: runs COMMAND with its output shown as it comes; cancelled like a step.
live() {
    local status=0
    set -m
    "$@" </dev/null &
    STEP_PID=$!
    set +m
    wait "$STEP_PID" || status=$?
    STEP_PID=
    return "$status"
}

# A terminal gets one line that counts; anything else a plain line now and then.
watch_step() {
    local label=$1 log=$2 started=$3 pause=0.05 shown=0 elapsed
    [ -t 2 ] || say "  ..    $label"
    while kill -0 "$STEP_PID" 2>/dev/null; do
        sleep "$pause"
        elapsed=$((SECONDS - started))
        [ "$elapsed" -lt 1 ] || pause=0.25
        if [ -t 2 ]; then
            printf '\r  ..    %s (%s%d s)\033[K' "$label" "$(progress "$log")" "$elapsed" >&2
        elif [ "$((elapsed - shown))" -ge 30 ]; then
            shown=$elapsed
            say "  ..    $label ($(progress "$log")$elapsed s)"
        fi
    done
}

# Of a build, from its log: "312 of 570, ". Of other steps nothing.
progress() {
    tail -c 400 "$1" 2>/dev/null | sed -nE 's/^\[([0-9]+)\/([0-9]+)\] .*/\1 of \2, /p' | tail -n 1 || true
}

end_line() {
    if [ -t 2 ]; then printf '\r\033[K%s\n' "$1" >&2; else say "$1"; fi
}

# Without the lines of a build that went well.
show_log() {
    [ -s "$1" ] || return 0
    say "        the last lines of $1:"
    grep -vE '^\[[0-9]+/[0-9]+\] ' "$1" | tail -n "$2" | cut -c 1-200 | sed 's/^/        | /' >&2
}

# cancel_step: for the INT and TERM traps. Waits, so that nothing outlives ./dev.
cancel_step() {
    [ -n "$STEP_PID" ] || return 0
    kill -TERM -- "-$STEP_PID" 2>/dev/null || true
    for _ in {1..50}; do
        kill -0 -- "-$STEP_PID" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL -- "-$STEP_PID" 2>/dev/null || true
    STEP_PID=
}
