/* Schedule: which fault strikes whom, when and for how long. Drawn from a seed before anything
 * starts: the same seed and length give the same schedule. What the faults meet is not determined:
 * processes and networks have a will of their own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/support/system.h"

enum chaos_fault {
    /* target: which server or worker */
    CHAOS_SERVER_KILL, /* SIGKILL, and started again */
    CHAOS_SERVER_STOP, /* SIGSTOP, SIGCONT */
    CHAOS_WORKER_KILL,
    CHAOS_WORKER_STOP,
    /* target: enum system_link, for all programs; or CHAOS_LINK_OF(program, link), for one alone */
    CHAOS_LINK_FREEZE, /* no byte moves */
    CHAOS_LINK_CUT,    /* connections reset, once */
    CHAOS_LINK_SLOW,
    CHAOS_LINK_REFUSE,     /* connections reset as soon as they come */
    CHAOS_LINK_CUT_ANSWER, /* what was asked for is done, the answer is lost */
    CHAOS_REDIS_KILL,
    CHAOS_REDIS_STOP,
    CHAOS_REDIS_LOSE_TAIL, /* killed, the last bytes of its file cut off */
    CHAOS_REDIS_EMPTY,     /* killed, its files removed */
    CHAOS_REDIS_FLUSHALL,
    CHAOS_REDIS_SCRIPT_FLUSH,
    CHAOS_RABBITMQ_ALARM,     /* memory alarm: publishers are blocked */
    CHAOS_RABBITMQ_RESTART,   /* its application stopped and started */
    CHAOS_RABBITMQ_WIPE,      /* all that it ever had is gone, and it starts again */
    CHAOS_RABBITMQ_UNBIND,    /* nobody but the system binds the queue again */
    CHAOS_POSTGRES_TERMINATE, /* all sessions of the database */
    CHAOS_POSTGRES_FAIL,      /* transactions end as deadlocks, or for want of connections */
    CHAOS_POSTGRES_CRASH,     /* a backend killed: PostgreSQL restarts and recovers */
    CHAOS_FAULTS,
};

#define CHAOS_LINK_OF(program, link) (SYSTEM_LINKS * (1 + (program)) + (link))

struct chaos_event {
    int64_t at_ms; /* after the start */
    enum chaos_fault fault;
    int target;
    int begins; /* 1; 0: it ends */
};

struct chaos_schedule {
    struct chaos_event *events; /* by time */
    size_t count, room;
};

void chaos_schedule_draw(struct chaos_schedule *schedule, uint64_t seed, int64_t length_ms);
/* For a schedule made by hand: from at_ms for for_ms. Keep them in order of at_ms, then sort. */
void chaos_schedule_add(struct chaos_schedule *schedule, enum chaos_fault fault, int target,
                        int64_t at_ms, int64_t for_ms);
void chaos_schedule_sort(struct chaos_schedule *schedule);
void chaos_schedule_fini(struct chaos_schedule *schedule);
const char *chaos_fault_name(enum chaos_fault fault);
/* "link freeze worker1-redis" */
void chaos_event_print(const struct chaos_event *event, char *out, size_t room);
