/* See target.h. Everything happens on three occasions, each with the lock: the connection changed,
 * the alarm went off, a health check ended. At most one check is under way, and the alarm is set
 * whenever none is and there is a connection. */
#include "rpc/target.h"

#include <grpc/health/v1/health.pb-c.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/alarm.h"
#include "rpc/endpoint.h"
#include "rpc/envelope.h"
#include "rpc/limits.h"
#include "rpc/message.h"

/* With calls under way and no answer for so long, it is asked whether it lives. */
#define QUIET_MS 250
/* And has so long to say so when there is another server: a stopped one costs its calls a second at
 * most, half of a call's usual time. A health check is answered from memory, without a lane. */
#define PATIENCE_MS ((int64_t)500)
/* Without another one, giving up a slow server helps nobody: only a dead connection is worth it. */
#define PATIENCE_MS_MAX 5000
/* Until a server that was given up is asked again. */
#define BACKOFF_MS     50
#define BACKOFF_MS_MAX 2000
/* Until one that answers but does not serve is asked again. */
#define RECHECK_MS 200

#define CHECK_BYTES_MAX        256
#define CHECK_MEMORY_BYTES     1024
#define CHECK_MEMORY_BYTES_MAX (64 * 1024) /* a failure with all its details */

struct target {
    struct target_options options;
    char endpoint[ENDPOINT_TEXT_BYTES_MAX + 1];
    struct link *link;
    atomic_int fitness;
    atomic_size_t outstanding;
    atomic_ulong answers; /* of calls; tells whether there were any lately */
    atomic_ulong ejections;

    pthread_mutex_t lock; /* for all below */
    bool is_closing, is_checking, is_alarm_set;
    bool is_suspect;
    uint32_t checked;  /* the connection that the check under way, or the last one, went over */
    int64_t asked_ms;  /* since then it owes an answer to a check; 0 = it does not */
    unsigned failures; /* connections given up in a row */
    unsigned long answers_seen;
    struct alarm *alarm;
    struct link_exchange *check;
    struct arena arena; /* of the check's answer */
};

static enum status make_parts(struct target *target, struct failure *failure);
static void on_change(void *context);
static bool on_many_begin(void *context);
static void on_many_end(void *context);
static void on_time(void *context);
static bool is_check_due(struct target *target);
static void set_alarm(struct target *target, int64_t ms);
static void begin_check(struct target *target);
static void send_check(struct target *target, int64_t timeout_ms);
static void on_checked(void *context);
static bool note_check(struct target *target, enum link_outcome outcome);
static bool note_silence(struct target *target, enum link_outcome outcome);
static int64_t patience_ms(const struct target *target);
static enum target_fitness read_check(struct target *target);

enum status target_open(const struct target_options *options, struct target **target_out,
                        struct failure *failure)
{
    struct target *target = calloc(1, sizeof *target);
    if (target == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for a channel");
    }
    target->options = *options;
    (void)pthread_mutex_init(&target->lock, NULL);
    arena_init(&target->arena, CHECK_MEMORY_BYTES, CHECK_MEMORY_BYTES_MAX);
    enum status status = make_parts(target, failure);
    if (status != STATUS_OK) {
        target_close(target);
        target_destroy(&target);
        return status;
    }
    *target_out = target;
    return STATUS_OK;
}

/* A connection may be there before its check exists: on_change waits for the lock. */
static enum status make_parts(struct target *target, struct failure *failure)
{
    const struct link_options options = {
        .endpoint = target->options.endpoint,
        .tls = target->options.tls,
        .on_change = on_change,
        .on_many_begin = on_many_begin,
        .on_many_end = on_many_end,
        .context = target,
    };
    (void)pthread_mutex_lock(&target->lock);
    enum status status = link_open(&options, &target->link, failure);
    if (status == STATUS_OK) {
        size_t size = strlen(options.endpoint); /* link_open has checked it */
        memcpy(target->endpoint, options.endpoint, size + 1);
        target->options.endpoint = target->endpoint;
        target->options.tls = NULL; /* the caller's */
        target->alarm = alarm_create(on_time, target);
        target->check = link_exchange_create(target->link, on_checked, target);
        if (target->alarm == NULL || target->check == NULL) {
            target->is_closing = true;
            status = failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                                 "no memory for a channel");
        }
    }
    (void)pthread_mutex_unlock(&target->lock);
    return status;
}

void target_close(struct target *target)
{
    if (target == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&target->lock);
    target->is_closing = true;
    (void)pthread_mutex_unlock(&target->lock);
    if (target->link != NULL) {
        link_close(target->link);
    }
}

void target_destroy(struct target **target)
{
    if (*target == NULL) {
        return;
    }
    alarm_destroy(&(*target)->alarm);
    link_exchange_destroy(&(*target)->check);
    link_destroy(&(*target)->link);
    arena_fini(&(*target)->arena);
    (void)pthread_mutex_destroy(&(*target)->lock);
    free(*target);
    *target = NULL;
}

const char *target_endpoint(const struct target *target)
{
    return target->endpoint;
}

struct link *target_link(struct target *target)
{
    return target->link;
}

enum target_fitness target_fitness(const struct target *target)
{
    return (enum target_fitness)atomic_load(&target->fitness);
}

bool target_has_tls_failed(const struct target *target)
{
    return strncmp(target->endpoint, "tls+", 4) == 0 && link_connection(target->link) == 0 &&
           link_has_tls_failed(target->link);
}

uint64_t target_ejections(const struct target *target)
{
    return atomic_load(&target->ejections);
}

size_t target_outstanding(const struct target *target)
{
    return atomic_load_explicit(&target->outstanding, memory_order_relaxed);
}

void target_enter(struct target *target)
{
    (void)atomic_fetch_add_explicit(&target->outstanding, 1, memory_order_relaxed);
}

void target_leave(struct target *target, enum link_outcome outcome)
{
    (void)atomic_fetch_sub_explicit(&target->outstanding, 1, memory_order_relaxed);
    if (outcome == LINK_ANSWERED) {
        (void)atomic_fetch_add_explicit(&target->answers, 1, memory_order_relaxed);
    }
}

void target_suspect(struct target *target)
{
    (void)pthread_mutex_lock(&target->lock);
    target->is_suspect = true;
    if (target->is_alarm_set) {
        alarm_wake(target->alarm);
    }
    (void)pthread_mutex_unlock(&target->lock);
}

static void on_change(void *context)
{
    struct target *target = context;
    (void)pthread_mutex_lock(&target->lock);
    bool is_there = link_connection(target->link) != 0;
    bool is_due = false;
    if (!target->is_closing) {
        atomic_store(&target->fitness, TARGET_ABSENT);
        if (is_there && target->is_alarm_set) {
            alarm_wake(target->alarm);
        } else if (is_there && !target->is_checking) {
            is_due = target->failures == 0;
            target->is_checking = is_due;
            if (!is_due) {
                set_alarm(target, clock_backoff_ms(target->options.clock, target->failures - 1,
                                                   BACKOFF_MS, BACKOFF_MS_MAX));
            }
        }
    }
    (void)pthread_mutex_unlock(&target->lock);
    if (is_due) {
        begin_check(target);
    }
}

static bool on_many_begin(void *context)
{
    struct target *target = context;
    return target->options.on_many_begin(target->options.context);
}

static void on_many_end(void *context)
{
    struct target *target = context;
    target->options.on_many_end(target->options.context);
}

/* With the lock held. */
static void set_alarm(struct target *target, int64_t ms)
{
    target->is_alarm_set = true;
    alarm_start(target->alarm, ms);
}

static void on_time(void *context)
{
    struct target *target = context;
    (void)pthread_mutex_lock(&target->lock);
    target->is_alarm_set = false;
    bool is_due = false;
    if (!target->is_closing && link_connection(target->link) != 0) {
        is_due = is_check_due(target);
        target->is_checking = is_due;
        if (!is_due) {
            set_alarm(target, QUIET_MS);
        }
    }
    (void)pthread_mutex_unlock(&target->lock);
    if (is_due) {
        begin_check(target);
    }
}

/* With the lock held; while none is under way. */
static bool is_check_due(struct target *target)
{
    unsigned long answers = atomic_load_explicit(&target->answers, memory_order_relaxed);
    bool is_quiet = answers == target->answers_seen;
    target->answers_seen = answers;
    return target->is_suspect || target_fitness(target) != TARGET_SERVES ||
           (is_quiet && target_outstanding(target) > 0);
}

static void begin_check(struct target *target)
{
    (void)pthread_mutex_lock(&target->lock);
    uint32_t connection = link_connection(target->link);
    if (connection != target->checked || target->asked_ms == 0) {
        target->checked = connection;
        target->asked_ms = clock_monotonic_ms(target->options.clock);
    }
    target->is_suspect = false;
    int64_t timeout_ms = patience_ms(target);
    (void)pthread_mutex_unlock(&target->lock);
    send_check(target, timeout_ms);
}

/* A server that was given up for being slow gets more time the next time. */
static int64_t patience_ms(const struct target *target)
{
    int64_t ms = PATIENCE_MS << (target->failures < 4 ? target->failures : 4);
    return ms < PATIENCE_MS_MAX ? ms : PATIENCE_MS_MAX;
}

static void send_check(struct target *target, int64_t timeout_ms)
{
    const struct envelope_request envelope = {
        .method = "/grpc.health.v1.Health/Check",
        .timeout_ms = (uint32_t)timeout_ms,
        .call_id = "health",
    };
    uint8_t request[CHECK_BYTES_MAX];
    size_t size = envelope_encode_request(&envelope, request, sizeof request);
    uint8_t *out = link_exchange_request(target->check, size);
    if (out == NULL) {
        (void)pthread_mutex_lock(&target->lock);
        target->is_checking = false;
        set_alarm(target, BACKOFF_MS_MAX);
        (void)pthread_mutex_unlock(&target->lock);
        return;
    }
    memcpy(out, request, size); /* and no payload: that is the server as a whole */
    link_exchange_start(target->check, timeout_ms, NULL);
}

static void on_checked(void *context)
{
    struct target *target = context;
    enum target_fitness before = target_fitness(target);
    (void)pthread_mutex_lock(&target->lock);
    bool is_given_up =
        !target->is_closing && !note_check(target, link_exchange_outcome(target->check));
    target->is_checking = false;
    link_exchange_reset(target->check);
    bool is_fit = target_fitness(target) > before;
    (void)pthread_mutex_unlock(&target->lock);
    if (is_given_up) {
        link_drop(target->link);
    }
    if (is_fit) {
        target->options.on_fit(target->options.context);
    }
}

/* With the lock held. False when the connection is given up. */
static bool note_check(struct target *target, enum link_outcome outcome)
{
    uint32_t connection = link_connection(target->link);
    if (connection == 0) {
        return true; /* the next one's beginning asks again */
    }
    if (connection != target->checked || outcome == LINK_LOST) {
        set_alarm(target, 0);
        return true;
    }
    if (outcome != LINK_ANSWERED) {
        return note_silence(target, outcome);
    }
    target->asked_ms = 0;
    target->failures = 0;
    enum target_fitness fitness = read_check(target);
    atomic_store(&target->fitness, (int)fitness);
    set_alarm(target, fitness == TARGET_SERVES ? QUIET_MS : RECHECK_MS);
    return true;
}

/* With the lock held. A server that was fit is given up soon only when there is another one. */
static bool note_silence(struct target *target, enum link_outcome outcome)
{
    bool was_fit = target_fitness(target) != TARGET_ABSENT;
    bool is_alone = was_fit && !target->options.has_other(target->options.context, target);
    int64_t silent_ms = clock_monotonic_ms(target->options.clock) - target->asked_ms;
    if (silent_ms < (is_alone ? PATIENCE_MS_MAX : patience_ms(target))) {
        target->is_suspect = true;
        set_alarm(target, outcome == LINK_NO_MEMORY ? RECHECK_MS : 0);
        return true;
    }
    atomic_store(&target->fitness, TARGET_ABSENT);
    target->asked_ms = 0;
    target->failures++;
    if (was_fit) {
        (void)atomic_fetch_add(&target->ejections, 1);
    }
    return false;
}

/* Any answer shows that somebody reads there; a server without the health service serves. */
static enum target_fitness read_check(struct target *target)
{
    struct envelope_response envelope;
    ProtobufCMessage *response = NULL;
    arena_reset(&target->arena);
    if (envelope_decode_response(link_exchange_answer(target->check), &target->arena, &envelope,
                                 NULL) != STATUS_OK) {
        return TARGET_ANSWERS;
    }
    if (envelope.failure != NULL) {
        return envelope.failure->code == STATUS_UNAVAILABLE ? TARGET_ANSWERS : TARGET_SERVES;
    }
    if (message_decode(&grpc__health__v1__health_check_response__descriptor, envelope.payload,
                       &target->arena, &response, NULL) != STATUS_OK) {
        return TARGET_ANSWERS;
    }
    bool is_serving = ((Grpc__Health__V1__HealthCheckResponse *)response)->status ==
                      GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return is_serving ? TARGET_SERVES : TARGET_ANSWERS;
}
