/* See event_hub_inside.h: what has happened to an order before its followers joined. */
#include <shop/v1/order_service.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "gateway/event_hub_inside.h"

#define PAGE_EVENTS 100 /* of one order: most have a handful */

struct question {
    struct event_hub *hub;
    uint64_t asker; /* a follower's number */
};

static uint64_t pick(struct event_hub *hub, char order_id[EVENT_ID_BYTES],
                     char token[EVENT_TOKEN_BYTES]);
static bool is_passing(enum status code);
static void end_one(struct event_hub *hub, uint64_t asker, const struct failure *failure);
static struct follower *find(struct event_hub *hub, uint64_t number);
static void on_timeline(const Shop__V1__ListOrderEventsResponse *response, void *question);

/* A page for each that joined since, once a round: the others are not to wait for a long one. Who
 * was asked for longest ago is first, so that one that fails again and again holds up nobody. */
void event_hub_ask_for_timelines(struct event_hub *hub)
{
    for (;;) {
        char order_id[EVENT_ID_BYTES], token[EVENT_TOKEN_BYTES];
        struct question question = {.hub = hub, .asker = pick(hub, order_id, token)};
        struct rpc_stub stub;
        if (question.asker == 0 || !event_hub_prepare(hub, &stub)) {
            return;
        }
        Shop__V1__ListOrderEventsRequest request = SHOP__V1__LIST_ORDER_EVENTS_REQUEST__INIT;
        request.order_id = order_id;
        request.page_size = PAGE_EVENTS;
        request.page_token = token;
        shop__v1__order_service__list_order_events(&stub.service, &request, on_timeline, &question);
        if (is_passing(stub.failure.code)) {
            return; /* whether the servers are away the next question says */
        }
        if (stub.failure.code != STATUS_OK) {
            end_one(hub, question.asker, &stub.failure);
        }
    }
}

/* 0 when there is none left in this round. */
static uint64_t pick(struct event_hub *hub, char order_id[EVENT_ID_BYTES],
                     char token[EVENT_TOKEN_BYTES])
{
    struct follower *picked = NULL;
    (void)pthread_mutex_lock(&hub->lock);
    for (struct follower *one = hub->followers; one != NULL; one = one->next) {
        if (one->needs_timeline && one->cursor[0] != '\0' && one->timeline_round < hub->round &&
            (picked == NULL || one->timeline_round < picked->timeline_round) &&
            event_hub_has_room(one)) {
            picked = one;
        }
    }
    uint64_t number = picked == NULL ? 0 : picked->number;
    if (picked != NULL) {
        picked->timeline_round = hub->round;
        memcpy(order_id, picked->order_id, EVENT_ID_BYTES);
        memcpy(token, picked->timeline_token, EVENT_TOKEN_BYTES);
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return number;
}

/* Asked again another time, it may go otherwise. */
static bool is_passing(enum status code)
{
    return code == STATUS_UNAVAILABLE || code == STATUS_DEADLINE_EXCEEDED ||
           code == STATUS_RESOURCE_EXHAUSTED || code == STATUS_CANCELLED;
}

/* What cannot be told is no stream: its follower comes back and is told why. */
static void end_one(struct event_hub *hub, uint64_t asker, const struct failure *failure)
{
    log_line(LOG_WARN, "an order cannot be followed", "reason", failure->reason, "message",
             failure->message, NULL);
    (void)pthread_mutex_lock(&hub->lock);
    struct follower *one = find(hub, asker);
    if (one != NULL) {
        one->needs_timeline = false;
        event_hub_end(one);
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

/* NULL when it has left. */
static struct follower *find(struct event_hub *hub, uint64_t number)
{
    struct follower *one = hub->followers;
    while (one != NULL && one->number != number) {
        one = one->next;
    }
    return one;
}

/* From where there is no room left the same page is asked for again; what was told of it is known
 * by the version. */
static void on_timeline(const Shop__V1__ListOrderEventsResponse *response, void *state)
{
    struct question *question = state;
    struct event_hub *hub = question->hub;
    if (response == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&hub->lock);
    struct follower *one = find(hub, question->asker);
    size_t told = 0;
    while (one != NULL && told < response->n_order_events) {
        struct event_frame frame = {.event = response->order_events[told], .arena = &hub->arena};
        if (!event_hub_deliver(one, &frame)) {
            break;
        }
        told++;
    }
    if (one != NULL && told == response->n_order_events) {
        one->needs_timeline = response->next_page_token[0] != '\0';
        (void)snprintf(one->timeline_token, EVENT_TOKEN_BYTES, "%s", response->next_page_token);
        hub->has_more = hub->has_more || one->needs_timeline;
    }
    (void)pthread_mutex_unlock(&hub->lock);
}
