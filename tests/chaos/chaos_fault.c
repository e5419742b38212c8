/* See chaos_fault.h. */
#include "tests/chaos/chaos_fault.h"

#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/chaos/chaos_history.h"
#include "tests/chaos/chaos_random.h"
#include "tests/cmocka_all.h"
#include "tests/support/stores.h"
#include "tests/support/tcp_proxy.h"

#define SLOW_MS            40
#define TAIL_BYTES_MAX     60000
#define CONTROL_TIMEOUT_MS 60000
#define RECOVER_TIMEOUT_MS 30000

static void process_fault(struct chaos_faults *faults, const struct chaos_event *event);
static void link_fault(struct chaos_faults *faults, const struct chaos_event *event);
static void redis_fault(struct chaos_faults *faults, const struct chaos_event *event);
static void store_fault(struct chaos_faults *faults, const struct chaos_event *event);

void chaos_fault_prepare(struct chaos_faults *faults)
{
    database_execute(
        &faults->system->database,
        "CREATE TABLE chaos_switch (chance float8 NOT NULL);"
        "INSERT INTO chaos_switch VALUES (0);"
        "CREATE FUNCTION chaos_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF random() < (SELECT chance FROM chaos_switch) THEN RAISE EXCEPTION 'chaos' USING "
        "ERRCODE = (ARRAY['40001', '40P01', '53300'])[1 + floor(random() * 3)::int]; END IF; "
        "RETURN NULL; END $$;"
        "CREATE TRIGGER chaos_fail AFTER UPDATE ON stock FOR EACH STATEMENT EXECUTE FUNCTION "
        "chaos_fail()");
}

/* ---- Redis and RabbitMQ lost before PostgreSQL has the orders: not promised ---- */

/* What was in the outbox when RabbitMQ had been wiped, and how much of it still is. */
#define KEEP_OUTBOX                                                                                \
    "redis.call('DEL', 'chaos:wiped') for _, id in ipairs(redis.call('HKEYS', '{s0}:outbox')) do " \
    "redis.call('SADD', 'chaos:wiped', id) end return 0"
#define COUNT_KEPT                                                                              \
    "local left = 0 for _, id in ipairs(redis.call('SMEMBERS', 'chaos:wiped')) do left = left " \
    "+ redis.call('HEXISTS', '{s0}:outbox', id) end return left"

static bool loses_redis(enum chaos_fault fault)
{
    return fault == CHAOS_REDIS_KILL || fault == CHAOS_REDIS_LOSE_TAIL ||
           fault == CHAOS_REDIS_EMPTY || fault == CHAOS_REDIS_FLUSHALL;
}

/* Stock is open: what an earlier Redis left in RabbitMQ is in PostgreSQL. */
static bool is_open(struct system *system)
{
    return stores_redis_int(system->redis_url, "HGET", "{s0}:meta", "epoch") ==
           database_int(&system->database, "SELECT epoch FROM control");
}

/* How long the way from one store to PostgreSQL takes depends on what else is under way: the second
 * of the two losses is left out while it is not gone. */
static bool is_spared(struct chaos_faults *faults, const struct chaos_event *event)
{
    struct system *system = faults->system;
    bool redis = loses_redis(event->fault);
    if (!redis && event->fault != CHAOS_RABBITMQ_WIPE) {
        return false;
    }
    bool *spared = redis ? &faults->redis_spared : &faults->rabbitmq_spared;
    if (event->begins) {
        *spared = redis ? stores_redis_int(system->redis_url, "EVAL", COUNT_KEPT, "0") > 0
                        : !is_open(system);
        faults->spared += *spared;
    }
    return *spared;
}

void chaos_fault_apply(struct chaos_faults *faults, const struct chaos_event *event)
{
    if (is_spared(faults, event)) {
        return;
    }
    faults->done[event->fault] += event->begins;
    switch (event->fault) {
    case CHAOS_SERVER_KILL:
    case CHAOS_SERVER_STOP:
    case CHAOS_WORKER_KILL:
    case CHAOS_WORKER_STOP:
        process_fault(faults, event);
        break;
    case CHAOS_LINK_FREEZE:
    case CHAOS_LINK_CUT:
    case CHAOS_LINK_SLOW:
    case CHAOS_LINK_REFUSE:
    case CHAOS_LINK_CUT_ANSWER:
        link_fault(faults, event);
        break;
    case CHAOS_REDIS_KILL:
    case CHAOS_REDIS_STOP:
    case CHAOS_REDIS_LOSE_TAIL:
    case CHAOS_REDIS_EMPTY:
    case CHAOS_REDIS_FLUSHALL:
    case CHAOS_REDIS_SCRIPT_FLUSH:
        redis_fault(faults, event);
        break;
    case CHAOS_RABBITMQ_ALARM:
    case CHAOS_RABBITMQ_RESTART:
    case CHAOS_RABBITMQ_WIPE:
    case CHAOS_RABBITMQ_UNBIND:
    case CHAOS_POSTGRES_TERMINATE:
    case CHAOS_POSTGRES_FAIL:
    case CHAOS_POSTGRES_CRASH:
        store_fault(faults, event);
        break;
    case CHAOS_FAULTS:
        break;
    }
}

/* ---- servers and workers ---- */

static struct process *process_of(struct system *system, const struct chaos_event *event)
{
    bool server = event->fault == CHAOS_SERVER_KILL || event->fault == CHAOS_SERVER_STOP;
    return server ? &system->servers[event->target] : &system->workers[event->target];
}

static void check_alive(struct process *process)
{
    if (!process_is_running(process)) {
        chaos_violation("a program ended by itself: %s", process->log_path);
        process_show_log(process);
    }
}

static void process_fault(struct chaos_faults *faults, const struct chaos_event *event)
{
    struct process *process = process_of(faults->system, event);
    size_t target = (size_t)event->target;
    bool kills = event->fault == CHAOS_SERVER_KILL || event->fault == CHAOS_WORKER_KILL;
    if (event->begins) {
        check_alive(process);
    }
    if (event->begins && kills) {
        process_kill(process);
    } else if (event->fault == CHAOS_SERVER_KILL) {
        system_spawn_server(faults->system, target, NULL);
    } else if (event->fault == CHAOS_WORKER_KILL) {
        system_start_worker(faults->system, target, NULL);
    } else if (process->pid > 0) {
        process_signal(process, event->begins ? SIGSTOP : SIGCONT);
    }
}

/* ---- links ---- */

static void cut(struct tcp_proxy *link, bool on)
{
    if (on) {
        tcp_proxy_cut(link);
    }
}

static void slow(struct tcp_proxy *link, bool on)
{
    tcp_proxy_slow(link, on ? SLOW_MS : 0);
}

/* A store's links and one program's own may be struck by the same at once: the first end ends both.
 */
static void link_fault(struct chaos_faults *faults, const struct chaos_event *event)
{
    static void (*const set[CHAOS_FAULTS])(struct tcp_proxy *link, bool on) = {
        [CHAOS_LINK_FREEZE] = tcp_proxy_freeze,
        [CHAOS_LINK_CUT] = cut,
        [CHAOS_LINK_SLOW] = slow,
        [CHAOS_LINK_REFUSE] = tcp_proxy_refuse,
        [CHAOS_LINK_CUT_ANSWER] = tcp_proxy_cut_answers,
    };
    enum system_link link = (enum system_link)(event->target % SYSTEM_LINKS);
    if (event->target < SYSTEM_LINKS) {
        system_set_link(faults->system, link, set[event->fault], event->begins);
    } else {
        size_t program = (size_t)event->target / SYSTEM_LINKS - 1;
        set[event->fault](faults->system->links[program][link], event->begins);
    }
}

/* ---- Redis ---- */

static void remove_redis_files(struct system *system)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/appendonlydir", system->directory);
    remove_directory(path);
}

/* What a full disk or a lost page cache leaves: the last writes are gone, one may be torn. */
static void cut_redis_file(struct chaos_faults *faults)
{
    char pattern[128];
    (void)snprintf(pattern, sizeof pattern, "%s/appendonlydir/*.incr.aof",
                   faults->system->directory);
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    const char *path = found.gl_pathv[found.gl_pathc - 1];
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    struct chaos_random random = {faults->seed + (uint64_t)faults->done[CHAOS_REDIS_LOSE_TAIL]};
    int64_t lost = chaos_random_between(&random, 1, TAIL_BYTES_MAX);
    assert_int_equal(truncate(path, status.st_size > lost ? status.st_size - lost : 0), 0);
    globfree(&found);
}

static void redis_fault(struct chaos_faults *faults, const struct chaos_event *event)
{
    struct system *system = faults->system;
    if (event->fault == CHAOS_REDIS_STOP) {
        process_signal(&system->redis, event->begins ? SIGSTOP : SIGCONT);
    } else if (event->fault == CHAOS_REDIS_FLUSHALL || event->fault == CHAOS_REDIS_SCRIPT_FLUSH) {
        bool all = event->fault == CHAOS_REDIS_FLUSHALL;
        if (event->begins) {
            (void)stores_redis_int(system->redis_url, all ? "FLUSHALL" : "SCRIPT",
                                   all ? NULL : "FLUSH", NULL);
        }
    } else if (event->begins) {
        process_kill(&system->redis);
        if (event->fault == CHAOS_REDIS_EMPTY) {
            remove_redis_files(system);
        } else if (event->fault == CHAOS_REDIS_LOSE_TAIL) {
            cut_redis_file(faults);
        }
    } else {
        system_start_redis(system);
    }
    if (event->fault != CHAOS_REDIS_STOP) {
        chaos_note_redis_lost();
    }
}

/* ---- RabbitMQ and PostgreSQL, the test instance's ---- */

static void await_control(struct chaos_faults *faults)
{
    if (faults->control.pid != 0) {
        (void)process_wait(&faults->control, CONTROL_TIMEOUT_MS);
    }
}

/* Takes seconds: the schedule goes on meanwhile. One at a time. */
static void control_rabbitmq(struct chaos_faults *faults, const char *command, const char *argument)
{
    char log[128];
    await_control(faults);
    (void)snprintf(log, sizeof log, "%s/rabbitmqctl.out", faults->system->directory);
    process_start(&faults->control, (const char *[]){"rabbitmqctl", "-q", command, argument, NULL},
                  NULL, log);
}

static void wipe_rabbitmq(struct chaos_faults *faults)
{
    char log[128];
    await_control(faults);
    (void)snprintf(log, sizeof log, "%s/rabbitmqctl.out", faults->system->directory);
    process_start(&faults->control,
                  (const char *[]){"sh", "-c",
                                   "rabbitmqctl -q stop_app && rabbitmqctl -q reset && "
                                   "rabbitmqctl -q start_app",
                                   NULL},
                  NULL, log);
}

/* A backend dies the hard way: PostgreSQL ends all the others and recovers from its log. */
static void crash_postgres(struct system *system)
{
    char *rows = database_rows(
        &system->database, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                           "AND pid <> pg_backend_pid() LIMIT 1");
    long pid = strtol(rows, NULL, 10);
    free(rows);
    if (pid > 1 && kill((pid_t)pid, SIGKILL) == 0) {
        database_reconnect(&system->database, RECOVER_TIMEOUT_MS);
    }
}

static void store_fault(struct chaos_faults *faults, const struct chaos_event *event)
{
    struct system *system = faults->system;
    if (event->fault == CHAOS_RABBITMQ_ALARM) {
        faults->alarmed = event->begins;
        control_rabbitmq(faults, "set_vm_memory_high_watermark", event->begins ? "0" : "0.6");
    } else if (event->fault == CHAOS_RABBITMQ_RESTART) {
        faults->stopped = event->begins;
        control_rabbitmq(faults, event->begins ? "stop_app" : "start_app", NULL);
    } else if (event->fault == CHAOS_POSTGRES_FAIL) {
        database_execute(&system->database, event->begins ? "UPDATE chaos_switch SET chance = 0.5"
                                                          : "UPDATE chaos_switch SET chance = 0");
    } else if (event->fault == CHAOS_RABBITMQ_WIPE && event->begins) {
        wipe_rabbitmq(faults);
    } else if (event->fault == CHAOS_RABBITMQ_WIPE) {
        await_control(faults); /* it confirms until it is stopped */
        (void)stores_redis_int(system->redis_url, "EVAL", KEEP_OUTBOX, "0");
    } else if (!event->begins) {
        return;
    } else if (event->fault == CHAOS_RABBITMQ_UNBIND) {
        await_control(faults); /* it may still be starting */
        stores_unbind_queue(getenv("TEST_RABBITMQ_URL"), system->prefix);
    } else if (event->fault == CHAOS_POSTGRES_TERMINATE) {
        database_execute(&system->database,
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                         "current_database() AND pid <> pg_backend_pid()");
    } else {
        crash_postgres(system);
    }
}

/* ---- healing ---- */

static void heal_rabbitmq(struct chaos_faults *faults)
{
    if (faults->alarmed) {
        control_rabbitmq(faults, "set_vm_memory_high_watermark", "0.6");
        faults->alarmed = 0;
    }
    if (faults->stopped) {
        control_rabbitmq(faults, "start_app", NULL);
        faults->stopped = 0;
    }
    await_control(faults);
}

static void heal_links(struct system *system)
{
    for (int i = 0; i < SYSTEM_LINKS; i++) {
        enum system_link link = (enum system_link)i;
        system_set_link(system, link, tcp_proxy_freeze, false);
        system_set_link(system, link, slow, false);
        system_set_link(system, link, tcp_proxy_refuse, false);
        system_set_link(system, link, tcp_proxy_cut_answers, false);
    }
}

void chaos_heal(struct chaos_faults *faults)
{
    struct system *system = faults->system;
    heal_rabbitmq(faults);
    database_execute(&system->database, "UPDATE chaos_switch SET chance = 0");
    if (!process_is_running(&system->redis)) {
        system_start_redis(system);
    }
    process_signal(&system->redis, SIGCONT);
    heal_links(system);
    for (size_t i = 0; i < SYSTEM_SERVERS_MAX; i++) {
        check_alive(&system->servers[i]);
        if (system->servers[i].pid == 0) {
            system_spawn_server(system, i, NULL);
        }
        process_signal(&system->servers[i], SIGCONT);
    }
    for (size_t i = 0; i < SYSTEM_WORKERS_MAX; i++) {
        check_alive(&system->workers[i]);
        if (system->workers[i].pid == 0) {
            system_start_worker(system, i, NULL);
        }
        process_signal(&system->workers[i], SIGCONT);
    }
}

int64_t chaos_queue_messages(struct chaos_faults *faults)
{
    char log[128];
    char queue[64];
    struct process control;
    (void)snprintf(log, sizeof log, "%s/queues.out", faults->system->directory);
    (void)snprintf(queue, sizeof queue, "%s.persist", faults->system->prefix);
    (void)unlink(log);
    const char *argv[] = {"rabbitmqctl", "-q",       "list_queues", "--no-table-headers",
                          "name",        "messages", NULL};
    process_start(&control, argv, NULL, log);
    assert_int_equal(process_wait(&control, CONTROL_TIMEOUT_MS), 0);
    char *text = read_whole(log);
    const char *row = strstr(text, queue);
    int64_t messages = row != NULL ? strtoll(row + strlen(queue), NULL, 10) : -1;
    free(text);
    return messages;
}
