/* See event_hub.h: the hub's thread. A round asks where the feed ends (for those who begin now),
 * for the timelines of those who joined to follow one order, a page each, then for what is new. */
#include <shop/v1/order_service.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "gateway/event_frame.h"
#include "gateway/event_hub_inside.h"

#define PAGE_EVENTS    500
#define ASK_TIMEOUT_MS 2000
#define AWAY_MS        1000 /* until the servers are asked again after they did not answer */
#define FIRST_BYTES    128

/* One question, and what its closure needs. */
struct question {
    struct event_hub *hub;
    const char *cursor; /* asked from */
    const char *head;   /* where the foremost stand; "" = this asks for it */
    char next[EVENT_CURSOR_BYTES];
};

static void play_round(struct event_hub *hub);
static void ask_for_end(struct event_hub *hub);
static void ask_for_events(struct event_hub *hub);
static void find_foremost(struct event_hub *hub, const char *below,
                          char cursor_out[EVENT_CURSOR_BYTES]);
static void on_end(const Shop__V1__FollowOrderEventsResponse *response, void *question);
static void on_events(const Shop__V1__FollowOrderEventsResponse *response, void *question);
static void begin_from_now(struct follower *follower);
static void reset_from(struct event_hub *hub, const char *cursor, const char *reason);
static void hand_out(struct follower *follower, struct event_frame *frame);
static int64_t next_round_ms(const struct event_hub *hub);

void *event_hub_run(void *state)
{
    struct event_hub *hub = state;
    (void)pthread_mutex_lock(&hub->lock);
    while (!hub->is_draining) {
        if (hub->followers == NULL) {
            (void)pthread_cond_wait(&hub->changed, &hub->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&hub->lock);
        play_round(hub);
        event_hub_care(hub, next_round_ms(hub));
        (void)pthread_mutex_lock(&hub->lock);
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return NULL;
}

/* The end of the feed comes before a timeline is read: what is in neither is in the events that
 * follow. */
static void play_round(struct event_hub *hub)
{
    hub->round++;
    hub->has_more = false;
    bool was_away = hub->is_away;
    hub->is_away = false;
    ask_for_end(hub);
    event_hub_ask_for_timelines(hub);
    ask_for_events(hub);
    if (hub->is_away != was_away) {
        log_line(hub->is_away ? LOG_WARN : LOG_INFO,
                 hub->is_away ? "events cannot be followed" : "events are followed again", NULL);
    }
}

bool event_hub_prepare(struct event_hub *hub, struct rpc_stub *stub)
{
    if (hub->is_away) {
        return false;
    }
    arena_reset(&hub->arena);
    rpc_stub_init(stub, hub->options.channel, &shop__v1__order_service__descriptor);
    stub->timeout_ms = ASK_TIMEOUT_MS;
    return true;
}

static void ask_for_end(struct event_hub *hub)
{
    struct question question = {.hub = hub, .cursor = "", .head = ""};
    bool is_needed = false;
    struct rpc_stub stub;
    (void)pthread_mutex_lock(&hub->lock);
    for (const struct follower *one = hub->followers; one != NULL; one = one->next) {
        is_needed = is_needed || one->cursor[0] == '\0';
    }
    (void)pthread_mutex_unlock(&hub->lock);
    if (!is_needed || !event_hub_prepare(hub, &stub)) {
        return;
    }
    Shop__V1__FollowOrderEventsRequest request = SHOP__V1__FOLLOW_ORDER_EVENTS_REQUEST__INIT;
    shop__v1__order_service__follow_order_events(&stub.service, &request, on_end, &question);
    hub->is_away = stub.failure.code != STATUS_OK;
}

static void on_end(const Shop__V1__FollowOrderEventsResponse *response, void *state)
{
    struct question *question = state;
    struct event_hub *hub = question->hub;
    if (response == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&hub->lock);
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        if (one->cursor[0] == '\0') {
            (void)snprintf(one->cursor, sizeof one->cursor, "%s", response->cursor);
            begin_from_now(one);
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

/* The foremost first: then it is known up to where the others can be brought in this round. */
static void ask_for_events(struct event_hub *hub)
{
    char head[EVENT_CURSOR_BYTES] = "", below[EVENT_CURSOR_BYTES] = "";
    for (;;) {
        char cursor[EVENT_CURSOR_BYTES] = "";
        struct question question = {.hub = hub, .cursor = cursor, .head = head};
        struct rpc_stub stub;
        find_foremost(hub, below, cursor);
        if (cursor[0] == '\0' || !event_hub_prepare(hub, &stub)) {
            return;
        }
        Shop__V1__FollowOrderEventsRequest request = SHOP__V1__FOLLOW_ORDER_EVENTS_REQUEST__INIT;
        request.cursor = cursor;
        request.page_size = PAGE_EVENTS;
        shop__v1__order_service__follow_order_events(&stub.service, &request, on_events, &question);
        memcpy(below, cursor, sizeof below);
        if (stub.failure.code == STATUS_OK) {
            memcpy(head, head[0] == '\0' ? question.next : head, sizeof head);
        } else if (stub.failure.code == STATUS_OUT_OF_RANGE ||
                   stub.failure.code == STATUS_INVALID_ARGUMENT) {
            reset_from(hub, cursor, stub.failure.reason);
            hub->has_more = true; /* ask at once from where */
        } else {
            hub->is_away = true;
        }
    }
}

/* Of those who can take something and stand below `below` ("" = all); "" for nobody. */
static void find_foremost(struct event_hub *hub, const char *below,
                          char cursor_out[EVENT_CURSOR_BYTES])
{
    cursor_out[0] = '\0';
    (void)pthread_mutex_lock(&hub->lock);
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        bool is_left = below[0] == '\0' || strcmp(one->cursor, below) < 0;
        if (is_left && strcmp(one->cursor, cursor_out) > 0 && !one->needs_timeline &&
            event_hub_has_room(one)) {
            memcpy(cursor_out, one->cursor, EVENT_CURSOR_BYTES);
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

/* Delivers no further than to where the foremost stand, and there they join them; who has no room
 * left stays behind the last event that it got. */
static void on_events(const Shop__V1__FollowOrderEventsResponse *response, void *state)
{
    struct question *question = state;
    struct event_hub *hub = question->hub;
    if (response == NULL) {
        return;
    }
    const char *head = question->head[0] != '\0' ? question->head : response->cursor;
    bool reaches = !response->has_more || strcmp(response->cursor, head) >= 0;
    (void)snprintf(question->next, sizeof question->next, "%s", reaches ? head : response->cursor);
    hub->has_more = hub->has_more || response->has_more;
    (void)pthread_mutex_lock(&hub->lock);
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        one->is_taking = strcmp(one->cursor, question->cursor) == 0 && !one->needs_timeline &&
                         one->stream != NULL;
    }
    for (size_t i = 0; i < response->n_order_events; i++) {
        const Shop__V1__FollowedOrderEvent *event = response->order_events[i];
        struct event_frame frame = {
            .event = event->order_event, .cursor = event->cursor, .arena = &hub->arena};
        for (struct follower *one = hub->followers; one != NULL; one = one->next) {
            if (one->is_taking && strcmp(event->cursor, head) <= 0) {
                hand_out(one, &frame);
            }
        }
    }
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        if (one->is_taking) {
            memcpy(one->cursor, question->next, sizeof one->cursor);
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

/* Where it stands moves with each event, so that it can stop behind any. */
static void hand_out(struct follower *follower, struct event_frame *frame)
{
    follower->is_taking = event_hub_deliver(follower, frame);
    if (follower->is_taking) {
        (void)snprintf(follower->cursor, sizeof follower->cursor, "%s", frame->cursor);
    }
}

/* From now on it gets every event: whoever reads this may rely on it. An id without an event is
 * where a browser comes back. */
static void begin_from_now(struct follower *follower)
{
    char text[FIRST_BYTES];
    int size = 0;
    if (follower->order_id[0] != '\0') {
        return;
    }
    if (follower->reset[0] != '\0') {
        size = snprintf(text, sizeof text, "id: %s\nevent: reset\ndata: {\"reason\": \"%s\"}\n\n",
                        follower->cursor, follower->reset);
        follower->reset[0] = '\0';
    } else {
        size = snprintf(text, sizeof text, "id: %s\n\n", follower->cursor);
    }
    event_hub_put(follower, bytes_of(text, (size_t)size));
}

/* They cannot go on from there, but from now. */
static void reset_from(struct event_hub *hub, const char *cursor, const char *reason)
{
    (void)pthread_mutex_lock(&hub->lock);
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        if (strcmp(one->cursor, cursor) == 0) {
            one->cursor[0] = '\0';
            (void)snprintf(one->reset, sizeof one->reset, "%.*s", (int)sizeof one->reset - 1,
                           reason);
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

bool event_hub_deliver(struct follower *follower, struct event_frame *frame)
{
    const Shop__V1__OrderEvent *event = frame->event;
    const char *customer_id = follower->caller.customer_id;
    bool is_of_order = follower->order_id[0] != '\0';
    bool is_wanted = is_of_order
                         ? strcmp(follower->order_id, event->order_id) == 0 &&
                               event->version > follower->after_version
                         : customer_id[0] == '\0' || strcmp(customer_id, event->customer_id) == 0;
    if (!is_wanted) {
        return true;
    }
    if (!event_hub_has_room(follower)) {
        return false;
    }
    struct bytes text = is_of_order ? event_frame_of_order(frame) : event_frame_of_feed(frame);
    if (text.size == 0) { /* no memory: nothing is left out, it comes back and asks again */
        event_hub_end(follower);
        return false;
    }
    if (is_of_order) {
        follower->after_version = event->version;
    }
    event_hub_put(follower, text);
    return true;
}

void event_hub_put(struct follower *follower, struct bytes bytes)
{
    if (follower->stream == NULL || bytes.size == 0) {
        return;
    }
    follower->written_ms = clock_monotonic_ms(follower->hub->options.clock);
    if (!http_stream_write(follower->stream, bytes)) {
        follower->stream = NULL;
    }
}

static int64_t next_round_ms(const struct event_hub *hub)
{
    int64_t pause_ms = hub->is_away ? AWAY_MS : hub->options.poll_ms;
    return clock_monotonic_ms(hub->options.clock) + (hub->has_more ? 0 : pause_ms);
}
