# shellcheck shell=bash
# The tests: gates over the sources, then ctest on builds with and without sanitizers. Sourced by ./dev.
# Always: every suite asked for is run, whatever the ones before it said; the last line sums up and the exit code
# agrees with it. Integration tests find the servers of instance `test`, which stays up for the next run.

FAILURE_LINES=30 # of a failed test's output, shown again at the end: of a long run only the end may be kept
TEST_SUITES="gates lint unit integration faults chaos asan tsan fuzz"
PASSED=0
FAILED=0
FAILED_SUITES=()
ONLY=()

# test_run [SUITE...] [-R REGEX]: without one, all but lint, which takes its time and is asked for. -R: only the test
# programs whose names match.
test_run() {
    local suites=() suite started=$SECONDS
    while [ $# -gt 0 ]; do
        case $1 in
        -R) ONLY=(-R "${2:?-R needs a regular expression}") && shift ;;
        *) suites+=("$1") ;;
        esac
        shift
    done
    [ ${#suites[@]} -gt 0 ] || suites=(gates unit integration faults chaos asan tsan fuzz)
    for suite in "${suites[@]}"; do
        [[ " $TEST_SUITES " == *" $suite "* ]] || usage_error "test: there is no suite '$suite'" test
    done
    tools_install
    mkdir -p "$CLONE/.dev/log" && : >"$CLONE/.dev/log/failed-tests.log"
    for suite in "${suites[@]}"; do "suite_$suite" || FAILED_SUITES+=("$suite"); done
    if [ ${#FAILED_SUITES[@]} -gt 0 ]; then
        sed 's/^/  /' "$CLONE/.dev/log/failed-tests.log" >&2
        say "" "failed: ${FAILED_SUITES[*]}" "again, one suite: ./dev test ${FAILED_SUITES[0]}"
    fi
    say ""
    say "${suites[*]}: $((SECONDS - started)) s"
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
    if [ "$FAILED" -gt 0 ] || [ ${#FAILED_SUITES[@]} -gt 0 ]; then exit 1; fi
}

# --- gates: what can be said of the sources without running them; only the last needs the programs ---

suite_gates() {
    local failed=$FAILED
    gate "format" "$CLONE/tools/format" --check
    gate "layers" "$CLONE/tools/check-layers"
    gate "size" "$CLONE/tools/check-size"
    gate "errors" "$CLONE/tools/check-errors"
    gate "failpoints" "$CLONE/tools/check-failpoints"
    gate "scenarios" "$CLONE/tools/check-scenarios"
    gate "contracts" contracts_lint
    gate "scripts and spelling" "$CLONE/tools/lint" --light
    # Nothing else here is built as it is delivered, where the optimizer sees and warns of more.
    gate "release build" build_preset release
    if test_build dev; then
        gate "configuration page" env ORDER_BIN_DIR="$CLONE/build/dev/bin" "$CLONE/tools/make-configuration" --check
    fi
    [ "$FAILED" -eq "$failed" ]
}

suite_lint() {
    local failed=$FAILED
    test_build dev || return 1
    gate "lint" "$CLONE/tools/lint"
    [ "$FAILED" -eq "$failed" ]
}

gate() {
    local name=$1
    shift
    if step "gate: $name" "$CLONE/.dev/log/gate-${name%% *}.log" "$@"; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
    fi
}

# A build that fails counts as one failed test: what it would have said is not known.
test_build() {
    build "$1" && return
    FAILED=$((FAILED + 1))
    return 1
}

contracts_lint() { cd "$CLONE" && BUF_CACHE_DIR=$CLONE/.dev/buf-cache tools/node_modules/.bin/buf lint; }

# --- ctest ---

suite_unit() { tests_of dev --label-regex '^unit$'; }
suite_integration() { tests_of dev --label-regex '^integration$'; }
suite_faults() { CTEST_PARALLEL_LEVEL=$(nproc) tests_of dev --label-regex '^faults$'; }
suite_chaos() { CTEST_PARALLEL_LEVEL=1 tests_of dev --label-regex '^chaos$'; }
suite_asan() { tests_of asan --label-regex '^(unit|integration)$'; }
# FUZZ_SECONDS (60) for each target, as many at a time as there are processors.
suite_fuzz() { CTEST_PARALLEL_LEVEL=$(nproc) tests_of fuzz --label-regex '^fuzz$'; }
suite_tsan() { tests_of tsan --label-regex '^threads$'; }

# tests_of PRESET SELECTION...
tests_of() {
    local preset=$1 log=$CLONE/.dev/log/ctest-$1.log count=0 status=0
    shift
    set -- "$@" "${ONLY[@]}"
    test_build "$preset" || return 1
    ctest --test-dir "$CLONE/build/$preset" "$@" --show-only >"$log" 2>&1 || true
    count=$(sed -n 's/^Total Tests: //p' "$log")
    [ "${count:-0}" -gt 0 ] || { say "  ..    no tests ($preset: $2)" && return 0; }
    ctest --test-dir "$CLONE/build/$preset" "$@" --print-labels >"$log" 2>&1 || true
    ! grep -qE '^ +(integration|faults|chaos)$' "$log" || test_servers
    test_environment "$preset"
    say "  ..    $count tests ($preset: $2)"
    live ctest_run "$preset" "$log" "$@" || status=$?
    count_tests "$log"
    [ "$status" -eq 0 ] || failures_of "$preset" "$log" >>"$CLONE/.dev/log/failed-tests.log"
    return "$status"
}

# failures_of PRESET LOG: the end of what each failed test printed; of a TAP report from its first "not ok" on.
failures_of() {
    awk -v preset="$1" -v most="$FAILURE_LINES" '
        function flush(   first, last, i) {
            if (name == "") return
            for (i = 1; i <= count && line[i] !~ /^ *not ok/; i++) {}
            first = i <= count ? i : count > most ? count - most + 1 : 1
            last = first + most - 1 < count ? first + most - 1 : count
            print "\n--- " name " (" preset ")"
            for (i = first; i <= last; i++) print substr(line[i], 1, 200)
            name = ""
        }
        /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / || /^ +Start +[0-9]+: / || /% tests passed, / {
            flush()
            if (/\*\*\*/) { name = $0; sub(/^[^:]*: */, "", name); sub(/ \.\.*/, " ", name); count = 0 }
            next
        }
        name != "" { line[++count] = $0 }' "$2"
}

ctest_run() {
    local preset=$1 log=$2
    shift 2
    ctest --test-dir "$CLONE/build/$preset" "$@" --output-on-failure 2>&1 5>&- | tee "$log"
}

count_tests() {
    local failed total
    read -r failed total < <(sed -nE 's/^.*tests passed, ([0-9]+) tests failed out of ([0-9]+)$/\1 \2/p' "$1") || return 0
    PASSED=$((PASSED + total - failed))
    FAILED=$((FAILED + failed))
}

test_servers() {
    [ -z "${TEST_RABBITMQ_URL:-}" ] || return 0
    exec 5>"$CLONE/.dev/log/test.lock"
    flock --nonblock 5 || die "another ./dev test in this clone uses the test servers." "Wait for it, or end it."
    system_up test --backing-only
    remove_leftovers
    export TEST_DATABASE_URL TEST_RABBITMQ_URL TEST_REDIS_SERVER
    TEST_DATABASE_URL=$(postgres_url postgres)
    TEST_RABBITMQ_URL=$RABBITMQ_URL
    TEST_REDIS_SERVER=$(command -v redis-server)
}

# Of tests that were killed: their databases and queues. Nobody else uses them now (the lock).
remove_leftovers() {
    local name
    for name in $(postgres_query "select datname from pg_database where not datistemplate
            and datname not in ('postgres', 'order_template')"); do
        postgres_query "drop database \"$name\" with (force)"
    done
    for name in $(rabbitmqctl -q list_queues --no-table-headers name); do rabbitmqctl -q delete_queue "$name"; done
}

# The contract with the integration tests; a sanitizer's finding in a program they start must be an exit code.
test_environment() {
    export ORDER_BIN_DIR=$CLONE/build/$1/bin ORDER_MIGRATIONS_DIR=$CLONE/migrations
    [ ! -d "$CLONE/../shared/data" ] || export ORDER_SHARED_DATA=$CLONE/../shared/data
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=print_stacktrace=1
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:atexit_sleep_ms=100
    # Most tests wait more than they work, and each has stores of its own.
    export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$(($(nproc) + 1))}
}
