# shellcheck shell=bash
# Processes that outlive the ./dev call that started them, and the instances they belong to.
# Sourced by ./dev. An instance is one private system under .dev/instances/NAME: `main` is the user's, `test`
# and `bench` belong to the commands of these names.
# Always: a process is known by pid, start time and boot, so nothing but what ./dev started is ever stopped.
# Its record is run/PROCESS.pid; its output log/PROCESS.log.

INSTANCES=$CLONE/.dev/instances
# In the order of starting; stopped the other way round.
PROCESSES=(redis epmd rabbitmq postgres order-server order-worker-1 order-worker-2 order-gateway)
STARTED=() # by this very call, in the open instance

# instance_open NAME: sets INSTANCE, DIR and its settings (ports and secrets, chosen once and remembered).
instance_open() {
    [[ $1 =~ ^[a-z0-9][a-z0-9-]{0,15}$ ]] ||
        die "an instance's name is 1 to 16 of a-z, 0-9 and '-', not '$1'."
    INSTANCE=$1
    DIR=$INSTANCES/$1
    [ -f "$DIR/settings" ] || return 1
    # shellcheck source=/dev/null
    . "$DIR/settings"
}

# instance_complete: whether the open instance has all its ports. An older ./dev knew fewer.
instance_complete() {
    [ -n "${GATEWAY_PORT:-}" ] && [ -n "${GATEWAY_OPS_PORT:-}" ] && [ -n "${ORDER_OPS_PORT:-}" ] &&
        [ -n "${WORKER_1_OPS_PORT:-}" ] && [ -n "${WORKER_2_OPS_PORT:-}" ]
}

instance_names() {
    local settings
    for settings in "$INSTANCES"/*/settings; do
        [ ! -f "$settings" ] || basename "${settings%/settings}"
    done
}

# instance_create NAME: opens it, making it first if need be; a remembered port that somebody else took meanwhile
# is replaced. Holds the instance's lock (descriptor 8) until ./dev ends, so two calls do not start it twice.
instance_create() {
    local port process
    mkdir -p "$INSTANCES/$1"/{run,log}
    exec 8>"$INSTANCES/$1/lock"
    flock --wait 300 8 || die "another ./dev has been busy with instance '$1' for 5 minutes." \
        "See what it does, or end it, and try again."
    if ! instance_open "$1"; then
        POSTGRES_PASSWORD=$(random_hex 16)
        RABBITMQ_COOKIE=$(random_hex 16)
    fi
    while read -r port process; do
        if [ -z "${!port:-}" ] || { ! process_alive "$process" && port_taken "${!port}"; }; then
            printf -v "$port" '%d' "$(free_port)"
        fi
    done <<<"REDIS_PORT redis
EPMD_PORT epmd
RABBITMQ_PORT rabbitmq
RABBITMQ_DIST_PORT rabbitmq
POSTGRES_PORT postgres
ORDER_PORT order-server
ORDER_OPS_PORT order-server
WORKER_1_OPS_PORT order-worker-1
WORKER_2_OPS_PORT order-worker-2
GATEWAY_PORT order-gateway
GATEWAY_OPS_PORT order-gateway"
    instance_save
}

instance_save() {
    local name
    for name in REDIS_PORT EPMD_PORT RABBITMQ_PORT RABBITMQ_DIST_PORT POSTGRES_PORT ORDER_PORT ORDER_OPS_PORT \
        WORKER_1_OPS_PORT WORKER_2_OPS_PORT GATEWAY_PORT GATEWAY_OPS_PORT \
        POSTGRES_PASSWORD RABBITMQ_COOKIE; do
        printf '%s=%s\n' "$name" "${!name}"
    done >"$DIR/settings.new"
    chmod 600 "$DIR/settings.new"
    mv "$DIR/settings.new" "$DIR/settings"
}

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# Below the range that the kernel gives to outgoing connections, and not another instance's.
free_port() {
    local port
    for _ in {1..1000}; do
        port=$((20000 + RANDOM % 10000))
        port_taken "$port" && continue
        grep -qs "=$port\$" "$INSTANCES"/*/settings && continue
        echo "$port"
        return
    done
    die "no free port between 20000 and 30000."
}

# Somebody listens (state 0A) on it.
port_taken() { grep -qEs "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$1") [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6; }

# --- processes of the open instance ---

# process_start PROCESS COMMAND...: in a session of its own, so that a terminal's Ctrl-C does not reach it.
process_start() {
    local process=$1 pid
    shift
    # 5, 8 and 9 are locks of this call: a server must not hold them.
    setsid "$@" </dev/null >>"$DIR/log/$process.log" 2>&1 5>&- 8>&- 9>&- &
    pid=$!
    STARTED+=("$process")
    echo "$pid $(start_time "$pid") $(boot_id)" >"$DIR/run/$process.pid"
}

# Field 22 of stat; the second field, the name in parentheses, may hold spaces.
start_time() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    read -r -a stat <<<"${stat##*) }"
    [ "${stat[0]}" = Z ] || echo "${stat[19]}"
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

process_pid() {
    local pid=
    [ ! -f "$DIR/run/$1.pid" ] || read -r pid _ <"$DIR/run/$1.pid"
    echo "$pid"
}

process_alive() {
    local pid start boot
    [ -f "$DIR/run/$1.pid" ] || return 1
    read -r pid start boot <"$DIR/run/$1.pid" || return 1
    [ -n "$start" ] && [ "$boot" = "$(boot_id)" ] && [ "$(start_time "$pid")" = "$start" ]
}

# process_stop PROCESS: asks, waits, and only then insists.
process_stop() {
    local signal=TERM pid
    if process_alive "$1"; then
        pid=$(process_pid "$1")
        [ "$1" != postgres ] || signal=INT # "fast shutdown": does not wait for clients to leave
        kill -"$signal" "$pid" 2>/dev/null || true
        for _ in {1..300}; do
            process_alive "$1" || break
            sleep 0.1
        done
        if process_alive "$1"; then
            say "        $1 (pid $pid) did not stop in 30 s and was killed"
            kill -KILL "$pid" 2>/dev/null || true
        fi
    fi
    rm -f "$DIR/run/$1.pid"
}

# process_wait LABEL PROCESS SECONDS CHECK...: until CHECK succeeds, as long as PROCESS lives.
process_wait() {
    local label=$1 process=$2 limit=$3
    shift 3
    step "$label" "$DIR/run/wait-$process.log" poll "$process" "$limit" "$@" && return
    show_log "$DIR/log/$process.log" 20
    die "$process of instance '$INSTANCE' did not come up." "Its log: $DIR/log/$process.log"
}

poll() {
    local process=$1 end=$((SECONDS + $2))
    shift 2
    until "$@"; do
        process_alive "$process" || { echo "$process has ended" && return 1; }
        [ "$SECONDS" -lt "$end" ] || { echo "$process does not answer" && return 1; }
        sleep 0.1
    done
}

# instance_stop: the open one; says nothing when nothing runs.
instance_stop() {
    local i process running=()
    for ((i = ${#PROCESSES[@]} - 1; i >= 0; i--)); do
        process=${PROCESSES[i]}
        if process_alive "$process"; then running+=("$process"); else rm -f "$DIR/run/$process.pid"; fi
    done
    [ ${#running[@]} -gt 0 ] || return 0
    step "stopping $INSTANCE: ${running[*]}" "$DIR/run/stop.log" processes_stop "${running[@]}"
}

# instance_clear: the open one, stopped; its ports and logs stay.
instance_clear() { rm -rf "$DIR"/{redis,rabbitmq,postgres,run}/*; }

processes_stop() {
    local process
    for process in "$@"; do process_stop "$process"; done
}

# processes_cancel: what this call started goes, nothing else.
processes_cancel() {
    local i
    [ ${#STARTED[@]} -gt 0 ] || return 0
    say "        stopping ${STARTED[*]}"
    for ((i = ${#STARTED[@]} - 1; i >= 0; i--)); do process_stop "${STARTED[i]}"; done
    STARTED=()
}
