# shellcheck shell=bash
# The three backing services of the open instance - Redis, RabbitMQ, PostgreSQL - as private processes on loopback,
# and the database's migrations. Sourced by ./dev.
# Always: data, sockets and logs are under the instance's own folder; nothing of the system's own servers is touched.
# Not here: processes and ports (process.sh), the order system's programs (system.sh).

# services_start: returns at once; services_wait until all of them answer.
services_start() {
    process_alive redis || redis_start
    process_alive epmd || epmd_start
    process_alive rabbitmq || rabbitmq_start
    process_alive postgres || postgres_start
}

services_wait() {
    redis_answers || process_wait "Redis" redis 30 redis_answers
    postgres_answers || process_wait "PostgreSQL" postgres 60 postgres_answers
    rabbitmq_answers || process_wait "RabbitMQ" rabbitmq 120 rabbitmq_answers
}

# --- Redis: the stock. It must never evict, and keeps an append-only file. Its timers are sorted sets of some dozens of
# entries, which it would keep as a list that is searched from the front (docs/decisions/0003) ---

redis_start() {
    mkdir -p "$DIR/redis"
    process_start redis redis-server \
        --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$DIR/redis" --daemonize no \
        --appendonly yes --appendfsync everysec --save "" --maxmemory-policy noeviction \
        --zset-max-listpack-entries 0
}

redis_answers() { [[ $(talk "$REDIS_PORT" 'PING\r\n' 5) == +PONG* ]]; }

# --- RabbitMQ: a node, and an epmd (Erlang's port mapper) of its own so that a second clone does not clash ---

epmd_start() { process_start epmd epmd -address 127.0.0.1 -port "$EPMD_PORT"; }

rabbitmq_start() {
    local home=$DIR/rabbitmq
    mkdir -p "$home"
    rm -f "$home/.erlang.cookie"
    (umask 377 && printf %s "$RABBITMQ_COOKIE" >"$home/.erlang.cookie")
    echo '[].' >"$home/enabled_plugins"
    cat >"$home/rabbitmq.conf" <<EOF_CONF
listeners.tcp.1 = 127.0.0.1:$RABBITMQ_PORT
disk_free_limit.absolute = 200MB
log.console = true
log.file = false
EOF_CONF
    : >"$home/env.conf"
    # "Under systemd" is how its start script replaces itself by the server: one process, one pid.
    process_start rabbitmq env -u NOTIFY_SOCKET RUNNING_UNDER_SYSTEMD=true HOME="$home" \
        ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$EPMD_PORT" \
        RABBITMQ_NODENAME="order-$INSTANCE@localhost" RABBITMQ_DIST_PORT="$RABBITMQ_DIST_PORT" \
        RABBITMQ_CONF_ENV_FILE="$home/env.conf" RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$home/none" RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins" \
        RABBITMQ_LOG=-color RABBITMQ_MNESIA_BASE="$home/data" RABBITMQ_LOG_BASE="$DIR/log" RABBITMQ_PID_FILE="$DIR/run/rabbitmq.own" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}" \
        "$(rabbitmq_bin)/rabbitmq-server"
}

# Debian's own command insists on running as user rabbitmq with the system's folders; the real one is beside it.
rabbitmq_bin() {
    if [ -d /usr/lib/rabbitmq/bin ]; then echo /usr/lib/rabbitmq/bin; else dirname "$(command -v rabbitmq-server)"; fi
}

# It listens before it serves: it is up when it answers an AMQP 0-9-1 header with its Connection.Start method.
rabbitmq_answers() { [[ $(talk "$RABBITMQ_PORT" 'AMQP\x00\x00\x09\x01' 64 | tr -d '\0') == *capabilities* ]]; }

# talk PORT BYTES COUNT: sends, and prints up to COUNT bytes of the answer.
talk() {
    { exec 7<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 0
    # shellcheck disable=SC2059
    printf "$2" >&7
    timeout 1 head -c "$3" <&7 || true
    exec 7>&-
}

# --- PostgreSQL ---

# It refuses to run as root. As user postgres it must still reach a folder below root's home: that is what the one
# capability is for.
AS_POSTGRES=()
[ "$(id -u)" -ne 0 ] || AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --init-groups
    --inh-caps='-all,+dac_override' --ambient-caps='-all,+dac_override')

postgres_start() {
    local data=$DIR/postgres
    [ -f "$data/ready" ] || step "making a PostgreSQL cluster" "$DIR/log/initdb.log" postgres_init ||
        die "initdb failed." "See $DIR/log/initdb.log"
    postgres_conf >"$data/order.conf"
    process_start postgres "${AS_POSTGRES[@]}" "$(postgres_bin)/postgres" -D "$data" -p "$POSTGRES_PORT"
}

# Under `||` the shell does not stop at a failure by itself: hence the chain.
postgres_init() {
    local data=$DIR/postgres password=$DIR/run/postgres.password
    rm -rf "$data" && install -d -m 700 "$data" &&
        (umask 077 && echo "$POSTGRES_PASSWORD" >"$password") &&
        { [ "$(id -u)" -ne 0 ] || chown postgres "$data" "$password"; } &&
        "${AS_POSTGRES[@]}" "$(postgres_bin)/initdb" -D "$data" --username=orders --pwfile="$password" \
            --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync &&
        rm -f "$password" &&
        echo "include 'order.conf'" >>"$data/postgresql.conf" &&
        touch "$data/ready"
}

# Tests throw their data away, so their instance does not wait for the disk.
postgres_conf() {
    cat <<EOF_CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 256MB
fsync = $([ "$INSTANCE" = test ] && echo off || echo on)
max_wal_size = 2GB
timezone = 'UTC'
log_timezone = 'UTC'
log_min_duration_statement = 1s
EOF_CONF
}

postgres_answers() { "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$POSTGRES_PORT"; }

postgres_bin() { pg_config --bindir; }

# postgres_url DATABASE
postgres_url() { echo "postgres://orders:$POSTGRES_PASSWORD@127.0.0.1:$POSTGRES_PORT/$1?sslmode=disable"; }

postgres_query() { PGOPTIONS="-c client_min_messages=warning" psql --no-psqlrc -qtAX "$(postgres_url postgres)" -c "$1"; }

# --- migrations ---

# migrate DATABASE: creates it if need be and brings it up to date.
migrate() {
    compgen -G "$CLONE/migrations/*.sql" >/dev/null || return 0
    step "migrations" "$DIR/log/dbmate.log" "$CLONE/tools/node_modules/.bin/dbmate" --url "$(postgres_url "$1")" \
        --migrations-dir "$CLONE/migrations" --no-dump-schema up ||
        die "dbmate could not apply the migrations." "See $DIR/log/dbmate.log; './dev clean' starts with empty databases."
}

# The tests' databases are copies of this template; it is made anew whenever a migration changed.
migrate_template() {
    local hash
    hash=$(find "$CLONE/migrations" -name '*.sql' | sort | xargs -r cat | sha256sum)
    if [ "$(cat "$DIR/run/template.hash" 2>/dev/null)" != "$hash" ]; then
        postgres_query 'drop database if exists order_template with (force)'
        migrate order_template
        echo "$hash" >"$DIR/run/template.hash"
    fi
}
