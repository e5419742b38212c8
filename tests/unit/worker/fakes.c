/* See fakes.h. */
#include "tests/unit/worker/fakes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/stop.h"
#include "tests/cmocka_all.h"

struct fakes fakes;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    size_t used = strlen(fakes.told);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fakes.told + used, sizeof fakes.told - used, format, arguments);
    va_end(arguments);
}

/* ---- clock and stop ---- */

static int64_t fake_monotonic_us(void *state)
{
    (void)state;
    return fakes.now_ms * 1000;
}

static void fake_random(void *state, void *out, size_t size)
{
    (void)state;
    memset(out, 0x55, size);
}

bool stop_requested(void)
{
    return fakes.stopping;
}

bool stop_wait(int64_t timeout_ms)
{
    fakes.now_ms += timeout_ms;
    fakes.waited_ms += timeout_ms;
    return fakes.stopping;
}

void fakes_init(void)
{
    memset(&fakes, 0, sizeof fakes);
    fakes.now_ms = 1000000;
    fakes.clock = (struct clock){
        .monotonic_us = fake_monotonic_us, .unix_us = fake_monotonic_us, .random = fake_random};
    fakes.generation = 1;
    fakes.epoch = 1;
    arena_init(&fakes.arena, 65536, 64 << 20);
}

void fakes_fini(void)
{
    arena_fini(&fakes.arena);
    assert_int_equal(fakes.alive, 0);
}

/* ---- messages ---- */

struct bytes fakes_order(uint8_t event_id, uint8_t order_id)
{
    struct order_line line = {.product_id = "a", .quantity = 1, .has_price = true};
    struct event event = {
        .kind = EVENT_ORDER_CREATED,
        .event_id = {{event_id}},
        .event_time_us = 1700000000000000,
        .epoch = 1,
        .actor = "test",
        .call_id = "",
        .order = {.order_id = {{order_id}},
                  .customer_id = "c",
                  .state = ORDER_CONFIRMED,
                  .lines = &line,
                  .line_count = 1,
                  .currency = "EUR",
                  .create_time_us = 1700000000000000,
                  .placed_time_us = 1700000000000000,
                  .order_ref = "",
                  .version = 1},
    };
    struct bytes encoded = event_codec_encode(&event, &fakes.arena);
    assert_non_null(encoded.data);
    return encoded;
}

struct bytes fakes_adjustment(uint8_t event_id, uint8_t entry_id, int64_t delta)
{
    struct event event = {
        .kind = EVENT_STOCK_ADJUSTED,
        .event_id = {{event_id}},
        .event_time_us = 1700000000000000,
        .epoch = 1,
        .actor = "test",
        .call_id = "",
        .adjustment = {.adjustment_id = {{entry_id}},
                       .product_id = "a",
                       .delta = delta,
                       .reason = "counted",
                       .reference = ""},
    };
    struct bytes encoded = event_codec_encode(&event, &fakes.arena);
    assert_non_null(encoded.data);
    return encoded;
}

struct broker_delivery *fakes_queue_raw(struct bytes body)
{
    assert_true(fakes.queued < FAKES_MAX);
    struct broker_delivery *delivery = &fakes.queue[fakes.queued++];
    *delivery = (struct broker_delivery){.tag = fakes.queued, .body = body};
    (void)snprintf(delivery->content_type, sizeof delivery->content_type, BROKER_CONTENT_TYPE);
    (void)snprintf(delivery->type, sizeof delivery->type, BROKER_EVENT_TYPE);
    (void)snprintf(delivery->routing_key, sizeof delivery->routing_key, "order.created");
    (void)snprintf(delivery->message_id, sizeof delivery->message_id, "m%zu", fakes.queued);
    return delivery;
}

struct broker_delivery *fakes_queue(const struct bytes *events, size_t count)
{
    return fakes_queue_raw(event_codec_join(events, count, &fakes.arena));
}

struct broker_delivery *fakes_queue_order(uint8_t event_id, uint8_t order_id)
{
    struct bytes event = fakes_order(event_id, order_id);
    return fakes_queue(&event, 1);
}

/* ---- consumer ---- */

enum status broker_consume(struct broker_consumer *consumer, int64_t timeout_ms,
                           struct broker_delivery *delivery_out, bool *got_out,
                           struct failure *failure)
{
    (void)consumer;
    if (fakes.consume_status != STATUS_OK) {
        enum status status = fakes.consume_status;
        fakes.consume_status = STATUS_OK;
        fakes.generation++;
        fakes.delivered = fakes.acknowledged; /* the broker's again */
        return failure_set(failure, status, "BROKER_UNAVAILABLE", "fake");
    }
    *got_out = fakes.delivered < fakes.queued;
    if (!*got_out) {
        fakes.now_ms += timeout_ms;
        return STATUS_OK;
    }
    *delivery_out = fakes.queue[fakes.delivered++];
    delivery_out->memory = malloc(1);
    fakes.alive++;
    return STATUS_OK;
}

void broker_delivery_free(struct broker_delivery *delivery)
{
    assert_non_null(delivery->memory);
    free(delivery->memory);
    delivery->memory = NULL;
    fakes.alive--;
}

void broker_consumer_idle(struct broker_consumer *consumer)
{
    (void)consumer;
    tell("idle ");
}

enum status broker_ack_up_to(struct broker_consumer *consumer, uint64_t tag,
                             struct failure *failure)
{
    (void)consumer;
    tell("ack(%llu) ", (unsigned long long)tag);
    if (fakes.ack_status != STATUS_OK) {
        return failure_set(failure, fakes.ack_status, "BROKER_UNAVAILABLE", "fake");
    }
    fakes.acknowledged = tag;
    return STATUS_OK;
}

uint64_t broker_consumer_generation(const struct broker_consumer *consumer)
{
    (void)consumer;
    return fakes.generation;
}

void broker_consumer_release(struct broker_consumer *consumer)
{
    (void)consumer;
    tell("release ");
    fakes.generation++;
    fakes.delivered = fakes.acknowledged;
}

/* ---- store ---- */

static bool is_stored(uint8_t event_id)
{
    for (size_t i = 0; i < fakes.stored_count; i++) {
        if (fakes.stored[i] == event_id) {
            return true;
        }
    }
    return false;
}

static enum status next_status(const struct event_write *write)
{
    size_t at = fakes.writes++;
    if (at < fakes.write_status_count && fakes.write_statuses[at] != STATUS_OK) {
        return fakes.write_statuses[at];
    }
    for (size_t i = 0; i < write->event_count; i++) {
        if (write->events[i].event->event_id.bytes[0] == fakes.faulty && fakes.faulty != 0) {
            return fakes.faulty_status;
        }
    }
    return STATUS_OK;
}

enum status event_store_write(struct event_store *store, struct event_write *write,
                              struct failure *failure)
{
    (void)store;
    enum status status = next_status(write);
    tell(write->letter_count > 0 ? "write(%zu+%zu)%s " : "write(%zu)%.0zu%s ", write->event_count,
         write->letter_count, status == STATUS_OK ? "" : "!");
    if (status != STATUS_OK) {
        return failure_set(failure, status,
                           status == STATUS_FAILED_PRECONDITION ? "CONSTRAINT" : "FAKE", "fake");
    }
    for (size_t i = 0; i < write->event_count; i++) {
        uint8_t event_id = write->events[i].event->event_id.bytes[0];
        bool lapsed = event_id == fakes.lapsed && fakes.lapsed != 0;
        write->events[i].outcome = lapsed                ? EVENT_LAPSED
                                   : is_stored(event_id) ? EVENT_DUPLICATE
                                                         : EVENT_STORED;
        if (!lapsed && !is_stored(event_id)) {
            fakes.stored[fakes.stored_count++] = event_id;
        }
    }
    for (size_t i = 0; i < write->letter_count; i++) {
        (void)snprintf(fakes.letters[fakes.letter_count++], sizeof fakes.letters[0], "%s",
                       write->letters[i].reason);
    }
    if (write->letter_id != 0) {
        assert_int_equal(write->letter_id, fakes.requeued.letter_id);
        assert_int_equal(write->events[0].held, fakes.requeued.held);
        assert_true(write->events[0].lasting);
        fakes.requeued = (struct requeued_letter){0};
    }
    write->epoch = fakes.epoch;
    write->deltas = fakes.deltas;
    write->delta_count = fakes.delta_count;
    fakes.delta_count = 0;
    return STATUS_OK;
}

enum status event_store_fits(struct event_store *store, struct failure *failure)
{
    (void)store;
    tell("fits ");
    enum status status = fakes.fits_status;
    if (fakes.fits_looks > 0 && --fakes.fits_looks == 0) {
        fakes.fits_status = STATUS_OK;
    }
    return status == STATUS_OK ? STATUS_OK : failure_set(failure, status, "FAKE", "fake");
}

enum status event_store_ready(struct event_store *store, bool *quiet_out, struct failure *failure)
{
    (void)store;
    *quiet_out = fakes.quiet;
    tell("ready ");
    return fakes.ready_status == STATUS_OK
               ? STATUS_OK
               : failure_set(failure, fakes.ready_status, "FAKE", "fake");
}

enum status event_store_fold(struct event_store *store, size_t most, struct event_write *write,
                             struct failure *failure)
{
    (void)store;
    (void)most;
    (void)failure;
    *write = (struct event_write){0};
    return STATUS_OK;
}

enum status event_store_forget_deltas(struct event_store *store, const struct book_delta *deltas,
                                      size_t count, struct failure *failure)
{
    (void)store;
    (void)deltas;
    (void)failure;
    tell("forget(%zu) ", count);
    return STATUS_OK;
}

enum status event_store_sweep_begin(struct event_store *store, int64_t age_ms, size_t most,
                                    struct event_sweep *sweep_out, struct failure *failure)
{
    (void)store;
    (void)age_ms;
    (void)most;
    (void)failure;
    *sweep_out =
        (struct event_sweep){.epoch = fakes.epoch, .deltas = fakes.left, .count = fakes.left_count};
    return STATUS_OK;
}

enum status event_store_sweep_end(struct event_store *store, bool applied, struct failure *failure)
{
    (void)store;
    (void)failure;
    if (fakes.left_count > 0) {
        tell("swept(%d) ", applied);
    }
    if (applied) {
        fakes.left_count = 0;
    }
    return STATUS_OK;
}

enum status event_store_next_letter(struct event_store *store, struct requeued_letter *letter_out,
                                    struct failure *failure)
{
    (void)store;
    (void)failure;
    *letter_out = fakes.requeued;
    return STATUS_OK;
}

enum status event_store_return_letter(struct event_store *store, int64_t letter_id,
                                      const struct failure *why, struct failure *failure)
{
    (void)store;
    (void)failure;
    tell("return(%lld:%s) ", (long long)letter_id, why->reason);
    fakes.requeued = (struct requeued_letter){0};
    return STATUS_OK;
}

const char *event_store_detail(const struct event_store *store)
{
    (void)store;
    return "";
}

/* ---- book ---- */

static enum status book_answer(struct failure *failure)
{
    return fakes.book_status == STATUS_OK ? STATUS_OK
                                          : failure_set(failure, fakes.book_status, "FAKE", "fake");
}

void book_set_epoch(struct book *book, int64_t epoch)
{
    (void)book;
    fakes.book_epoch = epoch;
}

int64_t book_epoch(const struct book *book)
{
    (void)book;
    return fakes.book_epoch;
}

enum status book_settle(struct book *book, const struct book_settled *settled, size_t count,
                        struct bytes batch, struct failure *failure)
{
    (void)book, (void)batch;
    tell("settle(");
    for (size_t i = 0; i < count; i++) {
        tell("%s%u:%u", i > 0 ? "," : "", settled[i].event_id.bytes[0],
             settled[i].record_id.bytes[0]);
    }
    tell(") ");
    return book_answer(failure);
}

enum status book_apply(struct book *book, const struct book_delta *deltas, size_t count,
                       struct failure *failure)
{
    (void)book;
    assert_int_equal(fakes.book_epoch, fakes.epoch);
    tell("apply(");
    for (size_t i = 0; i < count; i++) {
        tell("%s%lld", i > 0 ? "," : "", (long long)deltas[i].quantity);
    }
    tell(") ");
    return book_answer(failure);
}
