/* Fakes of what the worker's story stands on - consumer, store, book, stop, clock - by link seam: a
 * test program that has fakes.c has no RabbitMQ, PostgreSQL or Redis in it.
 * Every call leaves a word in fakes.told, so that a test can read the order of things. */
#pragma once

#include "broker/broker.h"
#include "shop/event_codec.h"
#include "worker/event_store.h"

#define FAKES_MAX 64

struct fakes {
    char told[4096]; /* "write(2) ack(1) settle(2) ..." */
    int64_t now_ms;
    struct clock clock;
    struct arena arena; /* of the messages made */

    /* the queue */
    struct broker_delivery queue[FAKES_MAX];
    size_t queued, delivered;
    uint64_t acknowledged; /* tag */
    uint64_t generation;
    enum status consume_status; /* of the next consume, once; the connection is lost */
    enum status ack_status;
    size_t alive; /* deliveries handed out and not freed */

    /* the store */
    enum status write_statuses[FAKES_MAX]; /* of the next writes; OK when there are no more */
    size_t writes, write_status_count;
    uint8_t lapsed; /* first byte of the event_id of a change that has; 0 = none */
    uint8_t faulty; /* first byte of the event_id that cannot be stored; 0 = none */
    enum status faulty_status;
    uint8_t stored[FAKES_MAX]; /* first bytes of event_ids, in order of their commit */
    size_t stored_count;
    char letters[FAKES_MAX][64]; /* reasons */
    size_t letter_count;
    struct book_delta deltas[4]; /* what the next write returns, once */
    size_t delta_count;
    struct book_delta left[4]; /* what a sweep finds */
    size_t left_count;
    int64_t epoch;
    struct requeued_letter requeued; /* a dead letter to be stored after all */
    enum status ready_status;
    enum status fits_status; /* for fits_looks looks, then OK; 0 = for ever */
    int fits_looks;
    bool quiet; /* workers are asked to let go */

    /* the book */
    enum status book_status;
    int64_t book_epoch;

    /* stop */
    bool stopping;
    int64_t waited_ms; /* in stop_wait, altogether */
};

extern struct fakes fakes;

void fakes_init(void);
void fakes_fini(void);
/* An event with event_id and order_id that begin with these bytes, of one line "a" x 1. */
struct bytes fakes_order(uint8_t event_id, uint8_t order_id);
struct bytes fakes_adjustment(uint8_t event_id, uint8_t entry_id, int64_t delta);
/* Queues a message of these encoded events (or, for malformed ones, any bytes as they are). */
struct broker_delivery *fakes_queue(const struct bytes *events, size_t count);
struct broker_delivery *fakes_queue_raw(struct bytes body);
/* One event a message. */
struct broker_delivery *fakes_queue_order(uint8_t event_id, uint8_t order_id);
