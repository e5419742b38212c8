/* See inbox.h. */
#include "worker/inbox.h"

#include <stdlib.h>

#define ARENA_FIRST_BYTES (1024 * 1024)
/* Decoded events take several times their encoded size; hostile ones much more. */
#define ARENA_LIMIT_BYTES (128UL * 1024 * 1024)

enum fit {
    FIT_YES,
    FIT_NEXT_BATCH,
};

static enum status take_more(struct inbox *inbox, int64_t idle_ms, bool *more_out,
                             struct failure *failure);
static enum fit admit(struct inbox *inbox, struct broker_delivery *delivery);
static enum fit admit_events(struct inbox *inbox, const struct broker_delivery *message,
                             const struct bytes *encoded, size_t count);
static void admit_letter(struct inbox *inbox, const struct broker_delivery *message,
                         struct bytes body, const struct failure *why);
static void carry(struct inbox *inbox, const struct broker_delivery *delivery);
static void start_batch(struct inbox *inbox);
static void forget(struct inbox *inbox);

static size_t capacity(const struct inbox *inbox)
{
    return inbox->limits.events_max + BROKER_MESSAGE_EVENTS_MAX;
}

bool inbox_init(struct inbox *inbox, struct broker_consumer *consumer,
                const struct batch_limits *limits, const struct clock *clock)
{
    *inbox = (struct inbox){.consumer = consumer, .limits = *limits, .clock = clock};
    arena_init(&inbox->arena, ARENA_FIRST_BYTES, ARENA_LIMIT_BYTES);
    batch_reset(&inbox->batch, limits);
    inbox->messages = calloc(limits->events_max, sizeof *inbox->messages);
    inbox->events = calloc(capacity(inbox), sizeof *inbox->events);
    inbox->letters = calloc(capacity(inbox), sizeof *inbox->letters);
    return inbox->messages != NULL && inbox->events != NULL && inbox->letters != NULL;
}

void inbox_fini(struct inbox *inbox)
{
    if (inbox->messages != NULL) {
        forget(inbox);
    }
    free(inbox->messages);
    free(inbox->events);
    free(inbox->letters);
    arena_fini(&inbox->arena);
    *inbox = (struct inbox){0};
}

enum status inbox_take(struct inbox *inbox, int64_t idle_ms, struct failure *failure)
{
    start_batch(inbox);
    bool more = true;
    if (inbox->carrying) {
        inbox->carrying = false;
        (void)admit(inbox, &inbox->carried);
        more = !inbox->parked;
    }
    while (more && !batch_is_full(&inbox->batch)) {
        enum status status = take_more(inbox, idle_ms, &more, failure);
        if (status != STATUS_OK) {
            forget(inbox);
            return status;
        }
    }
    return STATUS_OK;
}

enum status inbox_acknowledge(struct inbox *inbox, struct failure *failure)
{
    if (inbox->batch.messages == 0) {
        return STATUS_OK;
    }
    return broker_ack_up_to(inbox->consumer, inbox->messages[inbox->batch.messages - 1].tag,
                            failure);
}

void inbox_release(struct inbox *inbox)
{
    forget(inbox);
    broker_consumer_release(inbox->consumer);
}

static enum status take_more(struct inbox *inbox, int64_t idle_ms, bool *more_out,
                             struct failure *failure)
{
    int64_t now_ms = clock_monotonic_ms(inbox->clock);
    int64_t wait_ms = batch_wait_ms(&inbox->batch, now_ms, idle_ms);
    struct broker_delivery delivery;
    bool got = false;
    enum status status = broker_consume(inbox->consumer, wait_ms, &delivery, &got, failure);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t generation = broker_consumer_generation(inbox->consumer);
    if (inbox->batch.messages > 0 && generation != inbox->generation) {
        start_batch(inbox); /* what we have came over a connection that is gone */
    }
    inbox->generation = generation;
    if (!got) {
        *more_out = false;
        return STATUS_OK;
    }
    if ((delivery.parked && inbox->batch.messages > 0) ||
        admit(inbox, &delivery) == FIT_NEXT_BATCH) {
        carry(inbox, &delivery);
        *more_out = false;
        return STATUS_OK;
    }
    *more_out = !inbox->parked;
    return STATUS_OK;
}

/* What a message must be before it is worth looking into. */
static bool check_message(const struct broker_delivery *message, struct failure *failure)
{
    if (message->parked && message->delivery_count >= INBOX_PARKED_ATTEMPTS_MAX) {
        (void)failure_set(failure, STATUS_INVALID_ARGUMENT, "TOO_MANY_ATTEMPTS",
                          "given back %lld times", (long long)message->delivery_count);
        return false;
    }
    if (strcmp(message->content_type, BROKER_CONTENT_TYPE) != 0 ||
        strcmp(message->type, BROKER_EVENT_TYPE) != 0) {
        (void)failure_set(failure, STATUS_INVALID_ARGUMENT, "UNKNOWN_MESSAGE",
                          "content type '%s', type '%s'", message->content_type, message->type);
        return false;
    }
    return true;
}

static bool split(struct inbox *inbox, const struct broker_delivery *message,
                  struct bytes **encoded_out, size_t *count_out, struct failure *failure)
{
    if (!check_message(message, failure) ||
        event_codec_split(message->body, &inbox->arena, encoded_out, count_out, failure) !=
            STATUS_OK) {
        return false;
    }
    if (*count_out == 0 || *count_out > BROKER_MESSAGE_EVENTS_MAX) {
        (void)failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_EVENT",
                          "%zu events in a message; 1 to %d are allowed", *count_out,
                          BROKER_MESSAGE_EVENTS_MAX);
        return false;
    }
    return true;
}

/* Takes ownership of the message's memory unless it says FIT_NEXT_BATCH. */
static enum fit admit(struct inbox *inbox, struct broker_delivery *delivery)
{
    struct failure failure;
    struct bytes *encoded = NULL;
    size_t count = 0;
    bool readable = split(inbox, delivery, &encoded, &count, &failure);
    size_t events = readable ? count : 1;
    if (!batch_fits(&inbox->batch, events, delivery->body.size)) {
        return FIT_NEXT_BATCH;
    }
    struct broker_delivery *message = &inbox->messages[inbox->batch.messages];
    *message = *delivery;
    if (!readable) {
        admit_letter(inbox, message, message->body, &failure);
    } else if (admit_events(inbox, message, encoded, count) == FIT_NEXT_BATCH) {
        return FIT_NEXT_BATCH;
    }
    batch_add(&inbox->batch, events, delivery->body.size, clock_monotonic_ms(inbox->clock));
    inbox->parked = delivery->parked;
    return FIT_YES;
}

static enum fit admit_events(struct inbox *inbox, const struct broker_delivery *message,
                             const struct bytes *encoded, size_t count)
{
    size_t events_before = inbox->event_count;
    size_t letters_before = inbox->letter_count;
    for (size_t i = 0; i < count; i++) {
        struct failure failure;
        struct event *event;
        if (event_codec_decode(encoded[i], &inbox->arena, &event, &failure) == STATUS_OK) {
            inbox->events[inbox->event_count++] = (struct stored_event){
                .event = event, .lasting = event->restored || message->parked};
            continue;
        }
        if (strcmp(failure.reason, "MESSAGE_TOO_COMPLEX") == 0 && inbox->batch.messages > 0) {
            /* It may be the batch that fills the arena: try it alone. */
            inbox->event_count = events_before;
            inbox->letter_count = letters_before;
            return FIT_NEXT_BATCH;
        }
        admit_letter(inbox, message, encoded[i], &failure);
    }
    return FIT_YES;
}

static void admit_letter(struct inbox *inbox, const struct broker_delivery *message,
                         struct bytes body, const struct failure *why)
{
    const char *reason = arena_strdup(&inbox->arena, why->reason);
    const char *text = arena_strdup(&inbox->arena, why->message);
    inbox->letters[inbox->letter_count++] = (struct dead_letter){
        .reason = reason != NULL ? reason : "MESSAGE_TOO_COMPLEX",
        .message = text != NULL ? text : "",
        .routing_key = message->routing_key,
        .message_id = message->message_id,
        .body = body,
    };
}

static void carry(struct inbox *inbox, const struct broker_delivery *delivery)
{
    inbox->carried = *delivery;
    inbox->carrying = true;
}

/* Keeps what is carried. */
static void start_batch(struct inbox *inbox)
{
    for (size_t i = 0; i < inbox->batch.messages; i++) {
        broker_delivery_free(&inbox->messages[i]);
    }
    batch_reset(&inbox->batch, &inbox->limits);
    inbox->event_count = 0;
    inbox->letter_count = 0;
    inbox->parked = false;
    arena_reset(&inbox->arena);
}

static void forget(struct inbox *inbox)
{
    start_batch(inbox);
    if (inbox->carrying) {
        broker_delivery_free(&inbox->carried);
        inbox->carrying = false;
    }
}
