# shellcheck shell=bash
# Two things compared fairly: both are measured in many short slices by turns, there and back again, each slice with
# processes of its own. A busy moment of the machine hits both, and how the threads happened to lie on the cores, which
# alone makes nng's echo vary by half, decides a slice and not the figure. A figure is the mean of all of its slices.
# Sourced by tools/bench.sh.

declare -A asks # NAME: the command, whose last line is a slice's figure; split at blanks

# slices TIMES NAME...: $WORK/NAME.slices gets a line each time.
slices() {
    local times=$1 turn name back
    shift
    for ((turn = 0; turn < times; turn++)); do
        back=
        for name in "$@"; do back="$name $back"; done
        if ((turn % 2 == 0)); then back="$*"; fi
        for name in $back; do slice "$name"; done
    done
}

slice() {
    local -a ask
    read -ra ask <<<"${asks[$1]}"
    if ! "${ask[@]}" >"$WORK/slice.out" 2>"$WORK/slice.err"; then
        say "$1 failed: ${asks[$1]}"
        cat "$WORK/slice.err" >&2
        return 1
    fi
    tail -n 1 "$WORK/slice.out" >>"$WORK/$1.slices"
}

# Every $WORK/NAME.slices becomes a figure.
slices_join() {
    local file
    for file in "$WORK"/*.slices; do
        [ ! -f "$file" ] || jq -s '
            def mean: add / length;
            map(.calls_per_second // .callsPerSecond) as $rates
            | {perSecond: ($rates | mean), slices: $rates, outstanding: .[0].outstanding,
               workedUsPerCall: (if .[0].worked_us_per_call then
                   (map(.worked_us_per_call * .calls_per_second) | add) / ($rates | add) else null end)}' \
            "$file" >"${file%.slices}.json"
    done
}
