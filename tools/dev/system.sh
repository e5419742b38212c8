# shellcheck shell=bash
# The order system itself: one order-server, two order-workers and an order-gateway on an instance's services, and the environment
# through which everything finds them. Sourced by ./dev.

SYSTEM_PRESET=${ORDER_PRESET:-dev}
UP_COMPLETE=

# endpoints_export: the contract between ./dev and every program that it starts.
endpoints_export() {
    local socket=$DIR/run/order.sock tcp=tcp://127.0.0.1:$ORDER_PORT
    export DATABASE_URL REDIS_URL RABBITMQ_URL ORDER_SERVER_LISTEN ORDER_ENDPOINT
    export ORDER_GATEWAY_LISTEN=127.0.0.1:$GATEWAY_PORT
    export ORDER_GATEWAY_OPERATIONS_LISTEN=127.0.0.1:$GATEWAY_OPS_PORT
    export ORDER_INSTANCE=$INSTANCE
    # For rabbitmqctl and its kin, which ask the node itself.
    export RABBITMQ_NODENAME=order-$INSTANCE@localhost ERL_EPMD_PORT=$EPMD_PORT
    export RABBITMQ_CTL_ERL_ARGS="-setcookie $RABBITMQ_COOKIE"
    DATABASE_URL=$(postgres_url orders)
    REDIS_URL=redis://127.0.0.1:$REDIS_PORT
    RABBITMQ_URL=amqp://guest:guest@127.0.0.1:$RABBITMQ_PORT/
    # A socket's path has at most 107 bytes.
    if [ ${#socket} -le 100 ]; then
        ORDER_SERVER_LISTEN=$tcp,ipc://$socket
        ORDER_ENDPOINT=ipc://$socket
    else
        ORDER_SERVER_LISTEN=$tcp
        ORDER_ENDPOINT=$tcp
    fi
}

path_export() {
    export ORDER_BIN_DIR=$CLONE/build/$SYSTEM_PRESET/bin
    PATH=$ORDER_BIN_DIR:$CLONE/tools/node_modules/.bin:$(rabbitmq_bin):$PATH
    export PATH
}

# system_up NAME [--backing-only]: everything, or only the services. Instance `test` gets a template database
# instead of a database: each test makes its own.
system_up() {
    instance_create "$1"
    endpoints_export
    path_export
    services_start
    tools_install
    [ "${2:-}" = --backing-only ] || build "$SYSTEM_PRESET" || exit 1
    services_wait
    if [ "$INSTANCE" = test ]; then migrate_template; else migrate orders; fi
    [ "${2:-}" = --backing-only ] || programs_start
    UP_COMPLETE=yes
    exec 8>&-
}

programs_start() {
    local worker port
    ORDER_SERVER_OPS_LISTEN=127.0.0.1:$ORDER_OPS_PORT program_start order-server order-server
    for worker in 1 2; do
        port=WORKER_${worker}_OPS_PORT
        ORDER_WORKER_OPS_LISTEN=127.0.0.1:${!port} program_start "order-worker-$worker" order-worker
    done
    program_start order-gateway order-gateway
    server_serving || process_wait "order system" order-server 60 server_serving
    for worker in 1 2; do
        process_alive "order-worker-$worker" || process_wait "order-worker-$worker" "order-worker-$worker" 1 false
    done
    gateway_listens || process_wait "order-gateway" order-gateway 30 gateway_listens
}

# program_start PROCESS PROGRAM: starts it, or starts it again if it was built anew since.
program_start() {
    local made
    made=$(stat -c '%i %Y' "$ORDER_BIN_DIR/$2") || die "the build made no $2."
    if process_alive "$1"; then
        [ "$(cat "$DIR/run/$1.made" 2>/dev/null)" != "$made" ] || return 0
        process_stop "$1"
    fi
    process_start "$1" "$ORDER_BIN_DIR/$2"
    echo "$made" >"$DIR/run/$1.made"
}

gateway_listens() { port_taken "$GATEWAY_PORT"; }

server_serving() { "$ORDER_BIN_DIR/orderctl" health >/dev/null; }

endpoints_print() {
    cat >&2 <<EOF_TEXT

  order system     $ORDER_ENDPOINT
                   tcp://127.0.0.1:$ORDER_PORT
  HTTP             http://127.0.0.1:$GATEWAY_PORT/docs
                   http://127.0.0.1:$GATEWAY_PORT/console
  PostgreSQL       $DATABASE_URL
  Redis            $REDIS_URL
  RabbitMQ         $RABBITMQ_URL
  metrics          http://127.0.0.1:$ORDER_OPS_PORT/metrics (order-server)
                   http://127.0.0.1:$WORKER_1_OPS_PORT/metrics, http://127.0.0.1:$WORKER_2_OPS_PORT/metrics (order-worker)

  try              ./dev run orderctl --help
  stop             ./dev down
EOF_TEXT
}

# --- status and logs ---

system_status() {
    local name process state pid since
    for name in $(instance_names); do
        instance_open "$name"
        printf '%s\n  %-16s %-8s %8s  %-6s %s\n' "$name" process state pid port since
        for process in "${PROCESSES[@]}"; do
            state=stopped pid=- since=-
            if process_alive "$process"; then
                state=running pid=$(process_pid "$process")
                since=$(date -r "$DIR/run/$process.pid" '+%F %T')
            elif [ -f "$DIR/run/$process.pid" ]; then
                state=died
            fi
            printf '  %-16s %-8s %8s  %-6s %s\n' "$process" "$state" "$pid" "$(process_port "$process")" "$since"
        done
    done
}

process_port() {
    case $1 in
    redis) echo "$REDIS_PORT" ;;
    epmd) echo "$EPMD_PORT" ;;
    rabbitmq) echo "$RABBITMQ_PORT" ;;
    postgres) echo "$POSTGRES_PORT" ;;
    order-server) echo "$ORDER_PORT" ;;
    order-gateway) echo "${GATEWAY_PORT:--}" ;;
    *) echo - ;;
    esac
}
