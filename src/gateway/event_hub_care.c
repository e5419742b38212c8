/* See event_hub_inside.h: what followers need besides events. */
#include <string.h>

#include "base/log.h"
#include "base/wait.h"
#include "gateway/event_hub_inside.h"

#define ROOM_BYTES       (HTTP_STREAM_BYTES_MAX / 2) /* untaken: more, and the next event waits */
#define ROOM_AGAIN_BYTES (ROOM_BYTES / 2) /* until so much was taken: a trickle is not enough */
#define TICK_MS          100              /* how late a comment or a cut may be */
#define TICK_BEHIND_MS   10   /* while somebody leaves no room: until it is looked again */
#define CHECK_MS         1000 /* how long a stream may outlive its credential */
#define CHECKS_AT_ONCE   16   /* under one hold of the lock: a token's signature takes its time */

static void keep_alive(struct event_hub *hub, int64_t now_ms);
static bool look_for_room(struct event_hub *hub, int64_t now_ms);
static bool check_callers(struct event_hub *hub, int64_t now_ms);
static bool is_admitted(struct event_hub *hub, const struct follower *follower);
static bool is_behind(const struct event_hub *hub);

void event_hub_care(struct event_hub *hub, int64_t until_ms)
{
    (void)pthread_mutex_lock(&hub->lock);
    uint64_t joined = hub->joined;
    while (!hub->is_draining) {
        int64_t now_ms = clock_monotonic_ms(hub->options.clock);
        keep_alive(hub, now_ms);
        bool has_room_again = look_for_room(hub, now_ms);
        if (!check_callers(hub, now_ms)) {
            (void)pthread_mutex_unlock(&hub->lock);
            (void)pthread_mutex_lock(&hub->lock);
            continue;
        }
        if (has_room_again || now_ms >= until_ms || hub->joined != joined) {
            break;
        }
        int64_t tick_ms = is_behind(hub) ? TICK_BEHIND_MS : TICK_MS;
        struct timespec until =
            wait_deadline(until_ms - now_ms < tick_ms ? until_ms - now_ms : tick_ms);
        (void)pthread_cond_timedwait(&hub->changed, &hub->lock, &until);
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

static void keep_alive(struct event_hub *hub, int64_t now_ms)
{
    static const char HEARTBEAT[] = ":\n\n";
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        if (one->written_ms + hub->options.heartbeat_ms <= now_ms) {
            event_hub_put(one, bytes_of(HEARTBEAT, sizeof HEARTBEAT - 1));
        }
    }
}

/* True when somebody has room again. Who had none for too long is cut off. */
static bool look_for_room(struct event_hub *hub, int64_t now_ms)
{
    bool has_room_again = false;
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        if (one->stream == NULL || one->behind_ms == 0) {
            continue;
        }
        if (event_hub_has_room(one)) {
            has_room_again = true;
        } else if (now_ms - one->behind_ms >= hub->options.slow_ms) {
            http_stream_cut(one->stream);
            one->stream = NULL;
        }
    }
    return has_room_again;
}

bool event_hub_has_room(struct follower *follower)
{
    if (follower->stream == NULL) {
        return false;
    }
    size_t most = follower->behind_ms == 0 ? ROOM_BYTES : ROOM_AGAIN_BYTES;
    bool has_room = http_stream_untaken(follower->stream) < most;
    if (has_room) {
        follower->behind_ms = 0;
    } else if (follower->behind_ms == 0) {
        follower->behind_ms = clock_monotonic_ms(follower->hub->options.clock);
    }
    return has_room;
}

static bool is_behind(const struct event_hub *hub)
{
    for (const struct follower *one = hub->followers; one != NULL; one = one->next) {
        if (one->stream != NULL && one->behind_ms != 0) {
            return true;
        }
    }
    return false;
}

/* A key that was revoked, a token that has expired: whoever followed with it comes back, and is
 * told so then. False when some are left to be checked. */
static bool check_callers(struct event_hub *hub, int64_t now_ms)
{
    size_t checks = 0;
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        if (hub->options.callers == NULL || one->stream == NULL ||
            one->checked_ms + CHECK_MS > now_ms) {
            continue;
        }
        if (checks++ == CHECKS_AT_ONCE) {
            return false;
        }
        one->checked_ms = now_ms;
        if (!is_admitted(hub, one)) {
            event_hub_end(one);
        }
    }
    return true;
}

static bool is_admitted(struct event_hub *hub, const struct follower *follower)
{
    struct caller caller;
    struct failure failure;
    arena_reset(&hub->arena);
    if (callers_admit(hub->options.callers, follower->credential, follower->method, &hub->arena,
                      &caller, &failure) != STATUS_OK) {
        log_line(LOG_INFO, "a stream has ended with its credential", "caller",
                 follower->caller.name, "reason", failure.reason, NULL);
        return false;
    }
    return strcmp(caller.customer_id, follower->caller.customer_id) == 0;
}
