/* See chaos_schedule.h. */
#include "tests/chaos/chaos_schedule.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/chaos/chaos_random.h"

#define CALM_MS 500 /* before the first and after the last */

/* What can have one fault at a time. */
enum patient {
    PATIENT_SERVER,
    PATIENT_WORKER = PATIENT_SERVER + SYSTEM_SERVERS_MAX,
    PATIENT_LINK = PATIENT_WORKER + SYSTEM_WORKERS_MAX,
    PATIENT_REDIS = PATIENT_LINK + CHAOS_LINK_OF(SYSTEM_PROGRAMS, 0),
    PATIENT_RABBITMQ,
    PATIENT_POSTGRES,
    PATIENTS,
};

static const struct {
    const char *name;
    int first, targets; /* patients */
    int weight;         /* how often, next to the others */
    int from_ms, to_ms; /* how long */
} FAULTS[CHAOS_FAULTS] = {
    [CHAOS_SERVER_KILL] = {"server kill", PATIENT_SERVER, SYSTEM_SERVERS_MAX, 8, 10, 3000},
    [CHAOS_SERVER_STOP] = {"server stop", PATIENT_SERVER, SYSTEM_SERVERS_MAX, 6, 100, 5000},
    [CHAOS_WORKER_KILL] = {"worker kill", PATIENT_WORKER, SYSTEM_WORKERS_MAX, 8, 10, 3000},
    [CHAOS_WORKER_STOP] = {"worker stop", PATIENT_WORKER, SYSTEM_WORKERS_MAX, 6, 100, 5000},
    [CHAOS_LINK_FREEZE] = {"link freeze", PATIENT_LINK, SYSTEM_LINKS, 5, 100, 5000},
    [CHAOS_LINK_CUT] = {"link cut", PATIENT_LINK, SYSTEM_LINKS, 5, 1, 1},
    [CHAOS_LINK_SLOW] = {"link slow", PATIENT_LINK, SYSTEM_LINKS, 4, 500, 4000},
    [CHAOS_LINK_REFUSE] = {"link refuse", PATIENT_LINK, SYSTEM_LINKS, 3, 100, 3000},
    [CHAOS_LINK_CUT_ANSWER] = {"link cut answer", PATIENT_LINK, SYSTEM_LINKS, 5, 10, 200},
    [CHAOS_REDIS_KILL] = {"redis kill", PATIENT_REDIS, 1, 3, 10, 2000},
    [CHAOS_REDIS_STOP] = {"redis stop", PATIENT_REDIS, 1, 3, 100, 3000},
    [CHAOS_REDIS_LOSE_TAIL] = {"redis lose tail", PATIENT_REDIS, 1, 2, 10, 500},
    [CHAOS_REDIS_EMPTY] = {"redis empty", PATIENT_REDIS, 1, 2, 10, 2000},
    [CHAOS_REDIS_FLUSHALL] = {"redis flushall", PATIENT_REDIS, 1, 2, 1, 1},
    [CHAOS_REDIS_SCRIPT_FLUSH] = {"redis script flush", PATIENT_REDIS, 1, 2, 1, 1},
    [CHAOS_RABBITMQ_ALARM] = {"rabbitmq alarm", PATIENT_RABBITMQ, 1, 2, 2000, 6000},
    [CHAOS_RABBITMQ_RESTART] = {"rabbitmq restart", PATIENT_RABBITMQ, 1, 2, 1000, 3000},
    [CHAOS_RABBITMQ_WIPE] = {"rabbitmq wipe", PATIENT_RABBITMQ, 1, 0, 6000, 9000},
    [CHAOS_RABBITMQ_UNBIND] = {"rabbitmq unbind", PATIENT_RABBITMQ, 1, 3, 1, 1},
    [CHAOS_POSTGRES_TERMINATE] = {"postgres terminate", PATIENT_POSTGRES, 1, 4, 1, 1},
    [CHAOS_POSTGRES_FAIL] = {"postgres fail", PATIENT_POSTGRES, 1, 4, 500, 4000},
    [CHAOS_POSTGRES_CRASH] = {"postgres crash", PATIENT_POSTGRES, 1, 2, 1, 1},
};

static enum chaos_fault draw_fault(struct chaos_random *random);

const char *chaos_fault_name(enum chaos_fault fault)
{
    return FAULTS[fault].name;
}

void chaos_event_print(const struct chaos_event *event, char *out, size_t room)
{
    static const char *const programs[] = {"all", "server0", "server1", "worker0", "worker1"};
    static const char *const stores[SYSTEM_LINKS] = {
        [SYSTEM_LINK_REDIS] = "redis",
        [SYSTEM_LINK_RABBITMQ] = "rabbitmq",
        [SYSTEM_LINK_POSTGRES] = "postgres",
    };
    if (FAULTS[event->fault].first == PATIENT_LINK) {
        (void)snprintf(out, room, "%s %s-%s", FAULTS[event->fault].name,
                       programs[event->target / SYSTEM_LINKS],
                       stores[event->target % SYSTEM_LINKS]);
    } else {
        (void)snprintf(out, room, "%s %d", FAULTS[event->fault].name, event->target);
    }
}

/* After a fault that takes stock away the system must have time to open again, or nothing is sold
 * for the whole run: what follows Redis' loss waits. */
static int64_t rest_after(enum chaos_fault fault)
{
    bool fences = fault == CHAOS_REDIS_KILL || fault == CHAOS_REDIS_LOSE_TAIL ||
                  fault == CHAOS_REDIS_EMPTY || fault == CHAOS_REDIS_FLUSHALL ||
                  fault == CHAOS_REDIS_SCRIPT_FLUSH;
    return fences ? 10000 : 500;
}

/* Redis and RabbitMQ lost before PostgreSQL has the orders are not promised: between the two there
 * is time for what the one leaves to reach PostgreSQL. */
#define APART_MS 30000

/* Too rare to be left to the dice: one in each of these, in its middle. */
#define WIPE_EVERY_MS 180000
#define WIPE_FROM_MS  70000
#define WIPE_TO_MS    100000

static void draw_wipes(struct chaos_schedule *schedule, struct chaos_random *random,
                       int64_t length_ms)
{
    int64_t from_ms = FAULTS[CHAOS_RABBITMQ_WIPE].from_ms,
            to_ms = FAULTS[CHAOS_RABBITMQ_WIPE].to_ms;
    for (int64_t at_ms = 0; at_ms + WIPE_TO_MS + to_ms + CALM_MS <= length_ms;
         at_ms += WIPE_EVERY_MS) {
        chaos_schedule_add(schedule, CHAOS_RABBITMQ_WIPE, 0,
                           at_ms + chaos_random_between(random, WIPE_FROM_MS, WIPE_TO_MS),
                           chaos_random_between(random, from_ms, to_ms));
    }
}

/* Whether a fault of Redis or RabbitMQ meets a wipe. */
static bool meets_wipe(const struct chaos_schedule *schedule, size_t wipes, int64_t at_ms,
                       int64_t until_ms, int64_t apart_ms)
{
    for (size_t i = 0; i < 2 * wipes; i += 2) {
        if (until_ms + apart_ms > schedule->events[i].at_ms &&
            at_ms < schedule->events[i + 1].at_ms + apart_ms) {
            return true;
        }
    }
    return false;
}

/* Half of the links' faults are one program's: the others go on and must not be misled by it. */
static int draw_target(struct chaos_random *random, enum chaos_fault fault)
{
    int target = (int)chaos_random_between(random, 0, FAULTS[fault].targets - 1);
    if (FAULTS[fault].first == PATIENT_LINK && chaos_random_between(random, 0, 1) == 1) {
        return CHAOS_LINK_OF((int)chaos_random_between(random, 0, SYSTEM_PROGRAMS - 1), target);
    }
    return target;
}

void chaos_schedule_draw(struct chaos_schedule *schedule, uint64_t seed, int64_t length_ms)
{
    struct chaos_random random = {seed};
    int64_t busy_until[PATIENTS] = {0};
    int64_t at_ms = CALM_MS;
    draw_wipes(schedule, &random, length_ms);
    size_t wipes = schedule->count / 2;
    while (at_ms < length_ms - CALM_MS) {
        enum chaos_fault fault = draw_fault(&random);
        int target = draw_target(&random, fault);
        int64_t for_ms = chaos_random_between(&random, FAULTS[fault].from_ms, FAULTS[fault].to_ms);
        int64_t pause_ms = chaos_random_between(&random, 50, 1500);
        int patient = FAULTS[fault].first + target;
        int64_t apart_ms = patient == PATIENT_REDIS ? APART_MS : 0;
        bool wiped = (patient == PATIENT_REDIS || patient == PATIENT_RABBITMQ) &&
                     meets_wipe(schedule, wipes, at_ms, at_ms + for_ms, apart_ms);
        if (busy_until[patient] <= at_ms && at_ms + for_ms <= length_ms && !wiped) {
            chaos_schedule_add(schedule, fault, target, at_ms, for_ms);
            busy_until[patient] = at_ms + for_ms + rest_after(fault);
            at_ms += pause_ms;
        } else {
            at_ms += 10;
        }
    }
    chaos_schedule_sort(schedule);
}

static enum chaos_fault draw_fault(struct chaos_random *random)
{
    int total = 0;
    for (int i = 0; i < CHAOS_FAULTS; i++) {
        total += FAULTS[i].weight;
    }
    int64_t drawn = chaos_random_between(random, 0, total - 1);
    int fault = 0;
    while (drawn >= FAULTS[fault].weight) {
        drawn -= FAULTS[fault++].weight;
    }
    return (enum chaos_fault)fault;
}

void chaos_schedule_add(struct chaos_schedule *schedule, enum chaos_fault fault, int target,
                        int64_t at_ms, int64_t for_ms)
{
    if (schedule->count + 2 > schedule->room) {
        schedule->room = schedule->room * 2 + 64;
        struct chaos_event *more =
            realloc(schedule->events, schedule->room * sizeof schedule->events[0]);
        if (more == NULL) {
            abort();
        }
        schedule->events = more;
    }
    schedule->events[schedule->count++] = (struct chaos_event){at_ms, fault, target, 1};
    schedule->events[schedule->count++] = (struct chaos_event){at_ms + for_ms, fault, target, 0};
}

static int compare(const void *a, const void *b)
{
    const struct chaos_event *one = a;
    const struct chaos_event *other = b;
    if (one->at_ms != other->at_ms) {
        return one->at_ms < other->at_ms ? -1 : 1;
    }
    return one->begins - other->begins;
}

void chaos_schedule_sort(struct chaos_schedule *schedule)
{
    qsort(schedule->events, schedule->count, sizeof schedule->events[0], compare);
}

void chaos_schedule_fini(struct chaos_schedule *schedule)
{
    free(schedule->events);
    *schedule = (struct chaos_schedule){0};
}
