/* Faults on a system: each begins and ends when the schedule says. Called by the test's main thread
 * only. What was done is undone by chaos_heal, whatever had begun. */
#pragma once

#include "tests/chaos/chaos_schedule.h"
#include "tests/support/system.h"

struct chaos_faults {
    struct system *system;
    uint64_t seed;          /* for what a fault draws when it strikes */
    struct process control; /* a rabbitmqctl under way */
    int alarmed, stopped;   /* RabbitMQ is, by us */
    int64_t done[CHAOS_FAULTS];
    int64_t spared; /* not done: the system would have had both Redis and RabbitMQ lost at once */
    bool redis_spared, rabbitmq_spared; /* until the fault's end */
};

/* Once, before the first: what a fault needs in the database. */
void chaos_fault_prepare(struct chaos_faults *faults);
void chaos_fault_apply(struct chaos_faults *faults, const struct chaos_event *event);
/* Everything that does not run and should is started; returns how many servers and workers had
 * ended without being told to (each a violation). */
void chaos_heal(struct chaos_faults *faults);
/* All messages of the queue, also those that a worker holds. */
int64_t chaos_queue_messages(struct chaos_faults *faults);
